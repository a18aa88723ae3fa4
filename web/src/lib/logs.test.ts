import { describe, expect, it } from "vitest";
import type { LogRowView } from "../api/types";
import { isBefore, merge, stacks, timeRange, windowOf } from "./logs";

const row = (n: number, time = n): LogRowView => ({ id: String(n).padStart(32, "0"), time_ms: time / 1e6, time_ns: String(time), level: "info", body: `log ${n}`, is_cut: false, service: "shop", logger: null, trace_id: null, span_id: null });

describe("time ranges", () => {
  it("come from the address, else the default", () => {
    const now = 1_800_000_003_000;
    expect(timeRange(new URLSearchParams("range=1h"), now)).toEqual({ fromMs: 1_799_996_400_000, toMs: null, key: "1h" });
    expect(timeRange(new URLSearchParams("from=5&to=9"), now)).toEqual({ fromMs: 5, toMs: 9, key: "" });
    expect(timeRange(new URLSearchParams("from=5"), now)).toEqual({ fromMs: 5, toMs: null, key: "" });
    expect(timeRange(new URLSearchParams("to=1799996400000"), now)).toEqual({ fromMs: 1_797_404_400_000, toMs: 1_799_996_400_000, key: "" });
    for (const odd of ["range=9y", "from=9&to=5", "from=x&to=y", ""]) expect(timeRange(new URLSearchParams(odd), now).key).toBe("24h");
  });
});

describe("rows that arrive", () => {
  it("stand newest first, whatever the length of their time", () => {
    expect(isBefore(row(1, 1000), row(2, 999))).toBe(true);
    expect(isBefore(row(1, 5), row(2, 5))).toBe(false);
  });
  it("are put where their time is", () => {
    const { rows, added, isGap } = merge([row(5), row(3), row(1)], [row(6), row(5), row(4)]);
    expect([rows.map(({ time_ns }) => time_ns).join(), added, isGap]).toEqual(["6,5,4,3,1", 2, false]);
  });
  it("leave the list as it is when nothing is new", () => {
    const shown = [row(2), row(1)];
    expect(merge(shown, [row(2)]).rows).toBe(shown);
  });
  it("take its place when there may be others between", () => {
    expect(merge([row(2), row(1)], [row(9), row(8)])).toMatchObject({ isGap: true, added: 2 });
    expect(merge([], [row(9)])).toMatchObject({ isGap: false, added: 1 });
  });
});

describe("the window of rows", () => {
  it("holds what is in sight and some more", () => {
    expect(windowOf(10_000, 24, -1, 0, 24_000, 480, 5)).toEqual({ from: 995, to: 1026, offset: 995 * 24, total: 240_000 });
    expect(windowOf(3, 24, -1, 0, 0, 480, 5)).toEqual({ from: 0, to: 3, offset: 0, total: 72 });
    expect(windowOf(0, 24, -1, 0, 0, 480, 5)).toEqual({ from: 0, to: 0, offset: 0, total: 0 });
  });
  it("moves down what stands below the open row", () => {
    const { from, offset, total } = windowOf(1000, 24, 10, 300, 24 * 100 + 300, 480, 5);
    expect([from, offset, total]).toEqual([95, 95 * 24 + 300, 24_300]);
    expect(windowOf(1000, 24, 10, 300, 11 * 24 + 100, 100, 0).from).toBe(10);
  });
});

it("stacks the worst at the bottom", () => {
  const { bars, most, total } = stacks({ from_ms: 0, step_ms: 60_000, levels: [{ level: "info", counts: [2, 0] }, { level: "error", counts: [1, 3] }], services: [], environments: [], searched_to_ms: null });
  expect(bars[0]).toEqual([{ level: "error", count: 1, from: 0 }, { level: "info", count: 2, from: 1 }]);
  expect([most, total]).toEqual([3, 6]);
});
