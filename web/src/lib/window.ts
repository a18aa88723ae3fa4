// Which rows of a long list are drawn: those in sight and some around them. Pure.

export type Window = { from: number; to: number };

/** So many rows are all drawn: the browser's own find sees them, and they cost little. */
export const WHOLE_MAX = 40;
/** Above and below those in sight. */
const SPARE_ROWS = 8;
/** The window moves by so many rows at once, not for every pixel. */
const STEP_ROWS = 4;

/** `above` is how far the first row stands above the upper edge, in px; negative when it is below it. */
export function windowAt(size: number, rowPx: number, above: number, heightPx: number): Window {
  if (size <= WHOLE_MAX) return { from: 0, to: size };
  const first = Math.floor(Math.max(0, above) / rowPx / STEP_ROWS) * STEP_ROWS;
  const inSight = Math.ceil(heightPx / rowPx) + STEP_ROWS;
  const from = Math.min(Math.max(0, first - SPARE_ROWS), Math.max(0, size - inSight));
  return { from, to: Math.min(size, Math.max(from, first) + inSight + SPARE_ROWS) };
}
