//! Inbound filters: what they drop is answered with success, counted by name and shown, never silent.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::send;
use crate::harness::Trapline;
use crate::payload::{envelope, event, event_envelope, otlp_request, otlp_span, send_event, to_envelope};

const SETTINGS: &str = "/api/ui/projects/1/settings";

fn edit(server: &Trapline, edit: impl FnOnce(&mut Value)) {
    let mut view = server.get_json(SETTINGS);
    edit(&mut view["settings"]["filters"]);
    let body = json!({ "version": view["version"], "settings": view["settings"] });
    server.request("PUT", SETTINGS).header("x-trapline", "1").json(&body).send().expect(200);
}

fn send_one(server: &Trapline, event: &Value) -> Answer {
    to_envelope(server, event_envelope(event)).send().expect(200)
}

/// 24 hours and 30 days.
fn dropped(server: &Trapline, filter: &str, category: &str) -> (u64, u64) {
    let view = server.get_json(SETTINGS);
    let rows = view["drops"].as_array().unwrap();
    let row = rows.iter().find(|row| row["detail"] == filter && row["category"] == category);
    row.map_or((0, 0), |row| (row["last_day"].as_u64().unwrap(), row["last_month"].as_u64().unwrap()))
}

fn disallowed_host(number: u64) -> Value {
    let mut event = event(number, "DisallowedHost");
    event["exception"]["values"][0]["value"] = json!("Invalid HTTP_HOST header: '10.0.0.1'.");
    event["exception"]["values"][0]["module"] = json!("django.core.exceptions");
    event
}

#[test]
fn a_dropped_event_is_answered_with_success_and_counted_by_name() {
    let server = Trapline::start();
    let answer = send_one(&server, &disallowed_host(1));
    assert!(answer.json()["id"].is_string());
    assert_eq!(server.issues().len(), 0);
    let row = server.last_request();
    assert_eq!((&row["status"], &row["problem"]), (&json!(200), &Value::Null));
    assert_eq!(row["filtered"], "disallowed hosts: event");
    assert_eq!(server.outcome("event", "filtered"), 1);
    assert_eq!(server.outcome("event", "accepted"), 0);
    assert_eq!(dropped(&server, "disallowed_hosts", "event"), (1, 1));

    edit(&server, |filters| filters["disallowed_hosts"] = json!(false));
    send_one(&server, &disallowed_host(2));
    assert_eq!(server.issues().len(), 1);
    assert_eq!(dropped(&server, "disallowed_hosts", "event"), (1, 1));
}

#[test]
fn each_filter_is_switched_by_itself() {
    let server = Trapline::start();
    let with = |number: u64, edit: &dyn Fn(&mut Value)| {
        let mut event = event(number, "ValueError");
        edit(&mut event);
        event
    };
    let agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    type Case<'a> = (&'a str, Value, Box<dyn Fn(u64) -> Value + 'a>);
    let cases: [Case<'_>; 5] = [
        (
            "crawlers",
            json!(true),
            Box::new(|n| with(n, &|e| e["request"] = json!({ "headers": { "User-Agent": agent } }))),
        ),
        (
            "health_checks",
            json!({ "enabled": true, "patterns": ["/healthz"] }),
            Box::new(|n| with(n, &|e| e["request"] = json!({ "url": "https://shop.example/healthz/" }))),
        ),
        (
            "localhost",
            json!(true),
            Box::new(|n| with(n, &|e| e["request"] = json!({ "url": "http://localhost:8000/a/" }))),
        ),
        (
            "releases",
            json!({ "enabled": true, "patterns": ["shop@1.*"] }),
            Box::new(|n| with(n, &|e| e["release"] = json!("shop@1.2"))),
        ),
        (
            "error_messages",
            json!({ "enabled": true, "patterns": ["ValueError: made*"] }),
            Box::new(|n| with(n, &|_| {})),
        ),
    ];
    for (index, (filter, on, make)) in cases.iter().enumerate() {
        let number = index as u64 * 10;
        send_one(&server, &make(number + 1));
        assert_eq!(dropped(&server, filter, "event"), (0, 0), "{filter} is off");
        let before = server.get_json(SETTINGS)["settings"]["filters"][*filter].clone();
        edit(&server, |filters| filters[*filter] = on.clone());
        send_one(&server, &make(number + 2));
        assert_eq!(dropped(&server, filter, "event"), (1, 1), "{filter}");
        edit(&server, |filters| filters[*filter] = before);
    }
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "filtered")), (5, 5));
}

#[test]
fn traces_of_health_checks_go_and_those_beside_them_stay() {
    let server = Trapline::start();
    edit(&server, |filters| filters["health_checks"] = json!({ "enabled": true, "patterns": ["/healthz", "/ht/*"] }));
    let spans = [otlp_span(1, 1, "/healthz"), otlp_span(2, 2, "/cart/"), otlp_span(3, 3, "/ht/db/")];
    server.post("/v1/traces").json(&otlp_request(&spans)).send().expect(200);
    let names: Vec<Value> = server.traces().iter().map(|trace| trace["name"].clone()).collect();
    assert_eq!(names, ["/cart/"]);
    assert_eq!((server.outcome("span", "filtered"), server.outcome("span", "accepted")), (2, 1));
    assert_eq!(server.last_request()["filtered"], "health checks: 2 × span");
    let all = [otlp_span(4, 4, "/healthz")];
    server.post("/v1/traces").json(&otlp_request(&all)).send().expect(200);
    assert_eq!(server.traces().len(), 1);
}

#[test]
fn a_real_transaction_is_filtered_with_all_its_spans() {
    let server = Trapline::start();
    edit(&server, |filters| filters["health_checks"] = json!({ "enabled": true, "patterns": ["/checkout/*"] }));
    send(&server, "sentry-python-2.75.0/django-success-transaction");
    let row = server.last_request();
    assert!(row["filtered"].is_string(), "{row}");
    assert_eq!(server.outcome("transaction", "filtered"), 1);
    assert!(server.outcome("span", "filtered") >= 1);
    assert_eq!(server.outcome("span", "accepted"), 0);
    assert!(server.traces().is_empty());
}

#[test]
fn one_filtered_item_takes_no_other_along() {
    let server = Trapline::start();
    let (bad, good) = (disallowed_host(1).to_string(), event(2, "KeyError").to_string());
    to_envelope(&server, envelope(&[("event", &bad), ("event", &good), ("session", "{}")])).send().expect(200);
    assert_eq!(server.issues().len(), 1);
    let row = server.last_request();
    assert!(row["summary"].as_str().unwrap().contains("KeyError"), "{row}");
    assert!(row["filtered"].is_string(), "{row}");
}

#[test]
fn filtered_events_take_nothing_of_a_limit() {
    let server = Trapline::start();
    let mut view = server.get_json(SETTINGS);
    view["settings"]["limits"]["rules"] =
        json!([{ "key": null, "group": "error", "max": 1, "per": "day", "seconds": 0 }]);
    let body = json!({ "version": 0, "settings": view["settings"] });
    server.request("PUT", SETTINGS).header("x-trapline", "1").json(&body).send().expect(200);
    for number in 1..5 {
        send_one(&server, &disallowed_host(number));
    }
    send_event(&server, 9, "KeyError");
    assert_eq!(to_envelope(&server, event_envelope(&event(10, "KeyError"))).send().status, 429);
}
