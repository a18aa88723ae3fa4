import { expect, test } from "vitest";
import type { EventDetail, PerformanceNumbers, PerformanceRowView } from "../api/types";
import { apdex, apdexWords, askedWords, change, isQueryFinding, ms, quantile, quantileNote, queryFindingOf, rate, rateIn, rateUnit, relationHint, shortSql, sorted } from "./performance";

const numbers: PerformanceNumbers = { count: 1, per_minute: 1, failed: 0, error_share: 0, total_ms: 1, average_ms: 1, p50_ms: 1, p95_ms: 1, p99_ms: 1, percentile_error: 0, apdex: 1, sql_per_request: 1, sql_share: 0.5 };
const row = (name: string, time_share: number, more: Partial<PerformanceNumbers> = {}): PerformanceRowView => ({ key: name, name, services: [], counts: [], call_sites: [], may_have_more_call_sites: false, time_share, numbers: { ...numbers, ...more } });

test("rows are in the order asked for, and the rest by time", () => {
  const rows = [row("GET /a", 0.2, { apdex: 0.5 }), row("GET /b", 0.5, { p95_ms: 9 }), row("POST /c", 0.3, { p95_ms: 9 })];
  expect(sorted(rows, "time", "").map(({ name }) => name)).toEqual(["GET /b", "POST /c", "GET /a"]);
  expect(sorted(rows, "p95", "").map(({ name }) => name)).toEqual(["GET /b", "POST /c", "GET /a"]);
  expect(sorted(rows, "apdex", "get").map(({ name }) => name)).toEqual(["GET /a", "GET /b"]);
});

test("a query is found by the file that asks it, as by a word of itself", () => {
  const rows = [{ ...row("SELECT a", 0.2), call_sites: ["shop/views.py:17 in books", "shop/Admin.py:3"] }, { ...row("SELECT b FROM shop", 0.5), call_sites: ["shop/tasks.py:4 in mail"] }, row("SELECT c", 0.1)];
  const found = (text: string) => sorted(rows, "time", text).map(({ name }) => name);
  expect([found("views.py:17"), found("admin"), found("shop"), found("select c"), found("urls.py")]).toEqual([["SELECT a"], ["SELECT a"], ["SELECT b FROM shop", "SELECT a"], ["SELECT c"], []]);
});

test("a statement is told with all the lines that ask it", () => {
  const asked = { ...row("SELECT a", 0.2), call_sites: ["a.py:1", "b.py:2"] };
  expect(askedWords(asked)).toBe("SELECT a\n\nAsked last at\na.py:1\nb.py:2");
  expect(askedWords({ ...asked, may_have_more_call_sites: true })).toContain("b.py:2\nand maybe others");
  expect(askedWords(row("SELECT a", 0.2))).toBe("SELECT a");
});

test("rates read in the unit that has a number in front", () => {
  expect([0, 1200, 12.34, 0.5, 0.001].map(rate)).toEqual(["0", "20/s", "12/min", "30/h", "1.4/day"]);
});

test("an Apdex is judged as it is printed", () => {
  expect([0.8478, 0.844, 0.694].map((n) => [apdex(n), apdexWords(n)])).toEqual([["0.85", "good"], ["0.84", "fair"], ["0.69", "poor"]]);
});

test("a change smaller than what can be told is none", () => {
  expect([change(110, 100), change(104, 100), change(50, 100), change(1, null)]).toEqual(["+10\u202f%", "±0", "−50\u202f%", null]);
});

test("an event about queries is told from others", () => {
  const entries = [
    { name: "finding", value: "n_plus_one" },
    { name: "sql", value: "SELECT ?" },
    { name: "count", value: 12 },
    { name: "file", value: "shop/views.py" },
    { name: "line", value: 7 },
  ];
  const detail = { contexts: [{ name: "query", entries }] } as unknown as EventDetail;
  expect(queryFindingOf(detail)).toMatchObject({ kind: "n_plus_one", count: 12, callSite: "shop/views.py:7" });
  expect(queryFindingOf({ contexts: [] } as unknown as EventDetail)).toBeNull();
});

test("an issue about queries is told from others by its kind, whatever it is called", () => {
  expect(["n_plus_one", "slow_query", "error", "default", "cron", "csp"].filter((kind) => isQueryFinding({ kind }))).toEqual(["n_plus_one", "slow_query"]);
});

test("which end of a relation is fetched shows in the condition", () => {
  expect(relationHint('SELECT "a"."id" FROM "a" WHERE "a"."id" = ? LIMIT ?')).toBe("one");
  expect(relationHint('SELECT "b"."id" FROM "b" WHERE "b"."book_id" = ?')).toBe("many");
});

test("statements in a list show where they differ", () => {
  expect(shortSql('SELECT "shop_book"."id", "shop_book"."title" FROM "shop_book" WHERE "shop_book"."id" = ?')).toBe("SELECT … FROM shop_book WHERE shop_book.id = ?");
  expect(shortSql('SELECT "a" FROM "b"')).toBe("SELECT a FROM b");
});

test("rates of a column have one unit, the one in which the most frequent reads best", () => {
  const column = (...all: number[]) => all.map((n) => rateIn(n, rateUnit(all)));
  expect(column(18 / 1440, 22 / 60, 0.98 / 1440, 0)).toEqual(["0.75/h", "22/h", "0.041/h", "0"]);
  expect(column(6000, 60)).toEqual(["100/s", "1/s"]);
  expect(column(6000, 0.1)).toEqual(["100/s", "<\u202f0.01/s"]);
  expect(column(1 / 1440)).toEqual(["1/day"]);
});

test("a percentile that is read from buckets says that it is about right", () => {
  expect(quantile(212, 0)).toBe(ms(212));
  expect(quantile(212, 0.0625)).toBe(`≈\u202f${ms(212)}`);
  expect(quantile(null, 0.0625)).toBe("–");
  expect(quantileNote(0)).toBeUndefined();
  expect(quantileNote(0.0625)).toContain("off by 6.25\u202f% at most");
});
