//! `cargo xtask sim`: many runs, and a table of what happened in them.

use std::process::ExitCode;
use std::time::Instant;

use fleet::{Guard, Setup, run, runs};

fn main() -> ExitCode {
    let (mut seeds, mut first) = (100, 1);
    let mut setup = Setup { clients: 50, hours: 12, without: None, trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        let number = value.parse::<u64>();
        match (word.as_str(), number) {
            ("--seeds", Ok(n)) => seeds = n,
            ("--first", Ok(n)) => first = n,
            ("--clients", Ok(n)) if n > 0 => setup.clients = n as u32,
            ("--hours", Ok(n)) if (2..=120).contains(&n) => setup.hours = n as u32,
            ("--trace", Ok(n)) => setup.trace = n > 0,
            ("--without", _) => match Guard::ALL.iter().find(|(name, _)| *name == value) {
                Some((_, guard)) => setup.without = Some(*guard),
                None => return usage(&word, &value),
            },
            _ => return usage(&word, &value),
        }
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let start = Instant::now();
    let (report, violation, ran) = if seeds == 1 {
        let (report, violation) = run(first, setup);
        (report, violation, 1)
    } else {
        runs(first, seeds, setup, threads)
    };
    println!(
        "{ran} of {seeds} seeds from {first} × {} clients × {} h in {:.1} s{}",
        setup.clients,
        setup.hours,
        start.elapsed().as_secs_f64(),
        setup.without.map_or(String::new(), |guard| format!(", without {guard:?}")),
    );
    println!("{}", report.table());
    let Some(violation) = violation else {
        println!("\nno violation; the rarest of these happened {} times", report.least());
        return ExitCode::SUCCESS;
    };
    println!("\nthe last events of seed {}:\n{}", violation.seed, violation.events);
    println!("\nviolation in seed {}: {}", violation.seed, violation.what);
    println!(
        "again: cargo xtask sim --seeds 1 --first {} --clients {} --hours {}",
        violation.seed, setup.clients, setup.hours
    );
    ExitCode::FAILURE
}

fn usage(word: &str, value: &str) -> ExitCode {
    eprintln!("not understood: {word} {value}");
    eprintln!(
        "fleet [--seeds N] [--first N] [--clients N] [--hours 2..120] [--trace 0|1] [--without budget|shell|holds|serial|spread|leader|backoff]"
    );
    ExitCode::from(2)
}
