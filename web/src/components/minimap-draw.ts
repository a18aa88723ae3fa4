// Draws all spans of a trace into a strip, a line each, whatever their number: as pixels, in slices that leave the page its turns.

import type { TraceView } from "../api/types";
import { cssColours } from "../lib/css-colours";

export const HEIGHT = 56;
/** Spans drawn before the page gets its turn: some 5 ms. */
const SLICE = 20_000;
/** Below this they are drawn as shapes, which looks better where there is room. */
const SHAPES_MAX = 3_000;
const NAMES = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "error"];

/** A function that stops it. */
export function drawMinimap(element: HTMLCanvasElement, trace: TraceView, total: number, colours: (span: number) => string): () => void {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = element.clientWidth;
  element.width = Math.max(1, Math.round(width * ratio));
  element.height = Math.round(HEIGHT * ratio);
  const context = element.getContext("2d");
  if (!context) return () => undefined;
  const { spans } = trace;
  const size = spans.span_id.length;
  const palette = cssColours(NAMES);
  let timer = 0;
  const pins = () => {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = palette.get("error") ?? "red";
    for (const error of trace.errors) {
      context.beginPath();
      context.arc(Math.min(width - 3, Math.max(3, (error.time_ns / total) * width)), HEIGHT - 4, 3, 0, Math.PI * 2);
      context.fill();
    }
  };
  if (size <= SHAPES_MAX) {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const pitch = Math.min(6, (HEIGHT - 8) / Math.max(1, size));
    const tall = Math.max(1, pitch - (pitch > 3 ? 1 : 0));
    context.globalAlpha = size > 600 ? 0.7 : 0.9;
    for (let i = 0; i < size; i++) {
      context.fillStyle = palette.get(spans.status[i] === "error" ? "error" : colours(i)) ?? "gray";
      context.fillRect(((spans.start_ns[i] ?? 0) / total) * width, 4 + i * pitch, Math.max(1, ((spans.duration_ns[i] ?? 0) / total) * width), tall);
    }
    pins();
    return () => undefined;
  }
  // More spans than lines of pixels: the later ones of a line are drawn over the earlier ones, failed ones over all.
  const image = context.createImageData(element.width, element.height);
  const pixels = new Uint32Array(image.data.buffer);
  const packed = new Map(NAMES.map((name) => [name, packColour(palette.get(name) ?? "")]));
  const room = element.height - Math.round(8 * ratio);
  const failedFrom: number[] = [];
  const fill = (i: number, colour: number) => {
    const from = Math.max(0, Math.floor(((spans.start_ns[i] ?? 0) / total) * element.width));
    const to = Math.min(element.width, Math.max(from + 1, Math.ceil((((spans.start_ns[i] ?? 0) + (spans.duration_ns[i] ?? 0)) / total) * element.width)));
    const line = Math.round(4 * ratio) + Math.floor((i / size) * room);
    pixels.fill(colour, line * element.width + from, line * element.width + to);
  };
  const slice = (from: number) => {
    const to = Math.min(size, from + SLICE);
    for (let i = from; i < to; i++) {
      if (spans.status[i] === "error") failedFrom.push(i);
      else fill(i, packed.get(colours(i)) ?? 0);
    }
    if (to < size) {
      timer = window.setTimeout(() => slice(to), 0);
      return;
    }
    for (const i of failedFrom) fill(i, packed.get("error") ?? 0);
    context.putImageData(image, 0, 0);
    pins();
  };
  timer = window.setTimeout(() => slice(0), 0);
  return () => clearTimeout(timer);
}

/** As little-endian pixels have it; `rgb(1, 2, 3)` and `rgb(1 2 3)`. */
function packColour(text: string): number {
  const [r = 128, g = 128, b = 128] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
}
