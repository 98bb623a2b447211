// The JSON Schema of the manifest against the corpus that the decoder is tested with, too (tests/manifests.rs).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import Ajv2020 from "ajv/dist/2020.js";

const read = (file) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
const corpus = read("tests/manifests.json");
const schema = read("pkg-template/schema.json");
// `strictTypes` asks for a type beside each keyword, which `then` and `allOf` inherit; unknown keywords are still errors.
const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }).compile(schema);

for (const kind of ["accepted", "refused"])
  test(`the schema and the decoder agree on what is ${kind}`, () => {
    const wrong = Object.entries(corpus[kind]).filter(([, manifest]) => validate(manifest) !== (kind === "accepted"));
    assert.deepEqual(wrong.map(([name]) => name), []);
  });

test("where the schema says less or more than the decoder, it is one of the rules that are listed", () => {
  const reasons = new Set();
  for (const [name, { why, accepted, manifest }] of Object.entries(corpus.beyond)) {
    assert.equal(validate(manifest), !accepted, name);
    reasons.add(why);
  }
  const docs = readFileSync(new URL("../../docs/manifest.md", import.meta.url), "utf8");
  for (const why of reasons) assert.ok(docs.includes(why), `docs/manifest.md does not say: ${why}`);
});

test("every member has words, for editors", () => {
  const members = (of) => Object.entries(of.properties ?? {}).flatMap(([name, member]) => [[name, member], ...members(member)]);
  const top = members(schema);
  assert.ok(top.length > 15);
  for (const [name, member] of top) assert.ok(member.description || ["id", "version"].includes(name), name);
});

test("a wrong member is named with its place", () => {
  assert.equal(validate({ trueup: 1, serial: 1, current: { id: "a" }, refresh: { link: "https://x" } }), false);
  assert.ok(validate.errors.some(({ instancePath }) => instancePath === "/refresh/link"));
});
