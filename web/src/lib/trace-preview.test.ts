import { expect, it } from "vitest";
import type { TraceView } from "../api/types";
import { previewRows } from "./trace-preview";

function trace(parents: number[], errorSpan: number): TraceView {
  const n = parents.length;
  const all = <T>(value: T) => parents.map(() => value);
  return {
    trace_id: "t", name: "", op: "", service: "", start_ns: "0", start_ms: 0, duration_ns: n, services: ["s"], has_sentry: true, has_otel: false, spans_omitted: 0, packed: null, rest_later: false, findings: [], profiles: [], replays: [], log_count: 0,
    spans: { span_id: parents.map((_, i) => `${i}`), parent: parents, depth: all(0), start_ns: all(0), duration_ns: all(1), name: parents.map((_, i) => `n${i}`), op: all(""), service: all(0), kind: all(""), status: all(""), source: all(""), is_orphan: all(false), clock_shift_ns: all(0) },
    errors: [{ event_id: "e", issue_id: "1", short_id: "S-1", title: "T", level: "error", time_ns: 0, span: errorSpan, is_placed_by_time: false }],
  };
}
const names = (view: TraceView, most: number) => {
  const { rows, omitted } = previewRows(view, "e", most);
  return [...rows.map((row) => (row.type === "error" ? "error" : view.spans.name[row.span])), omitted];
};

it("holds the beginning and the way to the event, in their order", () => {
  const flat = trace([-1, 0, 0, 0, 0, 0, 5], 6);
  expect(names(flat, 20)).toEqual(["n0", "n1", "n2", "n3", "n4", "n5", "n6", "error", 0]);
  expect(names(flat, 5)).toEqual(["n0", "n1", "n5", "n6", "error", 3]);
  expect(names(trace([-1, 0, 1, 2, 3, 4], 5), 3)).toEqual(["n4", "n5", "error", 4]);
  expect(names(trace([], -1), 3)).toEqual(["error", 0]);
});
