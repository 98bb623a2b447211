//! The one timer: released on drop, and clamped, because `setTimeout` with 2³¹ fires at once.

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;

/// The longest delay that is asked for. Waking early does no harm.
const LONGEST: i64 = 0x7fff_ffff;

/// Calls `wake` once, after `delay` ms. The call is JavaScript's, which catches what the core may throw.
pub fn after(delay: i64, wake: &js_sys::Function) -> Timeout {
    let wake = wake.clone();
    Timeout::new(delay.clamp(0, LONGEST) as u32, move || {
        let _ = wake.call0(&JsValue::NULL);
    })
}
