//! `cargo xtask setup`: installs what is missing, or says which command does. The other subcommands use the same steps
//! for the parts that they need.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::toolchain::{Web, run};
use crate::{pins, workspace};

/// All steps; each that fails says so, and the others still run.
pub fn setup(all: bool) -> Result<ExitCode> {
    let mut steps: Vec<(&str, Result<()>)> = vec![
        ("npm tools", npm_tools()),
        ("wasm toolchain", Web::find().map(|web| println!("wasm is built with {}", web.name()))),
        ("chromium", chromium().map(|found| println!("{}", found.browser.display()))),
        ("wasm-bindgen-test-runner", wasm_test_runner().map(|path| println!("{}", path.display()))),
    ];
    if all {
        steps.push(("firefox", firefox().map(|found| println!("{}", found.browser.display()))));
        steps.push(("webkit", webkit().map(|driver| println!("{}", driver.display()))));
        steps.push(("nginx", nginx().map(|path| println!("{}", path.display()))));
    }
    let mut failed = false;
    for (step, result) in steps {
        if let Err(error) = result {
            failed = true;
            println!("{step}: {error:#}");
        }
    }
    println!("{}", if failed { "not everything is there" } else { "everything is there" });
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A browser and the WebDriver server for it.
pub struct Browser {
    /// The browser's executable.
    pub browser: PathBuf,
    /// Its WebDriver server.
    pub driver: PathBuf,
}

/// The names that Chromium (or Chrome) goes by.
pub const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The names that Firefox goes by.
pub const FIREFOX: &[&str] = &["firefox-esr", "firefox"];

/// Chromium (or Chrome) with chromedriver.
pub fn chromium() -> Result<Browser> {
    let find = || {
        let browser = find(CHROMIUM)?;
        Some(Browser { browser, driver: find_one("chromedriver")? })
    };
    present(find, pins::DEBIAN_CHROMIUM)
}

/// Firefox with geckodriver, which cargo installs into `target/tools`.
pub fn firefox() -> Result<Browser> {
    let browser = present(|| find(FIREFOX), pins::DEBIAN_ENGINES)?;
    let driver = match find_one("geckodriver") {
        Some(driver) => driver,
        None => cargo_tool("geckodriver", pins::GECKODRIVER, "geckodriver")?,
    };
    Ok(Browser { browser, driver })
}

/// WebKit's driver, which brings its own browser; `xvfb-run` with it, because it hangs without a display.
pub fn webkit() -> Result<PathBuf> {
    present(|| find_one("xvfb-run").and_then(|_| find_one("WebKitWebDriver")), pins::DEBIAN_ENGINES)
}

/// nginx, for the hosting recipe in docs/.
pub fn nginx() -> Result<PathBuf> {
    present(|| find_one("nginx"), pins::DEBIAN_NGINX)
}

/// The runner of `wasm-bindgen-test`, of exactly the version of the crate: the one on the path, else one that is built
/// into `target/tools` once.
pub fn wasm_test_runner() -> Result<PathBuf> {
    let (version, program) = (pins::wasm_bindgen()?, "wasm-bindgen-test-runner");
    if let Some(path) = find_one(program) {
        let said = Command::new(&path).arg("--version").output()?;
        if String::from_utf8_lossy(&said.stdout).trim().ends_with(&format!(" {version}")) {
            return Ok(path);
        }
    }
    cargo_tool("wasm-bindgen-cli", &version, program)
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

/// Whether this is Debian (or Ubuntu and the like: apt and its package names).
pub fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

/// Whether we may install Debian's packages: Debian, as root.
pub fn can_install() -> bool {
    let root = || Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
    is_debian() && root()
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

/// What to run to have Debian's packages, for one who is not root.
pub fn debian_command(packages: &[&str]) -> String {
    format!("sudo apt-get install -y --no-install-recommends {}", packages.join(" "))
}

/// The first of these programs that is on the path.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names
        .iter()
        .find_map(|name| env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file()))
}

fn find_one(name: &str) -> Option<PathBuf> {
    find(&[name])
}

/// What `find` finds, if need be after installing Debian's packages.
pub fn present<T>(find: impl Fn() -> Option<T>, packages: &[&str]) -> Result<T> {
    if let Some(found) = find() {
        return Ok(found);
    }
    if can_install() {
        install_debian(packages)?;
        return find().with_context(|| format!("{} were installed, but are not found", packages.join(", ")));
    }
    ensure!(is_debian(), "these are needed (Debian's names): {}", packages.join(", "));
    bail!("run\n  {}", debian_command(packages))
}

/// A program that cargo builds into `target/tools`, at an exact version.
fn cargo_tool(package: &str, version: &str, program: &str) -> Result<PathBuf> {
    let tools = workspace::target().join("tools");
    let (path, stamp) = (tools.join("bin").join(program), tools.join(format!("{program}.version")));
    if path.exists() && fs::read_to_string(&stamp).is_ok_and(|kept| kept == version) {
        return Ok(path);
    }
    eprintln!("building {package} {version} into {} (about 2 minutes, once)", tools.display());
    let mut cargo = Command::new("cargo");
    // Without --locked: its lock asks for versions that a registry mirror may lack.
    cargo.args(["install", "--quiet", "--force", "--version", version, "--bin", program, package, "--root"]);
    cargo.arg(&tools).env("CARGO_TARGET_DIR", tools.join("build")).env_remove("RUSTFLAGS");
    run(cargo.current_dir(env::temp_dir()).stdin(Stdio::null()))?;
    fs::remove_dir_all(tools.join("build")).ok();
    fs::write(stamp, version)?;
    Ok(path)
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(["-q", "-o", "Dpkg::Use-Pty=0"]).args(arguments);
    run(apt.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null()))
}
