//! `cargo bench --bench route`: what one Django error costs between its decompressed bytes and the finished write, stage by
//! stage, beside `serde_json::Value` parsing of the same bytes in the same run, so that the ratio can be checked anywhere.
//!
//! Owns the measuring of code on one thread; what a whole server does is `load.rs`. The errors are those of `errors.rs`:
//! real captures grown to about 35 kB. Every stage is timed once per event over many rounds, and medians are printed.

#![allow(clippy::print_stdout)]

#[path = "errors.rs"]
#[allow(dead_code)]
mod errors;
#[path = "seed.rs"]
#[allow(dead_code)]
mod seed;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use trapline::config::{
    ATTACHMENT_BYTES_MAX, ENVELOPE_ITEMS_MAX, EVENT_BYTES_MAX, EXPANDED_BYTES_MAX, JSON_DEPTH_MAX, REQUEST_SPANS_MAX,
    TRANSACTION_BYTES_MAX,
};
use trapline::grouping;
use trapline::ingest::{Limiter, Policy, ServerPolicy, prepare};
use trapline::model::decoded::Incoming;
use trapline::model::event::Event;
use trapline::model::ids::{EventId, ProjectId, PublicKey};
use trapline::model::project::Project;
use trapline::model::project::settings::ProjectSettings;
use trapline::model::quota::DataGroups;
use trapline::scrub::scrub_whole_event;
use trapline::sentry::Limits;
use trapline::sentry::decode::{EnvelopeDecoded, decode_envelope};
use trapline::store::Bodies;

/// The binary's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: usize = 300;
const ROUNDS: usize = 12;
const NOW_MS: i64 = 1_790_000_000_000;

const LIMITS: Limits = Limits {
    items_max: ENVELOPE_ITEMS_MAX,
    event_bytes_max: EVENT_BYTES_MAX,
    transaction_bytes_max: TRANSACTION_BYTES_MAX,
    item_bytes_max: EXPANDED_BYTES_MAX,
    depth_max: JSON_DEPTH_MAX,
    spans_max: REQUEST_SPANS_MAX,
    closed: DataGroups::NONE,
    attachment_bytes_max: ATTACHMENT_BYTES_MAX,
};

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let envelopes: Vec<Vec<u8>> = errors::ErrorMaker::new(&fixtures, 7, errors::BUGS)
        .envelopes(EVENTS, NOW_MS as u64, |_| {})
        .iter()
        .map(|body| errors::gunzip(body))
        .collect();
    let payloads: Vec<&[u8]> = envelopes.iter().map(|envelope| errors::event_json(envelope)).collect();
    let bytes = payloads.iter().map(|payload| payload.len()).sum::<usize>() / payloads.len();
    println!("{EVENTS} different Django errors of {bytes} bytes on average, {ROUNDS} rounds, medians on one thread\n");

    let project = Project {
        id: ProjectId(1),
        slug: "shop".to_owned(),
        name: "Shop".to_owned(),
        platform: "python-django".to_owned(),
        created_ms: NOW_MS,
        public_key: PublicKey([7; 16]),
    };
    let server = ServerPolicy { scrub: true, ..ServerPolicy::default() };
    let policy = Policy::new(&ProjectSettings::default(), &server, Arc::new(Limiter::default()));
    let rules = &policy.scrub;
    let decoded: Vec<Event> = envelopes.iter().map(|envelope| event_of(decode(envelope))).collect();
    let scrubbed: Vec<Event> = decoded
        .iter()
        .cloned()
        .map(|mut event| {
            scrub_whole_event(&mut event, rules);
            event
        })
        .collect();

    let value = median(&payloads, |payload| {
        black_box(serde_json::from_slice::<serde_json::Value>(payload).is_ok());
    });
    let decoding = median(&envelopes, |envelope| {
        black_box(decode(envelope));
    });
    // The copy stands for the event that decoding hands over; its cost is taken off again.
    let copying = median(&decoded, |event| {
        black_box(event.clone());
    });
    let scrubbing = median(&decoded, |event| {
        let mut event = event.clone();
        scrub_whole_event(&mut event, rules);
        black_box(&event);
    }) - copying;
    let filtering = median(&decoded, |event| {
        black_box(policy.filters.event(event));
    });
    let grouping = median(&scrubbed, |event| {
        let grouping = grouping::group(event, &policy.grouping);
        black_box(grouping::title(event, &grouping));
    });
    // No store tends it, so bodies are compressed as before the first dictionary.
    let bodies = Bodies::default();
    let compressing = median(&scrubbed, |event| {
        black_box(bodies.compress_event(project.id, None, &event.body));
    });
    let total = median(&envelopes, |envelope| {
        black_box(prepare(&project, decode(envelope).decoded, &policy, &bodies, NOW_MS).writes.len());
    });

    println!("{:<34}{:>9}{:>12}", "stage", "µs", "of Value");
    for (stage, cost) in [
        ("serde_json::Value, parsing alone", value),
        ("envelope and event decoded", decoding),
        ("filtered", filtering),
        ("scrubbed", scrubbing),
        ("grouped and titled", grouping),
        ("compressed", compressing),
        ("bytes to finished write", total),
    ] {
        println!("{stage:<34}{:>9.1}{:>11.2}x", cost * 1e6, cost / value);
    }
}

fn decode(envelope: &[u8]) -> EnvelopeDecoded {
    let mut fresh = || EventId([9; 16]);
    decode_envelope(envelope, NOW_MS, &mut fresh, &LIMITS).expect("a real envelope")
}

fn event_of(decoded: EnvelopeDecoded) -> Event {
    let event = decoded.decoded.items.into_iter().find_map(|item| match item {
        Incoming::Event(event) => Some(*event),
        _ => None,
    });
    event.expect("an event in the envelope")
}

/// Seconds per input.
fn median<T>(inputs: &[T], work: impl Fn(&T)) -> f64 {
    let mut times: Vec<f64> = Vec::with_capacity(inputs.len() * ROUNDS);
    for round in 0..=ROUNDS {
        for input in inputs {
            let started = Instant::now();
            work(input);
            // The first round only warms caches.
            if round > 0 {
                times.push(started.elapsed().as_secs_f64());
            }
        }
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
