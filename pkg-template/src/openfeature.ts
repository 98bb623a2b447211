/** Trueup's flags behind OpenFeature's web SDK: a provider over a client, or over remote flags. */
import {
  ErrorCode,
  type EvaluationContext,
  type FlagMetadata,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderFatalError,
  ProviderNotReadyError,
  type ResolutionDetails,
} from "@openfeature/web-sdk";
import type { Events, FlagContext, FlagDetails, Flags, Standing } from "./types.js";

type State = ProviderEvents.Ready | ProviderEvents.Stale | ProviderEvents.Error;

/** What a provider reads from: the client that `connect()` makes, or what `connectFlags()` of `trueup/ofrep` makes. */
export interface FlagSource {
  readonly flags: Pick<Flags, "details"> & { setContext(context: FlagContext): unknown };
  readonly ready: Promise<"live" | "stored" | "timeout" | "failed">;
  readonly standing?: Standing;
  getSnapshot(): { readonly flags: ReadonlyMap<string, FlagDetails> };
  on<K extends "flags" | "error" | "poll">(event: K, listener: (detail: Events[K]) => void): () => void;
}

/**
 * A provider for `@openfeature/web-sdk`. It does not own its source: `close()` that yourself.
 *
 * - OpenFeature's context becomes the source's with every change; an empty one at the start leaves the source's own.
 * - READY: the server has answered. STALE: the flags are those of an earlier visit, or the last poll has failed. ERROR: no
 *   flags yet (READY follows), or Trueup is lost (`PROVIDER_FATAL`). CONFIGURATION_CHANGED names the flags that changed.
 * - Reasons and error codes are OpenFeature's own words in Trueup.
 *
 * @example
 * ```ts
 * import { OpenFeature } from "@openfeature/web-sdk";
 * import { connect } from "trueup";
 * import { TrueupProvider } from "trueup/openfeature";
 *
 * await OpenFeature.setProviderAndWait(new TrueupProvider(connect()), { targetingKey: user.id });
 * OpenFeature.getClient().getBooleanValue("new-checkout", false);
 * ```
 */
export class TrueupProvider implements Provider {
  readonly metadata = { name: "trueup" } as const;
  readonly runsOn = "client" as const;
  readonly events = new OpenFeatureEventEmitter();
  readonly #source: FlagSource;
  #state: State = ProviderEvents.Error;
  /** Context changes under way: what changes by them is no change of the configuration. */
  #reconciling = 0;
  #stops: (() => void)[] = [];

  constructor(source: FlagSource) {
    this.#source = source;
  }

  async initialize(context: EvaluationContext = {}): Promise<void> {
    const { flags, ready } = this.#source;
    this.#state = ProviderEvents.Error;
    if (Object.keys(context).length) this.#reconcile(() => flags.setContext(context));
    const how = await ready;
    this.#stops = [
      this.#source.on("flags", (flagsChanged) => {
        if (!this.#reconciling) this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...flagsChanged] });
      }),
      this.#source.on("poll", ({ outcome }) => {
        if (outcome !== "waiting") this.#become(outcome === "failed" ? this.#failed() : ProviderEvents.Ready, `poll: ${outcome}`);
      }),
      this.#source.on("error", ({ blame, code }) => {
        if (blame === "module") this.#become(ProviderEvents.Error, code);
      }),
    ];
    if (this.#lost()) throw new ProviderFatalError("trueup is lost");
    if (how === "timeout" || how === "failed") throw new ProviderNotReadyError(`trueup: ${how}`);
    this.#state = [...this.#source.getSnapshot().flags.values()].some(({ reason }) => reason === "STALE") ? ProviderEvents.Stale : ProviderEvents.Ready;
    this.#remind();
  }

  onContextChange(_old: EvaluationContext, context: EvaluationContext): Promise<void> | void {
    const asked = this.#reconcile(() => this.#source.flags.setContext(context));
    if (!asked) return this.#remind();
    return asked.then((outcome) => {
      // Without an answer there is nothing for this context, except what an earlier answer left.
      if (outcome === "failed" || outcome === "waiting") this.#state = this.#failed();
      this.#remind();
      if (this.#state === ProviderEvents.Error) throw new ProviderNotReadyError(`trueup: ${outcome}`);
    });
  }

  async onClose(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
  }

  resolveBooleanEvaluation(key: string, fallback: boolean): ResolutionDetails<boolean> {
    return resolution(key, this.#source.flags.details(key, fallback));
  }

  resolveStringEvaluation(key: string, fallback: string): ResolutionDetails<string> {
    return resolution(key, this.#source.flags.details(key, fallback));
  }

  resolveNumberEvaluation(key: string, fallback: number): ResolutionDetails<number> {
    return resolution(key, this.#source.flags.details(key, fallback));
  }

  resolveObjectEvaluation<T extends JsonValue>(key: string, fallback: T): ResolutionDetails<T> {
    // OpenFeature has one type for objects and lists.
    for (const like of [{}, [], null]) {
      const details = this.#source.flags.details(key, like) as FlagDetails<any>;
      if (details.errorCode !== "TYPE_MISMATCH") return resolution(key, details.value && details.value === like ? { ...details, value: fallback } : details);
    }
    return resolution(key, { value: fallback, reason: "ERROR", errorCode: "TYPE_MISMATCH" });
  }

  /** Sets the context; a promise where the answer comes later. What it throws rejects: the SDK takes only that. */
  #reconcile(setContext: () => unknown): Promise<unknown> | undefined {
    this.#reconciling++;
    let asked: unknown;
    try {
      asked = setContext();
    } catch (thrown) {
      asked = Promise.reject(thrown);
    }
    const done = () => void this.#reconciling--;
    if (!(asked instanceof Promise)) return void done();
    asked.then(done, done);
    return asked;
  }

  #lost = (): boolean => this.#source.standing?.reason === "failed";

  /** Where there are flags they are out of date, else there is nothing. */
  #failed = () => (this.#source.getSnapshot().flags.size ? ProviderEvents.Stale : ProviderEvents.Error);

  #become(state: State, message: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#tell(message);
  }

  #tell(message: string): void {
    const code = this.#lost() ? ErrorCode.PROVIDER_FATAL : ErrorCode.PROVIDER_NOT_READY;
    this.events.emit(this.#state, { message: `trueup: ${message}`, ...(this.#state === ProviderEvents.Error && { errorCode: code }) });
  }

  /** The SDK takes a provider for READY once it has started or has another context; said again after that. */
  #remind(): void {
    if (this.#state !== ProviderEvents.Ready) setTimeout(() => this.#stops.length && this.#tell("not up to date"));
  }
}

function resolution<T>(key: string, { value, variant, reason, errorCode, metadata }: FlagDetails<any>): ResolutionDetails<T> {
  const flagMetadata = Object.entries(metadata ?? {}).filter(([, value]) => Object(value) !== value && value !== null);
  return {
    value,
    reason,
    ...(variant !== undefined && { variant }),
    ...(flagMetadata.length && { flagMetadata: Object.fromEntries(flagMetadata) as FlagMetadata }),
    ...(errorCode && { errorCode: errorCode as ErrorCode, errorMessage: `${key}: ${errorCode}` }),
  };
}
