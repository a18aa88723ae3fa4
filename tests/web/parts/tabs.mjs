// Nine tabs of one browser, one live stream: none stalls, all hear of what happens; a server that goes and comes back
// costs nothing and shows nothing twice.

import { errorEvent, sendError } from "../lib/send.mjs";
import { settled } from "../lib/screens.mjs";

export const title = "nine tabs, and a server that goes away";

export async function run({ server, browser, watchPage, report }) {
  await sendError(server, errorEvent(1, { kind: 1 }));
  let isAway = false;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  const complaints = await watchPage(context, server, () => isAway);
  const pages = [];
  for (let at = 0; at < 9; at++) {
    const page = await context.newPage();
    const started = Date.now();
    await page.goto(`${server.base}/issues`);
    const isThere = await settled(page, 10_000).then(() => true, () => false);
    report.check(`tab ${at + 1} loads`, isThere, `${Date.now() - started} ms`);
    pages.push(page);
  }
  const rows = (page) => page.locator("tr[data-row], [role=row][data-row]").count();
  const shows = (page, text) => page.waitForFunction((words) => document.body.innerText.includes(words) || /\b\d+ new issues?\b/u.test(document.body.innerText), text, { timeout: 5000 }).then(() => true, () => false);
  const began = Date.now();
  await sendError(server, errorEvent(2, { kind: 2 }));
  const heard = await Promise.all(pages.map((page) => shows(page, "of kind 2")));
  report.check("all nine hear of a new issue", heard.every(Boolean), `${heard.filter(Boolean).length} of 9 in ${Date.now() - began} ms`);
  await pages[8].goto(`${server.base}/traces`);
  report.check("the ninth tab goes elsewhere", await settled(pages[8], 10_000).then(() => true, () => false));

  const front = pages[0];
  await front.bringToFront();
  isAway = true;
  await server.stop();
  const isTold = await front.waitForFunction(() => /reconnecting/iu.test(document.body.innerText), null, { timeout: 20_000 }).then(() => true, () => false);
  report.check("a server that is gone is told of", isTold);
  await server.startAgain();
  for (let number = 3; number < 8; number++) await sendError(server, errorEvent(number, { kind: number }));
  const isBack = await front.waitForFunction(() => !/reconnecting/iu.test(document.body.innerText), null, { timeout: 30_000 }).then(() => true, () => false);
  report.check("it is told of when it is back", isBack);
  isAway = false;
  await front.waitForTimeout(1500);
  const bar = front.getByRole("button", { name: /\d+ new/u });
  if (await bar.count()) await bar.first().click();
  const isAll = await front.waitForFunction(() => document.querySelectorAll("tr[data-row]").length >= 7, null, { timeout: 10_000 }).then(() => true, () => false);
  const names = await front.locator("tr[data-row]").evaluateAll((all) => all.map((row) => row.getAttribute("data-row")));
  report.check("what came meanwhile is there, once", isAll && new Set(names).size === names.length, `${await rows(front)} rows`);
  report.check("nothing else went wrong", complaints.length === 0, complaints.slice(0, 3).join(" | "));
  await context.close();
}
