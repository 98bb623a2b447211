//! The app's options, decoded once: past this file they cannot be wrong.

use super::error::{Fault, Flaw};
use super::negotiate::{Apis, spoken};
use super::time::SECOND;
use super::value::{FILLED, First, NUMBER, Node, OBJECT, REQUIRED, STRING, Value};

/// What one tab runs.
#[derive(Clone, Debug)]
pub struct Build {
    /// Opaque: a git SHA, say.
    pub id: String,
    /// Ordered; empty: a build without one is told apart by its id only.
    pub version: String,
}

/// The options of `connect`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The build that this tab runs.
    pub build: Build,
    /// The app's name: its shell's mark carries the same one.
    pub app: String,
    /// Everything is decided and reported, nothing is shown or done.
    pub observe: bool,
    /// The app's own poll period, in ms; wins over the manifest's.
    pub every: Option<i64>,
    /// The length of the countdown before a forced refresh, in ms.
    pub countdown: i64,
    /// Whether a waiting service worker may be told to take over.
    pub activate: bool,
    /// The APIs that the app calls, and what is negotiated of them.
    pub apis: Apis,
}

/// Where a shell, or this page, says what it is: `<meta name="trueup-build" …>`.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The build.
    pub build: Build,
    /// The app; pages of several apps carry a mark each.
    pub app: String,
}

impl Config {
    /// No options yet.
    pub const BLANK: Config = Config {
        build: Build { id: String::new(), version: String::new() },
        app: String::new(),
        observe: false,
        every: None,
        countdown: 0,
        activate: false,
        apis: Apis::NONE,
    };

    /// Decodes the options; the page's mark stands in for a build or an app that they do not name. Gives what is wrong.
    pub fn decode(&mut self, options: &Value, mark: Option<&Mark>) -> Option<Flaw> {
        let root = Node::root(options);
        let mut first = First::new(root, "");
        *self = config(root, mark, &mut first);
        first.end();
        first.reports.pop()
    }
}

fn config<'a>(root: Node<'a>, mark: Option<&Mark>, first: &mut First<'a>) -> Config {
    first.get(root, "", OBJECT);
    let given = first.get(root, "build", OBJECT);
    let build = match mark {
        Some(mark) if !root.member("build").is_present() => mark.build.clone(),
        _ => build(given, "build.id", first),
    };
    let app = match mark {
        Some(mark) if !root.member("app").is_present() => &mark.app,
        _ => first.get(root, "app", STRING).text(),
    };
    let mode = first.get(root, "mode", STRING);
    let observe = mode.text() == "observe";
    if mode.is_present() && !observe && mode.text() != "act" {
        first.wrong(root, "mode", Fault::Unknown);
    }
    let poll = first.get(root, "poll", OBJECT);
    let every = seconds(poll, "everySeconds", first);
    let countdown = seconds(root, "countdownSeconds", first).unwrap_or(60 * SECOND);
    let worker = first.get(root, "worker", OBJECT);
    let apis = first.get(root, "apis", OBJECT);
    Config {
        build,
        app: app.to_owned(),
        observe,
        every,
        countdown,
        activate: worker.member("activate").is_present(),
        apis: spoken(apis, first),
    }
}

/// A build, as the options and the manifest's `current` have it: the id is required.
pub(super) fn build<'a>(node: Node<'a>, id: &str, first: &mut First<'a>) -> Build {
    if !node.is_present() {
        first.wrong(node, id, Fault::Missing);
    }
    Build {
        id: first.get(node, "id", STRING | REQUIRED | FILLED).text().to_owned(),
        version: first.version(node, "version"),
    }
}

/// The app's own seconds: 1 s to a day, as it likes.
fn seconds<'a>(from: Node<'a>, name: &str, first: &mut First<'a>) -> Option<i64> {
    let n = first.get(from, name, NUMBER);
    let seconds = n.number(1.0);
    if !(1.0..=86_400.0).contains(&seconds) {
        first.wrong(from, name, Fault::Range);
    }
    n.is_present().then_some((seconds * SECOND as f64) as i64)
}
