// Outcome counters as sentences: what was kept, what was not, and why. Pure.

import type { OutcomeView } from "../api/types";
import { count } from "./format";

const REASONS: readonly (readonly [string, string])[] = [
  ["accepted", "Kept"],
  ["duplicate", "Received twice, kept once"],
  ["folded", "Told again by a span or a log, counted once"],
  ["filtered", "Dropped by filters"],
  ["rate_limited", "Over a limit"],
  ["replaced", "Sent again, the last word kept"],
  ["not_kept", "Not kept by this version"],
  ["browser_extension", "Caused by a visitor's browser extension"],
  ["local_page", "Of a page that is not on the web"],
  ["invalid", "Could not be understood"],
  ["too_large", "Over a size limit"],
  ["too_old", "Too long ago to be counted"],
  ["discarded", "Of a bug that was discarded"],
  ["too_many", "Over a limit on how many there may be"],
  ["not_stored", "Failed in the database: see the server's log"],
  ["bad_key", "Refused for a missing, wrong or disabled key"],
  ["undecodable", "Refused because nothing in it could be read"],
  ["unknown_encoding", "Refused for a compression or content type that is not understood"],
  ["wrong_address", "Refused because nothing takes it at that address"],
  ["too_slow", "Refused because it came too slowly"],
  ["busy", "Refused because there was no room at that moment"],
  ["server_error", "Failed in the server: see its log"],
];

const PLAIN = new Set(["event", "attachment_item", "transaction_processed", "profile_indexed", "profile_chunk_ui", "error", "default", "monitor", "log_item", "metric_bucket", "profile_duration", "span_indexed", "transaction_indexed", "transaction", "span", "log", "metric", "attachment", "profile_chunk", "replay_event", "replay_recording", "replay_video", "envelope", "request", "item", "check_in_field", "client_report_field"]);
const ONE: Record<string, string> = { check_in: "check-in", check_in_field: "check-in field", trace_metric: "metric", security: "security report", sdk_delivery: "span of an SDK's own request" };
const MANY: Record<string, string> = { session: "sessions", session_update: "session updates", sdk_delivery: "spans of SDKs' own requests", check_in: "check-ins", check_in_field: "check-in fields", client_report: "client reports", statsd: "metrics", profile: "profiles", replay: "replays", trace_metric: "metrics", feedback: "feedback", security: "security reports" };


export function named(category: string, n: number): string {
  const words = category.replaceAll("_", " ");
  // A name nobody knows is shown as it was sent.
  if (!(category in MANY) && !PLAIN.has(category)) return `${count(n)} × ${category}`;
  return `${count(n)} ${n === 1 ? (ONE[category] ?? words) : (MANY[category] ?? (words.endsWith("s") ? words : `${words}s`))}`;
}

/** In a fixed order, largest first within; reasons we do not know come last under their own name. */
export function outcomeLines(outcomes: readonly OutcomeView[]): { reason: string; title: string; parts: string[] }[] {
  const byReason = new Map<string, OutcomeView[]>();
  for (const outcome of outcomes) if (outcome.quantity > 0) byReason.set(outcome.reason, [...(byReason.get(outcome.reason) ?? []), outcome]);
  const known = REASONS.map(([reason]) => reason);
  const order = [...known, ...[...byReason.keys()].filter((reason) => !known.includes(reason))];
  return order.flatMap((reason) => {
    const list = byReason.get(reason);
    if (!list) return [];
    const title = REASONS.find(([key]) => key === reason)?.[1] ?? reason.replaceAll("_", " ");
    return [{ reason, title, parts: list.toSorted((a, b) => b.quantity - a.quantity).map((o) => named(o.category, o.quantity)) }];
  });
}
