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
  expect(of({}, 960 * HOUR)).toEqual({ unit: "hour", from: String(956 * HOUR) });
  expect(of({}, 100 * HOUR)).toEqual({ unit: "day", from: String(10 * HOUR) });
  // Young ones with the hours before them: a day of bars.
  expect(of({}, 998 * HOUR)).toEqual({ unit: "hour", from: String(977 * HOUR) });
  expect(of({}, now - 120_000)).toEqual({ unit: "hour", from: String(977 * HOUR) });
  // A moment later it is asked for by the same words.
  for (const [first, later] of [[now - 120_000, 1], [960 * HOUR, 2], [100 * HOUR, 60_000]] as const)
    expect(asked({ range: "all", from: null, to: null }, first, now + 1 + later)).toEqual(asked({ range: "all", from: null, to: null }, first, now + 1));
});

const at = (share: number) => start + share * 100 * HOUR;
const hundred = { ...hours, counts: Array.from({ length: 100 }, () => 1) };

it("marks of releases stand where they were first seen; names without room are told by the next one", () => {
  const view = { ...hundred, releases: [{ version: "a", at_ms: at(0.1) }, { version: "b", at_ms: at(0.5) }, { version: "c", at_ms: at(0.505) }, { version: "d", at_ms: at(0.51) }, { version: "e", at_ms: at(0.99) }, { version: "out", at_ms: at(1) }] };
  const told = (px: number) => releaseMarks(view, px).map(({ version, label, isLeft, others }) => `${version} ${label ?? "-"}${isLeft ? " left" : ""}${others.length > 0 ? ` +${others}` : ""}`);
  // Names may stand to both sides of their marks.
  expect(told(1000)).toEqual(["a a", "b -", "c c left +b", "d d", "e e left"]);
  expect(releaseMarks({ ...view, counts: [] }, 1000)).toEqual([]);
});

it("no name of a release reaches over an edge of the chart, whatever its width", () => {
  for (const px of [280, 366, 700])
    for (const share of [0, 0.2, 0.5, 0.8, 0.97, 0.999]) {
      const [mark] = releaseMarks({ ...hundred, releases: [{ version: "webshop-frontend@2026.11.3-rc.1+build.20261121.long", at_ms: at(share) }] }, px);
      if (!mark?.label) continue;
      const long = mark.label.length * 6.7 + 6;
      const from = mark.isLeft ? share * px - long : share * px;
      expect(from).toBeGreaterThanOrEqual(0);
      expect(from + long).toBeLessThanOrEqual(px);
    }
});

it("releases are short enough to stand in a chart", () => {
  expect(["shop@1.4.2", "3f9a1c0d2b4e6f80", "a-release-with-a-long-name", "x"].map(shortRelease)).toEqual(["1.4.2", "3f9a1c0", "a-release-with-…", "x"]);
});

it("words of the axis are equally far apart, on whole hours, and have room", () => {
  const words = (size: number, px: number, step = HOUR) => ticks({ start_ms: start - HOUR, step_ms: step, counts: Array.from({ length: size }, () => 0) }, px).map(({ words: text }) => text);
  expect(words(7, 1000)).toEqual(["23:00", "00:00", "01:00", "02:00", "03:00", "04:00", "05:00"]);
  expect(words(24, 600)).toEqual(["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]);
  expect(words(48, 300)).toEqual(["11-21", "11-22"]);
  expect(words(8, 320, 24 * HOUR)).toEqual(["11-20", "11-22", "11-24", "11-26"]);
  expect(ticks({ ...hours, counts: [] }, 300)).toEqual([]);
});
