// A service worker that precaches the shell, by Workbox as people use it: every navigation is answered from the precache.
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "esbuild";
import { deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, collectFaults, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

/** The worker that Workbox's recipe gives, for the shell of build `id`. */
async function worker(id) {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";
        import { NavigationRoute, registerRoute } from "workbox-routing";
        addEventListener("message", ({ data }) => data?.type === "SKIP_WAITING" && skipWaiting());
        precacheAndRoute([{ url: "/shop/", revision: ${JSON.stringify(id)} }]);
        registerRoute(new NavigationRoute(createHandlerBoundToURL("/shop/"), { allowlist: [/^\\/shop\\//] }));
        cleanupOutdatedCaches();`,
      resolveDir: import.meta.dirname ?? new URL(".", import.meta.url).pathname,
    },
    bundle: true,
    write: false,
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return { do: "put", path: "/sw.js", contentType: "text/javascript", body: outputFiles[0].text };
}

const b2 = { do: "deploy", id: "b2", version: "2.0.0" };
const forced = { ...b2, manifest: { supported: { minimum: "2.0.0" } } };
const phase = (page, wanted, reason) =>
  page.waitForFunction(([wanted, reason]) => trueup.refresh.state.phase === wanted && (!reason || trueup.refresh.state.reason === reason), [wanted, reason]);
const built = (page, id) => page.waitForFunction((id) => document.querySelector("h1")?.textContent === id, id);

/** A tab that is controlled by the worker of build b1. */
async function visit(test, options) {
  const server = await shop();
  await server.control(await worker("b1"));
  const tab = await openTab(test);
  await tab.context.addInitScript((options) => (window.options = options), options);
  await tab.page.goto(`${server.origin}/shop/`);
  await tab.page.evaluate(async () => {
    await navigator.serviceWorker.register("/sw.js");
    await navigator.serviceWorker.ready;
  });
  // Workbox claims no page that was there before it.
  await tab.page.reload();
  await tab.page.waitForFunction(() => navigator.serviceWorker.controller && window.trueup);
  const loads = [];
  tab.page.on("load", () => loads.push(tab.page.url()));
  return { server, loads, ...tab };
}

test("a Workbox precache of the shell is updated with one reload", async (test) => {
  const tab = await visit(test, { worker: { activate: { type: "SKIP_WAITING" } } });
  await tab.server.control(forced, await worker("b2"));
  await built(tab.page, "b2");
  await tab.page.waitForFunction(() => trueup.standing.status === "current");
  assert.equal(tab.loads.length, 1);
  assertNoFaults(tab);
});

test("a precache whose worker lags, or may not be activated, is never reloaded in vain", async (test) => {
  const tab = await visit(test, {});
  await tab.server.control(forced, await worker("b2"));
  await phase(tab.page, "waiting", "worker");
  await tab.page.waitForTimeout(6_000);
  assert.equal(await tab.page.evaluate(() => trueup.refresh.state.reason), "worker");
  assert.deepEqual(tab.loads, []);
  assert.equal(await tab.page.locator("trueup-prompt").count(), 0);
  // The app lets it take over in its own way.
  await tab.page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).waiting.postMessage({ type: "SKIP_WAITING" }));
  await built(tab.page, "b2");
  assert.equal(tab.loads.length, 1);
  assertNoFaults(tab);
});

test("a waiting worker is not activated while another tab holds", async (test) => {
  const tab = await visit(test, { worker: { activate: { type: "SKIP_WAITING" } } });
  const other = await tab.context.newPage();
  const faults = await collectFaults(other);
  await other.goto(`${tab.server.origin}/shop/?other`);
  await other.waitForFunction(() => window.trueup);
  await other.evaluate(() => void (window.hold = trueup.refresh.hold("upload")));
  await tab.server.control(forced, await worker("b2"));
  await phase(tab.page, "waiting", "worker");
  await tab.page.waitForTimeout(4_000);
  assert.deepEqual(tab.loads, []);
  const waits = () => tab.page.evaluate(async () => !!(await navigator.serviceWorker.getRegistration()).waiting);
  assert.equal(await waits(), true);
  await other.evaluate(() => hold.release());
  await built(tab.page, "b2");
  await built(other, "b2");
  assert.equal(tab.loads.length, 1);
  assertNoFaults(tab);
  assertNoFaults({ faults });
});
