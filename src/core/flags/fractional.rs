//! Bucketing: the same person falls into the same bucket, in every implementation of flagd.

use super::super::value::{ARRAY, Value};

/// Which bytes of the bucketing key are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucketing {
    /// Version 2: the UTF-8 of a string.
    Text,
    /// Version 3: the deterministic CBOR (RFC 8949, section 4.2.1) of any JSON value.
    Cbor,
}

/// The most that all weights may add up to.
const MAX_TOTAL: f64 = 2147483647.0;

/// The variant that a hash falls to; `None` where an entry is wrong or nothing weighs anything.
pub fn choose<'a>(hash: u32, entries: &[&'a Value]) -> Option<&'a Value> {
    let mut total = 0.0;
    for entry in entries {
        total += weight(entry);
    }
    if total.is_nan() || total > MAX_TOTAL {
        return None;
    }
    let bucket = ((hash as u64 * total as u64) >> 32) as f64;
    let mut end = 0.0;
    for entry in entries {
        end += weight(entry);
        if bucket < end {
            return entry.items().first();
        }
    }
    None
}

/// The weight of `[variant]` or `[variant, weight]`; not a number for anything else.
fn weight(entry: &Value) -> f64 {
    match entry.items() {
        [variant, ..] if variant.kind() >= ARRAY => f64::NAN,
        [_] => 1.0,
        [_, Value::Number(weight)] if weight.trunc() == *weight => weight.max(0.0),
        _ => f64::NAN,
    }
}

/// murmur3_x86_32 with seed 0, byte by byte.
#[derive(Default)]
pub struct Hash {
    hash: u32,
    /// The last bytes, the newest one highest.
    block: u32,
    length: u32,
    #[cfg(test)]
    bytes: Vec<u8>,
}

impl Hash {
    /// The hash of all that went in.
    pub fn end(self) -> u32 {
        // An empty rest mixes in nothing: 0 times anything is 0.
        let missing = 4 - self.length % 4;
        let rest = if missing < 4 { self.block >> (8 * missing) } else { 0 };
        let mut hash = mixed(self.hash, rest) ^ self.length;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }

    fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    /// The UTF-8 of a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        #[cfg(test)]
        self.bytes.extend(bytes);
        let Hash { mut hash, mut block, mut length, .. } = *self;
        for byte in bytes {
            block = block >> 8 | (*byte as u32) << 24;
            length += 1;
            if length % 4 == 0 {
                hash = mixed(hash, block).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            }
        }
        (self.hash, self.block, self.length) = (hash, block, length);
    }

    /// The deterministic CBOR of a value.
    pub fn encode(&mut self, value: &Value) {
        match value {
            Value::Null => self.byte(0xf6),
            Value::Bool(truth) => self.byte(0xf4 + *truth as u8),
            Value::Number(number) => self.number(*number),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.head(4, items.len() as u64);
                for item in items {
                    self.encode(item);
                }
            }
            Value::Object(members) => {
                self.head(5, members.len() as u64);
                // In the order of the encoded names, the shorter ones first: each time the lowest of those that are left.
                let mut last = None;
                for _ in members {
                    let mut lowest = None;
                    for member in members {
                        if last.is_none_or(|last| below(last, member))
                            && lowest.is_none_or(|lowest| below(member, lowest))
                        {
                            lowest = Some(member);
                        }
                    }
                    let Some((name, value)) = lowest else { break };
                    self.string(name);
                    self.encode(value);
                    last = lowest;
                }
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.text(text);
    }

    fn number(&mut self, number: f64) {
        if number.trunc() == number && (-9223372036854775808.0..18446744073709551616.0).contains(&number) {
            // CBOR's -1 - n is the complement.
            return if number < 0.0 {
                self.head(1, !(number as i64) as u64)
            } else {
                self.head(0, number as u64)
            };
        }
        let single = number as f32;
        let bits = single.to_bits();
        if single as f64 != number {
            self.put(0xfb, number.to_bits(), 8);
        } else if let Some(half) = half(bits) {
            self.put(0xf9, half.into(), 2);
        } else {
            self.put(0xfa, bits.into(), 4);
        }
    }

    /// The type and the length, or the number itself, in the fewest bytes.
    pub fn head(&mut self, major: u8, n: u64) {
        let (code, bytes) = match n {
            0..24 => (n as u8, 0),
            24..0x100 => (24, 1),
            0x100..0x1_0000 => (25, 2),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 8),
        };
        self.put(major << 5 | code, n, bytes);
    }

    /// A byte, and so many of a number, the highest first.
    fn put(&mut self, code: u8, n: u64, bytes: u8) {
        self.byte(code);
        for i in (0..bytes).rev() {
            self.byte((n >> (i * 8)) as u8);
        }
    }
}

/// Whether a member comes before another one.
fn below((a, _): &(String, Value), (b, _): &(String, Value)) -> bool {
    (a.len(), a) < (b.len(), b)
}

/// A hash with a block more in it.
#[inline(always)]
fn mixed(hash: u32, block: u32) -> u32 {
    hash ^ block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// The bits of a half-precision float of the same value, where there is one.
fn half(single: u32) -> Option<u16> {
    let sign = (single >> 16 & 0x8000) as u16;
    let exponent = (single >> 23 & 0xff) as i32 - 127;
    let mantissa = single & 0x7f_ffff;
    // A subnormal half keeps the leading one in its mantissa, and fewer digits.
    let (digits, dropped) = match exponent {
        -14..=15 => (((exponent + 15) as u32) << 23 | mantissa, 13),
        -24..=-15 => (mantissa | 0x80_0000, (-1 - exponent) as u32),
        _ => return None,
    };
    (digits.trailing_zeros() >= dropped).then_some(sign | (digits >> dropped) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        super::super::super::value::read(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    /// The CBOR of a value, hashed.
    fn cbor(text: &str) -> Hash {
        encoded(&json(text))
    }

    fn encoded(value: &Value) -> Hash {
        let mut hash = Hash::default();
        hash.encode(value);
        hash
    }

    /// The text itself, hashed.
    fn utf_8(text: &str) -> Hash {
        let mut hash = Hash::default();
        hash.text(text);
        hash
    }

    fn hex(hash: &Hash) -> String {
        hash.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bucket out of `of` equal ones.
    fn bucket(hash: Hash, of: usize) -> f64 {
        let entries: Vec<Value> =
            (0..of).map(|n| Value::Array(vec![Value::Number(n as f64), Value::Number(1.0)])).collect();
        let chosen = choose(hash.end(), &entries.iter().collect::<Vec<_>>()).unwrap();
        chosen.as_f64().unwrap()
    }

    /// The vectors of `conformance/README.md`.
    #[test]
    fn keys_are_encoded_and_hashed_and_fall_into_their_buckets() {
        for (key, text, encoded, hash, of_100) in [
            (r#""hello""#, Some((613153351, 14.0)), "6568656c6c6f", 4281677218, 99.0),
            (r#""user-1""#, Some((4171401059, 97.0)), "66757365722d31", 1431628768, 33.0),
            (r#""user-é""#, Some((3418645155, 79.0)), "67757365722dc3a9", 1610058368, 37.0),
            (r#""日本""#, Some((3302619458, 76.0)), "66e697a5e69cac", 16051391, 0.0),
            (
                r#""new-checkoutuser-1""#,
                Some((1954156369, 45.0)),
                "726e65772d636865636b6f7574757365722d31",
                2725365741,
                63.0,
            ),
            ("0", None, "00", 1364076727, 31.0),
            ("1", None, "01", 3831157163, 89.0),
            ("-1", None, "20", 2129959832, 49.0),
            ("42", None, "182a", 1424811390, 33.0),
            ("1000", None, "1903e8", 2870779119, 66.0),
            ("-0", None, "00", 1364076727, 31.0),
            ("1.5", None, "f93e00", 346941878, 8.0),
            ("0.1", None, "fb3fb999999999999a", 109103420, 2.0),
            ("true", None, "f5", 836216331, 19.0),
            ("false", None, "f4", 116478471, 2.0),
            (
                r#"["new-checkout","user-1"]"#,
                None,
                "826c6e65772d636865636b6f757466757365722d31",
                2132831605,
                49.0,
            ),
            (r#"{"b":1,"a":2}"#, None, "a2616102616201", 2582000819, 60.0),
        ] {
            if let Some((hash, of_100)) = text {
                let Value::String(text) = json(key) else { panic!("{key} is a string") };
                assert_eq!(utf_8(&text).end(), hash, "version 2 of {key}");
                assert_eq!(bucket(utf_8(&text), 100), of_100, "version 2 of {key}");
            }
            assert_eq!(hex(&cbor(key)), encoded, "{key}");
            assert_eq!(cbor(key).end(), hash, "{key}");
            assert_eq!(bucket(cbor(key), 100), of_100, "{key}");
        }
    }

    /// From flagd's own suite (open-feature/flagd-testbed, gherkin/targeting.feature, `@fractional-v3`).
    #[test]
    fn keys_of_version_3_fall_into_the_buckets_of_flagds_own_suite() {
        for (key, of_25) in [
            (r#""user1""#, 22),
            ("123", 20),
            ("1.23", 14),
            (r#""1.23""#, 4),
            ("-2.0", 12),
            ("9007199254740992.0", 10),
            ("2147483648", 25),
            ("-2147483649", 18),
            ("9007199254740991", 2),
            ("23", 21),
            ("24", 11),
            ("255", 13),
            ("256", 13),
            ("65535", 4),
            ("65536", 11),
            ("4294967295", 14),
            ("4294967296", 19),
            ("-24", 4),
            ("-25", 16),
            ("1e20", 19),
            ("-1e20", 25),
            ("65504.0", 16),
            ("0.00006103515625", 22),
            ("0.000000059604644775390625", 23),
            ("65505.0", 17),
            ("3.4028234663852886e+38", 10),
            ("1.1754943508222875e-38", 24),
            ("3.5e+38", 1),
            ("1.7976931348623157e+308", 17),
            ("2.2250738585072014e-308", 11),
            ("4.9406564584124654e-324", 2),
            (r#"{"z":1,"aa":2}"#, 21),
            (r#"{"b":2,"a":{"b":1}}"#, 9),
            (r#"{"c":"text","bbb":1,"a":true,"dddd":2.5}"#, 25),
            (r#"{"ÿ":2,"aaa":1}"#, 12),
            (r#"{"c":0.0,"b":-0.0,"a":{"b":1}}"#, 8),
            (r#"{"café":"façade","b":{"résumé":{"ÿ":true}}}"#, 22),
            ("{}", 3),
            (r#"{"a":[1,[],3],"b":null}"#, 3),
            (r#"{"x":[{"a":1},{"b":2},{"b":null}]}"#, 3),
            (r#""""#, 4),
            (r#""12345678901234567890123""#, 4),
            (r#""123456789012345678901234""#, 14),
            // The suite means these letter by letter: a backslash, a u, …
            (r#""\\uD83D\\uDE00""#, 23),
            (r#""A\\u0000B""#, 15),
            (r#""あいうえおかきく""#, 16),
        ] {
            assert_eq!(bucket(cbor(key), 25) + 1.0, of_25 as f64, "{key}");
        }
        for (length, of_25) in [(255, 18), (256, 7)] {
            let key = Value::String("a".repeat(length));
            assert_eq!(bucket(encoded(&key), 25) + 1.0, of_25 as f64, "{length} letters");
        }
    }

    #[test]
    fn integers_reach_from_minus_two_to_the_63_to_below_two_to_the_64() {
        assert_eq!(hex(&cbor("-9223372036854775808")), "3b7fffffffffffffff");
        assert_eq!(hex(&cbor("18446744073709549568")), "1bfffffffffffff800");
        assert_eq!(hex(&cbor("18446744073709551616")), "fa5f800000");
        assert_eq!(hex(&cbor("-9223372036854777856")), "fbc3e0000000000001");
    }

    #[test]
    fn floats_take_the_shortest_form_that_keeps_them() {
        for (number, encoded) in [
            ("0.5", "f93800"),
            ("-4.5", "f9c480"),
            ("65503.5", "fa477fdf80"),
            ("0.00006103515625", "f90400"),
            ("0.000030517578125", "f90200"),
            ("5.960464477539063e-8", "f90001"),
            ("8.940696716308594e-8", "fa33c00000"),
            ("2.9802322387695312e-8", "fa33000000"),
            ("1.1", "fb3ff199999999999a"),
            ("1e300", "fb7e37e43c8800759c"),
            ("100000.5", "fa47c35040"),
        ] {
            assert_eq!(hex(&cbor(number)), encoded, "{number}");
        }
    }

    /// Hashes at the edges, found by search (open-feature/flagd-testbed).
    #[test]
    fn the_smallest_and_the_largest_hash_fall_into_the_first_and_the_last_bucket() {
        for (key, hash) in [
            ("ejOoVL", 0),
            ("bY9fO-", 1),
            ("SI7p-", i32::MAX as u32),
            ("6LvT0", i32::MAX as u32 + 1),
            ("ceQdGm", u32::MAX),
        ] {
            assert_eq!(utf_8(key).end(), hash, "{key}");
        }
        assert_eq!(bucket(utf_8("ejOoVL"), 2), 0.0);
        assert_eq!(bucket(utf_8("SI7p-"), 2), 0.0);
        assert_eq!(bucket(utf_8("6LvT0"), 2), 1.0);
        assert_eq!(bucket(utf_8("ceQdGm"), 2), 1.0);
    }

    fn chosen(key: &str, entries: &str) -> Option<Value> {
        let Value::Array(entries) = json(entries) else { panic!("entries are a list") };
        choose(utf_8(key).end(), &entries.iter().collect::<Vec<_>>()).cloned()
    }

    #[test]
    fn the_first_entry_whose_cumulative_weight_is_above_the_bucket_wins() {
        // hello: bucket 14 of 100
        assert_eq!(chosen("hello", r#"[["a",14],["b",86]]"#), Some("b".into()));
        assert_eq!(chosen("hello", r#"[["a",15],["b",85]]"#), Some("a".into()));
        assert_eq!(chosen("hello", r#"[["a",0],["b",0],["c",100]]"#), Some("c".into()));
    }

    #[test]
    fn a_weight_is_one_by_default_and_negative_ones_count_as_zero() {
        assert_eq!(chosen("hello", r#"[["a"]]"#), Some("a".into()));
        assert_eq!(chosen("hello", r#"[["a"],["b",6]]"#), Some("a".into()));
        assert_eq!(chosen("hello", r#"[["a",-50],["b",1]]"#), Some("b".into()));
    }

    #[test]
    fn weights_are_integers_that_add_up_to_at_most_two_to_the_31_minus_one() {
        assert_eq!(chosen("hello", r#"[["a",2147483647]]"#), Some("a".into()));
        for wrong in [
            r#"[["a",2147483648]]"#,
            r#"[["a",2147483647],["b",1]]"#,
            r#"[["a",1e300]]"#,
            r#"[["a",25.5]]"#,
            r#"[["a","25"]]"#,
            r#"[["a",null]]"#,
            r#"[["a",1],["b",true]]"#,
        ] {
            assert_eq!(chosen("hello", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_total_of_zero_chooses_nothing() {
        assert_eq!(chosen("hello", r#"[["a",0],["b",0]]"#), None);
        assert_eq!(chosen("hello", r#"[["a",-1]]"#), None);
        assert_eq!(chosen("hello", "[]"), None);
    }

    #[test]
    fn variants_may_be_strings_numbers_booleans_and_null_but_nothing_else() {
        for (entry, variant) in [
            (r#"[["a"]]"#, Value::from("a")),
            ("[[1]]", 1.0.into()),
            ("[[true]]", true.into()),
            ("[[null]]", Value::Null),
        ] {
            assert_eq!(chosen("hello", entry), Some(variant), "{entry}");
        }
        for wrong in ["[[[]]]", "[[{}]]", "[[]]", r#"["a"]"#, r#"[["a",1,2]]"#, "[1]", r#"[["a"],null]"#] {
            assert_eq!(chosen("hello", wrong), None, "{wrong}");
        }
    }
}
