//! Refreshing without harm: six gates, in order, and a state that says at which one it stands.
//!
//! What is due follows from the standing; where it stands follows from the facts. So `advance` derives the phase anew
//! after every event, and a prompt that a rollback has overtaken is withdrawn without a case of its own.

pub mod budget;
pub mod shell;

use super::config::Config;
use super::manifest::Manifest;
use super::time::{Chance, DAY, MINUTE, Now, SECOND};
use super::value::Value;
use super::window::Action;
use budget::{Allowance, Budget};
use shell::{Lag, Shell, ShellCheck};

/// Offers and urges wait at most this long.
const NOTICE_SPREAD: i64 = 30 * SECOND;
/// An urge is put off for this long at a time.
const PUT_OFF: i64 = 15 * MINUTE;
/// "Let me finish", WCAG 2.2.1: …
const FINISH: i64 = 5 * MINUTE;
/// … ten times.
const DEFERRALS: u8 = 10;
/// A shell check that is older is made again before the reload.
const FRESH: i64 = 60 * SECOND;
/// `onSave` callbacks get this long.
const SAVE: i64 = 5 * SECOND;
/// A page that is alive so long after its reload has been kept by a `beforeunload` dialog; a countdown that ended so long
/// ago was slept through.
const GONE: i64 = 10 * SECOND;

/// Where a refresh stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is due, or nothing may be done.
    Idle,
    /// Gate 1: waiting for this tab's share of the spread.
    Spreading,
    /// Gate 2: looking at the shell.
    Checking,
    /// Gate 2 has not passed: it is looked at again.
    Waiting,
    /// Ready for the next navigation.
    Navigation,
    /// The offer is shown.
    Offering,
    /// The urge is shown.
    Urging,
    /// Gate 3: a forced refresh waits for holds, with a notice.
    Holding,
    /// The countdown is shown.
    Counting,
    /// Dismissed, put off, or "Let me finish".
    Deferred,
    /// Gate 5: `onSave` callbacks run.
    Saving,
    /// Gate 6: the page is about to go.
    Reloading,
    /// A person kept the page.
    Cancelled,
    /// Gate 4: not before its time.
    Refused,
    /// Gate 4: not for this target.
    Stuck,
}

impl Phase {
    /// The name, as JavaScript sees it.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Spreading => "spreading",
            Phase::Checking => "checking",
            Phase::Waiting => "waiting",
            Phase::Navigation => "navigation",
            Phase::Offering => "offering",
            Phase::Urging => "urging",
            Phase::Holding => "holding",
            Phase::Counting => "counting",
            Phase::Deferred => "deferred",
            Phase::Saving => "saving",
            Phase::Reloading => "reloading",
            Phase::Cancelled => "cancelled",
            Phase::Refused => "refused",
            Phase::Stuck => "stuck",
        }
    }

    const fn is_shown(self) -> bool {
        matches!(self, Phase::Offering | Phase::Urging | Phase::Holding | Phase::Counting)
    }
}

/// What can be read of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Where it stands.
    pub phase: Phase,
    /// What is due.
    pub action: Action,
    /// The build that a refresh would reach.
    pub target: Option<String>,
    /// Why it is here and no further.
    pub reason: &'static str,
    /// When it goes on by itself, by the monotonic clock.
    pub until: Option<i64>,
}

/// What the rest of the core knows, for one `advance`.
pub struct Facts<'a> {
    /// The options.
    pub config: &'a Config,
    /// In force.
    pub manifest: Option<&'a Manifest>,
    /// What follows from the standing, a regressed manifest taken into account.
    pub action: Action,
    /// The reason of the standing.
    pub reason: &'static str,
    /// Whether the tab is visible.
    pub visible: bool,
    /// Whether the server was heard in this page's life, within the last 2·T.
    pub heard: bool,
    /// T.
    pub every: i64,
    /// The tab's own number: what it draws from, once for all its loads.
    pub nonce: u64,
}

/// What `advance` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Look at the shell.
    Shell,
    /// Run the `onSave` callbacks.
    Save,
    /// Reload: booked, if a person did not ask.
    Reload,
    /// Poll: the server has not been heard lately.
    Poll,
    /// Snoozes changed: keep them.
    Keep,
}

/// The refresh of one page.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// Where it stands.
    pub state: State,
    /// Gate 2.
    pub shell: ShellCheck,
    /// The reloads that this tab has made; `None`: session storage is blocked.
    pub budget: Option<Budget>,
    /// Open holds and when they expire.
    pub holds: Vec<(String, i64)>,
    /// The page carries `<meta name="trueup-reload" content="off">`.
    pub reload_off: bool,
    /// An offer that was dismissed: its target and when it returns, by the wall clock.
    pub dismissed: Option<(String, i64)>,
    /// An urge that was put off until then, by the wall clock.
    pub put_off: i64,
    /// How many "Let me finish" are left.
    pub deferrals: u8,
    due: Option<Due>,
    /// The countdown's end.
    countdown: Option<i64>,
    /// "Let me finish" until then. A person has seen the modal: the page is theirs, hidden or not.
    finish: Option<i64>,
    seen: bool,
    run: Run,
}

#[derive(Clone, Debug)]
struct Due {
    forced: bool,
    target: String,
    /// When this tab's share of the spread is over.
    at: i64,
}

/// How far an actual refresh is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Run {
    None,
    /// A person asked: through gates 2, 5 and 6. Waits for the shell check if that is old.
    Asked(Option<String>),
    /// Nobody asked, and gates 1 to 4 have passed.
    Going,
    Saving {
        until: i64,
        asked: bool,
        url: Option<String>,
    },
    Gone {
        until: i64,
        asked: bool,
        url: Option<String>,
    },
    /// Kept by a person; the budget says when it may be tried again.
    Kept,
}

impl Refresh {
    /// At the start of a page.
    pub fn new(budget: Option<Budget>, reload_off: bool) -> Refresh {
        Refresh {
            state: State {
                phase: Phase::Idle,
                action: Action::None,
                target: None,
                reason: "unknown",
                until: None,
            },
            shell: ShellCheck::default(),
            budget,
            holds: Vec::new(),
            reload_off,
            dismissed: None,
            put_off: 0,
            deferrals: DEFERRALS,
            due: None,
            countdown: None,
            finish: None,
            seen: false,
            run: Run::None,
        }
    }

    /// The page goes, perhaps into the back/forward cache: whoever comes back begins anew.
    pub fn leave(&mut self) {
        self.run = Run::None;
        self.countdown = None;
        self.shell.looking = None;
    }

    /// A person, or the app for one, wants the refresh. Asked again while it is under way, it changes nothing.
    pub fn ask(&mut self) {
        if matches!(self.run, Run::None | Run::Going | Run::Kept) {
            self.run = Run::Asked(None);
        }
    }

    /// Dismisses an offer, puts off an urge, or lets the person finish: whichever is shown; otherwise nothing.
    pub fn defer(&mut self, now: Now) -> Option<Ask> {
        match self.state.phase {
            Phase::Offering => {
                self.dismissed = self.state.target.clone().map(|target| (target, now.wall + DAY));
            }
            Phase::Urging => self.put_off = now.wall + PUT_OFF,
            Phase::Counting if self.deferrals > 0 => {
                self.deferrals -= 1;
                self.finish = Some(now.mono + FINISH);
                return None;
            }
            _ => return None,
        }
        Some(Ask::Keep)
    }

    /// The app navigates to `url`: true if a refresh that is due takes the navigation. Never waits: a shell check older
    /// than T is renewed for the next time.
    pub fn navigate(&mut self, now: Now, facts: &Facts, url: &str) -> bool {
        let Some(target) = self.passable(now, facts) else { return false };
        if self.run != Run::None
            || !self.open_holds(now.mono).is_empty()
            || facts.action == Action::Force && !facts.heard
        {
            return false;
        }
        if !self.shell.passed(now.mono, &target, facts.every) {
            self.shell.stale = matches!(self.shell.state, Shell::Passed(..));
            return false;
        }
        self.run = Run::Asked(Some(url.to_owned()));
        true
    }

    /// The `onSave` callbacks have settled.
    pub fn saved(&mut self, now: Now) {
        if let Run::Saving { until, .. } = &mut self.run {
            *until = now.mono;
        }
    }

    /// The booking failed, and with it the reload: without storage, never unasked.
    pub fn unbooked(&mut self) {
        self.budget = None;
        self.run = Run::None;
    }

    /// For whom the page reloads: whether a person asked, and where to.
    pub fn going(&self) -> (bool, Option<&str>) {
        match &self.run {
            Run::Gone { asked, url, .. } => (*asked, url.as_deref()),
            _ => (false, None),
        }
    }

    /// When it goes on by itself.
    pub fn wake(&self, now: i64) -> Option<i64> {
        let holds = self.holds.iter().map(|(_, until)| *until).filter(|until| *until > now).min();
        match (self.state.until, holds.filter(|_| self.state.phase == Phase::Holding)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The holds that are open, by their reasons.
    pub fn open_holds(&self, now: i64) -> Vec<Value> {
        self.holds
            .iter()
            .filter(|(_, until)| *until > now)
            .map(|(reason, _)| reason.as_str().into())
            .collect()
    }

    /// Goes as far as the facts allow. To be called after every event; with the same facts again it changes nothing.
    pub fn advance(&mut self, now: Now, facts: &Facts, chance: &mut Chance) -> Vec<Ask> {
        let mut asks = Vec::new();
        let (phase, reason, until) = self.step(now, facts, chance, &mut asks);
        if phase != Phase::Counting {
            self.countdown = None;
        }
        self.state = State {
            phase,
            action: facts.action,
            target: facts.manifest.filter(|_| facts.action != Action::None).map(|m| m.current.id.clone()),
            reason,
            until,
        };
        asks
    }

    fn step(
        &mut self,
        now: Now,
        facts: &Facts,
        chance: &mut Chance,
        asks: &mut Vec<Ask>,
    ) -> (Phase, &'static str, Option<i64>) {
        if let Run::Gone { until, .. } = self.run {
            if now.mono < until {
                return (Phase::Reloading, "", Some(until));
            }
            self.run = Run::Kept;
        }
        let (Some(manifest), true) = (facts.manifest, facts.action != Action::None) else {
            self.run = Run::None;
            self.due = None;
            self.finish = None;
            return (Phase::Idle, facts.reason, None);
        };
        if self.reload_off {
            return (Phase::Idle, "reload-off", None);
        }
        let target = &manifest.current.id;
        let asked = matches!(self.run, Run::Asked(_) | Run::Saving { asked: true, .. });
        if !asked && let Some(reason) = unwanted(manifest, facts) {
            self.run = Run::None;
            // Whoever is wanted again, all at once, draws a share of the spread again.
            self.due = None;
            return (Phase::Idle, reason, None);
        }
        self.note_due(now, facts, manifest, chance);
        if self.shell.limit().is_some_and(|at| now.mono >= at) {
            self.shell.lag(now.mono, Lag::NoPage, facts.every, chance);
        }

        // What was true when the callbacks began may be so no longer: whoever did not ask begins anew.
        if matches!(self.run, Run::Saving { asked: false, .. })
            && (facts.action != Action::Force
                || !self.open_holds(now.mono).is_empty()
                || !self.shell.passed(now.mono, target, FRESH + SAVE))
        {
            self.run = Run::None;
        }
        if let Run::Saving { until, asked, url } = &self.run {
            if now.mono < *until {
                return (Phase::Saving, "", Some(*until));
            }
            if let Some(budget) = &mut self.budget {
                budget.book(now.wall, &facts.config.build.id, target);
            }
            let until = now.mono + GONE;
            self.run = Run::Gone { until, asked: *asked, url: url.clone() };
            asks.push(Ask::Reload);
            return (Phase::Reloading, "", Some(until));
        }
        if !asked {
            if let Some(due) = self.due.as_ref().filter(|due| now.mono < due.at) {
                let at = due.at;
                // Another target: whoever was about to go to the one before begins anew.
                if self.run == Run::Going {
                    self.run = Run::None;
                }
                return (Phase::Spreading, "spread", Some(at));
            }
            if let Some(budget) = &mut self.budget {
                match budget.allowance(now.wall, &facts.config.build.id, target) {
                    Allowance::Free => {
                        if self.run == Run::Kept {
                            self.run = Run::None;
                        }
                    }
                    Allowance::From(wall) => {
                        let phase = if self.run == Run::Kept { Phase::Cancelled } else { Phase::Refused };
                        return (phase, "budget", Some(now.mono + wall - now.wall));
                    }
                    Allowance::Stuck => return (Phase::Stuck, "budget", None),
                }
            }
            if let Some(deferred) = self.deferred(now, facts, target) {
                return deferred;
            }
        }
        let stands = self.state.phase.is_shown() || self.state.phase == Phase::Navigation;
        let age = match &self.run {
            Run::Asked(Some(_)) => facts.every,
            Run::None if stands => DAY,
            _ => FRESH,
        };
        if !self.shell.passed(now.mono, target, age) {
            return self.look(now, facts, asks);
        }
        if self.shell.stale {
            self.look(now, facts, asks);
        }
        if self.run == Run::Going && !self.open_holds(now.mono).is_empty() {
            self.run = Run::None;
        }
        if asked || self.run == Run::Going {
            let url = match &self.run {
                Run::Asked(url) => url.clone(),
                _ => None,
            };
            let until = now.mono + SAVE;
            self.run = Run::Saving { until, asked, url };
            asks.push(Ask::Save);
            return (Phase::Saving, "", Some(until));
        }
        self.show(now, facts, asks)
    }

    /// Gate 1: draws this tab's share of the spread, once for a target and for becoming forced.
    fn note_due(&mut self, now: Now, facts: &Facts, manifest: &Manifest, chance: &mut Chance) {
        let forced = facts.action == Action::Force;
        let target = &manifest.current.id;
        let (new, other) =
            self.due.as_ref().map_or((true, true), |due| (forced && !due.forced, due.target != *target));
        if other {
            self.shell.renew();
        }
        // What is shown stays, and who waits still waits: only a tab that is through draws for another target.
        let through = self.due.as_ref().is_none_or(|due| now.mono >= due.at);
        let at = match &self.due {
            Some(due) if !(new || other && through && !self.state.phase.is_shown()) => due.at,
            _ => {
                let spread = manifest.refresh.spread;
                now.mono + chance.between(0, if forced { spread } else { spread.min(NOTICE_SPREAD) })
            }
        };
        self.due = Some(Due { forced, target: target.clone(), at });
    }

    /// What a person has put off.
    fn deferred(&self, now: Now, facts: &Facts, target: &str) -> Option<(Phase, &'static str, Option<i64>)> {
        // Without storage a force is shown as an urge, and is put off like one.
        let shown = if self.budget.is_none() { facts.action.min(Action::Urge) } else { facts.action };
        let (reason, until) = match shown {
            Action::Offer => match &self.dismissed {
                Some((of, until)) if of == target => ("dismissed", now.mono + until - now.wall),
                _ => return None,
            },
            Action::Urge => ("put-off", now.mono + (self.put_off - now.wall).min(PUT_OFF)),
            Action::Force => ("finishing", self.finish?),
            _ => return None,
        };
        (until > now.mono).then_some((Phase::Deferred, reason, Some(until)))
    }

    /// Gate 2: looks at the shell, or waits until it may.
    fn look(&mut self, now: Now, facts: &Facts, asks: &mut Vec<Ask>) -> (Phase, &'static str, Option<i64>) {
        if let Some(at) = self.shell.limit() {
            return (Phase::Checking, "", Some(at));
        }
        if let Shell::Lagging(lag, at) = self.shell.state
            && now.mono < at
        {
            // Whoever was about to go begins anew: what passed for them before has not passed now.
            self.run = Run::None;
            return (Phase::Waiting, lag.name(), Some(at));
        }
        if !facts.visible && facts.action != Action::Force {
            return (Phase::Waiting, "hidden", None);
        }
        self.shell.looking = Some(now.mono);
        self.shell.activated = false;
        asks.push(Ask::Shell);
        (Phase::Checking, "", self.shell.limit())
    }

    /// Gates 1, 2 and 4 have passed: shows what is due, counts down, or goes.
    fn show(&mut self, now: Now, facts: &Facts, asks: &mut Vec<Ask>) -> (Phase, &'static str, Option<i64>) {
        match facts.action {
            Action::None | Action::Navigate => return (Phase::Navigation, facts.reason, None),
            Action::Offer => return (Phase::Offering, facts.reason, None),
            Action::Urge => return (Phase::Urging, facts.reason, None),
            Action::Force => {}
        }
        if self.budget.is_none() {
            return (Phase::Urging, "no-storage", None);
        }
        if !facts.heard {
            asks.push(Ask::Poll);
            return (Phase::Waiting, "unheard", None);
        }
        if self.holds.iter().any(|(_, until)| *until > now.mono) {
            return (Phase::Holding, "holds", None);
        }
        let end = match self.countdown.filter(|end| now.mono < end + GONE) {
            None if !facts.visible => {
                // "Started anew when the tab comes back": who has seen the countdown is not refreshed behind their back.
                if self.seen {
                    return (Phase::Waiting, "hidden", None);
                }
                now.mono
            }
            Some(_) if !facts.visible => return (Phase::Waiting, "hidden", None),
            None => now.mono + facts.config.countdown,
            Some(end) => end,
        };
        if now.mono < end {
            self.seen = true;
            self.countdown = Some(end);
            return (Phase::Counting, facts.reason, Some(end));
        }
        self.run = Run::Going;
        self.step(now, facts, &mut Chance::new(0), asks)
    }

    /// The target that gates 1 and 4 let a navigation reach.
    fn passable(&mut self, now: Now, facts: &Facts) -> Option<String> {
        let manifest = facts.manifest?;
        let target = &manifest.current.id;
        let spread_over = self.due.as_ref().is_some_and(|due| due.target == *target && now.mono >= due.at);
        let idle = matches!(self.state.phase, Phase::Idle | Phase::Saving | Phase::Reloading);
        if facts.action == Action::None || self.reload_off || !spread_over || idle {
            return None;
        }
        let free =
            self.budget.as_mut()?.allowance(now.wall, &facts.config.build.id, target) == Allowance::Free;
        free.then(|| target.clone())
    }
}

/// Why unasked actions are off.
fn unwanted(manifest: &Manifest, facts: &Facts) -> Option<&'static str> {
    if facts.config.observe {
        return Some("observe");
    }
    if manifest.refresh.paused {
        return Some("paused");
    }
    // The draw follows from the tab's number and the target, so that it is the same at every load (FNV-1a).
    let mix = |hash: u64, byte| (hash ^ byte as u64).wrapping_mul(0x100_0000_01b3);
    let draw = Chance::new(manifest.current.id.bytes().fold(facts.nonce, mix)).unit();
    (draw >= manifest.refresh.share).then_some("share")
}
