//! The deployment server: serves the demo and the end-to-end tests.

/// Where the demo is served.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:4173";
