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

use std::cell::Cell;

use self::fractional::Bucketing;
pub use self::live::Live;
use self::operators::Logic;
use self::rule::Check;
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

/// Why a flag has its value, in OpenFeature's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No targeting: the default variant.
    Static,
    /// Targeting chose nothing, or there is no default variant.
    Default,
    /// Targeting chose the variant.
    TargetingMatch,
    /// Switched off: the caller's default.
    Disabled,
    /// See the error code; the caller's default.
    Error,
}

impl Reason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::Static => "STATIC",
            Reason::Default => "DEFAULT",
            Reason::TargetingMatch => "TARGETING_MATCH",
            Reason::Disabled => "DISABLED",
            Reason::Error => "ERROR",
        }
    }
}

/// What went wrong with a flag. `FLAG_NOT_FOUND` and `TYPE_MISMATCH` are seen by the one who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The flag is malformed; its flaw is among [`FlagSet::flaws`].
    ParseError,
    /// Targeting gave something that is no variant, or did not come to an end.
    General,
}

impl ErrorCode {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            ErrorCode::ParseError => "PARSE_ERROR",
            ErrorCode::General => "GENERAL",
        }
    }
}

/// The outcome of one flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated<'a> {
    /// The flag's key.
    pub key: &'a str,
    /// Its value; `None` is the caller's default.
    pub value: Option<&'a Value>,
    /// The variant that the value belongs to.
    pub variant: Option<&'a str>,
    /// Why.
    pub reason: Reason,
    /// What went wrong, where the reason is an error.
    pub error: Option<ErrorCode>,
    /// The flag set's metadata with the flag's over it: an object.
    pub metadata: Value,
}

/// A flag document, checked and ready to be evaluated.
#[derive(Debug)]
pub struct FlagSet {
    numbers: Numbers,
    bucketing: Bucketing,
    document: Value,
    /// Whether each flag, in the order of the document, is malformed.
    malformed: Vec<bool>,
    uses_time: bool,
    flaws: Vec<Flaw>,
}

impl FlagSet {
    /// Checks a flag document: `{ fractional, flags, $evaluators, metadata }`, flags by key or in a list.
    ///
    /// The error is a flaw of the document as a whole. Flags fail one by one: see [`FlagSet::flaws`].
    pub fn compile(document: &Node, numbers: Numbers) -> Result<FlagSet, Flaw> {
        document.object()?;
        let fractional = document.member("fractional");
        let bucketing = match fractional.number()? {
            None | Some(2.0) => Bucketing::Text,
            Some(3.0) => Bucketing::Cbor,
            // Another version would put people into other buckets.
            Some(_) => return Err(fractional.flaw(Fault::Range)),
        };
        document.member("metadata").object()?;
        let evaluators = document.member("$evaluators");
        evaluators.object()?;
        let mut set = FlagSet {
            numbers,
            bucketing,
            document: document.value().cloned().unwrap_or(Value::Null),
            malformed: Vec::new(),
            uses_time: false,
            flaws: Vec::new(),
        };
        let mut check = Check::new(evaluators);
        let flags = document.member("flags");
        match flags.value() {
            None => return Err(flags.flaw(Fault::Missing)),
            Some(Value::Array(_)) => {
                for flag in flags.items()? {
                    let key = flag.member("key").required_string();
                    set.add(key.and_then(|_| define(&flag, &mut check)));
                }
            }
            Some(_) => {
                for (_, flag) in flags.members()? {
                    set.add(define(&flag, &mut check));
                }
            }
        }
        set.uses_time = check.uses_time;
        Ok(set)
    }

    fn add(&mut self, checked: Result<(), Flaw>) {
        self.malformed.push(checked.is_err());
        if let Err(flaw) = checked {
            self.flaws.push(flaw);
        }
    }

    /// What is wrong with single flags; those evaluate to `PARSE_ERROR`.
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// Whether a rule reads `$flagd.timestamp`: then the outcome changes with time alone.
    pub fn uses_time(&self) -> bool {
        self.uses_time
    }

    /// The flag set's own metadata: an object.
    pub fn metadata(&self) -> Value {
        merged(self.document.get("metadata"), None)
    }

    /// Evaluates all flags, in the order of the document. `seconds` is the server's time (Unix, whole seconds).
    ///
    /// Depends on nothing but its arguments: the same context and second give the same outcome.
    pub fn evaluate(&self, context: &Value, seconds: Option<f64>) -> Vec<Evaluated<'_>> {
        let mut data = merged(Some(context), Some(&Value::object([("$flagd", Value::Bool(false))])));
        let mut all = Vec::new();
        let mut add =
            |key, flag, malformed| all.push(self.evaluate_one(key, flag, malformed, &mut data, seconds));
        let mut malformed = self.malformed.iter().copied();
        match self.document.get("flags") {
            Some(Value::Object(flags)) => {
                for (key, flag) in flags {
                    add(key, flag, malformed.next() == Some(true));
                }
            }
            list => {
                for flag in list.map_or(&[][..], Value::items) {
                    let malformed = malformed.next() == Some(true);
                    // What has no key cannot be asked for.
                    if let Some(Value::String(key)) = flag.get("key")
                        && !key.is_empty()
                    {
                        add(key, flag, malformed);
                    }
                }
            }
        }
        all
    }

    fn evaluate_one<'a>(
        &'a self,
        key: &'a str,
        flag: &'a Value,
        malformed: bool,
        data: &mut Value,
        seconds: Option<f64>,
    ) -> Evaluated<'a> {
        let own = flag.get("metadata");
        let mut outcome = Evaluated {
            key,
            value: None,
            variant: None,
            reason: Reason::Error,
            error: Some(ErrorCode::ParseError),
            // The metadata of a flag that is wrong in it is the set's.
            metadata: merged(self.document.get("metadata"), own),
        };
        // A flag that is switched off stays so, whatever else is wrong with it.
        if flag.get("state").and_then(Value::as_str) == Some("DISABLED") {
            (outcome.reason, outcome.error) = (Reason::Disabled, None);
            return outcome;
        }
        if malformed {
            return outcome;
        }
        let mut chosen = flag.get("defaultVariant").and_then(Value::as_str).unwrap_or("");
        (outcome.reason, outcome.error) =
            (if chosen.is_empty() { Reason::Default } else { Reason::Static }, None);
        let text;
        if let Some(Value::Object(rule)) = flag.get("targeting")
            && !rule.is_empty()
        {
            if let Value::Object(members) = data
                && let Some((_, flagd)) = members.last_mut()
            {
                *flagd = Value::object([("flagKey", key.into()), ("timestamp", seconds.into())]);
            }
            let logic = Logic {
                numbers: self.numbers,
                bucketing: self.bucketing,
                evaluators: self.document.get("$evaluators").unwrap_or(&Value::Null),
                steps: Cell::new(operators::MAX_STEPS),
            };
            let result = logic.apply(flag.get("targeting").unwrap_or(&Value::Null), data);
            outcome.reason = Reason::Default;
            if logic.steps.get() == 0 {
                (outcome.reason, outcome.error) = (Reason::Error, Some(ErrorCode::General));
                return outcome;
            }
            if !result.is_null() {
                text = logic.text(&result);
                (chosen, outcome.reason) = (&text, Reason::TargetingMatch);
            }
        }
        if let Some(Value::Object(variants)) = flag.get("variants") {
            for (name, value) in variants {
                if name == chosen && (!name.is_empty() || outcome.reason == Reason::TargetingMatch) {
                    (outcome.variant, outcome.value) = (Some(name.as_str()), Some(value));
                }
            }
        }
        if outcome.variant.is_none() && outcome.reason == Reason::TargetingMatch {
            (outcome.reason, outcome.error) = (Reason::Error, Some(ErrorCode::General));
        }
        outcome
    }
}

/// What one rule gives for some data, without a flag around it: for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn apply(rule: &Value, data: &Value) -> Result<Value, Flaw> {
    let none = Value::Object(Vec::new());
    Check::new(Node::root(&none)).check(&Node::root(rule))?;
    let steps = Cell::new(operators::MAX_STEPS);
    let logic = Logic { numbers: Numbers::native(), bucketing: Bucketing::Text, evaluators: &none, steps };
    Ok(logic.apply(rule, data).into_owned())
}

/// Checks one flag.
fn define(node: &Node, check: &mut Check) -> Result<(), Flaw> {
    let node = node.object()?;
    let state = node.member("state");
    if !matches!(state.required_string()?, "ENABLED" | "DISABLED") {
        return Err(state.flaw(Fault::Range));
    }
    let variants = node.member("variants");
    match variants.object()?.value() {
        Some(Value::Object(members)) if !members.is_empty() => {}
        _ => return Err(variants.flaw(Fault::Missing)),
    }
    let default = node.member("defaultVariant");
    // An empty key is none: flagd's own engines have it so.
    if let Some(key) = default.string()?
        && !key.is_empty()
        && variants.value().and_then(|variants| variants.get(key)).is_none()
    {
        return Err(default.flaw(Fault::Undefined));
    }
    let targeting = node.member("targeting");
    check.check(&targeting.object()?)?;
    node.member("metadata").object()?;
    Ok(())
}

/// An object of the members of `under` with those of `over` over them.
fn merged(under: Option<&Value>, over: Option<&Value>) -> Value {
    let mut all: Vec<(String, Value)> = Vec::new();
    for object in [under, over] {
        if let Some(Value::Object(members)) = object {
            for member in members {
                let mut at = 0;
                while at < all.len() {
                    if all[at].0 == member.0 {
                        all.remove(at);
                    } else {
                        at += 1;
                    }
                }
                all.push(member.clone());
            }
        }
    }
    Value::Object(all)
}
