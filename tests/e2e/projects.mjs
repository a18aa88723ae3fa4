// The two Django projects as processes: starts them on free ports, knows their addresses, ends them.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const START_MS = 30_000;
const STOP_MS = 5_000;

/** Starts billing (OpenTelemetry) and then the shop (Sentry SDK), which asks billing for prices. */
export async function startProjects({ python, dsn, endpoint }) {
  const started = [];
  const stop = () => Promise.all(started.map(end));
  try {
    const billing = await start("billing", python, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, started);
    const shop = await start("shop", python, { SENTRY_DSN: dsn, BILLING_URL: billing }, started);
    return { shop, billing, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(name, python, variables, started) {
  // Settings of whoever runs the test must not reach the SDKs.
  const own = Object.entries(process.env).filter(([key]) => !/^(SENTRY|OTEL|DJANGO|PYTHON)/.test(key));
  const child = spawn(python, ["-B", "serve.py", "0"], {
    cwd: new URL(`./${name}/`, import.meta.url),
    env: { ...Object.fromEntries(own), ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  let errors = "";
  child.stderr.on("data", (text) => (errors = (errors + text).slice(-4000)));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} did not start within ${START_MS / 1000} s\n${errors}`)), START_MS);
    const settle = (finish, value) => {
      clearTimeout(timer);
      finish(value);
    };
    child.once("error", (error) => settle(reject, new Error(`${name} cannot be started with ${python}: ${error.message}`)));
    child.once("exit", (code) => settle(reject, new Error(`${name} ended with status ${code} while starting\n${errors}`)));
    createInterface(child.stdout).on("line", (line) => {
      const address = /listens on (http:\/\/\S+)/.exec(line)?.[1];
      if (address) settle(resolve, address);
    });
  });
}

/** SIGTERM, so that the SDKs can send what they still hold; then SIGKILL. */
function end(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

/** One visit, as a browser makes it; the status must be the one expected. */
export async function visit(base, path, expected, init = {}) {
  const response = await fetch(base + path, {
    ...init,
    headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0", cookie: "customer=ada", ...init.headers },
  });
  const text = await response.text();
  if (response.status !== expected) throw new Error(`${path} answered ${response.status}, not ${expected}: ${text.slice(0, 300)}`);
  return text;
}
