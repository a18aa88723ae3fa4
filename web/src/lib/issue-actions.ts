// What an action makes of an issue, and how it is said: drawn before the server has answered, and undone the same way. Pure.

import type { IssueAction, IssueRow, Priority, StatusDetailView } from "../api/issues-types";
import { age, count, left, plural } from "./format";

/** As many as one request may name. */
export const ACT_MAX = 1000;

export const PRIORITIES: readonly Priority[] = ["high", "medium", "low"];

/** The row as it will be; `null` when it will not be in any list. */
export function applied(row: IssueRow, action: IssueAction, by: string, nowMs: number): IssueRow | null {
  const detail = (over: Partial<StatusDetailView> & Pick<StatusDetailView, "kind">): StatusDetailView => ({ release: null, until_ms: null, count: null, seen: null, window_minutes: null, by: by || null, at_ms: nowMs, ...over });
  switch (action.kind) {
    case "resolve":
      return { ...row, status: "resolved", substatus: "", status_detail: detail({ kind: action.in, release: action.release ?? null }) };
    case "ignore": {
      const kind = action.until === "forever" ? "forever" : (`until_${action.until}` as const);
      return { ...row, status: "ignored", substatus: "", status_detail: detail({ kind, until_ms: action.until_ms ?? null, count: action.count ?? null, seen: action.count === undefined ? null : 0, window_minutes: action.window_minutes ?? null }) };
    }
    case "unresolve":
      return { ...row, status: "unresolved", substatus: "ongoing", status_detail: null };
    case "assign":
      return { ...row, assignee: action.to };
    case "priority":
      return { ...row, priority: action.priority };
    case "bookmark":
      return { ...row, is_bookmarked: action.on };
    case "merge":
      return row.id === action.into || row.short_id === action.into ? row : null;
    case "unmerge":
      return row;
    case "delete":
    case "discard":
      return null;
  }
}

/** `is:` words that say which status a row must have to be in a list. */
const STATUS_OF: Record<string, (row: IssueRow) => boolean> = {
  unresolved: (row) => row.status === "unresolved",
  open: (row) => row.status === "unresolved",
  resolved: (row) => row.status === "resolved",
  ignored: (row) => row.status === "ignored",
  archived: (row) => row.status === "ignored",
  muted: (row) => row.status === "ignored",
  new: (row) => row.status === "unresolved" && row.substatus === "new",
  regressed: (row) => row.status === "unresolved" && row.substatus === "regressed",
  assigned: (row) => row.assignee !== null,
  unassigned: (row) => row.assignee === null,
};

/** Whether a row still belongs to a list of `is:` words after something was done to it; the server says the rest. */
export function belongs(row: IssueRow, states: readonly string[]): boolean {
  return states.every((state) => STATUS_OF[state]?.(row) ?? true);
}

/**
 * The rows of a list of `is:` words after some of them have changed. Those that do not belong any more leave, and `places`
 * keeps where they stood; those that belong again come back there.
 */
export function withChanges(rows: readonly IssueRow[], changed: ReadonlyMap<string, IssueRow | null>, states: readonly string[], places: Map<string, number>): IssueRow[] {
  const kept: IssueRow[] = [];
  for (const [index, row] of rows.entries()) {
    const next = changed.get(row.id);
    if (next === undefined) kept.push(row);
    else if (next !== null && belongs(next, states)) kept.push(next);
    else places.set(row.id, index);
  }
  const here = new Set(kept.map(({ id }) => id));
  const place = ({ id }: IssueRow) => places.get(id) ?? 0;
  const back = [...changed.values()].filter((row): row is IssueRow => row !== null && !here.has(row.id) && places.has(row.id) && belongs(row, states));
  for (const row of back.toSorted((a, b) => place(a) - place(b))) {
    kept.splice(place(row), 0, row);
    places.delete(row.id);
  }
  return kept;
}

const several = (n: number, name: string) => (n === 1 ? name : plural(n, "issue"));

/** What was done, for the toast and the screen reader. `name` is the short id of the only one. */
export function doneWords(action: IssueAction, n: number, name: string, nowMs: number): string {
  const what = several(n, name);
  switch (action.kind) {
    case "resolve":
      return action.in === "next_release" ? `${what} resolved in the next release` : action.in === "release" ? `${what} resolved in ${action.release ?? "a release"}` : `${what} resolved`;
    case "ignore":
      return `${what} ignored${untilWords(action, nowMs)}`;
    case "unresolve":
      return `${what} reopened`;
    case "assign":
      return action.to === null ? `${what} assigned to nobody` : `${what} assigned to ${action.to}`;
    case "priority":
      return `${what}: priority ${action.priority}`;
    case "bookmark":
      return action.on ? `${what} bookmarked` : `Bookmark of ${what} removed`;
    case "merge":
      return `${plural(n + 1, "issue")} merged`;
    case "unmerge":
      return `${what} taken out`;
    case "delete":
      return `${what} deleted`;
    case "discard":
      return `${what} deleted, and what comes of ${n === 1 ? "it" : "them"} is dropped`;
  }
}

function untilWords(action: Extract<IssueAction, { kind: "ignore" }>, nowMs: number): string {
  const within = action.window_minutes === undefined ? "" : ` within ${span(action.window_minutes * 60_000)}`;
  if (action.until === "time" && action.until_ms !== undefined) return ` for ${span(action.until_ms - nowMs)}`;
  if (action.until === "events") return ` until ${plural(action.count ?? 1, "more event")}${within}`;
  if (action.until === "users") return ` until ${plural(action.count ?? 1, "more user")}${within}`;
  return "";
}

/** `3 d`, also for times that lie ahead: rounded, as a wish is. */
export function span(ms: number): string {
  return age(0, Math.max(60_000, Math.round(ms / 60_000) * 60_000));
}

/** The state of an issue in a few words, for its badge: `ignored until 100 more events (12 so far)`. */
export function stateWords(row: Pick<IssueRow, "status" | "status_detail">, nowMs: number): string {
  const { status, status_detail: detail } = row;
  if (status === "unresolved") return "open";
  if (!detail) return status;
  switch (detail.kind) {
    case "next_release":
      return "resolved in next release";
    case "release":
      return `resolved in ${detail.release ?? "a release"}`;
    case "until_time":
      return detail.until_ms === null ? status : `ignored for ${left(detail.until_ms - nowMs)}`;
    case "until_events":
    case "until_users": {
      const noun = detail.kind === "until_events" ? "event" : "user";
      const seen = detail.seen === null || detail.count === null ? "" : `${count(detail.seen)} of `;
      const within = detail.window_minutes === null ? "" : ` in ${span(detail.window_minutes * 60_000)}`;
      return `ignored until ${seen}${plural(detail.count ?? 1, noun)}${within}`;
    }
    default:
      return status;
  }
}

export type IgnoreChoice = { label: string; action: Extract<IssueAction, { kind: "ignore" }> };
const HOUR = 3_600_000;

/** What the menu offers without asking anything. */
export function ignoreChoices(nowMs: number): { times: IgnoreChoice[]; counts: IgnoreChoice[] } {
  const time = (label: string, ms: number): IgnoreChoice => ({ label, action: { kind: "ignore", until: "time", until_ms: nowMs + ms } });
  return {
    times: [time("For 1 hour", HOUR), time("For 1 day", 24 * HOUR), time("For 1 week", 168 * HOUR), time("For 30 days", 720 * HOUR)],
    counts: [
      { label: "Until 10 more events", action: { kind: "ignore", until: "events", count: 10 } },
      { label: "Until 100 more events", action: { kind: "ignore", until: "events", count: 100 } },
      { label: "Until 100 events within 1 hour", action: { kind: "ignore", until: "events", count: 100, window_minutes: 60 } },
      { label: "Until 10 more users", action: { kind: "ignore", until: "users", count: 10 } },
    ],
  };
}
