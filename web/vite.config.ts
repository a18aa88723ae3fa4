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

export default defineConfig({
  plugins: [preact({ prefreshEnabled: false }), layersFirst()],
  build: {
    target: "es2022",
    // New enough that light-dark() is left alone: these are the oldest browsers that know it.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:4319" } },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
});
