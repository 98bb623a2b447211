// A page without a build step: the package's files as they are, by an import map.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mark } from "trueup/server";
import { published } from "./published.js";

const build = { id: process.env.GITHUB_SHA, version: Number(process.env.SOURCE_DATE_EPOCH) };
const map = { imports: { trueup: "./trueup/index.js", "virtual:trueup": "./build.js" } };
mkdirSync("dist", { recursive: true });
cpSync("node_modules/trueup/dist", "dist/trueup", { recursive: true });
for (const file of ["main.js", "lazy.js"]) cpSync(file, `dist/${file}`);
writeFileSync("dist/build.js", `export const build = ${JSON.stringify(build)};\n`);
writeFileSync("dist/trueup.json", JSON.stringify({ trueup: 1, serial: build.version, current: build, ...published(build.version) }));
const page = readFileSync("index.html", "utf8").replace("<head>", `<head>${mark(build)}<script type="importmap">${JSON.stringify(map)}</script>`);
writeFileSync("dist/index.html", page.replace("<!-- script -->", '<script type="module" src="./main.js"></script>'));
