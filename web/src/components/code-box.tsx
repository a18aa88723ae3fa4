// A piece of code to paste, with its title and a button that copies it.

import { useMemo } from "preact/hooks";
import { python } from "../lib/highlight";
import type { Snippet } from "../lib/snippets";
import { Tokens, useScrollable } from "./code";
import { CopyButton } from "./controls";

export function CodeBox({ snippet }: { snippet: Snippet }) {
  const ref = useScrollable<HTMLPreElement>();
  const tokens = useMemo(() => (snippet.language === "python" ? python(snippet.text) : [{ role: null, text: snippet.text }]), [snippet]);
  return (
    <div class="code-box">
      <div class="code-box-head">
        <span>{snippet.title}</span>
        <CopyButton class="button quiet-button" text={() => snippet.text} />
      </div>
      <pre ref={ref} class="scrolls" role="group" aria-label={snippet.title}>
        <code>
          <Tokens tokens={tokens} />
        </code>
      </pre>
    </div>
  );
}
