// What the tests send, all of it through the public addresses: error events, traces and logs as SDKs write them.
// Owns their shapes. The same seed gives the same data.

/** Small and good enough to be the same on every machine. */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export const hex = (number, digits) => number.toString(16).padStart(digits, "0");

async function post(url, body, headers = {}) {
  for (;;) {
    const answer = await fetch(url, { method: "POST", body, headers });
    const text = await answer.text();
    if (answer.status !== 429 && answer.status !== 503) {
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
      return text;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers.get("retry-after") ?? 1)));
  }
}

/** One envelope of items `[type, payload]`. */
export function envelope(server, items, headers = {}) {
  const lines = [JSON.stringify(headers)];
  for (const [type, payload, more] of items) lines.push(JSON.stringify({ type, ...more }), JSON.stringify(payload));
  const { id, public_key: key } = server.project;
  return post(`${server.base}/api/${id}/envelope/`, `${lines.join("\n")}\n`, { "x-sentry-auth": `Sentry sentry_key=${key}, sentry_version=7`, "content-type": "application/x-sentry-envelope" });
}

export const eventId = (number) => `a${hex(number, 31)}`;

/** An error of a Django view, of its own kind for every `kind`. */
export function errorEvent(number, { kind = number, at = Date.now() / 1000, ...more } = {}) {
  const types = ["ValueError", "KeyError", "Book.DoesNotExist", "PermissionDenied", "TimeoutError", "IntegrityError"];
  const type = types[kind % types.length];
  const frame = (filename, fn, line, isApp) => ({
    filename, abs_path: `/srv/${filename}`, module: filename.replaceAll("/", ".").replace(/\.py$/u, ""), function: fn, lineno: line, in_app: isApp,
    pre_context: ["def step(order):", "    total = order.total()"], context_line: `    return ${fn}(order, total)`, post_context: ["", ""],
    ...(isApp ? { vars: { order: "<Order: 42>", total: "Decimal('49.95')", items: ["'a'", "'b'"] } } : {}),
  });
  return {
    event_id: eventId(number), timestamp: at, platform: "python", level: "error", server_name: `web-${number % 3}`, environment: number % 5 === 0 ? "staging" : "production",
    release: `shop@1.${Math.floor(number / 4000)}.${number % 3}`, transaction: `/checkout/${kind % 40}/`, tags: { tenant: `t${number % 7}`, plan: number % 2 ? "free" : "paid" },
    user: { id: String(number % 500), email: `u${number % 500}@example.com` },
    request: { method: "GET", url: `http://shop.example/checkout/${number}/`, headers: { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" } },
    exception: { values: [{ type, value: `${type} of kind ${kind}`, stacktrace: { frames: [frame("django/core/handlers/exception.py", "inner", 55, false), frame(`shop/views_${kind}.py`, `view_${kind}`, 20, true), frame(`shop/cart_${kind}.py`, `step_${kind}`, 35, true)] } }] },
    sdk: { name: "sentry.python.django", version: "2.75.0" },
    ...more,
  };
}

export const sendError = (server, event) => envelope(server, [["event", event]], { event_id: event.event_id });

/** Many at once, a few requests at a time. */
export async function sendErrors(server, events, width = 16) {
  const queue = [...events];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let event = queue.pop(); event; event = queue.pop()) await sendError(server, event);
  }));
}

const attributes = (pairs) => Object.entries(pairs).map(([key, value]) => ({ key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } }));

/** Spans of OTLP, a few thousand to a request. */
export async function sendSpans(server, spans, service = "shop") {
  for (let from = 0; from < spans.length; from += 5000) {
    const body = { resourceSpans: [{ resource: { attributes: attributes({ "service.name": service }) }, scopeSpans: [{ scope: { name: "test" }, spans: spans.slice(from, from + 5000) }] }] };
    await post(`${server.base}/v1/traces`, JSON.stringify(body), { "content-type": "application/json", "x-sentry-auth": `Sentry sentry_key=${server.project.public_key}` });
  }
}

/** A request with `count` spans: views, templates, queries in runs, calls to others, three levels and more deep. */
export function bigTrace(traceId, count, startMs = Date.now() - 60_000) {
  const next = random(count);
  const start = BigInt(Math.floor(startMs)) * 1_000_000n;
  const step = 20_000n;
  const spans = [];
  const stack = [];
  for (let at = 0; at < count; at++) {
    const id = hex(at + 1, 16);
    while (stack.length > 1 && (stack.length > 12 || next() < 0.35)) stack.pop();
    const parent = stack.at(-1);
    const kind = at === 0 ? 0 : 1 + Math.floor(next() * 4);
    const names = ["GET /books/", "SELECT shop_author", "render books/list.html", "GET rates", "shop.cart.total"];
    const extra = [
      { "http.request.method": "GET", "http.route": "/books/", "http.response.status_code": 200 },
      { "db.system.name": "postgresql", "db.query.text": `SELECT id, name FROM shop_author WHERE id = ${at}`, "code.file.path": "shop/views.py", "code.line.number": 23 + (at % 9) },
      { "template.name": "books/list.html" },
      { "http.request.method": "GET", "url.full": `http://rates.example/${at % 50}` },
      { "code.function.name": "shop.cart.total" },
    ][kind];
    const from = start + BigInt(at) * step;
    spans.push({
      traceId, spanId: id, ...(parent ? { parentSpanId: parent.spanId } : {}), name: names[kind], kind: [2, 3, 1, 3, 1][kind],
      startTimeUnixNano: String(from), endTimeUnixNano: String(from + step), attributes: attributes(extra), status: { code: at % 997 === 5 ? 2 : 0 },
    });
    const span = spans.at(-1);
    stack.push(span);
    // Whoever is open lasts at least as long as its children.
    for (const open of stack) open.endTimeUnixNano = String(from + step);
  }
  return spans;
}

/** Logs of OTLP: `[{ body, severity, traceId, spanId, attributes }]`. */
export function sendLogs(server, logs, service = "shop") {
  const records = logs.map(({ body, severity = 9, traceId, spanId, at = Date.now(), attributes: pairs = {} }) => ({
    timeUnixNano: String(BigInt(Math.floor(at)) * 1_000_000n), severityNumber: severity, body: { stringValue: body }, traceId, spanId, attributes: attributes(pairs),
  }));
  const body = { resourceLogs: [{ resource: { attributes: attributes({ "service.name": service }) }, scopeLogs: [{ scope: { name: "shop" }, logRecords: records }] }] };
  return post(`${server.base}/v1/logs`, JSON.stringify(body), { "content-type": "application/json", "x-sentry-auth": `Sentry sentry_key=${server.project.public_key}` });
}
