// A rolling deploy that takes its time: old and new servers answer in turn, with their own manifests and versions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, shop } from "./deployment.mjs";
import { browser, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

const SECONDS = 60;

test(`old and new servers in turn for ${SECONDS} s make neither plan nor standing flap`, async (test) => {
  const old = { orders: { supported: ["1", "2"], carrier: { path: "/api/orders/v{version}" } } };
  const server = await shop({ manifest: { apis: old } });
  await server.control({ do: "api", name: "orders", servers: [["1", "2"]] });
  const tab = await openTab(test);
  await tab.page.addInitScript(() => (window.options = { apis: { orders: { speaks: ["3", "2"], required: true } } }));
  await tab.page.goto(`${server.origin}/shop/`);
  await tab.page.waitForFunction(() => window.trueup && trueup.standing.status === "current");
  await tab.page.evaluate(() => {
    window.told = { plans: [], standings: [], phases: [] };
    trueup.on("plan", ({ apis }) => told.plans.push(`${apis.orders.outcome} ${apis.orders.version}`));
    trueup.on("standing", ({ status }) => told.standings.push(status));
    trueup.on("refresh", ({ phase }) => told.phases.push(phase));
  });
  assert.equal(await tab.page.evaluate(() => trueup.api("orders").plan.version), "2");

  // Of two requests of a kind one reaches the old servers: page, manifest, API.
  await server.control(
    { do: "rollout", id: "b2", version: "2.0.0", share: 0.5, manifest: { apis: { orders: { supported: ["2", "3"] } } } },
    { do: "api", name: "orders", servers: [["1", "2"], ["2", "3"]] },
  );
  const statuses = await tab.page.evaluate(async (ms) => {
    const counts = {};
    for (const until = performance.now() + ms; performance.now() < until; ) {
      const { status } = await trueup.api("orders").fetch("list");
      counts[status] = (counts[status] ?? 0) + 1;
      await new Promise((done) => setTimeout(done, 250));
    }
    return counts;
  }, SECONDS * 1000);
  const { plans, standings, phases } = await tab.page.evaluate(() => told);
  const polls = await server.requests("target=manifest");
  test.diagnostic(`${JSON.stringify(statuses)}, ${polls.length} polls; plans ${plans.join(", ")}; ${phases.join(", ")}`);
  assert.deepEqual(Object.keys(statuses), ["200"]);
  // The new manifest prefers 3; the old servers refuse it once, and 2 is what all of them speak.
  assert.deepEqual(plans, ["agreed 3", "agreed 2"]);
  assert.deepEqual(standings, ["behind"]);
  assert.equal(phases.filter((phase) => phase === "offering").length, 1);
  assert.deepEqual(tab.faults.filter((fault) => !/Failed to load resource.*status of 400/.test(fault)), []);
  await server.control({ do: "rollout", id: "b2", share: 1 }, { do: "api", name: "orders", servers: [["2", "3"]] });
  assert.equal(await tab.page.evaluate(async () => (await trueup.api("orders").fetch("list")).status), 200);
});
