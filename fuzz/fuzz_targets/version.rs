//! See `../src/targets.rs`.
#![no_main]

#[path = "../src/targets.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::version(data));
