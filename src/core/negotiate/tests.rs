use serde_json::json;

use super::*;
use crate::core::error::Fault;
use crate::core::flags::Numbers;
use crate::core::time::{DAY, HOUR, NEVER, Now, ServerTime, rfc3339};
use crate::core::value::{First, Node, OBJECT, read};

fn tree(json: serde_json::Value) -> Value {
    read(json).unwrap()
}

fn speaking(apis: serde_json::Value) -> Apis {
    read_apis(apis).unwrap()
}

fn config_flaw(apis: serde_json::Value) -> Option<(String, Fault)> {
    read_apis(apis).err().map(|f| (f.path, f.fault))
}

fn read_apis(apis: serde_json::Value) -> Result<Apis, Flaw> {
    let tree = tree(json!({ "apis": apis }));
    let root = Node::root(&tree);
    let mut first = First::new(root, "");
    let mut apis = Apis::NONE;
    spoken(first.get(root, "apis", OBJECT), &mut apis, &mut first);
    if first.end() { Ok(apis) } else { Err(first.reports.remove(0)) }
}

/// What was negotiated.
struct Found {
    apis: String,
    verdict: i64,
    turn: i64,
    nothing_left: bool,
    flaws: Vec<Flaw>,
}

/// Negotiates against a manifest with these `apis`, without refusals.
fn against(speaks: &Apis, apis: serde_json::Value, time: Option<i64>) -> Found {
    found(speaks, Node::root(&tree(json!({ "apis": apis }))), time)
}

fn found(speaks: &Apis, manifest: Node, time: Option<i64>) -> Found {
    let (mut all, mut flaws) = (speaks.clone(), Vec::new());
    all.negotiate(manifest, 0, time.unwrap_or(LONG_AGO), 0, out(), &mut flaws);
    let Apis { plan, verdict, turn, nothing_left, .. } = all;
    Found { apis: plan.apis, verdict, turn, nothing_left, flaws }
}

/// To be written to.
fn out() -> Json {
    Json::new(Numbers::native().print)
}

fn parsed(json: &str) -> Value {
    read(&mut serde_json::Deserializer::from_str(json)).unwrap()
}

/// Outcome, version and reason of an API.
fn plan_of(apis: &str, name: &str) -> (&'static str, Option<&'static str>, &'static str) {
    // For as long as a test may want to compare it.
    named(Box::leak(Box::new(parsed(apis))), name)
}

fn deadline_of(apis: &str) -> i64 {
    parsed(apis).items()[0].items()[4].as_f64().map_or(NEVER, |ms| ms as i64)
}

fn noon() -> i64 {
    rfc3339(NOON)
}

const NOON: &str = "2026-12-01T12:00:00Z";
const EARLIER: &str = "2026-10-01T00:00:00Z";
const LATER: &str = "2027-06-01T00:00:00Z";

/// Negotiates one API at `time`; gives outcome, version and reason.
fn one(
    speaks: serde_json::Value,
    api: serde_json::Value,
    time: Option<i64>,
) -> (&'static str, Option<String>, String) {
    let all = against(&speaking(json!({ "orders": speaks })), json!({ "orders": api }), time);
    let (outcome, version, reason) = plan_of(&all.apis, "orders");
    (outcome, version.map(str::to_owned), reason.to_owned())
}

#[test]
fn every_situation_has_its_outcome() {
    let (noon, just_before) = (Some(noon()), Some(noon() - 1));
    let two = json!({ "since": EARLIER, "sunset": NOON });
    // situation, what is spoken, what is offered, server time, outcome, version, reason
    #[rustfmt::skip]
    let table = [
        ("overlap of one", json!(["3", "2"]), json!({"supported": ["1", "2"]}), noon, "agreed", Some("2"), "overlap"),
        ("the first spoken is the best", json!(["2", "3"]), json!({"supported": ["2", "3"]}), noon, "agreed", Some("2"), "overlap"),
        ("overlap only deprecated", json!(["2"]), json!({"supported": ["2", "3"], "deprecated": {"2": {"since": EARLIER}}}), noon, "deprecated", Some("2"), "only-deprecated"),
        ("a deprecated version stands behind every other", json!(["3", "2"]), json!({"supported": ["2", "3"], "deprecated": {"3": {}}, "preferred": "3"}), noon, "agreed", Some("2"), "overlap"),
        ("a deprecation announced for later", json!(["3", "2"]), json!({"supported": ["2", "3"], "deprecated": {"3": {"since": LATER}}}), noon, "agreed", Some("3"), "overlap"),
        ("a deprecation announced for later, without server time", json!(["3", "2"]), json!({"supported": ["2", "3"], "deprecated": {"3": {"since": LATER}}}), None, "agreed", Some("2"), "overlap"),
        ("sunset a millisecond ahead", json!(["2"]), json!({"supported": ["2", "3"], "deprecated": {"2": two}}), just_before, "deprecated", Some("2"), "only-deprecated"),
        ("sunset exactly now", json!(["2"]), json!({"supported": ["2", "3"], "deprecated": {"2": two}}), noon, "client-too-old", None, "server-newer"),
        ("sunset exactly now, a lower version left", json!(["2", "1"]), json!({"supported": ["1", "2"], "deprecated": {"2": two}}), noon, "agreed", Some("1"), "overlap"),
        ("sunset without server time", json!(["2"]), json!({"supported": ["2", "3"], "deprecated": {"2": two}}), None, "deprecated", Some("2"), "only-deprecated"),
        ("sunset of the highest that is served", json!(["2"]), json!({"supported": ["1", "3"], "deprecated": {"3": {"sunset": NOON}}}), noon, "client-too-new", None, "server-older"),
        ("disjoint above", json!(["1", "2"]), json!({"supported": ["3", "4"]}), noon, "client-too-old", None, "server-newer"),
        ("disjoint below", json!(["3", "4"]), json!({"supported": ["1", "2"]}), noon, "client-too-new", None, "server-older"),
        ("speaks {2,4} against {3}", json!(["2", "4"]), json!({"supported": ["3"]}), noon, "client-too-new", None, "server-older"),
        ("speaks {2,4} against {3,5}", json!(["4", "2"]), json!({"supported": ["3", "5"]}), noon, "client-too-old", None, "server-newer"),
        ("empty supported", json!(["3"]), json!({"supported": []}), noon, "client-too-new", None, "nothing-served"),
        ("all past their sunset", json!(["3"]), json!({"supported": ["3", "4"], "deprecated": {"3": {"sunset": NOON}, "4": {"sunset": EARLIER}}}), noon, "client-too-new", None, "nothing-served"),
        ("kinds of version mixed", json!(["3"]), json!({"supported": ["2026-03-01"]}), noon, "client-too-new", None, "other-kind"),
        ("kinds of version mixed, one in common", json!(["2026-03-01", "3"]), json!({"supported": ["2026-09-01", "3"]}), noon, "agreed", Some("3"), "overlap"),
        ("kinds of version mixed, each judged by its own", json!(["2026-03-01", "3"]), json!({"supported": ["2026-09-01", "2"]}), noon, "client-too-old", None, "server-newer"),
        ("10 above 9", json!([">=8"]), json!({"supported": ["9", "10", "8"]}), noon, "agreed", Some("10"), "overlap"),
        ("10 above 9, disjoint", json!(["9"]), json!({"supported": ["10"]}), noon, "client-too-old", None, "server-newer"),
        ("2026-02-30 refused", json!(["3"]), json!({"supported": ["3", "2026-02-30"]}), noon, "unknown", Some("3"), "invalid"),
        ("pre-release not chosen over a release", json!([">=3"]), json!({"supported": ["3", "4-rc.1"]}), noon, "agreed", Some("3"), "overlap"),
        ("pre-release only by a range", json!([">=3-rc.0 <=4"]), json!({"supported": ["4-rc.1"]}), noon, "client-too-new", None, "server-older"),
        ("pre-release spoken by name", json!(["4-rc.1", "3"]), json!({"supported": ["3", "4-rc.1"]}), noon, "agreed", Some("4-rc.1"), "overlap"),
        ("another pre-release than the one spoken", json!(["4-rc.1", "3"]), json!({"supported": ["3", "4-rc.2"]}), noon, "agreed", Some("3"), "overlap"),
        ("build metadata equal", json!(["3.1+a"]), json!({"supported": ["3.1.0+b"]}), noon, "agreed", Some("3.1.0+b"), "overlap"),
        ("numbers beyond 2^64", json!([">=1"]), json!({"supported": ["18446744073709551616", "18446744073709551617"]}), noon, "agreed", Some("18446744073709551617"), "overlap"),
        ("numbers beyond 2^64, disjoint", json!(["18446744073709551616"]), json!({"supported": ["18446744073709551617"]}), noon, "client-too-old", None, "server-newer"),
        ("order inside a range: the highest", json!([">=2 <5"]), json!({"supported": ["2", "4", "3", "5"]}), noon, "agreed", Some("4"), "overlap"),
        ("order inside a range: preferred above the highest", json!([">=2 <5"]), json!({"supported": ["2", "4", "3", "5"], "preferred": "3"}), noon, "agreed", Some("3"), "overlap"),
        ("order of the comparators", json!(["<5 >=2"]), json!({"supported": ["5", "2"]}), noon, "agreed", Some("2"), "overlap"),
        ("an exact entry before a range", json!(["2", ">=2"]), json!({"supported": ["3", "2"], "preferred": "3"}), noon, "agreed", Some("2"), "overlap"),
        ("just above a range that excludes its end", json!([">=2 <4"]), json!({"supported": ["4"]}), noon, "client-too-old", None, "server-newer"),
        ("a range without an end is never too old", json!([">=2"]), json!({"supported": ["1"]}), noon, "client-too-new", None, "server-older"),
        ("a range of dates", json!([">=2026-01-01 <2027-01-01"]), json!({"supported": ["2025-12-31", "2026-03-01", "2027-01-01", "7"]}), noon, "agreed", Some("2026-03-01"), "overlap"),
        ("preferred not in supported", json!(["2", "3"]), json!({"supported": ["2", "3"], "preferred": "4"}), noon, "agreed", Some("2"), "overlap"),
        ("numbers in place of strings", json!([3, 2]), json!({"supported": [2, 4]}), noon, "agreed", Some("2"), "overlap"),
    ];
    for (situation, speaks, api, time, outcome, version, reason) in table {
        let expected = (outcome, version.map(str::to_owned), reason.to_owned());
        assert_eq!(one(speaks, api, time), expected, "{situation}");
    }
}

#[test]
fn an_api_unknown_to_the_server_is_absent_and_fails_open() {
    let speaks = speaking(json!({ "orders": [">=2 <4", "1"], "search": ["1"] }));
    let all = against(&speaks, json!({ "search": { "supported": ["1"] } }), None);
    assert_eq!(plan_of(&all.apis, "orders"), ("absent", Some("2"), "not-listed"));
    assert_eq!(plan_of(&all.apis, "search").0, "agreed");
    assert_eq!(all.verdict, FINE);
    let all = against(&speaks, json!(null), None);
    assert_eq!(plan_of(&all.apis, "orders"), ("absent", Some("2"), "not-listed"), "no apis at all");
}

#[test]
fn an_api_unknown_to_the_client_is_not_in_the_plan() {
    let apis = json!({ "billing": { "supported": ["4.x"] }, "orders": { "supported": ["1"] } });
    let all = against(&speaking(json!({ "orders": ["1"] })), apis, None);
    assert_eq!(parsed(&all.apis).items().len(), 1);
    assert_eq!(plan_of(&all.apis, "orders").0, "agreed");
    assert_eq!(all.flaws, []);
}

#[test]
fn without_a_manifest_everything_is_unknown_and_fails_open() {
    let speaks = speaking(json!({
        "orders": { "speaks": ["3", "2"], "required": true }, "search": ["<2 >1", "<=7"], "users": ["=4-rc.1"]
    }));
    let all = found(&speaks, Node::default(), Some(noon()));
    for (name, version) in [("orders", "3"), ("search", "7"), ("users", "4-rc.1")] {
        assert_eq!(plan_of(&all.apis, name), ("unknown", Some(version), "no-manifest"));
    }
    assert_eq!((all.verdict, all.turn, all.nothing_left), (FINE, NEVER, false));
}

#[test]
fn a_client_clock_that_is_a_day_off_changes_nothing_but_what_server_time_says() {
    let apis = json!({ "supported": ["2", "3"], "deprecated": { "2": { "sunset": NOON } } });
    for off in [-DAY, 0, DAY] {
        let at = |mono: i64| Now { mono, wall: noon() - HOUR + mono + off };
        let mut time = ServerTime::UNKNOWN;
        let outcome = |time: &ServerTime, mono| one(json!(["2"]), apis.clone(), Some(time.at(at(mono)))).0;
        assert_eq!(outcome(&time, 2 * HOUR), "deprecated", "without server time, {off} ms off");
        time.sample(at(0), noon() - HOUR);
        assert_eq!(outcome(&time, 0), "deprecated", "{off} ms off");
        assert_eq!(outcome(&time, HOUR - 1), "deprecated", "{off} ms off");
        assert_eq!(outcome(&time, HOUR), "client-too-old", "{off} ms off");
    }
}

#[test]
fn a_sunset_moves_the_plan_at_its_time_without_a_poll() {
    let apis = json!({
        "orders": { "supported": ["1", "2", "3"],
                    "deprecated": { "2": { "since": NOON, "sunset": LATER }, "1": { "since": EARLIER } } },
        "unspoken": { "supported": ["1"], "deprecated": { "1": { "sunset": "2026-12-01T12:00:01Z" } } },
    });
    let speaks = speaking(json!({ "orders": ["2", "1"] }));
    let at = |time| against(&speaks, apis.clone(), time);
    let later = rfc3339(LATER);

    let before = at(Some(noon() - 1));
    assert_eq!((plan_of(&before.apis, "orders").0, before.turn), ("agreed", noon()));
    let noon = at(Some(before.turn));
    assert_eq!(plan_of(&noon.apis, "orders"), ("deprecated", Some("2"), "only-deprecated"));
    assert_eq!((deadline_of(&noon.apis), noon.turn), (later, later));
    let after = at(Some(noon.turn));
    assert_eq!(plan_of(&after.apis, "orders"), ("deprecated", Some("1"), "only-deprecated"));
    assert_eq!((deadline_of(&after.apis), after.turn), (NEVER, NEVER));
    assert_eq!(at(None).turn, NEVER);
}

#[test]
fn one_bad_api_stands_beside_good_ones() {
    #[rustfmt::skip]
    let bad = [
        (json!([]), "apis.bad", Fault::Type),
        (json!({}), "apis.bad.supported", Fault::Missing),
        (json!({"supported": "3"}), "apis.bad.supported", Fault::Type),
        (json!({"supported": ["3", null]}), "apis.bad.supported[1]", Fault::Type),
        (json!({"supported": ["3", "4.x"]}), "apis.bad.supported[1]", Fault::Version),
        (json!({"supported": ["3"], "preferred": ">=3"}), "apis.bad.preferred", Fault::Version),
        (json!({"supported": ["3"], "deprecated": {"three": {}}}), "apis.bad.deprecated.three", Fault::Version),
        (json!({"supported": ["3"], "deprecated": {"3": "soon"}}), "apis.bad.deprecated.3", Fault::Type),
        (json!({"supported": ["3"], "deprecated": {"3": {"sunset": "2026-12-01"}}}), "apis.bad.deprecated.3.sunset", Fault::Time),
        (json!({"supported": ["3"], "deprecated": {"3": {"since": 5}}}), "apis.bad.deprecated.3.since", Fault::Type),
        (json!({"supported": ["3"], "deprecated": {"3": {"link": "javascript:x"}}}), "apis.bad.deprecated.3.link", Fault::Path),
        (json!({"supported": ["3"], "base": "//evil"}), "apis.bad.base", Fault::Path),
        (json!({"supported": ["3"], "base": "https://evil/"}), "apis.bad.base", Fault::Path),
        (json!({"supported": ["3"], "base": "/a?b"}), "apis.bad.base", Fault::Path),
        (json!({"supported": ["3"], "carrier": "path"}), "apis.bad.carrier", Fault::Type),
        (json!({"supported": ["3"], "carrier": {"path": "/api"}}), "apis.bad.carrier.path", Fault::Path),
        (json!({"supported": ["3"], "carrier": {"path": "/api/../v{version}"}}), "apis.bad.carrier.path", Fault::Path),
        (json!({"supported": ["3"], "carrier": {"path": "/api?v={version}"}}), "apis.bad.carrier.path", Fault::Path),
        (json!({"supported": ["3"], "carrier": {"path": "https://evil/v{version}"}}), "apis.bad.carrier.path", Fault::Path),
        (json!({"supported": ["3"], "carrier": {"header": "Api Version"}}), "apis.bad.carrier.header", Fault::Range),
        (json!({"supported": ["3"], "carrier": {"accept": ""}}), "apis.bad.carrier.accept", Fault::Range),
        (json!({"supported": ["3"], "carrier": {"query": 3}}), "apis.bad.carrier.query", Fault::Type),
    ];
    let speaks = speaking(json!({ "bad": { "speaks": ["3"], "required": true }, "good": ["3"] }));
    for (api, path, fault) in bad {
        let all = against(&speaks, json!({ "bad": api, "good": { "supported": ["3"] } }), None);
        assert_eq!(plan_of(&all.apis, "bad"), ("unknown", Some("3"), "invalid"));
        assert_eq!(plan_of(&all.apis, "good").0, "agreed", "{path}");
        assert_eq!(all.flaws, [Flaw { path: path.to_owned(), fault }]);
        assert_eq!(all.verdict, FINE, "{path}");
    }
}

#[test]
fn what_is_odd_is_reported_and_read_as_the_default() {
    let apis = json!({
        "a": { "supported": ["1"], "carrier": { "cookie": "v" }, "novelty": [1] },
        "b": { "supported": ["1"], "preferred": "2" },
    });
    let all = against(&speaking(json!({ "a": ["1"], "b": ["1"] })), apis, None);
    let flaw = |path: &str, fault| Flaw { path: path.to_owned(), fault };
    assert_eq!(
        all.flaws,
        [flaw("apis.a.carrier", Fault::Unknown), flaw("apis.b.preferred", Fault::Undefined)]
    );
    assert_eq!((plan_of(&all.apis, "a").0, plan_of(&all.apis, "b").0), ("agreed", "agreed"));
}

#[test]
fn apis_that_are_no_object_are_unknown_and_reported() {
    let speaks = speaking(json!({ "a": ["1"] }));
    let all = against(&speaks, json!(["a"]), None);
    assert_eq!(plan_of(&all.apis, "a").1, Some("1"));
}

#[test]
fn wrong_options_name_their_place() {
    #[rustfmt::skip]
    let table = [
        (json!({"orders": 3}), "apis.orders", Fault::Type),
        (json!({"orders": "3"}), "apis.orders", Fault::Type),
        (json!({"orders": {}}), "apis.orders.speaks", Fault::Missing),
        (json!({"orders": []}), "apis.orders", Fault::Missing),
        (json!({"orders": {"speaks": ["3", "x"]}}), "apis.orders.speaks[1]", Fault::Version),
        (json!({"orders": {"speaks": ["3", true]}}), "apis.orders.speaks[1]", Fault::Type),
        (json!({"orders": {"speaks": ["3", null]}}), "apis.orders.speaks[1]", Fault::Type),
        (json!({"orders": ["2026-02-30"]}), "apis.orders[0]", Fault::Version),
        (json!({"orders": ["3", ">=2 || 4"]}), "apis.orders[1]", Fault::Version),
        (json!({"orders": ["3", "=>2"]}), "apis.orders[1]", Fault::Version),
        (json!({"orders": ["3", ""]}), "apis.orders[1]", Fault::Version),
        (json!({"orders": ["3", ">= 2"]}), "apis.orders[1]", Fault::Version),
        (json!({"orders": ["3", "^3"]}), "apis.orders[1]", Fault::Version),
        (json!({"orders": [">2 <4"]}), "apis.orders", Fault::Missing),
        (json!({"orders": {"speaks": ["3"], "required": "yes"}}), "apis.orders.required", Fault::Type),
        (json!({"orders": {"speaks": ["3"], "carrier": {"path": "https://api.example/v"}}}), "apis.orders.carrier.path", Fault::Path),
    ];
    for (apis, path, fault) in table {
        assert_eq!(config_flaw(apis.clone()), Some((path.to_owned(), fault)), "{apis}");
    }
    for good in [
        json!(null),
        json!({}),
        json!({"orders": [">=2  <=2"]}),
        json!({"orders": ["3", "3.0"]}),
        json!({"orders": ["3", ">2 <4"]}),
        json!({"orders": {"speaks": ["3"], "base": "https://api.example:8443/x"}}),
        json!({"orders": {"speaks": ["3"], "carrier": {"path": "https://api.example/v{version}"}}}),
        json!({"orders": {"speaks": ["3"], "carrier": {"cookie": "v"}, "problemType": "about:x"}}),
    ] {
        assert_eq!(config_flaw(good.clone()), None, "{good}");
    }
}

#[test]
fn an_inverted_or_doubled_range_is_refused() {
    #[rustfmt::skip]
    let table = [
        (json!({"orders": ["3", ">=4 <2"]}), "apis.orders[1]", Fault::RangeSet),
        (json!({"orders": ["3", ">2 <=2"]}), "apis.orders[1]", Fault::RangeSet),
        (json!({"orders": ["3", ">=2 >=3"]}), "apis.orders[1]", Fault::RangeSet),
        (json!({"orders": ["3", "<4 <3"]}), "apis.orders[1]", Fault::RangeSet),
        (json!({"orders": ["3", "=3 >=3"]}), "apis.orders[1]", Fault::RangeSet),
        (json!({"orders": [">=2 <4", "3", ">=2 <4"]}), "apis.orders[2]", Fault::RangeSet),
        (json!({"orders": ["3", ">=2 <2026-01-01"]}), "apis.orders[1]", Fault::RangeSet),
        (json!({"orders": ["3", "3 4"]}), "apis.orders[1]", Fault::RangeSet),
        (json!({"orders": ["3", ">=1 <4 >2"]}), "apis.orders[1]", Fault::RangeSet),
    ];
    for (apis, path, fault) in table {
        assert_eq!(config_flaw(apis.clone()), Some((path.to_owned(), fault)), "{apis}");
    }
}

#[test]
fn a_required_api_weighs_on_the_standing_and_an_optional_one_does_not() {
    let speaks = speaking(json!({
        "a": { "speaks": ["2"], "required": true }, "b": { "speaks": ["2"], "required": true }, "optional": ["2"]
    }));
    let verdict = |a: serde_json::Value, b: serde_json::Value, optional: serde_json::Value| {
        against(&speaks, json!({ "a": a, "b": b, "optional": optional }), Some(noon())).verdict
    };
    let (good, old, new) =
        (json!({"supported": ["2"]}), json!({"supported": ["3"]}), json!({"supported": ["1"]}));
    let ending = |sunset| json!({ "supported": ["2"], "deprecated": { "2": { "sunset": sunset } } });
    let endless = json!({ "supported": ["2"], "deprecated": { "2": {} } });
    let deprecated = |deadline: Option<&str>| deadline.map_or(NEVER, rfc3339);

    assert_eq!(verdict(good.clone(), good.clone(), old.clone()), FINE, "required agrees, optional fails");
    assert_eq!(verdict(good.clone(), new.clone(), good.clone()), FINE, "too new never weighs");
    assert_eq!(verdict(good.clone(), old.clone(), good.clone()), LONG_AGO);
    assert_eq!(verdict(old.clone(), ending(LATER), good.clone()), LONG_AGO);
    assert_eq!(verdict(ending(LATER), old, good.clone()), LONG_AGO);
    assert_eq!(verdict(ending(LATER), good.clone(), good.clone()), deprecated(Some(LATER)));
    assert_eq!(
        verdict(ending(LATER), ending("2027-01-01T00:00:00Z"), good.clone()).clone(),
        deprecated(Some("2027-01-01T00:00:00Z"))
    );
    assert_eq!(verdict(endless.clone(), ending(LATER), good.clone()), deprecated(Some(LATER)));
    assert_eq!(verdict(ending(LATER), endless.clone(), good.clone()), deprecated(Some(LATER)));
    assert_eq!(verdict(endless.clone(), endless, good), deprecated(None));
}

#[test]
fn calls_in_flight_keep_the_plan_that_they_began_with() {
    let speaks = speaking(json!({ "orders": ["3", "2"] }));
    let apis = |supported: serde_json::Value| {
        against(&speaks, json!({ "orders": { "supported": supported } }), None).apis
    };
    let mut plan = speaks.plan.clone();
    assert!(plan.publish(apis(json!(["3"]))));
    let in_flight = plan.clone();
    assert!(!plan.publish(apis(json!(["3"]))), "the same again is no new generation");
    assert_eq!(plan.generation, 1);
    assert!(plan.publish(apis(json!(["2"]))));
    assert_eq!((plan.generation, plan_of(&plan.apis, "orders").1), (2, Some("2")));
    assert_eq!((in_flight.generation, plan_of(&in_flight.apis, "orders").1), (1, Some("3")));
}

#[test]
fn a_plan_crosses_with_its_base_and_carrier() {
    let apis = json!({ "orders": {
        "supported": ["2"], "deprecated": { "2": { "sunset": NOON, "link": "/docs" } },
        "base": "/api", "carrier": { "query": "v" },
    }});
    let all = against(&speaking(json!({ "orders": ["2"] })), apis, None);
    let expected = r#"[["orders", 1, 1, "2", 1796126400000, "/docs", "/api", { "query": "v" }]]"#;
    assert_eq!(parsed(&all.apis), parsed(expected));
}

mod refusals {
    use super::*;

    /// One API with its overlay, driven like the client does.
    struct Shop {
        apis: Apis,
        tree: Option<Value>,
    }

    impl Shop {
        fn new(speaks: serde_json::Value, supported: serde_json::Value) -> Shop {
            let manifest = json!({ "apis": { "orders": { "supported": supported } } });
            let mut shop = Shop {
                apis: speaking(json!({ "orders": { "speaks": speaks, "required": true } })),
                tree: (!supported.is_null()).then(|| tree(manifest)),
            };
            shop.pass(0, 0);
            shop
        }

        /// Negotiates by a manifest with this serial, at this time.
        fn pass(&mut self, now: i64, serial: u64) {
            let manifest = self.tree.as_ref().map_or(Node::default(), Node::root);
            self.apis.negotiate(manifest, serial, LONG_AGO, now, out(), &mut Vec::new());
        }

        fn refuse(&mut self, now: i64, serial: u64, asked: &str, told: &[&str]) -> bool {
            let refusals = tree(json!([["orders", asked, told]]));
            self.pass(now, serial);
            let laid = self.apis.refuse(now, &refusals);
            if laid {
                self.pass(now, serial);
            }
            laid
        }

        fn now(&self) -> (&str, Option<&str>, &str) {
            plan_of(&self.apis.plan.apis, "orders")
        }
    }

    #[test]
    fn a_refusal_chooses_among_what_the_server_told() {
        let mut shop = Shop::new(json!(["3", "2"]), json!(["2", "3"]));
        assert_eq!(shop.now(), ("agreed", Some("3"), "overlap"));
        assert!(shop.refuse(0, 7, "3", &["1", "2"]));
        assert_eq!(shop.now(), ("agreed", Some("2"), "refused"));
        assert!(!shop.apis.nothing_left);
    }

    #[test]
    fn the_server_that_answered_knows_more_than_an_older_manifest() {
        let mut shop = Shop::new(json!([">=3 <5"]), json!(["3"]));
        shop.refuse(0, 7, "3", &["4", "5"]);
        assert_eq!(shop.now(), ("agreed", Some("4"), "refused"));
    }

    #[test]
    fn a_refusal_that_tells_only_what_is_no_version_tells_nothing() {
        for told in ["2.x", "2;q=1", "2026-02-30"] {
            let mut shop = Shop::new(json!(["3", "2"]), json!(["2", "3"]));
            shop.refuse(0, 7, "3", &[told]);
            assert_eq!(shop.now(), ("agreed", Some("2"), "refused"), "{told}");
        }
    }

    #[test]
    fn without_a_manifest_the_version_is_sent_as_the_server_writes_it() {
        let mut shop = Shop::new(json!(["3", "2"]), json!(null));
        shop.refuse(0, 0, "3", &["2.x", "2.0"]);
        assert_eq!(shop.now().1, Some("2.0"));
    }

    #[test]
    fn a_refusal_that_tells_nothing_takes_the_version_away() {
        let mut shop = Shop::new(json!(["3", "2"]), json!(["2", "3"]));
        shop.refuse(0, 7, "3", &[]);
        assert_eq!(shop.now(), ("agreed", Some("2"), "refused"));
    }

    #[test]
    fn concurrent_refusals_are_served_by_one_negotiation() {
        let mut shop = Shop::new(json!(["3", "2", "1"]), json!(["1", "2", "3"]));
        assert!(shop.refuse(0, 7, "3", &[]));
        assert!(!shop.refuse(20, 7, "3", &[]), "that call began with the plan before");
        assert_eq!(shop.now(), ("agreed", Some("2"), "refused"));
        assert_eq!(shop.apis.plan.generation, 2);
    }

    #[test]
    fn an_api_is_negotiated_anew_once_in_ten_seconds() {
        let mut shop = Shop::new(json!(["3", "2", "1"]), json!(["1", "2", "3"]));
        assert!(shop.refuse(0, 7, "3", &[]));
        assert!(!shop.refuse(9_999, 7, "2", &[]));
        assert!(shop.refuse(10_000, 7, "2", &[]));
        assert_eq!(shop.now(), ("agreed", Some("1"), "refused"));
        // not even an overlay that has ended in between allows more
        shop.pass(10_001, 8);
        assert!(!shop.refuse(19_999, 8, "3", &[]));
        assert!(shop.refuse(20_000, 8, "3", &[]));
        assert_eq!(shop.now(), ("agreed", Some("2"), "refused"));
    }

    #[test]
    fn an_overlay_that_leaves_nothing_refuses_no_call_and_no_build() {
        let mut shop = Shop::new(json!(["3"]), json!(["3"]));
        shop.refuse(0, 7, "3", &["4"]);
        assert_eq!(shop.now(), ("client-too-old", Some("3"), "refused"));
        assert!(shop.apis.nothing_left);
        assert_eq!(shop.apis.verdict, FINE);
    }

    #[test]
    fn servers_that_contradict_each_other_do_not_make_the_plan_flap() {
        let mut shop = Shop::new(json!(["3", "2"]), json!(["2", "3"]));
        for step in 0..25 {
            let asked = shop.now().1.unwrap().to_owned();
            let told = if asked == "3" { "2" } else { "3" };
            shop.refuse(step * 11_000, 7, &asked, &[told]);
        }
        assert!(shop.apis.plan.generation <= 3, "generation {}", shop.apis.plan.generation);
    }

    #[test]
    fn an_overlay_ends_after_five_minutes() {
        let mut shop = Shop::new(json!(["3", "2"]), json!(["2", "3"]));
        shop.refuse(1_000, 7, "3", &[]);
        assert_eq!(shop.apis.ends, 301_000);
        shop.pass(300_999, 7);
        assert_eq!(shop.now(), ("agreed", Some("2"), "refused"));
        shop.pass(301_000, 7);
        assert_eq!(shop.now(), ("agreed", Some("3"), "overlap"));
        assert_eq!(shop.apis.ends, NEVER);
    }

    #[test]
    fn an_overlay_ends_with_the_next_higher_serial_and_not_with_an_unchanged_poll() {
        let mut shop = Shop::new(json!(["3", "2"]), json!(["2", "3"]));
        shop.refuse(0, 7, "3", &[]);
        shop.pass(1, 7);
        shop.pass(2, 6);
        assert_eq!(shop.now(), ("agreed", Some("2"), "refused"));
        shop.pass(3, 8);
        assert_eq!(shop.now(), ("agreed", Some("3"), "overlap"));
    }

    #[test]
    fn a_new_overlay_forgets_the_one_before() {
        let mut shop = Shop::new(json!(["3", "2", "1"]), json!(["1", "2", "3"]));
        shop.refuse(0, 7, "3", &["1"]);
        assert_eq!(shop.now().1, Some("1"));
        shop.pass(20_000, 8);
        assert!(shop.refuse(20_000, 8, "3", &[]));
        assert_eq!(shop.now().1, Some("2"));
        shop.pass(20_001, 8);
        assert_eq!(shop.now().1, Some("2"), "it was laid on this serial");
    }

    #[test]
    fn without_a_manifest_the_next_named_version_is_tried() {
        let mut shop = Shop::new(json!(["3", "2"]), json!(null));
        shop.refuse(0, 0, "3", &[]);
        assert_eq!(shop.now(), ("unknown", Some("2"), "refused"));
        shop.refuse(10_000, 0, "2", &[]);
        assert_eq!(shop.now(), ("unknown", Some("3"), "refused"));
        assert!(shop.apis.nothing_left);
        shop.pass(20_000, 1);
        shop.refuse(20_000, 1, "3", &["1", "2"]);
        assert_eq!(shop.now(), ("agreed", Some("2"), "refused"));
    }

    #[test]
    fn a_refusal_keeps_what_the_manifest_says_of_the_versions_told() {
        let apis = json!({ "orders": { "supported": ["1", "2", "3"], "deprecated": { "2": {} }, "preferred": "1" } });
        let mut shop = Shop::new(json!(["3", ">=1 <3"]), json!([]));
        shop.tree = Some(tree(json!({ "apis": apis })));
        shop.pass(0, 0);
        shop.refuse(0, 7, "3", &["1", "1.5", "2.0"]);
        assert_eq!(shop.now(), ("agreed", Some("1"), "refused"));
        shop.refuse(10_000, 7, "1", &["1.5", "2.0"]);
        assert_eq!(shop.now(), ("agreed", Some("1.5"), "refused"));
        shop.refuse(20_000, 7, "1.5", &["2.0"]);
        assert_eq!(shop.now(), ("deprecated", Some("2"), "refused"));
    }

    #[test]
    fn a_refusal_of_an_api_that_nobody_speaks_is_dropped() {
        let mut shop = Shop::new(json!(["3"]), json!(["3"]));
        for odd in [
            json!(null),
            json!([1, {}, [], ["orders"], ["orders", "three", null]]),
            json!([["billing", "3", null]]),
        ] {
            assert!(!shop.apis.refuse(0, &tree(odd)));
        }
        assert_eq!(shop.apis.ends, NEVER);
    }
}

/// The rules of the design once more, as plainly as they can be written, over small versions as (major, minor, pre-release).
mod oracle {
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;

    #[derive(Clone, Debug)]
    struct Case {
        /// Exact versions, or a range from the first (inclusive) to the second (exclusive or not).
        speaks: Vec<(usize, Option<(usize, bool)>)>,
        supported: Vec<usize>,
        preferred: Option<usize>,
        deprecated: Vec<(usize, Option<i64>, Option<i64>)>,
        time: Option<i64>,
    }

    /// In rising order within a kind; the last four are dates.
    const ALL: [&str; 12] = [
        "1",
        "1.5",
        "2-rc.1",
        "2",
        "2.0.1",
        "9",
        "10-rc.1",
        "10",
        "2025-12-31",
        "2026-01-01",
        "2026-02-28",
        "2026-03-01",
    ];
    const PRE: [usize; 2] = [2, 6];
    const DATES: usize = 8;

    fn stamp(n: i64) -> String {
        let mut text = String::from("2026-01-01T00:00:0");
        text.push((b'0' + n as u8) as char);
        text.push('Z');
        text
    }

    fn case() -> impl Strategy<Value = Case> {
        let some = || subsequence((0..ALL.len()).collect::<Vec<_>>(), 0..=6).prop_shuffle();
        let entry = (0..ALL.len(), proptest::option::of((0..ALL.len(), any::<bool>())));
        let moment = || proptest::option::of(0i64..6);
        (
            proptest::collection::vec(entry, 1..4),
            some(),
            proptest::option::of(0..ALL.len()),
            some().prop_flat_map(move |versions| {
                versions.into_iter().map(|v| (Just(v), moment(), moment())).collect::<Vec<_>>()
            }),
            proptest::option::of(select((0i64..6).collect::<Vec<_>>())),
        )
            .prop_map(|(speaks, supported, preferred, deprecated, time)| {
                let kind = |v: usize| v >= DATES;
                let speaks = speaks
                    .into_iter()
                    .map(|(low, high)| {
                        (low, high.filter(|(high, _)| *high > low && kind(*high) == kind(low)))
                    })
                    .collect();
                Case { speaks, supported, preferred, deprecated, time }
            })
    }

    fn matches(entry: &(usize, Option<(usize, bool)>), v: usize) -> bool {
        match *entry {
            (low, None) => low == v,
            (low, Some((high, inclusive))) => {
                !PRE.contains(&v) && v >= low && (v < high || inclusive && v == high)
            }
        }
    }

    fn expected(case: &Case) -> (&'static str, Option<usize>) {
        let find = |v: usize| case.deprecated.iter().find(|d| d.0 == v);
        let live: Vec<usize> = case
            .supported
            .iter()
            .copied()
            .filter(|v| !matches!((find(*v), case.time), (Some((_, _, Some(sunset))), Some(now)) if *sunset <= now))
            .collect();
        let deprecated = |v: usize| match (find(v), case.time) {
            (None, _) => false,
            (Some((_, Some(since), _)), Some(now)) => *since <= now,
            _ => true,
        };
        let index = |v: usize| case.speaks.iter().position(|e| matches(e, v));
        let mut candidates: Vec<usize> = live.iter().copied().filter(|v| index(*v).is_some()).collect();
        candidates
            .sort_by_key(|&v| (deprecated(v), index(v), case.preferred != Some(v), std::cmp::Reverse(v)));
        if let Some(&v) = candidates.first() {
            return (if deprecated(v) { "deprecated" } else { "agreed" }, Some(v));
        }
        let kind = |v: usize| v >= DATES;
        let too_old = live.iter().any(|&v| {
            let mut kin = case.speaks.iter().filter(|(low, _)| kind(*low) == kind(v)).peekable();
            kin.peek().is_some()
                && kin.all(|&(low, high)| match high {
                    None => v > low,
                    Some((high, inclusive)) => v > high || !inclusive && v == high,
                })
        });
        (if too_old { "client-too-old" } else { "client-too-new" }, None)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]
        #[test]
        fn the_choice_is_that_of_the_rules_written_plainly(case in case()) {
            let speaks: Vec<String> = case.speaks.iter().map(|&(low, high)| match high {
                None => ALL[low].to_owned(),
                Some((high, inclusive)) => format!(">={} <{}{}", ALL[low], if inclusive { "=" } else { "" }, ALL[high]),
            }).collect();
            let names = |list: &[usize]| list.iter().map(|v| ALL[*v]).collect::<Vec<_>>();
            let mut deprecated = serde_json::Map::new();
            for (v, since, sunset) in &case.deprecated {
                let entry = json!({ "since": since.map(stamp), "sunset": sunset.map(stamp) });
                deprecated.insert(ALL[*v].to_owned(), entry);
            }
            let api = json!({ "supported": names(&case.supported), "preferred": case.preferred.map(|v| ALL[v]), "deprecated": deprecated });
            let doubled = speaks.iter().enumerate().any(|(i, s)| s.starts_with('>') && speaks[..i].contains(s));
            prop_assume!(!doubled);

            let time = case.time.map(|n| rfc3339(&stamp(n)));
            let (outcome, version, _) = one(json!(speaks), api, time);
            let (right, best) = expected(&case);
            prop_assert_eq!((outcome, version.as_deref()), (right, best.map(|v| ALL[v])));
        }
    }
}
