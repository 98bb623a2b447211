//! The only `#[wasm_bindgen]` exports.

use wasm_bindgen::prelude::*;

use super::json::Json;
use super::wire;
use crate::core::Client;
use crate::core::time::Now;

/// The longest delay of `setTimeout`.
const LONGEST: i64 = 0x7fff_ffff;

/// The client of one page. See `wire.ts` for what goes in and comes out.
#[wasm_bindgen]
pub struct Core {
    client: Client,
}

#[wasm_bindgen]
impl Core {
    /// Starts it; wrong options throw `{ code, path }`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue, start: JsValue, mono: f64, wall: f64) -> Result<Core, JsValue> {
        let (options, start) = (wire::tree(options), wire::start(&wire::tree(start)));
        match Client::new(&options, start, wire::parse, wire::NUMBERS, now(mono, wall)) {
            Ok(client) => Ok(Core { client }),
            Err(error) => Err(wire::flaw(&error.0)),
        }
    }

    /// The effects of the start, as JSON.
    pub fn start(&mut self, mono: f64, wall: f64) -> String {
        self.drain(now(mono, wall))
    }

    /// Something happened; gives the effects, as JSON. An input that it does not know does nothing.
    pub fn handle(&mut self, input: JsValue, mono: f64, wall: f64) -> String {
        let now = now(mono, wall);
        if let Some(event) = wire::event(&wire::tree(input)) {
            self.client.handle(now, event);
        }
        self.drain(now)
    }

    /// In how many ms it wants `{ type: "wake" }`; asked after every call. At most what `setTimeout` takes without firing
    /// at once: waking early does no harm. The timer is the page's, so that it does not call into a module that is lost.
    pub fn wake(&self, mono: f64, wall: f64) -> f64 {
        let now = now(mono, wall);
        self.client.next_wake(now).map_or(LONGEST, |wake| wake.at - now.mono).clamp(0, LONGEST) as f64
    }

    /// All that it knows, as JSON.
    pub fn inspect(&self, mono: f64, wall: f64) -> String {
        wire::inspect(&self.client, now(mono, wall))
    }

    fn drain(&mut self, now: Now) -> String {
        let mut out = Json::new();
        out.array();
        while let Some(effect) = self.client.poll_effect() {
            wire::effect(&mut out, &self.client, now, effect);
        }
        out.close(']');
        out.done()
    }
}

fn now(mono: f64, wall: f64) -> Now {
    Now { mono: mono as i64, wall: wall as i64 }
}
