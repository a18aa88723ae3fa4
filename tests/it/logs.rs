//! Logs of Sentry SDKs: kept once, found by level, text, place, time and trace, and scrubbed before they are.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{envelope, event, event_envelope, id, to_envelope};

/// A little before the tests run, whenever that is.
fn now_s() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() - 30.0
}

/// `number` orders them: the higher, the later.
fn log(number: u64, level: &str, body: &str) -> Value {
    json!({
        "timestamp": now_s() + number as f64 / 1000.0, "trace_id": id(7), "level": level, "body": body,
        "attributes": {
            "sentry.environment": { "value": if number.is_multiple_of(2) { "production" } else { "staging" }, "type": "string" },
            "service.name": { "value": if number.is_multiple_of(3) { "billing" } else { "shop" }, "type": "string" },
            "number": { "value": number, "type": "integer" },
        },
    })
}

fn container(logs: &[Value]) -> String {
    json!({ "version": 2, "items": logs }).to_string()
}

fn send_logs(server: &Trapline, logs: &[Value]) -> Answer {
    to_envelope(server, envelope(&[("log", &container(logs))])).send().expect(200)
}

fn bodies(server: &Trapline, query: &str) -> Vec<String> {
    let list = server.get_json(&format!("/api/ui/logs?{query}"));
    list["logs"].as_array().unwrap().iter().map(|log| log["body"].as_str().unwrap().to_string()).collect()
}

#[test]
fn the_logs_of_a_real_sdk_are_read_with_everything_they_carry() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/logs");
    let list = server.get_json("/api/ui/logs");
    let logs = list["logs"].as_array().unwrap();
    assert!(!logs.is_empty());
    assert_eq!(server.outcome("log", "accepted"), logs.len() as u64);
    assert_eq!(server.issues().len(), 0);
    let priced = logs.iter().find(|log| log["body"].as_str().unwrap().starts_with("Billing priced order")).unwrap();
    assert_eq!((priced["level"].as_str(), priced["logger"].as_str()), (Some("info"), Some("shop.payments")));
    let whole = server.get_json(&format!("/api/ui/logs/{}", priced["id"].as_str().unwrap()));
    assert_eq!(whole["template"], "Billing priced order %s at %s cents");
    assert_eq!(
        (whole["environment"].as_str(), whole["release"].as_str()),
        (Some("production"), Some("shop@2026.11.3"))
    );
    assert_eq!(whole["sdk"], "sentry.python.django/2.75.0");
    let attributes = whole["attributes"].as_array().unwrap();
    assert!(attributes.iter().any(|a| a["name"] == "code.file.path" && a["value"] == "orders/views.py"), "{whole}");
}

#[test]
fn a_container_delivered_twice_is_kept_once() {
    let server = Trapline::start();
    let logs = [log(1, "info", "once")];
    for _ in 0..2 {
        send_logs(&server, &logs);
    }
    assert_eq!(bodies(&server, ""), ["once"]);
    assert_eq!((server.outcome("log", "accepted"), server.outcome("log", "duplicate")), (1, 1));
}

#[test]
fn lists_are_filtered_by_level_text_service_environment_and_attribute() {
    let server = Trapline::start();
    let logs: Vec<Value> = (0..12)
        .map(|n| log(n, ["debug", "info", "warn", "error"][n as usize % 4], &format!("Order {n} of Zoë")))
        .collect();
    send_logs(&server, &logs);
    assert_eq!(bodies(&server, "").len(), 12);
    assert_eq!(bodies(&server, "")[0], "Order 11 of Zoë");
    assert_eq!(bodies(&server, "level=error").len(), 3);
    assert_eq!(bodies(&server, "level=warn").len(), 6);
    assert_eq!(bodies(&server, "query=%22order%201%20OF%20zoË%22"), ["Order 1 of Zoë"]);
    assert_eq!(bodies(&server, "service=billing").len(), 4);
    assert_eq!(bodies(&server, "environment=staging&service=billing").len(), 2);
    assert_eq!(bodies(&server, "attribute=number:5"), ["Order 5 of Zoë"]);
    assert_eq!(bodies(&server, "service=nobody"), [""; 0]);
    assert_eq!(server.get("/api/ui/logs?level=loud").status, 400);
    assert_eq!(server.get("/api/ui/logs?project=nobody").status, 404);

    let volume = server.get_json("/api/ui/logs/volume?level=info");
    let levels: Vec<_> = volume["levels"].as_array().unwrap().iter().map(|level| level["level"].clone()).collect();
    assert_eq!(levels, ["info", "warn", "error"]);
    let total: u64 = volume["levels"][0]["counts"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(total, 3);
    assert_eq!(volume["services"], json!(["billing", "shop"]));
}

#[test]
fn a_young_histogram_begins_with_the_first_log_unless_a_time_is_chosen() {
    let server = Trapline::start();
    let begin = |query: &str| server.get_json(&format!("/api/ui/logs/volume?{query}"))["from_ms"].as_i64().unwrap();
    let day_ago = begin("");
    assert_eq!(begin("fit=true"), day_ago, "nothing is stored");
    send_logs(&server, &[log(1, "info", "first")]);
    assert!(begin("fit=true") > day_ago + 20 * 3_600_000);
    assert!(begin("fit=true") < (now_s() * 1000.0) as i64);
    assert!(begin("") < day_ago + 3_600_000);
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat_whatever_order_batches_came_in() {
    let server = Trapline::start();
    // Batches that overlap in time, the oldest of them last.
    let mut sent = 0;
    for batch in [2, 0, 1] {
        let logs: Vec<Value> = (0..40).map(|n| log(n * 3 + batch, "info", &format!("{}", n * 3 + batch))).collect();
        send_logs(&server, &logs);
        sent += logs.len();
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get_json(&format!("/api/ui/logs?limit=7{cursor}"));
        for log in page["logs"].as_array().unwrap() {
            seen.push((
                log["time_ns"].as_str().unwrap().parse::<i64>().unwrap(),
                log["id"].as_str().unwrap().to_string(),
            ));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), sent);
    let mut sorted = seen.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    sorted.dedup();
    assert_eq!(seen, sorted);
    assert_eq!(server.get("/api/ui/logs?cursor=nonsense").status, 400);
}

#[test]
fn a_time_without_logs_between_is_passed_over() {
    let server = Trapline::start();
    let mut old = log(1, "info", "old");
    old["timestamp"] = json!(now_s() - 20.0 * 86_400.0);
    // One envelope for both: they are kept apart, so that neither is in the other's way.
    send_logs(&server, &[log(2, "info", "new"), old]);
    assert_eq!(bodies(&server, ""), ["new", "old"]);
    assert_eq!(bodies(&server, "limit=1"), ["new"]);
    let to_ms = (now_s() - 86_400.0) * 1000.0;
    assert_eq!(bodies(&server, &format!("to={to_ms:.0}")), ["old"]);
    assert_eq!(bodies(&server, &format!("from={to_ms:.0}")), ["new"]);
}

#[test]
fn logs_stand_beside_the_error_and_the_spans_of_their_trace() {
    let server = Trapline::start();
    let mut failed = event(1, "KeyError");
    failed["contexts"] = json!({ "trace": { "trace_id": id(7), "span_id": "00000000000000aa" } });
    to_envelope(&server, event_envelope(&failed)).send().expect(200);
    send_logs(&server, &[log(2, "warn", "second"), log(1, "info", "first")]);
    let logs = server.get_json(&format!("/api/ui/logs?trace={}", id(7)));
    let order: Vec<_> = logs["logs"].as_array().unwrap().iter().map(|log| log["body"].clone()).collect();
    assert_eq!(order, ["first", "second"]);
    let event = server.get_json(&format!("/api/ui/events/{}", id(1)));
    assert_eq!(event["trace"]["log_count"], 2);
    assert_eq!(server.get_json(&format!("/api/ui/traces/{}", id(7)))["log_count"], 2);
    let whole = server.get_json(&format!("/api/ui/logs/{}", logs["logs"][0]["id"].as_str().unwrap()));
    assert_eq!(whole["events"][0]["event_id"], id(1));
    // A trace that only logs name has a page of its own.
    let mut lone = log(3, "info", "lone");
    lone["trace_id"] = json!(id(8));
    send_logs(&server, &[lone]);
    assert_eq!(server.get_json(&format!("/api/ui/traces/{}", id(8)))["log_count"], 1);
    assert_eq!(server.get(&format!("/api/ui/traces/{}", id(9))).status, 404);
}

#[test]
fn a_bad_log_costs_itself_and_a_bad_container_what_it_holds() {
    let server = Trapline::start();
    let mut no_trace = log(1, "info", "no trace");
    no_trace.as_object_mut().unwrap().remove("trace_id");
    let mut bad_time = log(2, "info", "bad time");
    bad_time["timestamp"] = json!("soon");
    let good = container(&[no_trace, bad_time, json!(7), log(3, "info", "good")]);
    let second = container(&[log(4, "info", "of another container")]);
    let body = envelope(&[("log", &good), ("log", "{\"items\":[{"), ("log", &second)]);
    to_envelope(&server, body).send().expect(200);
    assert_eq!(bodies(&server, ""), ["of another container", "good"]);
    assert_eq!((server.outcome("log", "accepted"), server.outcome("log", "invalid")), (2, 4));
    assert!(server.last_request()["problem"].as_str().unwrap().contains("trace_id"));

    let long = format!("{{\"items\":[{}]}}", log(5, "info", &"x".repeat(3 << 20)));
    to_envelope(&server, envelope(&[("log", &long)])).send().expect(413);
    assert_eq!(server.outcome("log", "too_large"), 1);
    let huge = format!("{{\"items\":[{}]}}", vec![log(6, "info", &"x".repeat(1 << 20)).to_string(); 13].join(","));
    to_envelope(&server, envelope(&[("log", &huge)])).send().expect(413);
    assert_eq!(server.outcome("log", "too_large"), 2);
    assert_eq!(bodies(&server, "").len(), 2);
}

#[test]
fn what_looks_like_a_secret_never_reaches_the_disk() {
    let mut server = Trapline::start();
    let mut secret = log(1, "warn", "card 4111 1111 1111 1111 of zoe.secret@example.com, token=deadbeefcafe");
    secret["attributes"]["password"] = json!({ "value": "hunter2-unique", "type": "string" });
    send_logs(&server, &[secret]);
    assert_eq!(bodies(&server, ""), ["card [creditcard] of [email], token=[token]"]);
    assert!(server.terminate().success());
    let stored = std::fs::read(server.database()).unwrap();
    for secret in ["4111 1111", "zoe.secret", "deadbeefcafe", "hunter2-unique"] {
        assert!(memchr::memmem::find(&stored, secret.as_bytes()).is_none(), "{secret}");
    }
}

#[test]
fn sentrys_own_tools_list_logs_page_by_page() {
    let server = Trapline::start();
    let logs: Vec<Value> =
        (0..5).map(|n| log(n, if n == 3 { "error" } else { "info" }, &format!("Order {n}"))).collect();
    send_logs(&server, &logs);
    // As sentry-cli 3.8 asks.
    let path = "/api/0/organizations/main/events/?dataset=logs&field=sentry.item_id&field=trace&field=severity\
                &field=timestamp&field=message&project=1&per_page=2&statsPeriod=24h&sort=-timestamp";
    let first = server.get(path);
    assert_eq!(first.status, 200, "{}", first.text());
    let data = first.json()["data"].clone();
    assert_eq!((data[0]["message"].as_str(), data[1]["severity"].as_str()), (Some("Order 4"), Some("error")));
    assert_eq!(data[0]["trace"], id(7));
    assert_eq!(data[0]["sentry.item_id"].as_str().unwrap().len(), 32);
    assert_eq!(first.json()["meta"]["fields"]["timestamp"], "date");
    let link = first.header("link").unwrap().to_string();
    let next = link.split("rel=\"next\"; results=\"true\"; cursor=\"").nth(1).unwrap().split('"').next().unwrap();
    let second = server.get_json(&format!("{path}&cursor={next}"));
    assert_eq!(second["data"][0]["message"], "Order 2");

    let ask = |query: &str| {
        let path =
            format!("/api/0/organizations/main/events/?dataset=ourlogs&field=message&field=number&query={query}");
        server.get_json(&path)["data"].clone()
    };
    assert_eq!(ask("severity:error"), json!([{ "message": "Order 3", "number": 3 }]));
    assert_eq!(ask("number:1%20order"), json!([{ "message": "Order 1", "number": 1 }]));
    assert_eq!(ask(&format!("trace:{}", id(7))).as_array().unwrap().len(), 5);
    assert_eq!(ask("project:default%20environment:staging").as_array().unwrap().len(), 2);
    assert_eq!(server.get("/api/0/organizations/main/events/?dataset=discover").status, 400);
    assert_eq!(server.get("/api/0/organizations/other/events/?dataset=logs").status, 404);
    assert_eq!(server.get("/api/0/organizations/main/events/?dataset=logs&cursor=x").status, 400);
}

#[test]
fn logs_outlive_a_power_cut() {
    let mut server = Trapline::start();
    send_logs(&server, &[log(1, "error", "kept")]);
    server.kill9();
    server.start_again();
    assert_eq!(bodies(&server, "level=error"), ["kept"]);
    // Ids of batches go on rising, so what comes now stands above.
    send_logs(&server, &[log(2, "error", "after")]);
    assert_eq!(bodies(&server, ""), ["after", "kept"]);
}

#[test]
fn every_capture_with_logs_or_metrics_is_kept_whole() {
    let server = Trapline::start();
    let (mut logs, mut metrics) = (0, 0);
    for fixture in Fixture::all().iter().filter(|fixture| !fixture.is_otlp()) {
        if fixture.name.contains("/logs") || fixture.name.contains("/trace-metrics") {
            fixture.request(&server).send().expect(200);
            assert_eq!(server.last_request()["problem"], Value::Null, "{}", fixture.name);
            logs += u64::from(fixture.name.contains("/logs"));
            metrics += u64::from(fixture.name.contains("/trace-metrics"));
        }
    }
    assert!(server.outcome("log", "accepted") > logs && server.outcome("trace_metric", "accepted") > metrics);
    assert_eq!((server.outcome("log", "invalid"), server.outcome("trace_metric", "invalid")), (0, 0));
}

#[test]
fn every_way_of_logging_in_a_real_sdk_is_told_apart() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/logs-every-level");
    let list = server.get_json("/api/ui/logs");
    let level_of = |body: &str| {
        let log = list["logs"].as_array().unwrap().iter().find(|log| log["body"] == body);
        log.unwrap_or_else(|| panic!("{body}: {list}"))["level"].as_str().unwrap().to_string()
    };
    assert_eq!(level_of("counting shelf B4"), "trace");
    assert_eq!(level_of("shelf B4 has 12 boxes"), "debug");
    assert_eq!(level_of("stock counted"), "info");
    assert_eq!(level_of("lamp-3 is low: 2 left"), "warn");
    assert_eq!(level_of("could not reorder lamp-3"), "error");
    assert_eq!(level_of("warehouse is closed"), "fatal");
    assert_eq!(level_of("counted 12 boxes in 1.5 s"), "info");
    assert_eq!(level_of("lamp-3 is low"), "warn");
    assert_eq!(level_of("mail to [email] with card [creditcard] was refused, token=[token]"), "warn");
    assert_eq!(bodies(&server, "attribute=warehouse:north"), ["lamp-3 is low: 2 left"]);
    assert_eq!(server.issues().len(), 0);
}
