// The suites that `cargo xtask conformance` runs, on the cases that are kept here; and that they can fail.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const at = (path) => fileURLToPath(new URL(`../conformance/${path}`, import.meta.url));
const run = (suite, ...files) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [at(`${suite}.mjs`), ...files], { encoding: "utf8" });
  assert.equal(stderr, "");
  return { status, lines: stdout.trimEnd().split("\n") };
};
const file = (content) => {
  const path = join(mkdtempSync(join(tmpdir(), "trueup-")), "cases.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
};

test("the flag cases kept here pass through the package", () => {
  const { lines, status } = run("flags", at("cases/flags.json"), at("cases/bucketing-3.json"));
  assert.match(lines.join("\n"), /^\d{3} passed, 0 failed$/);
  assert.equal(status, 0);
});

test("a flag case that fails is printed with what differs, counted, and the exit code", () => {
  const flags = { flags: { a: { state: "ENABLED", variants: { on: 1.5 }, defaultVariant: "on", metadata: { m: 1 } } } };
  const one = (name, type, expect) => ({ name, flag: "a", type, default: 7, context: {}, expect });
  const cases = [
    one("right", "float", { value: 1.5, variant: "on", reason: "STATIC", metadata: { m: 1 } }),
    one("value", "float", { value: 2 }),
    one("metadata", "float", { metadata: {} }),
    one("integer", "integer", { value: 1.5 }),
    one("no error", "float", { errorCode: "GENERAL" }),
  ];
  const { lines, status } = run("flags", file({ flags, cases }));
  assert.equal(lines.at(-1), "1 passed, 4 failed");
  assert.equal(status, 1);
  assert.deepEqual(lines.filter((line) => line.startsWith("✖")).map((line) => line.split(": ")[1]), ["value", "metadata", "integer", "no error"]);
  assert.ok(lines.includes("    value: 1.5, expected 2"));
});

test("JsonLogic: what a rule gives is compared with its kind", () => {
  const right = [[[1, [2]], [1, [2]]], [{ merge: [] }, []], [{ "+": ["1", 1] }, 2], [{ var: "a" }, { b: [{}] }], [null, null], ["", ""], [{ "!": [[]] }, true]];
  const wrong = [[[1, 2], [1]], [[1, 2], [1, 3]], [[], ""], [[], null], ["1", 1], [0, false], [[[]], []], [{ var: "a" }, { b: [] }], [null, []], [{ nope: 1 }, null]];
  const data = { a: { b: [{}] } };
  const suite = (rows) => file(["# a comment", ...rows.map(([rule, result], index) => ({ description: `${index}`, rule, data, result }))]);
  assert.equal(run("jsonlogic", suite(right)).lines.at(-1), `${right.length} passed, 0 failed`);
  assert.equal(run("jsonlogic", suite(wrong)).lines.at(-1), `0 passed, ${wrong.length} failed`);
  assert.equal(run("jsonlogic", file([{ description: "", rule: { nope: 1 }, error: {} }])).lines.at(-1), "1 passed, 0 failed");
  assert.ok(run("jsonlogic", suite([[{ cat: ["a", 1] }, "a"]])).lines.some((line) => line.includes('"a1" as a text, expected "a"')));
});
