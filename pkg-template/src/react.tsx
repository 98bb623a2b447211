"use client";
/** The entry `trueup/react`: hooks over one client. Every value is a look-up; a component renders again when its own changes. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { readFlag } from "./flags.js";
import type * as T from "./types.js";

/** What a server has evaluated for the page, as `evaluate` of `trueup/server` gives it: plain data. */
export interface Initial {
  readonly standing?: T.Standing;
  readonly plan?: T.Plan;
  readonly flags?: { readonly [key: string]: T.FlagDetails };
}

const Context = createContext<[client: T.Trueup, initial: T.Snapshot] | undefined>(undefined);

/** What a server knows without a manifest. */
const NOTHING: T.Snapshot = {
  standing: { status: "unknown", reason: "no-manifest" },
  refresh: { phase: "idle" },
  plan: { generation: 0, apis: {} },
  flags: new Map(),
};
const NO_PLAN: T.ApiPlan = { outcome: "unknown", reason: "no-plan" };

/**
 * Gives the hooks below it their client. Make that once, outside of components: `connect()` is inert on a server.
 *
 * `initial`, where the HTML comes from a server: what that server rendered with. Hydration renders with it once more, so
 * that nothing differs, and then goes on with what the client knows.
 *
 * @example
 * ```tsx
 * const trueup = connect();
 * createRoot(root).render(<TrueupProvider client={trueup}><App /></TrueupProvider>);
 * ```
 */
export function TrueupProvider({ client, initial, children }: { client: T.Trueup; initial?: Initial | undefined; children?: ReactNode }) {
  // Of `initial` only the first counts, and for a client only once.
  const value = useMemo<[T.Trueup, T.Snapshot]>(
    () => [client, { ...NOTHING, ...initial, flags: new Map(Object.entries(initial?.flags ?? {})) }],
    [client],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

/** The client: for events, `onSave`, `flags.setContext`. Never causes a render. */
export const useTrueup = (): T.Trueup => use()[0];

function use() {
  const found = useContext(Context);
  if (!found) throw Error("TrueupProvider is missing");
  return found;
}

/** Where this build stands. */
export const useStanding = (): T.Standing => useValue(({ standing }) => standing);

/** The flag's value; `fallback` where it is unknown, disabled, broken or of another type. */
export const useFlag: T.Flags["get"] = (key: string, fallback: any) => useValue(({ flags }) => readFlag(flags, key, fallback));

/** The API of that name. It is another object when its plan changes, so that effects can depend on it. */
export function useApi(name: string): T.Api {
  const client = useTrueup();
  const plan = useValue(({ plan }) => plan.apis[name] ?? NO_PLAN);
  return useMemo(() => Object.create(client.api(name), { plan: { value: plan } }), [client, name, plan]);
}

/** Holds back a refresh as long as `active` is true and the component is there; `expiresMs`: at most so long (30 minutes). */
export function useHold(reason: string, active = true, expiresMs?: number): void {
  const client = useTrueup();
  useEffect(() => {
    if (!active) return;
    const hold = client.refresh.hold(reason, expiresMs ? { expiresMs } : {});
    return () => hold.release();
  }, [client, reason, active, expiresMs]);
}

/** The refresh: its state, and what a person can do about it. For an app with a UI of its own (`connect({ ui: "none" })`). */
export function useRefresh(): Pick<T.Refresh, "state" | "now" | "defer"> {
  const state = useValue(({ refresh }) => refresh);
  const { now, defer } = useTrueup().refresh;
  return { state, now, defer };
}

/**
 * For React Router (a data router): a click on a link is taken as a full load of the link's target when a refresh is due.
 * `navigate()` and submitted forms go as usual: a full load would lose what they carry.
 *
 * @example
 * ```tsx
 * useBlocker(useTakeNavigation()); // in the root route; with a blocker of your own: `(to) => unsaved || take(to)`
 * ```
 */
export function useTakeNavigation(): (to: { nextLocation: { pathname: string; search: string; hash: string } }) => boolean {
  const client = useTrueup();
  return useCallback(
    ({ nextLocation: { pathname, search, hash } }) => {
      // As text: of a link within an SVG it is an object.
      const href = `${(window.event?.target as Element | null)?.closest?.("a")?.href}`;
      // A link that the app has led elsewhere is not what the person sees as its target.
      return href.endsWith(pathname + search + hash) && client.refresh.takeNavigation(href);
    },
    [client],
  );
}

/** A part of the snapshot. An object of another identity but the same content is not a change. */
function useValue<V>(select: (snapshot: T.Snapshot) => V): V {
  const [client, initial] = use();
  const last = useRef<V>(undefined);
  const read = (snapshot: T.Snapshot): V => {
    const value = select(snapshot);
    return value === last.current || JSON.stringify(value) === JSON.stringify(last.current) ? last.current! : (last.current = value);
  };
  return useSyncExternalStore(client.subscribe, () => read(client.getSnapshot()), () => read(initial));
}
