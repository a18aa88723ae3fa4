// What arrives while a list is on screen: drawn at once as long as nobody is at the list, else counted and left to the reader.

import { useEffect, useRef, useState } from "preact/hooks";
import { plural } from "../lib/format";
import { sayLive } from "../state";
import type { Paged } from "./paged";

/** `check` reads the list again; `apply` shows what waits, and is undefined when nothing does. */
export function useNewRows<T>(list: Paged<T>, path: string, keyOf: (row: T) => string, noun: string): { unseen: number; check: () => void; apply: (() => void) | undefined } {
  const [waiting, setWaiting] = useState<{ path: string; unseen: number } | null>(null);
  const isPeeking = useRef(false);
  const isWanted = useRef(false);
  const newest = useRef({ list, path, check: () => {} });

  const check = () => {
    // The answer on its way may be older than the news.
    isWanted.current = true;
    if (isPeeking.current) return;
    isPeeking.current = true;
    isWanted.current = false;
    const asked = path;
    list
      .peek()
      .then((page) => {
        const { list: now, path: shownPath } = newest.current;
        if (shownPath !== asked || now.isStale) return;
        const shown = now.rows ?? [];
        const known = new Set(shown.map(keyOf));
        // What stands below the last row that is shown is not new: rows above it have left the list.
        const below = page.rows.slice(page.rows.findLastIndex((row) => known.has(keyOf(row))) + 1);
        const hasMoved = below.length < page.rows.length;
        const unseen = page.rows.filter((row) => !known.has(keyOf(row))).length - (hasMoved ? below.length : 0);
        if (unseen > 0) sayLive(plural(unseen, `new ${noun}`));
        // A page without a next one is the whole list: what is not in it has left.
        if (shown.length === 0 || ((shown.length <= page.rows.length || page.next === null) && isUntouched())) {
          now.show(page);
          setWaiting(null);
          return;
        }
        // Numbers of visible rows change in place; rows themselves wait for the reader.
        const fresh = new Map(page.rows.map((row) => [keyOf(row), row]));
        const rows = shown.map((row) => fresh.get(keyOf(row)) ?? row);
        const isOnePage = hasMoved && below.length > 0 && shown.length <= page.rows.length;
        now.amend((old) => ({ ...old, ...(isOnePage ? { rows: [...rows, ...below], next: page.next } : { rows }), total: page.total }));
        setWaiting(unseen > 0 ? { path: asked, unseen } : null);
      })
      .catch(() => undefined)
      .finally(() => {
        isPeeking.current = false;
        if (isWanted.current) newest.current.check();
      });
  };
  newest.current = { list, path, check };
  // A list kept from an earlier visit is shown as it was, and what changed since is read.
  useEffect(() => {
    if (list.rows && !list.isStale && !list.isGiven) check();
  }, [path]);
  const unseen = waiting?.path === path ? waiting.unseen : 0;
  const apply = () => {
    setWaiting(null);
    void list.reload();
    scrollTo({ top: 0 });
  };
  return { unseen, check, apply: unseen > 0 ? apply : undefined };
}

/** Nobody points at the list, has chosen a row or text in it, or has scrolled down in it. */
function isUntouched(): boolean {
  const table = document.querySelector(".page table");
  if (!table) return true;
  const selection = getSelection();
  const isSelecting = selection !== null && !selection.isCollapsed && table.contains(selection.anchorNode);
  return scrollY < 1 && !isSelecting && !table.matches(":hover") && !table.contains(document.activeElement) && !table.querySelector("tr.current");
}
