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
            contents:
              "export const Core = function (...given) { return globalThis.played.core(...given); };\n" +
              "export const initSync = () => {}; export default async () => {};",
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

/** A core that the test plays. */
export function play({ answer = () => [], start = [], refuse } = {}) {
  const core = { heard: [], freed: 0, answer, given: undefined };
  globalThis.played = {
    source: EMPTY,
    prompt: (actions) => {
      core.actions = actions;
      return { show: (view) => (core.view = view), hide: () => (core.view = undefined) };
    },
    core: (options, begin) => {
      if (refuse) throw refuse;
      core.given = { options, start: begin };
      return {
        start: () => JSON.stringify(start),
        handle: (input) => {
          core.heard.push(input);
          return JSON.stringify(core.answer(input) ?? []);
        },
        wake: () => core.delay ?? 0x7fff_ffff,
        inspect: () => JSON.stringify({ serial: 7 }),
        free: () => core.freed++,
      };
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
