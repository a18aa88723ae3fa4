import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it } from "vitest";
import { answers, conflictOf, KEYS, keymap, keysOf, letterOf, setKeys, startKeys, useKeys } from "./keys";

afterEach(() => {
  for (const name of Object.keys(keymap.value)) setKeys(name, null);
});

it("one key has one meaning per scope, and none of the global ones is taken", () => {
  const global = Object.values<readonly [string, string]>(KEYS.global.keys).map(([key]) => key);
  for (const [scope, { keys }] of Object.entries(KEYS)) {
    const own = Object.values<readonly [string, string]>(keys).map(([key]) => key);
    expect(new Set(own).size).toBe(own.length);
    if (scope !== "global") expect(own.filter((key) => global.includes(key))).toEqual([]);
  }
});

it("a range of keys answers to each of them and to nothing else", () => {
  expect(["1", "5", "8"].every((key) => answers("1…8", key))).toBe(true);
  expect(["0", "9", "…", "", "12", "g"].some((key) => answers("1…8", key))).toBe(false);
  expect(answers("g i", "g i") && !answers("g", "i")).toBe(true);
});

it("takes other keys for an action, and none that another one has", () => {
  expect(conflictOf("issue", "copy", "y")).toBeNull();
  expect(conflictOf("issue", "copy", "w")).toContain("Open the trace");
  expect(conflictOf("issue", "copy", "g i")).toContain("Go to issues");
  // The first of two keys is taken by what the two do.
  expect(conflictOf("issue", "copy", "g")).not.toBeNull();
  expect(conflictOf("issue", "copy", "w x")).not.toBeNull();
  // A key of another page is free; one that works everywhere is not, from either side.
  expect(conflictOf("issue", "copy", "j")).toBeNull();
  expect(conflictOf("global", "theme", "w")).not.toBeNull();
  for (const keys of ["", "ab", "a b c", " ", "a  b"]) expect(conflictOf("issue", "copy", keys)).not.toBeNull();
  setKeys("issue.copy", "y");
  expect(keysOf("issue", "copy")).toBe("y");
  expect(conflictOf("issue", "trace", "y")).toContain("y is taken");
  expect(conflictOf("issue", "trace", "c")).toBeNull();
  setKeys("issue.copy", null);
  expect(keysOf("issue", "copy")).toBe("c");
  expect(letterOf("copyMarkdown")).toBe("m");
});

it("shortcuts go on after a checkbox was clicked, and keep out of what is typed into", () => {
  const pressed: string[] = [];
  const Page = () => {
    useKeys("list", { next: () => pressed.push("next"), open: () => pressed.push("open") });
    useKeys("issues", { resolve: () => pressed.push("resolve"), none: () => pressed.push("none") });
    return null;
  };
  const root = document.createElement("div");
  document.body.append(root);
  void act(() => render(h(Page, null), root));
  startKeys();
  const press = (field: HTMLElement, ...keys: string[]): string[] => {
    document.body.append(field);
    pressed.length = 0;
    for (const key of keys) field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    field.remove();
    return [...pressed];
  };
  const input = (type: string) => Object.assign(document.createElement("input"), { type });
  for (const type of ["checkbox", "button", "submit"]) expect(press(input(type), "j", "e", "Enter", " ", "Escape", "ArrowDown")).toEqual(["next", "resolve", "none", "next"]);
  // Their arrows choose a value.
  for (const type of ["radio", "range"]) expect(press(input(type), "j", "ArrowDown", "Enter", "e")).toEqual(["next", "resolve"]);
  for (const field of [input("text"), input("search"), input("number"), document.createElement("textarea"), document.createElement("select")]) expect(press(field, "j", "e", "Escape")).toEqual([]);
  expect(press(document.createElement("button"), "j", "Enter", "e")).toEqual(["next", "resolve"]);
  render(null, root);
  root.remove();
});
