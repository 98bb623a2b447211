// What the page's side does around the main job, in Chromium: options, holds, tabs, chunks, storage.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, collectFaults, openOwn, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

const button = (tab, name) => tab.page.locator("trueup-prompt").getByRole("button", { name });
const phase = (tab, wanted) => tab.page.waitForFunction((wanted) => trueup.refresh.state.phase === wanted, wanted);

async function visit(test, server, { path = "/shop/", options = {}, init } = {}) {
  const tab = await openTab(test);
  await tab.page.addInitScript((options) => (window.options = options), options);
  if (init) await tab.page.addInitScript(init);
  await tab.page.goto(server.origin + path);
  await tab.page.waitForFunction(() => window.trueup && trueup.standing.status !== "unknown");
  return tab;
}

const b2 = { do: "deploy", id: "b2", version: "2.0.0" };
const forced = { ...b2, manifest: { supported: { minimum: "2.0.0" } } };

test("wrong options throw code and path, and nothing else of them stays", async (test) => {
  const tab = await visit(test, await shop());
  const thrown = (options) =>
    tab.page.evaluate((options) => {
      try {
        return connect(options).standing;
      } catch ({ name, code, path, message }) {
        return { name, code, path };
      }
    }, options);
  for (const [options, code, path] of [
    [{ poll: { everySeconds: 0 } }, "range", "poll.everySeconds"],
    [{ mode: "watch" }, "unknown", "mode"],
    [{ build: { version: "1" } }, "missing", "build.id"],
    [{ build: { id: "x", version: "one" } }, "version", "build.version"],
    [{ app: 7, build: { id: "x" } }, "type", "app"],
    [{ manifest: "http://[" }, "path", "manifest"],
  ])
    assert.deepEqual(await thrown(options), { name: "TrueupError", code, path });
  assertNoFaults(tab);
});

test("a hold keeps a forced refresh, and its release lets it go", async (test) => {
  const server = await shop();
  const tab = await visit(test, server);
  await tab.page.evaluate(() => void (window.hold = trueup.refresh.hold("upload")));
  await server.control(forced);
  await phase(tab, "holding");
  assert.deepEqual(await tab.page.evaluate(() => trueup.refresh.state.holds), ["upload"]);
  await tab.page.evaluate(() => hold.release());
  await phase(tab, "counting");
  await tab.page.waitForFunction(() => document.querySelector("h1")?.textContent === "b2");
  assertNoFaults(tab);
});

test("an app with a UI of its own is told, and shown nothing", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { options: { ui: "none" } });
  await server.control(b2);
  await phase(tab, "offering");
  assert.equal(await tab.page.locator("trueup-prompt").count(), 0);
  await tab.page.evaluate(() => trueup.refresh.defer());
  await phase(tab, "deferred");
  const gone = tab.page.waitForEvent("load");
  await tab.page.evaluate(() => void trueup.refresh.now());
  await gone;
  assert.equal(await tab.page.locator("h1").textContent(), "b2");
  assertNoFaults(tab);
});

test("in mode observe everything is reported and nothing is shown or done", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { options: { mode: "observe" } });
  await server.control(forced);
  await tab.page.waitForFunction(() => trueup.standing.status === "unsupported");
  await tab.page.waitForTimeout(4_000);
  assert.equal(await tab.page.locator("h1").textContent(), "b1");
  assert.equal(await tab.page.locator("trueup-prompt").count(), 0);
  assertNoFaults(tab);
});

test("a navigation is taken by a refresh that is due, to its target", async (test) => {
  const server = await shop({ manifest: { refresh: { urgency: "low", spreadSeconds: 0 } } });
  const tab = await visit(test, server);
  assert.equal(await tab.page.evaluate(() => trueup.refresh.takeNavigation("/shop/next")), false);
  await server.control(b2);
  await phase(tab, "navigation");
  assert.equal(await tab.page.evaluate(() => trueup.refresh.takeNavigation("https://elsewhere.example/")), false);
  const gone = tab.page.waitForEvent("load");
  // Until the look at the page is fresh enough: on a busy machine it may have aged since.
  await tab.page.evaluate(() => {
    const again = setInterval(() => trueup.refresh.takeNavigation("/shop/next?x=1#y") && clearInterval(again), 100);
  });
  await gone;
  assert.equal(tab.page.url(), `${server.origin}/shop/next?x=1#y`);
  assert.equal(await tab.page.locator("h1").textContent(), "b2");
  assertNoFaults(tab);
});

test("of three tabs one polls, and all of them hear it", async (test) => {
  const server = await shop();
  const first = await visit(test, server, { path: "/shop/?tab=1" });
  const tabs = [first];
  for (const n of [2, 3]) {
    const page = await first.context.newPage();
    const faults = await collectFaults(page);
    await page.goto(`${server.origin}/shop/?tab=${n}`);
    await page.waitForFunction(() => window.trueup && trueup.standing.status !== "unknown");
    tabs.push({ page, faults, context: first.context });
  }
  await first.page.waitForFunction(() => trueup.inspect().role === "leader");
  const since = await server.last();
  await server.control(b2);
  for (const tab of tabs) await tab.page.waitForFunction(() => trueup.standing.status === "behind");
  const polls = await server.requests(`target=manifest&since=${since}`);
  assert.equal(new Set(polls.map(({ tab }) => tab)).size, 1, JSON.stringify(polls.map(({ tab }) => tab)));
  // The leader goes: another one takes over.
  await tabs[0].page.close();
  const at = Date.now();
  await server.control({ do: "deploy", id: "b3", version: "3.0.0" });
  for (const tab of tabs.slice(1)) await tab.page.waitForFunction(() => trueup.inspect().current === "b3");
  test.diagnostic(`leader gone → the others know the next build: ${Date.now() - at} ms`);
  for (const tab of tabs) assertNoFaults(tab);
});

test("a lost chunk asks for a poll, and with a newer build urges", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { options: { poll: { everySeconds: 60 } } });
  await tab.page.evaluate(() => {
    window.polls = [];
    trueup.on("poll", ({ why }) => polls.push(why));
  });
  await tab.page.waitForTimeout(500);
  await server.control({ ...b2, manifest: { refresh: { urgency: "low", spreadSeconds: 0 } } }, { do: "delete-assets", id: "b1" });
  // As a router does that shows an error page of its own: the failure is caught.
  await tab.page.evaluate(() => import("/assets/b1/lazy.js").catch(() => {}));
  await phase(tab, "urging");
  assert.deepEqual(await tab.page.evaluate(() => polls), ["chunk"]);
  assert.ok(tab.faults.length > 0 && tab.faults.every((fault) => /404/.test(fault)), tab.faults.join("\n"));
});

test("blocked storage: prompts, but nothing is done unasked", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, {
    init: () => {
      for (const store of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, store, { get: () => { throw new DOMException("blocked", "SecurityError"); } });
    },
  });
  await server.control(forced);
  await tab.page.waitForFunction(() => {
    const { phase, reason } = trueup.refresh.state;
    return phase === "urging" && reason === "no-storage";
  });
  await tab.page.waitForTimeout(3_000);
  assert.equal(await tab.page.locator("h1").textContent(), "b1");
  const gone = tab.page.waitForEvent("load");
  await tab.page.evaluate(() => void trueup.refresh.now());
  await gone;
  assert.equal(await tab.page.locator("h1").textContent(), "b2");
  assertNoFaults(tab);
});

test("a kept manifest serves the next load at once", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { options: { poll: { everySeconds: 60 } } });
  await server.control({ do: "clear" });
  const polls = async () => (await server.requests("target=manifest")).length;
  const before = await polls();
  await tab.page.reload();
  assert.equal(await tab.page.evaluate(() => trueup.ready), "stored");
  assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
  assert.equal(await polls(), before);
  assertNoFaults(tab);
});

test("Let me finish puts the countdown off, and off again", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { options: { countdownSeconds: 30 } });
  await server.control(forced);
  await button(tab, /finish/i).waitFor();
  const before = await tab.page.evaluate(() => trueup.refresh.state.deferrals);
  await button(tab, /finish/i).click();
  await phase(tab, "deferred");
  assert.equal(await button(tab, /finish/i).count(), 0);
  assert.equal(before, 10);
  assertNoFaults(tab);
});

test("a service worker that keeps the old shell is updated, activated by the app's message, and reloaded once", async (test) => {
  const server = await shop();
  const worker = (id) => ({
    do: "put",
    path: "/sw.js",
    contentType: "text/javascript",
    body: `// ${id}
      addEventListener("install", (event) => event.waitUntil(
        caches.open("${id}").then((cache) => cache.add(new Request("/shop/", { cache: "reload" })))));
      addEventListener("activate", (event) => event.waitUntil(clients.claim()));
      addEventListener("message", ({ data }) => data === "take over" && skipWaiting());
      addEventListener("fetch", (event) => {
        if (new URL(event.request.url).pathname === "/shop/")
          event.respondWith(caches.open("${id}").then((cache) => cache.match("/shop/")));
      });`,
  });
  await server.control(worker("b1"));
  const tab = await visit(test, server, { options: { worker: { activate: "take over" } } });
  await tab.page.evaluate(() => navigator.serviceWorker.register("/sw.js"));
  await tab.page.waitForFunction(() => navigator.serviceWorker.controller);
  let loads = 0;
  tab.page.on("load", () => loads++);
  await server.control(b2, worker("b2"));
  await button(tab, /refresh/i).click();
  await tab.page.waitForFunction(() => document.querySelector("h1")?.textContent === "b2");
  await tab.page.waitForLoadState("load");
  assert.equal(loads, 1);
  assertNoFaults(tab);
});

test("the page is restored from the back/forward cache, leads again and looks", async (test) => {
  const server = await shop();
  const { page } = await openOwn(test);
  await page.goto(`${server.origin}/shop/`);
  await page.waitForFunction(() => window.trueup?.inspect().role === "leader");
  await page.evaluate(() => {
    window.marked = true;
    // An open hold is a lock: the page that is away has none.
    window.hold = trueup.refresh.hold("draft");
    addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
  });
  await page.goto(`${server.origin}/pkg/package.json`);
  assert.deepEqual(await page.evaluate(async () => (await navigator.locks.query()).held.map(({ name }) => name)), []);
  await page.evaluate(() => history.back());
  await page.waitForFunction(() => window.persisted);
  assert.equal(await page.evaluate(() => marked), true);
  await page.waitForFunction(async () => (await navigator.locks.query()).held.some(({ name }) => name.startsWith("trueup:hold:")));
  await server.control(b2);
  await page.waitForFunction(() => trueup.standing.status === "behind");
  await page.waitForFunction(() => trueup.inspect().role === "leader");
});
