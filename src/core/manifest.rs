//! From the tree to the manifest: the only decoder.
//!
//! `trueup`, `serial`, `current`, `supported`, `refresh` and `poll` stand or fall together. `apis` and `flags` are
//! handed on as they are: each of their parts stands or falls by itself, in the module that knows it.

use super::config::{Build, build};
use super::error::{Fault, Flaw, ManifestError};
use super::time::SECOND;
use super::value::{MAX_LEVELS, Node, Value};
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
        let mut manifest = decode(&tree).map_err(ManifestError)?;
        manifest.tree = tree;
        Ok(manifest)
    }

    /// Whether a build is one that must not run.
    pub fn blocks(&self, build: &Build) -> bool {
        self.blocked.iter().any(|blocked| match blocked {
            Blocked::Id(id) => *id == build.id,
            Blocked::Version(version) => build.version.as_ref().is_some_and(|v| v.same(version)),
        })
    }
}

fn decode(tree: &Value) -> Result<Manifest, Flaw> {
    let mut warnings = Vec::new();
    let root = Node::root(tree);
    for (name, member) in root.members()? {
        if name != "flags" && member.value().is_some_and(|value| !value.within(MAX_LEVELS - 1)) {
            return Err(member.flaw(Fault::TooDeep));
        }
    }
    let format = root.member("trueup");
    match format.integer()? {
        Some(1) => {}
        Some(_) => return Err(format.flaw(Fault::Format)),
        None => return Err(format.flaw(Fault::Missing)),
    }
    let serial = root.member("serial");
    let serial = serial.integer()?.ok_or_else(|| serial.flaw(Fault::Missing))?;
    let current = build(&root.member("current"))?;

    let supported = root.member("supported").object()?;
    let (minimum, recommended) = (supported.member("minimum"), supported.member("recommended"));
    let mut blocked = Vec::new();
    for item in supported.member("blocked").items()? {
        let item = item.object()?;
        let (id, version) = (item.member("id"), item.member("version"));
        if !id.is_present() && !version.is_present() {
            return Err(item.flaw(Fault::Missing));
        }
        if id.is_present() {
            blocked.push(Blocked::Id(id.required_string()?.to_owned()));
        }
        if let Some(version) = version.version()? {
            blocked.push(Blocked::Version(version));
        }
    }
    let manifest = Manifest {
        serial,
        current,
        minimum: minimum.version()?,
        recommended: recommended.version()?,
        deadline: supported.member("deadline").time()?,
        blocked,
        refresh: asking(root.member("refresh"), &mut warnings)?,
        every: clamped(
            &root.member("poll").object()?.member("everySeconds"),
            15.0,
            3600.0,
            300.0,
            &mut warnings,
        )? as i64
            * SECOND,
        tree: Value::Null,
        warnings,
    };
    ordered(&minimum, &manifest.minimum, &manifest.recommended)?;
    ordered(&minimum, &manifest.minimum, &manifest.current.version)?;
    ordered(&recommended, &manifest.recommended, &manifest.current.version)?;
    if manifest.blocks(&manifest.current) {
        return Err(supported.member("blocked").flaw(Fault::Contradiction));
    }
    Ok(manifest)
}

fn asking(node: Node, warnings: &mut Vec<Flaw>) -> Result<Asking, Flaw> {
    let node = node.object()?;
    let urgency = node.member("urgency");
    let notes = node.member("notes");
    for (_, note) in notes.members()? {
        note.string()?;
    }
    Ok(Asking {
        urgency: match urgency.string()? {
            Some("low") => Urgency::Low,
            None | Some("normal") => Urgency::Normal,
            Some("high") => Urgency::High,
            Some("critical") => Urgency::Critical,
            Some(_) => {
                warnings.push(urgency.flaw(Fault::Unknown));
                Urgency::Normal
            }
        },
        spread: (clamped(&node.member("spreadSeconds"), 0.0, 3600.0, 300.0, warnings)? * 1000.0) as i64,
        share: clamped(&node.member("share"), 0.0, 1.0, 1.0, warnings)?,
        paused: node.member("paused").bool()?.unwrap_or(false),
        notes: notes.value().cloned().unwrap_or(Value::Null),
        link: node.member("link").reference()?.map(str::to_owned),
    })
}

/// An operator's number: a wrong one is brought into its range and reported, so that a slip stops nothing.
fn clamped(node: &Node, low: f64, high: f64, default: f64, warnings: &mut Vec<Flaw>) -> Result<f64, Flaw> {
    let Some(n) = node.number()? else { return Ok(default) };
    let inside = n.clamp(low, high);
    if inside != n {
        warnings.push(node.flaw(Fault::Clamped));
    }
    Ok(inside)
}

/// Refuses a lower bound that is above what it bounds, or does not compare with it.
fn ordered(low: &Node, bound: &Option<Version>, of: &Option<Version>) -> Result<(), Flaw> {
    match (bound, of) {
        (Some(a), Some(b)) if !a.same(b) && !a.below(b) => Err(low.flaw(Fault::Contradiction)),
        _ => Ok(()),
    }
}
