// What a poll costs the main thread of a page in Chromium: `cargo xtask bench poll`.
//
// Each figure is the median of 100 runs. A run goes from the call (`check()`; or a bare `fetch`, `text()`, `JSON.parse`)
// to the turn after its result. Counted is the CPU time of the renderer's main thread in between, by Chromium's trace:
// "all" is everything there, and most of it is what any fetch costs; "script" is the microtasks, where all JavaScript and
// wasm of a run is. The difference to the bare fetch is Trueup's own: decoding, deciding, telling the other tabs, keeping.
import { readFile } from "node:fs/promises";
import { browser, end, serveSite } from "../e2e/driver.mjs";

const RUNS = 100;
const WARM = 20;

const flags = (turn) =>
  Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [
      `flag-${n}`,
      {
        state: "ENABLED",
        variants: { on: true, off: false },
        defaultVariant: n === turn % 100 ? "on" : "off",
        metadata: { owner: "shop", since: "2026-11-01", about: "rolled out" },
        targeting: n % 2 ? { if: [{ "==": [{ var: "plan" }, "team"] }, "on"] } : { fractional: [["on", 25], ["off", 75]] },
      },
    ]),
  );

/** Small and always the same; 20 KB with 100 flags, of which one or two change each time. */
const small = JSON.stringify({ trueup: 1, serial: 1, current: { id: "b1", version: "1.0.0" } });
let turn = 0;
const large = () => JSON.stringify({ trueup: 1, serial: ++turn, current: { id: "b1", version: "1.0.0" }, flags: { flags: flags(turn) } });

const json = (body, etag) => ({
  type: "application/json",
  headers: { "cache-control": "no-cache", etag },
  ...body,
});
const origin = await serveSite({
  "/": `<!doctype html><script type="module">import { connect } from "/index.js"; window.connect = connect;</script>`,
  "/index.js": await readFile(`${process.env.TRUEUP_PKG}/dist/index.js`, "utf8"),
  "/small.json": ({ headers }) => (headers["if-none-match"] ? json({ status: 304 }, '"1"') : json({ body: small }, '"1"')),
  "/large.json": () => json({ body: large() }, `"${turn}"`),
});

/** In the page: `RUNS` measured runs between marks, and what tells whether they did what they are for. */
async function run({ manifest, bare, runs, warm }) {
  const context = { targetingKey: "visitor-1", plan: "free" };
  const trueup = bare ? undefined : connect({ build: { id: "b1" }, app: manifest, manifest, poll: { everySeconds: 3600 }, flags: { context } });
  await trueup?.ready;
  const seen = {};
  const count = (what) => (seen[what] = (seen[what] ?? 0) + 1);
  trueup?.on("poll", ({ outcome }) => count(outcome));
  trueup?.on("flags", () => count("flags"));
  const once = bare ? async () => JSON.parse(await (await fetch(manifest, { cache: "no-cache" })).text()) : () => trueup.check();
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  for (let i = 0; i < warm + runs; i++) {
    await pause(5);
    if (i >= warm) performance.mark("run-begins");
    await once();
    await pause(0);
    if (i >= warm) performance.mark("run-ends");
  }
  trueup?.close();
  return seen;
}

/** CPU time on the main thread in each run, in ms: of everything, and of microtasks. */
function measure(trace) {
  const { traceEvents: events } = JSON.parse(trace);
  const marks = events.filter(({ name }) => /^run-(begins|ends)$/.test(name)).sort((a, b) => a.ts - b.ts);
  const { pid, tid } = marks[0];
  const here = events.filter((event) => event.pid === pid && event.tid === tid && event.ph === "X").sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  // A few kinds of events have wall time only.
  if (!here.some(({ tdur }) => tdur !== undefined)) throw new Error("this browser's trace has no CPU times");
  /** Those that do not lie within another one. */
  const outermost = (list) => {
    let ended = 0;
    return list.filter(({ ts, dur }) => ts >= ended && ((ended = ts + dur), true));
  };
  const [all, script] = [outermost(here), outermost(here.filter(({ name }) => name === "BlinkScheduler_PerformMicrotaskCheckpoint"))];
  const within = (list, from, to) =>
    list.reduce((sum, { ts, dur, tdur }) => {
      const overlap = Math.min(ts + dur, to) - Math.max(ts, from);
      return overlap > 0 ? sum + (overlap * (tdur ?? dur)) / dur : sum;
    }, 0) / 1000;
  const runs = [];
  for (let i = 0; i + 1 < marks.length; i += 2) runs.push([all, script].map((list) => within(list, marks[i].ts, marks[i + 1].ts)));
  return runs;
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

async function bench(given) {
  const page = await (await browser()).newPage();
  await page.goto(origin);
  await page.waitForFunction(() => window.connect);
  await (await browser()).startTracing(page, { categories: ["toplevel", "blink.user_timing"] });
  const seen = await page.evaluate(run, { ...given, runs: RUNS, warm: WARM });
  const trace = (await (await browser()).stopTracing()).toString();
  await page.close();
  const runs = measure(trace);
  if (runs.length !== RUNS) throw new Error(`${runs.length} runs were measured`);
  return { all: median(runs.map(([all]) => all)), script: median(runs.map(([, script]) => script)), seen };
}

const rows = [];
for (const [what, given] of [
  ["unchanged poll (304)", { manifest: "/small.json" }],
  ["bare fetch and JSON.parse of the same", { manifest: "/small.json", bare: true }],
  ["changed poll, 20 KB, 100 flags", { manifest: "/large.json" }],
  ["bare fetch and JSON.parse of the same", { manifest: "/large.json", bare: true }],
]) rows.push({ what, ...(await bench(given)) });
await end();

const ms = (number) => number.toFixed(3).padStart(8);
console.log(`median of ${RUNS} runs, ms of CPU time on the main thread; the large manifest has ${large().length} bytes`);
console.log(`${"".padEnd(40)}${"all".padStart(8)}${"script".padStart(8)}`);
for (const { what, all, script, seen } of rows)
  console.log(`${what.padEnd(40)}${ms(all)}${ms(script)}  ${Object.entries(seen).map(([what, count]) => `${what} ×${count}`).join(", ")}`);
const [unchanged, same, changed, other] = rows;
const over = (poll, bare) => `all${ms(poll.all - bare.all)}, script${ms(poll.script - bare.script)}`;
console.log(`unchanged poll over the bare fetch: ${over(unchanged, same)} (aim 0.2)`);
console.log(`changed poll over the bare fetch:   ${over(changed, other)} (aim 2)`);
