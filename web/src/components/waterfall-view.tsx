// The waterfall with what stands above it: the whole in a strip, colours, zoom, the critical path, finding; and its keys.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useResource } from "../api/client";
import { useCyclic } from "../api/use-cyclic";
import type { LogListView, SpanColumns, TraceFindView, TraceView } from "../api/types";
import { useKeys } from "../keys";
import { criticalPath } from "../lib/critical-path";
import { count, duration, plural } from "../lib/format";
import { kindColour, serviceColour } from "../lib/span-colours";
import { spanMarks } from "../lib/span-marks";
import { eventPath } from "../lib/urls";
import { find, foldAll, type Folding, layout, nearestRow, reveal, type Row, rowAt, timeByKind, unfoldAll, type Zoom, zoomBy, zoomTo } from "../lib/waterfall";
import { navigate, query } from "../router";
import { say } from "../state";
import type { TraceViewProps } from "../pages/trace";
import { SearchBox } from "./controls";
import { Icon } from "./icons";
import { Minimap } from "./minimap";
import { rowKey, scrollToRow, Waterfall } from "./waterfall";

const NO_FOLDING: Folding = { closed: new Set(), openGroups: new Set() };
/** Words shorter than this are in nearly every attribute. */
const FIND_MIN = 2;

export function WaterfallView({ trace, tree, colours, selected, select, change, zoom, setZoom, logs }: TraceViewProps & { logs: LogListView | undefined }) {
  const { spans, errors } = trace;
  const total = Math.max(1, trace.duration_ns);
  const kinds = useMemo(() => timeByKind(spans, tree), [spans, tree]);
  const marks = useMemo(() => spanMarks(trace, logs?.logs ?? []), [trace, logs]);
  const isCritical = query.value.get("critical") === "1";
  const critical = useMemo(() => (isCritical ? criticalPath(spans, tree) : null), [isCritical, spans, tree]);
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
  const cyclic = useCyclic(trace, (span) => tree.first[span] !== tree.first[span + 1]);
  const rows = useMemo(() => layout(tree, spans, folding), [tree, folding]);
  const scroller = useRef<HTMLDivElement>(null);
  const findText = query.value.get("find") ?? "";
  const { matches, isAsking, isPartial } = useMatches(trace, findText);
  const matchSet = useMemo(() => new Set(matches), [matches]);
  const matchAt = selected < 0 ? -1 : matches.indexOf(selected);
  const focusWanted = useRef(false);
  /** Only what the reader did moves the rows, not spans that arrive. */
  const scrollWanted = useRef(true);

  const point = (key: string) => {
    setCurrent(key);
    focusWanted.current = true;
    scrollWanted.current = true;
  };
  const choose = (row: Row, withPanel = true) => {
    point(rowKey(row));
    if (!withPanel) return;
    if (row.type === "group") toggle(row);
    else if (row.type === "span") select(row.span);
    else {
      const error = errors[row.error];
      if (error) navigate(eventPath(error.short_id, error.event_id));
    }
  };
  /** Where one stands may be folded away by it: then one stands on what holds it, and so does the focus. */
  const fold = (next: Folding) => {
    setFolding(next);
    const above = nearestRow(tree, spans, errors, layout(tree, spans, next), current);
    if (above && rowKey(above) !== current) point(rowKey(above));
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
    fold({ closed, openGroups });
  };
  const goToSpan = (span: number) => {
    setFolding(reveal(tree, spans, folding, span));
    point(`s${span}`);
    select(span);
  };
  // Another view, a finding or the address chose a span.
  const shown = useRef(selected);
  useEffect(() => {
    if (selected === shown.current) return;
    shown.current = selected;
    if (selected < 0 || current === `s${selected}`) return;
    setFolding((old) => reveal(tree, spans, old, selected));
    setCurrent(`s${selected}`);
    scrollWanted.current = true;
  }, [selected]);
  const at = useMemo(() => rowAt(rows, current), [rows, current]);
  useEffect(() => {
    if (at < 0) return;
    if (scrollWanted.current) scrollToRow(scroller.current, at);
    scrollWanted.current = false;
    if (!focusWanted.current) return;
    focusWanted.current = false;
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-key="${current ?? ""}"]`)?.focus({ preventScroll: true }));
  }, [current, rows]);

  const step = (by: number) => {
    const row = rows[at < 0 && Math.abs(by) === 1 ? 0 : Math.min(rows.length - 1, Math.max(0, Math.max(0, at) + by))];
    if (row) choose(row, row.type === "span");
  };
  /** The one after (or before) the selected span, around the end. */
  const next = (by: number, among: readonly number[], none: string, word: string) => {
    const to = by > 0 ? (among.find((i) => i > selected) ?? among[0]) : (among.findLast((i) => i < selected) ?? among[among.length - 1]);
    if (to === undefined) return say(none);
    goToSpan(to);
    say(`${word} ${count(among.indexOf(to) + 1)} of ${count(among.length)}`);
  };
  /** Enter or the key may come before the answer to what was typed. */
  const stepWanted = useRef(0);
  const nextMatch = (by: number) => {
    if (matches.length === 0 && isAsking) stepWanted.current = by;
    next(by, matches, isAsking ? "Still looking" : "No match", "Match");
  };
  useEffect(() => {
    if (stepWanted.current === 0 || (matches.length === 0 && isAsking)) return;
    const by = stepWanted.current;
    stepWanted.current = 0;
    nextMatch(by);
  }, [matches, isAsking]);
  /** Failed spans and spans with error events, in drawing order. */
  const troubles = useMemo(() => spans.span_id.flatMap((_, i) => (spans.status[i] === "error" || tree.errorsOf.has(i) ? [i] : [])), [spans, tree]);
  const nextError = (by: number) => next(by, troubles, "No errors in this trace", "Error");
  const zoomStep = (factor: number) => setZoom(zoomBy(zoom, total, factor, factor < 1 && selected >= 0 ? centreOf(trace, selected, zoom) : undefined));
  const whole = () => setZoom({ fromNs: 0, toNs: total });
  const row = rows[at];
  const pan = (share: number) => {
    const by = (zoom.toNs - zoom.fromNs) * share;
    setZoom(zoomBy({ fromNs: zoom.fromNs + by, toNs: zoom.toNs + by }, total, 1));
  };
  useKeys("trace", {
    down: () => step(1),
    up: () => step(-1),
    left: () => {
      if (!row) return;
      if (row.type !== "error" && row.isOpen) toggle(row);
      else if (row.parentRow >= 0) choose(rows[row.parentRow] as Row, false);
    },
    right: () => {
      if (!row || row.type === "error") return;
      if (!row.isOpen && (row.type === "group" || row.hasChildren)) toggle(row);
      else if (row.isOpen) step(1);
    },
    closeAll: () => {
      fold(foldAll(tree));
      say("All closed");
    },
    openAll: () => {
      setFolding(unfoldAll(tree));
      say("All open");
    },
    nextMatch: () => nextMatch(1),
    previousMatch: () => nextMatch(-1),
    nextError: () => nextError(1),
    previousError: () => nextError(-1),
    zoomIn: () => zoomStep(0.5),
    zoomOut: () => zoomStep(2),
    zoomReset: whole,
    zoomSpan: () => {
      if (!row || row.type === "error") return say("Choose a span first");
      setZoom(zoomTo(spans, row.type === "group" ? row.members : [row.span], total));
    },
    critical: () => {
      change({ critical: isCritical ? null : "1" });
      say(isCritical ? "Critical path hidden" : "Critical path shown");
    },
  });

  const selfTotal = Math.max(1, kinds.reduce((sum, kind) => sum + kind.selfNs, 0));
  return (
    <div class="trace-waterfall">
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
                    <span class="swatch" style={{ background: `var(--${kindColour(kind)})` }} /> {kind} <b>{duration(selfNs)}</b> <span class="share">{`${Math.round((selfNs / selfTotal) * 100)}%`}</span>
                  </li>
                ))}
          </ul>
          <div class="zoom-tools" role="group" aria-label="Zoom">
            <button type="button" class="icon-button small" aria-label="Earlier" title="Earlier" disabled={zoom.fromNs <= 0} onClick={() => pan(-0.25)}>
              <Icon name="left" size={14} />
            </button>
            <button type="button" class="icon-button small" aria-label="Later" title="Later" disabled={zoom.toNs >= total} onClick={() => pan(0.25)}>
              <Icon name="right" size={14} />
            </button>
            <button type="button" class="icon-button small" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoomStep(0.5)}>
              <Icon name="plus" size={14} />
            </button>
            <button type="button" class="icon-button small" aria-label="Zoom out" title="Zoom out (-)" onClick={() => zoomStep(2)}>
              <Icon name="minus" size={14} />
            </button>
            <button type="button" class="icon-button small" aria-label="Whole trace" title="Whole trace (0)" onClick={whole}>
              <Icon name="whole" size={14} />
            </button>
          </div>
          <button type="button" class="toggle" aria-pressed={isCritical} title="What the trace waited for, at every moment (p)" onClick={() => change({ critical: isCritical ? null : "1" })}>
            Critical path
          </button>
          <SearchBox
            value={findText}
            label="Find in this trace: names and attributes"
            placeholder="Find in trace"
            keeps
            onChange={(value) => change({ find: value })}
            onEnter={(text, isShift) => {
              const by = isShift ? -1 : 1;
              if (text.trim() === findText.trim() && (matches.length > 0 || !isAsking)) nextMatch(by);
              else stepWanted.current = by;
            }}
          >
            {findText === "" ? (
              <kbd aria-hidden="true">/</kbd>
            ) : (
              <span class="find-count" title={isPartial ? "Not all spans were looked at" : undefined}>
                {matches.length === 0 ? (isAsking ? "…" : "none") : `${matchAt < 0 ? "" : `${count(matchAt + 1)} of `}${count(matches.length)}${isPartial ? "+" : isAsking ? "…" : ""}`}
              </span>
            )}
          </SearchBox>
        </div>
      </div>
      <Waterfall trace={trace} tree={tree} rows={rows} zoom={zoom} colours={colours} at={at} matches={matchSet} critical={critical} cyclic={cyclic} marks={marks} scroller={scroller} onToggle={toggle} onSelect={choose} onStep={step} />
    </div>
  );
}

/** What the page has is found at once; attributes, which it has not, by the server. */
function useMatches(trace: TraceView, text: string): { matches: number[]; isAsking: boolean; isPartial: boolean } {
  const { spans } = trace;
  const words = text.trim();
  const own = useMemo(() => find(spans, words), [spans, words]);
  const { data, isLoading } = useResource<TraceFindView>(words.length >= FIND_MIN ? `/api/ui/traces/${encodeURIComponent(trace.trace_id)}/find?${new URLSearchParams({ query: words })}` : null);
  const matches = useMemo(() => {
    if (!data || data.span_ids.length === 0) return own;
    const ids = new Set(data.span_ids);
    const known = new Set(own);
    return spans.span_id.flatMap((id, i) => (known.has(i) || ids.has(id) ? [i] : []));
  }, [own, data]);
  return { matches, isAsking: isLoading, isPartial: data?.is_partial ?? false };
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
