/** What one tab would do with a manifest, step by step, and why: played on the core in virtual time. */
import { type Effect, event, In, Out } from "../wire.js";
import type { Json } from "./document.js";
import { Failure, type Output } from "./output.js";
import { page, Tab, type TabBuild, TabError } from "./tab.js";
import { actions, duration, plans, refreshes, standings, time } from "./words.js";

export interface Question {
  build: TabBuild;
  /** The servers' time. */
  at: number;
  context?: object | undefined;
  /** The page still carries the mark of this tab's build: what a CDN that lags would bring. */
  stale?: boolean;
  /** The draws of spread and share. */
  seed?: number;
}

export interface Step {
  /** Milliseconds since the manifest was heard. */
  after: number;
  /** The phase that is entered, or what is asked of the page. */
  step: string;
  reason?: string | undefined;
  message: string;
}

export interface Explanation {
  serial: number;
  current: Json;
  standing: Tab["standing"];
  action: string;
  steps: Step[];
  plan: Tab["plan"]["apis"];
  flags: Tab["flags"];
}

/** Plays the tab until it shows something, reloads, or has nothing left to do by itself. */
export function explain(text: string, question: Question): Explanation {
  const { manifest, tab, steps } = play(text, question);
  return {
    serial: manifest.serial,
    current: manifest.current as unknown as Json,
    standing: tab.standing,
    action: tab.refresh.action ?? "none",
    steps,
    plan: tab.plan.apis,
    flags: tab.flags,
  };
}

/** Seeds are tried until the share lets a tab act: what those do that are left out is told beforehand. */
const SEEDS = 200;

function play(text: string, question: Question) {
  const manifest = JSON.parse(text) as { serial: number; current: TabBuild; refresh?: { share?: number; spreadSeconds?: number } };
  const first = playOnce(text, manifest.current, question, question.seed ?? 1);
  if (first.tab.refresh.reason !== "share" || !(manifest.refresh?.share! > 0) || question.seed !== undefined) return { manifest, ...first };
  for (let seed = 2; seed < SEEDS; seed++) {
    const next = playOnce(text, manifest.current, question, seed);
    if (next.tab.refresh.reason === "share") continue;
    const share = Math.round(manifest.refresh!.share! * 1000) / 10;
    next.steps.unshift({ after: 0, step: "share", message: `refresh.share lets ${share} % of the tabs go on, drawn once for each target; the others stay as they are. This is one that goes on:` });
    return { manifest, ...next };
  }
  return { manifest, ...first };
}

function playOnce(text: string, target: TabBuild, { build, at, context, stale }: Question, seed: number) {
  const steps: Step[] = [];
  let heard = 0;
  let tab: Tab;
  let last = "";
  const watch = (effect: Effect, elapsed: number) => {
    const step = described(effect, elapsed - heard, at);
    if (step && step.step + step.reason !== last) steps.push(step);
    if (step) last = step.step + step.reason;
  };
  try {
    tab = new Tab(build, { at, context, seed, watch });
  } catch (error) {
    if (error instanceof TabError) throw new Failure("usage", `no such build: ${error.path}: ${error.code}`);
    throw error;
  }
  steps.length = 0;
  tab.hear(text);
  heard = tab.elapsed;
  for (let turns = 0; turns < 50; turns++) {
    const { phase } = tab.refresh;
    if (["idle", "offering", "urging", "navigation", "waiting", "reloading", "stuck", "refused"].includes(phase)) break;
    if (tab.asked.has(Out.Shell)) tab.see(page(stale ? build : { ...target, app: build.app }));
    else if (tab.asked.delete(Out.Save)) tab.send([In.Saved]);
    else if (tab.asked.has(Out.Poll)) tab.hear(text);
    else tab.sleep();
  }
  return { tab, steps };
}

function described(effect: Effect, after: number, at: number): Step | undefined {
  const [name, detail] = event(effect);
  if (name !== "refresh") return undefined;
  const state = detail as Tab["refresh"];
  const until = "until" in state && state.until !== undefined ? state.until - at : undefined;
  const wait = until === undefined ? "" : duration(Math.max(0, until - after));
  const messages: { [phase: string]: string } = {
    idle: `does nothing${state.reason && refreshes[state.reason] ? `: ${refreshes[state.reason]}` : ""}`,
    spreading: `waits for its share of the spread: ${wait} by this draw`,
    checking: "looks at the page, as a reload would fetch it",
    waiting: `shows nothing, and looks again in ${wait}: ${refreshes[state.reason ?? ""] ?? state.reason}`,
    navigation: "takes the next navigation as a full load of its target",
    offering: "shows the offer; the person can dismiss it for 24 hours or until the next build",
    urging: `shows the urge${state.deadline ? `, with the deadline ${time(state.deadline)}` : ""}; the person can put it off for 15 minutes at a time`,
    counting: `shows the countdown of ${(state as { seconds?: number }).seconds} s, where no hold is open; "Let me finish" adds 5 minutes, ten times`,
    saving: "lets the app save (onSave), 5 s at most",
    reloading: "reloads, once: the reload is booked beforehand",
  };
  const message = messages[state.phase];
  return message ? { after, step: state.phase, reason: state.reason, message } : undefined;
}

/** For people. */
export function show(output: Output, name: string, { build, at, context }: Question, explanation: Explanation): void {
  const { standing, action, steps, plan, flags } = explanation;
  const current = explanation.current as { id: string; version?: string };
  const named = ({ id, version }: { id: string; version?: string | number | undefined }) => (version === undefined ? id : `${id} (${version})`);
  const bold = (text: string) => output.style("bold", text);
  output.say(`${bold("manifest")}  ${name}, serial ${explanation.serial}: current is ${named(current)}`);
  output.say(`${bold("tab")}       runs ${named(build)}; it is ${time(at)} by the servers' clock`);
  output.say(`${bold("standing")}  ${standing.status}: ${standings[standing.reason] ?? standing.reason}`);
  if ("deadline" in standing && standing.deadline) output.say(`          until ${time(standing.deadline)}`);
  output.say(`${bold("due")}       ${actions[action]}`);
  if (steps.length) output.say(bold("then"));
  for (const { after, message } of steps) output.say(`  ${`+${duration(after)}`.padEnd(12)} ${message}`);
  const apis = Object.entries(plan);
  if (apis.length) output.say(bold("calls"));
  for (const [api, { outcome, version, reason = "", deadline }] of apis) {
    const until = deadline === undefined ? "" : `, gone at ${time(deadline)}`;
    output.say(`  ${api}: ${outcome}${version === undefined ? ", calls are refused before they are sent" : `, version ${version}`} (${plans[reason] ?? reason}${until})`);
  }
  const evaluated = Object.entries(flags);
  if (evaluated.length) output.say(`${bold("flags")}     for the context ${JSON.stringify(context ?? {})}`);
  for (const [key, { value, variant, reason, errorCode }] of evaluated) {
    const what = value === undefined ? "the app's own fallback" : `${JSON.stringify(value)}${variant === undefined ? "" : ` (${variant})`}`;
    output.say(`  ${key}: ${what}, ${[reason, errorCode].filter(Boolean).join(" ")}`);
  }
}
