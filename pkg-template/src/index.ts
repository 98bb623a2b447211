/** The entry `trueup`: the wasm is inlined and started at once. */
export { connect } from "./client.js";
export { TrueupError } from "./errors.js";
export type * from "./types.js";
