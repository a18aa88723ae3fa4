// The budgets: bytes, times, elements, memory. Medians of five, beside a loop that says how fast the machine was.
// Times are of a headless browser without a graphics card on whatever else the machine does; compare them with each other.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { median, percentile } from "../lib/check.mjs";
import { bigTrace, errorEvent, hex, sendError, sendErrors, sendSpans } from "../lib/send.mjs";
import { settled } from "../lib/screens.mjs";

export const title = "budgets";
const RUNS = 5;
const TRACE_10K = hex(0x10000, 32);
const TRACE_100K = hex(0x100000, 32);
const ISSUE_ROWS = "tr[data-row], [role=row][data-row]";

/** What JavaScript needs for a fixed piece of work, in milliseconds. Runs here and in the page. */
function calibrate() {
  const from = performance.now();
  let sum = 0;
  const map = new Map();
  for (let at = 0; at < 2_000_000; at++) {
    sum = (sum * 31 + at) % 1_000_003;
    if (at % 16 === 0) map.set(`k${sum % 5000}`, at);
  }
  return performance.now() - from + (map.size > 1e9 ? 1 : 0);
}

const scriptBytes = async (server, browser, path) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const found = { js: 0, css: 0, html: 0 };
  const waiting = [];
  page.on("response", (response) => {
    const type = response.headers()["content-type"] ?? "";
    const kind = type.includes("javascript") ? "js" : type.includes("css") ? "css" : type.includes("html") ? "html" : null;
    if (kind) waiting.push(response.body().then((body) => (found[kind] += gzipSync(body, { level: 9 }).length), () => {}));
  });
  await page.goto(server.base + path);
  await settled(page);
  await page.waitForTimeout(500);
  await Promise.all(waiting);
  await context.close();
  return found;
};

/** Time to the largest paint and the shift of the layout, in a browser that knows nothing yet. */
async function cold(server, browser, path, selector) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(() => {
    globalThis.seen = { lcp: 0, cls: 0 };
    new PerformanceObserver((list) => (globalThis.seen.lcp = list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true });
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => entry.hadRecentInput || (globalThis.seen.cls += entry.value))).observe({ type: "layout-shift", buffered: true });
  });
  const page = await context.newPage();
  const from = performance.now();
  await page.goto(server.base + path, { waitUntil: "commit" });
  await page.waitForSelector(selector, { state: "visible" });
  const shown = performance.now() - from;
  await page.waitForTimeout(700);
  const seen = await page.evaluate(() => ({ ...globalThis.seen, elements: document.querySelectorAll("*").length }));
  await context.close();
  return { ...seen, shown };
}

/** From the click to the frame in which the selector is there, measured in the page. */
const clickTo = (page, link, selector, which = 0) =>
  page.evaluate(async ([from, to, at]) => {
    const target = document.querySelectorAll(from)[at];
    const gone = document.querySelector(to);
    const start = performance.now();
    target.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
    target.click();
    for (;;) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const found = document.querySelector(to);
      if (found && found !== gone) break;
      if (performance.now() - start > 20_000) throw new Error(`${to} never came`);
    }
    await new Promise((resolve) => setTimeout(resolve));
    return performance.now() - start;
  }, [link, selector, which]);

async function heapMb(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.enable").then(() => session.send("Performance.getMetrics"));
  return metrics.find(({ name }) => name === "JSHeapUsedSize").value / 2 ** 20;
}

/** As a wheel's notch sends them, one a frame: as fast as one turns it; and a stroke that throws the page by most of a screen. */
const NOTCH_PX = 120;
const STROKE_PX = 700;

/** Lengths of frames while the page is scrolled by wheel, `px` at a time. */
async function scrollFrames(page, ms, px = STROKE_PX) {
  await page.evaluate(() => {
    globalThis.frames = [];
    let last = performance.now();
    const tick = (now) => {
      globalThis.frames.push(now - last);
      last = now;
      globalThis.frameTimer = requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  const until = Date.now() + ms;
  while (Date.now() < until) {
    await page.mouse.wheel(0, px);
    await page.waitForTimeout(16);
  }
  return page.evaluate(() => (cancelAnimationFrame(globalThis.frameTimer), globalThis.frames.slice(2)));
}

export async function run({ server, browser, report, quick }) {
  const runs = quick ? 1 : RUNS;
  const times = async (take) => {
    const values = [];
    for (let at = 0; at < runs; at++) values.push(await take());
    return values;
  };
  const calibrated = async () => report.say(`  the calibration loop takes ${median(await times(calibrate)).toFixed(0)} ms here (about 25 ms on a fast desktop)`);
  report.say(`  ${runs} runs, medians`);
  await calibrated();

  const issues = quick ? 300 : 10_000;
  const now = Date.now() / 1000;
  report.say(`  sending ${issues} issues, a trace of 10,000 spans and one of ${quick ? 20_000 : 100_000} …`);
  await sendErrors(server, Array.from({ length: issues }, (_, at) => errorEvent(at, { kind: at, at: now - (issues - at) * 2, ...(at === issues - 1 ? { contexts: { trace: { trace_id: TRACE_10K, span_id: hex(1, 16) } } } : {}) })));
  for (let at = 0; at < 5; at++) await sendError(server, errorEvent(issues + 10 + at, { kind: issues - 1, at: now - at }));
  await sendSpans(server, bigTrace(TRACE_100K, quick ? 20_000 : 100_000, Date.now() - 600_000));
  await sendSpans(server, bigTrace(TRACE_10K, 10_000));

  // Bytes.
  const first = await scriptBytes(server, browser, "/issues");
  report.figure("JavaScript of the issues route, gzip", first.js / 1000, "kB", 60, 90);
  report.figure("styles of the issues route, gzip", first.css / 1000, "kB", 15, 20);
  let lazy = 0;
  for (const path of ["/issues/SHOP-1", "/traces", `/traces/${TRACE_10K}`, "/logs", "/performance", "/settings", "/welcome"]) lazy = Math.max(lazy, (await scriptBytes(server, browser, path)).js - first.js);
  report.figure("the largest route on top of it, gzip", lazy / 1000, "kB", 25, 40);
  const dist = new URL("../../../web/dist/", import.meta.url).pathname;
  const embedded = readdirSync(dist, { recursive: true }).map((name) => join(dist, name)).filter((path) => statSync(path).isFile() && !/\.(?:br|gz)$/u.test(path));
  const brotli = embedded.map((path) => { try { return statSync(`${path}.br`).size; } catch { return readFileSync(path).length; } });
  report.figure("all assets, brotli", brotli.reduce((sum, size) => sum + size, 0) / 1000, "kB", 400, 1000);

  // First paints.
  await calibrated();
  const lists = await times(() => cold(server, browser, "/issues", ISSUE_ROWS));
  report.figure("/issues cold: largest paint", median(lists.map((seen) => seen.lcp)), "ms", 300, 500);
  report.figure("/issues cold: layout shift", median(lists.map((seen) => seen.cls)), "", 0, 0.02);
  report.figure("/issues with all of them: elements", lists[0].elements, "", 1200, 2500);
  const traces = await times(() => cold(server, browser, `/traces/${TRACE_10K}`, ".wf-row"));
  report.figure("trace of 10,000 spans cold: rows", median(traces.map((seen) => seen.shown)), "ms", 450, 700);
  report.figure("trace of 10,000 spans: elements", traces[0].elements, "", 1200, 2500);
  const large = await times(() => cold(server, browser, `/traces/${TRACE_100K}`, ".wf-row"));
  report.figure("trace of 100,000 spans cold: rows", median(large.map((seen) => seen.shown)), "ms", 900, 1500);
  report.figure("trace of 100,000 spans: elements", large[0].elements, "", 1200, 2500);

  // One session of somebody at work.
  await calibrated();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(() => {
    globalThis.slow = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => entry.interactionId && globalThis.slow.push([entry.duration, entry.name, entry.target?.className ?? ""]))).observe({ type: "event", durationThreshold: 16, buffered: true });
  });
  const page = await context.newPage();
  await page.goto(`${server.base}/issues`);
  await page.waitForSelector(ISSUE_ROWS);
  const inPage = await page.evaluate(`(${calibrate})()`);
  report.say(`  the same loop in the browser: ${inPage.toFixed(0)} ms`);
  const soft = [];
  for (let at = 0; at < runs * 2; at++) {
    await page.goto(`${server.base}/issues`);
    await page.waitForSelector(ISSUE_ROWS);
    await page.waitForTimeout(200);
    const link = "[data-row] a.row-link";
    if (at % 2) {
      await page.locator(link).nth(at + 1).dispatchEvent("pointerdown");
      await page.waitForTimeout(250);
    }
    soft.push([at % 2 === 1, await clickTo(page, link, ".event-bar", at + 1)]);
  }
  report.figure("list to issue, prefetched", median(soft.filter(([ahead]) => ahead).map(([, ms]) => ms)), "ms", 50, 80);
  report.figure("list to issue, not prefetched", median(soft.filter(([ahead]) => !ahead).map(([, ms]) => ms)), "ms", 100, 200);

  await page.goto(`${server.base}/issues`);
  await page.waitForSelector(ISSUE_ROWS);
  await page.mouse.move(600, 400);
  const frames = await scrollFrames(page, quick ? 1500 : 6000, NOTCH_PX);
  report.figure(`${issues} issues scrolled: a frame, 95 of 100`, percentile(frames, 0.95), "ms", 17, 20);
  report.figure(`${issues} issues scrolled: the worst frame`, Math.max(...frames), "ms", 34, 60);
  const thrown = await scrollFrames(page, quick ? 1500 : 6000);
  report.figure(`${issues} issues thrown by ${STROKE_PX} px at a time: a frame, 95 of 100`, percentile(thrown, 0.95), "ms", 17, 20);
  report.say(`  the worst of these ${Math.max(...thrown).toFixed(1)} ms`);
  report.figure(`${issues} issues scrolled: elements`, await page.evaluate(() => document.querySelectorAll("*").length), "", 1200, 2500);

  const softTrace = [];
  for (let at = 0; at < runs; at++) {
    await page.goto(`${server.base}/traces?kind=all`);
    await page.waitForSelector("[data-row]");
    await page.waitForTimeout(300);
    softTrace.push(await clickTo(page, `[data-row="${TRACE_10K}"] a`, ".wf-row"));
  }
  report.figure("list to a trace of 10,000 spans: rows", median(softTrace), "ms", 250, 400);
  await page.mouse.move(500, 500);
  const traceFrames = await scrollFrames(page, quick ? 1000 : 3000);
  report.figure("trace of 10,000 spans scrolled: a frame, 95 of 100", percentile(traceFrames, 0.95), "ms", 17, 20);
  report.figure("heap after a trace of 10,000 spans", await heapMb(page), "MB", 25, 60);

  // Keys and clicks; the slowest counts.
  for (const key of ["j", "j", "j", "k", "+", "+", "-", "0", "l", "h", "e", "n", "Escape", "p", "p"]) {
    await page.keyboard.press(key);
    await page.waitForTimeout(120);
  }
  const worstOf = async () => (await page.evaluate(() => globalThis.slow)).sort((a, b) => b[0] - a[0])[0] ?? [0, "nothing took 16 ms", ""];
  const inTrace = await worstOf();
  await page.goto(`${server.base}/issues`);
  await page.waitForSelector(ISSUE_ROWS);
  for (const key of ["j", "j", "k", "x", "j", "x", "Escape", "/"]) {
    await page.keyboard.press(key);
    await page.waitForTimeout(120);
  }
  await page.keyboard.type("ValueError", { delay: 40 });
  await page.waitForTimeout(600);
  const inList = await worstOf();
  await page.keyboard.press("Escape");
  const worst = inTrace[0] > inList[0] ? inTrace : inList;
  report.figure(`slowest answer to a key or click (${worst[1]} ${String(worst[2]).slice(0, 20)})`, worst[0], "ms", 60, 100);

  // From the application to the eye: another tab that was open before, at its top, with nobody in it. Both clocks are this
  // machine's. What is looked for is the row itself, in sight; the words for screen readers name it, too, and stay.
  const watcher = await context.newPage();
  await watcher.goto(`${server.base}/issues`);
  await watcher.waitForSelector(ISSUE_ROWS);
  await watcher.mouse.move(2, 2);
  await watcher.waitForFunction(() => document.querySelector(".live-open"));
  const visible = [];
  for (let at = 0; at < runs; at++) {
    const words = `of kind ${500_000 + at}`;
    const seen = watcher.evaluate(async ([rows, text]) => {
      const isThere = () => [...document.querySelectorAll(rows)].some((row) => row.textContent.includes(text) && row.getBoundingClientRect().top < innerHeight);
      if (isThere()) throw new Error(`${text} was there before it was sent`);
      const began = performance.now();
      // The frame after the one in which it is there has painted it.
      while (!isThere()) {
        if (performance.now() - began > 20_000) throw new Error(`${text} never came`);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      await new Promise((resolve) => requestAnimationFrame(resolve));
      return Date.now();
    }, [ISSUE_ROWS, words]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await sendError(server, errorEvent(900_000 + at, { kind: 500_000 + at }));
    const accepted = Date.now();
    visible.push((await seen) - accepted);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  report.figure("accepted event to a row in another open tab", median(visible), "ms", 300, 1000);
  await context.close();
}
