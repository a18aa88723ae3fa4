// What the storage page says and draws, from what the server counted. Pure.

import type { KindDroppedView, KindStoredView, StorageView } from "../api/types";
import { plural } from "./format";

const DAY_MS = 86_400_000;

/** Each kind keeps its colour whatever else there is. */
const COLOURS: Record<string, string> = {
  errors: "p2",
  spans: "p1",
  logs: "p3",
  metrics: "p5",
  attachments: "p4",
  profiles: "p6",
  replays: "p7",
  issues: "p8",
};

export const kindColour = (kind: string): string => COLOURS[kind] ?? "border-strong";

/** In the units the cap is set in: `10 GiB`, `1.5 MiB`. As `trapline storage` tells it. */
export function size(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = n;
  let unit = 0;
  while (value >= 1023.5 && unit + 1 < units.length) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)}\u202f${units[unit]}`;
}

/** Kinds that hold something: those with rows, and of those not counted by row those with an oldest or kept for ever. */
export function shownKinds(storage: StorageView): KindStoredView[] {
  return storage.kinds.filter((kind) => (kind.rows === null ? kind.bytes > 0 && (kind.oldest_ms !== null || kind.keep_days === null) : kind.rows > 0));
}

/** Nothing has been sent yet. */
export const isEmpty = (storage: StorageView): boolean => storage.dropped.length === 0 && storage.kinds.every((kind) => (kind.rows ?? 0) === 0);

/** Kinds as they are listed: the largest first, behind them what is kept for ever. */
export function listedKinds(storage: StorageView): KindStoredView[] {
  return shownKinds(storage).toSorted((a, b) => Number(a.keep_days === null) - Number(b.keep_days === null) || b.bytes - a.bytes);
}

/** Parts of the bar in percent of what may be used, as wide as they are: a stripe for what is next to nothing would lie. */
export function segments(storage: StorageView): { kind: string; name: string; bytes: number; percent: number; colour: string }[] {
  const whole = Math.max(storage.max_bytes, storage.used_bytes, 1);
  return listedKinds(storage)
    .filter(({ bytes }) => bytes > 0)
    .map(({ kind, name, bytes }) => ({ kind, name, bytes, percent: (bytes / whole) * 100, colour: kindColour(kind) }));
}

/** Percent of each kind that add up to 100: rounded down, and what is left to those that lost most by it. As `trapline storage` tells it. */
export function shares(kinds: readonly KindStoredView[]): string[] {
  const sum = kinds.reduce((sum, { bytes }) => sum + bytes, 0);
  const whole = Math.max(sum, 1);
  const percent = kinds.map(({ bytes }) => Math.floor((bytes * 100) / whole));
  const order = kinds.map((kind, place) => ({ place, kind, lost: (kind.bytes * 100) % whole })).toSorted((a, b) => b.lost - a.lost || b.kind.bytes - a.kind.bytes || (a.kind.kind < b.kind.kind ? -1 : 1));
  const left = sum === 0 ? 0 : 100 - percent.reduce((sum, one) => sum + one, 0);
  for (const { place } of order.slice(0, left)) percent[place] = (percent[place] ?? 0) + 1;
  return kinds.map(({ bytes }, place) => (bytes > 0 && percent[place] === 0 ? "< 1\u202f%" : `${percent[place]}\u202f%`));
}

/** Whether what comes in is stored. */
export const isStoring = (storage: StorageView): boolean => storage.writer === "ready" || storage.writer === "log_held";

/** What keeps the server from storing: what happened, why, and what to do. */
export function writerTrouble(storage: StorageView): { title: string; detail: string } | null {
  const room = `${size(storage.disk_free_bytes)} of ${size(storage.disk_bytes)} are left`;
  switch (storage.writer) {
    case "disk_full":
      return {
        title: "The disk is full: nothing is stored",
        detail: `What applications send is answered with 503 since a write found no room; ${room} on the disk of ${storage.path}. Free some space there: storing goes on by itself within seconds. What is here already can be read.`,
      };
    case "disk_full_of_log":
      return {
        title: "The disk is full of the write-ahead log: nothing is stored",
        detail: `Another program has been reading ${storage.path} for long (sqlite3, a backup or an export under way), and until it ends, the log cannot be emptied; ${room}. End that program, and storing goes on by itself within seconds. What is here already can be read.`,
      };
    case "queue_full":
      return {
        title: "More is sent than the disk can take",
        detail: "Some of what applications send is turned away until the queue is shorter. Sample or filter at the sender, or put the data directory on a faster disk.",
      };
    case "stalled":
      return {
        title: "The disk does not answer",
        detail: `A write to ${storage.path} has been waiting for more than ten seconds, and nothing is stored meanwhile. Look at the disk (dmesg, mount options) and at what else uses it.`,
      };
    case "log_held":
      return {
        title: "The write-ahead log grows and cannot be emptied",
        detail: `Another program has been reading ${storage.path} for long (sqlite3, a backup or an export under way). Everything is stored all the same; end that program, or wait for it, and the log goes back.`,
      };
    default:
      return null;
  }
}

export function keptFor(kind: KindStoredView): string {
  if (kind.keep_days === null) return "for ever";
  if (kind.keep_days === 0) return "as long as there is room";
  return plural(kind.keep_days, "day");
}

/** `in 12 days`, and why when it is not for its age. */
export function nextDrop(kind: KindStoredView, nowMs: number): { when: string; why: string } | null {
  if (kind.next_drop_ms === null) return null;
  // Rounded up: what came today and is kept 90 days goes in 90 days. As `trapline storage` tells it.
  const days = Math.ceil((kind.next_drop_ms - nowMs) / DAY_MS);
  const when = days <= 1 ? "within a day" : days > 730 ? `in ${Math.round(days / 365)} years` : `in ${plural(days, "day")}`;
  return { when, why: kind.next_drop_cause === "size" ? "for want of room" : "" };
}

export type DroppedLine = { key: string; name: string; cause: string; rows: number; bytes: number; days: number[] };

/** Of each kind and cause over 30 days, oldest day first, largest sum first. */
export function droppedLines(dropped: readonly KindDroppedView[], nowMs: number): DroppedLine[] {
  const today = Math.floor(nowMs / DAY_MS);
  const lines = new Map<string, DroppedLine>();
  for (const day of dropped) {
    const key = `${day.kind} ${day.cause}`;
    const line = lines.get(key) ?? { key, name: day.name, cause: day.cause === "size" ? "for want of room" : "too old", rows: 0, bytes: 0, days: Array.from({ length: 30 }, () => 0) };
    line.rows += day.rows;
    line.bytes += day.bytes;
    const place = 29 - (today - Math.floor(day.day_ms / DAY_MS));
    if (place >= 0 && place < 30) line.days[place] = (line.days[place] ?? 0) + day.rows;
    lines.set(key, line);
  }
  return [...lines.values()].toSorted((a, b) => b.bytes - a.bytes);
}
