// Where a query of a list is asked: the line that asked last, short, with the way to it, and how many others did.

import { shortFolder, sitePieces } from "../lib/editor";
import { CodePlaces, EditorLink } from "./editor-link";

export function AskedAt({ sites, mayHaveMore, services }: { sites: readonly string[]; mayHaveMore: boolean; services: readonly string[] }) {
  const first = sites[0];
  if (first === undefined) return null;
  const { folder, file, path, line, within } = sitePieces(first);
  return (
    <span class="asked-at">
      <code>
        <span class="asked-folder">{shortFolder(folder)}</span>
        <span class="asked-file">{line === null ? file : `${file}:${line}`}</span>
        {within !== null && <span class="asked-within">{` in ${within}`}</span>}
      </code>
      {sites.length > 1 && <span class="asked-more">{`+${sites.length - 1}${mayHaveMore ? " or more" : ""}`}</span>}
      <CodePlaces.Provider value={services}>
        <EditorLink path={path} line={line} />
      </CodePlaces.Provider>
    </span>
  );
}
