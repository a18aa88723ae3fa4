// What the issue page reads beside the issue and its event: events, tags, history, users, what changed, activity, relatives.

import type { EventNavView } from "./types";
import type { IssueRow } from "./issues-types";

/** Neighbours within the filters. */
export type EventNav = EventNavView & Partial<{
  recommended: string | null;
  total: number | null;
  /** 1 is the oldest that matches. */
  position: number | null;
}>;

export type EventRow = {
  event_id: string;
  timestamp_ms: number;
  title: string;
  level: string;
  release: string | null;
  environment: string | null;
  user: string | null;
  trace_id: string | null;
  transaction: string | null;
  server_name: string | null;
};
export type EventListView = {
  events: EventRow[];
  next_cursor: string | null;
  total: number | null;
  /** Events of before are still being made searchable. */
  is_partial: boolean;
};

export type TagValueView = {
  value: string;
  count: number;
  last_seen_ms: number;
  /** Of the project's other events; only told when asked for. */
  rest_share: number | null;
  lift: number | null;
};
export type TagView = {
  key: string;
  distinct: number;
  /** Events without it. */
  missing: number;
  /** The ten most frequent. */
  values: TagValueView[];
  /** Events with none of these values. */
  other: number;
};
/** `next_cursor`: more values, when one tag was asked for. */
export type TagsView = { events: number; is_partial: boolean; tags: TagView[]; left_out: number; next_cursor: string | null };

export type HistoryView = {
  unit: "minute" | "five_minutes" | "hour" | "day";
  start_ms: number;
  step_ms: number;
  counts: number[];
  /** When a release of the project was first seen. */
  releases: { version: string; at_ms: number }[];
  is_partial: boolean;
};

export type IssueUsersView = { count: number; is_partial: boolean; users: { label: string; count: number; last_seen_ms: number }[] };

export type ChangesView = {
  since_ms: number;
  /** What is compared with what, in one sentence. */
  basis: string;
  items: ChangeView[];
};
export type ChangeView = {
  /** `release`, `environment`, `server`, `flag`, `package`, `tag`. */
  kind: string;
  key: string;
  before: string | null;
  after: string | null;
  share_before: number | null;
  share_after: number | null;
  lift: number | null;
  sentence: string;
};

export type ActivityEntry = {
  id: string;
  at_ms: number;
  by: string | null;
  kind: string;
  /** Of a comment. */
  text: string | null;
  edited_ms: number | null;
  detail: Record<string, unknown>;
};
export type ActivityView = { entries: ActivityEntry[] };

export type MergedView = { members: MergedMember[] };
export type MergedMember = { id: string; short_id: string; title: string; event_count: number; last_seen_ms: number; hash: string };

export type SimilarView = { issues: { row: IssueRow; score: number; reasons: string[] }[] };
