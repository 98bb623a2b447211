// What the operator can break, and mend.

import { versionOf } from "./builds.js";
import { onState, send, shop, state } from "./server.js";

const at = (id) => document.getElementById(id);

const FAULTS = {
  503: ["503", { status: 503 }],
  "retry-after": ["503, wait 20 s", { status: 503, retryAfter: 20 }],
  html: ["HTML, status 200", { kind: "html" }],
  empty: ["Empty body", { kind: "empty" }],
  malformed: ["Broken JSON", { kind: "malformed" }],
  hang: ["Never answers", { hang: true }],
  late: ["3 s late", { delayMs: 3000 }],
  reset: ["Connection reset", { reset: true }],
  login: ["Redirect to a login", { redirect: "other:/login" }],
};

/** Wires everything up; to be called once. */
export function start() {
  for (const [name, [label]] of Object.entries(FAULTS)) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: label });
    button.addEventListener("click", () => toggle(name));
    button.dataset.fault = name;
    at("faults").append(button);
  }
  extra("Stale manifest", "stale-manifest", () => ({ do: "stale-manifest", on: !shop().staleManifest }));
  extra("Stale page (CDN)", "stale-page", () => ({ do: "shell", id: shop().staleShell ? null : shop().servers.at(-1).build }));
  extra("Clock a day ahead", "clock", () => ({ do: "clock", skewMs: state.skewMs ? 0 : 86_400_000 }));
  at("fault-target").addEventListener("change", show);
  at("mend").addEventListener("click", () =>
    send({ do: "clear" }, { do: "shell", id: null }, { do: "stale-manifest", on: false }, { do: "clock", skewMs: 0 }),
  );
  at("in-force").addEventListener("click", ({ target }) => {
    if (target.dataset.mend) send(JSON.parse(target.dataset.mend));
  });
  onState(show);
  // Faults that end by their time are told by nobody.
  setInterval(() => state?.faults.some(({ ends }) => ends) && show(), 1000);
}

/** What is broken at the moment: in words, how long it lasts in ms if that is known, and the command that mends it. */
export function broken() {
  if (!state) return [];
  const faults = state.faults
    .filter((fault) => !over(fault))
    .map((fault) => {
      const [target, name] = fault.id.split(":");
      const text = `${names[target] ?? target}: ${FAULTS[name]?.[0] ?? fault.id}`;
      return { text, left: fault.ends && fault.ends - Date.now(), mend: { do: "clear", id: fault.id } };
    });
  const app = shop();
  if (app?.staleShell) faults.push({ text: `CDN: the page of ${versionOf(app.staleShell)}`, mend: { do: "shell", id: null } });
  if (app?.staleManifest) faults.push({ text: `CDN: manifest ${app.staleManifest}`, mend: { do: "stale-manifest", on: false } });
  if (state.skewMs) faults.push({ text: "Servers’ clock a day ahead", mend: { do: "clock", skewMs: 0 } });
  return faults;
}

const names = { manifest: "manifest", shell: "page", api: "APIs", any: "everything" };
const over = ({ ends, times, hit }) => (ends && ends < Date.now()) || (times && hit >= times);

function extra(label, name, command) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: label });
  button.dataset.extra = name;
  button.addEventListener("click", () => send(command()));
  at("faults").append(button);
}

function toggle(name) {
  const target = at("fault-target").querySelector(":checked").value;
  const id = `${target}:${name}`;
  if (state.faults.some((fault) => fault.id === id && !over(fault))) return send({ do: "clear", id });
  const forMs = at("fault-time").value;
  return send({ do: "fault", id, target, ...FAULTS[name][1], ...(forMs && { forMs: Number(forMs) }) });
}


function show() {
  const target = at("fault-target").querySelector(":checked").value;
  const on = new Set(state.faults.filter((fault) => !over(fault)).map(({ id }) => id));
  const extras = { "stale-manifest": shop()?.staleManifest, "stale-page": shop()?.staleShell, clock: state.skewMs };
  for (const button of at("faults").children) {
    const { fault, extra } = button.dataset;
    button.setAttribute("aria-pressed", String(fault ? on.has(`${target}:${fault}`) : Boolean(extras[extra])));
  }
  const rows = broken().map(({ text, left, mend: command }) => {
    const row = document.createElement("li");
    row.append(left ? `${text}, ${Math.ceil(left / 1000)} s left` : text);
    const mend = document.createElement("button");
    Object.assign(mend, { type: "button", className: "small", textContent: "Mend" });
    mend.setAttribute("aria-label", `Mend: ${text}`);
    mend.dataset.mend = JSON.stringify(command);
    row.append(mend);
    return row;
  });
  const none = document.createElement("li");
  none.className = "quiet";
  none.textContent = "Everything works.";
  at("in-force").replaceChildren(...(rows.length ? rows : [none]));
  at("mend").disabled = rows.length === 0;
}
