// The prompt by itself, in Chromium: what is drawn, spoken, focused and pressed in each state.
//
// The accessibility trees in snapshots/prompt.txt are kept on purpose. After a change that is meant to change them:
//   UPDATE_SNAPSHOTS=1 node --test tests/e2e/prompt.test.mjs
// and read the difference before you commit it.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { before, describe, test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";
import { assertNoFaults, openTab, serveSite } from "./driver.mjs";

const source = new URL("../../pkg-template/src/", import.meta.url);
const snapshots = new URL("snapshots/prompt.txt", import.meta.url);
const locales = readdirSync(new URL("locales/", source)).map((file) => file.replace(/\.ts$/, ""));

/** One view of each state. `left` is what remains of the countdown when it is shown. */
const views = {
  "offer": { kind: "offer" },
  "offer with notes and link": { kind: "offer", notes: "Faster checkout.\nA fix for the basket.", link: "/changelog" },
  "offer, refreshing": { kind: "offer", busy: true },
  "urge": { kind: "urge", deadline: Date.UTC(2026, 10, 24, 18), link: "/changelog" },
  "urge without a deadline": { kind: "urge" },
  "held": { kind: "held", holds: ["unsaved order", "upload"] },
  "force": { kind: "force", seconds: 60, left: 60, deferrals: 10, notes: "Security fix.", link: "/changelog" },
  "force, last time": { kind: "force", seconds: 60, left: 45, deferrals: 0 },
  "force, refreshing": { kind: "force", seconds: 60, left: 45, deferrals: 3, busy: true },
};

/** Issue 6, item 6. */
const strictPolicy =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'";

const arabic = {
  lang: "ar",
  offerTitle: "يتوفر إصدار جديد",
  offerText: "حدّث الصفحة متى شئت.",
  offerLater: "ليس الآن",
  forceTitle: "يجب تحديث الصفحة",
  refresh: "تحديث الآن",
  forceLater: "دعني أنهي عملي",
};

let origin;
let prompt;

before(async () => {
  prompt = await bundle(`export * from "./prompt.ts";`);
  const withLocales = await bundle(
    `export * from "./prompt.ts";` + locales.map((l) => `export { default as ${l} } from "./locales/${l}.ts";`).join(""),
  );
  const page = pageOf({});
  origin = await serveSite({
    "/": page,
    "/rtl": pageOf({ lang: "ar", dir: "rtl" }),
    "/de": pageOf({ lang: "de" }),
    "/odd-language": pageOf({ lang: "not_a-tag!" }),
    "/strict": { body: page, headers: { "content-security-policy": strictPolicy } },
    "/hostile": pageOf({ head: `<link rel="stylesheet" href="/hostile.css">` }),
    "/hostile.css": { type: "text/css", body: hostile },
    "/bodiless": `<!doctype html><html lang="en"><title>Shop</title><script src="/early.js"></script><body><p>Shop</p>`,
    "/early.js": (await bundle(`import { createPrompt } from "./prompt.ts";
      createPrompt(() => {}, () => {})({ kind: "offer" });
      window.early = !document.body;`, "iife")),
    "/prompt.js": withLocales,
    "/page.js": pageScript,
    "/changelog": "<!doctype html><title>What's new</title>",
  });
});

const hostile = `* { color: red !important; font: italic 40px serif !important; letter-spacing: 9px !important;
    text-transform: uppercase !important; visibility: hidden !important; opacity: .1 !important; translate: 500px !important }
  body { transform: scale(.5); overflow: hidden; filter: blur(4px) } button, h2, p, a { display: none !important }`;

/** A page that holds `window.prompt`, `window.show(view)` and the log `window.pressed`. */
function pageOf({ lang = "en", dir = "ltr", head = "" }) {
  return `<!doctype html><html lang="${lang}" dir="${dir}"><meta charset="utf-8">
    <meta name="viewport" content="width=device-width"><title>Shop</title>${head}
    <main><h1>Shop</h1><p><label>Name <input id="name"></label> <button id="save">Save</button></p></main>
    <script type="module" src="/page.js"></script></html>`;
}

const pageScript = `
  import * as all from "/prompt.js";
  window.all = all;
  window.pressed = [];
  window.spoken = [];
  window.actions = { refresh() { pressed.push("refresh") }, later() { pressed.push("later") } };
  window.create = ({ createPrompt }, texts) => {
    const draw = createPrompt(() => actions.refresh(), () => actions.later(), texts);
    return { show: draw, hide: () => draw() };
  };
  window.make = (texts) => { window.prompt = create(all, texts) };
  make();
  // What a screen reader is told: the text of the live region whenever it changes to something.
  new MutationObserver(() => {
    const root = document.querySelector("trueup-prompt")?.shadowRoot;
    const status = root?.getElementById("status");
    if (!status || status.heard) return;
    status.heard = true;
    if (status.textContent) spoken.push("at once: " + status.textContent);
    new MutationObserver(() => status.textContent && spoken.push(status.textContent))
      .observe(status, { childList: true, characterData: true, subtree: true });
  }).observe(document, { childList: true, subtree: true });
  window.show = ({ left, ...view }) =>
    window.prompt.show(left === undefined ? view : { ...view, until: Date.now() + left * 1000 });
  window.ready = true;
`;

async function bundle(contents, format = "esm") {
  const result = await build({
    stdin: { contents, resolveDir: source.pathname, loader: "ts" },
    bundle: true,
    write: false,
    minify: true,
    format,
    target: "es2022",
    charset: format === "esm" ? "utf8" : "ascii",
    logLevel: "error",
  });
  return result.outputFiles[0].text;
}

/** A tab on the page at `path`. Its clock stands still unless a test lets it run, at 23 November 2026, 12:00 UTC. */
async function openPage(t, path = "/", options = {}) {
  const tab = await openTab(t, { locale: "en-US", timezoneId: "UTC", viewport: { width: 800, height: 600 }, ...options });
  // From an hour before: it runs until it is stopped, and it cannot be set back.
  await tab.page.clock.install({ time: new Date("2026-11-23T11:00:00Z") });
  await tab.page.clock.pauseAt(new Date("2026-11-23T12:00:01Z"));
  await tab.page.goto(origin + path);
  await tab.page.waitForFunction("window.ready || window.early !== undefined");
  const { page } = tab;
  return {
    ...tab,
    host: page.locator("trueup-prompt"),
    part: (name) => page.locator(`trueup-prompt #${name}`),
    show: (view) => page.evaluate((view) => window.show(view), view),
    hide: () => page.evaluate(() => window.prompt.hide()),
    pressed: () => page.evaluate(() => window.pressed),
    spoken: () => page.evaluate(() => window.spoken),
    run: (ms) => page.clock.runFor(ms),
    /** Past the entrance, when everything has its final colour and place. */
    settle: () =>
      page.evaluate(() => {
        const root = document.querySelector("trueup-prompt").shadowRoot;
        for (const animation of root.getAnimations()) animation.finish();
      }),
    /** How the card stands in the top layer. */
    standing: () =>
      page.locator("trueup-prompt #card").evaluate((card) =>
        card.matches(":modal") ? "modal" : card.matches(":popover-open") ? "notice" : "neither",
      ),
    /** Where the focus is: an id, within the prompt after "prompt ". */
    focus: () =>
      page.evaluate(() => {
        const active = document.activeElement;
        const inner = active.shadowRoot?.activeElement;
        return inner ? `prompt ${inner.id}` : active.id || active.localName;
      }),
  };
}

test("the prompt weighs at most 2,600 bytes", () => {
  const packed = brotliCompressSync(prompt, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  console.log(`prompt: ${prompt.length} bytes minified, ${packed.length} by brotli`);
  assert.ok(packed.length <= 2600, `${packed.length} bytes`);
});

test("nothing touches the page before the first view", async (t) => {
  const tab = await openPage(t);
  assert.equal(await tab.page.evaluate(() => customElements.get("trueup-prompt")), undefined);
  assert.equal(await tab.host.count(), 0);
  await tab.show(views.offer);
  assert.equal(await tab.host.count(), 1);
  assert.equal(await tab.page.evaluate(() => typeof customElements.get("trueup-prompt")), "function");
  assertNoFaults(tab);
});

test("a browser without constructed style sheets shows what is forced all the same", async (t) => {
  const tab = await openPage(t);
  await tab.page.evaluate(() => void delete globalThis.CSSStyleSheet);
  await tab.show(views.force);
  assert.equal(await tab.standing(), "modal");
  assert.equal(await tab.part("card").evaluate((card) => getComputedStyle(card).display), "grid");
  await tab.part("refresh").click();
  assert.deepEqual(await tab.pressed(), ["refresh"]);
});

test("members that a library adds to every object harm nothing", async (t) => {
  const tab = await openPage(t);
  await tab.page.evaluate(() => void (Object.prototype.legacy = 1));
  await tab.show({ ...views.force, left: 40 });
  await tab.run(5_500);
  assert.equal(await tab.part("countdown").textContent(), "Refreshing in 35 seconds");
  assertNoFaults(tab);
});

test("every state has its kept accessibility tree", async (t) => {
  let trees = "";
  for (const [name, view] of Object.entries(views)) {
    const tab = await openPage(t);
    const cdp = await tab.context.newCDPSession(tab.page);
    await tab.show(view);
    await tab.run(7000); // spoken and silent again
    await tab.settle();
    const { nodes } = await cdp.send("Accessibility.getFullAXTree");
    trees += `== ${name}\n${outline(nodes)}\n`;
    assertNoFaults(tab);
    await tab.context.close();
  }
  if (process.env.UPDATE_SNAPSHOTS) writeFileSync(snapshots, trees);
  assert.equal(trees, readFileSync(snapshots, "utf8"), "see the head of this file on how to change the kept trees");
});

describe("a notice", () => {
  for (const kind of ["offer", "urge", "held"]) {
    test(`the ${kind} leaves the focus where it is and is spoken once`, async (t) => {
      const tab = await openPage(t);
      await tab.page.focus("#name");
      await tab.show(views[kind]);
      await tab.run(50);
      assert.deepEqual(await tab.spoken(), []); // the live region was there before its words
      await tab.run(60_000);
      await tab.show({ ...views[kind], link: "/changelog" });
      await tab.show({ ...views[kind], link: "/changelog" });
      await tab.run(60_000);
      assert.equal(await tab.focus(), "name");
      const title = await tab.part("title").textContent();
      const text = await tab.part("text").textContent();
      assert.deepEqual((await tab.spoken()).map((words) => words.trim()), [`${title} ${text}`]);
      assert.equal(await tab.part("status").textContent(), "");
      assertNoFaults(tab);
    });
  }

  test("another kind is spoken anew", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.offer);
    await tab.run(60_000);
    await tab.show(views.urge);
    await tab.run(60_000);
    assert.deepEqual((await tab.spoken()).map((words) => words.split(" ")[0]), ["A", "Please"]);
  });

  test("Tab goes from the page to the link, the way out and the refresh, and on", async (t) => {
    const tab = await openPage(t);
    await tab.show(views["offer with notes and link"]);
    await tab.page.focus("#save");
    const order = [];
    for (let i = 0; i < 3; i++) {
      await tab.page.keyboard.press("Tab");
      order.push(await tab.focus());
    }
    assert.deepEqual(order, ["prompt link", "prompt later", "prompt refresh"]);
    await tab.page.keyboard.press("Shift+Tab");
    await tab.page.keyboard.press("Shift+Tab");
    await tab.page.keyboard.press("Shift+Tab");
    assert.equal(await tab.focus(), "save");
    assertNoFaults(tab);
  });

  test("its buttons report what was pressed, by mouse and by keyboard", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.urge);
    await tab.settle();
    await tab.part("later").click();
    await tab.part("refresh").click();
    await tab.part("later").press("Enter");
    await tab.part("refresh").press("Space");
    assert.deepEqual(await tab.pressed(), ["later", "refresh", "later", "refresh"]);
    assertNoFaults(tab);
  });

  test("Escape dismisses it from inside, and is the page's own key outside", async (t) => {
    const tab = await openPage(t);
    await tab.page.evaluate(() => addEventListener("keydown", (event) => pressed.push(`page ${event.key}`)));
    await tab.show(views.offer);
    await tab.page.focus("#name");
    await tab.page.keyboard.press("Escape");
    assert.deepEqual(await tab.pressed(), ["page Escape"]);
    await tab.part("refresh").focus();
    await tab.page.keyboard.press("Escape");
    assert.deepEqual(await tab.pressed(), ["page Escape", "later"]);
    assertNoFaults(tab);
  });

  test("the focus goes back to where it came from", async (t) => {
    const tab = await openPage(t);
    await tab.page.evaluate(() => (actions.later = () => window.prompt.hide()));
    await tab.page.focus("#name");
    await tab.show(views["offer with notes and link"]);
    await tab.part("link").focus();
    await tab.page.keyboard.press("Tab");
    assert.equal(await tab.focus(), "prompt later");
    await tab.page.keyboard.press("Enter");
    assert.equal(await tab.host.count(), 0);
    assert.equal(await tab.focus(), "name");
  });

  test("hidden while the person is elsewhere, it leaves the focus alone", async (t) => {
    const tab = await openPage(t);
    await tab.page.focus("#name");
    await tab.show(views.offer);
    await tab.part("later").focus();
    await tab.page.focus("#save");
    await tab.hide();
    assert.equal(await tab.focus(), "save");
  });

  test("a held notice that was put away stays away until something else is shown", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.held);
    await tab.settle();
    await tab.part("later").click();
    assert.deepEqual(await tab.pressed(), ["later"]);
    assert.equal(await tab.host.count(), 0);
    await tab.show({ ...views.held, holds: ["upload"] });
    assert.equal(await tab.host.count(), 0);
    await tab.show(views.force);
    assert.equal(await tab.part("title").textContent(), "This page has to refresh");
    assert.equal(await tab.standing(), "modal");
    await tab.show(views.held);
    assert.equal(await tab.part("title").textContent(), "A refresh is waiting");
    assert.equal(await tab.standing(), "notice");
    assertNoFaults(tab);
  });

  test("while the refresh is prepared the buttons rest, and that is said", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.offer);
    await tab.run(60_000);
    await tab.part("refresh").focus();
    await tab.show(views["offer, refreshing"]);
    assert.equal(await tab.focus(), "prompt refresh");
    await tab.page.keyboard.press("Enter");
    await tab.page.keyboard.press("Escape");
    await tab.part("later").press("Enter");
    assert.deepEqual(await tab.pressed(), []);
    assert.equal((await tab.spoken()).at(-1), "Refreshing…");
  });

  test("a click that was meant for the page does not hit a card that just came up", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.offer);
    const hit = (ms) =>
      tab.page.evaluate((ms) => {
        const root = document.querySelector("trueup-prompt").shadowRoot;
        const box = root.getElementById("refresh").getBoundingClientRect();
        const [animation] = root.getElementById("card").getAnimations();
        animation.pause();
        animation.currentTime = ms;
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).localName;
      }, ms);
    assert.notEqual(await hit(0), "trueup-prompt");
    assert.notEqual(await hit(300), "trueup-prompt");
    assert.equal(await hit(400), "trueup-prompt");
  });
});

describe("the modal", () => {
  test("it takes the focus itself, so that a person who is typing presses nothing", async (t) => {
    const tab = await openPage(t);
    await tab.page.focus("#name");
    await tab.page.keyboard.type("a");
    await tab.show(views.force);
    await tab.page.keyboard.type(" bc");
    await tab.page.keyboard.press("Enter");
    assert.equal(await tab.focus(), "prompt card");
    assert.deepEqual(await tab.pressed(), []);
    assert.equal(await tab.page.inputValue("#name"), "a");
    assertNoFaults(tab);
  });

  test("Tab goes round: the link, more time, the refresh; never to the page", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.force);
    const order = [];
    for (let i = 0; i < 7; i++) {
      await tab.page.keyboard.press("Tab");
      order.push(await tab.focus());
    }
    assert.deepEqual(order.slice(0, 3), ["prompt link", "prompt later", "prompt refresh"]);
    assert.ok(!order.includes("name") && !order.includes("save"), order.join());
  });

  test("Escape gives more time, wherever in the modal the focus is", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.force);
    await tab.page.keyboard.press("Escape");
    await tab.part("refresh").focus();
    await tab.page.keyboard.press("Escape");
    assert.deepEqual(await tab.pressed(), ["later", "later"]);
    await tab.page.mouse.click(5, 5); // beside the card: the focus is nowhere
    await tab.page.keyboard.press("Escape");
    assert.deepEqual(await tab.pressed(), ["later", "later", "later"]);
    assert.equal(await tab.standing(), "modal");
    assertNoFaults(tab);
  });

  test("with no more time to give, Escape does nothing, however often", async (t) => {
    const tab = await openPage(t);
    await tab.show(views["force, last time"]);
    assert.equal(await tab.part("later").isVisible(), false);
    for (let i = 0; i < 4; i++) {
      await tab.page.mouse.click(5, 5);
      await tab.page.keyboard.press("Escape");
      await tab.page.keyboard.press("Escape");
    }
    assert.deepEqual(await tab.pressed(), []);
    assert.equal(await tab.standing(), "modal");
    assertNoFaults(tab);
  });

  test("closed by the browser over its objection, it is back", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.force);
    await tab.page.keyboard.press("Tab");
    await tab.part("card").evaluate(closed);
    assert.equal(await tab.standing(), "modal");
    assert.equal(await tab.focus(), "prompt card");
    assertNoFaults(tab);
  });

  test("a notice that follows at once is not disturbed by the modal's end", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.force);
    await tab.page.evaluate((offer) => {
      prompt.hide();
      show(offer);
      document.querySelector("trueup-prompt").shadowRoot.getElementById("later").focus();
    }, views.offer);
    await tab.run(1000); // the modal's `close` event comes in between
    assert.equal(await tab.focus(), "prompt later");
    assert.equal(await tab.standing(), "notice");
    assertNoFaults(tab);
  });

  test("the focus returns after it, even where it came up over a notice in use", async (t) => {
    const tab = await openPage(t);
    await tab.page.focus("#name");
    await tab.show(views.force);
    await tab.page.keyboard.press("Tab");
    await tab.hide();
    assert.equal(await tab.focus(), "name");

    await tab.show(views.urge);
    await tab.part("later").focus();
    await tab.show(views.force);
    assert.equal(await tab.focus(), "prompt card");
    await tab.hide();
    assert.equal(await tab.focus(), "name");
    assertNoFaults(tab);
  });

  test("the countdown ticks by itself, is spoken three times, and at its end only says so", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.force);
    const shown = new Set();
    let speaking = 0;
    for (let second = 0; second < 90; second++) {
      shown.add(await tab.part("countdown").textContent());
      if (await tab.part("status").textContent()) speaking++;
      await tab.run(1000);
    }
    assert.equal(shown.size, 61);
    assert.ok(speaking <= 6, "what was spoken goes again, before it is wrong");
    assert.ok(shown.has("Refreshing in 60 seconds") && shown.has("Refreshing in 1 second"));
    assert.equal(await tab.part("countdown").textContent(), "Refreshing…");
    assert.deepEqual(await tab.spoken(), [
      "Refreshing in 60 seconds",
      "Refreshing in 30 seconds",
      "Refreshing in 10 seconds",
    ]);
    assert.deepEqual(await tab.pressed(), []);
    assert.equal(await tab.host.count(), 1);
    assertNoFaults(tab);
  });

  test("a wall clock that is set does not move the countdown", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.force);
    await tab.page.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() - 3_600_000;
    });
    await tab.run(20_500);
    assert.equal(await tab.part("countdown").textContent(), "Refreshing in 40 seconds");
    // The core tells the end anew by the clock as it is now.
    await tab.page.evaluate(() => window.prompt.show({ kind: "force", seconds: 60, until: Date.now() + 35_000 }));
    await tab.run(500);
    assert.equal(await tab.part("countdown").textContent(), "Refreshing in 35 seconds");
    assertNoFaults(tab);
  });

  test("what describes it stays the same while it counts", async (t) => {
    const tab = await openPage(t);
    await tab.show(views.force);
    const described = () =>
      tab.part("card").evaluate((card) =>
        card.getAttribute("aria-describedby").split(" ").map((id) => card.querySelector("#" + id).textContent).join(),
      );
    const before = await described();
    assert.match(before, /no longer supported/);
    await tab.run(20_000);
    assert.equal(await described(), before);
  });

  test("over a modal of the page, and where the browser refuses showModal, it can still be seen and pressed", async (t) => {
    for (const refused of [false, true]) {
      const tab = await openPage(t);
      await tab.page.evaluate((refused) => {
        const own = document.createElement("dialog");
        own.textContent = "the page's own";
        document.body.append(own);
        if (refused) own.show();
        else own.showModal();
        if (refused) HTMLDialogElement.prototype.showModal = () => { throw new DOMException("no", "InvalidStateError") };
      }, refused);
      await tab.show(views.force);
      assert.equal(await tab.standing(), refused ? "notice" : "modal"); // in the top layer, either way
      await tab.run(5500);
      await tab.settle();
      await tab.part("refresh").click();
      assert.deepEqual(await tab.pressed(), ["refresh"]);
      assert.equal(await tab.part("countdown").textContent(), "Refreshing in 55 seconds");
      assertNoFaults(tab);
    }
  });
});

describe("in a page that does not play along", () => {
  test("nothing ticks after hide, and what never counts stops by itself", async (t) => {
    const tab = await openPage(t);
    await tab.page.evaluate(() => {
      window.pending = new Set();
      const { setTimeout: set, clearTimeout: clear } = window;
      window.setTimeout = (run, ms) => {
        const id = set(() => (pending.delete(id), run()), ms);
        pending.add(id);
        return id;
      };
      window.clearTimeout = (id) => (pending.delete(id), clear(id));
    });
    const pending = () => tab.page.evaluate(() => window.pending.size);
    for (const view of Object.values(views)) {
      await tab.show(view);
      assert.equal(await pending(), 1, view.kind);
      await tab.run(2500);
      await tab.hide();
      assert.equal(await pending(), 0);
    }
    await tab.show(views.urge);
    await tab.run(60_000);
    assert.equal(await pending(), 0);
    await tab.show(views.force);
    await tab.part("card").evaluate(closed);
    assert.equal(await pending(), 1);
    await tab.run(120_000);
    assert.equal(await pending(), 0);
    assertNoFaults(tab);
  });

  test("removed by the page, it comes back; hidden, it does not", async (t) => {
    const tab = await openPage(t);
    for (const view of [views.offer, views.force]) {
      await tab.show(view);
      await tab.run(3000);
      await tab.page.evaluate(() => document.querySelector("trueup-prompt").remove());
      assert.equal(await tab.host.count(), 0);
      await tab.run(1000);
      assert.equal(await tab.standing(), view.kind === "force" ? "modal" : "notice");
      await tab.page.evaluate(() => document.documentElement.replaceChild(document.createElement("body"), document.body));
      await tab.run(1000);
      assert.equal(await tab.standing(), view.kind === "force" ? "modal" : "notice");
      await tab.page.evaluate(() => document.querySelector("main, body").append(document.querySelector("trueup-prompt")));
      await tab.run(1000);
      assert.equal(await tab.standing(), view.kind === "force" ? "modal" : "notice");
      await tab.page.evaluate(() => document.querySelector("trueup-prompt").remove());
      await tab.hide();
      await tab.run(5000);
      assert.equal(await tab.host.count(), 0);
    }
    assertNoFaults(tab);
  });

  test("shown before there is a body, it stands in the page all the same", async (t) => {
    const tab = await openPage(t, "/bodiless");
    assert.equal(await tab.page.evaluate(() => window.early), true);
    assert.equal(await tab.page.evaluate(() => document.body.textContent), "Shop");
    assert.ok(await tab.part("refresh").isVisible());
    assertNoFaults(tab);
  });

  test("the page's style sheets do not reach it", async (t) => {
    const measure = async (path) => {
      const tab = await openPage(t, path);
      await tab.show(views["offer with notes and link"]);
      await tab.settle();
      return tab.page.evaluate(() =>
        ["card", "title", "text", "notes", "link", "later", "refresh"].map((id) => {
          const element = document.querySelector("trueup-prompt").shadowRoot.getElementById(id);
          const { x, y, width, height } = element.getBoundingClientRect();
          const style = getComputedStyle(element);
          return [id, x, y, width, height, style.color, style.font, style.letterSpacing, style.visibility, style.opacity];
        }),
      );
    };
    assert.deepEqual(await measure("/hostile"), await measure("/"));
  });

  test("two copies of Trueup both work", async (t) => {
    const tab = await openPage(t);
    await tab.page.evaluate(async () => {
      window.second = create(await import("/prompt.js?second"));
      window.show({ kind: "offer" });
      second.show({ kind: "force", until: Date.now() + 60_000, seconds: 60 });
    });
    assert.deepEqual(await tab.page.locator("trueup-prompt #title").allTextContents(), [
      "A new version is available",
      "This page has to refresh",
    ]);
    // The second one lives in the first one's class, and still hears that it was removed.
    await tab.page.evaluate(() => document.querySelectorAll("trueup-prompt")[1].remove());
    await tab.run(1000);
    assert.equal(await tab.host.count(), 2);
    await tab.page.evaluate(() => second.hide());
    await tab.settle();
    await tab.part("later").click();
    assert.deepEqual(await tab.pressed(), ["later"]);
    assertNoFaults(tab);
  });

  test("a stranger's class of the same name, with a shadow root of its own, does no harm", async (t) => {
    const tab = await openPage(t);
    await tab.page.evaluate(() => {
      customElements.define("trueup-prompt", class extends HTMLElement {
        constructor() { super(); this.attachShadow({ mode: "open" }); }
      });
    });
    await tab.show(views.offer);
    await tab.settle();
    await tab.part("refresh").click();
    assert.deepEqual(await tab.pressed(), ["refresh"]);
    await tab.hide();
    assertNoFaults(tab);
  });

  test("texts that throw stay inside", async (t) => {
    const tab = await openPage(t);
    await tab.page.evaluate(() => {
      make({ lang: "nl", urgeTitle: "Binnenkort", urgeText() { throw new Error("the app's") } });
    });
    await tab.show(views.urge);
    await tab.settle();
    assert.equal(await tab.part("title").textContent(), "Please refresh soon"); // English rather than nothing
    assert.equal(await tab.part("card").getAttribute("lang"), "en");
    await tab.part("refresh").click();
    await tab.part("later").click();
    assertNoFaults(tab);
  });

  test("without popover and dialog the card is still there", async (t) => {
    const tab = await openPage(t);
    await tab.page.evaluate(() => {
      delete HTMLElement.prototype.showPopover;
      delete HTMLElement.prototype.popover;
      HTMLDialogElement.prototype.showModal = () => { throw new Error("no") };
    });
    for (const view of [views.offer, views.force]) {
      await tab.show(view);
      await tab.settle();
      await tab.part("refresh").click();
      await tab.hide();
    }
    assert.deepEqual(await tab.pressed(), ["refresh", "refresh"]);
    assertNoFaults(tab);
  });

  test("it works under a strict content security policy with Trusted Types, without one violation", async (t) => {
    const tab = await openPage(t, "/strict");
    // The policy bites: what the prompt avoids is refused here.
    await tab.page.evaluate(() => {
      try { document.createElement("p").innerHTML = "<b>"; window.allowed = true } catch {}
      document.body.append(Object.assign(document.createElement("style"), { textContent: "p { color: red }" }));
    });
    assert.equal(await tab.page.evaluate(() => window.allowed), undefined);
    assert.ok(tab.faults.some((fault) => /style-src/.test(fault)) && tab.faults.some((fault) => /trusted-types/.test(fault)));
    tab.faults.length = 0;
    for (const view of Object.values(views)) {
      await tab.show(view);
      await tab.run(3000);
      await tab.settle();
      assert.equal(await tab.part("card").evaluate((card) => getComputedStyle(card).display), "grid");
    }
    await tab.show(views.offer);
    await tab.settle();
    await tab.part("refresh").click();
    assert.deepEqual(await tab.pressed(), ["refresh"]);
    assertNoFaults(tab);
  });
});

describe("words", () => {
  test("notes and holds are text, whatever they look like", async (t) => {
    const tab = await openPage(t);
    const markup = `<img src=x onerror="pressed.push('run')"><b>bold</b>`;
    await tab.show({ kind: "offer", notes: markup });
    assert.equal(await tab.part("notes").textContent(), markup);
    await tab.show({ kind: "held", holds: [markup] });
    assert.ok((await tab.part("text").textContent()).includes(markup));
    assert.equal(await tab.page.locator("trueup-prompt img, trueup-prompt b").count(), 0);
    assert.deepEqual(await tab.pressed(), []);
    assertNoFaults(tab);
  });

  test("the link opens beside the page and tells it nothing", async (t) => {
    const tab = await openPage(t);
    await tab.show(views["offer with notes and link"]);
    await tab.settle();
    const [opened] = await Promise.all([tab.context.waitForEvent("page"), tab.part("link").click()]);
    await opened.waitForURL(origin + "/changelog");
    assert.equal(await opened.evaluate(() => window.opener), null);
  });

  for (const [path, when] of [
    ["/", "Nov 24, 2026, 6:00 PM"],
    ["/de", "24.11.2026, 18:00"],
    ["/odd-language", "Nov 24, 2026, 6:00 PM"],
  ]) {
    test(`the deadline on ${path} is said in the page's language`, async (t) => {
      const tab = await openPage(t, path);
      await tab.show(views.urge);
      const text = (await tab.part("text").textContent()).replace(/[\u2068\u2069]/g, "").replace(/\s/g, " ");
      assert.equal(text, `This version works until ${when}.`);
      assertNoFaults(tab);
    });
  }

  for (const locale of locales) {
    test(`${locale} says everything that English says, and nothing in English`, async (t) => {
      const tab = await openPage(t);
      const read = async (locale) => {
        await tab.page.evaluate((locale) => (window.prompt.hide(), make(window.all[locale])), locale);
        const said = {};
        for (const [name, view] of Object.entries(views)) {
          await tab.show(view);
          for (const part of ["title", "text", "link", "countdown", "later", "refresh"]) {
            said[`${name}: ${part}`] = (await tab.part(part).textContent()).replace(/[\u2068\u2069]/g, "");
          }
          assert.equal(await tab.part("card").getAttribute("lang"), locale ?? "en");
        }
        return said;
      };
      const english = await read(undefined);
      const translated = await read(locale);
      for (const [place, words] of Object.entries(english)) {
        assert.equal(translated[place] !== "", words !== "", place);
        assert.notEqual(words && translated[place], words || "-", place);
        assert.doesNotMatch(translated[place], /undefined|null|NaN/, place);
      }
      assertNoFaults(tab);
    });
  }
});

describe("looks", () => {
  for (const [name, path, options] of [
    ["light", "/", { colorScheme: "light" }],
    ["dark", "/", { colorScheme: "dark" }],
    ["forced colours", "/", { colorScheme: "dark", forcedColors: "active" }],
    ["right to left", "/rtl", { colorScheme: "light" }],
  ]) {
    test(`axe finds nothing in any state: ${name}`, async (t) => {
      const tab = await openPage(t, path, options);
      await tab.page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
      if (path === "/rtl") await tab.page.evaluate((arabic) => make(arabic), arabic);
      for (const [state, view] of Object.entries(views)) {
        await tab.show(view);
        await tab.run(3000);
        await tab.settle();
        await tab.page.clock.resume(); // axe waits by timers
        const found = await tab.page.evaluate(() => axe.run(document, { resultTypes: ["violations", "incomplete"] }));
        await tab.page.clock.pauseAt(new Date((await tab.page.evaluate(() => Date.now())) + 10_000));
        const told = [...found.violations, ...found.incomplete].flatMap(({ id, nodes }) =>
          nodes.map((node) => `${id} ${node.target.flat().join(" ")}: ${node.failureSummary}`),
        );
        assert.deepEqual(told, [], `${state}, ${name}`);
        await tab.hide();
      }
      assertNoFaults(tab);
    });
  }

  test("it follows the person's colour scheme, and the page's if that says so", async (t) => {
    const lightness = async (options, css) => {
      const tab = await openPage(t, "/", options);
      if (css) await tab.page.addStyleTag({ content: css });
      await tab.show(views.offer);
      const colour = await tab.part("card").evaluate((card) => getComputedStyle(card).backgroundColor);
      return colour.match(/[\d.]+/)[0] > 0.5 ? "light" : "dark";
    };
    assert.equal(await lightness({ colorScheme: "light" }), "light");
    assert.equal(await lightness({ colorScheme: "dark" }), "dark");
    assert.equal(await lightness({ colorScheme: "dark" }, "trueup-prompt { color-scheme: light }"), "light");
  });

  test("custom properties and parts restyle it", async (t) => {
    const tab = await openPage(t);
    await tab.page.addStyleTag({
      content: `trueup-prompt { --trueup-accent: rgb(1, 2, 3) } trueup-prompt[kind=urge]::part(title) { color: rgb(4, 5, 6) }`,
    });
    await tab.show(views.urge);
    assert.equal(await tab.part("refresh").evaluate((e) => getComputedStyle(e).backgroundColor), "rgb(1, 2, 3)");
    assert.equal(await tab.part("title").evaluate((e) => getComputedStyle(e).color), "rgb(4, 5, 6)");
  });

  test("who asked for less motion gets none", async (t) => {
    const moves = async (reducedMotion) => {
      const tab = await openPage(t, "/", { reducedMotion });
      await tab.show(views.force);
      return tab.part("card").evaluate((card) => {
        const [animation] = card.getAnimations();
        animation.pause();
        animation.currentTime = 0;
        const bar = getComputedStyle(card.querySelector("#progress")).transitionDuration;
        return getComputedStyle(card).translate !== "none" || bar !== "0s";
      });
    };
    assert.equal(await moves("no-preference"), true);
    assert.equal(await moves("reduce"), false);
  });

  for (const [path, side] of [["/", "right"], ["/rtl", "left"]]) {
    test(`the notice on ${path} stands at the bottom ${side}`, async (t) => {
      const tab = await openPage(t, path);
      await tab.show(views.offer);
      await tab.settle();
      const box = await tab.part("card").boundingBox();
      assert.equal(Math.round(box.y + box.height), 600 - 16);
      assert.equal(Math.round(side === "right" ? box.x + box.width : 800 - box.x), 800 - 16);
      const [later, refresh] = [await tab.part("later").boundingBox(), await tab.part("refresh").boundingBox()];
      assert.equal(later.x < refresh.x, side === "right");
    });
  }

  for (const [width, height] of [[320, 568], [320, 256], [1280, 720]]) {
    test(`everything can be read and pressed at ${width} × ${height}`, async (t) => {
      const tab = await openPage(t, "/", { viewport: { width, height } });
      for (const locale of [undefined, ...locales]) {
        await tab.page.evaluate((locale) => make(window.all[locale]), locale);
        for (const view of Object.values(views)) {
          await tab.show({ ...view, notes: "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" });
          await tab.settle();
          const box = await tab.part("card").boundingBox();
          assert.ok(box.x >= 0 && box.x + box.width <= width && box.y >= 0 && box.y + box.height <= height);
          assert.ok(await tab.part("card").evaluate((card) => card.scrollWidth <= card.clientWidth), "no sideways scrolling");
          if (!view.busy) await tab.part("refresh").click({ trial: true });
        }
        await tab.hide();
      }
      assertNoFaults(tab);
    });
  }
});

/** In the page: closes a dialog as a browser may, and waits until it has told that. */
function closed(dialog) {
  return new Promise((done) => {
    dialog.addEventListener("close", () => queueMicrotask(done));
    dialog.close();
  });
}

/** The accessibility tree as an outline: role, name, and what else a screen reader is told. */
function outline(nodes) {
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const told = ["description", "focused", "modal", "disabled", "live", "atomic", "level", "url"];
  const lines = [];
  const visit = (node, depth) => {
    const silent = node.ignored || ["none", "generic", "InlineTextBox", "RootWebArea"].includes(node.role?.value);
    if (!silent) {
      const properties = [
        ...(node.description?.value ? [["description", node.description.value]] : []),
        ...(node.properties ?? []).map(({ name, value }) => [name, value.value]),
      ].filter(([name, value]) => told.includes(name) && value !== false && value !== "");
      const rest = properties.map(([name, value]) => ` ${name}=${JSON.stringify(value).replace(origin, "")}`).join("");
      lines.push(`${"  ".repeat(depth)}${node.role.value} ${JSON.stringify(node.name?.value ?? "")}${rest}`);
    }
    for (const id of node.childIds ?? []) visit(byId.get(id), silent ? depth : depth + 1);
  };
  visit(nodes[0], 0);
  return lines.join("\n") + "\n";
}
