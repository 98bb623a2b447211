//! Negotiation: which version of each API this build and the servers both speak, and why there is none.

use std::cmp::Ordering;

use super::error::Flaw;
use super::json::Json;
use super::time::{LONG_AGO, NEVER};
use super::value::{First, Node, Value, written};
use super::version::{is_prerelease, is_version, order};

mod decode;
mod overlay;

pub use decode::spoken;
pub use overlay::Overlay;

use decode::{Supported, comparator, speaks, supported};

// Why the plan for an API is as it is, best first: as `REASONS` of `wire.ts` has them.
/// Both speak the version.
const OVERLAP: u32 = 0;
/// Both speak the version, and it is deprecated: no better one is left.
const ONLY_DEPRECATED: u32 = 1;
/// All that the servers have of a kind that is spoken is above it: a refresh helps.
const SERVER_NEWER: u32 = 2;
/// The servers lag or were rolled back: waiting helps, a refresh does not.
const SERVER_OLDER: u32 = 3;
/// Numbers are spoken and dates are served, or the reverse.
const OTHER_KIND: u32 = 4;
/// All that was served has ended.
const NOTHING_SERVED: u32 = 5;
/// The manifest does not know the API.
const NOT_LISTED: u32 = 6;
const NO_MANIFEST: u32 = 7;
/// What the manifest says of the API cannot be used.
const INVALID: u32 = 8;

/// The plan for all APIs, published whole. Calls in flight keep the one that they began with.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Grows by one with every plan that differs from the one before; 0 before the first.
    pub generation: u64,
    /// JSON: an object with a member for each API that the build speaks: `[why, refused, version, deadline, link, base,
    /// carrier]`, with a `null` for what is not there. `refused`: not as the manifest has it, but as refusals left it. A
    /// plan without a `version` refuses calls before they are sent.
    pub apis: String,
}

impl Plan {
    /// The plan before there is one.
    pub const fn none() -> Plan {
        Plan { generation: 0, apis: String::new() }
    }

    /// Takes what was negotiated, and says whether it differs; the same again changes nothing.
    pub fn publish(&mut self, apis: String) -> bool {
        let differs = self.apis != apis;
        if differs {
            self.apis = apis;
            self.generation += 1;
        }
        differs
    }
}

/// Outcome and reason of an API of a plan, by the names that JavaScript gives them: see `wire.ts`.
pub fn names(plan: &Value) -> (&'static str, &'static str) {
    let [Value::Number(why), refused, ..] = plan.items() else { return ("", "") };
    let (outcome, reason) = match *why as u32 {
        OVERLAP => ("agreed", "overlap"),
        ONLY_DEPRECATED => ("deprecated", "only-deprecated"),
        SERVER_NEWER => ("client-too-old", "server-newer"),
        SERVER_OLDER => ("client-too-new", "server-older"),
        OTHER_KIND => ("client-too-new", "other-kind"),
        NOTHING_SERVED => ("client-too-new", "nothing-served"),
        NOT_LISTED => ("absent", "not-listed"),
        NO_MANIFEST => ("unknown", "no-manifest"),
        _ => ("unknown", "invalid"),
    };
    (outcome, if *refused == Value::Bool(true) { "refused" } else { reason })
}

/// What negotiation means for the build's standing. Only what the manifest says counts, never a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against the build.
    #[default]
    Fine,
    /// A required API is left with deprecated versions only; when the first of those ends, in ms since 1970, or [`NEVER`].
    Deprecated(i64),
    /// A required API is `client-too-old`.
    TooOld,
}

/// All that a negotiation finds.
#[derive(Clone, Debug)]
pub struct Negotiation {
    /// For [`Plan::publish`].
    pub apis: String,
    /// For the standing.
    pub verdict: Verdict,
    /// The server time, in ms since 1970, at which to negotiate again: a deprecation or a sunset takes effect.
    /// Or [`NEVER`].
    pub next_change: i64,
    /// The overlay leaves an API with nothing in common: a poll may know more.
    pub nothing_left: bool,
    /// What is wrong with the manifest's `apis`, as far as the build speaks them.
    pub flaws: Vec<Flaw>,
}

/// Negotiates all APIs: a pure function of what the build speaks (its option `apis`), what the manifest offers (its
/// `apis`; absent: there is no manifest), the servers' clock ([`LONG_AGO`]: unknown, so nothing has ended), and the refusals,
/// which learn the versions in use. It writes to `out`.
pub fn negotiate(
    spoken: &Value,
    manifest: Node,
    server: i64,
    overlay: &mut Overlay,
    mut out: Json,
) -> Negotiation {
    // What is announced for later is not deprecated yet (RFC 9745); without a clock it may be.
    let clock = Clock { ended: server, begun: if server == LONG_AGO { NEVER - 1 } else { server } };
    out.open_object();
    let mut next = NEVER;
    let (mut nothing_left, mut worst, mut ending) = (false, OVERLAP, NEVER);
    let offered = manifest.member("apis");
    let mut first = First::new(offered, "apis");
    for (at, (name, own)) in spoken.members().iter().enumerate() {
        let api = offered.member(name);
        let mut list = Vec::new();
        let mut open = if manifest.is_present() { NOT_LISTED } else { NO_MANIFEST };
        if api.is_present() {
            supported(api, &mut list, &mut first);
            open = if first.end() { OVERLAP } else { INVALID };
        }
        let mut settings = api;
        if open != OVERLAP {
            settings = Node::default();
            list.clear();
            named(own, &mut list);
        }
        for l in &list {
            for &time in &[l.since, l.sunset] {
                if clock.begun < time && time < next {
                    next = time;
                }
            }
        }

        let layer = overlay.layer(at, name);
        let (mut plan, mut refused) = (Supported::bare(String::new()), false);
        // By the manifest, then by what refusals left of it, if there are any.
        let why = loop {
            let (why, best) = choose(own, &list, &clock, open);
            match best {
                Some(l) => plan = l.clone(),
                // Only a valid manifest refuses a call: the version stays in use.
                None => nothing_left |= refused,
            }
            if refused {
                break why;
            }
            if Node::root(own).member("required").is_true() && (why == ONLY_DEPRECATED || why == SERVER_NEWER)
            {
                worst = worst.max(why);
                ending = plan.sunset.min(ending);
            }
            refused = layer.over(&mut list, &mut open);
            if !refused {
                break why;
            }
        };
        out.name(name);
        out.open();
        out.int(why.into());
        out.flag(refused);
        out.text(Some(&plan.version[..]).filter(|version| !version.is_empty()));
        out.maybe(plan.sunset);
        for node in &[plan.link, settings.member("base"), settings.member("carrier")] {
            out.value(node.value().unwrap_or(&Value::Null));
        }
        out.close();
        layer.version = plan.version;
    }
    out.close_object();
    Negotiation {
        apis: out.done(),
        verdict: match worst {
            OVERLAP => Verdict::Fine,
            ONLY_DEPRECATED => Verdict::Deprecated(ending),
            _ => Verdict::TooOld,
        },
        next_change: next,
        nothing_left,
        flaws: first.reports,
    }
}

/// The servers' time, as it serves for what ends and for what begins.
struct Clock {
    ended: i64,
    begun: i64,
}

/// Lists all versions that are spoken by name, exactly or by an inclusive bound.
fn named(own: &Value, list: &mut Vec<Supported>) {
    for entry in speaks(own) {
        let text = written(entry);
        let (mut rest, mut version) = (&text[..], "");
        while let sides @ 1.. = comparator(&mut rest, &mut version) {
            if sides & EQUAL != 0 {
                list.push(Supported::bare(version.to_owned()));
            }
        }
    }
}

/// The best version of the list, or why there is none. Unless the way is `open`, for there is nothing to choose by: then
/// that is why, and the first one is taken.
fn choose<'l, 'a>(
    own: &Value,
    list: &'l [Supported<'a>],
    clock: &Clock,
    open: u32,
) -> (u32, Option<&'l Supported<'a>>) {
    let mut best: Option<&Supported> = None;
    let mut least = NOTHING_SERVED << WHY;
    for l in list {
        // "sunset exactly now" has ended
        if !l.served || l.sunset <= clock.ended {
            continue;
        }
        if open != OVERLAP {
            return (open, Some(l));
        }
        let mut rank = place(own, &l.version);
        let fits = rank < ONLY_DEPRECATED << WHY;
        if fits {
            rank += ((l.since <= clock.begun) as u32) << WHY | !l.preferred as u32;
        }
        if rank < least
            || (fits
                && rank == least
                && best.is_some_and(|b| order(&b.version, &l.version) == Some(Ordering::Less)))
        {
            least = rank;
            best = Some(l).filter(|_| fits);
        }
    }
    (if open == OVERLAP { least >> WHY } else { open }, best)
}

/// Where the reason stands in a rank; below it the entry, and below that whether the version is not the preferred one.
const WHY: u32 = 28;

/// The rank of a version by what is spoken alone: its reason, and the first entry that holds it.
fn place(own: &Value, version: &str) -> u32 {
    let (mut kin, mut above) = (false, true);
    for (index, entry) in speaks(own).iter().enumerate() {
        // A pre-release only by its name.
        let mut holds = !is_prerelease(version);
        let (mut near, mut beyond) = (false, false);
        let text = written(entry);
        let (mut rest, mut bound) = (&text[..], "");
        while let sides @ 1.. = comparator(&mut rest, &mut bound) {
            let side = side(version, bound);
            holds = (holds || sides == EQUAL) && sides & side != 0;
            near |= side != 0;
            // An upper bound lacks GREATER, and what is beyond it stands on a greater side than it has.
            beyond |= sides < GREATER && sides < side;
        }
        if holds {
            return (index as u32) << 1;
        }
        kin |= near;
        above &= beyond || !near;
    }
    match (kin, above) {
        (false, _) => OTHER_KIND << WHY,
        (true, false) => SERVER_OLDER << WHY,
        // Above every entry of its kind.
        (true, true) => SERVER_NEWER << WHY,
    }
}

// Where a version may stand to the one of a comparator, to be joined.
const LESS: u8 = 1;
const EQUAL: u8 = 2;
const GREATER: u8 = 4;

/// On which side of the bound the version stands; 0: they do not compare.
fn side(version: &str, bound: &str) -> u8 {
    match order(version, bound) {
        Some(Ordering::Less) => LESS,
        Some(Ordering::Equal) => EQUAL,
        Some(Ordering::Greater) => GREATER,
        None => 0,
    }
}

#[cfg(test)]
mod tests;
