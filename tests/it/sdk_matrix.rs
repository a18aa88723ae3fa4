//! The matrix of real SDKs: each runs its own client with its default options against the real binary, and the app's API
//! shows what it sent. Django itself is in `django.rs`.

use serde_json::json;

use crate::harness::Trapline;
use crate::sdks::{NEWEST, browser, event, issue, node, python, rust, span_names, tag};

/// Every request was answered with success, and nothing in any of them was refused.
fn nothing_was_refused(server: &Trapline) {
    let ingest = server.get_json("/api/ui/ingest");
    let rows = ingest["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!((&row["status"], &row["problem"]), (&json!(200), &json!(null)), "{row}");
    }
}

#[test]
fn sentry_sdk_with_and_without_brotli() {
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
fn sentry_for_node() {
    let server = Trapline::start();
    let printed = node(&server).done();
    let error = event(&server, "RangeError: order cannot be packed by node");
    let exceptions = error["detail"]["exceptions"].as_array().unwrap();
    let types: Vec<_> = exceptions.iter().map(|exception| exception["ty"].as_str().unwrap()).collect();
    assert_eq!(types, ["TypeError", "RangeError"]);
    assert_eq!(error["trace"]["trace_id"], printed.trim());
    assert_eq!(tag(&event(&server, "said by node"), "shelf"), Some("oak"));
    nothing_was_refused(&server);
}

#[test]
fn sentry_for_browsers() {
    let server = Trapline::start();
    browser(&server).done();
    let found = issue(&server, "TypeError: order cannot be packed by a browser");
    assert_eq!(found["is_unhandled"], true);
    nothing_was_refused(&server);
}

#[test]
fn sentry_for_rust() {
    let server = Trapline::start();
    rust(&server).done();
    let error = event(&server, "Packing: order cannot be packed by Rust");
    let exceptions = error["detail"]["exceptions"].as_array().unwrap();
    let types: Vec<_> = exceptions.iter().map(|exception| exception["ty"].as_str().unwrap()).collect();
    assert_eq!(types, ["ParseIntError", "Packing"]);
    assert_eq!(issue(&server, "panic: the shelf fell over")["is_unhandled"], true);
    assert_eq!(event(&server, "said by Rust")["level"], "warning");
    assert_eq!(span_names(&server, "pack order"), ["pack order", "SELECT shelf"]);
    nothing_was_refused(&server);
}
