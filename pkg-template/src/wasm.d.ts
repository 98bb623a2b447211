// What `cargo xtask build` gives the TypeScript (xtask/js/build.mjs), besides `wasm:glue`, which is `glue.ts`.

declare module "wasm:source" {
  /**
   * The core. In the entry `trueup` its bytes, at once; in `trueup/slim` compiled from the file beside it, in the script
   * drop-in once unpacked.
   */
  export function source(): Uint8Array<ArrayBuffer> | Promise<WebAssembly.Module>;
}

/** The version of the package, and of the module that goes with it. */
declare const __VERSION__: string;

/** True in the development build and in Node tools, where errors carry prose; false in what users load. */
declare const __DEV__: boolean;
