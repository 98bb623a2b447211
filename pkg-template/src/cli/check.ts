/** What is wrong with a manifest: all of it, with places. The decoder of the core judges; hints come on top. */
import schema from "../../schema.json" with { type: "json" };
import { prose } from "../prose.js";
import { Document, type Json, type Path, type Place, steps, written } from "./document.js";
import type { Output } from "./output.js";
import type { Source } from "./source.js";
import { compare, Tab } from "./tab.js";
import { findings as hints } from "./words.js";

export interface Finding extends Partial<Place> {
  severity: "error" | "warning";
  /** Stable: the decoder's codes, and those of `findings` in words.ts. */
  code: string;
  /** JSON path; empty for the whole, or for the answer that brought it. */
  path: string;
  message: string;
}

/** Reported by the decoder, but the manifest serves as it is. */
const SERVES = ["clamped", "unknown"];

/** All findings, errors first, then by line. `at`: the time of the answer, for serials from the future and past deadlines. */
export function examine(document: Document, at: number): Finding[] {
  const errors = decoded(document, at);
  const found = [...errors, ...suspected(document, at, errors)];
  const rank = (finding: Finding) => (finding.severity === "error" ? 0 : 1e9) + (finding.line ?? 0);
  return found.sort((a, b) => rank(a) - rank(b));
}

/**
 * What the decoder says. It stops at the first fault of a part, so what is faulty is taken out of a copy, and the rest
 * is decoded again, until nothing new is found.
 */
function decoded(document: Document, at: number): Finding[] {
  const found: Finding[] = [];
  const copy = document.copy();
  for (let round = 0; round < 100; round++) {
    const value = copy.value as { apis?: { [name: string]: unknown } };
    const names = value?.apis && typeof value.apis === "object" && !Array.isArray(value.apis) ? Object.keys(value.apis) : [];
    const apis = Object.fromEntries(names.map((name) => [name, ["1"]]));
    const tab = new Tab({ id: "trueup check", apis }, { at, context: {} }).hear(copy.text);
    const broken = tab.faults.filter(({ code, path = "" }) => {
      const serves = SERVES.includes(code) || (code === "undefined" && path.endsWith(".preferred"));
      const fresh = !found.some((f) => f.path === path && f.code === code);
      // What was wrong and has been taken out is not missing.
      if (fresh && !found.some((f) => f.path === path && code === "missing")) {
        const place = document.place(steps(document.value, path));
        const severity = serves ? "warning" : "error";
        found.push({ severity, code, path, message: worded(document, code, path), ...place });
      }
      return fresh && !serves;
    });
    if (!broken.length || !broken.every(({ code, path = "" }) => mend(copy, code, path, at))) return found;
  }
  return found;
}

/** What a code means there, with the value that is wrong. */
function worded(document: Document, code: string, path: string): string {
  const special: { [fault: string]: string } = {
    "contradiction supported.minimum": "is above supported.recommended or current.version, or of another kind (dates against numbers)",
    "contradiction supported.recommended": "is above current.version, or of another kind (dates against numbers)",
    "contradiction supported.blocked": "blocks the current build",
  };
  if (code === "missing" && /^supported\.blocked\[\d+\]$/.test(path)) return "needs an id or a version";
  const value = document.get(...steps(document.value, path));
  const shown = value === undefined || typeof value === "object" ? "" : `${JSON.stringify(value)} `;
  return shown + (special[`${code} ${path}`] ?? prose[code] ?? code);
}

/** What stands in for an item of a list that is wrong: to take it out would move the others. */
const STAND_INS: { [first: string]: Json } = {
  supported: { id: "trueup check" },
  apis: "0",
  flags: { key: "trueup check", state: "DISABLED", variants: { none: null } },
};

/** Takes a fault out, so that what comes behind it is decoded; says whether that was possible. */
function mend(copy: Document, code: string, path: string, at: number): boolean {
  const required: { [path: string]: Json } = { trueup: 1, serial: Math.floor(at / 1000), "current.id": "?", current: { id: "?" } };
  const place = steps(copy.value, path);
  const [first] = place;
  // A flag or a blocked build goes as a whole, and an API of which something is missing.
  const item = first === "flags" && place.length > 2 ? place.slice(0, 3) : place.slice(0, place.findIndex((step) => typeof step === "number") + 1);
  if (path in required) copy.set(place, required[path]!);
  else if (typeof item.at(-1) === "number") copy.set(item, STAND_INS[String(first)] ?? null);
  else if (item.length) copy.remove(item);
  else copy.remove(code === "missing" && first === "apis" ? place.slice(0, 2) : place);
  return path !== "";
}

interface Schema {
  type?: string | string[];
  properties?: { [name: string]: Schema };
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  $ref?: string;
}
const known = schema as unknown as Schema & { $defs: { [name: string]: Schema } };

/** The schema of a value of this kind, behind references and alternatives. */
function resolved(of: Schema, kind: "object" | "array"): Schema {
  if (of.$ref) return resolved(known.$defs[of.$ref.split("/").at(-1)!]!, kind);
  const fitting = of.anyOf?.map((one) => resolved(one, kind)).find(({ type }) => [type].flat().includes(kind));
  return fitting ?? of;
}

/** What the decoder takes, and its author can hardly have meant. */
function suspected(document: Document, at: number, errors: Finding[]): Finding[] {
  const found: Finding[] = [];
  const add = (code: string, path: Path, place?: Place) => {
    if (errors.some((error) => error.path === written(path))) return;
    found.push({ severity: "warning", code, path: written(path), message: hints[code]!, ...(place ?? document.place(path)) });
  };
  for (const { path, place } of document.doubles()) add("double", path, place);
  const walk = (value: Json, given: Schema, path: Path): void => {
    if (value === null || typeof value !== "object") return;
    const of = resolved(given, Array.isArray(value) ? "array" : "object");
    if (Array.isArray(value)) return value.forEach((item, index) => of.items && walk(item, of.items, [...path, index]));
    for (const [name, member] of Object.entries(value)) {
      const next = of.properties?.[name] ?? (typeof of.additionalProperties === "object" ? of.additionalProperties : undefined);
      if (next) walk(member, next, [...path, name]);
      else if (of.properties && !name.startsWith("$") && !name.startsWith("x-")) add("unused", [...path, name]);
    }
  };
  walk(document.value, known, []);

  if (errors.some(({ severity, path }) => severity === "error" && !/^(apis|flags)\b/.test(path))) return found;
  const current = document.get("current", "version");
  for (const name of ["minimum", "recommended"]) {
    if (current === undefined && document.get("supported", name) !== undefined) add("no-version", ["supported", name]);
  }
  const deadline = document.get("supported", "deadline");
  if (deadline !== undefined) {
    if (document.get("supported", "recommended") === undefined) add("no-effect", ["supported", "deadline"]);
    else if (Date.parse(String(deadline)) <= at) add("past", ["supported", "deadline"]);
  }
  if (document.get("refresh", "paused") === true) add("paused", ["refresh", "paused"]);
  for (const [name, api] of Object.entries((document.get("apis") ?? {}) as { [name: string]: Json })) {
    const versions = (api as { supported?: Json[] })?.supported;
    if (!Array.isArray(versions)) continue;
    for (const version of Object.keys((document.get("apis", name, "deprecated") ?? {}) as object)) {
      const served = versions.some((v) => ["string", "number"].includes(typeof v) && compare(version, String(v)) === "same-version");
      const sunset = document.get("apis", name, "deprecated", version, "sunset");
      if (!served) add("no-effect", ["apis", name, "deprecated", version]);
      else if (sunset && Date.parse(String(sunset)) <= at) add("past", ["apis", name, "deprecated", version, "sunset"]);
    }
  }
  return found;
}

/** What the answer's headers mean for tabs. */
export function answered({ answer }: Source): Finding[] {
  if (!answer) return [];
  const { headers, redirected } = answer;
  const caching = headers.get("cache-control") ?? "";
  const codes = [
    redirected && "redirected",
    !headers.get("etag") && "no-etag",
    !/\bno-(cache|store)\b|\bmax-age=0\b/.test(caching) && "cached",
    !headers.get("date") && "no-date",
    !/^application\/(\w+\+)?json\b/.test(headers.get("content-type") ?? "") && "content-type",
  ];
  return codes.filter((code) => typeof code === "string").map((code) => ({ severity: "warning", code, path: "", message: hints[code]! }));
}

/** Findings for people: path and words, then the line with a mark below. */
export function show(output: Output, findings: readonly Finding[]): void {
  for (const { severity, path, message, line, column, text } of findings) {
    const label = severity === "error" ? output.style("red", "error") : output.style("yellow", "warning");
    output.say(`${label}: ${path ? `${output.style("bold", path)}: ` : ""}${message}`);
    if (line === undefined) continue;
    const number = String(line).padStart(5);
    // A minified manifest is one line: what is around the place is enough.
    const from = Math.max(0, column! - 60);
    output.say(output.style("dim", `${number} | ${text!.slice(from, from + 110)}`), output.style("dim", `${" ".repeat(5)} | ${" ".repeat(column! - 1 - from)}^`));
  }
}
