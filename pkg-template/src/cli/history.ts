/** `trueup.history.json`: which builds were published and when, and what was changed. */
import { Document, inline, type Json } from "./document.js";
import { Failure } from "./output.js";
import { type Source } from "./source.js";
import { type Apis, compare } from "./tab.js";

/** A build that was published. */
export interface KnownBuild {
  id: string;
  version?: string | number;
  /** When it was published first, RFC 3339. */
  published: string;
  /** What it speaks, by its stamp. */
  apis?: Apis;
}

interface Entry {
  at: string;
  serial: number;
  /** The command. */
  what: string;
  /** The id that was current from then on. */
  current: string;
}

const NAME = "trueup.history.json";
/** What is kept: older builds are hardly open in any tab. */
const KEPT = { builds: 500, changes: 1000 };

export class History {
  static readonly file = NAME;
  builds: KnownBuild[];
  changes: Entry[];

  private constructor(builds: KnownBuild[], changes: Entry[]) {
    this.builds = builds;
    this.changes = changes;
  }

  /** An empty text is a history that begins now. */
  static parse({ name, text }: Source): History {
    if (text === "") return new History([], []);
    const { history, builds, changes } = Document.parse(text, name).value as { [name: string]: Json };
    const isBuild = (b: Json) => b !== null && typeof b === "object" && typeof (b as { [name: string]: Json }).id === "string";
    if (history !== 1 || !Array.isArray(builds) || !builds.every(isBuild))
      throw new Failure("unreadable", `${name} is no history of builds: move it away, and a new one begins`);
    return new History(builds as unknown as KnownBuild[], (Array.isArray(changes) ? changes : []) as unknown as Entry[]);
  }

  text(): string {
    const lines = (items: readonly object[]) => items.map((item) => `\n    ${inline(item as Json)}`).join(",");
    const [builds, changes] = [lines(this.builds.slice(-KEPT.builds)), lines(this.changes.slice(-KEPT.changes))];
    return `{\n  "history": 1,\n  "builds": [${builds}\n  ],\n  "changes": [${changes}\n  ]\n}\n`;
  }

  find(id: string): KnownBuild | undefined {
    return this.builds.find((build) => build.id === id);
  }

  /** Notes a build as published, unless it is known; what it speaks may be learnt later. */
  add(build: { id: string; version?: string | number | undefined; apis?: Apis | undefined }, at: number): void {
    const { id, version, apis } = build;
    const known = this.find(id);
    if (known) {
      if (apis) known.apis = apis;
      return;
    }
    const published = new Date(at).toISOString();
    this.builds.push({ id, ...(version !== undefined && { version }), published, ...(apis && { apis }) });
  }

  note(entry: { at: number; serial: number; what: string; current: string }): void {
    this.changes.push({ ...entry, at: new Date(entry.at).toISOString() });
  }

  /** The builds that came after `target`: a higher version, or, where versions do not tell, published later. */
  after(target: KnownBuild): KnownBuild[] {
    const place = this.builds.indexOf(target);
    return this.builds.filter((build, index) => {
      if (build.id === target.id) return false;
      const order = build.version !== undefined && target.version !== undefined ? compare(build.version, target.version) : "not-comparable";
      return order === "newer" || (order !== "older" && index > place);
    });
  }

  /** The builds that were current at some time since `since`, the one at that moment among them, and until when. */
  servedSince(since: number, now: number): { build: KnownBuild; until: number }[] {
    const until = new Map<string, number>();
    this.changes.forEach(({ current }, index) => {
      const next = this.changes[index + 1];
      const end = next ? Date.parse(next.at) : now;
      if (end >= since) until.set(current, Math.max(end, until.get(current) ?? 0));
    });
    return [...until].flatMap(([id, end]) => (this.find(id) ? [{ build: this.find(id)!, until: end }] : []));
  }
}
