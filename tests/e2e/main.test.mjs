// The main job in Chromium, against the deployment server: notice a deploy, prompt, force, refresh. What takes time is
// printed, never asserted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE, deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

/** The page of build `id` is there, connected, and its `load` has been counted. */
const built = async (tab, id) => {
  await tab.page.waitForFunction((id) => document.querySelector("h1")?.textContent === id && window.trueup, id);
  await tab.page.waitForLoadState("load");
};
const prompt = (tab) => tab.page.locator("trueup-prompt");
const button = (tab, name) => prompt(tab).getByRole("button", { name });
const took = (test, what, since) => test.diagnostic(`${what}: ${Date.now() - since} ms`);

/** A tab on the shop, connected and heard of the servers, with what its refresh and its standing went through, over reloads. */
async function visit(test, server, { path = "/shop/", options = {}, init, heard = true } = {}) {
  const tab = await openTab(test);
  tab.phases = [];
  tab.standings = [];
  tab.loads = 0;
  tab.page.on("load", () => tab.loads++);
  await tab.page.exposeBinding("phase", (_source, phase) => tab.phases.push(phase));
  await tab.page.exposeBinding("standing", (_source, status) => tab.standings.push(status));
  await tab.page.addInitScript((options) => (window.options = options), options);
  if (init) await tab.page.addInitScript(init);
  await tab.page.goto(server.origin + path);
  await tab.page.waitForFunction(() => window.trueup);
  // Not by `ready`: a busy machine may take the 2 s after which that resolves to `timeout`.
  if (heard) await tab.page.waitForFunction(() => window.trueup.standing.status !== "unknown");
  await tab.page.evaluate(() => {
    window.trueup.on("refresh", ({ phase }) => window.phase(phase));
    window.trueup.on("standing", ({ status }) => window.standing(status));
  });
  return tab;
}

test("a deploy is offered, and a click brings the new build", async (test) => {
  const server = await shop();
  const tab = await visit(test, server);
  assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
  const at = Date.now();
  await server.control({ do: "deploy", id: "b2", version: "2.0.0" });
  await button(tab, /refresh/i).waitFor();
  took(test, "deploy → prompt", at);
  assert.equal(await tab.page.evaluate(() => trueup.standing.status), "behind");
  assert.equal(tab.loads, 1);
  const click = Date.now();
  await button(tab, /refresh/i).click();
  await built(tab, "b2");
  took(test, "click → new build", click);
  assert.equal(await tab.page.evaluate(() => trueup.ready), "stored");
  assert.equal(await prompt(tab).count(), 0);
  assert.equal(tab.loads, 2);
  assertNoFaults(tab);
});

test("a raised minimum forces a refresh that keeps query and hash", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { path: "/shop/cart?item=7#total" });
  const at = Date.now();
  await server.control({ do: "deploy", id: "b2", version: "2.0.0", manifest: { supported: { minimum: "2.0.0" } } });
  await button(tab, /finish/i).waitFor();
  await built(tab, "b2");
  took(test, "raised minimum → new build, with a countdown of 2 s", at);
  assert.equal(tab.page.url(), `${server.origin}/shop/cart?item=7#total`);
  assert.deepEqual(tab.standings, ["unsupported"]);
  const [counting, saving] = ["counting", "saving"].map((phase) => tab.phases.indexOf(phase));
  assert.ok(counting >= 0 && counting < saving, tab.phases.join());
  assert.equal(tab.loads, 2);
  assertNoFaults(tab);
});

test("what the app saves survives a forced refresh", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { options: { user: "u1" } });
  await tab.page.evaluate(() => trueup.refresh.onSave(async () => ({ draft: "half a sentence" })));
  await server.control({ do: "deploy", id: "b2", version: "2.0.0", manifest: { supported: { minimum: "2.0.0" } } });
  await built(tab, "b2");
  assert.deepEqual(await tab.page.evaluate(() => trueup.refresh.restored), { draft: "half a sentence" });
  await tab.page.reload();
  assert.equal(await tab.page.evaluate(() => trueup.refresh.restored), undefined);
  assertNoFaults(tab);
});

test("a deploy whose page still lags shows nothing until the page is new", async (test) => {
  const server = await shop();
  const tab = await visit(test, server);
  await server.control({ do: "shell", id: "b1" }, { do: "deploy", id: "b2", version: "2.0.0" });
  await tab.page.waitForFunction(() => trueup.refresh.state.phase === "waiting");
  assert.equal(await prompt(tab).count(), 0);
  const at = Date.now();
  await server.control({ do: "shell", id: null });
  await button(tab, /refresh/i).waitFor();
  took(test, "page caught up → prompt", at);
  assert.ok(!tab.phases.slice(0, tab.phases.indexOf("waiting")).includes("offering"), tab.phases.join());
  assert.equal(tab.loads, 1);
  assertNoFaults(tab);
});

test("the script drop-in needs a mark and an attribute", async (test) => {
  const server = await shop({
    page: `<!doctype html><html lang="en"><head>{{mark}}<link rel="icon" href="data:,">
      <script src="/pkg/dist/trueup.js" data-manifest="/trueup.json" data-poll-every-seconds="2"></script>
      </head><body><h1>{{id}}</h1></body></html>`,
  });
  const tab = await visit(test, server);
  await server.control({ do: "deploy", id: "b2", version: "2.0.0" });
  await button(tab, /refresh/i).click();
  await built(tab, "b2");
  assertNoFaults(tab);
});

test("trueup/slim streams its wasm from beside", async (test) => {
  const server = await shop({ page: PAGE.replace("index.js", "slim.js") });
  const tab = await visit(test, server);
  assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
  assert.equal((await server.requests("path=/pkg/dist/trueup_bg.wasm")).length, 1);
  assertNoFaults(tab);
});

test("two clients on one page show one prompt and reload once", async (test) => {
  const server = await shop();
  // Long enough for the second client to hear of it as well.
  const tab = await visit(test, server, { options: { countdownSeconds: 8 } });
  await tab.page.evaluate(() => {
    window.second = connect({ manifest: "/shop/trueup.json", poll: { everySeconds: 2 } });
  });
  await server.control({ do: "deploy", id: "b2", version: "2.0.0", manifest: { supported: { minimum: "2.0.0" } } });
  await tab.page.waitForFunction(() =>
    [trueup, second].every(({ standing }) => standing.status === "unsupported"),
  );
  await button(tab, /finish/i).waitFor();
  assert.equal(await button(tab, /finish/i).count(), 1);
  await built(tab, "b2");
  assert.equal(tab.loads, 2);
  assertNoFaults(tab);
});

test("close leaves no timer, listener, request, lock or prompt behind", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, {
    init: () => {
      window.open = { timers: new Set(), listeners: new Set() };
      const { setTimeout, clearTimeout } = window;
      window.setTimeout = (call, ...rest) => {
        const id = setTimeout(() => (open.timers.delete(id), call()), ...rest);
        open.timers.add(id);
        return id;
      };
      window.clearTimeout = (id) => (open.timers.delete(id), clearTimeout(id));
      const { addEventListener, removeEventListener } = EventTarget.prototype;
      for (const target of [window, document])
        target.addEventListener = (type, listener, options) => {
          const entry = { type, listener };
          // Playwright has listeners of its own here.
          if (new Error().stack.includes("/pkg/dist/")) open.listeners.add(entry);
          options?.signal?.addEventListener("abort", () => open.listeners.delete(entry));
          addEventListener.call(target, type, listener, options);
          target.removeEventListener = (type, listener, ...rest) => {
            for (const entry of open.listeners) if (entry.listener === listener) open.listeners.delete(entry);
            removeEventListener.call(target, type, listener, ...rest);
          };
        };
    },
  });
  const open = () =>
    tab.page.evaluate(async () => ({
      timers: window.open.timers.size,
      listeners: [...window.open.listeners].map(({ type }) => type),
      locks: (await navigator.locks.query()).held.length,
    }));
  await tab.page.waitForFunction(() => trueup.inspect().role === "leader");
  const before = await open();
  assert.ok(before.timers > 0 && before.listeners.length > 5 && before.locks === 1, JSON.stringify(before));
  await server.control({ do: "deploy", id: "b2", version: "2.0.0" });
  await button(tab, /refresh/i).waitFor();
  await server.control({ do: "fault", target: "manifest", hang: true });
  const checked = await server.last();
  await tab.page.evaluate(() => void trueup.check());
  await server.arrived(`target=manifest&since=${checked}`);
  await tab.page.evaluate(() => (trueup.close(), trueup.close()));
  await tab.page.waitForFunction(async () => !(await navigator.locks.query()).held.length);
  assert.deepEqual(await open(), { timers: 0, listeners: [], locks: 0 });
  assert.equal(await button(tab, /refresh/i).count(), 0);
  await server.control({ do: "clear" });
  const since = await server.last();
  await tab.page.waitForTimeout(5_000);
  assert.deepEqual(await server.requests(`since=${since}`), []);
  assertNoFaults(tab);
});

for (const [what, entry, lose] of [
  ["blocked by a policy", "index.js", [{ do: "headers", target: "shell", set: { "Content-Security-Policy": "script-src 'self' 'unsafe-inline'" } }]],
  ["blocked by a policy, as a file", "slim.js", [{ do: "headers", target: "shell", set: { "Content-Security-Policy": "script-src 'self' 'unsafe-inline'" } }]],
  ["missing", "slim.js", [{ do: "put", path: "/pkg/dist/trueup_bg.wasm", status: 404, body: "gone" }]],
  ["something else", "slim.js", [{ do: "put", path: "/pkg/dist/trueup_bg.wasm", contentType: "text/html", body: "<p>Hello" }]],
]) {
  test(`the page works without its wasm: ${what} (${entry})`, async (test) => {
    const server = await shop({ page: PAGE.replace("index.js", entry) });
    await server.control(...lose);
    const tab = await visit(test, server, { heard: false });
    await tab.page.waitForFunction(() => trueup.standing.reason === "failed");
    assert.equal(await tab.page.evaluate(() => trueup.flags.get("x", "fallback")), "fallback");
    assert.equal(await tab.page.evaluate(() => connect({ app: "again" }).ready), "failed");
    const ours = tab.faults.filter((fault) => fault.includes("trueup:"));
    assert.equal(ours.length, 1, tab.faults.join("\n"));
    assert.ok(tab.faults.every((fault) => !/uncaught|unhandled/.test(fault)), tab.faults.join("\n"));
    assert.equal((await server.requests("target=manifest")).length, 0);
  });
}

test("a trap ends the client and the page lives on", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, {
    init: () => {
      // The module's memory, so that the test can break what stands in it.
      const { Instance } = WebAssembly;
      WebAssembly.Instance = function (...given) {
        const instance = new Instance(...given);
        window.memory = Object.values(instance.exports).find((it) => it instanceof WebAssembly.Memory);
        return instance;
      };
    },
  });
  await tab.page.evaluate(() => {
    window.lost = [];
    trueup.on("error", (fault) => lost.push(fault));
    new Uint8Array(memory.buffer).fill(0xff);
    return trueup.check();
  });
  assert.deepEqual(await tab.page.evaluate(() => lost), [{ blame: "module", code: "trap" }]);
  assert.deepEqual(await tab.page.evaluate(() => trueup.standing), { status: "unknown", reason: "failed" });
  const since = await server.last();
  await tab.page.waitForTimeout(5_000);
  assert.deepEqual(await server.requests(`since=${since}`), []);
  assert.equal(tab.faults.length, 1, tab.faults.join("\n"));
  assert.match(tab.faults[0], /^console warning: trueup:/);
});
