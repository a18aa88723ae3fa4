// What the traces explorer and the page of one trace ask for besides lists and spans, made of the fixtures.

import * as data from "./fixtures.mjs";

const rowsOf = (params) => {
  const all = [];
  const asked = new URLSearchParams(params);
  for (let cursor = ""; cursor !== null; ) {
    if (cursor) asked.set("cursor", cursor);
    const page = data.traces(asked);
    all.push(...page.traces);
    cursor = page.next_cursor;
  }
  return all;
};
const isFailed = (row) => row.status === "error" || (row.http_status ?? 0) >= 500;
const RANGES = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "14d": 1_209_600_000, "30d": 2_592_000_000, "90d": 7_776_000_000 };

function heat(params) {
  const rows = rowsOf(params);
  const spread = Math.min(RANGES[params.get("range") ?? "24h"] ?? RANGES["24h"], 3 * 3_600_000);
  const step_ms = Math.max(60_000, Math.round(spread / 96 / 60_000) * 60_000);
  const from_ms = Math.floor((data.NOW - spread) / step_ms) * step_ms;
  const columns = Math.floor((data.NOW - from_ms) / step_ms) + 1;
  const bounds_ns = Array.from({ length: 33 }, (_, i) => Math.round(10 ** (6 + i / 8)));
  const grid = () => Array.from({ length: columns }, () => bounds_ns.slice(1).map(() => 0));
  const [counts, errors] = [grid(), grid()];
  let seed = 11;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const put = (start_ms, duration_ns, failed) => {
    const column = Math.floor((start_ms - from_ms) / step_ms);
    const row = Math.max(0, Math.min(bounds_ns.length - 2, bounds_ns.findLastIndex((bound) => bound <= duration_ns)));
    if (column < 0 || column >= columns) return;
    counts[column][row] += 1;
    if (failed) errors[column][row] += 1;
  };
  for (const row of rows) put(row.start_ms, row.duration_ns, isFailed(row));
  if (rows.length > 20) for (let i = 0; i < 4000; i++) put(from_ms + random() * spread, 10 ** (6.6 + (random() + random() + random()) * 0.7 + (random() < 0.05 ? 1.2 : 0)), random() < 0.02);
  return { from_ms, step_ms, columns, bounds_ns, counts, errors, total: counts.flat().reduce((a, b) => a + b, 0), searched_to_ms: null };
}

function facets(params) {
  const rows = rowsOf(params);
  const count = (key, of) => {
    const counts = new Map();
    for (const row of rows) for (const value of [of(row)].flat()) if (value) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
    return { key, values: [...counts].map(([value, n]) => ({ value, count: n })).toSorted((a, b) => b.count - a.count).slice(0, 12) };
  };
  const all = [count("service", (row) => row.services), count("name", (row) => row.name), count("op", (row) => row.op), count("status", (row) => (isFailed(row) ? "error" : "ok")), count("http.status_code", (row) => row.http_status), count("source", (row) => [row.has_sentry && "sentry", row.has_otel && "otel"])];
  return { facets: all.filter(({ values }) => values.length > 0), of: rows.length, searched_to_ms: null };
}

const compare = () => ({
  selected: 212, rest: 4021, selected_seen: 212, rest_seen: 4021, is_sampled: false,
  items: [["code.function.name", "nplus1", 0.97, 0.03], ["service.version", "shop@1.4.2", 1, 0.41], ["span.name", 'SELECT "shop_author"."id", "shop_author"."name" FROM "shop_author" WHERE "shop_author"."id" = %s LIMIT 21', 0.97, 0.05], ["http.response.status_code", "500", 0.31, 0.02], ["server.address", "web-2", 0.66, 0.5], ["shop.tenant", "acme", 0.2, 0]].map(([key, value, share_in, share_out]) => ({ key, value, share_in, share_out, lift: share_out > 0 ? share_in / share_out : null })),
});

const breakdown = (params) => ({
  traces: params.getAll("id").map((trace_id, i) => ({ trace_id, is_partial: false, parts: [{ op: "db", kind: "client", self_ns: 3_000_000 * ((i * 7) % 5) }, { op: "http.server", kind: "server", self_ns: 900_000 }, { op: "template.render", kind: "internal", self_ns: 1_200_000 * (i % 3) }, { op: "function", kind: "internal", self_ns: 2_000_000 }] })),
});

function sql(id) {
  const view = data.trace(id);
  if (!view) return undefined;
  const out = { statements: [], call_sites: ["shop/views.py:23 in nplus1", "shop/cart.py:12 in load"], span_id: [], statement: [], call_site: [], spans_omitted: 0 };
  const { spans } = view;
  for (const [i, op] of spans.op.entries()) {
    if (op !== "db") continue;
    let at = out.statements.findIndex(({ text }) => text === spans.name[i]);
    if (at < 0) at = out.statements.push({ text: spans.name[i], example: spans.name[i], summary: "SELECT shop_book", fingerprint: "00000000000000aa", system: "postgresql", parameters: [] }) - 1;
    out.span_id.push(spans.span_id[i]);
    out.statement.push(at);
    out.call_site.push(at % 3 === 2 ? -1 : at % 2);
  }
  return out;
}

function find(id, params) {
  const view = data.trace(id);
  if (!view) return undefined;
  const words = (params.get("query") ?? "").toLowerCase();
  const has = (i) => JSON.stringify(data.span(id, view.spans.span_id[i])).toLowerCase().includes(words);
  return { span_ids: view.spans.span_id.filter((_, i) => i < 500 && has(i)), is_partial: view.spans.span_id.length > 500 };
}

function json(id, params) {
  const view = data.trace(id);
  if (!view) return undefined;
  const most = Number(params.get("limit") ?? 10_000);
  const ids = view.spans.span_id;
  return { trace_id: id, spans: ids.slice(0, most).map((span) => data.span(id, span)), errors: view.errors, spans_omitted: Math.max(0, ids.length - most) };
}

/** The newest spans of some traces. */
export function spans(params) {
  const rows = rowsOf(params).slice(0, 8).flatMap(({ trace_id }) => {
    const { spans: s, start_ms, services } = data.trace(trace_id);
    return s.span_id.map((span_id, i) => ({ trace_id, span_id, start_ms: start_ms + s.start_ns[i] / 1e6, duration_ns: s.duration_ns[i], name: s.name[i], op: s.op[i], kind: s.kind[i], service: services[s.service[i]] ?? "", status: s.status[i], http_status: null, source: s.source[i] }));
  });
  return { spans: rows.toSorted((a, b) => b.start_ms - a.start_ms).slice(0, 50), next_cursor: null, searched_to_ms: null };
}

export const OF_MANY = { heat, facets, compare, breakdown };
export const OF_ONE = { sql, find, json };
