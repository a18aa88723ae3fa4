import { describe, expect, it } from "vitest";
import { boxAt, boxBeside, FLAME_ROWS_MAX, flameByName, flameOverTime, flameTable } from "./flame";
import { columns, timedTree } from "./trace-shapes";
import { buildTree } from "./waterfall";

describe("over time", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("every span is one box, and no two in a row overlap (seed %d)", (seed) => {
    const spans = timedTree(200, seed);
    const flame = flameOverTime(spans, buildTree(spans, []), 100_000);
    expect(flame.size).toBe(200);
    expect(flame.crowded).toBe(0);
    const rows = new Map<number, [number, number][]>();
    for (let i = 0; i < flame.size; i++) {
      expect(flame.from[i]).toBe(spans.start_ns[i]);
      expect(flame.width[i]).toBe(spans.duration_ns[i]);
      const list = rows.get(flame.row[i] ?? 0) ?? [];
      list.push([spans.start_ns[i] ?? 0, (spans.start_ns[i] ?? 0) + (spans.duration_ns[i] ?? 0)]);
      rows.set(flame.row[i] ?? 0, list);
    }
    for (const list of rows.values()) {
      list.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      for (let i = 1; i < list.length; i++) expect(list[i]?.[0]).toBeGreaterThanOrEqual(list[i - 1]?.[1] ?? 0);
    }
  });

  it("what does not begin before its parent stands below it", () => {
    const spans = columns([{ parent: -1, start: 0, duration: 100 }, { parent: 0, start: 10, duration: 20 }, { parent: 0, start: 15, duration: 20 }, { parent: 1, start: 12, duration: 2 }]);
    expect([...flameOverTime(spans, buildTree(spans, []), 100).row]).toEqual([0, 1, 2, 2]);
  });

  it("says what it had to draw over others", () => {
    const spans = columns(Array.from({ length: FLAME_ROWS_MAX + 3 }, () => ({ parent: -1, start: 0, duration: 9 })));
    const flame = flameOverTime(spans, buildTree(spans, []), 9);
    expect([flame.rows, flame.crowded]).toEqual([FLAME_ROWS_MAX, 3]);
  });
});

describe("by name", () => {
  it.each([1, 2, 3, 4])("boxes hold what they called, and all time is there once (seed %d)", (seed) => {
    const spans = timedTree(300, seed);
    const tree = buildTree(spans, []);
    const flame = flameByName(spans, tree);
    const self = tree.selfNs.reduce((a, b) => a + b, 0);
    expect(flame.extent).toBe(Math.max(1, self));
    expect(flame.calls.reduce((a, b) => a + b, 0)).toBe(300);
    const inside = new Map<number, number>();
    for (let i = 0; i < flame.size; i++) {
      const parent = flame.parent[i] ?? -1;
      if (parent < 0) continue;
      expect(flame.row[i]).toBe((flame.row[parent] ?? 0) + 1);
      expect(flame.from[i]).toBeGreaterThanOrEqual(flame.from[parent] ?? 0);
      expect((flame.from[i] ?? 0) + (flame.width[i] ?? 0)).toBeLessThanOrEqual((flame.from[parent] ?? 0) + (flame.width[parent] ?? 0) + 1e-6);
      inside.set(parent, (inside.get(parent) ?? 0) + (flame.width[i] ?? 0));
    }
    for (let i = 0; i < flame.size; i++) expect((inside.get(i) ?? 0) + (flame.selfNs[i] ?? 0)).toBeCloseTo(flame.width[i] ?? 0, 3);
  });

  it("puts equal calls below equal calls together", () => {
    const spans = columns([{ parent: -1, name: "a" }, { parent: 0, name: "b" }, { parent: 0, name: "b" }, { parent: 2, name: "c" }, { parent: -1, name: "b" }]);
    const flame = flameByName(spans, buildTree(spans, []));
    expect([...flame.calls]).toEqual([1, 2, 1, 1]);
  });
});

it("keys walk from box to box", () => {
  const spans = columns([{ parent: -1, start: 0, duration: 100 }, { parent: 0, start: 0, duration: 20 }, { parent: 0, start: 30, duration: 50 }, { parent: 2, start: 40, duration: 5 }]);
  const flame = flameOverTime(spans, buildTree(spans, []), 100);
  expect(boxBeside(flame, -1, "down")).toBe(0);
  expect(boxBeside(flame, 0, "down")).toBe(2);
  expect(boxBeside(flame, 2, "left")).toBe(1);
  expect(boxBeside(flame, 1, "right")).toBe(2);
  expect(boxBeside(flame, 3, "up")).toBe(2);
  expect(boxBeside(flame, 3, "down")).toBe(3);
  expect(boxAt(flame, 42, 2, 0)).toBe(3);
  expect(boxAt(flame, 25, 1, 0)).toBe(-1);
});

it("the table has all time once", () => {
  const spans = timedTree(200, 5);
  const tree = buildTree(spans, []);
  const { rows, omitted } = flameTable(spans, tree, 100);
  expect(omitted).toBe(0);
  expect(rows.reduce((sum, row) => sum + row.selfNs, 0)).toBeCloseTo(tree.selfNs.reduce((a, b) => a + b, 0), 3);
  expect(flameTable(spans, tree, 2).omitted).toBe(rows.length - 2);
});
