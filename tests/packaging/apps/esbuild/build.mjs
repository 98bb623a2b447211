import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import trueup from "trueup/esbuild";
import { published } from "./published.js";

writeFileSync("page.html", readFileSync("index.html", "utf8").replace("<!-- script -->", '<script type="module" src="./main.js"></script>'));
await build({
  entryPoints: { main: "main.js", index: "page.html" },
  loader: { ".html": "copy" },
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  outdir: "dist",
  plugins: [trueup({ manifest: published(Number(process.env.SOURCE_DATE_EPOCH)) })],
});
