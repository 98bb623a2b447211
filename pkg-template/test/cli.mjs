// Runs the built command `trueup` in a scratch directory, as a person or a pipeline would.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const command = join(process.env.TRUEUP_PKG ?? fileURLToPath(new URL("../../target/pkg", import.meta.url)), "dist/cli/main.js");

/** What `skip` of a test takes: the command is built by `cargo xtask build`. */
export const unbuilt = !existsSync(command) && "target/pkg is not built";

/** A moment, and some seconds later. */
export const NOW = Date.parse("2026-11-24T00:00:00Z");
export const at = (seconds = 0) => ["--at", new Date(NOW + seconds * 1000).toISOString()];
export const SERIAL = NOW / 1000;

/** A scratch directory; what is in `files` (text, or a value for JSON) lies there. */
export function scratch(t, files = {}) {
  const dir = mkdtempSync(join(tmpdir(), "trueup-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const of = (name) => join(dir, name);
  for (const [name, content] of Object.entries(files)) writeFileSync(of(name), typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
  return {
    dir,
    path: of,
    text: (name) => readFileSync(of(name), "utf8"),
    json: (name) => JSON.parse(readFileSync(of(name), "utf8")),
    has: (name) => existsSync(of(name)),
    write: (name, content) => writeFileSync(of(name), typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`),
    /** Runs the command here. */
    run: (...args) => run(dir, args),
    /** The same, and it has to end with `code`. */
    async ends(code, ...args) {
      const ended = await run(dir, args);
      assert.equal(ended.code, code, `trueup ${args.join(" ")}\n${ended.out}${ended.err}`);
      return ended;
    },
    /** The same with `--json`: the report. */
    async report(code, ...args) {
      const ended = await run(dir, [...args, "--json"]);
      assert.equal(ended.code, code, `trueup ${args.join(" ")}\n${ended.out}${ended.err}`);
      assert.equal(ended.err, "", "nothing but the report is said");
      return JSON.parse(ended.out);
    },
  };
}

/**
 * The built command, in this process: a module with another query is evaluated anew, and ends when the command does. One
 * at a time, for it has the process's directory, arguments and streams.
 */
async function run(cwd, args) {
  const { argv, exitCode } = process;
  const [here, out, err] = [process.cwd(), process.stdout.write, process.stderr.write];
  const said = { out: "", err: "" };
  process.argv = [argv[0], command, ...args];
  process.exitCode = 0;
  process.chdir(cwd);
  // The test runner writes there too, in bytes.
  process.stdout.write = (text, ...rest) => (typeof text === "string" ? !!(said.out += text) : out.call(process.stdout, text, ...rest));
  process.stderr.write = (text, ...rest) => (typeof text === "string" ? !!(said.err += text) : err.call(process.stderr, text, ...rest));
  try {
    await import(`${pathToFileURL(command)}?${++runs}`);
    return { code: process.exitCode ?? 0, ...said };
  } finally {
    process.chdir(here);
    [process.argv, process.exitCode, process.stdout.write, process.stderr.write] = [argv, exitCode, out, err];
  }
}
let runs = 0;
// Each run listens to the streams, and in a process of its own it would end with it.
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);

/** The same in a process of its own. `input` goes to its stdin. */
export function spawned(cwd, args, input = "") {
  return new Promise((done) => {
    const child = spawn(process.execPath, [command, ...args], { cwd });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    child.on("close", (code) => done({ code, out, err }));
    child.stdin.end(input);
  });
}

/** A server that answers by path with `{ status, headers, body }` or a body; the test may change `routes`. */
export async function edge(t, routes) {
  const server = createServer((request, response) => {
    const route = routes[request.url.split("?")[0]] ?? { status: 404, body: "" };
    const { status = 200, headers = {}, body = "" } = typeof route === "string" ? { body: route } : route;
    const type = request.url.endsWith(".json") ? "application/json" : "text/html";
    response.writeHead(status, { "content-type": type, ...headers }).end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}`;
}

/** A manifest in which three builds have been published. */
export const MANIFEST = `{
  "trueup": 1,
  "serial": ${SERIAL},
  "current": { "id": "b3", "version": "1.2.0" },
  "supported": { "minimum": "1.0.0", "blocked": [ { "id": "bad" } ] },
  "x-ours": { "kept": [1, 2,   3] },
  "refresh": { "urgency": "normal", "spreadSeconds": 0 },
  "apis": {
    "orders": {
      "supported": ["2", "3"],
      "preferred": "3",
      "deprecated": { "2": { "since": "2026-10-01T00:00:00Z" } }
    }
  },
  "flags": { "flags": {
    "new-checkout": { "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "off",
      "targeting": { "if": [ { "sem_ver": [ { "var": "$build.version" }, ">=", "1.1.0" ] }, { "fractional": [ ["on", 25], ["off", 75] ] }, "off" ] } },
    "theme": { "state": "ENABLED", "variants": { "dark": 1, "light": 2 }, "defaultVariant": "light" }
  } }
}
`;

export const HISTORY = {
  history: 1,
  builds: [
    { id: "b1", version: "1.0.0", published: "2026-11-01T00:00:00Z", apis: { orders: { speaks: ["2"], required: true } } },
    { id: "b2", version: "1.1.0", published: "2026-11-10T00:00:00Z", apis: { orders: ["3", "2"] } },
    { id: "b3", version: "1.2.0", published: "2026-11-20T00:00:00Z", apis: { orders: { speaks: ["3"], required: true } } },
  ],
  changes: [
    { at: "2026-11-01T00:00:00Z", serial: 1, what: "publish b1", current: "b1" },
    { at: "2026-11-10T00:00:00Z", serial: 2, what: "publish b2", current: "b2" },
    { at: "2026-11-20T00:00:00Z", serial: 3, what: "publish b3", current: "b3" },
  ],
};

export const world = (t, files = {}) => scratch(t, { "trueup.json": MANIFEST, "trueup.history.json": HISTORY, ...files });
