import HtmlWebpackPlugin from "html-webpack-plugin";
import trueup from "trueup/webpack";
import { published } from "./published.js";

export default {
  mode: "production",
  entry: "./main.js",
  output: { filename: "[name].[contenthash].js", clean: true },
  plugins: [new HtmlWebpackPlugin({ template: "index.html" }), trueup({ manifest: published(Number(process.env.SOURCE_DATE_EPOCH)) })],
};
