// Calls by a plan that the test publishes, against a server of its own.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

let createApis, parseDate, server, other, origin, elsewhere;
/** What the servers got; what they answer: `(request) => { status, headers, body }`. */
let requests, answer;

before(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../src/api.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    define: { __DEV__: "true" },
  });
  ({ createApis, parseDate } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`));
  const listen = async () => {
    const server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const { method, url, headers } = request;
      const got = { method, url, headers, body: Buffer.concat(chunks).toString() };
      requests.push(got);
      const { status = 200, headers: given = {}, body = "ok" } = answer(got) ?? {};
      response.writeHead(status, given).end(body);
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    return server;
  };
  [server, other] = [await listen(), await listen()];
  [origin, elsewhere] = [server, other].map((server) => `http://127.0.0.1:${server.address().port}`);
  // On a page whose `base` element points elsewhere nothing changes: paths are the origin's.
  globalThis.location = new URL(`${origin}/shop/cart?a=1#top`);
});
after(() => [server, other].forEach((server) => (server.closeAllConnections(), server.close())));
beforeEach(() => {
  requests = [];
  answer = () => {};
});

const PATH = { path: "/api/orders/v{version}" };
const agreed = (version, more) => ({ outcome: "agreed", version, ...more });

/** Kinds of inputs, as `wire.ts` has them. */
const [HEADER, REFUSED] = [14, 18];

/** A client with one API and this plan; `refuse(refusals)` may return the next plan. */
function client({ plan, own = ["3", "2"], build, refuse = () => {} } = {}) {
  const log = { sent: [], events: [], plan };
  const send = (input) => {
    log.sent.push(input);
    if (input[0] === REFUSED) log.plan = refuse(input[1]) ?? log.plan;
  };
  const emit = (event, detail) => log.events.push([event, detail]);
  log.get = createApis({ orders: own }, build, () => log.plan, send, emit);
  log.api = log.get("orders");
  return log;
}

const fault = (code) => (error) => error.name === "TrueupError" && error.code === `api/${code}` && error.path === "apis.orders";

test("the plan's carrier goes before the app's own, and that before the default", () => {
  const own = { speaks: ["3"], carrier: { query: "v" } };
  assert.equal(client({ plan: agreed("3", { carrier: PATH }), own }).api.url("1"), `${origin}/api/orders/v3/1`);
  assert.equal(client({ plan: agreed("3"), own }).api.url("1"), `${origin}/1?v=3`);
  assert.equal(client({ plan: agreed("3"), own: ["3"] }).api.headers().get("api-version"), "3");
  assert.equal(client({ plan: agreed("3"), own: { speaks: ["3"], carrier: { cookie: "v" } } }).api.headers().get("api-version"), "3");
});

test("paths are joined below the base", () => {
  for (const [base, path, url] of [
    ["/api", "", "/api"],
    ["/api/", "", "/api"],
    ["/api", "/", "/api/"],
    ["/api", "a/b", "/api/a/b"],
    ["/api", "/a/b", "/api/a/b"],
    ["/api", "?q=1#x", "/api?q=1#x"],
    ["/api", "a?b=../c#//d", "/api/a?b=../c#//d"],
    ["/api", "a..b/...", "/api/a..b/..."],
    ["/", "a", "/a"],
    [undefined, "a", "/a"],
  ])
    assert.equal(client({ plan: agreed("3", { base }) }).api.url(path), origin + url, `${base} ${path}`);
});

test("no path leaves the base", async () => {
  const { api } = client({ plan: agreed("3", { base: "/api" }) });
  for (const path of [
    "..", "../admin", "a/../../admin", "a/..", "/..", "./../x", ".%2e/admin", "%2E%2e/admin", "a/%2e.", "..%2fadmin", "a%2F..%2fb", "..%5cadmin",
    "//evil.example/x", "\\\\evil.example", "/\\evil.example", "a\\..\\b", "..\\admin", ".\t./admin", "/\n/evil.example", "\0",
    "https://evil.example/", "HTTPS:evil.example", "javascript:alert(1)", "data:,x", "blob:x", "a:b", "http://127.0.0.1/api", `${"http"}:///x/api`,
  ]) {
    assert.throws(() => api.url(path), fault("path"), path);
    await assert.rejects(api.fetch(path), fault("path"), path);
  }
  assert.throws(() => api.url(`${origin}/admin`), fault("path"));
  assert.throws(() => api.url(`${origin}/apis`), fault("path"));
  assert.throws(() => api.url(`${elsewhere}/api`), fault("path"));
  assert.deepEqual(requests, []);
});

test("an absolute URL below the base gets the plan's version", () => {
  const { api } = client({ plan: agreed("2", { carrier: { path: "/api/v{version}/orders" } }) });
  assert.equal(api.url(`${origin}/api/v3/orders/1?x=1`), `${origin}/api/v2/orders/1?x=1`);
  assert.equal(api.url(`${origin}/api/v2/orders`), `${origin}/api/v2/orders`);
  assert.throws(() => api.url(`${origin}/api/v3/ordersx/1`), fault("path"));
  assert.throws(() => api.url(`${origin}/api/v3/x/orders/1`), fault("path"));
  assert.throws(() => api.url(`${origin}/api/v3/orders/..%2f1`), fault("path"));
});

test("the app may name another origin, and the manifest's paths are then of that origin", () => {
  const own = { speaks: ["3"], base: "https://api.example/x" };
  assert.equal(client({ plan: agreed("3"), own }).api.url("1"), "https://api.example/x/1");
  assert.equal(client({ plan: agreed("3", { carrier: PATH }), own }).api.url("1"), "https://api.example/api/orders/v3/1");
  assert.equal(client({ plan: agreed("3", { base: "/y" }), own }).api.url("1"), "https://api.example/y/1");
  const path = { speaks: ["3"], carrier: { path: "https://api.example/v{version}" } };
  assert.equal(client({ plan: agreed("3"), own: path }).api.url("1"), "https://api.example/v3/1");
});

test("versions are escaped where they go", () => {
  assert.equal(client({ plan: agreed("3+b 1/../x", { carrier: PATH }) }).api.url(""), `${origin}/api/orders/v3%2Bb%201%2F..%2Fx`);
  assert.equal(client({ plan: agreed("3+b", { carrier: { query: "ä&v" } }) }).api.url("a?b"), `${origin}/a?b&%C3%A4%26v=3%2Bb`);
});

test("the query carries the version once, before the hash", async () => {
  const { api } = client({ plan: agreed("3", { base: "/api", carrier: { query: "v" } }) });
  assert.equal(api.url("a#x?y"), `${origin}/api/a?v=3#x?y`);
  assert.equal(api.url("a?b=1#x"), `${origin}/api/a?b=1&v=3#x`);
  assert.equal(api.url("a?v=3"), `${origin}/api/a?v=3`);
  assert.throws(() => api.url("a?v=2"), fault("contradiction"));
  assert.throws(() => api.url("a?v=3&v=2"), fault("contradiction"));
  assert.equal(api.headers().has("v"), false);
  await assert.rejects(api.fetch("a?v=2"), fault("contradiction"));
  assert.deepEqual(requests, []);
});

test("a header carries the version, and the caller's own must not contradict", async () => {
  const { api } = client({ plan: agreed("3", { carrier: { header: "X-Api" } }) });
  assert.equal(api.headers().get("x-api"), "3");
  const init = { headers: { "X-Api": "3", "X-Other": "1" } };
  await api.fetch("a", init);
  assert.deepEqual([requests[0].headers["x-api"], requests[0].headers["x-other"]], ["3", "1"]);
  assert.deepEqual(init, { headers: { "X-Api": "3", "X-Other": "1" } }, "the caller's object stays as it was");
  await assert.rejects(api.fetch("a", { headers: [["x-api", "2"]] }), fault("contradiction"));
  await assert.rejects(api.fetch(new Request(`${origin}/a`, { headers: { "x-api": "2" } })), fault("contradiction"));
  assert.equal(requests.length, 1);
});

test("a parameter of the accepted media types carries the version, before the weight", async () => {
  const { api } = client({ plan: agreed("3", { carrier: { accept: "version" } }) });
  const sent = async (Accept) => {
    await api.fetch("a", Accept && { headers: { Accept } });
    return requests.pop().headers.accept;
  };
  assert.equal(api.headers().get("accept"), "*/*;version=3");
  assert.equal(await sent(), "*/*;version=3");
  assert.equal(await sent("application/json"), "application/json;version=3");
  assert.equal(await sent("application/json; q=0.5, text/html"), "application/json;version=3; q=0.5, text/html;version=3");
  assert.equal(await sent('application/json; Version="3"'), 'application/json; Version="3"');
  await assert.rejects(sent("text/html, application/json;version=2;q=1"), fault("contradiction"));
  await assert.rejects(sent("text/html;version="), fault("contradiction"));
});

test("only a plan without a version refuses calls", async () => {
  for (const outcome of ["client-too-old", "client-too-new"]) {
    const { api } = client({ plan: { outcome } });
    assert.throws(() => api.url(""), fault(outcome));
    assert.throws(() => api.headers(), fault(outcome));
    await assert.rejects(api.fetch("a"), fault(outcome));
    assert.equal(api.plan.outcome, outcome);
  }
  assert.deepEqual(requests, []);
  await client({ plan: { outcome: "client-too-old", version: "3" } }).api.fetch("a");
  assert.equal(requests.length, 1);
});

test("without a plan calls go out at once, with the first version that is named", async () => {
  for (const [speaks, version] of [
    [["3", "2"], "3"],
    [[3], "3"],
    [[">2 <4", ">=2 <4", "1"], "2"],
    [["<=4"], "4"],
    [["=2026-03-01"], "2026-03-01"],
  ]) {
    const { api } = client({ own: { speaks, carrier: PATH } });
    assert.equal((await api.fetch("a")).status, 200);
    assert.equal(requests.pop().url, `/api/orders/v${version}/a`);
    assert.deepEqual(api.plan, { outcome: "unknown", reason: "no-plan", version });
  }
  await client({ own: { speaks: [">2"] } }).api.fetch("a");
  assert.equal(requests.pop().headers["api-version"], undefined);
});

test("a name that is not among the options throws", () => {
  const { get } = client();
  assert.throws(() => get("billing"), { code: "api/undeclared", path: "apis.billing" });
  assert.equal(get("orders"), get("orders"));
});

test("what fetch takes goes through", async () => {
  const { api } = client({ plan: agreed("3", { carrier: PATH }) });
  const form = new FormData();
  form.set("file", new Blob(["bytes"]), "a.txt");
  await api.fetch("a", { method: "POST", body: form, keepalive: true, credentials: "include" });
  assert.match(requests[0].headers["content-type"], /^multipart\/form-data; boundary=/);
  assert.match(requests[0].body, /bytes/);
  const stream = new ReadableStream({ start: (c) => (c.enqueue(new TextEncoder().encode("streamed")), c.close()) });
  await api.fetch("b", { method: "PUT", body: stream, duplex: "half" });
  assert.equal(requests[1].body, "streamed");
  await api.fetch(new URL(`${origin}/api/orders/v1/c?d=1`), { method: "delete" });
  assert.deepEqual([requests[2].method, requests[2].url], ["DELETE", "/api/orders/v3/c?d=1"]);
  const given = new AbortController();
  answer = () => given.abort(new Error("enough"));
  await assert.rejects(api.fetch("a", { signal: given.signal }), /enough/);
  await assert.rejects(api.fetch("a", { signal: AbortSignal.abort() }), { name: "AbortError" });
  await assert.rejects(api.fetch("a", { method: "GET", body: "x" }), TypeError);
  assert.equal(requests.length, 4);
});

test("a string or URL is sent before fetch returns: a page that goes away may still say goodbye", (t) => {
  const { api } = client({ plan: agreed("3") });
  let sent = 0;
  t.mock.method(globalThis, "fetch", async () => (sent++, new Response()));
  api.fetch("bye", { keepalive: true, method: "POST", body: "x" });
  api.fetch(new Request(`${origin}/bye`, { keepalive: true, method: "POST", body: "x" }));
  assert.equal(sent, 2);
});

test("a Request keeps all that it has, and moves below the base", async () => {
  const { api } = client({ plan: agreed("3", { base: "/api", carrier: { header: "x-api" } }) });
  const given = { method: "PUT", body: "text", headers: { "x-own": "1", "content-type": "text/x" } };
  const seen = ({ method, url, headers, body }) => [method, url, headers["x-own"], headers["x-api"], headers["content-type"], body];
  await api.fetch(new Request(`${origin}/api/a`, given));
  assert.deepEqual(seen(requests[0]), ["PUT", "/api/a", "1", "3", "text/x", "text"]);
  await api.fetch(new Request(`${origin}/a?b=1`, given));
  assert.deepEqual(seen(requests[1]), ["PUT", "/api/a?b=1", "1", "3", "text/x", "text"]);
  await api.fetch(new Request(`${origin}/a`, given), { method: "POST", body: "other", headers: { "x-own": "2" } });
  assert.deepEqual(seen(requests[2]), ["POST", "/api/a", "2", "3", "text/plain;charset=UTF-8", "other"]);
  await api.fetch("a", new Request(`${origin}/elsewhere`, given));
  assert.deepEqual(seen(requests[3]), ["PUT", "/api/a", "1", "3", "text/x", "text"]);
  await api.fetch(new Request(`${origin}/a`, { method: "DELETE" }));
  assert.deepEqual(seen(requests[4]), ["DELETE", "/api/a", undefined, "3", undefined, ""]);
  const { signal } = new AbortController();
  await assert.rejects(api.fetch(new Request(`${origin}/a`, { signal: AbortSignal.abort() })), { name: "AbortError" });
  await assert.rejects(api.fetch(new Request(`${elsewhere}/api/a`, { signal })), fault("path"));
  const used = new Request(`${origin}/b`, given);
  await used.text();
  await assert.rejects(api.fetch(used), TypeError);
  assert.equal(requests.length, 5);
});

test("a Request that stays where it is goes out itself, with all that it has", async (t) => {
  const { api } = client({ plan: agreed("3", { carrier: { header: "x-api" } }) });
  const { mock } = t.mock.method(globalThis, "fetch", async () => new Response());
  const given = new Request(`${origin}/a`, { method: "PUT", body: "x", referrer: `${origin}/from`, cache: "no-store" });
  await api.fetch(given, { redirect: "error" });
  const [input, { referrer, cache, redirect, body, headers }] = mock.calls[0].arguments;
  assert.equal(input, given);
  assert.deepEqual([referrer, cache, redirect, body, headers.get("x-api")], [`${origin}/from`, "no-store", "error", undefined, "3"]);
});

test("nobody looks into the body of a Request that stays where it is: what WebKit has made a stream it does not send", async (t) => {
  const { api } = client({ plan: agreed("3", { carrier: { header: "x-api" } }) });
  t.mock.method(globalThis, "fetch", async () => new Response());
  const given = new Request(`${origin}/a`, { method: "PUT", body: "x" });
  let looks = 0;
  Object.defineProperty(given, "body", { enumerable: true, get: () => looks++ });
  await api.fetch(given);
  assert.equal(looks, 0);
});

test("where there is no origin, as on a server, an answer without a URL is heard", async (t) => {
  const { location } = globalThis;
  delete globalThis.location;
  t.after(() => (globalThis.location = location));
  t.mock.method(globalThis, "fetch", async () => new Response("", { headers: { deprecation: "true" } }));
  const { api, events } = client({ plan: agreed("3", { carrier: PATH }), build: "9f3c2e1" });
  await api.fetch("/a");
  assert.deepEqual(events, [["deprecation", { api: "orders", version: "3", deprecation: true }]]);
});

test("Trueup-Build goes with same-origin calls, if it is asked for", async () => {
  const sent = async (options, url = "a") => {
    await client(options).api.fetch(url);
    return requests.pop().headers["trueup-build"];
  };
  const cross = { speaks: ["3"], base: elsewhere, carrier: { query: "v" } };
  assert.equal(await sent({ plan: agreed("3") }), undefined);
  assert.equal(await sent({ plan: agreed("3"), build: "9f3c2e1" }), "9f3c2e1");
  assert.equal(await sent({ plan: agreed("3", { carrier: PATH }), build: "ü 1" }), "%C3%BC%201");
  assert.equal(await sent({ plan: agreed("3"), own: cross, build: "9f3c2e1" }), undefined);
});

// ---- Refusals -------------------------------------------------------------------------------------------------------

const LISTED = { "api-supported-versions": "1, 2" };
const TYPE = "https://example.com/problems/version";
const problem = (type = TYPE) => ({ status: 406, headers: { "content-type": "application/problem+json" }, body: JSON.stringify({ type }) });
const to2 = () => agreed("2", { carrier: PATH });
const refusing = (reply) => (answer = ({ url }) => (/v3/.test(url) ? reply : {}));
const versions = () => requests.map(({ url }) => /v([^/]+)/.exec(url)[1]).join();

test("a refusal in each status is told, and the call repeated in the version then chosen", async () => {
  for (const status of [400, 404, 406, 410, 426]) {
    requests = [];
    refusing({ status, headers: LISTED });
    const { api, sent } = client({ plan: agreed("3", { carrier: PATH }), refuse: to2 });
    assert.equal((await api.fetch("a")).status, 200);
    assert.deepEqual(sent, [[REFUSED, [["orders", "3", ["1", "2"]]]]]);
    assert.equal(versions(), "3,2");
  }
});

test("what is no refusal goes to the caller untouched", async () => {
  const table = [
    ["a bare 404", { status: 404, body: "gone" }],
    ["another status", { status: 403, headers: LISTED }],
    ["a success", { status: 200, headers: LISTED }],
    ["a list with the version asked for", { status: 406, headers: { "api-supported-versions": "2, 3" } }],
    ["… spelled otherwise", { status: 406, headers: { "api-supported-versions": "2.0,v3.0+b7" } }],
    ["an empty list", { status: 406, headers: { "api-supported-versions": " , " } }],
    ["a real 426", { status: 426, headers: { upgrade: "HTTP/3.0", connection: "upgrade" } }],
    ["a real 426 of a server that lists", { status: 426, headers: { upgrade: "HTTP/3.0", connection: "upgrade", ...LISTED } }],
    ["another problem", problem("about:blank")],
    ["a problem that is no JSON", { ...problem(), body: "<html>" }],
    ["a problem that is null", { ...problem(), body: "null" }],
    ["JSON that is no problem", { ...problem(), headers: { "content-type": "application/json" } }],
  ];
  const own = { speaks: ["3", "2"], problemType: TYPE };
  for (const [what, reply] of table) {
    requests = [];
    answer = () => reply;
    const { api, sent } = client({ plan: agreed("3", { carrier: PATH }), own, refuse: to2 });
    const response = await api.fetch("a");
    assert.deepEqual([response.status, await response.text()], [reply.status, reply.body ?? "ok"], what);
    assert.deepEqual([sent, versions()], [[], "3"], what);
  }
});

test("the app may name another header", async () => {
  refusing({ status: 406, headers: { "x-versions": "2" } });
  const { api } = client({ plan: agreed("3", { carrier: PATH }), own: { speaks: ["3", "2"], supportedHeader: "X-Versions" }, refuse: to2 });
  assert.equal((await api.fetch("a")).status, 200);
});

test("a POST is repeated only where the problem type says that nothing was done", async () => {
  const own = { speaks: ["3", "2"], problemType: TYPE };
  for (const [reply, status, asked] of [
    [{ status: 406, headers: LISTED }, 406, "3"],
    [problem(), 200, "3,2"],
    [{ ...problem(), headers: { ...problem().headers, ...LISTED } }, 200, "3,2"],
  ]) {
    requests = [];
    refusing(reply);
    const { api, sent } = client({ plan: agreed("3", { carrier: PATH }), own, refuse: to2 });
    assert.equal((await api.fetch("a", { method: "post", body: "{}" })).status, status);
    assert.equal(versions(), asked);
    assert.equal(sent.length, 1);
  }
  assert.deepEqual(requests.map(({ body }) => body), ["{}", "{}"]);
});

test("idempotent methods are repeated, PATCH is not", async () => {
  refusing({ status: 410, headers: LISTED });
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"]) {
    requests = [];
    const { api } = client({ plan: agreed("3", { carrier: PATH }), refuse: to2 });
    await api.fetch("a", { method, ...(/P/.test(method[0]) && { body: "x" }) });
    assert.equal(versions(), method === "PATCH" ? "3" : "3,2", method);
  }
});

test("a stream is never sent again, nor the body of a Request, which may have been one", async () => {
  refusing({ status: 410, headers: LISTED });
  const stream = () => new ReadableStream({ start: (c) => (c.enqueue(new TextEncoder().encode("x")), c.close()) });
  async function* lines() {
    yield new TextEncoder().encode("x");
  }
  const at = `${origin}/api/orders/v3/a`;
  for (const [input, init, asked] of [
    ["a", { method: "PUT", body: stream(), duplex: "half" }, "3"],
    ["a", { method: "PUT", body: lines(), duplex: "half" }, "3"],
    [new Request(at, { method: "PUT", body: stream(), duplex: "half" }), undefined, "3"],
    [new Request(at, { method: "PUT", body: "x" }), undefined, "3"],
    ["a", new Request(at, { method: "PUT", body: "x" }), "3"],
    [new Request(at, { method: "PUT" }), undefined, "3,2"],
    [new Request(at, { method: "PUT", body: "x" }), { body: "y" }, "3,2"],
    ["a", { method: "PUT", body: new URLSearchParams("a=1") }, "3,2"],
  ]) {
    requests = [];
    const { api } = client({ plan: agreed("3", { carrier: PATH }), refuse: to2 });
    const response = await api.fetch(input, init);
    assert.equal(versions(), asked);
    assert.equal(response.status, asked === "3" ? 410 : 200);
  }
});

test("refusals that come together are told together, and each call is repeated", async () => {
  const log = [];
  const own = { speaks: ["3", "2"], carrier: PATH };
  let plans = { orders: agreed("3"), search: agreed("3") };
  const apis = { orders: own, search: { ...own, carrier: { path: "/api/search/v{version}" } } };
  const send = (input) => {
    log.push(input);
    plans = { orders: agreed("2"), search: agreed("2") };
  };
  const get = createApis(apis, undefined, (name) => plans[name], send, () => {});
  refusing({ status: 400, headers: LISTED });
  const calls = [get("orders").fetch("a"), get("search").fetch("a"), get("orders").fetch("b")];
  assert.deepEqual((await Promise.all(calls)).map(({ status }) => status), [200, 200, 200]);
  assert.deepEqual(log.map(([, refusals]) => refusals.map(([api]) => api).sort()), [["orders", "orders", "search"]]);
  assert.equal(requests.length, 6);
});

test("a second refusal stops, and is told", async () => {
  answer = () => ({ status: 406, headers: { "api-supported-versions": "1" } });
  const { api, sent } = client({ plan: agreed("3", { carrier: PATH }), refuse: to2 });
  assert.equal((await api.fetch("a")).status, 406);
  assert.equal(versions(), "3,2");
  await new Promise((done) => setTimeout(done, 100));
  assert.deepEqual(sent.map(([, refusals]) => refusals[0][1]), ["3", "2"]);
});

test("a negotiation that chooses the same again, or nothing, does not repeat the call", async () => {
  answer = () => ({ status: 406, headers: LISTED, body: "refused" });
  for (const next of [agreed("3", { carrier: PATH }), agreed("3.0", { carrier: PATH }), { outcome: "client-too-new" }, undefined]) {
    requests = [];
    const { api } = client({ plan: agreed("3", { carrier: PATH }), refuse: () => next });
    assert.equal(await (await api.fetch("a")).text(), "refused");
    assert.equal(versions(), "3");
  }
});

test("a call that insists on its version is not repeated", async () => {
  answer = () => ({ status: 406, headers: LISTED, body: "refused" });
  const carrier = { header: "x-api" };
  const { api } = client({ plan: agreed("3", { carrier }), refuse: () => agreed("2", { carrier }) });
  assert.equal(await (await api.fetch("a", { headers: { "x-api": "3" } })).text(), "refused");
  assert.equal(requests.length, 1);
});

test("a call in flight is judged by the plan that it began with", async () => {
  const log = client({ plan: agreed("3", { carrier: PATH }) });
  answer = () => {
    log.plan = to2();
    return { status: 406, headers: { "api-supported-versions": "2" } };
  };
  await log.api.fetch("a");
  assert.deepEqual(log.sent[0][1][0][1], "3");
});

test("what another origin answers after a redirect is not the API's word", async () => {
  answer = ({ url }) =>
    /v3/.test(url) ? { status: 307, headers: { location: `${elsewhere}/x` } } : { status: 410, headers: { ...LISTED, deprecation: "@1", "trueup-serial": "9" } };
  const { api, sent, events } = client({ plan: agreed("3", { carrier: PATH }), refuse: to2 });
  const response = await api.fetch("a");
  assert.deepEqual([response.status, response.url, sent, events], [410, `${elsewhere}/x`, [], []]);
});

// ---- Signals --------------------------------------------------------------------------------------------------------

test("deprecation, sunset and their link are told once for each version and date", async () => {
  let headers = {
    deprecation: "@1688169599",
    sunset: "Sun, 11 Nov 2018 23:59:59 GMT",
    link: '</a,b>; title="x, <y>"; rel=next, </docs/v3>; type="text/html"; rel="successor-version deprecation"',
  };
  answer = () => ({ headers });
  const { api, events } = client({ plan: agreed("3", { carrier: PATH }) });
  await api.fetch("a");
  await api.fetch("b");
  const told = { api: "orders", version: "3", deprecation: 1688169599000, sunset: Date.UTC(2018, 10, 11, 23, 59, 59), link: `${origin}/docs/v3` };
  assert.deepEqual(events, [["deprecation", told]]);
  headers = { ...headers, link: "<javascript:x>; rel=sunset" };
  await api.fetch("c");
  assert.equal(events.length, 1, "the link is no date");
  headers = { deprecation: "true" };
  await api.fetch("d");
  assert.deepEqual(events[1], ["deprecation", { api: "orders", version: "3", deprecation: true }]);
  headers = { deprecation: "soon", sunset: "2026-12-01" };
  await api.fetch("e");
  assert.equal(events.length, 2);
});

test("a server that tells another date every time is heard a hundred times", async () => {
  let n = 0;
  answer = () => ({ headers: { deprecation: `@${n++}` } });
  const { api, events } = client({ plan: agreed("3") });
  for (let i = 0; i < 110; i++) await api.fetch("a");
  assert.equal(events.length, 100);
});

test("a version that was not asked for is told", async () => {
  let headers = { "api-version": "2" };
  answer = () => ({ headers });
  const path = client({ plan: agreed("3", { carrier: PATH }) });
  await path.api.fetch("a");
  await path.api.fetch("a");
  assert.deepEqual(path.events, [["substitution", { api: "orders", version: "3", answered: "2" }]]);
  headers = { "x-api": "4", "api-version": "3" };
  const header = client({ plan: agreed("3", { carrier: { header: "X-Api" } }) });
  await header.api.fetch("a");
  assert.equal(header.events[0][1].answered, "4");
  headers = { "x-served": "3.0.0" };
  const named = client({ plan: agreed("3"), own: { speaks: ["3"], echoHeader: "x-served" } });
  await named.api.fetch("a");
  assert.deepEqual(named.events, []);
});

test("a higher serial is told once, and only by this origin", async () => {
  let serial = "5";
  answer = () => ({ headers: { "trueup-serial": serial } });
  const { api, sent } = client({ plan: agreed("3") });
  for (serial of ["5", "5", "4", "x", "-1", "1e3", "7"]) await api.fetch("a");
  assert.deepEqual(sent, [[HEADER, 5], [HEADER, 7]]);
  const cross = client({ plan: agreed("3"), own: { speaks: ["3"], base: elsewhere } });
  await cross.api.fetch("a");
  assert.deepEqual(cross.sent, []);
});

test("dates are read in the form of RFC 9651, and as an HTTP-date in its three forms", () => {
  const at = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const [text, time] of [
    ["@784111777", at],
    [" @784111777;x=1 ", at],
    ["@-1", -1000],
    ["@-0", 0],
    ["Sun, 06 Nov 1994 08:49:37 GMT", at],
    ["Sunday, 06-Nov-94 08:49:37 GMT", at],
    ["Sun Nov  6 08:49:37 1994", at],
    ["", undefined],
    ["false", undefined],
    ["@1.5", undefined],
    ["@1 1", undefined],
    ["@1234567890123456", undefined],
    ["1994-11-06", undefined],
    ["784111777", undefined],
    ["Sun, 06 Nov 1994 08:49:37 GMT, Mon, 07 Nov 1994 08:49:37 GMT", undefined],
  ])
    assert.equal(parseDate(text), time, text);
});
