//! A Django project with the Sentry SDK and OpenTelemetry in one process: what becomes one trace, and what cannot.

use serde_json::{Value, json};

use crate::harness::{Trapline, wait_for};
use crate::sdks::{event, python};

/// The pinned OpenTelemetry, beside the newest sentry-sdk.
const OTEL: &str = "otel-1.45.1";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// Visits the desk, whose OTel and Sentry know of each other as `mode` says.
fn visited(mode: &str, headers: Value, path: &str) -> Trapline {
    let server = Trapline::start();
    let endpoint = format!("http://{}", server.address());
    python(&server, OTEL, &["wsgi", path])
        .env("OTEL", mode)
        .env("HEADERS", headers.to_string())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .done();
    server
}

/// The trace of the one error, by the words of the error's own page.
fn trace_of_error(server: &Trapline) -> Value {
    let event = event(server, "Shelf.DoesNotExist: Shelf matching query does not exist.");
    let id = event["trace"]["trace_id"].as_str().unwrap().to_owned();
    let path = format!("/api/ui/traces/{id}");
    wait_for("spans of the error's trace", || {
        let trace = server.get_json(&path);
        (trace["spans"]["span_id"].as_array().unwrap().len() > 1).then_some(trace)
    })
}

/// The error stands on the request's span, and the query below it is known as one.
fn assert_whole(server: &Trapline, trace: &Value) {
    let errors = trace["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{trace}");
    assert_eq!(errors[0]["is_placed_by_time"], false, "{errors:?}");
    let place = errors[0]["span"].as_u64().unwrap() as usize;
    assert_eq!(trace["spans"]["op"][place], "http.server", "{trace}");
    let ops = trace["spans"]["op"].as_array().unwrap();
    let query = ops.iter().position(|op| op == "db").unwrap_or_else(|| panic!("no query: {trace}"));
    let id = trace["spans"]["span_id"][query].as_str().unwrap();
    let span = server.get_json(&format!("/api/ui/traces/{}/spans/{id}", trace["trace_id"].as_str().unwrap()));
    assert_eq!(span["query"]["summary"], "SELECT stock_shelf", "{span}");
}

#[test]
fn spans_by_otlp_and_errors_by_sentry_are_one_trace() {
    let server = visited("integration", json!({}), "/missing/");
    let trace = trace_of_error(&server);
    assert_whole(&server, &trace);
    assert_eq!((&trace["has_otel"], &trace["has_sentry"]), (&json!(true), &json!(false)));
    assert_eq!(trace["name"], "GET /missing/");
    // One request, one trace: what else there is are queries outside of it, and they are not listed.
    let listed = server.get_json("/api/ui/traces");
    assert_eq!(listed["traces"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["traces"][0]["error_count"], 1);
}

#[test]
fn the_same_spans_by_both_protocols_are_one_trace() {
    let server = visited("bridge", json!({}), "/missing/");
    let trace = wait_for("the spans of both", || {
        let trace = trace_of_error(&server);
        (trace["has_otel"] == true && trace["has_sentry"] == true).then_some(trace)
    });
    assert_whole(&server, &trace);
    let ids = trace["spans"]["span_id"].as_array().unwrap();
    let mut once: Vec<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len());
    assert_eq!(trace["spans"]["is_orphan"], json!(vec![false; ids.len()]), "{trace}");
}

#[test]
fn two_sdks_side_by_side_meet_when_their_caller_names_the_trace_to_both() {
    let headers = json!({
        "traceparent": format!("00-{TRACE}-{CALLER}-01"),
        "sentry-trace": format!("{TRACE}-{CALLER}-1"),
    });
    let server = visited("beside", headers, "/missing/");
    let trace = trace_of_error(&server);
    assert_eq!(trace["trace_id"], TRACE);
    assert_eq!(trace["has_otel"], true);
    assert_eq!(trace["errors"].as_array().unwrap().len(), 1);
}

/// What the README says cannot join: each SDK begins a trace of its own, and tells of the error in it.
#[test]
fn two_sdks_side_by_side_that_nobody_tells_of_a_trace_make_two() {
    let server = visited("beside", json!({}), "/missing/");
    let otel =
        wait_for("the request's span", || server.traces().into_iter().find(|trace| trace["name"] == "GET /missing/"));
    assert_eq!(otel["error_count"], 1);
    let issues = server.issues();
    let events: Vec<Value> = issues
        .iter()
        .filter(|issue| issue["title"] == "Shelf.DoesNotExist: Shelf matching query does not exist.")
        .map(|issue| server.get_json(&format!("/api/ui/issues/{}/events/latest", issue["id"].as_str().unwrap())))
        .collect();
    let (of_otel, of_sentry): (Vec<&Value>, Vec<&Value>) =
        events.iter().partition(|event| event["trace"]["trace_id"] == otel["trace_id"]);
    assert_eq!((of_otel.len(), of_sentry.len()), (1, 1), "{issues:?}");
    assert_eq!(of_sentry[0]["reports"], json!([]));
}
