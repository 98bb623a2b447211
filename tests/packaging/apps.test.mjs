// The tarball in real apps: installed, built twice, opened in Chromium, deployed over.
import assert from "node:assert/strict";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deployment } from "../e2e/deployment.mjs";
import { assertNoFaults, browser, openTab } from "../e2e/driver.mjs";
import { fresh, run } from "./tarball.mjs";

const [server] = await Promise.all([deployment(), browser()]);

/** How each app is made and built; `chunks`: it has one that a deploy takes away, and the build plugin's stamp. */
const APPS = {
  vite: { tools: ["vite", "@vitejs/plugin-react", "react", "react-dom"], folders: ["common", "vite"], build: ["npx", ["vite", "build"]], chunks: true },
  webpack: { tools: ["webpack", "webpack-cli", "html-webpack-plugin"], folders: ["common", "webpack"], build: ["npx", ["webpack"]], chunks: true },
  rspack: { tools: ["@rspack/core"], folders: ["common", "rspack"], build: ["node", ["build.mjs"]], chunks: true },
  rollup: { tools: ["rollup"], folders: ["common", "rollup"], build: ["npx", ["rollup", "--config", "rollup.config.mjs"]], chunks: true },
  esbuild: { tools: ["esbuild"], folders: ["common", "esbuild"], build: ["node", ["build.mjs"]], chunks: true },
  module: { folders: ["common", "module"], build: ["node", ["build.mjs"]] },
  script: { folders: ["common", "script"], build: ["node", ["build.mjs"]] },
};
// With the oldest versions that pkg-template/package.json and README.md allow for. (webpack before 5.61 does not run on Node 20.)
const OLDEST = {
  vite: ["vite@5.0.0", "@vitejs/plugin-react@4.2.0", "react@18.0.0", "react-dom@18.0.0", "rollup@4.2.0"],
  webpack: ["webpack@5.61.0", "webpack-cli@5.0.0", "html-webpack-plugin@5.0.0"],
  rspack: ["@rspack/core@1.0.0"],
  rollup: ["rollup@4.0.0"],
  esbuild: ["esbuild@0.20.0"],
};
for (const [name, tools] of Object.entries(OLDEST)) APPS[`${name}-oldest`] = { ...APPS[name], tools };
const VERSIONS = { b1: 1000, b2: 2000 };

for (const [name, { tools, folders, build, chunks }] of Object.entries(APPS)) {
  test(name, async (test) => {
    const dir = await fresh(name, folders, tools);
    for (const [id, version] of Object.entries(VERSIONS)) {
      await run(dir, ...build, { GITHUB_SHA: id, SOURCE_DATE_EPOCH: String(version) });
      renameSync(join(dir, "dist"), join(dir, id));
      const html = readFileSync(join(dir, id, "index.html"), "utf8");
      assert.equal(html.match(/<meta name="?trueup-build/g)?.length, 1);
      assert.equal(JSON.parse(readFileSync(join(dir, id, "trueup.json"), "utf8")).current.id, id);
      if (chunks) assert.deepEqual(JSON.parse(readFileSync(join(dir, id, "trueup.build.json"), "utf8")).version, version);
    }
    const path = `/${name}/`;
    const deploy = (id) => server.control({ do: "mount", path, folder: join(dir, id) });
    await server.control({ do: "reset" });

    await test.test("it notices a deploy, evaluates a flag, calls a negotiated API and refreshes", async (test) => {
      await deploy("b1");
      const tab = await openTab(test);
      const shows = (id, text) => tab.page.waitForFunction(([id, text]) => document.getElementById(id)?.textContent === text, [id, text], { timeout: 30_000 });
      await tab.page.goto(server.origin + path);
      await shows("build", "b1");
      await shows("flag", "hello");
      await shows("orders", "2");
      if (chunks) {
        await tab.page.locator("#lazy").click();
        await shows("lazy", "chunk of b1");
      }
      assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
      await deploy("b2");
      await tab.page.locator("trueup-prompt[kind=force]").getByRole("button", { name: "Refresh now" }).waitFor({ timeout: 30_000 });
      await shows("build", "b2");
      await shows("flag", "hello");
      assert.equal(await tab.page.evaluate(() => trueup.standing.status), "current");
      assertNoFaults(tab);
    });

    if (chunks)
      await test.test("a chunk that a deploy has taken away makes it look before its poll is due", async (test) => {
        await deploy("b1");
        const tab = await openTab(test);
        await tab.page.goto(`${server.origin}${path}?still`);
        await tab.page.waitForFunction(() => trueup.standing.status === "current", undefined, { timeout: 30_000 });
        await deploy("b2");
        await tab.page.locator("#lazy").click();
        await tab.page.waitForFunction(() => document.getElementById("lazy").textContent === "lost");
        await tab.page.waitForFunction(() => trueup.standing.status === "unsupported", undefined, { timeout: 30_000 });
      });
  });
}
