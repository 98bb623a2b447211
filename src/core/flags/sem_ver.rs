//! flagd's `sem_ver`: semantic versions, read leniently.

use super::super::names::{NOWHERE, position};
use super::super::value::cut;
use super::super::version::{agree, is_version, order};
use super::operators::compares;
use super::rule::GREATER_OR_EQUAL;

/// Whether `left operator right`; `None` where an argument is wrong. `^` is the same major, `~` the same major and minor version.
pub fn holds(left: &str, operator: &str, right: &str) -> Option<bool> {
    // The numbers of the comparisons, two of them twice, and then two of its own.
    let operator = position("= != = != < <= > >= ^ ~", operator);
    let (left, right) = (parse(left)?, parse(right)?);
    Some(match operator {
        NOWHERE => return None,
        ..=GREATER_OR_EQUAL => compares(operator, order(left, right)),
        _ => agree(left, right, operator - GREATER_OR_EQUAL),
    })
}

/// A semantic version, or the first one or two numbers of one; a leading `v` is dropped.
fn parse(text: &str) -> Option<&str> {
    let text = match text.as_bytes() {
        [b'v' | b'V', ..] => &text[1..],
        _ => text,
    };
    // Where the pre-release or the build metadata begins.
    let (release, _) = cut(cut(text, b'-').0, b'+');
    let (mut parts, mut rest) = (0, Some(release));
    while let Some(numbers) = rest {
        let (part, more) = cut(numbers, b'.');
        if part.len() > 1 && part.as_bytes()[0] == b'0' {
            return None;
        }
        (parts, rest) = (parts + 1, more);
    }
    // Dates have one part, and go on.
    if parts > 3 || (parts < 3 && release.len() < text.len()) {
        return None;
    }
    is_version(text).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::super::value::{Value, read};
    use super::super::apply;

    fn json(text: &str) -> Value {
        read(&mut serde_json::Deserializer::from_str(text)).expect(text)
    }

    fn sem_ver(left: &str, operator: &str, right: &str) -> Option<bool> {
        let rule = format!(r#"{{"sem_ver":[{left},"{operator}",{right}]}}"#);
        apply(&json(&rule), &Value::Null).expect(&rule).as_bool()
    }

    #[test]
    fn sem_ver_compares_by_semver_precedence() {
        for (left, operator, right, holds) in [
            ("2.0.0", "=", "2.0.0", true),
            ("2.0.0", "!=", "2.0.1", true),
            ("2.1.0", ">", "2.0.9", true),
            ("2.0.0-alpha", "<", "2.0.0", true),
            ("2.0.0-alpha", "<=", "2.0.0-alpha.1", true),
            ("2.0.0-rc.10", ">", "2.0.0-rc.9", true),
            ("10.0.0", ">=", "9.0.0", true),
            ("1.9.0", ">=", "2.0.0", false),
        ] {
            assert_eq!(
                sem_ver(&format!("{left:?}"), operator, &format!("{right:?}")),
                Some(holds),
                "{left} {operator} {right}"
            );
        }
    }

    #[test]
    fn sem_ver_takes_caret_for_the_same_major_and_tilde_for_the_same_major_and_minor_version() {
        for (left, operator, right, holds) in [
            ("3.0.1", "~", "3.0.0", true),
            ("3.1.0", "~", "3.0.0", false),
            ("4.0.1", "~", "3.0.0", false),
            ("3.1.0", "^", "3.9.9", true),
            ("4.0.0", "^", "3.0.0", false),
            // not npm's ranges: lower is fine, and zero is a major version like any other
            ("0.2.0", "^", "0.9.0", true),
            ("1.2.0-rc.1", "~", "1.2.9", true),
            ("1", "^", "1.5.0", true),
            ("1", "~", "1.0.7", true),
            ("1.2+build", "~", "1.2.0", false),
        ] {
            let result = sem_ver(&format!("{left:?}"), operator, &format!("{right:?}"));
            assert_eq!(result.unwrap_or(false), holds, "{left} {operator} {right}");
        }
    }

    #[test]
    fn sem_ver_drops_a_leading_v_pads_ignores_build_metadata_and_coerces_numbers() {
        for (left, right) in [
            (r#""v1.0.0""#, r#""1.0.0""#),
            (r#""V1.0.0""#, r#""v1.0.0""#),
            (r#""1""#, r#""1.0.0""#),
            (r#""1.2""#, r#""1.2.0""#),
            ("1", r#""1.0.0""#),
            ("1.5", r#""v1.5""#),
            (r#""1.0.0+build""#, r#""1.0.0+other.7""#),
        ] {
            assert_eq!(sem_ver(left, "=", right), Some(true), "{left} = {right}");
        }
    }

    #[test]
    fn sem_ver_gives_null_for_what_is_no_version() {
        for wrong in [
            r#""2.0.0.0""#,
            r#""not-a-version""#,
            r#""""#,
            r#""v""#,
            r#""1.x""#,
            r#""1.2-beta""#,
            r#""01.2.3""#,
            r#""1.02""#,
            r#""1.2.3-01""#,
            r#""2026-03-01""#,
            r#""-1""#,
            "-1",
            "true",
            "null",
            "[]",
            "{}",
        ] {
            assert_eq!(sem_ver(wrong, "!=", r#""1.0.0""#), None, "{wrong}");
            assert_eq!(sem_ver(r#""1.0.0""#, "!=", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sem_ver_takes_three_arguments_and_a_known_operator() {
        for rule in [
            r#"{"sem_ver":["1.0.0","==","1.0.0"]}"#,
            r#"{"sem_ver":["1.0.0","===","1.0.0"]}"#,
            r#"{"sem_ver":["1.0.0",null,"1.0.0"]}"#,
            r#"{"sem_ver":["1.0.0","="]}"#,
            r#"{"sem_ver":["1.0.0","=","1.0.0","1.0.0"]}"#,
            r#"{"sem_ver":"1.0.0"}"#,
        ] {
            assert_eq!(apply(&json(rule), &Value::Null), Ok(Value::Null), "{rule}");
        }
    }
}
