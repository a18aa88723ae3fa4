// The keyboard: one table that the handlers, the help dialog, the command palette and the settings all read. People may
// give an action other keys, in this browser; the table keeps what it starts with.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export const KEYS = {
  global: {
    title: "Everywhere",
    keys: {
      palette: ["Ctrl+K", "Go anywhere, do anything, find an id"],
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
      theme: ["t", "Theme: light, dark, as the system"],
      pause: ["P", "Pause or resume live updates"],
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
  issues: {
    title: "Issues in the list",
    keys: {
      select: ["x", "Select the row"],
      extendDown: ["J", "Select to the next row"],
      extendUp: ["K", "Select to the previous row"],
      resolve: ["e", "Resolve"],
      ignore: ["m", "Ignore"],
      reopen: ["u", "Reopen"],
      assign: ["a", "Assign"],
      undo: ["z", "Undo the last change"],
      none: ["Escape", "Select none"],
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
      sections: ["1…8", "Jump to a section"],
      diff: ["d", "Compare with the event before"],
      resolve: ["e", "Resolve"],
      ignore: ["m", "Ignore"],
      reopen: ["u", "Reopen"],
      assign: ["a", "Assign"],
      undo: ["z", "Undo the last change"],
      nextIssue: ["J", "Next issue of the list"],
      previousIssue: ["K", "Previous issue of the list"],
      close: ["Escape", "Close what was opened"],
      editor: ["E", "Open the line in your editor"],
    },
  },
  copy: {
    title: "Copy menu",
    keys: {
      copyMarkdown: ["c m", "Copy as Markdown"],
      copyBrief: ["c a", "Copy for AI"],
      copyTraceback: ["c t", "Copy the traceback"],
      copyCurl: ["c c", "Copy as cURL"],
      copyJson: ["c j", "Copy as JSON"],
      copyLink: ["c l", "Copy the link"],
    },
  },
  welcome: {
    title: "Setup",
    keys: {
      copySnippet: ["c", "Copy the snippet"],
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
      close: ["Escape", "Close the span panel, then clear the find"],
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
type Handlers<S extends Scope> = { [K in keyof (typeof KEYS)[S]["keys"]]?: (key: string) => void };

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

/** Keys chosen by the reader, by `scope.action`. */
function storedKeymap(): Record<string, string> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem("trapline.keymap") ?? "{}");
    if (typeof stored !== "object" || stored === null) return {};
    return Object.fromEntries(Object.entries(stored).filter((entry): entry is [string, string] => typeof entry[1] === "string" && KEYS_ALLOWED.test(entry[1])));
  } catch {
    return {};
  }
}
/** One character, or two with a blank between them. */
const KEYS_ALLOWED = /^[^\s](?: [^\s])?$/;
export const keymap = signal<Record<string, string>>(storedKeymap());

/** `null` goes back to what the table says. */
export function setKeys(name: string, keys: string | null): void {
  const next = { ...keymap.value };
  if (keys === null) delete next[name];
  else next[name] = keys;
  keymap.value = next;
  try {
    localStorage.setItem("trapline.keymap", JSON.stringify(next));
  } catch {
    // Without storage it lasts until the page is closed.
  }
}

/** The keys of an action as they are now. Those of the copy menu begin with the key that opens it. */
export function keysOf(scope: Scope, id: string): string {
  if (scope === "copy") return `${keysOf("issue", "copy")} ${Object.entries<readonly [string, string]>(KEYS.copy.keys).find(([own]) => own === id)?.[1][0].slice(-1) ?? ""}`;
  return keymap.value[`${scope}.${id}`] ?? Object.entries<readonly [string, string]>(KEYS[scope].keys).find(([own]) => own === id)?.[1][0] ?? "";
}

/** The letter of an entry of the copy menu: the last of its keys. */
export const letterOf = (id: keyof (typeof KEYS)["copy"]["keys"]): string => keysOf("copy", id).slice(-1);

/** Escape, Enter, Ctrl+K and the numbers mean what they mean everywhere; the letters of the copy menu belong to the menu. */
export const isFixed = (scope: Scope, id: string): boolean => scope === "copy" || keysOf(scope, id).length > 3 || keysOf(scope, id).includes("…");

/** What else these keys would do where the action works; null when they are free. A key that begins two is not free either. */
export function conflictOf(scope: Scope, id: string, keys: string): string | null {
  if (!KEYS_ALLOWED.test(keys)) return "Press one character, or two one after the other";
  for (const other of Object.keys(KEYS) as Scope[]) {
    if (other === "copy" || (other !== scope && other !== "global" && scope !== "global")) continue;
    for (const [otherId, [, words]] of Object.entries<readonly [string, string]>(KEYS[other].keys)) {
      if (other === scope && otherId === id) continue;
      const taken = keysOf(other, otherId);
      if (answers(taken, keys) || taken.startsWith(`${keys} `) || keys.startsWith(`${taken} `)) return `${taken} is taken: ${words}`;
    }
  }
  return null;
}

/** `1…8` stands for all of them; the handler is told which one it was. */
export function answers(key: string, pressed: string): boolean {
  const [from, to] = key.split("…");
  return key === pressed || (to !== undefined && pressed.length === 1 && pressed >= (from ?? "") && pressed <= to);
}

const active: { scope: Scope; handlers: { current: Record<string, ((key: string) => void) | undefined> } }[] = [];
let first = "";
let firstAt = 0;

const isPaletteKey = (event: KeyboardEvent) => (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";

/** Fields of a form that take no text: a letter pressed while one of them has the focus is meant for the page. */
const NO_TEXT = new Set(["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"]);

/** Whether letters go into what has the focus. In a list to choose from they look for an entry. */
function isTyping(target: HTMLElement | null): boolean {
  const field = target?.closest?.("input, textarea, select, [contenteditable]");
  return !!field && !(field.tagName === "INPUT" && NO_TEXT.has((field as HTMLInputElement).type));
}

function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented) return;
  const dialog = document.querySelector("dialog[open]");
  if (isPaletteKey(event)) {
    // A key with Ctrl is no character key: it works while one types, and with the shortcuts off.
    if (dialog && !dialog.classList.contains("palette")) return;
    event.preventDefault();
    run(["Ctrl+K"]);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement | null;
  if (dialog || isTyping(target)) return;
  if (!keysOn.value && event.key !== "Escape") return;
  if ((event.key === "Enter" || event.key === " ") && target?.closest("a, button, summary, input, [role=menuitem]")) return;
  // Arrows belong to whatever widget has the focus (tabs, a scrolling code block).
  if (event.key.startsWith("Arrow") && target?.closest("[role=tablist], [role=menu], [data-arrows], .scrolls, input[type=radio], input[type=range]")) return;
  const sequence = Date.now() - firstAt < SEQUENCE_MS && first !== "" ? `${first} ${event.key}` : "";
  first = event.key;
  firstAt = Date.now();
  if (run([sequence, event.key, ALIASES[event.key] ?? ""])) {
    event.preventDefault();
    first = "";
  }
}

/** The first of these that somebody on screen answers; what came on screen last is asked first. */
function run(wanted: readonly string[]): boolean {
  for (const keys of wanted) {
    if (keys === "") continue;
    for (let at = active.length - 1; at >= 0; at--) {
      const entry = active[at];
      if (!entry) continue;
      // Up and down scroll the page unless a list or a trace moves its row; left and right only move in a trace.
      for (const id of Object.keys(KEYS[entry.scope].keys)) {
        const handler = entry.handlers.current[id];
        if (!handler || !answers(keysOf(entry.scope, id), keys)) continue;
        handler(keys);
        return true;
      }
    }
  }
  return false;
}

export type Action = { name: string; scope: Scope; words: string; keys: string; run: () => void };

/** What can be done on this page right now, the page's own before what works everywhere. */
export function actions(): Action[] {
  const out = new Map<string, Action>();
  for (const { scope, handlers } of active.toReversed())
    for (const [id, [, words]] of Object.entries<readonly [string, string]>(KEYS[scope].keys)) {
      const name = `${scope}.${id}`;
      const keys = keysOf(scope, id);
      // One of many is nothing to choose from a list.
      if (handlers.current[id] && !keys.includes("…") && !out.has(name)) out.set(name, { name, scope, words, keys, run: () => handlers.current[id]?.(keys) });
    }
  return [...out.values()].toSorted((a, b) => Number(a.scope === "global") - Number(b.scope === "global"));
}

export function startKeys(): void {
  document.addEventListener("keydown", handle);
}

/** Answers the keys of a scope while the component is on screen. */
export function useKeys<S extends Scope>(scope: S, handlers: Handlers<S>): void {
  const current = useRef<Record<string, ((key: string) => void) | undefined>>(handlers);
  current.current = handlers;
  useEffect(() => {
    const entry = { scope, handlers: current };
    active.push(entry);
    return () => {
      active.splice(active.indexOf(entry), 1);
    };
  }, [scope]);
}

/** The browser's own find is about to open: it sees only what is in the page. */
export function useBrowserFind(run: () => void): void {
  const current = useRef(run);
  current.current = run;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "f") current.current();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

/** Scopes that have handlers right now, for the help dialog's order. */
export function activeScopes(): Set<Scope> {
  return new Set(active.map((entry) => entry.scope));
}
