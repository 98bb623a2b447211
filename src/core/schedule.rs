//! When to poll, and whether it is this tab that does.

use super::names::names;
use super::time::{Chance, LONG_AGO, MINUTE, NEVER, SECOND};

/// A request that takes longer is given up.
const LIMIT: i64 = 10 * SECOND;
/// A follower polls by itself this long after the poll that the leader announced.
const PATIENCE: i64 = 15 * SECOND;
/// A follower that has heard nothing at all waits this long for the leader's answer.
const FIRST: i64 = 2 * SECOND;
/// A poll that is so late was not kept by the browser's timers, but slept through.
const LATE: i64 = SECOND;
const LONGEST_RETRY_AFTER: i64 = 15 * MINUTE;

names! {
    /// Why a poll is made: the reason of a wake-up.
    Why {
        /// The first of the page's life.
        Start = "start",
        /// The period is over.
        Period = "period",
        /// The last one failed.
        Retry = "retry",
        /// The leader was not heard.
        Silence = "silence",
        /// The tab is visible again.
        Visible = "visible",
        /// The page came back from the back/forward cache.
        PageShow = "pageshow",
        /// The page was unfrozen.
        Resume = "resume",
        /// The browser is online again.
        Online = "online",
        /// A chunk was lost.
        Chunk = "chunk",
        /// A header named a higher serial.
        Header = "header",
        /// A refusal left an API with nothing in common.
        Refused = "refused",
        /// A refresh is due, and the server has not been heard lately.
        Unheard = "unheard",
        /// The app asked.
        Check = "check",
    }
}

names! {
    /// Who polls.
    Role {
        /// Web Locks or BroadcastChannel are missing: every tab for itself.
        Alone = "alone",
        /// Another visible tab polls, as far as this one knows.
        Follower = "follower",
        /// This tab polls for all.
        Leader = "leader",
    }
}

/// When the next poll is due. Times are those of the monotonic clock.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What all that this page draws comes from.
    pub chance: Chance,
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
    /// An early poll, or [`NEVER`].
    early: i64,
    early_why: Why,
    /// Just after each cause last brought an early poll; 0: never.
    spent: [i64; Why::COUNT],
    failures: u32,
    /// When the last poll failed.
    failed: i64,
    /// Nothing goes before: Retry-After, or the backoff that an answer caused.
    barrier: i64,
    /// When the running request is given up; [`NEVER`]: none runs.
    limit: i64,
    running: Why,
    /// When the newest good answer came, a kept one included.
    last_good: i64,
    /// When the server was last heard in this page's life.
    pub heard: i64,
    /// The highest serial that a header asked for.
    asked: u64,
}

impl Schedule {
    /// Before the start of a page.
    pub const BLANK: Schedule = Schedule {
        chance: Chance::NONE,
        every: 300 * SECOND,
        role: Role::Alone,
        visible: false,
        online: false,
        away: false,
        next: 0,
        why: Why::Start,
        patience: 0,
        early: NEVER,
        early_why: Why::Start,
        spent: [0; Why::COUNT],
        failures: 0,
        failed: LONG_AGO,
        barrier: 0,
        limit: NEVER,
        running: Why::Start,
        last_good: LONG_AGO,
        heard: LONG_AGO,
        asked: 0,
    };

    /// The page starts: the first poll is due at once.
    pub fn begin(&mut self, now: i64, chance: Chance) {
        self.chance = chance;
        self.next = now;
        self.patience = now + FIRST;
    }

    /// The kept answer came `age` ms ago, less than a period, and had the next poll planned for `planned` ms from now.
    pub fn resume(&mut self, now: i64, age: i64, planned: i64) {
        self.next = now + self.every - age;
        self.patience = now + planned.min(self.every * 6 / 5).max(0) + PATIENCE;
        self.last_good = now - age;
    }

    /// When something is to be done, or [`NEVER`], and why: a poll, or giving up on the running one.
    pub fn wake(&self) -> (i64, Why) {
        if self.limit != NEVER {
            return (self.limit, self.running);
        }
        if !self.visible || !self.online || self.away {
            return (NEVER, Why::Start);
        }
        let regular = match self.role {
            Role::Follower => (self.patience.max(self.barrier), Why::Silence),
            _ => (self.next, self.why),
        };
        if self.early < regular.0 { (self.early, self.early_why) } else { regular }
    }

    /// Starts the poll that is due now, if one is. One that fell due while the page was hidden, frozen, away or asleep goes
    /// out with jitter, like the early ones.
    pub fn start(&mut self, now: i64) -> bool {
        let (at, why) = self.wake();
        if self.limit != NEVER || at > now {
            return false;
        }
        if at < now - LATE && self.last_good != LONG_AGO {
            let soon = now + self.chance.between(0, 2 * SECOND);
            if self.early == at {
                self.early = soon;
            } else {
                self.next = soon;
                self.patience = self.patience.max(soon);
            }
            return false;
        }
        self.request(now, why);
        true
    }

    fn request(&mut self, now: i64, why: Why) {
        self.early = NEVER;
        self.limit = now + LIMIT;
        self.running = why;
    }

    /// Whether the running request has taken too long.
    pub fn overdue(&self, now: i64) -> bool {
        now >= self.limit
    }

    /// Why the running request was made.
    pub fn running(&self) -> Option<Why> {
        (self.limit != NEVER).then_some(self.running)
    }

    /// The page goes (pagehide): the running request is given up without being counted.
    pub fn abandon(&mut self) {
        self.away = true;
        self.limit = NEVER;
    }

    /// A valid answer came `age` ms ago: own, or told by a tab that polls next in `told` ms.
    pub fn good(&mut self, now: i64, told: i64, age: i64) {
        let at = now - age;
        // So old an answer ends no backoff that began since.
        if at > self.failed {
            self.failures = 0;
            self.barrier = now;
        }
        self.last_good = self.last_good.max(at);
        self.heard = self.heard.max(at);
        let period = (self.every as f64 * (0.8 + 0.4 * self.chance.unit())) as i64;
        self.ended(now, told, Why::Period, period);
    }

    /// A poll failed, and was perhaps `answered`: with a Retry-After as a `delay`, or as a `date`.
    pub fn bad(&mut self, now: i64, told: i64, answered: bool, delay: i64, date: i64) {
        let mut wait = 0;
        if self.online {
            wait = self.backoff(self.failures);
            self.failures += 1;
            self.failed = now;
            let asked = if delay == NEVER { date } else { delay };
            if asked != NEVER {
                let asked = asked.clamp(0, LONGEST_RETRY_AFTER);
                let jitter = if delay == NEVER { self.every } else { asked / 10 };
                wait = wait.max(asked + self.chance.between(0, jitter + 1));
            }
        }
        self.ended(now, told, Why::Retry, wait);
        if answered && self.online {
            self.barrier = self.next;
            self.early = NEVER;
        }
    }

    /// Whether the server was heard in this page's life, within the last 2·T.
    pub fn has_heard(&self, now: i64) -> bool {
        now - self.heard <= 2 * self.every
    }

    /// Failure n (from 0) is tried again after U(0.5, 1) · max(T, min(900 s, 2T·2ⁿ)).
    pub fn backoff(&mut self, failures: u32) -> i64 {
        let longest = self.every.max((self.every << (failures.min(20) + 1)).min(15 * MINUTE));
        (longest as f64 * (0.5 + 0.5 * self.chance.unit())) as i64
    }

    /// How long until this tab's next regular poll, to be told to the others.
    pub fn planned(&self, now: i64) -> i64 {
        self.next - now
    }

    /// Something happened that makes an early poll worth while: only if the last good answer is older than T, or if it
    /// `brings_news`; once per cause and T; never before the barrier.
    pub fn early(&mut self, now: i64, why: Why, brings_news: bool) {
        let recent = now - self.every;
        let Some(spent) = self.spent.get_mut(why as usize) else { return };
        if *spent > recent.max(0) || !brings_news && self.last_good > recent {
            return;
        }
        let jitter = match why {
            Why::Online => 5 * SECOND,
            Why::Header => self.every / 2,
            _ => 2 * SECOND,
        };
        let at = now + self.chance.between(0, jitter);
        if at < self.barrier {
            return;
        }
        *spent = now + 1;
        if at < self.early {
            self.early = at;
            self.early_why = why;
        }
    }

    /// A header named a serial above the one in force: one poll for each.
    pub fn header(&mut self, now: i64, serial: u64) {
        if serial > self.asked {
            self.asked = serial;
            self.spent[Why::Header as usize] = 0;
            self.early(now, Why::Header, true);
        }
    }

    /// The app wants a poll at once; none runs. Says whether it may be.
    pub fn check(&mut self, now: i64) -> bool {
        let may = self.online && self.barrier <= now;
        if may {
            self.request(now, Why::Check);
        }
        may
    }

    /// The browser is online again: ends a backoff from network errors alone.
    pub fn online_again(&mut self, now: i64) {
        self.online = true;
        if self.failures > 0 && self.barrier <= now {
            self.failures = 0;
            self.last_good = LONG_AGO;
        }
        // A poll that fell due meanwhile goes out with the jitter of `online`, and a follower lets its leader go first.
        if self.next < now {
            self.next = self.barrier.max(now + self.chance.between(0, 5 * SECOND));
        }
        self.patience = self.patience.max(self.next + PATIENCE);
        self.early(now, Why::Online, false);
    }

    /// The tab is shown again, or back from the back/forward cache: a follower lets its leader speak first.
    pub fn back(&mut self, now: i64, why: Why) {
        self.patience = self.patience.max(now + FIRST);
        self.early(now, why, false);
    }

    /// A poll ended, and the next one is in `wait` ms, unless another tab told when: `told`, or [`NEVER`].
    fn ended(&mut self, now: i64, told: i64, why: Why, wait: i64) {
        if told == NEVER {
            self.limit = NEVER;
        }
        // An early poll that stood for the same news is served by this one.
        if self.early <= now || self.early_why != Why::Header {
            self.early = NEVER;
        }
        // Offline nothing is planned.
        if why == Why::Retry && !self.online {
            return;
        }
        self.why = why;
        self.next = self.barrier.max(now + if told == NEVER { wait } else { told });
        self.patience = self.next + PATIENCE;
    }
}
