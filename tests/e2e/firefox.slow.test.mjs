// The main job once more, in Firefox as Debian ships it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser("firefox")]);

const built = async (tab, id) => {
  await tab.page.waitForFunction((id) => document.querySelector("h1")?.textContent === id && window.trueup, id);
  await tab.page.waitForLoadState("load");
};
const button = (tab, name) => tab.page.locator("trueup-prompt").getByRole("button", { name });

async function visit(test, server, { path = "/shop/", options = {} } = {}) {
  const tab = await openTab(test, { engine: "firefox" });
  await tab.page.addInitScript((options) => (window.options = options), options);
  await tab.page.goto(server.origin + path);
  await tab.page.waitForFunction(() => window.trueup && trueup.standing.status !== "unknown");
  return tab;
}

test("in Firefox a deploy is offered, and a click brings the new build", async (test) => {
  const server = await shop();
  const tab = await visit(test, server);
  assert.match(await tab.page.evaluate(() => navigator.userAgent), /Firefox/);
  assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
  await server.control({ do: "deploy", id: "b2", version: "2.0.0" });
  await button(tab, /refresh/i).click();
  await built(tab, "b2");
  assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
  assert.equal(await button(tab, /refresh/i).count(), 0);
  assertNoFaults(tab);
});

test("in Firefox a raised minimum forces a refresh that keeps query, hash and what the app saves", async (test) => {
  const server = await shop();
  const tab = await visit(test, server, { path: "/shop/cart?item=7#total" });
  await tab.page.evaluate(() => void trueup.refresh.onSave(() => ({ draft: "half a sentence" })));
  await server.control({ do: "deploy", id: "b2", version: "2.0.0", manifest: { supported: { minimum: "2.0.0" } } });
  await built(tab, "b2");
  assert.equal(tab.page.url(), `${server.origin}/shop/cart?item=7#total`);
  assert.deepEqual(await tab.page.evaluate(() => trueup.refresh.restored), { draft: "half a sentence" });
  assertNoFaults(tab);
});

test("in Firefox a refused call is repeated in the version that both speak", async (test) => {
  const server = await shop({ manifest: { apis: { orders: { supported: ["1", "2", "3"] } } } });
  await server.control({ do: "api", name: "orders", servers: [["1", "2"]] });
  const tab = await visit(test, server, { options: { apis: { orders: { speaks: ["3", "2"], carrier: { path: "/api/orders/v{version}" } } } } });
  const told = await tab.page.evaluate(async () => (await trueup.api("orders").fetch("list")).json());
  assert.equal(told.version, "2");
});
