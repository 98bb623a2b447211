//! The app's options, decoded once: past this file they cannot be wrong.

use super::error::{ConfigError, Fault};
use super::negotiate::{Spoken, spoken};
use super::time::SECOND;
use super::value::{First, Node, Value};
use super::version::Version;

/// What one tab runs.
#[derive(Clone, Debug)]
pub struct Build {
    /// Opaque: a git SHA, say.
    pub id: String,
    /// Ordered; a build without one is told apart by its id only.
    pub version: Option<Version>,
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
    /// The APIs that the app calls.
    pub apis: Vec<Spoken>,
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
    /// Decodes the options; the page's mark stands in for a build or an app that they do not name.
    pub fn decode(options: &Value, mark: Option<&Mark>) -> Result<Config, ConfigError> {
        let mut first = First::default();
        let config = config(Node::root(options), mark, &mut first);
        first.flaw().map_or(Ok(config), |flaw| Err(ConfigError(flaw)))
    }
}

fn config(root: Node, mark: Option<&Mark>, first: &mut First) -> Config {
    let (given, poll, worker) = (root.member("build"), root.member("poll"), root.member("worker"));
    first.object(&root);
    first.object(&given);
    let build = match mark {
        Some(mark) if !given.is_present() => mark.build.clone(),
        _ => build(&given, first),
    };
    let app = first.or(root.member("app").string()).or(mark.map(|mark| mark.app.as_str()));
    let observe = one_of(&root.member("mode"), &["act", "observe"], first) == 1;
    first.object(&poll);
    let every = seconds(&poll.member("everySeconds"), first);
    let countdown = seconds(&root.member("countdownSeconds"), first).unwrap_or(60 * SECOND);
    first.object(&worker);
    Config {
        build,
        app: app.unwrap_or("").to_owned(),
        observe,
        every,
        countdown,
        activate: worker.member("activate").is_present(),
        apis: spoken(&root.member("apis"), first),
    }
}

/// A build, as the options and the manifest's `current` have it: the id is required.
pub(super) fn build(node: &Node, first: &mut First) -> Build {
    first.object(node);
    Build {
        id: first.or(node.member("id").required_string()).to_owned(),
        version: first.or(node.member("version").version()),
    }
}

/// The app's own seconds: 1 s to a day, as it likes.
fn seconds(node: &Node, first: &mut First) -> Option<i64> {
    let n = first.or(node.number())?;
    if !(1.0..=86_400.0).contains(&n) {
        first.wrong(node, Fault::Range);
    }
    Some((n * SECOND as f64) as i64)
}

fn one_of(node: &Node, names: &[&str], first: &mut First) -> usize {
    let Some(name) = first.or(node.string()) else { return 0 };
    names.iter().position(|n| *n == name).unwrap_or_else(|| {
        first.wrong(node, Fault::Unknown);
        0
    })
}
