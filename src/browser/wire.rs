//! Between JavaScript's objects and the core's types. The other side is `pkg-template/src/wire.ts`.

use wasm_bindgen::prelude::*;

use super::json::Json;
use crate::core::Client;
use crate::core::config::{Build, Mark};
use crate::core::error::{Fault, Flaw};
use crate::core::event::{Answer, Blame, Effect, Event, Start};
use crate::core::flags::Numbers;
use crate::core::json;
use crate::core::refresh::shell::{ShellAnswer, Worker};
use crate::core::refresh::{Phase, State};
use crate::core::schedule::{RetryAfter, Role};
use crate::core::time::Now;
use crate::core::value::Value;
use crate::core::version::Version;
use crate::core::window::Standing;

#[wasm_bindgen]
extern "C" {
    /// `Number(text)`.
    fn number(text: &str) -> f64;
    /// Writes `String(n)`, and says how long it is.
    fn print(n: f64, to: *mut u8) -> usize;
    /// `a % b`.
    fn remainder(a: f64, b: f64) -> f64;
}

/// JavaScript's own way with numbers.
pub const NUMBERS: Numbers = Numbers { parse: number, print: printed, remainder };

fn printed(n: f64) -> String {
    // The longest number is one of 24 letters: -1.2345678901234567e-300.
    let mut letters = [0; 32];
    let length = print(n, letters.as_mut_ptr());
    letters.iter().take(length).map(|letter| *letter as char).collect()
}

/// JSON to tree.
pub fn parse(text: &str) -> Result<Value, Fault> {
    json::parse(text, number)
}

/// The start of a page.
pub fn start(value: &Value) -> Start {
    let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Start {
        seed: float(value, "seed").unwrap_or(0.0) as u64,
        nonce: float(value, "nonce").unwrap_or(0.0) as u64,
        kept: value.get("kept").and_then(|kept| {
            Some((kept.get("state")?.clone(), kept.get("text").and_then(Value::as_str)?.to_owned()))
        }),
        session: value.get("session").cloned(),
        inline: text("inline"),
        mark: value.get("mark").and_then(|mark| {
            let of = |name| mark.get(name).and_then(Value::as_str);
            Some(Mark {
                build: Build {
                    id: of("id")?.to_owned(),
                    version: of("version").and_then(|v| Version::parse(v).ok()),
                },
                app: of("app").unwrap_or("").to_owned(),
            })
        }),
        visible: flag(value, "visible"),
        online: flag(value, "online"),
        locks: flag(value, "locks"),
        reload_off: flag(value, "reloadOff"),
    }
}

/// An input; `None` for one that another version of the page may know.
pub fn event(value: &Value) -> Option<Event> {
    let on = flag(value, "on");
    let told = (!flag(value, "own")).then(|| float(value, "next").unwrap_or(0.0) as i64);
    Some(match value.get("type")?.as_str()? {
        "wake" => Event::Wake,
        "answer" => Event::Answer { answer: answer(value), told },
        "failed" => Event::Failed { told },
        "visible" => Event::Visible(on),
        "online" => Event::Online(on),
        "session" => Event::Session(value.get("session").cloned().unwrap_or(Value::Null)),
        "pageshow" => Event::PageShow,
        "pagehide" => Event::PageHide,
        "resume" => Event::Resume,
        "lead" => Event::Lead(on),
        "hello" => Event::Hello,
        "chunk" => Event::Chunk,
        "header" => Event::Header(float(value, "serial")? as u64),
        "check" => Event::Check,
        "shell" => Event::Shell(ShellAnswer {
            status: float(value, "status")? as u16,
            redirected: flag(value, "redirected"),
            html: flag(value, "html"),
            text: text(value, "text").unwrap_or_default(),
            worker: match value.get("worker").and_then(Value::as_str) {
                None => Worker::Settled,
                Some("waiting") => Worker::Waiting,
                Some(_) => Worker::Busy,
            },
        }),
        "holds" => Event::Holds(match value.get("holds") {
            Some(Value::Array(holds)) => holds
                .iter()
                .filter_map(|hold| Some((text(hold, "reason")?, float(hold, "until")? as i64)))
                .collect(),
            _ => Vec::new(),
        }),
        "now" => Event::Now,
        "defer" => Event::Defer,
        "navigate" => Event::Navigate(text(value, "url")?),
        "saved" => Event::Saved,
        "unbooked" => Event::Unbooked,
        "context" => Event::Context(value.get("context").cloned().unwrap_or(Value::Null)),
        "refused" => Event::Refused(value.get("refusals").cloned().unwrap_or(Value::Null)),
        _ => return None,
    })
}

fn answer(value: &Value) -> Answer {
    let ms = |name| float(value, name).map(|n| n as i64);
    Answer {
        status: float(value, "status").unwrap_or(0.0) as u16,
        foreign: flag(value, "foreign"),
        etag: text(value, "etag"),
        at: ms("at"),
        date: ms("date").map(|date| date + ms("age").unwrap_or(0).clamp(0, 1 << 32) * 1000),
        retry_after: ms("retryAfter").map(RetryAfter::Delay).or(ms("retryDate").map(RetryAfter::Date)),
        text: text(value, "text"),
        too_long: flag(value, "tooLong"),
    }
}

/// An effect, as the page carries it out.
pub fn effect(out: &mut Json, client: &Client, now: Now, effect: Effect) {
    out.object();
    let name = match &effect {
        Effect::Poll { .. } => "poll",
        Effect::Abort => "abort",
        Effect::Tell(..) | Effect::Hello => "tell",
        Effect::Lead(_) => "lead",
        Effect::Keep { .. } => "keep",
        Effect::Shell => "shell",
        Effect::Activate => "activate",
        Effect::Save => "save",
        Effect::Reload { .. } => "reload",
        Effect::Taken(_) => "taken",
        _ => "emit",
    };
    out.text("do", Some(name));
    let mut event = |name| {
        out.text("event", Some(name));
        out.name("detail");
    };
    match effect {
        Effect::Poll { etag } => out.text("etag", etag.as_deref()),
        Effect::Tell(answer, next) => told(out, answer, next),
        Effect::Hello => {
            out.inside("message");
            out.text("type", Some("hello"));
            out.close('}');
        }
        Effect::Lead(on) => out.flag("on", on),
        Effect::Keep { state, text } => {
            out.member("state", &state);
            out.text("text", text.as_deref());
        }
        Effect::Reload { session, asked, url } => {
            out.member("session", &session);
            out.flag("asked", asked);
            out.text("url", url.as_deref());
        }
        Effect::Taken(taken) => out.flag("taken", taken),
        Effect::Standing(of) => {
            event("standing");
            standing(out, &of);
        }
        Effect::Refresh(state) => {
            event("refresh");
            refresh(out, client, now, &state);
        }
        Effect::Ready(how) => {
            event("ready");
            out.string(how);
        }
        Effect::Plan(plan) => {
            event("plan");
            out.object();
            out.int("generation", Some(plan.generation as i64));
            out.member("apis", &plan.apis);
            out.close('}');
        }
        Effect::Flags(flags) => {
            event("flags");
            out.value(&flags);
        }
        Effect::Polled { why, outcome } => {
            event("poll");
            out.object();
            out.text("why", Some(why.name()));
            out.text("outcome", Some(outcome));
            out.close('}');
        }
        Effect::Fault(blame) => {
            event("error");
            fault(out, &blame);
        }
        Effect::Abort | Effect::Shell | Effect::Activate | Effect::Save => {}
    }
    out.close('}');
}

fn told(out: &mut Json, answer: Option<Answer>, next: i64) {
    out.inside("message");
    out.text("type", Some(if answer.is_some() { "answer" } else { "failed" }));
    out.int("next", Some(next));
    if let Some(answer) = answer {
        out.int("status", Some(answer.status.into()));
        out.flag("foreign", answer.foreign);
        out.text("etag", answer.etag.as_deref());
        out.int("at", answer.at);
        out.int("date", answer.date);
        match answer.retry_after {
            Some(RetryAfter::Delay(ms)) => out.int("retryAfter", Some(ms)),
            Some(RetryAfter::Date(ms)) => out.int("retryDate", Some(ms)),
            None => {}
        }
        out.text("text", answer.text.as_deref());
        out.flag("tooLong", answer.too_long);
    }
    out.close('}');
}

fn standing(out: &mut Json, standing: &Standing) {
    out.object();
    out.text("status", Some(standing.status.name()));
    out.text("reason", Some(standing.reason));
    out.int("deadline", standing.deadline);
    out.close('}');
}

fn refresh(out: &mut Json, client: &Client, now: Now, state: &State) {
    out.object();
    out.text("phase", Some(state.phase.name()));
    out.text("action", Some(state.action.name()));
    out.text("target", state.target.as_deref());
    out.text("reason", Some(state.reason).filter(|r| !r.is_empty()));
    out.int("until", state.until.map(|at| now.wall + at - now.mono));
    let refresh = client.refresh();
    if state.phase == Phase::Holding {
        out.member("holds", &Value::Array(refresh.open_holds(now.mono)));
    }
    if state.phase == Phase::Counting {
        out.int("deferrals", Some(refresh.deferrals.into()));
        out.int("seconds", Some(client.config().countdown / 1000));
    }
    if let Some(manifest) = client.in_force().manifest.as_ref().filter(|_| state.target.is_some()) {
        out.int("deadline", client.standing().deadline);
        out.member("notes", &manifest.refresh.notes);
        out.text("link", manifest.refresh.link.as_deref());
    }
    out.close('}');
}

fn fault(out: &mut Json, blame: &Blame) {
    let (who, code, path) = match blame {
        Blame::Publisher(flaw) => ("publisher", flaw.fault.code(), Some(flaw.path.as_str())),
        Blame::Network(error) => ("network", error.code(), None),
        Blame::Memory => ("memory", "foreign", None),
    };
    out.object();
    out.text("blame", Some(who));
    out.text("code", Some(code));
    out.text("path", path);
    out.close('}');
}

/// All that the core knows.
pub fn inspect(out: &mut Json, client: &Client, now: Now) {
    let (in_force, config, schedule) = (client.in_force(), client.config(), client.schedule());
    out.object();
    out.text("build", Some(&config.build.id));
    out.text("app", Some(&config.app));
    out.name("standing");
    standing(out, &client.standing());
    out.name("refresh");
    refresh(out, client, now, &client.refresh().state);
    if let Some(manifest) = &in_force.manifest {
        out.int("serial", Some(manifest.serial as i64));
        out.text("current", Some(&manifest.current.id));
    }
    out.int("regressed", in_force.regressed.as_ref().map(|m| m.serial as i64));
    out.int("serverTime", client.server_time(now));
    out.int("everySeconds", Some(schedule.every / 1000));
    let role = match schedule.role {
        Role::Alone => "alone",
        Role::Follower => "follower",
        Role::Leader => "leader",
    };
    out.text("role", Some(role));
    out.text("polling", schedule.running().map(|why| why.name()));
    if let Some(wake) = client.next_wake(now) {
        out.inside("wake");
        out.int("in", Some(wake.at - now.mono));
        out.text("reason", Some(wake.reason));
        out.close('}');
    }
    out.close('}');
}

/// A flaw of the options, as JavaScript's `TrueupError` has it.
pub fn flaw(out: &mut Json, flaw: &Flaw) {
    out.object();
    out.text("code", Some(flaw.fault.code()));
    out.text("path", Some(&flaw.path));
    out.close('}');
}

fn float(value: &Value, name: &str) -> Option<f64> {
    value.get(name).and_then(Value::as_f64)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}
