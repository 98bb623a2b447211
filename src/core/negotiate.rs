//! Negotiation: which version of each API this build and the servers both speak, and why there is none.

use std::cmp::Ordering;

use super::error::Flaw;
use super::value::{First, Node, Value, step};
use super::version::Version;

mod decode;
mod overlay;

pub use decode::spoken;
pub use overlay::Overlay;

use decode::{NEVER, Supported, supported};
use overlay::Layer;

/// An API that this build speaks: a member of the option `apis`.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The name under which the manifest knows it too.
    pub name: String,
    /// Whether the app is of no use without it.
    pub required: bool,
    /// What it speaks, best first: each entry of `speaks` is one comparator or two that belong together.
    comparators: Vec<Comparator>,
}

/// `>=2`; an exact version is `=` of it.
#[derive(Clone, Debug)]
struct Comparator {
    /// The index of its entry in `speaks`.
    entry: usize,
    /// On which sides of `version` it holds: of [`LESS`], [`EQUAL`] and [`GREATER`].
    sides: u8,
    version: Version,
}

const LESS: u8 = 1;
const EQUAL: u8 = 2;
const GREATER: u8 = 4;

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

/// The plan for all APIs, published whole. Calls in flight keep the one that they began with.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Grows by one with every plan that differs from the one before; 0 before the first.
    pub generation: u64,
    /// An object with a member for each API that the build speaks, as JavaScript gets it: `{ outcome, version,
    /// deadline, link, reason, base, carrier }`. A plan without a `version` refuses calls before they are sent.
    pub apis: Value,
}

impl Plan {
    /// The plan before there is one.
    pub const fn none() -> Plan {
        Plan { generation: 0, apis: Value::Null }
    }

    /// Takes what was negotiated, and says whether it differs; the same again changes nothing.
    pub fn publish(&mut self, apis: Value) -> bool {
        let differs = self.apis != apis;
        if differs {
            self.apis = apis;
            self.generation += 1;
        }
        differs
    }
}

/// What negotiation means for the build's standing. Only what the manifest says counts, never a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against the build.
    Fine,
    /// A required API is left with deprecated versions only; when the first of those ends, in ms since 1970.
    Deprecated(Option<i64>),
    /// A required API is `client-too-old`.
    TooOld,
}

/// All that a negotiation finds.
#[derive(Clone, Debug)]
pub struct Negotiation {
    /// For [`Plan::publish`].
    pub apis: Value,
    /// For the standing.
    pub verdict: Verdict,
    /// The server time, in ms since 1970, at which to negotiate again: a deprecation or a sunset takes effect.
    pub next_change: Option<i64>,
    /// The overlay leaves an API with nothing in common: a poll may know more.
    pub nothing_left: bool,
    /// What is wrong with the manifest's `apis`, as far as the build speaks them.
    pub flaws: Vec<Flaw>,
}

/// Negotiates all APIs: a pure function of what the build speaks, what the manifest offers (its `apis`; `None`: there is
/// no manifest), the servers' clock (`None`: unknown, so nothing has ended), and the refusals.
pub fn negotiate(
    spoken: &[Spoken],
    offered: Option<Node>,
    server_time: Option<i64>,
    overlay: &Overlay,
) -> Negotiation {
    let mut all = Negotiation {
        apis: Value::Null,
        verdict: Verdict::Fine,
        next_change: None,
        nothing_left: false,
        flaws: Vec::new(),
    };
    let mut apis = Vec::with_capacity(spoken.len());
    let mut next = NEVER;
    let mut first = First::new(Node::default(), String::new());
    for s in spoken {
        let api = offered.unwrap_or_default().member(&s.name);
        let mut choice = Choice { outcome: Outcome::Absent, reason: "not-listed", ..s.open(&[]) };
        let mut list = Vec::new();
        let mut valid = false;
        if api.is_present() {
            let mut path = String::from("apis");
            step(&mut path, &s.name, 0);
            first.part = (api, path);
            supported(api, &mut list, &mut first);
            valid = first.end();
            if !valid {
                choice = Choice { reason: "invalid", ..s.open(&[]) };
                list.clear();
            }
        } else if offered.is_none() {
            choice = s.open(&[]);
        }
        let layer = overlay.over(&s.name);
        for version in layer.into_iter().flat_map(|layer| &layer.told) {
            if !list.iter().any(|l| l.version.same(version)) {
                list.push(Supported::bare(version.clone(), false));
            }
        }
        if valid {
            choice = s.choose(&list, server_time, None);
            if s.required {
                all.verdict = all.verdict.weighed(choice.outcome, choice.deadline());
            }
        }
        if let Some(layer) = layer {
            let left = if valid || !layer.told.is_empty() {
                s.choose(&list, server_time, Some(layer))
            } else {
                Choice { outcome: choice.outcome, ..s.open(&layer.refused) }
            };
            if left.version.is_some() {
                choice = left;
            } else {
                // Only a valid manifest refuses a call: the version stays in use.
                choice.outcome = left.outcome;
                all.nothing_left = true;
            }
            choice.reason = "refused";
        }
        for time in list.iter().flat_map(|l| [l.since, l.sunset]) {
            if server_time.is_some_and(|now| now < time) && time < next {
                next = time;
            }
        }

        let mut plan = Vec::with_capacity(7);
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                plan.push((name.to_owned(), value));
            }
        };
        put("outcome", choice.outcome.code().into());
        put("reason", choice.reason.into());
        put("version", choice.version.map(Version::as_str).into());
        put("deadline", choice.deadline().map(|ms| ms as f64).into());
        put("link", choice.entry.and_then(|l| l.link.as_deref()).into());
        for name in ["base", "carrier"] {
            if let Some(value) = api.member(name).value()
                && valid
            {
                put(name, value.clone());
            }
        }
        let plan = Value::Object(plan);
        apis.push((s.name.clone(), plan));
    }
    all.flaws = first.reports;
    all.apis = Value::Object(apis);
    all.next_change = (next != NEVER).then_some(next);
    all
}

struct Choice<'a> {
    outcome: Outcome,
    reason: &'static str,
    version: Option<&'a Version>,
    entry: Option<&'a Supported>,
}

impl Choice<'_> {
    fn deadline(&self) -> Option<i64> {
        self.entry.map(|l| l.sunset).filter(|sunset| *sunset != NEVER)
    }
}

impl Spoken {
    /// Without a manifest: the first version that is named, less those that were refused.
    fn open(&self, refused: &[Version]) -> Choice<'_> {
        let named = |c: &&Comparator| c.sides & EQUAL != 0 && !refused.iter().any(|r| r.same(&c.version));
        let version = self.comparators.iter().find(named).map(|c| &c.version);
        Choice { outcome: Outcome::Unknown, reason: "no-manifest", version, entry: None }
    }

    /// The best version of the list, less what the layer takes away, or why there is none.
    fn choose<'a>(&'a self, list: &'a [Supported], time: Option<i64>, layer: Option<&Layer>) -> Choice<'a> {
        let mut best: Option<((bool, usize, bool), &Supported)> = None;
        let mut nearest = 0;
        for l in list {
            let among = |versions: &[Version]| versions.iter().any(|v| v.same(&l.version));
            let served = match layer {
                Some(layer) if among(&layer.refused) => false,
                Some(layer) if !layer.told.is_empty() => among(&layer.told),
                _ => l.served,
            };
            // "sunset exactly now" has ended
            if !served || time.is_some_and(|now| l.sunset <= now) {
                continue;
            }
            match self.place(&l.version) {
                Place::Entry(index) => {
                    // Announced for later is not deprecated yet (RFC 9745); without a clock it may be.
                    let deprecated = l.since != NEVER && time.is_none_or(|now| l.since <= now);
                    let rank = (deprecated, index, !l.preferred);
                    if best.is_none_or(|(r, b)| rank < r || (rank == r && b.version.below(&l.version))) {
                        best = Some((rank, l));
                    }
                }
                Place::Outside(near) => nearest = near.max(nearest),
            }
        }
        let entry = best.map(|(_, l)| l);
        let (outcome, reason) = match best {
            Some(((true, ..), _)) => (Outcome::Deprecated, "only-deprecated"),
            Some(_) => (Outcome::Agreed, "overlap"),
            None => match nearest {
                ABOVE => (Outcome::ClientTooOld, "server-newer"),
                BELOW => (Outcome::ClientTooNew, "server-older"),
                OTHER_KIND => (Outcome::ClientTooNew, "other-kind"),
                _ => (Outcome::ClientTooNew, "nothing-served"),
            },
        };
        Choice { outcome, reason, version: entry.map(|l| &l.version), entry }
    }

    /// Where a version stands to what is spoken.
    fn place(&self, version: &Version) -> Place {
        let (mut kin, mut above) = (false, true);
        for entry in self.comparators.chunk_by(|a, b| a.entry == b.entry) {
            // A pre-release only by its name.
            let mut holds = !version.is_prerelease();
            let (mut near, mut beyond) = (false, false);
            for c in entry {
                let side = c.side(version);
                holds = (holds || c.sides == EQUAL) && c.sides & side != 0;
                near |= side != 0;
                // An upper bound lacks GREATER, and what is beyond it stands on a greater side than it has.
                beyond |= c.sides < GREATER && c.sides < side;
            }
            if holds {
                return Place::Entry(entry[0].entry);
            }
            kin |= near;
            above &= beyond || !near;
        }
        Place::Outside(match (kin, above) {
            (false, _) => OTHER_KIND,
            (true, false) => BELOW,
            (true, true) => ABOVE,
        })
    }
}

enum Place {
    /// Within the entry of this index: the first that holds it.
    Entry(usize),
    /// Of the following, how near it is to a reason for a refresh.
    Outside(u8),
}

const OTHER_KIND: u8 = 1;
const BELOW: u8 = 2;
/// Above the highest that is spoken: above every entry of its kind.
const ABOVE: u8 = 3;

impl Comparator {
    /// On which side of the comparator's version the other one stands; 0: they do not compare.
    fn side(&self, other: &Version) -> u8 {
        match other.order(&self.version) {
            Some(Ordering::Less) => LESS,
            Some(Ordering::Equal) => EQUAL,
            Some(Ordering::Greater) => GREATER,
            None => 0,
        }
    }
}

impl Verdict {
    /// The worse of this and what the outcome of a required API means.
    fn weighed(self, outcome: Outcome, deadline: Option<i64>) -> Verdict {
        match (self, outcome) {
            (Verdict::TooOld, _) | (_, Outcome::ClientTooOld) => Verdict::TooOld,
            (Verdict::Deprecated(Some(before)), Outcome::Deprecated) => {
                Verdict::Deprecated(Some(deadline.map_or(before, |deadline| deadline.min(before))))
            }
            (_, Outcome::Deprecated) => Verdict::Deprecated(deadline),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests;
