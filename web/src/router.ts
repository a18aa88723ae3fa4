// The address bar as a signal. Links are plain <a href>; clicks on ours are answered here without loading the page again.

import { computed, signal } from "@preact/signals";
import { withLongQuery } from "./lib/urls";

export type Place = { path: string; search: string };

const read = (): Place => {
  const { pathname: path, search, hash } = location;
  const long = withLongQuery(path, search);
  if (long !== search) history.replaceState(history.state, "", `${path}${long}${hash}`);
  return { path, search: long };
};
export const place = signal<Place>(read());
export const query = computed(() => new URLSearchParams(place.value.search));
/** Rises when another page is shown; zero while the first one is. */
export const visits = signal(0);

/** Where each entry of the history was scrolled to. */
const scrolls = new Map<string, number>();
const keyOf = () => String((history.state as { key?: number } | null)?.key ?? 0);
let nextKey = 1;

/** `keepScroll`: it is the same page with something else in it, as the next event of an issue. */
export function navigate(to: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
  const url = new URL(to, location.href);
  const isOtherPage = url.pathname !== location.pathname;
  if (options.replace) history.replaceState(history.state, "", url);
  else {
    scrolls.set(keyOf(), scrollY);
    history.pushState({ key: Date.now() + nextKey++ }, "", url);
  }
  place.value = read();
  if (isOtherPage && !options.replace && !options.keepScroll) {
    visits.value += 1;
    scrollTo(0, 0);
  }
}

/** Restores the scroll once the page is tall enough, or gives up. */
function restoreScroll(top: number, tries = 20): void {
  requestAnimationFrame(() => {
    scrollTo(0, top);
    if (Math.abs(scrollY - top) > 2 && tries > 0) restoreScroll(top, tries - 1);
  });
}

export function startRouter(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    const before = place.value;
    const after = read();
    // A jump to a section fires this too; the browser scrolls by itself.
    if (before.path === after.path && before.search === after.search) return;
    place.value = after;
    if (before.path !== after.path) visits.value += 1;
    restoreScroll(scrolls.get(keyOf()) ?? 0);
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    const href = link.getAttribute("href") ?? "";
    if (href.startsWith("#") || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    navigate(link.href);
  });
}
