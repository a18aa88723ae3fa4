import { expect, it } from "vitest";
import { bracketedKey, completed, isUnfinished, onTab, quoted, statesOf, tabOf, terms, tokens, withMore, withTerm, wordsOf } from "./query-text";

const cut = (text: string) => tokens(text).map(({ kind, from, to }) => `${kind}=${text.slice(from, to)}`).filter((token) => !token.startsWith("space"));

it("cuts a query into keys, operators, values and words", () => {
  expect(cut('is:open !level:warning user.email:"a b" timesSeen:>=10')).toEqual(["key=is:", "value=open", "not=!", "key=level:", "value=warning", "key=user.email:", 'value="a b"', "key=timesSeen:", "operator=>=", "value=10"]);
  expect(cut("(a OR b) AND tags[my key]:[x, y]")).toEqual(["paren=(", "word=a", "join=OR", "word=b", "paren=)", "join=AND", "key=tags[my key]:", "value=[x, y]"]);
  expect(cut('"odd key":v release:(a)')).toEqual(['key="odd key":', "value=v", "key=release:", "value=(a)"]);
  expect(cut('!timeout !(a OR b) != ! !"x y"')).toEqual(["not=!", "word=timeout", "not=!", "paren=(", "word=a", "join=OR", "word=b", "paren=)", "word=!=", "word=!", "not=!", 'word="x y"']);
  expect(cut("https://shop/x is-not-a:")).toEqual(["word=https://shop/x", "key=is-not-a:"]);
});

it("has every character in one token, whatever is typed", () => {
  for (const text of ["", "   ", '"open', "a:[b", "((", "))", "!", "!!a:b", "-x:1", "a:>", "\\", '"\\', "a:b)c", "😀:😀 \u202e:x", 'x:"a\\"b" y', "::::", "[]:x", "a:\u00a0b"]) {
    let at = 0;
    for (const token of tokens(text)) {
      expect(token.from).toBe(at);
      expect(token.to).toBeGreaterThan(at);
      at = token.to;
    }
    expect(at).toBe(text.length);
  }
});

it("joins tokens to terms", () => {
  expect(terms('!level:warning "two words" timesSeen:>5')).toEqual([
    { from: 0, to: 14, isNegated: true, key: "level", value: "warning" },
    { from: 15, to: 26, isNegated: false, key: null, value: "two words" },
    { from: 27, to: 39, isNegated: false, key: "timesSeen", value: ">5" },
  ]);
});

it("finds the tab of a query and goes to another with the rest", () => {
  const tabs = ["unresolved", "regressed", ""];
  expect(tabOf("is:unresolved level:error", tabs)).toBe("unresolved");
  expect(tabOf("is:open x", tabs)).toBe("unresolved");
  expect(tabOf("level:error", tabs)).toBe("");
  expect(tabOf("", tabs)).toBe("");
  expect(tabOf("is:unresolved is:assigned", tabs)).toBe(null);
  expect(tabOf("!is:unresolved", tabs)).toBe(null);
  expect(tabOf("is:unresolved OR is:regressed", tabs)).toBe(null);
  expect(onTab("level:error is:unresolved x", "regressed")).toBe("is:regressed level:error x");
  expect(onTab("is:unresolved", "")).toBe("");
  expect(statesOf("is:unresolved (x OR is:new)")).toEqual(["unresolved"]);
  expect(statesOf("is:unresolved is:assigned !is:new x")).toEqual(["unresolved", "assigned"]);
  expect(statesOf("is:unresolved OR x")).toEqual([]);
});

it("keeps a search with alternatives on every tab", () => {
  const tabs = ["unresolved", "regressed", ""];
  expect(tabOf("is:unresolved (voucher OR several)", tabs)).toBe("unresolved");
  expect(onTab("is:unresolved (voucher OR several)", "regressed")).toBe("is:regressed (voucher OR several)");
  expect(onTab("is:unresolved (voucher OR several)", "")).toBe("(voucher OR several)");
  expect(tabOf("a OR b", tabs)).toBe("");
  expect(onTab("a OR b", "unresolved")).toBe("is:unresolved (a OR b)");
  expect(onTab("level:error or level:fatal", "unresolved")).toBe("is:unresolved (level:error or level:fatal)");
  expect(onTab('level:error AND is:unresolved AND NOT "a  b"', "regressed")).toBe('is:regressed level:error NOT "a  b"');
  expect(onTab("this or that is:unresolved", "")).toBe("this or that");
  // States alone are what a tab takes the place of; beside words they are a part of the search.
  expect(onTab("(is:new OR is:regressed) voucher", "unresolved")).toBe("is:unresolved voucher");
  expect(onTab("is:unresolved OR is:regressed", "unresolved")).toBe("is:unresolved");
  expect(onTab("is:new OR voucher", "unresolved")).toBe("is:unresolved (is:new OR voucher)");
  expect(tabOf("is:new (a OR is:x)", tabs)).toBe(null);
  expect(onTab("(a OR", "unresolved")).toBe("is:unresolved");
});

it("keeps the words to mark", () => {
  expect(wordsOf('is:open "two words" *Error* !not level:x')).toBe("two words Error");
});

it("writes a term so that it is taken literally", () => {
  expect(quoted("a b")).toBe('"a b"');
  expect(quoted('say "x"*')).toBe('"say \\"x\\"\\*"');
  expect(quoted("")).toBe('""');
  expect(withTerm("is:open", "browser", "Firefox 153")).toBe('is:open browser:"Firefox 153"');
  expect(withTerm("is:open level:error", "level", "error", true)).toBe("is:open !level:error");
  expect(withTerm("a OR b", "my key", "v")).toBe('(a OR b) tags["my key"]:v');
  expect(quoted("//cdn")).toBe('"//cdn"');
  expect(quoted("/cart/{id}/")).toBe("/cart/{id}/");
  expect(["url", "2fa", "a]b", 'say "*"'].map(bracketedKey)).toEqual(["tags[url]", "tags[2fa]", 'tags["a]b"]', 'tags["say \\"\\*\\""]']);
  expect(withTerm("x", 'tags["a]b"]', "1")).toBe('x tags["a]b"]:1');
  expect(cut('tags["a]b"]:1')).toEqual(['key=tags["a]b"]:', "value=1"]);
});

it("narrows a search as a whole", () => {
  expect(withTerm("environment:dev OR environment:staging", "tenant", "initech")).toBe("(environment:dev OR environment:staging) tenant:initech");
  expect(withTerm("environment:dev or environment:staging", "tenant", "initech")).toBe("(environment:dev or environment:staging) tenant:initech");
  expect(withTerm("(a OR b) tenant:x", "os", "Linux")).toBe("(a OR b) tenant:x os:Linux");
  expect(withTerm("http.status_code:500 OR span.op:db", "span.name", "GET /")).toBe('(http.status_code:500 OR span.op:db) span.name:"GET /"');
  expect(withMore("(a OR b) level:error AND x", "level:info", ({ key }) => key === "level")).toBe("(a OR b) x level:info");
  expect(withMore("NOT level:error", "level:info", ({ key }) => key === "level")).toBe("NOT level:error level:info");
  expect(withMore("", "(timeout OR deadlock)")).toBe("(timeout OR deadlock)");
  expect(withMore("is:new", "is:new")).toBe("is:new");
  expect(withMore("(a", "b:c")).toBe("(a b:c");
  expect(withMore("fish or chips", "b:c")).toBe("fish or chips b:c");
  expect(withMore("print() !(a OR b)", "b:c")).toBe("print() !(a OR b) b:c");
  expect(withMore("level:", "b:c")).toBe("level: b:c");
});

it("knows what is not finished", () => {
  for (const text of ["level:", "timesSeen:>", '"open', 'a:"b', "a OR ", "a AND", "(a", "x:[a", "!level:"]) expect([text, isUnfinished(text)]).toEqual([text, true]);
  for (const text of ["", "level:error", '"done"', "(a)", "x:[a]", "a ", 'a:"b\\"c"']) expect([text, isUnfinished(text)]).toEqual([text, false]);
});

it("puts a completion where it belongs", () => {
  expect(completed("lev", 0, 3, "level:")).toEqual({ text: "level:", caret: 6 });
  expect(completed("level:er x", 6, 8, "error")).toEqual({ text: "level:error x", caret: 12 });
  expect(completed("level:er", 6, 8, "error")).toEqual({ text: "level:error ", caret: 12 });
  expect(completed("x:[a, er", 6, 8, "error")).toEqual({ text: "x:[a, error", caret: 11 });
  expect(completed("short", 90, 2, "x")).toEqual({ text: "shortx ", caret: 7 });
});
