//! Everything a person types in this repository.

mod server;

use anyhow::Result;
use xshell::{Shell, cmd};

fn main() -> Result<()> {
    println!("the demo will be served on {}", server::DEFAULT_ADDRESS);
    let sh = Shell::new()?;
    cmd!(sh, "cargo test --workspace").run()?;
    Ok(())
}
