// On a server: no entry touches a browser, `evaluate` says what a page would, and nothing breaks out of what is inlined.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const pkg = process.env.TRUEUP_PKG;
const { evaluate, inlineJson, inlineManifest, mark } = await import(pathToFileURL(join(pkg, "dist/server.js")));
const { exports } = JSON.parse(readFileSync(join(pkg, "package.json"), "utf8"));

const build = { id: "a", version: "1.0.0" };
const manifest = {
  trueup: 1,
  serial: 7,
  current: { id: "b", version: "2.0.0" },
  supported: { recommended: "1.5.0" },
  apis: { orders: { supported: ["2", "3"] } },
  flags: {
    flags: {
      short: {
        state: "ENABLED",
        variants: { on: true, off: false },
        defaultVariant: "off",
        targeting: { if: [{ "==": [{ var: "targetingKey" }, "ada"] }, "on", "off"] },
      },
      limits: { state: "ENABLED", variants: { all: { lines: 5 } }, defaultVariant: "all" },
      old: { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting: { if: [{ sem_ver: [{ var: "$build.version" }, "<", "2.0.0"] }, "on", "off"] } },
    },
  },
};

test("importing an entry touches no global of a browser", () => {
  const traps = `for (const name of ["window", "document", "navigator", "location", "history", "localStorage", "sessionStorage", "self", "top", "customElements", "HTMLElement", "fetch", "addEventListener", "BroadcastChannel", "WebAssembly"])
    Object.defineProperty(globalThis, name, { get() { throw new Error(name + " is touched"); } });`;
  const files = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : [entry.default, entry.development ?? []].flat()));
  assert.ok(files.length >= 12);
  for (const file of files) {
    const url = String(pathToFileURL(join(pkg, file)));
    execFileSync(process.execPath, ["--input-type=module", "-e", `${traps} await import(${JSON.stringify(url)});`], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }
});

test("every entry runs with nothing but the language, and in a runtime that compiles nothing", () => {
  const bare = fileURLToPath(new URL("entries/bare.mjs", import.meta.url));
  const said = execFileSync(process.execPath, ["--experimental-vm-modules", "--no-warnings", bare], { encoding: "utf8" });
  assert.match(said, /^\d+ files$/m);
});

test("standing, plan and flags are those of a page of that build", async () => {
  const found = await evaluate(manifest, { targetingKey: "ada" }, { build, apis: { orders: ["2"] } });
  assert.deepEqual(found.standing, { status: "deprecated", reason: "below-recommended" });
  assert.equal(found.plan.apis.orders.version, "2");
  assert.deepEqual(Object.fromEntries(Object.entries(found.flags).map(([key, { value }]) => [key, value])), { short: true, limits: { lines: 5 }, old: true });
  assert.deepEqual(found.errors, []);
  assert.deepEqual(JSON.parse(JSON.stringify(found)), found, "it is plain data");
  const other = await evaluate(JSON.stringify(manifest), { targetingKey: "bob" }, { build: { id: "b", version: "2.0.0" } });
  assert.deepEqual([other.standing.status, other.flags.short.value, other.flags.old.value], ["current", false, false]);
});

test("many at once do not mix", async () => {
  const keys = Array.from({ length: 20 }, (_, n) => (n % 2 ? "ada" : `user-${n}`));
  const all = await Promise.all(keys.map((targetingKey) => evaluate(manifest, { targetingKey }, { build })));
  assert.deepEqual(all.map(({ flags }) => flags.short.value), keys.map((key) => key === "ada"));
});

test("a broken manifest gives what a page has without one, and says where", async () => {
  const found = await evaluate({ ...manifest, serial: "x" }, {}, { build });
  assert.deepEqual([found.standing.status, found.flags], ["unknown", {}]);
  assert.deepEqual(found.errors, [{ blame: "publisher", code: "type", path: "serial" }]);
  assert.equal((await evaluate("<html>", {}, { build })).errors[0].code, "json");
});

test("wrong options reject with code and path", async () => {
  await assert.rejects(evaluate(manifest, {}, { build: { id: "" } }), { name: "TrueupError", code: "range", path: "build.id" });
  await assert.rejects(evaluate(manifest, {}, {}), { name: "TrueupError", code: "missing" });
  await assert.rejects(evaluate(manifest, { n: 1n }, { build }), { name: "TrueupError", code: "type", path: "flags.context" });
});

test("a lost module costs no page: evaluate gives what a page has without one, and says so", () => {
  const url = JSON.stringify(String(pathToFileURL(join(pkg, "dist/server.js"))));
  const empty = "new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))";
  for (const [before, module, code] of [
    ["WebAssembly.Module = function () { throw new Error('refused'); };", "undefined", "blocked"],
    ["", empty, "trap"],
  ]) {
    const script = `${before} const { evaluate } = await import(${url});
      for (let i = 0; i < 2; i++) console.log(JSON.stringify(await evaluate({}, {}, { build: { id: "a" }, module: ${module} })));`;
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    const nothing = { standing: { status: "unknown", reason: "no-manifest" }, plan: { generation: 0, apis: {} }, flags: {}, errors: [{ blame: "module", code }] };
    assert.deepEqual(said.trim().split("\n").map((line) => JSON.parse(line)), [nothing, nothing]);
  }
});

test("nothing breaks out of inlined JSON, and it is the same JSON", () => {
  const nasty = { "</script><script>alert(1)</script>": "<!-- <script> \u2028\u2029 ]]> &amp; \"'", ok: "ü" };
  for (const html of [inlineManifest(nasty), inlineManifest(JSON.stringify(nasty)), inlineJson(nasty, "trueup")]) {
    const [, text] = /^<script type="application\/json" id="trueup">([^<\u2028\u2029]*)<\/script>$/.exec(html);
    assert.deepEqual(JSON.parse(text), nasty);
  }
});

test("the mark is escaped, and leaves out what there is not", () => {
  assert.equal(mark({ id: 'a"<&>', version: 7 }, "shop"), '<meta name="trueup-build" content="a&#34;&#60;&#38;&#62;" data-version="7" data-app="shop">');
  assert.equal(mark({ id: "a" }), '<meta name="trueup-build" content="a">');
});
