//! Requests as real exporters sent them (`tests/fixtures`), decoded.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use crate::model::decoded::{Decoded, Incoming};
use crate::model::event::Event;
use crate::model::span::{Span, SpanBatch, SpanKind, SpanStatus};
use crate::otlp::testing::LIMITS;
use crate::otlp::{Format, Signal, decode_logs, decode_metrics, decode_traces};

/// A captured request, decoded by what its headers and path say.
fn decode(case: &str) -> Decoded {
    let mut decoded = decode_with_errors(case);
    decoded.items.retain(|item| !matches!(item, Incoming::Event(_)));
    decoded
}

/// The errors of a captured request.
pub(in crate::otlp) fn errors(case: &str) -> Vec<Event> {
    let items = decode_with_errors(case).items.into_iter();
    items.filter_map(|item| if let Incoming::Event(event) = item { Some(*event) } else { None }).collect()
}

fn decode_with_errors(case: &str) -> Decoded {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(case);
    let head = fs::read(file.with_extension("json")).expect("a capture");
    let head: serde_json::Value = serde_json::from_slice(&head).expect("the head of a capture");
    let header = |name: &str| {
        let headers = head["headers"].as_object().into_iter().flatten();
        headers.filter(|(key, _)| key.eq_ignore_ascii_case(name)).find_map(|(_, value)| value.as_str())
    };
    let format = header("content-type").and_then(Format::from_content_type).expect("a format");
    let body = decompress(&fs::read(file.with_extension("body")).expect("a capture"), header("content-encoding"));
    let decoded = match head["path"].as_str().map(signal_of) {
        Some(Signal::Logs) => decode_logs(format, &body, &LIMITS),
        Some(Signal::Metrics) => decode_metrics(format, &body, &LIMITS),
        _ => decode_traces(format, &body, &LIMITS),
    };
    decoded.unwrap_or_else(|error| panic!("{case}: {error}"))
}

fn signal_of(path: &str) -> Signal {
    match path.trim_end_matches('/').rsplit('/').next() {
        Some("logs") => Signal::Logs,
        Some("metrics") => Signal::Metrics,
        _ => Signal::Traces,
    }
}

fn decompress(body: &[u8], encoding: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let read = match encoding {
        Some("gzip") => flate2::read::GzDecoder::new(body).read_to_end(&mut out),
        Some("deflate") => flate2::read::ZlibDecoder::new(body).read_to_end(&mut out),
        _ => (&mut &body[..]).read_to_end(&mut out),
    };
    read.expect("a compressed body");
    out
}

fn spans(case: &str) -> SpanBatch {
    let mut decoded = decode(case);
    assert_eq!(decoded.refused, [], "{case}");
    match decoded.items.pop() {
        Some(Incoming::Spans { batch, transactions: 0 }) if decoded.items.is_empty() => batch,
        other => panic!("{case}: {other:?}"),
    }
}

fn server_span(batch: &SpanBatch) -> &Span {
    batch.spans.iter().find(|span| span.kind == SpanKind::Server).expect("a server span")
}

#[test]
fn failing_django_requests_read_the_same_in_every_dress() {
    for case in [
        "otlp-python-1.45.1/traces-failure",
        "otlp-python-1.45.1/traces-failure-gzip",
        "otlp-python-1.45.1/traces-failure-deflate",
        "otlp-python-1.45.1/traces-failure-semconv-stable",
        "otlp-python-1.45.1/traces-failure-semconv-dup",
        "otlp-json-python-0.66b1/traces-failure",
    ] {
        let batch = spans(case);
        let span = server_span(&batch);
        assert_eq!(span.name, "POST /invoices/<int:invoice_id>/refund/", "{case}");
        assert_eq!(span.op, "http.server", "{case}");
        assert_eq!(span.http_status, Some(500), "{case}");
        assert_eq!(span.status, SpanStatus::Error, "{case}");
        assert!(span.is_local_root, "{case}");
        assert!(span.duration_ns() > 0, "{case}");
        assert_eq!(span.events[0].name, "exception", "{case}");

        let resource = &batch.resources[span.resource];
        assert_eq!(resource.service, "billing", "{case}");
        assert_eq!(resource.release.as_deref(), Some("1.9.2"), "{case}");
        assert_eq!(resource.environment.as_deref(), Some("production"), "{case}");
        assert_eq!(resource.sdk.as_deref(), Some("opentelemetry/python 1.45.1"), "{case}");

        let query = batch.spans.iter().find(|span| span.is_db()).expect("a query");
        assert!(query.name.starts_with("SELECT \"invoices_invoice\".\"id\", "), "{case}: {}", query.name);
        assert!(!query.is_local_root, "{case}");
        let scope = crate::model::span::text_attribute(&query.attributes, "otel.scope.name");
        assert_eq!(scope, Some("opentelemetry.instrumentation.sqlite3"), "{case}");
    }
}

#[test]
fn an_n_plus_one_has_its_eleven_queries() {
    let batch = spans("otlp-python-1.45.1/traces-n-plus-one");
    assert_eq!(batch.spans.iter().filter(|span| span.is_db()).count(), 11);
}

#[test]
fn the_javascript_exporter_is_read() {
    let batch = spans("otlp-js-0.223.1/traces-failure");
    let span = server_span(&batch);
    assert_eq!((span.name.as_str(), span.http_status), ("GET /cart/:id", Some(500)));
    assert!(batch.spans.iter().any(|span| span.op == "db"));
}

#[test]
fn a_server_span_called_by_another_service_keeps_its_parent() {
    for case in ["shop-and-billing/success-billing", "shop-and-billing/failure-billing"] {
        let batch = spans(case);
        let span = server_span(&batch);
        assert!(span.parent_span_id.is_some() && span.is_local_root, "{case}");
    }
}

#[test]
fn metrics_are_counted_alike_in_both_encodings() {
    for (signal, case) in [("metric", "metrics")] {
        for folder in ["otlp-python-1.45.1", "otlp-json-python-0.66b1"] {
            let decoded = decode(&format!("{folder}/{case}"));
            assert_eq!(decoded.refused, [], "{folder}/{case}");
            let [Incoming::Counted { category, quantity }] = &decoded.items[..] else { panic!("{decoded:?}") };
            assert_eq!(category, signal);
            assert!(*quantity > 0, "{folder}/{case}");
        }
    }
}
