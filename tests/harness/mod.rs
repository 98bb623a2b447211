//! One page in virtual time: a client, a server that answers, and all that happened.

#![allow(dead_code, reason = "each test file uses its part of the harness")]

use std::collections::VecDeque;

use trueup::core::Client;
use trueup::core::config::{Build, Mark};
use trueup::core::error::{FetchError, Flaw};
use trueup::core::event::{self, Answer, Event, Start};
use trueup::core::flags::Numbers;
use trueup::core::json::Json;
use trueup::core::negotiate::Plan;
use trueup::core::refresh::shell::{ShellAnswer, Worker};
use trueup::core::refresh::{Phase, State};
use trueup::core::schedule::Why;
use trueup::core::time::{NEVER, Now};
use trueup::core::value::{Value, read};
use trueup::core::window::{Standing, Status};

pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// 2026-11-23T00:00:00Z, when every test begins by the servers' clock.
pub const EPOCH: i64 = 1_795_392_000_000;

pub fn json(text: &str) -> Option<Value> {
    read(&mut serde_json::Deserializer::from_str(text)).ok()
}

/// As the browser's parser, which passes over what is too deep.
pub fn parse(text: &str) -> Option<Value> {
    trueup::core::json::parse(text, Numbers::native().parse)
}

/// Something is asked for, with all that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Abort,
    Shell,
    Activate,
    Save,
    Hello,
    Lead(bool),
    Taken(bool),
    Poll,
    Keep { state: Value, text: Option<String> },
    Reload { session: Value, asked: bool, url: Option<String> },
    Tell(Option<Answer>, i64),
    Standing(Standing),
    Refresh(State),
    Plan(Plan),
    Flags(String),
    Polled { why: Why, outcome: &'static str },
    Ready(&'static str),
    Fault(Blame),
}

/// A fault, by who can mend it.
#[derive(Clone, Debug, PartialEq)]
pub enum Blame {
    Publisher(Flaw),
    Network(FetchError),
    Memory,
}

/// What is to be done after an event, as `src/browser/wire.rs` writes it for the page. `last`: the last answer, which the
/// page has at hand.
pub fn effects(client: &Client, mono: i64, last: &Answer) -> Vec<Effect> {
    let whole = |effect: &event::Effect| match *effect {
        event::Effect::Abort => Effect::Abort,
        event::Effect::Shell => Effect::Shell,
        event::Effect::Activate => Effect::Activate,
        event::Effect::Save => Effect::Save,
        event::Effect::Hello => Effect::Hello,
        event::Effect::Lead(on) => Effect::Lead(on),
        event::Effect::Taken(taken) => Effect::Taken(taken),
        event::Effect::Poll => Effect::Poll,
        event::Effect::Keep(text) => {
            let text = text.then(|| client.in_force().text.clone());
            Effect::Keep { state: Json::tree(|out| client.kept().write(out, &client.refresh().snooze)), text }
        }
        event::Effect::Reload => {
            let refresh = client.refresh();
            let session = Json::tree(|out| refresh.budget.write(out));
            Effect::Reload {
                session,
                asked: refresh.asked,
                url: Some(refresh.url.clone()).filter(|url| !url.is_empty()),
            }
        }
        event::Effect::Tell => {
            let answer = client.answered().then(|| last.clone());
            Effect::Tell(answer, client.schedule().planned(mono))
        }
        event::Effect::Standing => Effect::Standing(client.standing()),
        event::Effect::Refresh => Effect::Refresh(client.refresh().state),
        event::Effect::Plan => Effect::Plan(client.plan().clone()),
        event::Effect::Flags => Effect::Flags(client.outcome().to_owned()),
        event::Effect::Polled(why, heard) => Effect::Polled { why, outcome: heard.name() },
        event::Effect::Failed(FetchError::Foreign) => Effect::Fault(Blame::Memory),
        event::Effect::Failed(error) => Effect::Fault(Blame::Network(error)),
        event::Effect::Ready(live) => Effect::Ready(match &client.in_force().manifest {
            _ if live => "live",
            Some(_) => "stored",
            None => "timeout",
        }),
    };
    let faults = client.flaws().iter().map(|flaw| Effect::Fault(Blame::Publisher(flaw.clone())));
    faults.chain(client.effects().iter().map(whole)).collect()
}

/// What the modelled server answers a poll with.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The manifest, 200.
    Manifest,
    /// Something else.
    Other(Answer),
    /// No answer.
    Lost,
    /// Never.
    Hang,
}

pub struct Page {
    pub client: Client,
    pub mono: i64,
    /// Visitor's clock minus servers' clock.
    pub skew: i64,
    /// Whether answers carry `Date`.
    pub dated: bool,
    pub manifest: String,
    pub reply: Reply,
    /// The build that the shell's mark names; `None`: no mark.
    pub shell: Option<(String, String)>,
    pub shell_status: u16,
    /// The look at the page does not end.
    pub shell_hangs: bool,
    /// What a service worker would do to a reload.
    pub worker: Worker,
    /// Virtual times at which a poll went out.
    pub polls: Vec<i64>,
    pub shells: Vec<i64>,
    pub reloads: Vec<(i64, bool, Option<String>)>,
    pub phases: Vec<Phase>,
    pub statuses: Vec<Status>,
    pub faults: Vec<Blame>,
    pub outcomes: Vec<&'static str>,
    pub ready: Vec<&'static str>,
    pub taken: Vec<bool>,
    pub kept: Option<(Value, String)>,
    pub session: Value,
    pub effects: Vec<Effect>,
    /// The last answer that was heard.
    last: Answer,
    /// Asked for, and not done yet.
    queue: VecDeque<Effect>,
    pub saves: usize,
    /// `onSave` callbacks do not settle.
    pub saves_hang: bool,
    /// Whether a reload ends the page, as it does unless a `beforeunload` dialog is dismissed.
    pub leaves: bool,
}

pub struct Setup {
    pub options: String,
    pub start: Found,
    pub manifest: String,
    pub skew: i64,
    pub dated: bool,
}

/// How the start of a page finds things: [`Start`], with what that borrows.
#[derive(Clone, Default)]
pub struct Found {
    pub seed: u64,
    pub nonce: u64,
    pub kept: Option<(Value, String)>,
    pub session: Option<Value>,
    pub inline: Option<String>,
    pub mark: Option<Mark>,
    pub visible: bool,
    pub online: bool,
    pub locks: bool,
    pub reload_off: bool,
}

impl Found {
    pub fn start(&self) -> Start<'_> {
        Start {
            seed: self.seed,
            nonce: self.nonce,
            kept: self.kept.as_ref().map(|(state, text)| (state, text.as_str())),
            session: self.session.as_ref(),
            inline: self.inline.as_deref(),
            mark: self.mark.clone(),
            visible: self.visible,
            online: self.online,
            locks: self.locks,
            reload_off: self.reload_off,
        }
    }
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            options: r#"{"build":{"id":"b1","version":"1"},"app":"shop"}"#.into(),
            start: Found {
                seed: 1,
                session: Some(Value::Array(Vec::new())),
                mark: Some(mark("b1", "1")),
                visible: true,
                online: true,
                ..Found::default()
            },
            manifest: manifest(1, "b1", "1", ""),
            skew: 0,
            dated: true,
        }
    }
}

impl Setup {
    pub fn manifest(mut self, manifest: String) -> Setup {
        self.manifest = manifest;
        self
    }
    pub fn options(mut self, options: &str) -> Setup {
        self.options = options.into();
        self
    }
    pub fn start(mut self, change: impl FnOnce(&mut Found)) -> Setup {
        change(&mut self.start);
        self
    }
    pub fn open(self) -> Page {
        let now = Now { mono: 0, wall: EPOCH + self.skew };
        let options = json(&self.options).unwrap();
        let client = Client::new(&options, self.start.start(), parse, Numbers::native(), now).unwrap();
        let mut page = Page {
            mono: 0,
            skew: self.skew,
            dated: self.dated,
            manifest: self.manifest,
            reply: Reply::Manifest,
            shell: None,
            shell_status: 200,
            shell_hangs: false,
            worker: Worker::Settled,
            polls: vec![],
            shells: vec![],
            reloads: vec![],
            phases: vec![],
            statuses: vec![],
            faults: vec![],
            outcomes: vec![],
            ready: vec![],
            taken: vec![],
            kept: None,
            session: Value::Array(Vec::new()),
            effects: vec![],
            queue: effects(&client, 0, &Answer::default()).into(),
            last: Answer::default(),
            saves: 0,
            saves_hang: false,
            leaves: true,
            client,
        };
        page.drain();
        page
    }
}

/// A page on build b1 of a server whose manifest says so.
pub fn page() -> Page {
    Setup::default().open()
}

pub fn mark(id: &str, version: &str) -> Mark {
    Mark { build: Build { id: id.into(), version: version.into() }, app: "shop".into() }
}

/// A manifest; `more` is further members with a leading comma.
pub fn manifest(serial: u64, id: &str, version: &str, more: &str) -> String {
    format!(r#"{{"trueup":1,"serial":{serial},"current":{{"id":"{id}","version":"{version}"}}{more}}}"#)
}

/// What storage holds after a `keep`: what was put off, and the text, stay where the effect is without.
pub fn kept(before: Option<(Value, String)>, mut state: Value, text: Option<String>) -> (Value, String) {
    let (old, before) = before.unwrap_or((Value::Null, String::new()));
    if let (Value::Array(items), Some(snooze)) = (&mut state, old.items().get(5))
        && items.len() == 5
    {
        items.push(snooze.clone());
    }
    (state, text.unwrap_or(before))
}

impl Page {
    pub fn now(&self) -> Now {
        Now { mono: self.mono, wall: EPOCH + self.skew + self.mono }
    }

    /// The server publishes, and serves the page that belongs to it.
    pub fn deploy(&mut self, serial: u64, id: &str, version: &str, more: &str) {
        self.publish(serial, id, version, more);
        self.shell = Some((id.into(), version.into()));
    }

    /// The server publishes; the page that it serves stays.
    pub fn publish(&mut self, serial: u64, id: &str, version: &str, more: &str) {
        self.manifest = manifest(serial, id, version, more);
    }

    pub fn send(&mut self, event: Event) {
        self.handle(event);
        self.drain();
    }

    /// What is asked for meanwhile waits its turn.
    fn handle(&mut self, event: Event) {
        let now = self.now();
        if let Event::Answer { answer, .. } = &event {
            let at = if answer.at == NEVER { now.wall } else { answer.at };
            self.last = Answer { at, ..answer.clone() };
        }
        self.client.handle(now, event);
        self.queue.extend(effects(&self.client, self.mono, &self.last));
    }

    /// Lets virtual time pass, waking the client when it wants to be woken.
    pub fn pass(&mut self, ms: i64) {
        let end = self.mono + ms;
        let gone = |page: &Page| page.leaves && !page.reloads.is_empty();
        let mut same = 0;
        while let Some(wake) = self.client.next_wake(self.now()).filter(|wake| wake.at <= end) {
            same = if wake.at <= self.mono { same + 1 } else { 0 };
            assert!(same < 20, "it spins at {}: {}", self.mono, wake.name());
            self.mono = self.mono.max(wake.at);
            self.send(Event::Wake);
            if gone(self) {
                return;
            }
        }
        self.mono = end;
        if !gone(self) {
            self.send(Event::Wake);
        }
    }

    /// Lets time pass until the phase is reached, at most a day.
    pub fn until(&mut self, phase: Phase) -> i64 {
        let start = self.mono;
        while self.phase() != phase {
            assert!(self.mono - start < DAY, "never {phase:?}; still {:?}", self.client.refresh().state);
            self.pass(SECOND);
        }
        self.mono
    }

    /// Lets time pass until so many polls have gone out, at most a day.
    pub fn until_polls(&mut self, polls: usize) {
        let start = self.mono;
        while self.polls.len() < polls {
            assert!(self.mono - start < DAY, "only {} polls", self.polls.len());
            let wake = self
                .client
                .next_wake(self.now())
                .map_or(SECOND, |wake| (wake.at - self.mono).clamp(1, SECOND));
            self.pass(wake);
        }
    }

    pub fn phase(&self) -> Phase {
        self.client.refresh().state.phase
    }
    pub fn reason(&self) -> &'static str {
        self.client.refresh().state.reason.name()
    }
    pub fn status(&self) -> Status {
        self.client.standing().status
    }
    /// Whether anything was ever shown.
    pub fn ever(&self, phase: Phase) -> bool {
        self.phases.contains(&phase)
    }

    /// The page that was looked at comes after all.
    pub fn look_again(&mut self) {
        self.look();
        self.drain();
    }

    fn look(&mut self) {
        let text = match &self.shell {
            Some((id, version)) => {
                format!(
                    r#"<meta name="trueup-build" content="{id}" data-version="{version}" data-app="shop">"#
                )
            }
            None => "<title>no mark</title>".into(),
        };
        let answer = ShellAnswer {
            status: self.shell_status,
            html: true,
            text,
            worker: self.worker,
            ..ShellAnswer::default()
        };
        self.handle(Event::Shell(answer));
    }

    fn drain(&mut self) {
        while let Some(effect) = self.queue.pop_front() {
            self.effects.push(effect.clone());
            match effect {
                Effect::Poll => {
                    self.polls.push(self.mono);
                    let date = if self.dated { EPOCH + self.mono } else { NEVER };
                    let event = match self.reply.clone() {
                        Reply::Manifest => Some(Event::Answer {
                            answer: Answer {
                                status: 200,
                                date,
                                text: Some(self.manifest.clone()),
                                ..Answer::default()
                            },
                            told: None,
                        }),
                        Reply::Other(answer) => {
                            Some(Event::Answer { answer: Answer { date, ..answer }, told: None })
                        }
                        Reply::Lost => Some(Event::Answer { answer: Answer::default(), told: None }),
                        Reply::Hang => None,
                    };
                    if let Some(event) = event {
                        self.handle(event);
                    }
                }
                Effect::Activate if !self.shell_hangs => self.look(),
                Effect::Shell => {
                    self.shells.push(self.mono);
                    if !self.shell_hangs {
                        self.look();
                    }
                }
                Effect::Save => {
                    self.saves += 1;
                    if !self.saves_hang {
                        self.handle(Event::Saved);
                    }
                }
                Effect::Reload { session, asked, url } => {
                    self.session = session;
                    self.reloads.push((self.mono, asked, url));
                }
                Effect::Keep { state, text } => {
                    self.kept = Some(kept(self.kept.take(), state, text));
                }
                Effect::Refresh(state) => self.phases.push(state.phase),
                Effect::Standing(standing) => self.statuses.push(standing.status),
                Effect::Fault(blame) => self.faults.push(blame),
                Effect::Polled { outcome, .. } => self.outcomes.push(outcome),
                Effect::Ready(how) => self.ready.push(how),
                Effect::Taken(taken) => self.taken.push(taken),
                _ => {}
            }
        }
    }
}
