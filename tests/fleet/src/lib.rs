//! Thousands of real `trueup::core::Client`s in virtual time, against a modelled server, CDN and network, from a seed.
//!
//! `law` and `watch` say what must hold, written from `design.md`; the other modules are the world in which it must.
//! One guard of the core can be taken out at the seam between world and core: the run must then report a violation.

mod browser;
mod crowd;
mod dice;
mod judge;
mod law;
mod life;
mod operator;
mod page;
mod report;
mod site;
mod watch;
mod world;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub use report::Report;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-11-23T00:00:00Z, when every run begins by the servers' clock.
const EPOCH: i64 = 1_795_392_000_000;

/// What one run simulates.
#[derive(Clone, Copy)]
pub struct Setup {
    /// Tabs.
    pub clients: u32,
    /// Virtual time; the faults stop 3.5 h before its end, or half-way.
    pub hours: u32,
    /// What is taken out.
    pub without: Option<Guard>,
    /// Print every event.
    pub trace: bool,
}

/// A guard that can be taken out, between the world and the core: the shipped module has no switch for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guard {
    /// Session storage is empty at every load.
    Budget,
    /// Every look at the shell brings the target.
    Shell,
    /// The core does not hear of holds.
    Holds,
    /// Every manifest that arrives has a higher serial than the one before.
    Serial,
    /// Every manifest that arrives says `spreadSeconds: 0`.
    Spread,
    /// Every tab is told that it leads.
    Leader,
    /// The core hears of no failure and of no `Retry-After`.
    Backoff,
}

impl Guard {
    /// All of them, by the names that `--without` takes.
    pub const ALL: [(&str, Guard); 7] = [
        ("budget", Guard::Budget),
        ("shell", Guard::Shell),
        ("holds", Guard::Holds),
        ("serial", Guard::Serial),
        ("spread", Guard::Spread),
        ("leader", Guard::Leader),
        ("backoff", Guard::Backoff),
    ];
}

/// A run that violated something.
pub struct Violation {
    /// From which it can be repeated.
    pub seed: u64,
    /// What was violated.
    pub what: String,
    /// The last 50 events before.
    pub events: String,
}

/// One run.
pub fn run(seed: u64, setup: Setup) -> (Report, Option<Violation>) {
    let mut world = world::World::new(seed, setup);
    world.run();
    let violation = world.failed.take().map(|what| Violation { seed, what, events: world.ring.text() });
    (world.report, violation)
}

/// Runs of these seeds, on several threads; ends with the first violation (the one of the lowest seed that was found).
pub fn runs(first: u64, seeds: u64, setup: Setup, threads: usize) -> (Report, Option<Violation>, u64) {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let sum = Mutex::new((Report::default(), None::<Violation>, 0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    let (report, violation) = run(seed, setup);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.0.add(&report);
                    sum.2 += 1;
                    if let Some(found) = violation {
                        stop.store(true, Ordering::Relaxed);
                        if sum.1.as_ref().is_none_or(|before| found.seed < before.seed) {
                            sum.1 = Some(found);
                        }
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}
