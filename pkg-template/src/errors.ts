/** An error of the integrator: a wrong option, or a call that contradicts what was negotiated. */
export class TrueupError extends Error {
  /** Stable: may be logged, matched and looked up. */
  readonly code: string;
  /** The place, as a JSON path from the root of the options (`poll.everySeconds`); empty for the whole. */
  readonly path: string;

  constructor(code: string, path = "") {
    super(`${path || "trueup"}: ${(__DEV__ && prose[code]) || code}`);
    this.name = "TrueupError";
    this.code = code;
    this.path = path;
  }
}

/** Only in the development build and in Node. */
const prose: { [code: string]: string } = __DEV__
  ? {
      missing: "is required (a build id comes from the option `build` or from the page's mark)",
      type: "has another type than this option takes",
      range: "is outside the range of this option",
      version: "is not a version: an integer, dotted numbers of 1 to 4 parts, or an ISO date that exists",
      path: "is not a URL that can be resolved against the page",
      unknown: "is not one of the values of this option",
      json: "is not JSON",
      "range-set": "is an empty, inverted or doubled range of versions",
      contradiction: "contradicts another option",
      "api/client-too-old": "the servers speak newer versions only: a refresh helps",
      "api/client-too-new": "the servers speak older versions only, or none: they lag or were rolled back",
      "api/path": "this path leaves the API's base",
      "api/contradiction": "a header or the query names another version than the plan",
      "api/undeclared": "is not among the options",
    }
  : {};
