import { expect, it } from "vitest";
import type { LogRowView, TraceView } from "../api/types";
import { spanMarks, thinned } from "./span-marks";
import { columns, error } from "./trace-shapes";

it("logs stand on their span's bar, where it is drawn", () => {
  const spans = { ...columns([{ parent: -1 }, { parent: 0 }]), clock_shift_ns: [0, 5] };
  const trace = { spans, start_ms: 1000, findings: [{ kind: "slow_query", spans: [1] }], errors: [error(1, 7), error(-1, 3), error(0, 9)] } as unknown as TraceView;
  const log = (span: number, ms: number) => ({ span_id: spans.span_id[span], time_ms: 1000 + ms, level: "info", body: "b" }) as unknown as LogRowView;
  const marks = spanMarks(trace, [log(1, 2), log(1, 1), { ...log(0, 0), span_id: null } as LogRowView]);
  expect(marks.ticks.get(1)?.map(({ atNs }) => atNs)).toEqual([1e6 + 5, 2e6 + 5]);
  expect(marks.ticks.has(0)).toBe(false);
  expect(marks.errors.map(({ span }) => span)).toEqual([0, 1]);
  expect(marks.findings.get(1)?.kind).toBe("slow_query");
});

it("marks that would touch are one, the one that says most", () => {
  const told = thinned([{ at: 0, w: 1 }, { at: 1, w: 3 }, { at: 2, w: 2 }, { at: 9, w: 0 }], (m) => m.at, (m) => m.w, 3);
  expect(told).toEqual([{ mark: { at: 1, w: 3 }, n: 3 }, { mark: { at: 9, w: 0 }, n: 1 }]);
});
