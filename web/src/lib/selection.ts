// A part of a map of traces as the address has it. Pure.

export type Selection = { fromMs: number; toMs: number; minNs: number; maxNs: number };

/** `from-to,min-max` in unix ms and nanoseconds. */
export const selectionText = (s: Selection): string => `${Math.round(s.fromMs)}-${Math.round(s.toMs)},${Math.round(s.minNs)}-${Math.round(s.maxNs)}`;

export function readSelection(text: string | null): Selection | null {
  const match = /^(\d{1,16})-(\d{1,16}),(\d{1,19})-(\d{1,19})$/.exec(text ?? "");
  if (!match) return null;
  const [fromMs, toMs, minNs, maxNs] = match.slice(1).map(Number) as [number, number, number, number];
  return fromMs < toMs && minNs < maxNs ? { fromMs, toMs, minNs, maxNs } : null;
}
