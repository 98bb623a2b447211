//! Refusals: what servers answered against the manifest, for a while.

use super::Version;
use crate::core::time::{MINUTE, SECOND};
use crate::core::value::Value;

/// How long a refusal counts.
const LENGTH: i64 = 5 * MINUTE;
/// An API is negotiated anew at most once in this time.
const PAUSE: i64 = 10 * SECOND;

/// What refusals lay over the manifest: for each API what was refused and what the servers told.
/// It ends with the next higher serial, or after 5 minutes.
#[derive(Clone, Debug, Default)]
pub struct Overlay(Vec<Layer>);

#[derive(Clone, Debug)]
pub(super) struct Layer {
    api: String,
    pub refused: Vec<Version>,
    /// Empty: nothing was told.
    pub told: Vec<Version>,
    serial: u64,
    /// When it was last added to, by the monotonic clock: that is remembered beyond its end.
    added: i64,
    /// When it ends, by the monotonic clock; the past: it has ended.
    until: i64,
}

impl Overlay {
    /// Lays refusals over the plan, and says whether to negotiate again. `now` is the monotonic time in ms, `serial` the
    /// manifest's in force (0 without one), `plan` the `apis` of the plan. `refusals` is a list of `[api, version,
    /// supported]`: what was asked, and what the server says that it has, if it does.
    ///
    /// The refusal of another version than the plan's is late: the negotiation that made the plan serves it too. One
    /// that comes within 10 s of the last one for its API is dropped.
    pub fn refuse(&mut self, now: i64, serial: u64, refusals: &Value, plan: &Value) -> bool {
        self.end(now, serial);
        let mut laid = false;
        for refusal in refusals.items() {
            let [Value::String(api), asked, supported] = refusal.items() else { continue };
            let Some(Ok(version)) = asked.as_str().map(Version::parse) else { continue };
            if plan.get(api).and_then(|plan| plan.get("version")) != Some(asked) {
                continue;
            }
            let at = self.0.iter().position(|layer| layer.api == *api).unwrap_or(self.0.len());
            if at == self.0.len() {
                let (refused, told) = (Vec::new(), Vec::new());
                self.0.push(Layer {
                    api: api.to_owned(),
                    refused,
                    told,
                    serial,
                    added: now - PAUSE,
                    until: NEVER,
                });
            }
            let layer = &mut self.0[at];
            if now - layer.added < PAUSE {
                continue;
            }
            if layer.until == NEVER {
                (layer.until, layer.serial) = (now + LENGTH, serial);
            }
            layer.added = now;
            layer.refused.push(version);
            for (index, told) in supported.items().iter().enumerate() {
                if index == 0 {
                    layer.told.clear();
                }
                if let Some(Ok(version)) = told.as_str().map(Version::parse) {
                    layer.told.push(version);
                }
            }
            laid = true;
        }
        laid
    }

    /// Ends what is older than 5 minutes or than the serial in force.
    pub fn end(&mut self, now: i64, serial: u64) {
        for layer in &mut self.0 {
            if layer.until <= now || layer.serial < serial {
                layer.until = NEVER;
                layer.refused.clear();
                layer.told.clear();
            }
        }
    }

    /// When its next part ends by time, by the monotonic clock.
    pub fn wake(&self) -> Option<i64> {
        self.0.iter().map(|layer| layer.until).filter(|until| *until != NEVER).min()
    }

    /// What lies over an API.
    pub(super) fn over(&self, api: &str) -> Option<&Layer> {
        self.0.iter().find(|layer| layer.api == api && layer.until != NEVER)
    }
}

/// The end of what has not begun, or has ended.
const NEVER: i64 = i64::MAX;
