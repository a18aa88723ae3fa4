// The list of issues: dense rows, all state in the address, new ones taken in while nobody is at it.

import { signal } from "@preact/signals";
import { prefetch } from "../api/client";
import { useLive } from "../api/live";
import type { IssueListView, IssueRowView } from "../api/types";
import { SearchBox } from "../components/controls";
import { Choice, ListEnd, NewBar, ProjectChoice, Select } from "../components/filters";
import { useListKeys } from "../components/list-keys";
import { Ago, IssueHeadline, LevelMark, Marked, Sparkline } from "../components/marks";
import { useNewRows } from "../components/new-rows";
import { usePaged } from "../components/paged";
import { PageTitle } from "../components/shell";
import { Empty, LoadError, SkeletonRows } from "../components/states";
import { count, countShort, noun, plural } from "../lib/format";
import { issuePath, withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { boot, now } from "../state";

const SORTS = [
  ["last_seen", "Last seen"],
  ["first_seen", "First seen"],
  ["events", "Events"],
] as const;
const NEW_MS = 24 * 3600 * 1000;

/** The address of the list's data, from what is in the address bar. */
function listPath(params: URLSearchParams): string {
  const api = new URLSearchParams();
  for (const key of ["project", "environment", "query"] as const) {
    const value = params.get(key);
    if (value) api.set(key, value);
  }
  api.set("status", params.get("status") === "all" ? "all" : "unresolved");
  api.set("sort", SORTS.find(([sort]) => sort === params.get("sort"))?.[0] ?? "last_seen");
  return `/api/ui/issues?${api}`;
}

/** To choose from; stays while the next list is read. */
const environments = signal<string[]>([]);

const read = (view: IssueListView) => {
  environments.value = view.environments;
  return { rows: view.issues, next: view.next_cursor, total: view.total };
};
const keyOf = (row: IssueRowView) => row.id;

export function IssuesPage() {
  const params = query.value;
  const path = listPath(params);
  const list = usePaged<IssueListView, IssueRowView>(path, read);
  const { unseen, check, apply } = useNewRows(list, path, keyOf, "issue");
  useLive({ issue: check, resync: check });

  const rows = list.rows;
  const { current } = useListKeys("issues", rows?.map((row) => row.short_id) ?? [], issuePath, apply);
  const change = (changes: Record<string, string | null>) => navigate(`/issues${withQuery(place.value.search, changes)}`, { replace: true });
  const text = params.get("query") ?? "";
  const isAll = params.get("status") === "all";
  const projects = boot.value?.projects ?? [];
  const project = params.get("project") ?? "";
  const environment = params.get("environment") ?? "";
  const isFiltered = text !== "" || project !== "" || environment !== "";

  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Issues" />
        {list.total !== null && <p class="head-count">{plural(list.total, "issue")}</p>}
      </header>
      <div class="toolbar">
        <SearchBox value={text} label="Search issues" placeholder="Type, message, function, file or route" onChange={(value) => change({ query: value })} />
        <ProjectChoice value={project} onChange={(slug) => change({ project: slug })} />
        <Choice label="Environment" value={environment} options={environments.value} onChange={(name) => change({ environment: name })} />
        <Select label="Sort" value={params.get("sort") ?? "last_seen"} onChange={(sort) => change({ sort: sort === "last_seen" ? null : sort })}>
          {SORTS.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </Select>
      </div>
      <div class="filter-line">
        <nav class="tabs" aria-label="Status">
          {(["unresolved", "all"] as const).map((status) => (
            <a key={status} href={`/issues${withQuery(place.value.search, { status: status === "all" ? "all" : null })}`} aria-current={(status === "all") === isAll ? "true" : undefined}>
              {status === "all" ? "All" : "Open"}
            </a>
          ))}
        </nav>
        <NewBar unseen={unseen} noun="issue" apply={apply} />
      </div>
      {list.error && <LoadError error={list.error} what="The issues" hasData={rows !== undefined} onRetry={() => void list.reload()} />}
      {rows === undefined && !list.error && <SkeletonRows rows={12} height={49} />}
      {rows?.length === 0 && <NoIssues isFiltered={isFiltered} isAll={isAll} text={text} project={project} environment={environment} onClear={() => change({ query: null, project: null, environment: null })} onAll={() => change({ status: "all" })} />}
      {rows && rows.length > 0 && (
        <table class="issues">
          <thead>
            <tr>
              <th scope="col" class="c-issue">Issue</th>
              <th scope="col" class="c-trend">Last 24 h</th>
              <th scope="col" class="num c-events">Events</th>
              <th scope="col" class="num c-users">Users</th>
              <th scope="col" class="num c-seen">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <IssueRow key={row.id} row={row} isCurrent={current === row.short_id} showProject={projects.length > 1} search={text} />
            ))}
          </tbody>
        </table>
      )}
      <ListEnd list={list} noun="issue" />
    </div>
  );
}

function IssueRow({ row, isCurrent, showProject, search }: { row: IssueRowView; isCurrent: boolean; showProject: boolean; search: string }) {
  const ahead = () => {
    prefetch(`/api/ui/issues/${encodeURIComponent(row.short_id)}`);
    prefetch(`/api/ui/issues/${encodeURIComponent(row.short_id)}/events/latest`);
  };
  const file = row.filename ? `${row.filename}${row.line === null ? "" : `:${row.line}`}` : null;
  return (
    <tr data-row={row.short_id} class={isCurrent ? "current" : undefined}>
      <td class="c-issue">
        <div class="issue-cell">
          <LevelMark level={row.level} />
          <div class="issue-lines">
            <a class="row-link" href={issuePath(row.short_id)} onPointerDown={ahead} onFocus={ahead}>
              <IssueHeadline row={row} search={search} />
            </a>
            <div class="issue-meta">
              {(row.function || file) && (
                <span class="mono where">
                  {row.function && (
                    <span class="fn">
                      <Marked text={row.function} search={search} />
                    </span>
                  )}{" "}
                  {file && <Marked text={file} search={search} />}
                </span>
              )}
              {row.culprit !== "" && row.culprit !== row.function && (
                <span class="culprit">
                  <Marked text={row.culprit} search={search} />
                </span>
              )}
              <span class="short-id">
                <Marked text={row.short_id} search={isShortId(search) ? search : ""} />
              </span>
              {showProject && <span>{row.project_slug}</span>}
              {now.value - row.first_seen_ms < NEW_MS && <span class="badge">new</span>}
              {row.is_unhandled && <span class="badge unhandled">unhandled</span>}
              {row.status === "resolved" && <span class="badge ok">resolved</span>}
              {row.status === "ignored" && <span class="badge">ignored</span>}
            </div>
          </div>
        </div>
      </td>
      <td class="c-trend">
        <Sparkline values={row.hours} label="Events per hour" />
      </td>
      <td class="num c-events" title={count(row.event_count)}>
        {countShort(row.event_count)}
        <span class="unit">{` ${noun(row.event_count, "event")}`}</span>
      </td>
      <td class="num c-users" title={count(row.user_count)}>
        {row.user_count === 0 ? <span class="none">–</span> : countShort(row.user_count)}
        <span class="unit">{` ${noun(row.user_count, "user")}`}</span>
      </td>
      <td class="num c-seen">
        <Ago ms={row.last_seen_ms} />
      </td>
    </tr>
  );
}

/** The short id is not searched by its parts. */
function isShortId(search: string): boolean {
  return /^\S+-\d+$/u.test(search.trim());
}

function NoIssues({ isFiltered, isAll, text, project, environment, onClear, onAll }: { isFiltered: boolean; isAll: boolean; text: string; project: string; environment: string; onClear: () => void; onAll: () => void }) {
  if (isFiltered)
    return (
      <Empty title="No issue matches">
        <p>
          {text !== "" && (
            <>
              Nothing contains <code>{text}</code>
            </>
          )}
          {text !== "" && project !== "" && " "}
          {project !== "" && (
            <>
              in project <code>{project}</code>
            </>
          )}
          {environment !== "" && (
            <>
              {text !== "" || project !== "" ? " " : "Nothing was seen "}in environment <code>{environment}</code>
            </>
          )}
          {isAll ? "." : " among the open ones."}
        </p>
        <p class="buttons">
          <button type="button" class="button primary" onClick={onClear}>
            Clear search
          </button>
          {!isAll && (
            <button type="button" class="button" onClick={onAll}>
              Look in all
            </button>
          )}
        </p>
      </Empty>
    );
  if (boot.value?.has_events)
    return (
      <Empty title="No open issues">
        <p>Every issue so far is resolved or ignored.</p>
        <p class="buttons">
          <button type="button" class="button" onClick={onAll}>
            Show all issues
          </button>
        </p>
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
