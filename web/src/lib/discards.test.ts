import { expect, it } from "vitest";
import { discardLines } from "./discards";

const discard = (reason: string, category: string, quantity: number, kind = "discarded") => ({ kind, reason, category, quantity });

it("says what was not sent, why, and what to do, a line for each reason", () => {
  const lines = discardLines([discard("before_send", "error", 1204), discard("sample_rate", "transaction", 3), discard("before_send", "span", 1)]);
  expect(lines.map((line) => `${line.amount} · ${line.reason}`)).toEqual(["1\u202f204 errors, 1 span · before_send", "3 transactions · sample_rate"]);
  expect(lines.every((line) => line.meaning.endsWith(".") && line.advice !== "")).toBe(true);
});

it("keeps a relay's doing apart from the SDK's, and admits what it does not know", () => {
  const lines = discardLines([discard("before_send", "error", 2, "rate_limited"), discard("constructor", "error", 1), discard("x", "error", 0)]);
  expect(lines.map((line) => line.meaning)).toEqual(["A relay on the way kept it back for a limit.", "The SDK gives no reason that is known here."]);
});

it("keeps the unit of what is counted by bytes", () => {
  const lines = discardLines([discard("a", "attachment", 41_943_040), discard("a", "log_byte", 12), discard("a", "trace_metric_byte", 1500), discard("a", "attachment_item", 2)]);
  expect(lines[0]?.amount).toBe("41.9\u202fMB of attachments, 12\u202fB of logs, 1.50\u202fkB of trace metrics, 2 attachment items");
});
