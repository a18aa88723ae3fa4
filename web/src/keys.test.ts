import { expect, it } from "vitest";
import { KEYS } from "./keys";

it("one key has one meaning per scope, and none of the global ones is taken", () => {
  const global = Object.values<readonly [string, string]>(KEYS.global.keys).map(([key]) => key);
  for (const [scope, { keys }] of Object.entries(KEYS)) {
    const own = Object.values<readonly [string, string]>(keys).map(([key]) => key);
    expect(new Set(own).size).toBe(own.length);
    if (scope !== "global") expect(own.filter((key) => global.includes(key))).toEqual([]);
  }
});
