// Made-up logs, metrics, monitors and feedback, with what the screens must survive: every level and state, long words, nothing measured.

import { NOW, traceIds } from "./fixtures.mjs";

const MIN = 60_000;
const hex = (n, length = 32) => n.toString(16).padStart(length, "0");
const project = { project_slug: "shop" };
const within = (text, words) => words === null || text.toLowerCase().includes(words.toLowerCase());

// Logs --------------------------------------------------------------------------------------------------------------
const SAID = [
  ["info", "shop.payments", "Billing priced order 3 at 3040 cents"],
  ["warn", "shop.stock", "only 2 lamps left"],
  ["error", "django.request", "Internal Server Error: /checkout/42/"],
  ["debug", "shop.cart", `cart 42 holds ${"B-001, ".repeat(60)}`],
  ["fatal", null, "warehouse is closed"],
  ["trace", "shop.cart", "line one\nline two of the same log"],
];
const logRows = Array.from({ length: 240 }, (_, n) => {
  const [level, logger, body] = SAID[n % SAID.length];
  const time_ms = NOW - n * 2 * MIN;
  return { id: hex(1000 - n), time_ms, time_ns: `${time_ms}000000`, level, body, is_cut: n % SAID.length === 3, service: n % 5 ? "shop" : "billing", logger, trace_id: n % 3 ? null : traceIds.plus, span_id: null };
});
const ORDER = ["trace", "debug", "info", "warn", "error", "fatal"];

export function logs(params) {
  const lowest = ORDER.indexOf(params.get("level") ?? "");
  const trace = params.get("trace");
  const rows = logRows.filter((row) => ORDER.indexOf(row.level) >= lowest && within(row.body, params.get("query")) && (!trace || row.trace_id === trace));
  const from = Number(params.get("cursor") ?? 0);
  const next = from + 100 < rows.length ? String(from + 100) : null;
  return { logs: rows.slice(from, from + 100), next_cursor: next, searched_to_ms: null, omitted: 0, has_any: true };
}
export function log(id) {
  const row = logRows.find((one) => one.id === id);
  return row && { ...row, received_ms: row.time_ms + 40, severity: 9, severity_text: "", template: null, has_spans: true, ...project, release: "shop@1.4.2", environment: "production", sdk: "sentry.python.django/2.75.0", source: "sentry", attributes: [{ name: "cart.id", value: 42 }, { name: "logger.name", value: row.logger ?? "" }], resource: [], dropped: 0, events: [] };
}
export const volume = () => ({
  from_ms: NOW - 96 * 15 * MIN, step_ms: 15 * MIN, services: ["billing", "shop"], environments: ["production"],
  levels: ORDER.map((level, n) => ({ level, counts: Array.from({ length: 96 }, (_, i) => ((i * 7 + n * 13) % 11) * (i > 60 ? 1 : 0)) })),
});

// Metrics -----------------------------------------------------------------------------------------------------------
const wave = (size, of) => Array.from({ length: size }, (_, i) => (i % 9 === 4 ? null : of(i)));
const METRICS = [
  ["orders.placed", "counter", "", 40],
  ["queue.depth.of.the.warehouse.in.the.north", "gauge", "item", 7],
  ["checkout.duration", "distribution", "millisecond", 187.5],
];
export const metrics = (params) => ({
  metrics: METRICS.filter(([name]) => within(name, params.get("query"))).map(([name, kind, unit, last]) => ({ name, kind, unit, ...project, last, last_ms: NOW - 3 * MIN, count: 12_040, spark: wave(31, (i) => last * (1 + (i % 5) / 4)) })),
  is_cut: false, has_any: true,
});
export function metric(name) {
  const found = METRICS.find((one) => one[0] === name);
  if (!found) return undefined;
  const [, kind, unit, last] = found;
  const series = (factor) => ({ count: wave(96, (i) => i % 7).map((n) => n ?? 0), sum: wave(96, (i) => factor * last * (i % 7)), min: wave(96, () => factor * last * 0.4), max: wave(96, (i) => factor * last * (1 + (i % 6))), last: wave(96, () => factor * last) });
  const isMeasured = kind === "distribution";
  return {
    name, kind, unit, ...project, variants: [{ kind, unit, ...project }], from_ms: NOW - 96 * 15 * MIN, step_ms: 15 * MIN, series: series(1), split: [], attributes: ["environment", "country"],
    p50: isMeasured ? last : null, p95: isMeasured ? last * 4 : null, p99: isMeasured ? last * 6 : null, points_seen: 12_040, searched_to_ms: null,
    examples: [{ time_ms: NOW - 3 * MIN, value: last * 6, trace_id: traceIds.plus, span_id: null, has_spans: true }],
  };
}

// Monitors ----------------------------------------------------------------------------------------------------------
const checkIn = (n, status, environment) => ({
  check_in_id: hex(n), environment, status, started_ms: NOW - n * 5 * MIN, finished_ms: null, expected_ms: NOW - n * 5 * MIN, duration_ms: status === "ok" ? 1200 + n * 90 : null,
  unwatched_from_ms: status === "unknown" ? NOW - 70 * MIN : null, unwatched_to_ms: status === "unknown" ? NOW - 60 * MIN : null, release: "shop@1.4.2", trace_id: null, has_trace: false,
});
const RUNS = ["in_progress", "ok", "error", "missed", "timeout", "unknown", ...Array(24).fill("ok")];
const environment = (name, state, over) => ({
  name, state, is_running: false, failures: 0, incident_since_ms: null, short_id: null, next_expected_ms: NOW + 4 * MIN, overdue_ms: NOW + 5 * MIN, last_check_in_ms: NOW - 5 * MIN, last_duration_ms: 1290,
  check_ins: RUNS.map((status, n) => checkIn(n, status, name)), ...over,
});
const monitorRow = (slug, over) => ({
  slug, name: slug, ...project, schedule_type: "crontab", schedule: "*/5 * * * *", schedule_words: "Every 5 minutes", timezone: "Europe/Berlin", margin_min: 1, runtime_min_max: 30, failure_threshold: 1, recovery_threshold: 1,
  owner: null, created_ms: NOW - 1e9, environments: [environment("production", "ok")], ...over,
});
const monitorRows = [
  monitorRow("backup", { environments: [environment("production", "failing", { failures: 2, short_id: "SHOP-2", incident_since_ms: NOW - 15 * MIN }), environment("staging", "waiting", { is_running: true, check_ins: [checkIn(0, "in_progress", "staging")] })] }),
  monitorRow("bare", { schedule_type: null, schedule: null, schedule_words: null, environments: [environment("production", "shaky", { next_expected_ms: null, overdue_ms: null })] }),
];
export const monitors = () => ({ monitors: monitorRows, next_cursor: null, total: monitorRows.length });
export const monitor = (slug) => monitorRows.find((row) => row.slug === slug);
export const checkIns = () => ({ check_ins: RUNS.map((status, n) => checkIn(n, status, "production")), next_cursor: null });

// Feedback ----------------------------------------------------------------------------------------------------------
const voice = (n, message, over) => ({
  feedback_id: hex(n), ...project, source: "feedback", message, name: "Ada", email: "ada@example.com", url: "https://shop.example.com/cart/", timestamp_ms: NOW - n * 37 * MIN, release: "shop@1.4.2", environment: "production",
  event_id: null, issue: null, trace_id: null, span_id: null, has_trace: false, replay_id: null, ...over,
});
const voices = [
  voice(1, "The order page shows an error, and my basket is empty afterwards. ".repeat(6), { event_id: hex(7), issue: { short_id: "SHOP-1", title: "ValueError: Invalid voucher BF26" } }),
  voice(2, "Kein Versand möglich", { name: null, email: null, url: null, trace_id: traceIds.plus, has_trace: true }),
  voice(3, "", { source: "user_report" }),
];
export const feedback = (params) => ({ feedback: voices.filter(({ message }) => within(message, params.get("query"))), next_cursor: null });
export function feedbackOne(id) {
  const found = voices.find((one) => one.feedback_id === id);
  return found && { feedback: found, detail: null };
}
