// Flags on the page's side: what reading gives, who is called, and what crosses. The core is played by the test.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { bundle, emit, fresh, page, play, turn } from "./browser.mjs";

let text;
before(async () => {
  text = await bundle();
});
const connectIn = async (options) => (await fresh(text)).connect(options);

const KINDS = ["STATIC", "DEFAULT", "TARGETING_MATCH", "DISABLED", "STALE", "PARSE_ERROR", "GENERAL"];
/** As the core publishes them. */
const flags = (of, metadata = {}) =>
  emit("flags", [
    Object.values(of).map(({ variant, reason, errorCode }) => String.fromCharCode(48 + (variant === undefined ? 0 : 8) + KINDS.indexOf(errorCode ?? reason))).join("") + "0",
    metadata,
    Object.entries(of).map(([key, { variant, value, metadata }]) => [key, metadata, variant === undefined ? [] : [variant, value]]),
  ]);
const on = { value: true, variant: "on", reason: "STATIC", metadata: {} };
const off = { value: false, variant: "off", reason: "DEFAULT", metadata: {} };

test("a flag of the kept manifest is there on the line after connect", async () => {
  page();
  play({ start: [flags({ new: { ...on, reason: "STALE" } })] });
  const trueup = await connectIn();
  assert.equal(trueup.flags.get("new", false), true);
  assert.equal(trueup.flags.details("new", false).reason, "STALE");
  assert.deepEqual([...trueup.getSnapshot().flags.keys()], ["new"]);
  assert.equal(trueup.inspect().flags.new.variant, "on");
  trueup.close();
  assert.equal(trueup.flags.get("new", false), true);
});

test("the fallback stands for what is unknown, disabled, broken or of another kind", async () => {
  page();
  const of = (value) => ({ value, variant: "v", reason: "STATIC", metadata: { m: 1 } });
  const metadata = { set: "s", m: 1 };
  const values = { yes: true, zero: 0, word: "w", list: [1], object: { a: 1 }, nothing: null };
  const all = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, of(value)]));
  play({ start: [flags({ ...all, off: { reason: "DISABLED", metadata: {} }, bad: { reason: "ERROR", errorCode: "PARSE_ERROR", metadata: {} } }, { set: "s" })] });
  const trueup = await connectIn();
  const fallbacks = [false, 7, "f", [0], { f: 1 }, null];
  Object.keys(values).forEach((key, own) =>
    fallbacks.forEach((fallback, other) => {
      assert.deepEqual(trueup.flags.get(key, fallback), own === other ? all[key].value : fallback, `${key} ${other}`);
      const expected = own === other ? { ...all[key], metadata } : { value: fallback, reason: "ERROR", errorCode: "TYPE_MISMATCH", metadata };
      assert.deepEqual(trueup.flags.details(key, fallback), expected, `${key} ${other}`);
    }),
  );
  assert.deepEqual(trueup.flags.details("off", true), { value: true, reason: "DISABLED", metadata: { set: "s" } });
  assert.deepEqual(trueup.flags.details("bad", true), { value: true, reason: "ERROR", errorCode: "PARSE_ERROR", metadata: { set: "s" } });
  const notFound = { value: true, reason: "ERROR", errorCode: "FLAG_NOT_FOUND", metadata: { set: "s" } };
  for (const key of ["x", "__proto__", "constructor", ""]) assert.deepEqual(trueup.flags.details(key, true), notFound);
  trueup.close();
});

test("without a manifest, on a server and after a trap flags are not ready", async () => {
  page();
  const core = play();
  const notReady = { value: 3, reason: "ERROR", errorCode: "PROVIDER_NOT_READY", metadata: {} };
  const trueup = await connectIn();
  assert.deepEqual(trueup.flags.details("x", 3), notReady);
  core.answer = () => [flags({ x: { ...on, value: 4 }, y: on })];
  trueup.refresh.defer();
  assert.equal(trueup.flags.get("x", 3), 4);
  const changed = [];
  trueup.on("flags", (keys) => changed.push(keys));
  core.answer = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  trueup.flags.setContext({ targetingKey: "bob" });
  assert.deepEqual(trueup.flags.details("x", 3), notReady);
  assert.deepEqual(changed, [["x", "y"]]);
  trueup.flags.setContext({ targetingKey: "ada" });
  assert.equal(core.heard.length, 2);

  delete globalThis.document;
  const server = await connectIn({ flags: { context: {}, stickyKey: true } });
  server.flags.setContext({});
  assert.deepEqual(server.flags.details("x", 3), notReady);
});

test("setContext evaluates before it returns and calls the listeners of what changed, once", async () => {
  page();
  const core = play({ start: [flags({ a: on, b: on, c: on })] });
  const trueup = await connectIn({ flags: { context: { targetingKey: "ada" } } });
  assert.deepEqual(core.given.options.flags, { context: { targetingKey: "ada" } });
  const called = [];
  trueup.on("flags", (keys) => called.push(keys));
  const stop = trueup.flags.on("a", () => called.push(`a ${trueup.flags.get("a", true)}`));
  trueup.flags.on("b", () => called.push("b"));
  let told = 0;
  trueup.subscribe(() => told++);
  // c has another reason only: it can be read, and nobody is called for it.
  core.answer = () => [flags({ a: off, b: on, c: { ...on, reason: "TARGETING_MATCH" } })];
  trueup.flags.setContext({ targetingKey: "bob", at: new Date(0) });
  assert.deepEqual(core.heard, [{ type: "context", context: { targetingKey: "bob", at: "1970-01-01T00:00:00.000Z" } }]);
  assert.equal(trueup.flags.get("a", true), false);
  assert.deepEqual(called, [["a"], "a false"]);
  assert.equal(told, 1);
  core.answer = () => [];
  trueup.flags.setContext({ targetingKey: "cyd" });
  assert.equal(told, 1);
  stop();
  core.answer = () => [flags({ b: on })];
  trueup.flags.setContext({});
  assert.deepEqual(called.slice(2), [["a", "c"]]);
  trueup.close();
});

test("within a listener, too, setContext evaluates before it returns", async () => {
  page();
  const core = play({ start: [flags({ a: on })] });
  const trueup = await connectIn();
  const seen = [];
  core.answer = ({ type, context }) =>
    type === "context" ? [flags({ a: { ...on, variant: context.targetingKey, value: context.targetingKey } })]
    // What the core said before the listener ran is carried out first.
    : [emit("standing", { status: "behind", reason: "older" }), flags({ a: off }), { do: "keep", state: { a: 1 } }];
  trueup.on("standing", () => {
    trueup.refresh.takeNavigation("/");
    trueup.flags.setContext({ targetingKey: "bob" });
    seen.push(trueup.flags.get("a", ""));
  });
  trueup.refresh.defer();
  assert.deepEqual(seen, ["bob"]);
  assert.equal(trueup.flags.get("a", ""), "bob");
  assert.deepEqual(core.heard.map(({ type }) => type), ["defer", "context"]);
  trueup.close();
});

test("a listener that closes the client is the last one that is called", async () => {
  page();
  const core = play({ start: [flags({ a: on })] });
  const trueup = await connectIn();
  const heard = [];
  trueup.on("flags", () => (heard.push("closing"), trueup.close()));
  trueup.flags.on("a", () => heard.push("a"));
  core.answer = () => [flags({ a: off })];
  trueup.flags.setContext({ targetingKey: "bob" });
  assert.deepEqual(heard, ["closing"]);
  assert.equal(trueup.flags.get("a", true), false);
});

test("a snapshot that somebody has stays as it is, also where only codes cross", async () => {
  page();
  const core = play({ start: [flags({ a: on, b: on })] });
  const trueup = await connectIn();
  const called = [];
  trueup.on("flags", (keys) => called.push(keys));
  const first = trueup.getSnapshot();
  const codes = (text) => (core.answer = () => [emit("flags", [text])]);
  codes("180");
  trueup.flags.setContext({ n: 1 });
  const second = trueup.getSnapshot();
  codes("111");
  trueup.flags.setContext({ n: 2 });
  codes("100");
  trueup.flags.setContext({ n: 3 });
  const seen = ({ flags }) => [...flags].map(([key, { value, reason }]) => `${key} ${value} ${reason}`);
  assert.deepEqual(seen(first), ["a true STATIC", "b true STATIC"]);
  assert.deepEqual(seen(second), ["a undefined DEFAULT", "b true STATIC"]);
  assert.deepEqual(seen(trueup.getSnapshot()), ["a undefined DEFAULT", "b undefined STATIC"]);
  assert.deepEqual(called, [["a"], ["b"]]);
  assert.equal(trueup.flags.get("b", "fallback"), "fallback");
  trueup.close();
});

test("an object with the same content has not changed, and another one has", async () => {
  page();
  const of = (value) => ({ o: { value, variant: "v", reason: "STATIC", metadata: {} } });
  const core = play({ start: [flags(of({ a: [1] }))] });
  const trueup = await connectIn();
  const called = [];
  trueup.flags.on("o", () => called.push(trueup.flags.get("o", {})));
  core.answer = () => [flags(of({ a: [1] }))];
  trueup.flags.setContext({});
  core.answer = () => [flags(of({ a: [2] }))];
  trueup.flags.setContext({});
  assert.deepEqual(called, [{ a: [2] }]);
  trueup.close();
});

test("a context that is no JSON throws, and the one before stays", async () => {
  page();
  const core = play();
  const { connect, TrueupError } = await fresh(text);
  const trueup = connect({});
  const loop = {};
  loop.loop = loop;
  assert.throws(() => trueup.flags.setContext(loop), (error) => error instanceof TrueupError && error.path === "flags.context");
  assert.deepEqual(core.heard, []);
  trueup.close();
});

test("a targeting key is drawn only where the app asks for it, kept, and gives way to the app's own", async () => {
  const first = page();
  const core = play();
  const without = await connectIn({ app: "shop" });
  assert.deepEqual(core.given.options.flags, { context: {} });
  assert.equal([...first.localStorage.items.keys()].filter((key) => key.includes("person")).length, 0);
  without.close();

  const options = { app: "shop", flags: { stickyKey: true, context: { plan: "pro" } } };
  const trueup = await connectIn(options);
  const { targetingKey, plan } = core.given.options.flags.context;
  assert.match(targetingKey, /^[0-9a-z]{5,}$/);
  assert.equal(plan, "pro");
  trueup.flags.setContext({ plan: "free" });
  trueup.flags.setContext({ targetingKey: "ada" });
  assert.deepEqual(core.heard.map(({ context }) => context), [{ targetingKey, plan: "free" }, { targetingKey: "ada" }]);
  trueup.close();
  (await connectIn(options)).close();
  assert.equal(core.given.options.flags.context.targetingKey, targetingKey);
});

test("a context that is set while the module loads is the one that is evaluated first", async () => {
  page();
  const core = play();
  const bytes = globalThis.played.source();
  globalThis.played.source = () => WebAssembly.compile(bytes);
  const trueup = await connectIn({ flags: { context: { targetingKey: "ada" } } });
  trueup.flags.setContext({ targetingKey: "bob" });
  while (!core.given) await turn();
  assert.deepEqual(core.given.options.flags, { context: { targetingKey: "bob" } });
  assert.deepEqual(core.heard, []);
  trueup.close();
});

test("what is wrong with the kept or inlined manifest is heard by listeners of the line after connect", async () => {
  page();
  const fault = { blame: "publisher", code: "operator", path: "flags.flags.bad.targeting.nope" };
  const core = play({ start: [emit("error", fault), flags({ bad: { reason: "ERROR", errorCode: "PARSE_ERROR", metadata: {} } })] });
  const { connect } = await fresh(text);
  const trueup = connect();
  const heard = [];
  trueup.on("error", (detail) => heard.push(detail));
  await turn();
  assert.deepEqual(heard, [fault]);
  core.answer = () => [emit("error", fault)];
  trueup.refresh.defer();
  assert.deepEqual(heard, [fault, fault], "later ones at once");
  trueup.close();
});
