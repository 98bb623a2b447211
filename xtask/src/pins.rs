//! The one place for the versions of tools.
//!
//! - tools that cargo installs: the constants here;
//! - npm tools: `package.json` at the root (with its lock), because Node and the tests resolve them from there;
//! - wasm-bindgen: `Cargo.toml`, because the crate, the library that writes the glue and the test runner must be one
//!   version; read here from the lock.
//!
//! The tests of this module refuse a version that is not exact.

use anyhow::{Context, Result};

/// The npm tools, as pinned.
#[cfg(test)]
pub const NPM_TOOLS: &str = include_str!("../../package.json");

/// Drives Firefox; installed by cargo, because Debian has no package of it.
pub const GECKODRIVER: &str = "0.37.1";

/// Debian's packages that build for `wasm32-unknown-unknown` (`Web::Debian` in `toolchain.rs`).
pub const DEBIAN_WASM: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// Debian's clippy of the same compiler, for what only compiles for the web.
pub const DEBIAN_CLIPPY: &[&str] = &["rust-web-clippy"];

/// Debian's packages that run the browser tests.
pub const DEBIAN_CHROMIUM: &[&str] = &["chromium", "chromium-driver"];

/// Debian's packages that run the browser tests in the other engines.
pub const DEBIAN_ENGINES: &[&str] = &["firefox-esr", "webkit2gtk-driver", "xvfb", "xauth"];

/// Debian's package of the web server that the hosting recipe is tried with.
pub const DEBIAN_NGINX: &[&str] = &["nginx"];

/// The exact version of wasm-bindgen: of the crate, the library that writes the glue, and the test runner.
pub fn wasm_bindgen() -> Result<String> {
    locked("wasm-bindgen").context("Cargo.lock names no wasm-bindgen")
}

/// The version of `package` in `Cargo.lock`, if there is exactly one.
fn locked(package: &str) -> Option<String> {
    let name = format!("\nname = \"{package}\"\nversion = \"");
    let mut found = include_str!("../../Cargo.lock").split(&name).skip(1);
    let version = found.next()?.split('"').next()?;
    found.next().is_none().then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glue_the_crate_and_the_test_runner_are_one_version() {
        assert_eq!(locked("wasm-bindgen"), locked("wasm-bindgen-cli-support"));
        assert!(wasm_bindgen().is_ok());
    }

    #[test]
    fn every_npm_tool_has_an_exact_version() {
        let tools: serde_json::Value = serde_json::from_str(NPM_TOOLS).expect("package.json is JSON");
        let tools = tools["devDependencies"].as_object().expect("devDependencies");
        assert!(!tools.is_empty());
        for (name, version) in tools {
            let version = version.as_str().expect("a version");
            assert!(
                version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
                    && version.starts_with(|c: char| c.is_ascii_digit()),
                "{name}: {version} is a range or a tag"
            );
        }
    }

    #[test]
    fn the_lock_names_no_registry_host() {
        assert!(!include_str!("../../package-lock.json").contains("\"resolved\""));
    }
}
