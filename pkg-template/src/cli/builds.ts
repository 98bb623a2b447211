/** Changes of what is current and of the window: publish, rollback, minimum, recommend, block. */
import type { Draft } from "./change.js";
import { Document, type Json } from "./document.js";
import type { KnownBuild } from "./history.js";
import { Failure } from "./output.js";
import type { Source } from "./source.js";
import { type Apis, compare, isVersion } from "./tab.js";
import { count, duration } from "./words.js";

/** `trueup.build.json`, which the build plugin writes. */
export interface Stamp {
  id: string;
  version?: string | number;
  app?: string;
  apis?: Apis;
}

/** Reads a stamp, or says what is wrong with it. */
export function stamp({ name, text }: Source): Stamp {
  const value = Document.parse(text, name).value as { [name: string]: Json } | null;
  const wrong = (what: string) => new Failure("unreadable", `${name} is no stamp of a build: ${what}`);
  if (value?.trueup !== 1) throw wrong('"trueup" is not 1');
  const { id, version } = value as unknown as Stamp;
  if (typeof id !== "string" || id === "") throw wrong('"id" is no string, or empty');
  if (version !== undefined && !isVersion(version)) throw wrong(`"version": ${JSON.stringify(version)} is not a version`);
  return value as unknown as Stamp;
}

const named = ({ id, version }: { id: string; version?: string | number }) => (version === undefined ? id : `${id} (${version})`);

function setCurrent(draft: Draft, { id, version }: { id: string; version?: string | number }): void {
  draft.document.set(["current", "id"], id);
  if (version === undefined) draft.document.remove(["current", "version"]);
  else if (draft.current.version === undefined || String(draft.current.version) !== String(version))
    draft.document.set(["current", "version"], version);
}

export interface PublishOptions {
  urgency?: string;
  notes?: string | false;
  language: string;
}

/** A new build becomes the current one. */
export function publish(build: Stamp, { urgency, notes, language }: PublishOptions) {
  return (draft: Draft): void => {
    const { document, history, current } = draft;
    const known: { id: string; version?: string | number }[] = [...history.builds, ...(current.id ? [current] : [])];
    const same = (a: string | number | undefined, b: string | number | undefined) =>
      a === undefined || b === undefined ? a === b : compare(a, b) === "same-version";
    for (const other of known) {
      if (other.id === build.id && !same(other.version, build.version))
        return draft.refuse("reused", `${build.id} was published as ${other.version ?? "a build without a version"}: an id has one version`);
      if (other.id !== build.id && build.version !== undefined && same(other.version, build.version))
        return draft.refuse("reused", `version ${build.version} was published as ${other.id}: tabs would not know which of them is newer`);
    }
    if (current.version !== undefined && build.version !== undefined && compare(build.version, current.version) === "older")
      draft.doubt("older", `${named(build)} is older than what is current, ${named(current)}: tabs of newer builds stay as they are; npx trueup rollback --to ${build.id} brings them back`);
    if (build.version === undefined && document.get("supported", "minimum") !== undefined)
      draft.notes.push(`${build.id} has no version: minimum and recommended do not order it`);
    const other = current.id !== build.id;
    setCurrent(draft, build);
    if (urgency !== undefined) document.set(["refresh", "urgency"], urgency);
    if (notes === false) document.remove(["refresh", "notes"]);
    else if (notes !== undefined) document.set(["refresh", "notes", language], notes);
    else if (other && document.get("refresh", "notes") !== undefined)
      draft.notes.push("refresh.notes are still those of the build before: --notes TEXT, or --no-notes");
    history.add(build, draft.at);
  };
}

/** Back to a build that was published before: current, the newer ones blocked, the window lowered where it is in the way. */
export function rollback(to: string, version: string | undefined) {
  return (draft: Draft): void => {
    const { document, history } = draft;
    if (draft.current.id === to) return void draft.notes.push(`${to} is the current build`);
    let target: KnownBuild | undefined = history.find(to);
    if (!target) {
      if (version === undefined) {
        const known = history.builds.map(({ id }) => id).join(", ");
        throw new Failure("usage", `${to} is not in the history, which has ${known}: name its version too, --version V (or --version none)`);
      }
      // What was never noted was published before the history began.
      target = { id: to, ...(version !== "none" && { version }), published: new Date(0).toISOString() };
      history.builds.unshift(target);
    }
    const left = draft.current;
    history.add(left, draft.at);
    unblock(draft, target);
    const newer = history.after(target);
    if (!newer.some(({ id }) => id === left.id)) newer.push({ ...left, published: "" });
    const blocked = (document.get("supported", "blocked") ?? []) as { id?: string }[];
    for (const { id } of newer) if (!blocked.some((item) => item.id === id)) document.push(["supported", "blocked"], { id });
    for (const name of ["minimum", "recommended"]) {
      const bound = document.get("supported", name) as string | number | undefined;
      if (bound === undefined) continue;
      if (target.version === undefined) draft.notes.push(`supported.${name} stays ${bound}: ${to} has no version`);
      else if (compare(bound, target.version) === "newer") document.set(["supported", name], target.version);
    }
    setCurrent(draft, target);
    draft.notes.push(`tabs of ${newer.map(named).join(", ")} are blocked, and forced back as soon as the page is ${to}`);
  };
}

/** A blocked build can hardly be meant as the way out; with `--yes` it is unblocked. */
function unblock(draft: Draft, target: KnownBuild): void {
  const blocked = (draft.document.get("supported", "blocked") ?? []) as { id?: string; version?: string | number }[];
  const hits = ({ id, version }: { id?: string; version?: string | number }) =>
    id === target.id || (version !== undefined && target.version !== undefined && compare(version, target.version) === "same-version");
  const places = blocked.flatMap((item, index) => (hits(item) ? [index] : []));
  if (!places.length) return;
  draft.doubt("blocked", `${named(target)} is blocked itself`);
  for (const index of places.reverse()) draft.document.remove(["supported", "blocked", index]);
}

/** What is being served, as far as anybody looked: for `minimum`. */
export interface Served {
  /** How it is known. */
  name: string;
  id?: string | undefined;
  version?: string | number | undefined;
}

export function minimum(version: string, look: (draft: Draft) => Promise<Served[]>) {
  return async (draft: Draft): Promise<void> => {
    const { document } = draft;
    if (version === "none") return document.remove(["supported", "minimum"]);
    bound(version);
    for (const { name, id, version: served } of await look(draft)) {
      const order = served === undefined ? undefined : compare(served, version);
      if (order === "older") draft.doubt("served", `${name}: ${id} (${served}) is below ${version}; its tabs would be forced to a page that is unsupported itself`);
      else if (id === undefined) draft.doubt("served", `${name}: what is served there is not known`);
    }
    document.set(["supported", "minimum"], version);
    const recommended = document.get("supported", "recommended") as string | undefined;
    if (recommended !== undefined && compare(recommended, version) === "older") {
      document.set(["supported", "recommended"], version);
      draft.notes.push(`supported.recommended is raised with it, from ${recommended}`);
    }
  };
}

/** Without a look at pages: what was current until a short while ago may still be served by servers and caches. */
export function lately(seconds: number) {
  return async ({ history, current, at }: Draft): Promise<Served[]> =>
    history
      .servedSince(at - seconds * 1000, at)
      .filter(({ build }) => build.id !== current.id)
      .map(({ build, until }) => ({ name: `current until ${duration(at - until)} ago, so servers and caches may still serve it`, ...build }));
}

export function recommend(version: string, deadline: string | false | undefined) {
  return ({ document }: Draft): void => {
    if (version === "none") {
      document.remove(["supported", "recommended"]);
      return document.remove(["supported", "deadline"]);
    }
    bound(version);
    document.set(["supported", "recommended"], version);
    if (deadline === false) document.remove(["supported", "deadline"]);
    else if (deadline !== undefined) document.set(["supported", "deadline"], deadline);
  };
}

export function block(ids: readonly string[], versions: readonly string[]) {
  return (draft: Draft): void => {
    const { document, current, history } = draft;
    const blocked = (document.get("supported", "blocked") ?? []) as { id?: string; version?: string }[];
    for (const id of ids) {
      if (!history.find(id)) draft.notes.push(`${id} is not in the history: is it written right?`);
      if (!blocked.some((item) => item.id === id)) document.push(["supported", "blocked"], { id });
    }
    for (const version of versions) {
      bound(version);
      if (!blocked.some((item) => item.version !== undefined && compare(item.version, version) === "same-version"))
        document.push(["supported", "blocked"], { version });
    }
    const own = versions.some((version) => current.version !== undefined && compare(version, current.version) === "same-version");
    if (ids.includes(current.id) || own) draft.notes.push(`${named(current)} is what is current: npx trueup rollback --to ID makes another one current and blocks it`);
  };
}

export function unblocked(ids: readonly string[], versions: readonly string[]) {
  return (draft: Draft): void => {
    const blocked = (draft.document.get("supported", "blocked") ?? []) as { id?: string; version?: string }[];
    const places = blocked.flatMap(({ id, version }, index) =>
      (id !== undefined && ids.includes(id)) || (version !== undefined && versions.some((v) => compare(v, version) === "same-version")) ? [index] : [],
    );
    if (places.length < ids.length + versions.length) draft.notes.push(`${count(ids.length + versions.length - places.length, "of them")} was not blocked`);
    for (const index of places.reverse()) draft.document.remove(["supported", "blocked", index]);
  };
}

function bound(version: string): void {
  if (!isVersion(version)) throw new Failure("usage", `${JSON.stringify(version)} is not a version`);
}
