//! `make bench` measures the server under load; this measures one event on one core, stage by stage: `make bench-route`.
//!
//! What is timed is an envelope of one Django error, from decompressed bytes to the finished `Write`: decode and
//! normalise, scrub, group and title, compress. The errors are those of `errors`: the captures
//! `sentry-python-2.75.0/django-chained-error` and `django-integrity-error` of `tests/fixtures`, their frames stacked
//! to 30 as a grown project has them, about 35 kB of JSON each, every one with other values. Beside it, in the same
//! run and on the same bytes, `serde_json` into a `Value` alone: the ratio is what can be compared across machines.
//!
//! Medians of single passes on one thread: the machine may be busy, a pass that was interrupted is not the median.

// A benchmark is a program for a terminal, and there is nothing to do about a failure but to stop.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code, reason = "the load generator uses the rest")]
mod errors;
#[allow(dead_code, reason = "the load generator uses the rest")]
mod machine;
#[allow(dead_code, reason = "the load generator uses the rest")]
mod seed;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Parser;

use errors::{ErrorMaker, event_json, gunzip};
use trapline::grouping::{self, Rules};
use trapline::ingest::prepare;
use trapline::model::decoded::{Decoded, Incoming};
use trapline::model::event::Event;
use trapline::model::ids::{EventId, ProjectId, PublicKey};
use trapline::model::project::Project;
use trapline::scrub::{self, scrub_whole_event};
use trapline::sentry::Limits;
use trapline::sentry::decode::decode_envelope;
use trapline::store::{Write, compress};

/// The allocator of the binary, whose share in decoding is not small.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECEIVED_MS: i64 = 1_795_000_000_000;
const LIMITS: Limits = Limits {
    items_max: 500,
    event_bytes_max: 1 << 20,
    transaction_bytes_max: 16 << 20,
    item_bytes_max: 64 << 20,
    depth_max: 100,
    spans_max: 100_000,
};

/// Times the way of one error from decompressed bytes to the finished write, on one core.
#[derive(Parser)]
struct Options {
    /// Passes over all errors; the median of every error's passes counts
    #[arg(long, default_value_t = 40)]
    passes: usize,
    /// Different errors
    #[arg(long, default_value_t = 100)]
    errors: usize,
    /// Use rules, as a project may have them
    #[arg(long)]
    rules: bool,
    /// Given by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let compressed = ErrorMaker::new(&fixtures, 1).envelopes(options.errors.max(1), RECEIVED_MS as u64, |_| {});
    let envelopes: Vec<Vec<u8>> = compressed.iter().map(|body| gunzip(body)).collect();
    let json_bytes = envelopes.iter().map(|envelope| event_json(envelope).len()).sum::<usize>() / envelopes.len();
    let bench = Bench { passes: options.passes.max(1), envelopes, scrub: scrub::Rules::default(), project: project() };
    let rules = if options.rules { project_rules() } else { Rules::default() };
    println!("{}", machine::describe(&fixtures));
    println!(
        "{} errors of {json_bytes} bytes of JSON on average, {} passes, medians",
        bench.envelopes.len(),
        bench.passes
    );
    bench.run(&rules);
}

struct Bench {
    passes: usize,
    envelopes: Vec<Vec<u8>>,
    scrub: scrub::Rules,
    project: Project,
}

impl Bench {
    fn run(&self, rules: &Rules) {
        let value = self.median(Vec::as_slice, |envelope| {
            serde_json::from_slice::<serde_json::Value>(event_json(envelope)).expect("own JSON")
        });
        let skipped = self.median(Vec::as_slice, |envelope| {
            serde_json::from_slice::<serde::de::IgnoredAny>(event_json(envelope)).expect("own JSON")
        });
        let decode = self.median(Vec::as_slice, |envelope| self.decode(envelope));
        let event_of = |envelope: &Vec<u8>| event_of(self.decode(envelope));
        let scrub = self.median(event_of, |mut event| {
            scrub_whole_event(&mut event, &self.scrub);
            event
        });
        let scrubbed = |envelope: &Vec<u8>| {
            let mut event = event_of(envelope);
            scrub_whole_event(&mut event, &self.scrub);
            event
        };
        let group = self.median(scrubbed, |event| {
            let grouping = grouping::group(&event, rules);
            let title = grouping::title(&event, &grouping);
            (event, grouping, title)
        });
        let compress = self.median(scrubbed, |event| (compress(&event.body), event));
        let total = self.median(Vec::as_slice, |envelope| {
            let prepared = prepare(&self.project, self.decode(envelope), &self.scrub, RECEIVED_MS);
            assert!(matches!(prepared.writes.as_slice(), [Write::Event(_)]), "one event in, one write out");
            prepared
        });

        let row = |name: &str, time: Duration| {
            println!("{name:<44}{:>9.1} µs{:>8.2}", micros(time), micros(time) / micros(value));
        };
        println!("\n{:<44}{:>12}{:>8}", "", "one error", "ratio");
        row("serde_json::Value of the event, alone", value);
        row("serde_json, every value skipped", skipped);
        row("decode: frame, check, read, normalise", decode);
        row("scrub", scrub);
        row("group and title", group);
        row("compress (zstd 3)", compress);
        row("stages together", decode + scrub + group + compress);
        row("total: decompressed bytes to Write", total);
    }

    fn decode(&self, envelope: &[u8]) -> Decoded {
        let decoded = decode_envelope(envelope, RECEIVED_MS, &mut || EventId([7; 16]), &LIMITS);
        decoded.expect("own envelope").decoded
    }

    /// The median over the errors of every error's median pass. `ready` and dropping what comes out are not timed.
    fn median<'b, T, U>(&'b self, ready: impl Fn(&'b Vec<u8>) -> T, work: impl Fn(T) -> U) -> Duration {
        let mut times = vec![Vec::with_capacity(self.passes); self.envelopes.len()];
        // One pass more, to warm up.
        for pass in 0..=self.passes {
            for (envelope, times) in self.envelopes.iter().zip(&mut times) {
                let input = ready(envelope);
                let start = Instant::now();
                let output = black_box(work(black_box(input)));
                let took = start.elapsed();
                drop(output);
                if pass > 0 {
                    times.push(took);
                }
            }
        }
        middle(times.into_iter().map(middle).collect())
    }
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn event_of(decoded: Decoded) -> Event {
    match decoded.items.into_iter().next() {
        Some(Incoming::Event(event)) => *event,
        _ => panic!("an envelope of one event"),
    }
}

fn project() -> Project {
    Project {
        id: ProjectId(1),
        slug: "default".to_owned(),
        name: "Default".to_owned(),
        platform: "python".to_owned(),
        created_ms: 0,
        public_key: PublicKey([7; 16]),
    }
}

/// Ten of each kind, none of which matches but all of which are tried.
fn project_rules() -> Rules {
    let fingerprint: String =
        (0..10).map(|n| format!("error.type:Made{n} path:**/made/{n}/*.py -> made{n}\n")).collect();
    let stack: String = (0..10).map(|n| format!("path:**/made/{n}/** module:made.{n}.* -app -group\n")).collect();
    Rules::parse(&fingerprint, &stack).expect("own rules")
}
