// The list of issues: what is asked for is in the address; rows are selected, acted upon and undone; new ones are taken in
// while nobody is at the list.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { forget, useResource } from "../api/client";
import type { IssueAction, IssueCounts, IssueList, IssueRow } from "../api/issues-types";
import { useLive } from "../api/live";
import { useValues } from "../api/use-values";
import { act } from "../components/act";
import { BulkBar } from "../components/bulk-bar";
import { ListEnd, NewBar, Select } from "../components/filters";
import { IssueTable, type Sort } from "../components/issue-table";
import { IssueTabs, tabName } from "../components/issue-tabs";
import { KeyHint } from "../components/key-hint";
import { useListKeys } from "../components/list-keys";
import { useNewRows } from "../components/new-rows";
import { type Page, usePaged } from "../components/paged";
import { QueryBar } from "../components/query-bar";
import { ScopeBar } from "../components/scope-bar";
import { useSelection } from "../components/selection";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, Notes, Partial, SkeletonRows } from "../components/states";
import { canUndo, undoLast } from "../components/toast";
import { WhoField } from "../components/who";
import { useBrowserFind, useKeys } from "../keys";
import { useCoalesced } from "../lib/coalesce";
import { count, plural } from "../lib/format";
import { ACT_MAX, withChanges } from "../lib/issue-actions";
import { onTab, statesOf, wordsOf } from "../lib/query-text";
import { issueHref, issuesApi } from "../lib/issue-place";
import { isNarrowed, QUERY_DEFAULT, queryOf, SCOPE_KEYS, scopeOf, timeOf, timeWords, withIssueQuery } from "../lib/scope";
import { withQuery } from "../lib/urls";
import { WHOLE_MAX } from "../lib/window";
import { who } from "../lib/who";
import { navigate, place, query } from "../router";
import { boot, say } from "../state";

const SORTS: readonly (readonly [Sort, string])[] = [
  ["last_seen", "Last seen"],
  ["first_seen", "First seen"],
  ["events", "Events"],
  ["users", "Users"],
  ["trend", "Trend"],
  ["priority", "Priority"],
];
const sortOf = (params: URLSearchParams): Sort => SORTS.find(([sort]) => sort === params.get("sort"))?.[0] ?? "last_seen";
/** The environment of the events that the setup page sends to try things out. */
const SAMPLE = "sample";
const NONE: readonly string[] = [];
/** Counts of the tabs are read at most this often while news come. */
const COUNTS_MS = 2000;
const FIND_HINT_MS = 12_000;

/** To choose from; stays while the next list is read. */
const environments = signal<string[]>([]);
const releases = signal<string[]>([]);

const read = (view: IssueList): Page<IssueRow> => {
  environments.value = view.environments;
  releases.value = view.releases ?? [];
  return { rows: view.issues, next: view.next_cursor, total: view.total, partial: view.partial ?? null, notes: view.notes };
};
const keyOf = (row: IssueRow) => row.id;
const PAGED = { isKept: true, moreQuery: "limit=100&", keyOf };

export function IssuesPage() {
  const params = query.value;
  const path = issuesApi(params, who.value);
  const text = queryOf(params);
  const sort = sortOf(params);
  const list = usePaged<IssueList, IssueRow>(path, read, PAGED);
  const { unseen, check, apply } = useNewRows(list, path, keyOf, "issue");
  const scope = scopeOf(params);
  const counted = new URLSearchParams();
  for (const key of ["project", "environment"] as const) if (scope.has(key)) counted.set(key, scope.get(key) ?? "");
  // What a tab leads to is what it counts: the other words of the search, and all it is narrowed by.
  const words = onTab(text, "");
  const tabs = new URLSearchParams(scope);
  if (words !== "") tabs.set("query", words);
  if (/:me\b/u.test(words) && who.value !== "") tabs.set("me", who.value);
  const counts = useResource<IssueCounts>(`/api/ui/issues/counts?${tabs}`);
  const shownCounts = useRef<IssueCounts | undefined>(undefined);
  if (counts.data) shownCounts.current = counts.data;
  const readCounts = useCoalesced(counts.reload, COUNTS_MS);
  const news = () => {
    check();
    readCounts();
  };
  useLive({ issue: news, resync: news });

  // Rows do not say it; whoever has no sample is not asked.
  const samples = useResource<IssueList>(environments.value.includes(SAMPLE) ? `/api/ui/issues?query=sample%3Atrue&environment=${SAMPLE}` : null);
  const rows = list.rows;
  const ids = rows?.map((row) => row.short_id) ?? [];
  const revealer = useRef<((index: number) => void) | null>(null);
  const { current, move, choose } = useListKeys("issues", ids, (id) => issueHref(id, place.value.search), apply, (index) => revealer.current?.(index));
  const selection = useSelection(path, rows?.map(keyOf) ?? []);
  const selected = rows?.filter((row) => selection.chosen.has(row.id)) ?? [];
  const currentRow = rows?.find((row) => row.short_id === current);
  const targets = selected.length > 0 ? selected : currentRow ? [currentRow] : [];
  // What the reader did himself is not news that may wait their turn.
  const refresh = () => {
    check();
    counts.reload();
  };
  const onAct = useActions({ path, list, text, refresh }, targets, { current: currentRow, choose, clear: selection.clear });
  const assignRef = useRef<HTMLButtonElement>(null);
  const [isGathering, setGathering] = useGather(list, selection.add);
  const findHint = useFindHint(rows?.length ?? 0);

  const extend = (step: number) => {
    const [from, to] = move(step);
    selection.add((rows ?? []).filter(({ short_id: id }) => id === from || id === to).map(keyOf));
  };
  const assign = () => {
    if (selected.length === 0 && currentRow) selection.add([currentRow.id]);
    requestAnimationFrame(() => assignRef.current?.click());
  };
  const can = targets.length > 0;
  useKeys("issues", {
    ...(currentRow ? { select: () => selection.toggle(currentRow.id, false) } : {}),
    extendDown: () => extend(1),
    extendUp: () => extend(-1),
    ...(can ? { resolve: () => onAct({ kind: "resolve", in: "now" }), ignore: () => onAct({ kind: "ignore", until: "forever" }), reopen: () => onAct({ kind: "unresolve" }), assign } : {}),
    ...(selected.length > 0 ? { none: selection.clear } : {}),
    ...(canUndo.value ? { undo: () => void undoLast() } : {}),
  });

  const go = (search: string, isDone = false) => navigate(`/issues${search}`, { replace: !isDone });
  const change = (changes: Record<string, string | null>) => go(withQuery(place.value.search, changes), true);
  const isUnreadable = list.error?.status === 400;
  // The list brings what there is to choose from, unless its search cannot be read.
  const isWithoutValues = isUnreadable && environments.value.length === 0 && releases.value.length === 0;
  const someEnvironments = useValues("issues", "environment", params.get("project"), isWithoutValues);
  const someReleases = useValues("issues", "release", params.get("project"), isWithoutValues);
  const search = place.value.search;
  return (
    <div class="page issues-page">
      <header class="page-head">
        <PageTitle title="Issues" />
        {list.total !== null && <p class="head-count">{plural(list.total, "issue")}</p>}
        <ScopeBar params={params} environments={isWithoutValues ? someEnvironments : environments.value} releases={isWithoutValues ? someReleases : releases.value} onChange={change} />
      </header>
      <div class="toolbar">
        <QueryBar
          dataset="issues"
          value={text}
          label="Search issues"
          placeholder="Type, message, function, route, or key:value"
          scope={counted.toString()}
          error={isUnreadable ? list.error : null}
          onChange={(next, isDone) => go(withIssueQuery(place.value.search, next), isDone)}
        />
        <Select label="Sort" value={sort} onChange={(next) => change({ sort: next === "last_seen" ? null : next })}>
          {SORTS.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </Select>
      </div>
      <div class="filter-line">
        <IssueTabs text={text} search={search} counts={shownCounts.current} />
        <NewBar unseen={unseen} noun="issue" apply={apply} />
      </div>
      {list.error && !isUnreadable && <LoadError error={list.error} what="The issues" hasData={rows !== undefined} onRetry={() => void list.reload()} />}
      {list.partial !== null && <Partial>{list.partial}</Partial>}
      {/:me\b/u.test(text) && who.value === "" && (
        <div class="who-is-me">
          <WhoField why="The search says “me”. Who are you?" button="That is me" onName={() => say("The list is of you now")} />
        </div>
      )}
      {findHint && rows && (
        <Partial>
          {`The browser's find sees only the rows in sight of ${count(list.total ?? rows.length)}. `}
          <button type="button" class="link" onClick={() => document.querySelector<HTMLElement>(".query-bar input")?.focus()}>
            Search all of them
          </button>
          {" with "}
          <KeyHint scope="global" id="search" />
        </Partial>
      )}
      {rows === undefined && !list.error && <SkeletonRows rows={14} height={44} />}
      {isUnreadable && rows === undefined && (
        <Empty title="This search cannot be read">
          <p>What is wrong with it stands below the field.</p>
          <p class="buttons">
            <button type="button" class="button primary" onClick={() => go(withIssueQuery(search, QUERY_DEFAULT), true)}>
              Show the open issues
            </button>
          </p>
        </Empty>
      )}
      {rows?.length === 0 && !list.error && <NoIssues params={params} text={text} notes={list.notes} onGo={(next) => go(next, true)} />}
      {rows && rows.length > 0 && (
        <IssueTable
          list={list}
          current={current}
          selection={selection}
          showProject={(boot.value?.projects.length ?? 0) > 1 && !scope.has("project")}
          words={wordsOf(text)}
          search={search}
          samples={samples.data?.issues.map(keyOf) ?? NONE}
          sort={sort}
          onSort={(next) => change({ sort: next === "last_seen" ? null : next })}
          revealer={revealer}
        />
      )}
      <ListEnd list={list} noun="issue" />
      {selected.length > 0 && rows && (
        <BulkBar rows={selected} loaded={rows.length} total={list.total} releases={releases.value} isGathering={isGathering} assignRef={assignRef} onAct={onAct} onAll={() => setGathering(true)} onClear={selection.clear} />
      )}
    </div>
  );
}

type List = ReturnType<typeof usePaged<IssueList, IssueRow>>;

type Shown = { path: string; list: List; text: string; refresh: () => void };

/** Acts on `targets`: rows that no longer belong to the list leave it, come back where they were, and the next one is the current one. */
function useActions(shown: Shown, targets: readonly IssueRow[], { current, choose, clear }: { current: IssueRow | undefined; choose: (id: string | null) => void; clear: () => void }): (action: IssueAction) => void {
  /** Another list may be on screen by the time something is undone. */
  const newest = useRef(shown);
  newest.current = shown;
  /** Where rows stood that have left, by list. */
  const left = useRef(new Map<string, Map<string, number>>());
  const follow = (id: string | null) => {
    choose(id);
    if (id !== null) requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"] a`)?.focus({ preventScroll: true }));
  };
  const patch = ({ path, list, text }: Shown, changed: ReadonlyMap<string, IssueRow | null>) =>
    list.amend((page) => {
      const places = left.current.get(path) ?? new Map<string, number>();
      left.current.set(path, places);
      const rows = withChanges(page.rows, changed, statesOf(text), places);
      // Without its last row on screen, the next current one is the row that takes its place.
      const at = current ? page.rows.findIndex((row) => row.id === current.id) : -1;
      const kept = new Set(rows.map(keyOf));
      if (current && at >= 0 && !kept.has(current.id)) follow((page.rows.slice(at).find((row) => kept.has(row.id)) ?? rows.at(-1))?.short_id ?? null);
      return { ...page, rows, total: page.total === null ? null : Math.max(rows.length, page.total + rows.length - page.rows.length) };
    });
  return (action) => {
    const acting = newest.current;
    if (action.kind === "unresolve" && targets.every(({ status }) => status === "unresolved")) {
      say(targets.length === 1 ? `${targets[0]?.short_id ?? "It"} is open already` : "They are open already");
      return;
    }
    if (["resolve", "ignore", "unresolve", "merge", "delete", "discard"].includes(action.kind)) clear();
    void act(targets, action, {
      patch: (changed) => {
        patch(acting, changed);
        if (newest.current.path !== acting.path) patch(newest.current, changed);
      },
      refresh: () => {
        // Other lists that were read before show rows as they were.
        forget("paged:/api/ui/issues");
        newest.current.list.amend((page) => page);
        newest.current.refresh();
      },
    });
  };
}

/** Reads on until all that match are there, or as many as one request may name, and selects them. */
function useGather(list: List, add: (ids: readonly string[]) => void): [boolean, (isOn: boolean) => void] {
  const [isOn, set] = useState(false);
  const size = list.rows?.length ?? 0;
  const isEnd = size >= ACT_MAX || list.next === null || list.error !== null;
  useEffect(() => {
    if (!isOn) return;
    if (!isEnd) {
      list.more();
      return;
    }
    const ids = (list.rows ?? []).slice(0, ACT_MAX).map(keyOf);
    add(ids);
    say(`${plural(ids.length, "issue")} selected`);
    set(false);
  }, [isOn, isEnd, size]);
  return [isOn, set];
}

/** Ctrl+F finds only what is drawn: say so when that is not all. */
function useFindHint(size: number): boolean {
  const [isShown, show] = useState(false);
  useBrowserFind(() => {
    if (size <= WHOLE_MAX) return;
    show(true);
    say("The browser's find sees only the rows in sight. Press slash to search all issues.");
  });
  useEffect(() => {
    if (!isShown) return undefined;
    const timer = setTimeout(() => show(false), FIND_HINT_MS);
    return () => clearTimeout(timer);
  }, [isShown]);
  return isShown;
}

function NoIssues({ params, text, notes, onGo }: { params: URLSearchParams; text: string; notes: readonly string[]; onGo: (search: string) => void }) {
  const name = tabName(text);
  const search = `?${params}`;
  const isPlain = text.trim() === "" || (name !== null && onTab(text, "") === "");
  const narrowing = [
    ["project", params.get("project")],
    ["environment", params.get("environment")],
    ["release", params.get("release")],
  ].filter((pair): pair is [string, string] => !!pair[1]);
  const time = timeOf(params);
  const hasTime = time.range !== null || time.fromMs !== null || time.toMs !== null;
  if (!isPlain || isNarrowed(params))
    return (
      <Empty title="No issue matches">
        <p>
          {text.trim() !== "" && <code>{text}</code>}
          {narrowing.map(([key, value]) => (
            <span key={key}>
              {` ${key} `}
              <code>{value}</code>
            </span>
          ))}
          {hasTime && ` in ${timeWords(time)}`}
        </p>
        <Notes notes={notes} />
        <p class="buttons">
          {isNarrowed(params) && (
            <button type="button" class="button primary" onClick={() => onGo(withQuery(search, Object.fromEntries(SCOPE_KEYS.map((key) => [key, null]))))}>
              Remove the filters
            </button>
          )}
          {!isPlain && (
            <button type="button" class={isNarrowed(params) ? "button" : "button primary"} onClick={() => onGo(withIssueQuery(search, QUERY_DEFAULT))}>
              Clear the search
            </button>
          )}
          {name !== "All" && (
            <button type="button" class="button" onClick={() => onGo(withIssueQuery(search, onTab(text, "")))}>
              Look in all
            </button>
          )}
        </p>
      </Empty>
    );
  if (boot.value?.has_events)
    return (
      <Empty title={name === "Open" ? "No open issues" : name === null || name === "All" ? "No issues" : `Nothing ${name === "New" ? "new in 24 hours" : `is ${name.toLowerCase()}`}`}>
        <p>{name === "Open" ? "Every issue so far is resolved or ignored." : name === "Regressed" ? "No error has come back after it was resolved." : name === "Ignored" ? "An ignored issue is counted, but not among the open ones." : ""}</p>
        {name !== "All" && (
          <p class="buttons">
            <a class="button" href={`/issues${withIssueQuery(search, "")}`}>
              Show all issues
            </a>
          </p>
        )}
      </Empty>
    );
  return (
    <Empty title="No error has arrived yet">
      <p>Errors appear here as soon as an application sends one.</p>
      <p class="buttons">
        <a class="button primary" href="/welcome">
          Connect an application
        </a>
        <a class="button" href="/ingest">
          See what has arrived
        </a>
      </p>
    </Empty>
  );
}
