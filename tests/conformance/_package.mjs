// The package as it is shipped, in Node: `connect()` on a page that has nothing but an inlined manifest, and hears nothing.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Where it is. */
export const pkg = process.env.TRUEUP_PKG ?? fileURLToPath(new URL("../../target/pkg", import.meta.url));
const { connect } = await import(pathToFileURL(join(pkg, "dist/index.js")));

let inlined;
const page = new EventTarget();
const globals = {
  self: page,
  top: page,
  addEventListener: page.addEventListener.bind(page),
  location: new URL("https://shop.example/"),
  navigator: { onLine: false },
  document: Object.assign(new EventTarget(), {
    baseURI: "https://shop.example/",
    visibilityState: "hidden",
    querySelectorAll: () => [],
    querySelector: (selector) => (selector.includes("#trueup") ? { textContent: inlined } : null),
  }),
};
for (const name in globals) Object.defineProperty(globalThis, name, { value: globals[name], configurable: true });

/** A client of a page that carries this flag document, with further options. Close it. */
export function client(flags, context = {}, options) {
  inlined = JSON.stringify({ trueup: 1, serial: 1, current: { id: "b1" }, flags });
  return connect({ build: { id: "b1" }, flags: { context }, ...options });
}

/** What each flag of the document evaluates to, at `seconds` (Unix): a `Map` of details by key. Throws where it is refused. */
export function evaluate(flags, context, seconds) {
  const { now } = Date;
  Date.now = () => seconds * 1000;
  try {
    const trueup = client(flags, context);
    const { flags: evaluated } = trueup.getSnapshot();
    const refused = trueup.flags.details("", 0).errorCode === "PROVIDER_NOT_READY";
    trueup.close();
    if (refused) throw new Error("the document was refused");
    return evaluated;
  } finally {
    Date.now = now;
  }
}

/** The files named on the command line, parsed: those of the form. Any other counts as a case that fails, and the rest goes on. */
export const files = (form, fits) =>
  process.argv.slice(2).flatMap((path) => {
    let problem = `it is not ${form}`;
    try {
      const content = JSON.parse(readFileSync(path, "utf8"));
      if (fits(content)) return [[path, content]];
    } catch ({ message }) {
      problem = message;
    }
    count(path, [problem]);
    return [];
  });

let [passed, failed] = [0, 0];

/** Counts one case; says what failed. */
export function count(name, problems) {
  if (!problems.length) return void passed++;
  failed++;
  console.log(`✖ ${name}`);
  for (const problem of problems) console.log(`    ${problem}`);
}

/** The last line, and the exit code. */
export function end() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
