// A stand-in for the server: dist/ and /api/ui with made-up data. `node dev/mock.mjs [port]`; EMPTY=1 starts with nothing,
// FAIL=1 answers every data request with an error, SLOW=<ms> delays, LIVE=1 sends live messages every two seconds.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import * as data from "./fixtures.mjs";
import { issuePart } from "./issue.mjs";
import { appear, issues } from "./issues.mjs";
import { settings } from "./settings.mjs";
import * as signals from "./signals.mjs";
import * as traces from "./traces.mjs";

const port = Number(process.argv[2] ?? 4319);
const dist = new URL("../dist/", import.meta.url).pathname;
const { EMPTY, FAIL, SLOW, LIVE, NEWS } = process.env;
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const streams = new Set();
let cursor = Date.now() * 1000;
const told = [];
const send = (topic, body) => {
  cursor += 1;
  const message = `id: ${cursor}\nevent: ${topic}\ndata: ${JSON.stringify(body)}\n\n`;
  told.push([cursor, message]);
  if (told.length > 256) told.shift();
  for (const res of streams) res.write(message);
};
const missed = (after) => (after === "" ? "" : told.some(([id]) => id <= Number(after)) || Number(after) === cursor ? told.filter(([id]) => id > Number(after)).map(([, message]) => message).join("") : "event: resync\ndata: {}\n\n");
const arrive = (over) => {
  const row = data.ledgerRow({ time_ms: Date.now() - started + data.NOW, summary: "event ValueError", short_id: "SHOP-1", ...over });
  data.addLedgerRow(row);
  send("ingest", [row]);
  send("issue", { ids: [data.happenAgain()] });
  send("trace", { count: 1 });
};
const started = Date.now();
if (NEWS) setInterval(() => send("issue", { ids: [appear()] }), 2000);
if (LIVE) setInterval(() => arrive({}), 2000);
setInterval(() => { for (const res of streams) res.write("event: beat\ndata: {}\n\n"); }, 15_000);

function answer(url, method, sent) {
  const path = decodeURIComponent(url.pathname).replace("/api/ui/", "").split("/");
  if (path[0] === "boot") return { ...data.boot, now_ms: data.NOW + Date.now() - started, ...(EMPTY ? { has_events: false, has_traces: false } : {}) };
  if (path[0] === "sample" && method === "POST") return setTimeout(() => arrive({ client: "trapline sample" }), 300) && {};
  if (FAIL) return null;
  if (path[0] === "projects") return settings(path, method, sent);
  if (EMPTY && path[0] === "issues" && path.length === 1) return { issues: [], next_cursor: null, total: 0, environments: [], releases: [], partial: null, notes: [] };
  const own = issues(path, method, sent, url.searchParams);
  if (own !== undefined) {
    // Those who look at the same list hear of it.
    if (method === "POST") setTimeout(() => send("issue", { ids: sent?.ids ?? [] }), 100);
    return own;
  }
  if (path[0] === "issues" && path.length === 2) return data.issue(path[1]);
  if (path[0] === "issues" && path.length > 2) return issuePart(path, url.searchParams, method, sent);
  if (path[0] === "events") return data.eventById(path[1]);
  if (path[0] === "traces" && path.length === 1) return EMPTY ? { traces: [], next_cursor: null } : data.traces(url.searchParams);
  if (path[0] === "traces" && path[1] in traces.OF_MANY) return traces.OF_MANY[path[1]](url.searchParams);
  if (path[0] === "traces" && path[2] in traces.OF_ONE) return traces.OF_ONE[path[2]](path[1], url.searchParams);
  if (path[0] === "spans" && path.length === 1) return EMPTY ? { spans: [], next_cursor: null, searched_to_ms: null } : traces.spans(url.searchParams);
  if (path[0] === "traces" && path.length === 2) return data.trace(path[1]);
  if (path[0] === "traces" && path[2] === "spans") return data.span(path[1], path[3]);
  if (path[0] === "spans") return data.spanPlace(path[1]);
  if (path[0] === "ingest") return EMPTY ? { rows: [], outcomes: [], client_discards: [] } : data.ingest();
  if (path[0] === "releases") return EMPTY ? { releases: [], total: 0, version_count: 0, environments: [], has_sessions: false, start_ms: data.NOW, bucket_ms: 21_600_000 } : data.releases();
  if (path[0] === "logs") return path[1] === "volume" ? (EMPTY ? { ...signals.volume(), levels: [] } : signals.volume()) : path[1] ? signals.log(path[1]) : EMPTY ? { logs: [], next_cursor: null, searched_to_ms: null, omitted: 0, has_any: false, notes: [] } : signals.logs(url.searchParams);
  if (path[0] === "metrics") return path[1] ? signals.metric(path[1]) : EMPTY ? { metrics: [], is_cut: false, has_any: false } : signals.metrics(url.searchParams);
  if (path[0] === "monitors") return path[2] ? signals.checkIns() : path[1] ? signals.monitor(path[1]) : EMPTY ? { monitors: [], next_cursor: null, total: 0 } : signals.monitors();
  if (path[0] === "feedback") return path[1] ? signals.feedbackOne(path[1]) : EMPTY ? { feedback: [], next_cursor: null } : signals.feedback(url.searchParams);
  return undefined;
}

createServer(async (req, res) => {
  const url = new URL(req.url, "http://localhost");
  res.setHeader("content-security-policy", CSP);
  if (url.pathname === "/api/ui/live") {
    res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    res.write(`retry: 1000\n\n${missed(req.headers["last-event-id"] ?? url.searchParams.get("after") ?? "")}id: ${cursor}\nevent: hello\ndata: {}\n\n`);
    streams.add(res);
    req.on("close", () => streams.delete(res));
    return;
  }
  if (url.pathname.startsWith("/api/ui/")) {
    if (SLOW) await new Promise((done) => setTimeout(done, Number(SLOW)));
    let text = "";
    for await (const chunk of req) text += chunk;
    const body = req.method !== "GET" && req.headers["x-trapline"] !== "1" ? null : answer(url, req.method, text === "" ? null : JSON.parse(text));
    // An answer may say its own status.
    if (typeof body?.status === "number" && body.body) {
      res.writeHead(body.status, { "content-type": "application/json" });
      res.end(JSON.stringify(body.body));
      return;
    }
    const status = body === undefined ? 404 : body === null ? 503 : 200;
    res.writeHead(status, { "content-type": "application/json" });
    res.end(JSON.stringify(body ?? (status === 404 ? { detail: "Nothing with this id has been received. Ids of other instances are not known here.", causes: [] } : { detail: "The database is busy: a read took longer than 5 s and was cut off. Try again.", causes: ["interrupted", "sqlite error 9"] })));
    return;
  }
  const file = normalize(url.pathname).replace(/^(\.\.[/\\])+/, "");
  const body = await readFile(join(dist, extname(file) in TYPES ? file : "index.html")).catch(() => null);
  res.writeHead(body ? 200 : 404, { "content-type": TYPES[extname(file)] ?? TYPES[".html"] });
  res.end(body ?? "not found");
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
