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
  roots: number[];
  children: number[][];
  /** Errors by span, in the order of time; those without one are under `looseErrors`. */
  errorsOf: Map<number, number[]>;
  looseErrors: number[];
  errorTime: number[];
  /** First member of the group a span is folded into, -1 when it stands alone. */
  groupOf: Int32Array;
  members: Map<number, number[]>;
  selfNs: Float64Array;
};

export function buildTree(spans: SpanColumns, errors: readonly TraceErrorView[]): Tree {
  const size = spans.span_id.length;
  const children: number[][] = Array.from({ length: size }, () => []);
  const roots: number[] = [];
  for (let i = 0; i < size; i++) {
    const parent = spans.parent[i] ?? -1;
    if (parent >= 0 && parent < i) children[parent]?.push(i);
    else roots.push(i);
  }
  const groupOf = new Int32Array(size).fill(-1);
  const members = new Map<number, number[]>();
  for (const siblings of [...children, roots]) {
    if (siblings.length < GROUP_AT) continue;
    const alike = new Map<string, number[]>();
    for (const i of siblings) {
      const key = `${spans.op[i]}\u0000${spans.name[i]}\u0000${spans.service[i]}`;
      const list = alike.get(key);
      if (list) list.push(i);
      else alike.set(key, [i]);
    }
    for (const list of alike.values()) {
      const first = list[0];
      if (list.length < GROUP_AT || first === undefined) continue;
      members.set(first, list);
      for (const i of list) groupOf[i] = first;
    }
  }
  const errorsOf = new Map<number, number[]>();
  const looseErrors: number[] = [];
  for (const [index, error] of errors.entries()) {
    if (error.span < 0 || error.span >= size) looseErrors.push(index);
    else errorsOf.set(error.span, [...(errorsOf.get(error.span) ?? []), index]);
  }
  const errorTime = errors.map((error) => error.time_ns);
  for (const list of errorsOf.values()) list.sort((a, b) => (errorTime[a] ?? 0) - (errorTime[b] ?? 0));
  return { size, roots, children, errorsOf, looseErrors, errorTime, groupOf, members, selfNs: selfTimes(spans, children) };
}

/** Duration minus the union of the children's intervals: what a span did itself. */
function selfTimes(spans: SpanColumns, children: number[][]): Float64Array {
  const out = new Float64Array(children.length);
  for (let i = 0; i < children.length; i++) {
    const start = spans.start_ns[i] ?? 0;
    const end = start + (spans.duration_ns[i] ?? 0);
    let covered = 0;
    let reached = start;
    const byStart = (children[i] ?? []).map((c) => [spans.start_ns[c] ?? 0, (spans.start_ns[c] ?? 0) + (spans.duration_ns[c] ?? 0)] as const);
    byStart.sort((a, b) => a[0] - b[0]);
    for (const [childStart, childEnd] of byStart) {
      const from = Math.max(reached, childStart);
      const to = Math.min(end, childEnd);
      if (to > from) {
        covered += to - from;
        reached = to;
      }
    }
    out[i] = Math.max(0, end - start - covered);
  }
  return out;
}

/** Which branches are closed and which groups are open; sets of span indices (a group's is its first member). */
export type Folding = { closed: ReadonlySet<number>; openGroups: ReadonlySet<number> };

/** The rows on screen, top to bottom. Iterative: a trace may be ten thousand deep. */
export function layout(tree: Tree, spans: SpanColumns, folding: Folding): Row[] {
  const rows: Row[] = [];
  type Step = { list: number[]; at: number; depth: number; parentRow: number; inGroup: boolean; errors: readonly number[]; errorAt: number };
  const stack: Step[] = [{ list: tree.roots, at: 0, depth: 0, parentRow: -1, inGroup: false, errors: [], errorAt: 0 }];
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
    const first = tree.groupOf[i] ?? -1;
    drawErrors(step, spans.start_ns[i] ?? 0);
    if (first >= 0 && !step.inGroup) {
      if (first !== i) continue;
      const members = tree.members.get(first) ?? [];
      const isOpen = folding.openGroups.has(first);
      let totalNs = 0;
      let hasFailed = false;
      for (const member of members) {
        totalNs += spans.duration_ns[member] ?? 0;
        hasFailed ||= spans.status[member] === "error" || tree.errorsOf.has(member);
      }
      rows.push({ type: "group", group: first, span: i, depth, parentRow, members, totalNs, hasFailed, isOpen });
      if (isOpen) stack.push({ list: members, at: 0, depth: depth + 1, parentRow: rows.length - 1, inGroup: true, errors: [], errorAt: 0 });
      continue;
    }
    const children = tree.children[i] ?? [];
    const errors = tree.errorsOf.get(i) ?? [];
    const hasChildren = children.length > 0 || errors.length > 0;
    const isOpen = hasChildren && !folding.closed.has(i);
    rows.push({ type: "span", span: i, depth, parentRow, hasChildren, isOpen });
    if (!isOpen) continue;
    stack.push({ list: children, at: 0, depth: depth + 1, parentRow: rows.length - 1, inGroup: false, errors, errorAt: 0 });
  }
  for (const error of tree.looseErrors) rows.push({ type: "error", error, depth: 0, parentRow: -1 });
  return rows;
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

/** Exclusive time by kind: where the trace's time really went. */
export function timeByKind(spans: SpanColumns, tree: Tree): { kind: Kind; selfNs: number; spans: number }[] {
  const totals = new Map<Kind, { selfNs: number; spans: number }>();
  for (let i = 0; i < tree.size; i++) {
    const kind = kindOf(spans.op[i] ?? "", spans.kind[i] ?? "");
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

/** Spans whose name or op contains the words, in drawing order. */
export function find(spans: SpanColumns, text: string): number[] {
  const needle = text.trim().toLowerCase();
  if (needle === "") return [];
  const out: number[] = [];
  for (let i = 0; i < spans.span_id.length; i++) {
    if (`${spans.op[i]} ${spans.name[i]}`.toLowerCase().includes(needle) || spans.span_id[i] === needle) out.push(i);
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
