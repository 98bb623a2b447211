// Never worse: what goes wrong behind a page costs it no reload, no prompt and no request too many. Order and counts are
// asserted; times are printed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, PAGE, shop } from "./deployment.mjs";
import { assertNoFaults, browser, openOwn, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

const b2 = { do: "deploy", id: "b2", version: "2.0.0" };
const forced = { ...b2, manifest: { supported: { minimum: "2.0.0" } } };
const SECOND = 1_000;

/** A tab that counts its loads, and remembers every phase and build that it has been through. */
async function visit(test, { path = "/shop/", options = {}, page = PAGE, manifest, open = openTab } = {}) {
  const server = await shop({ page, manifest });
  const tab = { ...(await open(test)), server, loads: -1, phases: [], builds: [] };
  await watch(tab);
  await tab.page.addInitScript((options) => (window.options = options), options);
  await tab.page.goto(server.origin + path);
  await tab.page.waitForFunction(() => window.trueup?.standing.status === "current");
  return tab;
}

async function watch(tab) {
  tab.page.on("load", () => tab.loads++);
  await tab.page.exposeBinding("saw", (_source, kind, what) => tab[kind].at(-1) === what || tab[kind].push(what));
  await tab.page.addInitScript(() => {
    let client;
    // As soon as the page has it: what it publishes at once is heard too.
    Object.defineProperty(window, "trueup", {
      get: () => client,
      set: (value) => {
        client = value;
        saw("builds", client.inspect().build);
        saw("phases", client.refresh.state.phase);
        client.on("refresh", ({ phase }) => saw("phases", phase));
      },
    });
  });
}

const phase = (tab, wanted, options) => tab.page.waitForFunction((wanted) => trueup.refresh.state.phase === wanted, wanted, options);
const arrives = (tab, id, options) => tab.page.waitForFunction((id) => document.querySelector("h1")?.textContent === id, id, options);
const prompts = (tab) => tab.page.locator("trueup-prompt").count();
const shown = (tab) => tab.phases.filter((phase) => ["offering", "urging", "holding", "counting"].includes(phase)).length;
const button = (tab, name) => tab.page.locator("trueup-prompt").getByRole("button", { name });
const polls = async (tab, since) => (await tab.server.requests(`target=manifest&since=${since}`)).length;
/** What the browser itself prints of a failed request; everything else is a fault of ours. */
const ours = (tab) => tab.faults.filter((fault) => !/^console error: (Failed to load resource|Access to fetch at)/.test(fault));

test("a CDN that keeps the old page for 30 s: no load before it has caught up, one after, nothing shown meanwhile", async (test) => {
  const tab = await visit(test);
  await tab.server.control({ do: "shell", id: "b1" }, forced);
  await phase(tab, "waiting");
  await tab.page.waitForTimeout(30 * SECOND);
  assert.equal(tab.loads, 0);
  assert.equal(await prompts(tab), 0);
  assert.equal(shown(tab), 0, tab.phases.join());
  const at = Date.now();
  await tab.server.control({ do: "shell", id: null });
  await arrives(tab, "b2", { timeout: 90 * SECOND });
  test.diagnostic(`the CDN caught up → the new build: ${Date.now() - at} ms`);
  await tab.page.waitForTimeout(4 * SECOND);
  assert.equal(tab.loads, 1);
  assert.deepEqual(tab.builds, ["b1", "b2"]);
  assertNoFaults(tab);
});

for (const manifest of [{}, { supported: { minimum: "2.0.0" } }])
  test(`a mixed fleet for 30 s: one prompt and one reload at most, never backwards (${manifest.supported ? "forced" : "taken"})`, async (test) => {
    const tab = await visit(test);
    await tab.server.control({ do: "rollout", id: "b2", version: "2.0.0", share: 0.5, by: "chance", manifest });
    const end = Date.now() + 30 * SECOND;
    while (Date.now() < end) {
      // A person who takes every offer.
      if (!manifest.supported) await button(tab, /refresh/i).click({ timeout: SECOND }).catch(() => {});
      await tab.page.waitForTimeout(SECOND);
    }
    assert.ok(tab.loads <= 1, `${tab.loads} loads`);
    assert.ok(shown(tab) <= 1, tab.phases.join());
    assert.ok(["b1", "b1,b2"].includes(tab.builds.join()), tab.builds.join());
    test.diagnostic(`${tab.builds.join(" → ")}, ${tab.loads} loads: ${tab.phases.join()}`);
    assertNoFaults(tab);
  });

for (const [what, effect] of [
  ["500", { status: 500 }],
  ["503 with Retry-After", { status: 503, retryAfter: 8 }],
  ["malformed JSON", { kind: "malformed" }],
  ["HTML with 200", { kind: "html" }],
  ["an empty body", { kind: "empty" }],
  ["an answer that hangs", { hang: true }],
  ["a login on another origin", { redirect: "other:/login" }],
  ["a connection that is reset", { reset: true }],
])
  test(`the manifest fails, ${what}: no prompt, no reload, fewer requests, and recovery by itself`, async (test) => {
    const tab = await visit(test);
    await tab.server.control({ do: "fault", id: "f", target: "manifest", ...effect }, b2);
    // The app's own requests flow.
    await tab.page.evaluate(() => {
      window.polls = 0;
      trueup.on("poll", () => polls++);
      window.flowed = { good: 0, bad: 0 };
      window.flow = setInterval(async () => {
        const answer = await fetch("/assets/b1/app.js", { cache: "no-store", signal: AbortSignal.timeout(5_000) }).catch(() => {});
        flowed[answer?.ok ? "good" : "bad"]++;
      }, 500);
    });
    await tab.page.waitForTimeout(14 * SECOND);
    // Seven or eight would be one a period. Counted in the page: a browser asks again by itself after a reset.
    const made = await tab.page.evaluate(() => polls);
    assert.ok(made >= 1 && made <= 5, `${made} polls have ended`);
    assert.equal(await prompts(tab), 0);
    assert.equal(tab.loads, 0);
    assert.equal(shown(tab), 0, tab.phases.join());
    const at = Date.now();
    await tab.server.control({ do: "clear", id: "f" });
    await phase(tab, "offering", { timeout: 90 * SECOND });
    test.diagnostic(`${made} polls in 14 s; mended → offered: ${Date.now() - at} ms`);
    const { good, bad } = await tab.page.evaluate(() => (clearInterval(flow), flowed));
    assert.ok(good > 10 && bad === 0, `${good} of the app's own requests came through, ${bad} did not`);
    assert.equal(tab.loads, 0);
    assert.deepEqual(ours(tab), []);
  });

test("an answer that takes 3 s is an answer, and never two requests at once", async (test) => {
  const tab = await visit(test);
  const since = await tab.server.last();
  await tab.server.control({ do: "fault", target: "manifest", delayMs: 3 * SECOND }, b2);
  await phase(tab, "offering");
  await tab.page.waitForTimeout(8 * SECOND);
  const made = (await tab.server.requests(`target=manifest&since=${since}`)).filter(({ aborted }) => !aborted);
  // Each begins after the one before has ended.
  for (let i = 1; i < made.length; i++) assert.ok(made[i].at >= made[i - 1].at + 3 * SECOND - 50, JSON.stringify(made.map(({ at }) => at)));
  assert.equal(tab.loads, 0);
  assertNoFaults(tab);
});

test("a rollback by a higher serial withdraws the prompt, brings the blocked build back, and reloads nothing else", async (test) => {
  const tab = await visit(test);
  await tab.server.control(b2);
  await button(tab, /refresh/i).waitFor();
  const other = { ...(await openTab(test)), loads: -1, phases: [], builds: [] };
  await watch(other);
  await other.page.goto(`${tab.server.origin}/shop/`);
  await other.page.waitForFunction(() => window.trueup?.inspect().build === "b2" && trueup.standing.status === "current");
  await tab.server.control({ do: "deploy", id: "b1", version: "1.0.0", manifest: { supported: { blocked: [{ id: "b2" }] } } });
  await tab.page.waitForFunction(() => trueup.standing.status === "current");
  await button(tab, /refresh/i).waitFor({ state: "hidden" });
  await arrives(other, "b1");
  await other.page.waitForFunction(() => window.trueup?.standing.status === "current");
  await other.page.waitForTimeout(4 * SECOND);
  assert.deepEqual([tab.loads, other.loads], [0, 1]);
  assert.equal(await button(other, /refresh/i).count(), 0);
  assertNoFaults(tab);
  assertNoFaults(other);
});

test("a host that restores an old manifest: the prompt goes after half an hour of it, and nothing reloads", async (test) => {
  const tab = await visit(test);
  await tab.page.clock.install();
  await tab.page.reload();
  await tab.page.waitForFunction(() => window.trueup?.standing.status === "current");
  const { origin } = tab.server;
  const old = await (await fetch(`${origin}/trueup.json`)).text();
  await tab.server.control(b2);
  await button(tab, /refresh/i).waitFor();
  const loads = tab.loads;
  await tab.server.control({ do: "manifest-raw", text: old }, { do: "shell", id: "b1" });
  await tab.page.evaluate(() => {
    window.outcomes = [];
    trueup.on("poll", ({ outcome }) => outcomes.push(outcome));
  });
  await tab.page.waitForFunction(() => outcomes.includes("older"));
  assert.notEqual(await tab.page.evaluate(() => trueup.refresh.state.phase), "idle");
  for (let minutes = 0; minutes < 35; minutes += 5) {
    const before = await tab.page.evaluate(() => outcomes.length);
    await tab.page.clock.fastForward("05:00");
    await tab.page.waitForFunction((before) => outcomes.length > before, before);
  }
  await tab.page.waitForFunction(() => outcomes.includes("regressed"));
  await button(tab, /refresh/i).waitFor({ state: "hidden" });
  assert.equal(tab.loads, loads);
  // The newer one is back: so is the prompt.
  await tab.server.control({ do: "shell", id: null }, { do: "manifest", patch: { current: { id: "b2", version: "2.0.0" } } });
  await button(tab, /refresh/i).waitFor();
  assert.equal(tab.loads, loads);
  assertNoFaults(tab);
});

test("a reload never repeats a POST", async (test) => {
  const tab = await visit(test);
  await tab.page.evaluate(() => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: "/shop/order?step=2" });
    document.body.append(form);
    form.submit();
  });
  await tab.page.waitForURL(/order/);
  await tab.page.waitForFunction(() => window.trueup?.standing.status === "current");
  await tab.server.control(forced);
  await arrives(tab, "b2");
  assert.match(tab.page.url(), /\/shop\/order\?step=2$/);
  const loads = (await tab.server.requests("path=/shop/order&dest=document")).map(({ method }) => method);
  assert.deepEqual(loads, ["POST", "GET"]);
  assertNoFaults(tab);
});

test("a dismissed beforeunload dialog cancels the refresh, and it is not asked again at once", async (test) => {
  const tab = await visit(test);
  let asked = 0;
  tab.page.on("dialog", (dialog) => {
    asked++;
    dialog.dismiss();
  });
  await tab.page.evaluate(() => addEventListener("beforeunload", (event) => event.preventDefault()));
  // Browsers ask only for a page that somebody has touched.
  await tab.page.locator("h1").click();
  await tab.server.control(forced);
  await phase(tab, "cancelled");
  await tab.page.waitForTimeout(10 * SECOND);
  assert.equal(asked, 1);
  assert.equal(tab.loads, 0);
  assert.equal(await tab.page.locator("h1").textContent(), "b1");
  assertNoFaults(tab);
});

test("old chunks are deleted: one reload, and the right page", async (test) => {
  const tab = await visit(test, { path: "/shop/cart?x=1#y" });
  await tab.server.control({ ...b2, manifest: { refresh: { urgency: "low", spreadSeconds: 0 } } }, { do: "delete-assets", id: "b1" });
  await tab.page.evaluate(() => void import("/assets/b1/lazy.js").catch(() => {}));
  await phase(tab, "urging");
  await button(tab, /refresh/i).click();
  await arrives(tab, "b2");
  await tab.page.waitForTimeout(4 * SECOND);
  assert.equal(tab.loads, 1);
  assert.equal(tab.page.url(), `${tab.server.origin}/shop/cart?x=1#y`);
  assert.deepEqual(ours(tab), []);
});

test("ten tabs: one poll a period in all, and the next leader when one crashes", async (test) => {
  const tab = await visit(test, { path: "/shop/?tab=1" });
  const pages = [tab.page];
  for (let n = 2; n <= 10; n++) {
    const page = await tab.context.newPage();
    await page.goto(`${tab.server.origin}/shop/?tab=${n}`);
    await page.waitForFunction(() => window.trueup?.standing.status === "current");
    pages.push(page);
  }
  await tab.page.waitForFunction(() => trueup.inspect().role === "leader");
  let since = await tab.server.last();
  await tab.page.waitForTimeout(20 * SECOND);
  let made = await tab.server.requests(`target=manifest&since=${since}`);
  // T·U(0.8, 1.2): 13 at most, and one that was under way.
  assert.ok(made.length <= 14, `${made.length} polls in 20 s`);
  assert.equal(new Set(made.map(({ tab }) => tab)).size, 1);
  test.diagnostic(`${made.length} polls in 20 s`);

  const cdp = await tab.context.newCDPSession(tab.page);
  const at = Date.now();
  cdp.send("Page.crash").catch(() => {});
  await Promise.any(pages.slice(1).map((page) => page.waitForFunction(() => trueup.inspect().role === "leader")));
  test.diagnostic(`leader crashed → the next leads: ${Date.now() - at} ms`);
  since = await tab.server.last();
  await tab.server.control(b2);
  for (const page of pages.slice(1)) await page.waitForFunction(() => trueup.standing.status === "behind");
  made = await tab.server.requests(`target=manifest&since=${since}`);
  assert.equal(new Set(made.map(({ tab }) => tab)).size, 1);
});

test("frozen for 60 s, then resumed: no request while frozen, and it looks", async (test) => {
  const tab = await visit(test, { open: openOwn });
  const cdp = await tab.context.newCDPSession(tab.page);
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  const since = await tab.server.last();
  await tab.server.control(b2);
  await new Promise((done) => setTimeout(done, 60 * SECOND));
  // One may have been under way.
  const made = await polls(tab, since);
  assert.ok(made <= 1, `${made} polls while frozen`);
  const at = Date.now();
  await cdp.send("Page.setWebLifecycleState", { state: "active" });
  // Chromium hides what it freezes, and a hidden tab does not look.
  await (await tab.context.newPage()).close();
  await cdp.send("Emulation.setFocusEmulationEnabled", { enabled: true });
  await phase(tab, "offering");
  test.diagnostic(`resumed → offered: ${Date.now() - at} ms`);
  assert.equal(tab.loads, 0);
  assertNoFaults(tab);
});

test("offline nothing is asked, and online again it looks", async (test) => {
  const tab = await visit(test);
  await tab.context.setOffline(true);
  await tab.page.waitForFunction(() => !navigator.onLine);
  const since = await tab.server.last();
  await tab.server.control(b2);
  await tab.page.waitForTimeout(10 * SECOND);
  assert.equal(await polls(tab, since), 0);
  const at = Date.now();
  await tab.context.setOffline(false);
  await phase(tab, "offering");
  test.diagnostic(`online → offered: ${Date.now() - at} ms`);
  assert.equal(tab.loads, 0);
  assert.deepEqual(ours(tab), []);
});

test("a reload that came back on the same build is not tried again, in a copy of the tab neither, and what was saved comes once", async (test) => {
  const page = PAGE.replace("globalThis.trueup = connect", "globalThis.saved = () => ({ draft: 7 });\n  globalThis.trueup = connect").replace(
    "</script>\n</body>",
    "  trueup.refresh.onSave(() => saved());\n</script>\n</body>",
  );
  const tab = await visit(test, { page });
  const { origin } = tab.server;
  const old = await (await fetch(`${origin}/shop/`)).text();
  // What looks at the page sees b2, what loads it gets b1.
  await tab.server.control(forced, { do: "fault", target: "shell", dest: "document", body: old, contentType: "text/html" });
  const refused = (page) => page.waitForFunction(() => window.trueup?.refresh.state.phase === "refused");
  await refused(tab.page);
  assert.equal(tab.loads, 1);
  assert.deepEqual(await tab.page.evaluate(() => trueup.refresh.restored), { draft: 7 });
  const [copy] = await Promise.all([tab.page.waitForEvent("popup"), tab.page.evaluate(() => void open(location.href))]);
  await refused(copy);
  assert.equal(await copy.evaluate(() => trueup.refresh.restored), undefined);
  let loads = 0;
  copy.on("load", () => loads++);
  await tab.page.waitForTimeout(6 * SECOND);
  assert.deepEqual([tab.loads, loads], [1, 0]);
  assertNoFaults(tab);
});

test("in a frame of another site, with storage of its own: noticed, and reloaded once", async (test) => {
  const server = await shop();
  await server.control({
    do: "put",
    path: "/frame.html",
    body: `<!doctype html><title>frame</title><link rel="icon" href="data:,"><h2>outside</h2><iframe name="shop" src="${server.origin}/shop/"></iframe>`,
    contentType: "text/html",
  });
  const tab = await openOwn(test);
  await tab.page.goto(`${server.origin.replace("127.0.0.1", "localhost")}/frame.html`);
  const frame = () => tab.page.frame("shop");
  await frame().waitForFunction(() => window.trueup?.standing.status === "current");
  await server.control(forced);
  await frame().waitForFunction(() => document.querySelector("h1")?.textContent === "b2");
  await tab.page.waitForTimeout(4 * SECOND);
  assert.equal((await server.requests("path=/shop/&dest=iframe")).length, 2);
  assert.equal(await tab.page.locator("h2").textContent(), "outside");
  assertNoFaults(tab);
});
