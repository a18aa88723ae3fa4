//! Older versions of sentry-sdk that projects still run, each with what it can do.

use serde_json::{Value, json};

use super::jobs::is_the_nightly_job;
use super::{nothing_was_refused, only, release};
use crate::harness::Trapline;
use crate::sdks::{event, python, trace};

const PATHS: [&str; 4] = ["wsgi", "/fine/", "/caught/", "/unhandled/7/"];

fn visited(version: &str, options: Value) -> Trapline {
    let server = Trapline::start();
    python(&server, version, &PATHS).options(options).done();
    nothing_was_refused(&server);
    server
}

/// Nothing but a DSN: errors, and no trace.
fn sends_errors_by_default(version: &str) {
    let server = visited(version, json!({}));
    let event = event(&server, "RuntimeError: order cannot be packed");
    assert!(event["detail"]["sdk"].as_str().unwrap().ends_with(&format!("/{version}")), "{}", event["detail"]["sdk"]);
    assert_eq!(server.issues().len(), 2);
    assert_eq!(server.traces(), Vec::<Value>::new());
}

fn sends_transactions(version: &str, options: Value, fine: &str, unhandled: &str) {
    let server = visited(version, options);
    assert_eq!(server.outcome("transaction", "accepted"), 3);
    let fine = trace(&server, fine);
    assert_eq!(fine["op"], "http.server");
    assert!(fine["spans"]["name"].as_array().unwrap().iter().any(|name| name == "stock.views.fine"), "{fine}");
    let failed = trace(&server, unhandled);
    assert_eq!(failed["errors"].as_array().unwrap().len(), 1);
    assert_eq!(failed["trace_id"], event(&server, "RuntimeError: order cannot be packed")["trace"]["trace_id"]);
}

fn counts_sessions(version: &str, options: Value) {
    let release = release(&visited(version, options));
    assert_eq!((&release["version"], &release["session_count"]), (&json!("desk@1.0"), &json!(3)));
    assert_eq!((&release["errored_count"], &release["crashed_count"]), (&json!(1), &json!(1)));
}

#[test]
fn sdk_0_20_3() {
    sends_errors_by_default("0.20.3");
    sends_transactions("0.20.3", json!({"traces_sample_rate": 1.0}), "GET /fine/Z", "GET /unhandled/{order_id}/Z");
    counts_sessions("0.20.3", json!({"release": "desk@1.0", "_experiments": {"auto_session_tracking": true}}));
}

#[test]
fn sdk_1_14_0() {
    sends_errors_by_default("1.14.0");
    sends_transactions("1.14.0", json!({"traces_sample_rate": 1.0}), "GET /fine/", "GET /unhandled/{order_id}/");
    counts_sessions("1.14.0", json!({"release": "desk@1.0"}));
}

#[test]
fn sdk_1_45_1() {
    sends_errors_by_default("1.45.1");
    // The visitor is in the same process, and would have the SDK go on with its own trace.
    let traced = json!({"traces_sample_rate": 1.0, "trace_propagation_targets": []});
    sends_transactions("1.45.1", traced, "GET /fine/", "GET /unhandled/{order_id}/");
    counts_sessions("1.45.1", json!({"release": "desk@1.0"}));
}

#[test]
fn sdk_1_45_1_beside_requests() {
    let run = |name: &str| {
        let server = Trapline::start();
        python(&server, "1.45.1", &["script", name]).done();
        nothing_was_refused(&server);
        server
    };
    let server = run("profile");
    let trace = trace(&server, "profiled");
    assert!(only(&trace["profiles"])["samples"].as_u64().unwrap() > 0);
    is_the_nightly_job(&run("cron"));
    // Metrics of that time came as statsd, which is counted by name and not kept; what comes after it is.
    let server = run("statsd");
    assert_eq!((server.outcome("statsd", "not_kept"), server.outcome("metric_meta", "not_kept")), (1, 1));
    event(&server, "after the metrics");
}
