//! What persons and machines do to tabs.

use trueup::core::event::Event;
use trueup::core::refresh::Phase;
use trueup::core::schedule::Why;
use trueup::core::value::Value;

use crate::report::{Fault, Told};
use crate::world::{Ev, World};
use crate::{DAY, Guard, HOUR, MINUTE, SECOND};

impl World {
    /// A person does something with a tab.
    pub fn live(&mut self, tab: usize) {
        let crowd = self.browsers.len() == 1;
        let wait = self.dice.wait(if crowd { 4 * HOUR } else { 8 * MINUTE });
        if self.now + wait < self.stop {
            self.after(wait, Ev::Life(tab));
        }
        if self.tabs[tab].asleep || self.tabs[tab].page.is_none() {
            return;
        }
        match self.dice.below(40) {
            0..=9 => {
                if self.tabs[tab].visible {
                    self.report.fault(Fault::Hidden);
                    let wait = self.dice.pick(&[3 * SECOND, 2 * MINUTE, 20 * MINUTE, HOUR]);
                    self.show(tab, false);
                    let wait = self.dice.wait(wait);
                    self.after(wait, Ev::Show(tab));
                } else {
                    self.show(tab, true);
                }
            }
            10..=12 => {
                self.report.fault(Fault::Frozen);
                self.tell(tab, Told::Event("frozen", 0));
                self.freeze(tab);
                let wait = self.dice.wait(6 * MINUTE);
                self.after(wait, Ev::Thaw(tab));
            }
            13 => {
                self.report.fault(Fault::Crashed);
                self.tell(tab, Told::Event("crashed", 0));
                self.unload(tab);
                let wait = self.dice.wait(5 * MINUTE);
                self.after(wait, Ev::Load(tab));
            }
            14 => {
                self.report.fault(Fault::Reopened);
                self.tell(tab, Told::Event("reopened", 0));
                self.unload(tab);
                self.tabs[tab].session = None;
                self.tabs[tab].ledger = Default::default();
                let wait = self.dice.wait(15 * MINUTE);
                self.after(wait, Ev::Load(tab));
            }
            15 if self.tabs.len() < 2 * self.setup.clients as usize => self.duplicate(tab),
            16 | 17 => {
                self.report.fault(Fault::BackForward);
                self.go_away(tab);
            }
            18 => {
                self.tell(tab, Told::Event("loaded anew by hand", 0));
                self.unload(tab);
                let wait = self.dice.between(200, 3 * SECOND);
                self.after(wait, Ev::Load(tab));
            }
            19..=26 => self.navigate(tab),
            27..=31 => self.hold(tab),
            32 | 33 => {
                if self.tabs[tab].visible {
                    self.cause(tab, Why::Check);
                    self.send(tab, "check", Event::Check);
                }
            }
            34 | 35 => {
                self.report.fault(Fault::LostChunk);
                if let Some(page) = &mut self.tabs[tab].page {
                    page.seen.lost = true;
                }
                self.cause(tab, Why::Chunk);
                self.send(tab, "chunk lost", Event::Chunk);
            }
            36 | 37 => {
                self.report.fault(Fault::Header);
                let server = self.dice.below(self.site.servers.len());
                let serial = self.law.manifests[self.site.servers[server].manifest].serial;
                if let Some(page) = &mut self.tabs[tab].page {
                    page.seen.named(serial);
                }
                self.send(tab, "header", Event::Header(serial));
            }
            38 => {
                self.person_asks(tab);
                self.send(tab, "refresh asked for", Event::Now);
            }
            _ => self.put_off(tab),
        }
    }

    fn cause(&mut self, tab: usize, why: Why) {
        let mono = self.mono(tab);
        if let Some(page) = &mut self.tabs[tab].page {
            page.seen.cause(&self.law, mono, why);
        }
    }

    /// The tab is shown or hidden.
    pub fn show(&mut self, tab: usize, on: bool) {
        if self.tabs[tab].visible == on {
            return;
        }
        if self.tabs[tab].asleep {
            // The machine sleeps, the page is frozen or away: later.
            return self.after(MINUTE, Ev::Show(tab));
        }
        self.tabs[tab].visible = on;
        let mono = self.mono(tab);
        if on {
            self.cause(tab, Why::Visible);
            if let Some(page) = &mut self.tabs[tab].page {
                page.shown = mono;
                page.leader = None;
            }
        }
        self.send(tab, if on { "visible" } else { "hidden" }, Event::Visible(on));
    }

    fn freeze(&mut self, tab: usize) {
        self.tabs[tab].asleep = true;
        if let Some(page) = &mut self.tabs[tab].page {
            page.froze = true;
        }
    }

    /// What happened meanwhile happens now, and then the page hears of it.
    pub fn thaw(&mut self, tab: usize) {
        let machine = self.browsers[self.tabs[tab].browser].asleep;
        if !self.tabs[tab].asleep || self.tabs[tab].away || machine.is_some() {
            return;
        }
        self.tabs[tab].asleep = false;
        for what in std::mem::take(&mut self.tabs[tab].backlog) {
            self.after(0, what);
        }
        let id = self.id(tab);
        if self.dice.happens(0.5) {
            self.after(0, Ev::Resumed(id));
        } else {
            self.resumed(tab);
        }
    }

    pub fn resumed(&mut self, tab: usize) {
        if self.tabs[tab].page.is_some() {
            self.cause(tab, Why::Resume);
            self.send(tab, "resume", Event::Resume);
        }
    }

    /// Into the back/forward cache.
    fn go_away(&mut self, tab: usize) {
        self.tell(tab, Told::Event("away", 0));
        if let Some(page) = &mut self.tabs[tab].page {
            page.leaving = true;
        }
        self.send(tab, "pagehide", Event::PageHide);
        if let Some(page) = &mut self.tabs[tab].page {
            page.seen.looking = None;
        }
        if self.tabs[tab].page.is_none() {
            return;
        }
        self.freeze(tab);
        self.tabs[tab].away = true;
        let wait = self.dice.wait(4 * MINUTE);
        self.after(wait, Ev::Return(tab));
    }

    pub fn come_back(&mut self, tab: usize) {
        if !self.tabs[tab].away {
            return;
        }
        if self.browsers[self.tabs[tab].browser].asleep.is_some() {
            return self.after(MINUTE, Ev::Return(tab));
        }
        self.tabs[tab].away = false;
        self.tabs[tab].asleep = false;
        self.tabs[tab].backlog.clear();
        let mono = self.mono(tab);
        if let Some(page) = &mut self.tabs[tab].page {
            page.shown = mono;
            page.leader = None;
            page.leaving = false;
            // What was in flight, the look at the shell too, never came back.
            page.request = None;
        }
        if self.tabs[tab]
            .page
            .as_ref()
            .is_some_and(|page| page.online != self.browsers[self.tabs[tab].browser].online)
        {
            self.connected(tab);
        }
        let browser = &self.browsers[self.tabs[tab].browser];
        if browser.session {
            // What other pages of the tab have booked meanwhile: none, in this world.
            let session = self.tabs[tab].session.clone().filter(|booked| !booked.is_null());
            let session = session.unwrap_or(Value::Array(Vec::new()));
            if !self.without(Guard::Budget) {
                if let Some(page) = &mut self.tabs[tab].page {
                    page.storage = true;
                }
                self.send(tab, "session", Event::Session(session));
            }
        }
        self.cause(tab, Why::PageShow);
        self.send(tab, "pageshow", Event::PageShow);
    }

    fn duplicate(&mut self, tab: usize) {
        self.report.fault(Fault::Duplicated);
        let browser = self.tabs[tab].browser;
        let copy = self.open(browser, true);
        self.tabs[copy].session = self.tabs[tab].session.clone();
        self.tabs[copy].ledger = self.tabs[tab].ledger.clone();
        self.tell(copy, Told::Event("duplicate of", tab as i64));
        self.after(300, Ev::Load(copy));
        let wait = self.dice.wait(10 * MINUTE);
        self.after(wait, Ev::Life(copy));
    }

    fn navigate(&mut self, tab: usize) {
        let Some(page) = &mut self.tabs[tab].page else { return };
        page.navigation = false;
        self.send(tab, "navigate", Event::Navigate("/next".into()));
    }

    fn hold(&mut self, tab: usize) {
        self.report.fault(Fault::Hold);
        let (mono, hold) = (self.mono(tab), self.ticket());
        // 30 minutes, unless the app says otherwise.
        let expires = if self.dice.happens(0.8) { 30 * MINUTE } else { self.dice.between(SECOND, 2 * HOUR) };
        let wait = self.dice.wait(10 * MINUTE);
        let id = self.id(tab);
        let Some(page) = &mut self.tabs[tab].page else { return };
        page.holds.push((hold, mono + expires));
        self.after(wait, Ev::Release(id, hold));
        self.tell_holds(tab);
    }

    pub fn release(&mut self, tab: usize, hold: u64) {
        if let Some(page) = &mut self.tabs[tab].page {
            page.holds.retain(|(other, _)| *other != hold);
        }
        self.tell_holds(tab);
    }

    fn tell_holds(&mut self, tab: usize) {
        let Some(page) = &self.tabs[tab].page else { return };
        let holds = page.holds.iter().map(|(_, until)| ("form".to_owned(), *until)).collect();
        if !self.without(Guard::Holds) {
            self.send(tab, "holds", Event::Holds(holds));
        }
    }

    /// Something is shown, and a person may do something about it.
    pub fn notice(&mut self, tab: usize, phase: Phase) {
        let shown = matches!(phase, Phase::Offering | Phase::Urging | Phase::Holding | Phase::Counting);
        if shown && self.tabs[tab].visible && !self.calm() && self.dice.happens(0.4) {
            let wait = self.dice.between(SECOND, 2 * MINUTE);
            let id = self.id(tab);
            self.after(wait, Ev::React(id, phase));
        }
    }

    pub fn react(&mut self, tab: usize, phase: Phase) {
        let Some(page) = &self.tabs[tab].page else { return };
        if page.client.refresh().state.phase != phase || self.calm() {
            return;
        }
        if self.dice.happens(0.35) {
            self.person_asks(tab);
            self.send(tab, "refresh now", Event::Now);
        } else if self.dice.happens(0.7) {
            self.put_off(tab);
        }
    }

    fn person_asks(&mut self, tab: usize) {
        if let Some(page) = &mut self.tabs[tab].page {
            page.asked = true;
        }
    }

    fn put_off(&mut self, tab: usize) {
        let scene = self.scene(tab);
        if let Some(page) = &mut self.tabs[tab].page {
            page.seen.deferred(&self.law, scene);
        }
        self.send(tab, "put off", Event::Defer);
    }

    /// What befalls a whole browser.
    pub fn fate(&mut self, browser: usize) {
        let wait = self.dice.wait(2 * HOUR);
        if self.now + wait < self.stop {
            self.after(wait, Ev::Fate(browser));
        }
        let until = self.now + self.dice.between(5 * SECOND, 40 * MINUTE);
        let of = &mut self.browsers[browser];
        match self.dice.below(8) {
            0 | 1 => {
                self.report.fault(Fault::Asleep);
                self.sleep(browser, until);
            }
            2 | 3 => {
                self.report.fault(Fault::Offline);
                self.crowds.disturb();
                self.online(browser, false);
                self.at(until, Ev::Online(browser));
            }
            4 => {
                self.report.fault(Fault::ClockSet);
                let to = self.dice.between(-2 * DAY, 2 * DAY);
                of.jumps += (to - of.skew).max(0);
                of.skew = to;
                of.skewed = true;
                self.crowds.disturb();
                self.say(Told::World("a clock is set by", to));
            }
            5 => {
                of.local = false;
                self.at(until, Ev::Storage(browser));
            }
            6 => {
                of.session = false;
                self.at(until, Ev::Storage(browser));
            }
            _ => {
                self.report.fault(Fault::CorruptMemory);
                of.kept = match (self.dice.below(3), of.kept.take()) {
                    (0, Some((state, text))) => Some((state, text[..text.len() / 2].into())),
                    (1, Some((_, text))) => Some((Value::from("not ours"), text)),
                    _ => Some((Value::Null, "{}".into())),
                };
            }
        }
    }

    /// The machine sleeps: all tabs wait, and on some systems the monotonic clock does too.
    fn sleep(&mut self, browser: usize, until: i64) {
        self.say(Told::World("a machine sleeps until", until));
        self.crowds.disturb();
        for place in 0..self.browsers[browser].tabs.len() {
            let tab = self.browsers[browser].tabs[place];
            self.freeze(tab);
        }
        self.browsers[browser].asleep = Some(self.now);
        self.at(until, Ev::Morning(browser));
    }

    pub fn morning(&mut self, browser: usize) {
        let Some(since) = self.browsers[browser].asleep.take() else { return };
        if self.browsers[browser].stands_still {
            let slept = self.now - since;
            self.browsers[browser].slept += slept;
            self.browsers[browser].skewed = true;
            // What the wall clock does without the monotonic one counts as if it had been set.
            for place in 0..self.browsers[browser].tabs.len() {
                let tab = self.browsers[browser].tabs[place];
                if let Some(page) = &mut self.tabs[tab].page {
                    page.wake = None;
                }
            }
        }
        for place in 0..self.browsers[browser].tabs.len() {
            let tab = self.browsers[browser].tabs[place];
            self.thaw(tab);
        }
    }

    pub fn online(&mut self, browser: usize, on: bool) {
        if self.browsers[browser].online == on {
            return;
        }
        self.browsers[browser].online = on;
        for place in 0..self.browsers[browser].tabs.len() {
            let tab = self.browsers[browser].tabs[place];
            if self.tabs[tab].asleep || self.tabs[tab].page.is_none() {
                // It hears of it when it is there again.
                let id = self.id(tab);
                self.tabs[tab].backlog.push(Ev::Connected(id));
                continue;
            }
            self.connected(tab);
        }
    }

    pub fn connected(&mut self, tab: usize) {
        let on = self.browsers[self.tabs[tab].browser].online;
        if on {
            self.cause(tab, Why::Online);
        }
        if let Some(page) = &mut self.tabs[tab].page {
            page.online = on;
        }
        self.send(tab, if on { "online" } else { "offline" }, Event::Online(on));
    }
}
