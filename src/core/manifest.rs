//! From the tree to the manifest: the only decoder.
//!
//! `trueup`, `serial`, `current`, `supported`, `refresh` and `poll` stand or fall together. `apis` and `flags` are
//! handed on as they are: each of their parts stands or falls by itself, in the module that knows it.

use super::config::{Build, build};
use super::error::{Fault, Flaw, ManifestError};
use super::time::SECOND;
use super::value::{First, MAX_LEVELS, Node, Value};
use super::version::Version;

/// The longest text that is parsed: 1 MiB.
pub const MAX_TEXT: usize = 1 << 20;

/// What the server publishes.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// It only grows.
    pub serial: u64,
    /// What a fresh load brings.
    pub current: Build,
    /// Below it: unsupported.
    pub minimum: Option<Version>,
    /// Below it: deprecated, and unsupported after the deadline.
    pub recommended: Option<Version>,
    /// When builds below `recommended` become unsupported, in ms since 1970.
    pub deadline: Option<i64>,
    /// Builds that must not run, newer ones too.
    pub blocked: Vec<Blocked>,
    /// How tabs are asked to refresh.
    pub refresh: Asking,
    /// The poll period in ms.
    pub every: i64,
    /// The whole tree: `apis` and `flags` are decoded by their own modules.
    pub tree: Value,
    /// What was read as its default or clamped, to be reported.
    pub warnings: Vec<Flaw>,
}

/// A build that must not run.
#[derive(Clone, Debug)]
pub enum Blocked {
    /// By its id.
    Id(String),
    /// By its version.
    Version(Version),
}

/// The manifest's `refresh`.
#[derive(Clone, Debug)]
pub struct Asking {
    /// How soon.
    pub urgency: Urgency,
    /// Over how long a million tabs spread, in ms.
    pub spread: i64,
    /// To what part of the tabs unasked actions are limited, 0 to 1.
    pub share: f64,
    /// Stops all unasked actions.
    pub paused: bool,
    /// What is new, by language: plain text.
    pub notes: Value,
    /// Path-absolute.
    pub link: Option<String>,
}

/// How soon a tab that is behind should refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// At the next navigation.
    Low,
    /// An offer that can be dismissed.
    Normal,
    /// An urge that can be put off.
    High,
    /// A countdown.
    Critical,
}

impl Manifest {
    /// Decodes a tree.
    pub fn decode(tree: Value) -> Result<Manifest, ManifestError> {
        let mut first = First::default();
        let mut manifest = decode(&tree, &mut first);
        manifest.tree = tree;
        first.flaw().map_or(Ok(manifest), |flaw| Err(ManifestError(flaw)))
    }

    /// Whether a build is one that must not run.
    pub fn blocks(&self, build: &Build) -> bool {
        self.blocked.iter().any(|blocked| match blocked {
            Blocked::Id(id) => *id == build.id,
            Blocked::Version(version) => build.version.as_ref().is_some_and(|v| v.same(version)),
        })
    }
}

fn decode(tree: &Value, first: &mut First) -> Manifest {
    let mut warnings = Vec::new();
    let root = Node::root(tree);
    for (name, member) in first.members(&root) {
        if name != "flags" && member.value().is_some_and(|value| !value.within(MAX_LEVELS - 1)) {
            first.wrong(&member, Fault::TooDeep);
        }
    }
    let format = root.member("trueup");
    if required(&format, first) != 1 {
        first.wrong(&format, Fault::Format);
    }
    let serial = required(&root.member("serial"), first);
    let current = build(&root.member("current"), first);

    let supported = root.member("supported");
    first.object(&supported);
    let (minimum, recommended) = (supported.member("minimum"), supported.member("recommended"));
    let of = supported.member("blocked");
    let mut blocked = Vec::new();
    for item in first.items(&of) {
        first.object(&item);
        let (id, version) = (item.member("id"), item.member("version"));
        if !id.is_present() && !version.is_present() {
            first.wrong(&item, Fault::Missing);
        }
        if id.is_present() {
            blocked.push(Blocked::Id(first.or(id.required_string()).to_owned()));
        }
        if let Some(version) = first.or(version.version()) {
            blocked.push(Blocked::Version(version));
        }
    }
    let manifest = Manifest {
        serial,
        current,
        minimum: first.or(minimum.version()),
        recommended: first.or(recommended.version()),
        deadline: first.or(supported.member("deadline").time()),
        blocked,
        refresh: asking(&root.member("refresh"), first, &mut warnings),
        every: {
            let poll = root.member("poll");
            first.object(&poll);
            let every = clamped(&poll.member("everySeconds"), 15.0, 3600.0, 300.0, first, &mut warnings);
            every as i64 * SECOND
        },
        tree: Value::Null,
        warnings,
    };
    ordered(&minimum, &manifest.minimum, &manifest.recommended, first);
    ordered(&minimum, &manifest.minimum, &manifest.current.version, first);
    ordered(&recommended, &manifest.recommended, &manifest.current.version, first);
    if manifest.blocks(&manifest.current) {
        first.wrong(&of, Fault::Contradiction);
    }
    manifest
}

fn required(node: &Node, first: &mut First) -> u64 {
    first.or(node.integer().and_then(|n| n.ok_or_else(|| node.flaw(Fault::Missing))))
}

fn asking(node: &Node, first: &mut First, warnings: &mut Vec<Flaw>) -> Asking {
    first.object(node);
    let urgency = node.member("urgency");
    let notes = node.member("notes");
    for (_, note) in first.members(&notes) {
        first.or(note.string());
    }
    Asking {
        urgency: match first.or(urgency.string()) {
            Some("low") => Urgency::Low,
            None | Some("normal") => Urgency::Normal,
            Some("high") => Urgency::High,
            Some("critical") => Urgency::Critical,
            Some(_) => {
                warnings.push(urgency.flaw(Fault::Unknown));
                Urgency::Normal
            }
        },
        spread: (clamped(&node.member("spreadSeconds"), 0.0, 3600.0, 300.0, first, warnings) * 1000.0) as i64,
        share: clamped(&node.member("share"), 0.0, 1.0, 1.0, first, warnings),
        paused: first.or(node.member("paused").bool()).unwrap_or(false),
        notes: notes.value().cloned().unwrap_or(Value::Null),
        link: first.or(node.member("link").reference()).map(str::to_owned),
    }
}

/// An operator's number: a wrong one is brought into its range and reported, so that a slip stops nothing.
fn clamped(
    node: &Node,
    low: f64,
    high: f64,
    default: f64,
    first: &mut First,
    warnings: &mut Vec<Flaw>,
) -> f64 {
    let Some(n) = first.or(node.number()) else { return default };
    let inside = n.clamp(low, high);
    if inside != n {
        warnings.push(node.flaw(Fault::Clamped));
    }
    inside
}

/// Refuses a lower bound that is above what it bounds, or does not compare with it.
fn ordered(low: &Node, bound: &Option<Version>, of: &Option<Version>, first: &mut First) {
    if let (Some(a), Some(b)) = (bound, of)
        && !a.same(b)
        && !a.below(b)
    {
        first.wrong(low, Fault::Contradiction);
    }
}
