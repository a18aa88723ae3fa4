// One trace: where the time went, what failed, and everything about the span one points at.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useTrace } from "../api/use-trace";
import type { SpanColumns, TraceView } from "../api/types";
import type { PageProps } from "../app";
import { copyText } from "../clipboard";
import { SearchBox } from "../components/controls";
import { CallSite } from "../components/editor-link";
import { Icon } from "../components/icons";
import { KeptWithTrace } from "../components/kept";
import { SourceMarks } from "../components/marks";
import { Minimap } from "../components/minimap";
import { isNotHere, NotHere } from "../components/not-here";
import { PageTitle } from "../components/shell";
import { SpanPanel } from "../components/span-panel";
import { Empty, LoadError, Partial, SkeletonRows } from "../components/states";
import { TraceLogs } from "../components/trace-logs";
import { rowKey, scrollToRow, Waterfall } from "../components/waterfall";
import { useKeys } from "../keys";
import { count, dateTime, duration, oneLine, plural, shortId } from "../lib/format";
import { colourNames, kindColour, serviceColour } from "../lib/span-colours";
import { eventPath, normaliseId, tracePath, withQuery } from "../lib/urls";
import { buildTree, find, type Folding, layout, movedServices, reveal, type Row, timeByKind, type Zoom, zoomBy } from "../lib/waterfall";
import { navigate, place, query } from "../router";
import { say } from "../state";
import "../styles/performance.css";
import "../styles/trace.css";

export function TracePage({ params }: PageProps) {
  const traceId = normaliseId(params.traceId ?? "");
  const { data, error, reload } = useTrace(traceId);
  return (
    <div class="page trace-page">
      {data ? (
        <>
          {error && <LoadError error={error} what="The trace" hasData onRetry={reload} />}
          <Trace trace={data} />
        </>
      ) : isNotHere(error) ? (
        <NotHere title={`There is no trace ${shortId(traceId)}`} href="/traces" back="All traces" />
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

const NO_FOLDING: Folding = { closed: new Set(), openGroups: new Set() };

function Trace({ trace }: { trace: TraceView }) {
  const { spans, errors } = trace;
  const total = Math.max(1, trace.duration_ns);
  const tree = useMemo(() => buildTree(spans, errors), [trace]);
  const colours = useMemo(() => colourNames(trace), [trace]);
  const moved = useMemo(() => movedServices(trace.services, spans), [trace]);
  const kinds = useMemo(() => timeByKind(spans, tree), [tree]);
  // Nothing chosen means all of it, also when it grows.
  const [chosenZoom, chooseZoom] = useState<Zoom | null>(null);
  const zoom = useMemo(() => chosenZoom ?? { fromNs: 0, toNs: total }, [chosenZoom, total]);
  const setZoom = (next: Zoom) => chooseZoom(next.fromNs <= 0 && next.toNs >= total ? null : next);
  const wantedSpan = query.value.get("span");
  const selected = wantedSpan === null ? -1 : spans.span_id.indexOf(normaliseId(wantedSpan));
  const [keptFolding, setFolding] = useState<Folding>(() => (selected >= 0 ? reveal(tree, spans, NO_FOLDING, selected) : NO_FOLDING));
  const [keptCurrent, setCurrent] = useState<string | null>(selected >= 0 ? `s${selected}` : null);
  // Both name spans by their index, which is another one when more spans have arrived.
  const drawn = useRef(spans);
  let folding = keptFolding;
  let current = keptCurrent;
  if (drawn.current !== spans) {
    const moved = movedSpans(drawn.current, spans);
    drawn.current = spans;
    folding = { closed: new Set([...folding.closed].map(moved)), openGroups: new Set([...folding.openGroups].map(moved)) };
    current = current === null || current.startsWith("e") ? null : `${current[0]}${moved(Number(current.slice(1)))}`;
    setFolding(folding);
    setCurrent(current);
  }
  const rows = useMemo(() => layout(tree, spans, folding), [tree, folding]);
  const scroller = useRef<HTMLDivElement>(null);
  const findText = query.value.get("find") ?? "";
  const matches = useMemo(() => find(spans, findText), [spans, findText]);
  const matchSet = useMemo(() => new Set(matches), [matches]);
  const matchAt = matches.indexOf(selected);
  const focusWanted = useRef(false);
  /** Only what the reader did moves the rows, not spans that arrive. */
  const scrollWanted = useRef(true);

  const change = (changes: Record<string, string | null>) => navigate(`${place.value.path}${withQuery(place.value.search, changes)}`, { replace: true });
  const select = (row: Row, withPanel = true) => {
    const key = rowKey(row);
    setCurrent(key);
    focusWanted.current = true;
    scrollWanted.current = true;
    if (row.type === "group") {
      if (withPanel) toggle(row);
    } else if (row.type === "error") {
      const error = errors[row.error];
      if (withPanel && error) navigate(eventPath(error.short_id, error.event_id));
    } else if (withPanel) change({ span: spans.span_id[row.span] ?? null });
  };
  const toggle = (row: Row) => {
    const closed = new Set(folding.closed);
    const openGroups = new Set(folding.openGroups);
    if (row.type === "group") {
      if (row.isOpen) openGroups.delete(row.group);
      else openGroups.add(row.group);
    } else if (row.type === "span") {
      if (row.isOpen) closed.add(row.span);
      else closed.delete(row.span);
    }
    setFolding({ closed, openGroups });
  };
  const goToSpan = (span: number) => {
    setFolding(reveal(tree, spans, folding, span));
    setCurrent(`s${span}`);
    focusWanted.current = true;
    scrollWanted.current = true;
    change({ span: spans.span_id[span] ?? null });
  };
  const at = rows.findIndex((row) => rowKey(row) === current);
  useEffect(() => {
    if (at < 0) return;
    if (scrollWanted.current) scrollToRow(scroller.current, at);
    scrollWanted.current = false;
    if (!focusWanted.current) return;
    focusWanted.current = false;
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-key="${current ?? ""}"]`)?.focus({ preventScroll: true }));
  }, [current, rows]);

  const step = (by: number) => {
    const row = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    if (row) select(row, row.type === "span");
  };
  /** The match after (or before) the selected span, around the end. */
  const nextMatch = (by: number, among = matches) => {
    const to = by > 0 ? (among.find((i) => i > selected) ?? among[0]) : (among.findLast((i) => i < selected) ?? among[among.length - 1]);
    if (to === undefined) return say("No match");
    goToSpan(to);
    say(`Match ${among.indexOf(to) + 1} of ${among.length}`);
  };
  /** Failed spans and spans with error events, in drawing order. */
  const troubles = useMemo(() => spans.span_id.map((_, i) => i).filter((i) => spans.status[i] === "error" || tree.errorsOf.has(i)), [tree]);
  const nextError = (by: number) => {
    if (troubles.length === 0) return say("No errors in this trace");
    const here = selected;
    const to = by > 0 ? (troubles.find((i) => i > here) ?? troubles[0]) : (troubles.findLast((i) => i < here) ?? troubles[troubles.length - 1]);
    if (to !== undefined) goToSpan(to);
  };
  const zoomTo = (factor: number) => setZoom(zoomBy(zoom, total, factor, factor < 1 && selected >= 0 ? centreOf(trace, selected, zoom) : undefined));
  const whole = () => chooseZoom(null);
  const row = rows[at];
  useKeys("trace", {
    down: () => step(1),
    up: () => step(-1),
    left: () => {
      if (!row) return;
      if (row.type !== "error" && row.isOpen) toggle(row);
      else if (row.parentRow >= 0) select(rows[row.parentRow] as Row, false);
    },
    right: () => {
      if (!row || row.type === "error") return;
      if (!row.isOpen && (row.type === "group" || row.hasChildren)) toggle(row);
      else if (row.isOpen) step(1);
    },
    nextMatch: () => nextMatch(1),
    previousMatch: () => nextMatch(-1),
    nextError: () => nextError(1),
    previousError: () => nextError(-1),
    zoomIn: () => zoomTo(0.5),
    zoomOut: () => zoomTo(2),
    zoomReset: whole,
    link: () => void copyText(new URL(tracePath(trace.trace_id, wantedSpan), location.href).href).then((ok) => say(ok ? "Link copied" : "The browser does not allow copying here")),
    ...(wantedSpan !== null ? { close: () => change({ span: null }) } : {}),
  });

  const size = spans.span_id.length;
  const isLogs = query.value.get("view") === "logs" && trace.log_count > 0;
  const failedSpans = useMemo(() => spans.status.filter((status) => status === "error").length, [spans]);
  const title = oneLine(trace.name, 200) || (size === 0 ? (errors.length === 0 ? "Trace with logs only" : "Trace with errors only") : "Trace");
  const selfTotal = Math.max(1, kinds.reduce((sum, kind) => sum + kind.selfNs, 0));
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
          {errors.length > 0 && <li class="bad"><span aria-hidden="true">●</span> {plural(errors.length, "error")}</li>}
          {failedSpans > 0 && <li class="bad">{plural(failedSpans, "failed span")}</li>}
          <li>
            <time dateTime={new Date(trace.start_ms).toISOString()}>{dateTime(trace.start_ms)}</time>
          </li>
        </ul>
      </header>
      <KeptWithTrace profiles={trace.profiles} replays={trace.replays} />
      {trace.findings.length > 0 && <Findings trace={trace} onSpan={goToSpan} />}
      {trace.spans_omitted > 0 && <Partial>{`${plural(trace.spans_omitted, "more span of this trace is", "more spans of this trace are")} kept but not drawn: a page draws at most ${count(size)}.`}</Partial>}
      {trace.log_count > 0 && size > 0 && (
        <nav class="tabs trace-views" aria-label="View">
          <a href={`${place.value.path}${withQuery(place.value.search, { view: null })}`} aria-current={isLogs ? undefined : "true"}>
            Waterfall
          </a>
          <a href={`${place.value.path}${withQuery(place.value.search, { view: "logs" })}`} aria-current={isLogs ? "true" : undefined}>
            {`Logs ${count(trace.log_count)}`}
          </a>
        </nav>
      )}
      {isLogs && size > 0 ? (
        <TraceLogs traceId={trace.trace_id} originMs={trace.start_ms} />
      ) : size === 0 ? (
        <>
          <Partial>{`No spans of this trace have been received, only ${errors.length === 0 ? "the logs" : trace.log_count === 0 ? "the errors" : "the errors and logs"} below.`}</Partial>
          {errors.length === 0 && trace.log_count === 0 ? <Empty title="Nothing is kept of this trace" /> : <ErrorList trace={trace} />}
          {trace.log_count > 0 && <TraceLogs traceId={trace.trace_id} originMs={trace.start_ms} />}
        </>
      ) : (
        <>
          {moved.length > 0 && <Partial>{`Clocks differ: spans of ${moved.map(({ service, byNs }) => `${service} are drawn ${duration(Math.abs(byNs))} ${byNs > 0 ? "later" : "earlier"}`).join(", ")}, inside the calls they answer.`}</Partial>}
          <div class="trace-overview">
            <Minimap trace={trace} zoom={zoom} colours={colours} onZoom={setZoom} />
            <div class="legend-line">
              <ul class="legend">
                {trace.services.length > 1
                  ? trace.services.map((name, i) => (
                      <li key={name}>
                        <span class="swatch" style={{ background: `var(--${serviceColour(i)})` }} /> {name}
                      </li>
                    ))
                  : kinds.map(({ kind, selfNs, spans: n }) => (
                      <li key={kind} title={`${plural(n, "span")}, ${duration(selfNs)} not covered by spans below them`}>
                        <span class="swatch" style={{ background: `var(--${kindColour(kind)})` }} /> {kind} <b>{duration(selfNs)}</b>{" "}
                        <span class="share">{`${Math.round((selfNs / selfTotal) * 100)}%`}</span>
                      </li>
                    ))}
              </ul>
              <div class="zoom-tools" role="group" aria-label="Zoom">
                <button type="button" class="icon-button small" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoomTo(0.5)}>
                  <Icon name="plus" size={14} />
                </button>
                <button type="button" class="icon-button small" aria-label="Zoom out" title="Zoom out (-)" onClick={() => zoomTo(2)}>
                  <Icon name="minus" size={14} />
                </button>
                <button type="button" class="icon-button small" aria-label="Whole trace" title="Whole trace (0)" onClick={whole}>
                  <Icon name="whole" size={14} />
                </button>
              </div>
              <SearchBox value={findText} label="Find in this trace" placeholder="Find in trace" onChange={(value) => change({ find: value })} onEnter={(text, isShift) => nextMatch(isShift ? -1 : 1, find(spans, text))}>
                {findText === "" ? <kbd aria-hidden="true">/</kbd> : <span class="find-count">{matches.length === 0 ? "none" : `${matchAt < 0 ? "" : `${matchAt + 1} of `}${matches.length}`}</span>}
              </SearchBox>
            </div>
          </div>
          <div class={`trace-body${selected >= 0 ? " with-panel" : ""}`}>
            <Waterfall trace={trace} rows={rows} zoom={zoom} colours={colours} current={current} matches={matchSet} scroller={scroller} onToggle={toggle} onSelect={select} />
            {selected >= 0 && (
              <SpanPanel
                key={spans.span_id[selected]}
                traceId={trace.trace_id}
                spanId={spans.span_id[selected] ?? ""}
                name={spans.name[selected] ?? ""}
                startNs={spans.start_ns[selected] ?? 0}
                selfNs={tree.selfNs[selected] ?? 0}
                shiftNs={spans.clock_shift_ns[selected] ?? 0}
                errors={(tree.errorsOf.get(selected) ?? []).flatMap((i) => errors[i] ?? [])}
                onClose={() => change({ span: null })}
              />
            )}
          </div>
        </>
      )}
    </>
  );
}

/** Where a span of the older columns stands in the newer ones. */
function movedSpans(older: SpanColumns, newer: SpanColumns): (span: number) => number {
  const places = new Map(newer.span_id.map((id, i) => [id, i]));
  return (span) => places.get(older.span_id[span] ?? "") ?? -1;
}

/** Zooming in goes towards the selected span when it is in sight. */
function centreOf(trace: TraceView, span: number, zoom: Zoom): number | undefined {
  const centre = (trace.spans.start_ns[span] ?? 0) + (trace.spans.duration_ns[span] ?? 0) / 2;
  return centre > zoom.fromNs && centre < zoom.toNs ? centre : undefined;
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
