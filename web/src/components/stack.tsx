// A stack: frames of the user's code as headings that open, runs of library frames folded into one line.

import { useEffect, useState } from "preact/hooks";
import type { FrameDetail } from "../api/types";
import { count, plural } from "../lib/format";
import { SourceLines } from "./code";
import { EditorLink } from "./editor-link";
import { Icon } from "./icons";
import { Variables } from "./values";

/** Which frames are open at first: every one of the user's, the one to look at first, or none. */
export type Opens = "app" | "crash" | "none";
export type StackOptions = { opens: Opens; showLibrary: boolean; showVars: boolean; newestFirst: boolean };

/** A frame is some ten elements, one that is open a hundred; a whole screen has at most 2,500. Longer stacks open step by step. */
const HEAD_PIECES = 8;
const TAIL_PIECES = 32;
const MORE_PIECES = 40;
const OPEN_MAX = 6;

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
  // Those nearest to what was raised: they are what one reads.
  const opened = options.opens === "app" ? new Set(frames.filter((frame) => frame.in_app || frame.is_crash).slice(-OPEN_MAX)) : new Set<FrameDetail>();
  const [middle, setMiddle] = useState(0);
  if (options.newestFirst) {
    ordered.reverse();
    for (const piece of ordered) piece.frames.reverse();
  }
  const [head, tail] = options.newestFirst ? [TAIL_PIECES, HEAD_PIECES] : [HEAD_PIECES, TAIL_PIECES];
  const left = ordered.length > head + tail + MORE_PIECES / 2 ? Math.max(0, ordered.length - head - tail - middle) : 0;
  // What is asked for comes next to the frames that are read first.
  const cut = options.newestFirst ? head + middle : head;
  const draw = (piece: Piece) =>
    piece.isFolded ? (
      <Run key={`run${piece.frames[0]?.index}`} piece={piece} options={options} />
    ) : (
      piece.frames.map(({ frame, index }) => <Frame key={index} frame={frame} isOpenAtFirst={frame === shown || opened.has(frame)} options={options} />)
    );
  return (
    <ol class="stack">
      {omitted > 0 && <li class="omitted">{`${plural(omitted, "frame")} left out by the SDK or the server's limit`}</li>}
      {(left > 0 ? ordered.slice(0, cut) : ordered).map(draw)}
      {left > 0 && (
        <li class="run">
          <button type="button" class="run-head" onClick={() => setMiddle(middle + MORE_PIECES)}>
            <Icon name="chevron" size={12} />
            {`Show ${count(Math.min(left, MORE_PIECES))} of ${plural(framesIn(ordered.slice(cut, cut + left)), "frame")} between`}
          </button>
        </li>
      )}
      {left > 0 && ordered.slice(cut + left).map(draw)}
    </ol>
  );
}

const framesIn = (list: readonly Piece[]) => list.reduce((n, { frames }) => n + frames.length, 0);

function Run({ piece, options }: { piece: Piece; options: StackOptions }) {
  const [isOpen, setOpen] = useState(options.showLibrary);
  useEffect(() => setOpen(options.showLibrary), [options.showLibrary]);
  const { frames } = piece;
  const [most, setMost] = useState(MORE_PIECES);
  return (
    <li class="run">
      <button type="button" class="run-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name="chevron" size={12} />
        {plural(frames.length, "library frame")} <span class="mono">{runName(frames)}</span>
      </button>
      {isOpen && (
        <ol class="stack">
          {frames.slice(0, most).map(({ frame, index }) => (
            <Frame key={index} frame={frame} isOpenAtFirst={false} options={options} />
          ))}
          {frames.length > most && (
            <li>
              <button type="button" class="run-head" onClick={() => setMost(most + MORE_PIECES)}>
                {`Show ${count(Math.min(MORE_PIECES, frames.length - most))} more`}
              </button>
            </li>
          )}
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
