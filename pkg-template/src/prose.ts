/**
 * What the stable codes say in words: after a path, as in `supported.minimum: is not a version`.
 *
 * Only for people who build and operate: the development build and the command line. What visitors load has codes only.
 */
export const prose: { readonly [code: string]: string } = {
  missing: "is required",
  type: "has another type than this member takes",
  range: "is outside its range, not an integer where one is needed, or empty",
  clamped: "is outside its range, and is read as the nearest number within it",
  version: "is not a version: an integer, dotted numbers of 1 to 4 parts, or an ISO date that exists",
  time: "is not a date-time of RFC 3339 with an offset, such as 2026-11-24T00:00:00Z",
  path: "is not a reference that is allowed here",
  unknown: "is not one of the values of this member",
  format: "is a format that this release does not know: it has to be 1",
  contradiction: "contradicts another member",
  json: "is not JSON",
  future: "is more than a day ahead of the answer's own time",
  undefined: "names something that is not defined",
  "range-set": "is an empty, inverted or doubled range of versions",
  "too-deep": "is nested too deep, or has too many nodes",
  "too-long": "is longer than 1 MiB",
  operator: "is no rule: an operator that does not exist, or one that is used wrongly",
  reference: "refers to no shared rule, or to itself",
  "not-json": "is not JSON, or is nested deeper than 64 levels",
  "api/client-too-old": "the servers speak newer versions only: a refresh helps",
  "api/client-too-new": "the servers speak older versions only, or none: they lag or were rolled back",
  "api/path": "this path leaves the API's base",
  "api/contradiction": "a header or the query names another version than the plan",
  "api/undeclared": "is not among the options",
};
