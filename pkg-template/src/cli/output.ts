/** What the command line says, and how it ends. */

/** Exit codes, by what went wrong. They are documented in docs/command-line.md and in `--help`. */
export const EXIT = {
  /** Something was found: an error by `check`, a stale edge by `verify`, a difference by `diff`. */
  found: 1,
  /** The command line is wrong. */
  usage: 2,
  /** Refused, unless `--yes` is given. */
  unsure: 3,
  /** Refused, whatever is given. */
  refused: 4,
  /** A file or URL could not be read, written, or understood. */
  unreadable: 5,
} as const;

/** Ends the command: printed, and turned into the exit code. */
export class Failure extends Error {
  constructor(
    readonly exit: keyof typeof EXIT,
    message: string,
    readonly details: object = {},
  ) {
    super(message);
  }
}

type Style = "bold" | "dim" | "red" | "green" | "yellow";
const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** Lines for people, or one JSON object for programs. */
export class Output {
  readonly #to: 1 | 2;

  /** `json`: nothing but the report is printed. `aside`: to stderr, since stdout carries a manifest. */
  constructor(
    readonly json: boolean,
    aside = false,
  ) {
    this.#to = aside ? 2 : 1;
  }

  say(...lines: string[]): void {
    if (!this.json) for (const line of lines) print(this.#to, `${line}\n`);
  }

  /** The report, for `--json`: one object, on one stream, at the end. */
  report(report: object): void {
    if (this.json) print(this.#to, `${JSON.stringify(report, null, 2)}\n`);
  }

  /** Colours on a terminal only, and not where https://no-color.org asks for none. */
  style(style: Style, text: string): string {
    const stream = this.#to === 1 ? process.stdout : process.stderr;
    const coloured = stream.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
    return coloured ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
  }
}

/** Nothing ends the process before all is written: it ends by itself. */
export function print(to: 1 | 2, text: string): void {
  (to === 1 ? process.stdout : process.stderr).write(text);
}
