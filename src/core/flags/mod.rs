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
use self::rule::{Compiler, Rule, Shared};
use super::error::{Fault, Flaw};
use super::value::{ARRAY, First, NUMBER, Node, OBJECT, REQUIRED, STRING, Value, step};

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
    /// What the page has to know of each flag: `[key, metadata, [variant, value, variant, value, …]]`.
    rows: Value,
    /// For each row.
    fates: Vec<Fate>,
    /// The set's own metadata.
    metadata: Value,
    shared: Vec<Shared>,
    uses_time: bool,
    flaws: Vec<Flaw>,
}

/// What becomes of a flag: its code as it stands without a rule.
#[derive(Debug)]
struct Fate {
    code: u32,
    rule: Option<Rule>,
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
    /// Compiles a flag document: `{ fractional, flags, $evaluators, metadata }`, flags by key or in a list. One that is
    /// not there has no flags. `path` is the path to it.
    ///
    /// The error is a flaw of the document as a whole. Flags fail one by one: see [`FlagSet::flaws`].
    pub fn compile(document: Node, path: &str, numbers: Numbers) -> Result<FlagSet, Flaw> {
        let mut first = First::new(document, path.to_owned());
        let document = first.get(document, "", OBJECT);
        let required = if document.is_present() { REQUIRED } else { 0 };
        let flags = first.get(document, "flags", ARRAY | OBJECT | required);
        let metadata = first.get(document, "metadata", OBJECT);
        let evaluators = first.get(document, "$evaluators", OBJECT);
        let bucketing = match first.get(document, "fractional", NUMBER).number(2.0) {
            3.0 => Bucketing::Cbor,
            version => {
                // Another version would put people into other buckets.
                if version != 2.0 {
                    first.wrong(document, "fractional", Fault::Range);
                }
                Bucketing::Text
            }
        };
        first.end();
        if let Some(flaw) = first.reports.pop() {
            return Err(flaw);
        }
        let (mut shared, mut each) = (path.to_owned(), path.to_owned());
        step(&mut shared, "$evaluators", 0);
        step(&mut each, "flags", 0);
        let mut compiler = Compiler::new(first, evaluators, shared);
        let (mut rows, mut fates) = (Vec::new(), Vec::new());
        let listed = matches!(flags.value(), Some(Value::Array(_)));
        let mut index = 0;
        while let Some((name, flag)) = flags.child(index) {
            let mut path = each.clone();
            step(&mut path, name, index);
            index += 1;
            let first = &mut compiler.first;
            first.part = (flag, path);
            let mut key = Some(name);
            if listed {
                let node = first.get(flag, "key", STRING | REQUIRED);
                key = node.value().and_then(Value::as_str);
                if node.text().is_empty() {
                    first.wrong(flag, "key", Fault::Type);
                }
            }
            let (mut variants, mut default) = (Vec::new(), 0);
            let wish = flag.member("defaultVariant").text();
            for (name, of) in flag.member("variants").members() {
                if !wish.is_empty() && wish == name {
                    default = variants.len() as u32 / 2 + 1;
                }
                variants.push(name.as_str().into());
                variants.push(of.clone());
            }
            let mut rule = define(flag, default, &mut compiler);
            let mut code = 8 * default + if default > 0 { STATIC } else { DEFAULT };
            if !compiler.first.end() {
                (code, rule) = (PARSE_ERROR, None);
            }
            // A flag that is switched off stays so, whatever else is wrong with it.
            if flag.member("state").text() == "DISABLED" {
                (code, rule) = (DISABLED, None);
            }
            // What has no key cannot be asked for.
            if let Some(key) = key {
                let metadata = flag.member("metadata").value().filter(|value| object(value));
                let metadata = metadata.cloned().unwrap_or(Value::Null);
                rows.push(Value::Array(vec![key.into(), metadata, Value::Array(variants)]));
                fates.push(Fate { code, rule });
            }
        }
        let Compiler { first, shared, uses_time, .. } = compiler;
        let rows = Value::Array(rows);
        let metadata = merged(None, metadata.value());
        Ok(FlagSet { numbers, bucketing, rows, fates, metadata, shared, uses_time, flaws: first.reports })
    }

    /// What is wrong with single flags; those evaluate to `PARSE_ERROR`.
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// Whether a rule reads `$flagd.timestamp`: then the outcome changes with time alone.
    pub fn uses_time(&self) -> bool {
        self.uses_time
    }

    /// Evaluates all flags, in the order of the document: a code for each (see [`STATIC`]). `FLAG_NOT_FOUND` and
    /// `TYPE_MISMATCH` are seen by the one who reads.
    ///
    /// Depends on nothing but its arguments: the context, the server's time (Unix, whole seconds), and whether the document is
    /// stale.
    pub fn evaluate(&self, context: &Value, seconds: f64, stale: bool) -> Vec<u32> {
        let flagd = Value::object([("flagKey", "".into()), ("timestamp", seconds.into())]);
        let mut data = merged(Some(&Value::object([("$flagd", flagd)])), Some(context));
        let mut codes = Vec::new();
        for (fate, row) in self.fates.iter().zip(self.rows.items()) {
            let mut code = fate.code;
            if let (Some(rule), [Value::String(key), _, variants]) = (&fate.rule, row.items()) {
                if let Value::Object(members) = &mut data
                    && let Some((_, Value::Object(flagd))) = members.first_mut()
                    && let Some((_, Value::String(of))) = flagd.first_mut()
                {
                    of.clear();
                    of.push_str(key);
                }
                code = self.targeted(rule, code, variants.items(), &data);
            }
            if stale && code % 8 < STALE {
                code = code / 8 * 8 + STALE;
            }
            codes.push(code);
        }
        codes
    }

    fn targeted(&self, rule: &Rule, default: u32, variants: &[Value], data: &Value) -> u32 {
        let mut made = Made::default();
        let mut logic = Logic::new(self, &mut made);
        let result = logic.apply(rule, data);
        if logic.exhausted() {
            return GENERAL;
        }
        if result.is_null() {
            return default / 8 * 8 + DEFAULT;
        }
        let chosen = logic.text(result);
        for (index, pair) in variants.chunks(2).enumerate() {
            if pair.first().and_then(Value::as_str) == Some(chosen) {
                return 8 * (index as u32 + 1) + TARGETING_MATCH;
            }
        }
        GENERAL
    }
}

/// What the page makes of rows and codes: `[[key, details], …]`, for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn details(rows: &Value, metadata: &Value, codes: &[u32]) -> Value {
    const KINDS: [&str; 7] =
        ["STATIC", "DEFAULT", "TARGETING_MATCH", "DISABLED", "STALE", "PARSE_ERROR", "GENERAL"];
    let one = |(row, code): (&Value, &u32)| {
        let [key, own, variants] = row.items() else { panic!("{row:?}") };
        let kind = KINDS[*code as usize % 8];
        let failed = code % 8 > STALE;
        let variant = (code / 8).checked_sub(1).map(|index| &variants.items()[2 * index as usize..]);
        let mut details = Value::object([
            ("reason", if failed { "ERROR" } else { kind }.into()),
            ("variant", variant.map_or(Value::Null, |pair| pair[0].clone())),
            ("errorCode", if failed { kind.into() } else { Value::Null }),
            ("metadata", merged(Some(own), Some(metadata))),
        ]);
        // A variant may well be `null`.
        if let (Value::Object(members), Some(pair)) = (&mut details, variant) {
            members.push(("value".to_owned(), pair[1].clone()));
        }
        Value::Array(vec![key.clone(), details])
    };
    Value::Array(rows.items().iter().zip(codes).map(one).collect())
}

/// What one rule gives for some data, without a flag around it: for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn apply(rule: &Value, data: &Value) -> Result<Value, Flaw> {
    let mut compiler =
        Compiler::new(First::new(Node::root(rule), String::new()), Node::default(), String::new());
    let rule = compiler.compile(rule);
    compiler.first.end();
    if let Some(flaw) = compiler.first.reports.pop() {
        return Err(flaw);
    }
    let mut made = Made::default();
    let set = FlagSet::compile(Node::default(), "", Numbers::native())?;
    Ok(Logic::new(&set, &mut made).apply(&rule, data).clone())
}

fn object(value: &Value) -> bool {
    matches!(value, Value::Object(_))
}

/// Checks a flag, of which the default variant was found (or is 0), and compiles its rule.
fn define<'a>(flag: Node<'a>, default: u32, compiler: &mut Compiler<'a>) -> Option<Rule> {
    let first = &mut compiler.first;
    first.get(flag, "", OBJECT);
    let state = first.get(flag, "state", STRING | REQUIRED).text();
    let variants = first.get(flag, "variants", OBJECT | REQUIRED);
    let wish = first.get(flag, "defaultVariant", STRING).text();
    let rule = first.get(flag, "targeting", OBJECT);
    first.get(flag, "metadata", OBJECT);
    if state != "ENABLED" && state != "DISABLED" {
        first.wrong(flag, "state", Fault::Range);
    }
    if variants.members().is_empty() {
        first.wrong(flag, "variants", Fault::Missing);
    }
    // An empty key is none: flagd's own engines have it so.
    if default == 0 && !wish.is_empty() {
        first.wrong(flag, "defaultVariant", Fault::Undefined);
    }
    match rule.value() {
        Some(rule @ Value::Object(members)) if !members.is_empty() && first.is_none() => {
            Some(compiler.compile(rule))
        }
        _ => None,
    }
}

/// The members of `over`, and those of `under` that it does not have.
pub fn merged(over: Option<&Value>, under: Option<&Value>) -> Value {
    let mut members: Vec<(String, Value)> = Vec::new();
    for object in [over, under] {
        let Some(Value::Object(all)) = object else { continue };
        for member in all {
            if !members.iter().any(|(name, _)| *name == member.0) {
                members.push(member.clone());
            }
        }
    }
    Value::Object(members)
}
