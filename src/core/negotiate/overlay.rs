//! Refusals: what servers answered against the manifest, for a while.

use super::decode::Supported;
use super::{OVERLAP, is_version};
use crate::core::time::{LONG_AGO, MINUTE, NEVER, SECOND};
use crate::core::value::{Node, Value};

/// How long a refusal counts.
const LENGTH: i64 = 5 * MINUTE;
/// An API is negotiated anew at most once in this time.
const PAUSE: i64 = 10 * SECOND;

/// What refusals lay over the manifest: for each API of the plan what was refused and what the servers told.
/// It ends with the next higher serial, or after 5 minutes.
#[derive(Clone, Debug, Default)]
pub struct Overlay(Vec<Layer>);

#[derive(Clone, Debug)]
pub(super) struct Layer {
    api: String,
    /// The one that the plan has, or empty.
    pub version: String,
    refused: Vec<String>,
    /// A list as the page had it from the server's header: it may name what is no version.
    told: Value,
    serial: u64,
    /// When it was last added to, by the monotonic clock: that is remembered beyond its end.
    added: i64,
    /// When it ends, by the monotonic clock; `NEVER`: it has not begun, or has ended.
    until: i64,
}

impl Overlay {
    /// Nothing was refused.
    pub const fn none() -> Overlay {
        Overlay(Vec::new())
    }

    /// Lays refusals over the plan, and says whether to negotiate again. `now` is the monotonic time in ms, `serial` the
    /// manifest's in force (0 without one). `refusals` is a list of `[api, version, supported]`: what was asked, and what
    /// the server says that it has, if it does.
    ///
    /// The refusal of another version than the plan's is late: the negotiation that made the plan serves it too. One
    /// that comes within 10 s of the last one for its API is dropped.
    pub fn refuse(&mut self, now: i64, serial: u64, refusals: &Value) -> bool {
        self.end(now, serial);
        let mut laid = false;
        for refusal in refusals.items() {
            let [Value::String(api), Value::String(version), told] = refusal.items() else { continue };
            for layer in &mut self.0 {
                if layer.api != *api || layer.version != *version || now - layer.added < PAUSE {
                    continue;
                }
                if layer.until == NEVER {
                    (layer.until, layer.serial) = (now + LENGTH, serial);
                }
                layer.added = now;
                layer.refused.push(version.clone());
                if !told.items().is_empty() {
                    layer.told = told.clone();
                }
                laid = true;
            }
        }
        laid
    }

    /// The layer of an API, which is the `at`th of those that the build speaks.
    pub(super) fn layer(&mut self, at: usize, api: &str) -> &mut Layer {
        if at == self.0.len() {
            self.0.push(Layer {
                api: api.to_owned(),
                version: String::new(),
                refused: Vec::new(),
                told: Value::Null,
                serial: 0,
                added: LONG_AGO,
                until: NEVER,
            });
        }
        &mut self.0[at]
    }

    /// Ends what is older than 5 minutes or than the serial in force.
    pub fn end(&mut self, now: i64, serial: u64) {
        for layer in &mut self.0 {
            if layer.until <= now || layer.serial < serial {
                layer.until = NEVER;
                layer.refused.clear();
                layer.told = Value::Null;
            }
        }
    }

    /// When its next part ends by time, by the monotonic clock, or [`NEVER`].
    pub fn wake(&self) -> i64 {
        let mut next = NEVER;
        for layer in &self.0 {
            next = next.min(layer.until);
        }
        next
    }
}

impl Layer {
    /// Lays over the list of its API what was told of it and what was refused, if anything was. Where the way was `open` what
    /// was told is there to choose by.
    pub fn over(&self, list: &mut Vec<Supported>, open: &mut u32) -> bool {
        let mut told = false;
        for version in self.told.items() {
            let version = Node::root(version).text();
            if !is_version(version) {
                continue;
            }
            if !told {
                told = true;
                if *open != OVERLAP {
                    list.clear();
                    *open = OVERLAP;
                }
                for l in list.iter_mut() {
                    l.served = false;
                }
            }
            if !serve(list, version, true) {
                list.push(Supported::bare(version.clone()));
            }
        }
        for version in &self.refused {
            serve(list, version, false);
        }
        !self.refused.is_empty()
    }
}

/// Says of a version whether it is served. False: it is not in the list.
fn serve(list: &mut [Supported], version: &str, served: bool) -> bool {
    let mut listed = false;
    for l in list {
        if l.is(version) {
            l.served = served;
            listed = true;
        }
    }
    listed
}
