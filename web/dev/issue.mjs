// The mock's part of an issue's page: events with neighbours, tags, history, users, what changed, activity, relatives.

import * as data from "./fixtures.mjs";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const eventIds = (name) => {
  const ids = [];
  for (let at = data.event(name, "first"); at; at = at.nav.next && data.event(name, at.nav.next)) ids.push(at.event_id);
  return ids;
};
const RELEASES = ["shop@1.4.1", "shop@1.4.2"];
const SERVERS = ["web-1", "web-2"];
const BROWSERS = ["Firefox 145", "Safari 19.1"];

/** The older half of an issue's events differs from the newer one in ways worth seeing. */
function traits(at, count) {
  const isOld = at < count / 2;
  return { release: RELEASES[isOld ? 0 : 1], environment: at % 4 === 1 ? "staging" : "production", server: SERVERS[at % 2], browser: BROWSERS[at % 3 === 0 ? 1 : 0], user: `u${at % 3}@example.com`, isOld };
}

function varied(event, at, count) {
  const { release, environment, server, browser, user, isOld } = traits(at, count);
  const exceptions = event.detail.exceptions.map((exception) => ({
    ...exception,
    frames: exception.frames.map((frame) => ({ ...frame, vars: frame.vars.map((one) => (one.name === "voucher" ? { ...one, value: { ...one.value, percent: isOld ? 10 : 0 } } : one)) })),
  }));
  const tags = event.detail.tags.filter(({ key }) => !["release", "server_name", "browser", "environment"].includes(key));
  const many = event.short_id === "SHOP-8" ? Array.from({ length: 500 }, (_, i) => ({ key: `tag_${i}`, value: `value ${i}` })) : [];
  // A value of 5 MB, as a server with raised limits lets in.
  const large = event.short_id === "SHOP-8" && at === count - 1 ? [{ name: "payload", value: "x".repeat(5_000_000) }] : [];
  return {
    ...event,
    detail: { ...event.detail, extra: [...event.detail.extra, ...large], release, environment, server_name: server, exceptions, tags: [...tags, { key: "browser", value: browser }, { key: "environment", value: environment }, { key: "release", value: release }, { key: "server_name", value: server }, ...many], user: event.detail.user.map((one) => (one.name === "email" ? { ...one, value: user } : one)), modules: event.detail.modules.map((one) => (one.key === "django" && isOld ? { ...one, value: "5.2.18" } : one)) },
  };
}

function chosen(name, params) {
  const ids = eventIds(name);
  const rows = ids.map((id, at) => ({ id, at, ...traits(at, ids.length) }));
  const query = (params.get("query") ?? "").trim();
  const [, key, value] = /^([\w.]+):"?([^"]*)"?$/.exec(query) ?? [];
  const field = { browser: "browser", server_name: "server", user: "user" }[key];
  return rows.filter((row) => (!params.get("environment") || row.environment === params.get("environment")) && (!params.get("release") || row.release === params.get("release")) && (query === "" || (field ? row[field] === value : !query.includes("zzz"))));
}

function oneEvent(name, wanted, params) {
  const rows = chosen(name, params);
  const ids = eventIds(name);
  const named = { latest: rows.at(-1)?.id, first: rows[0]?.id, recommended: rows.at(-2)?.id ?? rows[0]?.id };
  const id = wanted in named ? named[wanted] : wanted;
  const event = id && data.event(name, id);
  if (!event) return undefined;
  const at = rows.findIndex((row) => row.id === id);
  const place = ids.indexOf(id);
  const before = rows.filter((row) => row.at < place).at(-1)?.id ?? null;
  const after = rows.find((row) => row.at > place)?.id ?? null;
  return { ...varied(event, place, ids.length), reports: [], nav: { first: rows[0]?.id ?? id, previous: before, next: after, latest: rows.at(-1)?.id ?? id, recommended: named.recommended, total: rows.length, position: at < 0 ? null : at + 1 } };
}

function eventList(name, params) {
  const { issue } = data.issue(name);
  const rows = chosen(name, params).toReversed();
  const event = (id) => data.event(name, id);
  return { events: rows.map(({ id, release, environment, server, user }) => ({ event_id: id, timestamp_ms: event(id).timestamp_ms, title: issue.title, level: issue.level, release, environment, user, trace_id: event(id).trace?.trace_id ?? null, transaction: issue.culprit, server_name: server })), next_cursor: null, total: rows.length, is_partial: false };
}

function counted(rows, of, isCompared, rest) {
  const counts = new Map();
  for (const row of rows) counts.set(of(row), (counts.get(of(row)) ?? 0) + 1);
  return [...counts].map(([value, count]) => ({ value, count, last_seen_ms: data.NOW - 60_000, rest_share: isCompared ? rest : null, lift: isCompared ? count / rows.length / rest : null })).toSorted((a, b) => b.count - a.count);
}

function tags(name, params) {
  const rows = chosen(name, params);
  const isCompared = params.get("compare") === "rest";
  const tag = (key, of, rest = 0.5) => ({ key, distinct: new Set(rows.map(of)).size, missing: 0, values: counted(rows, of, isCompared, rest), other: 0 });
  const many = name === "SHOP-8" ? Array.from({ length: 500 }, (_, i) => tag(`tag_${i}`, ({ at }) => (i % 3 ? `value ${i}` : `v${at % 2}`))) : [];
  const list = rows.length === 0 ? [] : [tag("browser", ({ browser }) => browser, 0.1), tag("environment", ({ environment }) => environment), tag("handled", () => "no"), tag("level", () => "error"), tag("release", ({ release }) => release, 0.2), tag("runtime", () => "CPython 3.13.2"), tag("server_name", ({ server }) => server), tag("user", ({ user }) => user), { ...tag("voucher", () => "\"><script>alert(1)</script>\u202Etxt"), missing: 2 }, ...many];
  return { events: rows.length, is_partial: false, tags: list, left_out: 0, next_cursor: null };
}

function history(name, params) {
  const unit = params.get("unit") ?? "day";
  const isHour = unit === "hour";
  const step_ms = { minute: 60_000, five_minutes: 300_000, hour: HOUR }[unit] ?? DAY;
  const size = isHour ? 24 : params.get("range") === "14d" ? 14 : params.get("range") === "90d" ? 90 : 60;
  const from = params.get("from");
  const start_ms = from ? Number(from) : Math.floor(data.NOW / step_ms) * step_ms - (size - 1) * step_ms;
  const length = from ? Math.max(1, Math.ceil((Number(params.get("to") ?? data.NOW) - start_ms) / step_ms)) : size;
  const { hours, event_count: total } = data.issue(name).issue;
  const counts = Array.from({ length }, (_, i) => (isHour ? (hours[i] ?? 0) : i < length * 0.4 ? 0 : Math.floor(((i * 37) % 11) + (i > length * 0.9 ? total / 20 : 0))));
  return { is_partial: false, unit, start_ms, step_ms, counts, releases: [{ version: "shop@1.4.1", at_ms: start_ms + step_ms * length * 0.42 }, { version: "shop@1.4.2", at_ms: start_ms + step_ms * length * 0.9 }] };
}

const changes = () => ({
  since_ms: data.NOW - 3 * DAY,
  basis: "The first hour of it against the project's other events of the 24 hours before.",
  items: [
    { kind: "release", key: "release", before: "shop@1.4.1", after: "shop@1.4.2", share_before: 0.02, share_after: 1, lift: 50, sentence: "Release shop@1.4.2 was first seen 4 minutes before." },
    { kind: "flag", key: "new_cart", before: "off", after: "on", share_before: 0.1, share_after: 0.97, lift: 9.7, sentence: "Flag new_cart is on in 97 % of its events, in 10 % of the others." },
    { kind: "package", key: "django", before: "5.2.18", after: "5.2.19", share_before: null, share_after: null, lift: null, sentence: "Package django went from 5.2.18 to 5.2.19." },
  ],
});

const activities = new Map();
let nextId = 1;
function activity(name) {
  if (!activities.has(name)) {
    const { issue } = data.issue(name);
    activities.set(name, [
      { id: `a${nextId++}`, at_ms: data.NOW - 7_200_000, by: "Tanja", kind: "assigned", text: null, edited_ms: null, detail: { to: "Tanja", from: null } },
      { id: `a${nextId++}`, at_ms: data.NOW - 9_000_000, by: "Bo", kind: "comment", text: "percent is 0 for *all* vouchers of the winter campaign, see https://wiki.example.com/vouchers.\nمرحبا", edited_ms: null, detail: {} },
      { id: `a${nextId++}`, at_ms: issue.first_seen_ms, by: null, kind: "first_seen", text: null, edited_ms: null, detail: { release: issue.first_release } },
    ]);
  }
  return activities.get(name);
}

function comment(name, method, id, sent) {
  const entries = activity(name);
  const at = entries.findIndex((entry) => entry.id === id);
  if (method === "POST") entries.unshift({ id: `a${nextId++}`, at_ms: data.NOW, by: sent.by ?? null, kind: "comment", text: sent.text, edited_ms: null, detail: {} });
  else if (at < 0) return undefined;
  else if (method === "PUT") entries[at] = { ...entries[at], text: sent.text, edited_ms: data.NOW };
  else entries.splice(at, 1);
  return entries[Math.max(0, at)] ?? {};
}

const similar = (name) => ({
  issues: ["SHOP-2", "SHOP-9"].filter((other) => other !== name).map((other, i) => ({ row: data.issue(other).issue, score: 0.82 - i / 5, reasons: ["same function apply_discount", "same message but for its numbers"].slice(i) })),
});
const members = (name) => Array.from({ length: data.issue(name).issue.merged_count ?? 0 }, (_, i) => ({ id: String(9_100_001 + i), short_id: `SHOP-${71 + i}`, title: `Http404: No Book with id ${i}1`, event_count: 12 + i, last_seen_ms: data.NOW - DAY, hash: `${i}d41402abc4b2a76b9719d911017c592` }));

/** `undefined`: not here, or not this file's. */
export function issuePart(path, params, method, sent) {
  const [, name, part, key] = path;
  if (!data.issue(name)) return undefined;
  switch (part) {
    case "events":
      return key ? oneEvent(name, key, params) : eventList(name, params);
    case "tags": {
      const all = tags(name, params);
      return key ? { ...all, tags: all.tags.filter((tag) => tag.key === key) } : all;
    }
    case "history":
      return history(name, params);
    case "users": {
      const users = counted(chosen(name, params), ({ user }) => user, false, 0);
      return { count: users.length, is_partial: false, users: users.map(({ value: label, count, last_seen_ms }) => ({ label, count, last_seen_ms })) };
    }
    case "changes":
      return changes();
    case "activity":
      return { entries: activity(name) };
    case "comments":
      return comment(name, method, key, sent);
    case "merged":
      return { members: members(name) };
    case "similar":
      return similar(name);
    default:
      return undefined;
  }
}
