import { expect, it } from "vitest";
import { nextSpanSort, readSpanSort, SPAN_SORTS, sortedSpans } from "./span-table";
import { timedTree } from "./trace-shapes";
import { buildTree } from "./waterfall";

it("a column is sorted one way, the other way, and again", () => {
  expect(readSpanSort(null)).toEqual({ by: "start", isDown: false });
  expect(readSpanSort("duration")).toEqual({ by: "duration", isDown: true });
  expect(readSpanSort("-duration")).toEqual({ by: "duration", isDown: false });
  expect(readSpanSort("nonsense")).toEqual({ by: "start", isDown: false });
  expect(nextSpanSort(null, "duration")).toBe("duration");
  expect(nextSpanSort("duration", "duration")).toBe("-duration");
  expect(nextSpanSort("-duration", "duration")).toBe("duration");
  expect(nextSpanSort("name", "start")).toBeNull();
});

it.each(SPAN_SORTS)("by %s every span is there once and in order", (by) => {
  const spans = timedTree(150, 3);
  const tree = buildTree(spans, []);
  for (const isDown of [false, true]) {
    const order = [...sortedSpans(spans, tree, ["a", "b"], { by, isDown })];
    expect(new Set(order).size).toBe(150);
    if (by !== "duration") continue;
    for (let i = 1; i < 150; i++) expect(((spans.duration_ns[order[i] ?? 0] ?? 0) - (spans.duration_ns[order[i - 1] ?? 0] ?? 0)) * (isDown ? -1 : 1)).toBeGreaterThanOrEqual(0);
  }
});
