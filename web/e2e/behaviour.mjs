// What the screens do: keys, paging, folding, zoom, help, live updates, first arrival, big traces. Starts its own mock servers.

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const out = new URL("./out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const mock = new URL("../dev/mock.mjs", import.meta.url).pathname;
const servers = [[4331, {}], [4332, { LIVE: "1" }], [4333, { EMPTY: "1" }], [4334, { FAIL: "1" }], [4335, { SLOW: "1500" }]].map(([port, env]) => spawn(process.execPath, [mock, String(port)], { env: { ...process.env, ...env }, stdio: "ignore" }));
process.on("exit", () => servers.forEach((server) => server.kill()));
const at = (port, path) => `http://127.0.0.1:${port}${path}`;
for (let i = 0; i < 50; i++) if (await fetch(at(4335, "/")).then(() => true, () => new Promise((done) => setTimeout(() => done(false), 100)))) break;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let failures = 0;
const check = (what, isTrue, detail = "") => {
  if (!isTrue) failures += 1;
  console.log(`${isTrue ? "ok  " : "FAIL"} ${what} ${detail}`);
};
const open = async (port, path, context) => {
  const page = await (context ?? (await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" }))).newPage();
  page.on("pageerror", (error) => check(`no error on ${path}`, false, error.message));
  await page.goto(at(port, path));
  await page.waitForSelector("h1");
  return page;
};
const is = async (page, path) => page.waitForFunction((p) => location.pathname + location.search === p || new RegExp(`^${p}$`).test(location.pathname), path, { timeout: 3000 }).then(() => true, () => false);

let page = await open(4331, "/");
check("/ leads to issues", await is(page, "/issues"));
await page.waitForSelector("tr[data-row]");
for (const key of ["j", "j", "k", "j"]) await page.keyboard.press(key);
check("j and k move", (await page.getAttribute("tr.current", "data-row")) === "SHOP-2");
await page.keyboard.press("Enter");
check("Enter opens", await is(page, "/issues/SHOP-2"));
check("focus goes to the h1", await page.waitForFunction(() => document.activeElement?.tagName === "H1").then(() => true, () => false));
check("title", (await page.title()).startsWith("SHOP-2 Http404"), await page.title());
await page.waitForSelector(".event-bar");
const first = await page.textContent(".event-id .mono");
await page.waitForTimeout(300);
const before = Date.now();
await page.keyboard.press("[");
await page.waitForFunction((id) => document.querySelector(".event-id .mono")?.textContent !== id, first);
check("[ steps to the older event", await is(page, "/issues/SHOP-2/events/[0-9a-f]{32}"), `${Date.now() - before} ms`);
await page.keyboard.press("]");
await page.waitForFunction((id) => document.querySelector(".event-id .mono")?.textContent === id, first);
check("] steps back", true);
await page.keyboard.press("f");
check("f unfolds library frames", await page.waitForSelector('.run-head[aria-expanded="true"]', { timeout: 2000 }).then(() => true, () => false));
const vars = await page.locator(".frame-body .vars").count();
await page.keyboard.press("v");
await page.waitForTimeout(100);
check("v hides variables", vars > 0 && (await page.locator(".frame-body .vars").count()) === 0);
await page.keyboard.press("v");
await page.keyboard.press("c");
check("c opens the copy menu", await page.waitForSelector("[role=menu]", { timeout: 2000 }).then(() => true, () => false));
await page.screenshot({ path: `${out}menu.png` });
await page.keyboard.press("Escape");
await page.keyboard.press("?");
check("? opens help", await page.waitForSelector("dialog[open]", { timeout: 2000 }).then(() => true, () => false));
await page.screenshot({ path: `${out}help.png` });
await page.keyboard.press("Escape");
await page.keyboard.press("t");
check("t changes the theme, at once to the other one", (await page.evaluate(() => document.documentElement.dataset.theme)) === "dark");
await page.keyboard.press("w");
check("w opens the trace", await is(page, "/traces/[0-9a-f]{32}"));
await page.waitForSelector(".wf-row");
await page.keyboard.press("j");
await page.keyboard.press("j");
check("j selects a span and fetches it", await page.waitForSelector(".span-panel .span-facts").then(() => true, () => false));
const rows = await page.locator(".wf-row").count();
await page.locator(".is-group").first().click();
check("a group opens", (await page.locator(".wf-row").count()) > rows);
await page.keyboard.press("+");
check("+ zooms", await page.waitForSelector(".minimap .window", { timeout: 1000 }).then(() => true, () => false));
await page.keyboard.press("0");
await page.waitForTimeout(100);
check("0 shows all", (await page.locator(".minimap .window").count()) === 0);
await page.keyboard.press("/");
await page.keyboard.type("template");
await page.keyboard.press("Enter");
check("find goes to the match", await page.waitForFunction(() => document.querySelector(".wf-row.current")?.textContent.includes("template"), null, { timeout: 2000 }).then(() => true, () => false));
await page.keyboard.press("Escape");
await page.keyboard.press("Escape");
await page.waitForTimeout(100);
check("Escape closes the panel", (await page.locator(".span-panel").count()) === 0);
await page.keyboard.press("g");
await page.keyboard.press("i");
check("g i goes to issues", await is(page, "/issues"));
await page.goBack();
check("Back", await is(page, "/traces/[0-9a-f]{32}"));

// Every destination by its keys, and by the rail's own words.
for (const [keys, path, title] of [["gl", "/logs", "Logs"], ["gm", "/metrics", "Metrics"], ["gc", "/monitors", "Monitors"], ["gr", "/releases", "Releases"], ["gf", "/feedback", "Feedback"], ["gn", "/ingest", "Ingest"], ["g,", "/settings", "Settings"], ["gs", "/welcome", "Setup"], ["gt", "/traces", "Traces"]]) {
  for (const key of keys) await page.keyboard.press(key);
  const isThere = await page.waitForFunction((p) => location.pathname === p && document.querySelector("h1"), path, { timeout: 3000 }).then(() => true, () => false);
  check(`${keys} goes to ${path}`, isThere && (await page.textContent("h1")) === title && (await page.locator(`.nav-item[aria-current] >> text=${title}`).count()) === 1);
}
await page.keyboard.press("?");
await page.waitForSelector("dialog[open]");
const help = await page.locator("dialog[open]").evaluate((dialog) => dialog.scrollHeight - dialog.clientHeight);
check("the help fits a window of 1280 by 800", help <= 0, `${help} px too high`);
await page.keyboard.press("Escape");
for (const [path, row] of [["/monitors", "[data-row='shop/bare']"], ["/metrics", "tbody tr[data-row]"], ["/feedback", "[data-row]"]]) {
  await page.goto(at(4331, path));
  await page.waitForSelector(row);
  await page.keyboard.press("j");
  await page.waitForSelector("[data-row].current");
  await page.keyboard.press("Enter");
  check(`j and Enter open a row of ${path}`, await page.waitForFunction((p) => location.pathname.startsWith(`${p}/`), path, { timeout: 3000 }).then(() => true, () => false));
}
for (const [path, words] of [["/logs", "No log has arrived yet"], ["/metrics", "No metric has arrived yet"], ["/monitors", "No job has checked in yet"], ["/releases", "No release has been seen yet"], ["/feedback", "Nobody has written yet"]]) {
  await page.goto(at(4333, path));
  await page.waitForSelector(".empty");
  check(`${path} teaches while it is empty`, (await page.textContent(".empty h2")) === words && (await page.locator(".teach .code-box").count()) > 0);
}

await page.goto(at(4331, "/issues/SHOP-1"));
await page.waitForSelector(".trace-preview");
check("a small trace is read before anybody scrolls to it", await page.waitForSelector(".trace-preview li", { state: "attached", timeout: 5000 }).then(() => true, () => false));
await page.locator("#trace").scrollIntoViewIfNeeded();
check("the trace preview shows where the error was", await page.waitForSelector(".trace-preview li.this", { timeout: 3000 }).then(() => true, () => false));
await page.locator(".trace-preview li").first().click({ force: true });
check("all of it leads to the trace", await is(page, "/traces/[0-9a-f]{32}"));
await page.goto(at(4331, "/issues/SHOP-3"));
await page.waitForSelector(".members");
const told = await page.locator("#exception h3").allInnerTexts();
const names = told.map((text) => text.split(":")[0].split(".").at(-1));
check("a group stands before its members", names.join(" ") === "ExceptionGroup KeyError ConversionError TimeoutError", names.join(" "));

const { issues } = await (await fetch(at(4331, "/api/ui/issues?status=all"))).json();
const latest = await (await fetch(at(4331, `/api/ui/issues/${issues[0].short_id}/events/latest`))).json();
await page.goto(at(4331, `/e/${latest.event_id.toUpperCase().replace(/^(.{8})/, "$1-")}`));
check("/e/<id> redirects", await is(page, `/issues/${issues[0].short_id}/events/${latest.event_id}`));

const big = (await (await fetch(at(4331, "/api/ui/traces?kind=all&query=nightly"))).json()).traces[0].trace_id;
page = await open(4331, "/traces?kind=all");
await page.waitForSelector("tr[data-row]");
const start = Date.now();
await page.goto(at(4331, `/traces/${big}`));
await page.waitForSelector(".wf-row");
const cold = Date.now() - start;
await page.waitForTimeout(200);
const scroll = await page.evaluate(async () => {
  const element = document.querySelector(".waterfall");
  const frames = [];
  let last = performance.now();
  for (let i = 0; i < 120; i++) {
    element.scrollTop += 180;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((a, b) => a - b);
  return { median: frames[60], p95: frames[114], worst: frames[119], nodes: document.querySelectorAll("*").length };
});
check("10 000 spans stay few elements", scroll.nodes < 2500, `cold ${cold} ms, frame median ${scroll.median.toFixed(1)} p95 ${scroll.p95.toFixed(1)} worst ${scroll.worst.toFixed(1)} ms, ${scroll.nodes} nodes`);
const clicked = Date.now();
await page.keyboard.press("e");
await page.waitForSelector(".span-panel .span-facts");
check("e finds an error among them", true, `${Date.now() - clicked} ms`);
await page.screenshot({ path: `${out}big.png` });

const liveContext = await browser.newContext({ viewport: { width: 1280, height: 800 } });
page = await open(4332, "/issues", liveContext);
await page.waitForSelector("tr[data-row]");
const counted = await page.textContent("tr[data-row=SHOP-1] .c-events");
check("live counts change in place", await page.waitForFunction((old) => document.querySelector("tr[data-row=SHOP-1] .c-events")?.textContent !== old, counted, { timeout: 8000 }).then(() => true, () => false));
const tabs = [];
for (let i = 0; i < 8; i++) tabs.push(await open(4332, "/ingest", liveContext));
check("nine tabs", (await tabs[7].waitForSelector(".live-open", { timeout: 5000 }).then(() => true, () => false)));
const shown = await tabs[7].locator(".ledger tbody").count();
check("the ledger grows", await tabs[7].waitForFunction((n) => document.querySelectorAll(".ledger tbody").length > n, shown, { timeout: 8000 }).then(() => true, () => false));

const oldContext = await browser.newContext();
await oldContext.addInitScript(() => delete globalThis.SharedWorker);
page = await open(4332, "/ingest", oldContext);
check("live without shared workers", await page.waitForSelector(".live-open", { timeout: 5000 }).then(() => true, () => false));

page = await open(4333, "/");
check("an empty server leads to welcome", await is(page, "/welcome"));
await page.waitForSelector(".pulse");
await page.screenshot({ path: `${out}welcome-empty.png` });
await page.getByRole("button", { name: "Send a sample" }).click();
check("the sample gets a card with the focus", await page.waitForFunction(() => document.activeElement?.closest(".arrival"), null, { timeout: 5000 }).then(() => true, () => false));
await page.screenshot({ path: `${out}welcome-arrival.png` });
check("the card says that it is the sample", (await page.locator(".arrival").innerText()).includes("The sample is here"));
check("the sample is not the first error", (await page.textContent("h1")) === "Send your first error");
page = await open(4333, "/issues");
await page.waitForSelector(".empty");
await page.screenshot({ path: `${out}issues-empty.png` });
page = await open(4334, "/issues");
await page.waitForSelector(".error-note");
await page.screenshot({ path: `${out}issues-error.png` });
check("errors offer a retry", (await page.getByRole("button", { name: "Retry" }).count()) === 1);
page = await open(4335, "/issues");
await page.waitForTimeout(400);
check("skeletons while loading", (await page.locator(".skeleton > div").count()) > 5);
servers[1].kill();
check("a lost link is said", await tabs[7].waitForSelector(".stale", { timeout: 8000 }).then(() => true, () => false));

await browser.close();
for (const server of servers) server.kill();
console.log(failures === 0 ? "all behaviour fine" : `${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
