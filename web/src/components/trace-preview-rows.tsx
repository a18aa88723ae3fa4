// The rows of a trace's preview. Which ones they are is said in lib/trace-preview.ts.

import { useMemo } from "preact/hooks";
import type { TraceView } from "../api/types";
import { duration, oneLine, plural } from "../lib/format";
import { colourNames } from "../lib/span-colours";
import { previewRows } from "../lib/trace-preview";
import type { Row } from "../lib/waterfall";

const INDENT_MAX = 8;

export function PreviewRows({ trace, eventId, most }: { trace: TraceView; eventId: string; most: number }) {
  const { rows, omitted } = useMemo(() => previewRows(trace, eventId, most), [trace, eventId, most]);
  const colours = useMemo(() => colourNames(trace), [trace]);
  const least = Math.min(...rows.map((row) => row.depth));
  return (
    <>
      <ol>
        {rows.map((row, i) => (
          <li key={i} class={isThis(row, trace, eventId) ? "this" : undefined}>
            <PreviewRow row={row} trace={trace} colour={row.type === "error" ? "error" : colours(row.span)} indent={Math.min(INDENT_MAX, row.depth - least)} />
          </li>
        ))}
      </ol>
      {omitted > 0 && <p class="quiet">{`${plural(omitted, "row")} more in the trace`}</p>}
    </>
  );
}

const isThis = (row: Row, trace: TraceView, eventId: string) => row.type === "error" && trace.errors[row.error]?.event_id === eventId;

function PreviewRow({ row, trace, colour, indent }: { row: Row; trace: TraceView; colour: string; indent: number }) {
  const { spans } = trace;
  const total = Math.max(1, trace.duration_ns);
  const share = (ns: number) => Math.min(100, Math.max(0, (ns / total) * 100));
  const error = row.type === "error" ? trace.errors[row.error] : undefined;
  const from = (row.type === "error" ? error?.time_ns : spans.start_ns[row.span]) ?? 0;
  const members = row.type === "group" ? row.members : row.type === "span" ? [row.span] : [];
  const isFailed = row.type === "error" || (row.type === "group" ? row.hasFailed : spans.status[row.span] === "error");
  const end = Math.max(from, ...members.map((i) => (spans.start_ns[i] ?? 0) + (spans.duration_ns[i] ?? 0)));
  const op = row.type === "error" ? "" : (spans.op[row.span] ?? "");
  return (
    <>
      <span class={`tp-name${isFailed ? " failed" : ""}`} style={{ paddingLeft: `${indent * 10}px` }}>
        {row.type === "error" ? <span aria-hidden="true">●</span> : op !== "" && <span class="op">{op}</span>}{" "}
        {oneLine((row.type === "error" ? error?.title : spans.name[row.span]) ?? "", 160) || "(no name)"}
        {row.type === "group" && <b>{` ×${row.members.length}`}</b>}
      </span>
      <span class="tp-track" aria-hidden="true">
        <span class={row.type === "error" ? "tp-pin" : "tp-bar"} style={{ left: `${share(from)}%`, width: row.type === "error" ? undefined : `${share(end - from)}%`, background: `var(--${colour})` }} />
      </span>
      <span class="tp-time num">{row.type === "error" ? "" : duration(row.type === "group" ? row.totalNs : end - from)}</span>
    </>
  );
}
