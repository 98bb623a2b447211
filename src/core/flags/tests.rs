//! Flag documents as a whole, rule by rule of flagd.

use super::*;
use proptest::prelude::*;

fn json(text: &str) -> Value {
    super::super::value::read(&mut serde_json::Deserializer::from_str(text)).expect(text)
}

/// A set, and what is wrong with single flags.
#[derive(Debug)]
struct Compiled(FlagSet, Vec<Flaw>);

impl std::ops::Deref for Compiled {
    type Target = FlagSet;
    fn deref(&self) -> &FlagSet {
        &self.0
    }
}

impl Compiled {
    fn flaws(&self) -> &[Flaw] {
        &self.1
    }
}

fn compile(document: &str) -> Result<Compiled, Flaw> {
    compile_at(&json(document), "")
}

/// The error is what is wrong with the document as a whole.
fn compile_at(document: &Value, path: &str) -> Result<Compiled, Flaw> {
    let mut set = FlagSet::new(Numbers::native());
    let mut flaws = set.compile(Node::root(document), path);
    if set.told.is_empty() {
        assert_eq!(flaws.len(), 1);
        return Err(flaws.remove(0));
    }
    Ok(Compiled(set, flaws))
}

fn evaluate(set: &FlagSet, given: &Value, seconds: f64) -> Value {
    let build = Build { id: "b1".to_owned(), version: String::new() };
    json(&set.evaluate(&context(given.clone(), &build), seconds, false))
}

/// A set of the one flag `f` with three variants, the first of them the default.
fn flag(rest: &str) -> Compiled {
    let comma = if rest.is_empty() { "" } else { "," };
    compile(&format!(
        r#"{{"flags":{{"f":{{"state":"ENABLED","variants":{{"a":"A","b":"B","true":"T"}},"defaultVariant":"a"{comma}{rest}}}}}}}"#
    ))
    .unwrap()
}

fn targeting(rule: &str) -> Compiled {
    flag(&format!(r#""targeting":{rule}"#))
}

/// Variant (or `-`), reason and error code (or nothing) of the first flag.
fn outcome(set: &FlagSet, context: &str) -> String {
    at(set, context, 1_795_413_600.0)
}

fn at(set: &FlagSet, context: &str, seconds: f64) -> String {
    shown(&given(set, &json(context), seconds), 0)
}

/// What the page makes of it.
fn given(set: &FlagSet, context: &Value, seconds: f64) -> Value {
    let told = json(&format!("[{}]", set.told));
    let [metadata, rows] = told.items() else { panic!("{told:?}") };
    let flags = super::details(metadata, rows, &evaluate(set, context, seconds));
    Value::object([("flags", flags), ("metadata", metadata.clone())])
}

/// The details of one flag of an outcome.
fn details(outcome: &Value, index: usize) -> &Value {
    &outcome.get("flags").unwrap().items()[index].items()[1]
}

fn shown(outcome: &Value, index: usize) -> String {
    let details = details(outcome, index);
    assert_eq!(details.get("value").is_some(), details.get("variant").is_some());
    let text = |name| details.get(name).and_then(Value::as_str);
    let error = text("errorCode").unwrap_or_default();
    [text("variant").unwrap_or("-"), text("reason").unwrap(), error].join(" ").trim_end().to_owned()
}

fn all(set: &FlagSet) -> Value {
    given(set, &Value::Null, 0.0)
}

#[test]
fn flags_come_in_the_order_of_the_document_and_unknown_keys_are_not_among_them() {
    let set = compile(
        r#"{"flags":{"z":{"state":"ENABLED","variants":{"on":1},"defaultVariant":"on"},
                     "a":{"state":"DISABLED","variants":{"on":1},"defaultVariant":"on"}}}"#,
    )
    .unwrap();
    let all = all(&set);
    let keys: Vec<_> = all.get("flags").unwrap().items().iter().map(|pair| &pair.items()[0]).collect();
    assert_eq!(keys, [&Value::from("z"), &Value::from("a")]);
    assert_eq!(details(&all, 0).get("value"), Some(&Value::Number(1.0)));
}

#[test]
fn a_disabled_flag_is_the_callers_default_and_no_error() {
    let set =
        compile(r#"{"flags":{"f":{"state":"DISABLED","variants":{"on":1},"defaultVariant":"on"}}}"#).unwrap();
    assert_eq!(outcome(&set, "{}"), "- DISABLED");
}

#[test]
fn a_disabled_flag_stays_disabled_whatever_else_is_wrong_with_it() {
    let set = compile(r#"{"flags":{"f":{"state":"DISABLED","variants":{"on":1},"targeting":{"nope":1}}}}"#)
        .unwrap();
    assert_eq!(outcome(&set, "{}"), "- DISABLED");
    assert_eq!(set.flaws().len(), 1);
}

#[test]
fn without_targeting_the_default_variant_is_static() {
    for rest in ["", r#""targeting":{}"#, r#""targeting":null"#] {
        assert_eq!(outcome(&flag(rest), "{}"), "a STATIC", "{rest}");
    }
}

#[test]
fn without_a_default_variant_it_is_the_callers_default() {
    for default in ["", r#","defaultVariant":null"#, r#","defaultVariant":"""#] {
        for (targeting, expected) in [
            ("", "- DEFAULT"),
            (r#","targeting":{"if":[false,"a"]}"#, "- DEFAULT"),
            (r#","targeting":{"if":[true,"a"]}"#, "a TARGETING_MATCH"),
            (r#","targeting":{"if":[true,"x"]}"#, "- ERROR GENERAL"),
        ] {
            let text = format!(
                r#"{{"flags":{{"f":{{"state":"ENABLED","variants":{{"a":1}}{default}{targeting}}}}}}}"#
            );
            assert_eq!(outcome(&compile(&text).unwrap(), "{}"), expected, "{text}");
        }
    }
}

#[test]
fn targeting_that_gives_null_is_the_default_variant() {
    assert_eq!(outcome(&targeting(r#"{"if":[true,null,"b"]}"#), "{}"), "a DEFAULT");
    assert_eq!(outcome(&targeting(r#"{"var":"missing"}"#), "{}"), "a DEFAULT");
}

#[test]
fn targeting_that_gives_a_variant_matches() {
    let set = targeting(r#"{"if":[{"==":[{"var":"plan"},"pro"]},"b",null]}"#);
    assert_eq!(outcome(&set, r#"{"plan":"pro"}"#), "b TARGETING_MATCH");
    assert_eq!(outcome(&set, r#"{"plan":"free"}"#), "a DEFAULT");
    assert_eq!(outcome(&set, "null"), "a DEFAULT");
}

#[test]
fn the_result_of_targeting_is_read_as_a_string() {
    assert_eq!(outcome(&targeting(r#"{"==":[1,1]}"#), "{}"), "true TARGETING_MATCH");
    assert_eq!(outcome(&targeting(r#"{"==":[1,2]}"#), "{}"), "- ERROR GENERAL");
    let set =
        r#"{"flags":{"f":{"state":"ENABLED","variants":{"1.5":"x","a,b":"y"},"targeting":{"var":"v"}}}}"#;
    let set = compile(set).unwrap();
    assert_eq!(outcome(&set, r#"{"v":1.5}"#), "1.5 TARGETING_MATCH");
    assert_eq!(outcome(&set, r#"{"v":["a","b"]}"#), "a,b TARGETING_MATCH");
}

#[test]
fn an_unknown_variant_is_a_general_error() {
    assert_eq!(outcome(&targeting(r#"{"if":[true,"three"]}"#), "{}"), "- ERROR GENERAL");
    assert_eq!(outcome(&targeting(r#"{"if":[true,""]}"#), "{}"), "- ERROR GENERAL");
}

#[test]
fn an_unknown_operator_is_a_parse_error_with_its_path() {
    let set = targeting(r#"{"if":[{"no_such":1},"b"]}"#);
    assert_eq!(outcome(&set, "{}"), "- ERROR PARSE_ERROR");
    assert_eq!(
        set.flaws(),
        [Flaw { path: "flags.f.targeting.if[0].no_such".into(), fault: Fault::Operator }]
    );
}

#[test]
fn what_is_wrong_with_a_shared_rule_is_reported_there_for_each_flag_that_uses_it() {
    let flag = r#"{"state":"ENABLED","variants":{"a":[1]},"targeting":{"if":[{"$ref":"x"},"a"]}}"#;
    let document = json(&format!(
        r#"{{"$evaluators":{{"y":{{"or":[true,{{"nope":1}}]}},"x":{{"!":{{"$ref":"y"}}}}}},"flags":{{"f":{flag},"g":{flag},"h":{{"state":1}}}}}}"#
    ));
    let set = compile_at(&document, "flags").unwrap();
    let flaw = |path: &str, fault| Flaw { path: path.to_owned(), fault };
    assert_eq!(
        set.flaws(),
        [
            flaw("flags.$evaluators.y.or[1].nope", Fault::Operator),
            flaw("flags.$evaluators.y.or[1].nope", Fault::Operator),
            flaw("flags.flags.h.state", Fault::Type),
        ]
    );
}

#[test]
fn an_unresolved_reference_is_a_parse_error_with_its_path() {
    let set = targeting(r#"{"if":[{"$ref":"nowhere"},"b"]}"#);
    assert_eq!(outcome(&set, "{}"), "- ERROR PARSE_ERROR");
    assert_eq!(set.flaws(), [Flaw { path: "flags.f.targeting.if[0].$ref".into(), fault: Fault::Reference }]);
}

#[test]
fn references_give_what_the_evaluator_gives() {
    let set = compile(
        r#"{"$evaluators":{"admin":{"in":["admin",{"var":"roles"}]},
                           "privileged":{"or":[{"$ref":"admin"},{"==":[{"var":"email"},"b@x.com"]}]}},
            "flags":{"f":{"state":"ENABLED","variants":{"yes":1,"no":0},"defaultVariant":"no",
                          "targeting":{"if":[{"$ref":"privileged"},"yes","no"]}}}}"#,
    )
    .unwrap();
    assert_eq!(outcome(&set, r#"{"roles":["admin"]}"#), "yes TARGETING_MATCH");
    assert_eq!(outcome(&set, r#"{"email":"b@x.com"}"#), "yes TARGETING_MATCH");
    assert_eq!(outcome(&set, "{}"), "no TARGETING_MATCH");
}

#[test]
fn a_cyclic_reference_is_a_parse_error_and_harms_no_other_flag() {
    let set = compile(
        r#"{"$evaluators":{"x":{"!":{"$ref":"y"}},"y":{"!":{"$ref":"x"}},"z":true},
            "flags":{"bad":{"state":"ENABLED","variants":{"true":1},"targeting":{"$ref":"x"}},
                     "good":{"state":"ENABLED","variants":{"true":1},"targeting":{"$ref":"z"}}}}"#,
    )
    .unwrap();
    let all = all(&set);
    assert_eq!(shown(&all, 0), "- ERROR PARSE_ERROR");
    assert_eq!(shown(&all, 1), "true TARGETING_MATCH");
    assert_eq!(set.flaws()[0].fault, Fault::Reference);
}

#[test]
fn a_malformed_flag_is_a_parse_error_with_its_path_and_harms_no_other() {
    for (flag, path, fault) in [
        ("1", "flags.bad", Fault::Type),
        ("null", "flags.bad", Fault::Type),
        ("{}", "flags.bad.state", Fault::Missing),
        (r#"{"state":"WILL-FAIL","variants":{"on":1}}"#, "flags.bad.state", Fault::Range),
        (r#"{"state":true,"variants":{"on":1}}"#, "flags.bad.state", Fault::Type),
        (r#"{"state":"ENABLED"}"#, "flags.bad.variants", Fault::Missing),
        (r#"{"state":"ENABLED","variants":{}}"#, "flags.bad.variants", Fault::Missing),
        (r#"{"state":"ENABLED","variants":["on"]}"#, "flags.bad.variants", Fault::Type),
        (
            r#"{"state":"ENABLED","variants":{"on":1},"defaultVariant":"off"}"#,
            "flags.bad.defaultVariant",
            Fault::Undefined,
        ),
        (
            r#"{"state":"ENABLED","variants":{"on":1},"defaultVariant":1}"#,
            "flags.bad.defaultVariant",
            Fault::Type,
        ),
        (r#"{"state":"ENABLED","variants":{"on":1},"targeting":"on"}"#, "flags.bad.targeting", Fault::Type),
        (r#"{"state":"ENABLED","variants":{"on":1},"targeting":["on"]}"#, "flags.bad.targeting", Fault::Type),
        (r#"{"state":"ENABLED","variants":{"on":1},"metadata":"x"}"#, "flags.bad.metadata", Fault::Type),
    ] {
        let text = format!(
            r#"{{"flags":{{"bad":{flag},"good":{{"state":"ENABLED","variants":{{"on":1}},"defaultVariant":"on"}}}}}}"#
        );
        let set = compile(&text).unwrap();
        assert_eq!(set.flaws(), [Flaw { path: path.into(), fault }], "{text}");
        assert_eq!(outcome(&set, "{}"), "- ERROR PARSE_ERROR", "{text}");
        assert_eq!(shown(&all(&set), 1), "on STATIC", "{text}");
    }
}

#[test]
fn a_broken_document_is_refused_as_a_whole_with_its_path() {
    for (document, path, fault) in [
        ("1", "", Fault::Type),
        ("[]", "", Fault::Type),
        ("{}", "flags", Fault::Missing),
        (r#"{"flags":1}"#, "flags", Fault::Type),
        (r#"{"flags":{},"metadata":1}"#, "metadata", Fault::Type),
        (r#"{"flags":{},"$evaluators":[]}"#, "$evaluators", Fault::Type),
        (r#"{"flags":{},"fractional":4}"#, "fractional", Fault::Range),
        (r#"{"flags":{},"fractional":"3"}"#, "fractional", Fault::Type),
    ] {
        assert_eq!(compile(document).unwrap_err(), Flaw { path: path.into(), fault }, "{document}");
    }
}

#[test]
fn flags_may_come_in_a_list_with_their_keys() {
    let set = compile(
        r#"{"flags":[{"key":"f","state":"ENABLED","variants":{"on":1},"defaultVariant":"on"},
                     {"state":"ENABLED","variants":{"on":1}}]}"#,
    )
    .unwrap();
    assert_eq!(outcome(&set, "{}"), "on STATIC");
    assert_eq!(all(&set).get("flags").unwrap().items().len(), 1);
    assert_eq!(set.flaws(), [Flaw { path: "flags[1].key".into(), fault: Fault::Missing }]);
}

#[test]
fn metadata_is_the_flag_sets_with_the_flags_over_it() {
    let set = compile(
        r#"{"metadata":{"set":"s","version":1},
            "flags":{"f":{"state":"ENABLED","variants":{"on":1},"defaultVariant":"on","metadata":{"version":2,"own":true}},
                     "g":{"state":"DISABLED","variants":{"on":1}},
                     "h":{"state":"ENABLED"}}}"#,
    )
    .unwrap();
    let outcome = all(&set);
    let metadata = |index| details(&outcome, index).get("metadata").unwrap();
    assert_eq!(metadata(0), &json(r#"{"version":2,"own":true,"set":"s"}"#));
    assert_eq!(metadata(1), &json(r#"{"set":"s","version":1}"#));
    assert_eq!(metadata(2), &json(r#"{"set":"s","version":1}"#));
    assert_eq!(outcome.get("metadata"), Some(&json(r#"{"set":"s","version":1}"#)));
    assert_eq!(details(&all(&flag("")), 0).get("metadata"), Some(&json("{}")));
}

#[test]
fn rules_see_the_flags_key_and_the_servers_time_in_seconds() {
    let set = targeting(r#"{"if":[{"==":[{"var":"$flagd.flagKey"},"f"]},"b"]}"#);
    assert_eq!(outcome(&set, "{}"), "b TARGETING_MATCH");
    let set = targeting(r#"{"if":[{">":[{"var":"$flagd.timestamp"},1000]},"b"]}"#);
    assert_eq!(at(&set, "{}", 1001.0), "b TARGETING_MATCH");
    assert_eq!(at(&set, "{}", 1000.0), "a DEFAULT");
}

#[test]
fn a_rule_of_a_thousand_windows_reads_the_time_beside_a_large_context() {
    let windows =
        (0..1000).map(|n| format!(r#"{{"==":[{{"var":"$flagd.timestamp"}},{n}]}}"#)).collect::<Vec<_>>();
    let set = targeting(&format!(r#"{{"if":[{{"or":[{}]}},"b"]}}"#, windows.join(",")));
    let context = format!(r#"{{"bio":"{}"}}"#, "x".repeat(8192));
    assert_eq!(at(&set, &context, 999.0), "b TARGETING_MATCH");
    assert_eq!(at(&set, &context, 1000.0), "a DEFAULT");
}

#[test]
fn a_contexts_own_flagd_is_overwritten() {
    let set = targeting(r#"{"if":[{"==":[{"var":"$flagd.flagKey"},"f"]},"b"]}"#);
    assert_eq!(outcome(&set, r#"{"$flagd":{"flagKey":"x"},"z":1}"#), "b TARGETING_MATCH");
}

#[test]
fn the_context_as_a_whole_has_what_is_the_flags_own_and_no_other_flags() {
    for rule in [
        r#"{"if":[{"in":["f",{"map":[[{"var":""}],{"var":"$flagd.flagKey"}]}]},"b"]}"#,
        r#"{"if":[{"in":["f",{"map":[[{"var":"$flagd"}],{"var":"flagKey"}]}]},"b"]}"#,
        r#"{"if":[{"==":[{"var":{"cat":["$flagd",".flagKey"]}},"f"]},"b"]}"#,
        r#"{"if":[{"and":[{"!":[{"missing":["$flagd.flagKey","$flagd.timestamp","z"]}]},{"var":"$flagd.flagKey"}]},"b"]}"#,
        r#"{"if":[{"reduce":[[{"var":""}],{"==":[{"var":"current.$flagd.timestamp"},7]},0]},"b"]}"#,
    ] {
        let all = r#""state":"ENABLED","variants":{"a":1,"b":2},"defaultVariant":"a","targeting""#;
        let set = compile(&format!(
            r#"{{"flags":{{"e":{{{all}:{{"var":"z"}}}},"f":{{{all}:{rule}}},"g":{{{all}:{{"if":[{{"==":[{{"var":"$flagd.flagKey"}},"g"]}},"b"]}}}}}}}}"#
        ))
        .unwrap();
        let all = given(&set, &json(r#"{"$flagd":{"flagKey":"x"},"$f":1,"z":"b"}"#), 7.0);
        let chosen = [0, 1, 2].map(|index| shown(&all, index));
        assert_eq!(chosen, ["b TARGETING_MATCH"; 3], "{rule}");
    }
}

#[test]
fn of_many_variants_each_is_told() {
    let names: Vec<String> = (0..5_000).map(|n| format!("v{n}")).collect();
    let variants: Vec<String> = names.iter().map(|name| format!(r#""{name}":1"#)).collect();
    let flag = format!(r#""state":"ENABLED","variants":{{{}}},"defaultVariant":"v4999""#, variants.join(","));
    let set = compile(&format!(
        r#"{{"flags":{{"still":{{{flag}}},"f":{{{flag},"targeting":{{"var":"v"}}}},"last":{{{flag}}}}}}}"#
    ))
    .unwrap();
    for name in ["v0", "v2", "v3", "v126", "v127", "v4094", "v4095", "v4998"] {
        let all = given(&set, &json(&format!(r#"{{"v":"{name}"}}"#)), 0.0);
        assert_eq!(shown(&all, 0), "v4999 STATIC");
        assert_eq!(shown(&all, 1), format!("{name} TARGETING_MATCH"));
        assert_eq!(shown(&all, 2), "v4999 STATIC");
    }
}

#[test]
fn only_rules_that_read_the_time_need_to_be_evaluated_again() {
    for (rule, uses_time) in [
        (r#"{"if":[{"==":[{"var":"$flagd.flagKey"},"f"]},"b"]}"#, false),
        (r#"{"if":[{">":[{"var":["$flagd.timestamp"]},1]},"b"]}"#, true),
        (r#"{"if":[{"var":"$flagd"},"b"]}"#, true),
        (r#"{"if":[{"var":"timestamp"},"b"]}"#, false),
        (r#"{"fractional":[["a"],["b"]]}"#, false),
    ] {
        assert_eq!(targeting(rule).uses_time(), uses_time, "{rule}");
    }
}

#[test]
fn a_shared_rule_that_no_flag_uses_is_not_looked_at() {
    let set = compile(r#"{"$evaluators":{"x":{"nope":[{"var":"$flagd.timestamp"}]}},"flags":{}}"#).unwrap();
    assert!(!set.uses_time() && set.flaws().is_empty());
}

/// `half` of the flag set, by the bucketing key of the rule.
fn halves(version: &str, key: &str) -> Compiled {
    compile(&format!(
        r#"{{"fractional":{version},"flags":{{"new-checkout":{{"state":"ENABLED","variants":{{"in":1,"out":0}},
            "targeting":{{"fractional":[{key}["in",46],["out",54]]}}}}}}}}"#
    ))
    .unwrap()
}

#[test]
fn a_string_is_the_bucketing_key() {
    let set = halves("2", r#"{"var":"who"},"#);
    assert_eq!(outcome(&set, r#"{"who":"hello"}"#), "in TARGETING_MATCH"); // 14
    assert_eq!(outcome(&set, r#"{"who":"日本"}"#), "out TARGETING_MATCH"); // 76
    assert_eq!(outcome(&set, r#"{"who":"hello","targetingKey":"日本"}"#), "in TARGETING_MATCH");
}

#[test]
fn without_a_bucketing_key_it_is_the_flags_key_and_the_targeting_key() {
    // version 2: "new-checkoutuser-1" is in bucket 45 of 100; version 3: ["new-checkout","user-1"] in 49
    assert_eq!(outcome(&halves("2", ""), r#"{"targetingKey":"user-1"}"#), "in TARGETING_MATCH");
    assert_eq!(outcome(&halves("3", ""), r#"{"targetingKey":"user-1"}"#), "out TARGETING_MATCH");
}

#[test]
fn without_a_targeting_key_nothing_is_chosen() {
    for version in ["2", "3"] {
        for context in ["{}", r#"{"targetingKey":null}"#, r#"{"targetingKey":""}"#] {
            assert_eq!(outcome(&halves(version, ""), context), "- DEFAULT", "{context}");
        }
    }
}

#[test]
fn version_2_is_the_default_and_knows_strings_only() {
    assert_eq!(outcome(&halves("null", r#"{"var":"who"},"#), r#"{"who":"hello"}"#), "in TARGETING_MATCH");
    for who in ["42", "true", "null", "{}"] {
        let context = format!(r#"{{"who":{who},"targetingKey":"user-1"}}"#);
        assert_eq!(outcome(&halves("2", r#"{"var":"who"},"#), &context), "- DEFAULT", "{who}");
    }
}

#[test]
fn version_3_takes_any_value_as_the_bucketing_key_but_null() {
    for (who, variant) in [
        (r#""hello""#, "out"),       // 99
        (r#""user-1""#, "in"),       // 33
        ("42", "in"),                // 33
        ("1", "out"),                // 89
        ("true", "in"),              // 19
        (r#"{"b":1,"a":2}"#, "out"), // 60
    ] {
        let context = format!(r#"{{"who":{who}}}"#);
        let expected = format!("{variant} TARGETING_MATCH");
        assert_eq!(outcome(&halves("3", r#"{"var":"who"},"#), &context), expected, "{who}");
    }
    assert_eq!(outcome(&halves("3", r#"{"var":"who"},"#), r#"{"targetingKey":"user-1"}"#), "- DEFAULT");
}

#[test]
fn version_3_takes_only_a_string_as_the_targeting_key() {
    for key in ["12345", "true", r#"["user-1"]"#] {
        let context = format!(r#"{{"targetingKey":{key}}}"#);
        assert_eq!(outcome(&halves("3", ""), &context), "- DEFAULT", "{key}");
    }
}

#[test]
fn variants_and_weights_may_be_rules() {
    let set = targeting(
        r#"{"fractional":[{"var":"targetingKey"},[{"var":"colour"},{"if":[{"var":"pro"},100,0]}],["b",10]]}"#,
    );
    let context = |rest: &str| format!(r#"{{"targetingKey":"hello"{rest}}}"#);
    assert_eq!(outcome(&set, &context(r#","colour":"a","pro":true"#)), "a TARGETING_MATCH");
    assert_eq!(outcome(&set, &context(r#","colour":"a""#)), "b TARGETING_MATCH");
    assert_eq!(outcome(&set, &context(r#","pro":true"#)), "a DEFAULT");
    assert_eq!(outcome(&set, &context(r#","colour":["a"],"pro":true"#)), "a DEFAULT");
}

#[test]
fn fractional_may_decide_within_a_rule() {
    let set = targeting(r#"{"if":[{"fractional":[[false,0],[true,100]]},"b","a"]}"#);
    assert_eq!(outcome(&set, r#"{"targetingKey":"x"}"#), "b TARGETING_MATCH");
    assert_eq!(
        outcome(&targeting(r#"{"fractional":[[true]]}"#), r#"{"targetingKey":"x"}"#),
        "true TARGETING_MATCH"
    );
    assert_eq!(outcome(&targeting(r#"{"fractional":[[null]]}"#), r#"{"targetingKey":"x"}"#), "a DEFAULT");
}

#[test]
fn an_error_of_an_operator_is_null_and_null_is_not_true() {
    for rule in
        [r#"{"sem_ver":["x","=","1.0.0"]}"#, r#"{"starts_with":[1,"a"]}"#, r#"{"fractional":["k",["x",0]]}"#]
    {
        assert_eq!(outcome(&targeting(rule), "{}"), "a DEFAULT", "{rule}");
        assert_eq!(
            outcome(&targeting(&format!(r#"{{"if":[{rule},"true","b"]}}"#)), "{}"),
            "b TARGETING_MATCH"
        );
    }
}

#[test]
fn a_rule_that_does_not_come_to_an_end_is_a_general_error() {
    let list = format!("[{}]", vec!["1"; 500].join(","));
    let loops = format!(r#"{{"map":[{list},{{"map":[{list},{{"var":""}}]}}]}}"#);
    assert_eq!(outcome(&targeting(&loops), "{}"), "- ERROR GENERAL");
    // doubles with every round
    let doubles = r#"{"cat":[{"var":"accumulator"},{"var":"accumulator"}]}"#;
    let grows = format!(r#"{{"reduce":[{list},{doubles},"x"]}}"#);
    assert_eq!(outcome(&targeting(&grows), "{}"), "- ERROR GENERAL");
    let grows = format!(r#"{{"reduce":[{list},[{{"var":"accumulator"}},{{"var":"accumulator"}}],"x"]}}"#);
    assert_eq!(outcome(&targeting(&grows), "{}"), "- ERROR GENERAL");
}

#[test]
fn the_steps_of_one_flag_are_not_taken_from_the_next() {
    let list = format!("[{}]", vec!["1"; 500].join(","));
    let loops = format!(r#"{{"map":[{list},{{"map":[{list},{{"var":""}}]}}]}}"#);
    let flag = |rule: &str| format!(r#"{{"state":"ENABLED","variants":{{"true":1}},"targeting":{rule}}}"#);
    let text = format!(r#"{{"flags":{{"bad":{},"good":{}}}}}"#, flag(&loops), flag(r#"{"==":[1,1]}"#));
    let set = compile(&text).unwrap();
    assert_eq!(shown(&all(&set), 1), "true TARGETING_MATCH");
}

/// JSON with the words of flag documents in it, so that random documents get somewhere.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "flags",
        "state",
        "ENABLED",
        "variants",
        "defaultVariant",
        "targeting",
        "metadata",
        "fractional",
        "$evaluators",
        "$ref",
        "var",
        "missing",
        "missing_some",
        "if",
        "==",
        "===",
        "<",
        "!",
        "!!",
        "or",
        "and",
        "max",
        "min",
        "+",
        "-",
        "*",
        "/",
        "%",
        "map",
        "filter",
        "reduce",
        "all",
        "none",
        "some",
        "merge",
        "in",
        "cat",
        "substr",
        "sem_ver",
        "starts_with",
        "a",
        "",
        "$flagd.timestamp",
        "targetingKey",
        "1.2.3",
        "=",
        "accumulator",
        "a.0.b",
        "😀",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>().prop_map(Value::Number),
        (-9i8..9).prop_map(|n| Value::Number(n as f64)),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        let name = word.clone().prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            (name.clone(), inner.clone()).prop_map(|member| Value::Object(vec![member])),
            prop::collection::vec((name, inner), 0..5).prop_map(Value::Object),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_document_and_no_context_makes_it_panic(document in any_value(), context in any_value()) {
        let mut set = FlagSet::new(Numbers::native());
        set.compile(Node::root(&document), "");
        evaluate(&set, &context, 1.0);
    }

    #[test]
    fn no_rule_and_no_context_makes_it_panic(rule in any_value(), context in any_value(), version in 2..4) {
        let flag = Value::object([
            ("state", "ENABLED".into()),
            ("variants", Value::object([("a", 1.0.into())])),
            ("targeting", rule.clone()),
        ]);
        let document = Value::object([
            ("flags", Value::object([("f", flag)])),
            ("$evaluators", Value::object([("a", rule)])),
            ("fractional", f64::from(version).into()),
        ]);
        let set = compile_at(&document, "").unwrap();
        prop_assert_eq!(evaluate(&set, &context, 1.0), evaluate(&set, &context, 1.0));
    }
}
