// Every entry, as TypeScript users write it. Compiled by package.test.mjs.
import { connect, type Options, type Trueup, TrueupError } from "trueup";
import { keepForms } from "trueup/forms";
import { autoHold } from "trueup/holds";
import de from "trueup/locales/de";
import es from "trueup/locales/es";
import fr from "trueup/locales/fr";
import ja from "trueup/locales/ja";
import { connectFlags, type RemoteFlags } from "trueup/ofrep";
import { TrueupProvider as OpenFeatureProvider } from "trueup/openfeature";
import { type Initial, TrueupProvider, useApi, useFlag, useHold, useRefresh, useStanding, useTakeNavigation, useTrueup } from "trueup/react";
import { report } from "trueup/report";
import { evaluate, type Evaluated, inlineJson, inlineManifest, mark } from "trueup/server";
import { connect as connectSlim } from "trueup/slim";
import { createTestClient, type TestClient } from "trueup/testing";
import { apis, app, build } from "virtual:trueup";

const options: Options = { build, ...(app !== undefined && { app }), ...(apis && { apis }), texts: de };
export const clients: Trueup[] = [connect(options), connectSlim({ texts: { ...es, ...fr, ...ja } })];

export function Part(): React.JSX.Element {
  const limit: number = useFlag("limit", 3);
  const { plan } = useApi("orders");
  const { state, now } = useRefresh();
  useHold("draft", limit > 3, 60_000);
  const standing = useStanding();
  const deadline = standing.status === "unsupported" ? standing.deadline : undefined;
  const off: () => void = useTrueup().on("flags", (keys: readonly string[]) => void keys);
  const take: (to: { nextLocation: { pathname: string; search: string; hash: string } }) => boolean = useTakeNavigation();
  return <button onClick={() => (off(), take({ nextLocation: { pathname: "/", search: "", hash: "" } }), now())}>{[plan.version, state.phase, deadline].join()}</button>;
}

export async function page(manifest: string): Promise<string> {
  const initial: Evaluated = await evaluate(manifest, { targetingKey: "ada" }, { build });
  const same: Initial = initial;
  void (<TrueupProvider client={connect()} initial={same}><Part /></TrueupProvider>);
  return mark(build) + inlineManifest(manifest) + inlineJson(same, "initial");
}

export const remote: RemoteFlags = connectFlags({ url: "https://flags.example.com" });
export const providers: import("@openfeature/web-sdk").Provider[] = [new OpenFeatureProvider(connect()), new OpenFeatureProvider(remote)];
export const ends: (() => void)[] = [keepForms(connect()), autoHold(connect(), { media: false }), report(connect(), { url: "/beacon" })];
export const played: TestClient = createTestClient({ standing: "behind", flags: { limit: 4 } });
export const isOurs = (error: unknown): error is TrueupError => error instanceof TrueupError;

// ---- Builds: in a project's configuration ----

import type { Plugin as Rollup } from "rollup";
import esbuild from "trueup/esbuild";
import rollup from "trueup/rollup";
import rspack from "trueup/rspack";
import vite, { type PluginOptions } from "trueup/vite";
import webpack from "trueup/webpack";
import { defineConfig } from "vite";
import type { Configuration } from "webpack";

const given: PluginOptions = { version: "package", apis: { orders: ["3"] }, manifest: { refresh: { urgency: "low" } } };
export const forVite = defineConfig({ plugins: [vite(given)] });
export const forWebpack: Configuration = { plugins: [webpack(given)] };
export const forRspack: import("@rspack/core").Configuration = { plugins: [rspack(given)] };
export const forRollup: Rollup = rollup(given);
export const forEsbuild: import("esbuild").BuildOptions = { plugins: [esbuild(given)] };
