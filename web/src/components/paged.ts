// A list that comes in pages by cursor, stays in memory for Back, and is read again when it is stale.

import { useEffect, useReducer, useRef } from "preact/hooks";
import { type ApiError, load, recall, remember } from "../api/client";

type Page<T> = { rows: T[]; next: string | null; total: number | null; searchedToMs?: number | null; typedAttribute?: string | null };
export type Paged<T> = {
  rows: T[] | undefined;
  next: string | null;
  total: number | null;
  /** Where a search was given up that could not fill its page. */
  searchedToMs: number | null;
  /** What of the search was taken as an attribute. */
  typedAttribute: string | null;
  error: ApiError | null;
  isLoadingMore: boolean;
  more: () => void;
  reload: () => Promise<void>;
  /** The fresh first page from the server, without touching what is shown. */
  peek: () => Promise<Page<T>>;
  show: (page: Page<T>) => void;
  replace: (rows: T[]) => void;
};

/** `path` has no cursor yet; `read` takes rows and cursor out of an answer. */
export function usePaged<V, T>(path: string, read: (view: V) => Page<T>): Paged<T> {
  const [, draw] = useReducer((n: number, _: void) => n + 1, 0);
  const key = `paged:${path}`;
  const held = useRef<{ path: string; page: Page<T> | undefined; error: ApiError | null; isLoadingMore: boolean } | undefined>(undefined);
  if (held.current?.path !== path) held.current = { path, page: recall<Page<T>>(key), error: null, isLoadingMore: false };
  const state = held.current;
  const set = (page: Page<T>) => {
    remember(key, page);
    state.page = page;
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
  return {
    rows: state.page?.rows,
    next: state.page?.next ?? null,
    total: state.page?.total ?? null,
    searchedToMs: state.page?.searchedToMs ?? null,
    typedAttribute: state.page?.typedAttribute ?? null,
    error: state.error,
    isLoadingMore: state.isLoadingMore,
    reload,
    more: () => {
      const { page } = state;
      if (!page?.next || state.isLoadingMore) return;
      state.isLoadingMore = true;
      draw();
      const separator = path.includes("?") ? "&" : "?";
      load<V>(`${path}${separator}cursor=${encodeURIComponent(page.next)}`).then(
        (view) => {
          state.isLoadingMore = false;
          const more = read(view);
          set({ ...more, rows: [...page.rows, ...more.rows] });
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
  };
}
