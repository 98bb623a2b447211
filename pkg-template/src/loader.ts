/**
 * Starts the wasm: at once where the browser lets us, else when it is compiled. Once for all clients of this module.
 */
import init, { Core as Exported, initSync } from "wasm:glue";
import { source } from "wasm:source";
import type { Core, Start } from "./wire.js";

/** The class of `wire.ts`. Throws `{ code, path }` for wrong options. */
export type CoreClass = new (options: object, start: Start, mono: number, wall: number) => Core;

let loaded: CoreClass | Promise<CoreClass> | undefined;

/** The class, or a promise of it that rejects where the module is blocked, missing or broken. */
export function load(): CoreClass | Promise<CoreClass> {
  return (loaded ??= start());
}

function start(): CoreClass | Promise<CoreClass> {
  try {
    const bytes = source();
    if (bytes instanceof Uint8Array) {
      try {
        initSync({ module: new WebAssembly.Module(bytes) });
        return (loaded = Exported as CoreClass);
      } catch (fault) {
        // Chrome before 115 refuses more than 4 KiB at once. A policy that blocks wasm would block it again.
        if (!(fault instanceof RangeError)) throw fault;
      }
    }
    return compile(bytes).then(() => (loaded = Exported as CoreClass));
  } catch (fault) {
    return Promise.reject(fault);
  }
}

async function compile(given: Uint8Array<ArrayBuffer> | Promise<Response | Uint8Array<ArrayBuffer>>): Promise<void> {
  let bytes: BufferSource | Response = await given;
  if (bytes instanceof Response) {
    if (!bytes.ok) throw bytes.status;
    // By hand: the glue would warn on the console about a server that has another type for .wasm.
    const copy = bytes.clone();
    await init({ module_or_path: await WebAssembly.compileStreaming(bytes).catch(async () => WebAssembly.compile(await copy.arrayBuffer())) });
  } else await init({ module_or_path: await WebAssembly.compile(bytes) });
}
