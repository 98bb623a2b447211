// Builds: their order, names and colours.

import { shop, send, state } from "./server.js";

const HUES = [250, 155, 60, 330, 200, 290, 105, 20];

/** The hue of a version, the same as on the shop's band. */
export function hue(version) {
  const [, minor = 0, patch = 0] = String(version ?? "").split(".").map(Number);
  return HUES[(minor + 3 * patch) % HUES.length];
}

/** The colour of a build in the console. */
export const swatch = (version) => `light-dark(oklch(0.55 0.13 ${hue(version)}), oklch(0.74 0.12 ${hue(version)}))`;

/** All builds of the shop, the newest first. */
export function builds() {
  const known = Object.entries(shop()?.builds ?? {}).map(([id, build]) => ({ id, ...build }));
  return known.sort((a, b) => order(b.version, a.version));
}

export const versionOf = (id) => shop()?.builds[id]?.version ?? id;

/** The build that the newest servers have, and those before it. */
export function live() {
  return shop()?.servers.at(-1)?.build;
}

/** The version after the newest: the second number grows. */
export function nextVersion() {
  const [major = 1, minor = -1] = String(builds()[0]?.version ?? "1.-1").split(".").map(Number);
  return `${major}.${minor + 1}.0`;
}

/** Something like a short commit id. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 7);
}

/** Negative, zero or positive: numbers by their value, missing ones as 0. */
export function order(a, b) {
  const [x, y] = [a, b].map((version) => String(version ?? 0).split(".").map(Number));
  for (let i = 0; i < 4; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
}

/** A name with its colour. */
export function buildName(id, version = versionOf(id)) {
  const name = document.createElement("span");
  name.className = "build";
  name.style.setProperty("--swatch", swatch(version));
  name.textContent = version;
  if (id && id !== version) {
    const code = document.createElement("code");
    code.textContent = id;
    name.append(code);
  }
  return name;
}

/** What the console deploys when nothing is there yet. */
export async function first() {
  if (state.apps.shop?.servers.length) return;
  await send({
    do: "deploy",
    id: newId(),
    version: "1.0.0",
    manifest: {
      supported: { minimum: "1.0.0" },
      refresh: { urgency: "normal", spreadSeconds: 0, share: 1, paused: false },
      poll: { everySeconds: 15 },
      apis: {
        orders: { supported: ["1", "2", "3"], preferred: "3", carrier: { path: "/api/orders/v{version}" } },
        search: { supported: ["2026-03-01", "2026-09-01"], base: "/api/search", carrier: { header: "Api-Version" } },
      },
      flags: {
        flags: {
          "new-checkout": {
            state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off",
            targeting: { fractional: [["on", 50], ["off", 50]] },
          },
          "gift-wrap": {
            state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off",
            targeting: { if: [{ sem_ver: [{ var: "$build.version" }, ">=", "1.1.0"] }, "on", "off"] },
          },
          banner: {
            state: "ENABLED", defaultVariant: "none",
            variants: { none: "", sale: "Autumn sale: oak is 10 % off", late: "Parcels take two days longer this week" },
          },
        },
      },
    },
  });
}
