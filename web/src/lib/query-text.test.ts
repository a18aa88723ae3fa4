import { expect, it } from "vitest";
import { completed, isUnfinished, onTab, quoted, statesOf, tabOf, terms, tokens, withTerm, wordsOf } from "./query-text";

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
  expect(onTab("a OR b", "unresolved")).toBe("is:unresolved");
  expect(statesOf("is:unresolved is:assigned !is:new x")).toEqual(["unresolved", "assigned"]);
  expect(statesOf("is:unresolved OR x")).toEqual([]);
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
  expect(withTerm("a OR b", "my key", "v")).toBe('(a OR b) "my key":v');
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
