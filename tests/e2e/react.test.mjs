// `trueup/react` in Chromium with React 19: who renders when, and that nothing tears, leaks or gets lost.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { assertNoFaults, browser, openTab, serveSite } from "./driver.mjs";

await browser();

const pkg = process.env.TRUEUP_PKG;

/** A page of `react/` as one script, with React as users build it, or in its development form. */
async function script(file, mode, more) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`react/${file}`, import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    alias: {
      ...Object.fromEntries(["react", "testing"].map((entry) => [`trueup/${entry}`, `${pkg}/dist/${entry}.js`])),
      trueup: `${pkg}/dist/index.js`,
    },
    define: { "process.env.NODE_ENV": JSON.stringify(mode) },
    ...more,
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

/** `render` of hydrated.jsx, as a server has it. */
async function server() {
  const dir = fileURLToPath(new URL("../../target/tmp", import.meta.url));
  const file = join(dir, `react-server-${process.pid}.mjs`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, await script("hydrated.jsx", "development", { platform: "node", external: ["react", "react-dom"] }));
  after(() => rmSync(file));
  return (await import(pathToFileURL(file))).render;
}

const render = await server();
const { evaluate, inlineJson, inlineManifest, mark } = await import(pathToFileURL(join(pkg, "dist/server.js")));
const hydrated = await script("hydrated.jsx", "development");

const flag = (value) => ({ state: "ENABLED", variants: { chosen: value }, defaultVariant: "chosen" });
const published = (serial, short) => ({
  trueup: 1,
  serial,
  current: { id: "b2", version: "2.0.0" },
  refresh: { urgency: "low" },
  apis: { orders: { supported: ["2"] } },
  flags: { flags: { short: flag(short), object: flag({ limit: 5 }) } },
});

/** A page that a server rendered by the manifest of serial 1, while serial 2 is published: by it `short` is off again. */
async function visit(test, head, html) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const build = { id: "b1", version: "1.0.0" };
  const page = `<!doctype html><html lang="en"><head><title>shop</title>${mark(build)}${head}</head><body><div id="root">${html}</div><script type="module" src="/page.js"></script></body></html>`;
  const json = async () => (await released, { body: JSON.stringify(published(2, false)), type: "application/json" });
  const origin = await serveSite({ "/": page, "/page.js": hydrated, "/trueup.json": json }, test);
  const tab = await openTab(test);
  await tab.page.goto(origin);
  await tab.page.waitForFunction(() => window.shown?.length);
  return { tab, release };
}

const hydration = async (tab, release, first) => {
  await tab.page.waitForFunction(() => shown.at(-1) === "true 5 behind agreed");
  assert.equal(await tab.page.evaluate(() => shown[0]), first, "hydration shows what the server showed");
  assert.deepEqual(await tab.page.evaluate(() => faults), []);
  release();
  await tab.page.waitForFunction(() => document.querySelector("#shop i"));
  assert.equal(await tab.page.evaluate(() => client.getSnapshot().flags.get("object").value.limit), 5);
  assertNoFaults(tab);
};

test("the server's HTML and the first render agree: flags, standing and plan, by `evaluate`", async (test) => {
  const manifest = published(1, true);
  const initial = await evaluate(manifest, { targetingKey: "ada" }, { build: { id: "b1", version: "1.0.0" }, apis: { orders: ["2"] } });
  const html = render(initial);
  assert.match(html, /<b>short<\/b>.*behind/);
  const { tab, release } = await visit(test, inlineManifest(manifest) + inlineJson(initial, "initial"), html);
  assert.equal(await tab.page.evaluate(() => atStart), true, "the client has the flag from its start, by the inlined manifest");
  await hydration(tab, release, "true 5 behind agreed");
});

test("without `initial` hydration shows what a server without a manifest showed, and then what is so", async (test) => {
  const html = render();
  assert.match(html, /<i>long<\/i>.*unknown/);
  const { tab, release } = await visit(test, inlineManifest(published(1, true)), html);
  await hydration(tab, release, "false 0 unknown unknown");
});
