//! Feature flags as flagd evaluates them: definitions and targeting compiled once, evaluated all at once.

mod fractional;
mod live;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod operators;
mod rule;
mod sem_ver;
#[cfg(test)]
mod tests;

use self::fractional::Bucketing;
pub use self::live::Live;
use self::operators::{Logic, Made};
use self::rule::{Compiler, Rule};
use super::error::{Fault, Flaw};
use super::value::{Node, Value};

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

#[cfg(not(target_arch = "wasm32"))]
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
    document: Value,
    /// For each of its flags, in its order.
    targeting: Vec<Targeting>,
    shared: Vec<Rule>,
    uses_time: bool,
    flaws: Vec<Flaw>,
}

#[derive(Debug)]
enum Targeting {
    None,
    Rule(Rule),
    /// The flag is malformed; its flaw is among the set's.
    Malformed,
}

impl FlagSet {
    /// Compiles a flag document: `{ fractional, flags, $evaluators, metadata }`, flags by key or in a list. One that is
    /// not there has no flags.
    ///
    /// The error is a flaw of the document as a whole. Flags fail one by one: see [`FlagSet::flaws`].
    pub fn compile(document: &Node, numbers: Numbers) -> Result<FlagSet, Flaw> {
        let document = document.object()?;
        let [version, flags] = [document.member("fractional"), document.member("flags")];
        let present = document.is_present();
        check(
            &document,
            &[("flags", present, list), ("metadata", false, object), ("$evaluators", false, object)],
        )?;
        let bucketing = match version.number()? {
            None | Some(2.0) => Bucketing::Text,
            Some(3.0) => Bucketing::Cbor,
            // Another version would put people into other buckets.
            Some(_) => return Err(version.flaw(Fault::Range)),
        };
        let evaluators = document.member("$evaluators");
        let mut compiler = Compiler::new(evaluators);
        let (mut targeting, mut flaws) = (Vec::new(), Vec::new());
        let mut add = |flag: &Node, more: &[Member]| {
            let defined = check(flag, more).and_then(|()| define(flag, &mut compiler));
            targeting.push(defined.unwrap_or_else(|flaw| {
                flaws.push(flaw);
                Targeting::Malformed
            }));
        };
        if let Ok(items) = flags.items() {
            for flag in items {
                add(&flag, &[("key", true, named)]);
            }
        } else if let Ok(members) = flags.members() {
            for (_, flag) in members {
                add(&flag, &[]);
            }
        }
        let Compiler { shared, uses_time, .. } = compiler;
        let document = document.value().cloned().unwrap_or(Value::Null);
        Ok(FlagSet { numbers, bucketing, document, targeting, shared, uses_time, flaws })
    }

    /// What is wrong with single flags; those evaluate to `PARSE_ERROR`.
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// Whether a rule reads `$flagd.timestamp`: then the outcome changes with time alone.
    pub fn uses_time(&self) -> bool {
        self.uses_time
    }

    /// Evaluates all flags, in the order of the document: `{ flags: [[key, details], …], metadata }`, where details are
    /// `{ reason, value, variant, errorCode, metadata }`, less what there is not: without a value it is the caller's
    /// default. `FLAG_NOT_FOUND` and `TYPE_MISMATCH` are seen by the one who reads.
    ///
    /// Depends on nothing but its arguments: the context, the server's time (Unix, whole seconds), and whether the document is
    /// stale.
    pub fn evaluate(&self, context: &Value, seconds: f64, stale: bool) -> Value {
        let mut data = merged(Some(&Value::object([("$flagd", false.into())])), Some(context));
        let flags = self.document.get("flags");
        let mut all = Vec::new();
        for (index, targeting) in self.targeting.iter().enumerate() {
            let found = match flags {
                Some(Value::Object(members)) => members.get(index).map(|(key, flag)| (key.as_str(), flag)),
                Some(list) => {
                    list.items().get(index).and_then(|flag| Some((flag.get("key")?.as_str()?, flag)))
                }
                None => None,
            };
            if let Some((key, flag)) = found {
                let details = self.details(key, flag, targeting, &mut data, seconds, stale);
                all.push(Value::Array(vec![key.into(), details]));
            }
        }
        Value::object([
            ("flags", Value::Array(all)),
            ("metadata", merged(None, self.document.get("metadata"))),
        ])
    }

    fn details(
        &self,
        key: &str,
        flag: &Value,
        targeting: &Targeting,
        data: &mut Value,
        seconds: f64,
        stale: bool,
    ) -> Value {
        let text = |name| flag.get(name).and_then(Value::as_str).unwrap_or_default();
        let find = |key: &str| flag.get("variants").and_then(|variants| variants.get(key));
        let default = text("defaultVariant");
        let chosen;
        // No key, and no error, are empty.
        let (mut reason, variant, error) = match targeting {
            // A flag that is switched off stays so, whatever else is wrong with it.
            _ if text("state") == "DISABLED" => ("DISABLED", "", ""),
            Targeting::Malformed => ("ERROR", "", "PARSE_ERROR"),
            Targeting::None => (if default.is_empty() { "DEFAULT" } else { "STATIC" }, default, ""),
            Targeting::Rule(rule) => {
                if let Value::Object(members) = data
                    && let Some((_, flagd)) = members.first_mut()
                {
                    *flagd = Value::object([("flagKey", key.into()), ("timestamp", seconds.into())]);
                }
                let made = Made::nothing();
                let logic = Logic::new(self.numbers, self.bucketing, &self.shared, &made);
                let result = logic.apply(rule, data);
                chosen = logic.text(result);
                if logic.exhausted() || !result.is_null() && find(&chosen).is_none() {
                    ("ERROR", "", "GENERAL")
                } else if result.is_null() {
                    ("DEFAULT", default, "")
                } else {
                    ("TARGETING_MATCH", chosen.as_str(), "")
                }
            }
        };
        if stale && error.is_empty() {
            reason = "STALE";
        }
        let some = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let mut details = Value::object([
            ("reason", some(reason)),
            ("variant", some(variant)),
            ("errorCode", some(error)),
            ("metadata", merged(flag.get("metadata"), self.document.get("metadata"))),
        ]);
        // A variant may well be `null`.
        if let (Value::Object(members), Some(value), false) =
            (&mut details, find(variant), variant.is_empty())
        {
            members.push(("value".to_owned(), value.clone()));
        }
        details
    }
}

/// What one rule gives for some data, without a flag around it: for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn apply(rule: &Value, data: &Value) -> Result<Value, Flaw> {
    let none = Value::Object(Vec::new());
    let mut compiler = Compiler::new(Node::root(&none));
    let rule = compiler.compile(&Node::root(rule))?;
    let made = Made::nothing();
    Ok(Logic::new(Numbers::native(), Bucketing::Text, &[], &made).apply(&rule, data).clone())
}

/// A member: its name, whether it has to be there, and of which kind it is.
type Member = (&'static str, bool, fn(&Value) -> bool);

fn text(value: &Value) -> bool {
    matches!(value, Value::String(_))
}

fn named(value: &Value) -> bool {
    value.as_str().is_some_and(|name| !name.is_empty())
}

fn object(value: &Value) -> bool {
    matches!(value, Value::Object(_))
}

fn list(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

fn check(node: &Node, members: &[Member]) -> Result<(), Flaw> {
    for (name, required, fits) in members {
        let member = node.member(name);
        match member.value() {
            None if *required => return Err(member.flaw(Fault::Missing)),
            Some(value) if !fits(value) => return Err(member.flaw(Fault::Type)),
            _ => {}
        }
    }
    Ok(())
}

/// Checks a flag, and compiles its rule.
fn define(flag: &Node, compiler: &mut Compiler) -> Result<Targeting, Flaw> {
    let flag = flag.object()?;
    check(
        &flag,
        &[
            ("state", true, text),
            ("variants", true, object),
            ("defaultVariant", false, text),
            ("targeting", false, object),
            ("metadata", false, object),
        ],
    )?;
    let node = |name, fault: Option<Fault>| fault.map_or(Ok(()), |fault| Err(flag.member(name).flaw(fault)));
    let value = |name| flag.member(name).value();
    let state = value("state").and_then(Value::as_str);
    node("state", (!matches!(state, Some("ENABLED" | "DISABLED"))).then_some(Fault::Range))?;
    let variants = value("variants").filter(|variants| !empty(variants));
    node("variants", variants.is_none().then_some(Fault::Missing))?;
    // An empty key is none: flagd's own engines have it so.
    let default = value("defaultVariant").and_then(Value::as_str).filter(|key| !key.is_empty());
    let found = default.is_none_or(|key| variants.is_some_and(|variants| variants.get(key).is_some()));
    node("defaultVariant", (!found).then_some(Fault::Undefined))?;
    match value("targeting") {
        Some(rule) if !empty(rule) => compiler.compile(&flag.member("targeting")).map(Targeting::Rule),
        _ => Ok(Targeting::None),
    }
}

fn empty(object: &Value) -> bool {
    matches!(object, Value::Object(members) if members.is_empty())
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
