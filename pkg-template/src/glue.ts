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

/** A JSON value as `src/core/json/unpack.rs` reads it: numbers by their bits, the rest by its length. What is too deep is `null`. */
const pack = (value: any, depth = 250): string => {
  if (typeof value === "string") return `"${value.length} ${value}`;
  if (typeof value === "number") return `#${new BigUint64Array(new Float64Array([value]).buffer)[0]} `;
  if (value === true) return "t";
  if (!value || !depth) return value === false ? "f" : "n";
  const names = Object.keys(value);
  const list = Array.isArray(value);
  let text = list ? `[${names.length} ` : `{${names.length * 2} `;
  for (const name of names) text += (list ? "" : pack(name)) + pack(value[name], depth - 1);
  return text;
};

/** What one instance of the module imports, and the core that it then is. */
export const link = (): [imports: WebAssembly.Imports, start: (instance: WebAssembly.Instance) => Core] => {
  let wasm: Exports;
  const memory = (at: number, length?: number) => new Uint8Array(wasm.m.buffer, at >>> 0, length);
  const decoder = new TextDecoder();
  const text = (bytes: Uint8Array) => decoder.decode(bytes);
  const encoder = new TextEncoder();
  let packed: ArrayLike<number>;
  /** Packs what the JSON says, and gives the length: 0 where it is none. */
  const load = (json: string) => {
    packed = [];
    try {
      packed = encoder.encode(pack(JSON.parse(json)));
    } catch {}
    return packed.length;
  };
  return [
    {
      [__VERSION__]: {
        n: (at: number, length: number) => Number(text(memory(at, length))),
        p: (n: number, to: number) => encoder.encodeInto(String(n), memory(to, 32)).written,
        r: (a: number, b: number) => a % b,
        j: (at: number, length: number) => load(text(memory(at, length))),
        t: (to: number) => memory(to).set(packed),
      },
    },
    ({ exports }) => {
      wasm = exports as Exports;
      return (input, mono = performance.now(), wall = Date.now()) => {
        memory(wasm.r(load(JSON.stringify(input)))).set(packed);
        const reply = memory(wasm.h(mono, wall));
        return JSON.parse(text(reply.subarray(0, reply.indexOf(0))));
      };
    },
  ];
};
