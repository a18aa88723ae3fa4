import { expect, it } from "vitest";
import { bySpan, criticalPath, mainRoot, piecesWithin } from "./critical-path";
import { columns, timedTree } from "./trace-shapes";
import { buildTree } from "./waterfall";

it.each(Array.from({ length: 40 }, (_, seed) => seed + 1))("covers the root from its first moment to its last, without a gap or an overlap (seed %d)", (seed) => {
  const spans = timedTree(120, seed);
  const tree = buildTree(spans, []);
  const root = mainRoot(spans, tree);
  const pieces = criticalPath(spans, tree);
  const start = spans.start_ns[root] ?? 0;
  const end = start + (spans.duration_ns[root] ?? 0);
  let reached = start;
  for (const { span, fromNs, toNs } of pieces) {
    expect(fromNs).toBe(reached);
    expect(toNs).toBeGreaterThan(fromNs);
    expect(fromNs).toBeGreaterThanOrEqual(spans.start_ns[span] ?? 0);
    expect(toNs).toBeLessThanOrEqual((spans.start_ns[span] ?? 0) + (spans.duration_ns[span] ?? 0));
    reached = toNs;
  }
  expect(reached).toBe(end);
  // Only what is below the root, and each span's pieces are those that are told of it.
  const path = bySpan(pieces);
  for (const { span } of pieces) {
    let at = span;
    while (at !== root && at >= 0) at = spans.parent[at] ?? -1;
    expect(at).toBe(root);
  }
  for (let span = 0; span < tree.size; span++) {
    expect(piecesWithin(path, span, span + 1)).toEqual(pieces.filter((piece) => piece.span === span));
    const below = piecesWithin(path, span, tree.end[span] ?? 0);
    const wanted = pieces.filter((piece) => piece.span >= span && piece.span < (tree.end[span] ?? 0));
    expect(below.reduce((sum, piece) => sum + piece.toNs - piece.fromNs, 0)).toBe(wanted.reduce((sum, piece) => sum + piece.toNs - piece.fromNs, 0));
    for (let i = 1; i < below.length; i++) if (tree.end[span] !== span + 1) expect(below[i]?.fromNs).toBeGreaterThan(below[i - 1]?.toNs ?? 0);
  }
});

it("waits for the child that ended last, and for what came before it", () => {
  //  0 ──────────────────────── 100
  //    1 10──40   2 30────────90
  //               3  50──60
  const spans = columns([
    { parent: -1, start: 0, duration: 100 },
    { parent: 0, start: 10, duration: 30 },
    { parent: 0, start: 30, duration: 60 },
    { parent: 2, start: 50, duration: 10 },
  ]);
  const told = criticalPath(spans, buildTree(spans, [])).map(({ span, fromNs, toNs }) => `${span}:${fromNs}-${toNs}`);
  expect(told).toEqual(["0:0-10", "1:10-30", "2:30-50", "3:50-60", "2:60-90", "0:90-100"]);
});

it("what goes on after the answer was not waited for to its end", () => {
  const spans = columns([{ parent: -1, start: 0, duration: 100 }, { parent: 0, start: 90, duration: 500 }, { parent: 0, start: 200, duration: 10 }]);
  expect(criticalPath(spans, buildTree(spans, []))).toEqual([{ span: 0, fromNs: 0, toNs: 90 }, { span: 1, fromNs: 90, toNs: 100 }]);
});

it("is nothing without spans or without time", () => {
  const none = columns([]);
  expect(criticalPath(none, buildTree(none, []))).toEqual([]);
  const instant = columns([{ parent: -1, duration: 0 }, { parent: 0, duration: 5 }]);
  expect(criticalPath(instant, buildTree(instant, []))).toEqual([]);
});

it("a closed row stands for all below it", () => {
  const pieces = [{ span: 0, fromNs: 0, toNs: 5 }, { span: 2, fromNs: 5, toNs: 7 }, { span: 3, fromNs: 7, toNs: 9 }, { span: 5, fromNs: 9, toNs: 10 }];
  expect(piecesWithin(bySpan(pieces), 2, 4)).toEqual([{ span: 2, fromNs: 5, toNs: 9 }]);
});

it("a chain of 50 000 is no deeper than the stack", () => {
  const spans = columns(Array.from({ length: 50_000 }, (_, i) => ({ parent: i - 1, start: i, duration: 200_000 - 2 * i })));
  const pieces = criticalPath(spans, buildTree(spans, []));
  expect(pieces[0]?.fromNs).toBe(0);
  expect(pieces[pieces.length - 1]?.toNs).toBe(200_000);
});
