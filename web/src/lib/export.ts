// An event as text to paste elsewhere: Python's own traceback, Markdown, a curl command. Pure.

import type { EventView, ExceptionDetail, FrameDetail, RequestDetail } from "../api/types";
import { plural } from "./format";
import { chainOf, type ExceptionNode, exceptionTrees } from "./exceptions";
import { leaf, isTree, preview } from "./python-value";

/** The words between two exceptions, as Python prints them; ours where Python has none. */
export function jointWords(relation: ExceptionDetail["relation"]): string | null {
  switch (relation) {
    case "cause":
      return "The above exception was the direct cause of the following exception:";
    case "context":
      return "During handling of the above exception, another exception occurred:";
    case "chained":
      return "The above exception led to the following exception:";
    default:
      return null;
  }
}

export function exceptionName(exception: Pick<ExceptionDetail, "ty" | "module">): string {
  const ty = exception.ty ?? "Error";
  return exception.module && exception.module !== "builtins" && !ty.includes(".") ? `${exception.module}.${ty}` : ty;
}

function titleLine(exception: ExceptionDetail): string {
  const value = exception.value ?? "";
  return value === "" ? exceptionName(exception) : `${exceptionName(exception)}: ${value}`;
}

function frameLines(frame: FrameDetail): string[] {
  const file = frame.abs_path ?? frame.filename ?? frame.module ?? "?";
  const out = [`  File "${file}", line ${frame.line ?? "?"}, in ${frame.function ?? "?"}`];
  const code = frame.context_line?.trim();
  if (code) out.push(`    ${code}`);
  return out;
}

/** What the terminal would have shown. */
export function traceback(event: Pick<EventView, "title" | "detail">): string {
  const { exceptions, message } = event.detail;
  if (exceptions.length === 0) return message ?? event.title;
  const drawing: Drawing = { out: [], depth: 0, needsClose: false };
  for (const [i, tree] of exceptionTrees(exceptions).entries()) {
    if (i > 0) drawing.out.push("");
    drawChain(tree, drawing);
  }
  return drawing.out.join("\n");
}

/** As in Python's traceback.py: groups are drawn with a margin, nested ones deeper, and the last box closes them all. */
type Drawing = { out: string[]; depth: number; needsClose: boolean };

const indent = (drawing: Drawing) => "  ".repeat(drawing.depth);

function draw(drawing: Drawing, lines: readonly string[], margin = "|"): void {
  const before = drawing.depth > 0 ? `${indent(drawing)}${margin} ` : "";
  for (const line of lines) drawing.out.push(`${before}${line}`.replace(/\s+$/, ""));
}

function drawChain(node: ExceptionNode, drawing: Drawing): void {
  for (const { exception, members } of chainOf(node).toReversed()) {
    const isOutermost = members.length > 0 && drawing.depth === 0;
    if (isOutermost) drawing.depth = 1;
    if (exception.frames.length > 0) {
      draw(drawing, [`${members.length > 0 ? "Exception Group " : ""}Traceback (most recent call last):`], isOutermost ? "+" : "|");
      for (const frame of exception.frames) draw(drawing, frameLines(frame));
      if (exception.frames_omitted > 0) draw(drawing, [`  [${plural(exception.frames_omitted, "frame")} left out]`]);
    }
    const counted = members.length > 0 && !/\(\d+ sub-exceptions?\)$/.test(exception.value ?? "") ? ` (${plural(members.length, "sub-exception")})` : "";
    draw(drawing, `${titleLine(exception)}${counted}`.split("\n"));
    if (members.length > 0) drawing.needsClose = false;
    for (const [i, member] of members.entries()) {
      const isLast = i === members.length - 1;
      if (isLast) drawing.needsClose = true;
      drawing.out.push(`${indent(drawing)}${i === 0 ? "+-" : "  "}+---------------- ${i + 1} ----------------`);
      drawing.depth += 1;
      drawChain(member, drawing);
      // A group that is itself the last member has closed the box already.
      if (isLast && drawing.needsClose) {
        drawing.out.push(`${indent(drawing)}+------------------------------------`);
        drawing.needsClose = false;
      }
      drawing.depth -= 1;
    }
    if (isOutermost) drawing.depth = 0;
    const joint = exception.relation === "group_member" || exception === node.exception ? null : jointWords(exception.relation);
    if (joint) draw(drawing, ["", joint, ""]);
  }
}

const HIDDEN = /^\[?(filtered|redacted)\]?$/i;
/** Set by curl itself, or meaningless on another connection. */
const HEADERS_LEFT_OUT = new Set(["host", "content-length", "connection", "accept-encoding", "cookie"]);

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The request once more. What was filtered becomes a placeholder to fill in. */
export function curl(request: RequestDetail): string {
  const parts: string[] = [];
  const method = (request.method ?? "GET").toUpperCase();
  const body = bodyText(request);
  if (method !== "GET" && !(method === "POST" && body !== null)) parts.push(`-X ${/^[A-Z]+$/.test(method) ? method : quote(method)}`);
  parts.push(quote(fullUrl(request)));
  for (const { key, value } of request.headers) {
    if (HEADERS_LEFT_OUT.has(key.toLowerCase())) continue;
    parts.push(`-H ${quote(`${key}: ${HIDDEN.test(value) ? `<${key}>` : value}`)}`);
  }
  if (request.cookies.length > 0) {
    const cookies = request.cookies.map(({ key, value }) => `${key}=${HIDDEN.test(value) ? `<${key}>` : value}`);
    parts.push(`-b ${quote(cookies.join("; "))}`);
  }
  if (body !== null) parts.push(`--data-raw ${quote(body)}`);
  return `curl ${parts.join(" \\\n  ")}`;
}

export function fullUrl(request: RequestDetail): string {
  const url = request.url ?? "/";
  if (request.query.length === 0 || url.includes("?")) return url;
  const query = request.query.map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
  return `${url}?${query}`;
}

/** As it was sent: SDK and server take forms apart. */
function bodyText({ data, headers, inferred_content_type }: RequestDetail): string | null {
  if (data === null || data === undefined || data === "") return null;
  if (typeof data === "string") return data;
  const type = headers.find(({ key }) => key === "Content-Type")?.value ?? inferred_content_type ?? "";
  if (!type.startsWith("application/x-www-form-urlencoded") || typeof data !== "object" || Array.isArray(data)) return JSON.stringify(data);
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(data)) for (const one of Array.isArray(value) ? value : [value]) form.append(name, plain(one));
  return form.toString();
}

const plain = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A fence longer than any run of backticks inside. */
function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

const inline = (text: string) => text.replace(/([\\`*_[\]<>|])/g, "\\$1").replace(/\s+/g, " ");

/** For an issue tracker or an assistant: traceback, the crash frame with its variables, request, tags. */
export function markdown(event: EventView, link: string): string {
  const { detail } = event;
  const out = [`# ${inline(event.title)}`, ""];
  const facts: [string, string | null][] = [
    ["Issue", event.short_id],
    ["When", new Date(event.timestamp_ms).toISOString()],
    ["Where", event.culprit || null],
    ["Release", detail.release],
    ["Environment", detail.environment],
    ["Link", link],
  ];
  for (const [name, value] of facts) if (value) out.push(`- ${name}: ${name === "Link" ? value : inline(value)}`);
  out.push("", "## Traceback", "", fenced("", traceback(event)));
  const crash = detail.exceptions.flatMap((exception) => exception.frames).find((frame) => frame.is_crash);
  if (crash) {
    const source = [...crash.pre_context, crash.context_line ?? "", ...crash.post_context].join("\n");
    out.push("", `## ${inline(crash.function ?? "?")} · ${inline(crash.filename ?? "?")}:${crash.line ?? "?"}`);
    if (crash.context_line !== null) out.push("", fenced("python", source));
    if (crash.vars.length > 0)
      out.push("", "Variables:", "", fenced("python", crash.vars.map(({ name, value }) => `${name} = ${isTree(value) ? preview(value, 400) : leaf(value).slice(0, 400)}`).join("\n")));
  }
  if (detail.request) out.push("", "## Request", "", fenced("sh", curl(detail.request)));
  if (detail.tags.length > 0) out.push("", "## Tags", "", ...detail.tags.map(({ key, value }) => `- ${inline(key)}: ${inline(value)}`));
  return `${out.join("\n")}\n`;
}
