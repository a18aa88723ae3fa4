// The field in which everything is searched: its parts coloured as they are typed, suggestions with counts, what is wrong
// underlined where it stands, saved and recent queries, the language by example. It never waits for the server.

import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useCompletion } from "../api/use-completion";
import { useKeys } from "../keys";
import { countShort, sentence } from "../lib/format";
import { helpFor } from "../lib/query-help";
import type { Completion } from "../api/issues-types";
import { completed, isUnfinished, type Term, terms, tokens, withMore } from "../lib/query-text";
import { type Dataset, dropQuery, recentOf, rememberQuery, SAVED_NAME_MAX, savedQueries, saveQuery } from "../lib/saved-queries";
import { say } from "../state";
import { Icon } from "./icons";
import { KeyHint } from "./key-hint";
import { Popover } from "./menu";

/** What stands complete is searched when typing pauses this long, words that may go on after a longer pause. */
const DONE_MS = 300;
const WORDS_MS = 900;

export type QueryError = { message: string; causes?: readonly string[]; at: { from: number; to: number } | null };

export function QueryBar({ dataset, value, label, placeholder, scope = "", error = null, onChange, onEnter, hasSaved = true, hasCounts = true }: {
  dataset: Dataset;
  value: string;
  label: string;
  placeholder: string;
  /** Narrows what is suggested, as query parameters. */
  scope?: string;
  /** What the server said about `value`. */
  error?: QueryError | null;
  /** `isDone`: by Enter or a choice, not because typing paused. */
  onChange: (query: string, isDone: boolean) => void;
  onEnter?: (query: string) => void;
  hasSaved?: boolean;
  /** Whether how often something was met says anything here: the server counts in whole projects. */
  hasCounts?: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState(value.length);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const sent = useRef(value);
  /** Since the field was entered or a suggestion taken: only then is Tab there to finish a word, or it could not leave. */
  const hasTyped = useRef(false);
  const nextCaret = useRef<number | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  if (value !== sent.current) {
    // Changed from outside: a tab, Back, "clear".
    sent.current = value;
    setText(value);
    setCaret(value.length);
  }
  const { from, to, items, isPartial } = useCompletion(dataset, text, caret, isOpen, scope);
  const offered = useRef(items);
  offered.current = items;
  const recent = isOpen && text.trim() === "" ? recentOf(dataset) : [];
  const size = items.length + recent.length;
  const isShown = isOpen && size > 0;
  const chosen = active < size ? active : -1;

  useEffect(() => () => clearTimeout(timer.current), []);
  useLayoutEffect(() => {
    if (nextCaret.current === null) return;
    input.current?.setSelectionRange(nextCaret.current, nextCaret.current);
    nextCaret.current = null;
    follow();
  });
  useEffect(() => {
    if (chosen >= 0) list.current?.querySelector(`[data-option="${chosen}"]`)?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  /** The coloured text stands exactly where the field's own does. */
  const follow = () => {
    const sync = () => {
      if (mirror.current && input.current) mirror.current.scrollLeft = input.current.scrollLeft;
    };
    sync();
    // The browser moves the field's text to the caret after the event.
    requestAnimationFrame(sync);
  };
  const send = (next: string, isDone: boolean) => {
    clearTimeout(timer.current);
    const query = next.trim();
    if (isDone) rememberQuery(dataset, query);
    if (query === sent.current.trim()) return;
    sent.current = query;
    onChange(query, isDone);
  };
  const type = (next: string, at: number) => {
    hasTyped.current = next.trim() !== "";
    setText(next);
    setCaret(at);
    setActive(-1);
    clearTimeout(timer.current);
    if (isUnfinished(next)) return;
    const term = terms(next).find((one) => one.from < at && at <= one.to);
    timer.current = setTimeout(() => isComplete(term, offered.current) && send(next, false), term ? WORDS_MS : DONE_MS);
  };
  const put = (next: string, at: number) => {
    nextCaret.current = at;
    hasTyped.current = false;
    input.current?.focus();
    setText(next);
    setCaret(at);
    setActive(-1);
    clearTimeout(timer.current);
    if (!isUnfinished(next)) send(next, true);
  };
  const take = (index: number) => {
    const item = items[index];
    if (!item) {
      const query = recent[index - items.length];
      if (query !== undefined) {
        put(query, query.length);
        setOpen(false);
      }
      return;
    }
    const next = completed(text, from, to, item.insert);
    put(next.text, next.caret);
    setOpen(true);
  };
  const run = (query: string) => {
    put(query, query.length);
    setOpen(false);
  };
  useKeys("global", {
    search: () => {
      const field = input.current;
      if (!field) return;
      const next = text === "" || text.endsWith(" ") ? text : `${text} `;
      nextCaret.current = next.length;
      setText(next);
      setCaret(next.length);
      field.focus();
    },
  });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const isHalfTyped = hasTyped.current && items.length > 0 && to > from;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isShown) setOpen(true);
      else setActive(event.key === "ArrowDown" ? (chosen + 1) % size : chosen <= 0 ? size - 1 : chosen - 1);
    } else if (event.key === "Enter") {
      if (isShown && chosen >= 0) take(chosen);
      else {
        setOpen(false);
        send(text, true);
        onEnter?.(text.trim());
      }
    } else if (event.key === "Tab" && !event.shiftKey && isShown && (chosen >= 0 || isHalfTyped)) take(Math.max(0, chosen));
    else if (event.key === "Escape") {
      if (isShown) setOpen(false);
      else if (text.trim() !== sent.current.trim()) {
        clearTimeout(timer.current);
        nextCaret.current = sent.current.length;
        setText(sent.current);
        setCaret(sent.current.length);
      } else input.current?.blur();
    } else return;
    event.preventDefault();
  };
  const moved = () => {
    follow();
    setCaret(input.current?.selectionStart ?? text.length);
  };
  const shownError = error !== null && text.trim() === value.trim() ? error : null;
  const errorId = `${id}-error`;
  return (
    <search class={`query-bar${shownError ? " invalid" : ""}`}>
      <div class="qb-box">
        <Icon name="search" size={14} />
        <div class="qb-field">
          <div ref={mirror} class="qb-mirror" aria-hidden="true">
            <Painted text={text} bad={shownError?.at ?? null} isTyped />
          </div>
          <input
            ref={input}
            type="text"
            role="combobox"
            aria-label={label}
            aria-autocomplete="list"
            aria-expanded={isShown}
            aria-controls={`${id}-list`}
            aria-activedescendant={isShown && chosen >= 0 ? `${id}-${chosen}` : undefined}
            aria-invalid={shownError !== null}
            aria-describedby={shownError ? errorId : undefined}
            placeholder={placeholder}
            value={text}
            spellcheck={false}
            autocomplete="off"
            autocapitalize="off"
            enterkeyhint="search"
            onInput={(event) => {
              type(event.currentTarget.value, event.currentTarget.selectionStart ?? event.currentTarget.value.length);
              setOpen(true);
              follow();
            }}
            onFocus={() => {
              setOpen(true);
              setActive(-1);
            }}
            onBlur={() => {
              hasTyped.current = false;
              setOpen(false);
              follow();
              if (!isUnfinished(text)) send(text, false);
            }}
            onPointerUp={moved}
            onKeyUp={moved}
            onSelect={follow}
            onScroll={follow}
            onKeyDown={onKeyDown}
          />
        </div>
        <span class="qb-tools">
          {text !== "" && (
            <button type="button" class="icon-button small" aria-label="Clear the search" title="Clear" onClick={() => put("", 0)}>
              <Icon name="close" size={14} />
            </button>
          )}
          {hasSaved && <Saved dataset={dataset} query={text.trim()} onRun={run} />}
          <Help dataset={dataset} onAdd={(term) => run(withMore(text, term))} />
          <KeyHint scope="global" id="search" isUnsaid />
        </span>
        <div class="qb-list" hidden={!isShown}>
          <div ref={list} id={`${id}-list`} role="listbox" aria-label="Suggestions">
            {isShown &&
              items.map((item, index) => (
                <Option key={item.insert} id={`${id}-${index}`} index={index} isActive={index === chosen} onTake={take}>
                  <span class="qb-label">{item.label}</span>
                  <small>{item.note}</small>
                  {hasCounts && item.count !== null && <span class="qb-count">{countShort(item.count)}</span>}
                </Option>
              ))}
            {isShown &&
              recent.map((query, i) => (
                <Option key={`recent ${query}`} id={`${id}-${items.length + i}`} index={items.length + i} isActive={items.length + i === chosen} onTake={take}>
                  <span class="qb-label">
                    <Painted text={query} bad={null} />
                  </span>
                  <small>asked before</small>
                </Option>
              ))}
          </div>
          {hasCounts && isPartial && <p class="qb-note">Counted among the newest only.</p>}
        </div>
      </div>
      {shownError && (
        <p id={errorId} class="qb-error" role="status">
          <Message text={sentence(shownError.message)} />
          {shownError.causes?.map((cause) => <span key={cause}> {cause}</span>)}
        </p>
      )}
    </search>
  );
}

/** A word that begins a key, and a value that begins others, are half typed: Enter, a blank or leaving the field ends them. */
function isComplete(term: Term | undefined, offered: readonly Completion[]): boolean {
  if (!term) return true;
  const typed = term.value.toLowerCase();
  if (term.key === null) return !offered.some(({ insert }) => insert.endsWith(":") && insert.toLowerCase().startsWith(typed));
  return offered.some(({ label, insert }) => label.toLowerCase() === typed || insert.toLowerCase() === typed);
}

function Option({ id, index, isActive, onTake, children }: { id: string; index: number; isActive: boolean; onTake: (index: number) => void; children: preact.ComponentChildren }) {
  return (
    // The field keeps the focus: keys are answered there.
    <div id={id} role="option" tabIndex={-1} aria-selected={isActive} data-option={index} class="qb-option" onPointerDown={(event) => event.preventDefault()} onClick={() => onTake(index)}>
      {children}
    </div>
  );
}

/** What the server quotes from the query stands in backticks. */
function Message({ text }: { text: string }) {
  const end = /[\p{L}\p{N})\]"']$/u.test(text) ? "." : "";
  return <>{`${text}${end}`.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>;
}

/** The text in its parts; what is wrong is underlined, though it cuts through them. */
function Painted({ text, bad, isTyped }: { text: string; bad: { from: number; to: number } | null; isTyped?: boolean }) {
  const from = bad ? Math.min(bad.from, text.length) : -1;
  const to = bad ? Math.max(bad.to, bad.from + 1) : -1;
  const all = tokens(text);
  return (
    <>
      {all.map((token, index) => {
        const before = all[index - 1];
        const isNegated = before?.kind === "not" && before.to === token.from;
        const name = `qb-${token.kind}${isNegated ? " qb-not" : ""}`;
        const cuts = [token.from, Math.max(token.from, Math.min(from, token.to)), Math.max(token.from, Math.min(to, token.to)), token.to] as const;
        if (!bad || cuts[1] === cuts[2])
          return (
            <span key={token.from} class={name} data-as-typed={isTyped}>
              {text.slice(token.from, token.to)}
            </span>
          );
        return (
          <span key={token.from} class={name} data-as-typed={isTyped}>
            {text.slice(cuts[0], cuts[1])}
            <span class="qb-bad" data-as-typed={isTyped}>{text.slice(cuts[1], cuts[2])}</span>
            {text.slice(cuts[2], cuts[3])}
          </span>
        );
      })}
      {bad && from >= text.length && <span class="qb-bad">{"\u00a0"}</span>}
    </>
  );
}

function Saved({ dataset, query, onRun }: { dataset: Dataset; query: string; onRun: (query: string) => void }) {
  const [name, setName] = useState("");
  const saved = savedQueries.value[dataset];
  const recent = recentOf(dataset).filter((other) => other !== query);
  return (
    <Popover label={<Icon name="bookmark" size={14} />} mark={null} name="Saved and recent searches" title="Saved and recent searches" class="icon-button small" panelClass="qb-panel">
      {(close) => {
        const run = (text: string) => {
          close();
          onRun(text);
        };
        return (
          <>
            {saved.length > 0 && <h2>Saved</h2>}
            <ul class="qb-saved">
              {saved.map((one) => (
                <li key={one.name}>
                  <button type="button" onClick={() => run(one.query)}>
                    <b>{one.name}</b>
                    <span class="mono">{one.query || "everything"}</span>
                  </button>
                  <button
                    type="button"
                    class="icon-button small"
                    aria-label={`Forget ${one.name}`}
                    onClick={() => {
                      dropQuery(dataset, one.name);
                      say(`${one.name} forgotten`);
                    }}
                  >
                    <Icon name="close" size={12} />
                  </button>
                </li>
              ))}
            </ul>
            {recent.length > 0 && <h2>Recent</h2>}
            <ul class="qb-saved">
              {recent.map((text) => (
                <li key={text}>
                  <button type="button" onClick={() => run(text)}>
                    <span class="mono">{text}</span>
                  </button>
                </li>
              ))}
            </ul>
            <form
              class={`qb-save${saved.length + recent.length > 0 ? " apart" : ""}`}
              onSubmit={(event) => {
                event.preventDefault();
                if (name.trim() === "") return;
                saveQuery(dataset, { name, query });
                say(`Saved as ${name.trim()}`);
                setName("");
                close();
              }}
            >
              <label>
                <span>{query === "" ? "Save “everything” as" : "Save this search as"}</span>
                <input type="text" value={name} maxLength={SAVED_NAME_MAX} autocomplete="off" placeholder="Name" onInput={(event) => setName(event.currentTarget.value)} />
              </label>
              <button type="submit" class="button" disabled={name.trim() === ""}>
                Save
              </button>
            </form>
          </>
        );
      }}
    </Popover>
  );
}

function Help({ dataset, onAdd }: { dataset: Dataset; onAdd: (term: string) => void }) {
  return (
    <Popover label={<span aria-hidden="true">?</span>} mark={null} name="How to search" title="How to search" class="icon-button small" panelClass="qb-panel qb-help">
      {(close) =>
        helpFor(dataset).map((part) => (
          <section key={part.title}>
            <h2>{part.title}</h2>
            {part.examples.map(({ query, words }) => (
              <button
                key={query}
                type="button"
                class="qb-example"
                title="Add to the search"
                onClick={() => {
                  close();
                  onAdd(query);
                }}
              >
                <code>
                  <Painted text={query} bad={null} />
                </code>
                <span>{words}</span>
              </button>
            ))}
          </section>
        ))
      }
    </Popover>
  );
}
