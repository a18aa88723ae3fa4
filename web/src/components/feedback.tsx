// What a person wrote: the words, who they are, and what they were about. Text nodes only; an address becomes a link
// only when it is one.

import type { FeedbackView } from "../api/types";
import { dateTime, plural } from "../lib/format";
import { eventPath, feedbackPath, safeHref, tracePath } from "../lib/urls";
import { Ago } from "./marks";

/** One @, no blanks, nothing that a mail program could take for more than an address. */
const EMAIL = /^[^\s@<>()[\]\\,;:"?&#%]+@[^\s@<>()[\]\\,;:"?&#%]+$/;

export function mailto(email: string | null): string | null {
  return email !== null && EMAIL.test(email) ? `mailto:${email}` : null;
}

export function Who({ row }: { row: FeedbackView }) {
  const href = mailto(row.email);
  if (row.name === null && row.email === null) return <span class="who quiet">Somebody</span>;
  return (
    <span class="who">
      {row.name !== null && <b>{row.name}</b>}
      {row.email !== null && (href ? <a href={href}>{row.email}</a> : <bdi>{row.email}</bdi>)}
    </span>
  );
}

/** Where it happened and what it is about, with links that lead somewhere. */
export function About({ row, withIssue = true }: { row: FeedbackView; withIssue?: boolean }) {
  const href = row.url === null ? null : safeHref(row.url);
  return (
    <ul class="voice-about">
      {withIssue && row.issue && row.event_id !== null && (
        <li class="issue">
          <a href={eventPath(row.issue.short_id, row.event_id)}>
            <span class="short-id">{row.issue.short_id}</span> {row.issue.title}
          </a>
        </li>
      )}
      {withIssue && !row.issue && row.event_id !== null && (
        <li class="quiet" title="The event it is about has not arrived; when it does, it is linked here">
          {"about event "}
          <code>{row.event_id.slice(0, 8)}</code>, not here
        </li>
      )}
      {row.trace_id !== null && row.has_trace && (
        <li>
          <a href={tracePath(row.trace_id, row.span_id)}>Trace</a>
        </li>
      )}
      {row.url !== null && (
        <li class="url">
          {href ? (
            <a href={href} target="_blank" rel="noopener noreferrer">
              {row.url}
            </a>
          ) : (
            <bdi>{row.url}</bdi>
          )}
        </li>
      )}
      {row.environment !== null && <li>{row.environment}</li>}
      {row.release !== null && <li class="mono">{row.release}</li>}
    </ul>
  );
}

/** A row of the list. */
export function Voice({ row, isCurrent }: { row: FeedbackView; isCurrent: boolean }) {
  return (
    <li class={`voice${isCurrent ? " current" : ""}`} data-row={row.feedback_id}>
      <p class="voice-words">
        <a class="row-link" href={feedbackPath(row.feedback_id)}>
          {row.message === "" ? "(no words)" : row.message}
        </a>
      </p>
      <div class="voice-line">
        <Who row={row} />
        <Ago ms={row.timestamp_ms} />
        <About row={row} />
      </div>
    </li>
  );
}

/** Beside the event they are about. */
export function Voices({ rows }: { rows: readonly FeedbackView[] }) {
  return (
    <ol class="voices beside" aria-label={plural(rows.length, "message")}>
      {rows.map((row) => (
        <li key={row.feedback_id} class="voice">
          <p class="voice-words whole">{row.message === "" ? "(no words)" : row.message}</p>
          <div class="voice-line">
            <Who row={row} />
            <span title={dateTime(row.timestamp_ms)}>
              <Ago ms={row.timestamp_ms} />
            </span>
            <About row={row} withIssue={false} />
          </div>
        </li>
      ))}
    </ol>
  );
}
