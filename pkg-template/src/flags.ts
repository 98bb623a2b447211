/** Reading evaluated flags: a look-up, never an exception. The core evaluates them. */
import type { FlagDetails, FlagValue } from "./types.js";

export type FlagMap = ReadonlyMap<string, FlagDetails>;

type Metadata = FlagDetails["metadata"];

/** What is known of the flags, ready to be read. */
export interface FlagState {
  readonly flags: FlagMap;
  /** The flag set's own metadata, which belongs to flags that are not in it, too. */
  readonly metadata?: Metadata;
}

/**
 * What the core publishes: a code for each row, `8 * variant + kind`. Variants count from 1; 0 is the caller's default. Rows and
 * metadata come only where they are others than before.
 */
export interface Published {
  readonly codes: readonly number[];
  readonly rows?: readonly (readonly [key: string, metadata: Metadata | null, variants: readonly FlagValue[]])[];
  readonly metadata?: Metadata;
}

const KINDS = ["STATIC", "DEFAULT", "TARGETING_MATCH", "DISABLED", "STALE", "PARSE_ERROR", "GENERAL"];

/** What was made of each row, by code: most contexts bring what was there before. */
interface Known extends FlagState, Partial<Published> {
  readonly made?: FlagDetails[][];
}

/** The flags as they are now, and the keys of those whose value or variant differs from before. */
export function nextFlags(before: Known, { codes, ...told }: Published): [now: Known, keys: string[]] {
  const { rows } = told;
  const flags = new Map(rows ? [] : before.flags);
  const now = { ...before, ...told, flags, codes, made: rows ? rows.map(() => []) : before.made! };
  const keys: string[] = [];
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index]!;
    const old = rows ? -1 : before.codes![index]!;
    if (code === old) continue;
    const [key] = now.rows![index]!;
    flags.set(key, (now.made[index]![code] ??= details(now as Published, index)));
    if (code >> 3 !== old >> 3) keys.push(key);
  }
  return [now, rows ? changedFlags(before.flags, flags) : keys];
}

function details({ rows, codes, metadata }: Published, index: number): FlagDetails {
  const code = codes[index]!;
  const [, own, variants] = rows![index]!;
  const at = (code >> 3) * 2;
  const kind = KINDS[code & 7]!;
  const all = { ...metadata, ...own };
  // Literals: objects of few shapes are read quickest.
  return (
    at
      ? { value: variants[at - 1], variant: variants[at - 2], reason: kind, metadata: all }
      : (code & 7) > 4
        ? { reason: "ERROR", errorCode: kind, metadata: all }
        : { reason: kind, metadata: all }
  ) as FlagDetails;
}

/** Before the first answer, and after the module was lost. */
export const noFlags: Known = { flags: new Map() };

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

/** A list is no object, and `null` is neither. Each kind by its name: engines are slow to compare two `typeof`s. */
const sameKind = (a: unknown, b: unknown): boolean =>
  typeof b === "boolean"
    ? typeof a === "boolean"
    : typeof b === "string"
      ? typeof a === "string"
      : typeof b === "number"
        ? typeof a === "number"
        : typeof a === "object" && !a === !b && Array.isArray(a) === Array.isArray(b);
