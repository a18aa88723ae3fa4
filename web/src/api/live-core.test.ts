import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LiveStream, SILENT_MS, type Source, type ToTab } from "./live-core";

class Fake implements Source {
  static all: Fake[] = [];
  readyState = 1;
  private readonly listeners = new Map<string, (event: { data?: string; lastEventId?: string }) => void>();
  constructor(readonly url: string) {
    Fake.all.push(this);
  }
  addEventListener(name: string, listener: (event: { data?: string; lastEventId?: string }) => void): void {
    this.listeners.set(name, listener);
  }
  close(): void {
    this.readyState = 2;
  }
  says(name: string, id = "", data = "{}"): void {
    this.listeners.get(name)?.({ data, lastEventId: id });
  }
}

let told: ToTab[];
let stream: LiveStream;
beforeEach(() => {
  vi.useFakeTimers();
  Fake.all = [];
  told = [];
  stream = new LiveStream((message) => told.push(message), (url) => new Fake(url));
});
afterEach(() => void vi.useRealTimers());
const last = () => Fake.all.at(-1) as Fake;
const topics = (messages: readonly ToTab[]) => messages.map((message) => ("topic" in message ? `${message.topic} ${message.id}` : message.state));

it("tells a tab that looked away what it missed, once", () => {
  stream.open();
  expect(last().url).toBe("/api/ui/live");
  last().says("open");
  last().says("hello", "100");
  last().says("issue", "101");
  last().says("trace", "102");
  expect(topics(stream.since(""))).toEqual(["open"]);
  expect(topics(stream.since("100"))).toEqual(["open", "resync 102"]);
  expect(topics(stream.since("101"))).toEqual(["open", "trace 102"]);
  expect(topics(stream.since("102"))).toEqual(["open"]);
  expect(topics(stream.since("7"))).toEqual(["open", "resync 102"]);
});

it("goes on where it was when it is opened again", () => {
  stream.open("90");
  expect(last().url).toBe("/api/ui/live?after=90");
  last().says("issue", "91");
  stream.close();
  stream.open("50");
  expect(last().url).toBe("/api/ui/live?after=91");
});

it("opens a link again that was refused, or died without a word", () => {
  stream.open();
  last().says("hello", "5");
  last().readyState = 2;
  last().says("error");
  expect(topics(told).at(-1)).toBe("lost");
  vi.advanceTimersByTime(3000);
  expect(Fake.all).toHaveLength(2);
  expect(last().url).toBe("/api/ui/live?after=5");
  last().says("open");
  vi.advanceTimersByTime(SILENT_MS - 1000);
  stream.check();
  expect(Fake.all).toHaveLength(2);
  last().says("beat");
  vi.advanceTimersByTime(SILENT_MS + 1000);
  stream.check();
  expect(topics(told).at(-1)).toBe("lost");
  vi.advanceTimersByTime(3000);
  expect(Fake.all).toHaveLength(3);
});

it("keeps a bounded number of messages, and none from before a gap", () => {
  stream.open();
  for (let id = 1; id <= 1000; id++) last().says("issue", String(id));
  expect(stream.since("900")).toHaveLength(101);
  expect(topics(stream.since("10"))).toEqual(["connecting", "resync 1000"]);
  for (let id = 1001; id <= 1010; id++) last().says("ingest", String(id), "x".repeat(300_000));
  expect(stream.since("1008")).toHaveLength(3);
  expect(topics(stream.since("1002"))[1]).toBe("resync 1010");
  last().says("resync", "2000");
  expect(topics(stream.since("1009"))).toEqual(["connecting", "resync 2000"]);
});
