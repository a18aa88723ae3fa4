// What the log screens work out without a page: time ranges, rows that arrive while others are on screen, where rows stand. Pure.

import type { LogRowView, LogVolumeView } from "../api/types";

/** Lowest first, as the server names them. */
export const LEVELS = ["unknown", "trace", "debug", "info", "warn", "error", "fatal"] as const;

export const RANGES = [
  { key: "15m", words: "15 minutes", ms: 900_000 },
  { key: "1h", words: "1 hour", ms: 3_600_000 },
  { key: "24h", words: "24 hours", ms: 86_400_000 },
  { key: "7d", words: "7 days", ms: 604_800_000 },
  { key: "30d", words: "30 days", ms: 2_592_000_000 },
] as const;
export const RANGE_DEFAULT = "24h";

/** So far back goes what only has an end. */
const OPEN_MS = 2_592_000_000;

/** From and to in unix ms as the address says; `to` is null while the range moves on with the clock. */
export function timeRange(params: URLSearchParams, nowMs: number): { fromMs: number; toMs: number | null; key: string } {
  const from = wholeMs(params.get("from"));
  const to = wholeMs(params.get("to"));
  if (from !== null && to !== null && from < to) return { fromMs: from, toMs: to, key: "" };
  if (from !== null && to === null) return { fromMs: from, toMs: null, key: "" };
  if (to !== null && from === null) return { fromMs: Math.max(0, to - OPEN_MS), toMs: to, key: "" };
  const range = RANGES.find(({ key }) => key === params.get("range")) ?? RANGES.find(({ key }) => key === RANGE_DEFAULT);
  const ms = range?.ms ?? 86_400_000;
  // On whole tens of seconds, so that drawing again does not ask another question.
  return { fromMs: Math.floor((nowMs - ms) / 10_000) * 10_000, toMs: null, key: range?.key ?? RANGE_DEFAULT };
}

function wholeMs(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** `warn` as the marks spell it. */
export function markOf(level: string): string {
  return level === "warn" ? "warning" : level === "trace" || level === "unknown" ? "debug" : level;
}

/** Newest first; of two logs of one instant the one kept later. */
export function isBefore(a: LogRowView, b: LogRowView): boolean {
  if (a.time_ns.length !== b.time_ns.length) return a.time_ns.length > b.time_ns.length;
  if (a.time_ns !== b.time_ns) return a.time_ns > b.time_ns;
  return a.id > b.id;
}

export const ROWS_MAX = 20_000;

/** The fresh first page above what is shown. `isGap`: nothing of it was known, so what lies between is not. */
export function merge(shown: readonly LogRowView[], fresh: readonly LogRowView[]): { rows: LogRowView[]; added: number; isGap: boolean } {
  const known = new Set(shown.map((row) => row.id));
  const news = fresh.filter((row) => !known.has(row.id));
  const isGap = shown.length > 0 && news.length > 0 && news.length === fresh.length && !isBefore(shown[0] as LogRowView, fresh[fresh.length - 1] as LogRowView);
  if (isGap) return { rows: [...fresh], added: news.length, isGap };
  const last = shown[shown.length - 1];
  // A log that arrives late belongs where its time is, and beyond the end it comes with its page.
  const wanted = news.filter((row) => !last || isBefore(row, last));
  if (wanted.length === 0) return { rows: shown as LogRowView[], added: 0, isGap: false };
  const rows = [...wanted, ...shown].toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
  return { rows: rows.slice(0, ROWS_MAX), added: wanted.length, isGap: false };
}

/** Which rows to draw of a long list with one that is open, and how far down the first of them stands. */
export function windowOf(count: number, rowHeight: number, openAt: number, openHeight: number, top: number, height: number, spare: number): { from: number; to: number; offset: number; total: number } {
  const extra = openAt >= 0 ? openHeight : 0;
  const total = count * rowHeight + extra;
  const openTop = (openAt + 1) * rowHeight;
  const indexAt = (y: number): number => {
    if (openAt < 0 || y < openTop) return Math.floor(y / rowHeight);
    return y < openTop + extra ? openAt : Math.floor((y - extra) / rowHeight);
  };
  const from = Math.max(0, Math.min(count, indexAt(Math.max(0, top)) - spare));
  const to = Math.min(count, indexAt(top + height) + spare + 1);
  return { from, to: Math.max(from, to), offset: from * rowHeight + (openAt >= 0 && from > openAt ? extra : 0), total };
}

export type Stack = { level: string; count: number; from: number }[];

/** The bars of the histogram: for every stretch the levels that occur, the worst at the bottom. */
export function stacks(volume: LogVolumeView): { bars: Stack[]; most: number; total: number } {
  const size = Math.max(0, ...volume.levels.map(({ counts }) => counts.length));
  const worstFirst = volume.levels.toReversed();
  let most = 0;
  let total = 0;
  const bars = Array.from({ length: size }, (_, i) => {
    let sum = 0;
    const stack: Stack = [];
    for (const { level, counts } of worstFirst) {
      const n = counts[i] ?? 0;
      if (n > 0) stack.push({ level, count: n, from: sum });
      sum += n;
    }
    most = Math.max(most, sum);
    total += sum;
    return stack;
  });
  return { bars, most, total };
}
