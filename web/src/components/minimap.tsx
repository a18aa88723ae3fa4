// The whole trace in a strip: every span a line, the zoom as a window that can be dragged, moved with arrows, and reset.

import { useEffect, useRef } from "preact/hooks";
import type { TraceView } from "../api/types";
import { duration } from "../lib/format";
import { clampZoom, type Zoom, zoomBy } from "../lib/waterfall";
import { isDark } from "../state";
import { drawMinimap } from "./minimap-draw";

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
    let stop = () => {};
    const draw = () => {
      stop();
      stop = drawMinimap(element, trace, total, colours);
    };
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => {
      stop();
      observer.disconnect();
    };
  }, [trace.spans, dark]);

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
