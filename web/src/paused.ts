// Which screens stand still: chosen by the reader for each screen, kept in this browser (WCAG 2.2.2).

import { computed, signal } from "@preact/signals";
import { place } from "./router";
import { rememberChoice, remembered, say } from "./state";

/** One issue or all of them: the first part of the address is the screen. */
const screenOf = (path: string): string => path.split("/")[1] ?? "";

const held = signal<ReadonlySet<string>>(new Set(remembered("paused", "").split(" ").filter(Boolean)));

/** Of the screen that is shown. */
export const isPaused = computed(() => held.value.has(screenOf(place.value.path)));

export function togglePause(): void {
  const screen = screenOf(place.value.path);
  const next = new Set(held.value);
  const wasHeld = next.delete(screen);
  if (!wasHeld) next.add(screen);
  held.value = next;
  rememberChoice("paused", [...next].join(" "));
  say(wasHeld ? "Live updates go on" : "Live updates paused on this screen");
}
