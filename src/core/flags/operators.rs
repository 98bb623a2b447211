//! What the operations do. Where JsonLogic's engines disagree, its reference decides (jsonlogic.com, which says
//! "as in JavaScript"); where both of flagd's own engines agree against it, they do.

use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;

use super::super::value::{Value, cut};
use super::Numbers;
use super::fractional::{self, Bucketing};
use super::rule::{Operator, Rule};
use super::sem_ver;

/// How many steps one flag's rule may take: loops multiply what its size bounds.
pub const MAX_STEPS: u32 = 100_000;
/// So much of what a rule makes costs a step more.
const STEP: usize = 64;

static NULL: Value = Value::Null;
static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

/// What a rule has made, one after the other. It lives until the flag is done, so that results can simply be lent.
#[derive(Debug)]
pub struct Made {
    value: Value,
    next: OnceCell<Box<Made>>,
}

impl Made {
    /// Nothing yet.
    pub fn nothing() -> Made {
        Made { value: Value::Null, next: OnceCell::new() }
    }
}

impl Drop for Made {
    /// One after the other: inside each other they would need a stack as long as the chain.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut made) = next {
            next = made.next.take();
        }
    }
}

/// Applies rules to data.
pub struct Logic<'a> {
    numbers: Numbers,
    bucketing: Bucketing,
    shared: &'a [Rule],
    /// How many steps are left; at 0 every rule gives `null`.
    steps: Cell<u32>,
    last: Cell<&'a Made>,
}

impl<'a> Logic<'a> {
    /// For one flag's rule; what it makes is kept behind `made`.
    pub fn new(numbers: Numbers, bucketing: Bucketing, shared: &'a [Rule], made: &'a Made) -> Logic<'a> {
        Logic { numbers, bucketing, shared, steps: Cell::new(MAX_STEPS), last: Cell::new(made) }
    }

    /// Whether the steps were too few.
    pub fn exhausted(&self) -> bool {
        self.steps.get() == 0
    }

    /// The value as JavaScript's `String` gives it.
    pub fn text(&self, value: &Value) -> String {
        let mut text = String::new();
        self.push_text(&mut text, value);
        text
    }

    fn make(&self, value: Value) -> &'a Value {
        self.spend(size(&value) / STEP);
        let last = self.last.get();
        let made = last.next.get_or_init(|| Box::new(Made { value, next: OnceCell::new() }));
        self.last.set(made);
        &made.value
    }

    fn spend(&self, steps: usize) {
        self.steps.set(self.steps.get().saturating_sub(steps as u32));
    }

    fn argument(&self, rules: &'a [Rule], index: usize, data: &'a Value) -> &'a Value {
        rules.get(index).map_or(&NULL, |rule| self.apply(rule, data))
    }

    /// What `rule` gives for `data`.
    pub fn apply(&self, rule: &'a Rule, data: &'a Value) -> &'a Value {
        self.spend(1);
        if self.exhausted() {
            return &NULL;
        }
        let operator = rule.operator;
        let arguments = &rule.arguments[..];
        let argument = |index| self.argument(arguments, index, data);
        let test = |index, data| truthy(self.argument(arguments, index, data));
        // Operations that decide what they evaluate, and on which data.
        match operator {
            Operator::Constant => &rule.value,
            Operator::Variable => look_up(data, rule.value.as_str().unwrap_or_default()).unwrap_or(&NULL),
            Operator::Shared => self.argument(self.shared, self.number(&rule.value) as usize, data),
            Operator::If => {
                let mut rest = arguments;
                while let [condition, then, more @ ..] = rest {
                    if truthy(self.apply(condition, data)) {
                        return self.apply(then, data);
                    }
                    rest = more;
                }
                self.argument(rest, 0, data)
            }
            Operator::Or | Operator::And => {
                let mut last = &NULL;
                for rule in arguments {
                    last = self.apply(rule, data);
                    if truthy(last) == (operator == Operator::Or) {
                        break;
                    }
                }
                last
            }
            Operator::Not | Operator::Truthy => boolean(test(0, data) == (operator == Operator::Truthy)),
            Operator::All | Operator::Some | Operator::None => {
                let (all, items) = (operator == Operator::All, argument(0).items());
                let found = items.iter().any(|item| test(1, item) != all);
                boolean(if operator == Operator::Some { found } else { !(found || all && items.is_empty()) })
            }
            Operator::Map | Operator::Filter => {
                let mut items = Vec::new();
                for item in argument(0).items() {
                    let result = self.argument(arguments, 1, item);
                    if operator == Operator::Map {
                        items.push(result);
                    } else if truthy(result) {
                        items.push(item);
                    }
                }
                self.make(Value::Array(copies(&items)))
            }
            Operator::Reduce => {
                let items = argument(0).items();
                items.iter().fold(argument(2), |accumulator, current| {
                    let scope = [("current", current.clone()), ("accumulator", accumulator.clone())];
                    self.argument(arguments, 1, self.make(Value::object(scope)))
                })
            }
            _ if operator.compares() => {
                let mut left = argument(0);
                for rule in arguments.iter().skip(1) {
                    let right = self.apply(rule, data);
                    if !self.holds(operator, left, right) {
                        return &FALSE;
                    }
                    left = right;
                }
                &TRUE
            }
            _ => {
                let mut values = Vec::new();
                for rule in arguments {
                    values.push(self.apply(rule, data));
                }
                if (rule.spread || operator == Operator::Missing)
                    && let Some(Value::Array(items)) = values.first()
                {
                    values = each(items);
                }
                self.compute(operator, &values, data)
            }
        }
    }

    /// Operations on evaluated arguments.
    fn compute(&self, operator: Operator, values: &[&'a Value], data: &'a Value) -> &'a Value {
        let value = |index: usize| values.get(index).copied().unwrap_or(&NULL);
        self.make(match operator {
            Operator::Var => {
                let found = match value(0) {
                    Value::Null => Some(data),
                    path => look_up(data, &self.text(path)),
                };
                return found.unwrap_or(value(1));
            }
            Operator::Fractional => return self.fractional(values, data).unwrap_or(&NULL),
            Operator::List => Value::Array(copies(values)),
            Operator::Missing => Value::Array(self.missing(values, data)),
            Operator::MissingSome => {
                let Value::Array(names) = value(1) else { return &NULL };
                let mut missing = self.missing(&each(names), data);
                if (names.len() - missing.len()) as f64 >= self.number(value(0)) {
                    missing.clear();
                }
                Value::Array(missing)
            }
            Operator::Merge => {
                let mut all = Vec::new();
                for value in values {
                    match value {
                        Value::Array(items) => all.append(&mut each(items)),
                        _ => all.push(*value),
                    }
                }
                Value::Array(copies(&all))
            }
            Operator::In => {
                return boolean(match value(1) {
                    // In nothing there is nothing: the reference and flagd's JavaScript engine have it so.
                    Value::String(text) if text.is_empty() => false,
                    Value::String(text) => contains(text.as_bytes(), self.text(value(0)).as_bytes()),
                    list => list.items().iter().any(|item| same(item, value(0))),
                });
            }
            Operator::Cat => {
                let mut text = String::new();
                for value in values {
                    if !value.is_null() {
                        self.push_text(&mut text, value);
                    }
                }
                Value::String(text)
            }
            Operator::Substr => {
                let text = self.text(value(0));
                let count = text.bytes().filter(|byte| byte & 0xc0 != 0x80).count() as f64;
                // One below 0 counts from the end. What is no number is 0: nothing is above or below it.
                let from = |value, zero: f64| {
                    let n = self.number(value).trunc();
                    if n < 0.0 {
                        count + n
                    } else if n > 0.0 {
                        zero + n
                    } else {
                        zero
                    }
                };
                let start = from(value(1), 0.0).max(0.0);
                let end = if value(2).is_null() { count } else { from(value(2), start) };
                let (mut part, mut at) = (String::new(), 0.0);
                for c in text.chars() {
                    if at >= start && at < end {
                        part.push(c);
                    }
                    at += 1.0;
                }
                Value::String(part)
            }
            Operator::StartsWith | Operator::EndsWith => {
                let [Value::String(text), Value::String(part)] = values else { return &NULL };
                let (text, part) = (text.as_bytes(), part.as_bytes());
                return boolean(match operator {
                    Operator::StartsWith => text.starts_with(part),
                    _ => text.ends_with(part),
                });
            }
            Operator::SemVer => {
                let [left, operator, right] = values else { return &NULL };
                let text = |value| self.text(value);
                return sem_ver::holds(&text(left), &text(operator), &text(right)).map_or(&NULL, boolean);
            }
            _ => return self.calculate(operator, values),
        })
    }

    fn calculate(&self, operator: Operator, values: &[&'a Value]) -> &'a Value {
        let mut numbers = values.iter().map(|value| self.number(value));
        let first = match (operator, values.len()) {
            (Operator::Add, _) | (Operator::Subtract, 1) => Some(0.0),
            (Operator::Multiply, _) | (Operator::Divide, 1) => Some(1.0),
            _ => numbers.next(),
        };
        let Some(first) = first else { return &NULL };
        self.make(Value::Number(numbers.fold(first, |a, b| match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Remainder => (self.numbers.remainder)(a, b),
            // One that is no number makes the whole none, as `Math.max` has it.
            Operator::Max if a >= b => a,
            Operator::Min if a <= b => a,
            _ if a.is_nan() => a,
            _ => b,
        })))
    }

    fn fractional(&self, values: &[&'a Value], data: &Value) -> Option<&'a Value> {
        let (first, rest) = values.split_first()?;
        let by_text = self.bucketing == Bucketing::Text;
        let implicit;
        let (key, entries) = match first {
            Value::Null => return None,
            // Without a key of its own it begins with an entry.
            _ if matches!(first, Value::Array(_)) || by_text && first.as_str().is_none() => {
                let flag = data.get("$flagd")?.get("flagKey")?;
                let person = data.get("targetingKey").filter(|key| truthy(key))?;
                implicit = if by_text {
                    let mut text = self.text(flag);
                    self.push_text(&mut text, person);
                    Value::String(text)
                } else {
                    person.as_str()?;
                    Value::Array(copies(&[flag, person]))
                };
                (&implicit, values)
            }
            _ => (*first, rest),
        };
        let mut bytes = Vec::new();
        let bytes = match key {
            Value::String(text) if by_text => text.as_bytes(),
            _ => {
                fractional::encode(&mut bytes, key);
                &bytes
            }
        };
        fractional::choose(bytes, entries)
    }

    /// Those of the names that lead to nothing.
    fn missing(&self, names: &[&Value], data: &Value) -> Vec<Value> {
        let mut missing = Vec::new();
        for name in names {
            if look_up(data, &self.text(name)).is_none_or(Value::is_null) {
                missing.push(*name);
            }
        }
        copies(&missing)
    }

    fn holds(&self, operator: Operator, a: &Value, b: &Value) -> bool {
        let order = || self.order(a, b);
        match operator {
            Operator::Equal => self.equal(a, b),
            Operator::NotEqual => !self.equal(a, b),
            Operator::StrictEqual => same(a, b),
            Operator::StrictNotEqual => !same(a, b),
            Operator::Less => order() == Some(Ordering::Less),
            Operator::Greater => order() == Some(Ordering::Greater),
            Operator::LessOrEqual => order().is_some_and(Ordering::is_le),
            _ => order().is_some_and(Ordering::is_ge),
        }
    }

    /// JavaScript's `==`.
    fn equal(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Null, _) | (_, Value::Null) | (Value::String(_), Value::String(_)) => same(a, b),
            (Value::Array(_) | Value::Object(_), Value::Array(_) | Value::Object(_)) => false,
            _ => self.order(a, b) == Some(Ordering::Equal),
        }
    }

    /// JavaScript's `<` and `>`: two texts by their letters, everything else as numbers.
    fn order(&self, a: &Value, b: &Value) -> Option<Ordering> {
        let texts = |value: &Value| matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_));
        if texts(a) && texts(b) {
            return Some(self.text(a).cmp(&self.text(b)));
        }
        self.number(a).partial_cmp(&self.number(b))
    }

    /// JavaScript's `Number`.
    fn number(&self, value: &Value) -> f64 {
        match value {
            Value::Null => 0.0,
            Value::Bool(truth) => *truth as u8 as f64,
            Value::Number(number) => *number,
            Value::String(text) => (self.numbers.parse)(text),
            _ => (self.numbers.parse)(&self.text(value)),
        }
    }

    fn push_text(&self, to: &mut String, value: &Value) {
        match value {
            Value::Null => to.push_str("null"),
            Value::Bool(true) => to.push_str("true"),
            Value::Bool(false) => to.push_str("false"),
            Value::Number(number) => to.push_str(&(self.numbers.print)(*number)),
            Value::String(text) => to.push_str(text),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        to.push(',');
                    }
                    if !item.is_null() {
                        self.push_text(to, item);
                    }
                }
            }
            Value::Object(_) => to.push_str("[object Object]"),
        }
    }
}

// By hand: each `collect` of a kind is code of its own.

fn each(items: &[Value]) -> Vec<&Value> {
    let mut all = Vec::new();
    for item in items {
        all.push(item);
    }
    all
}

fn copies(values: &[&Value]) -> Vec<Value> {
    let mut all = Vec::new();
    for value in values {
        all.push((*value).clone());
    }
    all
}

fn boolean(truth: bool) -> &'static Value {
    if truth { &TRUE } else { &FALSE }
}

/// As in JsonLogic: what JavaScript takes for true, less empty lists.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
    }
}

/// What `path` leads to (`user.roles.0`); the whole for an empty path, nothing where it ends early.
fn look_up<'a>(mut data: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(data);
    }
    let mut rest = Some(path);
    while let Some(path) = rest {
        let (name, more) = cut(path, b'.');
        data = match data {
            Value::Array(items) => items.get(index(name)?)?,
            _ => data.get(name)?,
        };
        rest = more;
    }
    Some(data)
}

fn index(digits: &str) -> Option<usize> {
    let mut index = 0usize;
    for byte in digits.bytes() {
        index = index
            .checked_mul(10)?
            .checked_add(byte.checked_sub(b'0').filter(|digit| *digit < 10)? as usize)?;
    }
    (!digits.is_empty()).then_some(index)
}

/// JavaScript's `===`; two lists or objects are never the same one.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        _ => false,
    }
}

/// Byte by byte: the search of `str` is made for haystacks that contexts do not hold, and is large.
fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// How much memory a value holds, roughly.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Object(members) => members.iter().map(|(_, value)| size(value)).sum::<usize>() + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::value::read;
    use super::super::apply;
    use super::*;

    fn json(text: &str) -> Value {
        read(&mut serde_json::Deserializer::from_str(text)).expect(text)
    }

    /// Rows of rule, data, result.
    fn check(rows: &[(&str, &str, &str)]) {
        for (rule, data, result) in rows {
            assert_eq!(apply(&json(rule), &json(data)), Ok(json(result)), "{rule} of {data}");
        }
    }

    #[test]
    fn what_is_no_operation_gives_itself() {
        check(&[
            ("17.5", "{}", "17.5"),
            ("null", "{}", "null"),
            (r#""a""#, "{}", r#""a""#),
            ("{}", "{}", "{}"),
            (r#"[1,{"var":"x"},[{"var":"x"}]]"#, r#"{"x":2}"#, "[1,2,[2]]"),
        ]);
    }

    #[test]
    fn var_follows_paths_through_objects_and_lists() {
        let data = r#"{"a":{"b":[{"c":1},"x",null]},"n":null,"z":0,"1":"one"}"#;
        check(&[
            (r#"{"var":"a.b.0.c"}"#, data, "1"),
            (r#"{"var":["a.b.1"]}"#, data, r#""x""#),
            (r#"{"var":1}"#, data, r#""one""#),
            (r#"{"var":1}"#, r#"["x","y"]"#, r#""y""#),
            (r#"{"var":"a.b.9"}"#, data, "null"),
            (r#"{"var":"a.b.x"}"#, data, "null"),
            (r#"{"var":"a.b.99999999999999999999"}"#, data, "null"),
            (r#"{"var":"a..b"}"#, data, "null"),
            (r#"{"var":"z.y"}"#, data, "null"),
            (r#"{"var":{"cat":["a.b.","1"]}}"#, data, r#""x""#),
        ]);
    }

    #[test]
    fn var_without_a_path_is_the_whole() {
        for rule in [r#"{"var":""}"#, r#"{"var":null}"#, r#"{"var":[]}"#, r#"{"var":[""]}"#] {
            check(&[(rule, r#"{"a":1}"#, r#"{"a":1}"#), (rule, "5", "5")]);
        }
    }

    #[test]
    fn var_takes_its_default_where_there_is_nothing() {
        check(&[
            (r#"{"var":["x",7]}"#, "{}", "7"),
            // As the reference and flagd's JavaScript engine have it; flagd's Go engine takes the default.
            (r#"{"var":["x",7]}"#, r#"{"x":null}"#, "null"),
            (r#"{"var":["x",7]}"#, r#"{"x":0}"#, "0"),
            (r#"{"var":["x",{"var":"y"}]}"#, r#"{"y":3}"#, "3"),
            (r#"{"var":["a.b",7]}"#, "null", "7"),
        ]);
    }

    #[test]
    fn missing_names_what_is_not_there_or_null() {
        let data = r#"{"a":0,"b":{"c":""},"n":null}"#;
        check(&[
            (r#"{"missing":["a","b.c","n","x"]}"#, data, r#"["n","x"]"#),
            (r#"{"missing":"x"}"#, data, r#"["x"]"#),
            (r#"{"missing":{"merge":["x",["a"]]}}"#, data, r#"["x"]"#),
            (r#"{"missing":[]}"#, data, "[]"),
            (r#"{"missing_some":[1,["a","x"]]}"#, data, "[]"),
            (r#"{"missing_some":[2,["a","x","y"]]}"#, data, r#"["x","y"]"#),
            (r#"{"missing_some":[0,["x"]]}"#, data, "[]"),
            (r#"{"missing_some":[1]}"#, data, "null"),
        ]);
    }

    #[test]
    fn if_takes_the_first_branch_whose_condition_is_truthy() {
        check(&[
            (r#"{"if":[]}"#, "{}", "null"),
            (r#"{"if":[5]}"#, "{}", "5"),
            (r#"{"if":"x"}"#, "{}", r#""x""#),
            (r#"{"if":[0,"a"]}"#, "{}", "null"),
            (r#"{"if":[0,"a",1,"b","c"]}"#, "{}", r#""b""#),
            (r#"{"if":[0,"a",0,"b","c"]}"#, "{}", r#""c""#),
            (r#"{"?:":[[],"a",{"var":"x"}]}"#, r#"{"x":9}"#, "9"),
        ]);
    }

    #[test]
    fn truth_is_as_in_javascript_but_for_empty_lists() {
        for (value, truth) in [
            ("null", false),
            ("0", false),
            ("-0", false),
            (r#""""#, false),
            ("[]", false),
            ("false", false),
            ("1", true),
            ("-1", true),
            (r#""0""#, true),
            (r#""false""#, true),
            ("[0]", true),
            ("{}", true),
        ] {
            let data = format!(r#"{{"x":{value}}}"#);
            check(&[
                (r#"{"!!":[{"var":"x"}]}"#, &data, &truth.to_string()),
                (r#"{"!!":{"var":"x"}}"#, &data, &truth.to_string()),
                (r#"{"!":[{"var":"x"}]}"#, &data, &(!truth).to_string()),
            ]);
        }
        check(&[(r#"{"!!":{"+":"x"}}"#, "{}", "false"), (r#"{"!":[]}"#, "{}", "true")]);
    }

    #[test]
    fn and_and_or_give_the_argument_that_decides() {
        check(&[
            (r#"{"or":[0,"",{"var":"x"},5]}"#, r#"{"x":"y"}"#, r#""y""#),
            (r#"{"or":[0,""]}"#, "{}", r#""""#),
            (r#"{"and":[1,{"var":"x"},0]}"#, "{}", "null"),
            (r#"{"and":[1,2]}"#, "{}", "2"),
            (r#"{"or":[]}"#, "{}", "null"),
            (r#"{"and":[]}"#, "{}", "null"),
        ]);
    }

    #[test]
    fn equality_coerces_as_in_javascript() {
        for (a, b, equal) in [
            ("1", r#""1""#, true),
            ("1", r#""1.0""#, true),
            (r#""1""#, r#""1.0""#, false),
            ("0", r#""""#, true),
            ("true", "1", true),
            ("true", r#""1""#, true),
            ("true", r#""true""#, false),
            ("null", "null", true),
            ("null", "0", false),
            ("null", "false", false),
            ("null", r#""""#, false),
            ("[1]", "1", true),
            ("[1,2]", r#""1,2""#, true),
            ("[]", "[]", false),
            ("{}", "{}", false),
            ("{}", r#""[object Object]""#, true),
            (r#""abc""#, "0", false),
        ] {
            let data = format!(r#"{{"a":{a},"b":{b}}}"#);
            for (operator, holds) in [("==", equal), ("!=", !equal)] {
                check(&[
                    (
                        &format!(r#"{{"{operator}":[{{"var":"a"}},{{"var":"b"}}]}}"#),
                        &data,
                        &holds.to_string(),
                    ),
                    (
                        &format!(r#"{{"{operator}":[{{"var":"b"}},{{"var":"a"}}]}}"#),
                        &data,
                        &holds.to_string(),
                    ),
                ]);
            }
        }
    }

    #[test]
    fn strict_equality_coerces_nothing() {
        check(&[
            (r#"{"===":[1,"1"]}"#, "{}", "false"),
            (r#"{"===":["a",{"var":"x"}]}"#, r#"{"x":"a"}"#, "true"),
            (r#"{"===":[{"var":"x"},null]}"#, "{}", "true"),
            (r#"{"===":[[1],[1]]}"#, "{}", "false"),
            (r#"{"!==":[false,0]}"#, "{}", "true"),
            (r#"{"!==":[{"+":"x"},{"+":"x"}]}"#, "{}", "true"),
        ]);
    }

    #[test]
    fn order_is_by_letters_between_texts_and_by_numbers_otherwise() {
        check(&[
            (r#"{"<":["10","9"]}"#, "{}", "true"),
            (r#"{"<":["10",9]}"#, "{}", "false"),
            (r#"{"<":["a","b"]}"#, "{}", "true"),
            (r#"{"<":[{"var":"age"},18]}"#, "{}", "true"),
            (r#"{"<":[{"var":"age"},18]}"#, r#"{"age":"unknown"}"#, "false"),
            (r#"{">=":[{"var":"age"},18]}"#, r#"{"age":"unknown"}"#, "false"),
            (r#"{">":[true,false]}"#, "{}", "true"),
            (r#"{"<=":[[2],"10"]}"#, "{}", "false"),
        ]);
    }

    #[test]
    fn comparisons_of_several_hold_between_all_neighbours() {
        check(&[
            (r#"{"<":[1,2,3]}"#, "{}", "true"),
            (r#"{"<":[1,4,3]}"#, "{}", "false"),
            (r#"{"<=":[1,{"var":"x"},10]}"#, r#"{"x":10}"#, "true"),
            (r#"{">=":[3,3,1,2]}"#, "{}", "false"),
        ]);
    }

    #[test]
    fn arithmetic_coerces_to_numbers() {
        check(&[
            (r#"{"+":[]}"#, "{}", "0"),
            (r#"{"+":"3.14"}"#, "{}", "3.14"),
            (r#"{"+":[1,"2",true,null]}"#, "{}", "4"),
            (r#"{"+":{"var":"l"}}"#, r#"{"l":[1,2,3]}"#, "6"),
            (r#"{"-":[2]}"#, "{}", "-2"),
            (r#"{"-":["7",2]}"#, "{}", "5"),
            (r#"{"*":[2,"3"]}"#, "{}", "6"),
            (r#"{"*":[]}"#, "{}", "1"),
            (r#"{"/":[1,4]}"#, "{}", "0.25"),
            (r#"{"%":[-7,3]}"#, "{}", "-1"),
            (r#"{"%":[5.5,2]}"#, "{}", "1.5"),
            (r#"{"-":[]}"#, "{}", "null"),
        ]);
    }

    #[test]
    fn max_and_min_take_numbers_only() {
        check(&[
            (r#"{"max":[1,"3",2]}"#, "{}", "3"),
            (r#"{"min":[1,-3,null]}"#, "{}", "-3"),
            (r#"{"max":{"var":"l"}}"#, r#"{"l":[4,9,2]}"#, "9"),
            (r#"{"max":[]}"#, "{}", "null"),
            (r#"{"!!":{"max":[1,"x",3]}}"#, "{}", "false"),
            (r#"{"!!":{"min":["x",1]}}"#, "{}", "false"),
            (r#"{"!!":{"max":[1,"x"]}}"#, "{}", "false"),
        ]);
    }

    #[test]
    fn list_operations_see_the_item_as_their_data() {
        let data = r#"{"l":[1,2,3],"o":[{"n":1},{"n":0}],"x":9}"#;
        check(&[
            (r#"{"map":[{"var":"l"},{"*":[{"var":""},2]}]}"#, data, "[2,4,6]"),
            (r#"{"map":[{"var":"o"},{"var":"n"}]}"#, data, "[1,0]"),
            (r#"{"map":[{"var":"l"},{"var":"x"}]}"#, data, "[null,null,null]"),
            (r#"{"filter":[{"var":"l"},{">":[{"var":""},1]}]}"#, data, "[2,3]"),
            (r#"{"all":[{"var":"o"},{"var":"n"}]}"#, data, "false"),
            (r#"{"some":[{"var":"o"},{"var":"n"}]}"#, data, "true"),
            (r#"{"none":[{"var":"o"},{"var":"n"}]}"#, data, "false"),
            (
                r#"{"reduce":[{"var":"l"},{"+":[{"var":"current"},{"var":"accumulator"}]},{"var":"x"}]}"#,
                data,
                "15",
            ),
        ]);
    }

    #[test]
    fn what_is_no_list_has_no_items() {
        for data in ["{}", r#"{"l":"abc"}"#, r#"{"l":{"a":1}}"#] {
            check(&[
                (r#"{"map":[{"var":"l"},true]}"#, data, "[]"),
                (r#"{"filter":[{"var":"l"},true]}"#, data, "[]"),
                (r#"{"all":[{"var":"l"},true]}"#, data, "false"),
                (r#"{"some":[{"var":"l"},true]}"#, data, "false"),
                (r#"{"none":[{"var":"l"},true]}"#, data, "true"),
                (r#"{"reduce":[{"var":"l"},true,"start"]}"#, data, r#""start""#),
            ]);
        }
    }

    #[test]
    fn merge_makes_one_list() {
        check(&[
            (r#"{"merge":[1,[2,[3]],{"var":"l"}]}"#, r#"{"l":[4]}"#, "[1,2,[3],4]"),
            (r#"{"merge":1}"#, "{}", "[1]"),
            (r#"{"merge":[]}"#, "{}", "[]"),
        ]);
    }

    #[test]
    fn in_looks_into_texts_and_lists() {
        check(&[
            (r#"{"in":["Spring","Springfield"]}"#, "{}", "true"),
            (r#"{"in":["spring","Springfield"]}"#, "{}", "false"),
            (r#"{"in":["","x"]}"#, "{}", "true"),
            (r#"{"in":["long","x"]}"#, "{}", "false"),
            (r#"{"in":["",""]}"#, "{}", "false"),
            (r#"{"in":["é","café"]}"#, "{}", "true"),
            (r#"{"in":[2,"123"]}"#, "{}", "true"),
            (r#"{"in":[{"var":"email"},"a@example.com"]}"#, "{}", "false"),
            (r#"{"in":["1",[1,2]]}"#, "{}", "false"),
            (r#"{"in":[1,[2,1]]}"#, "{}", "true"),
            (r#"{"in":[null,[null]]}"#, "{}", "true"),
            (r#"{"in":["a",null]}"#, "{}", "false"),
        ]);
    }

    #[test]
    fn cat_writes_numbers_as_javascript_does_and_nothing_for_null() {
        check(&[
            (r#"{"cat":["a",1,1.5,true,{"var":"x"}]}"#, "{}", r#""a11.5true""#),
            (r#"{"cat":[1e21,-0]}"#, "{}", r#""1e+210""#),
            (r#"{"cat":[[1,null,[2,"b"]],{}]}"#, "{}", r#""1,,2,b[object Object]""#),
            (r#"{"cat":{"var":"l"}}"#, r#"{"l":["a","b"]}"#, r#""ab""#),
        ]);
    }

    #[test]
    fn substr_counts_from_either_end() {
        check(&[
            (r#"{"substr":["abcdef",2]}"#, "{}", r#""cdef""#),
            (r#"{"substr":["abcdef",-2]}"#, "{}", r#""ef""#),
            (r#"{"substr":["abcdef",-9]}"#, "{}", r#""abcdef""#),
            (r#"{"substr":["abcdef",9]}"#, "{}", r#""""#),
            (r#"{"substr":["abcdef",1,2]}"#, "{}", r#""bc""#),
            (r#"{"substr":["abcdef",1,-2]}"#, "{}", r#""bcd""#),
            (r#"{"substr":["abcdef",4,-4]}"#, "{}", r#""""#),
            (r#"{"substr":["abcdef",1e300,1e300]}"#, "{}", r#""""#),
            (r#"{"substr":["abcdef",-1e300,1e300]}"#, "{}", r#""abcdef""#),
            (r#"{"substr":["äöü",1,1]}"#, "{}", r#""ö""#),
            (r#"{"substr":["abc"]}"#, "{}", r#""abc""#),
            (r#"{"substr":[1234,1,2]}"#, "{}", r#""23""#),
        ]);
    }

    #[test]
    fn starts_with_and_ends_with_compare_two_strings_and_give_null_for_anything_else() {
        check(&[
            (r#"{"starts_with":["abcdef","abc"]}"#, "{}", "true"),
            (r#"{"starts_with":["abcdef","bc"]}"#, "{}", "false"),
            (r#"{"starts_with":["","abc"]}"#, "{}", "false"),
            (r#"{"ends_with":["uvwxyz","xyz"]}"#, "{}", "true"),
            (r#"{"ends_with":["uvwxyz",""]}"#, "{}", "true"),
            (r#"{"ends_with":["é","uvé"]}"#, "{}", "false"),
        ]);
        for operator in ["starts_with", "ends_with"] {
            for wrong in [r#"["abc"]"#, r#"["abc","a","b"]"#, r#"[123,"1"]"#, r#"["1",1]"#, r#""abc""#, "[]"]
            {
                check(&[(&format!(r#"{{"{operator}":{wrong}}}"#), "{}", "null")]);
            }
        }
    }
}
