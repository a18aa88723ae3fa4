//! The shop sends with the Sentry SDK, billing with OpenTelemetry: one trace.

use serde_json::Value;

use crate::fixture::{Fixture, send};
use crate::harness::Trapline;

/// The columns of a trace as one row per span.
struct Row {
    span_id: String,
    parent: Option<usize>,
    depth: u64,
    op: String,
    service: String,
    source: String,
    status: String,
    start_ns: i64,
    end_ns: i64,
}

fn rows(trace: &Value) -> Vec<Row> {
    let columns = &trace["spans"];
    let text = |column: &str, index: usize| columns[column][index].as_str().unwrap().to_string();
    let number = |column: &str, index: usize| columns[column][index].as_i64().unwrap();
    let count = columns["span_id"].as_array().unwrap().len();
    for (name, column) in columns.as_object().unwrap() {
        assert_eq!(column.as_array().unwrap().len(), count, "{name}");
    }
    let row = |index| Row {
        span_id: text("span_id", index),
        parent: usize::try_from(number("parent", index)).ok(),
        depth: columns["depth"][index].as_u64().unwrap(),
        op: text("op", index),
        service: trace["services"][number("service", index) as usize].as_str().unwrap().to_string(),
        source: text("source", index),
        status: text("status", index),
        start_ns: number("start_ns", index),
        end_ns: number("start_ns", index) + number("duration_ns", index),
    };
    (0..count).map(row).collect()
}

/// The one trace there is.
fn only_trace(server: &Trapline) -> (Value, Value) {
    let traces = server.traces();
    assert_eq!(traces.len(), 1, "{traces:?}");
    let id = traces[0]["trace_id"].as_str().unwrap();
    (traces[0].clone(), server.get_json(&format!("/api/ui/traces/{id}")))
}

fn assert_joined(trace: &Value) {
    assert_eq!((&trace["has_sentry"], &trace["has_otel"]), (&true.into(), &true.into()));
    let rows = rows(trace);
    assert_eq!(rows[0].parent, None);
    assert_eq!(rows.iter().filter(|row| row.parent.is_none()).count(), 1, "more than one root");
    for (index, row) in rows.iter().enumerate().skip(1) {
        let parent = row.parent.unwrap();
        assert!(parent < index, "a child is drawn before its parent");
        assert_eq!(row.depth, rows[parent].depth + 1);
    }
    assert!(trace["spans"]["is_orphan"].as_array().unwrap().iter().all(|is_orphan| is_orphan == false));
    let across: Vec<&Row> =
        rows.iter().filter(|row| row.parent.is_some_and(|parent| rows[parent].source != row.source)).collect();
    assert_eq!(across.len(), 1, "links between the two services");
    let caller = &rows[across[0].parent.unwrap()];
    assert_eq!((caller.op.as_str(), caller.source.as_str()), ("http.client", "sentry"));
    assert_ne!(caller.service, across[0].service);
    assert_eq!(across[0].source, "otel");
    let last = rows.iter().map(|row| row.end_ns).max().unwrap();
    assert_eq!(trace["duration_ns"].as_i64().unwrap(), last);
    assert_eq!(rows.iter().map(|row| row.start_ns).min(), Some(0));
}

#[test]
fn spans_of_both_sides_are_joined_whatever_comes_first() {
    for order in [["success-shop", "success-billing"], ["success-billing", "success-shop"]] {
        let server = Trapline::start();
        for name in order {
            send(&server, &format!("shop-and-billing/{name}"));
        }
        let (listed, trace) = only_trace(&server);
        assert_joined(&trace);
        assert_eq!(listed["span_count"].as_u64().unwrap() as usize, rows(&trace).len());
        assert_eq!(listed["services"].as_array().unwrap().len(), 2, "{listed}");
        assert_eq!((&listed["is_partial"], &listed["error_count"]), (&false.into(), &0.into()));
        assert_eq!(listed["name"], trace["name"]);
        assert_eq!(trace["errors"], serde_json::json!([]));
    }
}

#[test]
fn the_error_is_placed_on_the_span_it_happened_in() {
    let server = Trapline::start();
    for name in ["failure-shop", "failure-billing", "failure-shop-transaction"] {
        send(&server, &format!("shop-and-billing/{name}"));
    }
    let (listed, trace) = only_trace(&server);
    assert_joined(&trace);
    // The shop's own, and that of billing which led to it.
    assert_eq!(listed["error_count"], 2);

    let event = Fixture::load("shop-and-billing/failure-shop").first_item();
    let errors = trace["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    let (of_shop, of_billing): (Vec<&Value>, Vec<&Value>) =
        errors.iter().partition(|error| error["event_id"] == event["event_id"]);
    let errors = of_shop;
    let rows = rows(&trace);
    let place = &rows[of_billing[0]["span"].as_u64().unwrap() as usize];
    assert_eq!((place.service.as_str(), place.op.as_str(), place.source.as_str()), ("billing", "http.server", "otel"));
    let place = &rows[errors[0]["span"].as_u64().unwrap() as usize];
    assert_eq!(place.span_id, event["contexts"]["trace"]["span_id"].as_str().unwrap());
    assert_eq!(errors[0]["is_placed_by_time"], false);
    let issues = server.issues();
    assert!(issues.iter().any(|issue| issue["short_id"] == errors[0]["short_id"]), "{issues:?}");
    assert!(rows.iter().any(|row| row.source == "otel" && row.status == "error"), "billing's span failed too");

    // And back from the error to the trace.
    let event = server.get_json(&format!("/api/ui/events/{}", errors[0]["event_id"].as_str().unwrap()));
    assert_eq!(event["trace"]["trace_id"], trace["trace_id"]);
    assert_eq!(event["trace"]["span_id"], place.span_id.as_str());
    assert_eq!(event["trace"]["has_spans"], true);
}

#[test]
fn an_error_that_comes_before_any_span_already_has_its_trace() {
    let server = Trapline::start();
    send(&server, "shop-and-billing/failure-shop");
    let event = Fixture::load("shop-and-billing/failure-shop").first_item();
    let trace_id = event["contexts"]["trace"]["trace_id"].as_str().unwrap();
    let event = server.get_json("/api/ui/issues/DEFAULT-1/events/latest");
    assert_eq!(event["trace"]["has_spans"], false);
    let trace = server.get_json(&format!("/api/ui/traces/{trace_id}"));
    assert_eq!(trace["errors"].as_array().unwrap().len(), 1);
    assert_eq!(trace["errors"][0]["span"], -1);
    assert_eq!(rows(&trace).len(), 0);
}

#[test]
fn half_a_trace_says_so() {
    let server = Trapline::start();
    send(&server, "shop-and-billing/success-billing");
    let (listed, trace) = only_trace(&server);
    assert_eq!((&trace["has_sentry"], &trace["has_otel"]), (&false.into(), &true.into()));
    assert!(trace["spans"]["is_orphan"].as_array().unwrap().iter().any(|is_orphan| is_orphan == true));
    assert_eq!(listed["span_count"].as_u64().unwrap() as usize, rows(&trace).len());
}

#[test]
fn the_queries_of_a_list_page_are_counted() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-n-plus-one-transaction");
    send(&server, "otlp-python-1.45.1/traces-n-plus-one");
    let traces = server.traces();
    let counts: Vec<u64> = traces.iter().map(|trace| trace["db_span_count"].as_u64().unwrap()).collect();
    assert_eq!(counts.len(), 2, "{traces:?}");
    assert!(counts.iter().all(|count| *count >= 11), "{traces:?}");
}
