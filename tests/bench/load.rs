//! `make bench`: a load generator against the real binary, with the limits of the machine measured beside it.
//!
//! Not a micro benchmark and not a test of speed: it starts the release binary on an empty data directory on a real
//! disk, sends what SDKs send, and prints what it promises beside what was measured, then how that came about. It fails
//! when an answer is not 200 or when the server kept another number than it accepted, and never because of a time.
//!
//! | file | owns |
//! |---|---|
//! | `errors`, `spans` | what is sent, made from the captures in `tests/fixtures` |
//! | `client` | connections, pace, latencies |
//! | `server` | the process under load; its CPU, memory, commits and disk |
//! | `large` | large datasets: what reading them, keeping them and starting with them costs |
//! | `raw`, `limits` | the same requests to a server that only keeps them; bare decoding |
//! | `figures` | the promises, row by row |
//! | `machine`, `table` | what else is printed |
//!
//! The generator shares the cores with the server, so on a small machine the rates are those of both together;
//! CPU per request is the server's alone.

// A benchmark is a program for a terminal, and there is nothing to do about a failure but to stop.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod client;
mod errors;
mod figures;
mod large;
mod limits;
mod machine;
mod raw;
mod seed;
mod server;
mod spans;
mod table;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;

use client::{Load, Work, drive};
use errors::ErrorMaker;
use figures::Figure;
use large::Sizes;
use server::{Cpu, Disk, Server, cpu_of, cpu_of_machine};
use spans::Template;
use table::{Measured, Scenario};

/// Loads a trapline with Sentry errors and OpenTelemetry spans and prints what it took.
#[derive(Parser)]
struct Options {
    /// Runs of every scenario; medians are printed
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of every scenario
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Connections of the loaded scenarios
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// One run of 2 seconds each and small datasets: does it work at all?
    #[arg(long)]
    quick: bool,
    /// The datasets that the targets are about: 10 million spans, a million errors over 10,000 issues, a file of 10 GB
    #[arg(long)]
    full: bool,
    /// Spans and errors of the large datasets, in place of theirs
    #[arg(long)]
    spans: Option<usize>,
    #[arg(long)]
    errors: Option<usize>,
    /// Leaves the large datasets where they were made
    #[arg(long)]
    keep: bool,
    /// Scenarios whose name contains this; `large` for the large datasets
    #[arg(long, default_value = "")]
    only: String,
    /// Error envelopes to make before the start [default: 5000 for every second]
    #[arg(long)]
    bodies: Option<usize>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Another trapline to measure, such as one of last month
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write some of the envelopes and batches to this folder and stop
    #[arg(long)]
    dump: Option<PathBuf>,
    #[arg(long, hide = true)]
    raw_server: Option<PathBuf>,
    /// Given by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

struct Bench {
    options: Options,
    duration: Duration,
    binary: PathBuf,
    root: PathBuf,
    bodies: Vec<Vec<u8>>,
    templates: Vec<Template>,
}

fn main() {
    let mut options = Options::parse();
    if let Some(dir) = &options.raw_server {
        raw::serve(dir);
    }
    // `cargo test --benches` runs it too, without saying --bench.
    options.quick |= !options.bench;
    if options.quick {
        options.runs = 1;
        options.seconds = 2.0;
    }
    let binary = options.binary.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_trapline")));
    let binary = std::path::absolute(binary).expect("a path");
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let machine = machine::describe(&root);
    if machine::filesystem(&root) == "tmpfs" {
        say("the data directory is on tmpfs, where a sync costs nothing: these numbers say little");
    }
    let bodies = make_envelopes(&options);
    let templates = Template::all(options.seed);
    if let Some(folder) = &options.dump {
        return dump(folder, &bodies, &templates);
    }
    let duration = Duration::from_secs_f64(options.seconds);
    let bench = Bench { options, duration, binary, root, bodies, templates };
    let (scenarios, decoding) = bench.run();
    let mut figures = figures_of(&scenarios);
    if "large".contains(&bench.options.only) {
        let mut sizes = match (bench.options.full, bench.options.quick) {
            (true, _) => Sizes::FULL,
            (false, true) => Sizes::QUICK,
            (false, false) => Sizes::BOUNDED,
        };
        sizes.spans = bench.options.spans.unwrap_or(sizes.spans);
        sizes.events = bench.options.errors.unwrap_or(sizes.events);
        large::measure(&bench, sizes, &mut figures);
    }

    println!("\ntrapline load: {machine}");
    println!(
        "medians of {} runs of {} s, each on an empty data directory; seed {}",
        bench.options.runs, bench.options.seconds, bench.options.seed
    );
    println!(
        "errors: {} distinct envelopes of {:.0} B gzip level 9, {} bugs; spans: {} per batch, {:.0} B protobuf, not compressed",
        bench.bodies.len(),
        mean(bench.bodies.iter().map(Vec::len)),
        errors::BUGS,
        spans::SPANS,
        mean(bench.templates.iter().map(|template| template.bytes().len())),
    );
    println!("generator and server share these cores: rates are those of both together, CPU is the server's alone");
    figures::print(&figures);
    if !scenarios.is_empty() {
        table::print(&scenarios, &decoding);
    }
}

const ERRORS: &str = "errors";
const ERRORS_PACED: &str = "errors, 500/s";
const ERRORS_FAST: &str = "errors, 1000/s";
const FLOOD: &str = "errors, flood";
const SPANS: &str = "spans";
const FLOOD_CONNECTIONS: usize = 512;

/// The rows that the scenarios give; those of the large datasets come after them.
fn figures_of(scenarios: &[Scenario]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for scenario in scenarios {
        let of = |value: fn(&Measured) -> f64| scenario.median(value);
        let per_s = of(|run| run.per_s);
        let of_raw = per_s / of(|run| run.raw_per_s) * 100.0;
        match scenario.name {
            ERRORS => {
                let note = format!(" at {:.0} us of CPU; stretch 6000", of(|run| run.cpu_us));
                figures.push(Figure::at_least("durable errors acknowledged", 4_000.0, per_s, "/s").note(&note));
                let note = format!(" of {:.0}/s at {:.0} us", of(|run| run.raw_per_s), of(|run| run.raw_cpu_us));
                figures.push(Figure::at_least("  of the raw limit", 70.0, of_raw, "%").note(&note));
            }
            ERRORS_PACED => {
                figures.push(Figure::at_most("acknowledgement at 500/s, p50", 5.0, of(|run| run.p50_ms), "ms"));
                figures.push(Figure::at_most("acknowledgement at 500/s, p99", 30.0, of(|run| run.p99_ms), "ms"));
                figures.push(Figure::at_most("memory when idle", 30.0, of(|run| run.idle_mib), "MiB"));
            }
            ERRORS_FAST => {
                figures.push(Figure::at_most("memory at 1000 errors/s", 120.0, of(|run| run.peak_mib), "MiB"));
            }
            FLOOD => {
                let what = format!("memory in a flood of {FLOOD_CONNECTIONS} connections");
                figures.push(Figure::at_most(what, 256.0, of(|run| run.peak_mib), "MiB"));
            }
            _ => {
                let per_core = 1e6 / (of(|run| run.cpu_us) / scenario.units);
                let note = format!(" ({:.0}/s in all, {of_raw:.0} % of the raw limit)", per_s * scenario.units);
                figures.push(Figure::at_least("durable spans per core used", 50_000.0, per_core, "/s").note(&note));
            }
        }
    }
    figures
}

impl Bench {
    fn fixtures(&self) -> PathBuf {
        fixtures()
    }

    fn run(&self) -> (Vec<Scenario>, Vec<limits::Decoding>) {
        let many = self.options.connections;
        let plan: Vec<(&'static str, bool, usize, Option<f64>)> = vec![
            (ERRORS, false, many, None),
            (ERRORS_PACED, false, 16, Some(500.0)),
            (ERRORS_FAST, false, 16, Some(1000.0)),
            (FLOOD, false, FLOOD_CONNECTIONS, None),
            (SPANS, true, many.min(16), None),
        ];
        let plan: Vec<_> = plan.into_iter().filter(|(name, ..)| name.contains(&self.options.only)).collect();
        let mut scenarios: Vec<Scenario> = plan
            .iter()
            .map(|(name, is_spans, ..)| Scenario {
                name,
                unit: if *is_spans { "span" } else { "event" },
                units: if *is_spans { spans::SPANS as f64 } else { 1.0 },
                runs: Vec::new(),
            })
            .collect();
        let mut decoding = Vec::new();
        for run in 0..self.options.runs {
            for ((name, is_spans, connections, rate), scenario) in plan.iter().zip(&mut scenarios) {
                let load = Load { connections: *connections, duration: self.duration, rate: *rate };
                let mut measured = self.measure(*is_spans, &load);
                if *name == ERRORS || *name == SPANS {
                    self.measure_raw(*is_spans, &load, &mut measured);
                }
                say(&format!(
                    "run {} of {}: {name}: {:.0} req/s, p50 {:.2} ms, {:.0} µs of CPU per request, other programs {:.2} cores",
                    run + 1,
                    self.options.runs,
                    measured.per_s,
                    measured.p50_ms,
                    measured.cpu_us,
                    measured.other_cores
                ));
                scenario.runs.push(measured);
            }
            decoding.push(limits::decoding(&self.bodies, &self.templates, Duration::from_millis(500)));
        }
        (scenarios, decoding)
    }

    /// One scenario on a server of its own.
    fn measure(&self, is_spans: bool, load: &Load) -> Measured {
        let data_dir = tempfile::tempdir_in(&self.root).expect("a folder in target");
        let server = Server::start(&self.binary, data_dir.path());
        std::thread::sleep(Duration::from_millis(500));
        let idle = server.memory("VmRSS");
        let work = self.work(is_spans, &server, false);
        let now = || (server.cpu(), cpu_of("self"), cpu_of_machine(), server.commits(), server.written());
        let mut before = None;
        let sent = drive(server.address, &work, load, || before = Some(now()));
        let (before, after) = (before.expect("called before the clock started"), now());
        let cpu = spent(before.0, after.0);
        let generator = spent(before.1, after.1).total();
        let machine = before.2.zip(after.2).map_or(f64::NAN, |(before, after)| after - before);
        let others = (machine - cpu.total() - generator).max(0.0);
        let written = before.4.zip(after.4).map_or(f64::NAN, |(before, after)| (after - before) as f64);
        let commits = after.3.zip(before.3).map_or(f64::NAN, |(now, then)| f64::from(now.wrapping_sub(then)));
        let peak = server.memory("VmHWM");
        server.stop();
        if sent.ran_out {
            say(&format!("  all envelopes were sent after {:.1} s: --bodies makes more", sent.elapsed.as_secs_f64()));
        }
        let disk = Disk::read(data_dir.path());
        let units = (if is_spans { sent.total * spans::SPANS } else { sent.total }) as f64;
        let kept = if is_spans { disk.spans } else { disk.events };
        assert_eq!(kept as f64, units, "the server kept another number than it accepted");
        let requests = sent.measured as f64;
        Measured {
            per_s: sent.per_second(),
            p50_ms: sent.percentile_ms(50.0),
            p99_ms: sent.percentile_ms(99.0),
            cpu_us: cpu.total() * 1e6 / requests,
            system_us: cpu.system * 1e6 / requests,
            written_bytes: written / requests,
            generator_cores: generator / sent.elapsed.as_secs_f64(),
            other_cores: others / sent.elapsed.as_secs_f64(),
            idle_mib: mib(idle),
            peak_mib: mib(peak),
            per_commit: requests / commits,
            file_bytes: disk.file_bytes as f64 / units,
            used_bytes: disk.used_bytes as f64 / units,
            requests,
            parts: disk.parts.into_iter().map(|(name, bytes)| (name, bytes as f64 / units)).collect(),
            issues: disk.issues as f64,
            raw_per_s: f64::NAN,
            raw_cpu_us: f64::NAN,
            raw_system_us: f64::NAN,
        }
    }

    /// The same requests to the server that only keeps them.
    fn measure_raw(&self, is_spans: bool, load: &Load, measured: &mut Measured) {
        let dir = tempfile::tempdir_in(&self.root).expect("a folder in target");
        let server = Server::start_raw(dir.path());
        let work = self.work(is_spans, &server, true);
        let duration = load.duration.min(Duration::from_secs(5));
        let mut before = None;
        let sent = drive(server.address, &work, &Load { duration, ..*load }, || before = server.cpu());
        let cpu = spent(before, server.cpu());
        measured.raw_per_s = sent.per_second();
        measured.raw_cpu_us = cpu.total() * 1e6 / sent.measured as f64;
        measured.raw_system_us = cpu.system * 1e6 / sent.measured as f64;
    }

    fn work(&self, is_spans: bool, server: &Server, repeat: bool) -> Work<'_> {
        if is_spans {
            Work::Spans { templates: &self.templates, seed: self.options.seed, count: usize::MAX }
        } else {
            Work::Errors { bodies: &self.bodies, key: server.key.clone(), repeat }
        }
    }
}

fn make_envelopes(options: &Options) -> Vec<Vec<u8>> {
    let count = match options.bodies {
        Some(count) => count,
        // Enough for two seconds of the large part.
        None if !options.only.is_empty() && !ERRORS.contains(&options.only) => 10_000,
        None => (5000.0 * options.seconds) as usize,
    };
    let begin = Instant::now();
    say(&format!("making {count} error envelopes"));
    let progress = |made: usize| {
        if made.is_multiple_of(10_000) {
            say(&format!("  {made}"));
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let bodies =
        ErrorMaker::new(&fixtures(), options.seed, errors::BUGS).envelopes(count, now.as_millis() as u64, progress);
    say(&format!("  made in {:.1} s", begin.elapsed().as_secs_f64()));
    bodies
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn dump(folder: &Path, bodies: &[Vec<u8>], templates: &[Template]) {
    std::fs::create_dir_all(folder).expect("a folder");
    for (no, body) in bodies.iter().take(200).enumerate() {
        std::fs::write(folder.join(format!("error-{no:03}.envelope")), errors::gunzip(body)).expect("a file");
    }
    for (no, template) in templates.iter().enumerate() {
        let mut batch = Vec::new();
        template.write(&mut seed::Seed::new(1, no as u64), 1_800_000_000_000_000_000, &mut batch);
        std::fs::write(folder.join(format!("spans-{no:03}.pb")), batch).expect("a file");
    }
}

fn spent(before: Option<Cpu>, after: Option<Cpu>) -> Cpu {
    let unknown = Cpu { user: f64::NAN, system: f64::NAN };
    before.zip(after).map_or(unknown, |(before, after)| after.since(before))
}

fn mib(bytes: Option<u64>) -> f64 {
    bytes.map_or(f64::NAN, |bytes| bytes as f64 / f64::from(1 << 20))
}

fn mean(lengths: impl ExactSizeIterator<Item = usize>) -> f64 {
    let count = lengths.len().max(1) as f64;
    lengths.sum::<usize>() as f64 / count
}

/// Progress goes to standard error, so that the table alone can be kept.
fn say(text: &str) {
    eprintln!("{text}");
}
