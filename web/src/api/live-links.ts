// How a tab comes to its live messages: through the shared worker; where there is none, through the tab that holds a lock
// and tells the others; where there are no locks either (plain http:// on a phone), by a stream of its own.

import { LiveStream, type ToTab } from "./live-core";

export type Link = { attach: (cursor: string) => void; detach: () => void };
type Receive = (message: ToTab) => void;

const PING_MS = 20_000;
const CHECK_MS = 5000;
const NAME = "trapline-live";

export function bestLink(receive: Receive, onBroken: (next: Link) => void): Link {
  const without = () => (typeof navigator !== "undefined" && "locks" in navigator && "BroadcastChannel" in globalThis ? lockLink(receive) : ownLink(receive));
  return "SharedWorker" in globalThis ? sharedLink(receive, () => onBroken(without())) : without();
}

function sharedLink(receive: Receive, onBroken: () => void): Link {
  const worker = new SharedWorker(new URL("./live.worker.ts", import.meta.url), { type: "module", name: NAME });
  const { port } = worker;
  let isAttached = false;
  let isBroken = false;
  worker.addEventListener("error", () => {
    // The worker's script did not load.
    if (isBroken) return;
    isBroken = true;
    onBroken();
  });
  port.addEventListener("message", (event: MessageEvent<ToTab>) => !isBroken && receive(event.data));
  port.start();
  setInterval(() => isAttached && !isBroken && port.postMessage({ kind: "ping" }), PING_MS);
  return {
    attach(cursor) {
      isAttached = true;
      port.postMessage({ kind: "attach", cursor });
    },
    detach() {
      isAttached = false;
      port.postMessage({ kind: "detach" });
    },
  };
}

type OnChannel = { kind: "who"; tab: string; cursor: string } | { kind: "leads" } | { kind: "told"; to: string | null; message: ToTab };

/** Every tab asks for the lock; the one that has it holds the stream, and the next in line takes over where it was. */
export function lockLink(receive: Receive): Link {
  const channel = new BroadcastChannel(NAME);
  const tab = Math.random().toString(36).slice(2);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
  const post = (message: OnChannel) => channel.postMessage(message);
  let cursor = "";
  let waiting: AbortController | null = null;
  let release: (() => void) | null = null;
  const take: Receive = (message) => {
    cursor = message.id || cursor;
    receive(message);
  };
  const stream = new LiveStream((message) => {
    take(message);
    post({ kind: "told", to: null, message });
  });
  channel.addEventListener("message", ({ data }: MessageEvent<OnChannel>) => {
    if (!waiting) return;
    if (data.kind === "told" && !release && (data.to === null || data.to === tab)) take(data.message);
    // A new leader does not know yet who listens, and how far each has come.
    else if (data.kind === "leads" && !release) post({ kind: "who", tab, cursor });
    else if (data.kind === "who" && release) for (const message of stream.since(data.cursor)) post({ kind: "told", to: data.tab, message });
  });
  setInterval(() => release && stream.check(), CHECK_MS);
  return {
    attach(from) {
      cursor = from || cursor;
      waiting = new AbortController();
      post({ kind: "who", tab, cursor });
      const lead = () =>
        new Promise<void>((done) => {
          release = done;
          stream.open(cursor);
          post({ kind: "leads" });
        });
      // Giving up the wait is no error.
      navigator.locks.request(NAME, { signal: waiting.signal }, lead).catch(() => undefined);
    },
    detach() {
      waiting?.abort();
      waiting = null;
      stream.close();
      release?.();
      release = null;
    },
  };
}

function ownLink(receive: Receive): Link {
  const stream = new LiveStream(receive);
  setInterval(() => stream.check(), CHECK_MS);
  return { attach: (cursor) => stream.open(cursor), detach: () => stream.close() };
}
