// Files of httpwg/structured-field-tests with dates, as the values of `Deprecation`.
//
// Each case is the answer to a call; what is read of it is the event `deprecation`. A case that `can_fail` may be refused,
// but not misread; one that `must_fail` has to be refused.
import { client, count, end, files } from "./_package.mjs";

/** What the package reads of an answer with this `Deprecation`: ms since 1970, `true`, or nothing. */
async function read(deprecation) {
  globalThis.fetch = async () => new Response("", { headers: { deprecation } });
  const trueup = client(undefined, {}, { apis: { orders: ["3"] } });
  let told;
  trueup.on("deprecation", (detail) => (told = detail.deprecation));
  await trueup.api("orders").fetch("list");
  trueup.close();
  return told;
}

for (const [path, cases] of files("a list of cases { name, raw, expected }", Array.isArray)) {
  for (const { name, raw, expected, must_fail: mustFail, can_fail: canFail } of cases) {
    const told = await read(raw.join(", "));
    const right = mustFail ? undefined : expected[0].value * 1000;
    const passed = Object.is(told, right) || (canFail && told === undefined);
    count(`${path}: ${name}`, passed ? [] : [`${raw.join(", ")} was read as ${told}, expected ${right}`]);
  }
}
end();
