//! Gate 2: what a fresh load of the page would bring.

use crate::core::config::{Build, Mark};
use crate::core::manifest::Manifest;
use crate::core::time::{Chance, Now, SECOND, backoff};
use crate::core::version::Version;
use crate::core::window::outside;

/// A check that takes longer has failed. The page gives up after 10 s and says so; this is for a page that does not.
const LIMIT: i64 = 15 * SECOND;

/// What the fetch of the shell brought.
#[derive(Clone, Debug, Default)]
pub struct ShellAnswer {
    /// The status; 0 where no answer came.
    pub status: u16,
    /// Whether it was redirected.
    pub redirected: bool,
    /// Whether it is HTML.
    pub html: bool,
    /// Its text.
    pub text: String,
    /// What stands in the way under a service worker.
    pub worker: Worker,
}

/// What a service worker would do to a reload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Worker {
    /// There is none, or its update has settled with nothing new.
    #[default]
    Settled,
    /// A new one is being installed, or its update failed: a reload would bring the old page.
    Busy,
    /// A new one waits: a reload would bring the old page.
    Waiting,
}

/// Why the shell check has not passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// No answer, not 200, redirected, not HTML.
    NoPage,
    /// It is still this build.
    SameBuild,
    /// Another build that is neither the target nor a newer, supported one.
    OtherBuild,
    /// No mark, though this page came with one, or a reload for this target has shown nothing else.
    NoMark,
    /// A service worker would bring the old page.
    Worker,
}

impl Lag {
    /// The name, as JavaScript sees it.
    pub const fn name(self) -> &'static str {
        match self {
            Lag::NoPage => "no-page",
            Lag::SameBuild => "same-build",
            Lag::OtherBuild => "other-build",
            Lag::NoMark => "no-mark",
            Lag::Worker => "worker",
        }
    }
}

/// Where the check stands.
#[derive(Clone, Debug, Default)]
pub enum Shell {
    /// Not looked yet.
    #[default]
    Unseen,
    /// It passed for the target at that time.
    Passed(String, i64),
    /// It did not; look again at that time.
    Lagging(Lag, i64),
}

/// The shell check of one page.
#[derive(Clone, Debug, Default)]
pub struct ShellCheck {
    /// What was seen last: it counts until something else is seen.
    pub state: Shell,
    /// Since when it is being looked at.
    pub looking: Option<i64>,
    /// In this look a waiting worker was told to take over. Where it cannot (another tab holds, say), the look has failed.
    pub activated: bool,
    /// Seen too long ago for a navigation: to be looked at again, though what was seen still stands.
    pub stale: bool,
    failures: u32,
}

impl ShellCheck {
    /// Whether it passed for `target` at most `age` ms ago.
    pub fn passed(&self, now: i64, target: &str, age: i64) -> bool {
        matches!(&self.state, Shell::Passed(of, at) if of == target && now - at <= age)
    }

    /// When the check that runs is given up.
    pub fn limit(&self) -> Option<i64> {
        self.looking.map(|since| since + LIMIT)
    }

    /// Forgets what was seen, so that it is looked at again: the target changed.
    pub fn renew(&mut self) {
        self.failures = 0;
        self.state = Shell::Unseen;
    }

    /// The check has not passed: when to look again.
    pub fn lag(&mut self, now: i64, lag: Lag, every: i64, chance: &mut Chance) {
        self.looking = None;
        let wait = backoff(self.failures, every, chance);
        self.failures += 1;
        self.state = Shell::Lagging(lag, now + wait);
    }

    /// Judges an answer. `trust`: a page without a mark passes, since this one has none either and no reload has shown yet
    /// what it brings.
    #[allow(clippy::too_many_arguments)]
    pub fn hear(
        &mut self,
        now: Now,
        answer: &ShellAnswer,
        app: &str,
        build: &Build,
        trust: bool,
        manifest: &Manifest,
        server: Option<i64>,
        every: i64,
        chance: &mut Chance,
    ) {
        let target = &manifest.current.id;
        let lag = if answer.worker != Worker::Settled {
            Some(Lag::Worker)
        } else if answer.status != 200 || answer.redirected || !answer.html {
            Some(Lag::NoPage)
        } else {
            match scan(&answer.text, app) {
                None if trust => None,
                None => Some(Lag::NoMark),
                Some(mark) if mark.build.id == *target => None,
                Some(mark) if mark.build.id == build.id => Some(Lag::SameBuild),
                Some(mark)
                    if newer(&mark.build, build) && outside(&mark.build, manifest, server).is_none() =>
                {
                    None
                }
                Some(_) => Some(Lag::OtherBuild),
            }
        };
        self.stale = false;
        if let Some(lag) = lag {
            return self.lag(now.mono, lag, every, chance);
        }
        self.looking = None;
        self.failures = 0;
        self.state = Shell::Passed(target.clone(), now.mono);
    }
}

fn newer(a: &Build, b: &Build) -> bool {
    matches!((&a.version, &b.version), (Some(a), Some(b)) if b.below(a))
}

/// Finds the mark of `app` in a page's text. No DOMParser: it is a sink of Trusted Types, and a tag scanner is enough
/// for a tag that our own plugin writes. What stands in comments and raw text (scripts, titles) is passed over.
pub fn scan(html: &str, app: &str) -> Option<Mark> {
    let mut at = 0;
    loop {
        at = after(html, at, "<")?;
        if starts(html, at, "!--") {
            at = after(html, at, "-->")?;
            continue;
        }
        let name = html.get(at..word(html, at, false))?;
        at += name.len();
        for raw in ["script", "style", "template", "textarea", "title", "noscript"] {
            if name.eq_ignore_ascii_case(raw) {
                loop {
                    at = after(html, at, "</")?;
                    if starts(html, at, raw) {
                        break;
                    }
                }
            }
        }
        if !name.eq_ignore_ascii_case("meta") {
            continue;
        }
        let (mut marks, mut id, mut version, mut of) = (false, "", None, "");
        while let Some((name, value, next)) = attribute(html, at) {
            at = next;
            if name.eq_ignore_ascii_case("name") {
                marks = value == "trueup-build";
            } else if name.eq_ignore_ascii_case("content") {
                id = value;
            } else if name.eq_ignore_ascii_case("data-version") {
                version = Version::parse(value).ok();
            } else if name.eq_ignore_ascii_case("data-app") {
                of = value;
            }
        }
        if marks && !id.is_empty() && of == app {
            return Some(Mark { build: Build { id: id.to_owned(), version }, app: app.to_owned() });
        }
    }
}

/// The attribute that begins at or after `at`, and where it ends; `None` at the tag's `>`.
fn attribute(html: &str, mut at: usize) -> Option<(&str, &str, usize)> {
    let bytes = html.as_bytes();
    while is_blank(*bytes.get(at)?) || bytes.get(at) == Some(&b'/') {
        at += 1;
    }
    let end = word(html, at, true);
    let name = html.get(at..end).filter(|name| !name.is_empty())?;
    at = blanks(bytes, end);
    if bytes.get(at) != Some(&b'=') {
        return Some((name, "", at));
    }
    at = blanks(bytes, at + 1);
    let quote = *bytes.get(at)?;
    if quote == b'"' || quote == b'\'' {
        let start = at + 1;
        let end = start + bytes.get(start..)?.iter().position(|b| *b == quote)?;
        return Some((name, html.get(start..end)?, end + 1));
    }
    let start = at;
    while !is_blank(*bytes.get(at)?) && bytes.get(at) != Some(&b'>') {
        at += 1;
    }
    Some((name, html.get(start..at)?, at))
}

/// Where `what` ends for the first time behind `at`. (`str::find` brings a search of 2 KB.)
fn after(html: &str, mut at: usize, what: &str) -> Option<usize> {
    while !starts(html, at, what) {
        at += 1;
        if at > html.len() {
            return None;
        }
    }
    Some(at + what.len())
}

fn starts(html: &str, at: usize, what: &str) -> bool {
    let found = html.as_bytes().get(at..at.saturating_add(what.len()));
    found.is_some_and(|found| found.eq_ignore_ascii_case(what.as_bytes()))
}

/// Where a name ends: a tag's of letters and digits, an attribute's of all but blanks, `/`, `=` and `>`.
fn word(html: &str, mut at: usize, attribute: bool) -> usize {
    while html.as_bytes().get(at).is_some_and(|b| {
        if attribute { !is_blank(*b) && !matches!(b, b'/' | b'=' | b'>') } else { b.is_ascii_alphanumeric() }
    }) {
        at += 1;
    }
    at
}

fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|b| is_blank(*b)) {
        at += 1;
    }
    at
}

fn is_blank(b: u8) -> bool {
    b.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(html: &str) -> Option<String> {
        scan(html, "shop").map(|mark| mark.build.id)
    }

    #[test]
    fn a_mark_is_found_however_it_is_written() {
        for html in [
            r#"<!doctype html><head><meta name="trueup-build" content="b2" data-version="2" data-app="shop">"#,
            "<META data-app=shop\n NAME='trueup-build' content='b2' />",
            "<meta charset=utf-8><meta name=trueup-build data-app=shop content=b2>",
            "<!-- <meta name=trueup-build data-app=shop content=b1> --><meta name=trueup-build data-app=shop content=b2>",
            "<script>'<meta name=trueup-build data-app=shop content=b1>'</script><meta name=trueup-build content=b2 data-app=shop>",
            "<title>a < b</title><meta name=trueup-build data-app=other content=b1><meta name=trueup-build data-app=shop content=b2>",
        ] {
            assert_eq!(id(html).as_deref(), Some("b2"), "{html}");
        }
    }

    #[test]
    fn what_is_no_mark_of_this_app_counts_as_none() {
        for html in [
            "",
            "<",
            "<meta",
            "<meta name=trueup-build data-app=shop content=",
            "<meta name=trueup-build content=b2>",
            "<meta name=trueup-build data-app=shop content=''>",
            "<meta name=trueup-build data-app=\"shop",
            "<!-- <meta name=trueup-build data-app=shop content=b2>",
            "<script><meta name=trueup-build data-app=shop content=b2>",
            "<p>meta name=trueup-build data-app=shop content=b2</p>",
            "<é",
        ] {
            assert_eq!(id(html), None, "{html}");
        }
    }

    #[test]
    fn a_version_comes_with_the_mark() {
        let mark = scan("<meta name=trueup-build content=b2 data-version=4.1>", "").unwrap();
        assert_eq!(mark.build.version.unwrap().as_str(), "4.1");
    }
}
