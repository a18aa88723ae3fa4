//! What decoding alone costs on this machine, measured in the same run.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use crate::errors::{event_json, gunzip};
use crate::spans::Template;

/// Microseconds of one core per error envelope and per span batch, one thread, each alone.
pub struct Decoding {
    pub gunzip_us: f64,
    pub json_us: f64,
    pub zstd_us: f64,
    pub json_bytes: f64,
    pub protobuf_us: f64,
    pub spans_zstd_us: f64,
}

pub fn decoding(bodies: &[Vec<u8>], templates: &[Template], each: Duration) -> Decoding {
    let some = &bodies[..bodies.len().min(500)];
    let expanded: Vec<Vec<u8>> = some.iter().map(|body| gunzip(body)).collect();
    let json_bytes = expanded.iter().map(|envelope| event_json(envelope).len()).sum::<usize>() as f64;
    let zstd = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).expect("memory").len();
    Decoding {
        gunzip_us: micros(some, each, |body| gunzip(body).len()),
        json_us: micros(&expanded, each, |envelope| {
            serde_json::from_slice::<serde::de::IgnoredAny>(event_json(envelope)).is_ok() as usize
        }),
        zstd_us: micros(&expanded, each, |envelope| zstd(event_json(envelope))),
        json_bytes: json_bytes / expanded.len().max(1) as f64,
        protobuf_us: micros(templates, each, |template| {
            ExportTraceServiceRequest::decode(template.bytes()).expect("own protobuf").resource_spans.len()
        }),
        spans_zstd_us: micros(templates, each, |template| zstd(template.bytes())),
    }
}

fn micros<T>(over: &[T], at_least: Duration, work: impl Fn(&T) -> usize) -> f64 {
    let begin = Instant::now();
    let mut done = 0_u64;
    while begin.elapsed() < at_least {
        for one in over {
            std::hint::black_box(work(one));
        }
        done += over.len() as u64;
    }
    begin.elapsed().as_secs_f64() * 1e6 / done.max(1) as f64
}
