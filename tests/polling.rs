//! When a page polls, what it makes of the answers, and which tab it is that polls.

mod harness;
use harness::*;
use trueup::core::error::{Fault, FetchError};
use trueup::core::event::{Answer, Event};
use trueup::core::refresh::Phase;
use trueup::core::schedule::Role;
use trueup::core::window::Status;

const T: i64 = 300 * SECOND;

fn status(status: u16) -> Reply {
    Reply::Other(Answer { status, ..Answer::default() })
}

fn text(text: &str) -> Reply {
    Reply::Other(Answer { status: 200, text: Some(text.into()), ..Answer::default() })
}

fn gaps(page: &Page) -> Vec<i64> {
    page.polls.windows(2).map(|w| w[1] - w[0]).collect()
}

#[test]
fn the_period_is_jittered_between_four_and_six_fifths() {
    let mut page = page();
    page.pass(DAY);
    let gaps = gaps(&page);
    assert!(gaps.iter().all(|g| (T * 4 / 5..T * 6 / 5 + 1).contains(g)), "{gaps:?}");
    assert!(gaps.iter().any(|g| *g < T * 9 / 10) && gaps.iter().any(|g| *g > T * 11 / 10));
}

#[test]
fn the_app_s_period_wins_over_the_manifest_s() {
    let mut page = Setup::default()
        .options(r#"{"build":{"id":"b1"},"app":"shop","poll":{"everySeconds":2}}"#)
        .manifest(manifest(1, "b1", "1", r#","poll":{"everySeconds":600}"#))
        .open();
    page.pass(MINUTE);
    assert!((24..=39).contains(&page.polls.len()), "{}", page.polls.len());
}

#[test]
fn an_operator_s_number_out_of_range_is_clamped_and_reported() {
    let mut page = Setup::default().manifest(manifest(1, "b1", "1", r#","poll":{"everySeconds":1}"#)).open();
    page.pass(HOUR);
    assert!(gaps(&page).iter().all(|g| *g >= 12 * SECOND));
    assert!(
        matches!(&page.faults[..], [Blame::Publisher(f)] if f.path == "poll.everySeconds" && f.fault == Fault::Clamped)
    );
}

#[test]
fn failures_back_off_and_only_a_valid_answer_resets() {
    let mut page = page();
    page.pass(SECOND);
    for reply in [Reply::Lost, status(503), text("<html>"), text(""), text("{"), status(404)] {
        page.reply = reply;
        let from = page.polls.len();
        page.pass(6 * HOUR);
        let gaps: Vec<i64> = page.polls[from..].windows(2).map(|w| w[1] - w[0]).collect();
        assert!(gaps.iter().all(|g| (T..=900 * SECOND).contains(g)), "{gaps:?}");
        assert!(gaps[3..].iter().all(|g| *g >= 450 * SECOND), "{gaps:?}");
        page.reply = Reply::Manifest;
        page.pass(HOUR);
        let last = &page.polls[page.polls.len() - 4..];
        assert!(last.windows(2).all(|w| w[1] - w[0] <= T * 6 / 5 + 1));
        assert_eq!((page.status(), page.phase()), (Status::Current, Phase::Idle));
    }
    assert!(page.shells.is_empty());
}

#[test]
fn retry_after_in_seconds_is_kept_and_capped_at_a_quarter_of_an_hour() {
    for (asked, least) in [(600, 600), (7200, 900)] {
        let mut page = page();
        page.pass(SECOND);
        page.reply = Reply::Other(Answer { status: 503, retry_delay: asked * SECOND, ..Answer::default() });
        page.until_polls(2);
        let failed = page.mono;
        page.send(Event::Visible(false));
        page.send(Event::Visible(true));
        page.send(Event::Header(99));
        page.send(Event::Check);
        page.until_polls(3);
        let waited = page.polls[2] - failed;
        assert!(waited >= least * SECOND && waited <= least * SECOND * 11 / 10 + 2, "{waited}");
    }
}

#[test]
fn retry_after_as_a_date_is_spread_over_a_period() {
    let waits: Vec<i64> = (0..50)
        .map(|seed| {
            let mut page = Setup::default().start(|s| s.seed = seed).open();
            page.pass(SECOND);
            page.reply = Reply::Other(Answer { status: 503, retry_date: 700 * SECOND, ..Answer::default() });
            page.until_polls(3);
            page.polls[2] - page.polls[1]
        })
        .collect();
    assert!(waits.iter().all(|w| (700 * SECOND..=700 * SECOND + T + 2).contains(w)), "{waits:?}");
    assert!(waits.iter().max().unwrap() - waits.iter().min().unwrap() > T / 2);
}

#[test]
fn a_hung_request_is_given_up_after_ten_seconds() {
    let mut page = page();
    page.reply = Reply::Hang;
    page.until_polls(2);
    let sent = page.mono;
    page.pass(9 * SECOND);
    assert!(!page.effects.contains(&Effect::Abort));
    page.pass(SECOND);
    assert!(page.effects.contains(&Effect::Abort));
    assert_eq!(page.faults, [Blame::Network(FetchError::Timeout)]);
    // The answer that comes after all belongs to no request.
    let late = Answer { status: 200, text: Some(manifest(9, "b9", "9", "")), ..Answer::default() };
    page.send(Event::Answer { answer: late, told: None });
    assert_eq!(page.status(), Status::Current);
    assert!(page.mono - sent == 10 * SECOND);
}

#[test]
fn an_answer_from_another_origin_is_a_failure() {
    let mut page = page();
    page.reply = Reply::Other(Answer {
        status: 200,
        foreign: true,
        text: Some(manifest(2, "b2", "2", "")),
        ..Answer::default()
    });
    page.pass(HOUR);
    assert_eq!(page.status(), Status::Current);
    assert!(page.faults.contains(&Blame::Network(FetchError::Origin)));
}

#[test]
fn an_empty_body_is_a_failure_though_an_inlined_manifest_is_in_force() {
    let hidden = |s: &mut Found| (s.visible, s.inline) = (false, Some(manifest(1, "b1", "1", "")));
    let mut page = Setup::default().start(hidden).open();
    page.reply = Reply::Other(Answer { status: 200, text: Some(String::new()), ..Answer::default() });
    page.send(Event::Visible(true));
    page.pass(5 * SECOND);
    assert_eq!(page.outcomes, ["failed"]);
    assert_eq!(page.faults, [Blame::Network(FetchError::NotJson)]);
}

#[test]
fn a_lower_serial_is_ignored() {
    let mut page = page();
    page.deploy(2, "b2", "2", "");
    page.until(Phase::Offering);
    page.publish(1, "b1", "1", "");
    page.send(Event::Check);
    assert_eq!((page.status(), page.phase()), (Status::Behind, Phase::Offering));
    assert_eq!(page.outcomes.last(), Some(&"older"));
}

#[test]
fn a_lagging_server_does_not_bring_the_prompt_back() {
    let mut page = page();
    page.deploy(2, "b2", "2", "");
    page.until(Phase::Offering);
    page.deploy(3, "b1", "1", r#","supported":{"blocked":[{"id":"b2"}]}"#);
    page.send(Event::Check);
    assert_eq!(page.phase(), Phase::Idle);
    page.publish(2, "b2", "2", "");
    page.pass(20 * MINUTE);
    assert_eq!((page.status(), page.phase()), (Status::Current, Phase::Idle));
}

#[test]
fn nothing_but_lower_serials_for_half_an_hour_withdraws_the_prompt_and_never_forces() {
    let mut page = page();
    page.deploy(2, "b2", "2", "");
    page.until(Phase::Offering);
    page.publish(1, "b1", "1", "");
    page.pass(25 * MINUTE);
    assert_eq!(page.phase(), Phase::Offering);
    page.pass(20 * MINUTE);
    assert_eq!(page.phase(), Phase::Idle);
    assert_eq!(page.outcomes.last(), Some(&"regressed"));
    page.publish(2, "b2", "2", "");
    page.until_polls(page.polls.len() + 1);
    assert_eq!(
        page.outcomes.last(),
        Some(&"unchanged"),
        "it ends with the first answer at the serial in force"
    );
    page.until(Phase::Offering);

    page.publish(1, "b0", "0", r#","supported":{"blocked":[{"id":"b1"}]}"#);
    page.pass(2 * HOUR);
    assert!(page.reloads.is_empty() && !page.ever(Phase::Counting));
}

#[test]
fn a_restored_old_manifest_takes_six_answers_and_half_an_hour() {
    // T of an hour: six answers are the longer; T of 15 s: the half hour is.
    for (every, answers, least, most) in [(3600, 6, 4 * HOUR, 8 * HOUR), (15, 100, 30 * MINUTE, 31 * MINUTE)]
    {
        let more = format!(r#","poll":{{"everySeconds":{every}}}"#);
        let mut page = Setup::default().manifest(manifest(2, "b1", "1", &more)).open();
        page.pass(SECOND);
        page.publish(1, "b0", "0", &more);
        let (polls, mut first) = (page.polls.len(), None);
        while page.outcomes.last() != Some(&"regressed") {
            page.pass(SECOND);
            if page.outcomes.last() == Some(&"older") {
                first.get_or_insert(page.mono);
            }
        }
        let took = page.mono - first.unwrap();
        assert!((least..most).contains(&took), "T of {every} s: {took}");
        assert!(page.polls.len() - polls >= answers, "{}", page.polls.len() - polls);
    }
}

#[test]
fn a_restored_old_manifest_turns_a_force_into_an_urge_at_most() {
    let mut page = page();
    page.deploy(3, "b3", "3", r#","supported":{"minimum":"3"}"#);
    page.send(Event::Holds(vec![("call".into(), 9 * HOUR)]));
    page.until(Phase::Holding);
    page.publish(2, "b2", "2", r#","supported":{"minimum":"2"}"#);
    page.pass(2 * HOUR);
    assert_eq!(page.outcomes.last(), Some(&"regressed"));
    assert_eq!((page.status(), page.phase()), (Status::Unsupported, Phase::Urging));
    page.send(Event::Holds(vec![]));
    page.pass(2 * HOUR);
    assert!(page.reloads.is_empty());
}

#[test]
fn an_equal_serial_with_another_content_is_ignored_and_reported() {
    let mut page = page();
    page.pass(SECOND);
    page.publish(1, "b2", "2", "");
    page.send(Event::Check);
    assert_eq!(page.status(), Status::Current);
    assert_eq!(page.outcomes.last(), Some(&"conflict"));
    assert!(matches!(&page.faults[..], [Blame::Publisher(f)] if f.path == "serial"));
}

#[test]
fn a_serial_from_the_day_after_tomorrow_is_refused() {
    let tomorrow = (EPOCH + DAY) as u64 / 1000;
    let mut page = page();
    page.pass(SECOND);
    page.publish(tomorrow + 60, "b2", "2", "");
    page.send(Event::Check);
    assert_eq!(page.status(), Status::Current);
    assert!(matches!(&page.faults[..], [Blame::Publisher(f)] if f.fault == Fault::Future));
    page.publish(tomorrow - 60, "b2", "2", "");
    page.pass(HOUR);
    assert_eq!(page.status(), Status::Behind);
}

#[test]
fn an_invalid_section_rejects_the_manifest_with_its_path_and_the_last_good_one_stays() {
    for (more, path, fault) in [
        (r#","supported":{"minimum":"4.x"}"#, "supported.minimum", Fault::Version),
        (r#","supported":{"minimum":true}"#, "supported.minimum", Fault::Type),
        (r#","supported":{"minimum":"3"}"#, "supported.minimum", Fault::Contradiction),
        (r#","supported":{"minimum":"2","recommended":"1"}"#, "supported.minimum", Fault::Contradiction),
        (r#","supported":{"recommended":"2026-01-01"}"#, "supported.recommended", Fault::Contradiction),
        (r#","supported":{"deadline":"tomorrow"}"#, "supported.deadline", Fault::Time),
        (r#","supported":{"blocked":[{"id":"x"},{}]}"#, "supported.blocked[1]", Fault::Missing),
        (r#","supported":{"blocked":[{"id":"b2"}]}"#, "supported.blocked", Fault::Contradiction),
        (r#","supported":[]"#, "supported", Fault::Type),
        (r#","refresh":{"spreadSeconds":"1"}"#, "refresh.spreadSeconds", Fault::Type),
        (r#","refresh":{"paused":1}"#, "refresh.paused", Fault::Type),
        (r#","refresh":{"link":"https://x.test/"}"#, "refresh.link", Fault::Path),
        (r#","refresh":{"link":"//x.test/"}"#, "refresh.link", Fault::Path),
        (r#","refresh":{"notes":{"en":1}}"#, "refresh.notes.en", Fault::Type),
        (r#","poll":{"everySeconds":"5"}"#, "poll.everySeconds", Fault::Type),
        (r#","trueup":2"#, "trueup", Fault::Format),
    ] {
        let mut page = page();
        page.pass(SECOND);
        page.deploy(2, "b2", "2", more);
        if more.contains("trueup") {
            page.manifest = r#"{"trueup":2,"serial":2,"current":{"id":"b2"}}"#.into();
        }
        page.send(Event::Check);
        assert_eq!(page.status(), Status::Current, "{more}");
        assert!(
            matches!(&page.faults[..], [Blame::Publisher(f)] if f.path == path && f.fault == fault),
            "{more}: {:?}",
            page.faults
        );
    }
}

#[test]
fn a_missing_required_member_is_named() {
    for (text, path) in [
        ("{}", "trueup"),
        (r#"{"trueup":1}"#, "serial"),
        (r#"{"trueup":1,"serial":1}"#, "current.id"),
        (r#"{"trueup":1,"serial":1.5,"current":{"id":"a"}}"#, "serial"),
        (r#"{"trueup":1,"serial":9007199254740992,"current":{"id":"a"}}"#, "serial"),
        (r#"{"trueup":1,"serial":1,"current":{"id":""}}"#, "current.id"),
        ("[]", ""),
    ] {
        let page = Setup::default().manifest(text.into()).open();
        assert!(
            matches!(&page.faults[..], [Blame::Publisher(f)] if f.path == path),
            "{text}: {:?}",
            page.faults
        );
        assert_eq!(page.status(), Status::Unknown);
    }
}

#[test]
fn unknown_members_are_ignored_and_unknown_enumerations_read_as_their_default() {
    let mut page = page();
    page.deploy(2, "b2", "2", r#","new":{"x":[1]},"refresh":{"urgency":"panic","more":1}"#);
    page.until(Phase::Offering);
    assert!(
        matches!(&page.faults[..], [Blame::Publisher(f)] if f.path == "refresh.urgency" && f.fault == Fault::Unknown)
    );
}

#[test]
fn a_hidden_tab_does_not_poll_and_looks_when_it_is_shown_again() {
    let mut page = page();
    page.pass(SECOND);
    page.send(Event::Visible(false));
    page.pass(DAY);
    assert_eq!(page.polls.len(), 1);
    page.send(Event::Visible(true));
    page.pass(2 * SECOND);
    assert_eq!(page.polls.len(), 2);
    // Flipping tabs does not poll each time.
    for _ in 0..20 {
        page.send(Event::Visible(false));
        page.send(Event::Visible(true));
        page.pass(3 * SECOND);
    }
    assert_eq!(page.polls.len(), 2);
}

#[test]
fn a_poll_that_was_slept_through_goes_out_with_jitter() {
    let waits: Vec<i64> = (0..40)
        .map(|seed| {
            let mut page = Setup::default().start(|s| s.seed = seed).open();
            page.pass(SECOND);
            // Frozen, or asleep: no timer fires. Some browsers say so afterwards, some do not.
            page.mono += HOUR;
            let woken = page.mono;
            page.send(if seed % 2 == 0 { Event::Resume } else { Event::Wake });
            page.until_polls(2);
            page.pass(10 * SECOND);
            assert_eq!(page.polls.len(), 2);
            page.polls[1] - woken
        })
        .collect();
    assert!(waits.iter().all(|w| (0..=2 * SECOND).contains(w)), "{waits:?}");
    assert!(waits.iter().filter(|w| **w > SECOND).count() > 5, "{waits:?}");
}

#[test]
fn a_manifest_nested_too_deep_is_the_publisher_s_fault() {
    let mut page = page();
    page.pass(SECOND);
    page.publish(2, "b2", "2", &format!(r#","x":{}{}"#, "[".repeat(70), "]".repeat(70)));
    page.send(Event::Check);
    assert_eq!(page.status(), Status::Current);
    assert!(
        matches!(&page.faults[..], [Blame::Publisher(f)] if f.path == "x" && f.fault == Fault::TooDeep),
        "{:?}",
        page.faults
    );
}

#[test]
fn offline_nothing_is_polled_or_counted_and_online_looks_within_five_seconds() {
    let mut page = page();
    page.pass(SECOND);
    page.send(Event::Online(false));
    page.pass(HOUR);
    assert_eq!((page.polls.len(), page.faults.len()), (1, 0));
    page.send(Event::Online(true));
    page.pass(5 * SECOND);
    assert_eq!(page.polls.len(), 2);
}

#[test]
fn online_ends_a_backoff_from_network_errors_but_not_one_that_an_answer_caused() {
    for (reply, looks) in [(Reply::Lost, true), (status(500), false)] {
        let mut page = page();
        page.pass(SECOND);
        page.reply = reply;
        page.until_polls(4);
        page.send(Event::Online(false));
        page.send(Event::Online(true));
        let before = page.polls.len();
        page.pass(6 * SECOND);
        assert_eq!(page.polls.len() > before, looks);
    }
}

#[test]
fn a_header_with_a_higher_serial_polls_once_within_half_a_period() {
    let mut page = page();
    page.pass(SECOND);
    for _ in 0..10 {
        page.send(Event::Header(5));
        page.send(Event::Header(1));
    }
    page.pass(T / 2);
    assert_eq!(page.polls.len(), 2);
}

#[test]
fn ready_says_how_the_first_manifest_came() {
    let mut lost = page();
    assert_eq!(lost.ready, ["live"]);
    lost.pass(HOUR);
    assert_eq!(lost.ready, ["live"], "once");
    let mut page = Setup::default().start(|s| s.locks = true).open();
    page.pass(1999);
    assert!(page.ready.is_empty(), "a follower waits for its leader");
    page.reply = Reply::Lost;
    page.pass(1);
    assert_eq!(page.ready, ["timeout"]);
}

#[test]
fn a_follower_leaves_polling_to_its_leader_and_polls_when_it_falls_silent() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    assert!(page.polls.is_empty());
    let told = || Event::Answer {
        answer: Answer { status: 200, text: Some(manifest(1, "b1", "1", "")), ..Answer::default() },
        told: Some(T),
    };
    page.send(told());
    assert_eq!((page.status(), &page.ready[..]), (Status::Current, &["live"][..]));
    for _ in 0..5 {
        page.pass(T + 14 * SECOND);
        assert!(page.polls.is_empty());
        page.send(told());
    }
    page.pass(T + 15 * SECOND);
    assert_eq!(page.polls.len(), 1, "no news 15 s after the poll that the leader announced");
}

#[test]
fn who_comes_while_the_leader_is_refused_hears_of_the_refusal() {
    let mut leader = Setup::default().start(|s| s.locks = true).open();
    leader.send(Event::Lead(true));
    leader.until_polls(1);
    leader.reply = Reply::Other(Answer { status: 503, retry_delay: 900 * SECOND, ..Answer::default() });
    leader.until_polls(2);
    let refused = leader.now().wall;
    leader.pass(MINUTE);
    leader.effects.clear();
    leader.send(Event::Hello);
    let [Effect::Tell(Some(answer), next)] = &leader.effects[..] else { panic!("{:?}", leader.effects) };
    assert_eq!((answer.status, answer.at), (503, refused), "and of when that was");
    assert!(*next >= 840 * SECOND);
    let mut late = Setup::default().start(|s| s.locks = true).open();
    late.send(Event::Answer { answer: answer.clone(), told: Some(*next) });
    late.send(Event::Chunk);
    late.send(Event::Check);
    late.pass(900 * SECOND);
    assert!(late.polls.is_empty(), "Retry-After holds for every tab");
}

#[test]
fn what_the_leader_heard_long_ago_is_no_reason_to_force() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    page.shell = Some(("b2".into(), "2".into()));
    page.reply = Reply::Lost;
    let text = manifest(2, "b2", "2", r#","supported":{"minimum":"2"},"refresh":{"spreadSeconds":0}"#);
    // The leader's answer is of half a period ago; and then nobody is heard any more.
    let at = page.now().wall - T / 2;
    let answer = Answer { status: 200, at, text: Some(text), ..Answer::default() };
    page.send(Event::Answer { answer, told: Some(T / 2) });
    page.send(Event::Holds(vec![("call".into(), T)]));
    page.pass(T);
    page.send(Event::Holds(vec![]));
    assert_eq!(page.phase(), Phase::Counting, "within 2·T");
    page.send(Event::Holds(vec![("call".into(), HOUR)]));
    page.pass(T * 3 / 5);
    page.send(Event::Holds(vec![]));
    assert_eq!((page.phase(), page.reason()), (Phase::Waiting, "unheard"));
}

#[test]
fn online_again_a_follower_lets_its_leader_go_first() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    let answer = Answer { status: 200, text: Some(manifest(1, "b1", "1", "")), ..Answer::default() };
    page.send(Event::Answer { answer, told: Some(T) });
    page.send(Event::Online(false));
    page.pass(HOUR);
    page.send(Event::Online(true));
    assert!(page.polls.is_empty(), "nothing goes out without jitter");
    page.send(Event::Answer { answer: Answer::default(), told: Some(T) });
    page.pass(T);
    assert!(page.polls.is_empty());
}

#[test]
fn who_becomes_leader_polls_when_the_next_poll_was_announced() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    page.send(Event::Answer { answer: Answer::default(), told: Some(100 * SECOND) });
    page.send(Event::Lead(true));
    assert_eq!(page.client.schedule().role, Role::Leader);
    page.pass(99 * SECOND);
    assert!(page.polls.is_empty());
    page.pass(SECOND);
    assert_eq!(page.polls.len(), 1);
    assert!(page.effects.iter().any(|e| matches!(e, Effect::Tell(Some(_), next) if *next > 0)));
}

#[test]
fn the_page_that_goes_gives_up_the_lead_and_its_request() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    page.reply = Reply::Hang;
    page.send(Event::Lead(true));
    page.effects.clear();
    page.send(Event::PageHide);
    assert!(page.effects.contains(&Effect::Lead(false)) && page.effects.contains(&Effect::Abort));
    page.pass(HOUR);
    assert_eq!(page.polls.len(), 1, "a request would keep it out of the back/forward cache");
    page.effects.clear();
    page.send(Event::PageShow);
    assert!(page.effects.contains(&Effect::Lead(true)));
}

#[test]
fn a_lost_chunk_while_the_tab_was_hidden_is_looked_into_once_it_is_shown() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    let answer = Answer { status: 200, text: Some(manifest(1, "b1", "1", "")), ..Answer::default() };
    page.send(Event::Answer { answer, told: Some(T) });
    page.send(Event::Visible(false));
    page.send(Event::Chunk);
    page.pass(MINUTE);
    page.send(Event::Visible(true));
    page.pass(2 * SECOND);
    assert_eq!(page.polls.len(), 1, "a follower looks itself: nobody else knows of the chunk");
    // And the regular poll is where it was: to become leader later brings no poll sooner.
    page.send(Event::Lead(true));
    page.pass(T / 2);
    assert_eq!(page.polls.len(), 1);
}

#[test]
fn an_answer_from_before_a_refusal_does_not_end_the_backoff() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    let text = Some(manifest(1, "b1", "1", ""));
    let old = Answer { status: 200, at: page.now().wall, text, ..Answer::default() };
    page.send(Event::Answer { answer: old.clone(), told: Some(T) });
    page.pass(T);
    let refused = Answer { status: 503, retry_delay: 900 * SECOND, ..Answer::default() };
    page.send(Event::Answer { answer: refused, told: Some(900 * SECOND) });
    page.pass(SECOND);
    // A leader that was frozen meanwhile tells a newcomer what it knows.
    page.send(Event::Answer { answer: old, told: Some(SECOND) });
    page.send(Event::Lead(true));
    page.send(Event::Check);
    page.pass(890 * SECOND);
    assert!(page.polls.is_empty(), "Retry-After stands: {:?}", page.polls);
    page.pass(10 * SECOND);
    assert_eq!(page.polls.len(), 1);
}

#[test]
fn what_waited_for_a_frozen_tab_is_no_news_when_it_thaws() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    page.shell = Some(("b2".into(), "2".into()));
    let text = manifest(2, "b2", "2", r#","supported":{"minimum":"2"},"refresh":{"spreadSeconds":0}"#);
    let answer = Answer { status: 200, at: page.now().wall, text: Some(text), ..Answer::default() };
    page.reply = Reply::Lost;
    page.mono += HOUR;
    page.send(Event::Answer { answer, told: Some(T) });
    page.pass(30 * MINUTE);
    assert_eq!(
        (page.status(), page.reason()),
        (Status::Unsupported, "unheard"),
        "it informs, and forces nobody"
    );
    assert!(page.reloads.is_empty());
}

#[test]
fn back_from_the_cache_a_follower_lets_its_leader_speak_first() {
    let mut page = Setup::default().start(|s| s.locks = true).open();
    page.send(Event::PageHide);
    page.pass(2 * SECOND);
    page.send(Event::PageShow);
    page.pass(SECOND);
    assert!(page.polls.is_empty());
    page.pass(SECOND);
    assert_eq!(page.polls.len(), 1);
}

#[test]
fn what_is_told_while_a_poll_runs_does_not_make_its_unread_body_a_failure() {
    let of = |serial| Some(manifest(serial, "b1", "1", ""));
    let answer =
        |text: Option<String>| Answer { status: 200, known: text.is_none(), text, ..Answer::default() };
    let mut page = Setup::default().start(|s| s.locks = true).open();
    page.reply = Reply::Hang;
    page.send(Event::Answer { answer: answer(of(2)), told: Some(T) });
    page.send(Event::Check);
    assert_eq!(page.effects.last(), Some(&Effect::Poll));
    // From a server that lags.
    page.send(Event::Answer { answer: answer(of(1)), told: Some(T) });
    page.send(Event::Answer { answer: answer(None), told: None });
    assert_eq!(page.outcomes, ["new", "older", "unchanged"]);
    assert!(page.faults.is_empty(), "{:?}", page.faults);
}

#[test]
fn who_comes_while_a_leader_that_has_heard_nothing_yet_is_refused_hears_of_the_refusal() {
    let mut leader = Setup::default().start(|s| s.locks = true).open();
    leader.reply = Reply::Other(Answer { status: 503, ..Answer::default() });
    leader.send(Event::Lead(true));
    leader.until_polls(1);
    leader.effects.clear();
    leader.send(Event::Hello);
    assert!(
        matches!(&leader.effects[..], [Effect::Tell(Some(answer), next)] if answer.status == 503 && *next > 0)
    );
}

#[test]
fn an_answer_that_waited_for_a_frozen_page_is_too_late() {
    let mut page = page();
    page.pass(SECOND);
    page.reply = Reply::Hang;
    page.until_polls(2);
    page.mono += HOUR;
    let answer = Answer { status: 200, text: Some(manifest(2, "b2", "2", "")), ..Answer::default() };
    page.send(Event::Answer { answer, told: None });
    assert_eq!((page.status(), page.outcomes.last()), (Status::Current, Some(&"failed")));
}
