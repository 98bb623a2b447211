import react from "@vitejs/plugin-react";
import trueup from "trueup/vite";
import { defineConfig } from "vite";
import { published } from "./published.js";

export default defineConfig({
  base: "./",
  plugins: [react(), trueup({ manifest: published(Number(process.env.SOURCE_DATE_EPOCH)), apis: { orders: ["3", "2"] } })],
});
