//! Issues that are shown as one, read in every way there is: what is told of the one is of the events of all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::payload::{envelope, event, event_envelope, id, to_envelope};

/// An error of a tenant, some hours ago.
fn occur(server: &Trapline, number: u64, ty: &str, lane: &str, hours_ago: f64) {
    let now_s = server.get_json("/api/ui/boot")["now_ms"].as_f64().unwrap() / 1_000.0;
    let mut event = event(number, ty);
    event["tags"] = json!({ "tenant": format!("of {ty}"), "lane": lane });
    event["user"] = json!({ "id": format!("user of {ty}") });
    event["release"] = json!(format!("shop@{number}"));
    event["environment"] = json!("live");
    event["timestamp"] = json!(now_s - hours_ago * 3_600.0);
    to_envelope(server, event_envelope(&event)).send().expect(200);
}

fn act(server: &Trapline, ids: &[&str], action: Value) {
    let body = json!({ "ids": ids, "action": action });
    server.post("/api/ui/issues/actions").header("x-trapline", "1").json(&body).send().expect(200);
}

fn texts(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_string()).collect()
}

fn sum(counts: &Value) -> u64 {
    counts.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum()
}

/// Everything that is told of an issue is of these events, in the order they came, and no others.
fn is_of(server: &Trapline, issue: &str, numbers: &[u64], types: &[&str], feedback: u64) {
    let api = |rest: &str| server.get_json(&format!("/api/ui/issues/{issue}{rest}"));
    let ids: Vec<String> = numbers.iter().map(|number| id(*number)).collect();
    let count = numbers.len() as u64;
    let whole = api("");
    assert_eq!(whole["issue"]["event_count"], count, "{issue}");
    assert_eq!(whole["feedback_count"], feedback, "{issue}");
    assert_eq!(sum(&whole["days"]), count, "{issue}");

    for filter in ["?limit=100", "?environment=live", "?query=environment%3Alive"] {
        let page = api(&format!("/events{filter}"));
        let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
        assert_eq!(texts(&page["events"], "event_id"), newest_first, "{issue} {filter}");
        assert_eq!(page["total"], count, "{issue} {filter}");
        for (place, own) in ids.iter().enumerate() {
            let event = api(&format!("/events/{own}{filter}"));
            assert_eq!(event["short_id"], issue, "{own} {filter}");
            let nav = &event["nav"];
            assert_eq!((&nav["first"], &nav["latest"]), (&json!(ids.first()), &json!(ids.last())), "{own} {filter}");
            let before = place.checked_sub(1).and_then(|before| ids.get(before));
            assert_eq!(
                (&nav["previous"], &nav["next"]),
                (&json!(before), &json!(ids.get(place + 1))),
                "{own} {filter}"
            );
            assert_eq!((&nav["total"], &nav["position"]), (&json!(count), &json!(place + 1)), "{own} {filter}");
        }
        for (name, own) in [("first", ids.first()), ("latest", ids.last()), ("recommended", ids.last())] {
            assert_eq!(api(&format!("/events/{name}{filter}"))["event_id"], json!(own), "{issue} {name} {filter}");
        }
        let tags = api(&format!("/tags{filter}&compare=rest"));
        assert_eq!((&tags["events"], &tags["is_partial"]), (&json!(count), &json!(false)), "{issue} {filter}");
        let tenant = tags["tags"].as_array().unwrap().iter().find(|tag| tag["key"] == "tenant").unwrap();
        let of: BTreeSet<String> = texts(&tenant["values"], "value").into_iter().collect();
        let expected: BTreeSet<String> = types.iter().map(|ty| format!("of {ty}")).collect();
        assert_eq!(of, expected, "{issue} {filter}");
        let values = api(&format!("/tags/tenant{filter}"));
        assert_eq!(values["tags"][0]["distinct"], types.len(), "{issue} {filter}");
        let users = api(&format!("/users{filter}"));
        assert_eq!(users["count"], types.len(), "{issue} {filter}");
        assert_eq!(users["users"].as_array().unwrap().len(), types.len(), "{issue} {filter}");
        assert_eq!(sum(&api(&format!("/history{filter}&unit=hour"))["counts"]), count, "{issue} {filter}");
    }
    // Opened by itself an event stands among the same.
    assert_eq!(server.get_json(&format!("/api/ui/events/{}", ids[0]))["nav"]["total"], count, "{issue}");
    // Two events are too few to tell what changed.
    let changes = api("/changes");
    let has_lane = changes["items"].as_array().unwrap().iter().any(|item| item["key"] == "lane");
    assert_eq!(has_lane, count >= 3, "{changes}");

    let written = server.get_json(&format!("/api/ui/feedback?issue={issue}"))["feedback"].clone();
    assert_eq!(written.as_array().unwrap().len() as u64, feedback, "{issue}");
    assert!(written.as_array().unwrap().iter().all(|row| row["issue"]["short_id"] == issue), "{written}");

    let own = whole["issue"]["id"].as_str().unwrap();
    let sentry = |rest: &str| server.get_json(&format!("/api/0/issues/{own}/{rest}"));
    assert_eq!(sentry("")["userReportCount"], feedback);
    let events = sentry("events/");
    assert_eq!(texts(&events, "eventID").len() as u64, count);
    assert!(texts(&events, "groupID").iter().all(|group| group == own));
    assert_eq!(texts(&events, "location"), vec!["shop/cart.py"; numbers.len()]);
    assert_eq!(sentry("events/oldest/")["groupID"], own);
    assert_eq!(sentry("user-reports/").as_array().unwrap().len() as u64, feedback);
}

#[test]
fn what_is_told_of_merged_issues_is_of_the_events_of_all() {
    let server = Trapline::start();
    for number in 90..94 {
        occur(&server, number, "ValueError", "slow", 12.0);
    }
    for (number, ty) in [(1, "KeyError"), (2, "OSError"), (3, "KeyError"), (4, "OSError")] {
        occur(&server, number, ty, "fast", 0.0);
    }
    for number in [1, 2, 90] {
        let report = json!({ "event_id": id(number), "name": "Ada", "email": "a@b.example", "comments": "gone" });
        to_envelope(&server, envelope(&[("user_report", &report.to_string())])).send().expect(200);
    }
    let apart = |server: &Trapline| {
        is_of(server, "DEFAULT-2", &[1, 3], &["KeyError"], 1);
        is_of(server, "DEFAULT-3", &[2, 4], &["OSError"], 1);
    };
    apart(&server);
    act(&server, &["DEFAULT-3"], json!({ "kind": "merge", "into": "DEFAULT-2" }));
    is_of(&server, "DEFAULT-2", &[1, 2, 3, 4], &["KeyError", "OSError"], 2);
    act(&server, &["DEFAULT-3"], json!({ "kind": "unmerge", "from": "DEFAULT-2" }));
    apart(&server);
    server.expect_sound();
}
