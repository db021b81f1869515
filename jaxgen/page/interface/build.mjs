// Builds what the package carries of the page: node build.mjs [FOLDER].
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const out = process.argv[2] ?? "../built";
const common = { bundle: true, minify: true, target: "es2022", format: "iife", logLevel: "error" };
await build({ ...common, entryPoints: ["src/main.ts"], outfile: `${out}/page.js` });
await build({
  ...common,
  entryPoints: ["src/worker.ts"],
  outfile: `${out}/worker.js`,
  // The runtime asks where it lies, and loads nothing from there.
  define: { "import.meta.url": '"https://page.invalid/worker.js"' },
});
await build({ ...common, entryPoints: ["src/page.css"], outfile: `${out}/page.css` });
const wasm = "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";
writeFileSync(`${out}/runtime.wasm.gz`, gzipSync(readFileSync(wasm), { level: 9 }));
