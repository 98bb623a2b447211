/**
 * The entry `trueup/server`: what a server that renders pages needs, in Node and in edge runtimes. Nothing of a browser
 * and no wasm is touched before `evaluate` is called.
 */
import { link } from "wasm:glue";
import { TrueupError } from "./errors.js";
import { nextFlags, noFlags } from "./flags.js";
import { plain } from "./given.js";
import { load } from "./loader.js";
import type * as T from "./types.js";
import { begin, type Effect, event, Out, type Reply } from "./wire.js";

export { TrueupError } from "./errors.js";
export { mark } from "./mark.js";
export type * from "./types.js";

/** What a page starts with: plain data, for `initial` of `TrueupProvider`. */
export interface Evaluated {
  readonly standing: T.Standing;
  readonly plan: T.Plan;
  readonly flags: { readonly [key: string]: T.FlagDetails };
  /** What is wrong with the manifest, if anything is; or `{ blame: "module" }`, where Trueup itself does not run here. */
  readonly errors: readonly T.Fault[];
}

/** How `evaluate` stands in for the page: as its `connect` has them. */
export interface EvaluateOptions extends Pick<T.Options, "app" | "apis"> {
  /** The build whose page is rendered. */
  build: T.Build;
  /**
   * Where code cannot be compiled at run time (Cloudflare Workers, Vercel Edge): the module that the platform has
   * compiled, `import module from "trueup/dist/trueup_bg.wasm"`.
   */
  module?: WebAssembly.Module;
}

/**
 * The standing, plan and flags that a page of this build has with this manifest, by the same core. A broken manifest gives
 * what a page does without one, and `errors`; so does a module that is lost. Wrong options reject with `TrueupError`.
 *
 * @example
 * ```ts
 * const initial = await evaluate(manifest, { targetingKey: user.id }, { build });
 * const html = renderToString(<TrueupProvider client={connect()} initial={initial}><App /></TrueupProvider>);
 * ```
 */
export async function evaluate(
  manifest: object | string,
  context: T.FlagContext | undefined,
  { module, ...options }: EvaluateOptions,
): Promise<Evaluated> {
  const result: { -readonly [K in keyof Evaluated]: any } = {
    standing: { status: "unknown", reason: "no-manifest" },
    plan: { generation: 0, apis: {} },
    flags: {},
    errors: [],
  };
  const inline = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
  const clocks = [0, Date.now()] as const;
  const given = plain({ ...options, flags: { context: plain(context ?? {}, "flags.context") } }, "");
  let reply: Reply;
  let lost = "blocked";
  try {
    const [imports, start] = link();
    const core = module ? start(new WebAssembly.Instance(module, imports)) : await load();
    lost = "trap";
    reply = begin(core, [given, 0, null, null, null, null, inline, null, null, null, true, true, false, true], ...clocks);
  } catch (thrown) {
    if (thrown instanceof TrueupError) throw thrown;
    // Pages are rendered as if Trueup were not there.
    return { ...result, errors: [{ blame: "module", code: lost }] };
  }
  const [, ...effects] = reply;
  for (const effect of effects as Effect[]) {
    const [name, detail] = event(effect);
    if (name === "standing" || name === "plan") result[name] = detail;
    if (effect[0] === Out.Flags) result.flags = Object.fromEntries(nextFlags(noFlags, effect[1], effect[2], effect[3])[0].flags);
    if (name === "error") result.errors.push(detail);
  }
  return result;
}

/**
 * The manifest as a `<script>` for the page's HTML, so that the client starts with it: it informs and may prompt; a force
 * waits until the server itself was heard. Takes the object or its text.
 */
export function inlineManifest(manifest: object | string): string {
  return inlineJson(manifest, "trueup");
}

/**
 * Any JSON as a `<script type="application/json" id="…">`, from which nothing can break out: for what `evaluate` gave.
 * The page reads it with `JSON.parse(document.getElementById(id).textContent)`.
 */
export function inlineJson(value: object | string, id: string): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `<script type="application/json" id="${id}">${text.replace(/[<\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}</script>`;
}
