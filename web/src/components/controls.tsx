// Buttons that copy, a search box, tabs.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { copyText } from "../clipboard";
import { useKeys } from "../keys";
import { say } from "../state";
import { Icon, type IconName } from "./icons";
import { KeyHint } from "./key-hint";

const COPIED_MS = 1600;

export function useCopy(): [(text: string, what?: string) => void, "idle" | "copied" | "failed"] {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = (text: string, what = "Text") => {
    void copyText(text, what).then((isCopied) => {
      setState(isCopied ? "copied" : "failed");
      say(isCopied ? `${what} copied` : `${what} could not be copied: it is shown instead`);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setState("idle"), COPIED_MS);
    });
  };
  return [copy, state];
}

export function CopyButton({ text, label = "Copy", class: className = "button" }: { text: () => string; label?: string; class?: string }) {
  const [copy, state] = useCopy();
  return (
    <button type="button" class={className} onClick={() => copy(text(), label.replace(/^Copy /, ""))}>
      <Icon name={state === "copied" ? "check" : "copy"} size={14} />
      {state === "copied" ? "Copied" : state === "failed" ? "Shown" : label}
    </button>
  );
}

export function CopyIcon({ text, label, icon = "copy" }: { text: () => string; label: string; icon?: IconName }) {
  const [copy, state] = useCopy();
  return (
    <button type="button" class="icon-button small" aria-label={label} title={label} onClick={() => copy(text(), label.replace(/^Copy /, ""))}>
      <Icon name={state === "copied" ? "check" : icon} size={14} />
    </button>
  );
}

export { Menu, type MenuItem } from "./menu";

/** The address changes when typing pauses this long. */
const TYPING_MS = 250;

export function SearchBox({ value, label, placeholder, keeps = false, onChange, onEnter, children }: {
  value: string;
  label: string;
  placeholder: string;
  /** Escape only leaves the field: what is found is walked with other keys. */
  keeps?: boolean;
  onChange: (value: string) => void;
  onEnter?: (text: string, isShift: boolean) => void;
  children?: ComponentChildren;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  if (value !== sent.current) {
    // Changed from outside: Back, or "clear".
    sent.current = value;
    setText(value);
  }
  const send = (next: string) => {
    clearTimeout(timer.current);
    if (next === sent.current) return;
    sent.current = next;
    onChange(next);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useKeys("global", {
    search: () => {
      input.current?.focus();
      input.current?.select();
    },
  });
  return (
    <search class="search">
      <Icon name="search" size={14} />
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={placeholder}
        value={text}
        spellcheck={false}
        autocomplete="off"
        enterkeyhint="search"
        onInput={(event) => {
          const next = event.currentTarget.value;
          setText(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => send(next), TYPING_MS);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            send(text);
            onEnter?.(text, event.shiftKey);
          } else if (event.key === "Escape") {
            if (keeps) send(text);
            else {
              setText("");
              send("");
            }
            input.current?.blur();
          } else return;
          event.preventDefault();
        }}
      />
      {children ?? <KeyHint scope="global" id="search" isUnsaid />}
    </search>
  );
}

/** Tabs that switch what is below them in place. */
export function Tabs<T extends string>({ label, tabs, value, onChange, panelId }: {
  label: string;
  tabs: readonly { value: T; name: string; note?: string | undefined }[];
  value: T;
  onChange: (value: T) => void;
  panelId?: string;
}) {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.value === value);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.value);
    const list = (event.currentTarget as HTMLElement).children;
    (list[tabs.indexOf(next)] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" tabIndex={-1} aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button key={tab.value} type="button" role="tab" aria-selected={tab.value === value} aria-controls={panelId} tabIndex={tab.value === value ? 0 : -1} onClick={() => onChange(tab.value)}>
          {tab.name}
          {tab.note && <small>{tab.note}</small>}
        </button>
      ))}
    </div>
  );
}
