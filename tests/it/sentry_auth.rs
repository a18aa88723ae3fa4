//! Who may send: every place an SDK puts its key in, and what a wrong one is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::client::{Answer, Request};
use crate::harness::Trapline;
use crate::payload::{auth, event, event_envelope, id, to_envelope};

const UNKNOWN_KEY: &str = "ffffffffffffffffffffffffffffffff";

fn envelope_post(server: &Trapline, number: u64) -> Request {
    server.post("/api/1/envelope/").body(event_envelope(&event(number, "KeyError")))
}

fn with_header_dsn(number: u64, dsn: &str) -> Vec<u8> {
    let mut body = format!("{}\n", json!({ "dsn": dsn })).into_bytes();
    body.extend(&event_envelope(&event(number, "KeyError"))[3..]);
    body
}

/// Refused with that status, with the reason where SDKs print it, and in the ledger with the way out.
fn assert_refused(server: &Trapline, answer: Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    assert_eq!(answer.header("x-sentry-error"), answer.json()["detail"].as_str());
    let row = server.last_request();
    assert_eq!(row["status"], status);
    assert!(row["problem"].is_string(), "{row}");
    assert_eq!(server.issues().len(), 0);
}

#[test]
fn the_key_is_read_wherever_an_sdk_puts_it() {
    let server = Trapline::start();
    let key = server.key().to_string();
    let basic = format!("Basic {}", STANDARD.encode(format!("{key}:")));
    let in_query = format!("/api/1/envelope/?sentry_version=7&sentry_key={key}&sentry_client=sentry.javascript%2F10");
    let requests = [
        envelope_post(&server, 1).header("X-Sentry-Auth", &auth(&key)),
        envelope_post(&server, 2).header("Authorization", &auth(&key)),
        envelope_post(&server, 3).header("Authorization", &basic),
        server.post(&in_query).body(event_envelope(&event(4, "KeyError"))),
        server.post("/api/1/envelope/").body(with_header_dsn(5, server.dsn())),
        // Somebody else's Authorization beside our own carrier.
        envelope_post(&server, 6).header("Authorization", "Bearer abc").header("X-Sentry-Auth", &auth(&key)),
    ];
    for (index, request) in requests.iter().enumerate() {
        assert_eq!(request.send().expect(200).json()["id"], id(index as u64 + 1));
    }
    assert_eq!(server.issues()[0]["event_count"], 6);
}

#[test]
fn two_keys_in_one_request_are_refused() {
    let server = Trapline::start();
    let key = server.key();
    let twice = envelope_post(&server, 1).header("x-sentry-auth", &auth(key)).header("authorization", &auth(key));
    assert_refused(&server, twice.send(), 401);
    let in_query = format!("/api/1/envelope/?sentry_key={key}");
    let twice = server.post(&in_query).header("x-sentry-auth", &auth(key)).body("{}\n");
    assert_refused(&server, twice.send(), 401);
}

#[test]
fn no_key_at_all_is_refused() {
    let server = Trapline::start();
    assert_refused(&server, envelope_post(&server, 1).send(), 401);
    assert_refused(&server, envelope_post(&server, 1).header("x-sentry-auth", "Sentry sentry_version=7").send(), 401);
    assert_refused(&server, envelope_post(&server, 1).header("authorization", "Bearer abc").send(), 401);
    assert_refused(&server, envelope_post(&server, 1).header("x-sentry-auth", &auth("not-hex")).send(), 401);
    assert!(server.last_request()["fix"].as_str().unwrap().contains("DSN"));
}

#[test]
fn an_unknown_key_is_refused_and_the_ledger_says_what_to_do() {
    let server = Trapline::start();
    let answer = envelope_post(&server, 1).header("x-sentry-auth", &auth(UNKNOWN_KEY)).send();
    assert_refused(&server, answer, 403);
    let row = server.last_request();
    assert!(row["problem"].as_str().unwrap().contains("ffff…ffff"), "{row}");
    assert!(row["fix"].as_str().unwrap().contains("DSN"), "{row}");
}

#[test]
fn the_key_of_another_project_is_refused() {
    let server = Trapline::start();
    let request = server.post("/api/2/envelope/").header("x-sentry-auth", &auth(server.key()));
    assert_refused(&server, request.body(event_envelope(&event(1, "KeyError"))).send(), 403);
    assert!(server.last_request()["problem"].as_str().unwrap().contains("project 1"));
}

#[test]
fn an_envelope_that_contradicts_its_address_is_refused() {
    let server = Trapline::start();
    let (key, host) = (server.key(), server.address());
    let other_project = with_header_dsn(1, &format!("http://{key}@{host}/2"));
    assert_refused(&server, to_envelope(&server, other_project).send(), 400);
    let other_key = with_header_dsn(1, &format!("http://{UNKNOWN_KEY}@{host}/1"));
    assert_refused(&server, to_envelope(&server, other_key).send(), 400);
}

#[test]
fn a_project_that_is_no_number_is_refused() {
    let server = Trapline::start();
    for project in ["shop", "1x", "-1", "99999999999999999999999", "%31"] {
        let request = server.post(&format!("/api/{project}/envelope/")).header("x-sentry-auth", &auth(server.key()));
        assert_refused(&server, request.body("{}\n").send(), 400);
        assert!(server.last_request()["fix"].as_str().unwrap().contains("number"), "{project}");
    }
}

#[test]
fn a_protocol_version_of_the_future_is_refused() {
    let server = Trapline::start();
    let future = format!("Sentry sentry_key={}, sentry_version=8", server.key());
    assert_refused(&server, envelope_post(&server, 1).header("x-sentry-auth", &future).send(), 400);
}

#[test]
fn keys_of_others_never_reach_screen_or_log_whole() {
    let server = Trapline::start();
    let request = envelope_post(&server, 1).header("x-sentry-auth", &auth("0123456789abcdefaaaaaaaaaaaaaaaa"));
    let answer = request.send();
    let ledger = server.get("/api/ui/ingest").text();
    for text in [answer.text(), ledger, server.log()] {
        assert!(!text.contains("0123456789abcdef"), "{text}");
    }
}
