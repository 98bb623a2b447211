/**
 * `wasm:glue`: calls the module's exports (`src/browser/exports.rs`) and holds what it imports (`src/browser/wire.rs`).
 *
 * Instead of wasm-bindgen's own glue, which is ten times as large: only text and numbers cross. Its calling convention is
 * pinned with its version. `xtask/src/rename.rs` gives these names, and fails where the module has others.
 */
import type { Core } from "./wire.js";

interface Exports extends WebAssembly.Exports {
  /** The memory. */
  m: WebAssembly.Memory;
  /** `room`. */
  r(length: number): number;
  /** `handle`. */
  h(mono: number, wall: number): number;
}

/** What one instance of the module imports, and the core that it then is. */
export const link = (): [imports: WebAssembly.Imports, start: (instance: WebAssembly.Instance) => Core] => {
  let wasm: Exports;
  const memory = (at: number, length?: number) => new Uint8Array(wasm.m.buffer, at >>> 0, length);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const encoder = new TextEncoder();
  return [
    {
      [__VERSION__]: {
        n: (at: number, length: number) => Number(text(memory(at, length))),
        p: (n: number, to: number) => encoder.encodeInto(String(n), memory(to, 32)).written,
        r: (a: number, b: number) => a % b,
      },
    },
    ({ exports }) => {
      wasm = exports as Exports;
      return (input, ...clocks) => {
        const given = encoder.encode(JSON.stringify(input));
        memory(wasm.r(given.length)).set(given);
        const reply = memory(wasm.h(...clocks));
        return JSON.parse(text(reply.subarray(0, reply.indexOf(0))));
      };
    },
  ];
};
