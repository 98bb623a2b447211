// The documents against the code. Each is a story in a scratch directory, played from its first block to its last:
//
// - ```json FILE    is JSON, and lies in the directory from then on; ```json alone is a manifest without a flaw;
// - ```console      lines behind `$ ` are run, what follows is what they say, `(exit code N)` where that is not 0;
// - ```sh           is run by bash; commands of other people (aws, rsync, …) are stood in for by ones that do nothing;
// - ```html         with a mark is one that `verify` takes; ```ts is compiled (readme.test.mjs); ```nginx is served from
//                   (docs.slow.test.mjs); ```text is a file or a sketch, and is looked at by the test that names it.
//
// Hosts below shop.example are edges that serve the directory; us.shop.example is stale: it serves what was there before
// the last change. The first command runs at 2026-11-24T12:00:00Z, each other one a minute later. With TRUEUP_DOCS=write
// what the commands say is written into the documents.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { command, scratch, unbuilt } from "./cli.mjs";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const BLOCK = /^```(\S+)([^\n]*)\n(.*?)^```$/gms;
const KINDS = ["json", "console", "sh", "html", "ts", "nginx", "text"];
const START = Date.parse("2026-11-24T12:00:00Z");

/** Words as a shell splits them, as far as samples need that: quotes, and no variables. */
const words = (line) => [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, (_, a, b) => a ?? b));

/** A directory with its edges. */
async function world(t) {
  const dir = scratch(t);
  let before = "";
  let now = START - 60_000;
  const server = createServer((request, response) => {
    const [, host, path] = /^\/([^/]+)(\/[^?]*)/.exec(request.url);
    const file = path.slice(1);
    const current = dir.has("trueup.json") ? dir.text("trueup.json") : "";
    const manifest = host === "us.shop.example" ? before || current : current;
    const headers = { "cache-control": "no-cache", etag: '"1"', date: new Date(now).toUTCString() };
    const answer = (type, text) => response.writeHead(200, { "content-type": type, ...headers }).end(text);
    if (file === "page.html") return answer("text/html", dir.text(file));
    if (file === "trueup.json" && manifest) return answer("application/json", manifest);
    if (file.endsWith(".json") && dir.has(file)) return answer("application/json", dir.text(file));
    if (file.endsWith(".json") || !manifest) return response.writeHead(404).end();
    const { id, version } = JSON.parse(manifest).current;
    answer("text/html", `<!doctype html><meta name="trueup-build" content="${id}" data-version="${version}">`);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => (server.closeAllConnections(), server.close()));
  // Relative URLs have to stay below the edge's name, so the root of each is a path of its own; `verify` asks for the
  // manifest from the root, which is why it is told where that is.
  const origin = `http://127.0.0.1:${server.address().port}`;
  const local = (text) => text.replace(/https:\/\/([a-z]+\.)?shop\.example/g, (url) => `${origin}/${url.slice(8)}`);
  const global = (text) => text.replaceAll(`${origin}/`, "https://").replaceAll(dir.dir + "/", "");
  const at = () => ["--at", new Date((now += 60_000)).toISOString()];
  return {
    dir,
    local,
    at,
    /** Runs `npx trueup …`, and answers with all that it says. */
    async trueup(line) {
      const old = dir.has("trueup.json") ? dir.text("trueup.json") : "";
      const [, , ...args] = words(local(line));
      const own = args[0] === "verify" && !args.includes("--manifest") ? ["--manifest", "trueup.json"] : [];
      const { code, out, err } = await dir.run(...args, ...own, ...(args[0] === "--version" ? [] : at()));
      if (dir.has("trueup.json") && dir.text("trueup.json") !== old) before = old;
      return global(out + err) + (code ? `(exit code ${code})\n` : "");
    },
    /** Runs a script by bash, in which every other command that is installed nowhere succeeds. */
    script(text) {
      mkdirSync(dir.path("bin"), { recursive: true });
      for (const name of ["aws", "rsync", "npm", "wrangler", "vercel", "netlify", "ssh", "git"]) stub(name, "#!/bin/sh\nexit 0\n");
      stub("npx", `#!/bin/sh\nshift\nexec ${process.execPath} ${command} "$@" ${at().join(" ")}\n`);
      const env = { ...process.env, PATH: `${dir.path("bin")}:${process.env.PATH}`, GITHUB_SHA: "9f3c2e1", DISTRIBUTION: "E1", BUCKET: "shop" };
      return new Promise((done) => {
        const child = spawn("bash", ["-euo", "pipefail", "-c", local(text)], { cwd: dir.dir, env });
        let said = "";
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
        child.on("close", (code) => done({ code, said }));
      });
    },
  };
  function stub(name, text) {
    writeFileSync(dir.path(`bin/${name}`), text);
    chmodSync(dir.path(`bin/${name}`), 0o755);
  }
}

for (const file of readdirSync(docs))
  test(`docs/${file} is played as it stands`, { skip: unbuilt }, async (t) => {
    const story = await world(t);
    let text = readFileSync(docs + file, "utf8");
    for (const [whole, kind, info, code] of text.matchAll(BLOCK)) {
      assert.ok(KINDS.includes(kind), `${kind}: nothing looks at such a block`);
      const name = info.trim();
      if (kind === "json") {
        JSON.parse(code);
        if (name) {
          mkdirSync(dirname(story.dir.path(name)), { recursive: true });
          story.dir.write(name, code);
        } else {
          story.dir.write("shown.json", code);
          const { findings } = await story.dir.report(0, "check", "shown.json", "--at", "2026-11-23T12:00:00Z");
          assert.deepEqual(findings, [], code);
        }
      }
      if (name === "_headers") for (const line of code.trimEnd().split("\n")) assert.match(line, /^(\/\S*|  [A-Z][\w-]+: \S.*)$/);
      if (name === "vercel.json")
        for (const { source, headers } of JSON.parse(code).headers) assert.ok(source.startsWith("/") && headers.every(({ key, value }) => key && value));
      if (kind === "html") {
        story.dir.write("page.html", code);
        const { code: exit } = await story.dir.run("verify", story.local("https://file.shop.example/page.html"), "--shell", "9f3c2e1");
        assert.equal(exit, 0, "a tab finds the mark");
      }
      if (kind === "sh") {
        const { code: exit, said } = await story.script(code);
        assert.equal(exit, 0, `${code}\n${said}`);
      }
      if (kind === "console") {
        let played = "";
        for (const line of code.split("\n").filter((line) => line.startsWith("$ "))) {
          assert.match(line, /^\$ (npx trueup|cat) /);
          const said = line.startsWith("$ cat ") ? story.dir.text(line.slice(6)) : await story.trueup(line.slice(2));
          played += `${line}\n${said}`;
        }
        if (process.env.TRUEUP_DOCS === "write") text = text.replace(whole, () => `\`\`\`${kind}${info}\n${played}\`\`\``);
        else assert.equal(code, played);
      }
    }
    if (process.env.TRUEUP_DOCS === "write") writeFileSync(docs + file, text);
  });

test("the commands in the README run, one after the other", { skip: unbuilt }, async (t) => {
  const readme = readFileSync(docs + "../README.md", "utf8");
  const scripts = [...readme.matchAll(BLOCK)].filter(([, kind]) => kind === "sh").map(([, , , code]) => code);
  const lines = scripts.flatMap((code) => code.split("\n")).filter((line) => line.startsWith("npx trueup "));
  assert.ok(lines.length >= 3, "the README shows how to publish");
  const story = await world(t);
  story.dir.write("trueup.json", { trueup: 1, serial: 1795413600, current: { id: "8be01aa", version: "4.11.0" } });
  for (const line of lines) {
    const said = await story.trueup(line.replace(/\s+#.*/, ""));
    assert.ok(!said.includes("(exit code"), `${line}\n${said}`);
  }
});

test("every command and every exit code stands in docs/command-line.md", { skip: unbuilt }, async (t) => {
  const text = readFileSync(docs + "command-line.md", "utf8");
  const { out } = await scratch(t).ends(0, "--help");
  for (const [, name] of out.matchAll(/^ {2}([a-z]+) /gm)) assert.ok(text.includes(`\`${name}`) || name === "help", name);
  for (const code of [0, 1, 2, 3, 4, 5]) assert.match(text, new RegExp(`^\\| ${code} \\|`, "m"));
  const sources = readdirSync(fileURLToPath(new URL("../src/cli/", import.meta.url))).map((file) => readFileSync(new URL(`../src/cli/${file}`, import.meta.url), "utf8"));
  const codes = sources.join("").matchAll(/\.(?:doubt|refuse)\("([a-z-]+)"/g);
  for (const code of new Set([...codes].map(([, code]) => code))) assert.ok(text.includes(`| \`${code}\` |`), `the refusal ${code}`);
  const findings = readFileSync(new URL("../src/cli/words.ts", import.meta.url), "utf8").match(/export const findings.*?\{\n(.*?)\n\};/s)[1];
  for (const [, , code] of findings.matchAll(/^ {2}("?)([a-z-]+)\1:/gm)) assert.ok(text.includes(`\`${code}\``), `the finding ${code}`);
});

