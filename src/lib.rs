//! Trueup keeps every open browser tab aligned with the servers behind it.
//!
//! The decisions live in [`core`], which knows no clock, no chance and no browser.
//! On `wasm32` the module `browser` lets it act; natively the same core runs in tests and simulations.

pub mod core;

/// Not for use: open for `tests/web.rs` alone.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod browser;
