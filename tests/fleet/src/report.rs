//! What is told of a run: how often each thing happened, and the last events before a violation.

use trueup::core::refresh::Phase;

use crate::site::Incident;

/// What went wrong in the world, by plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Fault {
    RollingDeploy,
    RollBack,
    RestoredManifest,
    RaisedMinimum,
    LoweredMinimum,
    Deadline,
    Paused,
    BrokenManifest,
    SameSerial,
    StaleManifest,
    StalePage,
    Status,
    RetryAfter,
    Html,
    Empty,
    CutOff,
    TooLong,
    OtherOrigin,
    Hang,
    Slow,
    Lost,
    Late,
    Doubled,
    Redirect,
    OtherApp,
    NoHtml,
    DoubledMessage,
    LostMessage,
    Hidden,
    Frozen,
    Asleep,
    Offline,
    ClockSet,
    Crashed,
    Duplicated,
    BackForward,
    Reopened,
    LateTimer,
    LostChunk,
    Header,
    Hold,
    WorkerWaiting,
    LocalStorage,
    SessionStorage,
    CorruptMemory,
    KeptPage,
    TwoFaced,
}

const FAULTS: [(Fault, &str); 47] = [
    (Fault::RollingDeploy, "rolling deploy, answers mixed"),
    (Fault::RollBack, "rolled back by a higher serial"),
    (Fault::RestoredManifest, "rolled back by an old manifest"),
    (Fault::RaisedMinimum, "minimum raised"),
    (Fault::LoweredMinimum, "minimum lowered"),
    (Fault::Deadline, "deadline set"),
    (Fault::Paused, "paused"),
    (Fault::BrokenManifest, "broken manifest published"),
    (Fault::SameSerial, "same serial, other content"),
    (Fault::StaleManifest, "poll: stale cache"),
    (Fault::StalePage, "page: stale cache"),
    (Fault::Status, "answer: 404, 500"),
    (Fault::RetryAfter, "answer: Retry-After"),
    (Fault::Html, "answer: HTML"),
    (Fault::Empty, "answer: empty"),
    (Fault::CutOff, "answer: cut off"),
    (Fault::TooLong, "answer: too long"),
    (Fault::OtherOrigin, "answer: another origin's"),
    (Fault::Hang, "answer: hangs"),
    (Fault::Slow, "answer: slow"),
    (Fault::Lost, "answer: lost"),
    (Fault::Late, "answer: late"),
    (Fault::Doubled, "answer: doubled"),
    (Fault::Redirect, "shell: redirected"),
    (Fault::OtherApp, "shell: another app's"),
    (Fault::NoHtml, "shell: no HTML"),
    (Fault::DoubledMessage, "message between tabs: doubled"),
    (Fault::LostMessage, "message between tabs: lost"),
    (Fault::Hidden, "tab hidden"),
    (Fault::Frozen, "tab frozen"),
    (Fault::Asleep, "machine asleep"),
    (Fault::Offline, "browser offline"),
    (Fault::ClockSet, "clock set, up to 2 days"),
    (Fault::Crashed, "tab crashed"),
    (Fault::Duplicated, "tab duplicated"),
    (Fault::BackForward, "back/forward cache"),
    (Fault::Reopened, "tab closed, another opened"),
    (Fault::LateTimer, "timer late"),
    (Fault::LostChunk, "chunk lost"),
    (Fault::Header, "header with a serial"),
    (Fault::Hold, "hold opened"),
    (Fault::WorkerWaiting, "service worker waits"),
    (Fault::LocalStorage, "local storage refuses"),
    (Fault::SessionStorage, "session storage refuses"),
    (Fault::CorruptMemory, "kept state corrupt"),
    (Fault::KeptPage, "beforeunload dialog dismissed"),
    (Fault::TwoFaced, "page: a load brings the old one"),
];

const PHASES: [Phase; 15] = [
    Phase::Idle,
    Phase::Spreading,
    Phase::Checking,
    Phase::Waiting,
    Phase::Navigation,
    Phase::Offering,
    Phase::Urging,
    Phase::Holding,
    Phase::Counting,
    Phase::Deferred,
    Phase::Saving,
    Phase::Reloading,
    Phase::Cancelled,
    Phase::Refused,
    Phase::Stuck,
];

/// How often each thing happened.
#[derive(Clone, Default)]
pub struct Report {
    faults: Vec<u64>,
    phases: Vec<u64>,
    /// Pages that were loaded.
    pub pages: u64,
    /// Requests for the manifest.
    pub polls: u64,
    /// Looks at the shell.
    pub looks: u64,
    /// All that happened.
    pub events: u64,
    /// Reloads that nobody asked for.
    pub reloads: u64,
    /// Reloads that a person asked for.
    pub asked: u64,
    /// Navigations that a refresh took.
    pub navigations: u64,
    /// Crowds of 40 tabs and more that heard one force together.
    pub crowds: u64,
    /// Tabs that stood right after the faults had stopped.
    pub judged: u64,
    /// Those of them that had to come back to a restored manifest.
    pub restored: u64,
    /// Tabs that may wait longer, for their budget or a service worker.
    pub unjudged: u64,
}

impl Report {
    /// One more.
    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.resize(FAULTS.len(), 0);
        self.faults[fault as usize] += 1;
    }

    /// A poll met an incident.
    pub(crate) fn faults_of(&mut self, incident: Option<Incident>) {
        let Some(incident) = incident else { return };
        self.fault(match incident {
            Incident::Status(_, None) => Fault::Status,
            Incident::Status(_, Some(_)) => Fault::RetryAfter,
            Incident::Html => Fault::Html,
            Incident::Empty => Fault::Empty,
            Incident::CutOff => Fault::CutOff,
            Incident::TooLong => Fault::TooLong,
            Incident::OtherOrigin => Fault::OtherOrigin,
            Incident::Hang => Fault::Hang,
            Incident::Slow => Fault::Slow,
            Incident::Lost => Fault::Lost,
            Incident::Redirect | Incident::OtherApp | Incident::NoHtml => return,
        });
    }

    pub(crate) fn phase(&mut self, phase: Phase) {
        self.phases.resize(PHASES.len(), 0);
        let at = PHASES.iter().position(|p| *p == phase).expect("a phase");
        self.phases[at] += 1;
    }

    /// Adds what another run saw.
    pub fn add(&mut self, other: &Report) {
        let sum = |to: &mut Vec<u64>, of: &[u64]| {
            to.resize(to.len().max(of.len()), 0);
            to.iter_mut().zip(of).for_each(|(a, b)| *a += b);
        };
        sum(&mut self.faults, &other.faults);
        sum(&mut self.phases, &other.phases);
        for (to, of) in [
            (&mut self.pages, other.pages),
            (&mut self.polls, other.polls),
            (&mut self.looks, other.looks),
            (&mut self.events, other.events),
            (&mut self.reloads, other.reloads),
            (&mut self.asked, other.asked),
            (&mut self.navigations, other.navigations),
            (&mut self.crowds, other.crowds),
            (&mut self.judged, other.judged),
            (&mut self.restored, other.restored),
            (&mut self.unjudged, other.unjudged),
        ] {
            *to += of;
        }
    }

    /// The least of all faults and phases: how well a run covers.
    pub fn least(&self) -> u64 {
        let least = |of: &[u64], all: usize| if of.len() < all { 0 } else { *of.iter().min().unwrap_or(&0) };
        least(&self.faults, FAULTS.len()).min(least(&self.phases, PHASES.len()))
    }

    /// The table at the end of a run.
    pub fn table(&self) -> String {
        let mut lines = vec![
            format!("pages {}, events {}", self.pages, self.events),
            format!("polls {}, looks at the shell {}", self.polls, self.looks),
            format!(
                "reloads: unasked {}, asked {}, with a navigation {}",
                self.reloads, self.asked, self.navigations
            ),
            format!(
                "crowds {}; stood right in the end {}, of them after a restored manifest {}; may wait longer {}",
                self.crowds, self.judged, self.restored, self.unjudged
            ),
            String::new(),
        ];
        let mut rows: Vec<(String, u64)> = Vec::new();
        for (at, (fault, name)) in FAULTS.iter().enumerate() {
            debug_assert_eq!(*fault as usize, at);
            rows.push(((*name).to_owned(), self.faults.get(at).copied().unwrap_or(0)));
        }
        for (at, phase) in PHASES.iter().enumerate() {
            rows.push((format!("phase: {}", phase.name()), self.phases.get(at).copied().unwrap_or(0)));
        }
        let half = rows.len().div_ceil(2);
        for at in 0..half {
            let cell = |row: Option<&(String, u64)>| {
                row.map_or(String::new(), |(name, count)| format!("{name:<32}{count:>12}"))
            };
            lines.push(
                format!("{}    {}", cell(rows.get(at)), cell(rows.get(at + half))).trim_end().to_owned(),
            );
        }
        lines.join("\n")
    }
}

/// The last fifty events, told only if something is violated.
pub struct Ring {
    lines: Vec<(i64, u32, Told)>,
    next: usize,
    /// Print each event as it happens.
    trace: bool,
}

/// An event in the ring: small, and made without allocation. It is read by its `Debug` alone.
#[allow(dead_code, reason = "printed")]
#[derive(Clone, Copy, Debug)]
pub enum Told {
    World(&'static str, i64),
    Event(&'static str, i64),
    Poll(&'static str),
    Phase(&'static str, &'static str),
    Standing(&'static str),
    Outcome(&'static str),
    Loaded(usize),
    Effect(&'static str),
}

const LAST: usize = 50;
/// Not of one tab.
pub const NOBODY: u32 = u32::MAX;

impl Ring {
    pub fn new(trace: bool) -> Ring {
        Ring { lines: Vec::with_capacity(LAST), next: 0, trace }
    }

    pub fn push(&mut self, at: i64, tab: u32, told: Told) {
        if self.trace {
            println!("{}", line(&(at, tab, told)));
        }
        if self.lines.len() < LAST {
            self.lines.push((at, tab, told));
        } else {
            self.lines[self.next] = (at, tab, told);
            self.next = (self.next + 1) % LAST;
        }
    }

    pub fn text(&self) -> String {
        let (new, old) = self.lines.split_at(self.next);
        old.iter().chain(new).map(line).collect::<Vec<_>>().join("\n")
    }
}

fn line((at, tab, told): &(i64, u32, Told)) -> String {
    let (hours, minutes, ms) = (at / 3_600_000, at / 60_000 % 60, at % 60_000);
    let tab = if *tab == NOBODY { "-".to_owned() } else { format!("tab {tab}") };
    format!("{hours:02}:{minutes:02}:{:02}.{:03}  {tab:<8}{told:?}", ms / 1000, ms % 1000)
}
