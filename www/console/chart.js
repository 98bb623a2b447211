// The skew chart: one lane for the servers, one for each tab. Time runs to the right, colour is the build that runs.

import { swatch, versionOf } from "./builds.js";

const canvas = document.getElementById("chart");
const tip = document.getElementById("tip");
const LABEL = 84;
const BAR = 16;
const LANE = 40;
const TOP = 8;
const FOOT = 20;

/** Lane key → { name, spans: [{ from, to, parts: [{ version, share }] }], marks: [{ at, kind, text }] }. */
const lanes = new Map([["servers", { name: "Servers", spans: [], marks: [] }]]);
/** What was broken, and when: [{ from, to, text }]. */
let troubles = [];
let seconds = 60;
let colours = {};
let hits = [];

/** The time shown, in seconds. */
export function setSpan(value) {
  seconds = value;
}

/** From now on this lane runs these builds. The same again changes nothing. */
export function run(key, parts) {
  const lane = laneOf(key);
  const last = lane.spans.at(-1);
  if (last && JSON.stringify(last.parts) === JSON.stringify(parts)) return;
  if (last) last.to = Date.now();
  lane.spans.push({ from: Date.now(), to: undefined, parts });
}

/** What is broken from now on, as a list of texts. */
export function trouble(texts) {
  const now = Date.now();
  const open = troubles.filter(({ to }) => !to);
  for (const one of open) if (!texts.includes(one.text)) one.to = now;
  for (const text of texts) if (!open.some((one) => one.text === text)) troubles.push({ from: now, to: undefined, text });
}

/** Makes room for a tab that is about to load. */
export function add(key) {
  laneOf(key);
}

/** Takes a lane away. */
export function remove(key) {
  lanes.delete(key);
}

/** Notes that something happened: `poll`, `unchanged`, `failed`, `prompt`, `load`. */
export function mark(key, kind, text, at = Date.now()) {
  const lane = lanes.get(key);
  if (!lane) return;
  lane.marks.push({ at, kind, text });
  if (lane.marks.length > 2000) lane.marks.splice(0, 500);
}

/** Forgets everything but the lanes. */
export function clear() {
  for (const lane of lanes.values()) Object.assign(lane, { spans: [], marks: [] });
  troubles = [];
}

/** Draws from now on, a few times a second and only while it is seen. */
export function start() {
  let drawn = 0;
  const frame = (time) => {
    if (time - drawn > 120) {
      drawn = time;
      draw();
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
}

/** Reads the colours anew, after the theme has changed. */
export function recolour() {
  colours = {};
}

function laneOf(key) {
  if (!lanes.has(key)) lanes.set(key, { name: `Tab ${key}`, spans: [], marks: [] });
  return lanes.get(key);
}

function draw() {
  const width = canvas.clientWidth;
  const height = TOP + lanes.size * LANE + FOOT;
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = `12.5px ${getComputedStyle(document.body).fontFamily}`;
  pen.textBaseline = "middle";
  const now = Date.now();
  const x = (at) => LABEL + ((at - (now - seconds * 1000)) / (seconds * 1000)) * (width - LABEL - 2);
  hits = [];
  grid(pen, x, now, width, height);
  let y = TOP;
  for (const lane of lanes.values()) {
    drawLane(pen, lane, y, x, now, width);
    y += LANE;
  }
  drawTroubles(pen, x, now, width);
  describe();
}

function grid(pen, x, now, width, height) {
  const step = seconds <= 60 ? 10 : seconds <= 180 ? 30 : 120;
  pen.lineWidth = 1;
  for (let ago = 0; ago <= seconds; ago += step) {
    const at = Math.round(x(now - ago * 1000)) + 0.5;
    pen.strokeStyle = colour("var(--line)");
    line(pen, at, TOP, at, height - FOOT + 4);
    pen.fillStyle = colour("var(--quiet)");
    pen.textAlign = ago === 0 ? "right" : at - LABEL < 20 ? "left" : "center";
    const text = ago === 0 ? "now" : ago < 120 ? `−${ago} s` : `−${ago / 60} min`;
    pen.fillText(text, ago === 0 ? width - 2 : at, height - 7);
  }
}

function drawLane(pen, lane, y, x, now, width) {
  pen.textAlign = "left";
  pen.fillStyle = colour("var(--ink)");
  pen.fillText(lane.name, 0, y + BAR / 2 + 2);
  for (const span of lane.spans) {
    const to = span.to ?? now;
    if (x(to) < LABEL) continue;
    const left = Math.max(LABEL, x(span.from));
    const right = Math.min(width - 2, x(to));
    if (right <= left) continue;
    let top = y;
    for (const { version, share } of span.parts) {
      pen.fillStyle = colour(swatch(version));
      pen.fillRect(left, top, right - left, BAR * share + 0.3);
      top += BAR * share;
    }
    pen.fillStyle = colour("var(--surface)");
    if (span.from > now - seconds * 1000) pen.fillRect(left, y, 1.5, BAR);
    label(pen, span, left, right, y);
    hits.push({ left, right, top: y, bottom: y + BAR, text: words(span) });
  }
  for (const mark of lane.marks) {
    const at = x(mark.at);
    if (at >= LABEL) drawMark(pen, mark, at, y);
  }
}

/** Below the servers' bar, one above the other as far as they overlap. */
function drawTroubles(pen, x, now, width) {
  const rows = [];
  for (const { from, to = now, text } of troubles) {
    const [left, right] = [Math.max(LABEL, x(from)), Math.min(width - 2, x(to))];
    if (right <= left) continue;
    let row = rows.findIndex((end) => end <= from);
    if (row < 0) row = rows.length;
    rows[row] = to;
    const top = TOP + BAR + 3 + Math.min(row, 2) * 6;
    pen.fillStyle = colour("var(--bad)");
    pen.fillRect(left, top, Math.max(3, right - left), 4);
    hits.push({ left, right, top: top - 1, bottom: top + 5, text: `${text}, since ${clock(from)}` });
  }
}

function label(pen, span, left, right, y) {
  const text = span.parts.map(({ version }) => version).join(" / ");
  const room = right - left - 14;
  if (pen.measureText(text).width < room) {
    pen.fillStyle = colour("var(--surface)");
    pen.textAlign = "left";
    pen.font = `600 ${pen.font}`;
    pen.fillText(text, left + 7, y + BAR / 2 + 0.5);
    pen.font = pen.font.replace("600 ", "");
  }
}

function drawMark(pen, mark, at, y) {
  const low = y + BAR;
  const ink = { failed: "var(--bad)", prompt: "var(--warn)", unchanged: "var(--strong-line)" }[mark.kind] ?? "var(--ink)";
  pen.fillStyle = pen.strokeStyle = colour(ink);
  pen.lineWidth = mark.kind === "failed" ? 3 : 2;
  if (mark.kind === "unchanged") line(pen, at, low + 3, at, low + 8);
  if (mark.kind === "poll" || mark.kind === "failed") line(pen, at, low + 3, at, low + 14);
  if (mark.kind === "prompt") {
    pen.beginPath();
    pen.moveTo(at, low + 3);
    pen.lineTo(at + 5, low + 13);
    pen.lineTo(at - 5, low + 13);
    pen.fill();
  }
  if (mark.kind === "load") {
    pen.beginPath();
    pen.arc(at, low + 8, 4, 0, 7);
    pen.lineWidth = 2;
    pen.fillStyle = colour("var(--surface)");
    pen.fill();
    pen.stroke();
  }
  hits.push({ left: at - 4, right: at + 4, top: low, bottom: low + 16, text: mark.text });
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

/** A canvas knows no custom properties: the browser resolves them once. */
function colour(css) {
  if (!colours[css]) {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = css;
    colours[css] = getComputedStyle(probe).color;
    probe.remove();
  }
  return colours[css];
}

function words(span) {
  const parts = span.parts.map(({ version, share }) => (share < 1 ? `${version} (${Math.round(share * 100)} %)` : version));
  return `${parts.join(", ")}, since ${clock(span.from)}`;
}

const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });

function point(event) {
  const [x, y] = [event.offsetX, event.offsetY];
  const hit = hits.findLast((hit) => x >= hit.left - 1 && x <= hit.right + 1 && y >= hit.top && y <= hit.bottom);
  tip.hidden = !hit;
  if (!hit) return;
  tip.textContent = hit.text;
  const room = canvas.clientWidth - tip.offsetWidth / 2;
  tip.style.left = `${Math.min(room, Math.max(tip.offsetWidth / 2, x))}px`;
  tip.style.top = `${hit.top}px`;
}

/** The same in words, for those who do not see the chart. */
function describe() {
  const running = (lane) => lane.spans.at(-1)?.parts.map(({ version }) => version).join(" and ") ?? "nothing";
  const text = [...lanes.values()].map((lane) => `${lane.name}: ${running(lane)}`).join("; ");
  if (canvas.getAttribute("aria-label") !== text) canvas.setAttribute("aria-label", text);
}

/** What the servers serve, as parts of a lane. */
export function partsOf(app) {
  if (!app?.servers.length) return [];
  const total = app.servers.reduce((sum, { share }) => sum + share, 0);
  return app.servers.map(({ build, share }) => ({ version: versionOf(build), share: share / total }));
}
