//! Between JavaScript's objects and the core's types. The other side is `pkg-template/src/wire.ts`.

use wasm_bindgen::prelude::*;

use crate::core::Client;
use crate::core::config::{Build, Mark};
use crate::core::error::Flaw;
use crate::core::event::{Answer, Blame, Effect, Event, Start};
use crate::core::refresh::shell::{ShellAnswer, Worker};
use crate::core::refresh::{Phase, State};
use crate::core::schedule::{RetryAfter, Role};
use crate::core::time::Now;
use crate::core::value::{MAX_DEPTH, Value};
use crate::core::version::Version;
use crate::core::window::Standing;

/// What JavaScript holds, as the one tree; what is too deep reads as nothing.
pub fn tree(value: JsValue) -> Value {
    walk(&value, MAX_DEPTH).unwrap_or(Value::Null)
}

/// `JSON.parse` into the tree.
pub fn parse(text: &str) -> Option<Value> {
    walk(&js_sys::JSON::parse(text).ok()?, MAX_DEPTH)
}

/// Reads one value; what JSON does not have (a function, a symbol) is nothing.
///
/// By hand, not through serde-wasm-bindgen's deserializer: its error for a value of the wrong type prints that value,
/// and with it comes Rust's printing of floats, 14 KB of brotli that no visitor should pay for.
fn walk(value: &JsValue, depth: u8) -> Option<Value> {
    Some(if let Some(text) = value.as_string() {
        Value::String(text)
    } else if let Some(number) = value.as_f64() {
        Value::Number(number)
    } else if let Some(truth) = value.as_bool() {
        Value::Bool(truth)
    } else if js_sys::Array::is_array(value) {
        let inner = depth.checked_sub(1)?;
        let mut items = Vec::new();
        for item in value.unchecked_ref::<js_sys::Array>().iter() {
            items.push(walk(&item, inner)?);
        }
        Value::Array(items)
    } else if value.is_object() {
        let inner = depth.checked_sub(1)?;
        let mut members = Vec::new();
        for entry in js_sys::Object::entries(value.unchecked_ref()).iter() {
            let entry: js_sys::Array = entry.unchecked_into();
            members.push((entry.get(0).as_string()?, walk(&entry.get(1), inner)?));
        }
        Value::Object(members)
    } else {
        Value::Null
    })
}

/// The start of a page.
pub fn start(value: &Value) -> Start {
    let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Start {
        seed: number(value, "seed").unwrap_or(0.0) as u64,
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
    let told = (!flag(value, "own")).then(|| number(value, "next").unwrap_or(0.0) as i64);
    Some(match value.get("type")?.as_str()? {
        "wake" => Event::Wake,
        "answer" => Event::Answer { answer: answer(value), told },
        "failed" => Event::Failed { told },
        "visible" => Event::Visible(on),
        "online" => Event::Online(on),
        "pageshow" => Event::PageShow,
        "pagehide" => Event::PageHide,
        "resume" => Event::Resume,
        "lead" => Event::Lead(on),
        "hello" => Event::Hello,
        "chunk" => Event::Chunk,
        "header" => Event::Header(number(value, "serial")? as u64),
        "check" => Event::Check,
        "shell" => Event::Shell(ShellAnswer {
            status: number(value, "status")? as u16,
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
                .filter_map(|hold| Some((text(hold, "reason")?, number(hold, "until")? as i64)))
                .collect(),
            _ => Vec::new(),
        }),
        "now" => Event::Now,
        "defer" => Event::Defer,
        "navigate" => Event::Navigate(text(value, "url")?),
        "saved" => Event::Saved,
        "unbooked" => Event::Unbooked,
        _ => return None,
    })
}

fn answer(value: &Value) -> Answer {
    let ms = |name| number(value, name).map(|n| n as i64);
    Answer {
        status: number(value, "status").unwrap_or(0.0) as u16,
        foreign: flag(value, "foreign"),
        etag: text(value, "etag"),
        date: ms("date").map(|date| date + ms("age").unwrap_or(0).clamp(0, 1 << 32) * 1000),
        retry_after: ms("retryAfter").map(RetryAfter::Delay).or(ms("retryDate").map(RetryAfter::Date)),
        text: text(value, "text"),
        too_long: flag(value, "tooLong"),
    }
}

/// An effect, as the page carries it out.
pub fn effect(client: &Client, now: Now, effect: Effect) -> JsValue {
    let simple = |name: &str| Value::object([("do", name.into())]);
    let on = |name: &str, member, on: bool| Value::object([("do", name.into()), (member, on.into())]);
    let emit = |event: &str, detail: Value| {
        Value::object([("do", "emit".into()), ("event", event.into()), ("detail", detail)])
    };
    js(&match effect {
        Effect::Poll { etag } => Value::object([("do", "poll".into()), ("etag", etag.into())]),
        Effect::Abort => simple("abort"),
        Effect::Tell(answer, next) => Value::object([("do", "tell".into()), ("message", told(answer, next))]),
        Effect::Hello => {
            Value::object([("do", "tell".into()), ("message", Value::object([("type", "hello".into())]))])
        }
        Effect::Lead(lead) => on("lead", "on", lead),
        Effect::Keep { state, text } => {
            Value::object([("do", "keep".into()), ("state", state), ("text", text.into())])
        }
        Effect::Shell => simple("shell"),
        Effect::Activate => simple("activate"),
        Effect::Save => simple("save"),
        Effect::Reload { session, asked, url } => Value::object([
            ("do", "reload".into()),
            ("session", session),
            ("asked", asked.into()),
            ("url", url.into()),
        ]),
        Effect::Taken(taken) => on("taken", "taken", taken),
        Effect::Standing(standing) => emit("standing", self::standing(&standing)),
        Effect::Refresh(state) => emit("refresh", refresh(client, now, &state)),
        Effect::Ready(how) => emit("ready", how.into()),
        Effect::Polled { why, outcome } => {
            emit("poll", Value::object([("why", why.name().into()), ("outcome", outcome.into())]))
        }
        Effect::Fault(blame) => emit("error", fault(&blame)),
    })
}

fn told(answer: Option<Answer>, next: i64) -> Value {
    let next = Value::Number(next as f64);
    let Some(answer) = answer else { return Value::object([("type", "failed".into()), ("next", next)]) };
    let (delay, date) = match answer.retry_after {
        Some(RetryAfter::Delay(ms)) => (Some(ms as f64), None),
        Some(RetryAfter::Date(ms)) => (None, Some(ms as f64)),
        None => (None, None),
    };
    Value::object([
        ("type", "answer".into()),
        ("next", next),
        ("status", (answer.status as f64).into()),
        ("foreign", answer.foreign.into()),
        ("etag", answer.etag.into()),
        ("date", answer.date.map(|date| date as f64).into()),
        ("retryAfter", delay.into()),
        ("retryDate", date.into()),
        ("text", answer.text.into()),
        ("tooLong", answer.too_long.into()),
    ])
}

fn standing(standing: &Standing) -> Value {
    Value::object([
        ("status", standing.status.name().into()),
        ("reason", standing.reason.into()),
        ("deadline", standing.deadline.map(|ms| ms as f64).into()),
    ])
}

fn refresh(client: &Client, now: Now, state: &State) -> Value {
    let asking = client.in_force().manifest.as_ref().map(|m| &m.refresh);
    let shown = asking.filter(|_| state.target.is_some());
    let refresh = client.refresh();
    let counting = state.phase == Phase::Counting;
    Value::object([
        ("phase", state.phase.name().into()),
        ("action", state.action.name().into()),
        ("target", state.target.as_deref().into()),
        ("reason", Some(state.reason).filter(|r| !r.is_empty()).into()),
        ("until", state.until.map(|at| (now.wall + at - now.mono) as f64).into()),
        (
            "holds",
            match state.phase {
                Phase::Holding => Value::Array(refresh.open_holds(now.mono)),
                _ => Value::Null,
            },
        ),
        ("deferrals", counting.then_some(refresh.deferrals as f64).into()),
        ("seconds", counting.then_some(client.config().countdown as f64 / 1000.0).into()),
        ("deadline", shown.and(client.standing().deadline).map(|ms| ms as f64).into()),
        ("notes", shown.map_or(Value::Null, |a| a.notes.clone())),
        ("link", shown.and_then(|a| a.link.as_deref()).into()),
    ])
}

fn fault(blame: &Blame) -> Value {
    let (who, code, path) = match blame {
        Blame::Publisher(flaw) => ("publisher", flaw.fault.code(), Some(flaw.path.as_str())),
        Blame::Network(error) => ("network", error.code(), None),
        Blame::Memory => ("memory", "foreign", None),
    };
    Value::object([("blame", who.into()), ("code", code.into()), ("path", path.into())])
}

/// All that the core knows.
pub fn inspect(client: &Client, now: Now) -> JsValue {
    let (in_force, config) = (client.in_force(), client.config());
    let schedule = client.schedule();
    let wake = client.next_wake(now);
    js(&Value::object([
        ("build", config.build.id.as_str().into()),
        ("app", config.app.as_str().into()),
        ("standing", standing(&client.standing())),
        ("refresh", refresh(client, now, &client.refresh().state)),
        ("serial", in_force.manifest.as_ref().map(|m| m.serial as f64).into()),
        ("current", in_force.manifest.as_ref().map(|m| m.current.id.as_str()).into()),
        ("regressed", in_force.regressed.as_ref().map(|m| m.serial as f64).into()),
        ("serverTime", client.server_time(now).map(|ms| ms as f64).into()),
        ("everySeconds", (schedule.every as f64 / 1000.0).into()),
        (
            "role",
            match schedule.role {
                Role::Alone => "alone",
                Role::Follower => "follower",
                Role::Leader => "leader",
            }
            .into(),
        ),
        ("polling", schedule.running().map(|why| why.name()).into()),
        (
            "wake",
            wake.map_or(Value::Null, |wake| {
                Value::object([("in", ((wake.at - now.mono) as f64).into()), ("reason", wake.reason.into())])
            }),
        ),
    ]))
}

/// A flaw, as JavaScript's `TrueupError` has it.
pub fn flaw(flaw: &Flaw) -> JsValue {
    js(&Value::object([("code", flaw.fault.code().into()), ("path", flaw.path.as_str().into())]))
}

/// The tree as JavaScript's objects.
fn js(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::UNDEFINED,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => (*n).into(),
        Value::String(s) => s.as_str().into(),
        Value::Array(items) => {
            let array = js_sys::Array::new();
            for item in items {
                array.push(&js(item));
            }
            array.into()
        }
        Value::Object(members) => {
            let object = js_sys::Object::new();
            for (name, value) in members {
                let _ = js_sys::Reflect::set(&object, &name.as_str().into(), &js(value));
            }
            object.into()
        }
    }
}

fn number(value: &Value, name: &str) -> Option<f64> {
    value.get(name).and_then(Value::as_f64)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}
