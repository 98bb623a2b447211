/** The entry `trueup/slim`: the same, with the wasm in a file beside it, which is streamed. */
export * from "./index.js";
