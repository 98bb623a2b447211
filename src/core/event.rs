//! What happens to the core, and what it asks for. The wire to the page is `pkg-template/src/wire.ts`.

#[cfg(not(target_arch = "wasm32"))]
use super::config::Mark;
use super::error::FetchError;
use super::refresh::Phase;
#[cfg(not(target_arch = "wasm32"))]
use super::refresh::shell::{ShellAnswer, Worker};
use super::schedule::Why;
use super::serial::Heard;
use super::time::NEVER;
use super::value::{Node, Value};

/// How the start of a page found things. Natively only: in the browser it crosses as an [`Input`], the options first.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Debug, Default)]
pub struct Start<'a> {
    /// The seed of all chance.
    pub seed: u64,
    /// The tab's own number, the same at each of its loads.
    pub nonce: u64,
    /// Kept state and text.
    pub kept: Option<(&'a Value, &'a str)>,
    /// What the last reload booked; `None`: session storage is blocked.
    pub session: Option<&'a Value>,
    /// The text of an inlined manifest.
    pub inline: Option<&'a str>,
    /// The page's own mark.
    pub mark: Option<Mark>,
    /// Whether the tab is visible.
    pub visible: bool,
    /// Whether the browser thinks that it is online.
    pub online: bool,
    /// Whether tabs can find a leader: Web Locks and BroadcastChannel.
    pub locks: bool,
    /// The page carries `<meta name="trueup-reload" content="off">`.
    pub reload_off: bool,
}

#[cfg(not(target_arch = "wasm32"))]
impl Start<'_> {
    /// As it crosses.
    pub fn input(self, options: &Value) -> Value {
        let (id, version, app) = match self.mark {
            Some(Mark { build, app }) => (build.id.into(), build.version.into(), app.into()),
            None => (Value::Null, Value::Null, Value::Null),
        };
        // As many as a number of JavaScript has.
        let bits = |random: u64| Value::from((random & ((1 << 53) - 1)) as f64);
        Value::Array(vec![
            options.clone(),
            bits(self.seed),
            bits(self.nonce),
            self.kept.map_or(Value::Null, |(state, _)| state.clone()),
            self.kept.map(|(_, text)| text).into(),
            self.session.cloned().unwrap_or(Value::Null),
            self.inline.into(),
            id,
            version,
            app,
            self.visible.into(),
            self.online.into(),
            self.locks.into(),
            self.reload_off.into(),
        ])
    }
}

/// An answer to a poll: to this tab's own, or told by the tab that polled.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status; 0 where no answer came.
    pub status: u16,
    /// It came from another origin than was asked.
    pub foreign: bool,
    /// When it came to the tab that polled, by the wall clock; [`NEVER`]: now.
    pub at: i64,
    /// `Date` + `Age` at that time, in ms since 1970, or [`NEVER`].
    pub date: i64,
    /// `Retry-After` in its form in seconds, in ms, or [`NEVER`].
    pub retry_delay: i64,
    /// `Retry-After` in its form of a date, in ms from the answer on, or [`NEVER`].
    pub retry_date: i64,
    /// The body; `None` where it was too long to read, or `known`.
    pub text: Option<String>,
    /// The body is the text in force.
    pub known: bool,
    /// The body is longer than 1 MiB.
    pub too_long: bool,
}

/// None came.
#[cfg(not(target_arch = "wasm32"))]
impl Default for Answer {
    fn default() -> Answer {
        Answer {
            status: 0,
            foreign: false,
            at: NEVER,
            date: NEVER,
            retry_delay: NEVER,
            retry_date: NEVER,
            text: None,
            known: false,
            too_long: false,
        }
    }
}

/// What the page tells, as it crosses: a kind (see [`kind`]), then what belongs to it, each at its place. What is not there, or
/// is of another type, reads as nothing.
#[derive(Clone, Copy)]
pub struct Input<'a>(pub &'a Value);

impl<'a> Input<'a> {
    /// What stands at a place; `null` where there is nothing.
    pub fn at(self, place: usize) -> &'a Value {
        self.0.items().get(place).unwrap_or(&Value::Null)
    }

    /// Whether there is something at a place.
    pub fn has(self, place: usize) -> bool {
        !self.at(place).is_null()
    }

    /// A string; empty where there is none.
    pub fn text(self, place: usize) -> &'a str {
        Node::root(self.at(place)).text()
    }

    /// A number, cut off to an integer; or what stands for none. One to which no clock goes is none: sums with it would not fit.
    #[inline(never)]
    pub fn number(self, place: usize, none: i64) -> i64 {
        self.at(place).as_f64().filter(|n| n.abs() < 1e16).map_or(none, |n| n as i64)
    }

    /// A time; [`NEVER`] where there is none.
    #[inline(never)]
    pub fn time(self, place: usize) -> i64 {
        self.number(place, NEVER)
    }

    /// Whether it is `true`.
    #[inline(never)]
    pub fn is(self, place: usize) -> bool {
        self.at(place).as_bool() == Some(true)
    }
}

/// Kinds of inputs; what belongs to them is said at [`Event`]. The other side is `In` of `wire.ts`.
#[allow(missing_docs)]
pub mod kind {
    pub const WAKE: i64 = 0;
    pub const RESUME: i64 = 1;
    pub const PAGE_HIDE: i64 = 2;
    pub const PAGE_SHOW: i64 = 3;
    pub const HELLO: i64 = 4;
    pub const CHUNK: i64 = 5;
    pub const CHECK: i64 = 6;
    pub const NOW: i64 = 7;
    pub const DEFER: i64 = 8;
    pub const SAVED: i64 = 9;
    pub const UNBOOKED: i64 = 10;
    pub const VISIBLE: i64 = 11;
    pub const ONLINE: i64 = 12;
    pub const LEAD: i64 = 13;
    pub const HEADER: i64 = 14;
    pub const NAVIGATE: i64 = 15;
    pub const SESSION: i64 = 16;
    pub const CONTEXT: i64 = 17;
    pub const REFUSED: i64 = 18;
    pub const HOLDS: i64 = 19;
    pub const SHELL: i64 = 20;
    pub const ANSWER: i64 = 21;
    pub const INSPECT: i64 = 22;
}

/// Something happened. Natively only: in the browser an [`Input`] is read where it is needed.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Debug)]
pub enum Event {
    /// The time of the next wake-up has come, or not quite: an early one does nothing.
    Wake,
    /// An answer, or that none came. `told`: by another tab, which polls next in so many ms. An own one to no request is
    /// ignored.
    Answer {
        /// What came.
        answer: Answer,
        /// Who asked.
        told: Option<i64>,
    },
    /// The tab is shown or hidden.
    Visible(bool),
    /// The browser is online or not. The same again changes nothing.
    Online(bool),
    /// The page came back from the back/forward cache.
    PageShow,
    /// What is booked by now: other pages of this tab may have reloaded meanwhile.
    Session(Value),
    /// The page goes, perhaps into the back/forward cache.
    PageHide,
    /// The page was unfrozen.
    Resume,
    /// The leader's lock was granted or lost.
    Lead(bool),
    /// Another tab came up and asks for the last answer.
    Hello,
    /// A chunk of the app's own assets was lost.
    Chunk,
    /// A header named a serial.
    Header(u64),
    /// The app asks for a poll.
    Check,
    /// The shell was looked at.
    Shell(ShellAnswer),
    /// All open holds of the page: their reasons, and when they expire.
    Holds(Vec<(String, i64)>),
    /// The refresh is asked for.
    Now,
    /// The prompt is put off.
    Defer,
    /// The app navigates: answered by [`Effect::Taken`].
    Navigate(String),
    /// The `onSave` callbacks have settled.
    Saved,
    /// The booking of an unasked reload failed.
    Unbooked,
    /// Another context for the flags, instead of the one before. The same one again changes nothing.
    Context(Value),
    /// Answers refused a version each: a list of `[api, version, supported]`. One of another version than the plan's, or
    /// too soon after the last one for its API, changes nothing.
    Refused(Value),
}

#[cfg(not(target_arch = "wasm32"))]
impl Event {
    /// As it crosses.
    pub fn input(self) -> Value {
        let number = |n: i64| Value::from(n as f64);
        let maybe = |n: i64| if n == NEVER { Value::Null } else { number(n) };
        let (kind, mut rest) = match self {
            Event::Wake => (kind::WAKE, vec![]),
            Event::Resume => (kind::RESUME, vec![]),
            Event::PageHide => (kind::PAGE_HIDE, vec![]),
            Event::PageShow => (kind::PAGE_SHOW, vec![]),
            Event::Hello => (kind::HELLO, vec![]),
            Event::Chunk => (kind::CHUNK, vec![]),
            Event::Check => (kind::CHECK, vec![]),
            Event::Now => (kind::NOW, vec![]),
            Event::Defer => (kind::DEFER, vec![]),
            Event::Saved => (kind::SAVED, vec![]),
            Event::Unbooked => (kind::UNBOOKED, vec![]),
            Event::Visible(on) => (kind::VISIBLE, vec![on.into()]),
            Event::Online(on) => (kind::ONLINE, vec![on.into()]),
            Event::Lead(on) => (kind::LEAD, vec![on.into()]),
            Event::Header(serial) => (kind::HEADER, vec![number(serial as i64)]),
            Event::Navigate(url) => (kind::NAVIGATE, vec![url.into()]),
            Event::Session(session) => (kind::SESSION, vec![session]),
            Event::Context(context) => (kind::CONTEXT, vec![context]),
            Event::Refused(refusals) => (kind::REFUSED, vec![refusals]),
            Event::Holds(holds) => {
                let hold = |(reason, until): (String, i64)| Value::Array(vec![reason.into(), number(until)]);
                (kind::HOLDS, vec![Value::Array(holds.into_iter().map(hold).collect())])
            }
            Event::Shell(answer) => {
                let worker = match answer.worker {
                    Worker::Settled => NEVER,
                    Worker::Waiting => 1,
                    Worker::Busy => 2,
                };
                let (redirected, html) = (answer.redirected.into(), answer.html.into());
                let status = number(answer.status.into());
                (kind::SHELL, vec![maybe(worker), status, redirected, html, answer.text.into()])
            }
            Event::Answer { answer, told } => {
                let rest = vec![
                    maybe(told.unwrap_or(NEVER)),
                    number(answer.status.into()),
                    answer.foreign.into(),
                    maybe(answer.at),
                    maybe(answer.date),
                    maybe(answer.retry_delay),
                    maybe(answer.retry_date),
                    if answer.known { true.into() } else { answer.text.into() },
                    answer.too_long.into(),
                ];
                (kind::ANSWER, rest)
            }
        };
        rest.insert(0, number(kind));
        Value::Array(rest)
    }
}

/// Something is asked for, in the order of `Out` in `wire.ts`. What belongs to it, if it is more than a word, the client has
/// at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Abort the fetch of the manifest.
    Abort,
    /// Look at the shell.
    Shell,
    /// Let the waiting service worker take over, then look at the shell.
    Activate,
    /// Run the `onSave` callbacks.
    Save,
    /// Ask the leader for its last answer.
    Hello,
    /// Ask for the leader's lock, or give it up.
    Lead(bool),
    /// The answer to [`Event::Navigate`].
    Taken(bool),
    /// Fetch the manifest.
    Poll,
    /// Keep `Client::kept` over loads, and with it the manifest's text where that changed. Nothing, if that is nothing.
    Keep(bool),
    /// Book (`Refresh::budget`), then reload (`Refresh::going`).
    Reload,
    /// Tell the other tabs of the last answer, own or told, or that none came (`Client::answered`), and when this tab polls
    /// next (`Schedule::planned`).
    Tell,
    /// Published: where the build stands.
    Standing,
    /// Published: where the refresh stands.
    Refresh,
    /// Published: the plan for all APIs.
    Plan,
    /// Published: a poll ended, or a `check` may not poll now; why it was made, and what it brought.
    Polled(Why, Heard),
    /// Published: why no answer came, or none that could be a manifest; or that what was kept is foreign.
    Failed(FetchError),
    /// Published, once: whether the server was heard. If not, there is a kept manifest, or none.
    Ready(bool),
    /// Published: all flags, evaluated, where one of them has changed: `Client::outcome`.
    Flags,
}

/// The next moment at which the core wants to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// By the monotonic clock.
    pub at: i64,
    /// What for: why a poll is made, where a refresh stands ([`REFRESH`]), or one of those below.
    pub reason: u8,
}

/// The first of where a refresh stands.
pub const REFRESH: u8 = Why::COUNT as u8;
/// `ready` waits no longer.
pub const READY: u8 = REFRESH + Phase::COUNT as u8;
/// A deadline of the manifest passes.
pub const DEADLINE: u8 = READY + 1;
/// A version of an API reaches its sunset.
pub const SUNSET: u8 = READY + 2;
/// What refusals have laid over the plan ends.
pub const REFUSAL: u8 = READY + 3;
/// A rule of a flag looks at the time.
pub const FLAGS: u8 = READY + 4;

#[cfg(not(target_arch = "wasm32"))]
impl Wake {
    /// The reasons by their numbers, as `inspect()` has them.
    pub fn reasons() -> String {
        [Why::NAMES, Phase::NAMES, "ready deadline sunset refusal flags "].concat()
    }

    /// The reason's name.
    pub fn name(&self) -> String {
        Wake::reasons().split(' ').nth(self.reason.into()).unwrap_or_default().to_owned()
    }
}

impl Wake {
    /// Takes an earlier one.
    #[inline(never)]
    pub fn or(&mut self, at: i64, reason: u8) {
        if at < self.at {
            (self.at, self.reason) = (at, reason);
        }
    }
}
