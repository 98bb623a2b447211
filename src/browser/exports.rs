//! The only `#[wasm_bindgen]` exports. What calls them is `pkg-template/src/glue.ts`.
//!
//! Text crosses in memory that stays the module's: its page writes into [`room`], and reads what [`handle`] gives until
//! the next call. (To hand the memory itself over takes an allocator and a deallocator as exports, and more of each call.)

use std::sync::{Mutex, MutexGuard, PoisonError};

use wasm_bindgen::prelude::*;

use super::wire;
use crate::core::Client;
use crate::core::event::{Input, kind};
use crate::core::json::Json;
use crate::core::time::Now;

/// The longest delay of `setTimeout`.
const LONGEST: i64 = 0x7fff_ffff;

/// One instance of the module is one client: a trap takes no other with it, and to forget the instance ends it.
struct Page {
    client: Client,
    started: bool,
    input: Vec<u8>,
    out: Json,
}

impl Page {
    const NEW: Page = Page {
        client: Client::blank(wire::parse, wire::NUMBERS),
        started: false,
        input: Vec::new(),
        out: Json::new(wire::NUMBERS.print),
    };
}

/// A lock on one thread is a flag: half of what a thread's own cell takes.
static PAGE: Mutex<Page> = Mutex::new(Page::NEW);

#[inline(never)]
fn page() -> MutexGuard<'static, Page> {
    PAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for the next input, as the glue packs it. It may fill less: the rest is zeros, which nothing reads.
#[wasm_bindgen]
pub fn room(length: usize) -> *mut u8 {
    let input = &mut page().input;
    *input = vec![0; length];
    input.as_mut_ptr()
}

/// Something happened; gives the effects, as JSON with a NUL behind it. See `wire.ts` for what goes in and comes out. The
/// first input starts the client, or gives what is wrong with its options. An input that it does not know does nothing.
#[wasm_bindgen]
pub fn handle(mono: f64, wall: f64) -> *const u8 {
    let page = &mut *page();
    let now = Now { mono: mono as i64, wall: wall as i64 };
    let input = wire::tree(&page.input);
    let input = Input(&input);
    let out = &mut page.out;
    out.clear();
    out.open();
    let inspects = input.number(0, kind::WAKE) == kind::INSPECT;
    let client = &mut page.client;
    if !page.started {
        match client.start(input, now) {
            None => page.started = true,
            Some(flaw) => wire::flaw(out, &flaw),
        }
    } else if !inspects {
        client.hear(now, input);
    }
    if page.started {
        // At most what `setTimeout` takes without firing at once: waking early does no harm. The timer is the page's,
        // so that it does not call into a module that is lost.
        out.int((client.wake(now).at - now.mono).clamp(0, LONGEST));
        if inspects {
            wire::inspect(out, client, now);
        } else {
            wire::effects(out, client, now);
        }
    }
    out.close();
    out.c_text()
}

/// Ends the client, so that a test may start another one in the same instance.
#[doc(hidden)]
pub fn forget() {
    *page() = Page::NEW;
}
