//! Spans that come by themselves: containers of a streaming SDK, and a browser's web vitals.

use serde_json::{Value, json};

use crate::fixture::send;
use crate::harness::Trapline;
use crate::payload::{envelope, id, to_envelope};

/// Seconds since the epoch, a minute ago.
fn now_s() -> f64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    elapsed.as_secs_f64() - 60.0
}

fn attributes(list: &[(&str, Value)]) -> Value {
    let typed = |value: &Value| {
        let ty = match value {
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() => "integer",
            Value::Number(_) => "double",
            Value::Array(_) => "array",
            _ => "string",
        };
        json!({ "value": value, "type": ty })
    };
    list.iter().map(|(key, value)| (key.to_string(), typed(value))).collect::<serde_json::Map<_, _>>().into()
}

/// A child of span 1, sent while the request still had its first name.
fn child(trace: u64, span: u64) -> Value {
    json!({
        "trace_id": id(trace), "span_id": format!("{span:016x}"), "parent_span_id": format!("{:016x}", 1),
        "name": format!("child {span}"), "status": "ok", "is_segment": false,
        "start_timestamp": now_s() + 0.001, "end_timestamp": now_s() + 0.002,
        "attributes": attributes(&[
            ("sentry.op", json!("db")), ("sentry.segment.id", json!(format!("{:016x}", 1))),
            ("sentry.segment.name", json!("generic WSGI request")),
        ]),
    })
}

fn segment(trace: u64, name: &str, more: &[(&str, Value)]) -> Value {
    let mut list = vec![
        ("sentry.op", json!("http.server")),
        ("http.request.method", json!("GET")),
        ("sentry.segment.id", json!(format!("{:016x}", 1))),
        ("sentry.segment.name", json!(name)),
        ("sentry.release", json!("shop@7")),
        ("sentry.environment", json!("staging")),
    ];
    list.extend(more.iter().cloned());
    json!({
        "trace_id": id(trace), "span_id": format!("{:016x}", 1), "name": name, "status": "ok", "is_segment": true,
        "start_timestamp": now_s(), "end_timestamp": now_s() + 0.5, "attributes": attributes(&list),
    })
}

fn container(spans: &[Value]) -> Vec<u8> {
    envelope(&[("span", &json!({ "version": 2, "items": spans }).to_string())])
}

fn span_of(server: &Trapline, trace: u64, span: u64) -> Value {
    server.get_json(&format!("/api/ui/traces/{}/spans/{span:016x}", id(trace)))
}

fn attribute<'s>(span: &'s Value, name: &str) -> &'s Value {
    let list = span["attributes"].as_array().unwrap();
    list.iter().find(|attribute| attribute["name"] == name).map_or(&Value::Null, |attribute| &attribute["value"])
}

#[test]
fn a_streamed_django_request_is_a_trace_like_any_other() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-span-stream");
    let traces = server.traces();
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0]["name"], "GET /orders/{order_id}/");
    assert_eq!((&traces[0]["span_count"], &traces[0]["is_partial"]), (&json!(5), &json!(false)));
    // Of the two spans of the database one is its connection.
    assert_eq!((&traces[0]["db_span_count"], &traces[0]["http_status"]), (&json!(1), &json!(200)));
    assert_eq!(server.outcome("span", "accepted"), 5);
    let trace = server.get_json(&format!("/api/ui/traces/{}", traces[0]["trace_id"].as_str().unwrap()));
    assert_eq!(trace["spans"]["depth"], json!([0, 1, 1, 1, 1]));
    assert!(trace["spans"]["name"].as_array().unwrap().contains(&json!("connect")), "{}", trace["spans"]["name"]);
    let root = trace["spans"]["span_id"][0].as_str().unwrap();
    let root = server.get_json(&format!("/api/ui/traces/{}/spans/{root}", trace["trace_id"].as_str().unwrap()));
    assert_eq!((&root["release"], &root["environment"]), (&json!("shop@2026.11.3"), &json!("production")));
    for secret in ["http.request.header.authorization", "http.request.header.cookie"] {
        assert_eq!(attribute(&root, secret), "[Filtered]", "{secret}");
    }
    // The same again changes nothing.
    send(&server, "sentry-python-2.75.0/django-span-stream");
    assert_eq!(server.traces(), traces);
    assert_eq!(server.outcome("span", "duplicate"), 5);
}

#[test]
fn a_script_that_renames_its_segment_is_named_as_it_ended() {
    for order in [["child", "segment"], ["segment", "child"]] {
        let server = Trapline::start();
        for part in order {
            send(&server, &format!("sentry-python-2.75.0/span-stream-{part}"));
        }
        let traces = server.traces();
        assert_eq!((traces.len(), &traces[0]["name"]), (1, &json!("nightly import")));
        assert_eq!((&traces[0]["span_count"], &traces[0]["failed_span_count"]), (&json!(3), &json!(1)));
        assert_eq!(server.outcome("sdk_delivery", "not_kept"), 1, "the SDK's own request between the two");
        let trace_id = traces[0]["trace_id"].as_str().unwrap();
        let trace = server.get_json(&format!("/api/ui/traces/{trace_id}"));
        let names = trace["spans"]["name"].as_array().unwrap();
        let child = names.iter().position(|name| name == "read files").unwrap();
        let child = trace["spans"]["span_id"][child].as_str().unwrap();
        let child = server.get_json(&format!("/api/ui/traces/{trace_id}/spans/{child}"));
        assert_eq!(attribute(&child, "sentry.segment.name"), "nightly import", "sent as \"unnamed import\"");
        assert_eq!(attribute(&child, "rows.read"), 812);
        assert_eq!(attribute(&child, "rows.share"), 0.25);
        assert_eq!(attribute(&child, "rows.dry_run"), false);
        assert_eq!(attribute(&child, "rows.files"), &json!(["orders.csv", "prices.csv"]));
        assert_eq!((&child["release"], &child["dropped"]), (&json!("worker@3.1.0"), &json!(0)));
    }
}

#[test]
fn a_trace_is_named_by_its_segment_whatever_comes_first() {
    for segment_first in [true, false] {
        let server = Trapline::start();
        let mut parts = [vec![segment(1, "/orders/{id}/", &[])], vec![child(1, 2), child(1, 3)], vec![child(1, 4)]];
        if !segment_first {
            parts.reverse();
        }
        for (index, part) in parts.iter().enumerate() {
            to_envelope(&server, container(part)).send().expect(200);
            if !segment_first && index == 0 {
                assert_eq!(server.traces()[0]["is_partial"], true);
                let early = span_of(&server, 1, 4);
                assert_eq!(attribute(&early, "sentry.segment.name"), "generic WSGI request", "nobody knows better yet");
            }
        }
        let traces = server.traces();
        assert_eq!(traces.len(), 1, "{traces:?}");
        assert_eq!(traces[0]["name"], "GET /orders/{id}/");
        assert_eq!((&traces[0]["span_count"], &traces[0]["is_partial"]), (&json!(4), &json!(false)));
        for span in [2, 3, 4] {
            let span = span_of(&server, 1, span);
            assert_eq!(attribute(&span, "sentry.segment.name"), "/orders/{id}/", "{span}");
        }
    }
}

#[test]
fn a_thousand_spans_are_one_batch_and_a_wrong_count_is_nobodys_fault() {
    let server = Trapline::start();
    let mut spans: Vec<Value> = (2..1001).map(|span| child(1, span)).collect();
    spans.push(segment(1, "/many/", &[]));
    let payload = json!({ "version": 2, "items": spans, "ingest_settings": {} }).to_string();
    let body = format!(
        "{{}}\n{{\"type\":\"span\",\"item_count\":3,\"content_type\":\"application/vnd.sentry.items.span.v2+json\"}}\n{payload}\n"
    );
    to_envelope(&server, body).send().expect(200);
    assert_eq!(server.outcome("span", "accepted"), 1000);
    let connection = rusqlite::Connection::open(server.database()).unwrap();
    let batches: i64 = connection.query_row("SELECT count(*) FROM span_batch", [], |row| row.get(0)).unwrap();
    assert_eq!(batches, 1);
    assert_eq!(server.last_request()["problem"], Value::Null);
}

#[test]
fn a_span_without_ids_costs_itself_only() {
    let server = Trapline::start();
    let mut no_trace = child(1, 2);
    no_trace["trace_id"] = Value::Null;
    let mut odd = child(1, 3);
    odd["attributes"]["strange"] = json!({ "value": "x", "type": "of_the_future" });
    let spans = [no_trace, odd, json!("no span"), segment(1, "/x/", &[])];
    let body = envelope(&[
        ("span", &json!({ "version": 2, "items": spans }).to_string()),
        ("span", &json!({ "version": 2, "items": [segment(2, "/y/", &[])] }).to_string()),
    ]);
    to_envelope(&server, body).send().expect(200);
    assert_eq!((server.outcome("span", "accepted"), server.outcome("span", "invalid")), (3, 2));
    assert_eq!(span_of(&server, 1, 3)["dropped"], 1);
    let problem = server.last_request()["problem"].as_str().unwrap().to_string();
    assert!(problem.contains("trace_id is missing"), "{problem}");
    // Nothing but what cannot be used is an error.
    to_envelope(&server, container(&[json!({})])).send().expect(400);
    to_envelope(&server, envelope(&[("span", "not json")])).send().expect(400);
}

#[test]
fn the_sdks_own_requests_are_no_traces() {
    let server = Trapline::start();
    let mut own = child(1, 2);
    own["attributes"] = attributes(&[
        ("sentry.op", json!("http.client")),
        ("url.full", json!(format!("http://{}/api/1/envelope/", server.address()))),
    ]);
    to_envelope(&server, container(&[own])).send().expect(200);
    assert_eq!(server.traces().len(), 0);
    assert_eq!(server.outcome("sdk_delivery", "not_kept"), 1);
    assert_eq!(server.last_request()["problem"], Value::Null);
}

#[test]
fn web_vitals_stand_in_their_trace() {
    let server = Trapline::start();
    let vital = json!({
        "trace_id": id(1), "span_id": format!("{:016x}", 9), "parent_span_id": format!("{:016x}", 1),
        "segment_id": format!("{:016x}", 1), "op": "ui.webvital.lcp", "description": "body > img#hero",
        "origin": "auto.http.browser.lcp", "start_timestamp": now_s(), "timestamp": now_s() + 0.25,
        "exclusive_time": 0, "measurements": { "lcp": { "value": 250.0, "unit": "millisecond" } },
        "data": { "release": "web@3", "environment": "staging", "user_agent.original": "Firefox" },
    });
    to_envelope(&server, envelope(&[("span", &vital.to_string())])).send().expect(200);
    to_envelope(&server, container(&[segment(1, "/shop/", &[])])).send().expect(200);
    let traces = server.traces();
    assert_eq!((traces.len(), &traces[0]["span_count"]), (1, &json!(2)));
    let vital = span_of(&server, 1, 9);
    assert_eq!((&vital["op"], &vital["release"]), (&json!("ui.webvital.lcp"), &json!("web@3")));
    assert_eq!(attribute(&vital, "measurement.lcp"), 250.0);
    assert_eq!(attribute(&vital, "sentry.segment.id"), &json!(format!("{:016x}", 1)));
}

#[test]
fn names_made_of_addresses_are_listed_without_ids() {
    let server = Trapline::start();
    let transaction = json!({
        "type": "transaction", "event_id": id(5), "transaction": "ws://127.0.0.1:8000/ws/room/42/",
        "transaction_info": { "source": "url" }, "start_timestamp": now_s(), "timestamp": now_s() + 1.0,
        "contexts": { "trace": { "trace_id": id(1), "span_id": format!("{:016x}", 1), "op": "websocket.server" } },
        "spans": [{ "span_id": format!("{:016x}", 2), "start_timestamp": now_s(), "op": "db" }],
    });
    to_envelope(&server, envelope(&[("transaction", &transaction.to_string())])).send().expect(200);
    let url = [("sentry.segment.name.source", json!("url"))];
    to_envelope(&server, container(&[segment(2, "/users/8f14e45fceea167a/", &url)])).send().expect(200);
    let mut names: Vec<String> =
        server.traces().iter().map(|trace| trace["name"].as_str().unwrap().to_string()).collect();
    names.sort();
    assert_eq!(names, ["GET /users/*/", "ws://127.0.0.1:8000/ws/room/*/"]);
    let kept = span_of(&server, 1, 1);
    assert_eq!(kept["transaction"]["transaction"], "ws://127.0.0.1:8000/ws/room/42/", "as sent");
    assert_eq!(attribute(&span_of(&server, 2, 1), "sentry.segment.name"), "/users/8f14e45fceea167a/");
    // A span still open when its transaction ended is closed with it.
    let open = span_of(&server, 1, 2);
    assert_eq!((&open["status"], &open["status_message"]), (&json!("error"), &json!("deadline_exceeded")));
}
