//! From tree to what is spoken and what is offered.

use super::{Comparator, EQUAL, GREATER, LESS, Spoken, Version};
use crate::core::error::{Fault, Flaw};
use crate::core::value::{Node, Value};

/// Reads the option `apis`: `{ orders: { speaks: ["3", ">=1 <3"], required: true, carrier, base }, search: ["2026-09-01"] }`.
///
/// `base` and `carrier` stay in JavaScript, which has to do without us if we are lost. For the same reason some entry
/// has to name a version: exactly, or by `>=` or `<=`.
pub fn spoken(node: &Node) -> Result<Vec<Spoken>, Flaw> {
    let mut all = Vec::new();
    for (name, api) in node.members()? {
        let short = matches!(api.value(), Some(Value::Array(_)));
        let long = api.member("speaks");
        let speaks = if short { &api } else { &long };
        let mut spoken = Spoken { name: name.to_owned(), required: false, comparators: Vec::new() };
        if !short {
            let api = api.object()?;
            spoken.required = api.member("required").bool()?.unwrap_or(false);
            carrier(&api, true, &mut Vec::new())?;
        }
        for (index, item) in speaks.items()?.enumerate() {
            entry(&item, index, &mut spoken.comparators)?;
            let range = spoken.comparators.last().is_some_and(|c| c.sides != EQUAL);
            if let Some(Value::Array(items)) = speaks.value()
                && range
                && items.iter().take(index).any(|before| Some(before) == item.value())
            {
                return Err(item.flaw(Fault::RangeSet));
            }
        }
        if spoken.open(&[]).version.is_none() {
            return Err(speaks.flaw(Fault::Missing));
        }
        all.push(spoken);
    }
    Ok(all)
}

/// Comparators joined by blanks, at most one from below and one from above: `>=2 <4`; or a version.
fn entry(item: &Node, index: usize, to: &mut Vec<Comparator>) -> Result<(), Flaw> {
    let Some(Value::String(text)) = item.value() else {
        let version = item.version()?.ok_or_else(|| item.flaw(Fault::Type))?;
        to.push(Comparator { entry: index, sides: EQUAL, version });
        return Ok(());
    };
    let start = to.len();
    let mut fault = Fault::Version;
    let mut wrong = true;
    for part in text.split(' ') {
        let (sides, length) = match part.as_bytes() {
            [] => continue,
            [b'>', b'=', ..] => (GREATER | EQUAL, 2),
            [b'<', b'=', ..] => (LESS | EQUAL, 2),
            [b'>', ..] => (GREATER, 1),
            [b'<', ..] => (LESS, 1),
            [b'=', ..] => (EQUAL, 1),
            _ => (EQUAL, 0),
        };
        let version = Version::parse(&part[length..]).map_err(|fault| item.flaw(fault))?;
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
    if wrong { Err(item.flaw(fault)) } else { Ok(()) }
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
    api.object()?;
    let versions = api.member("supported");
    if !versions.is_present() {
        return Err(versions.flaw(Fault::Missing));
    }
    for item in versions.items()? {
        list.push(Supported::bare(item.version()?.ok_or_else(|| item.flaw(Fault::Type))?, true));
    }
    for (version, node) in api.member("deprecated").members()? {
        let version = Version::parse(version).map_err(|fault| node.flaw(fault))?;
        let node = node.object()?;
        let since = node.member("since").time()?.unwrap_or(i64::MIN);
        let sunset = node.member("sunset").time()?.unwrap_or(NEVER);
        let link = node.member("link").reference()?;
        for l in list.iter_mut().filter(|l| l.version.same(&version)) {
            (l.since, l.sunset, l.link) = (since, sunset, link.map(str::to_owned));
        }
    }
    let wish = api.member("preferred");
    if let Some(version) = wish.version()? {
        match list.iter_mut().find(|l| l.version.same(&version)) {
            Some(l) => l.preferred = true,
            None => reports.push(wish.flaw(Fault::Undefined)),
        }
    }
    let base = api.member("base");
    bare(&base, base.reference()?)?;
    carrier(api, false, reports)
}

/// Something comes behind it.
fn bare(node: &Node, text: Option<&str>) -> Result<(), Flaw> {
    match text {
        Some(text) if text.bytes().any(|b| b == b'?' || b == b'#') => Err(node.flaw(Fault::Path)),
        _ => Ok(()),
    }
}

/// An unknown kind reads as the default, which is that of the app. The app's `own` may name another origin.
fn carrier(api: &Node, own: bool, reports: &mut Vec<Flaw>) -> Result<(), Flaw> {
    let node = api.member("carrier");
    node.object()?;
    for kind in ["path", "query", "header", "accept"] {
        let member = node.member(kind);
        if !member.is_present() {
            continue;
        }
        let text = member.required_string()?;
        if kind == "path" {
            if !own {
                member.reference()?;
            }
            bare(&member, Some(text))?;
            if !text.as_bytes().windows(9).any(|w| w == b"{version}") {
                return Err(member.flaw(Fault::Path));
            }
        } else if kind != "query"
            && !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return Err(member.flaw(Fault::Range));
        }
        return Ok(());
    }
    if node.is_present() {
        reports.push(node.flaw(Fault::Unknown));
    }
    Ok(())
}
