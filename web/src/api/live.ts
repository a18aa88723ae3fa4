// Live messages for whoever listens on a page: gathered, held back where a screen is paused, and told again from where the
// link was lost.

import { effect, signal, untracked } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isPaused } from "../paused";
import { takeGiven } from "./client";
import type { LiveState, LiveTopic, ToTab } from "./live-core";
import { bestLink, type Link } from "./live-links";
import type { IngestRowView } from "./types";

export type { LiveState } from "./live-core";
export const liveState = signal<LiveState>("connecting");
/** When the server was heard last before the link was lost, for "data as of". */
export const lostAtMs = signal(0);

export type LiveMessages = { issue: string[]; trace: number; log: number; metric: number; feedback: number; monitor: number; ingest: IngestRowView[]; resync: null };
type Handlers = { [K in keyof LiveMessages]?: (data: LiveMessages[K]) => unknown };
type Listener = { handlers: { current: Handlers }; isEvenPaused: boolean; hasMissed: boolean };

/** The pages draw at most four times a second, however busy the server is. */
const COALESCE_MS = 250;
const HIDDEN_DETACH_MS = 10_000;

const listeners = new Set<Listener>();
let waiting: { issue: Set<string>; trace: number; log: number; metric: number; feedback: number; monitor: number; ingest: IngestRowView[] } | null = null;
let deliveredAt = -COALESCE_MS;
/** Up to here everything was told; the link goes on from there. */
let cursor = "";

/** A listener whose screen stands still is told later, and then that there is much to read again. */
function each(call: (handlers: Handlers) => void): void {
  for (const listener of listeners) {
    if (isPaused.value && !listener.isEvenPaused) listener.hasMissed = true;
    else call(listener.handlers.current);
  }
}

const resync = () => each((handlers) => handlers.resync?.(null));

function deliver(): void {
  const batch = waiting;
  waiting = null;
  deliveredAt = performance.now();
  if (!batch) return;
  each((handlers) => {
    if (batch.issue.size > 0) handlers.issue?.([...batch.issue]);
    if (batch.trace > 0) handlers.trace?.(batch.trace);
    if (batch.log > 0) handlers.log?.(batch.log);
    if (batch.metric > 0) handlers.metric?.(batch.metric);
    if (batch.feedback > 0) handlers.feedback?.(batch.feedback);
    if (batch.monitor > 0) handlers.monitor?.(batch.monitor);
    if (batch.ingest.length > 0) handlers.ingest?.(batch.ingest);
  });
}

function gather(topic: LiveTopic, text: string): void {
  if (topic === "resync") return resync();
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return;
  }
  if (!waiting) {
    waiting = { issue: new Set(), trace: 0, log: 0, metric: 0, feedback: 0, monitor: 0, ingest: [] };
    // News after a silence are told at once; what follows them waits.
    setTimeout(deliver, Math.max(0, deliveredAt + COALESCE_MS - performance.now()));
  }
  if (topic === "issue") for (const id of (data as { ids: string[] }).ids) waiting.issue.add(id);
  else if (topic === "ingest") waiting.ingest.push(...(data as IngestRowView[]));
  else waiting[topic] += (data as { count: number }).count;
}

function receive(message: ToTab): void {
  if (!isAttached) return;
  if (message.id !== "") cursor = message.id;
  if ("topic" in message) return gather(message.topic, message.data);
  if (message.state === "lost" && liveState.value !== "lost") lostAtMs.value = message.aliveMs;
  liveState.value = message.state;
}

let link: Link | null = null;
let isAttached = false;

function attach(): void {
  if (isAttached) return;
  isAttached = true;
  link?.attach(cursor);
}

function detach(): void {
  if (!isAttached) return;
  isAttached = false;
  link?.detach();
  if (liveState.value === "open") liveState.value = "connecting";
}

/** Called once, when the app starts. */
export function startLive(): void {
  if (link) return;
  // What happens while the app starts is told, too.
  cursor = takeGiven<string>("/api/ui/live") ?? "";
  link = bestLink(receive, (next) => {
    link = next;
    if (isAttached) next.attach(cursor);
  });
  attach();
  let timer: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(detach, HIDDEN_DETACH_MS);
    else attach();
  });
  addEventListener("pagehide", detach);
  addEventListener("pageshow", attach);
  // A screen that goes on after a pause reads what it missed.
  effect(() => {
    if (isPaused.value) return;
    untracked(() => {
      for (const listener of listeners) {
        if (!listener.hasMissed) continue;
        listener.hasMissed = false;
        listener.handlers.current.resync?.(null);
      }
    });
  });
}

/** Listens while the component is on screen; always calls the newest handlers. `evenPaused` is for what pauses by itself. */
export function useLive(handlers: Handlers, { evenPaused = false }: { evenPaused?: boolean } = {}): void {
  const newest = useRef(handlers);
  newest.current = handlers;
  useEffect(() => {
    const listener: Listener = { handlers: newest, isEvenPaused: evenPaused, hasMissed: false };
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, [evenPaused]);
}
