// Fresh apps outside of this repository, which have the package from its tarball and nothing else of here.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";

const root = new URL("../../", import.meta.url);
const { devDependencies: pinned } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
export const tarball = process.env.TRUEUP_TARBALL;

const made = [];
after(() => made.forEach((dir) => rmSync(dir, { recursive: true })));

/** Runs a command; what it printed is in the error if it fails. */
export async function run(dir, command, args, env) {
  try {
    return (await promisify(execFile)(command, args, { cwd: dir, env: { ...process.env, ...env }, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    throw new Error(`${command} ${args.join(" ")}: ${error.stdout}\n${error.stderr || error.message}`);
  }
}

/** An app of the templates in `folders`, installed with the tools named, at the versions that they name (`vite@5.0.0`) or else those of this repository. */
export async function fresh(name, folders, tools = []) {
  const dir = mkdtempSync(join(tmpdir(), `trueup-${name}-`));
  made.push(dir);
  for (const folder of folders) cpSync(new URL(`apps/${folder}`, import.meta.url), dir, { recursive: true });
  const of = (given) => {
    const [, tool, version] = given.match(/^(.[^@]*)@?(.*)$/);
    if (version) return [tool, version];
    if (!pinned[tool]) throw new Error(`${tool} is not in package.json`);
    return [tool, pinned[tool]];
  };
  const dependencies = { trueup: `file:${tarball}`, ...Object.fromEntries(tools.map(of)) };
  writeFileSync(join(dir, "package.json"), JSON.stringify({ name, private: true, type: "module", dependencies }));
  await run(dir, "npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--no-package-lock", "--loglevel=error"]);
  return dir;
}
