/** Files and URLs: what the command line reads, and how it writes. */
import { closeSync, fsyncSync, lstatSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { Failure } from "./output.js";

/** The longest text that a tab reads. */
const MAX_TEXT = 1 << 20;

export interface Source {
  name: string;
  text: string;
  /** Of a URL. */
  answer?: { status: number; headers: Headers; redirected: boolean };
}

export const isUrl = (name: string) => /^https?:\/\//i.test(name);

/** Reads a file, a URL, or stdin (`-`). `absent`: what a file that is not there stands for. */
export async function read(name: string, absent?: string): Promise<Source> {
  if (isUrl(name)) {
    const answer = await get(name);
    if (answer.status === 404 && absent !== undefined) return { name, text: absent };
    if (answer.status !== 200) throw new Failure("unreadable", `${name} answered with status ${answer.status}`);
    return { name, text: answer.text, answer };
  }
  try {
    return { name, text: new TextDecoder().decode(readFileSync(name === "-" ? 0 : name)) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && absent !== undefined) return { name, text: absent };
    if (code === "ENOENT") throw new Failure("unreadable", `there is no ${name}`);
    throw new Failure("unreadable", `${name} cannot be read: ${message}`);
  }
}

/** One request, past every cache on the way that heeds it, for at most 10 s, as a tab does it. */
export async function get(url: string, accept = "*/*") {
  try {
    const answer = await fetch(url, { headers: { accept, "cache-control": "no-cache" }, signal: AbortSignal.timeout(10_000) });
    const text = await answer.text();
    if (text.length > MAX_TEXT) throw new Error("the answer is longer than 1 MiB");
    return { status: answer.status, headers: answer.headers, redirected: answer.redirected, text };
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Failure("unreadable", `${url} cannot be read: ${(cause as Error | undefined)?.message || message}`);
  }
}

/**
 * Writes files whole or not at all: each beside its place first, and all are renamed only when all are written. A reader
 * sees the old text or the new one, never a part.
 */
export function write(files: readonly { name: string; text: string }[]): void {
  const pending: { from: string; to: string }[] = [];
  try {
    for (const { name, text } of files) {
      // What a link points at is replaced, not the link.
      const link = lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink();
      const to = link ? realpathSync(name) : name;
      const from = `${to}.${process.pid}.tmp`;
      const mode = statSync(to, { throwIfNoEntry: false })?.mode ?? 0o644;
      const file = openSync(from, "wx", mode);
      pending.push({ from, to });
      writeSync(file, text);
      fsyncSync(file);
      closeSync(file);
    }
    while (pending.length) {
      renameSync(pending[0]!.from, pending[0]!.to);
      pending.shift();
    }
  } catch (error) {
    for (const { from } of pending) rmSync(from, { force: true });
    throw new Failure("unreadable", `cannot write: ${(error as Error).message}`);
  }
}
