// Every screen and state in both themes and five widths: no violation that axe-core knows, no sideways scroll, no request
// to another host, no error in the console, not too many elements, a picture of each.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { assignNewest, fill, fillLarge } from "../lib/data.mjs";
import { findPaths, settled, STRANGE } from "../lib/screens.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const WIDTHS = [320, 390, 768, 1280, 1920];
const DOM_MAX = 2500;
/** Of one page: those of many alike say the same. */
const MENUS_MAX = 12;

export const title = "every screen: axe, widths, themes";

export async function run({ server, browser, watchPage, report, quick, out, filter }) {
  const axe = readFileSync(createRequire(new URL("../../../web/package.json", import.meta.url)).resolve("axe-core/axe.min.js"), "utf8");
  const look = async (name, path, width, theme) => {
    const context = await browser.newContext({ viewport: { width, height: width < 700 ? 780 : 900 }, colorScheme: theme, reducedMotion: "reduce", locale: "en-GB" });
    const complaints = await watchPage(context, server);
    const page = await context.newPage();
    const label = `${name} ${theme} ${width}`;
    await page.goto(server.base + path);
    const isThere = await settled(page).then(() => true, () => false);
    await page.waitForTimeout(120);
    const problems = [];
    if (!isThere) problems.push("never finished loading");
    const { wide, elements } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth - innerWidth, elements: document.querySelectorAll("*").length }));
    if (wide > 0) problems.push(`${wide} px wider than the window`);
    if (elements > DOM_MAX) problems.push(`${elements} elements, more than ${DOM_MAX}`);
    await page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`) });
    if (width !== 768 && width !== 1920) {
      // The page's own policy allows no foreign script, so axe is evaluated by the debugger.
      await page.evaluate(axe);
      const { violations } = await page.evaluate((rules) => globalThis.axe.run(document, { runOnly: rules }), RULES);
      for (const { id, nodes } of violations) problems.push(`axe ${id} ×${nodes.length}: ${nodes[0].html.slice(0, 140)}`);
    }
    if (width === 1280 && theme === "light") problems.push(...(await opened(page)));
    for (const text of complaints) if (!/status of 40\d/u.test(text)) problems.push(text.slice(0, 200));
    report.check(label, problems.length === 0, problems.join(" | "));
    await context.close();
  };
  /** Every kind of menu and panel of a page, open; and a long page at its end. */
  const opened = async (page) => {
    const problems = [];
    const check = async (what) => {
      const violations = await page.evaluate(async (rules) => {
        const found = (await globalThis.axe.run(document, { runOnly: rules, rules: { "label-content-name-mismatch": { enabled: true } } })).violations;
        // A press beside what is open closes it: what it covers in part is no target until then.
        const isCovered = (node) => document.querySelector(".menu-list, .popover") !== null && !document.querySelector(node.target[0])?.closest(".menu-list, .popover");
        return found.map(({ id, nodes }) => ({ id, nodes: id === "target-size" ? nodes.filter((node) => !isCovered(node)) : nodes })).filter(({ nodes }) => nodes.length > 0);
      }, RULES);
      for (const { id, nodes } of violations) problems.push(`${what}: axe ${id} ×${nodes.length}: ${nodes[0].html.slice(0, 140)}`);
    };
    const known = new Set();
    for (const button of await page.locator("main [aria-haspopup]").all()) {
      if (known.size >= MENUS_MAX || !(await button.isVisible())) continue;
      const name = (await button.getAttribute("aria-label")) ?? (await button.innerText());
      if (known.has(name)) continue;
      known.add(name);
      await button.click();
      await check(`open “${name}”`);
      await page.keyboard.press("Escape");
    }
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForTimeout(120);
    await check("at its end");
    return problems;
  };
  const wanted = ([name]) => name.includes(filter);
  const empty = [["empty-issues", "/issues"], ["empty-traces", "/traces"], ["empty-logs", "/logs"], ["empty-metrics", "/metrics"], ["empty-performance", "/performance"], ["empty-monitors", "/monitors"], ["empty-releases", "/releases"], ["empty-feedback", "/feedback"], ["empty-welcome", "/welcome"], ["empty-ingest", "/ingest"]];
  const all = async (paths) => {
    for (const [name, path] of paths.filter(wanted))
      for (const theme of ["light", "dark"]) for (const width of quick ? [390, 1280] : WIDTHS) await look(name, path, width, theme);
  };
  await all(empty);
  await fill(server);
  await fillLarge(server);
  await assignNewest(server);
  await all([...(await findPaths(server, quick ? 1 : 6)), ...STRANGE]);
}
