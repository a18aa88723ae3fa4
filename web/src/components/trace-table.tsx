// All spans of a trace as a table that any column sorts. Rows out of sight are not in the page when there are many; on a
// narrow screen each is a card.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "../keys";
import { duration, oneLine, plural } from "../lib/format";
import { nextSpanSort, readSpanSort, type SpanSort, sortedSpans } from "../lib/span-table";
import { find } from "../lib/waterfall";
import { query } from "../router";
import type { TraceViewProps } from "../pages/trace";
import { SearchBox } from "./controls";
import { useScrolledRows } from "./scrolled-rows";
import "../styles/trace-views.css";

const ROW = 28;
const ROW_NARROW = 62;
const SPARE = 10;
const narrow = matchMedia("(max-width: 767.9px)");
const COLUMNS: readonly { key: SpanSort; words: string; isNumber: boolean }[] = [
  { key: "start", words: "Start", isNumber: true },
  { key: "duration", words: "Duration", isNumber: true },
  { key: "self", words: "Itself", isNumber: true },
  { key: "op", words: "Operation", isNumber: false },
  { key: "name", words: "Name", isNumber: false },
  { key: "service", words: "Service", isNumber: false },
  { key: "status", words: "Status", isNumber: false },
];

export function SpanTable({ trace, tree, colours, selected, select, change }: TraceViewProps) {
  const { spans, services } = trace;
  const sortText = query.value.get("sort");
  const order = useMemo(() => readSpanSort(sortText), [sortText]);
  const findText = query.value.get("find") ?? "";
  const all = useMemo(() => sortedSpans(spans, tree, services, order), [spans, tree, order]);
  const rows = useMemo(() => {
    if (findText.trim() === "") return all;
    const found = new Set(find(spans, findText));
    return all.filter((span) => found.has(span));
  }, [all, findText]);
  const scroller = useRef<HTMLDivElement>(null);
  const [isNarrow, setNarrow] = useState(narrow.matches);
  const height = isNarrow ? ROW_NARROW : ROW;
  useEffect(() => {
    const turn = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", turn);
    return () => narrow.removeEventListener("change", turn);
  }, []);
  const view = useScrolledRows(scroller, height);
  const from = Math.max(0, view.top - SPARE);
  const to = Math.min(rows.length, view.top + Math.ceil(view.height / height) + SPARE + 4);
  const at = selected < 0 ? -1 : rows.indexOf(selected);
  const step = (by: number) => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    if (next === undefined || !scroller.current) return;
    select(next);
    const place = rows.indexOf(next);
    const top = place * height;
    const { scrollTop, clientHeight } = scroller.current;
    if (top < scrollTop) scroller.current.scrollTop = top;
    else if (top + height + 30 > scrollTop + clientHeight) scroller.current.scrollTop = top + height + 30 - clientHeight;
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-span="${next}"]`)?.focus({ preventScroll: true }));
  };
  useKeys("trace", { down: () => step(1), up: () => step(-1) });
  const stop = at >= from && at < to ? at : from;
  return (
    <div class="trace-view span-table-view">
      <div class="view-line">
        <p class="quiet">{rows.length === all.length ? plural(all.length, "span") : `${plural(rows.length, "span")} of ${all.length}`}</p>
        <SearchBox value={findText} label="Find in names" placeholder="Find in trace" onChange={(value) => change({ find: value })} />
      </div>
      <div ref={scroller} class="span-table" role="grid" aria-label="Spans" aria-rowcount={rows.length + 1} aria-colcount={COLUMNS.length}>
        <div class="st-head" role="row" aria-rowindex={1}>
          {COLUMNS.map(({ key, words, isNumber }) => (
            <span key={key} role="columnheader" class={`st-${key}${isNumber ? " num" : ""}`} aria-sort={order.by === key ? (order.isDown ? "descending" : "ascending") : "none"}>
              <button type="button" onClick={() => change({ sort: nextSpanSort(sortText, key) })}>
                {words}
                <span aria-hidden="true">{order.by === key ? (order.isDown ? " ↓" : " ↑") : ""}</span>
              </button>
            </span>
          ))}
        </div>
        <div class="st-body" role="rowgroup" style={{ height: `${rows.length * height}px` }}>
          <div role="presentation" style={{ transform: `translateY(${from * height}px)` }}>
            {[...rows.subarray(from, to)].map((span, i) => {
              const failed = spans.status[span] === "error";
              return (
                <div
                  key={span}
                  role="row"
                  aria-rowindex={from + i + 2}
                  aria-selected={span === selected}
                  tabIndex={from + i === stop ? 0 : -1}
                  data-span={span}
                  class={`st-row${span === selected ? " current" : ""}${failed ? " failed" : ""}`}
                  onClick={() => select(span)}
                  onKeyDown={(event) => {
                    if (event.key !== "Enter" && event.key !== " ") return;
                    event.preventDefault();
                    select(span);
                  }}
                >
                  <span role="gridcell" class="st-start num">{`+${duration(spans.start_ns[span] ?? 0)}`}</span>
                  <span role="gridcell" class="st-duration num">{duration(spans.duration_ns[span] ?? 0)}</span>
                  <span role="gridcell" class="st-self num">{duration(tree.selfNs[span] ?? 0)}</span>
                  <span role="gridcell" class="st-op">
                    <span class="wf-dot" style={{ background: `var(--${colours(span)})` }} aria-hidden="true" />
                    {spans.op[span]}
                  </span>
                  <span role="gridcell" class="st-name">{oneLine(spans.name[span] ?? "", 300) || "(no name)"}</span>
                  <span role="gridcell" class="st-service">{services[spans.service[span] ?? 0]}</span>
                  <span role="gridcell" class="st-status">{spans.status[span]}</span>
                </div>
              );
            })}
          </div>
        </div>
      </div>
    </div>
  );
}
