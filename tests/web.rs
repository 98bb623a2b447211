//! The browser's side of the crate, in real engines: JavaScript's numbers against the native ones, `JSON.parse` into the
//! one tree, JSON text out, and the exported class. `cargo xtask test web`, `firefox`, `webkit`.
#![cfg(target_arch = "wasm32")]

use js_sys::{Array, JSON, Object, Reflect};
use trueup::browser::exports::Core;
use trueup::browser::json::Json;
use trueup::browser::wire;
use trueup::core::error::Fault;
use trueup::core::flags::Numbers;
use trueup::core::value::{MAX_DEPTH, Value, read};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Texts as users and publishers write them, and as they should not.
const TEXTS: &[&str] = &[
    "",
    " ",
    " \t\n\r\u{b}\u{c}\u{a0}\u{2028}\u{2029}\u{feff}\u{3000}",
    "\u{feff}7\u{feff}",
    "\u{85}7",
    "\u{180e}7",
    "0",
    "-0",
    "+0",
    "12",
    " 12 ",
    "012",
    "1.5",
    "-1.5",
    "+1.5",
    ".5",
    "5.",
    ".",
    "+",
    "-",
    "+-1",
    "--1",
    "- 1",
    "1 2",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1e",
    "e5",
    "1e3.5",
    "1e400",
    "-1e400",
    "1e-400",
    "0x1F",
    "0X1f",
    "0x",
    "0xg",
    "-0x1F",
    "+0x1F",
    "0b101",
    "0B2",
    "0o17",
    "0O8",
    "0x1.8",
    "Infinity",
    "+Infinity",
    "-Infinity",
    "--Infinity",
    "infinity",
    "INFINITY",
    "inf",
    "nan",
    "NaN",
    "true",
    "null",
    "1_000",
    "1,5",
    "1n",
    "1f",
    "1d",
    "٣",
    "１",
    "½",
    "9007199254740993",
    "9007199254740992.9999999999999999999999999999999999",
    "123456789012345678901234567890",
    "0.1",
    "0.30000000000000004",
    "5e-324",
    "2.4703282292062327e-324",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "2.2250738585072011e-308",
    "0x20000000000001",
    "0xFFFFFFFFFFFFFFFF",
];

const NUMBERS: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    0.2,
    0.1 + 0.2,
    -1.5,
    1e20,
    1e21,
    -1e21,
    123456789012345680000.0,
    1.2345678901234568e21,
    1e-6,
    1e-7,
    1.25e-7,
    -1e-7,
    5e-324,
    f64::MAX,
    f64::MIN_POSITIVE,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    9007199254740991.0,
    9007199254740993.0,
    4294967296.0,
    1795413600000.0,
];

/// Numbers of every size: xorshift, from a fixed seed.
fn any(count: usize) -> impl Iterator<Item = f64> {
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        // Every other one of a size that occurs.
        if bits & 1 == 0 { f64::from_bits(bits) } else { (bits >> 12) as i32 as f64 / 1000.0 }
    })
    .take(count)
}

/// Equal as JavaScript's `Object.is` has it.
fn same(a: f64, b: f64) -> bool {
    Object::is(&a.into(), &b.into())
}

#[wasm_bindgen_test]
fn texts_are_read_as_numbers_alike() {
    let native = Numbers::native();
    for text in TEXTS {
        let (ours, right) = ((native.parse)(text), (wire::NUMBERS.parse)(text));
        assert!(same(ours, right), "{text:?}: {ours}, JavaScript says {right}");
    }
}

#[wasm_bindgen_test]
fn numbers_are_written_alike_and_read_back() {
    let native = Numbers::native();
    for n in NUMBERS.iter().copied().chain(any(20_000)) {
        let (ours, right) = ((native.print)(n), (wire::NUMBERS.print)(n));
        assert_eq!(ours, right, "{:x}", n.to_bits());
        let (back, again) = ((native.parse)(&right), (wire::NUMBERS.parse)(&right));
        assert!(same(back, again), "{right}: {back}");
        assert!(back == n || n.is_nan(), "{right}: {back}");
    }
}

#[wasm_bindgen_test]
fn remainders_are_alike() {
    let native = Numbers::native();
    let all: Vec<f64> = NUMBERS.iter().copied().chain(any(60)).collect();
    for &a in &all {
        for &b in &all {
            let (ours, right) = ((native.remainder)(a, b), (wire::NUMBERS.remainder)(a, b));
            assert!(same(ours, right), "{a} % {b}: {ours}, JavaScript says {right}");
        }
    }
}

/// Documents, as text.
fn documents() -> Vec<String> {
    let mut all: Vec<String> = [
        r#"null"#,
        r#" true "#,
        r#"-0"#,
        r#"1e3"#,
        r#"0.1"#,
        r#"12345678901234567890"#,
        r#""""#,
        r#""ä\u00e4\n\"\\\/\u0000\u001f\u007f\u2028 😀 \ud83d\ude00""#,
        r#"[]"#,
        r#"{}"#,
        r#"[1,[2,[3,{"a":[{"b":null}]}]],"x",true,null]"#,
        r#"{"b":1,"a":2,"":3,"ü":4,"__proto__":5,"constructor":6,"toString":{"valueOf":7}}"#,
        r#"{"trueup":1,"serial":1795413600,"current":{"id":"9f3c2e1","version":"4.12.0"}}"#,
    ]
    .map(str::to_owned)
    .into();
    all.extend(any(2_000).filter(|n| n.is_finite()).map(|n| (wire::NUMBERS.print)(n)));
    all
}

#[wasm_bindgen_test]
fn json_is_read_into_the_same_tree() {
    for text in documents() {
        let native = read(&mut serde_json::Deserializer::from_str(&text)).expect("JSON");
        assert_eq!(wire::parse(&text), Ok(native), "{text}");
    }
}

#[wasm_bindgen_test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{a:1}",
        "'a'",
        "NaN",
        "undefined",
        "<!doctype html>",
        "01",
        "1 2",
        "\u{feff}1",
    ] {
        assert_eq!(wire::parse(text), Err(Fault::Json), "{text}");
        assert!(
            read(&mut serde_json::Deserializer::from_str(text)).is_err() || text == "1 2" || text == "01",
            "{text}"
        );
    }
}

#[wasm_bindgen_test]
fn what_is_written_is_read_back_and_numbers_are_written_as_javascript_does() {
    for text in documents() {
        let value = wire::parse(&text).expect("JSON");
        let mut out = Json::new();
        out.value(&value);
        let written = out.done();
        if let Value::Number(_) = value {
            assert_eq!(written, String::from(JSON::stringify(&object(&text)).expect("text")));
        }
        assert_eq!(wire::parse(&written), Ok(value), "{text}: {written}");
    }
}

#[wasm_bindgen_test]
fn numbers_that_json_does_not_have_are_written_as_null() {
    for n in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut out = Json::new();
        out.value(&Value::Array(vec![Value::Number(n), Value::Null]));
        assert_eq!(out.done(), "[null,null]");
    }
}

/// How deep it nests.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

#[wasm_bindgen_test]
fn what_is_too_deep_reads_as_nothing_and_overflows_no_stack() {
    let most = usize::from(MAX_DEPTH);
    for levels in [1, most - 1, most, most + 1, 5_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[1,{"a":"#, "}]")] {
            let text = open.repeat(levels) + "1" + &close.repeat(levels);
            let each = open.matches(['[', '{']).count();
            let value = wire::parse(&text).expect("JSON");
            assert_eq!(depth(&value), (levels * each).min(most), "{levels} of {open}");
        }
    }
}

#[wasm_bindgen_test]
fn what_json_does_not_have_is_nothing() {
    let holder = Object::new();
    let set = |name: &str, value: &JsValue| assert_eq!(Reflect::set(&holder, &name.into(), value), Ok(true));
    set("undefined", &JsValue::UNDEFINED);
    set("function", &js_sys::Function::new_no_args("").into());
    set("symbol", &js_sys::Symbol::iterator().into());
    set("big", &js_sys::BigInt::from(7).into());
    set("n", &7.into());
    let Value::Object(members) = wire::tree(holder.into()) else { panic!("an object") };
    let nothing = |name: &str| members.iter().any(|(n, v)| n == name && v.is_null());
    for name in ["undefined", "symbol", "big"] {
        assert!(nothing(name), "{name}: {members:?}");
    }
    assert!(members.contains(&("n".to_owned(), Value::Number(7.0))));
}

/// An object of JavaScript's.
fn object(json: &str) -> JsValue {
    JSON::parse(json).expect("JSON")
}

const START: &str = r#"{"seed":7,"visible":true,"online":true,"locks":false,"reloadOff":false}"#;

fn effects(text: &str) -> Vec<String> {
    let list: Array = JSON::parse(text).expect("JSON").unchecked_into();
    list.iter().map(|effect| String::from(JSON::stringify(&effect).expect("text"))).collect()
}

#[wasm_bindgen_test]
fn the_class_starts_polls_and_tells_what_an_answer_brought() {
    let mut core =
        Core::new(object(r#"{"build":{"id":"b1"}}"#), object(START), 0.0, 1.8e12).expect("started");
    let started = effects(&core.start(0.0, 1.8e12));
    assert!(started.iter().any(|effect| effect.starts_with(r#"{"do":"poll""#)), "{started:?}");
    assert!((0.0..=10_000.0).contains(&core.wake(0.0, 1.8e12)));
    let answer = r#"{"type":"answer","own":true,"status":200,"text":"{\"trueup\":1,\"serial\":1,\"current\":{\"id\":\"b2\"}}"}"#;
    let told = effects(&core.handle(object(answer), 50.5, 1.8e12));
    let standing = told.iter().find(|effect| effect.contains(r#""event":"standing""#)).expect("a standing");
    assert!(standing.contains(r#""status":"behind""#), "{standing}");
    let known = object(&core.inspect(60.0, 1.8e12));
    assert_eq!(Reflect::get(&known, &"current".into()), Ok("b2".into()));
}

#[wasm_bindgen_test]
fn an_input_that_it_does_not_know_does_nothing() {
    let mut core =
        Core::new(object(r#"{"build":{"id":"b1"}}"#), object(START), 0.0, 1.8e12).expect("started");
    core.start(0.0, 1.8e12);
    for input in [
        object("{}"),
        object(r#"{"type":"of-tomorrow"}"#),
        object("[]"),
        object("7"),
        JsValue::UNDEFINED,
        JsValue::NULL,
    ] {
        assert_eq!(core.handle(input, 1.0, 1.8e12), "[]");
    }
}

#[wasm_bindgen_test]
fn wrong_options_throw_code_and_path() {
    for (options, code, path) in [
        (r#"{"build":{"id":"b1"},"poll":{"everySeconds":0}}"#, "range", "poll.everySeconds"),
        (r#"{"build":{}}"#, "missing", "build.id"),
        (r#"{"build":{"id":"b1"},"apis":{"orders":[">=4 <2"]}}"#, "range-set", "apis.orders[0]"),
    ] {
        let thrown = Core::new(object(options), object(START), 0.0, 1.8e12).err().expect(options);
        let of = |name: &str| Reflect::get(&thrown, &name.into()).ok().and_then(|value| value.as_string());
        assert_eq!((of("code").as_deref(), of("path").as_deref()), (Some(code), Some(path)));
    }
}

#[wasm_bindgen_test]
fn numbers_out_of_bounds_at_the_border_do_no_harm() {
    for time in [f64::NAN, -1.0, 9e15] {
        let mut core =
            Core::new(object(r#"{"build":{"id":"b1"}}"#), object(START), 0.0, 1.8e12).expect("started");
        core.start(0.0, 1.8e12);
        core.handle(object(r#"{"type":"wake"}"#), time, time);
        assert!((0.0..=2_147_483_647.0).contains(&core.wake(time, time)), "{time}");
    }
}
