//! Gate 4: how often this tab may reload itself for one target. Kept in session storage before the reload.

use crate::core::json::Json;
use crate::core::time::{HOUR, MINUTE, NEVER};
use crate::core::value::Value;

/// After so many reloads that came back on the same build it may be tried again after these; then the tab is stuck.
const AGAIN: [i64; 4] = [0, 10 * MINUTE, HOUR, 6 * HOUR];
/// Targets that are remembered.
const ENTRIES: usize = 10;

/// The reloads that this tab has made, as they are kept: for each build and target (`build\ntarget`) one number, eight times
/// the time of the last one by the wall clock, and how many there were.
#[derive(Clone, Debug)]
pub struct Budget {
    entries: Vec<(String, i64)>,
    /// So many of them were booked before this page came: the page that they brought is this one.
    before: usize,
    /// Whether they can be kept: session storage may be blocked.
    pub is_open: bool,
}

impl Budget {
    /// Nothing can be kept.
    pub const CLOSED: Budget = Budget { entries: Vec::new(), before: 0, is_open: false };

    /// Reads what was booked; what does not fit counts as nothing. `null`: nothing can be kept.
    pub fn read(&mut self, session: &Value) {
        self.is_open = !session.is_null();
        self.entries.clear();
        for (key, booked) in session.members() {
            self.entries.push((key.clone(), booked.as_f64().unwrap_or(0.0) as i64));
        }
        self.before = self.entries.len();
    }

    /// As it is kept: the newest targets.
    pub fn write(&self, out: &mut Json) {
        if !self.is_open {
            return out.text(None);
        }
        out.open_object();
        for (key, booked) in &self.entries[self.entries.len().saturating_sub(ENTRIES)..] {
            out.name(key);
            out.int(*booked);
        }
        out.close_object();
    }

    /// From when on a reload may be, by the wall clock; [`NEVER`]: not for this target. A wall clock that was set back counts
    /// as no time passed.
    pub fn allowed(&mut self, wall: i64, key: &str) -> i64 {
        let at = self.find(key);
        let Some((_, booked)) = self.entries.get_mut(at) else { return wall };
        let reloads = *booked & 7;
        let last = (*booked >> 3).min(wall);
        *booked = last << 3 | reloads;
        AGAIN.get(reloads as usize).map_or(NEVER, |wait| last + wait)
    }

    /// Whether a reload has come back on the build that it left.
    pub fn came_back(&self, key: &str) -> bool {
        self.find(key) < self.before
    }

    /// Books a reload.
    pub fn book(&mut self, wall: i64, key: &str) {
        if self.find(key) == self.entries.len() {
            // What is booked has to be among what is kept.
            if self.entries.len() >= ENTRIES {
                self.entries.remove(0);
                self.before = self.before.saturating_sub(1);
            }
            self.entries.push((key.to_owned(), 0));
        }
        let at = self.find(key);
        if let Some((_, booked)) = self.entries.get_mut(at) {
            *booked = wall << 3 | ((*booked & 7) + 1).min(7);
        }
    }

    /// The place of an entry, or where it would be.
    fn find(&self, key: &str) -> usize {
        let mut at = 0;
        for (of, _) in &self.entries {
            if of == key {
                break;
            }
            at += 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(session: &Value) -> Budget {
        let mut budget = Budget::CLOSED;
        budget.read(session);
        budget
    }

    fn empty() -> Budget {
        read(&Value::Object(Vec::new()))
    }

    #[test]
    fn a_reload_that_comes_back_is_tried_again_three_times_and_then_never() {
        let mut budget = empty();
        let mut wall = 1_000_000_000;
        for wait in &AGAIN[1..] {
            assert!(budget.allowed(wall, "b1\nb2") <= wall);
            budget.book(wall, "b1\nb2");
            budget = read(&Json::tree(|out| budget.write(out)));
            assert_eq!(budget.allowed(wall + wait - 1, "b1\nb2"), wall + wait);
            wall += wait;
        }
        for _ in 0..9 {
            budget.book(wall, "b1\nb2");
            assert_eq!(budget.allowed(NEVER - 1, "b1\nb2"), NEVER);
        }
        assert!(budget.allowed(wall, "b1\nb3") <= wall);
        assert!(budget.allowed(wall, "b0\nb2") <= wall);
    }

    #[test]
    fn a_clock_that_was_set_back_neither_frees_nor_locks_for_days() {
        let mut budget = empty();
        budget.book(1_000_000_000, "b1\nb2");
        assert_eq!(budget.allowed(0, "b1\nb2"), 10 * MINUTE);
    }

    #[test]
    fn a_page_knows_what_was_booked_before_it_came() {
        let mut budget = empty();
        budget.book(1, "b1\nb0");
        assert!(!budget.came_back("b1\nb0"));
        budget = read(&Json::tree(|out| budget.write(out)));
        budget.book(2, "b1\nb2");
        assert!(budget.came_back("b1\nb0") && !budget.came_back("b1\nb2"));
        // What is not kept for what is new is the oldest.
        for n in 0..ENTRIES {
            budget.book(3, &format!("b1\n{n}"));
        }
        assert!(!budget.came_back("b1\n0"));
        let kept = Json::tree(|out| budget.write(out));
        assert_eq!(kept.members().len(), ENTRIES);
        budget = read(&kept);
        assert!(!budget.came_back("b1\nb0") && budget.came_back("b1\n0"));
        assert!(budget.allowed(3, "b1\nb0") <= 3 && budget.allowed(3, "b1\n0") > 3);
        // Also what was the oldest, if it is booked again by a page that lives on.
        budget.book(4, "b1\nb2");
        budget.book(4, "b1\n0");
        budget = read(&Json::tree(|out| budget.write(out)));
        assert!(budget.allowed(4, "b1\n0") > 4 && budget.allowed(4, "b1\nb2") > 4);
    }

    #[test]
    fn what_another_version_kept_counts_as_nothing() {
        let reloads = || Value::Array(vec![Value::Null]);
        for foreign in [
            Value::from("x"),
            Value::object([("reloads", reloads())]),
            Value::object([("b1\nb2", reloads())]),
        ] {
            let mut budget = read(&foreign);
            assert!(budget.allowed(0, "b1\nb2") <= 0);
            budget.book(5, "b1\nb2");
            assert_eq!(budget.allowed(5, "b1\nb2"), 5 + 10 * MINUTE);
        }
    }
}
