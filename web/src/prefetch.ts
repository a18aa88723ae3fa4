// What a link leads to, fetched while the finger is still down on it, or the focus has rested on it: an eighth of a second
// won before the page asks. Never on hover alone: a pointer that crosses a list would ask for all of it.

import { prefetch } from "./api/client";
import { matchPath, normaliseId } from "./lib/urls";

type Reads = (params: Record<string, string>, search: URLSearchParams) => readonly string[];
const enc = encodeURIComponent;

/** The reads a page begins with, as the page itself words them: one that differs by a letter is fetched twice. */
const READS: [pattern: string, reads: Reads][] = [
  ["/issues/:shortId", ({ shortId = "" }) => [`/api/ui/issues/${enc(shortId)}`, `/api/ui/issues/${enc(shortId)}/events/latest`]],
  ["/issues/:shortId/events/:eventId", ({ shortId = "", eventId = "" }) => [`/api/ui/issues/${enc(shortId)}`, `/api/ui/issues/${enc(shortId)}/events/${enc(normaliseId(eventId))}`]],
  ["/traces/:traceId", ({ traceId = "" }) => [`/api/ui/traces/${enc(normaliseId(traceId))}`]],
];

/** A page whose first reads are others says so here; the newest word counts. */
export function readsOf(pattern: string, reads: Reads): void {
  const known = READS.find(([other]) => other === pattern);
  if (known) known[1] = reads;
  else READS.push([pattern, reads]);
}

/** What the page at an address reads first; nothing for other hosts and for pages that read nothing ahead. */
export function readsFor(href: string, here: string): string[] {
  let url: URL;
  try {
    url = new URL(href, here);
  } catch {
    return [];
  }
  if (url.origin !== new URL(here).origin) return [];
  for (const [pattern, reads] of READS) {
    const match = matchPath(pattern, url.pathname);
    if (match) return [...reads(match.params, url.searchParams)];
  }
  return [];
}

/** Keys that run down a list rest nowhere for as long as this. */
const REST_MS = 120;
let timer: ReturnType<typeof setTimeout> | undefined;

function linkOf(event: Event): HTMLAnchorElement | null {
  const link = (event.target as Element | null)?.closest?.("a");
  return link && !link.target && link.href !== "" ? link : null;
}

export function startPrefetch(): void {
  const ahead = (link: HTMLAnchorElement) => {
    for (const path of readsFor(link.href, location.href)) prefetch(path);
  };
  document.addEventListener("pointerdown", (event) => {
    const link = event.button === 0 ? linkOf(event) : null;
    if (link) ahead(link);
  });
  document.addEventListener("focusin", (event) => {
    clearTimeout(timer);
    const link = linkOf(event);
    if (link) timer = setTimeout(() => document.activeElement === link && ahead(link), REST_MS);
  });
}
