// Run by server.test.mjs with `--experimental-vm-modules`: every entry for pages and servers, in a context that has
// nothing but the language (and text encoding), then with what edge runtimes add. They compile no wasm and no text.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import vm from "node:vm";

const pkg = process.env.TRUEUP_PKG;
const { exports } = JSON.parse(readFileSync(join(pkg, "package.json"), "utf8"));
/** What entries may import of others. */
const PEERS = Object.fromEntries(await Promise.all(["react", "react/jsx-runtime", "@openfeature/web-sdk"].map(async (name) => [name, await import(name)])));

/** Node 20 crashes now and then when a module is collected that another still links to: all live as long as this. */
const kept = [];

async function load(file, context) {
  const modules = new Map();
  kept.push(modules, context);
  const of = (path) => {
    if (!modules.has(path)) modules.set(path, new vm.SourceTextModule(readFileSync(path, "utf8"), { context, identifier: path, initializeImportMeta: (meta) => (meta.url = `file://${path}`) }));
    return modules.get(path);
  };
  const given = (namespace) => {
    const module = new vm.SyntheticModule(Object.keys(namespace), function () {
      for (const name of Object.keys(namespace)) this.setExport(name, namespace[name]);
    }, { context });
    kept.push(module);
    return module;
  };
  const link = (specifier, { identifier }) => {
    if (specifier in PEERS) return given(PEERS[specifier]);
    assert.match(specifier, /^\./, `${identifier} imports ${specifier}`);
    return of(join(dirname(identifier), specifier));
  };
  const module = of(join(pkg, file));
  await module.link(link);
  await module.evaluate();
  return module.namespace;
}

/** `import()` of the same context is not needed by any entry: it would fail here. */
const bare = (globals) => vm.createContext({ TextDecoder, TextEncoder, ...globals }, { codeGeneration: { strings: false, wasm: false } });

const files = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : [entry.default, entry.development ?? []].flat()));
const forPages = files.filter((file) => !/\b(vite|rollup|webpack|rspack|esbuild)\.js$/.test(file));
assert.ok(forPages.length >= 10);
for (const file of forPages) await load(file, bare());

const EDGE = { AbortController, AbortSignal, EventTarget, Headers, Request, Response, URL, URLSearchParams, performance, setTimeout, clearTimeout, fetch, console };
for (const file of forPages.filter((file) => /(index|slim)\.js$/.test(file))) {
  const client = (await load(file, bare(EDGE))).connect({ apis: { orders: ["1"] } });
  assert.equal(await client.ready, "timeout");
  assert.equal(client.standing.status, "unknown");
  assert.equal(client.flags.get("any", 7), 7);
  assert.equal(client.api("orders").plan.version, "1");
  assert.equal(client.refresh.takeNavigation("/"), false);
  client.close();
}

// The module is compiled out here, so the context needs the classes of out here; what compiles refuses, as in a Worker.
const refuses = (name) => () => {
  throw new WebAssembly.CompileError(`${name}: Wasm code generation disallowed by embedder`);
};
const Module = Object.defineProperty(function () {
  refuses("Module")();
}, Symbol.hasInstance, { value: (value) => value instanceof WebAssembly.Module });
const edge = bare({ ...EDGE, WebAssembly: { Module, Instance: WebAssembly.Instance, compile: refuses("compile"), instantiate: refuses("instantiate") } });
const { evaluate } = await load("dist/server.js", edge);
const manifest = { trueup: 1, serial: 1, current: { id: "b", version: "2" }, supported: { recommended: "2" } };
const nothing = await evaluate(manifest, {}, { build: { id: "a", version: "1" } });
assert.deepEqual([nothing.standing.status, [...nothing.errors].map(({ blame, code }) => [blame, code])], ["unknown", [["module", "blocked"]]], "such a runtime compiles nothing");
const module = await WebAssembly.compile(readFileSync(join(pkg, "dist/trueup_bg.wasm")));
const { standing } = await evaluate(manifest, {}, { build: { id: "a", version: "1" }, module });
assert.equal(standing.status, "deprecated");
console.log(`${forPages.length} files`);
