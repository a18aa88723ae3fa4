import { expect, it } from "vitest";
import { narrowed } from "./trace-query";

const FACETS = { facets: [{ key: "op", values: [{ value: "http.server", count: 3 }] }, { key: "http.status_code", values: [{ value: "500", count: 2 }] }] };

it("asks for a name exactly", () => {
  expect(narrowed("", "name", "GET /", FACETS)).toBe('span.name:"GET /"');
  expect(narrowed("", "name", "GET /", undefined)).toBe('span.name:"GET /"');
  expect(narrowed("span.op:http.server http.response.status_code:500 release:1.0", "name", "GET /", FACETS)).toBe('span.op:http.server http.response.status_code:500 release:1.0 span.name:"GET /"');
  expect(narrowed('checkout span.name:"GET /"', "name", "GET /", { facets: [{ key: "name", values: [{ value: "GET /", count: 1 }] }] })).toBe('checkout span.name:"GET /"');
});

it("does not ask the span that is searched for to be the root", () => {
  expect(narrowed("http.status_code:500 OR span.op:db", "name", 'GET "*"', FACETS)).toBe('(http.status_code:500 OR span.op:db) "GET \\"\\*\\""');
});

it("knows what facts are called on spans", () => {
  expect(narrowed("a OR b", "http.status_code", "500", FACETS)).toBe("(a OR b) http.response.status_code:500");
  expect(narrowed("", "db.system", "sqlite", FACETS)).toBe("db.system:sqlite");
});
