// Source lines and queries, highlighted by text nodes, scrolling sideways by themselves so that the page never does.

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { FrameDetail } from "../api/types";
import { lines, prettySql, python, sql, type Token } from "../lib/highlight";

/** A block that scrolls must be reachable with the keyboard, one that does not must not be a stop. */
export function useScrollable<T extends HTMLElement>() {
  const ref = useRef<T>(null);
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const check = () => {
      if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
      else element.removeAttribute("tabindex");
    };
    const observer = new ResizeObserver(check);
    observer.observe(element);
    check();
    return () => observer.disconnect();
  }, []);
  return ref;
}

export function Tokens({ tokens }: { tokens: readonly Token[] }) {
  return <>{tokens.map(({ role, text }, i) => (role ? <span key={i} class={`syn-${role}`}>{text}</span> : text))}</>;
}

/** Longer lines are minified or data: enough to see what they are. */
const LINE_MAX = 1000;

export function SourceLines({ frame }: { frame: FrameDetail }) {
  const ref = useScrollable<HTMLDivElement>();
  const rows = useMemo(() => {
    const all = [...frame.pre_context, frame.context_line ?? "", ...frame.post_context].map((line) => (line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)} …` : line));
    return lines(python(all.join("\n")));
  }, [frame]);
  const start = (frame.line ?? 0) - frame.pre_context.length;
  const crash = frame.pre_context.length;
  return (
    <div ref={ref} class="source-lines scrolls" role="group" aria-label={`Source around line ${frame.line ?? "?"}`}>
      <div class="source-inner">
        {rows.map((tokens, i) => (
          <div key={i} class={i === crash ? "line crash" : "line"}>
            <span class="no">{frame.line === null ? "" : start + i}</span>
            <code>
              <Tokens tokens={tokens} />
              {"\n"}
            </code>
          </div>
        ))}
      </div>
    </div>
  );
}

export function Sql({ text, inline = false }: { text: string; inline?: boolean }) {
  const tokens = useMemo(() => sql(inline ? text : prettySql(text)), [text, inline]);
  if (inline)
    return (
      <code class="sql-inline">
        <Tokens tokens={tokens} />
      </code>
    );
  return (
    <pre class="block wraps">
      <code>
        <Tokens tokens={tokens} />
      </code>
    </pre>
  );
}

export function Block({ text, label }: { text: string; label: string }) {
  const ref = useScrollable<HTMLPreElement>();
  return (
    <pre ref={ref} class="block scrolls" role="group" aria-label={label}>
      <code>{text}</code>
    </pre>
  );
}
