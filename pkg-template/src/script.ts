/**
 * The script drop-in: connects at once and leaves the client as `window.trueup`. Every option has an attribute of its
 * `<script>`, with dashes for steps and capitals: `data-build-id`, `data-poll-every-seconds`, `data-worker-activate`;
 * `data-apis`, `data-flags-context` and `data-texts` hold JSON.
 */
import { connect } from "./client.js";
import { TrueupError } from "./errors.js";
import type { Options } from "./types.js";

const PATHS = [
  "build.id", "build.version", "manifest", "app", "mode", "ui", "poll.everySeconds", "countdownSeconds", "shell", "apis",
  "flags.context", "flags.stickyKey", "user", "texts", "worker.activate", "chunks", "sendBuild",
];
/** What is not plain text. */
const JSON_PATHS = /^(poll\.|countdown|apis|flags\.|texts|sendBuild)/;

function read({ dataset }: HTMLOrSVGElement): Options {
  const options: any = {};
  for (const path of PATHS) {
    const given = dataset[path.replace(/\.(.)/g, (_, letter) => letter.toUpperCase())];
    if (given === undefined) continue;
    const [name, member] = path.split(".") as [string, string?];
    const value = JSON_PATHS.test(path) ? parse(given, path) : given;
    if (member) (options[name] ??= {})[member] = value;
    else options[name] = value;
  }
  return options;
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text || "true");
  } catch {
    throw new TrueupError("json", path);
  }
}

const script = document.currentScript;
Object.assign(globalThis, { trueup: connect(script ? read(script) : {}) });
