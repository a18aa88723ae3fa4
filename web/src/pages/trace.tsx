// One trace: where the time went, what failed, what was asked of the database, and everything about the span one points at.

import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { LogListView, TraceView } from "../api/types";
import { useResource } from "../api/client";
import { useTrace } from "../api/use-trace";
import type { PageProps } from "../app";
import { copyText } from "../clipboard";
import { CallSite } from "../components/editor-link";
import { KeptWithTrace } from "../components/kept";
import { lazy } from "../components/lazy";
import { SourceMarks } from "../components/marks";
import { isNotHere, NotHere } from "../components/not-here";
import { PageTitle } from "../components/shell";
import { SpanPanel } from "../components/span-panel";
import { Empty, LoadError, Partial, SkeletonRows } from "../components/states";
import { TraceLogs } from "../components/trace-logs";
import { WaterfallView } from "../components/waterfall-view";
import { useKeys } from "../keys";
import { count, dateTime, duration, oneLine, plural, shortId } from "../lib/format";
import { colourNames } from "../lib/span-colours";
import { eventPath, normaliseId, tracePath, withQuery } from "../lib/urls";
import { buildTree, movedServices, type Tree, type Zoom } from "../lib/waterfall";
import { readZoom, zoomText } from "../lib/waterfall";
import { navigate, place, query } from "../router";
import { say } from "../state";
import "../styles/performance.css";
import "../styles/trace.css";

/** What every view of a trace is given. */
export type TraceViewProps = {
  trace: TraceView;
  tree: Tree;
  colours: (span: number) => string;
  /** Index of the span in the panel, -1 for none. */
  selected: number;
  select: (span: number) => void;
  change: (changes: Record<string, string | null>) => void;
  zoom: Zoom;
  setZoom: (zoom: Zoom, isDone?: boolean) => void;
};

const FlameView = lazy<TraceViewProps>("FlameView", () => import("../components/trace-flame").then((module) => module.FlameView), "trace-wait");
const SqlView = lazy<TraceViewProps>("SqlView", () => import("../components/trace-sql").then((module) => module.SqlView), "trace-wait");
const SpanTable = lazy<TraceViewProps>("SpanTable", () => import("../components/trace-table").then((module) => module.SpanTable), "trace-wait");
const JsonView = lazy<TraceViewProps>("JsonView", () => import("../components/trace-json").then((module) => module.JsonView), "trace-wait");

export function TracePage({ params }: PageProps) {
  const traceId = normaliseId(params.traceId ?? "");
  const { data, error, reload } = useTrace(traceId);
  return (
    <div class="page trace-page">
      {data ? (
        <>
          {error && <LoadError error={error} what="The trace" hasData onRetry={reload} />}
          <Whole trace={data} />
        </>
      ) : isNotHere(error) ? (
        <NotHere title={`There is no trace ${shortId(traceId)}`} href="/traces" back="All traces" error={error} />
      ) : (
        <>
          <header class="page-head">
            <PageTitle title="Trace" />
          </header>
          {error ? <LoadError error={error} what="The trace" hasData={false} onRetry={reload} /> : <SkeletonRows rows={18} height={24} />}
        </>
      )}
    </div>
  );
}

/** Of a trace with very many spans, findings and profiles follow behind what is drawn. */
function Whole({ trace }: { trace: TraceView }) {
  const { data } = useResource<TraceView>(trace.rest_later ? `/api/ui/traces/${encodeURIComponent(trace.trace_id)}?part=rest` : null);
  const whole = useMemo(() => {
    if (!data) return trace;
    // Of a trace that still grows the places may be of other spans by now.
    const isQuery = (span: number) => trace.spans.op[span]?.startsWith("db") === true;
    return { ...trace, profiles: data.profiles, findings: data.findings.filter((finding) => finding.spans.every(isQuery)) };
  }, [trace, data]);
  return <Trace trace={whole} />;
}

const VIEWS = ["waterfall", "flame", "sql", "logs", "table", "json"] as const;
type View = (typeof VIEWS)[number];
const NAMES: Record<View, string> = { waterfall: "Waterfall", flame: "Flame", sql: "SQL", logs: "Logs", table: "Table", json: "JSON" };

function Trace({ trace }: { trace: TraceView }) {
  const { spans, errors } = trace;
  const size = spans.span_id.length;
  const total = Math.max(1, trace.duration_ns);
  const tree = useMemo(() => buildTree(spans, errors), [spans, errors]);
  const colours = useMemo(() => colourNames(trace), [spans]);
  const moved = useMemo(() => movedServices(trace.services, spans), [spans]);
  const queries = useMemo(() => countQueries(trace), [spans]);
  const wanted = query.value.get("span");
  const selected = wanted === null ? -1 : spans.span_id.indexOf(normaliseId(wanted));
  const view = viewOf(query.value.get("view"), size);
  // While it is drawn with the mouse the address waits: browsers allow so many changes in half a minute.
  const [drawnZoom, drawZoom] = useState<Zoom | null>(null);
  const zoomInAddress = query.value.get("zoom");
  const zoom = useMemo(() => drawnZoom ?? readZoom(zoomInAddress, total) ?? { fromNs: 0, toNs: total }, [drawnZoom, zoomInAddress, total]);
  const change = (changes: Record<string, string | null>, isStep = false) => navigate(`${place.value.path}${withQuery(place.value.search, changes)}`, { replace: !isStep });
  const wasDrawn = useRef(false);
  const setZoom = (next: Zoom, isDone = true) => {
    if (!isDone) {
      wasDrawn.current = true;
      drawZoom(next);
      return;
    }
    drawZoom(null);
    change({ zoom: next.fromNs <= 0 && next.toNs >= total ? null : zoomText(next) }, wasDrawn.current);
    wasDrawn.current = false;
  };
  const select = (span: number) => change({ span: spans.span_id[span] ?? null });
  const isFinding = (query.value.get("find") ?? "") !== "";
  useKeys("trace", {
    link: () => void copyText(new URL(tracePath(trace.trace_id, wanted), location.href).href).then((ok) => say(ok ? "Link copied" : "The browser does not allow copying here")),
    ...(isFinding || wanted !== null ? { close: () => change(wanted !== null ? { span: null } : { find: null }) } : {}),
  });
  const props: TraceViewProps = { trace, tree, colours, selected, select, change, zoom, setZoom };
  const failedSpans = tree.size === 0 ? 0 : spans.status.reduce((n, status) => n + (status === "error" ? 1 : 0), 0);
  const title = oneLine(trace.name, 200) || (size === 0 ? (errors.length === 0 ? "Trace with logs only" : "Trace with errors only") : "Trace");
  const counts: Partial<Record<View, string>> = { sql: queries > 0 ? count(queries) : "", logs: trace.log_count > 0 ? count(trace.log_count) : "" };
  return (
    <>
      <header class="trace-head">
        <p class="crumbs">
          <a href="/traces">Traces</a> <span aria-hidden="true">/</span> <span class="mono">{trace.trace_id}</span>
          <SourceMarks sentry={trace.has_sentry} otel={trace.has_otel} />
        </p>
        <div class="trace-title-line">
          <PageTitle title={title} class="trace-title">
            {trace.op !== "" && <span class="op">{trace.op}</span>} {title}
          </PageTitle>
          {size > 0 && <span class="trace-duration">{duration(trace.duration_ns)}</span>}
        </div>
        <ul class="trace-facts">
          {size > 0 && <li>{plural(size, "span")}</li>}
          {trace.services.length > 0 && <li>{trace.services.length === 1 ? trace.services[0] : plural(trace.services.length, "service")}</li>}
          {errors.length > 0 && (
            <li class="bad">
              <span aria-hidden="true">●</span> {plural(errors.length, "error")}
            </li>
          )}
          {failedSpans > 0 && <li class="bad">{plural(failedSpans, "failed span")}</li>}
          <li>
            <time dateTime={new Date(trace.start_ms).toISOString()}>{dateTime(trace.start_ms)}</time>
          </li>
        </ul>
      </header>
      <KeptWithTrace profiles={trace.profiles} replays={trace.replays} />
      {trace.findings.length > 0 && view === "waterfall" && <Findings trace={trace} onSpan={select} />}
      {trace.spans_omitted > 0 && <Partial>{`${plural(trace.spans_omitted, "more span of this trace is", "more spans of this trace are")} kept but not drawn: a page draws at most ${count(size)}.`}</Partial>}
      {size > 0 && (
        <nav class="tabs trace-views" aria-label="View">
          {VIEWS.map((name) => (
            <a key={name} href={`${place.value.path}${withQuery(place.value.search, { view: name === "waterfall" ? null : name })}`} aria-current={view === name ? "true" : undefined}>
              {NAMES[name]}
              {counts[name] ? <small>{counts[name]}</small> : null}
            </a>
          ))}
        </nav>
      )}
      {size === 0 ? (
        <>
          <Partial>{`No spans of this trace have been received, only ${errors.length === 0 ? "the logs" : trace.log_count === 0 ? "the errors" : "the errors and logs"} below.`}</Partial>
          {errors.length === 0 && trace.log_count === 0 ? <Empty title="Nothing is kept of this trace" /> : <ErrorList trace={trace} />}
          {trace.log_count > 0 && <TraceLogs traceId={trace.trace_id} originMs={trace.start_ms} />}
        </>
      ) : view === "logs" ? (
        <TraceLogs traceId={trace.trace_id} originMs={trace.start_ms} />
      ) : view === "json" ? (
        <JsonView {...props} />
      ) : (
        <>
          {moved.length > 0 && <Partial>{`Clocks differ: spans of ${moved.map(({ service, byNs }) => `${service} are drawn ${duration(Math.abs(byNs))} ${byNs > 0 ? "later" : "earlier"}`).join(", ")}, inside the calls they answer.`}</Partial>}
          <WithLogs trace={trace}>
            {(logs) => (
              <Body {...props} panel={<Panel {...props} logs={logs} />}>
                {view === "flame" ? <FlameView {...props} /> : view === "sql" ? <SqlView {...props} /> : view === "table" ? <SpanTable {...props} /> : <WaterfallView {...props} logs={logs} />}
              </Body>
            )}
          </WithLogs>
        </>
      )}
    </>
  );
}

/** A page that is narrow has room for one of the two. */
function Body({ selected, panel, children }: TraceViewProps & { panel: ComponentChildren; children: ComponentChildren }) {
  return (
    <div class={`trace-body${selected >= 0 ? " with-panel" : ""}`}>
      {children}
      {selected >= 0 && panel}
    </div>
  );
}

function Panel({ trace, tree, selected, change, logs }: TraceViewProps & { logs: LogListView | undefined }) {
  const { spans, errors } = trace;
  const id = spans.span_id[selected] ?? "";
  return (
    <SpanPanel
      key={id}
      traceId={trace.trace_id}
      spanId={id}
      name={spans.name[selected] ?? ""}
      startNs={spans.start_ns[selected] ?? 0}
      selfNs={tree.selfNs[selected] ?? 0}
      shiftNs={spans.clock_shift_ns[selected] ?? 0}
      errors={(tree.errorsOf.get(selected) ?? []).flatMap((i) => errors[i] ?? [])}
      logs={logs?.logs.filter((log) => log.span_id === id) ?? []}
      originMs={trace.start_ms}
      onClose={() => change({ span: null })}
    />
  );
}

/** The logs of a trace that has some: marks on its bars, lines in the panel. */
function WithLogs({ trace, children }: { trace: TraceView; children: (logs: LogListView | undefined) => ComponentChildren }) {
  const { data } = useResource<LogListView>(trace.log_count > 0 ? `/api/ui/logs?trace=${encodeURIComponent(trace.trace_id)}` : null);
  return <>{children(data)}</>;
}

const viewOf = (text: string | null, size: number): View => (size === 0 ? "waterfall" : (VIEWS.find((name) => name === text) ?? "waterfall"));

/** About as many as the view of queries will list: which spans are statements is known to the server. */
function countQueries({ spans }: TraceView): number {
  let n = 0;
  for (const [i, op] of spans.op.entries()) if ((op === "db" || op.startsWith("db.")) && !/redis|memcache/.test(op) && spans.name[i] !== "connect") n += 1;
  return n;
}

/** Queries that are a mistake, above the waterfall that shows them. */
function Findings({ trace, onSpan }: { trace: TraceView; onSpan: (span: number) => void }) {
  return (
    <ul class="findings" aria-label="Queries to look at">
      {trace.findings.map((finding) => (
        <li key={finding.event_id}>
          <b>{finding.kind === "n_plus_one" ? `N+1 query ×${count(finding.count)}` : "Slow query"}</b>
          <code>{finding.table === null ? oneLine(finding.sql, 80) : `${finding.operation} ${finding.table}`}</code>
          <span>{duration(finding.total_ms * 1e6)}</span>
          {finding.call_site !== null && <CallSite text={finding.call_site} />}
          {finding.spans[0] !== undefined && (
            <button type="button" class="link-button" onClick={() => onSpan(finding.spans[0] as number)}>
              {finding.count > 1 ? "Show the first" : "Show it"}
            </button>
          )}
          {finding.short_id !== null && <a href={eventPath(finding.short_id, finding.event_id)}>{finding.short_id}</a>}
        </li>
      ))}
    </ul>
  );
}

function ErrorList({ trace }: { trace: TraceView }) {
  return (
    <ul class="trace-errors">
      {trace.errors.map((error) => (
        <li key={error.event_id}>
          <a href={eventPath(error.short_id, error.event_id)}>{oneLine(error.title)}</a> <span class="short-id">{error.short_id}</span>
        </li>
      ))}
    </ul>
  );
}
