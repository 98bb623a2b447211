//! Gate 2: what a fresh load of the page would bring.

use crate::core::config::{Build, Mark};
use crate::core::manifest::Manifest;
use crate::core::schedule::backoff;
use crate::core::time::{Chance, Now, SECOND};
use crate::core::version::Version;
use crate::core::window::outside;

/// A check that takes longer has failed.
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
    /// No mark, though this page came with one, or it has passed for this target before.
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
    /// Looking since.
    Looking(i64),
    /// It passed for the target at that time.
    Passed(String, i64),
    /// It did not; look again at that time.
    Lagging(Lag, i64),
}

/// The shell check of one page.
#[derive(Clone, Debug, Default)]
pub struct ShellCheck {
    /// Where it stands.
    pub state: Shell,
    failures: u32,
    /// The target for which a page without a mark has passed already.
    unmarked: Option<String>,
}

impl ShellCheck {
    /// Whether it passed for `target` at most `age` ms ago.
    pub fn passed(&self, now: i64, target: &str, age: i64) -> bool {
        matches!(&self.state, Shell::Passed(of, at) if of == target && now - at <= age)
    }

    /// When to look (again): now, where nothing is known or what is known is of no use any more.
    pub fn look_at(&self, now: i64) -> i64 {
        match &self.state {
            Shell::Lagging(_, at) => *at,
            Shell::Looking(since) => since + LIMIT,
            _ => now,
        }
    }

    /// Forgets what was seen, so that it is looked at again: the target changed.
    pub fn renew(&mut self) {
        self.failures = 0;
        if !matches!(self.state, Shell::Looking(_)) {
            self.state = Shell::Unseen;
        }
    }

    /// Judges an answer.
    #[allow(clippy::too_many_arguments)]
    pub fn hear(
        &mut self,
        now: Now,
        answer: &ShellAnswer,
        app: &str,
        build: &Build,
        marked: bool,
        manifest: &Manifest,
        server: Option<i64>,
        every: i64,
        chance: &mut Chance,
    ) {
        let target = &manifest.current.id;
        let lag = if answer.status != 200 || answer.redirected || !answer.html {
            Some(Lag::NoPage)
        } else if answer.worker != Worker::Settled {
            Some(Lag::Worker)
        } else {
            match scan(&answer.text, app) {
                None if marked || self.unmarked.as_ref() == Some(target) => Some(Lag::NoMark),
                None => {
                    self.unmarked = Some(target.clone());
                    None
                }
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
        self.state = match lag {
            None => {
                self.failures = 0;
                Shell::Passed(target.clone(), now.mono)
            }
            Some(lag) => {
                let wait = backoff(self.failures, every, chance);
                self.failures += 1;
                Shell::Lagging(lag, now.mono + wait)
            }
        };
    }
}

fn newer(a: &Build, b: &Build) -> bool {
    matches!((&a.version, &b.version), (Some(a), Some(b)) if b.below(a))
}

/// Finds the mark of `app` in a page's text. No DOMParser: it is a sink of Trusted Types, and a tag scanner is enough
/// for a tag that our own plugin writes. What stands in comments and scripts is passed over.
pub fn scan(html: &str, app: &str) -> Option<Mark> {
    let mut rest = html;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = &comment[comment.find("-->")?..];
            continue;
        }
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
        for raw in ["script", "style", "template", "textarea", "title", "noscript"] {
            if name.eq_ignore_ascii_case(raw) {
                rest = &rest[end_of(rest, raw)?..];
            }
        }
        if !name.eq_ignore_ascii_case("meta") {
            continue;
        }
        let tag = Attributes(&rest[4..]);
        let of =
            |wanted: &str| tag.clone().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, v)| v);
        if of("name") != Some("trueup-build") || of("data-app").unwrap_or("") != app {
            continue;
        }
        let Some(id) = of("content").filter(|id| !id.is_empty()) else { continue };
        return Some(Mark {
            build: Build {
                id: id.to_owned(),
                version: of("data-version").and_then(|v| Version::parse(v).ok()),
            },
            app: app.to_owned(),
        });
    }
}

/// Where the end tag of an element with raw text begins.
fn end_of(html: &str, name: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += html[at..].find("</")? + 2;
        if html.as_bytes()[at..].get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(at);
        }
    }
}

/// The attributes of a tag, as far as its `>`.
#[derive(Clone)]
struct Attributes<'a>(&'a str);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let blank = |c: char| c.is_ascii_whitespace() || c == '/';
        let text = self.0.trim_start_matches(blank);
        let name = &text[..text.find(|c: char| blank(c) || c == '=' || c == '>')?];
        if name.is_empty() {
            return None;
        }
        let after = text[name.len()..].trim_start();
        let Some(value) = after.strip_prefix('=') else {
            self.0 = after;
            return Some((name, ""));
        };
        let value = value.trim_start();
        let quote = value.chars().next()?;
        let (from, end) = if quote == '"' || quote == '\'' {
            (1, 1 + value[1..].find(quote)?)
        } else {
            (0, value.find(|c: char| c.is_ascii_whitespace() || c == '>')?)
        };
        self.0 = value[end..].trim_start_matches(quote_of(from, quote));
        Some((name, &value[from..end]))
    }
}

fn quote_of(from: usize, quote: char) -> impl Fn(char) -> bool {
    move |c| from == 1 && c == quote
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
