//! Sentry SDKs, old and new: what they send is taken, whichever way they wrap it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::Connection;
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{auth, compress, envelope, event, event_envelope, id, send_event, to_envelope, to_store};

#[test]
fn every_capture_of_a_sentry_sdk_is_taken_and_answered_with_its_id() {
    let server = Trapline::start();
    for fixture in Fixture::all().iter().filter(|fixture| !fixture.is_otlp()) {
        let answer = fixture.request(&server).send();
        assert_eq!(answer.status, 200, "{}: {}", fixture.name, answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        if let Some(sent) = fixture.event_id() {
            assert_eq!(answer.json()["id"], sent, "{}", fixture.name);
        }
        let row = server.last_request();
        // Sessions are counted for a few days after they started; the capture may be older.
        if !fixture.name.ends_with("/sessions") {
            assert_eq!(row["problem"], Value::Null, "{}", fixture.name);
        }
        assert!(row["summary"] != "" || row["problem"].is_string(), "{}", fixture.name);
        assert!(row["client"].as_str().unwrap().starts_with("sentry.python"), "{}: {row}", fixture.name);
    }
}

#[test]
fn every_event_that_was_captured_can_be_read_again() {
    let server = Trapline::start();
    let mut events = 0;
    for fixture in Fixture::all().iter().filter(|fixture| !fixture.is_otlp()) {
        let answer = fixture.request(&server).send().expect(200).json();
        let Some(id) = answer["id"].as_str() else { continue };
        if fixture.name.contains("transaction") || server.last_request()["short_id"].is_null() {
            continue;
        }
        events += 1;
        let event = server.get_json(&format!("/api/ui/events/{id}"));
        assert_eq!(event["event_id"], id, "{}", fixture.name);
        assert_ne!(event["title"], "", "{}", fixture.name);
        let shown =
            !event["detail"]["exceptions"].as_array().unwrap().is_empty() || event["detail"]["message"].is_string();
        assert!(shown, "{}: neither exception nor message", fixture.name);
    }
    assert!(events >= 15, "{events}");
}

#[test]
fn a_transaction_is_a_trace_with_its_spans() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-success-transaction");
    send(&server, "sentry-python-1.14.0/envelope-transaction");
    let traces = server.traces();
    assert_eq!(traces.len(), 2);
    for trace in traces {
        assert_eq!(trace["has_sentry"], true);
        assert!(trace["span_count"].as_u64().unwrap() > 1, "{trace}");
    }
    assert_eq!(server.outcome("transaction", "accepted"), 2);
}

#[test]
fn every_content_encoding_is_undone() {
    let server = Trapline::start();
    let encodings = ["gzip", "x-gzip", "GZIP", "deflate", "zstd", "identity", ""];
    for (number, encoding) in encodings.into_iter().enumerate() {
        let plain = event_envelope(&event(number as u64, "KeyError"));
        let body = compress(&encoding.to_ascii_lowercase(), &plain);
        let request = to_envelope(&server, body).header("content-encoding", encoding);
        assert_eq!(request.send().expect(200).json()["id"], id(number as u64), "{encoding}");
        assert_eq!(request.chunked().send().expect(200).json()["id"], id(number as u64), "{encoding}, chunked");
    }
    send(&server, "sentry-python-2.75.0/django-key-error-br");
    let twice = compress("gzip", &compress("zstd", &event_envelope(&event(100, "KeyError"))));
    let request = to_envelope(&server, twice).header("content-encoding", "zstd, gzip");
    assert_eq!(request.send().expect(200).json()["id"], id(100));
    assert_eq!(server.outcome("event", "accepted"), encodings.len() as u64 + 2);
}

#[test]
fn an_unknown_content_encoding_is_refused_by_name() {
    let server = Trapline::start();
    let request = to_envelope(&server, event_envelope(&event(1, "KeyError"))).header("content-encoding", "lzma");
    let answer = request.send().expect(415);
    assert!(answer.text().contains("lzma"), "{}", answer.text());
    assert!(server.last_request()["problem"].as_str().unwrap().contains("lzma"));
}

#[test]
fn the_store_endpoint_takes_what_old_sdks_send() {
    let server = Trapline::start();
    let json = to_store(&server, event(1, "KeyError").to_string()).header("content-type", "application/json");
    assert_eq!(json.send().expect(200).json()["id"], id(1));

    let legacy = STANDARD.encode(compress("deflate", event(2, "KeyError").to_string().as_bytes()));
    let raven = to_store(&server, legacy).header("content-type", "application/octet-stream");
    assert_eq!(raven.send().expect(200).json()["id"], id(2));

    let envelope = to_store(&server, event_envelope(&event(3, "KeyError")));
    let envelope = envelope.header("content-type", "application/x-sentry-envelope");
    assert_eq!(envelope.send().expect(200).json()["id"], id(3));

    let without_project = server.post("/api/store/").header("x-sentry-auth", &auth(server.key()));
    let without_project = without_project.body(event(4, "KeyError").to_string());
    assert_eq!(without_project.send().expect(200).json()["id"], id(4));

    for name in ["store-chained-error", "store-message"] {
        send(&server, &format!("sentry-python-1.14.0/{name}"));
    }
    assert_eq!(server.outcome("event", "accepted"), 6);
}

#[test]
fn an_event_without_an_id_gets_one() {
    let server = Trapline::start();
    let mut anonymous = event(1, "KeyError");
    anonymous.as_object_mut().unwrap().remove("event_id");
    let answer = to_envelope(&server, event_envelope(&anonymous)).send().expect(200).json();
    let id = answer["id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(server.get_json(&format!("/api/ui/events/{id}"))["event_id"], id);
}

#[test]
fn slashes_and_prefixes_of_the_address_do_not_matter() {
    let server = Trapline::start();
    let paths = [
        "/api/1/envelope/",
        "/api/1/envelope",
        "//api/1//envelope//",
        "/errors/api/1/envelope/",
        "/a/deep/prefix/api/1/envelope",
    ];
    for (number, path) in paths.into_iter().enumerate() {
        let request = server.post(path).header("x-sentry-auth", &auth(server.key()));
        let answer = request.body(event_envelope(&event(number as u64, "KeyError"))).send();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    assert_eq!(server.outcome("event", "accepted"), paths.len() as u64);
}

#[test]
fn browsers_of_any_page_may_send() {
    let server = Trapline::start();
    for path in ["/api/1/envelope/", "/api/1/store/", "/v1/traces", "/api/1/integration/otlp/v1/traces"] {
        let preflight = server
            .request("OPTIONS", path)
            .header("origin", "http://shop.test")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-sentry-auth, content-type, x-my-own");
        let answer = preflight.send().expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"), "{path}");
        assert!(answer.header("access-control-allow-headers").unwrap().contains("x-my-own"), "{path}");
        assert!(answer.header("access-control-max-age").is_some(), "{path}");
    }
    let request = to_envelope(&server, event_envelope(&event(1, "KeyError"))).header("origin", "http://shop.test");
    let answer = request.header("sec-fetch-site", "cross-site").send().expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("x-sentry-rate-limits"));
    // A refusal must be readable too, or the browser shows a CORS error instead of the reason.
    let refused = server.post("/api/1/envelope/").body("{}\n").send().expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn an_app_behind_a_proxy_may_send() {
    let server = Trapline::start();
    let request = to_envelope(&server, event_envelope(&event(1, "KeyError"))).header("x-forwarded-for", "10.0.0.1");
    request.send().expect(200);
}

#[test]
fn the_same_event_twice_counts_once() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_event(&server, 1, "KeyError");
    assert_eq!(server.issues()[0]["event_count"], 1);
    assert_eq!(server.outcome("event", "accepted"), 1);
    assert_eq!(server.outcome("event", "duplicate"), 1);
}

#[test]
fn the_same_event_twice_in_one_envelope_counts_once() {
    let server = Trapline::start();
    let event = event(1, "KeyError").to_string();
    to_envelope(&server, envelope(&[("event", &event), ("event", &event)])).send().expect(200);
    assert_eq!(server.issues()[0]["event_count"], 1);
}

#[test]
fn the_same_transaction_twice_counts_once() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-success-transaction");
    let before = server.traces();
    send(&server, "sentry-python-2.75.0/django-success-transaction");
    assert_eq!(server.traces(), before);
    assert_eq!(server.outcome("transaction", "accepted"), 1);
    assert_eq!(server.outcome("transaction", "duplicate"), 1);
}

#[test]
fn what_nobody_knows_is_taken_and_counted_by_name() {
    let server = Trapline::start();
    let body = envelope(&[("replay_recording", "x"), ("of_the_future", "{}"), ("of_the_future", "{}")]);
    to_envelope(&server, body).send().expect(200);
    assert_eq!(server.outcome("replay_recording", "invalid"), 1);
    assert_eq!(server.outcome("of_the_future", "not_kept"), 2);
    assert_eq!(server.issues().len(), 0);
}

#[test]
fn an_attachment_does_not_cost_its_event() {
    let server = Trapline::start();
    let name = "sentry-python-2.75.0/event-with-attachment";
    let answer = send(&server, name);
    assert_eq!(answer.json()["id"].as_str().map(str::to_string), Fixture::load(name).event_id());
    assert_eq!(server.issues()[0]["event_count"], 1);
    assert_eq!(server.outcome("attachment", "accepted"), 1);
}

#[test]
fn the_ledger_tells_what_came_in_and_where_it_led() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-chained-error");
    let row = server.last_request();
    assert_eq!(row["short_id"], "DEFAULT-1");
    assert_eq!(row["status"], 200);
    assert_eq!((&row["method"], &row["path"]), (&json!("POST"), &json!("/api/1/envelope/")));
    assert_eq!(row["protocol"], "sentry");
    assert!(row["client"].as_str().unwrap().contains("2.75.0"), "{row}");
    assert!(row["summary"].as_str().unwrap().contains("ValueError"), "{row}");
    assert_eq!(row["body_bytes"], Fixture::load("sentry-python-2.75.0/django-chained-error").body.len());
    assert!(row["trace_id"].is_string());
}

#[test]
fn one_connection_carries_many_requests() {
    let server = Trapline::start();
    let mut connection = Connection::open(server.address());
    for number in 0..20 {
        let request = to_envelope(&server, event_envelope(&event(number, "KeyError")));
        assert_eq!(connection.send(&request).expect(200).json()["id"], id(number));
        // A refusal in between does not cost the connection.
        connection.send(&server.post("/api/1/envelope/").body("{}\n")).expect(401);
    }
    assert_eq!(server.issues()[0]["event_count"], 20);
}

#[test]
fn a_dsn_with_a_wrong_path_is_told_so() {
    let server = Trapline::start();
    let request = server.post("/sentry/1/envelop/").header("x-sentry-auth", &auth(server.key()));
    request.body("{}\n").send().expect(404);
    let row = server.last_request();
    assert_eq!(row["path"], "/sentry/1/envelop/");
    assert!(row["fix"].as_str().unwrap().contains("DSN"), "{row}");
}

#[test]
fn ingest_routes_of_other_products_say_that_they_are_missing() {
    let server = Trapline::start();
    for path in ["/api/1/unreal/".to_owned(), format!("/api/1/unreal/{}/", server.key())] {
        let answer = server.post(&path).body("{}").send().expect(501);
        assert!(answer.text().contains("Unreal"), "{}", answer.text());
    }
}

#[test]
fn relays_health_check_is_answered() {
    let server = Trapline::start();
    for path in ["/api/relay/healthcheck/live/", "/api/relay/healthcheck/ready/"] {
        assert_eq!(server.get_json(path), serde_json::json!({ "is_healthy": true }));
    }
}

#[test]
fn items_beyond_500_are_counted_by_their_true_number() {
    let server = Trapline::start();
    let body = format!("{{}}\n{}", "{\"type\":\"event\"}\n{\"message\":\"m\"}\n".repeat(600));
    server.post("/api/1/envelope/").header("x-sentry-auth", &auth(server.key())).body(body).send().expect(200);
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "too_many")), (500, 100));
}

#[test]
fn events_are_sent_with_post() {
    let server = Trapline::start();
    for path in ["/api/1/envelope/", "/api/1/store/"] {
        server.get(path).expect(405);
    }
}
