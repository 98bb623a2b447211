//! JSON: what the page's `JSON.parse` has read, as the glue packs it; and the text that it parses.

#[cfg(not(target_arch = "wasm32"))]
mod parse;
mod unpack;
mod write;

#[cfg(not(target_arch = "wasm32"))]
pub use parse::parse;
pub use unpack::unpack;
pub use write::Json;
