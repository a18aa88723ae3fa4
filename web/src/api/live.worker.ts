// The one connection for live messages of a browser. Browsers allow six connections per host over HTTP/1.1; a stream per
// tab would stop the seventh tab from loading at all. Tabs attach and detach; without tabs the stream is closed.

type FromTab = { kind: "attach" | "detach" | "ping" };
const TOPICS = ["issue", "trace", "log", "metric", "feedback", "monitor", "ingest", "resync"] as const;
/** A tab that crashed never detaches; one that has been silent this long is gone. */
const SILENT_MS = 60_000;

const scope = globalThis as unknown as { onconnect: ((event: MessageEvent) => void) | null };
const tabs = new Map<MessagePort, number>();
let source: EventSource | null = null;
let isOpen = false;

function tell(message: unknown): void {
  for (const port of tabs.keys()) port.postMessage(message);
}

function open(): void {
  if (source) return;
  source = new EventSource("/api/ui/live");
  source.addEventListener("open", () => {
    isOpen = true;
    tell({ state: "open" });
  });
  source.addEventListener("error", () => {
    isOpen = false;
    tell({ state: "lost" });
    // The browser retries by itself unless the answer was an error; then it is up to us.
    if (source?.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(() => tabs.size > 0 && open(), 2000);
    }
  });
  for (const topic of TOPICS) source.addEventListener(topic, (event) => tell({ topic, data: (event as MessageEvent<string>).data }));
}

function drop(port: MessagePort): void {
  tabs.delete(port);
  if (tabs.size > 0) return;
  source?.close();
  source = null;
  isOpen = false;
}

scope.onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  port.addEventListener("message", (message: MessageEvent<FromTab>) => {
    if (message.data.kind === "detach") return drop(port);
    tabs.set(port, Date.now());
    open();
    if (message.data.kind === "attach" && isOpen) port.postMessage({ state: "open" });
  });
  port.start();
};

setInterval(() => {
  for (const [port, at] of tabs) if (Date.now() - at > SILENT_MS) drop(port);
}, SILENT_MS / 2);
