//! A page: what reaches its client, and what the client asks for. The model of the shell in TypeScript.

use std::rc::Rc;

use trueup::core::Client;
use trueup::core::config::{Build as Named, Mark};
use trueup::core::event::{Answer, Effect, Event, Start};
use trueup::core::flags::Numbers;
use trueup::core::json::Json;
use trueup::core::refresh::Phase;
use trueup::core::refresh::shell::{ShellAnswer, Worker};
use trueup::core::schedule::Why;
use trueup::core::serial::Heard;
use trueup::core::time::NEVER;
use trueup::core::value::{Value, read};
use trueup::core::window::Action;

use crate::law::{Build, Flaw, Manifest};
use crate::report::{Fault, Told};
use crate::site::{Call, Incident};
use crate::watch::{Ledger, Seen};
use crate::world::{Ev, Message, Page, World};
use crate::{Guard, SECOND};

fn parse(text: &str) -> Option<Value> {
    read(&mut serde_json::Deserializer::from_str(text)).ok()
}

impl World {
    /// The page of a tab loads, with whatever build is served now.
    pub fn load(&mut self, tab: usize) {
        if self.tabs[tab].page.is_some() {
            return;
        }
        let calm = self.calm();
        let of = self.tabs[tab].browser;
        let served = self.served(of, calm);
        let Some(build) = served.filter(|_| self.browsers[of].online && !self.tabs[tab].asleep) else {
            // The person tries again.
            let wait = self.dice.between(2 * SECOND, 60 * SECOND);
            return self.after(wait, Ev::Load(tab));
        };
        let browser = &mut self.browsers[of];
        let mut shell = browser.worker.map_or(build, |worker| worker.active);
        if browser.sticky && !calm && shell != self.tabs[tab].last {
            self.report.fault(Fault::TwoFaced);
            shell = self.tabs[tab].last;
        }
        self.tabs[tab].last = shell;
        self.report.pages += 1;
        self.ring.push(self.now, tab as u32, Told::Loaded(shell));
        let mono = self.now - browser.slept;
        let marked = self.site.marked;
        let named = Named {
            id: format!("b{shell}"),
            version: self.law.builds[shell].map_or(String::new(), |v| v.to_string()),
        };
        let version = self.law.builds[shell].map_or(Value::Null, |v| Value::from(v.to_string()));
        let options = Value::object([
            ("build", Value::object([("id", named.id.as_str().into()), ("version", version)])),
            ("app", "shop".into()),
            (
                "worker",
                if browser.activate { Value::object([("activate", true.into())]) } else { Value::Null },
            ),
        ]);
        let session = match (browser.session, &self.tabs[tab].session) {
            (false, _) => None,
            (true, Some(booked)) if !booked.is_null() && self.setup.without != Some(Guard::Budget) => {
                Some(booked.clone())
            }
            // Nothing was booked, as the page tells it.
            (true, _) => Some(Value::Array(Vec::new())),
        };
        // Without the guard `serial` what was kept has a serial of no manifest.
        let kept =
            browser.kept.clone().filter(|_| browser.local && self.setup.without != Some(Guard::Serial));
        let start = Start {
            seed: self.dice.next(),
            nonce: self.tabs[tab].nonce,
            kept: kept.as_ref().map(|(state, text)| (state, text.as_str())),
            session: session.as_ref(),
            mark: marked.then(|| Mark { build: named, app: "shop".into() }),
            visible: self.tabs[tab].visible,
            online: browser.online,
            locks: browser.locks,
            ..Start::default()
        };
        let clocks = self.clocks(tab);
        let client =
            Client::new(&options, start, parse, Numbers::native(), clocks).expect("the options are right");
        let mut seen = Seen::new(shell, marked, mono);
        // What it made of the kept state it may: only a valid manifest, and only to inform.
        if let Some(text) = client.in_force().manifest.as_ref().map(|_| client.in_force().text.as_str()) {
            let serial = client.in_force().manifest.as_ref().map(|m| m.serial);
            // Without the guard `spread` its text is another one.
            let same = |m: &Manifest| match self.setup.without {
                Some(Guard::Spread) => Some(m.serial) == serial,
                _ => *m.text == *text,
            };
            let known = self
                .law
                .manifests
                .iter()
                .position(|m| matches!(m.flaw, None | Some(Flaw::Future)) && same(m));
            match known {
                Some(index) => {
                    seen.court.in_force = Some(index);
                    let at = kept.and_then(|(state, _)| state.items().get(1).and_then(Value::as_f64));
                    let age = at.map_or(0, |at| clocks.wall - at as i64);
                    seen.remember(&self.law, mono, age);
                }
                None => self.check_tab(
                    tab,
                    Err(format!("kept state that is not a valid manifest is in force: {text}")),
                ),
            }
        }
        let of = &mut self.tabs[tab];
        // Session storage that was refused at the start counts as refused for this page's life.
        of.page = Some(Page {
            client,
            seen,
            request: None,
            look: None,
            holds: Vec::new(),
            wake: None,
            spins: (0, 0),
            asked: false,
            navigation: false,
            storage: session.is_some(),
            heard: None,
            in_force: None,
            leader: None,
            leaving: false,
            crossed: false,
            activating: false,
            online: true,
            born: self.now,
            shown: mono,
            last_at: None,
            froze: false,
            missed: false,
        });
        self.drain(tab);
    }

    /// What a load brings to this browser: under a service worker what that has, and its update with it.
    fn served(&mut self, browser: usize, calm: bool) -> Option<Build> {
        let edge = self.browsers[browser].edge;
        let served = self.site.page(&mut self.dice, &mut self.report, Call { edge, now: self.now, calm });
        let alone = !self.browsers[browser].tabs.iter().any(|tab| self.tabs[*tab].page.is_some());
        let Some(worker) = &mut self.browsers[browser].worker else { return served };
        if let Some(build) = served {
            worker.waiting = Some(build).filter(|build| *build != worker.active);
        }
        if alone && let Some(waiting) = worker.waiting.take() {
            worker.active = waiting;
        }
        Some(worker.active)
    }

    /// Something happens to the page.
    pub fn send(&mut self, tab: usize, name: &'static str, event: Event) {
        if name != "wake" {
            self.tell(tab, Told::Event(name, 0));
        }
        let clocks = self.clocks(tab);
        let Some(page) = &mut self.tabs[tab].page else { return };
        page.client.handle(clocks, event);
        self.drain(tab);
    }

    /// Carries out what the client asks for, and looks whether all is as it must be.
    pub fn drain(&mut self, tab: usize) {
        let all = self.tabs[tab].page.as_ref().map(|page| page.client.effects().to_vec());
        for effect in all.into_iter().flatten() {
            self.act(tab, effect);
            if self.failed.is_some() {
                return;
            }
        }
        let (scene, without) = (self.scene(tab), self.setup.without);
        let Some(page) = &mut self.tabs[tab].page else { return };
        if without != Some(Guard::Serial) {
            let serial = page.client.in_force().manifest.as_ref().map(|m| m.serial);
            let law = page.seen.court.in_force.map(|index| self.law.manifests[index].serial);
            let verdict = page.seen.standing(&self.law, scene.now, page.client.standing().status);
            let verdict = verdict.map_err(|what| format!("{what}; in force {serial:?}, by the law {law:?}"));
            self.check_tab(tab, verdict);
        }
        self.crowd(tab);
        self.set_timer(tab);
    }

    fn act(&mut self, tab: usize, effect: Effect) {
        let scene = self.scene(tab);
        let id = self.id(tab);
        let Some(page) = &mut self.tabs[tab].page else { return };
        match effect {
            Effect::Poll => self.poll(tab),
            Effect::Abort => {
                let gave_up = page.request.take().is_some() && !page.leaving;
                page.seen.gave_up(&self.law, scene, gave_up);
            }
            Effect::Tell => {
                let next = page.client.schedule().planned(scene.mono);
                let heard = page.heard.clone().filter(|_| page.client.answered());
                self.spread_word(tab, heard, next);
            }
            Effect::Hello => self.hello(tab),
            Effect::Lead(on) => self.lead(id, on),
            Effect::Keep(text) => {
                let mut state =
                    Json::tree(|out| page.client.kept().write(out, &page.client.refresh().snooze));
                let text = text.then(|| page.client.in_force().text.clone());
                let browser = &mut self.browsers[self.tabs[tab].browser];
                if browser.local {
                    let (old, before) = browser.kept.take().unwrap_or((Value::Null, String::new()));
                    // What another tab has put off stays.
                    if let (Value::Array(items), Some(snooze)) = (&mut state, old.items().get(5))
                        && items.len() == 5
                    {
                        items.push(snooze.clone());
                    }
                    browser.kept = Some((state, text.unwrap_or(before))).filter(|(_, text)| !text.is_empty());
                } else {
                    self.report.fault(Fault::LocalStorage);
                }
            }
            Effect::Shell => self.look(tab, false),
            Effect::Activate => self.look(tab, true),
            Effect::Save => {
                // Callbacks that do not settle are waited for no longer than 5 s.
                let wait = if self.dice.happens(0.1) { 9 * SECOND } else { self.dice.between(0, 800) };
                self.after(wait, Ev::Saved(id));
            }
            Effect::Reload => {
                let refresh = page.client.refresh();
                let session = Json::tree(|out| refresh.budget.write(out));
                let (asked, navigation) = (refresh.asked, !refresh.url.is_empty());
                self.leave(tab, session, asked, navigation);
            }
            Effect::Taken(taken) => {
                page.navigation = taken;
                if taken {
                    self.unasked(tab, true);
                }
            }
            Effect::Standing => {
                let status = page.client.standing().status;
                self.tell(tab, Told::Standing(status.name()));
            }
            Effect::Refresh => {
                let state = page.client.refresh().state;
                if !matches!(state.phase, Phase::Checking | Phase::Saving | Phase::Reloading) {
                    page.asked = false;
                    page.navigation = false;
                }
                if state.action != Action::Force {
                    page.seen.withdrawn();
                }
                let asked = page.asked || page.navigation;
                let verdict =
                    page.seen.refresh(&self.law, scene, &state, &page.client.refresh().target, asked);
                self.ring.push(self.now, tab as u32, Told::Phase(state.phase.name(), state.reason.name()));
                self.report.phase(state.phase);
                self.check_tab(tab, verdict);
                self.notice(tab, state.phase);
            }
            Effect::Polled(_, heard) => {
                if matches!(heard, Heard::New | Heard::Unchanged) {
                    let answer = page.heard.as_ref().and_then(|heard| heard.answer.as_ref());
                    page.in_force = answer.and_then(|answer| answer.text.clone());
                }
                self.tell(tab, Told::Outcome(heard.name()));
            }
            Effect::Plan | Effect::Ready(_) | Effect::Failed(_) => {}
            #[allow(unreachable_patterns, reason = "effects that came later, and are only published")]
            _ => {}
        }
    }

    /// The manifest is fetched.
    fn poll(&mut self, tab: usize) {
        let (scene, calm, ticket) = (self.scene(tab), self.calm(), self.ticket());
        let away = self.tabs[tab].away;
        let Some(page) = &mut self.tabs[tab].page else { return };
        let why = page.client.schedule().running().unwrap_or(Why::Start);
        self.ring.push(self.now, tab as u32, Told::Poll(why.name()));
        let verdict = match (away, page.request.replace(ticket)) {
            (true, _) => Err("a page that has gone polls".into()),
            (_, Some(_)) => Err("two polls at a time".into()),
            _ => page.seen.poll(&self.law, scene, why),
        };
        self.check_tab(tab, verdict);
        self.one_poller(tab, why);
        self.report.polls += 1;
        let browser = &self.browsers[self.tabs[tab].browser];
        let (edge, online) = (browser.edge, browser.online);
        let mut reply =
            self.site.poll(&mut self.dice, &self.law, &mut self.report, Call { edge, now: self.now, calm });
        if !online {
            reply.answer = None;
            reply.manifest = None;
        }
        if reply.after == i64::MAX {
            return;
        }
        let message = Rc::new(Message {
            answer: reply.answer,
            manifest: reply.manifest,
            date: reply.date,
            made: scene.mono + reply.after,
        });
        let id = self.id(tab);
        if reply.doubled {
            self.after(reply.after, Ev::Answer(id, ticket, message.clone()));
        }
        self.after(reply.after, Ev::Answer(id, ticket, message));
    }

    /// The answer to a poll comes. One that was given up is dropped, as the shell drops it; a doubled one is not.
    pub fn answer(&mut self, tab: usize, ticket: u64, message: &Rc<Message>) {
        let (id, mono) = (self.id(tab), self.mono(tab));
        let Some(page) = &mut self.tabs[tab].page else { return };
        let first = page.request == Some(ticket);
        if !first && (page.request.is_some() || page.client.schedule().running().is_some()) {
            return;
        }
        if page.client.schedule().overdue(mono) && message.answer.is_some() {
            // It waited for a frozen tab, and is too late.
            return self.deliver(tab, message, None);
        }
        page.request = None;
        page.leader = Some((id, mono));
        if first {
            self.heard(tab, message, None);
        }
        self.deliver(tab, message, None);
    }

    /// Another tab tells of an answer.
    pub fn told(&mut self, tab: usize, from: crate::world::Id, message: &Rc<Message>, next: i64) {
        let mono = self.mono(tab);
        let Some(page) = &mut self.tabs[tab].page else { return };
        // Two that tell at one time may cross: who heard both knows the plan of one of them only.
        page.crossed = page.leader.is_some_and(|(other, at)| other != from && mono - at < 5 * SECOND)
            || page.crossed && page.leader.is_some_and(|(_, at)| mono - at < 5 * SECOND);
        page.leader = Some((from, mono));
        self.heard(tab, message, Some(next));
        self.deliver(tab, message, Some(next));
    }

    /// What follows from an answer by the law, before the client has it.
    fn heard(&mut self, tab: usize, message: &Rc<Message>, told: Option<i64>) {
        let scene = self.scene(tab);
        let Some(page) = &mut self.tabs[tab].page else { return };
        let (law, seen) = (&self.law, &mut page.seen);
        let valid = message.manifest.filter(|index| {
            let flaw = law.manifests[*index].flaw;
            matches!(flaw, None | Some(Flaw::Future))
        });
        if let Some(index) = valid
            && seen.court.hear(law, scene.mono, index, message.date)
        {
            seen.good(law, scene, message.made, told);
            seen.retarget(law);
            page.last_at = Some(scene.mono);
            return;
        }
        if !scene.online {
            // Offline nothing is counted.
            return seen.uncounted();
        }
        let asked = message.answer.as_ref().map(|answer| answer.retry_delay.min(answer.retry_date));
        let asked = asked.filter(|asked| *asked != NEVER);
        seen.bad(law, scene.mono, told, message.answer.is_some(), asked);
    }

    fn deliver(&mut self, tab: usize, message: &Rc<Message>, told: Option<i64>) {
        let mut answer = message.answer.clone();
        match self.setup.without {
            Some(Guard::Serial) => self.promote(message.manifest, &mut answer),
            Some(Guard::Spread) if told.is_none() => {
                if let Some(text) = answer.as_mut().and_then(|answer| answer.text.as_mut()) {
                    *text = text.replace(r#""spreadSeconds":"#, r#""spreadSeconds":0,"was":"#);
                }
            }
            Some(Guard::Backoff) if message.manifest.is_none() => {
                // As if the server had said again what is in force.
                let client = self.tabs[tab].page.as_ref().map(|page| &page.client);
                let text = client.map_or(String::new(), |client| client.in_force().text.clone());
                answer = Some(Answer { status: 200, text: Some(text), ..Answer::default() });
            }
            _ => {}
        }
        let wall = self.clocks(tab).wall;
        let Some(page) = &mut self.tabs[tab].page else { return };
        if let Some(answer) = &mut answer
            && answer.at == NEVER
        {
            answer.at = wall;
        }
        page.heard = Some(Rc::new(Message { answer: answer.clone(), ..**message }));
        // A text that is in force crosses once.
        if let Some(answer) = &mut answer
            && answer.text.is_some()
            && answer.text == page.in_force
        {
            answer.text = None;
            answer.known = true;
        }
        let name = if answer.is_some() { "answer" } else { "no answer" };
        self.send(tab, name, Event::Answer { answer: answer.unwrap_or_default(), told });
    }

    /// Without the guard `serial`: what arrives is always the newest.
    fn promote(&mut self, manifest: Option<usize>, answer: &mut Option<Answer>) {
        if let (Some(index), Some(answer)) = (manifest, answer) {
            let manifest = &self.law.manifests[index];
            if manifest.flaw.is_none() {
                let serial = self.law.manifests[0].serial + (self.now / SECOND) as u64;
                answer.text = Some(manifest.write(&self.law, serial));
            }
        }
    }

    /// The shell is looked at, after a waiting service worker was perhaps told to take over.
    fn look(&mut self, tab: usize, activate: bool) {
        let (mono, calm, ticket) = (self.mono(tab), self.calm(), self.ticket());
        self.report.looks += 1;
        let of = self.tabs[tab].browser;
        if let Some(page) = &mut self.tabs[tab].page {
            let verdict = if activate { Ok(()) } else { page.seen.look(&self.law, mono) };
            page.look = Some(ticket);
            page.activating = activate;
            self.check_tab(tab, verdict);
        }
        self.tell(tab, Told::Effect(if activate { "activate" } else { "look" }));
        if self.site.incident == Some(Incident::Hang) {
            return;
        }
        let edge = self.browsers[of].edge;
        let online = self.browsers[of].online;
        let fetched = self
            .site
            .page(&mut self.dice, &mut self.report, Call { edge, now: self.now, calm })
            .filter(|_| online);
        let (build, state) = match &mut self.browsers[of].worker {
            None => (fetched, Worker::Settled),
            Some(worker) => {
                if let Some(build) = fetched {
                    worker.waiting = Some(build).filter(|build| *build != worker.active);
                }
                if activate && let Some(waiting) = worker.waiting.take() {
                    worker.active = waiting;
                }
                let state = match (fetched, worker.waiting) {
                    (None, _) => Worker::Busy,
                    (_, Some(_)) => {
                        self.report.fault(Fault::WorkerWaiting);
                        Worker::Waiting
                    }
                    _ => Worker::Settled,
                };
                (Some(worker.active), state)
            }
        };
        let mut answer = self.site.shell(&self.law, build, state);
        let proper = answer.status == 200 && !answer.redirected && answer.html && state == Worker::Settled;
        let marked = self.site.marked && self.site.incident != Some(Incident::OtherApp);
        match self.site.incident {
            Some(Incident::Redirect) => self.report.fault(Fault::Redirect),
            Some(Incident::OtherApp) => self.report.fault(Fault::OtherApp),
            Some(Incident::NoHtml) => self.report.fault(Fault::NoHtml),
            _ => {}
        }
        let page = proper.then(|| build.filter(|_| marked));
        if self.without(Guard::Shell) {
            answer = self.flatter(tab);
        }
        let wait = if calm { 200 } else { self.dice.between(50, 3 * SECOND) };
        let id = self.id(tab);
        self.after(wait, Ev::Shell(id, ticket, answer, page));
    }

    /// Without the guard `shell`: every page brings the target.
    fn flatter(&self, tab: usize) -> ShellAnswer {
        let client = self.tabs[tab].page.as_ref().map(|page| &page.client);
        let target = client.and_then(|client| client.in_force().manifest.as_ref()).map(|m| &m.current.id);
        let text = target.map_or(String::new(), |id| {
            format!(r#"<meta name="trueup-build" content="{id}" data-app="shop">"#)
        });
        ShellAnswer { status: 200, redirected: false, html: true, text, worker: Worker::Settled }
    }

    /// The look comes back.
    pub fn shell(&mut self, tab: usize, ticket: u64, answer: ShellAnswer, mark: Option<Option<Build>>) {
        let mono = self.mono(tab);
        let of = &mut self.tabs[tab];
        let Some(page) = &mut of.page else { return };
        // One look at a time: the shell drops an earlier one.
        if page.look.take_if(|look| *look == ticket).is_none() {
            return;
        }
        let told = std::mem::take(&mut page.activating);
        let activates = !told && answer.worker == Worker::Waiting && page.client.config().activate;
        let held = page.holds.iter().any(|(_, until)| *until > mono);
        if held || !activates {
            let (target, ledger) = (page.seen.target(&self.law), &of.ledger);
            // What a reload has shown is remembered where there is storage.
            let came_back = page.storage
                && self.setup.without != Some(Guard::Budget)
                && ledger.came_back(page.seen.build, target, page.born);
            page.seen.looked(&self.law, mono, mark, !came_back);
        }
        self.send(tab, "shell", Event::Shell(answer));
    }

    /// Whether the page may go though nobody has asked: now, or with the navigation that it takes.
    fn unasked(&mut self, tab: usize, navigation: bool) {
        let scene = self.scene(tab);
        let wall = self.now + self.browsers[self.tabs[tab].browser].jumps;
        let Some(page) = &self.tabs[tab].page else { return };
        let target = page.client.refresh().target.as_str();
        let ledger = &self.tabs[tab].ledger;
        let verdict = page.seen.unasked(&self.law, scene, target, navigation).and_then(|()| {
            match ledger.from(page.seen.build, page.seen.target(&self.law)) {
                Some(from) if wall >= from => Ok(()),
                Some(from) => Err(format!("a reload is over the budget by {} s", (from - wall) / 1000)),
                None => Err("a reload where the tab is stuck".into()),
            }
        });
        self.check_tab(tab, verdict);
    }

    /// Books, and goes.
    fn leave(&mut self, tab: usize, session: Value, asked: bool, navigation: bool) {
        let id = self.id(tab);
        let Some(page) = &mut self.tabs[tab].page else { return };
        let build = page.seen.build;
        let target = page.seen.court.in_force.map(|index| self.law.manifests[index].current);
        let person = asked && !navigation;
        self.ring.push(self.now, tab as u32, Told::Event("reload", i64::from(asked)));
        let wall = self.now + self.browsers[self.tabs[tab].browser].jumps;
        if !asked {
            self.unasked(tab, false);
        }
        let of = &mut self.tabs[tab];
        if !self.browsers[of.browser].session {
            self.report.fault(Fault::SessionStorage);
            // A navigation that was taken has to be made: it is a load that the person wanted.
            if !asked {
                if let Some(page) = &mut of.page {
                    page.storage = false;
                }
                return self.after(0, Ev::Unbooked(id));
            }
        } else {
            // A page that began without storage knows nothing of what was booked before.
            if session.is_null() {
                of.ledger = Ledger::default();
            } else if let Some(target) = target {
                of.ledger.book(build, target, wall, self.now);
            }
            of.session = Some(session);
        }
        match (person, navigation) {
            (true, _) => self.report.asked += 1,
            (_, true) => self.report.navigations += 1,
            _ => {
                self.report.reloads += 1;
                self.crowds.gone(id, self.now);
            }
        }
        if !self.calm() && self.dice.happens(0.05) {
            self.report.fault(Fault::KeptPage);
            return;
        }
        self.unload(tab);
        let wait = self.dice.between(200, 3 * SECOND);
        self.after(wait, Ev::Load(tab));
    }

    /// The page is gone, and with it its place in the queue for the lock.
    pub fn unload(&mut self, tab: usize) {
        let id = self.id(tab);
        self.lead(id, false);
        self.crowds.left(id);
        let of = &mut self.tabs[tab];
        of.page = None;
        of.life += 1;
        of.backlog.clear();
        of.away = false;
    }
}
