/** Commands, options and help. */
import { existsSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import * as apis from "./apis.js";
import * as builds from "./builds.js";
import { type ChangeOptions, change, type Draft, grown, line } from "./change.js";
import { answered, examine, type Finding, show as showFindings } from "./check.js";
import { differences, Document, printed } from "./document.js";
import { explain, show as showExplanation } from "./explain.js";
import { History } from "./history.js";
import { impact, show as showImpact } from "./impact.js";
import { EXIT, Failure, Output, print } from "./output.js";
import { isUrl, read, type Source, write } from "./source.js";
import { type Apis, isVersion } from "./tab.js";
import { serving, show as showEdges, verify } from "./verify.js";
import { count } from "./words.js";


const EXITS = `
Exit codes: 0 done; 1 something was found (an error, a stale edge, a difference); 2 the command line is wrong;
3 refused without --yes; 4 refused; 5 a file or URL could not be read or written.`;

// ---- Values ---------------------------------------------------------------------------------------------------------

const wrong = (message: string): never => {
  throw new InvalidArgumentError(message);
};
const whole = (text: string): number => (/^\d{1,16}$/.test(text) ? Number(text) : wrong("a whole number is needed."));
/** RFC 3339 with an offset, or a date, which begins at midnight UTC. */
const dateTime = (text: string): string => {
  const full = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  const taken = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(full) && !Number.isNaN(Date.parse(full));
  return taken ? full : wrong("a date, or a date-time with an offset, is needed: 2026-11-24T00:00:00Z.");
};
const moment = (text: string): number => Date.parse(dateTime(text));
const part = (text: string): number => {
  const number = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  return text.trim() !== "" && number >= 0 && number <= 1 ? number : wrong("a part from 0 to 1 is needed, or a percentage from 0% to 100%.");
};
const percent = (text: string): number => {
  const number = Number(text.replace(/%$/, ""));
  return text.trim() !== "" && number >= 0 && number <= 100 && Number.isInteger(number) ? number : wrong("a whole percentage from 0 to 100 is needed.");
};
const object = (text: string): object => {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch {
    // The same answer.
  }
  return wrong("a JSON object is needed.");
};
const page = (text: string): string => (isUrl(text) && URL.canParse(text) ? text : wrong("an http or https URL is needed."));
/** `orders=3,2`; a `!` behind the name: the app is of no use without it. */
const spoken = (text: string, before: { [name: string]: Apis[string] } = {}): Apis => {
  const [, name = "", must, versions = ""] = /^([^=!]+)(!?)=(.+)$/.exec(text) ?? wrong("NAME=VERSION,… is needed: orders=3,2.");
  return { ...before, [name]: { speaks: versions.split(",").map((version) => version.trim()), required: must === "!" } };
};
const list = <T>(of: (text: string) => T) => (text: string, before: T[] = []): T[] => [...before, of(text)];

// ---- Commands -------------------------------------------------------------------------------------------------------

export function program(json: boolean): Command {
  const trueup = new Command("trueup");
  trueup
    .description("Works the manifest of Trueup: what is current, supported, retired and switched on for every open tab.")
    .version(__VERSION__)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: (text) => void (json || process.stderr.write(text)) })
    .configureHelp({ helpWidth: 110, sortSubcommands: false })
    .showHelpAfterError("(--help says more)")
    .addHelpText("after", `${EXITS}\n\nEach command says more: npx trueup rollback --help`);

  const command = (name: string, description: string, examples: readonly string[]) =>
    trueup
      .command(name)
      .description(description)
      .option("--json", "print one JSON object instead of lines for people")
      .addOption(new Option("--at <time>", "judge as if it were then (default: now)").argParser(moment))
      .addHelpText("after", `\nExamples:\n${examples.map((example) => `  npx trueup ${example}`).join("\n")}\n${EXITS}`);

  const changing = (name: string, description: string, examples: readonly string[]) =>
    command(name, description, examples)
      .option("-f, --file <file>", "the manifest", "trueup.json")
      .option("--from <url|file>", "read the manifest from here instead: the origin, past the CDN")
      .option("--out <file>", "write it here instead; - is stdout, and words go to stderr")
      .option("--history <file>", `the builds that were published (default: ${History.file} beside the manifest)`)
      .option("--history-from <url|file>", "read them from here instead")
      .addOption(new Option("--expect-serial <n>", "refuse if the manifest has another serial").argParser(whole))
      .option("-n, --dry-run", "say what would happen, and write nothing")
      .option("-y, --yes", "do what is refused otherwise");

  command("init", "Makes the first manifest.", ["init --stamp trueup.build.json", "init --id 9f3c2e1 --version 4.12.0 --out public/trueup.json"])
    .option("--stamp <file>", "the build that is current, as the build plugin wrote it")
    .option("--id <id>", "its id")
    .option("--version <version>", "its version")
    .option("--out <file>", "where to; - is stdout", "trueup.json")
    .option("-y, --yes", "replace a manifest that is there")
    .action(init);

  command("check", "Says what is wrong with a manifest: errors with their places, and what can hardly be meant.", [
    "check trueup.json",
    "check https://shop.example/trueup.json --strict",
  ])
    .argument("<file|url>", "the manifest; - is stdin")
    .option("--strict", "warnings count as errors")
    .action(check);

  command("explain", "Says what a tab would do with a manifest, step by step, and why.", [
    "explain trueup.json --build 8be01aa --version 4.11.2",
    "explain https://shop.example/trueup.json --stamp trueup.build.json",
    `explain trueup.json --build 8be01aa --version 4.11.2 --speaks 'orders!=2,1' --context '{"targetingKey":"ada"}'`,
    "explain trueup.json --build 8be01aa --version 4.11.2 --at 2026-12-01T00:00:00Z --stale-page",
  ])
    .argument("<file|url>", "the manifest; - is stdin")
    .option("--build <id>", "what the tab runs: its id")
    .option("--version <version>", "its version")
    .option("--stamp <file>", "or both, and what it speaks, as the build plugin wrote it")
    .option("--speaks <api=versions>", "what it speaks, most wanted first; api!=versions: it is of no use without it", spoken)
    .option("--context <json>", "the context of the flags", object)
    .option("--stale-page", "the page is still that of this build: a CDN that lags")
    .addOption(new Option("--seed <n>", "another draw of spread and share").argParser(whole))
    .action(explainTab);

  changing("publish", "Makes a new build the current one.", [
    "publish --stamp dist/trueup.build.json",
    "publish --stamp dist/trueup.build.json --from https://origin.shop.example/trueup.json --expect-serial 1795413600",
    "publish --id 9f3c2e1 --version 4.12.0 --notes 'Faster checkout' --urgency normal",
  ])
    .option("--stamp <file>", "the build, as the build plugin wrote it")
    .option("--id <id>", "its id")
    .option("--version <version>", "its version")
    .addOption(new Option("--urgency <word>", "how soon tabs that are behind should refresh").choices(["low", "normal", "high", "critical"]))
    .option("--notes <text>", "what is new: plain text")
    .option("--no-notes", "remove the notes")
    .option("--language <tag>", "the language of the notes", "en")
    .action(async ({ notes, ...options }) => {
      const build = await given(options);
      await change(`publish ${build.id}`, options, builds.publish(build, { ...options, ...(notes !== true && { notes }) }));
    });

  changing("rollback", "Back to an earlier build: it becomes current, newer ones are blocked, minimum and recommended lowered.", [
    "rollback --to 8be01aa --dry-run",
    "rollback --to 8be01aa --version 4.11.2 --from https://origin.shop.example/trueup.json",
  ])
    .requiredOption("--to <id>", "the build")
    .option("--version <version>", "its version, or none, where the history does not know it")
    .action(async ({ to, version, ...options }) => {
      if (version !== undefined && version !== "none") checked(version);
      await change(`rollback ${to}`, options, builds.rollback(to, version));
    });

  changing("minimum", "Sets what tabs have to run at least: older ones are forced to refresh.", [
    "minimum 4.10.0 --dry-run",
    "minimum 4.10.0 --serving https://eu.shop.example/ --serving https://us.shop.example/",
    "minimum none",
  ])
    .argument("<version>", "the version, or none")
    .option("--serving <url>", "look whether this page is new enough (repeat for each edge)", list(page))
    .option("--app <name>", "the app's name in the pages' marks")
    .addOption(new Option("--served-seconds <n>", "without --serving: what was current so lately may still be served").argParser(whole).default(3600))
    .action(async (version, { serving: urls, servedSeconds, app, ...options }) => {
      const looks = (urls as string[] | undefined)?.map((url) => serving(url, app));
      await change(`minimum ${version}`, options, builds.minimum(version, looks ? () => Promise.all(looks) : builds.lately(servedSeconds)));
    });

  changing("recommend", "Sets what tabs should run: older ones are urged, and forced from the deadline on.", [
    "recommend 4.11.0 --deadline 2026-12-01T00:00:00Z",
    "recommend none",
  ])
    .argument("<version>", "the version, or none")
    .option("--deadline <time>", "from then on older builds are unsupported", dateTime)
    .option("--no-deadline", "remove the deadline")
    .action(async (version, { deadline, ...options }) => {
      await change(`recommend ${version}`, options, builds.recommend(version, deadline === true ? undefined : deadline));
    });

  for (const [name, description, edit] of [
    ["block", "Blocks builds: their tabs are forced to refresh, also newer ones than the current.", builds.block],
    ["unblock", "Lifts blocks.", builds.unblocked],
  ] as const)
    changing(name, description, [`${name} 8be01aa`, `${name} --version 4.11.2`])
      .argument("[ids...]", "their ids")
      .option("--version <version>", "builds of this version (may be repeated)", list(checked))
      .action(async (ids: string[], { version = [], ...options }) => {
        if (!ids.length && !version.length) throw new Failure("usage", `${name} needs an id or --version V`);
        await change([name, ...ids, ...version].join(" "), options, edit(ids, version));
      });

  changing("pause", "Stops all that tabs would do unasked, even a countdown that runs.", ["pause"]).action((options) =>
    change("pause", options, apis.pause(true)),
  );
  changing("resume", "Ends a pause.", ["resume"]).action((options) => change("resume", options, apis.pause(false)));
  changing("share", "Limits what tabs do unasked to a part of them.", ["share 10%", "share 1"])
    .argument("<part>", "0 to 1, or a percentage", part)
    .action((of, options) => change(`share ${of}`, options, apis.share(of)));

  const speaks = () => new Option("--speaks <api=versions>", "what the current build speaks, where the history does not know it").argParser(spoken);
  changing("deprecate", "Announces that a version of an API goes.", [
    "deprecate orders 2 --sunset 2026-12-01 --link /docs/orders-v3",
  ])
    .argument("<api>", "the API")
    .argument("<version>", "its version")
    .requiredOption("--sunset <time>", "from then on it is gone", dateTime)
    .option("--since <time>", "from when on it is deprecated (default: now)", dateTime)
    .option("--link <path>", "what explains it")
    .addOption(speaks())
    .action(async (api, version, { sunset, since, link, speaks, ...options }) => {
      await change(`deprecate ${api} ${version}`, options, apis.deprecate(api, version, { sunset, since, link, speaks }));
    });
  changing("retire", "Takes a version of an API out of service.", ["retire orders 2 --dry-run"])
    .argument("<api>", "the API")
    .argument("<version>", "its version")
    .addOption(speaks())
    .action((api, version, options) => change(`retire ${api} ${version}`, options, apis.retire(api, version, options.speaks)));

  const flag = trueup.command("flag").description("Switches a flag, or rolls it out.").addHelpText("after", EXITS);
  const flagging = (name: string, description: string, examples: readonly string[]) => {
    const made = changing(name, description, examples).argument("<key>", "the flag");
    (trueup.commands as Command[]).splice(trueup.commands.indexOf(made), 1);
    flag.addCommand(made);
    return made;
  };
  flagging("off", "Disables a flag: every reader gets the fallback that stands in its own code.", ["flag off new-checkout"]).action((key, options) =>
    change(`flag off ${key}`, options, apis.flag(key, false, undefined)),
  );
  flagging("on", "Enables a flag; its rules decide again.", ["flag on new-checkout", "flag on new-checkout --variant on --yes"])
    .option("--variant <name>", "everybody gets this one, whatever the rules say: they are dropped")
    .action((key, options) => change(`flag on ${key}`, options, apis.flag(key, true, options.variant)));
  flagging("rollout", "Gives a variant to a part of the people, sticky by targeting key.", ["flag rollout new-checkout 25", "flag rollout theme 50 --variant dark --rest light"])
    .argument("<percent>", "0 to 100", percent)
    .option("--variant <name>", "what they get", "on")
    .option("--rest <name>", "what the others get", "off")
    .action((key, of, { variant, rest, ...options }) => change(`flag rollout ${key} ${of}`, options, apis.rollout(key, of, variant, rest)));

  command("diff", "Says how two manifests differ, and what that means for known builds.", [
    "diff https://shop.example/trueup.json trueup.json",
  ])
    .argument("<before>", "file or URL")
    .argument("<after>", "file or URL")
    .option("--history <file>", "the builds that were published", History.file)
    .action(diff);

  command("verify", "Says which edges are stale: their manifest, and their page.", [
    "verify https://eu.shop.example/ https://us.shop.example/ --serial 1795413600 --shell 9f3c2e1",
    "verify https://shop.example/ --shell 9f3c2e1 --app shop --wait 300",
  ])
    .argument("<url...>", "the page, at each edge", list(page))
    .addOption(new Option("--serial <n>", "the manifest has to have at least this one").argParser(whole))
    .option("--shell <id>", "the page has to carry the mark of this build")
    .option("--app <name>", "the app's name in the mark")
    .option("--manifest <path>", "where the manifest is, from each page", "/trueup.json")
    .addOption(new Option("--wait <seconds>", "go on looking so long, until all are fresh").argParser(whole))
    .action(verifyEdges);
  return trueup;
}

/** For what Commander does not judge while it reads the command line. */
function checked(version: string): string {
  if (isVersion(version)) return version;
  throw new Failure("usage", `${JSON.stringify(version)} is not a version: an integer, dotted numbers of 1 to 4 parts, or an ISO date`);
}

/** The build that a command is about: by its stamp, or by id and version. */
async function given({ stamp, id, version }: { stamp?: string; id?: string; version?: string }): Promise<builds.Stamp> {
  if (stamp !== undefined && id === undefined && version === undefined) return builds.stamp(await read(stamp));
  if (stamp !== undefined || !id) throw new Failure("usage", "which build? --stamp FILE, or --id ID (and --version V)");
  if (version !== undefined) checked(version);
  return { id, ...(version !== undefined && { version }) };
}

async function init({ stamp, id, version, out, yes, json, at = Date.now() }: { stamp?: string; id?: string; version?: string; out: string; yes?: boolean; json?: boolean; at?: number }) {
  const output = new Output(!!json, out === "-");
  const build = await given({ ...(stamp !== undefined && { stamp }), ...(id !== undefined && { id }), ...(version !== undefined && { version }) });
  if (out !== "-" && existsSync(out) && !yes) throw new Failure("unsure", `${out} is there already (--yes replaces it)`);
  const current = { id: build.id, ...(build.version !== undefined && { version: build.version }) };
  const manifest = { trueup: 1, serial: grown(undefined, at), current };
  const document = Document.parse(`${printed(manifest, { wide: true })}\n`, out);
  if (out === "-") print(1, document.text);
  else write([{ name: out, text: document.text }]);
  if (out !== "-") output.say(`wrote ${out}, serial ${manifest.serial}: current is ${build.id}`);
  output.say("serve it at /trueup.json with Cache-Control: no-cache and an ETag, and publish every build with npx trueup publish");
  output.report({ command: "init", ok: true, serial: { after: manifest.serial }, file: out });
}

async function check(name: string, { strict, json, at }: { strict?: boolean; json?: boolean; at?: number }) {
  const output = new Output(!!json);
  const source = await read(name);
  const date = Date.parse(source.answer?.headers.get("date") ?? "");
  const findings = [...judged(source, at ?? (Number.isNaN(date) ? Date.now() : date)), ...answered(source)];
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const ok = errors === 0 && !(strict && findings.length);
  showFindings(output, findings);
  const sum = `${errors} error${errors === 1 ? "" : "s"}, ${findings.length - errors} warning${findings.length - errors === 1 ? "" : "s"}`;
  const fatal = findings.some(({ severity, path }) => severity === "error" && !/^(apis|flags)\b/.test(path));
  output.say(fatal ? `${sum}: tabs reject it, and keep the last good one` : errors ? `${sum}: tabs take it without the parts that are wrong` : sum);
  output.report({ command: "check", ok, errors, warnings: findings.length - errors, findings });
  if (!ok) process.exitCode = EXIT.found;
}

/** What is not JSON is a finding here, and a failure of every other command. */
function judged(source: Source, at: number): Finding[] {
  try {
    return examine(Document.parse(source.text, source.name), at);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [{ severity: "error", message: error.message, ...(error.details as { code: string; path: string }) }];
  }
}

type ExplainOptions = { build?: string; version?: string; stamp?: string; speaks?: Apis; context?: object; stalePage?: boolean; seed?: number; json?: boolean; at?: number };

async function explainTab(name: string, { build: id, version, stamp, speaks, context, stalePage, seed, json, at }: ExplainOptions) {
  const output = new Output(!!json);
  const build = await given({ ...(stamp !== undefined && { stamp }), ...(id !== undefined && { id }), ...(version !== undefined && { version }) });
  const source = await read(name);
  const document = Document.parse(source.text, name);
  const date = Date.parse(source.answer?.headers.get("date") ?? "");
  const question = {
    build: { ...build, apis: { ...build.apis, ...speaks } },
    at: at ?? (Number.isNaN(date) ? Date.now() : date),
    context,
    stale: !!stalePage,
    ...(seed !== undefined && { seed }),
  };
  const fatal = examine(document, question.at).filter(({ severity, path }) => severity === "error" && !/^(apis|flags)\b/.test(path));
  if (fatal.length) {
    showFindings(output, fatal);
    output.say("tabs reject this manifest: it changes nothing, and the last good one stays in force");
    output.report({ command: "explain", ok: false, exit: EXIT.found, findings: fatal });
    process.exitCode = EXIT.found;
    return;
  }
  const explanation = explain(source.text, question);
  showExplanation(output, name, question, explanation);
  output.report({ command: "explain", ok: true, ...explanation });
}

async function diff(before: string, after: string, { history, json, at = Date.now() }: { history: string; json?: boolean; at?: number }) {
  const output = new Output(!!json);
  const [left, right] = await Promise.all([before, after].map(async (name) => Document.parse((await read(name)).text, name)));
  const known = History.parse(await read(history, "")).builds;
  const changes = differences(left!.value, right!.value);
  const effect = impact(known, left!.text, right!.text, at);
  for (const { path, before, after } of changes) output.say(line(output, path, before, after));
  if (changes.length) showImpact(output, effect);
  else output.say("no difference");
  output.report({ command: "diff", ok: !changes.length, changes, impact: effect });
  if (changes.length) process.exitCode = EXIT.found;
}

async function verifyEdges(urls: string[], { json, at, ...options }: { serial?: number; shell?: string; app?: string; manifest: string; wait?: number; json?: boolean; at?: number }) {
  const output = new Output(!!json);
  const edges = await verify(urls, options, () => at ?? Date.now());
  const stale = edges.filter(({ fresh }) => !fresh).length;
  showEdges(output, edges);
  output.say(stale ? `${stale} of ${edges.length} stale` : `all ${edges.length} fresh`);
  output.report({ command: "verify", ok: stale === 0, stale, edges });
  if (stale) process.exitCode = EXIT.found;
}
