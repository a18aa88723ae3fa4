// The key of an action, beside what does the same: as it was chosen, and none where shortcuts are off.

import { type KEYS, keysOf, keysOn, type Scope } from "../keys";

/** `isUnsaid`: a screen reader is told of it elsewhere. */
export function KeyHint<S extends Scope>({ scope, id, class: name, isUnsaid = false }: { scope: S; id: Extract<keyof (typeof KEYS)[S]["keys"], string>; class?: string; isUnsaid?: boolean }) {
  if (!keysOn.value) return null;
  return (
    <kbd class={name} aria-hidden={isUnsaid ? "true" : undefined}>
      {keysOf(scope, id)}
    </kbd>
  );
}
