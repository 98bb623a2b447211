//! The only `#[wasm_bindgen]` exports.

use gloo_timers::callback::Timeout;
use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::{timer, wire};
use crate::core::Client;
use crate::core::time::Now;

/// The client of one page. See `wire.ts` for what goes in and comes out.
#[wasm_bindgen]
pub struct Core {
    client: Client,
    wake: Function,
    timer: Option<(i64, Timeout)>,
}

#[wasm_bindgen]
impl Core {
    /// Starts it; wrong options throw `{ code, path }`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        options: JsValue,
        start: JsValue,
        wake: Function,
        mono: f64,
        wall: f64,
    ) -> Result<Core, JsValue> {
        let (options, start) = (wire::tree(options), wire::start(&wire::tree(start)));
        match Client::new(&options, start, wire::parse, now(mono, wall)) {
            Ok(client) => Ok(Core { client, wake, timer: None }),
            Err(error) => Err(wire::flaw(&error.0)),
        }
    }

    /// The effects of the start.
    pub fn start(&mut self, mono: f64, wall: f64) -> Array {
        self.drain(now(mono, wall))
    }

    /// Something happened; gives the effects. An input that it does not know does nothing.
    pub fn handle(&mut self, input: JsValue, mono: f64, wall: f64) -> Array {
        let now = now(mono, wall);
        if let Some(event) = wire::event(&wire::tree(input)) {
            self.client.handle(now, event);
        }
        self.drain(now)
    }

    /// All that it knows, as plain data.
    pub fn inspect(&self, mono: f64, wall: f64) -> JsValue {
        wire::inspect(&self.client, now(mono, wall))
    }

    fn drain(&mut self, now: Now) -> Array {
        let effects = Array::new();
        while let Some(effect) = self.client.poll_effect() {
            effects.push(&wire::effect(&self.client, now, effect));
        }
        let wake = self.client.next_wake(now).map(|wake| wake.at);
        if self.timer.as_ref().map(|(at, _)| *at) != wake || wake.is_some_and(|at| at <= now.mono) {
            // Dropped first: there is one timer.
            self.timer = None;
            self.timer = wake.map(|at| (at, timer::after(at - now.mono, &self.wake)));
        }
        effects
    }
}

fn now(mono: f64, wall: f64) -> Now {
    Now { mono: mono as i64, wall: wall as i64 }
}
