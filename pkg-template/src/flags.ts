/** Reading evaluated flags: a look-up, never an exception. The core evaluates them. */
import type { FlagDetails, FlagValue, Widen } from "./types.js";

export type FlagMap = ReadonlyMap<string, FlagDetails>;

/** The flag as it was evaluated; the fallback where there is no value of its kind. */
export function readFlag<T extends FlagValue>(flags: FlagMap, running: boolean, name: string, fallback: T): FlagDetails<Widen<T>> {
  const found = flags.get(name);
  const value = fallback as Widen<T>;
  if (!found) return { value, reason: "ERROR", errorCode: running ? "FLAG_NOT_FOUND" : "PROVIDER_NOT_READY" };
  if (found.value === undefined) return { ...found, value };
  if (kindOf(found.value) !== kindOf(fallback)) return { value, reason: "ERROR", errorCode: "TYPE_MISMATCH" };
  return found as FlagDetails<Widen<T>>;
}

/** The keys whose value or variant differs. */
export function changedFlags(before: FlagMap, after: FlagMap): string[] {
  const of = (flags: FlagMap, name: string) => JSON.stringify([flags.get(name)?.variant, flags.get(name)?.value]);
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => of(before, name) !== of(after, name));
}

export const kindOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
