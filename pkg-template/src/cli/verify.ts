/** Which edges are stale: what each answers as manifest and as page, judged by the core. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure, type Output } from "./output.js";
import { get } from "./source.js";
import { Tab } from "./tab.js";
import { Out } from "../wire.js";
import { refreshes } from "./words.js";

export interface VerifyOptions {
  serial?: number | undefined;
  shell?: string | undefined;
  app?: string | undefined;
  /** Resolved against each URL. */
  manifest: string;
  /** Seconds to go on looking until all are fresh. */
  wait?: number | undefined;
}

/** One part of an edge. `found`: the serial, or the build's id. */
interface Part {
  url: string;
  fresh: boolean;
  found?: number | string;
  message: string;
  /** Of the answer: seconds in a cache. */
  age?: number;
}

export interface Edge {
  url: string;
  fresh: boolean;
  manifest?: Part;
  page?: Part;
}

const EVERY = 2_000;

export async function verify(urls: readonly string[], options: VerifyOptions, now: () => number): Promise<Edge[]> {
  if (options.serial === undefined && options.shell === undefined) throw new Failure("usage", "verify needs --serial N, --shell ID, or both");
  const end = performance.now() + (options.wait ?? 0) * 1000;
  for (;;) {
    const edges = await Promise.all(urls.map((url) => look(url, options, now())));
    if (edges.every(({ fresh }) => fresh) || performance.now() + EVERY > end) return edges;
    await sleep(EVERY);
  }
}

async function look(url: string, { serial, shell, app, manifest }: VerifyOptions, at: number): Promise<Edge> {
  const [first, second] = await Promise.all([
    serial === undefined ? undefined : lookAtManifest(new URL(manifest, url).href, serial, at),
    shell === undefined ? undefined : lookAtPage(url, shell, app),
  ]);
  const fresh = [first, second].every((part) => part?.fresh !== false);
  return { url, fresh, ...(first && { manifest: first }), ...(second && { page: second }) };
}

/** An edge that does not answer is stale: nobody knows what it will say. */
async function answered(url: string, judge: (answer: Awaited<ReturnType<typeof get>>) => Omit<Part, "url">, accept?: string): Promise<Part> {
  try {
    const answer = await get(url, accept);
    const age = Number(answer.headers.get("age") ?? 0);
    return { url, ...judge(answer), ...(age > 0 && { age }) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { url, fresh: false, message: error.message };
  }
}

function lookAtManifest(url: string, serial: number, at: number): Promise<Part> {
  return answered(url, ({ status, text, headers }) => {
    if (status !== 200) return { fresh: false, message: `status ${status}` };
    const date = Date.parse(headers.get("date") ?? "");
    const tab = new Tab({ id: "trueup verify" }, { at }).hear(text, Number.isNaN(date) ? at : date);
    const found = tab.inspect().serial as number | undefined;
    if (found === undefined) {
      const { code, path } = tab.faults.at(-1)!;
      return { fresh: false, message: `tabs reject it: ${path ? `${path}: ` : ""}${code}` };
    }
    const fresh = found >= serial;
    return { fresh, found, message: fresh ? `serial ${found}` : `serial ${found} is older than ${serial}` };
  });
}

function lookAtPage(url: string, shell: string, app: string | undefined): Promise<Part> {
  const judge = (answer: Awaited<ReturnType<typeof get>>) => {
    const reason = lag(answer, { id: "trueup verify", app }, shell);
    const mark = markIn(answer, app);
    const found = mark && { found: mark.id };
    if (reason === undefined) return { fresh: true, ...found, message: `build ${shell}` };
    const message = mark ? `build ${mark.id}, not ${shell}` : (refreshes[reason] ?? reason);
    return { fresh: false, ...found, message: answer.status === 200 ? message : `status ${answer.status}` };
  };
  return answered(url, judge, "text/html");
}

type PageAnswer = { status: number; redirected: boolean; headers: Headers; text: string };

/** Why a tab of `build` would not take this answer for the page of `target`; `undefined`: it would. */
function lag({ status, redirected, headers, text }: PageAnswer, build: { id: string; app?: string | undefined }, target: string): string | undefined {
  const html = /^(text\/html|application\/xhtml\+xml)\b/.test(headers.get("content-type") ?? "");
  const manifest = { trueup: 1, serial: 1, current: { id: target }, refresh: { urgency: "critical", spreadSeconds: 0 } };
  const tab = new Tab(build, { at: 0 }).hear(JSON.stringify(manifest));
  // Past the draw of a spread of nothing, which still takes its turn.
  for (let turns = 0; turns < 5 && !tab.asked.has(Out.Shell); turns++) tab.sleep();
  tab.see(text.slice(0, 512 * 1024), { status, redirected, html });
  return tab.refresh.phase === "waiting" ? tab.refresh.reason : undefined;
}

/** The mark that a page carries. Candidates are searched by a pattern; the core's own scanner says whether one is it. */
export function markIn(answer: PageAnswer, app: string | undefined): { id: string; version?: string } | undefined {
  const attribute = (tag: string, name: string) => new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, "i").exec(tag)?.slice(1).find((value) => value !== undefined);
  for (const [tag] of answer.text.matchAll(/<meta\b[^>]*>/gi)) {
    if (attribute(tag, "name") !== "trueup-build") continue;
    const [id, version] = [attribute(tag, "content"), attribute(tag, "data-version")];
    if (id && id !== "?" && lag(answer, { id, app }, "?") === "same-build") return { id, ...(version && { version }) };
  }
  return undefined;
}

/** What a page serves, for `minimum --serving`. */
export async function serving(url: string, app: string | undefined): Promise<{ name: string; id?: string; version?: string }> {
  try {
    return { name: url, ...markIn(await get(url, "text/html"), app) };
  } catch (error) {
    if (error instanceof Failure) return { name: error.message };
    throw error;
  }
}

export function show(output: Output, edges: readonly Edge[]): void {
  for (const { url, fresh, manifest, page } of edges) {
    output.say(`${fresh ? output.style("green", "fresh") : output.style("red", "stale")}  ${url}`);
    for (const [name, part] of [["manifest", manifest], ["page", page]] as const)
      if (part) output.say(`       ${name}: ${part.message}${part.age === undefined ? "" : ` (${part.age} s in a cache)`}`);
  }
}

