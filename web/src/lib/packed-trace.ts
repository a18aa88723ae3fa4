// A trace as it travels, and as the page reads it: texts once and numbers for them, ids in one string, what is nearly
// always nothing only where it is something. Pure.

import type { PackedSpans, SpanColumns, TraceView } from "../api/types";

const ID = 16;

export function unpackSpans(packed: PackedSpans): SpanColumns {
  const { texts } = packed;
  const size = packed.parent.length;
  const words = (codes: readonly number[]) => codes.map((code) => texts[code] ?? "");
  const span_id: string[] = [];
  const depth: number[] = [];
  for (let i = 0; i < size; i++) {
    span_id.push(packed.span_ids.slice(i * ID, i * ID + ID));
    const parent = packed.parent[i] ?? -1;
    depth.push(parent < 0 ? 0 : (depth[parent] ?? 0) + 1);
  }
  const is_orphan: boolean[] = Array.from({ length: size }, () => false);
  for (const i of packed.orphans) is_orphan[i] = true;
  const clock_shift_ns: number[] = Array.from({ length: size }, () => 0);
  for (const [i, span] of packed.shifted.entries()) clock_shift_ns[span] = packed.shifts_ns[i] ?? 0;
  return {
    span_id,
    parent: packed.parent,
    depth,
    start_ns: packed.start_ns,
    duration_ns: packed.duration_ns,
    name: words(packed.name),
    op: words(packed.op),
    service: packed.service,
    kind: words(packed.kind),
    status: words(packed.status),
    source: words(packed.source),
    is_orphan,
    clock_shift_ns,
  };
}

/** In place, once: the answer stays in the cache, and one copy of a hundred thousand spans is enough. */
export function unpack(view: TraceView): TraceView {
  if (view.packed !== null && view.packed !== undefined) {
    view.spans = unpackSpans(view.packed);
    view.packed = null;
  }
  return view;
}
