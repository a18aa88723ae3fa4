// The sections of an event: links that stay on top, the one being read marked, the first eight reached by their number.

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { readingLine, sectionAt } from "../lib/sections";
import { place } from "../router";

export type SectionName = { id: string; name: string; note?: string };

/** The section that was gone to by its key or a link: it is the one read until the page is scrolled by hand, also where the
 * page ends before it can come up. */
const chosen = signal("");
/** What scrolls by hand; a jump and rows that come in late scroll too. */
const BY_HAND = ["wheel", "touchmove", "keydown", "pointerdown"] as const;
const SCROLL_KEYS = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

export function jumpTo(id: string | undefined): void {
  const heading = id === undefined ? null : document.getElementById(`h-${id}`);
  if (id === undefined || !heading) return;
  chosen.value = id;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  heading.closest("section")?.scrollIntoView({ block: "start" });
}

/** Beside the event where there is room, else below it. */
const RAIL = [["changes", "What changed"], ["tag-shares", "All events' tags"], ["users", "Users"]] as const;

/** Reached by their number. */
const NUMBERED = 8;
/** From here on they stand closer; those that do not fit into a line begin a second one. */
const MANY = 10;

export function SectionNav({ sections }: { sections: readonly SectionName[] }) {
  const [read, setRead] = useState("");
  const ids = sections.map(({ id }) => id).join(" ");
  const { path } = place.value;
  const nav = useRef<HTMLElement>(null);
  // What is gone to comes up below the links, however many lines they take.
  useLayoutEffect(() => {
    const element = nav.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => document.documentElement.style.setProperty("--section-nav", `${element.offsetHeight}px`));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const look = () => {
      const tops = ids.split(" ").flatMap((id) => {
        const section = document.getElementById(id);
        return section ? [{ id, topPx: section.getBoundingClientRect().top }] : [];
      });
      const page = document.documentElement;
      setRead(sectionAt(tops, readingLine({ scrollPx: scrollY, mostPx: page.scrollHeight - page.clientHeight, viewPx: page.clientHeight })));
    };
    let frame = 0;
    const lookSoon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(look);
    };
    lookSoon();
    addEventListener("scroll", lookSoon, { passive: true });
    addEventListener("resize", lookSoon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", lookSoon);
      removeEventListener("resize", lookSoon);
    };
  }, [ids]);
  useEffect(() => {
    const follow = () => (chosen.value = location.hash.slice(1));
    const leave = (event: Event) => {
      if (event instanceof KeyboardEvent && !SCROLL_KEYS.has(event.key)) return;
      // Pressed on the page itself: its scroll bar.
      if (event.type === "pointerdown" && event.target !== document.documentElement) return;
      chosen.value = "";
    };
    follow();
    addEventListener("hashchange", follow);
    for (const name of BY_HAND) addEventListener(name, leave, { passive: true });
    return () => {
      chosen.value = "";
      removeEventListener("hashchange", follow);
      for (const name of BY_HAND) removeEventListener(name, leave);
    };
  }, [path]);
  const isListed = sections.some(({ id }) => id === chosen.value) || RAIL.some(([id]) => id === chosen.value);
  const current = isListed ? chosen.value : read;
  return (
    <nav ref={nav} class={`section-nav${sections.length >= MANY ? " many" : ""}`} aria-label="Sections of the event">
      <ul>
        {sections.map(({ id, name, note }, i) => (
          <li key={id}>
            <a href={`#${id}`} aria-current={current === id ? "true" : undefined} onClick={() => (chosen.value = id)}>
              {i < NUMBERED && <span class="section-number" aria-hidden="true">{i + 1}</span>}
              {name}
              {note && <small>{note}</small>}
            </a>
          </li>
        ))}
        {RAIL.map(([id, name]) => (
          <li key={id} class="narrow-only">
            <a href={`#${id}`} aria-current={current === id ? "true" : undefined} onClick={() => (chosen.value = id)}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
