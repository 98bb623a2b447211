/**
 * `report()`: how a fleet of tabs does, without personal data: as objects, and as beacons. It costs a page nothing that
 * does not import it.
 */
import { TrueupError } from "./index.js";
import type { Trueup } from "./types.js";

/** How one tab is, at one moment. Codes are those of the events; there is nothing of the person or the address in it. */
export interface TabReport {
  /** When, in ms since 1970 by the visitor's clock. */
  readonly at: number;
  /** The build's id. */
  readonly build: string;
  /** `standing.status`. */
  readonly standing: string;
  /** `refresh.state.action`. */
  readonly action?: string;
  /** `refresh.state.phase`. */
  readonly phase: string;
  /** What keeps the refresh there: `refresh.state.reason`. */
  readonly blockedBy?: string;
  /** The outcome of the last poll. */
  readonly outcome?: string;
  /** Errors since the report before, as `blame/code`, each once. */
  readonly errors?: readonly string[];
}

export interface ReportOptions {
  /** Where beacons go: a `POST` of `{ "reports": [TabReport, …] }` as `text/plain`. Without it none are sent. */
  url?: string;
  /** The part of page loads that report at all, 0 to 1. Default: 1. */
  sample?: number;
  /** Called with each report as it is made. */
  listener?: (report: TabReport) => void;
  /** Ends it when it aborts. */
  signal?: AbortSignal;
}

/** At most one beacon per minute, and one when the page goes. */
const MINUTE = 60_000;
/** The first beacon waits for what the start brings. */
const FIRST = 5_000;
/** A tab in which nothing changes is heard of again after so long, with the next poll. */
const SILENCE = 5 * MINUTE;
/** Older reports of a batch are dropped. */
const MOST = 50;

/**
 * Makes a report whenever standing, action, phase or what blocks it has changed, when an error came, and every five minutes
 * or so. Returns the way to stop it.
 *
 * @example
 * ```ts
 * import { report } from "trueup/report";
 * report(trueup, { url: "/beacon", sample: 0.1 });
 * ```
 */
export function report(trueup: Trueup, { url, sample = 1, listener, signal }: ReportOptions = {}): () => void {
  if (!(sample >= 0 && sample <= 1)) throw new TrueupError("range", "sample");
  if (typeof document === "undefined" || signal?.aborted || Math.random() >= sample) return () => {};
  const life = new AbortController();
  const to = url === undefined ? undefined : resolve(url);
  const errors = new Set<string>();
  let waiting: TabReport[] = [];
  let said = "";
  let at = -SILENCE;
  let outcome: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sentAt = FIRST - MINUTE + performance.now();

  const make = () => {
    const { standing, refresh, build } = trueup.inspect();
    const { phase, action, reason } = refresh;
    const blockedBy = phase === "idle" && action === "none" ? undefined : reason;
    const state = { build: String(build ?? "unknown"), standing: standing.status, action, phase, blockedBy };
    const now = JSON.stringify(state);
    if (now === said && !errors.size && performance.now() - at < SILENCE) return;
    said = now;
    at = performance.now();
    const one: TabReport = JSON.parse(JSON.stringify({ at: Date.now(), ...state, outcome, ...(errors.size && { errors: [...errors] }) }));
    errors.clear();
    listener?.(one);
    if (!to) return;
    waiting = [...waiting.slice(1 - MOST), one];
    timer ??= setTimeout(send, Math.max(0, sentAt + MINUTE - at));
  };

  const send = () => {
    clearTimeout(timer);
    timer = undefined;
    // What does not get away now goes with the next one.
    if (!to || !waiting.length || !navigator.sendBeacon(to, JSON.stringify({ reports: waiting }))) return;
    waiting = [];
    sentAt = performance.now();
  };

  // Once for all that one poll brings.
  const soon = () => queueMicrotask(() => life.signal.aborted || make());
  const on = { signal: life.signal };
  const unsubscribe = trueup.subscribe(soon);
  trueup.on("poll", (poll) => ((outcome = poll.outcome), soon()), on);
  trueup.on("error", ({ blame, code }) => (errors.add(`${blame}/${code}`), soon()), on);
  addEventListener("pagehide", send, on);
  void trueup.ready.then(soon);

  const stop = () => {
    send();
    unsubscribe();
    life.abort();
  };
  signal?.addEventListener("abort", stop, { once: true });
  return stop;
}

function resolve(url: string): string {
  try {
    return new URL(url, document.baseURI).href;
  } catch {
    throw new TrueupError("path", "url");
  }
}
