//! JavaScript's `Number` and `String` where there is no JavaScript: tests and tools only.

/// JavaScript's `Number(text)`.
pub fn parse(text: &str) -> f64 {
    let text = text.trim_matches(is_blank);
    let digits = |prefix: &[char]| text.strip_prefix('0').and_then(|rest| rest.strip_prefix(prefix));
    for (prefix, radix) in [(['x', 'X'], 16), (['o', 'O'], 8), (['b', 'B'], 2)] {
        if let Some(digits) = digits(&prefix) {
            let value = |n: f64, c: char| Some(n * radix as f64 + c.to_digit(radix)? as f64);
            return digits.chars().try_fold(0.0, value).filter(|_| !digits.is_empty()).unwrap_or(f64::NAN);
        }
    }
    match text.trim_start_matches(['+', '-']) {
        "" if text.is_empty() => 0.0,
        "Infinity" => text.parse().unwrap_or(f64::NAN),
        // Rust also reads words, and JavaScript does not.
        rest if rest.contains(|c: char| !(c.is_ascii_digit() || ".eE+-".contains(c))) => f64::NAN,
        _ => text.parse().unwrap_or(f64::NAN),
    }
}

/// What JavaScript takes for white space: U+FEFF is, U+0085 is not.
fn is_blank(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// JavaScript's `String(number)`.
pub fn print(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN".to_owned()
        } else {
            format!("{number}").replace("inf", "Infinity")
        };
    }
    let size = number.abs();
    let text = if (1e-6..1e21).contains(&size) { format!("{number}") } else { format!("{number:e}") };
    let text = even(number, text);
    if size < 1.0 { text } else { text.replace('e', "e+") }
}

/// Of two shortest texts that are equally close JavaScript takes the one with the even last digit; Rust rounds up.
fn even(number: f64, mut text: String) -> String {
    let end = text.find('e').unwrap_or(text.len());
    let digits = text[..end].bytes().filter(u8::is_ascii_digit).skip_while(|d| *d == b'0').count();
    // All digits that a number between two shortest texts can have.
    let exact = format!("{number:.800e}");
    let rest: String = exact[..exact.find('e').unwrap_or(0)].chars().filter(char::is_ascii_digit).collect();
    let half = rest.as_bytes().get(digits) == Some(&b'5') && rest[digits + 1..].bytes().all(|d| d == b'0');
    let last = text.as_bytes()[end - 1];
    if half && last % 2 == 1 {
        text.replace_range(end - 1..end, &char::from(last - 1).to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_javascript_reads_them() {
        for (text, number) in [
            ("", 0.0),
            (" \n", 0.0),
            (" 12 ", 12.0),
            ("\u{feff}7\u{a0}", 7.0),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x1F", 31.0),
            ("-1.5", -1.5),
        ] {
            assert_eq!(parse(text), number, "{text:?}");
        }
        assert_eq!(parse("-Infinity"), f64::NEG_INFINITY);
        for text in
            ["abc", "1a", "inf", "nan", "infinity", "0x", "0xg", "1_0", "+-1", "--1", "1 2", ".", "\u{85}7"]
        {
            assert!(parse(text).is_nan(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, text) in [
            (-0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.25e-7, "1.25e-7"),
            (0.000001, "0.000001"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
            (9007199254740993.0, "9007199254740992"),
            (f64::from_bits(0xc30d_eb9e_e957_fc2a), "-1052730259603333.2"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(print(number), text);
        }
    }
}
