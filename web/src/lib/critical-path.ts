// What a trace waited for: at every moment of its root the one span that held it up. Pure.
//
// From the end backwards: a span waits for the child that ended last, that child for its own, and before it began for the
// one that ended last before then. What no child explains is the span's own.

import type { SpanColumns } from "../api/types";
import { childrenOf, type Tree } from "./waterfall";

export type Piece = { span: number; fromNs: number; toNs: number };

/** The root that lasts longest: beside it others stand for having lost their parents. -1 without spans. */
export function mainRoot(spans: SpanColumns, tree: Tree): number {
  let found = -1;
  for (const root of childrenOf(tree, tree.size)) if (found < 0 || (spans.duration_ns[root] ?? 0) > (spans.duration_ns[found] ?? 0)) found = root;
  return found;
}

/** Pieces in the order of time: they meet, and cover the root's duration from its first moment to its last. */
export function criticalPath(spans: SpanColumns, tree: Tree, root: number = mainRoot(spans, tree)): Piece[] {
  if (root < 0) return [];
  const startOf = (i: number) => spans.start_ns[i] ?? 0;
  const endOf = (i: number) => startOf(i) + (spans.duration_ns[i] ?? 0);
  type Step = { span: number; fromNs: number; toNs: number; children: Int32Array; at: number };
  const step = (span: number, fromNs: number, toNs: number): Step => {
    const children = childrenOf(tree, span);
    return { span, fromNs, toNs, children: children.length < 2 ? children : children.toSorted((a, b) => endOf(b) - endOf(a)), at: 0 };
  };
  const pieces: Piece[] = [];
  const stack: Step[] = [step(root, startOf(root), endOf(root))];
  while (stack.length > 0) {
    const here = stack[stack.length - 1] as Step;
    let below: Step | null = null;
    while (below === null && here.at < here.children.length && here.toNs > here.fromNs) {
      const child = here.children[here.at++] as number;
      // What began later was waited for by nobody before; what goes on for longer was not waited for to its end.
      const fromNs = Math.max(startOf(child), here.fromNs);
      const toNs = Math.min(endOf(child), here.toNs);
      if (fromNs >= toNs) continue;
      if (toNs < here.toNs) pieces.push({ span: here.span, fromNs: toNs, toNs: here.toNs });
      here.toNs = fromNs;
      below = step(child, fromNs, toNs);
    }
    if (below) {
      stack.push(below);
      continue;
    }
    if (here.toNs > here.fromNs) pieces.push({ span: here.span, fromNs: here.fromNs, toNs: here.toNs });
    stack.pop();
  }
  return pieces.toReversed();
}

/** Pieces where rows find theirs: by span, those of a span in the order of time. */
export type CriticalPath = { pieces: readonly Piece[]; spans: Int32Array };

export function bySpan(pieces: readonly Piece[]): CriticalPath {
  const sorted = pieces.toSorted((a, b) => a.span - b.span);
  return { pieces: sorted, spans: Int32Array.from(sorted, (piece) => piece.span) };
}

/** The first place whose span is not below this one. */
function placeOf(spans: Int32Array, span: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as number) < span) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of the spans from one up to another: of one alone its own, of all below a closed row as stretches that do not touch. */
export function piecesWithin({ pieces, spans }: CriticalPath, from: number, to: number): Piece[] {
  const own = pieces.slice(placeOf(spans, from), placeOf(spans, to));
  if (to === from + 1) return own;
  const out: Piece[] = [];
  for (const piece of own.toSorted((a, b) => a.fromNs - b.fromNs)) {
    const last = out[out.length - 1];
    if (last && last.toNs === piece.fromNs) last.toNs = piece.toNs;
    else out.push({ ...piece, span: from });
  }
  return out;
}
