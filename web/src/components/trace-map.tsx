// When traces ran and how long they took, as a map one can draw on; what they are; and what sets the drawn part apart.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useResource } from "../api/client";
import { useLive } from "../api/live";
import type { CompareView, FacetsView, HeatView } from "../api/types";
import { useCoalesced } from "../lib/coalesce";
import { cssColours } from "../lib/css-colours";
import { fittedTo } from "../lib/fit";
import { clockShort, count, countShort, dateTime, duration, percent, plural } from "../lib/format";
import { type Brush, brushOf, cells, cellWords, countIn, marks, mostOf, selectionOf, shade, SHADES } from "../lib/heat";
import { alike } from "../lib/compare";
import type { Selection } from "../lib/selection";
import { query } from "../router";
import { isDark, now, say } from "../state";
import { type Facet, Facets } from "./facets";
import { LoadError, Partial } from "./states";
import "../styles/trace-map.css";
import "../styles/trace-views.css";

const HEIGHT = 168;
const AGAIN_MS = 5000;
const TABLE_CELLS = 200;
const FACET_WORDS: Record<string, string> = { service: "Service", name: "Name", op: "Operation", status: "Status", "http.status_code": "HTTP status", source: "Source" };

type Filter = (key: string, value: string) => void;

/** `params`: the same as the list's, without what is drawn. */
export function TraceMap({ params, selection, onSelect, onFilter }: { params: string; selection: Selection | null; onSelect: (selection: Selection | null) => void; onFilter: Filter }) {
  const heat = useResource<HeatView>(`/api/ui/traces/heat?${params}`);
  const facets = useResource<FacetsView>(`/api/ui/traces/facets?${params}`);
  const again = useCoalesced(() => {
    heat.reload();
    facets.reload();
  }, AGAIN_MS);
  useLive({ trace: again, resync: again });
  // What is asked again is drawn over what was there: the map does not blink.
  const kept = useRef<HeatView | undefined>(undefined);
  if (heat.data) kept.current = heat.data;
  const view = heat.data ?? kept.current;
  // The list says what cannot be asked, and of which project there is none.
  if (heat.error && [400, 404].includes(heat.error.status)) return null;
  return (
    <section class="trace-map" aria-label="Traces by time and duration">
      {heat.error && <LoadError error={heat.error} what="The map" hasData={view !== undefined} onRetry={heat.reload} />}
      <div class="map-and-facets">
        <div class="map-side">
          {view ? <Heat view={view} selection={selection} onSelect={onSelect} /> : !heat.error && <div class="heat-wait" aria-busy="true" />}
        </div>
        {facets.data && facets.data.of > 0 && <Facets facets={facetsOf(facets.data, onFilter)} of={facets.data.of} />}
      </div>
      {view && view.searched_to_ms !== null && <Partial>{`There was time for the traces since ${dateTime(view.searched_to_ms).slice(0, 19)}: ${plural(view.total, "trace")}. What is older is not on the map.`}</Partial>}
      {selection && <Compare params={params} selection={selection} onFilter={onFilter} onClear={() => onSelect(null)} />}
    </section>
  );
}

function Heat({ view, selection, onSelect }: { view: HeatView; selection: Selection | null; onSelect: (selection: Selection | null) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const rows = view.bounds_ns.length - 1;
  const most = useMemo(() => mostOf(view), [view]);
  const [drawn, setDrawn] = useState<Brush | null>(null);
  const [at, setAt] = useState<{ column: number; row: number } | null>(null);
  const [hovered, setHovered] = useState<{ column: number; row: number } | null>(null);
  /** What was just selected is what the words above are about, until the pointer leaves the map or a key goes on. */
  const [isSettled, setSettled] = useState(false);
  const start = useRef<{ column: number; row: number } | null>(null);
  const dark = isDark.value;
  const brush = drawn ?? (selection && brushOf(view, selection));
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const draw = () => drawHeat(element, view, most);
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [view, dark]);

  const cellOf = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const share = (n: number, of: number) => Math.min(0.9999, Math.max(0, n / of));
    return { column: Math.floor(share(event.clientX - box.left, box.width) * view.columns), row: rows - 1 - Math.floor(share(event.clientY - box.top, box.height) * rows) };
  };
  const between = (a: { column: number; row: number }, b: { column: number; row: number }): Brush => ({
    left: Math.min(a.column, b.column), right: Math.max(a.column, b.column), low: Math.min(a.row, b.row), high: Math.max(a.row, b.row),
  });
  const commit = (next: Brush) => {
    setDrawn(null);
    const { traces } = countIn(view, next);
    if (traces === 0) {
      say("No trace there");
      return;
    }
    onSelect(selectionOf(view, next));
    setSettled(true);
    say(`${plural(traces, "trace")} selected`);
  };
  const move = (columns: number, up: number, isExtending: boolean) => {
    const from = at ?? { column: view.columns - 1, row: Math.floor(rows / 2) };
    const next = at ? { column: Math.min(view.columns - 1, Math.max(0, from.column + columns)), row: Math.min(rows - 1, Math.max(0, from.row + up)) } : from;
    setAt(next);
    setSettled(false);
    if (isExtending) {
      start.current ??= from;
      setDrawn(between(start.current, next));
      const { traces } = countIn(view, between(start.current, next));
      say(`${plural(traces, "trace")} from ${cellWords(view, next.column, next.row)}`);
      return;
    }
    start.current = null;
    setDrawn(null);
    say(cellWords(view, next.column, next.row));
  };
  const told = drawn ? countIn(view, drawn) : null;
  const pointed = selection && isSettled ? null : (hovered ?? at);
  const style = (b: Brush) => ({
    left: `${(b.left / view.columns) * 100}%`,
    width: `${((b.right - b.left + 1) / view.columns) * 100}%`,
    top: `${((rows - 1 - b.high) / rows) * 100}%`,
    height: `${((b.high - b.low + 1) / rows) * 100}%`,
  });
  const stretches = [0, 0.25, 0.5, 0.75].map((share) => Math.round(share * view.columns));
  const begin = fittedTo(query.value, view.from_ms, now.value);
  const isDays = view.step_ms * view.columns > 86_400_000 * 1.5;
  const failedAll = view.errors.reduce((sum, column) => sum + column.reduce((a, b) => a + b, 0), 0);
  return (
    <figure class="heat">
      <p class="heat-readout">
        {told ? (
          <b>{`${plural(told.traces, "trace")}${told.failed > 0 ? `, ${count(told.failed)} failed` : ""}`}</b>
        ) : pointed ? (
          <span>{cellWords(view, pointed.column, pointed.row)}</span>
        ) : selection ? (
          <span class="quiet">The selection is compared below. Drag to select another.</span>
        ) : (
          <span class="quiet">{`${plural(view.total, "trace")} by start and duration${failedAll > 0 ? `, ${count(failedAll)} of them failed` : ""}${begin === null ? "" : `, since ${begin}: none is older`}. Drag to select.`}</span>
        )}
        <span class="heat-legend" aria-hidden="true">
          1{" "}
          {Array.from({ length: SHADES }, (_, i) => (
            <i key={i} style={{ background: `var(--heat-${i + 1})` }} />
          ))}{" "}
          {countShort(Math.max(1, most))} <i class="heat-failed" /> failed
        </span>
      </p>
      <div class="heat-box">
        <div class="heat-y" aria-hidden="true">
          {marks(view.bounds_ns).map(({ ns, share, words }) => (
            <span key={ns} style={{ bottom: `${share * 100}%` }}>
              {words}
            </span>
          ))}
        </div>
        <div
          class="heat-field"
          role="group"
          aria-label={`Map of ${plural(view.total, "trace")} by start and duration. Arrow keys walk from cell to cell, with Shift they select, Enter takes the selection, Escape drops it. The same is in the table below.`}
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          data-arrows
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
            start.current = cellOf(event);
            setDrawn(between(start.current, start.current));
          }}
          onPointerMove={(event) => {
            const cell = cellOf(event);
            setHovered(cell);
            if (start.current && event.buttons > 0) setDrawn(between(start.current, cell));
          }}
          onPointerLeave={() => {
            setHovered(null);
            setSettled(false);
          }}
          onPointerUp={(event) => {
            const from = start.current;
            start.current = null;
            if (from) commit(between(from, cellOf(event)));
          }}
          onPointerCancel={() => {
            start.current = null;
            setDrawn(null);
          }}
          onKeyDown={(event) => {
            const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
            if (by) move(by[0] as number, by[1] as number, event.shiftKey);
            else if (event.key === "Enter" && at) {
              commit(drawn ?? between(at, at));
              start.current = null;
            } else if (event.key === "Escape" && (drawn || selection)) {
              setDrawn(null);
              start.current = null;
              onSelect(null);
            } else return;
            event.preventDefault();
          }}
          onBlur={() => setAt(null)}
        >
          <canvas ref={canvas} aria-hidden="true" />
          {brush && <span class="heat-brush" style={style(brush)} />}
          {at && <span class="heat-at" style={style({ left: at.column, right: at.column, low: at.row, high: at.row })} />}
        </div>
        <div class="heat-x" aria-hidden="true">
          {stretches.map((column) => {
            const ms = view.from_ms + column * view.step_ms;
            return (
              <span key={column} style={{ left: `${(column / view.columns) * 100}%` }}>
                {isDays ? dateTime(ms).slice(5, 16) : clockShort(ms)}
              </span>
            );
          })}
        </div>
      </div>
      <HeatTable view={view} onChoose={(column, row) => commit({ left: column, right: column, low: row, high: row })} />
    </figure>
  );
}

function drawHeat(element: HTMLCanvasElement, view: HeatView, most: number): void {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = element.clientWidth;
  element.width = Math.max(1, Math.round(width * ratio));
  element.height = Math.round(HEIGHT * ratio);
  const context = element.getContext("2d");
  if (!context) return;
  const palette = cssColours(["heat-1", "heat-2", "heat-3", "heat-4", "heat-5", "heat-6", "error", "bg"]);
  const rows = view.bounds_ns.length - 1;
  const edge = (n: number, of: number, size: number) => Math.round((n / of) * size);
  for (let column = 0; column < view.columns; column++)
    for (let row = 0; row < rows; row++) {
      const n = view.counts[column]?.[row] ?? 0;
      if (n === 0) continue;
      const left = edge(column, view.columns, element.width);
      const top = edge(rows - 1 - row, rows, element.height);
      const wide = Math.max(1, edge(column + 1, view.columns, element.width) - left - 1);
      const tall = Math.max(1, edge(rows - row, rows, element.height) - top - 1);
      context.fillStyle = palette.get(`heat-${shade(n, most)}`) ?? "gray";
      context.fillRect(left, top, wide, tall);
      const failed = view.errors[column]?.[row] ?? 0;
      if (failed === 0) continue;
      // A corner of the cell, on a ground of its own: seen on every shade, and not by its colour alone.
      const size = Math.max(3, Math.min(wide, tall) * (0.35 + 0.45 * (failed / n)));
      context.beginPath();
      context.moveTo(left, top);
      context.lineTo(left + size + 1.5, top);
      context.lineTo(left, top + size + 1.5);
      context.fillStyle = palette.get("bg") ?? "white";
      context.fill();
      context.beginPath();
      context.moveTo(left, top);
      context.lineTo(left + size, top);
      context.lineTo(left, top + size);
      context.fillStyle = palette.get("error") ?? "red";
      context.fill();
    }
}

function HeatTable({ view, onChoose }: { view: HeatView; onChoose: (column: number, row: number) => void }) {
  const [isOpen, setOpen] = useState(false);
  const all = useMemo(() => (isOpen ? cells(view) : []), [view, isOpen]);
  return (
    <details class="heat-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The map as a table</summary>
      {isOpen && (
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Duration</th>
              <th scope="col" class="num">Traces</th>
              <th scope="col" class="num">Failed</th>
            </tr>
          </thead>
          <tbody>
            {all.slice(0, TABLE_CELLS).map(({ column, row, count: n, failed }) => {
              const [time, long] = cellWords(view, column, row).split(": ")[0]?.split(", ") ?? [];
              return (
                <tr key={`${column}.${row}`}>
                  <td>{time}</td>
                  <td>
                    <button type="button" class="link-button" onClick={() => onChoose(column, row)}>
                      {long}
                    </button>
                  </td>
                  <td class="num">{count(n)}</td>
                  <td class="num">{failed === 0 ? "–" : count(failed)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {all.length > TABLE_CELLS && <p class="quiet">{`${plural(all.length - TABLE_CELLS, "older cell")} not listed.`}</p>}
    </details>
  );
}

/** The server names the most frequent. */
const FACET_VALUES_NAMED = 12;

function facetsOf(view: FacetsView, onFilter: Filter): Facet[] {
  return view.facets.map(({ key, values }) => ({
    key,
    name: FACET_WORDS[key] ?? key,
    isCut: values.length === FACET_VALUES_NAMED,
    values: values.map(({ value, count: n }) => (key === "source" ? { value, words: value === "otel" ? "OpenTelemetry" : "Sentry", count: n, press: null } : { value, count: n, press: () => onFilter(key, value) })),
  }));
}

function Fact({ item: { key, value }, onFilter }: { item: { key: string; value: string }; onFilter: Filter }) {
  return (
    <button type="button" class="link-button" title="Filter by it" onClick={() => onFilter(key, value)}>
      {key} <bdi>{value}</bdi>
    </button>
  );
}

function Compare({ params, selection, onFilter, onClear }: { params: string; selection: Selection; onFilter: Filter; onClear: () => void }) {
  const asked = new URLSearchParams({ sel_from: String(Math.round(selection.fromMs)), sel_to: String(Math.round(selection.toMs)), sel_min_ns: String(Math.round(selection.minNs)), sel_max_ns: String(Math.round(selection.maxNs)) });
  const { data, error, reload } = useResource<CompareView>(`/api/ui/traces/compare?${params}&${asked}`);
  return (
    <div class="compare">
      <div class="view-line">
        <h2>
          {data ? `Selection (${count(data.selected)}) against the rest (${count(data.rest)})` : "Selection against the rest"}
          <small>{`${dateTime(selection.fromMs).slice(5, 16)} – ${dateTime(selection.toMs).slice(5, 16)}, ${selection.minNs === 0 ? "under" : `${duration(selection.minNs)} –`} ${duration(selection.maxNs)}`}</small>
        </h2>
        <button type="button" class="button" onClick={onClear}>
          Clear selection
        </button>
      </div>
      {error && <LoadError error={error} what="The comparison" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <p class="quiet" aria-busy="true">Comparing…</p>}
      {data?.is_sampled && <Partial>{`Not all were looked at: shares are of ${count(data.selected_seen)} selected and ${count(data.rest_seen)} other traces.`}</Partial>}
      {data && data.items.length === 0 && <p class="quiet">{data.selected_seen === 0 ? "No span of the selection is kept any more." : data.rest === 0 ? "There is nothing else to compare with." : "Nothing sets these traces apart from the others."}</p>}
      {data && data.items.length > 0 && (
        <table class="plain-table compare-table">
          <thead>
            <tr>
              <th scope="col">What they have</th>
              <th scope="col" class="num">Selection</th>
              <th scope="col" class="num">Rest</th>
              <th scope="col" class="num">Times as common</th>
            </tr>
          </thead>
          <tbody>
            {alike(data.items).map(({ items: [{ key, value, share_in, share_out, lift }, ...others] }) => (
              <tr key={`${key}=${value}`}>
                <th scope="row">
                  <Fact item={{ key, value }} onFilter={onFilter} />
                  {others.length > 0 && (
                    <details class="alike">
                      <summary>{others.length === 1 ? "and one more that says the same" : `and ${count(others.length)} more that say the same`}</summary>
                      <ul>
                        {others.map((other) => (
                          <li key={`${other.key}=${other.value}`}>
                            <Fact item={other} onFilter={onFilter} />
                          </li>
                        ))}
                      </ul>
                    </details>
                  )}
                </th>
                <td class="num share-cell">
                  {percent(share_in)}
                  <i aria-hidden="true">
                    <i class="in" style={{ width: `${share_in * 100}%` }} />
                  </i>
                </td>
                <td class="num share-cell">
                  {percent(share_out)}
                  <i aria-hidden="true">
                    <i class="out" style={{ width: `${share_out * 100}%` }} />
                  </i>
                </td>
                <td class="num">{lift === null ? "only here" : `${lift >= 9.95 ? Math.round(lift) : lift.toFixed(1)}×`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
