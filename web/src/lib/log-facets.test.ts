import { expect, test } from "vitest";
import type { LogFacetsView } from "../api/types";
import { attributeKey, withAttribute } from "./log-attribute";
import { isChosen, levelCounts, logFacets, nameOf, pressed, shortWords } from "./log-facets";

const values = (of: Record<string, number>) => Object.entries(of).map(([value, count]) => ({ value, insert: /\s|^\//u.test(value) ? `"${value}"` : value, count }));
const view = (facets: Record<string, Record<string, number>>, of: number, searched_to_ms: number | null = null): LogFacetsView => ({ facets: Object.entries(facets).map(([key, counts]) => ({ key, values: values(counts) })), of, searched_to_ms });
const asked = (search: string) => new URLSearchParams(search);
const query = (text: string) => new URLSearchParams({ query: text });
const plain = (value: string) => ({ value, insert: value });

test("tabs hold a level and what is worse", () => {
  const found = view({ level: { info: 30, error: 5, fatal: 1, debug: 4, warn: 10, "9": 1 } }, 52);
  expect(levelCounts(found)).toEqual({ all: 52, isPartial: false, info: 46, warn: 16, error: 6 });
  expect(levelCounts(view({}, 0, 12)).isPartial).toBe(true);
});

test("what every log has narrows nothing, unless it is chosen", () => {
  const found = view({ level: { error: 9, "9": 1 }, "service.name": { shop: 9 }, "thread.name": { Main: 9 }, tenant: { acme: 4 }, "sentry.origin": { auto: 3 }, "tags[user.id]": { "7": 2 } }, 9);
  expect(logFacets(found, asked("")).map(({ name }) => name)).toEqual(["Level", "Service", "tenant", "user.id"]);
  expect(logFacets(found, asked("")).at(0)?.values.map(({ value }) => value)).toEqual(["error"]);
  expect(logFacets(found, query("thread.name:Main")).map(({ name }) => name)).toContain("thread.name");
});

test("a press asks for a value, another one lifts it", () => {
  expect(pressed(asked(""), "service.name", plain("shop"))).toEqual({ service: "shop" });
  expect(pressed(asked("service=shop"), "service.name", plain("shop"))).toEqual({ service: null });
  expect(pressed(asked("service=shop"), "service.name", plain("pay"))).toEqual({ service: "pay" });
  expect(pressed(query("timeout"), "level", plain("error"))).toEqual({ query: "timeout level:error" });
  expect(pressed(query("timeout level:error"), "level", plain("error"))).toEqual({ query: "timeout" });
  expect(pressed(query("environment:prod"), "environment", plain("prod"))).toEqual({ query: "" });
});

test("values are written as the server writes them", () => {
  const path = { value: "/a b", insert: '"/a b"' };
  const { query: text } = pressed(asked(""), "code.file.path", path);
  expect(text).toBe('code.file.path:"/a b"');
  expect(isChosen(query(text ?? ""), "code.file.path", path)).toBe(true);
  expect(pressed(query(text ?? ""), "code.file.path", path)).toEqual({ query: "" });
  const stars = { value: "a*b", insert: "a\\*b" };
  expect(pressed(query("k:a\\*b"), "k", stars)).toEqual({ query: "" });
});

test("beside OR the rest goes into parentheses, and comes out again", () => {
  const either = "level:warn OR level:error";
  expect(isChosen(query(either), "level", plain("warn"))).toBe(false);
  const { query: text } = pressed(query(either), "tenant", plain("acme"));
  expect(text).toBe("(level:warn OR level:error) tenant:acme");
  expect(isChosen(query(text ?? ""), "level", plain("warn"))).toBe(false);
  expect(pressed(query(text ?? ""), "tenant", plain("acme"))).toEqual({ query: either });
  expect(pressed(query("(a OR b) AND t:x (c OR d)"), "t", plain("x"))).toEqual({ query: "(a OR b) (c OR d)" });
  expect(pressed(query("t:x AND (c OR d)"), "t", plain("x"))).toEqual({ query: "c OR d" });
});

test("what is asked not to be is not chosen", () => {
  expect(isChosen(query("!t:x"), "t", plain("x"))).toBe(false);
  expect(isChosen(query("NOT t:x"), "t", plain("x"))).toBe(false);
  expect(isChosen(query("t:xy"), "t", plain("x"))).toBe(false);
  expect(isChosen(query("t:y:x"), "t", plain("x"))).toBe(false);
});

test("an attribute is asked for by its name, whatever our keys are called", () => {
  expect(attributeKey("level")).toBe("tags[level]");
  expect(attributeKey("a:b")).toBe('tags["a:b"]');
  expect(withAttribute("a OR b", "release", "fake 1")).toBe('(a OR b) tags[release]:"fake 1"');
  expect(nameOf("tags[user.email]")).toBe("user.email");
  expect(isChosen(query("tags[tenant]:acme"), "tenant", plain("acme"))).toBe(true);
  expect(isChosen(query("tags[level]:error"), "level", plain("error"))).toBe(false);
});

test("of a long path its end is shown", () => {
  expect(shortWords("books/views.py")).toBe("books/views.py");
  expect(shortWords("/srv/venv/lib/python3.11/site-packages/django/utils/log.py")).toBe("…/django/utils/log.py");
  expect(shortWords("x".repeat(60))).toBe("x".repeat(60));
  expect(shortWords("a long sentence with a / somewhere in it")).toBe("a long sentence with a / somewhere in it");
});
