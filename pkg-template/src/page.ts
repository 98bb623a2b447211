/** What belongs to the page, not to one client on it: holds, the prompt, the reload; and what the page knows. */

import { MiB } from "./fetch.js";

/** What the clients on a page, of whatever version of Trueup, know of each other. Members are only ever added. */
export interface Member {
  /** How much it has to show: the highest is shown, 0 is nothing. */
  rank: number;
  /** Show what you have, or hide it. */
  show(on: boolean): void;
  /** The page's holds have changed. */
  held(): void;
  /** Run the `onSave` callbacks. */
  save(): Promise<unknown>;
  /** Write what they returned, for the page at `url`. */
  book(url: string): boolean;
}

/** An open hold; `until` by `performance.now()`. */
export interface Held {
  reason: string;
  until: number;
  /** Ends what other tabs see of it. */
  unshare?: (() => void) | undefined;
}

export interface Page {
  holds: Set<Held>;
  members: Set<Member>;
  /** When the last reload was asked for, by `performance.now()`. */
  reloadAt: number;
  /** The one warning that Trueup does not run here has been printed. */
  warned?: boolean;
}

const PAGE = Symbol.for("trueup.page");

export const page = (): Page =>
  ((globalThis as any)[PAGE] ??= { holds: new Set(), members: new Set(), reloadAt: -1 / 0 } satisfies Page);

const HOLD = "trueup:hold:";

/** Lets other tabs see a hold, or no longer: as a shared lock, whose name says until when. */
export function share(hold: Held, on: boolean): void {
  hold.unshare?.();
  hold.unshare = on ? take(HOLD + (performance.timeOrigin + hold.until), "shared") : undefined;
}

/** Whether a tab of this origin holds. */
export const heldAnywhere = async (): Promise<boolean> =>
  (await navigator.locks.query()).held!.some(({ name }) => +name!.split(HOLD)[1]! > Date.now());

/** Listens to the window till `signal` aborts. What is told to a document or an element is heard on its way down. */
export function listenTo(on: { [type: string]: (event: any) => void }, signal: AbortSignal): void {
  for (const type of Object.keys(on)) addEventListener(type, on[type]!, { signal, capture: !/^[op]/.test(type) });
}

/** Takes the lock when it is free, and gives it back when the returned function is called. Opaque origins have none. */
export function take(name: string, mode: LockMode, tell?: (granted: boolean) => void): () => void {
  const queue = new AbortController();
  const { signal } = queue;
  navigator.locks
    ?.request(
      name,
      { mode, signal },
      () =>
        new Promise<void>((done) => {
          if (signal.aborted) return done();
          signal.onabort = done as () => void;
          tell?.(true);
        }),
    )
    .catch(() => signal.aborted || tell?.(false));
  return () => queue.abort();
}

/** Shows the member that has the most to show, and only that one. */
export function settlePrompt(): void {
  const [first, ...rest] = [...page().members].sort((a, b) => b.rank - a.rank);
  for (const member of rest) member.show(false);
  first?.show(!!first.rank);
}

/** Prints, once per page, that the app runs without Trueup. */
export function warn(why: unknown): void {
  const shared = page();
  if (!shared.warned) console.warn("trueup: failed, the app runs without it:", why);
  shared.warned = true;
}

type Store = "localStorage" | "sessionStorage";

/** The value; null: none; false: not ours, or longer than `most`; undefined: storage is blocked. */
export function read(key: string, store: Store = "localStorage", most = MiB): any {
  let text;
  try {
    text = globalThis[store].getItem(key);
    return text!.length <= most && JSON.parse(text!);
  } catch {
    return text && false;
  }
}

/** False where storage is blocked or full. */
export function write(key: string, value: unknown, store: Store = "localStorage"): boolean {
  try {
    globalThis[store].setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** The mark of `app` (of the first one, where none is named). */
export const mark = (app?: string): HTMLMetaElement | undefined =>
  [...document.querySelectorAll<HTMLMetaElement>("meta[name=trueup-build]")].find(
    ({ content, dataset }) => content && (app ?? dataset.app ?? "") === (dataset.app ?? ""),
  );

export const isVisible = (): boolean => document.visibilityState === "visible";

/** The text in the page's language, else the person's, else English. */
export function localized(texts: { readonly [language: string]: string } | undefined): string | undefined {
  return [document.documentElement.lang, navigator.language, "en"]
    .map((tag) => texts?.[tag] ?? texts?.[tag.split("-")[0]!])
    .find(Boolean);
}

/** Loads `url`, which may be the page's own; what is between must survive: query, hash, and a POST that must not be repeated. */
export function reload(url: string): void {
  const here = location.href;
  history.replaceState(history.state, "", here);
  if (url.split("#")[0] !== here.split("#")[0]) return location.assign(url);
  // To another fragment of this page a browser would only scroll.
  if (url !== here) history.pushState(null, "", url);
  location.reload();
}
