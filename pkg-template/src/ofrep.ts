/** Flags that a server evaluates, by OFREP, the OpenFeature Remote Evaluation Protocol: rules that must not reach the browser. */
import { type Answer, ask, type Outcome } from "./bulk.js";
import { dispose } from "./disposable.js";
import { TrueupError } from "./errors.js";
import { changedFlags, flagDetails, type FlagState, noFlags, readFlag } from "./flags.js";
import { guarded, resolve } from "./given.js";
import { isVisible } from "./page.js";
import type { Events, FlagContext, FlagDetails, Flags, FlagTypes, FlagValue } from "./types.js";

export { TrueupError };
export type { Events, FlagContext, FlagDetails, Flags, FlagTypes, FlagValue };

/** What `connectFlags` takes. */
export interface RemoteOptions {
  /** The service's base URL, resolved against the page: `/ofrep/v1/evaluate/flags` is below it. */
  url: string;
  /** Whom the flags are evaluated for; OFREP wants a `targetingKey`. Default: nobody, `{}`. */
  context?: FlagContext;
  /**
   * The app's own headers, such as `Authorization` or `X-API-Key`; a function is called before each request, and may be
   * asynchronous. If it throws, the request counts as failed.
   */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /** Whether cookies go with requests to another origin, as in `fetch`. Default: `same-origin`. */
  credentials?: RequestCredentials;
  /** The poll period in seconds, 1 to 86,400. Default: 300. */
  poll?: { everySeconds?: number };
  /** Closes the source when it aborts. */
  signal?: AbortSignal;
}

/**
 * What an evaluation brought. `new`: flags. `unchanged`: those that were there hold. `failed`: no valid answer; an `error`
 * event says why. `waiting`: nothing was asked: a backoff, `Retry-After`, no network, or the source is closed.
 */
export type Evaluation = "new" | "unchanged" | "failed" | "waiting";

/** Flags from a server. `connectFlags()` makes it; `close()` ends it. */
export interface RemoteFlags extends Disposable {
  /** As `flags` of a client: a read is a look-up. */
  readonly flags: Omit<Flags, "setContext"> & {
    /**
     * Replaces the context. What was evaluated for another one is gone at once, and until the answer comes flags read their
     * fallbacks; what was answered earlier for this same context is there as `STALE`. Resolves when the answer is in, never
     * rejects. The same context again: nothing. Throws `TrueupError` for what is no JSON object.
     */
    setContext(context: FlagContext): Promise<Evaluation>;
  };
  /** `live`: the first valid answer came. `failed`: the first answer was none. `timeout`: neither in 2 s, or on a server. */
  readonly ready: Promise<"live" | "failed" | "timeout">;
  /**
   * `flags`: keys of flags whose value or variant has changed. `error`: something went wrong and was survived. `poll`: an
   * evaluation has ended, why it happened and what it brought. Returns the way to stop it.
   */
  on<K extends "flags" | "error" | "poll">(event: K, listener: (detail: Events[K]) => void, options?: { signal?: AbortSignal }): () => void;
  /** For stores: calls `listener` when `getSnapshot()` has changed. Returns the way to stop it. */
  subscribe(listener: () => void): () => void;
  /** The same object until something has changed. */
  getSnapshot(): { readonly flags: ReadonlyMap<string, FlagDetails> };
  /** Asks now, unless a backoff or `Retry-After` forbids it. Rejects only with the reason of `signal`. */
  check(options?: { signal?: AbortSignal }): Promise<Evaluation>;
  /** All that it knows, as plain data; its form may grow. */
  inspect(): { readonly [key: string]: unknown };
  /** Ends it: no timer, listener or request stays. The last flags can still be read. */
  close(): void;
}

/** Answers for this many contexts are kept, in memory only. */
const CONTEXTS = 8;
const MINUTE = 6e4;
const [CHANGED, SETTLED] = ["~c", "~s"] as const;

/**
 * Flags that a server evaluates for the context at hand, all at once: the rules stay there. Reads are look-ups, never
 * exceptions: without an answer flags have their fallbacks. Wrong options throw `TrueupError`, nothing else does. On a
 * server, without a `document`, it is inert.
 *
 * Asked for again every `poll.everySeconds` (±20 %) while the tab is visible, with the ETag of the same context; failures
 * back off, and `Retry-After` is kept, also when the context changes.
 *
 * @example
 * ```ts
 * import { connectFlags } from "trueup/ofrep";
 *
 * const remote = connectFlags({
 *   url: "https://flags.example.com",
 *   context: { targetingKey: user.id, plan: user.plan },
 *   headers: async () => ({ Authorization: `Bearer ${await token()}` }),
 * });
 * await remote.ready;
 * if (remote.flags.get("new-checkout", false)) showNewCheckout();
 * ```
 */
export function connectFlags(options: RemoteOptions): RemoteFlags {
  const onPage = typeof document !== "undefined";
  const life = new AbortController();
  const { signal } = life;
  const listeners: { [event: string]: Set<(detail: any) => void> } = {};
  const every = (options.poll?.everySeconds ?? 300) * 1e3;
  if (!(every >= 1e3 && every <= 864e5)) throw new TrueupError("range", "poll.everySeconds");
  const service = { url: onPage ? endpoint(options.url) : "", headers: options.headers, credentials: options.credentials };

  /** What was answered, by the context's text; the last one asked about is the last. */
  const answers = new Map<string, Answer>();
  let context = textOf(options.context ?? {});
  let state: FlagState = noFlags;
  let snapshot = { flags: state.flags };
  /** Why there is none: the server's own code. */
  let refusal: string | undefined;
  let ended = !onPage;
  let away = false;
  /** Failures since the last valid answer; whether all of them were silence. */
  let failures = 0;
  let silent = true;
  /** By `performance.now()`: when to ask again, and before when never. */
  let due = 0;
  let barrier = 0;
  let request: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  let settleReady!: (how: "live" | "failed" | "timeout") => void;
  const ready = new Promise<"live" | "failed" | "timeout">((done) => {
    const patience = onPage ? setTimeout(() => settleReady("timeout"), 2e3) : undefined;
    settleReady = (how) => (clearTimeout(patience), done(how));
  });

  // ---- Events -------------------------------------------------------------------------------------------------------

  const listen = (event: string, listener: (detail: any) => void, given?: AbortSignal): (() => void) => {
    const call = (detail: unknown) => listener(detail);
    const off = () => void listeners[event]?.delete(call);
    if (!given?.aborted && !ended) {
      (listeners[event] ??= new Set()).add(call);
      given?.addEventListener("abort", off, { once: true, signal });
    }
    return off;
  };

  const emit = (event: string, detail?: unknown): void => {
    // One that another has stopped meanwhile is not called any more.
    for (const call of [...(listeners[event] ?? [])]) if (listeners[event]!.has(call)) guarded(() => call(detail));
  };

  const publish = (now: FlagState): void => {
    const keys = changedFlags(state.flags, now.flags);
    state = now;
    snapshot = { flags: now.flags };
    if (keys[0]) emit("flags", keys);
    for (const name of keys) emit("flags:" + name);
    emit(CHANGED);
  };

  /** Whether what is read is an answer for this context. */
  const answered = () => !!state.metadata;

  // ---- Asking -------------------------------------------------------------------------------------------------------

  const offline = () => navigator.onLine === false;

  const evaluate = (why: string): void => {
    if (ended) return;
    request?.abort();
    clearTimeout(timer);
    if (offline() || away) {
      due = 0;
      return settle("waiting");
    }
    const own = (request = new AbortController());
    const known = answers.get(context);
    ask(service, context, known, own.signal).then((outcome) => {
      if (own.signal.aborted) return;
      request = undefined;
      take(outcome, known);
      schedule();
      emit("poll", { why, outcome: outcome.outcome });
      // Where a listener has set another context, the answer for that is what is waited for.
      if (!request) settle(outcome.outcome);
    });
  };

  const take = (outcome: Outcome, known: Answer | undefined): void => {
    const now = performance.now();
    if (outcome.outcome === "failed") return fail(outcome, now);
    failures = barrier = 0;
    silent = true;
    due = now + every * between(0.8, 1.2);
    const answer = outcome.answer ?? known!;
    keep(answer);
    refusal = undefined;
    if (state.flags !== answer.flags) publish(answer);
    settleReady("live");
    if (outcome.outcome === "new") for (const fault of outcome.faults) emit("error", fault);
  };

  const fail = (failed: Extract<Outcome, { outcome: "failed" }>, now: number): void => {
    // The network went while the request was under way: nobody's failure.
    if (failed.silent && offline()) return;
    const { retryAfter = 0, atOnce } = failed;
    const backoff = Math.max(every, Math.min(15 * MINUTE, 2 * every * 2 ** failures++)) * between(0.5, 1);
    silent &&= !!failed.silent;
    refusal = failed.refusal;
    // The longer of the two. A moment named for all would bring all at once.
    const asked = Math.min(retryAfter, 15 * MINUTE);
    if (asked > 0) barrier = now + asked + between(0, atOnce ? every : asked / 10);
    due = Math.max(now + backoff, barrier);
    emit("error", failed.fault);
    settleReady("failed");
  };

  const keep = (answer: Answer): void => {
    answers.delete(context);
    answers.set(context, answer);
    if (answers.size > CONTEXTS) answers.delete(answers.keys().next().value!);
  };

  /** One timer, for visible tabs only. */
  const schedule = (): void => {
    clearTimeout(timer);
    if (ended || away || request || offline() || !isVisible()) return;
    timer = setTimeout(() => evaluate(failures ? "retry" : "interval"), Math.max(0, Math.min(due - performance.now(), 0x7fff_ffff)));
  };

  /** Back after a while: what fell due meanwhile is asked soon, not by all tabs at once. */
  const soon = (within: number): void => {
    const now = performance.now();
    if (due <= now) due = Math.max(barrier, now + between(0, within));
    schedule();
  };

  const settle = (outcome: Evaluation): void => emit(SETTLED, outcome);

  /** Resolves when the evaluation that runs has ended; at once where there is none. */
  const settled = (given?: AbortSignal): Promise<Evaluation> =>
    new Promise((done, reject) => {
      if (given?.aborted) return reject(given.reason);
      if (!request) return done("waiting");
      const abort = () => (off(), reject(given!.reason));
      const off = listen(SETTLED, (outcome) => {
        off();
        given?.removeEventListener("abort", abort);
        done(outcome);
      });
      given?.addEventListener("abort", abort, { once: true, signal });
    });

  // ---- The context --------------------------------------------------------------------------------------------------

  const setContext = (given: FlagContext): Promise<Evaluation> => {
    const text = textOf(given);
    if (ended) return Promise.resolve("waiting");
    if (text === context) return request ? settled() : Promise.resolve(answered() ? "unchanged" : "waiting");
    context = text;
    refusal = undefined;
    // What runs is for another context: neither heard nor waited for.
    request?.abort();
    request = undefined;
    publish(stale(answers.get(context)));
    if (performance.now() < barrier) {
      due = barrier;
      settle("waiting");
      schedule();
    } else evaluate("context");
    return settled();
  };

  const source: RemoteFlags = {
    flags: {
      get: (name: string, fallback: any) => readFlag(state.flags, name, fallback),
      details: (name: string, fallback: any) => {
        const details = flagDetails(state, name, fallback);
        return refusal && details.errorCode === "PROVIDER_NOT_READY" ? { ...details, errorCode: refusal } : details;
      },
      setContext,
      on: (name, listener) => listen("flags:" + name, listener),
    },
    ready,
    on: (event, listener, given) => listen(event, listener, given?.signal),
    subscribe: (listener) => listen(CHANGED, listener),
    getSnapshot: () => snapshot,
    check: (given) => {
      const now = performance.now();
      if (!ended && !request && now >= barrier && !(failures && now < due)) evaluate("check");
      return settled(given?.signal);
    },
    inspect: () => ({
      url: service.url,
      context: JSON.parse(context),
      answered: answered(),
      ...(refusal && { refusal }),
      etag: answers.get(context)?.etag ?? undefined,
      failures,
      waitsFor: ended ? "closed" : request ? "answer" : offline() ? "online" : !isVisible() ? "visible" : failures ? "retry" : "interval",
      nextInMs: Math.max(0, Math.round(due - performance.now())),
      flags: Object.fromEntries(state.flags),
    }),
    close: () => {
      if (ended) return;
      ended = true;
      request?.abort();
      request = undefined;
      clearTimeout(timer);
      settle("waiting");
      life.abort();
      settleReady("timeout");
      for (const event in listeners) listeners[event]!.clear();
    },
    [dispose]: () => source.close(),
  };

  if (options.signal?.aborted) source.close();
  if (ended) {
    settleReady("timeout");
    return source;
  }

  // ---- Start --------------------------------------------------------------------------------------------------------

  options.signal?.addEventListener("abort", source.close, { signal });
  const on = (target: EventTarget, type: string, listener: (event: any) => void) => target.addEventListener(type, listener, { signal });
  on(document, "visibilitychange", () => soon(2e3));
  on(self, "offline", schedule);
  on(self, "online", () => {
    // Silence was the network's; what a server said still holds.
    if (silent) due = Math.max(barrier, performance.now());
    soon(5e3);
  });
  // An open request would keep the page out of the back/forward cache.
  on(self, "pagehide", () => {
    away = true;
    if (request) due = 0;
    request?.abort();
    request = undefined;
    settle("waiting");
    schedule();
  });
  on(self, "pageshow", ({ persisted }) => {
    away = false;
    if (persisted) soon(answered() ? 2e3 : 0);
  });
  evaluate("start");
  return source;
}

const between = (from: number, to: number): number => from + Math.random() * (to - from);

function endpoint(base: string): string {
  // An environment variable that is not set would be a path.
  if (base == null) throw new TrueupError("missing", "url");
  const url = new URL(resolve(base, "url"));
  url.pathname = url.pathname.replace(/\/*$/, "/ofrep/v1/evaluate/flags");
  return url.href;
}

function textOf(context: FlagContext): string {
  try {
    const text = JSON.stringify(context);
    if (text?.startsWith("{")) return text;
  } catch {}
  throw new TrueupError("type", "context");
}

/** What was answered for this context before. */
const stale = ({ flags }: FlagState = noFlags): FlagState => ({
  flags: new Map([...flags].map(([name, details]) => [name, details.value === undefined ? details : { ...details, reason: "STALE" }])),
});
