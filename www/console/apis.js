// API versions and flags: what the operator can change, in the servers and in the manifest.

import { builds } from "./builds.js";
import { manifest, onState, send, state } from "./server.js";

const at = (id) => document.getElementById(id);
const LINK = "/docs/orders-v3";

/** Wires everything up; to be called once. */
export function start() {
  for (const button of document.querySelectorAll("[data-api]")) {
    button.addEventListener("click", () => change(button.dataset.api));
  }
  for (const select of [at("refuse-status"), at("refuse-sign")]) {
    select.addEventListener("change", () =>
      send({ do: "api", name: "orders", refusal: { status: Number(at("refuse-status").value), sign: at("refuse-sign").value } }),
    );
  }
  flags();
  onState(() => {
    showApis();
    showFlags();
  });
}

function change(what) {
  const now = Math.floor(Date.now() / 1000);
  const iso = (seconds) => new Date(seconds * 1000).toISOString();
  const orders = state.apis.orders;
  const without = (version) => orders.servers.map((versions) => versions.filter((other) => other !== version));
  const changes = {
    deprecate: { servers: orders.servers, deprecated: { 2: { deprecation: now, link: LINK } } },
    sunset: { servers: orders.servers, deprecated: { 2: { deprecation: now, sunset: now + 30, link: LINK } } },
    retire: { servers: without("2"), deprecated: { 2: null } },
    "retire-old": { servers: without("1"), deprecated: {} },
    back: { servers: [["1"]], deprecated: { 2: null } },
    mixed: { servers: [["1", "2"], ["2", "3"]], deprecated: { 2: null } },
    restore: { servers: [["1", "2", "3"]], deprecated: { 2: null } },
  };
  const api = changes[what];
  const commands = [{ do: "api", name: "orders", ...api }];
  if (at("api-publish").checked) {
    const old = { ...orders.deprecated, ...api.deprecated }[2];
    const deprecated = old ? { 2: { since: iso(old.deprecation), link: LINK, ...(old.sunset && { sunset: iso(old.sunset) }) } } : null;
    const supported = [...new Set(api.servers.flat())].sort();
    const preferred = supported.at(-1) ?? null;
    commands.push({ do: "manifest", patch: { apis: { orders: { supported, preferred, deprecated } } } });
  }
  send(...commands);
}

function showApis() {
  const { servers, deprecated, refusal } = state.apis.orders;
  const published = manifest().apis?.orders ?? {};
  const rows = ["1", "2", "3"].map((version) => {
    const row = document.createElement("li");
    const count = servers.filter((versions) => versions.includes(version)).length;
    const sunset = deprecated[version]?.sunset;
    const gone = sunset && sunset * 1000 <= Date.now();
    const served = count === 0 || gone ? "not served" : count < servers.length ? "on one of two servers" : "served";
    const old = sunset ? (gone ? ", its sunset has passed" : `, until ${new Date(sunset * 1000).toLocaleTimeString([], { hour12: false })}`) : deprecated[version] ? ", deprecated" : "";
    const listed = published.supported?.includes(version) ? "" : "; not in the manifest";
    row.innerHTML = "<b></b> <span></span>";
    row.firstChild.textContent = `v${version}`;
    row.lastChild.textContent = served + old + listed;
    row.lastChild.className = count === 0 || gone ? "bad" : deprecated[version] ? "warn" : "quiet";
    return row;
  });
  at("orders-versions").replaceChildren(...rows);
  at("refuse-status").value = refusal.status;
  at("refuse-sign").value = refusal.sign;
}

function flags() {
  const set = (key, flag) => send({ do: "manifest", patch: { flags: { flags: { [key]: flag } } } });
  at("checkout-on").addEventListener("change", () => set("new-checkout", { state: at("checkout-on").checked ? "ENABLED" : "DISABLED" }));
  at("checkout-share").addEventListener("input", () => (at("checkout-share-out").textContent = `${at("checkout-share").value} %`));
  at("checkout-share").addEventListener("change", () => {
    const share = Number(at("checkout-share").value);
    set("new-checkout", { targeting: { fractional: [["on", share], ["off", 100 - share]] } });
  });
  at("wrap-from").addEventListener("change", () =>
    set("gift-wrap", { targeting: { if: [{ sem_ver: [{ var: "$build.version" }, ">=", at("wrap-from").value] }, "on", "off"] } }),
  );
  at("banner").addEventListener("change", () => set("banner", { defaultVariant: at("banner").value }));
}

function showFlags() {
  const all = manifest().flags?.flags ?? {};
  const { "new-checkout": checkout, "gift-wrap": wrap, banner } = all;
  const free = (field) => document.activeElement !== field;
  at("checkout-on").checked = checkout?.state === "ENABLED";
  const share = checkout?.targeting?.fractional?.[0]?.[1] ?? 0;
  if (free(at("checkout-share"))) at("checkout-share").value = share;
  at("checkout-share-out").textContent = `${share} % of visitors`;
  const from = wrap?.targeting?.if?.[0]?.sem_ver?.[2] ?? "";
  const versions = [...new Set([...builds().map(({ version }) => version), from])].filter(Boolean);
  at("wrap-from").replaceChildren(...versions.map((version) => new Option(version, version)));
  at("wrap-from").value = from;
  at("banner").value = banner?.defaultVariant ?? "none";
}
