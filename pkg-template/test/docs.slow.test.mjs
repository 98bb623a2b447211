// The nginx recipe of docs/hosting.md, served by nginx: headers, revalidation, and what is not there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { scratch } from "./cli.mjs";

const free = () =>
  new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

test("nginx serves the recipe as tabs need it", async (t) => {
  const hosting = readFileSync(new URL("../../docs/hosting.md", import.meta.url), "utf8");
  const [, recipe] = /^```nginx\n(.*?)^```$/ms.exec(hosting);
  assert.ok(recipe.includes("listen 80;") && recipe.includes("root /srv/shop;"));
  const dir = scratch(t, { "trueup.json": { trueup: 1, serial: 1, current: { id: "b1" } }, "index.html": '<meta name="trueup-build" content="b1">' });
  mkdirSync(dir.path("assets"));
  writeFileSync(dir.path("assets/app.123.js"), "1");
  const port = await free();
  const server = recipe.replace("listen 80;", `listen 127.0.0.1:${port};`).replace("root /srv/shop;", `root ${dir.dir};`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir.path(name)};`).join(" ");
  writeFileSync(
    dir.path("nginx.conf"),
    `daemon off; master_process off; pid ${dir.path("pid")}; error_log stderr; events {}
    http { types { text/html html; application/json json; text/javascript js; } access_log off; ${paths}\n${server} }`,
  );
  const nginx = spawn("nginx", ["-c", dir.path("nginx.conf"), "-p", dir.dir], { stdio: ["ignore", "inherit", "inherit"] });
  t.after(() => nginx.kill());
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    assert.ok(nginx.exitCode === null && tries < 300, "nginx runs");
    if (await fetch(origin).catch(() => undefined)) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  const get = (path, headers = {}) => fetch(origin + path, { headers });

  for (const [path, type] of [["/trueup.json", "application/json"], ["/", "text/html"], ["/cart/7", "text/html"]]) {
    const answer = await get(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.redirected, false, path);
    assert.deepEqual([answer.headers.get("cache-control"), answer.headers.get("content-type")], ["no-cache", type], path);
    assert.ok(answer.headers.get("date") && answer.headers.get("etag"), path);
    const again = await get(path, { "if-none-match": answer.headers.get("etag") });
    assert.deepEqual([again.status, again.headers.get("cache-control")], [304, "no-cache"], path);
  }
  const asset = await get("/assets/app.123.js");
  assert.deepEqual([asset.status, asset.headers.get("cache-control")], [200, "public, max-age=31536000, immutable"]);
  assert.equal((await get("/assets/gone.js")).status, 404, "a chunk that is lost is no page");

  assert.deepEqual((await dir.report(0, "check", `${origin}/trueup.json`)).findings, []);
  await dir.ends(0, "verify", `${origin}/cart/7`, "--serial", "1", "--shell", "b1");
});
