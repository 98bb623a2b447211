//! From JsonLogic to a checked tree: what is compiled can be evaluated, whatever the context.

use super::super::error::{Fault, Flaw};
use super::super::value::{Node, Value};

/// The deepest nesting of operations and lists in one rule, its `$ref`s included.
pub const MAX_LEVELS: u32 = 64;
/// The most values that one flag's rule may hold, its `$ref`s included.
pub const MAX_NODES: u32 = 10_000;

/// A checked rule.
#[derive(Debug)]
pub enum Rule {
    /// Gives itself.
    Constant(Value),
    /// `{"var": "path"}`, by far the most frequent operation.
    Variable(String),
    /// A list with rules in it.
    List(Vec<Rule>),
    /// An operation on its arguments. `spread`: the argument was written without a list around it, and may
    /// bring the list of all arguments.
    Operation { operator: Operator, arguments: Vec<Rule>, spread: bool },
    /// The shared rule at this place.
    Shared(usize),
}

/// What a rule can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
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

const OPERATORS: [(&str, Operator); 38] = [
    ("var", Operator::Var),
    ("missing", Operator::Missing),
    ("missing_some", Operator::MissingSome),
    ("if", Operator::If),
    ("?:", Operator::If),
    ("==", Operator::Equal),
    ("===", Operator::StrictEqual),
    ("!=", Operator::NotEqual),
    ("!==", Operator::StrictNotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
    ("!", Operator::Not),
    ("!!", Operator::Truthy),
    ("or", Operator::Or),
    ("and", Operator::And),
    ("max", Operator::Max),
    ("min", Operator::Min),
    ("+", Operator::Add),
    ("-", Operator::Subtract),
    ("*", Operator::Multiply),
    ("/", Operator::Divide),
    ("%", Operator::Remainder),
    ("map", Operator::Map),
    ("filter", Operator::Filter),
    ("reduce", Operator::Reduce),
    ("all", Operator::All),
    ("none", Operator::None),
    ("some", Operator::Some),
    ("merge", Operator::Merge),
    ("in", Operator::In),
    ("cat", Operator::Cat),
    ("substr", Operator::Substr),
    ("fractional", Operator::Fractional),
    ("sem_ver", Operator::SemVer),
    ("starts_with", Operator::StartsWith),
    ("ends_with", Operator::EndsWith),
];

impl Operator {
    fn of(name: &str) -> Option<Operator> {
        OPERATORS.iter().find(|(n, _)| *n == name).map(|(_, operator)| *operator)
    }

    /// Compares neighbours: with fewer than two arguments there are none, and the rule cannot be meant.
    pub fn compares(self) -> bool {
        self as u8 >= Operator::Equal as u8 && self as u8 <= Operator::GreaterOrEqual as u8
    }
}

/// Compiles the rules of one document. A shared rule is compiled once, at its first use.
pub struct Compiler<'a> {
    evaluators: Node<'a>,
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
    /// `evaluators` is the document's `$evaluators`, if any.
    pub fn new(evaluators: Node<'a>) -> Result<Compiler<'a>, Flaw> {
        let mut compiler = Compiler {
            evaluators,
            states: Vec::new(),
            shared: Vec::new(),
            uses_time: false,
            nodes: 0,
            deepest: 0,
        };
        for _ in evaluators.members()? {
            compiler.states.push(State::Unused);
            compiler.shared.push(Rule::Constant(Value::Null));
        }
        Ok(compiler)
    }

    /// The rule of one flag.
    pub fn compile(&mut self, node: &Node) -> Result<Rule, Flaw> {
        self.nodes = 0;
        self.deepest = 0;
        self.rule(node, 1)
    }

    fn rule(&mut self, node: &Node, level: u32) -> Result<Rule, Flaw> {
        self.nodes += 1;
        if matches!(node.value(), Some(Value::Array(_) | Value::Object(_))) {
            self.deepest = self.deepest.max(level);
        }
        self.check(node)?;
        match node.value() {
            Some(Value::Array(_)) => {
                let rules = self.rules(node, level + 1)?;
                if !rules.iter().all(|rule| matches!(rule, Rule::Constant(_))) {
                    return Ok(Rule::List(rules));
                }
                let constant = |rule| if let Rule::Constant(value) = rule { value } else { Value::Null };
                Ok(Rule::Constant(Value::Array(rules.into_iter().map(constant).collect())))
            }
            Some(Value::Object(members)) if !members.is_empty() => {
                let mut members = node.members()?;
                match (members.next(), members.next()) {
                    (Some(("$ref", target)), None) => self.reference(&target, level),
                    (Some((name, arguments)), None) => self.operation(name, &arguments, level),
                    _ => Err(node.flaw(Fault::Operator)),
                }
            }
            Some(value) => {
                if let Value::String(text) = value {
                    self.uses_time |= text.starts_with("$flagd") && text != "$flagd.flagKey";
                }
                Ok(Rule::Constant(value.clone()))
            }
            None => Ok(Rule::Constant(Value::Null)),
        }
    }

    fn rules(&mut self, node: &Node, level: u32) -> Result<Vec<Rule>, Flaw> {
        let mut rules = Vec::new();
        for item in node.items()? {
            rules.push(self.rule(&item, level)?);
        }
        Ok(rules)
    }

    fn operation(&mut self, name: &str, node: &Node, level: u32) -> Result<Rule, Flaw> {
        let operator = Operator::of(name).ok_or_else(|| node.flaw(Fault::Operator))?;
        let spread = !matches!(node.value(), Some(Value::Array(_)));
        let mut arguments =
            if spread { vec![self.rule(node, level + 1)?] } else { self.rules(node, level + 1)? };
        if operator.compares() && arguments.len() < 2 {
            return Err(node.flaw(Fault::Operator));
        }
        if let (Operator::Var, [Rule::Constant(Value::String(path))]) = (operator, &mut arguments[..]) {
            return Ok(Rule::Variable(std::mem::take(path)));
        }
        Ok(Rule::Operation { operator, arguments, spread })
    }

    fn reference(&mut self, node: &Node, level: u32) -> Result<Rule, Flaw> {
        let evaluators = self.evaluators;
        let name = node.required_string()?;
        let found = evaluators.members()?.enumerate().find(|(_, (n, _))| *n == name);
        let Some((index, (_, evaluator))) = found else { return Err(node.flaw(Fault::Reference)) };
        let state = |compiler: &mut Self, state| {
            if let Some(s) = compiler.states.get_mut(index) {
                *s = state;
            }
        };
        match self.states.get(index).copied() {
            Some(State::Ready { nodes, levels }) => {
                self.nodes += nodes;
                self.deepest = self.deepest.max(level + levels);
                self.check(node)?;
            }
            Some(State::Unused) => {
                let (nodes, deepest) = (self.nodes, self.deepest);
                self.deepest = level;
                state(self, State::Open);
                // A rule that fails is not marked: it may be too deep from here and serve another flag.
                let rule = self.rule(&evaluator, level).inspect_err(|_| state(self, State::Unused))?;
                if let Some(shared) = self.shared.get_mut(index) {
                    *shared = rule;
                }
                state(self, State::Ready { nodes: self.nodes - nodes, levels: self.deepest - level });
                self.deepest = self.deepest.max(deepest);
            }
            _ => return Err(node.flaw(Fault::Reference)),
        }
        Ok(Rule::Shared(index))
    }

    fn check(&self, node: &Node) -> Result<(), Flaw> {
        if self.nodes > MAX_NODES || self.deepest > MAX_LEVELS {
            return Err(node.flaw(Fault::TooDeep));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        super::super::super::value::read(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    fn with(evaluators: &str, rule: &str) -> Result<Rule, Flaw> {
        let (evaluators, rule) = (json(evaluators), json(rule));
        let (shared, root) = (Node::root(&evaluators), Node::root(&rule));
        Compiler::new(shared)?.compile(&root)
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
        let none = Value::Object(Vec::new());
        Compiler::new(Node::root(&none))?.compile(&Node::root(rule))
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
        let shared = Value::Object(vec![("x".into(), nested(60))]);
        let root = Node::root(&shared);
        let mut compiler = Compiler::new(root).unwrap();
        let using = |levels: usize| {
            (0..levels).fold(Value::Object(vec![("$ref".into(), "x".into())]), |inner, _| {
                Value::Object(vec![("!".into(), inner)])
            })
        };
        let mut fault = |rule: Value| compiler.compile(&Node::root(&rule)).err().map(|flaw| flaw.fault);
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
        let root = Node::root(&shared);
        let mut compiler = Compiler::new(root).unwrap();
        let mut uses = |n: usize| {
            let reference = Value::Object(vec![("$ref".into(), "x".into())]);
            let rule = Value::Array(vec![reference; n]);
            compiler.compile(&Node::root(&rule)).is_ok()
        };
        assert!(uses(9));
        assert!(!uses(10));
        assert!(uses(9));
    }

    #[test]
    fn a_thousand_shared_rules_in_a_chain_are_too_deep_and_do_no_harm() {
        let link = |n: usize| Value::Object(vec![("$ref".into(), n.to_string().into())]);
        let shared = Value::Object((0..1_000).map(|n| (n.to_string(), nested_in(link(n + 1)))).collect());
        let root = Node::root(&shared);
        let flaw = Compiler::new(root).unwrap().compile(&Node::root(&link(0))).unwrap_err();
        assert_eq!(flaw.fault, Fault::TooDeep);
    }

    fn nested_in(inner: Value) -> Value {
        Value::Object(vec![("!".into(), inner)])
    }
}
