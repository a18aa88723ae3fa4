// The tree of an explanation, folded for reading: what was left out for one reason stands together.

import type { ComponentView, GroupingVariantView, GroupingView } from "../api/types";

/** Neighbours that are shown one by one, or left out together for the same reason. */
export type Run = { kind: "part"; part: ComponentView } | { kind: "left-out"; parts: ComponentView[]; hint: string };

/** This many neighbours left out for one reason are worth a fold. */
const FOLD_AT = 2;

export function runs(parts: readonly ComponentView[]): Run[] {
  const found: Run[] = [];
  for (let i = 0; i < parts.length; ) {
    const part = parts[i] as ComponentView;
    let end = i + 1;
    if (isLeftOut(part)) while (end < parts.length && isLeftOut(parts[end] as ComponentView) && parts[end]?.hint === part.hint && parts[end]?.id === part.id) end += 1;
    if (end - i >= FOLD_AT) found.push({ kind: "left-out", parts: parts.slice(i, end), hint: part.hint ?? "not used" });
    else found.push({ kind: "part", part });
    i = Math.max(end - i >= FOLD_AT ? end : i + 1, i + 1);
  }
  return found;
}

function isLeftOut(part: ComponentView): boolean {
  return !part.contributes && part.parts.length > 0;
}

/** Whether anything below made a difference to the hash; a list of values all of which were left out did not. */
export function isCounted(part: ComponentView): boolean {
  return part.contributes && (part.values.length > 0 || part.parts.some(isCounted));
}

/** What a frame is called when it is folded: its function, else its module, else its file. */
export function frameName(frame: ComponentView): string {
  for (const id of ["function", "module", "filename", "context_line"]) {
    const value = frame.parts.find((part) => part.id === id)?.values[0];
    if (value) return value;
  }
  return frame.name;
}

const PLURALS: Record<string, string> = { frame: "frames", exception: "exceptions" };

export function counted(part: ComponentView, n: number): string {
  return `${n} ${n === 1 ? part.name : (PLURALS[part.id] ?? part.name)}`;
}

/** How a variant stands to the issue, in a word or two. */
export function standing(variant: GroupingVariantView, note: string | null = null): { words: string; kind: "chosen" | "also" | "unused" } {
  if (variant.is_chosen) return { words: note ? "would decide" : "decides", kind: "chosen" };
  return variant.is_contributing ? { words: note ? "also counts" : "also leads here", kind: "also" } : { words: "not used", kind: "unused" };
}

/** The answer in one sentence. */
export function answer({ variants, fingerprint, note }: GroupingView): string {
  const chosen = variants.find((variant) => variant.is_chosen) ?? variants.find((variant) => variant.is_contributing);
  if (!chosen) return "Nothing in this event says which issue it belongs to.";
  if (chosen.key === "fallback") return "The event has no stack trace, no exception and no message, so it shares an issue with all others like it.";
  if (chosen.key === "checksum") return "The SDK sent a checksum of its own, and events with the same one are one issue.";
  const same = note ? "It would be grouped" : "It is grouped";
  if (fingerprint && (chosen.key === "custom_fingerprint" || chosen.key === "built_in_fingerprint")) {
    const who = fingerprint.source === "client" ? "the fingerprint the SDK sent" : fingerprint.source === "rule" ? "the fingerprint of a project rule" : "a rule every project has";
    return `${same} by ${who}: events that give the same values are one issue, whatever their stack trace.`;
  }
  return `${same} by its ${chosen.description}: events in which the marked parts are the same are one issue.`;
}
