// Copying, also on http:// addresses other than localhost, where browsers hide the clipboard API. What cannot be copied
// at all is shown, selected, for the reader's own Ctrl+C: `uncopied` is what the frame of every page then draws.

import { signal } from "@preact/signals";

export const uncopied = signal<{ text: string; what: string } | null>(null);

/** True when the text is in the clipboard; otherwise it is on screen. */
export async function copyText(text: string, what = "Text"): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Denied: the old way may still work.
  }
  if (copyTheOldWay(text)) return true;
  uncopied.value = { text, what };
  return false;
}

function copyTheOldWay(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  area.setAttribute("aria-hidden", "true");
  // Everything outside an open modal dialog is inert, and what is inert cannot be selected.
  const focused = document.activeElement as HTMLElement | null;
  const home = focused?.closest("dialog[open]") ?? [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  home.append(area);
  area.select();
  let isCopied = false;
  // Some browsers answer true without copying anything: only the event says that it came to it.
  const onCopy = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    isCopied = event.clipboardData !== null;
  };
  document.addEventListener("copy", onCopy, { once: true });
  try {
    isCopied = document.execCommand("copy") && isCopied;
  } catch {
    isCopied = false;
  }
  document.removeEventListener("copy", onCopy);
  area.remove();
  focused?.focus?.({ preventScroll: true });
  return isCopied;
}
