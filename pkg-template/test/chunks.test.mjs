// Which losses the page notices, in Node: events as the three engines send them. In Chromium: tests/e2e/page.test.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle, fresh } from "./browser.mjs";

const text = await bundle("chunks");
const BASE = "https://shop.example/assets/";

/** The window with the watch on it; `noticed(event)` says whether it was a loss. */
async function watch(test) {
  const target = new EventTarget();
  const { PerformanceObserver } = globalThis;
  const life = new AbortController();
  let told;
  let open = 0;
  Object.assign(globalThis, {
    addEventListener: (...given) => target.addEventListener(...given),
    PerformanceObserver: class {
      constructor(tell) {
        told = tell;
      }
      observe = ({ type, buffered }) => {
        assert.deepEqual([type, buffered], ["resource", undefined]);
        open++;
      };
      disconnect = () => open--;
    },
  });
  test.after(() => Object.assign(globalThis, { PerformanceObserver, addEventListener: undefined }));
  let lost = 0;
  (await fresh(text)).watchChunks(BASE, life.signal, () => lost++);
  const counted = (act) => {
    const before = lost;
    act();
    return lost > before;
  };
  return {
    end: () => (life.abort(), open),
    rejected: (message) => counted(() => target.dispatchEvent(Object.assign(new Event("unhandledrejection"), { reason: new TypeError(message) }))),
    preload: (message) => counted(() => target.dispatchEvent(Object.assign(new Event("vite:preloadError"), message && { payload: new Error(message) }))),
    element: (it) => counted(() => target.dispatchEvent(Object.defineProperty(new Event("error"), "target", { value: it }))),
    timed: (name, responseStatus) => counted(() => told({ getEntries: () => [{ name, responseStatus }] })),
  };
}

test("imports, styles, scripts and wasm below the app's base are noticed, in the words of each engine", async (test) => {
  const page = await watch(test);
  for (const message of [
    `Failed to fetch dynamically imported module: ${BASE}lazy.js`,
    `error loading dynamically imported module: ${BASE}lazy.js`,
    "Importing a module script failed.",
    `Loading chunk 7 failed. (error: ${BASE}7.js)`,
    `Loading CSS chunk 7 failed. (${BASE}7.css)`,
    "Failed to execute 'compileStreaming' on 'WebAssembly': Incorrect response MIME type. Expected 'application/wasm'.",
    "WebAssembly: Response has unsupported MIME type 'text/html' expected 'application/wasm'",
  ])
    assert.ok(page.rejected(message), message);
  assert.ok(page.preload(`Unable to preload CSS for ${BASE}a.css`) && page.preload());
  assert.ok(page.element({ localName: "script", src: `${BASE}a.js` }));
  assert.ok(page.element({ localName: "link", rel: "stylesheet", href: `${BASE}a.css` }));
  assert.ok(page.element({ localName: "link", rel: "modulepreload", href: `${BASE}a.js` }));
  // Where the app has caught the failure itself.
  for (const name of ["lazy.js", "lazy.mjs?v=2", "a.css", "a.wasm"]) assert.ok(page.timed(BASE + name, 404), name);
});

test("what is not the app's own, or no asset, or has not failed, is not", async (test) => {
  const page = await watch(test);
  assert.ok(!page.rejected("Failed to fetch dynamically imported module: https://cdn.example/lazy.js"));
  assert.ok(!page.rejected("Failed to fetch"));
  assert.ok(!page.preload("Unable to preload CSS for https://cdn.example/a.css"));
  assert.ok(!page.element({ localName: "script", src: "https://ads.example/a.js" }));
  assert.ok(!page.element({ localName: "script", src: "" }));
  assert.ok(!page.element({ localName: "img", src: `${BASE}a.png` }));
  assert.ok(!page.element({ localName: "link", rel: "icon", href: `${BASE}a.ico` }));
  for (const [name, status] of [[`${BASE}a.js`, 200], [`${BASE}a.js`, 0], [`${BASE}a.png`, 404], [`${BASE}orders`, 404], ["https://shop.example/api/a.js", 404]])
    assert.ok(!page.timed(name, status), `${name} ${status}`);
  assert.equal(page.end(), 0, "nothing stays");
  assert.ok(!page.preload());
});
