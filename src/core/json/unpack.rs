//! Reads what `pack` of `pkg-template/src/glue.ts` has made of a JSON value. Nothing in it has to be looked for, or can be
//! wrong: to parse JSON takes ten times the code, and the page has it.

use std::str::Chars;

use super::super::value::Value;

/// The tree; `None` where there is none.
pub fn unpack(packed: &str) -> Option<Value> {
    let mut reader = Reader(packed.chars());
    if packed.is_empty() { None } else { Some(reader.value()) }
}

struct Reader<'a>(Chars<'a>);

impl Reader<'_> {
    /// A value, which is no deeper than our stack takes: `pack` sees to that.
    fn value(&mut self) -> Value {
        let kind = self.0.next().unwrap_or('n');
        match kind {
            '"' => Value::String(self.string()),
            '#' => Value::Number(f64::from_bits(self.integer())),
            '[' => {
                let mut items = Vec::new();
                for _ in 0..self.integer() {
                    items.push(self.value());
                }
                Value::Array(items)
            }
            '{' => {
                let mut members = Vec::new();
                // Names and values.
                for _ in 0..self.integer() / 2 {
                    self.0.next();
                    members.push((self.string(), self.value()));
                }
                Value::Object(members)
            }
            't' | 'f' => Value::Bool(kind == 't'),
            _ => Value::Null,
        }
    }

    /// Digits, and the blank behind them.
    fn integer(&mut self) -> u64 {
        let mut n = 0;
        while let Some(digit @ '0'..='9') = self.0.next() {
            n = n * 10 + digit as u64 - '0' as u64;
        }
        n
    }

    /// Its length, as JavaScript counts, and its letters.
    fn string(&mut self) -> String {
        let mut units = self.integer() as usize;
        let text = self.0.as_str();
        while units > 0 {
            units = units.saturating_sub(self.0.next().map_or(units, char::len_utf16));
        }
        text[..text.len() - self.0.as_str().len()].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use crate::core::flags::Numbers;

    #[test]
    fn every_kind_is_read() {
        let half = 0.5_f64.to_bits();
        let packed = format!(r##"{{8 "1 a[3 #{half} "4 ä😀"{{0 "0 t"1 xn"1 bf"##);
        let text = r#"{"a":[0.5,"ä😀\"",{}],"":true,"x":null,"b":false}"#;
        assert_eq!(unpack(&packed), parse(text, Numbers::native().parse));
        assert_eq!(unpack(""), None);
    }

    #[test]
    fn what_nobody_packs_does_no_harm() {
        for packed in ["#", "\"9 a", "{4 \"1 a", "[3 t", "x", "\"1", "\"1 😀", "[]"] {
            assert!(unpack(packed).is_some(), "{packed}");
        }
    }
}
