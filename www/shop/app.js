// The shop, build {{id}}: what a single-page app does with Trueup.

const build = { id: "{{id}}", version: "{{version}}" };
const minor = Number(build.version.split(".")[1] ?? 0);
const tab = new URLSearchParams(location.search).get("tab") ?? "0";
const at = (id) => document.getElementById(id);

const HUES = [250, 155, 60, 330, 200, 290, 105, 20];
const patch = Number(build.version.split(".")[2] ?? 0);
document.documentElement.style.setProperty("--hue", HUES[(minor + 3 * patch) % HUES.length]);

const trueup = await start();
const { report } = consoleLink();
views();
note();
search();
orders();
flags();

/** Connects; the shop runs without Trueup just as well. */
async function start() {
  try {
    const [{ connect }, { report }] = await Promise.all([import("trueup"), import("trueup/report")]);
    const trueup = connect({
      build,
      app: "shop",
      manifest: "/trueup.json",
      poll: { everySeconds: 3 },
      countdownSeconds: 20,
      apis: {
        // What this build was written against: 1.2 moved on to version 3.
        orders: { speaks: minor < 2 ? ["2", "1"] : ["3", "2"], required: true, carrier: { path: "/api/orders/v{version}" } },
        search: { speaks: ["2026-09-01", "2026-03-01"], base: "/api/search", carrier: { header: "Api-Version" } },
      },
      flags: { context: { targetingKey: `visitor-${tab}` } },
    });
    report(trueup, { url: "/__report" });
    return trueup;
  } catch (error) {
    console.warn("the shop runs without Trueup:", error);
    return undefined;
  }
}

/** The views of the shop; a due refresh takes the next navigation between them. */
function views() {
  const names = { "/shop/": "goods", "/shop/orders": "orders", "/shop/care": "care" };
  const show = async () => {
    const view = names[location.pathname] ?? "goods";
    for (const name of Object.values(names)) at(name).hidden = name !== view;
    for (const link of document.querySelectorAll("[data-view]")) {
      link.toggleAttribute("aria-current", link.dataset.view === view);
    }
    if (view === "care") await care();
  };
  document.querySelector("nav").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    const url = new URL(link.href);
    url.search = location.search;
    if (trueup?.refresh.takeNavigation(url.href)) return;
    history.pushState(null, "", url);
    show();
  });
  addEventListener("popstate", show);
  show();
}

async function care() {
  try {
    (await import("./lazy.js")).show(at("care-text"));
  } catch {
    const gone = document.createElement("p");
    gone.textContent = `The care guide of build ${build.id} could not be loaded.`;
    at("care-text").replaceChildren(gone);
    report("chunk", { lost: "lazy.js" });
  }
}

/** The gift note: while it is unsaved it holds the refresh, and it survives one. */
function note() {
  const field = at("note");
  const state = at("note-state");
  let hold;
  const saved = () => localStorage.getItem(`note-${tab}`) ?? "";
  const update = () => {
    const dirty = field.value !== saved();
    if (dirty && !hold) hold = trueup?.refresh.hold("unsaved gift note");
    if (!dirty) {
      hold?.release();
      hold = undefined;
    }
    state.textContent = dirty ? "· unsaved" : field.value ? "· saved" : "";
  };
  trueup?.refresh.onSave(() => ({ note: field.value }));
  const restored = trueup?.refresh.restored;
  field.value = restored?.note ?? saved();
  field.addEventListener("input", update);
  at("note-form").addEventListener("submit", (event) => {
    event.preventDefault();
    localStorage.setItem(`note-${tab}`, field.value);
    update();
  });
  update();
  if (restored?.note !== undefined && restored.note !== saved()) state.textContent = "· unsaved, kept over the refresh";
}

function search() {
  const form = at("search");
  const list = at("found");
  const find = async () => {
    const q = new FormData(form).get("q");
    try {
      const call = trueup ? trueup.api("search").fetch : (path) => fetch(`/api/search${path}`);
      const answer = await call(`?q=${encodeURIComponent(q)}`);
      const { data } = await answer.json();
      list.replaceChildren(...data.slice(0, 3).map((title) => {
        const row = document.createElement("li");
        row.textContent = title;
        return row;
      }));
    } catch (error) {
      list.replaceChildren(Object.assign(document.createElement("li"), { textContent: `The search is away (${error.code ?? error.name}).` }));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
  find();
}

function orders() {
  at("load-orders").addEventListener("click", async () => {
    const said = at("orders-answer");
    try {
      const api = trueup?.api("orders");
      const answer = await (api ? api.fetch("list") : fetch("/api/orders/v1/list"));
      const body = await answer.json();
      if (!answer.ok) throw Object.assign(new Error(), { code: `status ${answer.status}` });
      said.textContent = `Served as version ${body.version}.`;
      at("order-list").replaceChildren(...body.data.map((order) => {
        const row = document.createElement("li");
        const total = order.total.cents === undefined ? order.total : order.total.cents / 100;
        row.append(`No. ${order.number}${order.lines ? `, ${order.lines[0].title}` : ""}`, ` € ${total.toFixed(2)}`);
        return row;
      }));
    } catch (error) {
      said.textContent = `No orders: ${error.code ?? error.name}.`;
      at("order-list").replaceChildren();
    }
  });
}

function flags() {
  const apply = () => {
    const get = (key, fallback) => trueup?.flags.get(key, fallback) ?? fallback;
    const fresh = get("new-checkout", false);
    at("checkout").textContent = fresh ? "Check out in one step" : "Check out";
    at("checkout").classList.toggle("new", fresh);
    at("gift-wrap").hidden = !get("gift-wrap", false);
    const banner = get("banner", "");
    at("banner").textContent = banner;
    at("banner").hidden = !banner;
  };
  trueup?.on("flags", apply);
  trueup?.ready.then(apply);
  apply();
}

/** Tells the console, where there is one, everything that happens; takes its orders. */
function consoleLink() {
  const framed = parent !== window;
  const tell = (kind, detail) => framed && parent.postMessage({ trueup: "tab", tab, build, kind, detail }, location.origin);
  const state = () => {
    if (!trueup) return;
    const { standing, refresh, plan, flags } = trueup.getSnapshot();
    const values = Object.fromEntries([...flags].map(([key, { value, variant, reason }]) => [key, { value, variant, reason }]));
    at("standing").textContent = standing.status;
    tell("state", { standing, refresh, plan, flags: values });
  };
  tell("hello", { trueup: Boolean(trueup), visible: document.visibilityState });
  for (const event of ["standing", "refresh", "plan", "flags", "error", "poll"]) {
    trueup?.on(event, (detail) => tell(event, detail));
  }
  trueup?.subscribe(state);
  trueup?.ready.then((how) => tell("ready", how));
  state();
  addEventListener("message", ({ data, origin }) => {
    if (origin !== location.origin || data?.trueup !== "console") return;
    if (data.do === "visible") pretend(data.on);
    if (data.do === "theme") document.documentElement.style.colorScheme = data.scheme;
    if (data.do === "now") trueup?.refresh.now();
    if (data.do === "check") trueup?.check();
    if (data.do === "inspect") tell("inspect", trueup ? JSON.parse(JSON.stringify(trueup.inspect())) : null);
  });
  return { report: tell };
}

/** Frames share their page's visibility, so the console's "hide" has to be acted out. */
function pretend(visible) {
  const state = visible ? "visible" : "hidden";
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  Object.defineProperty(document, "hidden", { configurable: true, get: () => !visible });
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}
