// What `cargo xtask build` gives the TypeScript (xtask/js/build.mjs), besides `wasm:glue`, which is `glue.ts`.

declare module "wasm:source" {
  /**
   * The compiled core. In the entry `trueup` its bytes, at once; in `trueup/slim` the answer of fetching the file beside
   * it; in the script drop-in its bytes, once unpacked.
   */
  export function source(): Uint8Array<ArrayBuffer> | Promise<Response | Uint8Array<ArrayBuffer>>;
}

/** The version of the package, and of the module that goes with it. */
declare const __VERSION__: string;

/** True in the development build and in Node tools, where errors carry prose; false in what users load. */
declare const __DEV__: boolean;
