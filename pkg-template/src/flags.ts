/** Reading evaluated flags: a look-up, never an exception. The core evaluates them. */
import type { FlagDetails, FlagValue } from "./types.js";

export type FlagMap = ReadonlyMap<string, FlagDetails>;

/** What the core publishes, ready to be read. */
export interface FlagState {
  readonly flags: FlagMap;
  /** The flag set's own metadata, which belongs to flags that are not in it, too. */
  readonly metadata?: FlagDetails["metadata"];
}

/** Before the first answer, and after the module was lost. */
export const noFlags: FlagState = { flags: new Map() };

/** The value, where there is one of the fallback's kind; the fallback otherwise. */
export function readFlag(flags: FlagMap, key: string, fallback: any): any {
  const value = flags.get(key)?.value as any;
  return sameKind(value, fallback) ? value : fallback;
}

/** The same with all that is known about it. */
export function flagDetails({ flags, metadata }: FlagState, key: string, fallback: any): FlagDetails<any> {
  const found = flags.get(key);
  if (!found) {
    const errorCode = metadata ? "FLAG_NOT_FOUND" : "PROVIDER_NOT_READY";
    return { value: fallback, reason: "ERROR", errorCode, metadata: metadata ?? {} };
  }
  if (found.value === undefined) return { ...found, value: fallback };
  if (sameKind(found.value, fallback)) return found;
  return { value: fallback, reason: "ERROR", errorCode: "TYPE_MISMATCH", metadata: found.metadata! };
}

/** The keys whose value or variant differs. */
export function changedFlags(before: FlagMap, after: FlagMap): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => {
    const [a, b] = [before.get(key), after.get(key)];
    return a?.variant !== b?.variant || (a?.value !== b?.value && JSON.stringify(a?.value) !== JSON.stringify(b?.value));
  });
}

/** A list is no object, and `null` is neither. */
const sameKind = (a: FlagValue | undefined, b: unknown): boolean =>
  typeof a === typeof b && (typeof a !== "object" || (!a === !b && Array.isArray(a) === Array.isArray(b)));
