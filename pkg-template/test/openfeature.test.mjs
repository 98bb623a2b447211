// The provider under the real web SDK, over a client that the test plays.
import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

let OpenFeature, ProviderEvents, ProviderStatus, TrueupProvider;

before(async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from "./openfeature.ts"; export { OpenFeature, ProviderEvents, ProviderStatus } from "@openfeature/web-sdk";
        export { flagDetails } from "./flags.ts";`,
      resolveDir: fileURLToPath(new URL("../src/", import.meta.url)),
    },
    bundle: true,
    write: false,
    format: "esm",
    define: { __DEV__: "true" },
  });
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
  ({ OpenFeature, ProviderEvents, ProviderStatus, TrueupProvider } = module);
  flagDetails = module.flagDetails;
});

let flagDetails, client, events, logged;
/** A domain of its own for each provider: handlers belong to domains, and stay. */
let domain = 0;

const FLAGS = {
  bool: { value: true, variant: "on", reason: "STATIC", metadata: { owner: "team", n: 1, deep: { x: 1 }, none: null } },
  text: { value: "blue", variant: "b", reason: "TARGETING_MATCH", metadata: {} },
  number: { value: 2.5, variant: "n", reason: "DEFAULT", metadata: {} },
  object: { value: { a: [1] }, variant: "o", reason: "STATIC", metadata: {} },
  list: { value: [1, 2], variant: "l", reason: "STATIC", metadata: {} },
  nothing: { value: null, variant: "x", reason: "STATIC", metadata: {} },
  off: { reason: "DISABLED", metadata: {} },
  broken: { reason: "ERROR", errorCode: "PARSE_ERROR", metadata: { owner: "team" } },
};

/** A client as far as the provider knows it. */
function play({ ready = "live", flags = FLAGS, asks } = {}) {
  const listeners = { flags: new Set(), error: new Set(), poll: new Set() };
  const source = {
    ready: Promise.resolve(ready),
    standing: { status: "unknown", reason: ready === "failed" ? "failed" : "no-manifest" },
    contexts: [],
    state: { flags: new Map(Object.entries(flags)), metadata: ready === "live" || ready === "stored" ? {} : undefined },
    flags: {
      details: (key, fallback) => flagDetails(source.state, key, fallback),
      setContext: (context) => (source.contexts.push(context), asks?.(context)),
    },
    getSnapshot: () => ({ flags: source.state.flags }),
    on: (event, listener) => (listeners[event].add(listener), () => listeners[event].delete(listener)),
    emit: (event, detail) => listeners[event].forEach((listener) => listener(detail)),
    open: () => Object.values(listeners).reduce((sum, { size }) => sum + size, 0),
  };
  return source;
}

beforeEach(() => {
  logged = [];
  const note = (...given) => logged.push(given.join(" "));
  OpenFeature.setLogger({ error: note, warn: note, info() {}, debug() {} });
});
afterEach(async () => {
  await OpenFeature.clearProviders();
  await OpenFeature.clearContexts();
});

/** Sets the provider, and listens from before it starts. */
async function start(source, context) {
  const own = (events = []);
  const name = `shop-${++domain}`;
  client = OpenFeature.getClient(name);
  for (const event of Object.values(ProviderEvents))
    client.addHandler(event, ({ flagsChanged, errorCode }) => own.push([event.replace("PROVIDER_", ""), ...(flagsChanged ? [flagsChanged] : []), ...(errorCode ? [errorCode] : [])]));
  const provider = new TrueupProvider(source);
  // Until now the default provider stood for this domain, which is ready.
  own.length = 0;
  const started = context ? OpenFeature.setProviderAndWait(name, provider, context) : OpenFeature.setProviderAndWait(name, provider);
  const failed = await started.then(() => undefined, (error) => error);
  await turn();
  return { provider, failed, name };
}
const setContext = (context) => OpenFeature.setContext(`shop-${domain}`, context);
const turn = () => new Promise((done) => setTimeout(done, 5));

test("resolves every type with variant, reason and metadata", async () => {
  const { failed } = await start(play());
  assert.equal(failed, undefined);
  assert.equal(client.providerStatus, ProviderStatus.READY);
  assert.deepEqual(client.metadata.providerMetadata, { name: "trueup" });
  assert.deepEqual(client.getBooleanDetails("bool", false), {
    flagKey: "bool", value: true, variant: "on", reason: "STATIC", flagMetadata: { owner: "team", n: 1 },
  });
  assert.deepEqual(client.getStringDetails("text", ""), { flagKey: "text", value: "blue", variant: "b", reason: "TARGETING_MATCH", flagMetadata: {} });
  assert.deepEqual(client.getNumberDetails("number", 0), { flagKey: "number", value: 2.5, variant: "n", reason: "DEFAULT", flagMetadata: {} });
  assert.deepEqual(client.getObjectDetails("object", {}), { flagKey: "object", value: { a: [1] }, variant: "o", reason: "STATIC", flagMetadata: {} });
  assert.deepEqual(client.getObjectValue("list", {}), [1, 2], "a list is a structure, too");
  assert.equal(client.getObjectValue("nothing", {}), null);
});

test("errors are OpenFeature's, with the caller's default", async () => {
  await start(play());
  const error = ({ value, reason, errorCode, flagMetadata }) => [value, reason, errorCode, flagMetadata];
  assert.deepEqual(error(client.getBooleanDetails("none", true)), [true, "ERROR", "FLAG_NOT_FOUND", {}]);
  assert.deepEqual(error(client.getStringDetails("bool", "x")), ["x", "ERROR", "TYPE_MISMATCH", { owner: "team", n: 1 }]);
  assert.deepEqual(error(client.getNumberDetails("text", 7)), [7, "ERROR", "TYPE_MISMATCH", {}]);
  assert.deepEqual(error(client.getObjectDetails("text", { d: 1 })), [{ d: 1 }, "ERROR", "TYPE_MISMATCH", {}]);
  assert.deepEqual(error(client.getObjectDetails("bool", "x")), ["x", "ERROR", "TYPE_MISMATCH", {}]);
  assert.deepEqual(error(client.getBooleanDetails("broken", true)), [true, "ERROR", "PARSE_ERROR", { owner: "team" }]);
  assert.deepEqual(error(client.getObjectDetails("none", { d: 1 })), [{ d: 1 }, "ERROR", "FLAG_NOT_FOUND", {}]);
  for (const [method, fallback] of [["getBooleanDetails", true], ["getStringDetails", "x"], ["getNumberDetails", 1], ["getObjectDetails", { d: 1 }], ["getObjectDetails", [1]]])
    assert.deepEqual(error(client[method]("off", fallback)), [fallback, "DISABLED", undefined, {}]);
});

test("the context is OpenFeature's; an empty one at the start leaves the source's own", async () => {
  const source = play();
  await start(source);
  assert.deepEqual(source.contexts, []);
  await setContext({ targetingKey: "a", when: new Date(0) });
  await setContext({});
  assert.deepEqual(source.contexts, [{ targetingKey: "a", when: new Date(0) }, {}]);
  assert.deepEqual(events, [["READY"], ["CONTEXT_CHANGED"], ["CONTEXT_CHANGED"]], "without a RECONCILING: it is done at once");
  const other = play();
  await start(other, { targetingKey: "b" });
  assert.deepEqual(other.contexts, [{ targetingKey: "b" }]);
  assert.deepEqual(logged, []);
});

test("flags that change are named, unless the context changed them", async () => {
  const source = play({ asks: () => source.emit("flags", ["text"]) });
  await start(source);
  source.emit("flags", ["bool", "number"]);
  await setContext({ targetingKey: "a" });
  assert.deepEqual(events, [["READY"], ["CONFIGURATION_CHANGED", ["bool", "number"]], ["CONTEXT_CHANGED"]]);
});

test("a source that answers later is reconciled; one that cannot is an error until it can", async () => {
  let answer;
  const source = play({ asks: () => new Promise((done) => (answer = done)) });
  await start(source);
  const set = setContext({ targetingKey: "a" });
  await turn();
  assert.equal(client.providerStatus, ProviderStatus.RECONCILING);
  source.emit("flags", ["bool"]);
  answer("new");
  await set;
  assert.equal(client.providerStatus, ProviderStatus.READY);
  assert.deepEqual(events.splice(0), [["READY"], ["RECONCILING"], ["CONTEXT_CHANGED"]]);

  source.state = { flags: new Map() };
  const second = setContext({ targetingKey: "b" });
  answer("failed");
  await second;
  await turn();
  assert.equal(client.providerStatus, ProviderStatus.ERROR);
  assert.equal(client.getBooleanDetails("bool", false).errorCode, "PROVIDER_NOT_READY");
  source.state = { flags: new Map(Object.entries(FLAGS)), metadata: {} };
  source.emit("flags", ["bool"]);
  source.emit("poll", { why: "retry", outcome: "new" });
  await turn();
  assert.equal(client.providerStatus, ProviderStatus.READY);
  assert.deepEqual(events.map(([event]) => event), ["RECONCILING", "ERROR", "CONFIGURATION_CHANGED", "READY"]);
});

test("a source that is live already is ready for OpenFeature's context with the answer for that, and not before", async (t) => {
  for (const [outcome, status] of [["new", "READY"], ["unchanged", "READY"], ["failed", "ERROR"], ["waiting", "ERROR"], ["never", "ERROR"]]) {
    let answer;
    const source = play({ asks: () => ((source.state = { flags: new Map() }), new Promise((done) => (answer = done))) });
    if (outcome === "never") t.mock.timers.enable({ apis: ["setTimeout"] });
    const started = start(source, { targetingKey: "a" });
    assert.equal(client.providerStatus, ProviderStatus.NOT_READY);
    assert.equal(client.getBooleanDetails("bool", true).errorCode, "PROVIDER_NOT_READY");
    await new Promise(setImmediate);
    assert.equal(client.providerStatus, ProviderStatus.NOT_READY);
    if (outcome === "never") {
      t.mock.timers.tick(2_000);
      t.mock.timers.reset();
    } else {
      if (status === "READY") source.state = { flags: new Map(Object.entries(FLAGS)), metadata: {} };
      answer(outcome);
    }
    const { failed } = await started;
    assert.equal(client.providerStatus, status, outcome);
    assert.equal(failed?.code, status === "READY" ? undefined : "PROVIDER_NOT_READY");
    assert.equal(client.getBooleanValue("bool", false), status === "READY");
    source.emit("poll", { why: "retry", outcome: "new" });
    await turn();
    assert.equal(client.providerStatus, ProviderStatus.READY);
  }
});

test("an answer that was late for the source's `ready`, and has come since, is one", async () => {
  const { failed } = await start(play({ ready: "timeout" }));
  assert.equal(failed, undefined);
  assert.equal(client.providerStatus, ProviderStatus.READY);
  assert.deepEqual(events, [["READY"]]);
});

test("a context that cannot be sent is the provider's error, nothing escapes, and nobody else's flags are read", async () => {
  const asks = ({ cycle }) => { if (cycle) throw new Error("context: type"); };
  const read = () => [client.getBooleanValue("bool", false), client.getBooleanDetails("bool", false).errorCode, client.getObjectDetails("object", [7]).value];
  const source = play({ asks });
  await start(source);
  await setContext({ cycle: 1 });
  assert.equal(client.providerStatus, ProviderStatus.ERROR);
  assert.deepEqual(read(), [false, "INVALID_CONTEXT", [7]]);
  // What happens to the flags of the context before does not matter now.
  for (const outcome of ["failed", "new"]) source.emit("poll", { why: "interval", outcome });
  await turn();
  source.emit("flags", ["bool"]);
  assert.equal(client.providerStatus, ProviderStatus.ERROR);
  await setContext({ targetingKey: "a" });
  assert.equal(client.providerStatus, ProviderStatus.READY);
  assert.deepEqual(read(), [true, undefined, { a: [1] }]);
  assert.deepEqual(events.map(([event]) => event), ["READY", "RECONCILING", "ERROR", "CONTEXT_CHANGED"]);

  const { failed } = await start(play({ asks }), { cycle: 1 });
  assert.equal(failed.code, "INVALID_CONTEXT");
  assert.equal(client.providerStatus, ProviderStatus.ERROR);
  assert.deepEqual(read(), [false, "INVALID_CONTEXT", [7]]);
  await setContext({ targetingKey: "a" });
  await turn();
  assert.equal(client.providerStatus, ProviderStatus.READY);
  assert.deepEqual(read(), [true, undefined, { a: [1] }]);
});

test("kept flags are STALE until the server has answered", async () => {
  const kept = Object.fromEntries(Object.entries(FLAGS).map(([key, flag]) => [key, { ...flag, reason: flag.value === undefined ? flag.reason : "STALE" }]));
  const source = play({ ready: "stored", flags: kept });
  await start(source);
  assert.equal(client.providerStatus, ProviderStatus.STALE);
  assert.deepEqual([client.getBooleanDetails("bool", false).value, client.getBooleanDetails("bool", false).reason], [true, "STALE"]);
  await setContext({ targetingKey: "a" });
  await turn();
  assert.equal(client.providerStatus, ProviderStatus.STALE, "another context does not make the rules newer");
  source.emit("poll", { why: "start", outcome: "unchanged" });
  await turn();
  assert.equal(client.providerStatus, ProviderStatus.READY);
  assert.deepEqual(events.map(([event]) => event), ["READY", "STALE", "CONTEXT_CHANGED", "STALE", "READY"]);
});

test("an inlined manifest is an answer", async () => {
  const source = play({ ready: "stored" });
  // The server may take its time.
  source.ready = new Promise(() => {});
  await start(source);
  assert.equal(client.providerStatus, ProviderStatus.READY);
});

test("a poll that fails makes it STALE once, the next good one READY", async () => {
  const source = play();
  await start(source);
  for (const outcome of ["failed", "failed", "waiting", "unchanged", "new", "failed", "older"]) source.emit("poll", { why: "interval", outcome });
  await turn();
  assert.deepEqual(events, [["READY"], ["STALE"], ["READY"], ["STALE"], ["READY"]]);
});

test("it is READY when the flags can be read, not before", async () => {
  const source = play({ ready: "timeout", flags: {} });
  const { name } = await start(source);
  const seen = [];
  for (const event of [ProviderEvents.Ready, ProviderEvents.ConfigurationChanged])
    OpenFeature.getClient(name).addHandler(event, () => seen.push(client.getBooleanValue("bool", false)));
  // A client first tells what a poll brought, then what comes of it, in one turn.
  source.emit("poll", { why: "retry", outcome: "new" });
  source.state = { flags: new Map(Object.entries(FLAGS)), metadata: {} };
  source.emit("flags", ["bool"]);
  await turn();
  assert.deepEqual(seen, [true, true]);
  assert.deepEqual(events.map(([event]) => event), ["ERROR", "CONFIGURATION_CHANGED", "READY"]);
});

test("without an answer in time it is an error, flags read their defaults, and READY follows", async () => {
  for (const ready of ["timeout", "failed"]) {
    const source = play({ ready, flags: {} });
    source.standing = undefined;
    const { failed } = await start(source);
    assert.equal(failed.code, "PROVIDER_NOT_READY");
    assert.equal(client.providerStatus, ProviderStatus.ERROR);
    assert.deepEqual([client.getBooleanDetails("bool", true).value, client.getBooleanDetails("bool", true).errorCode], [true, "PROVIDER_NOT_READY"]);
    source.emit("poll", { why: "retry", outcome: "failed" });
    await turn();
    source.state = { flags: new Map(Object.entries(FLAGS)), metadata: {} };
    source.emit("poll", { why: "retry", outcome: "new" });
    await turn();
    assert.equal(client.providerStatus, ProviderStatus.READY);
    assert.equal(client.getBooleanValue("bool", false), true);
    assert.deepEqual(events.map(([event]) => event), ["ERROR", "READY"]);
  }
});

test("a client that is lost is fatal, at the start and later, and flags read their defaults", async () => {
  const { failed } = await start(play({ ready: "failed", flags: {} }));
  assert.equal(failed.code, "PROVIDER_FATAL");
  assert.equal(client.providerStatus, ProviderStatus.FATAL);
  assert.equal(client.getStringValue("text", "x"), "x");
  const source = play();
  await start(source);
  events.length = 0;
  source.standing = { status: "unknown", reason: "failed" };
  source.state = { flags: new Map() };
  source.emit("error", { blame: "network", code: "status" });
  assert.deepEqual(events, []);
  source.emit("error", { blame: "module", code: "trap" });
  assert.equal(client.providerStatus, ProviderStatus.FATAL);
  assert.equal(client.getStringValue("text", "x"), "x");
  assert.ok(events.every(([event, code]) => event === "ERROR" && code === "PROVIDER_FATAL"), JSON.stringify(events));
});

test("another provider in its place ends its listeners, and it can be used again", async () => {
  const source = play();
  const { provider, name } = await start(source);
  assert.equal(source.open(), 3);
  await OpenFeature.setProviderAndWait(name, new TrueupProvider(play()));
  await turn();
  assert.equal(source.open(), 0);
  await OpenFeature.setProviderAndWait(name, provider);
  assert.equal(source.open(), 3);
  assert.equal(client.getBooleanValue("bool", false), true);
});

test("another provider in its place while it starts: no listener stays", async () => {
  const source = play();
  let ready;
  source.ready = new Promise((done) => (ready = done));
  const name = `shop-${++domain}`;
  OpenFeature.setProvider(name, new TrueupProvider(source));
  await OpenFeature.setProviderAndWait(name, new TrueupProvider(play()));
  ready("live");
  await turn();
  assert.equal(source.open(), 0);
});
