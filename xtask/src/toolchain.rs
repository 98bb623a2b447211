//! What compiles for `wasm32-unknown-unknown`, chosen by looking.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{pins, setup, workspace};

/// The target of the core.
pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// A toolchain for the web.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Web {
    /// The target was installed by rustup: its prebuilt std, stable flags. About 6 KB of brotli larger.
    Rustup,
    /// Debian's `rustc-web`: std is built with the crate, by the release recipe.
    Debian,
}

impl Web {
    /// What is there; on Debian as root, what is missing is installed. Debian's packages go before rustup's target
    /// when both are there: only they give the release recipe.
    pub fn find() -> Result<Web> {
        if debian_is_complete() {
            return Ok(Web::Debian);
        }
        if rustup_has_target() {
            return Ok(Web::Rustup);
        }
        if setup::can_install() {
            setup::install_debian(pins::DEBIAN_WASM)?;
            ensure!(
                debian_is_complete(),
                "{} were installed, but do not compile for {TARGET}",
                pins::DEBIAN_WASM.join(", ")
            );
            return Ok(Web::Debian);
        }
        if setup::is_debian() {
            bail!(
                "nothing here compiles for {TARGET}; run one of\n  {}\n  rustup target add {TARGET}",
                setup::debian_command(pins::DEBIAN_WASM)
            );
        }
        bail!("nothing here compiles for {TARGET}; run\n  rustup target add {TARGET}");
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Web::Rustup => "rustup's target (prebuilt std: larger than what is shipped)",
            Web::Debian => "Debian's rustc-web (the release recipe)",
        }
    }

    /// The recipe of the shipped module, as text: part of the build's stamp.
    pub fn recipe(self) -> String {
        format!("{self:?} {:?}", self.release_flags())
    }

    /// `cargo build` of the shipped module, in a target directory that shares nothing with native builds.
    pub fn release(self) -> Command {
        let mut cargo = self.cargo("web");
        cargo.args(["build", "--release", "--package", "trueup", "--lib"]);
        cargo.args(self.release_flags().0).env("RUSTFLAGS", self.release_flags().1);
        cargo
    }

    /// Where `release` leaves the module.
    pub fn release_artefact(self) -> PathBuf {
        workspace::target().join("web").join(TARGET).join("release/trueup.wasm")
    }

    /// Arguments of cargo, and rustc's flags.
    fn release_flags(self) -> (&'static [&'static str], &'static str) {
        match self {
            Web::Rustup => (&[], ""),
            Web::Debian => (
                &["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"],
                "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none",
            ),
        }
    }

    /// This toolchain's cargo for the target, untouched by the variables of the cargo that started us.
    fn cargo(self, dir: &str) -> Command {
        let mut cargo = Command::new(match self {
            Web::Rustup => "cargo",
            Web::Debian => DEBIAN_CARGO,
        });
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let of_cargo = name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
            let of_rustup = self == Web::Debian
                && matches!(
                    name.as_str(),
                    "CARGO" | "RUSTC" | "RUSTDOC" | "RUSTUP_TOOLCHAIN" | "LD_LIBRARY_PATH"
                );
            if of_cargo || of_rustup || name == "CARGO_ENCODED_RUSTFLAGS" {
                cargo.env_remove(name);
            }
        }
        if self == Web::Debian {
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22");
        }
        cargo.env("CARGO_TARGET_DIR", workspace::target().join(dir)).env("CARGO_BUILD_TARGET", TARGET);
        cargo.current_dir(workspace::root()).stdin(Stdio::null());
        cargo
    }
}

/// Debian's compiler, cargo, linker and the sources of std. Its `rustc` without `-web` lacks the last.
fn debian_is_complete() -> bool {
    setup::is_debian()
        && [DEBIAN_RUSTC, DEBIAN_CARGO, "/usr/bin/wasm-ld-22", DEBIAN_SOURCES]
            .iter()
            .all(|p| Path::new(p).exists())
}

/// Whether the `rustc` on the path has a built core for the target.
fn rustup_has_target() -> bool {
    let printed = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let Ok(printed) = printed else { return false };
    let Ok(files) = fs::read_dir(String::from_utf8_lossy(&printed.stdout).trim()) else { return false };
    files.flatten().any(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

/// Runs a command that shows its own output; says what was run when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{status}: {command:?}");
    Ok(())
}
