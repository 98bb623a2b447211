//! The house's rules: `src/core` decides, and knows no clock, no chance, no I/O and no browser; what stands twice agrees.

use std::fs;
use std::path::{Path, PathBuf};

use trueup::core::error::{Fault, FetchError};
use trueup::core::event::Wake;
use trueup::core::refresh::Phase;
use trueup::core::schedule::{Role, Why};
use trueup::core::serial::Heard;
use trueup::core::window::{Action, Reason, Status};

/// Words that would bring one of them in, and what to do instead.
const FORBIDDEN: &[(&[&str], &str)] = &[
    (&["Instant", "SystemTime", "UNIX_EPOCH"], "`now` is an argument"),
    (&["rand", "getrandom", "fastrand", "RandomState", "HashMap", "HashSet"], "chance is an argument"),
    (&["fs", "net", "env", "process", "thread", "tokio", "async", "await"], "effects are returned"),
    (
        &[
            "web_sys",
            "js_sys",
            "wasm_bindgen",
            "serde_wasm_bindgen",
            "gloo",
            "gloo_timers",
            "wasm_bindgen_futures",
        ],
        "that is `src/browser`'s",
    ),
];

#[test]
fn the_core_knows_no_clock_no_chance_and_no_browser() {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core"), &mut files);
    assert!(files.len() > 5, "found only {files:?}");
    let mut found = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("readable");
        for (line, text) in code(&source).lines().enumerate() {
            for (word, instead) in forbidden(text) {
                found.push(format!("{}:{}: {word}: {instead}", file.display(), line + 1));
            }
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn words_in_comments_and_texts_are_no_code() {
    let source = "a(); // Instant\n/* rand /* net */ fs */ b(\"SystemTime \\\" env\", '\"'); Instant::now()";
    let code = code(source);
    assert_eq!(code.lines().count(), 2, "lines keep their numbers");
    let words: Vec<&str> = code.lines().flat_map(forbidden).map(|(word, _)| word).collect();
    assert_eq!(words, ["Instant"]);
    assert!(code.contains("a()") && code.contains("b("));
}

#[test]
fn raw_texts_and_lifetimes_do_not_hide_code() {
    let source = "fn f<'a>(x: &'a str) { r#\"a \" // net\"#; r\"\\\"; getrandom(b'\\'') }";
    assert_eq!(forbidden(&code(source)).map(|(word, _)| word).collect::<Vec<_>>(), ["getrandom"]);
}

fn forbidden(code: &str) -> impl Iterator<Item = (&str, &'static str)> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter_map(|word| {
        FORBIDDEN.iter().find(|(words, _)| words.contains(&word)).map(|(_, instead)| (word, *instead))
    })
}

/// The source without comments and without what is inside texts; its lines stay where they are.
fn code(source: &str) -> String {
    let (mut out, mut rest) = (String::new(), source);
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest, out.chars().next_back()).unwrap_or(0);
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..length].chars().filter(|c| *c == '\n'));
            out.push(' ');
            rest = &rest[length..];
        }
    }
    out
}

/// The length of the comment, text or character that `rest` begins with, if it does.
fn skipped(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block(rest));
    }
    if rest.starts_with('r') && !before.is_some_and(|c| c.is_alphanumeric() && c != 'b' || c == '_') {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        let body = rest[1 + hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(2 + hashes + body.find(&end).map_or(body.len(), |at| at + end.len()));
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    // A character, unless it is a lifetime.
    let mut next = rest.strip_prefix('\'')?.chars();
    let first = next.next()?;
    (first == '\\' || next.next() == Some('\'')).then(|| quoted(rest, '\''))
}

/// Block comments nest.
fn block(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest[at..];
        let step = if here.starts_with("/*") {
            depth += 1;
            2
        } else if here.starts_with("*/") {
            depth -= 1;
            2
        } else {
            here.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The numbers of inputs and effects stand in two languages.
#[test]
fn both_sides_of_the_wire_count_alike() {
    let read = |path| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("readable");
    let (page, event, effects) =
        (read("pkg-template/src/wire.ts"), read("src/core/event.rs"), read("src/browser/wire.rs"));
    let inputs: Vec<_> = members(&page, "In").iter().map(|name| snake(name)).collect();
    let kinds = between(&event, "pub mod kind {", "\n}");
    let kinds: Vec<_> = kinds.lines().filter_map(|line| line.trim().strip_prefix("pub const ")).collect();
    let counted: Vec<_> =
        inputs.iter().enumerate().map(|(number, name)| format!("{name}: i64 = {number};")).collect();
    assert_eq!(kinds, counted);

    let arms = between(&effects, "fn effect(", "});");
    let mut seen = 0;
    for (number, name) in members(&page, "Out").iter().enumerate().filter(|(_, name)| **name != "Fault") {
        let arm = arms.lines().find(|line| {
            line.split(|c: char| !c.is_alphanumeric())
                .collect::<Vec<_>>()
                .windows(3)
                .any(|w| w == ["Effect", "", *name])
        });
        let arm = arm.unwrap_or_else(|| panic!("src/browser/wire.rs writes no {name}"));
        assert!(arm.ends_with(&format!("=> {number},")), "{name} is {number} in wire.ts: {arm}");
        seen += 1;
    }
    assert!(seen > 10, "found only {seen} effects");
}

/// Words cross as their places in lists, which stand in JavaScript and here.
#[test]
fn both_sides_of_the_wire_have_the_same_words() {
    let read = |path| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("readable");
    let (page, effects) = (read("pkg-template/src/wire.ts"), read("src/browser/wire.rs"));
    let lists = &page[page.find("const WHY =").expect("lists")..];
    let text = |from: &str| {
        let (_, rest) = lists.split_once(from).unwrap_or_else(|| panic!("wire.ts has no {from}"));
        let (text, _) =
            rest.trim_start().trim_start_matches(['"', '`']).split_once(['"', '`']).expect("ends");
        text.to_owned()
    };
    let (why, phase) = (text("const WHY ="), text("const PHASE ="));
    let codes = [Fault::NAMES, FetchError::NAMES].concat();
    // What is behind the last one is nothing.
    let reasons = Reason::NAMES.trim_end();
    for (member, words) in [
        ("const WHY =", Why::NAMES),
        ("const PHASE =", Phase::NAMES),
        ("status:", Status::NAMES),
        ("reason:", reasons),
        ("action:", Action::NAMES),
        ("outcome:", Heard::NAMES),
        ("code:", codes.as_str()),
        ("role:", Role::NAMES),
    ] {
        let from = if member.contains('=') { member.to_owned() } else { format!("\n  {member}") };
        assert_eq!(text(&from), words.trim_end(), "{member}");
    }
    assert_eq!(reasons.split(' ').count(), Reason::None as usize);
    let wake = text("\n  wake:").replace("${WHY}", &why).replace("${PHASE}", &phase);
    assert_eq!(wake, Wake::reasons().trim_end());
    assert!(page.contains("polling: WHY,") && page.contains("phase: PHASE,") && page.contains("why: WHY,"));
    for (place, blame) in text("\n  blame:").split(' ').enumerate() {
        let constant = format!("const {}: i64 = {place};", blame.to_uppercase());
        assert!(effects.contains(&constant), "{constant}");
    }
}

/// The members of a `const enum`, in order.
fn members<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    let body = between(source, &format!("export const enum {name} {{"), "\n}");
    body.lines()
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(|line| line.chars().all(char::is_alphanumeric))
        .collect()
}

fn between<'a>(source: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = source.split_once(from).unwrap_or_else(|| panic!("there is no {from}"));
    rest.split_once(to).expect("ends").0
}

/// `PageHide`: `PAGE_HIDE`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_uppercase());
    }
    snake
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src/core") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
