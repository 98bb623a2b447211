//! The client of one page: hears events, asks its parts, and says what is to be done.

use super::config::Config;
use super::error::{ConfigError, Fault, FetchError, Flaw};
use super::event::{Answer, Blame, Effect, Event, Start, Wake};
use super::flags::{Live, Numbers};
use super::manifest::{MAX_TEXT, Manifest};
use super::memory::{Kept, MAX_KEPT, Snooze};
use super::negotiate::{Overlay, Plan, Verdict, negotiate};
use super::refresh::budget::Budget;
use super::refresh::shell::Worker;
use super::refresh::{Facts, POLL, PUBLISH, RELOAD, Refresh, SAVE, SHELL};
use super::schedule::{Role, Schedule, Why};
use super::serial::{Heard, InForce};
use super::time::{Chance, LONG_AGO, NEVER, Now, SECOND, ServerTime};
use super::value::{Node, Value};
use super::window::{Action, Reason, Standing, Status, action, standing};

/// `ready` waits this long for the first answer.
const READY: i64 = 2 * SECOND;

/// JSON to tree, as the platform reads it; what is nested deeper than [`super::value::MAX_DEPTH`] reads as `null`.
pub type Parse = fn(&str) -> Option<Value>;

/// All that one page decides.
pub struct Client {
    config: Config,
    parse: Parse,
    chance: Chance,
    server: ServerTime,
    schedule: Schedule,
    in_force: InForce,
    refresh: Refresh,
    kept: Kept,
    etag: Option<String>,
    last: Option<Answer>,
    /// The last answer was no good: what the other tabs were told of it.
    bad: Option<Option<Answer>>,
    marked: bool,
    locks: bool,
    nonce: u64,
    chunks: Chunks,
    overlay: Overlay,
    plan: Plan,
    /// When the plan changes by itself, by the servers' clock.
    turn: i64,
    verdict: Verdict,
    flags: Live,
    /// The serial whose `apis` and `flags` were looked through.
    looked: Option<u64>,
    standing: Standing,
    /// Until when `ready` waits; `None`: it has been said.
    ready: Option<i64>,
    effects: Vec<Effect>,
    /// Those that are being drained. (Both together are half the code of a ring.)
    leaving: std::vec::IntoIter<Effect>,
}

/// What is known of this build's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunks {
    Whole,
    /// One was lost: remembered until a newer build appears. Without one it was the network.
    Lost,
    /// One was lost, and there is a newer build: until this one is current again, whose chunks are then back.
    Stranded,
}

impl Client {
    /// The client of a page that starts now.
    pub fn new(
        options: &Value,
        start: Start,
        parse: Parse,
        numbers: Numbers,
        now: Now,
    ) -> Result<Client, ConfigError> {
        let config = Config::decode(options, start.mark.as_ref())?;
        let mut effects = Vec::new();
        let mut in_force = InForce::default();
        let mut kept = None;
        let mut inlined = false;
        if let Some((state, text)) = &start.kept {
            let manifest = read(parse, text).ok();
            kept = Kept::read(now, state).zip(manifest).filter(|(kept, m)| kept.serial == m.serial).map(
                |(kept, manifest)| {
                    in_force.hear(now, manifest, text, None);
                    kept
                },
            );
            if kept.is_none() {
                let nothing = Effect::Keep { state: Value::Null, text: Some(String::new()) };
                effects.extend([Effect::Fault(Blame::Memory), nothing]);
            }
        }
        if let Some(text) = &start.inline {
            match read(parse, text) {
                Ok(manifest) => {
                    // Its text is not the server's: in HTML it is escaped, and often written anew.
                    let heard = in_force.hear(now, manifest, "", None);
                    inlined = matches!(heard, Heard::New | Heard::Conflict);
                }
                Err(flaw) => effects.push(Effect::Fault(Blame::Publisher(flaw))),
            }
        }
        let every = config.every.or(in_force.manifest.as_ref().map(|m| m.every)).unwrap_or(300 * SECOND);
        let role = if start.locks { Role::Follower } else { Role::Alone };
        let age = kept.as_ref().map_or(NEVER, |kept| now.wall - kept.at);
        let mut kept = kept.unwrap_or_default();
        let mut schedule = Schedule::new(now.mono, every, role, age, kept.next - now.wall);
        schedule.visible = start.visible;
        schedule.online = start.online;

        let budget = start.session.map(Budget::read);
        let refresh = Refresh::new(budget, start.reload_off, kept.snooze.take().unwrap_or_default());
        let mut client = Client {
            chance: Chance::new(start.seed),
            parse,
            server: ServerTime::new(now, kept.server),
            schedule,
            in_force,
            refresh,
            kept,
            etag: None,
            last: None,
            bad: None,
            marked: start.mark.is_some(),
            locks: start.locks,
            nonce: start.nonce,
            chunks: Chunks::Whole,
            overlay: Overlay::default(),
            plan: Plan::none(),
            turn: NEVER,
            verdict: Verdict::Fine,
            flags: Live::new(numbers, !inlined),
            looked: None,
            standing: Standing { status: Status::Unknown, reason: Reason::NoManifest, deadline: NEVER },
            ready: Some(if age < every { now.mono } else { now.mono + READY }),
            effects,
            leaving: Vec::new().into_iter(),
            config,
        };
        if start.locks && start.visible {
            client.effects.extend([Effect::Lead(true), Effect::Hello]);
        }
        let flags = Node::root(options).member("flags");
        let context = flags.member("context").value().cloned().unwrap_or(Value::Null);
        client.flags.context(context, &client.config.build);
        client.go(now);
        Ok(client)
    }

    /// Something happened. Effects are to be drained afterwards.
    pub fn handle(&mut self, now: Now, event: Event) {
        let (mono, locks) = (now.mono, self.locks);
        self.server.observe(now);
        match event {
            Event::Wake => {}
            Event::Answer { answer, told } => self.answer(now, answer, told),
            Event::Failed { told } => self.failed(now, FetchError::Network, None, told),
            Event::Visible(true) => {
                self.schedule.visible = true;
                self.schedule.back(mono, &mut self.chance, Why::Visible);
                if locks {
                    self.effects.extend([Effect::Lead(true), Effect::Hello]);
                }
            }
            Event::Visible(false) => {
                self.schedule.visible = false;
                self.follow();
            }
            Event::Online(on) if on == self.schedule.online => {}
            Event::Online(true) => self.schedule.online_again(mono, &mut self.chance),
            Event::Online(false) => self.schedule.online = false,
            Event::Session(session) => self.refresh.budget = Some(Budget::read(&session)),
            Event::PageShow => {
                self.schedule.away = false;
                self.schedule.back(mono, &mut self.chance, Why::PageShow);
                if locks && self.schedule.visible {
                    self.effects.extend([Effect::Lead(true), Effect::Hello]);
                }
            }
            Event::PageHide => {
                self.follow();
                self.schedule.abandon();
                self.refresh.leave();
                self.effects.push(Effect::Abort);
            }
            Event::Resume => self.schedule.early(mono, &mut self.chance, Why::Resume, false),
            Event::Lead(on) if locks => self.schedule.role = if on { Role::Leader } else { Role::Follower },
            Event::Lead(_) => {}
            Event::Hello => {
                let last = self.bad.clone().or_else(|| self.last.clone().map(Some));
                if let (Role::Leader, Some(last)) = (self.schedule.role, last) {
                    let next = self.schedule.planned(mono);
                    self.effects.push(Effect::Tell(last, next));
                }
            }
            Event::Chunk => {
                if self.chunks == Chunks::Whole {
                    self.chunks = Chunks::Lost;
                }
                self.schedule.early(mono, &mut self.chance, Why::Chunk, true);
            }
            Event::Header(serial) => {
                if self.in_force.manifest.as_ref().is_none_or(|m| serial > m.serial) {
                    self.schedule.header(mono, &mut self.chance, serial);
                }
            }
            Event::Check => self.check(now),
            Event::Shell(answer) => self.shell(now, answer),
            Event::Holds(holds) => self.refresh.holds = holds,
            Event::Now => self.refresh.ask(),
            Event::Defer => {
                if self.refresh.defer(now) {
                    let snooze = self.refresh.snooze.clone();
                    self.keep(now, false, Some(snooze));
                }
            }
            Event::Navigate(url) => {
                let taken = self.refresh.navigate(now, self.heard(now), self.schedule.every, url);
                self.effects.push(Effect::Taken(taken));
            }
            Event::Saved => self.refresh.saved(now),
            Event::Unbooked => self.refresh.unbooked(),
            Event::Context(context) => self.flags.context(context, &self.config.build),
            Event::Refused(refusals) => {
                if self.overlay.refuse(mono, self.serial(), &refusals, &self.plan.apis) && self.negotiate(now)
                {
                    self.schedule.early(mono, &mut self.chance, Why::Refused, true);
                }
            }
        }
        self.go(now);
    }

    /// What is to be done, in order, until there is nothing left.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if self.leaving.as_slice().is_empty() {
            self.leaving = std::mem::take(&mut self.effects).into_iter();
        }
        self.leaving.next()
    }

    /// When the core wants to be woken, and why. Waking it earlier does no harm.
    pub fn next_wake(&self, now: Now) -> Option<Wake> {
        let mut next: Option<Wake> = None;
        if self.schedule.away {
            return next;
        }
        let mut add = |at: Option<i64>, reason| {
            if let Some(at) = at
                && next.is_none_or(|n| at < n.at)
            {
                next = Some(Wake { at, reason });
            }
        };
        let known = |at: i64| (at != NEVER).then_some(at);
        let (poll, why) = self.schedule.wake();
        add(known(poll), why.name());
        add(known(self.refresh.wake(now.mono)), self.refresh.state.phase.name());
        add(self.ready, "ready");
        let deadline = self.in_force.manifest.as_ref().map_or(NEVER, |m| m.deadline);
        add(known(self.server.mono_of(deadline)).filter(|at| *at > now.mono), "deadline");
        add(known(self.server.mono_of(self.turn)), "sunset");
        add(known(self.overlay.wake()), "refusal");
        add(self.flags.wake(), "flags");
        next
    }

    /// Where the build stands.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Where the refresh stands.
    pub fn refresh(&self) -> &Refresh {
        &self.refresh
    }

    /// When and by whom it is polled.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The manifest in force, and what speaks against it.
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// The plan for all APIs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The options.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The servers' clock, in ms since 1970; [`LONG_AGO`]: unknown.
    pub fn server_time(&self, now: Now) -> i64 {
        self.server.at(now)
    }

    fn answer(&mut self, now: Now, mut answer: Answer, told: Option<i64>) {
        // One that waited for a frozen page is given up like one that did not come in time.
        if told.is_none() && (self.schedule.running().is_none() || self.schedule.overdue(now.mono)) {
            return;
        }
        // What is told may be old: who came later hears it, or who was frozen.
        let came = *answer.at.get_or_insert(now.wall);
        let age = (now.wall - came).max(0);
        let date = answer.date;
        // The wall clock may have been set since: no time is reckoned over long.
        if let Some(date) = date.filter(|_| age < 30 * SECOND) {
            self.server.sample(now, date + age);
        }
        let same =
            answer.text.is_none() && self.last.is_some() && answer.etag.is_some() && answer.etag == self.etag;
        let text = answer.text.as_deref();
        let error = if answer.foreign {
            Some(FetchError::Origin)
        } else if answer.status != 200 {
            Some(FetchError::Status(answer.status))
        } else if answer.too_long || text.is_some_and(|t| t.len() > MAX_TEXT) {
            Some(FetchError::TooLong)
        } else {
            None
        };
        if let Some(error) = error {
            return self.failed(now, error, Some(answer), told);
        }
        let heard = match text {
            None if same => self.again(now),
            Some(text) if self.in_force.is(text) => self.in_force.confirm(),
            _ => {
                let text = text.unwrap_or_default();
                match read(self.parse, text) {
                    Ok(manifest) => {
                        let warnings = manifest.warnings.clone();
                        let heard = self.in_force.hear(now, manifest, text, date);
                        if heard == Heard::New {
                            // An inlined one may have had the same serial, and only a part of this.
                            self.looked = None;
                            self.report(warnings);
                        }
                        heard
                    }
                    Err(flaw) if flaw.fault == Fault::Json => {
                        return self.failed(now, FetchError::NotJson, Some(answer), told);
                    }
                    Err(flaw) => {
                        self.effects.push(Effect::Fault(Blame::Publisher(flaw)));
                        return self.bad(now, Some(answer), told);
                    }
                }
            }
        };
        match heard {
            Heard::Future => {
                self.effects.push(Effect::Fault(Blame::Publisher(Flaw {
                    path: "serial".into(),
                    fault: Fault::Future,
                })));
                return self.bad(now, Some(answer), told);
            }
            Heard::Conflict => {
                let flaw = Flaw { path: "serial".into(), fault: Fault::Contradiction };
                self.effects.push(Effect::Fault(Blame::Publisher(flaw)));
            }
            _ => {}
        }
        if let (Some(manifest), Heard::New) = (&self.in_force.manifest, heard) {
            self.schedule.every = self.config.every.unwrap_or(manifest.every);
        }
        self.flags.confirm();
        self.end(heard.name());
        self.server.heard();
        self.bad = None;
        self.schedule.good(now.mono, &mut self.chance, told, age);
        // A poll that runs has named the body that is known here, and may come without it.
        if self.schedule.running().is_none() {
            if let Some(Answer { etag: Some(etag), .. }) = Some(&answer).filter(|a| a.text.is_some()) {
                self.etag = Some(etag.clone());
            }
            let text = answer.text.or_else(|| self.last.take().and_then(|last| last.text));
            self.last = Some(Answer { text, ..answer });
        }
        if self.ready.is_some() {
            self.ready = None;
            self.effects.push(Effect::Ready("live"));
        }
        if told.is_none() {
            self.tell(now, self.last.clone());
            self.keep(now, heard == Heard::New, None);
        }
    }

    /// The server says the same as before: nothing to decode.
    fn again(&mut self, now: Now) -> Heard {
        match &self.last {
            // The same text as the last time, which was not the one in force: counts like that one.
            Some(last) if last.text.as_deref().is_some_and(|text| !self.in_force.is(text)) => {
                let text = last.text.clone().unwrap_or_default();
                match read(self.parse, &text).ok() {
                    Some(manifest) => self.in_force.hear(now, manifest, &text, None),
                    None => Heard::Unchanged,
                }
            }
            _ => self.in_force.confirm(),
        }
    }

    fn failed(&mut self, now: Now, error: FetchError, answer: Option<Answer>, told: Option<i64>) {
        if told.is_none() && self.schedule.running().is_none() {
            return;
        }
        if self.schedule.online {
            self.effects.push(Effect::Fault(Blame::Network(error)));
        }
        self.bad(now, answer, told);
    }

    fn bad(&mut self, now: Now, answer: Option<Answer>, told: Option<i64>) {
        self.end("failed");
        let retry_after = answer.as_ref().and_then(|a| a.retry_after);
        self.schedule.bad(now.mono, &mut self.chance, told, answer.is_some(), retry_after);
        // The body of a failure is of no use to anybody.
        let answer = answer.map(|a| Answer { text: None, ..a });
        if told.is_none() {
            self.tell(now, answer.clone());
        }
        self.bad = Some(answer);
    }

    fn end(&mut self, outcome: &'static str) {
        let why = self.schedule.running().unwrap_or(Why::Period);
        self.effects.push(Effect::Polled { why, outcome });
    }

    fn tell(&mut self, now: Now, answer: Option<Answer>) {
        if self.locks {
            let next = self.schedule.planned(now.mono);
            self.effects.push(Effect::Tell(answer, next));
        }
    }

    fn follow(&mut self) {
        if self.locks {
            self.schedule.role = Role::Follower;
            self.effects.push(Effect::Lead(false));
        }
    }

    fn check(&mut self, now: Now) {
        if self.schedule.running().is_some() {
            return;
        }
        self.effects.push(if self.schedule.check(now.mono) {
            Effect::Poll { etag: self.etag.clone() }
        } else {
            Effect::Polled { why: Why::Check, outcome: "waiting" }
        });
    }

    fn shell(&mut self, now: Now, answer: super::refresh::shell::ShellAnswer) {
        if self.refresh.shell.limit == NEVER {
            return;
        }
        if answer.worker == Worker::Waiting
            && self.config.activate
            && !self.refresh.shell.activated
            && !self.refresh.is_held(now.mono)
        {
            self.refresh.shell.look(now.mono);
            self.refresh.shell.activated = true;
            self.effects.push(Effect::Activate);
            return;
        }
        let Some(manifest) = &self.in_force.manifest else { return };
        let budget = self.refresh.budget.as_ref();
        let trust = !self.marked && !budget.is_some_and(|budget| budget.came_back(&self.refresh.key));
        self.refresh.shell.hear(
            now.mono,
            &answer,
            &self.config,
            trust,
            manifest,
            self.server.at(now),
            self.schedule.every,
            &mut self.chance,
        );
    }

    fn keep(&mut self, now: Now, text: bool, snooze: Option<Snooze>) {
        // An inlined manifest, which is without its text, is not kept until the server has said the same.
        let fits = (1..=MAX_KEPT).contains(&self.in_force.text.len());
        let Some(manifest) = self.in_force.manifest.as_ref().filter(|_| fits) else { return };
        let text = text || self.kept.serial != manifest.serial;
        self.kept = Kept {
            at: match self.schedule.heard {
                LONG_AGO => self.kept.at,
                heard => heard + now.wall - now.mono,
            },
            next: now.wall + self.schedule.planned(now.mono),
            serial: manifest.serial,
            server: match self.server.at(now) {
                LONG_AGO => NEVER,
                server => server - now.wall,
            },
            snooze,
        };
        let text = text.then(|| self.in_force.text.clone());
        self.effects.push(Effect::Keep { state: self.kept.write(), text });
    }

    fn serial(&self) -> u64 {
        self.in_force.manifest.as_ref().map_or(0, |m| m.serial)
    }

    /// Publishes the plan as it is now, and says whether refusals leave an API with nothing.
    fn negotiate(&mut self, now: Now) -> bool {
        if self.config.apis.members().is_empty() {
            return false;
        }
        let serial = self.serial();
        self.overlay.end(now.mono, serial);
        let tree = self.in_force.manifest.as_ref().map(|m| Node::root(&m.tree));
        let apis = tree.map(|tree| tree.member("apis"));
        let found = negotiate(&self.config.apis, apis, self.server.own(now), &self.overlay);
        if self.looked != Some(serial) {
            self.report(found.flaws);
        }
        self.turn = found.next_change;
        self.verdict = found.verdict;
        if self.plan.publish(found.apis) {
            self.effects.push(Effect::Plan(self.plan.clone()));
        }
        found.nothing_left
    }

    fn report(&mut self, flaws: Vec<Flaw>) {
        for flaw in flaws {
            self.effects.push(Effect::Fault(Blame::Publisher(flaw)));
        }
    }

    /// The flags of the manifest in force, compiled once, and published where their outcome is another one.
    fn evaluate(&mut self, now: Now) {
        let Some(manifest) = &self.in_force.manifest else { return };
        if self.looked != Some(manifest.serial) {
            let flaws = self.flags.publish(Node::root(&manifest.tree).member("flags"), "flags");
            self.report(flaws);
        }
        let seconds = match self.server.at(now) {
            LONG_AGO => now.wall,
            server => server,
        } / SECOND;
        if let Some(outcome) = self.flags.evaluate(now.mono, seconds) {
            self.effects.push(Effect::Flags(outcome));
        }
    }

    /// After every event: polls that are due, the standing, the refresh.
    fn go(&mut self, now: Now) {
        if self.schedule.away {
            return;
        }
        if self.schedule.overdue(now.mono) {
            self.effects.push(Effect::Abort);
            self.failed(now, FetchError::Timeout, None, None);
        }
        if self.ready.is_some_and(|at| now.mono >= at) {
            self.ready = None;
            let how = if self.in_force.manifest.is_some() { "stored" } else { "timeout" };
            self.effects.push(Effect::Ready(how));
        }
        self.evaluate(now);
        self.negotiate(now);
        self.looked = self.in_force.manifest.as_ref().map(|m| m.serial);
        if let Some(manifest) = &self.in_force.manifest {
            let standing = standing(&self.config.build, manifest, self.server.at(now), self.verdict);
            if standing != self.standing {
                self.standing = standing;
                self.effects.push(Effect::Standing(standing));
            }
        }
        self.chunks = match (self.chunks, self.action(now)) {
            (Chunks::Stranded, Action::None) => Chunks::Whole,
            (Chunks::Lost, due) if due != Action::None => Chunks::Stranded,
            (chunks, _) => chunks,
        };
        let facts = Facts {
            config: &self.config,
            manifest: self.in_force.manifest.as_ref(),
            action: self.action(now),
            reason: self.standing.reason,
            visible: self.schedule.visible,
            heard: self.heard(now),
            every: self.schedule.every,
            nonce: self.nonce,
        };
        let asks = self.refresh.advance(now, &facts, &mut self.chance);
        if asks & SHELL != 0 {
            self.effects.push(Effect::Shell);
        }
        if asks & SAVE != 0 {
            self.effects.push(Effect::Save);
        }
        if asks & RELOAD != 0 {
            let session = self.refresh.budget.as_ref().map_or(Value::Null, Budget::write);
            let (asked, url) = (self.refresh.asked, self.refresh.url.take());
            self.effects.push(Effect::Reload { session, asked, url });
        }
        if asks & POLL != 0 {
            self.schedule.early(now.mono, &mut self.chance, Why::Unheard, true);
        }
        if asks & PUBLISH != 0 {
            self.effects.push(Effect::Refresh(self.refresh.state));
        }
        if self.schedule.start(now.mono, &mut self.chance) {
            self.effects.push(Effect::Poll { etag: self.etag.clone() });
        }
    }

    /// Whether the server was heard in this page's life, within the last 2·T.
    fn heard(&self, now: Now) -> bool {
        now.mono - self.schedule.heard <= 2 * self.schedule.every
    }

    /// What follows from the standing. A regressed manifest may withdraw, but never forces.
    fn action(&self, now: Now) -> Action {
        let Some(manifest) = &self.in_force.manifest else { return Action::None };
        let due = action(self.standing.status, manifest.refresh.urgency, self.chunks == Chunks::Stranded);
        match &self.in_force.regressed {
            None => due,
            Some(regressed) => {
                let there = standing(&self.config.build, regressed, self.server.at(now), Verdict::Fine);
                action(there.status, regressed.refresh.urgency, false).min(due).min(Action::Urge)
            }
        }
    }
}

fn read(parse: Parse, text: &str) -> Result<Manifest, Flaw> {
    let Some(tree) = parse(text) else { return Err(Flaw { path: String::new(), fault: Fault::Json }) };
    Manifest::decode(tree).map_err(|error| error.0)
}
