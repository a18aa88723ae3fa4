// The lists one looks at every day, as tabs with their counts; queries saved in this browser are further ones.

import type { IssueCounts } from "../api/issues-types";
import { count, countShort } from "../lib/format";
import { onTab, tabOf } from "../lib/query-text";
import { savedQueries } from "../lib/saved-queries";
import { withIssueQuery } from "../lib/scope";

const TABS = [
  { state: "unresolved", name: "Open", key: "open" },
  { state: "new", name: "New", key: "new" },
  { state: "regressed", name: "Regressed", key: "regressed" },
  { state: "ignored", name: "Ignored", key: "ignored" },
  { state: "resolved", name: "Resolved", key: "resolved" },
  { state: "", name: "All", key: "all" },
] as const;
const STATES = TABS.map(({ state }) => state);

export function IssueTabs({ text, search, counts }: { text: string; search: string; counts: IssueCounts | undefined }) {
  const saved = savedQueries.value.issues;
  const isSaved = saved.some(({ query }) => query === text.trim());
  const current = isSaved ? null : tabOf(text, STATES);
  return (
    <nav class="tabs" aria-label="Lists">
      {TABS.map(({ state, name, key }) => (
        <a key={key} href={`/issues${withIssueQuery(search, onTab(text, state))}`} aria-current={state === current ? "true" : undefined}>
          {name}
          {counts && (
            <small class="tab-count" title={count(counts[key])}>
              {countShort(counts[key])}
            </small>
          )}
        </a>
      ))}
      {saved.map(({ name, query }) => (
        <a key={`saved ${name}`} class="saved-tab" href={`/issues${withIssueQuery(search, query)}`} aria-current={query === text.trim() ? "true" : undefined} title={query || "everything"}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** The name of the list, for its empty state. */
export function tabName(text: string): string | null {
  const state = tabOf(text, STATES);
  return TABS.find((tab) => tab.state === state)?.name ?? null;
}
