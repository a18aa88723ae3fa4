// The rows of a trace as a treegrid. Up to 500 rows are all in the page, so the browser's own find works: those out of sight
// with their words alone, because everything of them would be more than a page should hold. Above that only those in sight are.

import type { RefObject } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { SpanColumns, TraceView } from "../api/types";
import { bySpan, type CriticalPath, type Piece, piecesWithin } from "../lib/critical-path";
import { count, duration, offset, oneLine, plural } from "../lib/format";
import { markOf } from "../lib/logs";
import { type SpanMarks, thinned } from "../lib/span-marks";
import { eventPath } from "../lib/urls";
import { freeStretch, movedWords, type Row, ticks, type Tree, troublesBelow, uncovered, type Zoom } from "../lib/waterfall";
import { Icon } from "./icons";
import { LevelMark } from "./marks";
import { useScrolledRows } from "./scrolled-rows";

const ROW = 24;
const ROW_NARROW = 44;
const WHOLE_AT = 500;
const SPARE_ROWS = 12;
/** Deeper levels are no longer moved right; the level is still told to screen readers. */
const INDENT_MAX = 16;
const indentOf = (depth: number) => 6 + Math.min(depth, INDENT_MAX) * (narrow.matches ? 8 : 14);
/** Of the width in sight: time without a span is shown from here on, and told in words from there. */
const GAP_SHARE = 0.04;
const GAP_WORDS_SHARE = 0.2;
/** Marks and pieces of one row, at most. */
const ROW_MARKS_MAX = 40;
/** Members of a closed group whose part of the critical path is drawn: thousands of them would be one line anyway. */
const GROUP_MEMBERS_MAX = 2000;
const LEVEL_WEIGHT: Record<string, number> = { fatal: 5, error: 4, warn: 3, info: 2, debug: 1 };

const narrow = matchMedia("(max-width: 767.9px)");

export function rowKey(row: Row): string {
  return row.type === "span" ? `s${row.span}` : row.type === "group" ? `g${row.group}` : `e${row.error}`;
}

type Drawn = {
  trace: TraceView;
  tree: Tree;
  zoom: Zoom;
  marks: SpanMarks;
  /** What the trace waited for, when that is shown. */
  critical: CriticalPath | null;
  /** Spans whose parent is below themselves. */
  cyclic: ReadonlySet<number>;
};

export function Waterfall({ trace, tree, rows, zoom, colours, at, matches, critical, cyclic, marks, scroller, onToggle, onSelect, onStep }: {
  trace: TraceView;
  tree: Tree;
  rows: readonly Row[];
  zoom: Zoom;
  colours: (span: number) => string;
  /** Where the current row stands. */
  at: number;
  matches: ReadonlySet<number>;
  critical: readonly Piece[] | null;
  cyclic: ReadonlySet<number>;
  marks: SpanMarks;
  scroller: RefObject<HTMLDivElement | null>;
  onToggle: (row: Row) => void;
  onSelect: (row: Row) => void;
  onStep: (by: number) => void;
}) {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  const height = isNarrow ? ROW_NARROW : ROW;
  const isVirtual = rows.length > WHOLE_AT;
  useEffect(() => {
    const change = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", change);
    return () => narrow.removeEventListener("change", change);
  }, []);
  const view = useScrolledRows(scroller, height);
  const near = Math.max(0, view.top - SPARE_ROWS);
  const far = Math.min(rows.length, view.top + Math.ceil(view.height / height) + SPARE_ROWS + 4);
  const from = isVirtual ? near : 0;
  const to = isVirtual ? far : rows.length;
  const lines = useMemo(() => ticks(zoom, 5), [zoom]);
  const hasCurrent = at >= from && at < to;
  const width = Math.max(1, zoom.toNs - zoom.fromNs);
  const path = useMemo(() => critical && bySpan(critical), [critical]);
  const drawn: Drawn = { trace, tree, zoom, marks, critical: path, cyclic };
  return (
    <div
      ref={scroller}
      class="waterfall"
      role="treegrid"
      aria-label="Spans"
      aria-rowcount={rows.length + 1}
      aria-colcount={2}
      tabIndex={-1}
      onKeyDown={(event) => {
        const by = { Home: -rows.length, End: rows.length, PageUp: -20, PageDown: 20 }[event.key];
        if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        onStep(by);
      }}
    >
      <div class="wf-head" role="row" aria-rowindex={1}>
        <span role="columnheader">Span</span>
        <span role="columnheader" class="axis" aria-label="Time">
          {lines.map((ns) => (
            <span key={ns} class="tick" style={{ left: `${((ns - zoom.fromNs) / width) * 100}%` }}>
              {ns === 0 ? "0" : duration(ns)}
            </span>
          ))}
        </span>
      </div>
      <div class="wf-body" role="rowgroup" style={{ height: `${rows.length * height}px` }}>
        <div class="wf-grid" aria-hidden="true">
          {lines.map((ns) => (
            <span key={ns} class="line" style={{ left: `${((ns - zoom.fromNs) / width) * 100}%` }} />
          ))}
        </div>
        <div class="wf-window" style={{ transform: `translateY(${from * height}px)` }} role="presentation">
          {rows.slice(from, to).map((row, i) => {
            const index = from + i;
            const key = rowKey(row);
            return (
              <WaterfallRow
                key={key}
                row={row}
                index={index}
                drawn={drawn}
                isNear={index >= near && index < far}
                colour={row.type === "error" ? "error" : colours(row.span)}
                isCurrent={index === at}
                isStop={hasCurrent ? index === at : index === near}
                isMatch={row.type === "span" ? matches.has(row.span) : row.type === "group" && !row.isOpen && matches.size > 0 && row.members.some((member) => matches.has(member))}
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

function WaterfallRow({ row, index, drawn, isNear, colour, isCurrent, isStop, isMatch, onToggle, onSelect }: {
  row: Row;
  index: number;
  drawn: Drawn;
  isNear: boolean;
  colour: string;
  isCurrent: boolean;
  isStop: boolean;
  isMatch: boolean;
  onToggle: (row: Row) => void;
  onSelect: (row: Row) => void;
}) {
  const { spans } = drawn.trace;
  const canOpen = row.type === "group" || (row.type === "span" && row.hasChildren);
  const isFailed = row.type === "error" || (row.type === "group" ? row.hasFailed : spans.status[row.span] === "error");
  const name = wordsOf(row, drawn.trace);
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
        {isNear &&
          (canOpen ? (
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
            <span key="twist" class="wf-twist" />
          ))}
        {isNear && <Before row={row} trace={drawn.trace} colour={colour} />}
        {row.type === "error" && isNear ? (
          <ErrorLink trace={drawn.trace} error={row.error} words={name} />
        ) : (
          // The same element near and far: what the browser has found in it stays found when it comes into sight.
          <span key="words" class="wf-text">
            {name}
          </span>
        )}
        {isNear && <Behind row={row} drawn={drawn} />}
      </div>
      {isNear && (
        <div role="gridcell" class="wf-bars">
          <Bars row={row} drawn={drawn} colour={colour} />
        </div>
      )}
    </div>
  );
}

function wordsOf(row: Row, trace: TraceView): string {
  if (row.type === "error") return oneLine(trace.errors[row.error]?.title ?? "", 160);
  return oneLine(trace.spans.name[row.span] ?? "", 200) || "(no name)";
}

function ErrorLink({ trace, error, words }: { trace: TraceView; error: number; words: string }) {
  const view = trace.errors[error];
  if (!view) return null;
  return (
    <a class={`wf-error level-${view.level}`} tabIndex={-1} href={eventPath(view.short_id, view.event_id)} onClick={(event) => event.stopPropagation()}>
      {words}
    </a>
  );
}

function Before({ row, trace, colour }: { row: Row; trace: TraceView; colour: string }) {
  if (row.type === "error") return <LevelMark level={trace.errors[row.error]?.level ?? "error"} />;
  const op = trace.spans.op[row.span];
  return (
    <>
      <span class="wf-dot" style={{ background: `var(--${colour})` }} aria-hidden="true" />
      {op !== "" && <span class="wf-op">{op}</span>}
    </>
  );
}

function Behind({ row, drawn }: { row: Row; drawn: Drawn }) {
  const { trace, tree, marks } = drawn;
  const { spans } = trace;
  if (row.type === "error") {
    const error = trace.errors[row.error];
    if (!error) return null;
    return (
      <>
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
  const hasErrors = row.type === "span" && tree.errorsOf.has(i);
  const within = row.type === "span" && row.hasChildren && !row.isOpen ? troublesBelow(tree, i) : 0;
  const finding = marks.findings.get(i);
  return (
    <>
      {row.type === "group" && <b class="wf-times">{`×${count(row.members.length)}`}</b>}
      {hasErrors && (
        <span class="wf-mark" title="An error was raised in this span">
          ●<span class="offscreen"> has an error</span>
        </span>
      )}
      {within > 0 && (
        <span class="wf-mark" title={`${plural(within, "span")} below failed or raised an error`}>
          {`● ${count(within)}`}
          <span class="offscreen"> failed below</span>
        </span>
      )}
      {finding && (
        <span class="wf-finding" title={finding.kind === "slow_query" ? "A slow query" : `One of an N+1 query: ${plural(finding.count, "time")}`}>
          {finding.kind === "slow_query" ? "slow" : "N+1"}
        </span>
      )}
      {spans.is_orphan[i] && (
        <span class="wf-note" title={drawn.cyclic.has(i) ? "The parent this span names is below itself: the ring is cut here to draw it" : undefined}>
          {drawn.cyclic.has(i) ? "cycle: its parent is below it" : "parent not received"}
        </span>
      )}
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

function Bars({ row, drawn, colour }: { row: Row; drawn: Drawn; colour: string }) {
  const { trace, zoom } = drawn;
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
        <Label left={at - 1} right={at + 1} words={[offset(error.time_ns)]} />
      </>
    );
  }
  const ids = row.type === "group" ? row.members : [row.span];
  const bars = [];
  const marks: [number, number][] = [];
  let least = Infinity;
  let most = -Infinity;
  let lastEnd = -Infinity;
  for (const i of ids) {
    const start = share(spans.start_ns[i] ?? 0);
    const end = share((spans.start_ns[i] ?? 0) + (spans.duration_ns[i] ?? 0));
    least = Math.min(least, start);
    most = Math.max(most, end);
    marks.push([start, end]);
    // Bars of a group that would fall into the same half percent are drawn once.
    if (end < 0 || start > 100 || (ids.length > ROW_MARKS_MAX && end < lastEnd + 0.5)) continue;
    lastEnd = end;
    const left = Math.max(0, start);
    const failed = spans.status[i] === "error";
    bars.push(<span key={i} class={`wf-bar${failed ? " failed" : ""}${ids.length > 1 ? " member" : ""}`} style={{ left: `${left}%`, width: `${Math.max(0, Math.min(100, end) - left)}%`, background: `var(--${colour})` }} />);
  }
  const words =
    row.type === "group"
      ? [duration(row.totalNs), " in all", `, ${duration(row.totalNs / row.members.length)} each`]
      : [duration(spans.duration_ns[row.span] ?? 0)];
  const text = words.join("");
  if (most < 0 || least > 100) return <span class={`wf-off ${most < 0 ? "before" : "after"}`}>{most < 0 ? `‹ ${text}` : `${text} ›`}</span>;
  return (
    <>
      {bars}
      {row.type === "span" && row.isOpen && <Gaps span={row.span} drawn={drawn} share={share} hasLabel={placeOf(Math.max(0, least), Math.min(100, most), text) === "inside"} />}
      <Critical row={row} drawn={drawn} share={share} />
      <Ticks row={row} drawn={drawn} share={share} />
      {row.type === "group" ? <GroupLabel marks={marks} words={words} /> : <Label left={Math.max(0, least)} right={Math.min(100, most)} words={words} />}
    </>
  );
}

/** Where its members leave most room, so that it lies on none of them. */
function GroupLabel({ marks, words }: { marks: readonly (readonly [number, number])[]; words: readonly string[] }) {
  const [left, right] = freeStretch(marks, narrow.matches ? ROOM_NARROW : ROOM);
  const style = right > 100 ? { left: `${left}%`, maxWidth: `calc(${100 - left}% + var(--room))` } : left <= 0 ? { right: `${100 - right}%`, maxWidth: `${right}%` } : { left: `${left}%`, maxWidth: `${right - left}%` };
  return (
    <span class={`wf-label${left <= 0 ? " before" : ""}`} style={style} title={words.join("")}>
      {words.map((part) => <span key={part}>{part}</span>)}
    </span>
  );
}

type Share = (ns: number) => number;

/** Time of an open span in which none of those below it ran: nobody measured what it did. */
function Gaps({ span, drawn, share, hasLabel }: { span: number; drawn: Drawn; share: Share; hasLabel: boolean }) {
  const { trace, tree, zoom } = drawn;
  const end = Math.min(zoom.toNs, (trace.spans.start_ns[span] ?? 0) + (trace.spans.duration_ns[span] ?? 0));
  if (tree.first[span] === tree.first[span + 1]) return null;
  const least = (zoom.toNs - zoom.fromNs) * GAP_SHARE;
  if ((tree.selfNs[span] ?? 0) < least) return null;
  const gaps = uncovered(trace.spans, tree, span).filter(([from, to]) => Math.min(to, zoom.toNs) - Math.max(from, zoom.fromNs) >= least);
  return (
    <>
      {gaps.map(([from, to]) => {
        const left = Math.max(0, share(from));
        const width = Math.min(100, share(to)) - left;
        const words = `${duration(to - from)} not instrumented`;
        return (
          <span key={from} class={`wf-gap${hasLabel && to >= end ? " under-label" : ""}`} style={{ left: `${left}%`, width: `${width}%` }} title={words}>
            {width >= GAP_WORDS_SHARE * 100 && <span>{words}</span>}
          </span>
        );
      })}
    </>
  );
}

/** A closed row stands for all below it. */
function Critical({ row, drawn, share }: { row: Row; drawn: Drawn; share: Share }) {
  if (row.type === "error" || !drawn.critical) return null;
  const path = drawn.critical;
  const { tree } = drawn;
  const endOf = (span: number) => tree.end[span] ?? span + 1;
  const mine =
    row.type === "group"
      ? row.isOpen
        ? []
        : row.members.slice(0, GROUP_MEMBERS_MAX).flatMap((member) => piecesWithin(path, member, endOf(member)))
      : piecesWithin(path, row.span, row.isOpen ? row.span + 1 : endOf(row.span));
  const inSight = mine.filter((piece) => share(piece.toNs) > 0 && share(piece.fromNs) < 100);
  const shown = thinned(inSight, (piece) => share(piece.fromNs), (piece) => piece.toNs - piece.fromNs, 0.2);
  return (
    <>
      {shown.map(({ mark: piece }) => {
        const left = Math.max(0, share(piece.fromNs));
        return <span key={piece.fromNs} class="wf-critical" style={{ left: `${left}%`, width: `${Math.min(100, share(piece.toNs)) - left}%` }} />;
      })}
    </>
  );
}

/** Logs of the span, and errors of what is folded away. */
function Ticks({ row, drawn, share }: { row: Row; drawn: Drawn; share: Share }) {
  if (row.type !== "span") return null;
  const { tree, marks } = drawn;
  const logs = (marks.ticks.get(row.span) ?? []).filter(({ atNs }) => share(atNs) >= 0 && share(atNs) <= 100);
  const end = tree.end[row.span] ?? row.span + 1;
  const below = row.hasChildren && !row.isOpen ? marks.errors.filter(({ span, atNs }) => span >= row.span && span < end && share(atNs) >= 0 && share(atNs) <= 100) : [];
  return (
    <>
      {thinned(logs, ({ atNs }) => share(atNs), ({ level }) => LEVEL_WEIGHT[level] ?? 0, 0.4)
        .slice(0, ROW_MARKS_MAX)
        .map(({ mark, n }) => (
          <span key={mark.atNs} class={`wf-tick level-${markOf(mark.level)}`} style={{ left: `${share(mark.atNs)}%` }} title={`${mark.level} ${oneLine(mark.text, 160)}${n > 1 ? ` and ${plural(n - 1, "more log")}` : ""}`} />
        ))}
      {thinned(below.toSorted((a, b) => a.atNs - b.atNs), ({ atNs }) => share(atNs), () => 0, 0.6)
        .slice(0, ROW_MARKS_MAX)
        .map(({ mark, n }) => (
          <span key={`e${mark.atNs}`} class="wf-pin small" style={{ left: `${share(mark.atNs)}%` }} title={`${oneLine(mark.title, 160)}${n > 1 ? ` and ${plural(n - 1, "more error")}` : ""}`} />
        ))}
    </>
  );
}

/** What `--room` is of the bars' width, at least. */
const ROOM = 12;
const ROOM_NARROW = 20;

/** Right of the bar, else left of it, else inside its end. Where there is no room for all of the words, the first are left. */
function Label({ left, right, words }: { left: number; right: number; words: readonly string[] }) {
  const place = placeOf(left, right, words.join(""));
  const parts = words.map((part) => <span key={part}>{part}</span>);
  if (place === "after") return <span class="wf-label" style={{ left: `${right}%`, maxWidth: `calc(${100 - right}% + var(--room))` }}>{parts}</span>;
  if (place === "before") return <span class="wf-label before" style={{ right: `${100 - left}%`, maxWidth: `${left}%` }}>{parts}</span>;
  return <span class="wf-label inside">{parts}</span>;
}

function placeOf(left: number, right: number, text: string): "after" | "before" | "inside" {
  // The bars leave room at their right for a single duration; the longer words of a group may not fit.
  if (right < 60 || text.length < 11) return "after";
  return left > 40 ? "before" : "inside";
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
