//! Everything a person types in this repository.

mod server;

use std::path::Path;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the deployment server alone.
    Serve {
        /// 0 takes any free port.
        #[arg(long, default_value_t = 4173)]
        port: u16,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let Command::Serve { port } = Arguments::parse().command;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    server::serve(server::Options {
        address: ([127, 0, 0, 1], port).into(),
        other: None,
        package: root.join("target/pkg"),
        www: root.join("www"),
    })
    .await
}
