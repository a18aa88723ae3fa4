import { expect, it } from "vitest";
import { isNarrowed, localInput, ofLocalInput, queryOf, scopeOf, timeOf, timeWords, withIssueQuery } from "./scope";

const of = (text: string) => new URLSearchParams(text);

it("reads the narrowing in one order and leaves out what means nothing", () => {
  expect(scopeOf(of("range=24h&release=1.4&project=shop&sort=events&environment=")).toString()).toBe("project=shop&release=1.4&range=24h");
  expect(scopeOf(of("range=yesterday")).toString()).toBe("");
  expect(scopeOf(of("range=all")).toString()).toBe("");
  expect(scopeOf(of("from=10&to=20&range=24h")).toString()).toBe("from=10&to=20");
  expect(scopeOf(of("from=20&to=10")).toString()).toBe("");
  expect(scopeOf(of("from=1e3")).toString()).toBe("");
  expect(isNarrowed(of("query=x"))).toBe(false);
});

it("knows the query of an address, also of an old one", () => {
  expect(queryOf(of(""))).toBe("is:unresolved");
  expect(queryOf(of("query="))).toBe("");
  expect(queryOf(of("status=all&query=cart"))).toBe("cart");
  expect(queryOf(of("status=ignored"))).toBe("is:ignored");
  expect(queryOf(of("query=is%3Anew"))).toBe("is:new");
});

it("writes a query so that reading it gives it back", () => {
  expect(withIssueQuery("?sort=events&status=all&query=x", "is:unresolved")).toBe("?sort=events");
  for (const query of ["", "is:unresolved", 'level:error "a b" &=?#', "is:ignored"]) expect(queryOf(of(withIssueQuery("?status=all", query)))).toBe(query);
});

it("says a time", () => {
  const at = new Date(2026, 10, 20, 6, 0).getTime();
  expect(timeWords(timeOf(of("range=7d")))).toBe("Last 7 days");
  expect(timeWords(timeOf(of("")))).toBe("All time");
  expect(timeWords({ range: null, fromMs: at, toMs: at + 9_000_000 })).toBe("11-20 06:00 – 08:30");
  expect(timeWords({ range: null, fromMs: at, toMs: at + 90_000_000 })).toBe("11-20 06:00 – 11-21 07:00");
  expect(timeWords({ range: null, fromMs: at, toMs: null })).toBe("Since 11-20 06:00");
  expect(ofLocalInput(localInput(at))).toBe(at);
  expect(ofLocalInput("")).toBe(null);
  expect(ofLocalInput("nonsense")).toBe(null);
});
