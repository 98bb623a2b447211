// What flags cost, beside others, in Node and in Chromium: `cargo xtask bench flags`.
//
// A read: 1,000 plain flags, one after the other. An evaluation: all flags of a set for another context; for Trueup that is
// `setContext`, with the crossing, the comparison and the new snapshot; the others are asked for each flag, or for all
// where they can. All contenders take turns in each of the rounds; printed are medians, and medians of the rounds' ratios.
import { readFile } from "node:fs/promises";
// Before the page that the package runs on in Node: with a `document` they would look for a browser.
import { GrowthBook } from "@growthbook/growthbook";
import { FlagdCore } from "@openfeature/flagd-core";
import { InMemoryProvider, OpenFeature } from "@openfeature/web-sdk";
import { build } from "esbuild";
import { client } from "../conformance/_package.mjs";
import { browser, end, serveSite } from "../e2e/driver.mjs";

const PEERS = `
  export { FlagdCore } from "@openfeature/flagd-core";
  export { InMemoryProvider, OpenFeature } from "@openfeature/web-sdk";
  export { GrowthBook } from "@growthbook/growthbook";`;

/** Runs in Node and in the page. `client(document, context)` is a client of the package on which the document is in force. */
async function measure({ FlagdCore, InMemoryProvider, OpenFeature, GrowthBook }, client) {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const contexts = Array.from({ length: 16 }, (_, n) => ({
    targetingKey: `user-${n}`,
    plan: ["pro", "free"][n % 2],
    age: 10 + n * 3,
    country: ["DE", "FR", "JP"][n % 3],
  }));

  const countries = (n) => [["DE", "FR"], ["FR", "JP"], ["DE", "JP"]][n % 3];
  /** The n-th flag, in each one's own words. GrowthBook and the in-memory provider have no `fractional` of flagd's: they use their own. */
  const KINDS = {
    plain: () => ({ growthbook: {} }),
    fractional: (n, key) => ({
      rule: { fractional: [["on", 25], ["off", 75]] },
      growthbook: { rules: [{ force: true, coverage: 0.25, hashAttribute: "targetingKey" }] },
      evaluator: ({ targetingKey }) => {
        let hash = 0x811c9dc5;
        for (const c of key + targetingKey) hash = Math.imul(hash ^ c.charCodeAt(0), 0x01000193);
        return hash >>> 0 < 2 ** 30 ? "on" : "off";
      },
    }),
    conditions: (n) => ({
      rule: { if: [{ and: [{ "==": [{ var: "plan" }, "pro"] }, { ">=": [{ var: "age" }, 10 + (n % 40)] }, { in: [{ var: "country" }, countries(n)] }] }, "on", "off"] },
      growthbook: { rules: [{ condition: { plan: "pro", age: { $gte: 10 + (n % 40) }, country: { $in: countries(n) } }, force: true }] },
      evaluator: ({ plan, age, country }) => (plan === "pro" && age >= 10 + (n % 40) && countries(n).includes(country) ? "on" : "off"),
    }),
  };

  /** The same set for all; each answers with how to read one flag, and how to evaluate all of them. */
  async function contenders(kind, count) {
    // As an app has them: its literals are names to the engine, not texts that were put together.
    const keys = Object.keys(Object.fromEntries(Array.from({ length: count }, (_, n) => [`flag-${n}`])));
    const all = keys.map((key, n) => [key, KINDS[kind](n, key)]);
    const variants = { on: true, off: false };
    const flag = ({ rule }) => ({ state: "ENABLED", variants, defaultVariant: "off", ...(rule && { targeting: rule }) });
    const document = { flags: Object.fromEntries(all.map(([key, of]) => [key, flag(of)])) };
    const map = new Map(keys.map((key) => [key, false]));

    const trueup = client(document, contexts[0]);
    const core = new FlagdCore(undefined, quiet);
    core.setConfigurations(JSON.stringify(document));
    const memory = all.map(([key, { evaluator }]) => [key, { variants, defaultVariant: "off", disabled: false, ...(evaluator && { contextEvaluator: evaluator }) }]);
    const domain = `${kind}-${count}-${Math.random()}`;
    await OpenFeature.setProviderAndWait(domain, new InMemoryProvider(Object.fromEntries(memory)), contexts[0]);
    const sdk = OpenFeature.getClient(domain);
    const gb = new GrowthBook({ features: Object.fromEntries(all.map(([key, { growthbook }]) => [key, { defaultValue: false, ...growthbook }])), attributes: contexts[0] });

    const each = (read) => () => {
      let on = 0;
      for (const key of keys) if (read(key)) on++;
      return on;
    };
    const inFlagdCore = (key, context) => core.resolveBooleanEvaluation(key, false, context, quiet).value;
    return {
      keys,
      close: () => (trueup.close(), gb.destroy()),
      read: {
        "Map.get": (key) => map.get(key),
        "trueup flags.get": (key) => trueup.flags.get(key, false),
        "@openfeature/flagd-core": (key) => inFlagdCore(key, contexts[0]),
        "@openfeature/web-sdk, in memory": (key) => sdk.getBooleanValue(key, false),
        "@growthbook/growthbook": (key) => gb.isOn(key),
      },
      evaluate: {
        "trueup setContext": async (context) => {
          trueup.flags.setContext(context);
          return () => each((key) => trueup.flags.get(key, false))();
        },
        "@openfeature/flagd-core": async (context) => {
          const on = each((key) => inFlagdCore(key, context))();
          return () => on;
        },
        "@openfeature/flagd-core resolveAll": async (context) => {
          const found = core.resolveAll(context, quiet);
          return () => found.filter(({ value }) => value).length;
        },
        "@openfeature/web-sdk, in memory": async (context) => {
          await OpenFeature.setContext(domain, context);
          const on = each((key) => sdk.getBooleanValue(key, false))();
          return () => on;
        },
        "@growthbook/growthbook": async (context) => {
          await gb.setAttributes(context);
          const on = each((key) => gb.isOn(key))();
          return () => on;
        },
      },
    };
  }

  /** ns per read. A page's clock is coarse: many passes over all keys make one figure. */
  async function reads() {
    const { keys, read, close } = await contenders("plain", 1000);
    const passes = { "Map.get": 200, "trueup flags.get": 200, "@openfeature/flagd-core": 5, "@openfeature/web-sdk, in memory": 2, "@growthbook/growthbook": 5 };
    // A loop of its own for each, as in an app: one that is shared sees them all, and is slow for all.
    const loops = Object.fromEntries(Object.keys(read).map((name) => [name, new Function("read", "keys", "passes", `
      let on = 0;
      for (let pass = 0; pass < passes; pass++) for (let i = 0; i < keys.length; i++) if (read(keys[i])) on++;
      return on; // ${name}`)]));
    const rounds = [];
    for (let round = 0; round < 40; round++) {
      const times = {};
      for (const name in read) {
        const begin = performance.now();
        const on = loops[name](read[name], keys, passes[name]);
        times[name] = ((performance.now() - begin) * 1e6) / (passes[name] * keys.length);
        if (on !== 0) throw new Error(`${name} read ${on} flags as true`);
      }
      if (round >= 10) rounds.push(times);
    }
    close();
    return rounds;
  }

  /** µs per evaluation of all flags. */
  async function evaluations(kind, count) {
    const { evaluate, close } = await contenders(kind, count);
    const share = { plain: [0, 0], fractional: [0.1, 0.4], conditions: [0.05, 0.6] }[kind];
    const rounds = [];
    let turn = 0;
    for (let round = 0; round < 60; round++) {
      const times = Object.fromEntries(Object.keys(evaluate).map((name) => [name, 0]));
      const context = contexts[++turn % contexts.length];
      // Each is the first now and then: what one leaves to be collected costs the next.
      const names = Object.keys(evaluate);
      for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
        const begin = performance.now();
        const count = await evaluate[name](context);
        times[name] = (performance.now() - begin) * 1e3;
        times[`${name} on`] = count();
      }
      if (round >= 15) rounds.push(times);
    }
    close();
    for (const name in evaluate) {
      const on = rounds.reduce((sum, times) => sum + times[`${name} on`], 0) / rounds.length / count;
      if (on < share[0] || on > share[1]) throw new Error(`${name}, ${kind}: a share of ${on} is on`);
    }
    return rounds;
  }

  const told = { reads: await reads(), evaluations: {} };
  for (const count of [100, 1000]) for (const kind of Object.keys(KINDS)) told.evaluations[`${count} ${kind}`] = await evaluations(kind, count);
  return told;
}

// ---- Both places ----------------------------------------------------------------------------------------------------

async function inChromium() {
  const { outputFiles } = await build({ stdin: { contents: PEERS, resolveDir: import.meta.dirname }, bundle: true, write: false, format: "esm", platform: "browser", minify: true });
  const page = `<!doctype html><script type="application/json" id="trueup"></script><script type="module">
    import { connect } from "/index.js";
    import * as peers from "/peers.js";
    window.peers = peers;
    window.client = (flags, context) => {
      document.getElementById("trueup").textContent = JSON.stringify({ trueup: 1, serial: 1, current: { id: "b1" }, flags });
      return connect({ build: { id: "b1" }, app: String(Math.random()), ui: "none", poll: { everySeconds: 86400 }, flags: { context } });
    };
  </script>`;
  const origin = await serveSite({
    // With these a page's clock has steps of 5 µs, not of 100.
    "/": { headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }, body: page },
    "/index.js": await readFile(`${process.env.TRUEUP_PKG}/dist/index.js`, "utf8"),
    "/peers.js": outputFiles[0].text,
  });
  const tab = await (await browser()).newPage();
  await tab.goto(origin);
  await tab.waitForFunction(() => window.client);
  return tab.evaluate(`(${measure})(window.peers, window.client)`);
}

// ---- What is printed ------------------------------------------------------------------------------------------------

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const of = (rounds, name) => median(rounds.map((times) => times[name]));
const ratio = (rounds, name, to) => median(rounds.map((times) => times[name] / times[to]));
const names = (rounds) => Object.keys(rounds[0]).filter((name) => !name.endsWith(" on"));
const number = (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en")).padStart(12);

function print(place, { reads, evaluations }) {
  console.log(`\n${place}`);
  console.log(`${"ns per read (1,000 flags)".padEnd(38)}${"".padStart(12)}${"× Map.get".padStart(12)}`);
  for (const name of names(reads)) console.log(`  ${name.padEnd(36)}${number(of(reads, name))}${number(ratio(reads, name, "Map.get"))}`);
  const sets = Object.keys(evaluations);
  console.log(`${"µs per evaluation of all flags".padEnd(38)}${sets.map((set) => set.padStart(16)).join("")}`);
  for (const name of names(evaluations[sets[0]])) console.log(`  ${name.padEnd(36)}${sets.map((set) => number(of(evaluations[set], name)).padStart(16)).join("")}`);

  const own = "trueup setContext";
  const aim = (what, value, met) => console.log(`aim: ${what}: ${value} (${met ? "met" : "missed"})`);
  const read = ratio(reads, "trueup flags.get", "Map.get");
  aim("a read within 2 × Map.get", read.toFixed(2), read <= 2);
  for (const set of sets.filter((set) => set.startsWith("1000"))) {
    // Of its two ways the quicker.
    const share = Math.max(ratio(evaluations[set], own, "@openfeature/flagd-core"), ratio(evaluations[set], own, "@openfeature/flagd-core resolveAll"));
    aim(`${set} flags quicker than flagd-core`, `${share.toFixed(2)} of its time`, share < 1);
    const ms = of(evaluations[set], own) / 1e3;
    aim(`setContext with ${set} flags under 5 ms`, `${ms.toFixed(2)} ms`, ms < 5);
  }
}

const node = await measure({ FlagdCore, InMemoryProvider, OpenFeature, GrowthBook }, client);
const chromium = await inChromium();
await end();
print(`Node ${process.versions.node}`, node);
print("Chromium", chromium);
process.exit(0);
