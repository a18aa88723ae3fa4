import { expect, it } from "vitest";
import type { PackedSpans, TraceView } from "../api/types";
import { unpack, unpackSpans } from "./packed-trace";

const packed: PackedSpans = {
  texts: ["GET /", "http", "SELECT", "db", "server", "ok", "error", "otel"], span_ids: "00000000000000010000000000000002000000000000000f", parent: [-1, 0, 1], start_ns: [0, 5, 6], duration_ns: [9, 2, 1],
  name: [0, 2, 2], op: [1, 3, 3], service: [0, 0, 1], kind: [4, 4, 4], status: [5, 6, 5], source: [7, 7, 7], orphans: [2], shifted: [1], shifts_ns: [-40],
};

it("columns come back whole", () => {
  expect(unpackSpans(packed)).toEqual({
    span_id: ["0000000000000001", "0000000000000002", "000000000000000f"], parent: [-1, 0, 1], depth: [0, 1, 2], start_ns: [0, 5, 6], duration_ns: [9, 2, 1], name: ["GET /", "SELECT", "SELECT"], op: ["http", "db", "db"],
    service: [0, 0, 1], kind: ["server", "server", "server"], status: ["ok", "error", "ok"], source: ["otel", "otel", "otel"], is_orphan: [false, false, true], clock_shift_ns: [0, -40, 0],
  });
});

it("an answer is unpacked once, and one that is not packed stays", () => {
  const view = { packed } as unknown as TraceView;
  const { spans } = unpack(view);
  expect(view.packed).toBeNull();
  expect(unpack(view).spans).toBe(spans);
});
