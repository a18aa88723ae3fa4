// The whole path, from an application that fails to what a person sees. tests/it/end_to_end.rs starts a server with an
// empty database and then this; nothing here calls the server's API to look at the result, only the screen counts.
//
// Environment: BASE_URL and DSN of the server, PYTHON of the Django projects, CHROMIUM, OUT for pictures.
// The lines "stop the server, please" and "start the server, please" ask for just that; a line on standard input says
// that it is done. When standard input is closed, whoever started this is gone, and so is everything started here.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch, watch } from "./browser.mjs";
import { startProjects, visit } from "./projects.mjs";

const { BASE_URL: base, DSN: dsn, PYTHON: python, OUT: out } = process.env;
for (const [name, value] of Object.entries({ BASE_URL: base, DSN: dsn, PYTHON: python, OUT: out }))
  if (!value) throw new Error(`${name} is not set: this is started by tests/it/end_to_end.rs`);
mkdirSync(out, { recursive: true });

/** How long anything may take to be seen. */
const DEADLINE_MS = 15_000;
const startedAt = Date.now();
let current = "start";
function step(text) {
  current = text;
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${text}`);
}

function check(condition, text) {
  if (!condition) throw new Error(text);
}

/** Waits until it is on screen. */
async function see(locator, what) {
  await locator.first().waitFor({ state: "visible", timeout: DEADLINE_MS }).catch(() => {
    throw new Error(`not seen on screen: ${what}\n  ${locator}`);
  });
  return locator.first();
}

/** Waits until it is so. */
async function until(isSo, what) {
  const end = Date.now() + DEADLINE_MS;
  while (!(await isSo())) {
    check(Date.now() < end, `not seen on screen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Texts that stand in this order, one after another. */
function inOrder(text, parts, what) {
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    check(at >= 0, `${what}: ${JSON.stringify(part)} is not there, or not in its place, in:\n${text}`);
    from = at + part.length;
  }
}

let browser;
let page;
let projects;
async function stopEverything() {
  await Promise.allSettled([browser?.close(), projects?.stop()]);
}

const answers = [];
let waitingForAnswer = null;
const input = createInterface(process.stdin);
input.on("line", (line) => (waitingForAnswer ? waitingForAnswer(line) : answers.push(line)));
input.on("close", () => isDone || stopEverything().finally(() => process.exit(1)));
let isDone = false;
for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => stopEverything().finally(() => process.exit(1)));

const complaints = [];
let isServerAway = false;

async function ask(text) {
  console.log(text);
  await new Promise((resolve) => (answers.length > 0 ? resolve(answers.shift()) : (waitingForAnswer = resolve)));
}

async function run() {
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", timezoneId: "UTC" });
  context.setDefaultTimeout(DEADLINE_MS);
  await watch(context, base, complaints, () => isServerAway);
  page = await context.newPage();
  const link = (name, options = {}) => page.getByRole("link", { name, ...options });
  const go = (name) => page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
  const shoot = (name) => page.screenshot({ path: join(out, `${name}.png`) });
  const region = (name) => page.getByRole("region", { name });
  const newRows = page.getByRole("button", { name: /^↑? ?\d+ new / });
  /** Lists with somebody at them say that rows are new and wait; more may come after the click. */
  const seeNew = async (row, what) => {
    const end = Date.now() + DEADLINE_MS;
    for (;;) {
      await see(row.or(newRows), what);
      if (await row.first().isVisible()) return;
      check(Date.now() < end, `not seen on screen: ${what}`);
      // It goes by itself when the rows have come otherwise.
      await newRows.click({ timeout: 1000 }).catch(() => undefined);
    }
  };

  step("the empty server shows the welcome page with its own DSN and OTLP endpoint");
  const response = await page.goto(base, { timeout: DEADLINE_MS });
  check(response.headers()["content-security-policy"], "the page has no content security policy");
  await see(page.getByRole("heading", { level: 1, name: "Send your first error" }), "the title of the welcome page");
  const settings = await (await see(page.getByRole("group", { name: "settings.py" }), "the snippet")).innerText();
  check(settings.includes(`dsn="${dsn}",`), `the snippet does not hold the DSN ${dsn}:\n${settings}`);
  await see(page.getByRole("code").getByText(dsn, { exact: true }).or(page.getByText(dsn, { exact: true })), "the DSN by itself");
  await page.getByRole("tab", { name: "OpenTelemetry" }).click();
  const environment = await (await see(page.getByRole("group", { name: "environment" }), "the environment snippet")).innerText();
  check(environment.split(/\s+/).includes(`OTEL_EXPORTER_OTLP_ENDPOINT=${base}`), `the snippet does not hold the endpoint ${base}:\n${environment}`);
  await page.getByRole("tab", { name: "Django" }).click();
  await see(page.getByText("Waiting for the first request"), "that nothing has arrived");
  await see(page.getByText("Live", { exact: true }), "that the page is live");
  await shoot("1-welcome");
  // From here on the page is never loaded again: this would be gone.
  await page.evaluate(() => (globalThis.isSameDocument = true));

  step("two Django projects are served over HTTP");
  projects = await startProjects({ python, dsn, endpoint: base });
  const { shop, billing } = projects;
  await visit(shop, "/health/", 200);

  step("what they send stands in the ledger, and the first error on a card");
  await visit(shop, "/stock/sofa-9/", 500);
  const inLedger = (request, what) => page.getByRole("row").filter({ hasText: request }).filter({ hasText: what });
  await see(inLedger("POST /api/1/envelope/", "KeyError").filter({ hasText: /sentry\.python\/2\.\d+/ }), "the event in the ledger");
  const card = page.getByRole("article");
  await see(card.getByText("Your error is here"), "the card of the first error");
  await see(card.getByRole("heading", { name: "KeyError: 'sofa-9'" }), "the error on its card");
  await visit(billing, "/prices/3/", 200);
  // The exporter sends what it has when its timer fires: in one request, or in two.
  const spansFrom = async (service) => (await inLedger("POST /v1/traces", `from ${service}`).allInnerTexts()).reduce((sum, row) => sum + Number(/(\d+) spans? from/.exec(row)?.[1] ?? 0), 0);
  await until(async () => (await spansFrom("billing")) === 3, "billing's three spans in the ledger");
  await shoot("2-first-arrival");

  step("the ledger page holds what came before it was opened, and the totals");
  await go("Ingest");
  await see(inLedger("POST /api/1/envelope/", "KeyError"), "the event in the ledger of the Ingest page");
  await go("Setup");
  await visit(shop, "/orders/4/", 200);
  const orderRow = inLedger("POST /api/1/envelope/", /transaction GET \/orders\/\{order_id\}\//);
  await see(orderRow, "the transaction in the ledger of the welcome page");
  await go("Ingest");
  await see(page.getByRole("heading", { level: 1, name: "Ingest" }), "the Ingest page");
  await see(orderRow, "what arrived while the welcome page was shown");
  await see(inLedger("POST /api/1/envelope/", "KeyError"), "the event in the ledger, still");
  await see(region("Since the database was made").getByText(/\d+ events?/), "how many events were kept");
  await see(region("Since the database was made").getByText(/\b[2-9] transactions/), "the transaction among the totals");

  step("the list of issues takes new ones in, live");
  await go("Issues");
  await see(page.getByRole("row", { name: /KeyError.*sofa-9.*unhandled/ }), "the KeyError's row");
  const voucherRow = page.getByRole("row", { name: /ValueError Invalid voucher BF26.*apply_voucher orders\/pricing\.py:\d+/ });
  await visit(shop, "/checkout/3/?voucher=SPRING10", 200);
  await visit(shop, "/checkout/3/?voucher=BF26", 500);
  await see(voucherRow, "the chained error's row, by itself");
  // From here on somebody points at the list: rows wait behind a button.
  await voucherRow.hover();
  for (const [path, status] of [["/", 200], ["/orders/4/", 200], ["/orders/99/", 500], ["/import/", 500], ["/sync/", 500], ["/orders/5/refund/", 500], ["/payments/refused/", 402]])
    await visit(shop, path, status);
  const groupRow = page.getByRole("row", { name: /ExceptionGroup 4 warehouses not synchronised/ });
  const refundRow = page.getByRole("row", { name: /BillingError billing answered 500 to POST/ });
  await see(newRows, "that new rows wait");
  await seeNew(groupRow, "the exception group's row");
  await seeNew(refundRow, "the row of the error that began in billing");
  await shoot("3-issues");

  step("the chained error is told as Python tells it");
  await voucherRow.getByRole("link").click();
  await see(page.getByRole("heading", { level: 1, name: "ValueError Invalid voucher BF26" }), "the issue's title");
  const exception = region(/^Exception/);
  await see(exception, "the exception");
  const words = await exception.innerText();
  inOrder(words, [
    "ZeroDivisionError: integer division or modulo by zero",
    "apply_voucher",
    "orders/pricing.py:14",
    "The above exception was the direct cause of the following exception:",
    "ValueError: Invalid voucher BF26",
    "checkout",
    "orders/views.py",
    "discounted_total",
    "apply_voucher",
    "orders/pricing.py",
    "raised here",
    "raise ValueError(f\"Invalid voucher {voucher['code']}\") from exc",
  ], "the exception");
  const variables = exception.getByRole("group", { name: "Local variables of apply_voucher" }).last();
  await see(variables.getByText(/voucher\s*=\s*\{.*'code': 'BF26'.*'percent': 0.*\}/), "the local variable voucher with 'BF26'");
  await variables.getByRole("button", { name: /^voucher/ }).click();
  await see(variables.getByRole("listitem").filter({ hasText: /^code: 'BF26'$/ }), "the variable, opened");
  await see(exception.getByRole("group", { name: "Source around line 14" }).getByText('steps = 100 // voucher["percent"]'), "the source of the cause");
  check(!words.includes("_get_response"), "a library frame is not folded");
  const folded = exception.getByRole("button", { name: /library frames? django\.core/ }).first();
  check((await folded.getAttribute("aria-expanded")) === "false", "the library frames are open from the start");
  await folded.click();
  await see(exception.getByRole("button", { name: /_get_response/ }), "the library frames, unfolded");
  await folded.click();

  step("with its request, breadcrumbs and user");
  const request = region("Request");
  await see(request.getByText(`${shop}/checkout/3/`), "the address of the request");
  inOrder(await request.innerText(), ["GET", "voucher", "BF26", "User-Agent", "Firefox/145.0"], "the request");
  const timeline = await region(/^Timeline/).innerText();
  inOrder(timeline, ["SELECT", "checkout with 1 lines", `${billing}/prices/3/`, "Billing priced order 3", "ValueError: Invalid voucher BF26"], "the breadcrumbs");
  inOrder(await region(/^Context/).innerText(), ["ada@example.com"], "the user");
  inOrder(await region(/^Tags/).filter({ hasText: "business" }).first().innerText(), ["plan", "business"], "the tags");
  await see(page.getByText(/^sdk sentry\.python\.django\/2\.\d+/), "the SDK");
  await shoot("4-issue");

  step("a second failure raises the count, live");
  const events = (n) => page.getByText(new RegExp(`^Events ?${n}$`));
  await see(events(1), "one event");
  await visit(shop, "/checkout/4/?voucher=BF26", 500);
  await see(events(2), "two events");
  await see(link("Older event"), "the way to the older event");
  await link("Older event").click();
  await see(link("Newer event"), "the way back to the newer event");
  await see(region("Request").getByText(`${shop}/checkout/3/`), "the older event");

  const openTrace = async () => {
    // A small trace is there before anybody scrolls to it: nothing moves from then on.
    await see(region(/^Trace/).getByText(/^\d+ spans · /), "the trace in short");
    await link(/^Open the trace/).click();
  };

  step("SQL of the one and a request of the other stand in one waterfall");
  await openTrace();
  const spans = page.getByRole("treegrid", { name: "Spans" });
  const sqlRow = spans.getByRole("row", { name: /SELECT .*orders_voucher/ });
  await see(sqlRow, "an SQL span of the shop");
  await see(spans.getByRole("row", { name: /GET \/prices\/<int:order_id>\/ billing/ }), "billing's server span");
  await see(spans.getByRole("row", { name: /SELECT .*invoices_taxrate/ }), "an SQL span of billing");
  await see(spans.getByRole("row", { name: /has an error/ }), "the mark of the error at its span");
  await see(spans.getByRole("link", { name: "ValueError: Invalid voucher BF26" }), "the error in the waterfall");
  for (const source of ["Sentry", "OTel"]) await see(page.getByRole("main").getByText(source, { exact: true }), `that spans came from ${source}`);
  const order = await spans.getByRole("row").allInnerTexts();
  inOrder(order.join("\n"), ["http.server", "http.client", "/prices/<int:order_id>/", "orders_voucher"], "the waterfall");

  step("a span tells its query and attributes");
  await sqlRow.click();
  const panel = page.getByRole("complementary", { name: "Span" });
  await see(panel.getByRole("heading", { name: "Query" }), "the query of the span");
  inOrder(await panel.innerText(), ["SELECT", "orders_voucher", "WHERE", "orders_voucher"], "the SQL span");
  const source = panel.getByText(/^Sentry · sentry\.python/);
  await see(source, "the source of the span");
  await see(panel.getByText("db.system"), "an attribute of the SQL span");
  await see(panel.getByText("discounted_total"), "the function the query came from");
  await spans.getByRole("row", { name: /GET \/prices\/<int:order_id>\/ billing/ }).click();
  await see(panel.getByText(/^OpenTelemetry/), "the source of billing's span");
  inOrder(await panel.innerText(), ["server", "http.status_code", "200"], "billing's span");
  await shoot("5-trace");

  step("the list of traces shows both sources, and repeated queries are counted");
  await go("Traces");
  await see(page.getByRole("row", { name: /\/checkout\/\{order_id\}\/ 500.*default, billing.*Sentry ?OTel/ }), "the trace of both projects");
  await see(page.getByRole("row", { name: /\/orders\/\{order_id\}\/refund\/ 500/ }), "the trace in which both sides failed");
  await link("GET /", { exact: true }).click();
  await see(spans.getByRole("row", { name: /SELECT .*orders_customer.*×\d+/ }), "the queries of the list, folded into one row");

  step("a refused request says what to change");
  await go("Ingest");
  await see(page.getByRole("heading", { level: 1, name: "Ingest" }), "the ledger");
  const wrong = new URL(dsn);
  wrong.username = "f".repeat(32);
  const refused = await fetch(`${base}/api/1/envelope/`, {
    method: "POST",
    headers: { "x-sentry-auth": `Sentry sentry_key=${wrong.username}, sentry_version=7, sentry_client=my.client/1.0` },
    body: '{}\n{"type":"event"}\n{"message":"lost"}\n',
  });
  check(refused.status === 403, `a wrong key is answered with ${refused.status}`);
  await see(inLedger("POST /api/1/envelope/", "403").filter({ hasText: "my.client/1.0" }), "the refused request");
  await see(page.getByRole("row", { name: /key ffff…ffff is unknown.*copy the DSN from the welcome page/ }), "why, and what to change");
  await shoot("6-ingest");

  step("after a restart everything is still there, and the open page finds its way back");
  await go("Issues");
  await voucherRow.getByRole("link").click();
  await see(events(2), "two events before the restart");
  isServerAway = true;
  await ask("stop the server, please");
  await see(page.getByText("Reconnecting", { exact: true }), "that the server is away");
  await ask("start the server, please");
  await see(page.getByText("Live", { exact: true }), "that the page is live again");
  isServerAway = false;
  await visit(shop, "/checkout/3/?voucher=BF26", 500);
  await see(events(3), "three events after the restart");
  await see(region("Request").getByText(`${shop}/checkout/3/`), "the event of after the restart");
  await link("Older event").click();
  await see(region("Request").getByText(`${shop}/checkout/4/`), "the event of before the restart");
  await openTrace();
  await see(sqlRow, "an SQL span after the restart");
  await see(spans.getByRole("row", { name: /GET \/prices\/<int:order_id>\/ billing/ }), "billing's server span after the restart");
  check(await page.evaluate(() => globalThis.isSameDocument === true), "the page was loaded again on the way");
  await page.reload();
  await see(sqlRow, "the trace by its address");

  await go("Issues");
  await see(groupRow, "the issues of before the restart");
  check(complaints.length === 0, `the page did what it must not:\n${complaints.join("\n")}`);
}

try {
  await run();
  isDone = true;
  step("all seen");
} catch (error) {
  process.exitCode = 1;
  console.log(`\nFAILED at: ${current}\n${String(error.stack ?? error).replaceAll(/\x1b\[\d+m/g, "")}`);
  if (complaints.length > 0) console.log(`\nthe page also complained:\n${complaints.join("\n")}`);
  if (page && !page.isClosed()) {
    const picture = join(out, "failure.png");
    const text = join(out, "failure.txt");
    await page.screenshot({ path: picture, fullPage: true, timeout: 5000 }).catch(() => undefined);
    writeFileSync(text, `${page.url()}\n\n${await page.locator("body").innerText({ timeout: 5000 }).catch(String)}\n`);
    console.log(`\nwhat was on screen: ${picture} and ${text}`);
  }
  isDone = true;
}
await stopEverything();
input.close();
process.stdin.destroy();
