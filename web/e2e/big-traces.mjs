// Sends made-up traces of any size to a running server, by the way every client takes: OTLP as JSON, in requests of some
// thousand spans. `node e2e/big-traces.mjs <base> [spans …]` prints an id for each. The same bytes for the same numbers and time.

const PER_REQUEST = 4000;
const MS = 1_000_000n;
const text = (key, value) => ({ key, value: { stringValue: value } });
const number = (key, value) => ({ key, value: { intValue: String(value) } });

const NAMES = [
  ["SELECT", 'SELECT "shop_book"."id", "shop_book"."title" FROM "shop_book" WHERE "shop_book"."id" = %s LIMIT 21'],
  ["SELECT", 'SELECT "shop_author"."id", "shop_author"."name" FROM "shop_author" WHERE "shop_author"."id" = %s LIMIT 21'],
  ["GET", null],
  ["render book.html", null],
  ["cache.get", null],
];

/** `size` spans in the shape of a nightly job: batches of calls below one root, each call with queries; some fail. */
export function makeTrace(size, seed = 7, startMs = Date.now() - 600_000) {
  let state = seed + size;
  const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const hex = (n) => Array.from({ length: n }, () => Math.floor(random() * 16).toString(16)).join("");
  const traceId = hex(32);
  const start = BigInt(startMs) * MS;
  const spans = [];
  const add = (parentSpanId, name, from, to, kind, attributes = [], failed = false) => {
    const spanId = (spans.length + 1).toString(16).padStart(16, "0");
    spans.push({ traceId, spanId, ...(parentSpanId ? { parentSpanId } : {}), name, kind, startTimeUnixNano: String(start + BigInt(Math.round(from))), endTimeUnixNano: String(start + BigInt(Math.round(to))), attributes, ...(failed ? { status: { code: 2, message: "made to fail" } } : {}) });
    return spanId;
  };
  const perBatch = 40;
  const step = 20e6;
  const total = Math.ceil(size / perBatch) * step;
  const root = add(null, "POST /export/", 0, total, 2, [text("http.request.method", "POST"), text("http.route", "/export/"), number("http.response.status_code", 200)]);
  for (let batch = 0; spans.length < size; batch++) {
    const from = batch * step;
    const call = add(root, `export batch ${batch}`, from, from + step * 0.94, 1, [number("batch", batch), text("shop.tenant", ["acme", "globex", "initech"][batch % 3])]);
    for (let i = 0; i < perBatch - 1 && spans.length < size; i++) {
      const [name, statement] = NAMES[Math.floor(random() * NAMES.length)];
      const at = from + (i / perBatch) * step * 0.9;
      const attributes = statement ? [text("db.system.name", "postgresql"), text("db.query.text", statement), text("code.file.path", "shop/export.py"), number("code.line.number", 20 + (i % 3)), text("code.function.name", "export")] : [text("server.address", "api.internal")];
      add(call, name, at, at + random() * step * 0.02, 3, attributes, random() < 0.001);
    }
  }
  return { traceId, spans };
}

export async function sendTrace(base, size, service = "export") {
  const { traceId, spans } = makeTrace(size);
  for (let from = 0; from < spans.length; from += PER_REQUEST) {
    const body = { resourceSpans: [{ resource: { attributes: [text("service.name", service), text("service.version", "shop@2.0.0")] }, scopeSpans: [{ scope: { name: "made up" }, spans: spans.slice(from, from + PER_REQUEST) }] }] };
    const answer = await fetch(`${base}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }
  return traceId;
}

if (process.argv[1]?.endsWith("big-traces.mjs")) {
  const [base = "http://127.0.0.1:4318", ...sizes] = process.argv.slice(2);
  for (const size of sizes.length > 0 ? sizes : ["10000", "100000"]) console.log(size, await sendTrace(base, Number(size)));
}
