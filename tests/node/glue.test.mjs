// What crosses into the module of the built package, and what does not.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { client, pkg } from "../conformance/_package.mjs";

const running = (trueup) => trueup.inspect().running;
const flag = (targeting) => ({ state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting });

test("a hold whose reason is no text is a hold, and harms nothing", (t) => {
  const cycle = {};
  cycle.self = cycle;
  for (const reason of [cycle, 1n, Symbol("why"), Object.create(null), undefined, () => {}]) {
    const trueup = client({ flags: {} });
    t.after(trueup.close);
    const hold = trueup.refresh.hold(reason, { expiresMs: NaN });
    assert.ok(running(trueup), typeof reason);
    assert.equal(hold.reason, "");
    hold.release();
    trueup.close();
  }
});

test("every text and number of a context arrives as it is", (t) => {
  const texts = ["", "\0", "ä😀", "a\ud800b", "1 a", "日本".repeat(9_000), '"'.repeat(70_000)];
  const numbers = [0, -1, 0.1, 2 ** 53, -5e-324, 1.7976931348623157e308];
  for (const given of [...texts, ...numbers]) {
    // What a lone surrogate becomes on its way is U+FFFD, here and in the manifest.
    const trueup = client({ flags: { same: flag({ if: [{ "===": [{ var: "given" }, given] }, "on"] }) } });
    t.after(trueup.close);
    trueup.flags.setContext({ before: given, given, after: [given, { [given]: given }] });
    assert.equal(trueup.flags.get("same", false), true, JSON.stringify(given).slice(0, 20));
    trueup.flags.setContext({ given: [given] });
    assert.equal(trueup.flags.get("same", true), false);
    trueup.close();
  }
});

test("a browser without BigUint64Array goes on without Trueup", async (t) => {
  const { BigUint64Array } = globalThis;
  const warned = t.mock.method(console, "warn", () => {});
  delete globalThis.BigUint64Array;
  try {
    const { connect } = await import(`${pathToFileURL(join(pkg, "dist/index.js"))}?old`);
    const trueup = connect({ build: { id: "b1" } });
    assert.equal(await trueup.ready, "failed");
    assert.equal(warned.mock.callCount(), 1);
    trueup.close();
  } finally {
    globalThis.BigUint64Array = BigUint64Array;
  }
});
