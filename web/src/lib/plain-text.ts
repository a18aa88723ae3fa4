// Characters that are not seen but turn the text around them, made seen: what someone sent must read as it is. Pure.

/** Marks that order text (embeddings, overrides, isolates, directional marks) and controls, but for tab and line ends. */
// oxlint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const ALL_UNSEEN = new RegExp(UNSEEN.source, "gu");
/** `invoice\u202egnp.exe` as `invoice⟨U+202E⟩gnp.exe`: letters of all scripts stay as they are and read in their own direction. */
export function visibleText(text: string): string {
  return UNSEEN.test(text) ? text.replace(ALL_UNSEEN, named) : text;
}

/** By its number: pictures of controls are missing in many fonts. */
const named = (char: string): string => `⟨U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
