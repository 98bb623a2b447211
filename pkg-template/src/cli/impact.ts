/** What a change does to the builds that are known to be about: each is played on the core, before and after. */
import type { KnownBuild } from "./history.js";
import type { Output } from "./output.js";
import { Tab, type TabBuild, TabError } from "./tab.js";
import { count } from "./words.js";

export interface Stand {
  status: string;
  reason: string;
  action: string;
  /** What calls get, by API: a version or an outcome without one. */
  calls?: { [api: string]: string };
}

export interface Impact {
  /** How many builds are known. */
  known: number;
  /** How many of them come to stand so by the change. `forced`: refresh without being asked, sooner or later. */
  behind: number;
  deprecated: number;
  unsupported: number;
  forced: number;
  /** Those that change. */
  builds: { id: string; version?: string | number; before: Stand; after: Stand }[];
}

/** How a build stands with a manifest, at a time. */
export function stand({ id, version, apis }: Pick<KnownBuild, "id" | "version" | "apis">, text: string, at: number): Stand {
  const tab = opened([{ id, version, apis }, { id, version }, { id }], at).hear(text);
  const { status, reason } = tab.standing;
  const calls = Object.entries(tab.plan.apis).map(([name, { outcome, version }]) => [name, version ?? outcome]);
  return { status, reason, action: tab.refresh.action ?? "none", ...(calls.length && { calls: Object.fromEntries(calls) }) };
}

/** The first of them that can be; what a history or a stamp says wrongly of a build is not the manifest's fault. */
function opened([build, ...less]: TabBuild[], at: number): Tab {
  try {
    return new Tab(build!, { at });
  } catch (error) {
    if (error instanceof TabError && less.length) return opened(less, at);
    throw error;
  }
}

export function impact(known: readonly KnownBuild[], before: string, after: string, at: number): Impact {
  const builds = known.flatMap((build) => {
    const [old, next] = [stand(build, before, at), stand(build, after, at)];
    if (JSON.stringify(old) === JSON.stringify(next)) return [];
    return [{ id: build.id, ...(build.version !== undefined && { version: build.version }), before: old, after: next }];
  });
  const becomes = (what: (stand: Stand) => boolean) => builds.filter(({ before, after }) => what(after) && !what(before)).length;
  const status = (name: string) => becomes((stand) => stand.status === name);
  return {
    known: known.length,
    behind: status("behind"),
    deprecated: status("deprecated"),
    unsupported: status("unsupported"),
    forced: becomes(({ action }) => action === "force"),
    builds,
  };
}

export function show(output: Output, { known, behind, deprecated, unsupported, forced, builds }: Impact): void {
  output.say(`${count(known, "known build")}; by this change behind: ${behind}, deprecated: ${deprecated}, unsupported: ${unsupported}, forced to refresh: ${forced}`);
  for (const { id, version, before, after } of builds.slice(-20)) {
    const calls = JSON.stringify(before.calls) === JSON.stringify(after.calls) ? "" : `; calls: ${said(before)} -> ${said(after)}`;
    output.say(output.style("dim", `  ${version === undefined ? id : `${id} (${version})`}: ${before.status} -> ${after.status} (${after.reason}), due: ${after.action}${calls}`));
  }
  if (builds.length > 20) output.say(output.style("dim", `  and ${builds.length - 20} older ones`));
}

const said = ({ calls = {} }: Stand) => Object.entries(calls).map(([api, how]) => `${api} ${how}`).join(", ") || "none";
