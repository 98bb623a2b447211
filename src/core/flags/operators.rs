//! What the operations do. Where JsonLogic's engines disagree, its reference decides (jsonlogic.com, which says
//! "as in JavaScript"); where both of flagd's own engines agree against it, they do.
//!
//! Loops, not chains of iterators: each chain would be code of its own in the module.

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;
use std::slice;

use super::super::value::{Value, cut};
use super::Numbers;
use super::fractional::{self, Bucketing};
use super::rule::Operator;
use super::sem_ver;

/// How many steps one flag's rule may take: loops multiply what its size bounds.
pub const MAX_STEPS: u32 = 100_000;

const NULL: Value = Value::Null;

/// Applies checked rules to data.
pub struct Logic<'a> {
    pub numbers: Numbers,
    pub bucketing: Bucketing,
    /// The document's `$evaluators`.
    pub evaluators: &'a Value,
    /// How many steps are left; at 0 every rule gives `null`.
    pub steps: Cell<u32>,
}

impl Logic<'_> {
    /// What `rule` gives for `data`.
    pub fn apply<'a>(&'a self, rule: &'a Value, data: &'a Value) -> Cow<'a, Value> {
        self.spend(1);
        if self.steps.get() == 0 {
            return Cow::Borrowed(&NULL);
        }
        if is_constant(rule) {
            return Cow::Borrowed(rule);
        }
        match rule {
            Value::Object(members) => match &members[..] {
                [(name, arguments)] => {
                    if name == "$ref" {
                        let shared = arguments.as_str().and_then(|name| self.evaluators.get(name));
                        return self.apply(shared.unwrap_or(&NULL), data);
                    }
                    match Operator::of(name) {
                        Some(operator) => self.operate(operator, arguments, data),
                        None => Cow::Borrowed(&NULL),
                    }
                }
                _ => Cow::Borrowed(&NULL),
            },
            _ => {
                let mut items = Vec::new();
                for rule in rule.items() {
                    items.push(self.apply(rule, data).into_owned());
                }
                Cow::Owned(Value::Array(items))
            }
        }
    }

    /// The value as JavaScript's `String` gives it.
    pub fn text(&self, value: &Value) -> String {
        let mut text = String::new();
        self.push_text(&mut text, value);
        text
    }

    fn spend(&self, steps: usize) {
        self.steps.set(self.steps.get().saturating_sub(steps as u32));
    }

    /// Operations that decide what they evaluate, and on which data. An argument may be written without a list around it.
    fn operate<'a>(&'a self, operator: Operator, given: &'a Value, data: &'a Value) -> Cow<'a, Value> {
        let arguments = match given {
            Value::Array(items) => items,
            _ => slice::from_ref(given),
        };
        let apply = |index: usize, data: &'a Value| self.apply(arguments.get(index).unwrap_or(&NULL), data);
        if let (Operator::Var, [Value::String(path)]) = (operator, arguments) {
            return Cow::Borrowed(look_up(data, path).unwrap_or(&NULL));
        }
        let truth;
        match operator {
            Operator::If | Operator::IfAlias => {
                let mut index = 0;
                while index + 1 < arguments.len() {
                    if truthy(&apply(index, data)) {
                        return apply(index + 1, data);
                    }
                    index += 2;
                }
                return apply(index, data);
            }
            Operator::Or | Operator::And => {
                let mut last = Cow::Borrowed(&NULL);
                for rule in arguments {
                    last = self.apply(rule, data);
                    if truthy(&last) == (operator == Operator::Or) {
                        break;
                    }
                }
                return last;
            }
            Operator::Not | Operator::Truthy => {
                truth = truthy(&apply(0, data)) == (operator == Operator::Truthy)
            }
            Operator::Map
            | Operator::Filter
            | Operator::All
            | Operator::SomeOf
            | Operator::NoneOf
            | Operator::Reduce => return Cow::Owned(self.each(operator, arguments, data)),
            _ if operator.compares() => {
                let mut left = apply(0, data);
                let mut all = true;
                for rule in arguments.get(1..).unwrap_or_default() {
                    let right = self.apply(rule, data);
                    if !self.holds(operator, &left, &right) {
                        all = false;
                        break;
                    }
                    left = right;
                }
                truth = all;
            }
            _ => {
                let mut evaluated = Vec::new();
                for rule in arguments {
                    evaluated.push(self.apply(rule, data));
                }
                let mut values: Vec<&Value> = Vec::new();
                match (given, evaluated.first().map(|value| &**value)) {
                    // Written without a list, the one argument may bring the list of all.
                    (Value::Object(_), Some(Value::Array(items))) => {
                        for item in items {
                            values.push(item);
                        }
                    }
                    _ => {
                        for value in &evaluated {
                            values.push(value);
                        }
                    }
                }
                return Cow::Owned(self.compute(operator, &values, data));
            }
        }
        Cow::Owned(Value::Bool(truth))
    }

    /// Operations on each item of a list.
    fn each(&self, operator: Operator, arguments: &[Value], data: &Value) -> Value {
        let argument = |index: usize| arguments.get(index).unwrap_or(&NULL);
        let list = self.apply(argument(0), data);
        let items = list.items();
        let rule = argument(1);
        if operator == Operator::Reduce {
            let mut result = self.apply(argument(2), data).into_owned();
            for item in items {
                // What grows here grows with every round.
                self.spend(size(&result));
                let scope = Value::Object(vec![
                    ("current".to_owned(), item.clone()),
                    ("accumulator".to_owned(), result),
                ]);
                result = self.apply(rule, &scope).into_owned();
            }
            return result;
        }
        let mut found = Vec::new();
        for item in items {
            let result = self.apply(rule, item);
            if operator == Operator::Map {
                found.push(result.into_owned());
            } else if truthy(&result) {
                found.push(item.clone());
                if operator == Operator::SomeOf || operator == Operator::NoneOf {
                    break;
                }
            } else if operator == Operator::All {
                break;
            }
        }
        Value::Bool(match operator {
            Operator::SomeOf => !found.is_empty(),
            Operator::NoneOf => found.is_empty(),
            Operator::All => !items.is_empty() && found.len() == items.len(),
            _ => return Value::Array(found),
        })
    }

    /// Operations on evaluated arguments.
    fn compute(&self, operator: Operator, values: &[&Value], data: &Value) -> Value {
        let value = |index: usize| values.get(index).copied().unwrap_or(&NULL);
        let (first, second) = (value(0), value(1));
        Value::Array(match operator {
            Operator::Var => {
                let found = if first.is_null() { Some(data) } else { look_up(data, &self.text(first)) };
                return found.unwrap_or(second).clone();
            }
            Operator::Missing => {
                let mut missing = Vec::new();
                match first {
                    Value::Array(names) => self.missing(&mut missing, names, data),
                    _ => {
                        for name in values {
                            self.missing(&mut missing, slice::from_ref(*name), data);
                        }
                    }
                }
                missing
            }
            Operator::MissingSome => {
                let Value::Array(names) = second else { return Value::Null };
                let mut missing = Vec::new();
                self.missing(&mut missing, names, data);
                if (names.len() - missing.len()) as f64 >= self.number(first) {
                    missing.clear();
                }
                missing
            }
            Operator::Merge => {
                let mut all = Vec::new();
                for value in values {
                    match value {
                        Value::Array(items) => all.extend_from_slice(items),
                        _ => all.push((*value).clone()),
                    }
                }
                all
            }
            Operator::In => {
                let mut found = false;
                match second {
                    Value::String(text) if text.is_empty() => {}
                    Value::String(text) => found = contains(text.as_bytes(), self.text(first).as_bytes()),
                    _ => {
                        for item in second.items() {
                            found |= same(item, first);
                        }
                    }
                }
                return Value::Bool(found);
            }
            Operator::Cat => {
                let mut text = String::new();
                for value in values {
                    if !value.is_null() {
                        self.push_text(&mut text, value);
                    }
                }
                return Value::String(text);
            }
            Operator::Substr => {
                let text = self.text(first);
                // `as` cuts off fractions, and reads what is not a number as 0.
                let count = text.chars().count() as i64;
                let from = self.number(second) as i64;
                let start = if from < 0 { count.saturating_add(from).max(0) } else { from };
                let mut end = count;
                if !value(2).is_null() {
                    let length = self.number(value(2)) as i64;
                    end = length.saturating_add(if length < 0 { count } else { start });
                }
                let mut part = String::new();
                for (at, c) in text.chars().enumerate() {
                    if (at as i64) >= start && (at as i64) < end {
                        part.push(c);
                    }
                }
                return Value::String(part);
            }
            Operator::StartsWith | Operator::EndsWith => {
                let [Value::String(text), Value::String(part)] = values else { return Value::Null };
                let (text, part) = (text.as_bytes(), part.as_bytes());
                let from =
                    if operator == Operator::EndsWith { text.len().wrapping_sub(part.len()) } else { 0 };
                return Value::Bool(text.get(from..from.wrapping_add(part.len())) == Some(part));
            }
            Operator::SemVer => {
                let [left, operator, right] = values else { return Value::Null };
                let text = |value| self.text(value);
                return sem_ver::holds(&text(left), &text(operator), &text(right)).into();
            }
            Operator::Fractional => return self.fractional(values, data).unwrap_or(&NULL).clone(),
            _ => return self.calculate(operator, values),
        })
    }

    fn calculate(&self, operator: Operator, values: &[&Value]) -> Value {
        let mut result = match (operator, values.len()) {
            (Operator::Add, _) | (Operator::Subtract, 1) => Some(0.0),
            (Operator::Multiply, _) | (Operator::Divide, 1) => Some(1.0),
            _ => None,
        };
        for value in values {
            let b = self.number(value);
            result = Some(match (result, operator) {
                (None, _) => b,
                (Some(a), Operator::Add) => a + b,
                (Some(a), Operator::Subtract) => a - b,
                (Some(a), Operator::Multiply) => a * b,
                (Some(a), Operator::Divide) => a / b,
                (Some(a), Operator::Remainder) => (self.numbers.remainder)(a, b),
                // One that is no number makes the whole none, as `Math.max` has it.
                (Some(a), _)
                    if a.is_nan()
                        || (operator == Operator::Max && a >= b)
                        || (operator == Operator::Min && a <= b) =>
                {
                    a
                }
                _ => b,
            });
        }
        result.into()
    }

    fn fractional<'a>(&self, values: &[&'a Value], data: &Value) -> Option<&'a Value> {
        let mut key = Vec::new();
        let text = self.bucketing == Bucketing::Text;
        let entries = match values {
            [Value::String(first), entries @ ..] if text => {
                key.extend_from_slice(first.as_bytes());
                entries
            }
            [Value::Null, ..] => return None,
            [first, entries @ ..] if !text && !matches!(first, Value::Array(_)) => {
                fractional::encode(&mut key, first);
                entries
            }
            _ => {
                let flag = data.get("$flagd")?.get("flagKey")?;
                let person = data.get("targetingKey")?;
                if !truthy(person) {
                    return None;
                }
                if text {
                    key = (self.text(flag) + &self.text(person)).into_bytes();
                } else {
                    person.as_str()?;
                    fractional::encode(&mut key, &Value::Array(vec![flag.clone(), person.clone()]));
                }
                values
            }
        };
        fractional::choose(&key, entries)
    }

    /// Adds those of the names that lead to nothing.
    fn missing(&self, to: &mut Vec<Value>, names: &[Value], data: &Value) {
        for name in names {
            if look_up(data, &self.text(name)).is_none() {
                to.push(name.clone());
            }
        }
    }

    fn holds(&self, operator: Operator, a: &Value, b: &Value) -> bool {
        match operator {
            Operator::Equal => return self.equal(a, b),
            Operator::NotEqual => return !self.equal(a, b),
            Operator::StrictEqual => return same(a, b),
            Operator::StrictNotEqual => return !same(a, b),
            _ => {}
        }
        match self.order(a, b) {
            None => false,
            Some(Ordering::Equal) => matches!(operator, Operator::LessOrEqual | Operator::GreaterOrEqual),
            Some(order) => {
                (order == Ordering::Less) == matches!(operator, Operator::Less | Operator::LessOrEqual)
            }
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
            _ => (self.numbers.parse)(&self.text(value)),
        }
    }

    fn push_text(&self, to: &mut String, value: &Value) {
        let text = match value {
            Value::Null => "null",
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Number(number) => &(self.numbers.print)(*number),
            Value::String(text) => text,
            Value::Array(items) => {
                let mut comma = "";
                for item in items {
                    to.push_str(comma);
                    comma = ",";
                    if !item.is_null() {
                        self.push_text(to, item);
                    }
                }
                ""
            }
            Value::Object(_) => "[object Object]",
        };
        to.push_str(text);
    }
}

/// Whether a rule gives itself: no operation stands in it.
fn is_constant(rule: &Value) -> bool {
    match rule {
        Value::Array(items) => items.iter().all(is_constant),
        Value::Object(members) => members.is_empty(),
        _ => true,
    }
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

/// What `path` leads to (`user.roles.0`); the whole for an empty path, nothing where it ends early or in `null`.
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
    (!data.is_null()).then_some(data)
}

fn index(digits: &str) -> Option<usize> {
    let mut index = 0usize;
    for byte in digits.bytes() {
        let digit = byte.wrapping_sub(b'0');
        // No list is so long.
        if digit > 9 || index > 1 << 24 {
            return None;
        }
        index = index * 10 + digit as usize;
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
    fn var_takes_its_default_where_there_is_nothing_or_null() {
        check(&[
            (r#"{"var":["x",7]}"#, "{}", "7"),
            (r#"{"var":["x",7]}"#, r#"{"x":null}"#, "7"),
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
            // In nothing there is nothing: the reference and flagd's JavaScript engine have it so.
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
