// What the address of an issue's page says: which events count (filters), and which list one came from. Pure.
//
// `q` with `project` and `sort` is the list's; `query` searches the issue's own events; environment, release and time
// belong to both.

import { quoted, type Term, withMore } from "./query-text";
import { queryOf, scopeOf, timeOf } from "./scope";
import { issuePath } from "./urls";

export const TIMES = [
  { key: "24h", words: "24 h" },
  { key: "14d", words: "14 d" },
  { key: "90d", words: "90 d" },
  { key: "all", words: "all" },
] as const;

/** A row of the list leads here: everything the list was asked for goes along. */
export function issueHref(shortId: string, listSearch: string): string {
  const list = new URLSearchParams(listSearch);
  const out = new URLSearchParams();
  const query = list.get("query");
  if (query !== null) out.set("q", query);
  return `${issuePath(shortId)}${asSearch(withScope(out, list))}`;
}

function withScope(out: URLSearchParams, from: URLSearchParams): URLSearchParams {
  const sort = from.get("sort");
  if (sort) out.set("sort", sort);
  for (const [key, value] of scopeOf(from)) out.set(key, value);
  return out;
}

const asSearch = (params: URLSearchParams) => (params.size === 0 ? "" : `?${params}`);

/** The search of the list one came from. */
function listParams(params: URLSearchParams): URLSearchParams {
  const out = new URLSearchParams();
  const query = params.get("q");
  if (query !== null) out.set("query", query);
  return withScope(out, params);
}

/** The list one came from, with its query. */
export const listHref = (params: URLSearchParams): string => `/issues${asSearch(listParams(params))}`;

/** The question whose answer says which issue comes before and after this one: the list's own, so that it is there already. */
export const listApi = (params: URLSearchParams, me: string): string => issuesApi(listParams(params), me);

/** What a list of issues is asked with, as its address says it. */
export function issuesApi(params: URLSearchParams, me: string): string {
  const api = scopeOf(params);
  const text = queryOf(params);
  api.set("query", text);
  api.set("sort", params.get("sort") ?? "last_seen");
  if (/:me\b/u.test(text) && me !== "") api.set("me", me);
  return `/api/ui/issues?${api}`;
}

/** The address of another issue, with the same list behind it. What filters the events of this one stays behind. */
export const neighbourHref = (shortId: string, params: URLSearchParams): string => issueHref(shortId, asSearch(listParams(params)));

/** Keys that are about the issue and not about one of its events. */
const ISSUE_NAMES = "is|status|assigned|assigned_or_suggested|assignee|first_?seen|age|last_?seen|times_?seen|events|user_?count|users_seen|users|bookmarks|bookmarked|issue\\.priority|priority|issue|issue\\.id|short_?id|issue\\.category|issue\\.type|first_?release|subscribed";
const ISSUE_KEYS = new RegExp(`^!?(?:(?:${ISSUE_NAMES}):|has:(?:${ISSUE_NAMES})$)`, "i");
/** The name of an issue finds it in the list, and says nothing of its events. */
const SHORT_ID = /^[a-z][\w-]*-\d+$/i;

/**
 * The part of the list's query that is about events: what one searched for in the list is what one wants to see in the
 * issue. A query with alternatives is left out whole, because half of it would mean something else.
 */
export function eventPart(listQuery: string): string {
  const terms = listQuery.match(/[^\s"[\]]*(?:"(?:[^"\\]|\\.)*"[^\s"[\]]*|\[[^\]]*\][^\s"[\]]*)*|\S/g)?.filter((term) => term !== "") ?? [];
  if (terms.some((term) => /^(OR|AND)$/i.test(term) || /^!?\(|\)$/.test(term))) return "";
  return terms.filter((term) => !ISSUE_KEYS.test(term) && !SHORT_ID.test(term)).join(" ");
}

/** Open ends are null: `from` alone means since then. `range` is `all` when the time is told by them, or not at all. */
export type Filters = { query: string; environment: string; release: string; range: string; from: number | null; to: number | null };

export function filtersOf(params: URLSearchParams): Filters {
  const { range, fromMs, toMs } = timeOf(params);
  return {
    query: params.get("query") ?? eventPart(params.get("q") ?? ""),
    environment: params.get("environment") ?? "",
    release: params.get("release") ?? "",
    range: range ?? "all",
    from: fromMs,
    to: toMs,
  };
}

export const NO_FILTERS: Filters = { query: "", environment: "", release: "", range: "all", from: null, to: null };

export const isFiltered = (filters: Filters): boolean => filterSearch(filters) !== "";

/** `?environment=…`: what the endpoints of an issue take; empty without filters, so that all ask the same question. */
export function filterSearch(filters: Filters, more: Record<string, string> = {}): string {
  const out = new URLSearchParams();
  const { query, environment, release, range, from, to } = filters;
  if (query !== "") out.set("query", query);
  if (environment !== "") out.set("environment", environment);
  if (release !== "") out.set("release", release);
  if (from !== null) out.set("from", String(from));
  if (to !== null) out.set("to", String(to));
  if (range !== "all") out.set("range", range);
  for (const [key, value] of Object.entries(more)) out.set(key, value);
  return asSearch(out);
}

/** What an address changes to: values by key, `null` takes one out. Other keys stay, an open diff does not. */
export function changed(params: URLSearchParams, changes: Record<string, string | null>): URLSearchParams {
  const out = new URLSearchParams(params);
  out.delete("diff");
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) out.delete(key);
    else out.set(key, value);
  }
  return out;
}

/** The search of an event's address: filters and list, without what belongs to one view only. */
export function keptSearch(params: URLSearchParams): string {
  const out = new URLSearchParams(params);
  out.delete("diff");
  return asSearch(out);
}

/** Filters whose key has a choice of its own; every other key goes into the query. */
const OWN: Record<string, "environment" | "release" | undefined> = { environment: "environment", release: "release" };

/**
 * The address once a value of a tag was clicked; `written`: the key as it is searched by. A second value of the same key
 * takes the place of the first.
 */
export function withTag(params: URLSearchParams, key: string, value: string, written: string): URLSearchParams {
  const own = OWN[key];
  if (own && value !== "") return changed(params, { [own]: value });
  const isIt = (name: string | null) => name === key || name === written || name === `tags[${key}]`;
  const isGone = (term: Term) => (term.isNegated ? term.key === "has" && isIt(term.value) : isIt(term.key));
  const term = value === "" ? `!has:${written}` : `${written}:${quoted(value)}`;
  return changed(params, { query: withMore(filtersOf(params).query, term, isGone) });
}

export type ListPlace = { at: number | null; previous: string | null; next: string | null };

/**
 * Where an issue stands in its list. One that has just left it, because it was resolved, stands where it was: the issue
 * that took its place comes next.
 */
export function placeIn(ids: readonly string[], shortId: string, lastAt: number | null): ListPlace {
  const at = ids.indexOf(shortId);
  if (at >= 0) return { at, previous: ids[at - 1] ?? null, next: ids[at + 1] ?? null };
  if (lastAt === null) return { at: null, previous: null, next: null };
  return { at: null, previous: ids[lastAt - 1] ?? null, next: ids[lastAt] ?? null };
}
