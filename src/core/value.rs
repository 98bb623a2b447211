//! One JSON tree, and a reader of it that knows its path.

#[cfg(not(target_arch = "wasm32"))]
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
#[cfg(not(target_arch = "wasm32"))]
use std::fmt;

use super::error::{Fault, Flaw};
use super::time::{NEVER, rfc3339};
use super::version::is_version;

/// The deepest nesting that is read: what is deeper reads as `null` in the browser, and is refused natively. It is more
/// than any rule of a flag may have, so that one that is too deep does not take the whole manifest down.
pub const MAX_DEPTH: u8 = 250;

/// The deepest nesting outside of flags.
pub const MAX_LEVELS: u8 = 64;

/// A JSON value. Members keep the order of the document.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, and JavaScript's `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number, as JavaScript holds it.
    Number(f64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object. Where a name stands twice, the last one counts, as `JSON.parse` has it.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The member `name`, where this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => named(members, name.as_bytes()),
            _ => None,
        }
    }

    /// The items, where this is an array.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The members, where this is an object.
    pub fn members(&self) -> &[(String, Value)] {
        match self {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// Its kind, as a bit.
    pub fn kind(&self) -> u8 {
        match self {
            Value::Null => NULL,
            Value::Bool(_) => BOOL,
            Value::Number(_) => NUMBER,
            Value::String(_) => STRING,
            Value::Array(_) => ARRAY,
            Value::Object(_) => OBJECT,
        }
    }

    /// The string, where this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// The number, where this is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The truth value, where this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// Whether it nests at most so deep.
    pub fn within(&self, levels: u8) -> bool {
        let inner = levels.wrapping_sub(1);
        match self {
            Value::Array(items) => levels > 0 && items.iter().all(|item| item.within(inner)),
            Value::Object(members) => levels > 0 && members.iter().all(|(_, value)| value.within(inner)),
            _ => true,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// An object of the given members, less those that are `null`.
    pub fn object<const N: usize>(mut members: [(&str, Value); N]) -> Value {
        Value::object_of(&mut members)
    }

    /// The same, once for all lengths.
    fn object_of(members: &mut [(&str, Value)]) -> Value {
        let mut all = Vec::with_capacity(members.len());
        for (name, value) in members {
            if !value.is_null() {
                all.push((String::from(*name), std::mem::replace(value, Value::Null)));
            }
        }
        Value::Object(all)
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Value {
        Value::String(s.to_owned())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Value {
        Value::String(s)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Value {
        Value::Number(n)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(o: Option<T>) -> Value {
        o.map_or(Value::Null, Into::into)
    }
}

/// Reads a [`Value`] from any self-describing format, for tests and tools.
#[cfg(not(target_arch = "wasm32"))]
pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
    Depth(MAX_DEPTH).deserialize(from)
}

/// How many levels may still open: our stack does not take any depth.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
struct Depth(u8);

#[cfg(not(target_arch = "wasm32"))]
impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl<'de> Visitor<'de> for Depth {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.deserialize(from)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Number(n as f64))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(Value::Number(n as f64))
    }
    fn visit_f64<E>(self, n: f64) -> Result<Value, E> {
        Ok(Value::Number(n))
    }
    fn visit_str<E>(self, s: &str) -> Result<Value, E> {
        Ok(Value::String(s.to_owned()))
    }
    fn visit_string<E>(self, s: String) -> Result<Value, E> {
        Ok(Value::String(s))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inside()?;
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            members.push((name, map.next_value_seed(inner)?));
        }
        Ok(Value::Object(members))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Depth {
    fn inside<E: serde::de::Error>(self) -> Result<Depth, E> {
        match self.0.checked_sub(1) {
            Some(left) => Ok(Depth(left)),
            None => Err(E::custom("too deep")),
        }
    }
}

/// What is not there.
static ABSENT: Value = Value::Null;

/// A value that may not be there: `null`, as a member, is not. Within a document its address says where it stands, so that
/// the way to it is looked for only when there is a flaw to report.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(&'a Value);

impl Default for Node<'_> {
    fn default() -> Self {
        Node(&ABSENT)
    }
}

impl<'a> Node<'a> {
    /// The root of a document.
    pub fn root(value: &'a Value) -> Node<'a> {
        Node(value)
    }

    /// The member `name`; absent members and `null` are both "not there".
    pub fn member(self, name: &str) -> Node<'a> {
        match self.0.get(name) {
            None | Some(Value::Null) => Node::default(),
            Some(value) => Node(value),
        }
    }

    /// The value; `null` where there is none.
    pub fn value(self) -> &'a Value {
        self.0
    }

    /// Whether there is a value.
    pub fn is_present(self) -> bool {
        !std::ptr::eq(self.0, &ABSENT)
    }

    /// The string; empty where it is none.
    #[inline(never)]
    pub fn text(self) -> &'a String {
        static NONE: String = String::new();
        match self.0 {
            Value::String(text) => text,
            _ => &NONE,
        }
    }

    /// The number, where it is one.
    pub fn number(self, default: f64) -> f64 {
        match self.0 {
            Value::Number(n) => *n,
            _ => default,
        }
    }

    /// Whether it is `true`.
    pub fn is_true(self) -> bool {
        matches!(self.0, Value::Bool(true))
    }

    /// The items, where it is an array.
    #[inline(never)]
    pub fn items(self) -> &'a Vec<Value> {
        static NONE: Vec<Value> = Vec::new();
        match self.0 {
            Value::Array(items) => items,
            _ => &NONE,
        }
    }

    /// The members, where it is an object.
    #[inline(never)]
    pub fn members(self) -> &'a Vec<(String, Value)> {
        static NONE: Vec<(String, Value)> = Vec::new();
        match self.0 {
            Value::Object(members) => members,
            _ => &NONE,
        }
    }

    /// The item or member at this index, and the member's name.
    pub fn child(self, index: usize) -> Option<(&'a str, Node<'a>)> {
        match self.0 {
            Value::Array(items) => items.get(index).map(|item| ("", Node(item))),
            Value::Object(members) => members.get(index).map(|(name, value)| (&name[..], Node(value))),
            _ => None,
        }
    }
}

/// Whether a segment of the path is `..`.
fn climbs(text: &str) -> bool {
    let mut rest = Some(text);
    while let Some(path) = rest {
        let (segment, more) = cut(path, b'/');
        if segment == ".." {
            return true;
        }
        rest = more;
    }
    false
}

/// Kinds of values, to be joined: what a member may be.
pub const NULL: u8 = 1;
/// `true` or `false`.
pub const BOOL: u8 = 2;
/// A number.
pub const NUMBER: u8 = 4;
/// A string.
pub const STRING: u8 = 8;
/// An array.
pub const ARRAY: u8 = 16;
/// An object.
pub const OBJECT: u8 = 32;
/// It has to be there.
pub const REQUIRED: u8 = 64;
/// It must not be empty.
pub const FILLED: u8 = 128;

/// Reads a document, or a part that stands or falls by itself, and keeps its first flaw: a decoder reads on with what is not
/// there, and asks once at the end. (To leave at each flaw costs the code that drops what was read until then, at every member.)
///
/// A place is a value and the name of one of its members, which need not be there; without a name it is the value itself.
pub struct First<'a> {
    /// The value that is read, and the path to it.
    pub part: (Node<'a>, String),
    /// The first thing that is wrong.
    pub flaw: Option<Flaw>,
    /// What was noted: see [`First::report`], [`First::end`].
    pub reports: Vec<Flaw>,
}

impl<'a> First<'a> {
    /// Begins with the part at this path.
    #[inline(never)]
    pub fn new(part: Node<'a>, path: &str) -> First<'a> {
        First { part: (part, path.to_owned()), flaw: None, reports: Vec::new() }
    }

    /// What is at the place, if it is of these kinds.
    #[inline(never)]
    pub fn get(&mut self, from: Node<'a>, name: &str, kinds: u8) -> Node<'a> {
        let node = if name.is_empty() { from } else { from.member(name) };
        let fault = if !node.is_present() {
            if kinds & REQUIRED == 0 {
                return node;
            }
            Fault::Missing
        } else if node.0.kind() & kinds == 0 {
            Fault::Type
        } else if kinds & FILLED != 0 && node.text().is_empty() {
            Fault::Range
        } else {
            return node;
        };
        self.wrong(from, name, fault);
        Node::default()
    }

    /// A whole number from 0 to 2⁵³−1 that has to be there.
    pub fn integer(&mut self, from: Node<'a>, name: &str) -> u64 {
        whole(self.get(from, name, NUMBER | REQUIRED).number(0.0)).unwrap_or_else(|| {
            self.wrong(from, name, Fault::Range);
            0
        })
    }

    /// A version, which is a string, or a whole number; empty where there is no value.
    pub fn version(&mut self, from: Node<'a>, name: &str) -> String {
        let node = self.get(from, name, STRING | NUMBER);
        let text = written(node);
        if node.is_present() && !is_version(&text) {
            self.wrong(from, name, Fault::Version);
        }
        text
    }

    /// An RFC 3339 date-time with an offset as ms since 1970; [`NEVER`] where there is no value.
    pub fn time(&mut self, from: Node<'a>, name: &str) -> i64 {
        let text = self.get(from, name, STRING);
        let time = rfc3339(text.text());
        if time == NEVER && text.is_present() {
            self.wrong(from, name, Fault::Time);
        }
        time
    }

    /// A path-absolute reference (`/docs/v3?x#y`), where there is a value.
    ///
    /// What URL parsers would read as another place is refused: `//host`, a backslash, control characters (they are
    /// dropped unseen), and `..` as a segment or with encoded dots.
    pub fn reference(&mut self, from: Node<'a>, name: &str) -> Node<'a> {
        let node = self.get(from, name, STRING);
        let text = node.text();
        let b = text.as_bytes();
        let bad = b.first() != Some(&b'/')
            || b.get(1) == Some(&b'/')
            || b.iter().any(|c| *c < b' ' || *c == b'\\' || *c == 0x7f)
            || b.windows(3).any(|w| w.eq_ignore_ascii_case(b"%2e"))
            || climbs(text);
        if bad && node.is_present() {
            self.wrong(from, name, Fault::Path);
        }
        node
    }

    /// Notes a flaw at this place, if it is the first one.
    #[inline(never)]
    pub fn wrong(&mut self, at: Node<'a>, name: &str, fault: Fault) {
        if self.flaw.is_none() {
            self.flaw = Some(self.place(at, name, fault));
        }
    }

    /// Notes what is odd but can be used.
    pub fn report(&mut self, at: Node<'a>, name: &str, fault: Fault) {
        let flaw = self.place(at, name, fault);
        self.reports.push(flaw);
    }

    /// Whether there was no flaw yet.
    pub fn is_none(&self) -> bool {
        self.flaw.is_none()
    }

    /// The end of the part: moves its flaw to the reports, and says whether there was none.
    pub fn end(&mut self) -> bool {
        let Some(flaw) = self.flaw.take() else { return true };
        self.reports.push(flaw);
        false
    }

    fn place(&self, at: Node, name: &str, fault: Fault) -> Flaw {
        let mut path = self.part.1.clone();
        find(self.part.0, at, &mut path);
        if !name.is_empty() {
            step(&mut path, name, 0);
        }
        Flaw { path, fault }
    }
}

/// Adds the way to a value within another one to the path of that one, if it is there. No part
/// that is searched nests deeper than its decoder has made sure of.
fn find(within: Node, value: Node, path: &mut String) -> bool {
    if std::ptr::eq(within.0, value.0) {
        return value.is_present();
    }
    let (length, mut index) = (path.len(), 0);
    while let Some((name, child)) = within.child(index) {
        step(path, name, index);
        if find(child, value, path) {
            return true;
        }
        path.truncate(length);
        index += 1;
    }
    false
}

/// The member of this name; the last one, if there are several.
pub fn named<'a>(members: &'a [(String, Value)], name: &[u8]) -> Option<&'a Value> {
    for (other, value) in members.iter().rev() {
        // First the lengths: most names differ there, and to compare takes a call.
        if other.len() == name.len() && other.as_bytes() == name {
            return Some(value);
        }
    }
    None
}

/// Adds a step to a JSON path: `supported.blocked[0].version`.
pub fn step(path: &mut String, name: &str, index: usize) {
    if name.is_empty() {
        push(path, b'[');
        push_integer(path, index as u64);
        push(path, b']');
    } else {
        if !path.is_empty() {
            push(path, b'.');
        }
        path.push_str(name);
    }
}

/// A version as text: it may be a whole number. Empty where it is neither.
pub fn written(node: Node) -> String {
    let mut text = String::new();
    match node.0 {
        Value::String(string) => text.push_str(string),
        Value::Number(n) => {
            if let Some(n) = whole(*n) {
                push_integer(&mut text, n);
            }
        }
        _ => {}
    }
    text
}

/// The integer that a number holds, if it is one from 0 to 2⁵³−1.
pub fn whole(n: f64) -> Option<u64> {
    let i = n as u64;
    (i as f64 == n && i < 1 << 53).then_some(i)
}

/// The text before the first `byte` (of ASCII), and what follows it. (`str::split` brings a search of 900 bytes.)
pub fn cut(text: &str, byte: u8) -> (&str, Option<&str>) {
    let mut at = 0;
    while text.as_bytes().get(at).is_some_and(|b| *b != byte) {
        at += 1;
    }
    let (before, rest) = text.split_at(at);
    (before, rest.get(1..))
}

/// Appends an integer in decimal, without the formatting machinery.
pub fn push_integer(to: &mut String, n: u64) {
    if n > 9 {
        push_integer(to, n / 10);
    }
    push(to, b'0' + (n % 10) as u8);
}

/// Appends a letter of ASCII. (`String::push` brings an encoder.)
#[inline(never)]
pub fn push(to: &mut String, letter: u8) {
    // SAFETY: each byte below 128 is a letter by itself.
    unsafe { to.as_mut_vec().push(letter & 127) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Value, serde_json::Error> {
        read(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn a_document_keeps_the_order_of_its_members() {
        let value = json(r#"{"b":1,"a":[true,null,"x",1.5]}"#).unwrap();
        assert_eq!(
            value,
            Value::Object(vec![
                ("b".into(), Value::Number(1.0)),
                (
                    "a".into(),
                    Value::Array(vec![
                        Value::Bool(true),
                        Value::Null,
                        Value::String("x".into()),
                        Value::Number(1.5)
                    ])
                ),
            ])
        );
    }

    #[test]
    fn levels_are_counted_through_lists_and_objects() {
        let nested = |n: usize| json(&("[".repeat(n) + &"]".repeat(n))).unwrap();
        assert!(nested(64).within(64) && !nested(65).within(64));
        assert!(json(r#"{"a":[1,{}]}"#).unwrap().within(3));
        assert!(!json(r#"{"a":[1,{}]}"#).unwrap().within(2));
        assert!(json("1").unwrap().within(0));
    }

    #[test]
    fn a_flaw_names_its_place() {
        let value = json(r#"{"supported":{"blocked":[{},{"version":"x"}]}}"#).unwrap();
        let root = Node::root(&value);
        let mut first = First::new(root, "");
        for item in root.member("supported").member("blocked").items() {
            let item = Node::root(item);
            first.report(item, "version", Fault::Version);
            first.report(item.member("version"), "", Fault::Version);
        }
        first.report(root, "", Fault::Type);
        first.wrong(root.member("supported"), "minimum", Fault::Missing);
        first.wrong(root, "x", Fault::Missing);
        assert!(!first.end() && first.end());
        let paths: Vec<_> = first.reports.into_iter().map(|flaw| flaw.path).collect();
        // What is not there is named by its object only.
        assert_eq!(
            paths,
            [
                "supported.blocked[0].version",
                "",
                "supported.blocked[1].version",
                "supported.blocked[1].version",
                "",
                "supported.minimum",
            ]
        );
    }

    #[test]
    fn a_reference_stays_on_the_origin() {
        let read = |text: &str| {
            let value = Value::from(text);
            let mut first = First::new(Node::root(&value), "");
            first.reference(first.part.0, "");
            first.end();
            first.reports
        };
        for good in ["/", "/a/b", "/a..b/...", "/docs?next=../x#..", "/ü"] {
            assert_eq!(read(good), [], "{good}");
        }
        for bad in [
            "",
            "a",
            "//host",
            "/\\host",
            "\\/host",
            "/\t/host",
            "/a\nb",
            "/a/..",
            "/../a",
            "/a/%2e%2E/b",
            "/a/.%2e?x",
            "javascript:alert(1)",
            "https://host/",
        ] {
            assert_eq!(read(bad), [Flaw { path: String::new(), fault: Fault::Path }], "{bad:?}");
        }
    }

    #[test]
    fn only_whole_numbers_that_javascript_holds_exactly_are_integers() {
        assert_eq!(whole(0.0), Some(0));
        assert_eq!(whole(-0.0), Some(0));
        assert_eq!(whole(9007199254740991.0), Some((1 << 53) - 1));
        for bad in [9007199254740992.0, 1.5, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(bad), None, "{bad}");
        }
    }
}
