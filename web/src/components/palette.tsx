// Ctrl+K: screens, what can be done on this page, ids that are pasted, pages seen last, and searches, from one field.
// A combobox with its list box: the focus stays in the field, the arrows choose.

import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { load } from "../api/client";
import type { EventView, IssueView, SpanPlaceView, TraceView } from "../api/types";
import { type Action, actions, keysOf } from "../keys";
import { matching, type Entry } from "../lib/palette";
import { duration, oneLine } from "../lib/format";
import { issuePath, pastedIds, type PastedId, withQuery } from "../lib/urls";
import { navigate } from "../router";
import { recentVisits } from "../recent";
import "../styles/palette.css";

/** Moving about with the keys of a list is not done from here. */
const LEFT_OUT = /\.(?:palette|next|previous|down|up|left|right|open|openTab|close|search|sections|select|extendDown|extendUp|none)$/;
const LOOKUP_MS = 120;

type Screen = { path: string; name: string };

export function Palette({ screens, onClose }: { screens: readonly Screen[]; onClose: () => void }) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  // As they were when it was opened: the page behind does not change meanwhile.
  const fixed = useMemo(() => fixedEntries(screens, actions()), []);
  const found = useFound(typed);
  const entries = useMemo(() => [...found, ...matching(fixed, typed), ...searches(typed)], [found, fixed, typed]);
  const current = Math.min(at, entries.length - 1);
  // Before it is painted: letters may follow Ctrl+K at once.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [current, entries]);
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    dialog.current?.close();
    // After the dialog has given the focus back, so that what runs may take it.
    requestAnimationFrame(() => (entry.path === undefined ? entry.run?.() : navigate(entry.path)));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = entries.length - 1;
    if (event.key === "ArrowDown") setAt(current >= last ? 0 : current + 1);
    else if (event.key === "ArrowUp") setAt(current <= 0 ? last : current - 1);
    else if (event.key === "PageDown") setAt(Math.min(last, current + 8));
    else if (event.key === "PageUp") setAt(Math.max(0, current - 8));
    else if (event.key === "Enter" && !event.isComposing) choose(entries[current]);
    else return;
    event.preventDefault();
  };
  const groups = grouped(entries);
  return (
    <dialog ref={dialog} class="palette" aria-label="Go anywhere, do anything" onClose={onClose} onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <input
        class="palette-input"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={entries.length > 0 ? `${id}-${current}` : undefined}
        aria-autocomplete="list"
        aria-label="A screen, an action, words to search, or an id"
        placeholder="Screen, action, words or an id"
        spellcheck={false}
        autocomplete="off"
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={`${id}-list`} class="palette-list" role="listbox" aria-label="What was found">
        {groups.map(({ name, rows }) => (
          <div key={name} role="group" aria-labelledby={`${id}-g-${rows[0]?.at}`}>
            <p class="palette-group" id={`${id}-g-${rows[0]?.at}`} role="presentation">
              {name}
            </p>
            {rows.map(({ entry, at: index }) => (
              // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
              <div key={entry.id} id={`${id}-${index}`} class="palette-row" role="option" tabIndex={-1} aria-selected={index === current} onClick={() => choose(entry)} onPointerMove={() => index !== current && setAt(index)}>
                <span class="palette-label">{entry.label}</span>
                {entry.note && <span class="palette-note">{entry.note}</span>}
                {entry.keys && (
                  <span class="palette-keys" aria-hidden="true">
                    {entry.keys.split(" ").map((key, i) => (
                      <kbd key={i}>{key}</kbd>
                    ))}
                  </span>
                )}
              </div>
            ))}
          </div>
        ))}
        {entries.length === 0 && <p class="palette-none">Nothing is called that.</p>}
      </div>
      <p class="offscreen" role="status">{`${entries.length} found`}</p>
    </dialog>
  );
}

function grouped(entries: readonly Entry[]): { name: string; rows: { entry: Entry; at: number }[] }[] {
  const groups: { name: string; rows: { entry: Entry; at: number }[] }[] = [];
  for (const [at, entry] of entries.entries()) {
    const last = groups.at(-1);
    if (last?.name === entry.group) last.rows.push({ entry, at });
    else groups.push({ name: entry.group, rows: [{ entry, at }] });
  }
  return groups;
}

function fixedEntries(screens: readonly Screen[], all: readonly Action[]): Entry[] {
  const isGo = (action: Action) => action.scope === "global" && action.name.startsWith("global.go");
  const keysTo = (path: string) => all.find((action) => isGo(action) && action.words.toLowerCase() === `go to ${screens.find((screen) => screen.path === path)?.name.toLowerCase()}`)?.keys;
  const own = all.filter((action) => !isGo(action) && !LEFT_OUT.test(action.name));
  const recent = recentVisits().filter(({ path }) => path !== location.pathname);
  return [
    ...own.filter((action) => action.scope !== "global").map((action): Entry => ({ id: action.name, group: "On this page", label: action.words, keys: action.keys, run: action.run })),
    ...recent.map(({ path, title }): Entry => ({ id: `recent ${path}`, group: "Seen last", label: title, path })),
    ...screens.map(({ path, name }): Entry => {
      const keys = keysTo(path);
      return { id: path, group: "Go to", label: name, path, ...(keys ? { keys } : {}) };
    }),
    ...MORE_PLACES.map(([path, label]): Entry => ({ id: path, group: "Go to", label, path })),
    ...own.filter((action) => action.scope === "global").map((action): Entry => ({ id: action.name, group: "Anywhere", label: action.words, keys: keysOf(action.scope, action.name.slice(7)), run: action.run })),
  ];
}

const MORE_PLACES: readonly (readonly [string, string])[] = [
  ["/settings/browser#appearance", "Settings: appearance, theme, density"],
  ["/settings/browser#editor", "Settings: editor and paths"],
  ["/settings/browser#shortcuts", "Settings: keyboard shortcuts"],
  ["/settings/browser#you", "Settings: your name"],
  ["/settings#discarded", "Settings: discarded issues"],
  ["/settings/about", "Settings: about this server"],
];

/** Words lead to the lists that search them. */
function searches(typed: string): Entry[] {
  const text = typed.trim();
  if (text.length < 2 || pastedIds(text, location.origin).length > 0) return [];
  const words = oneLine(text, 60);
  return [
    { id: "search issues", group: "Search", label: `Issues with “${words}”`, path: `/issues${withQuery("", { query: text })}` },
    { id: "search traces", group: "Search", label: `Traces with “${words}”`, path: `/traces${withQuery("", { query: text })}` },
    { id: "search logs", group: "Search", label: `Logs with “${words}”`, path: `/logs${withQuery("", { query: text })}` },
  ];
}

/** Ids are looked up at once: what the server has is shown by its name, what it does not have is not offered. */
function useFound(typed: string): Entry[] {
  const [found, setFound] = useState<Entry[]>([]);
  useEffect(() => {
    const ids = pastedIds(typed, location.origin);
    if (ids.length === 0) {
      setFound([]);
      return undefined;
    }
    let isOver = false;
    setFound([{ id: "looking", group: "By its id", label: `Looking for ${ids[0]?.id ?? ""}…` }]);
    const timer = setTimeout(() => {
      void Promise.all(ids.map((id) => lookUp(id).catch(() => null))).then((answers) => {
        if (isOver) return;
        const entries = answers.filter((entry) => entry !== null);
        setFound(entries.length > 0 ? entries : [{ id: "nothing", group: "By its id", label: `Nothing with the id ${ids[0]?.id ?? ""} is here` }]);
      });
    }, LOOKUP_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [typed]);
  return found;
}

async function lookUp({ kind, id, path }: PastedId): Promise<Entry> {
  const group = "By its id";
  const key = `${kind} ${id}`;
  const enc = encodeURIComponent;
  if (kind === "event") {
    const event = await load<EventView>(`/api/ui/events/${enc(id)}`);
    return { id: key, group, label: oneLine(event.title, 120), note: `event of ${event.short_id}`, path: `${issuePath(event.short_id)}/events/${event.event_id}` };
  }
  if (kind === "trace") {
    const trace = await load<TraceView>(`/api/ui/traces/${enc(id)}`);
    return { id: key, group, label: oneLine(trace.name || "Trace", 120), note: `trace, ${duration(trace.duration_ns)}`, path };
  }
  if (kind === "issue") {
    const { issue } = await load<IssueView>(`/api/ui/issues/${enc(id)}`);
    return { id: key, group, label: oneLine(issue.title, 120), note: `issue ${issue.short_id}`, path };
  }
  const span = await load<SpanPlaceView>(`/api/ui/spans/${enc(id)}`);
  return { id: key, group, label: oneLine(span.name || "Span", 120), note: "span", path: `/traces/${span.trace_id}?span=${span.span_id}` };
}
