import { describe, expect, it } from "vitest";
import type { SpanColumns, TraceErrorView } from "../api/types";
import { columns, error, seeded, type Spec, timedTree } from "./trace-shapes";
import { buildTree, childrenOf, clampZoom, find, foldAll, freeStretch, kindOf, layout, movedServices, movedWords, nearestRow, readZoom, reveal, rowAt, ticks, timeByKind, troublesBelow, uncovered, unfoldAll, zoomBy, zoomText, zoomTo } from "./waterfall";

const nothing = { closed: new Set<number>(), openGroups: new Set<number>() };

/** A depth-first tree of `n` spans; the seed decides its shape. */
function randomTree(n: number, seed: number): SpanColumns {
  const random = seeded(seed);
  const path: number[] = [];
  const specs: Spec[] = [];
  for (let i = 0; i < n; i++) {
    while (path.length > 0 && random() < 0.45) path.pop();
    specs.push({ parent: path[path.length - 1] ?? -1, name: `n${Math.floor(random() * 3)}`, op: "db" });
    path.push(i);
  }
  return columns(specs);
}

describe("tree", () => {
  it.each([1, 2, 3, 4])("every span is the child of its parent, once, and subtrees are stretches (seed %d)", (seed) => {
    const spans = timedTree(300, seed);
    const tree = buildTree(spans, []);
    const seen = new Set<number>();
    for (let parent = 0; parent <= 300; parent++)
      for (const child of childrenOf(tree, parent)) {
        expect(seen.has(child)).toBe(false);
        seen.add(child);
        expect(spans.parent[child]).toBe(parent === 300 ? -1 : parent);
      }
    expect(seen.size).toBe(300);
    const isBelow = (i: number, above: number) => {
      for (let at = spans.parent[i] ?? -1; at >= 0; at = spans.parent[at] ?? -1) if (at === above) return true;
      return false;
    };
    for (const above of [0, 5, 17, 120]) {
      const below = spans.span_id.flatMap((_, i) => (isBelow(i, above) ? [i] : []));
      expect(below).toEqual(Array.from({ length: (tree.end[above] ?? 0) - above - 1 }, (_, i) => above + 1 + i));
      expect(troublesBelow(tree, above)).toBe(below.filter((i) => spans.status[i] === "error").length);
    }
  });

  it.each([1, 2, 3])("what no child covers is the span's own time, moment by moment (seed %d)", (seed) => {
    const random = seeded(seed);
    const specs: Spec[] = [{ parent: -1, start: 20, duration: 60 }];
    for (let i = 0; i < 6; i++) specs.push({ parent: 0, start: Math.floor(random() * 100), duration: Math.floor(random() * 30) });
    const spans = columns(specs);
    const tree = buildTree(spans, []);
    let own = 0;
    for (let ns = 20; ns < 80; ns++) if (!specs.slice(1).some(({ start = 0, duration = 0 }) => start <= ns && ns < start + duration)) own += 1;
    expect(tree.selfNs[0]).toBe(own);
    expect(uncovered(spans, tree, 0).reduce((sum, [from, to]) => sum + to - from, 0)).toBe(own);
  });
});

describe("layout", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("draws every span once, parents before children (seed %d)", (seed) => {
    const spans = randomTree(400, seed);
    const tree = buildTree(spans, [error(3), error(-1)]);
    const all = { closed: new Set<number>(), openGroups: new Set(tree.members.keys()) };
    const rows = layout(tree, spans, all);
    const at = new Map<number, number>();
    for (const [index, row] of rows.entries()) {
      if (row.type === "span") {
        expect(at.has(row.span)).toBe(false);
        at.set(row.span, index);
        const parent = spans.parent[row.span] ?? -1;
        if (parent >= 0) expect(at.get(parent)).toBeLessThan(index);
      }
      expect(row.parentRow).toBeLessThan(index);
      if (row.parentRow >= 0) expect(rows[row.parentRow]?.depth).toBe(row.depth - 1);
    }
    expect(at.size).toBe(400);
    expect(rows.filter((row) => row.type === "error")).toHaveLength(2);
  });

  it.each([1, 2, 3])("folded, every span is a row, in a group, or below one that is folded (seed %d)", (seed) => {
    const spans = randomTree(400, seed);
    const tree = buildTree(spans, []);
    const drawn = new Set<number>();
    for (const row of layout(tree, spans, nothing)) for (const i of row.type === "group" ? row.members : row.type === "span" ? [row.span] : []) {
      expect(drawn.has(i)).toBe(false);
      drawn.add(i);
    }
    for (let i = 0; i < 400; i++) {
      let above = i;
      while (above >= 0 && !drawn.has(above)) above = spans.parent[above] ?? -1;
      expect(above).toBeGreaterThanOrEqual(0);
    }
  });

  it("folds five alike, not four", () => {
    const alike = (n: number) => columns([{ parent: -1 }, ...Array.from({ length: n }, () => ({ parent: 0, name: "SELECT", op: "db", duration: 7 }))]);
    const five = alike(5);
    const rows = layout(buildTree(five, []), five, nothing);
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatchObject({ type: "group", totalNs: 35, members: [1, 2, 3, 4, 5] });
    const four = alike(4);
    expect(layout(buildTree(four, []), four, nothing)).toHaveLength(5);
  });

  it("an error stands behind the siblings that had started before it", () => {
    const spans = columns([{ parent: -1, start: 0 }, { parent: 0, start: 10 }, { parent: 1, start: 12 }, { parent: 0, start: 30 }]);
    const told = (errors: TraceErrorView[]) => layout(buildTree(spans, errors), spans, nothing).map((row) => (row.type === "error" ? `e${row.error}@${row.depth}` : `${row.span}`)).join(" ");
    expect(told([error(0, 20)])).toBe("0 1 2 e0@1 3");
    expect(told([error(0, 99), error(0, 5)])).toBe("0 e1@1 1 2 3 e0@1");
    expect(told([error(0, 30), error(2, 13)])).toBe("0 1 2 e1@3 3 e0@1");
  });

  it("reveals what is folded away", () => {
    const spans = columns([{ parent: -1 }, ...Array.from({ length: 6 }, () => ({ parent: 0, name: "q" }))]);
    const tree = buildTree(spans, []);
    const folding = reveal(tree, spans, { closed: new Set([0]), openGroups: new Set() }, 4);
    expect(layout(tree, spans, folding).some((row) => row.type === "span" && row.span === 4)).toBe(true);
  });

  it.each([1, 2, 3])("all closed is the rows of the top, all open every span (seed %d)", (seed) => {
    const spans = timedTree(300, seed);
    const tree = buildTree(spans, [error(7)]);
    const open = layout(tree, spans, unfoldAll(tree));
    expect(new Set(open.flatMap((row) => (row.type === "span" ? [row.span] : []))).size).toBe(300);
    expect(open.every((row) => row.type === "error" || row.isOpen || (row.type === "span" && !row.hasChildren))).toBe(true);
    const closed = layout(tree, spans, foldAll(tree));
    expect(Math.max(...closed.map((row) => row.depth))).toBeLessThanOrEqual(childrenOf(tree, tree.size).length === 1 ? 1 : 0);
    for (const key of ["s0", "e0", "s299"]) {
      const at = rowAt(open, key);
      const row = open[at];
      expect(row?.type === "span" ? `s${row.span}` : row?.type === "error" ? `e${row.error}` : "").toBe(key);
    }
    expect(rowAt(open, null)).toBe(-1);
  });

  it("survives a chain of 20 000", () => {
    const spans = columns(Array.from({ length: 20_000 }, (_, i) => ({ parent: i - 1 })));
    expect(layout(buildTree(spans, []), spans, nothing)).toHaveLength(20_000);
  });
});

it("self time is what children do not cover", () => {
  const spans = columns([{ parent: -1, start: 0, duration: 100 }, { parent: 0, start: 10, duration: 30 }, { parent: 0, start: 20, duration: 40, op: "db" }, { parent: 0, start: 90, duration: 50 }]);
  const tree = buildTree(spans, []);
  expect(tree.selfNs[0]).toBe(100 - 50 - 10);
  expect(timeByKind(spans, tree).find((t) => t.kind === "db")).toEqual({ kind: "db", selfNs: 40, spans: 1 });
});

it("kinds", () => {
  expect(kindOf("db.sql.query", "internal")).toBe("db");
  expect(kindOf("db.redis", "client")).toBe("cache");
  expect(kindOf("template.render", "internal")).toBe("template");
  expect(kindOf("view.render", "internal")).toBe("app");
  expect(kindOf("view.response.render", "internal")).toBe("template");
  expect(kindOf("", "server")).toBe("http");
  expect(kindOf("queue.task.celery", "")).toBe("queue");
  expect(kindOf("view", "internal")).toBe("app");
});

it("find", () => expect(find(columns([{ parent: -1, name: "GET /Books" }, { parent: 0, op: "db" }]), "books")).toEqual([0]));

it("zoom stays inside", () => {
  expect(zoomBy({ fromNs: 0, toNs: 100 }, 100, 0.5)).toEqual({ fromNs: 25, toNs: 75 });
  expect(zoomBy({ fromNs: 0, toNs: 50 }, 100, 4)).toEqual({ fromNs: 0, toNs: 100 });
  expect(clampZoom({ fromNs: 80, toNs: 120 }, 100)).toEqual({ fromNs: 60, toNs: 100 });
});

it("a zoom comes back from the address", () => {
  for (const zoom of [{ fromNs: 120e6, toNs: 480.5e6 }, { fromNs: 0, toNs: 412 }, { fromNs: 1, toNs: 2 }]) expect(readZoom(zoomText(zoom), 1e9)).toEqual(zoom);
  expect(readZoom("0.5-2s", 9e9)).toEqual({ fromNs: 5e8, toNs: 2e9 });
  expect(readZoom("120-480ms", 2e8)).toEqual({ fromNs: 120e6, toNs: 2e8 });
  for (const text of [null, "", "5", "5-1ms", "a-bms", "-3-4ms", "0-9s", "1-2h"]) expect(readZoom(text, 1e9)).toBeNull();
  expect(zoomTo(columns([{ parent: -1, start: 100, duration: 100 }]), [0], 1000)).toEqual({ fromNs: 95, toNs: 205 });
});

it("ticks are round", () => expect(ticks({ fromNs: 0, toNs: 412 }, 5)).toEqual([0, 100, 200, 300, 400]));

it("what one clock moved is told once per service", () => {
  const spans = { ...columns([{ parent: -1 }, { parent: 0 }, { parent: 1 }, { parent: 0 }]), service: [0, 1, 1, 0], clock_shift_ns: [0, -2e6, -3e6, 0] };
  expect(movedServices(["shop", "billing"], spans)).toEqual([{ service: "billing", byNs: -3e6 }]);
  expect(movedWords(-2e6)).toMatch(/^drawn 2.* earlier/);
  expect(movedWords(5e9)).toMatch(/later/);
});

describe("where one stands when rows are folded away", () => {
  // 0 ▸ 1 ▸ 2, and five alike below 1.
  const spans = columns([{ parent: -1 }, { parent: 0 }, { parent: 1 }, ...Array.from({ length: 5 }, () => ({ parent: 1, name: "same", op: "db" }))]);
  const errors = [error(2, 5)];
  const tree = buildTree(spans, errors);
  const near = (folding: Parameters<typeof layout>[2], key: string | null) => {
    const row = nearestRow(tree, spans, errors, layout(tree, spans, folding), key);
    return row && (row.type === "span" ? `s${row.span}` : row.type === "group" ? `g${row.group}` : `e${row.error}`);
  };

  it("stays where it is while its row is there", () => {
    expect(["s0", "s2", "e0", "g3", null].map((key) => near(nothing, key))).toEqual(["s0", "s2", "e0", "g3", null]);
  });

  it("goes to what holds it", () => {
    expect(near({ ...nothing, closed: new Set([1]) }, "s2")).toBe("s1");
    expect(near({ ...nothing, closed: new Set([1]) }, "e0")).toBe("s1");
    expect(near({ ...nothing, closed: new Set([0]) }, "s2")).toBe("s0");
    expect(near(nothing, "s5")).toBe("g3");
    expect(near(foldAll(tree), "g3")).toBe("s1");
  });
});

it("finds room for the words of a group beside its members", () => {
  expect(freeStretch([[16, 17], [20, 21], [37, 67], [94, 95]], 12)).toEqual([67, 94]);
  expect(freeStretch([[10, 12], [14, 60]], 12)).toEqual([60, 112]);
  expect(freeStretch([[50, 70], [55, 99]], 12)).toEqual([0, 50]);
  expect(freeStretch([[-20, -10], [-5, 30], [80, 130], [140, 150]], 12)).toEqual([30, 80]);
  expect(freeStretch([[-5, 130]], 12)).toEqual([100, 112]);
});
