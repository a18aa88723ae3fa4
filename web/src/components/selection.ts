// Which rows of a list are selected. Outlives the page, so that Back finds it again; rows that are gone are not selected.

import { useRef, useState } from "preact/hooks";

export type Selection = {
  chosen: ReadonlySet<string>;
  /** `isRange`: all from the one chosen last to this one. Always the same function. */
  toggle: (id: string, isRange: boolean) => void;
  add: (ids: readonly string[]) => void;
  clear: () => void;
};

const kept = new Map<string, ReadonlySet<string>>();
const NONE: ReadonlySet<string> = new Set();

export function useSelection(list: string, ids: readonly string[]): Selection {
  const [, draw] = useState(0);
  const newest = useRef({ list, ids });
  newest.current = { list, ids };
  const anchor = useRef<string | null>(null);
  const set = (next: ReadonlySet<string>) => {
    if (next.size === 0) kept.delete(newest.current.list);
    else kept.set(newest.current.list, next);
    draw((n) => n + 1);
  };
  const own = useRef<Omit<Selection, "chosen"> | null>(null);
  own.current ??= {
    toggle: (id, isRange) => {
      const { list, ids } = newest.current;
      const next = new Set(kept.get(list));
      const from = isRange && anchor.current !== null ? ids.indexOf(anchor.current) : -1;
      const to = ids.indexOf(id);
      if (from >= 0 && to >= 0) for (const each of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(each);
      else if (!next.delete(id)) next.add(id);
      anchor.current = id;
      set(next);
    },
    add: (more) => set(new Set([...(kept.get(newest.current.list) ?? []), ...more])),
    clear: () => set(NONE),
  };
  return { chosen: kept.get(list) ?? NONE, ...own.current };
}
