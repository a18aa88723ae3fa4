// An event as a brief for an assistant: sections to choose from, each with its size, so that people decide what leaves
// their machine. Takes the trace when there is one. Pure.

import type { Breadcrumb, EventView, FrameDetail, TraceView } from "../../api/types";
import { crashFrameOf } from "../exceptions";
import { duration, offset, oneLine, plural } from "../format";
import { preview } from "../python-value";
import { cut, factsOf, fenced, inline, placeOf, sourceText, variablesText } from "./markdown";
import { replay } from "./request";
import { traceback } from "./traceback";

export const SECTIONS = ["error", "source", "locals", "request", "sql", "trace", "crumbs", "tags", "versions"] as const;
export type SectionId = (typeof SECTIONS)[number];
export type BriefSection = { id: SectionId; name: string; text: string };

/** On until somebody chooses otherwise: what explains most errors. */
export const CHOSEN_AT_FIRST: readonly SectionId[] = ["error", "source", "locals", "request", "sql", "trace", "crumbs", "versions"];

const SOURCE_LINES = 20;
/** Frames with source and variables: of one's own code, the innermost of them. */
const FRAMES_MAX = 8;
const LOCALS_VALUE_MAX = 300;
const CRUMBS_MAX = 30;
const QUERIES_MAX = 25;
const SPANS_MAX = 12;
const SQL_MAX = 2000;
/** About this many characters of English or code are one token of the usual models. */
export const CHARACTERS_PER_TOKEN = 3.7;
const TEXT_MAX = 120_000;

/** Only sections that have something to say. */
export function sectionsOf(event: EventView, trace: TraceView | null, link: string): BriefSection[] {
  const { detail } = event;
  const frames = ownFrames(event);
  const all: [SectionId, string, string | null][] = [
    ["error", "Error and traceback", errorText(event, link)],
    ["source", `Source, ±${SOURCE_LINES} lines`, frameSections(frames, (frame) => sourceText(frame, SOURCE_LINES))],
    ["locals", "Local variables", frameSections(frames, (frame) => (frame.vars.length > 0 ? variablesText(frame, LOCALS_VALUE_MAX) : null))],
    ["request", "Request", detail.request ? fenced("sh", replay("curl", detail.request).text) : null],
    ["sql", "SQL of the request", trace ? sqlText(trace) : null],
    ["trace", "Trace summary", trace ? traceText(trace) : null],
    ["crumbs", "Breadcrumbs", crumbsText(detail.breadcrumbs, event.timestamp_ms)],
    ["tags", "Tags", detail.tags.length > 0 ? detail.tags.map(({ key, value }) => `- ${inline(key)}: ${inline(cut(value, 200))}`).join("\n") : null],
    ["versions", "Versions", versionsText(event)],
  ];
  return all.flatMap(([id, name, text]) => (text === null || text === "" ? [] : [{ id, name, text: cut(text, TEXT_MAX) }]));
}

/** The text that is copied. */
export function brief(event: EventView, sections: readonly BriefSection[]): string {
  const platform = event.platform === "python" && event.detail.modules.some(({ key }) => key.toLowerCase() === "django") ? "Django" : event.platform;
  const out = [`An error in a ${inline(platform || "web")} application. Find its cause and propose the smallest change that mends it; say what you would check first if the cause is not certain.`];
  for (const { name, text } of sections) out.push("", `## ${name}`, "", text);
  return `${out.join("\n")}\n`;
}

function errorText(event: EventView, link: string): string {
  const facts = factsOf(event, link).map(([name, value]) => `- ${name}: ${name === "Link" ? value : inline(value)}`);
  return [...facts, "", fenced("", traceback(event))].join("\n");
}

function ownFrames(event: EventView): FrameDetail[] {
  const raised = event.detail.exceptions.at(-1)?.frames ?? [];
  const own = raised.filter((frame) => frame.in_app);
  const crash = crashFrameOf(event.detail.exceptions);
  const frames = own.length > 0 ? own : raised.slice(-1);
  if (crash && !frames.includes(crash)) frames.push(crash);
  return frames.slice(-FRAMES_MAX);
}

function frameSections(frames: readonly FrameDetail[], textOf: (frame: FrameDetail) => string | null): string | null {
  const parts = frames.flatMap((frame) => {
    const text = textOf(frame);
    return text === null ? [] : [`${inline(frame.function ?? "?")} · ${inline(placeOf(frame))}\n\n${fenced("python", text)}`];
  });
  return parts.length === 0 ? null : parts.join("\n\n");
}

/** Equal statements together, those that took most time first. */
function sqlText(trace: TraceView): string | null {
  const { spans } = trace;
  const queries = new Map<string, { count: number; ns: number }>();
  for (const [i, op] of spans.op.entries()) {
    if (!/^(?:db|sql)(?:\.|$)/.test(op) || /redis|cache/.test(op)) continue;
    const text = spans.name[i] ?? "";
    const known = queries.get(text) ?? { count: 0, ns: 0 };
    known.count += 1;
    known.ns += spans.duration_ns[i] ?? 0;
    queries.set(text, known);
  }
  if (queries.size === 0) return null;
  const rows = [...queries].toSorted(([, a], [, b]) => b.ns - a.ns);
  const lines = rows.slice(0, QUERIES_MAX).map(([text, { count, ns }]) => `-- ${count === 1 ? "once" : `${count} times`}, ${duration(ns)}\n${cut(oneLine(text, SQL_MAX), SQL_MAX)}`);
  const found = trace.findings.map((finding) => `- ${finding.kind === "n_plus_one" ? "N+1" : "Slow"}: ${plural(finding.count, "time")}, ${duration(finding.total_ms * 1e6)}${finding.call_site ? `, at ${inline(finding.call_site)}` : ""}`);
  const rest = rows.length > QUERIES_MAX ? [`\n${plural(rows.length - QUERIES_MAX, "other statement")}`] : [];
  return [...found, ...(found.length > 0 ? [""] : []), fenced("sql", lines.join("\n")), ...rest].join("\n");
}

function traceText(trace: TraceView): string | null {
  const { spans } = trace;
  if (spans.span_id.length === 0) return null;
  const out = [`${inline(`${trace.op} ${trace.name}`.trim())}: ${duration(trace.duration_ns)}, ${plural(spans.span_id.length, "span")}${trace.services.length > 1 ? `, services ${trace.services.map(inline).join(", ")}` : ""}`];
  const byOp = new Map<string, { count: number; ns: number }>();
  for (const [i, op] of spans.op.entries()) {
    const key = op === "" ? (spans.kind[i] ?? "internal") : op;
    const known = byOp.get(key) ?? { count: 0, ns: 0 };
    byOp.set(key, { count: known.count + 1, ns: known.ns + (spans.duration_ns[i] ?? 0) });
  }
  for (const [op, { count, ns }] of [...byOp].toSorted(([, a], [, b]) => b.ns - a.ns).slice(0, SPANS_MAX)) out.push(`- ${inline(op)}: ${count}, together ${duration(ns)}`);
  const failed = spans.status.flatMap((status, i) => (status === "error" ? [`- failed at ${offset(spans.start_ns[i] ?? 0)}: ${inline(oneLine(`${spans.op[i] ?? ""} ${spans.name[i] ?? ""}`, 160))}`] : []));
  return [...out, ...failed.slice(0, SPANS_MAX)].join("\n");
}

function crumbsText(crumbs: readonly Breadcrumb[], atMs: number): string | null {
  if (crumbs.length === 0) return null;
  const lines = crumbs.slice(-CRUMBS_MAX).map((crumb) => {
    const when = crumb.timestamp_ms === null ? "?" : offset((crumb.timestamp_ms - atMs) * 1e6);
    const data = crumb.data === null || crumb.data === undefined || crumb.data === "" ? "" : ` ${preview(crumb.data, 160)}`;
    return `${when} ${crumb.category ?? crumb.ty} ${crumb.level === "info" ? "" : `${crumb.level} `}${oneLine(crumb.message ?? "", 240)}${data}`.trimEnd();
  });
  const before = crumbs.length > CRUMBS_MAX ? [`(${plural(crumbs.length - CRUMBS_MAX, "earlier entry", "earlier entries")} left out)`] : [];
  return fenced("", [...before, ...lines].join("\n"));
}

function versionsText(event: EventView): string | null {
  const { detail } = event;
  const lines: string[] = [];
  for (const name of ["runtime", "os", "browser"]) {
    const summary = detail.contexts.find((context) => context.name === name)?.summary;
    if (summary) lines.push(`- ${name}: ${inline(summary)}`);
  }
  if (detail.sdk) lines.push(`- SDK: ${inline(detail.sdk)}`);
  if (detail.modules.length > 0) lines.push(`- packages: ${detail.modules.slice(0, 200).map(({ key, value }) => `${inline(key)} ${inline(value)}`).join(", ")}`);
  return lines.length === 0 ? null : lines.join("\n");
}

export const tokensOf = (text: string): number => Math.ceil(text.length / CHARACTERS_PER_TOKEN);
