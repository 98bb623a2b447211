//! What happens to the flags of one page, by situation.

mod harness;
use harness::*;
use trueup::core::Client;
use trueup::core::error::{Fault, Flaw};
use trueup::core::event::{Answer, Event, FLAGS};
use trueup::core::flags::{Numbers, details};
use trueup::core::json;
use trueup::core::time::Now;
use trueup::core::value::Value;

const OPTIONS: &str = r#"{"build":{"id":"b1","version":"4.11.0"},"app":"shop",
    "flags":{"context":{"targetingKey":"ada","plan":"pro"}}}"#;

/// A flag that is on or off for everybody.
fn switch(default: &str) -> String {
    format!(r#"{{"state":"ENABLED","variants":{{"on":true,"off":false}},"defaultVariant":"{default}"}}"#)
}

/// A flag whose rule is `rule`, off by default.
fn rule(rule: &str) -> String {
    switch("off").replace(r#""defaultVariant""#, &format!(r#""targeting":{rule},"defaultVariant""#))
}

/// The manifest's member for flags by key.
fn flags(flags: &[(&str, &str)]) -> String {
    let members: Vec<String> = flags.iter().map(|(key, flag)| format!(r#""{key}":{flag}"#)).collect();
    format!(r#","flags":{{"flags":{{{}}}}}"#, members.join(","))
}

fn published(serial: u64, document: &str) -> String {
    manifest(serial, "b1", "4.11.0", document)
}

/// A page that has heard this document.
fn shop(document: &str) -> Page {
    Setup::default().options(OPTIONS).manifest(published(5, document)).open()
}

/// A page that has kept this document.
fn kept(document: &str) -> Setup {
    let kept = shop(document).kept;
    Setup::default().options(OPTIONS).manifest(published(5, document)).start(|start| start.kept = kept)
}

/// All that was published, as the page reads it: what is not told anew stands.
fn outcomes(effects: &[Effect]) -> Vec<Value> {
    let (mut rows, mut metadata, mut all) = (Value::Null, Value::Null, Vec::new());
    for effect in effects {
        let Effect::Flags(text) = effect else { continue };
        let told = json::parse(&format!("[{text}]"), Numbers::native().parse).unwrap();
        let codes = match told.items() {
            [codes] => codes,
            [codes, known, flags] => {
                (metadata, rows) = (known.clone(), flags.clone());
                codes
            }
            _ => panic!("{text}"),
        };
        let flags = details(&metadata, &rows, codes);
        all.push(Value::object([("flags", flags), ("metadata", metadata.clone())]));
    }
    all
}

/// The same: for each time, the flags as `key: variant REASON`.
fn snapshots(page: &Page) -> Vec<String> {
    outcomes(&page.effects).iter().map(shown).collect()
}

fn shown(outcome: &Value) -> String {
    let one = |pair: &Value| {
        let [key, details] = pair.items() else { panic!("{pair:?}") };
        let text = |name| details.get(name).and_then(Value::as_str);
        let error = text("errorCode").map(|code| format!(" {code}")).unwrap_or_default();
        format!(
            "{}: {} {}{error}",
            key.as_str().unwrap(),
            text("variant").unwrap_or("-"),
            text("reason").unwrap()
        )
    };
    outcome.get("flags").unwrap().items().iter().map(one).collect::<Vec<_>>().join(", ")
}

fn last(page: &Page) -> String {
    snapshots(page).pop().expect("something was published")
}

fn context(text: &str) -> Event {
    Event::Context(json(text).unwrap())
}

/// The publisher's flaws that were reported.
fn flaws(page: &Page) -> Vec<(&str, Fault)> {
    let flaw = |blame| {
        if let &Blame::Publisher(Flaw { ref path, fault }) = blame {
            Some((path.as_str(), fault))
        } else {
            None
        }
    };
    page.faults.iter().filter_map(flaw).collect()
}

#[test]
fn a_kill_switch_works_by_the_next_poll() {
    let mut page = shop(&flags(&[("new", &switch("on")), ("other", &switch("off"))]));
    assert_eq!(snapshots(&page), ["new: on STATIC, other: off STATIC"]);
    page.manifest = published(6, &flags(&[("new", &switch("off")), ("other", &switch("off"))]));
    let polls = page.polls.len();
    page.until_polls(polls + 1);
    assert_eq!(snapshots(&page)[1..], ["new: off STATIC, other: off STATIC"]);
}

#[test]
fn nothing_is_published_when_nothing_has_changed() {
    let document = flags(&[("new", &rule(r#"{"if":[{"==":[{"var":"plan"},"pro"]},"on"]}"#))]);
    let mut page = shop(&document);
    page.pass(HOUR);
    assert!(page.polls.len() > 5);
    // a new serial, other members, the same flags; and the same context again
    page.manifest = manifest(6, "b1", "4.11.0", &format!(r#","poll":{{"everySeconds":60}}{document}"#));
    page.pass(HOUR);
    page.send(context(r#"{"targetingKey":"ada","plan":"pro"}"#));
    assert_eq!(page.client.in_force().manifest.as_ref().unwrap().serial, 6);
    assert_eq!(snapshots(&page), ["new: on TARGETING_MATCH"]);
}

#[test]
fn a_kept_manifest_is_stale_until_the_first_answer() {
    let mut page = kept(&flags(&[
        ("new", &rule(r#"{"if":[true,"on"]}"#)),
        ("off", r#"{"state":"DISABLED"}"#),
        ("bad", "{}"),
    ]))
    .open();
    assert_eq!(page.polls.len(), 0, "the kept answer is young");
    assert_eq!(snapshots(&page), ["new: on STALE, off: - STALE, bad: - ERROR PARSE_ERROR"]);
    page.until_polls(1);
    assert_eq!(snapshots(&page)[1..], ["new: on TARGETING_MATCH, off: - DISABLED, bad: - ERROR PARSE_ERROR"]);
}

#[test]
fn a_failure_or_a_broken_manifest_leaves_the_kept_flags_stale() {
    let mut page = Setup { manifest: "{}".into(), ..kept(&flags(&[("new", &switch("on"))])) }.open();
    page.until_polls(1);
    page.reply = Reply::Lost;
    page.pass(HOUR);
    assert!(page.polls.len() > 2);
    assert_eq!(snapshots(&page), ["new: on STALE"]);
}

#[test]
fn a_lagging_answer_is_an_answer_and_leaves_the_flags_of_the_newer_manifest() {
    let mut page = kept(&flags(&[("new", &switch("on"))]))
        .manifest(published(4, &flags(&[("new", &switch("off"))])))
        .open();
    page.until_polls(1);
    assert_eq!(snapshots(&page), ["new: on STALE", "new: on STATIC"]);
}

#[test]
fn an_inlined_manifest_counts_as_an_answer() {
    let inline = published(6, &flags(&[("new", &switch("off"))]));
    let page =
        kept(&flags(&[("new", &switch("on"))])).start(|start| start.inline = Some(inline.clone())).open();
    assert_eq!(snapshots(&page)[..1], ["new: off STATIC"]);
    let mut page = Setup::default()
        .options(OPTIONS)
        .start(|start| start.inline = Some(inline))
        .manifest(published(5, ""))
        .open();
    page.pass(HOUR);
    assert_eq!(snapshots(&page), ["new: off STATIC"]);
}

#[test]
fn an_inlined_manifest_without_flags_does_not_keep_those_of_the_server_away() {
    let mut page = Setup::default()
        .options(OPTIONS)
        .start(|start| start.inline = Some(published(5, "")))
        .manifest(published(5, &flags(&[("new", &switch("on"))])))
        .open();
    page.until_polls(1);
    assert_eq!(snapshots(&page).last().map(String::as_str), Some("new: on STATIC"));
}

#[test]
fn an_older_inlined_manifest_leaves_the_kept_flags_stale() {
    let inline = published(4, &flags(&[("new", &switch("off"))]));
    let page = kept(&flags(&[("new", &switch("on"))])).start(|start| start.inline = Some(inline)).open();
    assert_eq!(snapshots(&page), ["new: on STALE"]);
}

#[test]
fn another_context_is_evaluated_at_once_and_never_sees_the_values_of_the_one_before() {
    let document = flags(&[
        ("new", &rule(r#"{"if":[{"==":[{"var":"targetingKey"},"ada"]},"on"]}"#)),
        ("other", &switch("on")),
    ]);
    let mut page = shop(&document);
    page.reply = Reply::Hang;
    page.send(context(r#"{"targetingKey":"bob"}"#));
    page.send(context(r#"{}"#));
    page.send(context(r#"{"targetingKey":"ada"}"#));
    let ada = "new: on TARGETING_MATCH, other: on STATIC";
    assert_eq!(
        snapshots(&page),
        [ada, "new: off DEFAULT, other: on STATIC", ada],
        "and nobody has what bob has"
    );
    assert_eq!(page.polls.len(), 1);
}

#[test]
fn so_it_is_while_the_page_is_away_or_about_to_come_back() {
    // The app may hear `pagehide` after Trueup and `pageshow` before it, and read its flags there.
    let document = flags(&[("new", &rule(r#"{"if":[{"==":[{"var":"targetingKey"},"ada"]},"on"]}"#))]);
    let mut page = shop(&document);
    page.send(Event::PageHide);
    page.send(context(r#"{"targetingKey":"bob"}"#));
    assert_eq!(last(&page), "new: off DEFAULT");
    page.send(Event::PageShow);
    assert_eq!(snapshots(&page).len(), 2, "once");
}

#[test]
fn the_kept_manifest_serves_whoever_comes_not_whoever_was_there() {
    let document = flags(&[("new", &rule(r#"{"if":[{"==":[{"var":"targetingKey"},"ada"]},"on"]}"#))]);
    assert_eq!(last(&shop(&document)), "new: on TARGETING_MATCH");
    let bob = OPTIONS.replace("ada", "bob");
    assert_eq!(snapshots(&kept(&document).options(&bob).open()), ["new: off STALE"]);
}

#[test]
fn the_build_comes_by_itself_unless_the_context_names_one() {
    let document = flags(&[
        ("version", &rule(r#"{"if":[{"sem_ver":[{"var":"$build.version"},">=","4.11.0"]},"on"]}"#)),
        ("id", &rule(r#"{"if":[{"==":[{"var":"$build.id"},"b1"]},"on"]}"#)),
    ]);
    let mut page = shop(&document);
    page.send(context(r#"{"$build":{"version":"4.10.0"}}"#));
    page.send(context("{}"));
    let own = "version: on TARGETING_MATCH, id: on TARGETING_MATCH";
    assert_eq!(snapshots(&page), [own, "version: off DEFAULT, id: off DEFAULT", own]);
    let unversioned = Setup::default()
        .options(r#"{"build":{"id":"b1"},"app":"shop"}"#)
        .manifest(published(5, &document))
        .open();
    assert_eq!(last(&unversioned), "version: off DEFAULT, id: on TARGETING_MATCH");
}

#[test]
fn a_broken_document_keeps_the_last_good_flags_and_is_reported_once() {
    let mut page = shop(&flags(&[("new", &rule(r#"{"if":[{"var":"late"},"on"]}"#))]));
    page.manifest = published(6, r#","flags":{"flags":[],"fractional":9}"#);
    page.pass(HOUR);
    assert_eq!(page.client.in_force().manifest.as_ref().unwrap().serial, 6);
    assert_eq!(flaws(&page), [("flags.fractional", Fault::Range)]);
    assert_eq!(snapshots(&page), ["new: off DEFAULT"]);
    page.send(context(r#"{"late":1}"#));
    assert_eq!(last(&page), "new: on TARGETING_MATCH", "the rules stand, not only their outcome");
    page.manifest = published(7, &flags(&[("new", &switch("on"))]));
    page.pass(HOUR);
    assert_eq!(last(&page), "new: on STATIC");
}

#[test]
fn a_malformed_flag_is_reported_once_and_stands_beside_good_ones() {
    let document = flags(&[("bad", &rule(r#"{"if":[{"nope":1},"on"]}"#)), ("good", &switch("on"))]);
    let mut page = shop(&document);
    page.pass(HOUR);
    page.send(context("{}"));
    assert_eq!(flaws(&page), [("flags.flags.bad.targeting.if[0].nope", Fault::Operator)]);
    assert_eq!(snapshots(&page), ["bad: - ERROR PARSE_ERROR, good: on STATIC"]);
    page.manifest = published(6, &document);
    page.pass(HOUR);
    assert_eq!(flaws(&page).len(), 2, "once for each manifest");
}

#[test]
fn a_manifest_without_flags_has_none() {
    let mut page = shop(&flags(&[("new", &switch("on"))]));
    page.manifest = published(6, "");
    page.pass(HOUR);
    assert_eq!(snapshots(&page), ["new: on STATIC", ""]);
    assert!(flaws(&page).is_empty());
}

#[test]
fn where_there_is_no_flag_the_first_answer_publishes_none_anew() {
    let mut page = kept("").open();
    let count = |page: &Page| outcomes(&page.effects).len();
    let before = count(&page);
    page.pass(HOUR);
    assert!(!page.polls.is_empty());
    assert_eq!(count(&page), before);
}

#[test]
fn before_any_manifest_nothing_is_published() {
    let mut page = Setup { manifest: "{}".into(), ..Setup::default().options(OPTIONS) }.open();
    page.send(context(r#"{"targetingKey":"bob"}"#));
    page.pass(HOUR);
    assert!(snapshots(&page).is_empty());
}

#[test]
fn rules_that_read_the_time_are_evaluated_once_a_minute_and_not_more() {
    // on in the even minutes, by the servers' clock
    let even = r#"{"if":[{"<":[{"%":[{"var":"$flagd.timestamp"},120]},60]},"on"]}"#;
    let mut page = Setup { skew: 90 * SECOND, ..Setup::default().options(OPTIONS) }
        .manifest(published(5, &flags(&[("even", &rule(even))])))
        .open();
    page.reply = Reply::Hang;
    let wakes = |page: &mut Page| {
        let mut wakes = 0;
        let end = page.mono + 10 * MINUTE;
        while let Some(wake) = page.client.next_wake(page.now()).filter(|wake| wake.at <= end) {
            wakes += usize::from(wake.reason == FLAGS);
            page.mono = wake.at;
            page.send(Event::Wake);
        }
        wakes
    };
    assert_eq!(wakes(&mut page), 10);
    assert_eq!(snapshots(&page).len(), 11);
    assert_eq!(snapshots(&page)[..2], ["even: on TARGETING_MATCH", "even: off DEFAULT"]);
    let mut timeless = shop(&flags(&[("new", &switch("on"))]));
    timeless.reply = Reply::Hang;
    assert_eq!(wakes(&mut timeless), 0);
}

#[test]
fn other_events_within_the_minute_do_not_evaluate_the_time_again() {
    let second = rule(r#"{"if":[{">":[{"var":"$flagd.timestamp"},1795392001]},"on"]}"#);
    let mut page = shop(&flags(&[("late", &second)]));
    page.reply = Reply::Hang;
    for _ in 0..58 {
        page.pass(SECOND);
        page.send(Event::Resume);
    }
    assert_eq!(snapshots(&page), ["late: off DEFAULT"]);
    page.pass(2 * SECOND);
    assert_eq!(last(&page), "late: on TARGETING_MATCH");
}

#[test]
fn without_server_time_rules_read_the_visitors_clock() {
    let late = flags(&[("late", &rule(r#"{"if":[{">":[{"var":"$flagd.timestamp"},1795392000]},"on"]}"#))]);
    let at = |dated, skew| {
        last(&Setup { dated, skew, ..Setup::default().options(OPTIONS) }.manifest(published(5, &late)).open())
    };
    assert_eq!(at(true, HOUR), "late: off DEFAULT");
    assert_eq!(at(false, HOUR), "late: on TARGETING_MATCH");
    assert_eq!(at(false, -HOUR), "late: off DEFAULT");
}

#[test]
fn a_pause_and_the_mode_observe_stop_no_flags() {
    let document =
        |default| format!(r#","refresh":{{"paused":true}}{}"#, flags(&[("new", &switch(default))]));
    let options = OPTIONS.replace(r#""app""#, r#""mode":"observe","app""#);
    let mut page = Setup::default().options(&options).manifest(published(5, &document("on"))).open();
    page.manifest = published(6, &document("off"));
    page.pass(HOUR);
    assert_eq!(snapshots(&page), ["new: on STATIC", "new: off STATIC"]);
}

#[test]
fn a_host_that_was_rolled_back_leaves_the_flags_alone() {
    let mut page = shop(&flags(&[("new", &switch("on"))]));
    page.manifest = published(4, &flags(&[("new", &switch("off"))]));
    page.pass(3 * HOUR);
    assert!(page.client.in_force().regressed.is_some());
    assert_eq!(snapshots(&page), ["new: on STATIC"]);
}

#[test]
fn flags_are_there_before_the_standing_is_told() {
    let page = kept(&flags(&[("new", &switch("on"))])).open();
    let first = page.effects.iter().position(|effect| matches!(effect, Effect::Flags(_)));
    let standing = page.effects.iter().position(|effect| matches!(effect, Effect::Standing(_)));
    assert!(first.is_some() && first < standing);
}

#[test]
fn a_variant_may_be_null_and_is_not_the_callers_default() {
    let page =
        shop(&flags(&[("none", r#"{"state":"ENABLED","variants":{"none":null},"defaultVariant":"none"}"#)]));
    let all = outcomes(&page.effects);
    assert_eq!(all[0].get("flags").unwrap().items()[0].items()[1].get("value"), Some(&Value::Null));
}

#[test]
fn a_server_evaluates_with_an_inlined_manifest_and_no_more_than_the_start() {
    let document = r#","flags":{"metadata":{"set":"s"},"flags":{"new":{"state":"ENABLED","variants":{"on":1},"defaultVariant":"on","metadata":{"own":true}}}}"#;
    let inline = published(5, document);
    let start = trueup::core::event::Start { inline: Some(&inline), ..Default::default() };
    let now = Now { mono: 0, wall: EPOCH };
    let client = Client::new(&json(OPTIONS).unwrap(), start, parse, Numbers::native(), now).unwrap();
    let outcome = outcomes(&effects(&client, 0, &Answer::default())).pop();
    let expected = r#"{"flags":[["new",{"reason":"STATIC","variant":"on","metadata":{"own":true,"set":"s"},"value":1}]],"metadata":{"set":"s"}}"#;
    assert_eq!(outcome, json(expected));
}

#[test]
fn rows_are_told_once_a_document_and_codes_with_every_change() {
    let document =
        flags(&[("new", &rule(r#"{"if":[{"==":[{"var":"plan"},"pro"]},"on"]}"#)), ("plain", &switch("on"))]);
    let mut page = shop(&document);
    page.manifest = published(6, &document);
    page.pass(HOUR);
    page.send(context(r#"{"plan":"free"}"#));
    let told = page.effects.iter().filter_map(|e| if let Effect::Flags(of) = e { Some(of) } else { None });
    let rows: Vec<bool> = told.map(|of| of.contains(r#"["new","#)).collect();
    assert_eq!(rows, [true, false], "the same document again is nothing new");
    assert_eq!(
        snapshots(&page),
        ["new: on TARGETING_MATCH, plain: on STATIC", "new: off DEFAULT, plain: on STATIC"]
    );
    // Other variants of the same names are another document.
    page.manifest = published(7, &document.replace("true", "5"));
    page.pass(HOUR);
    let last = outcomes(&page.effects).pop().unwrap();
    assert_eq!(snapshots(&page).len(), 3);
    assert_eq!(last.get("flags").unwrap().items()[1].items()[1].get("value"), Some(&Value::Number(5.0)));
}

#[test]
fn a_manifest_that_is_nested_too_deep_is_refused_and_a_flag_that_is_only_itself() {
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    let rule = |n: usize| format!(r#"{}"x"{}"#, r#"{"!":["#.repeat(n), "]}".repeat(n));
    let document = flags(&[
        ("deepest", &self::rule(&rule(58)).replace(r#""off":false"#, r#""true":1,"off":false"#)),
        ("good", &switch("on")),
    ]);
    let mut page = shop(&format!(r#","more":{}{document}"#, deep(63)));
    assert_eq!(snapshots(&page), ["deepest: true TARGETING_MATCH, good: on STATIC"]);
    page.manifest = published(6, &format!(r#","more":{}{document}"#, deep(64)));
    page.pass(HOUR);
    assert!(flaws(&page).contains(&("more", Fault::TooDeep)));
    assert_eq!(page.client.in_force().manifest.as_ref().unwrap().serial, 5);
}
