//! Between the JSON of the page and the core's types: arrays, whose items have their meaning by their place. The other side is `pkg-template/src/wire.ts`.

use wasm_bindgen::prelude::*;

use crate::core::Client;
use crate::core::error::{Fault, FetchError, Flaw};
use crate::core::event::Effect;
use crate::core::flags::Numbers;
use crate::core::json::{Json, unpack};
use crate::core::manifest::Manifest;
use crate::core::refresh::{Phase, State, expiry};
use crate::core::time::{LONG_AGO, NEVER, Now};
use crate::core::value::{Value, push};

#[wasm_bindgen]
extern "C" {
    /// `Number(text)`.
    fn number(text: &str) -> f64;
    /// Writes `String(n)`, and says how long it is.
    fn print(n: f64, to: *mut u8) -> usize;
    /// `a % b`.
    fn remainder(a: f64, b: f64) -> f64;
    /// Packs what `JSON.parse` makes of the text, and says how long that is: 0 where it is no JSON.
    fn json(text: &str) -> usize;
    /// Writes what was packed.
    fn take(to: *mut u8);
}

/// JavaScript's own way with numbers.
pub const NUMBERS: Numbers = Numbers { parse: number, print: printed, remainder };

fn printed(n: f64) -> String {
    // The longest number is one of 24 letters: -1.2345678901234567e-300.
    let mut letters = [0; 32];
    let length = print(n, letters.as_mut_ptr());
    let mut text = String::new();
    for letter in letters.iter().take(length) {
        push(&mut text, *letter);
    }
    text
}

/// JSON to tree.
pub fn parse(text: &str) -> Option<Value> {
    let mut packed = vec![0; json(text)];
    take(packed.as_mut_ptr());
    (!packed.is_empty()).then(|| tree(&packed))
}

/// What the page has packed as a tree.
pub fn tree(packed: &[u8]) -> Value {
    // SAFETY: the page writes what JavaScript's `TextEncoder` has made of a string, which is UTF-8. (To look again takes 900
    // bytes.)
    unpack(unsafe { std::str::from_utf8_unchecked(packed) })
}

/// All that is to be done, as the page carries it out.
pub fn effects(out: &mut Json, client: &Client, now: Now) {
    for of in client.flaws() {
        out.open();
        out.int(ERROR);
        out.int(PUBLISHER);
        flaw(out, of);
        out.close();
    }
    for effect in client.effects() {
        out.open();
        self::effect(out, client, now, *effect);
        out.close();
    }
}

const ERROR: i64 = 15;
/// Blames.
const PUBLISHER: i64 = 0;
const NETWORK: i64 = 1;
const MEMORY: i64 = 2;
/// Codes: those of [`Fault`], then those of [`FetchError`].
const FAULTS: i64 = Fault::COUNT as i64;

// By itself: what all effects read would else be read before the first.
#[inline(never)]
fn effect(out: &mut Json, client: &Client, now: Now, effect: Effect) {
    out.int(match effect {
        Effect::Abort => 0,
        Effect::Shell => 1,
        Effect::Activate => 2,
        Effect::Save => 3,
        Effect::Hello => 4,
        Effect::Lead(_) => 5,
        Effect::Taken(_) => 6,
        Effect::Poll => 7,
        Effect::Keep(_) => 8,
        Effect::Reload => 9,
        Effect::Tell => 10,
        Effect::Standing => 11,
        Effect::Refresh => 12,
        Effect::Plan => 13,
        Effect::Polled(..) => 14,
        Effect::Failed(_) => ERROR,
        Effect::Ready(_) => 16,
        Effect::Flags => 17,
    });
    match effect {
        Effect::Lead(on) | Effect::Taken(on) => out.flag(on),
        Effect::Keep(text) => {
            client.kept().write(out, &client.refresh().snooze);
            out.text(text.then_some(&client.in_force().text));
        }
        Effect::Reload => {
            let refresh = client.refresh();
            refresh.budget.write(out);
            out.flag(refresh.asked);
            out.string(&refresh.url);
        }
        Effect::Tell => {
            out.int(client.schedule().planned(now.mono));
            out.flag(client.answered());
        }
        Effect::Standing => {
            let standing = client.standing();
            out.int(standing.status as i64);
            out.int(standing.reason as i64);
            out.maybe(standing.deadline);
        }
        Effect::Refresh => refresh(out, client, now, &client.refresh().state),
        Effect::Plan => {
            out.int(client.plan().generation as i64);
            out.word(&client.plan().apis);
        }
        Effect::Polled(why, heard) => {
            out.int(why as i64);
            out.int(heard as i64);
        }
        Effect::Failed(error) => {
            out.int(if error == FetchError::Foreign { MEMORY } else { NETWORK });
            out.int(FAULTS + error as i64);
        }
        Effect::Ready(live) => out.int(match &client.in_force().manifest {
            _ if live => 0,
            Some(_) => 1,
            None => 2,
        }),
        Effect::Flags => out.word(client.outcome()),
        Effect::Abort | Effect::Shell | Effect::Activate | Effect::Save | Effect::Hello | Effect::Poll => {}
    }
}

fn refresh(out: &mut Json, client: &Client, now: Now, state: &State) {
    let refresh = client.refresh();
    let counting = state.phase == Phase::Counting;
    out.int(state.phase as i64);
    out.int(state.action as i64);
    let is_due = !refresh.target.is_empty();
    out.text(is_due.then_some(&refresh.target));
    out.int(state.reason as i64);
    out.maybe(now.wall + state.until - now.mono);
    out.maybe(if counting { refresh.deferrals.into() } else { NEVER });
    out.maybe(if counting { client.config().countdown / 1000 } else { NEVER });
    if state.phase == Phase::Holding {
        out.open();
        for hold in refresh.holds.items() {
            if expiry(hold) > now.mono {
                out.text(hold.items().first().and_then(Value::as_str));
            }
        }
        out.close();
    } else {
        out.text(None);
    }
    if let Some(manifest) = client.in_force().manifest.as_ref().filter(|_| is_due) {
        out.maybe(client.standing().deadline);
        out.value(manifest.shown("notes"));
        out.value(manifest.shown("link"));
    }
}

/// All that the core knows, besides what it has published.
pub fn inspect(out: &mut Json, client: &Client, now: Now) {
    let (in_force, config, schedule) = (client.in_force(), client.config(), client.schedule());
    let manifest = in_force.manifest.as_ref();
    out.open();
    out.string(&config.build.id);
    out.string(&config.app);
    serial(out, &in_force.manifest);
    out.text(manifest.map(|m| m.current.id.as_str()));
    serial(out, &in_force.regressed);
    let time = client.server_time(now);
    out.maybe(if time == LONG_AGO { NEVER } else { time });
    out.int(schedule.every / 1000);
    out.int(schedule.role as i64);
    out.maybe(schedule.running().map_or(NEVER, |why| why as i64));
    out.int(client.wake(now).reason.into());
    out.close();
}

fn serial(out: &mut Json, manifest: &Option<Box<Manifest>>) {
    match manifest {
        Some(manifest) => out.int(manifest.serial as i64),
        None => out.text(None),
    }
}

/// A flaw, as JavaScript's `TrueupError` has it.
pub fn flaw(out: &mut Json, flaw: &Flaw) {
    out.int(flaw.fault as i64);
    out.string(&flaw.path);
}
