/** What the build plugins take. */
import type { Options } from "../types.js";

/** All of it may be left out. */
export interface PluginOptions {
  /**
   * The build's id. Default: the commit, from the variables of the CI or from git; with changes that are not committed also
   * a hash of those; without git a hash of the sources.
   */
  id?: string;
  /** Its version: `commit` is the commit's time in Unix seconds (default), `package` the version in package.json, or your own. */
  version?: "commit" | "package" | (string & {}) | number;
  /** The app's name, where several share an origin. */
  app?: string;
  /** What this build speaks, as `connect` takes it. It goes into the stamp, and into `virtual:trueup`. */
  apis?: Options["apis"];
  /**
   * Emits `trueup.json` too, for a static host without a pipeline: this build as the current one, with the commit's time
   * as its serial. An object is added to it (`{ flags, apis, supported }`). Deploying an older commit is no rollback by
   * that: its serial is lower. Default: false.
   */
  manifest?: boolean | { readonly [member: string]: unknown };
  /** Where package.json and git are looked for. Default: the bundler's root. */
  root?: string;
}
