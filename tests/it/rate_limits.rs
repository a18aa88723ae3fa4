//! Limits and quotas: answered as SDKs expect, counted by name, exact, and remembered where they have to be.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Answer;
use crate::harness::{Trapline, wait_for};
use crate::payload::{
    auth, envelope, event, event_envelope, otlp_request, otlp_span, send_event, to_envelope, to_store,
};

const SETTINGS: &str = "/api/ui/projects/1/settings";

fn rule(group: &str, max: u64, per: &str, seconds: u64) -> Value {
    json!({ "key": null, "group": group, "max": max, "per": per, "seconds": seconds })
}

fn limit(server: &Trapline, rules: &[Value]) {
    let mut view = server.get_json(SETTINGS);
    view["settings"]["limits"]["rules"] = json!(rules);
    let body = json!({ "version": view["version"], "settings": view["settings"] });
    server.request("PUT", SETTINGS).header("x-trapline", "1").json(&body).send().expect(200);
}

fn send(server: &Trapline, number: u64) -> Answer {
    to_envelope(server, event_envelope(&event(number, "KeyError"))).send()
}

fn refused(server: &Trapline, limit: &str, category: &str) -> u64 {
    let view = server.get_json(SETTINGS);
    let rows = view["drops"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["reason"] == "rate_limited" && row["detail"] == limit && row["category"] == category);
    row.map_or(0, |row| row["last_day"].as_u64().unwrap())
}

/// Seconds and the rest of the only member of the header.
fn told(answer: &Answer) -> (u64, String) {
    let header = answer.header("x-sentry-rate-limits").unwrap_or_else(|| panic!("{}", answer.text()));
    let (seconds, rest) = header.split_once(':').unwrap();
    (seconds.parse().unwrap(), rest.to_string())
}

#[test]
fn nothing_is_limited_by_default() {
    let server = Trapline::start();
    for number in 0..200 {
        let answer = send(&server, number).expect(200);
        assert_eq!(answer.header("x-sentry-rate-limits"), None);
    }
    assert_eq!(server.outcome("event", "accepted"), 200);
}

#[test]
fn all_limited_is_a_429_that_names_what_and_for_how_long() {
    let server = Trapline::start();
    limit(&server, &[rule("error", 2, "seconds", 86_400)]);
    send(&server, 1).expect(200);
    send(&server, 2).expect(200);
    for number in 3..6 {
        let answer = send(&server, number).expect(429);
        let (seconds, rest) = told(&answer);
        assert_eq!(rest, "default;error;security:project:rate_limit");
        assert_eq!(answer.header("retry-after").unwrap().parse::<u64>().unwrap(), seconds);
        // An hour at most, so that a limit that is raised is felt soon.
        assert!((1..=3600).contains(&seconds), "{seconds}");
        assert_eq!(answer.json()["detail"], "rate limited: project/error/86400s");
        assert!(answer.header("access-control-expose-headers").unwrap().contains("x-sentry-rate-limits"));
    }
    to_store(&server, event(7, "E").to_string()).header("content-type", "application/json").send().expect(429);
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "rate_limited")), (2, 4));
    assert_eq!(refused(&server, "project/error/86400s", "event"), 4);
    let row = server.last_request();
    assert_eq!(row["status"], 429);
    assert!(row["problem"].as_str().unwrap().contains("project/error/86400s"), "{row}");
    assert!(row["fix"].as_str().unwrap().contains("settings"), "{row}");
}

fn session() -> Value {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({ "sid": "0af7651916cd43dd8448eb211c80319c", "started": started, "attrs": { "release": "shop@1" } })
}

#[test]
fn what_is_not_limited_is_kept_and_answered_with_200_and_the_header() {
    let server = Trapline::start();
    limit(&server, &[rule("error", 1, "seconds", 86_400)]);
    send_event(&server, 1, "KeyError");
    let both = envelope(&[("event", &event(2, "KeyError").to_string()), ("session", &session().to_string())]);
    let answer = to_envelope(&server, both).send().expect(200);
    assert_eq!(told(&answer).1, "default;error;security:project:rate_limit");
    // Nothing but a report of what the client itself dropped is never held back.
    let report = to_envelope(&server, envelope(&[("client_report", "{}")])).send().expect(200);
    assert_eq!(report.header("x-sentry-rate-limits"), None);
    // Spans are another matter.
    server.post("/v1/traces").json(&otlp_request(&[otlp_span(1, 1, "/a/")])).send().expect(200);
}

#[test]
fn a_closed_group_counts_what_it_did_not_read() {
    let server = Trapline::start();
    limit(&server, &[rule("log", 0, "seconds", 86_400), rule("error", 0, "day", 0)]);
    let logs = "{\"items\":[{\"body\":\"a\"},{\"body\":\"b\"},{\"body\":\"c\"}]}";
    let text = format!(
        "{{}}\n{{\"type\":\"log\",\"item_count\":3,\"content_type\":\"application/vnd.sentry.items.log+json\",\"length\":{}}}\n{logs}\n",
        logs.len()
    );
    let answer = to_envelope(&server, text).send().expect(429);
    assert_eq!(told(&answer).1, "log_item:project:rate_limit");
    assert_eq!(server.outcome("log", "rate_limited"), 3);
    // Not even JSON, but never looked at.
    let answer = to_envelope(&server, envelope(&[("event", "nonsense")])).send().expect(429);
    assert_eq!(told(&answer).1, "default;error;security:project:quota_day");
    assert_eq!(server.outcome("event", "rate_limited"), 1);
}

#[test]
fn a_window_ends_and_the_next_takes_as_much() {
    let server = Trapline::start();
    limit(&server, &[rule("error", 1, "seconds", 1)]);
    let mut number = 0;
    let mut next = || {
        number += 1;
        send(&server, number).status
    };
    let limited = wait_for("a refusal", || Some(next()).filter(|status| *status == 429));
    let kept = wait_for("the next window", || Some(next()).filter(|status| *status == 200));
    assert_eq!((limited, kept), (429, 200));
}

#[test]
fn each_key_has_a_limit_of_its_own() {
    let server = Trapline::start();
    let made = server.post("/api/ui/projects/1/keys").header("x-trapline", "1").json(&json!({ "label": "CI" }));
    let view = made.send().expect(201).json();
    let other = view["keys"][1]["public_key"].as_str().unwrap().to_string();
    let mut rule = rule("error", 1, "seconds", 86_400);
    rule["key"] = json!(other);
    limit(&server, &[rule]);
    let by_other = |number| {
        let request = server.post("/api/1/envelope/").header("x-sentry-auth", &auth(&other));
        request.body(event_envelope(&event(number, "E"))).send()
    };
    by_other(1).expect(200);
    let answer = by_other(2).expect(429);
    assert_eq!(told(&answer).1, "default;error;security:key:rate_limit");
    for number in 3..6 {
        send(&server, number).expect(200);
    }
}

#[test]
fn otlp_is_told_to_come_back_in_its_own_words() {
    let server = Trapline::start();
    limit(&server, &[rule("span", 3, "seconds", 86_400)]);
    let spans = |from: u64| otlp_request(&[otlp_span(from, 1, "/a/"), otlp_span(from + 1, 2, "/b/")]);
    server.post("/v1/traces").json(&spans(1)).send().expect(200);
    // Two more would be four: a request is let in whole or not at all.
    let answer = server.post("/v1/traces").json(&spans(3)).send().expect(429);
    assert_eq!(answer.json()["code"], 8);
    assert!(answer.json()["message"].as_str().unwrap().contains("project/span/86400s"));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(refused(&server, "project/span/86400s", "span"), 2);
    server.post("/v1/traces").json(&otlp_request(&[otlp_span(5, 1, "/c/")])).send().expect(200);
    assert_eq!((server.outcome("span", "accepted"), server.outcome("span", "rate_limited")), (3, 2));
}

#[test]
fn a_quota_outlives_a_restart_and_refusals_take_nothing_of_it() {
    let mut server = Trapline::start();
    send(&server, 1).expect(200);
    // What was sent before there was a quota counts, too.
    limit(&server, &[rule("error", 3, "month", 0)]);
    send(&server, 2).expect(200);
    server.restart();
    send(&server, 3).expect(200);
    let answer = send(&server, 4).expect(429);
    assert_eq!(told(&answer).1, "default;error;security:project:quota_month");
    server.kill9();
    server.start_again();
    send(&server, 5).expect(429);
    let state = server.get_json(SETTINGS)["limit_states"][0].clone();
    assert_eq!(state, json!({ "name": "project/error/month", "used": 3, "max": 3 }));
    // Raising it works at once, and counts on from where it was.
    limit(&server, &[rule("error", 4, "month", 0)]);
    send(&server, 6).expect(200);
    send(&server, 7).expect(429);
}

#[test]
fn many_clients_at_once_get_exactly_what_there_is() {
    let server = Trapline::start();
    limit(&server, &[rule("error", 50, "day", 0)]);
    let kept: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8_u64)
            .map(|client| {
                let server = &server;
                scope.spawn(move || (0..20).filter(|n| send(server, client * 100 + n).status == 200).count())
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert_eq!(kept, 50);
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "rate_limited")), (50, 110));
}

#[test]
fn the_settings_file_limits_every_project() {
    let dir = TempDir::new().unwrap();
    let text = "limits = [{ group = \"error\", max = 1, per = \"day\" }]\n";
    std::fs::write(dir.path().join("trapline.toml"), text).unwrap();
    let server = Trapline::start_in(dir, &[]);
    send(&server, 1).expect(200);
    send(&server, 2).expect(429);
    assert_eq!(server.get_json(SETTINGS)["server_limits"][0]["max"], 1);
}

/// Sends errors and transactions one by one, and prints what the SDK holds back.
const SDK_SCRIPT: &str = r#"
import sys, sentry_sdk
sentry_sdk.init(dsn=sys.argv[1], traces_sample_rate=1.0, default_integrations=False)
for number in range(10):
    sentry_sdk.capture_message(f"message {number}", level="error")
    sentry_sdk.flush()
    with sentry_sdk.start_transaction(name=f"/t/{number}", op="http.server"):
        pass
    sentry_sdk.flush()
transport = sentry_sdk.get_client().transport
print(sorted(str(category) for category in transport._disabled_until))
"#;

#[test]
fn a_real_sdk_holds_back_what_is_limited_and_nothing_else() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run `make test`, which makes it first", python.display());
    let server = Trapline::start();
    limit(&server, &[rule("error", 3, "seconds", 86_400)]);
    let run = Command::new(python).args(["-c", SDK_SCRIPT, server.dsn()]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), "['default', 'error', 'security']");
    // Three kept, one refused; the other six were never sent. Transactions went on.
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "rate_limited")), (3, 1));
    assert_eq!(server.outcome("transaction", "accepted"), 10);
}
