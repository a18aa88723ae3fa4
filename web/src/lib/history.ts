// The chart of an issue's past as numbers: unit, words for a bar, where marks of releases stand. Pure.

import type { HistoryView } from "../api/issue-types";
import { count, dateTime, noun } from "./format";
import type { Filters } from "./issue-place";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Shorter stretches are told by the minute, by five minutes; longer ones by the day. */
const MINUTES_BELOW_MS = 2 * HOUR_MS;
const FIVE_MINUTES_BELOW_MS = DAY_MS;
const HOURS_UP_TO_MS = 3 * DAY_MS;
/** Of a letter of a release's name, and of what is beside them, in pixels: the sheet writes them in 11 px monospace. */
const LETTER_PX = 6.7;
const BESIDE_PX = 6;
/** A name has room for how many others it speaks for: ` +12`. */
const OTHERS_LETTERS = 4;
/** Words below the axis, in pixels: a clock or a date, and the two together. */
const WORD_PX = 44;
const WORDS_PX = 86;

/** Before the first event there is a little room, so that one sees it begin: an hour or a day, or this share of its age. */
const ROOM = 0.1;
type Unit = HistoryView["unit"];

function unitOf(lengthMs: number): Unit {
  if (lengthMs < MINUTES_BELOW_MS) return "minute";
  if (lengthMs < FIVE_MINUTES_BELOW_MS) return "five_minutes";
  return lengthMs <= HOURS_UP_TO_MS ? "hour" : "day";
}

/** How the past of an issue is asked for: by what steps, and when no time is chosen, from its first event on. */
export function asked({ range, from, to }: Pick<Filters, "range" | "from" | "to">, firstSeenMs: number, nowMs: number): { unit: Unit; from?: string } {
  const age = nowMs - firstSeenMs;
  if (from !== null || to !== null) return { unit: unitOf((to ?? nowMs) - (from ?? firstSeenMs)) };
  if (range === "1h") return { unit: "minute" };
  // Of a day all that a young issue has is a part.
  if (range === "24h") return { unit: age < DAY_MS ? "five_minutes" : "hour" };
  if (range !== "all") return { unit: "day" };
  const unit = unitOf(age);
  const begin = firstSeenMs - Math.max(unit === "day" ? DAY_MS : HOUR_MS, age * ROOM);
  // By whole hours: an address that is another with each moment would be read again and again.
  return { unit, from: String(Math.floor(begin / HOUR_MS) * HOUR_MS) };
}

/** "at most 3 an hour" */
export function perStep({ step_ms: step }: Pick<HistoryView, "step_ms">): string {
  if (step >= DAY_MS) return "a day";
  if (step >= HOUR_MS) return "an hour";
  return step > MINUTE_MS ? `in ${step / MINUTE_MS} minutes` : "a minute";
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

const MINUTES = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];
const HOURS = [1, 2, 3, 6, 12, 24, 48, 96];
const DAYS = [1, 2, 7, 14, 28, 56, 112];

/** Places along the axis of a chart `px` wide, equally far apart, on whole minutes, hours and days of the reader's clock; none reaches over `endPx`. */
export function ticks(view: Pick<HistoryView, "start_ms" | "step_ms" | "counts">, px: number, endPx = px): { at: number; words: string }[] {
  const size = view.counts.length;
  if (size === 0 || px <= 0) return [];
  const isDays = view.step_ms >= DAY_MS;
  const isFine = view.step_ms < HOUR_MS;
  const perBar = px / size;
  const last = size - 1;
  const isLong = !isDays && size * view.step_ms > DAY_MS;
  const steps = isDays ? DAYS.map((days) => days * DAY_MS) : isFine ? MINUTES.map((minutes) => minutes * MINUTE_MS) : HOURS.map((hours) => hours * HOUR_MS);
  const fits = (step: number) => (step / view.step_ms) * perBar >= (isLong && !isFine && step < DAY_MS ? WORDS_PX : WORD_PX) + 8;
  const step = steps.find(fits) ?? Math.max(1, size) * view.step_ms;
  const isOnMark = (index: number) => {
    if (isDays) return index % (step / view.step_ms) === 0;
    const date = new Date(view.start_ms + index * view.step_ms);
    // Where clocks are half an hour off, no bar of an hour begins on a whole one.
    const ofDay = date.getHours() * HOUR_MS + (isFine ? date.getMinutes() * MINUTE_MS : 0);
    if (step <= DAY_MS) return ofDay % step === 0;
    return ofDay === 0 && Math.round(date.getTime() / DAY_MS) % (step / DAY_MS) === 0;
  };
  const found = [];
  for (let index = 0; index <= last; index++) {
    if (!isOnMark(index)) continue;
    const text = dateTime(view.start_ms + index * view.step_ms);
    const [day, clock] = [text.slice(5, 10), text.slice(11, 16)];
    // Little more than a day of fine steps: where the next day begins, its name says so.
    const isDay = isDays || (isLong && (step >= DAY_MS || (isFine && clock === "00:00")));
    const words = isDay ? day : isLong && !isFine ? `${day} ${clock}` : clock;
    if (index * perBar + words.length * 7 > endPx) break;
    found.push({ at: index / size, words });
  }
  return found;
}
