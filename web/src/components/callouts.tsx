// Said once, on the first issue somebody opens: what the page can do that one would not find. Gone for ever by Escape.

import { useState } from "preact/hooks";
import { useKeys } from "../keys";
import { remembered, rememberChoice } from "../state";

export type Callout = { name: string; words: string; keys?: string; href?: string };

export function Callouts({ list }: { list: readonly Callout[] }) {
  const [isDone, setDone] = useState(() => remembered("callouts", "") === "seen");
  if (isDone || list.length === 0) return null;
  return (
    <Shown
      list={list}
      onDone={() => {
        rememberChoice("callouts", "seen");
        setDone(true);
      }}
    />
  );
}

function Shown({ list, onDone }: { list: readonly Callout[]; onDone: () => void }) {
  useKeys("issue", { close: onDone });
  return (
    <aside class="callouts" aria-label="New here">
      <ul>
        {list.map(({ name, words, keys, href }) => (
          <li key={name}>
            <b>{href ? <a href={href}>{name}</a> : name}</b> {words} {keys && <kbd>{keys}</kbd>}
          </li>
        ))}
      </ul>
      <button type="button" class="button" onClick={onDone}>
        Got it <kbd>Esc</kbd>
      </button>
    </aside>
  );
}
