/** The command `trueup`: what it takes is in program.ts. */
import { CommanderError } from "commander";
import { Ended } from "./change.js";
import { EXIT, Failure, Output } from "./output.js";
import { program } from "./program.js";

/** A failure before the options are known has to know this too. */
const json = process.argv.includes("--json");

// Whoever reads the first lines only (`| head`) has closed the pipe: no fault.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });

try {
  await program(json).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and the version are no failures.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
    if (error.exitCode !== 0) new Output(json).report({ ok: false, exit: EXIT.usage, error: { code: "usage", message: error.message } });
  } else if (error instanceof Failure) {
    fail(error);
  } else if (!(error instanceof Ended)) {
    throw error;
  }
}

function fail({ exit, message, details }: Failure): void {
  process.exitCode = EXIT[exit];
  new Output(json).report({ ok: false, exit: EXIT[exit], error: { ...details, code: exit, message } });
  if (json) return;
  const { line, text, column } = details as { line?: number; text?: string; column?: number };
  const place = line === undefined ? "" : `\n${String(line).padStart(5)} | ${text}\n      | ${" ".repeat(column! - 1)}^`;
  process.stderr.write(`trueup: ${message}${place}\n`);
}
