// What a call by Trueup costs over plain `fetch`, in Chromium: `cargo xtask bench api`.
//
// The answer is 1 KB on loopback, read as text. 100 pairs of 20 calls in a row each, one by `fetch`, one by
// `api().fetch`, which goes first taking turns; printed is the median of the pairs' ratios. `url()` is timed in a loop.
import { readFile } from "node:fs/promises";
import { browser, end, serveSite } from "../e2e/driver.mjs";

// With these a page's clock has steps of 5 µs, not of 100.
const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const manifest = {
  trueup: 1,
  serial: 1,
  current: { id: "b1", version: "1.0.0" },
  apis: { orders: { supported: ["2", "3"], carrier: { path: "/api/orders/v{version}" } }, search: { supported: ["3"], base: "/api/search", carrier: { header: "Api-Version" } } },
};
const kilobyte = { type: "application/json", body: JSON.stringify({ orders: "x".repeat(1012) }), headers: { "Api-Version": "3" } };
const origin = await serveSite({
  "/": { headers: isolated, body: `<!doctype html><script type="module">import { connect } from "/index.js"; window.connect = connect;</script>` },
  "/index.js": await readFile(`${process.env.TRUEUP_PKG}/dist/index.js`, "utf8"),
  "/trueup.json": { type: "application/json", body: JSON.stringify(manifest) },
  "/api/orders/v3/list": kilobyte,
  "/api/search/list": kilobyte,
});

const page = await (await browser()).newPage();
await page.goto(origin);
await page.waitForFunction(() => window.connect);
const told = await page.evaluate(async () => {
  const trueup = connect({ build: { id: "b1" }, apis: { orders: ["3", "2"], search: ["3"] }, poll: { everySeconds: 3600 } });
  while (trueup.standing.status === "unknown") await new Promise((done) => setTimeout(done, 10));
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

  const pairs = async (own, url, init) => {
    const timed = async (call) => {
      const begin = performance.now();
      for (let i = 0; i < 20; i++) await (await call()).text();
      return (performance.now() - begin) / 20;
    };
    const byPlain = () => timed(() => fetch(url, init));
    const byTrueup = () => timed(() => own.fetch("list"));
    const runs = [];
    for (let i = 0; i < 110; i++) {
      const first = i % 2 ? await byPlain() : undefined;
      const trueup = await byTrueup();
      const plain = first ?? (await byPlain());
      if (i >= 10) runs.push({ trueup, plain, ratio: trueup / plain });
    }
    const of = (member) => median(runs.map((run) => run[member]));
    return { trueup: of("trueup"), plain: of("plain"), ratio: of("ratio") };
  };

  const ns = (call) => {
    const runs = [];
    for (let run = 0; run < 30; run++) {
      let length = 0;
      const begin = performance.now();
      for (let i = 0; i < 20_000; i++) length += call(i).length;
      runs.push(((performance.now() - begin) * 1e6) / 20_000);
      if (!length) throw new Error("nothing was made");
    }
    return median(runs.slice(10));
  };
  const paths = Array.from({ length: 100 }, (_, n) => `list/${n}?page=${n}`);
  const [orders, search] = [trueup.api("orders"), trueup.api("search")];
  return {
    path: await pairs(orders, "/api/orders/v3/list"),
    header: await pairs(search, "/api/search/list", { headers: { "Api-Version": "3" } }),
    url: ns((i) => orders.url(paths[i % 100])),
    concat: ns((i) => `${location.origin}/api/orders/v3/${paths[i % 100]}`),
    isolated: crossOriginIsolated,
    version: orders.plan.version,
  };
});
await end();

if (!told.isolated || told.version !== "3") throw new Error(`not measured as meant: ${JSON.stringify(told)}`);
const ms = (number) => `${number.toFixed(3)} ms`;
for (const carrier of ["path", "header"]) {
  const { trueup, plain, ratio } = told[carrier];
  console.log(`api().fetch, 1 KB, carrier ${carrier}: ${ratio.toFixed(3)} of fetch (median of 100 pairs; ${ms(trueup)} beside ${ms(plain)})`);
}
console.log(`url(): ${Math.round(told.url)} ns (joining by hand with location.origin: ${Math.round(told.concat)} ns)`);
