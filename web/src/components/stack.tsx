// A stack: frames of the user's code as headings that open, runs of library frames folded into one line.

import { useEffect, useState } from "preact/hooks";
import type { FrameDetail } from "../api/types";
import { plural } from "../lib/format";
import { SourceLines } from "./code";
import { EditorLink } from "./editor-link";
import { Icon } from "./icons";
import { Variables } from "./values";

/** Which frames are open at first: every one of the user's, the one to look at first, or none. */
export type Opens = "app" | "crash" | "none";
export type StackOptions = { opens: Opens; showLibrary: boolean; showVars: boolean; newestFirst: boolean };

type Piece = { frames: { frame: FrameDetail; index: number }[]; isFolded: boolean };

/** In-app frames one by one, neighbouring library frames together; a single one needs no folding. */
function pieces(frames: readonly FrameDetail[], shown: FrameDetail | undefined): Piece[] {
  const out: Piece[] = [];
  for (const [index, frame] of frames.entries()) {
    const isFolded = !frame.in_app && !frame.is_crash && frame !== shown;
    const last = out[out.length - 1];
    if (isFolded && last?.isFolded) last.frames.push({ frame, index });
    else out.push({ frames: [{ frame, index }], isFolded });
  }
  return out;
}

/** `django.core.handlers`, what the modules of a run have in common, or the first few of them. */
function runName(frames: readonly { frame: FrameDetail }[]): string {
  const names = [...new Set(frames.map(({ frame }) => (frame.module ?? frame.filename ?? "?").split(".").slice(0, 3).join(".")))];
  const parts = names.map((name) => name.split("."));
  const shared: string[] = [];
  for (const [i, part] of (parts[0] ?? []).entries()) {
    if (!parts.every((other) => other[i] === part)) break;
    shared.push(part);
  }
  if (shared.length > 1 || names.length === 1) return shared.join(".");
  const tops = [...new Set(parts.map((part) => part[0] ?? "?"))];
  return tops.length > 3 ? `${tops.slice(0, 3).join(", ")}, …` : tops.join(", ");
}

export function Stack({ frames, omitted, options }: { frames: readonly FrameDetail[]; omitted: number; options: StackOptions }) {
  const crash = frames.findLast((frame) => frame.is_crash) ?? frames.findLast((frame) => frame.in_app) ?? frames[frames.length - 1];
  const shown = options.opens === "none" ? undefined : crash;
  const ordered = pieces(frames, shown);
  if (options.newestFirst) {
    ordered.reverse();
    for (const piece of ordered) piece.frames.reverse();
  }
  return (
    <ol class="stack">
      {omitted > 0 && <li class="omitted">{`${plural(omitted, "frame")} left out by the SDK or the server's limit`}</li>}
      {ordered.map((piece) =>
        piece.isFolded ? (
          <Run key={`run${piece.frames[0]?.index}`} piece={piece} options={options} />
        ) : (
          piece.frames.map(({ frame, index }) => <Frame key={index} frame={frame} isOpenAtFirst={frame.is_crash || frame === shown || (options.opens === "app" && frame.in_app)} options={options} />)
        ),
      )}
    </ol>
  );
}

function Run({ piece, options }: { piece: Piece; options: StackOptions }) {
  const [isOpen, setOpen] = useState(options.showLibrary);
  useEffect(() => setOpen(options.showLibrary), [options.showLibrary]);
  const { frames } = piece;
  return (
    <li class="run">
      <button type="button" class="run-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name="chevron" size={12} />
        {plural(frames.length, "library frame")} <span class="mono">{runName(frames)}</span>
      </button>
      {isOpen && (
        <ol class="stack">
          {frames.map(({ frame, index }) => (
            <Frame key={index} frame={frame} isOpenAtFirst={false} options={options} />
          ))}
        </ol>
      )}
    </li>
  );
}

function Frame({ frame, isOpenAtFirst, options }: { frame: FrameDetail; isOpenAtFirst: boolean; options: StackOptions }) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const hasSource = frame.context_line !== null;
  const canOpen = hasSource || frame.vars.length > 0;
  const file = frame.filename ?? frame.abs_path ?? "unknown file";
  const head = (
    <>
      <span class="fn">{frame.function ?? "(unknown)"}</span>
      <span class="file" title={frame.abs_path ?? undefined}>
        {file}
        {frame.line !== null && <b>{`:${frame.line}`}</b>}
      </span>
      {frame.module && <span class="module">{frame.module}</span>}
      {frame.is_crash && <span class="badge crash">raised here</span>}
    </>
  );
  return (
    <li class={`frame${frame.in_app ? " app" : ""}${frame.is_crash ? " is-crash" : ""}`}>
      <div class="frame-row">
        {canOpen ? (
          <button type="button" class="frame-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <Icon name="chevron" size={12} />
            {head}
          </button>
        ) : (
          <div class="frame-head plain">{head}</div>
        )}
        <EditorLink path={frame.abs_path ?? frame.filename} line={frame.line} column={frame.column} />
      </div>
      {isOpen && canOpen && (
        <div class="frame-body">
          {hasSource && <SourceLines frame={frame} />}
          {options.showVars && frame.vars.length > 0 && <Variables vars={frame.vars} label={`Local variables of ${frame.function ?? "the frame"}`} />}
        </div>
      )}
    </li>
  );
}
