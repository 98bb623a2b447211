/**
 * `wasm:glue`: calls the module's exports (`src/browser/exports.rs`) and holds what it imports (`src/browser/wire.rs`).
 *
 * Instead of wasm-bindgen's own glue, which is four times as large: only text and numbers cross. Its calling convention is
 * pinned with its version. Text goes in as place and length of memory that the module frees, and comes out as the same,
 * to be freed. `xtask/src/rename.rs` gives these names, and fails where the module has others.
 */
import type { Core as Wire, Input, Start } from "./wire.js";

interface Exports extends WebAssembly.Exports {
  /** The memory. */
  m: WebAssembly.Memory;
  /** Allocates. */
  a(length: number, align: 1): number;
  /** Frees. */
  f(at: number, length: number, align: 1): void;
  /** `create`. */
  n(at: number, length: number, mono: number, wall: number): number;
  /** `handle`. */
  h(core: number, at: number, length: number, mono: number, wall: number): [at: number, length: number];
  /** `wake`. */
  w(core: number, mono: number, wall: number): number;
  /** `drop`. */
  d(core: number): void;
}

type Clocks = [mono: number, wall: number];

let wasm: Exports | undefined;

const memory = (at: number, length: number) => new Uint8Array(wasm!.m.buffer, at >>> 0, length);

const text = (at: number, length: number) => new TextDecoder().decode(memory(at, length));

const pass = (value: unknown): [at: number, length: number] => {
  const { length } = (value = new TextEncoder().encode(JSON.stringify(value))) as Uint8Array;
  const at = wasm!.a(length, 1);
  memory(at, length).set(value as Uint8Array);
  return [at, length];
};

/** As `wire.ts` has it. */
export class Core implements Wire {
  private core: number;
  private first: string;
  constructor(options: object, start: Start, ...clocks: Clocks) {
    this.core = wasm!.n(...pass([options, start]), ...clocks);
    this.first = this.handle({}, ...clocks);
    if (this.first[0] === "[") return;
    this.free();
    throw JSON.parse(this.first);
  }
  start(): string {
    return this.first;
  }
  handle(input: Input | { type?: "inspect" }, ...clocks: Clocks): string {
    const [at, length] = wasm!.h(this.core, ...pass(input), ...clocks);
    const given = text(at, length);
    wasm!.f(at, length, 1);
    return given;
  }
  inspect(...clocks: Clocks): string {
    return this.handle({ type: "inspect" }, ...clocks);
  }
  wake(...clocks: Clocks): number {
    return wasm!.w(this.core, ...clocks);
  }
  free(): void {
    wasm!.d(this.core);
  }
}

const imports = {
  _: {
    n: (at: number, length: number) => Number(text(at, length)),
    p: (n: number, to: number) => new TextEncoder().encodeInto(String(n), memory(to, 32)).written,
    r: (a: number, b: number) => a % b,
  },
};

/** Starts a compiled module, once. */
export const initSync = ({ module }: { module: WebAssembly.Module }): void => {
  wasm ??= new WebAssembly.Instance(module, imports).exports as Exports;
};

/** The same, where the browser refuses to do it at once. */
export default async ({ module_or_path }: { module_or_path: WebAssembly.Module }): Promise<void> => {
  wasm ??= (await WebAssembly.instantiate(module_or_path, imports)).exports as Exports;
};
