//! Installs what is missing, or says which command does.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};

use crate::toolchain::run;
use crate::workspace;

/// Whether this is Debian (or Ubuntu and the like: apt and its package names).
pub fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

/// Whether we may install Debian's packages: Debian, as root.
pub fn can_install() -> bool {
    is_debian() && is_root()
}

/// Installs Debian's packages; with stale or no package lists, once more after `apt-get update`.
pub fn install_debian(packages: &[&str]) -> Result<()> {
    eprintln!("installing {}", packages.join(" "));
    if apt(&[&["install", "-y", "--no-install-recommends"], packages].concat()).is_err() {
        apt(&["update"])?;
        apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())?;
    }
    Ok(())
}

/// Installs the npm tools of `package.json` where they are missing or of another version.
pub fn npm_tools() -> Result<()> {
    let modules = workspace::root().join("node_modules");
    let (lock, kept) = (workspace::root().join("package-lock.json"), modules.join(".trueup-lock"));
    let lock = fs::read(lock)?;
    if fs::read(&kept).is_ok_and(|kept| kept == lock) {
        return Ok(());
    }
    let node = Command::new("node").arg("--version").output();
    let Ok(node) = node else { bail!("Node 20 or newer is needed: https://nodejs.org") };
    let version = String::from_utf8_lossy(&node.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    ensure!(major.is_some_and(|major| major >= 20), "Node 20 or newer is needed, this is {version}");
    eprintln!("installing the npm tools");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(npm.current_dir(workspace::root()).stdin(Stdio::null()))?;
    fs::write(kept, lock)?;
    Ok(())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| String::from_utf8_lossy(&id.stdout).trim() == "0")
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(["-q", "-o", "Dpkg::Use-Pty=0"]).args(arguments);
    run(apt.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null()))
}
