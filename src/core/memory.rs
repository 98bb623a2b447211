//! What is kept in local storage over loads: it informs, and prompts; it never forces.

use super::json::Json;
use super::time::{DAY, LONG_AGO, NEVER, Now};
use super::value::Value;

/// A longer text is not kept: 256 KiB.
pub const MAX_KEPT: usize = 256 << 10;
/// Numbers first, in the order of [`Kept`]; then the snooze, where there is one.
const FORMAT: i64 = 2;

/// Kept state, less the manifest's text, which is kept beside it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// When the last good answer came, by the wall clock, or [`LONG_AGO`].
    pub at: i64,
    /// When the next poll was planned, by the wall clock.
    pub next: i64,
    /// The serial of the text that belongs to it.
    pub serial: u64,
    /// The servers' clock minus the wall clock, or [`NEVER`].
    pub server: i64,
    /// Absent where this tab has put nothing off: what another one of the app has kept then stays.
    pub snooze: Option<Snooze>,
}

/// What a person has put off, by the wall clock.
#[derive(Clone, Debug)]
pub struct Snooze {
    /// The target whose offer was dismissed; empty: none.
    pub target: String,
    /// When that offer returns.
    pub dismissed: i64,
    /// When an urge returns.
    pub put_off: i64,
}

impl Kept {
    /// Nothing was kept.
    pub const NOTHING: Kept = Kept { at: LONG_AGO, next: 0, serial: 0, server: NEVER, snooze: None };

    /// Reads kept state; `None` if it is foreign, of another format, from the future, or older than 24 h.
    pub fn read(now: Now, state: &Value) -> Option<Kept> {
        let mut all = [0; 5];
        numbers(state, &mut all);
        let [format, at, next, serial, server] = all;
        if format != FORMAT || at > now.wall || now.wall - at >= DAY {
            return None;
        }
        Some(Kept { at, next, serial: serial as u64, server, snooze: state.items().get(5).map(Snooze::read) })
    }

    /// As it is kept.
    pub fn write(&self, out: &mut Json) {
        out.open();
        for number in &[FORMAT, self.at, self.next, self.serial as i64, self.server] {
            out.int(*number);
        }
        if let Some(snooze) = &self.snooze {
            out.open();
            out.int(snooze.dismissed);
            out.int(snooze.put_off);
            out.string(&snooze.target);
            out.close();
        }
        out.close();
    }
}

impl Snooze {
    /// Nothing is put off.
    pub const NONE: Snooze = Snooze { target: String::new(), dismissed: 0, put_off: 0 };

    fn read(state: &Value) -> Snooze {
        let mut until = [0; 2];
        numbers(state, &mut until);
        let [dismissed, put_off] = until;
        let target = state.items().get(2).and_then(Value::as_str).unwrap_or("").to_owned();
        Snooze { target, dismissed, put_off }
    }
}

/// The numbers that a list begins with; 0 for what is none, or where no clock goes: sums with it would not fit.
fn numbers(list: &Value, to: &mut [i64]) {
    for (number, item) in to.iter_mut().zip(list.items()) {
        *number = item.as_f64().filter(|n| n.abs() < 1e16).unwrap_or(0.0) as i64;
    }
}
