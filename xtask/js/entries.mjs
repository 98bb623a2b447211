// The entries of the npm package: one table for bundling, `exports`, types and sizes.
//
// `source` is the path below pkg-template/src without its extension; the output has the same path below dist/ unless
// `file` says otherwise. `subpath` is what people import. An entry whose source does not exist is left out.
//
// Sharing: an entry imports other entries, it does not copy them. When one that is not `standalone` imports the source
// of another (`trueup/react` the client in `index`), the import stays and points at the other's built file, so that
// there is one client on a page and its wasm is there once. `standalone` entries (they each carry the core in another
// form, and nobody loads two of them) bundle all that they import.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Entry
 * @property {string} source     below src/, without extension
 * @property {string} subpath    key of `exports`; absent: a chunk that other entries share
 * @property {string} [file]     below dist/, where it differs from the source
 * @property {"inline" | "beside" | "packed"} [wasm]   how `wasm:source` finds the module (build.mjs); default inline
 * @property {boolean} [standalone]
 * @property {boolean} [development]  has a development build, under the export condition of that name
 * @property {"browser" | "node"} [platform]
 * @property {"esm" | "iife"} [format]
 * @property {string} [bin]      name of the command
 */

/** @type {Entry[]} */
const table = [
  { source: "index", subpath: ".", wasm: "inline", standalone: true, development: true },
  { source: "slim", subpath: "./slim", wasm: "beside", standalone: true, development: true },
  { source: "script", subpath: "./dist/trueup.js", file: "trueup.js", wasm: "packed", standalone: true, format: "iife" },
  { source: "react", subpath: "./react", development: true },
  { source: "forms", subpath: "./forms" },
  { source: "holds", subpath: "./holds" },
  { source: "report", subpath: "./report" },
  { source: "ofrep", subpath: "./ofrep", development: true },
  { source: "openfeature", subpath: "./openfeature", development: true },
  { source: "server", subpath: "./server", development: true },
  { source: "testing", subpath: "./testing", development: true },
  { source: "plugin/plugin", platform: "node" },
  { source: "plugin/vite", subpath: "./vite", platform: "node" },
  { source: "plugin/rollup", subpath: "./rollup", platform: "node" },
  { source: "plugin/webpack", subpath: "./webpack", platform: "node" },
  { source: "plugin/rspack", subpath: "./rspack", platform: "node" },
  { source: "plugin/esbuild", subpath: "./esbuild", platform: "node" },
  { source: "cli/main", platform: "node", standalone: true, bin: "trueup" },
];

/** The entries whose source exists in `template`, the locales among them. */
export function entries(template) {
  const src = join(template, "src");
  const locales = existsSync(join(src, "locales")) ? readdirSync(join(src, "locales")) : [];
  const all = [
    ...table,
    ...locales
      .filter((file) => file.endsWith(".ts"))
      .sort()
      .map((file) => `locales/${file.slice(0, -3)}`)
      .map((source) => ({ source, subpath: `./${source}` })),
  ];
  return all
    .map((entry) => ({ ...entry, path: ["ts", "tsx"].map((e) => join(src, `${entry.source}.${e}`)).find(existsSync) }))
    .filter((entry) => entry.path)
    .map((entry) => ({ ...entry, file: entry.file ?? `${entry.source}.js` }));
}
