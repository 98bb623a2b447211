//! `cargo xtask build`: the crate to wasm and glue, and with `pkg-template/` to the npm package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::rename::rename;
use crate::stamp::Stamp;
use crate::toolchain::{Web, run};
use crate::{pins, setup, workspace};

/// How much of the work to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// What is shipped: smallest wasm, types, tarball.
    Release,
    /// Without wasm-opt, types and tarball.
    Quick,
}

/// Makes `target/pkg/` and, in a release, the tarball. Does nothing when nothing changed.
pub fn build(mode: Mode) -> Result<()> {
    let start = Instant::now();
    setup::npm_tools()?;
    let web = Web::find()?;
    let wasm = wasm(web, mode)?;
    let made = assemble(&wasm, mode)?;
    let what = if made { "built" } else { "nothing changed in" };
    println!("{what} {} ({:.1} s)", workspace::package().display(), start.elapsed().as_secs_f64());
    if web == Web::Rustup {
        println!(
            "note: rustup's prebuilt std; what is shipped is built with Debian's {}",
            pins::DEBIAN_WASM[0]
        );
    }
    Ok(())
}

/// Where the module (`trueup_bg.wasm`) lies.
pub fn wasm_dir() -> PathBuf {
    workspace::target().join("wasm")
}

/// Compiles, binds and shrinks the module; answers with its directory.
fn wasm(web: Web, mode: Mode) -> Result<PathBuf> {
    let (root, out) = (workspace::root(), wasm_dir());
    let mut stamp = Stamp::of(&format!("{} {mode:?} {OURSELVES:?}", web.recipe()));
    for input in ["Cargo.toml", "Cargo.lock", "src", "package-lock.json"] {
        stamp = stamp.add(&root.join(input))?;
    }
    if stamp.is_at(&out.join("stamp")) {
        return Ok(out);
    }
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    run(&mut web.release())?;
    let mut output = Bindgen::new()
        .input_path(web.release_artefact())
        .out_name("trueup")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .context("wasm-bindgen")?;
    rename(&mut output)?;
    output.emit(&out)?;
    if mode == Mode::Release {
        let module = out.join("trueup_bg.wasm");
        let mut opt = node_tool("wasm-opt");
        run(opt.args(WASM_OPT).arg(&module).arg("-o").arg(&module))?;
        let mut order = Command::new("node");
        run(order.arg(root.join("xtask/js/order.mjs")).arg(&module).stdin(Stdio::null()))?;
    }
    stamp.keep_at(&out.join("stamp"))?;
    Ok(out)
}

/// What decides, besides the recipe, how a module comes out.
const OURSELVES: &[&str] =
    &[include_str!("package.rs"), include_str!("rename.rs"), include_str!("../js/order.mjs")];

/// What is flat after the first `-Oz` is put together anew. What makes two like places in the code differ costs more in
/// brotli than it saves in wasm: so only what is called once and short is inlined, and an expression may be there twice.
/// The stack stands first in memory, so that nothing that is used lies below 1024. Runs of zeros in the data stay: each
/// would cost a segment.
const WASM_OPT: &[&str] = &[
    "--low-memory-unused",
    "--always-inline-max-function-size=0",
    "--flexible-inline-max-function-size=0",
    "--one-caller-inline-max-function-size=50",
    "--skip-pass=local-cse",
    "--skip-pass=simplify-locals",
    "--skip-pass=memory-packing",
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
];

/// Bundles, types and packs; answers whether there was anything to do.
fn assemble(wasm: &Path, mode: Mode) -> Result<bool> {
    let (root, out) = (workspace::root(), workspace::package());
    let mut stamp = Stamp::of(&format!("{mode:?} {}", workspace::VERSION));
    for input in ["pkg-template", "xtask/js", "package-lock.json", "LICENSE-MIT", "LICENSE-APACHE"] {
        stamp = stamp.add(&root.join(input))?;
    }
    stamp = stamp.add(&wasm.join("trueup_bg.wasm"))?;
    let kept = workspace::target().join("pkg.stamp");
    if stamp.is_at(&kept) && out.join("package.json").exists() {
        return Ok(false);
    }
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let mut driver = Command::new("node");
    driver.arg(root.join("xtask/js/build.mjs")).args(["--version", workspace::VERSION]);
    driver.arg("--wasm").arg(wasm).arg("--out").arg(&out);
    driver.arg("--meta").arg(workspace::target().join("pkg-meta"));
    run(driver.current_dir(&root).stdin(Stdio::null()))?;
    if mode == Mode::Release {
        types(&out)?;
        pack(&out)?;
    }
    stamp.keep_at(&kept)?;
    Ok(true)
}

/// The TypeScript that people import: for pages and servers, and for builds.
const TYPED: &[&str] = &["pkg-template", "pkg-template/src/plugin"];

/// All of it: nobody imports the command line.
pub const CHECKED: &[&str] = &["pkg-template", "pkg-template/src/plugin", "pkg-template/src/cli"];

/// Declarations, by the same compiler that checks the sources.
fn types(out: &Path) -> Result<()> {
    for project in TYPED {
        let mut tsc = node_tool("tsc");
        tsc.args(["--project", project, "--outDir"]).arg(out.join("dist"));
        run(&mut tsc).with_context(|| format!("the types of {project}"))?;
    }
    Ok(())
}

fn pack(out: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(workspace::target());
    run(npm.current_dir(out).stdin(Stdio::null()).stdout(Stdio::null()))?;
    ensure!(workspace::tarball().exists(), "npm pack left no {}", workspace::tarball().display());
    Ok(())
}

/// A tool of `node_modules`, run at the root.
pub fn node_tool(name: &str) -> Command {
    let mut tool = Command::new(workspace::root().join("node_modules/.bin").join(name));
    tool.current_dir(workspace::root()).stdin(Stdio::null());
    tool
}
