//! Which manifest is in force: the serial only grows, except for a host's instant rollback.

use super::manifest::Manifest;
use super::names::names;
use super::time::{DAY, MINUTE, NEVER, Now};

/// After so many valid answers …
const ANSWERS: u32 = 6;
/// … over this long with nothing but lower serials, the host was rolled back.
const SPAN: i64 = 30 * MINUTE;

/// The manifest in force, and what speaks against it.
#[derive(Clone, Debug)]
pub struct InForce {
    /// What is in force.
    pub manifest: Option<Box<Manifest>>,
    /// Its text; empty for an inlined one, which has been escaped or written anew on its way into the page.
    pub text: String,
    /// How many answers in a row had lower serials, and since when.
    older: u32,
    since: i64,
    /// An older manifest that is all the server has had for a while: it may withdraw a prompt, no more.
    pub regressed: Option<Box<Manifest>>,
}

names! {
    /// How a poll ended: what a valid manifest turned out to be, or that there is none.
    Heard {
        /// It is in force now.
        New = "new",
        /// The one in force, to the letter.
        Unchanged = "unchanged",
        /// The serial in force with another content: ignored.
        Conflict = "conflict",
        /// A lower serial: ignored.
        Older = "older",
        /// Nothing but lower serials for half an hour.
        Regressed = "regressed",
        /// A serial more than a day ahead of its own answer: refused.
        Future = "future",
        /// None came.
        Failed = "failed",
        /// None was asked for: a `check` may not poll now.
        Waiting = "waiting",
    }
}

impl InForce {
    /// Nothing was heard yet.
    pub const NONE: InForce =
        InForce { manifest: None, text: String::new(), older: 0, since: 0, regressed: None };

    /// Whether `text` is the one in force, so that it need not be decoded again.
    pub fn is(&self, text: &str) -> bool {
        !text.is_empty() && self.text == text
    }

    /// The server still says what is in force.
    pub fn confirm(&mut self) -> Heard {
        self.older = 0;
        self.regressed = None;
        Heard::Unchanged
    }

    /// Hears a valid manifest; `date` is its own answer's `Date` + `Age`, or [`NEVER`].
    pub fn hear(&mut self, now: Now, manifest: Box<Manifest>, text: &str, date: i64) -> Heard {
        if date != NEVER && manifest.serial as i64 > (date + DAY) / 1000 {
            return Heard::Future;
        }
        // Below all, where there is none.
        let in_force = self.manifest.as_ref().map_or(-1, |m| m.serial as i64);
        let serial = manifest.serial as i64;
        if serial < in_force {
            if self.older == 0 {
                self.since = now.mono;
            }
            self.older += 1;
            if self.older < ANSWERS || now.mono - self.since < SPAN {
                return Heard::Older;
            }
            self.regressed = Some(manifest);
            return Heard::Regressed;
        }
        self.confirm();
        if serial == in_force {
            if self.text == text {
                return Heard::Unchanged;
            }
            if !self.text.is_empty() {
                return Heard::Conflict;
            }
        }
        self.manifest = Some(manifest);
        self.text.clear();
        self.text.push_str(text);
        Heard::New
    }
}
