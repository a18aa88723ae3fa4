import { expect, test } from "vitest";
import type { KindStoredView, StorageView } from "../api/types";
import { droppedLines, isEmpty, isStoring, keptFor, nextDrop, segments, shares, size, writerTrouble } from "./storage";

const DAY = 86_400_000;
const kind = (name: string, change: Partial<KindStoredView> = {}): KindStoredView => ({
  kind: name, name, rows: 1, bytes: 10, oldest_ms: 0, keep_days: 30, bytes_per_day: 1, next_drop_ms: null, next_drop_cause: null, ...change,
});
const storage = (kinds: KindStoredView[], change: Partial<StorageView> = {}): StorageView => ({
  path: "/x", writer: "ready", kinds, used_bytes: 40, free_page_bytes: 0, file_bytes: 40, wal_bytes: 0, max_bytes: 100, is_max_default: true, full_bytes: 90,
  is_disk_short: false, disk_bytes: 1000, disk_free_bytes: 500, reserve_bytes: 10, can_shrink: true, clock_ahead_since_ms: null, dropped: [], ...change,
});

test("the bar holds every byte once, in the order of the table", () => {
  const parts = segments(storage([kind("server", { bytes: 6, rows: null, keep_days: null }), kind("errors"), kind("spans", { bytes: 20 }), kind("feedback", { bytes: 4 }), kind("logs", { rows: 0, bytes: 0 })]));
  expect(parts.map(({ kind, percent }) => [kind, percent])).toEqual([["spans", 20], ["errors", 10], ["feedback", 4], ["server", 6]]);
  expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBe(40);
});

test("a disk that is full is told with where and what to do", () => {
  expect(writerTrouble(storage([]))).toBe(null);
  const full = writerTrouble(storage([], { writer: "disk_full", path: "/data/trapline.db", disk_free_bytes: 0 }));
  expect(full?.title).toContain("full");
  expect(full?.detail).toContain("503");
  expect(full?.detail).toContain("/data/trapline.db");
  expect(full?.detail).toContain("Free some space");
  for (const writer of ["queue_full", "stalled", "log_held"]) expect(writerTrouble(storage([], { writer }))).not.toBe(null);
});

test("sizes are in the units of the setting", () => {
  // The same as in the test of `trapline storage`.
  expect([0, 1023, 1024, 1536, 2 ** 20 - 1, 10 * 2 ** 30, 37 * 2 ** 28, 9_932_111_974, 150 * 2 ** 20].map(size).map((text) => text.replace("\u202f", " "))).toEqual(["0 B", "1023 B", "1 KiB", "1.5 KiB", "1.0 MiB", "10 GiB", "9.3 GiB", "9.3 GiB", "150 MiB"]);
});

test("percentages add up, and next to nothing is not nothing", () => {
  const of = (...bytes: number[]) => shares(bytes.map((bytes, place) => kind(`kind ${place}`, { bytes }))).map((text) => text.replace("\u202f%", ""));
  expect(of(1, 1, 1)).toEqual(["34", "33", "33"]);
  expect(of(154, 154, 154, 154, 154, 230)).toEqual(["16", "16", "15", "15", "15", "23"]);
  expect(of(999, 1, 0)).toEqual(["100", "< 1", "0"]);
  expect(of(0, 0)).toEqual(["0", "0"]);
});

test("what is new is taken unless nothing is stored", () => {
  expect(["ready", "log_held", "disk_full", "disk_full_of_log", "queue_full", "stalled"].map((writer) => isStoring(storage([], { writer })))).toEqual([true, true, false, false, false, false]);
  expect(writerTrouble(storage([], { writer: "disk_full_of_log" }))?.detail).toContain("reading");
});

test("over the cap the bar is full, not longer", () => {
  const parts = segments(storage([kind("errors", { bytes: 200 })], { used_bytes: 200 }));
  expect(parts[0]?.percent).toBe(100);
});

test("nothing sent is told from something small", () => {
  expect(isEmpty(storage([kind("errors", { rows: 0 }), kind("server", { rows: null })]))).toBe(true);
  expect(isEmpty(storage([kind("errors")]))).toBe(false);
  const gone = { kind: "spans", name: "Spans", cause: "age", day_ms: 0, rows: 3, bytes: 9 };
  expect(isEmpty(storage([kind("errors", { rows: 0 })], { dropped: [gone] }))).toBe(false);
});

test("how long and until when reads as words", () => {
  expect([1, 30, 0, null].map((keep_days) => keptFor(kind("errors", { keep_days })))).toEqual(["1 day", "30 days", "as long as there is room", "for ever"]);
  const at = (days: number, cause = "age") => nextDrop(kind("errors", { next_drop_ms: days * DAY, next_drop_cause: cause }), 0);
  expect(at(0.5)).toEqual({ when: "within a day", why: "" });
  expect(at(1)).toEqual({ when: "within a day", why: "" });
  expect(at(1.5)).toEqual({ when: "in 2 days", why: "" });
  expect(at(89.2)?.when).toBe("in 90 days");
  expect(at(90 - 1 / 1440)?.when).toBe("in 90 days");
  expect(at(12, "size")).toEqual({ when: "in 12 days", why: "for want of room" });
  expect(at(1500)?.when).toBe("in 4 years");
  expect(nextDrop(kind("errors"), 0)).toBe(null);
});

test("what was dropped is summed by kind and cause, by day", () => {
  const day = (change: object) => ({ kind: "errors", name: "Errors", cause: "age", day_ms: 100 * DAY, rows: 1, bytes: 1, ...change });
  const lines = droppedLines([day({}), day({ day_ms: 99 * DAY, rows: 4 }), day({ cause: "size", bytes: 9 })], 100 * DAY + 5);
  expect(lines.map(({ name, cause, rows }) => [name, cause, rows])).toEqual([["Errors", "for want of room", 1], ["Errors", "too old", 5]]);
  expect(lines[1]?.days.slice(-2)).toEqual([4, 1]);
});
