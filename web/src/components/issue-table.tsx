// The table of issues, as many as there are: only rows in sight are in the page, the next ones are read ahead.

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { IssueRow as Row } from "../api/issues-types";
import { IssueRow } from "./issue-row";
import type { Paged } from "./paged";
import type { Selection } from "./selection";
import { useWindowRows } from "./window-rows";

const ROW_PX = 44;

export type Sort = "last_seen" | "first_seen" | "events" | "users" | "trend" | "priority";
/** Columns that are what a sort goes by. */
const HEADS: readonly { key: string; name: string; sort: Sort | null }[] = [
  { key: "issue", name: "Issue", sort: null },
  { key: "trend", name: "Last 24 h", sort: "trend" },
  { key: "events", name: "Events", sort: "events" },
  { key: "users", name: "Users", sort: "users" },
  { key: "seen", name: "Last seen", sort: "last_seen" },
];

export function IssueTable({ list, current, selection, showProject, words, search, samples, sort, onSort, revealer }: {
  list: Paged<Row>;
  current: string | null;
  selection: Selection;
  showProject: boolean;
  words: string;
  search: string;
  /** Ids of issues that were sent to try things out. */
  samples: readonly string[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  /** Gets what brings a row into sight that is not in the page. */
  revealer: RefObject<((index: number) => void) | null>;
}) {
  const rows = list.rows ?? [];
  const body = useRef<HTMLTableSectionElement>(null);
  const { from, to, rowPx, isScrolled, reveal } = useWindowRows(rows.length, body, ROW_PX);
  revealer.current = reveal;
  const canRead = list.next !== null && !list.isLoadingMore && !list.isStale && list.error === null;
  // Two windows ahead of the reader.
  const isNearEnd = to + 2 * (to - from) > rows.length && from > 0;
  useEffect(() => {
    if (canRead && isNearEnd) list.more();
  }, [canRead, isNearEnd, rows.length]);
  const all = useRef<HTMLInputElement>(null);
  const chosen = selection.chosen.size === 0 ? 0 : rows.filter((row) => selection.chosen.has(row.id)).length;
  useEffect(() => {
    if (all.current) all.current.indeterminate = chosen > 0 && chosen < rows.length;
  }, [chosen, rows.length]);
  return (
    <table class={`issues${list.isStale ? " is-stale" : ""}`} aria-rowcount={list.total === null ? -1 : Math.max(list.total, rows.length) + 1} aria-busy={list.isStale} aria-label="Issues">
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col" class="c-select">
            {/* Over the boxes of rows it would be pressed for one of them; the bar of what is selected has the same. */}
            <span class="offscreen">Selected</span>
            <label class={isScrolled ? "row-check hidden" : "row-check"}>
              <input ref={all} type="checkbox" aria-label="Select all that are loaded" checked={chosen > 0 && chosen === rows.length} onChange={() => (chosen === rows.length ? selection.clear() : selection.add(rows.map((row) => row.id)))} />
            </label>
          </th>
          {HEADS.map(({ key, name, sort: by }) => (
            <th key={key} scope="col" class={`c-${key}${key === "events" || key === "users" || key === "seen" ? " num" : ""}`} aria-sort={by === sort ? "descending" : undefined}>
              {by === null ? (
                name
              ) : (
                <button type="button" class="sort" onClick={() => onSort(by)} title={`Sort by ${name.toLowerCase()}`}>
                  {name}
                  {by === sort && <span aria-hidden="true"> ↓</span>}
                </button>
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        <Gap px={from * rowPx} />
        {rows.slice(from, to).map((row, i) => (
          <IssueRow key={row.id} row={row} index={from + i} isCurrent={current === row.short_id} isSelected={selection.chosen.has(row.id)} isSample={samples.includes(row.id)} showProject={showProject} words={words} search={search} onSelect={selection.toggle} />
        ))}
        <Gap px={(rows.length - to) * rowPx} />
      </tbody>
    </table>
  );
}

/** Stands where rows would that are out of sight. */
function Gap({ px }: { px: number }) {
  if (px <= 0) return null;
  return (
    <tr class="gap" aria-hidden="true">
      <td style={{ height: `${px}px` }} />
    </tr>
  );
}
