/** The build plugin for esbuild. */
import type { Plugin } from "esbuild";
import type { PluginOptions } from "./options.js";
import { plugin } from "./plugin.js";

export { mark } from "./plugin.js";
export type { PluginOptions };

/**
 * Stamps the build: the mark into the pages, `virtual:trueup` into the bundle, `trueup.build.json` beside it.
 *
 * @example
 * ```ts
 * import trueup from "trueup/esbuild";
 * await esbuild.build({ entryPoints: ["src/main.js", "src/index.html"], loader: { ".html": "copy" }, outdir: "dist", bundle: true, plugins: [trueup()] });
 * ```
 */
export default function trueup(options: PluginOptions = {}): Plugin {
  return plugin.esbuild(options) as Plugin;
}
