/** What the app hands in: listeners, values, URLs. None of it can break what runs in the page. */
import { TrueupError } from "./errors.js";

/** The app's own listeners neither stop Trueup nor fail silently. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (thrown) {
    console.error(thrown);
  }
}

/** The URL as the page resolves it; `path` is the option's. */
export function resolve(url: string, path: string): string {
  try {
    return new URL(url, document.baseURI).href;
  } catch {
    throw new TrueupError("path", path);
  }
}

/** A copy as JSON has it: what crosses into the core has no cycles, functions or classes. */
export function plain(value: object, path: string): object {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    throw new TrueupError("type", path);
  }
}
