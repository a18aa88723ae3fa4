// Rows of one height in a page that scrolls as a whole: which of them are drawn now, and how to bring another into sight.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Window, windowAt } from "../lib/window";
import { scrolledTo } from "./thrown";

/** What stands over the list at the window's edges: sticky heads above, bars below. */
const TOP_PX = 96;
const BOTTOM_PX = 96;
const HEAD_PX = 33;

/** `rows` is the element whose top is the first row's; the first `[data-row]` in it tells the height. `isScrolled`: rows are
 * beneath a head of the height of `HEAD_PX` that stays at the window's upper edge. */
export function useWindowRows(size: number, rows: RefObject<HTMLElement | null>, guessPx: number): Window & { rowPx: number; isScrolled: boolean; reveal: (index: number) => void } {
  const rowPx = useRef(guessPx);
  const [window, setWindow] = useState<Window>(() => windowAt(size, guessPx, scrollY - 200, innerHeight));
  const [isScrolled, setScrolled] = useState(false);
  const newest = useRef(size);
  newest.current = size;
  const measure = () => {
    const element = rows.current;
    if (!element) return;
    const drawn = element.querySelector<HTMLElement>("[data-row]");
    if (drawn && drawn.offsetHeight > 0) rowPx.current = drawn.getBoundingClientRect().height;
    scrolledTo(scrollY);
    const { top } = element.getBoundingClientRect();
    setScrolled(top < HEAD_PX);
    const next = windowAt(newest.current, rowPx.current, -top, innerHeight);
    setWindow((old) => (old.from === next.from && old.to === next.to ? old : next));
  };
  useLayoutEffect(() => {
    measure();
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, []);
  useLayoutEffect(measure, [size]);
  // The list became shorter since the window was measured.
  const fits = window.to <= size ? window : windowAt(size, rowPx.current, window.from * rowPx.current, innerHeight);
  return {
    ...fits,
    rowPx: rowPx.current,
    isScrolled,
    reveal: (index) => {
      const element = rows.current;
      if (!element) return;
      const top = element.getBoundingClientRect().top + index * rowPx.current;
      if (top < TOP_PX) scrollBy(0, top - TOP_PX);
      else if (top + rowPx.current > innerHeight - BOTTOM_PX) scrollBy(0, top + rowPx.current - innerHeight + BOTTOM_PX);
      measure();
    },
  };
}
