// The flags of the built package against npm @openfeature/flagd-core. More cases: flags.slow.test.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FlagdCore } from "@openfeature/flagd-core";
import { client, evaluate } from "../conformance/_package.mjs";
import { begin, compare, DIFFERENCES, draw, run, runAll } from "./differential.mjs";

test("10,000 random flag sets and contexts evaluate as in flagd-core", async (t) => {
  // Always the same ones: what is new is looked for by the slow run.
  const asked = begin(10_000, 1);
  t.diagnostic(`from seed ${asked.seed}`);
  const { failure, left } = await runAll(asked);
  t.diagnostic(`left out: ${left.cases} of ${asked.count}, ${JSON.stringify(left.by)}`);
  assert.ok(!failure, failure);
  assert.ok(asked.count === 1 || left.cases / asked.count < 0.05, `${left.cases} of ${asked.count} cases are left out`);
});

test("a case of a seed is always the same, and cases differ", () => {
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test("a fault would be found, and is shrunk to what shows it", () => {
  // As if `off` were never chosen.
  const faulty = (...given) =>
    new Map([...evaluate(...given)].map(([key, details]) => [key, details.variant === "off" ? { ...details, value: true, variant: "on" } : details]));
  const { failure } = run(faulty, { seed: 1, count: 200 });
  assert.match(failure, /TRUEUP_SEED=\d+ differs; shrunk:\ntrueup: +\[true,"on"/);
  assert.ok(failure.length < 600, failure);
});

/** For each known difference a case: a rule, a context. */
const CASES = {
  "hash of UTF-16": [{ fractional: [["on", 1], ["off", 1], ["third", 1]] }, { targetingKey: "日本" }],
  "compiled rules": [{ if: [{ all: [{ var: "nothing" }, true] }, "on", "off"] }, {}],
  "empty objects": [{ if: [{ var: "empty" }, "on", "off"] }, { empty: {} }],
  "lists as the only operand": [{ "?:": [{ "!!": [{ var: "list" }] }, "on"] }, { list: [""] }],
  "null and zero": [{ if: [{ "==": [{ var: "nothing" }, 0] }, "on", "off"] }, {}],
  "own operators in loops": [{ if: [{ some: [["a"], { starts_with: [{ var: "" }, "a"] }] }, "on", "off"] }, {}],
  "operands of another kind": [{ if: [{ "<": [{ var: "age" }, 18] }, "on", "off"] }, { age: "unknown" }],
  "all of a text": [{ if: [{ all: ["teams", "size"] }, "on", "off"] }, {}],
};

/** Of some a second one. */
const MORE = { "all of a text": [{ if: [{ none: ["teams", 1] }, "on", "off"] }, {}] };

for (const { name, why, applies } of DIFFERENCES)
  test(`flagd-core still differs: ${name}`, () => {
    for (const [targeting, context] of [CASES[name], MORE[name]].filter(Boolean)) {
      const document = { flags: { flag: { state: "ENABLED", variants: { on: true, off: false, third: false }, defaultVariant: "off", targeting } } };
      const [found] = compare({ document, context, seconds: 1_795_413_600 }, evaluate);
      assert.ok(found, `it does not differ any more: ${why}`);
      assert.equal(found.known?.name, name);
      assert.ok(applies(found));
      assert.equal(found.ours.errorCode, undefined, "and Trueup follows JsonLogic's reference");
    }
  });

test("reading by type is as in flagd-core", () => {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const fallbacks = { Boolean: true, String: "fallback", Number: 7, Object: { fallback: 1 } };
  const variants = { Boolean: { v: false }, String: { v: "x" }, Number: { v: 2.5 }, Object: { v: { a: [1] } } };
  const document = { metadata: { set: 1 }, flags: {} };
  for (const [type, values] of Object.entries(variants)) {
    document.flags[type] = { state: "ENABLED", variants: values, defaultVariant: "v", metadata: { type } };
    document.flags[`${type} off`] = { ...document.flags[type], state: "DISABLED" };
    document.flags[`${type} undecided`] = { ...document.flags[type], defaultVariant: null };
    document.flags[`${type} astray`] = { ...document.flags[type], targeting: { if: [true, "nowhere"] } };
    document.flags[`${type} broken`] = { ...document.flags[type], targeting: { no_such: [] } };
  }
  const core = new FlagdCore(undefined, quiet);
  core.setConfigurations(JSON.stringify(document));
  const trueup = client(document);
  for (const key of [...Object.keys(document.flags), "unknown"])
    for (const [type, fallback] of Object.entries(fallbacks)) {
      const { flagMetadata: metadata, errorMessage, ...theirs } = core[`resolve${type}Evaluation`](key, fallback, {}, quiet);
      assert.deepEqual(trueup.flags.details(key, fallback), { ...theirs, metadata }, `${key} as ${type}`);
      assert.deepEqual(trueup.flags.get(key, fallback), theirs.value);
    }
  trueup.close();
});

test("from context to context a client comes to what it starts with", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { document, context, seconds } = draw(seed);
    const { now } = Date;
    Date.now = () => seconds * 1000;
    const trueup = client(document, context);
    for (const next of [1, 2, 3, 0].map((other) => (other ? draw(seed + 1000 * other).context : context))) {
      // Now and then somebody has the snapshot.
      const had = seed % 2 ? trueup.getSnapshot().flags : undefined;
      const before = had && [...had];
      trueup.flags.setContext(next);
      if (had) assert.deepEqual([...had], before);
      // Not by `getSnapshot`: that would be to have it.
      const flags = trueup.inspect().flags;
      assert.deepEqual(flags, Object.fromEntries(evaluate(document, next, seconds)), `seed ${seed}`);
    }
    trueup.close();
    Date.now = now;
  }
});

test("of many variants each is read", () => {
  const variants = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`v${n}`, n]));
  const flag = { state: "ENABLED", variants, defaultVariant: "v1999" };
  const trueup = client({ flags: { still: flag, chosen: { ...flag, targeting: { var: "v" } }, last: flag } });
  for (const n of [0, 2, 3, 126, 127, 1998]) {
    trueup.flags.setContext({ v: `v${n}` });
    assert.deepEqual(["still", "chosen", "last"].map((key) => trueup.flags.get(key, -1)), [1999, n, 1999]);
  }
  trueup.close();
});

test("of two flags with one key in a list the last one counts, whichever changes", () => {
  const flag = (key, n) => ({ key, state: "ENABLED", variants: { was: n, is: n + 1 }, defaultVariant: "was", targeting: { if: [{ var: key + n }, "is"] } });
  const trueup = client({ flags: [flag("a", 0), flag("b", 10), flag("a", 20)] });
  const seen = [];
  for (const context of [{}, { a0: true }, { a0: true, a20: true }, { a20: true }, { b10: true }]) {
    trueup.flags.setContext(context);
    seen.push(["a", "b"].map((key) => trueup.flags.get(key, -1)));
  }
  assert.deepEqual(seen, [[20, 10], [20, 10], [21, 10], [21, 10], [20, 11]]);
  assert.deepEqual([...trueup.getSnapshot().flags.keys()], ["a", "b"]);
  trueup.close();
});

test("flagd-core refuses a whole document for one default variant that is not there; Trueup only that flag", () => {
  const good = { state: "ENABLED", variants: { on: true }, defaultVariant: "on" };
  const document = { flags: { good, bad: { ...good, defaultVariant: "nowhere" } } };
  assert.throws(() => new FlagdCore().setConfigurations(JSON.stringify(document)));
  const flags = evaluate(document, {}, 0);
  assert.deepEqual([flags.get("good").value, flags.get("bad").errorCode], [true, "PARSE_ERROR"]);
});
