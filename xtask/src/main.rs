//! Everything a person types in this repository.

mod browser;
mod lint;
mod node;
mod package;
mod pins;
mod rename;
mod server;
mod setup;
mod sim;
mod size;
mod stamp;
mod test;
mod toolchain;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Set up, build and test Trueup.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the npm package: the core to wasm, then target/pkg/ and its tarball target/trueup-VERSION.tgz
    Build {
        /// Quick, for development: without wasm-opt, types and tarball
        #[arg(long)]
        dev: bool,
    },
    /// Install what building and testing need: Debian's packages as root, the npm tools; else print the commands
    Setup {
        /// Also what `test --all` needs: Firefox, WebKit, their drivers
        #[arg(long)]
        all: bool,
    },
    /// Print raw, gzip and brotli sizes of each part and each entry; fails when an entry is above its ceiling
    Size {
        /// Also the minified bytes of each source file in each entry
        #[arg(long)]
        sources: bool,
    },
    /// Run the tests: native, in Node and in Chromium; ends with `N passed, M failed`
    #[command(after_help = test::help())]
    Test {
        /// Also what takes longer: other engines, real bundlers, large simulations, *.slow.test.mjs
        #[arg(long)]
        all: bool,
        /// Names of steps, or parts of the names of tests
        filter: Vec<String>,
    },
    /// Check formatting, lints (native and web), documentation
    Lint,
    /// Build, and serve the demo; prints its address
    Demo {
        /// 0 takes any free port
        #[arg(long, default_value_t = 4173)]
        port: u16,
    },
    /// Build, and run tests/bench/NAME.mjs, which prints its figures
    Bench {
        /// poll, api, flags, …
        name: String,
        /// Passed on
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build, and run files of test cases through the package; ends with `N passed, M failed`
    Conformance {
        /// deprecation, flags, jsonlogic, …: a script tests/conformance/SUITE.mjs
        suite: String,
        /// Files or folders of cases
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Simulate a fleet of clients in virtual time, from seeds; fails at the first violation and prints its seed
    Sim(sim::Setup),
    /// Start the deployment server alone, on what was built before; prints `listening on ADDRESS`
    Serve {
        /// 0 takes any free port
        #[arg(long, default_value_t = 4173)]
        port: u16,
    },
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().task {
        Task::Build { dev } => {
            package::build(if dev { package::Mode::Quick } else { package::Mode::Release })?
        }
        Task::Setup { all } => return setup::setup(all),
        Task::Size { sources } => return size::size(sources),
        Task::Test { all, filter } => return test::test(all, &filter),
        Task::Lint => return lint::lint(),
        Task::Demo { port } => {
            package::build(package::Mode::Release)?;
            serve(port)?;
        }
        Task::Bench { name, arguments } => return node::bench(&name, &arguments),
        Task::Conformance { suite, files } => return node::conformance(&suite, &files),
        Task::Sim(setup) => return sim::sim(&setup),
        Task::Serve { port } => serve(port)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn serve(port: u16) -> Result<()> {
    server::serve(server::Options {
        address: ([127, 0, 0, 1], port).into(),
        other: None,
        package: workspace::package(),
        www: workspace::root().join("www"),
    })
    .await
}
