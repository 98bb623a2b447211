// The page's side of the client, against a core that the test plays. The real core and a real browser: tests/e2e.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { bundle, emit, fresh, page, play, Store, turn } from "./browser.mjs";

let text;
before(async () => {
  text = await bundle();
});
const connectIn = async (options) => (await fresh(text)).connect(options);

test("on a server it is inert and ready says timeout", async () => {
  delete globalThis.document;
  play();
  const trueup = await connectIn({ build: { id: "b1" } });
  assert.equal(await trueup.ready, "timeout");
  assert.deepEqual(trueup.standing, { status: "unknown", reason: "no-manifest" });
  assert.equal(trueup.flags.get("x", 3), 3);
  assert.equal(trueup.refresh.takeNavigation("/"), false);
  assert.equal((await trueup.refresh.now()).phase, "idle");
  assert.equal((await trueup.check()).status, "unknown");
  // Node has no `navigator` before 21.
  delete globalThis.navigator;
  trueup.refresh.hold("render").release();
  trueup.refresh.hold("never released");
  assert.equal(globalThis[Symbol.for("trueup.page")]?.holds.size ?? 0, 0, "a server's holds would pile up");
  trueup.close();
});

test("where storage is blocked and a channel is refused every tab polls for itself", async () => {
  const { log } = page({ navigator: { locks: { request: async () => {} } } });
  const Channel = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = function () {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  try {
    const core = play();
    const trueup = await connectIn();
    assert.deepEqual(log.warnings, []);
    assert.equal(core.given.start.locks, false);
    trueup.close();
  } finally {
    globalThis.BroadcastChannel = Channel;
  }
});

test("wrong options throw code and path", async () => {
  const { log } = page();
  play({ refuse: { code: "range", path: "poll.everySeconds" } });
  const { connect, TrueupError } = await fresh(text);
  assert.throws(
    () => connect({ poll: { everySeconds: 0 } }),
    (error) =>
      error instanceof TrueupError &&
      error.code === "range" &&
      error.path === "poll.everySeconds" &&
      error.message.startsWith("poll.everySeconds: is outside its range"),
  );
  assert.throws(() => connect({ manifest: "http://[" }), { code: "path", path: "manifest" });
  assert.deepEqual(log.warnings, []);
});

test("what is sent while effects are carried out waits its turn", async () => {
  page();
  const order = [];
  const core = play();
  core.answer = ({ type }) => {
    order.push(type);
    if (type === "check") return [emit("standing", { status: "behind", reason: "older" }), { do: "keep", state: { a: 1 } }];
  };
  const trueup = await connectIn();
  trueup.on("standing", () => {
    trueup.refresh.defer();
    order.push("listener");
    assert.equal(trueup.refresh.takeNavigation("/next"), false);
  });
  await Promise.race([trueup.check(), turn()]);
  assert.deepEqual(order, ["check", "listener", "defer"]);
  trueup.close();
});

test("a trap ends the client once and the page lives on", async () => {
  const { log, document, self } = page();
  const core = play({ start: [emit("refresh", { phase: "offering", target: "b2" }), { do: "poll" }] });
  const trueup = await connectIn();
  assert.equal(core.view.kind, "offer");
  assert.equal(log.timers.size, 1);
  const faults = [];
  trueup.on("error", (fault) => faults.push(fault));
  const plans = [];
  trueup.on("plan", (plan) => plans.push(plan));
  core.answer = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  const checked = trueup.check();
  document.dispatchEvent(new Event("visibilitychange"));
  self.dispatchEvent(new Event("online"));
  assert.equal((await checked).reason, "failed");
  assert.equal(core.view, undefined);
  assert.equal(await trueup.ready, "failed");
  assert.deepEqual(faults, [{ blame: "module", code: "trap" }]);
  assert.deepEqual(plans, [{ generation: 1, apis: {} }], "its plan is gone, which is a change like any other");
  assert.equal(log.warnings.length, 1);
  assert.equal(core.heard.length, 1);
  for (const open of log.listeners.values()) assert.equal(open.size, 0);
  assert.ok(log.fetches.every(({ init }) => init.signal.aborted));
  await turn();
  assert.equal(log.timers.size, 0);
});

test("close leaves no listener, request or prompt behind, and a second one does nothing", async () => {
  const { log } = page();
  const core = play({ start: [emit("refresh", { phase: "counting", until: 1, seconds: 60, deferrals: 3 }), { do: "poll" }, { do: "shell" }] });
  const trueup = await connectIn();
  await turn();
  assert.equal(log.fetches.length, 2);
  assert.equal(core.view.kind, "force");
  let told = 0;
  trueup.subscribe(() => told++);
  trueup.close();
  trueup.close();
  await turn();
  assert.equal(core.view, undefined);
  assert.equal(told, 1);
  assert.equal(trueup.refresh.state.phase, "idle");
  for (const open of log.listeners.values()) assert.equal(open.size, 0);
  assert.ok(log.fetches.every(({ init }) => init.signal.aborted));
  assert.equal(core.heard.length, 0);
  assert.equal(globalThis[Symbol.for("trueup.page")].members.size, 0);
});

test("the core is woken when it wants to be", async () => {
  page();
  const core = play();
  core.delay = 1;
  const trueup = await connectIn();
  core.delay = 0x7fff_ffff;
  await turn();
  assert.deepEqual(core.heard, [{ type: "wake" }]);
  trueup.close();
});

test("back from the back/forward cache the timer is set anew: browsers stop it meanwhile, and go on with what was left", async () => {
  const { self, log } = page();
  const core = play();
  core.delay = 250_000;
  const trueup = await connectIn();
  const before = [...log.timers];
  self.dispatchEvent(new Event("pagehide"));
  // As long as what was left, and longer: the old timer would still be on its way.
  core.delay = 300_000;
  self.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  assert.equal(log.timers.size, 1);
  assert.ok(!before.includes([...log.timers][0]), "another timer");
  trueup.close();
});

test("a snapshot is the same object until something has changed", async () => {
  page();
  const core = play();
  const trueup = await connectIn();
  const first = trueup.getSnapshot();
  let told = 0;
  const off = trueup.subscribe(() => told++);
  core.answer = ({ type }) => (type === "check" ? [emit("poll", { why: "check", outcome: "unchanged" })] : []);
  await trueup.check();
  assert.equal(trueup.getSnapshot(), first);
  core.answer = () => [emit("standing", { status: "current", reason: "current" }), emit("refresh", { phase: "idle" })];
  trueup.refresh.defer();
  assert.equal(told, 1);
  assert.notEqual(trueup.getSnapshot(), first);
  assert.equal(trueup.getSnapshot().standing.status, "current");
  off();
  trueup.refresh.defer();
  assert.equal(told, 1);
  trueup.close();
});

test("an exception of the app's listener is printed and stops nothing", async () => {
  const { log } = page();
  const core = play();
  const trueup = await connectIn();
  const seen = [];
  trueup.on("standing", () => {
    throw new Error("the app's");
  });
  trueup.on("standing", ({ status }) => seen.push(status));
  core.answer = () => [emit("standing", { status: "ahead", reason: "newer" })];
  trueup.refresh.defer();
  assert.deepEqual(seen, ["ahead"]);
  assert.equal(log.errors.length, 1);
  assert.equal(trueup.standing.status, "ahead");
  trueup.close();
});

test("a blocked module fails open, with one warning for all clients", async () => {
  const { log } = page();
  play();
  globalThis.played.source = () => new Uint8Array([1, 2, 3]);
  const { connect } = await fresh(text);
  const [a, b] = [connect(), connect()];
  const faults = [];
  a.on("error", (fault) => faults.push(fault));
  assert.deepEqual(await Promise.all([a.ready, b.ready]), ["failed", "failed"]);
  assert.deepEqual(faults, [{ blame: "module", code: "blocked" }]);
  assert.equal(log.warnings.length, 1);
  assert.equal(a.flags.get("x", "fallback"), "fallback");
  for (const open of log.listeners.values()) assert.equal(open.size, 0);
});

test("without any WebAssembly it fails open, and no rejection is left unheard", async (t) => {
  const { WebAssembly } = globalThis;
  const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  const unheard = [];
  const hear = (reason) => unheard.push(reason);
  process.on("unhandledRejection", hear);
  delete globalThis.WebAssembly;
  t.after(() => {
    process.off("unhandledRejection", hear);
    Object.defineProperty(globalThis, "WebAssembly", { value: WebAssembly, configurable: true, writable: true });
  });
  for (const source of [() => new Uint8Array([0]), () => Promise.resolve(module), () => Promise.reject(new TypeError("not found"))]) {
    const { log } = page();
    play();
    globalThis.played.source = source;
    const { connect } = await fresh(text);
    assert.equal(await connect().ready, "failed");
    await turn();
    assert.equal(log.warnings.length, 1);
  }
  assert.deepEqual(unheard, []);
});

test("members that a library adds to every object harm nothing", async (t) => {
  Object.prototype.legacy = 1;
  t.after(() => delete Object.prototype.legacy);
  const { log } = page();
  const core = play();
  const trueup = await connectIn();
  await turn();
  assert.equal(log.warnings.length, 0);
  assert.equal(core.given.start.visible, true);
  trueup.close();
});

test("holds belong to the page: every client hears of them, and a release ends them once", async () => {
  page();
  const core = play();
  const { connect } = await fresh(text);
  const [a, b] = [connect({ app: "a" }), connect({ app: "b" })];
  const hold = a.refresh.hold("upload");
  const reasons = () => core.heard.filter(({ type }) => type === "holds").map(({ holds }) => holds.map(([reason]) => reason));
  assert.deepEqual(reasons(), [["upload"], ["upload"]]);
  hold.release();
  hold.release();
  assert.deepEqual(reasons().slice(2), [[], []]);
  a.close();
  b.close();
});

test("two clients on a page show one prompt, the graver one", async () => {
  page();
  const core = play({ start: [emit("refresh", { phase: "offering" })] });
  const shown = [];
  globalThis.played.prompt = () => {
    const at = shown.push(undefined) - 1;
    return (view) => (shown[at] = view?.kind);
  };
  const { connect } = await fresh(text);
  const [a, b] = [connect({ app: "a" }), connect({ app: "b" })];
  assert.deepEqual(shown, ["offer"]);
  core.answer = () => [emit("refresh", { phase: "counting", until: 1, seconds: 60, deferrals: 1 })];
  b.refresh.defer();
  assert.deepEqual(shown, [undefined, "force"]);
  b.close();
  assert.deepEqual(shown, ["offer", undefined]);
  a.close();
});

test("what onSave returns is handed over once, after the page has gone, at the same URL, to the same user", async () => {
  const go = async ({ user = "u1", href, leave = true } = {}) => {
    const first = page();
    const core = play();
    const options = { build: { id: "b1" }, user: "u1" };
    const trueup = await connectIn(options);
    trueup.refresh.onSave(() => ({ draft: "text" }));
    trueup.refresh.onSave(async () => ({ more: 1 }));
    trueup.refresh.onSave(() => {
      throw new Error("the app's");
    });
    core.answer = ({ type }) =>
      type === "now" ? [{ do: "save" }] : type === "saved" ? [{ do: "reload", session: { n: 1 }, asked: true }] : [];
    trueup.refresh.now();
    await turn();
    assert.equal(first.log.reloads, 1);
    assert.equal(first.log.replaced, first.location.href);
    if (leave) first.self.dispatchEvent(new Event("pagehide"));
    const { sessionStorage } = first;
    const restored = [];
    for (let load = 0; load < 2; load++) {
      page({ session: sessionStorage, href });
      const next = play();
      restored.push((await connectIn({ ...options, user })).refresh.restored);
      assert.deepEqual(next.given.start.session, { n: 1 });
    }
    return restored;
  };
  assert.deepEqual(await go(), [{ draft: "text", more: 1 }, undefined]);
  assert.deepEqual(await go({ user: "u2" }), [undefined, undefined]);
  assert.deepEqual(await go({ href: "https://shop.example/other" }), [undefined, undefined]);
  // A copy of the tab, made before it went.
  assert.deepEqual(await go({ leave: false }), [undefined, undefined]);
});

/** A page that a person refreshes, with `saves` as its callbacks; gives it before it goes. */
async function leaving({ saves, session, asked = true, hangs = false }) {
  const here = page({ session });
  const core = play();
  const trueup = await connectIn({ build: { id: "b1" } });
  for (const save of saves) trueup.refresh.onSave(save);
  const faults = [];
  trueup.on("error", (fault) => faults.push(fault));
  const go = [{ do: "reload", session: { n: 1 }, asked }];
  core.answer = ({ type }) => (type === "now" ? [{ do: "save" }] : type === (hangs ? "wake" : "saved") ? go : []);
  trueup.refresh.now();
  await turn();
  if (hangs) core.answer = ({ type }) => (type === "defer" ? go : []);
  trueup.refresh.defer();
  return { ...here, core, faults };
}
/** The next page of the tab. */
async function arriving({ sessionStorage }, given) {
  const here = page({ session: sessionStorage, ...given });
  const core = play();
  const { restored } = (await connectIn({ build: { id: "b1" } })).refresh;
  return { ...here, core, restored };
}

test("what onSave returned merges in the order of registration, and the one that hangs is left out", async () => {
  const slow = () => new Promise((done) => setTimeout(() => done({ a: "first", b: "first" }), 2));
  const left = await leaving({
    saves: [slow, () => ({ b: "second" }), () => new Promise(() => {}), () => ({ big: 1n }), () => ({ c: "last" })],
    hangs: true,
  });
  assert.equal(left.log.reloads, 1);
  assert.deepEqual(left.faults, [{ blame: "integrator", code: "save" }], "what JSON cannot hold is the app's fault, and only that part is lost");
  left.self.dispatchEvent(new Event("pagehide"));
  assert.deepEqual((await arriving(left)).restored, { a: "first", b: "second", c: "last" });
});

test("a copy of the tab keeps its number and its counts, never the hand-over", async () => {
  const left = await leaving({ saves: [() => ({ draft: 1 })] });
  const { nonce } = left.core.given.start;
  assert.ok(nonce > 0);
  left.self.dispatchEvent(new Event("pagehide"));
  // Duplicated while it was going: a browser gives the copy's first page as one from the history.
  const { getEntriesByType } = performance;
  performance.getEntriesByType = () => [{ type: "back_forward" }];
  try {
    const copy = await arriving(left);
    assert.equal(copy.restored, undefined);
    assert.deepEqual([copy.core.given.start.session, copy.core.given.start.nonce], [{ n: 1 }, nonce]);
  } finally {
    performance.getEntriesByType = getEntriesByType;
  }
});

test("back from the back/forward cache: what others booked counts, and what was handed over is not handed over again", async () => {
  const left = await leaving({ saves: [() => ({ draft: 1 })] });
  left.self.dispatchEvent(new Event("pagehide"));
  const { sessionStorage } = left;
  const next = JSON.parse([...sessionStorage.items.values()][0]);
  delete next.save;
  const [key] = sessionStorage.items.keys();
  sessionStorage.setItem(key, JSON.stringify({ ...next, session: { n: 2 } }));
  left.self.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  assert.deepEqual(left.core.heard.slice(-3), [
    { type: "session", session: { n: 2 } },
    { type: "online", on: true },
    { type: "pageshow" },
  ]);
  left.self.dispatchEvent(new Event("pagehide"));
  assert.equal((await arriving(left)).restored, undefined);
});

test("the page that goes gives up its look at the page, and nothing more is said of it", async () => {
  const { log, self } = page();
  const core = play({ start: [{ do: "shell" }] });
  const trueup = await connectIn();
  await turn();
  self.dispatchEvent(new Event("pagehide"));
  await turn();
  assert.ok(log.fetches[0].init.signal.aborted);
  assert.deepEqual(core.heard, [{ type: "pagehide" }]);
  trueup.close();
});

test("storage that is full loses the hand-over, not the count; and nobody is reloaded unasked", async () => {
  for (const asked of [true, false]) {
    const session = new Store();
    const { setItem } = session;
    session.setItem = (key, value) => {
      if (value.length > 1000) throw new DOMException("full", "QuotaExceededError");
      setItem(key, value);
    };
    const left = await leaving({ saves: [() => "x".repeat(2000)], session, asked });
    assert.equal(left.log.reloads, asked ? 1 : 0);
    if (!asked) assert.ok(left.core.heard.some(({ type }) => type === "unbooked"));
    const next = await arriving(left);
    assert.deepEqual([next.restored, next.core.given.start.session], [undefined, asked ? { n: 1 } : []]);
  }
});

test("what stands in storage and is not ours goes to the core, which drops it, and harms nothing", async () => {
  const key = "trueup::https://shop.example/trueup.json";
  const stored = async (state, text, session) => {
    const [local, tab] = [new Store(), new Store()];
    if (state !== undefined) local.setItem(key, state);
    if (text !== undefined) local.setItem(`${key}:text`, text);
    if (session !== undefined) tab.setItem(key, session);
    page({ local, session: tab });
    const core = play({ start: [{ do: "keep", state: null, text: "" }] });
    const trueup = await connectIn({ build: { id: "b1" } });
    trueup.close();
    page({ local, session: tab });
    const next = play();
    (await connectIn({ build: { id: "b1" } })).close();
    assert.equal(next.given.start.text, undefined, "nothing of it is there at the next load");
    const { state: kept, text: keptText, ...start } = core.given.start;
    return { ...start, kept: keptText && [kept, keptText] };
  };
  assert.equal((await stored()).kept, undefined);
  assert.deepEqual((await stored('{"format":1}', '"{}"')).kept, [{ format: 1 }, "{}"]);
  assert.deepEqual((await stored("{", '"{}"')).kept, [false, "{}"]);
  assert.deepEqual((await stored('{"format":1}', "<html>")).kept, [{ format: 1 }, "false"]);
  assert.deepEqual((await stored('{"format":1}', `"${"x".repeat(1 << 20)}"`)).kept, [{ format: 1 }, "false"]);
  for (const odd of ["5", "null", '"x"', "{", "[]"]) {
    const { session, nonce } = await stored(undefined, undefined, odd);
    assert.deepEqual(session, []);
    assert.ok(nonce > 0);
  }
});

test("a text that does not fit is not kept, nor the state that belongs to it", async () => {
  const local = new Store();
  const { setItem } = local;
  local.setItem = (key, value) => {
    if (value.length > 1000) throw new DOMException("full", "QuotaExceededError");
    setItem(key, value);
  };
  page({ local });
  play({ start: [{ do: "keep", state: { serial: 1 }, text: "{}" }, { do: "keep", state: { serial: 2 }, text: "x".repeat(2000) }] });
  (await connectIn({ build: { id: "b1" } })).close();
  assert.deepEqual([...local.items.values()], ['"{}"', '{"serial":1}']);
});

test("what one tab has put off stays kept when another one keeps what it has heard", async () => {
  const local = new Store();
  const key = "trueup::https://shop.example/trueup.json";
  const keep = async (...states) => {
    page({ local });
    play({ start: states.map((state) => ({ do: "keep", state })) });
    (await connectIn({ build: { id: "b1" } })).close();
    return local.getItem(key);
  };
  assert.equal(await keep([2, 1, 1, 1, 1], [2, 2, 2, 2, 2, [9, 0, "b2"]]), '[2,2,2,2,2,[9,0,"b2"]]');
  assert.equal(await keep([2, 3, 3, 3, 3]), '[2,3,3,3,3,[9,0,"b2"]]');
  assert.equal(await keep([2, 4, 4, 4, 4, [0, 9, ""]]), '[2,4,4,4,4,[0,9,""]]');
  assert.equal(await keep(null), "null");
  for (const odd of ["{", "5", '"x"', "{}"]) {
    local.setItem(key, odd);
    assert.deepEqual(JSON.parse(await keep([2, 1, 1, 1, 1])).slice(0, 5), [2, 1, 1, 1, 1]);
  }
});

/** A registration whose worker waits and takes over when it is told; `held`: the locks of the origin. */
const waitingWorker = (held) => {
  const messages = [];
  const container = Object.assign(new EventTarget(), {
    controller: { scriptURL: "https://shop.example/sw.js" },
    getRegistration: async () => registration,
  });
  const registration = {
    updateViaCache: "imports",
    update: async () => {},
    waiting: {
      postMessage: (message) => {
        messages.push(message);
        delete registration.waiting;
        container.dispatchEvent(new Event("controllerchange"));
      },
    },
  };
  return { messages, registration, navigator: { serviceWorker: container, locks: { query: async () => ({ held }), request: async () => {} } } };
};

/** As `wire.ts` has it. */
const WAITING = 1;

test("a waiting worker is activated only if the app allows it and no other tab holds", async () => {
  const worker = waitingWorker([]);
  const { log } = page({ navigator: worker.navigator });
  const core = play({ start: [{ do: "shell" }] });
  const trueup = await connectIn({ worker: { activate: "go" } });
  await turn();
  assert.deepEqual(core.heard, [{ type: "shell", worker: WAITING }]);
  assert.deepEqual([worker.messages, log.fetches.length], [[], 0], "its page is of no interest");
  const activate = async (held) => {
    worker.navigator.locks.query = async () => ({ held });
    core.answer = ({ type }) => (type === "defer" ? [{ do: "activate" }] : []);
    trueup.refresh.defer();
    await turn();
  };
  await activate([{ name: `trueup:hold:${Date.now() + 9e5}` }, { name: "trueup:shop:https://shop.example/trueup.json" }]);
  assert.deepEqual([worker.messages, core.heard.at(-1).worker], [[], WAITING]);
  await activate([{ name: `trueup:hold:${Date.now() - 1}` }]);
  assert.deepEqual([worker.messages, log.fetches.length], [["go"], 1], "a hold that has expired holds nobody up");
  trueup.close();
});

test("the page that is looked at is the one that a reload would load now, not the one that the visit began with", async () => {
  const { log, location } = page({ href: "https://shop.example/login?ticket=1" });
  const core = play();
  core.answer = ({ type }) => (type === "defer" ? [{ do: "shell" }] : []);
  const trueup = await connectIn();
  location.href = "https://shop.example/orders?page=2#top";
  trueup.refresh.defer();
  await turn();
  assert.deepEqual(log.fetches.map(({ url }) => url), ["https://shop.example/orders?page=2"]);
  trueup.close();
  const other = await connectIn({ shell: "/app.html" });
  other.refresh.defer();
  await turn();
  assert.equal(log.fetches.at(-1).url, "https://shop.example/app.html");
  other.close();
});

test("a hold that never expires crosses as one", async () => {
  page();
  const core = play();
  const trueup = await connectIn();
  trueup.refresh.hold("call", { expiresMs: Infinity });
  // To the core it goes as JSON, which knows no Infinity.
  const [[, until]] = core.heard.at(-1).holds;
  assert.ok(until > 1e12, `${until}`);
  trueup.close();
});

test("a look that is given up says nothing more, whatever the worker hangs at", async () => {
  const worker = waitingWorker([]);
  worker.navigator.serviceWorker.getRegistration = () => new Promise(() => {});
  const { self } = page({ navigator: worker.navigator });
  const { timeout } = AbortSignal;
  const late = new AbortController();
  AbortSignal.timeout = () => late.signal;
  try {
    const core = play({ start: [{ do: "shell" }] });
    const trueup = await connectIn();
    late.abort();
    await turn();
    assert.deepEqual(core.heard, [{ type: "shell", worker: 2 }], "after 10 s the worker is busy");
    self.dispatchEvent(new Event("pagehide"));
    await turn();
    assert.equal(core.heard.filter(({ type }) => type === "shell").length, 1);
    trueup.close();
  } finally {
    AbortSignal.timeout = timeout;
  }
});

test("a worker whose script may come from the HTTP cache is fetched past it first", async () => {
  for (const [updateViaCache, fetches] of [["imports", []], ["all", ["https://shop.example/sw.js"]]]) {
    const worker = waitingWorker([]);
    worker.registration.updateViaCache = updateViaCache;
    const { log } = page({ navigator: worker.navigator });
    play({ start: [{ do: "shell" }] });
    const trueup = await connectIn();
    await turn();
    assert.deepEqual(log.fetches.map(({ url }) => url), fetches);
    assert.ok(log.fetches.every(({ init }) => init.cache === "reload"));
    trueup.close();
  }
});

test("an unasked reload that cannot be booked does not happen", async () => {
  const blocked = { getItem: () => null, setItem: () => { throw new DOMException("full", "QuotaExceededError"); } };
  const { log } = page({ session: blocked });
  const core = play();
  core.answer = ({ type }) => (type === "defer" ? [{ do: "reload", session: {}, asked: false }] : []);
  const trueup = await connectIn();
  trueup.refresh.defer();
  assert.equal(log.reloads, 0);
  assert.deepEqual(core.heard.at(-1), { type: "unbooked" });
  core.answer = ({ type }) => (type === "now" ? [{ do: "reload", session: {}, asked: true }] : []);
  trueup.refresh.now();
  assert.equal(log.reloads, 1);
  trueup.close();
});

const asked = "https://shop.example/trueup.json";
const reply = (body, headers) => Object.defineProperty(new Response(body, { headers }), "url", { value: asked });
const poll = { do: "poll" };

test("what headers say of an answer is told; one that is too long is not read", async () => {
  const { log } = page();
  const core = play({ start: [poll] });
  const trueup = await connectIn();
  const date = "Mon, 23 Nov 2026 11:00:00 GMT";
  const before = Date.now();
  log.fetches[0].resolve(reply("{}", { etag: '"a"', date, age: "3", "retry-after": "7" }));
  await turn();
  const { at, retryDate: _, ...first } = core.heard.at(-1);
  assert.ok(at >= before && at <= Date.now(), "when it came");
  assert.deepEqual(first, {
    type: "answer",
    status: 200,
    foreign: false,
    date: Date.parse(date) + 3000,
    retryAfter: 7000,
    text: "{}",
    tooLong: false,
    etag: '"a"',
  });
  core.answer = ({ type }) => (type === "defer" ? [poll] : []);
  trueup.refresh.defer();
  log.fetches[1].resolve(reply("x".repeat((1 << 20) + 1)));
  await turn();
  assert.equal(core.heard.at(-1).tooLong, true);
  assert.equal(core.heard.at(-1).text, undefined);
  trueup.refresh.defer();
  log.fetches[2].resolve(reply("ä{}"));
  await turn();
  assert.equal(core.heard.at(-1).text, "ä{}");
  trueup.refresh.defer();
  log.fetches[3].resolve(Promise.reject(new TypeError("Failed to fetch")));
  await turn();
  assert.deepEqual(core.heard.at(-1), { type: "answer" }, "none came");
  trueup.refresh.defer();
  core.answer = ({ type }) => (type === "defer" ? [{ do: "abort" }] : []);
  const heard = core.heard.length;
  trueup.refresh.defer();
  await turn();
  assert.equal(core.heard.length, heard + 1, "an aborted request says nothing more");
  trueup.close();
});

test("a manifest may be a data URL, and a signal null, as fetch takes them", async () => {
  const { log } = page();
  const core = play({ start: [poll] });
  const trueup = await connectIn({ manifest: "data:application/json,{}" });
  trueup.on("standing", () => {}, { signal: null });
  log.fetches[0].resolve(new Response("{}"));
  await turn();
  assert.deepEqual(core.heard.map(({ status, foreign }) => [status, foreign]), [[200, false]]);
  trueup.close();
});

test("a text that is in force crosses once, and is not decoded where its ETag is known", async () => {
  const { log } = page();
  const core = play({ start: [poll] });
  const trueup = await connectIn();
  const next = async (body, etag, outcome) => {
    const response = reply(body, etag && { etag });
    if (outcome) core.answer = ({ type }) => (type === "answer" ? [emit("poll", { why: "period", outcome }), poll] : []);
    log.fetches.at(-1).resolve(response);
    await turn();
    return core.heard.at(-1).text;
  };
  assert.equal(await next("a", '"a"', "new"), "a");
  assert.equal(await next("not looked at", '"a"', "unchanged"), true);
  assert.equal(await next("a", undefined, "unchanged"), true, "without an ETag the text itself is known");
  assert.equal(await next("b", '"b"', "older"), "b", "this one does not come into force");
  assert.equal(await next("b", '"b"', "older"), "b", "so it crosses again, for the core to judge");
  assert.equal(await next("", '"a"', "failed"), "", "its ETag went with the last answer that was in force");
  assert.equal(await next("a", '"a"', "unchanged"), true);
  assert.equal(await next("c", '"c"', "new"), "c");
  assert.equal(await next("a", '"a"', "older"), "a");
  trueup.close();
});

test("the leader tells others of the answer as it came, with the text that has not crossed again", async (t) => {
  const { log } = page({ navigator: { locks: { request: async () => {} } } });
  const core = play({ start: [{ do: "lead", on: true }, poll] });
  const trueup = await connectIn({ app: "shop" });
  assert.equal(core.given.start.locks, true);
  const other = new BroadcastChannel(`trueup:shop:${asked}`);
  t.after(() => (other.close(), trueup.close()));
  const told = [];
  other.onmessage = ({ data }) => told.push(data);
  const answers = (outcome, answered = true, more = []) => {
    core.answer = ({ type }) => (type === "answer" ? [emit("poll", { why: "period", outcome }), { do: "tell", next: 9, answered }, ...more] : []);
  };
  const came = { type: "answer", next: 9, status: 200, foreign: false, tooLong: false };
  const hears = async () => {
    while (!told.length) await turn();
    const { at, ...rest } = told.shift();
    return rest;
  };
  answers("new", true, [poll]);
  log.fetches[0].resolve(reply("a", { etag: '"a"' }));
  assert.deepEqual(await hears(), { ...came, text: "a", etag: '"a"' });
  answers("unchanged", true, [poll]);
  log.fetches[1].resolve(reply("", { etag: '"a"' }));
  assert.deepEqual(await hears(), { ...came, text: "a", etag: '"a"' });
  assert.equal(core.heard.at(-1).text, true);
  answers("failed", true, [poll]);
  log.fetches[2].resolve(reply("<html>"));
  assert.deepEqual(await hears(), { ...came, text: "<html>" }, "each tab judges for itself");
  answers("failed", false);
  log.fetches[3].resolve(Promise.reject(new TypeError("Failed to fetch")));
  assert.deepEqual(await hears(), { type: "failed", next: 9 });
  // What it is told itself, it tells on.
  core.answer = ({ type }) => (type === "hello" ? [{ do: "tell", next: 5, answered: true }] : []);
  other.postMessage({ type: "answer", next: 7, status: 503, at: 1e12, retryAfter: 9e5, more: "x" });
  other.postMessage({ type: "hello" });
  assert.deepEqual(await hears(), { type: "answer", next: 5, status: 503, retryAfter: 9e5 });
  assert.deepEqual(core.heard.at(-2), { type: "answer", next: 7, status: 503, at: 1e12, retryAfter: 9e5 });
  // The core gave up on the last poll: the answer before it is not what there is to tell.
  core.answer = ({ type }) => (type === "hello" ? [{ do: "tell", next: 5, answered: false }] : []);
  other.postMessage({ type: "hello" });
  assert.deepEqual(await hears(), { type: "failed", next: 5 });
  // That a text is the one in force nobody else can say.
  const { length } = core.heard;
  other.postMessage({ type: "answer", next: 7, status: 200, at: 1e12, text: true, tooLong: true });
  while (core.heard.length === length) await turn();
  assert.deepEqual(core.heard.at(-1), { type: "answer", next: 7, status: 200, at: 1e12, tooLong: true });
});

test("the script drop-in reads its options from attributes", async () => {
  const { document } = page();
  const core = play();
  document.currentScript = { dataset: { buildId: "b1", sendBuild: "", pollEverySeconds: "60", apis: '{"orders":["3"]}' } };
  await fresh(await bundle("script"));
  const { options } = core.given;
  assert.deepEqual([options.build, options.poll, options.apis], [{ id: "b1" }, { everySeconds: 60 }, { orders: ["3"] }]);
  assert.equal(globalThis.trueup.api("orders").headers().get("trueup-build"), "b1");
  globalThis.trueup.close();
  delete globalThis.trueup;
});
