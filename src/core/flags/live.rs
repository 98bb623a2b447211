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

    /// Another document. One that is broken as a whole changes nothing. Gives what is to be reported.
    pub fn publish(&mut self, document: &Node) -> Vec<Flaw> {
        match FlagSet::compile(document, self.numbers) {
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

    /// Evaluates what is due, and gives the outcome (see [`FlagSet::evaluate`]) where it is another one.
    pub fn evaluate(&mut self, mono: i64, seconds: i64) -> Option<Value> {
        let set = self.set.as_ref()?;
        if self.due? > mono {
            return None;
        }
        self.due = set.uses_time().then_some(mono + MINUTE);
        let outcome = set.evaluate(&self.context, seconds as f64, self.stale);
        if outcome == self.outcome {
            return None;
        }
        self.outcome = outcome.clone();
        Some(outcome)
    }
}
