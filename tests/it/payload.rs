//! Made-up payloads, as small as they can be: for what no capture shows.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::harness::Trapline;

/// 32 hex digits, different for every number.
pub fn id(number: u64) -> String {
    format!("{:032x}", u128::from(number) + (0xa << 124))
}

/// An error of its own kind: two of one `ty` are one issue.
pub fn event(number: u64, ty: &str) -> Value {
    json!({
        "event_id": id(number), "platform": "python", "level": "error",
        "exception": { "values": [{ "type": ty, "value": "made up", "stacktrace": { "frames": [
            { "filename": "shop/cart.py", "module": "shop.cart", "function": ty, "lineno": 7, "in_app": true,
              "context_line": "    raise" }
        ] } }] },
    })
}

/// An envelope of items without lengths, as the JavaScript SDKs write it.
pub fn envelope(items: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::from("{}\n");
    for (ty, payload) in items {
        text.push_str(&format!("{{\"type\":\"{ty}\"}}\n{payload}\n"));
    }
    text.into_bytes()
}

pub fn event_envelope(event: &Value) -> Vec<u8> {
    envelope(&[("event", &event.to_string())])
}

fn item(headers: Value, payload: &[u8]) -> Vec<u8> {
    let mut headers = headers;
    headers["length"] = json!(payload.len());
    [headers.to_string().as_bytes(), b"\n", payload, b"\n"].concat()
}

/// One envelope with everything about one number; the same bytes whenever it is asked for with the same time.
pub fn mixed(number: u64, now_s: f64) -> Vec<u8> {
    let json_item = |ty: &str, payload: Value| item(json!({ "type": ty }), payload.to_string().as_bytes());
    const RELEASE: &str = "storm@1";
    let (trace, attributes) = (id(number), json!({ "sentry.release": { "value": RELEASE, "type": "string" } }));
    let span = json!({
        "trace_id": trace, "span_id": "00000000000000aa", "name": "s", "status": "ok", "is_segment": true,
        "start_timestamp": now_s - 1.0, "end_timestamp": now_s, "attributes": attributes,
    });
    let log = json!({
        "timestamp": now_s, "trace_id": trace, "level": "info", "body": format!("log {number}"), "attributes": attributes,
    });
    let point = json!({ "timestamp": now_s, "trace_id": trace, "name": "storms", "type": "counter", "value": 1 });
    let check_in = json!({
        "check_in_id": id(number), "monitor_slug": format!("job-{}", number % 7), "status": "ok",
        "monitor_config": { "schedule": { "type": "crontab", "value": "0 3 * * *" } },
    });
    let session = json!({
        "sid": id(number), "did": format!("user {}", number % 5), "seq": 0, "init": true, "status": "exited",
        "started": now_s - 2.0, "timestamp": now_s, "attrs": { "release": RELEASE, "environment": "production" },
    });
    let feedback = json!({
        "event_id": id(number + (1 << 40)), "contexts": { "feedback": { "message": format!("word {number}") } },
    });
    let file = json!({ "type": "attachment", "filename": "a.bin" });
    let mut failed = event(number, ["KeyError", "OSError"][number as usize % 2]);
    (failed["release"], failed["timestamp"]) = (json!(RELEASE), json!(now_s));
    failed["tags"] = json!({ "number": number.to_string() });
    let items = [
        json_item("event", failed),
        item(file, &number.to_le_bytes().repeat(2_000)),
        json_item("span", json!({ "version": 2, "items": [span] })),
        json_item("log", json!({ "version": 2, "items": [log] })),
        json_item("trace_metric", json!({ "version": 2, "items": [point] })),
        json_item("check_in", check_in),
        json_item("session", session),
        json_item("feedback", feedback),
    ];
    [format!("{{\"event_id\":\"{}\"}}\n", id(number)).into_bytes(), items.concat()].concat()
}

/// A POST to the envelope endpoint with the server's key.
pub fn to_envelope(server: &Trapline, body: impl Into<Vec<u8>>) -> Request {
    server.post("/api/1/envelope/").header("x-sentry-auth", &auth(server.key())).body(body)
}

pub fn to_store(server: &Trapline, body: impl Into<Vec<u8>>) -> Request {
    server.post("/api/1/store/").header("x-sentry-auth", &auth(server.key())).body(body)
}

/// The auth header of an SDK.
pub fn auth(key: &str) -> String {
    format!("Sentry sentry_key={key}, sentry_version=7, sentry_client=sentry.python/2.75.0")
}

/// Sends one event and expects it to be kept.
pub fn send_event(server: &Trapline, number: u64, ty: &str) -> Answer {
    let answer = to_envelope(server, event_envelope(&event(number, ty))).send().expect(200);
    assert_eq!(answer.json()["id"], id(number));
    answer
}

/// A server span in OTLP/JSON. Zero as trace is not a valid id.
pub fn otlp_span(trace: u64, span: u64, name: &str) -> Value {
    let trace_id = if trace == 0 { "0".repeat(32) } else { id(trace) };
    json!({
        "traceId": trace_id, "spanId": format!("{span:016x}"), "name": name, "kind": 2,
        "startTimeUnixNano": "1800000000000000000", "endTimeUnixNano": "1800000000250000000",
        "attributes": [{ "key": "http.route", "value": { "stringValue": name } }],
    })
}

pub fn otlp_request(spans: &[Value]) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "billing" } }] },
        "scopeSpans": [{ "spans": spans }],
    }] })
}

pub fn send_span(server: &Trapline, trace: u64, name: &str) -> Answer {
    server.post("/v1/traces").json(&otlp_request(&[otlp_span(trace, 1, name)])).send().expect(200)
}

/// Compressed as the content encoding of that name says.
pub fn compress(encoding: &str, plain: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    match encoding {
        "gzip" | "x-gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        // As some clients understand "deflate".
        "raw deflate" => {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::bulk::compress(plain, 1).unwrap(),
        "" | "identity" => plain.to_vec(),
        other => panic!("{other}"),
    }
}
