// Buttons that copy, a menu, a search box, tabs.

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { copyText } from "../clipboard";
import { useKeys } from "../keys";
import { say } from "../state";
import { Icon, type IconName } from "./icons";

const COPIED_MS = 1600;

export function useCopy(): [(text: string, what?: string) => void, "idle" | "copied" | "failed"] {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = (text: string, what = "Text") => {
    void copyText(text).then((isCopied) => {
      setState(isCopied ? "copied" : "failed");
      say(isCopied ? `${what} copied` : "The browser does not allow copying here");
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
      {state === "copied" ? "Copied" : state === "failed" ? "Not allowed" : label}
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

export type MenuItem = { label: string; note?: string; run?: () => void; href?: string };

export function Menu({ label, items, buttonRef }: { label: ComponentChildren; items: MenuItem[]; buttonRef?: RefObject<HTMLButtonElement | null> }) {
  const [isOpen, setOpen] = useState(false);
  const own = useRef<HTMLButtonElement>(null);
  const button = buttonRef ?? own;
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    (list.current?.firstElementChild as HTMLElement | null)?.focus();
    const outside = (event: Event) => {
      if (!list.current?.contains(event.target as Node) && !button.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const options = [...(list.current?.children ?? [])] as HTMLElement[];
    const at = options.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") options[(at + 1) % options.length]?.focus();
    else if (event.key === "ArrowUp") options[(at - 1 + options.length) % options.length]?.focus();
    else if (event.key === "Tab") return setOpen(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="menu">
      <button ref={button} type="button" class="button" aria-haspopup="menu" aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} onClick={() => setOpen(!isOpen)}>
        {label}
        <Icon name="down" size={12} />
      </button>
      {isOpen && (
        <div ref={list} id={id} role="menu" tabIndex={-1} class="menu-list" onKeyDown={onKeyDown}>
          {items.map((item) =>
            item.href ? (
              <a key={item.label} role="menuitem" tabIndex={-1} href={item.href} target="_blank" rel="noopener noreferrer" onClick={() => setOpen(false)}>
                {item.label}
                {item.note && <small>{item.note}</small>}
              </a>
            ) : (
              <button
                key={item.label}
                type="button"
                role="menuitem"
                tabIndex={-1}
                onClick={() => {
                  item.run?.();
                  close();
                }}
              >
                {item.label}
                {item.note && <small>{item.note}</small>}
              </button>
            ),
          )}
        </div>
      )}
    </div>
  );
}

/** The address changes when typing pauses this long. */
const TYPING_MS = 250;

export function SearchBox({ value, label, placeholder, onChange, onEnter, children }: {
  value: string;
  label: string;
  placeholder: string;
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
            setText("");
            send("");
            input.current?.blur();
          } else return;
          event.preventDefault();
        }}
      />
      {children ?? <kbd aria-hidden="true">/</kbd>}
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
