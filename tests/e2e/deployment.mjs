// The deployment server (`cargo xtask serve`), and the page of a small app that uses the built package.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { atEnd } from "./driver.mjs";

let started;

/** The server, started at the first call and stopped after the file's last test. */
export function deployment() {
  started ??= start();
  return started;
}

async function start() {
  const server = spawn("cargo", ["run", "--quiet", "--package", "xtask", "--", "serve", "--port", "0"], {
    cwd: new URL("../../", import.meta.url),
    stdio: ["ignore", "pipe", "inherit"],
  });
  atEnd(() => server.kill());
  let said = "";
  const origin = await new Promise((resolve, reject) => {
    server.on("exit", (code) => reject(new Error(`the deployment server ended with ${code}`)));
    server.stdout.on("data", (data) => {
      const found = /^listening on (\S+)$/m.exec((said += data));
      if (found) resolve(found[1].replace(/\/$/, ""));
    });
  });
  return {
    origin,
    /** Does commands, in order, at one moment. */
    async control(...commands) {
      const answer = await fetch(`${origin}/__control`, { method: "POST", body: JSON.stringify(commands) });
      assert.equal(answer.status, 200, await answer.clone().text());
      return (await answer.json()).result;
    },
    /** The requests so far, by the query of `GET /__log`. */
    async requests(query = "") {
      return (await (await fetch(`${origin}/__log?${query}`)).json()).entries;
    },
    /** The number of the latest request. */
    async last() {
      return (await (await fetch(`${origin}/__log?since=${Number.MAX_SAFE_INTEGER}`)).json()).last;
    },
    /** Waits until a request that the query means has arrived, answered or not. */
    async arrived(query) {
      const until = Date.now() + 30_000;
      while (!(await this.requests(query)).length) {
        assert.ok(Date.now() < until, `no request by ${query}`);
        await new Promise((done) => setTimeout(done, 50));
      }
    },
  };
}

/** The app's page: connects with the options that the test has put into `window.options`. */
export const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8">{{mark}}<title>{{id}}</title><link rel="icon" href="data:,"></head>
<body>
<h1>{{id}}</h1>
<script type="module">
  import { connect } from "/pkg/dist/index.js";
  globalThis.connect = connect;
  globalThis.trueup = connect({ poll: { everySeconds: 2 }, countdownSeconds: 2, ...globalThis.options });
</script>
</body>
</html>`;

/** A fresh world in which build `b1` of the shop is deployed, without a spread. */
export async function shop({ page = PAGE, manifest = {} } = {}) {
  const server = await deployment();
  await server.control(
    { do: "reset" },
    { do: "template", page },
    { do: "deploy", id: "b1", version: "1.0.0", manifest: { refresh: { spreadSeconds: 0 }, ...manifest } },
  );
  return server;
}
