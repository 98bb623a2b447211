/** The entry `trueup`: the wasm is inlined and started at once. */
/// <reference path="./virtual.ts" preserve="true" />
export { connect } from "./client.js";
export { TrueupError } from "./errors.js";
export type * from "./types.js";
