import { expect, it } from "vitest";
import type { TraceFindingView, TraceSqlView } from "../api/types";
import { columns } from "./trace-shapes";
import { askedQueries, covered, explainForm, hasPlaceholders, queryGroups, sortedQueries } from "./trace-sql";

const spans = columns([
  { parent: -1, start: 0, duration: 100 },
  { parent: 0, start: 40, duration: 10 },
  { parent: 0, start: 10, duration: 20 },
  { parent: 0, start: 20, duration: 20, status: "error" },
  { parent: 0, start: 70, duration: 5 },
]);
const id = (i: number) => spans.span_id[i] ?? "";
const statement = (text: string) => ({ text, example: text, summary: "", fingerprint: text, system: "", parameters: [] });
const view: TraceSqlView = { statements: [statement("a"), statement("b")], call_sites: ["x.py:1", "x.py:2"], span_id: [id(1), id(2), id(3), id(4), "not here"], statement: [0, 0, 0, 1, 1], call_site: [0, 0, 1, -1, 0], spans_omitted: 0 };

it("queries of one statement and place are together", () => {
  const asked = askedQueries(view, spans);
  expect(asked.map(({ span }) => span)).toEqual([2, 3, 1, 4]);
  const finding = { kind: "n_plus_one", spans: [1, 2], count: 2 } as unknown as TraceFindingView;
  const groups = sortedQueries(queryGroups(asked, spans, [finding], 100), "total");
  expect(groups.map((group) => [group.statement, group.callSite, group.spans, group.totalNs, group.maxNs, group.share, group.failed])).toEqual([
    [0, 0, [2, 1], 30, 20, 0.3, 0],
    [0, 1, [3], 20, 20, 0.2, 1],
    [1, -1, [4], 5, 5, 0.05, 0],
  ]);
  expect(groups.map((group) => group.finding?.kind)).toEqual(["n_plus_one", undefined, undefined]);
  expect(sortedQueries(groups, "average").map((group) => group.callSite)).toEqual([1, 0, -1]);
  expect(sortedQueries(groups, "first").map((group) => group.callSite)).toEqual([0, 1, -1]);
});

it("time in which two ran counts once", () => {
  expect(covered([2, 3, 1], spans)).toBe(40);
  expect(covered([], spans)).toBe(0);
});

it("only what reads is run for its plan", () => {
  for (const [sql, system, wanted] of [
    ["SELECT 1", "postgresql", "EXPLAIN (ANALYZE, BUFFERS) SELECT 1"],
    ["UPDATE t SET a = 1", "postgresql", "EXPLAIN UPDATE t SET a = 1"],
    ["WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "postgresql", "EXPLAIN WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x"],
    ['SELECT "update" FROM t', "postgresql", 'EXPLAIN (ANALYZE, BUFFERS) SELECT "update" FROM t'],
    ["SELECT 1", "sqlite", "EXPLAIN QUERY PLAN SELECT 1"],
    ["SELECT 1", "mysql", "EXPLAIN ANALYZE SELECT 1"],
    ["SELECT 1", "mariadb", "EXPLAIN SELECT 1"],
    ["SELECT 1", "", "EXPLAIN SELECT 1"],
  ] as const)
    expect(explainForm(sql, system)).toBe(wanted);
});

it("places for values are told from values", () => {
  for (const sql of ["WHERE a = %s", "a = %(id)s", "a = $1", "a = ?", "a = :id"]) expect(hasPlaceholders(sql)).toBe(true);
  for (const sql of ["WHERE a = 1", "a::text = 'x'", "a = 'what? %s $1'", "SELECT 5 % 2"]) expect(hasPlaceholders(sql)).toBe(false);
});
