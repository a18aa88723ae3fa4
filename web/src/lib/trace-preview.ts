// The few rows of a trace that fit beside an event: its beginning, and the way down to the event. Pure.

import type { TraceView } from "../api/types";
import { buildTree, layout, type Row } from "./waterfall";

export type Preview = { rows: Row[]; omitted: number };

export function previewRows(trace: TraceView, eventId: string, most: number): Preview {
  const tree = buildTree(trace.spans, trace.errors);
  const all = layout(tree, trace.spans, { closed: new Set(), openGroups: new Set() });
  const chosen = new Set<number>();
  // Upwards from the event, so that the nearest spans stay when the way is long.
  let at = all.findIndex((row) => row.type === "error" && trace.errors[row.error]?.event_id === eventId);
  for (; at >= 0 && chosen.size < most; at = all[at]?.parentRow ?? -1) chosen.add(at);
  for (let i = 0; i < all.length && chosen.size < most; i++) chosen.add(i);
  return { rows: all.filter((_, i) => chosen.has(i)), omitted: all.length - chosen.size };
}
