//! Negotiation: which version of each API this build and the servers both speak, and why there is none.

use super::error::Flaw;
use super::json::Json;
use super::time::{LONG_AGO, MINUTE, NEVER, SECOND};
use super::value::{First, Node, Value, written};
use super::version::{RELEASE, is_version, key};

mod decode;

pub use decode::spoken;

use decode::check;

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
/// By the manifest it would be another one.
const REFUSED: u32 = 9;

/// The plan for all APIs, published whole. Calls in flight keep the one that they began with.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Grows by one with every plan that differs from the one before; 0 before the first.
    pub generation: u64,
    /// JSON: a list with `[name, why, reason, version, deadline, link, base, carrier]` for each API that the build speaks, with a
    /// `null` for what is not there. `reason`: why, or that it is not as the manifest has it, but as refusals left it. A plan
    /// without a `version` refuses calls before they are sent.
    pub apis: String,
}

impl Plan {
    /// Takes what was negotiated, and says whether it differs; the same again changes nothing.
    fn publish(&mut self, apis: String) -> bool {
        let differs = self.apis != apis;
        if differs {
            self.apis = apis;
            self.generation += 1;
        }
        differs
    }
}

/// Outcome, version and reason of an API of a plan, by the names that JavaScript gives them: see `wire.ts`.
#[cfg(not(target_arch = "wasm32"))]
pub fn named<'a>(plan: &'a Value, api: &str) -> (&'static str, Option<&'a str>, &'static str) {
    let found = plan.items().iter().find(|found| found.items()[0].as_str() == Some(api));
    let [_, Value::Number(why), Value::Number(reason), version, ..] = found.expect(api).items() else {
        panic!("{plan:?}")
    };
    let (outcome, why) = match *why as u32 {
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
    (outcome, version.as_str(), if *reason as u32 == REFUSED { "refused" } else { why })
}

/// The verdict on a build that nothing is against: later than [`NEVER`], which stands for a deprecation without an end.
pub const FINE: i64 = i64::MAX;

/// How long a refusal counts.
const LENGTH: i64 = 5 * MINUTE;
/// An API is negotiated anew at most once in this time.
const PAUSE: i64 = 10 * SECOND;

/// An API that the build speaks, and what refusals lay over what the manifest says of it.
#[derive(Clone, Debug)]
struct Api {
    name: String,
    required: bool,
    /// What is spoken, best first: for each entry the key of a version that it begins with, and one of the same kind that it
    /// lies below.
    spoken: Vec<Vec<u8>>,
    /// The versions that are spoken by name, exactly or by an inclusive bound.
    named: Vec<Value>,
    /// The one that the plan has, or empty.
    version: String,
    refused: Vec<Value>,
    /// A list of the versions that the servers have, if they told.
    told: Value,
    /// When it was last refused, by the monotonic clock: that is remembered beyond the end.
    added: i64,
    /// When the refusals end, by the monotonic clock.
    until: i64,
}

/// The APIs that the build speaks, and what was last negotiated.
#[derive(Clone, Debug)]
pub struct Apis {
    apis: Vec<Api>,
    /// The highest by which was negotiated: refusals end with the next higher one.
    serial: u64,
    /// What is published.
    pub plan: Plan,
    /// What it means for the build's standing: when the first one ends of the required APIs that are left with deprecated
    /// versions, in ms since 1970, or [`NEVER`]; [`LONG_AGO`]: a required API is `client-too-old`; [`FINE`]: neither. Only
    /// what the manifest says counts, never a refusal.
    pub verdict: i64,
    /// The server time, in ms since 1970, at which to negotiate again: a deprecation or a sunset takes effect. Or [`NEVER`].
    pub turn: i64,
    /// When the first refusals end, by the monotonic clock, or [`NEVER`].
    pub ends: i64,
    /// Refusals leave an API with nothing in common: a poll may know more.
    pub nothing_left: bool,
}

impl Apis {
    /// None is spoken.
    pub const NONE: Apis = Apis {
        apis: Vec::new(),
        serial: 0,
        plan: Plan { generation: 0, apis: String::new() },
        verdict: FINE,
        turn: NEVER,
        ends: NEVER,
        nothing_left: false,
    };

    /// Whether the build speaks none.
    pub fn is_empty(&self) -> bool {
        self.apis.is_empty()
    }

    /// Lays refusals over the plan, and says whether to negotiate again. `now` is the monotonic time in ms. `refusals` is a
    /// list of `[api, version, supported]`: what was asked, and what the server says that it has, if it does. They end with
    /// the next higher serial, or after 5 minutes.
    ///
    /// The refusal of another version than the plan's is late: the negotiation that made the plan serves it too. One
    /// that comes within 10 s of the last one for its API is dropped.
    pub fn refuse(&mut self, now: i64, refusals: &Value) -> bool {
        let mut laid = false;
        for refusal in refusals.items() {
            let [Value::String(name), Value::String(version), told] = refusal.items() else { continue };
            for api in &mut self.apis {
                if api.name != *name || api.version != *version || now - api.added < PAUSE {
                    continue;
                }
                if api.until <= now {
                    api.until = now + LENGTH;
                    api.refused.clear();
                    api.told = Value::Null;
                }
                api.added = now;
                api.refused.push(Value::String(version.clone()));
                // What is no version says nothing of what there is.
                let mut known = told.items().to_vec();
                known.retain(|version| is_version(Node::root(version).text()));
                if !known.is_empty() {
                    api.told = Value::Array(known);
                }
                laid = true;
            }
        }
        laid
    }

    /// Negotiates all APIs: a function of what the build speaks, what was refused, and what the manifest offers (not there: there
    /// is none), by the servers' clock ([`LONG_AGO`]: unknown, so nothing has ended) and the monotonic one. It writes the plan
    /// to `out`, gives what is wrong with the manifest's `apis`, as far as the build speaks them, and says whether the plan is
    /// another one than before.
    pub fn negotiate(
        &mut self,
        manifest: Node,
        serial: u64,
        server: i64,
        now: i64,
        mut out: Json,
        flaws: &mut Vec<Flaw>,
    ) -> bool {
        // What is announced for later is not deprecated yet (RFC 9745); without a clock it may be.
        let begun = if server == LONG_AGO { NEVER - 1 } else { server };
        let higher = serial > self.serial;
        if higher {
            self.serial = serial;
        }
        (self.verdict, self.turn, self.ends, self.nothing_left) = (FINE, NEVER, NEVER, false);
        let mut first = First::new(manifest.member("apis"), "apis");
        out.open();
        for own in &mut self.apis {
            if higher {
                own.until = LONG_AGO;
            }
            let mut offered = first.part.0.member(&own.name);
            let mut open = if manifest.is_present() { NOT_LISTED } else { NO_MANIFEST };
            let mut listed = &own.named;
            if offered.is_present() {
                check(offered, &mut first);
                if first.end() {
                    open = OVERLAP;
                    listed = offered.member("supported").items();
                } else {
                    open = INVALID;
                    offered = Node::default();
                }
            }
            let preferred = key_of(offered.member("preferred"));
            let deprecated = offered.member("deprecated").members();
            // Once: to make a key takes far longer than to compare two.
            let mut ends = Vec::new();
            for (version, _) in deprecated {
                ends.push(key(version));
            }
            let (mut told, mut refused) = (Node::default().items(), Node::default().items());
            let (mut ending, mut link) = (NEVER, Node::default());
            own.version.clear();
            let mut refusing = false;
            // By the manifest, then by what refusals left of it, if there are any.
            let why = loop {
                let (mut least, mut at) = (NOTHING_SERVED << WHY, 0);
                let (mut best, mut its_end) = (Node::default(), Node::default());
                for list in &[listed, told] {
                    for value in *list {
                        let own_key = key_of(Node::root(value));
                        if has(refused, &own_key) || !(told.is_empty() || has(told, &own_key)) {
                            continue;
                        }
                        let mut end = Node::default();
                        for (index, (_, value)) in deprecated.iter().enumerate() {
                            if ends.get(index) == Some(&own_key) {
                                end = Node::root(value);
                            }
                        }
                        let (since, sunset) = (first.time(end, "since"), first.time(end, "sunset"));
                        for time in &[since, sunset] {
                            if begun < *time && *time < self.turn {
                                self.turn = *time;
                            }
                        }
                        // "sunset exactly now" has ended
                        if sunset <= server {
                            continue;
                        }
                        // Where there is nothing to choose by, it is the first one.
                        let mut rank = if open == OVERLAP { place(&own.spoken, &own_key) } else { at };
                        at += 2;
                        if rank < ONLY_DEPRECATED << WHY {
                            rank |= (preferred != own_key) as u32;
                            // Without a `since` it is since ever.
                            if end.is_present() && (since <= begun || since == NEVER) {
                                rank |= ONLY_DEPRECATED << WHY;
                            }
                        }
                        if rank < least || (rank == least && own_key > key_of(best)) {
                            (least, best, its_end) = (rank, Node::root(value), end);
                        }
                    }
                }
                let why = if open == OVERLAP { least >> WHY } else { open };
                let found = least < SERVER_NEWER << WHY;
                if found {
                    own.version = text(best);
                    ending = first.time(its_end, "sunset");
                    link = its_end.member("link");
                }
                if refusing {
                    // Only a valid manifest refuses a call: the version stays in use.
                    self.nothing_left |= !found;
                    break why;
                }
                if own.required {
                    if why == ONLY_DEPRECATED {
                        self.verdict = ending.min(self.verdict);
                    } else if why == SERVER_NEWER {
                        self.verdict = LONG_AGO;
                    }
                }
                if own.until <= now {
                    break why;
                }
                self.ends = own.until.min(self.ends);
                refusing = true;
                (told, refused) = (Node::root(&own.told).items(), &own.refused);
                if !told.is_empty() {
                    if open != OVERLAP {
                        listed = told;
                    }
                    open = OVERLAP;
                }
            };
            out.open();
            out.string(&own.name);
            out.int(why.into());
            out.int(if refusing { REFUSED } else { why }.into());
            out.text(Some(&own.version[..]).filter(|version| !version.is_empty()));
            out.maybe(ending);
            for node in &[link, offered.member("base"), offered.member("carrier")] {
                out.value(node.value());
            }
            out.close();
        }
        out.close();
        flaws.append(&mut first.reports);
        self.plan.publish(out.done())
    }
}

/// Where the reason stands in a rank; below it the entry, and below that whether the version is not the preferred one.
const WHY: u32 = 28;

/// The rank of a version by what is spoken alone: its reason, and the first entry that holds it.
fn place(mut spoken: &[Vec<u8>], version: &[u8]) -> u32 {
    let (mut why, mut index) = (OTHER_KIND, 0);
    while let [from, to, rest @ ..] = spoken {
        if kind(from) == kind(version) {
            if version < &to[..] {
                // A pre-release only by its name.
                if &from[..] <= version
                    && (version.last() == Some(&RELEASE) || (from == version && to.starts_with(version)))
                {
                    return index;
                }
                why = SERVER_OLDER;
            } else if why == OTHER_KIND {
                // Above every entry of its kind.
                why = SERVER_NEWER;
            }
        }
        (spoken, index) = (rest, index + 2);
    }
    why << WHY
}

/// What kind of versions have such a key.
fn kind(key: &[u8]) -> u8 {
    key.first().copied().unwrap_or(0)
}

/// Whether a version with this key is in the list.
fn has(list: &[Value], key: &[u8]) -> bool {
    for value in list {
        if key_of(Node::root(value)) == key {
            return true;
        }
    }
    false
}

/// A version as text.
fn text(node: Node) -> String {
    written(node)
}

fn key_of(node: Node) -> Vec<u8> {
    key(&text(node))
}

#[cfg(test)]
mod tests;
