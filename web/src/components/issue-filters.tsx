// Which events of an issue the page is about: environment, release, time and words. What is chosen here, every region follows.

import type { TagsView } from "../api/issue-types";
import { type OfIssue, useIssuePart } from "../api/use-issue";
import { changed, isFiltered } from "../lib/issue-place";
import { timeOf } from "../lib/scope";
import { navigate, place, query } from "../router";
import { Chip } from "./filters";
import { ChoiceChip } from "./scope-bar";
import { TimeRange } from "./time-range";

/** Back leads to what was shown before a filter was set; what is typed letter by letter leaves no trail. */
export function setFilters(changes: Record<string, string | null>, replace = false): void {
  const search = changed(query.value, changes).toString();
  navigate(`${place.value.path}${search === "" ? "" : `?${search}`}`, { keepScroll: true, replace });
}

/** An empty `query` says: not even the words of the list. */
const noWords = () => (query.value.get("q") ? "" : null);
export const clearFilters = () => setFilters({ environment: null, release: null, range: null, from: null, to: null, query: noWords() });

export function IssueFilters({ of }: { of: OfIssue }) {
  const { filters } = of;
  // What there is to choose from does not depend on what was chosen.
  const { data } = useIssuePart<TagsView>(of, "tags");
  const options = (key: string) => data?.tags.find((tag) => tag.key === key)?.values.map(({ value }) => ({ value, words: value || "(none)" })) ?? [];
  const { query: words, environment, release } = filters;
  return (
    <div class="chips issue-filters" role="group" aria-label="Which events">
      {words !== "" && <Chip text={words} onRemove={() => setFilters({ query: noWords() })} />}
      <ChoiceChip name="Environment" value={environment} options={options("environment")} onChange={(value) => setFilters({ environment: value })} />
      <ChoiceChip name="Release" value={release} options={options("release")} onChange={(value) => setFilters({ release: value })} />
      <TimeRange time={timeOf(query.value)} onChange={(change) => setFilters({ ...change })} />
      {isFiltered(filters) && (
        <button type="button" class="link" onClick={clearFilters}>
          Clear
        </button>
      )}
    </div>
  );
}
