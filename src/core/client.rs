//! The client of one page: hears events, asks its parts, and says what is to be done.

use super::config::Config;
use super::error::{Fault, FetchError, Flaw};
use super::event::{self, Effect, Input, Wake, kind};
use super::flags::{Live, Numbers};
use super::json::Json;
use super::manifest::{MAX_TEXT, Manifest};
use super::memory::{Kept, MAX_KEPT};
use super::negotiate::{Apis, FINE, Plan};
use super::refresh::shell::{Shell, Worker, judge};
use super::refresh::{Facts, Refresh};
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
    print: fn(f64) -> String,
    server: ServerTime,
    schedule: Schedule,
    in_force: InForce,
    refresh: Refresh,
    kept: Kept,
    /// Whether the last poll, own or told, was answered, well or not; `None`: there was none yet.
    answered: Option<bool>,
    marked: bool,
    locks: bool,
    chunks: Chunks,
    apis: Apis,
    flags: Live,
    outcome: String,
    /// The `apis` and `flags` of the manifest in force have not been looked through yet.
    new: bool,
    standing: Standing,
    /// Until when `ready` waits; [`NEVER`]: it has been said.
    ready: i64,
    effects: Vec<Effect>,
    flaws: Vec<Flaw>,
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
    /// The client of a page that has not started. (A constant: to make one piece by piece takes 500 bytes of code.)
    pub const fn blank(parse: Parse, numbers: Numbers) -> Client {
        Client {
            parse,
            print: numbers.print,
            server: ServerTime::UNKNOWN,
            schedule: Schedule::BLANK,
            in_force: InForce::NONE,
            refresh: Refresh::BLANK,
            kept: Kept::NOTHING,
            answered: None,
            marked: false,
            locks: false,
            chunks: Chunks::Whole,
            apis: Apis::NONE,
            flags: Live::new(numbers),
            outcome: String::new(),
            new: true,
            standing: Standing { status: Status::Unknown, reason: Reason::NoManifest, deadline: NEVER },
            ready: NEVER,
            effects: Vec::new(),
            flaws: Vec::new(),
            config: Config::BLANK,
        }
    }

    /// The client of a page that starts now.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(
        options: &Value,
        start: event::Start,
        parse: Parse,
        numbers: Numbers,
        now: Now,
    ) -> Result<Client, super::error::ConfigError> {
        let mut client = Client::blank(parse, numbers);
        client
            .start(Input(&start.input(options)), now)
            .map_or(Ok(client), |flaw| Err(super::error::ConfigError(flaw)))
    }

    /// The page starts, as `Start` of `wire.ts` has it: once, and before all else. Gives what is wrong with the options; then
    /// it has not started.
    pub fn start(&mut self, start: Input, now: Now) -> Option<Flaw> {
        let flaw = self.config.decode(start, &mut self.apis);
        if flaw.is_some() {
            return flaw;
        }
        self.refresh.nonce = start.number(2, 0) as u64;
        self.marked = start.has(7);
        self.locks = start.is(12);
        if self.locks {
            self.schedule.role = Role::Follower;
        }
        self.server.observe(now);
        self.schedule.begin(now.mono, Chance::new(start.number(1, 0) as u64));
        self.schedule.visible = start.is(10);
        self.schedule.online = start.is(11);
        self.refresh.budget.read(start.at(5));
        self.refresh.reload_off = start.is(13);
        self.ready = now.mono + READY;
        if start.has(4) {
            self.restore(now, start.at(3), start.text(4));
        }
        if start.has(6) {
            // Its text is not the server's: in HTML it is escaped, and often written anew.
            if let Some(manifest) = decode(self.parse, start.text(6), &mut self.flaws)
                && let Heard::New | Heard::Conflict = self.in_force.hear(now, manifest, "", NEVER)
            {
                self.flags.confirm();
            }
        }
        self.period();
        let age = now.wall - self.kept.at;
        if age < self.schedule.every {
            self.schedule.resume(now.mono, age, self.kept.next - now.wall);
            self.ready = now.mono;
        }
        self.lead(self.schedule.visible);
        let flags = Node::root(start.at(0)).member("flags");
        self.flags.context(flags.member("context").value().clone(), &self.config.build);
        self.go(now);
        None
    }

    /// Takes what was kept over loads, if it is this page's.
    fn restore(&mut self, now: Now, state: &Value, text: &str) {
        if let Some(snooze) = self.kept.read(now, state)
            && let Some(manifest) = decode(self.parse, text, &mut self.flaws)
            && manifest.serial as i64 == self.kept.serial
        {
            self.in_force.hear(now, manifest, text, NEVER);
            self.server.keep(now, self.kept.server);
            self.refresh.snooze.read(snooze);
        } else {
            self.kept = Kept::NOTHING;
            self.flaws.clear();
            self.effects.push(Effect::Failed(FetchError::Foreign));
            self.effects.push(Effect::Keep(true));
        }
    }

    /// T: the app's own, or the manifest's.
    fn period(&mut self) {
        if let Some(manifest) = &self.in_force.manifest {
            self.schedule.every = manifest.every;
        }
        if self.config.every > 0 {
            self.schedule.every = self.config.every;
        }
    }

    /// Something happened, as the page tells it. A kind that is not known counts as a wake-up. What is then to be done stands
    /// in [`Client::flaws`] and [`Client::effects`] until the next call.
    pub fn hear(&mut self, now: Now, input: Input) {
        let (mono, value, on) = (now.mono, input.at(1), input.is(1));
        self.effects.clear();
        self.flaws.clear();
        self.server.observe(now);
        match input.number(0, kind::WAKE) {
            kind::ANSWER => self.answer(now, input),
            kind::VISIBLE => {
                self.schedule.visible = on;
                if on {
                    self.schedule.back(mono, Why::Visible);
                }
                self.lead(on);
            }
            kind::ONLINE => {
                if on && !self.schedule.online {
                    self.schedule.online_again(mono);
                }
                self.schedule.online = on;
            }
            kind::SESSION => self.refresh.budget.read(value),
            kind::PAGE_SHOW => {
                self.schedule.away = false;
                self.schedule.back(mono, Why::PageShow);
                if self.schedule.visible {
                    self.lead(true);
                }
            }
            kind::PAGE_HIDE => {
                self.lead(false);
                self.schedule.abandon();
                self.refresh.leave();
                self.effects.push(Effect::Abort);
            }
            kind::RESUME => self.schedule.early(mono, Why::Resume, false),
            kind::LEAD if self.locks => {
                self.schedule.role = if on { Role::Leader } else { Role::Follower };
            }
            // A poll that has taken too long is told of below.
            kind::HELLO
                if self.schedule.role == Role::Leader
                    && self.answered.is_some()
                    && !self.schedule.overdue(mono) =>
            {
                self.tell();
            }
            kind::CHUNK => {
                if self.chunks == Chunks::Whole {
                    self.chunks = Chunks::Lost;
                }
                self.schedule.early(mono, Why::Chunk, true);
            }
            kind::HEADER => {
                let serial = input.number(1, 0) as u64;
                if self.in_force.manifest.is_none() || serial > self.serial() {
                    self.schedule.header(mono, serial);
                }
            }
            kind::CHECK if self.schedule.running().is_none() => {
                let may = self.schedule.check(mono);
                self.effects.push(if may {
                    Effect::Poll
                } else {
                    Effect::Polled(Why::Check, Heard::Waiting)
                });
            }
            kind::SHELL => self.shell(now, input),
            kind::HOLDS => self.refresh.holds.clone_from(value),
            kind::NOW => self.refresh.ask(),
            kind::DEFER if self.refresh.defer(now) => self.keep(now, false, true),
            kind::NAVIGATE => {
                let url = input.text(1);
                let taken = self.refresh.navigate(now, &self.schedule, url);
                self.effects.push(Effect::Taken(taken));
            }
            kind::SAVED => self.refresh.saved(now),
            kind::UNBOOKED => self.refresh.unbooked(),
            kind::CONTEXT => self.flags.context(value.clone(), &self.config.build),
            kind::REFUSED if self.apis.refuse(mono, value) => {
                self.negotiate(now);
                if self.apis.nothing_left {
                    self.schedule.early(mono, Why::Refused, true);
                }
            }
            _ => {}
        }
        self.go(now);
    }

    /// The same, by name.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn handle(&mut self, now: Now, event: event::Event) {
        self.hear(now, Input(&event.input()));
    }

    /// What is to be done, in order. What an effect does not say itself is to be read here before the next event.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// What is wrong with the manifest, or with a part of it: to be reported first.
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// When the core wants to be woken, and why; [`NEVER`]: not at all. Waking it earlier does no harm.
    pub fn wake(&self, now: Now) -> Wake {
        let mut next = Wake { at: NEVER, reason: u8::MAX };
        if !self.schedule.away {
            let (poll, why) = self.schedule.wake();
            next.or(poll, why as u8);
            next.or(self.refresh.wake(now.mono), event::REFRESH + self.refresh.state.phase as u8);
            next.or(self.ready, event::READY);
            let deadline = self.server.mono_of(self.standing.deadline);
            if deadline > now.mono {
                next.or(deadline, event::DEADLINE);
            }
            next.or(self.server.mono_of(self.apis.turn), event::SUNSET);
            next.or(self.apis.ends, event::REFUSAL);
            next.or(self.flags.wake(), event::FLAGS);
        }
        next
    }

    /// The same, if it wants to be.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn next_wake(&self, now: Now) -> Option<Wake> {
        Some(self.wake(now)).filter(|wake| wake.at < NEVER)
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

    /// Whether there was an answer to the last poll.
    pub fn answered(&self) -> bool {
        self.answered == Some(true)
    }

    /// What is kept over loads, less the manifest's text.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// All flags, evaluated, as JSON. See `flags::Live`.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// The plan for all APIs.
    pub fn plan(&self) -> &Plan {
        &self.apis.plan
    }

    /// The options.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The servers' clock, in ms since 1970; [`LONG_AGO`]: unknown.
    pub fn server_time(&self, now: Now) -> i64 {
        self.server.at(now)
    }

    /// An answer, in the places that `wire.ts` says; or there was none.
    fn answer(&mut self, now: Now, input: Input) {
        let told = input.time(1);
        // One that waited for a frozen page is given up like one that did not come in time.
        if told == NEVER && (self.schedule.running().is_none() || self.schedule.overdue(now.mono)) {
            return;
        }
        // What is told may be old: who came later hears it, or who was frozen.
        let age = (now.wall - input.number(4, now.wall)).max(0);
        let date = input.time(5);
        // The wall clock may have been set since: no time is reckoned over long.
        if date != NEVER && age < 30 * SECOND {
            self.server.sample(now, date + age);
        }
        let heard = match self.judge(now, input, date) {
            Ok(heard) => heard,
            Err(error) => return self.bad(now, error, input),
        };
        self.period();
        self.flags.confirm();
        self.polled(heard);
        self.server.heard();
        self.schedule.good(now.mono, told, age);
        self.answered = Some(true);
        self.say_ready(true);
        if told == NEVER {
            self.tell();
            self.keep(now, heard == Heard::New, false);
        }
    }

    /// What an answer brings, or why it is none; without an error the flaw has been noted.
    fn judge(&mut self, now: Now, input: Input, date: i64) -> Result<Heard, Option<FetchError>> {
        let status = input.number(2, 0);
        let text = input.text(8);
        if status == 0 {
            return Err(Some(FetchError::Network));
        }
        if input.is(3) {
            return Err(Some(FetchError::Origin));
        }
        if status != 200 {
            return Err(Some(FetchError::Status));
        }
        if input.is(9) || text.len() > MAX_TEXT {
            return Err(Some(FetchError::TooLong));
        }
        // The page, too, knows a text that is in force again.
        if input.is(8) || self.in_force.is(text) {
            return Ok(self.in_force.confirm());
        }
        let Some(manifest) = decode(self.parse, text, &mut self.flaws) else {
            // That is the network's fault.
            if self.flaws.last().is_some_and(|flaw| flaw.fault == Fault::Json) {
                self.flaws.clear();
                return Err(Some(FetchError::NotJson));
            }
            return Err(None);
        };
        let heard = self.in_force.hear(now, manifest, text, date);
        let fault = match heard {
            Heard::Future => Fault::Future,
            Heard::Conflict => Fault::Contradiction,
            _ => {
                if let (Heard::New, Some(manifest)) = (heard, &mut self.in_force.manifest) {
                    // An inlined one may have had the same serial, and only a part of this.
                    self.new = true;
                    self.flaws.append(&mut manifest.warnings);
                }
                return Ok(heard);
            }
        };
        self.flaws.push(Flaw { path: "serial".into(), fault });
        if heard == Heard::Future { Err(None) } else { Ok(heard) }
    }

    fn bad(&mut self, now: Now, error: Option<FetchError>, input: Input) {
        if let Some(error) = error
            && self.schedule.online
        {
            self.effects.push(Effect::Failed(error));
        }
        self.polled(Heard::Failed);
        let (told, answered) = (input.time(1), input.number(2, 0) > 0);
        self.schedule.bad(now.mono, told, answered, input.time(6), input.time(7));
        self.answered = Some(answered);
        if told == NEVER {
            self.tell();
        }
    }

    /// A poll ended.
    fn polled(&mut self, heard: Heard) {
        let why = self.schedule.running().unwrap_or(Why::Period);
        self.effects.push(Effect::Polled(why, heard));
    }

    fn tell(&mut self) {
        if self.locks {
            self.effects.push(Effect::Tell);
        }
    }

    /// Asks for the leader's lock, or gives it up.
    fn lead(&mut self, on: bool) {
        if self.locks {
            self.effects.push(Effect::Lead(on));
            if on {
                self.effects.push(Effect::Hello);
            } else {
                self.schedule.role = Role::Follower;
            }
        }
    }

    fn say_ready(&mut self, live: bool) {
        if self.ready < NEVER {
            self.ready = NEVER;
            self.effects.push(Effect::Ready(live));
        }
    }

    fn shell(&mut self, now: Now, input: Input) {
        if self.refresh.shell.limit == NEVER {
            return;
        }
        let worker = input.number(1, Worker::Settled as i64);
        if worker == Worker::Waiting as i64
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
        let trust = !self.marked && !self.refresh.budget.came_back(&self.refresh.key);
        let seen = if worker != Worker::Settled as i64 {
            Shell::Lagging(Reason::Worker)
        } else if input.number(2, 0) != 200 || input.is(3) || !input.is(4) {
            Shell::Lagging(Reason::NoPage)
        } else {
            let text = input.text(5);
            judge(text, &self.config, trust, manifest, self.server.at(now))
        };
        self.refresh.shell.seen(now.mono, seen, &mut self.schedule);
    }

    fn keep(&mut self, now: Now, text: bool, snoozes: bool) {
        // An inlined manifest, which is without its text, is not kept until the server has said the same.
        let fits = (1..=MAX_KEPT).contains(&self.in_force.text.len());
        let Some(manifest) = self.in_force.manifest.as_ref().filter(|_| fits) else { return };
        let text = text || self.kept.serial != manifest.serial as i64;
        if self.schedule.heard != LONG_AGO {
            self.kept.at = self.schedule.heard + now.wall - now.mono;
        }
        self.kept.next = now.wall + self.schedule.planned(now.mono);
        self.kept.serial = manifest.serial as i64;
        self.kept.server = match self.server.at(now) {
            LONG_AGO => NEVER,
            server => server - now.wall,
        };
        self.kept.snoozes = snoozes;
        self.effects.push(Effect::Keep(text));
    }

    fn serial(&self) -> u64 {
        self.in_force.manifest.as_ref().map_or(0, |m| m.serial)
    }

    /// Publishes the plan as it is now.
    fn negotiate(&mut self, now: Now) {
        if self.apis.is_empty() {
            return;
        }
        let serial = self.serial();
        let manifest = self.in_force.manifest.as_ref().map_or(Node::default(), |m| Node::root(&m.tree));
        let out = Json::new(self.print);
        let mut flaws = Vec::new();
        if self.apis.negotiate(manifest, serial, self.server.own(now), now.mono, out, &mut flaws) {
            self.effects.push(Effect::Plan);
        }
        if self.new {
            self.flaws.append(&mut flaws);
        }
    }

    /// The flags of the manifest in force, compiled once, and published where their outcome is another one.
    fn evaluate(&mut self, now: Now) {
        let Some(manifest) = &self.in_force.manifest else { return };
        if self.new {
            let mut flaws = self.flags.publish(Node::root(&manifest.tree).member("flags"), "flags");
            self.flaws.append(&mut flaws);
        }
        let seconds = match self.server.at(now) {
            LONG_AGO => now.wall,
            server => server,
        } / SECOND;
        if let Some(outcome) = self.flags.evaluate(now.mono, seconds) {
            self.outcome = outcome;
            self.effects.push(Effect::Flags);
        }
    }

    /// After every event: the flags, polls that are due, the standing, the refresh.
    fn go(&mut self, now: Now) {
        // Also of a page that is away: whoever is set as the context there never reads what somebody else has.
        self.evaluate(now);
        if self.schedule.away {
            return;
        }
        if self.schedule.overdue(now.mono) {
            self.effects.push(Effect::Abort);
            self.bad(now, Some(FetchError::Timeout), Input(&Value::Null));
        }
        if now.mono >= self.ready {
            self.say_ready(false);
        }
        self.negotiate(now);
        self.new = false;
        if let Some(manifest) = &self.in_force.manifest {
            let standing = standing(&self.config.build, manifest, self.server.at(now), self.apis.verdict);
            if standing != self.standing {
                self.standing = standing;
                self.effects.push(Effect::Standing);
            }
        }
        let action = self.action(now);
        match self.chunks {
            Chunks::Lost if action != Action::None => self.chunks = Chunks::Stranded,
            Chunks::Stranded if action == Action::None => self.chunks = Chunks::Whole,
            _ => {}
        }
        let facts = Facts {
            config: &self.config,
            manifest: self.in_force.manifest.as_deref(),
            action,
            reason: self.standing.reason,
        };
        self.refresh.advance(now, &facts, &mut self.schedule, &mut self.effects);
        if self.refresh.state.reason == Reason::Unheard {
            self.schedule.early(now.mono, Why::Unheard, true);
        }
        if self.schedule.start(now.mono) {
            self.effects.push(Effect::Poll);
        }
    }

    /// What follows from the standing. A regressed manifest may withdraw, but never forces.
    fn action(&self, now: Now) -> Action {
        let Some(manifest) = &self.in_force.manifest else { return Action::None };
        // A chunk that was lost strands it where anything is due.
        let due = action(self.standing.status, manifest.refresh.urgency, self.chunks != Chunks::Whole);
        match &self.in_force.regressed {
            None => due,
            Some(regressed) => {
                let there = standing(&self.config.build, regressed, self.server.at(now), FINE);
                action(there.status, regressed.refresh.urgency, false).min(due).min(Action::Urge)
            }
        }
    }
}

fn decode(parse: Parse, text: &str, flaws: &mut Vec<Flaw>) -> Option<Box<Manifest>> {
    let Some(tree) = parse(text) else {
        flaws.push(Flaw { path: String::new(), fault: Fault::Json });
        return None;
    };
    Manifest::decode(tree, flaws)
}
