// The name people act under. There are no accounts: it is asked once, kept in this browser, and sent along with what they do.

import { signal } from "@preact/signals";

const KEY = "trapline.who";
/** As the server keeps it. */
export const NAME_MAX = 80;

/** One line without blanks around it; empty when nothing is left. */
export function cleanName(text: string): string {
  return text.replace(/\p{Cc}/gu, " ").replace(/\p{Cf}/gu, "").replace(/\s+/gu, " ").trim().slice(0, NAME_MAX);
}

function stored(): string {
  try {
    return cleanName(localStorage.getItem(KEY) ?? "");
  } catch {
    return "";
  }
}

/** Empty until somebody said. */
export const who = signal(stored());

export function setWho(name: string): void {
  who.value = cleanName(name);
  try {
    if (who.value === "") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, who.value);
  } catch {
    // Without storage the name lasts until the page is closed.
  }
}

/** `AL` for Anna Lind, `ann` as `AN`: a mark that fits where the name does not. */
export function initials(name: string): string {
  const words = name.split(/[\s._@-]+/u).filter((word) => word !== "");
  const letters = words.length > 1 ? [...(words[0] ?? "")].slice(0, 1).concat([...(words[1] ?? "")].slice(0, 1)) : [...(words[0] ?? "?")].slice(0, 2);
  return letters.join("").toUpperCase();
}
