//! What happens to the core, and what it asks for. The wire to the page is `pkg-template/src/wire.ts`.

use super::error::FetchError;
use super::refresh::shell::ShellAnswer;
use super::schedule::{RetryAfter, Why};
use super::serial::Heard;
use super::value::Value;

/// How the start of a page found things.
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
    pub mark: Option<super::config::Mark>,
    /// Whether the tab is visible.
    pub visible: bool,
    /// Whether the browser thinks that it is online.
    pub online: bool,
    /// Whether tabs can find a leader: Web Locks and BroadcastChannel.
    pub locks: bool,
    /// The page carries `<meta name="trueup-reload" content="off">`.
    pub reload_off: bool,
}

/// An answer to a poll: to this tab's own, or told by the tab that polled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The status; 0 where no answer came.
    pub status: u16,
    /// It came from another origin than was asked.
    pub foreign: bool,
    /// Its ETag.
    pub etag: Option<String>,
    /// When it came to the tab that polled, by the wall clock; an own one comes now.
    pub at: Option<i64>,
    /// `Date` + `Age` at that time, in ms since 1970.
    pub date: Option<i64>,
    /// `Retry-After`.
    pub retry_after: Option<RetryAfter>,
    /// The body; `None` where its ETag is the one that was named, or where it was too long to read.
    pub text: Option<String>,
    /// The body is longer than 1 MiB.
    pub too_long: bool,
}

/// Something happened.
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

/// Something is asked for. What belongs to it, if it is more than a word, the client has at hand.
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
    /// Fetch the manifest. A body with the ETag of `Client::last` need not be read.
    Poll,
    /// Keep `Client::kept` over loads, and with it the manifest's text where that changed.
    Keep(bool),
    /// Keep nothing.
    Forget,
    /// Book (`Refresh::budget`), then reload (`Refresh::going`).
    Reload,
    /// Tell the other tabs of the last answer or failure (`Client::last`), and when this tab polls next.
    Tell,
    /// Published: where the build stands.
    Standing,
    /// Published: where the refresh stands.
    Refresh,
    /// Published: the plan for all APIs.
    Plan,
    /// Published: all flags, evaluated, where one of them has changed: `Client::outcome`.
    Flags,
    /// Published: a poll ended, why it was made, and what it brought; `None`: it failed.
    Polled(Why, Option<Heard>),
    /// Published: a `check` may not poll now.
    Waiting,
    /// Published: why no answer came, or none that could be a manifest.
    Failed(FetchError),
    /// Published: what was kept by this or another page is foreign.
    Foreign,
    /// Published, once: whether the server was heard. If not, there is a kept manifest, or none.
    Ready(bool),
}

/// The next moment at which the core wants to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// By the monotonic clock.
    pub at: i64,
    /// What for.
    pub reason: &'static str,
}
