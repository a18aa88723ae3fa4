//! Metrics of Sentry SDKs: kept once, summed by minute, drawn over time, split by attribute, led back to their traces.

use serde_json::{Value, json};

use crate::fixture::send;
use crate::harness::Trapline;
use crate::payload::{envelope, id, to_envelope};

fn now_s() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() - 30.0
}

fn metric(name: &str, ty: &str, value: f64, trace: u64) -> Value {
    json!({
        "timestamp": now_s(), "trace_id": id(trace), "name": name, "type": ty, "value": value,
        "attributes": { "country": { "value": if trace.is_multiple_of(2) { "DE" } else { "FR" }, "type": "string" } },
    })
}

fn send_metrics(server: &Trapline, metrics: &[Value]) {
    let container = json!({ "version": 2, "items": metrics }).to_string();
    to_envelope(server, envelope(&[("trace_metric", &container)])).send().expect(200);
}

fn total(column: &Value) -> f64 {
    column.as_array().unwrap().iter().filter_map(Value::as_f64).sum()
}

#[test]
fn the_metrics_of_a_real_sdk_are_listed_and_drawn() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/trace-metrics");
    let metrics = server.get_json("/api/ui/metrics")["metrics"].clone();
    let named: Vec<_> = metrics
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["name"].as_str().unwrap(), m["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(named, [("reports.duration", "distribution"), ("reports.sent", "counter")]);
    assert_eq!((metrics[0]["unit"].as_str(), metrics[0]["last"].as_f64()), (Some("millisecond"), Some(187.5)));
    assert_eq!(server.outcome("trace_metric", "accepted"), 2);
}

#[test]
fn points_are_summed_once_however_often_they_are_delivered() {
    let server = Trapline::start();
    let points: Vec<Value> = (0..4).map(|n| metric("orders", "counter", 2.5, n)).collect();
    send_metrics(&server, &points);
    send_metrics(&server, &points);
    let orders = server.get_json("/api/ui/metrics/orders");
    assert_eq!((total(&orders["series"]["sum"]), total(&orders["series"]["count"])), (10.0, 4.0));
    assert_eq!(server.outcome("trace_metric", "duplicate"), 4);
    let row = server.get_json("/api/ui/metrics")["metrics"][0].clone();
    assert_eq!((total(&row["spark"]), row["count"].as_u64()), (10.0, Some(4)));
}

#[test]
fn a_metric_is_split_by_an_attribute_and_leads_to_traces() {
    let server = Trapline::start();
    let points: Vec<Value> = (1..=20).map(|n| metric("checkout/ms", "distribution", n as f64, n)).collect();
    send_metrics(&server, &points);
    let checkout = server.get_json("/api/ui/metrics/checkout%2Fms?split=country");
    let split = checkout["split"].as_array().unwrap();
    assert_eq!(split.len(), 2);
    for part in split {
        let expected = if part["value"] == "DE" { 110.0 } else { 100.0 };
        assert_eq!(total(&part["series"]["sum"]), expected, "{part}");
    }
    assert!(checkout["attributes"].as_array().unwrap().contains(&json!("country")));
    assert_eq!((checkout["p50"].as_f64(), checkout["p95"].as_f64()), (Some(10.0), Some(19.0)));
    assert_eq!(
        (checkout["examples"][0]["trace_id"].as_str(), checkout["examples"][0]["value"].as_f64()),
        (Some(id(20).as_str()), Some(20.0))
    );
    assert_eq!(server.get("/api/ui/metrics/nobody").status, 404);
    assert_eq!(server.get_json("/api/ui/metrics?query=CHECK")["metrics"].as_array().unwrap().len(), 1);
}

#[test]
fn charts_of_a_young_store_begin_with_the_first_point() {
    let server = Trapline::start();
    send_metrics(&server, &[metric("shop.checkout", "counter", 1.0, 1)]);
    for path in ["/api/ui/metrics?", "/api/ui/metrics/shop.checkout?"] {
        let begin = |more: &str| server.get_json(&format!("{path}{more}"))["from_ms"].as_f64().unwrap();
        assert!(begin("") < now_s() * 1000.0 - 23.0 * 3_600_000.0, "{path}");
        assert!(begin("fit=true") > now_s() * 1000.0 - 3_600_000.0, "{path}");
    }
}

#[test]
fn one_name_may_be_several_metrics() {
    let server = Trapline::start();
    let mut in_bytes = metric("size", "gauge", 7.0, 2);
    in_bytes["unit"] = json!("byte");
    send_metrics(&server, &[metric("size", "gauge", 1.0, 1), in_bytes, metric("size", "counter", 3.0, 3)]);
    assert_eq!(server.get_json("/api/ui/metrics")["metrics"].as_array().unwrap().len(), 3);
    let size = server.get_json("/api/ui/metrics/size?kind=gauge&unit=byte");
    assert_eq!((total(&size["series"]["last"]), size["variants"].as_array().unwrap().len()), (7.0, 3));
}

#[test]
fn a_point_that_means_nothing_costs_itself() {
    let server = Trapline::start();
    let mut no_trace = metric("a", "counter", 1.0, 1);
    no_trace["trace_id"] = Value::Null;
    let mut text = metric("a", "counter", 1.0, 1);
    text["value"] = json!("many");
    let huge =
        [metric("a", "counter", 1.7e308, 1), metric("a", "counter", 1.7e308, 2), metric("a", "counter", -1.7e308, 3)];
    send_metrics(&server, &[no_trace, text, metric("a", "set", 1.0, 1), metric("b", "gauge", 4.0, 1)]);
    for point in huge {
        send_metrics(&server, &[point]);
    }
    assert_eq!((server.outcome("trace_metric", "accepted"), server.outcome("trace_metric", "invalid")), (4, 3));
    assert_eq!(server.get_json("/api/ui/metrics/a")["kind"], "counter");
}

#[test]
fn every_kind_of_a_real_sdk_is_kept_with_its_unit() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/trace-metrics-every-kind");
    let metrics = server.get_json("/api/ui/metrics")["metrics"].clone();
    let read = |place: usize| {
        let metric = &metrics[place];
        [&metric["name"], &metric["kind"], &metric["unit"]].map(|text| text.as_str().unwrap().to_string())
    };
    assert_eq!(read(0), ["stock.boxes", "gauge", "item"]);
    assert_eq!(read(1), ["stock.counted", "counter", ""]);
    assert_eq!(read(2), ["stock.duration", "distribution", "second"]);
}
