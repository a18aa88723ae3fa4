// What the screens do, click by click: the scripts of web/e2e, which the web app's own developer runs one by one. Most of
// them talk to the stand-in for the server (web/dev/mock.mjs), which can fail, be slow and be empty at will; those of the
// traces talk to the real binary.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { findBinary } from "../lib/server.mjs";

const SCRIPTS = ["behaviour", "issues", "issue", "wins", "traces"];

export const title = "what every screen does";

export async function run({ report, filter }) {
  for (const name of SCRIPTS.filter((one) => one.includes(filter))) {
    const script = spawn(process.execPath, [new URL(`../../../web/e2e/${name}.mjs`, import.meta.url).pathname], { env: { ...process.env, TRAPLINE: findBinary() }, stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => script.once("exit", resolve));
    let checks = 0;
    for await (const line of createInterface({ input: script.stdout })) {
      const [, verdict, words] = /^(ok {2}|FAIL) (.*)$/u.exec(line) ?? [];
      if (verdict === undefined) continue;
      checks += 1;
      report.check(`${name}: ${words.trim()}`, verdict !== "FAIL");
    }
    const code = await ended;
    report.check(`${name} comes to its end`, code === 0 && checks > 0, `${checks} checks`);
  }
}
