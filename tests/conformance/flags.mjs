// Flag case files (shared/conformance/README.md has their form), read as a caller reads flags.
import { isDeepStrictEqual } from "node:util";
import { client, count, end, files } from "./_package.mjs";

const json = (value) => JSON.stringify(value);
const plain = (value) => JSON.parse(json(value ?? null));

/** A value of each type: how a caller asks for it. Lists are objects to flagd, and of a kind of their own to Trueup. */
const ASKED = { boolean: [false], string: [""], integer: [0], float: [0], number: [0], object: [{}, []] };

function read({ flags }, { flag, type, default: fallback = null }) {
  const kinds = ASKED[type ?? (typeof fallback)];
  if (!kinds) return { problem: `unknown type ${json(type)}` };
  const answers = kinds.map((kind) => flags.details(flag, kind));
  const found = answers.find(({ errorCode }) => errorCode !== "TYPE_MISMATCH") ?? answers[0];
  if (found.variant === undefined) return { ...found, value: fallback };
  // flagd has two types of numbers, JavaScript one.
  if (type === "integer" && !Number.isInteger(found.value))
    return { value: fallback, reason: "ERROR", errorCode: "TYPE_MISMATCH", metadata: found.metadata };
  return found;
}

const form = files("{ flags, cases: [{ flag, type, default, context, expect }] }", (content) => content?.flags && Array.isArray(content.cases));
for (const [path, { flags, cases }] of form) {
  const trueup = client(flags);
  const told = [];
  trueup.on("error", ({ code, path }) => told.push(`the document was refused: ${path}: ${code}`));
  // What is wrong with an inlined manifest is heard after `connect`.
  await new Promise(setImmediate);
  for (const [index, one] of cases.entries()) {
    const problems = [];
    try {
      if (!one.expect) problems.push("nothing is expected");
      trueup.flags.setContext(one.context ?? {});
      const found = read(trueup, one);
      for (const member in one.expect)
        if (!isDeepStrictEqual(plain(found[member]), plain(one.expect[member])))
          problems.push(`${member}: ${json(found[member])}, expected ${json(one.expect[member])}`);
      if (found.problem) problems.push(found.problem);
      if (found.errorCode === "PROVIDER_NOT_READY") problems.push(...told);
    } catch (thrown) {
      problems.push(`it threw ${thrown}`);
    }
    count(`${path} ${index}: ${one?.name ?? one?.flag}`, problems);
  }
  trueup.close();
}
end();
