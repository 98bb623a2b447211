//! Browsers: locks and messages between the tabs of one, and who opens them.

use std::collections::VecDeque;
use std::rc::Rc;

use trueup::core::event::Event;
use trueup::core::schedule::{Role, Why};

use crate::report::Fault;
use crate::watch::Ledger;
use crate::world::{Browser, Ev, Id, Message, Tab, Worker, World};
use crate::{DAY, Guard, HOUR, MINUTE, SECOND};

impl World {
    /// Opens as many tabs as were asked for: in a crowd all in the windows of one browser.
    pub fn people(&mut self) {
        let crowd = self.dice.happens(0.15) || self.without(Guard::Spread);
        let workers = self.dice.happens(0.3);
        let activate = self.dice.happens(0.5);
        let clients = self.setup.clients as usize;
        while self.tabs.len() < clients {
            let browser = self.browsers.len();
            let dice = &mut self.dice;
            let skew = if dice.happens(0.5) { 0 } else { dice.between(-2 * DAY, 2 * DAY) };
            let worker = !crowd && workers && dice.happens(0.5);
            self.browsers.push(Browser {
                edge: dice.below(self.site.edges()),
                skew,
                jumps: 0,
                skewed: false,
                slept: 0,
                stands_still: dice.happens(0.5),
                locks: crowd || dice.happens(0.85),
                online: true,
                kept: None,
                local: true,
                session: dice.happens(0.95),
                worker: worker.then_some(Worker { active: 0, waiting: None }),
                activate,
                sticky: dice.happens(0.06),
                lock: VecDeque::new(),
                granted: 0,
                tabs: Vec::new(),
                asleep: None,
            });
            let tabs = if crowd { clients } else { self.dice.pick(&[1, 1, 2, 3, 5]) };
            for _ in 0..tabs.min(clients - self.tabs.len()) {
                let visible = crowd || self.browsers[browser].tabs.is_empty() || self.dice.happens(0.4);
                let tab = self.open(browser, visible);
                let wait = if crowd { 1 } else { self.dice.between(1, 20 * MINUTE) };
                self.after(wait, Ev::Load(tab));
                // In a crowd nobody stirs, or what was heard together would not be seen through together.
                let wait = if crowd { self.dice.wait(4 * HOUR) } else { self.dice.wait(10 * MINUTE) };
                self.after(wait, Ev::Life(tab));
            }
            let wait = self.dice.wait(3 * HOUR);
            self.after(wait, Ev::Fate(browser));
        }
    }

    pub fn open(&mut self, browser: usize, visible: bool) -> usize {
        self.tabs.push(Tab {
            browser,
            visible,
            asleep: false,
            away: false,
            session: None,
            last: 0,
            nonce: self.dice.next(),
            ledger: Ledger::default(),
            page: None,
            life: 0,
            backlog: Vec::new(),
        });
        let tab = self.tabs.len() - 1;
        self.browsers[browser].tabs.push(tab);
        tab
    }

    /// The page joins the queue for the lock and the channel, or leaves both.
    pub fn lead(&mut self, id: Id, on: bool) {
        let browser = self.tabs[id.tab].browser;
        let lock = &mut self.browsers[browser].lock;
        let place = lock.iter().position(|other| *other == id);
        match (place, on) {
            (None, true) => {
                lock.push_back(id);
                if lock.len() == 1 {
                    self.grant(browser);
                } else if self.without(Guard::Leader) {
                    self.after(5, Ev::Granted(id));
                }
            }
            (Some(place), false) => {
                lock.remove(place);
                if place == 0 {
                    self.grant(browser);
                }
            }
            _ => {}
        }
    }

    fn grant(&mut self, browser: usize) {
        self.browsers[browser].granted = self.now;
        if let Some(first) = self.browsers[browser].lock.front().copied() {
            let wait = self.dice.between(1, 50);
            self.after(wait, Ev::Granted(first));
        }
    }

    pub fn granted(&mut self, id: Id) {
        let lock = &self.browsers[self.tabs[id.tab].browser].lock;
        if lock.front() == Some(&id) || self.without(Guard::Leader) && lock.contains(&id) {
            self.send(id.tab, "lead", Event::Lead(true));
        }
    }

    /// A message to all who listen: of the last answer, or that none came.
    pub fn spread_word(&mut self, tab: usize, heard: Option<Rc<Message>>, next: i64) {
        let made = self.mono(tab);
        let none = || Rc::new(Message { answer: None, manifest: None, date: None, made });
        let message = heard.unwrap_or_else(none);
        let from = self.id(tab);
        self.broadcast(from, |id| Ev::Told(id, from, message.clone(), next));
    }

    pub fn hello(&mut self, tab: usize) {
        let from = self.id(tab);
        self.broadcast(from, Ev::Hello);
    }

    fn broadcast(&mut self, from: Id, make: impl Fn(Id) -> Ev) {
        let browser = self.tabs[from.tab].browser;
        let calm = self.calm();
        for place in 0..self.browsers[browser].lock.len() {
            let to = self.browsers[browser].lock[place];
            if to == from {
                continue;
            }
            if !calm && self.dice.happens(0.001) {
                self.report.fault(Fault::LostMessage);
                for tab in [from.tab, to.tab] {
                    if let Some(page) = &mut self.tabs[tab].page {
                        page.missed = true;
                    }
                }
                continue;
            }
            // In the order in which they were sent; those of two tabs may cross.
            let wait = 10;
            self.after(wait, make(to));
            if !calm && self.dice.happens(0.001) {
                self.report.fault(Fault::DoubledMessage);
                self.after(wait + 1, make(to));
            }
        }
    }

    /// While locks work and the leader does not hang, nobody else polls by the clock.
    pub fn one_poller(&mut self, tab: usize, why: Why) {
        let id = self.id(tab);
        let browser = &self.browsers[self.tabs[tab].browser];
        if !browser.locks || !matches!(why, Why::Start | Why::Period | Why::Retry | Why::Silence) {
            return;
        }
        let (Some(leader), granted) = (browser.lock.front().copied(), browser.granted) else { return };
        let Some(page) = &self.tabs[tab].page else { return };
        if leader == id || page.missed || page.crossed {
            return;
        }
        // A leader that was frozen at any time since it had the lock may have been silent; a new one polls first.
        let Some(first) = &self.tabs[leader.tab].page else { return };
        let works = !self.tabs[leader.tab].asleep && !first.froze && self.now - granted > 30 * SECOND;
        if why == Why::Silence && first.request.is_some() {
            // It has just been heard of another plan than the leader's own, which polls now.
            return;
        }
        let heard_of_it = page.leader.is_some_and(|(from, _)| from == leader);
        let newcomer = page.leader.is_none()
            && self.now - granted > self.mono(tab) - page.shown + SECOND
            && first.last_at.is_some_and(|at| at + SECOND < page.shown);
        if works && !page.froze && (heard_of_it || newcomer) {
            let role = page.client.schedule().role;
            let role = if role == Role::Leader { "leader" } else { "follower" };
            self.check_tab(
                tab,
                Err(format!("it polls ({why:?}, {role}) though tab {} leads and is well", leader.tab)),
            );
        }
    }
}
