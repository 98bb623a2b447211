// A reporter for `node --test` that counts: `cargo xtask test` adds the numbers up. Node itself counts a file without
// any test as a test that passed; here that is a failure.
export default async function* tally(events) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const empty = [];
  for await (const { type, data } of events) {
    if ((type !== "test:pass" && type !== "test:fail") || data.details.type === "suite") continue;
    if (type === "test:fail") failed++;
    else if (data.nesting === 0 && data.name === data.file) empty.push(data.file);
    else if (data.skip !== undefined || data.todo !== undefined) skipped++;
    else passed++;
  }
  yield JSON.stringify({ passed, failed: failed + empty.length, skipped, empty });
}
