//! What is kept in local storage over loads: it informs, and prompts; it never forces.

use super::time::{DAY, Now};
use super::value::Value;

/// A longer text is not kept: 256 KiB.
pub const MAX_KEPT: usize = 256 << 10;
const FORMAT: f64 = 1.0;

/// Kept state, less the manifest's text, which is kept beside it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// When the last good answer came, by the wall clock.
    pub at: i64,
    /// When the next poll was planned, by the wall clock.
    pub next: i64,
    /// The serial of the text that belongs to it.
    pub serial: u64,
    /// The offer that was dismissed: target, and until when by the wall clock.
    pub dismissed: Option<(String, i64)>,
    /// The urge is put off until then.
    pub put_off: i64,
    /// The servers' clock minus the wall clock, where it was known.
    pub server: Option<i64>,
}

impl Kept {
    /// Reads kept state; `None` if it is foreign, of another format, from the future, or older than 24 h.
    pub fn read(now: Now, state: &Value) -> Option<Kept> {
        let number = |name| state.get(name).and_then(Value::as_f64);
        if number("format")? != FORMAT {
            return None;
        }
        let kept = Kept {
            at: number("at")? as i64,
            next: number("next")? as i64,
            serial: number("serial")? as u64,
            dismissed: state
                .get("dismissed")
                .and_then(Value::as_str)
                .zip(number("dismissedUntil"))
                .map(|(id, until)| (id.to_owned(), until as i64)),
            put_off: number("putOff").unwrap_or(0.0) as i64,
            server: number("server").map(|ahead| ahead as i64),
        };
        (kept.at <= now.wall && now.wall - kept.at < DAY).then_some(kept)
    }

    /// As it is kept.
    pub fn write(&self) -> Value {
        let (id, until) = match &self.dismissed {
            Some((id, until)) => (Value::from(id.as_str()), Value::from(*until as f64)),
            None => (Value::Null, Value::Null),
        };
        Value::object([
            ("format", FORMAT.into()),
            ("at", (self.at as f64).into()),
            ("next", (self.next as f64).into()),
            ("serial", (self.serial as f64).into()),
            ("dismissed", id),
            ("dismissedUntil", until),
            ("putOff", (self.put_off as f64).into()),
            ("server", self.server.map_or(Value::Null, |ahead| (ahead as f64).into())),
        ])
    }
}
