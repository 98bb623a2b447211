// `trueup/testing`: the client that a test drives behaves as the real one does.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const pkg = process.env.TRUEUP_PKG;
const { createTestClient } = await import(pathToFileURL(join(pkg, "dist/testing.js")));

test("it has every member of the real client", async () => {
  const { connect } = await import(pathToFileURL(join(pkg, "dist/index.js")));
  const members = (client) => [client, client.refresh, client.flags].map((of) => Object.keys(of).sort());
  const [real, played] = [members(connect()), members(createTestClient())];
  assert.deepEqual(played[0].filter((name) => !["set", "emit", "save", "holds", "asked"].includes(name)), real[0]);
  assert.deepEqual(played.slice(1), real.slice(1));
});

test("a change reaches listeners, stores and what is read, once", () => {
  const client = createTestClient({ standing: "behind", flags: { a: 1, b: true } });
  const heard = [];
  for (const event of ["standing", "refresh", "plan", "flags"]) client.on(event, (detail) => heard.push([event, detail]));
  client.subscribe(() => heard.push("changed"));
  client.flags.on("a", () => heard.push("a"));
  assert.equal(client.standing.status, "behind");
  client.set({ standing: { status: "deprecated", reason: "below-recommended", deadline: 5 }, flags: { a: 2 } });
  assert.deepEqual(heard, [["standing", client.standing], ["flags", ["a"]], "a", "changed"]);
  assert.deepEqual([client.flags.get("a", 0), client.flags.get("b", false), client.flags.get("b", "text")], [2, true, "text"]);
  assert.equal(client.flags.details("none", 0).errorCode, "FLAG_NOT_FOUND");
  const snapshot = client.getSnapshot();
  client.set({ flags: { a: 2 } });
  assert.equal(client.getSnapshot(), snapshot);
  assert.equal(heard.length, 4);
});

test("a listener that another one stops is not called any more, as with the real one", () => {
  const client = createTestClient({ flags: { a: 1 } });
  const heard = [];
  client.on("flags", () => (heard.push("first"), off(), stop()));
  const off = client.flags.on("a", () => heard.push("a"));
  const stop = client.subscribe(() => heard.push("changed"));
  client.subscribe(() => (heard.push("store"), client.close()));
  client.subscribe(() => heard.push("closed"));
  client.set({ flags: { a: 2 } });
  assert.deepEqual(heard, ["first", "store"]);
});

test("calls go out by the plan that the test sets", async (t) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url, init) => (asked.push([String(url), new Headers(init?.headers).get("api-version")]), new Response("{}")));
  const client = createTestClient({ apis: { orders: "3" } });
  await client.api("orders").fetch("https://shop.example/orders/1").catch((error) => assert.equal(error.code, "api/path"));
  const spoken = createTestClient({ speaks: { orders: { speaks: ["3"], base: "https://shop.example/orders" } }, apis: { orders: "2" } });
  await spoken.api("orders").fetch("1");
  spoken.set({ apis: { orders: { outcome: "client-too-old", reason: "server-newer" } } });
  await assert.rejects(spoken.api("orders").fetch("1"), { code: "api/client-too-old" });
  assert.deepEqual(asked, [["https://shop.example/orders/1", "2"]]);
  assert.throws(() => spoken.api("search"), { code: "api/undeclared" });
});

test("what the app asks for is written down, and nothing happens", async () => {
  const client = createTestClient({ refresh: "navigation", restored: { draft: 1 } });
  assert.equal(client.refresh.takeNavigation("/next"), true);
  client.set({ refresh: "offering" });
  assert.equal(client.refresh.takeNavigation("/next"), false);
  assert.equal((await client.refresh.now()).phase, "offering");
  client.refresh.defer();
  client.flags.setContext({ targetingKey: "me" });
  assert.equal((await client.check()).status, "current");
  const hold = client.refresh.hold("upload");
  assert.deepEqual(client.holds, ["upload"]);
  hold.release();
  assert.deepEqual(client.holds, []);
  const off = client.refresh.onSave(() => ({ a: 1 }));
  client.refresh.onSave(async () => ({ b: 2 }));
  assert.deepEqual(await client.save(), { a: 1, b: 2 });
  off();
  assert.deepEqual(await client.save(), { b: 2 });
  assert.deepEqual(client.refresh.restored, { draft: 1 });
  assert.equal(await client.ready, "live");
  client.close();
  assert.deepEqual(client.asked, [["navigate", "/next"], ["navigate", "/next"], ["now"], ["defer"], ["context", { targetingKey: "me" }], ["check"], ["close"]]);
});

test("a listener that throws harms nobody, and a closed client is silent", (t) => {
  const printed = t.mock.method(console, "error", () => {});
  const client = createTestClient();
  let heard = 0;
  client.on("error", () => {
    throw new Error("mine");
  });
  client.on("error", () => heard++);
  client.emit("error", { blame: "network", code: "timeout" });
  assert.deepEqual([heard, printed.mock.callCount()], [1, 1]);
  const end = new AbortController();
  client.on("standing", () => heard++, { signal: end.signal });
  end.abort();
  client.set({ standing: "behind" });
  client.close();
  client.on("standing", () => heard++);
  client.set({ standing: "ahead" });
  assert.equal(heard, 1);
});
