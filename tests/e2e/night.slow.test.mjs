// Three in the morning: a bad build is live, a flag of it does harm, and the CDN is partly stale. The operator has the
// command line, and the tabs are open. What takes time is printed, never asserted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { scratch, spawned } from "../../pkg-template/test/cli.mjs";
import { deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

/** A page with a form whose text is held while it is edited, saved before a refresh, and there again after it. */
const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8">{{mark}}<title>{{id}}</title><link rel="icon" href="data:,"></head>
<body>
<h1>{{id}}</h1>
<form><label>Note <textarea></textarea></label><button>Send</button></form>
<script type="module">
  import { connect } from "/pkg/dist/index.js";
  const trueup = (globalThis.trueup = connect({ poll: { everySeconds: 2 }, countdownSeconds: 2 }));
  const [form, note] = [document.querySelector("form"), document.querySelector("textarea")];
  let hold;
  note.addEventListener("input", () => { if (document.body.dataset.holds) hold ??= trueup.refresh.hold("unsaved note"); });
  form.addEventListener("submit", (event) => { event.preventDefault(); hold?.release(); });
  trueup.refresh.onSave(() => ({ note: note.value }));
  note.value = trueup.refresh.restored?.note ?? "";
</script>
</body>
</html>`;

const FLAGS = { flags: { "new-checkout": { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "on" } } };

test("flag off, rollback, verify: every visible tab ends on the good build, with one reload each and no form lost", async (test) => {
  const server = await shop({ page: PAGE, manifest: { flags: FLAGS } });
  const { origin } = server;
  const dir = scratch(test, { "trueup.json": await (await fetch(`${origin}/trueup.json`)).text() });
  const began = Date.now();
  const took = (what) => test.diagnostic(`${what}: ${Date.now() - began} ms`);

  /** Runs the command, which has to end with `code`; with `--json` the report. */
  const trueup = async (code, ...args) => {
    const ended = await spawned(dir.dir, [...args, "--json"]);
    assert.equal(ended.code, code, `trueup ${args.join(" ")}\n${ended.out}${ended.err}`);
    return JSON.parse(ended.out);
  };
  /** Uploads what the command line has written: to all edges, or to one. */
  const upload = (edge) => server.control({ do: "manifest-raw", text: dir.text("trueup.json"), ...(edge !== undefined && { server: edge }) });

  // The evening: b2 goes out by the book, servers first, then the manifest.
  await server.control({ do: "deploy", id: "b2", version: "2.0.0", manifest: false });
  await trueup(0, "publish", "--id", "b2", "--version", "2.0.0");
  await upload();

  // Night. Two edges: tabs with other names in their URL reach other edges, and always the same one.
  await server.control({ do: "rollout", id: "b1", share: 0.5, by: "tab", manifest: false });
  const edges = { fresh: [], stale: [] };
  for (let n = 1; edges.fresh.length < 2 || edges.stale.length < 2; n++) {
    assert.ok(n < 50, "the tabs are spread over both edges");
    const page = await (await fetch(`${origin}/shop/?tab=t${n}`)).text();
    const edge = page.includes("<h1>b1</h1>") ? edges.fresh : edges.stale;
    if (edge.length < 2) edge.push(`t${n}`);
  }
  await server.control({ do: "rollout", id: "b1", share: 0, manifest: false });

  // Four tabs on the bad build, by both edges; in each somebody has written something.
  const tabs = [];
  for (const [name, holds] of [[edges.fresh[0], false], [edges.fresh[1], true], [edges.stale[0], false], [edges.stale[1], true]]) {
    const tab = Object.assign(await openTab(test), { name, holds, loads: 0 });
    tab.page.on("load", () => tab.loads++);
    await tab.page.goto(`${origin}/shop/?tab=${name}`);
    await tab.page.waitForFunction(() => window.trueup?.standing.status === "current");
    if (holds) await tab.page.evaluate(() => (document.body.dataset.holds = "yes"));
    await tab.page.getByLabel("Note").fill(`note of ${name}`);
    tabs.push(tab);
  }
  const [calm, busy, calmStale, busyStale] = tabs;
  const each = (check, ...args) => Promise.all(tabs.map((tab) => tab.page.waitForFunction(check, ...args, { timeout: 60_000 })));
  await each(() => trueup.flags.get("new-checkout", false) === true);

  // 3 a.m. First the flag: no tab has to reload for that.
  await trueup(0, "flag", "off", "new-checkout");
  await upload();
  await each(() => trueup.flags.get("new-checkout", false) === false);
  took("flag off → off in every tab");
  assert.deepEqual(tabs.map(({ loads }) => loads), [1, 1, 1, 1]);

  // Then the build. The servers have b1 again; of the CDN only one edge has been purged, of page and manifest.
  await server.control({ do: "rollout", id: "b1", share: 0.5, by: "tab", manifest: false });
  const dry = await trueup(0, "rollback", "--to", "b1", "--dry-run");
  assert.deepEqual([dry.impact.known, dry.impact.forced], [2, 1]);
  const { serial } = await trueup(0, "rollback", "--to", "b1");
  await upload(1);

  const urls = tabs.map(({ name }) => `${origin}/shop/?tab=${name}`);
  const seen = await trueup(1, "verify", ...urls, "--shell", "b1", "--app", "shop");
  assert.deepEqual(seen.edges.map(({ fresh, page }) => [fresh, page.found]), [[true, "b1"], [true, "b1"], [false, "b2"], [false, "b2"]]);
  const lookAt = ({ name }, code) => trueup(code, "verify", `${origin}/shop/`, "--manifest", `/trueup.json?tab=${name}`, "--serial", String(serial.after));
  await lookAt(calm, 0);
  await lookAt(calmStale, 1);

  // Behind the fresh edge one tab goes back; the other waits for its form.
  await calm.page.locator("h1", { hasText: "b1" }).waitFor({ timeout: 60_000 });
  took("rollback → back, behind the fresh edge");
  await busy.page.waitForFunction(() => trueup.refresh.state.phase === "holding", undefined, { timeout: 60_000 });
  assert.equal(await calm.page.getByLabel("Note").inputValue(), `note of ${calm.name}`);

  // The manifest reaches the stale edge before the page does: those tabs know, and wait for the page.
  await upload();
  await lookAt(calmStale, 0);
  for (const { page } of [calmStale, busyStale])
    await page.waitForFunction(() => trueup.refresh.state.phase === "waiting" && trueup.refresh.state.reason === "same-build", undefined, { timeout: 60_000 });
  assert.equal(await calmStale.page.locator("trueup-prompt").count(), 0, "nothing is shown before a reload would help");
  assert.deepEqual(tabs.map(({ loads }) => loads), [2, 1, 1, 1]);

  // The CDN is purged, and verify waits for it.
  const verified = trueup(0, "verify", ...urls, "--shell", "b1", "--app", "shop", "--wait", "60");
  await server.control({ do: "rollout", id: "b1", share: 1, manifest: false });
  await upload();
  await verified;
  await calmStale.page.locator("h1", { hasText: "b1" }).waitFor({ timeout: 60_000 });
  took("purge → back, behind the stale edge");
  await busyStale.page.waitForFunction(() => trueup.refresh.state.phase === "holding", undefined, { timeout: 60_000 });
  assert.deepEqual(tabs.map(({ loads }) => loads), [2, 1, 2, 1], "forms that are open keep their pages");

  for (const { page } of [busy, busyStale]) await page.getByRole("button", { name: "Send" }).click();
  for (const tab of tabs) {
    await tab.page.locator("h1", { hasText: "b1" }).waitFor({ timeout: 60_000 });
    await tab.page.waitForFunction(() => window.trueup?.standing.status === "current" && document.readyState === "complete", undefined, { timeout: 60_000 });
    assert.equal(await tab.page.getByLabel("Note").inputValue(), `note of ${tab.name}`);
    assertNoFaults(tab);
  }
  took("everything");
  // Longer than a poll: nobody goes on.
  await calm.page.waitForTimeout(5_000);
  assert.deepEqual(tabs.map(({ loads }) => loads), [2, 2, 2, 2], "one reload each");
  assert.deepEqual(await Promise.all(tabs.map(({ page }) => page.evaluate(() => trueup.flags.get("new-checkout", true)))), [true, true, true, true], "the fallback of the code");
  await trueup(0, "verify", ...urls, "--shell", "b1", "--app", "shop");
  assert.deepEqual((await trueup(0, "check", "trueup.json")).findings, []);
});
