import { expect, it } from "vitest";
import { readSaved, RECENT_MAX, SAVED_MAX, withRecent, withSaved } from "./saved-queries";

it("reads what it can of what was stored", () => {
  expect(readSaved(null)).toEqual([]);
  expect(readSaved("{")).toEqual([]);
  expect(readSaved('{"name":"x"}')).toEqual([]);
  expect(readSaved('[null, 1, {"name":"","query":"a"}, {"name":"mine","query":"is:open","more":1}]')).toEqual([{ name: "mine", query: "is:open" }]);
});

it("has the last asked first, once, and not too many", () => {
  expect(withRecent(["a", "b"], " b ")).toEqual(["b", "a"]);
  expect(withRecent(["a"], "  ")).toEqual(["a"]);
  expect(withRecent(Array.from({ length: RECENT_MAX }, (_, i) => `q${i}`), "new")).toHaveLength(RECENT_MAX);
});

it("replaces a saved one of the same name", () => {
  expect(withSaved([{ name: "a", query: "1" }, { name: "b", query: "2" }], { name: "a", query: "3" })).toEqual([{ name: "a", query: "3" }, { name: "b", query: "2" }]);
  expect(withSaved([], { name: "  ", query: "3" })).toEqual([]);
  expect(withSaved(Array.from({ length: SAVED_MAX }, (_, i) => ({ name: `n${i}`, query: "" })), { name: "new", query: "x" }).at(-1)).toEqual({ name: "new", query: "x" });
});
