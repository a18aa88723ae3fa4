// The shape of a waterfall: what a span is about, which rows are on screen, how long each span took by itself. Pure.
//
// The server sends spans in drawing order (depth first, siblings by start); every function here relies on a parent
// coming before its children and repairs nothing.

import type { SpanColumns, TraceErrorView } from "../api/types";
import { duration } from "./format";

/** Siblings of one op and name are folded from this many on. */
export const GROUP_AT = 5;

export type SpanRow = { type: "span"; span: number; depth: number; parentRow: number; hasChildren: boolean; isOpen: boolean };
export type GroupRow = {
  type: "group"; group: number; span: number; depth: number; parentRow: number; members: number[]; totalNs: number; hasFailed: boolean; isOpen: boolean;
};
export type ErrorRow = { type: "error"; error: number; depth: number; parentRow: number };
export type Row = SpanRow | GroupRow | ErrorRow;

export type Tree = {
  size: number;
  /** The children of span `i` stand in `below` from `first[i]` to `first[i + 1]`, the roots from `first[size]` on. */
  first: Int32Array;
  below: Int32Array;
  /** The first span behind `i` that is not below it: spans come depth first. */
  end: Int32Array;
  /** How many of the spans before `i` failed or have an error. */
  troubleBefore: Int32Array;
  /** Errors by span, in the order of time; those without one are under `looseErrors`. */
  errorsOf: Map<number, number[]>;
  looseErrors: number[];
  errorTime: number[];
  /** First member of the group a span is folded into, -1 when it stands alone. */
  groupOf: Int32Array;
  members: Map<number, number[]>;
  selfNs: Float64Array;
};

/** Flat arrays throughout: at a hundred thousand spans a list per span would cost more than everything else on the page. */
export function buildTree(spans: SpanColumns, errors: readonly TraceErrorView[]): Tree {
  const size = spans.span_id.length;
  const parentOf = (i: number) => {
    const parent = spans.parent[i] ?? -1;
    return parent >= 0 && parent < i ? parent : size;
  };
  const first = new Int32Array(size + 2);
  for (let i = 0; i < size; i++) first[parentOf(i) + 1] = at(first, parentOf(i) + 1) + 1;
  for (let i = 0; i <= size; i++) first[i + 1] = at(first, i + 1) + at(first, i);
  const next = first.slice();
  const below = new Int32Array(size);
  const end = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    const parent = parentOf(i);
    const place = at(next, parent);
    below[place] = i;
    next[parent] = place + 1;
    end[i] = i + 1;
  }
  for (let i = size - 1; i >= 0; i--) {
    const parent = parentOf(i);
    if (parent < size) end[parent] = Math.max(at(end, parent), at(end, i));
  }
  const { groupOf, members } = groups(spans, first, below);
  const errorsOf = new Map<number, number[]>();
  const looseErrors: number[] = [];
  for (const [index, error] of errors.entries()) {
    if (error.span < 0 || error.span >= size) looseErrors.push(index);
    else {
      const list = errorsOf.get(error.span);
      if (list) list.push(index);
      else errorsOf.set(error.span, [index]);
    }
  }
  const errorTime = errors.map((error) => error.time_ns);
  for (const list of errorsOf.values()) list.sort((a, b) => (errorTime[a] ?? 0) - (errorTime[b] ?? 0));
  const troubleBefore = new Int32Array(size + 1);
  for (let i = 0; i < size; i++) troubleBefore[i + 1] = at(troubleBefore, i) + (spans.status[i] === "error" || errorsOf.has(i) ? 1 : 0);
  const tree = { size, first, below, end, troubleBefore, errorsOf, looseErrors, errorTime, groupOf, members, selfNs: new Float64Array(size) };
  for (let i = 0; i < size; i++) tree.selfNs[i] = selfTime(spans, tree, i);
  return tree;
}

const at = (values: Int32Array, i: number): number => values[i] as number;

/** The children of a span, in drawing order; of `tree.size` the roots. */
export const childrenOf = (tree: Tree, span: number): Int32Array => tree.below.subarray(tree.first[span], tree.first[span + 1]);

/** Spans below that failed or have an error. */
export const troublesBelow = (tree: Tree, span: number): number => at(tree.troubleBefore, at(tree.end, span)) - at(tree.troubleBefore, span + 1);

function groups(spans: SpanColumns, first: Int32Array, below: Int32Array): { groupOf: Int32Array; members: Map<number, number[]> } {
  const size = below.length;
  const groupOf = new Int32Array(size).fill(-1);
  const members = new Map<number, number[]>();
  const names = new Map<string, number>();
  const number = (text: string) => {
    const known = names.get(text);
    if (known !== undefined) return known;
    names.set(text, names.size);
    return names.size - 1;
  };
  for (let parent = 0; parent <= size; parent++) {
    const from = at(first, parent);
    const to = at(first, parent + 1);
    if (to - from < GROUP_AT) continue;
    const alike = new Map<number, number[]>();
    for (let place = from; place < to; place++) {
      const i = at(below, place);
      // Both numbers are below twice the spans, and services are few: no two keys meet below 2^53.
      const key = (number(spans.name[i] ?? "") * 2 * (size + 1) + number(spans.op[i] ?? "")) * 1024 + (spans.service[i] ?? 0);
      const list = alike.get(key);
      if (list) list.push(i);
      else alike.set(key, [i]);
    }
    for (const list of alike.values()) {
      const head = list[0];
      if (list.length < GROUP_AT || head === undefined) continue;
      members.set(head, list);
      for (const i of list) groupOf[i] = head;
    }
  }
  return { groupOf, members };
}

/** The stretches of a span's time in which none of its children ran, in order. */
export function uncovered(spans: SpanColumns, tree: Pick<Tree, "first" | "below">, span: number): [number, number][] {
  const start = spans.start_ns[span] ?? 0;
  const end = start + (spans.duration_ns[span] ?? 0);
  const out: [number, number][] = [];
  let reached = start;
  for (const child of byStart(spans, tree, span)) {
    const from = spans.start_ns[child] ?? 0;
    if (from > reached && reached < end) out.push([reached, Math.min(from, end)]);
    reached = Math.max(reached, from + (spans.duration_ns[child] ?? 0));
  }
  if (reached < end) out.push([reached, end]);
  return out;
}

/** Clocks that were put right may have changed the order. */
function byStart(spans: SpanColumns, tree: Pick<Tree, "first" | "below">, span: number): Int32Array {
  const list = tree.below.subarray(tree.first[span], tree.first[span + 1]);
  for (let place = 1; place < list.length; place++)
    if ((spans.start_ns[at(list, place)] ?? 0) < (spans.start_ns[at(list, place - 1)] ?? 0)) return list.toSorted((a, b) => (spans.start_ns[a] ?? 0) - (spans.start_ns[b] ?? 0));
  return list;
}

/** Duration minus the union of the children's intervals: what a span did itself. */
function selfTime(spans: SpanColumns, tree: Pick<Tree, "first" | "below">, span: number): number {
  if (tree.first[span] === tree.first[span + 1]) return Math.max(0, spans.duration_ns[span] ?? 0);
  let self = 0;
  for (const [from, to] of uncovered(spans, tree, span)) self += to - from;
  return self;
}

/** Which branches are closed and which groups are open; sets of span indices (a group's is its first member). */
export type Folding = { closed: ReadonlySet<number>; openGroups: ReadonlySet<number> };

/** Everything closed but the only root, which would leave one row. */
export function foldAll(tree: Tree): Folding {
  const closed = new Set<number>();
  const roots = childrenOf(tree, tree.size);
  for (let i = 0; i < tree.size; i++) if ((tree.first[i] !== tree.first[i + 1] || tree.errorsOf.has(i)) && !(roots.length === 1 && roots[0] === i)) closed.add(i);
  return { closed, openGroups: new Set() };
}

export const unfoldAll = (tree: Tree): Folding => ({ closed: new Set(), openGroups: new Set(tree.members.keys()) });

/** The rows on screen, top to bottom. Iterative: a trace may be ten thousand deep. */
export function layout(tree: Tree, spans: SpanColumns, folding: Folding): Row[] {
  const rows: Row[] = [];
  type Step = { list: ArrayLike<number>; at: number; depth: number; parentRow: number; inGroup: boolean; errors: readonly number[]; errorAt: number };
  const stack: Step[] = [{ list: childrenOf(tree, tree.size), at: 0, depth: 0, parentRow: -1, inGroup: false, errors: [], errorAt: 0 }];
  /** An error stands among its span's children: behind those that had started when it happened. */
  const drawErrors = (step: Step, untilNs: number) => {
    for (; step.errorAt < step.errors.length; step.errorAt++) {
      const error = step.errors[step.errorAt] as number;
      if ((tree.errorTime[error] ?? 0) >= untilNs) return;
      rows.push({ type: "error", error, depth: step.depth, parentRow: step.parentRow });
    }
  };
  while (stack.length > 0) {
    const step = stack[stack.length - 1] as Step;
    const i = step.list[step.at];
    if (i === undefined) {
      drawErrors(step, Infinity);
      stack.pop();
      continue;
    }
    step.at += 1;
    const { depth, parentRow } = step;
    const head = tree.groupOf[i] ?? -1;
    drawErrors(step, spans.start_ns[i] ?? 0);
    if (head >= 0 && !step.inGroup) {
      if (head !== i) continue;
      const members = tree.members.get(head) ?? [];
      const isOpen = folding.openGroups.has(head);
      let totalNs = 0;
      let hasFailed = false;
      for (const member of members) {
        totalNs += spans.duration_ns[member] ?? 0;
        hasFailed ||= spans.status[member] === "error" || tree.errorsOf.has(member);
      }
      rows.push({ type: "group", group: head, span: i, depth, parentRow, members, totalNs, hasFailed, isOpen });
      if (isOpen) stack.push({ list: members, at: 0, depth: depth + 1, parentRow: rows.length - 1, inGroup: true, errors: [], errorAt: 0 });
      continue;
    }
    const errors = tree.errorsOf.get(i) ?? NONE;
    const hasChildren = tree.first[i] !== tree.first[i + 1] || errors.length > 0;
    const isOpen = hasChildren && !folding.closed.has(i);
    rows.push({ type: "span", span: i, depth, parentRow, hasChildren, isOpen });
    if (!isOpen) continue;
    stack.push({ list: childrenOf(tree, i), at: 0, depth: depth + 1, parentRow: rows.length - 1, inGroup: false, errors, errorAt: 0 });
  }
  for (const error of tree.looseErrors) rows.push({ type: "error", error, depth: 0, parentRow: -1 });
  return rows;
}

const NONE: readonly number[] = [];

/** Where the row of a key stands (`s12`, `g12`, `e3`), -1 when it is folded away. */
export function rowAt(rows: readonly Row[], key: string | null): number {
  if (key === null) return -1;
  const type = key[0];
  const no = Number(key.slice(1));
  return rows.findIndex((row) => (row.type === "span" ? type === "s" && row.span === no : row.type === "group" ? type === "g" && row.group === no : type === "e" && row.error === no));
}

/** The row of a key, or when it is folded away the nearest one above it that is not: its group, its parent, theirs; `null` for none. */
export function nearestRow(tree: Tree, spans: SpanColumns, errors: readonly TraceErrorView[], rows: readonly Row[], key: string | null): Row | null {
  const found = rows[rowAt(rows, key)];
  if (found || key === null) return found ?? null;
  const no = Number(key.slice(1));
  for (let span = key[0] === "e" ? (errors[no]?.span ?? -1) : no; span >= 0; span = spans.parent[span] ?? -1) {
    const group = tree.groupOf[span] ?? -1;
    const row = rows[rowAt(rows, `s${span}`)] ?? (group < 0 ? undefined : rows[rowAt(rows, `g${group}`)]);
    if (row) return row;
  }
  return null;
}

/** The folding in which a span is on screen. */
export function reveal(tree: Tree, spans: SpanColumns, folding: Folding, span: number): Folding {
  const closed = new Set(folding.closed);
  const openGroups = new Set(folding.openGroups);
  for (let i = span; i >= 0; i = spans.parent[i] ?? -1) {
    if (i !== span) closed.delete(i);
    const group = tree.groupOf[i] ?? -1;
    if (group >= 0) openGroups.add(group);
  }
  return { closed, openGroups };
}

/** What is said of a span that is not drawn when its own clock says it happened. */
export function movedWords(shiftNs: number): string {
  return `drawn ${duration(Math.abs(shiftNs))} ${shiftNs > 0 ? "later" : "earlier"}: its clock differs from its caller's`;
}

/** The services whose spans were moved, each by the furthest of its moves. */
export function movedServices(services: readonly string[], spans: SpanColumns): { service: string; byNs: number }[] {
  const most = new Map<number, number>();
  for (const [i, shift] of spans.clock_shift_ns.entries()) {
    const service = spans.service[i] ?? 0;
    if (shift !== 0 && Math.abs(shift) > Math.abs(most.get(service) ?? 0)) most.set(service, shift);
  }
  return [...most].map(([service, byNs]) => ({ service: services[service] ?? "", byNs }));
}

export type Kind = "db" | "http" | "template" | "cache" | "queue" | "app";
export const KINDS: readonly Kind[] = ["http", "app", "db", "template", "cache", "queue"];

/** What a span is about, from its op (Sentry) or kind and name (OpenTelemetry). */
export function kindOf(op: string, spanKind: string): Kind {
  if (/^(db|sql)\b/.test(op) && !/redis|memcache/.test(op)) return "db";
  if (/^(cache|redis|memcache)|redis|memcache/.test(op)) return "cache";
  // Django's "view.render" is the view function itself; only "view.response.render" renders.
  if (/^(template|view\.response|ui)\b/.test(op)) return "template";
  if (/^(http|grpc|rpc|websocket|graphql)\b/.test(op)) return "http";
  if (/^(queue|celery|task|rq|huey|message|messaging|arq|dramatiq)\b/.test(op)) return "queue";
  if (spanKind === "server") return "http";
  if (spanKind === "client" && op === "") return "http";
  if (spanKind === "producer" || spanKind === "consumer") return "queue";
  return "app";
}

/** [`kindOf`] that looks at each pair once: a trace has a handful of them, and many spans. */
export function kindReader(): (op: string, spanKind: string) => Kind {
  const known = new Map<string, Map<string, Kind>>();
  return (op, spanKind) => {
    let ofOp = known.get(op);
    if (!ofOp) known.set(op, (ofOp = new Map()));
    let kind = ofOp.get(spanKind);
    if (!kind) ofOp.set(spanKind, (kind = kindOf(op, spanKind)));
    return kind;
  };
}

/** Exclusive time by kind: where the trace's time really went. */
export function timeByKind(spans: SpanColumns, tree: Tree): { kind: Kind; selfNs: number; spans: number }[] {
  const totals = new Map<Kind, { selfNs: number; spans: number }>();
  const kinds = kindReader();
  for (let i = 0; i < tree.size; i++) {
    const kind = kinds(spans.op[i] ?? "", spans.kind[i] ?? "");
    const total = totals.get(kind) ?? { selfNs: 0, spans: 0 };
    total.selfNs += tree.selfNs[i] ?? 0;
    total.spans += 1;
    totals.set(kind, total);
  }
  return KINDS.flatMap((kind) => {
    const total = totals.get(kind);
    return total ? [{ kind, ...total }] : [];
  });
}

/** Spans whose name or op contains the words, in drawing order. Equal names are looked at once. */
export function find(spans: SpanColumns, text: string): number[] {
  const needle = text.trim().toLowerCase();
  if (needle === "") return [];
  const out: number[] = [];
  const known = new Map<string, Map<string, boolean>>();
  for (let i = 0; i < spans.span_id.length; i++) {
    const op = spans.op[i] ?? "";
    const name = spans.name[i] ?? "";
    let ofOp = known.get(op);
    if (!ofOp) known.set(op, (ofOp = new Map()));
    let has = ofOp.get(name);
    if (has === undefined) ofOp.set(name, (has = `${op} ${name}`.toLowerCase().includes(needle)));
    if (has || spans.span_id[i] === needle) out.push(i);
  }
  return out;
}

export type Zoom = { fromNs: number; toNs: number };

/** A zoom around a fixed point, kept inside the trace and wider than nothing. */
export function zoomBy(zoom: Zoom, totalNs: number, factor: number, atNs = (zoom.fromNs + zoom.toNs) / 2): Zoom {
  const least = Math.max(1, totalNs / 1e6);
  const width = Math.min(totalNs, Math.max(least, (zoom.toNs - zoom.fromNs) * factor));
  const share = (atNs - zoom.fromNs) / Math.max(1, zoom.toNs - zoom.fromNs);
  return clampZoom({ fromNs: atNs - width * share, toNs: atNs + width * (1 - share) }, totalNs);
}

export function clampZoom(zoom: Zoom, totalNs: number): Zoom {
  const width = Math.min(zoom.toNs - zoom.fromNs, totalNs);
  const fromNs = Math.min(Math.max(0, zoom.fromNs), totalNs - width);
  return { fromNs, toNs: fromNs + width };
}

/** A zoom in which these are seen whole, with a little around them. */
export function zoomTo(spans: SpanColumns, members: readonly number[], totalNs: number): Zoom {
  let fromNs = Infinity;
  let toNs = -Infinity;
  for (const i of members) {
    const start = spans.start_ns[i] ?? 0;
    fromNs = Math.min(fromNs, start);
    toNs = Math.max(toNs, start + (spans.duration_ns[i] ?? 0));
  }
  const room = Math.max((toNs - fromNs) * 0.05, totalNs / 2e6);
  return { fromNs: Math.max(0, fromNs - room), toNs: Math.min(totalNs, toNs + room) };
}

/** A zoom as the address has it: `120-480.5ms`. */
export function zoomText(zoom: Zoom): string {
  const ms = (ns: number) => String(Number((ns / 1e6).toFixed(6)));
  return `${ms(zoom.fromNs)}-${ms(zoom.toNs)}ms`;
}

const UNITS: Record<string, number> = { ns: 1, us: 1e3, "µs": 1e3, ms: 1e6, s: 1e9 };

/** `null` for none, and for what is none of this trace. */
export function readZoom(text: string | null, totalNs: number): Zoom | null {
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)(ns|us|µs|ms|s)$/.exec(text ?? "");
  const unit = UNITS[match?.[3] ?? ""] ?? 1;
  const fromNs = Math.max(0, Number(match?.[1]) * unit);
  const toNs = Math.min(totalNs, Number(match?.[2]) * unit);
  return match && toNs > fromNs && !(fromNs <= 0 && toNs >= totalNs) ? { fromNs, toNs } : null;
}

/** Round steps for the time axis: 1, 2 or 5 times a power of ten, at most `most` of them. */
export function ticks(zoom: Zoom, most: number): number[] {
  const width = zoom.toNs - zoom.fromNs;
  if (!(width > 0) || most < 1) return [];
  const rough = width / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? rough;
  const out: number[] = [];
  for (let at = Math.ceil(zoom.fromNs / step) * step; at <= zoom.toNs && out.length <= most + 1; at += step) out.push(at);
  return out;
}

/** The widest stretch from 0 on that no mark touches; the last one has `room` more behind 100. */
export function freeStretch(marks: readonly (readonly [number, number])[], room: number): [number, number] {
  let widest: [number, number] = [0, 0];
  let from = 0;
  for (const [start, end] of [...marks.toSorted((a, b) => a[0] - b[0]), [100 + room, Infinity] as const]) {
    if (end < 0 || (start > 100 && end < Infinity)) continue;
    if (start - from > widest[1] - widest[0]) widest = [from, start];
    from = Math.max(from, Math.min(100, end));
  }
  return widest;
}
