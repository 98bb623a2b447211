//! Writes JSON for the page, which parses it: half the bytes of making objects member by member, and as quick.

use super::wire::NUMBERS;
use crate::core::value::{Value, push_integer, whole};

/// JSON text that is being written.
#[derive(Default)]
pub struct Json(String);

impl Json {
    /// Nothing written yet.
    pub fn new() -> Json {
        Json(String::new())
    }

    /// The text.
    pub fn done(self) -> String {
        self.0
    }

    /// Opens an object.
    pub fn object(&mut self) {
        self.next();
        self.0.push('{');
    }

    /// Opens an array.
    pub fn array(&mut self) {
        self.next();
        self.0.push('[');
    }

    /// Opens an object as a member.
    pub fn inside(&mut self, name: &str) {
        self.name(name);
        self.object();
    }

    /// Closes an object or an array.
    pub fn close(&mut self, with: char) {
        self.0.push(with);
    }

    /// A member that is a string, if it is there.
    pub fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.name(name);
            self.string(text);
        }
    }

    /// A member that is a whole number, if it is there.
    pub fn int(&mut self, name: &str, n: Option<i64>) {
        if let Some(n) = n {
            self.name(name);
            self.integer(n);
        }
    }

    /// A member that is true or false.
    pub fn flag(&mut self, name: &str, truth: bool) {
        self.name(name);
        self.0.push_str(if truth { "true" } else { "false" });
    }

    /// A member of any kind, if it is not `null`.
    pub fn member(&mut self, name: &str, value: &Value) {
        if !value.is_null() {
            self.name(name);
            self.value(value);
        }
    }

    /// Any value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => {
                self.next();
                self.0.push_str("null");
            }
            Value::Bool(truth) => {
                self.next();
                self.0.push_str(if *truth { "true" } else { "false" });
            }
            Value::Number(n) => match whole(n.abs()) {
                Some(_) => self.integer(*n as i64),
                // JavaScript prints what is not whole: Rust's printing of floats is 14 KB.
                None => {
                    self.next();
                    self.0.push_str(&if n.is_finite() { (NUMBERS.print)(*n) } else { "null".to_owned() });
                }
            },
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.array();
                for item in items {
                    self.value(item);
                }
                self.close(']');
            }
            Value::Object(members) => {
                self.object();
                for (name, value) in members {
                    self.name(name);
                    self.value(value);
                }
                self.close('}');
            }
        }
    }

    fn integer(&mut self, n: i64) {
        self.next();
        if n < 0 {
            self.0.push('-');
        }
        push_integer(&mut self.0, n.unsigned_abs());
    }

    /// The name of a member whose value comes next.
    pub fn name(&mut self, name: &str) {
        self.string(name);
        self.0.push(':');
    }

    /// A string: RFC 8259, section 7.
    pub fn string(&mut self, text: &str) {
        self.next();
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => {
                    self.0.push('\\');
                    self.0.push(c);
                }
                '\0'..='\x1f' => {
                    self.0.push_str("\\u00");
                    for digit in [c as u8 >> 4, c as u8 & 15] {
                        self.0.push(char::from_digit(digit as u32, 16).unwrap_or('0'));
                    }
                }
                _ => self.0.push(c),
            }
        }
        self.0.push('"');
    }

    /// The comma, where something stands before.
    fn next(&mut self) {
        if !matches!(self.0.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(',');
        }
    }
}
