import { expect, it } from "vitest";
import { answers, KEYS } from "./keys";

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
