//! The times that the command line and docs/operating.md promise an operator are those that the core keeps.

mod harness;

use harness::*;
use trueup::core::window::Status;

/// `worst` of `pkg-template/src/cli/worst.ts`, in ms.
fn worst(every: i64, spread: i64) -> (i64, i64) {
    let heard = every * 1200 + 10 * SECOND;
    (heard, heard + spread * SECOND + 75 * SECOND)
}

#[test]
fn no_visible_tab_hears_or_goes_later_than_the_operator_is_told() {
    let (mut latest, mut gone) = (0, 0);
    for (every, spread) in [(60, 30), (300, 300)] {
        let more = format!(
            r#","poll":{{"everySeconds":{every}}},"refresh":{{"spreadSeconds":{spread}}},"supported":{{"minimum":"2"}}"#
        );
        let (heard, forced) = worst(every, spread);
        for seed in 1..=100 {
            let setup = Setup::default().start(|start| start.seed = seed);
            let quiet = format!(r#","poll":{{"everySeconds":{every}}}"#);
            let mut page = setup.manifest(manifest(1, "b1", "1", &quiet)).open();
            // Anywhere within a period.
            page.pass(10 * MINUTE + seed as i64 * every * SECOND / 100);
            page.deploy(2, "b2", "2", &more);
            let published = page.mono;
            while page.statuses.last() != Some(&Status::Unsupported) {
                page.pass(SECOND);
                assert!(page.mono - published <= heard, "T = {every} s, seed {seed}: nothing heard");
            }
            latest = latest.max((page.mono - published) * 100 / heard);
            while page.reloads.is_empty() {
                page.pass(SECOND);
                assert!(page.mono - published <= forced, "T = {every} s, seed {seed}: still there");
            }
            gone = gone.max((page.mono - published) * 100 / forced);
        }
    }
    // The promise is no idle one either.
    assert!(latest > 85 && gone > 60, "{latest} %, {gone} %");
}
