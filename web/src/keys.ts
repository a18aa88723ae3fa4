// The keyboard: one table that the handlers and the help dialog both read.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export const KEYS = {
  global: {
    title: "Everywhere",
    keys: {
      help: ["?", "This help"],
      search: ["/", "Search or find on this page"],
      goIssues: ["g i", "Go to issues"],
      goTraces: ["g t", "Go to traces"],
      goPerformance: ["g p", "Go to performance"],
      goLogs: ["g l", "Go to logs"],
      goMetrics: ["g m", "Go to metrics"],
      goMonitors: ["g c", "Go to monitors"],
      goReleases: ["g r", "Go to releases"],
      goFeedback: ["g f", "Go to feedback"],
      goIngest: ["g n", "Go to ingest"],
      goStorage: ["g d", "Go to storage"],
      goSettings: ["g ,", "Go to settings"],
      goSetup: ["g s", "Go to setup"],
      theme: ["t", "Light, dark, or as the system"],
    },
  },
  list: {
    title: "Lists",
    keys: {
      next: ["j", "Next row"],
      previous: ["k", "Previous row"],
      open: ["Enter", "Open the row"],
      openTab: ["o", "Open the row in a new tab"],
      apply: [".", "Show what is new"],
    },
  },
  issue: {
    title: "Issue",
    keys: {
      older: ["[", "Older event"],
      newer: ["]", "Newer event"],
      first: ["{", "First event"],
      latest: ["}", "Latest event"],
      frames: ["f", "All frames, or only those of your code"],
      variables: ["v", "Local variables on or off"],
      copy: ["c", "Copy menu"],
      trace: ["w", "Open the trace"],
    },
  },
  trace: {
    title: "Trace",
    keys: {
      down: ["j", "Next row"],
      up: ["k", "Previous row"],
      left: ["h", "Close, or to the parent"],
      right: ["l", "Open, or to the first child"],
      closeAll: ["H", "Close all"],
      openAll: ["L", "Open all"],
      nextMatch: ["n", "Next match"],
      previousMatch: ["N", "Previous match"],
      nextError: ["e", "Next error"],
      previousError: ["E", "Previous error"],
      zoomIn: ["+", "Zoom in"],
      zoomOut: ["-", "Zoom out"],
      zoomReset: ["0", "Whole trace"],
      zoomSpan: ["z", "Zoom to the span"],
      critical: ["p", "Critical path"],
      link: ["y", "Copy link to the span"],
      close: ["Escape", "Close the span panel"],
    },
  },
  logs: {
    title: "Logs",
    keys: {
      next: ["j", "Next log"],
      previous: ["k", "Previous log"],
      open: ["Enter", "Open or close the log"],
      apply: [".", "Show what is new"],
      pause: ["p", "Pause or go on"],
      close: ["Escape", "Close the log"],
    },
  },
} as const satisfies Record<string, { title: string; keys: Record<string, readonly [string, string]> }>;

export type Scope = keyof typeof KEYS;
type Handlers<S extends Scope> = { [K in keyof (typeof KEYS)[S]["keys"]]?: () => void };

/** Arrow keys and such that do the same as a letter. */
const ALIASES: Record<string, string> = { ArrowDown: "j", ArrowUp: "k", ArrowLeft: "h", ArrowRight: "l", "=": "+", "_": "-" };
/** The second key of "g i" must come this soon. */
const SEQUENCE_MS = 1200;

function stored(): boolean {
  try {
    return localStorage.getItem("trapline.keys") !== "off";
  } catch {
    return true;
  }
}
/** Single-key shortcuts can be switched off (WCAG 2.1.4). */
export const keysOn = signal(stored());
export function setKeysOn(on: boolean): void {
  keysOn.value = on;
  try {
    localStorage.setItem("trapline.keys", on ? "on" : "off");
  } catch {
    // Without storage it lasts until the page is closed.
  }
}

const active: { scope: Scope; handlers: { current: Record<string, (() => void) | undefined> } }[] = [];
let first = "";
let firstAt = 0;

function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement | null;
  const isTyping = !!target?.closest?.("input, textarea, select, [contenteditable]");
  if (isTyping || document.querySelector("dialog[open]")) return;
  if (!keysOn.value && event.key !== "Escape") return;
  if ((event.key === "Enter" || event.key === " ") && target?.closest("a, button, summary, [role=menuitem]")) return;
  // Arrows belong to whatever widget has the focus (tabs, a scrolling code block).
  if (event.key.startsWith("Arrow") && target?.closest("[role=tablist], [role=menu], [data-arrows], .scrolls")) return;
  const sequence = Date.now() - firstAt < SEQUENCE_MS && first !== "" ? `${first} ${event.key}` : "";
  first = event.key;
  firstAt = Date.now();
  for (const wanted of [sequence, event.key, ALIASES[event.key] ?? ""]) {
    if (wanted === "") continue;
    for (let at = active.length - 1; at >= 0; at--) {
      const entry = active[at];
      if (!entry) continue;
      // Up and down scroll the page unless a list or a trace moves its row; left and right only move in a trace.
      for (const [id, [key]] of Object.entries<readonly [string, string]>(KEYS[entry.scope].keys)) {
        const run = entry.handlers.current[id];
        if (key !== wanted || !run) continue;
        event.preventDefault();
        first = "";
        run();
        return;
      }
    }
  }
}

export function startKeys(): void {
  document.addEventListener("keydown", handle);
}

/** Answers the keys of a scope while the component is on screen. */
export function useKeys<S extends Scope>(scope: S, handlers: Handlers<S>): void {
  const current = useRef<Record<string, (() => void) | undefined>>(handlers);
  current.current = handlers;
  useEffect(() => {
    const entry = { scope, handlers: current };
    active.push(entry);
    return () => {
      active.splice(active.indexOf(entry), 1);
    };
  }, [scope]);
}

/** Scopes that have handlers right now, for the help dialog's order. */
export function activeScopes(): Set<Scope> {
  return new Set(active.map((entry) => entry.scope));
}
