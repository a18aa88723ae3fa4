// The exceptions of an event as Python's own traceback module prints them. What the payload does not carry (the carets
// of 3.11 under a part of a line) is not made up. Pure.

import type { EventView, ExceptionDetail, FrameDetail } from "../../api/types";
import { chainOf, type ExceptionNode, exceptionTrees } from "../exceptions";
import { jointWords } from "../export";
import { plural } from "../format";

/** Python says "[Previous line repeated …]" from the fourth frame in a row that is the same. */
const REPEATS_SHOWN = 3;
/** How wide and how deep Python draws groups before it sums up. */
const GROUP_WIDTH_MAX = 15;
const GROUP_DEPTH_MAX = 10;

/** What the terminal would have shown. */
export function traceback(event: Pick<EventView, "title" | "detail">): string {
  const { exceptions, threads, message } = event.detail;
  if (exceptions.length > 0) return exceptionsText(exceptions);
  const thread = threads.find((one) => one.is_crashed || one.is_current) ?? threads[0];
  if (!thread || thread.frames.length === 0) return message ?? event.title;
  return ["Traceback (most recent call last):", ...stackLines(thread.frames), message ?? event.title].join("\n");
}

export function exceptionsText(exceptions: readonly ExceptionDetail[]): string {
  const drawing: Drawing = { out: [], depth: 0, needsClose: false };
  for (const [i, tree] of exceptionTrees(exceptions).entries()) {
    if (i > 0) drawing.out.push("");
    drawChain(tree, drawing);
  }
  return drawing.out.join("\n");
}

/** `shop.models.Book.DoesNotExist`: with its module, unless it is one that every program has. */
export function pythonName({ ty, module }: Pick<ExceptionDetail, "ty" | "module">): string {
  const name = ty ?? "Error";
  const isPlain = !module || module === "builtins" || module === "__builtins__" || module === "__main__" || name.startsWith(`${module}.`);
  return isPlain ? name : `${module}.${name}`;
}

function titleLine(exception: ExceptionDetail): string {
  const value = exception.value ?? "";
  return value === "" ? pythonName(exception) : `${pythonName(exception)}: ${value}`;
}

function frameLines(frame: FrameDetail): string[] {
  const file = frame.abs_path ?? frame.filename ?? frame.module ?? "?";
  const out = [`  File "${file}", line ${frame.line ?? "?"}, in ${frame.function ?? "?"}`];
  const code = frame.context_line?.trim();
  if (code) out.push(`    ${code}`);
  return out;
}

const sameFrame = (a: FrameDetail, b: FrameDetail | undefined) =>
  b !== undefined && a.abs_path === b.abs_path && a.filename === b.filename && a.line === b.line && a.function === b.function;

function stackLines(frames: readonly FrameDetail[]): string[] {
  const out: string[] = [];
  let run = 0;
  const endRun = () => {
    const more = run - REPEATS_SHOWN;
    if (more > 0) out.push(`  [Previous line repeated ${more} more time${more === 1 ? "" : "s"}]`);
    run = 0;
  };
  for (const [i, frame] of frames.entries()) {
    if (!sameFrame(frame, frames[i - 1])) endRun();
    run += 1;
    if (run <= REPEATS_SHOWN) out.push(...frameLines(frame));
  }
  endRun();
  return out;
}

/** Groups are drawn with a margin, nested ones deeper, and the last box closes them all. */
type Drawing = { out: string[]; depth: number; needsClose: boolean };

const indent = (drawing: Drawing) => "  ".repeat(drawing.depth);

function draw(drawing: Drawing, lines: readonly string[], margin = "|"): void {
  const before = drawing.depth > 0 ? `${indent(drawing)}${margin} ` : "";
  for (const line of lines) drawing.out.push(`${before}${line}`);
}

function drawChain(node: ExceptionNode, drawing: Drawing): void {
  for (const { exception, members } of chainOf(node).toReversed()) {
    if (members.length > 0 && drawing.depth > GROUP_DEPTH_MAX) {
      draw(drawing, [`... (max_group_depth is ${GROUP_DEPTH_MAX})`]);
      continue;
    }
    const isOutermost = members.length > 0 && drawing.depth === 0;
    if (isOutermost) drawing.depth = 1;
    if (exception.frames.length > 0) {
      draw(drawing, [`${members.length > 0 ? "Exception Group " : ""}Traceback (most recent call last):`], isOutermost ? "+" : "|");
      if (exception.frames_omitted > 0) draw(drawing, [`  [${plural(exception.frames_omitted, "frame")} left out]`]);
      draw(drawing, stackLines(exception.frames));
    }
    draw(drawing, titleOf(exception, members.length));
    if (members.length > 0) drawMembers(members, drawing);
    if (isOutermost) drawing.depth = 0;
    const joint = exception.relation === "group_member" || exception === node.exception ? null : jointWords(exception.relation);
    if (joint) draw(drawing, ["", joint, ""]);
  }
}

/** SDKs send the message of a group without the count that Python adds, and notes behind the message, a line each. */
function titleOf(exception: ExceptionDetail, memberCount: number): string[] {
  const lines = titleLine(exception).split("\n");
  if (memberCount > 0 && !/\(\d+ sub-exceptions?\)/.test(exception.value ?? "")) lines[0] += ` (${plural(memberCount, "sub-exception")})`;
  return lines;
}

function drawMembers(members: readonly ExceptionNode[], drawing: Drawing): void {
  const shown = members.slice(0, GROUP_WIDTH_MAX);
  const more = members.length - shown.length;
  const boxes = more > 0 ? shown.length + 1 : shown.length;
  drawing.needsClose = false;
  for (let i = 0; i < boxes; i++) {
    const isLast = i === boxes - 1;
    const member = shown[i];
    if (isLast) drawing.needsClose = true;
    drawing.out.push(`${indent(drawing)}${i === 0 ? "+-" : "  "}+---------------- ${member ? i + 1 : "..."} ----------------`);
    drawing.depth += 1;
    if (member) drawChain(member, drawing);
    else draw(drawing, [`and ${plural(more, "more exception")}`]);
    // A group that is itself the last member has closed the box already.
    if (isLast && drawing.needsClose) {
      drawing.out.push(`${indent(drawing)}+------------------------------------`);
      drawing.needsClose = false;
    }
    drawing.depth -= 1;
  }
}
