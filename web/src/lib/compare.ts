// What sets traces apart, as few rows as it takes: facts with the same numbers are one thing said several times. Pure.

import type { CompareItemView } from "../api/types";

export type Alike = { items: [CompareItemView, ...CompareItemView[]] };

/** In the order they came; the first of those with equal numbers stands for them, and names that are the application's own come first. */
export function alike(items: readonly CompareItemView[]): Alike[] {
  const groups = new Map<string, Alike>();
  for (const item of items) {
    const numbers = `${item.share_in} ${item.share_out} ${item.lift}`;
    const group = groups.get(numbers);
    if (!group) groups.set(numbers, { items: [item] });
    else if (isPlumbing(group.items[0].key) && !isPlumbing(item.key)) group.items.unshift(item);
    else group.items.push(item);
  }
  return [...groups.values()];
}

/** What every span of a process carries says the least. */
const isPlumbing = (key: string): boolean => /^(?:telemetry|otel|process|host|os|sdk|service)\./u.test(key) && key !== "service.name";
