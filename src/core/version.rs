//! The order of versions: integers, dotted numbers of 1 to 4 parts with an optional semver pre-release,
//! and ISO dates that exist.

use std::cmp::Ordering;

use super::time::is_day;
use super::value::cut;

/// Whether the text is a version.
pub fn is_version(text: &str) -> bool {
    !key(text).is_empty()
}

/// The order of two texts (semver precedence, build metadata ignored, missing parts are zero), where they are versions of one
/// kind: dates and the others do not compare, nor does what is no version.
pub fn order(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (key(a), key(b));
    if !a.is_empty() && a.first() == b.first() { Some(a.cmp(&b)) } else { None }
}

/// Whether both are the same version.
pub fn same(a: &str, b: &str) -> bool {
    order(a, b) == Some(Ordering::Equal)
}

/// Whether one version is certainly below the other; what does not compare is not.
pub fn below(a: &str, b: &str) -> bool {
    order(a, b) == Some(Ordering::Less)
}

/// Whether the first `parts` numbers are the same, of two versions that are no dates.
pub fn agree(a: &str, b: &str, parts: u8) -> bool {
    key(numbers(a, parts)) == key(numbers(b, parts))
}

// In a key, each below the next. An end is below what could follow.
const END: u8 = 0;
const NUMBER: u8 = 1;
const WORD: u8 = 2;
/// The last byte of a version's key that is no pre-release (`4.0.0-rc.1`).
pub const RELEASE: u8 = 3;
/// The first byte of a date's key; that of the others is `NUMBER`.
const DATE: u8 = 4;

/// What a version is compared by: the order of the keys, byte by byte, is that of the versions. Empty: it is none.
pub fn key(text: &str) -> Vec<u8> {
    let mut key = Vec::new();
    push_key(&mut key, text);
    key
}

/// Appends it.
pub fn push_key(key: &mut Vec<u8>, text: &str) {
    if let Some(exists) = is_day(text) {
        // Four digits, two, two: the order of the text is the order of the days.
        if exists {
            key.push(DATE);
            key.extend_from_slice(text.as_bytes());
            key.push(RELEASE);
        }
        return;
    }
    let (rest, metadata) = cut(text, b'+');
    let (numbers, prerelease) = cut(rest, b'-');
    let mut parts = identifiers(key, numbers, NUMBER);
    let mut sound = parts.wrapping_sub(1) < 4;
    while parts < 4 {
        number(key, b"");
        parts += 1;
    }
    match prerelease {
        Some(ids) => {
            sound &= identifiers(key, ids, WORD) > 0;
            key.push(END);
        }
        None => key.push(RELEASE),
    }
    if let Some(ids) = metadata {
        let length = key.len();
        sound &= identifiers(key, ids, END) > 0;
        key.truncate(length);
    }
    if !sound {
        key.clear();
    }
}

/// Adds what stands between the dots, and says how much that is; 0 if something is not well-formed: `NUMBER` asks for
/// numbers, `WORD` for what a pre-release may have (semver 2.0.0, item 9), `END` for any words.
fn identifiers(key: &mut Vec<u8>, ids: &str, kind: u8) -> u32 {
    let (mut rest, mut count) = (Some(ids), 0);
    while let Some(ids) = rest {
        let (id, more) = cut(ids, b'.');
        let id = id.as_bytes();
        let (mut word, mut digits) = (!id.is_empty(), true);
        for b in id {
            word &= b.is_ascii_alphanumeric() || *b == b'-';
            digits &= b.is_ascii_digit();
        }
        if !word || (kind == NUMBER && !digits) || (kind == WORD && digits && id.len() > 1 && id[0] == b'0') {
            return 0;
        }
        // semver 2.0.0, item 11: numbers below words, the shorter list below the longer.
        if digits {
            number(key, id);
        } else {
            key.push(WORD);
            key.extend_from_slice(id);
            key.push(END);
        }
        (rest, count) = (more, count + 1);
    }
    count
}

/// The longer number is the higher one, so that none is too large.
fn number(key: &mut Vec<u8>, mut digits: &[u8]) {
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    key.push(NUMBER);
    key.extend_from_slice(&(digits.len() as u32).to_be_bytes());
    key.extend_from_slice(digits);
}

/// The first `parts` numbers.
fn numbers(text: &str, parts: u8) -> &str {
    let mut dots = 0;
    for (at, b) in text.bytes().enumerate() {
        dots += (b == b'.') as u8;
        if dots == parts || b == b'-' || b == b'+' {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_rise_in_semver_order() {
        let rising = [
            "0",
            "1-alpha",
            "1-alpha.1",
            "1-alpha.beta",
            "1-beta.2",
            "1-beta.11",
            "1-rc.1",
            "1",
            "1.0.0.1",
            "1.2",
            "1.10",
            "2.0.1",
            "9",
            "10",
            "18446744073709551616",
            "18446744073709551617.1",
        ];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(order(a, b), Some(i.cmp(&j)), "{a} against {b}");
            }
        }
    }

    #[test]
    fn missing_parts_are_zero_and_build_metadata_is_ignored() {
        assert!(same("4", "4.0.0.0"));
        assert!(same("4.1+a", "4.1.0+b.7"));
        assert!(same("4.1-rc.1+a", "4.1.0-rc.1"));
        assert!(same("007", "7"));
    }

    #[test]
    fn dates_compare_with_dates_only() {
        assert!(below("2026-03-01", "2026-09-01"));
        assert_eq!(order("2026-03-01", "2026"), None);
        assert!(!same("2026-03-01", "2026") && !below("2026-03-01", "9999"));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in [
            "",
            "4.x",
            "v4",
            "1.2.3.4.5",
            "1..2",
            ".1",
            "1.",
            "1-",
            "1-a..b",
            "1-01",
            "1+",
            "1+a_b",
            "-1",
            "1 ",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "2025-02-29",
            "1-ü",
            "٣",
        ] {
            assert!(!is_version(bad) && order(bad, bad).is_none(), "{bad:?}");
        }
        for good in ["2024-02-29", "0001-01-01", "1-0", "1-a-b", "1+01", "2026-1-1", "1-rc.0a"] {
            assert!(is_version(good), "{good:?}");
        }
    }
}
