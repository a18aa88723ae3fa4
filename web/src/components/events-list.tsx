// All events of an issue as a table, searched and filtered as the page is.

import { prefetch } from "../api/client";
import type { EventListView, EventRow } from "../api/issue-types";
import { useLive } from "../api/live";
import { apiEvent, apiIssue, type OfIssue } from "../api/use-issue";
import { dateTime, shortId } from "../lib/format";
import { shortRelease } from "../lib/history";
import { filterSearch, isFiltered, keptSearch } from "../lib/issue-place";
import { eventPath, tracePath } from "../lib/urls";
import { query } from "../router";
import { ListEnd, NewBar } from "./filters";
import { clearFilters, setFilters } from "./issue-filters";
import { useListKeys } from "./list-keys";
import { Ago, LevelMark } from "./marks";
import { useNewRows } from "./new-rows";
import { usePaged } from "./paged";
import { QueryBar } from "./query-bar";
import { Empty, LoadError, Partial, SkeletonRows } from "./states";

const read = (view: EventListView) => ({ rows: view.events, next: view.next_cursor, total: view.total, partial: view.is_partial ? "Events of before are still being made searchable." : null });
const keyOf = (row: EventRow) => row.event_id;

export function EventsList({ of }: { of: OfIssue }) {
  const { name, issueId, filters } = of;
  const path = `${apiIssue(name)}/events${filterSearch(filters)}`;
  const list = usePaged<EventListView, EventRow>(path, read, { isKept: true, keyOf });
  const { unseen, check, apply } = useNewRows(list, path, keyOf, "event");
  useLive({ issue: (ids) => ids.includes(issueId) && check(), resync: check });
  const { rows } = list;
  const hrefOf = (id: string) => `${eventPath(name, id)}${keptSearch(query.value)}`;
  const { current } = useListKeys(`events of ${name}`, rows?.map(keyOf) ?? [], hrefOf, apply);
  return (
    <div class="events-list">
      <div class="toolbar">
        <QueryBar
          dataset="events"
          value={filters.query}
          label="Search the events of this issue"
          hasCounts={false}
          placeholder="Words, or browser:Firefox, user.id:42, server_name:web-2"
          error={list.error?.at ? { message: list.error.message, causes: list.error.causes, at: list.error.at } : null}
          onChange={(text) => setFilters({ query: text === "" && !query.value.get("q") ? null : text }, true)}
        />
        <NewBar unseen={unseen} noun="event" apply={apply} />
      </div>
      {list.error && !list.error.at && <LoadError error={list.error} what="The events" hasData={rows !== undefined} onRetry={() => void list.reload()} />}
      {list.partial && <Partial>{list.partial}</Partial>}
      {!rows && !list.error && <SkeletonRows rows={12} height={36} />}
      {rows?.length === 0 && <NoEvents isFound={!isFiltered(filters)} />}
      {rows && rows.length > 0 && (
        <table class="events">
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">When</th>
              <th scope="col">Release</th>
              <th scope="col">Environment</th>
              <th scope="col">User</th>
              <th scope="col">Server</th>
              <th scope="col">Trace</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.event_id} row={row} of={of} href={hrefOf(row.event_id)} isCurrent={current === row.event_id} />
            ))}
          </tbody>
        </table>
      )}
      <ListEnd list={list} noun="event" />
    </div>
  );
}

function Row({ row, of, href, isCurrent }: { row: EventRow; of: OfIssue; href: string; isCurrent: boolean }) {
  const ahead = () => prefetch(apiEvent(of.name, row.event_id, of.filters));
  const none = <span class="none">–</span>;
  return (
    <tr data-row={row.event_id} class={isCurrent ? "current" : undefined}>
      <td class="c-event">
        <LevelMark level={row.level} />
        <a class="row-link" href={href} onPointerDown={ahead} onFocus={ahead}>
          <span class="mono">{shortId(row.event_id)}</span> <bdi>{row.title}</bdi>
        </a>
        {row.transaction && <span class="quiet where">{row.transaction}</span>}
      </td>
      <td class="c-when" title={dateTime(row.timestamp_ms)}>
        <Ago ms={row.timestamp_ms} />
      </td>
      <td class="mono" title={row.release ?? undefined}>{row.release === null ? none : shortRelease(row.release)}</td>
      <td title={row.environment ?? undefined}>{row.environment ?? none}</td>
      <td title={row.user ?? undefined}>{row.user === null ? none : <bdi>{row.user}</bdi>}</td>
      <td class="mono" title={row.server_name ?? undefined}>{row.server_name ?? none}</td>
      <td>{row.trace_id === null ? none : <a class="above-row" href={tracePath(row.trace_id)}>trace</a>}</td>
    </tr>
  );
}

function NoEvents({ isFound }: { isFound: boolean }) {
  if (isFound)
    return (
      <Empty title="No event is kept any more">
        <p>The numbers of an issue outlive its events.</p>
      </Empty>
    );
  return (
    <Empty title="No event matches">
      <p>Environment, release, time and words above all count together.</p>
      <p class="buttons">
        <button type="button" class="button primary" onClick={clearFilters}>
          Clear the filters
        </button>
      </p>
    </Empty>
  );
}
