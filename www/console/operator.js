// The operator's panel: builds and their roll-out, the supported window, the refresh policy.

import { buildName, builds, live, newId, nextVersion, order, versionOf } from "./builds.js";
import { manifest, onState, send, shop } from "./server.js";

const at = (id) => document.getElementById(id);
const patch = (patch) => send({ do: "manifest", patch });

/** Wires everything up; to be called once. */
export function start() {
  panels();
  deploying();
  windowOf();
  policy();
  onState(() => {
    showBuilds();
    showWindow();
    showPolicy();
  });
}

/** Tabs as the ARIA pattern has them: arrows move, one is in the tab order. */
function panels() {
  const all = [...document.querySelectorAll('[role="tab"]')];
  const choose = (tab) => {
    for (const other of all) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      at(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    tab.focus();
  };
  for (const [index, tab] of all.entries()) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const to = { Home: 0, End: all.length - 1 }[event.key] ?? (step && (index + step + all.length) % all.length);
      if (to === undefined) return;
      event.preventDefault();
      choose(all[to]);
    });
  }
}

function deploying() {
  const form = at("deploy");
  let sending = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    // A double click means one build.
    if (sending) return;
    sending = true;
    const share = Number(event.submitter?.value) || 1;
    const { version, notes, stale, delete: removes } = Object.fromEntries(new FormData(form));
    const [id, before] = [newId(), live()];
    const refresh = { notes: notes ? { en: notes } : null };
    const commands = [share < 1 ? { do: "rollout", id, version, share, manifest: { refresh } } : { do: "deploy", id, version, manifest: { refresh } }];
    if (stale && before) commands.unshift({ do: "shell", id: shop().staleShell ?? before });
    if (removes) commands.push(...builds().map(({ id }) => ({ do: "delete-assets", id })));
    await send(...commands).finally(() => (sending = false));
    form.reset();
    form.elements.version.value = nextVersion();
  });
  at("share").addEventListener("change", () => {
    const { build } = shop().servers.at(-1);
    send({ do: "rollout", id: build, share: at("share").value / 100 });
  });
  at("share").addEventListener("input", () => (at("share-out").textContent = `${at("share").value} %`));
  at("rollback").addEventListener("click", rollBack);
  at("unstale").addEventListener("click", () => send({ do: "shell", id: null }));
  at("builds").addEventListener("click", (event) => {
    const id = event.target.closest("[data-block]")?.dataset.block;
    if (!id) return;
    const { blocked = [] } = manifest().supported ?? {};
    const there = blocked.some((one) => one.id === id);
    patch({ supported: { blocked: there ? blocked.filter((one) => one.id !== id) : [...blocked, { id }] } });
  });
}

/** In one step: the build before is current again, the newer one is blocked, and the window reaches down to it. */
function rollBack() {
  const current = live();
  const { minimum, recommended, blocked = [] } = manifest().supported ?? {};
  const good = builds().find(
    ({ id, version }) => order(version, versionOf(current)) < 0 && !blocked.some((one) => one.id === id),
  );
  if (!good) return;
  const lowered = (value) => (value && order(value, good.version) > 0 ? good.version : value);
  const supported = { blocked: [...blocked, { id: current }] };
  if (minimum) supported.minimum = lowered(minimum);
  if (recommended) supported.recommended = lowered(recommended);
  send({ do: "delete-assets", id: good.id, deleted: false }, { do: "deploy", id: good.id, manifest: { supported } });
}

function showBuilds() {
  const form = at("deploy").elements;
  if (!form.version.value || builds().some(({ version }) => version === form.version.value)) form.version.value = nextVersion();
  const app = shop();
  const servers = app?.servers ?? [];
  const { blocked = [] } = manifest().supported ?? {};
  at("roll").hidden = servers.length < 2;
  if (servers.length > 1) {
    const total = servers.reduce((sum, { share }) => sum + share, 0);
    const share = Math.round((servers.at(-1).share / total) * 100);
    if (document.activeElement !== at("share")) at("share").value = share;
    at("share-out").textContent = `${share} %`;
  }
  at("rollback").disabled = builds().filter(({ version }) => order(version, versionOf(live())) < 0).length === 0;
  at("unstale").hidden = !app?.staleShell;
  at("builds").replaceChildren(
    ...builds().slice(0, 6).map(({ id, version, assetsDeleted }) => {
      const row = document.createElement("li");
      row.append(buildName(id, version));
      const said = document.createElement("span");
      const share = servers.find(({ build }) => build === id)?.share;
      const is = blocked.some((one) => one.id === id);
      const words = [
        share !== undefined && (share < 1 ? `${Math.round(share * 100)} %` : "live"),
        app.staleShell === id && "CDN’s page",
        is && "blocked",
        assetsDeleted && "chunks deleted",
      ];
      said.className = is ? "bad" : "quiet";
      said.textContent = words.filter(Boolean).join(", ");
      const block = document.createElement("button");
      Object.assign(block, { type: "button", className: "small", textContent: is ? "Unblock" : "Block" });
      block.dataset.block = id;
      block.setAttribute("aria-label", `${block.textContent} ${version}`);
      // A manifest that blocks its own current build is refused.
      block.disabled = id === live();
      row.append(said, block);
      return row;
    }),
  );
}

function windowOf() {
  at("minimum").addEventListener("change", () => {
    const minimum = at("minimum").value;
    const { recommended } = manifest().supported ?? {};
    const supported = { minimum: minimum || null };
    if (minimum && recommended && order(recommended, minimum) < 0) supported.recommended = minimum;
    patch({ supported });
  });
  at("recommended").addEventListener("change", () => {
    const recommended = at("recommended").value;
    const { minimum } = manifest().supported ?? {};
    const supported = { recommended: recommended || null };
    if (recommended && minimum && order(minimum, recommended) > 0) supported.minimum = recommended;
    if (!recommended) supported.deadline = null;
    patch({ supported });
  });
  at("deadline").addEventListener("click", ({ target }) => {
    if (target.tagName !== "BUTTON") return;
    const deadline = target.value && new Date(Date.now() + target.value * 1000).toISOString();
    patch({ supported: { deadline: deadline || null } });
  });
}

function showWindow() {
  const { minimum, recommended, deadline } = manifest().supported ?? {};
  const current = versionOf(live());
  const versions = [...new Set(builds().map(({ version }) => version))].filter((version) => order(version, current) <= 0);
  const fill = (select, value) => {
    const known = value && !versions.includes(value) ? [...versions, value] : versions;
    select.replaceChildren(new Option("none", ""), ...known.map((version) => new Option(version, version)));
    select.value = value ?? "";
  };
  fill(at("minimum"), minimum);
  fill(at("recommended"), recommended);
  at("deadline-said").textContent = deadline
    ? `From ${new Date(deadline).toLocaleTimeString([], { hour12: false })} on, builds below the recommended one are unsupported.`
    : recommended
      ? "Builds below the recommended one are urged to refresh."
      : "Choose a recommended version first.";
  for (const button of at("deadline").children) button.disabled = !recommended;
}

function policy() {
  at("urgency").addEventListener("change", ({ target }) => patch({ refresh: { urgency: target.value } }));
  at("act-share").addEventListener("input", () => (at("act-share-out").textContent = `${at("act-share").value} %`));
  at("act-share").addEventListener("change", () => patch({ refresh: { share: at("act-share").value / 100 } }));
  at("spread").addEventListener("change", () => patch({ refresh: { spreadSeconds: Number(at("spread").value) } }));
  at("paused").addEventListener("change", () => patch({ refresh: { paused: at("paused").checked } }));
}

function showPolicy() {
  const { urgency = "normal", share = 1, spreadSeconds = 300, paused = false } = manifest().refresh ?? {};
  for (const radio of at("urgency").querySelectorAll("input")) radio.checked = radio.value === urgency;
  const free = (field) => document.activeElement !== field;
  if (free(at("act-share"))) at("act-share").value = share * 100;
  at("act-share-out").textContent = `${Math.round(share * 100)} %`;
  if (free(at("spread"))) at("spread").value = spreadSeconds;
  at("paused").checked = paused;
}
