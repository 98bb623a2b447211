// The package as registries, editors and compilers see it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fresh, run, tarball } from "./tarball.mjs";

const bin = (name) => fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url));
const pkg = process.env.TRUEUP_PKG;

test("publint has nothing to say", () => {
  const said = execFileSync(bin("publint"), ["--strict", pkg], { encoding: "utf8" });
  assert.match(said, /All good/);
});

test("arethetypeswrong finds the types of every entry, from ESM and from bundlers", () => {
  // The package is ESM (`esm-only`: no types for TypeScript's old `node10` way). Two subpaths are no modules: the script
  // drop-in is for `<script src>`, the wasm is typed by whichever platform imports it.
  const noModules = ["./dist/trueup.js", "./dist/trueup_bg.wasm"];
  const { exports } = JSON.parse(readFileSync(join(pkg, "package.json"), "utf8"));
  for (const subpath of noModules) assert.ok(subpath in exports, subpath);
  try {
    execFileSync(bin("attw"), [tarball, "--profile", "esm-only", "--no-color", "--exclude-entrypoints", ...noModules], { encoding: "utf8" });
  } catch (error) {
    assert.fail(error.stdout);
  }
});

test("the tarball has what it needs and nothing of this machine", async () => {
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  for (const file of ["package.json", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "dist/index.js", "dist/trueup_bg.wasm", "dist/virtual.d.ts"])
    assert.ok(files.includes(`package/${file}`), file);
  const odd = files.filter((file) => !/^package\/(package\.json|README\.md|LICENSE-\w+|schema\.json|dist\/[\w/-]+\.(js|d\.ts|wasm))$/.test(file));
  assert.deepEqual(odd, []);
  for (const file of files.filter((file) => /\.(js|d\.ts|json)$/.test(file)))
    assert.ok(!readFileSync(join(pkg, file.slice("package/".length)), "utf8").includes("/work/"), file);
});

const OPTIONS = { strict: true, noEmit: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, verbatimModuleSyntax: true, target: "es2022", jsx: "react-jsx", lib: ["es2022", "esnext.disposable", "dom", "dom.iterable"] };
const WAYS = {
  bundler: { module: "esnext", moduleResolution: "bundler" },
  node16: { module: "node16", moduleResolution: "node16" },
};

test("a strict TypeScript file that uses every entry compiles, by bundler and by node16", async (t) => {
  const used = fileURLToPath(new URL("types/entries.tsx", import.meta.url));
  const { exports } = JSON.parse(readFileSync(join(pkg, "package.json"), "utf8"));
  const text = readFileSync(used, "utf8");
  const entries = Object.entries(exports).filter(([, entry]) => entry.types).map(([subpath]) => `trueup${subpath.slice(1)}`);
  assert.ok(entries.length >= 14);
  for (const entry of entries) assert.ok(text.includes(`"${entry}"`), `${entry} is not used in types/entries.tsx`);
  const dir = await fresh("types", [], ["typescript", "@types/react", "@types/node", "@openfeature/web-sdk", "@openfeature/core", "vite", "rollup", "webpack", "@rspack/core", "esbuild"]);
  cpSync(used, join(dir, "entries.tsx"));
  for (const [name, way] of Object.entries(WAYS)) {
    const check = async (more) => {
      writeFileSync(join(dir, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...OPTIONS, ...way, ...more }, files: ["entries.tsx"] }));
      await run(dir, "npx", ["tsc", "--project", "."]);
    };
    await t.test(name, () => check({ types: ["node"], skipLibCheck: true }));
  }
  // The bundlers' own declarations do not stand this; ours do. Only what a page imports, with no types around.
  await t.test("declarations are checked too", async () => {
    const page = text.slice(0, text.indexOf("// ---- Builds"));
    assert.ok(page.includes("trueup/react") && page.length < text.length);
    writeFileSync(join(dir, "entries.tsx"), page);
    for (const way of Object.values(WAYS)) {
      writeFileSync(join(dir, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...OPTIONS, ...way, types: [], skipLibCheck: false }, files: ["entries.tsx"] }));
      await run(dir, "npx", ["tsc", "--project", "."]);
    }
  });
});
