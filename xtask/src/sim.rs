//! `cargo xtask sim`: the simulation of `tests/fleet`, compiled for speed.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::workspace;

/// What to simulate.
#[derive(Args)]
pub struct Setup {
    /// How many runs, each from its own seed
    #[arg(long, default_value_t = 100)]
    pub seeds: u64,
    /// The first seed; with `--seeds 1`, the one to repeat
    #[arg(long, default_value_t = 1)]
    pub first: u64,
    /// Clients in each run
    #[arg(long, default_value_t = 50)]
    pub clients: u32,
    /// Virtual hours of each run
    #[arg(long, default_value_t = 12)]
    pub hours: u32,
    /// Take one guard out (budget, shell, holds, serial, spread, leader, backoff): the run must then fail
    #[arg(long)]
    pub without: Option<String>,
}

/// Runs it; its exit code is ours.
pub fn sim(setup: &Setup) -> Result<ExitCode> {
    if !exists() {
        eprintln!("there is no tests/fleet yet");
        return Ok(ExitCode::from(2));
    }
    let status = command(setup).status().context("cannot start cargo")?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Whether there is a simulation in this tree.
pub fn exists() -> bool {
    workspace::root().join("tests/fleet/Cargo.toml").exists()
}

/// The simulation, built by the profile `fleet`: the release profile is made for size.
pub fn command(setup: &Setup) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--profile", "fleet", "--package", "fleet", "--"]);
    cargo.args(["--seeds", &setup.seeds.to_string(), "--first", &setup.first.to_string()]);
    cargo.args(["--clients", &setup.clients.to_string(), "--hours", &setup.hours.to_string()]);
    if let Some(guard) = &setup.without {
        cargo.args(["--without", guard]);
    }
    cargo.current_dir(workspace::root()).stdin(Stdio::null());
    cargo
}
