/** What the build plugin (`trueup/vite`, `/rollup`, `/webpack`, `/rspack`, `/esbuild`) knows of this build. */
declare module "virtual:trueup" {
  /** Which build this is: `connect({ build })`. `{ id: "dev" }` under a development server. */
  export const build: import("./types.js").Build;
  /** The plugin's option `app`. */
  export const app: string | undefined;
  /** The plugin's option `apis`. */
  export const apis: import("./types.js").Options["apis"];
}
