//! Logs and metrics over OTLP: kept once, found and drawn as those of Sentry SDKs are.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{id, send_span};

/// The clock of the captures: a day around them.
const CAPTURED: &str = "from=1795210000000&to=1795296400000";

fn now_ns() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn seconds_ago(seconds: u64) -> String {
    (now_ns() - seconds * 1_000_000_000).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn resource(instance: &str) -> Value {
    json!({ "attributes": [text("service.name", "till"), text("service.instance.id", instance)] })
}

fn send_log_records(server: &Trapline, records: &Value) -> Answer {
    let body = json!({ "resourceLogs": [{ "resource": resource("a"), "scopeLogs": [{
        "scope": { "name": "till.cash", "version": "1.2" }, "logRecords": records }] }] });
    server.post("/v1/logs").json(&body).send()
}

fn send_metric(server: &Trapline, instance: &str, metric: &Value) -> Answer {
    let body =
        json!({ "resourceMetrics": [{ "resource": resource(instance), "scopeMetrics": [{ "metrics": [metric] }] }] });
    server.post("/v1/metrics").json(&body).send()
}

/// A report of how many orders a process had counted by then.
fn orders(since: &str, seconds: u64, total: u64) -> Value {
    json!({ "name": "orders", "unit": "{order}", "description": "Orders placed.", "sum": {
        "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{ "startTimeUnixNano": since,
            "timeUnixNano": seconds_ago(seconds), "asInt": total.to_string(), "attributes": [text("country", "DE")] }] } })
}

fn bodies(server: &Trapline, query: &str) -> Vec<String> {
    let list = server.get_json(&format!("/api/ui/logs?{query}"));
    list["logs"].as_array().unwrap().iter().map(|log| log["body"].as_str().unwrap().to_string()).collect()
}

fn total(column: &Value) -> f64 {
    column.as_array().unwrap().iter().filter_map(Value::as_f64).sum()
}

#[test]
fn the_logs_of_real_exporters_are_found_with_all_they_carry() {
    for folder in ["otlp-python-1.45.1", "otlp-json-python-0.66b1"] {
        let server = Trapline::start();
        send(&server, &format!("{folder}/logs-failure"));
        send(&server, &format!("{folder}/logs-failure"));
        assert_eq!(server.outcome("log", "accepted"), 2, "{folder}");
        assert_eq!(server.outcome("log", "duplicate"), 2, "{folder}");
        let warning = ["Refund of invoice 4 asked for"];
        for query in ["query=refund%20of", "attribute=provider:acme-pay", "attribute=code.function.name:refund"] {
            assert_eq!(bodies(&server, query), warning, "{folder} {query}");
        }
        assert_eq!(bodies(&server, "level=error"), ["Internal Server Error: /invoices/4/refund/"], "{folder}");
        assert_eq!(bodies(&server, "service=billing&environment=production").len(), 2, "{folder}");
        assert_eq!(bodies(&server, "service=other").len(), 0, "{folder}");
        let row = server.get_json("/api/ui/logs?level=warn")["logs"][1].clone();
        assert_eq!((row["level"].as_str(), row["logger"].as_str()), (Some("warn"), Some("billing.invoices")));
        assert_eq!(bodies(&server, &format!("trace={}", row["trace_id"].as_str().unwrap())).len(), 2, "{folder}");
        let whole = server.get_json(&format!("/api/ui/logs/{}", row["id"].as_str().unwrap()));
        assert_eq!((whole["source"].as_str(), whole["release"].as_str()), (Some("otel"), Some("1.9.2")), "{folder}");
        assert!(whole["attributes"].as_array().unwrap().iter().any(|a| a["name"] == "code.line.number"), "{whole}");
    }
}

#[test]
fn records_of_every_shape_are_kept_and_lead_to_their_trace() {
    let server = Trapline::start();
    send_span(&server, 5, "/till/");
    let answer = send_log_records(
        &server,
        &json!([
            { "timeUnixNano": seconds_ago(9), "severityNumber": 9, "severityText": "INFO", "traceId": id(5),
              "spanId": "0000000000000001", "flags": 1, "body": { "stringValue": "sold" } },
            { "observedTimeUnixNano": seconds_ago(8), "severityText": "critical",
              "body": { "kvlistValue": { "values": [text("till", "4")] } } },
            { "severityNumber": 21, "eventName": "till.open", "attributes": [{ "key": "n", "value": { "intValue": 7.0 } }] },
            {},
            { "timeUnixNano": seconds_ago(7), "body": { "arrayValue": 5 } },
        ]),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["partialSuccess"]["rejectedLogRecords"], "1", "{}", answer.text());
    assert_eq!((server.outcome("log", "accepted"), server.outcome("log", "invalid")), (4, 1));
    assert_eq!(server.issues().len(), 0);
    assert_eq!(bodies(&server, "level=fatal"), ["till.open", "{\"till\":\"4\"}"]);
    assert_eq!(bodies(&server, "attribute=n:7"), ["till.open"]);
    let sold = server.get_json("/api/ui/logs?query=sold")["logs"][0].clone();
    assert_eq!((sold["service"].as_str(), sold["logger"].as_str()), (Some("till"), Some("till.cash")));
    let whole = server.get_json(&format!("/api/ui/logs/{}", sold["id"].as_str().unwrap()));
    assert_eq!((whole["has_spans"].as_bool(), whole["severity"].as_u64()), (Some(true), Some(9)), "{whole}");
}

#[test]
fn the_metrics_of_real_exporters_are_listed_and_drawn() {
    for folder in ["otlp-python-1.45.1", "otlp-json-python-0.66b1"] {
        let server = Trapline::start();
        send(&server, &format!("{folder}/metrics"));
        let points = server.outcome("trace_metric", "accepted");
        assert!(points > 3, "{folder}");
        send(&server, &format!("{folder}/metrics"));
        assert_eq!(server.outcome("trace_metric", "duplicate"), points, "{folder}");
        let list = server.get_json(&format!("/api/ui/metrics?{CAPTURED}"));
        let rows = list["metrics"].as_array().unwrap();
        let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
        assert_eq!(row("http.server.active_requests")["kind"], "gauge", "{list}");
        assert_eq!(row("http.server.duration")["description"], "Measures the duration of inbound HTTP requests.");
        let split = "split=http.status_code";
        let duration = server.get_json(&format!("/api/ui/metrics/http.server.duration?{CAPTURED}&{split}"));
        let counted = total(&duration["series"]["count"]);
        assert!(counted > 0.0 && duration["p50"].as_f64() <= duration["p99"].as_f64(), "{duration}");
        let parts = duration["split"].as_array().unwrap();
        assert!(parts.len() > 1, "{duration}");
        assert_eq!(parts.iter().map(|part| total(&part["series"]["count"])).sum::<f64>(), counted, "{duration}");
        assert!(!duration["examples"].as_array().unwrap().is_empty(), "{duration}");
        let names = duration["attributes"].as_array().unwrap();
        assert!(names.contains(&json!("http.target")) && !names.contains(&json!("service.instance.id")), "{names:?}");
    }
}

#[test]
fn totals_are_counted_once_by_what_each_report_adds() {
    let server = Trapline::start();
    let ordered = |server: &Trapline| total(&server.get_json("/api/ui/metrics/orders")["series"]["sum"]);
    let since = seconds_ago(300);
    // A process that began while the server was there: all it counted is news.
    for (instance, seconds, count) in [("a", 240, 3), ("b", 240, 10), ("a", 180, 5), ("b", 180, 10)] {
        send_metric(&server, instance, &orders(&since, seconds, count)).expect(200);
    }
    assert_eq!(ordered(&server), 15.0);
    // Reports that come late, or again, add nothing.
    let late = orders(&since, 230, 4);
    send_metric(&server, "a", &late).expect(200);
    send_metric(&server, "a", &late).expect(200);
    assert_eq!(ordered(&server), 15.0);
    // The process was started again; so was the server.
    let mut server = server;
    server.restart();
    send_metric(&server, "a", &orders(&seconds_ago(120), 60, 2)).expect(200);
    send_metric(&server, "b", &orders(&since, 60, 11)).expect(200);
    assert_eq!(ordered(&server), 18.0);
    // One without a start that says so began anew where it fell.
    for (seconds, count) in [(50, 100), (40, 103), (30, 1)] {
        send_metric(&server, "c", &orders("0", seconds, count)).expect(200);
    }
    assert_eq!(ordered(&server), 22.0);
    // One that ran for long before it was first heard of brings what nobody knows the time of.
    let long_ago = seconds_ago(86_400);
    send_metric(&server, "old", &orders(&long_ago, 20, 1_000_000)).expect(200);
    assert_eq!(ordered(&server), 22.0);
    send_metric(&server, "old", &orders(&long_ago, 10, 1_000_004)).expect(200);
    assert_eq!(ordered(&server), 26.0);
    let split = server.get_json("/api/ui/metrics/orders?split=country");
    assert_eq!(
        (split["split"][0]["value"].as_str(), split["description"].as_str()),
        (Some("DE"), Some("Orders placed."))
    );
    assert_eq!(total(&split["split"][0]["series"]["sum"]), 26.0, "{split}");
    server.expect_sound();
}

#[test]
fn histograms_of_all_kinds_give_percentiles() {
    let server = Trapline::start();
    let explicit = |seconds: u64, counts: [u64; 4], sum: f64| {
        json!({ "name": "took", "unit": "ms", "histogram": { "aggregationTemporality": 2, "dataPoints": [{
            "startTimeUnixNano": seconds_ago(400), "timeUnixNano": seconds_ago(seconds), "count": counts.iter().sum::<u64>(),
            "sum": sum, "bucketCounts": counts.map(|n| n.to_string()), "explicitBounds": [10, 100, 1000], "max": 1500.0,
            "exemplars": [{ "timeUnixNano": seconds_ago(seconds), "traceId": id(9), "spanId": "0000000000000002", "asDouble": 1500.0 }] }] } })
    };
    let mut first = explicit(240, [0, 0, 10, 0], 5000.0);
    let mut second = explicit(60, [90, 0, 10, 0], 5450.0);
    let since = seconds_ago(400);
    for report in [&mut first, &mut second] {
        report["histogram"]["dataPoints"][0]["startTimeUnixNano"] = json!(since);
        send_metric(&server, "a", report).expect(200);
    }
    let took = server.get_json(&format!("/api/ui/metrics/took?from={}", now_ns() / 1_000_000 - 600_000));
    assert_eq!((total(&took["series"]["count"]), total(&took["series"]["sum"])), (100.0, 5450.0), "{took}");
    let p50 = took["p50"].as_f64().unwrap();
    assert!((0.0..10.0).contains(&p50) && took["p99"].as_f64().unwrap() > 100.0, "{took}");
    let medians: Vec<f64> = took["series"]["p50"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert!(
        medians.len() == 2 && medians[0] > 100.0 && medians[1] < 10.0,
        "what came since is not what came before: {medians:?}"
    );
    assert_eq!((&took["examples"][0]["value"], &took["examples"][0]["trace_id"]), (&json!(1500.0), &json!(id(9))));

    let exponential = json!({ "name": "size", "unit": "By", "exponentialHistogram": { "aggregationTemporality": 1, "dataPoints": [{
        "timeUnixNano": seconds_ago(30), "count": 8, "sum": 24, "scale": 0, "positive": { "offset": 1, "bucketCounts": ["8"] } }] } });
    send_metric(&server, "a", &exponential).expect(200);
    let p95 = server.get_json("/api/ui/metrics/size")["p95"].as_f64().unwrap();
    assert!(p95 > 2.0 && p95 <= 4.0, "{p95}");
    let summary = json!({ "name": "gc", "unit": "s", "summary": { "dataPoints": [{ "startTimeUnixNano": since, "timeUnixNano": seconds_ago(30),
        "count": "4", "sum": 2, "quantileValues": [{ "quantile": 0.5, "value": 0.25 }, { "quantile": 1, "value": 1 }] }] } });
    send_metric(&server, "a", &summary).expect(200);
    let gc = server.get_json("/api/ui/metrics/gc?kind=distribution");
    assert_eq!((total(&gc["series"]["count"]), gc["variants"].as_array().unwrap().len()), (4.0, 2));
    let quantiles = server.get_json("/api/ui/metrics/gc?kind=gauge&split=quantile");
    assert_eq!(quantiles["split"].as_array().unwrap().len(), 2, "{quantiles}");
    server.expect_sound();
}

#[test]
fn points_that_are_no_numbers_are_refused_one_by_one() {
    let server = Trapline::start();
    let point = |value: Value| json!({ "timeUnixNano": seconds_ago(5), "asDouble": value });
    let gauge = json!({ "name": "depth", "gauge": { "dataPoints": [point(json!(4)), point(json!("NaN")), point(Value::Null)] } });
    let answer = send_metric(&server, "a", &gauge).expect(200);
    assert_eq!(answer.json()["partialSuccess"]["rejectedDataPoints"], "2", "{}", answer.text());
    assert_eq!((server.outcome("trace_metric", "accepted"), server.outcome("trace_metric", "invalid")), (1, 2));
    assert_eq!(server.get_json("/api/ui/metrics")["metrics"][0]["last"], 4.0);
    assert_eq!(Fixture::load("otlp-python-1.45.1/metrics").request(&server).send().status, 200);
}
