// The whole of Trueup under a strict content security policy with Trusted Types: it starts, polls, shows, refreshes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, openTab } from "./driver.mjs";

await Promise.all([deployment(), browser()]);

const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'";

const ENTRIES = {
  trueup: '<script type="module" src="/strict.js"></script>',
  "trueup/slim": '<script type="module" src="/strict-slim.js"></script>',
  "the script drop-in": '<script src="/pkg/dist/trueup.js" data-poll-every-seconds="1" data-countdown-seconds="2"></script>',
};
const app = (entry) => `import { connect } from "/pkg/dist/${entry}.js"; globalThis.trueup = connect({ poll: { everySeconds: 1 }, countdownSeconds: 2 });`;

for (const [entry, script] of Object.entries(ENTRIES))
  test(`${entry} forces a refresh without one violation`, async (test) => {
    const server = await shop({ page: `<!doctype html><html lang="en"><head>{{mark}}<title>{{id}}</title></head><body><h1>{{id}}</h1>${script}</body></html>` });
    await server.control(
      { do: "put", path: "/favicon.ico", status: 204 },
      { do: "put", path: "/strict.js", body: app("index") },
      { do: "put", path: "/strict-slim.js", body: app("slim") },
      { do: "headers", target: "shell", set: { "content-security-policy": POLICY } },
    );
    const tab = await openTab(test);
    const answer = await tab.page.goto(`${server.origin}/shop/`);
    assert.equal(answer.headers()["content-security-policy"], POLICY);
    await tab.page.waitForFunction(() => window.trueup?.standing.status === "current", undefined, { timeout: 30_000 });
    await server.control({ do: "deploy", id: "b2", version: "2.0.0", manifest: { supported: { minimum: "2.0.0" } } });
    await tab.page.locator("trueup-prompt").getByRole("button", { name: "Refresh now" }).waitFor({ timeout: 30_000 });
    await tab.page.waitForFunction(() => document.querySelector("h1")?.textContent === "b2" && window.trueup?.standing.status === "current", undefined, { timeout: 30_000 });
    assertNoFaults(tab);
  });

test("without 'wasm-unsafe-eval' the app runs as if it were not there", async (test) => {
  const server = await shop({ page: `<!doctype html><html lang="en"><head>{{mark}}<title>{{id}}</title></head><body><h1>{{id}}</h1>${ENTRIES.trueup}</body></html>` });
  await server.control(
    { do: "put", path: "/favicon.ico", status: 204 },
    { do: "put", path: "/strict.js", body: app("index") },
    { do: "headers", target: "shell", set: { "content-security-policy": POLICY.replace(" 'wasm-unsafe-eval'", "") } },
  );
  const tab = await openTab(test);
  await tab.page.goto(`${server.origin}/shop/`);
  assert.equal(await tab.page.evaluate(() => trueup.ready), "failed");
  assert.equal(await tab.page.evaluate(() => trueup.flags.get("any", 7)), 7);
  const warnings = tab.faults.filter((fault) => fault.startsWith("console warning: trueup"));
  assert.equal(warnings.length, 1, tab.faults.join("\n"));
  // The browser's own words about the policy, and nothing else.
  assert.deepEqual(tab.faults.filter((fault) => !/policy|Content Security/i.test(fault) && !warnings.includes(fault)), []);
});
