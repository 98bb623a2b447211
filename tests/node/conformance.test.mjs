// The suites that `cargo xtask conformance` runs, on the cases that are kept here; and that they can fail.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
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

test("files and cases that are broken say so, and the others still count", () => {
  const flags = { flags: { a: { state: "ENABLED", variants: { on: true }, defaultVariant: "on" } } };
  const one = { name: "right", flag: "a", type: "boolean", default: false, context: {}, expect: { value: true } };
  const torn = file({});
  writeFileSync(torn, "{ torn");
  const right = file({ flags, cases: [one, { ...one, name: "empty", expect: undefined }, { ...one, name: "type", type: "bool" }, null] });
  const refused = file({ flags: { ...flags, fractional: 4 }, cases: [one] });
  const [none, nowhere] = [file({ flags }), file([])];
  const { lines, status } = run("flags", torn, none, nowhere, join(torn, ".."), right, refused);
  assert.equal(lines.at(-1), "1 passed, 8 failed");
  assert.equal(status, 1);
  const said = (name, problem) => {
    const at = lines.indexOf(`✖ ${name}`);
    const end = lines.findIndex((line, index) => index > at && !line.startsWith("    "));
    assert.ok(at >= 0 && lines.slice(at + 1, end).some((line) => problem.test(line)), `${name}: ${lines.join("\n")}`);
  };
  said(torn, /JSON at position/);
  for (const path of [none, nowhere]) said(path, /it is not \{ flags, cases/);
  said(join(torn, ".."), /EISDIR/);
  said(`${right} 1: empty`, /nothing is expected/);
  said(`${right} 2: type`, /unknown type "bool"/);
  said(`${right} 3: undefined`, /it threw/);
  said(`${refused} 0: right`, /the document was refused: flags\.fractional: range/);
  const suite = run("jsonlogic", file({}));
  assert.deepEqual([suite.lines.at(-1), suite.status], ["0 passed, 1 failed", 1]);
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

test("flagd's schemas: valid documents load, invalid ones are refused with a path or accepted for a reason", () => {
  const folder = mkdtempSync(join(tmpdir(), "trueup-"));
  const put = (path, content) => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(content));
  };
  const flag = { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "on" };
  put("flags/positive/one.json", { flags: { flag }, metadata: { version: "1" } });
  put("flags/positive/list.json", { flags: [{ key: "flag", ...flag, defaultVariant: null }] });
  put("targeting/positive/rules.json", { "*": [{ "!": true }, { if: [{ $ref: "some-ref" }] }, { fractional: [["a"], [true, 1]] }] });
  put("flags/negative/no-variants.json", { flags: { flag: { state: "ENABLED", defaultVariant: "on" } } });
  put("flags/negative/state.json", { flags: { flag: { ...flag, state: "WILL-FAIL" } } });
  put("flags/negative/rule.json", { flags: { flag: { ...flag, targeting: { "not-a-real-rule": [1, 2] } } } });
  put("flags/negative/mixed-variant-types.ffconfig.json", { flags: { flag: { ...flag, variants: { on: true, off: "no" } } } });
  put("targeting/negative/fractional-decimal-weighting.json", { fractional: [["a", 25], ["b", 25.5]] });
  const { lines, status } = run("flagd-schemas", folder);
  assert.equal(lines.at(-1), "8 passed, 0 failed");
  assert.equal(status, 0);
  assert.equal(lines.filter((line) => line.startsWith("accepted: ")).length, 2);

  put("flags/negative/unlisted.json", { flags: { flag } });
  put("flags/positive/broken.json", { flags: { flag: { ...flag, defaultVariant: "neither" } } });
  put("flags/negative/mixed-variant-types.ffconfig.json", { flags: { flag: { ...flag, state: 1 } } });
  const failing = run("flagd-schemas", folder);
  assert.equal(failing.lines.at(-1), "7 passed, 3 failed");
  assert.ok(failing.lines.includes("    flags.flags.flag.defaultVariant: undefined"));
});

test("dates of Deprecation: one that must fail may not be read, one that can fail may not be misread", () => {
  const date = (raw, value, more) => ({ name: raw, raw: [raw], header_type: "item", expected: [{ __type: "date", value }, []], ...more });
  const refused = (raw) => ({ name: raw, raw: [raw], header_type: "item", must_fail: true });
  const right = [date("@0", 0), date("@-1659578233", -1659578233), date("@1;x=1", 1), date("@9999999999999999", 9999999999999999, { can_fail: true }), refused("@1.5"), refused("@")];
  const wrong = [date("@1", 2), date("@9999999999999999", 9999999999999999), date("@1", 2, { can_fail: true }), refused("@3")];
  assert.deepEqual(run("deprecation", file(right)), { status: 0, lines: ["6 passed, 0 failed"] });
  const { lines, status } = run("deprecation", file(wrong));
  assert.deepEqual([lines.at(-1), status], ["0 passed, 4 failed", 1]);
});
