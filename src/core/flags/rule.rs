//! From JsonLogic to a checked tree: what is compiled can be evaluated, whatever the context.

use super::super::error::Fault;
use super::super::names::{NOWHERE, position};
use super::super::value::{ARRAY, First, Node, Value, step};

/// The deepest nesting of operations and lists in one rule, its `$ref`s included.
pub const MAX_LEVELS: u32 = 64;
/// The most values that one flag's rule may hold, its `$ref`s included.
pub const MAX_NODES: u32 = 10_000;

/// A checked rule.
#[derive(Debug)]
pub struct Rule {
    /// What it does.
    pub operator: u8,
    /// The argument was written without a list around it, and may bring the list of all arguments.
    pub spread: bool,
    /// What a constant gives; the path of a variable; the place of a shared rule.
    pub value: Value,
    /// On what it does it.
    pub arguments: Vec<Rule>,
}

impl Default for Rule {
    /// `null`.
    fn default() -> Rule {
        Rule { operator: CONSTANT, spread: false, value: Value::Null, arguments: Vec::new() }
    }
}

/// Being compiled: a `$ref` to it from here is a circle.
const OPEN: u32 = u32::MAX;

/// What a rule can do: the names of the operators, each at the place of its number.
const NAMES: &str = "== != === !== < <= > >= ! !! map filter all none some reduce if ?: or and + - * / % max min var missing \
                     missing_some merge in cat substr fractional sem_ver starts_with ends_with $ref";

// Comparisons, up to the last one that is named here: one with fewer than two sides cannot be meant.
pub const EQUAL: u8 = 0;
pub const STRICT_EQUAL: u8 = 2;
pub const LESS: u8 = 4;
pub const GREATER_OR_EQUAL: u8 = 7;

pub const NOT: u8 = 8;
pub const TRUTHY: u8 = 9;
pub const MAP: u8 = 10;
pub const FILTER: u8 = 11;
pub const ALL: u8 = 12;
pub const NONE: u8 = 13;
pub const SOME: u8 = 14;
pub const REDUCE: u8 = 15;
pub const IF: u8 = 16;
pub const ELSE_IF: u8 = 17;
pub const OR: u8 = 18;
pub const AND: u8 = 19;
pub const ADD: u8 = 20;
pub const SUBTRACT: u8 = 21;
pub const MULTIPLY: u8 = 22;
pub const DIVIDE: u8 = 23;
pub const REMAINDER: u8 = 24;
pub const MAX: u8 = 25;
pub const MIN: u8 = 26;
pub const VAR: u8 = 27;
pub const MISSING: u8 = 28;
pub const MISSING_SOME: u8 = 29;
pub const MERGE: u8 = 30;
pub const IN: u8 = 31;
pub const CAT: u8 = 32;
pub const SUBSTR: u8 = 33;
pub const FRACTIONAL: u8 = 34;
pub const SEM_VER: u8 = 35;
pub const STARTS_WITH: u8 = 36;
pub const ENDS_WITH: u8 = 37;
/// The shared rule at its place.
pub const SHARED: u8 = 38;

// What has no name.

/// A list with rules in it.
pub const LIST: u8 = 39;
/// Gives its value.
pub const CONSTANT: u8 = 40;
/// `{"var": "path"}`, by far the most frequent operation.
pub const VARIABLE: u8 = 41;

/// Compiles the rules of one document. A shared rule is compiled once, at its first use.
pub struct Compiler<'a> {
    /// What is wrong.
    pub first: First<'a>,
    evaluators: Node<'a>,
    /// The path to them.
    path: String,
    /// Of each evaluator: nodes (0 before it is compiled), levels, and its place among the shared rules.
    states: Vec<[u32; 3]>,
    pub shared: Vec<Rule>,
    /// Whether a rule reads the time.
    pub uses_time: bool,
    nodes: u32,
    deepest: u32,
}

impl<'a> Compiler<'a> {
    /// `evaluators` is the document's `$evaluators`, if any, and `path` the path to it.
    pub fn new(first: First<'a>, evaluators: Node<'a>, path: String) -> Compiler<'a> {
        let mut states = Vec::new();
        for _ in evaluators.members() {
            states.push([0; 3]);
        }
        Compiler {
            first,
            evaluators,
            path,
            states,
            shared: Vec::new(),
            uses_time: false,
            nodes: 0,
            deepest: 0,
        }
    }

    /// The rule of one flag; of no use with a flaw.
    pub fn compile(&mut self, rule: &mut Rule, node: &'a Value) {
        self.nodes = 0;
        self.deepest = 0;
        self.rule(rule, node, 1);
    }

    fn rule(&mut self, rule: &mut Rule, node: &'a Value, level: u32) {
        self.nodes += 1;
        if node.kind() >= ARRAY {
            self.deepest = self.deepest.max(level);
        }
        self.check(node);
        if !self.first.is_none() {
            return;
        }
        let mut given = node;
        match node {
            Value::Array(_) => rule.operator = LIST,
            Value::Object(members) => match &members[..] {
                [] => {}
                [(name, argument)] => {
                    (rule.operator, given) = (position(NAMES, name), argument);
                    if rule.operator == NOWHERE {
                        self.wrong(argument, Fault::Operator);
                    }
                }
                _ => self.wrong(node, Fault::Operator),
            },
            Value::String(text) => {
                self.uses_time |= text.starts_with("$flagd") && text != "$flagd.flagKey";
            }
            _ => {}
        }
        if rule.operator == SHARED {
            return self.reference(rule, given, level);
        }
        if rule.operator < CONSTANT {
            let items = match given {
                Value::Array(items) => items,
                _ => {
                    rule.spread = rule.operator > TRUTHY;
                    std::slice::from_ref(given)
                }
            };
            if let (VAR, [path @ Value::String(_)]) = (rule.operator, items) {
                // The path itself stands in for the operation.
                rule.operator = VARIABLE;
                return self.rule(rule, path, level);
            }
            if rule.operator <= GREATER_OR_EQUAL && items.len() < 2 {
                self.wrong(given, Fault::Operator);
            }
            let mut constant = rule.operator == LIST;
            for item in items {
                rule.arguments.push(Rule::default());
                if let Some(argument) = rule.arguments.last_mut() {
                    self.rule(argument, item, level + 1);
                    constant &= argument.operator == CONSTANT;
                }
            }
            if constant {
                rule.arguments = Vec::new();
                rule.operator = CONSTANT;
            }
        }
        if rule.operator >= CONSTANT {
            rule.value = node.clone();
        }
    }

    fn reference(&mut self, rule: &mut Rule, node: &'a Value, level: u32) {
        let Value::String(name) = node else { return self.wrong(node, Fault::Type) };
        let evaluators = self.evaluators.members();
        let index = evaluators.iter().rposition(|(n, _)| n == name).unwrap_or(usize::MAX);
        let (Some((name, there)), Some(state)) = (evaluators.get(index), self.states.get_mut(index)) else {
            return self.wrong(node, Fault::Reference);
        };
        let place = match *state {
            [OPEN, ..] => return self.wrong(node, Fault::Reference),
            [0, ..] => {
                state[0] = OPEN;
                let (nodes, deepest) = (self.nodes, self.deepest);
                self.deepest = level;
                // What is wrong with it is wrong there.
                let mut path = self.path.clone();
                step(&mut path, name, 0);
                let part = std::mem::replace(&mut self.first.part, (Node::root(there), path));
                let mut compiled = Rule::default();
                self.rule(&mut compiled, there, level + 1);
                self.first.part = part;
                // One that fails is not done: it may be too deep from here and serve another flag.
                let nodes = if self.first.is_none() { self.nodes - nodes } else { 0 };
                let place = self.shared.len() as u32;
                if nodes > 0 {
                    self.shared.push(compiled);
                }
                if let Some(state) = self.states.get_mut(index) {
                    *state = [nodes, self.deepest - level, place];
                }
                self.deepest = self.deepest.max(deepest);
                place
            }
            [nodes, levels, place] => {
                self.nodes += nodes;
                self.deepest = self.deepest.max(level + levels);
                self.check(node);
                place
            }
        };
        rule.value = Value::Number(place.into());
    }

    fn check(&mut self, node: &'a Value) {
        if self.nodes > MAX_NODES || self.deepest > MAX_LEVELS {
            self.wrong(node, Fault::TooDeep);
        }
    }

    fn wrong(&mut self, node: &'a Value, fault: Fault) {
        self.first.wrong(Node::root(node), "", fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::error::Flaw;

    fn json(text: &str) -> Value {
        super::super::super::value::read(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    fn with(evaluators: &str, rule: &str) -> Result<Rule, Flaw> {
        compiler(json(evaluators)).compiled(json(rule))
    }

    fn compiler(evaluators: Value) -> Compiler<'static> {
        let first = First::new(Node::default(), "");
        Compiler::new(first, Node::root(Box::leak(Box::new(evaluators))), String::new())
    }

    impl Compiler<'static> {
        fn compiled(&mut self, rule: Value) -> Result<Rule, Flaw> {
            let rule = Box::leak(Box::new(rule));
            self.first.part = (Node::root(rule), String::new());
            let mut compiled = Rule::default();
            self.compile(&mut compiled, rule);
            if self.first.end() { Ok(compiled) } else { Err(self.first.reports.remove(0)) }
        }
    }

    fn flaw(evaluators: &str, rule: &str) -> (String, Fault) {
        let flaw = with(evaluators, rule).expect_err(rule);
        (flaw.path, flaw.fault)
    }

    /// A rule of `levels` operations, one inside the other.
    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Object(vec![("!".into(), inner)]))
    }

    fn compile(rule: &Value) -> Result<Rule, Flaw> {
        compiler(Value::Null).compiled(rule.clone())
    }

    #[test]
    fn an_unknown_operator_is_refused_with_its_path() {
        assert_eq!(flaw("{}", r#"{"no_such":[1]}"#), ("no_such".into(), Fault::Operator));
        assert_eq!(
            flaw("{}", r#"{"if":[true,"a",{"or":[{"nope":1}]}]}"#),
            ("if[2].or[0].nope".into(), Fault::Operator)
        );
    }

    #[test]
    fn an_object_of_several_members_is_no_operation() {
        assert_eq!(flaw("{}", r#"{"if":[{"==":[1,1],"!":true},"a"]}"#), ("if[0]".into(), Fault::Operator));
    }

    #[test]
    fn a_comparison_needs_two_sides() {
        for operator in ["==", "===", "!=", "!==", "<", "<=", ">", ">="] {
            for arguments in ["[]", "[1]", "1"] {
                let rule = format!(r#"{{"{operator}":{arguments}}}"#);
                assert_eq!(flaw("{}", &rule), (operator.to_owned(), Fault::Operator), "{rule}");
            }
        }
    }

    #[test]
    fn a_reference_to_nothing_is_refused_with_its_path() {
        assert_eq!(flaw("{}", r#"{"if":[{"$ref":"x"},"a"]}"#), ("if[0].$ref".into(), Fault::Reference));
        assert_eq!(flaw(r#"{"x":true}"#, r#"{"$ref":5}"#), ("$ref".into(), Fault::Type));
    }

    #[test]
    fn a_cyclic_reference_is_refused() {
        assert_eq!(
            flaw(r#"{"x":{"!":{"$ref":"x"}}}"#, r#"{"$ref":"x"}"#),
            ("x.!.$ref".into(), Fault::Reference)
        );
        assert_eq!(
            flaw(r#"{"x":{"$ref":"y"},"y":{"$ref":"x"}}"#, r#"{"$ref":"x"}"#),
            ("y.$ref".into(), Fault::Reference)
        );
    }

    #[test]
    fn references_in_references_are_followed_in_any_order() {
        let evaluators = r#"{"b":{"!":{"$ref":"a"}},"a":{"var":"x"},"c":{"or":[{"$ref":"a"},{"$ref":"b"}]}}"#;
        assert!(with(evaluators, r#"{"and":[{"$ref":"c"},{"$ref":"a"}]}"#).is_ok());
    }

    #[test]
    fn sixty_four_levels_are_taken_and_sixty_five_are_not() {
        assert!(compile(&nested(64)).is_ok());
        assert_eq!(compile(&nested(65)).unwrap_err().fault, Fault::TooDeep);
    }

    #[test]
    fn levels_of_a_shared_rule_count_where_it_is_used() {
        let shared = Value::Object(vec![("x".into(), nested(59))]);
        let mut compiler = compiler(shared);
        let using = |levels: usize| {
            (0..levels).fold(Value::Object(vec![("$ref".into(), "x".into())]), |inner, _| {
                Value::Object(vec![("!".into(), inner)])
            })
        };
        let mut fault = |rule: Value| compiler.compiled(rule).err().map(|flaw| flaw.fault);
        // Too deep from the first, and yet of use to the second, before and after it is known.
        assert_eq!(fault(using(5)), Some(Fault::TooDeep));
        assert_eq!(fault(using(4)), None);
        assert_eq!(fault(using(5)), Some(Fault::TooDeep));
        assert_eq!(fault(using(4)), None);
    }

    #[test]
    fn ten_thousand_nodes_are_taken_and_one_more_is_not() {
        let list = |n: usize| Value::Array(vec![Value::Null; n]);
        assert!(compile(&list(9_999)).is_ok());
        assert_eq!(compile(&list(10_000)).unwrap_err().fault, Fault::TooDeep);
    }

    #[test]
    fn nodes_of_a_shared_rule_count_for_each_use() {
        let shared = Value::Object(vec![("x".into(), Value::Array(vec![Value::Null; 999]))]);
        let mut compiler = compiler(shared);
        let mut uses = |n: usize| {
            let reference = Value::Object(vec![("$ref".into(), "x".into())]);
            let rule = Value::Array(vec![reference; n]);
            compiler.compiled(rule).is_ok()
        };
        assert!(uses(9));
        assert!(!uses(10));
        assert!(uses(9));
    }

    #[test]
    fn a_thousand_shared_rules_in_a_chain_are_too_deep_and_do_no_harm() {
        let link = |n: usize| Value::Object(vec![("$ref".into(), n.to_string().into())]);
        let shared = Value::Object((0..1_000).map(|n| (n.to_string(), nested_in(link(n + 1)))).collect());
        let flaw = compiler(shared).compiled(link(0)).unwrap_err();
        assert_eq!(flaw.fault, Fault::TooDeep);
    }

    fn nested_in(inner: Value) -> Value {
        Value::Object(vec![("!".into(), inner)])
    }

    #[test]
    fn a_chain_of_references_alone_is_too_long_at_sixty_five_in_whatever_order_it_is_met() {
        let link = |n: usize| Value::Object(vec![("$ref".into(), n.to_string().into())]);
        let shared = Value::Object(
            (1..=65).map(|n| (n.to_string(), if n < 65 { link(n + 1) } else { 1.0.into() })).collect(),
        );
        assert!(compiler(shared.clone()).compiled(link(2)).is_ok());
        assert_eq!(compiler(shared.clone()).compiled(link(1)).unwrap_err().fault, Fault::TooDeep);
        // From its end, where each link finds the next one known.
        let mut compiler = compiler(shared);
        for n in (2..=65).rev() {
            assert!(compiler.compiled(link(n)).is_ok(), "{n}");
        }
        assert_eq!(compiler.compiled(link(1)).unwrap_err().fault, Fault::TooDeep);
    }

    #[test]
    fn every_name_leads_to_its_own_operator() {
        for (operator, name) in NAMES.split(' ').enumerate() {
            assert_eq!(position(NAMES, name), operator as u8, "{name}");
        }
        for (name, operator) in
            [("==", EQUAL), (">=", GREATER_OR_EQUAL), ("reduce", REDUCE), ("var", VAR), ("$ref", SHARED)]
        {
            assert_eq!(position(NAMES, name), operator, "{name}");
        }
        assert_eq!(NAMES.split(' ').count(), LIST as usize);
        for name in ["", "if ?:", "nope", " "] {
            assert_eq!(position(NAMES, name), NOWHERE, "{name:?}");
        }
    }
}
