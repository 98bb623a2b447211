/**
 * The JavaScript surface of Trueup, by hand.
 *
 * Times are milliseconds since 1970 by the servers' clock where one is known, durations carry their unit in their name.
 */
import type { PromptTexts } from "./prompt.js";

export type { PromptTexts };

/** What one tab runs. */
export interface Build {
  /** Opaque and not empty: a git SHA, say. */
  id: string;
  /**
   * Ordered: an integer, dotted numbers of 1 to 4 parts with an optional semver pre-release, or an ISO date. A build
   * without a version is told from others by its id only, and never falls below a minimum.
   */
  version?: string | number;
}

/**
 * What `connect` takes; every member may be left out.
 *
 * @example
 * ```ts
 * const trueup = connect({
 *   build: { id: "9f3c2e1", version: "4.12.0" },
 *   manifest: "/trueup.json",
 *   app: "shop",
 *   apis: { orders: { speaks: ["3", "2"], required: true, carrier: { path: "/api/orders/v{version}" } } },
 * });
 * ```
 */
export interface Options {
  /** What this tab runs. Default: the page's mark, `<meta name="trueup-build" content="ID" data-version="V">`. */
  build?: Build;
  /** URL of the manifest, resolved against the page. Default: `/trueup.json`. */
  manifest?: string;
  /** The app's name, where several share an origin: the mark carries the same one in `data-app`. Default: the mark's. */
  app?: string;
  /** `observe`: everything is decided and reported, nothing is shown or done. Default: `act`. */
  mode?: "act" | "observe";
  /** `none`: the app shows `refresh.state` itself. Default: `prompt`, the built-in `<trueup-prompt>`. */
  ui?: "prompt" | "none";
  /** The poll period in seconds, 1 to 86,400; wins over the manifest's. Below 15 is for development and tests. */
  poll?: { everySeconds?: number };
  /** The countdown before a forced refresh, in seconds, 1 to 86,400. Default: 60; under 20 fails WCAG 2.2.1. */
  countdownSeconds?: number;
  /** URL of the entry HTML document that a reload would bring. Default: the page's own URL. */
  shell?: string;
  /** The APIs that the app calls: what it speaks, most wanted first. A plain list stands for `{ speaks: list }`. */
  apis?: { readonly [name: string]: readonly (string | number)[] | ApiOptions };
  /** How flags are evaluated. */
  flags?: {
    /** For whom: the first context, until `flags.setContext`. */
    context?: FlagContext;
    /**
     * Where a context has no `targetingKey`, one is drawn and kept in local storage, so that this browser stays in its share of a
     * rollout. Laws may ask for consent. Default: false.
     */
    stickyKey?: boolean;
  };
  /** A key of the signed-in user: what `onSave` kept is given only to the same one. It stays in this browser. */
  user?: string;
  /** The prompt's texts: `import de from "trueup/locales/de"`. Default: English. */
  texts?: Partial<PromptTexts>;
  /**
   * Allows a waiting service worker to be activated before a refresh: `activate` is posted to it, and it is expected to
   * call `skipWaiting()`. Without it Trueup waits until the worker takes over by itself.
   */
  worker?: { activate: unknown };
  /** Same-origin calls of `api()` carry the build's id as `Trueup-Build`. Default: false, for it costs redirects a preflight. */
  sendBuild?: boolean;
  /** Below this URL are the app's own assets: one that fails to load asks for a poll. Default: the page's origin. */
  chunks?: string;
}

/** How the app speaks one API. */
export interface ApiOptions {
  /**
   * Versions, and ranges such as `">=2 <4"`, most wanted first. Without a manifest calls have the first version that is
   * named, exactly or by `>=` or `<=`; one has to be. A pre-release is spoken by its exact name only.
   */
  speaks: readonly (string | number)[];
  /** Without a common version the build counts as unsupported. Default: false. */
  required?: boolean;
  /** Where the version goes, unless the manifest says otherwise. Default: the header `Api-Version`. */
  carrier?: ApiCarrier;
  /**
   * Below this URL the API is, unless the manifest says otherwise. It may name another origin; the manifest's paths are
   * then of that origin. Default: the page's origin.
   */
  base?: string;
  /**
   * The answer's header that lists the versions that the server supports, with commas between them. An answer of status
   * 400, 404, 406, 410 or 426 that does not list the version asked for is a refusal. Default: `Api-Supported-Versions`.
   */
  supportedHeader?: string;
  /** The `type` of the `application/problem+json` that says that a version was refused and that nothing was done. */
  problemType?: string;
  /** The answer's header that names the version served. Default: the header that carries it, else `Api-Version`. */
  echoHeader?: string;
}

/** Where the version of an API goes: exactly one of the members. */
export type ApiCarrier =
  /** A path with `{version}`: `/api/orders/v{version}`. */
  | { path: string }
  /** The name of a query parameter. */
  | { query: string }
  /** The name of a request header. */
  | { header: string }
  /** The name of a parameter of the media types in `Accept`: `version` makes `application/json;version=3`. */
  | { accept: string };

/** Where this build stands; `reason` is a stable code. */
export type Standing =
  /** No valid manifest has been heard or kept (`reason`: why). */
  | { readonly status: "unknown"; readonly reason: string }
  /** It is what a fresh load brings. */
  | { readonly status: "current"; readonly reason: string }
  /** Older, and within the window. */
  | { readonly status: "behind"; readonly reason: string }
  /** Still supported; until `deadline`, where there is one. */
  | { readonly status: "deprecated"; readonly reason: string; readonly deadline?: number }
  /** Outside the window. */
  | { readonly status: "unsupported"; readonly reason: string; readonly deadline?: number }
  /** Newer than what is current: a rollback, or a server that lags. Never causes a refresh. */
  | { readonly status: "ahead"; readonly reason: string };

/** What a refresh is about, in every phase but `idle`. */
export interface RefreshCause {
  /** What is due. `navigate`: to take the next navigation; `offer`, `urge`, `force`: see the phases. */
  readonly action?: "none" | "navigate" | "offer" | "urge" | "force";
  /** The build id that the refresh would bring. */
  readonly target?: string;
  /** Why: a stable code, the standing's or the gate's. */
  readonly reason?: string;
  /** The open holds, by their reasons. */
  readonly holds?: readonly string[];
  /** When an urge becomes a force, in ms since 1970. */
  readonly deadline?: number;
  /** The publisher's notes by language tag: plain text. */
  readonly notes?: { readonly [language: string]: string };
  /** The publisher's page about it: a path of this origin. */
  readonly link?: string;
}

/** Where a refresh is; discriminated by `phase`. `until` is in ms since 1970. */
export type RefreshState =
  /** Nothing is due, or nothing may be done: paused, outside the share, `observe`, the page's own wish. `reason` says which. */
  | ({ readonly phase: "idle" } & RefreshCause)
  /** Waits for its share of the spread, so that not all tabs act at once. */
  | ({ readonly phase: "spreading"; readonly until?: number } & RefreshCause)
  /** The shell is being looked at. */
  | ({ readonly phase: "checking"; readonly until?: number } & RefreshCause)
  /** A reload would not bring anything newer yet: the shell is looked at again at `until`. */
  | ({ readonly phase: "waiting"; readonly until?: number } & RefreshCause)
  /** Ready for `takeNavigation`. */
  | ({ readonly phase: "navigation" } & RefreshCause)
  /** A notice that can be dismissed. */
  | ({ readonly phase: "offering" } & RefreshCause)
  /** A notice that can be put off by 15 minutes. Where storage is blocked (`no-storage`), also in place of a force. */
  | ({ readonly phase: "urging" } & RefreshCause)
  /** Due, but an open hold keeps it: `holds` says which. */
  | ({ readonly phase: "holding"; readonly until?: number } & RefreshCause)
  /** Counts down `seconds` to `until`; `deferrals` more times a person can put it off by 5 minutes. */
  | ({ readonly phase: "counting"; readonly until: number; readonly seconds: number; readonly deferrals: number } & RefreshCause)
  /** Dismissed or put off, until `until`. */
  | ({ readonly phase: "deferred"; readonly until?: number } & RefreshCause)
  /** `onSave` callbacks run. */
  | ({ readonly phase: "saving" } & RefreshCause)
  /** The page is being reloaded. */
  | ({ readonly phase: "reloading" } & RefreshCause)
  /** The page is still there 10 s after a reload: a person chose to stay. */
  | ({ readonly phase: "cancelled" } & RefreshCause)
  /** The budget of reloads is used up until `until`. */
  | ({ readonly phase: "refused"; readonly until?: number } & RefreshCause)
  /** Reloads did not bring the target: nothing more until it changes. */
  | ({ readonly phase: "stuck" } & RefreshCause);

/** How the version of one API stands. */
export interface ApiPlan {
  /**
   * `agreed`, `deprecated`: both sides speak `version`. `client-too-old`: a refresh helps. `client-too-new`: the server lags or was
   * rolled back. `absent`: the manifest does not name the API. `unknown`: no valid manifest says anything.
   */
  readonly outcome: "agreed" | "deprecated" | "client-too-old" | "client-too-new" | "absent" | "unknown";
  /**
   * The version that calls use; without one they are refused before they are sent. With `absent` and `unknown` it is the
   * first one spoken, and where only refusals leave nothing in common, the one that the manifest promised.
   */
  readonly version?: string;
  /** When `version` goes, in ms since 1970. */
  readonly deadline?: number;
  /** Documentation of the deprecation. */
  readonly link?: string;
  /**
   * Why: a stable code. `overlap`, `only-deprecated`, `server-newer`, `server-older`, `other-kind` (of version),
   * `nothing-served`, `not-listed`, `no-manifest`, `invalid` (an `error` event says where), `refused` (a server has
   * refused the version that the manifest promised: another one serves until the next manifest, at most 5 minutes),
   * `no-plan` (Trueup is not running).
   */
  readonly reason?: string;
  /** The base path, as the manifest has it. */
  readonly base?: string;
  /** Where the version goes, as the manifest has it. */
  readonly carrier?: ApiCarrier;
}

/** The outcome of negotiation, whole. Calls in flight keep the one that they started with. */
export interface Plan {
  /** Grows with every change; 0 before the first. */
  readonly generation: number;
  readonly apis: { readonly [name: string]: ApiPlan };
}

/**
 * One API: calls in the version of the plan. It throws (`fetch`: rejects with) `TrueupError` of `path` `apis.NAME` and the
 * code `api/client-too-old` or `api/client-too-new` (no common version, by a valid manifest), `api/path` (a path that
 * leaves the base), `api/contradiction` (the caller's own header or query names another version) or `api/undeclared` (no
 * such API in the options).
 *
 * @example
 * ```ts
 * const orders = trueup.api("orders");
 * const answer = await orders.fetch("42/lines?open=1", { signal });
 * const client = createClient<paths>({ baseUrl: orders.url(""), fetch: orders.fetch });   // openapi-fetch
 * ```
 */
export interface Api {
  /** The plan at this moment. */
  readonly plan: ApiPlan;
  /** The URL of `path` (and query) below the API's base. It cannot leave the base: `..`, `//` and `\` are refused. */
  url(path: string): string;
  /** The headers that carry the version; empty where the URL does. */
  headers(): Headers;
  /**
   * `fetch` with the version set. Takes paths below the API's base, and URLs and `Request`s below it for any version: the
   * version is replaced. A `Request` for another path of the page's origin is moved below the base; where its URL changes,
   * its body is read whole first.
   *
   * A call that a server refuses for its version is repeated once, if another version was then chosen, its body can be
   * sent again (no stream, no body of a `Request`), and it is idempotent (RFC 9110, 9.2.2) or the answer is of the
   * `problemType`. Every other answer is the caller's.
   */
  fetch: typeof fetch;
}

/** Any JSON value. */
export type FlagValue = boolean | string | number | null | readonly FlagValue[] | { readonly [key: string]: FlagValue };

/**
 * What flags are evaluated for: JSON values, read by rules as `{"var": "plan"}`. `$build` comes by itself, `{ id, version }` of this
 * build, so that a rule can say `{"sem_ver": [{"var": "$build.version"}, ">=", "4.11.0"]}`. The context stays in this browser.
 */
export interface FlagContext {
  /** Whom a share of a rollout belongs to. Without it, and without `stickyKey`, `fractional` chooses nothing. */
  targetingKey?: string;
  [key: string]: unknown;
}

/**
 * The types of flags, by key: to be extended by the app. A key that is not named here takes the type of its fallback.
 *
 * @example
 * ```ts
 * declare module "trueup" {
 *   interface FlagTypes {
 *     "new-checkout": boolean;
 *     "banner": { text: string; colour?: string };
 *   }
 * }
 * ```
 */
export interface FlagTypes {}

/** A key that `FlagTypes` does not name. */
type OtherKey<K extends string> = K extends keyof FlagTypes ? never : K;

/** One evaluated flag; never an exception. */
export interface FlagDetails<T = FlagValue> {
  readonly value: T;
  /** The name of the value in the flag's definition; absent where the fallback stands. */
  readonly variant?: string;
  /**
   * `STATIC`: no targeting. `TARGETING_MATCH`: targeting chose the variant. `DEFAULT`: it chose none. `DISABLED`: switched off, the
   * fallback. `STALE`: from the manifest that was kept, the server has not answered yet. `ERROR`: the fallback, see `errorCode`.
   */
  readonly reason: string;
  /**
   * `FLAG_NOT_FOUND`: the manifest does not name it. `TYPE_MISMATCH`: the value is not of the fallback's kind (boolean, string, number,
   * object, list, `null`). `PARSE_ERROR`: it is malformed, an `error` event said where. `GENERAL`: targeting gave something that is no variant.
   * `PROVIDER_NOT_READY`: no manifest has come, or the module is lost. Flags from a server have that one's codes and reasons, too.
   */
  readonly errorCode?: string;
  /** The flag set's metadata with the flag's over it. */
  readonly metadata?: { readonly [key: string]: FlagValue };
}

/**
 * The flags, evaluated: a read is a look-up in a `Map` and never throws.
 *
 * @example
 * ```ts
 * if (trueup.flags.get("new-checkout", false)) showNewCheckout();
 * const { value, reason } = trueup.flags.details("banner-text", "");
 * trueup.flags.setContext({ targetingKey: user.id, plan: user.plan });
 * const off = trueup.flags.on("new-checkout", () => render());
 * ```
 */
export interface Flags {
  /** The flag's value; `fallback` where it is unknown, disabled, broken or of another kind. Do not change an object that it gives. */
  get<K extends keyof FlagTypes>(key: K, fallback: FlagTypes[K]): FlagTypes[K];
  get<K extends string>(key: OtherKey<K>, fallback: boolean): boolean;
  get<K extends string>(key: OtherKey<K>, fallback: string): string;
  get<K extends string>(key: OtherKey<K>, fallback: number): number;
  get<K extends string, T extends object | null>(key: OtherKey<K>, fallback: T): T;
  get<K extends string, T extends FlagValue>(key: OtherKey<K>, fallback: T): T;
  /** The same with variant, reason, error code and metadata. */
  details<K extends keyof FlagTypes>(key: K, fallback: FlagTypes[K]): FlagDetails<FlagTypes[K]>;
  details<K extends string>(key: OtherKey<K>, fallback: boolean): FlagDetails<boolean>;
  details<K extends string>(key: OtherKey<K>, fallback: string): FlagDetails<string>;
  details<K extends string>(key: OtherKey<K>, fallback: number): FlagDetails<number>;
  details<K extends string, T extends object | null>(key: OtherKey<K>, fallback: T): FlagDetails<T>;
  details<K extends string, T extends FlagValue>(key: OtherKey<K>, fallback: T): FlagDetails<T>;
  /**
   * Replaces the context. All flags are evaluated again before it returns, and the listeners of those that changed are called once.
   * Throws `TrueupError` for what is no JSON.
   */
  setContext(context: FlagContext): void;
  /** Calls `listener` when this flag's value or variant has changed. Returns the way to stop it. */
  on(key: string, listener: () => void): () => void;
}

/** An open reason not to refresh. */
export interface Hold extends Disposable {
  readonly reason: string;
  /** Ends it; again: nothing. */
  release(): void;
}

/** The refresh of this page. */
export interface Refresh {
  /** Where it is, and why. */
  readonly state: RefreshState;
  /**
   * A person wants it now: skips spread and holds, not the shell check. Resolves with the state in which it settled
   * when no reload follows; when one does, the page is gone before. Never rejects.
   */
  now(): Promise<RefreshState>;
  /** Dismisses an offer, puts off an urge by 15 minutes or a countdown by 5: whichever stands. */
  defer(): void;
  /**
   * Call before a client-side navigation to `url`. True: the page is going there as a full load, with the new build; do
   * nothing more. False, at once: navigate as usual. Always false for another origin.
   */
  takeNavigation(url: string): boolean;
  /**
   * Opens a hold of the whole page. It ends by `release()`, by `using`, or by itself after `expiresMs` (default: 30
   * minutes). A reason that is no text counts as an empty one.
   * @example
   * ```ts
   * using hold = trueup.refresh.hold("upload");
   * await upload(file);
   * ```
   */
  hold(reason: string, options?: { expiresMs?: number }): Hold;
  /**
   * Before a refresh `save` runs (5 s at most); what it returns, a JSON value, is there as `restored` after it. Returned
   * objects are merged in the order of registration; of other values the last one counts. Returns the way to stop it.
   */
  onSave(save: () => unknown): () => void;
  /**
   * What `onSave` kept: only after a refresh by Trueup, in the same tab (a copy of it gets nothing), within 60 s, at the same
   * URL and for the same `user`; otherwise undefined.
   */
  readonly restored: unknown;
}

/** Something went wrong, and was survived. */
export interface Fault {
  /** Who can mend it. `module`: Trueup itself was lost. `memory`: what was kept in storage is not ours, and was dropped. */
  readonly blame: "publisher" | "integrator" | "network" | "module" | "memory";
  /** Stable: may be logged, matched and looked up. */
  readonly code: string;
  /** The place in the manifest or the options, as a JSON path. */
  readonly path?: string;
}

/** What `on` can listen to. */
export interface Events {
  /** The standing has changed. */
  standing: Standing;
  /** The refresh has changed. */
  refresh: RefreshState;
  /** The plan has changed. */
  plan: Plan;
  /** The value or the variant of flags has changed: their keys. */
  flags: readonly string[];
  /** Something went wrong, and was survived. */
  error: Fault;
  /** An answer says that the version called is deprecated or ends. Once for each API, version and date; at most 100. */
  deprecation: {
    readonly api: string;
    readonly version: string;
    /** Since when, in ms since 1970 (may lie ahead); `true`: it is. */
    readonly deprecation?: number | true;
    /** When it ends, in ms since 1970. */
    readonly sunset?: number;
    /** What explains it. */
    readonly link?: string;
  };
  /** An answer names another version than was asked for: a silent substitution. Once for each; at most 100. */
  substitution: { readonly api: string; readonly version: string; readonly answered: string };
  /** A poll has ended: why it happened, and what it brought. */
  poll: { readonly why: string; readonly outcome: string };
}

/** All that a store needs: the same object until something has changed. */
export interface Snapshot {
  readonly standing: Standing;
  readonly refresh: RefreshState;
  readonly plan: Plan;
  readonly flags: ReadonlyMap<string, FlagDetails>;
}

/** All that Trueup knows, as plain data; its form may grow. */
export interface Report {
  readonly standing: Standing;
  readonly refresh: RefreshState;
  readonly plan: Plan;
  readonly [key: string]: unknown;
}

/** A connected client. `connect()` makes it; `close()` ends it. */
export interface Trueup extends Disposable {
  /** Where this build stands. */
  readonly standing: Standing;
  /**
   * `live`: the first valid answer came. `stored`: a kept or inlined manifest serves. `timeout`: neither within 2 s, or
   * there is no page (a server). `failed`: the module is blocked or broken. Never rejects.
   */
  readonly ready: Promise<"live" | "stored" | "timeout" | "failed">;
  /**
   * Calls `listener` with each event until the returned function is called or `signal` aborts. An exception in it is
   * printed with `console.error` and goes no further.
   * @example
   * ```ts
   * trueup.on("standing", ({ status }) => badge.hidden = status === "current");
   * ```
   */
  on<K extends keyof Events>(event: K, listener: (detail: Events[K]) => void, options?: { signal?: AbortSignal }): () => void;
  /** For stores: calls `listener` when `getSnapshot()` has changed. Returns the way to stop it. */
  subscribe(listener: () => void): () => void;
  /** The same object until something has changed. */
  getSnapshot(): Snapshot;
  /**
   * Asks for a poll, unless a running one, Retry-After or a backoff forbids it, and resolves with the standing after it.
   * Rejects only with the reason of `signal`.
   */
  check(options?: { signal?: AbortSignal }): Promise<Standing>;
  readonly refresh: Refresh;
  /** One API, by its name in the options. */
  api(name: string): Api;
  readonly flags: Flags;
  /** All that Trueup knows, as plain data. */
  inspect(): Report;
  /** Ends it: no timer, listener or request stays. Again: nothing. The last standing, plan and flags can still be read. */
  close(): void;
}
