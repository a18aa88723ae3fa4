// What the performance screens work out without a page: order of rows, how rates and queries read, what an event says. Pure.

import type { EventDetail, PerformanceNumbers, PerformanceRowView } from "../api/types";
import { count, duration } from "./format";

export const KINDS = [
  { key: "endpoint", words: "Endpoints", one: "endpoint" },
  { key: "task", words: "Tasks", one: "task" },
  { key: "query", words: "Queries", one: "query" },
] as const;
export type Kind = (typeof KINDS)[number]["key"];

export const kindOf = (text: string | null): Kind => KINDS.find(({ key }) => key === text)?.key ?? "endpoint";

export const SORTS = ["time", "rate", "errors", "p50", "p95", "p99", "apdex", "sql"] as const;
export type Sort = (typeof SORTS)[number];

const SORT_BY: Record<Sort, (row: PerformanceRowView) => number> = {
  time: (row) => row.time_share,
  rate: (row) => row.numbers.count,
  errors: (row) => row.numbers.error_share,
  p50: (row) => row.numbers.p50_ms ?? 0,
  p95: (row) => row.numbers.p95_ms ?? 0,
  p99: (row) => row.numbers.p99_ms ?? 0,
  // The unhappiest first.
  apdex: (row) => -(row.numbers.apdex ?? 2),
  sql: (row) => row.numbers.sql_per_request ?? 0,
};

export const sortOf = (text: string | null): Sort => SORTS.find((sort) => sort === text) ?? "time";

/** The largest first; of equals the one that takes more time. What is looked for may stand in a line that asked as well. */
export function sorted(rows: readonly PerformanceRowView[], sort: Sort, text: string): PerformanceRowView[] {
  const by = SORT_BY[sort];
  const words = text.toLowerCase();
  return rows.filter((row) => [row.name, ...row.call_sites].some((said) => said.toLowerCase().includes(words))).toSorted((a, b) => by(b) - by(a) || b.time_share - a.time_share || (a.name < b.name ? -1 : 1));
}

const RATES = [
  { unit: "s", perMinute: 60, from: 120 },
  { unit: "min", perMinute: 1, from: 1 },
  { unit: "h", perMinute: 1 / 60, from: 1 / 60 },
  { unit: "day", perMinute: 1 / 1440, from: 0 },
] as const;
export type RateUnit = (typeof RATES)[number]["unit"];

/** The unit in which the most frequent of a column reads best: one for all, or they could not be compared. */
export function rateUnit(perMinutes: readonly number[]): RateUnit {
  const most = Math.max(0, ...perMinutes);
  return RATES.find(({ from }) => most >= from)?.unit ?? "day";
}

export function rateIn(perMinute: number, unit: RateUnit): string {
  if (perMinute <= 0) return "0";
  const n = perMinute / (RATES.find((one) => one.unit === unit)?.perMinute ?? 1);
  if (n < 0.01) return `<\u202f0.01/${unit}`;
  return `${n >= 99.5 ? count(Math.round(n)) : Number(n.toPrecision(2))}/${unit}`;
}

/** `12/min`, `3.4/s`, `2/h`. */
export function rate(perMinute: number): string {
  if (perMinute <= 0) return "0";
  const digits = (n: number) => (n >= 99.5 ? String(Math.round(n)) : String(Number(n.toPrecision(2))));
  if (perMinute >= 120) return `${digits(perMinute / 60)}/s`;
  if (perMinute >= 1) return `${digits(perMinute)}/min`;
  if (perMinute * 60 >= 1) return `${digits(perMinute * 60)}/h`;
  return `${digits(perMinute * 1440)}/day`;
}

export const ms = (n: number | null): string => (n === null ? "–" : n === 0 ? "under 1\u202fµs" : duration(n * 1e6));

/** A percentile; one that is read from buckets says that it is about right. */
export const quantile = (n: number | null, error: number): string => (n === null || error === 0 ? ms(n) : `≈\u202f${ms(n)}`);

/** `6.25 %`. */
const offBy = (error: number): string => `off by ${Number((error * 100).toFixed(2))}\u202f% at most`;

/** By how much, in few words. */
export const quantileAbout = (error: number): string | undefined => (error === 0 ? undefined : offBy(error));

/** By how much, for whoever asks. */
export const quantileNote = (error: number): string | undefined => (error === 0 ? undefined : `Estimated: ${offBy(error)}, and never above the longest or below the shortest`);

export const apdex = (n: number | null): string => (n === null ? "–" : n.toFixed(2));

/** Excellent and good pass; below that people notice, and leave. */
export function apdexWords(n: number): "good" | "fair" | "poor" {
  const shown = Math.round(n * 100);
  return shown >= 85 ? "good" : shown >= 70 ? "fair" : "poor";
}

export const perRequest = (n: number | null): string => (n === null ? "–" : n === 0 ? "0" : n < 9.95 ? n.toFixed(1).replace(/\.0$/, "") : String(Math.round(n)));

/** How much a release is slower or faster than the one it is compared with: `+12 %`. */
export function change(now: number | null, before: number | null): string | null {
  if (now === null || before === null || before === 0) return null;
  const share = now / before - 1;
  // Below what a bucket tells apart.
  if (Math.abs(share) < 0.07) return "±0";
  return `${share > 0 ? "+" : "−"}${Math.round(Math.abs(share) * 100)}\u202f%`;
}

export const performancePath = (key: string, search: string): string => `/performance/${encodeURIComponent(key)}${search}`;

export const worst = (numbers: PerformanceNumbers): boolean => numbers.error_share >= 0.05;

export type QueryFinding = {
  kind: "n_plus_one" | "slow_query";
  traceId: string;
  sql: string;
  example: string;
  operation: string;
  table: string | null;
  count: number;
  totalMs: number;
  within: string;
  withinMs: number;
  isTask: boolean;
  callSite: string | null;
  file: string | null;
  line: number | null;
  function: string | null;
  isDjango: boolean;
};

/** What was found, from the event that tells it; null for every other event. */
export function queryFindingOf(detail: EventDetail): QueryFinding | null {
  const entries = detail.contexts.find(({ name }) => name === "query")?.entries ?? [];
  const value = (name: string): unknown => entries.find((entry) => entry.name === name)?.value;
  const text = (name: string) => (typeof value(name) === "string" && value(name) !== "" ? String(value(name)) : null);
  const number = (name: string) => Number(value(name) ?? 0) || 0;
  const kind = text("finding");
  const sql = text("sql");
  if ((kind !== "n_plus_one" && kind !== "slow_query") || sql === null) return null;
  const file = text("file");
  const line = value("line");
  const where = file === null ? null : `${file}${line === null || line === undefined ? "" : `:${String(line)}`}`;
  const sdk = `${text("sdk") ?? ""} ${file ?? ""}`;
  return {
    kind,
    sql,
    traceId: text("trace_id") ?? "",
    example: text("example") ?? sql,
    operation: text("operation") ?? "",
    table: text("table"),
    count: number("count"),
    totalMs: number("total_ms"),
    within: text("within") ?? "",
    withinMs: number("within_ms"),
    isTask: value("is_task") === true,
    callSite: where,
    file,
    line: number("line") || null,
    function: text("function"),
    isDjango: sdk.includes("django") || sdk.includes("python"),
  };
}

/** Whether an issue was found in traces, where no event of it is at hand. */
export const isQueryFinding = ({ kind }: { kind: string }): boolean => kind === "n_plus_one" || kind === "slow_query";

/** The many of a Django relation as its SQL tells it: a lookup by the key of one row, or of a list. */
export function relationHint(sql: string): "one" | "many" {
  // ... WHERE "shop_author"."id" = ? fetches the one at the other end; anything else fetches the many.
  return /"?(\w+)"?\."?(id|uuid|pk)"? = \?/.test(sql.slice(sql.toUpperCase().lastIndexOf(" WHERE "))) ? "one" : "many";
}

/** A statement with the lines that ask it, for whoever wants all of it. */
export const askedWords = ({ name, call_sites, may_have_more_call_sites }: Pick<PerformanceRowView, "name" | "call_sites" | "may_have_more_call_sites">): string =>
  call_sites.length === 0 ? name : `${name}\n\nAsked last at\n${call_sites.join("\n")}${may_have_more_call_sites ? "\nand maybe others" : ""}`;

/** A statement as a list can show it: what sets it apart stands behind its columns. `SELECT … FROM shop_book WHERE …` */
export function shortSql(sql: string): string {
  const plain = sql.replaceAll(/["`[\]]/g, "");
  return plain.replace(/^SELECT (DISTINCT )?(.{20,}?) FROM /, (_, distinct: string | undefined) => `SELECT ${distinct ?? ""}… FROM `);
}
