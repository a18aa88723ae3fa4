//! The matrix of real SDKs: each runs its own client against the real binary, and the app's API shows what it sent.
//! Django itself is in `django.rs`.

mod javascript;
mod jobs;
mod opentelemetry;
mod python;
mod requests;
mod rust;
mod telemetry;
mod versions;

use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::sdks::{NEWEST, python};

/// Every request was answered with success, and nothing in any of them was refused.
fn nothing_was_refused(server: &Trapline) {
    let ingest = server.get_json("/api/ui/ingest");
    let rows = ingest["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!((&row["status"], &row["problem"]), (&json!(200), &json!(null)), "{row}");
    }
}

/// A function of scripts.py with the newest sentry-sdk and these options beside the script's own.
fn script(name: &str, options: Value) -> Trapline {
    let server = Trapline::start();
    python(&server, NEWEST, &["script", name]).options(options).done();
    nothing_was_refused(&server);
    server
}

/// The only member of a list of the app's API.
fn only(list: &Value) -> &Value {
    match list.as_array().map(Vec::as_slice) {
        Some([member]) => member,
        _ => panic!("one of {list:#}"),
    }
}

/// The only release, as the app lists it.
fn release(server: &Trapline) -> Value {
    only(&server.get_json("/api/ui/releases")["releases"]).clone()
}

/// What a trace draws: depth, op and name of each span, in drawing order.
fn waterfall(trace: &Value) -> Vec<String> {
    let spans = &trace["spans"];
    let text = |column: &str, at: usize| spans[column][at].as_str().unwrap().to_owned();
    let depths = spans["depth"].as_array().unwrap().iter().enumerate();
    depths.map(|(at, depth)| format!("{depth} {}: {}", text("op", at), text("name", at))).collect()
}

/// The value of an attribute of a log.
fn attribute<'l>(log: &'l Value, name: &str) -> Option<&'l Value> {
    crate::sdks::entry(&log["attributes"], name)
}

/// The log with this text, in full.
fn log(server: &Trapline, body: &str) -> Value {
    let list = server.get_json("/api/ui/logs");
    let row = list["logs"].as_array().unwrap().iter().find(|log| log["body"] == body);
    let row = row.unwrap_or_else(|| panic!("{body:?} in {list:#}"));
    server.get_json(&format!("/api/ui/logs/{}", row["id"].as_str().unwrap()))
}

/// Name, kind, unit, points and sum of every metric.
fn metrics(server: &Trapline) -> Vec<(String, String, String, u64, f64)> {
    let list = server.get_json("/api/ui/metrics");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |metric: &Value| {
        let sum = metric["spark"].as_array().unwrap().iter().filter_map(Value::as_f64).sum();
        let count = metric["count"].as_u64().unwrap();
        (text(&metric["name"]), text(&metric["kind"]), text(&metric["unit"]), count, sum)
    };
    list["metrics"].as_array().unwrap().iter().map(row).collect()
}
