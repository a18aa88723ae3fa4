// One stream of live messages, whoever holds it: the shared worker, the leading tab, or a tab by itself. Remembers the
// last messages, so that a tab that looked away gets what it missed, and goes on where it was after the link was lost.
// Knows no page and no topic's meaning.

export const TOPICS = ["issue", "trace", "log", "metric", "feedback", "monitor", "ingest", "resync"] as const;
export type LiveTopic = (typeof TOPICS)[number];
export type LiveState = "connecting" | "open" | "lost";

/** `id` is the cursor after the message: where to go on from. */
export type ToTab = { state: LiveState; aliveMs: number; id: string } | { topic: LiveTopic; data: string; id: string };

/** As much of an EventSource as is needed; tests have one of their own. */
export type Source = { readyState: number; close: () => void; addEventListener: (name: string, listener: (event: { data?: string; lastEventId?: string }) => void) => void };

const MESSAGES_KEPT = 256;
/** A message may carry fifty rows of the ledger. */
const CHARACTERS_KEPT = 1_000_000;
/** The server beats every 15 s: after two and a half of them the link is dead, whatever the browser believes. */
export const SILENT_MS = 38_000;
const RETRY_MS = 2000;
const CLOSED = 2;

export class LiveStream {
  private source: Source | null = null;
  private state: LiveState = "connecting";
  private aliveMs = 0;
  private cursor = "";
  private kept: { topic: LiveTopic; data: string; id: string }[] = [];
  private keptCharacters = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly tell: (message: ToTab) => void,
    private readonly connect: (url: string) => Source = (url) => new EventSource(url) as unknown as Source,
  ) {}

  get isOpen(): boolean {
    return this.source !== null;
  }

  /** `cursor` is where whoever opens it is, when the stream itself was never open. */
  open(cursor = ""): void {
    if (this.source) return;
    if (this.cursor === "") this.cursor = cursor;
    clearTimeout(this.retry);
    const source = this.connect(`/api/ui/live${this.cursor === "" ? "" : `?after=${encodeURIComponent(this.cursor)}`}`);
    this.source = source;
    const alive = () => {
      this.aliveMs = Date.now();
    };
    source.addEventListener("open", () => {
      alive();
      this.say("open");
    });
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.say("lost");
      // The browser tries again by itself unless the answer was an error; then it is up to us.
      if (source.readyState === CLOSED) this.again();
    });
    source.addEventListener("beat", alive);
    source.addEventListener("hello", (event) => {
      alive();
      this.cursor = event.lastEventId ?? this.cursor;
      this.say("open");
    });
    for (const topic of TOPICS)
      source.addEventListener(topic, (event) => {
        alive();
        this.take({ topic, data: event.data ?? "", id: event.lastEventId ?? "" });
      });
  }

  close(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
    this.state = "connecting";
  }

  /** To be called now and then: a link that fell silent without a word is opened again. */
  check(): void {
    if (!this.source || this.state !== "open" || Date.now() - this.aliveMs < SILENT_MS) return;
    this.say("lost");
    this.again();
  }

  /** What a tab that is at `cursor` has to be told to be where the stream is. */
  since(cursor: string): ToTab[] {
    const now: ToTab = { state: this.state, aliveMs: this.aliveMs, id: this.cursor };
    if (cursor === "" || this.cursor === "" || cursor === this.cursor) return [now];
    const at = this.kept.findIndex(({ id }) => id === cursor);
    const missed: ToTab[] = at >= 0 ? this.kept.slice(at + 1) : [{ topic: "resync", data: "{}", id: this.cursor }];
    return [now, ...missed];
  }

  private again(): void {
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), RETRY_MS);
  }

  private say(state: LiveState): void {
    this.state = state;
    this.tell({ state, aliveMs: this.aliveMs, id: this.cursor });
  }

  private take(message: { topic: LiveTopic; data: string; id: string }): void {
    if (message.id !== "") this.cursor = message.id;
    if (message.topic === "resync") {
      // Nobody can go on from before a gap.
      this.kept = [];
      this.keptCharacters = 0;
    } else {
      this.kept.push(message);
      this.keptCharacters += message.data.length;
      while (this.kept.length > MESSAGES_KEPT || this.keptCharacters > CHARACTERS_KEPT) this.keptCharacters -= this.kept.shift()?.data.length ?? 0;
    }
    this.tell(message);
  }
}
