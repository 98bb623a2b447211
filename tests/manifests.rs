//! The corpus of manifests, which the decoder and `pkg-template/schema.json` judge alike (the schema's half stands in
//! `pkg-template/test/schema.test.mjs`): `accepted` without a fault in any part, `refused` for at least one, and `beyond`,
//! where a schema cannot say what the decoder says.

mod harness;

use harness::{Blame, Effect, json};
use serde_json::Value;
use trueup::core::Client;
use trueup::core::error::Fault;
use trueup::core::event::{Answer, Event, Start};
use trueup::core::flags::Numbers;
use trueup::core::time::Now;

/// The faults that a tab reports which calls the API `orders`; not those that only tell of a default.
fn faults(manifest: &Value) -> Vec<Blame> {
    let now = Now { mono: 0, wall: harness::EPOCH };
    let options = json(r#"{ "build": { "id": "tab" }, "apis": { "orders": ["1"] } }"#).unwrap();
    let start = Start { visible: true, online: true, ..Start::default() };
    let mut client = Client::new(&options, start, harness::parse, Numbers::native(), now).unwrap();
    let answer = Answer { status: 200, text: Some(manifest.to_string()), ..Answer::default() };
    client.handle(now, Event::Answer { answer, told: None });
    let mut faults = Vec::new();
    for effect in harness::effects(&client, 0, &Answer::default()) {
        match effect {
            Effect::Fault(Blame::Publisher(flaw))
                if matches!(flaw.fault, Fault::Clamped | Fault::Unknown)
                    || flaw.fault == Fault::Undefined && flaw.path.ends_with(".preferred") => {}
            Effect::Fault(fault) => faults.push(fault),
            _ => {}
        }
    }
    faults
}

fn cases(of: &str) -> serde_json::Map<String, Value> {
    let mut corpus: Value = serde_json::from_str(include_str!("manifests.json")).unwrap();
    let Value::Object(cases) = corpus[of].take() else { panic!("there is no {of}") };
    assert!(cases.len() > 9, "{of}: only {}", cases.len());
    cases
}

#[test]
fn accepted_manifests_have_no_fault_in_any_part() {
    for (name, manifest) in cases("accepted") {
        assert_eq!(faults(&manifest), [], "{name}");
    }
}

#[test]
fn refused_manifests_have_a_fault() {
    for (name, manifest) in cases("refused") {
        assert!(!faults(&manifest).is_empty(), "{name}");
    }
}

#[test]
fn what_a_schema_cannot_say_the_decoder_says() {
    for (name, case) in cases("beyond") {
        let accepted = case["accepted"].as_bool().unwrap();
        assert_eq!(faults(&case["manifest"]).is_empty(), accepted, "{name}");
    }
}
