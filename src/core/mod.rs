//! Decides. No clock, no randomness, no I/O, no browser type.
//!
//! [`Client::hear`] takes an input, [`Client::effects`] says what it asks for until the next one, and
//! [`Client::wake`] says when it wants to hear [`WAKE`](event::kind::WAKE).

mod client;
pub mod config;
pub mod error;
pub mod event;
pub mod flags;
pub mod json;
pub mod manifest;
pub mod memory;
pub mod names;
pub mod negotiate;
pub mod refresh;
pub mod schedule;
pub mod serial;
pub mod time;
pub mod value;
pub mod version;
pub mod window;

pub use client::Client;
