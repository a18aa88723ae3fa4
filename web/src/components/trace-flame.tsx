// The trace as a flame: over time, or with calls that are alike put together. A canvas that keys can walk, and the same as a table.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "../keys";
import { cssColours } from "../lib/css-colours";
import { boxAt, boxBeside, type Flame, flameByName, flameOverTime, flameTable } from "../lib/flame";
import { count, duration, oneLine, percent, plural } from "../lib/format";
import { clampZoom, type Zoom, zoomBy } from "../lib/waterfall";
import { visibleText } from "../lib/plain-text";
import { query } from "../router";
import { isDark, say } from "../state";
import type { TraceViewProps } from "../pages/trace";
import { Partial } from "./states";
import "../styles/trace-views.css";

const ROW = 20;
const NAMES = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "error", "bg", "text", "accent", "hatch"];
const TABLE_ROWS = 60;
/** Below this many pixels a box has no room for words, and below that none for itself. */
const WORDS_FROM = 34;
const BOX_FROM = 0.4;

export function FlameView(props: TraceViewProps) {
  const { trace, tree, change } = props;
  const { spans } = trace;
  const isByName = query.value.get("merge") === "name";
  const flame = useMemo(() => (isByName ? flameByName(spans, tree) : flameOverTime(spans, tree, trace.duration_ns)), [spans, tree, isByName]);
  return (
    <div class="trace-view flame-view">
      <div class="view-line">
        <p class="quiet">{isByName ? "Calls of one name below the same calls are one box, as wide as all their time." : "As it ran, from left to right; what a call made stands below it."}</p>
        <div class="view-tools">
          <button type="button" class="toggle" aria-pressed={!isByName} onClick={() => change({ merge: null })}>
            Over time
          </button>
          <button type="button" class="toggle" aria-pressed={isByName} onClick={() => change({ merge: "name" })}>
            By name
          </button>
        </div>
      </div>
      {flame.crowded > 0 && <Partial>{`${plural(flame.crowded, "span runs", "spans run")} beside more than ${count(flame.rows)} others and ${flame.crowded === 1 ? "is" : "are"} drawn over them.`}</Partial>}
      <FlameCanvas key={isByName ? "name" : "time"} {...props} flame={flame} isByName={isByName} />
      <FlameTable {...props} />
    </div>
  );
}

function FlameCanvas({ trace, colours, selected, select, zoom: timeZoom, setZoom: setTimeZoom, flame, isByName }: TraceViewProps & { flame: Flame; isByName: boolean }) {
  const { spans } = trace;
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [ownZoom, setOwnZoom] = useState<Zoom>({ fromNs: 0, toNs: flame.extent });
  const [at, setAt] = useState(() => (isByName ? -1 : selected));
  const [pointed, setPointed] = useState(-1);
  const dark = isDark.value;
  const zoom = isByName ? ownZoom : timeZoom;
  const setZoom = isByName ? setOwnZoom : (next: Zoom) => setTimeZoom(next);
  useEffect(() => setOwnZoom({ fromNs: 0, toNs: flame.extent }), [flame]);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const draw = () => drawFlame(element, flame, zoom, { nameOf: (box) => nameOf(spans, flame.span[box] ?? 0), colourOf: (box) => colours(flame.span[box] ?? 0), at, pointed });
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [flame, zoom, at, pointed, dark]);

  const words = (box: number) => {
    const span = flame.span[box] ?? 0;
    const calls = flame.calls[box] ?? 1;
    const failed = flame.failed[box] ?? 0;
    const parts = [nameOf(spans, span), calls > 1 ? `${count(calls)} calls` : "", duration(flame.totalNs[box] ?? 0), `itself ${duration(flame.selfNs[box] ?? 0)}`, failed > 0 ? `${count(failed)} failed` : ""];
    return parts.filter(Boolean).join(" · ");
  };
  const boxUnder = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const width = zoom.toNs - zoom.fromNs;
    const x = zoom.fromNs + ((event.clientX - box.left) / box.width) * width;
    return boxAt(flame, x, Math.floor((event.clientY - box.top) / ROW), (width / box.width) * BOX_FROM);
  };
  const zoomToBox = (box: number) => {
    const from = flame.from[box] ?? 0;
    const width = Math.max(flame.width[box] ?? 0, flame.extent / 1e6);
    setZoom(clampZoom({ fromNs: from - width * 0.02, toNs: from + width * 1.02 }, flame.extent));
  };
  const choose = (box: number) => {
    setAt(box);
    if (box < 0) return;
    // A box of many calls has no panel; it becomes all there is to see.
    if (isByName && (flame.calls[box] ?? 1) > 1) zoomToBox(box);
    else select(flame.span[box] ?? 0);
    say(words(box));
  };
  const step = (direction: "up" | "down" | "left" | "right") => {
    const next = boxBeside(flame, at, direction);
    if (next < 0) return;
    setAt(next);
    const row = flame.row[next] ?? 0;
    if (frame.current) {
      if (row * ROW < frame.current.scrollTop) frame.current.scrollTop = row * ROW;
      else if ((row + 1) * ROW > frame.current.scrollTop + frame.current.clientHeight) frame.current.scrollTop = (row + 1) * ROW - frame.current.clientHeight;
    }
    const from = flame.from[next] ?? 0;
    if (from < zoom.fromNs || from > zoom.toNs) setZoom(clampZoom({ fromNs: from, toNs: from + (zoom.toNs - zoom.fromNs) }, flame.extent));
    say(words(next));
  };
  useKeys("trace", {
    down: () => step("down"),
    up: () => step("up"),
    left: () => step("left"),
    right: () => step("right"),
    zoomIn: () => setZoom(zoomBy(zoom, flame.extent, 0.5, at >= 0 ? (flame.from[at] ?? 0) + (flame.width[at] ?? 0) / 2 : undefined)),
    zoomOut: () => setZoom(zoomBy(zoom, flame.extent, 2)),
    zoomReset: () => setZoom({ fromNs: 0, toNs: flame.extent }),
    zoomSpan: () => at >= 0 && zoomToBox(at),
  });
  const told = pointed >= 0 ? pointed : at;
  return (
    <>
      <p class="flame-readout">{told >= 0 ? words(told) : `${duration(zoom.fromNs)} – ${duration(zoom.toNs)}: point at a box, or walk with the arrow keys`}</p>
      <div
        ref={frame}
        class="flame scrolls-y"
        role="group"
        aria-label={`Flame, ${isByName ? "calls by name" : "over time"}. Arrow keys walk, Enter opens, plus and minus zoom. The same is in the table below.`}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          choose(at);
        }}
      >
        <canvas
          ref={canvas}
          aria-hidden="true"
          height={flame.rows * ROW}
          style={{ height: `${flame.rows * ROW}px` }}
          onPointerMove={(event) => setPointed(boxUnder(event))}
          onPointerLeave={() => setPointed(-1)}
          onClick={(event) => choose(boxUnder(event))}
          onDblClick={(event) => {
            const box = boxUnder(event);
            if (box >= 0) zoomToBox(box);
          }}
        />
      </div>
    </>
  );
}

const nameOf = (spans: TraceViewProps["trace"]["spans"], span: number) => [spans.op[span] ?? "", oneLine(spans.name[span] ?? "", 160)].filter(Boolean).join(" ");

/** Canvases are no higher than this in any browser. */
const HEIGHT_MAX = 8000;

function drawFlame(element: HTMLCanvasElement, flame: Flame, zoom: Zoom, drawn: { nameOf: (box: number) => string; colourOf: (box: number) => string; at: number; pointed: number }): void {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = element.clientWidth;
  element.width = Math.max(1, Math.round(width * ratio));
  element.height = Math.max(1, Math.min(HEIGHT_MAX, Math.round(flame.rows * ROW * ratio)));
  const context = element.getContext("2d");
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const palette = cssColours(NAMES);
  const scale = width / Math.max(1, zoom.toNs - zoom.fromNs);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  /** In each row how far is drawn: what would fall on the same pixel is not drawn again. */
  const reached = new Float64Array(flame.rows).fill(-1);
  const hatch = hatched(palette.get("hatch") ?? "white");
  for (let i = 0; i < flame.size; i++) {
    const from = flame.from[i] as number;
    const own = flame.width[i] as number;
    if (from > zoom.toNs || from + own < zoom.fromNs) continue;
    const left = Math.max(0, (from - zoom.fromNs) * scale);
    const wide = Math.min(width, (from + own - zoom.fromNs) * scale) - left;
    const row = flame.row[i] as number;
    if (wide < BOX_FROM && left < (reached[row] as number)) continue;
    reached[row] = Math.max(reached[row] as number, left + Math.max(1, wide));
    const top = row * ROW;
    const room = Math.max(1, wide - (wide > 3 ? 1 : 0));
    context.fillStyle = palette.get(drawn.colourOf(i)) ?? "gray";
    context.fillRect(left, top + 1, room, ROW - 2);
    if ((flame.failed[i] as number) > 0) {
      if (hatch) {
        // Below the words, which would be hard to read on it.
        context.fillStyle = hatch;
        context.fillRect(left, top + ROW - 6, room, 5);
      }
      context.strokeStyle = palette.get("error") ?? "red";
      context.lineWidth = 1.5;
      if (wide > 4) context.strokeRect(left + 0.75, top + 1.75, room - 1.5, ROW - 3.5);
    }
    if (wide >= WORDS_FROM) {
      context.fillStyle = palette.get("bg") ?? "white";
      context.save();
      context.beginPath();
      context.rect(left, top, room - 3, ROW);
      context.clip();
      context.fillText(visibleText(drawn.nameOf(i)), left + 4, top + ROW / 2 - ((flame.failed[i] as number) > 0 ? 1 : 0));
      context.restore();
    }
    if (i === drawn.at || i === drawn.pointed) {
      context.strokeStyle = palette.get("text") ?? "black";
      context.lineWidth = i === drawn.at ? 2 : 1;
      context.strokeRect(left + 1, top + 1, Math.max(2, room - 2), ROW - 2);
    }
  }
}

/** Failed ones are known without their colour. */
function hatched(colour: string): CanvasPattern | null {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const context = tile.getContext("2d");
  if (!context) return null;
  context.strokeStyle = colour;
  context.globalAlpha = 0.5;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const shift of [-6, 0, 6]) {
    context.moveTo(shift, 6);
    context.lineTo(shift + 6, 0);
  }
  context.stroke();
  return context.createPattern(tile, "repeat");
}

function FlameTable({ trace, tree, colours, select }: TraceViewProps) {
  const { spans } = trace;
  const { rows, omitted } = useMemo(() => flameTable(spans, tree, TABLE_ROWS), [spans, tree]);
  const total = useMemo(() => Math.max(1, tree.selfNs.reduce((sum, ns) => sum + ns, 0)), [tree]);
  return (
    <details class="fold flame-table">
      <summary>Calls by name, as a table</summary>
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">Call</th>
            <th scope="col" class="num">Times</th>
            <th scope="col" class="num">Itself</th>
            <th scope="col" class="num">Of all</th>
            <th scope="col" class="num">With what it called</th>
            <th scope="col" class="num">Failed</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.span}>
              <th scope="row">
                <span class="wf-dot" style={{ background: `var(--${colours(row.span)})` }} aria-hidden="true" />
                <button type="button" class="link-button" onClick={() => select(row.span)}>
                  {nameOf(spans, row.span) || "(no name)"}
                </button>
              </th>
              <td class="num">{count(row.calls)}</td>
              <td class="num">{duration(row.selfNs)}</td>
              <td class="num">{percent(row.selfNs / total)}</td>
              <td class="num">{duration(row.totalNs)}</td>
              <td class="num">{row.failed === 0 ? "–" : count(row.failed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {omitted > 0 && <p class="quiet">{`${plural(omitted, "more name")} with less time.`}</p>}
    </details>
  );
}
