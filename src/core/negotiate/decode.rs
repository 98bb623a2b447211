//! From tree to what is spoken and what is offered.

use super::{Comparator, EQUAL, GREATER, LESS, Spoken, Version};
use crate::core::error::{Fault, Flaw};
use crate::core::value::{First, Node, Value, cut};

/// Reads the option `apis`: `{ orders: { speaks: ["3", ">=1 <3"], required: true, carrier, base }, search: ["2026-09-01"] }`.
///
/// `base` and `carrier` stay in JavaScript, which has to do without us if we are lost. For the same reason some entry
/// has to name a version: exactly, or by `>=` or `<=`.
pub fn spoken(node: &Node, first: &mut First) -> Vec<Spoken> {
    let mut all = Vec::new();
    for (name, api) in first.members(node) {
        let short = matches!(api.value(), Some(Value::Array(_)));
        let long = api.member("speaks");
        let speaks = if short { &api } else { &long };
        let mut spoken = Spoken { name: name.to_owned(), required: false, comparators: Vec::new() };
        if !short {
            first.object(&api);
            spoken.required = first.or(api.member("required").bool()).unwrap_or(false);
            carrier(&api, true, first, &mut Vec::new());
        }
        for (index, item) in first.items(speaks).enumerate() {
            entry(&item, index, &mut spoken.comparators, first);
            let range = spoken.comparators.last().is_some_and(|c| c.sides != EQUAL);
            if let Some(Value::Array(items)) = speaks.value()
                && range
                && items.iter().take(index).any(|before| Some(before) == item.value())
            {
                first.wrong(&item, Fault::RangeSet);
            }
        }
        if spoken.open(&[]).version.is_none() {
            first.wrong(speaks, Fault::Missing);
        }
        all.push(spoken);
    }
    all
}

/// Comparators joined by blanks, at most one from below and one from above: `>=2 <4`; or a version.
fn entry(item: &Node, index: usize, to: &mut Vec<Comparator>, first: &mut First) {
    let Some(Value::String(text)) = item.value() else {
        if let Some(version) = version(item, first) {
            to.push(Comparator { entry: index, sides: EQUAL, version });
        }
        return;
    };
    let start = to.len();
    let mut fault = Fault::Version;
    let mut wrong = true;
    let mut rest = Some(text.as_str());
    while let Some(parts) = rest {
        let (part, more) = cut(parts, b' ');
        rest = more;
        let (sides, length) = match part.as_bytes() {
            [] => continue,
            [b'>', b'=', ..] => (GREATER | EQUAL, 2),
            [b'<', b'=', ..] => (LESS | EQUAL, 2),
            [b'>', ..] => (GREATER, 1),
            [b'<', ..] => (LESS, 1),
            [b'=', ..] => (EQUAL, 1),
            _ => (EQUAL, 0),
        };
        let Ok(version) = Version::parse(&part[length..]) else {
            (fault, wrong) = (Fault::Version, true);
            break;
        };
        wrong = false;
        if let Some(before) = to.get(start) {
            let side = before.side(&version);
            // Each bounds the other side, and something lies between them.
            let between = side & before.sides != 0 && (side != EQUAL || sides & EQUAL != 0);
            wrong = !between
                || (sides | before.sides) & (LESS | GREATER) != LESS | GREATER
                || to.len() > start + 1;
            fault = Fault::RangeSet;
        }
        if wrong {
            break;
        }
        to.push(Comparator { entry: index, sides, version });
    }
    if wrong {
        first.wrong(item, fault);
    }
}

/// A version that has to be there.
fn version(item: &Node, first: &mut First) -> Option<Version> {
    if !item.is_present() {
        first.wrong(item, Fault::Type);
    }
    first.or(item.version())
}

/// In place of a time.
pub(super) const NEVER: i64 = i64::MAX;

/// A version that the servers speak.
pub(super) struct Supported {
    pub version: Version,
    /// By the manifest; otherwise only by what a refusal told.
    pub served: bool,
    pub preferred: bool,
    /// Since when it is deprecated, in ms since 1970.
    pub since: i64,
    /// From when on it is not served any more, in ms since 1970.
    pub sunset: i64,
    pub link: Option<String>,
}

impl Supported {
    /// Nothing but the version is known.
    pub fn bare(version: Version, served: bool) -> Self {
        Supported { version, served, preferred: false, since: NEVER, sunset: NEVER, link: None }
    }
}

/// Reads a member of the manifest's `apis`. What is odd but can be used is added to `reports`.
pub(super) fn supported(api: &Node, list: &mut Vec<Supported>, reports: &mut Vec<Flaw>) -> Result<(), Flaw> {
    let mut first = First::default();
    first.object(api);
    let versions = api.member("supported");
    if !versions.is_present() {
        first.wrong(&versions, Fault::Missing);
    }
    for item in first.items(&versions) {
        if let Some(version) = version(&item, &mut first) {
            list.push(Supported::bare(version, true));
        }
    }
    let deprecated = api.member("deprecated");
    for (text, node) in first.members(&deprecated) {
        let version = first.or(Version::parse(text).map(Some).map_err(|fault| node.flaw(fault)));
        first.object(&node);
        let since = first.or(node.member("since").time()).unwrap_or(i64::MIN);
        let sunset = first.or(node.member("sunset").time()).unwrap_or(NEVER);
        let link = first.or(node.member("link").reference());
        for l in list.iter_mut() {
            if version.as_ref().is_some_and(|version| l.version.same(version)) {
                (l.since, l.sunset, l.link) = (since, sunset, link.map(str::to_owned));
            }
        }
    }
    let wish = api.member("preferred");
    if let Some(version) = first.or(wish.version()) {
        match list.iter_mut().find(|l| l.version.same(&version)) {
            Some(l) => l.preferred = true,
            // What it names may be the one that is wrong.
            None if first.is_none() => reports.push(wish.flaw(Fault::Undefined)),
            None => {}
        }
    }
    let base = api.member("base");
    let text = first.or(base.reference());
    bare(&base, text.unwrap_or(""), &mut first);
    carrier(api, false, &mut first, reports);
    first.flaw().map_or(Ok(()), Err)
}

/// Something comes behind it.
fn bare(node: &Node, text: &str, first: &mut First) {
    if text.bytes().any(|b| b == b'?' || b == b'#') {
        first.wrong(node, Fault::Path);
    }
}

/// An unknown kind reads as the default, which is that of the app. The app's `own` may name another origin.
fn carrier(api: &Node, own: bool, first: &mut First, reports: &mut Vec<Flaw>) {
    let node = api.member("carrier");
    first.object(&node);
    for kind in ["path", "query", "header", "accept"] {
        let member = node.member(kind);
        if !member.is_present() {
            continue;
        }
        let text = first.or(member.required_string());
        if kind == "path" {
            if !own {
                first.or(member.reference());
            }
            bare(&member, text, first);
            if !text.as_bytes().windows(9).any(|w| w == b"{version}") {
                first.wrong(&member, Fault::Path);
            }
        } else if kind != "query"
            && !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            first.wrong(&member, Fault::Range);
        }
        return;
    }
    if matches!(node.value(), Some(Value::Object(_))) {
        reports.push(node.flaw(Fault::Unknown));
    }
}
