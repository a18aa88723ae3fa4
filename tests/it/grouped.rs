//! Same bug, same issue; another bug, another issue.

use serde_json::{Value, json};

use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{event, event_envelope, id, send_event, to_envelope};

fn counts(server: &Trapline) -> Vec<u64> {
    let mut counts: Vec<u64> = server.issues().iter().map(|issue| issue["event_count"].as_u64().unwrap()).collect();
    counts.sort_unstable();
    counts
}

/// The capture as another request would have caused it: other id, other values, same code.
fn send_again_with_other_values(server: &Trapline, name: &str, number: u64, replace: &[(&str, &str)]) {
    let mut text = Fixture::load(name).first_item().to_string();
    for (from, to) in replace {
        assert!(text.contains(from), "{from} is not in {name}");
        text = text.replace(from, to);
    }
    let mut event: Value = serde_json::from_str(&text).unwrap();
    event["event_id"] = json!(id(number));
    to_envelope(server, event_envelope(&event)).send().expect(200);
}

#[test]
fn one_bug_met_twice_with_other_values_is_one_issue() {
    let server = Trapline::start();
    for (number, name) in ["django-key-error", "django-does-not-exist", "django-chained-error"].iter().enumerate() {
        let name = format!("sentry-python-2.75.0/{name}");
        send(&server, &name);
        let event = Fixture::load(&name).first_item();
        let value = event["exception"]["values"].as_array().unwrap().last().unwrap()["value"].as_str().unwrap();
        let value = value.trim_matches('\'').to_string();
        let other = format!("{value}4711");
        send_again_with_other_values(&server, &name, number as u64, &[(&value, &other)]);
    }
    assert_eq!(counts(&server), [2, 2, 2]);
}

#[test]
fn the_same_key_error_however_it_was_compressed_is_one_issue() {
    let server = Trapline::start();
    for name in ["django-key-error", "django-key-error-br", "django-key-error-identity"] {
        send(&server, &format!("sentry-python-2.75.0/{name}"));
    }
    let issues = server.issues();
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!(issues[0]["event_count"], 3);
    assert_eq!(issues[0]["ty"], "KeyError");
}

#[test]
fn two_bugs_are_two_issues_with_numbers_in_the_order_they_came() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-key-error");
    send(&server, "sentry-python-2.75.0/django-chained-error");
    let mut found: Vec<(String, String)> = Vec::new();
    for issue in server.issues() {
        found.push((issue["short_id"].as_str().unwrap().into(), issue["ty"].as_str().unwrap().into()));
    }
    found.sort();
    assert_eq!(found, [("DEFAULT-1".into(), "KeyError".into()), ("DEFAULT-2".into(), "ValueError".into())]);
}

#[test]
fn every_django_capture_of_another_bug_is_another_issue() {
    let server = Trapline::start();
    let bugs = [
        "django-chained-error",
        "django-implicit-context",
        "django-exception-group",
        "django-does-not-exist",
        "django-integrity-error",
        "django-template-syntax-error",
        "django-template-runtime-error",
        "logging-error",
        "logging-exception",
        "capture-message",
    ];
    for bug in bugs {
        send(&server, &format!("sentry-python-2.75.0/{bug}"));
    }
    assert_eq!(counts(&server), [1; 10]);
}

#[test]
fn a_fingerprint_of_the_users_decides() {
    let server = Trapline::start();
    for (number, ty) in ["KeyError", "TypeError"].iter().enumerate() {
        let mut event = event(number as u64, ty);
        event["fingerprint"] = json!(["payment-gateway"]);
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    }
    assert_eq!(counts(&server), [2]);
}

#[test]
fn an_issue_counts_distinct_users_and_remembers_releases() {
    let server = Trapline::start();
    for (number, user) in ["ada", "bob", "ada"].iter().enumerate() {
        let mut event = event(number as u64, "KeyError");
        event["user"] = json!({ "id": user });
        event["release"] = json!(format!("shop@1.{number}"));
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    }
    let issue = &server.issues()[0];
    assert_eq!(issue["user_count"], 2);
    assert_eq!(issue["first_release"], "shop@1.0");
    assert_eq!(issue["last_release"], "shop@1.2");
}

#[test]
fn errors_sent_at_the_same_moment_make_one_issue() {
    let server = Trapline::start();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let server = &server;
            scope.spawn(move || send_event(server, number, "KeyError"));
        }
    });
    assert_eq!(counts(&server), [16]);
}
