//! Who sends OpenTelemetry data, and into which project: with a key wherever exporters can put one, and without.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, Request};
use crate::harness::Trapline;
use crate::payload::{auth, id, otlp_request, otlp_span};

const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// A server with a second project, and its key.
fn with_a_second_project(args: &[&str]) -> (Trapline, String) {
    let server = Trapline::start_with(args);
    let request = server.post("/api/ui/projects").header("x-trapline", "1").json(&json!({ "name": "Depot" }));
    let created = request.send().expect(201).json();
    let key = created["keys"][0]["public_key"].as_str().unwrap_or_else(|| panic!("{created:#}")).to_owned();
    (server, key)
}

/// One span of a trace with that number.
fn spans(server: &Trapline, path: &str, number: u64) -> Request {
    server.post(path).json(&otlp_request(&[otlp_span(number, 1, "/pay/")]))
}

/// Numbers of the traces of a project.
fn traces_of(server: &Trapline, slug: &str) -> Vec<Value> {
    let list = server.get_json(&format!("/api/ui/traces?kind=all&project={slug}"));
    let mut ids: Vec<Value> =
        list["traces"].as_array().unwrap().iter().map(|trace| trace["trace_id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    ids
}

fn ids(numbers: &[u64]) -> Vec<Value> {
    numbers.iter().map(|number| json!(id(*number))).collect()
}

/// Refused with that status, and told why and what to do where exporters print it and in the ledger.
#[track_caller]
fn assert_refused(server: &Trapline, answer: Answer, status: u16, says: &[&str]) {
    let message = answer.expect(status).json()["message"].as_str().unwrap().to_owned();
    for text in says {
        assert!(message.contains(text), "{text} in {message}");
    }
    let row = server.last_request();
    assert_eq!((&row["status"], row["fix"].is_string()), (&json!(status), true), "{row}");
}

#[test]
fn the_key_is_read_wherever_an_exporter_can_put_it() {
    let (server, key) = with_a_second_project(&[]);
    let requests = [
        spans(&server, "/v1/traces", 1).header("x-sentry-auth", &auth(&key)),
        // As it stands in OTEL_EXPORTER_OTLP_HEADERS=x-sentry-auth=sentry sentry_key=…
        spans(&server, "/v1/traces", 2).header("x-sentry-auth", &format!("sentry sentry_key={key}")),
        spans(&server, "/v1/traces", 3).header("authorization", &format!("Bearer {key}")),
        spans(&server, "/v1/traces", 4).header("authorization", &format!("bearer {}", key.to_uppercase())),
        spans(&server, "/v1/traces", 12).header("authorization", &format!("Bearer%20{key}")),
        spans(&server, &format!("/v1/traces?sentry_key={key}"), 5),
        spans(&server, &format!("/api/{key}/otlp/v1/traces"), 6),
        spans(&server, "/api/2/otlp/v1/traces", 7).header("authorization", &format!("Bearer {key}")),
        spans(&server, "/api/2/integration/otlp/v1/traces/", 8).header("x-sentry-auth", &auth(&key)),
        // The project in the path is enough on this machine.
        spans(&server, "/api/2/otlp/v1/traces", 9),
        spans(&server, "/any/prefix/api/2/otlp/v1/traces/", 10),
        // Somebody else's token beside our own header.
        spans(&server, "/v1/traces", 11).header("authorization", "Bearer abc").header("x-sentry-auth", &auth(&key)),
    ];
    for request in &requests {
        request.send().expect(200);
    }
    assert_eq!(traces_of(&server, "depot"), ids(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
}

#[test]
fn without_a_key_it_goes_to_the_first_project() {
    let (server, _) = with_a_second_project(&[]);
    spans(&server, "/v1/traces", 1).send().expect(200);
    spans(&server, "/api/1/otlp/v1/traces", 2).send().expect(200);
    assert_eq!((traces_of(&server, "default"), traces_of(&server, "depot")), (ids(&[1, 2]), ids(&[])));
}

#[test]
fn wrong_keys_are_refused_with_the_way_out() {
    let (server, key) = with_a_second_project(&[]);
    let unknown = "f".repeat(32);
    let refusals = [
        (spans(&server, "/v1/traces", 1).header("authorization", &format!("Bearer {unknown}")), 403),
        (spans(&server, "/v1/traces", 1).header("x-sentry-auth", &auth(&unknown)), 403),
        (spans(&server, &format!("/api/{unknown}/otlp/v1/traces"), 1), 403),
        (spans(&server, "/api/1/otlp/v1/traces", 1).header("authorization", &format!("Bearer {key}")), 403),
        (spans(&server, "/v1/traces", 1).header("authorization", "Bearer hush-hush"), 401),
        (spans(&server, "/v1/traces", 1).header("x-sentry-auth", "sentry sentry_key="), 401),
        (spans(&server, &format!("/v1/traces?sentry_key={key}"), 1).header("x-sentry-auth", &auth(&key)), 401),
    ];
    for (request, status) in refusals {
        assert_refused(&server, request.send(), status, &["To mend it", HEADERS]);
    }
    let answer = spans(&server, "/v1/traces", 1).header("authorization", "Bearer hush-hush").send().expect(401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    // A token for somebody else's service stays between the two.
    let ledger = server.get("/api/ui/ingest").text();
    assert!(
        !ledger.contains("hush-hush") && !server.log().contains("hush-hush") && !answer.text().contains("hush-hush")
    );
    assert_refused(&server, spans(&server, "/api/7/otlp/v1/traces", 1).send(), 404, &["no project 7"]);
    assert_refused(&server, spans(&server, "/api/shop/otlp/v1/traces", 1).send(), 400, &["shop"]);
    assert_eq!(server.traces().len(), 0);
}

#[test]
fn sentrys_own_path_needs_the_key_of_its_project() {
    let server = Trapline::start();
    for path in ["/api/1/integration/otlp/v1/traces/", "/api/1/integration/otlp/v1/logs"] {
        let answer = server.post(path).json(&json!({})).send();
        assert_refused(&server, answer, 401, &["missing authorization information"]);
        server.post(path).json(&json!({})).header("x-sentry-auth", &auth(server.key())).send().expect(200);
    }
}

#[test]
fn what_comes_through_a_proxy_needs_a_key() {
    let (server, key) = with_a_second_project(&[]);
    for (name, value) in [("x-forwarded-for", "203.0.113.9"), ("via", "1.1 edge"), ("forwarded", "for=203.0.113.9")] {
        let request = spans(&server, "/v1/traces", 1).header(name, value);
        assert_refused(&server, request.send(), 401, &["names no key", "this machine", HEADERS, "otlp_without_key"]);
        request.header("authorization", &format!("Bearer {key}")).send().expect(200);
    }
    // A proxy for programs of this machine alone, such as that of a development server.
    spans(&server, "/v1/traces", 2).header("x-forwarded-for", "127.0.0.1").send().expect(200);
    assert_eq!((traces_of(&server, "default"), traces_of(&server, "depot")), (ids(&[2]), ids(&[1])));
}

#[test]
fn whether_a_key_is_needed_can_be_set() {
    let server = Trapline::start_with(&["--otlp-without-key", "always"]);
    spans(&server, "/v1/traces", 1).header("x-forwarded-for", "203.0.113.9").send().expect(200);

    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("trapline.toml"), "otlp_without_key = \"never\"\n").unwrap();
    let server = Trapline::start_in(dir, &[]);
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics", "/api/1/otlp/v1/traces"] {
        assert_refused(&server, spans(&server, path, 1).send(), 401, &["otlp_without_key is \"never\""]);
    }
    let bearer = format!("Bearer {}", server.key());
    spans(&server, "/v1/traces", 1).header("authorization", &bearer).send().expect(200);
}
