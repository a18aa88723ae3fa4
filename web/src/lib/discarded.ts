// Issues that were deleted with the word that what comes of them is dropped: what is said of one. Pure.

import type { DiscardListView, DiscardView } from "../api/types";
import { ago, count } from "./format";

/** The section of the settings that lists them. */
export const DISCARDED_ID = "discarded";

/** The one an address names, in whichever case it was typed. */
export const discardOf = (list: DiscardListView | undefined, name: string): DiscardView | undefined => list?.discarded.find(({ short_id }) => short_id.toUpperCase() === name.toUpperCase());

/** "12 events dropped since, the last 2 h ago" */
export function droppedWords({ event_count, last_ms }: DiscardView, nowMs: number): string {
  if (event_count === 0) return "no event came since";
  const what = event_count === 1 ? "1 event dropped since" : `${count(event_count)} events dropped since`;
  return last_ms === null ? what : `${what}, ${event_count === 1 ? "" : "the last "}${ago(last_ms, nowMs)}`;
}

/** "3 d ago by ann" */
export const sinceWords = ({ at_ms, by }: DiscardView, nowMs: number): string => `${ago(at_ms, nowMs)}${by === null || by === "" ? "" : ` by ${by}`}`;
