// What people wrote: a list to read through, newest first, and each message with what came along.

import { useResource } from "../api/client";
import { useLive } from "../api/live";
import { useValues } from "../api/use-values";
import type { FeedbackListView, FeedbackOneView, FeedbackView } from "../api/types";
import type { PageProps } from "../app";
import { Teach } from "../components/code-box";
import { SearchBox } from "../components/controls";
import { Contexts } from "../components/event-sections";
import { About, Voice, Who } from "../components/feedback";
import { ListEnd, NewBar } from "../components/filters";
import { useListKeys } from "../components/list-keys";
import { Ago } from "../components/marks";
import { useNewRows } from "../components/new-rows";
import { isNotHere, NotHere } from "../components/not-here";
import { usePaged } from "../components/paged";
import { ScopeBar } from "../components/scope-bar";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, SkeletonRows } from "../components/states";
import { KeyValues } from "../components/values";
import { dateTime, oneLine } from "../lib/format";
import { isNarrowed, scopeOf } from "../lib/scope";
import { crashPage } from "../lib/snippets";
import { feedbackPath, issuePath, withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { ownDsn } from "../state";

const read = (view: FeedbackListView) => ({ rows: view.feedback, next: view.next_cursor, total: null });
const keyOf = (row: FeedbackView) => row.feedback_id;

export function FeedbackPage() {
  const params = query.value;
  const api = scopeOf(params);
  for (const key of ["issue", "query"] as const) {
    const value = params.get(key);
    if (value) api.set(key, value);
  }
  const path = api.size > 0 ? `/api/ui/feedback?${api}` : "/api/ui/feedback";
  const list = usePaged<FeedbackListView, FeedbackView>(path, read);
  const { unseen, check, apply } = useNewRows(list, path, keyOf, "message");
  // An event that arrives after a message about it gives the message its issue.
  useLive({ feedback: check, issue: check, resync: check });
  const rows = list.rows;
  const { current } = useListKeys("feedback", rows?.map(keyOf) ?? [], feedbackPath, apply);
  const change = (changes: Record<string, string | null>) => navigate(`/feedback${withQuery(place.value.search, changes)}`, { replace: true });
  const text = params.get("query") ?? "";
  const issue = params.get("issue") ?? "";
  const project = params.get("project");
  // A message is of the same environment and release as the errors beside it.
  const environments = useValues("issues", "environment", project);
  const releases = useValues("issues", "release", project);
  const isFiltered = text !== "" || issue !== "" || isNarrowed(params);
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Feedback" />
        <ScopeBar params={params} environments={environments} releases={releases} onChange={change} />
      </header>
      <div class="toolbar">
        <SearchBox value={text} label="Search feedback" placeholder="Words, name or email" onChange={(value) => change({ query: value })} />
      </div>
      {(issue !== "" || apply) && (
        <div class="filter-line">
          {issue === "" ? (
            <span />
          ) : (
            <p class="of-issue">
              About <a href={issuePath(issue)}>{issue}</a>{" "}
              <button type="button" class="link" onClick={() => change({ issue: null })}>
                Show all
              </button>
            </p>
          )}
          <NewBar unseen={unseen} noun="message" apply={apply} />
        </div>
      )}
      {list.error && <LoadError error={list.error} what="The feedback" hasData={rows !== undefined} onRetry={() => void list.reload()} />}
      {rows === undefined && !list.error && <SkeletonRows rows={8} height={72} />}
      {rows?.length === 0 && <NoFeedback isFiltered={isFiltered} onClear={() => navigate("/feedback", { replace: true })} />}
      {rows && rows.length > 0 && (
        <>
          <ol class="voices">
            {rows.map((row) => (
              <Voice key={row.feedback_id} row={row} isCurrent={current === row.feedback_id} />
            ))}
          </ol>
          <ListEnd list={list} noun="message" />
        </>
      )}
    </div>
  );
}

function NoFeedback({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  if (isFiltered)
    return (
      <Empty title="No message matches">
        <p class="buttons">
          <button type="button" class="button primary" onClick={onClear}>
            Show all
          </button>
        </p>
      </Empty>
    );
  return (
    <>
      <Empty title="Nobody has written yet">
        <p>Let the people who meet an error say what they were doing. Their words stand beside the error here.</p>
      </Empty>
      <Teach snippets={crashPage(ownDsn(), location.origin)} />
    </>
  );
}

export function FeedbackOnePage({ params }: PageProps) {
  const id = params.feedbackId ?? "";
  const { data, error, reload } = useResource<FeedbackOneView>(`/api/ui/feedback/${encodeURIComponent(id)}`);
  useLive({ feedback: reload, issue: () => data && !data.feedback.issue && reload(), resync: reload });
  if (!data && isNotHere(error))
    return (
      <div class="page">
        <NotHere title="There is no such message" href="/feedback" back="All feedback" />
      </div>
    );
  const row = data?.feedback;
  const detail = data?.detail;
  return (
    <div class="page">
      <header class="page-head">
        <p class="crumbs">
          <a href="/feedback">Feedback</a> <span aria-hidden="true">/</span> <span class="mono">{id.slice(0, 8)}</span>
        </p>
      </header>
      {error && <LoadError error={error} what="The message" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={6} height={36} />}
      {row && (
        <article class="voice-page">
          <PageTitle title={oneLine(row.message, 80) || "Feedback"} class="offscreen" />
          <blockquote class="voice-words whole">{row.message === "" ? "(no words)" : row.message}</blockquote>
          <div class="voice-line">
            <Who row={row} />
            <span>
              <Ago ms={row.timestamp_ms} /> <span class="exact">{dateTime(row.timestamp_ms)}</span>
            </span>
          </div>
          <About row={row} />
          {row.replay_id !== null && (
            <p class="quiet">
              Replay <code>{row.replay_id}</code>
            </p>
          )}
        </article>
      )}
      {detail && detail.tags.length > 0 && (
        <section class="event-section">
          <h2>Tags</h2>
          <KeyValues pairs={detail.tags} />
        </section>
      )}
      {detail && detail.contexts.some(({ name }) => name !== "feedback") && (
        <section class="event-section">
          <h2>Contexts</h2>
          <Contexts detail={{ ...detail, contexts: detail.contexts.filter(({ name }) => name !== "feedback") }} />
        </section>
      )}
    </div>
  );
}
