//! From tree to what is spoken and what is offered.

use std::cmp::Ordering;

use super::{Api, Bound, Carrier, Deprecation, Entry, Offer, Spoken, Version};
use crate::core::error::{Fault, Flaw};
use crate::core::value::{Node, Value};

/// Reads the option `apis`: `{ orders: { speaks: ["3", ">=1 <3"], required: true, carrier, base }, search: ["2026-09-01"] }`.
///
/// `base` and `carrier` are checked here and stay in JavaScript, which has to do without us if we are lost.
/// For the same reason some entry has to name a version: exactly, or by `>=` or `<=`.
pub fn spoken(node: &Node) -> Result<Vec<Spoken>, Flaw> {
    let mut all = Vec::new();
    for (name, api) in node.members()? {
        let short = matches!(api.value(), Some(Value::Array(_)));
        let long = api.member("speaks");
        let speaks = if short { &api } else { &long };
        let mut required = false;
        if !short {
            let api = api.object()?;
            base(&api, true)?;
            carrier(&api, true, &mut Vec::new())?;
            required = api.member("required").bool()?.unwrap_or(false);
        }
        let mut entries: Vec<Entry> = Vec::new();
        for item in speaks.items()? {
            let entry = entry(&item)?;
            if !entry.exact && entries.iter().any(|e| e.equals(&entry)) {
                return Err(item.flaw(Fault::RangeSet));
            }
            entries.push(entry);
        }
        let spoken = Spoken { name: name.to_owned(), entries, required };
        if spoken.first(&[]).is_none() {
            return Err(speaks.flaw(Fault::Missing));
        }
        all.push(spoken);
    }
    Ok(all)
}

/// Reads the manifest's `apis`; what is odd but can be used is added to `reports`.
pub fn offered(node: &Node, reports: &mut Vec<Flaw>) -> Result<Vec<Offer>, Flaw> {
    Ok(node.members()?.map(|(name, node)| (name.to_owned(), api(node, reports))).collect())
}

fn api(node: Node, reports: &mut Vec<Flaw>) -> Result<Api, Flaw> {
    let node = node.object()?;
    let list = node.member("supported");
    if !list.is_present() {
        return Err(list.flaw(Fault::Missing));
    }
    let mut supported = Vec::new();
    for item in list.items()? {
        supported.push(item.version()?.ok_or_else(|| item.flaw(Fault::Type))?);
    }
    let wish = node.member("preferred");
    let preferred = wish.version()?;
    if preferred.as_ref().is_some_and(|p| !supported.iter().any(|v| v.same(p))) {
        reports.push(wish.flaw(Fault::Undefined));
    }
    let mut deprecated = Vec::new();
    for (version, node) in node.member("deprecated").members()? {
        let version = Version::parse(version).map_err(|fault| node.flaw(fault))?;
        let node = node.object()?;
        deprecated.push(Deprecation {
            version,
            since: node.member("since").time()?,
            sunset: node.member("sunset").time()?,
            link: node.member("link").reference(false)?.map(str::to_owned),
        });
    }
    let base = base(&node, false)?;
    let carrier = carrier(&node, false, reports)?;
    Ok(Api { supported, preferred, deprecated, base, carrier })
}

fn base(api: &Node, own: bool) -> Result<Option<String>, Flaw> {
    let node = api.member("base");
    match node.reference(own)? {
        Some(text) if text.contains(['?', '#']) => Err(node.flaw(Fault::Path)),
        text => Ok(text.map(str::to_owned)),
    }
}

/// An unknown kind reads as the default, which is that of the app.
fn carrier(api: &Node, own: bool, reports: &mut Vec<Flaw>) -> Result<Option<Carrier>, Flaw> {
    let node = api.member("carrier").object()?;
    for kind in ["path", "query", "header", "accept"] {
        let member = node.member(kind);
        if !member.is_present() {
            continue;
        }
        let text = member.required_string()?;
        let wrong = if kind == "path" {
            member.reference(own)?;
            (!text.contains("{version}") || text.contains(['?', '#'])).then_some(Fault::Path)
        } else {
            // a token of RFC 9110, 5.6.2: other names cannot be sent
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            (kind != "query" && !text.bytes().all(token)).then_some(Fault::Range)
        };
        return match wrong {
            Some(fault) => Err(member.flaw(fault)),
            None => Ok(Some(Carrier { kind, text: text.to_owned() })),
        };
    }
    if node.is_present() {
        reports.push(node.flaw(Fault::Unknown));
    }
    Ok(None)
}

fn entry(node: &Node) -> Result<Entry, Flaw> {
    match node.value() {
        Some(Value::String(text)) if text.starts_with(['<', '>', '=']) => {
            range(text).map_err(|fault| node.flaw(fault))
        }
        _ => {
            let version = node.version()?.ok_or_else(|| node.flaw(Fault::Type))?;
            let bound = Some(Bound { version, inclusive: true });
            Ok(Entry { low: bound.clone(), high: bound, exact: true })
        }
    }
}

/// Comparators joined by blanks, at most one from below and one from above: `>=2 <4`.
fn range(text: &str) -> Result<Entry, Fault> {
    let mut entry = Entry { low: None, high: None, exact: false };
    for part in text.split(' ') {
        let number = part.trim_start_matches(['<', '>', '=']);
        let (low, high) = match &part[..part.len() - number.len()] {
            "" if number.is_empty() => continue,
            ">" | ">=" => (true, false),
            "<" | "<=" => (false, true),
            "=" => (true, true),
            _ => return Err(Fault::RangeSet),
        };
        let bound = Bound {
            version: Version::parse(number)?,
            inclusive: part.as_bytes()[part.len() - number.len() - 1] == b'=',
        };
        if low && entry.low.replace(bound.clone()).is_some() || high && entry.high.replace(bound).is_some() {
            return Err(Fault::RangeSet);
        }
        entry.exact |= low && high;
    }
    if let (Some(low), Some(high)) = (&entry.low, &entry.high) {
        match low.version.order(&high.version) {
            Some(Ordering::Less) => {}
            Some(Ordering::Equal) if low.inclusive && high.inclusive => {}
            _ => return Err(Fault::RangeSet),
        }
    }
    Ok(entry)
}
