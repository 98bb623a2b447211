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
        let version = document.member("fractional");
        let bucketing = match version.number()? {
            None | Some(2.0) => Bucketing::Text,
            Some(3.0) => Bucketing::Cbor,
            // Another version would put people into other buckets.
            Some(_) => return Err(version.flaw(Fault::Range)),
        };
        document.member("metadata").object()?;
        let flags = document.member("flags");
        if document.is_present() && !flags.is_present() {
            return Err(flags.flaw(Fault::Missing));
        }
        let evaluators = document.member("$evaluators");
        let mut compiler = Compiler::new(evaluators)?;
        let mut set = FlagSet {
            numbers,
            bucketing,
            document: document.value().cloned().unwrap_or(Value::Null),
            targeting: Vec::new(),
            shared: Vec::new(),
            uses_time: false,
            flaws: Vec::new(),
        };
        if let Some(Value::Array(_)) = flags.value() {
            for flag in flags.items()? {
                let keyed = flag.member("key").required_string().err();
                set.add(&flag, keyed, &mut compiler);
            }
        } else {
            for (_, flag) in flags.members()? {
                set.add(&flag, None, &mut compiler);
            }
        }
        set.shared = compiler.shared;
        set.uses_time = compiler.uses_time;
        Ok(set)
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
        let mut members = vec![("$flagd".to_owned(), Value::Null)];
        if let Value::Object(given) = context {
            for member in given {
                if member.0 != "$flagd" {
                    members.push(member.clone());
                }
            }
        }
        let mut data = Value::Object(members);
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
        let text = |name| flag.get(name).and_then(Value::as_str);
        let find = |key: &str| flag.get("variants").and_then(|variants| variants.get(key));
        let default = text("defaultVariant").filter(|key| !key.is_empty()).map(str::to_owned);
        let mut error = None;
        let (mut reason, variant) = match targeting {
            // A flag that is switched off stays so, whatever else is wrong with it.
            _ if text("state") == Some("DISABLED") => ("DISABLED", None),
            Targeting::Malformed => {
                error = Some("PARSE_ERROR");
                ("ERROR", None)
            }
            Targeting::None => (if default.is_some() { "STATIC" } else { "DEFAULT" }, default),
            Targeting::Rule(rule) => {
                if let Value::Object(members) = data
                    && let Some((_, flagd)) = members.first_mut()
                {
                    *flagd = Value::object([("flagKey", key.into()), ("timestamp", seconds.into())]);
                }
                let made = Made::nothing();
                let logic = Logic::new(self.numbers, self.bucketing, &self.shared, &made);
                let chosen = logic.apply(rule, data);
                let text = logic.text(chosen);
                if logic.exhausted() || !chosen.is_null() && find(&text).is_none() {
                    error = Some("GENERAL");
                    ("ERROR", None)
                } else if chosen.is_null() {
                    ("DEFAULT", default)
                } else {
                    ("TARGETING_MATCH", Some(text))
                }
            }
        };
        if stale && error.is_none() {
            reason = "STALE";
        }
        Value::object([
            ("reason", reason.into()),
            ("value", variant.as_deref().and_then(find).unwrap_or(&Value::Null).clone()),
            ("variant", variant.as_deref().into()),
            ("errorCode", error.into()),
            ("metadata", merged(flag.get("metadata"), self.document.get("metadata"))),
        ])
    }

    fn add(&mut self, flag: &Node, flaw: Option<Flaw>, compiler: &mut Compiler) {
        let targeting = flaw.map_or_else(|| define(flag, compiler), Err);
        self.targeting.push(targeting.unwrap_or_else(|flaw| {
            self.flaws.push(flaw);
            Targeting::Malformed
        }));
    }
}

/// What one rule gives for some data, without a flag around it: for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn apply(rule: &Value, data: &Value) -> Result<Value, Flaw> {
    let none = Value::Object(Vec::new());
    let mut compiler = Compiler::new(Node::root(&none))?;
    let rule = compiler.compile(&Node::root(rule))?;
    let made = Made::nothing();
    Ok(Logic::new(Numbers::native(), Bucketing::Text, &[], &made).apply(&rule, data).clone())
}

/// Checks a flag, and compiles its rule.
fn define(flag: &Node, compiler: &mut Compiler) -> Result<Targeting, Flaw> {
    let flag = flag.object()?;
    let (state, variants) = (flag.member("state"), flag.member("variants"));
    if !matches!(state.required_string()?, "ENABLED" | "DISABLED") {
        return Err(state.flaw(Fault::Range));
    }
    if variants.members()?.next().is_none() {
        return Err(variants.flaw(Fault::Missing));
    }
    let default = flag.member("defaultVariant");
    // An empty key is none: flagd's own engines have it so.
    if let Some(key) = default.string()?
        && !key.is_empty()
        && variants.value().is_none_or(|variants| variants.get(key).is_none())
    {
        return Err(default.flaw(Fault::Undefined));
    }
    flag.member("metadata").object()?;
    let targeting = flag.member("targeting");
    if targeting.members()?.next().is_none() {
        return Ok(Targeting::None);
    }
    compiler.compile(&targeting).map(Targeting::Rule)
}

/// The members of `over`, and those of `under` that it does not have.
fn merged(over: Option<&Value>, under: Option<&Value>) -> Value {
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
