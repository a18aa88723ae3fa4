// What SDKs did not send, as sentences: which words they use, what those mean, and what one can do about it. Pure.

import type { ClientDiscardView } from "../api/types";
import { bytes } from "./format";
import { named } from "./outcomes";

export type DiscardLine = { key: string; reason: string; amount: string; meaning: string; advice: string };

/** Meaning and advice of every reason SDKs are known to give; the advice may be that all is well. */
const REASONS: Record<string, readonly [string, string]> = {
  before_send: ["A before_send hook of the application returned nothing.", "That is what the hook is for; look into it if you miss something."],
  event_processor: ["An event processor or an integration of the application dropped it.", "Look for add_event_processor, and for integrations that filter."],
  sample_rate: ["Not chosen by sample_rate, traces_sample_rate or a sampler.", "Raise the rate to keep more."],
  ignored: ["It matched a list of things to ignore, such as ignore_errors or ignore_spans.", "Take the entry out to keep it."],
  no_parent_span: ["A span began while no transaction was running.", "Start a transaction around the work to see it."],
  queue_overflow: ["The SDK's queue was full: more came in than it could send.", "Look for a burst of errors, or for something slow between the application and this server."],
  buffer_overflow: ["The SDK's buffer of logs, metrics or spans was full.", "Send less, or flush more often."],
  cache_overflow: ["The SDK's cache on disk was full, so the oldest were dropped.", "The application was offline for long, or its cache is small."],
  backpressure: ["The SDK lowered its sampling rate because it could not keep up.", "Lower traces_sample_rate, or look for what is slow."],
  ratelimit_backoff: ["A server asked the SDK to pause, and it did.", "Look for 429 among the requests below, or for a limit of a proxy."],
  network_error: ["The request did not arrive.", "Is the DSN's host right, and is a proxy or firewall in between?"],
  send_error: ["A server answered with an error.", "Look for requests below that were refused, with the reason."],
  internal_sdk_error: ["The SDK itself failed.", "Update it; debug=True prints the error."],
  insufficient_data: ["There was too little to make something of it, as with a profile of no samples.", "Usually nothing to do."],
  invalid: ["The SDK held it to be invalid.", "debug=True of the SDK prints why."],
  too_large: ["It was larger than the SDK sends.", "Look for large attachments, variables or request bodies."],
};

const RELAYED: Record<string, readonly [string, string]> = {
  rate_limited: ["A relay on the way kept it back for a limit.", "The limit is set there, not here."],
  filtered: ["A relay on the way filtered it.", "The filter is set there, not here."],
  filtered_sampling: ["A relay on the way did not choose it.", "The sampling rule is set there, not here."],
};

const UNKNOWN = ["The SDK gives no reason that is known here.", "Its documentation on client reports may say more."] as const;

/** What SDKs count by bytes: attachments, and categories that say so. Other categories count things. */
export function discarded(category: string, n: number): string {
  const unit = /^(.+)_bytes?$/.exec(category);
  if (category !== "attachment" && !unit) return named(category, n);
  return `${bytes(n)} of ${(unit?.[1] ?? category).replaceAll("_", " ")}s`;
}

/** One line for each reason, in the order they come (largest first), with all its categories. */
export function discardLines(discards: readonly ClientDiscardView[]): DiscardLine[] {
  const groups = new Map<string, ClientDiscardView[]>();
  for (const discard of discards) {
    if (discard.quantity <= 0) continue;
    const key = `${discard.kind} ${discard.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), discard]);
  }
  return [...groups].flatMap(([key, list]) => {
    const first = list[0];
    if (!first) return [];
    const known = first.kind === "discarded" ? REASONS : RELAYED;
    const word = first.kind === "discarded" ? first.reason : first.kind;
    const [meaning, advice] = Object.hasOwn(known, word) ? (known[word] ?? UNKNOWN) : UNKNOWN;
    return [{ key, reason: first.reason, amount: list.map((one) => discarded(one.category, one.quantity)).join(", "), meaning, advice }];
  });
}
