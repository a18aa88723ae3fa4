// The two flames of a trace: spans as they ran, in rows that do not overlap; and calls that are alike put together. Pure.

import type { SpanColumns } from "../api/types";
import type { Tree } from "./waterfall";

/** Rows of the flame over time. What runs beside more than that is drawn over what is there already, and said. */
export const FLAME_ROWS_MAX = 250;

/** A box: where it stands in its own units (nanoseconds, or shares of all time), in which row, of which span. */
export type Flame = {
  size: number;
  from: Float64Array;
  width: Float64Array;
  row: Int32Array;
  rows: number;
  /** The span that names and colours it. */
  span: Int32Array;
  parent: Int32Array;
  /** How many calls it stands for, all their time, and what of it none below took. */
  calls: Int32Array;
  totalNs: Float64Array;
  selfNs: Float64Array;
  failed: Int32Array;
  /** Boxes that had to be drawn over others. */
  crowded: number;
  /** Of the whole width. */
  extent: number;
};

function empty(size: number): Flame {
  return {
    size, from: new Float64Array(size), width: new Float64Array(size), row: new Int32Array(size), rows: 0, span: new Int32Array(size), parent: new Int32Array(size),
    calls: new Int32Array(size), totalNs: new Float64Array(size), selfNs: new Float64Array(size), failed: new Int32Array(size), crowded: 0, extent: 0,
  };
}

/** A span stands below its parent, in the first row that is free when it begins. Boxes are in the order of the spans. */
export function flameOverTime(spans: SpanColumns, tree: Tree, extentNs: number): Flame {
  const flame = empty(tree.size);
  flame.extent = Math.max(1, extentNs);
  const order = Int32Array.from({ length: tree.size }, (_, i) => i).toSorted((a, b) => (spans.start_ns[a] ?? 0) - (spans.start_ns[b] ?? 0) || a - b);
  const freeAt: number[] = [];
  for (const i of order) {
    const from = spans.start_ns[i] ?? 0;
    const duration = spans.duration_ns[i] ?? 0;
    const parent = spans.parent[i] ?? -1;
    let row = parent < 0 ? 0 : Math.min((flame.row[parent] ?? 0) + 1, FLAME_ROWS_MAX - 1);
    while (row < FLAME_ROWS_MAX && (freeAt[row] ?? -Infinity) > from) row++;
    if (row === FLAME_ROWS_MAX) {
      row -= 1;
      flame.crowded += 1;
    }
    freeAt[row] = Math.max(freeAt[row] ?? -Infinity, from + duration);
    flame.from[i] = from;
    flame.width[i] = duration;
    flame.row[i] = row;
    flame.rows = Math.max(flame.rows, row + 1);
    flame.span[i] = i;
    flame.parent[i] = parent;
    flame.calls[i] = 1;
    flame.totalNs[i] = duration;
    flame.selfNs[i] = tree.selfNs[i] ?? 0;
    flame.failed[i] = spans.status[i] === "error" ? 1 : 0;
  }
  return flame;
}

/**
 * Calls of one name below the same calls are one box, as wide as the time that none of their own calls explains and that
 * of the boxes above it: calls side by side add up, so all of it may be more than the trace lasted.
 */
export function flameByName(spans: SpanColumns, tree: Tree): Flame {
  const names = new Map<string, number>();
  const keyOf = (i: number) => {
    const key = `${spans.service[i]}\u0000${spans.op[i]}\u0000${spans.name[i]}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    names.set(key, names.size);
    return names.size - 1;
  };
  const boxOf = new Int32Array(tree.size);
  const boxes: { span: number; parent: number; row: number; calls: number; totalNs: number; selfNs: number; failed: number }[] = [];
  const known = new Map<number, number>();
  const factor = tree.size + 1;
  for (let i = 0; i < tree.size; i++) {
    const above = spans.parent[i] ?? -1;
    const parent = above < 0 ? -1 : (boxOf[above] as number);
    const key = (parent + 1) * factor + keyOf(i);
    let box = known.get(key);
    if (box === undefined) {
      box = boxes.length;
      known.set(key, box);
      boxes.push({ span: i, parent, row: parent < 0 ? 0 : (boxes[parent]?.row ?? 0) + 1, calls: 0, totalNs: 0, selfNs: 0, failed: 0 });
    }
    boxOf[i] = box;
    const it = boxes[box] as (typeof boxes)[number];
    it.calls += 1;
    it.totalNs += spans.duration_ns[i] ?? 0;
    it.selfNs += tree.selfNs[i] ?? 0;
    it.failed += spans.status[i] === "error" ? 1 : 0;
  }
  const size = boxes.length;
  const flame = empty(size);
  const children: number[][] = Array.from({ length: size + 1 }, () => []);
  for (let i = size - 1; i >= 0; i--) {
    const box = boxes[i] as (typeof boxes)[number];
    flame.width[i] = (flame.width[i] as number) + box.selfNs;
    if (box.parent >= 0) flame.width[box.parent] = (flame.width[box.parent] as number) + (flame.width[i] as number);
    children[box.parent < 0 ? size : box.parent]?.push(i);
  }
  for (const list of children) list.sort((a, b) => (flame.width[b] as number) - (flame.width[a] as number) || a - b);
  // Iterative: a chain may be as long as the trace has spans. Parents have smaller numbers than what they called.
  const place = (list: readonly number[], from: number) => {
    let at = from;
    for (const i of list) {
      flame.from[i] = at;
      at += flame.width[i] as number;
    }
    return at;
  };
  flame.extent = Math.max(1, place(children[size] ?? [], 0));
  for (const [i, box] of boxes.entries()) {
    place(children[i] ?? [], flame.from[i] as number);
    flame.row[i] = box.row;
    flame.rows = Math.max(flame.rows, box.row + 1);
    flame.span[i] = box.span;
    flame.parent[i] = box.parent;
    flame.calls[i] = box.calls;
    flame.totalNs[i] = box.totalNs;
    flame.selfNs[i] = box.selfNs;
    flame.failed[i] = box.failed;
  }
  return flame;
}

/** The box at a place, -1 for none; of those drawn over each other the last. */
export function boxAt(flame: Flame, x: number, row: number, least: number): number {
  let found = -1;
  for (let i = 0; i < flame.size; i++) if (flame.row[i] === row && (flame.from[i] as number) <= x && (flame.from[i] as number) + Math.max(least, flame.width[i] as number) > x) found = i;
  return found;
}

/** Where an arrow key leads from a box: up to what called it, down to its longest call, sideways among its row. */
export function boxBeside(flame: Flame, from: number, direction: "up" | "down" | "left" | "right"): number {
  if (from < 0) return flame.size > 0 ? 0 : -1;
  if (direction === "up") return (flame.parent[from] as number) >= 0 ? (flame.parent[from] as number) : from;
  let best = from;
  for (let i = 0; i < flame.size; i++) {
    if (direction === "down") {
      if (flame.parent[i] === from && (best === from || (flame.width[i] as number) > (flame.width[best] as number))) best = i;
    } else if (flame.row[i] === flame.row[from] && i !== from) {
      const ahead = direction === "right" ? (flame.from[i] as number) - (flame.from[from] as number) : (flame.from[from] as number) - (flame.from[i] as number);
      const nearest = best === from ? Infinity : Math.abs((flame.from[best] as number) - (flame.from[from] as number));
      if ((ahead > 0 || (ahead === 0 && (direction === "right" ? i > from : i < from))) && ahead < nearest) best = i;
    }
  }
  return best;
}

/** Names with most time of their own first: what the flame shows, for who does not see it. */
export function flameTable(spans: SpanColumns, tree: Tree, most: number): { rows: { span: number; calls: number; totalNs: number; selfNs: number; failed: number }[]; omitted: number } {
  const known = new Map<string, { span: number; calls: number; totalNs: number; selfNs: number; failed: number }>();
  for (let i = 0; i < tree.size; i++) {
    const key = `${spans.service[i]}\u0000${spans.op[i]}\u0000${spans.name[i]}`;
    let row = known.get(key);
    if (!row) known.set(key, (row = { span: i, calls: 0, totalNs: 0, selfNs: 0, failed: 0 }));
    row.calls += 1;
    row.totalNs += spans.duration_ns[i] ?? 0;
    row.selfNs += tree.selfNs[i] ?? 0;
    row.failed += spans.status[i] === "error" ? 1 : 0;
  }
  const rows = [...known.values()].toSorted((a, b) => b.selfNs - a.selfNs || a.span - b.span);
  return { rows: rows.slice(0, most), omitted: Math.max(0, rows.length - most) };
}

/** Whether a box is, or is called by, another one. */
export function isWithin(flame: Flame, box: number, ancestor: number): boolean {
  for (let i = box; i >= 0; i = flame.parent[i] as number) if (i === ancestor) return true;
  return false;
}

