//! The browser's side of the crate, in real engines: JavaScript's numbers against the native ones, our JSON against
//! `JSON.parse` and `JSON.stringify`, and the exports. `cargo xtask test web`, `firefox`, `webkit`.
#![cfg(target_arch = "wasm32")]

use std::ffi::CStr;
use std::sync::Once;

use js_sys::{JSON, Object};
use trueup::browser::{exports, wire};
use trueup::core::error::Fault;
use trueup::core::flags::Numbers;
use trueup::core::json::Json;
use trueup::core::value::{MAX_DEPTH, Value};
use trueup::core::window::Status;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

// What the package's glue (`pkg-template/src/glue.ts`) hands in, with its own `pack`; wasm-bindgen's takes globals.
#[wasm_bindgen(inline_js = "
    let pack;
    export function hand_in(memory, glue) {
        const [source] = /^const double = .*?^};/ms.exec(glue);
        pack = Function(source.replace(/: (any|string|BigUint64Array)\\b/g, '') + 'return pack')();
        let packed;
        globalThis.json = (text) => {
            try {
                packed = new TextEncoder().encode(pack(JSON.parse(text)));
            } catch {
                packed = [];
            }
            return packed.length;
        };
        globalThis.take = (to) => new Uint8Array(memory.buffer, to, packed.length).set(packed);
        globalThis.number = Number;
        globalThis.remainder = (a, b) => a % b;
        globalThis.print = (n, to) => new TextEncoder().encodeInto(String(n), new Uint8Array(memory.buffer, to, 32)).written;
    }
    export function packed(json) {
        try {
            return pack(JSON.parse(json));
        } catch {
            return '';
        }
    }
")]
extern "C" {
    fn hand_in(memory: JsValue, glue: &str);
    fn packed(json: &str) -> String;
}

/// JavaScript's own way with numbers.
fn javascript() -> Numbers {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| hand_in(wasm_bindgen::memory(), include_str!("../pkg-template/src/glue.ts")));
    wire::NUMBERS
}

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
    let (native, javascript) = (Numbers::native(), javascript());
    for text in TEXTS {
        let (ours, right) = ((native.parse)(text), (javascript.parse)(text));
        assert!(same(ours, right), "{text:?}: {ours}, JavaScript says {right}");
    }
}

#[wasm_bindgen_test]
fn numbers_are_written_alike_and_read_back() {
    let (native, javascript) = (Numbers::native(), javascript());
    for n in NUMBERS.iter().copied().chain(any(20_000)) {
        let (ours, right) = ((native.print)(n), (javascript.print)(n));
        assert_eq!(ours, right, "{:x}", n.to_bits());
        let (back, again) = ((native.parse)(&right), (javascript.parse)(&right));
        assert!(same(back, again), "{right}: {back}");
        assert!(back == n || n.is_nan(), "{right}: {back}");
    }
}

#[wasm_bindgen_test]
fn remainders_are_alike() {
    let (native, javascript) = (Numbers::native(), javascript());
    let all: Vec<f64> = NUMBERS.iter().copied().chain(any(60)).collect();
    for &a in &all {
        for &b in &all {
            let (ours, right) = ((native.remainder)(a, b), (javascript.remainder)(a, b));
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
        r#"{"a":1,"b":2,"a":3,"10":4,"9":5}"#,
        r#"{"trueup":1,"serial":1795413600,"current":{"id":"9f3c2e1","version":"4.12.0"}}"#,
    ]
    .map(str::to_owned)
    .into();
    let javascript = javascript();
    all.extend(any(2_000).filter(|n| n.is_finite()).map(|n| (javascript.print)(n)));
    all
}

/// What JavaScript makes of it, written by JavaScript.
fn stringified(text: &str) -> Option<String> {
    JSON::parse(text).and_then(|value| JSON::stringify(&value)).ok().map(String::from)
}

fn written(value: &Value) -> String {
    let mut out = Json::new(wire::NUMBERS.print);
    out.value(value);
    out.done()
}

#[wasm_bindgen_test]
fn json_is_read_and_written_as_javascript_does() {
    for text in documents() {
        let value = wire::parse(&text).expect("JSON");
        let ours = written(&value);
        assert_eq!(stringified(&ours), stringified(&text), "{text}: {ours}");
        assert_eq!(wire::parse(&ours), Some(value));
    }
}

#[wasm_bindgen_test]
fn json_is_refused_where_javascript_refuses_it() {
    let documents = documents();
    let (mut good, mut bad) = (0, 0);
    let mut place = any(40_000).map(|n| n.to_bits() as usize);
    for text in documents.iter().cycle().take(10_000) {
        // One letter is another one, or gone.
        let mut letters: Vec<char> = text.chars().collect();
        let at = place.next().unwrap_or(0) % letters.len();
        match "\"\\{}[],:eE+-.0159 \t\n\u{b}\u{a0}\u{feff}tfnu/x\0"
            .chars()
            .nth(place.next().unwrap_or(0) % 40)
        {
            Some(letter) => letters[at] = letter,
            None => drop(letters.remove(at)),
        }
        let text: String = letters.into_iter().collect();
        let right = JSON::parse(&text).is_ok();
        assert_eq!(wire::parse(&text).is_some(), right, "{text}");
        *(if right { &mut good } else { &mut bad }) += 1;
    }
    assert!(good > 1_000 && bad > 1_000, "{good} and {bad}");
}

#[wasm_bindgen_test]
fn numbers_that_json_does_not_have_are_written_as_null() {
    javascript();
    for n in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(written(&Value::Array(vec![Value::Number(n), Value::Null])), "[null,null]");
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
    javascript();
    let most = usize::from(MAX_DEPTH);
    for levels in [1, most - 1, most, most + 1, 100_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[1,{"a":"#, "}]")] {
            let text = open.repeat(levels) + "1" + &close.repeat(levels);
            let each = open.matches(['[', '{']).count();
            let value = wire::parse(&text).expect("JSON");
            assert_eq!(depth(&value), (levels * each).min(most), "{levels} of {open}");
        }
    }
}

/// What stands behind the options at the start: a visible tab, online, without locks.
const START: &str = "7,null,null,null,[],null,null,null,null,true,true,false,false";
const WALL: f64 = 1.8e12;
/// The longest delay of `setTimeout`.
const LONGEST: i64 = 2_147_483_647;

/// As the glue does it.
fn tell(input: &str, mono: f64, wall: f64) -> String {
    let input = packed(input);
    let room = exports::room(input.len());
    // SAFETY: there is room for it, which nobody else uses; and a NUL behind what comes.
    let reply = unsafe {
        room.copy_from(input.as_ptr(), input.len());
        CStr::from_ptr(exports::handle(mono, wall).cast())
    };
    reply.to_str().expect("UTF-8").to_owned()
}

/// A client with these options, in place of the one before; and what it says first.
fn client(options: &str) -> String {
    javascript();
    exports::forget();
    tell(&format!("[{options},{START}]"), 0.0, WALL)
}

/// The delay that a reply begins with.
fn delay(reply: &str) -> i64 {
    let digits = reply.strip_prefix('[').and_then(|reply| reply.split([',', ']']).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{reply}"))
}

const BUILD: &str = r#"{"build":{"id":"b1"}}"#;
const INSPECT: &str = "[22]";

#[wasm_bindgen_test]
fn a_client_starts_polls_and_tells_what_an_answer_brought() {
    let started = client(BUILD);
    assert!(started.contains(",[7]"), "{started}");
    assert!((0..=10_000).contains(&delay(&started)), "{started}");
    let answer = r#"[21,null,200,false,null,null,null,null,"{\"trueup\":1,\"serial\":1,\"current\":{\"id\":\"b2\"}}"]"#;
    let told = tell(answer, 50.5, WALL);
    assert!(told.contains(&format!("[11,{},", Status::Behind as u8)), "{told}");
    assert!(stringified(&told).is_some(), "{told}");
    let known = tell(INSPECT, 60.0, WALL);
    assert!(known.contains(r#"["b1","",1,"b2",null,"#), "{known}");
}

#[wasm_bindgen_test]
fn an_input_that_it_does_not_know_does_nothing() {
    client(BUILD);
    let before = tell("[0]", 1.0, WALL);
    for input in ["{}", "[99]", r#"["of-tomorrow"]"#, "[[7]]", "[null]", "[]", "7", "null", "", "{", "[0"] {
        assert_eq!(tell(input, 1.0, WALL), before, "{input}");
    }
}

#[wasm_bindgen_test]
fn inputs_that_lack_what_belongs_to_them_do_no_harm() {
    for kind in 0..=30 {
        for more in ["", ",null", ",1", ",true", ",\"x\"", ",[[]]", ",{},{},{},{},{},{},{},{},{},{}"] {
            client(BUILD);
            let told = tell(&format!("[{kind}{more}]"), 1.0, WALL);
            assert!((0..=LONGEST).contains(&delay(&told)), "{kind}{more}: {told}");
            assert!(stringified(&told).is_some(), "{told}");
        }
    }
}

#[wasm_bindgen_test]
fn wrong_options_give_code_and_path() {
    for (options, fault, path) in [
        (r#"{"build":{"id":"b1"},"poll":{"everySeconds":0}}"#, Fault::Range, "poll.everySeconds"),
        (r#"{"build":{}}"#, Fault::Missing, "build.id"),
        (r#"{"build":{"id":"b1"},"apis":{"orders":[">=4 <2"]}}"#, Fault::RangeSet, "apis.orders[0]"),
    ] {
        assert_eq!(client(options), format!(r#"[{},"{path}"]"#, fault as u8));
    }
}

#[wasm_bindgen_test]
fn clocks_out_of_bounds_at_the_border_do_no_harm() {
    for time in [f64::NAN, -1.0, 9e15] {
        client(BUILD);
        let told = tell("[0]", time, time);
        assert!((0..=LONGEST).contains(&delay(&told)), "{time}: {told}");
    }
}
