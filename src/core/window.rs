//! Where a build stands, and what follows from it. Pure functions.

use std::cmp::Ordering;

use super::config::Build;
pub use super::manifest::Action;
use super::manifest::Manifest;
use super::names::names;
use super::negotiate::FINE;
use super::time::{LONG_AGO, NEVER};
use super::version::{below, order};

names! {
    /// Where a build stands.
    Status {
        /// No manifest has been heard or kept.
        Unknown = "unknown",
        /// It is what a fresh load brings.
        Current = "current",
        /// Older, but within the window.
        Behind = "behind",
        /// Still supported, but not for long.
        Deprecated = "deprecated",
        /// Outside the window.
        Unsupported = "unsupported",
        /// Newer than what is current: a rollback, or a server that lags.
        Ahead = "ahead",
    }
}

names! {
    /// Why a build stands where it does, and why a refresh goes no further: stable codes.
    Reason {
        /// Nothing has been heard or kept.
        NoManifest = "no-manifest",
        /// It is what a fresh load brings.
        Current = "current",
        /// It must not run.
        Blocked = "blocked",
        /// It is below the oldest that is supported.
        BelowMinimum = "below-minimum",
        /// It is below what is recommended, and the deadline for that has passed.
        DeadlinePassed = "deadline-passed",
        /// A required API is too new for it.
        ApiTooOld = "api-too-old",
        /// It is below what is recommended.
        BelowRecommended = "below-recommended",
        /// A required API is left with deprecated versions.
        ApiDeprecated = "api-deprecated",
        /// One of the two has no version.
        NoVersion = "no-version",
        /// It is newer.
        Newer = "newer",
        /// It is older.
        Older = "older",
        /// Another build of the same version.
        SameVersion = "same-version",
        /// Versions of two kinds.
        NotComparable = "not-comparable",
        /// The page is only told.
        ReloadOff = "reload-off",
        /// The app only looks on.
        Observe = "observe",
        /// The operator stopped all unasked actions.
        Paused = "paused",
        /// This tab is not among those that act.
        Share = "share",
        /// Its part of the spread is not over.
        Spread = "spread",
        /// Too many reloads, or too soon after the last one.
        Budget = "budget",
        /// The offer was dismissed.
        Dismissed = "dismissed",
        /// The urge was put off.
        PutOff = "put-off",
        /// The person finishes something.
        Finishing = "finishing",
        /// The tab is hidden.
        Hidden = "hidden",
        /// Without storage nothing is done unasked.
        NoStorage = "no-storage",
        /// The server has not been heard lately.
        Unheard = "unheard",
        /// Holds are open.
        Holds = "holds",
        /// The shell did not come, or is none.
        NoPage = "no-page",
        /// The shell is still this build.
        SameBuild = "same-build",
        /// The shell is a build that does not help.
        OtherBuild = "other-build",
        /// The shell does not say what it is.
        NoMark = "no-mark",
        /// A service worker would bring the old page.
        Worker = "worker",
        /// There is nothing to say: in JavaScript no member at all.
        None = "",
    }
}

/// Where a build stands, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// When it becomes unsupported, in ms since 1970 by the servers' clock; or [`NEVER`].
    pub deadline: i64,
}

/// Where `build` stands; the first match wins. `server` is the servers' clock, `verdict` that of `negotiate::Apis`.
pub fn standing(build: &Build, manifest: &Manifest, server: i64, verdict: i64) -> Standing {
    let mut deadline = NEVER;
    let outside = outside(build, manifest, server);
    let (status, reason) = if build.id == manifest.current.id {
        (Status::Current, Reason::Current)
    } else if outside != Reason::None {
        (Status::Unsupported, outside)
    } else if verdict == LONG_AGO {
        (Status::Unsupported, Reason::ApiTooOld)
    } else if below(&build.version, &manifest.recommended) {
        deadline = manifest.deadline;
        (Status::Deprecated, Reason::BelowRecommended)
    } else if verdict != FINE {
        deadline = verdict;
        (Status::Deprecated, Reason::ApiDeprecated)
    } else {
        let (mine, current) = (&build.version, &manifest.current.version);
        match order(mine, current) {
            Some(Ordering::Greater) => (Status::Ahead, Reason::Newer),
            Some(Ordering::Less) => (Status::Behind, Reason::Older),
            Some(Ordering::Equal) => (Status::Behind, Reason::SameVersion),
            None if mine.is_empty() || current.is_empty() => (Status::Behind, Reason::NoVersion),
            None => (Status::Behind, Reason::NotComparable),
        }
    };
    Standing { status, reason, deadline }
}

/// Why the manifest alone puts a build outside the window; nothing where it does not.
pub fn outside(build: &Build, manifest: &Manifest, server: i64) -> Reason {
    if manifest.blocks(build) {
        Reason::Blocked
    } else if below(&build.version, &manifest.minimum) {
        Reason::BelowMinimum
    } else if below(&build.version, &manifest.recommended) && server >= manifest.deadline {
        Reason::DeadlinePassed
    } else {
        Reason::None
    }
}

/// From standing to action. A stranded tab, which lost a chunk and has a newer build to go to, is at least urged.
pub fn action(status: Status, urgency: Action, stranded: bool) -> Action {
    let least = match status {
        Status::Unsupported => Action::Force,
        Status::Deprecated => Action::Urge,
        Status::Behind if stranded => Action::Urge,
        Status::Behind => urgency,
        _ => return Action::None,
    };
    least.max(urgency)
}
