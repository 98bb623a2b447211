/** What the plugins write: the mark into pages, the stamp, and where it is asked for the manifest. */
import { mark } from "../mark.js";
import type { Build } from "../types.js";
import type { Identity } from "./identity.js";
import type { PluginOptions } from "./options.js";

/** What `npx trueup publish` reads of a build. */
export const STAMP = "trueup.build.json";
export const MANIFEST = "trueup.json";

/** A page with the mark at the beginning of its head. One that has a mark already, and what is no whole page, stays. */
export function marked(html: string, build: Build, app: string | undefined): string {
  if (hasMark(html)) return html;
  const head = /<head(\s[^>]*)?>/i.exec(html) ?? /<html(\s[^>]*)?>/i.exec(html) ?? /^\s*<!doctype[^>]*>/i.exec(html);
  if (!head) return html;
  const end = head.index + head[0].length;
  const indent = /^\r?\n[ \t]*/.exec(html.slice(end))?.[0] ?? "\n";
  return `${html.slice(0, end)}${indent}${mark(build, app)}${html.slice(end)}`;
}

export const hasMark = (html: string): boolean => /<meta\s[^>]*name\s*=\s*["']?trueup-build\b/i.test(html);

/** The build alone, as an app knows it. */
export const buildOf = ({ id, version }: Identity): Build => ({ id, ...(version !== undefined && { version }) });

/** The stamp's text. */
export function stamp(identity: Identity, { app, apis }: PluginOptions): string {
  return json({ trueup: 1, ...buildOf(identity), app, apis });
}

/** The manifest's text for this build. */
export function manifest(identity: Identity, given: PluginOptions["manifest"]): string {
  if (identity.time === undefined) {
    const error = new Error("trueup: the option `manifest` needs a commit, whose time is the serial: commit first, or set SOURCE_DATE_EPOCH");
    // It is no fault of the code: where it was thrown helps nobody.
    error.stack = "";
    throw error;
  }
  return json({ trueup: 1, serial: identity.time, current: buildOf(identity), ...(given === true ? {} : Object(given)) });
}

/** The manifest while developing: this build is the current one, whatever the app publishes. */
export function manifestForDevelopment(given: PluginOptions["manifest"]): string {
  const { flags, apis } = Object(given) as { [member: string]: unknown };
  return json({ trueup: 1, serial: 1, current: { id: DEVELOPMENT.id }, flags, apis });
}

export const DEVELOPMENT: Identity = { id: "dev", warnings: [] };

/** The source of `virtual:trueup`. */
export function virtual(identity: Identity, { app, apis }: PluginOptions): string {
  const members = { build: buildOf(identity), app, apis };
  return Object.entries(members)
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
    .join("");
}

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
