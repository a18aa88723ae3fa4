import { expect, it } from "vitest";
import type { HeatView } from "../api/types";
import { brushOf, cells, cellWords, countIn, marks, mostOf, selectionOf, shade, SHADES } from "./heat";
import { readSelection, selectionText } from "./selection";

const view: HeatView = { from_ms: 1000, step_ms: 100, columns: 4, bounds_ns: [1e6, 1e7, 1e8, 1e9], counts: [[1, 0, 0], [0, 5, 0], [0, 90, 2], [0, 0, 0]], errors: [[0, 0, 0], [0, 1, 0], [0, 0, 2], [0, 0, 0]], total: 98, searched_to_ms: null };

it("shades rise, and nothing has none", () => {
  expect(mostOf(view)).toBe(90);
  const told = [0, 1, 2, 5, 30, 90].map((n) => shade(n, 90));
  expect(told[0]).toBe(0);
  expect(told[1]).toBeGreaterThan(0);
  expect(told[5]).toBe(SHADES);
  expect(told.toSorted((a, b) => a - b)).toEqual(told);
});

it("what is drawn is what is selected, and comes back from the address", () => {
  for (let left = 0; left < 4; left++)
    for (let right = left; right < 4; right++)
      for (let low = 0; low < 3; low++)
        for (let high = low; high < 3; high++) {
          const brush = { left, right, low, high };
          const selection = readSelection(selectionText(selectionOf(view, brush)));
          expect(selection).not.toBeNull();
          if (selection) expect(brushOf(view, selection)).toEqual(brush);
        }
  expect(countIn(view, { left: 1, right: 2, low: 1, high: 2 })).toEqual({ traces: 97, failed: 3 });
  expect(brushOf(view, { fromMs: 5000, toMs: 6000, minNs: 0, maxNs: 5 })).toBeNull();
});

it("addresses that are none select nothing", () => {
  for (const text of [null, "", "1-2", "2-1,3-4", "1-2,4-3", "a-b,c-d", "1-2,3-4,5"]) expect(readSelection(text)).toBeNull();
});

it("cells are told newest and slowest first", () => {
  expect(cells(view).map(({ column, row, count }) => [column, row, count])).toEqual([[2, 2, 2], [2, 1, 90], [1, 1, 5], [0, 0, 1]]);
  expect(cellWords(view, 2, 2)).toContain("2, 2 failed");
  expect(cellWords(view, 3, 0)).toContain("none");
});

it("the axis has round durations", () => expect(marks(view.bounds_ns).map(({ ns, share }) => [ns, Math.round(share * 100)])).toEqual([[1e6, 0], [1e7, 33], [1e8, 67], [1e9, 100]]));

it("the words of the axis are short and have room, though the map reaches over days", () => {
  const told = marks([1e5, 1e14]).map(({ words }) => words);
  expect(told).toEqual(["100\u202fµs", "1\u202fms", "10\u202fms", "100\u202fms", "1\u202fs", "10\u202fs", "1\u202fmin", "10\u202fmin", "1\u202fh", "10\u202fh"]);
  for (const bounds of [[1, 1e16], [1e3, 1e12], [1e6, 1e14]]) {
    const all = marks(bounds);
    for (const [i, { share, words }] of all.entries()) {
      expect(words.length).toBeLessThanOrEqual(6);
      expect(share - (all[i - 1]?.share ?? -1)).toBeGreaterThan(0.08);
    }
  }
});
