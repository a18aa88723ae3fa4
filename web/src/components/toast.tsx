// What happened to things that are no longer on screen, and the way back: the last changes can be undone for ten minutes,
// the newest first. Failures stay until they are read.

import { computed, signal } from "@preact/signals";
import { now, say, serverNow } from "../state";
import { Icon } from "./icons";

/** As long as the server keeps what it needs to undo. */
const UNDO_MS = 600_000;
/** Then only the button stays. */
const WORDS_MS = 12_000;
const UNDOS_MAX = 20;

type Undo = { id: number; text: string; atMs: number; run: () => Promise<void> };

let nextId = 1;
const undos = signal<readonly Undo[]>([]);
const failure = signal<string | null>(null);
const isUndoing = signal(false);
/** Put away by hand; what can be undone can still be, by its key. */
const hidden = signal(0);

/** The newest change that can still be undone. */
export const lastUndo = computed(() => undos.value.findLast(({ atMs }) => now.value - atMs < UNDO_MS) ?? null);

/** Says what was done; `run` takes it back. */
export function offerUndo(text: string, run: () => Promise<void>): void {
  undos.value = [...undos.value.slice(1 - UNDOS_MAX), { id: nextId++, text, atMs: serverNow(), run }];
  now.value = serverNow();
  failure.value = null;
  say(`${text}. Can be undone for ten minutes.`);
}

export function sayFailure(text: string): void {
  failure.value = text;
}

/** Changes that the server has not answered yet: the newest of them is what "undo" is about. */
const underway = signal<readonly Promise<unknown>[]>([]);
let undoing: Promise<void> = Promise.resolve();

/** Whether there is something to undo, or may be soon. */
export const canUndo = computed(() => lastUndo.value !== null || underway.value.length > 0);

export function watchChange(change: Promise<unknown>): void {
  underway.value = [...underway.value, change];
  void change.finally(() => (underway.value = underway.value.filter((other) => other !== change)));
}

/** Takes back the newest change, also one that is still on its way; called twice, the two newest, one after the other. */
export function undoLast(): Promise<void> {
  undoing = undoing.then(async () => {
    await Promise.allSettled(underway.value);
    await undoNewest();
  });
  return undoing;
}

async function undoNewest(): Promise<void> {
  const last = lastUndo.value;
  if (!last) return;
  isUndoing.value = true;
  try {
    await last.run();
    say(`Undone: ${last.text}`);
    undos.value = undos.value.filter(({ id }) => id !== last.id);
  } catch (error) {
    undos.value = undos.value.filter(({ id }) => id !== last.id);
    sayFailure(`Not undone: ${(error as Error).message}`);
  } finally {
    isUndoing.value = false;
  }
}

export function Toasts() {
  const last = lastUndo.value;
  const isShown = last !== null && last.id > hidden.value;
  const isNew = last !== null && now.value - last.atMs < WORDS_MS;
  return (
    <section class="toasts" aria-label="What was done">
      {failure.value !== null && (
        <div class="toast failed" role="alert">
          <span>{failure.value}</span>
          <button type="button" class="icon-button small" aria-label="Close" onClick={() => (failure.value = null)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      )}
      {isShown && last && (
        <div class={`toast${isNew ? "" : " calm"}`} role="group" aria-label="Last change">
          <span class="toast-words">{last.text}</span>
          <button type="button" class="button" disabled={isUndoing.value} title={last.text} onClick={() => void undoLast()}>
            Undo <kbd aria-hidden="true">z</kbd>
          </button>
          <button type="button" class="icon-button small" aria-label="Hide" onClick={() => (hidden.value = last.id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      )}
    </section>
  );
}
