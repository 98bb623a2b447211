// Calls of APIs in Chromium, against the deployment server: refusals, what is none, and when there is no plan.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

const TYPE = "https://example.com/problems/unsupported-version";
/** What the manifest says: version 3 is there. The servers may have moved on. */
const published = (...names) => Object.fromEntries(names.map((name) => [name, { supported: ["1", "2", "3"] }]));
/** What the app says: 3 before 2, in the path. */
const spoken = (...names) => Object.fromEntries(names.map((name) => [name, of(name)]));
const of = (name, more) => ({ speaks: ["3", "2"], carrier: { path: `/api/${name}/v{version}` }, problemType: TYPE, ...more });
/** The servers of API `name`. */
const api = (name, more) => ({ do: "api", name, ...more });

/**
 * A tab whose app declares `apis`. `tab.call(name, path, init)` calls by Trueup and tells the answer; `tab.plain(url, init)`
 * does the same by `fetch`; `tab.plans()` is what was published since, each time.
 */
async function visit(test, server, apis, { live = true, options = {}, init } = {}) {
  const tab = await openTab(test);
  // No poll after the first: what happens here is not the manifest's doing.
  await tab.page.addInitScript((options) => (window.options = options), { poll: { everySeconds: 3600 }, apis, ...options });
  if (init) await tab.page.addInitScript(init);
  await tab.page.goto(`${server.origin}/shop/`);
  await tab.page.waitForFunction(() => window.trueup);
  if (live) await tab.page.waitForFunction(() => trueup.standing.status !== "unknown");
  await tab.page.evaluate(() => {
    window.plans = [];
    trueup.on("plan", (plan) => plans.push(plan));
    window.tell = async (answer) => {
      const { status, url, redirected, type } = await answer;
      const text = await (await answer).text();
      return { status, url, redirected, type, text };
    };
    /** One call, or several at once: `[name, path, init]` each. */
    window.call = (...calls) => Promise.all(calls.map(([name, path, init]) => tell(trueup.api(name).fetch(path, init))));
  });
  tab.call = async (...call) => (await tab.page.evaluate((call) => window.call(call), call))[0];
  tab.plain = (...call) => tab.page.evaluate((call) => tell(fetch(...call)), call);
  tab.plans = () => tab.page.evaluate(() => plans.map(({ apis }) => Object.fromEntries(Object.entries(apis).map(([name, { version }]) => [name, version]))));
  tab.since = await server.last();
  /** The versions that API `name` was asked for, in order. */
  tab.asked = async (name) =>
    (await server.requests(`target=api&since=${tab.since}&path=/api/${name}`))
      .filter(({ method }) => method !== "OPTIONS")
      .map(({ api }) => api?.asked ?? null);
  return tab;
}

/** Resource errors are the browser's own words about 4xx answers, which a refusal is. */
const assertOnlyStatus = (tab) => assert.deepEqual(tab.faults.filter((fault) => !/Failed to load resource.*status of 4\d\d/.test(fault)), []);
const version = (answer) => JSON.parse(answer.text).version;

test("two APIs that are refused at once renegotiate once", async (test) => {
  const server = await shop({ manifest: { apis: published("orders", "stock") } });
  await server.control(api("orders", { servers: [["1", "2"]] }), api("stock", { servers: [["1", "2"]] }));
  const tab = await visit(test, server, spoken("orders", "stock"), {
    // Both answers reach the page at one moment, however busy the machine is.
    init: () => {
      const { fetch } = window;
      let both;
      const there = new Promise((done) => (both = done));
      let answered = 0;
      window.fetch = async (...call) => {
        const answer = await fetch(...call);
        if (!/\/v3\//.test(answer.url)) return answer;
        if (++answered === 2) both();
        await there;
        return answer;
      };
    },
  });
  const before = await tab.page.evaluate(() => trueup.getSnapshot().plan.generation);
  const answers = await tab.page.evaluate(() => call(["orders", "a"], ["stock", "b"]));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  assert.deepEqual(answers.map(version), ["2", "2"]);
  assert.deepEqual(await tab.plans(), [{ orders: "2", stock: "2" }]);
  assert.equal(await tab.page.evaluate(() => trueup.getSnapshot().plan.generation), before + 1);
  assert.deepEqual([await tab.asked("orders"), await tab.asked("stock")], [["3", "2"], ["3", "2"]]);
  assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
  assertOnlyStatus(tab);
});

test("a refused POST is repeated only where the named problem type says that nothing was done", async (test) => {
  const names = ["listed", "other", "named", "both"];
  const server = await shop({ manifest: { apis: published(...names) } });
  const refusal = (sign, more) => ({ servers: [["1", "2"]], refusal: { status: 406, sign, type: TYPE, ...more } });
  await server.control(
    api("listed", refusal("header")),
    api("other", refusal("problem", { type: "about:blank" })),
    api("named", refusal("problem")),
    api("both", refusal("both")),
  );
  const tab = await visit(test, server, spoken(...names));
  const post = (name) => tab.call(name, "new", { method: "POST", body: `{"of":"${name}"}`, headers: { "Content-Type": "application/json" } });
  assert.equal((await post("listed")).status, 406);
  assert.equal((await post("other")).status, 406);
  assert.deepEqual([await tab.asked("listed"), await tab.asked("other")], [["3"], ["3"]]);
  for (const name of ["named", "both"]) {
    const answer = await post(name);
    assert.deepEqual([answer.status, version(answer)], [200, "2"]);
    assert.equal(JSON.parse(answer.text).body, `{"of":"${name}"}`);
    assert.deepEqual(await tab.asked(name), ["3", "2"]);
  }
  // The list alone was a refusal too: the next call has the other version.
  assert.equal(version(await post("listed")), "2");
  assert.equal((await post("other")).status, 406);
  assertOnlyStatus(tab);
});

test("the body of a stream is never sent again, nor that of a Request, which may have been one", async (test) => {
  const names = ["stream", "request", "text"];
  const server = await shop({ manifest: { apis: published(...names) } });
  await server.control(
    ...names.map((name) => api(name, { servers: [["1", "2"]], refusal: { status: 410, sign: "both", type: TYPE } })),
    // Over HTTP/1.1 Chromium sends no stream; a service worker takes one, and sends on what it has read.
    {
      do: "put",
      path: "/sw.js",
      contentType: "text/javascript",
      body: `addEventListener("install", () => skipWaiting());
        addEventListener("activate", (event) => event.waitUntil(clients.claim()));
        addEventListener("fetch", (event) => {
          const { url, method, headers } = event.request;
          if (url.includes("/api/stream/"))
            event.respondWith(event.request.text().then((body) => fetch(url, { method, headers, body })));
        });`,
    },
  );
  const tab = await visit(test, server, spoken(...names));
  await tab.page.evaluate(() => navigator.serviceWorker.register("/sw.js"));
  await tab.page.waitForFunction(() => navigator.serviceWorker.controller);
  const told = await tab.page.evaluate(async () => {
    const body = new ReadableStream({
      start(to) {
        to.enqueue(new TextEncoder().encode("piece"));
        to.close();
      },
    });
    const { url } = trueup.api("request");
    return {
      stream: await tell(trueup.api("stream").fetch("a", { method: "PUT", body, duplex: "half" })),
      request: await tell(trueup.api("request").fetch(new Request(url("a"), { method: "PUT", body: "piece" }))),
      text: await tell(trueup.api("text").fetch("a", { method: "PUT", body: "piece" })),
    };
  });
  assert.deepEqual([told.stream.status, told.request.status, told.text.status], [410, 410, 200]);
  assert.deepEqual(await tab.asked("stream"), ["3"]);
  assert.deepEqual(await tab.asked("request"), ["3"]);
  assert.deepEqual(await tab.asked("text"), ["3", "2"]);
  const [sent] = await server.requests(`since=${tab.since}&path=/api/stream`);
  assert.equal(sent.body, "piece");
  assertOnlyStatus(tab);
});

test("a second refusal stops", async (test) => {
  const server = await shop({ manifest: { apis: published("orders") } });
  await server.control(api("orders", { servers: [["1"]], refusal: { status: 426, sign: "problem", type: TYPE } }));
  const tab = await visit(test, server, spoken("orders"));
  const answer = await tab.call("orders", "a");
  assert.equal(answer.status, 426);
  assert.equal(JSON.parse(answer.text).type, TYPE);
  assert.deepEqual(await tab.asked("orders"), ["3", "2"]);
  assertOnlyStatus(tab);
});

test("a renegotiation that picks the same version does not repeat the call", async (test) => {
  const server = await shop({ manifest: { apis: published("orders") } });
  const refusal = { status: 400, sign: "header" };
  await server.control(api("orders", { servers: [["1", "2"]], refusal }));
  const tab = await visit(test, server, spoken("orders"));
  assert.equal((await tab.call("orders", "a")).status, 200);
  // The servers change their mind; an API is negotiated anew once in ten seconds.
  await server.control(api("orders", { servers: [["3"]], refusal }));
  assert.equal((await tab.call("orders", "b")).status, 400);
  assert.deepEqual(await tab.asked("orders"), ["3", "2", "2"]);
  assert.deepEqual(await tab.plans(), [{ orders: "2" }]);
  assertOnlyStatus(tab);
});

for (const [what, refusal, more] of [
  ["a supported-versions header that lists the asked version", { status: 406, sign: "header", lists: ["2", "3"] }],
  ["the same, spelled otherwise", { status: 404, sign: "header", lists: ["v2", "3.0"] }],
  ["a bare 404 under a path carrier", { status: 404, sign: "none" }],
  ["a real 426", { status: 426, sign: "header" }, { headers: { Upgrade: "HTTP/3.0", Connection: "Upgrade" } }],
  ["another status", { status: 403, sign: "both", type: TYPE }],
]) {
  test(`${what} is no refusal: it goes to the caller untouched`, async (test) => {
    const server = await shop({ manifest: { apis: published("orders") } });
    await server.control(api("orders", { servers: [["1", "2"]], refusal, ...more }));
    const tab = await visit(test, server, spoken("orders"));
    const own = await tab.call("orders", "a?b=1");
    const plain = await tab.plain(`${server.origin}/api/orders/v3/a?b=1`);
    assert.deepEqual(own, plain);
    assert.equal(own.status, refusal.status);
    assert.deepEqual(await tab.asked("orders"), ["3", "3"]);
    assert.deepEqual(await tab.plans(), []);
    assertOnlyStatus(tab);
  });
}

for (const [carrier, given] of [
  ["path", { path: "/api/orders/v{version}" }],
  ["header", { header: "Api-Version" }],
]) {
  test(`a redirect to another origin works as with fetch (carrier ${carrier})`, async (test) => {
    const server = await shop({ manifest: { apis: published("orders") } });
    await server.control(
      api("orders", { redirect: "other:/moved" }),
      { do: "cors", target: "/moved", origin: "echo", allowHeaders: ["Api-Version"] },
      // What it says of versions is not the API's word.
      { do: "put", path: "/moved", status: 410, body: "moved", contentType: "text/plain", headers: { "Api-Supported-Versions": "2", "Access-Control-Expose-Headers": "*" } },
    );
    const tab = await visit(test, server, { orders: of("orders", { carrier: given, base: "/api/orders" }) });
    const own = await tab.call("orders", "a?b=1");
    const [url, init] = carrier === "path" ? ["/api/orders/v3/a?b=1"] : ["/api/orders/a?b=1", { headers: { "Api-Version": "3" } }];
    const plain = await tab.plain(server.origin + url, init);
    assert.deepEqual(own, plain);
    assert.deepEqual([own.status, own.redirected, own.text], [410, true, "moved"]);
    assert.ok(!own.url.startsWith(server.origin), own.url);
    assert.deepEqual(await tab.asked("orders"), ["3", "3"]);
    assert.deepEqual(await tab.plans(), []);
    assertOnlyStatus(tab);
  });
}

test("an API of another origin works without exposed headers", async (test) => {
  const server = await shop({ manifest: { apis: published("orders") } });
  const { other } = await (await fetch(`${server.origin}/__control`)).json();
  await server.control(
    { do: "cors", target: "api", origin: "echo", allowHeaders: ["api-version"] },
    api("orders", { servers: [["1", "2", "3"]], deprecated: { 3: { deprecation: 1, link: "/docs" } } }),
  );
  const tab = await visit(test, server, { orders: { speaks: ["3", "2"], base: `${other}/api/orders` } });
  await tab.page.evaluate(() => {
    window.told = [];
    for (const event of ["deprecation", "substitution", "error"]) trueup.on(event, (detail) => told.push(detail));
  });
  const answer = await tab.call("orders", "a");
  assert.deepEqual([answer.status, version(answer), answer.type], [200, "3", "cors"]);
  // What is hidden is absent: a refusal that the page cannot read is a status, and the caller's.
  await server.control(api("orders", { servers: [["1", "2"]] }));
  assert.equal((await tab.call("orders", "b")).status, 400);
  assert.deepEqual(await tab.asked("orders"), ["3", "3"]);
  assert.deepEqual([await tab.plans(), await tab.page.evaluate(() => told)], [[], []]);
  assertOnlyStatus(tab);
});

/** The same API by every carrier, and how a call of it arrives. */
const carriers = {
  path: of("path"),
  query: of("query", { base: "/api/query", carrier: { query: "v" } }),
  header: of("header", { base: "/api/header", carrier: { header: "X-Api-Version" } }),
  accept: of("accept", { base: "/api/accept", carrier: { accept: "version" } }),
  default: { speaks: [">=3 <4", "2"], base: "/api/default" },
};

for (const [what, lose, faults] of [
  ["the manifest at 503 from the start", [{ do: "fault", target: "manifest", status: 503 }], /status of 503/],
  [
    "the wasm blocked",
    [{ do: "headers", target: "shell", set: { "Content-Security-Policy": "script-src 'self' 'unsafe-inline'" } }],
    /trueup: failed|Content Security Policy|^policy: script-src/,
  ],
]) {
  test(`with ${what} every call goes out at once, with the first spoken version by the app's own carrier`, async (test) => {
    // By the manifest it would be 2, in another way.
    const apis = Object.fromEntries(Object.keys(carriers).map((name) => [name, { supported: ["2"], carrier: { query: "version" } }]));
    const server = await shop({ manifest: { apis } });
    await server.control(...lose, ...Object.keys(carriers).map((name) => api(name, { servers: [["2", "3"]] })));
    const tab = await visit(test, server, carriers, { live: false });
    const { sent, told } = await tab.page.evaluate(async (names) => {
      const { fetch } = window;
      let sent = 0;
      window.fetch = (...call) => (sent++, fetch(...call));
      const calls = call(...names.map((name) => [name, "a", { method: "POST", body: name }]));
      return { sent, told: await calls };
    }, Object.keys(carriers));
    assert.equal(sent, 5, "sent before fetch has returned");
    assert.deepEqual(told.map(({ status }) => status), [200, 200, 200, 200, 200]);
    const arrived = told.map(({ text }) => JSON.parse(text)).map(({ api, version, carrier, body }) => [api, version, carrier, body]);
    assert.deepEqual(arrived, [
      ["path", "3", "path", "path"],
      ["query", "3", "query", "query"],
      ["header", "3", "header", "header"],
      ["accept", "3", "accept", "accept"],
      ["default", "3", "header", "default"],
    ]);
    assert.deepEqual(tab.faults.filter((fault) => !faults.test(fault)), []);
  });
}

test("what answers say of their version is told once: deprecated, sunset, another one served", async (test) => {
  const server = await shop({ manifest: { apis: published("orders", "stock") } });
  await server.control(
    api("orders", { deprecated: { 3: { deprecation: 1688169599, sunset: 4102444799, link: "/docs/v4" } } }),
    api("stock", { serveAs: "4" }),
  );
  const tab = await visit(test, server, spoken("orders", "stock"));
  await tab.page.evaluate(() => {
    window.told = [];
    for (const event of ["deprecation", "substitution"]) trueup.on(event, (detail) => told.push([event, detail]));
  });
  for (let i = 0; i < 2; i++) for (const name of ["orders", "stock"]) assert.equal((await tab.call(name, "a")).status, 200);
  assert.deepEqual(await tab.page.evaluate(() => told), [
    ["deprecation", { api: "orders", version: "3", deprecation: 1688169599000, sunset: 4102444799000, link: `${server.origin}/docs/v4` }],
    ["substitution", { api: "stock", version: "3", answered: "4" }],
  ]);
  assert.deepEqual(await tab.plans(), []);
  assertNoFaults(tab);
});

test("a serial above the one in force, told by an answer, brings a poll", async (test) => {
  const server = await shop({ manifest: { apis: published("orders") } });
  const tab = await visit(test, server, spoken("orders"), { options: { poll: { everySeconds: 20 } } });
  await tab.page.evaluate(() => {
    window.polls = [];
    trueup.on("poll", ({ why }) => polls.push(why));
  });
  await server.control({ do: "headers", target: "api", set: { "Trueup-Serial": "$serial" } });
  assert.equal((await tab.call("orders", "a")).status, 200);
  await server.control({ do: "deploy", id: "b2", version: "2.0.0" });
  assert.equal((await tab.call("orders", "b")).status, 200);
  await tab.page.waitForFunction(() => trueup.standing.status === "behind");
  assert.deepEqual(await tab.page.evaluate(() => polls), ["header"]);
  assertNoFaults(tab);
});
