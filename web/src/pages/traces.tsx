// Traces: a map of when they ran and how long, to draw on; and the list, newest first: what ran, where its time went, what failed.

import { prefetch, recall, useResource } from "../api/client";
import { useLive } from "../api/live";
import type { BreakdownPartView, FacetsView, ServiceListView, TraceListView, TraceRowView } from "../api/types";
import { Chip, ListEnd, NewBar, SearchedTo } from "../components/filters";
import { lazy } from "../components/lazy";
import { useListKeys } from "../components/list-keys";
import { SourceMarks } from "../components/marks";
import { useNewRows } from "../components/new-rows";
import { usePaged } from "../components/paged";
import { QueryBar } from "../components/query-bar";
import { ScopeBar } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Notes, SkeletonRows } from "../components/states";
import type { TraceMap as TraceMapOf } from "../components/trace-map";
import { useBreakdowns, Where } from "../components/trace-where";
import { traceAnswer } from "../api/use-trace";
import { useValues } from "../api/use-values";
import { fit } from "../lib/fit";
import { count, countShort, dateTime, duration, noun, oneLine, plural, whenShort } from "../lib/format";
import { withTerm } from "../lib/query-text";
import { RANGES, timeOf } from "../lib/scope";
import { readSelection, type Selection, selectionText } from "../lib/selection";
import { narrowed } from "../lib/trace-query";
import { tracePath, withQuery } from "../lib/urls";
import { kindOf } from "../lib/waterfall";
import { navigate, place, query } from "../router";
import { boot, now } from "../state";
import "../styles/logs.css";

const SpanList = lazy<{ params: string }>("SpanList", () => import("../components/span-list").then((module) => module.SpanList), "span-wait");
const TraceMap = lazy<Parameters<typeof TraceMapOf>[0]>("TraceMap", () => import("../components/trace-map").then((module) => module.TraceMap), "heat-wait");

const RANGE_FIRST = "24h";

const read = (view: TraceListView) => ({ rows: view.traces, next: view.next_cursor, total: null, searchedToMs: view.searched_to_ms, hidden: view.background_hidden, notes: view.notes });
const keyOf = (row: TraceRowView) => row.trace_id;

export function TracesPage() {
  const params = query.value;
  const api = new URLSearchParams();
  for (const key of ["query", "project", "service", "release", "attribute"] as const) {
    const value = params.get(key);
    if (value) api.set(key, value);
  }
  const environment = params.get("environment") ?? "";
  // An attribute is asked beside the words, so that what is wrong with these is told where it stands.
  if (environment !== "" && !api.has("attribute")) api.set("attribute", `environment:${environment}`);
  else if (environment !== "") api.set("query", withTerm(params.get("query") ?? "", "environment", environment));
  const isAll = params.get("kind") === "all";
  api.set("kind", isAll ? "all" : "requests");
  const time = timeOf(params);
  const isFixed = time.fromMs !== null || time.toMs !== null;
  const range = isFixed ? "" : (RANGES.find(({ key }) => key === params.get("range"))?.key ?? RANGE_FIRST);
  if (time.fromMs !== null) api.set("from", String(time.fromMs));
  if (time.toMs !== null) api.set("to", String(time.toMs));
  if (range !== "") api.set("range", range);
  const ofMap = fit(new URLSearchParams(api), params).toString();
  const selection = readSelection(params.get("sel"));
  if (selection) {
    api.delete("range");
    for (const [key, value] of [["from", selection.fromMs], ["to", selection.toMs], ["min_ns", selection.minNs], ["max_ns", selection.maxNs]] as const) api.set(key, String(Math.round(value)));
  }
  const isSpans = params.get("view") === "spans";
  const path = `/api/ui/traces?${api}`;
  const list = usePaged<TraceListView, TraceRowView>(path, read);
  const { unseen, check, apply } = useNewRows(list, path, keyOf, "trace");
  useLive({ trace: check, resync: check });
  const rows = list.rows;
  const where = useBreakdowns(rows?.map((row) => row.trace_id) ?? []);
  const { current } = useListKeys("traces", rows?.map((row) => row.trace_id) ?? [], (id) => tracePath(id), apply);

  const change = (changes: Record<string, string | null>) => navigate(`/traces${withQuery(place.value.search, changes)}`, { replace: true });
  const text = params.get("query") ?? "";
  const service = params.get("service") ?? "";
  const attribute = params.get("attribute") ?? "";
  const { searchedToMs } = list;
  const select = (next: Selection | null) => navigate(`/traces${withQuery(place.value.search, { sel: next && selectionText(next) })}`);
  const filter = (key: string, value: string) => {
    if (key === "service" || key === "service.name") change({ service: value });
    else change({ query: narrowed(text, key, value, recall<FacetsView>(`/api/ui/traces/facets?${ofMap}`)) });
  };
  const isUnreadable = list.error?.status === 400 && text !== "";
  const longest = Math.max(1, ...(rows ?? []).map((row) => row.duration_ns));
  const project = params.get("project");
  const environments = useValues("spans", "environment", project);
  const releases = useValues("spans", "release", project);
  // Those that came since the page was opened are in its rows.
  const services = [...new Set([...(useResource<ServiceListView>("/api/ui/services").data?.services ?? []), ...(rows ?? []).flatMap((row) => row.services)])].toSorted();
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Traces" />
        <ScopeBar params={params} services={services} environments={environments} releases={releases} initial={RANGE_FIRST} onChange={(changes) => change("range" in changes ? { ...changes, sel: null } : changes)} />
      </header>
      <div class="toolbar">
        <QueryBar dataset="spans" value={text} label="Search traces" placeholder="Route, name, trace id, or key:value" scope={withQuery("", { project }).slice(1)} error={isUnreadable ? list.error : null} onChange={(value) => change({ query: value })} />
      </div>
      <div class="filter-line">
        <nav class="tabs" aria-label="View">
          <a href={`/traces${withQuery(place.value.search, { view: null })}`} aria-current={isSpans ? undefined : "true"}>
            Traces
          </a>
          <a href={`/traces${withQuery(place.value.search, { view: "spans" })}`} aria-current={isSpans ? "true" : undefined}>
            Spans
          </a>
        </nav>
        {!isSpans && <Background isAll={isAll} hidden={list.hidden} onChange={(kind) => change({ kind })} />}
        <span class="log-chips">
          {attribute !== "" && <Chip text={attribute} onRemove={() => change({ attribute: null })} />}
          <NewBar unseen={unseen} noun="trace" apply={apply} />
        </span>
      </div>
      {selection && <p class="offscreen" role="status">{`The list holds the selected traces`}</p>}
      {(boot.value?.has_traces ?? true) && <TraceMap params={ofMap} selection={selection} onSelect={select} onFilter={filter} />}
      {list.error && !isUnreadable && <LoadError error={list.error} what="The traces" hasData={rows !== undefined} onRetry={() => void list.reload()} />}
      {isUnreadable && rows === undefined && (
        <Empty title="This search cannot be read">
          <p>What is wrong with it stands below the field.</p>
          <p class="buttons">
            <button type="button" class="button primary" onClick={() => change({ query: null })}>
              Clear the search
            </button>
          </p>
        </Empty>
      )}
      {isSpans && !isUnreadable && <SpanList params={api.toString()} />}
      {!isSpans && rows === undefined && !list.error && <SkeletonRows rows={14} height={37} />}
      {!isSpans && rows?.length === 0 && searchedToMs === null && (
        <NoTraces notes={list.notes} text={text} service={service} attribute={attribute} environment={environment} release={params.get("release") ?? ""} project={params.get("project") ?? ""} isAll={isAll} range={selection ? "" : range} onClear={() => change({ query: null, service: null, attribute: null, project: null, environment: null, release: null, sel: null })} onAll={() => change({ kind: "all" })} onAllTime={() => change({ range: "all", from: null, to: null })} isSelection={selection !== null} />
      )}
      {!isSpans && rows?.length === 0 && searchedToMs !== null && (
        <Empty title="No trace matches so far">
          <p class="buttons">
            <SearchedTo ms={searchedToMs} isLoading={list.isLoadingMore} onMore={list.more} />
          </p>
        </Empty>
      )}
      {!isSpans && rows && rows.length > 0 && (
        <table class="traces">
          <thead>
            <tr>
              <th scope="col" class="c-time">Time</th>
              <th scope="col" class="c-root">Root</th>
              <th scope="col" class="c-service">Service</th>
              <th scope="col" class="c-duration">Duration</th>
              <th scope="col" class="num c-spans">Spans</th>
              <th scope="col" class="num c-sql">SQL</th>
              <th scope="col" class="num c-errors">Errors</th>
              <th scope="col" class="c-where">Where</th>
              <th scope="col" class="c-source">Source</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <TraceRow key={row.trace_id} row={row} where={where.get(row.trace_id)} longest={longest} isCurrent={current === row.trace_id} />
            ))}
          </tbody>
        </table>
      )}
      {isSpans ? null : rows && rows.length > 0 && searchedToMs !== null ? (
        <p class="list-end">
          <SearchedTo ms={searchedToMs} isLoading={list.isLoadingMore} onMore={list.more} />
        </p>
      ) : (
        <ListEnd list={list} noun="trace" />
      )}
    </div>
  );
}

/** Queries and calls outside of any request or job are traces of their own: many, and seldom what is looked for. */
function Background({ isAll, hidden, onChange }: { isAll: boolean; hidden: number; onChange: (kind: string | null) => void }) {
  return (
    <span class="background-calls">
      <button type="button" class="toggle" aria-pressed={isAll} onClick={() => onChange(isAll ? null : "all")} title="Queries and calls outside of any request or job: each is a trace of its own">
        Include background calls
      </button>
      {!isAll && hidden > 0 && <span>{`${count(hidden)} hidden`}</span>}
    </span>
  );
}

/** Spans of SQL in one request from which on the number is worth a second look. */
const MANY_SQL = 20;

function TraceRow({ row, where, longest, isCurrent }: { row: TraceRowView; where: readonly BreakdownPartView[] | undefined; longest: number; isCurrent: boolean }) {
  const kind = kindOf(row.op, "");
  const ahead = () => prefetch(traceAnswer(row.trace_id));
  return (
    <tr data-row={row.trace_id} class={isCurrent ? "current" : undefined}>
      <td class="c-time">
        <time dateTime={new Date(row.start_ms).toISOString()} title={dateTime(row.start_ms)}>
          {whenShort(row.start_ms, now.value)}
        </time>
      </td>
      <td class="c-root">
        <span class="root-cell">
          <span class="root-name">
            <span class={`kind-mark k-${kind}`} aria-hidden="true" />
            <a class="row-link" href={tracePath(row.trace_id)} onPointerDown={ahead} onFocus={ahead}>
              {oneLine(row.name) || "(no name)"}
            </a>
            {row.http_status !== null && <span class={`http-status${row.http_status >= 500 ? " bad" : row.http_status >= 400 ? " odd" : ""}`}>{row.http_status}</span>}
            {row.is_partial && (
              <span class="badge" title="The root span has not arrived: named after the best span there is">
                partial
              </span>
            )}
          </span>
          <span class="op">{row.op}</span>
        </span>
      </td>
      <td class="c-service">{[row.service, ...row.services.filter((name) => name !== row.service)].join(", ")}</td>
      <td class="c-duration">
        <span class="duration-cell">
          <span class="duration">{duration(row.duration_ns)}</span>
          <span class="track">
            <span class={`fill k-${kind}`} style={{ width: `${Math.max(0.6, (row.duration_ns / longest) * 100)}%` }} />
          </span>
        </span>
      </td>
      <td class="num c-spans">
        {count(row.span_count)}
        <span class="unit">{` ${noun(row.span_count, "span")}`}</span>
      </td>
      <td class={`num c-sql${row.db_span_count >= MANY_SQL ? " many" : ""}`}>
        {row.db_span_count === 0 ? <span class="none">–</span> : count(row.db_span_count)}
        <span class="unit"> SQL</span>
      </td>
      <td class="num c-errors">
        <Troubles errors={row.error_count} failed={row.failed_span_count} />
      </td>
      <td class="c-where">
        <Where parts={where} />
      </td>
      <td class="c-source">
        <SourceMarks sentry={row.has_sentry} otel={row.has_otel} />
      </td>
    </tr>
  );
}

/** Error events are what was reported, failed spans are what ended badly: two things, two words. */
function Troubles({ errors, failed }: { errors: number; failed: number }) {
  if (errors === 0 && failed === 0) return <span class="none">–</span>;
  const title = `${plural(errors, "error event")}, ${plural(failed, "failed span")}`;
  if (errors === 0)
    return (
      <span class="failed-spans" title={title}>
        {`${countShort(failed)} failed`}
      </span>
    );
  return (
    <span class="failed" title={title}>
      <span aria-hidden="true">●</span> {countShort(errors)}
      <span class="unit">{` ${noun(errors, "error")}`}</span>
    </span>
  );
}

function NoTraces({ notes, text, service, attribute, environment, release, project, isAll, range, isSelection, onClear, onAll, onAllTime }: {
  notes: readonly string[];
  text: string;
  service: string;
  attribute: string;
  environment: string;
  release: string;
  project: string;
  isAll: boolean;
  range: string;
  isSelection: boolean;
  onClear: () => void;
  onAll: () => void;
  onAllTime: () => void;
}) {
  const words = RANGES.find(({ key }) => key === range)?.words ?? "the time chosen";
  const isTimeCut = range !== "all" && !isSelection;
  if (isSelection || text !== "" || service !== "" || attribute !== "" || project !== "" || environment !== "" || release !== "")
    return (
      <Empty title="No trace matches">
        <p>
          {text === "" ? (
            "Nothing"
          ) : (
            <>
              Nothing meets <code>{text}</code>
            </>
          )}{" "}
          {attribute !== "" && (
            <>
              with <code>{attribute}</code> on a span{" "}
            </>
          )}
          {environment !== "" && (
            <>
              in environment <code>{environment}</code>{" "}
            </>
          )}
          {release !== "" && (
            <>
              of release <code>{release}</code>{" "}
            </>
          )}
          {project !== "" && (
            <>
              of project <code>{project}</code>{" "}
            </>
          )}
          {service !== "" && (
            <>
              in service <code>{service}</code>
            </>
          )}
          {isAll ? "" : " among the requests"}
          {isSelection ? " of the selection." : isTimeCut ? ` of the ${words.toLowerCase()}.` : "."}
        </p>
        <Notes notes={notes} />
        <p class="buttons">
          <button type="button" class="button primary" onClick={onClear}>
            Clear search
          </button>
          {isTimeCut && (
            <button type="button" class="button" onClick={onAllTime}>
              Look at all time
            </button>
          )}
          {!isAll && (
            <button type="button" class="button" onClick={onAll}>
              Include background calls
            </button>
          )}
        </p>
      </Empty>
    );
  if (boot.value?.has_traces)
    return (
      <Empty title={isTimeCut ? `No request in the ${words.toLowerCase()}` : "No requests among the traces"}>
        <p>{isTimeCut ? "Older ones may be kept, or only queries and calls outside of any request or job have arrived." : "Only queries and calls outside of any request or job have arrived."}</p>
        <p class="buttons">
          {isTimeCut && (
            <button type="button" class="button primary" onClick={onAllTime}>
              Look at all time
            </button>
          )}
          <button type="button" class="button primary" onClick={onAll}>
            Show all traces
          </button>
        </p>
      </Empty>
    );
  return (
    <Empty title="No trace has arrived yet">
      <p>
        A Sentry SDK sends them when <code>traces_sample_rate</code> is above 0, OpenTelemetry when its exporter points here.
      </p>
      <p class="buttons">
        <a class="button primary" href="/welcome">
          Connect an application
        </a>
        <a class="button" href="/ingest">
          See what has arrived
        </a>
      </p>
    </Empty>
  );
}
