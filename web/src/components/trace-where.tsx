// Where the time of the traces in a list went: asked for after the list is there, as many at a time as are new.

import { useEffect, useRef, useState } from "preact/hooks";
import { load } from "../api/client";
import type { BreakdownListView, BreakdownPartView } from "../api/types";
import { duration } from "../lib/format";
import { kindColour } from "../lib/span-colours";
import { type Kind, kindOf, KINDS } from "../lib/waterfall";

const AT_ONCE = 50;

/** Parts by trace; none of those that are not known yet. */
export function useBreakdowns(ids: readonly string[]): ReadonlyMap<string, readonly BreakdownPartView[]> {
  const [known, setKnown] = useState<ReadonlyMap<string, readonly BreakdownPartView[]>>(new Map());
  const asked = useRef(new Set<string>());
  useEffect(() => {
    const missing = ids.filter((id) => !asked.current.has(id)).slice(0, AT_ONCE);
    if (missing.length === 0) return;
    for (const id of missing) asked.current.add(id);
    load<BreakdownListView>(`/api/ui/traces/breakdown?${missing.map((id) => `id=${id}`).join("&")}`).then(
      (view) => {
        // There may have been no time for the last ones: they are asked for again, as long as some are answered.
        const told = new Set(view.traces.map(({ trace_id }) => trace_id));
        if (told.size === 0) return;
        for (const id of missing) if (!told.has(id)) asked.current.delete(id);
        setKnown((old) => new Map([...old, ...view.traces.map(({ trace_id, parts }) => [trace_id, parts] as const)]));
      },
      // A list without them is a list all the same.
      () => undefined,
    );
  }, [ids.join(), known]);
  return known;
}

export function sharesOf(parts: readonly BreakdownPartView[]): { kind: Kind; ns: number; share: number }[] {
  const sums = new Map<Kind, number>();
  for (const { op, kind, self_ns } of parts) {
    const name = kindOf(op, kind);
    sums.set(name, (sums.get(name) ?? 0) + self_ns);
  }
  const all = [...sums.values()].reduce((a, b) => a + b, 0);
  return KINDS.flatMap((kind) => {
    const ns = sums.get(kind) ?? 0;
    return ns > 0 && all > 0 ? [{ kind, ns, share: ns / all }] : [];
  });
}

export function Where({ parts }: { parts: readonly BreakdownPartView[] | undefined }) {
  if (!parts) return null;
  const shares = sharesOf(parts);
  if (shares.length === 0) return null;
  const words = shares.map(({ kind, ns, share }) => `${kind} ${duration(ns)} ${Math.round(share * 100)}%`).join(", ");
  return (
    <span class="where-bar" role="img" aria-label={words} title={words}>
      {shares.map(({ kind, share }) => (
        <span key={kind} style={{ width: `${share * 100}%`, background: `var(--${kindColour(kind)})` }} />
      ))}
    </span>
  );
}
