// The small link beside a line of code that opens it in the reader's editor, or leads to where an editor is chosen.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { editorSettings, editorSetupPath } from "../editor";
import { CUSTOM, EDITORS, editorLink, mapped, sitePieces } from "../lib/editor";
import { Icon } from "./icons";

/** The project and the service that the code around ran in: rules of paths may be theirs alone. */
export const CodePlaces = createContext<readonly string[]>([]);

export function EditorLink({ path, line, column = null, withWords = false }: { path: string | null | undefined; line: number | string | null | undefined; column?: number | null; withWords?: boolean }) {
  const places = useContext(CodePlaces);
  const settings = editorSettings.value;
  if (!path) return null;
  const number = Number(line);
  const place = { path, line: Number.isInteger(number) && number > 0 ? number : null, column, places };
  // Code that is on no disk has no link, whatever is set.
  if (mapped(place, settings.rules) === null) return null;
  const link = editorLink(place, settings);
  const isReady = link.href !== null;
  const name = settings.editor === CUSTOM ? "your editor" : (EDITORS.find(({ id }) => id === settings.editor)?.name ?? "your editor");
  const words = isReady ? `Open ${link.path} in ${name}` : link.reason === "relative" ? `Say where ${path} is on your machine` : "Choose the editor that opens this line";
  return (
    <a class={isReady ? "editor-link" : "editor-link is-unset"} href={link.href ?? editorSetupPath(place)} title={words} aria-label={words}>
      <Icon name="editor" size={14} />
      {withWords && <span>editor</span>}
    </a>
  );
}

/** A place as the server words it, `shop/views.py:12 in books_list`, and the way there. */
export function CallSite({ text }: { text: string }) {
  const { path, line } = sitePieces(text);
  return (
    <>
      <code>{text}</code>
      <EditorLink path={path} line={line} />
    </>
  );
}
