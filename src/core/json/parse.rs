//! JSON text to tree (RFC 8259): exactly as strict as JavaScript's `JSON.parse`, in whose place it stands for tests and tools.

use super::super::value::{MAX_DEPTH, Value};

/// Reads a document. What is nested deeper than [`MAX_DEPTH`] is passed over and reads as `null`.
/// `number` is JavaScript's `Number(text)`.
pub fn parse(text: &str, number: fn(&str) -> f64) -> Option<Value> {
    let mut reader = Reader { text, at: 0, number, failed: false };
    let value = reader.value(MAX_DEPTH);
    reader.blanks();
    if reader.at < text.len() {
        reader.fail();
    }
    if reader.failed { None } else { Some(value) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    number: fn(&str) -> f64,
    /// Whatever is read after a failure is not used.
    failed: bool,
}

impl Reader<'_> {
    /// Goes to the end, so that nothing more is read.
    fn fail(&mut self) {
        self.failed = true;
        self.at = self.text.len();
    }

    /// The next byte; NUL, which is nowhere allowed, at the end.
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Takes `byte`, if it is the next one behind blanks.
    fn takes(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.byte() == byte;
        self.at += found as usize;
        found
    }

    fn expect(&mut self, byte: u8) {
        if !self.takes(byte) {
            self.fail();
        }
    }

    fn value(&mut self, depth: u8) -> Value {
        self.blanks();
        match self.byte() {
            b'"' => Value::String(self.string()),
            open @ (b'[' | b'{') => self.container(open, depth),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn container(&mut self, open: u8, depth: u8) -> Value {
        let (mut items, mut members) = (Vec::new(), Vec::new());
        // Both brackets stand two before the one that closes them.
        let (object, close) = (open == b'{', open + 2);
        if depth == 0 {
            self.pass_over();
            return Value::Null;
        }
        self.at += 1;
        if !self.takes(close) {
            loop {
                if object {
                    let name = self.string();
                    self.expect(b':');
                    members.push((name, self.value(depth - 1)));
                } else {
                    items.push(self.value(depth - 1));
                }
                if self.failed || self.takes(close) {
                    break;
                }
                self.expect(b',');
            }
        }
        if object { Value::Object(members) } else { Value::Array(items) }
    }

    /// Passes over a container, however deep it is: our stack does not take any depth.
    fn pass_over(&mut self) {
        let mut open = 0;
        loop {
            match self.byte() {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open -= 1,
                b'"' => {
                    self.string();
                    continue;
                }
                0 => return self.fail(),
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return;
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Value {
        for byte in word.bytes() {
            if self.byte() != byte {
                self.fail();
            } else {
                self.at += 1;
            }
        }
        value
    }

    fn number(&mut self) -> Value {
        let start = self.at;
        let negative = self.byte() == b'-';
        self.at += negative as usize;
        let (first, zero) = (self.at, self.byte() == b'0');
        let digits = self.digits();
        let mut right = digits == 1 || digits > 1 && !zero;
        // So many digits are exact.
        let mut whole = digits < 16;
        if self.byte() == b'.' {
            self.at += 1;
            whole = false;
            right &= self.digits() > 0;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            self.at += matches!(self.byte(), b'+' | b'-') as usize;
            whole = false;
            right &= self.digits() > 0;
        }
        if !right {
            self.fail();
            return Value::Null;
        }
        let mut number = 0.0;
        if whole {
            for digit in &self.text.as_bytes()[first..self.at] {
                number = number * 10.0 + (digit - b'0') as f64;
            }
            if negative {
                number = -number;
            }
        } else {
            number = (self.number)(self.text.get(start..self.at).unwrap_or_default());
        }
        Value::Number(number)
    }

    /// Passes over digits, and says over how many.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> String {
        let mut out = String::new();
        self.expect(b'"');
        while !self.failed {
            let start = self.at;
            while !matches!(self.byte(), b'"' | b'\\' | 0..=0x1f) {
                self.at += 1;
            }
            out.push_str(self.text.get(start..self.at).unwrap_or_default());
            let end = self.byte();
            self.at += 1;
            match end {
                b'"' => break,
                b'\\' => {
                    let c = self.escape();
                    out.push(c);
                }
                _ => self.fail(),
            }
        }
        out
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> char {
        let byte = self.byte();
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' => byte as char,
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = self.hex();
                let behind = self.at;
                // Two halves of one character.
                if code >> 10 == 0xd800 >> 10 && self.byte() == b'\\' {
                    self.at += 1;
                    if self.byte() == b'u' {
                        self.at += 1;
                        let low = self.hex();
                        if low >> 10 == 0xdc00 >> 10 {
                            code = 0x1_0000 + ((code & 0x3ff) << 10 | low & 0x3ff);
                        }
                    }
                    if code < 0x1_0000 {
                        self.at = behind;
                    }
                }
                // Half a character is what TextEncoder makes of it.
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => {
                self.fail();
                ' '
            }
        }
    }

    fn hex(&mut self) -> u32 {
        let mut code = 0;
        for _ in 0..4 {
            match (self.byte() as char).to_digit(16) {
                Some(digit) => {
                    code = code << 4 | digit;
                    self.at += 1;
                }
                None => self.fail(),
            }
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::flags::Numbers;
    use super::super::super::value::read;
    use super::*;
    use proptest::prelude::*;

    fn ours(text: &str) -> Option<Value> {
        parse(text, Numbers::native().parse)
    }

    /// What serde_json makes of it.
    fn theirs(text: &str) -> Option<Value> {
        let mut from = serde_json::Deserializer::from_str(text);
        let value = read(&mut from).ok()?;
        from.end().is_ok().then_some(value)
    }

    #[test]
    fn what_is_json_is_read_as_serde_json_reads_it() {
        for text in [
            "null",
            " true\n",
            "false",
            "0",
            "-0",
            "-12",
            "123456789012345",
            "9007199254740993",
            "0.1",
            "1e3",
            "1E+3",
            "12.50e-1",
            r#""""#,
            r#""a\"\\\/\b\f\n\r\tä\u00e9\uD83D\uDE00 日本""#,
            "[]",
            "{}",
            r#" [ 1 , [ ] , { "a" : { } , "" : "b" } ] "#,
            r#"{"a":1,"a":2}"#,
        ] {
            assert_eq!(ours(text), theirs(text), "{text}");
            assert!(ours(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            " ",
            "nul",
            "nulll",
            "True",
            "+1",
            "-",
            "01",
            "-01",
            ".5",
            "1.",
            "1e",
            "1e+",
            "0x1",
            "NaN",
            "Infinity",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "\"\0\"",
            "'a'",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{,}",
            "1 2",
            "1\0",
            "\0",
            "{}x",
            "\u{feff}{}",
            "\u{a0}1",
            "/**/1",
            "<!doctype html>",
        ] {
            assert_eq!(ours(text), None, "{text:?}");
            assert_eq!(theirs(text), None, "{text:?}");
        }
    }

    #[test]
    fn half_a_character_reads_as_a_replacement() {
        for (text, read) in [
            (r#""\uD83D""#, "\u{fffd}"),
            (r#""\uDE00x""#, "\u{fffd}x"),
            (r#""\uD83D\uD83D\uDE00""#, "\u{fffd}\u{1f600}"),
            (r#""\uD83D\n""#, "\u{fffd}\n"),
        ] {
            assert_eq!(ours(text), Some(read.into()), "{text}");
        }
        assert_eq!(ours(r#""\uD83D\u""#), None);
    }

    #[test]
    fn what_is_too_deep_is_passed_over_and_the_rest_is_read() {
        let nested = |n: usize, inner: &str| "[".repeat(n) + inner + &"]".repeat(n);
        let deepest = usize::from(MAX_DEPTH);
        assert!(ours(&nested(deepest, "1")).is_some());
        assert_eq!(ours(&nested(deepest, r#"{"a]":["\"}"]}"#)), ours(&nested(deepest, "null")));
        let beside = format!(r#"[{},2]"#, nested(100_000, ""));
        assert_eq!(ours(&beside).unwrap().items()[1], Value::Number(2.0));
        assert_eq!(ours(&"[".repeat(1 << 20)), None);
        assert_eq!(ours(&"{\"a\":".repeat(300)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_text_is_read_or_refused_as_by_serde_json(text in r#"([\[\]{}:, ]|"[ab\\n/]{0,2}"|-?[01][0-9]{0,2}|[.eE+-]|true|null|\PC){0,12}"#) {
            prop_assert_eq!(ours(&text), theirs(&text));
        }

        #[test]
        fn any_document_is_read_as_it_was_written(value in document()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(ours(&text), theirs(&text));
        }
    }

    fn document() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value as Json;
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<String>().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }
}
