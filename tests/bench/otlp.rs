//! `cargo bench --bench otlp`: what a span over OTLP costs between its decompressed bytes and the finished write, beside
//! decoding the same bytes whole with `prost`, and the same for log records; in both encodings.
//!
//! Owns the measuring of code on one thread, in CPU time of that thread, so that a busy machine changes little. A span has
//! 15 attributes, as the stable semantic conventions give a Django request. What a whole server does is `load.rs`.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use trapline::config::{
    ATTRIBUTE_BYTES_MAX, ATTRIBUTE_DEPTH_MAX, REQUEST_SPANS_MAX, SPAN_ATTRIBUTES_MAX, SPAN_BYTES_MAX, SPAN_EVENTS_MAX,
};
use trapline::ingest::{Limiter, Policy, ServerPolicy, prepare};
use trapline::model::decoded::Decoded;
use trapline::model::ids::{ProjectId, PublicKey};
use trapline::model::project::Project;
use trapline::model::project::settings::ProjectSettings;
use trapline::otlp::{Format, Limits, decode_logs, decode_traces};
use trapline::store::Bodies;

/// The binary's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as the Python SDK's batch processor exports at once.
const SPANS: usize = 512;
const ROUNDS: usize = 60;
const NOW_MS: i64 = 1_790_000_000_000;

const LIMITS: Limits = Limits {
    spans_max: REQUEST_SPANS_MAX,
    message_bytes_max: SPAN_BYTES_MAX,
    attributes_max: SPAN_ATTRIBUTES_MAX,
    events_max: SPAN_EVENTS_MAX,
    attribute_text_bytes_max: ATTRIBUTE_BYTES_MAX,
    depth_max: ATTRIBUTE_DEPTH_MAX,
    exception_severity_min: 17,
};

fn main() {
    let project = Project {
        id: ProjectId(1),
        slug: "shop".to_owned(),
        name: "Shop".to_owned(),
        platform: "python-django".to_owned(),
        created_ms: NOW_MS,
        public_key: PublicKey([7; 16]),
    };
    let server = ServerPolicy { scrub: true, limits: Vec::new(), ..ServerPolicy::default() };
    let policy = Policy::new(&ProjectSettings::default(), &server, Arc::new(Limiter::default()));
    let bodies = Bodies::default();
    let write = |decoded: Decoded| {
        assert!(decoded.refused.is_empty(), "all is usable");
        black_box(prepare(&project, decoded, &policy, &bodies, NOW_MS).writes.len());
    };

    let (spans, spans_json) = (traces().encode_to_vec(), traces_json());
    let traces = |format, body: &[u8]| decode_traces(format, body, &LIMITS).expect("a request");
    let span_stages = [
        ("prost, the whole request", cost(|| drop(black_box(ExportTraceServiceRequest::decode(&spans[..]))))),
        ("protobuf to spans", cost(|| drop(black_box(traces(Format::Protobuf, &spans))))),
        ("protobuf to finished write", cost(|| write(traces(Format::Protobuf, &spans)))),
        ("JSON to spans", cost(|| drop(black_box(traces(Format::Json, spans_json.as_bytes()))))),
        ("JSON to finished write", cost(|| write(traces(Format::Json, spans_json.as_bytes())))),
        (
            "serde_json::Value, the same JSON",
            cost(|| drop(black_box(serde_json::from_str::<serde_json::Value>(&spans_json)))),
        ),
    ];
    print("span", spans.len() / SPANS, &span_stages);
    // What decoding costs over the store's own cost: its promise is 1 µs.
    println!("{:<34}{:>9.2}\n", "protobuf, less what the store costs", span_stages[1].1 * 1e6);

    let logs = logs().encode_to_vec();
    let read = |body: &[u8]| decode_logs(Format::Protobuf, body, &LIMITS).expect("a request");
    let log_stages = [
        ("prost, the whole request", cost(|| drop(black_box(ExportLogsServiceRequest::decode(&logs[..]))))),
        ("protobuf to records", cost(|| drop(black_box(read(&logs))))),
        ("protobuf to finished write", cost(|| write(read(&logs)))),
    ];
    print("log record", logs.len() / SPANS, &log_stages);
}

fn print(what: &str, bytes: usize, stages: &[(&str, f64)]) {
    println!("{SPANS} of {bytes} bytes, {ROUNDS} rounds, median CPU time of one {what}");
    println!("{:<34}{:>9}{:>12}", "stage", "µs", "of prost");
    for (stage, seconds) in stages {
        println!("{stage:<34}{:>9.2}{:>11.2}x", seconds * 1e6, seconds / stages[0].1);
    }
}

/// Seconds of this thread's CPU for one of the batch.
fn cost(work: impl Fn()) -> f64 {
    let mut times: Vec<u64> = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let started = cpu_ns();
        work();
        // The first round only warms caches.
        if round > 0 {
            times.push(cpu_ns() - started);
        }
    }
    times.sort_unstable();
    times[times.len() / 2] as f64 / 1e9 / SPANS as f64
}

/// Time this thread has run, in nanoseconds; what `/proc` says of it is only as exact as the scheduler's ticks.
fn cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    value_of(key, Value::StringValue(value.into()))
}

fn value_of(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

fn resource() -> Option<Resource> {
    let attributes = vec![
        text("service.name", "billing"),
        text("service.version", "1.9.2"),
        text("telemetry.sdk.name", "opentelemetry"),
    ];
    Some(Resource { attributes, ..Resource::default() })
}

fn id(number: usize, width: usize) -> Vec<u8> {
    let mut id = vec![0xab; width];
    id[width - 8..].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    id
}

fn span(number: usize) -> Span {
    let start = NOW_MS as u64 * 1_000_000 - 60_000_000_000 + number as u64 * 1_000_000;
    Span {
        trace_id: id(number / 16, 16),
        span_id: id(number, 8),
        parent_span_id: if number.is_multiple_of(16) { Vec::new() } else { id(number - number % 16, 8) },
        name: "GET invoices/<int:invoice_id>/".to_owned(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 900_000,
        flags: 256,
        attributes: attributes(number),
        ..Span::default()
    }
}

fn attributes(number: usize) -> Vec<KeyValue> {
    vec![
        text("http.request.method", "GET"),
        text("url.scheme", "http"),
        text("url.path", format!("/invoices/{number}/")),
        text("url.query", "page=2&sort=due"),
        text("http.route", "invoices/<int:invoice_id>/"),
        value_of("http.response.status_code", Value::IntValue(200)),
        text("server.address", "billing.example"),
        value_of("server.port", Value::IntValue(8001)),
        text("client.address", "203.0.113.7"),
        value_of("client.port", Value::IntValue(40_000 + number as i64)),
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        text("network.protocol.version", "1.1"),
        text("thread.name", "worker-3"),
        value_of("thread.id", Value::IntValue(140_000)),
        value_of("cache.hit", Value::BoolValue(number.is_multiple_of(3))),
    ]
}

fn traces() -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans: (0..SPANS).map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// The same as the JavaScript SDK would write it.
fn traces_json() -> String {
    let value = |value: &Value| match value {
        Value::StringValue(text) => serde_json::json!({ "stringValue": text }),
        Value::IntValue(number) => serde_json::json!({ "intValue": number }),
        Value::BoolValue(flag) => serde_json::json!({ "boolValue": flag }),
        other => panic!("{other:?} is in no span of this bench"),
    };
    let attributes = |attributes: &[KeyValue]| -> Vec<serde_json::Value> {
        let known = attributes.iter().filter_map(|entry| Some((&entry.key, entry.value.as_ref()?.value.as_ref()?)));
        known.map(|(key, known)| serde_json::json!({ "key": key, "value": value(known) })).collect()
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let spans: Vec<serde_json::Value> = (0..SPANS)
        .map(|number| {
            let span = span(number);
            serde_json::json!({
                "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id), "parentSpanId": hex(&span.parent_span_id),
                "name": span.name, "kind": span.kind, "startTimeUnixNano": span.start_time_unix_nano.to_string(),
                "endTimeUnixNano": span.end_time_unix_nano.to_string(), "attributes": attributes(&span.attributes),
                "droppedAttributesCount": 0, "events": [], "droppedEventsCount": 0, "links": [], "droppedLinksCount": 0,
                "status": { "code": 0 }, "flags": span.flags,
            })
        })
        .collect();
    let resource = serde_json::json!({ "attributes": attributes(&resource().unwrap_or_default().attributes) });
    let scope_spans = serde_json::json!([{ "scope": { "name": "" }, "spans": spans }]);
    serde_json::json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": scope_spans }] }).to_string()
}

fn logs() -> ExportLogsServiceRequest {
    let record = |number: usize| LogRecord {
        time_unix_nano: NOW_MS as u64 * 1_000_000 - 1_000_000_000 + number as u64,
        observed_time_unix_nano: NOW_MS as u64 * 1_000_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(format!("priced order {number} at 1950 cents"))) }),
        attributes: vec![
            text("code.file.path", "/srv/billing/invoices/views.py"),
            text("code.function.name", "refund"),
            value_of("code.line.number", Value::IntValue(50)),
            text("provider", "acme-pay"),
        ],
        flags: 1,
        trace_id: id(number / 16, 16),
        span_id: id(number, 8),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: (0..SPANS).map(record).collect(), ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}
