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

/** Powers of ten within the bounds, for the axis. */
export function marks(bounds: readonly number[]): { ns: number; share: number }[] {
  const low = Math.log10(Math.max(1, bounds[0] ?? 1));
  const high = Math.log10(Math.max(1, bounds[bounds.length - 1] ?? 1));
  const out = [];
  for (let power = Math.ceil(low - 1e-9); power <= high + 1e-9; power++) out.push({ ns: 10 ** power, share: high === low ? 0 : (power - low) / (high - low) });
  return out;
}
