// A piece of code to paste, with its title and a button that copies it; several of them where a page has nothing to show yet.

import { useMemo } from "preact/hooks";
import { python, type Token } from "../lib/highlight";
import type { Snippet } from "../lib/snippets";
import { Tokens, useScrollable } from "./code";
import { CopyButton } from "./controls";

export function CodeBox({ snippet }: { snippet: Snippet }) {
  const ref = useScrollable<HTMLPreElement>();
  const { title, language, text } = snippet;
  const tokens = useMemo(() => (language === "python" ? python(text) : language === "shell" ? shell(text) : [{ role: null, text }]), [language, text]);
  return (
    <div class="code-box">
      <div class="code-box-head">
        <span>{title}</span>
        <CopyButton class="button quiet-button" text={() => text} />
      </div>
      <pre ref={ref} class="scrolls" role="group" aria-label={title}>
        <code>
          <Tokens tokens={tokens} />
        </code>
      </pre>
    </div>
  );
}

/** What makes an SDK send what this page is about. */
export function Teach({ snippets }: { snippets: readonly Snippet[] }) {
  return (
    <div class="teach">
      {snippets.map((snippet) => (
        <CodeBox key={snippet.title} snippet={snippet} />
      ))}
    </div>
  );
}

/** Comments only: a command is read as it is. */
function shell(text: string): Token[] {
  return text.split(/(#[^\n]*)/).map((part) => ({ role: part.startsWith("#") ? "comment" : null, text: part }));
}
