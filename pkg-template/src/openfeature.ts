/** Trueup's flags behind OpenFeature's web SDK: a provider over a client, or over remote flags. */
import {
  ErrorCode,
  type EvaluationContext,
  type FlagMetadata,
  InvalidContextError,
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
 *   One that is no JSON is an error, and until another one comes flags read their defaults (`INVALID_CONTEXT`). A source has
 *   one context: give each domain that has a context of its own a source of its own.
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
  /** OpenFeature's context cannot be sent: what the source has is somebody else's. */
  #invalid = false;
  #stops: (() => void)[] = [];

  constructor(source: FlagSource) {
    this.#source = source;
  }

  async initialize(context: EvaluationContext = {}): Promise<void> {
    const stops: (() => void)[] = (this.#stops = []);
    this.#state = ProviderEvents.Error;
    this.#invalid = false;
    const asked = Object.keys(context).length ? this.#reconcile(context) : undefined;
    let patience: ReturnType<typeof setTimeout> | undefined;
    // A source that has been there for long is asked anew, and an app waits no longer for that than for one that starts.
    const late = asked && new Promise<string>((done) => (patience = setTimeout(done, 2e3, "timeout")));
    // An inlined manifest is an answer: nobody has to wait for another one.
    const there = this.#there() === ProviderEvents.Ready;
    const how = await (late ? Promise.race([asked, late]) : there ? "live" : this.#source.ready);
    clearTimeout(patience);
    // Whatever was late may have come since.
    this.#state = this.#there();
    if (this.#state === ProviderEvents.Error && ["live", "stored", "new", "unchanged"].includes(`${how}`)) this.#state = ProviderEvents.Ready;
    // Another provider may have taken its place.
    if (stops === this.#stops) this.#listen();
    if (this.#lost()) throw new ProviderFatalError("trueup is lost");
    this.#check(`${how}`);
    this.#remind();
  }

  onContextChange(_old: EvaluationContext, context: EvaluationContext): Promise<void> | void {
    const asked = this.#reconcile(context);
    // What is thrown here would escape: the SDK takes only a promise that rejects.
    if (this.#invalid) return (async () => this.#check(""))();
    if (!asked) return this.#remind();
    return asked.then((outcome) => {
      // Without an answer there is nothing for this context, except what an earlier answer left.
      if (outcome === "failed" || outcome === "waiting") this.#state = this.#failed();
      else if (this.#state === ProviderEvents.Error) this.#state = ProviderEvents.Ready;
      this.#check(`${outcome}`);
      this.#remind();
    });
  }

  async onClose(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  resolveBooleanEvaluation(key: string, fallback: boolean): ResolutionDetails<boolean> {
    return resolution(key, this.#details(key, fallback));
  }

  resolveStringEvaluation(key: string, fallback: string): ResolutionDetails<string> {
    return resolution(key, this.#details(key, fallback));
  }

  resolveNumberEvaluation(key: string, fallback: number): ResolutionDetails<number> {
    return resolution(key, this.#details(key, fallback));
  }

  resolveObjectEvaluation<T extends JsonValue>(key: string, fallback: T): ResolutionDetails<T> {
    // OpenFeature has one type for objects and lists.
    for (const like of [{}, [], null]) {
      const details = this.#details(key, like);
      if (details.errorCode !== "TYPE_MISMATCH") return resolution(key, details.value && details.value === like ? { ...details, value: fallback } : details);
    }
    return resolution(key, { value: fallback, reason: "ERROR", errorCode: "TYPE_MISMATCH" });
  }

  #details(key: string, fallback: any): FlagDetails<any> {
    return this.#invalid ? { value: fallback, reason: "ERROR", errorCode: "INVALID_CONTEXT" } : this.#source.flags.details(key, fallback);
  }

  #listen(): void {
    const stops = this.#stops;
    stops.push(
      this.#source.on("flags", (flagsChanged) => {
        if (!this.#reconciling && !this.#invalid) this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...flagsChanged] });
      }),
      this.#source.on("poll", ({ outcome }) => {
        // A client tells of the poll first, and then, in the same turn, of what has come of it.
        queueMicrotask(() => {
          if (outcome !== "waiting" && stops === this.#stops) this.#become(outcome === "failed" ? this.#failed() : ProviderEvents.Ready, `poll: ${outcome}`);
        });
      }),
      this.#source.on("error", ({ blame, code }) => {
        if (blame === "module") this.#become(ProviderEvents.Error, code);
      }),
    );
  }

  /** Sets the context; a promise where the answer comes later. */
  #reconcile(context: EvaluationContext): Promise<unknown> | undefined {
    this.#reconciling++;
    const done = () => void this.#reconciling--;
    let asked: unknown;
    try {
      asked = this.#source.flags.setContext(context);
      this.#invalid = false;
    } catch {
      this.#invalid = true;
    }
    if (!(asked instanceof Promise)) return void done();
    asked.then(done, done);
    return asked;
  }

  /** Throws where there are no flags for this context. */
  #check(how: string): void {
    if (this.#invalid) throw new InvalidContextError("trueup: the context is no JSON");
    if (this.#state === ProviderEvents.Error) throw new ProviderNotReadyError(`trueup: ${how}`);
  }

  #lost = (): boolean => this.#source.standing?.reason === "failed";

  /** What the flags say that are there. */
  #there(): State {
    const flags = [...this.#source.getSnapshot().flags.values()];
    if (!flags.length) return ProviderEvents.Error;
    return flags.some(({ reason }) => reason === "STALE") ? ProviderEvents.Stale : ProviderEvents.Ready;
  }

  /** Where there are flags they are out of date, else there is nothing. */
  #failed = () => (this.#source.getSnapshot().flags.size ? ProviderEvents.Stale : ProviderEvents.Error);

  #become(state: State, message: string): void {
    if (state === this.#state) return;
    this.#state = state;
    if (!this.#invalid) this.#tell(message);
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
