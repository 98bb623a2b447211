//! Acts: carries events in and effects out. No decision is made here.
//!
//! Platform calls that are cheaper in JavaScript (fetch, timer, storage, locks, channels: together 14 KB of glue and wasm,
//! by the measurements in the toolchain notes) stand in the package's TypeScript; a timer of the module's own would also
//! call into it after a trap.

pub mod exports;
pub mod wire;

/// talc is 1.5 KB smaller than dlmalloc.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
