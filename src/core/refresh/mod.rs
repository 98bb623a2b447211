//! Refreshing without harm: six gates, in order, and a state that says at which one it stands.
//!
//! What is due follows from the standing; where it stands follows from the facts. So `advance` derives the phase anew
//! after every event, and a prompt that a rollback has overtaken is withdrawn without a case of its own.

pub mod budget;
pub mod shell;

use super::config::Config;
use super::event::{Effect, Input};
use super::manifest::Manifest;
use super::memory::Snooze;
use super::names::names;
use super::schedule::Schedule;
use super::time::{Chance, DAY, LONG_AGO, MINUTE, NEVER, Now, SECOND};
use super::value::{Value, push};
use super::window::{Action, Reason};
use budget::Budget;
use shell::{Shell, ShellCheck};

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
const SAVE_FOR: i64 = 5 * SECOND;
/// A page that is alive so long after its reload has been kept by a `beforeunload` dialog; a countdown that ended so long
/// ago was slept through.
const GONE: i64 = 10 * SECOND;

names! {
    /// Where a refresh stands.
    Phase {
        /// Nothing is due, or nothing may be done.
        Idle = "idle",
        /// Gate 1: waiting for this tab's share of the spread.
        Spreading = "spreading",
        /// Gate 2: looking at the shell.
        Checking = "checking",
        /// Gate 2 has not passed: it is looked at again.
        Waiting = "waiting",
        /// Ready for the next navigation.
        Navigation = "navigation",
        /// The offer is shown.
        Offering = "offering",
        /// The urge is shown.
        Urging = "urging",
        /// Gate 3: a forced refresh waits for holds, with a notice.
        Holding = "holding",
        /// The countdown is shown.
        Counting = "counting",
        /// Dismissed, put off, or "Let me finish".
        Deferred = "deferred",
        /// Gate 5: `onSave` callbacks run.
        Saving = "saving",
        /// Gate 6: the page is about to go.
        Reloading = "reloading",
        /// A person kept the page.
        Cancelled = "cancelled",
        /// Gate 4: not before its time.
        Refused = "refused",
        /// Gate 4: not for this target.
        Stuck = "stuck",
    }
}

/// What can be read of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Where it stands.
    pub phase: Phase,
    /// What is due.
    pub action: Action,
    /// Why it is here and no further.
    pub reason: Reason,
    /// When it goes on by itself, by the monotonic clock; or [`NEVER`].
    pub until: i64,
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
    pub reason: Reason,
}

/// The refresh of one page.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// Where it stands.
    pub state: State,
    /// The build that a refresh would reach; empty where nothing is due.
    pub target: String,
    /// Under which a reload for it is booked.
    pub key: String,
    /// Gate 2.
    pub shell: ShellCheck,
    /// The reloads that this tab has made; `None`: session storage is blocked.
    pub budget: Budget,
    /// Holds, a list of them: the reason of each, and when it expires.
    pub holds: Value,
    /// The page carries `<meta name="trueup-reload" content="off">`.
    pub reload_off: bool,
    /// What a person has put off over loads.
    pub snooze: Snooze,
    /// How many "Let me finish" are left.
    pub deferrals: u8,
    /// When this tab's share of the spread is over; [`NEVER`]: it has not been drawn.
    due: i64,
    /// It was drawn for a force.
    forced: bool,
    /// The countdown's end, or long ago.
    countdown: i64,
    /// "Let me finish" until then.
    finish: i64,
    /// A person has seen the countdown: the page is theirs, hidden or not.
    seen: bool,
    run: Run,
    /// A person asked for the run, or a navigation took it: through gates 2, 5 and 6.
    pub asked: bool,
    /// Where the run goes; empty: back here.
    pub url: String,
    /// The tab's own number: what it draws from, once for all its loads.
    pub nonce: u64,
}

/// How far an actual refresh is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    None,
    /// Somebody asked. Waits for the shell check if that is old.
    Asked,
    /// Nobody asked, and gates 1 to 4 have passed.
    Going,
    /// The phase is `Saving`, and its end that of the run.
    Saving,
    /// The same of `Reloading`.
    Gone,
    /// Kept by a person; the budget says when it may be tried again.
    Kept,
}

impl Refresh {
    /// Before the start of a page.
    pub const BLANK: Refresh = Refresh {
        // A reason that nothing else has, so that the first `advance` publishes.
        state: State { phase: Phase::Idle, action: Action::None, reason: Reason::None, until: NEVER },
        target: String::new(),
        key: String::new(),
        shell: ShellCheck::NONE,
        budget: Budget::CLOSED,
        holds: Value::Null,
        reload_off: false,
        snooze: Snooze::NONE,
        deferrals: DEFERRALS,
        due: NEVER,
        forced: false,
        countdown: LONG_AGO,
        finish: LONG_AGO,
        seen: false,
        run: Run::None,
        asked: false,
        url: String::new(),
        nonce: 0,
    };

    /// The page goes, perhaps into the back/forward cache: whoever comes back begins anew.
    pub fn leave(&mut self) {
        self.begin_anew();
        self.countdown = LONG_AGO;
        self.shell.limit = NEVER;
    }

    /// A person, or the app for one, wants the refresh. Asked again while it is under way, it changes nothing.
    pub fn ask(&mut self) {
        if matches!(self.run, Run::None | Run::Going | Run::Kept) {
            self.run = Run::Asked;
            self.asked = true;
        }
    }

    /// Dismisses an offer, puts off an urge, or lets the person finish: whichever is shown; otherwise nothing. Says whether
    /// it is to be kept.
    pub fn defer(&mut self, now: Now) -> bool {
        match self.state.phase {
            Phase::Offering => {
                set(&mut self.snooze.target, &self.target);
                self.snooze.dismissed = now.wall + DAY;
            }
            Phase::Urging => self.snooze.put_off = now.wall + PUT_OFF,
            Phase::Counting if self.deferrals > 0 => {
                self.deferrals -= 1;
                self.finish = now.mono + FINISH;
                return false;
            }
            _ => return false,
        }
        true
    }

    /// The app navigates to `url`: true if a refresh that is due takes the navigation. Never waits: a shell check older
    /// than T is renewed for the next time.
    pub fn navigate(&mut self, now: Now, schedule: &Schedule, url: &str) -> bool {
        if schedule.away
            || self.state.phase == Phase::Idle
            || now.mono < self.due
            || self.run != Run::None
            || self.held(now.mono) != NEVER
            || self.state.action == Action::Force && !schedule.has_heard(now.mono)
        {
            return false;
        }
        if !self.budget.is_open || self.budget.allowed(now.wall, &self.key) > now.wall {
            return false;
        }
        if !self.shell.passed(now.mono, schedule.every) {
            self.shell.stale = self.shell.state == Shell::Passed;
            return false;
        }
        self.ask();
        set(&mut self.url, url);
        true
    }

    /// The `onSave` callbacks have settled.
    pub fn saved(&mut self, now: Now) {
        if self.run == Run::Saving {
            self.state.until = now.mono;
        }
    }

    /// The booking failed, and with it the reload: without storage, never unasked.
    pub fn unbooked(&mut self) {
        self.budget.read(&Value::Null);
        self.begin_anew();
    }

    /// When it goes on by itself.
    pub fn wake(&self, now: i64) -> i64 {
        if self.state.phase == Phase::Holding { self.held(now) } else { self.state.until }
    }

    /// When the first of the open holds expires; [`NEVER`]: none is open.
    fn held(&self, now: i64) -> i64 {
        let mut first = NEVER;
        for hold in self.holds.items() {
            let until = expiry(hold);
            if until > now {
                first = first.min(until);
            }
        }
        first
    }

    /// Whether a hold is open.
    pub fn is_held(&self, now: i64) -> bool {
        self.held(now) != NEVER
    }

    /// Goes as far as the facts allow, and says what is to be done for it. To be called after every event; with the same facts
    /// again it changes nothing.
    pub fn advance(&mut self, now: Now, facts: &Facts, schedule: &mut Schedule, effects: &mut Vec<Effect>) {
        let before = self.state;
        let mut publish = false;
        let target = match facts.manifest {
            Some(manifest) if facts.action != Action::None => &manifest.current.id,
            _ => "",
        };
        if self.target != target {
            set(&mut self.target, target);
            set(&mut self.key, &facts.config.build.id);
            push(&mut self.key, b'\n');
            self.key.push_str(target);
            self.shell.renew();
            // What is shown stays, and who waits still waits: only a tab that is through draws for another target.
            if now.mono >= self.due && !self.is_shown() {
                self.due = NEVER;
            }
            publish = true;
        }
        self.state.action = facts.action;
        self.step(now, facts, schedule, effects);
        if self.state.phase != Phase::Counting {
            self.countdown = LONG_AGO;
        }
        if publish || self.state != before {
            effects.push(Effect::Refresh);
        }
    }

    fn is_shown(&self) -> bool {
        matches!(self.state.phase, Phase::Offering | Phase::Urging | Phase::Holding | Phase::Counting)
    }

    fn begin_anew(&mut self) {
        self.run = Run::None;
        self.asked = false;
        self.url.clear();
    }

    fn stand(&mut self, phase: Phase, reason: Reason, until: i64) {
        self.state.phase = phase;
        self.state.reason = reason;
        self.state.until = until;
    }

    fn step(&mut self, now: Now, facts: &Facts, schedule: &mut Schedule, effects: &mut Vec<Effect>) {
        if self.run == Run::Gone {
            if now.mono < self.state.until {
                return;
            }
            self.begin_anew();
            self.run = Run::Kept;
        }
        let mut spread = 0;
        let mut idle = facts.reason;
        if let Some(manifest) = facts.manifest
            && !self.target.is_empty()
        {
            spread = manifest.refresh.spread;
            idle = self.unwanted(manifest, facts);
        }
        if idle != Reason::None {
            self.begin_anew();
            // Whoever is wanted again, all at once, draws a share of the spread again.
            self.due = NEVER;
            if self.target.is_empty() {
                self.finish = LONG_AGO;
            }
            return self.stand(Phase::Idle, idle, NEVER);
        }
        let forced = facts.action == Action::Force;
        // Gate 1: draws this tab's share of the spread, once for a target and for becoming forced.
        if self.due == NEVER {
            self.shell.renew();
        }
        if self.due == NEVER || forced && !self.forced {
            self.due = now.mono
                + schedule.chance.between(0, if forced { spread } else { spread.min(NOTICE_SPREAD) });
        }
        self.forced = forced;
        if now.mono >= self.shell.limit {
            self.shell.seen(now.mono, Shell::Lagging(Reason::NoPage), schedule);
        }

        if self.run == Run::Saving {
            // What was true when the callbacks began may be so no longer: whoever did not ask begins anew.
            if !self.asked
                && (!forced || self.is_held(now.mono) || !self.shell.passed(now.mono, FRESH + SAVE_FOR))
            {
                self.begin_anew();
            } else if now.mono < self.state.until {
                return;
            } else {
                self.budget.book(now.wall, &self.key);
                self.run = Run::Gone;
                effects.push(Effect::Reload);
                return self.stand(Phase::Reloading, Reason::None, now.mono + GONE);
            }
        }
        if !self.asked {
            if now.mono < self.due {
                // Another target: whoever was about to go to the one before begins anew.
                if self.run == Run::Going {
                    self.run = Run::None;
                }
                return self.stand(Phase::Spreading, Reason::Spread, self.due);
            }
            let from = self.budget.allowed(now.wall, &self.key);
            if from > now.wall {
                let (phase, until) = match self.run {
                    _ if from == NEVER => (Phase::Stuck, NEVER),
                    Run::Kept => (Phase::Cancelled, now.mono + from - now.wall),
                    _ => (Phase::Refused, now.mono + from - now.wall),
                };
                return self.stand(phase, Reason::Budget, until);
            }
            if self.run == Run::Kept {
                self.run = Run::None;
            }
            if self.deferred(now) {
                return;
            }
        }
        let age = match self.run {
            Run::Asked if !self.url.is_empty() => schedule.every,
            Run::None if self.is_shown() || self.state.phase == Phase::Navigation => DAY,
            _ => FRESH,
        };
        if !self.shell.passed(now.mono, age) {
            return self.look(now, schedule, effects);
        }
        if self.shell.stale {
            self.look(now, schedule, effects);
        }
        if !self.asked {
            if self.run == Run::None || self.is_held(now.mono) {
                self.run = Run::None;
                if !self.show(now, facts, schedule) {
                    return;
                }
                self.run = Run::Going;
            }
            if !self.shell.passed(now.mono, FRESH) {
                return self.look(now, schedule, effects);
            }
        }
        self.run = Run::Saving;
        effects.push(Effect::Save);
        self.stand(Phase::Saving, Reason::None, now.mono + SAVE_FOR);
    }

    /// Why actions are off, or those that nobody asked for.
    fn unwanted(&self, manifest: &Manifest, facts: &Facts) -> Reason {
        if self.reload_off {
            return Reason::ReloadOff;
        }
        if self.asked {
            return Reason::None;
        }
        if facts.config.observe {
            return Reason::Observe;
        }
        if manifest.refresh.paused {
            return Reason::Paused;
        }
        // The draw follows from the tab's number and the target, so that it is the same at every load (FNV-1a).
        let mut hash = self.nonce;
        for byte in self.target.bytes() {
            hash = (hash ^ byte as u64).wrapping_mul(0x100_0000_01b3);
        }
        if Chance::new(hash).unit() >= manifest.refresh.share { Reason::Share } else { Reason::None }
    }

    /// Whether a person has put it off.
    fn deferred(&mut self, now: Now) -> bool {
        // Without storage a force is shown as an urge, and is put off like one.
        let (reason, until) = match self.state.action {
            Action::Offer if self.snooze.target == self.target => {
                (Reason::Dismissed, now.mono + self.snooze.dismissed - now.wall)
            }
            Action::Force if self.budget.is_open => (Reason::Finishing, self.finish),
            Action::Urge | Action::Force => {
                (Reason::PutOff, now.mono + (self.snooze.put_off - now.wall).min(PUT_OFF))
            }
            _ => return false,
        };
        if until > now.mono {
            self.stand(Phase::Deferred, reason, until);
        }
        until > now.mono
    }

    /// Gate 2: looks at the shell, or waits until it may.
    fn look(&mut self, now: Now, schedule: &Schedule, effects: &mut Vec<Effect>) {
        if self.shell.limit == NEVER {
            if let Shell::Lagging(reason) = self.shell.state
                && now.mono < self.shell.at
            {
                // Whoever was about to go begins anew: what passed for them before has not passed now.
                self.begin_anew();
                return self.stand(Phase::Waiting, reason, self.shell.at);
            }
            if !schedule.visible && self.state.action != Action::Force {
                return self.stand(Phase::Waiting, Reason::Hidden, NEVER);
            }
            self.shell.look(now.mono);
            effects.push(Effect::Shell);
        }
        self.stand(Phase::Checking, Reason::None, self.shell.limit);
    }

    /// Gates 1, 2 and 4 have passed: shows what is due, counts down, or says that it may go.
    fn show(&mut self, now: Now, facts: &Facts, schedule: &Schedule) -> bool {
        let mut until = NEVER;
        let (phase, reason) = match facts.action {
            Action::None | Action::Navigate => (Phase::Navigation, facts.reason),
            Action::Offer => (Phase::Offering, facts.reason),
            Action::Urge => (Phase::Urging, facts.reason),
            Action::Force if !self.budget.is_open => (Phase::Urging, Reason::NoStorage),
            Action::Force if !schedule.has_heard(now.mono) => (Phase::Waiting, Reason::Unheard),
            Action::Force if self.is_held(now.mono) => (Phase::Holding, Reason::Holds),
            // "Started anew when the tab comes back": who has seen the countdown is not refreshed behind their back.
            Action::Force if !schedule.visible && self.seen => (Phase::Waiting, Reason::Hidden),
            Action::Force if !schedule.visible => return true,
            Action::Force => {
                if now.mono >= self.countdown + GONE {
                    self.countdown = now.mono + facts.config.countdown;
                }
                if now.mono >= self.countdown {
                    return true;
                }
                self.seen = true;
                until = self.countdown;
                (Phase::Counting, facts.reason)
            }
        };
        self.stand(phase, reason, until);
        false
    }
}

/// When a hold expires.
pub fn expiry(hold: &Value) -> i64 {
    Input(hold).number(1, 0).min(NEVER - 1)
}

/// Writes a text in the place of another.
fn set(text: &mut String, with: &str) {
    text.clear();
    text.push_str(with);
}
