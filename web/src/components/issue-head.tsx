// The top of an issue's page: what it is, how it stands, what can be done about it, and where it is in its list.

import { useRef, useState } from "preact/hooks";
import { act } from "./act";
import { prefetch, recall, useResource } from "../api/client";
import type { IssueAction, IssueList, IssueRow } from "../api/issues-types";
import type { IssueView } from "../api/types";
import { apiEvent, apiIssue } from "../api/use-issue";
import { useKeys } from "../keys";
import { statusWords } from "../lib/activity";
import { count, oneLine, plural } from "../lib/format";
import { filtersOf, listApi, listHref, neighbourHref, placeIn } from "../lib/issue-place";
import { initials, who } from "../lib/who";
import { navigate, query } from "../router";
import { now } from "../state";
import { Icon } from "./icons";
import { AssignMenu, IgnoreMenu, MoreMenu, priorityItems, PriorityMenu, ResolveMenu } from "./issue-actions";
import { Ago, IssueHeadline, LevelMark } from "./marks";
import { MergeInto } from "./merge-into";
import { isNarrow } from "./narrow";
import { PageTitle } from "./shell";
import { canUndo, undoLast } from "./toast";

export function IssueHead({ view, name, isSample, onChange }: { view: IssueView; name: string; isSample: boolean; onChange: () => void }) {
  // What was just done is drawn before the server has answered; its answer takes the place of it.
  const [patched, setPatched] = useState<{ on: IssueView; row: IssueRow | null } | null>(null);
  const issue = (patched?.on === view ? patched.row : null) ?? (view.issue as IssueRow);
  const params = query.value;
  const list = useResource<IssueList>(listApi(params, who.value));
  const isGone = useRef(false);
  const doIt = (action: IssueAction) =>
    void act([issue], action, {
      patch: (rows) => {
        const row = rows.get(issue.id) ?? null;
        isGone.current = row === null;
        setPatched({ on: view, row });
      },
      refresh: () => {
        list.reload();
        if (!isGone.current) onChange();
        else if (action.kind === "merge") navigate(neighbourHref(action.into, params), { replace: true });
        else navigate(listHref(params));
      },
    });
  return (
    <header class="issue-head">
      <div class="issue-top">
        <div class="crumbs">
          <Place shortId={issue.short_id} list={list.data} />
          <span class="mono">{issue.short_id}</span>
          <LevelMark level={issue.level} withWord />
          <span class={`status status-${issue.status}`}>{statusWords(issue, now.value)}</span>
          {issue.is_unhandled && <span class="badge unhandled">unhandled</span>}
          {isSample && <span class="badge">sample</span>}
        </div>
        <Actions issue={issue} releases={list.data?.releases ?? []} rows={list.data?.issues ?? []} onAct={doIt} />
      </div>
      <PageTitle title={`${name} ${oneLine(issue.title, 80)}`} class="issue-title">
        <bdi>
          <IssueHeadline row={issue} />
        </bdi>
      </PageTitle>
      <p class="issue-where">
        <Where issue={issue} />
      </p>
      <Numbers issue={issue} view={view} />
    </header>
  );
}

function Actions({ issue, releases, rows, onAct }: { issue: IssueRow; releases: readonly string[]; rows: readonly IssueRow[]; onAct: (action: IssueAction) => void }) {
  const assign = useRef<HTMLButtonElement>(null);
  const [isMerging, setMerging] = useState(false);
  const of = [issue];
  useKeys("issue", {
    resolve: () => onAct({ kind: "resolve", in: "now" }),
    ignore: () => onAct({ kind: "ignore", until: "forever" }),
    ...(issue.status === "unresolved" ? {} : { reopen: () => onAct({ kind: "unresolve" }) }),
    assign: () => assign.current?.click(),
    ...(canUndo.value ? { undo: () => void undoLast() } : {}),
  });
  return (
    <div class="issue-actions" role="group" aria-label="Actions">
      <ResolveMenu rows={of} onAct={onAct} releases={releases} />
      <IgnoreMenu rows={of} onAct={onAct} />
      <AssignMenu rows={of} onAct={onAct} buttonRef={assign} {...(isNarrow.value ? { label: issue.assignee ? <span>{initials(issue.assignee)}</span> : <Icon name="person" /> } : issue.assignee ? { label: <bdi class="assignee">{issue.assignee}</bdi> } : {})} />
      {!isNarrow.value && <PriorityMenu rows={of} onAct={onAct} />}
      {!isNarrow.value && <button
        type="button"
        class={`icon-button bookmark${issue.is_bookmarked ? " is-on" : ""}`}
        aria-pressed={issue.is_bookmarked ?? false}
        aria-label="Bookmark"
        title={issue.is_bookmarked ? "Remove the bookmark" : "Bookmark"}
        onClick={() => onAct({ kind: "bookmark", on: !issue.is_bookmarked })}
      >
        <Icon name="bookmark" />
      </button>}
      <MoreMenu rows={of} onAct={onAct} items={[{ label: "Merge into another issue…", run: () => setMerging(true) }, ...(isNarrow.value ? ["Priority", ...priorityItems(of, onAct)] : [])]} />
      {isMerging && <MergeInto issue={issue} rows={rows} onMerge={(into) => onAct({ kind: "merge", into })} onClose={() => setMerging(false)} />}
    </div>
  );
}

/** Where each list's issue stood when it was last seen in it. */
const stood = new Map<string, number>();

function Place({ shortId, list }: { shortId: string; list: IssueList | undefined }) {
  const params = query.value;
  const key = `${listApi(params, who.value)} ${shortId}`;
  // Pages of the list that were read count, too.
  const rows = recall<{ rows: IssueRow[] }>(`paged:${listApi(params, who.value)}`)?.rows ?? list?.issues ?? [];
  const { at, previous, next } = placeIn(rows.map((row) => row.short_id), shortId, stood.get(key) ?? null);
  if (at !== null) stood.set(key, at);
  const go = (to: string | null) => to !== null && navigate(neighbourHref(to, params));
  useKeys("issue", { nextIssue: () => go(next), previousIssue: () => go(previous) });
  const ahead = (to: string) => () => {
    prefetch(apiIssue(to));
    const search = new URL(neighbourHref(to, params), location.href).searchParams;
    prefetch(apiEvent(to, "latest", filtersOf(search)));
  };
  const step = (to: string | null, words: string, icon: "left" | "right") =>
    to === null ? (
      <span class="icon-button small disabled" role="link" aria-disabled="true" aria-label={words}>
        <Icon name={icon} size={14} />
      </span>
    ) : (
      <a class="icon-button small" href={neighbourHref(to, params)} aria-label={`${words}: ${to}`} title={`${words}: ${to}`} onPointerDown={ahead(to)} onFocus={ahead(to)}>
        <Icon name={icon} size={14} />
      </a>
    );
  return (
    <span class="list-place">
      <a href={listHref(params)}>
        <span aria-hidden="true">‹ </span>Issues
      </a>
      {(at !== null || next !== null || previous !== null) && (
        <>
          {step(previous, "Previous issue", "left")}
          <span class="num" aria-label={at === null ? "no longer in the list" : `${at + 1} of ${list?.total ?? 0}`}>
            {`${at === null ? "–" : count(at + 1)}/${count(list?.total ?? 0)}`}
          </span>
          {step(next, "Next issue", "right")}
        </>
      )}
    </span>
  );
}

function Where({ issue }: { issue: IssueRow }) {
  return (
    <>
      {issue.function && <span class="mono fn">{issue.function}</span>}
      {issue.filename && <span class="mono">{`${issue.filename}${issue.line === null ? "" : `:${issue.line}`}`}</span>}
      {issue.culprit !== "" && issue.culprit !== issue.function && <bdi>{issue.culprit}</bdi>}
    </>
  );
}

function Numbers({ issue, view }: { issue: IssueRow; view: IssueView }) {
  const release = (version: string | null) => version && <span class="release">{version}</span>;
  return (
    <dl class="facts">
      <div>
        <dt>Events</dt>
        <dd class="big">{count(issue.event_count)}</dd>
      </div>
      <div>
        <dt>Users</dt>
        <dd class="big">{issue.user_count === 0 ? "–" : count(issue.user_count)}</dd>
      </div>
      {view.feedback_count > 0 && (
        <div class="minor">
          <dt>Feedback</dt>
          <dd class="big">
            <a href={`/feedback?issue=${encodeURIComponent(issue.short_id)}`}>{count(view.feedback_count)}</a>
          </dd>
        </div>
      )}
      {(issue.comment_count ?? 0) > 0 && (
        <div class="minor">
          <dt>Comments</dt>
          <dd class="big">
            <a href="#activity" aria-label={plural(issue.comment_count, "comment")}>{count(issue.comment_count)}</a>
          </dd>
        </div>
      )}
      <div>
        <dt>First seen</dt>
        <dd>
          <Ago ms={issue.first_seen_ms} /> {release(issue.first_release)}
        </dd>
      </div>
      <div>
        <dt>Last seen</dt>
        <dd>
          <Ago ms={issue.last_seen_ms} /> {release(issue.last_release)}
        </dd>
      </div>
      {issue.priority && (
        <div class="minor">
          <dt>Priority</dt>
          <dd>{issue.priority}</dd>
        </div>
      )}
    </dl>
  );
}
