// The census of builds, from the beacons that tabs send.

import { swatch, versionOf } from "./builds.js";

const place = document.getElementById("census");
/** Beacons older than this say nothing about who is there now. */
const RECENT = 10 * 60_000;

let reports = [];

/** Reads what was reported so far. */
export async function start() {
  reports = await (await fetch("/__reports")).json();
  show();
  setInterval(show, 15_000);
}

/** Takes one more beacon. */
export function take(report) {
  reports.push(report);
  show();
}

export function clear() {
  reports = [];
  show();
}

/** The latest word of each tab, counted by build. */
function show() {
  const latest = new Map();
  for (const { at, tab, seq, report } of reports) {
    if (at < Date.now() - RECENT) continue;
    for (const one of Array.isArray(report) ? report : (report?.reports ?? [report])) latest.set(tab ?? `beacon ${seq}`, one);
  }
  const counts = new Map();
  for (const one of latest.values()) {
    const id = one?.build?.id ?? one?.build ?? "unknown";
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const most = Math.max(1, ...counts.values());
  const rows = [...counts].sort(([, a], [, b]) => b - a).map(([id, count]) => {
    const row = document.createElement("div");
    row.className = "bar";
    row.style.setProperty("--swatch", swatch(versionOf(id)));
    row.innerHTML = "<span></span><span><i></i></span><b></b>";
    row.children[0].textContent = versionOf(id);
    Object.assign(row.querySelector("i").style, { display: "block", width: `${(count / most) * 100}%` });
    row.children[2].textContent = count;
    return row;
  });
  const none = document.createElement("p");
  none.className = "hint";
  none.textContent = "No reports in the last ten minutes. Tabs send one a minute at most, and when they are left.";
  place.replaceChildren(...(rows.length ? rows : [none]));
}
