// The whole trace in a strip: every span a line, the zoom as a window that can be dragged, moved with arrows, and reset.

import { useEffect, useRef } from "preact/hooks";
import type { TraceView } from "../api/types";
import { duration } from "../lib/format";
import { clampZoom, type Zoom, zoomBy } from "../lib/waterfall";
import { isDark } from "../state";

const HEIGHT = 56;
/** Below this many pixels a drag is a click. */
const DRAG_MIN = 4;

export function Minimap({ trace, zoom, colours, onZoom }: { trace: TraceView; zoom: Zoom; colours: (span: number) => string; onZoom: (zoom: Zoom, isDone: boolean) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<{ from: number; moved: boolean } | null>(null);
  const total = Math.max(1, trace.duration_ns);
  const dark = isDark.value;
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const draw = () => drawSpans(element, trace, total, colours);
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [trace, dark]);

  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return (Math.min(Math.max(0, event.clientX - box.left), box.width) / box.width) * total;
  };
  const isWhole = zoom.fromNs <= 0 && zoom.toNs >= total;
  const from = (zoom.fromNs / total) * 100;
  const to = (zoom.toNs / total) * 100;
  const move = (share: number) => {
    const step = (zoom.toNs - zoom.fromNs) * share;
    onZoom(clampZoom({ fromNs: zoom.fromNs + step, toNs: zoom.toNs + step }, total), true);
  };
  return (
    <div
      class="minimap"
      role="slider"
      tabIndex={0}
      data-arrows
      aria-label="Visible part of the trace"
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round((from + to) / 2)}
      aria-valuetext={isWhole ? `Whole trace, ${duration(total)}` : `${duration(zoom.fromNs)} to ${duration(zoom.toNs)}`}
      onPointerDown={(event) => {
        (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
        drag.current = { from: at(event), moved: false };
      }}
      onPointerMove={(event) => {
        if (!drag.current) return;
        const now = at(event);
        const pixels = (Math.abs(now - drag.current.from) / total) * (event.currentTarget as HTMLElement).clientWidth;
        if (pixels < DRAG_MIN && !drag.current.moved) return;
        drag.current.moved = true;
        onZoom({ fromNs: Math.min(now, drag.current.from), toNs: Math.max(now, drag.current.from + total / 1e6) }, false);
      }}
      onPointerUp={() => {
        if (drag.current?.moved) onZoom(zoom, true);
        drag.current = null;
      }}
      onPointerCancel={() => (drag.current = null)}
      onDblClick={() => onZoom({ fromNs: 0, toNs: total }, true)}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") move(-0.2);
        else if (event.key === "ArrowRight") move(0.2);
        else if (event.key === "ArrowUp") onZoom(zoomBy(zoom, total, 0.5), true);
        else if (event.key === "ArrowDown") onZoom(zoomBy(zoom, total, 2), true);
        else return;
        event.preventDefault();
      }}
    >
      <canvas ref={canvas} aria-hidden="true" />
      {!isWhole && (
        <>
          <span class="shade" style={{ left: "0", width: `${from}%` }} />
          <span class="shade" style={{ left: `${to}%`, right: "0" }} />
          <span class="window" style={{ left: `${from}%`, width: `${to - from}%` }} />
        </>
      )}
    </div>
  );
}

/** Colours of tokens as the canvas needs them: resolved for the theme that is drawn. */
function resolved(names: Iterable<string>): Map<string, string> {
  const probe = document.createElement("span");
  document.body.append(probe);
  const out = new Map<string, string>();
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    out.set(name, getComputedStyle(probe).color);
  }
  probe.remove();
  return out;
}

function drawSpans(element: HTMLCanvasElement, trace: TraceView, total: number, colours: (span: number) => string): void {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = element.clientWidth;
  element.width = Math.max(1, Math.round(width * ratio));
  element.height = HEIGHT * ratio;
  const context = element.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const { spans, errors } = trace;
  const size = spans.span_id.length;
  const palette = resolved(["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "error"]);
  const pitch = Math.min(6, (HEIGHT - 8) / Math.max(1, size));
  const tall = Math.max(1, pitch - (pitch > 3 ? 1 : 0));
  context.globalAlpha = size > 600 ? 0.7 : 0.9;
  for (let i = 0; i < size; i++) {
    context.fillStyle = palette.get(spans.status[i] === "error" ? "error" : colours(i)) ?? "gray";
    const x = ((spans.start_ns[i] ?? 0) / total) * width;
    context.fillRect(x, 4 + i * pitch, Math.max(1, ((spans.duration_ns[i] ?? 0) / total) * width), tall);
  }
  context.globalAlpha = 1;
  context.fillStyle = palette.get("error") ?? "red";
  for (const error of errors) {
    context.beginPath();
    context.arc(Math.min(width - 3, Math.max(3, (error.time_ns / total) * width)), HEIGHT - 4, 3, 0, Math.PI * 2);
    context.fill();
  }
}
