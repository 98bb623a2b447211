// What an app adds by an import of its own, in Chromium: forms that survive a refresh, holds by themselves, reports.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deployment, shop } from "./deployment.mjs";
import { assertNoFaults, browser, openTab } from "./driver.mjs";

// Here and not within the first test, or they would end with it.
await Promise.all([deployment(), browser()]);

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8">{{mark}}<title>{{id}}</title><link rel="icon" href="data:,"></head>
<body>
<h1>{{id}}</h1>
<form id="order" action="/shop/order">
  <input name="street"><input name="quantity" type="number"><input name="stock" value="stock of {{id}}">
  <textarea name="note"></textarea>
  <select name="size"><option>S<option>M<option>L</select>
  <select name="extras" multiple><option>bag<option>box<option>ribbon</select>
  <input name="gift" type="checkbox"><input name="news" type="checkbox" checked>
  <input name="pay" type="radio" value="card" checked><input name="pay" type="radio" value="invoice">
  <input name="secret" type="password"><input name="shown" type="text" autocomplete="current-password">
  <input name="number" autocomplete="section-a cc-number"><input name="code" autocomplete="one-time-code">
  <input name="cardNumber"><input name="token" type="hidden" value="of {{id}}"><input name="apart" data-trueup-keep="off">
  <input name="line"><input name="line">
</form>
<form id="find" role="search"><input name="q" type="search"></form>
<div id="letter" contenteditable>Dear <b>all</b></div>
<div style="height: 3000px"></div>
<script type="module">
  import { connect } from "/pkg/dist/index.js";
  import { keepForms } from "/pkg/dist/forms.js";
  import { autoHold } from "/pkg/dist/holds.js";
  import { report } from "/pkg/dist/report.js";
  Object.assign(globalThis, { autoHold, report });
  globalThis.trueup = connect({ poll: { everySeconds: 2 }, countdownSeconds: 2 });
  // Another build has one "line" less, and a framework that builds the page later.
  if (trueup.inspect().build === "b2") {
    document.querySelector("[name=line]").remove();
    document.querySelector("[name=size]").options[2].remove();
  }
  const late = document.querySelector("[name=note]");
  const [parent, next] = [late.parentNode, late.nextSibling];
  late.remove();
  setTimeout(() => parent.insertBefore(late, next), 200);
  globalThis.heard = [];
  document.addEventListener("input", ({ target }) => heard.push(target.name || target.id));
  keepForms(trueup);
</script>
</body>
</html>`;

const b2 = { do: "deploy", id: "b2", version: "2.0.0" };
const forced = { ...b2, manifest: { supported: { minimum: "2.0.0" } } };
const phase = (tab, wanted) => tab.page.waitForFunction((wanted) => trueup.refresh.state.phase === wanted, wanted);
const holds = (tab) => tab.page.evaluate(() => trueup.refresh.state.holds);

async function visit(test, path = "/shop/") {
  const server = await shop({ page: PAGE });
  const tab = await openTab(test);
  await tab.page.goto(server.origin + path);
  await tab.page.waitForFunction(() => window.trueup && document.querySelector("[name=note]"));
  assert.equal(await tab.page.evaluate(() => trueup.ready), "live");
  return { server, ...tab };
}

const field = (tab, name) => tab.page.locator(`[name=${name}]`);

test("an edited form survives a forced refresh: what fits, and no secrets", async (test) => {
  const tab = await visit(test, "/shop/?step=2");
  for (const [name, text] of [["street", "Elm Street 7"], ["quantity", "3"], ["note", "first line\nsecond"], ["secret", "s3cret"], ["shown", "s3cret"],
    ["number", "4111 1111"], ["code", "123456"], ["cardNumber", "4111"], ["apart", "of this page"]])
    await field(tab, name).fill(text);
  await field(tab, "line").first().fill("of two");
  await field(tab, "size").selectOption("L");
  await field(tab, "extras").selectOption(["bag", "ribbon"]);
  await field(tab, "gift").check();
  await field(tab, "news").uncheck();
  await tab.page.locator("[value=invoice]").check();
  await tab.page.locator("#letter").evaluate((letter) => {
    letter.innerHTML = "Dear <b onclick='x()'>you</b><div>it <a href='javascript:1'>works</a></div>";
    letter.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await field(tab, "street").evaluate((street) => (street.focus(), street.setSelectionRange(4, 10)));
  await tab.page.evaluate(() => scrollTo(0, 800));
  await tab.server.control(forced);
  await tab.page.waitForFunction(() => document.querySelector("h1").textContent === "b2" && document.querySelector("[name=note]")?.value);
  const value = (name) => field(tab, name).inputValue();
  assert.equal(await value("street"), "Elm Street 7");
  assert.equal(await value("quantity"), "3");
  assert.equal(await value("note"), "first line\nsecond", "it came later than the rest");
  assert.equal(await value("size"), "S", "the new build has no L");
  assert.deepEqual(await field(tab, "extras").evaluate(({ selectedOptions }) => [...selectedOptions].map(({ text }) => text)), ["bag", "ribbon"]);
  assert.deepEqual(await Promise.all([field(tab, "gift"), field(tab, "news"), tab.page.locator("[value=invoice]")].map((box) => box.isChecked())), [true, false, true]);
  for (const name of ["secret", "shown", "number", "code", "cardNumber", "apart", "line"]) assert.equal(await value(name), "", name);
  assert.deepEqual([await value("stock"), await value("token")], ["stock of b2", "of b2"], "what nobody has edited is the new build's");
  assert.equal(await tab.page.locator("#letter").innerHTML(), "Dear <b>you</b><div>it works</div>");
  assert.deepEqual(await field(tab, "street").evaluate((street) => [document.activeElement === street, street.selectionStart, street.selectionEnd]), [true, 4, 10]);
  assert.equal(await tab.page.evaluate(() => scrollY), 800);
  // As if typed: a framework hears of it, and so does the next refresh.
  assert.ok(await tab.page.evaluate(() => ["street", "note", "gift", "letter"].every((name) => heard.includes(name))));
  await tab.page.reload();
  assert.equal(await value("street"), "", "once, and only after a refresh by Trueup");
  assertNoFaults(tab);
});

test("a form is never put back at another address, nor over what the person has typed meanwhile", async (test) => {
  const tab = await visit(test);
  await field(tab, "street").fill("Elm Street 7");
  await tab.server.control({ ...b2, manifest: { refresh: { urgency: "low", spreadSeconds: 0 } } });
  await phase(tab, "navigation");
  const gone = tab.page.waitForEvent("load");
  assert.equal(await tab.page.evaluate(() => trueup.refresh.takeNavigation("/shop/other")), true);
  await gone;
  await tab.page.waitForFunction(() => window.trueup && document.querySelector("[name=note]"));
  assert.ok(await tab.page.evaluate(() => "trueup/forms" in trueup.refresh.restored), "the hand-over came, for its own address");
  assert.equal(await field(tab, "street").inputValue(), "");

  await field(tab, "note").fill("mine");
  await tab.page.addInitScript(() => {
    // Typed into the page while it is still being built.
    new MutationObserver(() => {
      const note = document.querySelector("[name=note]");
      if (!window.heard || !note || note.value) return;
      note.value = "theirs";
      note.dispatchEvent(new Event("input", { bubbles: true }));
    }).observe(document, { childList: true, subtree: true });
  });
  await tab.server.control({ ...forced, id: "b3", version: "3.0.0", manifest: { supported: { minimum: "3.0.0" } } });
  await tab.page.waitForFunction(() => document.querySelector("h1").textContent === "b3" && document.querySelector("[name=note]")?.value);
  assert.equal(await field(tab, "note").inputValue(), "theirs");
  assertNoFaults(tab);
});

test("an edited form holds until it is submitted, reset, or off the page", async (test) => {
  const tab = await visit(test);
  await tab.page.evaluate(() => {
    document.querySelector("#order").addEventListener("submit", (event) => event.preventDefault());
    window.stop = autoHold(trueup);
  });
  await field(tab, "q").fill("kettle");
  await field(tab, "street").fill("Elm Street 7");
  await tab.server.control({ ...forced, manifest: { supported: { minimum: "2.0.0" }, refresh: { spreadSeconds: 0 } } });
  await phase(tab, "holding");
  assert.deepEqual(await holds(tab), ["unsaved form"]);
  await tab.page.evaluate(() => document.querySelector("#order").requestSubmit());
  await phase(tab, "counting");
  // Behind the countdown nobody can type: what edits there is a script.
  const edit = (what) => tab.page.locator(what).evaluate((field) => void field.dispatchEvent(new Event("input", { bubbles: true })));
  await edit("[name=street]");
  await phase(tab, "holding");
  await tab.page.evaluate(() => document.querySelector("#order").reset());
  await phase(tab, "counting");
  await edit("[name=q]");
  assert.equal(await tab.page.evaluate(() => trueup.refresh.state.phase), "counting", "a search is not lost");
  await edit("#letter");
  await phase(tab, "holding");
  await tab.page.evaluate(() => document.querySelector("#letter").remove());
  await phase(tab, "counting");
  await edit("[name=street]");
  await phase(tab, "holding");
  await tab.page.evaluate(() => stop());
  await phase(tab, "counting");
  await tab.page.waitForFunction(() => document.querySelector("h1").textContent === "b2");
  assertNoFaults(tab);
});

test("media that plays holds, a muted background video does not", async (test) => {
  const tab = await visit(test);
  const play = (attributes) =>
    tab.page.evaluate(async (attributes) => {
      // A minute of silence.
      const samples = new Uint8Array(44 + 8000 * 60).fill(128, 44);
      const view = new DataView(samples.buffer);
      new TextEncoder().encodeInto("RIFF", samples);
      view.setUint32(4, samples.length - 8, true);
      new TextEncoder().encodeInto("WAVEfmt ", samples.subarray(8));
      [[16, 16, 4], [20, 1, 2], [22, 1, 2], [24, 8000, 4], [28, 8000, 4], [32, 1, 2], [34, 8, 2], [40, samples.length - 44, 4]].forEach(([at, n, bytes]) =>
        bytes === 4 ? view.setUint32(at, n, true) : view.setUint16(at, n, true),
      );
      new TextEncoder().encodeInto("data", samples.subarray(36));
      const audio = Object.assign(document.createElement("audio"), attributes, { src: URL.createObjectURL(new Blob([samples], { type: "audio/wav" })) });
      document.body.append(audio);
      await audio.play();
    }, attributes);
  await tab.page.evaluate(() => autoHold(trueup));
  await tab.page.locator("h1").click();
  await play({ muted: true, loop: true });
  await play({ id: "song" });
  await tab.server.control(forced);
  await phase(tab, "holding");
  assert.deepEqual(await holds(tab), ["media"]);
  await tab.page.evaluate(() => document.querySelector("#song").pause());
  await phase(tab, "counting");
  await tab.page.evaluate(() => document.querySelector("#song").play());
  await phase(tab, "holding");
  await tab.page.evaluate(() => document.querySelector("#song").remove());
  await phase(tab, "counting");
  assertNoFaults(tab);
});

test("a tab reports what it is and does, at most once a minute and when it goes, without a word of the person", async (test) => {
  const tab = await visit(test, "/shop/?person=ada");
  const beacons = () => tab.server.requests("target=report");
  const reports = async () => (await (await fetch(`${tab.server.origin}/__reports`)).json()).flatMap(({ report }) => report.reports);
  await tab.page.evaluate(() => {
    window.listed = [];
    report(trueup, { url: "/__report", listener: (one) => listed.push(one) });
    report(trueup, { url: "/__report", sample: 0 });
  });
  await tab.page.waitForFunction(() => listed.length);
  assert.equal((await beacons()).length, 0);
  await tab.page.evaluate(() => void trueup.refresh.hold("ada's letter"));
  await tab.server.control(forced);
  await phase(tab, "holding");
  await tab.page.waitForFunction(() => listed.at(-1).phase === "holding");
  await tab.server.control({ do: "fault", target: "manifest", status: 500 });
  await tab.page.waitForFunction(() => listed.at(-1).errors);
  const listed = await tab.page.evaluate(() => listed);
  assert.ok((await beacons()).length <= 1);
  await tab.page.goto("about:blank");
  await tab.server.requests("target=report&wait=5000");
  const sent = await reports();
  assert.deepEqual(sent, listed, "all of them, in order");
  const told = sent.map(({ at, ...rest }) => (assert.ok(Math.abs(at - Date.now()) < 6e4), rest));
  assert.deepEqual(told[0], { build: "b1", standing: "current", action: "none", phase: "idle" });
  assert.ok(told.some(({ phase, standing, action, blockedBy }) => phase === "holding" && standing === "unsupported" && action === "force" && blockedBy === "holds"));
  assert.deepEqual(told.at(-1).errors, ["network/status"]);
  assert.doesNotMatch(JSON.stringify(sent), /ada|letter/);
  assertNoFaults({ faults: tab.faults.filter((fault) => !/500/.test(fault)) });
});
