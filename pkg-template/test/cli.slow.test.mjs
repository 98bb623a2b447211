// `check` against the whole corpus of manifests: what it calls an error is what the decoder refuses.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { at, scratch } from "./cli.mjs";

const corpus = JSON.parse(readFileSync(new URL("../../tests/manifests.json", import.meta.url), "utf8"));

test("check and the decoder agree on every manifest of the corpus", async (t) => {
  const dir = scratch(t);
  const cases = [
    ...["accepted", "refused"].flatMap((kind) => Object.entries(corpus[kind]).map(([name, manifest]) => [name, manifest, kind === "accepted"])),
    ...Object.entries(corpus.beyond).map(([name, { manifest, accepted }]) => [name, manifest, accepted]),
  ];
  const wrong = [];
  for (const [name, manifest, accepted] of cases) {
    dir.write("m.json", JSON.stringify(manifest));
    const { code } = await dir.run("check", "m.json", ...at(86_400));
    // 2⁵³−1 as a serial is right, and from the future of any day.
    if (code !== (accepted ? 0 : 1) && !/^serial 9007199254740991$/.test(name)) wrong.push(`${name}: ${code}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(cases.length > 300);
});
