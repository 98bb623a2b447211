// The READMEs against the code: samples are type-checked, links and anchors lead somewhere, no error code is missing.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const read = (file) => readFileSync(join(root, file), "utf8");
const READMES = ["README.md", "pkg-template/README.md", ...readdirSync(join(root, "docs")).map((file) => `docs/${file}`)];
const pkg = join(root, "target/pkg");
const built = existsSync(join(pkg, "dist/index.d.ts"));

/** The fenced blocks of a language. */
const blocks = (text, language) => [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)].filter(([, of]) => of === language).map(([, , code]) => code);

test("every sample in the READMEs, and what the types promise, type-checks against the built package", { skip: !built && "target/pkg is not built" }, (t) => {
  mkdirSync(join(root, "target/tmp"), { recursive: true });
  const dir = mkdtempSync(join(root, "target/tmp/readme-"));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, "node_modules"));
  symlinkSync(pkg, join(dir, "node_modules/trueup"));
  const options = { strict: true, noEmit: true, skipLibCheck: true, target: "es2022", module: "esnext", moduleResolution: "bundler", types: [], lib: ["es2022", "esnext.disposable", "dom"], jsx: "react-jsx" };
  let samples = 0;
  for (const readme of READMES)
    for (const language of ["ts", "tsx"])
      for (const code of blocks(read(readme), language)) writeFileSync(join(dir, `${readme.replace(/\W/g, "-")}-${++samples}.${language}`), code);
  assert.ok(samples >= 5, `only ${samples} samples were found`);
  cpSync(join(root, "pkg-template/test/types"), dir, { recursive: true });
  writeFileSync(join(dir, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts", "*.tsx"] }));
  try {
    execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", dir], { encoding: "utf8" });
  } catch (error) {
    assert.fail(error.stdout || error.message);
  }
});

test("the READMEs import only what the package exports", { skip: !built && "target/pkg is not built" }, () => {
  const { exports } = JSON.parse(readFileSync(join(pkg, "package.json"), "utf8"));
  for (const readme of READMES)
    for (const [, subpath] of read(readme).matchAll(/from "trueup(\/[^"]+)?"/g)) assert.ok(`.${subpath ?? ""}` in exports, `${readme}: trueup${subpath}`);
});

test("links lead to files and headings that exist", () => {
  const anchors = (file) => [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-"));
  for (const file of [...READMES, "ARCHITECTURE.md", "CHANGELOG.md"]) {
    assert.doesNotMatch(read(file), /^(<{7}|>{7}) /m, `${file} has a conflict in it`);
    for (const [, to] of read(file).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(to)) continue;
      const [path, anchor] = to.split("#");
      const target = path ? join(dirname(file), path) : file;
      assert.ok(existsSync(join(root, target)), `${file}: ${to}`);
      assert.ok(!anchor || anchors(target).includes(anchor), `${file}: ${to}`);
    }
  }
});

test("every error code of the core stands in the README", () => {
  const readme = read("README.md");
  const codes = [...read("src/core/error.rs").matchAll(/^ +\w+ = "([a-z-]+)",$/gm)].map(([, code]) => code);
  assert.ok(codes.length > 20);
  for (const code of codes) assert.ok(readme.includes(`\`${code}\``), code);
});

test("every option of connect stands in the README, and every attribute of the script is one", () => {
  const readme = read("README.md");
  const paths = [...read("pkg-template/src/script.ts").match(/const PATHS = \[(.*?)\]/s)[1].matchAll(/"([\w.]+)"/g)].map(([, path]) => path);
  assert.ok(paths.length > 10);
  for (const path of paths) assert.ok(readme.includes(`\`${path}\``) || readme.includes(`\`${path.split(".")[0]}\``), path);
  const attribute = (path) => "data-" + path.replace(/[.A-Z]/g, (c) => (c === "." ? "-" : "-" + c.toLowerCase()));
  // `data-version` and `data-app` are the mark's; `data-trueup-…` stands on a page's own fields.
  const fields = ["keep", "hold"].map((name) => `data-trueup-${name}`);
  for (const name of fields) assert.ok([read("pkg-template/src/forms.ts"), read("pkg-template/src/holds.ts")].some((text) => text.includes(`${name}="off"`)), name);
  const known = [...paths.map(attribute), "data-version", "data-app", ...fields];
  for (const [, name] of readme.matchAll(/\b(data-[a-z]+(?:-[a-z]+)*)\b/g)) assert.ok(known.includes(name), name);
});

test("every command in the documents exists", () => {
  const tasks = /enum Task \{(.*?)^\}/ms.exec(read("xtask/src/main.rs"))[1];
  const known = [...tasks.matchAll(/^    ([A-Z]\w+)/gm)].map(([, name]) => name.toLowerCase());
  assert.ok(known.includes("build"));
  for (const file of ["README.md", "ARCHITECTURE.md"])
    for (const [, name] of read(file).matchAll(/cargo xtask (\w+)/g)) assert.ok(known.includes(name), `${file}: cargo xtask ${name}`);
});
