/**
 * A tab in virtual time: the wasm core that visitors load, played by the command line. Every question about what a tab
 * would do is asked of it, so there is no second implementation that could answer otherwise.
 */
import { nextFlags, noFlags } from "../flags.js";
import { load } from "../loader.js";
import type { ApiOptions, Fault, FlagDetails, Plan, RefreshState, Standing } from "../types.js";
import { begin, type Core, type Effect, event, In, type Input, known, Out, type Reply } from "../wire.js";

/** What a build speaks, as the option `apis` has it. */
export type Apis = { readonly [name: string]: readonly (string | number)[] | ApiOptions };

/** What a tab runs. */
export interface TabBuild {
  id: string;
  version?: string | number | undefined;
  apis?: Apis | undefined;
  /** The app's name, as in the mark's `data-app`. */
  app?: string | undefined;
}

export interface TabOptions {
  /** The servers' time, in ms since 1970. */
  at: number;
  /** The context of the flags. */
  context?: object | undefined;
  /** All chance follows from it. */
  seed?: number;
  /** Effects as they come, with the time since the page started. */
  watch?: (effect: Effect, elapsed: number) => void;
}

/** Wrong options: the build is none. */
export class TabError extends Error {
  constructor(
    readonly code: string,
    readonly path: string,
  ) {
    super(`${path}: ${code}`);
  }
}

export class Tab {
  standing: Standing = { status: "unknown", reason: "no-manifest" };
  refresh: RefreshState = { phase: "idle" };
  plan: Plan = { generation: 0, apis: {} };
  /** Evaluated; without a value the reader's own fallback stands. */
  flags: { readonly [key: string]: Partial<FlagDetails> } = {};
  #flags = noFlags;
  /** All that was reported, in order. */
  readonly faults: Fault[] = [];
  /** How the last poll ended. */
  outcome = "";
  /** What is asked for and not yet answered. */
  readonly asked = new Set<Out>();
  elapsed = 0;
  readonly #core: Core;
  #delay = 0;
  readonly #at: number;
  readonly #watch: TabOptions["watch"];

  constructor(build: TabBuild, { at, context, seed = 1, watch }: TabOptions) {
    const { id, version, apis, app } = build;
    const options = { build: { id, version }, app, apis, flags: context && { context } };
    this.#at = at;
    this.#watch = watch;
    this.#core = load() as Core;
    let reply;
    try {
      const mark = [id, version === undefined ? null : String(version), null] as const;
      reply = begin(this.#core, [options, seed, seed, null, null, [], null, ...mark, true, true, false, false], 0, at);
    } catch (wrong) {
      const { code, path } = wrong as { code?: string; path?: string };
      if (code === undefined) throw wrong;
      throw new TabError(code, path ?? "");
    }
    this.#take(reply);
  }

  /** The server answers the poll with this text, now. */
  hear(text: string, date = this.#at + this.elapsed): this {
    if (!this.asked.has(Out.Poll)) this.send([In.Check]);
    this.asked.delete(Out.Poll);
    return this.send([In.Answer, null, 200, false, null, date, null, null, text]);
  }

  /** The look at the page finds this HTML. */
  see(text: string, { status = 200, redirected = false, html = true }: { status?: number; redirected?: boolean; html?: boolean } = {}): this {
    this.asked.delete(Out.Shell);
    return this.send([In.Shell, null, status, redirected, html, text]);
  }

  /** Sleeps until the core wants to be woken. */
  sleep(): this {
    this.elapsed += Math.max(1, this.#delay);
    return this.send([In.Wake]);
  }

  /** All that the core knows. */
  inspect(): { [name: string]: unknown } {
    return known(this.#core([In.Inspect], this.elapsed, this.#at + this.elapsed));
  }

  send(input: Input): this {
    this.#take(this.#core(input, this.elapsed, this.#at + this.elapsed));
    return this;
  }

  #take([delay, ...effects]: Reply): void {
    this.#delay = delay;
    for (const effect of effects) {
      this.asked.add(effect[0]);
      if (effect[0] === Out.Flags) {
        [this.#flags] = nextFlags(this.#flags, effect[1], effect[2], effect[3]);
        this.flags = Object.fromEntries(this.#flags.flags);
      }
      this.#hear(...event(effect));
      this.#watch?.(effect, this.elapsed);
    }
  }

  #hear(event: string, detail: unknown): void {
    if (event === "standing") this.standing = detail as Standing;
    else if (event === "refresh") this.refresh = detail as RefreshState;
    else if (event === "plan") this.plan = detail as Plan;
    else if (event === "error") this.faults.push(detail as Fault);
    else if (event === "poll") this.outcome = (detail as { outcome: string }).outcome;
  }
}

/** A page that carries a mark. The scanner of the core takes attributes as they stand. */
export function page({ id, version, app }: TabBuild): string {
  const quoted = (text: string) => (text.includes('"') ? `'${text}'` : `"${text}"`);
  const more = `${version === undefined ? "" : ` data-version="${version}"`}${app ? ` data-app=${quoted(app)}` : ""}`;
  return `<meta name="trueup-build" content=${quoted(id)}${more}>`;
}

export type Order = "older" | "same-version" | "newer" | "not-comparable";

/** How version `a` stands to `b`, by the core's own order. What is no version compares with nothing. */
export function compare(a: string | number, b: string | number): Order {
  const manifest = { trueup: 1, serial: 1, current: { id: "b", version: b } };
  if (!isVersion(a) || !isVersion(b)) return "not-comparable";
  return new Tab({ id: "a", version: a }, { at: 0 }).hear(JSON.stringify(manifest)).standing.reason as Order;
}

/** Whether the decoder takes it as a version. */
export function isVersion(version: string | number): boolean {
  try {
    new Tab({ id: "a", version }, { at: 0 });
    return true;
  } catch (error) {
    if (error instanceof TabError) return false;
    throw error;
  }
}
