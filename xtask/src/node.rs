//! Scripts and tests that run in Node: the tests, `bench` and `conformance`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::package::{self, Mode};
use crate::test::Tally;
use crate::{setup, workspace};

/// Runs `tests/bench/NAME.mjs` against a fresh build; its exit code is ours.
pub fn bench(name: &str, arguments: &[String]) -> Result<ExitCode> {
    let Some(script) = script("bench", name) else { return Ok(ExitCode::from(2)) };
    package::build(Mode::Release)?;
    exit_code(node()?.arg(script).args(arguments))
}

/// Runs `tests/conformance/SUITE.mjs FILE…` against a fresh build; its exit code is ours.
pub fn conformance(suite: &str, files: &[PathBuf]) -> Result<ExitCode> {
    let Some(script) = script("conformance", suite) else { return Ok(ExitCode::from(2)) };
    let mut missing = files.iter().filter(|file| !file.exists()).peekable();
    if missing.peek().is_some() {
        for file in missing {
            eprintln!("there is no {}", file.display());
        }
        return Ok(ExitCode::from(2));
    }
    // The script runs at the root; the files were named from wherever the person is.
    let files = files.iter().map(std::path::absolute).collect::<Result<Vec<_>, _>>()?;
    package::build(Mode::Release)?;
    exit_code(node()?.arg(script).args(files))
}

/// Runs the tests in `*.test.mjs` below `dirs` whose names contain one of `patterns` (all, if there is none); with `slow`
/// also those in `*.slow.test.mjs`. `None` if there is no such file.
pub fn tests(dirs: &[&str], patterns: &[String], slow: bool) -> Result<Option<Tally>> {
    let mut files = Vec::new();
    for dir in dirs {
        collect(&workspace::root().join(dir), &mut files)?;
    }
    files.retain(|file| slow || !file.to_string_lossy().ends_with(".slow.test.mjs"));
    files.sort();
    if files.is_empty() {
        return Ok(None);
    }
    let counts = workspace::target().join(format!("tally-{}.json", std::process::id()));
    let mut node = node()?;
    node.args(["--test", "--test-reporter=spec", "--test-reporter-destination=stdout"]);
    node.arg(format!("--test-reporter={}", workspace::root().join("xtask/js/tally.mjs").display()));
    node.arg(format!("--test-reporter-destination={}", counts.display()));
    // Names are taken literally: node would read them as regular expressions.
    node.args(patterns.iter().map(|pattern| format!("--test-name-pattern={}", literal(pattern))));
    let status = node.args(&files).status().context("cannot start node")?;
    let counted = fs::read_to_string(&counts).context("node --test left no count")?;
    fs::remove_file(&counts).ok();
    let counted: Counted = serde_json::from_str(&counted)?;
    for file in &counted.empty {
        println!("{file} has no tests");
    }
    if counted.skipped > 0 && patterns.is_empty() {
        println!("{} skipped", counted.skipped);
    }
    Ok(Some(Tally { passed: counted.passed, failed: counted.failed }.and_status(status)))
}

/// What `xtask/js/tally.mjs` counted.
#[derive(Deserialize)]
struct Counted {
    passed: usize,
    failed: usize,
    skipped: usize,
    empty: Vec<String>,
}

/// Node at the root, told where things are: `TRUEUP_PKG` the built package, `TRUEUP_TARBALL` its tarball, `TRUEUP_SERVER`
/// this program (start it with `serve --port 0`), `TRUEUP_CHROMIUM` and `TRUEUP_FIREFOX` the browsers that are there.
fn node() -> Result<Command> {
    let mut node = Command::new("node");
    node.current_dir(workspace::root()).stdin(Stdio::null());
    node.env("TRUEUP_PKG", workspace::package()).env("TRUEUP_TARBALL", workspace::tarball());
    node.env("TRUEUP_SERVER", env::current_exe()?);
    for (name, browser) in [("TRUEUP_CHROMIUM", setup::CHROMIUM), ("TRUEUP_FIREFOX", setup::FIREFOX)] {
        node.envs(setup::find(browser).map(|found| (name, found)));
    }
    Ok(node)
}

/// `tests/KIND/NAME.mjs`; if it is not there, says so, and what is.
fn script(kind: &str, name: &str) -> Option<PathBuf> {
    let dir = workspace::root().join("tests").join(kind);
    let script = dir.join(format!("{name}.mjs"));
    if script.is_file() && !name.contains(['/', '\\']) {
        return Some(script);
    }
    let mut names: Vec<String> = fs::read_dir(&dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.path())
        .filter_map(name_of)
        .collect();
    names.sort();
    eprintln!(
        "there is no {kind} {name}; there is: {}",
        if names.is_empty() { "none yet".to_owned() } else { names.join(", ") }
    );
    None
}

/// The name of a script that a person may run: `flags.mjs`; not what scripts share (`_driver.mjs`).
fn name_of(file: PathBuf) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix(".mjs")?;
    (!name.starts_with('_')).then(|| name.to_owned())
}

fn exit_code(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ensure!(code.is_some(), "{status}: {command:?}");
    Ok(ExitCode::from(code.unwrap_or(1)))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(path).into_iter().flatten() {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, files)?;
        } else if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    Ok(())
}

fn literal(pattern: &str) -> String {
    let special = |c: char| "\\^$.|?*+()[]{}/".contains(c);
    pattern.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_taken_literally() {
        assert_eq!(literal("fetch (POST)"), "fetch \\(POST\\)");
    }
}
