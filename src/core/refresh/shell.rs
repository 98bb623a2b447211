//! Gate 2: what a fresh load of the page would bring.

use crate::core::config::{Build, Config};
use crate::core::manifest::Manifest;
use crate::core::names::place;
use crate::core::schedule::Schedule;
use crate::core::time::{NEVER, SECOND};
use crate::core::version::below;
use crate::core::window::{Reason, outside};

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
    /// A new one waits: a reload would bring the old page.
    Waiting,
    /// A new one is being installed, or its update failed: a reload would bring the old page.
    Busy,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shell {
    /// Nothing yet.
    #[default]
    Unseen,
    /// A page that helps: it counts from then on.
    Passed,
    /// One that does not, or none, and why: it is looked at again later.
    Lagging(Reason),
}

/// The shell check of one page, for the target at hand.
#[derive(Clone, Debug)]
pub struct ShellCheck {
    /// What was seen last: it counts until something else is seen.
    pub state: Shell,
    /// When it was seen; where it has failed, when to look again.
    pub at: i64,
    /// When the look that is under way is given up; [`NEVER`]: none is.
    pub limit: i64,
    /// In this look a waiting worker was told to take over. Where it cannot (another tab holds, say), the look has failed.
    pub activated: bool,
    /// Seen too long ago for a navigation: to be looked at again, though what was seen still stands.
    pub stale: bool,
    failures: u32,
}

impl ShellCheck {
    /// Nothing was looked at yet.
    pub const NONE: ShellCheck =
        ShellCheck { state: Shell::Unseen, at: 0, limit: NEVER, activated: false, stale: false, failures: 0 };

    /// Whether it passed at most `age` ms ago.
    pub fn passed(&self, now: i64, age: i64) -> bool {
        self.state == Shell::Passed && now - self.at <= age
    }

    /// Begins a look.
    pub fn look(&mut self, now: i64) {
        self.limit = now + LIMIT;
        self.activated = false;
    }

    /// Forgets what was seen, so that it is looked at again: the target changed.
    pub fn renew(&mut self) {
        self.failures = 0;
        self.state = Shell::Unseen;
    }

    /// Ends a look. What has not passed is looked at again, with the polls' backoff.
    pub fn seen(&mut self, now: i64, seen: Shell, schedule: &mut Schedule) {
        self.state = seen;
        self.limit = NEVER;
        self.stale = false;
        self.at = now;
        if seen == Shell::Passed {
            self.failures = 0;
        } else {
            self.at += schedule.backoff(self.failures);
            self.failures += 1;
        }
    }
}

/// What a page's text says: whether a reload would help. `trust`: a page without a mark passes, since this one has none
/// either and no reload has shown yet what it brings.
pub fn judge(text: &str, config: &Config, trust: bool, manifest: &Manifest, server: i64) -> Shell {
    let build = &config.build;
    match &scan(text, &config.app) {
        None if trust => Shell::Passed,
        None => Shell::Lagging(Reason::NoMark),
        Some(mark) if mark.id == manifest.current.id => Shell::Passed,
        Some(mark) if mark.id == build.id => Shell::Lagging(Reason::SameBuild),
        Some(mark)
            if below(&build.version, &mark.version) && outside(mark, manifest, server) == Reason::None =>
        {
            Shell::Passed
        }
        Some(_) => Shell::Lagging(Reason::OtherBuild),
    }
}

/// Tags of which the text is raw, and the one that is looked for.
const TAGS: &str = "script style template textarea title noscript meta";
const META: usize = 6;
const ATTRIBUTES: &str = "name content data-version data-app";

/// Finds the mark of `app` in a page's text. No DOMParser: it is a sink of Trusted Types, and a tag scanner is enough
/// for a tag that our own plugin writes. What stands in comments and raw text (scripts, titles) is passed over.
pub fn scan(html: &str, app: &str) -> Option<Build> {
    let mut text = Text { html, at: 0 };
    while text.find("<") {
        if text.begins("!--") {
            text.find("-->");
            continue;
        }
        let tag = text.span(NAME_ENDS, false);
        let kind = place(TAGS, tag);
        if kind < META {
            while text.find("</") && !text.begins(tag) {}
        }
        if kind != META {
            continue;
        }
        let mut found = [""; 4];
        loop {
            text.span(BETWEEN, true);
            let name = text.span(NAME_ENDS, false);
            if name.is_empty() {
                break;
            }
            text.span(BLANK, true);
            let value = text.value();
            if let Some(attribute) = found.get_mut(place(ATTRIBUTES, name)) {
                *attribute = value;
            }
        }
        let [name, id, version, of] = found;
        if name == "trueup-build" && !id.is_empty() && of == app && text.class() == CLOSE {
            return Some(Build { id: id.to_owned(), version: version.to_owned() });
        }
    }
    None
}

// Classes of bytes, as bits.
const BLANK: u8 = 1;
const SLASH: u8 = 2;
const CLOSE: u8 = 4;
const EQUALS: u8 = 8;
const DOUBLE: u8 = 16;
const SINGLE: u8 = 32;
/// Between attributes.
const BETWEEN: u8 = BLANK | SLASH;
/// Behind the name of a tag or of an attribute.
const NAME_ENDS: u8 = BETWEEN | CLOSE | EQUALS;
/// Behind a value without quotes.
const VALUE_ENDS: u8 = BLANK | CLOSE;

/// A text, and how far it was read.
struct Text<'a> {
    html: &'a str,
    at: usize,
}

impl<'a> Text<'a> {
    /// Whether this comes next, in whatever case.
    fn begins(&self, what: &str) -> bool {
        let next = self.html.as_bytes().get(self.at..self.at + what.len());
        next.is_some_and(|next| next.eq_ignore_ascii_case(what.as_bytes()))
    }

    /// Goes behind the next of these; to the end, if there is none. (`str::find` brings a search of 2 KB.)
    fn find(&mut self, what: &str) -> bool {
        while self.at < self.html.len() {
            if self.begins(what) {
                self.at += what.len();
                return true;
            }
            self.at += 1;
        }
        false
    }

    /// The class of the next byte; 0 at the end, and for all other bytes.
    #[inline(never)]
    fn class(&self) -> u8 {
        match self.html.as_bytes().get(self.at) {
            Some(b' ' | b'\t' | b'\n' | b'\x0c' | b'\r') => BLANK,
            Some(b'/') => SLASH,
            Some(b'>') => CLOSE,
            Some(b'=') => EQUALS,
            Some(b'"') => DOUBLE,
            Some(b'\'') => SINGLE,
            _ => 0,
        }
    }

    /// Goes over all bytes that are, or are not, of these classes.
    fn span(&mut self, classes: u8, within: bool) -> &'a str {
        let start = self.at;
        while self.at < self.html.len() && (self.class() & classes != 0) == within {
            self.at += 1;
        }
        self.html.get(start..self.at).unwrap_or("")
    }

    /// The value behind a `=`, with or without quotes; nothing where there is none.
    fn value(&mut self) -> &'a str {
        if self.class() != EQUALS {
            return "";
        }
        self.at += 1;
        self.span(BLANK, true);
        match self.class() & (DOUBLE | SINGLE) {
            0 => self.span(VALUE_ENDS, false),
            quote => {
                self.at += 1;
                let value = self.span(quote, false);
                self.at += 1;
                value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(html: &str) -> Option<String> {
        scan(html, "shop").map(|mark| mark.id)
    }

    #[test]
    fn a_mark_is_found_however_it_is_written() {
        for html in [
            r#"<!doctype html><head><meta name="trueup-build" content="b2" data-version="2" data-app="shop">"#,
            "<META data-app=shop\n NAME='trueup-build' content='b2' />",
            "<meta charset=utf-8><meta name=trueup-build data-app=shop content=b2>",
            "<!-- <meta name=trueup-build data-app=shop content=b1> --><meta name=trueup-build data-app=shop content=b2>",
            "<script>'<meta name=trueup-build data-app=shop content=b1>'</script><meta name=trueup-build content=b2 data-app=shop>",
            "<!--><meta name=trueup-build data-app=shop content=b2>",
            "<STYLE>a</b </Style ><meta title=\"<a>\"name = 'trueup-build'data-app=shop content=b2\t>",
            "<metadata name=trueup-build data-app=shop content=b1><meta data-app=shop name=trueup-build CONTENT=b2 / >",
            "<meta name=x content='<meta name=trueup-build data-app=shop content=b1>'><meta name=trueup-build data-app=shop content=b2 x=\"y\"z>",
            "<p a=<b><meta name=trueup-build data-app=shop content=b2>",
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
            "<meta name=trueup-build data-app=shop content=b2",
            "<meta name=trueup-build data-app=shop content='b2'",
            "<meta name=trueup-build data-app=shop content='b2>",
            "<meta name=trueup-build data-app=shop content>",
            "<meta name='trueup-build ' data-app=shop content=b2>",
            "<meta x-name=trueup-build data-app=shop content=b2>",
            "<template><meta name=trueup-build data-app=shop content=b2></template>",
            "<noscript><meta name=trueup-build data-app=shop content=b2></noscript >",
            "<textarea></text><meta name=trueup-build data-app=shop content=b2>",
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
        assert_eq!(mark.version, "4.1");
    }
}
