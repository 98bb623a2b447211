// Flags on real pages: from one load to the next, for one person and another, without a server, in another tab.
import assert from "node:assert/strict";
import { test } from "node:test";
import { shop } from "./deployment.mjs";
import { assertNoFaults, openTab } from "./driver.mjs";

const FLAGS = {
  flags: {
    "for-ada": {
      state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off",
      targeting: { if: [{ "==": [{ var: "targetingKey" }, "ada"] }, "on"] },
    },
    "by-build": {
      state: "ENABLED", variants: { new: "new", old: "old" }, defaultVariant: "old",
      targeting: { if: [{ sem_ver: [{ var: "$build.version" }, ">=", "1.0.0"] }, "new"] },
    },
    half: { state: "ENABLED", variants: { in: true, out: false }, targeting: { fractional: [["in", 1], ["out", 1]] } },
  },
};

/** A tab of the shop for this person; what stands on the first line after `connect` is in `first`. */
async function open(test, flags = { context: { targetingKey: "ada" } }) {
  const server = await shop({ manifest: { flags: FLAGS } });
  const tab = await openTab(test);
  await tab.page.addInitScript((flags) => {
    globalThis.options = { build: { id: "b1", version: "1.0.0" }, app: "shop", poll: { everySeconds: 600 }, flags: JSON.parse(sessionStorage.flags ?? flags) };
    // The page's own script sets it: from then on everything is as an app would find it.
    Object.defineProperty(globalThis, "trueup", { set(client) {
      Object.defineProperty(globalThis, "trueup", { value: client });
      globalThis.first = client.flags.details("for-ada", false);
    }, configurable: true });
  }, JSON.stringify(flags));
  await tab.page.goto(`${server.origin}/shop/`);
  await tab.page.evaluate(() => trueup.ready);
  return { ...tab, server };
}

const details = (tab, key, fallback = false) => tab.page.evaluate(([key, fallback]) => trueup.flags.details(key, fallback), [key, fallback]);
const first = (tab) => tab.page.evaluate(() => first);
/** Comes back as somebody else. */
const returnAs = (tab, targetingKey) => tab.page.evaluate((flags) => (sessionStorage.flags = flags), JSON.stringify({ context: { targetingKey } })).then(() => tab.page.reload());

test("the next load reads its flags on the first line, stale until the server has answered", async (test) => {
  const tab = await open(test);
  assert.equal((await first(tab)).errorCode, "PROVIDER_NOT_READY");
  assert.equal((await details(tab, "for-ada")).reason, "TARGETING_MATCH");
  assert.equal((await details(tab, "by-build", "")).value, "new");
  await tab.page.reload(); // the kept answer is young: nothing is asked yet
  const { value, variant, reason } = await first(tab);
  assert.deepEqual({ value, variant, reason }, { value: true, variant: "on", reason: "STALE" });
  const changed = tab.page.evaluate(() => new Promise((done) => trueup.subscribe(() => trueup.flags.details("for-ada", false).reason !== "STALE" && done(trueup.flags.details("for-ada", false).reason))));
  await tab.page.evaluate(() => trueup.check());
  assert.equal(await changed, "TARGETING_MATCH");
  assertNoFaults(tab);
});

test("somebody else never sees the values of the one before, on this load or the next", async (test) => {
  const tab = await open(test);
  assert.equal((await details(tab, "for-ada")).value, true);
  const seen = await tab.page.evaluate(() => {
    const calls = [];
    trueup.flags.on("for-ada", () => calls.push(trueup.flags.get("for-ada", true)));
    trueup.flags.setContext({ targetingKey: "bob" });
    return [trueup.flags.get("for-ada", true), calls];
  });
  assert.deepEqual(seen, [false, [false]]);
  await returnAs(tab, "bob");
  assert.equal((await first(tab)).value, false);
  await returnAs(tab, "ada");
  assert.equal((await first(tab)).value, true);
  assertNoFaults(tab);
});

test("a sticky key keeps a browser in its share over loads, and is only drawn where the app asks", async (test) => {
  const tab = await open(test, { stickyKey: true });
  const share = await details(tab, "half");
  assert.equal(share.reason, "TARGETING_MATCH");
  const person = () => tab.page.evaluate(() => Object.entries(localStorage).find(([key]) => key.endsWith(":person"))?.[1]);
  const key = await person();
  assert.ok(key);
  await tab.page.reload();
  assert.equal((await details(tab, "half")).variant, share.variant);
  assert.equal(await person(), key);

  const without = await open(test, {});
  assert.equal((await details(without, "half")).reason, "DEFAULT");
  assert.deepEqual(await without.page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("person"))), []);
  assertNoFaults(tab);
});
