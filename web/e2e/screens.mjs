// Looks at every screen in both themes and several widths: a picture each, axe-core (no violations), no sideways scroll, no
// request to another host, no error in the console. BASE_URL is a running server (the mock, or the real binary).
// `node e2e/screens.mjs [name filter]`; WIDTHS=1280,390 THEMES=dark narrow it down. With the real binary, ROUTES=/issues,/traces.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const base = process.env.BASE_URL ?? "http://127.0.0.1:4319";
const filter = process.argv[2] ?? "";
const widths = (process.env.WIDTHS ?? "1280,390,320").split(",").map(Number);
const themes = (process.env.THEMES ?? "light,dark").split(",");
const out = new URL("./out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const json = async (path) => (await fetch(base + path)).json();
async function screens() {
  if (process.env.ROUTES) return process.env.ROUTES.split(",").map((path) => [path.replaceAll("/", "_"), path]);
  const list = [["welcome", "/welcome"], ["issues", "/issues"], ["issues-none", "/issues?query=zzzz"], ["traces", "/traces?kind=all"], ["logs", "/logs"], ["logs-none", "/logs?query=zzzz"], ["metrics", "/metrics"], ["monitors", "/monitors"], ["releases", "/releases"], ["feedback", "/feedback"], ["ingest", "/ingest"], ["settings", "/settings"], ["settings-browser", "/settings/browser"], ["settings-about", "/settings/about"], ["missing-page", "/nowhere"], ["missing-issue", "/issues/SHOP-9999"]];
  const { issues } = await json("/api/ui/issues?status=unresolved&sort=last_seen");
  for (const issue of issues.slice(0, 8)) list.push([`issue-${issue.short_id}`, `/issues/${issue.short_id}`]);
  const { logs } = await json("/api/ui/logs?from=0");
  if (logs.length > 0) list.push(["log-open", `/logs?open=${logs[0].id}`]);
  const { metrics } = await json("/api/ui/metrics?from=0");
  for (const { name, kind, unit, project_slug } of metrics.slice(0, 3)) list.push([`metric-${kind}`, `/metrics/${encodeURIComponent(name)}?${new URLSearchParams({ kind, ...(unit ? { unit } : {}), project: project_slug })}`]);
  const { monitors } = await json("/api/ui/monitors");
  for (const { slug } of monitors.slice(0, 2)) list.push([`monitor-${slug}`, `/monitors/${encodeURIComponent(slug)}`]);
  const { feedback } = await json("/api/ui/feedback");
  for (const { feedback_id } of feedback.slice(0, 2)) list.push([`feedback-${feedback_id.slice(-4)}`, `/feedback/${feedback_id}`]);
  const { traces } = await json("/api/ui/traces?kind=all");
  const extra = process.env.TRACES?.split(",") ?? [];
  for (const id of [...extra, ...traces.slice(0, 3).map((t) => t.trace_id)]) {
    list.push([`trace-${id.slice(0, 6)}`, `/traces/${id}`]);
    const { spans } = await json(`/api/ui/traces/${id}`);
    if (spans.span_id.length > 3) list.push([`trace-${id.slice(0, 6)}-span`, `/traces/${id}?span=${spans.span_id[3]}`]);
  }
  return list;
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--font-render-hinting=none"] });
let problems = 0;
const complain = (text) => {
  problems += 1;
  console.log(text);
};
for (const [name, path] of await screens()) {
  if (!name.includes(filter)) continue;
  for (const theme of themes)
    for (const width of widths) {
      const context = await browser.newContext({ viewport: { width, height: width < 700 ? 780 : 800 }, colorScheme: theme, reducedMotion: "reduce", bypassCSP: false });
      const page = await context.newPage();
      const label = `${name} ${theme} ${width}`;
      page.on("pageerror", (error) => complain(`${label}: ${error.message}`));
      page.on("console", (message) => message.type() === "error" && !message.text().includes("404") && complain(`${label}: ${message.text()}`));
      page.on("request", (request) => request.url().startsWith(base) || request.url().startsWith("data:") || complain(`${label}: request to ${request.url()}`));
      await page.goto(base + path);
      await page.waitForFunction(() => !document.querySelector(".skeleton, [aria-busy=true]") && document.querySelector("h1"), { timeout: 8000 }).catch(() => complain(`${label}: never finished loading`));
      await page.waitForTimeout(150);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) complain(`${label}: ${wide} px wider than the window`);
      await page.screenshot({ path: `${out}${name}-${theme}-${width}.png` });
      if (process.env.FULL) await page.screenshot({ path: `${out}${name}-${theme}-${width}-full.png`, fullPage: true });
      // The page's own policy allows no foreign script, so axe is evaluated by the debugger, not injected as a tag.
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      for (const v of violations) complain(`${label}: axe ${v.id} ×${v.nodes.length}: ${v.nodes[0].html.slice(0, 160)} | ${(v.nodes[0].any[0] ?? v.nodes[0].all[0] ?? v.nodes[0].none[0])?.message ?? v.help}`);
      await context.close();
    }
}
await browser.close();
console.log(problems === 0 ? "all screens fine" : `${problems} problems`);
process.exit(problems === 0 ? 0 : 1);
