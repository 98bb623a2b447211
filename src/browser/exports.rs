//! The only `#[wasm_bindgen]` exports. What calls them is `pkg-template/src/glue.ts`.
//!
//! Functions on a number, not methods of an exported class: of what wasm-bindgen does for one (a cell around it, a shim for
//! each method, an exception that has a text) nothing is needed here.

use std::cell::RefCell;

use wasm_bindgen::prelude::*;

use super::json::Json;
use super::wire;
use crate::core::Client;
use crate::core::error::ConfigError;
use crate::core::time::Now;
use crate::core::value::Value;

/// The longest delay of `setTimeout`.
const LONGEST: i64 = 0x7fff_ffff;

/// A page's client, or why there is none.
type Core = Option<Box<Result<Client, ConfigError>>>;

thread_local! {
    static CORES: RefCell<Vec<Core>> = const { RefCell::new(Vec::new()) };
}

/// Starts a client with the JSON of `[options, start]`, and gives its number. See `wire.ts` for what goes in and comes out.
#[wasm_bindgen]
pub fn create(given: &str, mono: f64, wall: f64) -> usize {
    let given = tree(given);
    let [options, start] = given.items() else { return usize::MAX };
    let start = wire::start(start);
    let core = Box::new(Client::new(options, start, wire::parse, wire::NUMBERS, now(mono, wall)));
    CORES.with_borrow_mut(|cores| {
        cores.push(Some(core));
        cores.len() - 1
    })
}

/// Something happened; gives the effects, and with the first input those of the start, as JSON. An input that it does not
/// know does nothing; for `inspect` all that it knows comes instead. Wrong options give `{ code, path }`, always.
#[wasm_bindgen]
pub fn handle(core: usize, input: &str, mono: f64, wall: f64) -> String {
    let now = now(mono, wall);
    let input = tree(input);
    let mut out = Json::new();
    with(core, |core| match core {
        Err(error) => wire::flaw(&mut out, &error.0),
        Ok(client) if input.get("type").and_then(Value::as_str) == Some("inspect") => {
            wire::inspect(&mut out, client, now);
        }
        Ok(client) => {
            if let Some(event) = wire::event(&input) {
                client.handle(now, event);
            }
            out.array();
            while let Some(effect) = client.poll_effect() {
                wire::effect(&mut out, client, now, effect);
            }
            out.close(']');
        }
    });
    out.done()
}

/// In how many ms it wants `{ type: "wake" }`; asked after every call. At most what `setTimeout` takes without firing
/// at once: waking early does no harm. The timer is the page's, so that it does not call into a module that is lost.
#[wasm_bindgen]
pub fn wake(core: usize, mono: f64, wall: f64) -> f64 {
    let now = now(mono, wall);
    let mut delay = LONGEST;
    with(core, |core| {
        if let Ok(client) = core
            && let Some(wake) = client.next_wake(now)
        {
            delay = (wake.at - now.mono).clamp(0, LONGEST);
        }
    });
    delay as f64
}

/// Ends it; its number is not used again.
#[wasm_bindgen]
pub fn drop(core: usize) {
    CORES.with_borrow_mut(|cores| {
        if let Some(core) = cores.get_mut(core) {
            *core = None;
        }
    });
}

fn with(core: usize, call: impl FnOnce(&mut Result<Client, ConfigError>)) {
    CORES.with_borrow_mut(|cores| {
        if let Some(Some(core)) = cores.get_mut(core) {
            call(core);
        }
    });
}

/// What the page writes is JSON.
fn tree(text: &str) -> Value {
    wire::parse(text).unwrap_or(Value::Null)
}

fn now(mono: f64, wall: f64) -> Now {
    Now { mono: mono as i64, wall: wall as i64 }
}
