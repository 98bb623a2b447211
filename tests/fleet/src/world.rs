//! One run: the queue of what is to happen, and the browsers, tabs and pages that it happens to.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;

use trueup::core::Client;
use trueup::core::event::{Answer, Event};
use trueup::core::refresh::Phase;
use trueup::core::refresh::shell::ShellAnswer;
use trueup::core::time::Now;
use trueup::core::value::Value;

use crate::crowd::Crowds;
use crate::dice::Dice;
use crate::law::{Build, Law};
use crate::operator::Operator;
use crate::report::{NOBODY, Report, Ring, Told};
use crate::site::Site;
use crate::watch::{Ledger, Scene, Seen, Verdict};
use crate::{EPOCH, Guard, HOUR, Setup};

pub struct World {
    pub setup: Setup,
    pub dice: Dice,
    pub law: Law,
    pub site: Site,
    pub operator: Operator,
    pub browsers: Vec<Browser>,
    pub tabs: Vec<Tab>,
    pub crowds: Crowds,
    pub report: Report,
    pub ring: Ring,
    pub failed: Option<String>,
    /// Milliseconds since the run began: the servers' clock.
    pub now: i64,
    /// The faults stop.
    pub stop: i64,
    pub end: i64,
    queue: BinaryHeap<Entry>,
    count: u64,
}

/// A person's browser: a clock, a storage, a place for locks and messages.
pub struct Browser {
    pub edge: usize,
    /// The wall clock minus the servers'.
    pub skew: i64,
    /// By how much it was ever set forward.
    pub jumps: i64,
    pub skewed: bool,
    /// How long the monotonic clock has stood still, in sleep.
    pub slept: i64,
    pub stands_still: bool,
    pub locks: bool,
    pub online: bool,
    pub kept: Option<(Value, String)>,
    pub local: bool,
    pub session: bool,
    pub worker: Option<Worker>,
    pub activate: bool,
    /// Something on its way keeps pages: a load brings what the tab had, though a look at the page brings the new one.
    pub sticky: bool,
    /// Who waits for the leader's lock; the first has it, since when. Whoever is here also listens.
    pub lock: VecDeque<Id>,
    pub granted: i64,
    pub tabs: Vec<usize>,
    /// Since when the machine sleeps.
    pub asleep: Option<i64>,
}

/// A service worker that precaches the shell.
#[derive(Clone, Copy)]
pub struct Worker {
    pub active: Build,
    pub waiting: Option<Build>,
}

pub struct Tab {
    pub browser: usize,
    pub visible: bool,
    /// Frozen, in the back/forward cache, or the machine sleeps: what happens waits.
    pub asleep: bool,
    pub away: bool,
    pub session: Option<Value>,
    pub last: Build,
    /// Its own number, the same at each load.
    pub nonce: u64,
    pub ledger: Ledger,
    pub page: Option<Page>,
    /// Counts the pages: what was meant for an earlier one comes to nothing.
    pub life: u32,
    pub backlog: Vec<Ev>,
}

pub struct Page {
    pub client: Client,
    pub seen: Seen,
    pub request: Option<u64>,
    pub look: Option<u64>,
    pub holds: Vec<(u64, i64)>,
    pub wake: Option<i64>,
    /// How often it was woken without the time going on.
    pub spins: (i64, u32),
    /// A person has asked for the refresh that is under way.
    pub asked: bool,
    pub navigation: bool,
    /// Session storage was there when the page began, and did not refuse since.
    pub storage: bool,
    /// The last answer, for the others to be told of, and the text in force.
    pub heard: Option<Rc<Message>>,
    pub in_force: Option<String>,
    /// Whom it last heard of as a leader, and when.
    pub leader: Option<(Id, i64)>,
    /// As far as the page has heard.
    pub online: bool,
    /// It goes, perhaps into the back/forward cache.
    pub leaving: bool,
    /// The last two that told it of an answer did so at one time.
    pub crossed: bool,
    /// A waiting service worker has been told to take over.
    pub activating: bool,
    pub born: i64,
    /// When it was shown or opened last.
    pub shown: i64,
    /// When its newest valid answer came.
    pub last_at: Option<i64>,
    /// It was frozen, or missed a message.
    pub froze: bool,
    pub missed: bool,
}

/// One page of one tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Id {
    pub tab: usize,
    pub life: u32,
}

/// An answer, and what the world knows of it.
pub struct Message {
    pub answer: Option<Answer>,
    /// The manifest in it, valid or not.
    pub manifest: Option<usize>,
    pub date: Option<i64>,
    /// When it came to the tab that asked, by the browser's monotonic clock.
    pub made: i64,
}

/// What is to happen.
pub enum Ev {
    Wake(Id),
    Answer(Id, u64, Rc<Message>),
    Told(Id, Id, Rc<Message>, i64),
    Hello(Id),
    Granted(Id),
    Shell(Id, u64, ShellAnswer, Option<Option<Build>>),
    Saved(Id),
    Unbooked(Id),
    Release(Id, u64),
    Connected(Id),
    Resumed(Id),
    React(Id, Phase),
    Load(usize),
    Life(usize),
    Show(usize),
    Thaw(usize),
    Return(usize),
    Fate(usize),
    Morning(usize),
    Online(usize),
    Storage(usize),
    Operate,
    Switch { server: usize, manifest: Option<usize>, shell: Option<Build> },
    Incident,
    Resolved,
    Stop,
    Settled,
    Judge(usize),
}

struct Entry {
    at: i64,
    count: u64,
    what: Ev,
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        (other.at, other.count).cmp(&(self.at, self.count))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl World {
    pub fn new(seed: u64, setup: Setup) -> World {
        let mut dice = Dice::new(seed);
        let end = i64::from(setup.hours) * HOUR;
        let site = Site::new(&mut dice);
        let mut law = Law::default();
        let operator = Operator::new(&mut dice, &mut law);
        let mut world = World {
            setup,
            dice,
            law,
            site,
            operator,
            browsers: Vec::new(),
            tabs: Vec::new(),
            crowds: Crowds::default(),
            report: Report::default(),
            ring: Ring::new(setup.trace),
            failed: None,
            now: 0,
            stop: end - (end / 2).min(7 * HOUR / 2),
            end,
            queue: BinaryHeap::new(),
            count: 0,
        };
        world.people();
        world.begin();
        let stop = world.stop;
        world.at(stop, Ev::Stop);
        world
    }

    /// Runs to the end, or to the first violation.
    pub fn run(&mut self) {
        while let Some(entry) = self.queue.pop() {
            if entry.at > self.end || self.failed.is_some() {
                break;
            }
            self.now = entry.at;
            self.report.events += 1;
            self.happen(entry.what);
        }
        if self.failed.is_none() {
            let crowds = self.crowds.judge();
            self.report.crowds += crowds.0;
            self.check(crowds.1);
        }
    }

    /// Plans an event; those of one moment happen in the order in which they were planned.
    pub fn at(&mut self, at: i64, what: Ev) {
        self.count += 1;
        self.queue.push(Entry { at, count: self.count, what });
    }

    pub fn after(&mut self, wait: i64, what: Ev) {
        self.at(self.now.saturating_add(wait), what);
    }

    pub fn calm(&self) -> bool {
        self.now >= self.stop
    }

    /// A number that was not used before.
    pub fn ticket(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    pub fn check(&mut self, verdict: Verdict) {
        if let Err(what) = verdict
            && self.failed.is_none()
        {
            self.failed = Some(what);
        }
    }

    pub fn check_tab(&mut self, tab: usize, verdict: Verdict) {
        if let Err(what) = verdict
            && self.failed.is_none()
        {
            self.failed = Some(format!("tab {tab}: {what}"));
        }
    }

    pub fn say(&mut self, told: Told) {
        self.ring.push(self.now, NOBODY, told);
    }

    pub fn tell(&mut self, tab: usize, told: Told) {
        self.ring.push(self.now, tab as u32, told);
    }

    pub fn without(&self, guard: Guard) -> bool {
        self.setup.without == Some(guard)
    }

    pub fn mono(&self, tab: usize) -> i64 {
        self.now - self.browsers[self.tabs[tab].browser].slept
    }

    pub fn clocks(&self, tab: usize) -> Now {
        let browser = &self.browsers[self.tabs[tab].browser];
        Now { mono: self.now - browser.slept, wall: EPOCH + self.now + browser.skew }
    }

    pub fn scene(&self, tab: usize) -> Scene {
        let of = &self.tabs[tab];
        let browser = &self.browsers[of.browser];
        let mono = self.now - browser.slept;
        let held = of.page.as_ref().is_some_and(|page| page.holds.iter().any(|(_, until)| *until > mono));
        Scene {
            mono,
            now: self.now,
            visible: of.visible,
            online: of.page.as_ref().is_none_or(|page| page.online),
            held,
            session: of.page.as_ref().is_some_and(|page| page.storage),
            skewed: browser.skewed,
            froze: of.page.as_ref().is_some_and(|page| page.froze),
            jumps: browser.jumps,
        }
    }

    pub fn id(&self, tab: usize) -> Id {
        Id { tab, life: self.tabs[tab].life }
    }

    /// Whether the page that is meant is still there.
    pub fn lives(&self, id: Id) -> bool {
        self.tabs[id.tab].life == id.life && self.tabs[id.tab].page.is_some()
    }

    fn happen(&mut self, what: Ev) {
        use Ev::*;
        if self.calm() && matches!(what, Life(_) | Fate(_) | Show(_) | Operate | Incident | React(..)) {
            return;
        }
        let of = match &what {
            Wake(id)
            | Answer(id, ..)
            | Told(id, ..)
            | Hello(id)
            | Granted(id)
            | Shell(id, ..)
            | Saved(id)
            | Unbooked(id)
            | Release(id, _)
            | Connected(id)
            | Resumed(id)
            | React(id, _) => Some(*id),
            _ => None,
        };
        if let Some(id) = of {
            if !self.lives(id) {
                return;
            }
            if self.tabs[id.tab].asleep {
                if !matches!(what, Wake(_) | React(..)) {
                    self.tabs[id.tab].backlog.push(what);
                }
                return;
            }
        }
        match what {
            Wake(id) => self.wake(id),
            Answer(id, request, message) => self.answer(id.tab, request, &message),
            Told(id, from, message, next) => self.told(id.tab, from, &message, next),
            Hello(id) => self.send(id.tab, "hello", Event::Hello),
            Granted(id) => self.granted(id),
            Shell(id, look, answer, page) => self.shell(id.tab, look, answer, page),
            Saved(id) => self.send(id.tab, "saved", Event::Saved),
            Unbooked(id) => self.send(id.tab, "unbooked", Event::Unbooked),
            Release(id, hold) => self.release(id.tab, hold),
            Connected(id) => self.connected(id.tab),
            Resumed(id) => self.resumed(id.tab),
            React(id, phase) => self.react(id.tab, phase),
            Load(tab) => self.load(tab),
            Life(tab) => self.live(tab),
            Show(tab) => self.show(tab, true),
            Thaw(tab) => self.thaw(tab),
            Return(tab) => self.come_back(tab),
            Fate(browser) => self.fate(browser),
            Morning(browser) => self.morning(browser),
            Online(browser) => self.online(browser, true),
            Storage(browser) => {
                self.browsers[browser].local = true;
                self.browsers[browser].session = true;
            }
            Operate => self.operate(),
            Switch { server, manifest, shell } => self.switch(server, manifest, shell),
            Incident => self.incident(),
            Resolved => self.site.incident = None,
            Stop => self.calm_down(),
            Settled => self.settled(),
            Judge(tab) => self.judge(tab),
        }
    }

    /// The time of a wake-up has come.
    fn wake(&mut self, id: Id) {
        let (at, clocks) = (self.now, self.clocks(id.tab));
        let Some(page) = &mut self.tabs[id.tab].page else { return };
        if page.wake != Some(at) {
            return;
        }
        page.wake = None;
        page.spins = if page.spins.0 == at { (at, page.spins.1 + 1) } else { (at, 1) };
        if page.spins.1 > 20 {
            let phase = page.client.refresh().state.phase;
            let schedule = page.client.schedule().wake();
            let wake = page.client.next_wake(clocks);
            self.check_tab(id.tab, Err(format!("it spins: {wake:?}, {phase:?}, {schedule:?}")));
            return;
        }
        self.send(id.tab, "wake", Event::Wake);
    }

    /// Has the page woken when it wants to be.
    pub fn set_timer(&mut self, tab: usize) {
        let clocks = self.clocks(tab);
        let slept = self.browsers[self.tabs[tab].browser].slept;
        let Some(page) = &mut self.tabs[tab].page else { return };
        let Some(wake) = page.client.next_wake(clocks) else {
            page.wake = None;
            return;
        };
        let mut at = (wake.at + slept).max(self.now);
        if page.wake == Some(at) {
            return;
        }
        // Hidden tabs' timers are rounded up, in the end to a minute.
        if !self.tabs[tab].visible && at > self.now && at < self.stop && self.dice.happens(0.3) {
            self.report.fault(crate::report::Fault::LateTimer);
            at += self.dice.between(1, 60_000);
        }
        if let Some(page) = &mut self.tabs[tab].page {
            page.wake = Some(at);
        }
        let id = self.id(tab);
        self.at(at, Ev::Wake(id));
    }
}
