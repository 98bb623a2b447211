// The command line, as far as it only reads: check, explain, diff, verify, help.
import assert from "node:assert/strict";
import { test } from "node:test";
import { at, edge, MANIFEST, NOW, scratch, SERIAL, spawned, unbuilt, world } from "./cli.mjs";

const options = { skip: unbuilt };
const manifest = { trueup: 1, serial: SERIAL, current: { id: "b2", version: "1.1.0" }, refresh: { spreadSeconds: 0 } };

// ---- check ----------------------------------------------------------------------------------------------------------

test("check finds nothing in a manifest that is right", options, async (t) => {
  const dir = world(t);
  assert.match((await dir.ends(0, "check", "trueup.json", ...at())).out, /^0 errors, 0 warnings$/m);
  assert.deepEqual(await dir.report(0, "check", "trueup.json", ...at()), { command: "check", ok: true, errors: 0, warnings: 0, findings: [] });
});

test("check names every error with its path, its words and its line, not the first one only", options, async (t) => {
  const dir = scratch(t, {
    "m.json": `{
  "trueup": 1, "serial": ${SERIAL},
  "current": { "id": "b", "version": "4.x" },
  "supported": { "minimum": "2", "recommended": "1", "deadline": "soon", "blocked": [ {} ] },
  "refresh": { "link": "https://x" },
  "apis": { "orders": { "supported": ["2", "x"] }, "b": { "preferred": 3 } }
}
`,
  });
  const { findings } = await dir.report(1, "check", "m.json", ...at());
  assert.deepEqual(
    findings.map(({ severity, code, path, line }) => [severity, code, path, line]),
    [
      ["error", "version", "current.version", 3],
      ["error", "missing", "supported.blocked[0]", 4],
      ["error", "time", "supported.deadline", 4],
      ["error", "contradiction", "supported.minimum", 4],
      ["error", "path", "refresh.link", 5],
      ["error", "version", "apis.orders.supported[1]", 6],
      ["error", "missing", "apis.b.supported", 6],
    ],
  );
  const { out } = await dir.ends(1, "check", "m.json", ...at());
  assert.ok(out.includes(`error: current.version: "4.x" is not a version`), out);
  assert.ok(out.includes(`    3 |   "current": { "id": "b", "version": "4.x" },\n      |                           ^`), out);
  assert.match(out, /^7 errors, 0 warnings: tabs reject it/m);
});

test("a manifest with a broken part is taken without it, and check says so", options, async (t) => {
  const dir = scratch(t, { "m.json": { ...manifest, apis: { orders: { supported: 2 } } } });
  assert.match((await dir.ends(1, "check", "m.json", ...at())).out, /1 error, 0 warnings: tabs take it without the parts that are wrong/);
});

test("warnings are no errors, unless --strict says so", options, async (t) => {
  const dir = scratch(t, {
    "m.json": `{ "trueup": 1, "serial": ${SERIAL}, "current": { "id": "b", "id": "c" }, "suported": {},
      "supported": { "minimum": "1", "deadline": "2026-01-01T00:00:00Z", "recommendd": 1 },
      "refresh": { "urgency": "asap", "spreadSeconds": 9999, "paused": true },
      "apis": { "a": { "supported": ["1"], "preferred": "2", "deprecated": { "3": {}, "1": { "sunset": "2026-01-01T00:00:00Z" } } } },
      "flags": { "flags": { "f": { "state": "ENABLED", "variants": { "x": { "any": 1 } }, "stat": 1 } } } }`,
  });
  const { findings } = await dir.report(0, "check", "m.json", ...at());
  assert.deepEqual(findings.map(({ severity, code, path }) => [severity, code, path].join(" ")).sort(), [
    "warning clamped refresh.spreadSeconds",
    "warning double current.id",
    "warning no-effect apis.a.deprecated.3",
    "warning no-effect supported.deadline",
    "warning no-version supported.minimum",
    "warning past apis.a.deprecated.1.sunset",
    "warning paused refresh.paused",
    "warning undefined apis.a.preferred",
    "warning unknown refresh.urgency",
    "warning unused flags.flags.f.stat",
    "warning unused suported",
    "warning unused supported.recommendd",
  ]);
  await dir.ends(1, "check", "m.json", "--strict", ...at());
});

test("a serial from the future is an error by the clock, and one of today is none", options, async (t) => {
  const dir = scratch(t, { "m.json": { ...manifest, serial: SERIAL * 1000 } });
  assert.equal((await dir.report(1, "check", "m.json", ...at())).findings[0].code, "future");
});

test("what is not JSON is shown with its place", options, async (t) => {
  const dir = scratch(t, { "m.json": `{\n  "trueup": 1,\n  "serial": oops\n}\n`, "list.json": "[]" });
  const { out } = await dir.ends(1, "check", "m.json");
  assert.ok(out.includes(`    3 |   "serial": oops\n      |             ^`), out);
  assert.equal((await dir.report(1, "check", "m.json")).findings[0].code, "json");
  assert.equal((await dir.report(1, "check", "list.json")).findings[0].code, "type");
});

test("check reads a URL, its headers and the time of the answer", options, async (t) => {
  const dir = scratch(t);
  const routes = { "/trueup.json": { headers: { "cache-control": "max-age=600" }, body: JSON.stringify(manifest) } };
  const origin = await edge(t, routes);
  const { findings } = await dir.report(0, "check", `${origin}/trueup.json`, ...at());
  assert.deepEqual(findings.map(({ code }) => code), ["no-etag", "cached"]);
  routes["/trueup.json"] = { headers: { "cache-control": "no-cache", etag: '"1"', date: new Date(NOW - 2 * 86_400_000).toUTCString() }, body: JSON.stringify(manifest) };
  assert.deepEqual((await dir.report(1, "check", `${origin}/trueup.json`)).findings.map(({ code }) => code), ["future"]);
  const gone = await dir.report(5, "check", `${origin}/other.json`);
  assert.match(gone.error.message, /answered with status 404/);
});

test("stdin is a manifest too", options, async (t) => {
  const dir = scratch(t);
  const { code, out } = await spawned(dir.dir, ["check", "-", ...at()], JSON.stringify(manifest));
  assert.equal(code, 0, out);
  assert.match(out, /^0 errors, 0 warnings$/m);
});

// ---- explain --------------------------------------------------------------------------------------------------------

const steps = async (dir, code, ...args) => (await dir.report(code, "explain", "m.json", ...args, ...at())).steps.map(({ step }) => step);

test("explain plays an offer, an urge and a force to their ends", options, async (t) => {
  const dir = scratch(t, { "m.json": manifest });
  const old = ["--build", "b1", "--version", "1.0.0"];
  assert.deepEqual(await steps(dir, 0, ...old), ["checking", "offering"]);
  dir.write("m.json", { ...manifest, supported: { recommended: "1.1" }, refresh: { spreadSeconds: 60 } });
  assert.deepEqual(await steps(dir, 0, ...old), ["spreading", "checking", "urging"]);
  dir.write("m.json", { ...manifest, supported: { minimum: "1.1" } });
  assert.deepEqual(await steps(dir, 0, ...old), ["checking", "counting", "saving", "reloading"]);
  const { out } = await dir.ends(0, "explain", "m.json", ...old, ...at());
  assert.match(out, /^standing {2}unsupported: its version is below supported.minimum$/m);
  assert.match(out, /^due {7}a forced refresh/m);
  assert.match(out, /\+60 s +reloads, once/);
});

test("explain says why nothing happens", options, async (t) => {
  const dir = scratch(t, { "m.json": manifest });
  assert.deepEqual(await steps(dir, 0, "--build", "b2"), ["idle"]);
  const old = ["--build", "b1", "--version", "1.0.0"];
  const stale = await dir.report(0, "explain", "m.json", ...old, "--stale-page", ...at());
  assert.deepEqual(stale.steps.map(({ step, reason }) => [step, reason]), [["checking", undefined], ["waiting", "same-build"]]);
  dir.write("m.json", { ...manifest, refresh: { paused: true } });
  assert.match((await dir.ends(0, "explain", "m.json", ...old, ...at())).out, /does nothing: refresh.paused stops/);
  dir.write("m.json", { ...manifest, refresh: { share: 0.1, spreadSeconds: 0 } });
  assert.match((await dir.ends(0, "explain", "m.json", ...old, ...at())).out, /refresh.share lets 10 % of the tabs go on[^]*shows the offer/);
  dir.write("m.json", { ...manifest, refresh: { share: 0, spreadSeconds: 0 } });
  assert.match((await dir.ends(0, "explain", "m.json", ...old, ...at())).out, /does nothing: refresh.share leaves this tab out/);
});

test("explain negotiates, by --speaks or by the stamp", options, async (t) => {
  const dir = world(t, { "stamp.json": { trueup: 1, id: "b1", version: "1.0.0", apis: { orders: { speaks: ["1"], required: true } } } });
  const spoken = await dir.report(0, "explain", "trueup.json", "--build", "b3", "--speaks", "orders=3,2", "--speaks", "search=1", ...at());
  assert.deepEqual([spoken.plan.orders.version, spoken.plan.orders.outcome, spoken.plan.search.outcome], ["3", "agreed", "absent"]);
  const stamped = await dir.report(0, "explain", "trueup.json", "--stamp", "stamp.json", ...at());
  assert.deepEqual([stamped.standing.status, stamped.standing.reason], ["unsupported", "api-too-old"]);
  assert.match((await dir.ends(0, "explain", "trueup.json", "--stamp", "stamp.json", ...at())).out, /orders: client-too-old, calls are refused before they are sent/);
});

test("explain evaluates the flags for a context and the build", options, async (t) => {
  const dir = world(t);
  const flags = async (...args) => (await dir.report(0, "explain", "trueup.json", ...args, ...at())).flags;
  const old = await flags("--build", "b1", "--version", "1.0.0", "--context", '{"targetingKey":"ada"}');
  assert.deepEqual([old["new-checkout"].variant, old["new-checkout"].reason, old.theme.value], ["off", "TARGETING_MATCH", 2]);
  const build = ["--build", "b3", "--version", "1.2.0"];
  const variants = [];
  for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"]) variants.push((await flags(...build, "--context", JSON.stringify({ targetingKey: name })))["new-checkout"].variant);
  assert.deepEqual([...new Set(variants)].sort(), ["off", "on"], "a split by targeting key");
  await dir.ends(0, "flag", "off", "new-checkout", ...at());
  const { out } = await dir.ends(0, "explain", "trueup.json", ...build, ...at());
  assert.match(out, /new-checkout: the app's own fallback, DISABLED/);
});

test("check knows flags that are broken, each by its place", options, async (t) => {
  const flags = { flags: { a: { state: "ENABLED", variants: {} }, b: { state: "ENABLED", variants: { on: 1 }, targeting: { iff: [] } }, c: { state: "ENABLED", variants: { on: 1 } } } };
  const dir = scratch(t, { "m.json": { ...manifest, flags } });
  const { findings } = await dir.report(1, "check", "m.json", ...at());
  assert.deepEqual(findings.map(({ code, path }) => `${code} ${path}`), ["missing flags.flags.a.variants", "operator flags.flags.b.targeting.iff"]);
  dir.write("m.json", { ...manifest, flags: { fractional: 7, flags: {} } });
  assert.equal((await dir.report(1, "check", "m.json", ...at())).findings[0].path, "flags.fractional");
});

test("of lists every wrong item is named at its own place", options, async (t) => {
  const flag = (more) => ({ state: "ENABLED", variants: { on: 1 }, ...more });
  const dir = scratch(t, {
    "m.json": {
      ...manifest,
      supported: { blocked: [{ id: 1 }, { version: "x" }, {}, { id: "b2" }] },
      apis: { a: { supported: ["x", "1", "y", {}] } },
      flags: { flags: [flag({ key: "a", state: 1 }), flag({}), flag({ key: "c", targeting: { if: [{ nope: [] }] } }), flag({ key: "d" })] },
    },
  });
  const { findings } = await dir.report(1, "check", "m.json", ...at());
  assert.deepEqual(findings.map(({ code, path }) => `${code} ${path}`).sort(), [
    "contradiction supported.blocked",
    "missing flags.flags[1].key",
    "missing supported.blocked[2]",
    "operator flags.flags[2].targeting.if[0].nope",
    "type apis.a.supported[3]",
    "type flags.flags[0].state",
    "type supported.blocked[0].id",
    "version apis.a.supported[0]",
    "version apis.a.supported[2]",
    "version supported.blocked[1].version",
  ]);
});

test("explain looks at another moment with --at", options, async (t) => {
  const dir = scratch(t, { "m.json": { ...manifest, supported: { recommended: "1.1", deadline: "2026-12-01T00:00:00Z" } } });
  const standing = async (time) => (await dir.report(0, "explain", "m.json", "--build", "b1", "--version", "1", "--at", time)).standing;
  assert.deepEqual(await standing("2026-11-30"), { status: "deprecated", reason: "below-recommended", deadline: Date.parse("2026-12-01T00:00:00Z") });
  assert.equal((await standing("2026-12-01")).reason, "deadline-passed");
});

test("explain of a manifest that tabs reject says that it changes nothing", options, async (t) => {
  const dir = scratch(t, { "m.json": { ...manifest, serial: -1 } });
  assert.match((await dir.ends(1, "explain", "m.json", "--build", "b1")).out, /tabs reject this manifest: it changes nothing/);
  assert.equal((await dir.report(1, "explain", "m.json", "--build", "b1")).findings[0].path, "serial");
});

// ---- diff -----------------------------------------------------------------------------------------------------------

test("diff shows members and what they mean for known builds", options, async (t) => {
  const dir = world(t);
  dir.write("next.json", MANIFEST.replace('"minimum": "1.0.0"', '"minimum": "1.2.0", "recommended": "1.2.0"').replace(`"serial": ${SERIAL}`, `"serial": ${SERIAL + 1}`));
  const report = await dir.report(1, "diff", "trueup.json", "next.json", ...at());
  assert.deepEqual(report.changes, [
    { path: "serial", before: SERIAL, after: SERIAL + 1 },
    { path: "supported.minimum", before: "1.0.0", after: "1.2.0" },
    { path: "supported.recommended", after: "1.2.0" },
  ]);
  assert.deepEqual([report.impact.known, report.impact.unsupported, report.impact.forced], [3, 2, 2]);
  const { out } = await dir.ends(1, "diff", "trueup.json", "next.json", ...at());
  assert.match(out, /^~ supported.minimum: "1.0.0" -> "1.2.0"$/m);
  assert.match(out, /^\+ supported.recommended: "1.2.0"$/m);
  assert.match((await dir.ends(0, "diff", "trueup.json", "trueup.json")).out, /no difference/);
});

// ---- verify ---------------------------------------------------------------------------------------------------------

const mark = (id, app = "") => `<!doctype html><head><meta name="trueup-build" content="${id}" data-version="1.0.0"${app && ` data-app="${app}"`}>`;

test("verify tells fresh edges from stale ones, by manifest and by page", options, async (t) => {
  const dir = scratch(t);
  const body = (serial) => JSON.stringify({ ...manifest, serial });
  const fresh = await edge(t, { "/": mark("b2"), "/trueup.json": body(SERIAL) });
  const old = await edge(t, { "/": mark("b1"), "/trueup.json": { headers: { age: "77" }, body: body(SERIAL - 1) } });
  const broken = await edge(t, { "/": "<h1>login</h1>", "/trueup.json": "<h1>login</h1>" });
  const args = ["--serial", String(SERIAL), "--shell", "b2", ...at()];
  const report = await dir.report(1, "verify", `${fresh}/`, `${old}/`, `${broken}/`, "http://127.0.0.1:9/", ...args);
  assert.equal(report.stale, 3);
  assert.deepEqual(
    report.edges.map(({ fresh, manifest, page }) => [fresh, manifest.found, page.found]),
    [
      [true, SERIAL, "b2"],
      [false, SERIAL - 1, "b1"],
      [false, undefined, undefined],
      [false, undefined, undefined],
    ],
  );
  const { out } = await dir.ends(1, "verify", `${fresh}/`, `${old}/`, `${broken}/`, ...args);
  assert.match(out, /manifest: serial \d+ is older than \d+ \(77 s in a cache\)/);
  assert.match(out, /page: build b1, not b2/);
  assert.match(out, /page: the page carries no mark of this app/);
  assert.match(out, /manifest: tabs reject it: not-json/);
  assert.match((await dir.ends(0, "verify", `${fresh}/`, ...args)).out, /all 1 fresh/);
});

test("verify judges the page as a tab does: the app's own mark, status 200, HTML", options, async (t) => {
  const dir = scratch(t);
  const origin = await edge(t, {
    "/shop": mark("b2", "shop"),
    "/commented": `<!-- ${mark("b2")} -->`,
    "/plain": { headers: { "content-type": "text/plain" }, body: mark("b2") },
    "/moved": { status: 302, headers: { location: "/shop" } },
    "/odd": { status: 500, body: mark("b2") },
  });
  const fresh = async (path, ...args) => (await dir.run("verify", origin + path, "--shell", "b2", ...args)).code === 0;
  assert.ok(await fresh("/shop", "--app", "shop"));
  assert.ok(!(await fresh("/shop")));
  for (const path of ["/commented", "/plain", "/odd"]) assert.ok(!(await fresh(path)), path);
  assert.ok(!(await fresh("/moved", "--app", "shop")));
});

test("verify --wait goes on until the last edge is fresh", options, async (t) => {
  const dir = scratch(t);
  const routes = { "/": mark("b1") };
  const origin = await edge(t, routes);
  const ended = dir.ends(0, "verify", `${origin}/`, "--shell", "b2", "--wait", "60");
  setTimeout(() => (routes["/"] = mark("b2")), 1000);
  await ended;
});

// ---- the command itself ---------------------------------------------------------------------------------------------

test("help has examples and the exit codes, for every command", options, async (t) => {
  const dir = scratch(t);
  const { out } = await dir.ends(0, "--help");
  assert.match(out, /Exit codes: 0 done; 1 something was found/);
  const names = [...out.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name).filter((name) => name !== "help" && name !== "flag");
  assert.equal(names.length, 16, names.join());
  for (const name of [...names, "flag off", "flag on", "flag rollout"]) {
    const help = (await dir.ends(0, ...name.split(" "), "--help")).out;
    assert.match(help, new RegExp(`Examples:\\n {2}npx trueup ${name}`), name);
    assert.match(help, /--json/, name);
    assert.match(help, /Exit codes:/, name);
  }
});

test("wrong usage ends with 2, in words or as JSON", options, async (t) => {
  const dir = world(t);
  for (const args of [["nonsense"], ["explain", "trueup.json"], ["rollback"], ["verify", "http://127.0.0.1/"], ["verify", "shop", "--shell", "x"], ["share", "2"], ["share", ""], ["minimum", "4.x"], ["deprecate", "orders", "2", "--sunset", "soon"], ["publish"], ["publish", "--id", "a", "--stamp", "b"], ["explain", "trueup.json", "--build", "a", "--speaks", "orders"], ["explain", "trueup.json", "--build", "a", "--context", "[]"], ["publish", "--id", "a", "--version", "x"], ["pause", "--expect-serial", "x"], ["pause", "--out", "https://shop.example/trueup.json"], ["block"]]) {
    const { code, err } = await dir.run(...args);
    assert.equal(code, 2, `${args}: ${err}`);
    assert.ok(err.trim(), args);
  }
  assert.equal((await dir.report(2, "share", "2")).error.code, "usage");
  assert.equal(dir.text("trueup.json"), MANIFEST);
});

test("colours are for terminals, and for people who want them", options, async (t) => {
  const dir = scratch(t, { "m.json": "{}" });
  const coloured = async () => (await dir.ends(1, "check", "m.json")).out.includes("\x1b[31merror\x1b[0m");
  const { isTTY } = process.stdout;
  t.after(() => ((process.stdout.isTTY = isTTY), delete process.env.NO_COLOR));
  delete process.env.NO_COLOR;
  process.stdout.isTTY = false;
  assert.equal(await coloured(), false);
  process.stdout.isTTY = true;
  assert.equal(await coloured(), true);
  process.env.NO_COLOR = "1";
  assert.equal(await coloured(), false);
});

test("what tabs do not even read is named as that", options, async (t) => {
  const dir = scratch(t, { "long.json": JSON.stringify({ ...manifest, x: "x".repeat(1 << 20) }), "deep.json": `{"trueup":1,"serial":1,"current":{"id":"a"},"x":${"[".repeat(70)}${"]".repeat(70)}}` });
  assert.match((await dir.ends(1, "check", "long.json", ...at())).out, /is longer than 1 MiB/);
  assert.match((await dir.ends(1, "check", "deep.json", ...at())).out, /nested too deep/);
});

test("the command is one file that asks for nothing but Node", options, async () => {
  const { readFile } = await import("node:fs/promises");
  const { command } = await import("./cli.mjs");
  const text = await readFile(command, "utf8");
  assert.ok(text.startsWith("#!/usr/bin/env node\n"));
  const imported = [...text.matchAll(/^import .* from "([^"]+)"/gm)].map(([, name]) => name);
  assert.ok(imported.length > 3 && imported.every((name) => name.startsWith("node:")), imported.join());
  for (const name of ["commander", "jsonc-parser"]) assert.match(text, new RegExp(`/\\*!\\n${name}\\n[^]*?Permission is hereby granted`), `${name}'s licence is there`);
});

