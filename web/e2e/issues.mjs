// The list of issues as it is used: tabs, query completion, an invalid query, sorting, bulk actions and undo, ten thousand
// rows, Back, new rows. Starts its own mock servers.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const out = new URL("./out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const mock = new URL("../dev/mock.mjs", import.meta.url).pathname;
const servers = [[4441, {}], [4442, { MANY: "10000" }], [4443, { NEWS: "1" }]].map(([port, env]) => spawn(process.execPath, [mock, String(port)], { env: { ...process.env, ...env }, stdio: "ignore" }));
process.on("exit", () => servers.forEach((server) => server.kill()));
const at = (port, path) => `http://127.0.0.1:${port}${path}`;
for (const port of [4441, 4442, 4443]) for (let i = 0; i < 50; i++) if (await fetch(at(port, "/")).then(() => true, () => new Promise((done) => setTimeout(() => done(false), 100)))) break;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let failures = 0;
const check = (what, isTrue, detail = "") => {
  if (!isTrue) failures += 1;
  console.log(`${isTrue ? "ok  " : "FAIL"} ${what} ${detail}`);
};
const open = async (port, path, options = {}) => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options })).newPage();
  page.on("pageerror", (error) => check(`no error on ${path}`, false, error.message));
  page.on("console", (message) => message.type() === "error" && !/40[04]|503/.test(message.text()) && check(`a quiet console on ${path}`, false, message.text()));
  await page.goto(at(port, path));
  await page.waitForSelector("tr[data-row], .empty");
  return page;
};
const soon = (page, test, arg) => page.waitForFunction(test, arg, { timeout: 4000 }).then(() => true, () => false);
const ids = (page) => page.locator("tr[data-row]").evaluateAll((rows) => rows.map((row) => row.dataset.row));
const asked = (page) => page.evaluate(() => new URLSearchParams(location.search).get("query"));
const clean = async (page, label, but = []) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const found = violations.filter(({ id }) => !but.includes(id));
  check(`axe: ${label}`, found.length === 0, found.map((v) => `${v.id} ×${v.nodes.length} ${v.nodes[0].html.slice(0, 140)}`).join(" | "));
};

// Tabs.
let page = await open(4441, "/issues");
await page.waitForSelector(".tab-count");
const tabs = await page.locator(".tabs a").allInnerTexts();
check("six tabs with counts", tabs.length === 6 && tabs.every((text) => /\d/.test(text)), tabs.join(" "));
check("the query of the tab stands in the field", (await page.inputValue(".query-bar input")) === "is:unresolved");
await page.screenshot({ path: `${out}list.png` });
await page.locator(".tabs a", { hasText: "Ignored" }).click();
check("a tab is an address", (await asked(page)) === "is:ignored" && (await soon(page, () => document.querySelectorAll("tr[data-row]").length > 0 && [...document.querySelectorAll("tr[data-row]")].every((row) => row.textContent.includes("ignored")))));
await page.locator(".tabs a", { hasText: "All" }).click();
check("all is the empty query", (await asked(page)) === "");
await page.reload();
await page.waitForSelector("tr[data-row]");
check("the address says it all", (await page.locator(".tabs [aria-current]").innerText()).startsWith("All") && (await page.inputValue(".query-bar input")) === "");
await page.locator(".tabs a", { hasText: "Open" }).click();
await soon(page, () => location.search === "");
check("the default needs no words in the address", (await page.evaluate(() => location.search)) === "");

// The query bar.
await page.keyboard.press("/");
await page.keyboard.type("lev");
check("keys are suggested", await soon(page, () => document.querySelector("[role=option]")?.textContent.startsWith("level")));
check("the field is a combobox", (await page.getAttribute(".query-bar input", "aria-expanded")) === "true");
await page.keyboard.press("ArrowDown");
check("the active option is told", (await page.evaluate(() => document.getElementById(document.querySelector(".query-bar input").getAttribute("aria-activedescendant"))?.textContent)).startsWith("level"));
await page.screenshot({ path: `${out}list-completion.png` });
// What hangs over the table may leave a sliver of a box below it.
await clean(page, "completion open", ["target-size"]);
await page.keyboard.press("Enter");
check("Enter takes what is chosen", (await page.inputValue(".query-bar input")) === "is:unresolved level:");
check("values are suggested with counts", await soon(page, () => [...document.querySelectorAll("[role=option]")].some((option) => option.textContent.startsWith("error") && /\d/.test(option.textContent))));
await page.keyboard.type("err");
await soon(page, () => document.querySelectorAll("[role=option]").length === 1);
await page.locator("[role=option]").first().click();
check("a value is taken by the mouse and asked for", (await soon(page, () => new URLSearchParams(location.search).get("query") === "is:unresolved level:error")) && (await page.inputValue(".query-bar input")) === "is:unresolved level:error ");
await page.keyboard.type("deadlock");
check("Enter with nothing chosen asks as typed", await page.keyboard.press("Enter").then(() => soon(page, () => new URLSearchParams(location.search).get("query") === "is:unresolved level:error deadlock")));
await soon(page, () => document.querySelectorAll("tr[data-row] mark").length > 0);
check("the words are marked where they are found", (await page.locator("tr[data-row] mark").first().innerText()) === "deadlock");
await page.keyboard.press("Escape");
await page.keyboard.press("Escape");
check("Escape leaves the field and keeps the query", (await page.evaluate(() => document.activeElement?.tagName)) === "BODY" && (await page.inputValue(".query-bar input")).startsWith("is:unresolved level:error deadlock"));
await page.locator(".tabs a", { hasText: "All" }).click();
check("another tab keeps the rest of the query", await soon(page, () => new URLSearchParams(location.search).get("query") === "level:error deadlock"));
await page.goBack();
check("Back goes to the query before", await soon(page, () => document.querySelector(".query-bar input").value.trim() === "is:unresolved level:error deadlock"));

const rowsBefore = await page.locator("tr[data-row]").count();
await page.fill(".query-bar input", "is:unresolved levle:error");
await page.keyboard.press("Enter");
check("what is wrong is said and underlined", await soon(page, () => document.querySelector(".qb-bad")?.textContent === "levle" && document.querySelector(".qb-error")?.textContent.includes("levle")));
check("the rows stay meanwhile", (await page.locator("tr[data-row]").count()) === rowsBefore && rowsBefore > 0);
check("the field is invalid for screen readers, too", (await page.getAttribute(".query-bar input", "aria-invalid")) === "true");
await page.keyboard.press("Escape");
await page.screenshot({ path: `${out}list-invalid.png` });
await clean(page, "an invalid query");
await page.getByRole("button", { name: "Clear the search" }).click();
check("clear asks for everything", await soon(page, () => new URLSearchParams(location.search).get("query") === ""));
await page.keyboard.press("Escape");
await page.getByRole("button", { name: "How to search" }).click();
await page.waitForSelector(".qb-help");
await page.screenshot({ path: `${out}list-help.png` });
await clean(page, "the language by example");
await page.locator(".qb-example", { hasText: "priority:high" }).click();
check("an example is added", await soon(page, () => new URLSearchParams(location.search).get("query") === "priority:high"));
await page.keyboard.press("Escape");
await page.getByRole("button", { name: "Saved and recent searches" }).click();
await page.waitForSelector(".qb-panel");
await page.locator(".qb-save input").fill("Mine");
await page.keyboard.press("Enter");
check("a saved query is a tab", await page.waitForSelector(".saved-tab[aria-current]", { timeout: 2000 }).then(() => true, () => false));
await page.reload();
await page.waitForSelector(".saved-tab");
check("it is kept", (await page.locator(".saved-tab").innerText()) === "Mine");

// Chips, sorting.
await page.goto(at(4441, "/issues"));
await page.waitForSelector("tr[data-row]");
await page.locator(".chip", { hasText: "Environment" }).locator("button").first().click();
await page.locator(".choices button", { hasText: "staging" }).click();
check("a chip narrows", await soon(page, () => location.search.includes("environment=staging")));
await page.locator(".chip", { hasText: "Time" }).locator("button").first().click();
await page.screenshot({ path: `${out}list-time.png` });
await clean(page, "the time panel");
await page.locator(".choices button", { hasText: "Last 7 days" }).click();
check("and the time", await soon(page, () => location.search.includes("range=7d")));
const link = await page.locator(".row-link").first().getAttribute("href");
check("they go along to the issue", link.includes("environment=staging") && link.includes("range=7d"), link);
await page.getByRole("button", { name: "Remove Environment: staging" }).click();
check("a chip is taken away", await soon(page, () => !location.search.includes("environment")));
await page.getByRole("button", { name: "Events", exact: true }).click();
check("a column sorts", (await soon(page, () => location.search.includes("sort=events"))) && (await soon(page, () => document.querySelector("th[aria-sort]")?.textContent.startsWith("Events"))));
await page.selectOption(".toolbar select", "priority");
check("so does the menu", await soon(page, () => location.search.includes("sort=priority")));
await page.goto(at(4441, "/issues?query=zzzz&environment=staging&range=1h"));
await page.waitForSelector(".empty");
await page.screenshot({ path: `${out}list-none.png` });
check("nothing found says by what", (await page.innerText(".empty")).includes("zzzz") && (await page.innerText(".empty")).includes("staging"));
await page.getByRole("button", { name: "Remove the filters" }).click();
check("and the way out", await soon(page, () => !location.search.includes("staging") && location.search.includes("zzzz")));

// Selecting and acting.
page = await open(4441, "/issues");
const start = await ids(page);
for (const key of ["j", "J", "J"]) await page.keyboard.press(key);
check("Shift+j selects on the way", (await page.locator("tr.selected").count()) === 3);
await page.waitForSelector(".bulk");
await page.screenshot({ path: `${out}list-bulk.png` });
await clean(page, "the bulk bar");
await page.getByRole("button", { name: "More ways to resolve" }).click();
await page.waitForSelector("[role=menu]");
await page.screenshot({ path: `${out}list-resolve.png` });
await clean(page, "the resolve menu");
await page.getByRole("menuitem", { name: /In the next release/ }).click();
check("they leave at once", await soon(page, (gone) => gone.every((id) => !document.querySelector(`[data-row="${id}"]`)), start.slice(0, 3)));
check("what was done is said", (await page.innerText(".toast")).includes("3 issues resolved in the next release"));
await page.screenshot({ path: `${out}list-undo.png` });
await clean(page, "undo offered");
await page.locator(".toast .button").click();
check("undo puts them back where they were", await soon(page, (first) => JSON.stringify([...document.querySelectorAll("tr[data-row]")].slice(0, 5).map((row) => row.dataset.row)) === JSON.stringify(first), start.slice(0, 5)), (await ids(page)).slice(0, 5).join(" "));
await page.reload();
await page.waitForSelector("tr[data-row]");
check("on the server, too", JSON.stringify((await ids(page)).slice(0, 5)) === JSON.stringify(start.slice(0, 5)));
await page.keyboard.press("j");
await page.keyboard.press("e");
check("e resolves the row and goes on to the next", await soon(page, ([gone, next]) => !document.querySelector(`[data-row="${gone}"]`) && document.querySelector("tr.current")?.dataset.row === next && document.activeElement?.closest("tr")?.dataset.row === next, [start[0], start[1]]));
await page.keyboard.press("m");
check("m ignores", await soon(page, (gone) => !document.querySelector(`[data-row="${gone}"]`), start[1]));
await page.keyboard.press("z");
check("z undoes", await soon(page, (back) => document.querySelector(`[data-row="${back}"]`), start[1]));
await page.keyboard.press("z");
check("one after the other", await soon(page, (back) => document.querySelector("tr[data-row]")?.dataset.row === back, start[0]));
await page.keyboard.press("e");
await soon(page, (gone) => !document.querySelector(`[data-row="${gone}"]`), start[0]);
await page.locator(".tabs a", { hasText: "Resolved" }).click();
await soon(page, (id) => document.querySelector(`[data-row="${id}"]`), start[0]);
await page.keyboard.press("z");
check("what is undone leaves the list one has gone to", await soon(page, (id) => document.querySelectorAll("tr[data-row]").length > 0 && !document.querySelector(`[data-row="${id}"]`), start[0]));
await page.locator(".tabs a", { hasText: "Open" }).click();
check("and is back where it was", await soon(page, (id) => document.querySelector("tr[data-row]")?.dataset.row === id, start[0]));
await page.keyboard.press("/");
await page.keyboard.type("emu");
check("keys are safe in the field", (await page.locator(`[data-row="${start[0]}"]`).count()) === 1);
await page.keyboard.press("Escape");
await page.keyboard.press("Escape");
await page.keyboard.press("Escape");
await page.goto(at(4441, "/issues"));
await page.waitForSelector("tr[data-row]");
await page.keyboard.press("j");
await page.keyboard.press("a");
await page.waitForSelector(".popover.people");
await page.getByRole("button", { name: "Me…" }).click();
await page.locator(".who-field input").fill("Eva");
await page.screenshot({ path: `${out}list-who.png` });
await clean(page, "who are you");
await page.keyboard.press("Enter");
check("a names who looks at it, and asks once", await soon(page, (id) => document.querySelector(`[data-row="${id}"] .assignee`)?.textContent.includes("Eva"), start[0]));
check("the name is kept", (await page.evaluate(() => localStorage.getItem("trapline.who"))) === "Eva");
await page.locator(".bulk [aria-label='More actions']").click();
await page.getByRole("menuitem", { name: "Delete and discard what comes…" }).click();
await page.waitForSelector("dialog[open]");
await page.screenshot({ path: `${out}list-discard.png` });
await clean(page, "the question before a delete");
check("the way out has the focus", (await page.evaluate(() => document.activeElement?.textContent)) === "Cancel");
await page.keyboard.press("Escape");
check("Escape is no", (await page.locator("dialog[open]").count()) === 0 && (await page.locator(`[data-row="${start[0]}"]`).count()) === 1);
await page.keyboard.press("Escape");
await page.locator(`[data-row="${start[1]}"] input`).click();
await page.locator(`[data-row="${start[4]}"] input`).click({ modifiers: ["Shift"] });
check("Shift and a press select a range", (await page.locator("tr.selected").count()) === 4);
await page.locator(".bulk [aria-label='More actions']").click();
await page.getByRole("menuitem", { name: "Merge…" }).click();
await page.waitForSelector("dialog[open] .merge-rows");
await page.screenshot({ path: `${out}list-merge.png` });
await clean(page, "the question before a merge");
await page.keyboard.press("Escape");

// Ten thousand.
page = await open(4442, "/issues?query=");
const total = await page.locator("table.issues").getAttribute("aria-rowcount");
check("the table says how long it is", Number(total) > 10_000, total);
const cdp = await page.context().newCDPSession(page);
// Time of the processor, not of the clock: other work on the machine does not count.
await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
const busy = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
const FRAMES = 240;
const scrolled = async (px) => {
  const before = await busy();
  const seen = await page.evaluate(
    async ([px, frames]) => {
      const times = [];
      let last = performance.now();
      let nodes = 0;
      for (let i = 0; i < frames; i++) {
        scrollBy(0, px);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
        if (i % 8 === 0) nodes = Math.max(nodes, document.querySelectorAll("*").length);
      }
      times.sort((a, b) => a - b);
      return { median: times[frames / 2], p95: times[Math.floor(frames * 0.95)], nodes, top: scrollY, rows: document.querySelectorAll("tr[data-row]").length };
    },
    [px, FRAMES],
  );
  const after = await busy();
  return { ...seen, busyMs: ((after.TaskDuration - before.TaskDuration) * 1000) / FRAMES, scriptMs: ((after.ScriptDuration - before.ScriptDuration) * 1000) / FRAMES, layoutMs: ((after.LayoutDuration - before.LayoutDuration) * 1000) / FRAMES };
};
const scroll = await scrolled(200);
check("scrolling stays smooth and small", scroll.busyMs < 30 && scroll.nodes < 2500, JSON.stringify(scroll));
// To the end, page by page.
for (let i = 0; i < 400 && !(await page.evaluate(() => document.querySelector(".list-end")?.textContent.includes("of"))); i++) await page.waitForTimeout(20);
for (let i = 0; i < 300; i++) {
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.waitForTimeout(25);
  if (await page.evaluate(() => !document.querySelector(".list-end button") && document.querySelector("tr[data-row]:last-of-type"))) break;
}
const end = await page.evaluate(() => ({ shown: document.querySelector(".list-end")?.textContent, nodes: document.querySelectorAll("*").length, index: Math.max(...[...document.querySelectorAll("tr[data-row]")].map((row) => Number(row.getAttribute("aria-rowindex")))) }));
check("the end is reached", end.index === Number(total), JSON.stringify(end));
const far = await scrolled(-200);
check("also among all of them", far.busyMs < 30 && far.nodes < 2500 && far.rows > 10, JSON.stringify(far));
await page.keyboard.press("Control+f");
check("the browser's find is told apart", await soon(page, () => document.querySelector(".partial")?.textContent.includes("find sees only")));
await page.keyboard.press("Escape");
const there = await page.evaluate(() => {
  const row = [...document.querySelectorAll("tr[data-row]")].find((one) => one.getBoundingClientRect().top > 200);
  return { id: row.dataset.row, top: Math.round(row.getBoundingClientRect().top) };
});
await page.locator(`[data-row="${there.id}"] input`).click();
const place = await page.evaluate(() => scrollY);
await page.locator(`[data-row="${there.id}"] .row-link`).click({ position: { x: 5, y: 5 } });
await soon(page, (id) => location.pathname.endsWith(id), there.id);
await page.goBack();
check("Back finds the place and what was selected", await soon(page, ([top, id]) => Math.abs(scrollY - top) < 3 && document.querySelector(`[data-row="${id}"]`)?.classList.contains("selected"), [place, there.id]), `${await page.evaluate(() => scrollY)} of ${place}`);
page = await open(4442, "/issues?query=");
await page.getByRole("checkbox", { name: "Select all that are loaded" }).click();
await page.locator(".bulk .link").click();
check("all that match, a thousand at most", await soon(page, () => /1.000 selected.*at most/s.test(document.querySelector(".bulk-count")?.textContent ?? "")), await page.innerText(".bulk-count"));
await page.screenshot({ path: `${out}list-all.png` });
for (const key of ["ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
await page.locator(".bulk button", { hasText: "Ignore" }).first().click();
check("a thousand are ignored at once", await soon(page, () => document.querySelector(".toast")?.textContent.includes("ignored")), await page.innerText(".toast"));

// What comes in: drawn while nobody is at the list, else counted.
page = await open(4443, "/issues");
check("new rows are drawn while nobody is at the list", await soon(page, () => document.querySelector("tr[data-row]")?.textContent.includes("KeyError")));
await page.locator("tr[data-row]").nth(3).hover();
const pointed = await page.locator("tr[data-row]").nth(3).getAttribute("data-row");
check("under the pointer they wait", await page.waitForSelector(".new-bar", { timeout: 6000 }).then(() => true, () => false));
check("and nothing moves", (await page.locator("tr[data-row]").nth(3).getAttribute("data-row")) === pointed);
await page.screenshot({ path: `${out}list-news.png` });
await clean(page, "news wait");
await page.keyboard.press(".");
check(". shows them", await soon(page, (row) => document.querySelectorAll("tr[data-row]")[3]?.dataset.row !== row && !document.querySelector(".new-bar"), pointed));
await page.close();

// Narrow.
for (const width of [1920, 1024, 800, 390, 320]) {
  for (const colorScheme of ["light", "dark"]) {
    const narrow = await open(4441, "/issues?query=", { viewport: { width, height: 800 }, colorScheme });
    await narrow.waitForTimeout(200);
    const wide = await narrow.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    const heights = await narrow.locator("tr[data-row]").evaluateAll((rows) => [...new Set(rows.map((row) => Math.round(row.getBoundingClientRect().height)))]);
    check(`${width} px, ${colorScheme}: nothing sideways, rows of one height`, wide <= 0 && heights.length === 1, `${wide} px, ${heights.join("/")}`);
    await narrow.screenshot({ path: `${out}list-${width}-${colorScheme}.png` });
    await clean(narrow, `${width} px, ${colorScheme}`);
    if (width < 700) {
      await narrow.locator("tr[data-row] input").first().click();
      await narrow.waitForSelector(".bulk");
      await narrow.waitForTimeout(100);
      await narrow.screenshot({ path: `${out}list-bulk-${width}-${colorScheme}.png` });
      check(`${width} px: the bar fits`, (await narrow.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
    }
    await narrow.close();
  }
}

await browser.close();
for (const server of servers) server.kill();
console.log(failures === 0 ? "the list is fine" : `${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
