//! From tree to what is spoken and what is offered.

use super::{EQUAL, GREATER, LESS, is_version, side};
use crate::core::error::Fault;
use crate::core::time::{LONG_AGO, NEVER};
use crate::core::value::{
    ARRAY, BOOL, FILLED, First, NUMBER, Node, OBJECT, REQUIRED, STRING, Value, cut, written,
};

/// Checks the option `apis`: `{ orders: { speaks: ["3", ">=1 <3"], required: true, carrier, base }, search: ["2026-09-01"] }`.
///
/// `base` and `carrier` stay in JavaScript, which has to do without us if we are lost. For the same reason some entry
/// has to name a version: exactly, or by `>=` or `<=`.
pub fn spoken<'a>(apis: Node<'a>, first: &mut First<'a>) {
    for (_, own) in apis.members() {
        let api = Node::root(own);
        let short = api.value().is_some_and(|api| api.kind() == ARRAY);
        if !short {
            first.get(api, "", OBJECT);
            first.get(api, "required", BOOL);
            carrier(api, true, first);
        }
        let list = if short { "" } else { "speaks" };
        first.get(api, list, ARRAY);
        let mut all = 0;
        for (index, value) in speaks(own).iter().enumerate() {
            let item = Node::root(value);
            let sides = entry(item, first);
            all |= sides;
            if sides != EQUAL
                && speaks(own).iter().take(index).any(|before| Node::root(before).text() == item.text())
            {
                first.wrong(item, "", Fault::RangeSet);
            }
        }
        if all & EQUAL == 0 {
            first.wrong(api, list, Fault::Missing);
        }
    }
}

/// The entries of an API's `speaks`, best first.
pub(super) fn speaks(own: &Value) -> &Vec<Value> {
    Node::root(own.get("speaks").unwrap_or(own)).items()
}

/// The next comparator of an entry: on which sides of which version it holds; 0 behind the last one. An exact version is `=`
/// of it.
pub(super) fn comparator<'t>(rest: &mut &'t str, version: &mut &'t str) -> u8 {
    while !rest.is_empty() {
        let (part, more) = cut(rest, b' ');
        *rest = more.unwrap_or("");
        let mut at = 1;
        let mut sides = match part.as_bytes().first() {
            None => continue,
            Some(b'<') => LESS,
            Some(b'>') => GREATER,
            sign => {
                at = (sign == Some(&b'=')) as usize;
                EQUAL
            }
        };
        if sides != EQUAL && part.as_bytes().get(1) == Some(&b'=') {
            (sides, at) = (sides | EQUAL, 2);
        }
        *version = part.get(at..).unwrap_or("");
        return sides;
    }
    0
}

/// Checks an entry: a version, or comparators joined by blanks, at most one from below and one from above (`>=2 <4`). Gives
/// their sides.
fn entry<'a>(item: Node<'a>, first: &mut First<'a>) -> u8 {
    let text = first.get(item, "", STRING | NUMBER).value().map_or(String::new(), written);
    let mut rest = &text[..];
    let (mut all, mut before, mut version) = (0, "", "");
    while let sides @ 1.. = comparator(&mut rest, &mut version) {
        if !is_version(version) {
            first.wrong(item, "", Fault::Version);
        } else if all != 0 {
            // Each bounds the other side, and something lies between them.
            let side = side(version, before);
            if side & all == 0
                || (side == EQUAL && sides & EQUAL == 0)
                || (sides ^ all) & (LESS | GREATER) != LESS | GREATER
                || sides == EQUAL
            {
                first.wrong(item, "", Fault::RangeSet);
            }
        }
        (all, before) = (all | sides, version);
    }
    if all == 0 {
        first.wrong(item, "", Fault::Version);
    }
    all
}

/// A version that the servers speak.
#[derive(Clone)]
pub(super) struct Supported<'a> {
    pub version: String,
    /// As far as is known.
    pub served: bool,
    pub preferred: bool,
    /// Since when it is deprecated, in ms since 1970.
    pub since: i64,
    /// From when on it is not served any more, in ms since 1970.
    pub sunset: i64,
    pub link: Node<'a>,
}

impl Supported<'_> {
    /// Nothing but the version is known.
    pub fn bare(version: String) -> Self {
        Supported {
            version,
            served: true,
            preferred: false,
            since: NEVER,
            sunset: NEVER,
            link: Node::default(),
        }
    }

    /// Whether it is this version.
    pub fn is(&self, version: &str) -> bool {
        side(&self.version, version) == EQUAL
    }
}

/// Reads a member of the manifest's `apis`.
pub(super) fn supported<'a>(api: Node<'a>, list: &mut Vec<Supported<'a>>, first: &mut First<'a>) {
    first.get(api, "", OBJECT);
    for item in first.get(api, "supported", ARRAY | REQUIRED).items() {
        if let Some(version) = first.version(Node::root(item), "") {
            list.push(Supported::bare(version.into_text()));
        }
    }
    for (text, value) in first.get(api, "deprecated", OBJECT).members() {
        let node = Node::root(value);
        if !is_version(text) {
            first.wrong(node, "", Fault::Version);
        }
        first.get(node, "", OBJECT);
        let since = match first.time(node, "since") {
            NEVER => LONG_AGO,
            since => since,
        };
        let sunset = first.time(node, "sunset");
        let link = first.reference(node, "link");
        for l in list.iter_mut() {
            if l.is(text) {
                (l.since, l.sunset, l.link) = (since, sunset, link);
            }
        }
    }
    if let Some(wish) = first.version(api, "preferred") {
        let mut listed = false;
        for l in list.iter_mut() {
            l.preferred = l.is(wish.as_str());
            listed |= l.preferred;
        }
        // What it names may be the one that is wrong.
        if !listed && first.is_none() {
            first.report(api, "preferred", Fault::Undefined);
        }
    }
    let base = first.reference(api, "base");
    bare(base, first);
    carrier(api, false, first);
}

/// Something comes behind it.
fn bare<'a>(node: Node<'a>, first: &mut First<'a>) {
    for b in node.text().as_bytes() {
        if *b == b'?' || *b == b'#' {
            first.wrong(node, "", Fault::Path);
        }
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
        } else if kind != "query" {
            for b in text.as_bytes() {
                if !b.is_ascii_alphanumeric() && *b != b'-' && *b != b'_' {
                    first.wrong(member, "", Fault::Range);
                }
            }
        }
        return;
    }
    if node.is_present() && !own {
        first.report(node, "", Fault::Unknown);
    }
}
