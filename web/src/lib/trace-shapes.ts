// Made-up columns of spans for tests: trees of any shape, and the worst that may come.

import type { SpanColumns, TraceErrorView } from "../api/types";

export type Spec = { parent: number; name?: string; op?: string; start?: number; duration?: number; status?: string; service?: number };

export function columns(specs: readonly Spec[]): SpanColumns {
  const depth: number[] = [];
  for (const [i, s] of specs.entries()) depth[i] = s.parent < 0 ? 0 : (depth[s.parent] ?? 0) + 1;
  return {
    span_id: specs.map((_, i) => i.toString(16).padStart(16, "0")), parent: specs.map((s) => s.parent), depth,
    start_ns: specs.map((s, i) => s.start ?? i), duration_ns: specs.map((s) => s.duration ?? 10), name: specs.map((s, i) => s.name ?? `n${i}`),
    op: specs.map((s) => s.op ?? ""), service: specs.map((s) => s.service ?? 0), kind: specs.map(() => "internal"), status: specs.map((s) => s.status ?? "ok"),
    source: specs.map(() => "otel"), is_orphan: specs.map(() => false), clock_shift_ns: specs.map(() => 0),
  };
}

export const error = (span: number, time = 0): TraceErrorView => ({
  event_id: "e", issue_id: "1", short_id: "S-1", title: "t", level: "error", time_ns: time, span, is_placed_by_time: false,
});

/** Numbers from 0 to 1, the same ones for a seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

/** A depth-first tree of `n` spans with siblings by start; children may begin before their parents and end after them. */
export function timedTree(n: number, seed: number): SpanColumns {
  const random = seeded(seed);
  const specs: Spec[] = [];
  const grow = (parent: number, from: number, room: number) => {
    let start = from;
    const many = 1 + Math.floor(random() * 4);
    for (let k = 0; k < many && specs.length < n; k++) {
      start += Math.floor(random() * room * 0.4) - (random() < 0.1 ? Math.floor(room * 0.2) : 0);
      const duration = Math.floor(random() * room * 1.2);
      const i = specs.length;
      specs.push({ parent, start, duration, name: `n${Math.floor(random() * 4)}`, op: random() < 0.5 ? "db" : "http", status: random() < 0.05 ? "error" : "ok", service: Math.floor(random() * 2) });
      if (random() < 0.7 && duration > 3) grow(i, start, duration);
    }
  };
  while (specs.length < n) grow(-1, Math.floor(random() * 1000), 100_000);
  return columns(specs.slice(0, n));
}
