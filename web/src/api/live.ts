// Live messages, for whoever listens: through the shared worker, or a stream of our own where there are no shared workers.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { IngestRowView } from "./types";

export type LiveState = "connecting" | "open" | "lost";
export const liveState = signal<LiveState>("connecting");
/** When the link was lost, for "data as of". */
export const lostAtMs = signal(0);

export type LiveMessages = { issue: string[]; trace: number; log: number; metric: number; feedback: number; monitor: number; ingest: IngestRowView[]; resync: null };
type Topic = keyof LiveMessages;
type Listener = { [K in Topic]?: (data: LiveMessages[K]) => unknown };

/** The pages draw at most four times a second, however busy the server is. */
const COALESCE_MS = 250;
const HIDDEN_DETACH_MS = 10_000;
const PING_MS = 20_000;

const listeners = new Set<Listener>();
let waiting: { issue: Set<string>; trace: number; log: number; metric: number; feedback: number; monitor: number; ingest: IngestRowView[] } | null = null;
let wasOpen = false;

function deliver(): void {
  const batch = waiting;
  waiting = null;
  if (!batch) return;
  for (const listener of listeners) {
    if (batch.issue.size > 0) listener.issue?.([...batch.issue]);
    if (batch.trace > 0) listener.trace?.(batch.trace);
    if (batch.log > 0) listener.log?.(batch.log);
    if (batch.metric > 0) listener.metric?.(batch.metric);
    if (batch.feedback > 0) listener.feedback?.(batch.feedback);
    if (batch.monitor > 0) listener.monitor?.(batch.monitor);
    if (batch.ingest.length > 0) listener.ingest?.(batch.ingest);
  }
}

function receive(topic: Topic, text: string): void {
  if (topic === "resync") {
    for (const listener of listeners) listener.resync?.(null);
    return;
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return;
  }
  if (!waiting) {
    waiting = { issue: new Set(), trace: 0, log: 0, metric: 0, feedback: 0, monitor: 0, ingest: [] };
    setTimeout(deliver, COALESCE_MS);
  }
  if (topic === "issue") for (const id of (data as { ids: string[] }).ids) waiting.issue.add(id);
  else if (topic === "trace" || topic === "log" || topic === "metric" || topic === "feedback" || topic === "monitor") waiting[topic] += (data as { count: number }).count;
  else waiting.ingest.push(...(data as IngestRowView[]));
}

function setState(state: LiveState): void {
  if (state === liveState.value) return;
  if (state === "lost" && liveState.value === "open") lostAtMs.value = Date.now();
  liveState.value = state;
  if (state !== "open") return;
  // What was sent while we were away is unknown: everyone reads again.
  if (wasOpen) for (const listener of listeners) listener.resync?.(null);
  wasOpen = true;
}

type Link = { attach: () => void; detach: () => void };

function sharedLink(): Link {
  const worker = new SharedWorker(new URL("./live.worker.ts", import.meta.url), { type: "module", name: "trapline-live" });
  const { port } = worker;
  worker.addEventListener("error", () => {
    // The worker's script did not load: this tab takes a stream of its own.
    link = ownLink();
    link.attach();
  });
  port.addEventListener("message", (event: MessageEvent<{ state?: LiveState; topic?: Topic; data?: string }>) => {
    const { state, topic, data } = event.data;
    if (state) setState(state);
    if (topic) receive(topic, data ?? "");
  });
  port.start();
  setInterval(() => isAttached && port.postMessage({ kind: "ping" }), PING_MS);
  return { attach: () => port.postMessage({ kind: "attach" }), detach: () => port.postMessage({ kind: "detach" }) };
}

function ownLink(): Link {
  let source: EventSource | null = null;
  return {
    attach() {
      source?.close();
      source = new EventSource("/api/ui/live");
      source.addEventListener("open", () => setState("open"));
      source.addEventListener("error", () => setState("lost"));
      for (const topic of ["issue", "trace", "log", "metric", "feedback", "monitor", "ingest", "resync"] as const)
        source.addEventListener(topic, (event) => receive(topic, (event as MessageEvent<string>).data));
    },
    detach() {
      source?.close();
      source = null;
    },
  };
}

let link: Link | null = null;
let isAttached = false;

function attach(): void {
  if (isAttached) return;
  isAttached = true;
  link?.attach();
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
  link = "SharedWorker" in globalThis ? sharedLink() : ownLink();
  attach();
  let timer: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(detach, HIDDEN_DETACH_MS);
    else attach();
  });
  addEventListener("pagehide", detach);
  addEventListener("pageshow", attach);
}

/** Listens while the component is on screen; always calls the newest handlers. */
export function useLive(handlers: Listener): void {
  const newest = useRef(handlers);
  newest.current = handlers;
  useEffect(() => {
    const listener: Listener = {
      issue: (data) => newest.current.issue?.(data),
      trace: (data) => newest.current.trace?.(data),
      log: (data) => newest.current.log?.(data),
      metric: (data) => newest.current.metric?.(data),
      feedback: (data) => newest.current.feedback?.(data),
      monitor: (data) => newest.current.monitor?.(data),
      ingest: (data) => newest.current.ingest?.(data),
      resync: (data) => newest.current.resync?.(data),
    };
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
}
