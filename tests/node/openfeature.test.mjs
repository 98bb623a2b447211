// The provider of the built package under OpenFeature's real web SDK: over a client of the package, and over a server that
// evaluates with npm @openfeature/flagd-core.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { FlagdCore } from "@openfeature/flagd-core";
import { OpenFeature, ProviderEvents, ProviderStatus } from "@openfeature/web-sdk";
import { client, pkg } from "../conformance/_package.mjs";

const { TrueupProvider } = await import(pathToFileURL(join(pkg, "dist/openfeature.js")));
const { connectFlags } = await import(pathToFileURL(join(pkg, "dist/ofrep.js")));

const on = { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off" };
const DOCUMENT = {
  metadata: { set: "shop" },
  flags: {
    checkout: { ...on, targeting: { if: [{ "==": [{ var: "plan" }, "pro"] }, "on", null] } },
    theme: { state: "ENABLED", variants: { dark: { colour: "black" }, light: { colour: "white" } }, defaultVariant: "light" },
    broken: { ...on, targeting: { no_such: [] } },
  },
};
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
OpenFeature.setLogger(quiet);
after(() => OpenFeature.clearProviders());

async function check(domain, sdk) {
  const read = () => [sdk.getBooleanValue("checkout", false), sdk.getBooleanDetails("checkout", false).reason];
  assert.equal(sdk.providerStatus, ProviderStatus.READY);
  assert.deepEqual(read(), [true, "TARGETING_MATCH"]);
  assert.deepEqual(sdk.getObjectDetails("theme", {}).value, { colour: "white" });
  assert.deepEqual(sdk.getObjectDetails("theme", {}).flagMetadata, { set: "shop" });
  assert.equal(sdk.getBooleanDetails("broken", true).errorCode, "PARSE_ERROR");
  assert.equal(sdk.getStringDetails("checkout", "x").errorCode, "TYPE_MISMATCH");
  assert.equal(sdk.getStringDetails("unknown", "x").errorCode, "FLAG_NOT_FOUND");
  await OpenFeature.setContext(domain, { targetingKey: "ada", plan: "free" });
  assert.deepEqual(read(), [false, "DEFAULT"]);
  assert.equal(sdk.providerStatus, ProviderStatus.READY);
}

test("over a client of the package", async () => {
  const trueup = client(DOCUMENT);
  await OpenFeature.setProviderAndWait("local", new TrueupProvider(trueup), { targetingKey: "ada", plan: "pro" });
  await check("local", OpenFeature.getClient("local"));
  trueup.close();
});

test("over a server that evaluates", async () => {
  // The page of the other test is offline.
  globalThis.navigator.onLine = true;
  const core = new FlagdCore(undefined, quiet);
  core.setConfigurations(JSON.stringify(DOCUMENT));
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const flags = [...core.getFlags()].map(([key, flag]) => {
      const { flagMetadata: metadata, errorMessage, ...rest } = flag.evaluate(JSON.parse(body).context, quiet);
      return { key, ...rest, metadata };
    });
    response.end(JSON.stringify({ flags, metadata: core.getFlagSetMetadata() }));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const remote = connectFlags({ url: `http://127.0.0.1:${server.address().port}` });
  const sdk = OpenFeature.getClient("remote");
  const changes = [];
  sdk.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged }) => changes.push(flagsChanged));
  await OpenFeature.setProviderAndWait("remote", new TrueupProvider(remote), { targetingKey: "ada", plan: "pro" });
  await check("remote", sdk);
  core.setConfigurations(JSON.stringify({ ...DOCUMENT, flags: { ...DOCUMENT.flags, checkout: { ...on, defaultVariant: "on" } } }));
  assert.equal(await remote.check(), "new");
  assert.deepEqual(changes, [["checkout"]]);
  assert.equal(sdk.getBooleanValue("checkout", false), true);
  remote.close();
  server.closeAllConnections();
  server.close();
});
