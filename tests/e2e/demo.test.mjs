// The demo: an operator's console with tabs of the shop side by side, played through in Chromium.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { deployment } from "./deployment.mjs";
import { assertNoFaults, browser, openTab } from "./driver.mjs";

await Promise.all([deployment(), browser()]);

/** The console over a fresh world, with its three tabs loaded. */
async function openConsole(test, options) {
  const server = await deployment();
  await server.control({ do: "reset" });
  const tab = await openTab(test, { viewport: { width: 1440, height: 1000 }, ...options });
  await tab.page.goto(`${server.origin}/`);
  await says(tab, "All 3 tabs run 1.0.0");
  for (const id of [1, 2, 3]) await stands(tab, id, "current");
  return { ...tab, server };
}

const says = (tab, text) => tab.page.locator("#sentence", { hasText: text }).waitFor();
const card = (tab, id) => tab.page.locator(`article[aria-label="Tab ${id}"]`);
const stands = (tab, id, status) => card(tab, id).locator(`.standing.${status}`).waitFor();
const refresh = (tab, id, text, options) => card(tab, id).locator('[data-of="refresh"]', { hasText: text }).waitFor(options);
/** What the panel says of a version of orders. Each button goes from what it says, so that has to be up to date. */
const version = (tab, text) => tab.page.locator("#orders-versions li", { hasText: text }).waitFor();
const shop = (tab, id) => tab.page.frameLocator(`iframe[name="tab-${id}"]`);
const operator = (tab, name) => tab.page.getByRole("tab", { name }).click();
const press = (tab, name) => tab.page.locator("aside").getByRole("button", { name, exact: true }).click();
const refreshNow = (tab, id) => shop(tab, id).getByRole("button", { name: /refresh now/i }).click();

test("the operator deploys, and each tab is offered the build and stays until it is taken", async (test) => {
  const tab = await openConsole(test);
  await tab.page.getByLabel("Notes").fill("Faster checkout");
  await press(tab, "Deploy everywhere");
  for (const id of [1, 2, 3]) await refresh(tab, id, "is offered");
  await shop(tab, 1).locator("trueup-prompt").getByText("Faster checkout", { exact: true }).waitFor();
  await refreshNow(tab, 1);
  await says(tab, "1 of 3 tabs run 1.1.0");
  await stands(tab, 1, "current");
  await stands(tab, 2, "behind");
  // From the beacons of the tabs: each sends its first after 5 s, and one when it is reloaded.
  const counted = (build, tabs) => tab.page.locator("#census .bar", { hasText: build }).locator("b", { hasText: new RegExp(`^${tabs}$`) }).waitFor();
  await counted("1.0.0", 2);
  await counted("1.1.0", 1);
  assertNoFaults(tab);
});

test("a double click deploys one build", async (test) => {
  const tab = await openConsole(test);
  await tab.page.locator("aside").getByRole("button", { name: "Deploy everywhere" }).dblclick();
  for (const id of [1, 2, 3]) await stands(tab, id, "behind");
  const names = await tab.page.locator("#builds .build").allInnerTexts();
  assert.deepEqual(names.map((name) => name.split(/\s/)[0]), ["1.1.0", "1.0.0"]);
  assertNoFaults(tab);
});

test("a raised minimum forces the tabs, and waits where a note is unsaved", async (test) => {
  const tab = await openConsole(test);
  await shop(tab, 1).getByLabel("Gift note").fill("With love");
  await press(tab, "Deploy everywhere");
  await operator(tab, "Window");
  await tab.page.getByLabel("Minimum").selectOption("1.1.0");
  await refresh(tab, 1, "is held, unsaved gift note");
  await refresh(tab, 2, "counts down");
  await refreshNow(tab, 2);
  await stands(tab, 2, "current");
  await refreshNow(tab, 1);
  await stands(tab, 1, "current");
  assert.equal(await shop(tab, 1).getByLabel("Gift note").inputValue(), "With love");
  assertNoFaults(tab);
});

test("behind a CDN that keeps the old page nothing is shown until it is purged", async (test) => {
  const tab = await openConsole(test);
  await tab.page.getByLabel("The CDN keeps the old page").check();
  await press(tab, "Deploy everywhere");
  for (const id of [1, 2, 3]) await refresh(tab, id, "the page is still this build");
  assert.equal(await shop(tab, 1).locator("trueup-prompt").count(), 0);
  await operator(tab, "Break");
  await tab.page.locator("#in-force").getByText("CDN: the page of 1.0.0").waitFor();
  await operator(tab, "Deploy");
  await press(tab, "Purge the CDN");
  await refresh(tab, 1, "is offered");
  assertNoFaults(tab);
});

test("a roll-back brings tabs of the blocked build back", async (test) => {
  const tab = await openConsole(test);
  await press(tab, "Deploy everywhere");
  await refresh(tab, 1, "is offered");
  await refreshNow(tab, 1);
  await stands(tab, 1, "current");
  await press(tab, "Roll back");
  await stands(tab, 1, "unsupported");
  await stands(tab, 2, "current");
  await refresh(tab, 1, "counts down");
  await refreshNow(tab, 1);
  await says(tab, "All 3 tabs run 1.0.0");
  assertNoFaults(tab);
});

test("a broken manifest is in the timeline, and on no tab", async (test) => {
  const tab = await openConsole(test);
  await operator(tab, "Break");
  await press(tab, "HTML, status 200");
  await operator(tab, "Deploy");
  await press(tab, "Deploy everywhere");
  await says(tab, "0 of 3 tabs run 1.1.0");
  await tab.server.arrived(`target=manifest&since=${await tab.server.last()}`);
  await operator(tab, "Break");
  await tab.page.locator("#log .bad", { hasText: "manifest:html" }).first().waitFor();
  for (const id of [1, 2, 3]) {
    await stands(tab, id, "current");
    assert.equal(await shop(tab, id).locator("trueup-prompt").count(), 0);
  }
  await press(tab, "Mend everything");
  await tab.page.locator("#in-force").getByText("Everything works.").waitFor();
  // The backoff after failure n (from 0) is up to 2T·2ⁿ, with T = 3 s: a slow run of this test has had a few of them.
  for (const id of [1, 2, 3]) await refresh(tab, id, "is offered", { timeout: 60_000 });
  assertNoFaults(tab);
});

test("tabs follow the versions of an API, and those left without one have to refresh", async (test) => {
  const tab = await openConsole(test);
  const plan = (id, text) => card(tab, id).locator('[data-of="plan"]', { hasText: text }).waitFor();
  await press(tab, "Deploy everywhere");
  await says(tab, "0 of 3 tabs run 1.1.0"); // or the form would still have that version
  await press(tab, "Deploy everywhere"); // 1.2.0 speaks versions 3 and 2, 1.0.0 spoke 2 and 1
  await refresh(tab, 1, "is offered");
  await refreshNow(tab, 1);
  await plan(1, "orders 3 agreed");
  await plan(2, "orders 2 agreed");
  await operator(tab, "APIs");
  await press(tab, "Retire v2");
  await plan(2, "orders 1 agreed");
  await press(tab, "Roll back to v1");
  await plan(1, "client-too-new");
  await stands(tab, 1, "current");
  await press(tab, "Serve all again");
  await version(tab, "v3 served");
  await plan(1, "orders 3 agreed");
  await press(tab, "Retire v1");
  await version(tab, "v1 not served");
  await press(tab, "Retire v2");
  await plan(2, "client-too-old");
  await stands(tab, 2, "unsupported");
  await refresh(tab, 2, "counts down");
  await stands(tab, 1, "current");
  assertNoFaults(tab);
});

test("a kill is seen in every tab within one poll; rollouts and targeted builds follow", async (test) => {
  const tab = await openConsole(test);
  const flag = (id, text) => card(tab, id).locator('[data-of="flags"]', { hasText: text }).waitFor();
  const everywhere = (text) => Promise.all([1, 2, 3].map((id) => flag(id, text)));
  await operator(tab, "Flags");
  await tab.page.getByLabel("Rolled out to").fill("100");
  await everywhere("new-checkout on");
  await shop(tab, 2).getByRole("button", { name: "Check out in one step" }).waitFor();

  await tab.page.evaluate(() => {
    globalThis.heard = [];
    addEventListener("message", ({ data }) => data?.trueup === "tab" && heard.push([data.tab, data.kind, data.detail]));
  });
  await tab.page.getByLabel("Enabled").uncheck();
  await everywhere("new-checkout switched off");
  await shop(tab, 2).getByRole("button", { name: "Check out", exact: true }).waitFor();
  const heard = await tab.page.evaluate(() => heard);
  for (const id of ["1", "2", "3"]) {
    const polls = heard.filter(([of, kind]) => of === id && ["poll", "flags"].includes(kind));
    // What was asked before the kill may still say "unchanged". The poll that brings the manifest brings the kill.
    const since = polls.slice(polls.findIndex(([, kind, { outcome }]) => kind === "poll" && outcome !== "unchanged"));
    assert.deepEqual(since.slice(0, 2).map(([, kind, detail]) => [kind, detail.outcome ?? detail]), [["poll", "new"], ["flags", ["new-checkout"]]]);
    assert.equal(polls.filter(([, kind]) => kind === "flags").length, 1);
  }

  await tab.page.getByLabel("Enabled").check();
  await everywhere("new-checkout on");
  await everywhere("gift-wrap off");
  await tab.page.getByLabel("On for builds from").selectOption("1.0.0");
  await everywhere("gift-wrap on");
  await tab.page.getByLabel("Text").selectOption("sale");
  await shop(tab, 3).getByText("Autumn sale: oak is 10 % off").waitFor();
  assertNoFaults(tab);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing in the console or the shop (${colorScheme})`, async (test) => {
    const tab = await openConsole(test, { colorScheme });
    await press(tab, "To half of the servers");
    const axe = await readFile(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
    const violations = async (frame) => {
      await frame.evaluate(axe);
      const { violations } = await frame.evaluate(() => window.axe.run(document, { iframes: false }));
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" | ")}`);
    };
    for (const name of ["Deploy", "Window", "Break", "APIs", "Flags"]) {
      await operator(tab, name);
      assert.deepEqual(await violations(tab.page.mainFrame()), [], name);
    }
    assert.deepEqual(await violations(tab.page.frame("tab-1")), []);
    assertNoFaults(tab);
  });
}

test("tabs are opened, hidden, shown and closed", async (test) => {
  const tab = await openConsole(test);
  await tab.page.getByRole("button", { name: "Open a tab" }).click();
  await says(tab, "All 4 tabs run 1.0.0");
  await card(tab, 2).getByRole("button", { name: /^Hide/ }).click();
  await press(tab, "Deploy everywhere");
  await refresh(tab, 1, "is offered");
  await stands(tab, 2, "current");
  await card(tab, 2).getByRole("button", { name: /^Show|^Hide/ }).click();
  await refresh(tab, 2, "is offered");
  await card(tab, 4).getByRole("button", { name: /^Close/ }).click();
  await says(tab, "0 of 3 tabs run 1.1.0");
  assertNoFaults(tab);
});
