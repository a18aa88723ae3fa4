// What one trace asked of its database: equal queries together with where they were asked, or all in the order they ran.

import { useMemo, useState } from "preact/hooks";
import { useResource } from "../api/client";
import type { StatementView, TraceSqlView } from "../api/types";
import { count, duration, oneLine, percent, plural } from "../lib/format";
import { shortSql } from "../lib/performance";
import { askedQueries, covered, explainForm, hasPlaceholders, QUERY_SORTS, queryGroups, type QueryGroup, querySortOf, sortedQueries } from "../lib/trace-sql";
import { eventPath, tracesWith } from "../lib/urls";
import { query } from "../router";
import type { TraceViewProps } from "../pages/trace";
import { Sql } from "./code";
import { CopyButton } from "./controls";
import { CallSite } from "./editor-link";
import { Select } from "./filters";
import { Empty, LoadError, Partial, SkeletonRows } from "./states";
import { KeyValues } from "./values";
import "../styles/trace-views.css";

const SORT_WORDS = { total: "Time in all", count: "Times", average: "Average", slowest: "Slowest", first: "Order they ran" } as const;
/** Rows drawn before one asks for more. */
const ROWS_AT = 100;
const FINGERPRINT = "trapline.query.fingerprint";

export function SqlView(props: TraceViewProps) {
  const { trace } = props;
  const { data, error, reload } = useResource<TraceSqlView>(`/api/ui/traces/${encodeURIComponent(trace.trace_id)}/sql`);
  return (
    <div class="trace-view">
      {error && <LoadError error={error} what="The queries" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={8} height={38} />}
      {data && <Queries {...props} view={data} />}
    </div>
  );
}

function Queries({ trace, selected, select, change, view }: TraceViewProps & { view: TraceSqlView }) {
  const { spans, findings } = trace;
  const total = Math.max(1, trace.duration_ns);
  const asked = useMemo(() => askedQueries(view, spans), [view, spans]);
  const groups = useMemo(() => queryGroups(asked, spans, findings, total), [asked, findings]);
  const sort = querySortOf(query.value.get("sort"));
  const isList = query.value.get("list") === "1";
  const rows = useMemo(() => sortedQueries(groups, sort), [groups, sort]);
  const [most, setMost] = useState(ROWS_AT);
  if (asked.length === 0)
    return (
      <Empty title="No query in this trace">
        <p>
          {view.span_id.length > 0 ? "More spans are arriving: its queries are not on this page yet." : "No span of it is a statement of SQL. SDKs tell of queries once the integration of the database is on."}
        </p>
      </Empty>
    );
  const repeated = groups.reduce((n, group) => n + group.spans.length - 1, 0);
  const all = asked.map(({ span }) => span);
  const groupOf = new Map(groups.map((group) => [`${group.statement}.${group.callSite}`, group]));
  const shown = isList ? asked.length : rows.length;
  return (
    <>
      <div class="view-line">
        <p>
          <b>{plural(asked.length, "query", "queries")}</b>
          {`, ${count(groups.length)} different${repeated > 0 ? `, ${count(repeated)} of them again` : ""} · `}
          <b>{duration(all.reduce((sum, span) => sum + (spans.duration_ns[span] ?? 0), 0))}</b>
          {` in all, ${percent(covered(all, spans) / total)} of the trace`}
        </p>
        <div class="view-tools">
          <button type="button" class="toggle" aria-pressed={isList} onClick={() => change({ list: isList ? null : "1" })}>
            One by one
          </button>
          {!isList && (
            <Select label="Sort" value={sort} onChange={(value) => change({ sort: value === "total" ? null : value })}>
              {QUERY_SORTS.map((name) => (
                <option key={name} value={name}>
                  {SORT_WORDS[name]}
                </option>
              ))}
            </Select>
          )}
        </div>
      </div>
      {view.spans_omitted > 0 && <Partial>{`${plural(view.spans_omitted, "more span of the trace was", "more spans of the trace were")} not looked at.`}</Partial>}
      {isList ? (
        <ol class="sql-list">
          {asked.slice(0, most).map(({ span, statement, callSite }) => (
            <li key={span} class={span === selected ? "current" : undefined}>
              <button type="button" class="sql-one" onClick={() => select(span)}>
                <span class="num">{`+${duration(spans.start_ns[span] ?? 0)}`}</span>
                <span class="num">{duration(spans.duration_ns[span] ?? 0)}</span>
                <code>{shortSql(oneLine(view.statements[statement]?.text ?? "", 400))}</code>
                <Times group={groupOf.get(`${statement}.${callSite}`)} />
              </button>
            </li>
          ))}
        </ol>
      ) : (
        <ul class="sql-groups">
          {rows.slice(0, most).map((group) => (
            <Group key={`${group.statement}.${group.callSite}`} group={group} view={view} isOpen={group.spans.includes(selected)} spans={spans} selected={selected} select={select} />
          ))}
        </ul>
      )}
      {shown > most && (
        <p class="list-end">
          <button type="button" class="button" onClick={() => setMost(most + ROWS_AT * 2)}>
            Show more
          </button>
          <span>{`${count(most)} of ${count(shown)} shown`}</span>
        </p>
      )}
    </>
  );
}

function Times({ group }: { group: QueryGroup | undefined }) {
  if (!group || group.spans.length < 2) return null;
  return (
    <span class={`wf-times${group.finding ? " bad" : ""}`}>
      {`×${count(group.spans.length)}`}
      {group.finding?.kind === "n_plus_one" && " N+1"}
    </span>
  );
}

/** Spans of one group that are named before one asks for all. */
const SPANS_AT = 12;

function Group({ group, view, isOpen, spans, selected, select }: { group: QueryGroup; view: TraceSqlView; isOpen: boolean; spans: TraceViewProps["trace"]["spans"]; selected: number; select: (span: number) => void }) {
  const [isAll, setAll] = useState(false);
  const statement = view.statements[group.statement];
  if (!statement) return null;
  const callSite = view.call_sites[group.callSite];
  const n = group.spans.length;
  return (
    <li>
      <details open={isOpen}>
        <summary>
          <span class="sql-head">
            <code class="sql-text">{shortSql(oneLine(statement.text, 600)) || "(nothing)"}</code>
            {group.finding && (
              <span class="wf-finding">{group.finding.kind === "slow_query" ? "slow" : "N+1"}</span>
            )}
            {group.failed > 0 && <span class="badge unhandled">{`${count(group.failed)} failed`}</span>}
          </span>
          <span class="sql-where">{callSite === undefined ? "the SDK did not say where" : <code>{callSite}</code>}</span>
          <span class="sql-numbers">
            <Figure name="times" value={`×${count(n)}`} isBad={group.finding?.kind === "n_plus_one"} />
            <Figure name="in all" value={duration(group.totalNs)} />
            <Figure name="average" value={duration(group.totalNs / n)} />
            <Figure name="slowest" value={duration(group.maxNs)} />
            <Figure name="of the trace" value={percent(group.share)} />
          </span>
          <span class="sql-share" aria-hidden="true">
            <span style={{ width: `${Math.max(0.5, group.share * 100)}%` }} />
          </span>
        </summary>
        <div class="sql-body">
          <Evidence group={group} statement={statement} />
          {callSite !== undefined && (
            <p class="sql-asked">
              Asked at <CallSite text={callSite} />
            </p>
          )}
          <Sql text={statement.example} />
          {statement.parameters.length > 0 && (
            <>
              <h3>Values of the first</h3>
              <KeyValues pairs={statement.parameters} />
            </>
          )}
          {statement.parameters.length === 0 && hasPlaceholders(statement.example) && <p class="hint">The SDK sent the statement without its values: put some in before you run it.</p>}
          <p class="buttons">
            <CopyButton label="Copy statement" text={() => statement.example} />
            <CopyButton label="Copy EXPLAIN" text={() => explainForm(statement.example, statement.system)} />
            <a class="button" href={tracesWith(FINGERPRINT, statement.fingerprint)}>
              Traces with this query
            </a>
          </p>
          <ul class="sql-spans" aria-label="When it ran">
            {group.spans.slice(0, isAll ? 1000 : SPANS_AT).map((span) => (
              <li key={span}>
                <button type="button" class={`link-button${span === selected ? " current" : ""}`} aria-pressed={span === selected} onClick={() => select(span)}>
                  {`+${duration(spans.start_ns[span] ?? 0)}, ${duration(spans.duration_ns[span] ?? 0)}`}
                </button>
              </li>
            ))}
            {n > SPANS_AT && !isAll && (
              <li>
                <button type="button" class="link" onClick={() => setAll(true)}>{`all ${count(n)}`}</button>
              </li>
            )}
          </ul>
        </div>
      </details>
    </li>
  );
}

function Figure({ name, value, isBad = false }: { name: string; value: string; isBad?: boolean }) {
  return (
    <span>
      <b class={isBad ? "bad" : undefined}>{value}</b> <small>{name}</small>
    </span>
  );
}

function Evidence({ group, statement }: { group: QueryGroup; statement: StatementView }) {
  const { finding } = group;
  const n = group.spans.length;
  if (!finding) return n < 2 ? null : <p>{`Asked ${count(n)} times${group.callSite < 0 ? "" : " at one place in the code"}, with the same statement but for its values.`}</p>;
  return (
    <p class="sql-evidence">
      {finding.kind === "slow_query"
        ? `A query of this kind took ${duration(finding.total_ms * 1e6)}. EXPLAIN says how ${statement.system || "the database"} finds the rows; an index on the columns of the condition usually helps.`
        : `The same query ran ${count(finding.count)} times, one after the other, for ${duration(finding.total_ms * 1e6)}: once for every row of a list instead of once for all of them.`}{" "}
      {finding.short_id !== null && <a href={eventPath(finding.short_id, finding.event_id)}>{`${finding.short_id}: what to do about it`}</a>}
    </p>
  );
}
