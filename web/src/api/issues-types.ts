// What people do with issues, as the server takes and answers it. What the server generates is in types.ts.

import type { IssueListView, IssueRowView } from "./types";

export type Priority = "low" | "medium" | "high";

/** Until when, or from when on, a resolved or ignored issue stays so. */
export type StatusDetailView = {
  kind: "now" | "next_release" | "release" | "forever" | "until_time" | "until_events" | "until_users";
  release: string | null;
  until_ms: number | null;
  count: number | null;
  /** How many of `count` there have been. */
  seen: number | null;
  /** Only those within so long count; `null`: all from then on. */
  window_minutes: number | null;
  by: string | null;
  at_ms: number;
};

export type IssueRow = IssueRowView & {
  substatus: "new" | "regressed" | "ongoing" | "";
  status_detail: StatusDetailView | null;
  assignee: string | null;
  priority: Priority;
  is_bookmarked: boolean;
  comment_count: number;
  merged_count: number;
  /** When people or the server last made something else of it; goes back with an action as `seen_ms`. */
  changed_ms: number;
};

export type IssueList = Omit<IssueListView, "issues"> & { issues: IssueRow[]; releases: string[]; partial: string | null };

export type IssueCounts = { open: number; new: number; regressed: number; ignored: number; resolved: number; all: number };

export type IssueAction =
  | { kind: "resolve"; in: "now" | "next_release" | "release"; release?: string }
  | { kind: "ignore"; until: "forever" | "time" | "events" | "users"; until_ms?: number; count?: number; window_minutes?: number }
  | { kind: "unresolve" }
  | { kind: "assign"; to: string | null }
  | { kind: "priority"; priority: Priority }
  | { kind: "bookmark"; on: boolean }
  | { kind: "merge"; into: string }
  | { kind: "unmerge"; from: string }
  | { kind: "delete" }
  | { kind: "discard" };

export type ActionAnswer = { changed: number; undo: string | null; problems: { id: string; detail: string }[] };
export type UndoAnswer = { changed: number };
export type PeopleView = { names: string[] };

export type Completion = { insert: string; label: string; note: string; count: number | null };
export type CompletionView = { from: number; to: number; context: "key" | "value" | "none"; items: Completion[]; is_partial: boolean };
