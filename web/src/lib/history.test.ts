import { expect, it } from "vitest";
import type { HistoryView } from "../api/issue-types";
import { asked, barWords, releaseMarks, shortRelease, ticks } from "./history";

const HOUR = 3_600_000;
const start = new Date(2026, 10, 21, 0).getTime();
const hours: HistoryView = { unit: "hour", start_ms: start, step_ms: HOUR, counts: [0, 1204, 1], is_partial: false, releases: [{ version: "shop@1.4.2", at_ms: start + HOUR + 5 }, { version: "old", at_ms: start - 1 }] };

it("a bar says when, how many and what was new", () => {
  expect(barWords(hours, 1)).toBe("2026-11-21 01:00 – 02:00: 1\u202f204 events; first seen: shop@1.4.2");
  expect(barWords(hours, 2)).toBe("2026-11-21 02:00 – 03:00: 1 event");
  expect(barWords({ ...hours, step_ms: 24 * HOUR }, 0)).toBe("2026-11-21: 0 events; first seen: shop@1.4.2");
});

it("hours for short stretches, days for long ones, and all of it from a little before it began", () => {
  const now = 1000 * HOUR;
  const of = (over: Partial<Parameters<typeof asked>[0]>, first = 0) => asked({ range: "all", from: null, to: null, ...over }, first, now);
  expect([of({ range: "24h" }), of({ range: "14d" }), of({ from: 0, to: 72 * HOUR }), of({ from: 0, to: 73 * HOUR }), of({ from: 990 * HOUR }), of({ to: 5 * HOUR }, HOUR)].map(({ unit, from }) => `${unit} ${from}`)).toEqual(["hour undefined", "day undefined", "hour undefined", "day undefined", "hour undefined", "hour undefined"]);
  expect(of({}, 998 * HOUR)).toEqual({ unit: "hour", from: String(992 * HOUR) });
  expect(of({}, 100 * HOUR)).toEqual({ unit: "day", from: String(52 * HOUR) });
});

it("marks of releases stand where they were first seen, and only names that have room are written", () => {
  const at = (share: number) => start + share * 100 * HOUR;
  const view = { ...hours, counts: Array.from({ length: 100 }, () => 1), releases: [{ version: "a", at_ms: at(0.1) }, { version: "b", at_ms: at(0.5) }, { version: "c", at_ms: at(0.55) }, { version: "d", at_ms: at(0.95) }, { version: "out", at_ms: at(1) }] };
  expect(releaseMarks(view).map(({ version, at: x, isNamed, isRight }) => [version, x, isNamed, isRight])).toEqual([["a", 0.1, true, false], ["b", 0.5, false, false], ["c", 0.55, true, false], ["d", 0.95, true, true]]);
  expect(releaseMarks({ ...view, counts: [] })).toEqual([]);
});

it("releases are short enough to stand in a chart", () => {
  expect(["shop@1.4.2", "3f9a1c0d2b4e6f80", "a-release-with-a-long-name", "x"].map(shortRelease)).toEqual(["1.4.2", "3f9a1c0", "a-release-with-…", "x"]);
});

it("the axis has at most four words", () => {
  expect(ticks({ ...hours, counts: Array.from({ length: 24 }, () => 0) }).map(({ words }) => words)).toEqual(["00:00", "06:00", "12:00", "18:00"]);
  expect(ticks({ ...hours, step_ms: 24 * HOUR, counts: [1] }).map(({ words }) => words)).toEqual(["11-21"]);
  expect(ticks({ ...hours, counts: [] })).toEqual([]);
});
