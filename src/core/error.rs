//! Errors by who is at fault, each with a stable code and a place.
//!
//! The prose lives in the development build and the command line; the module carries codes only.

use super::names::names;

names! {
    /// What is wrong with a value that the publisher (manifest) or the integrator (options) wrote.
    ///
    /// The code is stable: it may be logged, matched and looked up in the documentation.
    Fault {
        /// A required member is missing.
        Missing = "missing",
        /// The value has another type than the member takes.
        Type = "type",
        /// A number is outside its range, or not an integer where one is needed.
        Range = "range",
        /// A number was outside its range and has been clamped to it (reported, not fatal).
        Clamped = "clamped",
        /// Not a version: not an integer, dotted numbers, or an ISO date that exists.
        Version = "version",
        /// Not an RFC 3339 date-time with an offset.
        Time = "time",
        /// Not a path-absolute reference of the page's origin.
        Path = "path",
        /// An unknown value of an enumeration, read as its default (reported, not fatal).
        Unknown = "unknown",
        /// The manifest's `trueup` is a format that this build does not know.
        Format = "format",
        /// Two members contradict each other (`minimum` above `recommended`, a blocked current build).
        Contradiction = "contradiction",
        /// The document is nested deeper than 64 levels, or a rule has more than 10,000 nodes.
        TooDeep = "too-deep",
        /// The text is longer than 1 MiB.
        TooLong = "too-long",
        /// The text is not JSON.
        Json = "json",
        /// The serial is more than a day ahead of its own answer's time.
        Future = "future",
        /// A range that is empty, inverted or given twice.
        RangeSet = "range-set",
        /// A rule uses an operator that does not exist, or uses one wrongly.
        Operator = "operator",
        /// A `$ref` names no evaluator, or refers to itself.
        Reference = "reference",
        /// A name is used that is not defined (a default variant that is not among the variants).
        Undefined = "undefined",
    }
}

/// A fault and its place, as a JSON path (`supported.blocked[0].version`; empty for the whole). In a manifest it is the
/// publisher's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where, from the root of the document or of the options.
    pub path: String,
    /// What.
    pub fault: Fault,
}

/// The integrator's fault: an option of `connect` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Flaw);

names! {
    /// The network's fault: why a request brought no manifest. And the memory's.
    FetchError {
        /// No answer: offline, refused, reset, blocked by CORS or a policy.
        Network = "network",
        /// No whole answer within 10 s.
        Timeout = "timeout",
        /// An answer whose status is not 200.
        Status = "status",
        /// The answer came from another origin than was asked (a login page, a captive portal).
        Origin = "origin",
        /// Not JSON: HTML, an empty body, something cut off.
        NotJson = "not-json",
        /// More than 1 MiB.
        TooLong = "too-long",
        /// What was kept is not ours, or cannot be read any more.
        Foreign = "foreign",
    }
}
