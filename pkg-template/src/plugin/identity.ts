/** Which build this is: from the CI, from git, or from the sources. Nothing depends on the time of day. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { PluginOptions } from "./options.js";

/** A build, as it is stamped. */
export interface Identity {
  id: string;
  version?: string | number;
  /** The commit's time, in Unix seconds. */
  time?: number;
  /** What the person should know. */
  warnings: string[];
}

/** What CIs and hosts call the commit that they build. */
export const COMMITS = [
  "GITHUB_SHA",
  "CI_COMMIT_SHA", // GitLab
  "VERCEL_GIT_COMMIT_SHA",
  "COMMIT_REF", // Netlify
  "CF_PAGES_COMMIT_SHA",
  "WORKERS_CI_COMMIT_SHA",
  "BITBUCKET_COMMIT",
  "CIRCLE_SHA1",
  "BUILD_SOURCEVERSION", // Azure Pipelines
  "BUILDKITE_COMMIT",
  "DRONE_COMMIT_SHA",
  "TRAVIS_COMMIT",
  "RENDER_GIT_COMMIT",
  "RAILWAY_GIT_COMMIT_SHA",
  "AWS_COMMIT_ID", // Amplify
  "SOURCE_VERSION", // Heroku
  "GIT_COMMIT", // Jenkins
];

/** `outDir` is no source. */
export function identify(options: PluginOptions, root: string, outDir?: string, env: NodeJS.ProcessEnv = process.env): Identity {
  const warnings: string[] = [];
  const top = git(root, "rev-parse", "--show-toplevel")?.trim();
  const commit = top && git(top, "rev-parse", "--verify", "--quiet", "HEAD")?.trim();
  const epoch = (commit && git(top, "log", "-1", "--format=%ct")) || env.SOURCE_DATE_EPOCH;
  const time = epoch ? Number(epoch) : undefined;
  const fromCi = COMMITS.map((name) => env[name]).find(Boolean);

  const fromGit = () => {
    if (!commit) return;
    const changes = changed(top, outDir);
    if (changes) warnings.push("there are changes that are not committed: the id is that of the commit and of the changes");
    return changes ? `${commit}-${changes}` : commit;
  };
  const fromSources = () => {
    warnings.push("there is no commit here: the id is a hash of the sources");
    return hashOf(sources(root, outDir), root);
  };
  const id = options.id ?? fromCi ?? fromGit() ?? fromSources();

  let version: string | number | undefined = options.version ?? "commit";
  if (version === "package") version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version as string | undefined;
  else if (version === "commit") version = time;
  if (version === undefined) warnings.push("there is no commit to take a version from: this build is told from others by its id only");
  return { id, ...(version !== undefined && { version }), ...(time !== undefined && { time }), warnings };
}

function git(cwd: string, ...command: string[]): string | undefined {
  try {
    return execFileSync("git", command, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 30 });
  } catch {
    return undefined;
  }
}

/** A hash of what differs from the commit; undefined where nothing does. */
function changed(top: string, outDir: string | undefined): string | undefined {
  // Output may be committed, too: a build does not differ by what the last one wrote.
  const out = outDir && relative(realpathSync(top), existsSync(outDir) ? realpathSync(outDir) : outDir);
  const but = out && !out.startsWith("..") ? [`:(exclude,literal)${out.split(sep).join("/")}`] : [];
  const diff = git(top, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-color", "--", ".", ...but) ?? "";
  const untracked = (git(top, "ls-files", "--others", "--exclude-standard", "-z") ?? "")
    .split("\0")
    .filter(Boolean)
    .map((path) => join(top, path))
    .filter((path) => isSource(path, top, outDir))
    .sort();
  return diff || untracked.length ? hashOf(untracked, top, diff) : undefined;
}

/** Not what tools have made. */
function isSource(path: string, root: string, outDir: string | undefined): boolean {
  if (outDir && (path === outDir || path.startsWith(outDir + sep))) return false;
  return !relative(root, path)
    .split(sep)
    .some((part) => /^(\..*|node_modules|dist|build|out|coverage)$/.test(part));
}

function sources(dir: string, outDir: string | undefined, root = dir): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (!isSource(path, root, outDir)) return [];
      return entry.isDirectory() ? sources(path, outDir, root) : [path];
    })
    .sort();
}

function hashOf(files: string[], root: string, more = ""): string {
  const hash = createHash("sha256").update(more);
  for (const file of files) {
    hash.update(`\0${relative(root, file).split(sep).join("/")}\0`);
    // A link may lead to nothing, or out of here.
    if (existsSync(file)) hash.update(contentOf(file));
  }
  return hash.digest("hex").slice(0, 12);
}

function contentOf(file: string): Buffer | string {
  try {
    return readlinkSync(file);
  } catch {
    return readFileSync(file);
  }
}
