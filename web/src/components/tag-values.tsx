// All values of one tag within the filters, the most frequent first, page by page.

import type { TagsView, TagValueView, TagView } from "../api/issue-types";
import { apiIssue, type OfIssue } from "../api/use-issue";
import { count, oneLine, percent } from "../lib/format";
import { filterSearch } from "../lib/issue-place";
import { Dialog } from "./dialog";
import { ListEnd } from "./filters";
import { Ago } from "./marks";
import { usePaged } from "./paged";
import { LoadError, SkeletonRows } from "./states";

export function TagValues({ of, tag, onChoose, onClose }: { of: OfIssue; tag: TagView; onChoose: (value: string) => void; onClose: () => void }) {
  const list = usePaged<TagsView, TagValueView>(`${apiIssue(of.name)}/tags/${encodeURIComponent(tag.key)}${filterSearch(of.filters)}`, (view) => ({ rows: view.tags[0]?.values ?? [], next: view.next_cursor, total: tag.distinct }), { keyOf: ({ value }) => value });
  const total = tag.values.reduce((n, { count: times }) => n + times, 0) + tag.other + tag.missing;
  return (
    <Dialog title={tag.key} onClose={onClose} class="tag-values">
      {list.error && <LoadError error={list.error} what="The values" hasData={list.rows !== undefined} onRetry={() => void list.reload()} />}
      {!list.rows && !list.error && <SkeletonRows rows={8} height={28} />}
      {list.rows && (
        <table>
          <thead>
            <tr>
              <th scope="col">Value</th>
              <th scope="col" class="num">Events</th>
              <th scope="col" class="num">Share</th>
              <th scope="col" class="num">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {list.rows.map(({ value, count: times, last_seen_ms: ms }) => (
              <tr key={value}>
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() => {
                      onClose();
                      onChoose(value);
                    }}
                  >
                    <bdi>{value === "" ? "empty" : oneLine(value, 200)}</bdi>
                  </button>
                </td>
                <td class="num">{count(times)}</td>
                <td class="num">{percent(times / Math.max(1, total))}</td>
                <td class="num quiet">
                  <Ago ms={ms} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <ListEnd list={list} noun="value" />
    </Dialog>
  );
}
