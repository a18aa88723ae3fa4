// One row of a list is the current one: j, k, Enter, o. The row's link is what opens.

import { useState } from "preact/hooks";
import { useKeys } from "../keys";
import { navigate } from "../router";

/** The selection outlives the page, so that Back finds it again. */
const selected = new Map<string, string>();

export function useListKeys(list: string, ids: readonly string[], hrefOf: (id: string) => string, onApply?: () => void): { current: string | null } {
  const [current, setCurrent] = useState<string | null>(selected.get(list) ?? null);
  const move = (step: number) => {
    if (ids.length === 0) return;
    // Keys may come faster than the page draws: what was chosen last counts, and its link has the focus before Enter comes.
    const last = selected.get(list);
    const at = last === undefined ? -1 : ids.indexOf(last);
    const next = ids[Math.min(ids.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next === undefined) return;
    selected.set(list, next);
    setCurrent(next);
    const row = document.querySelector(`[data-row="${CSS.escape(next)}"]`);
    row?.scrollIntoView({ block: "nearest" });
    row?.querySelector<HTMLElement>("a")?.focus({ preventScroll: true });
  };
  const has = current !== null && ids.includes(current);
  useKeys("list", {
    next: () => move(1),
    previous: () => move(-1),
    ...(has ? { open: () => navigate(hrefOf(current)), openTab: () => void open(hrefOf(current), "_blank", "noopener") } : {}),
    ...(onApply ? { apply: onApply } : {}),
  });
  return { current: has ? current : null };
}
