//! `tests/web.rs` in real browsers, by the runner of wasm-bindgen-test over WebDriver.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use crate::test::{Tally, counted};
use crate::toolchain::{TARGET, Web};
use crate::{setup, workspace};

/// An engine that runs the tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

/// Runs the tests whose name contains one of `names` (all, if there is none); `None` if there is no `tests/web.rs`.
pub fn tests(engine: Engine, names: &[String]) -> Result<Option<Tally>> {
    if !workspace::root().join("tests/web.rs").exists() {
        return Ok(None);
    }
    let runner = setup::wasm_test_runner()?;
    let web = Web::find()?;
    let mut cargo = web.tests()?;
    cargo.args(["test", "--test", "web"]);
    // The runner takes one filter.
    cargo.args(names.first());
    let capabilities = match engine {
        Engine::Chromium => {
            let found = setup::chromium()?;
            cargo.env("CHROMEDRIVER", found.driver);
            json!({ "goog:chromeOptions": { "binary": found.browser, "args": ["--disable-dev-shm-usage"] } })
        }
        Engine::Firefox => {
            let found = setup::firefox()?;
            cargo.env("GECKODRIVER", found.driver);
            json!({ "moz:firefoxOptions": { "binary": found.browser } })
        }
        Engine::WebKit => {
            cargo.env("SAFARIDRIVER", setup::webkit()?);
            cargo = within("xvfb-run", &["-a"], &cargo);
            json!({})
        }
    };
    let file = workspace::target().join(format!("webdriver-{engine:?}.json"));
    fs::write(&file, capabilities.to_string())?;
    cargo.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", file);
    cargo.env(format!("CARGO_TARGET_{}_RUNNER", TARGET.to_uppercase().replace('-', "_")), runner);
    counted(&mut cargo).map(Some)
}

/// `command`, started by another program.
fn within(program: &str, arguments: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(program);
    outer.args(arguments).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    outer
}
