//! Writes JSON for the page, which parses it: half the bytes of making objects member by member, and as quick.

use super::super::time::NEVER;
use super::super::value::{Value, push, push_integer, whole};

/// JSON text that is being written, item by item: everything is an array, whose items have their meaning by their place.
pub struct Json {
    text: String,
    /// JavaScript prints what is not whole: Rust's printing of floats is 14 KB.
    print: fn(f64) -> String,
}

impl Json {
    /// Nothing written yet.
    pub const fn new(print: fn(f64) -> String) -> Json {
        Json { text: String::new(), print }
    }

    /// What `write` writes, as a tree: for tests and tools.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn tree(write: impl FnOnce(&mut Json)) -> Value {
        let numbers = crate::core::flags::Numbers::native();
        let mut out = Json::new(numbers.print);
        write(&mut out);
        super::parse(&out.done(), numbers.parse).expect("JSON")
    }

    /// The text, of which every array has been closed.
    pub fn done(mut self) -> String {
        self.end("");
        self.text
    }

    /// Nothing written again, in the same memory.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// The text in place, with a NUL behind it: there is none in JSON.
    pub fn c_text(&mut self) -> *const u8 {
        self.end("\0");
        self.text.as_ptr()
    }

    /// Opens an array.
    pub fn open(&mut self) {
        push(&mut self.text, b'[');
    }

    /// Closes an array.
    pub fn close(&mut self) {
        self.end("],");
    }

    /// A string, or `null`.
    pub fn text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None => self.word("null"),
        }
    }

    /// A whole number; `null` for [`NEVER`].
    pub fn maybe(&mut self, n: i64) {
        if n < NEVER {
            self.int(n);
        } else {
            self.word("null");
        }
    }

    /// A whole number.
    pub fn int(&mut self, n: i64) {
        if n < 0 {
            push(&mut self.text, b'-');
        }
        push_integer(&mut self.text, n.unsigned_abs());
        push(&mut self.text, b',');
    }

    /// True or false.
    pub fn flag(&mut self, truth: bool) {
        self.word(if truth { "true" } else { "false" });
    }

    /// Any value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.word("null"),
            Value::Bool(truth) => self.flag(*truth),
            Value::Number(n) if whole(n.abs()).is_some() => self.int(*n as i64),
            Value::Number(n) if !n.is_finite() => self.word("null"),
            Value::Number(n) => self.word(&(self.print)(*n)),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.open();
                for item in items {
                    self.value(item);
                }
                self.close();
            }
            Value::Object(members) => {
                self.open_object();
                for (name, value) in members {
                    self.name(name);
                    self.value(value);
                }
                self.close_object();
            }
        }
    }

    /// Opens an object.
    pub fn open_object(&mut self) {
        push(&mut self.text, b'{');
    }

    /// The name of the member that comes next.
    pub fn name(&mut self, name: &str) {
        self.string(name);
        self.end(":");
    }

    /// Closes an object.
    pub fn close_object(&mut self) {
        self.end("},");
    }

    /// JSON as it stands.
    pub fn word(&mut self, json: &str) {
        self.text.push_str(json);
        push(&mut self.text, b',');
    }

    /// A string: RFC 8259, section 7.
    pub fn string(&mut self, text: &str) {
        push(&mut self.text, b'"');
        let mut from = 0;
        let mut at = 0;
        while let Some(&byte) = text.as_bytes().get(at) {
            if byte < b' ' || byte == b'"' || byte == b'\\' {
                self.text.push_str(text.get(from..at).unwrap_or_default());
                from = at + 1;
                self.text.push_str("\\u00");
                self.hex(byte >> 4);
                self.hex(byte & 15);
            }
            at += 1;
        }
        self.text.push_str(text.get(from..).unwrap_or_default());
        self.word("\"");
    }

    fn hex(&mut self, digit: u8) {
        push(&mut self.text, if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
    }

    /// Instead of the comma behind the last item, if there is one.
    fn end(&mut self, with: &str) {
        if self.text.ends_with(',') {
            self.text.truncate(self.text.len() - 1);
        }
        self.text.push_str(with);
    }
}
