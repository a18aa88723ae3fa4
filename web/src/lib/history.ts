// The chart of an issue's past as numbers: unit, words for a bar, where marks of releases stand. Pure.

import type { HistoryView } from "../api/issue-types";
import { count, dateTime, noun } from "./format";
import type { Filters } from "./issue-place";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Longer stretches are told by the day. */
const HOURS_UP_TO_MS = 3 * DAY_MS;
/** Names of releases stand this far apart, as a share of the width; nearer ones are a mark without a name. */
const APART = 0.11;

/** Before the first event there is a little room, so that one sees it begin. */
const ROOM = { hour: 6 * HOUR_MS, day: 2 * DAY_MS };

/** How the past of an issue is asked for: by the hour or the day, and when no time is chosen, from its first event on. */
export function asked({ range, from, to }: Pick<Filters, "range" | "from" | "to">, firstSeenMs: number, nowMs: number): { unit: "hour" | "day"; from?: string } {
  const unit = (lengthMs: number) => (lengthMs <= HOURS_UP_TO_MS ? "hour" : "day");
  if (from !== null || to !== null) return { unit: unit((to ?? nowMs) - (from ?? firstSeenMs)) };
  if (range !== "all") return { unit: range === "1h" || range === "24h" ? "hour" : "day" };
  const chosen = unit(nowMs - firstSeenMs);
  return { unit: chosen, from: String(firstSeenMs - ROOM[chosen]) };
}

/** "2026-11-21 06:00 – 07:00" or "2026-11-21" */
export function barTime(view: Pick<HistoryView, "start_ms" | "step_ms">, at: number): string {
  const from = view.start_ms + at * view.step_ms;
  const start = dateTime(from);
  if (view.step_ms >= DAY_MS) return start.slice(0, 10);
  return `${start.slice(0, 16)} – ${dateTime(from + view.step_ms).slice(11, 16)}`;
}

export function barWords(view: HistoryView, at: number): string {
  const n = view.counts[at] ?? 0;
  const first = releasesAt(view, at);
  return `${barTime(view, at)}: ${count(n)} ${noun(n, "event")}${first.length > 0 ? `; first seen: ${first.join(", ")}` : ""}`;
}

export function releasesAt(view: HistoryView, at: number): string[] {
  const from = view.start_ms + at * view.step_ms;
  return view.releases.filter(({ at_ms: ms }) => ms >= from && ms < from + view.step_ms).map(({ version }) => version);
}

export type Mark = { version: string; at: number; isNamed: boolean; isRight: boolean };

/** Of the releases within the chart; the newest names win where there is no room for all. */
export function releaseMarks(view: HistoryView): Mark[] {
  const width = view.step_ms * view.counts.length;
  const inside = view.releases.filter(({ at_ms: ms }) => width > 0 && ms >= view.start_ms && ms < view.start_ms + width).toSorted((a, b) => b.at_ms - a.at_ms);
  let last = Infinity;
  return inside.map(({ version, at_ms: ms }) => {
    const at = (ms - view.start_ms) / width;
    const isNamed = last - at >= APART;
    if (isNamed) last = at;
    return { version, at, isNamed, isRight: at > 0.88 };
  }).toReversed();
}

/** `shop@1.4.2` as `1.4.2`, `3f9a1c…` for a commit: enough to know it by. */
export function shortRelease(version: string): string {
  const name = version.slice(version.lastIndexOf("@") + 1);
  return /^[0-9a-f]{12,}$/i.test(name) ? name.slice(0, 7) : name.length > 16 ? `${name.slice(0, 15)}…` : name;
}

/** A few places along the axis, from the left edge. */
export function ticks(view: Pick<HistoryView, "start_ms" | "step_ms" | "counts">): { at: number; words: string }[] {
  const size = view.counts.length;
  const parts = Math.min(4, size);
  return Array.from({ length: parts }, (_, i) => {
    const index = Math.round((i / parts) * size);
    const text = dateTime(view.start_ms + index * view.step_ms);
    return { at: index / Math.max(1, size), words: view.step_ms >= DAY_MS ? text.slice(5, 10) : size > 24 ? text.slice(5, 16) : text.slice(11, 16) };
  });
}
