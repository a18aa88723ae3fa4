// The chart of an issue's past as numbers: unit, words for a bar, where marks of releases stand. Pure.

import type { HistoryView } from "../api/issue-types";
import { count, dateTime, noun } from "./format";
import type { Filters } from "./issue-place";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Longer stretches are told by the day. */
const HOURS_UP_TO_MS = 3 * DAY_MS;
/** Of a letter of a release's name, and of what is beside them, in pixels: the sheet writes them in 11 px monospace. */
const LETTER_PX = 6.7;
const BESIDE_PX = 6;
/** A name has room for how many others it speaks for: ` +12`. */
const OTHERS_LETTERS = 4;
/** Words below the axis, in pixels: a clock or a date, and the two together. */
const WORD_PX = 44;
const WORDS_PX = 86;

/** Before the first event there is a little room, so that one sees it begin: a bar, or this share of its age. */
const ROOM = 0.1;
/** A past that is shorter is shown with the hours before it: one bar as wide as the page says nothing. */
const HOURS_MIN_MS = 24 * HOUR_MS;

/** How the past of an issue is asked for: by the hour or the day, and when no time is chosen, from its first event on. */
export function asked({ range, from, to }: Pick<Filters, "range" | "from" | "to">, firstSeenMs: number, nowMs: number): { unit: "hour" | "day"; from?: string } {
  const unit = (lengthMs: number) => (lengthMs <= HOURS_UP_TO_MS ? "hour" : "day");
  if (from !== null || to !== null) return { unit: unit((to ?? nowMs) - (from ?? firstSeenMs)) };
  if (range !== "all") return { unit: range === "1h" || range === "24h" ? "hour" : "day" };
  const chosen = unit(nowMs - firstSeenMs);
  const room = Math.max(chosen === "hour" ? HOUR_MS : DAY_MS, (nowMs - firstSeenMs) * ROOM);
  const begin = Math.min(firstSeenMs - room, nowMs - HOURS_MIN_MS + HOUR_MS);
  // By whole hours: an address that is another with each moment would be read again and again.
  return { unit: chosen, from: String(Math.floor(begin / HOUR_MS) * HOUR_MS) };
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

/** `label` is null where there is no room for a name; `others` are the older ones beside it that have none. */
export type Mark = { version: string; at: number; label: string | null; isLeft: boolean; others: string[] };

/** Of the releases within the chart, which is `px` wide. The newest names win; none reaches over the edge or into another. */
export function releaseMarks(view: HistoryView, px: number): Mark[] {
  const width = view.step_ms * view.counts.length;
  const inside = view.releases.filter(({ at_ms: ms }) => width > 0 && ms >= view.start_ms && ms < view.start_ms + width).toSorted((a, b) => b.at_ms - a.at_ms);
  let free = px;
  let named: Mark | undefined;
  const found = inside.map(({ version, at_ms: ms }): Mark => {
    const at = (ms - view.start_ms) / width;
    const x = at * px;
    const name = shortRelease(version);
    const long = (name.length + OTHERS_LETTERS) * LETTER_PX + BESIDE_PX;
    const isRight = x + long <= free;
    const isLeft = !isRight && x <= free && x - long >= 0;
    const mark: Mark = { version, at, label: isRight || isLeft ? name : null, isLeft, others: [] };
    if (mark.label === null) named?.others.push(version);
    else {
      named = mark;
      free = isLeft ? x - long : x;
    }
    return mark;
  });
  return found.toReversed();
}

/** `shop@1.4.2` as `1.4.2`, `3f9a1c…` for a commit: enough to know it by. */
export function shortRelease(version: string): string {
  const name = version.slice(version.lastIndexOf("@") + 1);
  return /^[0-9a-f]{12,}$/i.test(name) ? name.slice(0, 7) : name.length > 16 ? `${name.slice(0, 15)}…` : name;
}

const HOUR_STEPS = [1, 2, 3, 6, 12, 24, 48, 96];
const DAY_STEPS = [1, 2, 7, 14, 28, 56, 112];

/** Places along the axis of a chart `px` wide, equally far apart, on whole hours and days of the reader's clock; none reaches over `endPx`. */
export function ticks(view: Pick<HistoryView, "start_ms" | "step_ms" | "counts">, px: number, endPx = px): { at: number; words: string }[] {
  const size = view.counts.length;
  if (size === 0 || px <= 0) return [];
  const isDays = view.step_ms >= DAY_MS;
  const perBar = px / size;
  const last = size - 1;
  const isLong = !isDays && size > 24;
  const steps = isDays ? DAY_STEPS : HOUR_STEPS;
  const fits = (step: number) => step * perBar >= (isLong && step < 24 ? WORDS_PX : WORD_PX) + 8;
  const step = steps.find(fits) ?? Math.max(1, size);
  const isOnMark = (index: number) => {
    if (isDays) return index % step === 0;
    const date = new Date(view.start_ms + index * view.step_ms);
    if (step <= 24) return date.getHours() % step === 0;
    return date.getHours() === 0 && Math.round((view.start_ms + index * view.step_ms) / DAY_MS) % (step / 24) === 0;
  };
  const found = [];
  for (let index = 0; index <= last; index++) {
    if (!isOnMark(index)) continue;
    const text = dateTime(view.start_ms + index * view.step_ms);
    const words = isDays || (isLong && step >= 24) ? text.slice(5, 10) : isLong ? text.slice(5, 16) : text.slice(11, 16);
    if (index * perBar + words.length * 7 > endPx) break;
    found.push({ at: index / size, words });
  }
  return found;
}
