// The queries of one trace: those that are alike together, how much of its time they took, how to ask the database about
// one. Pure.

import type { SpanColumns, TraceFindingView, TraceSqlView } from "../api/types";

export type QueryGroup = {
  /** Index into the statements, and into the call sites or -1. */
  statement: number;
  callSite: number;
  /** In the order they ran. */
  spans: number[];
  totalNs: number;
  maxNs: number;
  /** Of the trace's time in which at least one of them ran, from 0 to 1. */
  share: number;
  failed: number;
  finding: TraceFindingView | null;
};

/** A query as it ran: a span, and the group it is of. */
export type Asked = { span: number; statement: number; callSite: number };

/** In the order they ran; spans that the page does not have are left out. */
export function askedQueries(view: TraceSqlView, spans: SpanColumns): Asked[] {
  const places = new Map(spans.span_id.map((id, i) => [id, i]));
  const out: Asked[] = [];
  for (const [i, id] of view.span_id.entries()) {
    const span = places.get(id);
    if (span !== undefined) out.push({ span, statement: view.statement[i] ?? 0, callSite: view.call_site[i] ?? -1 });
  }
  return out.toSorted((a, b) => (spans.start_ns[a.span] ?? 0) - (spans.start_ns[b.span] ?? 0) || a.span - b.span);
}

/** Together what has a statement and a place in the code in common. */
export function queryGroups(asked: readonly Asked[], spans: SpanColumns, findings: readonly TraceFindingView[], traceNs: number): QueryGroup[] {
  const groups = new Map<string, QueryGroup>();
  const findingOf = new Map<number, TraceFindingView>();
  for (const finding of findings) for (const span of finding.spans) findingOf.set(span, finding);
  for (const { span, statement, callSite } of asked) {
    const key = `${statement}.${callSite}`;
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { statement, callSite, spans: [], totalNs: 0, maxNs: 0, share: 0, failed: 0, finding: null }));
    const ns = spans.duration_ns[span] ?? 0;
    group.spans.push(span);
    group.totalNs += ns;
    group.maxNs = Math.max(group.maxNs, ns);
    group.failed += spans.status[span] === "error" ? 1 : 0;
    group.finding ??= findingOf.get(span) ?? null;
  }
  for (const group of groups.values()) group.share = traceNs > 0 ? Math.min(1, covered(group.spans, spans) / traceNs) : 0;
  return [...groups.values()];
}

/** How long at least one of them ran; they come in the order of their starts. */
export function covered(members: readonly number[], spans: SpanColumns): number {
  let sum = 0;
  let reached = -Infinity;
  for (const span of members) {
    const start = spans.start_ns[span] ?? 0;
    const end = start + (spans.duration_ns[span] ?? 0);
    if (end > reached) sum += end - Math.max(start, reached);
    reached = Math.max(reached, end);
  }
  return sum;
}

export const QUERY_SORTS = ["total", "count", "average", "slowest", "first"] as const;
export type QuerySort = (typeof QUERY_SORTS)[number];
export const querySortOf = (text: string | null): QuerySort => QUERY_SORTS.find((sort) => sort === text) ?? "total";

export function sortedQueries(groups: readonly QueryGroup[], sort: QuerySort): QueryGroup[] {
  const by: Record<QuerySort, (group: QueryGroup) => number> = {
    total: (group) => group.totalNs,
    count: (group) => group.spans.length,
    average: (group) => group.totalNs / group.spans.length,
    slowest: (group) => group.maxNs,
    first: () => 0,
  };
  return groups.toSorted((a, b) => by[sort](b) - by[sort](a) || (a.spans[0] ?? 0) - (b.spans[0] ?? 0));
}

/** The statement that makes the database say how it answers this one. Only reading ones are run for it. */
export function explainForm(statement: string, system: string): string {
  const isRead = /^\s*(select|with|values|table)\b/i.test(statement) && !/\b(insert|update|delete|merge|into)\b/i.test(withoutQuoted(statement));
  const name = system.toLowerCase();
  if (/sqlite/.test(name)) return `EXPLAIN QUERY PLAN ${statement}`;
  if (/postgres|cockroach|redshift/.test(name)) return isRead ? `EXPLAIN (ANALYZE, BUFFERS) ${statement}` : `EXPLAIN ${statement}`;
  if (/mysql|mariadb/.test(name)) return isRead && !/maria/.test(name) ? `EXPLAIN ANALYZE ${statement}` : `EXPLAIN ${statement}`;
  if (/mssql|microsoft|sqlserver/.test(name)) return `SET SHOWPLAN_ALL ON;\nGO\n${statement}\nGO\nSET SHOWPLAN_ALL OFF;`;
  if (/oracle/.test(name)) return `EXPLAIN PLAN FOR ${statement};\nSELECT * FROM TABLE(DBMS_XPLAN.DISPLAY);`;
  return `EXPLAIN ${statement}`;
}

const withoutQuoted = (statement: string) => statement.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`/g, " ");

/** Whether a statement came with places for values instead of values. */
export const hasPlaceholders = (statement: string): boolean => /%\(?\w*\)?s|\$\d+|(?<![\w?])\?(?!\w)|(?<!:):[a-z_]\w*/i.test(withoutQuoted(statement));
