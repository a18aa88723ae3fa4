// The sections of an event: links that stay on top, the one being read marked, the first eight reached by their number.

import { useEffect, useState } from "preact/hooks";

export type SectionName = { id: string; name: string; note?: string };

export function jumpTo(id: string | undefined): void {
  const heading = id === undefined ? null : document.getElementById(`h-${id}`);
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  heading.closest("section")?.scrollIntoView({ block: "start" });
}

/** Beside the event where there is room, else below it. */
const RAIL = [["changes", "What changed"], ["tag-shares", "All events' tags"], ["users", "Users"]] as const;

/** Reached by their number. */
const NUMBERED = 8;

export function SectionNav({ sections }: { sections: readonly SectionName[] }) {
  const [current, setCurrent] = useState("");
  const ids = sections.map(({ id }) => id).join(" ");
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) if (entry.isIntersecting) setCurrent(entry.target.id);
      },
      { rootMargin: "-60px 0px -75% 0px" },
    );
    for (const id of ids.split(" ")) {
      const section = document.getElementById(id);
      if (section) observer.observe(section);
    }
    return () => observer.disconnect();
  }, [ids]);
  return (
    <nav class="section-nav" aria-label="Sections of the event">
      <ul>
        {sections.map(({ id, name, note }, i) => (
          <li key={id}>
            <a href={`#${id}`} aria-current={current === id ? "true" : undefined}>
              {i < NUMBERED && <span class="section-number" aria-hidden="true">{i + 1}</span>}
              {name}
              {note && <small>{note}</small>}
            </a>
          </li>
        ))}
        {RAIL.map(([id, name]) => (
          <li key={id} class="narrow-only">
            <a href={`#${id}`}>{name}</a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
