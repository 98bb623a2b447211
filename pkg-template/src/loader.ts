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
  let given: ReturnType<typeof source> | Promise<never>;
  try {
    given = source();
    if (given instanceof Uint8Array) {
      initSync({ module: new WebAssembly.Module(given) });
      return Exported as CoreClass;
    }
  } catch (fault) {
    // Chrome before 115 refuses more than 4 KiB at once. A policy that blocks wasm would block it again.
    if (!(fault instanceof RangeError)) given = Promise.reject(fault);
  }
  return compile(given!);
}

async function compile(given: ReturnType<typeof source>): Promise<CoreClass> {
  const bytes = await given;
  const response = bytes instanceof Response ? bytes : new Response(bytes);
  if (!response.ok) throw response.status;
  // By hand: the glue would warn on the console about a server that has another type for .wasm.
  const copy = response.clone();
  const module = await WebAssembly.compileStreaming(response).catch(async () => WebAssembly.compile(await copy.arrayBuffer()));
  await init({ module_or_path: module });
  return (loaded = Exported as CoreClass);
}
