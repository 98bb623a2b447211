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
#[derive(Clone, Copy, Debug, PartialEq)]
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
    pub metadata: &'a Value,
}

/// A flag document, ready to be evaluated.
#[derive(Debug)]
pub struct FlagSet {
    numbers: Numbers,
    bucketing: Bucketing,
    flags: Vec<Flag>,
    shared: Vec<Rule>,
    uses_time: bool,
    metadata: Value,
    flaws: Vec<Flaw>,
}

#[derive(Debug)]
struct Flag {
    key: String,
    metadata: Value,
    definition: Definition,
}

#[derive(Debug)]
enum Definition {
    Disabled,
    Malformed,
    Enabled {
        variants: Vec<(String, Value)>,
        /// The key of the default variant, which is among the variants.
        default: Option<String>,
        targeting: Option<Rule>,
    },
}

impl FlagSet {
    /// Compiles a flag document: `{ fractional, flags, $evaluators, metadata }`, flags by key or in a list.
    ///
    /// The error is a flaw of the document as a whole. Flags fail one by one: see [`FlagSet::flaws`].
    pub fn compile(document: &Node, numbers: Numbers) -> Result<FlagSet, Flaw> {
        let bucketing = match document.object()?.member("fractional").number()? {
            None | Some(2.0) => Bucketing::Text,
            Some(3.0) => Bucketing::Cbor,
            // Another version would put people into other buckets.
            Some(_) => return Err(document.member("fractional").flaw(Fault::Range)),
        };
        let metadata = merged(&Value::Object(Vec::new()), &document.member("metadata"))?;
        let evaluators = document.member("$evaluators");
        let mut compiler = Compiler::new(evaluators)?;
        let mut set = FlagSet {
            numbers,
            bucketing,
            flags: Vec::new(),
            shared: Vec::new(),
            uses_time: false,
            metadata,
            flaws: Vec::new(),
        };
        let flags = document.member("flags");
        match flags.value() {
            None => return Err(flags.flaw(Fault::Missing)),
            Some(Value::Array(_)) => {
                for flag in flags.items()? {
                    match flag.member("key").required_string() {
                        Ok(key) => set.add(key, &flag, &mut compiler),
                        Err(flaw) => set.flaws.push(flaw),
                    }
                }
            }
            Some(_) => {
                for (key, flag) in flags.members()? {
                    set.add(key, &flag, &mut compiler);
                }
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

    /// The flag set's own metadata: an object.
    pub fn metadata(&self) -> &Value {
        &self.metadata
    }

    /// Evaluates all flags, in the order of the document. `seconds` is the server's time (Unix, whole seconds).
    ///
    /// Depends on nothing but its arguments: the same context and second give the same outcome.
    pub fn evaluate(&self, context: &Value, seconds: Option<f64>) -> Vec<Evaluated<'_>> {
        let mut members = match context {
            Value::Object(members) => members.clone(),
            _ => Vec::new(),
        };
        members.retain(|(name, _)| name != "$flagd");
        members.push(("$flagd".to_owned(), Value::Null));
        let mut data = Value::Object(members);
        let mut all = Vec::with_capacity(self.flags.len());
        for flag in &self.flags {
            all.push(self.evaluate_one(flag, &mut data, seconds));
        }
        all
    }

    fn evaluate_one<'a>(&'a self, flag: &'a Flag, data: &mut Value, seconds: Option<f64>) -> Evaluated<'a> {
        let outcome = |reason, error, variant: Option<&'a (String, Value)>| Evaluated {
            key: &flag.key,
            value: variant.map(|(_, value)| value),
            variant: variant.map(|(key, _)| key.as_str()),
            reason,
            error,
            metadata: &flag.metadata,
        };
        let (variants, default, targeting) = match &flag.definition {
            Definition::Disabled => return outcome(Reason::Disabled, None, None),
            Definition::Malformed => return outcome(Reason::Error, Some(ErrorCode::ParseError), None),
            Definition::Enabled { variants, default, targeting } => (variants, default, targeting),
        };
        let find = |key: &str| variants.iter().find(|(k, _)| k == key);
        let default = default.as_ref().and_then(|key| find(key));
        let Some(rule) = targeting else {
            let reason = if default.is_some() { Reason::Static } else { Reason::Default };
            return outcome(reason, None, default);
        };
        if let Value::Object(members) = data
            && let Some((_, flagd)) = members.last_mut()
        {
            *flagd = Value::object([("flagKey", flag.key.as_str().into()), ("timestamp", seconds.into())]);
        }
        let logic = Logic {
            numbers: self.numbers,
            bucketing: self.bucketing,
            shared: &self.shared,
            steps: Cell::new(operators::MAX_STEPS),
        };
        let result = logic.apply(rule, data);
        let chosen = if result.is_null() { None } else { Some(logic.text(&result)) };
        match chosen {
            _ if logic.steps.get() == 0 => outcome(Reason::Error, Some(ErrorCode::General), None),
            None => outcome(Reason::Default, None, default),
            Some(key) => match find(&key) {
                Some(variant) => outcome(Reason::TargetingMatch, None, Some(variant)),
                None => outcome(Reason::Error, Some(ErrorCode::General), None),
            },
        }
    }

    fn add(&mut self, key: &str, node: &Node, compiler: &mut Compiler) {
        // The metadata of a flag that is wrong in it is the set's.
        let metadata = merged(&self.metadata, &node.member("metadata"));
        let (metadata, flaw) = match metadata {
            Ok(metadata) => (metadata, None),
            Err(flaw) => (self.metadata.clone(), Some(flaw)),
        };
        // A flag that is switched off stays so, whatever else is wrong with it.
        let disabled = node.member("state").value().and_then(Value::as_str) == Some("DISABLED");
        let mut definition = match (define(node, compiler), flaw) {
            (Ok(definition), None) => definition,
            (Err(flaw), _) | (_, Some(flaw)) => {
                self.flaws.push(flaw);
                Definition::Malformed
            }
        };
        if disabled {
            definition = Definition::Disabled;
        }
        self.flags.push(Flag { key: key.to_owned(), metadata, definition });
    }
}

/// What one rule gives for some data, without a flag around it: for tools and tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn apply(rule: &Value, data: &Value) -> Result<Value, Flaw> {
    let none = Value::Object(Vec::new());
    let mut compiler = Compiler::new(Node::root(&none))?;
    let rule = compiler.compile(&Node::root(rule))?;
    let steps = Cell::new(operators::MAX_STEPS);
    let logic = Logic { numbers: Numbers::native(), bucketing: Bucketing::Text, shared: &[], steps };
    Ok(logic.apply(&rule, data).into_owned())
}

fn define(node: &Node, compiler: &mut Compiler) -> Result<Definition, Flaw> {
    let node = node.object()?;
    let state = node.member("state");
    if !matches!(state.required_string()?, "ENABLED" | "DISABLED") {
        return Err(state.flaw(Fault::Range));
    }
    let variants = node.member("variants");
    let variants = match variants.object()?.value() {
        Some(Value::Object(members)) if !members.is_empty() => members,
        _ => return Err(variants.flaw(Fault::Missing)),
    };
    let default = node.member("defaultVariant");
    // An empty key is none: flagd's own engines have it so.
    let key = default.string()?.filter(|key| !key.is_empty());
    if key.is_some_and(|key| !variants.iter().any(|(k, _)| k == key)) {
        return Err(default.flaw(Fault::Undefined));
    }
    let targeting = node.member("targeting");
    let targeting = match targeting.object()?.value() {
        Some(Value::Object(members)) if !members.is_empty() => Some(compiler.compile(&targeting)?),
        _ => None,
    };
    Ok(Definition::Enabled { variants: variants.clone(), default: key.map(str::to_owned), targeting })
}

/// `under` with the members of `over` laid over it.
fn merged(under: &Value, over: &Node) -> Result<Value, Flaw> {
    let mut members = match under {
        Value::Object(members) => members.clone(),
        _ => Vec::new(),
    };
    for (name, node) in over.members()? {
        members.retain(|(n, _)| n != name);
        if let Some(value) = node.value() {
            members.push((name.to_owned(), value.clone()));
        }
    }
    Ok(Value::Object(members))
}
