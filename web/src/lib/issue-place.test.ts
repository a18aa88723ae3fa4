import { describe, expect, it } from "vitest";
import { eventPart, filterSearch, filtersOf, isFiltered, issueHref, listApi, listHref, neighbourHref, placeIn, withTag } from "./issue-place";

const of = (text: string) => new URLSearchParams(text);

describe("from the list and back", () => {
  it("keeps the whole question", () => {
    const href = issueHref("SHOP-1", "?query=is:regressed+checkout&environment=prod&sort=events&cursor=abc&range=24h");
    expect(href).toBe("/issues/SHOP-1?q=is%3Aregressed+checkout&sort=events&environment=prod&range=24h");
    const back = new URL(listHref(new URL(href, "http://x").searchParams), "http://x");
    expect(back.pathname).toBe("/issues");
    expect(Object.fromEntries(back.searchParams)).toEqual({ query: "is:regressed checkout", environment: "prod", sort: "events", range: "24h" });
  });
  it("an empty query means all issues, none means the default", () => {
    expect(issueHref("A-1", "?query=")).toBe("/issues/A-1?q=");
    expect(listHref(of("q="))).toBe("/issues?query=");
    expect(issueHref("A-1", "")).toBe("/issues/A-1");
    expect(listHref(of(""))).toBe("/issues");
    expect(listApi(of("q=x&sort=users&environment=prod&query=own"), "")).toBe("/api/ui/issues?environment=prod&query=x&sort=users");
    expect(listApi(of("q=assigned:me"), "Tanja")).toBe("/api/ui/issues?query=assigned%3Ame&sort=last_seen&me=Tanja");
    expect(listApi(of(""), "Tanja")).toBe("/api/ui/issues?query=is%3Aunresolved&sort=last_seen");
  });
  it("the events' own search does not go to the next issue", () => {
    expect(neighbourHref("A-2", of("q=x&query=server_name%3Aweb-2&environment=prod"))).toBe("/issues/A-2?q=x&environment=prod");
  });
});

describe("which part of the list's query is about events", () => {
  it.each([
    ["is:unresolved", ""],
    ["is:unresolved checkout", "checkout"],
    ["!is:resolved browser:\"Firefox 12\" assigned:me", "browser:\"Firefox 12\""],
    ["release:[1.0, 1.1] age:-24h", "release:[1.0, 1.1]"],
    ["(a OR b) is:open", ""],
    ["a OR b", ""],
    ["timesSeen:>5 firstSeen:-1d user.id:7", "user.id:7"],
    ["\"is:unresolved\"", "\"is:unresolved\""],
    ["!has:assigned first_seen:-1d has:user.email", "has:user.email"],
    ["SHOP-12", ""],
    ["issues users age:-1d", "issues users"],
    ["", ""],
  ])("%s", (query, part) => expect(eventPart(query)).toBe(part));
  it("what is typed here wins, even when it is nothing", () => {
    expect(filtersOf(of("q=checkout")).query).toBe("checkout");
    expect(filtersOf(of("q=checkout&query=")).query).toBe("");
  });
});

describe("filters", () => {
  it("ask nothing when there are none", () => {
    expect(filterSearch(filtersOf(of("sort=events&q=is:resolved&range=all")))).toBe("");
    expect(isFiltered(filtersOf(of("range=nonsense&from=9&to=3")))).toBe(false);
  });
  it("a stretch of time beats a range", () => {
    expect(filterSearch(filtersOf(of("range=24h&from=1000&to=2000&environment=prod")), { unit: "hour" })).toBe("?environment=prod&from=1000&to=2000&unit=hour");
    expect(filterSearch(filtersOf(of("range=24h&from=1000")))).toBe("?from=1000");
  });
});

describe("a clicked value", () => {
  const click = (search: string, key: string, value: string, written = key) => Object.fromEntries(withTag(of(search), key, value, written));
  it("becomes a term, or the choice that has its own place", () => {
    expect(click("environment=a", "environment", "b")).toEqual({ environment: "b" });
    expect(click("", "browser", "Firefox 12.1")).toEqual({ query: "browser:\"Firefox 12.1\"" });
    expect(click("", "url", "say \"*\"", "tags[url]")).toEqual({ query: "tags[url]:\"say \\\"\\*\\\"\"" });
    expect(click("", "os", "")).toEqual({ query: "!has:os" });
  });
  it("takes the place of another one of its key and leaves the rest", () => {
    expect(click("query=cart+browser:\"Firefox 12.1\"+os:Linux", "browser", "Safari")).toEqual({ query: "cart os:Linux browser:Safari" });
  });
  it("is asked of all that the search had found", () => {
    expect(click("query=environment:dev+OR+environment:staging", "tenant", "initech")).toEqual({ query: "(environment:dev OR environment:staging) tenant:initech" });
    expect(click("query=(a+OR+b)+tags[url]:/x+cart", "url", "/y", "tags[url]")).toEqual({ query: "(a OR b) cart tags[url]:/y" });
    expect(click("query=url:/x+!has:tags[url]", "url", "", "tags[url]")).toEqual({ query: "!has:tags[url]" });
    expect(click("query=!os:Linux", "os", "Mac")).toEqual({ query: "!os:Linux os:Mac" });
  });
  it("closes a diff, which is of other events", () => {
    expect(click("diff=a..b&q=x", "os", "Linux")).toEqual({ q: "x", query: "x os:Linux" });
  });
});

describe("the place in the list", () => {
  const ids = ["A-1", "A-2", "A-3"];
  it("has neighbours as far as there are", () => {
    expect(placeIn(ids, "A-1", null)).toEqual({ at: 0, previous: null, next: "A-2" });
    expect(placeIn(ids, "A-3", 0)).toEqual({ at: 2, previous: "A-2", next: null });
    expect(placeIn(ids, "B-9", null)).toEqual({ at: null, previous: null, next: null });
  });
  it("of an issue that has just left the list is where it was", () => {
    expect(placeIn(["A-1", "A-3"], "A-2", 1)).toEqual({ at: null, previous: "A-1", next: "A-3" });
    expect(placeIn([], "A-2", 1)).toEqual({ at: null, previous: null, next: null });
  });
});
