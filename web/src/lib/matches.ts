// Where the words of a search stand in a text: the server decides what is found, this only shows why.

export type Part = { text: string; isMatch: boolean };

/** As many as anybody types; a pasted page is not worth a pattern of its size. */
const WORDS_MAX = 20;

/** The text in parts, those that are one of the words marked. Words are split at blanks and taken literally, in any case. */
export function matches(text: string, search: string): Part[] {
  const words = search.split(/\s+/u).filter((word) => word !== "");
  if (words.length === 0 || words.length > WORDS_MAX) return [{ text, isMatch: false }];
  // The longest first, so that the whole of "carts" is marked when "cart" is looked for as well.
  const literal = words.toSorted((a, b) => b.length - a.length).map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&"));
  const parts = text.split(new RegExp(`(${literal.join("|")})`, "giu"));
  return parts.map((part, index) => ({ text: part, isMatch: index % 2 === 1 })).filter((part) => part.text !== "");
}
