// What can stand where the caret is. Typing never waits for it: what is known already is narrowed until the answer comes,
// and an answer to an older question is dropped.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Dataset } from "../lib/saved-queries";
import { load } from "./client";
import type { Completion, CompletionView } from "./issues-types";

/** Keys come faster than anybody reads. */
const PAUSE_MS = 60;
/** Longer queries are pasted, not typed. */
const QUERY_MAX = 1000;

type Answer = { view: CompletionView; text: string; at: number };

export type Suggestions = { from: number; to: number; items: Completion[]; isPartial: boolean };
const NONE: Suggestions = { from: 0, to: 0, items: [], isPartial: false };

/** `scope` narrows what is counted: `project=shop&environment=production`. */
export function useCompletion(dataset: Dataset, text: string, at: number, isWanted: boolean, scope: string): Suggestions {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const asked = useRef(0);
  useEffect(() => {
    const mine = ++asked.current;
    if (!isWanted || text.length > QUERY_MAX) return undefined;
    const timer = setTimeout(() => {
      const params = new URLSearchParams(scope);
      params.set("dataset", dataset);
      params.set("query", text);
      params.set("at", String(at));
      load<CompletionView>(`/api/ui/search/complete?${params}`).then(
        (view) => mine === asked.current && setAnswer({ view, text, at }),
        // Without suggestions one can still type.
        () => mine === asked.current && setAnswer(null),
      );
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [dataset, text, at, isWanted, scope]);
  return isWanted && answer ? narrowed(answer, text, at) : NONE;
}

/** The answer as far as it fits what has been typed since. */
export function narrowed({ view, text: was, at: wasAt }: Answer, text: string, at: number): Suggestions {
  const { from, to, items, is_partial: isPartial, context } = view;
  if (context === "none") return NONE;
  if (was === text && wasAt === at) return { from, to, items, isPartial };
  // Another word, or something before it has changed.
  if (at < from || text.slice(0, from) !== was.slice(0, from) || /[\s:()]/u.test(text.slice(from, at))) return NONE;
  const typed = text.slice(from, at).toLowerCase();
  return { from, to: at, items: items.filter(({ insert, label }) => insert.toLowerCase().includes(typed) || label.toLowerCase().includes(typed)), isPartial };
}
