// The reader's editor: kept in this browser, because it is a fact about the reader's machine and not about the server.

import { signal } from "@preact/signals";
import { type CodePlace, editorLink, type EditorSettings, readSettings } from "./lib/editor";
import { rememberChoice, remembered } from "./state";

export const editorSettings = signal<EditorSettings>(readSettings(remembered("editor", "null")));

export function setEditorSettings(settings: EditorSettings): void {
  editorSettings.value = settings;
  rememberChoice("editor", JSON.stringify(settings));
}

/** Where a place that cannot be opened yet is set up. */
export const editorSetupPath = (place: CodePlace): string => `/settings/browser?${new URLSearchParams({ try: `${place.path}${place.line === null ? "" : `:${place.line}`}` })}#editor`;

/** As if its link had been clicked; false when there is none. */
export function openInEditor(place: CodePlace): boolean {
  const link = editorLink(place, editorSettings.value);
  if (link.href === null) return false;
  const anchor = document.createElement("a");
  anchor.href = link.href;
  anchor.click();
  return true;
}
