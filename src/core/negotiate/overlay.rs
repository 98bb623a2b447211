//! Refusals: what servers answered against the manifest, for a while.

use super::{ApiPlan, Version};
use crate::core::time::{MINUTE, SECOND};

/// An answer that refused the version that it was asked for, with a sign that this is why.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The API.
    pub api: String,
    /// The version that was asked for.
    pub version: Version,
    /// What the server says that it supports, if it does.
    pub supported: Option<Vec<Version>>,
}

/// How long a refusal counts.
const OVERLAY: i64 = 5 * MINUTE;
/// An API is negotiated anew at most once in this time.
const PAUSE: i64 = 10 * SECOND;

/// What refusals lay over the manifest: for each API what was refused and what the servers told.
/// It ends with the next higher serial, or after 5 minutes.
#[derive(Clone, Debug, Default)]
pub struct Overlay(Vec<Layer>);

#[derive(Clone, Debug)]
struct Layer {
    api: String,
    refused: Vec<Version>,
    told: Option<Vec<Version>>,
    serial: u64,
    /// When it was last added to, by the monotonic clock: that is remembered beyond its end.
    added: i64,
    /// When it ends, by the monotonic clock; `None`: it has ended.
    until: Option<i64>,
}

impl Overlay {
    /// Lays refusals over the plan, and says whether to negotiate again. `now` is the monotonic time in ms,
    /// `serial` the manifest's in force (0 without one).
    ///
    /// Refusals of another version than the plan's are late: the negotiation that made the plan serves them
    /// too. Those that come within 10 s of the last one for that API are dropped.
    pub fn refuse(&mut self, now: i64, serial: u64, refusals: Vec<Refusal>, plans: &[ApiPlan]) -> bool {
        let mut laid = false;
        for refusal in refusals {
            let asked =
                |p: &ApiPlan| p.name == refusal.api && p.version.as_deref() == Some(refusal.version.as_str());
            if !plans.iter().any(asked) {
                continue;
            }
            let at = self.0.iter().position(|layer| layer.api == refusal.api).unwrap_or_else(|| {
                let api = refusal.api.clone();
                self.0.push(Layer {
                    api,
                    refused: vec![],
                    told: None,
                    serial,
                    added: now - PAUSE,
                    until: None,
                });
                self.0.len() - 1
            });
            let layer = &mut self.0[at];
            if now - layer.added < PAUSE {
                continue;
            }
            if layer.until.is_none() {
                layer.until = Some(now + OVERLAY);
                layer.serial = serial;
                layer.refused.clear();
                layer.told = None;
            }
            layer.added = now;
            layer.refused.push(refusal.version);
            if refusal.supported.is_some() {
                layer.told = refusal.supported;
            }
            laid = true;
        }
        laid
    }

    /// Ends what is older than 5 minutes or than the serial in force, and says whether to negotiate again.
    pub fn end(&mut self, now: i64, serial: u64) -> bool {
        let mut ended = false;
        for layer in &mut self.0 {
            if layer.until.is_some_and(|until| until <= now || layer.serial < serial) {
                layer.until = None;
                ended = true;
            }
        }
        ended
    }

    /// What lies over an API: what the server told, and what it refused.
    pub(super) fn over(&self, api: &str) -> Option<(Option<&[Version]>, &[Version])> {
        let layer = self.0.iter().find(|layer| layer.api == api && layer.until.is_some())?;
        Some((layer.told.as_deref(), &layer.refused))
    }

    /// When its next part ends by time, by the monotonic clock.
    pub fn wake(&self) -> Option<i64> {
        self.0.iter().filter_map(|layer| layer.until).min()
    }
}
