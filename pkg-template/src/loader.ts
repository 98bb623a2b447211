/**
 * Starts the wasm: at once where the browser lets us, else when it is compiled. Compiled once for all clients of this
 * module, with an instance for each: one that traps takes no other with it.
 */
import { link } from "wasm:glue";
import { source } from "wasm:source";
import type { Core } from "./wire.js";

let module: WebAssembly.Module | Promise<WebAssembly.Module> | undefined;

/** A core, or a promise of it that rejects where the module is blocked, missing or broken. */
export function load(): Core | Promise<Core> {
  const [imports, start] = link();
  try {
    if (!module) {
      const given = source();
      module = given instanceof Uint8Array ? new WebAssembly.Module(given) : given;
    }
    if (module instanceof WebAssembly.Module) return start(new WebAssembly.Instance(module, imports));
  } catch (fault) {
    // Chrome before 115 refuses more than 4 KiB at once. A policy that blocks wasm would block it again.
    module ??= fault instanceof RangeError ? WebAssembly.compile(source() as Uint8Array<ArrayBuffer>) : Promise.reject(fault);
  }
  return (async () => {
    // First: without any WebAssembly the next line throws, and nobody would hear what `module` rejects with.
    module = await module!;
    return start(await WebAssembly.instantiate(module, imports));
  })();
}
