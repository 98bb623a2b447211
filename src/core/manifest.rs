//! From the tree to the manifest: the only decoder.
//!
//! `trueup`, `serial`, `current`, `supported`, `refresh` and `poll` stand or fall together. `apis` and `flags` are
//! handed on as they are: each of their parts stands or falls by itself, in the module that knows it.

use super::config::{Build, bounded, build, ms};
use super::error::{Fault, Flaw};
use super::names::{NOWHERE, names, position};
use super::value::{ARRAY, BOOL, FILLED, First, MAX_LEVELS, Node, OBJECT, STRING, Value, written};
use super::version::{below, same};

/// The longest text that is parsed: 1 MiB.
pub const MAX_TEXT: usize = 1 << 20;

/// What the server publishes.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// It only grows.
    pub serial: u64,
    /// What a fresh load brings.
    pub current: Build,
    /// The version below which builds are unsupported, or empty.
    pub minimum: String,
    /// Below it: deprecated, and unsupported after the deadline. Or empty.
    pub recommended: String,
    /// When builds below `recommended` become unsupported, in ms since 1970; or `NEVER`.
    pub deadline: i64,
    /// How tabs are asked to refresh.
    pub refresh: Asking,
    /// The poll period in ms.
    pub every: i64,
    /// The whole tree: `apis` and `flags` are decoded by their own modules.
    pub tree: Value,
    /// What was read as its default or clamped, to be reported.
    pub warnings: Vec<Flaw>,
}

/// The manifest's `refresh`.
#[derive(Clone, Debug)]
pub struct Asking {
    /// How soon: what should happen to a tab that is behind.
    pub urgency: Action,
    /// Over how long a million tabs spread, in ms.
    pub spread: i64,
    /// To what part of the tabs unasked actions are limited, 0 to 1.
    pub share: f64,
    /// Stops all unasked actions.
    pub paused: bool,
}

names! {
    /// What should happen to a tab, mildest first.
    Action {
        /// Nothing.
        None = "none",
        /// Refresh at the next navigation.
        Navigate = "navigate",
        /// A notice that can be dismissed.
        Offer = "offer",
        /// A notice that can be put off.
        Urge = "urge",
        /// A countdown.
        Force = "force",
    }
}

impl Manifest {
    /// Decodes a tree; or adds why it is none to the flaws.
    pub fn decode(tree: Value, flaws: &mut Vec<Flaw>) -> Option<Box<Manifest>> {
        let root = Node::root(&tree);
        let mut first = First::new(root, "");
        let mut manifest = decode(root, &mut first);
        if let Some(flaw) = first.flaw {
            flaws.push(flaw);
            return None;
        }
        manifest.warnings = first.reports;
        manifest.tree = tree;
        Some(manifest)
    }

    /// What only the prompt shows of `refresh`: `notes`, plain text by language, or `link`, path-absolute; or `null`.
    pub fn shown(&self, name: &str) -> &Value {
        Node::root(&self.tree).member("refresh").member(name).value()
    }

    /// Whether a build is one that must not run.
    pub fn blocks(&self, build: &Build) -> bool {
        blocks(Node::root(&self.tree), build)
    }
}

fn blocks(root: Node, build: &Build) -> bool {
    for item in root.member("supported").member("blocked").items() {
        let id = Node::root(item).member("id");
        if id.is_present() && *id.text() == build.id {
            return true;
        }
        if same(&written(Node::root(item).member("version")), &build.version) {
            return true;
        }
    }
    false
}

fn decode<'a>(root: Node<'a>, first: &mut First<'a>) -> Box<Manifest> {
    for (name, member) in first.get(root, "", OBJECT).members() {
        if name != "flags" && !member.within(MAX_LEVELS - 1) {
            first.wrong(Node::root(member), "", Fault::TooDeep);
        }
    }
    if first.integer(root, "trueup") != 1 {
        first.wrong(root, "trueup", Fault::Format);
    }
    let serial = first.integer(root, "serial");
    let current = build(first.get(root, "current", OBJECT), "current.id", first);

    let supported = first.get(root, "supported", OBJECT);
    for item in first.get(supported, "blocked", ARRAY).items() {
        let item = first.get(Node::root(item), "", OBJECT);
        let id = first.get(item, "id", STRING | FILLED);
        if first.version(item, "version").is_empty() && !id.is_present() {
            first.wrong(item, "", Fault::Missing);
        }
    }
    let poll = first.get(root, "poll", OBJECT);
    let manifest = Box::new(Manifest {
        serial,
        current,
        minimum: first.version(supported, "minimum"),
        recommended: first.version(supported, "recommended"),
        deadline: first.time(supported, "deadline"),
        refresh: asking(first.get(root, "refresh", OBJECT), first),
        every: ms(bounded(poll, "everySeconds", 15.0, 3600.0, 300.0, Fault::Clamped, first)),
        tree: Value::Null,
        warnings: Vec::new(),
    });
    let Manifest { minimum, recommended, current, .. } = &*manifest;
    ordered(minimum, recommended, "minimum", supported, first);
    ordered(minimum, &current.version, "minimum", supported, first);
    ordered(recommended, &current.version, "recommended", supported, first);
    if blocks(root, current) {
        first.wrong(supported, "blocked", Fault::Contradiction);
    }
    manifest
}

/// Refuses a lower bound that is above what it bounds, or does not compare with it.
fn ordered<'a>(low: &str, high: &str, name: &str, supported: Node<'a>, first: &mut First<'a>) {
    if !low.is_empty() && !high.is_empty() && !same(low, high) && !below(low, high) {
        first.wrong(supported, name, Fault::Contradiction);
    }
}

fn asking<'a>(node: Node<'a>, first: &mut First<'a>) -> Asking {
    let urgency = first.get(node, "urgency", STRING);
    for (_, note) in first.get(node, "notes", OBJECT).members() {
        first.get(Node::root(note), "", STRING);
    }
    let asking = Asking {
        urgency: match position("low normal high critical", urgency.text()) {
            0 => Action::Navigate,
            2 => Action::Urge,
            3 => Action::Force,
            found => {
                if urgency.is_present() && found == NOWHERE {
                    first.report(urgency, "", Fault::Unknown);
                }
                Action::Offer
            }
        },
        spread: ms(bounded(node, "spreadSeconds", 0.0, 3600.0, 300.0, Fault::Clamped, first)),
        share: bounded(node, "share", 0.0, 1.0, 1.0, Fault::Clamped, first),
        paused: first.get(node, "paused", BOOL).is_true(),
    };
    first.reference(node, "link");
    asking
}
