//! What a rule may be: every operation is checked once, before the first evaluation, so that evaluating meets no surprise.
//!
//! Rules stay the JSON that they are. A second tree beside it would cost every visitor the code that builds it, and gains
//! nothing that is felt: the names of operations are looked up in a few dozen nanoseconds.

use super::super::error::{Fault, Flaw};
use super::super::value::{Node, Value, cut};

/// The deepest nesting of operations and lists in one rule, its `$ref`s included.
pub const MAX_LEVELS: u32 = 64;
/// The most values that one flag's rule may hold, its `$ref`s included.
pub const MAX_NODES: u32 = 10_000;

/// What a rule can do. In the order of [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Var,
    Equal,
    If,
    IfAlias,
    Fractional,
    SemVer,
    In,
    And,
    Or,
    Not,
    NotEqual,
    StrictEqual,
    StrictNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    StartsWith,
    EndsWith,
    Truthy,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Max,
    Min,
    Cat,
    Substr,
    Missing,
    MissingSome,
    Merge,
    Map,
    Filter,
    Reduce,
    All,
    NoneOf,
    SomeOf,
}

use Operator::*;

/// One string, not a list of them: a pointer and a length for each name would be twice as long. The frequent ones first.
const NAMES: &str = "var == if ?: fractional sem_ver in and or ! != === !== < <= > >= starts_with ends_with !! + - * / % max \
                     min cat substr missing missing_some merge map filter reduce all none some";

const OPERATORS: [Operator; 38] = [
    Var,
    Equal,
    If,
    IfAlias,
    Fractional,
    SemVer,
    In,
    And,
    Or,
    Not,
    NotEqual,
    StrictEqual,
    StrictNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    StartsWith,
    EndsWith,
    Truthy,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Max,
    Min,
    Cat,
    Substr,
    Missing,
    MissingSome,
    Merge,
    Map,
    Filter,
    Reduce,
    All,
    NoneOf,
    SomeOf,
];

impl Operator {
    /// The operator of that name.
    pub fn of(name: &str) -> Option<Operator> {
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
        self == Equal || (NotEqual as u8..=GreaterOrEqual as u8).contains(&(self as u8))
    }
}

/// Checks the rules of one document.
pub struct Check<'a> {
    /// The document's `$evaluators`, if any.
    pub evaluators: Node<'a>,
    /// Whether a rule reads the time.
    pub uses_time: bool,
    nodes: u32,
}

/// The `$ref`s on the way here.
struct Way<'a> {
    name: &'a str,
    length: u32,
    before: Option<&'a Way<'a>>,
}

impl<'a> Check<'a> {
    /// For rules that may refer to `evaluators`.
    pub fn new(evaluators: Node<'a>) -> Check<'a> {
        Check { evaluators, uses_time: false, nodes: 0 }
    }

    /// The rule of one flag.
    pub fn check(&mut self, node: &Node) -> Result<(), Flaw> {
        self.nodes = 0;
        self.rule(node, 1, None)
    }

    fn rule(&mut self, node: &Node, level: u32, way: Option<&Way>) -> Result<(), Flaw> {
        self.nodes += 1;
        let fault = match node.value() {
            // Scalars have no level of their own.
            Some(Value::Array(_) | Value::Object(_)) if level > MAX_LEVELS => Fault::TooDeep,
            _ if self.nodes > MAX_NODES => Fault::TooDeep,
            Some(Value::Array(_)) => return self.rules(node, level + 1, way),
            Some(Value::Object(members)) => match &members[..] {
                [] => return Ok(()),
                [(name, value)] => {
                    let arguments = node.member(name);
                    if name == "$ref" {
                        return self.reference(&arguments, level, way);
                    }
                    let count = if let Value::Array(items) = value { items.len() } else { 1 };
                    match Operator::of(name) {
                        Some(operator) if !operator.compares() || count > 1 => {
                            return match value {
                                Value::Array(_) => self.rules(&arguments, level + 1, way),
                                _ => self.rule(&arguments, level + 1, way),
                            };
                        }
                        _ => return Err(arguments.flaw(Fault::Operator)),
                    }
                }
                _ => Fault::Operator,
            },
            value => {
                if let Some(Value::String(text)) = value {
                    self.uses_time |= text.starts_with("$flagd") && text != "$flagd.flagKey";
                }
                return Ok(());
            }
        };
        Err(node.flaw(fault))
    }

    fn rules(&mut self, node: &Node, level: u32, way: Option<&Way>) -> Result<(), Flaw> {
        for item in node.items()? {
            self.rule(&item, level, way)?;
        }
        Ok(())
    }

    fn reference(&mut self, node: &Node, level: u32, way: Option<&Way>) -> Result<(), Flaw> {
        let name = node.required_string()?;
        let evaluators = self.evaluators;
        let evaluator = evaluators.member(name);
        let mut fault = Fault::Reference;
        let mut known = evaluators.value().is_some_and(|all| all.get(name).is_some());
        let mut step = way;
        while let Some(at) = step {
            known &= at.name != name;
            step = at.before;
        }
        let length = way.map_or(0, |way| way.length) + 1;
        if known && length > MAX_LEVELS {
            (known, fault) = (false, Fault::TooDeep);
        }
        if !known {
            return Err(node.flaw(fault));
        }
        self.rule(&evaluator, level, Some(&Way { name, length, before: way }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        super::super::super::value::read(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    fn with(evaluators: &str, rule: &str) -> Result<(), Flaw> {
        let (evaluators, rule) = (json(evaluators), json(rule));
        let (shared, root) = (Node::root(&evaluators), Node::root(&rule));
        Check::new(shared).check(&root)
    }

    fn flaw(evaluators: &str, rule: &str) -> (String, Fault) {
        let flaw = with(evaluators, rule).expect_err(rule);
        (flaw.path, flaw.fault)
    }

    /// A rule of `levels` operations, one inside the other.
    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Object(vec![("!".into(), inner)]))
    }

    fn check(rule: &Value) -> Result<(), Flaw> {
        let none = Value::Object(Vec::new());
        Check::new(Node::root(&none)).check(&Node::root(rule))
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
        assert!(check(&nested(64)).is_ok());
        assert_eq!(check(&nested(65)).unwrap_err().fault, Fault::TooDeep);
    }

    #[test]
    fn levels_of_a_shared_rule_count_where_it_is_used() {
        let shared = Value::Object(vec![("x".into(), nested(60))]);
        let root = Node::root(&shared);
        let mut rules = Check::new(root);
        let using = |levels: usize| {
            (0..levels).fold(Value::Object(vec![("$ref".into(), "x".into())]), |inner, _| {
                Value::Object(vec![("!".into(), inner)])
            })
        };
        let mut fault = |rule: Value| rules.check(&Node::root(&rule)).err().map(|flaw| flaw.fault);
        // Too deep from the first, and yet of use to the second, before and after it is known.
        assert_eq!(fault(using(5)), Some(Fault::TooDeep));
        assert_eq!(fault(using(4)), None);
        assert_eq!(fault(using(5)), Some(Fault::TooDeep));
        assert_eq!(fault(using(4)), None);
    }

    #[test]
    fn ten_thousand_nodes_are_taken_and_one_more_is_not() {
        let list = |n: usize| Value::Array(vec![Value::Null; n]);
        assert!(check(&list(9_999)).is_ok());
        assert_eq!(check(&list(10_000)).unwrap_err().fault, Fault::TooDeep);
    }

    #[test]
    fn nodes_of_a_shared_rule_count_for_each_use() {
        let shared = Value::Object(vec![("x".into(), Value::Array(vec![Value::Null; 999]))]);
        let root = Node::root(&shared);
        let mut rules = Check::new(root);
        let mut uses = |n: usize| {
            let reference = Value::Object(vec![("$ref".into(), "x".into())]);
            let rule = Value::Array(vec![reference; n]);
            rules.check(&Node::root(&rule)).is_ok()
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
        let flaw = Check::new(root).check(&Node::root(&link(0))).unwrap_err();
        assert_eq!(flaw.fault, Fault::TooDeep);
    }

    fn nested_in(inner: Value) -> Value {
        Value::Object(vec![("!".into(), inner)])
    }

    #[test]
    fn a_chain_of_references_alone_is_too_long_at_sixty_five() {
        let link = |n: usize| Value::Object(vec![("$ref".into(), n.to_string().into())]);
        let shared = Value::Object(
            (1..=65).map(|n| (n.to_string(), if n < 65 { link(n + 1) } else { 1.0.into() })).collect(),
        );
        let root = Node::root(&shared);
        assert!(Check::new(root).check(&Node::root(&link(2))).is_ok());
        assert_eq!(Check::new(root).check(&Node::root(&link(1))).unwrap_err().fault, Fault::TooDeep);
    }

    #[test]
    fn every_name_leads_to_its_own_operator() {
        let names: Vec<&str> = NAMES.split_whitespace().collect();
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
