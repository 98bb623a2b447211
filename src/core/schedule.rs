//! When to poll, and whether it is this tab that does.

use super::time::{Chance, MINUTE, SECOND, backoff};

/// A request that takes longer is given up.
const LIMIT: i64 = 10 * SECOND;
/// A follower polls by itself this long after the poll that the leader announced.
const PATIENCE: i64 = 15 * SECOND;
/// A follower that has heard nothing at all waits this long for the leader's answer.
const FIRST: i64 = 2 * SECOND;
/// A poll that is so late was not kept by the browser's timers, but slept through.
const LATE: i64 = SECOND;
const LONGEST_RETRY_AFTER: i64 = 15 * MINUTE;

/// Why a poll is made: the reason of a wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The first of the page's life.
    Start,
    /// The period is over.
    Period,
    /// The last one failed.
    Retry,
    /// The leader was not heard.
    Silence,
    /// The tab is visible again.
    Visible,
    /// The page came back from the back/forward cache.
    PageShow,
    /// The page was unfrozen.
    Resume,
    /// The browser is online again.
    Online,
    /// A chunk was lost.
    Chunk,
    /// A header named a higher serial.
    Header,
    /// A refusal left an API with nothing in common.
    Refused,
    /// A refresh is due, and the server has not been heard lately.
    Unheard,
    /// The app asked.
    Check,
}

impl Why {
    /// The name, as JavaScript sees it.
    pub const fn name(self) -> &'static str {
        match self {
            Why::Start => "start",
            Why::Period => "period",
            Why::Retry => "retry",
            Why::Silence => "silence",
            Why::Visible => "visible",
            Why::PageShow => "pageshow",
            Why::Resume => "resume",
            Why::Online => "online",
            Why::Chunk => "chunk",
            Why::Header => "header",
            Why::Refused => "refused",
            Why::Unheard => "unheard",
            Why::Check => "check",
        }
    }
}

/// A `Retry-After`, in ms from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// The form in seconds.
    Delay(i64),
    /// The form of a date.
    Date(i64),
}

/// Who polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Web Locks or BroadcastChannel are missing: every tab for itself.
    Alone,
    /// Another visible tab polls, as far as this one knows.
    Follower,
    /// This tab polls for all.
    Leader,
}

/// When the next poll is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// T: the poll period in ms.
    pub every: i64,
    /// Who polls.
    pub role: Role,
    /// Whether the tab is visible: hidden ones do not poll.
    pub visible: bool,
    /// `navigator.onLine`: offline nothing is polled or counted.
    pub online: bool,
    /// The page has gone, perhaps into the back/forward cache: a request would keep it out of there.
    pub away: bool,
    /// The next regular poll of whoever polls.
    next: i64,
    why: Why,
    /// When a follower polls by itself.
    patience: i64,
    early: Option<(i64, Why)>,
    /// When each cause last brought an early poll.
    spent: Vec<(Why, i64)>,
    failures: u32,
    /// When the last poll failed.
    failed: Option<i64>,
    /// Nothing goes before: Retry-After, or the backoff that an answer caused.
    barrier: i64,
    request: Option<(i64, Why)>,
    /// When the newest good answer came, a kept one included.
    last_good: Option<i64>,
    /// When the server was last heard in this page's life.
    heard: Option<i64>,
    /// The highest serial that a header asked for.
    asked: u64,
}

impl Schedule {
    /// At the start of a page. `kept` is the age of the kept answer in ms and how long until the next poll that was
    /// planned with it.
    pub fn new(now: i64, every: i64, role: Role, kept: Option<(i64, i64)>) -> Schedule {
        let mut schedule = Schedule {
            every,
            role,
            visible: true,
            online: true,
            away: false,
            next: now,
            why: Why::Start,
            patience: now + FIRST,
            early: None,
            spent: Vec::new(),
            failures: 0,
            failed: None,
            barrier: now,
            request: None,
            last_good: None,
            heard: None,
            asked: 0,
        };
        if let Some((age, planned)) = kept.filter(|(age, _)| *age < every) {
            schedule.next = now + every - age;
            schedule.patience = now + planned.clamp(0, every * 6 / 5) + PATIENCE;
            schedule.last_good = Some(now - age);
        }
        schedule
    }

    /// When something is to be done, and why: a poll, or giving up on the running one.
    pub fn wake(&self) -> Option<(i64, Why)> {
        if let Some((since, why)) = self.request {
            return Some((since + LIMIT, why));
        }
        if !self.visible || !self.online || self.away {
            return None;
        }
        let regular = match self.role {
            Role::Follower => (self.patience.max(self.barrier), Why::Silence),
            _ => (self.next, self.why),
        };
        match self.early {
            Some(early) if early.0 < regular.0 => Some(early),
            _ => Some(regular),
        }
    }

    /// Starts the poll that is due now and says why, if one is. One that fell due while the page was hidden, frozen,
    /// away or asleep goes out with jitter, like the early ones.
    pub fn start(&mut self, now: i64, chance: &mut Chance) -> Option<Why> {
        let (at, why) = self.wake()?;
        if self.request.is_some() || at > now {
            return None;
        }
        if at < now - LATE && self.last_good.is_some() {
            let soon = now + chance.between(0, 2 * SECOND);
            if self.early.is_some_and(|early| early.0 == at) {
                self.early = Some((soon, why));
            } else {
                self.next = soon;
                self.patience = self.patience.max(soon);
            }
            return None;
        }
        self.early = None;
        self.request = Some((now, why));
        Some(why)
    }

    /// Whether the running request has taken too long.
    pub fn overdue(&self, now: i64) -> bool {
        self.request.is_some_and(|(since, _)| now >= since + LIMIT)
    }

    /// Why the running request was made.
    pub fn running(&self) -> Option<Why> {
        self.request.map(|(_, why)| why)
    }

    /// The page goes (pagehide): the running request is given up without being counted.
    pub fn abandon(&mut self) {
        self.away = true;
        self.request = None;
    }

    /// A valid answer came `age` ms ago: own, or told by a tab that polls next in `told` ms.
    pub fn good(&mut self, now: i64, chance: &mut Chance, told: Option<i64>, age: i64) {
        self.ended(now, told);
        let at = now - age;
        // So old an answer ends no backoff that began since.
        if self.failed.is_none_or(|failed| at > failed) {
            self.failures = 0;
            self.barrier = now;
        }
        self.last_good = self.last_good.max(Some(at));
        self.heard = self.heard.max(Some(at));
        self.why = Why::Period;
        let period = (self.every as f64 * (0.8 + 0.4 * chance.unit())) as i64;
        self.plan(now, told.unwrap_or(period));
    }

    /// A poll failed. `answered`: an answer caused it, not the network.
    pub fn bad(
        &mut self,
        now: i64,
        chance: &mut Chance,
        told: Option<i64>,
        answered: bool,
        retry_after: Option<RetryAfter>,
    ) {
        self.ended(now, told);
        if !self.online {
            return;
        }
        let mut wait = backoff(self.failures, self.every, chance);
        self.failures = self.failures.saturating_add(1);
        self.failed = Some(now);
        if let Some(retry_after) = retry_after {
            let (asked, jitter) = match retry_after {
                RetryAfter::Delay(ms) => (ms.clamp(0, LONGEST_RETRY_AFTER), None),
                RetryAfter::Date(ms) => (ms.clamp(0, LONGEST_RETRY_AFTER), Some(self.every)),
            };
            let jitter = chance.between(0, jitter.unwrap_or(asked / 10) + 1);
            wait = wait.max(asked + jitter);
        }
        self.why = Why::Retry;
        self.plan(now, told.unwrap_or(wait));
        if answered {
            self.barrier = self.next;
            self.early = None;
        }
    }

    /// How long until this tab's next regular poll, to be told to the others.
    pub fn planned(&self, now: i64) -> i64 {
        self.next - now
    }

    /// Something happened that makes an early poll worth while: only if the last good answer is older than T, or if it
    /// `brings_news`; once per cause and T; never before the barrier.
    pub fn early(&mut self, now: i64, chance: &mut Chance, why: Why, brings_news: bool) {
        let stale = self.last_good.is_none_or(|at| now - at >= self.every);
        let spent = self.spent.iter().any(|(w, at)| *w == why && now - at < self.every);
        if spent || !(stale || brings_news) {
            return;
        }
        let jitter = match why {
            Why::Online => 5 * SECOND,
            Why::Header => self.every / 2,
            _ => 2 * SECOND,
        };
        let at = now + chance.between(0, jitter);
        if at < self.barrier {
            return;
        }
        self.spent.retain(|(w, _)| *w != why);
        self.spent.push((why, now));
        if self.early.is_none_or(|(before, _)| at < before) {
            self.early = Some((at, why));
        }
    }

    /// A header named a serial above the one in force: one poll for each.
    pub fn header(&mut self, now: i64, chance: &mut Chance, serial: u64) {
        if serial > self.asked {
            self.asked = serial;
            self.spent.retain(|(w, _)| *w != Why::Header);
            self.early(now, chance, Why::Header, true);
        }
    }

    /// The app wants a poll at once. Says when it may be, if that is later.
    pub fn check(&mut self, now: i64) -> Option<i64> {
        if self.request.is_some() {
            return None;
        }
        if !self.online || self.barrier > now {
            return Some(self.barrier.max(now));
        }
        self.early = None;
        self.request = Some((now, Why::Check));
        None
    }

    /// The browser is online again: ends a backoff from network errors alone.
    pub fn online_again(&mut self, now: i64, chance: &mut Chance) {
        self.online = true;
        if self.failures > 0 && self.barrier <= now {
            self.failures = 0;
            self.last_good = None;
        }
        // A poll that fell due meanwhile goes out with the jitter of `online`, and a follower lets its leader go first.
        if self.next < now {
            self.next = self.barrier.max(now + chance.between(0, 5 * SECOND));
        }
        self.patience = self.patience.max(self.next + PATIENCE);
        self.early(now, chance, Why::Online, false);
    }

    /// The tab is shown again, or back from the back/forward cache: a follower lets its leader speak first.
    pub fn back(&mut self, now: i64, chance: &mut Chance, why: Why) {
        self.patience = self.patience.max(now + FIRST);
        self.early(now, chance, why, false);
    }

    /// Whether the server was heard in this page's life, within the last `within` ms.
    pub fn heard_within(&self, now: i64, within: i64) -> bool {
        self.heard_ago(now).is_some_and(|ago| ago <= within)
    }

    /// How long ago the server was heard in this page's life.
    pub fn heard_ago(&self, now: i64) -> Option<i64> {
        self.heard.map(|at| now - at)
    }

    fn ended(&mut self, now: i64, told: Option<i64>) {
        if told.is_none() {
            self.request = None;
        }
        // An early poll that stood for the same news is served by this one.
        if self.early.is_some_and(|(at, why)| at <= now || why != Why::Header) {
            self.early = None;
        }
    }

    fn plan(&mut self, now: i64, wait: i64) {
        self.next = self.barrier.max(now + wait);
        self.patience = self.next + PATIENCE;
    }
}
