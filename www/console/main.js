// The console: tabs of the shop side by side, the operator's panel, and what happens, as it happens.

import * as apis from "./apis.js";
import * as breaking from "./breaking.js";
import { first, live, order, versionOf } from "./builds.js";
import * as census from "./census.js";
import * as chart from "./chart.js";
import * as log from "./log.js";
import * as operator from "./operator.js";
import { follow, onState, refresh, send, shop } from "./server.js";
import { closeAll, onTab, open, tabs, theme } from "./tabs.js";

const at = (id) => document.getElementById(id);

await refresh();
await first();
operator.start();
breaking.start();
apis.start();
chart.start();
census.start();
follow({ answer, report: census.take });

const servers = () => {
  chart.run("servers", chart.partsOf(shop()));
  chart.trouble(breaking.broken().map(({ text }) => text));
};
onState(() => {
  servers();
  sentence();
});
setInterval(servers, 1000);
onTab(heard);
for (let i = 0; i < 3; i++) open();

at("add-tab").addEventListener("click", open);
at("span").addEventListener("change", () => chart.setSpan(Number(at("span").value)));
at("reset").addEventListener("click", async () => {
  closeAll();
  await send({ do: "reset" });
  await first();
  for (const forget of [chart.clear, log.clear, census.clear]) forget();
  for (let i = 0; i < 3; i++) open();
});

at("theme").value = localStorage.getItem("console-theme") ?? "light dark";
const applyTheme = () => {
  const scheme = at("theme").value;
  localStorage.setItem("console-theme", scheme);
  document.documentElement.style.colorScheme = scheme;
  chart.recolour();
  theme(scheme);
};
at("theme").addEventListener("change", applyTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", chart.recolour);
applyTheme();

addEventListener("console-command", ({ detail }) => {
  for (const { do: name, ...rest } of detail) {
    log.add({ kind: "command", what: `operator: ${name}`, outcome: short(JSON.stringify(rest)) });
  }
});
addEventListener("console-error", ({ detail }) => log.add({ kind: "command", what: "operator", outcome: detail, bad: true }));

/** A request that was answered, aborted or reset. */
function answer(entry) {
  const { tab, target, method, path, status, aborted, reset, faults, api, took } = entry;
  const failed = aborted || reset || !status || status >= 400 || (faults ?? []).length > 0;
  const what = `${method} ${path}`;
  const outcome = [
    aborted ? "aborted" : reset ? "connection reset" : String(status),
    api && `asked ${api.asked ?? "no version"}, ${api.served ? `served ${api.served}` : "refused"}`,
    took > 300 && `${took} ms`,
    faults?.length && `fault: ${faults.join(", ")}`,
  ].filter(Boolean).join(", ");
  const dull = target === "assets" || target === "file" || (target === "manifest" && status === 304);
  log.add({ at: entry.at, tab, kind: "request", what, outcome, bad: failed, dull });
  if (!tabs.has(tab)) return;
  if (target === "manifest") {
    const kind = failed ? "failed" : status === 304 ? "unchanged" : "poll";
    chart.mark(tab, kind, `poll: ${outcome}`, entry.at);
  } else if (failed && target !== "file") {
    chart.mark(tab, "failed", `${what}: ${outcome}`, entry.at);
  }
}

/** Something that a tab told. */
function heard(tab, kind, detail) {
  const event = (what, outcome, bad) => log.add({ tab: tab.id, kind: "event", what, outcome, bad });
  switch (kind) {
    case "opened":
      chart.add(tab.id);
      log.choices([...tabs.keys()]);
      break;
    case "closed":
      chart.remove(tab.id);
      log.choices([...tabs.keys()]);
      break;
    case "hello":
      chart.run(tab.id, [{ version: tab.build.version, share: 1 }]);
      chart.mark(tab.id, "load", `page loaded: build ${tab.build.id}, ${tab.build.version}`);
      event("page loaded", `build ${tab.build.id}, ${tab.build.version}`);
      break;
    case "visible":
      event(detail ? "shown" : "hidden", "");
      break;
    case "standing":
      event("standing", [detail.status, detail.reason].join(", "), detail.status === "unsupported");
      break;
    case "refresh":
      event("refresh", [detail.phase, detail.action, detail.reason, ...(detail.holds ?? [])].filter(Boolean).join(", "));
      if (["offering", "urging", "counting"].includes(detail.phase)) chart.mark(tab.id, "prompt", `prompt: ${detail.phase}`);
      break;
    case "plan":
      event("plan", Object.entries(detail.apis).map(([name, { version, outcome }]) => `${name} ${version ?? ""} ${outcome}`).join(", "));
      break;
    case "flags":
      event("flags", detail.join(", "));
      break;
    case "error":
      event("error", [detail.code, detail.path].filter(Boolean).join(" at "), true);
      break;
    case "chunk":
      event("lost chunk", detail.lost, true);
      break;
    case "ready":
      event("ready", detail, detail === "failed");
  }
  sentence();
}

/** How true the tabs are to the servers, in one line. */
function sentence() {
  const version = versionOf(live());
  const running = [...tabs.values()].filter((tab) => tab.build);
  const there = running.filter((tab) => order(tab.build.version, version) === 0).length;
  const said = at("sentence");
  if (!running.length) {
    said.textContent = "No tab is open.";
    return;
  }
  const count = document.createElement("b");
  count.textContent = there === running.length ? `All ${there}` : `${there} of ${running.length}`;
  const what = document.createElement("b");
  what.textContent = version;
  const { share } = shop().servers.at(-1);
  const whole = shop().servers.length === 1;
  const which = whole ? ", the build that is live." : `, which has ${Math.round(share * 100)} % of the requests.`;
  said.replaceChildren(count, ` ${running.length === 1 ? "tab runs" : "tabs run"} `, what, which);
}

const short = (text) => (text.length > 140 ? `${text.slice(0, 139)}…` : text);
