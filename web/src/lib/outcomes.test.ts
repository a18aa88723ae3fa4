import { expect, it } from "vitest";
import { named, outcomeLines } from "./outcomes";

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

it("says why whole requests were refused", () => {
  const reasons = ["bad_key", "undecodable", "unknown_encoding", "wrong_address", "too_slow", "busy", "server_error", "too_large"];
  const lines = outcomeLines(reasons.map((reason) => ({ category: "request", reason, quantity: 2 })));
  expect(lines.map((line) => line.parts)).toEqual(reasons.map(() => ["2 requests"]));
  // Each in words of its own, none under its bare name.
  expect(lines.every((line) => line.title.includes(" ") && line.title !== line.reason.replaceAll("_", " "))).toBe(true);
});

it("names one thing as it names many", () => {
  expect(["check_in", "security", "span"].map((category) => `${named(category, 1)}, ${named(category, 2)}`)).toEqual([
    "1 check-in, 2 check-ins", "1 security report, 2 security reports", "1 span, 2 spans",
  ]);
});
