//! What compiles for `wasm32-unknown-unknown`, chosen by looking.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::stamp::Stamp;
use crate::{pins, setup, workspace};

/// The target of the core.
pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";
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

    /// cargo for the browser tests: plain std, because tests do not build with immediate-abort.
    pub fn tests(self) -> Result<Command> {
        let mut cargo = self.cargo("web-tests");
        if self == Web::Debian {
            cargo.env("RUSTFLAGS", format!("--sysroot={}", sysroot()?.display()));
            cargo.env_remove("RUSTC_BOOTSTRAP");
        }
        Ok(cargo)
    }

    /// Debian's clippy for the target, told what to lint by the caller.
    pub fn clippy(self) -> Result<Command> {
        let mut cargo = self.tests()?;
        match self {
            Web::Rustup => {
                cargo.arg("clippy");
                Ok(cargo)
            }
            Web::Debian => {
                setup::present(|| Path::new(DEBIAN_CLIPPY).exists().then_some(()), pins::DEBIAN_CLIPPY)?;
                // Not by `cargo clippy`: cargo looks into rustup's directory first.
                let mut clippy = Command::new(DEBIAN_CLIPPY);
                clippy
                    .arg("clippy")
                    .env("CARGO", DEBIAN_CARGO)
                    .current_dir(workspace::root())
                    .stdin(Stdio::null());
                for (name, value) in cargo.get_envs().filter(|(name, _)| *name != "CARGO") {
                    match value {
                        Some(value) => clippy.env(name, value),
                        None => clippy.env_remove(name),
                    };
                }
                Ok(clippy)
            }
        }
    }

    /// Arguments of cargo, and rustc's flags. Reference types would bring wasm-bindgen's table of them: nothing of ours is
    /// one, only text and numbers cross. The data begins where the stack ends: below 1 MiB, an address is one byte less.
    fn release_flags(self) -> (&'static [&'static str], &'static str) {
        match self {
            Web::Rustup => (&[], "-Ctarget-feature=-reference-types"),
            Web::Debian => (
                &["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"],
                "-Ctarget-feature=-reference-types -Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none \
                 -Cllvm-args=-inline-threshold=0 -Cllvm-args=-disable-lsr -Cllvm-args=-enable-pre=false \
                 -Clink-arg=-zstack-size=1032192",
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

/// A sysroot with a built std for the target, made once from Debian's sources. The crates of std are built as for any
/// crate, and kept: from then on neither `-Zbuild-std` nor `RUSTC_BOOTSTRAP` is needed.
fn sysroot() -> Result<PathBuf> {
    let (sysroot, work) = (workspace::target().join("sysroot"), workspace::target().join("sysroot-build"));
    let rustc = Command::new(DEBIAN_RUSTC).arg("-vV").output()?;
    let stamp = Stamp::of(&format!("{} {STD}", String::from_utf8_lossy(&rustc.stdout)));
    if stamp.is_at(&sysroot.join("stamp")) {
        return Ok(sysroot);
    }
    eprintln!("building std for {TARGET} (about a minute, once)");
    for dir in [&sysroot, &work] {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
    }
    fs::create_dir_all(work.join("src"))?;
    fs::write(work.join("src/lib.rs"), "")?;
    fs::write(work.join("Cargo.toml"), "[workspace]\n[package]\nname = \"nothing\"\nedition = \"2024\"\n")?;
    let mut cargo = Web::Debian.cargo("sysroot-build/target");
    cargo.args(["build", "--quiet", "--release", STD]).env("RUSTFLAGS", "-Cembed-bitcode=yes");
    run(cargo.current_dir(&work))?;
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libraries)?;
    for file in fs::read_dir(work.join("target").join(TARGET).join("release/deps"))? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libnothing") {
            fs::copy(file.path(), libraries.join(name))?;
        }
    }
    let host = "x86_64-unknown-linux-gnu";
    std::os::unix::fs::symlink(
        Path::new("/usr/lib/rustlib").join(host),
        sysroot.join("lib/rustlib").join(host),
    )?;
    fs::remove_dir_all(&work)?;
    stamp.keep_at(&sysroot.join("stamp"))?;
    Ok(sysroot)
}

const STD: &str = "-Zbuild-std=std,panic_abort,test";

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
