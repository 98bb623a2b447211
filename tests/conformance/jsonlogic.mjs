// Suites of JsonLogic: arrays of cases { description, rule, data?, result or error }, and of comments. Each case becomes a
// flag whose rule looks at what the case's rule gives; so nothing is asked of the package that an app could not ask.
import { client, count, end, files } from "./_package.mjs";

/** Operators of newer engines: neither JsonLogic's reference nor flagd's schema has them. */
const NEWER = /"(val|exists|\?\?|throw|try|preserve|length|get|slice|keys|xor)":/;

const json = (value) => JSON.stringify(value);
const IT = { var: "" };
/** `rule` about what `of` gives. */
const about = (of, rule) => ({ some: [[of], rule] });
const text = { cat: [[IT]] };

/** A rule that holds of this value only. */
function is(value) {
  if (Array.isArray(value)) {
    const length = { reduce: [IT, { "+": [{ var: "accumulator" }, 1] }, 0] };
    // Of all that has no items, only the empty list is equal to an empty text, and yet not one.
    const list = value.length ? [] : [{ "==": [IT, ""] }, { "!==": [IT, ""] }];
    return { and: [{ "===": [length, value.length] }, ...list, ...value.map((item, index) => about({ var: index }, is(item))), true] };
  }
  if (Object(value) === value)
    return { and: [{ "==": [text, "[object Object]"] }, ...Object.entries(value).map(([name, item]) => about({ var: name }, is(item))), true] };
  return { "===": [IT, value] };
}

const flag = (targeting, names) => ({
  state: "ENABLED",
  variants: Object.fromEntries(names.map((name) => [name, true])),
  targeting,
});

/** What the rule gives, as a text: one flag for each of its letters. */
function shown(rule, data) {
  const printed = { cat: [{ map: [[{ var: "data" }], rule]  }] };
  const letters = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n));
  const places = Array.from({ length: 60 }, (_, at) => String(at));
  const trueup = client({ flags: Object.fromEntries(places.map((at) => [at, flag({ substr: [printed, +at, 1] }, letters)])) }, { data });
  const text = places.map((at) => trueup.flags.details(at, false).variant ?? "").join("");
  trueup.close();
  return text;
}

for (const [path, suite] of files("a list of cases { description, rule, data, result or error }", Array.isArray)) {
  const cases = suite.filter((one) => typeof one === "object");
  const flags = cases.map(({ rule, result }, index) => [index, flag(about({ var: `data.${index}` }, about(rule, is(result ?? null))), ["true", "false"])]);
  const trueup = client({ flags: Object.fromEntries(flags) }, { data: cases.map(({ data }) => data ?? null) });
  cases.forEach(({ description, rule, data, result, error }, index) => {
    const { variant, errorCode } = trueup.flags.details(String(index), false);
    const fine = error === undefined ? variant === "true" : errorCode !== undefined;
    const expected = error === undefined ? json(result) : `the error ${json(error)}`;
    const problem = () => `${json(rule)} of ${json(data)}: ${errorCode ?? `"${shown(rule, data)}" as a text`}, expected ${expected}`;
    const newer = NEWER.exec(json(rule))?.[1];
    const why = newer ? [`why: \`${newer}\` is an operator of newer engines; neither JsonLogic's reference nor flagd has it`] : [];
    count(`${path} ${index}: ${description}`, fine ? [] : [problem(), ...why]);
  });
  trueup.close();
}
end();
