// What led to an event, from every source that told of it: breadcrumbs, logs, spans and other errors of its trace, in the
// order of time. Pure: the sources come as arguments, as far as they have arrived.

import type { Breadcrumb, EventView, LogRowView, TraceView } from "../api/types";
import { markOf } from "./logs";

export type Moment =
  | { kind: "crumb"; crumb: Breadcrumb }
  | { kind: "log"; log: LogRowView }
  | { kind: "span"; span: number; durationNs: number }
  | { kind: "error"; error: number }
  | { kind: "event" };

export type Entry = Moment & {
  key: string;
  /** Relative to the event; null when nobody said. */
  atNs: number | null;
  /** What the chips choose by: `query`, `http`, …; empty for the event itself, which always stays. */
  type: string;
  /** As the marks spell it; empty for what has no level. */
  level: string;
};

const LEVELS = ["fatal", "error", "warning", "info", "debug"];

/** As SDKs old and new call them. */
export function isQuery(crumb: Pick<Breadcrumb, "ty" | "category">): boolean {
  return crumb.ty === "query" || crumb.category === "query" || /^db(\.|$)/.test(crumb.category ?? "");
}
export const isHttp = (crumb: Pick<Breadcrumb, "ty" | "category">): boolean => crumb.ty === "http" || crumb.category === "httplib";

function crumbType(crumb: Breadcrumb): string {
  if (isQuery(crumb)) return "query";
  if (isHttp(crumb)) return "http";
  return crumb.ty === "navigation" || crumb.ty === "user" || crumb.ty === "ui" ? crumb.ty : "breadcrumb";
}

function spanType(op: string): string {
  if (/^db(\.|$)/.test(op)) return "query";
  return /^https?(\.|$)/.test(op) ? "http" : "span";
}

/** Nanoseconds between a time told as text, which no number can hold, and the event; by the milliseconds when it is no time. */
function since(ns: string, ms: number, eventMs: number): number {
  if (!/^-?\d{1,24}$/.test(ns)) return (ms - eventMs) * 1e6;
  return Number(BigInt(ns) - BigInt(Math.round(eventMs * 1000)) * 1000n);
}

const levelOf = (level: string) => (LEVELS.includes(level) ? level : "info");

export function timeline(event: EventView, logs: readonly LogRowView[] = [], trace?: TraceView): Entry[] {
  const atMs = event.timestamp_ms;
  const out: Entry[] = [];
  const told = new Map(logs.map((log) => [log.body, log.time_ms]));
  for (const [i, crumb] of event.detail.breadcrumbs.entries())
    if (!isToldByLog(crumb, told)) out.push({ kind: "crumb", crumb, key: `c${i}`, atNs: crumb.timestamp_ms === null ? null : (crumb.timestamp_ms - atMs) * 1e6, type: crumbType(crumb), level: levelOf(crumb.level) });
  for (const log of logs) out.push({ kind: "log", log, key: `l${log.id}`, atNs: since(log.time_ns, log.time_ms, atMs), type: "log", level: levelOf(markOf(log.level)) });
  if (trace) {
    const start = since(trace.start_ns, trace.start_ms, atMs);
    for (const [i, op] of trace.spans.op.entries())
      out.push({ kind: "span", span: i, durationNs: trace.spans.duration_ns[i] ?? 0, key: `s${i}`, atNs: start + (trace.spans.start_ns[i] ?? 0), type: spanType(op), level: trace.spans.status[i] === "error" ? "error" : "" });
    for (const [i, error] of trace.errors.entries())
      if (error.event_id !== event.event_id) out.push({ kind: "error", error: i, key: `e${error.event_id}`, atNs: start + error.time_ns, type: "error", level: levelOf(error.level) });
  }
  return [...ordered(out), { kind: "event", key: "event", atNs: 0, type: "", level: levelOf(event.level) } satisfies Entry].toSorted((a, b) => place(a) - place(b) || Number(a.kind === "event") - Number(b.kind === "event"));
}

const places = new WeakMap<Entry, number>();
const place = (entry: Entry) => entry.atNs ?? places.get(entry) ?? Number.NEGATIVE_INFINITY;

/** A breadcrumb without a time stands behind the one before it. */
function ordered(entries: Entry[]): Entry[] {
  let last = Number.NEGATIVE_INFINITY;
  for (const entry of entries) {
    if (entry.kind !== "crumb") break;
    if (entry.atNs === null) places.set(entry, last);
    else last = entry.atNs;
  }
  return entries;
}

/** An SDK that sends logs makes a breadcrumb of each, too, a moment apart. */
const SAME_MS = 50;

function isToldByLog({ message, timestamp_ms: ms }: Breadcrumb, told: ReadonlyMap<string, number>): boolean {
  const at = message === null || ms === null ? undefined : told.get(message);
  return at !== undefined && Math.abs(at - (ms ?? 0)) <= SAME_MS;
}

export type Counted = { name: string; count: number };

/** What there is to choose from, the usual ones first. */
export function typesOf(entries: readonly Entry[]): Counted[] {
  return counted(entries, ({ type }) => type, ["query", "http", "span", "log", "error", "breadcrumb"]);
}
export function levelsOf(entries: readonly Entry[]): Counted[] {
  return counted(entries, ({ level, type }) => (type === "" ? "" : level), LEVELS);
}

function counted(entries: readonly Entry[], of: (entry: Entry) => string, order: readonly string[]): Counted[] {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const name = of(entry);
    if (name !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const rank = (name: string) => (order.indexOf(name) + order.length + 1) % (order.length + 1);
  return [...counts].map(([name, count]) => ({ name, count })).toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}

/** Types and levels are hidden by name; what has no level is no question of levels. */
export function shown(entries: readonly Entry[], hidden: ReadonlySet<string>): Entry[] {
  return entries.filter(({ type, level }) => type === "" || !(hidden.has(type) || hidden.has(`level:${level}`)));
}

/** Neighbours that say the same are one row from so many on. */
const ALIKE_AT = 3;

/** An entry that stands for those behind it, too, which say the same. */
export type Folded = Entry & { alike: Entry[] };

/** What is said several times in a row is said once: an N+1 query is one line, not thirty. */
export function folded(entries: readonly Entry[], textOf: (entry: Entry) => string | null): Folded[] {
  const runs: { text: string | null; entries: Entry[] }[] = [];
  for (const entry of entries) {
    const text = textOf(entry);
    const last = runs.at(-1);
    if (text !== null && last?.text === text && last.entries[0]?.kind === entry.kind) last.entries.push(entry);
    else runs.push({ text, entries: [entry] });
  }
  return runs.flatMap(({ entries: run }) => {
    const [head, ...alike] = run;
    return head && run.length >= ALIKE_AT ? [{ ...head, alike }] : run.map((entry) => ({ ...entry, alike: [] }));
  });
}

/** The stretch around the event that is drawn at first, and how many lie before and after it. */
export function around<T extends Entry>(entries: readonly T[], before: number, after: number): { rows: T[]; earlier: number; later: number } {
  const at = entries.findIndex(({ kind }) => kind === "event");
  const from = Math.max(0, at - before);
  const to = Math.min(entries.length, at + 1 + after);
  return { rows: entries.slice(from, to), earlier: from, later: entries.length - to };
}
