//! Why an event is in its issue: the app's answer and Sentry's, for what real SDKs send.

use serde_json::{Value, json};

use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{event, event_envelope, id, send_event, to_envelope};

fn info(server: &Trapline, number: u64) -> Value {
    server.get_json(&format!("/api/0/projects/main/default/events/{}/grouping-info/", id(number)))
}

fn view(server: &Trapline, number: u64) -> Value {
    server.get_json(&format!("/api/ui/events/{}/grouping", id(number)))
}

fn send_changed(server: &Trapline, number: u64, changes: Value) {
    let mut event = event(number, "KeyError");
    for (key, value) in changes.as_object().unwrap() {
        event[key] = value.clone();
    }
    to_envelope(server, event_envelope(&event)).send().expect(200);
}

/// All parts of a tree, outside in.
fn parts(component: &Value) -> Vec<&Value> {
    let mut found = vec![component];
    for value in component["values"].as_array().unwrap().iter().filter(|value| value.is_object()) {
        found.extend(parts(value));
    }
    found
}

#[test]
fn an_error_is_explained_part_by_part() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let info = info(&server, 1);
    let app = &info["app"];
    assert_eq!((&app["type"], &app["key"], &app["hashMismatch"]), (&json!("component"), &json!("app"), &json!(false)));
    assert_eq!(app["description"], "in-app exception stack trace");
    assert_eq!(app["hash"].as_str().unwrap().len(), 32);
    assert!(app["config"]["id"].is_string());
    let parts = parts(&app["component"]);
    for part in &parts {
        assert!(part["id"].is_string() && part["name"].is_string() && part["contributes"].is_boolean(), "{part}");
    }
    let of = |id: &str| *parts.iter().find(|part| part["id"] == id).unwrap();
    assert_eq!((&of("type")["values"], &of("type")["contributes"]), (&json!(["KeyError"]), &json!(true)));
    assert_eq!(of("filename")["hint"], "the module says it better");
    assert_eq!(of("context_line")["values"], json!(["raise"]));
    assert_eq!((&info["system"]["hash"], &info["system"]["contributes"]), (&Value::Null, &json!(false)));
    assert_eq!(info["system"]["hint"], "the same hash as the app variant");

    let view = view(&server, 1);
    assert_eq!((&view["version"], &view["note"]), (&json!(1), &Value::Null));
    assert_eq!((&view["variants"][0]["key"], &view["variants"][0]["is_chosen"]), (&json!("app"), &json!(true)));
    assert_eq!(view["variants"][0]["hash"], app["hash"]);
    assert_eq!(view["variants"][1]["is_contributing"], false);
}

#[test]
fn what_clients_ask_for_is_told_with_what_it_stood_for() {
    let server = Trapline::start();
    send_changed(&server, 1, json!({ "fingerprint": ["pay", "{{ transaction }}"], "transaction": "/pay/" }));
    send_changed(&server, 2, json!({ "fingerprint": ["{{ default }}", "eu"] }));
    send_changed(&server, 3, json!({ "checksum": "0123456789abcdef0123456789abcdef" }));
    send_changed(&server, 4, json!({ "exception": null }));
    let custom = &info(&server, 1)["custom_fingerprint"];
    assert_eq!(custom["type"], "custom-fingerprint");
    assert_eq!(custom["values"], json!(["pay", "/pay/"]));
    assert_eq!(custom["client_values"], json!(["pay", "{{ transaction }}"]));
    assert_eq!(custom["matched_rule"], Value::Null);
    assert_eq!(info(&server, 1)["app"]["hint"], "the client sent a fingerprint");
    assert_eq!(info(&server, 2)["app"]["type"], "salted-component");
    assert_eq!(info(&server, 2)["app"]["values"], json!(["{{ default }}", "eu"]));
    let checksum = &info(&server, 3)["checksum"];
    assert_eq!(
        (&checksum["type"], &checksum["hash"]),
        (&json!("checksum"), &json!("0123456789abcdef0123456789abcdef"))
    );
    assert_eq!(info(&server, 4)["fallback"]["type"], "fallback");
    assert_eq!(view(&server, 1)["fingerprint"]["resolved"], json!(["pay", "/pay/"]));
}

#[test]
fn a_rule_every_project_has_is_shown_as_written() {
    let server = Trapline::start();
    let exception = json!({ "values": [{ "type": "ChunkLoadError", "value": "Loading chunk 7 failed" }] });
    send_changed(&server, 1, json!({ "platform": "javascript", "exception": exception }));
    let matched = &info(&server, 1)["built_in_fingerprint"];
    assert_eq!((&matched["type"], &matched["values"]), (&json!("built-in-fingerprint"), &json!(["chunkload-error"])));
    assert!(matched["matched_rule"].as_str().unwrap().contains("-> chunkload-error"));
    assert_eq!(view(&server, 1)["fingerprint"]["source"], "built_in");
}

/// Hashes are not kept with an event, so nothing may be said that the issue does not bear out.
#[test]
fn what_has_changed_since_is_not_hidden() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_event(&server, 2, "TypeError");
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    // As after a merge, and as after rules that gave other hashes.
    let all_to_one = "UPDATE issue_hash SET issue_id = (SELECT id FROM issue WHERE ty = 'TypeError')";
    database.execute(all_to_one, []).unwrap();
    assert_eq!(info(&server, 1)["app"]["hashMismatch"], true);
    let moved = view(&server, 1);
    assert_eq!(moved["leads_to"], "DEFAULT-2");
    assert!(moved["note"].as_str().unwrap().contains("another issue"), "{moved}");
    assert_eq!(moved["variants"][0]["is_chosen"], false);
    assert_eq!(view(&server, 2)["note"], Value::Null);
    database.execute("DELETE FROM issue_hash", []).unwrap();
    assert!(view(&server, 2)["note"].as_str().unwrap().contains("an issue of its own"));
}

#[test]
fn every_captured_event_leads_back_to_its_issue() {
    let server = Trapline::start();
    for fixture in Fixture::all().iter().filter(|fixture| !fixture.is_otlp()) {
        fixture.request(&server).send().expect(200);
    }
    let mut count = 0;
    for issue in server.issues() {
        let event = server.get_json(&format!("/api/ui/issues/{}/events/latest", issue["short_id"].as_str().unwrap()));
        let event_id = event["event_id"].as_str().unwrap();
        let view = server.get_json(&format!("/api/ui/events/{event_id}/grouping"));
        assert_eq!(view["note"], Value::Null, "{issue}");
        assert_eq!(view["variants"][0]["is_chosen"], true, "{issue}");
        let info = server.get_json(&format!("/api/0/projects/main/default/events/{event_id}/grouping-info/"));
        for variant in info.as_object().unwrap().values() {
            assert_eq!(variant["hashMismatch"], false, "{issue} {variant}");
        }
        count += 1;
    }
    assert!(count > 8, "{count}");
}

#[test]
fn events_that_are_not_there_are_said_not_to_be() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-key-error");
    for path in [
        format!("/api/0/projects/main/default/events/{}/grouping-info/", id(9)),
        "/api/0/projects/main/default/events/xyz/grouping-info/".to_owned(),
        format!("/api/0/projects/main/other/events/{}/grouping-info/", id(9)),
        format!("/api/ui/events/{}/grouping", id(9)),
        "/api/ui/events/xyz/grouping".to_owned(),
    ] {
        assert!(server.get(&path).expect(404).json()["detail"].is_string(), "{path}");
    }
}

/// A tree is as wide as the event; the answer is not.
#[test]
fn an_event_of_frames_alone_is_explained_in_bounds() {
    let server = Trapline::start();
    let frames: Vec<Value> = (0..200).map(|line| json!({ "function": format!("f{line}"), "in_app": true })).collect();
    let one = json!({ "type": "E", "value": "v", "stacktrace": { "frames": frames } });
    send_changed(&server, 1, json!({ "exception": { "values": vec![one; 100] } }));
    let view = view(&server, 1);
    assert!(view["variants"][0]["omitted"].as_u64().unwrap() > 0);
    assert!(view.to_string().len() < 4 << 20);
    assert!(info(&server, 1).to_string().len() < 4 << 20);
}
