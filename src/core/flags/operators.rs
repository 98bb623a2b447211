//! What the operations do. Where JsonLogic's engines disagree, its reference decides (jsonlogic.com, which says
//! "as in JavaScript"); where both of flagd's own engines agree against it, they do.

use std::cmp::Ordering;

use super::super::value::{ARRAY, NULL as NOTHING, Node, STRING, Value, named, push};
use super::fractional::{self, Bucketing, Hash};
use super::rule::*;
use super::{FlagSet, put, sem_ver};

/// How many steps one flag's rule may take: loops multiply what its size bounds.
pub const MAX_STEPS: u32 = 100_000;
/// So much of what a rule makes costs a step more.
const STEP: usize = 64;

const KEY: &str = "$flagd.flagKey";
const TIME: &str = "$flagd.timestamp";
const PERSON: &str = "targetingKey";

static NULL: Value = Value::Null;
static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

/// What a rule has made, one after the other. It lives until the flag is done, so that results can simply be lent.
#[derive(Default)]
pub struct Made(Option<Box<(Value, Made)>>);

impl Drop for Made {
    /// One after the other: inside each other they would need a stack as long as the chain.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut made) = next {
            next = made.1.0.take();
        }
    }
}

/// Applies the rules of one document to data.
pub struct Logic<'a> {
    set: &'a FlagSet,
    /// The data of all rules, less `$flagd`; and what that has.
    context: &'a Value,
    key: &'a Value,
    /// The targeting key.
    person: Option<&'a Value>,
    time: &'a Value,
    /// How many steps are left; at 0 every rule gives `null`.
    steps: u32,
    /// Where what is made next is kept.
    last: Option<&'a mut Made>,
    /// Something was made.
    pub has_made: bool,
    /// The evaluated arguments of all operations that are open.
    values: Vec<&'a Value>,
}

impl<'a> Logic<'a> {
    /// For the rules of flags, up to the first that makes something; it is kept in `made`.
    pub fn new(set: &'a FlagSet, context: &'a Value, time: &'a Value, made: &'a mut Made) -> Logic<'a> {
        Logic {
            set,
            context,
            key: &NULL,
            person: context.get(PERSON),
            time,
            steps: MAX_STEPS,
            last: Some(made),
            has_made: false,
            values: Vec::with_capacity(8),
        }
    }

    /// What the rule of a flag gives.
    pub fn begin(&mut self, names: &'a [Value], rule: &'a Rule) -> &'a Value {
        self.key = names.first().unwrap_or(&NULL);
        self.steps = MAX_STEPS;
        self.apply(rule, self.context)
    }

    /// Whether the steps were too few.
    pub fn exhausted(&self) -> bool {
        self.steps == 0
    }

    /// The value as JavaScript's `String` gives it.
    pub fn text(&mut self, value: &'a Value) -> &'a String {
        if let Value::String(text) = value {
            return text;
        }
        let mut text = String::new();
        self.push_text(&mut text, value);
        Node::root(self.make(Value::String(text))).text()
    }

    fn make(&mut self, value: Value) -> &'a Value {
        self.spend(size(&value) / STEP);
        self.has_made = true;
        let Some(last) = self.last.take() else { return &NULL };
        let (value, next) = &mut **last.0.insert(Box::new((value, Made(None))));
        self.last = Some(next);
        value
    }

    fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps as u32);
    }

    fn argument(&mut self, rules: &'a [Rule], index: usize, data: &'a Value) -> &'a Value {
        rules.get(index).map_or(&NULL, |rule| self.apply(rule, data))
    }

    fn variable(&mut self, rule: &'a Rule, data: &'a Value) -> &'a Value {
        self.look_up(data, Node::root(&rule.value).text()).unwrap_or(&NULL)
    }

    /// The same as `apply`, for arguments. Most are a constant or a variable: these take a step, as all, but not its frame.
    #[inline(never)]
    fn operand(&mut self, rule: &'a Rule, data: &'a Value) -> &'a Value {
        match rule.operator {
            CONSTANT => {
                self.spend(1);
                &rule.value
            }
            VARIABLE if self.steps > 1 => {
                self.spend(1);
                self.variable(rule, data)
            }
            _ => self.apply(rule, data),
        }
    }

    /// What `rule` gives for `data`.
    pub fn apply(&mut self, rule: &'a Rule, data: &'a Value) -> &'a Value {
        self.spend(1);
        if self.exhausted() {
            return &NULL;
        }
        let (operator, arguments) = (rule.operator, &rule.arguments[..]);
        let start = self.values.len();
        // Operations that decide what they evaluate, and on which data; at the end all others.
        match operator {
            CONSTANT => return &rule.value,
            VARIABLE => return self.variable(rule, data),
            SHARED => {
                let place = rule.value.as_f64().unwrap_or(0.0) as usize;
                return self.argument(&self.set.shared, place, data);
            }
            IF | ELSE_IF => {
                let mut rest = arguments;
                while let [condition, then, more @ ..] = rest {
                    if truthy(self.apply(condition, data)) {
                        return self.apply(then, data);
                    }
                    rest = more;
                }
                return self.argument(rest, 0, data);
            }
            OR | AND => {
                let mut last = &NULL;
                for rule in arguments {
                    last = self.apply(rule, data);
                    if truthy(last) == (operator == OR) {
                        break;
                    }
                }
                return last;
            }
            ALL | NONE | SOME | MAP | FILTER => {
                let items = self.argument(arguments, 0, data).items();
                let mut found = false;
                for item in items {
                    let result = self.argument(arguments, 1, item);
                    found = truthy(result) != (operator == ALL);
                    match operator {
                        MAP => self.values.push(result),
                        FILTER if found => self.values.push(item),
                        FILTER => {}
                        _ if found => break,
                        _ => {}
                    }
                }
                match operator {
                    SOME => return boolean(found),
                    ALL | NONE => return boolean(!(found || operator == ALL && items.is_empty())),
                    _ => {}
                }
            }
            REDUCE => {
                let items = self.argument(arguments, 0, data).items();
                let mut result = self.argument(arguments, 2, data);
                for item in items {
                    let mut scope = Vec::new();
                    put(&mut scope, "current", item.clone());
                    put(&mut scope, "accumulator", result.clone());
                    let scope = self.make(Value::Object(scope));
                    result = self.argument(arguments, 1, scope);
                }
                return result;
            }
            _ => {
                // Most conditions, without a list of values.
                if let [left, right] = arguments
                    && (operator <= GREATER_OR_EQUAL || operator == IN)
                {
                    let values = [self.operand(left, data), self.operand(right, data)];
                    return self.compute(operator, &values, data);
                }
                for rule in arguments {
                    let value = self.operand(rule, data);
                    self.values.push(value);
                }
                // A list may stand for all arguments, or for those from here on.
                let from = start + (operator == MISSING_SOME) as usize;
                if (rule.spread || operator == MISSING || operator == MISSING_SOME)
                    && let Some(Value::Array(items)) = self.values.get(from)
                {
                    self.values.truncate(from);
                    for item in items {
                        self.values.push(item);
                    }
                } else if operator == MISSING_SOME {
                    self.values.truncate(start);
                    return &NULL;
                }
            }
        }
        let all = std::mem::take(&mut self.values);
        let result = self.compute(operator, all.get(start..).unwrap_or_default(), data);
        // What stood there meanwhile is empty: there is nothing to be dropped.
        std::mem::forget(std::mem::replace(&mut self.values, all));
        self.values.truncate(start);
        result
    }

    /// Operations on evaluated arguments.
    #[inline(never)]
    fn compute(&mut self, operator: u8, values: &[&'a Value], data: &'a Value) -> &'a Value {
        let value = |index: usize| values.get(index).copied().unwrap_or(&NULL);
        let (first, second) = (value(0), value(1));
        let made = match operator {
            VAR => {
                let path = if first.is_null() { "" } else { self.text(first) };
                return self.look_up(data, path).unwrap_or(second);
            }
            NOT | TRUTHY => return boolean(truthy(first) == (operator == TRUTHY)),
            EQUAL..=GREATER_OR_EQUAL => {
                let mut rest = values;
                while let [left, right, ..] = rest {
                    if !self.holds(operator, left, right) {
                        return &FALSE;
                    }
                    rest = &rest[1..];
                }
                return &TRUE;
            }
            IN => {
                // In nothing there is nothing: the reference and flagd's JavaScript engine have it so.
                if let Value::String(text) = second {
                    let (mut rest, part) = (text.as_bytes(), self.text(first).as_bytes());
                    while let [_, more @ ..] = rest {
                        if rest.starts_with(part) {
                            return &TRUE;
                        }
                        rest = more;
                    }
                }
                for item in second.items() {
                    if self.holds(STRICT_EQUAL, item, first) {
                        return &TRUE;
                    }
                }
                return &FALSE;
            }
            STARTS_WITH | ENDS_WITH => {
                let [Value::String(text), Value::String(part)] = values else { return &NULL };
                let from = if operator == STARTS_WITH { 0 } else { text.len().wrapping_sub(part.len()) };
                let rest = text.as_bytes().get(from..);
                return boolean(rest.is_some_and(|rest| rest.starts_with(part.as_bytes())));
            }
            SEM_VER => {
                let [left, operator, right] = values else { return &NULL };
                let (left, operator) = (self.text(left), self.text(operator));
                return sem_ver::holds(left, operator, self.text(right)).map_or(&NULL, boolean);
            }
            FRACTIONAL => return self.fractional(values, data).unwrap_or(&NULL),
            LIST | MAP | FILTER | MERGE | MISSING | MISSING_SOME => {
                let (mut values, missing) = (values, matches!(operator, MISSING | MISSING_SOME));
                if operator == MISSING_SOME {
                    values = values.get(1..).unwrap_or_default();
                }
                let mut all = Vec::new();
                for value in values {
                    if operator == MERGE
                        && let Value::Array(items) = value
                    {
                        for item in items {
                            all.push(item.clone());
                        }
                    } else if !missing || self.missing(data, value) {
                        all.push((*value).clone());
                    }
                }
                if operator == MISSING_SOME && (values.len() - all.len()) as f64 >= self.number(first) {
                    all.clear();
                }
                Value::Array(all)
            }
            CAT => {
                let mut text = String::new();
                for value in values {
                    if !value.is_null() {
                        self.push_text(&mut text, value);
                    }
                }
                Value::String(text)
            }
            SUBSTR => {
                let text = self.text(first);
                let mut count = 0.0;
                for byte in text.bytes() {
                    count += begins(byte);
                }
                // One below 0 counts from the end. What is no number is 0: nothing is above or below it.
                let mut from = |value, zero: f64| {
                    let n = self.number(value).trunc();
                    if n < 0.0 {
                        count + n
                    } else if n > 0.0 {
                        zero + n
                    } else {
                        zero
                    }
                };
                let start = from(second, 0.0).max(0.0);
                let end = if values.len() < 3 { count } else { from(value(2), start) };
                text.get(place(text, start)..place(text, end)).unwrap_or_default().into()
            }
            _ => {
                let mut rest = values;
                let mut result = match operator {
                    ADD | SUBTRACT => 0.0,
                    // Of nothing they are what every number is above or below.
                    MAX => f64::NEG_INFINITY,
                    MIN => f64::INFINITY,
                    _ => 1.0,
                };
                let single = values.len() == 1 && operator != REMAINDER;
                if matches!(operator, SUBTRACT | DIVIDE | REMAINDER) && !single {
                    // They begin with the first; without it they are no number.
                    result = if values.is_empty() { f64::NAN } else { self.number(first) };
                    rest = values.get(1..).unwrap_or_default();
                }
                for value in rest {
                    let (a, b) = (result, self.number(value));
                    result = match operator {
                        ADD => a + b,
                        SUBTRACT => a - b,
                        MULTIPLY => a * b,
                        DIVIDE => a / b,
                        REMAINDER => (self.set.numbers.remainder)(a, b),
                        // One that is no number makes the whole none, as `Math.max` has it.
                        MAX if a >= b => a,
                        MIN if a <= b => a,
                        _ if a.is_nan() => a,
                        _ => b,
                    };
                }
                Value::Number(result)
            }
        };
        self.make(made)
    }

    fn missing(&mut self, data: &'a Value, path: &'a Value) -> bool {
        let path = self.text(path);
        self.look_up(data, path).is_none_or(Value::is_null)
    }

    /// What `path` leads to (`user.roles.0`); the whole for an empty path, nothing where it ends early.
    fn look_up(&mut self, mut data: &'a Value, path: &str) -> Option<&'a Value> {
        let mut rest = path.as_bytes();
        if let [] | [b'$', b'f', ..] = rest
            && std::ptr::eq(data, self.context)
        {
            if path == KEY {
                return Some(self.key);
            }
            if path == TIME {
                return Some(self.time);
            }
            let (mut members, mut own) = (data.members().to_vec(), Vec::new());
            put(&mut own, "flagKey", self.key.clone());
            put(&mut own, "timestamp", self.time.clone());
            put(&mut members, "$flagd", Value::Object(own));
            data = self.make(Value::Object(members));
        }
        if rest.is_empty() {
            return Some(data);
        }
        loop {
            let mut end = 0;
            while rest.get(end).is_some_and(|byte| *byte != b'.') {
                end += 1;
            }
            let name = rest.get(..end)?;
            data = match data {
                Value::Array(items) if name == b"length" => self.make(Value::Number(items.len() as f64)),
                Value::Array(items) => items.get(index(name))?,
                _ => named(data.members(), name)?,
            };
            let Some(more) = rest.get(end + 1..) else { return Some(data) };
            rest = more;
        }
    }

    fn fractional(&mut self, values: &[&'a Value], data: &'a Value) -> Option<&'a Value> {
        let (first, mut entries) = values.split_first()?;
        let by_text = self.set.bucketing == Bucketing::Text;
        let mut hash = Hash::default();
        let (mut key, mut person) = (*first, None);
        // Without a key of its own it begins with an entry.
        let implicit = match key {
            Value::Null => return None,
            Value::Array(_) => true,
            Value::String(_) => false,
            _ => by_text,
        };
        if implicit {
            entries = values;
            (key, person) = if std::ptr::eq(data, self.context) {
                (self.key, self.person)
            } else {
                (self.look_up(data, KEY)?, self.look_up(data, PERSON))
            };
            person = Some(person.filter(|key| truthy(key))?);
            if !by_text {
                person?.as_str()?;
                hash.head(4, 2);
            }
        }
        loop {
            if by_text {
                hash.text(self.text(key));
            } else {
                hash.encode(key);
            }
            let Some(more) = person.take() else { break };
            key = more;
        }
        fractional::choose(hash.end(), entries)
    }

    /// Whether two values compare so.
    fn holds(&mut self, operator: u8, a: &'a Value, b: &'a Value) -> bool {
        if let (Value::Number(a), Value::Number(b)) = (a, b) {
            return compares(operator, a.partial_cmp(b));
        }
        if let (Value::String(a), Value::String(b)) = (a, b) {
            return compares(operator, Some(a.cmp(b)));
        }
        let (kind, other) = (a.kind(), b.kind());
        let lower = kind.min(other);
        // JavaScript's `===` is for two of one kind, and so is its `==` where one of them is `null`. Two lists or objects are
        // never the same one.
        let of_one_kind = kind == other || operator < STRICT_EQUAL && lower > NOTHING;
        let order = if operator < LESS && !(of_one_kind && lower < ARRAY) {
            None
        } else if lower >= STRING {
            // JavaScript's `<` and `>`: two texts by their letters, everything else as numbers.
            Some(self.text(a).cmp(self.text(b)))
        } else {
            self.number(a).partial_cmp(&self.number(b))
        };
        compares(operator, order)
    }

    /// JavaScript's `Number`.
    fn number(&mut self, value: &'a Value) -> f64 {
        match value {
            Value::Null => 0.0,
            Value::Bool(truth) => *truth as u8 as f64,
            Value::Number(number) => *number,
            _ => (self.set.numbers.parse)(self.text(value)),
        }
    }

    fn push_text(&self, to: &mut String, value: &Value) {
        match value {
            Value::Null => to.push_str("null"),
            Value::Bool(true) => to.push_str("true"),
            Value::Bool(false) => to.push_str("false"),
            Value::Number(number) => to.push_str(&(self.set.numbers.print)(*number)),
            Value::String(text) => to.push_str(text),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        push(to, b',');
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

fn boolean(truth: bool) -> &'static Value {
    if truth { &TRUE } else { &FALSE }
}

/// Whether what compares so is in this order: for each operator one bit for less, equal, greater, and neither.
pub fn compares(operator: u8, order: Option<Ordering>) -> bool {
    let order = order.map_or(3, |order| (order as i8 + 1) as u8);
    0x6431_d2d2_u32 >> (4 * operator + order) & 1 != 0
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

/// The place in a list; beyond any list for what is no number as it is written.
fn index(digits: &[u8]) -> usize {
    let mut index = if matches!(digits, [] | [b'0', _, ..]) { f64::INFINITY } else { 0.0 };
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        index = if digit < 10 { index * 10.0 + f64::from(digit) } else { f64::INFINITY };
    }
    index as usize
}

/// 1 for the first byte of a letter, 0 for its others.
fn begins(byte: u8) -> f64 {
    (byte & 0xc0 != 0x80) as u8 as f64
}

/// Where in a text so many letters have passed, or its end.
fn place(text: &str, letters: f64) -> usize {
    let (mut passed, mut at) = (0.0, 0);
    while let Some(byte) = text.as_bytes().get(at) {
        if passed >= letters && begins(*byte) > 0.0 {
            break;
        }
        passed += begins(*byte);
        at += 1;
    }
    at
}

/// How much memory a value holds, roughly.
fn size(value: &Value) -> usize {
    let mut all = 1;
    match value {
        Value::String(text) => all = text.len(),
        Value::Array(items) => {
            for item in items {
                all += size(item);
            }
        }
        Value::Object(members) => {
            for (_, value) in members {
                all += size(value);
            }
        }
        _ => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::super::value::{First, read};
    use super::super::{Numbers, apply};
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
            (r#"{"var":"a.b.01"}"#, data, "null"),
            (r#"{"var":"a.b.00"}"#, data, "null"),
            (r#"{"var":"a.b.length"}"#, data, "3"),
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
            (r#"{"<":[{"-":[]},1]}"#, "{}", "false"),
            (r#"{"<":[1,{"%":[]}]}"#, "{}", "false"),
        ]);
    }

    #[test]
    fn max_and_min_take_numbers_only() {
        check(&[
            (r#"{"max":[1,"3",2]}"#, "{}", "3"),
            (r#"{"min":[1,-3,null]}"#, "{}", "-3"),
            (r#"{"max":{"var":"l"}}"#, r#"{"l":[4,9,2]}"#, "9"),
            (r#"{"cat":[{"max":[]},{"min":{"var":"l"}}]}"#, r#"{"l":[]}"#, r#""-InfinityInfinity""#),
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
            // What is `null` is there.
            (r#"{"reduce":[[1,null],{"var":["current",7]},0]}"#, data, "null"),
            (r#"{"reduce":[[1],{"var":["accumulator",7]}]}"#, data, "null"),
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
            (r#"{"substr":["abc",1,{"var":"n"}]}"#, "{}", r#""""#),
            (r#"{"substr":["abc",{"var":"n"},1]}"#, "{}", r#""a""#),
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

    #[test]
    fn a_rule_that_is_out_of_steps_makes_nothing_more() {
        let context = json(&format!(r#"{{"long":"{}"}}"#, "x".repeat(64_000)));
        // Each copies the context, to put `$flagd` into it.
        let given = json(&format!(r#"{{"cat":[{}]}}"#, vec![r#"{"var":""}"#; 1_000].join(",")));
        let first = First::new(Node::root(&given), "");
        let mut compiler = Compiler::new(first, Node::default(), String::new());
        let mut rule = Rule::default();
        compiler.compile(&mut rule, &given);
        let (set, mut made) = (FlagSet::new(Numbers::native()), Made::default());
        let mut logic = Logic::new(&set, &context, &NULL, &mut made);
        logic.begin(&[], &rule);
        assert!(logic.exhausted());
        let (mut count, mut next) = (0, &made);
        while let Some(one) = &next.0 {
            (count, next) = (count + 1, &one.1);
        }
        assert!(count <= MAX_STEPS as usize * STEP / 64_000 + 2, "{count} copies");
    }
}
