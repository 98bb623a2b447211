// Remote flags against a local server that evaluates with npm @openfeature/flagd-core: that side is not ours. Time is
// virtual, the network is real.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { FlagdCore } from "@openfeature/flagd-core";
import { build } from "esbuild";

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const PATH = "/ofrep/v1/evaluate/flags";

// ---- The page and its clock -----------------------------------------------------------------------------------------

/** Fires what is due, in order, as time goes by. */
class Clock {
  at = 0;
  timers = new Map();
  chance = 0.5;
  now = () => this.at;
  random = () => this.chance;
  setTimeout = (call, ms) => {
    const id = {};
    this.timers.set(id, { at: this.at + ms, call });
    return id;
  };
  clearTimeout = (id) => void this.timers.delete(id);
  advance(ms) {
    const end = this.at + ms;
    for (;;) {
      const [next] = [...this.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      this.timers.delete(next[0]);
      this.at = next[1].at;
      next[1].call();
    }
    this.at = end;
  }
  /** To the next timer, and no further. */
  next = () => this.advance(this.delays()[0]);
  /** How long until each timer, the nearest first. */
  delays = () => [...this.timers.values()].map(({ at }) => at - this.at).sort((a, b) => a - b);
}

let clock, page, text, origin, server, core, seen, answer;

before(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../src/ofrep.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    define: {
      __DEV__: "true",
      setTimeout: "clock.setTimeout",
      clearTimeout: "clock.clearTimeout",
      "performance.now": "clock.now",
      "Math.random": "clock.random",
    },
  });
  text = outputFiles[0].text;
  server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const got = { method: request.method, url: request.url, headers: request.headers, body, gone: false };
    response.on("close", () => (got.gone = !response.writableEnded));
    seen.push(got);
    const { status, headers, body: sent } = await answer(got);
    if (!got.gone) response.writeHead(status, headers).end(sent);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  origin = `http://127.0.0.1:${server.address().port}`;
});
after(() => (server.closeAllConnections(), server.close()));

let open = [];
let connectFlags, TrueupError;
beforeEach(async () => {
  clock = globalThis.clock = new Clock();
  const target = (more) => Object.assign(new EventTarget(), more);
  page = { document: target({ visibilityState: "visible", baseURI: `${origin}/app/` }), self: target(), navigator: { onLine: true } };
  for (const [name, value] of Object.entries(page)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  ({ connectFlags, TrueupError } = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`));
  core = new FlagdCore(undefined, QUIET);
  core.setConfigurations(JSON.stringify(DOCUMENT));
  seen = [];
  answer = evaluated;
});
afterEach(() => open.splice(0).forEach((remote) => remote.close()));

// ---- The other side -------------------------------------------------------------------------------------------------

const DOCUMENT = {
  metadata: { set: "shop" },
  flags: {
    plain: { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "on" },
    size: { state: "ENABLED", variants: { s: 1, l: 2.5 }, defaultVariant: "l", metadata: { owner: "team", set: "own" } },
    theme: {
      state: "ENABLED",
      variants: { dark: "black", light: "white" },
      defaultVariant: "light",
      targeting: { if: [{ "===": [{ var: "plan" }, "pro"] }, "dark", null] },
    },
    layout: { state: "ENABLED", variants: { a: { columns: 2 }, b: {} }, defaultVariant: "a" },
    rollout: {
      state: "ENABLED",
      variants: { on: true, off: false },
      defaultVariant: "off",
      targeting: { fractional: [["on", 50], ["off", 50]] },
    },
    gone: { state: "DISABLED", variants: { on: true, off: false }, defaultVariant: "on" },
    broken: { state: "ENABLED", variants: { on: true }, defaultVariant: "on", targeting: { no_such: [] } },
    astray: { state: "ENABLED", variants: { on: true }, defaultVariant: "on", targeting: { if: [true, "nowhere"] } },
  },
};

/** A bulk answer as a service gives it. */
function evaluated({ body, headers }) {
  const { context } = JSON.parse(body);
  const flags = [...core.getFlags()].map(([key, flag]) => {
    if (flag.state === "DISABLED") return { key, reason: "DISABLED" };
    const { value, variant, reason, errorCode, errorMessage, flagMetadata: metadata } = flag.evaluate(context, QUIET);
    return errorCode ? { key, errorCode, errorDetails: errorMessage, metadata } : { key, value, variant, reason, metadata };
  });
  const sent = JSON.stringify({ flags });
  const etag = `"${createHash("sha1").update(sent).digest("hex")}"`;
  if (headers["if-none-match"] === etag) return { status: 304, headers: { etag } };
  return { status: 200, headers: { etag, "content-type": "application/json" }, body: sent };
}

const says = (status, headers = {}, body = "") => () => ({ status, headers, body });
const flags = (...items) => says(200, { "content-type": "application/json" }, JSON.stringify({ flags: items }));

function connect(options) {
  const remote = connectFlags({ url: origin, ...options });
  const log = { flags: [], errors: [], polls: [], changes: 0 };
  remote.on("flags", (keys) => log.flags.push(keys));
  remote.on("error", (fault) => log.errors.push(fault));
  remote.on("poll", (poll) => log.polls.push(`${poll.why} ${poll.outcome}`));
  remote.subscribe(() => log.changes++);
  open.push(remote);
  return Object.assign(log, { remote, read: remote.flags });
}

async function until(condition, what = condition) {
  for (const end = Date.now() + 30_000; !condition(); ) {
    if (Date.now() > end) assert.fail(`did not come: ${what}`);
    await new Promise((done) => setTimeout(done, 2));
  }
}
/** Long enough for what would be a mistake to reach the server. */
const pause = () => new Promise((done) => setTimeout(done, 30));
const show = (state) => {
  page.document.visibilityState = state;
  page.document.dispatchEvent(new Event("visibilitychange"));
};
const minutes = (n) => n * 60_000;

// ---- Evaluation -----------------------------------------------------------------------------------------------------

test("reads what the server evaluated: value, variant, reason, metadata, and errors one by one", async () => {
  const { remote, read } = connect({ context: { targetingKey: "user-1", plan: "pro" } });
  assert.equal(read.get("plain", false), false, "nothing is there before the answer");
  assert.deepEqual(read.details("plain", false), { value: false, reason: "ERROR", errorCode: "PROVIDER_NOT_READY", metadata: {} });
  assert.equal(await remote.ready, "live");
  assert.deepEqual(read.details("plain", false), { value: true, variant: "on", reason: "STATIC", metadata: { set: "shop" } });
  assert.deepEqual(read.details("size", 0), { value: 2.5, variant: "l", reason: "STATIC", metadata: { set: "own", owner: "team" } });
  assert.deepEqual(read.details("theme", ""), { value: "black", variant: "dark", reason: "TARGETING_MATCH", metadata: { set: "shop" } });
  assert.deepEqual(read.get("layout", {}), { columns: 2 });
  const own = core.resolveBooleanEvaluation("rollout", false, { targetingKey: "user-1" }, QUIET);
  assert.deepEqual([read.get("rollout", false), read.details("rollout", false).variant], [own.value, own.variant]);
  assert.deepEqual(read.details("gone", true), { value: true, reason: "DISABLED", metadata: {} }, "the caller's default");
  assert.deepEqual(read.details("broken", false), { value: false, reason: "ERROR", errorCode: "PARSE_ERROR", metadata: { set: "shop" } });
  assert.equal(read.details("astray", false).errorCode, "GENERAL");
  assert.deepEqual(read.details("none", 7), { value: 7, reason: "ERROR", errorCode: "FLAG_NOT_FOUND", metadata: {} });
  assert.deepEqual(read.details("plain", "x"), { value: "x", reason: "ERROR", errorCode: "TYPE_MISMATCH", metadata: { set: "shop" } });
});

test("asks by POST below the base, with the context and the app's headers", async () => {
  const own = { Authorization: "Bearer 1", "X-API-Key": "k" };
  for (const headers of [own, () => own, async () => new Headers(own), Object.entries(own)]) {
    const { remote } = connect({ url: "/base/?tenant=1", context: { targetingKey: "ä", n: [1, { d: new Date(0) }] }, headers });
    await remote.ready;
    const { method, url, body, headers: sent } = seen.pop();
    assert.deepEqual([method, url], ["POST", `/base${PATH}?tenant=1`]);
    assert.deepEqual(JSON.parse(body), { context: { targetingKey: "ä", n: [1, { d: "1970-01-01T00:00:00.000Z" }] } });
    assert.deepEqual([sent.authorization, sent["x-api-key"], sent["content-type"]], ["Bearer 1", "k", "application/json"]);
    assert.equal(sent["if-none-match"], undefined);
  }
});

test("an answer may leave the value to the caller, name the set's metadata, and have items that are none", async () => {
  answer = says(200, {}, JSON.stringify({
    metadata: { version: "v12" },
    eventStreams: [{ type: "sse", url: "https://sse.example/x" }],
    flags: [
      { key: "code", reason: "STATIC" },
      { key: "off", reason: "DISABLED", metadata: "no object" },
      { key: "odd", value: 1, reason: 5, variant: 6, errorCode: null },
      { key: "empty", value: 1, reason: "STATIC", errorCode: "" },
      { key: "missing", errorCode: "FLAG_NOT_FOUND" },
      { value: true },
      null,
      { key: "__proto__", value: "p", reason: "STATIC" },
      { key: "list", value: [1], reason: "SPLIT" },
    ],
  }));
  const { remote, read, errors } = connect();
  assert.equal(await remote.ready, "live");
  const metadata = { version: "v12" };
  assert.deepEqual(read.details("code", "mine"), { value: "mine", reason: "STATIC", metadata });
  assert.deepEqual(read.details("off", 5), { value: 5, reason: "DISABLED", metadata });
  assert.deepEqual(read.details("odd", 0), { value: 1, reason: "UNKNOWN", metadata });
  assert.deepEqual(read.details("empty", 0), { value: 1, reason: "STATIC", metadata });
  assert.deepEqual(read.details("missing", 0), { value: 0, reason: "ERROR", errorCode: "FLAG_NOT_FOUND", metadata });
  assert.deepEqual(read.details("none", 0), { value: 0, reason: "ERROR", errorCode: "FLAG_NOT_FOUND", metadata }, "the set's");
  assert.equal(read.get("__proto__", ""), "p");
  assert.deepEqual(read.get("list", []), [1]);
  await until(() => errors.length);
  assert.deepEqual(errors, [5, 6].map((index) => ({ blame: "publisher", code: "type", path: `flags[${index}].key` })));
});

test("a value that is nested too deep is that flag's error, and the source goes on", async () => {
  const nested = (levels) => JSON.parse("[".repeat(levels) + "]".repeat(levels));
  const raw = (value) => `{"flags":[{"key":"deep","value":${value},"reason":"STATIC"},{"key":"ok","value":1,"reason":"STATIC"}]}`;
  answer = says(200, {}, raw("[".repeat(20_000) + "]".repeat(20_000)));
  const { remote, read, errors, polls } = connect();
  assert.equal(await remote.ready, "live");
  await until(() => polls.length);
  assert.deepEqual(read.details("deep", []), { value: [], reason: "ERROR", errorCode: "PARSE_ERROR", metadata: {} });
  assert.equal(read.get("ok", 0), 1);
  assert.deepEqual(errors, [{ blame: "publisher", code: "too-deep", path: "flags[0].value" }]);
  assert.equal(clock.delays().length, 1);
  answer = says(200, {}, raw(JSON.stringify(nested(64))));
  assert.equal(await remote.check(), "new");
  assert.deepEqual(read.get("deep", []), nested(64));
  answer = says(200, {}, raw(JSON.stringify(nested(65))));
  assert.equal(await remote.check(), "new");
  assert.equal(read.details("deep", []).errorCode, "PARSE_ERROR");
});

// ---- ETags and contexts ---------------------------------------------------------------------------------------------

test("an unchanged answer is a 304, and nothing is published", async () => {
  const { remote, polls, flags: changed } = connect({ context: { targetingKey: "a" } });
  await remote.ready;
  const snapshot = remote.getSnapshot();
  assert.equal(await remote.check(), "unchanged");
  assert.match(seen[1].headers["if-none-match"], /^"[0-9a-f]{40}"$/);
  assert.equal(remote.getSnapshot(), snapshot);
  assert.equal(changed.length, 1);
  core.setConfigurations(JSON.stringify({ flags: { plain: { ...DOCUMENT.flags.plain, defaultVariant: "off" } } }));
  assert.equal(await remote.check(), "new");
  assert.deepEqual(polls, ["start new", "check unchanged", "check new"]);
  assert.deepEqual(changed[1].sort(), ["layout", "plain", "rollout", "size", "theme"], "those that had no value have not changed");
});

test("the same text under another ETag is unchanged, and the new ETag is sent from then on", async () => {
  let etag = '"1"';
  answer = () => ({ status: 200, headers: { etag }, body: '{"flags":[]}' });
  const { remote } = connect();
  await remote.ready;
  etag = '"2"';
  assert.equal(await remote.check(), "unchanged");
  await remote.check();
  assert.deepEqual(seen.map(({ headers }) => headers["if-none-match"]), [undefined, '"1"', '"2"']);
});

test("a 304 to a request without an ETag is no answer", async () => {
  answer = says(200, {}, '{"flags":[{"key":"a","value":1,"reason":"STATIC"}]}');
  const { remote, read, errors } = connect();
  await remote.ready;
  answer = says(304, { etag: '"1"' });
  assert.equal(await remote.check(), "failed");
  assert.deepEqual(errors, [{ blame: "network", code: "status" }]);
  assert.equal(read.get("a", 0), 1);
});

test("each context has its own ETag, and what was answered for it is there as STALE until it is confirmed", async () => {
  const { remote, read } = connect({ context: { targetingKey: "a", plan: "pro" } });
  await remote.ready;
  assert.equal(await read.setContext({ targetingKey: "b" }), "new");
  assert.equal(seen[1].headers["if-none-match"], undefined);
  const back = read.setContext({ targetingKey: "a", plan: "pro" });
  assert.deepEqual(read.details("theme", ""), { value: "black", variant: "dark", reason: "STALE", metadata: { set: "shop" } });
  assert.equal(read.details("none", 1).errorCode, "PROVIDER_NOT_READY");
  assert.equal(await back, "unchanged");
  assert.equal(read.details("theme", "").reason, "TARGETING_MATCH");
  assert.ok(seen[2].headers["if-none-match"]);
  assert.notEqual(seen[2].headers["if-none-match"], seen[1].headers["if-none-match"]);
});

test("only the last contexts are kept", async () => {
  const { remote, read } = connect({ context: { targetingKey: "0" } });
  await remote.ready;
  for (let n = 1; n <= 8; n++) await read.setContext({ targetingKey: `${n}` });
  await read.setContext({ targetingKey: "1" });
  assert.ok(seen.at(-1).headers["if-none-match"]);
  await read.setContext({ targetingKey: "0" });
  assert.equal(seen.at(-1).headers["if-none-match"], undefined);
});

test("what was evaluated for one context is never served to another", async () => {
  const { remote, read, flags: changed } = connect({ context: { targetingKey: "a", plan: "pro" } });
  await remote.ready;
  const heard = [];
  read.on("theme", () => heard.push(read.get("theme", "none")));
  const asked = read.setContext({ targetingKey: "b" });
  assert.equal(read.get("theme", "none"), "none");
  assert.equal(remote.getSnapshot().flags.size, 0);
  await asked;
  assert.equal(read.get("theme", "none"), "white");
  assert.deepEqual(heard, ["none", "white"]);
  assert.equal(changed.length, 3);
});

test("a running request of an old context is aborted, and its answer never heard", async () => {
  let release;
  const held = new Promise((done) => (release = done));
  answer = async (got) => (JSON.parse(got.body).context.targetingKey === "slow" && (await held), evaluated(got));
  const { remote, read, polls } = connect({ context: { targetingKey: "slow", plan: "pro" } });
  await until(() => seen.length === 1);
  assert.equal(await read.setContext({ targetingKey: "b" }), "new");
  await until(() => seen[0].gone, "the first request's end");
  release();
  await pause();
  assert.equal(read.get("theme", ""), "white");
  assert.deepEqual(polls, ["context new"]);
  assert.equal(await remote.ready, "live");
});

test("contexts set in one turn are one request, and the same context again is none", async () => {
  const { remote, read } = connect({ context: { targetingKey: "a" } });
  const all = ["b", "c", "d", "b"].map((targetingKey) => read.setContext({ targetingKey }));
  assert.deepEqual(await Promise.all(all), ["new", "new", "new", "new"]);
  assert.deepEqual(seen.map(({ body }) => body), ['{"context":{"targetingKey":"b"}}']);
  assert.equal(await read.setContext({ targetingKey: "b" }), "unchanged");
  assert.equal(seen.length, 1);
  assert.equal(await remote.ready, "live");
});

// ---- Failures -------------------------------------------------------------------------------------------------------

test("whatever the server answers, flags read their fallbacks and nothing throws", async () => {
  for (const [given, code] of [
    [says(404, {}, "no"), "status"],
    [says(500, {}, '{"errorDetails":"x"}'), "status"],
    [says(304), "status"],
    [says(204), "status"],
    [says(302, { location: "/login" }), "status"],
    [says(200, { "content-type": "text/html" }, "<!doctype html>"), "not-json"],
    [says(200), "not-json"],
    [says(200, {}, "null"), "not-json"],
    [says(200, {}, '{"flags":{}}'), "not-json"],
    [says(200, {}, `{"flags":[],"x":"${"x".repeat(1 << 20)}"}`), "too-long"],
    [says(400, {}, "no"), "status"],
    [says(400, {}, '{"errorCode":5}'), "status"],
  ]) {
    // The login page of a redirect is not found here.
    answer = (got) => (got.method === "POST" ? given() : { status: 404 });
    const { remote, read, errors, polls } = connect();
    assert.equal(await remote.ready, "failed", code);
    assert.equal(read.get("plain", true), true);
    assert.equal(read.details("plain", true).errorCode, "PROVIDER_NOT_READY");
    await until(() => polls.length);
    assert.deepEqual(errors, [{ blame: "network", code }]);
    assert.deepEqual(polls, ["start failed"]);
    remote.close();
  }
});

test("the last good flags stay where a later answer is none", async () => {
  const { remote, read } = connect({ context: { targetingKey: "a" } });
  await remote.ready;
  const snapshot = remote.getSnapshot();
  answer = says(500);
  assert.equal(await remote.check(), "failed");
  assert.equal(read.get("plain", false), true);
  assert.equal(remote.getSnapshot(), snapshot);
  assert.equal(read.details("none", 1).errorCode, "FLAG_NOT_FOUND");
});

test("a refused context is an error in OpenFeature's words", async () => {
  for (const [errorCode, blame] of [["TARGETING_KEY_MISSING", "integrator"], ["INVALID_CONTEXT", "integrator"], ["PARSE_ERROR", "publisher"], ["GENERAL", "publisher"]]) {
    answer = says(400, {}, JSON.stringify({ errorCode, errorDetails: "why" }));
    const { remote, read, errors } = connect();
    assert.equal(await remote.ready, "failed");
    assert.deepEqual(read.details("plain", 1), { value: 1, reason: "ERROR", errorCode, metadata: {} });
    assert.equal(read.get("plain", 1), 1);
    assert.deepEqual(errors, [{ blame, code: errorCode }]);
    answer = evaluated;
    assert.equal(await read.setContext({ targetingKey: "a" }), "new");
    assert.equal(read.get("plain", false), true);
    remote.close();
  }
});

test("401 and 403 are the app's: the next try asks it for headers again", async () => {
  for (const status of [401, 403]) {
    let token = 0;
    answer = (got) => (got.headers.authorization === "Bearer 2" ? evaluated(got) : { status });
    const { remote, read, errors } = connect({ headers: () => ({ Authorization: `Bearer ${++token}` }) });
    assert.equal(await remote.ready, "failed");
    assert.deepEqual(errors, [{ blame: "integrator", code: "unauthorized" }]);
    await until(() => clock.delays().length);
    clock.next();
    await until(() => read.get("plain", false));
    remote.close();
  }
});

test("headers that throw, or are none, cost no request", async () => {
  for (const headers of [() => { throw new Error("no"); }, async () => { throw new Error("no"); }, { "no header": "\n" }]) {
    const { remote, errors } = connect({ headers });
    assert.equal(await remote.ready, "failed");
    assert.deepEqual(errors, [{ blame: "integrator", code: "headers" }]);
    remote.close();
  }
  assert.deepEqual(seen, []);
});

test("a request ends after 10 s, and so do headers that never come", async () => {
  answer = () => new Promise(() => {});
  for (const headers of [{}, () => new Promise(() => {})]) {
    const before = seen.length;
    const { remote, errors } = connect({ headers });
    if (typeof headers === "object") await until(() => seen.length > before);
    clock.advance(1_999);
    clock.advance(1);
    assert.equal(await remote.ready, "timeout");
    clock.advance(7_999);
    await pause();
    assert.deepEqual(errors, []);
    clock.advance(1);
    await until(() => errors.length);
    assert.deepEqual(errors, [{ blame: "network", code: "timeout" }]);
    remote.close();
  }
});

test("failures back off, and only a valid answer ends that", async () => {
  const T = 300_000;
  for (const [chance, share] of [[0, 0.5], [1, 1]]) {
    clock.chance = chance;
    answer = says(500);
    const { remote, polls } = connect();
    await remote.ready;
    for (const [index, base] of [2 * T, 3 * T, 3 * T].entries()) {
      await until(() => polls.length === index + 1);
      assert.deepEqual(clock.delays(), [base * share], `failure ${index}`);
      assert.equal(await remote.check(), "waiting", "not asked by hand either");
      clock.advance(base * share);
    }
    await until(() => polls.length === 4);
    answer = evaluated;
    clock.next();
    await until(() => polls.length === 5);
    assert.deepEqual(clock.delays().map(Math.round), [T * 0.8 + T * 0.4 * chance]);
    assert.deepEqual(polls, ["start failed", "retry failed", "retry failed", "retry failed", "retry new"]);
    remote.close();
  }
});

test("the period is the app's, with 20 % of chance in it", async () => {
  for (const [chance, factor] of [[0, 0.8], [0.5, 1], [1, 1.2]]) {
    clock.chance = chance;
    const { remote, polls } = connect({ poll: { everySeconds: 60 } });
    await until(() => polls.length === 1);
    assert.deepEqual(clock.delays(), [60_000 * factor]);
    clock.advance(60_000 * factor);
    await until(() => polls.length === 2);
    assert.equal(polls[1], "interval unchanged");
    remote.close();
  }
});

test("Retry-After is kept in all its forms, also by a new context", async () => {
  const now = Date.parse("2026-11-24T00:00:00Z");
  const date = new Date(now).toUTCString();
  for (const [retry, from, to] of [
    ["840", 840_000, 924_000],
    ["90000", 900_000, 990_000],
    [new Date(now + 840_000).toUTCString(), 840_000, 1_140_000],
    [new Date(now + 840_000).toISOString(), 840_000, 1_140_000],
    ["0", 300_000, 600_000],
    ["-5", 300_000, 600_000],
    ["soon", 300_000, 600_000],
  ])
    for (const [status, chance] of [[429, 0], [503, 1]]) {
      clock.chance = chance;
      answer = says(status, { "retry-after": retry, date });
      const before = seen.length;
      const { remote, read, polls } = connect({ context: { targetingKey: "a" } });
      assert.equal(await remote.ready, "failed");
      await until(() => polls.length);
      assert.deepEqual(clock.delays(), [chance ? to : from], retry);
      answer = evaluated;
      if (from > 600_000) {
        assert.equal(await read.setContext({ targetingKey: "b" }), "waiting");
        assert.equal(await remote.check(), "waiting");
        show("hidden");
        show("visible");
        clock.advance((chance ? to : from) - 1);
        await pause();
        assert.equal(seen.length, before + 1, "nothing is asked before");
        clock.advance(1);
      } else clock.next();
      await until(() => read.get("plain", false));
      assert.equal(seen.length, before + 2);
      remote.close();
    }
});

test("what a status says holds, also where its body does not end", async () => {
  clock.chance = 0;
  for (const [status, delay] of [[429, 840_000], [503, 840_000], [401, 300_000], [404, 840_000]]) {
    answer = says(status, { "retry-after": "840", "content-length": "100" }, "cut");
    const { remote, polls, errors } = connect();
    assert.equal(await remote.ready, "failed");
    await until(() => polls.length);
    assert.deepEqual(errors.map(({ code }) => code), [status === 401 ? "unauthorized" : "status"]);
    assert.deepEqual(clock.delays(), [delay]);
    page.self.dispatchEvent(new Event("online"));
    assert.deepEqual(clock.delays(), [delay], "it was no silence");
    remote.close();
  }
});

test("a new context is asked for at once in a plain backoff", async () => {
  answer = says(500);
  const { remote, read } = connect({ context: { targetingKey: "a" } });
  await remote.ready;
  answer = evaluated;
  assert.equal(await read.setContext({ targetingKey: "b" }), "new");
});

// ---- The page -------------------------------------------------------------------------------------------------------

test("hidden tabs do not poll; shown again, one asks soon, if it is time", async () => {
  clock.chance = 1;
  const { remote, polls } = connect();
  await until(() => polls.length === 1);
  show("hidden");
  clock.advance(minutes(60));
  await pause();
  assert.equal(seen.length, 1);
  assert.deepEqual(clock.delays(), []);
  show("visible");
  assert.deepEqual(clock.delays(), [2_000]);
  clock.advance(2_000);
  await until(() => polls.length === 2);
  show("hidden");
  show("visible");
  assert.deepEqual(clock.delays(), [360_000], "not asked again for being shown again");
  assert.deepEqual(polls, ["start new", "interval unchanged"]);
  remote.close();
});

test("a hidden tab has its flags evaluated once, and again for a new context", async () => {
  page.document.visibilityState = "hidden";
  const { remote, read } = connect({ context: { targetingKey: "a" } });
  assert.equal(await remote.ready, "live");
  assert.equal(await read.setContext({ targetingKey: "b" }), "new");
  clock.advance(minutes(60));
  await pause();
  assert.equal(seen.length, 2);
});

test("nothing is asked while the browser is offline, and it is nobody's failure", async () => {
  clock.chance = 1;
  page.navigator.onLine = false;
  const { remote, read, errors, polls } = connect({ context: { targetingKey: "a" } });
  assert.equal(await read.setContext({ targetingKey: "b" }), "waiting");
  assert.equal(await remote.check(), "waiting");
  clock.advance(minutes(60));
  await pause();
  assert.deepEqual([seen.length, errors, polls], [0, [], []]);
  assert.equal(await remote.ready, "timeout");
  page.navigator.onLine = true;
  page.self.dispatchEvent(new Event("online"));
  assert.deepEqual(clock.delays(), [5_000]);
  clock.advance(5_000);
  await until(() => read.get("plain", false));
  assert.equal(JSON.parse(seen[0].body).context.targetingKey, "b");
});

test("online again ends a backoff from silence, not one that a server caused", async () => {
  clock.chance = 1;
  const silent = connect({ url: "http://127.0.0.1:1" });
  await until(() => silent.polls.length);
  assert.deepEqual(silent.errors, [{ blame: "network", code: "network" }]);
  answer = says(500);
  const refused = connect();
  await until(() => refused.polls.length);
  assert.deepEqual(clock.delays(), [600_000, 600_000]);
  page.self.dispatchEvent(new Event("online"));
  assert.deepEqual(clock.delays(), [5_000, 600_000]);
});

test("a page that goes leaves no request open, and asks anew if it comes back", async () => {
  answer = () => new Promise(() => {});
  const { remote, read, polls } = connect({ context: { targetingKey: "a" } });
  await until(() => seen.length === 1);
  page.self.dispatchEvent(new Event("pagehide"));
  await until(() => seen[0].gone);
  assert.deepEqual(clock.delays(), [2_000], "only the patience of `ready`");
  assert.equal(await read.setContext({ targetingKey: "b" }), "waiting");
  clock.advance(minutes(60));
  answer = evaluated;
  page.self.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  clock.advance(0);
  await until(() => read.get("plain", false));
  assert.equal(JSON.parse(seen[1].body).context.targetingKey, "b");
  assert.deepEqual(polls, ["interval new"]);
  assert.equal(await remote.ready, "timeout");
});

// ---- Listening and ending -------------------------------------------------------------------------------------------

test("listeners of a flag are called once for each change, and one that throws disturbs nobody", async (t) => {
  const printed = t.mock.method(console, "error", () => {});
  answer = flags({ key: "a", value: 1, reason: "STATIC" }, { key: "b", value: 1, reason: "STATIC" });
  const { remote, read, flags: changed } = connect();
  const heard = [];
  read.on("a", () => { throw new Error("the app's"); });
  read.on("a", () => heard.push(read.get("a", 0)));
  const off = read.on("b", () => heard.push("b"));
  await until(() => heard.length === 2);
  off();
  answer = flags({ key: "a", value: 2, reason: "STATIC" }, { key: "b", value: 2, reason: "STATIC" });
  assert.equal(await remote.check(), "new");
  assert.deepEqual(heard, [1, "b", 2]);
  assert.deepEqual(changed, [["a", "b"], ["a", "b"]]);
  assert.equal(printed.mock.callCount(), 2);
});

test("a listener may set the context or close", async () => {
  const { remote, read } = connect({ context: { targetingKey: "a", plan: "pro" } });
  read.on("theme", () => read.get("theme", "") === "black" && read.setContext({ targetingKey: "b" }));
  await until(() => read.get("theme", "") === "white");
  read.on("theme", () => remote.close());
  assert.equal(await read.setContext({ targetingKey: "a", plan: "pro" }), "waiting");
  await pause();
  assert.deepEqual(clock.delays(), []);
});

test("a listener that sets the context waits for the answer to that", async () => {
  for (const event of ["flags", "poll"]) {
    const { remote, read } = connect({ context: { targetingKey: "a", plan: "pro" } });
    const [outcome, theme] = await new Promise((done) => {
      const off = remote.on(event, async () => {
        off();
        done([await read.setContext({ targetingKey: "b" }), read.get("theme", "none")]);
      });
    });
    assert.deepEqual([outcome, theme], ["new", "white"], event);
  }
});

test("a listener that another one stops is not called any more, nor is any after close", async () => {
  const { remote, read } = connect();
  const heard = [];
  remote.on("flags", () => (heard.push("first"), off()));
  const off = remote.on("flags", () => heard.push("stopped"));
  read.on("plain", () => (heard.push("closing"), remote.close()));
  read.on("plain", () => heard.push("closed"));
  remote.on("poll", () => heard.push("poll"));
  await until(() => heard.includes("closing"));
  await pause();
  assert.deepEqual(heard, ["first", "closing"]);
});

test("close ends everything, and the last flags can still be read", async () => {
  const { remote, read, polls } = connect({ context: { targetingKey: "a" } });
  await remote.ready;
  answer = () => new Promise(() => {});
  const checked = remote.check();
  await until(() => seen.length === 2);
  remote.close();
  remote.close();
  assert.equal(await checked, "waiting");
  await until(() => seen[1].gone);
  assert.deepEqual(clock.delays(), []);
  for (const type of ["online", "pageshow", "pagehide"]) page.self.dispatchEvent(Object.assign(new Event(type), { persisted: true }));
  show("visible");
  assert.deepEqual(clock.delays(), []);
  assert.equal(await read.setContext({ targetingKey: "b" }), "waiting");
  assert.equal(await remote.check(), "waiting");
  assert.equal(read.get("plain", false), true);
  assert.deepEqual(polls, ["start new"]);
  assert.equal(seen.length, 2);
});

test("`using` and a signal close it too", async () => {
  const controller = new AbortController();
  const byUse = connect();
  const bySignal = connect({ signal: controller.signal });
  const early = connect({ signal: AbortSignal.abort() });
  assert.equal(await early.remote.ready, "timeout");
  if (Symbol.dispose) byUse.remote[Symbol.dispose]();
  else byUse.remote.close();
  controller.abort();
  assert.deepEqual([await byUse.remote.ready, await bySignal.remote.ready], ["timeout", "timeout"]);
  await pause();
  assert.deepEqual([seen.length, clock.delays()], [0, []]);
});

test("signals stop listeners and the wait for a check", async () => {
  const { remote } = connect();
  await remote.ready;
  const controller = new AbortController();
  let heard = 0;
  remote.on("poll", () => heard++, { signal: controller.signal });
  const checked = remote.check({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(checked, /enough/);
  await assert.rejects(remote.check({ signal: controller.signal }), /enough/);
  await remote.check();
  assert.equal(heard, 0);
});

test("it says what it does", async () => {
  const { remote } = connect({ context: { targetingKey: "a" } });
  assert.equal(remote.inspect().waitsFor, "answer");
  await remote.ready;
  const { flags, etag, nextInMs, ...rest } = remote.inspect();
  assert.deepEqual(rest, { url: origin + PATH, context: { targetingKey: "a" }, answered: true, failures: 0, waitsFor: "interval" });
  assert.deepEqual([flags.plain.value, nextInMs, /^"/.test(etag)], [true, 300_000, true]);
  show("hidden");
  assert.equal(remote.inspect().waitsFor, "visible");
  assert.equal(JSON.stringify(remote.inspect()).includes("Bearer"), false);
});

test("wrong options throw, and nothing else", () => {
  const cycle = {};
  cycle.cycle = cycle;
  for (const [options, code, path] of [
    [{ url: "http://" }, "path", "url"],
    [{ url: undefined }, "missing", "url"],
    [{ poll: { everySeconds: 0 } }, "range", "poll.everySeconds"],
    [{ poll: { everySeconds: "no" } }, "range", "poll.everySeconds"],
    [{ poll: { everySeconds: 86_401 } }, "range", "poll.everySeconds"],
    [{ context: cycle }, "type", "context"],
    [{ context: [] }, "type", "context"],
    [{ context: () => {} }, "type", "context"],
  ])
    assert.throws(() => connect(options), (error) => error instanceof TrueupError && error.code === code && error.path === path, path);
  assert.throws(() => connect().read.setContext(cycle), { code: "type", path: "context" });
});

test("on a server it is inert", async () => {
  Object.defineProperty(globalThis, "document", { value: undefined, configurable: true, writable: true });
  const { remote, read } = connect({ url: "/relative" });
  assert.equal(await remote.ready, "timeout");
  assert.equal(await read.setContext({ targetingKey: "a" }), "waiting");
  assert.equal(read.get("plain", true), true);
  await pause();
  assert.deepEqual([seen.length, clock.delays()], [0, []]);
});
