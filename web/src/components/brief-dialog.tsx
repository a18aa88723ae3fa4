// "For AI": what will be copied, seen before it is: sections to choose, the size, and what was replaced in the text.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { EventView, TraceView } from "../api/types";
import { useResource } from "../api/client";
import { copyText } from "../clipboard";
import { brief, CHOSEN_AT_FIRST, type SectionId, SECTIONS, sectionsOf, tokensOf } from "../lib/copy/brief";
import { KIND_WORDS, redact, type Replaced, type SecretKind } from "../lib/copy/redact";
import { bytes, count, oneLine } from "../lib/format";
import { rememberChoice, remembered, say } from "../state";
import { Icon } from "./icons";
import "../styles/copy.css";

const COPIED_MS = 1600;
/** Replaced values listed one by one; more are only counted. */
const REPLACED_SHOWN = 40;

function chosenAtFirst(): ReadonlySet<SectionId> {
  const stored = remembered("brief", "");
  return new Set(stored === "" ? CHOSEN_AT_FIRST : SECTIONS.filter((id) => stored.split(" ").includes(id)));
}

export function BriefDialog({ event, link, onClose }: { event: EventView; link: string; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [chosen, setChosen] = useState(chosenAtFirst);
  const [isRedacting, setRedacting] = useState(remembered("brief-redact", "on") === "on");
  const [state, setState] = useState<"idle" | "copied">("idle");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const traceId = event.trace?.has_spans ? event.trace.trace_id : null;
  const trace = useResource<TraceView>(traceId === null ? null : `/api/ui/traces/${encodeURIComponent(traceId)}`);
  const sections = useMemo(() => sectionsOf(event, trace.data ?? null, link), [event, trace.data, link]);
  const plain = useMemo(() => brief(event, sections.filter(({ id }) => id === "error" || chosen.has(id))), [event, sections, chosen]);
  const { text, replaced } = useMemo(() => (isRedacting ? redact(plain) : { text: plain, replaced: [] }), [plain, isRedacting]);
  useEffect(() => {
    dialog.current?.showModal();
    return () => clearTimeout(timer.current);
  }, []);
  const toggle = (id: SectionId) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
    rememberChoice("brief", [...next].join(" ") || "none");
  };
  const copy = () => {
    void copyText(text, "The text for an assistant").then((isCopied) => {
      if (!isCopied) return;
      say("Copied");
      setState("copied");
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setState("idle"), COPIED_MS);
    });
  };
  return (
    <dialog ref={dialog} class="help copy-dialog" aria-labelledby="brief-title" onClose={onClose} onClick={(click) => click.target === dialog.current && dialog.current?.close()}>
      <div class="help-body brief">
        <div class="row-between">
          <h2 id="brief-title">Copy for AI</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
          </button>
        </div>
        <div class="brief-columns">
          <div class="brief-choices">
            <fieldset>
              <legend>Sections</legend>
              {sections.map(({ id, name, text: own }) => (
                <label key={id} class="check">
                  <input type="checkbox" checked={id === "error" || chosen.has(id)} disabled={id === "error"} onChange={() => toggle(id)} />
                  <span>{name}</span>
                  <small>{bytes(own.length)}</small>
                </label>
              ))}
              {trace.isLoading && <p class="quiet">Reading the trace…</p>}
              {trace.error && <p class="quiet">{`Without the trace: ${trace.error.message}`}</p>}
            </fieldset>
            <label class="check">
              <input
                type="checkbox"
                checked={isRedacting}
                onChange={(change) => {
                  setRedacting(change.currentTarget.checked);
                  rememberChoice("brief-redact", change.currentTarget.checked ? "on" : "off");
                }}
              />
              <span>Replace personal data and secrets</span>
            </label>
            {isRedacting ? <WhatWasReplaced replaced={replaced} /> : <p class="set-warning">E-mail addresses, IP addresses, tokens and passwords stay in the text.</p>}
          </div>
          <textarea class="copy-preview" readOnly value={text} aria-label="What will be copied" spellcheck={false} />
        </div>
        <div class="row-between brief-foot">
          <p class="quiet" role="status">{`${bytes(new Blob([text]).size)}, about ${count(tokensOf(text))} tokens`}</p>
          <button type="button" class="button primary" onClick={copy}>
            <Icon name={state === "copied" ? "check" : "copy"} size={14} />
            {state === "copied" ? "Copied" : "Copy"}
          </button>
        </div>
      </div>
    </dialog>
  );
}

function WhatWasReplaced({ replaced }: { replaced: readonly Replaced[] }) {
  if (replaced.length === 0) return <p class="quiet">Nothing in it looked like personal data or a secret. Look yourself, too.</p>;
  const kinds = new Map<SecretKind, number>();
  for (const { kind, count: times } of replaced) kinds.set(kind, (kinds.get(kind) ?? 0) + times);
  return (
    <details class="brief-replaced">
      <summary>{[...kinds].map(([kind, n]) => `${count(n)} ${KIND_WORDS[kind][n === 1 ? 0 : 1]}`).join(", ")} replaced</summary>
      <ul>
        {replaced.slice(0, REPLACED_SHOWN).map((one) => (
          <li key={one.name + one.original}>
            <code>{oneLine(one.original, 60)}</code>
            <span aria-label="is now">→</span> <code>{one.name}</code>
            {one.count > 1 && <small>{` ×${count(one.count)}`}</small>}
          </li>
        ))}
        {replaced.length > REPLACED_SHOWN && <li class="quiet">{`and ${count(replaced.length - REPLACED_SHOWN)} more`}</li>}
      </ul>
    </details>
  );
}
