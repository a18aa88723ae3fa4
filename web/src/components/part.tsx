// A titled part of a section: of an event, of a span.

import type { ComponentChildren } from "preact";

export function Part({ title, note = null, children }: { title: string; note?: string | null; children: ComponentChildren }) {
  return (
    <section class="part">
      <h3>
        {title}
        {note !== null && <small>{note}</small>}
      </h3>
      {children}
    </section>
  );
}
