// Random flag sets and contexts, evaluated by Trueup and by npm @openfeature/flagd-core, which others wrote.
//
// A case is made from one seed. `TRUEUP_SEED=N` runs the case of seed N alone; without it a run prints the seed that it began
// with. What differs is shrunk before it is printed.
import { once } from "node:events";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { FlagdCore } from "@openfeature/flagd-core";

// ---- Cases ----------------------------------------------------------------------------------------------------------

/** Chance from a seed: mulberry32. */
function chance(seed) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  // Neighbouring seeds must not look alike.
  for (let i = 0; i < 8; i++) next();
  const upTo = (n) => Math.floor(next() * n);
  const one = (list) => list[upTo(list.length)];
  return { maybe: (share) => next() < share, upTo, one, some: (from, to, make) => Array.from({ length: from + upTo(to - from + 1) }, make) };
}

const TEXTS = ["", "a", "b", "pro", "free", "admin", "alice@example.com", "bob@example.org", "@example.com", "alice", "DE", "0", "1", "10", "on", "off", "ä", "日本"];
const VERSIONS = ["1.0.0", "1.2", "2", "v1.2.3", "V2.0.0", "1.2.3-rc.1", "1.2.3-rc.10", "2.0.0+build.7", "2.0.0.0", "1.10.0", "not-a-version", ""];
const NUMBERS = [0, 1, 2, 3, -1, 18, 42, 100, 0.5, 2.5, -7, 1e6];

/** What a context may hold, by name: how to draw it. */
const ATTRIBUTES = {
  email: (r) => r.one(TEXTS),
  plan: (r) => r.one(["pro", "free", "", "admin"]),
  name: (r) => r.one(TEXTS),
  version: (r) => r.one(VERSIONS),
  age: (r) => r.one(NUMBERS),
  score: (r) => r.one(NUMBERS),
  beta: (r) => r.maybe(0.5),
  staff: (r) => r.maybe(0.5),
  roles: (r) => r.some(0, 3, () => r.one(TEXTS)),
  counts: (r) => r.some(0, 3, () => r.one(NUMBERS)),
  teams: (r) => r.some(0, 3, () => ({ name: r.one(TEXTS), size: r.one(NUMBERS) })),
};
const OF = {
  text: ["email", "plan", "name", "user.id", "user.tag", "roles.0", "targetingKey", "$flagd.flagKey"],
  version: ["version"],
  number: ["age", "score", "counts.1", "user.level", "$flagd.timestamp"],
  truth: ["beta", "staff", "user.on"],
  texts: ["roles"],
  numbers: ["counts"],
};

function drawContext(r) {
  const context = {};
  if (!r.maybe(0.1)) context.targetingKey = r.one(["user-1", "user-2", "", "7", "a-long-key-of-somebody@example.com", ...(r.maybe(0.1) ? ["ü-1", "日本"] : [])]);
  for (const [name, draw] of Object.entries(ATTRIBUTES)) if (!r.maybe(0.15)) context[name] = draw(r);
  if (!r.maybe(0.2)) context.user = { id: r.one(TEXTS), tag: r.one(TEXTS), level: r.one(NUMBERS), on: r.maybe(0.5) };
  // Now and then of a kind that nobody expects.
  if (r.maybe(0.03)) context[r.one(Object.keys(ATTRIBUTES))] = r.one([null, "x", 5, true, [], {}]);
  return context;
}

/** Rules of each kind; `depth` bounds how far they nest. */
const RULES = {
  text: (r, depth) =>
    depth > 0 && r.maybe(0.3)
      ? r.one([
          () => ({ cat: r.some(1, 3, () => rule(r, r.one(["text", "number"]), depth - 1)) }),
          () => ({ substr: [rule(r, "text", depth - 1), r.one([0, 1, 2, -2, -1, 9]), ...(r.maybe(0.5) ? [r.one([1, 2, -1, -3, 0])] : [])] }),
          () => ({ if: [truth(r, depth - 1), rule(r, "text", depth - 1), rule(r, "text", depth - 1)] }),
          () => ({ or: [rule(r, "text", depth - 1), rule(r, "text", depth - 1)] }),
          () => ({ reduce: [rule(r, "texts", depth - 1), { cat: [{ var: "accumulator" }, { var: "current" }] }, r.one(TEXTS)] }),
        ])()
      : r.maybe(0.5) ? variable(r, "text", () => r.one(TEXTS)) : r.one(TEXTS),
  version: (r) => (r.maybe(0.6) ? variable(r, "version", () => r.one(VERSIONS)) : r.maybe(0.1) ? r.one([1, 2, 1.2]) : r.one(VERSIONS)),
  number: (r, depth) =>
    depth > 0 && r.maybe(0.35)
      ? r.one([
          () => ({ [r.one(["+", "*", "max", "min"])]: r.some(1, 3, () => rule(r, "number", depth - 1)) }),
          () => ({ [r.one(["-", "/", "%"])]: [rule(r, "number", depth - 1), r.one([1, 2, 3, 7, -2, 0.5])] }),
          () => ({ "-": [rule(r, "number", depth - 1)] }),
          () => ({ reduce: [rule(r, "numbers", depth - 1), { "+": [{ var: "accumulator" }, { var: "current" }] }, 0] }),
          () => ({ if: [truth(r, depth - 1), rule(r, "number", depth - 1), rule(r, "number", depth - 1)] }),
        ])()
      : r.maybe(0.6) ? variable(r, "number", () => r.one(NUMBERS)) : r.one(NUMBERS),
  texts: (r, depth) =>
    depth > 0 && r.maybe(0.3)
      ? r.one([
          () => ({ filter: [rule(r, "texts", depth - 1), { in: [{ var: "" }, r.some(0, 4, () => r.one(TEXTS))] }] }),
          () => ({ map: [rule(r, "texts", depth - 1), { cat: [{ var: "" }, r.one(TEXTS)] }] }),
          () => ({ merge: r.some(1, 2, () => rule(r, r.one(["texts", "text"]), depth - 1)) }),
          () => ({ missing: r.some(1, 3, () => r.one([...OF.text, ...OF.number])) }),
          () => ({ missing_some: [r.upTo(3), r.some(1, 3, () => r.one([...OF.text, ...OF.number]))] }),
          () => ({ map: [{ var: "teams" }, { var: "name" }] }),
        ])()
      : r.maybe(0.6) ? { var: r.one(OF.texts) } : r.some(0, 3, () => rule(r, "text", 0)),
  numbers: (r, depth) =>
    depth > 0 && r.maybe(0.3)
      ? r.one([
          () => ({ filter: [rule(r, "numbers", depth - 1), { [r.one([">", "<="])]: [{ var: "" }, r.one(NUMBERS)] }] }),
          () => ({ map: [rule(r, "numbers", depth - 1), { "*": [{ var: "" }, 2] }] }),
          () => ({ map: [{ var: "teams" }, { var: "size" }] }),
        ])()
      : r.maybe(0.6) ? { var: r.one(OF.numbers) } : r.some(0, 3, () => r.one(NUMBERS)),
};

const rule = (r, kind, depth) => RULES[kind](r, depth);
const variable = (r, kind, fallback) => ({ var: r.maybe(0.15) ? [r.one(OF[kind]), fallback()] : r.maybe(0.1) ? [r.one(OF[kind])] : r.one(OF[kind]) });

function truth(r, depth) {
  if (depth <= 0) return r.maybe(0.7) ? variable(r, "truth", () => r.maybe(0.5)) : r.one([true, false]);
  const kind = () => r.one(["text", "number"]);
  const pair = (kind) => [rule(r, kind, depth - 1), rule(r, kind, depth - 1)];
  return r.one([
    () => ({ [r.one(["==", "!=", "===", "!=="])]: r.maybe(0.85) ? pair(kind()) : [rule(r, kind(), depth - 1), rule(r, kind(), depth - 1)] }),
    () => ({ [r.one(["<", "<=", ">", ">="])]: r.maybe(0.95) ? pair(kind()) : [rule(r, kind(), depth - 1), rule(r, kind(), depth - 1)] }),
    () => ({ [r.one(["<", "<="])]: r.some(3, 3, () => rule(r, "number", depth - 1)) }),
    () => ({ [r.one(["and", "or"])]: r.some(1, 3, () => truth(r, depth - 1)) }),
    () => ({ [r.one(["!", "!!"])]: [truth(r, depth - 1)] }),
    () => ({ [r.one(["!", "!!"])]: [rule(r, r.one(["text", "number", "texts"]), depth - 1)] }),
    () => ({ in: [rule(r, "text", depth - 1), rule(r, r.one(["text", "texts"]), depth - 1)] }),
    () => ({ in: [rule(r, "number", depth - 1), rule(r, "numbers", depth - 1)] }),
    () => ({ [r.one(["some", "all", "none"])]: [rule(r, "texts", depth - 1), { [r.maybe(0.05) ? r.one(["starts_with", "ends_with"]) : r.one(["==", "in"])]: [{ var: "" }, r.one(TEXTS)] }] }),
    () => ({ [r.one(["some", "all", "none"])]: [{ var: "teams" }, { ">": [{ var: "size" }, r.one(NUMBERS)] }] }),
    () => ({ [r.one(["starts_with", "ends_with"])]: pair("text") }),
    () => ({ [r.one(["starts_with", "ends_with"])]: [rule(r, "text", depth - 1), rule(r, kind(), depth - 1)] }),
    () => ({ sem_ver: [rule(r, "version"), r.one(["=", "!=", "<", "<=", ">", ">=", "^", "~", "=="]), rule(r, "version")] }),
    () => ({ "==": [{ "%": [{ var: "$flagd.timestamp" }, r.one([2, 3, 60])] }, 0] }),
    () => ({ "==": [{ var: "$flagd.flagKey" }, r.one(["flag-0", "flag-1"])] }),
  ])();
}

/** The name of a variant, or what stands for one. */
const name = (r, names) => (r.maybe(0.95) ? r.one(names) : r.one(["nowhere", null, true, 1, ""]));

function outcome(r, names, depth) {
  if (depth <= 0 || r.maybe(0.3)) return name(r, names);
  return r.one([
    () => ({ if: [truth(r, depth - 1), outcome(r, names, depth - 1), outcome(r, names, depth - 1)] }),
    () => ({ if: [truth(r, depth - 1), outcome(r, names, depth - 1), truth(r, depth - 1), outcome(r, names, depth - 1), ...(r.maybe(0.7) ? [outcome(r, names, depth - 1)] : [])] }),
    () => ({ [r.one(["if", "?:"])]: [truth(r, depth - 1), outcome(r, names, depth - 1)] }),
    () => fractional(r, names, depth - 1),
    () => fractional(r, names, depth - 1),
    () => truth(r, depth - 1),
  ])();
}

function fractional(r, names, depth) {
  const weight = () => (r.maybe(0.1) && depth > 0 ? { if: [truth(r, depth - 1), r.upTo(100), r.upTo(100)] } : r.one([0, 1, 10, 25, 50, 100, r.upTo(1000), -5, ...(r.maybe(0.05) ? [2 ** 31, 2 ** 31 - 1, 0.5, "10"] : [])]));
  const variant = () => (r.maybe(0.1) && depth > 0 ? { if: [truth(r, depth - 1), name(r, names), name(r, names)] } : name(r, names));
  const entries = r.some(1, 4, () => (r.maybe(0.1) ? [variant()] : [variant(), weight()]));
  if (r.maybe(0.02)) entries.push(r.one([[], ["a", 1, 2], "a", 5, [["a"], 1]]));
  const key = r.one([[], [], [{ var: "email" }], [{ cat: [{ var: "$flagd.flagKey" }, { var: "targetingKey" }] }], [r.one(TEXTS)], [{ var: "name" }]]);
  return { fractional: [...key, ...entries] };
}

const VARIANTS = [
  { on: true, off: false },
  { a: "x", b: "y", c: "" },
  { one: 1, half: 0.5, none: 0 },
  { o: { a: 1 }, p: {}, q: { list: [1, { x: null }] } },
  { true: "yes", false: "no", 1: "one" },
];

function drawFlag(r, shared) {
  const variants = r.one(VARIANTS);
  const names = Object.keys(variants);
  const flag = { state: r.maybe(0.05) ? "DISABLED" : "ENABLED", variants };
  if (!r.maybe(0.1)) flag.defaultVariant = r.maybe(0.05) ? r.one([null, ""]) : r.one(names);
  if (r.maybe(0.2)) flag.metadata = { owner: "team", n: r.upTo(3) };
  if (r.maybe(0.9)) flag.targeting = r.maybe(0.03) ? {} : r.maybe(0.02) ? { no_such: [1] } : outcome(r, names, 3);
  if (typeof flag.targeting !== "object" || flag.targeting === null) delete flag.targeting;
  if (shared.length && flag.targeting && r.maybe(0.5)) flag.targeting = { if: [{ $ref: r.one(shared) }, flag.targeting, name(r, names)] };
  return flag;
}

/** The case of a seed: `{ document, context, seconds }`. */
export function draw(seed) {
  const r = chance(seed);
  const document = { flags: {} };
  const shared = r.maybe(0.3) ? ["isStaff", "isNew"] : [];
  if (shared.length) document.$evaluators = Object.fromEntries(shared.map((name) => [name, truth(r, 2)]).filter(([, rule]) => typeof rule === "object"));
  const known = Object.keys(document.$evaluators ?? {});
  if (r.maybe(0.3)) document.metadata = { set: "shop", n: 9 };
  for (let index = r.upTo(3); index >= 0; index--) document.flags[`flag-${index}`] = drawFlag(r, known);
  return { document, context: drawContext(r), seconds: 1_795_413_600 + r.upTo(1000) };
}

// ---- The other side -------------------------------------------------------------------------------------------------

const require = createRequire(import.meta.url);
const own = createRequire(require.resolve("@openfeature/flagd-core"));
const { LogicEngine } = own("json-logic-engine");
const MurmurHash3 = own("imurmurhash");

/** JavaScript's own `==` and `!=`, between neighbours. */
const loosely = (holds) => (list) => list.slice(1).every((value, at) => holds(list[at], value));

/** Faults of flagd-core that can be mended for one call: what then agrees with Trueup differed by the fault alone. */
const MENDED = {
  hash: [MurmurHash3.prototype, "hash", (hash) => function (key) {
    return hash.call(this, Buffer.from(key, "utf8").toString("latin1"));
  }],
  truth: [LogicEngine.prototype, "truthy", (truthy) => function (value) {
    return Object.prototype.toString.call(value) === "[object Object]" || truthy.call(this, value);
  }],
  not: [LogicEngine.prototype, "addMethod", (addMethod) => function (...given) {
    addMethod.call(this, "!", ([value]) => !this.truthy(value), { deterministic: false });
    addMethod.call(this, "!!", ([value]) => !!this.truthy(value), { deterministic: false });
    return addMethod.apply(this, given);
  }],
  equality: [LogicEngine.prototype, "addMethod", (addMethod) => function (...given) {
    addMethod.call(this, "==", loosely((a, b) => a == b));
    addMethod.call(this, "!=", loosely((a, b) => a != b));
    return addMethod.apply(this, given);
  }],
};

/** What flagd-core makes of it: a `Map` of details by key, with what it noted on the way. */
export function reference({ document, context, seconds }, { mended = [], interpreted = false } = {}) {
  const notes = [];
  const logger = { debug: (...given) => notes.push(given.join(" ")), info() {}, warn() {}, error() {} };
  const restore = [[Date, "now", Date.now]];
  Date.now = () => seconds * 1000;
  for (const name of mended) {
    const [object, method, mend] = MENDED[name];
    restore.push([object, method, object[method]]);
    object[method] = mend(object[method]);
  }
  try {
    const core = new FlagdCore(undefined, logger, { disableDynamicCodeGeneration: interpreted });
    core.setConfigurations(JSON.stringify(document));
    const flags = new Map();
    for (const [key, flag] of core.getFlags()) {
      notes.length = 0;
      if (flag.state === "DISABLED") flags.set(key, { reason: "DISABLED", metadata: flag.metadata });
      else {
        const { value, variant, reason, errorCode, flagMetadata } = flag.evaluate(context);
        flags.set(key, { value, variant, reason, errorCode, metadata: flagMetadata, notes: notes.join("; ") });
      }
    }
    return flags;
  } finally {
    for (const [object, method, before] of restore) object[method] = before;
  }
}

/** What the engine throws: NaN, `{ type }`, or what JavaScript does. */
const THROWN = /Error evaluating targeting rule for flag '[^']*': (undefined|.* is not a function|Cannot read properties of null)/;
/** A rule threw, with such a message. */
const threw = (message) => ({ theirs }) => theirs.errorCode === "GENERAL" && message.test(theirs.notes);
const interpreted = ({ given, key }) => reference(given, { interpreted: true }).get(key);
/** Mended, or otherwise, it agrees. */
const agrees = (options) => ({ key, given, ours }) => same(ours, reference(given, options).get(key));

/** Where flagd-core does not follow the rules of issue 4, or they leave it open. The first that applies counts. */
export const DIFFERENCES = [
  {
    name: "hash of UTF-16",
    why: "flagd hashes the UTF-8 of the bucketing key; imurmurhash takes UTF-16 units. With its key in UTF-8 it agrees.",
    applies: agrees({ mended: ["hash"] }),
  },
  {
    name: "compiled rules",
    why: 'by default it compiles rules; then `cat` writes "null" for nothing, `all` holds for what is no list, and comparisons mix up their operands. Its own interpreter agrees, or throws.',
    applies: (pair) => agrees({ interpreted: true, mended: ["hash"] })(pair) || (!threw(THROWN)(pair) && pair.theirs.errorCode !== "PARSE_ERROR" && threw(THROWN)({ theirs: interpreted(pair) })),
  },
  {
    name: "empty objects",
    why: "json-logic-engine takes {} for false; JsonLogic's reference and truthiness.json take it for true. With that it agrees.",
    applies: agrees({ mended: ["truth", "hash"] }),
  },
  {
    name: "lists as the only operand",
    why: 'to `{"!!": [{"var": "list"}]}` the list is the operand; the engine takes its first item. With that it agrees.',
    applies: agrees({ mended: ["not", "hash"] }),
  },
  {
    name: "null and zero",
    why: "to the engine null equals 0, false and an empty text; to JsonLogic, as to JavaScript, it equals only itself. With that it agrees.",
    applies: agrees({ mended: ["equality", "hash"] }),
  },
  {
    name: "own operators in loops",
    why: "in `map`, `filter`, `all`, … its own operators throw: they look for a logger in the item.",
    applies: threw(/Logger not found in context|Symbol\(flagd\.logger\)/),
  },
  {
    name: "operands of another kind",
    why: "the engine throws where an operand is of no kind that it takes, with constants as early as when it loads; JsonLogic coerces.",
    applies: (pair) => threw(THROWN)(pair) || (pair.theirs.errorCode === "PARSE_ERROR" && threw(THROWN)({ theirs: interpreted(pair) })),
  },
  {
    name: "all of a text",
    why: "the engine goes through the letters of a text; in JsonLogic's reference `all` is false of what is no list, `none` is true and `some` is false.",
    applies: ({ rule, given }) =>
      ["all", "none", "some"].some((name) => [rule, given.document.$evaluators].some((rule) => contains(rule, name, (list) => !Array.isArray(list)))),
  },
];

/** Whether an operation of that name stands in a rule, with a first operand that `is` so. */
const contains = (rule, name, is) =>
  Object(rule) === rule && Object.entries(rule).some(([key, value]) => (key === name && is([value].flat()[0])) || contains(value, name, is));

// ---- Comparing ------------------------------------------------------------------------------------------------------

const FIELDS = ["value", "variant", "reason", "errorCode", "metadata"];
const same = (a, b) => isDeepStrictEqual(JSON.parse(text(a)), JSON.parse(text(b)));
const text = (details) => JSON.stringify(FIELDS.map((field) => details?.[field] ?? (field === "metadata" ? {} : null)));

/** The flags of a case that differ: `{ key, ours, theirs, known }`, `known` the difference that explains it, if any. */
export function compare(given, evaluate) {
  const theirs = reference(given);
  const ours = evaluate(given.document, given.context, given.seconds);
  return [...new Set([...theirs.keys(), ...ours.keys()])].flatMap((key) => {
    const pair = { key, rule: given.document.flags[key]?.targeting, given, ours: ours.get(key), theirs: theirs.get(key) ?? {} };
    if (same(pair.ours, pair.theirs)) return [];
    return [{ ...pair, known: DIFFERENCES.find(({ applies }) => applies(pair)) }];
  });
}

/**
 * Compares `count` cases from `seed` on. Answers with how many there were, how many of them known differences left out (by
 * their names, and in all), and the first that nothing explains, shrunk.
 */
export function run(evaluate, { seed, count }) {
  const left = { cases: 0, by: {} };
  for (let index = 0; index < count; index++) {
    const given = draw(seed + index);
    const differing = compare(given, evaluate);
    if (differing.some(({ known }) => !known)) return { left, failure: report(seed + index, shrink(given, evaluate), evaluate) };
    for (const name of new Set(differing.map(({ known }) => known.name))) left.by[name] = (left.by[name] ?? 0) + 1;
    if (differing.length) left.cases++;
  }
  return { left };
}

/** The same with the package, by as many threads as there are processors. */
export async function runAll({ seed, count }) {
  const threads = Math.min(count, availableParallelism());
  const left = { cases: 0, by: {} };
  let failure;
  const part = async (thread) => {
    const [from, to] = [thread, thread + 1].map((n) => Math.floor((n * count) / threads));
    const worker = new Worker(new URL(import.meta.url), { workerData: { seed: seed + from, count: to - from } });
    const [found] = await once(worker, "message");
    failure ??= found.failure;
    left.cases += found.left.cases;
    for (const name in found.left.by) left.by[name] = (left.by[name] ?? 0) + found.left.by[name];
  };
  await Promise.all(Array.from({ length: threads }, (_, thread) => part(thread)));
  return { failure, left };
}

/** The seed to begin with: a new one each time, if none is given, unless the environment names the case to run. */
export function begin(count, seed = Date.now() % 2 ** 31) {
  const { TRUEUP_SEED } = process.env;
  return TRUEUP_SEED ? { seed: Number(TRUEUP_SEED), count: 1 } : { seed, count };
}

function report(seed, given, evaluate) {
  const { key, ours, theirs } = compare(given, evaluate).find(({ known }) => !known);
  return [
    `${key} of TRUEUP_SEED=${seed} differs; shrunk:`,
    `trueup:     ${text(ours)}`,
    `flagd-core: ${text(theirs)} ${theirs.notes ?? ""}`,
    JSON.stringify(given),
  ].join("\n");
}

// ---- Shrinking ------------------------------------------------------------------------------------------------------

/** A smaller case that still differs in the same way, without an explanation. */
function shrink(given, evaluate) {
  const way = (given) => {
    try {
      const found = compare(given, evaluate).find(({ known }) => !known);
      return found && [found.ours, found.theirs].map((details) => `${details?.reason} ${details?.errorCode} ${details?.notes}`).join();
    } catch {
      return;
    }
  };
  const asked = way(given);
  const differs = (given) => way(given) === asked;
  for (let tries = 2000; ; ) {
    let smaller;
    for (const candidate of simpler(given)) {
      if (tries-- <= 0) return given;
      if (differs({ ...given, ...candidate })) {
        smaller = { ...given, ...candidate };
        break;
      }
    }
    if (!smaller) return given;
    given = smaller;
  }
}

function* simpler({ document, context }) {
  const { flags, $evaluators: shared = {}, ...rest } = document;
  const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([other]) => other !== name));
  for (const key in flags) yield { document: { ...document, flags: without(flags, key) } };
  for (const key in rest) yield { document: without(document, key) };
  for (const key in flags) {
    const { targeting, metadata, ...flag } = flags[key];
    const put = (flag) => ({ document: { ...document, flags: { ...flags, [key]: flag } } });
    if (metadata) yield put({ ...flag, targeting });
    if (flag.defaultVariant) yield put({ ...without(flag, "defaultVariant"), targeting });
    // A rule is an object; anything else would be another mistake.
    for (const part of [...Object.values(targeting ?? {}).flat(), ...parts(targeting)])
      if (typeof part === "object" && part !== null && !Array.isArray(part) && Object.keys(part).length) yield put({ ...flag, targeting: part });
  }
  for (const name in shared) for (const part of parts(shared[name])) yield { document: { ...document, $evaluators: { ...shared, [name]: part } } };
  for (const part of parts(context, 0)) yield { context: part };
}

/**
 * The value with one part taken out, or one operand in the place of its operation; large steps first. What is left of a rule
 * is a rule: operations keep two operands, and their names.
 */
function* parts(value, least = 2) {
  if (typeof value !== "object" || value === null) return;
  const entries = Object.entries(value);
  const list = Array.isArray(value);
  const put = (key, part) => (list ? value.map((old, at) => (at === +key ? part : old)) : { ...value, [key]: part });
  if (entries.length > least)
    for (const [key] of entries) yield list ? value.filter((_, at) => at !== +key) : Object.fromEntries(entries.filter(([name]) => name !== key));
  for (const [key, inner] of entries) {
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner))
      for (const deep of Object.values(inner).flat()) yield put(key, deep);
    for (const part of parts(inner, least)) yield put(key, part);
  }
}

if (!isMainThread) {
  const { evaluate } = await import("../conformance/_package.mjs");
  parentPort.postMessage(run(evaluate, workerData));
}
