// The latency heat map: which shade a cell has, what a place on it means, what a brush selects, its twin as a table. Pure.

import type { HeatView } from "../api/types";
import { count, dateTime, duration } from "./format";
import type { Selection } from "./selection";

export const SHADES = 6;

/** From 1 to [`SHADES`], 0 for nothing: by orders of magnitude, because a few cells hold most of it. */
export function shade(n: number, most: number): number {
  if (n <= 0 || most <= 0) return 0;
  return Math.min(SHADES, Math.max(1, Math.ceil((Math.log1p(n) / Math.log1p(most)) * SHADES)));
}

export const mostOf = (view: HeatView): number => view.counts.reduce((most, column) => column.reduce((a, b) => Math.max(a, b), most), 0);

/** A rectangle of whole cells: columns from left, rows from the shortest duration, both ends included. */
export type Brush = { left: number; right: number; low: number; high: number };

export function selectionOf(view: HeatView, brush: Brush): Selection {
  return {
    fromMs: view.from_ms + brush.left * view.step_ms,
    toMs: view.from_ms + (brush.right + 1) * view.step_ms,
    minNs: brush.low === 0 ? 0 : (view.bounds_ns[brush.low] ?? 0),
    maxNs: view.bounds_ns[brush.high + 1] ?? 0,
  };
}

/** The cells a selection covers: the grid may be another one than it was chosen on. `null` when it lies outside. */
export function brushOf(view: HeatView, selection: Selection): Brush | null {
  const rows = view.bounds_ns.length - 1;
  const left = Math.max(0, Math.floor((selection.fromMs - view.from_ms) / view.step_ms));
  const right = Math.min(view.columns - 1, Math.ceil((selection.toMs - view.from_ms) / view.step_ms) - 1);
  let low = 0;
  while (low < rows - 1 && (view.bounds_ns[low + 1] ?? 0) <= selection.minNs) low++;
  let high = rows - 1;
  while (high > low && (view.bounds_ns[high] ?? 0) >= selection.maxNs) high--;
  return left <= right && right >= 0 && left < view.columns ? { left, right, low, high } : null;
}

export function countIn(view: HeatView, brush: Brush): { traces: number; failed: number } {
  let traces = 0;
  let failed = 0;
  for (let column = brush.left; column <= brush.right; column++)
    for (let row = brush.low; row <= brush.high; row++) {
      traces += view.counts[column]?.[row] ?? 0;
      failed += view.errors[column]?.[row] ?? 0;
    }
  return { traces, failed };
}

export function cellWords(view: HeatView, column: number, row: number): string {
  const n = view.counts[column]?.[row] ?? 0;
  const failed = view.errors[column]?.[row] ?? 0;
  const from = view.from_ms + column * view.step_ms;
  const time = `${dateTime(from).slice(5, 16)} – ${dateTime(from + view.step_ms).slice(11, 16)}`;
  const long = row === 0 ? `under ${duration(view.bounds_ns[1] ?? 0)}` : `${duration(view.bounds_ns[row] ?? 0)} – ${duration(view.bounds_ns[row + 1] ?? 0)}`;
  return `${time}, ${long}: ${n === 0 ? "none" : count(n)}${failed > 0 ? `, ${count(failed)} failed` : ""}`;
}

/** Cells that hold something, newest first and slowest first within: the map for who does not see it. */
export function cells(view: HeatView): { column: number; row: number; count: number; failed: number }[] {
  const out = [];
  for (let column = view.columns - 1; column >= 0; column--)
    for (let row = view.bounds_ns.length - 2; row >= 0; row--) {
      const n = view.counts[column]?.[row] ?? 0;
      if (n > 0) out.push({ column, row, count: n, failed: view.errors[column]?.[row] ?? 0 });
    }
  return out;
}

/** What the axis may say: a ten of the next smaller each, until minutes and hours are easier to read. */
const AXIS = [
  ...["ns", "µs", "ms"].flatMap((unit, thousands) => [1, 10, 100].map((n, tens) => ({ ns: 10 ** (thousands * 3 + tens), words: `${n}\u202f${unit}` }))),
  { ns: 1e9, words: "1\u202fs" }, { ns: 1e10, words: "10\u202fs" }, { ns: 6e10, words: "1\u202fmin" }, { ns: 6e11, words: "10\u202fmin" }, { ns: 3.6e12, words: "1\u202fh" }, { ns: 3.6e13, words: "10\u202fh" }, { ns: 8.64e13, words: "1\u202fd" }, { ns: 8.64e14, words: "10\u202fd" }, { ns: 8.64e15, words: "100\u202fd" },
];
/** Of the height: nearer to each other they would touch. */
const AXIS_APART = 0.085;

/** Round durations within the bounds, for the axis: short, and never one upon the other. */
export function marks(bounds: readonly number[]): { ns: number; share: number; words: string }[] {
  const low = Math.log10(Math.max(1, bounds[0] ?? 1));
  const high = Math.log10(Math.max(1, bounds[bounds.length - 1] ?? 1));
  const out: { ns: number; share: number; words: string }[] = [];
  for (const { ns, words } of AXIS) {
    const at = Math.log10(ns);
    if (at < low - 1e-9 || at > high + 1e-9) continue;
    const share = high === low ? 0 : (at - low) / (high - low);
    if (share - (out.at(-1)?.share ?? -1) >= AXIS_APART) out.push({ ns, share, words });
  }
  return out;
}
