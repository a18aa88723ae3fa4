import { expect, it } from "vitest";
import type { Breadcrumb, EventView, LogRowView, TraceView } from "../api/types";
import { around, type Entry, folded, levelsOf, shown, timeline, typesOf } from "./timeline";

const AT = 1_763_700_000_000;
const crumb = (ms: number | null, over: Partial<Breadcrumb> = {}): Breadcrumb => ({ timestamp_ms: ms === null ? null : AT + ms, ty: "default", category: "shop", level: "info", message: "m", data: null, ...over });
const log = (ns: bigint, over: Partial<LogRowView> = {}): LogRowView => ({ id: String(ns), time_ms: AT, time_ns: String(BigInt(AT) * 1_000_000n + ns), level: "warn", body: "b", is_cut: false, service: "", logger: null, trace_id: null, span_id: null, ...over });
const event = (breadcrumbs: Breadcrumb[]) => ({ event_id: "me", timestamp_ms: AT, level: "error", detail: { breadcrumbs } }) as unknown as EventView;
const trace = {
  start_ns: String(BigInt(AT) * 1_000_000n - 412_000_000n),
  spans: { op: ["http.server", "db", ""], start_ns: [0, 200_000_000, 500_000_000], duration_ns: [1, 2, 3], status: ["ok", "error", "unset"] },
  errors: [{ event_id: "me", time_ns: 412_000_000, level: "error" }, { event_id: "other", time_ns: 300_000_000, level: "warning" }],
} as unknown as TraceView;

it("everything stands in the order of time, relative to the event, to the nanosecond", () => {
  const entries = timeline(event([crumb(-1240), crumb(-100)]), [log(-150_000_001n), log(7n)], trace);
  expect(entries.map(({ key, atNs }) => [key.replace(/\d{9,}/, "…"), atNs])).toEqual([
    ["c0", -1_240_000_000], ["s0", -412_000_000], ["s1", -212_000_000], ["l-150000001".replace(/\d{9,}/, "…"), -150_000_001], ["eother", -112_000_000], ["c1", -100_000_000], ["event", 0], ["l7", 7], ["s2", 88_000_000],
  ]);
});

it("a breadcrumb without a time stays behind the one before it, and what happened at that very moment before the event", () => {
  expect(timeline(event([crumb(null), crumb(-5), crumb(null), crumb(0)])).map(({ key }) => key)).toEqual(["c0", "c1", "c2", "c3", "event"]);
});

it("types and levels are counted and chosen; the event stays whatever is hidden", () => {
  const entries = timeline(event([crumb(-9, { category: "query" }), crumb(-8, { ty: "http" }), crumb(-7, { level: "warning" }), crumb(-6, { ty: "navigation" })]), [log(-1n, { level: "debug" })], trace);
  expect(typesOf(entries).map(({ name, count }) => `${name} ${count}`)).toEqual(["query 2", "http 2", "span 1", "log 1", "error 1", "breadcrumb 1", "navigation 1"]);
  expect(levelsOf(entries).map(({ name, count }) => `${name} ${count}`)).toEqual(["error 1", "warning 2", "info 3", "debug 1"]);
  expect(shown(entries, new Set(["query", "http", "level:warning"])).map(({ key }) => key[0])).toEqual(["c", "l", "e", "s"]);
  expect(shown(entries, new Set(typesOf(entries).map(({ name }) => name))).map(({ key }) => key)).toEqual(["event"]);
});

it("the stretch around the event says what it leaves out", () => {
  const entries = timeline(event(Array.from({ length: 100 }, (_, i) => crumb(i - 90))));
  const { rows, earlier, later } = around(entries, 25, 5);
  expect([rows.length, earlier, later]).toEqual([31, 66, 4]);
  expect(rows[25]?.kind).toBe("event");
  expect(around(entries, Infinity, Infinity).rows).toHaveLength(101);
});

it("what a breadcrumb and a log both tell is told once", () => {
  const twice = timeline(event([crumb(-4, { message: "stale price" }), crumb(-900, { message: "stale price" }), crumb(-3, { message: "other" })]), [log(-3_500_000n, { body: "stale price", time_ms: AT - 4 })]);
  expect(twice.map(({ key }) => key[0])).toEqual(["c", "l", "c", "e"]);
});

it("what is said many times in a row is one line that can be opened", () => {
  const span = (key: string, at: number): Entry => ({ kind: "span", span: at, durationNs: 1, key, atNs: at, type: "query", level: "" });
  const event: Entry = { kind: "event", key: "event", atNs: 9, type: "", level: "error" };
  const names = ["BEGIN", ...Array.from({ length: 30 }, () => "SELECT a"), "SELECT b", "SELECT b", "COMMIT"];
  const lines = folded([...names.map((_, i) => span(`s${i}`, i)), event], (entry) => (entry.kind === "span" ? (names[entry.span] ?? "") : null));
  expect(lines.map(({ key, alike }) => `${key} ${alike.length}`)).toEqual(["s0 0", "s1 29", "s31 0", "s32 0", "s33 0", "event 0"]);
  expect(lines[1]?.alike.map(({ key }) => key).slice(0, 2)).toEqual(["s2", "s3"]);
});
