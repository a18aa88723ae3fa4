// The issue page: what is raised stands open and in Python's order whatever the event (I2), stepping through events (I3),
// filters that every region follows, the diff, comments, keys. Starts its own mock servers.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const out = new URL("./out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const mock = new URL("../dev/mock.mjs", import.meta.url).pathname;
const servers = [[4451, {}], [4452, { FAIL: "1" }]].map(([port, env]) => spawn(process.execPath, [mock, String(port)], { env: { ...process.env, ...env }, stdio: "ignore" }));
process.on("exit", () => servers.forEach((server) => server.kill()));
const at = (path, port = 4451) => `http://127.0.0.1:${port}${path}`;
for (let i = 0; i < 50; i++) if (await fetch(at("/", 4452)).then(() => true, () => new Promise((done) => setTimeout(() => done(false), 100)))) break;
const json = async (path) => (await fetch(at(path))).json();

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let failures = 0;
const check = (what, isTrue, detail = "") => {
  if (!isTrue) failures += 1;
  console.log(`${isTrue ? "ok  " : "FAIL"} ${what} ${detail}`);
};
const open = async (path, { width = 1280, port } = {}) => {
  const context = await browser.newContext({ viewport: { width, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (error) => check(`no error on ${path}`, false, error.message));
  await page.goto(at(path, port));
  await page.waitForSelector("h1");
  return page;
};
const soon = (page, test, arg) => page.waitForFunction(test, arg, { timeout: 10_000 }).then(() => true, () => false);
const search = (page) => page.evaluate(() => location.search);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const accessible = async (page, what) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  check(`axe: ${what}`, violations.length === 0, violations.map((v) => `${v.id} ×${v.nodes.length}: ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].any[0]?.message ?? ""}`).join(" | "));
};
const eventOf = (page) => page.textContent(".event-id .mono");

// I2: every fixture, also those that try to break the page.
for (const [id, raised] of [["SHOP-1", "ValueError"], ["SHOP-2", "Http404"], ["SHOP-3", "ExceptionGroup"], ["SHOP-4", null], ["SHOP-5", "RecursionError"], ["SHOP-6", "UnicodeDecodeError"], ["SHOP-7", "<script>"], ["SHOP-8", "MemoryError"]]) {
  const page = await open(`/issues/${id}`);
  await page.waitForSelector(".event-bar");
  const told = await page.locator("#exception .exception.raised > .exception-title .ty").first().textContent({ timeout: 1000 }).catch(() => null);
  check(`${id}: what was raised is marked so`, raised === null ? told === null : (told ?? "").includes(raised), told ?? "no exception");
  if (raised) check(`${id}: the frame it was raised in is open`, (await page.locator(".exception.raised .frame.is-crash .frame-head[aria-expanded=true]").count()) > 0);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(`${id}: no wider than the window`, wide <= 0, `${wide} px`);
  check(`${id}: bounded`, (await page.evaluate(() => document.querySelectorAll("*").length)) < 4000, `${await page.evaluate(() => document.querySelectorAll("*").length)} nodes`);
  await page.context().close();
}

// I3: the pager.
let page = await open("/issues/SHOP-1");
await page.waitForSelector(".event-bar");
check("the place in the list is told", await soon(page, () => /^\d+\/\d+$/.test(document.querySelector(".list-place .num")?.textContent ?? "")));
check("N of M", (await page.textContent(".position")) === "5 of 5", await page.textContent(".position"));
await page.waitForTimeout(400);
const newest = await eventOf(page);
const scrolled = await page.evaluate(() => {
  scrollTo(0, 500);
  return scrollY;
});
// No answer comes from now on: what is shown was fetched ahead.
let release = () => undefined;
const held = new Promise((done) => (release = done));
await page.route("**/api/ui/issues/*/events/*", async (route) => {
  await held;
  await route.continue().catch(() => undefined);
});
const took = await page.evaluate(() => new Promise((done) => {
  const id = document.querySelector(".event-id .mono").textContent;
  const start = performance.now();
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "[", bubbles: true }));
  const look = () => (document.querySelector(".event-id .mono").textContent !== id ? done(performance.now() - start) : performance.now() - start > 2000 ? done(Infinity) : setTimeout(look, 1));
  look();
}));
// Under 50 ms where nothing else runs; what is asserted here is that nothing was waited for.
check("[ shows the older event, which was fetched ahead", took < 1000, `${took.toFixed(0)} ms`);
release();
await page.unroute("**/api/ui/issues/*/events/*");
check("the page stays where it is scrolled to", Math.abs((await page.evaluate(() => scrollY)) - scrolled) < 3);
const second = new URL(page.url()).pathname;
await page.keyboard.press("{");
check("{ goes to the first", await soon(page, () => document.querySelector(".position")?.textContent === "1 of 5"));
check("there is none older", (await page.locator("[aria-label='Older event'][aria-disabled]").count()) === 1);
await page.keyboard.press("}");
check("} goes to the latest", await soon(page, (id) => document.querySelector(".event-id .mono")?.textContent === id, newest));
await page.goto(at(second));
await page.waitForSelector(".event-bar");
check("an event has an address of its own", (await page.textContent(".position")) === "4 of 5");

// Filters: every region asks the same question.
const asked = [];
page.on("request", (request) => request.url().includes("/api/ui/issues/SHOP-1/") && asked.push(new URL(request.url())));
await page.waitForSelector(".tag-bar");
await page.locator(".tag-bars", { hasText: "browser" }).locator(".tag-bar", { hasText: "Safari" }).first().click();
check("a value that is pressed becomes a filter", await soon(page, () => new URLSearchParams(location.search).get("query") === 'browser:"Safari 19.1"'), await search(page));
await page.waitForTimeout(300);
const parts = ["events", "tags", "history", "users", "changes"];
check("every region follows it", parts.every((part) => asked.some(({ pathname, searchParams }) => pathname.includes(`/${part}`) && searchParams.get("query")?.startsWith("browser:"))), parts.filter((part) => !asked.some(({ pathname, searchParams }) => pathname.includes(`/${part}`) && searchParams.get("query"))).join());
await page.goto(at("/issues/SHOP-1?environment=staging"));
await page.waitForSelector(".event-bar");
check("the pager keeps to the filters", (await page.textContent(".position")) === "1 of 1", await page.textContent(".position"));
await page.goto(at("/issues/SHOP-1?query=zzz"));
check("nothing matches: says so, and clears", await page.waitForSelector(".issue-main .empty").then(() => true, () => false));
await page.locator(".issue-main .empty button").click();
check("cleared", await soon(page, () => location.search === "" && document.querySelector(".event-bar")));

// All events.
await page.goto(at("/issues/SHOP-1/events"));
await page.waitForSelector("table.events tbody tr");
check("all events have an address", (await page.locator("table.events tbody tr").count()) === 5);
await page.keyboard.press("j");
await page.keyboard.press("Enter");
check("j and Enter open one", await soon(page, () => /\/events\/[0-9a-f]{32}$/.test(location.pathname)));

// The chart.
await page.waitForSelector(".history-plot");
await page.focus(".history-plot");
await page.keyboard.press("ArrowLeft");
check("arrows read the chart", /\d+ event/.test((await page.getAttribute(".history-plot", "aria-valuetext")) ?? ""), await page.getAttribute(".history-plot", "aria-valuetext"));
await page.keyboard.press("Enter");
check("Enter makes it the time", await soon(page, () => new URLSearchParams(location.search).has("from")));
await page.locator(".history-times button", { hasText: "all" }).click();
await soon(page, () => !new URLSearchParams(location.search).has("from"));
await page.locator(".history-table summary").click();
await accessible(page, "the chart as a table");
check("the chart is a table, too", (await page.locator(".history-table tbody tr").count()) > 0);

// Diff.
await page.goto(at("/issues/SHOP-1/events/first"));
await page.waitForSelector(".event-bar");
await page.goto(at("/issues/SHOP-1"));
await page.waitForSelector(".event-bar");
await page.keyboard.press("{");
await soon(page, () => document.querySelector(".position")?.textContent === "1 of 5");
for (let i = 2; i <= 4; i++) {
  await page.keyboard.press("]");
  await soon(page, (n) => document.querySelector(".position")?.textContent === `${n} of 5`, i);
}
await page.keyboard.press("d");
check("d compares with the event before", await page.waitForSelector(".diff-row").then(() => true, () => false), await search(page));
const rows = await page.locator(".diff-row").count();
check("only what differs", (await page.locator(".diff-row.same").count()) === 0 && rows > 0, `${rows} rows`);
check("a variable inside a dictionary is named", (await page.locator(".diff-row", { hasText: "voucher['percent']" }).count()) > 0);
await page.screenshot({ path: `${out}diff.png` });
await accessible(page, "the diff");
await page.getByRole("button", { name: "Show equal" }).click();
check("and all when asked", (await page.locator(".diff-row.same").count()) > 0);
await page.getByRole("button", { name: "Show equal" }).click();
await page.keyboard.press("Escape");
check("Escape closes the diff", await soon(page, () => !location.search.includes("diff") && document.querySelector(".event-bar")));

// Sections, timeline, comments.
await page.goto(at("/issues/SHOP-1"));
await page.waitForSelector(".section-nav");
await page.keyboard.press("3");
check("3 jumps to the third section", await soon(page, () => document.activeElement?.id === document.querySelector(".section-nav li:nth-child(3) a")?.getAttribute("href")?.replace("#", "h-")), await page.evaluate(() => document.activeElement?.id));
await page.waitForSelector(".timeline-chips");
await page.locator("#timeline").scrollIntoViewIfNeeded();
check("spans join the timeline", await page.waitForSelector(".timeline .span-row").then(() => true, () => false));
await page.locator(".timeline-chips button", { hasText: "Spans" }).click();
check("a chip takes them out", await soon(page, () => !document.querySelector(".timeline .span-row .took") || [...document.querySelectorAll(".timeline .span-row .what")].every((what) => /db|http/.test(what.textContent))));
await page.locator(".timeline-chips button", { hasText: "Spans" }).click();
await page.locator("#activity").scrollIntoViewIfNeeded();
await page.locator("#activity textarea").fill("looked at it");
await page.locator("#activity .comment-tools input").pressSequentially("Ada B");
await page.locator("#activity textarea").press("Control+Enter");
check("Ctrl+Enter sends a comment", await soon(page, () => document.querySelector(".activity-list .comment-words")?.textContent === "looked at it"));
check("under the name that was given", (await page.textContent(".activity-list > li:first-child b")) === "Ada B", await page.textContent(".activity-list > li:first-child b"));
check("what one would not find is said once", (await page.locator(".callouts").count()) === 1);
await page.locator("h1").click();
await page.keyboard.press("Escape");
await page.reload();
await page.waitForSelector(".event-bar");
check("and never again", (await page.locator(".callouts").count()) === 0);

// What opens above and beside it.
await page.getByRole("button", { name: "Differs from the rest" }).click();
await page.waitForSelector(".differs tbody tr");
check("what differs from the rest, the strangest first", (await page.textContent(".differs .lift")) === "×6.0", await page.textContent(".differs .lift"));
await accessible(page, "what differs");
await page.goto(at("/issues/SHOP-8"));
await page.waitForSelector(".tag-bars");
check("hundreds of tags are a few and a button", (await page.locator(".tag-bars").count()) === 12, `${await page.locator(".tag-bars").count()}`);
await page.goto(at("/issues/SHOP-1"));
await page.waitForSelector(".event-bar");
await page.getByRole("button", { name: "More actions" }).click();
await page.getByRole("menuitem", { name: "Merge into another issue…" }).click();
await page.waitForSelector("dialog[open] .merge-rows label");
await page.fill("dialog[open] input[type=text]", "shop-2");
check("a short id finds the issue to merge into", await soon(page, () => document.querySelector("dialog[open] .merge-words")?.textContent.includes("SHOP-2")));
await accessible(page, "the merge dialog");
await page.keyboard.press("Escape");

// What people do.
await page.keyboard.press("e");
check("e resolves", await soon(page, () => document.querySelector(".crumbs .status")?.textContent.startsWith("Resolved")), await page.textContent(".crumbs .status"));
check("and the next issue stays one key away", await soon(page, () => document.querySelector(".list-place a[aria-label^='Next issue']")));
await page.keyboard.press("z");
check("z takes it back", await soon(page, () => document.querySelector(".crumbs .status")?.textContent === "Open"), await page.textContent(".crumbs .status"));

// Relatives.
await page.goto(at("/issues/SHOP-2"));
await page.waitForSelector("#merged .relatives li");
const merged = await page.locator("#merged .relatives li").count();
await page.locator("#merged .relatives li button").first().click();
check("a merged issue is taken out", await soon(page, (n) => document.querySelectorAll("#merged .relatives li").length === n - 1, merged));
await page.locator(".toast button", { hasText: "Undo" }).click();
check("and put back", await soon(page, (n) => document.querySelectorAll("#merged .relatives li").length === n, merged));
await page.locator("#similar").scrollIntoViewIfNeeded();
await page.waitForSelector("#similar .relatives li");
const similar = await page.locator("#similar .relatives li").count();
await page.locator("#similar button", { hasText: "Merge into this" }).first().click();
check("a similar issue is merged into this one", await soon(page, (n) => document.querySelectorAll("#similar .relatives li").length === n - 1, similar));

// The list behind it.
const { issues } = await json("/api/ui/issues");
await page.goto(at(`/issues/${issues[0].short_id}?q=&environment=production`));
await soon(page, () => document.querySelector(".list-place a[href^='/issues/']"));
await page.keyboard.press("J");
check("J goes to the next issue and keeps the list", await soon(page, (id) => location.pathname !== `/issues/${id}` && new URLSearchParams(location.search).get("q") === "" && location.search.includes("environment=production"), issues[0].short_id), page.url());
check("back to the list as it was", (await page.getAttribute(".list-place a", "href")) === "/issues?query=&environment=production", await page.getAttribute(".list-place a", "href"));
await page.context().close();

page = await open("/issues/SHOP-1", { port: 4452 });
check("each region that fails says so", await soon(page, () => document.querySelectorAll(".error-note").length >= 1));
await page.context().close();

await browser.close();
for (const server of servers) server.kill();
console.log(failures === 0 ? "the issue page is fine" : `${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
