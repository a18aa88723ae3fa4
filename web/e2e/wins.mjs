// What is done with an event and how one moves about: copies (also where the browser forbids them), editor links, replay,
// palette, keys and their table, live links in nine tabs, after a restart and without shared workers. Starts its own mock
// servers; `node e2e/wins.mjs [name filter]`.

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const out = new URL("./out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const only = process.argv[2] ?? "";
const mock = new URL("../dev/mock.mjs", import.meta.url).pathname;
const PORT = Number(process.env.PORT ?? 4471);
let servers = [];
const start = (port, env = {}) => {
  const server = spawn(process.execPath, [mock, String(port)], { env: { ...process.env, ...env }, stdio: "ignore" });
  servers.push(server);
  return server;
};
process.on("exit", () => servers.forEach((server) => server.kill()));
const base = `http://127.0.0.1:${PORT}`;
const liveBase = `http://127.0.0.1:${PORT + 1}`;
const up = async (url) => {
  for (let i = 0; i < 80; i++) if (await fetch(url).then(() => true, () => new Promise((done) => setTimeout(() => done(false), 100)))) return;
};
start(PORT);
let live = start(PORT + 1, { LIVE: "1" });
await up(base);
await up(liveBase);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let failures = 0;
const check = (what, isTrue, detail = "") => {
  if (!isTrue) failures += 1;
  console.log(`${isTrue ? "ok  " : "FAIL"} ${what} ${detail}`);
};
const soon = (page, test, arg, timeout = 4000) => page.waitForFunction(test, arg, { timeout }).then(() => true, () => false);
const open = async (url, context) => {
  const page = await context.newPage();
  page.on("pageerror", (error) => check(`no error on ${url}`, false, error.message));
  page.on("console", (message) => message.type() === "error" && !message.text().includes("404") && !message.text().includes("ERR_CONNECTION_REFUSED") && !message.text().includes("ERR_INCOMPLETE_CHUNKED") && check(`no complaint on ${url}`, false, message.text()));
  await page.goto(url);
  await page.waitForSelector("h1");
  return page;
};
const wide = { viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" };
const pressed = async (page, keys) => {
  for (const key of keys) await page.keyboard.press(key);
};

const parts = {
  async copies() {
    const context = await browser.newContext({ ...wide, permissions: ["clipboard-read", "clipboard-write"] });
    const page = await open(`${base}/issues/SHOP-1`, context);
    await page.waitForSelector(".event-bar");
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    const copies = async (keys, what, test) => {
      await page.evaluate(() => navigator.clipboard.writeText("nothing yet"));
      await pressed(page, keys);
      for (let i = 0; i < 30 && (await clipboard()) === "nothing yet"; i++) await page.waitForTimeout(100);
      const text = await clipboard();
      check(what, test(text), test(text) ? "" : text.slice(0, 200));
    };
    await page.keyboard.press("c");
    await page.waitForSelector("[role=menu]");
    await page.screenshot({ path: `${out}wins-copy-menu.png` });
    await page.keyboard.press("x");
    check("a letter of no item does nothing", (await page.locator("[role=menu]").count()) === 1);
    await page.keyboard.press("Escape");
    await copies(["c", "m"], "c m copies Markdown", (text) => text.startsWith("# ValueError") && text.includes("## Traceback"));
    await copies(["c", "t"], "c t copies the traceback", (text) => text.startsWith("Traceback (most recent call last):") && text.includes("direct cause") && text.endsWith("ValueError: Invalid voucher BF26"));
    await copies(["c", "c"], "c c copies curl", (text) => text.includes("curl \\\n  'https://shop.example.com/checkout/42/"));
    await copies(["c", "j"], "c j copies JSON", (text) => JSON.parse(text).short_id === "SHOP-1");
    await copies(["c", "l"], "c l copies the link", (text) => /\/issues\/SHOP-1\/events\/[0-9a-f]{32}$/.test(text));
    check("the focus is back on the button", await page.evaluate(() => document.activeElement?.getAttribute("aria-haspopup") === "menu"));
    await pressed(page, ["c", "a"]);
    await page.waitForSelector(".brief .copy-preview");
    await page.waitForTimeout(400);
    const preview = () => page.locator(".brief .copy-preview").inputValue();
    check("the brief hides who it was", !(await preview()).includes("@example.com") && (await preview()).includes("<email 1>"));
    await page.screenshot({ path: `${out}wins-brief.png` });
    await page.locator(".brief-replaced summary").click();
    await page.screenshot({ path: `${out}wins-brief-replaced.png` });
    await page.getByLabel("Replace personal data and secrets").uncheck();
    check("and shows it when told to", (await preview()).includes("@example.com"));
    await page.getByLabel("Replace personal data and secrets").check();
    const before = (await preview()).length;
    await page.getByLabel("Local variables", { exact: false }).first().uncheck();
    check("a section left out makes it smaller", (await preview()).length < before);
    const shown = await preview();
    await page.locator(".brief").getByRole("button", { name: "Copy", exact: true }).click();
    await page.waitForTimeout(200);
    check("what is copied is what is shown", (await clipboard()).replaceAll("\r\n", "\n") === shown);
    await page.keyboard.press("Escape");
    check("Escape closes it", await soon(page, () => !document.querySelector("dialog[open]")));
    await context.close();
  },

  // http:// on another host than localhost is no secure context: browsers hide the clipboard there.
  async insecure() {
    for (const canExecute of [true, false]) {
      const context = await browser.newContext(wide);
      await context.addInitScript((can) => {
        Object.defineProperty(navigator, "clipboard", { value: undefined });
        globalThis.copiedTexts = [];
        const own = document.execCommand.bind(document);
        document.execCommand = (name) => {
          const done = can && own(name);
          return can ? done : true;
        };
        addEventListener("copy", (event) => globalThis.copiedTexts.push(event.clipboardData.getData("text/plain")));
      }, canExecute);
      const page = await open(`${base}/issues/SHOP-1`, context);
      await page.waitForSelector(".event-bar");
      await pressed(page, ["c", "t"]);
      if (canExecute) {
        check("without a clipboard the old way copies", await soon(page, () => globalThis.copiedTexts.some((text) => text.startsWith("Traceback"))));
        await pressed(page, ["c", "a"]);
        await page.waitForSelector(".brief .copy-preview");
        await page.locator(".brief").getByRole("button", { name: "Copy", exact: true }).click();
        check("also from within a dialog", await soon(page, () => globalThis.copiedTexts.some((text) => text.startsWith("An error in a"))));
      } else {
        await page.waitForSelector(".copy-dialog textarea");
        check("what cannot be copied is shown and selected", await soon(page, () => {
          const area = document.querySelector(".copy-dialog textarea");
          return document.activeElement === area && area.value.startsWith("Traceback") && area.selectionEnd - area.selectionStart === area.value.length;
        }));
        await page.screenshot({ path: `${out}wins-uncopied.png` });
        await page.keyboard.press("Escape");
        check("and goes away", await soon(page, () => !document.querySelector("dialog[open]")));
        check("the keys work again", (await pressed(page, ["?"]), await soon(page, () => document.querySelector("dialog.help[open]"))));
      }
      await context.close();
    }
  },

  async editor() {
    const context = await browser.newContext(wide);
    let page = await open(`${base}/issues/SHOP-1`, context);
    await page.waitForSelector(".editor-link");
    check("without an editor the link leads to its choice", (await page.locator(".frame.is-crash .editor-link").getAttribute("href"))?.startsWith("/settings/browser?try="));
    await page.keyboard.press("Escape");
    await page.keyboard.press("Shift+E");
    check("and so does E", await soon(page, () => location.pathname === "/settings/browser" && location.hash === "#editor"));
    await page.waitForSelector("#editor select");
    await page.selectOption("#editor select", "vscode");
    await page.getByRole("button", { name: "Add a rule" }).click();
    await page.locator(".path-rules input").nth(0).fill("/app/");
    await page.locator(".path-rules input").nth(1).fill("/home/me/shop/");
    await page.screenshot({ path: `${out}wins-editor.png` });
    const tried = await page.locator(".editor-try a.button").getAttribute("href");
    check("the try shows where it leads", tried === "vscode://file/home/me/shop/shop/cart.py:35:1", tried);
    await page.selectOption("#editor select", "custom");
    await page.locator("#editor-template").fill("javascript:alert({path})");
    check("no template of one's own is a script", (await page.locator(".editor-try a.button").count()) === 0 && (await page.locator("#editor-template-problem").innerText()).includes("javascript"));
    await page.screenshot({ path: `${out}wins-editor-custom.png` });
    await page.selectOption("#editor select", "vscode");
    page = await open(`${base}/issues/SHOP-7`, context);
    await page.waitForSelector(".frame");
    const hrefs = await page.locator(".editor-link").evaluateAll((links) => links.map((link) => link.href));
    check("hostile names of files make no other scheme", hrefs.every((href) => href.startsWith("vscode://file/") || href.startsWith("http://127.0.0.1")), hrefs.join(" "));
    page = await open(`${base}/issues/SHOP-1`, context);
    await page.waitForSelector(".frame.is-crash .editor-link");
    check("the frame's link is the mapped one", (await page.locator(".frame.is-crash .editor-link").getAttribute("href")) === "vscode://file/home/me/shop/shop/cart.py:35:1");
    await context.close();
  },

  async replay() {
    const context = await browser.newContext(wide);
    const page = await open(`${base}/issues/SHOP-1`, context);
    await page.waitForSelector("#request");
    for (const name of ["curl", "HTTPie", "Django test client", "Python requests"]) {
      await page.locator("#request").getByRole("button", { name: "Replay as" }).click();
      await page.getByRole("menuitem", { name }).click();
      await page.waitForSelector(".replay-panel h3");
      check(`replays as ${name}`, (await page.locator(".replay-panel h3").innerText()) === `As ${name}`);
      await page.locator(".replay-panel").scrollIntoViewIfNeeded();
      await page.screenshot({ path: `${out}wins-replay-${name.split(" ")[0]}.png` });
    }
    await context.close();
  },

  async palette() {
    const context = await browser.newContext(wide);
    const page = await open(`${base}/issues/SHOP-1`, context);
    await page.waitForSelector(".event-bar");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.waitForSelector(".palette-row");
    await page.screenshot({ path: `${out}wins-palette.png` });
    check("the field is a combobox that points at its choice", await page.evaluate(() => {
      const input = document.querySelector(".palette [role=combobox]");
      return document.activeElement === input && document.getElementById(input.getAttribute("aria-activedescendant"))?.getAttribute("aria-selected") === "true";
    }));
    await page.keyboard.type("perf");
    await page.keyboard.press("Enter");
    check("a few letters go to a screen", await soon(page, () => location.pathname === "/performance"));
    await page.keyboard.press("Control+k");
    await page.waitForSelector(".palette-row");
    check("what was seen last is offered", (await page.locator(".palette-list").innerText()).includes("SHOP-1 ValueError"));
    const { issues } = await (await fetch(`${base}/api/ui/issues`)).json();
    const event = await (await fetch(`${base}/api/ui/issues/${issues[0].short_id}/events/latest`)).json();
    await page.keyboard.insertText(event.event_id.toUpperCase().replace(/^(.{8})(.{4})/, "$1-$2-"));
    await page.waitForSelector(".palette-note");
    await soon(page, () => document.querySelector(".palette-note")?.textContent.startsWith("event of"));
    await page.screenshot({ path: `${out}wins-palette-id.png` });
    await page.keyboard.press("Enter");
    check("an id that is pasted leads to its event", await soon(page, (id) => location.pathname.endsWith(id), event.event_id));
    const { traces } = await (await fetch(`${base}/api/ui/traces?kind=all`)).json();
    const trace = await (await fetch(`${base}/api/ui/traces/${traces[0].trace_id}`)).json();
    await page.keyboard.press("Control+k");
    await page.waitForSelector(".palette-row");
    await page.keyboard.insertText(trace.spans.span_id[2]);
    await soon(page, () => document.querySelector(".palette-note")?.textContent === "span");
    await page.keyboard.press("Enter");
    check("so does the id of a span", await soon(page, (id) => location.search === `?span=${id}`, trace.spans.span_id[2]));
    await page.goto(`${base}/s/${trace.spans.span_id[1].toUpperCase()}`);
    check("/s/<span> redirects", await soon(page, (id) => location.search === `?span=${id}`, trace.spans.span_id[1]));
    await page.keyboard.press("Control+k");
    await page.waitForSelector(".palette-row");
    await page.keyboard.press("Control+k");
    check("Ctrl+K closes it again", await soon(page, () => !document.querySelector("dialog[open]")));
    await page.keyboard.press("Control+k");
    await page.keyboard.type("theme");
    await page.keyboard.press("Enter");
    check("actions run from it", await soon(page, () => document.documentElement.dataset.theme === "dark"));
    await context.close();
  },

  // K1: the table of keys is what is answered; off is off; typing is safe; other keys for an action.
  async keys() {
    const context = await browser.newContext(wide);
    const page = await open(`${base}/issues/SHOP-1`, context);
    await page.waitForSelector(".event-bar");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog.help[open] .help-grid");
    const help = await page.locator("dialog.help[open]").evaluate((dialog) => dialog.scrollHeight - dialog.clientHeight);
    check("the help fits a window of 1280 by 800", help <= 0, `${help} px too high`);
    await page.screenshot({ path: `${out}wins-help.png` });
    await page.keyboard.press("Escape");
    await page.goto(`${base}/settings/browser#shortcuts`);
    await page.waitForSelector("#shortcuts");
    await page.locator(".shortcuts summary").click();
    const cap = page.getByRole("button", { name: /^Copy menu: c/ });
    await cap.click();
    await page.keyboard.press("w");
    check("a key that is taken is refused", await soon(page, () => document.querySelector(".shortcut [role=alert]")?.textContent.includes("Open the trace")));
    await cap.click();
    await page.keyboard.press("y");
    await soon(page, () => localStorage.getItem("trapline.keymap")?.includes('"y"'), null, 2000);
    await page.screenshot({ path: `${out}wins-shortcuts.png`, fullPage: true });
    await page.goto(`${base}/issues/SHOP-1`);
    await page.waitForSelector(".event-bar");
    await page.keyboard.press("c");
    await page.waitForTimeout(150);
    check("the old key is free", (await page.locator("[role=menu]").count()) === 0);
    await page.keyboard.press("y");
    check("the new one works", (await page.waitForSelector("[role=menu]", { timeout: 2000 }).then(() => true, () => false)));
    await page.keyboard.press("Escape");
    await page.evaluate(() => localStorage.setItem("trapline.keys", "off"));
    await page.reload();
    await page.waitForSelector(".event-bar");
    await pressed(page, ["y", "g", "t", "t", "?"]);
    await page.waitForTimeout(300);
    check("off is off", (await page.evaluate(() => location.pathname)) === "/issues/SHOP-1" && (await page.locator("[role=menu], dialog[open]").count()) === 0);
    await page.keyboard.press("Control+k");
    check("but Ctrl+K works", (await page.waitForSelector(".palette[open]", { timeout: 3000 }).then(() => true, () => false)));
    await context.close();
  },

  async settings() {
    const context = await browser.newContext(wide);
    const page = await open(`${base}/settings/browser`, context);
    await page.screenshot({ path: `${out}wins-settings.png`, fullPage: true });
    await page.getByLabel("Compact").check();
    await page.getByLabel("Dark", { exact: true }).check();
    await page.locator(".set-input.you").fill("  Ada   Lovelace ");
    await page.keyboard.press("Enter");
    await page.screenshot({ path: `${out}wins-settings-dark.png`, fullPage: true });
    await page.goto(`${base}/issues`);
    await page.waitForSelector("tr[data-row]");
    const compact = await page.locator("tr[data-row]").first().evaluate((row) => row.getBoundingClientRect().height);
    await page.screenshot({ path: `${out}wins-compact.png` });
    check("the name is kept as a name", (await page.evaluate(() => localStorage.getItem("trapline.who"))) === "Ada Lovelace");
    await page.evaluate(() => localStorage.setItem("trapline.density", "comfortable"));
    await page.reload();
    await page.waitForSelector("tr[data-row]");
    const roomy = await page.locator("tr[data-row]").first().evaluate((row) => row.getBoundingClientRect().height);
    check("density changes rows", compact < 45 && roomy >= 50, `${compact} ${roomy}`);
    await page.goto(`${base}/settings/about`);
    await page.waitForSelector("h1");
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${out}wins-about.png` });
    await page.goto(`${base}/settings`);
    await page.waitForSelector("#project");
    await page.screenshot({ path: `${out}wins-settings-project.png` });
    await context.close();
  },

  // L2, L3: nine tabs, a restart, a pause, and browsers without shared workers.
  async live() {
    for (const kind of ["shared", "locks", "own"]) {
      const context = await browser.newContext(wide);
      if (kind !== "shared") await context.addInitScript(() => delete globalThis.SharedWorker);
      if (kind === "own") await context.addInitScript(() => delete Object.getPrototypeOf(navigator).locks);
      const pages = [];
      const tabs = kind === "own" ? 2 : 9;
      for (let i = 0; i < tabs; i++) pages.push(await open(`${liveBase}/ingest`, context));
      const last = pages.at(-1);
      check(`${kind}: ${tabs} tabs load`, await soon(last, () => document.querySelector(".live-open"), null, 8000));
      const grows = (page) => page.locator(".ledger tbody").count().then((n) => soon(page, (m) => document.querySelectorAll(".ledger tbody").length > m, n, 8000));
      check(`${kind}: the first and the last grow`, (await Promise.all([grows(pages[0]), grows(last)])).every(Boolean));
      if (kind === "locks") {
        await pages[0].close();
        check("locks: the next tab leads when the first one closes", await grows(last));
      }
      if (kind === "shared") {
        const ids = (page) => page.locator(".ledger tbody .l-time").count();
        live.kill();
        check("a lost link is said", await soon(last, () => document.querySelector(".stale")?.textContent.includes("data as of"), null, 8000));
        await last.screenshot({ path: `${out}wins-stale.png` });
        live = start(PORT + 1, { LIVE: "1" });
        check("and comes back by itself", await soon(last, () => document.querySelector(".live-open") && !document.querySelector(".stale"), null, 12_000));
        // The restarted one knows nothing of the rows before: they are read again first.
        await last.waitForTimeout(1000);
        check("then rows come again", await grows(last));
        await last.keyboard.press("Shift+P");
        await last.waitForSelector(".live-paused");
        const held = await ids(last);
        await last.waitForTimeout(4500);
        check("a paused screen stands still", (await ids(last)) === held);
        await last.screenshot({ path: `${out}wins-paused.png` });
        await last.reload();
        check("also after it is loaded again", await soon(last, () => document.querySelector(".live-paused")));
        const other = await open(`${liveBase}/issues`, context);
        check("and no other screen does", await soon(other, () => document.querySelector(".live-open")));
        await last.keyboard.press("Shift+P");
        check("what was missed is there when it goes on", await soon(last, (n) => document.querySelectorAll(".ledger tbody .l-time").length > n, held));
      }
      await context.close();
    }
  },

  async prefetch() {
    const context = await browser.newContext(wide);
    const page = await open(`${base}/issues`, context);
    await page.waitForSelector("tr[data-row]");
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    const link = page.locator("tr[data-row=SHOP-2] a").first();
    await link.hover();
    await page.waitForTimeout(200);
    check("hovering asks for nothing", !asked.some((path) => path.includes("SHOP-2")));
    await page.mouse.down();
    await page.waitForTimeout(200);
    check("the press asks ahead", asked.filter((path) => path.includes("SHOP-2")).length === 2, asked.join(" "));
    await page.mouse.up();
    await page.waitForSelector(".event-bar");
    await page.waitForTimeout(600);
    const before = asked.length;
    const took = await page.evaluate(async () => {
      const id = () => document.querySelector(".event-id .mono")?.textContent;
      const old = id();
      const began = performance.now();
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "[", bubbles: true }));
      while (id() === old && performance.now() - began < 3000) await new Promise((done) => setTimeout(done, 0));
      return performance.now() - began;
    });
    check("a neighbour is drawn from memory", took < 200, `${took.toFixed(0)} ms, ${asked.slice(before).length} requests since`);
    await context.close();
  },
};

for (const [name, part] of Object.entries(parts)) {
  if (!name.includes(only)) continue;
  console.log(`-- ${name}`);
  await part().catch((error) => check(name, false, error.message.split("\n").slice(0, 3).join(" | ")));
}
await browser.close();
for (const server of servers) server.kill();
console.log(failures === 0 ? "all fine" : `${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
