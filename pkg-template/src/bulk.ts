/** One bulk evaluation: `POST …/ofrep/v1/evaluate/flags` of OFREP 0.3.0. Asks, and reads the answer; never rejects. */
import { MiB, read, time } from "./fetch.js";
import type { FlagState } from "./flags.js";
import type { Fault, FlagDetails, FlagValue } from "./types.js";

/** Where to ask, and as whom. */
export interface Service {
  readonly url: string;
  readonly headers: HeadersInit | (() => HeadersInit | Promise<HeadersInit>) | undefined;
  readonly credentials: RequestCredentials | undefined;
}

/** What stands for one context: the answer, and how to ask whether it still holds. */
export interface Answer extends FlagState {
  readonly etag: string | null;
  readonly text: string;
}

export type Outcome =
  | { readonly outcome: "new"; readonly answer: Answer; readonly faults: readonly Fault[] }
  | { readonly outcome: "unchanged"; readonly answer?: Answer }
  | {
      readonly outcome: "failed";
      readonly fault: Fault;
      /** The server's own error code: it has refused this context. */
      readonly refusal?: string;
      /** It did not answer at all. */
      readonly silent?: boolean;
      /** Milliseconds from now before which it does not want to be asked; `atOnce`: it named one moment for all. */
      readonly retryAfter?: number;
      readonly atOnce?: boolean;
    };

/** Asks for all flags of `context` (JSON text); `known` is what was answered for the same context before. */
export async function ask(service: Service, context: string, known: Answer | undefined, parent: AbortSignal): Promise<Outcome> {
  let headers: Headers | undefined;
  let late = false;
  try {
    return await limited(parent, async (signal) => {
      // The app's headers may come late, or never.
      const aborted = new Promise<never>((_, fail) =>
        signal.addEventListener("abort", () => {
          late = true;
          fail(signal.reason);
        }),
      );
      const own = (async () => new Headers(typeof service.headers === "function" ? await service.headers() : await service.headers))();
      headers = await Promise.race([own, aborted]);
      headers.set("Content-Type", "application/json");
      if (known?.etag) headers.set("If-None-Match", known.etag);
      const init: RequestInit = { method: "POST", body: `{"context":${context}}`, headers, cache: "no-store", signal };
      if (service.credentials) init.credentials = service.credentials;
      const response = await fetch(service.url, init);
      return await heard(response, known);
    });
  } catch {
    const code = late ? "timeout" : headers ? "network" : "headers";
    return { outcome: "failed", fault: { blame: code === "headers" ? "integrator" : "network", code }, silent: code !== "headers" };
  }
}

async function heard(response: Response, known: Answer | undefined): Promise<Outcome> {
  const { status } = response;
  // Without an ETag nothing was asked for that could be unchanged.
  if (status === 304 && known?.etag) return { outcome: "unchanged" };
  if (status !== 200 && status !== 400) {
    // What it says is said by now: a body that is cut, or does not end, changes nothing.
    response.body?.cancel().catch(() => {});
    return status === 401 || status === 403 ? failed("unauthorized", "integrator") : { ...failed("status"), ...later(response.headers) };
  }
  const text = await read(response, MiB);
  if (status === 200) {
    if (text.length > MiB) return failed("too-long");
    const etag = response.headers.get("etag");
    if (text === known?.text) return { outcome: "unchanged", answer: { ...known, etag } };
    const decoded = decode(text);
    return decoded ? { outcome: "new", faults: decoded.faults, answer: { etag, text, ...decoded.state } } : failed("not-json");
  }
  const refusal = parse(text)?.errorCode;
  if (typeof refusal === "string") {
    const blame = refusal === "INVALID_CONTEXT" || refusal === "TARGETING_KEY_MISSING" ? "integrator" : "publisher";
    return { ...failed(refusal, blame), refusal };
  }
  return { ...failed("status"), ...later(response.headers) };
}

const failed = (code: string, blame: Fault["blame"] = "network") => ({ outcome: "failed" as const, fault: { blame, code } });

/** `Retry-After`: seconds, an HTTP date, or (by OFREP) an ISO date-time; read against the server's own clock. */
function later(headers: Headers): { retryAfter?: number; atOnce?: boolean } {
  const text = headers.get("retry-after");
  if (text === null) return {};
  // Seconds first: engines take a bare number for a year.
  if (+text >= 0) return { retryAfter: +text * 1e3 };
  const at = time(text);
  return at ? { retryAfter: at - (time(headers.get("date")) ?? Date.now()), atOnce: true } : {};
}

function decode(text: string): { state: FlagState; faults: Fault[] } | undefined {
  const body = parse(text);
  if (!Array.isArray(body?.flags)) return;
  const flags = new Map<string, FlagDetails>();
  const faults: Fault[] = [];
  const own = members(body.metadata);
  body.flags.forEach((item: any, index: number) => {
    if (typeof item?.key !== "string") return void faults.push({ blame: "publisher", code: "type", path: `flags[${index}].key` });
    const { key, value, variant, reason } = item;
    const deep = tooDeep(value);
    if (deep) faults.push({ blame: "publisher", code: "too-deep", path: `flags[${index}].value` });
    const errorCode = deep ? "PARSE_ERROR" : item.errorCode;
    // Some servers write members that are not set as `null` or `""`.
    const failed = !!errorCode;
    flags.set(key, {
      // Without a value the caller's default is meant.
      value: failed ? undefined : value,
      ...(typeof variant === "string" && { variant }),
      reason: failed ? "ERROR" : typeof reason === "string" ? reason : "UNKNOWN",
      ...(failed && { errorCode: String(errorCode) }),
      metadata: { ...own, ...members(item.metadata) },
    });
  });
  return { state: { flags, metadata: own }, faults };
}

/** Whoever compares or prints the value goes down to its end: as deep as a manifest may be, and no deeper. */
const tooDeep = (value: unknown, levels = 64): boolean =>
  Object(value) === value && (!levels || Object.values(value as object).some((inner) => tooDeep(inner, levels - 1)));

const members = (value: unknown): { [key: string]: FlagValue } => (Object(value) === value && !Array.isArray(value) ? (value as { [key: string]: FlagValue }) : {});

function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return;
  }
}

/** Gives `work` a signal that aborts with `parent` or after 10 s. */
function limited<T>(parent: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const own = new AbortController();
  const abort = () => own.abort();
  const timer = setTimeout(abort, 1e4);
  parent.addEventListener("abort", abort);
  return work(own.signal).finally(() => {
    clearTimeout(timer);
    parent.removeEventListener("abort", abort);
  });
}
