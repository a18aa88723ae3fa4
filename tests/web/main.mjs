// The web app against the real binary in a real browser: `node tests/web/main.mjs [--quick] [part …] [--only name]`.
//
// Parts: budgets, hostile, keys, pages, screens, tabs, visual. Each has a server with an empty folder of its own. Pictures go to tests/web/out.

import { mkdirSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { launch, watchPage } from "./lib/browser.mjs";
import { Report } from "./lib/check.mjs";
import { findBinary, Server } from "./lib/server.mjs";

const { values, positionals: asked } = parseArgs({ allowPositionals: true, options: { quick: { type: "boolean", default: false }, update: { type: "boolean", default: false }, only: { type: "string", default: "" } } });
const { quick, update, only: filter } = values;
const names = readdirSync(new URL("./parts/", import.meta.url)).map((name) => name.replace(/\.mjs$/u, ""));
for (const name of asked) if (!names.includes(name)) throw new Error(`there is no part ${name}: ${names.join(", ")}`);
const out = new URL("./out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const report = new Report();
report.say(`trapline: ${findBinary()}`);
const browser = await launch();
for (const name of asked.length > 0 ? asked : names) {
  const part = await import(`./parts/${name}.mjs`);
  const server = await Server.start(part.serverArgs);
  const began = Date.now();
  report.say(`\n${name}: ${part.title}`);
  try {
    await part.run({ server, browser, watchPage, report, quick, update, out, filter });
  } catch (error) {
    report.check(`${name} comes to its end`, false, error.stack ?? error);
  }
  report.say(`  ${((Date.now() - began) / 1000).toFixed(0)} s`);
  await server.close();
}
await browser.close();
report.say(report.failures === 0 ? "\nall is well" : `\n${report.failures} things are not as they should be`);
process.exit(report.failures === 0 ? 0 : 1);
