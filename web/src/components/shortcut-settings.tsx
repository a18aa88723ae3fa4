// The keys of every action: on or off, and other ones where the table's do not suit (WCAG 2.1.4).

import { useEffect, useState } from "preact/hooks";
import { conflictOf, isFixed, KEYS, keymap, keysOf, keysOn, type Scope, setKeys, setKeysOn } from "../keys";
import { say } from "../state";
import { Section, Switch } from "./settings-parts";

/** A second key may follow the first one for as long as this. */
const SECOND_MS = 900;

export function ShortcutSection() {
  const [asking, setAsking] = useState<string | null>(null);
  const scopes = Object.keys(KEYS) as Scope[];
  const hasOwn = Object.keys(keymap.value).length > 0;
  return (
    <Section id="shortcuts" title="Keyboard" note="Single keys work wherever no text is being typed.">
      <Switch isOn={keysOn.value} label="Single-key shortcuts" text="Off leaves the keys to screen readers and to voice control; Ctrl+K and Escape go on working." onChange={setKeysOn} />
      <details class="shortcuts">
        <summary>Change the keys</summary>
        <div class="shortcut-grid">
          {scopes.map((scope) => (
            <section key={scope} aria-labelledby={`keys-${scope}`}>
              <h3 id={`keys-${scope}`}>{KEYS[scope].title}</h3>
              <ul>
                {Object.entries<readonly [string, string]>(KEYS[scope].keys).map(([id, [initial, words]]) => (
                  <Shortcut key={id} scope={scope} id={id} initial={initial} words={words} isAsking={asking === `${scope}.${id}`} onAsk={(isOn) => setAsking(isOn ? `${scope}.${id}` : null)} />
                ))}
              </ul>
            </section>
          ))}
        </div>
        {hasOwn && (
          <button
            type="button"
            class="button"
            onClick={() => {
              for (const name of Object.keys(keymap.value)) setKeys(name, null);
              say("All keys are as they were at first");
            }}
          >
            All as at first
          </button>
        )}
      </details>
    </Section>
  );
}

function Shortcut({ scope, id, initial, words, isAsking, onAsk }: { scope: Scope; id: string; initial: string; words: string; isAsking: boolean; onAsk: (isOn: boolean) => void }) {
  const [problem, setProblem] = useState<string | null>(null);
  const name = `${scope}.${id}`;
  const keys = keysOf(scope, id);
  useEffect(() => {
    if (!isAsking) return undefined;
    let pressed: string[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finish = () => {
      const wanted = pressed.join(" ");
      const conflict = conflictOf(scope, id, wanted);
      setProblem(conflict);
      if (conflict === null) {
        setKeys(name, wanted === initial ? null : wanted);
        say(`${words}: ${wanted}`);
      }
      onAsk(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape" || event.ctrlKey || event.metaKey || event.altKey || event.key.length > 1 || event.key === " ") return onAsk(false);
      clearTimeout(timer);
      pressed = [...pressed, event.key];
      if (pressed.length === 2) finish();
      else timer = setTimeout(finish, SECOND_MS);
    };
    document.addEventListener("keydown", onKey, true);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("keydown", onKey, true);
    };
  }, [isAsking]);
  return (
    <li class="shortcut">
      <span>{words}</span>
      {isFixed(scope, id) ? (
        <span class="key-cap is-fixed">
          <Caps keys={keys} />
        </span>
      ) : (
        <>
          <button type="button" class={isAsking ? "key-cap is-asking" : "key-cap"} aria-label={`${words}: ${keys}. Change`} onClick={() => onAsk(!isAsking)}>
            {isAsking ? "press keys…" : <Caps keys={keys} />}
          </button>
          {keys !== initial && !isAsking && (
            <button type="button" class="link" aria-label={`${words}: back to ${initial}`} onClick={() => setKeys(name, null)}>
              {`back to ${initial}`}
            </button>
          )}
        </>
      )}
      {problem !== null && (
        <p class="set-problems" role="alert">
          {problem}
        </p>
      )}
    </li>
  );
}

function Caps({ keys }: { keys: string }) {
  return (
    <>
      {keys.split(" ").map((key, i) => (
        <kbd key={i}>{key === "Escape" ? "Esc" : key}</kbd>
      ))}
    </>
  );
}
