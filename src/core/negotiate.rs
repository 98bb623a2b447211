//! Negotiation: which version of each API this build and the servers both speak, and why there is none.

use std::cmp::Ordering;

use super::error::Flaw;
use super::value::Value;
use super::version::Version;

mod decode;
mod overlay;

pub use decode::{offered, spoken};
pub use overlay::{Overlay, Refusal};

/// An API that this build speaks: a member of the option `apis`.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The name under which the manifest knows it too.
    pub name: String,
    /// What it speaks, best first; at least one entry names a version.
    entries: Vec<Entry>,
    /// Whether the app is of no use without it.
    pub required: bool,
}

/// An API as the manifest offers it: a member of `apis`.
#[derive(Clone, Debug)]
pub struct Api {
    supported: Vec<Version>,
    preferred: Option<Version>,
    deprecated: Vec<Deprecation>,
    base: Option<String>,
    carrier: Option<Carrier>,
}

/// A member of the manifest's `apis`. One that cannot be used does not take the others with it.
pub type Offer = (String, Result<Api, Flaw>);

#[derive(Clone, Debug)]
struct Deprecation {
    version: Version,
    since: Option<i64>,
    sunset: Option<i64>,
    link: Option<String>,
}

/// Where a request carries the version.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Carrier {
    kind: &'static str,
    /// The template of a path; the name of a query parameter, a header or a parameter of the accepted media types.
    text: String,
}

/// An entry of `speaks`: an exact version is a range of one.
#[derive(Clone, Debug)]
struct Entry {
    low: Option<Bound>,
    high: Option<Bound>,
    /// Named, and so a pre-release may be meant.
    exact: bool,
}

#[derive(Clone, Debug)]
struct Bound {
    version: Version,
    inclusive: bool,
}

/// The outcome of the negotiation of one API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both speak the version.
    Agreed,
    /// Both speak the version, and it is deprecated: no better one is left.
    Deprecated,
    /// The servers have moved on: a refresh helps.
    ClientTooOld,
    /// The servers lag or were rolled back: waiting helps, a refresh does not.
    ClientTooNew,
    /// The manifest does not know the API.
    Absent,
    /// There is no manifest, or what it says of the API cannot be used.
    Unknown,
}

impl Outcome {
    /// The stable code, as JavaScript and logs see it.
    pub const fn code(self) -> &'static str {
        match self {
            Outcome::Agreed => "agreed",
            Outcome::Deprecated => "deprecated",
            Outcome::ClientTooOld => "client-too-old",
            Outcome::ClientTooNew => "client-too-new",
            Outcome::Absent => "absent",
            Outcome::Unknown => "unknown",
        }
    }
}

/// The plan for one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiPlan {
    /// Its name.
    pub name: String,
    /// The outcome.
    pub outcome: Outcome,
    /// The version to call it with, in the servers' spelling; if there is none, calls are refused before they are sent.
    ///
    /// Without an outcome that the manifest decided, it is the first version that the build speaks (fail open).
    pub version: Option<String>,
    /// Until when that version is served, in ms since 1970.
    pub deadline: Option<i64>,
    /// Where its deprecation is explained.
    pub link: Option<String>,
    /// Why: a stable code; for an unusable member of the manifest its path and fault.
    pub reason: String,
    base: Option<String>,
    carrier: Option<Carrier>,
}

impl ApiPlan {
    /// The plan as JavaScript gets it.
    pub fn value(&self) -> Value {
        let carrier =
            self.carrier.as_ref().map_or(Value::Null, |c| Value::object([(c.kind, c.text.as_str().into())]));
        Value::object([
            ("outcome", self.outcome.code().into()),
            ("version", self.version.clone().into()),
            ("deadline", self.deadline.map(|ms| ms as f64).into()),
            ("link", self.link.clone().into()),
            ("reason", self.reason.as_str().into()),
            ("base", self.base.clone().into()),
            ("carrier", carrier),
        ])
    }
}

/// The plan for all APIs, published whole. Calls in flight keep the one that they began with.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Grows by one with every plan that differs from the one before.
    pub generation: u64,
    /// In the order of the option `apis`.
    pub apis: Vec<ApiPlan>,
}

impl Plan {
    /// Takes what was negotiated, and says whether it differs; the same plans again change nothing.
    pub fn publish(&mut self, apis: Vec<ApiPlan>) -> bool {
        let differs = self.apis != apis;
        if differs {
            self.apis = apis;
            self.generation += 1;
        }
        differs
    }
}

/// What negotiation means for the build's standing. Only what the manifest says counts, never a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against the build.
    Fine,
    /// This required API is left with deprecated versions only; of several, the one that ends first.
    Deprecated {
        /// Its name.
        api: String,
        /// When that version ends, in ms since 1970.
        deadline: Option<i64>,
    },
    /// This required API is `client-too-old`.
    TooOld {
        /// Its name.
        api: String,
    },
}

/// All that a negotiation finds.
#[derive(Clone, Debug)]
pub struct Negotiation {
    /// One for each API that the build speaks, in that order.
    pub plans: Vec<ApiPlan>,
    /// For the standing.
    pub verdict: Verdict,
    /// The server time, in ms since 1970, at which to negotiate again: a deprecation or a sunset takes effect.
    pub next_change: Option<i64>,
    /// The overlay leaves an API with nothing in common: a poll may know more.
    pub nothing_left: bool,
}

/// Negotiates all APIs: a pure function of what the build speaks, what the manifest offers (`None`: there is
/// none), the servers' clock (`None`: unknown, so nothing has ended), and the refusals.
pub fn negotiate(
    spoken: &[Spoken],
    offered: Option<&[Offer]>,
    server_time: Option<i64>,
    overlay: &Overlay,
) -> Negotiation {
    let mut all = Negotiation {
        plans: Vec::with_capacity(spoken.len()),
        verdict: Verdict::Fine,
        next_change: None,
        nothing_left: false,
    };
    for s in spoken {
        let offer = offered.map(|all| all.iter().find(|(name, _)| *name == s.name));
        let mut reason = String::new();
        let (api, open) = match offer {
            Some(Some((_, Ok(api)))) => (Some(api), Outcome::Unknown),
            Some(Some((_, Err(flaw)))) => {
                reason.push_str(&flaw.path);
                reason.push_str(": ");
                reason.push_str(flaw.fault.code());
                (None, Outcome::Unknown)
            }
            Some(None) => (None, Outcome::Absent),
            None => (None, Outcome::Unknown),
        };
        let mut choice = s.choose(None, api, open, server_time, &[]);
        let deadline = choice.deprecation.and_then(|d| d.sunset);
        all.verdict.weigh(s, choice.outcome, deadline);
        if let Some((told, refused)) = overlay.over(&s.name) {
            let refused = s.choose(told, api, open, server_time, refused);
            if refused.version.is_none() {
                // Only a valid manifest refuses a call: its version stays in use.
                choice.outcome = refused.outcome;
                all.nothing_left = true;
            } else {
                choice = refused;
            }
            choice.reason = "refused";
            reason.clear();
        }

        if let (Some(api), Some(now)) = (api, server_time) {
            for time in api.deprecated.iter().flat_map(|d| [d.since, d.sunset]).flatten() {
                if time > now && all.next_change.is_none_or(|next| time < next) {
                    all.next_change = Some(time);
                }
            }
        }
        if reason.is_empty() {
            reason.push_str(choice.reason);
        }
        all.plans.push(ApiPlan {
            name: s.name.clone(),
            outcome: choice.outcome,
            version: choice.version.map(|v| v.as_str().to_owned()),
            deadline: choice.deprecation.and_then(|d| d.sunset),
            link: choice.deprecation.and_then(|d| d.link.clone()),
            reason,
            base: api.and_then(|a| a.base.clone()),
            carrier: api.and_then(|a| a.carrier.clone()),
        });
    }
    all
}

struct Choice<'a> {
    outcome: Outcome,
    version: Option<&'a Version>,
    deprecation: Option<&'a Deprecation>,
    reason: &'static str,
}

impl Spoken {
    /// The best version of those that the server told or else the manifest offers, or why there is none.
    /// With neither the outcome is `open`, and the first spoken version has to do.
    fn choose<'a>(
        &'a self,
        told: Option<&'a [Version]>,
        api: Option<&'a Api>,
        open: Outcome,
        time: Option<i64>,
        refused: &[Version],
    ) -> Choice<'a> {
        let Some(supported) = told.or(api.map(|api| &api.supported[..])) else {
            let reason = if open == Outcome::Absent { "not-listed" } else { "no-manifest" };
            return Choice { outcome: open, version: self.first(refused), deprecation: None, reason };
        };
        let mut best = None;
        let (mut served, mut comparable, mut above) = (false, false, false);
        for version in supported {
            let deprecation = api.and_then(|api| api.deprecated.iter().find(|d| d.version.same(version)));
            // "sunset exactly now" has ended
            let ended = deprecation
                .and_then(|d| d.sunset)
                .is_some_and(|sunset| time.is_some_and(|now| sunset <= now));
            if ended || refused.iter().any(|r| r.same(version)) {
                continue;
            }
            served = true;
            match self.entries.iter().position(|entry| entry.holds(version)) {
                None => {
                    // Above the highest that is spoken: above every entry of its kind.
                    let mut kin = self.entries.iter().filter(|entry| entry.of_kind(version)).peekable();
                    let any = kin.peek().is_some();
                    comparable |= any;
                    above |= any && kin.all(|entry| entry.ends_below(version));
                }
                Some(index) => {
                    // Announced for later is not deprecated yet (RFC 9745); without a clock it may be.
                    let deprecated = deprecation
                        .is_some_and(|d| d.since.is_none_or(|since| time.is_none_or(|now| since <= now)));
                    let preferred =
                        api.and_then(|api| api.preferred.as_ref()).is_some_and(|p| p.same(version));
                    let rank = (deprecated, index, !preferred);
                    if best
                        .is_none_or(|(r, v, _): (_, &Version, _)| rank < r || (rank == r && v.below(version)))
                    {
                        best = Some((rank, version, deprecation));
                    }
                }
            }
        }
        let (outcome, reason) = match best {
            Some(((true, ..), ..)) => (Outcome::Deprecated, "only-deprecated"),
            Some(_) => (Outcome::Agreed, "overlap"),
            None if above => (Outcome::ClientTooOld, "server-newer"),
            None if !served => (Outcome::ClientTooNew, "nothing-served"),
            None if !comparable => (Outcome::ClientTooNew, "other-kind"),
            None => (Outcome::ClientTooNew, "server-older"),
        };
        Choice { outcome, version: best.map(|b| b.1), deprecation: best.and_then(|b| b.2), reason }
    }

    /// The first version that is named, less those that were refused: for calls without a manifest.
    fn first(&self, refused: &[Version]) -> Option<&Version> {
        self.entries.iter().filter_map(Entry::named).find(|v| !refused.iter().any(|r| r.same(v)))
    }
}

impl Entry {
    fn holds(&self, version: &Version) -> bool {
        let inside = |bound: &Option<Bound>, side| {
            bound.as_ref().is_none_or(|b| match version.order(&b.version) {
                Some(Ordering::Equal) => b.inclusive,
                order => order == Some(side),
            })
        };
        (self.exact || !version.is_prerelease())
            && inside(&self.low, Ordering::Greater)
            && inside(&self.high, Ordering::Less)
    }

    fn of_kind(&self, version: &Version) -> bool {
        self.low.as_ref().or(self.high.as_ref()).is_some_and(|b| b.version.order(version).is_some())
    }

    fn ends_below(&self, version: &Version) -> bool {
        self.high.as_ref().is_some_and(|b| match b.version.order(version) {
            Some(Ordering::Equal) => !b.inclusive,
            order => order == Some(Ordering::Less),
        })
    }

    fn named(&self) -> Option<&Version> {
        [&self.low, &self.high].into_iter().flatten().find(|b| b.inclusive).map(|b| &b.version)
    }

    fn equals(&self, other: &Entry) -> bool {
        let same = |a: &Option<Bound>, b: &Option<Bound>| match (a, b) {
            (Some(a), Some(b)) => a.inclusive == b.inclusive && a.version.same(&b.version),
            (a, b) => a.is_none() && b.is_none(),
        };
        same(&self.low, &other.low) && same(&self.high, &other.high)
    }
}

impl Verdict {
    fn weigh(&mut self, spoken: &Spoken, outcome: Outcome, deadline: Option<i64>) {
        let worse = spoken.required
            && match (&*self, outcome) {
                (Verdict::TooOld { .. }, _) => false,
                (_, Outcome::ClientTooOld) => true,
                (Verdict::Fine, Outcome::Deprecated) => true,
                (Verdict::Deprecated { deadline: before, .. }, Outcome::Deprecated) => {
                    deadline.is_some_and(|d| before.is_none_or(|before| d < before))
                }
                _ => false,
            };
        if worse {
            let api = spoken.name.clone();
            *self = match outcome {
                Outcome::ClientTooOld => Verdict::TooOld { api },
                _ => Verdict::Deprecated { api, deadline },
            };
        }
    }
}

#[cfg(test)]
mod tests;
