// Assembles the npm package from pkg-template/ and the built core. Run by `cargo xtask build`.
//
//   node build.mjs --wasm DIR --out DIR --meta DIR --version V
//
// TypeScript reaches the core through two virtual modules:
//
// - `wasm:glue`: pkg-template/src/glue.ts, which calls the module. Tests put a core of their own in its place.
// - `wasm:source`: `source()` gives the module, each entry in its own way (`wasm` in entries.mjs):
//   - inline: `Uint8Array`, at once. The module, in columns (columns.mjs), is a string of characters, most below U+0080,
//     in a UTF-8 file: no bundler has to know of a second file, and brotli sees nearly the bytes themselves (base64 would
//     be +16 %).
//   - beside: `Promise<WebAssembly.Module>`, of trueup_bg.wasm next to the entry.
//   - packed: `Promise<WebAssembly.Module>`, gzip in base64: a classic script has the page's encoding, which may not be UTF-8.
//
// Beside the package, for `cargo xtask size`, in DIR of --meta: entries.json (which entry loads which files, and the
// minified bytes of each source in it) and parts/ (glue, client and prompt bundled apart from each other).
//
// `__DEV__` is true in the development builds (dist/development/, export condition `development`) and in what runs in
// Node: error prose belongs there.

import { gzipSync } from "node:zlib";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import { minify } from "terser";
import { join as joined, KEY, KINDS, split } from "./columns.mjs";
import { entries } from "./entries.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const template = join(root, "pkg-template");

/** What runs in a page is for browsers with the features that the loader needs anyhow; see the README's baseline. */
const TARGET = { browser: ["es2022"], node: ["node20"] };

/** Bundles one entry. `development` for the development build. Writes nothing. */
async function bundle(entry, all, { wasm, version, development = false, plugins = [], stdin }) {
  const platform = entry.platform ?? "browser";
  const shrinks = !development && platform === "browser";
  const result = await esbuild.build({
    ...(stdin ? { stdin } : { entryPoints: [entry.path] }),
    outfile: outfile(entry, development),
    bundle: true,
    write: false,
    metafile: true,
    logLevel: "warning",
    platform,
    format: entry.format ?? "esm",
    target: TARGET[platform],
    // A classic script is read in the page's encoding, which may not be UTF-8; a module always is.
    charset: entry.format === "iife" ? "ascii" : "utf8",
    minifySyntax: shrinks,
    minifyWhitespace: shrinks,
    legalComments: "none",
    // A command brings what it uses, so that the package has no dependency at run time; whoever imports an entry has the
    // dependencies already.
    packages: entry.bin ? "bundle" : "external",
    ...(entry.bin && { mainFields: ["module", "main"] }),
    define: { __DEV__: String(development || platform === "node"), __VERSION__: JSON.stringify(version ?? "") },
    banner: entry.bin ? { js: BIN } : {},
    absWorkingDir: root,
    plugins: [...plugins, core(entry, wasm, development), shared(entry, all)],
  });
  const [{ text: bundled }] = result.outputFiles;
  // terser names things by how often each letter stands in the file; esbuild's names are 4 % larger by brotli. Functions
  // that stand together, and where they were written, compress better than those that are put where they are called.
  const classic = entry.format === "iife";
  const small = () => minify(bundled, { module: !classic, ecma: 2022, compress: { passes: 3, hoist_funs: true, inline: 0 }, format: { ascii_only: classic } });
  const text = shrinks ? (await small()).code : bundled;
  const module = () => literal(split(readFileSync(join(wasm, "trueup_bg.wasm"))).text);
  return { text: text.replace(PLACE, module) + licences(result.metafile), metafile: result.metafile };
}

/** The first lines of a command. Bundled CommonJS asks for Node's modules by `require`. */
const BIN = `#!/usr/bin/env node
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);`;

/** The licences of the packages that were bundled, as comments: they ask for it. */
function licences(metafile) {
  const inputs = Object.keys(metafile.inputs).map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(inputs.filter(Boolean))]
    .sort()
    .map((name) => {
      const dir = join(root, "node_modules", name);
      const file = readdirSync(dir).find((file) => /^licen[cs]e/i.test(file));
      if (!file) throw new Error(`${name} is bundled and has no licence file`);
      return `\n/*!\n${name}\n\n${readFileSync(join(dir, file), "utf8").trim()}\n*/\n`;
    })
    .join("");
}

function outfile(entry, development) {
  return posix.join("dist", development ? "development" : "", entry.file);
}

/** Resolves `wasm:glue` and `wasm:source`. */
function core(entry, wasm, development) {
  return {
    name: "core",
    setup(build) {
      build.onResolve({ filter: /^wasm:source$/ }, ({ path }) => ({ path, namespace: "core", sideEffects: false }));
      build.onResolve({ filter: /^wasm:glue$/ }, () => ({ path: join(template, "src/glue.ts"), sideEffects: false }));
      build.onLoad({ filter: /^wasm:source$/, namespace: "core" }, () => ({
        contents: SOURCE[entry.wasm ?? "inline"](join(wasm, "trueup_bg.wasm"), development),
        resolveDir: root,
      }));
    },
  };
}

/**
 * Stands for the literal until the rest is small: esbuild would escape more characters than JavaScript asks for. A name and
 * no text, of which terser would work out the length.
 */
const PLACE = "__CORE__";

/** The columns as a string literal. NUL is escaped only because some tools take a file with it for binary. */
function literal(codes) {
  const escapes = { 0: "\\x00", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\" };
  return `"${codes.map((code) => escapes[code ^ KEY] ?? String.fromCharCode(code ^ KEY)).join("")}"`;
}

const SOURCE = {
  inline: (module) => {
    const { base, head, count } = split(readFileSync(module));
    return `
    const join = ${joined};
    const text = ${PLACE};
    export const source = () => join(text, ${KEY}, "${KINDS}", ${base}, ${head}, ${count});`;
  },
  beside: (_, development) => `
    import { streamed } from ${JSON.stringify(join(template, "src/streamed.ts"))};
    export const source = () => streamed(new URL("${development ? ".." : "."}/trueup_bg.wasm", import.meta.url));`,
  packed: (module) => `
    const text = "${gzipSync(readFileSync(module), { level: 9 }).toString("base64")}";
    export const source = async () => {
      const packed = new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]).stream();
      return WebAssembly.compile(await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
    };`,
};

/** Leaves imports of other entries as imports of their built files (see entries.mjs). */
function shared(entry, all) {
  return {
    name: "shared",
    setup(build) {
      if (entry.standalone) return;
      build.onResolve({ filter: /^\./ }, async ({ path, pluginData, ...options }) => {
        if (pluginData === "shared") return;
        const found = await build.resolve(path, { ...options, pluginData: "shared" });
        const other = all.find((other) => other.path === found.path && other.path !== entry.path);
        if (!other) return found;
        const to = posix.relative(posix.dirname(entry.file), other.file);
        return { path: to.startsWith(".") ? to : `./${to}`, external: true };
      });
    },
  };
}

/** The parts of the entry `trueup`, each without the others; a part that is not there yet is left out. */
async function parts(all, wasm) {
  const index = all.find((entry) => entry.source === "index");
  const prompt = join(template, "src/prompt.ts");
  const without = (filter) => ({
    name: "without",
    setup: (build) => build.onResolve({ filter }, ({ path }) => ({ path, external: true })),
  });
  const glue = { contents: `export * from "wasm:glue";`, resolveDir: root };
  const results = {
    glue: bundle({ source: "glue", file: "glue.js" }, all, { wasm, stdin: glue }),
    client: index && bundle(index, all, { wasm, plugins: [without(/^wasm:|\/prompt\.js$/)] }),
    prompt: existsSync(prompt) && bundle({ source: "prompt", path: prompt, file: "prompt.js", standalone: true }, all, { wasm }),
  };
  const texts = {};
  for (const [name, result] of Object.entries(results)) {
    if (result) texts[name] = (await result).text;
  }
  return texts;
}

/** What `cargo xtask size` prints of an entry. */
function measured(entry, metafile) {
  const [output] = Object.values(metafile.outputs);
  return {
    name: entry.subpath ?? entry.file,
    files: [`dist/${entry.file}`, ...(entry.wasm === "beside" ? ["dist/trueup_bg.wasm"] : [])],
    platform: entry.platform ?? "browser",
    sources: Object.fromEntries(
      Object.entries(output.inputs)
        .filter(([path]) => path !== "core:wasm:source")
        .map(([path, { bytesInOutput }]) => [path, bytesInOutput]),
    ),
  };
}

/** `exports` of package.json: types first, then the conditions. */
function exportsOf(all) {
  const map = {};
  for (const entry of all.filter((entry) => entry.subpath)) {
    const js = `./dist/${entry.file}`;
    map[entry.subpath] =
      entry.format === "iife"
        ? js
        : {
            types: `./dist/${entry.source}.d.ts`,
            ...(entry.development && { development: `./dist/development/${entry.file}` }),
            default: js,
          };
  }
  if (all.some((entry) => entry.wasm === "beside")) map["./dist/trueup_bg.wasm"] = "./dist/trueup_bg.wasm";
  for (const file of EXTRA.filter((file) => existsSync(join(template, file)))) map[`./${file}`] = `./${file}`;
  map["./package.json"] = "./package.json";
  return map;
}

/** Files of the template that are shipped as they are. */
const EXTRA = ["schema.json"];

async function main() {
  const { values: flags } = parseArgs({
    options: { wasm: { type: "string" }, out: { type: "string" }, meta: { type: "string" }, version: { type: "string" } },
  });
  const all = entries(template);
  const write = (path, bytes) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  };
  const measures = [];
  await Promise.all(
    all.flatMap((entry) =>
      (entry.development ? [false, true] : [false]).map(async (development) => {
        const result = await bundle(entry, all, { wasm: flags.wasm, version: flags.version, development });
        const path = join(flags.out, outfile(entry, development));
        write(path, result.text);
        if (entry.bin) chmodSync(path, 0o755);
        if (!development) measures.push(measured(entry, result.metafile));
      }),
    ),
  );
  mkdirSync(flags.out, { recursive: true });
  if (all.some((entry) => entry.wasm === "beside")) {
    cpSync(join(flags.wasm, "trueup_bg.wasm"), join(flags.out, "dist/trueup_bg.wasm"));
  }
  for (const file of ["README.md", ...EXTRA]) {
    if (existsSync(join(template, file))) cpSync(join(template, file), join(flags.out, file));
  }
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(join(root, file), join(flags.out, file));
  rmSync(flags.meta, { recursive: true, force: true });
  measures.sort((a, b) => (a.name < b.name ? -1 : 1));
  write(join(flags.meta, "entries.json"), JSON.stringify(measures, null, 2));
  for (const [part, text] of Object.entries(await parts(all, flags.wasm))) write(join(flags.meta, `parts/${part}.js`), text);
  const { name, ...manifest } = JSON.parse(readFileSync(join(template, "package.json"), "utf8"));
  const bins = all.filter((entry) => entry.bin);
  write(
    join(flags.out, "package.json"),
    JSON.stringify(
      {
        name,
        version: flags.version,
        ...manifest,
        exports: exportsOf(all),
        ...(bins.length && { bin: Object.fromEntries(bins.map((entry) => [entry.bin, `dist/${entry.file}`])) }),
      },
      null,
      2,
    ) + "\n",
  );
}

if (resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
