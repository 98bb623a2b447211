//! Feature flags as flagd evaluates them: definitions and targeting compiled once, evaluated all at once.

mod fractional;
mod live;
mod native;
mod operators;
mod rule;
mod sem_ver;
#[cfg(test)]
mod tests;

use self::fractional::Bucketing;
pub use self::live::Live;
use self::operators::{Logic, Made};
use self::rule::{CONSTANT, Compiler, Rule};
use super::config::Build;
use super::error::{Fault, Flaw};
use super::json::Json;
use super::names::{NOWHERE, position};
use super::value::{ARRAY, First, NUMBER, Node, OBJECT, REQUIRED, STRING, Value, push, step};

/// What the platform does better than code that every visitor would have to load.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// JavaScript's `Number(text)`: not a number where the text is none, 0 for blanks.
    pub parse: fn(&str) -> f64,
    /// JavaScript's `String(number)`.
    pub print: fn(f64) -> String,
    /// JavaScript's `a % b`.
    pub remainder: fn(f64, f64) -> f64,
}

impl Numbers {
    /// The same without a JavaScript engine, for tests and tools.
    pub fn native() -> Numbers {
        Numbers { parse: native::parse, print: native::print, remainder: |a, b| a % b }
    }
}

/// A flag document, ready to be evaluated.
#[derive(Debug)]
pub struct FlagSet {
    numbers: Numbers,
    bucketing: Bucketing,
    /// Those with a rule.
    flags: Vec<Flag>,
    shared: Vec<Rule>,
    uses_time: bool,
    /// The codes behind the last flag with a rule, as they are written.
    rest: String,
    /// What the page has to know, as JSON: the set's metadata, and `[[key, metadata, [variant, value, variant, value, …]], …]`
    /// of the flags. Empty before there is a document.
    told: String,
    /// The page has to be told.
    unknown: bool,
}

/// A flag with a rule.
#[derive(Debug)]
struct Flag {
    /// The codes of those between the last one and this, as they are written.
    before: String,
    /// Its key, and the names of its variants.
    names: Vec<Value>,
    /// What it is where the rule chooses nothing.
    code: u32,
    rule: Rule,
}

/// Kinds of outcomes. A code is `8 * variant + kind`, where variants count from 1: 0 is the caller's default.
pub const STATIC: u32 = 0;
/// Targeting chose nothing, or there is no default variant.
pub const DEFAULT: u32 = 1;
/// Targeting chose the variant.
pub const TARGETING_MATCH: u32 = 2;
/// Switched off.
pub const DISABLED: u32 = 3;
/// Any of those before, from a document that no answer has confirmed.
pub const STALE: u32 = 4;
/// The flag is malformed.
pub const PARSE_ERROR: u32 = 5;
/// Targeting gave something that is no variant, or did not come to an end.
pub const GENERAL: u32 = 6;

impl FlagSet {
    /// No document yet.
    pub const fn new(numbers: Numbers) -> FlagSet {
        FlagSet {
            numbers,
            bucketing: Bucketing::Text,
            flags: Vec::new(),
            shared: Vec::new(),
            uses_time: false,
            rest: String::new(),
            told: String::new(),
            unknown: false,
        }
    }

    /// Compiles a flag document: `{ fractional, flags, $evaluators, metadata }`, flags by key or in a list. One that is
    /// not there has no flags. `path` is the path to it.
    ///
    /// Gives what is wrong. With a document that is broken as a whole, that is one flaw, nothing changes. Flags fail one by one,
    /// and evaluate to `PARSE_ERROR`.
    pub fn compile(&mut self, document: Node, path: &str) -> Vec<Flaw> {
        let mut first = First::new(document, path);
        let document = first.get(document, "", OBJECT);
        let required = if document.is_present() { REQUIRED } else { 0 };
        let flags = first.get(document, "flags", ARRAY | OBJECT | required);
        let metadata = first.get(document, "metadata", OBJECT);
        let evaluators = first.get(document, "$evaluators", OBJECT);
        let version = first.get(document, "fractional", NUMBER).number(2.0);
        if version != 2.0 && version != 3.0 {
            // Another version would put people into other buckets.
            first.wrong(document, "fractional", Fault::Range);
        }
        if !first.end() {
            return first.reports;
        }
        let mut shared = path.to_owned();
        step(&mut shared, "$evaluators", 0);
        step(&mut first.part.1, "flags", 0);
        let length = first.part.1.len();

        let mut all = Vec::new();
        let mut told = Json::new(self.numbers.print);
        if metadata.is_present() {
            told.value(metadata.value());
        } else {
            told.word("{}");
        }
        told.open();
        let mut compiler = Compiler::new(first, evaluators, shared);
        let (mut index, mut codes) = (0, String::new());
        while let Some((mut key, flag)) = flags.child(index) {
            let first = &mut compiler.first;
            first.part.0 = flag;
            first.part.1.truncate(length);
            step(&mut first.part.1, key, index);
            index += 1;
            // What has no key cannot be asked for.
            let mut named = true;
            if flags.value().kind() == ARRAY {
                let node = first.get(flag, "key", STRING | REQUIRED);
                (key, named) = (node.text(), node.is_present());
                if key.is_empty() {
                    first.wrong(flag, "key", Fault::Type);
                }
            }
            first.get(flag, "", OBJECT);
            let state = position("ENABLED DISABLED", first.get(flag, "state", STRING | REQUIRED).text());
            let variants = first.get(flag, "variants", OBJECT | REQUIRED);
            let wish = first.get(flag, "defaultVariant", STRING).text();
            let targeting = first.get(flag, "targeting", OBJECT);
            let metadata = first.get(flag, "metadata", OBJECT);
            if state == NOWHERE {
                first.wrong(flag, "state", Fault::Range);
            }
            if variants.members().is_empty() {
                first.wrong(flag, "variants", Fault::Missing);
            }
            // An empty key is none: flagd's own engines have it so.
            let mut names = vec![key.into()];
            for (name, _) in variants.members() {
                names.push(name.as_str().into());
            }
            let default = if wish.is_empty() { 0 } else { variant(&names, wish) };
            if default == 0 && !wish.is_empty() {
                first.wrong(flag, "defaultVariant", Fault::Undefined);
            }
            let mut rule = Rule::default();
            if !targeting.members().is_empty() && first.is_none() {
                compiler.compile(&mut rule, targeting.value());
            }
            let mut code = 8 * default + if default > 0 { STATIC } else { DEFAULT };
            if !compiler.first.end() {
                code = PARSE_ERROR;
                rule = Rule::default();
            }
            // A flag that is switched off stays so, whatever else is wrong with it.
            if state == 1 {
                code = DISABLED;
                rule = Rule::default();
            }
            if named {
                told.open();
                told.string(key);
                told.value(metadata.value());
                told.open();
                for (name, value) in variants.members() {
                    told.string(name);
                    told.value(value);
                }
                told.close();
                told.close();
                if rule.operator == CONSTANT {
                    write(&mut codes, code, LAST);
                } else {
                    all.push(Flag { before: std::mem::take(&mut codes), names, code, rule });
                }
            }
        }
        told.close();
        let told = told.done();
        *self = FlagSet {
            numbers: self.numbers,
            bucketing: if version > 2.0 { Bucketing::Cbor } else { Bucketing::Text },
            flags: all,
            shared: compiler.shared,
            uses_time: compiler.uses_time,
            rest: codes,
            unknown: self.unknown || told != self.told,
            told,
        };
        compiler.first.reports
    }

    /// Whether a rule reads `$flagd.timestamp`: then the outcome changes with time alone.
    pub fn uses_time(&self) -> bool {
        self.uses_time
    }

    /// Evaluates all flags, in the order of the document: the JSON of a text with their codes (see [`STATIC`] and [`write`]), and
    /// whether the document is stale. `FLAG_NOT_FOUND` and `TYPE_MISMATCH` are seen by the one who reads.
    ///
    /// Depends on nothing but its arguments: the context (see [`context`]), the server's time (Unix, whole seconds), and whether
    /// the document is stale.
    pub fn evaluate(&self, context: &Value, seconds: f64, stale: bool) -> String {
        let mut codes = String::new();
        push(&mut codes, b'"');
        let (mut next, time) = (0, Value::Number(seconds));
        while next < self.flags.len() {
            let mut made = Made::default();
            let mut logic = Logic::new(self, context, &time, &mut made);
            // Until a rule has made something: that goes with its flag.
            while let Some(flag) = self.flags.get(next) {
                next += 1;
                if !flag.before.is_empty() {
                    codes.push_str(&flag.before);
                }
                let result = logic.begin(&flag.names, &flag.rule);
                let name = logic.text(result);
                let code = match variant(&flag.names, name) {
                    _ if logic.exhausted() => GENERAL,
                    _ if result.is_null() => flag.code / 8 * 8 + DEFAULT,
                    0 => GENERAL,
                    chosen => 8 * chosen + TARGETING_MATCH,
                };
                write(&mut codes, code, LAST);
                if logic.has_made {
                    break;
                }
            }
        }
        codes.push_str(&self.rest);
        // Where there is no flag none is stale.
        let stale = stale && codes.len() > 1;
        push(&mut codes, LAST + stale as u8);
        push(&mut codes, b'"');
        codes
    }
}

/// Of a code's digits the last one begins here, those before it ..
const LAST: u8 = b'0';
/// .. here: no letter of them all needs an escape.
const MORE: u8 = LAST + 48;

/// Writes a code, in base 32: one letter for most. The page reads a thousand of them as one text in a tenth of the time that
/// it takes for a list.
fn write(codes: &mut String, code: u32, base: u8) {
    if code > 31 {
        write(codes, code / 32, MORE);
    }
    push(codes, base + (code % 32) as u8);
}

/// The place of a variant among the names of its flag; 0, where the key is, if it is none.
fn variant(names: &[Value], name: &str) -> u32 {
    let mut place = names.len();
    while place > 1 {
        place -= 1;
        if let Some(Value::String(other)) = names.get(place)
            && other.len() == name.len()
            && other == name
        {
            return place as u32;
        }
    }
    0
}

/// A context, and what comes by itself: `$build`, unless it has its own (one that evaluates for somebody else names that
/// one's). Of two members with one name the last one counts.
pub fn context(given: Value, build: &Build) -> Value {
    let (mut own, mut members) = (Vec::new(), Vec::new());
    put(&mut own, "id", build.id.as_str().into());
    if !build.version.is_empty() {
        put(&mut own, "version", build.version.as_str().into());
    }
    put(&mut members, "$build", Value::Object(own));
    if let Value::Object(mut given) = given {
        members.append(&mut given);
    }
    Value::Object(members)
}

/// A member more.
fn put(to: &mut Vec<(String, Value)>, name: &str, value: Value) {
    to.push((name.to_owned(), value));
}

/// What the page makes of what it is told and of the codes: `[[key, details], …]`, for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn details(metadata: &Value, rows: &Value, text: &Value) -> Value {
    let (stale, digits) = text.as_str().and_then(|text| text.as_bytes().split_last()).expect("a text");
    let (mut codes, mut code) = (Vec::new(), 0);
    for digit in digits {
        code = code * 32 + u32::from((digit - LAST) % 48);
        if *digit < MORE {
            codes.push(if *stale > LAST && code % 8 < STALE { code / 8 * 8 + STALE } else { code });
            code = 0;
        }
    }
    assert_eq!(rows.items().len(), codes.len());
    const KINDS: [&str; 7] =
        ["STATIC", "DEFAULT", "TARGETING_MATCH", "DISABLED", "STALE", "PARSE_ERROR", "GENERAL"];
    let one = |(row, code): (&Value, &u32)| {
        let [key, own, variants] = row.items() else { panic!("{row:?}") };
        let kind = KINDS[*code as usize % 8];
        let failed = code % 8 > STALE;
        let variant = (code / 8).checked_sub(1).map(|index| &variants.items()[2 * index as usize..]);
        let mut all = own.members().to_vec();
        all.extend(metadata.members().iter().filter(|(name, _)| own.get(name).is_none()).cloned());
        let mut details = Value::object([
            ("reason", if failed { "ERROR" } else { kind }.into()),
            ("variant", variant.map_or(Value::Null, |pair| pair[0].clone())),
            ("errorCode", if failed { kind.into() } else { Value::Null }),
            ("metadata", Value::Object(all)),
        ]);
        // A variant may well be `null`.
        if let (Value::Object(members), Some(pair)) = (&mut details, variant) {
            members.push(("value".to_owned(), pair[1].clone()));
        }
        Value::Array(vec![key.clone(), details])
    };
    Value::Array(rows.items().iter().zip(&codes).map(one).collect())
}

/// What one rule gives for some data, without a flag around it: for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn apply(rule: &Value, data: &Value) -> Result<Value, Flaw> {
    let first = First::new(Node::root(rule), "");
    let mut compiler = Compiler::new(first, Node::default(), String::new());
    let mut compiled = Rule::default();
    compiler.compile(&mut compiled, rule);
    compiler.first.end();
    if let Some(flaw) = compiler.first.reports.pop() {
        return Err(flaw);
    }
    let (set, mut made) = (FlagSet::new(Numbers::native()), Made::default());
    Ok(Logic::new(&set, &Value::Null, &Value::Null, &mut made).apply(&compiled, data).clone())
}
