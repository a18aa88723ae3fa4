// One row of a list is the current one: j, k, Enter, o. The row's link is what opens.

import { useState } from "preact/hooks";
import { useKeys } from "../keys";
import { navigate } from "../router";

/** The selection outlives the page, so that Back finds it again. */
const selected = new Map<string, string>();

export type ListKeys = {
  current: string | null;
  /** To the row so many below: the one it was at, and the one it came to. */
  move: (step: number) => [from: string | undefined, to: string | undefined];
  /** `null`: to none. */
  choose: (id: string | null) => void;
};

/** `reveal` brings a row into the page that is not drawn because it is out of sight. */
export function useListKeys(list: string, ids: readonly string[], hrefOf: (id: string) => string, onApply?: () => void, reveal?: (index: number) => void): ListKeys {
  const [current, setCurrent] = useState<string | null>(selected.get(list) ?? null);
  const focus = (id: string) => {
    const row = document.querySelector(`[data-row="${CSS.escape(id)}"]`);
    row?.scrollIntoView({ block: "nearest" });
    row?.querySelector<HTMLElement>("a")?.focus({ preventScroll: true });
    return row !== null;
  };
  const choose = (id: string | null) => {
    if (id === null) selected.delete(list);
    else selected.set(list, id);
    setCurrent(id);
  };
  const move = (step: number): [string | undefined, string | undefined] => {
    if (ids.length === 0) return [undefined, undefined];
    // Keys may come faster than the page draws: what was chosen last counts, and its link has the focus before Enter comes.
    const last = selected.get(list);
    const at = last === undefined ? -1 : ids.indexOf(last);
    const index = Math.min(ids.length - 1, Math.max(0, at < 0 ? 0 : at + step));
    const next = ids[index];
    if (next === undefined) return [undefined, undefined];
    choose(next);
    if (!focus(next) && reveal) {
      reveal(index);
      requestAnimationFrame(() => focus(next));
    }
    return [last, next];
  };
  const has = current !== null && ids.includes(current);
  useKeys("list", {
    next: () => void move(1),
    previous: () => void move(-1),
    ...(has ? { open: () => navigate(hrefOf(current)), openTab: () => void open(hrefOf(current), "_blank", "noopener") } : {}),
    ...(onApply ? { apply: onApply } : {}),
  });
  return { current: has ? current : null, move, choose };
}
