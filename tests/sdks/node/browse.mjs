// Opens the page of browser.js (bundled as PAGE) in CHROMIUM, from an origin of its own as any web site has, presses its
// button, and leaves when the SDK has sent everything. With a COMMENT, it also writes that into the crash-report dialog.
// With a TUNNEL, the SDK sends to that address instead of the one of the DSN.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";

// The driver of the web app's own tests.
const { chromium } = createRequire(new URL("../../../web/package.json", import.meta.url))("playwright-core");

const bundle = await readFile(process.env.PAGE);
const server = createServer((request, response) => {
  const isScript = request.url.startsWith("/browser.js");
  response.setHeader("content-type", isScript ? "text/javascript" : "text/html; charset=utf-8");
  response.end(isScript ? bundle : '<!doctype html><title>desk</title><button id="pack">Pack</button><script type="module" src="/browser.js"></script>');
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  const address = new URL(`http://127.0.0.1:${server.address().port}/shop/`);
  address.searchParams.set("dsn", process.env.DSN);
  if (process.env.TUNNEL) address.searchParams.set("tunnel", process.env.TUNNEL);
  // The page load ends, for the SDK, a second after the last thing that happened in it, however long that takes here.
  let isLoadSent = false;
  page.on("request", (request) => {
    const body = request.postData() ?? "";
    isLoadSent ||= body.includes("pageload") && /"type":"(span|transaction)"/.test(body);
  });
  await page.goto(address.href);
  await page.getByRole("button", { name: "Pack" }).click();
  if (process.env.COMMENT) {
    await page.evaluate(() => window.ask());
    await page.getByLabel("Name").fill("Ada");
    await page.getByLabel("Email").fill("ada@example.com");
    await page.getByLabel("What happened?").fill(process.env.COMMENT);
    await page.getByRole("button", { name: "Send report" }).click();
    await page.getByText("Your report has been sent. Thank you!").waitFor();
  }
  await page.waitForTimeout(2500);
  let sent = await page.evaluate(() => window.finish());
  for (const until = Date.now() + 45_000; Date.now() < until && !(sent && isLoadSent); ) {
    await page.waitForTimeout(300);
    sent = await page.evaluate(() => window.finish());
  }
  if (!sent) throw new Error("the SDK could not send everything");
} finally {
  await browser.close();
  server.close();
}
