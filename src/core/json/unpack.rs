//! Reads what `pack` of `pkg-template/src/glue.ts` has made of a JSON value. Nothing in it has to be looked for, or can be
//! wrong: to parse JSON takes ten times the code, and the page has it.

use super::super::value::Value;

/// The tree; `null` where there is none.
pub fn unpack(packed: &str) -> Value {
    Reader { packed, at: 0 }.value()
}

struct Reader<'a> {
    packed: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// The next byte; 0 at the end. (To go by letters takes a decoder.)
    fn next(&mut self) -> u8 {
        let byte = self.packed.as_bytes().get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// A value, which is no deeper than our stack takes: `pack` sees to that.
    fn value(&mut self) -> Value {
        let kind = self.next();
        match kind {
            b'"' => Value::String(self.string()),
            b'#' => Value::Number(f64::from_bits(self.integer())),
            b'[' => {
                let mut items = Vec::new();
                for _ in 0..self.integer() {
                    items.push(self.value());
                }
                Value::Array(items)
            }
            b'{' => {
                let mut members = Vec::new();
                // Names and values.
                for _ in 0..self.integer() / 2 {
                    self.next();
                    members.push((self.string(), self.value()));
                }
                Value::Object(members)
            }
            b't' | b'f' => Value::Bool(kind == b't'),
            _ => Value::Null,
        }
    }

    /// Digits, and the blank behind them.
    fn integer(&mut self) -> u64 {
        let mut n = 0;
        while let digit @ b'0'..=b'9' = self.next() {
            n = n * 10 + u64::from(digit - b'0');
        }
        n
    }

    /// Its length, as JavaScript counts, and its letters.
    fn string(&mut self) -> String {
        let mut units = self.integer() as i64;
        let from = self.at;
        while let Some(byte) = self.packed.as_bytes().get(self.at) {
            // A letter counts where it begins: as two, if it takes four bytes.
            units -= i64::from(byte & 0xc0 != 0x80) + i64::from(*byte >= 0xf0);
            if units < 0 {
                break;
            }
            self.at += 1;
        }
        self.packed.get(from..self.at).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::value::{NULL, NUMBER, STRING};
    use super::super::parse;
    use super::*;
    use crate::core::flags::Numbers;

    #[test]
    fn every_kind_is_read() {
        let half = 0.5_f64.to_bits();
        let packed = format!(r##"{{8 "1 a[3 #{half} "4 ä😀"{{0 "0 t"1 xn"1 bf"##);
        let text = r#"{"a":[0.5,"ä😀\"",{}],"":true,"x":null,"b":false}"#;
        assert_eq!(Some(unpack(&packed)), parse(text, Numbers::native().parse));
        assert_eq!(unpack(""), Value::Null);
    }

    #[test]
    fn what_nobody_packs_does_no_harm() {
        for (packed, length) in [("[3 t", 3), ("{4 \"1 a", 2), ("[]", 0), ("[2 \"9 a", 2), ("[1 \"1 😀", 1)]
        {
            let tree = unpack(packed);
            assert_eq!(tree.items().len() + tree.members().len(), length, "{packed}");
        }
        for (packed, kind) in [("#", NUMBER), ("\"9 a", STRING), ("x", NULL), ("\"1", STRING)] {
            assert_eq!(unpack(packed).kind(), kind, "{packed}");
        }
    }
}
