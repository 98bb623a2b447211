// A page with the script drop-in, and no module at all.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mark } from "trueup/server";
import { published } from "./published.js";

const build = { id: process.env.GITHUB_SHA, version: Number(process.env.SOURCE_DATE_EPOCH) };
mkdirSync("dist", { recursive: true });
cpSync("node_modules/trueup/dist/trueup.js", "dist/trueup.js");
writeFileSync("dist/trueup.json", JSON.stringify({ trueup: 1, serial: build.version, current: build, ...published(build.version) }));
const scripts = `<script src="trueup.js" data-manifest="trueup.json" data-poll-every-seconds="1" data-countdown-seconds="2"
      data-apis='{"orders":["3","2"]}' data-flags-context='{"targetingKey":"ada"}'></script>
    <script>
      const show = (id, text) => (document.getElementById(id).textContent = text);
      show("build", document.querySelector("meta[name=trueup-build]").content);
      const greet = () => show("flag", trueup.flags.get("greeting", "none"));
      trueup.on("flags", greet);
      greet();
      trueup.ready.then(() => trueup.api("orders").fetch("7")).then((answer) => answer.json()).then(({ version }) => show("orders", version));
    </script>`;
const page = readFileSync("index.html", "utf8").replace("<head>", `<head>${mark(build)}`);
writeFileSync("dist/index.html", page.replace("<!-- script -->", scripts));
