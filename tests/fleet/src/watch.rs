//! What must hold of one page at every step, written from `design.md`: what may be shown, when it may go, when it may
//! ask. Times are by the page's monotonic clock, as far as not said otherwise.

use trueup::core::refresh::{Phase, State};
use trueup::core::schedule::Why;
use trueup::core::window::{Action, Status};

use crate::law::{Build, Court, Law, Manifest, due};
use crate::{DAY, HOUR, MINUTE, SECOND};

/// What is said where something is violated.
pub type Verdict = Result<(), String>;

/// What a page has seen, and what follows for it.
pub struct Seen {
    pub build: Build,
    pub marked: bool,
    pub court: Court,
    /// A chunk of its own was lost: with a newer build it is stranded.
    pub lost: bool,
    /// When the newest valid answer that was heard in this page's life came to the tab that asked.
    pub heard: Option<i64>,
    /// When the newest valid answer came, a kept one included.
    good_at: Option<i64>,
    failures: u32,
    failed_at: i64,
    /// A regular poll is not due before then; a follower's own not before the second.
    regular_from: i64,
    silence_from: i64,
    /// Nothing at all goes before: Retry-After, or the backoff that an answer caused.
    barrier: i64,
    starts: u32,
    shows: u32,
    /// For each cause of early polls: how many it stands for, when it last counted, how many went out.
    causes: [(u32, i64, u32); CAUSES.len()],
    header: u64,
    /// The shell check that passed: for which target, and when.
    passed: Option<(Build, i64)>,
    /// Looks that failed for this target, and when the next may be.
    looks: (Build, u32, i64),
    /// Since when it is looked at; a look that takes 15 s has failed.
    pub looking: Option<i64>,
    looked_for: Build,
    /// T at that time.
    looked_every: i64,
    /// What it was looked at for is due no longer.
    past: bool,
    phase: Phase,
    shown_at: i64,
    /// The last time the countdown was shown: from, to.
    counted: Option<(i64, i64)>,
    finishing: i64,
    finishes: u32,
    dismissed: Option<(Build, i64)>,
    put_off: i64,
}

const CAUSES: [Why; 7] =
    [Why::Visible, Why::PageShow, Why::Resume, Why::Online, Why::Chunk, Why::Header, Why::Check];
const NEVER: i64 = i64::MIN / 4;
const COUNTDOWN: i64 = 60 * SECOND;

/// What the world knows of the page at that moment.
#[derive(Clone, Copy)]
pub struct Scene {
    pub mono: i64,
    /// Since the run began, by the servers' clock.
    pub now: i64,
    pub visible: bool,
    pub online: bool,
    pub held: bool,
    /// Session storage was there, as far as the page can know.
    pub session: bool,
    /// The clocks of this browser do not go together: one was set, or stood still in sleep.
    pub skewed: bool,
    /// The page was frozen at least once.
    pub froze: bool,
    /// By how much the wall clock was ever set forward.
    pub jumps: i64,
}

impl Seen {
    pub fn new(build: Build, marked: bool, mono: i64) -> Seen {
        Seen {
            build,
            marked,
            court: Court::default(),
            lost: false,
            heard: None,
            good_at: None,
            failures: 0,
            failed_at: NEVER,
            regular_from: mono,
            silence_from: mono + 2 * SECOND,
            barrier: NEVER,
            starts: 0,
            shows: 1,
            causes: [(0, NEVER, 0); CAUSES.len()],
            header: 0,
            passed: None,
            looks: (usize::MAX, 0, NEVER),
            looking: None,
            looked_for: usize::MAX,
            looked_every: 0,
            past: true,
            phase: Phase::Idle,
            shown_at: mono,
            counted: None,
            finishing: NEVER,
            finishes: 0,
            dismissed: None,
            put_off: NEVER,
        }
    }

    /// The page began with a manifest that was kept `age` ago.
    pub fn remember(&mut self, law: &Law, mono: i64, age: i64) {
        let every = self.every(law);
        if age < every {
            self.good_at = Some(mono - age);
            self.regular_from = mono + every - age;
            self.silence_from = mono + 15 * SECOND;
        }
    }

    /// The manifest in force may be another one: another target is looked at anew.
    pub fn retarget(&mut self, law: &Law) {
        let target = self.target(law);
        if self.looks.0 != target {
            self.looks = (target, 0, NEVER);
            self.looking = None;
        }
    }

    pub fn target(&self, law: &Law) -> Build {
        self.court.in_force.map_or(usize::MAX, |index| law.manifests[index].current)
    }

    pub fn every(&self, law: &Law) -> i64 {
        self.court.in_force.map_or(300 * SECOND, |index| law.manifests[index].every)
    }

    /// A valid answer, which came to the tab that asked at `made`. `told`: by a tab that polls next in so many ms.
    pub fn good(&mut self, law: &Law, scene: Scene, made: i64, told: Option<i64>) {
        let mono = scene.mono;
        self.heard = Some(self.heard.map_or(made, |heard| heard.max(made)));
        self.good_at = self.good_at.max(Some(made));
        // What a leader has known for long, and tells a newcomer, ends no backoff.
        if told.is_none() || made > self.failed_at || scene.skewed {
            self.failures = 0;
            self.barrier = NEVER;
        }
        self.regular_from = mono + told.unwrap_or(self.every(law) * 4 / 5);
        self.silence_from = self.regular_from + 15 * SECOND;
    }

    /// A failure. `answered`: an answer caused it; `asked`: its Retry-After.
    pub fn bad(&mut self, law: &Law, mono: i64, told: Option<i64>, answered: bool, asked: Option<i64>) {
        let wait = backoff(self.failures, self.every(law)).max(asked.unwrap_or(0).min(15 * MINUTE));
        self.failures += 1;
        self.failed_at = mono;
        self.regular_from = mono + told.unwrap_or(wait);
        self.silence_from = self.regular_from + 15 * SECOND;
        if answered {
            self.barrier = self.regular_from;
        }
    }

    /// A poll failed offline, and is not counted: the next one is the first again.
    pub fn uncounted(&mut self) {
        self.shows += 1;
    }

    /// Its request was aborted: because nothing came in time, or because the page goes.
    pub fn gave_up(&mut self, law: &Law, scene: Scene, late: bool) {
        match late {
            true if scene.online => self.bad(law, scene.mono, None, false, None),
            true => self.uncounted(),
            false => {}
        }
    }

    /// Something happened that may bring an early poll.
    pub fn cause(&mut self, law: &Law, mono: i64, why: Why) {
        let every = self.every(law);
        if matches!(why, Why::Visible | Why::PageShow) {
            self.shown_at = mono;
            self.silence_from = self.silence_from.max(mono + 2 * SECOND);
        }
        // It ends a backoff from network errors alone.
        if why == Why::Online && self.failures > 0 && self.barrier <= mono {
            self.failures = 0;
            self.good_at = None;
        }
        if why == Why::PageShow {
            self.shows += 1;
        }
        let slot = CAUSES.iter().position(|cause| *cause == why).expect("a cause");
        let (count, at, _) = &mut self.causes[slot];
        if mono - *at >= every || why == Why::Check {
            *count += 1;
            *at = mono;
        }
    }

    /// A header named a serial: one poll for each that is new.
    pub fn named(&mut self, serial: u64) {
        if serial > self.header {
            self.header = serial;
            let slot = CAUSES.iter().position(|cause| *cause == Why::Header).expect("a cause");
            self.causes[slot].0 += 1;
        }
    }

    /// A poll goes out.
    pub fn poll(&mut self, law: &Law, scene: Scene, why: Why) -> Verdict {
        let mono = scene.mono;
        holds(scene.visible, "a hidden tab polls")?;
        holds(scene.online, "it polls while offline")?;
        if mono < self.barrier {
            return Err(format!(
                "a poll ({why:?}) bypasses a backoff or Retry-After by {} ms",
                self.barrier - mono
            ));
        }
        let early = |from: i64| format!("a poll ({why:?}) comes {} ms too early", from - mono);
        match why {
            Why::Start => {
                self.starts += 1;
                holds(self.starts <= self.shows, "two polls say that they are the first")
            }
            Why::Period | Why::Retry if mono < self.regular_from => Err(early(self.regular_from)),
            Why::Silence if mono < self.silence_from => Err(early(self.silence_from)),
            Why::Period | Why::Retry | Why::Silence | Why::Refused | Why::Unheard => Ok(()),
            Why::Visible
            | Why::PageShow
            | Why::Resume
            | Why::Online
            | Why::Chunk
            | Why::Header
            | Why::Check => {
                let slot = CAUSES.iter().position(|cause| *cause == why).expect("a cause");
                let (causes, _, polls) = &mut self.causes[slot];
                *polls += 1;
                if *polls > *causes {
                    return Err(format!("{polls} polls for {causes} times {why:?}"));
                }
                let news = matches!(why, Why::Chunk | Why::Header | Why::Check) || self.failures > 0;

                let fresh = self.good_at.is_some_and(|at| mono - at < self.every(law) - 5 * SECOND);
                holds(
                    news || !fresh || scene.skewed,
                    "an early poll without news, though the last good answer is younger than T",
                )
            }
        }
    }

    /// The shell is looked at.
    pub fn look(&mut self, law: &Law, mono: i64) -> Verdict {
        let Some(index) = self.court.in_force else {
            return Err("a look at the shell without a manifest".into());
        };
        let target = law.manifests[index].current;
        self.past = false;
        self.looked_for = target;
        let now = self.every(law);
        let every = std::mem::replace(&mut self.looked_every, now).min(now);
        let lost = self.looking.replace(mono);
        if self.looks.0 != target {
            self.looks = (target, 0, NEVER);
        } else if let Some(since) = lost {
            let (_, failures, _) = self.looks;
            self.looks = (target, failures + 1, since + 15 * SECOND + backoff(failures, every));
        }
        if mono < self.looks.2 {
            return Err(format!("the shell is looked at {} ms too early", self.looks.2 - mono));
        }
        Ok(())
    }

    /// The look came back. `page`: its mark, where it is a proper page; `None` in it: it has none of this app. `trust`: no
    /// reload for this target has shown yet what such a page brings.
    pub fn looked(&mut self, law: &Law, mono: i64, page: Option<Option<Build>>, trust: bool) {
        self.looking = None;
        if self.past {
            return;
        }
        let Some(index) = self.court.in_force else { return };
        let manifest = &law.manifests[index];
        let target = manifest.current;
        let passes = match page {
            None => false,
            Some(None) => !self.marked && trust,
            // Whether the deadline has passed a page without the servers' time does not know.
            Some(Some(mark)) => law.helps(mark, self.build, manifest, false),
        };
        if passes {
            self.passed = Some((target, mono));
            self.looks = (target, 0, NEVER);
        } else {
            self.passed = None;
            if self.looked_for != target {
                // It was for another target, and says little of this one.
                return;
            }
            let failures = if self.looks.0 == target { self.looks.1 } else { 0 };
            self.looks = (target, failures + 1, mono + backoff(failures, self.every(law)));
        }
    }

    /// What is due by the manifest in force: with the deadline and a lost chunk as they may be known or not.
    pub fn due(&self, law: &Law, now: i64) -> [Action; 4] {
        [0, 1, 2, 3].map(|n| {
            let (late, lost) = (n & 1, (n >> 1) & i32::from(self.lost));
            let Some(index) = self.court.in_force else { return Action::None };
            let of = |index: usize, stranded| {
                let manifest = &law.manifests[index];
                let passed = late == 1 && self.passed_by(manifest, now);
                due(law.standing(self.build, manifest, passed), manifest.urgency, stranded)
            };
            let action = of(index, lost == 1);
            match self.court.regressed {
                Some(older) => action.min(of(older, false)).min(Action::Urge),
                None => action,
            }
        })
    }

    /// Whether the deadline may have passed as far as the tab knows: before it has heard the server it goes by a kept time.
    fn passed_by(&self, manifest: &Manifest, now: i64) -> bool {
        manifest.deadline.is_some() && (self.heard.is_none() || passed(manifest, now, 0))
    }

    /// The standing that the client publishes.
    pub fn standing(&self, law: &Law, now: i64, status: Status) -> Verdict {
        let right = |late| match self.court.in_force {
            None => Status::Unknown,
            Some(index) => {
                let manifest = &law.manifests[index];
                law.standing(self.build, manifest, late && self.passed_by(manifest, now))
            }
        };
        if status == right(true) || status == right(false) {
            return Ok(());
        }
        let until = self.court.in_force.and_then(|index| law.manifests[index].deadline).map(|at| at - now);
        let right = right(true);
        Err(format!(
            "b{} stands {status:?}, by the manifest in force {right:?}, deadline in {until:?}",
            self.build
        ))
    }

    /// The refresh says where it stands.
    pub fn refresh(&mut self, law: &Law, scene: Scene, state: &State, target: &str, asked: bool) -> Verdict {
        let (before, mono) = (self.phase, scene.mono);
        self.phase = state.phase;
        self.past = state.phase == Phase::Idle;
        if self.past || state.phase == Phase::Spreading {
            // What is due anew is looked at anew.
            self.looks = (usize::MAX, 0, NEVER);
            self.looking = None;
        }
        if before == Phase::Counting
            && state.phase != Phase::Counting
            && let Some((_, to)) = &mut self.counted
        {
            *to = mono;
        }
        let shown = matches!(
            state.phase,
            Phase::Offering | Phase::Urging | Phase::Holding | Phase::Counting | Phase::Navigation
        );
        if !shown || asked {
            return Ok(());
        }
        let manifest = self.wanted(law, target)?;
        let actions = self.due(law, scene.now);
        let allowed = match state.phase {
            Phase::Offering => actions.contains(&Action::Offer),
            Phase::Urging => {
                actions.contains(&Action::Urge) || !scene.session && actions.contains(&Action::Force)
            }
            Phase::Navigation => actions.contains(&Action::Navigate),
            _ => actions.contains(&Action::Force),
        };
        if !allowed {
            return Err(format!("{:?} is shown where {actions:?} is due", state.phase));
        }
        holds(
            self.passed.is_some_and(|(target, _)| target == manifest.current),
            "something is shown before the shell check has passed",
        )?;
        match state.phase {
            Phase::Offering => {
                let put = self
                    .dismissed
                    .is_some_and(|(of, until)| of == manifest.current && scene.now + scene.jumps < until);
                holds(!put, "a dismissed offer is back within 24 hours")
            }
            Phase::Urging => {
                holds(scene.now + scene.jumps >= self.put_off, "an urge that was put off is back too soon")
            }
            Phase::Counting => {
                if before != Phase::Counting {
                    self.counted = Some((mono, mono));
                }
                holds(scene.visible, "a hidden tab counts down")?;
                holds(!scene.held, "the countdown is shown while a hold is open")?;
                holds(mono >= self.finishing, "the countdown is back within 5 minutes")?;
                holds(scene.session, "a countdown without storage")?;
                self.fresh(law, scene, 0)
            }
            _ => Ok(()),
        }
    }

    /// The page is about to go, and no person has asked.
    pub fn unasked(&self, law: &Law, scene: Scene, target: &str, navigation: bool) -> Verdict {
        let manifest = self.wanted(law, target)?;
        let mono = scene.mono;
        let actions = self.due(law, scene.now);
        let least = if navigation { Action::Navigate } else { Action::Force };
        if actions.iter().max() < Some(&least) {
            return Err(format!("it reloads where {actions:?} is due"));
        }
        holds(!scene.held, "it reloads while a hold is open")?;
        let age = if navigation { self.every(law) + 6 * SECOND } else { 66 * SECOND };
        holds(
            self.passed.is_some_and(|(target, at)| target == manifest.current && mono - at <= age),
            "it reloads without a shell check that has passed and is fresh",
        )?;
        holds(scene.session, "it reloads unasked without storage")?;
        if actions[0] == Action::Force {
            self.fresh(law, scene, 90 * SECOND)?;
        }
        if navigation {
            return Ok(());
        }
        holds(mono >= self.finishing, "it reloads though it should let the person finish")?;
        let counted = self
            .counted
            .is_some_and(|(from, to)| to - from >= COUNTDOWN && (scene.froze || mono - to <= 40 * SECOND));
        let unseen = self.counted.is_none() && (!scene.visible || mono - self.shown_at < 30 * SECOND);
        holds(counted || unseen, "it reloads without a whole countdown")
    }

    /// A person has put off what was shown.
    pub fn deferred(&mut self, law: &Law, scene: Scene) {
        let wall = scene.now + scene.jumps;
        match self.phase {
            Phase::Offering => {
                self.dismissed = self.court.in_force.map(|index| (law.manifests[index].current, wall + DAY));
            }
            Phase::Urging => self.put_off = wall + 15 * MINUTE,
            Phase::Counting if self.finishes < 10 => {
                self.finishes += 1;
                self.finishing = scene.mono + 5 * MINUTE;
            }
            _ => {}
        }
    }

    /// What is due is withdrawn: a later countdown is not the one that a person has put off.
    pub fn withdrawn(&mut self) {
        self.finishing = NEVER;
    }

    /// The manifest for which something may be shown or done at all.
    fn wanted<'a>(&self, law: &'a Law, target: &str) -> Result<&'a Manifest, String> {
        let Some(index) = self.court.in_force else { return Err("it acts without a valid manifest".into()) };
        let manifest = &law.manifests[index];
        let name = |build| format!("b{build}");
        if target != name(manifest.current) {
            return Err(format!("its target is {target:?}, in force is b{}", manifest.current));
        }
        holds(!manifest.paused, "it acts though the operator has paused")?;
        holds(manifest.share > 0.0, "it acts though the share is 0")?;
        Ok(manifest)
    }

    /// Before a force the server must have been heard in this page's life, and within the last 2·T.
    fn fresh(&self, law: &Law, scene: Scene, more: i64) -> Verdict {
        let mono = scene.mono;
        match self.heard {
            None => Err("it forces without having heard the server".into()),
            // How old a message is that waited for a frozen tab, a clock that was set meanwhile does not tell.
            Some(_) if scene.skewed => Ok(()),
            Some(at) if mono - at > 2 * self.every(law) + 20 * SECOND + more => {
                Err(format!("it forces, and heard the server {} s ago", (mono - at) / SECOND))
            }
            Some(_) => Ok(()),
        }
    }
}

/// Whether the deadline has passed at `now`, or would have `slack` ms later.
fn passed(manifest: &Manifest, now: i64, slack: i64) -> bool {
    manifest.deadline.is_some_and(|deadline| now >= deadline + slack)
}

/// The least wait after failure n (from 0): half of max(T, min(900 s, 2T·2ⁿ)).
fn backoff(failures: u32, every: i64) -> i64 {
    every.max((every << (failures.min(10) + 1)).min(900 * SECOND)) / 2
}

fn holds(condition: bool, otherwise: &str) -> Verdict {
    if condition { Ok(()) } else { Err(otherwise.into()) }
}

/// The unasked reloads that a tab has made, by build and target: the budget, as the design has it.
#[derive(Clone, Default)]
pub struct Ledger(Vec<Booking>);

#[derive(Clone)]
struct Booking {
    build: Build,
    target: Build,
    count: usize,
    /// By the visitor's clock, as far as it never goes back.
    last: i64,
    /// When the first was.
    first: i64,
}

impl Ledger {
    /// Whether the budget lets an unasked reload go; for a target that has none left, when it does.
    pub fn from(&self, build: Build, target: Build) -> Option<i64> {
        let Some(booking) = self.0.iter().find(|b| b.build == build && b.target == target) else {
            return Some(NEVER);
        };
        let wait = [0, 10 * MINUTE, HOUR, 6 * HOUR].get(booking.count)?;
        Some(booking.last + wait)
    }

    /// Whether a reload for this target has come back on the same build, as a page that was born then.
    pub fn came_back(&self, build: Build, target: Build, born: i64) -> bool {
        self.0.iter().any(|b| b.build == build && b.target == target && b.first < born)
    }

    /// Every reload is booked, a person's too.
    pub fn book(&mut self, build: Build, target: Build, wall: i64, now: i64) {
        match self.0.iter_mut().find(|b| b.build == build && b.target == target) {
            Some(booking) => {
                booking.count += 1;
                booking.last = wall;
            }
            None => self.0.push(Booking { build, target, count: 1, last: wall, first: now }),
        }
    }
}
