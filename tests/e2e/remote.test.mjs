// Flags that a server evaluates, in Chromium: OFREP by itself and behind OpenFeature's web SDK. The server's side is npm
// @openfeature/flagd-core.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FlagdCore } from "@openfeature/flagd-core";
import { build } from "esbuild";
import { assertNoFaults, openTab, serveSite } from "./driver.mjs";

const PKG = process.env.TRUEUP_PKG;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const PAGE = `<!doctype html><title>Remote</title><script type="module">
  import { connectFlags, OpenFeature, TrueupProvider } from "/app.js";
  Object.assign(window, { connectFlags, OpenFeature, TrueupProvider });
</script>`;

/** A site with a page, the package's entries with the SDK in one script, and a service that evaluates. */
async function site(t) {
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from "${PKG}/dist/ofrep.js"; export * from "${PKG}/dist/openfeature.js"; export { OpenFeature } from "@openfeature/web-sdk";`,
      resolveDir: new URL(".", import.meta.url).pathname,
    },
    bundle: true,
    write: false,
    format: "esm",
  });
  const core = new FlagdCore(undefined, quiet);
  const publish = (variant) =>
    core.setConfigurations(JSON.stringify({
      flags: {
        checkout: { state: "ENABLED", variants: { short: "one page", long: "three pages" }, defaultVariant: variant, targeting: { if: [{ "==": [{ var: "plan" }, "pro"] }, "short", null] } },
      },
    }));
  publish("long");
  const asked = [];
  const origin = await serveSite({
    "/": PAGE,
    "/app.js": outputFiles[0].text,
    "/ofrep/v1/evaluate/flags": async (request) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { context } = JSON.parse(body);
      const etag = `"${context.plan}-${core.getFlag("checkout").defaultVariant}"`;
      const known = request.headers["if-none-match"];
      asked.push({ method: request.method, plan: context.plan, known: known === etag, authorization: request.headers.authorization });
      if (known === etag) return { status: 304, headers: { etag } };
      const flags = [...core.getFlags()].map(([key, flag]) => ({ key, ...flag.evaluate(context, quiet) }));
      return { type: "application/json", body: JSON.stringify({ flags }), headers: { etag } };
    },
  }, t);
  const tab = await openTab(t);
  await tab.page.goto(origin);
  await tab.page.waitForFunction(() => window.connectFlags);
  return { tab, page: tab.page, asked, publish };
}

test("OFREP in a page: the app's headers, an ETag for each context, and nothing of another one", async (t) => {
  const { tab, page, asked, publish } = await site(t);
  const read = await page.evaluate(async () => {
    const remote = (window.remote = connectFlags({ url: "/", context: { targetingKey: "a", plan: "pro" }, headers: async () => ({ Authorization: "Bearer 1" }) }));
    const flag = () => [remote.flags.get("checkout", "none"), remote.flags.details("checkout", "none").reason];
    const seen = [flag()];
    seen.push(await remote.ready, flag());
    seen.push(await remote.check());
    const free = remote.flags.setContext({ targetingKey: "b", plan: "free" });
    seen.push(flag(), await free, flag());
    const back = remote.flags.setContext({ targetingKey: "a", plan: "pro" });
    seen.push(flag(), await back, flag());
    return seen;
  });
  assert.deepEqual(read, [
    ["none", "ERROR"], "live", ["one page", "TARGETING_MATCH"],
    "unchanged",
    ["none", "ERROR"], "new", ["three pages", "DEFAULT"],
    ["one page", "STALE"], "unchanged", ["one page", "TARGETING_MATCH"],
  ]);
  const pro = { method: "POST", plan: "pro", authorization: "Bearer 1" };
  assert.deepEqual(asked, [{ ...pro, known: false }, { ...pro, known: true }, { ...pro, plan: "free", known: false }, { ...pro, known: true }]);
  publish("short");
  const change = await page.evaluate(async () => {
    const heard = [];
    await remote.flags.setContext({ targetingKey: "b", plan: "free" });
    remote.flags.on("checkout", () => heard.push(remote.flags.get("checkout", "none")));
    return [await remote.check(), heard, remote.flags.get("checkout", "none")];
  });
  assert.deepEqual(change, ["unchanged", [], "one page"]);
  assertNoFaults(tab);
});

test("OpenFeature's web SDK in a page, over OFREP", async (t) => {
  const { tab, page, publish } = await site(t);
  const first = await page.evaluate(async () => {
    window.events = [];
    window.remote = connectFlags({ url: "/" });
    window.sdk = OpenFeature.getClient();
    for (const event of ["PROVIDER_READY", "PROVIDER_RECONCILING", "PROVIDER_CONTEXT_CHANGED"]) sdk.addHandler(event, () => events.push(event));
    events.length = 0;
    await OpenFeature.setProviderAndWait(new TrueupProvider(remote), { targetingKey: "a", plan: "pro" });
    const values = [sdk.getStringValue("checkout", "none")];
    await OpenFeature.setContext({ targetingKey: "b", plan: "free" });
    return [...values, sdk.getStringValue("checkout", "none"), sdk.providerStatus, events];
  });
  assert.deepEqual(first, ["one page", "three pages", "READY", ["PROVIDER_READY", "PROVIDER_RECONCILING", "PROVIDER_CONTEXT_CHANGED"]]);
  publish("short");
  const second = await page.evaluate(async () => {
    const changed = new Promise((done) => sdk.addHandler("PROVIDER_CONFIGURATION_CHANGED", ({ flagsChanged }) => done(flagsChanged)));
    await remote.check();
    return [await changed, sdk.getStringValue("checkout", "none")];
  });
  assert.deepEqual(second, [["checkout"], "one page"]);
  assertNoFaults(tab);
});
