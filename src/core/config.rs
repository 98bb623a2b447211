//! The app's options, decoded once: past this file they cannot be wrong.

use super::error::{Fault, Flaw};
use super::event::Input;
use super::names::position;
use super::negotiate::{Apis, spoken};
use super::value::{FILLED, First, NUMBER, Node, OBJECT, REQUIRED, STRING};
use super::version::is_version;

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
    /// The app's own poll period, in ms, or 0; wins over the manifest's.
    pub every: i64,
    /// The length of the countdown before a forced refresh, in ms.
    pub countdown: i64,
    /// Whether a waiting service worker may be told to take over.
    pub activate: bool,
}

/// Where a shell, or this page, says what it is: `<meta name="trueup-build" …>`.
#[cfg(not(target_arch = "wasm32"))]
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
        every: 0,
        countdown: 0,
        activate: false,
    };

    /// Decodes the options; the page's mark stands in for a build or an app that they do not name. The
    /// APIs that the app calls go into `apis`. Gives what is wrong.
    pub fn decode(&mut self, start: Input, apis: &mut Apis) -> Option<Flaw> {
        let root = Node::root(start.at(0));
        let mut first = First::new(root, "");
        first.get(root, "", OBJECT);
        let given = first.get(root, "build", OBJECT);
        self.build = if given.is_present() || !start.has(7) {
            build(given, "build.id", &mut first)
        } else {
            let version = start.text(8);
            let version = if is_version(version) { version } else { "" };
            Build { id: start.text(7).to_owned(), version: version.to_owned() }
        };
        let app = first.get(root, "app", STRING);
        let app = if app.is_present() { app.text() } else { start.text(9) };
        self.app = app.to_owned();
        let mode = first.get(root, "mode", STRING);
        let place = position("act observe", mode.text());
        self.observe = place == 1;
        if mode.is_present() && place > 1 {
            first.wrong(root, "mode", Fault::Unknown);
        }
        // The app's own seconds: 1 s to a day, as it likes.
        let poll = first.get(root, "poll", OBJECT);
        self.every = ms(bounded(poll, "everySeconds", 1.0, 86_400.0, 0.0, Fault::Range, &mut first));
        self.countdown = ms(bounded(root, "countdownSeconds", 1.0, 86_400.0, 60.0, Fault::Range, &mut first));
        self.activate = first.get(root, "worker", OBJECT).member("activate").is_present();
        spoken(first.get(root, "apis", OBJECT), apis, &mut first);
        first.flaw
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

/// Seconds in ms.
pub(super) fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

/// A number. One beyond its bounds is brought within them, and said: an operator's is clamped, so that a slip stops nothing.
pub(super) fn bounded<'a>(
    from: Node<'a>,
    name: &str,
    low: f64,
    high: f64,
    default: f64,
    fault: Fault,
    first: &mut First<'a>,
) -> f64 {
    let node = first.get(from, name, NUMBER);
    let mut n = node.number(default);
    if node.is_present() && !(low..=high).contains(&n) {
        n = if n > high { high } else { low };
        if fault == Fault::Clamped {
            first.report(from, name, fault);
        } else {
            first.wrong(from, name, fault);
        }
    }
    n
}
