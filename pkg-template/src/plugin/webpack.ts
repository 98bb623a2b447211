/** The build plugin for webpack 5. */
import type { WebpackPluginInstance } from "webpack";
import type { PluginOptions } from "./options.js";
import { plugin } from "./plugin.js";

export { mark } from "./plugin.js";
export type { PluginOptions };

/**
 * Stamps the build: the mark into the pages, `virtual:trueup` into the bundle, `trueup.build.json` beside it.
 *
 * @example
 * ```ts
 * // webpack.config.mjs
 * import trueup from "trueup/webpack";
 * export default { entry: "./src/main.js", plugins: [new HtmlWebpackPlugin(), trueup()] };
 * ```
 */
export default function trueup(options: PluginOptions = {}): WebpackPluginInstance {
  return plugin.webpack(options) as WebpackPluginInstance;
}
