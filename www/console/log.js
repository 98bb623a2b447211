// The timeline: requests, events of the tabs, and what the operator did, newest first.

const body = document.getElementById("log");
const ofTab = document.getElementById("log-tab");
const ofKind = document.getElementById("log-kind");
const quiet = document.getElementById("log-quiet");
const KEPT = 600;
const SHOWN = 250;
const TIME = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false });

let entries = [];
let waiting = false;

/** Adds a row. `what` and `outcome` are texts; `bad` colours the outcome; `quiet` rows can be hidden. */
export function add({ at = Date.now(), tab = "", kind, what, outcome = "", bad = false, dull = false }) {
  const entry = { at, tab: String(tab), kind, what, outcome, bad, dull };
  // Requests are told when they are answered, and stand at the time at which they were made.
  let place = entries.length;
  while (place > 0 && entries[place - 1].at > at) place--;
  entries.splice(place, 0, entry);
  if (entries.length > KEPT + 100) entries = entries.slice(-KEPT);
  later();
}

/** Which tabs can be chosen. */
export function choices(ids) {
  const before = ofTab.value;
  ofTab.replaceChildren(new Option("all tabs", ""), ...ids.map((id) => new Option(`tab ${id}`, id)));
  ofTab.value = ids.includes(before) ? before : "";
}

export function clear() {
  entries = [];
  later();
}

for (const control of [ofTab, ofKind, quiet]) control.addEventListener("change", later);

/** Once per frame at most. */
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    show();
  });
}

function show() {
  const wanted = entries.filter(
    (entry) =>
      (!ofTab.value || entry.tab === ofTab.value) &&
      (!ofKind.value || entry.kind === ofKind.value) &&
      !(quiet.checked && entry.dull),
  );
  body.replaceChildren(...wanted.slice(-SHOWN).reverse().map(row));
  if (!wanted.length) {
    const empty = row({ at: 0, tab: "", kind: "", what: "Nothing yet: open a tab or deploy a build.", outcome: "" });
    body.append(empty);
  }
}

function row({ at, tab, kind, what, outcome, bad }) {
  const row = document.createElement("tr");
  row.className = kind;
  const cells = [at ? TIME.format(at) : "", tab && `tab ${tab}`, what, outcome];
  for (const text of cells) row.appendChild(document.createElement("td")).textContent = text;
  if (bad) row.lastChild.className = "bad";
  return row;
}
