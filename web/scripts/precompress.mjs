// Writes .gz and .br beside every asset of dist/, at the highest quality: the server only picks one.
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
