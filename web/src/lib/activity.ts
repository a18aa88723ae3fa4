// What happened to an issue, in words: who did what, and what a status means. Pure: the clock is an argument.

import type { ActivityEntry } from "../api/issue-types";
import type { IssueRow, StatusDetailView } from "../api/issues-types";
import { age, ago, count, dateTime, left, oneLine, plural } from "./format";

export const STATUS_WORDS: Record<string, string | undefined> = { unresolved: "Open", resolved: "Resolved", ignored: "Ignored" };

/** "Resolved in the next release by Tanja, 2 h ago", "Ignored until 100 more events, 37 so far" */
export function statusWords(issue: Pick<IssueRow, "status" | "substatus" | "status_detail">, nowMs: number): string {
  const { status, substatus, status_detail: detail } = issue;
  if (status === "unresolved") return substatus === "regressed" ? "Open again after it was resolved" : "Open";
  const word = STATUS_WORDS[status] ?? status;
  if (!detail) return word;
  const until = untilWords(detail, nowMs);
  const by = detail.by ? ` by ${detail.by}` : "";
  return `${word}${until === "" ? "" : ` ${until}`}${by}, ${ago(detail.at_ms, nowMs)}${progress(detail)}`;
}

function untilWords(detail: StatusDetailView, nowMs: number): string {
  const { kind, release, until_ms: until, count: wanted } = detail;
  switch (kind) {
    case "next_release":
      return "in the next release";
    case "release":
      return release ? `in ${release}` : "in a release";
    case "forever":
      return "for good";
    case "until_time":
      return until === null ? "for a while" : until <= nowMs ? "for a while that is over" : `for ${left(until - nowMs)} more`;
    case "until_events":
      return wanted === null ? "until there are more events" : `until ${plural(wanted, "more event")}`;
    case "until_users":
      return wanted === null ? "until there are more users" : `until ${plural(wanted, "more user")}`;
    default:
      return "";
  }
}

function progress({ kind, count: wanted, seen }: StatusDetailView): string {
  return wanted !== null && seen !== null && (kind === "until_events" || kind === "until_users") ? ` · ${count(seen)} so far` : "";
}

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

/** What stands behind the name of whoever did it. */
export function activityWords({ kind, detail }: Pick<ActivityEntry, "kind" | "detail">): string {
  const release = text(detail.release);
  const to = text(detail.to);
  const other = [text(detail.short_id), oneLine(text(detail.title), 120)].filter(Boolean).join(" ");
  const survivor = text(detail.into_short_id);
  switch (kind) {
    case "first_seen":
      return release ? `First seen in ${release}` : "First seen";
    case "resolved":
      return text(detail.kind) === "next_release" ? "resolved it in the next release" : release ? `resolved it in ${release}` : "resolved it";
    case "unresolved":
      return text(detail.was) === "ignored" ? "opened it again, which had been ignored" : "opened it again";
    case "regressed":
      return release ? `Came back in ${release}` : "Came back after it was resolved";
    case "ignored":
      return `ignored it${ignoredUntil(detail)}`;
    case "unignored":
      return `Stopped being ignored: ${wakeWords(detail)}`;
    case "assigned":
      return to ? `assigned it to ${to}` : "took the assignment away";
    case "priority":
      return `set the priority to ${to || "another one"}`;
    case "bookmarked":
      return detail.on === false ? "took the bookmark away" : "bookmarked it";
    case "merged":
      if (survivor) return `merged it into ${survivor}`;
      return other ? `merged ${other} into it` : "merged another issue into it";
    case "unmerged":
      return other ? `took ${other} out of it` : "took it out of the issue it was merged into";
    case "deleted":
      return "deleted it";
    case "comment":
      return "wrote";
    default:
      return kind.replaceAll("_", " ");
  }
}

function wakeWords(detail: Record<string, unknown>): string {
  const wanted = Number(text(detail.count) || 0);
  switch (text(detail.reason)) {
    case "time":
      return "the time is over";
    case "events":
      return wanted > 0 ? `${plural(wanted, "event")} came` : "so many events came";
    case "users":
      return wanted > 0 ? `it met ${plural(wanted, "more user")}` : "it met so many users";
    default:
      return "what was waited for has happened";
  }
}

function ignoredUntil(detail: Record<string, unknown>): string {
  const wanted = Number(text(detail.count) || 0);
  const until = Number(text(detail.until_ms) || 0);
  const minutes = Number(text(detail.window_minutes) || 0);
  const within = minutes > 0 ? ` within ${age(0, minutes * 60_000)}` : "";
  switch (text(detail.kind)) {
    case "until_events":
      return wanted > 0 ? ` until ${plural(wanted, "more event")}${within}` : "";
    case "until_users":
      return wanted > 0 ? ` until ${plural(wanted, "more user")}${within}` : "";
    case "until_time":
      return until > 0 ? ` until ${dateTime(until).slice(0, 16)}` : "";
    case "forever":
      return " for good";
    default:
      return "";
  }
}

/** What the server itself noticed, which nobody did. */
export const isByItself = (kind: string): boolean => ["first_seen", "regressed", "unignored"].includes(kind);
