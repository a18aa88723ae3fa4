// Rows of logs, newest first, as many as one likes: only those in sight are in the page. One of them may be open.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { LogRowView } from "../api/types";
import { clock, dateTime, oneLine } from "../lib/format";
import { markOf, windowOf } from "../lib/logs";
import { LogDetail } from "./log-detail";
import { LevelMark } from "./marks";
import { useScrolledRows } from "./scrolled-rows";

const ROW = 24;
const ROW_NARROW = 44;
const SPARE_ROWS = 16;
/** This close to the end the next page is asked for. */
const MORE_AT_PX = 1200;

const narrow = matchMedia("(max-width: 767.9px)");

export function LogList({ rows, open, current, scroller, showService, showDate, onToggle, onMore, onFilter, foot }: {
  rows: readonly LogRowView[];
  open: string | null;
  current: string | null;
  scroller: RefObject<HTMLDivElement | null>;
  showService: boolean;
  showDate: boolean;
  onToggle: (id: string) => void;
  onMore: () => void;
  onFilter: (name: string, value: string) => void;
  foot: preact.ComponentChildren;
}) {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  const [openHeight, setOpenHeight] = useState(180);
  const rowHeight = isNarrow ? ROW_NARROW : ROW;
  const openAt = open === null ? -1 : rows.findIndex((row) => row.id === open);
  useEffect(() => {
    const change = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", change);
    return () => narrow.removeEventListener("change", change);
  }, []);
  const view = useScrolledRows(scroller, rowHeight, rows.length, (element) => {
    if (element.scrollHeight - element.scrollTop - element.clientHeight < MORE_AT_PX) onMore();
  });
  const { from, to, offset, total } = windowOf(rows.length, rowHeight, openAt, openHeight, view.top * rowHeight, view.height + 4 * rowHeight, SPARE_ROWS);
  const stop = rows.slice(from, to).some((row) => row.id === current) ? current : (rows[from]?.id ?? null);
  return (
    <div ref={scroller} class={`log-list${showService ? "" : " no-service"}${showDate ? " dated" : ""}`} role="treegrid" aria-label="Logs" aria-rowcount={rows.length}>
      <div class="log-rows" role="rowgroup" style={{ height: `${total}px` }}>
        <div class="log-window" role="presentation" style={{ transform: `translateY(${offset}px)` }}>
          {rows.slice(from, to).map((row, i) => (
            <div key={row.id} role="presentation">
              <Row row={row} index={from + i} isOpen={row.id === open} isCurrent={row.id === current} isStop={row.id === stop} showDate={showDate} onToggle={onToggle} />
              {row.id === open && (
                <Measured onHeight={setOpenHeight}>
                  <div role="row">
                    <div role="gridcell">
                      <h2 class="offscreen">The log</h2>
                      <LogDetail id={row.id} onFilter={onFilter} />
                    </div>
                  </div>
                </Measured>
              )}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup">
        <div role="row">
          <div role="gridcell">{foot}</div>
        </div>
      </div>
    </div>
  );
}

function Row({ row, index, isOpen, isCurrent, isStop, showDate, onToggle }: { row: LogRowView; index: number; isOpen: boolean; isCurrent: boolean; isStop: boolean; showDate: boolean; onToggle: (id: string) => void }) {
  const isBad = row.level === "error" || row.level === "fatal";
  return (
    <div
      role="row"
      aria-rowindex={index + 1}
      aria-expanded={isOpen}
      tabIndex={isStop ? 0 : -1}
      data-log={row.id}
      class={`log-row lv-${row.level}${isOpen ? " open" : ""}${isCurrent ? " current" : ""}${isBad ? " bad" : ""}`}
      onClick={() => {
        // Text of a row can be selected without opening it.
        if (getSelection()?.isCollapsed !== false) onToggle(row.id);
      }}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        onToggle(row.id);
      }}
    >
      <span role="gridcell" class="log-time" title={dateTime(row.time_ms)}>
        {showDate && <span class="log-day">{dateTime(row.time_ms).slice(5, 10)} </span>}
        {clock(row.time_ms)}
        <span class="log-millis">.{String(Math.floor(row.time_ms % 1000)).padStart(3, "0")}</span>
      </span>
      <span role="gridcell" class="log-level">
        <LevelMark level={markOf(row.level)} />
        <span class="log-word">{row.level === "unknown" ? "–" : row.level}</span>
      </span>
      <span role="gridcell" class="log-service">{row.service}</span>
      <span role="gridcell" class="log-text">
        {row.logger && <span class="log-logger">{row.logger}</span>}
        <bdi>{oneLine(row.body, 500) || <span class="none">empty</span>}</bdi>
      </span>
    </div>
  );
}

function Measured({ onHeight, children }: { onHeight: (px: number) => void; children: preact.ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const measure = () => onHeight(element.offsetHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return <div ref={box}>{children}</div>;
}
