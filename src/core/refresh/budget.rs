//! Gate 4: how often this tab may reload itself for one target. Kept in session storage before the reload.

use crate::core::time::{HOUR, MINUTE};
use crate::core::value::Value;

/// A reload that came back on the same build may be tried again after these; then the tab is stuck.
const AGAIN: [i64; 3] = [10 * MINUTE, HOUR, 6 * HOUR];
/// Targets that are remembered.
const ENTRIES: usize = 10;

/// What gate 4 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Go.
    Free,
    /// Not before this time of the wall clock.
    From(i64),
    /// Not for this target.
    Stuck,
}

/// The reloads that this tab has made.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    build: String,
    target: String,
    reloads: u64,
    /// When the last one was, by the wall clock.
    last: i64,
    /// It was booked before this page came: the page that it brought is this one.
    before: bool,
}

impl Budget {
    /// Reads what was booked; what does not fit is dropped.
    pub fn read(session: &Value) -> Budget {
        let mut entries = Vec::new();
        if let Some(Value::Array(items)) = session.get("reloads") {
            for item in items {
                let (build, target) = (item.get("build"), item.get("target"));
                let number = |name| item.get(name).and_then(Value::as_f64);
                if let (Some(build), Some(target), Some(reloads), Some(last)) = (
                    build.and_then(Value::as_str),
                    target.and_then(Value::as_str),
                    number("count"),
                    number("last"),
                ) {
                    entries.push(Entry {
                        build: build.to_owned(),
                        target: target.to_owned(),
                        reloads: reloads as u64,
                        last: last as i64,
                        before: true,
                    });
                }
            }
        }
        Budget { entries }
    }

    /// As it is kept.
    pub fn write(&self) -> Value {
        let entry = |e: &Entry| {
            Value::object([
                ("build", e.build.as_str().into()),
                ("target", e.target.as_str().into()),
                ("count", (e.reloads as f64).into()),
                ("last", (e.last as f64).into()),
            ])
        };
        Value::object([("reloads", Value::Array(self.entries.iter().map(entry).collect()))])
    }

    /// Whether `build` may reload itself for `target`. A wall clock that was set back counts as no time passed.
    pub fn allowance(&mut self, wall: i64, build: &str, target: &str) -> Allowance {
        let Some(entry) = self.find(build, target) else { return Allowance::Free };
        if entry.last > wall {
            entry.last = wall;
        }
        match AGAIN.get((entry.reloads as usize).wrapping_sub(1)) {
            None => Allowance::Stuck,
            Some(wait) if wall >= entry.last + wait => Allowance::Free,
            Some(wait) => Allowance::From(entry.last + wait),
        }
    }

    /// Whether a reload of `build` for `target` has come back on it.
    pub fn came_back(&mut self, build: &str, target: &str) -> bool {
        self.find(build, target).is_some_and(|e| e.before)
    }

    /// Books a reload.
    pub fn book(&mut self, wall: i64, build: &str, target: &str) {
        if let Some(entry) = self.find(build, target) {
            entry.reloads += 1;
            entry.last = wall;
            return;
        }
        if self.entries.len() == ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(Entry {
            build: build.to_owned(),
            target: target.to_owned(),
            reloads: 1,
            last: wall,
            before: false,
        });
    }

    fn find(&mut self, build: &str, target: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.build == build && e.target == target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_that_comes_back_is_tried_again_three_times_and_then_never() {
        let mut budget = Budget::default();
        let mut wall = 0;
        for wait in AGAIN {
            assert_eq!(budget.allowance(wall, "b1", "b2"), Allowance::Free);
            budget.book(wall, "b1", "b2");
            budget = Budget::read(&budget.write());
            assert_eq!(budget.allowance(wall + wait - 1, "b1", "b2"), Allowance::From(wall + wait));
            wall += wait;
        }
        budget.book(wall, "b1", "b2");
        assert_eq!(budget.allowance(i64::MAX / 2, "b1", "b2"), Allowance::Stuck);
        assert_eq!(budget.allowance(wall, "b1", "b3"), Allowance::Free);
        assert_eq!(budget.allowance(wall, "b0", "b2"), Allowance::Free);
    }

    #[test]
    fn a_clock_that_was_set_back_neither_frees_nor_locks_for_days() {
        let mut budget = Budget::default();
        budget.book(1_000_000_000, "b1", "b2");
        assert_eq!(budget.allowance(0, "b1", "b2"), Allowance::From(10 * MINUTE));
    }

    #[test]
    fn what_another_version_kept_is_dropped() {
        for foreign in
            [Value::Null, Value::from("x"), Value::object([("reloads", Value::Array(vec![Value::Null]))])]
        {
            assert_eq!(Budget::read(&foreign).allowance(0, "b1", "b2"), Allowance::Free);
        }
    }
}
