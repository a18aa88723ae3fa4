//! What screens say is what there is: counts, names and reasons that were once a little untrue.

use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::payload::{envelope, event, event_envelope, id, to_envelope};

const NOW: fn() -> f64 = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();

/// A request of half a second with some queries.
fn transaction(number: u64, user: Value, queries: &[&str]) -> Vec<u8> {
    let (start, trace) = (NOW() - 20.0, id(number));
    let span = |(n, text): (usize, &&str)| {
        json!({ "trace_id": trace, "span_id": format!("{:016x}", 100 + n), "parent_span_id": "00f067aa0ba902b7", "op": "db",
            "description": text, "start_timestamp": start + 0.1, "timestamp": start + 0.2, "data": { "db.system": "postgresql" } })
    };
    let payload = json!({
        "type": "transaction", "event_id": id(number), "transaction": "/books/", "platform": "python", "user": user,
        "start_timestamp": start, "timestamp": start + 0.5, "release": "shop@1",
        "contexts": { "trace": { "trace_id": trace, "span_id": "00f067aa0ba902b7", "op": "http.server" } },
        "spans": queries.iter().enumerate().map(span).collect::<Vec<_>>(),
    });
    envelope(&[("transaction", &payload.to_string())])
}

fn traces(server: &Trapline, text: &str) -> Vec<String> {
    let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let page = server.get_json(&format!("/api/ui/traces?query={text}"));
    let rows = page["traces"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
    rows.iter().map(|row| row["trace_id"].as_str().unwrap().to_string()).collect()
}

#[test]
fn traces_are_found_by_whose_request_it_was() {
    let server = Trapline::start();
    let ada = json!({ "id": 42, "email": "ada@example.org", "username": "ada", "ip_address": "203.0.113.9" });
    to_envelope(&server, transaction(1, ada, &[])).send().expect(200);
    to_envelope(&server, transaction(2, json!({ "id": "7" }), &[])).send().expect(200);
    to_envelope(&server, transaction(3, Value::Null, &[])).send().expect(200);
    for text in [
        "user.id:42",
        "user:42",
        "user:id:42",
        "user:ada",
        "user:ada@example.org",
        "user.email:*@example.org",
        "user.username:ada",
        "user.ip:203.0.113.9",
        "user:ip:203.0.113.9",
        "has:user.email",
        "has:user !user:7",
        "user:[42, 43]",
    ] {
        assert_eq!(traces(&server, text), [id(1)], "{text}");
    }
    assert_eq!(traces(&server, "has:user.id").len(), 2);
    assert_eq!(traces(&server, "!has:user"), [id(3)]);
    assert_eq!(traces(&server, "user:nobody"), Vec::<String>::new());
}

#[test]
fn opening_a_connection_is_no_query() {
    let server = Trapline::start();
    let body = transaction(1, Value::Null, &["connect", "SELECT 1", "SELECT 2"]);
    to_envelope(&server, body).send().expect(200);
    let page = server.get_json("/api/ui/traces");
    assert_eq!(page["traces"][0]["db_span_count"], 2);
}

#[test]
fn a_span_with_a_huge_attribute_is_kept_without_its_end() {
    let server = Trapline::start();
    let now_ns = (NOW() * 1e9) as u64;
    let attribute = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let span = json!({
        "traceId": id(5), "spanId": "00f067aa0ba902b7", "name": "large", "kind": 2,
        "startTimeUnixNano": (now_ns - 1_000_000).to_string(), "endTimeUnixNano": now_ns.to_string(),
        "attributes": [attribute("blob", &"x".repeat(5 << 20)), attribute("shop", "berlin")],
    });
    let resource = json!({ "attributes": [attribute("service.name", "billing")] });
    let body = json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": [span] }] }] });
    let answer = server.post("/v1/traces").json(&body).send();
    assert_eq!((answer.status, answer.json()["partialSuccess"].clone()), (200, Value::Null), "{}", answer.text());
    assert_eq!(traces(&server, "shop:berlin"), [id(5)]);
}

#[test]
fn an_event_that_nests_too_deep_loses_what_is_too_deep_and_says_so() {
    let server = Trapline::start();
    let mut sent = event(1, "KeyError");
    sent["extra"] = json!({ "shop": "berlin", "deep": "DEEP" });
    let deep = format!("{}1{}", "[".repeat(800), "]".repeat(800));
    let body = sent.to_string().replace("\"DEEP\"", &deep);
    to_envelope(&server, envelope(&[("event", &body)])).send().expect(200);
    let shown = server.get_json(&format!("/api/ui/events/{}", id(1)));
    assert_eq!(shown["title"], "KeyError: made up");
    let text = shown.to_string();
    assert!(
        text.contains("berlin") && text.contains("value too deep") && text.contains("deeper than 100 levels"),
        "{text}"
    );
    // One that is too large is still called so.
    sent["extra"] = json!({ "large": "x".repeat(3 << 20) });
    to_envelope(&server, event_envelope(&sent)).send().expect(413);
}

#[test]
fn a_release_in_two_environments_is_one() {
    let server = Trapline::start();
    for (number, release, environment) in [(1, "shop@1", "live"), (2, "shop@1", "staging"), (3, "shop@2", "live")] {
        let mut event = event(number, "KeyError");
        event["release"] = release.into();
        event["environment"] = environment.into();
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    }
    let list = server.get_json("/api/ui/releases");
    assert_eq!((&list["total"], &list["version_count"]), (&json!(3), &json!(2)));
}

#[test]
fn what_was_kept_of_a_request_is_said_in_one_way() {
    let server = Trapline::start();
    let row = || server.get_json("/api/ui/ingest")["rows"][0].clone();
    let broken = json!({ "type": "transaction", "event_id": id(1) }).to_string();
    to_envelope(&server, envelope(&[("transaction", &broken)])).send();
    let fix = row()["fix"].as_str().unwrap_or_default().to_string();
    assert!(!fix.contains("rest of the request was kept"), "{fix}");
    let both = envelope(&[("transaction", &broken), ("event", &event(2, "KeyError").to_string())]);
    to_envelope(&server, both).send().expect(200);
    assert!(row()["fix"].as_str().unwrap().contains("the rest of the request was kept"), "{}", row());
    assert_ne!(row()["summary"], "");
}

#[test]
fn what_is_not_here_never_was_or_is_no_longer_kept() {
    let server = Trapline::start();
    let why = |path: &str| {
        let answer = server.get(path).expect(404).json();
        answer["causes"][0].as_str().unwrap_or_default().to_string()
    };
    let unknown = [format!("/api/ui/events/{}", id(99)), format!("/api/ui/traces/{}", id(99))];
    assert_eq!(why("/api/ui/issues/DEFAULT-1"), "The project default has had no issue yet.");
    to_envelope(&server, event_envelope(&event(1, "KeyError"))).send().expect(200);
    for path in &unknown {
        assert!(why(path).starts_with("It has never reached this server"), "{}", why(path));
    }
    assert_eq!(why("/api/ui/issues/DEFAULT-9"), "It never was: the last issue of its project so far is DEFAULT-1.");
    let action = json!({ "ids": ["DEFAULT-1"], "action": { "kind": "delete" } });
    server.request("POST", "/api/ui/issues/actions").header("x-trapline", "1").json(&action).send().expect(200);
    assert!(why("/api/ui/issues/DEFAULT-1").starts_with("It was deleted"), "{}", why("/api/ui/issues/DEFAULT-1"));
    let of_event = why(&unknown[0]);
    assert!(of_event.contains("deleted issues") && of_event.contains("never reached"), "{of_event}");
}
