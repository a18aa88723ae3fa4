// Every text of the corpus in every field of events, spans, logs, tags and the rest: shown, and never run.
//
// A page is at fault when a script of the data ran, when the policy had to stop one (then only the policy stood between),
// when markup of the data became an element, or when a request went to another host.

import { CORPUS } from "../lib/hostile.mjs";
import { settled } from "../lib/screens.mjs";
import { envelope, errorEvent, eventId, hex, sendErrors, sendLogs, sendSpans } from "../lib/send.mjs";

/** An event with another text of the corpus in each of its fields. */
function hostileEvent(number) {
  let next = number;
  const bad = () => CORPUS[(next += 7) % CORPUS.length];
  const frame = (isApp) => ({ filename: bad(), abs_path: bad(), module: bad(), function: bad(), lineno: 7, in_app: isApp, pre_context: [bad(), bad()], context_line: bad(), post_context: [bad()], vars: { [bad()]: bad(), list: [bad(), { [bad()]: bad() }] } });
  const values = (count) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`${at}${bad()}`, bad()]));
  const type = CORPUS[number % CORPUS.length];
  return {
    event_id: eventId(number), timestamp: Date.now() / 1000, platform: number % 3 === 0 ? "javascript" : "python", level: "error", logger: bad(), server_name: bad(), transaction: bad(), environment: `e${number % 4}${bad()}`, release: `r${number % 9}${bad()}`, dist: bad(),
    message: { message: `%s ${bad()}`, params: [bad()], formatted: bad() }, fingerprint: [`hostile-${number}`, bad()], tags: { ...values(5), plain: bad() }, extra: { ...values(3), nested: { [bad()]: [bad()] } },
    user: { id: bad(), email: bad(), username: bad(), ip_address: "192.0.2.7", segment: bad(), geo: { city: bad(), region: bad() } },
    request: { method: bad(), url: bad(), query_string: [[bad(), bad()]], headers: { ...values(2), Referer: bad(), "User-Agent": bad() }, cookies: values(2), env: values(1), data: number % 2 ? bad() : values(2) },
    contexts: { trace: { trace_id: hex(number + 1, 32), span_id: hex(number + 1, 16), op: bad(), status: bad() }, browser: { name: bad(), version: bad() }, os: { name: bad(), version: bad() }, runtime: { name: bad(), version: bad() }, device: { family: bad(), model: bad() }, [bad().slice(0, 20)]: values(2), flags: { values: [{ flag: bad(), result: true }] } },
    exception: { values: [
      { type: bad(), value: bad(), module: bad(), mechanism: { type: "chained", exception_id: 1, parent_id: 0, source: "__cause__" }, stacktrace: { frames: [frame(false), frame(true)] } },
      { type, value: type, module: bad(), mechanism: { type: bad(), handled: false, exception_id: 0, help_link: CORPUS[(number * 3) % CORPUS.length], description: bad(), data: values(1) }, stacktrace: { frames: [frame(true), frame(true)] } },
    ] },
    breadcrumbs: { values: [{ timestamp: Date.now() / 1000, type: bad(), category: bad(), level: "warning", message: bad(), data: values(2) }, { type: "http", category: "httplib", data: { url: bad(), method: bad(), status_code: 500 } }, { type: "query", category: "query", message: bad() }] },
    modules: values(3), sdk: { name: bad(), version: bad(), packages: [{ name: bad(), version: bad() }], integrations: [bad()] },
    debug_meta: { images: [{ type: bad(), debug_id: bad(), code_file: bad() }] },
  };
}

function hostileSpans(number) {
  const bad = (offset) => CORPUS[(number * 5 + offset) % CORPUS.length];
  const text = (value) => ({ stringValue: value });
  const start = BigInt(Date.now()) * 1_000_000n;
  const span = (at, parent, name, pairs) => ({
    traceId: hex(number + 1, 32), spanId: hex(at === 0 ? number + 1 : number * 16 + 100_000 + at, 16), ...(parent ? { parentSpanId: hex(number + 1, 16) } : {}), name, kind: at === 0 ? 2 : 3,
    startTimeUnixNano: String(start), endTimeUnixNano: String(start + 5_000_000n), attributes: pairs, status: { code: at % 2 ? 2 : 0, message: bad(3) }, traceState: "",
    events: [{ timeUnixNano: String(start), name: bad(4), attributes: [{ key: bad(5), value: text(bad(6)) }] }], links: [{ traceId: hex(number + 2, 32), spanId: hex(number + 2, 16), attributes: [{ key: bad(7), value: text(bad(8)) }] }],
  });
  return [
    span(0, false, bad(0), [{ key: "http.route", value: text(bad(1)) }, { key: "http.request.method", value: text(bad(2)) }, { key: "url.full", value: text(bad(9)) }, { key: bad(10), value: text(bad(11)) }]),
    ...[1, 2, 3, 4, 5, 6].map((at) => span(at, true, bad(12), [{ key: "db.system.name", value: text(bad(13)) }, { key: "db.query.text", value: text(bad(14)) }, { key: "code.file.path", value: text(bad(15)) }, { key: "code.function.name", value: text(bad(16)) }, { key: "code.line.number", value: { intValue: "3" } }])),
    span(7, true, bad(17), [{ key: "template.name", value: text(bad(18)) }, { key: "server.address", value: text(bad(19)) }, { key: bad(20).slice(0, 60), value: { arrayValue: { values: [text(bad(21))] } } }]),
  ];
}

/** Whether what stands in the page came there as text. Runs in the page. */
function findMarkup() {
  const found = [];
  for (const element of document.querySelectorAll("iframe, object, embed, base, frame, marquee, applet, form[action^='javascript' i], meta[http-equiv=refresh], svg script, svg foreignObject, svg animate, math")) found.push(element.outerHTML.slice(0, 200));
  const isOurs = ({ src, type }) => src === `${location.origin}/theme.js` || src.startsWith(`${location.origin}/assets/`) || type === "application/json";
  for (const script of document.querySelectorAll("script")) if (!isOurs(script)) found.push(script.outerHTML.slice(0, 200));
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on")) found.push(`${element.tagName} ${name}`);
      const isAddress = ["href", "src", "action", "formaction", "xlink:href", "data", "poster", "srcset"].includes(name);
      if (isAddress && /^(?:javascript|vbscript|data:text|data:image\/svg|feed|jar|view-source|filesystem)/iu.test(value.replace(/[\u0000-\u0020]/gu, ""))) found.push(`${element.tagName} ${name}=${value.slice(0, 100)}`);
    }
  }
  return found;
}

/** Reads `exe.png` where such marks are obeyed. */
const SPOOF_NAME = "invoice \u202egnp.exe\u202c \u2066x\u200f";
const SPOOF = errorEvent(800_000, { kind: 800, transaction: SPOOF_NAME, environment: SPOOF_NAME, release: SPOOF_NAME, tags: { [SPOOF_NAME]: SPOOF_NAME }, exception: { values: [{ type: SPOOF_NAME, value: SPOOF_NAME, stacktrace: { frames: [{ filename: SPOOF_NAME, function: SPOOF_NAME, lineno: 1, in_app: true, context_line: SPOOF_NAME, vars: { name: SPOOF_NAME } }] } }] } });

export const title = "hostile texts in every field";

export async function run({ server, browser, watchPage, report, quick }) {
  const count = quick ? 40 : CORPUS.length;
  report.check(`the corpus has at least 300 texts`, CORPUS.length >= 300, CORPUS.length);
  const numbers = Array.from({ length: count }, (_, at) => at);
  await sendErrors(server, [SPOOF]);
  await sendErrors(server, numbers.map(hostileEvent), 8);
  await sendSpans(server, numbers.flatMap(hostileSpans), CORPUS[0]);
  for (const service of CORPUS.slice(0, 8)) await sendSpans(server, hostileSpans(900_000 + CORPUS.indexOf(service)), service);
  await sendLogs(server, CORPUS.map((text, at) => ({ body: text, severity: 17 - (at % 3) * 4, traceId: hex((at % count) + 1, 32), attributes: { [text.slice(0, 80)]: text, "code.file.path": text } })), CORPUS[5]);
  for (const [at, text] of CORPUS.slice(0, quick ? 10 : 60).entries()) {
    const feedback = { message: text, name: text, contact_email: text, url: text, associated_event_id: eventId(at % count) };
    await envelope(server, [["feedback", { contexts: { feedback }, timestamp: Date.now() / 1000, event_id: hex(0xf00d0000 + at, 32) }], ["trace_metric", { items: [{ timestamp: Date.now() / 1000, trace_id: hex(at + 1, 32), name: `m${at}${text}`.slice(0, 100), type: "counter", value: 1, attributes: { x: { value: text, type: "string" } } }] }, { item_count: 1, content_type: "application/vnd.sentry.items.trace-metric+json" }]]);
    await envelope(server, [["check_in", { check_in_id: hex(at, 32), monitor_slug: `job ${at} ${text}`.slice(0, 50), status: "error", environment: `e${at % 4}`, monitor_config: { schedule: { type: "crontab", value: "0 3 * * *" }, timezone: "UTC" } }]]);
  }

  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
  const complaints = await watchPage(context, server);
  let hits = 0;
  await context.exposeBinding("hit", () => (hits += 1));
  context.on("dialog", (dialog) => ((hits += 1), dialog.dismiss()));
  const page = await context.newPage();
  const look = async (path) => {
    const before = hits;
    await page.goto(server.base + path);
    await settled(page).catch(() => report.check(`${path} finishes loading`, false));
    await page.mouse.move(300 + (path.length % 200), 300);
    const markup = await page.evaluate(findMarkup);
    if (markup.length > 0) report.check(`${path} shows text as text`, false, markup.slice(0, 3).join(" | "));
    const turned = await page.evaluate(() => {
      // What was typed stays as it was typed, and so does what lies in front of the field letter by letter.
      const texts = [document.title, ...[...document.querySelectorAll("body *")].filter((one) => !one.matches("[data-as-typed]")).flatMap((one) => [...one.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data))];
      return texts.filter((text) => /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text));
    });
    if (turned.length > 0) report.check(`${path} obeys no mark that turns text round`, false, JSON.stringify(turned.slice(0, 3)));
    if (hits > before) report.check(`${path} runs nothing`, false);
  };
  const planted = await (await browser.newContext()).newPage();
  await planted.goto(`${server.base}/issues`);
  await settled(planted);
  await planted.evaluate(() => document.body.insertAdjacentHTML("beforeend", "<a href='java\tscript:0'>x</a><b onclick=''>x</b>"));
  report.check("what it looks for it finds when it is there", (await planted.evaluate(findMarkup)).length === 2);
  await planted.context().close();
  const issues = [];
  for (let cursor = ""; ; ) {
    const list = await (await fetch(`${server.base}/api/ui/issues?query=&status=all&limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).json();
    issues.push(...list.issues.map((issue) => issue.short_id));
    cursor = list.next_cursor;
    if (!cursor) break;
  }
  report.check("every hostile event is kept", issues.length >= count, `${issues.length} issues`);
  const { findPaths } = await import("../lib/screens.mjs");
  const lists = (await findPaths(server)).map(([, path]) => path);
  for (const path of lists) await look(path);
  for (const id of issues) await look(`/issues/${id}`);
  for (let number = 0; number < count; number += quick ? 10 : 5) {
    await look(`/traces/${hex(number + 1, 32)}`);
    await look(`/traces/${hex(number + 1, 32)}?span=${hex(number + 1, 16)}`);
  }
  for (const text of CORPUS.slice(0, quick ? 10 : 80)) {
    await look(`/issues?query=${encodeURIComponent(text)}`);
    await look(`/traces?query=${encodeURIComponent(text)}`);
    await look(`/logs?query=${encodeURIComponent(text)}`);
    await look(`/issues/${encodeURIComponent(text.slice(0, 40))}`);
  }
  report.check("no script of the data ran", hits === 0, `${hits} ran`);
  const policy = complaints.filter((text) => !/404|400/u.test(text));
  report.check("nothing had to be stopped by the policy, nothing was asked of another host", policy.length === 0, [...new Set(policy)].slice(0, 5).join(" | "));
  await context.close();
}
