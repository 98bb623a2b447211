//! `cargo xtask lint`: what has to be clean besides the tests.

use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;

use crate::toolchain::{Web, run};
use crate::workspace;

/// Runs all checks, also after one has failed.
pub fn lint() -> Result<ExitCode> {
    type Check = (&'static str, fn() -> Result<()>);
    let checks: [Check; 4] = [
        ("formatting", formatting),
        ("clippy", clippy),
        ("clippy for the web", clippy_web),
        ("documentation", documentation),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        println!("== {name}");
        if let Err(error) = check() {
            println!("{error:#}");
            failed.push(name);
        }
    }
    println!(
        "{}",
        if failed.is_empty() { "clean".to_owned() } else { format!("not clean: {}", failed.join(", ")) }
    );
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn formatting() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// `src/browser` and `tests/web.rs` exist for the web only.
fn clippy_web() -> Result<()> {
    let mut clippy = Web::find()?.clippy()?;
    clippy.args(["--package", "trueup", "--lib"]);
    if workspace::root().join("tests/web.rs").exists() {
        clippy.args(["--test", "web"]);
    }
    run(clippy.args(["--", "-D", "warnings"]))
}

fn documentation() -> Result<()> {
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps"]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings -D missing_docs"))
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace::root()).stdin(Stdio::null());
    cargo
}
