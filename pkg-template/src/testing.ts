/**
 * The entry `trueup/testing`: a client of the same type that does what the test says. It polls nothing, loads no wasm,
 * shows nothing and reloads nothing. Only `api(name).fetch` makes requests: the app's own, through the global `fetch`.
 */
import { createApis } from "./api.js";
import { dispose } from "./disposable.js";
import { changedFlags, flagDetails, readFlag } from "./flags.js";
import type * as T from "./types.js";

export type * from "./types.js";

/** What a test can say. What it leaves out stays as it is. */
export interface TestState {
  /** The standing; a plain status is enough. */
  standing?: T.Standing | T.Standing["status"];
  /** The refresh; a plain phase is enough. With `navigation` the next `takeNavigation` succeeds. */
  refresh?: T.RefreshState | "idle" | "navigation" | "offering" | "urging" | "stuck";
  /** Plans by API; a plain version means that it is agreed. The others stay. */
  apis?: { readonly [name: string]: T.ApiPlan | string };
  /** Flag values by key; `undefined` takes a flag away. The others stay. */
  flags?: { readonly [key: string]: T.FlagValue | undefined };
}

/** What it starts with. */
export interface TestOptions extends TestState, Pick<T.Options, "build" | "sendBuild"> {
  /** What the app speaks, as `connect` takes it. An API that only `apis` names needs no entry here. */
  speaks?: T.Options["apis"];
  /** What `refresh.restored` gives. */
  restored?: unknown;
  /** What `ready` resolves to. Default: `live`. */
  ready?: "live" | "stored" | "timeout" | "failed";
}

/** A client that the test drives. */
export interface TestClient extends T.Trueup {
  /** Changes what the client says; listeners, stores and hooks hear it as they would from the real one. */
  set(change: TestState): void;
  /** Fires an event by itself: `emit("error", { blame: "network", code: "timeout" })`. */
  emit<K extends keyof T.Events>(event: K, detail: T.Events[K]): void;
  /** Runs the `onSave` callbacks and gives what a refresh would keep. */
  save(): Promise<unknown>;
  /** The reasons of the open holds. */
  readonly holds: readonly string[];
  /** What the app asked for, in order: `["now"]`, `["defer"]`, `["check"]`, `["navigate", url]`, `["context", context]`, `["close"]`. */
  readonly asked: readonly (readonly [what: "now" | "defer" | "check" | "navigate" | "context" | "close", detail?: unknown])[];
}

/**
 * Makes one; it starts as a build that is current.
 *
 * @example
 * ```ts
 * const trueup = createTestClient({ flags: { "new-checkout": true } });
 * render(<TrueupProvider client={trueup}><Cart /></TrueupProvider>);
 * act(() => trueup.set({ flags: { "new-checkout": false } }));
 * ```
 */
export function createTestClient(options: TestOptions = {}): TestClient {
  const listeners = new Map<string, Set<(detail: any) => void>>();
  const stores = new Set<() => void>();
  const holds = new Set<{ reason: string }>();
  const saves = new Set<() => unknown>();
  const asked: [any, unknown?][] = [];
  let closed = false;
  let snapshot: T.Snapshot = {
    standing: { status: "current", reason: "current" },
    refresh: { phase: "idle" },
    plan: { generation: 0, apis: {} },
    flags: new Map(),
  };

  /** As in the real client, an exception in a listener is printed and goes no further. */
  const call = (listener: () => void) => {
    try {
      listener();
    } catch (thrown) {
      console.error(thrown);
    }
  };

  const emit = (event: string, detail: unknown) => {
    // As there, one that another has stopped is not called any more.
    for (const listener of [...(listeners.get(event) ?? [])]) if (listeners.get(event)?.has(listener)) call(() => listener(detail));
  };

  const change = ({ standing, refresh, apis, flags }: TestState) => {
    const events: [string, unknown][] = [];
    const next: { -readonly [K in keyof T.Snapshot]: T.Snapshot[K] } = { ...snapshot };
    if (standing) next.standing = typeof standing === "string" ? { status: standing, reason: standing } : standing;
    if (refresh) next.refresh = typeof refresh === "string" ? { phase: refresh } : refresh;
    if (apis) next.plan = { generation: snapshot.plan.generation + 1, apis: { ...snapshot.plan.apis, ...planned(apis) } };
    if (flags) {
      const all = new Map(snapshot.flags);
      for (const [key, value] of Object.entries(flags)) {
        if (value === undefined) all.delete(key);
        else all.set(key, { value, reason: "STATIC" });
      }
      next.flags = all;
    }
    for (const name of ["standing", "refresh", "plan"] as const)
      if (next[name] !== snapshot[name]) events.push([name, next[name]]);
    const keys = changedFlags(snapshot.flags, next.flags);
    if (keys.length) events.push(["flags", keys]);
    if (!events.length) return;
    snapshot = next;
    for (const [event, detail] of events) emit(event, detail);
    for (const store of [...stores]) if (stores.has(store)) call(store);
  };

  const ask = (what: string, detail?: unknown) => void asked.push(detail === undefined ? [what] : [what, detail]);

  const client: TestClient = {
    get standing() {
      return snapshot.standing;
    },
    ready: Promise.resolve(options.ready ?? "live"),
    on: (event, listener, given) => {
      const own = (detail: any) => listener(detail);
      const off = () => void listeners.get(event)?.delete(own);
      if (closed || given?.signal?.aborted) return off;
      if (!listeners.has(event)) listeners.set(event, new Set());
      listeners.get(event)!.add(own);
      given?.signal?.addEventListener("abort", off, { once: true });
      return off;
    },
    subscribe: (listener) => {
      const own = () => listener();
      if (!closed) stores.add(own);
      return () => void stores.delete(own);
    },
    getSnapshot: () => snapshot,
    check: async (given) => {
      given?.signal?.throwIfAborted();
      ask("check");
      return snapshot.standing;
    },
    refresh: {
      get state() {
        return snapshot.refresh;
      },
      now: async () => {
        ask("now");
        return snapshot.refresh;
      },
      defer: () => ask("defer"),
      takeNavigation: (url) => {
        ask("navigate", url);
        return snapshot.refresh.phase === "navigation";
      },
      hold: (reason) => {
        const hold = { reason };
        holds.add(hold);
        const release = () => void holds.delete(hold);
        return { reason, release, [dispose]: release };
      },
      onSave: (save) => {
        const own = () => save();
        saves.add(own);
        return () => void saves.delete(own);
      },
      restored: options.restored,
    },
    // An API that the test plans is declared by that; what it speaks does not matter then.
    api: createApis(
      { ...Object.fromEntries(Object.keys(options.apis ?? {}).map((name) => [name, ["0"]])), ...options.speaks },
      options.sendBuild ? options.build?.id : undefined,
      (name) => snapshot.plan.apis[name],
      () => {},
      emit,
    ),
    flags: {
      get: (key: string, fallback: any) => readFlag(snapshot.flags, key, fallback),
      details: (key: string, fallback: any) => flagDetails({ flags: snapshot.flags, metadata: {} }, key, fallback),
      setContext: (context) => ask("context", context),
      on: (key, listener) => client.on("flags", (keys) => keys.includes(key) && listener()),
    },
    inspect: () => {
      const { flags, ...published } = snapshot;
      return { ...published, running: !closed };
    },
    close: () => {
      if (closed) return;
      closed = true;
      ask("close");
      listeners.clear();
      stores.clear();
    },
    set: change,
    emit,
    save: async () => {
      const kept = (await Promise.all([...saves].map((save) => save()))).filter((data) => data !== undefined);
      return kept.length > 1 ? Object.assign({}, ...kept) : kept[0];
    },
    get holds() {
      return [...holds].map(({ reason }) => reason);
    },
    asked,
    [dispose]: () => client.close(),
  };
  change(options);
  return client;
}

const planned = (apis: NonNullable<TestState["apis"]>): { [name: string]: T.ApiPlan } =>
  Object.fromEntries(
    Object.entries(apis).map(([name, plan]) => [name, typeof plan === "string" ? { outcome: "agreed", version: plan, reason: "overlap" } : plan]),
  );
