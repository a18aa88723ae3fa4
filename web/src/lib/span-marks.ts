// What is told beside the spans of a trace: findings, errors below closed rows, logs at their times. Pure.

import type { LogRowView, TraceFindingView, TraceView } from "../api/types";

/** A log on a span's bar. */
export type Tick = { atNs: number; level: string; text: string };

export type SpanMarks = {
  findings: Map<number, TraceFindingView>;
  /** By span, in the order of time. */
  ticks: Map<number, Tick[]>;
  /** Errors by their span, rising: to be cut out for the spans below a row. */
  errors: { span: number; atNs: number; title: string }[];
};

export function spanMarks(trace: TraceView, logs: readonly LogRowView[]): SpanMarks {
  const findings = new Map<number, TraceFindingView>();
  for (const finding of trace.findings) for (const span of finding.spans) if (!findings.has(span)) findings.set(span, finding);
  const ticks = new Map<number, Tick[]>();
  if (logs.length > 0) {
    const named = new Set(logs.map((log) => log.span_id));
    const places = new Map<string, number>();
    for (const [i, id] of trace.spans.span_id.entries()) if (named.has(id)) places.set(id, i);
    for (const log of logs) {
      const span = places.get(log.span_id ?? "");
      if (span === undefined) continue;
      const tick = { atNs: Math.round((log.time_ms - trace.start_ms) * 1e6) + (trace.spans.clock_shift_ns[span] ?? 0), level: log.level, text: log.body };
      const list = ticks.get(span);
      if (list) list.push(tick);
      else ticks.set(span, [tick]);
    }
    for (const list of ticks.values()) list.sort((a, b) => a.atNs - b.atNs);
  }
  const errors = trace.errors.filter(({ span }) => span >= 0).map(({ span, time_ns, title }) => ({ span, atNs: time_ns, title }));
  return { findings, ticks, errors: errors.toSorted((a, b) => a.span - b.span) };
}

/** Marks that would touch are one: the one that says most, with the number of all. `least` apart, in the unit of `at`. */
export function thinned<T>(marks: readonly T[], at: (mark: T) => number, weight: (mark: T) => number, least: number): { mark: T; n: number }[] {
  const out: { mark: T; n: number }[] = [];
  let last = -Infinity;
  for (const mark of marks) {
    const end = out[out.length - 1];
    if (end && at(mark) - last < least) {
      end.n += 1;
      if (weight(mark) > weight(end.mark)) end.mark = mark;
      continue;
    }
    last = at(mark);
    out.push({ mark, n: 1 });
  }
  return out;
}
