import { expect, it } from "vitest";
import { leaf, leafKind, preview } from "./python-value";

it("prints like Python, without adding quotes", () => {
  expect(leaf(null)).toBe("None");
  expect(leaf(true)).toBe("True");
  expect(leaf("'BF26'")).toBe("'BF26'");
  expect(preview({ code: "'BF26'", percent: 0 })).toBe("{'code': 'BF26', 'percent': 0}");
  expect(preview([1, [2, null]])).toBe("[1, [2, None]]");
});

it("a preview stays short however big the value", () => {
  const huge = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key${i}`, "x".repeat(1000)]));
  expect(preview(huge).length).toBeLessThan(200);
  expect(preview("y".repeat(9000)).length).toBeLessThan(200);
});

it("knows what it prints", () => {
  expect(leafKind("'a'")).toBe("string");
  expect(leafKind("42")).toBe("number");
  expect(leafKind("[Filtered]")).toBe("redacted");
  expect(leafKind("<Book: 1>")).toBe("plain");
});
