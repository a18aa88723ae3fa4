// Pictures of the main screens, in both themes and several widths: `make screenshots`, into tests/e2e/out/screenshots.
// `node tests/e2e/screenshots.mjs BINARY [--readme]`; WIDTHS=1280,390 THEMES=dark SCREENS=issue,trace narrow it down.
//
// Starts the binary with an empty database, sends it the captures of tests/fixtures and what the Django projects of
// this folder report when .venv is there. Also fails when a page is wider than its window, asks another host for
// something, or writes an error to the console. With --readme it makes README's picture anew, and nothing else: one
// captured error, shown as if it were the time of the capture, so that the picture changes only when the app does.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { launch, watch } from "./browser.mjs";
import { startProjects, visit } from "./projects.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const fixtures = join(here, "../fixtures");
const out = join(here, "out/screenshots");
const readmePicture = join(here, "readme/issue.png");
const DAY_MS = 86_400_000;
const README_BYTES_MAX = 180_000;
/** The key of the captures, as long as any. */
const CAPTURED_KEY = "0123456789abcdef0123456789abcdef";

const list = (name, all) => process.env[name]?.split(",") ?? all;
const widths = list("WIDTHS", ["1280", "768", "390", "320"]).map(Number);
const themes = list("THEMES", ["light", "dark"]);
const wanted = list("SCREENS", null);
const binary = process.argv[2] && resolve(process.argv[2]);
const complaints = [];
const started = [];

if (!binary || !existsSync(binary)) throw new Error(`no binary at ${binary}: run \`make screenshots\``);
try {
  if (process.argv.includes("--readme")) await makeReadmePicture();
  else await makeScreenshots();
} finally {
  await Promise.allSettled(started.toReversed().map((stop) => stop()));
}
for (const complaint of complaints) console.log(complaint);
process.exit(complaints.length === 0 ? 0 : 1);

async function makeScreenshots() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const server = await startServer();
  const browser = await startBrowser();
  const atEach = async (shots) => {
    for (const theme of themes)
      for (const width of widths) {
        const page = await openPage(browser, server.base, { width, height: width < 700 ? 780 : 800 }, theme);
        for (const [name, path, prepare] of shots) {
          if (wanted && !wanted.includes(name)) continue;
          await show(page, server.base + path);
          await prepare?.(page);
          const file = `${name}-${theme}-${width}`;
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (wide > 0) complaints.push(`${file}: ${wide} px wider than the window`);
          await page.screenshot({ path: join(out, `${file}.png`) });
        }
        await page.context().close();
      }
  };

  await atEach([["welcome", "/welcome"]]);
  for (const folder of readdirSync(fixtures)) if (/^(sentry|otlp|chromium)-/.test(folder)) await replay(server, join(fixtures, folder));
  const python = join(here, "../../.venv/bin/python");
  if (existsSync(python)) await driveProjects(server, python);
  // Without them, both sides of a trace as captured: their times drift apart as the captures grow older.
  else await replay(server, join(fixtures, "shop-and-billing"));

  const api = async (path) => (await fetch(server.base + path)).json();
  const issue = async (query) => `/issues/${(await api(`/api/ui/issues?query=${encodeURIComponent(query)}`)).issues[0].short_id}`;
  const voucher = await issue("voucher");
  const { event_id } = await api(`/api/ui${voucher}/events/latest`);
  await sendFeedback(server, event_id);
  const { traces } = await api("/api/ui/traces?kind=requests");
  const both = traces.find((trace) => trace.has_sentry && trace.has_otel && trace.error_count > 0);
  const repeated = traces.find((trace) => trace.db_span_count > 10) ?? both;
  const { spans } = await api(`/api/ui/traces/${both.trace_id}`);
  const query = spans.span_id[spans.name.findIndex((name) => name.startsWith("SELECT"))];
  const { metrics } = await api(`/api/ui/metrics?from=${Date.now() - DAY_MS}`);
  const metric = metrics.find(({ kind }) => kind === "distribution") ?? metrics[0];
  const { monitors } = await api("/api/ui/monitors");
  const { feedback } = await api("/api/ui/feedback");
  const section = (id) => (page) => page.locator(`#${id}`).evaluate((element) => element.scrollIntoView({ block: "start" }));
  await atEach([
    ["welcome-connected", "/welcome"],
    ["issues", "/issues"],
    ["issues-none", "/issues?query=zzzz"],
    ["issue", voucher],
    ["issue-variables", voucher, (page) => page.getByRole("group", { name: /^Local variables/ }).last().evaluate((element) => element.scrollIntoView({ block: "center" }))],
    ["issue-request", voucher, section("request")],
    ["issue-timeline", voucher, section("timeline")],
    ["issue-tags", voucher, section("tags")],
    ["issue-group", await issue("warehouses")],
    ["issue-message", await issue("declined_by_bank")],
    ["issue-blocked", await issue("Blocked")],
    ["traces", "/traces?kind=all"],
    ["trace", `/traces/${both.trace_id}`],
    ["trace-span", `/traces/${both.trace_id}?span=${query}`],
    ["trace-repeated", `/traces/${repeated.trace_id}`],
    ["logs", "/logs"],
    ["metrics", "/metrics"],
    ["metric", `/metrics/${encodeURIComponent(metric.name)}?${new URLSearchParams({ kind: metric.kind, project: metric.project_slug, ...(metric.unit ? { unit: metric.unit } : {}) })}`],
    ["monitors", "/monitors"],
    ["monitor", `/monitors/${encodeURIComponent(monitors[0].slug)}`],
    ["releases", "/releases"],
    ["feedback", "/feedback"],
    ["feedback-one", `/feedback/${feedback[0].feedback_id}`],
    ["ingest", "/ingest"],
    ["settings", "/settings"],
  ]);
  console.log(`${readdirSync(out).length} pictures in ${out}`);
}

async function makeReadmePicture() {
  const server = await startServer();
  const folder = join(fixtures, "sentry-python-2.75.0");
  const captured = plain(folder, "django-chained-error").toString();
  const capturedMs = Date.parse(/"timestamp":"([^"]+)"/.exec(captured)[1]);
  await replay(server, folder, ["django-chained-error", "django-chained-error-transaction"]);
  const { issues } = await (await fetch(`${server.base}/api/ui/issues`)).json();
  const { timestamp_ms } = await (await fetch(`${server.base}/api/ui/issues/${issues[0].short_id}/events/latest`)).json();

  const page = await openPage(await startBrowser(), server.base, { width: 1280, height: 890 }, "light");
  await page.route("**/api/ui/**", async (route) => {
    if (route.request().url().endsWith("/live")) return route.continue();
    const answer = await route.fetch();
    const body = (await answer.text())
      .replaceAll(/"(\w+_ms)":(\d{13}(?:\.\d+)?)/g, (_, name, ms) => `"${name}":${Number(ms) - timestamp_ms + capturedMs}`)
      .replace(/"now_ms":[\d.]+/, `"now_ms":${capturedMs + 14_000}`);
    return route.fulfill({ response: answer, body });
  });
  await show(page, `${server.base}/issues/${issues[0].short_id}`);
  // The two frames between are a click away for the reader, too.
  const frame = (place) => page.getByRole("button", { name: place });
  for (const place of [/orders\/views\.py:44/, /orders\/pricing\.py:9 /]) await frame(place).click();
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement?.blur());
  mkdirSync(join(here, "readme"), { recursive: true });
  // Clicking may have scrolled; the picture begins with the title and is as high as the exception needs.
  await page.setViewportSize({ width: 1280, height: 1140 });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: readmePicture });
  const { size } = statSync(readmePicture);
  if (size > README_BYTES_MAX) complaints.push(`${readmePicture}: ${size} bytes, at most ${README_BYTES_MAX} are wanted`);
  console.log(`${readmePicture}: ${size} bytes`);
}

async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), "trapline-screenshots-"));
  const child = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  started.push(
    () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve(rmSync(folder, { recursive: true, force: true })));
        if (!child.kill("SIGTERM")) child.emit("exit");
      }),
  );
  const server = {};
  for await (const line of createInterface(child.stdout)) {
    const [word, value] = line.trim().split(/\s+/);
    if (word === "Open") server.base = value;
    if (word === "DSN") server.dsn = value;
    if (server.base && server.dsn) return server;
  }
  throw new Error(`${binary} ended while starting`);
}

async function startBrowser() {
  const browser = await launch();
  started.push(() => browser.close());
  return browser;
}

async function openPage(browser, base, viewport, colorScheme) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC", serviceWorkers: "block" });
  context.setDefaultTimeout(10_000);
  await watch(context, base, complaints);
  return context.newPage();
}

/** Done when nothing is loading any more and the page has drawn. */
async function show(page, address) {
  await page.goto(address);
  await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
  await page.waitForFunction(() => document.querySelector("h1") && !document.querySelector(".skeleton, [aria-busy=true]"));
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}

/** A captured body without its compression. */
function plain(folder, name) {
  const { headers } = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  const body = readFileSync(join(folder, `${name}.body`));
  const encoding = Object.entries(headers).find(([key]) => key.toLowerCase() === "content-encoding")?.[1];
  const decode = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync }[encoding];
  return decode ? decode(body) : body;
}

/** Sends captures as if they came from an application with this server's DSN. */
async function replay(server, folder, only = null) {
  const key = new URL(server.dsn).username;
  const names = readdirSync(folder).flatMap((file) => (file.endsWith(".body") ? [file.slice(0, -".body".length)] : []));
  for (const name of names) {
    if (only && !only.includes(name)) continue;
    const { path, headers } = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
    let body = plain(folder, name);
    // Bytes that are not text hold no key.
    if (body.includes(CAPTURED_KEY)) body = Buffer.from(body.toString("utf8").replaceAll(CAPTURED_KEY, key));
    const sent = Object.entries(headers)
      .filter(([header]) => /^(content-type|user-agent|x-sentry-auth)$/i.test(header))
      .map(([header, value]) => [header, value.replaceAll(CAPTURED_KEY, key)]);
    const response = await fetch(server.base + path.replaceAll(CAPTURED_KEY, key), { method: "POST", headers: sent, body });
    if (!response.ok) complaints.push(`${name}: answered with ${response.status}: ${await response.text()}`);
  }
}

/** What no capture holds: what somebody wrote about an event. */
async function sendFeedback(server, eventId) {
  const words = { message: "The voucher from your newsletter ends on an error page.", name: "Ada", contact_email: "ada@example.com", associated_event_id: eventId };
  const event = JSON.stringify({ type: "feedback", contexts: { feedback: words } });
  const headers = { "x-sentry-auth": `Sentry sentry_key=${new URL(server.dsn).username}, sentry_client=screenshots/1.0` };
  const response = await fetch(`${server.base}/api/1/envelope/`, { method: "POST", headers, body: `{}\n{"type":"feedback"}\n${event}\n` });
  if (!response.ok) complaints.push(`feedback: answered with ${response.status}: ${await response.text()}`);
}

async function driveProjects(server, python) {
  const { shop, billing, stop } = await startProjects({ python, dsn: server.dsn, endpoint: server.base });
  try {
    for (const [path, status] of [
      ["/", 200], ["/orders/4/", 200], ["/orders/99/", 500], ["/checkout/3/?voucher=SPRING10", 200], ["/sync/", 500],
      ["/orders/5/refund/", 500], ["/payments/retried/", 202], ["/checkout/4/?voucher=BF26", 500], ["/checkout/3/?voucher=BF26", 500],
    ])
      await visit(shop, path, status, { headers: { cookie: `customer=${path.length % 2 ? "ada" : "grace"}` } });
    await visit(billing, "/invoices/", 200);
  } finally {
    // At their end, the SDKs send what they still hold.
    await stop();
  }
  // One that is refused, for the ledger.
  await fetch(`${server.base}/api/1/envelope/`, { method: "POST", headers: { "x-sentry-auth": "Sentry sentry_key=ffffffffffffffffffffffffffffffff, sentry_client=my.client/1.0" }, body: "{}\n" });
}
