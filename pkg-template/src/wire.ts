/**
 * What crosses between the page and the core, as JSON: arrays, whose items have their meaning by their place. (Names
 * would stand in the module and here.)
 *
 * The core (Rust, in wasm) decides; what stands here is all that it hears and all that it can ask for. After every call
 * the page carries out the effects in order. Times are milliseconds: since 1970 by the clock that is named, or durations.
 * An item that is `undefined`, or no finite number, crosses as `null`, and all stand for what is not there.
 */

import { TrueupError } from "./errors.js";
import type { Published } from "./flags.js";

type Maybe<T> = T | null | undefined;

/** The first input, once: what `connect` was given, and how it found the page. */
export type Start = [
  options: object,
  /** 53 random bits: the core has no chance of its own. */
  seed: number,
  /** 53 random bits that the tab keeps over its loads; without storage those of this load, on a server none. */
  nonce: Maybe<number>,
  /** What `Keep` wrote last (parsed) … */
  state?: unknown,
  /** … with the manifest's text; absent: nothing kept, or storage is blocked. */
  text?: Maybe<string>,
  /** What `Reload` booked last (parsed); `[]`: nothing yet; absent: session storage is blocked. */
  session?: unknown,
  /** The text of `<script type="application/json" id="trueup">`. */
  inline?: Maybe<string>,
  /** The mark that this page came with. */
  id?: Maybe<string>,
  version?: Maybe<string>,
  app?: Maybe<string>,
  /** `document.visibilityState === "visible"`. */
  visible?: boolean,
  /** `navigator.onLine`. */
  online?: boolean,
  /** Web Locks and BroadcastChannel are both there. */
  locks?: boolean,
  /** The page carries `<meta name="trueup-reload" content="off">`. */
  reloadOff?: boolean,
];

export const enum In {
  /** The time of the next wake-up has come. */
  Wake,
  /** `resume` of the page lifecycle. */
  Resume,
  /** `pagehide`: the core answers with `Lead` off and `Abort`, and asks for nothing until `PageShow`. A look at the shell ends without `Shell`. */
  PageHide,
  /** `pageshow` with `persisted`. */
  PageShow,
  /** Another tab came up and asks for the last answer. */
  Hello,
  /** A chunk of the app's own assets was lost. */
  Chunk,
  /** `check()`: the core answers with `Polled`, at the latest when the poll it starts or joins has ended. */
  Check,
  /** A person (or the app, by `refresh.now()`) wants the refresh. */
  Now,
  /** Dismiss an offer, put off an urge for 15 minutes, "Let me finish" for 5: whichever stands. */
  Defer,
  /** Every `onSave` callback has settled, or there is none. */
  Saved,
  /** Session storage refused the booking of an unasked reload; the reload did not happen. */
  Unbooked,
  /** `visibilitychange`. */
  Visible,
  /** `online` and `offline`. */
  Online,
  /** The lock was granted, or lost. */
  Lead,
  /** `Trueup-Serial: N` on a same-origin answer. */
  Header,
  /** `takeNavigation(url)`: the core answers with `Taken`. */
  Navigate,
  /** What `Reload` booked last, before `PageShow`: another page of this tab may have reloaded meanwhile. */
  Session,
  /** Another context for the flags; the first one stands in the options, `flags.context`. The core adds `$build`. */
  Context,
  /** Answers that refused a version, with a sign that this is why: `supported` as a header listed it, if one did. */
  Refused,
  /** All open holds of the page, whenever one opens, closes, or at the start. `until` by `performance.now()`. */
  Holds,
  /** What the fetch of the shell brought. */
  Shell,
  /** An answer to a poll, or that none came: to this tab's own request, or told by the leader. */
  Answer,
  /** Asks for all that it knows. */
  Inspect,
}

/** Under a service worker, after `registration.update()` has settled (or failed): why its page was not looked at. */
export const enum Worker {
  Waiting = 1,
  /** It is installing, or the update has failed. */
  Busy,
}

export type Refusal = [api: string, version: string, supported: Maybe<string[]>];

/** An answer to a poll, as it came over the wire. */
export type Answer = [
  status: number,
  /** The final URL has another origin than was asked. */
  foreign: boolean,
  /** When it came to the tab that asked, by `Date.now()`. */
  at: Maybe<number>,
  /** The answer's `Date`, as `Date.parse` reads it, and its `Age`. */
  date: Maybe<number>,
  /** `Retry-After` in its seconds form, in milliseconds. */
  retryAfter?: Maybe<number>,
  /** `Retry-After` in its date form, in milliseconds from the answer's `Date` (or from now). */
  retryDate?: Maybe<number>,
  /** The body; absent where it is too long. To the core `true`, where it is the text in force. */
  text?: Maybe<string | true>,
  /** The body is longer than 1 MiB and was not read. */
  tooLong?: boolean,
  etag?: Maybe<string>,
];

/** Where an input has its answer's text. */
export const TEXT = 8;

/** What the page tells the core. */
export type Input =
  | [In.Wake | In.Resume | In.PageHide | In.PageShow | In.Hello | In.Chunk | In.Check | In.Now | In.Defer | In.Saved | In.Unbooked | In.Inspect]
  | [In.Visible | In.Online | In.Lead, on: boolean]
  | [In.Header, serial: number]
  | [In.Navigate, url: string]
  | [In.Session, session: unknown]
  | [In.Context, context: unknown]
  | [In.Refused, refusals: Refusal[]]
  | [In.Holds, holds: [reason: string, until: number][]]
  /** `status` 0: no answer. `html`: `content-type` is `text/html` or `application/xhtml+xml`. `text`: at most the first 512 KiB. */
  | [In.Shell, worker: Maybe<Worker>, status?: number, redirected?: boolean, html?: boolean, text?: string]
  | Heard;

/** `next`: only told ones have it: how long until the teller polls next. */
export type Heard = [In.Answer, next?: Maybe<number>, ...answer: Answer | []];

export const enum Out {
  /** Abort the running fetch of the manifest (no `Answer` follows). */
  Abort,
  /** Fetch the shell (`cache: "reload"`, `Accept: text/html`), after `registration.update()` under a worker. */
  Shell,
  /** Let the waiting service worker take over, if no other tab holds; look at the shell again and send `Shell`. */
  Activate,
  /** Run the `onSave` callbacks, then send `Saved`. */
  Save,
  /** Ask the other tabs for the leader's last answer. */
  Hello,
  /** Ask for the leader's lock (stay in its queue), or leave the queue, give the lock back and close the channel. */
  Lead,
  /** The answer to `Navigate`, in the same batch. */
  Taken,
  /** Fetch the manifest (`cache: "no-cache"`, no header of our own) and send `Answer`. */
  Poll,
  /** Write to local storage. `text` only where it changed; state `null` and text `""` stand for nothing. */
  Keep,
  /**
   * Write `session` (and what the callbacks returned) to session storage, then reload, or go to `url`, if it is not empty. Where the writing
   * fails and nobody asked: send `Unbooked` instead.
   */
  Reload,
  /** Tell the other tabs of the last answer that was sent, or that none came. */
  Tell,
  // Published, in the order of `EVENTS`:
  Standing,
  Refresh,
  Plan,
  Polled,
  Fault,
  /** Once: how the first manifest came. */
  Ready,
  /** The flags as they are now, where something about one of them has changed. */
  Flags,
}

/** What the core asks of the page. */
export type Effect =
  | [Out.Abort | Out.Shell | Out.Activate | Out.Save | Out.Hello | Out.Poll]
  | [Out.Lead, on: boolean]
  | [Out.Taken, taken: boolean]
  | [Out.Keep, state: unknown[] | null, text: string | null]
  | [Out.Reload, session: unknown, asked: boolean, url: string]
  | [Out.Tell, next: number, answered: boolean]
  | [Out.Standing | Out.Refresh | Out.Plan | Out.Polled | Out.Fault, ...detail: unknown[]]
  | [Out.Ready, how: number]
  | [Out.Flags, ...flags: Published];

/** What an effect brings, besides its kind. */
export type Given<K extends Out> = Extract<Effect, [K, ...unknown[]]> extends [Out, ...infer G] ? G : [];

/** What is published: the event's name, and the names of its detail's members. */
const EVENTS = [
  "standing status reason deadline",
  "refresh phase action target reason until deferrals seconds holds deadline notes link",
  "plan generation apis",
  "poll why outcome",
  "error blame code path",
];

/** Of an API's plan: its members; outcome and reason are places in lists of words, as `negotiate.rs` has them. */
const PLAN = "outcome reason version deadline link base carrier";
const OUTCOMES = "agreed deprecated client-too-old client-too-new client-too-new client-too-new absent unknown unknown";
const REASONS = "overlap only-deprecated server-newer server-older other-kind nothing-served not-listed no-manifest invalid refused";

const planned = ([name, why, reason, ...values]: [string, number, number, ...unknown[]]) => [
  name,
  named(PLAN.split(" "), [OUTCOMES.split(" ")[why], REASONS.split(" ")[reason], ...values]),
];

/** All that the core knows, besides what it has published. */
const KNOWN = "build app serial current regressed serverTime everySeconds role polling wake";

const WHY = "start period retry silence visible pageshow resume online chunk header refused unheard check";
const PHASE =
  "idle spreading checking waiting navigation offering urging holding counting deferred saving reloading cancelled refused stuck";

/** Words cross as their places in these lists, which are the core's; a number behind the last one stands for nothing. */
export const WORDS: { [member: string]: string } = {
  status: "unknown current behind deprecated unsupported ahead",
  reason:
    "no-manifest current blocked below-minimum deadline-passed api-too-old below-recommended api-deprecated no-version newer older same-version not-comparable reload-off observe paused share spread budget dismissed put-off finishing hidden no-storage unheard holds no-page same-build other-build no-mark worker",
  phase: PHASE,
  action: "none navigate offer urge force",
  why: WHY,
  outcome: "new unchanged conflict older regressed future failed waiting",
  blame: "publisher network memory",
  code: "missing type range clamped version time path unknown format contradiction too-deep too-long json future range-set operator reference undefined network timeout status origin not-json too-long foreign",
  how: "live stored timeout",
  role: "alone follower leader",
  polling: WHY,
  wake: `${WHY} ${PHASE} ready deadline sunset refusal flags`,
};

/** What crosses at the place of this member. */
export const spoken = (member: string, value: unknown): any => (WORDS[member] ? WORDS[member].split(" ")[value as number] : value);

/** An object of these members, less those that are not there. */
export const named = (names: string[], values: readonly unknown[], heard = (_name: string, value: unknown): unknown => value): any =>
  Object.fromEntries(names.map((name, i) => [name, heard(name, values[i])]).filter(([, value]) => value != null));

/** The event that an effect publishes. */
export const event = ([kind, ...values]: Effect): [name: string, detail: any] => {
  const [name, ...names] = (EVENTS[kind - Out.Standing] ?? "").split(" ");
  const detail = named(names, values, spoken);
  if (detail.apis) detail.apis = Object.fromEntries(detail.apis.map(planned));
  return [name!, detail];
};

/** The answer to `Inspect`. */
export const known = ([delay, values]: Reply): { [name: string]: unknown } => {
  const { wake, ...all } = named(KNOWN.split(" "), values as unknown[], spoken);
  return { ...all, ...(wake && { wake: { in: delay, reason: wake } }) };
};

/** In how many ms it wants `Wake`, at most 2³¹−1; then the effects (to `Inspect`: what it knows). Wrong options: code and path. */
export type Reply = [delay: number, ...effects: Effect[]];

/** The core of one client. `mono` is `performance.now()`, `wall` is `Date.now()`, where nothing else is given. */
export type Core = (input: Start | Input, mono?: number, wall?: number) => Reply;

/** Starts it; wrong options throw. */
export const begin = (core: Core, ...given: Parameters<Core>): Reply => {
  const reply = core(...given);
  const [code, path] = reply as unknown[];
  if (path + "" === path) throw new TrueupError(spoken("code", code), path);
  return reply;
};
