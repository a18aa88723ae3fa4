import { describe, expect, it } from "vitest";
import type { ActivityEntry } from "../api/issue-types";
import type { IssueRow, StatusDetailView } from "../api/issues-types";
import { activityWords, statusWords } from "./activity";

const NOW = 1_763_700_000_000;
const detail = (over: Partial<StatusDetailView>): StatusDetailView => ({ kind: "now", release: null, until_ms: null, count: null, seen: null, window_minutes: null, by: null, at_ms: NOW - 2 * 3_600_000, ...over });
const words = (status: string, over: Partial<StatusDetailView> | null, substatus: IssueRow["substatus"] = "") => statusWords({ status, substatus, status_detail: over && detail(over) }, NOW).replaceAll("\u202f", " ");

describe("a status says until when, by whom and since when", () => {
  it.each([
    ["unresolved", null, "Open"],
    ["resolved", null, "Resolved"],
    ["resolved", { by: "Tanja", kind: "next_release" }, "Resolved in the next release by Tanja, 2 h ago"],
    ["resolved", { kind: "release", release: "1.4.3" }, "Resolved in 1.4.3, 2 h ago"],
    ["ignored", { kind: "until_events", count: 100, seen: 37 }, "Ignored until 100 more events, 2 h ago · 37 so far"],
    ["ignored", { kind: "until_users", count: 1, seen: 0, by: "Bo" }, "Ignored until 1 more user by Bo, 2 h ago · 0 so far"],
    ["ignored", { kind: "until_time", until_ms: NOW + 3 * 86_400_000 }, "Ignored for 3 d more, 2 h ago"],
    ["ignored", { kind: "until_time", until_ms: NOW + 3_600_000 - 300 }, "Ignored for 1 h more, 2 h ago"],
    ["ignored", { kind: "until_time", until_ms: NOW + 59 * 60_000 - 300 }, "Ignored for 59 min more, 2 h ago"],
    ["ignored", { kind: "until_time", until_ms: NOW - 1 }, "Ignored for a while that is over, 2 h ago"],
    ["ignored", { kind: "forever" }, "Ignored for good, 2 h ago"],
  ] as const)("%s %j", (status, over, expected) => expect(words(status, over)).toBe(expected));
  it("one that came back says so", () => expect(words("unresolved", null, "regressed")).toBe("Open again after it was resolved"));
});

describe("what was done", () => {
  const entry = (kind: string, about: Record<string, unknown> = {}): ActivityEntry => ({ id: "1", at_ms: 0, by: null, kind, text: null, edited_ms: null, detail: about });
  it.each([
    [entry("first_seen", { release: "1.4.1" }), "First seen in 1.4.1"],
    [entry("resolved", { kind: "next_release", release: "1.4.1" }), "resolved it in the next release"],
    [entry("resolved", { kind: "release", release: "1.4.1" }), "resolved it in 1.4.1"],
    [entry("ignored", { kind: "until_events", count: 100, window_minutes: 60 }), "ignored it until 100 more events within 1 h"],
    [entry("ignored", { kind: "forever" }), "ignored it for good"],
    [entry("unresolved", { was: "ignored" }), "opened it again, which had been ignored"],
    [entry("unresolved"), "opened it again"],
    [entry("unignored", { reason: "events", count: 10 }), "Stopped being ignored: 10 events came"],
    [entry("unignored", { reason: "time" }), "Stopped being ignored: the time is over"],
    [entry("assigned", { to: "Tanja", from: null }), "assigned it to Tanja"],
    [entry("assigned", { to: null, from: "Tanja" }), "took the assignment away"],
    [entry("priority", { to: "high", from: "low" }), "set the priority to high"],
    [entry("bookmarked", { on: false }), "took the bookmark away"],
    [entry("merged", { id: "7", short_id: "SHOP-9", title: "KeyError: 'x'" }), "merged SHOP-9 KeyError: 'x' into it"],
    [entry("merged", { into: "7", into_short_id: "SHOP-3" }), "merged it into SHOP-3"],
    [entry("unmerged", { id: "7", short_id: "SHOP-9", title: "" }), "took SHOP-9 out of it"],
    [entry("something_new"), "something new"],
  ])("%j", (one, expected) => expect(activityWords(one).replaceAll("\u202f", " ")).toBe(expected));
});
