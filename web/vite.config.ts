// How the app is built: hashed assets under /assets/, nothing inline, so the server's CSP needs no exceptions.
import preact from "@preact/preset-vite";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Which sheet is loaded first is up to the browser and the bundler, so each of them says the order of the layers. */
function layersFirst(): Plugin {
  const order = readFileSync(new URL("src/styles/layers.css", import.meta.url), "utf8").replace(/\/\*.*?\*\/|\s+(?=@)|\n/gsu, "");
  return {
    name: "layers-first",
    enforce: "post",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) if (file.type === "asset" && file.fileName.endsWith(".css")) file.source = order + String(file.source);
    },
  };
}

type ModuleGraph = { getModuleInfo: (id: string) => { importedIds: string[]; importers: string[] } | null };
const source = (name: string) => new URL(`src/${name}`, import.meta.url).pathname;
const reached = (from: Iterable<string>, graph: ModuleGraph) => {
  const all = new Set(from);
  // A set that grows while it is walked is walked to its end.
  for (const known of all) for (const next of graph.getModuleInfo(known)?.importedIds ?? []) all.add(next);
  return all;
};

/** What a screen needs besides the files every page names: told to the server, which announces it in that screen's page. */
const SCREENS: Record<string, readonly string[]> = { issue: ["pages/issue.tsx", "components/issue-extras.ts"], trace: ["pages/trace.tsx"] };

/** What main.tsx needs at once is one file, what several of these files need another, and what one screen has in common with
 * code that is fetched later a third: every further one is a request more before the first paint. */
let groups: Map<string, string> | undefined;
function groupOf(id: string, graph: ModuleGraph): string | null {
  if (!groups) {
    groups = new Map();
    const screens = Object.entries(SCREENS).map(([name, files]) => ({ name, parts: files.map((file) => reached([source(file)], graph)) }));
    for (const { name, parts } of screens) {
      const own = new Set(parts.flatMap((modules) => [...modules]));
      const isOutside = (module: string) => !own.has(module);
      for (const module of reached([...own].filter((module) => graph.getModuleInfo(module)?.importers.some(isOutside)), graph)) groups.set(module, `${name}-parts`);
    }
    const all = screens.flatMap(({ parts }) => parts);
    for (const module of all.flatMap((modules) => [...modules])) if (all.filter((modules) => modules.has(module)).length > 1) groups.set(module, "shared");
    for (const module of reached([source("main.tsx")], graph)) groups.set(module, "index");
  }
  return groups.get(id) ?? null;
}

function screenFiles(): Plugin {
  return {
    name: "screen-files",
    // After the chunks are gone that hold nothing but styles.
    enforce: "post",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const entry = new Set(chunks.filter((chunk) => chunk.isEntry).flatMap((chunk) => [chunk.fileName, ...chunk.imports]));
      const filesOf = (modules: readonly string[]) => {
        const files = new Set(chunks.filter((chunk) => modules.some((name) => chunk.facadeModuleId?.endsWith(`/src/${name}`))).map((chunk) => chunk.fileName));
        if (files.size !== modules.length) this.error(`of ${modules.join(", ")} not each has a chunk`);
        for (const file of files) for (const chunk of chunks) if (chunk.fileName === file) for (const next of chunk.imports) if (!entry.has(next)) files.add(next);
        const styles = chunks.filter((chunk) => files.has(chunk.fileName)).flatMap((chunk) => [...(chunk.viteMetadata?.importedCss ?? [])]);
        return { scripts: [...files], styles: [...new Set(styles)] };
      };
      const screens = Object.fromEntries(Object.entries(SCREENS).map(([screen, modules]) => [screen, filesOf(modules)]));
      this.emitFile({ type: "asset", fileName: "screens.json", source: JSON.stringify(screens) });
    },
  };
}

export default defineConfig({
  plugins: [preact({ prefreshEnabled: false }), layersFirst(), screenFiles()],
  build: {
    target: "es2022",
    // New enough that light-dark() is left alone: these are the oldest browsers that know it.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    // A file takes with it what its modules need, so those that others need come first.
    rolldownOptions: {
      output: { codeSplitting: { groups: ["index", "shared", "parts"].map((kind, at) => ({ debugName: kind, priority: 3 - at, name: (id: string, graph: ModuleGraph) => (groupOf(id, graph)?.endsWith(kind) ? groupOf(id, graph) : null) })) } },
    },
  },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:4319" } },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
});
