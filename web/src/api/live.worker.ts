// The one connection for live messages of a browser. Browsers allow six connections per host over HTTP/1.1; a stream per
// tab would stop the seventh tab from loading at all. Tabs attach and detach; without tabs the stream is closed.

import { LiveStream } from "./live-core";

type FromTab = { kind: "attach"; cursor: string } | { kind: "detach" | "ping" };
/** A tab that crashed never detaches; one that has been silent this long is gone. */
const SILENT_MS = 60_000;
const CHECK_MS = 5000;

const scope = globalThis as unknown as { onconnect: ((event: MessageEvent) => void) | null };
const tabs = new Map<MessagePort, number>();
const stream = new LiveStream((message) => {
  for (const port of tabs.keys()) port.postMessage(message);
});

function drop(port: MessagePort): void {
  tabs.delete(port);
  if (tabs.size === 0) stream.close();
}

scope.onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  port.addEventListener("message", ({ data }: MessageEvent<FromTab>) => {
    if (data.kind === "detach") return drop(port);
    const isNew = !tabs.has(port);
    tabs.set(port, Date.now());
    stream.open(data.kind === "attach" ? data.cursor : "");
    if (data.kind === "attach" && isNew) for (const message of stream.since(data.cursor)) port.postMessage(message);
  });
  port.start();
};

setInterval(() => {
  for (const [port, at] of tabs) if (Date.now() - at > SILENT_MS) drop(port);
  stream.check();
}, CHECK_MS);
