// How what is typed into the palette finds its entries. Pure.

export type Entry = { id: string; group: string; label: string; note?: string; keys?: string; path?: string; run?: () => void };

/** Entries of one group that are shown. */
export const GROUP_MAX = 8;

/**
 * How well a label fits, or null. Words may come in any order; each must begin a word of the label, or at least stand in
 * it; letters in their order alone ("gst" for "Go to settings") come last.
 */
export function fit(label: string, typed: string): number | null {
  const text = label.toLowerCase();
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return 0;
  let score = 0;
  for (const word of words) {
    const at = text.indexOf(word);
    const begins = text.search(new RegExp(`(?:^|[^\\p{L}\\p{N}])${word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}`, "u"));
    if (at === 0) score += 100;
    else if (begins >= 0) score += 60 - Math.min(30, begins);
    else if (at >= 0) score += 20 - Math.min(15, at);
    else {
      const gaps = spread(text, word);
      if (gaps === null) return null;
      score += Math.max(1, 10 - gaps);
    }
  }
  return score - label.length / 100;
}

/** How many letters stand between those of a word, found one after the other from the beginning of a word on. */
function spread(text: string, word: string): number | null {
  // One letter or two that far apart are chance.
  if (word.length < 2 || text[0] !== word[0]) return null;
  let at = -1;
  let gaps = 0;
  for (const letter of word) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return null;
    gaps += next - at - 1;
    at = next;
  }
  return gaps;
}

/** The entries that fit, the best first within their groups; groups in the order of their best. Without words: as given. */
export function matching(entries: readonly Entry[], typed: string): Entry[] {
  const found = entries.flatMap((entry, order) => {
    const score = fit(entry.label, typed) ?? (entry.note ? fitNote(entry.note, typed) : null);
    return score === null ? [] : [{ entry, score, order }];
  });
  if (typed.trim() !== "") found.sort((a, b) => b.score - a.score || a.order - b.order);
  const groups = new Map<string, Entry[]>();
  for (const { entry } of found) {
    const group = groups.get(entry.group) ?? [];
    if (group.length < GROUP_MAX || typed.trim() === "") group.push(entry);
    groups.set(entry.group, group);
  }
  return [...groups.values()].flat();
}

/** What stands beside a label counts less, and only as it is written. */
function fitNote(note: string, typed: string): number | null {
  const text = note.toLowerCase();
  return typed.trim() !== "" && typed.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word)) ? 5 : null;
}
