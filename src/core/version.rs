//! The order of versions: integers, dotted numbers of 1 to 4 parts with an optional semver pre-release,
//! and ISO dates that exist.

use std::cmp::Ordering;

use super::error::Fault;
use super::time::is_day;
use super::value::cut;

/// A version as its publisher wrote it, known to be well-formed.
///
/// Compared by [`Version::order`]: semver precedence, build metadata ignored, missing parts are zero.
/// Digits are compared as text, so no number is too large.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    /// Where the numbers end in `text`.
    numbers: usize,
    /// Where the pre-release ends: build metadata, if any, stands behind it.
    end: usize,
    date: bool,
}

impl Version {
    /// Reads a version, or says [`Fault::Version`].
    pub fn parse(text: &str) -> Result<Version, Fault> {
        let version = |numbers, end, date| Version { text: text.to_owned(), numbers, end, date };
        if let Some(exists) = is_day(text) {
            return if exists { Ok(version(text.len(), text.len(), true)) } else { Err(Fault::Version) };
        }
        let (version_itself, metadata) = cut(text, b'+');
        let (numbers, prerelease) = cut(version_itself, b'-');
        let parts = identifiers(numbers, all_digits);
        if !(1..=4).contains(&parts)
            // semver 2.0.0, item 9: numeric identifiers have no leading zeros
            || prerelease.is_some_and(|ids| {
                identifiers(ids, |id| is_word(id) && !(id.len() > 1 && id.as_bytes()[0] == b'0' && all_digits(id))) == 0
            })
            || metadata.is_some_and(|ids| identifiers(ids, is_word) == 0)
        {
            return Err(Fault::Version);
        }
        let (numbers, end) = (numbers.len(), version_itself.len());
        Ok(version(numbers, end, false))
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a pre-release (`4.0.0-rc.1`).
    pub fn is_prerelease(&self) -> bool {
        self.numbers < self.end
    }

    /// Whether it is an ISO date.
    pub fn is_date(&self) -> bool {
        self.date
    }

    /// The order of two versions, where they are of one kind: dates and the others do not compare.
    pub fn order(&self, other: &Version) -> Option<Ordering> {
        if self.date != other.date {
            return None;
        }
        if self.date {
            // four digits, two, two: the order of the text is the order of the days
            return Some(self.text.cmp(&other.text));
        }
        let order = self.by_numbers(other, 4);
        Some(match (self.is_prerelease(), other.is_prerelease()) {
            _ if order != Ordering::Equal => order,
            (false, false) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (true, true) => by_prerelease(
                &self.text[self.numbers + 1..self.end],
                &other.text[other.numbers + 1..other.end],
            ),
        })
    }

    /// The order by the first `parts` numbers alone, of what is no date.
    pub fn by_numbers(&self, other: &Version, parts: u8) -> Ordering {
        let (mut a, mut b) = (&self.text[..self.numbers], &other.text[..other.numbers]);
        for _ in 0..parts {
            let ((x, more), (y, others)) = (cut(a, b'.'), cut(b, b'.'));
            let order = by_number(x, y);
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (more.unwrap_or("0"), others.unwrap_or("0"));
        }
        Ordering::Equal
    }

    /// Whether both are the same version: of one kind and equal in order.
    pub fn same(&self, other: &Version) -> bool {
        self.order(other) == Some(Ordering::Equal)
    }

    /// Whether this version is certainly below the other; what does not compare is not.
    pub fn below(&self, other: &Version) -> bool {
        self.order(other) == Some(Ordering::Less)
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// How many identifiers stand between the dots; 0 if one of them is empty or not `well_formed`.
fn identifiers(ids: &str, well_formed: fn(&str) -> bool) -> usize {
    let (mut rest, mut count) = (Some(ids), 0);
    while let Some(ids) = rest {
        let (id, more) = cut(ids, b'.');
        if id.is_empty() || !well_formed(id) {
            return 0;
        }
        (rest, count) = (more, count + 1);
    }
    count
}

fn by_number(a: &str, b: &str) -> Ordering {
    let (a, b) = (without_zeros(a), without_zeros(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn without_zeros(mut digits: &str) -> &str {
    while let Some(rest) = digits.strip_prefix("0") {
        digits = rest;
    }
    digits
}

/// semver 2.0.0, item 11: identifier by identifier; numbers below words, the shorter list below the longer.
fn by_prerelease(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let ((x, more), (y, others)) = (cut(a, b'.'), cut(b, b'.'));
        let order = match (all_digits(x), all_digits(y)) {
            (true, true) => by_number(x, y),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => x.cmp(y),
        };
        match (more, others) {
            _ if order != Ordering::Equal => return order,
            (Some(more), Some(others)) => (a, b) = (more, others),
            _ => return more.is_some().cmp(&others.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

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
                assert_eq!(v(a).order(&v(b)), Some(i.cmp(&j)), "{a} against {b}");
            }
        }
    }

    #[test]
    fn missing_parts_are_zero_and_build_metadata_is_ignored() {
        assert!(v("4").same(&v("4.0.0.0")));
        assert!(v("4.1+a").same(&v("4.1.0+b.7")));
        assert!(v("4.1-rc.1+a").same(&v("4.1.0-rc.1")));
        assert!(v("007").same(&v("7")));
    }

    #[test]
    fn dates_compare_with_dates_only() {
        assert!(v("2026-03-01").below(&v("2026-09-01")));
        assert_eq!(v("2026-03-01").order(&v("2026")), None);
        assert!(!v("2026-03-01").same(&v("2026")) && !v("2026-03-01").below(&v("9999")));
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
            assert_eq!(Version::parse(bad).err(), Some(Fault::Version), "{bad:?}");
        }
        for good in ["2024-02-29", "0001-01-01", "1-0", "1-a-b", "1+01", "2026-1-1", "1-rc.0a"] {
            assert!(Version::parse(good).is_ok(), "{good:?}");
        }
    }
}
