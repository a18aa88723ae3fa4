import { describe, expect, it } from "vitest";
import { alone, column, extent, number, overall, path, value } from "./metrics";

const series = { count: [2, 0, 1], sum: [10, null, 4], min: [4, null, 4], max: [6, null, 4], last: [6, null, 4], p50: [null, null, null], p95: [null, null, null], p99: [null, null, null] };
const spread = { ...series, p50: [4, null, 4], p95: [6, null, 4], p99: [6, null, 5] };

describe("values", () => {
  it("read in their unit", () => {
    expect(value(187.5, "millisecond")).toBe("188\u202fms");
    expect(value(1200, "byte")).toBe("1.20\u202fkB");
    expect(value(3, "item")).toBe("3\u202fitem");
    expect(value(0.5, "ratio")).toBe("50\u202f%");
    expect(value(2.5, "")).toBe("2.5");
  });
  it("read in OpenTelemetry's units", () => {
    expect([value(3, "{request}"), value(0.25, "1"), value(2048, "By"), value(2048, "By/s"), value(1.5, "s"), value(2, "min"), value(1, "MiBy"), value(3, "{item}/s")]).toEqual(["3\u202frequests", "0.25", "2.05\u202fkB", "2.05\u202fkB/s", "1.50\u202fs", "2\u202fmin 0\u202fs", "1.05\u202fMB", "3\u202fitems/s"]);
  });
  it("never lose themselves in digits", () => {
    expect([number(1234567), number(0.0001234), number(-5.55555), number(1e20), number(1234.6)]).toEqual(["1.23M", "0.000123", "−5.56", "1.00e+20", "1\u202f235"]);
  });
});

describe("sums", () => {
  it("are columns of one kind", () => {
    expect(column(series, "avg", 60_000)).toEqual([5, null, 4]);
    expect(column(series, "count", 60_000)).toEqual([2, null, 1]);
  });
  it("are rates of what is counted", () => {
    expect(column(series, "rate", 2000)).toEqual([5, null, 2]);
    expect(column(spread, "rate", 2000)).toEqual([1, null, 0.5]);
    expect([overall(series, "rate", 2000), overall(spread, "p99", 2000)]).toEqual([7 / 3, 5]);
  });
  it("are one number for all of the time", () => {
    expect([overall(series, "sum", 60_000), overall(series, "avg", 60_000), overall(series, "min", 60_000), overall(series, "max", 60_000), overall(series, "last", 60_000)]).toEqual([14, 14 / 3, 4, 6, 4]);
    expect(overall({ count: [0], sum: [null], min: [null], max: [null], last: [null], p50: [null], p95: [null], p99: [null] }, "avg", 60_000)).toBe(null);
  });
});

it("the axis begins at zero and ends at a round number", () => {
  expect(extent([[3, null, 17]])).toEqual({ low: 0, high: 20 });
  expect(extent([[-3, 17], [42]])).toEqual({ low: -3, high: 50 });
  expect(extent([[]])).toEqual({ low: 0, high: 1 });
});

it("a line has gaps and a lone value is seen", () => {
  expect(path([1, 2, null, 1], 0, 2, 40, 10)).toBe("M5.0 5.0L15.0 0.0M35.0 5.0h.01");
});

it("points that no line reaches are told apart", () => {
  expect(alone([1, 2, null, 3, null, null, 4, 5, null, 6])).toEqual([null, null, null, 3, null, null, null, null, null, 6]);
  expect(alone([0])).toEqual([0]);
});
