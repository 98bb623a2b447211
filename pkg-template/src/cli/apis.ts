/** Changes of what the servers offer: versions of APIs, flags, and how tabs are asked. */
import type { Draft } from "./change.js";
import type { Json, Path } from "./document.js";
import { stand } from "./impact.js";
import { Failure } from "./output.js";
import { type Apis, compare } from "./tab.js";
import { time } from "./words.js";

type Version = string | number;

/** The place of a version among those that the servers speak; throws where they do not. */
function served({ document }: Draft, api: string, version: string): { versions: Version[]; index: number } {
  const names = Object.keys((document.get("apis") ?? {}) as object);
  if (!names.includes(api)) throw new Failure("usage", `the manifest has no API ${api}${names.length ? `; it has ${names.join(", ")}` : ""}`);
  const versions = (document.get("apis", api, "supported") ?? []) as Version[];
  return { versions, index: versions.findIndex((v) => compare(v, version) === "same-version") };
}

export interface DeprecateOptions {
  sunset: string;
  since?: string | undefined;
  link?: string | undefined;
  speaks?: Apis | undefined;
}

export function deprecate(api: string, version: string, { sunset, since, link, speaks }: DeprecateOptions) {
  return (draft: Draft): void => {
    const { versions, index } = served(draft, api, version);
    if (index < 0) throw new Failure("usage", `the servers do not speak ${api} ${version}; they speak ${versions.join(", ")}`);
    const at = Date.parse(sunset);
    // The name that the manifest has for it already.
    const names = Object.keys((draft.document.get("apis", api, "deprecated") ?? {}) as object);
    const name = names.find((n) => compare(n, version) === "same-version") ?? String(versions[index]);
    const before = draft.document.text;
    const start = since ?? (draft.document.get("apis", api, "deprecated", name) === undefined ? time(draft.at) : undefined);
    if (start !== undefined) draft.document.set(["apis", api, "deprecated", name, "since"], start);
    draft.document.set(["apis", api, "deprecated", name, "sunset"], sunset);
    if (link !== undefined) draft.document.set(["apis", api, "deprecated", name, "link"], link);
    if (!Number.isNaN(at)) needed(draft, api, version, before, Math.max(at, draft.at), speaks);
  };
}

export function retire(api: string, version: string, speaks: Apis | undefined) {
  return (draft: Draft): void => {
    const { document } = draft;
    const { versions, index } = served(draft, api, version);
    if (index < 0) return void draft.notes.push(`the servers do not speak ${api} ${version}: they speak ${versions.join(", ") || "none"}`);
    const before = document.text;
    document.remove(["apis", api, "supported", index]);
    const preferred = document.get("apis", api, "preferred") as Version | undefined;
    if (preferred !== undefined && compare(preferred, version) === "same-version") document.remove(["apis", api, "preferred"]);
    for (const name of Object.keys((document.get("apis", api, "deprecated") ?? {}) as object))
      if (compare(name, version) === "same-version") document.remove(["apis", api, "deprecated", name]);
    if (versions.length === 1) draft.doubt("last", `${version} is the last version of ${api}: every tab would refuse its own calls`);
    needed(draft, api, version, before, draft.at, speaks);
  };
}

/** Doubts what would leave the current build without a version of the API. */
function needed(draft: Draft, api: string, version: string, before: string, at: number, speaks: Apis | undefined): void {
  const { current, history } = draft;
  const apis = speaks ?? history.find(current.id)?.apis;
  if (!apis || !(api in apis)) {
    if (!apis) draft.doubt("unknown", `nobody knows whether the current build, ${current.id}, needs ${api} ${version}: publish with a stamp that has "apis", or say --speaks ${api}=…`);
    return;
  }
  const build = { ...current, apis: { [api]: apis[api]! } };
  const had = stand(build, before, draft.at).calls?.[api];
  const has = stand(build, draft.document.text, at).calls?.[api];
  if (had !== has && has !== undefined && /^client-/.test(has))
    draft.doubt("needed", `the current build, ${current.id}, speaks no other version of ${api}: its calls would be refused (${has})`);
}

export function pause(on: boolean) {
  return ({ document }: Draft): void => {
    if (on || document.get("refresh", "paused") !== undefined) document.set(["refresh", "paused"], on);
  };
}

export function share(part: number) {
  return ({ document }: Draft): void => document.set(["refresh", "share"], part);
}

const FLAGS = ["flags", "flags"];

/** The place of a flag, in either form of the flag document; throws where there is none. */
function flagAt({ document }: Draft, key: string): Path {
  const flags = document.get(...FLAGS) as Json | undefined;
  if (Array.isArray(flags)) {
    const index = flags.findIndex((flag) => (flag as { key?: string } | null)?.key === key);
    if (index >= 0) return [...FLAGS, index];
  } else if (flags && typeof flags === "object" && Object.hasOwn(flags, key)) return [...FLAGS, key];
  const keys = Array.isArray(flags) ? flags.map((flag) => (flag as { key?: string } | null)?.key) : Object.keys((flags ?? {}) as object);
  throw new Failure("usage", `the manifest has no flag ${key}${keys.length ? `; it has ${keys.join(", ")}` : ""}`);
}

function variantOf(draft: Draft, place: Path, key: string, variant: string): void {
  const variants = Object.keys((draft.document.get(...place, "variants") ?? {}) as object);
  if (!variants.includes(variant)) throw new Failure("usage", `${key} has no variant ${variant}; it has ${variants.join(", ")}`);
}

/** Off: every reader gets the fallback that stands in its own code. On: its rules decide again; or one variant for all. */
export function flag(key: string, on: boolean, variant: string | undefined) {
  return (draft: Draft): void => {
    const { document } = draft;
    const place = flagAt(draft, key);
    document.set([...place, "state"], on ? "ENABLED" : "DISABLED");
    if (variant === undefined) return;
    variantOf(draft, place, key, variant);
    if (!empty(document.get(...place, "targeting"))) {
      draft.doubt("targeting", `${key} has rules, which would be dropped`);
      document.remove([...place, "targeting"]);
    }
    document.set([...place, "defaultVariant"], variant);
  };
}

const empty = (rule: Json | undefined) => rule === undefined || (typeof rule === "object" && rule !== null && Object.keys(rule).length === 0);

/** A share of the people gets `variant`, the others `rest`: sticky by their targeting key. Other rules stay as they are. */
export function rollout(key: string, percent: number, variant: string, rest: string) {
  return (draft: Draft): void => {
    const { document } = draft;
    const place = flagAt(draft, key);
    for (const name of [variant, rest]) variantOf(draft, place, key, name);
    document.set([...place, "state"], "ENABLED");
    const pairs: Json[] = [
      [variant, percent],
      [rest, 100 - percent],
    ];
    const targeting = document.get(...place, "targeting");
    const found = empty(targeting) ? [] : split(targeting!, [...place, "targeting"]);
    const given = found.length === 1 ? (document.get(...found[0]!) as Json[]) : [];
    // What people are told apart by comes first, where it is given.
    const by = given.filter((item) => !Array.isArray(item));
    if (given.length && by.length <= 1) return document.set(found[0]!, [...by, ...pairs]);
    if (!empty(targeting)) draft.doubt("targeting", `${key} has rules without one split (fractional) in them, and they would be replaced`);
    document.set([...place, "targeting"], { fractional: pairs });
    if (document.get(...place, "defaultVariant") === undefined) document.set([...place, "defaultVariant"], rest);
  };
}

/** The places of the arguments of every `fractional` in a rule. */
function split(rule: Json, path: Path): Path[] {
  if (rule === null || typeof rule !== "object") return [];
  if (Array.isArray(rule)) return rule.flatMap((item, index) => split(item, [...path, index]));
  return Object.entries(rule).flatMap(([operator, value]) =>
    operator === "fractional" && Array.isArray(value) ? [[...path, operator]] : split(value, [...path, operator]),
  );
}
