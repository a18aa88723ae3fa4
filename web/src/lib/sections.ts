// Which section of a long page is being read, from where the page is scrolled to. Pure.

export type Scrolled = {
  /** How far down the page is, and how far it can go. */
  scrollPx: number;
  mostPx: number;
  viewPx: number;
};

/** Where in the window one is taken to read: a quarter down. Over the last windowful it sinks to the bottom, or what stands
 * below could never be the section that is read: the page ends before it comes up. */
export function readingLine({ scrollPx, mostPx, viewPx }: Scrolled): number {
  const top = viewPx / 4;
  const last = Math.min(viewPx, mostPx);
  if (last <= 0) return top;
  const share = 1 - Math.min(last, Math.max(0, mostPx - scrollPx)) / last;
  return top + (viewPx - top) * share;
}

/** The last one that begins above the line; "" before the first. `topPx` is from the top of the window. */
export function sectionAt(sections: readonly { id: string; topPx: number }[], linePx: number): string {
  return sections.findLast(({ topPx }) => topPx <= linePx)?.id ?? "";
}
