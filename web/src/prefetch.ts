// What a link leads to, fetched while the finger is still down on it, or the focus has rested on it: an eighth of a second
// won before the page asks. Never on hover alone: a pointer that crosses a list would ask for all of it. The code of the
// page behind is fetched when the pointer first comes over such a link: that is once, and small.

import { prefetch } from "./api/client";
import { apiEvent, apiIssue } from "./api/use-issue";
import { traceAnswer } from "./api/use-trace";
import { filtersOf } from "./lib/issue-place";
import { matchPath, normaliseId } from "./lib/urls";

type Reads = (params: Record<string, string>, search: URLSearchParams) => readonly string[];

/** Names that stand for an event, besides its id. */
const NAMED = ["latest", "first", "recommended"];
const eventOf = (eventId: string) => (NAMED.includes(eventId) ? eventId : normaliseId(eventId));

/** The reads a page begins with, as the page itself words them: one that differs by a letter is fetched twice. */
const READS: [pattern: string, reads: Reads][] = [
  ["/issues/:shortId", ({ shortId = "" }, search) => [apiIssue(shortId), apiEvent(shortId, "latest", filtersOf(search))]],
  ["/issues/:shortId/events/:eventId", ({ shortId = "", eventId = "" }, search) => [apiIssue(shortId), apiEvent(shortId, eventOf(eventId), filtersOf(search))]],
  ["/traces/:traceId", ({ traceId = "" }) => [traceAnswer(normaliseId(traceId))]],
];

/** The code of a page that most links to it are the first to. */
const CODE: readonly [pattern: string, fetchCode: () => Promise<unknown>][] = [
  ["/issues/:shortId", () => Promise.all([import("./pages/issue"), import("./components/issue-extras")])],
  ["/traces/:traceId", () => import("./pages/trace")],
  ["/performance/:key", () => import("./pages/performance-detail")],
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

const fetched = new Set<string>();

function codeAhead(link: HTMLAnchorElement): void {
  if (link.origin !== location.origin) return;
  for (const [pattern, fetchCode] of CODE) {
    if (fetched.has(pattern) || !matchPath(pattern, link.pathname)) continue;
    fetched.add(pattern);
    // The page asks again, and says so when its code cannot be had.
    fetchCode().catch(() => fetched.delete(pattern));
  }
}

export function startPrefetch(): void {
  const ahead = (link: HTMLAnchorElement) => {
    for (const path of readsFor(link.href, location.href)) prefetch(path);
    codeAhead(link);
  };
  document.addEventListener("pointerover", (event) => {
    const link = linkOf(event);
    if (link) codeAhead(link);
  }, { passive: true });
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
