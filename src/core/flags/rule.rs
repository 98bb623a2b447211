//! From JsonLogic to a checked tree: what is compiled can be evaluated, whatever the context.

use super::super::error::Fault;
use super::super::value::{First, Node, Value, cut, step};

/// The deepest nesting of operations and lists in one rule, its `$ref`s included.
pub const MAX_LEVELS: u32 = 64;
/// The most values that one flag's rule may hold, its `$ref`s included.
pub const MAX_NODES: u32 = 10_000;

/// A checked rule.
#[derive(Debug)]
pub struct Rule {
    /// What it does.
    pub operator: Operator,
    /// What a constant gives; the path of a variable; the place of a shared rule.
    pub value: Value,
    /// On what it does it.
    pub arguments: Vec<Rule>,
    /// The argument was written without a list around it, and may bring the list of all arguments.
    pub spread: bool,
}

impl Rule {
    fn new(operator: Operator, value: Value, arguments: Vec<Rule>) -> Rule {
        Rule { operator, value, arguments, spread: false }
    }
}

/// What a rule can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Gives its value.
    Constant,
    /// `{"var": "path"}`, by far the most frequent operation.
    Variable,
    /// A list with rules in it.
    List,
    /// The shared rule at its place.
    Shared,
    Var,
    Missing,
    MissingSome,
    If,
    Equal,
    StrictEqual,
    NotEqual,
    StrictNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Not,
    Truthy,
    Or,
    And,
    Max,
    Min,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Map,
    Filter,
    Reduce,
    All,
    None,
    Some,
    Merge,
    In,
    Cat,
    Substr,
    Fractional,
    SemVer,
    StartsWith,
    EndsWith,
}

/// The names, in the order of [`OPERATORS`]: a table of names would take twice the room.
const NAMES: &str = "var missing missing_some if ?: == === != !== < <= > >= ! !! or and max min + - * / % \
                     map filter reduce all none some merge in cat substr fractional sem_ver starts_with ends_with";

const OPERATORS: [Operator; 38] = [
    Operator::Var,
    Operator::Missing,
    Operator::MissingSome,
    Operator::If,
    Operator::If,
    Operator::Equal,
    Operator::StrictEqual,
    Operator::NotEqual,
    Operator::StrictNotEqual,
    Operator::Less,
    Operator::LessOrEqual,
    Operator::Greater,
    Operator::GreaterOrEqual,
    Operator::Not,
    Operator::Truthy,
    Operator::Or,
    Operator::And,
    Operator::Max,
    Operator::Min,
    Operator::Add,
    Operator::Subtract,
    Operator::Multiply,
    Operator::Divide,
    Operator::Remainder,
    Operator::Map,
    Operator::Filter,
    Operator::Reduce,
    Operator::All,
    Operator::None,
    Operator::Some,
    Operator::Merge,
    Operator::In,
    Operator::Cat,
    Operator::Substr,
    Operator::Fractional,
    Operator::SemVer,
    Operator::StartsWith,
    Operator::EndsWith,
];

impl Operator {
    /// The operator of that name.
    fn of(name: &str) -> Option<Operator> {
        let mut names = NAMES;
        for operator in OPERATORS {
            let (first, rest) = cut(names, b' ');
            if first == name {
                return Some(operator);
            }
            names = rest.unwrap_or("");
        }
        None
    }

    /// Compares neighbours: with fewer than two arguments there are none, and the rule cannot be meant.
    pub fn compares(self) -> bool {
        self as u8 >= Operator::Equal as u8 && self as u8 <= Operator::GreaterOrEqual as u8
    }
}

/// Compiles the rules of one document. A shared rule is compiled once, at its first use.
pub struct Compiler<'a> {
    evaluators: Node<'a>,
    /// The path to them.
    path: String,
    states: Vec<State>,
    /// The shared rules; those that no flag uses stay `null`.
    pub shared: Vec<Rule>,
    /// Whether a rule reads the time.
    pub uses_time: bool,
    nodes: u32,
    deepest: u32,
}

#[derive(Clone, Copy)]
enum State {
    Unused,
    /// Being compiled: a `$ref` to it from here is a circle.
    Open,
    Ready {
        nodes: u32,
        levels: u32,
    },
}

impl<'a> Compiler<'a> {
    /// `evaluators` is the document's `$evaluators`, if any, and `path` the path to it.
    pub fn new(evaluators: Node<'a>, path: String) -> Compiler<'a> {
        let mut compiler = Compiler {
            evaluators,
            path,
            states: Vec::new(),
            shared: Vec::new(),
            uses_time: false,
            nodes: 0,
            deepest: 0,
        };
        for _ in evaluators.members() {
            compiler.states.push(State::Unused);
            compiler.shared.push(Rule::new(Operator::Constant, Value::Null, Vec::new()));
        }
        compiler
    }

    /// The rule of one flag; of no use with a flaw.
    pub fn compile(&mut self, node: Node<'a>, first: &mut First<'a>) -> Rule {
        self.nodes = 0;
        self.deepest = 0;
        self.rule(node, 1, first)
    }

    fn rule(&mut self, node: Node<'a>, level: u32, first: &mut First<'a>) -> Rule {
        self.nodes += 1;
        if matches!(node.value(), Some(Value::Array(_) | Value::Object(_))) {
            self.deepest = self.deepest.max(level);
        }
        self.check(node, first);
        match node.value() {
            _ if !first.is_none() => {}
            Some(Value::Array(_)) => {
                let rules = self.rules(node, level + 1, first);
                if rules.iter().any(|rule| rule.operator != Operator::Constant) {
                    return Rule::new(Operator::List, Value::Null, rules);
                }
            }
            Some(Value::Object(members)) if !members.is_empty() => {
                return match &members[..] {
                    [(name, value)] => self.operation(name, Node::root(value), level, first),
                    _ => fail(node, Fault::Operator, first),
                };
            }
            Some(Value::String(text)) => {
                self.uses_time |= text.starts_with("$flagd") && text != "$flagd.flagKey";
            }
            _ => {}
        }
        Rule::new(Operator::Constant, node.value().cloned().unwrap_or(Value::Null), Vec::new())
    }

    fn rules(&mut self, node: Node<'a>, level: u32, first: &mut First<'a>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for item in node.items() {
            rules.push(self.rule(Node::root(item), level, first));
        }
        rules
    }

    fn operation(&mut self, name: &str, node: Node<'a>, level: u32, first: &mut First<'a>) -> Rule {
        if name == "$ref" {
            return self.reference(node, level, first);
        }
        let Some(operator) = Operator::of(name) else { return fail(node, Fault::Operator, first) };
        let spread = !matches!(node.value(), Some(Value::Array(_)));
        let mut arguments =
            if spread { vec![self.rule(node, level + 1, first)] } else { self.rules(node, level + 1, first) };
        if operator.compares() && arguments.len() < 2 {
            return fail(node, Fault::Operator, first);
        }
        if let (Operator::Var, [Rule { operator: Operator::Constant, value, .. }]) =
            (operator, &mut arguments[..])
            && matches!(value, Value::String(_))
        {
            return Rule::new(Operator::Variable, std::mem::replace(value, Value::Null), Vec::new());
        }
        Rule { spread, ..Rule::new(operator, Value::Null, arguments) }
    }

    fn reference(&mut self, node: Node<'a>, level: u32, first: &mut First<'a>) -> Rule {
        let Some(Value::String(name)) = node.value() else { return fail(node, Fault::Type, first) };
        let evaluators = self.evaluators;
        let found = evaluators.members().iter().rposition(|(n, _)| n == name);
        let Some(index) = found else { return fail(node, Fault::Reference, first) };
        match self.states.get(index).copied() {
            Some(State::Ready { nodes, levels }) => {
                self.nodes += nodes;
                self.deepest = self.deepest.max(level + levels);
                self.check(node, first);
            }
            Some(State::Unused) => {
                let (nodes, deepest) = (self.nodes, self.deepest);
                self.deepest = level;
                self.set(index, State::Open);
                // What is wrong with it is wrong there.
                let mut path = self.path.clone();
                step(&mut path, name, 0);
                let shared = evaluators.member(name);
                let part = std::mem::replace(&mut first.part, (shared, path));
                let rule = self.rule(shared, level + 1, first);
                first.part = part;
                // A rule that fails is not marked: it may be too deep from here and serve another flag.
                let state = if first.is_none() {
                    State::Ready { nodes: self.nodes - nodes, levels: self.deepest - level }
                } else {
                    State::Unused
                };
                self.set(index, state);
                if let Some(shared) = self.shared.get_mut(index) {
                    *shared = rule;
                }
                self.deepest = self.deepest.max(deepest);
            }
            _ => return fail(node, Fault::Reference, first),
        }
        Rule::new(Operator::Shared, Value::Number(index as f64), Vec::new())
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(s) = self.states.get_mut(index) {
            *s = state;
        }
    }

    fn check(&self, node: Node<'a>, first: &mut First<'a>) {
        if self.nodes > MAX_NODES || self.deepest > MAX_LEVELS {
            first.wrong(node, "", Fault::TooDeep);
        }
    }
}

fn fail<'a>(node: Node<'a>, fault: Fault, first: &mut First<'a>) -> Rule {
    first.wrong(node, "", fault);
    Rule::new(Operator::Constant, Value::Null, Vec::new())
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
        Compiler::new(Node::root(Box::leak(Box::new(evaluators))), String::new())
    }

    impl Compiler<'static> {
        fn compiled(&mut self, rule: Value) -> Result<Rule, Flaw> {
            let root = Node::root(Box::leak(Box::new(rule)));
            let mut first = First::new(root, String::new());
            let rule = self.compile(root, &mut first);
            if first.end() { Ok(rule) } else { Err(first.reports.remove(0)) }
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
        let names: Vec<&str> = NAMES.split(' ').collect();
        assert_eq!(names.len(), OPERATORS.len());
        for (name, operator) in names.into_iter().zip(OPERATORS) {
            assert_eq!(Operator::of(name), Some(operator), "{name}");
        }
        for name in ["", "if ?:", "nope", " "] {
            assert_eq!(Operator::of(name), None, "{name:?}");
        }
        let comparing = OPERATORS.into_iter().filter(|operator| operator.compares()).count();
        assert_eq!(comparing, 8);
    }
}
