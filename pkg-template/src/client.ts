/** `connect()`: carries out what the core decides, and hands out what it publishes. No decision stands here. */
import { watchChunks } from "./chunks.js";
import { TrueupError } from "./errors.js";
import { poll, shell } from "./fetch.js";
import { changedFlags, kindOf, readFlag } from "./flags.js";
import { type CoreClass, load } from "./loader.js";
import { about, isVisible, localized, mark, type Member, page, read, reload, settlePrompt, warn, write } from "./page.js";
import { createPrompt, type PromptView } from "./prompt.js";
import { hasLocks, tabs } from "./tabs.js";
import type * as T from "./types.js";
import type { Core, Effect, Input, Start } from "./wire.js";
import { settled } from "./worker.js";

/** What is kept for the next load in session storage: the core's booking, and the app's hand-over. */
interface Booked {
  session?: unknown;
  /** `left`: the page has gone; a copy of the tab that was made before never gets the data. */
  save?: { url: string; at: number; user?: string; data: unknown; left?: boolean };
}

/** What is shown, the mildest first. */
const VIEWS: { [phase: string]: PromptView["kind"] } = { offering: "offer", urging: "urge", holding: "held", counting: "force" };
const UNDER_WAY = ["checking", "saving", "reloading"];
const MINUTE = 6e4;
/** Our own events, beside those of `Events`. */
const [CHANGED, SETTLED, POLLED] = ["~c", "~s", "~p"] as const;

/**
 * Connects this page to the manifest. Returns at once, and never throws for the world's faults; wrong options throw
 * `TrueupError` (where the module has to be compiled first, or is lost, they are an `error` event at most). Each call
 * makes a client of its own. On a server, without a `document`, it is inert: `ready` resolves to `timeout`.
 *
 * @example
 * ```ts
 * import { connect } from "trueup";
 * const trueup = connect({ manifest: "/trueup.json" });
 * trueup.on("standing", ({ status, reason }) => console.log(status, reason));
 * ```
 */
export function connect(options: T.Options = {}): T.Trueup {
  const onPage = typeof document !== "undefined";
  const life = new AbortController();
  const { signal } = life;
  const listeners: { [event: string]: Set<(detail: any) => void> } = {};
  const inbox: Input[] = [];
  let core: Core | undefined;
  let ended = !onPage;
  let draining = false;
  let changed = false;
  let taken = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let request: AbortController | undefined;

  let standing: T.Standing = { status: "unknown", reason: "no-manifest" };
  let state: T.RefreshState = { phase: "idle" };
  let plan: T.Plan = { generation: 0, apis: {} };
  let flags: ReadonlyMap<string, T.FlagDetails> = new Map();
  let snapshot: T.Snapshot | undefined;

  let settleReady!: (how: "live" | "stored" | "timeout" | "failed") => void;
  const ready = new Promise<"live" | "stored" | "timeout" | "failed">((done) => (settleReady = done));

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
    for (const call of [...(listeners[event] ?? [])]) guarded(() => call(detail));
  };

  // ---- The core -----------------------------------------------------------------------------------------------------

  /** The only way in. What is sent while effects are carried out waits its turn. */
  const send = (input: Input): void => {
    if (ended) return;
    inbox.push(input);
    drain();
  };

  const drain = (first?: () => Effect[]): void => {
    if (draining || !core) return;
    draining = true;
    try {
      first?.().forEach(act);
      while (core && inbox.length) core.handle(inbox.shift()!, ...clocks()).forEach(act);
      clearTimeout(timer);
      if (core) timer = setTimeout(() => send({ type: "wake" }), (core as Core).wake(...clocks()));
    } catch (trap) {
      lose(trap);
    }
    draining = false;
    publish();
  };

  const publish = () => {
    if (changed) {
      changed = false;
      snapshot = undefined;
      showPrompt();
      emit(CHANGED);
    }
    if (!UNDER_WAY.includes(state.phase)) emit(SETTLED);
  };

  const act = (effect: Effect): void => {
    if (!core) return;
    switch (effect.do) {
      case "poll": {
        request?.abort();
        const own = (request = new AbortController());
        poll(url, own.signal, effect.etag).then((input) => own.signal.aborted || send(input));
        break;
      }
      case "abort":
        request?.abort();
        break;
      case "tell":
        others.tell(effect.message);
        break;
      case "lead":
        others.lead(effect.on);
        break;
      case "keep":
        write("localStorage", key, effect.state);
        if (effect.text !== undefined) write("localStorage", textKey, effect.text);
        break;
      case "shell":
      case "activate":
        look(effect.do === "activate" ? options.worker?.activate : undefined);
        break;
      case "save":
        Promise.all([...page().members].map((member) => member.save())).then(() => send({ type: "saved" }));
        break;
      case "reload":
        leave(effect);
        break;
      case "taken":
        taken = effect.taken;
        break;
      case "emit":
        hear(effect.event, effect.detail);
    }
  };

  const hear = (event: Extract<Effect, { do: "emit" }>["event"], detail: any): void => {
    if (event === "ready") return settleReady(detail);
    changed ||= event !== "poll" && event !== "error";
    if (event === "standing") standing = detail;
    if (event === "refresh") state = detail;
    if (event === "plan") plan = detail;
    if (event === "flags") {
      const before = flags;
      flags = new Map(detail);
      detail = changedFlags(before, flags);
    }
    emit(event, detail);
    if (event === "poll") emit(POLLED);
  };

  /** The module is gone: the app goes on as if it had never been here. */
  const lose = (why: unknown, fault: T.Fault = { blame: "module", code: "trap" }): void => {
    if (ended) return;
    warn(why);
    standing = { status: "unknown", reason: "failed" };
    plan = { generation: plan.generation + 1, apis: {} };
    flags = new Map();
    stop("failed");
    emit("standing", standing);
    emit("error", fault);
    publish();
  };

  const stop = (how: "timeout" | "failed"): void => {
    ended = true;
    const last = core;
    core = undefined;
    life.abort();
    clearTimeout(timer);
    request?.abort();
    others.lead(false);
    page().members.delete(member);
    member.rank = 0;
    member.show(false);
    settlePrompt();
    inbox.length = 0;
    // A module that has trapped may refuse even this.
    try {
      last?.free();
    } catch {}
    settleReady(how);
    if (state.phase !== "idle") {
      state = { phase: "idle", reason: how === "failed" ? how : "closed" };
      emit("refresh", state);
    }
    changed = true;
    emit(POLLED);
  };

  // ---- What effects do ----------------------------------------------------------------------------------------------

  const look = (activate?: unknown) => {
    settled(signal, activate)
      .then(async (worker) => ({ ...(await shell(shellUrl, signal)), worker }) as Input)
      .then((input) => send(input));
  };

  const leave = (effect: Extract<Effect, { do: "reload" }>): void => {
    const shared = page();
    // Another client of this page has asked just now.
    if (performance.now() - shared.reloadAt < 1e4) return;
    booked.session = effect.session;
    const to = new URL(effect.url ?? location.href, location.href).href;
    for (const other of shared.members) if (other !== member) other.book(to);
    if (!member.book(to) && !effect.asked) return send({ type: "unbooked" });
    shared.reloadAt = performance.now();
    reload(effect.url && to);
  };

  const saves = new Set<() => unknown>();
  let data: unknown;
  const member: Member = {
    rank: 0,
    show: (on) => (on && view ? prompt().show(view) : shown?.hide()),
    held: () => {
      const now = performance.now();
      for (const hold of page().holds) if (hold.until <= now) page().holds.delete(hold);
      send({ type: "holds", holds: [...page().holds].map(({ reason, until }) => ({ reason, until })) });
    },
    save: () => {
      const kept: unknown[] = [];
      data = undefined;
      return Promise.all(
        [...saves].map(async (save, i) => {
          try {
            kept[i] = await save();
            // At once: the core does not wait for the slowest one for ever.
            data = kept.filter((value) => value !== undefined).reduce(merge, undefined);
          } catch {
            emit("error", { blame: "integrator", code: "save" });
          }
        }),
      );
    },
    book: (to) => {
      delete booked.save;
      if (data !== undefined) booked.save = { url: to, at: Date.now(), data, user: options.user! };
      return write("sessionStorage", sessionKey, booked);
    },
  };

  // ---- The prompt ---------------------------------------------------------------------------------------------------

  let view: PromptView | undefined;
  let shown: ReturnType<typeof createPrompt> | undefined;
  let clicked = false;
  const prompt = () =>
    (shown ??= createPrompt(
      {
        refresh: () => {
          clicked = true;
          send({ type: "now" });
        },
        dismiss: () => send({ type: "defer" }),
        finish: () => send({ type: "defer" }),
      },
      options.texts,
    ));

  const showPrompt = () => {
    if (ended || options.ui === "none" || options.mode === "observe") return;
    const { phase, notes, ...rest } = state as T.RefreshState & Omit<PromptView, "kind" | "notes"> & T.RefreshCause;
    const kind = VIEWS[phase];
    clicked &&= UNDER_WAY.includes(phase);
    view = kind ? ({ ...rest, notes: localized(notes), kind } as PromptView) : clicked && view ? { ...view, busy: true } : undefined;
    member.rank = view ? Object.values(VIEWS).indexOf(view.kind) + 1 : 0;
    settlePrompt();
  };

  // ---- The surface --------------------------------------------------------------------------------------------------

  const client = disposable<Omit<T.Trueup, keyof Disposable>>({
    get standing() {
      return standing;
    },
    ready,
    on: (event, listener, given) => listen(event, listener, given?.signal),
    subscribe: (listener) => listen(CHANGED, listener),
    getSnapshot: () => (snapshot ??= { standing, refresh: state, plan, flags }),
    check: (given) =>
      new Promise((done, fail) => {
        const asked = given?.signal;
        if (asked?.aborted) return fail(asked.reason);
        if (ended) return done(standing);
        const off = listen(POLLED, () => {
          off();
          done(standing);
        });
        asked?.addEventListener("abort", () => (off(), fail(asked.reason)), { once: true, signal });
        send({ type: "check" });
      }),
    refresh: {
      get state() {
        return state;
      },
      now: () =>
        new Promise((done) => {
          if (ended) return done(state);
          send({ type: "now" });
          const off = listen(SETTLED, () => (off(), done(state)));
          if (!draining) publish();
        }),
      defer: () => send({ type: "defer" }),
      takeNavigation: (to) => {
        taken = false;
        // Within a listener an answer would come too late.
        if (!draining && core)
          try {
            const { origin, href } = new URL(to, document.baseURI);
            if (origin === location.origin) send({ type: "navigate", url: href });
          } catch {}
        return taken;
      },
      hold: (reason, given) => {
        const { holds, members } = page();
        const hold = { reason, until: performance.now() + (given?.expiresMs ?? 30 * MINUTE) };
        const tell = () => members.forEach((other) => other.held());
        const release = () => void (holds.delete(hold) && tell());
        holds.add(hold);
        tell();
        return disposable({ reason, release }, release);
      },
      onSave: (save) => {
        const own = () => save();
        saves.add(own);
        return () => void saves.delete(own);
      },
      restored: undefined,
    },
    api: (name) => ({
      get plan() {
        return plan.apis[name] ?? { outcome: "unknown" as const };
      },
      url: (path) => path,
      headers: () => new Headers(),
      fetch: (input, init) => fetch(input, init),
    }),
    flags: {
      get: (name, fallback) => readFlag(flags, !!core, name, fallback).value,
      details: (name, fallback) => readFlag(flags, !!core, name, fallback),
      setContext: (context) => send({ type: "context", context: plain(context, "context") }),
      on: (name, listener) => listen("flags", (names) => names.includes(name) && listener()),
    },
    inspect: () => {
      let known: Record<string, unknown> = {};
      try {
        known = core?.inspect(...clocks()) ?? known;
      } catch (trap) {
        lose(trap);
      }
      return { ...known, standing, refresh: state, plan, running: !!core };
    },
    close: () => {
      if (ended) return;
      stop("timeout");
      publish();
      for (const event in listeners) listeners[event]!.clear();
    },
  }, () => client.close());

  if (!onPage) {
    settleReady("timeout");
    return client;
  }

  // ---- Start --------------------------------------------------------------------------------------------------------

  const url = resolve(options.manifest ?? "/trueup.json", "manifest");
  const shellUrl = resolve(options.shell ?? location.href, "shell").split("#")[0]!;
  const own = mark(options.app);
  const key = `trueup:${options.app ?? own?.app ?? ""}:${url}`;
  const textKey = key + ":text";
  const sessionKey = key + (self === top ? "" : ":" + self.name);
  const others = tabs(key, send);

  const before = read("sessionStorage", sessionKey);
  const booked: Booked = before ?? {};
  const handed = booked.save;
  if (handed) {
    delete booked.save;
    write("sessionStorage", sessionKey, booked);
    const age = Date.now() - handed.at;
    if (handed.left && age >= 0 && age <= MINUTE && handed.url === location.href && handed.user === options.user)
      (client.refresh as { restored: unknown }).restored = handed.data;
  }
  const kept = { state: read("localStorage", key), text: read("localStorage", textKey) };
  const start: Start = {
    seed: Math.floor(Math.random() * 2 ** 53),
    kept: kept.state && kept.text && kept,
    ...(before !== undefined && { session: booked.session ?? null }),
    mark: own!,
    locks: hasLocks(),
    ...about(),
  };
  const decoded = plain({ ...options, worker: options.worker && { activate: true } }, "");
  const assets = resolve(options.chunks ?? "/", "chunks");

  const run = (Class: CoreClass): void => {
    if (ended) return;
    core = new Class(decoded, start, ...clocks());
    page().members.add(member);
    const on = (target: EventTarget, type: string, listener: (event: any) => void) => target.addEventListener(type, listener, { signal });
    const online = () => send({ type: "online", on: navigator.onLine });
    on(document, "visibilitychange", () => send({ type: "visible", on: isVisible() }));
    on(document, "resume", () => send({ type: "resume" }));
    on(self, "online", online);
    on(self, "offline", online);
    on(self, "pagehide", () => {
      seal(true);
      send({ type: "pagehide" });
    });
    on(self, "pageshow", ({ persisted }) => {
      if (!persisted) return;
      seal(false);
      send({ type: "pageshow" });
    });
    watchChunks(assets, signal, () => send({ type: "chunk" }));
    drain(() => core!.start(...clocks()));
    if (page().holds.size) member.held();
  };

  /** The hand-over counts only once the page has gone. */
  const seal = (left: boolean) => {
    if (!booked.save) return;
    if (left && Date.now() - booked.save.at <= MINUTE) booked.save.left = true;
    else delete booked.save;
    write("sessionStorage", sessionKey, booked);
  };

  const refused = (thrown: any): TrueupError | undefined =>
    thrown && !(thrown instanceof Error) && typeof thrown.code === "string" ? new TrueupError(thrown.code, thrown.path) : undefined;

  const loaded = load();
  if (typeof loaded === "function") {
    try {
      run(loaded);
    } catch (thrown) {
      const error = refused(thrown);
      if (error) {
        ended = true;
        throw error;
      }
      lose(thrown);
    }
  } else {
    timer = setTimeout(() => settleReady("timeout"), 2e3);
    loaded
      .then(run)
      .catch((thrown) => {
        const error = refused(thrown);
        if (error) lose(error, { blame: "integrator", code: error.code, path: error.path });
        else lose(thrown, { blame: "module", code: "blocked" });
      });
  }
  return client;
}

const clocks = (): [mono: number, wall: number] => [performance.now(), Date.now()];

/** The app's own listeners neither stop Trueup nor fail silently. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (thrown) {
    console.error(thrown);
  }
}

function resolve(url: string, path: string): string {
  try {
    return new URL(url, document.baseURI).href;
  } catch {
    throw new TrueupError("path", path);
  }
}

/** A copy as JSON has it: what crosses into the core has no cycles, functions or classes. */
function plain(value: object, path: string): object {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    throw new TrueupError("type", path);
  }
}

function merge(a: any, b: any): unknown {
  return kindOf(a) === "object" && kindOf(b) === "object" ? { ...a, ...b } : b;
}

/** `using` where the language has it. */
function disposable<V extends object>(value: V, end: () => void): V & Disposable {
  if (Symbol.dispose) Object.defineProperty(value, Symbol.dispose, { value: end });
  return value as V & Disposable;
}
