/** The build plugin for Rollup. */
import type { Plugin } from "rollup";
import type { PluginOptions } from "./options.js";
import { plugin } from "./plugin.js";

export { mark } from "./plugin.js";
export type { PluginOptions };

/**
 * Stamps the build: the mark into the pages, `virtual:trueup` into the bundle, `trueup.build.json` beside it.
 *
 * @example
 * ```ts
 * // rollup.config.js
 * import trueup from "trueup/rollup";
 * export default { input: "src/main.js", output: { dir: "dist" }, plugins: [trueup()] };
 * ```
 */
export default function trueup(options: PluginOptions = {}): Plugin {
  return plugin.rollup(options) as Plugin;
}
