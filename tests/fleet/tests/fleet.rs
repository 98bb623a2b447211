//! A small fixed set of runs; the large one is `cargo xtask sim`.

use fleet::{Guard, Report, Setup, runs};

const SETUP: Setup = Setup { clients: 50, hours: 6, without: None, trace: false };

fn watched(first: u64, seeds: u64, setup: Setup) -> (Report, Option<String>) {
    let (report, violation, _) = runs(first, seeds, setup, 2);
    (report, violation.map(|v| format!("seed {}: {}\n{}", v.seed, v.what, v.events)))
}

#[test]
fn a_fleet_with_all_its_guards_violates_nothing() {
    // So long that even a tab that is stuck is no chance: it takes four reloads in seven hours.
    let (report, violation) = watched(31, 30, Setup { hours: 12, ..SETUP });
    assert!(violation.is_none(), "{}", violation.unwrap_or_default());
    assert!(report.least() > 0, "everything happens:\n{}", report.table());
    assert!(report.judged > 500 && report.restored > 20 && report.crowds > 0, "{}", report.table());
}

#[test]
fn the_same_seed_is_the_same_run() {
    let table = || fleet::run(7, SETUP).0.table();
    assert_eq!(table(), table());
}

#[test]
fn each_guard_that_is_taken_out_is_missed() {
    // What the violation has to be about.
    for (guard, words) in [
        (Guard::Budget, "budget"),
        (Guard::Shell, "shell check"),
        (Guard::Holds, "a hold is open"),
        (Guard::Serial, "serial"),
        (Guard::Spread, "together reload"),
        (Guard::Leader, "leads and is well"),
        (Guard::Backoff, "backoff"),
    ] {
        let (_, violation) = watched(2, 200, Setup { without: Some(guard), ..SETUP });
        let violation = violation.unwrap_or_else(|| panic!("without {guard:?} nothing is violated"));
        assert!(violation.lines().next().is_some_and(|what| what.contains(words)), "{guard:?}: {violation}");
    }
}
