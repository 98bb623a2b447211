// The one driver of all end-to-end tests and benchmarks: starts Chromium, opens tabs that remember their faults, serves
// small sites.
//
// `node --test` gives each test file a process of its own, so "once per process" below is once per test file.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, firefox } from "playwright-core";

/** The browser under test. `TRUEUP_CHROMIUM` names another one. */
export const executablePath = process.env.TRUEUP_CHROMIUM ?? "/usr/bin/chromium";

const endings = [];

/** `end` runs after the file's last test, the latest registered first. */
export const atEnd = (end) => void endings.push(end);

/** Ends it all. In a test file this happens by itself; a script calls it. */
export async function end() {
  for (const end of endings.reverse()) await end();
}
// Registered at import: within a test, `after` would mean after that test. In a script `node:test` would report.
if (process.argv[1]?.endsWith(".test.mjs")) (await import("node:test")).after(end);

const engines = {
  // As root there is no sandbox; /dev/shm is small in containers.
  chromium: () => chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] }),
  // As Mozilla and Debian ship it: Playwright's own build is not needed.
  firefox: () => firefox.launch({ channel: "moz-firefox", executablePath: process.env.TRUEUP_FIREFOX ?? "/usr/bin/firefox-esr" }),
};

const launched = {};

/** A browser, Chromium or another engine; launched at the first call and closed after the file's last test. */
export function browser(engine = "chromium") {
  if (!launched[engine]) {
    launched[engine] = engines[engine]();
    atEnd(async () => (await launched[engine]).close());
  }
  return launched[engine];
}

/**
 * A tab in a context of its own, both gone after the test. `options` are Playwright's for a context (`colorScheme`,
 * `viewport`, `locale`, …), and `engine`. `tab.faults` grows with everything that a page must not do; see `collectFaults`.
 */
export async function openTab(test, { engine, ...options } = {}) {
  const context = await (await browser(engine)).newContext(options);
  test.after(() => context.close());
  // Generous: no test asserts times, and the machine may be busy.
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  return { context, page, faults: await collectFaults(page) };
}

/**
 * The first page of a Chromium that was not launched by Playwright, gone after the test: Playwright's own launch turns
 * the back/forward cache off, makes every tab count as visible, freezes none, and keeps no profile.
 */
export async function openOwn(test) {
  const profile = await mkdtemp(join(tmpdir(), "trueup-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
  const process = spawn(executablePath, flags, { stdio: ["ignore", "ignore", "pipe"] });
  test.after(async () => {
    const ended = new Promise((done) => process.on("exit", done));
    process.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const endpoint = await new Promise((done) => {
    let said = "";
    process.stderr.on("data", (data) => {
      const found = /DevTools listening on (\S+)/.exec((said += data));
      if (found) done(found[1]);
    });
  });
  const remote = await attach(endpoint);
  test.after(() => remote.close());
  const [context] = remote.contexts();
  context.setDefaultTimeout(30_000);
  const [page] = context.pages();
  return { context, page, faults: await collectFaults(page) };
}

/** Attaches to a browser once it has its first page. Attaching to one that still starts may wait for ever: tried again. */
async function attach(endpoint, tries = 3) {
  const list = `http://${new URL(endpoint).host}/json/list`;
  for (let wait = 100; wait-- && !(await (await fetch(list)).json()).some(({ type }) => type === "page"); )
    await new Promise((done) => setTimeout(done, 100));
  try {
    return await chromium.connectOverCDP(endpoint, { noDefaults: true, timeout: 20_000 });
  } catch (error) {
    if (tries > 1) return attach(endpoint, tries - 1);
    throw error;
  }
}

/**
 * Console warnings and errors, uncaught exceptions, unhandled rejections and violations of the content security policy,
 * one line each, in order. Call it before the page navigates.
 */
export async function collectFaults(page) {
  const faults = [];
  page.on("console", (message) => {
    if (["warning", "error"].includes(message.type())) faults.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`uncaught: ${error?.stack ?? error}`));
  page.on("crash", () => faults.push("the page crashed"));
  await page.exposeBinding("trueupFault", (_source, fault) => faults.push(fault));
  await page.addInitScript(() => {
    // Playwright reports both as "pageerror" in some versions and neither with a usable text: heard here as well.
    addEventListener("unhandledrejection", (event) => window.trueupFault(`unhandled rejection: ${event.reason}`));
    addEventListener("securitypolicyviolation", (event) =>
      window.trueupFault(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  return faults;
}

/** Asserts that nothing went wrong in the tab so far. */
export function assertNoFaults(tab) {
  assert.deepEqual(tab.faults, []);
}

/** What a browser asks for of its own accord, and would complain about. */
const always = { "/favicon.ico": { status: 204 } };

/**
 * A site on a free port of 127.0.0.1, closed after the test (or, without one, after the file). `routes` maps a path to
 * a body, to `{ body, type, headers, status }`, or to a function of the request that returns either. Returns its origin.
 */
export async function serveSite(routes, test) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://127.0.0.1").pathname;
    let answer = routes[path] ?? always[path];
    if (typeof answer === "function") answer = await answer(request);
    if (answer === undefined) answer = { status: 404, body: "not found", type: "text/plain" };
    if (typeof answer === "string") answer = { body: answer };
    const { body, status = 200, headers = {} } = answer;
    const type = answer.type ?? (path.endsWith(".js") ? "text/javascript" : "text/html");
    response.writeHead(status, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store", ...headers });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  if (test) test.after(close);
  else atEnd(close);
  return `http://127.0.0.1:${server.address().port}`;
}
