// By what the logs can be narrowed, beside the list, and folded above it where there is no room. Counts are of what the filters
// let through.

import type { Resource } from "../api/client";
import type { LogFacetsView } from "../api/types";
import { count, dateTime, plural } from "../lib/format";
import { type LogFacet, logFacets, pressed, shortWords } from "../lib/log-facets";
import { Facets } from "./facets";
import { isWide } from "./narrow";
import { LoadError, Partial, SkeletonRows } from "./states";

/** Named where they are folded away. */
const NAMED = 3;

/** `view`: the last answer, which stays while the next is on its way. */
export function LogFacets({ view, resource, params, onChange }: { view: LogFacetsView | undefined; resource: Resource<LogFacetsView>; params: URLSearchParams; onChange: (changes: Record<string, string | null>) => void }) {
  const { error, reload } = resource;
  // The list says what cannot be asked, and that there is nothing.
  if ((error && [400, 404].includes(error.status)) || view?.of === 0) return null;
  const facets = view ? logFacets(view, params) : [];
  const body = (
    <>
      {error && <LoadError error={error} what="What to filter by" hasData={view !== undefined} onRetry={reload} />}
      {view && view.searched_to_ms !== null && <Partial>{`There was time to count ${plural(view.of, "log")}, since ${dateTime(view.searched_to_ms).slice(0, 19)}.`}</Partial>}
      {!view && !error && <SkeletonRows rows={8} height={24} />}
      {view && (
        <Facets
          of={view.of}
          isWaiting={resource.data === undefined}
          facets={facets.map(({ key, name, values }) => ({
            key,
            name,
            values: values.map(({ value, insert, count: n, isChosen }) => ({ value, words: shortWords(value), count: n, isChosen, press: () => onChange(pressed(params, key, { value, insert })) })),
          }))}
        />
      )}
    </>
  );
  if (isWide.value)
    return (
      <aside class="log-facets" aria-label="Filter the logs">
        {body}
      </aside>
    );
  return (
    <details class="log-facets-fold">
      <summary>{foldedWords(facets)}</summary>
      {body}
    </details>
  );
}

function foldedWords(facets: readonly LogFacet[]): string {
  const chosen = facets.flatMap(({ values }) => values.filter(({ isChosen }) => isChosen)).length;
  const names = facets.slice(0, NAMED).map(({ name }) => name.toLowerCase());
  const what = names.length === 0 ? "Filter by value" : `Filter by ${names.join(", ")}${facets.length > NAMED ? " …" : ""}`;
  return chosen === 0 ? what : `${what} (${count(chosen)} chosen)`;
}
