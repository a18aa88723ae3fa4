import { describe, expect, it } from "vitest";
import { composeDsn, eventPath, matchPath, normaliseId, pastedIds, safeHref, tracePath, tracesWith, withLongQuery, withQuery } from "./urls";

it("ids", () => expect(normaliseId("0AF7-6519")).toBe("0af76519"));

it("paths round-trip through the matcher", () => {
  const path = eventPath("SHOP/1 ü", "latest");
  expect(matchPath("/issues/:shortId/events/:eventId", path)?.params).toEqual({ shortId: "SHOP/1 ü", eventId: "latest" });
  expect(matchPath("/issues/:id", "/issues/A-1/")?.params).toEqual({ id: "A-1" });
  expect(matchPath("/issues/:id", "/issues")).toBeNull();
  expect(matchPath("/issues/:id", "/issues/%E0%A4%A")).toBeNull();
  expect(tracePath("ab", "cd")).toBe("/traces/ab?span=cd");
  expect(new URLSearchParams(tracesWith("http.url", "http://a/?b=1&c").split("?")[1]).get("attribute")).toBe("http.url:http://a/?b=1&c");
});

describe("query", () => {
  it("keeps unknown keys, drops defaults", () => {
    expect(withQuery("?q=a+b&other=1", { q: "c:d", sort: null })).toBe("?q=c%3Ad&other=1");
    expect(withQuery("?q=a", { q: "" })).toBe("");
  });
});

it("only http and https are links", () => {
  expect(safeHref("https://example.com/a b")).toBe("https://example.com/a%20b");
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "/local", "http://", " https://x", "JaVaScRiPt:1"]) expect(safeHref(bad)).toBeNull();
});

it("dsn", () =>
  expect(composeDsn({ protocol: "http:", host: "127.0.0.1:4318" }, "ab", "1")).toBe("http://ab@127.0.0.1:4318/1"));

it("knows what a pasted id may be", () => {
  const kinds = (text: string) => pastedIds(text, "http://here").map(({ kind, path }) => `${kind} ${path}`);
  const id = "0af7651916cd43dd8448eb211c80319c";
  expect(kinds(` ${id.toUpperCase()}\n`)).toEqual([`event /e/${id}`, `trace /traces/${id}`]);
  expect(kinds("0af76519-16cd-43dd-8448-eb211c80319c")).toEqual([`event /e/${id}`, `trace /traces/${id}`]);
  expect(kinds("B7AD6B7169203331")).toEqual(["span /s/b7ad6b7169203331"]);
  expect(kinds(`00-${id}-b7ad6b7169203331-01`)).toEqual([`trace /traces/${id}?span=b7ad6b7169203331`]);
  expect(kinds("shop-12")).toEqual(["issue /issues/SHOP-12"]);
  expect(kinds("#MY-SHOP-12")).toEqual(["issue /issues/MY-SHOP-12"]);
  expect(kinds(`http://here/issues/SHOP-1/events/${id}`)).toEqual([`event /issues/SHOP-1/events/${id}`]);
  expect(kinds(`http://here/t/${id}`)).toEqual([`trace /traces/${id}`]);
  expect(kinds(`http://here/traces/${id}?span=b7ad6b7169203331`)).toEqual([`trace /traces/${id}?span=b7ad6b7169203331`]);
  for (const text of ["", "hello", "12", "http://elsewhere/issues/SHOP-1", "javascript:alert(1)", "x".repeat(500)]) expect(kinds(text)).toEqual([]);
});

it("takes q for query in the addresses of lists", () => {
  expect(withLongQuery("/issues", "?q=is%3Aopen&sort=events")).toBe("?sort=events&query=is%3Aopen");
  expect(withLongQuery("/logs/", "?q=a&query=b")).toBe("?query=b");
  expect(withLongQuery("/traces", "?query=")).toBe("?query=");
  expect(withLongQuery("/issues/SHOP-1", "?q=a")).toBe("?q=a");
});
