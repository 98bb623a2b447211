//! What `design.md` says of manifests, written anew from it: standing, action, which manifest is in force.

use std::sync::Arc;

use trueup::core::window::{Action, Status};

use crate::{DAY, EPOCH, MINUTE, SECOND};

/// A build: its place in [`Law::builds`]; its id is `b` and that number.
pub type Build = usize;

/// All that was ever built and published in a run.
#[derive(Default)]
pub struct Law {
    /// The builds' versions; `None`: ordered by nothing.
    pub builds: Vec<Option<u32>>,
    pub manifests: Vec<Manifest>,
}

/// A manifest, as its publisher meant it.
#[derive(Clone)]
pub struct Manifest {
    pub serial: u64,
    pub current: Build,
    pub minimum: Option<u32>,
    pub recommended: Option<u32>,
    /// By the servers' clock, in ms since the run began.
    pub deadline: Option<i64>,
    pub blocked: Vec<Build>,
    pub urgency: Urgency,
    pub spread: i64,
    pub share: f64,
    pub paused: bool,
    pub every: i64,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
    pub text: Arc<str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Urgency {
    Low,
    Normal,
    High,
    Critical,
}

/// How a publisher breaks a manifest. Each rejects the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    CutOff,
    Format,
    NoSerial,
    WrongVersion,
    MinimumAboveCurrent,
    BlocksCurrent,
    WrongSpread,
    /// Not a flaw of the text: its serial is of the day after tomorrow.
    Future,
}

pub const FLAWS: [Flaw; 8] = [
    Flaw::CutOff,
    Flaw::Format,
    Flaw::NoSerial,
    Flaw::WrongVersion,
    Flaw::MinimumAboveCurrent,
    Flaw::BlocksCurrent,
    Flaw::WrongSpread,
    Flaw::Future,
];

impl Law {
    /// Where a build stands. `passed`: whether the deadline has, as far as the tab can know.
    pub fn standing(&self, build: Build, manifest: &Manifest, passed: bool) -> Status {
        let (mine, current) = (self.builds[build], self.builds[manifest.current]);
        if build == manifest.current {
            Status::Current
        } else if self.outside(build, manifest, passed) {
            Status::Unsupported
        } else if is_below(mine, manifest.recommended) {
            Status::Deprecated
        } else if is_below(current, mine) {
            Status::Ahead
        } else {
            Status::Behind
        }
    }

    /// Whether the manifest alone puts a build outside the window.
    pub fn outside(&self, build: Build, manifest: &Manifest, passed: bool) -> bool {
        let version = self.builds[build];
        manifest.blocked.contains(&build)
            || is_below(version, manifest.minimum)
            || passed && manifest.deadline.is_some() && is_below(version, manifest.recommended)
    }

    /// Gate 2: whether a shell with this mark proves that a refresh helps.
    pub fn helps(&self, mark: Build, build: Build, manifest: &Manifest, passed: bool) -> bool {
        mark == manifest.current
            || is_below(self.builds[build], self.builds[mark]) && !self.outside(mark, manifest, passed)
    }
}

fn is_below(a: Option<u32>, b: Option<u32>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a < b)
}

/// From standing to action: the design's table.
pub fn due(status: Status, urgency: Urgency, stranded: bool) -> Action {
    use Urgency::*;
    let action = match (status, urgency) {
        (Status::Unsupported, _) | (Status::Behind | Status::Deprecated, Critical) => Action::Force,
        (Status::Deprecated, _) | (Status::Behind, High) => Action::Urge,
        (Status::Behind, Normal) => Action::Offer,
        (Status::Behind, Low) => Action::Navigate,
        (Status::Unknown | Status::Current | Status::Ahead, _) => return Action::None,
    };
    if stranded { action.max(Action::Urge) } else { action }
}

/// Which manifest is in force, by what was heard.
#[derive(Clone, Default)]
pub struct Court {
    /// Its place in [`Law::manifests`].
    pub in_force: Option<usize>,
    /// The older one that is all the server has had for a while.
    pub regressed: Option<usize>,
    older: Option<(u32, i64)>,
}

impl Court {
    /// A valid manifest came with an answer of the servers' time `date`, where that is known. The text in force is not looked
    /// at again: a frozen tab hears late what its leader was told before the serial's day had come.
    pub fn hear(&mut self, law: &Law, mono: i64, index: usize, date: Option<i64>) -> bool {
        let manifest = &law.manifests[index];
        let future = date.is_some_and(|date| manifest.serial as i64 * SECOND > date + DAY);
        if future && self.in_force != Some(index) {
            return false;
        }
        if let Some(before) = self.in_force {
            let before = law.manifests[before].serial;
            if manifest.serial < before {
                let (answers, since) = self.older.map_or((1, mono), |(n, since)| (n + 1, since));
                self.older = Some((answers, since));
                if answers >= 6 && mono - since >= 30 * MINUTE {
                    self.regressed = Some(index);
                }
                return true;
            }
            self.older = None;
            self.regressed = None;
            if manifest.serial == before {
                return true;
            }
        }
        self.in_force = Some(index);
        true
    }
}

impl Manifest {
    /// Its text, with a serial of one's own where the run takes that guard out.
    pub fn write(&self, law: &Law, serial: u64) -> String {
        let mut current = build(law, self.current);
        let mut minimum = self.minimum.map_or("null".into(), |v| format!("\"{v}\""));
        let mut blocked: Vec<String> = self.blocked.iter().map(|b| format!(r#"{{"id":"b{b}"}}"#)).collect();
        let mut trueup = 1;
        let mut serial = format!(r#""serial":{serial},"#);
        let mut spread = (self.spread / SECOND).to_string();
        match self.flaw {
            Some(Flaw::Format) => trueup = 2,
            Some(Flaw::NoSerial) => serial.clear(),
            Some(Flaw::WrongVersion) => minimum = r#""4.x""#.into(),
            Some(Flaw::MinimumAboveCurrent) => {
                minimum = r#""99""#.into();
                current = r#"{"id":"b98","version":"98"}"#.into();
            }
            Some(Flaw::BlocksCurrent) => blocked.push(format!(r#"{{"id":"b{}"}}"#, self.current)),
            Some(Flaw::WrongSpread) => spread = r#""soon""#.into(),
            Some(Flaw::CutOff | Flaw::Future) | None => {}
        }
        let mut text = format!(
            r#"{{"trueup":{trueup},{serial}"current":{current},"supported":{{"minimum":{minimum},"recommended":{},"deadline":{},"blocked":[{}]}},"refresh":{{"urgency":"{}","spreadSeconds":{spread},"share":{},"paused":{}}},"poll":{{"everySeconds":{}}}}}"#,
            self.recommended.map_or("null".into(), |v| format!("\"{v}\"")),
            self.deadline.map_or("null".into(), |at| format!("\"{}\"", rfc3339(at))),
            blocked.join(","),
            match self.urgency {
                Urgency::Low => "low",
                Urgency::Normal => "normal",
                Urgency::High => "high",
                Urgency::Critical => "critical",
            },
            self.share,
            self.paused,
            self.every / SECOND,
        );
        if self.flaw == Some(Flaw::CutOff) {
            text.truncate(text.len() - 9);
        }
        text
    }
}

fn build(law: &Law, build: Build) -> String {
    match law.builds[build] {
        Some(version) => format!(r#"{{"id":"b{build}","version":"{version}"}}"#),
        None => format!(r#"{{"id":"b{build}"}}"#),
    }
}

/// A run begins at midnight and ends within a few days.
fn rfc3339(at: i64) -> String {
    const { assert!(EPOCH == 1_795_392_000_000) };
    let (day, seconds) = (23 + at / DAY, at % DAY / SECOND);
    assert!(day <= 30);
    format!("2026-11-{day}T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
