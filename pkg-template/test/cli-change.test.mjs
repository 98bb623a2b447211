// The command line, as far as it changes: every command, every refusal, and what is written.
import assert from "node:assert/strict";
import { chmodSync, lstatSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { test } from "node:test";
import { at, edge, HISTORY, MANIFEST, NOW, scratch, SERIAL, spawned, unbuilt, world } from "./cli.mjs";

const options = { skip: unbuilt };

/** Runs a change that has to succeed, and answers with the manifest, its text and the report. */
async function changed(dir, ...args) {
  const report = await dir.report(0, ...args, ...at(60));
  return { report, text: dir.text("trueup.json"), manifest: dir.json("trueup.json") };
}

/** Runs a change that has to be refused with `code` for `reasons`, and checks that nothing was written. */
async function refused(dir, code, reasons, ...args) {
  const before = [dir.text("trueup.json"), dir.has("trueup.history.json") && dir.text("trueup.history.json")];
  const report = await dir.report(code, ...args, ...at(60));
  assert.deepEqual([report.ok, report.exit, report.refusals.map(({ code }) => code)], [false, code, reasons], args.join(" "));
  assert.deepEqual([dir.text("trueup.json"), dir.has("trueup.history.json") && dir.text("trueup.history.json")], before);
  const { out } = await dir.ends(code, ...args, ...at(60));
  assert.match(out, /^refused: /m);
  assert.equal(out.includes("(--yes does it all the same)"), code === 3);
  return report;
}

// ---- init, publish --------------------------------------------------------------------------------------------------

test("init writes the first manifest, and replaces one only when told to", options, async (t) => {
  const dir = scratch(t, { "stamp.json": { trueup: 1, id: "b1", version: 7 } });
  await dir.ends(0, "init", "--stamp", "stamp.json", ...at());
  assert.equal(dir.text("trueup.json"), `{\n  "trueup": 1,\n  "serial": ${SERIAL},\n  "current": { "id": "b1", "version": 7 }\n}\n`);
  assert.equal((await dir.report(3, "init", "--id", "b2")).error.code, "unsure");
  await dir.ends(0, "init", "--id", "b2", "--yes");
  assert.deepEqual(dir.json("trueup.json").current, { id: "b2" });
  const { out, err } = await dir.ends(0, "init", "--id", "b3", "--out", "-", ...at());
  assert.equal(JSON.parse(out).current.id, "b3");
  assert.match(err, /serve it at/);
});

test("publish makes the stamp's build current, grows the serial, and touches nothing else", options, async (t) => {
  const dir = world(t, { "trueup.build.json": { trueup: 1, id: "b4", version: "1.3.0", app: "shop", apis: { orders: ["3"] } } });
  const { text, report } = await changed(dir, "publish", "--stamp", "trueup.build.json");
  assert.equal(text, MANIFEST.replace('"id": "b3", "version": "1.2.0"', '"id": "b4", "version": "1.3.0"').replace(String(SERIAL), String(SERIAL + 60)));
  assert.deepEqual(report.serial, { before: SERIAL, after: SERIAL + 60 });
  assert.deepEqual([report.impact.known, report.impact.behind], [3, 1]);
  const history = dir.json("trueup.history.json");
  assert.deepEqual(history.builds.at(-1), { id: "b4", version: "1.3.0", published: "2026-11-24T00:01:00.000Z", apis: { orders: ["3"] } });
  assert.deepEqual(history.changes.at(-1), { at: "2026-11-24T00:01:00.000Z", serial: SERIAL + 60, what: "publish b4", current: "b4" });
});

test("the serial is Unix seconds, and one more where that is not higher", options, async (t) => {
  const dir = world(t);
  await dir.ends(0, "publish", "--id", "b4", "--version", "1.3", ...at(-100));
  assert.equal(dir.json("trueup.json").serial, SERIAL + 1);
});

test("publish again changes nothing, and a pipeline still gets the manifest", options, async (t) => {
  const dir = world(t);
  const report = await dir.report(0, "publish", "--id", "b3", "--version", "1.2.0");
  assert.equal(report.changed, false);
  assert.equal(dir.text("trueup.json"), MANIFEST);
  assert.equal((await dir.ends(0, "publish", "--id", "b3", "--version", "1.2.0", "--out", "-")).out, MANIFEST);
});

test("publish sets urgency and notes, and warns of notes that are old", options, async (t) => {
  const dir = world(t);
  const first = await changed(dir, "publish", "--id", "b4", "--version", "1.3", "--notes", "Schneller", "--language", "de", "--urgency", "high");
  assert.deepEqual(first.manifest.refresh, { urgency: "high", spreadSeconds: 0, notes: { de: "Schneller" } });
  assert.match((await changed(dir, "publish", "--id", "b5", "--version", "1.4")).report.notes.join(), /still those of the build before/);
  assert.equal((await changed(dir, "publish", "--id", "b6", "--version", "1.5", "--no-notes")).manifest.refresh.notes, undefined);
});

test("publish refuses a version under another id, an id under another version, and, without --yes, an older build", options, async (t) => {
  const dir = world(t);
  await refused(dir, 4, ["reused"], "publish", "--id", "b9", "--version", "1.2");
  await refused(dir, 4, ["reused"], "publish", "--id", "b9", "--version", "1.1.0", "--yes");
  await refused(dir, 4, ["reused"], "publish", "--id", "b3", "--version", "1.3");
  await refused(dir, 3, ["older"], "publish", "--id", "b2", "--version", "1.1.0");
  assert.equal((await changed(dir, "publish", "--id", "b2", "--version", "1.1.0", "--yes")).manifest.current.id, "b2");
});

test("publish refuses a blocked build, and shows where it is blocked", options, async (t) => {
  const dir = world(t);
  const report = await refused(dir, 4, ["rejected"], "publish", "--id", "bad", "--version", "2", "--yes");
  assert.equal(report.findings[0].path, "supported.blocked");
  assert.match((await dir.ends(4, "publish", "--id", "bad", "--version", "2", ...at())).out, /error: supported.blocked: blocks the current build\n +5 \|/);
});

test("a stamp that is none is named, with what is wrong", options, async (t) => {
  const dir = world(t);
  for (const [stamp, words] of [
    [{ id: "a" }, /"trueup" is not 1/],
    [{ trueup: 1, version: "1" }, /"id"/],
    [{ trueup: 1, id: "a", version: "x" }, /"version": "x" is not a version/],
    ["{", /is not JSON/],
  ]) {
    dir.write("stamp.json", stamp);
    const { error } = await dir.report(5, "publish", "--stamp", "stamp.json");
    assert.match(error.message, words);
  }
});

test("the origin is read with --from, its serial expected, and what it has is kept", options, async (t) => {
  const dir = scratch(t);
  const origin = await edge(t, { "/trueup.json": MANIFEST, "/trueup.history.json": JSON.stringify(HISTORY) });
  const from = ["--from", `${origin}/trueup.json`, "--history-from", `${origin}/trueup.history.json`];
  await dir.ends(0, "publish", "--id", "b4", "--version", "1.3.0", ...from, "--expect-serial", String(SERIAL), "--out", "out.json", ...at(60));
  assert.deepEqual(dir.json("out.json")["x-ours"], { kept: [1, 2, 3] });
  assert.equal(dir.json("trueup.history.json").builds.length, 4);
  const report = await dir.report(4, "publish", "--id", "b4", "--version", "1.3.0", ...from, "--expect-serial", "17", "--out", "out.json", "--yes");
  assert.deepEqual(report.refusals.map(({ code }) => code), ["serial"]);
  assert.equal((await dir.report(5, "publish", "--id", "b4", "--from", `${origin}/nothing`)).error.code, "unreadable");
  const { out, err } = await dir.ends(0, "publish", "--id", "b5", "--version", "1.4", ...from, "--out", "-", ...at(60));
  assert.equal(JSON.parse(out).current.id, "b5");
  assert.match(err, /~ current.id: "b3" -> "b5"/);
});

test("without a manifest there is nothing to change, and the message names init", options, async (t) => {
  const dir = scratch(t, { "list.json": "[]", "odd.json": MANIFEST, "trueup.history.json": { history: 2 } });
  assert.match((await dir.report(5, "publish", "--id", "a")).error.message, /npx trueup init/);
  await dir.ends(5, "pause", "-f", "list.json", "--history", "h.json");
  assert.match((await dir.report(5, "pause", "-f", "odd.json")).error.message, /no history of builds/);
  assert.ok(!dir.has("trueup.json"));
});

// ---- the window -----------------------------------------------------------------------------------------------------

test("rollback goes back in one step: current, newer ones blocked, the window lowered", options, async (t) => {
  const dir = world(t);
  await changed(dir, "recommend", "1.2.0");
  await changed(dir, "minimum", "1.1.5", "--yes");
  const { manifest, report } = await changed(dir, "rollback", "--to", "b1");
  assert.deepEqual(manifest.current, { id: "b1", version: "1.0.0" });
  assert.deepEqual(manifest.supported, { minimum: "1.0.0", blocked: [{ id: "bad" }, { id: "b2" }, { id: "b3" }], recommended: "1.0.0" });
  assert.deepEqual([report.impact.known, report.impact.forced, report.impact.unsupported], [3, 1, 1], "b2 was below the minimum already");
  assert.equal((await dir.report(0, "check", "trueup.json", ...at(60))).findings.length, 0);
});

test("rollback leaves alone what is no newer, and a window that is not in the way", options, async (t) => {
  const dir = world(t);
  const { manifest, text } = await changed(dir, "rollback", "--to", "b2");
  assert.deepEqual(manifest.supported, { minimum: "1.0.0", blocked: [{ id: "bad" }, { id: "b3" }] });
  assert.ok(text.includes('"kept": [1, 2,   3]'), "the layout of the rest stays");
});

test("rollback to a build that the history does not know needs its version", options, async (t) => {
  const dir = world(t);
  assert.match((await dir.report(2, "rollback", "--to", "b0")).error.message, /b0 is not in the history, which has b1, b2, b3/);
  const { manifest } = await changed(dir, "rollback", "--to", "b0", "--version", "0.9");
  assert.deepEqual([manifest.current, manifest.supported.blocked.map(({ id }) => id)], [{ id: "b0", version: "0.9" }, ["bad", "b1", "b2", "b3"]]);
  const plain = scratch(t, { "trueup.json": { trueup: 1, serial: 1, current: { id: "b" } } });
  assert.deepEqual((await changed(plain, "rollback", "--to", "a", "--version", "none")).manifest.supported, { blocked: [{ id: "b" }] });
  assert.equal((await plain.report(0, "rollback", "--to", "a")).changed, false);
});

test("rollback to a blocked build is refused without --yes, which lifts the block", options, async (t) => {
  const dir = world(t);
  await changed(dir, "block", "b2");
  await refused(dir, 3, ["blocked"], "rollback", "--to", "b2");
  assert.deepEqual((await changed(dir, "rollback", "--to", "b2", "--yes")).manifest.supported.blocked, [{ id: "bad" }, { id: "b3" }]);
});

test("minimum is refused while an older build may still be served, by the history or by a look", options, async (t) => {
  const dir = world(t);
  await dir.ends(0, "publish", "--id", "b4", "--version", "1.3.0", ...at());
  const report = await refused(dir, 3, ["served"], "minimum", "1.3.0");
  assert.match(report.refusals[0].message, /current until 60 s ago.*b3 \(1.2.0\) is below 1.3.0/);
  assert.equal((await dir.report(0, "minimum", "1.2.0", "--dry-run", ...at(60))).impact.forced, 2);
  assert.equal((await dir.report(0, "minimum", "1.3.0", "--dry-run", ...at(4000))).impact.forced, 3);
  assert.equal((await dir.report(0, "minimum", "1.3.0", "--dry-run", "--served-seconds", "30", ...at(60))).ok, true);
  const page = (id, version) => `<meta name="trueup-build" content="${id}" data-version="${version}">`;
  const origin = await edge(t, { "/new": page("b4", "1.3.0"), "/old": page("b3", "1.2.0"), "/none": "" });
  const look = (...paths) => paths.flatMap((path) => ["--serving", origin + path]);
  await refused(dir, 3, ["served", "served"], "minimum", "1.3.0", ...look("/old", "/new", "/none"));
  assert.equal((await changed(dir, "minimum", "1.3.0", ...look("/new"))).manifest.supported.minimum, "1.3.0");
});

test("a minimum above the current build is always refused; one above recommended takes that along", options, async (t) => {
  const dir = world(t);
  await refused(dir, 4, ["rejected"], "minimum", "1.2.1", "--yes");
  await changed(dir, "recommend", "1.1.0", "--deadline", "2026-12-01");
  const { manifest, report } = await changed(dir, "minimum", "1.2.0", "--yes");
  assert.deepEqual(manifest.supported, { minimum: "1.2.0", blocked: [{ id: "bad" }], recommended: "1.2.0", deadline: "2026-12-01T00:00:00Z" });
  assert.match(report.notes.join(), /recommended is raised with it/);
  assert.equal((await changed(dir, "minimum", "none")).manifest.supported.minimum, undefined);
});

test("recommend sets the version and the deadline, and takes them back", options, async (t) => {
  const dir = world(t);
  const { manifest, report } = await changed(dir, "recommend", "1.2.0", "--deadline", "2026-12-01T06:00:00+01:00");
  assert.deepEqual([manifest.supported.recommended, manifest.supported.deadline], ["1.2.0", "2026-12-01T06:00:00+01:00"]);
  assert.deepEqual([report.impact.deprecated, report.impact.behind], [1, 0], "b1 was deprecated already, by its API");
  assert.equal((await changed(dir, "recommend", "1.2.0", "--no-deadline")).manifest.supported.deadline, undefined);
  await changed(dir, "recommend", "1.2.0", "--deadline", "2026-12-01");
  const { supported } = (await changed(dir, "recommend", "none")).manifest;
  assert.deepEqual([supported.recommended, supported.deadline], [undefined, undefined]);
  await refused(dir, 4, ["rejected"], "recommend", "2");
});

test("block and unblock, by id and by version; never the current build", options, async (t) => {
  const dir = world(t);
  assert.deepEqual((await changed(dir, "block", "b1", "--version", "1.1")).manifest.supported.blocked, [{ id: "bad" }, { id: "b1" }, { version: "1.1" }]);
  assert.equal((await dir.report(0, "block", "b1", "--version", "1.1.0")).changed, false);
  assert.match((await changed(dir, "block", "typo")).report.notes.join(), /typo is not in the history/);
  assert.match((await refused(dir, 4, ["rejected"], "block", "b3", "--yes")).notes.join(), /rollback --to/);
  await refused(dir, 4, ["rejected"], "block", "--version", "1.2");
  assert.deepEqual((await changed(dir, "unblock", "bad", "b1", "--version", "1.1.0")).manifest.supported.blocked, [{ id: "typo" }]);
  assert.equal((await dir.report(0, "unblock", "bad")).changed, false);
});

test("pause, resume and share", options, async (t) => {
  const dir = world(t);
  assert.equal((await changed(dir, "pause")).manifest.refresh.paused, true);
  assert.equal((await dir.report(0, "pause")).changed, false);
  assert.equal((await changed(dir, "resume")).manifest.refresh.paused, false);
  assert.equal((await changed(dir, "share", "12.5%")).manifest.refresh.share, 0.125);
  assert.equal((await changed(dir, "share", "1")).manifest.refresh.share, 1);
});

// ---- APIs and flags -------------------------------------------------------------------------------------------------

test("deprecate announces, and refuses an end that the current build would not survive", options, async (t) => {
  const dir = world(t);
  const { manifest } = await changed(dir, "deprecate", "orders", "2", "--sunset", "2026-12-01", "--link", "/docs");
  assert.deepEqual(manifest.apis.orders.deprecated, { 2: { since: "2026-10-01T00:00:00Z", sunset: "2026-12-01T00:00:00Z", link: "/docs" } });
  await refused(dir, 3, ["needed"], "deprecate", "orders", "3", "--sunset", "2027-01-01");
  await refused(dir, 4, ["rejected"], "deprecate", "orders", "2", "--sunset", "2026-12-02", "--link", "https://shop.example/", "--yes");
  await refused(dir, 3, ["needed"], "deprecate", "orders", "3", "--sunset", "2027-01-01", "--speaks", "orders=3,2"); // 2 has ended by then
  const earlier = await changed(dir, "deprecate", "orders", "3", "--since", "2026-11-25", "--sunset", "2026-11-30", "--speaks", "orders=3,2");
  assert.deepEqual(earlier.manifest.apis.orders.deprecated[3], { since: "2026-11-25T00:00:00Z", sunset: "2026-11-30T00:00:00Z" });
});

test("retire takes a version out with all that is said of it", options, async (t) => {
  const dir = world(t);
  const { manifest, report } = await changed(dir, "retire", "orders", "2");
  assert.deepEqual(manifest.apis.orders, { supported: ["3"], preferred: "3", deprecated: {} });
  assert.deepEqual([report.impact.unsupported, report.impact.forced], [1, 1], "b1 speaks nothing else and needs it");
  assert.equal((await dir.report(0, "retire", "orders", "2")).changed, false);
});

test("retire is refused without --yes where the current build needs the version, or nobody knows", options, async (t) => {
  const dir = world(t);
  const report = await refused(dir, 3, ["needed"], "retire", "orders", "3");
  assert.match(report.refusals[0].message, /current build, b3, speaks no other version of orders.*client-too-new/);
  const { orders } = (await changed(dir, "retire", "orders", "3", "--yes")).manifest.apis;
  assert.deepEqual([orders.supported, orders.preferred], [["2"], undefined]);
  await refused(dir, 3, ["last"], "retire", "orders", "2", "--speaks", "search=1");
  const unknown = world(t, { "trueup.history.json": { history: 1, builds: [] } });
  await refused(unknown, 3, ["unknown"], "retire", "orders", "2");
  await changed(unknown, "retire", "orders", "2", "--speaks", "orders=3");
  assert.match((await dir.report(2, "retire", "search", "1")).error.message, /no API search; it has orders/);
  assert.match((await dir.report(2, "deprecate", "orders", "9", "--sunset", "2027-01-01")).error.message, /do not speak orders 9; they speak 2/);
});

test("a flag is switched off and on, and nothing else of it changes", options, async (t) => {
  const dir = world(t);
  const off = await changed(dir, "flag", "off", "new-checkout");
  assert.equal(off.text.replace("DISABLED", "ENABLED").replace(String(SERIAL + 60), String(SERIAL)), MANIFEST);
  assert.equal((await changed(dir, "flag", "on", "new-checkout")).manifest.flags.flags["new-checkout"].state, "ENABLED");
  assert.match((await dir.report(2, "flag", "off", "old-checkout")).error.message, /no flag old-checkout; it has new-checkout, theme/);
  await refused(dir, 3, ["targeting"], "flag", "on", "new-checkout", "--variant", "on");
  const all = (await changed(dir, "flag", "on", "new-checkout", "--variant", "on", "--yes")).manifest.flags.flags["new-checkout"];
  assert.deepEqual([all.defaultVariant, all.targeting], ["on", undefined]);
  assert.match((await dir.report(2, "flag", "on", "theme", "--variant", "grey")).error.message, /no variant grey; it has dark, light/);
});

test("a rollout sets the share where a split stands, and makes one where there is none", options, async (t) => {
  const dir = world(t);
  const { manifest } = await changed(dir, "flag", "rollout", "new-checkout", "50%");
  const of = (key) => manifest.flags.flags[key];
  assert.deepEqual(of("new-checkout").targeting.if[1], { fractional: [["on", 50], ["off", 50]] });
  assert.deepEqual(of("new-checkout").targeting.if[0], JSON.parse(MANIFEST).flags.flags["new-checkout"].targeting.if[0]);
  const theme = (await changed(dir, "flag", "rollout", "theme", "5", "--variant", "dark", "--rest", "light")).manifest.flags.flags.theme;
  assert.deepEqual(theme.targeting, { fractional: [["dark", 5], ["light", 95]] });
  await dir.ends(2, "flag", "rollout", "theme", "101");
});

test("a rollout keeps what people are told apart by, and does not replace other rules unasked", options, async (t) => {
  const flag = (targeting) => ({ state: "ENABLED", variants: { on: true, off: false }, targeting });
  const by = { cat: [{ var: "$flagd.flagKey" }, { var: "team" }] };
  const flags = [{ key: "a", ...flag({ fractional: [by, ["on", 1], ["off", 99]] }) }, { key: "b", ...flag({ if: [{ var: "beta" }, "on", "off"] }) }];
  const dir = scratch(t, { "trueup.json": { trueup: 1, serial: 1, current: { id: "a" }, flags: { flags } } });
  assert.deepEqual((await changed(dir, "flag", "rollout", "a", "10")).manifest.flags.flags[0].targeting, { fractional: [by, ["on", 10], ["off", 90]] });
  await refused(dir, 3, ["targeting"], "flag", "rollout", "b", "10");
  const { manifest } = await changed(dir, "flag", "rollout", "b", "10", "--yes");
  assert.deepEqual([manifest.flags.flags[1].targeting, manifest.flags.flags[1].defaultVariant], [{ fractional: [["on", 10], ["off", 90]] }, "off"]);
});

// ---- what is written ------------------------------------------------------------------------------------------------

test("a dry run says the same and writes nothing", options, async (t) => {
  const dir = world(t);
  const dry = await dir.report(0, "rollback", "--to", "b2", "--dry-run", ...at(60));
  assert.deepEqual([dir.text("trueup.json"), dir.json("trueup.history.json")], [MANIFEST, HISTORY]);
  const { dryRun, ...rest } = dry;
  const wet = await dir.report(0, "rollback", "--to", "b2", ...at(60));
  assert.deepEqual([dryRun, { ...rest, dryRun: false, file: "trueup.json" }], [true, wet]);
  assert.match((await dir.ends(0, "pause", "-n")).out, /dry run: nothing was written/);
});

test("the report has a form that programs can rely on", options, async (t) => {
  const dir = world(t);
  const report = await dir.report(0, "block", "b1", ...at(60));
  assert.deepEqual(report, {
    command: "block b1",
    ok: true,
    changed: true,
    dryRun: false,
    serial: { before: SERIAL, after: SERIAL + 60 },
    changes: [
      { path: "serial", before: SERIAL, after: SERIAL + 60 },
      { path: "supported.blocked", before: [{ id: "bad" }], after: [{ id: "bad" }, { id: "b1" }] },
    ].slice(1),
    impact: {
      known: 3,
      behind: 0,
      deprecated: 0,
      unsupported: 1,
      forced: 1,
      builds: [
        {
          id: "b1",
          version: "1.0.0",
          before: { status: "deprecated", reason: "api-deprecated", action: "urge", calls: { orders: "2" } },
          after: { status: "unsupported", reason: "blocked", action: "force", calls: { orders: "2" } },
        },
      ],
    },
    worstSeconds: { heard: 370, forced: 445 },
    refusals: [],
    notes: [],
    findings: [],
    file: "trueup.json",
  });
});

test("the worst case follows from the old period and the new spread", options, async (t) => {
  const dir = scratch(t, { "trueup.json": { trueup: 1, serial: 1, current: { id: "b" }, poll: { everySeconds: 60 }, refresh: { spreadSeconds: 9999 } } });
  assert.deepEqual((await changed(dir, "pause")).report.worstSeconds, { heard: 82, forced: 82 + 3600 + 75 });
  assert.match((await dir.ends(0, "block", "a", ...at(61))).out, /visible tabs hear of it within 82 s/);
  dir.write("trueup.json", { trueup: 1, serial: 1, current: { id: "b" }, poll: { everySeconds: 1 } });
  assert.deepEqual((await changed(dir, "pause")).report.worstSeconds, { heard: 28, forced: 28 + 300 + 75 });
});

test("a text is written whole or not at all, with its mode, and through a link", options, async (t) => {
  const dir = world(t);
  chmodSync(dir.path("trueup.json"), 0o640);
  symlinkSync("trueup.json", dir.path("link.json"));
  await dir.ends(0, "pause", "-f", "link.json", ...at(60));
  assert.equal(dir.json("trueup.json").refresh.paused, true);
  assert.equal(lstatSync(dir.path("link.json")).isSymbolicLink(), true);
  assert.equal(statSync(dir.path("trueup.json")).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(dir.dir).sort(), ["link.json", "trueup.history.json", "trueup.json"], "nothing is left beside them");
  const failed = await dir.report(5, "resume", "--out", "missing/trueup.json", "--history", "trueup.history.json");
  assert.match(failed.error.message, /cannot write/);
  const before = dir.text("trueup.json");
  await dir.ends(5, "resume", "--history", "missing/history.json");
  assert.equal(dir.text("trueup.json"), before, "neither of the two is written");
  assert.deepEqual(readdirSync(dir.dir).sort(), ["link.json", "trueup.history.json", "trueup.json"]);
});

test("readers see the old manifest or the new one while it is replaced", options, async (t) => {
  const dir = world(t);
  let reads = 0;
  let ended = false;
  const changes = (async () => {
    for (const command of ["pause", "resume"]) assert.equal((await spawned(dir.dir, [command])).code, 0);
    ended = true;
  })();
  while (!ended) {
    JSON.parse(dir.text("trueup.json"));
    if (++reads % 50 === 0) await new Promise((done) => setTimeout(done));
  }
  await changes;
  assert.ok(reads > 100);
});

test("order, layout, line ends and what nobody knows survive any change", options, async (t) => {
  for (const [name, text, expected] of [
    ["minified", '{"9":1,"trueup":1,"serial":1,"current":{"id":"a"},"b":1.50,"a":[1,2]}', '{"9":1,"trueup":1,"serial":#,"current":{"id":"a"},"b":1.50,"a":[1,2],"refresh":{"paused":true}}'],
    ["one line", '{ "trueup": 1, "serial": 1, "current": { "id": "a" } }', '{ "trueup": 1, "serial": #, "current": { "id": "a" }, "refresh": { "paused": true } }'],
    ["tabs and CRLF", '{\r\n\t"trueup": 1,\r\n\t"serial": 1,\r\n\t"current": {\r\n\t\t"id": "a"\r\n\t},\r\n\t"refresh": {}\r\n}\r\n', '{\r\n\t"trueup": 1,\r\n\t"serial": #,\r\n\t"current": {\r\n\t\t"id": "a"\r\n\t},\r\n\t"refresh": { "paused": true }\r\n}\r\n'],
    ["null", '{\n  "refresh": null,\n  "trueup": 1, "serial": 1,\n  "current": {"id": "a"}\n}', '{\n  "refresh": { "paused": true },\n  "trueup": 1, "serial": #,\n  "current": {"id": "a"}\n}'],
    ["a name that stands twice", '{ "serial": 0, "trueup": 1, "serial": 1, "current": { "id": "a" }, "refresh": { "paused": null } }', '{ "serial": 0, "trueup": 1, "serial": #, "current": { "id": "a" }, "refresh": { "paused": true } }'],
  ]) {
    const dir = scratch(t, { "trueup.json": text });
    await dir.ends(0, "pause", ...at());
    assert.equal(dir.text("trueup.json"), expected.replace("#", SERIAL), name);
  }
});

test("a manifest that is broken in a part is changed, and the part is reported; a new break is refused", options, async (t) => {
  const dir = scratch(t, { "trueup.json": { trueup: 1, serial: 1, current: { id: "a" }, apis: { x: { supported: 1 } } } });
  assert.match((await changed(dir, "pause")).report.notes.join(), /apis.x.supported.*as before/);
  dir.write("trueup.json", { trueup: 1, serial: 1, current: { id: "a" }, supported: { minimum: "x" } });
  await refused(dir, 4, ["rejected"], "pause", "--yes");
  assert.equal((await changed(dir, "minimum", "none")).manifest.supported.minimum, undefined, "a change may mend it");
});

test("a manifest too broken to have a current build, and a history with a wrong version, break nothing else", options, async (t) => {
  const dir = world(t, { "trueup.json": { trueup: 1, serial: 1, current: "b3" } });
  await refused(dir, 4, ["rejected"], "pause");
  assert.deepEqual((await changed(dir, "publish", "--id", "b4", "--version", "1.3")).manifest.current, { id: "b4", version: "1.3" });
  dir.write("trueup.history.json", { history: 1, builds: [{ id: "odd", version: "x", published: "2026-01-01", apis: { orders: [] } }] });
  assert.equal((await changed(dir, "block", "odd")).report.impact.forced, 1);
});

test("a manifest goes through stdin and stdout", options, async (t) => {
  const dir = scratch(t);
  const { code, out, err } = await spawned(dir.dir, ["pause", "--file", "-", ...at(60)], MANIFEST);
  assert.equal(code, 0, err);
  assert.equal(JSON.parse(out).refresh.paused, true);
});

test("a history begins with what is current, at the time of its serial", options, async (t) => {
  const dir = scratch(t, { "trueup.json": MANIFEST });
  await dir.ends(0, "publish", "--id", "b4", "--version", "1.3", ...at(3600));
  const { builds } = dir.json("trueup.history.json");
  assert.deepEqual(builds.map(({ id, published }) => [id, published]), [
    ["b3", new Date(NOW).toISOString()],
    ["b4", new Date(NOW + 3_600_000).toISOString()],
  ]);
});
