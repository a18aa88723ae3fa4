// Spans of all traces that meet the search, the youngest first: the other view of the traces explorer.

import { prefetch } from "../api/client";
import type { SpanListView, SpanRowView } from "../api/types";
import { traceAnswer } from "../api/use-trace";
import { dateTime, duration, oneLine, sentence, whenShort } from "../lib/format";
import { tracePath } from "../lib/urls";
import { kindOf } from "../lib/waterfall";
import { now } from "../state";
import { ListEnd, SearchedTo } from "./filters";
import { useListKeys } from "./list-keys";
import { usePaged } from "./paged";
import { Empty, LoadError, Partial, SkeletonRows } from "./states";

const read = (view: SpanListView) => ({ rows: view.spans, next: view.next_cursor, total: null, searchedToMs: view.searched_to_ms });
const keyOf = (row: SpanRowView) => `${row.trace_id}.${row.span_id}`;

/** `params`: what the list of traces is asked with. */
export function SpanList({ params }: { params: string }) {
  const list = usePaged<SpanListView, SpanRowView>(`/api/ui/spans?${params}`, read);
  const { rows, error, searchedToMs } = list;
  const pathOf = (key: string) => tracePath(...(key.split(".") as [string, string]));
  const { current } = useListKeys("spans", rows?.map(keyOf) ?? [], pathOf);
  const longest = Math.max(1, ...(rows ?? []).map((row) => row.duration_ns));
  if (error?.status === 400) return <Partial>{`${sentence(error.message)}.`}</Partial>;
  return (
    <>
      {error && <LoadError error={error} what="The spans" hasData={rows !== undefined} onRetry={() => void list.reload()} />}
      {rows === undefined && !error && <SkeletonRows rows={14} height={37} />}
      {rows?.length === 0 && <Empty title={searchedToMs === null ? "No span matches" : "No span matches so far"}>{searchedToMs === null ? <p>Nothing in this time has all of what is asked. Choose a longer one, or fewer filters.</p> : <p class="buttons"><SearchedTo ms={searchedToMs} isLoading={list.isLoadingMore} onMore={list.more} /></p>}</Empty>}
      {rows && rows.length > 0 && (
        <table class="traces spans">
          <thead>
            <tr>
              <th scope="col" class="c-time">Time</th>
              <th scope="col" class="c-root">Span</th>
              <th scope="col" class="c-service">Service</th>
              <th scope="col" class="c-duration">Duration</th>
              <th scope="col" class="c-errors">Status</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const kind = kindOf(row.op, row.kind);
              const ahead = () => prefetch(traceAnswer(row.trace_id));
              return (
                <tr key={keyOf(row)} data-row={keyOf(row)} class={current === keyOf(row) ? "current" : undefined}>
                  <td class="c-time">
                    <time dateTime={new Date(row.start_ms).toISOString()} title={dateTime(row.start_ms)}>
                      {whenShort(row.start_ms, now.value)}
                    </time>
                  </td>
                  <td class="c-root">
                    <span class="root-cell">
                      <span class="root-name">
                        <span class={`kind-mark k-${kind}`} aria-hidden="true" />
                        <a class="row-link" href={tracePath(row.trace_id, row.span_id)} onPointerDown={ahead} onFocus={ahead}>
                          {oneLine(row.name) || "(no name)"}
                        </a>
                        {row.http_status !== null && <span class={`http-status${row.http_status >= 500 ? " bad" : row.http_status >= 400 ? " odd" : ""}`}>{row.http_status}</span>}
                      </span>
                      <span class="op">{row.op}</span>
                    </span>
                  </td>
                  <td class="c-service">{row.service}</td>
                  <td class="c-duration">
                    <span class="duration-cell">
                      <span class="duration">{duration(row.duration_ns)}</span>
                      <span class="track">
                        <span class={`fill k-${kind}`} style={{ width: `${Math.max(0.6, (row.duration_ns / longest) * 100)}%` }} />
                      </span>
                    </span>
                  </td>
                  <td class="c-errors">{row.status === "error" ? <span class="failed-spans">failed</span> : <span class="none">{row.status === "ok" ? "ok" : "–"}</span>}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {rows && rows.length > 0 && searchedToMs !== null ? (
        <p class="list-end">
          <SearchedTo ms={searchedToMs} isLoading={list.isLoadingMore} onMore={list.more} />
        </p>
      ) : (
        <ListEnd list={list} noun="span" />
      )}
    </>
  );
}
