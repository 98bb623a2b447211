// The build plugin in each bundler: what it writes, and that the same input gives the same bytes. The browser reads it
// back in tests/packaging.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const pkg = process.env.TRUEUP_PKG;
const tmp = fileURLToPath(new URL("../../target/tmp/", import.meta.url));
const plugins = {};
for (const name of ["vite", "rollup", "webpack", "rspack", "esbuild"])
  plugins[name] = (await import(pathToFileURL(join(pkg, `dist/plugin/${name}.js`)))).default;

const PAGE = '<!doctype html>\n<html lang="en">\n<head data-x="1"><title>app</title></head>\n<body><script type="module" src="./main.js"></script></body>\n</html>\n';
const MAIN = 'import { build, app, apis } from "virtual:trueup";\nglobalThis.told = { build, app, apis };\n';

/** What the tests of the CI itself would see. */
before(() => {
  for (const name of Object.keys(process.env)) if (/^(GITHUB_SHA|CI_COMMIT_SHA|GIT_COMMIT|SOURCE_VERSION|COMMIT_REF|SOURCE_DATE_EPOCH|GIT_.*)$/.test(name)) delete process.env[name];
});

function folder(t, files = {}) {
  mkdirSync(tmp, { recursive: true });
  const dir = mkdtempSync(join(tmp, "plugin-"));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries({ "package.json": '{"name":"app","version":"4.12.0","type":"module"}', "index.html": PAGE, "main.js": MAIN, ...files })) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

const git = (dir, ...command) =>
  execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false", ...command], {
    cwd: dir,
    encoding: "utf8",
    env: { ...process.env, GIT_COMMITTER_DATE: "@1795413600 +0000", GIT_AUTHOR_DATE: "@1700000000 +0000" },
  }).trim();

/** A repository with one commit of 1795413600. */
function repository(t, files) {
  const dir = folder(t, { ".gitignore": "dist\n", ...files });
  git(dir, "init", "--quiet");
  git(dir, "add", ".");
  git(dir, "commit", "--quiet", "--message", "one");
  return dir;
}

const build = {
  async vite(dir, options) {
    const { build } = await import("vite");
    // The polyfill would want a page, and the script is run here.
    await build({ root: dir, logLevel: "silent", configFile: false, build: { modulePreload: { polyfill: false } }, plugins: [plugins.vite(options)] });
  },
  async rollup(dir, options) {
    const { rollup } = await import("rollup");
    const page = { name: "page", generateBundle() { this.emitFile({ type: "asset", fileName: "index.html", source: PAGE }); } };
    const bundle = await rollup({ input: join(dir, "main.js"), plugins: [page, plugins.rollup({ root: dir, ...options })] });
    await bundle.write({ dir: join(dir, "dist") });
    await bundle.close();
  },
  webpack: (dir, options) => packed(dir, "webpack", plugins.webpack(options)),
  rspack: (dir, options) => packed(dir, "@rspack/core", plugins.rspack(options)),
  async esbuild(dir, options, more) {
    const esbuild = await import("esbuild");
    return esbuild.build({ absWorkingDir: dir, entryPoints: ["main.js", "index.html"], loader: { ".html": "copy" }, outdir: "dist", bundle: true, format: "esm", logLevel: "silent", plugins: [plugins.esbuild(options)], ...more });
  },
};

async function packed(dir, name, plugin) {
  const { default: bundler } = await import(name);
  const { default: Html } = name === "webpack" ? await import("html-webpack-plugin") : {};
  const html = Html ? new Html({ template: join(dir, "index.html") }) : new bundler.HtmlRspackPlugin({ template: join(dir, "index.html") });
  const compiler = bundler({ context: dir, mode: "production", entry: "./main.js", output: { path: join(dir, "dist") }, plugins: [plugin, html] });
  const stats = await new Promise((done, fail) => compiler.run((error, stats) => (error ? fail(error) : done(stats))));
  await new Promise((done) => compiler.close(done));
  assert.ok(!stats.hasErrors(), String(stats.toJson({ all: false, errors: true }).errors?.[0]?.message));
}

const read = (dir, file) => readFileSync(join(dir, "dist", file), "utf8");
const stampOf = (dir) => JSON.parse(read(dir, "trueup.build.json"));
const files = (dir) =>
  Object.fromEntries(readdirSync(join(dir, "dist"), { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => [e.name, readFileSync(join(e.parentPath, e.name), "utf8")]).sort());

/** Runs the one script that was built. */
async function told(dir) {
  const [name] = Object.keys(files(dir)).filter((file) => file.endsWith(".js"));
  const [path] = readdirSync(join(dir, "dist"), { recursive: true }).filter((file) => file.endsWith(name));
  delete globalThis.told;
  await import(`${pathToFileURL(join(dir, "dist", path))}?${Math.random()}`);
  return globalThis.told;
}

for (const name of Object.keys(build)) {
  test(`${name}: the mark, the stamp and virtual:trueup say which build it is, twice in the same bytes`, async (t) => {
    const dir = repository(t);
    const id = git(dir, "rev-parse", "HEAD");
    const options = { app: "shop", apis: { orders: ["3", "2"] } };
    await build[name](dir, options);
    assert.deepEqual(stampOf(dir), { trueup: 1, id, version: 1795413600, app: "shop", apis: { orders: ["3", "2"] } });
    const html = read(dir, "index.html");
    assert.equal(html.match(/trueup-build/g).length, 1);
    assert.match(html, new RegExp(`<head[^>]*>\\s*(<[^>]*>)*\\s*<meta name="?trueup-build"? content="?${id}"? data-version="?1795413600"? data-app="?shop"?>`));
    assert.deepEqual(await told(dir), { build: { id, version: 1795413600 }, app: "shop", apis: { orders: ["3", "2"] } });
    assert.ok(!existsSync(join(dir, "dist/trueup.json")));
    const once = files(dir);
    await build[name](dir, options);
    assert.deepEqual(files(dir), once);
  });

  test(`${name}: the manifest, where it is asked for`, async (t) => {
    const dir = repository(t);
    await build[name](dir, { version: "package", manifest: { refresh: { urgency: "high" } } });
    const current = { id: git(dir, "rev-parse", "HEAD"), version: "4.12.0" };
    assert.deepEqual(JSON.parse(read(dir, "trueup.json")), { trueup: 1, serial: 1795413600, current, refresh: { urgency: "high" } });
  });
}

const stamped = async (dir, options) => (await build.esbuild(dir, options), stampOf(dir));

test("the id is the CI's, then git's; changes that are not committed are part of it", async (t) => {
  const dir = repository(t);
  const commit = git(dir, "rev-parse", "HEAD");
  const warned = t.mock.method(console, "warn", () => {});
  assert.equal((await stamped(dir)).id, commit);
  assert.equal(warned.mock.callCount(), 0);
  for (const name of ["GITHUB_SHA", "CI_COMMIT_SHA", "VERCEL_GIT_COMMIT_SHA", "COMMIT_REF", "CF_PAGES_COMMIT_SHA"]) {
    process.env[name] = `of-${name}`;
    const { id, version } = await stamped(dir);
    delete process.env[name];
    assert.deepEqual([id, version], [`of-${name}`, 1795413600]);
  }
  writeFileSync(join(dir, "new.js"), "1");
  const [untracked, same] = [await stamped(dir), await stamped(dir)];
  assert.match(untracked.id, new RegExp(`^${commit}-[0-9a-f]{12}$`));
  assert.equal(same.id, untracked.id);
  assert.match(warned.mock.calls[0].arguments[0], /^trueup: there are changes/);
  writeFileSync(join(dir, "new.js"), "2");
  const other = await stamped(dir);
  assert.notEqual(other.id, untracked.id);
  writeFileSync(join(dir, "main.js"), `${MAIN}//`);
  assert.notEqual((await stamped(dir)).id, other.id);
  assert.equal((await stamped(dir, { id: "mine", version: "1.2.3" })).id, "mine");
});

test("output that is committed is no change, and a second build gives the same id", async (t) => {
  const dir = repository(t);
  writeFileSync(join(dir, ".gitignore"), "");
  await stamped(dir);
  git(dir, "add", ".");
  git(dir, "commit", "--quiet", "--message", "two");
  const commit = git(dir, "rev-parse", "HEAD");
  assert.equal((await stamped(dir)).id, commit);
  assert.equal((await stamped(dir)).id, commit, "the stamp of the first build is output");
});

test("without git the id is a hash of the sources, and there is no version", async (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  // Below another repository git would find that one.
  process.env.GIT_CEILING_DIRECTORIES = tmp.replace(/\/$/, "");
  t.after(() => delete process.env.GIT_CEILING_DIRECTORIES);
  const dir = folder(t);
  const { id, version } = await stamped(dir);
  assert.match(id, /^[0-9a-f]{12}$/);
  assert.equal(version, undefined);
  assert.equal(warned.mock.callCount(), 2);
  assert.equal((await stamped(dir)).id, id, "what was built is no source");
  writeFileSync(join(dir, "main.js"), `${MAIN}//`);
  assert.notEqual((await stamped(dir)).id, id);
  process.env.SOURCE_DATE_EPOCH = "1795000000";
  t.after(() => delete process.env.SOURCE_DATE_EPOCH);
  assert.equal((await stamped(dir)).version, 1795000000);
  delete process.env.SOURCE_DATE_EPOCH;
  await assert.rejects(build.esbuild(dir, { manifest: true }), /needs a commit/);
});

test("a page that has a mark keeps it; a fragment gets none; what is in it is escaped", async (t) => {
  const own = PAGE.replace("<title>", '<meta content="own" name="trueup-build"><title>');
  const dir = repository(t, { "own.html": own, "part.html": "<p>part</p>", "bare.html": "<!doctype html><title>bare</title>" });
  await build.esbuild(dir, { id: 'a"<b>' }, { entryPoints: ["main.js", "index.html", "own.html", "part.html", "bare.html"] });
  assert.equal(read(dir, "own.html"), own);
  assert.equal(read(dir, "part.html"), "<p>part</p>");
  assert.match(read(dir, "bare.html"), /^<!doctype html>\n<meta name="trueup-build" content="a&#34;&#60;b&#62;" data-version="1795413600"><title>/);
});

test("esbuild without writing gives the files back", async (t) => {
  const dir = repository(t);
  const { outputFiles } = await build.esbuild(dir, { id: "b1" }, { write: false });
  assert.ok(!existsSync(join(dir, "dist")));
  const text = (end) => outputFiles.find(({ path }) => path.endsWith(end)).text;
  assert.equal(JSON.parse(text("trueup.build.json")).id, "b1");
  assert.match(text("index.html"), /content="b1"/);
});

test("under Vite's development server the build is `dev`, and the manifest says that it is current", async (t) => {
  const dir = repository(t, { "other/index.html": PAGE });
  const { createServer } = await import("vite");
  const flags = { flags: { a: { state: "ENABLED", variants: { on: true }, defaultVariant: "on" } } };
  const server = await createServer({ root: dir, logLevel: "silent", configFile: false, server: { port: 0, host: "127.0.0.1", watch: null, hmr: false }, plugins: [plugins.vite({ manifest: { flags, supported: { minimum: "9" } } })] });
  t.after(() => server.close());
  await server.listen();
  const origin = `http://127.0.0.1:${server.httpServer.address().port}`;
  const get = async (path) => (await fetch(origin + path)).text();
  assert.match(await get("/"), /<meta name="trueup-build" content="dev">/);
  assert.deepEqual(JSON.parse(await get("/trueup.json")), { trueup: 1, serial: 1, current: { id: "dev" }, flags });
  assert.match((await server.transformRequest("virtual:trueup")).code, /"id":\s*"dev"/);
  mkdirSync(join(dir, "public"));
  writeFileSync(join(dir, "public/trueup.json"), "{}");
  const again = await createServer({ root: dir, logLevel: "silent", configFile: false, server: { port: 0, host: "127.0.0.1", watch: null, hmr: false }, plugins: [plugins.vite()] });
  t.after(() => again.close());
  await again.listen();
  assert.equal(await (await fetch(`http://127.0.0.1:${again.httpServer.address().port}/trueup.json`)).text(), "{}", "the app's own file wins");
});

for (const name of ["webpack", "rspack"])
  test(`${name}: while it watches in development mode the build is \`dev\`, and so says the manifest`, async (t) => {
    const dir = repository(t);
    const { default: bundler } = await import(name === "webpack" ? name : "@rspack/core");
    const compiler = bundler({ context: dir, mode: "development", devtool: false, entry: "./main.js", output: { path: join(dir, "dist") }, plugins: [plugins[name]()] });
    const watching = await new Promise((done, fail) => {
      const watching = compiler.watch({}, (error) => (error ? fail(error) : setImmediate(() => done(watching))));
    });
    await new Promise((done) => watching.close(done));
    assert.deepEqual(JSON.parse(read(dir, "trueup.json")), { trueup: 1, serial: 1, current: { id: "dev" } });
    assert.ok(!existsSync(join(dir, "dist/trueup.build.json")));
    assert.deepEqual((await told(dir)).build, { id: "dev" });
  });

test("a build for a server is not stamped", async (t) => {
  const dir = repository(t);
  const { build } = await import("vite");
  await build({ root: dir, logLevel: "silent", configFile: false, build: { ssr: "main.js" }, plugins: [plugins.vite()] });
  assert.ok(!existsSync(join(dir, "dist/trueup.build.json")));
  assert.equal((await told(dir)).build.version, 1795413600, "but it knows its build");
});
