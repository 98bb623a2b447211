//! What happens to the APIs of one page, by situation: plan, standing, refusals.

mod harness;
use harness::*;
use trueup::core::event::Event;
use trueup::core::negotiate::named;
use trueup::core::refresh::Phase;
use trueup::core::window::Status;

const OPTIONS: &str = r#"{"build":{"id":"b1","version":"1"},"app":"shop",
    "apis":{"orders":{"speaks":["3","2"],"required":true},"search":["2026-03-01"]}}"#;

fn apis(orders: &str) -> String {
    format!(r#","apis":{{"orders":{orders},"search":{{"supported":["2026-03-01"]}}}}"#)
}

/// A page on b1, of a server that is on b2 and has these `orders`.
fn shop(orders: &str) -> Page {
    let manifest = manifest(5, "b2", "2", &apis(orders));
    let mut page = Setup::default().options(OPTIONS).manifest(manifest).open();
    page.shell = Some(("b2".into(), "2".into()));
    page.pass(0);
    page
}

fn plan(page: &Page) -> (&str, Option<&'static str>, &str) {
    plan_of(&page.client.plan().apis, "orders")
}

fn plan_of(apis: &str, name: &str) -> (&'static str, Option<&'static str>, &'static str) {
    // For as long as a test may want to compare it.
    named(Box::leak(Box::new(json(apis).unwrap())), name)
}

fn plans(page: &Page) -> usize {
    page.effects.iter().filter(|effect| matches!(effect, Effect::Plan(_))).count()
}

fn refused(asked: &str, told: &[&str]) -> Event {
    let refusals = format!(r#"[["orders","{asked}",{told:?}]]"#);
    Event::Refused(json(&refusals).unwrap())
}

/// 2026-11-23T00:00:00Z plus so many hours, as manifests have it.
fn after(hours: i64) -> String {
    format!("2026-11-{:02}T{:02}:00:00Z", 23 + hours / 24, hours % 24)
}

#[test]
fn before_the_first_answer_calls_have_the_first_spoken_version() {
    let setup = Setup::default().options(OPTIONS);
    let page = setup.open();
    assert_eq!(plans(&page), 2, "the start, and the answer that names no API");
    let Some(Effect::Plan(first)) = page.effects.iter().find(|e| matches!(e, Effect::Plan(_))) else {
        panic!()
    };
    assert_eq!(first.generation, 1);
    assert_eq!(plan_of(&first.apis, "orders"), ("unknown", Some("3"), "no-manifest"));
    assert_eq!(plan(&page), ("absent", Some("3"), "not-listed"));
}

#[test]
fn an_unchanged_poll_publishes_no_plan() {
    let mut page = shop(r#"{"supported":["2","3"]}"#);
    assert_eq!(plan(&page), ("agreed", Some("3"), "overlap"));
    let before = plans(&page);
    page.pass(HOUR);
    assert!(page.polls.len() > 5);
    assert_eq!(plans(&page), before);
}

#[test]
fn a_required_api_that_has_moved_on_forces_a_refresh() {
    let mut page = shop(r#"{"supported":["4"]}"#);
    assert_eq!(plan(&page), ("client-too-old", None, "server-newer"));
    assert_eq!(page.client.standing().reason.name(), "api-too-old");
    page.pass(HOUR);
    assert!(page.ever(Phase::Counting));
    assert_eq!(page.reloads.len(), 1);
}

#[test]
fn a_server_that_lags_never_causes_a_refresh_by_its_apis() {
    let mut page = shop(r#"{"supported":["1"]}"#);
    assert_eq!(plan(&page), ("client-too-new", None, "server-older"));
    assert_eq!(page.status(), Status::Behind);
    page.pass(DAY);
    assert!(page.reloads.is_empty() && !page.ever(Phase::Counting));
}

#[test]
fn a_required_api_left_with_deprecated_versions_is_urged_until_its_sunset() {
    let deprecated =
        r#"{"supported":["2","4"],"deprecated":{"2":{"sunset":"AT"}}}"#.replace("AT", &after(30));
    let mut page = shop(&deprecated);
    assert_eq!(plan(&page), ("deprecated", Some("2"), "only-deprecated"));
    let standing = page.client.standing();
    assert_eq!((standing.status, standing.reason.name()), (Status::Deprecated, "api-deprecated"));
    assert_eq!(standing.deadline, EPOCH + 30 * HOUR);
    page.until(Phase::Urging);
}

#[test]
fn a_sunset_takes_effect_at_its_time_without_a_poll() {
    let orders = r#"{"supported":["2","3"],"deprecated":{"3":{"sunset":"AT"}},"preferred":"3"}"#;
    let mut page = shop(&orders.replace("AT", &after(1)));
    assert_eq!(plan(&page), ("agreed", Some("2"), "overlap"), "a deprecated version stands behind");

    let orders = r#"{"supported":["3"],"deprecated":{"3":{"since":"2026-01-01T00:00:00Z","sunset":"AT"}}}"#;
    let mut later = shop(&orders.replace("AT", &after(1)));
    later.reply = Reply::Hang;
    later.pass(HOUR - 1);
    assert_eq!(plan(&later), ("deprecated", Some("3"), "only-deprecated"));
    let polls = later.polls.len();
    later.pass(1);
    assert_eq!(plan(&later), ("client-too-new", None, "nothing-served"));
    assert_eq!(later.polls.len(), polls);
    page.pass(2 * HOUR);
    assert_eq!(plan(&page), ("agreed", Some("2"), "overlap"));
}

#[test]
fn kept_server_time_removes_no_version() {
    let orders = r#"{"supported":["3"],"deprecated":{"3":{"sunset":"AT"}}}"#.replace("AT", &after(1));
    let before = shop(&orders);
    let setup = Setup::default().options(OPTIONS).start(|start| start.kept = before.kept.clone());
    let mut page = Setup { skew: 2 * HOUR, ..setup }.manifest(before.manifest.clone());
    page.start.locks = true;
    let mut page = page.open();
    page.pass(SECOND);
    assert_eq!(page.client.server_time(page.now()), EPOCH + 2 * HOUR + SECOND, "it is known, but");
    assert_eq!(plan(&page), ("deprecated", Some("3"), "only-deprecated"));
}

#[test]
fn without_server_time_a_sunset_removes_nothing() {
    let orders = r#"{"supported":["3"],"deprecated":{"3":{"sunset":"AT"}}}"#.replace("AT", &after(1));
    let mut setup = Setup::default().options(OPTIONS).manifest(manifest(5, "b2", "2", &apis(&orders)));
    setup.dated = false;
    let mut page = setup.open();
    page.pass(3 * HOUR);
    assert_eq!(plan(&page), ("deprecated", Some("3"), "only-deprecated"));
}

#[test]
fn a_bad_api_is_reported_once_and_takes_nothing_with_it() {
    let mut page = shop(r#"{"supported":["3","4.x"]}"#);
    assert_eq!(plan(&page), ("unknown", Some("3"), "invalid"));
    assert_eq!(plan_of(&page.client.plan().apis, "search").0, "agreed");
    assert_eq!(page.status(), Status::Behind);
    page.pass(HOUR);
    assert_eq!(page.faults.len(), 1, "{:?}", page.faults);
}

#[test]
fn alternating_old_and_new_servers_make_neither_plan_nor_standing_flap() {
    let (old, new) = (apis(r#"{"supported":["1","2"]}"#), apis(r#"{"supported":["2","3"]}"#));
    let options = OPTIONS.replacen('{', r#"{"poll":{"everySeconds":1},"#, 1);
    let mut page = Setup::default().options(&options).manifest(manifest(5, "b2", "2", &new)).open();
    page.pass(500);
    let (before, statuses) = (plans(&page), page.statuses.len());
    for second in 0..60 {
        let (serial, id, apis) = if second % 2 == 0 { (4, "b1", &old) } else { (5, "b2", &new) };
        page.publish(serial, id, if id == "b1" { "1" } else { "2" }, apis);
        page.pass(SECOND);
        if second % 7 == 0 {
            page.send(refused("3", &["1", "2"]));
        }
    }
    assert!(page.polls.len() > 40);
    assert_eq!(plan(&page), ("agreed", Some("2"), "refused"));
    assert_eq!((plans(&page), page.statuses.len()), (before + 1, statuses), "one step, by the first refusal");
}

#[test]
fn a_refusal_says_nothing_about_the_standing() {
    let mut page = shop(r#"{"supported":["3"]}"#);
    let statuses = page.statuses.len();
    page.send(refused("3", &["4"]));
    assert_eq!(plan(&page), ("client-too-old", Some("3"), "refused"), "calls still go out");
    assert_eq!((page.statuses.len(), page.status()), (statuses, Status::Behind));
}

#[test]
fn a_refusal_that_leaves_nothing_asks_for_one_early_poll() {
    let mut page = shop(r#"{"supported":["3"]}"#);
    let polls = page.polls.len();
    page.send(refused("3", &["4"]));
    page.pass(2 * SECOND);
    assert_eq!(page.polls.len(), polls + 1);
    page.pass(10 * SECOND);
    page.send(refused("3", &["5"]));
    page.pass(10 * SECOND);
    assert_eq!(page.polls.len(), polls + 1, "one for each cause and period");
    assert_eq!(plan(&page).2, "refused", "the poll brought nothing new");
}

#[test]
fn a_refusal_that_leaves_something_does_not_poll() {
    let mut page = shop(r#"{"supported":["2","3"]}"#);
    let polls = page.polls.len();
    page.send(refused("3", &[]));
    page.pass(10 * SECOND);
    assert_eq!(plan(&page), ("agreed", Some("2"), "refused"));
    assert_eq!(page.polls.len(), polls);
}

#[test]
fn a_refusal_is_forgotten_after_five_minutes_without_a_poll() {
    let mut page = shop(r#"{"supported":["2","3"]}"#);
    page.send(refused("3", &["2"]));
    page.pass(5 * MINUTE - 1);
    assert_eq!(plan(&page), ("agreed", Some("2"), "refused"));
    page.pass(1);
    assert_eq!(plan(&page), ("agreed", Some("3"), "overlap"));
}

#[test]
fn a_refusal_is_forgotten_with_the_next_higher_serial() {
    let mut page = shop(r#"{"supported":["2","3"]}"#);
    page.send(refused("3", &["2"]));
    page.publish(6, "b2", "2", &apis(r#"{"supported":["2","3"]}"#));
    page.send(Event::Check);
    assert_eq!(plan(&page), ("agreed", Some("3"), "overlap"));
}

#[test]
fn a_refusal_after_a_long_sleep_counts_again() {
    let mut page = shop(r#"{"supported":["2","3"]}"#);
    page.reply = Reply::Hang;
    page.send(refused("3", &["2"]));
    // The machine slept: no timer fired, and the first thing heard is another refusal.
    page.mono += HOUR;
    page.send(refused("2", &["3"]));
    assert_eq!(
        plan(&page),
        ("agreed", Some("3"), "refused"),
        "the one of an hour ago is over, this one is not"
    );
}
