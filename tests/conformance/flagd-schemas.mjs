// The documents of flagd's schemas (the folder `flagd-schemas/json`, or its `test`): those that are valid load, and those
// that are not are refused with a path, or accepted for a reason that stands here.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { count, end } from "./_package.mjs";

const pkg = process.env.TRUEUP_PKG ?? fileURLToPath(new URL("../../target/pkg", import.meta.url));
const { evaluate } = await import(pathToFileURL(join(pkg, "dist/server.js")));

const NULL = "as in flagd's own engines the operator gives null, and the default variant stands";
/** What a schema refuses and Trueup accepts, by file, and why. */
const ACCEPTED = {
  "with-invalid-flag-metadata.json": "metadata is handed to the app as it is; nothing here reads it",
  "with-invalid-flag-set-metadata.json": "metadata is handed to the app as it is; nothing here reads it",
  "mixed-variant-types.ffconfig.json": "each read is checked against the kind of its own fallback: TYPE_MISMATCH",
  "with-array-flags.json": "flags in a list are what flagd's importers take (example.flagdimport.array.json), which has to load",
  "fractional-decimal-weighting.json": NULL,
  "fractional-invalid-weighting.json": NULL,
  "fractional-negative-weighting.json": "as in flagd's own engines a negative weight counts as 0: it may be the outcome of a rule",
  "fractional-invalid-bucketing.json": "as in flagd's own engines a text is a bucketing key; a constant one puts everybody into one bucket",
  "invalid-ends-with-param.json": NULL,
  "invalid-starts-with-param.json": NULL,
  "invalid-flagd-props.json": "as in flagd's own engines a variable that is not there is null",
  "sem-ver-invalid-range-specifier.json": NULL,
  "sem-ver-invalid-ver-expression.json": NULL,
};

/** The document of a file: a rule stands in a flag of its own, and what it refers to is there. */
function document(path) {
  const content = JSON.parse(readFileSync(path, "utf8"));
  if (content.flags) return content;
  const flag = { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting: content };
  return { flags: { flag }, $evaluators: { "some-ref": true } };
}

for (const folder of process.argv.slice(2)) {
  const paths = readdirSync(folder, { recursive: true }).map((path) => join(folder, path));
  for (const path of paths.filter((path) => /(positive|negative)[/\\][^/\\]*\.json$/.test(path)).sort()) {
    const manifest = { trueup: 1, serial: 1, current: { id: "b1" }, flags: document(path) };
    const { errors, flags } = await evaluate(manifest, {}, { build: { id: "b1" } });
    const said = errors.map(({ code, path }) => `${path}: ${code}`);
    const accepted = ACCEPTED[basename(path)];
    const problems = [];
    if (/positive[/\\]/.test(path)) {
      problems.push(...said);
      if (!Object.keys(flags).length) problems.push("no flag of it was evaluated");
    } else if (accepted) {
      if (said.length) problems.push(`it is listed as accepted, and is refused: ${said}`);
      else console.log(`accepted: ${path}: ${accepted}`);
    } else if (!errors.some(({ path }) => path.startsWith("flags"))) {
      problems.push("it is accepted, and no reason is listed");
    }
    count(path, problems);
  }
}
end();
