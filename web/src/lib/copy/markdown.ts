// An event as Markdown, for an issue tracker: traceback, the crash frame with its variables, request, tags. Pure.

import type { EventView, FrameDetail } from "../../api/types";
import { crashFrameOf } from "../exceptions";
import { plural } from "../format";
import { isTree, leaf, preview } from "../python-value";
import { replay } from "./request";
import { traceback } from "./traceback";

/** A value longer than this says no more to a reader. */
export const VALUE_MAX = 400;

/** A fence longer than any run of backticks inside. */
export function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

/** Text that means only itself. */
export const inline = (text: string): string => text.replace(/([\\`*_[\]<>|])/g, "\\$1").replace(/\s+/g, " ").trim();

export function variablesText(frame: Pick<FrameDetail, "vars">, max = VALUE_MAX): string {
  return frame.vars.map(({ name, value }) => `${name} = ${isTree(value) ? preview(value, max) : cut(leaf(value), max)}`).join("\n");
}

export const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max).toWellFormed()}… (${plural(text.length, "character")})` : text);

/** The line it happened at with the lines around it, numbered, and a mark before it. */
export function sourceText(frame: FrameDetail, around = Infinity): string | null {
  if (frame.context_line === null) return null;
  const before = frame.pre_context.slice(-around);
  const lines = [...before, frame.context_line, ...frame.post_context.slice(0, around)];
  const first = frame.line === null ? null : frame.line - before.length;
  const width = String((first ?? 0) + lines.length).length;
  return lines.map((line, i) => `${i === before.length ? ">" : " "} ${first === null ? "" : `${String(first + i).padStart(width)} `}${line}`.trimEnd()).join("\n");
}

export const placeOf = (frame: FrameDetail): string => `${frame.filename ?? frame.abs_path ?? "?"}${frame.line === null ? "" : `:${frame.line}`}`;

export function factsOf(event: EventView, link: string): [string, string][] {
  const { detail } = event;
  const facts: [string, string | null][] = [
    ["Issue", event.short_id],
    ["When", new Date(event.timestamp_ms).toISOString()],
    ["Where", event.culprit || null],
    ["Release", detail.release],
    ["Environment", detail.environment],
    ["Link", link],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null && fact[1] !== "");
}

export function markdown(event: EventView, link: string): string {
  const { detail } = event;
  const out = [`# ${inline(event.title)}`, ""];
  for (const [name, value] of factsOf(event, link)) out.push(`- ${name}: ${name === "Link" ? value : inline(value)}`);
  out.push("", "## Traceback", "", fenced("", traceback(event)));
  const crash = crashFrameOf(detail.exceptions);
  if (crash) {
    out.push("", `## ${inline(crash.function ?? "?")} · ${inline(placeOf(crash))}`);
    const source = sourceText(crash);
    if (source !== null) out.push("", fenced("python", source));
    if (crash.vars.length > 0) out.push("", "Variables:", "", fenced("python", variablesText(crash)));
  }
  if (detail.request) out.push("", "## Request", "", fenced("sh", replay("curl", detail.request).text));
  if (detail.tags.length > 0) out.push("", "## Tags", "", ...detail.tags.map(({ key, value }) => `- ${inline(key)}: ${inline(value)}`));
  return `${out.join("\n")}\n`;
}
