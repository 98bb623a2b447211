/**
 * `autoHold()`: holds by itself while a form on the page has unsaved edits, or media plays. It costs a page nothing that
 * does not import it.
 */
import type { Hold, Refresh } from "./types.js";

export interface AutoHoldOptions {
  /** While a form, or a field outside of any, has been edited and not been submitted or reset. Default: true. */
  forms?: boolean;
  /** While a video or sound on the page plays. Muted ones that loop or start by themselves do not count. Default: true. */
  media?: boolean;
  /** Ends it when it aborts. */
  signal?: AbortSignal;
}

const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
/** What is typed there is not lost. */
const FREE = 'search, [role="search"], [type="search"], [data-trueup-hold="off"]';
const MEDIA = ["play", "playing", "pause", "ended", "volumechange", "emptied"];
const LOOK = 2_000;
/** A hold that is so old is opened anew, so that it does not expire while its reason lasts. */
const RENEW = 60_000;

/**
 * Opens the hold `unsaved form` with an edit: until the form is submitted or reset, or it is no longer on the page, or half
 * an hour after the last edit. Opens the hold `media` while something plays. Search fields, and what is within
 * `data-trueup-hold="off"`, do not count. Call it once; returns the way to stop it.
 *
 * @example
 * ```ts
 * import { autoHold } from "trueup/holds";
 * autoHold(trueup, { media: false });
 * ```
 */
export function autoHold(trueup: { refresh: Pick<Refresh, "hold"> }, { forms = true, media = true, signal }: AutoHoldOptions = {}): () => void {
  if (typeof document === "undefined" || signal?.aborted) return () => {};
  const life = new AbortController();
  /** Edited forms, and fields that belong to none. */
  const edited = new Set<Element>();
  const held = new Map<string, { hold: Hold; since: number }>();
  let timer: ReturnType<typeof setInterval> | undefined;

  const keep = (reason: string, on: boolean, renew: boolean) => {
    const old = held.get(reason);
    if (on && (!old || (renew && performance.now() - old.since > RENEW))) held.set(reason, { hold: trueup.refresh.hold(reason), since: performance.now() });
    else if (on || !old) return;
    else held.delete(reason);
    old?.hold.release();
  };

  const settle = (edit = false) => {
    for (const place of edited) if (!place.isConnected) edited.delete(place);
    keep("unsaved form", edited.size > 0, edit);
    keep("media", media && [...document.querySelectorAll<HTMLMediaElement>("video, audio")].some(plays), true);
    clearInterval(timer);
    // Nobody says when a form is taken off the page, or a video that plays.
    if (held.size) timer = setInterval(settle, LOOK);
  };

  const on = (types: string[], listener: (event: Event) => void) => {
    for (const type of types) addEventListener(type, listener, { capture: true, signal: life.signal });
  };
  if (forms) {
    // Not `change`: it comes when the focus goes, which may be after the form was submitted.
    on(["input"], ({ target }) => {
      const field = target instanceof Element && target.closest<HTMLInputElement>(FIELDS);
      if (!field || field.closest(FREE)) return;
      edited.add(field.form ?? field);
      settle(true);
    });
    on(["submit", "reset"], ({ target }) => {
      edited.delete(target as Element);
      settle();
    });
  }
  if (media) on(MEDIA, () => settle());

  const stop = () => {
    life.abort();
    clearInterval(timer);
    for (const { hold } of held.values()) hold.release();
    held.clear();
  };
  signal?.addEventListener("abort", stop, { once: true });
  if (media) settle();
  return stop;
}

const plays = ({ paused, ended, muted, loop, autoplay }: HTMLMediaElement) => !paused && !ended && !(muted && (loop || autoplay));
