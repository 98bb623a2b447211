//! The flags of one page: the document in force, for the context at hand.

use super::super::config::Build;
use super::super::error::Flaw;
use super::super::time::MINUTE;
use super::super::value::{Node, Value, push};
use super::{FlagSet, Numbers, context};

/// One document, one context, and the outcome of the two that was published last.
#[derive(Debug)]
pub struct Live {
    set: FlagSet,
    context: Value,
    /// No answer has confirmed the document in this page's life.
    stale: bool,
    /// When it has to be evaluated, by the monotonic clock.
    due: i64,
    codes: String,
}

/// Long ago: at once.
const NOW: i64 = i64::MIN;
const NEVER: i64 = i64::MAX;

impl Live {
    /// No flags yet.
    pub const fn new(numbers: Numbers) -> Live {
        Live { set: FlagSet::new(numbers), context: Value::Null, stale: true, due: NOW, codes: String::new() }
    }

    /// Another document. One that is broken as a whole changes nothing. Gives what is to be reported.
    pub fn publish(&mut self, document: Node, path: &str) -> Vec<Flaw> {
        self.due = NOW;
        self.set.compile(document, path)
    }

    /// Another context. Again with the same one: the outcome is the same, and nothing comes of it.
    pub fn context(&mut self, given: Value, build: &Build) {
        (self.context, self.due) = (context(given, build), NOW);
    }

    /// The server has answered: what stands is no longer stale.
    pub fn confirm(&mut self) {
        if self.stale {
            (self.stale, self.due) = (false, NOW);
        }
    }

    /// When rules that read the time are to be evaluated again.
    pub fn wake(&self) -> i64 {
        if self.set.told.is_empty() { NEVER } else { self.due }
    }

    /// Evaluates what is due, and gives the outcome where it is another one, as JSON: a text of codes (see [`FlagSet::evaluate`]),
    /// and what the page has to know of the document, where that is not what it knows.
    pub fn evaluate(&mut self, mono: i64, seconds: i64) -> Option<String> {
        if self.due > mono || self.set.told.is_empty() {
            return None;
        }
        self.due = if self.set.uses_time() { mono + MINUTE } else { NEVER };
        let codes = self.set.evaluate(&self.context, seconds as f64, self.stale);
        if codes == self.codes && !self.set.unknown {
            return None;
        }
        let mut told = codes.clone();
        self.codes = codes;
        if std::mem::take(&mut self.set.unknown) {
            push(&mut told, b',');
            told.push_str(&self.set.told);
        }
        Some(told)
    }
}
