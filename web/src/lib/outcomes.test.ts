import { expect, it } from "vitest";
import { outcomeLines } from "./outcomes";

it("says what became of everything", () => {
  const lines = outcomeLines([
    { category: "session", reason: "not_kept", quantity: 12 },
    { category: "event", reason: "accepted", quantity: 1204 },
    { category: "log", reason: "not_kept", quantity: 1 },
    { category: "span", reason: "rate_limited", quantity: 3 },
    { category: "span", reason: "invalid", quantity: 0 },
    { category: "span", reason: "odd_one", quantity: 1 },
  ]);
  expect(lines.map((line) => `${line.title}: ${line.parts.join(", ")}`)).toEqual([
    "Kept: 1\u202f204 events", "Over a limit: 3 spans", "Not kept by this version: 12 sessions, 1 log", "odd one: 1 span",
  ]);
});
