//! From tree to what is spoken, and whether what is offered can be used.

use super::{Api, Apis, has, key_of, kind, text};
use crate::core::error::Fault;
use crate::core::names::nth;
use crate::core::time::LONG_AGO;
use crate::core::value::{ARRAY, BOOL, FILLED, First, NUMBER, Node, OBJECT, REQUIRED, STRING, Value, cut};
use crate::core::version::{is_version, push_key};

/// Reads the option `apis`: `{ orders: { speaks: ["3", ">=1 <3"], required: true, carrier, base }, search: ["2026-09-01"] }`.
///
/// `base` and `carrier` stay in JavaScript, which has to do without us if we are lost. For the same reason some entry
/// has to name a version: exactly, or by `>=` or `<=`.
pub fn spoken<'a>(apis: Node<'a>, all: &mut Apis, first: &mut First<'a>) {
    for (name, own) in apis.members() {
        let node = Node::root(own);
        let mut api = Api {
            name: name.clone(),
            required: false,
            spoken: Vec::new(),
            named: Vec::new(),
            version: String::new(),
            refused: Vec::new(),
            told: Value::Null,
            added: LONG_AGO,
            until: LONG_AGO,
        };
        let mut list = "";
        if own.kind() != ARRAY {
            list = "speaks";
            first.get(node, "", OBJECT);
            api.required = first.get(node, "required", BOOL).is_true();
            carrier(node, true, first);
        }
        for item in first.get(node, list, ARRAY).items() {
            entry(Node::root(item), &mut api, first);
        }
        if api.named.is_empty() {
            first.wrong(node, list, Fault::Missing);
        }
        all.apis.push(api);
    }
}

/// Reads an entry: a version, or comparators joined by blanks, at most one from below and one from above (`>=2 <4`).
fn entry<'a>(item: Node<'a>, api: &mut Api, first: &mut First<'a>) {
    let text = text(first.get(item, "", STRING | NUMBER));
    let (mut from, mut to, mut exact) = (Vec::new(), Vec::new(), false);
    let (mut odd, mut rest) = (false, Some(&text[..]));
    while let Some(text) = rest {
        let (part, more) = cut(text, b' ');
        rest = more;
        let (mut sign, mut closed, mut version) = (0, false, part);
        for b in part.as_bytes() {
            match b {
                b'<' | b'>' if sign == 0 && !closed => sign = *b,
                b'=' if !closed => closed = true,
                _ => break,
            }
            version = version.get(1..).unwrap_or("");
        }
        if part.is_empty() {
            continue;
        }
        exact = sign == 0;
        closed |= exact;
        if !is_version(version) {
            first.wrong(item, "", Fault::Version);
        }
        if closed {
            api.named.push(version.into());
        }
        if sign != b'<' {
            odd |= bound(&mut from, version, !closed);
        }
        if sign != b'>' {
            odd |= bound(&mut to, version, closed);
        }
    }
    // An open end is that of the kind.
    let (lower, upper) = (kind(&from), kind(&to));
    if lower | upper == 0 {
        first.wrong(item, "", Fault::Version);
    }
    if lower == 0 {
        from.push(upper);
    }
    if upper == 0 {
        to.push(lower);
        to.push(u8::MAX);
    }
    let mut spoken = &api.spoken[..];
    while let [before, end, rest @ ..] = spoken {
        odd |= !exact && *before == from && *end == to;
        spoken = rest;
    }
    if odd || kind(&from) != kind(&to) || from >= to {
        first.wrong(item, "", Fault::RangeSet);
    }
    api.spoken.push(from);
    api.spoken.push(to);
}

/// Makes a key a bound, or what lies next above it, and says whether there was one.
fn bound(to: &mut Vec<u8>, version: &str, above: bool) -> bool {
    let doubled = !to.is_empty();
    push_key(to, version);
    if above {
        to.push(0);
    }
    doubled
}

/// Looks through a member of the manifest's `apis`.
pub(super) fn check<'a>(api: Node<'a>, first: &mut First<'a>) {
    first.get(api, "", OBJECT);
    let supported = first.get(api, "supported", ARRAY | REQUIRED).items();
    for item in supported {
        first.version(Node::root(item), "");
    }
    for (text, value) in first.get(api, "deprecated", OBJECT).members() {
        let node = Node::root(value);
        if !is_version(text) {
            first.wrong(node, "", Fault::Version);
        }
        first.get(node, "", OBJECT);
        first.time(node, "since");
        first.time(node, "sunset");
        first.reference(node, "link");
    }
    first.version(api, "preferred");
    let preferred = key_of(api.member("preferred"));
    // What it names may be the one that is wrong.
    if !preferred.is_empty() && !has(supported, &preferred) && first.is_none() {
        first.report(api, "preferred", Fault::Undefined);
    }
    let base = first.reference(api, "base");
    letters(base, PATH, first);
    carrier(api, false, first);
}

const KINDS: &str = "path query header accept";
const PATH: u8 = 0;
const QUERY: u8 = 1;

/// An unknown kind reads as the default, which is that of the app. The app's `own` may name another origin.
fn carrier<'a>(api: Node<'a>, own: bool, first: &mut First<'a>) {
    let node = first.get(api, "carrier", OBJECT);
    for kind in PATH..4 {
        let member = node.member(nth(KINDS, kind));
        if !member.is_present() {
            continue;
        }
        first.get(member, "", STRING | FILLED);
        if kind == PATH {
            if !own {
                first.reference(member, "");
            }
            if !member.text().as_bytes().windows(9).any(|w| w == b"{version}") {
                first.wrong(member, "", Fault::Path);
            }
        }
        letters(member, kind, first);
        return;
    }
    if node.is_present() && !own {
        first.report(node, "", Fault::Unknown);
    }
}

/// Refuses what a carrier of this kind cannot have: something comes behind a path.
fn letters<'a>(node: Node<'a>, kind: u8, first: &mut First<'a>) {
    for b in node.text().as_bytes() {
        if kind == PATH {
            if *b == b'?' || *b == b'#' {
                first.wrong(node, "", Fault::Path);
            }
        } else if kind != QUERY && !b.is_ascii_alphanumeric() && *b != b'-' && *b != b'_' {
            first.wrong(node, "", Fault::Range);
        }
    }
}
