//! The app's options, decoded once: past this file they cannot be wrong.

use super::error::{ConfigError, Fault, Flaw};
use super::negotiate::{Spoken, spoken};
use super::time::SECOND;
use super::value::{Node, Value};
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
        config(Node::root(options), mark).map_err(ConfigError)
    }
}

fn config(root: Node, mark: Option<&Mark>) -> Result<Config, Flaw> {
    root.object()?;
    let given = root.member("build").object()?;
    let build = match mark {
        Some(mark) if !given.is_present() => mark.build.clone(),
        _ => build(&given)?,
    };
    let app = match (root.member("app").string()?, mark) {
        (Some(app), _) => app.to_owned(),
        (None, Some(mark)) => mark.app.clone(),
        (None, None) => String::new(),
    };
    Ok(Config {
        build,
        app,
        observe: one_of(&root.member("mode"), &["act", "observe"])? == 1,
        every: seconds(&root.member("poll").object()?.member("everySeconds"))?,
        countdown: seconds(&root.member("countdownSeconds"))?.unwrap_or(60 * SECOND),
        activate: root.member("worker").object()?.member("activate").is_present(),
        apis: spoken(&root.member("apis"))?,
    })
}

/// A build, as the options and the manifest's `current` have it: the id is required.
pub(super) fn build(node: &Node) -> Result<Build, Flaw> {
    let node = node.object()?;
    Ok(Build {
        id: node.member("id").required_string()?.to_owned(),
        version: node.member("version").version()?,
    })
}

/// The app's own seconds: 1 s to a day, as it likes.
fn seconds(node: &Node) -> Result<Option<i64>, Flaw> {
    match node.number()? {
        None => Ok(None),
        Some(n) if (1.0..=86_400.0).contains(&n) => Ok(Some((n * SECOND as f64) as i64)),
        Some(_) => Err(node.flaw(Fault::Range)),
    }
}

fn one_of(node: &Node, names: &[&str]) -> Result<usize, Flaw> {
    match node.string()? {
        None => Ok(0),
        Some(name) => names.iter().position(|n| *n == name).ok_or_else(|| node.flaw(Fault::Unknown)),
    }
}
