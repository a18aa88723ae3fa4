// The list of logs behind a page: pages by cursor, and what arrives meanwhile.

import { useEffect, useReducer, useRef } from "preact/hooks";
import { merge, ROWS_MAX } from "../lib/logs";
import { type ApiError, load } from "./client";
import type { LogListView, LogRowView } from "./types";

export type Logs = {
  rows: LogRowView[] | undefined;
  /** Of the logs that wait to be shown. */
  unseen: number;
  hasAny: boolean;
  next: string | null;
  searchedToMs: number | null;
  /** Why there is nothing, where the server knows. */
  notes: readonly string[];
  error: ApiError | null;
  isLoading: boolean;
  more: () => void;
  reload: () => void;
  /** Reads the newest; shows them at once or lets them wait. */
  check: (isShown: boolean) => void;
  apply: () => void;
};

type State = { key: string; view: LogListView | undefined; fresh: LogListView | null; unseen: number; error: ApiError | null; isLoading: boolean; isChecking: boolean; isWanted: boolean };

/** `key` names the question; `path` is how it is asked now (a range that ends now moves on with the clock). */
export function useLogs(key: string, path: () => string): Logs {
  const [, draw] = useReducer((n: number, _: void) => n + 1, 0);
  const held = useRef<State | undefined>(undefined);
  if (held.current?.key !== key) held.current = { key, view: undefined, fresh: null, unseen: 0, error: null, isLoading: false, isChecking: false, isWanted: false };
  const state = held.current;
  const set = (change: Partial<State>) => {
    Object.assign(state, change);
    if (held.current === state) draw();
  };
  const reload = () => {
    set({ isLoading: true, fresh: null, unseen: 0 });
    load<LogListView>(path()).then(
      (view) => set({ view, error: null, isLoading: false }),
      (error: ApiError) => set({ error, isLoading: false }),
    );
  };
  useEffect(() => {
    if (!state.view && !state.isLoading) reload();
  }, [key]);
  const show = (fresh: LogListView) => {
    const shown = state.view?.logs ?? [];
    const { rows, isGap } = merge(shown, fresh.logs);
    // After a gap, and where there was nothing, the fresh page is the list.
    const isWhole = isGap || shown.length === 0 || !state.view;
    set({ view: isWhole ? fresh : { ...(state.view as LogListView), logs: rows }, fresh: null, unseen: 0, error: null });
  };
  const check = (isShown: boolean) => {
    if (state.isChecking) {
      state.isWanted = true;
      return;
    }
    state.isChecking = true;
    state.isWanted = false;
    load<LogListView>(path())
      .then((fresh) => {
        const { added } = merge(state.view?.logs ?? [], fresh.logs);
        if (isShown || !state.view?.logs.length) show(fresh);
        else if (added > 0) set({ fresh, unseen: added });
      })
      .catch((error: ApiError) => set({ error }))
      .finally(() => {
        state.isChecking = false;
        if (state.isWanted && held.current === state) check(isShown);
      });
  };
  const more = () => {
    const { view } = state;
    if (!view?.next_cursor || state.isLoading || view.logs.length >= ROWS_MAX) return;
    set({ isLoading: true });
    load<LogListView>(`${path()}&cursor=${encodeURIComponent(view.next_cursor)}`).then(
      (page) => {
        const shown = state.view?.logs ?? [];
        const known = new Set(shown.map((row) => row.id));
        set({ view: { ...page, has_any: true, logs: [...shown, ...page.logs.filter((row) => !known.has(row.id))] }, isLoading: false, error: null });
      },
      (error: ApiError) => set({ error, isLoading: false }),
    );
  };
  return {
    rows: state.view?.logs,
    unseen: state.unseen,
    hasAny: state.view?.has_any ?? true,
    next: state.view?.next_cursor ?? null,
    searchedToMs: state.view?.searched_to_ms ?? null,
    notes: state.view?.notes ?? [],
    error: state.error,
    isLoading: state.isLoading,
    more,
    reload,
    check,
    apply: () => state.fresh && show(state.fresh),
  };
}
