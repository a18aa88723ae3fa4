// Issues as the server lists and changes them, over the made-up ones: a small part of the search language, counts,
// completion, actions and undo. MANY=<n> adds that many more, NEWS=1 another one every two seconds.

import { NOW, issueRows } from "./fixtures.mjs";

const HOUR = 3_600_000;
const PAGE = 50;
const PAGE_MAX = 100;
const people = ["Anna Lind", "Ben Okafor", "Chiara", "Dmitri Волков"];
const releases = ["shop@1.4.2", "shop@1.4.1", "shop@1.4.0", "shop@1.3.9"];
const environments = ["production", "staging"];
const browsers = ["Firefox 153", "Chrome 156", "Safari 19"];

for (let i = 0; i < Number(process.env.MANY ?? 0); i++) {
  const like = issueRows[i % 60];
  const n = i + 1000;
  issueRows.push({ ...like, id: String(9_000_000 + n), short_id: `SHOP-${n}`, title: `${like.ty}: number ${n}`, value: `number ${n} ${like.value ?? ""}`.slice(0, 300), last_seen_ms: NOW - 10 * HOUR - i * 60_000, event_count: 1 + ((i * 7919) % 4000) });
}
for (const [i, row] of issueRows.entries()) {
  const isNew = NOW - row.first_seen_ms < 24 * HOUR;
  Object.assign(row, {
    substatus: row.status !== "unresolved" ? "" : isNew ? "new" : i % 9 === 1 ? "regressed" : "ongoing",
    regressed_release: row.status === "unresolved" && !isNew && i % 9 === 1 ? row.last_release : null,
    status_detail: row.status === "resolved" ? { kind: "next_release", release: null, until_ms: null, count: null, seen: null, window_minutes: null, by: "Anna Lind", at_ms: NOW - HOUR } : null,
    assignee: i % 4 === 1 ? people[i % people.length] : null,
    priority: row.level === "fatal" || (row.is_unhandled && row.level === "error") ? "high" : row.level === "error" ? "medium" : "low",
    is_bookmarked: i % 13 === 2,
    comment_count: i % 6 === 0 ? (i % 5) + 1 : 0,
    merged_count: i === 1 ? 2 : 0,
    changed_ms: row.first_seen_ms,
  });
  if (i % 17 === 5) Object.assign(row, { status: "ignored", substatus: "", status_detail: { kind: i % 2 ? "until_events" : "until_time", release: null, until_ms: NOW + 5 * HOUR, count: 100, seen: 12, window_minutes: null, by: "Ben Okafor", at_ms: NOW - 2 * HOUR } });
}

/** An issue nobody has seen yet; for NEWS. */
export function appear() {
  const n = 5000 + issueRows.length;
  const now = Math.max(...issueRows.map((row) => row.last_seen_ms)) + 1000;
  issueRows.push({ ...issueRows[9], id: String(9_000_000 + n), short_id: `SHOP-${n}`, title: "KeyError: 'new'", ty: "KeyError", value: "'new'", status: "unresolved", substatus: "new", status_detail: null, first_seen_ms: now, last_seen_ms: now, event_count: 1, user_count: 0, comment_count: 0 });
  return String(9_000_000 + n);
}

const KEYS = {
  is: [["unresolved", "open"], ["resolved", ""], ["ignored", ""], ["new", "first seen in 24 hours"], ["regressed", "came back"], ["assigned", ""], ["unassigned", ""]],
  level: ["fatal", "error", "warning", "info", "debug"].map((level) => [level, ""]),
  assigned: [["me", "you"], ["none", "nobody"], ...people.map((name) => [name, ""])],
  priority: [["high", ""], ["medium", ""], ["low", ""]],
  environment: environments.map((name) => [name, ""]),
  release: releases.map((name) => [name, ""]),
  browser: browsers.map((name) => [name, ""]),
  "error.type": ["ValueError", "Http404", "OperationalError", "IntegrityError", "ReadTimeout"].map((name) => [name, ""]),
  transaction: ["/checkout/{cart_id}/", "/orders/", "/api/cart/"].map((name) => [name, ""]),
  timesSeen: [[">100", "more than 100 events"]],
  bookmarks: [["me", ""]],
};
const NOTES = { is: "state", level: "severity", assigned: "who looks at it", priority: "high, medium, low", environment: "where", release: "version", browser: "tag", "error.type": "exception type", transaction: "route or task", timesSeen: "events, as a number", bookmarks: "marked" };

class Wrong extends Error {
  constructor(detail, from, to) {
    super(detail);
    this.answer = { status: 400, body: { detail, causes: [], at: { from, to } } };
  }
}

function leaves(text) {
  const found = [];
  for (const match of text.matchAll(/(!?)([\w.]+):("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\S*)|("[^"]*"?)|(\S+)/g)) {
    const [all, not, key, value, phrase, word] = match;
    const at = match.index;
    if (phrase !== undefined && (phrase.length < 2 || !phrase.endsWith('"'))) throw new Wrong("a quote is not closed", at, at + all.length);
    if (key === undefined) {
      found.push((row) => `${row.title} ${row.function} ${row.filename} ${row.culprit} ${row.short_id}`.toLowerCase().includes((phrase ?? word).replaceAll('"', "").toLowerCase()));
      continue;
    }
    if (!(key in KEYS)) throw new Wrong(`there is no key \`${key}\` and no tag of this name`, at + not.length, at + not.length + key.length);
    if (value === "") throw new Wrong(`\`${key}:\` has no value`, at, at + all.length);
    const plain = value.replaceAll('"', "").replaceAll("\\", "");
    if (key === "is" && !KEYS.is.some(([state]) => state === plain)) throw new Wrong(`\`is:${plain}\` is no state; one of ${KEYS.is.map(([state]) => state).join(", ")}`, at + not.length + 3, at + all.length);
    const test = (row) => {
      if (key === "is") return { unresolved: row.status === "unresolved", resolved: row.status === "resolved", ignored: row.status === "ignored", new: row.substatus === "new", regressed: row.substatus === "regressed", assigned: row.assignee !== null, unassigned: row.assignee === null }[plain];
      if (key === "level") return row.level === plain;
      if (key === "assigned") return plain === "none" ? row.assignee === null : row.assignee === plain;
      if (key === "priority") return row.priority === plain;
      if (key === "timesSeen") return row.event_count > Number(plain.replace(/\D/g, ""));
      if (key === "error.type") return row.ty === plain;
      if (key === "transaction") return row.culprit === plain;
      if (key === "bookmarks") return row.is_bookmarked;
      return Number(row.id) % KEYS[key].length === KEYS[key].findIndex(([name]) => name === plain);
    };
    found.push(not === "!" ? (row) => !test(row) : test);
  }
  return found;
}

const gone = new Set();
const visible = () => issueRows.filter((row) => !gone.has(row.id));
const SORTS = { first_seen: "first_seen_ms", events: "event_count", users: "user_count" };

function list(params) {
  const tests = leaves(params.get("query") ?? (params.get("status") === "all" ? "" : "is:unresolved"));
  const environment = params.get("environment");
  let rows = visible().filter((row) => tests.every((test) => test(row)) && (!environment || (Number(row.id) % 2 === 0) === (environment === "staging")));
  const from = Number(params.get("from") ?? 0) || ({ "1h": 1, "24h": 24, "7d": 168, "14d": 336, "30d": 720 }[params.get("range")] ? NOW - { "1h": 1, "24h": 24, "7d": 168, "14d": 336, "30d": 720 }[params.get("range")] * HOUR : 0);
  rows = rows.filter((row) => row.last_seen_ms >= from);
  const rank = { high: 3, medium: 2, low: 1 };
  const key = SORTS[params.get("sort")] ?? "last_seen_ms";
  const value = params.get("sort") === "priority" ? (row) => rank[row.priority] : params.get("sort") === "trend" ? (row) => row.hours.slice(-6).reduce((a, b) => a + b, 0) : (row) => row[key];
  rows = rows.toSorted((a, b) => value(b) - value(a));
  const at = Number(params.get("cursor") ?? 0);
  const size = Math.min(PAGE_MAX, Number(params.get("limit") ?? PAGE));
  return { issues: rows.slice(at, at + size), next_cursor: at + size < rows.length ? String(at + size) : null, total: rows.length, environments, releases, partial: null, notes: [] };
}

function counts() {
  const of = (test) => visible().filter(test).length;
  return { open: of((r) => r.status === "unresolved"), new: of((r) => r.substatus === "new"), regressed: of((r) => r.substatus === "regressed"), ignored: of((r) => r.status === "ignored"), resolved: of((r) => r.status === "resolved"), all: of(() => true) };
}

function complete(params) {
  const text = params.get("query") ?? "";
  const at = Math.min(text.length, Number(params.get("at") ?? text.length));
  const word = /\S*$/.exec(text.slice(0, at))[0];
  const start = at - word.length;
  const none = { from: at, to: at, context: "none", items: [], is_partial: false };
  const [, not, key, value] = /^(!?)([\w.]+):(.*)$/.exec(word) ?? [];
  if (key !== undefined) {
    if (!(key in KEYS)) return none;
    const typed = value.replaceAll('"', "").toLowerCase();
    const items = KEYS[key].filter(([name]) => name.toLowerCase().includes(typed)).map(([name, note], i) => ({ insert: /[\s"]/.test(name) ? `"${name}"` : name, label: name, note, count: key === "timesSeen" ? null : Math.ceil(1200 / (i + 1) ** 2) }));
    return { from: start + not.length + key.length + 1, to: at, context: "value", items, is_partial: key === "browser" };
  }
  const typed = word.replace(/^!/, "").toLowerCase();
  const items = Object.keys(KEYS).filter((name) => name.toLowerCase().includes(typed)).map((name) => ({ insert: `${name}:`, label: name, note: NOTES[name], count: null }));
  return { from: start + (word.startsWith("!") ? 1 : 0), to: at, context: "key", items, is_partial: false };
}

const tokens = new Map();
function actOn({ ids, by, action }) {
  const rows = visible().filter((row) => ids.includes(row.id) || ids.includes(row.short_id));
  const before = rows.map((row) => ({ ...row }));
  const wasGone = new Set(gone);
  const detail = (kind) => ({ kind, release: action.release ?? null, until_ms: action.until_ms ?? null, count: action.count ?? null, seen: action.count ? 0 : null, window_minutes: action.window_minutes ?? null, by: by ?? null, at_ms: NOW });
  for (const row of rows) {
    if (action.kind === "resolve") Object.assign(row, { status: "resolved", substatus: "", status_detail: detail(action.in) });
    else if (action.kind === "ignore") Object.assign(row, { status: "ignored", substatus: "", status_detail: detail(action.until === "forever" ? "forever" : `until_${action.until}`) });
    else if (action.kind === "unresolve") Object.assign(row, { status: "unresolved", substatus: "ongoing", status_detail: null });
    else if (action.kind === "assign") row.assignee = action.to;
    else if (action.kind === "priority") row.priority = action.priority;
    else if (action.kind === "bookmark") row.is_bookmarked = action.on;
    else gone.add(row.id);
  }
  const into = action.kind === "merge" ? issueRows.find((row) => row.id === action.into || row.short_id === action.into) : undefined;
  if (into) before.push({ ...into });
  if (into) Object.assign(into, { event_count: into.event_count + rows.reduce((n, row) => n + row.event_count, 0), merged_count: into.merged_count + rows.length });
  if (action.kind === "assign" && action.to && !people.includes(action.to)) people.push(action.to);
  const undo = `undo-${tokens.size + 1}`;
  tokens.set(undo, () => {
    for (const old of before) Object.assign(issueRows.find((row) => row.id === old.id), old);
    gone.clear();
    for (const id of wasGone) gone.add(id);
    return { changed: before.length };
  });
  const problems = rows.filter((row) => row.short_id === "SHOP-4").map((row) => ({ id: row.id, detail: "Ben Okafor ignored it 4 s ago; your change came after" }));
  return { changed: rows.length, undo, problems };
}

/** `undefined`: not an address of this file. */
export function issues(path, method, sent, params) {
  try {
    const address = path.join("/");
    if (address === "issues" && method === "GET") return list(params);
    if (address === "issues/counts") return counts();
    if (address === "issues/actions" && method === "POST") return actOn(sent);
    if (address === "issues/undo" && method === "POST") return tokens.get(sent.token)?.() ?? { status: 404, body: { detail: "This can no longer be undone.", causes: [] } };
    if (address === "search/keys") return { keys: [{ key: "level", aliases: ["severity"], doc: "How bad: level:error" }] };
    if (address === "search/complete") return params.get("dataset") === "issues" ? complete(params) : { from: 0, to: 0, context: "none", items: [], is_partial: false };
    if (address === "people") return { names: people };
  } catch (error) {
    if (error instanceof Wrong) return error.answer;
    throw error;
  }
  return undefined;
}
