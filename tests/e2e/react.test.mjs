// `trueup/react` in Chromium with React 19: who renders when, and that nothing tears, leaks or gets lost.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { build } from "esbuild";
import { assertNoFaults, browser, openTab, serveSite } from "./driver.mjs";

await browser();

const pkg = process.env.TRUEUP_PKG;

/** A page of `react/` as one script, with React as users build it, or in its development form. */
async function script(file, mode) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`react/${file}`, import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    alias: Object.fromEntries(["react", "testing"].map((entry) => [`trueup/${entry}`, `${pkg}/dist/${entry}.js`])),
    define: { "process.env.NODE_ENV": JSON.stringify(mode) },
  });
  return outputFiles[0].text;
}

const scripts = { production: await script("page.jsx", "production"), development: await script("page.jsx", "development") };
const html = `<!doctype html><html lang="en"><title>react</title><div id="root"></div><script type="module" src="/page.js"></script></html>`;

async function open(test, { part = "parts", strict = false, mode = strict ? "development" : "production" } = {}) {
  const origin = await serveSite({ "/app": html, "/app/target": html, "/page.js": scripts[mode] }, test);
  const tab = await openTab(test);
  await tab.page.goto(`${origin}/app`);
  await tab.page.waitForFunction(() => window.start);
  await tab.page.evaluate((given) => start(given), { part, strict });
  return tab;
}

const text = (tab, id) => tab.page.locator(`#${id}`).textContent();
/** Changes the client and gives who rendered for it. */
const rendered = (tab, change) =>
  tab.page.evaluate(async (change) => {
    const before = { ...renders };
    client.set(change);
    await new Promise((done) => setTimeout(done, 50));
    return Object.fromEntries(Object.entries(renders).flatMap(([name, n]) => (n === before[name] ? [] : [[name, n - before[name]]])));
  }, change);

test("a component renders again only when what it shows has changed", async (test) => {
  const tab = await open(test);
  await tab.page.locator("#standing").waitFor();
  assert.deepEqual(await rendered(tab, { flags: { a: true } }), { a: 1 });
  assert.deepEqual(await rendered(tab, { flags: { b: "two" } }), { b: 1 });
  assert.deepEqual(await rendered(tab, { standing: "behind" }), { standing: 1 });
  assert.deepEqual(await rendered(tab, { apis: { orders: "2" } }), { api: 1 });
  assert.deepEqual(await rendered(tab, { apis: { orders: "2", search: "1" } }), {}, "a plan that says the same");
  assert.deepEqual(await rendered(tab, { refresh: "offering" }), { refresh: 1 });
  assert.deepEqual(await rendered(tab, { flags: { other: 1 } }), {}, "a flag that nobody reads");
  assert.deepEqual(await rendered(tab, { flags: { object: { limit: 5 } } }), {}, "another object that says the same");
  assert.deepEqual(await rendered(tab, { flags: { object: { limit: 6 }, a: false } }), { object: 1, a: 1 });
  for (const [id, shown] of Object.entries({ a: "false", b: '"two"', object: '{"limit":6}', standing: "behind", api: "2", refresh: "offering" }))
    assert.equal(await text(tab, id), shown);
  assertNoFaults(tab);
});

test("a flag of another type, and one that has gone, read the fallback", async (test) => {
  const tab = await open(test);
  await rendered(tab, { flags: { a: "yes", object: undefined } });
  assert.equal(await text(tab, "a"), "false");
  assert.equal(await text(tab, "object"), '{"limit":0}');
  assertNoFaults(tab);
});

test("in StrictMode a hold is there once, and gone with its component", async (test) => {
  const tab = await open(test, { strict: true });
  const holds = () => tab.page.evaluate(() => client.holds);
  await tab.page.locator("#standing").waitFor();
  assert.deepEqual(await holds(), ["upload"]);
  await tab.page.getByRole("button", { name: "uploaded" }).click();
  await tab.page.waitForFunction(() => !client.holds.length);
  await tab.page.getByRole("button", { name: "now" }).click();
  await tab.page.getByRole("button", { name: "later" }).click();
  assert.deepEqual(await tab.page.evaluate(() => client.asked), [["now"], ["defer"]]);
  await tab.page.evaluate(() => (root.unmount(), client.set({ flags: { a: true } })));
  assertNoFaults(tab);
});

test("a change in the middle of a concurrent render tears nothing", async (test) => {
  const tab = await open(test, { part: "torn" });
  await tab.page.waitForFunction(() => window.grow);
  await tab.page.evaluate(async () => {
    grow();
    for (const a of [true, false, true]) {
      await new Promise((done) => setTimeout(done, 25));
      client.set({ flags: { a } });
    }
  });
  await tab.page.waitForFunction(() => window.rows === 12);
  assert.deepEqual(await tab.page.locator(".row").allTextContents(), Array(12).fill("on"));
  assert.equal(await tab.page.evaluate(() => window.torn), undefined);
  assertNoFaults(tab);
});

test("what changed while a component was suspended is there when it shows", async (test) => {
  const tab = await open(test, { part: "suspended" });
  await tab.page.locator("b").waitFor();
  await tab.page.evaluate(() => (client.set({ flags: { a: true } }), resume()));
  await tab.page.locator("#waited").waitFor();
  assert.equal(await text(tab, "waited"), "true");
  await rendered(tab, { flags: { a: false } });
  assert.equal(await text(tab, "waited"), "false");
  assertNoFaults(tab);
});

test("React Router: a due refresh takes the click on a link, to the link's target, and no form", async (test) => {
  const tab = await open(test, { part: "router" });
  const { origin } = new URL(tab.page.url());
  const asked = () => tab.page.evaluate(() => client.asked);
  await tab.page.evaluate(() => client.set({ refresh: "navigation" }));
  await tab.page.getByRole("link", { name: "target" }).click();
  assert.deepEqual(await asked(), [["navigate", `${origin}/app/target?q=1#part`]]);
  assert.equal(new URL(tab.page.url()).pathname, "/app", "the router stayed: the page is about to go");
  await tab.page.getByRole("button", { name: "send" }).click();
  await tab.page.waitForFunction(() => window.sent === "POST");
  assert.equal((await asked()).length, 1);
  await tab.page.goBack();
  await tab.page.waitForFunction(() => location.pathname === "/app");
  await tab.page.evaluate(() => client.set({ refresh: "idle" }));
  await tab.page.getByRole("link", { name: "target" }).click();
  await tab.page.waitForFunction(() => location.href.endsWith("/app/target?q=1#part"));
  assert.equal((await asked()).length, 2);
  await tab.page.getByRole("heading", { name: "target" }).waitFor();
  assertNoFaults(tab);
});
