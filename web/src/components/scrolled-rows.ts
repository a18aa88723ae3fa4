// Rows of one height in an element that scrolls by itself: which is the first in sight. For a page that scrolls as a whole
// there is window-rows.ts.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Drawn again only when the window has moved by so many rows, not for every pixel. */
const STEP_ROWS = 4;

/** `top` is the row at the upper edge, up to `STEP_ROWS` before it; `height` is the element's, in px. `onLook` is told of the
 * element whenever it was scrolled, became another size, or has another number of rows. */
export function useScrolledRows(scroller: RefObject<HTMLElement | null>, rowPx: number, size = 0, onLook?: (element: HTMLElement) => void): { top: number; height: number } {
  const [view, setView] = useState({ top: 0, height: 900 });
  const look = useRef(onLook);
  look.current = onLook;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const measure = () => {
      look.current?.(element);
      setView((old) => {
        const top = Math.floor(element.scrollTop / rowPx / STEP_ROWS) * STEP_ROWS;
        return old.top === top && old.height === element.clientHeight ? old : { top, height: element.clientHeight };
      });
    };
    measure();
    element.addEventListener("scroll", measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", measure);
      observer.disconnect();
    };
  }, [rowPx, size]);
  return view;
}
