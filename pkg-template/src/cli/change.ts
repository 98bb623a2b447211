/** The frame of every change: read, edit, judge, say what it does to known builds, and only then write. */
import { examine, type Finding, show as showFindings } from "./check.js";
import { differences, Document, inline, type Json } from "./document.js";
import { History } from "./history.js";
import { impact, show as showImpact } from "./impact.js";
import { EXIT, Failure, Output, print } from "./output.js";
import { isUrl, read, write } from "./source.js";
import { show as showWorst, worst } from "./worst.js";

/** The options that all changes have. */
export interface ChangeOptions {
  file: string;
  from?: string;
  out?: string;
  history?: string;
  historyFrom?: string;
  expectSerial?: number;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
  at?: number;
}

/** Why a change is not made. `sure`: `--yes` makes it all the same. */
export interface Refusal {
  code: string;
  message: string;
  sure: boolean;
}

/** A manifest that is being changed. */
export class Draft {
  readonly refusals: Refusal[] = [];
  /** What else was done, or should be known. */
  readonly notes: string[] = [];

  constructor(
    readonly document: Document,
    readonly history: History,
    readonly at: number,
  ) {}

  /** Refuses the change, unless `--yes` is given. */
  doubt(code: string, message: string): void {
    this.refusals.push({ code, message, sure: true });
  }

  /** Refuses the change, whatever is given. */
  refuse(code: string, message: string): void {
    this.refusals.push({ code, message, sure: false });
  }

  /** The current build; one without an id where the manifest is too broken to have one. */
  get current(): { id: string; version?: string | number } {
    const current = this.document.get("current") as { id?: Json; version?: Json } | undefined;
    return typeof current?.id === "string" ? (current as { id: string; version?: string | number }) : { id: "" };
  }
}

/** Does one change. `what` is the command as it is noted in the history. */
export async function change(what: string, options: ChangeOptions, edit: (draft: Draft) => void | Promise<void>): Promise<void> {
  const at = options.at ?? Date.now();
  const from = options.from ?? options.file;
  const out = options.out ?? options.file;
  const output = new Output(!!options.json, out === "-");
  if (out !== "-" && isUrl(out)) throw new Failure("usage", "a change is written to a file or to stdout (--out -): uploading is the pipeline's");
  const document = await manifest(from);
  const kept = options.history ?? beside(out === "-" ? "trueup.json" : out);
  const history = History.parse(await read(options.historyFrom ?? kept, ""));
  const before = document.copy();
  const serial = document.get("serial") as number;
  const draft = new Draft(document, history, at);
  if (history.builds.length === 0 && draft.current.id) history.add(draft.current, since(serial, at));

  const known = [...history.builds];
  await edit(draft);
  if (options.expectSerial !== undefined && options.expectSerial !== serial)
    draft.refuse("serial", `${from} has serial ${serial}, not ${options.expectSerial}: somebody else has changed it; look again`);
  const changes = differences(before.value, document.value);
  const unsure = draft.refusals.length > 0;
  if (!changes.length && !unsure) {
    output.say(`nothing to change: ${from} says so already`, ...draft.notes);
    // A pipeline that asks for the manifest gets it.
    if (options.out !== undefined && !options.dryRun) deliver(out, document.text, []);
    return output.report({ command: what, ok: true, changed: false, serial: { before: serial, after: serial }, notes: draft.notes });
  }
  const next = grown(serial, at);
  if (changes.length) document.set(["serial"], next);
  const findings = examine(document, at);
  rejected(draft, findings, examine(before, at));
  // What tabs reject changes nothing for them.
  const effect = draft.refusals.some(({ code }) => code === "rejected") || !changes.length ? undefined : impact(known, before.text, document.text, at);
  const report = {
    command: what,
    ok: true,
    changed: true,
    dryRun: !!options.dryRun,
    serial: { before: serial, after: next },
    changes,
    ...(effect && { impact: effect, worstSeconds: worst(before, document) }),
    refusals: draft.refusals,
    notes: draft.notes,
    findings,
  };
  for (const { path, before, after } of changes) output.say(line(output, path, before, after));
  for (const note of draft.notes) output.say(`note: ${note}`);
  if (effect) {
    showImpact(output, effect);
    showWorst(output, worst(before, document), effect.forced > 0);
  }
  refuse(draft.refusals, options, output, report, findings);
  if (options.dryRun) {
    output.say("dry run: nothing was written");
    return output.report(report);
  }
  history.add(draft.current, at);
  history.note({ at, serial: next, what, current: draft.current.id });
  deliver(out, document.text, [{ name: kept, text: history.text() }]);
  if (out !== "-") output.say(`${output.style("green", "wrote")} ${out}, serial ${next}`);
  output.report({ ...report, file: out });
}

/** Reads a manifest to be changed: JSON, an object. */
export async function manifest(name: string): Promise<Document> {
  const source = await read(name).catch((error) => {
    if (error instanceof Failure && error.message.startsWith("there is no")) error.message += "; npx trueup init makes the first manifest";
    throw error;
  });
  const document = Document.parse(source.text, name);
  if (document.value === null || typeof document.value !== "object" || Array.isArray(document.value))
    throw new Failure("unreadable", `${name} is no manifest: it has to be an object`);
  return document;
}

/** Unix seconds, or one more than before where that is not higher. */
export function grown(serial: unknown, at: number): number {
  const now = Math.floor(at / 1000);
  return typeof serial === "number" && serial >= now ? serial + 1 : now;
}

/** When a manifest was published, by a serial in Unix seconds. */
function since(serial: unknown, at: number): number {
  const ms = Number(serial) * 1000;
  return ms > Date.UTC(2020, 0) && ms <= at ? ms : at;
}

function beside(file: string): string {
  return file.replace(/[^/\\]*$/, History.file);
}

/** A manifest that the decoder rejects is never written; nor one in which an API or a flag breaks that worked before. */
function rejected(draft: Draft, after: Finding[], before: Finding[]): void {
  for (const { severity, code, path, message } of after) {
    if (severity !== "error") continue;
    const old = before.some((finding) => finding.path === path && finding.code === code);
    if (old && /^(apis|flags)\b/.test(path)) draft.notes.push(`${path}: ${message} (as before)`);
    else draft.refuse("rejected", `tabs would reject this manifest: ${path || "the whole"} ${message}`);
  }
}

function refuse(refusals: Refusal[], options: ChangeOptions, output: Output, report: object, findings: Finding[]): void {
  const final = refusals.filter(({ sure }) => !sure);
  const standing = final.length ? final : options.yes ? [] : refusals;
  if (!standing.length) return;
  if (final.some(({ code }) => code === "rejected")) showFindings(output, findings.filter(({ severity }) => severity === "error"));
  for (const { message, sure } of refusals) output.say(`${output.style("red", "refused")}: ${message}${sure ? " (--yes does it all the same)" : ""}`);
  const exit = final.length ? EXIT.refused : EXIT.unsure;
  output.report({ ...report, ok: false, exit });
  process.exitCode = exit;
  throw new Ended();
}

/** The command has said all and set its exit code. */
export class Ended extends Error {}

function deliver(out: string, text: string, beside: { name: string; text: string }[]): void {
  write(out === "-" ? beside : [{ name: out, text }, ...beside]);
  if (out === "-") print(1, text);
}

/** A difference, as one line. */
export function line(output: Output, path: string, before: Json | undefined, after: Json | undefined): string {
  const [old, next] = [before, after].map((value) => (value === undefined ? "" : inline(value)));
  if (before === undefined) return `${output.style("green", "+")} ${path}: ${next}`;
  if (after === undefined) return `${output.style("red", "-")} ${path}: ${old}`;
  return `${output.style("yellow", "~")} ${path}: ${old} -> ${next}`;
}
