// Writes .gz and .br beside every asset of dist/, at the highest quality: the server only picks one. And looks whether the
// layers of the styles are in their order: where a screen's style sheet comes first, every rule of a screen gives way.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = new URL("../dist/", import.meta.url).pathname;
const COMPRESSIBLE = /\.(html|js|css|svg|json|txt)$/;
/** Below this many bytes the headers cost more than compression saves. */
const BYTES_MIN = 512;

const walk = (dir) =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });

const LAYERS = ["tokens", "base", "shell", "parts", "pages"];
const main = walk(root).find((path) => /\/index-[^/]*\.css$/.test(path));
const found = [...new Set([...readFileSync(main, "utf8").matchAll(/@layer ([a-z, ]+)[{;]/g)].flatMap(([, names]) => names.split(/,\s*/).map((name) => name.trim())))];
if (found.join() !== LAYERS.join()) {
  console.error(`the layers of ${main} are in the order ${found.join(", ")}, not ${LAYERS.join(", ")}: src/styles/layers.css must be imported first`);
  process.exit(1);
}

// A style sheet of a part that main.tsx and a screen share gets a file of its own, which would come before the layers' order.
const first = /<link rel="stylesheet"[^>]*href="([^"]*)"/.exec(readFileSync(join(root, "index.html"), "utf8"))?.[1] ?? "";
if (!main.endsWith(first)) {
  console.error(`${first} comes before the style sheet that names the layers: import it in main.tsx`);
  process.exit(1);
}

const totals = { js: 0, css: 0, br: 0 };
for (const path of walk(root)) {
  if (!COMPRESSIBLE.test(path)) continue;
  const bytes = readFileSync(path);
  if (bytes.length < BYTES_MIN) continue;
  const gz = gzipSync(bytes, { level: 9 });
  const br = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  writeFileSync(`${path}.gz`, gz);
  writeFileSync(`${path}.br`, br);
  if (path.endsWith(".js")) totals.js += gz.length;
  if (path.endsWith(".css")) totals.css += gz.length;
  totals.br += br.length;
}
console.log(`precompressed: js ${totals.js} B gz, css ${totals.css} B gz, all ${totals.br} B br`);
