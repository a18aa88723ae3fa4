//! Requests as real exporters sent them (`tests/fixtures`), decoded.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use crate::model::decoded::{Decoded, Incoming};
use crate::model::event::Event;
use crate::model::log::{LogBatch, LogRecord};
use crate::model::metric::{MetricBatch, MetricKind, MetricPoint};
use crate::model::span::{Span, SpanBatch, SpanKind, SpanStatus, text_attribute};
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
fn the_logs_of_a_failing_request_read_the_same_in_both_encodings() {
    for folder in ["otlp-python-1.45.1", "otlp-json-python-0.66b1"] {
        let mut decoded = decode(&format!("{folder}/logs-failure"));
        assert_eq!(decoded.refused, [], "{folder}");
        let Some(Incoming::Logs(batch)) = decoded.items.pop() else { panic!("{decoded:?}") };
        let [warning, error] = &batch.records[..] else { panic!("{batch:?}") };
        assert_eq!((warning.body.as_str(), warning.severity), ("Refund of invoice 4 asked for", 13), "{folder}");
        assert_eq!((warning.logger.as_deref(), warning.severity_text.as_str()), (Some("billing.invoices"), ""));
        assert!(warning.trace_id.is_some() && warning.trace_id == error.trace_id, "{folder}");
        assert!(warning.observed_ns > Some(warning.time_ns), "{folder}");
        let text = |record: &LogRecord, key| text_attribute(&record.attributes, key).map(str::to_owned);
        assert_eq!(text(warning, "provider").as_deref(), Some("acme-pay"), "{folder}");
        assert_eq!(text(warning, "code.function.name").as_deref(), Some("refund"), "{folder}");
        assert_eq!(text(error, "exception.type").as_deref(), Some("RefundError"), "{folder}");
        let resource = &batch.resources[error.resource];
        assert_eq!((resource.service.as_str(), resource.release.as_deref()), ("billing", Some("1.9.2")), "{folder}");
        assert_eq!(resource.environment.as_deref(), Some("production"), "{folder}");
    }
}

#[test]
fn the_metrics_of_django_read_the_same_in_both_encodings() {
    for folder in ["otlp-python-1.45.1", "otlp-json-python-0.66b1"] {
        let mut decoded = decode(&format!("{folder}/metrics"));
        assert_eq!(decoded.refused, [], "{folder}");
        let Some(Incoming::Metrics(batch)) = decoded.items.pop() else { panic!("{decoded:?}") };
        let of = |name: &str| batch.points.iter().find(|point| point.name == name).expect("a point");
        let active = of("http.server.active_requests");
        assert_eq!((active.kind, active.unit.as_str(), active.since_ns), (MetricKind::Gauge, "{request}", None));
        let duration = of("http.server.duration");
        assert_eq!((duration.kind, duration.unit.as_str()), (MetricKind::Distribution, "ms"), "{folder}");
        assert!(duration.since_ns > Some(0) && duration.trace_id.is_some(), "{folder}: {duration:?}");
        let histogram = duration.histogram.as_deref().expect("buckets");
        assert_eq!(histogram.count, histogram.buckets.count(), "{folder}");
        assert!(batch.descriptions.iter().any(|(name, _)| name == "http.server.duration"), "{folder}");
    }
}

fn logs(case: &str) -> LogBatch {
    let mut decoded = decode(case);
    assert_eq!(decoded.refused, [], "{case}");
    let Some(Incoming::Logs(batch)) = decoded.items.pop() else { panic!("{case}: {decoded:?}") };
    batch
}

fn metrics(case: &str) -> MetricBatch {
    let mut decoded = decode(case);
    assert_eq!(decoded.refused, [], "{case}");
    let Some(Incoming::Metrics(batch)) = decoded.items.pop() else { panic!("{case}: {decoded:?}") };
    batch
}

#[test]
fn log_bodies_of_every_kind_read_the_same_in_both_encodings() {
    for case in ["otlp-python-1.45.1/logs-every-kind", "otlp-json-python-0.66b1/logs-every-kind"] {
        let batch = logs(case);
        let facts: Vec<_> =
            batch.records.iter().map(|r| (r.severity, r.severity_text.as_str(), r.body.as_str())).collect();
        let expected = [
            (5, "", "drawer opened"),
            (9, "", "sold lamp-3 for 19.50"),
            (13, "", "\u{fc}nicode \u{1f4a1} and\nlines"),
            (21, "", "drawer is stuck"),
            (17, "", "no price"),
            (9, "", r#"{"till":4,"items":[1,"two",null,{"deep":"AP8="}],"sum":19.5,"paid":true}"#),
            (0, "", "7"),
        ];
        let mut facts = facts;
        facts.sort_by_key(|(.., body)| expected.iter().position(|(.., known)| known == body));
        assert_eq!(facts, expected, "{case}");
        assert!(batch.records.iter().all(|record| record.time_ns > 0), "{case}");
    }
    let [json, protobuf] = ["json", "protobuf"].map(|kind| {
        let batch = logs(&format!("otlp-js-0.223.1/logs-{kind}"));
        let facts = batch.records.iter().map(|r| (r.severity, r.body.clone(), r.logger.clone(), r.trace_id, r.span_id));
        facts.collect::<Vec<_>>()
    });
    assert_eq!(json, protobuf);
    assert_eq!(json.len(), 3);
    assert_eq!(json[1].1, r#"{"cart":7,"items":[1,"two",null],"ratio":0.5}"#);
}

/// Name, kind, unit, value, measurements, and whether it is a total.
type Facts = (String, MetricKind, String, f64, u64, bool);

fn facts(case: &str) -> Vec<Facts> {
    let fact = |p: &MetricPoint| {
        (
            p.name.clone(),
            p.kind,
            p.unit.clone(),
            p.value,
            p.histogram.as_ref().map_or(0, |h| h.count),
            p.since_ns.is_some(),
        )
    };
    let mut facts: Vec<Facts> = metrics(case).points.iter().map(fact).collect();
    facts.sort_by(|a, b| (&a.0, a.3.to_bits()).cmp(&(&b.0, b.3.to_bits())));
    facts
}

#[test]
fn every_instrument_reads_the_same_in_both_encodings_and_temporalities() {
    for report in ["cumulative-first", "cumulative-second", "delta-first", "delta-second"] {
        let [protobuf, json] = ["otlp-python-1.45.1", "otlp-json-python-0.66b1"]
            .map(|folder| facts(&format!("{folder}/metrics-every-kind-{report}")));
        assert_eq!(protobuf, json, "{report}");
        let is_total = report.starts_with("cumulative");
        let sold: Vec<_> = protobuf.iter().filter(|facts| facts.0 == "till.sold").collect();
        let expected = if report == "cumulative-second" { [8.0, 12.0] } else { [4.0, 6.0] };
        assert_eq!(sold.iter().map(|facts| facts.3).collect::<Vec<_>>(), expected, "{report}");
        assert!(sold.iter().all(|facts| facts.5 == is_total && facts.2 == "{item}"), "{report}");
        let kind = |name: &str| protobuf.iter().find(|facts| facts.0 == name).map(|facts| facts.1);
        assert_eq!(kind("till.open"), Some(MetricKind::Gauge), "{report}");
        assert_eq!(
            (kind("till.size"), kind("till.duration")),
            (Some(MetricKind::Distribution), Some(MetricKind::Distribution))
        );
        let size = protobuf.iter().find(|facts| facts.0 == "till.size").map(|facts| facts.4);
        assert_eq!(size, Some(if report == "cumulative-second" { 10 } else { 5 }), "{report}");
    }
    let [json, protobuf] = ["json", "protobuf"].map(|kind| facts(&format!("otlp-js-0.223.1/metrics-{kind}")));
    assert_eq!(json, protobuf);
    assert_eq!(json.len(), 6);
}
