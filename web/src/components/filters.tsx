// What stands above and below a list: choices that are part of the address, what is new, how much there is.

import type { ComponentChildren } from "preact";
import { count, dateTime, plural } from "../lib/format";
import { KeyHint } from "./key-hint";
import type { Paged } from "./paged";

/** A choice with a name before it. */
export function Select({ label, value, onChange, children }: { label: string; value: string; onChange: (value: string) => void; children: ComponentChildren }) {
  return (
    <label class="select">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {children}
      </select>
    </label>
  );
}

/** A filter that was chosen elsewhere, and can only be taken away. */
export function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <button type="button" class="toggle" aria-pressed="true" onClick={onRemove} title="Remove this filter">
      <span class="chip-text">{text}</span> <span aria-hidden="true">×</span>
      <span class="offscreen">remove</span>
    </button>
  );
}

/** A name and the value it must have, as `name:value`. */
export function AttributeBox({ value, label, placeholder, onChange }: { value: string; label: string; placeholder: string; onChange: (pair: string | null) => void }) {
  const send = (input: HTMLInputElement) => {
    const text = input.value.trim();
    const isPair = text === "" || text.indexOf(":") > 0;
    input.setCustomValidity(isPair ? "" : "Write name:value");
    if (!isPair) input.reportValidity();
    else if (text !== value) onChange(text || null);
  };
  return (
    <label class="select attribute-box">
      <span>Attribute</span>
      <input
        key={value}
        type="text"
        aria-label={label}
        defaultValue={value}
        placeholder={placeholder}
        title={`${label}, as name:value`}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => event.currentTarget.setCustomValidity("")}
        onChange={(event) => send(event.currentTarget)}
      />
    </label>
  );
}

/** A search that was given up for the time it took says where, and can go on. */
export function SearchedTo({ ms, isLoading = false, onMore }: { ms: number; isLoading?: boolean; onMore: () => void }) {
  return (
    <>
      <span>{`Searched back to ${dateTime(ms).slice(0, 19)}.`}</span>
      <button type="button" class="button" disabled={isLoading} onClick={onMore}>
        {isLoading ? "Searching…" : "Search further back"}
      </button>
    </>
  );
}

export function NewBar({ unseen, noun, apply }: { unseen: number; noun: string; apply: (() => void) | undefined }) {
  if (!apply) return null;
  return (
    <button type="button" class="new-bar" onClick={apply}>
      <span aria-hidden="true">↑</span> {plural(unseen, `new ${noun}`)} <KeyHint scope="list" id="apply" />
    </button>
  );
}

export function ListEnd<T>({ list, noun }: { list: Paged<T>; noun: string }) {
  const { rows, total } = list;
  if (!rows || rows.length === 0) return null;
  return (
    <p class="list-end">
      {list.next && (
        <button type="button" class="button" disabled={list.isLoadingMore} onClick={list.more}>
          {list.isLoadingMore ? "Loading…" : "Load more"}
        </button>
      )}
      <span>{total === null ? `${plural(rows.length, noun)} shown` : `${count(rows.length)} of ${count(Math.max(rows.length, total))} shown`}</span>
    </p>
  );
}
