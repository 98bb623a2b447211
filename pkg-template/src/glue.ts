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

const double = new Float64Array(1);
/** Not made before it is needed: a browser without it loses Trueup, and not the app with it. */
let bits: BigUint64Array;

/**
 * A value as `src/core/json/unpack.rs` reads it: numbers by their bits, the rest by its length. `null` is what JSON has none
 * for, and what is too deep.
 */
const pack = (value: any, depth = 250): string => {
  if (typeof value === "string") return `"${value.length} ${value}`;
  if (Number.isFinite(value)) return `#${((double[0] = value), (bits ??= new BigUint64Array(double.buffer))[0])} `;
  if (Object(value) !== value || !depth) return value === true ? "t" : value === false ? "f" : "n";
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
  let packed: Uint8Array;
  return [
    {
      [__VERSION__]: {
        n: (at: number, length: number) => Number(text(memory(at, length))),
        p: (n: number, to: number) => encoder.encodeInto(String(n), memory(to, 32)).written,
        r: (a: number, b: number) => a % b,
        j: (at: number, length: number) => {
          let json = "";
          try {
            json = pack(JSON.parse(text(memory(at, length))));
          } catch {}
          return (packed = encoder.encode(json)).length;
        },
        t: (to: number) => memory(to).set(packed),
      },
    },
    ({ exports }) => {
      wasm = exports as Exports;
      return (input, mono = performance.now(), wall = Date.now()) => {
        const given = pack(input);
        // No letter takes more bytes in UTF-8. To write in place takes half the time of `encode`.
        const room = given.length * 3;
        encoder.encodeInto(given, memory(wasm.r(room), room));
        const reply = memory(wasm.h(mono, wall));
        return JSON.parse(text(reply.subarray(0, reply.indexOf(0))));
      };
    },
  ];
};
