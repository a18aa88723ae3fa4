// The browser of the end-to-end test and of the screenshots: Chromium, watched for what the web app must never do.

import { createRequire } from "node:module";
import { existsSync } from "node:fs";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--font-render-hinting=none",
];

export async function launch() {
  const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath}: run \`make test\`, or set CHROMIUM`);
  return chromium.launch({ executablePath, args: FLAGS });
}

/**
 * Collects into `complaints`: requests to another host, errors in the console, violations of the page's policy,
 * exceptions nobody caught. `isServerAway` forgives requests that cannot be answered just then.
 */
export async function watch(context, base, complaints, isServerAway = () => false) {
  const { origin } = new URL(base);
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.protocol !== "blob:" && url.origin !== origin) complaints.push(`request to another host: ${url}`);
  });
  context.on("console", (message) => {
    const isLoading = message.text().startsWith("Failed to load resource") || message.text().includes("net::ERR_");
    if (message.type() === "error" && !(isLoading && isServerAway())) complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => complaints.push(`not caught in the page: ${error.error().stack ?? error.error()}`));
}
