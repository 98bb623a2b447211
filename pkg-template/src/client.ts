/** `connect()`: carries out what the core decides, and hands out what it publishes. No decision stands here. */
import { createApis } from "./api.js";
import { watchChunks } from "./chunks.js";
import { dispose } from "./disposable.js";
import { TrueupError } from "./errors.js";
import { poll, shell } from "./fetch.js";
import { changedFlags, flagDetails, nextFlags, noFlags, readFlag } from "./flags.js";
import { plain, resolve } from "./given.js";
import { load } from "./loader.js";
import { type Held, isVisible, listenTo, localized, mark, type Member, page, read, reload, settlePrompt, share, warn, write } from "./page.js";
import { createPrompt, type Prompt, type PromptView } from "./prompt.js";
import { hasLocks, tabs } from "./tabs.js";
import type * as T from "./types.js";
import { begin, type Core, type Effect, event, type Given, type Heard, In, type Input, known, Out, type Reply, spoken, TEXT } from "./wire.js";
import { settled } from "./worker.js";

/** Where kept state has what a person has put off. */
const SNOOZE = 5;

/** What is kept for the next load in session storage: the tab's number, the core's booking, and the app's hand-over. */
interface Booked {
  nonce?: number;
  session?: unknown;
  /** `left`: the page has gone; a copy of the tab that was made before never gets the data. */
  save?: { url: string; at: number; user?: string; data: unknown; left?: boolean };
}

/** What is shown, the mildest first. */
const VIEWS: { [phase: string]: PromptView["kind"] } = { offering: "offer", urging: "urge", holding: "held", counting: "force" };
const UNDER_WAY = "checking saving reloading";
const MINUTE = 6e4;
/** JSON has no Infinity. */
const FOREVER = 1e15;
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
  let listeners = new EventTarget();
  const inbox: Input[] = [];
  const outbox: Effect[] = [];
  /** The last answer, as other tabs are told of it; and the last whose text is in force. */
  let last: Heard = [In.Answer];
  let inForce: Heard = [In.Answer];
  let core: Core | undefined;
  let ended = !onPage;
  let draining = false;
  let starting = true;
  let changed = false;
  let taken = false;
  let awaited = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = Infinity;

  /** All that is published; a new object with every change. */
  let snapshot: T.Snapshot = {
    standing: { status: "unknown", reason: "no-manifest" },
    refresh: { phase: "idle" },
    plan: { generation: 0, apis: {} },
    flags: noFlags.flags,
  };
  let flags = noFlags;

  let settleReady!: (how: "live" | "stored" | "timeout" | "failed") => void;
  const ready = new Promise<"live" | "stored" | "timeout" | "failed">((done) => (settleReady = done));

  // ---- Events -------------------------------------------------------------------------------------------------------

  const listen = (event: string, listener: (detail: any) => void, given?: AbortSignal): (() => void) => {
    const own = listeners;
    // The app's own listeners neither stop Trueup nor fail silently. One of them may have closed it.
    const call = ({ detail }: any) => {
      try {
        if (own === listeners) listener(detail);
      } catch (thrown) {
        console.error(thrown);
      }
    };
    if (!ended) listeners.addEventListener(event, call, { signal: given ?? undefined! });
    return () => listeners.removeEventListener(event, call);
  };

  const emit = (event: string, detail?: unknown) => void listeners.dispatchEvent(new CustomEvent(event, { detail }));

  // ---- The core -----------------------------------------------------------------------------------------------------

  /** The only way in. What is sent while effects are carried out waits its turn. */
  const send = (input: Input): void => {
    if (ended) return;
    inbox.push(input);
    drain();
  };

  const drain = (): void => {
    if (draining || !core) return;
    draining = true;
    work();
    draining = false;
    publish();
  };

  /** Effects first, in order. The core is never entered twice: here it has given its effects and is left. */
  const work = (): void => {
    try {
      for (;;) {
        while (core && outbox.length) act(outbox.shift()!);
        if (!core || !inbox.length) break;
        let input = inbox.shift()!;
        if (input[0] === In.Answer) {
          last = input;
          // A text that is in force crosses once.
          if (input[TEXT] && input[TEXT] === inForce[TEXT]) input = Object.assign([], input, { [TEXT]: true }) as Heard;
        }
        take(core(input));
      }
    } catch (trap) {
      lose(trap);
    }
  };

  const take = ([delay, ...effects]: Reply): void => {
    outbox.push(...effects);
    const at = performance.now() + delay;
    // To wake too early does no harm, and to set a timer costs more than many an input.
    if (at > due - 1) return;
    due = at;
    clearTimeout(timer);
    timer = setTimeout(() => {
      due = Infinity;
      send([In.Wake]);
    }, delay);
  };

  const publish = () => {
    if (changed) {
      changed = false;
      showPrompt();
      emit(CHANGED);
    }
    // Every input comes by here: an event that nobody waits for costs more than many of them.
    if (awaited && !UNDER_WAY.includes(snapshot.refresh.phase)) {
      awaited = false;
      emit(SETTLED);
    }
  };

  const act = (effect: Effect): void => {
    const [kind, ...given] = effect;
    const carry = acts[kind] as ((...given: unknown[]) => void) | undefined;
    if (carry) carry(...given);
    else hear(...event(effect));
  };

  const hear = (event: string, detail: any): void => {
    if (event in snapshot) {
      snapshot = { ...snapshot, [event]: detail };
      changed = true;
    }
    // Nobody can listen before `connect` has returned; what is wrong has to be heard.
    if (event === "error" && starting) queueMicrotask(() => emit(event, detail));
    else emit(event, detail);
    if (event === "poll") {
      if (/^[nu]/.test(detail.outcome)) inForce = last;
      emit(POLLED);
    }
  };

  const hearFlags = (now: typeof flags, keys: string[]): void => {
    flags = now;
    snapshot = { ...snapshot, flags: now.flags };
    changed = true;
    if (keys[0]) emit("flags", keys);
  };

  /** The module is gone: the app goes on as if it had never been here. */
  const lose = (why: unknown, code = "trap"): void => {
    if (ended) return;
    warn(why);
    stop("failed");
    emit("error", why instanceof TrueupError ? { blame: "integrator", code: why.code, path: why.path } : { blame: "module", code });
  };

  const stop = (reason: "closed" | "failed"): void => {
    ended = true;
    core = undefined;
    life.abort();
    clearTimeout(timer);
    request();
    looking();
    lead(false);
    page().members.delete(member);
    member.show(false);
    settlePrompt();
    inbox.length = 0;
    settleReady("failed");
    if (reason === "failed") {
      hear("standing", { status: "unknown", reason });
      hear("plan", { generation: snapshot.plan.generation + 1, apis: {} });
      hearFlags(noFlags, changedFlags(flags.flags, noFlags.flags));
    }
    hear("refresh", { phase: "idle", reason });
    emit(POLLED);
    publish();
  };

  const defer = () => send([In.Defer]);

  /** Sends, and resolves at the next `event` of ours; rejects only with the reason of `asked`. */
  const after = <V>(event: string, input: Input, result: () => V, asked?: AbortSignal) =>
    new Promise<V>((done, fail) => {
      asked?.throwIfAborted();
      asked?.addEventListener("abort", () => fail(asked.reason), { signal });
      const off = listen(event, () => (off(), done(result())), asked);
      if (ended) done(result());
      send(input);
    });

  // ---- What effects do ----------------------------------------------------------------------------------------------

  /** One request at a time: the next one ends it, and so does a call without one. Where no answer comes, `failed` is sent. */
  const one = (failed: Input) => {
    let current: AbortController | undefined;
    return (work?: (signal: AbortSignal, own: AbortController) => Promise<Input>): void => {
      current?.abort();
      const own = (current = work && new AbortController());
      if (own) work!(own.signal, own).catch(() => failed).then((input) => own === current && send(input));
    };
  };
  const request = one([In.Answer]);
  const looking = one([In.Shell, null]);

  const look = (activate?: unknown) =>
    looking(async (signal, own) => {
      AbortSignal.timeout(1e4).onabort = () => own.abort();
      const worker = await settled(signal, activate);
      return worker ? [In.Shell, worker] : shell((shellUrl || location.href).split("#")[0]!, signal);
    });

  const leave = (session: unknown, asked: boolean, url: string): void => {
    const shared = page();
    // Another client of this page has asked just now.
    if (performance.now() - shared.reloadAt < 1e4) return;
    booked.session = session;
    const to = url || location.href;
    shared.members.forEach((other) => other.book(to));
    if (!member.book(to)) {
      if (!asked) return send([In.Unbooked]);
      // Too much for the storage: at least the reload is counted.
      delete booked.save;
      book();
    }
    shared.reloadAt = performance.now();
    reload(to);
  };

  const own = onPage ? mark(options.app) : undefined;
  const saves = new Set<() => unknown>();
  let saved: unknown[] = [];
  const member: Member = {
    rank: 0,
    show: (on) => {
      if (on && view) (prompt ??= createPrompt(refresh, defer, options.texts))(view);
      else prompt?.();
    },
    held: () => {
      send([In.Holds, [...page().holds].map(({ reason, until }) => [reason, Math.min(until, FOREVER)])]);
    },
    save: () => {
      // Each has its own place: the core does not wait for the slowest one for ever.
      const own: unknown[] = (saved = []);
      return Promise.all(
        [...saves].map(async (save, i) => {
          try {
            own[i] = (plain([await save()], "") as unknown[])[0];
          } catch {
            emit("error", { blame: "integrator", code: "save" });
          }
        }),
      );
    },
    book: (to) => {
      delete booked.save;
      const data = saved.reduce((all: any, one: any) => (Object(all) === all && Object(one) === one ? { ...all, ...one } : (one ?? all)), undefined);
      if (data !== undefined) booked.save = { url: to, at: Date.now(), data, user: options.user! };
      return book();
    },
  };

  // ---- The prompt ---------------------------------------------------------------------------------------------------

  let view: PromptView | undefined;
  let prompt: Prompt | undefined;
  let clicked = false;
  const refresh = () => {
    clicked = true;
    send([In.Now]);
  };

  const showPrompt = () => {
    if (ended || options.ui === "none" || options.mode === "observe") return;
    const { phase, notes, ...rest } = snapshot.refresh as T.RefreshState & Omit<PromptView, "kind" | "notes"> & T.RefreshCause;
    const kind = VIEWS[phase];
    clicked &&= UNDER_WAY.includes(phase);
    view = kind ? ({ ...rest, notes: localized(notes), kind } as PromptView) : clicked && view ? { ...view, busy: true } : undefined;
    member.rank = view ? Object.values(VIEWS).indexOf(view.kind) + 1 : 0;
    settlePrompt();
  };

  // ---- The surface --------------------------------------------------------------------------------------------------

  const close = () => {
    if (ended) return;
    settleReady("timeout");
    stop("closed");
    // Answers to calls may still come.
    listeners = new EventTarget();
  };

  const client: T.Trueup = {
    get standing() {
      return snapshot.standing;
    },
    ready,
    on: (event, listener, given) => listen(event, listener, given?.signal),
    subscribe: (listener) => listen(CHANGED, listener),
    getSnapshot: () => ((flags.lent = true), snapshot),
    check: (given) => after(POLLED, [In.Check], () => snapshot.standing, given?.signal),
    refresh: {
      get state() {
        return snapshot.refresh;
      },
      now: () => {
        awaited = true;
        return after(SETTLED, [In.Now], () => snapshot.refresh);
      },
      defer,
      takeNavigation: (to) => {
        taken = false;
        // Within a listener an answer would come too late.
        if (!draining && core)
          try {
            const { origin, href } = new URL(to, document.baseURI);
            if (origin === location.origin) send([In.Navigate, href]);
          } catch {}
        return taken;
      },
      hold: (text, given) => {
        const { holds, members } = page();
        const reason = typeof text === "string" ? text : "";
        const hold: Held = { reason, until: performance.now() + (given?.expiresMs ?? 30 * MINUTE) };
        const tell = (on: boolean) => {
          share(hold, on);
          members.forEach((other) => other.held());
        };
        const release = () => void (holds.delete(hold) && tell(false));
        // A server has no page, and serves many.
        if (onPage) tell(!!holds.add(hold));
        return { reason, release, [dispose]: release };
      },
      onSave: (save) => {
        const own = () => save();
        saves.add(own);
        return () => void saves.delete(own);
      },
      restored: undefined,
    },
    api: createApis(
      options.apis,
      options.sendBuild && onPage ? (options.build?.id ?? own?.content) : undefined,
      (name) => snapshot.plan.apis[name],
      send,
      emit,
    ),
    flags: {
      get: (name: string, fallback: any) => readFlag(flags.flags, name, fallback),
      details: (name: string, fallback: any) => flagDetails(flags, name, fallback),
      setContext: (context) => {
        if (ended) return;
        given.flags = person(context);
        if (!core) return;
        inbox.push([In.Context, given.flags.context]);
        // Within a listener, too: nothing evaluated for one context is read under another.
        if (draining) work();
        else drain();
      },
      on: (name, listener) => listen("flags", (keys) => keys.includes(name) && listener()),
    },
    inspect: () => {
      let all;
      try {
        all = core && known(core([In.Inspect]));
      } catch (trap) {
        lose(trap);
      }
      return { ...all, ...snapshot, flags: Object.fromEntries(snapshot.flags), running: !!core };
    },
    close,
    [dispose]: close,
  };

  if (!onPage) {
    settleReady("timeout");
    return client;
  }

  // ---- Start --------------------------------------------------------------------------------------------------------

  const url = resolve(options.manifest ?? "/trueup.json", "manifest");
  const shellUrl = options.shell && resolve(options.shell, "shell");
  const key = `trueup:${options.app ?? own?.dataset.app ?? ""}:${url}`;
  const textKey = key + ":text";
  const sessionKey = key + (self === top ? "" : ":" + self.name);
  const [lead, tell] = tabs(key, send);

  const acts: { [K in Out]?: (...given: Given<K>) => unknown } = {
    [Out.Abort]: request as () => void,
    [Out.Shell]: look,
    [Out.Activate]: () => look(options.worker?.activate),
    [Out.Save]: () => Promise.allSettled([...page().members].map((other) => other.save())).then(() => send([In.Saved])),
    [Out.Hello]: tell as () => void,
    [Out.Lead]: lead,
    [Out.Taken]: (on) => (taken = on),
    [Out.Poll]: () => request((signal) => poll(url, signal, inForce)),
    [Out.Keep]: (state, text) => {
      // Where this tab has put nothing off, what another one has stays.
      if (state) state[SNOOZE] ??= (read(key) as unknown[] | undefined)?.[SNOOZE];
      // Without its text the state would be of no use.
      if (text === null || write(textKey, text)) write(key, state);
    },
    [Out.Reload]: leave,
    [Out.Tell]: (next, answered) => tell(next, answered ? last : undefined),
    [Out.Ready]: (how) => settleReady(spoken("how", how)),
    [Out.Flags]: (...told) => hearFlags(...nextFlags(flags, ...told)),
  };

  const before = read(sessionKey, "sessionStorage", 1 / 0);
  let booked: Booked = Object(before) === before ? before : {};
  const book = () => write(sessionKey, booked, "sessionStorage");
  const handed = booked.save;
  delete booked.save;
  booked.nonce ||= chance();
  book();
  const age = Date.now() - handed?.at!;
  // A duplicated tab, even of a page that was just going, is one that goes through its history.
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (handed?.left && age >= 0 && age <= MINUTE && handed.url === location.href && handed.user === options.user && entry?.type !== "back_forward")
    (client.refresh as { restored: unknown }).restored = handed.data;
  const stickyKey = key + ":person";
  let sticky: string | undefined;
  if (options.flags?.stickyKey) write(stickyKey, (sticky = read(stickyKey) || chance().toString(36)));
  const person = (context?: object) => ({ context: { ...(sticky && { targetingKey: sticky }), ...plain(context ?? {}, "flags.context") } });
  const given = plain({ ...options, worker: options.worker && { activate: true }, flags: person(options.flags?.context) }, "") as {
    flags: { context: object };
  };
  const assets = resolve(options.chunks ?? "/", "chunks");

  const run = (loaded: Core): void => {
    if (ended) return;
    const state = read(key);
    const text = read(textKey);
    take(
      begin(loaded, [
        given,
        chance(),
        booked.nonce,
        // What is not ours goes in as well: the core says so, and drops it.
        state,
        state != null || text ? `${text}` : null,
        before === undefined ? null : (booked.session ?? []),
        document.querySelector('script#trueup[type="application/json"]')?.textContent,
        own?.content,
        own?.dataset.version,
        own?.dataset.app,
        isVisible(),
        navigator.onLine,
        hasLocks(),
        // The page is only to be told.
        !!document.querySelector("meta[name=trueup-reload][content=off]"),
      ]),
    );
    core = loaded;
    page().members.add(member);
    const online = () => send([In.Online, navigator.onLine]);
    listenTo(
      {
        online,
        offline: online,
        pagehide: () => {
          // The hand-over counts only once the page has gone.
          if (booked.save) {
            booked.save.left = true;
            book();
          }
          // Some browsers keep a page with a lock out of the back/forward cache; and whoever is away holds nobody up.
          for (const hold of page().holds) share(hold, false);
          looking();
          send([In.PageHide]);
        },
        pageshow: ({ persisted }) => {
          if (!persisted) return;
          // Firefox and WebKit stop timers meanwhile: ours is late by all that time.
          due = Infinity;
          for (const hold of page().holds) share(hold, true);
          // Other pages of this tab have come and gone.
          const now = read(sessionKey, "sessionStorage", 1 / 0);
          if (now) {
            booked = now;
            send([In.Session, booked.session ?? []]);
          }
          // Nothing tells a page what it has slept through.
          online();
          send([In.PageShow]);
        },
        resume: () => send([In.Resume]),
        visibilitychange: () => send([In.Visible, isVisible()]),
      },
      signal,
    );
    watchChunks(assets, signal, () => send([In.Chunk]));
    drain();
    starting = false;
    if (page().holds.size) member.held();
  };

  const loaded = load();
  if (typeof loaded === "function") {
    try {
      run(loaded);
    } catch (thrown) {
      if (thrown instanceof TrueupError) {
        ended = true;
        throw thrown;
      }
      lose(thrown);
    }
  } else {
    timer = setTimeout(() => settleReady("timeout"), 2e3);
    loaded.then(run).catch((thrown) => lose(thrown, "blocked"));
  }
  return client;
}

/** 53 random bits. */
const chance = () => Math.floor(Math.random() * 2 ** 53);
