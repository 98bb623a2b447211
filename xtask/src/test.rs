//! `cargo xtask test`: every kind of test, step by step, and one sum.

use std::io::{BufRead, BufReader, pipe};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::package::{self, Mode};
use crate::{browser, node, setup, sim, workspace};

/// Runs the steps. Words that name a step choose steps; the others filter tests by name.
pub fn test(all: bool, words: &[String]) -> Result<ExitCode> {
    let (chosen, names): (Vec<_>, Vec<_>) = words.iter().cloned().partition(|word| step(word).is_some());
    let run = Run { names, all };
    let mut sum = Tally::default();
    let (mut lines, mut built) = (Vec::new(), None);
    for step in STEPS {
        let asked = chosen.iter().any(|name| name == step.name);
        if !(asked || (chosen.is_empty() && (all || !step.slow))) {
            continue;
        }
        println!("\n== {}: {}", step.name, step.about);
        let start = Instant::now();
        // Built once, before the first step that needs it.
        let ready = !step.packaged || *built.get_or_insert_with(|| report(package::build(Mode::Release)));
        let tally = match ready.then(|| (step.run)(&run)) {
            Some(Ok(tally)) => tally,
            Some(Err(error)) => {
                println!("{error:#}");
                Some(FAILED)
            }
            None => {
                println!("not run: the package was not built");
                Some(FAILED)
            }
        };
        let tally = match tally {
            Some(Tally { passed: 0, failed: 0 }) if run.names.is_empty() => {
                println!("there are tests here, but none ran");
                Some(FAILED)
            }
            tally => tally,
        };
        let seconds = start.elapsed().as_secs_f64();
        lines.push(match tally {
            Some(tally) => format!("{:<10}{tally} ({seconds:.1} s)", step.name),
            None => format!("{:<10}no such tests yet", step.name),
        });
        sum = sum.and(tally.unwrap_or_default());
    }
    if sum == Tally::default() {
        lines.push("no test ran".to_owned());
        sum = FAILED;
    }
    println!("\n{}\n{sum}", lines.join("\n"));
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The steps with what they do, for `--help`.
pub fn help() -> String {
    let line = |step: &Step| {
        format!(
            "  {:<10}{}{}",
            step.name,
            step.about,
            if step.slow { " (with --all, or by name)" } else { "" }
        )
    };
    format!("Steps:\n{}", STEPS.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
}

const PASSED: Tally = Tally { passed: 1, failed: 0 };
const FAILED: Tally = Tally { passed: 0, failed: 1 };

impl Tally {
    fn and(self, other: Tally) -> Tally {
        Tally { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }

    /// A run that failed without a failed test (it did not compile, a hook threw, it crashed) is a failure.
    pub fn and_status(self, status: ExitStatus) -> Tally {
        if status.success() || self.failed > 0 { self } else { self.and(FAILED) }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs a command of cargo, shows what it prints, and counts the tests in it.
pub fn counted(command: &mut Command) -> Result<Tally> {
    let (reader, writer) = pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    // Our ends of the pipe must close, or reading never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut tally = Tally::default();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally = tally.and(count(&line));
    }
    Ok(tally.and_status(child.wait()?))
}

/// What was asked for.
struct Run {
    names: Vec<String>,
    all: bool,
}

/// Answers `None` where there is no test of this kind in the tree.
type Outcome = Result<Option<Tally>>;

struct Step {
    name: &'static str,
    about: &'static str,
    /// Only with `--all` or by name.
    slow: bool,
    /// Needs `target/pkg`.
    packaged: bool,
    run: fn(&Run) -> Outcome,
}

const STEPS: &[Step] = &[
    Step { name: "native", about: "the core, on this machine", slow: false, packaged: false, run: native },
    Step {
        name: "xtask",
        about: "the tools and the deployment server",
        slow: false,
        packaged: false,
        run: xtask,
    },
    Step {
        name: "types",
        about: "tsc --strict over the package's sources",
        slow: false,
        packaged: true,
        run: types,
    },
    Step { name: "node", about: "the package in Node", slow: false, packaged: true, run: in_node },
    Step { name: "web", about: "tests/web.rs in headless Chromium", slow: false, packaged: false, run: web },
    Step {
        name: "e2e",
        about: "the package in Chromium against the deployment server",
        slow: false,
        packaged: true,
        run: e2e,
    },
    Step {
        name: "packaging",
        about: "the tarball in real bundlers",
        slow: true,
        packaged: true,
        run: packaging,
    },
    Step { name: "firefox", about: "tests/web.rs in Firefox", slow: true, packaged: false, run: firefox },
    Step { name: "webkit", about: "tests/web.rs in WebKitGTK", slow: true, packaged: false, run: webkit },
    Step {
        name: "sim",
        about: "1,000 seeds of a simulated fleet",
        slow: true,
        packaged: false,
        run: simulation,
    },
];

fn step(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

fn native(run: &Run) -> Outcome {
    let documented = cargo_tests(&["test", "--doc", "--package", "trueup"], run)?;
    Ok(Some(cargo_unit(&["--workspace", "--exclude", "xtask"], run)?.and(documented)))
}

fn xtask(run: &Run) -> Outcome {
    cargo_unit(&["--package", "xtask"], run).map(Some)
}

fn types(run: &Run) -> Outcome {
    if !run.names.is_empty() {
        return Ok(None);
    }
    setup::npm_tools()?;
    let mut tally = Tally::default();
    for project in package::CHECKED {
        let mut tsc = package::node_tool("tsc");
        let status =
            tsc.args(["--project", project, "--noEmit", "--emitDeclarationOnly", "false"]).status()?;
        tally = tally.and(if status.success() { PASSED } else { FAILED });
    }
    Ok(Some(tally))
}

fn in_node(run: &Run) -> Outcome {
    if run.all {
        setup::nginx()?;
    }
    node::tests(&["pkg-template/test", "tests/node"], &run.names, run.all)
}

fn web(run: &Run) -> Outcome {
    browser::tests(browser::Engine::Chromium, &run.names)
}

fn firefox(run: &Run) -> Outcome {
    browser::tests(browser::Engine::Firefox, &run.names)
}

fn webkit(run: &Run) -> Outcome {
    browser::tests(browser::Engine::WebKit, &run.names)
}

fn e2e(run: &Run) -> Outcome {
    setup::chromium()?;
    if run.all {
        setup::firefox()?;
    }
    node::tests(&["tests/e2e"], &run.names, run.all)
}

fn packaging(run: &Run) -> Outcome {
    setup::chromium()?;
    node::tests(&["tests/packaging"], &run.names, true)
}

fn simulation(run: &Run) -> Outcome {
    if !sim::exists() || !run.names.is_empty() {
        return Ok(None);
    }
    let setup = sim::Setup { seeds: 1_000, first: 1, clients: 50, hours: 12, without: None };
    let status = sim::command(&setup).status()?;
    Ok(Some(if status.success() { PASSED } else { FAILED }))
}

/// Unit and integration tests, by nextest where it is there.
fn cargo_unit(packages: &[&str], run: &Run) -> Result<Tally> {
    if setup::find(&["cargo-nextest"]).is_some() {
        // With a filter a step may well have no test of that name.
        let none = if run.names.is_empty() { "--no-tests=fail" } else { "--no-tests=pass" };
        cargo_tests(&[&["nextest", "run", none], packages].concat(), run)
    } else {
        cargo_tests(&[&["test", "--all-targets"], packages].concat(), run)
    }
}

/// Ignored tests (large simulations) run with `--all`.
fn cargo_tests(arguments: &[&str], run: &Run) -> Result<Tally> {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(workspace::root());
    if arguments.contains(&"nextest") {
        cargo.args(&run.names).args(run.all.then_some("--run-ignored=all"));
    } else {
        // libtest takes several filters, but only after `--`.
        cargo.arg("--").args(&run.names).args(run.all.then_some("--include-ignored"));
    }
    counted(&mut cargo)
}

/// The count in a line that nextest or libtest (also in a browser) sums up with.
fn count(line: &str) -> Tally {
    let (line, nextest) = (line.trim(), line.trim_start().starts_with("Summary ["));
    if !(nextest || line.starts_with("test result: ")) {
        return Tally::default();
    }
    // "3 passed", "2 timed out": the number that stands before the word.
    let before = |word: &str| {
        let words: Vec<&str> = line.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
        let at = words.iter().position(|here| *here == word).unwrap_or(0);
        at.checked_sub(1).and_then(|at| words[at].parse().ok()).unwrap_or(0)
    };
    Tally { passed: before("passed"), failed: before("failed") + before("timed") }
}

fn report(result: Result<()>) -> bool {
    if let Err(error) = &result {
        println!("{error:#}");
    }
    result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_each_test_runner_are_read() {
        let tally = |passed, failed| Tally { passed, failed };
        assert_eq!(count("     Summary [   0.012s] 4 tests run: 4 passed, 2 skipped"), tally(4, 0));
        assert_eq!(
            count("     Summary [   1.2s] 5 tests run: 3 passed (1 slow), 2 failed, 0 skipped"),
            tally(3, 2)
        );
        assert_eq!(
            count("     Summary [   1.2s] 3 tests run: 1 passed, 2 timed out, 0 skipped"),
            tally(1, 2)
        );
        assert_eq!(
            count("test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"),
            tally(7, 0)
        );
        assert_eq!(count("test result: FAILED. 7 passed; 3 failed; 0 ignored"), tally(7, 3));
        assert_eq!(count("test a_test_that_passed ... ok"), tally(0, 0));
    }

    #[test]
    fn a_crash_without_a_failed_test_counts_as_failed() {
        let mut crash = Command::new("sh");
        let tally = counted(crash.args(["-c", "echo 'test result: ok. 2 passed; 0 failed;'; exit 3"]));
        assert_eq!(tally.expect("started"), Tally { passed: 2, failed: 1 });
    }
}
