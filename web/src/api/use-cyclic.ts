// Spans whose parent is below themselves: the server breaks the ring to draw it and says only that the parent is none. Asked
// of the few spans that may be such, because a parent that has not arrived is the usual case and has no spans above it.

import { useEffect, useState } from "preact/hooks";
import { load } from "./client";
import type { SpanView, TraceView } from "./types";

/** A trace with more rings than this is beyond telling. */
const ASKED_MAX = 4;

export function useCyclic(trace: TraceView, hasChildren: (span: number) => boolean): ReadonlySet<number> {
  const [found, set] = useState<ReadonlySet<number>>(new Set());
  const { spans } = trace;
  useEffect(() => {
    let isGone = false;
    set(new Set());
    const asked = spans.is_orphan.flatMap((isOrphan, i) => (isOrphan && hasChildren(i) ? [i] : [])).slice(0, ASKED_MAX);
    const isBelow = async (i: number) => {
      const view = await load<SpanView>(`/api/ui/traces/${encodeURIComponent(trace.trace_id)}/spans/${encodeURIComponent(spans.span_id[i] ?? "")}`);
      return view.parent_span_id !== null && spans.span_id.includes(view.parent_span_id) ? [i] : [];
    };
    void Promise.all(asked.map((i) => isBelow(i).catch(() => []))).then((all) => !isGone && all.some((some) => some.length > 0) && set(new Set(all.flat())));
    return () => {
      isGone = true;
    };
  }, [spans]);
  return found;
}
