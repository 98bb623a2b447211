/** How long a change takes at worst, by the manifest's own figures. What it rests on stands in docs/operating.md. */
import type { Document } from "./document.js";
import type { Output } from "./output.js";
import { duration } from "./words.js";

/** Seconds; of visible tabs without holds that reach the servers, and whose options leave period and countdown alone. */
export interface Worst {
  /** Until every tab has heard: the old manifest's period, with its jitter, and one request. */
  heard: number;
  /** Until every forced tab has reloaded, unless a person wants to finish: spread, a look at the page, countdown, saving. */
  forced: number;
}

/** The limit of a request, the countdown, and the time for `onSave`, in seconds. */
const [REQUEST, COUNTDOWN, SAVE] = [10, 60, 5];

export function worst(before: Document, after: Document): Worst {
  const heard = 1.2 * Math.floor(figure(before.get("poll", "everySeconds"), 300, 15)) + REQUEST;
  return { heard, forced: heard + figure(after.get("refresh", "spreadSeconds"), 300, 0) + REQUEST + COUNTDOWN + SAVE };
}

const figure = (value: unknown, missing: number, least: number) => Math.min(3600, Math.max(least, typeof value === "number" ? value : missing));

export function show(output: Output, { heard, forced }: Worst, any: boolean): void {
  output.say(`visible tabs hear of it within ${duration(heard * 1000)}${any ? `, and those that are forced are through within ${duration(forced * 1000)}, holds and "Let me finish" aside` : ""}`);
}
