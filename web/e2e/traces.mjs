// Traces in the real binary: of every size and as broken as they come, by keyboard alone, within their budgets. Starts a server of
// its own (TRAPLINE, or the debug build), or uses BASE_URL. BIG=10000 leaves the largest out. Times are printed beside a loop that
// tells how fast the machine is; DOM nodes and heap fail hard, times only with STRICT=1.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { sendTrace } from "./big-traces.mjs";

const port = Number(process.env.PORT ?? 4465);
const base = process.env.BASE_URL ?? `http://127.0.0.1:${port}`;
const most = Number(process.env.BIG ?? 100_000);
let server;
let dir;
const stop = () => {
  server?.kill();
  if (dir) rmSync(dir, { recursive: true, force: true });
};
process.on("exit", stop);
if (!process.env.BASE_URL) {
  dir = mkdtempSync(join(tmpdir(), "trapline-traces-"));
  const binary = process.env.TRAPLINE ?? new URL("../../target/debug/trapline", import.meta.url).pathname;
  server = spawn(binary, ["serve", "--data-dir", dir, "--listen", `127.0.0.1:${port}`, "--grpc-listen", "off"], { stdio: "ignore" });
  for (let i = 0; i < 100; i++) if (await fetch(`${base}/api/ui/boot`).then((answer) => answer.ok, () => new Promise((done) => setTimeout(() => done(false), 100)))) break;
}

let failures = 0;
const check = (what, isTrue, detail = "") => {
  if (!isTrue) failures += 1;
  console.log(`${isTrue ? "ok  " : "FAIL"} ${what} ${detail}`);
};
const isStrict = process.env.STRICT === "1";
const within = (what, ms, limit) => check(`${what} within ${limit} ms`, !isStrict || ms <= limit, `${Math.round(ms)} ms`);

const calibration = (() => {
  const start = performance.now();
  let x = 0;
  for (let i = 0; i < 5e7; i++) x = (x * 31 + i) | 0;
  return performance.now() - start + (x === 1 ? 1 : 0);
})();
console.log(`     calibration loop: ${calibration.toFixed(0)} ms`);

// What is sent ------------------------------------------------------------------------------------------------------
const start = BigInt(Date.now() - 300_000) * 1_000_000n;
const attribute = (key, value) => ({ key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } });
const id = (n) => n.toString(16).padStart(16, "0");
let nextTrace = 1;
const trace = () => `${"e2e".padEnd(24, "0").replace(/[^0-9a-f]/g, "0")}${(nextTrace++).toString(16).padStart(8, "0")}`;
const span = (traceId, n, parent, name, [from, to], attributes = {}, more = {}) => ({
  traceId, spanId: id(n), ...(parent ? { parentSpanId: id(parent) } : {}), name, kind: parent ? 3 : 2, startTimeUnixNano: String(start + BigInt(Math.round(from * 1e6))), endTimeUnixNano: String(start + BigInt(Math.round(to * 1e6))),
  attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)), ...more,
});
const send = async (spans, service = "shop") => {
  const answer = await fetch(`${base}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ resource: { attributes: [attribute("service.name", service)] }, scopeSpans: [{ spans }] }] }) });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
};
const T = { one: trace(), n1: trace(), cycle: trace(), lost: trace(), backwards: trace(), skewed: trace(), huge: trace() };
await send([span(T.one, 1, 0, "GET /health/", [0, 0.0004])]);
const books = [span(T.n1, 1, 0, "GET /books/", [0, 120], { "http.route": "/books/", "shop.tenant": "acme" })];
books.push(span(T.n1, 2, 1, "view books", [2, 110]));
for (let i = 0; i < 26; i++) books.push(span(T.n1, 10 + i, 2, "SELECT author", [5 + i * 2, 6.6 + i * 2], { "db.system.name": "postgresql", "db.query.text": `SELECT name FROM author WHERE id = ${i}`, "code.file.path": "shop/views.py", "code.line.number": 23, "code.function.name": "books" }));
books.push(span(T.n1, 60, 2, "GET rates", [70, 100], { "url.full": "http://rates.internal/eur" }, { status: { code: 2, message: "timeout" } }));
await send(books);
await send([span(T.cycle, 1, 2, "one", [0, 5]), span(T.cycle, 2, 1, "other", [1, 4])]);
await send([span(T.lost, 5, 99, "child of nobody", [0, 5]), span(T.lost, 6, 5, "its child", [1, 4])]);
await send([span(T.backwards, 1, 0, "fine", [0, 9]), { ...span(T.backwards, 2, 1, "backwards", [5, 6]), endTimeUnixNano: "1" }]);
await send([span(T.skewed, 1, 0, "GET /call", [0, 100]), span(T.skewed, 2, 1, "call billing", [10, 90], {}, { kind: 3 })]);
await send([span(T.skewed, 3, 2, "POST /charge", [-4000, -3950], {}, { kind: 2 })], "billing");
await send([span(T.huge, 1, 0, "carries a lot", [0, 5], { blob: "x".repeat(500_000), script: "<script>globalThis.ran = 1</script>" })]);
const big = await sendTrace(base, 10_000);
const biggest = most >= 100_000 ? await sendTrace(base, 100_000) : null;

// What is seen ------------------------------------------------------------------------------------------------------
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-precise-memory-info"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
await context.addInitScript(() => {
  globalThis.slowest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) globalThis.slowest = Math.max(globalThis.slowest, entry.duration);
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
});
const page = await context.newPage();
page.on("pageerror", (error) => check("no error", false, error.message));
const open = async (path) => {
  await page.goto(base + path);
  await page.waitForSelector(".wf-row, .empty, .trace-view");
};
const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
const param = async (key) => page.evaluate((name) => new URLSearchParams(location.search).get(name), key);
const until = (what, arg) => page.waitForFunction(what, arg, { timeout: 8000 }).then(() => true, () => false);
const press = async (...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};

for (const [name, traceId] of Object.entries(T)) {
  await open(`/traces/${traceId}`);
  check(`${name} is drawn`, (await page.locator(".wf-row").count()) > 0);
  for (const view of ["flame", "sql", "table", "json"]) {
    await page.goto(`${base}/traces/${traceId}?view=${view}`);
    await page.waitForFunction(() => document.querySelector(".trace-view") && !document.querySelector(".skeleton, [aria-busy=true]"), null, { timeout: 8000 }).catch(() => check(`${name} as ${view}`, false));
  }
}
await page.goto(`${base}/traces/${T.huge}?span=${id(1)}`);
check("an attribute that was cut says so", await until(() => [...document.querySelectorAll(".span-panel .partial")].some((note) => note.textContent.includes("blob"))));
check("no script of an attribute ran", (await page.evaluate(() => globalThis.ran)) === undefined);
await open(`/traces/${T.lost}`);
check("a missing root is said", (await page.locator(".wf-note", { hasText: "parent not received" }).count()) === 1);
await open(`/traces/${T.skewed}`);
check("clocks that differ are said", (await page.locator(".partial", { hasText: "Clocks differ" }).count()) === 1);

await open(`/traces/${T.n1}`);
check("equal queries are one row", (await page.locator(".wf-times").first().textContent()) === "×26");
check("and are marked N+1", (await page.locator(".wf-row .wf-finding").count()) > 0);
check("time that nobody measured is hatched", (await page.locator(".wf-gap").count()) > 0);
const folded = await page.locator(".wf-row").count();
await press("L");
check("L opens all", await until((n) => document.querySelectorAll(".wf-row").length > n + 20, folded));
await press("H");
check("H closes all", await until(() => document.querySelectorAll(".wf-row").length === 2));
await press("e");
check("e goes to the error and opens what is above it", await until(() => document.querySelector(".wf-row.current")?.textContent.includes("GET rates")));
check("the span is in the address", (await param("span")) === id(60));
await press("z");
check("z zooms to the span, in the address", (await param("zoom"))?.endsWith("ms") === true, (await param("zoom")) ?? "");
await page.reload();
check("a reload keeps span and zoom", await until(() => document.querySelector(".wf-row.current") && document.querySelector(".minimap .window")));
await press("0");
check("0 shows all", await until(() => !new URLSearchParams(location.search).has("zoom")));
await press("p");
check("p shows the critical path", await until(() => document.querySelectorAll(".wf-critical").length > 0));
await press("p", "/");
await page.keyboard.type("rates.internal");
check("find looks into attributes", await until(() => document.querySelectorAll(".wf-row.match").length === 1 && /1/.test(document.querySelector(".find-count")?.textContent ?? "")));
// The focus goes to the match by itself, a moment later.
const isFinding = (want) => until((is) => (document.activeElement?.tagName === "INPUT") === is, want);
await press("Enter");
await isFinding(false);
await press("Escape", "/");
await isFinding(true);
await page.keyboard.type("tenant:acme");
check("and for name:value", await until(() => document.querySelector(".wf-row.match")?.textContent.includes("GET /books/")));
await page.keyboard.press("Enter");
check("Enter goes to the match", await until((want) => new URLSearchParams(location.search).get("span") === want, id(1)));
await page.evaluate(() => document.activeElement?.blur());
await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
await press("y");
check("y copies a link to the span", (await page.evaluate(() => navigator.clipboard.readText())).endsWith(`/traces/${T.n1}?span=${id(1)}`));
await page.goto(`${base}/traces/${T.n1}?view=sql`);
await page.waitForSelector(".sql-groups > li");
const sql = await page.locator(".sql-groups > li").first().textContent();
check("the SQL view counts and says where", /×26/.test(sql) && /shop\/views\.py:23/.test(sql) && /N\+1/.test(sql), sql.slice(0, 120));

for (const [size, traceId, soft, cold] of [[10_000, big, 400, 700], ...(biggest ? [[100_000, biggest, 1500, 1500]] : [])]) {
  let begun = Date.now();
  await page.goto(`${base}/traces/${traceId}`);
  await page.waitForSelector(".wf-row", { timeout: 60_000 });
  within(`${size} spans cold`, Date.now() - begun, cold);
  await page.goto(`${base}/traces?kind=all`);
  await page.waitForSelector(`tr[data-row="${traceId}"]`);
  await page.waitForTimeout(500);
  const row = page.locator(`tr[data-row="${traceId}"] a`);
  begun = await page.evaluate(() => performance.now());
  await row.click();
  await page.waitForSelector(".wf-row", { timeout: 60_000 });
  within(`${size} spans soft`, (await page.evaluate(() => performance.now())) - begun, soft);
  await page.waitForTimeout(1500);
  await page.evaluate(() => (globalThis.slowest = 0));
  await press("L", "j", "j", "e", "e", "z", "0", "p", "p", "H", "e");
  await press("/");
  await page.keyboard.type("export");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.waitForTimeout(600);
  const scroll = await page.evaluate(async () => {
    const element = document.querySelector(".waterfall");
    const frames = [];
    let last = performance.now();
    for (let i = 0; i < 60; i++) {
      element.scrollTop += 180;
      await new Promise(requestAnimationFrame);
      frames.push(performance.now() - last);
      last = performance.now();
    }
    return frames.toSorted((a, b) => a - b)[57];
  });
  within(`${size} spans: slowest key`, await page.evaluate(() => globalThis.slowest), size === 10_000 ? 100 : 200);
  console.log(`     scroll p95 ${scroll.toFixed(1)} ms`);
  check(`${size} spans: DOM`, (await nodes()) <= 2500, `${await nodes()} nodes`);
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  check(`${size} spans: heap`, size > 10_000 || usedSize <= 60e6, `${(usedSize / 1e6).toFixed(1)} MB`);
  for (const view of ["flame", "flame&merge=name", "sql", "table"]) {
    begun = Date.now();
    await page.goto(`${base}/traces/${traceId}?view=${view}`);
    await page.waitForFunction(() => document.querySelector(".flame canvas, .sql-groups > li, .st-row"), null, { timeout: 60_000 });
    console.log(`     ${size} ${view}: ${Date.now() - begun} ms, ${await nodes()} nodes`);
  }
}
await browser.close();
stop();
console.log(failures === 0 ? "all traces fine" : `${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
