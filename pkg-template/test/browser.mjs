// The smallest page that the client runs on, in Node, with a core that the test plays: what it hears is in `heard`, what
import { setMaxListeners } from "node:events";
// it answers is `answer(input)`.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../src/", import.meta.url));

/** The built client as a module; its own for each call, with a `Core` of the test's. */
export async function bundle(entry = "index") {
  const { outputFiles } = await build({
    entryPoints: [`${src}${entry}.ts`],
    bundle: true,
    write: false,
    format: "esm",
    define: { __DEV__: "true" },
    plugins: [
      {
        name: "played-core",
        setup(build) {
          build.onResolve({ filter: /^wasm:/ }, ({ path }) => ({ path, namespace: "played" }));
          build.onLoad({ filter: /glue/, namespace: "played" }, () => ({
            contents: "export const link = () => [{}, () => globalThis.played.core()];",
          }));
          build.onLoad({ filter: /source/, namespace: "played" }, () => ({
            contents: "export const source = () => globalThis.played.source();",
          }));
          build.onResolve({ filter: /\/prompt\.js$/ }, ({ path }) => ({ path, namespace: "played" }));
          build.onLoad({ filter: /prompt/, namespace: "played" }, () => ({
            contents: "export const createPrompt = (...given) => globalThis.played.prompt(...given);",
          }));
        },
      },
    ],
  });
  return outputFiles[0].text;
}

const [realTimeout, realClear] = [setTimeout, clearTimeout];

/** The 8 bytes of an empty wasm module. */
const EMPTY = () => new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

export class Store {
  items = new Map();
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => void this.items.set(key, String(value));
}

/** A page at `href`; gives what happened on it. */
export function page({ href = "https://shop.example/cart?a=1#top", meta = [], session, local, navigator = {} } = {}) {
  const log = { warnings: [], errors: [], prompts: [], reloads: 0, listeners: new Map(), timers: new Set(), fetches: [] };
  const tracked = (target) => {
    const { addEventListener } = EventTarget.prototype;
    const open = new Set();
    log.listeners.set(target, open);
    target.addEventListener = (type, listener, options) => {
      if (options?.signal?.aborted) return;
      const entry = { type };
      open.add(entry);
      options?.signal?.addEventListener("abort", () => open.delete(entry));
      addEventListener.call(target, type, listener, options);
    };
    return target;
  };
  const document = Object.assign(tracked(new EventTarget()), {
    visibilityState: "visible",
    baseURI: href,
    documentElement: { lang: "de-AT" },
    querySelectorAll: () => meta.map((dataset) => ({ content: dataset.id, dataset })),
    querySelector: () => null,
  });
  const location = Object.assign(new URL(href), {});
  location.reload = () => log.reloads++;
  const self = tracked(new EventTarget());
  // What a document tells, its window hears if it listens to what is on its way down.
  const { addEventListener } = self;
  self.addEventListener = (type, listener, options) => {
    if (options?.capture || !/^(visibilitychange|resume)$/.test(type)) addEventListener.call(self, type, listener, options);
  };
  document.dispatchEvent = (event) => {
    self.dispatchEvent(new Event(event.type));
    EventTarget.prototype.dispatchEvent.call(document, event);
  };
  const globals = {
    document,
    location,
    self,
    top: self,
    history: { state: null, replaceState: (_state, _title, url) => (log.replaced = url), pushState() {} },
    localStorage: local ?? new Store(),
    sessionStorage: session ?? new Store(),
    navigator: { onLine: true, language: "en", ...navigator },
    addEventListener: (...given) => self.addEventListener(...given),
    setTimeout: (call, ms) => {
      const id = realTimeout(() => (log.timers.delete(id), call()), ms).unref();
      log.timers.add(id);
      return id;
    },
    clearTimeout: (id) => (log.timers.delete(id), realClear(id)),
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        log.fetches.push({ url, init, resolve });
        init.signal.addEventListener("abort", () => reject(init.signal.reason));
      }),
    console: { ...console, warn: (...given) => log.warnings.push(given), error: (...given) => log.errors.push(given) },
  };
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  delete globalThis[Symbol.for("trueup.page")];
  return { ...globals, log };
}

/** What crosses, as `wire.ts` has it, by name: an input's kind and members … */
const INPUTS = [
  ..."wake resume pagehide pageshow hello chunk check now defer saved unbooked".split(" "),
  ..."visible.on online.on lead.on header.serial navigate.url session.session context.context refused.refusals holds.holds".split(" "),
  "shell.worker.status.redirected.html.text",
  "answer.next.status.foreign.at.date.retryAfter.retryDate.text.tooLong.etag",
  "inspect",
];
const START = "options.seed.nonce.state.text.session.inline.id.version.app.visible.online.locks.reloadOff";
/** … and an effect's. */
const EFFECTS = [
  ..."abort shell activate save hello lead.on taken.taken poll keep.state.text reload.session.asked.url".split(" "),
  "tell.next.answered",
  "standing.status.reason.deadline",
  "refresh.phase.action.target.reason.until.deferrals.seconds.holds.deadline.notes.link",
  "plan.generation.apis",
  "poll.why.outcome",
  "error.blame.code.path",
  "ready.how",
  "flags",
];

const named = (names, values) => Object.fromEntries(names.split(".").map((name, i) => [name, values[i]]).filter(([, value]) => value != null));

const { outputFiles: [wire] } = await build({ entryPoints: [`${src}wire.ts`], bundle: true, write: false, format: "esm", define: { __DEV__: "true" } });
const { WORDS } = await import(`data:text/javascript;base64,${Buffer.from(wire.contents).toString("base64")}`);
/** Words cross as their places. */
const place = (member, word) => {
  if (!WORDS[member] || word == null) return word ?? null;
  const place = WORDS[member].split(" ").indexOf(word);
  if (place < 0) throw new Error(`${word} is no ${member}`);
  return place;
};

const placed = (effect) => {
  const event = effect.do === "emit";
  const name = event ? effect.event : effect.do;
  const kind = EFFECTS.findIndex((names, i) => names.split(".")[0] === name && (i > 10 || !event));
  const [, ...names] = EFFECTS[kind].split(".");
  if (name === "flags") return [kind, ...effect.detail];
  if (event && names.length === 1) return [kind, place(names[0], effect.detail)];
  const { do: _, event: __, detail, ...rest } = effect;
  const unknown = Object.keys(detail ?? rest).filter((name) => !names.includes(name));
  if (unknown.length) throw new Error(`${name} has no ${unknown}`);
  return [kind, ...names.map((name) => place(name, (detail ?? rest)[name]))];
};

/** A core that the test plays. What it hears and answers it names: `{ type: "visible", on: true }`, `{ do: "poll" }`. */
export function play({ answer = () => [], start = [], refuse } = {}) {
  const core = { heard: [], answer, given: undefined };
  globalThis.played = {
    source: EMPTY,
    prompt: () => (view) => (core.view = view),
    core: (begun = false) => (given) => {
      const crossed = (value) => JSON.parse(JSON.stringify(value));
      const reply = (effects) => crossed([core.delay ?? 0x7fff_ffff, ...effects.map(placed)]);
      const [kind, ...values] = crossed(given);
      if (!begun) {
        begun = true;
        if (refuse instanceof Error) throw refuse;
        if (refuse) return [place("code", refuse.code), refuse.path];
        const { options, ...begin } = named(START, [kind, ...values]);
        core.given = { options, start: begin };
        return reply(start);
      }
      const [type, ...names] = INPUTS[kind].split(".");
      if (type === "inspect") return [1, [null, null, 7]];
      const input = { type, ...named(names.join("."), values) };
      core.heard.push(input);
      return reply(core.answer(input) ?? []);
    },
  };
  return core;
}

// A page has more listeners on one signal than Node finds usual.
setMaxListeners(0);

let count = 0;
/** A fresh copy of the package. */
export const fresh = async (text) =>
  import(`data:text/javascript;base64,${Buffer.from(`${text}\n//${count++}`).toString("base64")}`);

export const emit = (event, detail) => ({ do: "emit", event, detail });
export const turn = () => new Promise((done) => realTimeout(done, 5));
