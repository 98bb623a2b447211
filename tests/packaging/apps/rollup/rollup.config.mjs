import { readFileSync } from "node:fs";
import trueup from "trueup/rollup";
import { published } from "./published.js";

/** Rollup resolves nothing from node_modules by itself, and emits no page. */
const app = {
  name: "app",
  resolveId: (id) => (id === "trueup" ? new URL("node_modules/trueup/dist/index.js", import.meta.url).pathname : null),
  generateBundle(_, bundle) {
    const { fileName } = Object.values(bundle).find((file) => file.isEntry);
    const source = readFileSync("index.html", "utf8").replace("<!-- script -->", `<script type="module" src="./${fileName}"></script>`);
    this.emitFile({ type: "asset", fileName: "index.html", source });
  },
};

export default {
  input: "main.js",
  output: { dir: "dist", entryFileNames: "[name]-[hash].js" },
  plugins: [app, trueup({ manifest: published(Number(process.env.SOURCE_DATE_EPOCH)) })],
};
