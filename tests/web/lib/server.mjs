// The real binary on a free port with an empty folder of its own: started, stopped, killed, started again in place.
// Knows nothing of what is sent to it.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../../", import.meta.url).pathname;
const READY_MS = 60_000;

/** The newest build there is, or the one named by TRAPLINE_BIN. Figures are only worth something in release. */
export function findBinary() {
  if (process.env.TRAPLINE_BIN) return process.env.TRAPLINE_BIN;
  const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  const builds = ["release", "debug"].map((profile) => join(target, profile, "trapline")).filter(existsSync);
  if (builds.length === 0) throw new Error("there is no trapline to test: run `make test-web`, which builds it");
  return builds.reduce((best, path) => (statSync(path).mtimeMs > statSync(best).mtimeMs ? path : best));
}

export class Server {
  static async start(args = []) {
    const server = new Server();
    server.dir = mkdtempSync(join(tmpdir(), "trapline-web-"));
    server.args = args;
    await server.#spawn("127.0.0.1:0");
    const boot = await (await fetch(`${server.base}/api/ui/boot`)).json();
    const [project] = boot.projects;
    server.project = project;
    server.dsn = `http://${project.public_key}@${new URL(server.base).host}/${project.id}`;
    return server;
  }

  async #spawn(listen) {
    const args = ["serve", "--data-dir", join(this.dir, "data"), "--listen", listen, "--grpc-listen", "off", ...this.args];
    this.process = spawn(findBinary(), args, { stdio: ["ignore", "pipe", "pipe"], cwd: this.dir });
    this.said = "";
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (bytes) => (this.said += bytes));
    const until = Date.now() + READY_MS;
    for (;;) {
      const url = /http:\/\/127\.0\.0\.1:\d+/u.exec(this.said)?.[0];
      if (url && (await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false))) {
        this.base = url;
        return;
      }
      if (this.process.exitCode !== null || Date.now() > until) throw new Error(`the server did not start:\n${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** Ends it as Ctrl-C does, or at once. */
  async stop(signal = "SIGTERM") {
    this.process.kill(signal);
    await this.ended;
  }

  /** On the same data and port. */
  async startAgain() {
    await this.#spawn(new URL(this.base).host);
  }

  async close() {
    if (this.process.exitCode === null) await this.stop("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }
}
