import { rspack } from "@rspack/core";
import trueup from "trueup/rspack";
import { published } from "./published.js";

const compiler = rspack({
  mode: "production",
  entry: "./main.js",
  output: { filename: "[name].[contenthash].js", path: `${import.meta.dirname}/dist` },
  plugins: [new rspack.HtmlRspackPlugin({ template: "index.html" }), trueup({ manifest: published(Number(process.env.SOURCE_DATE_EPOCH)) })],
});
const stats = await new Promise((done, fail) => compiler.run((error, stats) => (error ? fail(error) : done(stats))));
if (stats.hasErrors()) throw new Error(stats.toString());
