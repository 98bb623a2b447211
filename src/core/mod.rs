//! Decides. No clock, no randomness, no I/O, no browser type.

pub mod error;
pub mod time;
pub mod value;
pub mod version;
