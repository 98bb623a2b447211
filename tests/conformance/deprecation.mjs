// Files of httpwg/structured-field-tests with dates, as the values of `Deprecation`: `cargo xtask conformance deprecation FILE…`.
//
// Each case is the answer to a call by the shipped package, on a page that Node plays; what is read of it is the event
// `deprecation`. A case that `can_fail` may be refused, but not misread; one that `must_fail` must be.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { page } from "../../pkg-template/test/browser.mjs";

page();
const { connect } = await import(pathToFileURL(`${process.env.TRUEUP_PKG}/dist/index.js`).href);

/** What the package reads of an answer with this `Deprecation`: ms since 1970, `true`, or nothing. */
async function read(header) {
  globalThis.fetch = async () => new Response("", { headers: { deprecation: header } });
  const trueup = connect({ build: { id: "b1" }, apis: { orders: ["3"] } });
  const told = [];
  trueup.on("deprecation", ({ deprecation }) => told.push(deprecation));
  const { status } = await trueup.api("orders").fetch("list");
  assert.equal(status, 200);
  trueup.close();
  return told[0];
}

const count = { passed: 0, failed: 0 };
for (const file of process.argv.slice(2)) {
  for (const { name, raw, header_type: type, expected, must_fail: mustFail, can_fail: canFail } of JSON.parse(await readFile(file, "utf8"))) {
    const told = await read(raw.join(", "));
    const right = type === "item" && expected?.[0]?.__type === "date" ? expected[0].value * 1000 : undefined;
    const passed = told === undefined ? mustFail || canFail : !mustFail && Object.is(told, right);
    count[passed ? "passed" : "failed"]++;
    if (!passed) console.log(`${name}: ${raw.join(", ")} was read as ${told}, not ${mustFail ? "refused" : right}`);
  }
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed || !count.passed ? 1 : 0);
