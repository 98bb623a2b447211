/** The build plugin for all bundlers, by unplugin. The entries beside this file each give out one of its forms. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { BuildResult, PluginBuild } from "esbuild";
import { createUnplugin } from "unplugin";
import type { Compiler } from "webpack";
import { type Identity, identify } from "./identity.js";
import type { PluginOptions } from "./options.js";
import { buildOf, DEVELOPMENT, hasMark, MANIFEST, manifest, manifestForDevelopment, marked, STAMP, stamp, virtual } from "./output.js";

export { mark } from "../mark.js";
export type { PluginOptions } from "./options.js";

const NAME = "trueup";
const VIRTUAL = "virtual:trueup";

/** What one build knows. */
class Stamping {
  root: string;
  outDir: string | undefined;
  /** A development server: the build is `dev`, and nothing is written. */
  serving = false;
  warn = (text: string): void => console.warn(`trueup: ${text}`);
  #identity: Identity | undefined;
  #warned = new Set<string>();

  constructor(readonly options: PluginOptions) {
    this.root = resolve(options.root ?? process.cwd());
  }

  /** A new run, in a watch say: the sources may have changed. */
  begin(): void {
    this.#identity = undefined;
  }

  get identity(): Identity {
    if (this.serving) return DEVELOPMENT;
    this.#identity ??= identify(this.options, this.root, this.outDir);
    for (const warning of this.#identity.warnings) if (!this.#warned.has(warning)) this.warn(warning);
    this.#identity.warnings.forEach((warning) => this.#warned.add(warning));
    return this.#identity;
  }

  get source(): string {
    return virtual(this.identity, this.options);
  }

  mark(html: string): string {
    return marked(html, buildOf(this.identity), this.options.app);
  }

  /** The files that are written beside the app. */
  files(): [name: string, text: string][] {
    const { manifest: given } = this.options;
    if (this.serving) return [[MANIFEST, manifestForDevelopment(given)]];
    return [[STAMP, stamp(this.identity, this.options)], ...(given ? [[MANIFEST, manifest(this.identity, given)] as [string, string]] : [])];
  }
}

/** Emitted by Rollup, and by Vite through it. */
interface Bundle {
  [file: string]: { type: "asset"; source: string | Uint8Array } | { type: "chunk" };
}
interface Emits {
  emitFile(file: { type: "asset"; fileName: string; source: string }): string;
}

export const plugin = createUnplugin((options: PluginOptions | undefined, meta) => {
  const build = new Stamping(options ?? {});

  const generateBundle = (context: Emits, bundle: Bundle) => {
    for (const [file, output] of Object.entries(bundle))
      if (file.endsWith(".html") && output.type === "asset") output.source = build.mark(textOf(output.source));
    for (const [fileName, source] of build.files()) context.emitFile({ type: "asset", fileName, source });
  };

  const common = {
    name: NAME,
    buildStart: () => build.begin(),
    rollup: {
      generateBundle(this: Emits, _: unknown, bundle: object) {
        generateBundle(this, bundle as Bundle);
      },
    },
    vite: vite(build, generateBundle),
    esbuild: { setup: (of: PluginBuild) => esbuild(build, of) },
    webpack: (compiler: Compiler) => webpack(build, compiler),
    rspack: (compiler: unknown) => webpack(build, compiler as Compiler),
  };
  // webpack takes what is before the colon for a scheme, and never asks for it to be resolved.
  if (meta.framework === "webpack" || meta.framework === "rspack") return common as never;
  return {
    ...common,
    resolveId: { filter: { id: /^virtual:trueup$/ }, handler: () => `\0${VIRTUAL}` },
    load: { filter: { id: /virtual:trueup$/ }, handler: () => build.source },
  } as never;
});

function vite(build: Stamping, generateBundle: (context: Emits, bundle: Bundle) => void) {
  let forServer = false;
  return {
    configResolved(config: { root: string; command: string; isPreview?: boolean; build: { outDir: string; ssr?: unknown }; logger: { warn(text: string): void } }) {
      build.root = resolve(build.options.root ?? config.root);
      build.outDir = resolve(config.root, config.build.outDir);
      build.serving = config.command === "serve";
      forServer = !!config.build.ssr;
      build.warn = (text) => config.logger.warn(`trueup: ${text}`);
    },
    transformIndexHtml: {
      order: "pre",
      handler: (html: string) => build.mark(html),
    },
    configureServer(server: { middlewares: { use(next: (request: any, response: any, next: () => void) => void): void } }) {
      // After the app's own files: a trueup.json in `public` wins. Vite has changed the URL of what it did not find.
      return () =>
        server.middlewares.use((request, response, next) => {
          const { pathname } = new URL(request.originalUrl ?? request.url, "http://localhost");
          if (!pathname.endsWith(`/${MANIFEST}`)) return next();
          response.setHeader("content-type", "application/json");
          response.setHeader("cache-control", "no-cache");
          response.end(manifestForDevelopment(build.options.manifest));
        });
    },
    generateBundle(this: Emits & { environment?: { config: { consumer: string } } }, _: unknown, bundle: object) {
      // What renders on a server is not what a page loads. Environments came with Vite 6.
      if (this.environment ? this.environment.config.consumer !== "server" : !forServer) generateBundle(this, bundle as Bundle);
    },
  };
}

/** webpack 5 and Rspack. */
function webpack(build: Stamping, compiler: Compiler): void {
  const { Compilation, NormalModuleReplacementPlugin, sources } = compiler.webpack;
  build.root = resolve(build.options.root ?? compiler.context);
  build.outDir = compiler.options.output.path;
  // A development server watches; only the run knows that.
  compiler.hooks.beforeCompile.tap(NAME, () => {
    build.serving = compiler.watchMode && compiler.options.mode === "development";
  });
  new NormalModuleReplacementPlugin(/^virtual:trueup$/, (resource) => {
    // In base64: Rspack 1.0 to 1.6 does not decode the other form.
    resource.request = `data:text/javascript;charset=utf-8;base64,${Buffer.from(build.source).toString("base64")}`;
  }).apply(compiler);
  compiler.hooks.thisCompilation.tap(NAME, (compilation) => {
    // After html-webpack-plugin has emitted its pages, before anything is compressed.
    compilation.hooks.processAssets.tap({ name: NAME, stage: Compilation.PROCESS_ASSETS_STAGE_SUMMARIZE }, (assets) => {
      for (const file of Object.keys(assets).filter((file) => file.endsWith(".html"))) {
        const html = textOf(assets[file]!.source());
        if (!hasMark(html)) compilation.updateAsset(file, new sources.RawSource(build.mark(html)));
      }
      for (const [file, text] of build.files()) if (!assets[file]) compilation.emitAsset(file, new sources.RawSource(text));
    });
  });
}

function esbuild(build: Stamping, { initialOptions: options, onEnd }: PluginBuild): void {
  const base = options.absWorkingDir ?? process.cwd();
  const out = options.outdir ?? (options.outfile && dirname(options.outfile));
  build.root = resolve(build.options.root ?? base);
  if (out) build.outDir = resolve(base, out);
  options.metafile = true;
  onEnd(({ errors, metafile, outputFiles }: BuildResult) => {
    if (errors.length || !metafile || !build.outDir) return;
    const put = (path: string, text: string) => {
      if (options.write !== false) {
        mkdirSync(dirname(path), { recursive: true });
        if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
        return;
      }
      const contents = new TextEncoder().encode(text);
      const at = outputFiles!.findIndex((file) => file.path === path);
      outputFiles!.splice(at < 0 ? outputFiles!.length : at, 1, { path, contents, text, hash: "" });
    };
    for (const file of Object.keys(metafile.outputs).filter((file) => file.endsWith(".html"))) {
      const path = resolve(base, file);
      const html = options.write === false ? outputFiles!.find((output) => output.path === path)?.text : readFileSync(path, "utf8");
      if (html !== undefined) put(path, build.mark(html));
    }
    for (const [name, text] of build.files()) put(join(build.outDir, name), text);
  });
}

const textOf = (source: string | Uint8Array): string => (typeof source === "string" ? source : new TextDecoder().decode(source));
