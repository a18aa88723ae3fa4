// What every list of issues is narrowed by, as the address says it: project, environment, release, time; and the search.
// Carried from the list to an issue and back, so that its events, tags and history are of the same. Pure.

import { dateTime } from "./format";

export const SCOPE_KEYS = ["project", "environment", "release", "range", "from", "to"] as const;

export const RANGES = [
  { key: "1h", words: "Last hour", ms: 3_600_000 },
  { key: "24h", words: "Last 24 hours", ms: 86_400_000 },
  { key: "7d", words: "Last 7 days", ms: 604_800_000 },
  { key: "14d", words: "Last 14 days", ms: 1_209_600_000 },
  { key: "30d", words: "Last 30 days", ms: 2_592_000_000 },
  { key: "90d", words: "Last 90 days", ms: 7_776_000_000 },
  { key: "all", words: "All time", ms: 0 },
] as const;
export type Range = { key: string; words: string; ms: number };

/** A relative range, or an absolute one, or neither: all there is. */
export type Time = { range: string | null; fromMs: number | null; toMs: number | null };

const wholeMs = (text: string | null): number | null => (text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null);

export function timeOf(params: URLSearchParams, ranges: readonly Range[] = RANGES): Time {
  const fromMs = wholeMs(params.get("from"));
  const toMs = wholeMs(params.get("to"));
  if ((fromMs !== null || toMs !== null) && !(fromMs !== null && toMs !== null && fromMs >= toMs)) return { range: null, fromMs, toMs };
  const range = params.get("range");
  return { range: ranges.some(({ key }) => key === range) && range !== "all" ? range : null, fromMs: null, toMs: null };
}

/** `Last 24 hours`, `11-20 06:00 – 11-21 08:30`, `since 11-20 06:00`. */
export function timeWords(time: Time, ranges: readonly Range[] = RANGES): string {
  const { range, fromMs, toMs } = time;
  const short = (ms: number) => dateTime(ms).slice(5, 16);
  if (fromMs !== null && toMs !== null) return dateTime(fromMs).slice(0, 10) === dateTime(toMs).slice(0, 10) ? `${short(fromMs)} – ${short(toMs).slice(6)}` : `${short(fromMs)} – ${short(toMs)}`;
  if (fromMs !== null) return `Since ${short(fromMs)}`;
  if (toMs !== null) return `Until ${short(toMs)}`;
  return ranges.find(({ key }) => key === range)?.words ?? "All time";
}

/** For `<input type="datetime-local">`: the clock of the reader. */
export const localInput = (ms: number): string => dateTime(ms).slice(0, 16).replace(" ", "T");
export function ofLocalInput(text: string): number | null {
  const ms = new Date(text).getTime();
  return text === "" || Number.isNaN(ms) ? null : ms;
}

/** The part of an address that narrows, in one order, so that the same question has one address. */
export function scopeOf(params: URLSearchParams): URLSearchParams {
  const scope = new URLSearchParams();
  for (const key of ["project", "environment", "release"] as const) {
    const value = params.get(key);
    if (value) scope.set(key, value);
  }
  const { range, fromMs, toMs } = timeOf(params);
  if (range !== null) scope.set("range", range);
  if (fromMs !== null) scope.set("from", String(fromMs));
  if (toMs !== null) scope.set("to", String(toMs));
  return scope;
}

export const isNarrowed = (params: URLSearchParams): boolean => scopeOf(params).size > 0;

/** What lists of issues show when the address does not say: the open ones. */
export const QUERY_DEFAULT = "is:unresolved";

/** `null` in the address is the default; an empty one asks for all. Addresses of before searches had a language are understood. */
export function queryOf(params: URLSearchParams): string {
  const text = params.get("query");
  const status = params.get("status");
  if (status === "all") return text ?? "";
  if (status !== null && /^(?:unresolved|resolved|ignored)$/u.test(status)) return `is:${status} ${text ?? ""}`.trim();
  return text ?? QUERY_DEFAULT;
}

/** The address with another query; the default needs no words in it. */
export function withIssueQuery(search: string, query: string): string {
  const params = new URLSearchParams(search);
  params.delete("status");
  if (query.trim() === QUERY_DEFAULT) params.delete("query");
  else params.set("query", query);
  return asSearch(params);
}

const asSearch = (params: URLSearchParams) => (params.size === 0 ? "" : `?${params}`);
