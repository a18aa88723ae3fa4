// How a tag of an issue is searched by: the server knows what its keys are called, and which tags its events have.

import { filterSearch } from "../lib/issue-place";
import { bracketedKey, withMore } from "../lib/query-text";
import { tagKey } from "../lib/tag-key";
import { load, recall } from "./client";
import type { EventListView } from "./issue-types";
import type { SearchKeyListView } from "./types";
import { apiIssue, type OfIssue } from "./use-issue";

/** Issues have all the keys of events. What is a key elsewhere is refused, not taken for a tag. */
const KEYS = ["issues", "spans", "logs"].map((dataset) => `/api/ui/search/keys?dataset=${dataset}`);

async function keyNames(): Promise<Set<string>> {
  const lists = await Promise.all(KEYS.map(async (path) => recall<SearchKeyListView>(path) ?? (await load<SearchKeyListView>(path))));
  return new Set(lists.flatMap(({ keys }) => keys.flatMap(({ key, aliases }) => [key, ...aliases])).map((name) => name.toLowerCase()));
}

/**
 * As what is shown under `name` is searched by. The same name may be that of a fact every event has, such as `url`: then a
 * tag of that name stands for it as soon as one of the events has one.
 */
export async function tagInSearch(of: OfIssue, name: string): Promise<string> {
  const bracketed = bracketedKey(name);
  try {
    const names = await keyNames();
    if (!names.has(name)) return tagKey(name, names);
    const query = withMore(of.filters.query, `has:${bracketed}`);
    const found = await load<EventListView>(`${apiIssue(of.name)}/events${filterSearch({ ...of.filters, query }, { limit: "1" })}`);
    return found.events.length > 0 ? bracketed : name;
  } catch {
    return bracketed;
  }
}
