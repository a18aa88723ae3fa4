// What two events have in common and where they differ, place by place. Pure: knows events and traces, not how they are drawn.
//
// Every place that either event has is named exactly once, so nothing can differ without being told.

import type { EventView, ExceptionDetail, FrameDetail, Pair, TraceView, Variable } from "../api/types";
import { exceptionName } from "./export";
import { count, duration } from "./format";
import { isTree } from "./python-value";

export type Change = "same" | "changed" | "added" | "removed";
/** `a` and `b` are undefined where that event has nothing. */
/** `isMoved`: the same but for an address in memory, which is another one in every process. */
export type DiffRow = { path: string; change: Change; a: unknown; b: unknown; isMoved?: boolean };
export type DiffSection = { id: string; title: string; note: string; rows: DiffRow[]; omitted: number };

/** Rows of one section: a page with more than these answers no question. */
const ROWS_MAX = 2000;
/** Deeper trees are compared whole. */
const DEPTH_MAX = 8;
/** Longer stacks are aligned by their ends only; recursion repeats itself in between. */
const ALIGN_MAX = 400;
/** Spans take another time each time; this much slower or faster is a difference. */
const SLOWER = 2;
const SLOWER_NS_MIN = 1_000_000;

export function diffEvents(a: EventView, b: EventView): DiffSection[] {
  return [
    section("event", "Event", facts(a), facts(b)),
    ...exceptionSections(a.detail.exceptions, b.detail.exceptions),
    section("request", "Request", requestOf(a), requestOf(b)),
    section("tags", "Tags", pairs(a.detail.tags), pairs(b.detail.tags)),
    section("user", "User", pairs(a.detail.user), pairs(b.detail.user)),
    section("contexts", "Contexts", contextsOf(a), contextsOf(b)),
    section("extra", "Extra", pairs(a.detail.extra), pairs(b.detail.extra)),
    section("modules", "Packages", pairs(a.detail.modules), pairs(b.detail.modules)),
  ].filter(({ rows }) => rows.length > 0);
}

/** Named values of one side; a name stands once. */
type Values = Map<string, unknown>;
type Entries = readonly (readonly [string, unknown])[];

function section(id: string, title: string, a: Values, b: Values, note = ""): DiffSection {
  const rows: DiffRow[] = [];
  compareMaps((name) => name, a, b, rows, 0);
  return { id, title, note, rows: rows.slice(0, ROWS_MAX), omitted: Math.max(0, rows.length - ROWS_MAX) };
}

/** Headers and query strings may name one thing twice: the second is another place. */
function named(entries: Entries): Values {
  const out: Values = new Map();
  for (const [name, value] of entries) {
    let unique = name;
    for (let n = 2; out.has(unique); n++) unique = `${name} (${n})`;
    out.set(unique, value ?? null);
  }
  return out;
}

const entriesOf = (list: readonly (Pair | Variable)[], prefix = ""): Entries => list.map((pair) => [prefix + ("key" in pair ? pair.key : pair.name), pair.value]);
const pairs = (list: readonly (Pair | Variable)[]): Values => named(entriesOf(list));
const present = (entries: Entries): Entries => entries.filter(([, value]) => value !== null && value !== undefined && value !== "");

function facts({ title, culprit, level, platform, detail }: EventView): Values {
  const { message, message_template: template, transaction, release, dist, environment, server_name: server, logger, sdk } = detail;
  return named(present([["title", title], ["culprit", culprit], ["level", level], ["message", message], ["template", template], ["transaction", transaction], ["release", release], ["dist", dist], ["environment", environment], ["server", server], ["logger", logger], ["platform", platform], ["sdk", sdk]]));
}

function requestOf({ detail: { request } }: EventView): Values {
  if (!request) return new Map();
  const { method, url, query, data, headers, cookies, env } = request;
  return named([...present([["method", method], ["url", url]]), ...entriesOf(query, "query "), ...present([["body", data]]), ...entriesOf(headers, "header "), ...entriesOf(cookies, "cookie "), ...entriesOf(env, "env ")]);
}

function contextsOf({ detail }: EventView): Values {
  return named(detail.contexts.flatMap(({ name, entries }) => entriesOf(entries, `${name} `)));
}

function compareMaps(pathOf: (name: string) => string, a: Values, b: Values, rows: DiffRow[], depth: number): void {
  for (const [name, value] of a) compare(pathOf(name), value, b.get(name), rows, depth);
  for (const [name, value] of b) if (!a.has(name)) compare(pathOf(name), undefined, value, rows, depth);
}

/** Into trees that both have; a tree that only one has is one difference. Paths read as Python would write them. */
function compare(path: string, a: unknown, b: unknown, rows: DiffRow[], depth: number): void {
  const isList = Array.isArray(a);
  if (a === undefined || b === undefined) rows.push({ path, change: a === undefined ? "added" : "removed", a, b });
  else if (isTree(a) && isTree(b) && isList === Array.isArray(b) && depth < DEPTH_MAX) compareMaps((name) => `${path}[${isList ? name : `'${name}'`}]`, children(a), children(b), rows, depth + 1);
  else if (isEqual(a, b)) rows.push({ path, change: "same", a, b });
  else if (isEqual(masked(a), masked(b))) rows.push({ path, change: "same", a, b, isMoved: true });
  else rows.push({ path, change: "changed", a, b });
}

/** `<Order object at 0x7f2a8e75ac00>`: of Python, and of what it calls into. Shorter numbers are more likely meant. */
const ADDRESS = /\b0x[0-9a-fA-F]{6,16}\b/gu;
const masked = (value: unknown): unknown => (typeof value === "string" ? value.replace(ADDRESS, "0x…") : value);

function children(tree: object): Values {
  return new Map(Array.isArray(tree) ? tree.map((item, i) => [String(i), item ?? null]) : Object.entries(tree).map(([name, item]) => [name, item ?? null]));
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  return canonical(a) === canonical(b);
}

/** JSON whose keys are in order: two dictionaries are equal whichever way they were filled. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0))) : inner,
  );
}

/** What was raised first, and of it the frame it was raised in: where one looks. */
function exceptionSections(a: readonly ExceptionDetail[], b: readonly ExceptionDetail[]): DiffSection[] {
  const older = a.toReversed();
  const newer = b.toReversed();
  return Array.from({ length: Math.max(older.length, newer.length) }, (_, i) => oneException(i, older[i], newer[i])).flat();
}

function oneException(index: number, a: ExceptionDetail | undefined, b: ExceptionDetail | undefined): DiffSection[] {
  const named = b ?? a;
  if (!named) return [];
  const title = exceptionName(named);
  const out = [section(`exception-${index}`, title, exceptionFacts(a), exceptionFacts(b), index === 0 ? "raised" : "")];
  const [left, right] = [(a?.frames ?? []).toReversed(), (b?.frames ?? []).toReversed()];
  const aligned = align(left, right);
  for (const [i, [x, y]] of aligned.entries()) {
    const frame = y ?? x;
    if (!frame) continue;
    const one = section(`frame-${index}-${i}`, frameName(frame), frameValues(x), frameValues(y), title);
    if (one.rows.length > 0) out.push(one);
  }
  return out;
}

function exceptionFacts(exception: ExceptionDetail | undefined): Values {
  if (!exception) return new Map();
  const { value, mechanism, relation, frames, frames_omitted: omitted } = exception;
  return named(present([["type", exceptionName(exception)], ["value", value], ["handled", mechanism?.handled], ["mechanism", mechanism?.ty], ["relation", relation], ["frames", frames.length + omitted]]));
}

const fileOf = ({ filename, abs_path: path, module }: FrameDetail) => filename ?? path ?? module ?? "unknown file";
const frameName = (frame: FrameDetail) => `${frame.function ?? "(unknown)"} ${fileOf(frame)}`;

/** No variable has a blank in its name, so these two stay apart from them. */
function frameValues(frame: FrameDetail | undefined): Values {
  if (!frame) return new Map();
  return named([...present([["line number", frame.line], ["source line", frame.context_line?.trim()]]), ...entriesOf(frame.vars)]);
}

type Aligned = [FrameDetail | undefined, FrameDetail | undefined][];

/** Frames of the same function of the same file, in order; the longest such pairing. */
export function align(a: readonly FrameDetail[], b: readonly FrameDetail[]): Aligned {
  const same = (x: FrameDetail | undefined, y: FrameDetail | undefined) => x !== undefined && y !== undefined && x.function === y.function && fileOf(x) === fileOf(y);
  let head = 0;
  while (head < a.length && head < b.length && same(a[head], b[head])) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && same(a[a.length - 1 - tail], b[b.length - 1 - tail])) tail += 1;
  const [x, y] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  const middle: Aligned = x.length > ALIGN_MAX || y.length > ALIGN_MAX ? [...x.map((frame): Aligned[number] => [frame, undefined]), ...y.map((frame): Aligned[number] => [undefined, frame])] : longest(x, y, same);
  const both = (i: number, j: number): Aligned[number] => [a[i], b[j]];
  return [...Array.from({ length: head }, (_, i) => both(i, i)), ...middle, ...Array.from({ length: tail }, (_, i) => both(a.length - tail + i, b.length - tail + i))];
}

function longest(a: readonly FrameDetail[], b: readonly FrameDetail[], same: (x: FrameDetail | undefined, y: FrameDetail | undefined) => boolean): Aligned {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) lengths[i * width + j] = same(a[i], b[j]) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const out: Aligned = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && same(a[i], b[j])) out.push([a[i++], b[j++]]);
    else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) out.push([a[i++], undefined]);
    else out.push([undefined, b[j++]]);
  }
  return out;
}

type SpanSum = { count: number; failed: number; ns: number };

/** Spans of the two traces by what they did: how many, how long together. */
export function diffSpans(a: TraceView | undefined, b: TraceView | undefined): DiffSection {
  const [older, newer] = [sums(a), sums(b)];
  const rows: DiffRow[] = [];
  for (const name of new Set([...older.keys(), ...newer.keys()])) {
    const [x, y] = [older.get(name), newer.get(name)];
    const change = x && y ? (isOther(x, y) ? "changed" : "same") : x ? "removed" : "added";
    rows.push({ path: name, change, a: x && sumWords(x), b: y && sumWords(y) });
  }
  return { id: "spans", title: "Spans", note: "of the two traces, by what they did", rows: rows.slice(0, ROWS_MAX), omitted: Math.max(0, rows.length - ROWS_MAX) };
}

function sums(trace: TraceView | undefined): Map<string, SpanSum> {
  const out = new Map<string, SpanSum>();
  if (!trace) return out;
  const { spans } = trace;
  for (const [i, name] of spans.name.entries()) {
    const key = [spans.op[i], name].filter(Boolean).join(" ") || "(no name)";
    const sum = out.get(key) ?? { count: 0, failed: 0, ns: 0 };
    sum.count += 1;
    sum.ns += spans.duration_ns[i] ?? 0;
    if (spans.status[i] === "error") sum.failed += 1;
    out.set(key, sum);
  }
  return out;
}

function isOther(a: SpanSum, b: SpanSum): boolean {
  if (a.count !== b.count || a.failed !== b.failed) return true;
  const [less, more] = [Math.min(a.ns, b.ns), Math.max(a.ns, b.ns)];
  return more - less >= SLOWER_NS_MIN && more >= less * SLOWER;
}

const sumWords = ({ count: n, failed, ns }: SpanSum) => [`×${count(n)}`, duration(ns), failed > 0 ? `${count(failed)} failed` : ""].filter(Boolean).join(" · ");

export const differing = (sections: readonly DiffSection[]): number => sections.reduce((n, { rows }) => n + rows.filter(({ change }) => change !== "same").length, 0);

/** Where two texts differ: what stands before and after the difference in both. Never cuts a character in two. */
export function marks(a: string, b: string): { before: string; a: string; b: string; after: string } {
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && a.charCodeAt(head) === b.charCodeAt(head)) head += 1;
  if (isHigh(a.charCodeAt(head - 1))) head -= 1;
  let tail = 0;
  while (tail < most - head && a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)) tail += 1;
  if (isLow(a.charCodeAt(a.length - tail))) tail -= 1;
  return { before: a.slice(0, head), a: a.slice(head, a.length - tail), b: b.slice(head, b.length - tail), after: a.slice(a.length - tail) };
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
