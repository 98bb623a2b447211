// Reports and beacons, in Node, with a client and a clock that the test plays. In Chromium: tests/e2e/forms.test.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle, fresh, page, turn } from "./browser.mjs";

const text = await bundle("report");

/** A client whose state the test sets, the beacons that it brings about, and a clock. */
async function client(test, options) {
  const { self } = page();
  const timers = [];
  let now = 1000;
  let accepts = true;
  const sent = [];
  const real = performance.now;
  performance.now = () => now;
  test.after(() => (performance.now = real));
  Object.assign(globalThis, { setTimeout: (call, ms) => timers.push({ call, at: now + ms }) && timers.at(-1), clearTimeout: (timer) => timers.splice(timers.indexOf(timer), timer ? 1 : 0) });
  navigator.sendBeacon = (url, body) => accepts && sent.push({ url, reports: JSON.parse(body).reports });
  const listeners = {};
  const state = { build: "b1", standing: { status: "current", reason: "current" }, refresh: { phase: "idle", action: "none", reason: "current" } };
  const trueup = {
    inspect: () => state,
    subscribe: (listener) => ((listeners.change = listener), () => delete listeners.change),
    on: (event, listener, { signal }) => {
      listeners[event] = listener;
      signal.addEventListener("abort", () => delete listeners[event]);
    },
    ready: Promise.resolve("live"),
  };
  const { report } = await fresh(text);
  const stop = report(trueup, { url: "/beacon", ...options });
  await turn();
  return {
    sent, listeners, timers, stop, report, trueup,
    refuse: () => (accepts = false), accept: () => (accepts = true),
    async change(refresh) {
      Object.assign(state.refresh, refresh);
      listeners.change?.();
      await turn();
    },
    async tell(event, detail) {
      listeners[event]?.(detail);
      await turn();
    },
    async pass(ms) {
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) timers.splice(timers.indexOf(timer), 1)[0].call();
      await turn();
    },
    go: () => self.dispatchEvent(new Event("pagehide")),
  };
}

test("what happens within a minute goes in one beacon, and nothing new in none", async (test) => {
  const tab = await client(test);
  await tab.pass(5000);
  assert.equal(tab.sent.length, 1);
  assert.equal(tab.sent[0].url, "https://shop.example/beacon");
  assert.deepEqual(tab.sent[0].reports.map(({ at, ...rest }) => rest), [{ build: "b1", standing: "current", action: "none", phase: "idle" }]);
  for (const phase of ["spreading", "checking", "checking", "waiting"]) await tab.change({ phase, action: "offer", reason: phase === "waiting" ? "same-build" : undefined });
  await tab.tell("error", { blame: "publisher", code: "version", path: "supported.minimum" });
  await tab.tell("poll", { outcome: "failed" });
  await tab.pass(59_000);
  assert.equal(tab.sent.length, 1);
  await tab.pass(1000);
  const [, { reports }] = tab.sent;
  assert.deepEqual(reports.map(({ phase, blockedBy, errors }) => [phase, blockedBy, errors]), [
    ["spreading", undefined, undefined], ["checking", undefined, undefined], ["waiting", "same-build", undefined], ["waiting", "same-build", ["publisher/version"]],
  ]);
  for (let minute = 0; minute < 4; minute++) {
    await tab.tell("poll", { outcome: "unchanged" });
    await tab.pass(60_000);
  }
  assert.equal(tab.sent.length, 2, "nothing has changed");
  await tab.pass(60_000);
  await tab.tell("poll", { outcome: "unchanged" });
  await tab.pass(0);
  assert.deepEqual(tab.sent[2].reports.map(({ phase, outcome }) => [phase, outcome]), [["waiting", "unchanged"]], "but it is still there");
});

test("the page that goes sends what is left, and what does not get away is kept, fifty at most", async (test) => {
  const tab = await client(test);
  tab.refuse();
  await tab.pass(5000);
  for (let i = 0; i < 60; i++) await tab.change({ phase: `phase${i}` });
  tab.accept();
  tab.go();
  assert.deepEqual([tab.sent.length, tab.sent[0].reports.length, tab.sent[0].reports.at(-1).phase], [1, 50, "phase59"]);
  tab.go();
  assert.equal(tab.sent.length, 1);
  await tab.change({ phase: "last" });
  tab.stop();
  assert.equal(tab.sent.length, 2);
  assert.deepEqual([Object.keys(tab.listeners), tab.timers], [[], []]);
  tab.go();
  assert.equal(tab.sent.length, 2);
});

test("who is not sampled says nothing, and wrong options throw", async (test) => {
  const tab = await client(test, { sample: 0 });
  await tab.pass(1e6);
  assert.deepEqual([tab.sent, Object.keys(tab.listeners)], [[], []]);
  assert.throws(() => tab.report(tab.trueup, { sample: 2 }), { code: "range", path: "sample" });
  assert.throws(() => tab.report(tab.trueup, { url: "http://[" }), { code: "path", path: "url" });
});
