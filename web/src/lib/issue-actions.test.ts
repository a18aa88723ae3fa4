import { expect, it } from "vitest";
import type { IssueAction, IssueRow } from "../api/issues-types";
import { applied, belongs, doneWords, ignoreChoices, stateWords, withChanges } from "./issue-actions";
import { cleanName, initials, NAME_MAX } from "./who";

const NOW = 1_763_700_000_000;
const row = {
  id: "1", short_id: "SHOP-1", kind: "error", project_slug: "shop", title: "ValueError: x", ty: "ValueError", value: "x", culprit: "", filename: null, function: null, line: null, level: "error", platform: "python", status: "unresolved",
  is_unhandled: true, first_seen_ms: NOW - 5, last_seen_ms: NOW, event_count: 3, user_count: 1, users_in_all: false, first_release: null, last_release: "1.4", hours: [],
  substatus: "regressed", regressed_release: null, status_detail: null, assignee: null, priority: "medium", is_bookmarked: false, comment_count: 0, merged_count: 0, changed_ms: 1,
} satisfies IssueRow as IssueRow;
const after = (action: IssueAction) => applied(row, action, "anna", NOW);

it("draws what an action will do", () => {
  expect(after({ kind: "resolve", in: "next_release" })).toMatchObject({ status: "resolved", substatus: "", status_detail: { kind: "next_release", by: "anna", at_ms: NOW } });
  expect(after({ kind: "resolve", in: "release", release: "2.0" })?.status_detail).toMatchObject({ kind: "release", release: "2.0" });
  expect(after({ kind: "ignore", until: "forever" })).toMatchObject({ status: "ignored", status_detail: { kind: "forever", count: null, seen: null } });
  expect(after({ kind: "ignore", until: "events", count: 100 })?.status_detail).toMatchObject({ kind: "until_events", count: 100, seen: 0 });
  expect(after({ kind: "assign", to: "ben" })?.assignee).toBe("ben");
  expect(after({ kind: "priority", priority: "high" })?.priority).toBe("high");
  expect(after({ kind: "bookmark", on: true })?.is_bookmarked).toBe(true);
  expect(after({ kind: "delete" })).toBe(null);
  expect(after({ kind: "discard" })).toBe(null);
  expect(after({ kind: "merge", into: "1" })).toBe(row);
  expect(after({ kind: "merge", into: "2" })).toBe(null);
  const resolved = after({ kind: "resolve", in: "now" }) as IssueRow;
  expect(applied(resolved, { kind: "unresolve" }, "", NOW)).toMatchObject({ status: "unresolved", status_detail: null });
});

it("knows which lists a row has left", () => {
  const resolved = after({ kind: "resolve", in: "now" }) as IssueRow;
  expect(belongs(row, ["unresolved"])).toBe(true);
  expect(belongs(row, ["regressed"])).toBe(true);
  expect(belongs(row, ["new"])).toBe(false);
  expect(belongs(resolved, ["unresolved"])).toBe(false);
  expect(belongs(resolved, [])).toBe(true);
  expect(belongs(resolved, ["linked"])).toBe(true);
  expect(belongs(row, ["unresolved", "assigned"])).toBe(false);
});

it("takes rows out of a list and puts them back where they stood", () => {
  const rows = ["a", "b", "c", "d", "e"].map((id) => ({ ...row, id }));
  const ids = (list: readonly IssueRow[]) => list.map(({ id }) => id).join("");
  const places = new Map<string, number>();
  const some = rows.filter(({ id }) => id === "b" || id === "d" || id === "e");
  const before = new Map(some.map((one) => [one.id, one]));
  const after = new Map(some.map((one) => [one.id, applied(one, { kind: "resolve", in: "now" }, "", NOW)]));
  const without = withChanges(rows, after, ["unresolved"], places);
  expect(ids(without)).toBe("ac");
  expect(ids(withChanges(without, before, ["unresolved"], places))).toBe("abcde");
  expect(places.size).toBe(0);
  // Elsewhere they leave when it is undone, and a list that never had them does not get them.
  const resolved = rows.map((one) => after.get(one.id) ?? one).filter(({ status }) => status === "resolved");
  expect(ids(withChanges(resolved, before, ["resolved"], new Map()))).toBe("");
  expect(ids(withChanges(rows.slice(0, 1), before, ["unresolved"], new Map()))).toBe("a");
  expect(ids(withChanges(rows, new Map([["c", null]]), [], places))).toBe("abde");
  // In a list of all they stay, changed.
  expect(withChanges(rows, after, [], new Map())[1]?.status).toBe("resolved");
});

it("says what was done", () => {
  expect(doneWords({ kind: "resolve", in: "now" }, 1, "SHOP-1", NOW)).toBe("SHOP-1 resolved");
  expect(doneWords({ kind: "resolve", in: "next_release" }, 3, "SHOP-1", NOW)).toBe("3 issues resolved in the next release");
  expect(doneWords({ kind: "merge", into: "1" }, 2, "SHOP-1", NOW)).toBe("3 issues merged");
  expect(doneWords({ kind: "ignore", until: "users", count: 10 }, 1, "SHOP-1", NOW)).toBe("SHOP-1 ignored until 10 more users");
  for (const { action } of [...ignoreChoices(NOW).times, ...ignoreChoices(NOW).counts]) expect(doneWords(action, 1, "SHOP-1", NOW)).toMatch(/^SHOP-1 ignored (?:for|until) \S/u);
});

it("says the state in a badge", () => {
  const words = (action: IssueAction) => stateWords(after(action) as IssueRow, NOW);
  expect(words({ kind: "resolve", in: "release", release: "2.0" })).toBe("resolved in 2.0");
  expect(words({ kind: "ignore", until: "time", until_ms: NOW + 3 * 3_600_000 })).toBe("ignored for 3\u202fh");
  expect(words({ kind: "ignore", until: "events", count: 100 })).toBe("ignored until 0 of 100 events");
  expect(words({ kind: "ignore", until: "events", count: 5, window_minutes: 60 })).toBe("ignored until 0 of 5 events in 1\u202fh");
  expect(words({ kind: "ignore", until: "forever" })).toBe("ignored");
  expect(stateWords(row, NOW)).toBe("open");
});

it("keeps a name short and on one line", () => {
  expect(cleanName("  Anna\u0000\n Lind \u202e")).toBe("Anna Lind");
  expect(cleanName("x".repeat(500))).toHaveLength(NAME_MAX);
  expect(initials("Anna Lind")).toBe("AL");
  expect(initials("anna")).toBe("AN");
  expect(initials("a.b@example.com")).toBe("AB");
  expect(initials("")).toBe("?");
});
