// The rows of a trace as a treegrid. Up to 500 rows are all in the page, so the browser's own find works; above that only
// those in sight are.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { SpanColumns, TraceView } from "../api/types";
import { duration, offset, oneLine } from "../lib/format";
import { eventPath } from "../lib/urls";
import { movedWords, type Row, ticks, type Zoom } from "../lib/waterfall";
import { Icon } from "./icons";
import { LevelMark } from "./marks";

const ROW = 24;
const ROW_NARROW = 44;
const WHOLE_AT = 500;
const SPARE_ROWS = 12;
/** Deeper levels are no longer moved right; the level is still told to screen readers. */
const INDENT_MAX = 16;
const indentOf = (depth: number) => 6 + Math.min(depth, INDENT_MAX) * (narrow.matches ? 8 : 14);

const narrow = matchMedia("(max-width: 767.9px)");

export function rowKey(row: Row): string {
  return row.type === "span" ? `s${row.span}` : row.type === "group" ? `g${row.group}` : `e${row.error}`;
}

export function Waterfall({ trace, rows, zoom, colours, current, matches, scroller, onToggle, onSelect }: {
  trace: TraceView;
  rows: readonly Row[];
  zoom: Zoom;
  colours: (span: number) => string;
  current: string | null;
  matches: ReadonlySet<number>;
  scroller: RefObject<HTMLDivElement | null>;
  onToggle: (row: Row) => void;
  onSelect: (row: Row) => void;
}) {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  const [view, setView] = useState({ top: 0, height: 900 });
  const height = isNarrow ? ROW_NARROW : ROW;
  const isVirtual = rows.length > WHOLE_AT;
  useEffect(() => {
    const change = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", change);
    return () => narrow.removeEventListener("change", change);
  }, []);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !isVirtual) return undefined;
    // Drawn again only when the window of rows has moved by some rows, not for every pixel.
    const measure = () =>
      setView((old) => {
        const top = Math.floor(element.scrollTop / height / 4) * 4;
        return old.top === top && old.height === element.clientHeight ? old : { top, height: element.clientHeight };
      });
    measure();
    element.addEventListener("scroll", measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", measure);
      observer.disconnect();
    };
  }, [isVirtual, height]);
  const from = isVirtual ? Math.max(0, view.top - SPARE_ROWS) : 0;
  const to = isVirtual ? Math.min(rows.length, view.top + Math.ceil(view.height / height) + SPARE_ROWS + 4) : rows.length;
  const marks = useMemo(() => ticks(zoom, 5), [zoom]);
  const hasCurrent = current !== null && rows.slice(from, to).some((row) => rowKey(row) === current);
  const width = Math.max(1, zoom.toNs - zoom.fromNs);
  return (
    <div ref={scroller} class="waterfall" role="treegrid" aria-label="Spans" aria-rowcount={rows.length + 1} aria-colcount={2}>
      <div class="wf-head" role="row" aria-rowindex={1}>
        <span role="columnheader">Span</span>
        <span role="columnheader" class="axis" aria-label="Time">
          {marks.map((ns) => (
            <span key={ns} class="tick" style={{ left: `${((ns - zoom.fromNs) / width) * 100}%` }}>
              {ns === 0 ? "0" : duration(ns)}
            </span>
          ))}
        </span>
      </div>
      <div class="wf-body" role="rowgroup" style={{ height: `${rows.length * height}px` }}>
        <div class="wf-grid" aria-hidden="true">
          {marks.map((ns) => (
            <span key={ns} class="line" style={{ left: `${((ns - zoom.fromNs) / width) * 100}%` }} />
          ))}
        </div>
        <div class="wf-window" style={{ transform: `translateY(${from * height}px)` }} role="presentation">
          {rows.slice(from, to).map((row, i) => {
            const key = rowKey(row);
            return (
              <WaterfallRow
                key={key}
                row={row}
                index={from + i}
                trace={trace}
                zoom={zoom}
                colour={row.type === "error" ? "error" : colours(row.span)}
                isCurrent={key === current}
                isStop={hasCurrent ? key === current : i === 0}
                isMatch={row.type === "span" && matches.has(row.span)}
                onToggle={onToggle}
                onSelect={onSelect}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function WaterfallRow({ row, index, trace, zoom, colour, isCurrent, isStop, isMatch, onToggle, onSelect }: {
  row: Row;
  index: number;
  trace: TraceView;
  zoom: Zoom;
  colour: string;
  isCurrent: boolean;
  isStop: boolean;
  isMatch: boolean;
  onToggle: (row: Row) => void;
  onSelect: (row: Row) => void;
}) {
  const { spans } = trace;
  const canOpen = row.type === "group" || (row.type === "span" && row.hasChildren);
  const isFailed = row.type === "error" || (row.type === "group" ? row.hasFailed : spans.status[row.span] === "error");
  return (
    <div
      role="row"
      aria-level={row.depth + 1}
      aria-rowindex={index + 2}
      aria-expanded={canOpen ? row.isOpen : undefined}
      aria-selected={isCurrent}
      tabIndex={isStop ? 0 : -1}
      data-key={rowKey(row)}
      class={`wf-row${isCurrent ? " current" : ""}${isMatch ? " match" : ""}${isFailed ? " failed" : ""} is-${row.type}`}
      onClick={() => onSelect(row)}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        onSelect(row);
      }}
    >
      <div role="gridcell" class="wf-name" style={{ paddingLeft: `${indentOf(row.depth)}px` }}>
        {canOpen ? (
          <button
            type="button"
            class="wf-twist"
            tabIndex={-1}
            aria-label={row.isOpen ? "Close" : "Open"}
            onClick={(event) => {
              event.stopPropagation();
              onToggle(row);
            }}
          >
            <Icon name={row.isOpen ? "down" : "chevron"} size={12} />
          </button>
        ) : (
          <span class="wf-twist" />
        )}
        <Name row={row} trace={trace} colour={colour} />
      </div>
      <div role="gridcell" class="wf-bars">
        <Bars row={row} trace={trace} zoom={zoom} colour={colour} />
      </div>
    </div>
  );
}

function Name({ row, trace, colour }: { row: Row; trace: TraceView; colour: string }) {
  const { spans } = trace;
  if (row.type === "error") {
    const error = trace.errors[row.error];
    if (!error) return null;
    return (
      <>
        <LevelMark level={error.level} />
        <a class={`wf-error level-${error.level}`} href={eventPath(error.short_id, error.event_id)} onClick={(event) => event.stopPropagation()}>
          {oneLine(error.title, 160)}
        </a>
        <span class="wf-note">{error.short_id}</span>
        {error.is_placed_by_time && (
          <span class="wf-note" title="The event named no span of this trace">
            placed by time
          </span>
        )}
      </>
    );
  }
  const i = row.span;
  const hasErrors = row.type === "span" && trace.errors.some((error) => error.span === i);
  return (
    <>
      <span class="wf-dot" style={{ background: `var(--${colour})` }} aria-hidden="true" />
      {spans.op[i] !== "" && <span class="wf-op">{spans.op[i]}</span>}
      <span class="wf-text">{oneLine(spans.name[i] ?? "", 200) || "(no name)"}</span>
      {row.type === "group" && <b class="wf-times">{`×${row.members.length}`}</b>}
      {hasErrors && (
        <span class="wf-mark" title="An error was raised in this span">
          ●<span class="offscreen"> has an error</span>
        </span>
      )}
      {trace.findings.some((finding) => finding.spans.includes(i)) && (
        <span class="wf-finding" title={trace.findings.find((finding) => finding.spans.includes(i))?.kind === "slow_query" ? "A slow query" : "One of an N+1 query"}>
          {trace.findings.find((finding) => finding.spans.includes(i))?.kind === "slow_query" ? "slow" : "N+1"}
        </span>
      )}
      {spans.is_orphan[i] && <span class="wf-note">parent not received</span>}
      {isFirstMoved(spans, i) && (
        <span class="wf-note" title={movedWords(spans.clock_shift_ns[i] ?? 0)}>
          clock differs
        </span>
      )}
      {trace.services.length > 1 && spans.service[i] !== spans.service[spans.parent[i] ?? -1] && <span class="wf-note service">{trace.services[spans.service[i] ?? 0]}</span>}
    </>
  );
}

/** The topmost of the spans that one clock has moved. */
function isFirstMoved(spans: SpanColumns, i: number): boolean {
  const shift = spans.clock_shift_ns[i] ?? 0;
  return shift !== 0 && shift !== (spans.clock_shift_ns[spans.parent[i] ?? -1] ?? 0);
}

function Bars({ row, trace, zoom, colour }: { row: Row; trace: TraceView; zoom: Zoom; colour: string }) {
  const { spans } = trace;
  const width = Math.max(1, zoom.toNs - zoom.fromNs);
  const share = (ns: number) => ((ns - zoom.fromNs) / width) * 100;
  if (row.type === "error") {
    const error = trace.errors[row.error];
    const at = error ? share(error.time_ns) : -1;
    if (!error || at < 0 || at > 100) return null;
    return (
      <>
        <span class="wf-pin" style={{ left: `${at}%` }} title={offset(error.time_ns)} />
        <Label left={at - 1} right={at + 1} text={offset(error.time_ns)} />
      </>
    );
  }
  const ids = row.type === "group" ? row.members : [row.span];
  const bars = [];
  let least = Infinity;
  let most = -Infinity;
  let lastEnd = -Infinity;
  for (const i of ids) {
    const start = share(spans.start_ns[i] ?? 0);
    const end = share((spans.start_ns[i] ?? 0) + (spans.duration_ns[i] ?? 0));
    least = Math.min(least, start);
    most = Math.max(most, end);
    // Bars of a group that would fall into the same quarter percent are drawn once.
    if (end < 0 || start > 100 || (ids.length > 200 && end < lastEnd + 0.25)) continue;
    lastEnd = end;
    const left = Math.max(0, start);
    const failed = spans.status[i] === "error";
    bars.push(<span key={i} class={`wf-bar${failed ? " failed" : ""}${ids.length > 1 ? " member" : ""}`} style={{ left: `${left}%`, width: `${Math.max(0, Math.min(100, end) - left)}%`, background: `var(--${colour})` }} />);
  }
  const text =
    row.type === "group"
      ? `${duration(row.totalNs)} in all, ${duration(row.totalNs / row.members.length)} each`
      : duration(spans.duration_ns[row.span] ?? 0);
  if (most < 0 || least > 100) return <span class={`wf-off ${most < 0 ? "before" : "after"}`}>{most < 0 ? `‹ ${text}` : `${text} ›`}</span>;
  return (
    <>
      {bars}
      <Label left={Math.max(0, least)} right={Math.min(100, most)} text={text} />
    </>
  );
}

/** Right of the bar, else left of it, else inside its end. */
function Label({ left, right, text }: { left: number; right: number; text: string }) {
  // The bars leave room at their right for a single duration; the longer words of a group may not fit.
  if (right < 60 || text.length < 11) return <span class="wf-label" style={{ left: `${right}%` }}>{text}</span>;
  if (left > 40) return <span class="wf-label before" style={{ right: `${100 - left}%` }}>{text}</span>;
  return <span class="wf-label inside">{text}</span>;
}

/** Scrolls a row into sight, whether it is in the page or not. */
export function scrollToRow(scroller: HTMLDivElement | null, index: number): void {
  if (!scroller || index < 0) return;
  const height = narrow.matches ? ROW_NARROW : ROW;
  const head = 28;
  const top = index * height;
  if (top < scroller.scrollTop) scroller.scrollTop = Math.max(0, top - height * 2);
  else if (top + height + head > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + head + height * 3 - scroller.clientHeight;
}
