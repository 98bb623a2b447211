//! Where a build stands, and what follows from it. Pure functions.

use std::cmp::Ordering;

use super::config::Build;
use super::manifest::{Manifest, Urgency};
use super::version::Version;

/// Where a build stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No manifest has been heard or kept.
    Unknown,
    /// It is what a fresh load brings.
    Current,
    /// Older, but within the window.
    Behind,
    /// Still supported, but not for long.
    Deprecated,
    /// Outside the window.
    Unsupported,
    /// Newer than what is current: a rollback, or a server that lags.
    Ahead,
}

impl Status {
    /// The name, as JavaScript sees it.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Current => "current",
            Status::Behind => "behind",
            Status::Deprecated => "deprecated",
            Status::Unsupported => "unsupported",
            Status::Ahead => "ahead",
        }
    }
}

/// What the required APIs say about the build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    #[default]
    Fine,
    /// A required API is left with deprecated versions only; when the first of those ends, in ms since 1970.
    Deprecated(Option<i64>),
    /// A required API is `client-too-old`.
    TooOld,
}

/// Where a build stands, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub status: Status,
    /// Why: a stable code.
    pub reason: &'static str,
    /// When it becomes unsupported, in ms since 1970 by the servers' clock.
    pub deadline: Option<i64>,
}

/// Where `build` stands; the first match wins. Without server time a deadline has not passed.
pub fn standing(build: &Build, manifest: &Manifest, server: Option<i64>, verdict: Verdict) -> Standing {
    let of = |status, reason| Standing { status, reason, deadline: None };
    if build.id == manifest.current.id {
        return of(Status::Current, "current");
    }
    if let Some(reason) = outside(build, manifest, server) {
        return of(Status::Unsupported, reason);
    }
    if verdict == Verdict::TooOld {
        return of(Status::Unsupported, "api-too-old");
    }
    if is_below(build, &manifest.recommended) {
        return Standing {
            status: Status::Deprecated,
            reason: "below-recommended",
            deadline: manifest.deadline,
        };
    }
    if let Verdict::Deprecated(deadline) = verdict {
        return Standing { status: Status::Deprecated, reason: "api-deprecated", deadline };
    }
    let (Some(mine), Some(current)) = (&build.version, &manifest.current.version) else {
        return of(Status::Behind, "no-version");
    };
    match mine.order(current) {
        Some(Ordering::Greater) => of(Status::Ahead, "newer"),
        Some(Ordering::Less) => of(Status::Behind, "older"),
        Some(Ordering::Equal) => of(Status::Behind, "same-version"),
        None => of(Status::Behind, "not-comparable"),
    }
}

/// Why the manifest alone puts a build outside the window; `None` where it does not.
pub fn outside(build: &Build, manifest: &Manifest, server: Option<i64>) -> Option<&'static str> {
    if manifest.blocks(build) {
        Some("blocked")
    } else if is_below(build, &manifest.minimum) {
        Some("below-minimum")
    } else if is_below(build, &manifest.recommended)
        && matches!((server, manifest.deadline), (Some(now), Some(end)) if now >= end)
    {
        Some("deadline-passed")
    } else {
        None
    }
}

fn is_below(build: &Build, bound: &Option<Version>) -> bool {
    matches!((&build.version, bound), (Some(v), Some(bound)) if v.below(bound))
}

/// What should happen to a tab, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing.
    None,
    /// Refresh at the next navigation.
    Navigate,
    /// A notice that can be dismissed.
    Offer,
    /// A notice that can be put off.
    Urge,
    /// A countdown.
    Force,
}

impl Action {
    /// The name, as JavaScript sees it.
    pub const fn name(self) -> &'static str {
        match self {
            Action::None => "none",
            Action::Navigate => "navigate",
            Action::Offer => "offer",
            Action::Urge => "urge",
            Action::Force => "force",
        }
    }
}

/// From standing to action. A stranded tab, which lost a chunk and has a newer build to go to, is at least urged.
pub fn action(status: Status, urgency: Urgency, stranded: bool) -> Action {
    let action = match (status, urgency) {
        (Status::Unsupported, _) => Action::Force,
        (Status::Behind | Status::Deprecated, Urgency::Critical) => Action::Force,
        (Status::Deprecated, _) | (Status::Behind, Urgency::High) => Action::Urge,
        (Status::Behind, Urgency::Normal) => Action::Offer,
        (Status::Behind, Urgency::Low) => Action::Navigate,
        _ => return Action::None,
    };
    if stranded && action < Action::Urge { Action::Urge } else { action }
}
