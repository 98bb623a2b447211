//! The only `#[wasm_bindgen]` exports.

use wasm_bindgen::prelude::*;

/// Placeholder of the first build; replaced by the client.
#[wasm_bindgen]
pub fn compare(a: &str, b: &str) -> i32 {
    use crate::core::version::Version;
    match (Version::parse(a), Version::parse(b)) {
        (Ok(a), Ok(b)) => a.order(&b).map_or(2, |o| o as i32),
        _ => 3,
    }
}
