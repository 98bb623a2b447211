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

/** What is known of a flag, and behind it what was made of it, by code: most contexts bring what was there before. */
type Row = [key: string, metadata: Metadata | null, variants: readonly FlagValue[], ...made: FlagDetails[]];

/**
 * What the core publishes: a code for each row, `8 * variant + kind`, where variants count from 1; 0 is the caller's default.
 * They stand in one text, in base 32: the last digit of each from "0" on, those before it 48 letters further. The last letter
 * is "1" where the document is stale.
 * The set's metadata and the rows come only where they are others than before.
 */
export type Published = [codes: string, metadata?: Metadata, rows?: readonly Row[]];

const KINDS = ["STATIC", "DEFAULT", "TARGETING_MATCH", "DISABLED", "STALE", "PARSE_ERROR", "GENERAL"];

interface Known extends FlagState {
  readonly flags: Map<string, FlagDetails>;
  readonly codes: number[];
  readonly rows?: readonly Row[];
  /** Somebody has the map: then it stays as it is, and the next change makes another one. */
  lent?: boolean;
}

/** The flags as they are now (`before` is of no use any more), and the keys of those whose value or variant differs from before. */
export function nextFlags(before: Known, ...[text, metadata = before.metadata!, rows]: Published): [now: Known, keys: string[]] {
  const flags = rows ? new Map() : before.lent ? new Map(before.flags) : before.flags;
  const codes = rows ? [] : before.codes;
  const now = { flags, metadata, codes, rows: rows ?? before.rows! };
  const keys: string[] = [];
  const end = text.length - 1;
  let [index, code] = [0, 0];
  for (let at = 0; at < end; at++) {
    const digit = text.charCodeAt(at) - 48;
    code = code * 32 + (digit % 48);
    if (digit > 47) continue;
    if (text[end]! > "0" && (code & 7) < 4) code = (code & -8) + 4;
    const old = codes[index];
    if (code !== old) {
      const row = now.rows[index]!;
      codes[index] = code;
      flags.set(row[0], ((row[code + 3] as FlagDetails) ??= details(row, code, metadata)));
      if (code >> 3 !== old! >> 3) keys.push(row[0]);
    }
    index++;
    code = 0;
  }
  // A list may have two with one key: the last one counts, whichever has changed.
  if (index > flags.size) now.rows.forEach((row, i) => flags.set(row[0], row[codes[i]! + 3] as FlagDetails));
  return [now, rows ? changedFlags(before.flags, flags) : keys];
}

function details([, own, variants]: Row, code: number, metadata: Metadata): FlagDetails {
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
export const noFlags: Known = { flags: new Map(), codes: [] };

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
