// The help table is the list of checks: every key it names is pressed where it says it works, by nothing but the
// keyboard, and must do what it says. A line of the table without a check here fails, and so does a check without a line.

import { bigTrace, errorEvent, eventId, hex, sendError, sendLogs, sendSpans } from "../lib/send.mjs";
import { fill } from "../lib/data.mjs";
import { settled } from "../lib/screens.mjs";

export const title = "the keyboard: every key of the help table";

const TRACE = hex(0x6e45, 32);
/** Three events with variables, library frames and a trace of their own kind. */
const KIND = 300;
/** Keys as the table writes them, where the browser has other names. */
const NAMES = { Esc: "Escape", "Ctrl+K": "Control+k" };

export async function run({ server, browser, watchPage, report, filter }) {
  const now = Date.now();
  await fill(server, now);
  await sendSpans(server, [...bigTrace(TRACE, 40, now - 30_000), failed(TRACE, 900, now - 29_000), failed(TRACE, 901, now - 28_500)]);
  for (const at of [0, 1, 2]) await sendError(server, errorEvent(500 + at, { kind: KIND, at: now / 1000 - 30 + at * 10, contexts: { trace: { trace_id: TRACE, span_id: hex(2, 16) } }, breadcrumbs: { values: [{ timestamp: now / 1000 - 40, category: "query", message: "SELECT 1" }] } }));
  const { issues } = await (await fetch(`${server.base}/api/ui/issues?query=${encodeURIComponent("transaction:/checkout/20/ views_300")}`)).json();
  const found = issues.find((issue) => issue.title.includes(`kind ${KIND}`)) ?? (await (await fetch(`${server.base}/api/ui/issues?query=${encodeURIComponent(`"of kind ${KIND}"`)}`)).json()).issues[0];
  const issuePath = `/issues/${found.short_id}`;

  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light", reducedMotion: "reduce", locale: "en-GB" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.base });
  const complaints = await watchPage(context, server);
  const page = await context.newPage();
  const at = async (path) => {
    await page.goto(server.base + path);
    await settled(page);
    await page.waitForTimeout(150);
  };
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(NAMES[key] ?? key);
  };
  const soon = (what, arg) => page.waitForFunction(what, arg, { timeout: 6000 }).then(() => true, () => false);
  const path = (wanted) => soon((text) => new RegExp(`^${text}$`, "u").test(location.pathname + location.search), wanted);
  const row = () => page.evaluate(() => document.querySelector("tr.current")?.dataset.row ?? null);
  const rowIs = (id) => soon((wanted) => (document.querySelector("tr.current")?.dataset.row ?? null) === wanted, id);
  const rows = () => page.locator("tr[data-row]").evaluateAll((all) => all.map((one) => one.dataset.row));
  const has = (selector) => soon((text) => document.querySelector(text) !== null, selector);
  const gone = (selector) => soon((text) => document.querySelector(text) === null, selector);
  const shows = (words) => soon((text) => document.body.innerText.includes(text), words);
  const stateOf = (id) => fetch(`${server.base}/api/ui/issues/${id}`).then((answer) => answer.json()).then(({ issue }) => issue.status);
  const stateIs = async (id, wanted) => {
    for (let tries = 0; tries < 60; tries++, await page.waitForTimeout(100)) if ((await stateOf(id)) === wanted) return true;
    return false;
  };
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  const copies = async (keys, isRight) => {
    await page.evaluate(() => navigator.clipboard.writeText(""));
    await press(...keys);
    for (let tries = 0; tries < 40; tries++, await page.waitForTimeout(100)) if (isRight(await clipboard())) return true;
    return false;
  };
  const eventIs = (number) => soon((id) => document.querySelector(".event-id .mono")?.title === id, eventId(number));
  const onEvent = (which) => at(`${issuePath}/events/${which}`);
  const goesTo = (pathname) => async (keys) => {
    await at(pathname === "/issues" ? "/traces" : "/issues");
    await press(...keys);
    return path(`${pathname}(\\?.*)?`);
  };
  const span = () => page.evaluate(() => document.querySelector(".wf-row.current")?.dataset.key ?? null);
  const spanMoves = async (keys) => {
    const before = await span();
    await press(...keys);
    return soon((old) => (document.querySelector(".wf-row.current")?.dataset.key ?? null) !== old, before);
  };
  const onTrace = async () => {
    await at(`/traces/${TRACE}`);
    await has(".wf-row");
  };
  const wfRows = () => page.locator(".wf-row").count();
  const firstTwo = async () => {
    await at("/issues");
    await press("j");
    return rows();
  };

  const checks = {
    Everywhere: {
      "Go anywhere, do anything, find an id": async (keys) => (await at("/issues"), await press(...keys), has("dialog.palette[open]")),
      "This help": async (keys) => (await at("/issues"), await press(...keys), has("dialog.help[open]")),
      "Search or find on this page": async (keys) => (await at("/issues"), await press(...keys), soon(() => /^(INPUT|TEXTAREA)$/u.test(document.activeElement?.tagName ?? "") || document.activeElement?.getAttribute("role") === "combobox")),
      "Go to issues": goesTo("/issues"), "Go to traces": goesTo("/traces"), "Go to performance": goesTo("/performance"), "Go to logs": goesTo("/logs"), "Go to metrics": goesTo("/metrics"), "Go to monitors": goesTo("/monitors"),
      "Go to releases": goesTo("/releases"), "Go to feedback": goesTo("/feedback"), "Go to ingest": goesTo("/ingest"), "Go to storage": goesTo("/storage"), "Go to settings": goesTo("/settings"), "Go to setup": goesTo("/welcome"),
      "Theme: light, dark, as the system": async (keys) => {
        await at("/issues");
        const seen = new Set();
        for (let times = 0; times < 3; times++) {
          seen.add(await page.evaluate(() => document.documentElement.dataset.theme ?? "system"));
          await press(...keys);
        }
        return seen.size === 3 && seen.has("light") && seen.has("dark");
      },
      "Pause or resume live updates": async (keys) => (await at("/issues"), await press(...keys), (await has(".live-paused")) && (await press(...keys), gone(".live-paused"))),
    },
    Lists: {
      "Next row": async (keys) => (await at("/issues"), await press(...keys, ...keys), rowIs((await rows())[1])),
      "Previous row": async (keys) => (await at("/issues"), await press("j", "j", ...keys), rowIs((await rows())[0])),
      "Open the row": async (keys) => { const [first] = await firstTwo(); await press(...keys); return path(`/issues/${first}.*`); },
      "Open the row in a new tab": async (keys) => {
        const [first] = await firstTwo();
        const [tab] = await Promise.all([context.waitForEvent("page"), press(...keys)]);
        const isRight = new URL(tab.url() === "about:blank" ? await tab.waitForURL(/issues/u).then(() => tab.url()) : tab.url()).pathname.startsWith(`/issues/${first}`);
        await tab.close();
        return isRight;
      },
      "Show what is new": async (keys) => {
        await at("/issues");
        await page.locator("tr[data-row]").first().hover();
        await sendError(server, errorEvent(600, { kind: 400 }));
        if (!(await has(".new-bar"))) return false;
        await press(...keys);
        return shows("of kind 400");
      },
    },
    "Issues in the list": {
      "Select the row": async (keys) => (await firstTwo(), await press(...keys), soon(() => document.querySelectorAll("tr[data-row] input:checked").length === 1)),
      "Select to the next row": async (keys) => (await firstTwo(), await press("x", ...keys), soon(() => document.querySelectorAll("tr[data-row] input:checked").length === 2)),
      "Select to the previous row": async (keys) => (await firstTwo(), await press("j", "x", ...keys), soon(() => document.querySelectorAll("tr[data-row] input:checked").length === 2)),
      "Select none": async (keys) => (await firstTwo(), await press("x", "J", ...keys), soon(() => document.querySelectorAll("tr[data-row] input:checked").length === 0)),
      Resolve: async (keys) => { const [first] = await firstTwo(); await press(...keys); return stateIs(first, "resolved"); },
      "Undo the last change": async (keys) => { const [first] = await firstTwo(); await press("e"); if (!(await stateIs(first, "resolved"))) return false; await has(".toast"); await press(...keys); return stateIs(first, "unresolved"); },
      Ignore: async (keys) => { const [first] = await firstTwo(); await press(...keys); return stateIs(first, "ignored"); },
      Reopen: async (keys) => { await at("/issues?status=resolved"); await press("j"); const [first] = await rows(); await press(...keys); return stateIs(first, "unresolved"); },
      Assign: async (keys) => (await firstTwo(), await press(...keys), has("dialog[open], [role=menu], .who-field, input:focus")),
    },
    Issue: {
      "Older event": async (keys) => (await onEvent(eventId(502)), await press(...keys), eventIs(501)),
      "Newer event": async (keys) => (await onEvent(eventId(501)), await press(...keys), eventIs(502)),
      "First event": async (keys) => (await onEvent(eventId(502)), await press(...keys), eventIs(500)),
      "Latest event": async (keys) => (await onEvent(eventId(500)), await press(...keys), eventIs(502)),
      "All frames, or only those of your code": async (keys) => (await at(issuePath), await press(...keys), has('.run-head[aria-expanded="true"]')),
      "Local variables on or off": async (keys) => (await at(issuePath), (await has('[role=group][aria-label^="Local variables"]')) && (await press(...keys), gone('[role=group][aria-label^="Local variables"]')) && (await press(...keys), has('[role=group][aria-label^="Local variables"]'))),
      "Copy menu": async (keys) => (await at(issuePath), await press(...keys), has("[role=menu]")),
      "Open the trace": async (keys) => (await at(issuePath), await press(...keys), path(`/traces/${TRACE}.*`)),
      "Jump to a section": async () => {
        await at(issuePath);
        const ids = await page.locator(".event-section").evaluateAll((all) => all.map((section) => section.id));
        for (const [index, id] of ids.slice(0, 8).entries()) {
          await press(String(index + 1));
          if (!(await soon((name) => location.hash === `#${name}` || document.activeElement?.closest("section")?.id === name, id))) return false;
        }
        return ids.length >= 4;
      },
      "Compare with the event before": async (keys) => (await onEvent(eventId(502)), await press(...keys), path(".*diff=.*")),
      Resolve: async (keys) => (await at(issuePath), await press(...keys), stateIs(found.short_id, "resolved")),
      "Undo the last change": async (keys) => (await at(issuePath), await press("m"), (await stateIs(found.short_id, "ignored")) && (await has(".toast"), await press(...keys), stateIs(found.short_id, "unresolved"))),
      Ignore: async (keys) => (await at(issuePath), await press(...keys), stateIs(found.short_id, "ignored")),
      Reopen: async (keys) => (await at(issuePath), await press("e"), await stateIs(found.short_id, "resolved"), await press(...keys), stateIs(found.short_id, "unresolved")),
      Assign: async (keys) => (await at(issuePath), await press(...keys), has("dialog[open], [role=menu], .who-field, input:focus")),
      "Next issue of the list": async (keys) => { const [first, second] = await firstTwo(); await press("Enter"); await path(`/issues/${first}.*`); await settled(page); await press(...keys); return path(`/issues/${second}.*`); },
      "Previous issue of the list": async (keys) => { const [first, second] = await firstTwo(); await press("j", "Enter"); await path(`/issues/${second}.*`); await settled(page); await press(...keys); return path(`/issues/${first}.*`); },
      "Close what was opened": async (keys) => (await onEvent(eventId(502)), await press("d"), (await path(".*diff=.*")) && (await settled(page), await press(...keys), soon(() => !location.search.includes("diff=")))),
      "Open the line in your editor": async (keys) => (await at(issuePath), await press(...keys), path("/settings.*editor.*|/settings/.*")),
    },
    "Copy menu": {
      "Copy as Markdown": async (keys) => (await at(issuePath), copies(keys, (text) => text.includes("##") || text.includes("```"))),
      "Copy for AI": async (keys) => (await at(issuePath), await press(...keys), has("dialog[open]")),
      "Copy the traceback": async (keys) => (await at(issuePath), copies(keys, (text) => text.startsWith("Traceback (most recent call last):"))),
      "Copy as cURL": async (keys) => (await at(issuePath), copies(keys, (text) => text.startsWith("curl "))),
      "Copy as JSON": async (keys) => (await at(issuePath), copies(keys, (text) => text.startsWith("{") && JSON.parse(text) !== null)),
      "Copy the link": async (keys) => (await at(issuePath), copies(keys, (text) => text.startsWith(`${server.base}/issues/`))),
    },
    Setup: { "Copy the snippet": async (keys) => (await at("/welcome"), copies(keys, (text) => text.includes(server.dsn))) },
    Trace: {
      "Next row": async (keys) => (await onTrace(), await press("j"), spanMoves(keys)),
      "Previous row": async (keys) => (await onTrace(), await press("j", "j", "j"), spanMoves(keys)),
      "Close, or to the parent": async (keys) => { await onTrace(); await press("L", "j"); const before = await wfRows(); await press(...keys); return soon((count) => document.querySelectorAll(".wf-row").length < count, before); },
      "Open, or to the first child": async (keys) => { await onTrace(); await press("H"); await page.waitForTimeout(200); const before = await wfRows(); await press("j", "j", ...keys); return soon((count) => document.querySelectorAll(".wf-row").length > count, before); },
      "Close all": async (keys) => { await onTrace(); const before = await wfRows(); await press(...keys); return soon((count) => document.querySelectorAll(".wf-row").length < count, before); },
      "Open all": async (keys) => { await onTrace(); await press("H"); await page.waitForTimeout(200); const before = await wfRows(); await press(...keys); return soon((count) => document.querySelectorAll(".wf-row").length > count, before); },
      "Next match": async (keys) => (await finds(), spanMoves(keys)),
      "Previous match": async (keys) => (await finds(), spanMoves(keys)),
      "Next error": async (keys) => (await onTrace(), await press(...keys), inTrouble()),
      "Previous error": async (keys) => (await onTrace(), await press("e", ...keys), inTrouble()),
      "Zoom in": async (keys) => (await onTrace(), await press("j", ...keys), soon(() => location.search.includes("zoom="))),
      "Zoom out": async (keys) => {
        await onTrace();
        await press("j", "+", "+", "+");
        await soon(() => location.search.includes("zoom="));
        const before = new URL(page.url()).searchParams.get("zoom");
        await press(...keys);
        return soon((old) => new URLSearchParams(location.search).get("zoom") !== old, before);
      },
      "Whole trace": async (keys) => (await onTrace(), await press("j", "+"), await soon(() => location.search.includes("zoom=")), await press(...keys), soon(() => !location.search.includes("zoom="))),
      "Zoom to the span": async (keys) => (await onTrace(), await press("j", "j", ...keys), soon(() => location.search.includes("zoom="))),
      "Critical path": async (keys) => (await onTrace(), await press(...keys), has(".wf-critical")),
      "Copy link to the span": async (keys) => (await onTrace(), await press("j", "j"), copies(keys, (text) => text.startsWith(`${server.base}/traces/${TRACE}?`) && text.includes("span="))),
      "Close the span panel, then clear the find": async (keys) => {
        await onTrace();
        await press("/");
        await page.keyboard.type("SELECT");
        await soon(() => document.querySelectorAll(".wf-row.match").length > 1);
        await press("Enter");
        if (!(await has(".span-panel")) || !(await soon(() => document.activeElement?.tagName !== "INPUT"))) return false;
        await press(...keys);
        if (!(await gone(".span-panel")) || !(await has(".wf-row.match"))) return false;
        await press(...keys);
        return gone(".wf-row.match");
      },
    },
    Logs: {
      "Next log": async (keys) => (await at("/logs"), await press(...keys, ...keys), soon(() => document.querySelectorAll(".current").length > 0)),
      "Previous log": async (keys) => { await at("/logs"); await press("j", "j"); const before = await logRow(); await press(...keys); return soon((old) => (document.querySelector(".current")?.textContent ?? null) !== old, before); },
      "Open or close the log": async (keys) => (await at("/logs"), await press("j", ...keys), (await path("/logs.*open=.*")) && (await press(...keys), soon(() => !location.search.includes("open=")))),
      "Show what is new": async (keys) => {
        await at("/logs");
        await press("p");
        await sendLogs(server, [{ body: "just now, by key" }]);
        await page.waitForTimeout(1500);
        await press(...keys);
        return shows("just now, by key");
      },
      "Pause or go on": async (keys) => { await at("/logs"); await press(...keys); return (await gone(".tail-dot.on")) && (await press(...keys), has(".tail-dot.on")); },
      "Close the log": async (keys) => (await at("/logs"), await press("j", "Enter"), (await path("/logs.*open=.*")) && (await press(...keys), soon(() => !location.search.includes("open=")))),
    },
  };
  async function finds() {
    await onTrace();
    await press("/");
    await page.keyboard.type("SELECT");
    await soon(() => document.querySelectorAll(".wf-row.match").length > 1);
    await press("Enter", "Escape");
    await page.evaluate(() => document.activeElement?.blur());
  }
  const inTrouble = () => soon(() => {
    const current = document.querySelector(".wf-row.current");
    return current !== null && (current.classList.contains("failed") || current.textContent.includes("has an error"));
  });
  const logRow = () => page.evaluate(() => document.querySelector(".current")?.textContent ?? null);

  await at("/issues");
  await press("?");
  await has("dialog.help[open]");
  const table = await page.locator("dialog.help section").evaluateAll((sections) => sections.flatMap((section) => [...section.querySelectorAll("dl > div")].map((line) => ({ scope: section.querySelector("h3").textContent, words: line.querySelector("dd").textContent, keys: [...line.querySelectorAll("kbd")].map((key) => key.textContent) }))));
  const lines = new Set(table.map(({ scope, words }) => `${scope}: ${words}`));
  for (const [scope, all] of Object.entries(checks)) for (const words of Object.keys(all)) if (!lines.has(`${scope}: ${words}`)) report.check(`${scope}: ${words} is in the help table`, false);
  await page.evaluate(() => localStorage.setItem("trapline.who", JSON.stringify("ada@example.com")));
  for (const { scope, words, keys } of table) {
    const check = checks[scope]?.[words];
    const label = `${scope}: ${keys.join(" ")}  ${words}`;
    if (!label.includes(filter)) continue;
    const problem = check === undefined ? "there is no check of it" : await check(keys).then((isRight) => (isRight ? "" : "it did not"), (error) => String(error.message ?? error).split("\n")[0]);
    report.check(label, problem === "", problem === "" ? "" : `${problem}, on ${new URL(page.url()).pathname}`);
    // Each begins with what the one before left undone put back.
    if (/^(Issue|Issues in the list)$/u.test(scope) && (await stateOf(found.short_id)) !== "unresolved") {
      await at(issuePath);
      await press("u");
      await stateIs(found.short_id, "unresolved");
    }
  }

  // Whoever types does not command, and whoever speaks to the machine may switch letters off.
  await at("/issues");
  await press("/");
  await page.keyboard.type("gt?jxe");
  report.check("letters are safe in the search field", new URL(page.url()).pathname === "/issues" && (await page.locator("dialog[open]").count()) === 0 && (await row()) === null);
  await at("/issues");
  await press("?");
  await page.locator("dialog.help input[type=checkbox]").uncheck();
  await press("Escape", "g", "t");
  await page.waitForTimeout(300);
  report.check("letters can be switched off", new URL(page.url()).pathname === "/issues");
  await press("Control+k");
  report.check("Ctrl+K still works then", await has("dialog.palette[open]"));
  report.check("nothing else went wrong", complaints.length === 0, complaints.slice(0, 3).join(" | "));
  await context.close();
}

function failed(traceId, number, startMs) {
  const start = BigInt(Math.floor(startMs)) * 1_000_000n;
  return { traceId, spanId: hex(number, 16), parentSpanId: hex(1, 16), name: `it failed ${number}`, kind: 1, startTimeUnixNano: String(start), endTimeUnixNano: String(start + 1_000_000n), attributes: [], status: { code: 2, message: "no" } };
}
