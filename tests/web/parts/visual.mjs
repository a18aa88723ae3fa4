// Pictures of the main screens beside the ones that were looked at and kept (tests/web/pictures): at most 2 of 1,000 pixels
// may differ. `--update` keeps the new ones; look at them first, they are in tests/web/out.
//
// The server's clock and the browser's stand still, the data is the same in every run, nothing moves. Pictures depend on
// the fonts and the browser of the machine, so they are kept by its name of them.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fill } from "../lib/data.mjs";
import { findPaths, settled } from "../lib/screens.mjs";

export const title = "pictures of the main screens";
/** 2026-11-02 10:00 UTC, far enough from any change of the clocks. */
const NOW_MS = 1_793_613_600_000;
export const serverArgs = ["--fixed-now", String(NOW_MS)];

const SCREENS = ["welcome", "issues", "issue-0", "issue-1", "traces", "trace-0", "trace-0-span", "trace-flame", "trace-sql", "logs", "performance", "releases", "settings"];
const DIFFERENT_MAX = 0.002;

/** Share of the pixels that differ visibly. Decoded and compared by the browser itself. */
async function difference(page, before, after) {
  return page.evaluate(async ([a, b]) => {
    const pixels = async (text) => {
      const image = new Image();
      image.src = `data:image/png;base64,${text}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, image.width, image.height);
    };
    const [x, y] = [await pixels(a), await pixels(b)];
    if (x.width !== y.width || x.height !== y.height) return 1;
    let count = 0;
    for (let at = 0; at < x.data.length; at += 4) if (Math.abs(x.data[at] - y.data[at]) + Math.abs(x.data[at + 1] - y.data[at + 1]) + Math.abs(x.data[at + 2] - y.data[at + 2]) > 48) count += 1;
    return count / (x.data.length / 4);
  }, [before.toString("base64"), after.toString("base64")]);
}

export async function run({ server, browser, watchPage, report, out, filter, update }) {
  await fill(server, NOW_MS);
  const kept = new URL("../pictures/", import.meta.url).pathname;
  mkdirSync(kept, { recursive: true });
  const judge = await (await browser.newContext()).newPage();
  const paths = (await findPaths(server)).filter(([name]) => SCREENS.includes(name) && name.includes(filter));
  for (const [name, path] of paths)
    for (const colorScheme of ["light", "dark"])
      for (const width of [1280, 390]) {
        const context = await browser.newContext({ viewport: { width, height: width < 700 ? 780 : 800 }, colorScheme, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC", deviceScaleFactor: 1 });
        await watchPage(context, server);
        await context.clock.setFixedTime(NOW_MS);
        const page = await context.newPage();
        await page.goto(server.base + path);
        await settled(page).catch(() => {});
        await page.waitForTimeout(250);
        // Keys and ports are another in every run.
        await page.evaluate(([key, host]) => {
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node; node = walker.nextNode()) node.data = node.data.replaceAll(key, "0".repeat(32)).replaceAll(host, "127.0.0.1:4318").replace(/\/\S*trapline-web-\w+/gu, "/srv/trapline");
          for (const input of document.querySelectorAll("input, textarea")) input.value = input.value.replaceAll(key, "0".repeat(32)).replaceAll(host, "127.0.0.1:4318");
        }, [server.project.public_key, new URL(server.base).host]);
        const file = `${name}-${colorScheme}-${width}.png`;
        const picture = await page.screenshot({ animations: "disabled", caret: "hide" });
        writeFileSync(join(out, file), picture);
        const place = join(kept, file);
        if (update || !existsSync(place)) {
          if (update) writeFileSync(place, picture);
          report.check(`${file} is kept`, update, update ? "" : "there is none: look at it and run with --update");
        } else {
          const share = await difference(judge, readFileSync(place), picture);
          report.check(file, share <= DIFFERENT_MAX, `${(share * 100).toFixed(2)} % differ`);
        }
        await context.close();
      }
}
