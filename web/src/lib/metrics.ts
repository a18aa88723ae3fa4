// What the metric screens work out without a page: how values read, which sums fit a kind, where a line runs. Pure.

import type { MetricRowView, MetricSeriesView } from "../api/types";
import { bytes, count, duration } from "./format";

const NANOSECONDS: Record<string, number> = { nanosecond: 1, ns: 1, microsecond: 1e3, us: 1e3, millisecond: 1e6, ms: 1e6, second: 1e9, s: 1e9, minute: 6e10, hour: 3.6e12, day: 8.64e13, min: 6e10, h: 3.6e12, d: 8.64e13 };
const BYTES: Record<string, number> = { byte: 1, by: 1, bit: 1 / 8, kilobyte: 1e3, kibibyte: 1024, megabyte: 1e6, mebibyte: 1048576, gigabyte: 1e9, gibibyte: 1073741824, kby: 1e3, kiby: 1024, mby: 1e6, miby: 1048576, gby: 1e9, giby: 1073741824 };

/** A value with its unit: `187 ms`, `1.2 kB`, `42 %`, `3 items`. */
export function value(n: number, unit: string): string {
  // Between braces stands a word for what is counted (UCUM, as OpenTelemetry writes units): `{request}`. And 1 is no unit.
  const counted = /^\{(.*)\}(\/s)?$/.exec(unit);
  if (counted) return `${number(n)}\u202f${counted[1]}${n === 1 || !/[a-z]$/.test(counted[1] ?? "") ? "" : "s"}${counted[2] ?? ""}`;
  if (unit === "1") return number(n);
  if (unit.endsWith("/s") && unit.length > 2) return `${value(n, unit.slice(0, -2))}/s`;
  const word = unit.toLowerCase();
  const ns = NANOSECONDS[word] ?? NANOSECONDS[word.replace(/s$/, "")];
  if (ns !== undefined) return duration(n * ns);
  const size = BYTES[word] ?? BYTES[word.replace(/s$/, "")];
  if (size !== undefined) return n < 0 ? `−${bytes(-n * size)}` : bytes(Math.round(n * size));
  if (word === "percent" || word === "%") return `${number(n)}\u202f%`;
  if (word === "ratio") return `${number(n * 100)}\u202f%`;
  return unit === "" ? number(n) : `${number(n)}\u202f${unit}`;
}

/** A unit as it stands beside a name: `request` for `{request}`, nothing for 1. */
export const unitWord = (unit: string) => (unit === "1" ? "" : unit.replace(/[{}]/g, ""));

/** Whole numbers as they are, others with three digits that say something. */
export function number(n: number): string {
  if (n < 0) return `−${number(-n)}`;
  if (n >= 1e15) return n.toExponential(2);
  if (Number.isInteger(n)) return n < 1e6 ? count(n) : short(n);
  if (n >= 1000) return n < 1e6 ? count(Math.round(n)) : short(n);
  return String(Number(n.toPrecision(3)));
}

function short(n: number): string {
  const [size, letter] = n >= 1e12 ? [1e12, "T"] : n >= 1e9 ? [1e9, "G"] : [1e6, "M"];
  return `${Number((n / size).toPrecision(3))}${letter}`;
}

export type Stat = "sum" | "count" | "rate" | "avg" | "min" | "max" | "last" | "p50" | "p95" | "p99";
/** What is worth drawing of a kind; the first unless another is asked for. */
export const STATS: Record<string, readonly Stat[]> = {
  counter: ["sum", "rate", "count"],
  gauge: ["avg", "last", "min", "max"],
  distribution: ["avg", "p95", "max", "min", "rate", "count", "sum"],
};
export const STAT_WORDS: Record<Stat, string> = { sum: "Sum", count: "Count", rate: "Rate", p50: "p50", p95: "p95", p99: "p99", avg: "Average", min: "Minimum", max: "Maximum", last: "Last value" };

/** `stepMs`: length of one stretch. */
export function column(series: MetricSeriesView, stat: Stat, stepMs: number): (number | null)[] {
  if (stat === "count") return series.count.map((n) => (n === 0 ? null : n));
  if (stat === "rate") return rates(series).map((n) => (n === null ? null : n / (stepMs / 1000)));
  if (stat === "avg") return series.sum.map((sum, i) => (sum === null ? null : sum / Math.max(1, series.count[i] ?? 1)));
  return series[stat];
}

/** What is counted: increments of a counter, measurements of a distribution. */
function rates(series: MetricSeriesView): (number | null)[] {
  const isSpread = series.p50.some((n) => n !== null);
  return isSpread ? series.count.map((n) => (n === 0 ? null : n)) : series.sum;
}

/** One number for all of the time. Percentiles do not add up: of those it is the latest. */
export function overall(series: MetricSeriesView, stat: Stat, stepMs: number): number | null {
  const values = column(series, stat, stepMs).filter((n) => n !== null);
  if (values.length === 0) return null;
  if (stat === "min") return Math.min(...values);
  if (stat === "max") return Math.max(...values);
  if (stat === "last" || stat === "p50" || stat === "p95" || stat === "p99") return values[values.length - 1] ?? null;
  const sum = column(series, stat === "avg" ? "sum" : stat, stepMs).reduce<number>((total, n) => total + (n ?? 0), 0);
  if (stat === "rate") return sum / Math.max(1, series.count.length);
  return stat === "avg" ? sum / Math.max(1, series.count.reduce((total, n) => total + n, 0)) : sum;
}

/** The ends of the axis: from zero, unless something is below it; the upper one a round number. */
export function extent(lines: readonly (readonly (number | null)[])[]): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (const line of lines)
    for (const n of line) {
      if (n === null) continue;
      low = Math.min(low, n);
      high = Math.max(high, n);
    }
  if (low === 0 && high === 0) return { low: 0, high: 1 };
  return { low: low === 0 ? 0 : -roundUp(-low), high: high === 0 ? 0 : roundUp(high) };
}

/** The next of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten. */
function roundUp(n: number): number {
  const power = 10 ** Math.floor(Math.log10(n));
  for (const step of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8]) if (n <= step * power * 1.000001) return step * power;
  return 10 * power;
}

/** An SVG path through the values in a box; a gap where nothing was measured, a point without length for one alone. */
export function path(values: readonly (number | null)[], low: number, high: number, width: number, height: number): string {
  const step = width / Math.max(1, values.length);
  // Lines with round ends draw the point as a dot.
  const y = (n: number) => (height - ((n - low) / Math.max(1e-300, high - low)) * height).toFixed(1);
  let out = "";
  let isDrawing = false;
  for (const [i, n] of values.entries()) {
    if (n === null) {
      isDrawing = false;
      continue;
    }
    const x = ((i + 0.5) * step).toFixed(1);
    if (!isDrawing && (values[i + 1] ?? null) === null) out += `M${x} ${y(n)}h.01`;
    else out += `${isDrawing ? "L" : "M"}${x} ${y(n)}`;
    isDrawing = true;
  }
  return out;
}

/** Those that have none beside them: a line through the others does not show them. */
export function alone(values: readonly (number | null)[]): (number | null)[] {
  return values.map((n, i) => ((values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null ? n : null));
}

export const metricPath = (row: Pick<MetricRowView, "name" | "kind" | "unit" | "project_slug">) => {
  const params = new URLSearchParams({ kind: row.kind });
  if (row.unit) params.set("unit", row.unit);
  params.set("project", row.project_slug);
  return `/metrics/${encodeURIComponent(row.name)}?${params}`;
};
