/** The build plugin for Vite. */
import type { Plugin } from "vite";
import type { PluginOptions } from "./options.js";
import { plugin } from "./plugin.js";

export { mark } from "./plugin.js";
export type { PluginOptions };

/**
 * Stamps the build: the mark into the pages, `virtual:trueup` into the bundle, `trueup.build.json` beside it.
 *
 * @example
 * ```ts
 * // vite.config.ts
 * import trueup from "trueup/vite";
 * export default { plugins: [trueup()] };
 * ```
 */
export default function trueup(options: PluginOptions = {}): Plugin {
  return plugin.vite(options) as Plugin;
}
