// A small shop's worth of everything, so that every screen has something to show.

import { bigTrace, envelope, errorEvent, eventId, hex, sendErrors, sendLogs, sendSpans } from "./send.mjs";

export const SMALL_TRACE = hex(0x5eed, 32);

/** Releases as build servers name them, seen one after the other, the last one just now. */
const LONG_RELEASES = ["webshop-frontend@2026.11.3-rc.1+build.20261121.0413", "webshop-frontend@2026.11.3-rc.2+build.20261121.0455", "3f9a1c0d2b4e6f8091a2b3c4d5e6f708192a3b4c", "webshop-frontend@2026.11.3"];
/** More requests than a screen can hold as rows. */
const REQUESTS = 320;

/** What makes screens wide and long: names without a place to break, a stack of the application's own code, many requests. */
export async function fillLarge(server, nowMs = Date.now()) {
  const now = nowMs / 1000;
  const frames = Array.from({ length: 300 }, (_, at) => ({ filename: "shop/tree.py", function: `walk_${at % 3}`, module: "shop.tree", lineno: 10 + (at % 3), in_app: true, pre_context: ["def walk(node):", "    for child in node:"], context_line: "        walk(child)", post_context: ["", ""], vars: { node: "<Node>", depth: at } }));
  await sendErrors(server, LONG_RELEASES.map((release, at) => errorEvent(9000 + at, { kind: 210, at: now - (LONG_RELEASES.length - 1 - at) * 1500 - 5, release, environment: "production-eu-central-1-blue", exception: { values: [{ type: "RecursionError", value: "maximum recursion depth exceeded in __instancecheck__", stacktrace: { frames } }] } })));
  await sendErrors(server, Array.from({ length: REQUESTS }, (_, at) => errorEvent(10_000 + at, { kind: 211, at: now - 30 })));
}

/** Somebody looks at the newest issue. */
export async function assignNewest(server) {
  const { issues } = await (await fetch(`${server.base}/api/ui/issues?query=&limit=1`)).json();
  const body = JSON.stringify({ ids: [issues[0].id], by: "ada@example.com", action: { kind: "assign", to: "ada@example.com" } });
  const answer = await fetch(`${server.base}/api/ui/issues/actions`, { method: "POST", body, headers: { "content-type": "application/json", "x-trapline": "1" } });
  if (!answer.ok) throw new Error(`assigning answered ${answer.status}`);
}

/** As if it had happened in the time before `nowMs`. */
export async function fill(server, nowMs = Date.now()) {
  const now = nowMs / 1000;
  const events = Array.from({ length: 60 }, (_, at) => errorEvent(at, { kind: at % 12, at: now - (60 - at) * 600 }));
  const cause = errorEvent(100, { kind: 200, at: now - 90 });
  const frames = cause.exception.values[0].stacktrace;
  events.push({ ...cause, exception: { values: [
    { type: "ZeroDivisionError", value: "float division by zero", stacktrace: frames, mechanism: { type: "chained", exception_id: 1, parent_id: 0, source: "__cause__" } },
    { type: "ValueError", value: "Invalid voucher BF26", stacktrace: frames, mechanism: { type: "django", handled: false, exception_id: 0 } },
  ] }, contexts: { trace: { trace_id: SMALL_TRACE, span_id: hex(3, 16) }, browser: { name: "Firefox", version: "140" }, os: { name: "Linux" } }, breadcrumbs: { values: [
    { timestamp: now - 1, category: "query", message: "SELECT 1" }, { timestamp: now - 0.5, category: "shop", level: "warning", message: "cart 42 has a stale price" },
  ] } });
  events.push(errorEvent(101, { kind: 201, at: now - 120, exception: { values: [{ type: "RecursionError", value: "maximum recursion depth exceeded", stacktrace: { frames: Array.from({ length: 300 }, (_, at) => ({ filename: "shop/tree.py", function: `walk_${at}`, lineno: at, in_app: at % 7 === 0, context_line: "walk(node)" })) } }] } }));
  events.push(errorEvent(102, { kind: 202, at: now - 300, tags: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`tag${at}`, `value ${at}`])) }));
  events.push(errorEvent(103, { kind: 203, at: now - 700, exception: { values: [{ type: "ValueError", value: "\u202eright to left\u202c \u0007\u001b[31mred\u001b[0m مرحبا 🧨 \u0000end" }] } }));
  events.push({ event_id: eventId(104), timestamp: now, platform: "python", level: "warning", message: "disk almost full", logger: "shop.disk" });
  // One after the other: issues are numbered as they come, and pictures show the numbers.
  await sendErrors(server, events, 1);
  await sendSpans(server, bigTrace(SMALL_TRACE, 61, nowMs - 60_000));
  for (let at = 0; at < 20; at++) await sendSpans(server, bigTrace(hex(0x7000 + at, 32), 5 + at, nowMs - at * 400_000), at % 3 ? "shop" : "worker");
  await sendLogs(server, Array.from({ length: 80 }, (_, at) => ({ body: `order ${at} was paid`, severity: [9, 9, 13, 17][at % 4], traceId: at % 5 ? undefined : SMALL_TRACE, at: nowMs - at * 30_000, attributes: { "order.id": at, "code.file.path": "shop/orders.py" } })));
  await envelope(server, [["check_in", { check_in_id: hex(7, 32), monitor_slug: "nightly", status: "ok", duration: 3, monitor_config: { schedule: { type: "crontab", value: "0 3 * * *" }, timezone: "UTC" } }]]);
  await envelope(server, [["feedback", { event_id: hex(0xf00d, 32), timestamp: now, contexts: { feedback: { message: "The voucher does nothing", name: "Ada", contact_email: "ada@example.com", associated_event_id: eventId(100) } } }]]);
  await envelope(server, [["trace_metric", { items: [1, 2, 3].map((value) => ({ timestamp: now, trace_id: SMALL_TRACE, name: "orders.paid", type: "counter", value, attributes: {} })) }, { item_count: 3, content_type: "application/vnd.sentry.items.trace-metric+json" }]]);
  await envelope(server, [["session", { sid: "11111111-1111-4111-8111-111111111111", init: true, started: new Date(nowMs).toISOString(), status: "ok", errors: 0, attrs: { release: "shop@1.0.0", environment: "production" } }]]);
}
