// As in flags.test.mjs, with the number of cases that finds what is rare.
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, runAll } from "./differential.mjs";

test("20,000 random flag sets and contexts evaluate as in flagd-core", async (t) => {
  const asked = begin(20_000);
  t.diagnostic(`from seed ${asked.seed}`);
  const { failure, left } = await runAll(asked);
  t.diagnostic(`left out: ${left.cases} of ${asked.count}, ${JSON.stringify(left.by)}`);
  assert.ok(!failure, failure);
  assert.ok(asked.count === 1 || left.cases / asked.count < 0.05, `${left.cases} of ${asked.count} cases are left out`);
});
