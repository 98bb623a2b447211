//! What is kept in local storage over loads: it informs, and prompts; it never forces.

use super::event::Input;
use super::json::Json;
use super::time::{DAY, LONG_AGO, NEVER, Now};
use super::value::Value;

/// A longer text is not kept: 256 KiB.
pub const MAX_KEPT: usize = 256 << 10;
/// Numbers first, in the order of [`Kept`]; then the snooze, where there is one.
const FORMAT: i64 = 2;

/// Kept state, less the manifest's text, which is kept beside it, and the snooze.
#[derive(Clone, Debug)]
pub struct Kept {
    /// When the last good answer came, by the wall clock, or [`LONG_AGO`].
    pub at: i64,
    /// When the next poll was planned, by the wall clock.
    pub next: i64,
    /// The serial of the text that belongs to it.
    pub serial: i64,
    /// The servers' clock minus the wall clock, or [`NEVER`].
    pub server: i64,
    /// This tab has put something off. Where it has not, what another one of the app has kept stays.
    pub snoozes: bool,
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
    pub const NOTHING: Kept = Kept { at: LONG_AGO, next: 0, serial: 0, server: NEVER, snoozes: false };

    /// Reads kept state: what is no number reads as 0. Gives the snooze, if it is neither foreign, nor of another format, from
    /// the future, or older than 24 h.
    pub fn read<'a>(&mut self, now: Now, state: &'a Value) -> Option<Input<'a>> {
        let state = Input(state);
        self.at = state.number(1, 0);
        self.next = state.number(2, 0);
        self.serial = state.number(3, 0);
        self.server = state.number(4, 0);
        let fits = state.number(0, 0) == FORMAT && self.at <= now.wall && now.wall - self.at < DAY;
        fits.then(|| Input(state.at(5)))
    }

    /// As it is kept; `null` for nothing.
    pub fn write(&self, out: &mut Json, snooze: &Snooze) {
        if self.at == LONG_AGO {
            return out.text(None);
        }
        out.open();
        for number in &[FORMAT, self.at, self.next, self.serial, self.server] {
            out.int(*number);
        }
        if self.snoozes {
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

    /// Reads what was kept.
    pub fn read(&mut self, state: Input) {
        self.dismissed = state.number(0, 0);
        self.put_off = state.number(1, 0);
        self.target.push_str(state.text(2));
    }
}
