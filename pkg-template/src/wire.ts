/**
 * What crosses between the page and the core: plain objects, one `handle` call each.
 *
 * The core (Rust, in wasm) decides; what stands here is all that it hears and all that it can ask for. After every
 * `handle` the page carries out the effects in order. Times are milliseconds: `…At` since 1970 by the clock that is
 * named, everything else a duration. A member that is `undefined` is simply not there.
 */

import type { Published } from "./flags.js";

/** Given once, when the core starts. */
export interface Start {
  /** 53 random bits: the core has no chance of its own. */
  seed: number;
  /** 53 random bits that the tab keeps over its loads; without storage those of this load, on a server none. */
  nonce?: number;
  /** What `keep` wrote last (parsed), with the manifest's text; absent: nothing kept, or storage is blocked. */
  kept?: { state: unknown; text: string };
  /** What `reload` booked last (parsed); `null`: nothing yet; absent: session storage is blocked. */
  session?: unknown;
  /** The text of `<script type="application/json" id="trueup">`. */
  inline?: string;
  /** The mark that this page came with. */
  mark?: { id: string; version?: string; app?: string };
  /** `document.visibilityState === "visible"`. */
  visible: boolean;
  /** `navigator.onLine`. */
  online: boolean;
  /** Web Locks and BroadcastChannel are both there. */
  locks: boolean;
  /** The page carries `<meta name="trueup-reload" content="off">`. */
  reloadOff: boolean;
}

/** An answer to a poll, as it came over the wire: own, or told by the leader. */
export interface Answer {
  type: "answer";
  /** To this tab's own request. */
  own: boolean;
  status: number;
  /** The final URL has another origin than was asked. */
  foreign?: boolean;
  etag?: string;
  /** The answer's `Date`, as `Date.parse` reads it. */
  date?: number;
  /** Told by another tab: when it came there, by `Date.now()`. */
  at?: number;
  /** The answer's `Age`, in seconds. */
  age?: number;
  /** `Retry-After` in its seconds form, in milliseconds. */
  retryAfter?: number;
  /** `Retry-After` in its date form, in milliseconds from the answer's `Date` (or from now). */
  retryDate?: number;
  /** The body; absent where its ETag is the one that `poll` named, or where it is too long. */
  text?: string;
  /** The body is longer than 1 MiB and was not read. */
  tooLong?: boolean;
  /** Told answers: how long until the teller polls next. */
  next?: number;
}

export interface Failed {
  type: "failed";
  own: boolean;
  /** Told failures: how long until the teller polls next. */
  next?: number;
}

/** What the page tells the core. */
export type Input =
  | { type: "wake" }
  | Answer
  | Failed
  /** `visibilitychange`. */
  | { type: "visible"; on: boolean }
  /** `online` and `offline`. */
  | { type: "online"; on: boolean }
  /** What `reload` booked last, before `pageshow`: another page of this tab may have reloaded meanwhile. */
  | { type: "session"; session: unknown }
  /** `pageshow` with `persisted`. */
  | { type: "pageshow" }
  /** `pagehide`: the core answers with `lead: false` and `abort`, and asks for nothing until `pageshow`. A look at the shell ends without `shell`. */
  | { type: "pagehide" }
  /** `resume` of the page lifecycle. */
  | { type: "resume" }
  /** The lock was granted, or lost. */
  | { type: "lead"; on: boolean }
  /** Another tab came up and asks for the last answer. */
  | { type: "hello" }
  /** A chunk of the app's own assets was lost. */
  | { type: "chunk" }
  /** `Trueup-Serial: N` on a same-origin answer. */
  | { type: "header"; serial: number }
  /** `check()`: the core answers with a `poll` event, at the latest when the poll it starts or joins has ended. */
  | { type: "check" }
  /** What the fetch of the shell brought. `text` is at most the first 512 KiB. */
  | {
      type: "shell";
      /** 0: no answer. */
      status: number;
      redirected?: boolean;
      /** `content-type` is `text/html` or `application/xhtml+xml`. */
      html?: boolean;
      text?: string;
      /** Under a service worker, after `registration.update()` has settled (or failed): why its page was not looked at. */
      worker?: "installing" | "waiting" | "failed";
    }
  /** All open holds of the page, whenever one opens, closes, or at the start. `until` by `performance.now()`. */
  | { type: "holds"; holds: { reason: string; until: number }[] }
  /** A person (or the app, by `refresh.now()`) wants the refresh. */
  | { type: "now" }
  /** Dismiss an offer, put off an urge for 15 minutes, "Let me finish" for 5: whichever stands. */
  | { type: "defer" }
  /** `takeNavigation(url)`: the core answers with `taken`. */
  | { type: "navigate"; url: string }
  /** Every `onSave` callback has settled, or there is none. */
  | { type: "saved" }
  /** Session storage refused the booking of an unasked reload; the reload did not happen. */
  | { type: "unbooked" }
  /** Another context for the flags; the first one stands in the options, `flags.context`. The core adds `$build`. */
  | { type: "context"; context: unknown }
  /** Answers that refused a version, with a sign that this is why: `supported` as a header listed it, if one did. */
  | { type: "refused"; refusals: { api: string; version: string; supported?: string[] }[] };

/** What the core asks of the page. */
export type Effect =
  /** Fetch the manifest (`cache: "no-cache"`, no header of our own) and send `answer` or `failed`, `own: true`. */
  | { do: "poll"; etag?: string }
  /** Abort the running fetch of the manifest (no `failed` follows). */
  | { do: "abort" }
  /** Tell the other tabs: they hear it as it stands. */
  | { do: "tell"; message: Answer | Failed | { type: "hello" } }
  /** Ask for the leader's lock (stay in its queue), or leave the queue, give the lock back and close the channel. */
  | { do: "lead"; on: boolean }
  /** Write to local storage. `text` only where it changed; state `null` and text `""` stand for nothing. */
  | { do: "keep"; state: unknown; text?: string }
  /** Fetch the shell (`cache: "reload"`, `Accept: text/html`), after `registration.update()` under a worker. */
  | { do: "shell" }
  /** Let the waiting service worker take over, if no other tab holds; look at the shell again and send `shell`. */
  | { do: "activate" }
  /** Run the `onSave` callbacks, then send `saved`. */
  | { do: "save" }
  /** Write `session` (and what the callbacks returned) to session storage, then reload, or go to `url`. Where the
   *  writing fails and nobody asked: send `unbooked` instead. */
  | { do: "reload"; session: unknown; asked: boolean; url?: string }
  /** The answer to `navigate`, in the same batch. */
  | { do: "taken"; taken: boolean }
  /** Publish: the flags as they are now, where something about one of them has changed. */
  | { do: "emit"; event: "flags"; detail: Published }
  /** Publish. */
  | { do: "emit"; event: "standing" | "refresh" | "ready" | "poll" | "plan" | "error"; detail: unknown };

/** The wasm class: `new Core(options, start, mono, wall)` throws `{ code, path }` for wrong options. */
export interface Core {
  /** Gives the effects, as the JSON of `Effect[]`. `mono`: `performance.now()`, `wall`: `Date.now()`. */
  handle(input: Input, mono: number, wall: number): string;
  /** The effects of the start itself; to be carried out like those of `handle`. */
  start(mono: number, wall: number): string;
  /** All that the core knows, as JSON. */
  inspect(mono: number, wall: number): string;
  /** In how many ms it wants `{ type: "wake" }`, at most 2³¹−1; to be asked after every `handle`. */
  wake(mono: number, wall: number): number;
  /** Ends it. */
  free(): void;
}
