// Queries kept in this browser: those with a name, and the last ones asked. One list per kind of data.

import { signal } from "@preact/signals";

export type Dataset = "issues" | "events" | "spans" | "logs";
export type SavedQuery = { name: string; query: string };

export const SAVED_MAX = 20;
export const RECENT_MAX = 8;
export const SAVED_NAME_MAX = 40;
/** Longer ones are pasted by accident. */
const QUERY_MAX = 2000;

/** What was stored, as far as it can be read: anybody may have changed it. */
export function readSaved(text: string | null): SavedQuery[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(found)) return [];
    const fine = found.filter((one): one is SavedQuery => typeof one?.name === "string" && typeof one?.query === "string" && one.name !== "" && one.query.length <= QUERY_MAX);
    return fine.slice(0, SAVED_MAX).map(({ name, query }) => ({ name: name.slice(0, SAVED_NAME_MAX), query }));
  } catch {
    return [];
  }
}

/** With the newest first; the same one only once. */
export function withRecent(recent: readonly string[], query: string): string[] {
  const text = query.trim();
  if (text === "" || text.length > QUERY_MAX) return [...recent];
  return [text, ...recent.filter((other) => other !== text)].slice(0, RECENT_MAX);
}

/** One of the same name is replaced. */
export function withSaved(saved: readonly SavedQuery[], one: SavedQuery): SavedQuery[] {
  const name = one.name.trim().slice(0, SAVED_NAME_MAX);
  if (name === "" || one.query.length > QUERY_MAX) return [...saved];
  const at = saved.findIndex((other) => other.name === name);
  const next = at < 0 ? [...saved, { name, query: one.query }] : saved.with(at, { name, query: one.query });
  return next.slice(-SAVED_MAX);
}

const read = (key: string): string | null => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
};
const write = (key: string, value: unknown): void => {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // They last until the page is closed.
  }
};

const DATASETS: readonly Dataset[] = ["issues", "events", "spans", "logs"];
const savedKey = (dataset: Dataset) => `trapline.saved.${dataset}`;
const recentKey = (dataset: Dataset) => `trapline.recent.${dataset}`;
const each = <T>(of: (dataset: Dataset) => T) => Object.fromEntries(DATASETS.map((dataset) => [dataset, of(dataset)])) as Record<Dataset, T>;

export const savedQueries = signal(each((dataset) => readSaved(read(savedKey(dataset)))));
const recentQueries = signal(each((dataset) => readSaved(read(recentKey(dataset))).map(({ query }) => query)));

export const recentOf = (dataset: Dataset): readonly string[] => recentQueries.value[dataset];

export function saveQuery(dataset: Dataset, one: SavedQuery): void {
  const next = withSaved(savedQueries.value[dataset], one);
  savedQueries.value = { ...savedQueries.value, [dataset]: next };
  write(savedKey(dataset), next);
}

export function dropQuery(dataset: Dataset, name: string): void {
  const next = savedQueries.value[dataset].filter((other) => other.name !== name);
  savedQueries.value = { ...savedQueries.value, [dataset]: next };
  write(savedKey(dataset), next);
}

export function rememberQuery(dataset: Dataset, query: string): void {
  const next = withRecent(recentQueries.value[dataset], query);
  recentQueries.value = { ...recentQueries.value, [dataset]: next };
  write(recentKey(dataset), next.map((text) => ({ name: "-", query: text })));
}
