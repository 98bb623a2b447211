//! What happens to one page, by situation: standings, prompts, forced refreshes.

mod harness;
use harness::*;
use trueup::core::event::{Answer, Event};
use trueup::core::refresh::Phase;
use trueup::core::refresh::shell::{ShellAnswer, Worker};
use trueup::core::value::Value;
use trueup::core::window::Status;

/// The page hears of build b2.
fn behind(more: &str) -> Page {
    let mut page = page();
    page.deploy(2, "b2", "2", more);
    page
}

const FORCE: &str = r#","supported":{"minimum":"2"}"#;
const URGE: &str = r#","refresh":{"urgency":"high"}"#;

#[test]
fn a_start_polls_at_once_and_the_current_build_is_never_prompted() {
    let mut page = page();
    page.pass(DAY);
    assert_eq!(page.polls[0], 0);
    assert_eq!(page.statuses, [Status::Current]);
    assert_eq!(page.ready, ["live"]);
    assert_eq!(page.phases, [Phase::Idle, Phase::Idle]);
    assert!(page.shells.is_empty() && page.reloads.is_empty());
    assert!(page.outcomes[1..].iter().all(|o| *o == "unchanged"));
}

#[test]
fn a_deploy_is_offered_after_the_shell_was_seen_to_be_new() {
    let mut page = behind("");
    page.until(Phase::Offering);
    assert_eq!(page.status(), Status::Behind);
    assert_eq!(page.shells.len(), 1);
    page.pass(DAY);
    assert!(page.reloads.is_empty(), "an offer never reloads by itself");
    page.send(Event::Now);
    page.pass(0);
    assert_eq!((page.reloads.len(), page.saves), (1, 1));
    assert_eq!(page.shells.len(), 2, "a check of yesterday is made again");
}

#[test]
fn a_page_that_lags_behind_its_manifest_shows_nothing() {
    let mut page = page();
    page.publish(2, "b2", "2", FORCE);
    page.shell = Some(("b1".into(), "1".into()));
    page.pass(2 * HOUR);
    assert!(!page.ever(Phase::Counting) && page.reloads.is_empty());
    assert_eq!((page.phase(), page.reason()), (Phase::Waiting, "same-build"));
    assert!(page.shells.len() < 15, "it backs off: {:?}", page.shells);
    page.shell = Some(("b2".into(), "2".into()));
    page.pass(HOUR);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn another_app_s_mark_counts_as_none() {
    let mut page = page();
    page.publish(2, "b2", "2", "");
    page.shell = None;
    page.pass(HOUR);
    assert_eq!((page.phase(), page.reason()), (Phase::Waiting, "no-mark"));
}

#[test]
fn a_page_without_a_mark_passes_once_per_target() {
    let unmarked = |session| {
        let mut page = Setup::default().start(|start| {
            start.mark = None;
            start.session = Some(session);
        });
        page.manifest = manifest(2, "b2", "2", "");
        page.open()
    };
    let mut page = unmarked(Value::Array(Vec::new()));
    page.until(Phase::Offering);
    page.pass(5 * MINUTE);
    page.send(Event::Now);
    page.pass(0);
    assert_eq!((page.shells.len(), page.reloads.len()), (2, 1), "looked at again, it passes again");

    let mut back = unmarked(page.session);
    back.pass(HOUR);
    assert_eq!((back.phase(), back.reason()), (Phase::Waiting, "no-mark"), "the reload came back");
    back.send(Event::Now);
    back.pass(0);
    assert!(back.reloads.is_empty() && !back.ever(Phase::Offering));
    back.publish(3, "b3", "3", "");
    back.until(Phase::Offering);
}

#[test]
fn a_page_without_a_mark_that_was_kept_by_a_dialog_may_still_refresh() {
    let mut page = Setup::default().start(|start| start.mark = None).open();
    page.leaves = false;
    page.publish(2, "b2", "2", "");
    page.until(Phase::Offering);
    for reloads in 1..3 {
        page.send(Event::Now);
        page.pass(0);
        assert_eq!(page.reloads.len(), reloads);
        page.pass(5 * MINUTE);
        assert_eq!(page.phase(), Phase::Cancelled);
    }
}

#[test]
fn what_is_shown_stays_while_a_navigation_has_the_page_looked_at_again() {
    let mut page = behind("");
    page.until(Phase::Offering);
    page.pass(HOUR);
    page.phases.clear();
    page.shell_hangs = true;
    page.send(Event::Navigate("/a".into()));
    assert_eq!((page.phase(), &page.taken[..], page.shells.len()), (Phase::Offering, &[false][..], 2));
    page.send(Event::Navigate("/b".into()));
    assert_eq!(page.shells.len(), 2, "one look at a time");
    page.shell_hangs = false;
    page.look_again();
    page.send(Event::Navigate("/c".into()));
    assert_eq!(page.taken, [false, false, true]);
    assert!(!page.ever(Phase::Checking), "{:?}", page.phases);
}

#[test]
fn a_look_at_the_page_that_never_ends_is_given_up_and_backs_off() {
    let mut page = behind(FORCE);
    page.shell_hangs = true;
    page.until(Phase::Checking);
    page.pass(20 * SECOND);
    assert_eq!((page.phase(), page.reason()), (Phase::Waiting, "no-page"));
    page.pass(HOUR);
    assert!((2..15).contains(&page.shells.len()), "{:?}", page.shells);
    page.shell_hangs = false;
    page.pass(HOUR);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn a_waiting_worker_is_told_to_take_over_once_for_each_look() {
    let options = r#"{"build":{"id":"b1","version":"1"},"app":"shop","worker":{"activate":true}}"#;
    let told = |page: &Page| page.effects.iter().filter(|effect| **effect == Effect::Activate).count();
    let mut page = Setup::default().options(options).open();
    page.deploy(2, "b2", "2", FORCE);
    // Another tab holds: it goes on waiting.
    page.worker = Worker::Waiting;
    page.pass(2 * HOUR);
    assert_eq!((page.phase(), page.reason()), (Phase::Waiting, "worker"));
    assert!((2..15).contains(&page.shells.len()), "it backs off: {:?}", page.shells);
    assert_eq!(told(&page), page.shells.len());
    page.send(Event::Holds(vec![("upload".into(), 9 * HOUR)]));
    page.pass(HOUR);
    assert!(told(&page) < page.shells.len(), "nor over a hold of its own");
    page.worker = Worker::Settled;
    page.send(Event::Holds(vec![]));
    page.pass(HOUR);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn a_page_that_goes_looks_at_nothing_and_begins_anew_when_it_is_back() {
    let mut page = behind(FORCE);
    page.until(Phase::Counting);
    page.effects.clear();
    page.send(Event::PageHide);
    assert!(page.effects.contains(&Effect::Abort));
    page.send(Event::Visible(false));
    page.pass(65 * SECOND);
    assert!(page.reloads.is_empty() && page.shells.len() == 1, "not while it is away");
    page.send(Event::Visible(true));
    page.send(Event::PageShow);
    page.until(Phase::Counting);
    page.pass(59 * SECOND);
    assert!(page.reloads.is_empty(), "the countdown begins anew");
    page.pass(SECOND);
    assert_eq!(page.reloads.len(), 1);

    let mut page = behind("");
    page.shell_hangs = true;
    page.until(Phase::Checking);
    page.send(Event::PageHide);
    page.look_again();
    page.send(Event::PageShow);
    assert_eq!(
        (page.phase(), page.shells.len()),
        (Phase::Checking, 2),
        "what was under way counts for nothing"
    );
}

#[test]
fn a_page_that_goes_takes_no_navigation() {
    let mut page = behind("");
    page.until(Phase::Offering);
    page.send(Event::PageHide);
    page.send(Event::Navigate("/a".into()));
    assert_eq!(page.taken, [false], "its reload would never come");
    page.send(Event::PageShow);
    page.until(Phase::Offering);
    page.send(Event::Navigate("/b".into()));
    assert_eq!(page.taken, [false, true]);
}

#[test]
fn what_other_pages_of_the_tab_booked_meanwhile_counts() {
    let mut page = behind("");
    page.until(Phase::Offering);
    page.send(Event::PageHide);
    let booked = r#"{"b1\nb2":14363136000001}"#;
    page.send(Event::Session(json(booked).unwrap()));
    page.send(Event::PageShow);
    assert_eq!((page.phase(), page.reason()), (Phase::Refused, "budget"));
}

#[test]
fn a_countdown_that_the_machine_slept_through_begins_anew() {
    let mut page = behind(FORCE);
    page.until(Phase::Counting);
    page.mono += 5 * MINUTE;
    page.send(Event::Wake);
    assert_eq!(page.phase(), Phase::Counting);
    page.pass(59 * SECOND);
    assert!(page.reloads.is_empty());
    page.pass(SECOND);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn the_share_is_drawn_once_for_a_tab_and_a_target() {
    let reached = |nonce, seed, id: &str| {
        let mut page = Setup::default()
            .start(|start| {
                start.nonce = nonce;
                start.seed = seed;
            })
            .open();
        page.deploy(2, id, "2", r#","refresh":{"share":0.5}"#);
        page.pass(15 * MINUTE);
        page.ever(Phase::Offering)
    };
    for nonce in 0..50 {
        assert_eq!(reached(nonce, 1, "b2"), reached(nonce, 2, "b2"), "another load of the same tab");
    }
    let differ = (0..50).filter(|nonce| reached(*nonce, 1, "b2") != reached(*nonce, 1, "b3")).count();
    assert!((10..40).contains(&differ), "another target is another draw: {differ}");
}

#[test]
fn a_dismissed_offer_returns_after_a_day() {
    let mut page = behind("");
    page.until(Phase::Offering);
    page.send(Event::Defer);
    assert_eq!((page.phase(), page.reason()), (Phase::Deferred, "dismissed"));
    page.pass(DAY - MINUTE);
    assert_eq!(page.phase(), Phase::Deferred);
    page.pass(2 * MINUTE);
    assert_eq!(page.phase(), Phase::Offering);
}

#[test]
fn a_dismissed_offer_returns_with_the_next_build() {
    let mut page = behind("");
    page.until(Phase::Offering);
    page.send(Event::Defer);
    page.pass(HOUR);
    assert_eq!(page.phase(), Phase::Deferred);
    page.deploy(3, "b3", "3", "");
    page.until(Phase::Offering);
    assert_eq!(page.client.refresh().target, "b3");
}

#[test]
fn an_urge_is_put_off_for_a_quarter_of_an_hour_at_a_time() {
    let mut page = behind(URGE);
    for _ in 0..3 {
        page.until(Phase::Urging);
        page.send(Event::Defer);
        page.pass(14 * MINUTE);
        assert_eq!((page.phase(), page.reason()), (Phase::Deferred, "put-off"));
        page.pass(2 * MINUTE);
    }
    assert!(page.reloads.is_empty());
}

#[test]
fn below_the_minimum_the_tab_counts_down_and_goes_once() {
    let mut page = behind(FORCE);
    page.leaves = false;
    let shown = page.until(Phase::Counting);
    page.pass(59 * SECOND);
    assert!(page.reloads.is_empty());
    page.pass(SECOND);
    assert_eq!(page.reloads.len(), 1);
    assert!(!page.reloads[0].1, "nobody asked");
    assert!(page.reloads[0].0 >= shown + 59 * SECOND);
    page.pass(30 * SECOND);
    assert_eq!(page.phase(), Phase::Cancelled, "a beforeunload dialog was dismissed");
    page.pass(5 * MINUTE);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn let_me_finish_gives_five_minutes_ten_times() {
    let mut page = behind(FORCE);
    for _ in 0..10 {
        page.until(Phase::Counting);
        page.send(Event::Defer);
        page.pass(4 * MINUTE + 59 * SECOND);
        assert_eq!((page.phase(), page.reason()), (Phase::Deferred, "finishing"));
    }
    page.until(Phase::Counting);
    page.send(Event::Defer);
    assert_eq!(page.phase(), Phase::Counting, "the eleventh is not granted");
    page.pass(MINUTE);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn while_a_hold_is_open_only_the_person_passes() {
    let mut page = page();
    page.send(Event::Holds(vec![("unsaved form".into(), 20 * HOUR)]));
    page.deploy(2, "b2", "2", FORCE);
    page.until(Phase::Holding);
    page.pass(10 * HOUR);
    assert!(page.reloads.is_empty());
    page.send(Event::Now);
    page.pass(0);
    assert_eq!(page.reloads.len(), 1);
    assert!(page.reloads[0].1, "a person asked");
}

#[test]
fn a_hold_expires() {
    let mut page = page();
    page.send(Event::Holds(vec![("upload".into(), HOUR)]));
    page.deploy(2, "b2", "2", FORCE);
    page.until(Phase::Counting);
    assert!(page.mono >= HOUR);
}

#[test]
fn a_hold_that_has_expired_beside_an_open_one_does_not_spin() {
    let mut page = page();
    page.send(Event::Holds(vec![("upload".into(), HOUR), ("call".into(), 2 * HOUR)]));
    page.deploy(2, "b2", "2", FORCE);
    page.until(Phase::Holding);
    page.pass(90 * MINUTE);
    assert_eq!(page.phase(), Phase::Holding);
    page.until(Phase::Counting);
    assert!(page.mono >= 2 * HOUR);
}

#[test]
fn a_hold_that_opens_during_the_countdown_stops_it() {
    let mut page = behind(FORCE);
    page.until(Phase::Counting);
    let until = page.mono + 10 * MINUTE;
    page.send(Event::Holds(vec![("call".into(), until)]));
    assert_eq!(page.phase(), Phase::Holding);
    page.pass(9 * MINUTE);
    page.send(Event::Holds(vec![]));
    assert_eq!(page.phase(), Phase::Counting);
    page.pass(59 * SECOND);
    assert!(page.reloads.is_empty(), "the countdown begins anew");
}

#[test]
fn a_hold_that_opens_while_the_page_is_saving_stops_an_unasked_refresh() {
    let mut page = behind(FORCE);
    page.saves_hang = true;
    page.until(Phase::Saving);
    let until = page.mono + HOUR;
    page.send(Event::Holds(vec![("upload".into(), until)]));
    page.pass(30 * MINUTE);
    assert_eq!(page.phase(), Phase::Holding);
    assert!(page.reloads.is_empty());
}

#[test]
fn a_hidden_tab_without_holds_refreshes_without_a_word() {
    let mut page = page();
    page.deploy(2, "b2", "2", FORCE);
    page.until(Phase::Spreading);
    page.send(Event::Visible(false));
    page.pass(5 * MINUTE);
    assert_eq!(page.reloads.len(), 1);
    assert!(!page.ever(Phase::Counting));
}

#[test]
fn who_has_seen_the_countdown_is_not_refreshed_behind_their_back() {
    let mut page = behind(FORCE);
    page.until(Phase::Counting);
    page.send(Event::Visible(false));
    page.pass(2 * MINUTE);
    assert!(page.reloads.is_empty());
    page.send(Event::Visible(true));
    page.pass(30 * SECOND);
    assert_eq!(page.phase(), Phase::Counting, "started anew");
    page.pass(40 * SECOND);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn pausing_stops_a_countdown() {
    let mut page = behind(FORCE);
    page.until(Phase::Counting);
    page.deploy(3, "b2", "2", r#","supported":{"minimum":"2"},"refresh":{"paused":true}"#);
    page.send(Event::Check);
    assert_eq!((page.phase(), page.reason()), (Phase::Idle, "paused"));
    page.pass(DAY);
    assert!(page.reloads.is_empty());
    page.send(Event::Now);
    page.pass(0);
    assert_eq!(page.reloads.len(), 1, "a person may still refresh");
}

#[test]
fn a_rollback_withdraws_the_prompt_and_blocked_builds_come_back() {
    let mut page = behind("");
    page.until(Phase::Offering);
    page.deploy(3, "b1", "1", r#","supported":{"blocked":[{"id":"b2"}]}"#);
    page.send(Event::Check);
    assert_eq!((page.status(), page.phase()), (Status::Current, Phase::Idle));

    let mut bad = Setup::default()
        .options(r#"{"build":{"id":"b2","version":"2"},"app":"shop"}"#)
        .manifest(manifest(3, "b1", "1", r#","supported":{"blocked":[{"id":"b2"}]}"#))
        .open();
    bad.shell = Some(("b1".into(), "1".into()));
    assert_eq!(bad.status(), Status::Unsupported);
    bad.until(Phase::Counting);
}

#[test]
fn a_newer_build_than_the_servers_is_left_alone() {
    let mut page = Setup::default().options(r#"{"build":{"id":"b9","version":"9"},"app":"shop"}"#).open();
    page.pass(DAY);
    assert_eq!((page.status(), page.phase()), (Status::Ahead, Phase::Idle));
    page.send(Event::Now);
    page.pass(0);
    assert!(page.reloads.is_empty() && page.shells.is_empty());
}

#[test]
fn opaque_ids_without_versions_are_told_apart_by_the_id_alone() {
    let mut page = Setup::default()
        .options(r#"{"build":{"id":"9f3c2e1"},"app":"shop"}"#)
        .start(|start| start.mark = Some(mark("9f3c2e1", "")))
        .manifest(r#"{"trueup":1,"serial":1,"current":{"id":"9f3c2e1"}}"#.into())
        .open();
    assert_eq!(page.status(), Status::Current);
    page.manifest = r#"{"trueup":1,"serial":2,"current":{"id":"8be01aa"}}"#.into();
    page.shell = Some(("8be01aa".into(), "".into()));
    page.until(Phase::Offering);
    assert_eq!(page.client.standing().reason.name(), "no-version");
}

#[test]
fn a_share_of_zero_reaches_nobody_and_half_reaches_about_half() {
    let reached = |share: &str| {
        (0..200)
            .filter(|nonce| {
                let mut page = Setup::default().start(|start| start.nonce = *nonce).open();
                page.deploy(2, "b2", "2", &format!(r#","refresh":{{"share":{share}}}"#));
                page.pass(15 * MINUTE);
                page.ever(Phase::Offering)
            })
            .count()
    };
    assert_eq!(reached("0"), 0);
    assert_eq!(reached("1"), 200);
    assert!((70..130).contains(&reached("0.5")));
}

#[test]
fn an_observer_decides_and_does_nothing() {
    let mut page = Setup::default()
        .options(r#"{"build":{"id":"b1","version":"1"},"app":"shop","mode":"observe"}"#)
        .open();
    page.deploy(2, "b2", "2", FORCE);
    page.pass(DAY);
    assert_eq!((page.status(), page.reason()), (Status::Unsupported, "observe"));
    assert!(page.shells.is_empty() && page.reloads.is_empty());
}

#[test]
fn a_page_that_may_not_reload_is_only_told() {
    let mut page = Setup::default().start(|start| start.reload_off = true).open();
    page.deploy(2, "b2", "2", FORCE);
    page.pass(HOUR);
    assert_eq!((page.status(), page.reason()), (Status::Unsupported, "reload-off"));
    assert!(page.shells.is_empty() && page.reloads.is_empty());
}

#[test]
fn without_session_storage_nothing_reloads_unasked() {
    let mut page = Setup::default().start(|start| start.session = None).open();
    page.deploy(2, "b2", "2", FORCE);
    page.until(Phase::Urging);
    page.pass(DAY);
    assert!(page.reloads.is_empty());
    page.send(Event::Now);
    page.pass(0);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn a_reload_that_came_back_on_the_same_build_waits_ten_minutes_and_then_gets_stuck() {
    let mut first = behind(FORCE);
    first.until(Phase::Counting);
    first.pass(MINUTE);
    let mut session = first.session.clone();
    let mut reloads = 1;
    let mut clock = first.mono;
    for _ in 0..6 {
        let mut page = Setup { skew: clock, ..Setup::default() }
            .start(|start| start.session = Some(session.clone()))
            .manifest(first.manifest.clone())
            .open();
        page.shell = Some(("b2".into(), "2".into()));
        page.pass(9 * MINUTE);
        assert!(page.reloads.is_empty());
        assert!(
            matches!(page.phase(), Phase::Refused | Phase::Stuck | Phase::Spreading),
            "{:?}",
            page.phase()
        );
        page.pass(7 * HOUR);
        clock += page.mono;
        if page.reloads.is_empty() {
            assert_eq!(page.phase(), Phase::Stuck);
        } else {
            reloads += 1;
            session = page.session.clone();
        }
    }
    assert_eq!(reloads, 4, "the first, and three more");
}

#[test]
fn low_urgency_takes_the_next_navigation_and_never_waits() {
    let mut page = page();
    page.deploy(2, "b2", "2", r#","refresh":{"urgency":"low"}"#);
    page.send(Event::Navigate("/a".into()));
    page.until(Phase::Navigation);
    page.send(Event::Navigate("/b".into()));
    page.pass(0);
    assert_eq!(page.taken, [false, true]);
    assert_eq!(page.reloads.len(), 1);
    assert_eq!(page.reloads[0].2.as_deref(), Some("/b"));
}

#[test]
fn a_navigation_with_an_old_shell_check_is_let_go_and_the_check_renewed() {
    let mut page = page();
    page.deploy(2, "b2", "2", r#","refresh":{"urgency":"low"}"#);
    page.until(Phase::Navigation);
    page.pass(HOUR);
    let seen = page.shells.len();
    assert_eq!(seen, 1, "it is not looked at again for nothing");
    page.send(Event::Navigate("/a".into()));
    assert_eq!(page.taken, [false]);
    page.pass(10 * SECOND);
    assert!(page.shells.len() > seen);
    page.send(Event::Navigate("/b".into()));
    assert_eq!(page.taken, [false, true]);
}

#[test]
fn a_lost_chunk_urges_with_a_newer_build_and_does_nothing_without() {
    let mut page = page();
    page.pass(MINUTE);
    let polls = page.polls.len();
    page.send(Event::Chunk);
    page.pass(3 * SECOND);
    assert_eq!(page.polls.len(), polls + 1);
    assert_eq!(page.phase(), Phase::Idle);
    page.deploy(2, "b2", "2", "");
    page.until(Phase::Urging);
    // Rolled back, this build's chunks are there again: the next deploy is an offer like any other.
    page.deploy(3, "b1", "1", r#","supported":{"blocked":[{"id":"b2"}]}"#);
    page.send(Event::Check);
    assert_eq!(page.phase(), Phase::Idle);
    page.deploy(4, "b3", "3", "");
    page.until(Phase::Offering);
}

#[test]
fn a_lost_chunk_is_remembered_until_a_newer_build_appears() {
    let mut page = page();
    page.send(Event::Chunk);
    page.pass(5 * HOUR);
    assert_eq!(page.phase(), Phase::Idle);
    page.deploy(2, "b2", "2", r#","refresh":{"urgency":"low"}"#);
    page.until(Phase::Urging);
    page.deploy(3, "b3", "3", r#","refresh":{"urgency":"low"}"#);
    page.pass(HOUR);
    assert_eq!(page.phase(), Phase::Urging, "it is as lost with the next one");
    page.send(Event::Navigate("/a".into()));
    page.send(Event::Navigate("/b".into()));
    page.pass(0);
    assert_eq!(page.taken, [false, true]);
}

#[test]
fn a_deadline_passes_without_a_poll() {
    let mut page = page();
    // at EPOCH + 1 h
    page.deploy(2, "b2", "2", r#","supported":{"recommended":"2","deadline":"2026-11-23T01:00:00Z"}"#);
    page.until(Phase::Urging);
    assert_eq!(page.status(), Status::Deprecated);
    page.reply = Reply::Hang;
    page.pass(HOUR - page.mono - 1);
    assert_eq!(page.status(), Status::Deprecated);
    page.pass(1);
    assert_eq!(page.status(), Status::Unsupported);
    assert_eq!(page.client.standing().reason.name(), "deadline-passed");
}

#[test]
fn a_clock_a_day_off_changes_nothing_where_the_servers_time_is_known() {
    for skew in [-DAY, DAY] {
        let mut page = Setup { skew, ..Setup::default() }.open();
        page.deploy(2, "b2", "2", r#","supported":{"recommended":"2","deadline":"2026-11-23T01:00:00Z"}"#);
        page.until(Phase::Urging);
        page.pass(HOUR - page.mono - SECOND);
        assert_eq!(page.status(), Status::Deprecated, "skew {skew}");
        page.pass(SECOND);
        assert_eq!(page.status(), Status::Unsupported, "skew {skew}");
    }
}

#[test]
fn without_server_time_a_deadline_urges_and_never_forces() {
    let times = [-DAY, 0, DAY].map(|skew| (skew, "2026-11-23"));
    for (skew, day) in times.into_iter().chain([(0, "0000-01-01")]) {
        let mut page = Setup { skew, dated: false, ..Setup::default() }.open();
        let supported = format!(r#","supported":{{"recommended":"2","deadline":"{day}T01:00:00Z"}}"#);
        page.deploy(2, "b2", "2", &supported);
        page.pass(3 * HOUR);
        assert_eq!((page.status(), page.phase()), (Status::Deprecated, Phase::Urging));
    }
}

#[test]
fn before_a_force_the_server_must_have_been_heard_lately() {
    let mut page = page();
    page.deploy(2, "b2", "2", r#","supported":{"minimum":"2"},"refresh":{"spreadSeconds":3600}"#);
    page.until(Phase::Spreading);
    page.reply = Reply::Lost;
    page.pass(2 * HOUR);
    assert_eq!((page.phase(), page.reason()), (Phase::Waiting, "unheard"));
    assert!(page.polls.len() < 20, "it asks no oftener than the backoff lets it: {:?}", page.polls);
    assert!(page.reloads.is_empty());
    page.reply = Reply::Manifest;
    page.pass(HOUR);
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn kept_state_may_prompt_but_not_force() {
    let mut before = behind(FORCE);
    before.until(Phase::Spreading);
    let kept = before.kept.clone().unwrap();
    let mut page = Setup::default().start(|start| start.kept = Some(kept));
    page.skew = before.mono;
    let mut page = page.open();
    page.shell = Some(("b2".into(), "2".into()));
    page.reply = Reply::Lost;
    assert_eq!(page.status(), Status::Unsupported, "it informs");
    assert_eq!(page.ready, ["stored"]);
    assert!(page.polls.is_empty(), "a kept answer younger than T saves the first poll");
    page.pass(2 * HOUR);
    assert!(page.reloads.is_empty() && !page.ever(Phase::Counting));
}

#[test]
fn kept_server_time_informs_until_the_server_is_heard_and_never_forces() {
    const DEADLINE: &str = r#","supported":{"recommended":"2","deadline":"2026-11-23T00:10:00Z"}"#;
    let mut before = behind(DEADLINE);
    before.until(Phase::Urging);
    let (kept, slept) = (before.kept.clone().unwrap(), before.mono + HOUR);
    for dated in [true, false] {
        let mut page = Setup::default()
            .start(|start| start.kept = Some(kept.clone()))
            .manifest(manifest(2, "b2", "2", DEADLINE));
        (page.skew, page.dated) = (slept, dated);
        let mut page = page.open();
        page.shell = Some(("b2".into(), "2".into()));
        assert_eq!(page.statuses[0], Status::Unsupported, "the deadline has passed by what was kept");
        page.pass(5 * MINUTE);
        // This server's answers carry a time long before the deadline, or none.
        assert_eq!((page.status(), page.phase()), (Status::Deprecated, Phase::Urging));
        assert!(!page.ever(Phase::Counting) && page.reloads.is_empty());
    }
}

#[test]
fn kept_state_that_is_corrupt_is_discarded_and_reported_once() {
    for (state, text) in
        [("{}", "{"), ("null", r#"{"trueup":1}"#), (r#"{"format":2}"#, "{}"), ("[]", ""), ("[2]", "{}")]
    {
        let mut page = Setup::default().start(|start| start.kept = Some((json(state).unwrap(), text.into())));
        page.start.locks = true;
        let page = page.open();
        assert_eq!(page.faults, [Blame::Memory]);
        assert_eq!(page.kept, Some((Value::Null, String::new())), "nothing of it stays for the next load");
    }
}

#[test]
fn a_spread_keeps_a_million_tabs_apart() {
    let times: Vec<i64> = (0..100)
        .map(|seed| {
            let mut page = Setup::default().start(|start| start.seed = seed).open();
            page.deploy(2, "b2", "2", r#","supported":{"minimum":"2"},"refresh":{"spreadSeconds":3600}"#);
            page.until(Phase::Spreading);
            let heard = page.mono;
            page.until(Phase::Counting) - heard
        })
        .collect();
    for tenth in 0..10 {
        let within = times.iter().filter(|t| **t / (6 * MINUTE) == tenth).count();
        assert!((1..=25).contains(&within), "{within} of 100 in tenth {tenth}");
    }
}

#[test]
fn a_shell_check_older_than_a_minute_is_made_again_before_the_reload() {
    let mut page = behind("");
    page.until(Phase::Offering);
    page.pass(2 * MINUTE);
    page.shell = Some(("b1".into(), "1".into()));
    page.send(Event::Now);
    page.pass(0);
    assert_eq!((page.reloads.len(), page.phase()), (0, Phase::Waiting));
}

#[test]
fn an_inlined_manifest_of_other_spelling_is_no_contradiction_and_is_kept_once_the_server_was_heard() {
    let published = manifest(1, "b2", "2", "");
    let inlined = published.replace("b2", "\\u0062\\u0032").replace(',', " , ");
    let mut page =
        Setup::default().start(|start| start.inline = Some(inlined)).manifest(published.clone()).open();
    assert_eq!(page.status(), Status::Behind);
    page.pass(MINUTE);
    assert_eq!((page.faults.as_slice(), page.outcomes[0]), (&[] as &[Blame], "new"));
    assert_eq!(page.kept.as_ref().map(|(_, text)| text.as_str()), Some(published.as_str()));
    page.manifest = published.replace("\"b2\"", "\"b3\"");
    page.pass(HOUR);
    assert!(page.outcomes.contains(&"conflict"), "what the server itself says otherwise still is one");
}

#[test]
fn a_waiting_worker_that_does_not_take_over_is_told_once_and_then_looked_at_with_the_backoff() {
    let options = r#"{"build":{"id":"b1","version":"1"},"app":"shop","worker":{"activate":true}}"#;
    let mut page = Setup::default().options(options).open();
    page.deploy(2, "b2", "2", FORCE);
    page.shell_hangs = true;
    page.until(Phase::Checking);
    let waiting = || Event::Shell(ShellAnswer { worker: Worker::Waiting, ..ShellAnswer::default() });
    let told = |page: &Page| page.effects.iter().filter(|effect| **effect == Effect::Activate).count();
    page.send(waiting());
    assert_eq!((told(&page), page.phase()), (1, Phase::Checking));
    page.send(waiting());
    assert_eq!((told(&page), page.phase()), (1, Phase::Waiting), "another tab holds, say");
    page.until(Phase::Checking);
    page.send(waiting());
    assert_eq!(told(&page), 2, "the next look tells it again");
}

#[test]
fn of_two_holds_the_later_one_counts_and_an_expired_one_keeps_nobody_awake() {
    let mut page = behind(FORCE);
    page.send(Event::Holds(vec![("upload".into(), 20 * MINUTE), ("call".into(), HOUR)]));
    page.until(Phase::Holding);
    // The harness fails where a client asks to be woken again and again at one moment.
    page.pass(30 * MINUTE);
    assert_eq!(page.phase(), Phase::Holding);
    page.pass(HOUR - page.mono);
    assert_eq!(page.phase(), Phase::Counting);
}

#[test]
fn without_session_storage_what_would_be_a_force_can_be_put_off_like_an_urge() {
    let mut page = Setup::default().start(|start| start.session = None).open();
    page.deploy(2, "b2", "2", FORCE);
    page.until(Phase::Urging);
    page.send(Event::Defer);
    assert_eq!((page.phase(), page.reason()), (Phase::Deferred, "put-off"));
    page.pass(14 * MINUTE);
    assert_eq!(page.phase(), Phase::Deferred);
    page.pass(2 * MINUTE);
    assert_eq!(page.phase(), Phase::Urging);
}

#[test]
fn what_was_dismissed_in_a_tab_that_does_not_poll_is_still_so_after_a_load() {
    let mut page = Setup::default().start(|start| start.locks = true).open();
    page.deploy(2, "b2", "2", "");
    let answer = Answer { status: 200, text: Some(page.manifest.clone()), ..Answer::default() };
    page.send(Event::Answer { answer, told: Some(5 * MINUTE) });
    page.until(Phase::Offering);
    page.pass(SECOND);
    page.send(Event::Defer);
    let mut again = Setup { skew: 2 * MINUTE, ..Setup::default() }
        .start(|start| start.kept = page.kept.clone())
        .manifest(page.manifest.clone())
        .open();
    again.shell = page.shell.clone();
    again.pass(MINUTE);
    assert_eq!(again.faults, [], "it was we who kept it");
    assert_eq!(again.phase(), Phase::Deferred);
}

#[test]
fn what_was_dismissed_in_one_tab_is_still_so_after_another_one_has_polled() {
    let mut one = behind("");
    one.until(Phase::Offering);
    let (manifest, shell) = (one.manifest.clone(), one.shell.clone());
    let open = |kept, skew| {
        let mut page = Setup { skew, ..Setup::default() }
            .start(|start| start.kept = kept)
            .manifest(manifest.clone())
            .open();
        page.shell = shell.clone();
        page
    };
    let mut other = open(one.kept.clone(), HOUR);
    one.send(Event::Defer);
    other.kept = one.kept.clone();
    other.pass(HOUR);
    assert!(other.ever(Phase::Offering), "of what is put off elsewhere it hears at its next load");
    assert_ne!(other.kept, one.kept, "it has polled");
    let mut again = open(other.kept, 3 * HOUR);
    again.pass(HOUR);
    assert_eq!((again.phase(), again.reason()), (Phase::Deferred, "dismissed"));
    assert!(!again.ever(Phase::Offering));
}

#[test]
fn another_target_that_appears_while_the_page_is_looked_at_again_gets_a_countdown_of_its_own() {
    let mut page = behind(FORCE);
    page.send(Event::Holds(vec![("upload".into(), 9 * HOUR)]));
    page.until(Phase::Holding);
    page.pass(MINUTE);
    page.send(Event::Holds(vec![]));
    assert_eq!(page.phase(), Phase::Counting);
    // The countdown is over, and the look at the page that comes before the reload takes its time.
    page.shell_hangs = true;
    page.until(Phase::Checking);
    page.deploy(3, "b3", "3", r#","supported":{"minimum":"3"}"#);
    page.send(Event::Check);
    page.shell_hangs = false;
    page.look_again();
    assert_eq!(page.phase(), Phase::Spreading);
    page.until(Phase::Counting);
    assert!(page.reloads.is_empty());
}

#[test]
fn tabs_that_were_paused_do_not_all_go_at_once_when_the_pause_ends() {
    let times: Vec<i64> = (0..40)
        .map(|seed| {
            let force = |paused| {
                format!(
                    r#","supported":{{"minimum":"2"}},"refresh":{{"paused":{paused},"spreadSeconds":3600}}"#
                )
            };
            let mut page = Setup::default().start(|start| start.seed = seed).open();
            page.deploy(2, "b2", "2", &force(false));
            page.until(Phase::Spreading);
            page.deploy(3, "b2", "2", &force(true));
            page.send(Event::Check);
            page.pass(2 * HOUR);
            assert_eq!(page.reason(), "paused");
            page.deploy(4, "b2", "2", &force(false));
            page.send(Event::Check);
            let heard = page.mono;
            page.until(Phase::Counting) - heard
        })
        .collect();
    for tenth in 0..10 {
        let within = times.iter().filter(|t| **t / (6 * MINUTE) == tenth).count();
        assert!(within <= 15, "{within} of 40 in tenth {tenth}");
    }
}
