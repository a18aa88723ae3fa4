import { expect, it } from "vitest";
import type { HistoryView } from "../api/issue-types";
import { asked, barWords, perStep, releaseMarks, shortRelease, ticks } from "./history";

const HOUR = 3_600_000;
const start = new Date(2026, 10, 21, 0).getTime();
const hours: HistoryView = { unit: "hour", start_ms: start, step_ms: HOUR, counts: [0, 1204, 1], is_partial: false, releases: [{ version: "shop@1.4.2", at_ms: start + HOUR + 5 }, { version: "old", at_ms: start - 1 }] };

it("a bar says when, how many and what was new", () => {
  expect(barWords(hours, 1)).toBe("2026-11-21 01:00 – 02:00: 1\u202f204 events; first seen: shop@1.4.2");
  expect(barWords(hours, 2)).toBe("2026-11-21 02:00 – 03:00: 1 event");
  expect(barWords({ ...hours, step_ms: 24 * HOUR }, 0)).toBe("2026-11-21: 0 events; first seen: shop@1.4.2");
});

it("finer steps the shorter it is, and all of it from a little before it began", () => {
  const now = 1000 * HOUR;
  const of = (over: Partial<Parameters<typeof asked>[0]>, first = 0) => asked({ range: "all", from: null, to: null, ...over }, first, now);
  const units = (...all: ReturnType<typeof of>[]) => all.map(({ unit, from }) => `${unit} ${from}`);
  expect(units(of({ range: "1h" }), of({ range: "24h" }), of({ range: "24h" }, 977 * HOUR), of({ range: "14d" }), of({ range: "14d" }, 999 * HOUR))).toEqual(["minute undefined", "hour undefined", "five_minutes undefined", "day undefined", "day undefined"]);
  const stretch = (hours: number) => of({ from: 0, to: hours * HOUR }).unit;
  expect([1, 1.99, 2, 23.99, 24, 72, 73].map(stretch)).toEqual(["minute", "minute", "five_minutes", "five_minutes", "hour", "hour", "day"]);
  expect(units(of({ from: 990 * HOUR }), of({ to: 5 * HOUR }, HOUR), of({ from: 999 * HOUR }))).toEqual(["five_minutes undefined", "five_minutes undefined", "minute undefined"]);
  expect(of({}, 960 * HOUR)).toEqual({ unit: "hour", from: String(956 * HOUR) });
  expect(of({}, 100 * HOUR)).toEqual({ unit: "day", from: String(10 * HOUR) });
  // Young ones with an hour before them.
  expect(of({}, 998 * HOUR)).toEqual({ unit: "five_minutes", from: String(997 * HOUR) });
  expect(of({}, now - 120_000)).toEqual({ unit: "minute", from: String(998 * HOUR) });
  // No more bars than the server gives.
  for (const [first, step] of [[998 * HOUR + 1, 60_000], [976 * HOUR + 1, 300_000]] as const) expect((now - Number(of({}, first).from)) / step).toBeLessThan(400);
  // A moment later it is asked for by the same words.
  for (const [first, later] of [[now - 120_000, 1], [960 * HOUR, 2], [100 * HOUR, 60_000]] as const)
    expect(asked({ range: "all", from: null, to: null }, first, now + 1 + later)).toEqual(asked({ range: "all", from: null, to: null }, first, now + 1));
});

it("a bar of some minutes says which", () => {
  const fine: HistoryView = { ...hours, unit: "five_minutes", step_ms: 300_000, releases: [{ version: "shop@1.4.2", at_ms: start + 300_000 }] };
  expect([0, 1].map((index) => barWords(fine, index))).toEqual(["2026-11-21 00:00 – 00:05: 0 events", "2026-11-21 00:05 – 00:10: 1\u202f204 events; first seen: shop@1.4.2"]);
  expect(releaseMarks(fine, 300).map(({ at }) => at)).toEqual([1 / 3]);
  expect([60_000, 300_000, HOUR, 24 * HOUR].map((step) => perStep({ step_ms: step }))).toEqual(["a minute", "in 5 minutes", "an hour", "a day"]);
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
  // By the minute and by five: on what a clock is read by.
  expect(words(80, 400, 60_000)).toEqual(["23:00", "23:15", "23:30", "23:45", "00:00"]);
  expect(words(200, 320, 60_000)).toEqual(["23:00", "00:00", "01:00"]);
  expect(words(200, 700, 300_000)).toEqual(["00:00", "02:00", "04:00", "06:00", "08:00", "10:00", "12:00", "14:00"]);
  // More than a day of them names the days where they begin.
  expect(words(320, 700, 300_000)).toEqual(["11-21", ...[2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22].map((hour) => `${String(hour).padStart(2, "0")}:00`), "11-22"]);
});
