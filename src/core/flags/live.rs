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
    /// The page does not know the document's rows yet.
    unknown: bool,
    codes: Vec<u32>,
}

/// Long ago: at once.
const NOW: Option<i64> = Some(i64::MIN);

impl Live {
    /// No flags yet.
    pub fn new(numbers: Numbers, stale: bool) -> Live {
        Live { numbers, set: None, context: Value::Null, stale, due: None, unknown: false, codes: Vec::new() }
    }

    /// Another document, which stands at this path. One that is broken as a whole changes nothing. Gives what is to be reported.
    pub fn publish(&mut self, document: Node, path: &str) -> Vec<Flaw> {
        match FlagSet::compile(document, path, self.numbers) {
            Ok(mut set) => {
                let flaws = std::mem::take(&mut set.flaws);
                self.unknown |= !self
                    .set
                    .as_ref()
                    .is_some_and(|old| old.rows == set.rows && old.metadata == set.metadata);
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

    /// Evaluates what is due, and gives the outcome where it is another one: `{ codes, rows, metadata }`, a code for each
    /// row (see [`super::STATIC`]); rows and metadata only where they are others than before.
    pub fn evaluate(&mut self, mono: i64, seconds: i64) -> Option<Value> {
        let set = self.set.as_ref()?;
        if self.due? > mono {
            return None;
        }
        self.due = set.uses_time().then_some(mono + MINUTE);
        let codes = set.evaluate(&self.context, seconds as f64, self.stale);
        let unknown = std::mem::take(&mut self.unknown);
        if codes == self.codes && !unknown {
            return None;
        }
        let mut all = Vec::new();
        for code in &codes {
            all.push(Value::Number(*code as f64));
        }
        self.codes = codes;
        let new = |value: &Value| if unknown { value.clone() } else { Value::Null };
        Some(Value::object([
            ("codes", Value::Array(all)),
            ("rows", new(&set.rows)),
            ("metadata", new(&set.metadata)),
        ]))
    }
}
