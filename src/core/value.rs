//! One JSON tree, and a reader of it that knows its path.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

use super::error::{Fault, Flaw};
use super::time::rfc3339;
use super::version::Version;

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
            Value::Object(members) => members.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v),
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

/// Reads a [`Value`] from any self-describing format. The only deserializer of the module:
/// a second derived type would cost every visitor its code again.
pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
    Depth(MAX_DEPTH).deserialize(from)
}

/// How many levels may still open: our stack does not take any depth.
#[derive(Clone, Copy)]
struct Depth(u8);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

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

impl Depth {
    fn inside<E: serde::de::Error>(self) -> Result<Depth, E> {
        match self.0.checked_sub(1) {
            Some(left) => Ok(Depth(left)),
            None => Err(E::custom("too deep")),
        }
    }
}

/// A value and the way to it. Lives on the stack of the decoder, so that a path is
/// written out only when there is a flaw to report.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    value: Option<&'a Value>,
    name: &'a str,
    index: usize,
    parent: Option<&'a Node<'a>>,
}

impl<'a> Node<'a> {
    /// The root of a document.
    pub fn root(value: &'a Value) -> Node<'a> {
        Node { value: Some(value), name: "", index: 0, parent: None }
    }

    /// The member `name`; absent members and `null` are both "not there".
    pub fn member<'b>(&'b self, name: &'b str) -> Node<'b> {
        let value = self.value.and_then(|v| v.get(name)).filter(|v| !v.is_null());
        Node { value, name, index: 0, parent: Some(self) }
    }

    /// The value, where there is one.
    pub fn value(&self) -> Option<&'a Value> {
        self.value
    }

    /// Whether there is a value.
    pub fn is_present(&self) -> bool {
        self.value.is_some()
    }

    /// A flaw at this place.
    pub fn flaw(&self, fault: Fault) -> Flaw {
        Flaw { path: self.path(), fault }
    }

    /// This place as a JSON path: `supported.blocked[0].version`.
    pub fn path(&self) -> String {
        let Some(parent) = self.parent else { return String::new() };
        let mut path = parent.path();
        if self.name.is_empty() {
            path.push('[');
            push_integer(&mut path, self.index as u64);
            path.push(']');
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(self.name);
        }
        path
    }

    /// The items of an array; none where it is absent.
    pub fn items<'b>(&'b self) -> Result<impl Iterator<Item = Node<'b>>, Flaw> {
        Ok(self.each_item(self.array()?))
    }

    fn array(&self) -> Result<&'a [Value], Flaw> {
        match self.value {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.flaw(Fault::Type)),
        }
    }

    fn each_item<'b>(&'b self, items: &'b [Value]) -> impl Iterator<Item = Node<'b>> {
        items.iter().enumerate().map(move |(index, value)| Node {
            value: Some(value),
            name: "",
            index,
            parent: Some(self),
        })
    }

    /// The members of an object; none where it is absent.
    pub fn members<'b>(&'b self) -> Result<impl Iterator<Item = (&'b str, Node<'b>)>, Flaw> {
        Ok(self.each_member(self.named()?))
    }

    fn named(&self) -> Result<&'a [(String, Value)], Flaw> {
        match self.value {
            None => Ok(&[]),
            Some(Value::Object(members)) => Ok(members),
            Some(_) => Err(self.flaw(Fault::Type)),
        }
    }

    fn each_member<'b>(
        &'b self,
        members: &'b [(String, Value)],
    ) -> impl Iterator<Item = (&'b str, Node<'b>)> {
        members.iter().map(move |(name, value)| {
            (name.as_str(), Node { value: Some(value), name, index: 0, parent: Some(self) })
        })
    }

    /// This node, if it is an object or absent.
    pub fn object(self) -> Result<Node<'a>, Flaw> {
        match self.value {
            None | Some(Value::Object(_)) => Ok(self),
            Some(_) => Err(self.flaw(Fault::Type)),
        }
    }

    /// A string, where there is a value.
    pub fn string(&self) -> Result<Option<&'a str>, Flaw> {
        match self.value {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(_) => Err(self.flaw(Fault::Type)),
        }
    }

    /// A string that has to be there and must not be empty.
    pub fn required_string(&self) -> Result<&'a str, Flaw> {
        match self.string()? {
            Some("") => Err(self.flaw(Fault::Range)),
            Some(s) => Ok(s),
            None => Err(self.flaw(Fault::Missing)),
        }
    }

    /// A truth value, where there is a value.
    pub fn bool(&self) -> Result<Option<bool>, Flaw> {
        match self.value {
            None => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(_) => Err(self.flaw(Fault::Type)),
        }
    }

    /// A number, where there is a value.
    pub fn number(&self) -> Result<Option<f64>, Flaw> {
        match self.value {
            None => Ok(None),
            Some(Value::Number(n)) => Ok(Some(*n)),
            Some(_) => Err(self.flaw(Fault::Type)),
        }
    }

    /// A whole number from 0 to 2⁵³−1, where there is a value.
    pub fn integer(&self) -> Result<Option<u64>, Flaw> {
        match self.number()? {
            None => Ok(None),
            Some(n) => whole(n).map(Some).ok_or_else(|| self.flaw(Fault::Range)),
        }
    }

    /// A version, where there is a value: a string, or a whole number.
    pub fn version(&self) -> Result<Option<Version>, Flaw> {
        let parsed = match self.value {
            None => return Ok(None),
            Some(Value::String(s)) => Version::parse(s),
            Some(Value::Number(n)) => {
                let mut digits = String::new();
                push_integer(&mut digits, whole(*n).ok_or_else(|| self.flaw(Fault::Version))?);
                Version::parse(&digits)
            }
            Some(_) => return Err(self.flaw(Fault::Type)),
        };
        parsed.map(Some).map_err(|fault| self.flaw(fault))
    }

    /// An RFC 3339 date-time with an offset as ms since 1970, where there is a value.
    pub fn time(&self) -> Result<Option<i64>, Flaw> {
        match self.string()? {
            None => Ok(None),
            Some(text) => rfc3339(text).map(Some).ok_or_else(|| self.flaw(Fault::Time)),
        }
    }

    /// A path-absolute reference (`/docs/v3?x#y`), where there is a value.
    ///
    /// What URL parsers would read as another place is refused: `//host`, a backslash, control characters (they are
    /// dropped unseen), and `..` as a segment or with encoded dots.
    pub fn reference(&self) -> Result<Option<&'a str>, Flaw> {
        let Some(text) = self.string()? else { return Ok(None) };
        let b = text.as_bytes();
        let bad = b.first() != Some(&b'/')
            || b.get(1) == Some(&b'/')
            || b.iter().any(|c| *c < b' ' || *c == b'\\' || *c == 0x7f)
            || b.windows(3).any(|w| w.eq_ignore_ascii_case(b"%2e"))
            || climbs(text);
        if bad { Err(self.flaw(Fault::Path)) } else { Ok(Some(text)) }
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

/// Keeps the first flaw of a document: a decoder reads on with defaults, and asks once at the end. (To leave at each flaw
/// costs the code that drops what was read until then, at every member.)
#[derive(Default)]
pub struct First(Option<Flaw>);

impl First {
    /// What was read; the default in place of a flaw.
    #[inline(never)]
    pub fn or<T: Default>(&mut self, read: Result<T, Flaw>) -> T {
        read.unwrap_or_else(|flaw| {
            self.keep(flaw);
            T::default()
        })
    }

    /// The items of an array; none where it is absent, or none.
    pub fn items<'b>(&mut self, node: &'b Node) -> impl Iterator<Item = Node<'b>> + use<'b> {
        node.each_item(self.or(node.array()))
    }

    /// The members of an object; none where it is absent, or none.
    pub fn members<'b>(&mut self, node: &'b Node) -> impl Iterator<Item = (&'b str, Node<'b>)> + use<'b> {
        node.each_member(self.or(node.named()))
    }

    /// Notes what is there and no object.
    pub fn object(&mut self, node: &Node) {
        self.or(node.named());
    }

    /// Notes a flaw at this place.
    pub fn wrong(&mut self, node: &Node, fault: Fault) {
        self.keep(node.flaw(fault));
    }

    /// Notes a flaw.
    #[inline(never)]
    pub fn keep(&mut self, flaw: Flaw) {
        self.0.get_or_insert(flaw);
    }

    /// Whether there was none yet.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The first flaw, if there was one.
    pub fn flaw(self) -> Option<Flaw> {
        self.0
    }
}

/// The integer that a number holds, if it is one from 0 to 2⁵³−1.
pub fn whole(n: f64) -> Option<u64> {
    let i = n as u64;
    (i as f64 == n && i < 1 << 53).then_some(i)
}

/// The text before the first `byte` (of ASCII), and what follows it. (`str::split` brings a search of 900 bytes.)
pub fn cut(text: &str, byte: u8) -> (&str, Option<&str>) {
    for (at, b) in text.bytes().enumerate() {
        if b == byte {
            return (&text[..at], Some(&text[at + 1..]));
        }
    }
    (text, None)
}

/// Appends an integer in decimal, without the formatting machinery.
pub fn push_integer(to: &mut String, n: u64) {
    if n > 9 {
        push_integer(to, n / 10);
    }
    to.push((b'0' + (n % 10) as u8) as char);
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
        let (supported, mut paths) = (root.member("supported"), vec![]);
        let blocked = supported.member("blocked");
        for item in blocked.items().unwrap() {
            paths.push(item.member("version").path());
        }
        assert_eq!(paths, ["supported.blocked[0].version", "supported.blocked[1].version"]);
    }

    #[test]
    fn a_reference_stays_on_the_origin() {
        let read = |text: &str| {
            let value = Value::from(text);
            Node::root(&value).reference().map(|r| r.is_some())
        };
        for good in ["/", "/a/b", "/a..b/...", "/docs?next=../x#..", "/ü"] {
            assert_eq!(read(good), Ok(true), "{good}");
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
            assert_eq!(read(bad), Err(Flaw { path: String::new(), fault: Fault::Path }), "{bad:?}");
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
