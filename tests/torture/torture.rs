//! `make torture`: what can go wrong around the store, done to the real binary for as long as one likes, and a table of
//! what came of it.
//!
//! The faults are those of `tests/it/faults`, which the tests do once; this owns the time each gets, and the table. Ends
//! with an error when anything answered was lost, doubled or could not be read.

// A program for developers: what it cannot do it says by panicking, and the table is its output.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, dead_code)]

#[path = "../it/client.rs"]
mod client;
#[path = "../it/faults/mod.rs"]
mod faults;
#[path = "../it/harness.rs"]
mod harness;
#[path = "../it/payload.rs"]
mod payload;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use faults::{Budget, FAULTS, Fault, Tally};

const HELP: &str = "make torture ARGS=\"[--minutes N] [--only NAME,NAME] [--seed N] [--list]\"

  --minutes  how long altogether, about; default 25
  --only     these faults alone; they share the time
  --seed     of what looks like chance; default: the time, which is printed
  --list     name the faults and end";

struct Args {
    minutes: f64,
    only: Vec<String>,
    seed: u64,
}

fn main() -> ExitCode {
    let args = match read_args() {
        Ok(Some(args)) => args,
        Ok(None) => return ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}\n\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    let chosen: Vec<&Fault> =
        FAULTS.iter().filter(|fault| args.only.is_empty() || args.only.iter().any(|name| name == fault.name)).collect();
    let shares: u32 = chosen.iter().map(|fault| fault.share).sum();
    println!("seed {}, about {} minutes for {} faults\n", args.seed, args.minutes, chosen.len());
    println!(
        "{:<13} {:>7} {:<13} {:>9} {:>6} {:>8} {:>8} {:>6}  {:<7} of what",
        "fault", "tried", "", "answered", "lost", "doubled", "damaged", "s", "verdict"
    );
    let mut failed = 0;
    for fault in chosen {
        let share = f64::from(fault.share) / f64::from(shares.max(1));
        let budget = Budget::long(Duration::from_secs_f64(args.minutes * 60.0 * share), args.seed);
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| (fault.run)(&budget)));
        failed += u32::from(!print_row(fault, &result.map_err(words), started.elapsed()));
    }
    println!("\n{}", if failed == 0 { "nothing was lost" } else { "NOT GOOD: see the rows above" });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_row(fault: &Fault, result: &Result<Tally, String>, took: Duration) -> bool {
    let seconds = took.as_secs();
    let (is_good, notes) = match result {
        Ok(Tally { skipped: Some(why), .. }) => {
            println!("{:<13} {:>69}  NOT TRIED", fault.name, "");
            (true, vec![why.clone()])
        }
        Ok(tally) => {
            let verdict = if tally.is_good() { "good" } else { "FAILED" };
            println!(
                "{:<13} {:>7} {:<13} {:>9} {:>6} {:>8} {:>8} {:>6}  {:<7} {}",
                fault.name,
                tally.tried,
                tally.unit,
                tally.answered,
                tally.lost,
                tally.doubled,
                tally.damaged,
                seconds,
                verdict,
                fault.what
            );
            (tally.is_good(), tally.notes.clone())
        }
        Err(words) => {
            println!("{:<13} {:>62} {seconds:>6}  FAILED  {}", fault.name, "", fault.what);
            (false, vec![words.clone()])
        }
    };
    // The same fault may say the same thing a thousand times.
    notes.iter().take(6).for_each(|note| println!("{:<13} {note}", ""));
    is_good
}

fn words(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_else(|| "it panicked".to_string())
}

fn read_args() -> Result<Option<Args>, String> {
    let now = std::time::UNIX_EPOCH.elapsed().map_or(1, |now| now.as_secs());
    let mut args = Args { minutes: 25.0, only: Vec::new(), seed: now };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            // cargo bench says so to every bench.
            "--bench" => {}
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(None);
            }
            "--list" => {
                FAULTS.iter().for_each(|fault| println!("{:<13} {}", fault.name, fault.what));
                return Ok(None);
            }
            "--minutes" => args.minutes = value()?.parse().map_err(|_| "--minutes takes a number".to_string())?,
            "--seed" => args.seed = value()?.parse().map_err(|_| "--seed takes a number".to_string())?,
            "--only" => args.only = value()?.split(',').map(str::to_string).collect(),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    match args.only.iter().find(|name| !FAULTS.iter().any(|fault| fault.name == **name)) {
        Some(name) => Err(format!("there is no fault {name}: see --list")),
        None => Ok(Some(args)),
    }
}
