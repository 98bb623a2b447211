// The tabs of the shop, side by side: each a frame that runs the build it was loaded with.

import { buildName, swatch } from "./builds.js";

/** All open tabs, by id. */
export const tabs = new Map();

const listeners = new Set();

/** Calls `listener(tab, kind, detail)` for everything that a tab tells. */
export function onTab(listener) {
  listeners.add(listener);
}

/** Opens a tab on whatever the servers serve now. */
export function open() {
  const id = String(Math.max(0, ...[...tabs.keys()].map(Number)) + 1);
  const card = document.createElement("article");
  card.className = "tab";
  card.setAttribute("aria-label", `Tab ${id}`);
  card.innerHTML = `
    <div class="tab-head"><h3></h3>
      <button type="button" class="small" data-do="check">Poll</button>
      <button type="button" class="small" data-do="hide" aria-pressed="false">Hide</button>
      <button type="button" class="small" data-do="load">Reload</button>
      <button type="button" class="small" data-do="close">Close</button></div>
    <dl><dt>Stands</dt><dd data-of="standing">not heard yet</dd>
      <dt>Refresh</dt><dd data-of="refresh">not heard yet</dd></dl>
    <iframe></iframe>
    <dl><dt>APIs</dt><dd data-of="plan" class="chips">not heard yet</dd>
      <dt>Flags</dt><dd data-of="flags" class="chips">not heard yet</dd></dl>`;
  card.querySelector("h3").textContent = `Tab ${id}`;
  for (const button of card.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent} (tab ${id})`);
  }
  const frame = card.querySelector("iframe");
  frame.name = `tab-${id}`;
  frame.title = `The shop in tab ${id}`;
  frame.src = `/shop/?tab=${id}`;
  const tab = { id, card, frame, build: undefined, visible: true, loads: 0 };
  tabs.set(id, tab);
  card.addEventListener("click", (event) => act(tab, event.target.closest("button")));
  document.getElementById("tabs").append(card);
  tell("opened", tab);
}

/** Closes all of them. */
export function closeAll() {
  for (const tab of [...tabs.values()]) close(tab);
}

/** Sets the colour scheme of the frames. */
export function theme(scheme) {
  for (const tab of tabs.values()) post(tab, { do: "theme", scheme });
}

function act(tab, button) {
  switch (button?.dataset.do) {
    case "check":
      post(tab, { do: "check" });
      break;
    case "hide":
      tab.visible = !tab.visible;
      button.setAttribute("aria-pressed", String(!tab.visible));
      button.textContent = tab.visible ? "Hide" : "Show";
      tab.card.classList.toggle("away", !tab.visible);
      post(tab, { do: "visible", on: tab.visible });
      tell("visible", tab, tab.visible);
      break;
    case "load":
      tab.frame.contentWindow.location.reload();
      break;
    case "close":
      close(tab);
  }
}

function close(tab) {
  tab.card.remove();
  tabs.delete(tab.id);
  tell("closed", tab);
}

function post(tab, what) {
  tab.frame.contentWindow?.postMessage({ trueup: "console", ...what }, location.origin);
}

addEventListener("message", ({ data, origin, source }) => {
  if (origin !== location.origin || data?.trueup !== "tab") return;
  const tab = tabs.get(data.tab);
  if (!tab || source !== tab.frame.contentWindow) return;
  if (data.kind === "hello") {
    tab.build = data.build;
    tab.loads += 1;
    tab.state = undefined;
    tab.alone = !data.detail.trueup;
    post(tab, { do: "theme", scheme: document.documentElement.style.colorScheme });
    if (!tab.visible) post(tab, { do: "visible", on: false });
  }
  if (data.kind === "state") tab.state = data.detail;
  show(tab);
  tell(data.kind, tab, data.detail);
});

function tell(kind, tab, detail) {
  for (const listener of listeners) listener(tab, kind, detail);
}

function show(tab) {
  const { card, build, state } = tab;
  card.style.setProperty("--swatch", swatch(build.version));
  card.querySelector("h3").replaceChildren(`Tab ${tab.id} `, buildName(undefined, build.version));
  const of = (name) => card.querySelector(`[data-of="${name}"]`);
  if (tab.alone) {
    for (const name of ["standing", "refresh", "plan", "flags"]) of(name).textContent = "Trueup did not load; the shop runs on";
    return;
  }
  if (!state) return;
  of("standing").replaceChildren(span(`standing ${state.standing.status}`, state.standing.status), because(state.standing, state.standing.status));
  of("refresh").replaceChildren(phase(state.refresh), state.refresh.phase === "idle" ? "" : because(state.refresh, state.standing.reason));
  const plans = Object.entries(state.plan?.apis ?? {});
  of("plan").replaceChildren(...plans.map(([name, plan]) => {
    const good = { agreed: "good", deprecated: "warn", "client-too-old": "bad", "client-too-new": "bad" }[plan.outcome];
    const version = plan.version ? ` ${plan.version}` : "";
    const left = plan.deadline ? ` until ${clock(plan.deadline)}` : "";
    const chip = span("", `${name}${version} `);
    chip.append(span(good ?? "quiet", `${plan.outcome}${left}`));
    return chip;
  }));
  const flags = Object.entries(state.flags ?? {});
  of("flags").replaceChildren(...flags.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { variant, reason }]) => {
    const chip = span("", `${key} `);
    chip.append(span(variant === "on" ? "good" : "quiet", variant ?? (reason === "DISABLED" ? "switched off" : reason)));
    return chip;
  }));
  for (const name of ["plan", "flags"]) if (!of(name).firstChild) of(name).textContent = "none yet";
}

function phase(refresh) {
  const words = {
    idle: "nothing to do", spreading: "waits for its turn", checking: "looks at the page", waiting: "waits",
    navigation: "takes the next navigation", offering: "is offered", urging: "is urged", holding: "is held",
    counting: "counts down", deferred: "is put off", saving: "saves", reloading: "reloads", cancelled: "was cancelled",
    refused: "is refused", stuck: "is stuck",
  };
  const until = refresh.until ? ` until ${clock(refresh.until)}` : "";
  return span(refresh.phase === "idle" ? "quiet" : "", `${words[refresh.phase] ?? refresh.phase}${until}`);
}

/** The reason, where it says more than is said already. */
function because({ reason, holds }, said) {
  const why = [reason !== said && (WHY[reason] ?? reason), ...(holds ?? [])].filter(Boolean).join(", ");
  return span("quiet", why ? `, ${why}` : "");
}

/** Reasons in words; what is not here is shown as its code. */
const WHY = {
  "below-minimum": "below the minimum", "deadline-passed": "its deadline has passed", "below-recommended": "below the recommended version",
  newer: "newer than what is current", older: "older than what is current", "same-version": "another build of this version",
  "no-manifest": "no manifest was heard", "no-page": "the page does not answer as one", "same-build": "the page is still this build",
  "other-build": "the page is another old build", "no-mark": "the page has no mark", worker: "a service worker has the old page",
  hidden: "it is hidden", unheard: "the servers were not heard of late", holds: "", paused: "refreshes are paused", share: "outside of the share",
};

const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });

function span(name, text) {
  const span = document.createElement("span");
  if (name) span.className = name;
  span.textContent = text;
  return span;
}

