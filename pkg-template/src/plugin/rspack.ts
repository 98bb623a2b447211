/** The build plugin for Rspack. */
import type { RspackPluginInstance } from "@rspack/core";
import type { PluginOptions } from "./options.js";
import { plugin } from "./plugin.js";

export { mark } from "./plugin.js";
export type { PluginOptions };

/**
 * Stamps the build: the mark into the pages, `virtual:trueup` into the bundle, `trueup.build.json` beside it.
 *
 * @example
 * ```ts
 * // rspack.config.mjs
 * import trueup from "trueup/rspack";
 * export default { entry: "./src/main.js", plugins: [trueup()] };
 * ```
 */
export default function trueup(options: PluginOptions = {}): RspackPluginInstance {
  return plugin.rspack(options) as RspackPluginInstance;
}
