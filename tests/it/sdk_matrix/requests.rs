//! The newest sentry-sdk in a Django project: traces of requests, sessions, people's data.

use serde_json::{Value, json};

use super::{nothing_was_refused, release, waterfall};
use crate::harness::{Trapline, wait_for};
use crate::sdks::{NEWEST, entry, event, python, span_names, tag, trace};

fn visited(server: &Trapline, args: &[&str], options: Value) {
    python(server, NEWEST, args).options(options).done();
    nothing_was_refused(server);
}

#[test]
fn with_and_without_brotli() {
    for with_brotli in [false, true] {
        let server = Trapline::start();
        let run = python(&server, NEWEST, &["wsgi", "/unhandled/7/"]);
        let run = run.options(json!({"traces_sample_rate": 1.0}));
        if with_brotli { run.with_brotli() } else { run }.done();
        let event = event(&server, "RuntimeError: order cannot be packed");
        let modules = event["detail"]["modules"].as_array().unwrap();
        assert_eq!(modules.iter().any(|module| module["key"] == "brotli"), with_brotli);
        assert_eq!(span_names(&server, "GET /unhandled/{order_id}/")[0], "GET /unhandled/{order_id}/");
        nothing_was_refused(&server);
    }
}

#[test]
fn streamed_and_whole_a_request_is_the_same_waterfall() {
    let waterfalls = ["static", "stream"].map(|lifecycle| {
        let server = Trapline::start();
        // The visitor is in the same process, and would have the SDK go on with its own trace.
        let options = json!({"traces_sample_rate": 1.0, "trace_lifecycle": lifecycle, "trace_propagation_targets": []});
        visited(&server, &["wsgi", "/unhandled/7/"], options);
        let trace = trace(&server, "GET /unhandled/{order_id}/");
        assert_eq!(trace["errors"][0]["title"], "RuntimeError: order cannot be packed");
        assert_eq!(server.outcome("transaction", "accepted"), u64::from(lifecycle == "static"));
        let row = server.traces().into_iter().find(|row| row["trace_id"] == trace["trace_id"]).unwrap();
        assert_eq!((&row["http_status"], &row["status"]), (&json!(500), &json!("error")));
        waterfall(&trace)
    });
    assert_eq!(waterfalls[0], waterfalls[1]);
    assert_eq!(waterfalls[0][0], "0 http.server: GET /unhandled/{order_id}/");
    assert!(waterfalls[0].len() > 1);
}

#[test]
fn each_request_is_a_session() {
    let server = Trapline::start();
    visited(&server, &["wsgi", "/fine/", "/caught/", "/unhandled/7/"], json!({"release": "desk@1.0"}));
    let release = release(&server);
    assert_eq!((&release["version"], &release["environment"]), (&json!("desk@1.0"), &json!("production")));
    assert_eq!(release["session_count"], 3);
    assert_eq!((&release["errored_count"], &release["crashed_count"]), (&json!(1), &json!(1)));
    assert_eq!(release["event_count"], 2);
}

#[test]
fn people_are_known_only_when_the_project_says_so() {
    let visit = |options: Value| {
        let server = Trapline::start();
        visited(&server, &["wsgi", "post:/order/"], options);
        event(&server, "ValueError: no such order: 43 bytes")
    };
    let with = visit(json!({"send_default_pii": true}));
    assert_eq!(entry(&with["detail"]["user"], "ip_address"), Some(&json!("127.0.0.1")));
    let request = &with["detail"]["request"];
    assert_eq!(request["data"], json!({"order": 41, "password": "[Filtered]"}));
    assert_eq!(request["cookies"][1], json!({"key": "shelf", "value": "oak"}));
    assert!(!with.to_string().contains("hush-hush"), "{with}");
    let without = visit(json!({}));
    assert_eq!(entry(&without["detail"]["user"], "ip_address"), None);
    assert!(!without.to_string().contains("hush-hush"), "{without}");
    // Its user agent says which browser it was, with and without.
    for event in [&with, &without] {
        let contexts = event["detail"]["contexts"].as_array().unwrap();
        assert!(contexts.iter().any(|context| context["name"] == "browser" && context["summary"] == "Firefox 145.0"));
    }
    assert_eq!(tag(&without, "handled"), Some("no"));
}

#[test]
fn asgi_and_a_websocket() {
    let server = Trapline::start();
    visited(&server, &["asgi", "/fine/", "ws:/ws/counter/3/"], json!({"traces_sample_rate": 1.0}));
    let fine = trace(&server, "GET /fine/");
    assert_eq!(waterfall(&fine)[0], "0 http.server: GET /fine/");
    // No route names it: it is listed under its address, without what differs from shelf to shelf.
    let row = wait_for("the websocket", || server.traces().into_iter().find(|row| row["op"] == "websocket.server"));
    let name = row["name"].as_str().unwrap();
    assert!(name.starts_with("ws://127.0.0.1:") && name.ends_with("/ws/counter/*/"), "{name}");
    assert_eq!((&row["error_count"], &row["status"]), (&json!(1), &json!("error")));
    let id = row["trace_id"].as_str().unwrap();
    let socket = server.get_json(&format!("/api/ui/traces/{id}"));
    assert_eq!(socket["errors"][0]["title"], "BufferError: cannot count apples");
}
