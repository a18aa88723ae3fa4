// What opens below a button: a panel of any content, and a menu of actions with arrows, first letters and Escape. Keeps
// itself inside the window.

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { keysOn } from "../keys";
import { Icon, type IconName } from "./icons";

const MARGIN_PX = 8;
/** Less than that is not worth opening; then it hangs over the edge. */
const ROOM_MIN_PX = 160;

export type Floating = {
  isOpen: boolean;
  setOpen: (isOpen: boolean) => void;
  /** Closes, and gives the focus back to the button. */
  close: () => void;
  panel: RefObject<HTMLDivElement | null>;
};

/** Open or not, where it has room, closed by Escape and by a press elsewhere. */
export function useFloating(button: RefObject<HTMLElement | null>): Floating {
  const [isOpen, setOpen] = useState(false);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const outside = (event: Event) => {
      if (!panel.current?.contains(event.target as Node) && !button.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  useLayoutEffect(() => {
    const element = panel.current;
    if (!isOpen || !element) return;
    const box = element.getBoundingClientRect();
    const from = button.current?.getBoundingClientRect();
    if (from && box.bottom > innerHeight - MARGIN_PX) {
      const isUp = from.top > innerHeight - from.bottom;
      if (isUp) element.dataset.up = "";
      const room = (isUp ? from.top : innerHeight - from.bottom) - 2 * MARGIN_PX;
      if (box.height > room) element.style.maxHeight = `${Math.max(ROOM_MIN_PX, room)}px`;
    }
    const aside = box.left < MARGIN_PX ? MARGIN_PX - box.left : Math.min(0, document.documentElement.clientWidth - MARGIN_PX - box.right);
    if (aside !== 0) element.style.translate = `${aside}px 0`;
  }, [isOpen]);
  return {
    isOpen,
    setOpen,
    close: () => {
      setOpen(false);
      button.current?.focus();
    },
    panel,
  };
}

export type ButtonLook = {
  label: ComponentChildren;
  /** For a label that is no word. */
  name?: string | undefined;
  class?: string | undefined;
  disabled?: boolean | undefined;
  buttonRef?: RefObject<HTMLButtonElement | null> | undefined;
  /** Beside the label; none for a button that is only a mark. */
  mark?: IconName | null | undefined;
};

/** A button and a panel. The first thing in it that takes the focus gets it. */
export function Popover({ label, name, class: className = "button", disabled, buttonRef, mark = "down", title, panelClass = "", children }: ButtonLook & {
  /** What the panel is called. */
  title: string;
  panelClass?: string;
  children: (close: () => void) => ComponentChildren;
}) {
  const own = useRef<HTMLButtonElement>(null);
  const button = buttonRef ?? own;
  const { isOpen, setOpen, close, panel } = useFloating(button);
  const id = useId();
  useEffect(() => {
    if (isOpen) (panel.current?.querySelector<HTMLElement>("[data-first]") ?? panel.current?.querySelector<HTMLElement>("input, button, a"))?.focus();
  }, [isOpen]);
  return (
    <div class="menu">
      <button ref={button} type="button" class={className} aria-label={name} title={name} disabled={disabled} aria-haspopup="dialog" aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} onClick={() => setOpen(!isOpen)}>
        {label}
        {mark && <Icon name={mark} size={12} />}
      </button>
      {isOpen && (
        <div
          ref={panel}
          id={id}
          role="dialog"
          aria-label={title}
          class={`popover ${panelClass}`}
          onKeyDown={(event) => {
            if (event.ctrlKey || event.metaKey || event.altKey) return;
            // What is typed here is not meant for the page below.
            event.stopPropagation();
            if (event.key === "Escape") close();
            else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
              if ((event.target as Element).closest("select, input:not([type=text])")) return;
              const all = [...(panel.current?.querySelectorAll<HTMLElement>("input, button:not(:disabled), a, select") ?? [])];
              const at = all.indexOf(document.activeElement as HTMLElement);
              all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]?.focus();
            } else return;
            event.preventDefault();
          }}
          onFocusOut={(event) => {
            const to = event.relatedTarget as Node | null;
            if (to && !panel.current?.contains(to) && to !== button.current) setOpen(false);
          }}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}

export type MenuItem = {
  label: string;
  note?: string | undefined;
  run?: () => void;
  href?: string;
  /** The letter that chooses it while the menu is open. */
  key?: string;
  icon?: IconName;
  isDanger?: boolean;
  isDisabled?: boolean;
  /** One of several that exclude each other, and whether it is the one. */
  isChosen?: boolean;
};
/** `null` is a line between groups; a text names those that follow it. */
export type MenuEntry = MenuItem | string | null;

type Group = { heading: string | null; items: MenuItem[] };

function grouped(entries: readonly MenuEntry[]): Group[] {
  const groups: Group[] = [{ heading: null, items: [] }];
  for (const entry of entries) {
    if (entry === null || typeof entry === "string") groups.push({ heading: entry, items: [] });
    else groups.at(-1)?.items.push(entry);
  }
  return groups.filter(({ items }) => items.length > 0);
}

export function Menu({ label, items, buttonRef, name, class: className = "button", disabled, mark = "down", onOpen }: ButtonLook & { items: readonly MenuEntry[]; onOpen?: () => void }) {
  const own = useRef<HTMLButtonElement>(null);
  const button = buttonRef ?? own;
  const { isOpen, setOpen, close, panel } = useFloating(button);
  const id = useId();
  const options = () => [...(panel.current?.querySelectorAll<HTMLElement>("[role^=menuitem]:not([aria-disabled])") ?? [])];
  // Before it is painted: the letter of an item may be pressed right after the key that opened it.
  useLayoutEffect(() => {
    if (!isOpen) return;
    onOpen?.();
    const all = options();
    (all.find((option) => option.getAttribute("aria-checked") === "true") ?? all[0])?.focus();
  }, [isOpen]);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = options();
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Tab") return setOpen(false);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
    else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
    else if (event.key === "Home") all[0]?.focus();
    else if (event.key === "End") all.at(-1)?.focus();
    else if (/^\S$/u.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const chosen = items.flatMap((entry) => (entry === null || typeof entry === "string" ? [] : [entry])).find((item) => item.key === event.key);
      const from = [...all.slice(at + 1), ...all.slice(0, at + 1)];
      // Letters are the menu's own while it is open, or "m" would do to the page what it never meant.
      if (chosen) all.find((option) => option.dataset.key === chosen.key)?.click();
      else from.find((option) => option.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="menu">
      <button ref={button} type="button" class={className} aria-label={name} title={name} disabled={disabled} aria-haspopup="menu" aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} onClick={() => setOpen(!isOpen)}>
        {label}
        {mark && <Icon name={mark} size={12} />}
      </button>
      {isOpen && (
        <div ref={panel} id={id} role="menu" tabIndex={-1} class="menu-list" onKeyDown={onKeyDown}>
          {grouped(items).map((group, index) => (
            <div key={index} role="group" aria-label={group.heading || undefined}>
              {group.heading && (
                <p class="menu-heading" aria-hidden="true">
                  {group.heading}
                </p>
              )}
              {group.items.map((item) => (
                <Item key={item.label} item={item} onLeave={() => setOpen(false)} onDone={close} />
              ))}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

function Item({ item, onLeave, onDone }: { item: MenuItem; onLeave: () => void; onDone: () => void }) {
  const words = (
    <>
      {item.icon && <Icon name={item.icon} size={14} />}
      <span class="menu-words">{item.label}</span>
      {item.isChosen && <Icon name="check" size={14} />}
      {item.note && <small>{item.note}</small>}
      {item.key && keysOn.value && <kbd aria-hidden="true">{item.key}</kbd>}
    </>
  );
  if (item.href)
    return (
      <a role="menuitem" tabIndex={-1} href={item.href} target="_blank" rel="noopener noreferrer" onClick={onLeave}>
        {words}
      </a>
    );
  return (
    <button
      type="button"
      role={item.isChosen === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={item.isChosen}
      aria-disabled={item.isDisabled || undefined}
      aria-keyshortcuts={item.key}
      data-key={item.key}
      tabIndex={-1}
      class={item.isDanger ? "danger" : undefined}
      onClick={() => {
        if (item.isDisabled) return;
        // The focus first: what runs may open a dialog, which gives it back to where it was.
        onDone();
        item.run?.();
      }}
    >
      {words}
    </button>
  );
}
