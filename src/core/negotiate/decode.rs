//! From tree to what is spoken and what is offered.

use super::{Comparator, EQUAL, GREATER, LESS, Spoken, Version};
use crate::core::error::Fault;
use crate::core::value::{ARRAY, BOOL, FILLED, First, Node, OBJECT, REQUIRED, STRING, Value, cut};

/// Reads the option `apis`: `{ orders: { speaks: ["3", ">=1 <3"], required: true, carrier, base }, search: ["2026-09-01"] }`.
///
/// `base` and `carrier` stay in JavaScript, which has to do without us if we are lost. For the same reason some entry
/// has to name a version: exactly, or by `>=` or `<=`.
pub fn spoken<'a>(apis: Node<'a>, first: &mut First<'a>) -> Vec<Spoken> {
    let mut all = Vec::new();
    for (name, api) in apis.members() {
        let api = Node::root(api);
        let short = matches!(api.value(), Some(Value::Array(_)));
        let mut spoken = Spoken { name: name.to_owned(), required: false, comparators: Vec::new() };
        if !short {
            first.get(api, "", OBJECT);
            spoken.required = first.get(api, "required", BOOL).is_true();
            carrier(api, true, first);
        }
        let speaks = if short { "" } else { "speaks" };
        let items = first.get(api, speaks, ARRAY).items();
        for (index, value) in items.iter().enumerate() {
            let item = Node::root(value);
            entry(item, index, &mut spoken.comparators, first);
            let range = spoken.comparators.last().is_some_and(|c| c.sides != EQUAL);
            if range && items.iter().take(index).any(|before| before == value) {
                first.wrong(item, "", Fault::RangeSet);
            }
        }
        if spoken.open(&[]).version.is_none() {
            first.wrong(api, speaks, Fault::Missing);
        }
        all.push(spoken);
    }
    all
}

/// Comparators joined by blanks, at most one from below and one from above: `>=2 <4`; or a version.
fn entry<'a>(item: Node<'a>, index: usize, to: &mut Vec<Comparator>, first: &mut First<'a>) {
    let Some(Value::String(text)) = item.value() else {
        if let Some(version) = first.version(item, "") {
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
        first.wrong(item, "", fault);
    }
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

/// Reads a member of the manifest's `apis`.
pub(super) fn supported<'a>(api: Node<'a>, list: &mut Vec<Supported>, first: &mut First<'a>) {
    first.get(api, "", OBJECT);
    for item in first.get(api, "supported", ARRAY | REQUIRED).items() {
        if let Some(version) = first.version(Node::root(item), "") {
            list.push(Supported::bare(version, true));
        }
    }
    for (text, value) in first.get(api, "deprecated", OBJECT).members() {
        let node = Node::root(value);
        let version = Version::parse(text).ok();
        if version.is_none() {
            first.wrong(node, "", Fault::Version);
        }
        first.get(node, "", OBJECT);
        let since = first.time(node, "since").unwrap_or(i64::MIN);
        let sunset = first.time(node, "sunset").unwrap_or(NEVER);
        let link = first.reference(node, "link");
        for l in list.iter_mut() {
            if version.as_ref().is_some_and(|version| l.version.same(version)) {
                (l.since, l.sunset, l.link) = (since, sunset, link.owned());
            }
        }
    }
    if let Some(version) = first.version(api, "preferred") {
        match list.iter_mut().find(|l| l.version.same(&version)) {
            Some(l) => l.preferred = true,
            // What it names may be the one that is wrong.
            None if first.is_none() => first.report(api, "preferred", Fault::Undefined),
            None => {}
        }
    }
    let base = first.reference(api, "base");
    bare(base, first);
    carrier(api, false, first);
}

/// Something comes behind it.
fn bare<'a>(node: Node<'a>, first: &mut First<'a>) {
    if node.text().bytes().any(|b| b == b'?' || b == b'#') {
        first.wrong(node, "", Fault::Path);
    }
}

/// An unknown kind reads as the default, which is that of the app. The app's `own` may name another origin.
fn carrier<'a>(api: Node<'a>, own: bool, first: &mut First<'a>) {
    let node = first.get(api, "carrier", OBJECT);
    for kind in ["path", "query", "header", "accept"] {
        let member = node.member(kind);
        if !member.is_present() {
            continue;
        }
        first.get(member, "", STRING | FILLED);
        let text = member.text();
        if kind == "path" {
            if !own {
                first.reference(member, "");
            }
            bare(member, first);
            if !text.as_bytes().windows(9).any(|w| w == b"{version}") {
                first.wrong(member, "", Fault::Path);
            }
        } else if kind != "query"
            && !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            first.wrong(member, "", Fault::Range);
        }
        return;
    }
    if node.is_present() && !own {
        first.report(node, "", Fault::Unknown);
    }
}
