// Whether the page is thrown past a list: faster than anybody reads. Rows that come into it meanwhile are drawn as outlines,
// and in full as soon as it rests.

import { signal } from "@preact/signals";
import { useRef } from "preact/hooks";

/** Between two scrolls; a notch of a wheel is a third of it. */
const THROWN_PX = 350;
/** Further apart they are jumps, each of which is looked at. */
const APART_MS = 150;

const isThrown = signal(false);
let lastY = 0;
let lastMs = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Told at every scroll, before the rows of it are drawn. */
export function scrolledTo(y: number): void {
  const ms = performance.now();
  const px = Math.abs(y - lastY);
  const isSoon = ms - lastMs < APART_MS;
  lastY = y;
  if (px === 0) return;
  lastMs = ms;
  if (px > THROWN_PX && isSoon) isThrown.value = true;
  if (!isThrown.peek()) return;
  clearTimeout(timer);
  timer = setTimeout(() => (isThrown.value = false), APART_MS);
}

/** For a row, before all else: true while it is to be an outline. A row that was ever drawn in full stays so. */
export function useOutline(): boolean {
  const isOutline = useRef(isThrown.peek());
  if (isOutline.current) isOutline.current = isThrown.value;
  return isOutline.current;
}
