// All spans of a trace as a table: which column sorts them, and how. Pure.

import type { SpanColumns } from "../api/types";
import type { Tree } from "./waterfall";

export const SPAN_SORTS = ["start", "duration", "self", "name", "op", "service", "status"] as const;
export type SpanSort = (typeof SPAN_SORTS)[number];

/** `duration` as the address has it, `-duration` the other way round. The first click on a number shows the largest. */
export function readSpanSort(text: string | null): { by: SpanSort; isDown: boolean } {
  const isTurned = text?.startsWith("-") ?? false;
  const by = SPAN_SORTS.find((sort) => sort === (isTurned ? text?.slice(1) : text)) ?? "start";
  return { by, isDown: isTurned !== beginsDown(by) };
}

const beginsDown = (by: SpanSort) => by === "duration" || by === "self" || by === "status";

/** What a click on a column's head makes of the order. */
export function nextSpanSort(text: string | null, column: SpanSort): string | null {
  const { by } = readSpanSort(text);
  const next = by !== column ? column : text?.startsWith("-") ? column : `-${column}`;
  return next === "start" ? null : next;
}

export function sortedSpans(spans: SpanColumns, tree: Tree, services: readonly string[], order: { by: SpanSort; isDown: boolean }): Int32Array {
  const numbers: Partial<Record<SpanSort, ArrayLike<number>>> = { start: spans.start_ns, duration: spans.duration_ns, self: tree.selfNs };
  const texts: Partial<Record<SpanSort, (i: number) => string>> = { name: (i) => spans.name[i] ?? "", op: (i) => spans.op[i] ?? "", service: (i) => services[spans.service[i] ?? 0] ?? "", status: (i) => spans.status[i] ?? "" };
  const column = numbers[order.by] ?? ranks(spans.span_id.length, texts[order.by] ?? (() => ""));
  const sign = order.isDown ? -1 : 1;
  return Int32Array.from({ length: spans.span_id.length }, (_, i) => i).toSorted((a, b) => sign * ((column[a] ?? 0) - (column[b] ?? 0)) || a - b);
}

/** Texts are compared once each: there are far fewer of them than spans. */
function ranks(size: number, textOf: (i: number) => string): Int32Array {
  const all = [...new Set(Array.from({ length: size }, (_, i) => textOf(i)))].toSorted((a, b) => (a < b ? -1 : 1));
  const rank = new Map(all.map((text, i) => [text, i]));
  return Int32Array.from({ length: size }, (_, i) => rank.get(textOf(i)) ?? 0);
}
