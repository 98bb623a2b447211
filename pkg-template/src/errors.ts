import { prose } from "./prose.js";

/** An error of the integrator: a wrong option, or a call that contradicts what was negotiated. */
export class TrueupError extends Error {
  /** Stable: may be logged, matched and looked up. */
  declare readonly code: string;
  /** The place, as a JSON path from the root of the options (`poll.everySeconds`); empty for the whole. */
  declare readonly path: string;

  constructor(code: string, path = "") {
    super(`${path || "trueup"}: ${(__DEV__ && prose[code]) || code}`);
    Object.assign(this, { name: "TrueupError", code, path });
  }
}
