//! Acts: carries events in and effects out. No decision is made here.
//!
//! Platform calls that are cheaper in JavaScript (fetch, timer, storage, locks, channels: together 14 KB of glue and wasm,
//! by the measurements in the toolchain notes) stand in the package's TypeScript; a timer of the module's own would also
//! call into it after a trap.

pub mod exports;
mod heap;
pub mod wire;

use std::arch::wasm32::{memory_grow, memory_size};

unsafe extern "C" {
    /// Where the linker's own data ends.
    static __heap_base: u8;
}

/// The module's memory.
struct Pages;

impl heap::Memory for Pages {
    fn end(&self) -> usize {
        memory_size::<0>() << 16
    }

    fn grow(&self, bytes: usize) {
        memory_grow::<0>((bytes >> 16) + 1);
    }
}

// SAFETY: what the linker has placed ends there, and nothing else takes memory. It is a multiple of 16.
#[global_allocator]
static HEAP: heap::Heap<Pages> = unsafe { heap::Heap::new(Pages, (&raw const __heap_base).cast_mut()) };
