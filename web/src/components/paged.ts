// A list that comes in pages by cursor, stays in memory for Back, and is read again when it is stale.

import { useEffect, useReducer, useRef } from "preact/hooks";
import { type ApiError, load, recall, remember, takeGiven } from "../api/client";

export type Page<T> = { rows: T[]; next: string | null; total: number | null; searchedToMs?: number | null; typedAttribute?: string | null; hidden?: number; partial?: string | null; notes?: string[] };
export type Paged<T> = {
  rows: T[] | undefined;
  next: string | null;
  total: number | null;
  /** Where a search was given up that could not fill its page. */
  searchedToMs: number | null;
  /** What of the search was taken as an attribute. */
  typedAttribute: string | null;
  /** Rows that a filter on by default leaves out, among those shown. */
  hidden: number;
  /** What the server left out of its answer, and why. */
  partial: string | null;
  /** Why there is nothing, where the server knows. */
  notes: readonly string[];
  error: ApiError | null;
  /** The rows are those of the question before; the answer to this one is on its way, or was refused. */
  isStale: boolean;
  /** The rows came with the page, and what came since is told by the live link. */
  isGiven: boolean;
  isLoadingMore: boolean;
  more: () => void;
  reload: () => Promise<void>;
  /** The fresh first page from the server, without touching what is shown. */
  peek: () => Promise<Page<T>>;
  show: (page: Page<T>) => void;
  replace: (rows: T[]) => void;
  /** Changes the page that is shown, whatever it has become since. */
  amend: (change: (page: Page<T>) => Page<T>) => void;
};

/** `isKept`: the rows stay until the answer to the next question is there. `moreQuery` goes with the pages after the first.
 * `keyOf`: rows that have moved down into the next page are not shown twice. */
type Options<T> = { isKept?: boolean; moreQuery?: string; keyOf?: (row: T) => string };

/** `path` has no cursor yet; `read` takes rows and cursor out of an answer. */
export function usePaged<V, T>(path: string, read: (view: V) => Page<T>, { isKept = false, moreQuery = "", keyOf }: Options<T> = {}): Paged<T> {
  const [, draw] = useReducer((n: number, _: void) => n + 1, 0);
  const key = `paged:${path}`;
  const given = takeGiven<V>(path);
  if (given !== undefined) remember(key, read(given));
  const held = useRef<{ path: string; page: Page<T> | undefined; kept: Page<T> | undefined; error: ApiError | null; isGiven: boolean; isLoadingMore: boolean } | undefined>(undefined);
  if (held.current?.path !== path) {
    const kept = isKept ? (held.current?.page ?? held.current?.kept) : undefined;
    held.current = { path, page: recall<Page<T>>(key), kept, error: null, isGiven: given !== undefined, isLoadingMore: false };
  }
  const state = held.current;
  const set = (page: Page<T>) => {
    remember(key, page);
    state.page = page;
    state.kept = undefined;
    state.error = null;
    if (held.current === state) draw();
  };
  const fail = (error: ApiError) => {
    state.error = error;
    if (held.current === state) draw();
  };
  const reload = () => load<V>(path).then((view) => set(read(view)), fail);
  useEffect(() => {
    if (!state.page) void reload();
  }, [path]);
  const shown = state.page ?? state.kept;
  return {
    rows: shown?.rows,
    next: state.page?.next ?? null,
    total: shown?.total ?? null,
    searchedToMs: state.page?.searchedToMs ?? null,
    typedAttribute: state.page?.typedAttribute ?? null,
    hidden: state.page?.hidden ?? 0,
    partial: shown?.partial ?? null,
    notes: shown?.notes ?? [],
    error: state.error,
    isStale: !state.page && state.kept !== undefined,
    isGiven: state.isGiven,
    isLoadingMore: state.isLoadingMore,
    reload,
    more: () => {
      const { page } = state;
      if (!page?.next || state.isLoadingMore) return;
      state.isLoadingMore = true;
      draw();
      const separator = path.includes("?") ? "&" : "?";
      load<V>(`${path}${separator}${moreQuery}cursor=${encodeURIComponent(page.next)}`).then(
        (view) => {
          state.isLoadingMore = false;
          const more = read(view);
          // Meanwhile rows may have been taken out, or have come from elsewhere.
          const before = state.page ?? page;
          const known = keyOf && new Set(before.rows.map(keyOf));
          const rows = known ? more.rows.filter((row) => !known.has(keyOf(row))) : more.rows;
          set({ ...more, rows: [...before.rows, ...rows], hidden: (page.hidden ?? 0) + (more.hidden ?? 0) });
        },
        (error: ApiError) => {
          state.isLoadingMore = false;
          fail(error);
        },
      );
    },
    peek: () => load<V>(path).then(read),
    show: set,
    replace: (rows) => state.page && set({ ...state.page, rows }),
    amend: (change) => {
      if (state.page) set(change(state.page));
      else if (state.kept) {
        state.kept = change(state.kept);
        if (held.current === state) draw();
      }
    },
  };
}
