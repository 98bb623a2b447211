//! Errors by who is at fault, each with a stable code and a place.
//!
//! The prose lives in the development build and the command line; the module carries codes only.

/// What is wrong with a value that the publisher (manifest) or the integrator (options) wrote.
///
/// The code is stable: it may be logged, matched and looked up in the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A required member is missing.
    Missing,
    /// The value has another type than the member takes.
    Type,
    /// A number is outside its range, or not an integer where one is needed.
    Range,
    /// A number was outside its range and has been clamped to it (reported, not fatal).
    Clamped,
    /// Not a version: not an integer, dotted numbers, or an ISO date that exists.
    Version,
    /// Not an RFC 3339 date-time with an offset.
    Time,
    /// Not a path-absolute reference of the page's origin.
    Path,
    /// An unknown value of an enumeration, read as its default (reported, not fatal).
    Unknown,
    /// The manifest's `trueup` is a format that this build does not know.
    Format,
    /// Two members contradict each other (`minimum` above `recommended`, a blocked current build).
    Contradiction,
    /// The document is nested deeper than 64 levels, or a rule has more than 10,000 nodes.
    TooDeep,
    /// The text is longer than 1 MiB.
    TooLong,
    /// The text is not JSON.
    Json,
    /// The serial is more than a day ahead of its own answer's time.
    Future,
    /// A range that is empty, inverted or given twice.
    RangeSet,
    /// A rule uses an operator that does not exist, or uses one wrongly.
    Operator,
    /// A `$ref` names no evaluator, or refers to itself.
    Reference,
    /// A name is used that is not defined (a default variant that is not among the variants).
    Undefined,
}

impl Fault {
    /// The stable code, as JavaScript and logs see it.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::Missing => "missing",
            Fault::Type => "type",
            Fault::Range => "range",
            Fault::Clamped => "clamped",
            Fault::Version => "version",
            Fault::Time => "time",
            Fault::Path => "path",
            Fault::Unknown => "unknown",
            Fault::Format => "format",
            Fault::Contradiction => "contradiction",
            Fault::TooDeep => "too-deep",
            Fault::TooLong => "too-long",
            Fault::Json => "json",
            Fault::Future => "future",
            Fault::RangeSet => "range-set",
            Fault::Operator => "operator",
            Fault::Reference => "reference",
            Fault::Undefined => "undefined",
        }
    }
}

/// A fault and its place, as a JSON path (`supported.blocked[0].version`; empty for the whole).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where, from the root of the document or of the options.
    pub path: String,
    /// What.
    pub fault: Fault,
}

/// The publisher's fault: a manifest, or a part of one, that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError(pub Flaw);

/// The integrator's fault: an option of `connect` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Flaw);

/// The network's fault: why a request brought no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// No answer: offline, refused, reset, blocked by CORS or a policy.
    Network,
    /// No whole answer within 10 s.
    Timeout,
    /// An answer whose status is not 200.
    Status,
    /// The answer came from another origin than was asked (a login page, a captive portal).
    Origin,
    /// Not JSON: HTML, an empty body, something cut off.
    NotJson,
    /// More than 1 MiB.
    TooLong,
}

impl FetchError {
    /// The stable code, as JavaScript and logs see it.
    pub const fn code(self) -> &'static str {
        match self {
            FetchError::Network => "network",
            FetchError::Timeout => "timeout",
            FetchError::Status => "status",
            FetchError::Origin => "origin",
            FetchError::NotJson => "not-json",
            FetchError::TooLong => "too-long",
        }
    }
}
