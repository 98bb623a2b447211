//! The flags of one page: the document in force, for the context at hand.

use super::super::error::Flaw;
use super::super::time::MINUTE;
use super::super::value::{Node, Value};
use super::{FlagSet, Numbers};

/// One document, one context, and the outcome of the two that was published last.
#[derive(Debug)]
pub struct Live {
    numbers: Numbers,
    set: Option<FlagSet>,
    context: Value,
    /// No answer has confirmed the document in this page's life.
    stale: bool,
    /// When it has to be evaluated, by the monotonic clock.
    due: Option<i64>,
    outcome: Value,
}

/// Long ago: at once.
const NOW: Option<i64> = Some(i64::MIN);

impl Live {
    /// No flags yet.
    pub fn new(numbers: Numbers, stale: bool) -> Live {
        Live { numbers, set: None, context: Value::Null, stale, due: None, outcome: Value::Null }
    }

    /// Another document, `{"flags":{}}` where there is none. One that is broken as a whole changes nothing. Gives what is to be reported.
    pub fn publish(&mut self, document: &Node) -> Vec<Flaw> {
        let none = Value::object([("flags", Value::Object(Vec::new()))]);
        let set = match document.is_present() {
            true => FlagSet::compile(document, self.numbers),
            false => FlagSet::compile(&Node::root(&none), self.numbers),
        };
        match set {
            Ok(mut set) => {
                let flaws = std::mem::take(&mut set.flaws);
                (self.set, self.due) = (Some(set), NOW);
                flaws
            }
            Err(flaw) => vec![flaw],
        }
    }

    /// Another context. Again with the same one: the outcome is the same, and nothing comes of it.
    pub fn context(&mut self, context: Value) {
        (self.context, self.due) = (context, NOW);
    }

    /// The server has answered: what stands is no longer stale.
    pub fn confirm(&mut self) {
        if self.stale {
            (self.stale, self.due) = (false, NOW);
        }
    }

    /// When rules that read the time are to be evaluated again.
    pub fn wake(&self) -> Option<i64> {
        self.due.filter(|_| self.set.is_some())
    }

    /// Evaluates what is due, and gives the outcome where it is another one: `{ flags: [[key, details], …], metadata }`.
    pub fn evaluate(&mut self, mono: i64, seconds: i64) -> Option<Value> {
        let set = self.set.as_ref()?;
        if self.due.is_none_or(|due| due > mono) {
            return None;
        }
        self.due = set.uses_time().then_some(mono + MINUTE);
        let mut all = Vec::new();
        for flag in set.evaluate(&self.context, Some(seconds as f64)) {
            let reason = if self.stale && flag.error.is_none() { "STALE" } else { flag.reason.code() };
            let mut details = Vec::new();
            let mut put = |name: &str, value: Value| details.push((name.to_owned(), value));
            put("reason", reason.into());
            // A variant may well be `null`.
            if let Some(value) = flag.value {
                put("value", value.clone());
            }
            if let Some(variant) = flag.variant {
                put("variant", variant.into());
            }
            if let Some(error) = flag.error {
                put("errorCode", error.code().into());
            }
            put("metadata", flag.metadata);
            all.push(Value::Array(vec![flag.key.into(), Value::Object(details)]));
        }
        let outcome = Value::object([("flags", Value::Array(all)), ("metadata", set.metadata())]);
        if outcome == self.outcome {
            return None;
        }
        self.outcome = outcome.clone();
        Some(outcome)
    }
}
