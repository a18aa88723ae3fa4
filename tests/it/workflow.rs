//! What people do to issues, over HTTP, and what the next events make of it.

use serde_json::{Value, json};

use crate::client::{Answer, Connection};
use crate::harness::{Trapline, run, wait_for};
use crate::payload::{event, event_envelope, to_envelope};

/// An error as it comes from a release and a user.
fn occur(server: &Trapline, number: u64, ty: &str, release: Option<&str>, user: Option<&str>) {
    let mut event = event(number, ty);
    event["release"] = json!(release);
    event["environment"] = json!("live");
    if let Some(user) = user {
        event["user"] = json!({ "id": user });
    }
    to_envelope(server, event_envelope(&event)).send().expect(200);
}

fn change(server: &Trapline, method: &str, path: &str, body: &Value) -> Answer {
    server.request(method, path).header("x-trapline", "1").json(body).send()
}

fn try_act(server: &Trapline, ids: &[&str], action: Value) -> Answer {
    change(server, "POST", "/api/ui/issues/actions", &json!({ "ids": ids, "by": "ada", "action": action }))
}

/// The answer to an action that something came of.
fn act(server: &Trapline, ids: &[&str], action: Value) -> Value {
    let answer = try_act(server, ids, action.clone());
    assert_eq!(answer.status, 200, "{action}: {}", answer.text());
    answer.json()
}

fn undo(server: &Trapline, acted: &Value) -> Answer {
    change(server, "POST", "/api/ui/issues/undo", &json!({ "token": acted["undo"] }))
}

fn issue(server: &Trapline, id: &str) -> Value {
    server.get_json(&format!("/api/ui/issues/{id}"))["issue"].clone()
}

fn status(server: &Trapline, id: &str) -> String {
    let issue = issue(server, id);
    let substatus = issue["substatus"].as_str().unwrap();
    let suffix = if substatus == "regressed" { " regressed" } else { "" };
    format!("{}{suffix}", issue["status"].as_str().unwrap())
}

fn kinds(server: &Trapline, id: &str) -> Vec<String> {
    let activity = server.get_json(&format!("/api/ui/issues/{id}/activity"));
    let entries = activity["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["kind"].as_str().unwrap().to_string()).collect()
}

fn refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let text = answer.text();
    assert!(text.contains(words), "{words} is not in {text}");
}

const ONE: &str = "DEFAULT-1";
const TWO: &str = "DEFAULT-2";

#[test]
fn an_older_release_does_not_reopen_what_is_resolved_in_a_newer_one() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", Some("shop@1.9.0"), None);
    act(&server, &[ONE], json!({ "kind": "resolve", "in": "release", "release": "shop@1.10.0" }));
    assert_eq!(issue(&server, ONE)["status_detail"]["release"], "shop@1.10.0");
    assert_eq!(issue(&server, ONE)["status_detail"]["by"], "ada");
    for (number, release) in [(2, Some("shop@1.9.5")), (3, Some("shop@1.2.0")), (4, None)] {
        occur(&server, number, "KeyError", release, None);
        assert_eq!(status(&server, ONE), "resolved", "{release:?}");
    }
    occur(&server, 5, "KeyError", Some("shop@1.10.0"), None);
    assert_eq!(status(&server, ONE), "unresolved regressed");
    assert_eq!(issue(&server, ONE)["event_count"], 5);
    let entries = server.get_json("/api/ui/issues/DEFAULT-1/activity")["entries"].clone();
    let told: Vec<&str> = entries.as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(told, ["regressed", "resolved", "first_seen"]);
    let detail = &entries[0]["detail"];
    assert_eq!((&detail["release"], &detail["resolved_in"]), (&json!("shop@1.10.0"), &json!("shop@1.10.0")));
    assert_eq!(entries[2]["detail"]["release"], "shop@1.9.0");
    server.expect_sound();
}

#[test]
fn what_happened_before_it_was_resolved_and_comes_late_does_not_reopen_it() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    act(&server, &[ONE], json!({ "kind": "resolve", "in": "now" }));
    let now_ms = server.get_json("/api/ui/boot")["now_ms"].as_i64().unwrap();
    let happened = |number: u64, before_ms: i64| {
        let mut event = event(number, "KeyError");
        event["timestamp"] = json!((now_ms - before_ms) as f64 / 1_000.0);
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    };
    for (number, before_ms) in [(2, 3 * 86_400_000), (3, 3_600_000), (4, 120_000)] {
        happened(number, before_ms);
        assert_eq!(status(&server, ONE), "resolved", "{before_ms}");
    }
    assert_eq!(issue(&server, ONE)["event_count"], 4, "it is counted all the same");
    assert_eq!(kinds(&server, ONE), ["resolved", "first_seen"]);
    // Clocks are not that exact.
    happened(5, 10_000);
    assert_eq!(status(&server, ONE), "unresolved regressed");
    // A merged issue is reopened, or not, as the one it is shown as.
    occur(&server, 6, "OSError", None, None);
    act(&server, &[TWO], json!({ "kind": "merge", "into": ONE }));
    act(&server, &[ONE], json!({ "kind": "resolve", "in": "now" }));
    let mut old = event(7, "OSError");
    old["timestamp"] = json!((now_ms - 3_600_000) as f64 / 1_000.0);
    to_envelope(&server, event_envelope(&old)).send().expect(200);
    assert_eq!(status(&server, ONE), "resolved");
    server.expect_sound();
}

#[test]
fn what_is_resolved_in_the_next_release_stays_so_until_there_is_one() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let answer = try_act(&server, &[ONE], json!({ "kind": "resolve", "in": "next_release" }));
    refused(&answer, 400, "no release yet");
    // Commits, which only the order of their coming tells apart.
    for (number, release) in [(2, "1b7d3e4"), (3, "9f2c1aa")] {
        occur(&server, number, "KeyError", Some(release), None);
    }
    act(&server, &[ONE], json!({ "kind": "resolve", "in": "next_release" }));
    assert_eq!(issue(&server, ONE)["status_detail"]["release"], "9f2c1aa");
    for (number, release) in [(4, Some("1b7d3e4")), (5, Some("9f2c1aa")), (6, None)] {
        occur(&server, number, "KeyError", release, None);
        assert_eq!(status(&server, ONE), "resolved", "{release:?}");
    }
    occur(&server, 7, "KeyError", Some("4c5d6e7"), None);
    assert_eq!(status(&server, ONE), "unresolved regressed");
}

#[test]
fn an_issue_is_ignored_until_so_many_events_or_users_more() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, Some("a"));
    act(&server, &[ONE], json!({ "kind": "ignore", "until": "events", "count": 3 }));
    for number in 2..4 {
        occur(&server, number, "KeyError", None, None);
        assert_eq!(status(&server, ONE), "ignored");
    }
    assert_eq!(issue(&server, ONE)["status_detail"]["seen"], 2);
    // Sent twice, counted once.
    occur(&server, 3, "KeyError", None, None);
    assert_eq!(status(&server, ONE), "ignored");
    occur(&server, 4, "KeyError", None, None);
    assert_eq!(status(&server, ONE), "unresolved");
    act(&server, &[ONE], json!({ "kind": "ignore", "until": "users", "count": 2 }));
    for (number, user) in [(5, "a"), (6, "b"), (7, "b")] {
        occur(&server, number, "KeyError", None, Some(user));
        assert_eq!(status(&server, ONE), "ignored", "{user}");
    }
    occur(&server, 8, "KeyError", None, Some("c"));
    assert_eq!(status(&server, ONE), "unresolved");
    act(&server, &[ONE], json!({ "kind": "ignore" }));
    occur(&server, 9, "KeyError", None, Some("d"));
    assert_eq!(status(&server, ONE), "ignored");
    assert_eq!(kinds(&server, ONE), ["ignored", "unignored", "ignored", "unignored", "ignored", "first_seen"]);
}

#[test]
fn who_stops_ignoring_is_told_to_have_done_it() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    act(&server, &[ONE], json!({ "kind": "ignore", "until": "events", "count": 10 }));
    let open = |by: Value| {
        let body = json!({ "ids": [ONE], "by": by, "action": { "kind": "unresolve" } });
        change(&server, "POST", "/api/ui/issues/actions", &body).expect(200);
    };
    open(json!("ada"));
    let newest = || server.get_json("/api/ui/issues/DEFAULT-1/activity")["entries"][0].clone();
    let told = newest();
    assert_eq!(
        (&told["kind"], &told["by"], &told["detail"]),
        (&json!("unresolved"), &json!("ada"), &json!({ "was": "ignored" }))
    );
    // Somebody without a name is somebody.
    act(&server, &[ONE], json!({ "kind": "ignore", "until": "events", "count": 1 }));
    open(Value::Null);
    assert_eq!((&newest()["kind"], &newest()["by"]), (&json!("unresolved"), &Value::Null));
    act(&server, &[ONE], json!({ "kind": "ignore", "until": "events", "count": 1 }));
    occur(&server, 2, "KeyError", None, None);
    assert_eq!((&newest()["kind"], &newest()["detail"]["reason"]), (&json!("unignored"), &json!("events")));
}

#[test]
fn what_came_back_is_not_new_and_is_named_after_the_release_that_brought_it() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", Some("shop@1.0.0"), None);
    occur(&server, 2, "OSError", Some("shop@1.0.0"), None);
    act(&server, &[ONE], json!({ "kind": "resolve" }));
    occur(&server, 3, "KeyError", Some("shop@1.1.0"), None);
    occur(&server, 4, "KeyError", Some("shop@1.2.0-rc.1"), None);
    let came_back = issue(&server, ONE);
    assert_eq!(came_back["regressed_release"], "shop@1.1.0");
    assert_eq!(came_back["last_release"], "shop@1.2.0-rc.1");
    assert_eq!(issue(&server, TWO)["regressed_release"], Value::Null);
    let listed = |state: &str| {
        let rows = server.get_json(&format!("/api/ui/issues?query=is:{state}"))["issues"].clone();
        rows.as_array().unwrap().iter().map(|row| row["short_id"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed("new"), [TWO]);
    assert_eq!(listed("regressed"), [ONE]);
    assert_eq!(listed("ongoing"), Vec::<String>::new());
    let counts = server.get_json("/api/ui/issues/counts");
    assert_eq!(
        (counts["open"].as_u64(), counts["new"].as_u64(), counts["regressed"].as_u64()),
        (Some(2), Some(1), Some(1))
    );
}

#[test]
fn what_somebody_opened_again_is_not_new() {
    let server = Trapline::start();
    for (number, ty) in [(1, "KeyError"), (2, "OSError"), (3, "ValueError"), (4, "TypeError")] {
        occur(&server, number, ty, None, None);
    }
    let (undecided, three) = ("DEFAULT-4", "DEFAULT-3");
    // By hand from resolved and from ignored, and by itself.
    act(&server, &[ONE], json!({ "kind": "resolve" }));
    act(&server, &[TWO], json!({ "kind": "ignore", "until": "forever" }));
    act(&server, &[ONE, TWO], json!({ "kind": "unresolve" }));
    act(&server, &[three], json!({ "kind": "ignore", "until": "events", "count": 1 }));
    occur(&server, 5, "ValueError", None, None);
    let listed = |state: &str| {
        let rows = server.get_json(&format!("/api/ui/issues?query=is:{state}"))["issues"].clone();
        let mut ids: Vec<_> =
            rows.as_array().unwrap().iter().map(|row| row["short_id"].as_str().unwrap().to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(listed("ongoing"), [ONE, TWO, three]);
    assert_eq!(listed("new"), [undecided]);
    assert_eq!(listed("for_review"), [undecided]);
    for id in [ONE, TWO, three] {
        assert_eq!(issue(&server, id)["substatus"], "ongoing", "{id}");
        assert_eq!(server.get_json(&format!("/api/0/issues/{id}/"))["substatus"], "ongoing", "{id}");
    }
    assert_eq!(issue(&server, undecided)["substatus"], "new");
    // With and without a search: two ways of counting.
    for query in ["", "?query=is:unresolved"] {
        let counts = server.get_json(&format!("/api/ui/issues/counts{query}"));
        assert_eq!((counts["open"].as_u64(), counts["new"].as_u64()), (Some(4), Some(1)), "{query}");
    }
    // What is undone was not decided.
    let resolved = act(&server, &[undecided], json!({ "kind": "resolve" }));
    undo(&server, &resolved).expect(200);
    assert_eq!(issue(&server, undecided)["substatus"], "new");
}

#[test]
fn being_ignored_for_a_time_ends_by_itself() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let now_ms = server.get_json("/api/ui/boot")["now_ms"].as_i64().unwrap();
    act(&server, &[ONE], json!({ "kind": "ignore", "until": "time", "until_ms": now_ms + 700 }));
    assert_eq!(status(&server, ONE), "ignored");
    wait_for("the end of the time", || (status(&server, ONE) == "unresolved").then_some(()));
    assert_eq!(kinds(&server, ONE)[0], "unignored");
}

#[test]
fn two_people_at_once_are_told_of_each_other() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let seen_ms = issue(&server, ONE)["changed_ms"].clone();
    let send = |by: &str, action: Value| {
        let body = json!({ "ids": [ONE], "by": by, "seen_ms": seen_ms, "action": action });
        let answer = change(&server, "POST", "/api/ui/issues/actions", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    assert_eq!(send("ada", json!({ "kind": "resolve" }))["problems"], json!([]));
    let second = send("bob", json!({ "kind": "ignore" }));
    assert_eq!(second["changed"], 1);
    let told = second["problems"][0]["detail"].as_str().unwrap();
    assert!(told.contains("ada marked it resolved"), "{told}");
    assert_eq!(second["problems"][0]["id"], ONE);
    assert_eq!(status(&server, ONE), "ignored");
    // Who says the same is told, too, and changes nothing.
    let third = send("eve", json!({ "kind": "ignore" }));
    assert_eq!((third["changed"].as_u64(), third["undo"].clone()), (Some(0), Value::Null));
    assert!(third["problems"][0]["detail"].as_str().unwrap().contains("bob marked it ignored"));
}

#[test]
fn many_at_once_end_in_one_of_their_states() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let actions = [json!({ "kind": "resolve" }), json!({ "kind": "ignore" }), json!({ "kind": "unresolve" })];
    std::thread::scope(|scope| {
        for action in actions.iter().cycle().take(12) {
            let server = &server;
            scope.spawn(move || act(server, &[ONE], action.clone()));
        }
        scope.spawn(|| (10..30).for_each(|number| occur(&server, number, "KeyError", None, None)));
    });
    assert_eq!(issue(&server, ONE)["event_count"], 21);
    assert!(["resolved", "ignored", "unresolved", "unresolved regressed"].contains(&status(&server, ONE).as_str()));
    server.expect_sound();
}

#[test]
fn everything_can_be_undone_once() {
    let server = Trapline::start();
    for (number, ty) in [(1, "KeyError"), (2, "OSError"), (3, "ValueError")] {
        occur(&server, number, ty, Some("shop@1"), None);
    }
    let before: Vec<Value> = [ONE, TWO, "DEFAULT-3"].iter().map(|id| issue(&server, id)).collect();
    let like_before = |what: &str| {
        for (id, before) in [ONE, TWO, "DEFAULT-3"].iter().zip(&before) {
            let mut now = issue(&server, id);
            now["changed_ms"] = before["changed_ms"].clone();
            assert_eq!(now, *before, "{what} of {id}");
        }
        assert_eq!(server.issues().len(), 3, "{what}");
        assert_eq!(kinds(&server, ONE), ["first_seen"], "{what}");
    };
    for action in [
        json!({ "kind": "resolve", "in": "next_release" }),
        json!({ "kind": "ignore", "until": "users", "count": 5 }),
        json!({ "kind": "assign", "to": "bob" }),
        json!({ "kind": "priority", "priority": "low" }),
        json!({ "kind": "bookmark", "on": true }),
        json!({ "kind": "merge", "into": ONE }),
        json!({ "kind": "delete" }),
        json!({ "kind": "discard" }),
    ] {
        let acted = act(&server, &[ONE, TWO, "DEFAULT-3"], action.clone());
        let changed = if action["kind"] == "merge" { 2 } else { 3 };
        assert_eq!((acted["changed"].as_u64(), acted["problems"].clone()), (Some(changed), json!([])), "{action}");
        let undone = undo(&server, &acted);
        assert_eq!(undone.json()["changed"], changed, "{action}: {}", undone.text());
        like_before(&action.to_string());
        refused(&undo(&server, &acted), 404, "undone already");
    }
    server.expect_sound();
}

#[test]
fn what_somebody_else_decided_since_is_not_undone() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let resolved = act(&server, &[ONE], json!({ "kind": "resolve" }));
    act(&server, &[ONE], json!({ "kind": "ignore" }));
    let undone = undo(&server, &resolved).json();
    assert_eq!(undone["changed"], 0);
    assert!(undone["problems"][0]["detail"].as_str().unwrap().contains("since"), "{undone}");
    assert_eq!(status(&server, ONE), "ignored");
}

#[test]
fn merged_issues_are_one_and_can_be_taken_apart() {
    let server = Trapline::start();
    let types = ["KeyError", "OSError", "ValueError", "TypeError"];
    for (number, ty) in types.iter().enumerate() {
        occur(&server, number as u64, ty, Some("shop@1"), Some(*ty));
    }
    act(&server, &["DEFAULT-2", "default-3"], json!({ "kind": "merge", "into": "DEFAULT-1" }));
    let merged = issue(&server, ONE);
    assert_eq!((merged["event_count"].as_u64(), merged["user_count"].as_u64()), (Some(3), Some(3)));
    assert_eq!(merged["merged_count"], 2);
    assert_eq!(server.issues().len(), 2);
    // Their names lead there.
    assert_eq!(issue(&server, TWO)["short_id"], ONE);
    assert_eq!(server.get_json("/api/0/issues/DEFAULT-3/")["shortId"], ONE);
    // What comes for one of them comes for all.
    occur(&server, 10, "OSError", Some("shop@2"), Some("new"));
    let merged = issue(&server, ONE);
    assert_eq!((merged["event_count"].as_u64(), merged["user_count"].as_u64()), (Some(4), Some(4)));
    assert_eq!(merged["last_release"], "shop@2");
    assert_eq!(merged["title"], issue(&server, ONE)["title"]);
    assert_eq!(server.last_request()["short_id"], ONE);
    let members = server.get_json("/api/ui/issues/DEFAULT-1/merged")["members"].clone();
    assert_eq!(members[0]["short_id"], TWO);
    assert_eq!((members[0]["event_count"].as_u64(), members[0]["hash"].as_str().unwrap().len()), (Some(2), 32));

    refused(&try_act(&server, &[ONE], json!({ "kind": "merge", "into": ONE })), 400, "into itself");
    refused(&try_act(&server, &[ONE], json!({ "kind": "merge", "into": TWO })), 400, "take it out first");
    refused(&try_act(&server, &["DEFAULT-4"], json!({ "kind": "unmerge", "from": ONE })), 400, "not merged");
    // Into a merged one is into its survivor; a survivor takes along what it has.
    act(&server, &["DEFAULT-4"], json!({ "kind": "merge", "into": TWO }));
    assert_eq!(issue(&server, "DEFAULT-4")["short_id"], ONE);
    assert_eq!(server.issues().len(), 1);
    server.expect_sound();

    let apart = act(&server, &[TWO, "DEFAULT-3"], json!({ "kind": "unmerge", "from": ONE }));
    assert_eq!(apart["changed"], 2);
    assert_eq!(issue(&server, TWO)["event_count"], 2);
    assert_eq!(issue(&server, ONE)["event_count"], 2);
    assert_eq!(undo(&server, &apart).json()["changed"], 2);
    assert_eq!(issue(&server, ONE)["event_count"], 5);
    assert_eq!(kinds(&server, ONE), ["merged", "merged", "merged", "first_seen"]);
    server.expect_sound();
}

#[test]
fn a_merged_issue_that_comes_again_reopens_the_one_it_is_shown_as() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    occur(&server, 2, "OSError", None, None);
    act(&server, &[TWO], json!({ "kind": "merge", "into": ONE }));
    act(&server, &[TWO], json!({ "kind": "resolve" }));
    assert_eq!(status(&server, ONE), "resolved");
    occur(&server, 3, "OSError", None, None);
    assert_eq!(status(&server, ONE), "unresolved regressed");
}

#[test]
fn a_deleted_issue_is_gone_and_begins_anew() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let deleted = act(&server, &[ONE], json!({ "kind": "delete" }));
    assert_eq!(server.issues().len(), 0);
    refused(&server.get("/api/ui/issues/DEFAULT-1"), 404, "no such issue");
    refused(&try_act(&server, &[ONE], json!({ "kind": "resolve" })), 404, "no such issue");
    occur(&server, 2, "KeyError", None, None);
    assert_eq!(issue(&server, TWO)["event_count"], 1);
    server.expect_sound();
    // What came since comes along.
    assert_eq!(undo(&server, &deleted).json()["changed"], 1);
    assert_eq!(issue(&server, ONE)["event_count"], 2);
    assert_eq!(issue(&server, TWO)["short_id"], ONE);
    server.expect_sound();
}

#[test]
fn what_is_discarded_is_dropped_and_counted_until_it_is_lifted() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    act(&server, &[ONE], json!({ "kind": "discard" }));
    occur(&server, 2, "KeyError", None, None);
    assert_eq!(server.issues().len(), 0);
    assert_eq!(server.outcome("event", "discarded"), 1);
    assert_eq!(server.last_request()["short_id"], Value::Null);
    let discarded = server.get_json("/api/ui/discarded?project=default")["discarded"].clone();
    assert_eq!((discarded[0]["short_id"].clone(), discarded[0]["event_count"].clone()), (json!(ONE), json!(1)));
    assert_eq!(discarded[0]["by"], "ada");
    let lift = format!("/api/ui/discarded/{}/lift", discarded[0]["id"].as_str().unwrap());
    assert_eq!(change(&server, "POST", &lift, &json!({})).status, 200);
    refused(&change(&server, "POST", &lift, &json!({})), 404, "no such discard");
    occur(&server, 3, "KeyError", None, None);
    assert_eq!(issue(&server, TWO)["event_count"], 1);
    server.expect_sound();
}

#[test]
fn people_write_edit_and_delete_comments() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let comments = "/api/ui/issues/DEFAULT-1/comments";
    let written = change(&server, "POST", comments, &json!({ "text": " <b>Seen</b>\nsince *Monday* ", "by": "ada" }));
    assert_eq!(written.status, 201);
    let id = written.json()["id"].as_str().unwrap().to_string();
    assert_eq!(written.json()["text"], "<b>Seen</b>\nsince *Monday*");
    assert_eq!(issue(&server, ONE)["comment_count"], 1);
    let one = format!("{comments}/{id}");
    let edited = change(&server, "PUT", &one, &json!({ "text": "Seen since Tuesday", "by": "bob" })).json();
    assert_eq!((edited["text"].as_str(), edited["by"].as_str()), (Some("Seen since Tuesday"), Some("ada")));
    assert!(edited["edited_ms"].is_i64());
    assert_eq!(kinds(&server, ONE), ["comment", "first_seen"]);
    assert_eq!(server.get_json("/api/ui/people"), json!({ "names": ["bob", "ada"] }));
    for bad in ["", "  \n ", "a\u{0}b", &"x".repeat(10_001)] {
        refused(&change(&server, "POST", comments, &json!({ "text": bad })), 400, "text:");
    }
    refused(&change(&server, "PUT", &format!("{comments}/x"), &json!({ "text": "a" })), 404, "comment");
    refused(&change(&server, "DELETE", &format!("{comments}/999999"), &json!({})), 404, "comment");
    assert_eq!(change(&server, "DELETE", &one, &json!({})).status, 200);
    assert_eq!(issue(&server, ONE)["comment_count"], 0);
    refused(&change(&server, "DELETE", &one, &json!({})), 404, "comment");
}

#[test]
fn what_cannot_be_done_is_refused_in_words() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let many: Vec<String> = (0..1_001).map(|number| format!("DEFAULT-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    refused(&try_act(&server, &many, json!({ "kind": "resolve" })), 400, "too many at once");
    refused(&try_act(&server, &[], json!({ "kind": "resolve" })), 400, "at least one");
    for id in ["DEFAULT-9", "NOWHERE-1", "x", "", "99999999999999999999", "-", "DEFAULT--1", "\u{202e}1"] {
        refused(&try_act(&server, &[id], json!({ "kind": "resolve" })), 404, "no such issue");
    }
    for (action, words) in [
        (json!({ "kind": "explode" }), "unknown variant"),
        (json!({}), "missing field `kind`"),
        (json!(7), "cannot be read"),
        (json!({ "kind": "resolve", "in": "release" }), "release:"),
        (json!({ "kind": "resolve", "in": "release", "release": "x".repeat(251) }), "release:"),
        (json!({ "kind": "resolve", "in": "yesterday" }), "unknown variant"),
        (json!({ "kind": "ignore", "until": "time" }), "until_ms:"),
        (json!({ "kind": "ignore", "until": "time", "until_ms": 1 }), "until_ms:"),
        (json!({ "kind": "ignore", "until": "time", "until_ms": i64::MAX }), "until_ms:"),
        (json!({ "kind": "ignore", "until": "events" }), "count:"),
        (json!({ "kind": "ignore", "until": "events", "count": 0 }), "count:"),
        (json!({ "kind": "ignore", "until": "events", "count": -1 }), "cannot be read"),
        (json!({ "kind": "ignore", "until": "events", "count": 1, "window_minutes": 10_081 }), "window_minutes:"),
        (json!({ "kind": "assign", "to": "a\nb" }), "to:"),
        (json!({ "kind": "assign", "to": "x".repeat(65) }), "to:"),
        (json!({ "kind": "priority", "priority": "urgent" }), "priority:"),
        (json!({ "kind": "bookmark" }), "missing field `on`"),
    ] {
        refused(&try_act(&server, &[ONE], action.clone()), 400, words);
    }
    refused(&try_act(&server, &[ONE], json!({ "kind": "merge", "into": "DEFAULT-7" })), 404, "no such issue");
    for body in ["", "{", "[]", "{\"ids\":1}", "{\"ids\":[1],\"action\":{}}"] {
        let sent = server.post("/api/ui/issues/actions").header("x-trapline", "1").body(body).send();
        assert_eq!(sent.status, 400, "{body}: {}", sent.text());
    }
    let by = json!({ "ids": [ONE], "by": "\u{7}", "action": { "kind": "resolve" } });
    refused(&change(&server, "POST", "/api/ui/issues/actions", &by), 400, "by:");
    refused(&change(&server, "POST", "/api/ui/issues/undo", &json!({ "token": "nothing" })), 404, "cannot be undone");
    // Neither a foreign page nor a form of one.
    let plain = server.post("/api/ui/issues/actions").json(&by).send();
    refused(&plain, 403, "X-Trapline");
    let foreign = server.post("/api/ui/issues/undo").header("x-trapline", "1").header("origin", "http://evil.test");
    assert_eq!(foreign.send().status, 403);
    assert_eq!(status(&server, ONE), "unresolved");
}

#[test]
fn a_thousand_issues_are_changed_at_once_and_back() {
    let server = Trapline::start();
    std::thread::scope(|scope| {
        for part in 0..10 {
            let server = &server;
            scope.spawn(move || {
                for number in part * 100..(part + 1) * 100 {
                    let mut event = event(number, "KeyError");
                    event["fingerprint"] = json!([format!("bug {number}")]);
                    to_envelope(server, event_envelope(&event)).send().expect(200);
                }
            });
        }
    });
    let ids: Vec<String> = (1..=1_000).map(|number| format!("DEFAULT-{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let resolved = act(&server, &ids, json!({ "kind": "resolve" }));
    assert_eq!(resolved["changed"], 1_000);
    assert_eq!(server.get_json("/api/ui/issues")["total"], 0);
    assert_eq!(undo(&server, &resolved).json()["changed"], 1_000);
    assert_eq!(server.get_json("/api/ui/issues")["total"], 1_000);
    // A few that are not there cost themselves.
    let mixed = act(&server, &[ONE, "DEFAULT-5000"], json!({ "kind": "bookmark", "on": true }));
    assert_eq!(mixed["changed"], 1);
    assert_eq!(mixed["problems"], json!([{ "id": "DEFAULT-5000", "detail": "there is no such issue" }]));
    let merged = act(&server, &ids[..300], json!({ "kind": "merge", "into": ONE }));
    assert_eq!(merged["changed"], 200);
    assert!(merged["problems"][0]["detail"].as_str().unwrap().contains("room for 200"), "{merged}");
    assert_eq!(issue(&server, ONE)["event_count"], 201);
    server.expect_sound();
}

#[test]
fn sentrys_clients_change_issues_as_they_do() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", Some("shop@1"), None);
    occur(&server, 2, "OSError", Some("shop@1"), None);
    let put = |path: &str, body: Value| {
        let request = server.request("PUT", path).header("authorization", "Bearer anything").json(&body);
        let answer = request.send();
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
        answer.json()
    };
    let details = json!({ "inRelease": "shop@2" });
    let changed = put("/api/0/issues/DEFAULT-1/", json!({ "status": "resolved", "statusDetails": details }));
    assert_eq!((changed["status"].as_str(), changed["statusDetails"].clone()), (Some("resolved"), details));
    let all = json!({ "assignedTo": "user:ada", "priority": "low", "isBookmarked": true, "hasSeen": true });
    let changed = put("/api/0/organizations/main/issues/DEFAULT-1/", all);
    assert_eq!(changed["assignedTo"]["name"], "ada");
    assert_eq!((changed["priority"].as_str(), changed["isBookmarked"].as_bool()), (Some("low"), Some(true)));

    let ids: Vec<String> = [ONE, TWO].iter().map(|id| issue(&server, id)["id"].as_str().unwrap().to_string()).collect();
    let both = format!("/api/0/projects/main/default/issues/?id={}&id={}", ids[0], ids[1]);
    let told = put(&both, json!({ "status": "ignored", "statusDetails": { "ignoreCount": 10, "ignoreWindow": 60 } }));
    assert_eq!(told["status"], "ignored");
    let muted = server.get_json("/api/0/issues/DEFAULT-2/");
    assert_eq!(muted["statusDetails"], json!({ "ignoreCount": 10, "ignoreWindow": 60 }));
    assert_eq!(muted["substatus"], "archived_until_condition_met");
    // All that are found; as sentry-cli 3.8.0 asks (`issues unresolve --all`, `issues mute --status unresolved`,
    // `issues resolve --id`).
    let listed = "/api/0/projects/main/default/issues/";
    put(&format!("{listed}?"), json!({ "status": "unresolved", "snoozeDuration": null }));
    assert_eq!(server.get_json("/api/ui/issues")["total"], 2);
    put(&format!("{listed}?status=unresolved"), json!({ "status": "muted", "snoozeDuration": null }));
    assert_eq!(status(&server, ONE), "ignored");
    put(&format!("{listed}?id={}", ids[0]), json!({ "status": "resolved", "snoozeDuration": null }));
    assert_eq!((status(&server, ONE).as_str(), status(&server, TWO).as_str()), ("resolved", "ignored"));
    // Without a word of which, those that are open: `issues resolve --all`.
    put(listed, json!({ "status": "resolved" }));
    assert_eq!((status(&server, ONE).as_str(), status(&server, TWO).as_str()), ("resolved", "ignored"));
    put(&format!("{listed}?query=is%3Aignored"), json!({ "status": "unresolved" }));
    assert_eq!(status(&server, TWO), "unresolved");
    assert_eq!(server.get(&format!("{listed}?sort=bogus")).status, 400);
    assert_eq!(server.get(&format!("{listed}?sort=date")).status, 200);
    put("/api/0/organizations/main/issues/?query=OSError", json!({ "status": "resolvedInNextRelease" }));
    assert_eq!(server.get_json("/api/0/issues/DEFAULT-2/")["statusDetails"], json!({ "inNextRelease": true }));
    let merged = put(&both, json!({ "merge": 1 }));
    assert_eq!(merged["merge"]["children"], json!([ids[1]]));
    assert!(server.get_json("/api/0/issues/DEFAULT-1/hashes/").as_array().unwrap().len() >= 2);

    let note = server.post("/api/0/issues/DEFAULT-1/comments/").header("authorization", "Bearer x");
    let note = note.json(&json!({ "text": "on it" })).send();
    assert_eq!(note.status, 201, "{}", note.text());
    assert_eq!(server.get_json("/api/0/issues/DEFAULT-1/notes/")[0]["data"]["text"], "on it");
    assert_eq!(server.get_json("/api/0/issues/DEFAULT-1/")["numComments"], 1);
    let activity = server.get_json("/api/0/issues/DEFAULT-1/activities/")["activity"].clone();
    let types: Vec<&str> = activity.as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(types[..2], ["note", "merge"]);
    assert!(types.contains(&"set_resolved_in_release") && types.contains(&"assigned"), "{types:?}");

    for (path, body) in
        [("/api/0/issues/DEFAULT-1/", json!({ "status": "gone" })), (both.as_str(), json!({ "merge": "no" }))]
    {
        let answer = server.request("PUT", path).header("authorization", "Bearer x").json(&body).send();
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    assert_eq!(server.request("PUT", "/api/0/issues/DEFAULT-1/").json(&json!({})).send().status, 403);
    for all in ["", "?query=", "?status=&query="] {
        let path = format!("/api/0/projects/main/default/issues/{all}");
        let answer = server.request("DELETE", &path).header("authorization", "Bearer x").send();
        refused(&answer, 400, "name the issues");
    }
    let gone = server.request("DELETE", "/api/0/issues/DEFAULT-1/").header("authorization", "Bearer x").send();
    assert_eq!(gone.status, 202);
    assert_eq!(server.issues().len(), 0);
    assert_eq!(server.get("/api/0/issues/DEFAULT-1/").status, 404);
}

#[test]
fn what_another_person_opened_again_is_not_undone() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let by = |who: &str, action: Value| {
        let body = json!({ "ids": [ONE], "by": who, "action": action });
        change(&server, "POST", "/api/ui/issues/actions", &body).expect(200).json()
    };
    by("ann", json!({ "kind": "ignore" }));
    let resolved = by("ann", json!({ "kind": "resolve", "in": "now" }));
    by("bob", json!({ "kind": "unresolve" }));
    let undone = undo(&server, &resolved).expect(200).json();
    assert_eq!(status(&server, ONE), "unresolved");
    assert_eq!(undone["changed"], 0, "{undone}");
    assert!(undone["problems"][0]["detail"].as_str().unwrap().contains("decided otherwise"), "{undone}");
    // What an event opened again is.
    let resolved = by("ann", json!({ "kind": "resolve", "in": "now" }));
    occur(&server, 2, "KeyError", None, None);
    assert_eq!(status(&server, ONE), "unresolved regressed");
    assert_eq!(undo(&server, &resolved).expect(200).json()["changed"], 1);
    assert_eq!(status(&server, ONE), "unresolved");
}

#[test]
fn sentrys_clients_change_issues_of_the_project_they_name_alone() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    occur(&server, 2, "OSError", None, None);
    let made = server.post("/api/ui/projects").header("x-trapline", "1").json(&json!({ "name": "Second" }));
    made.send().expect(201);
    let ids: Vec<String> = [ONE, TWO].iter().map(|id| issue(&server, id)["id"].as_str().unwrap().to_string()).collect();
    let send = |method: &str, path: &str| {
        let request = server.request(method, path).header("authorization", "Bearer x");
        request.json(&json!({ "status": "resolved" })).send()
    };
    for path in [
        format!("/api/0/projects/main/second/issues/?id={}", ids[0]),
        format!("/api/0/projects/main/second/issues/?id={ONE}"),
        format!("/api/0/projects/main/second/issues/?id={}&project=default", ids[0]),
        format!("/api/0/organizations/main/issues/?id={}&project=second", ids[0]),
        format!("/api/0/organizations/other/issues/?id={}", ids[0]),
        format!("/api/0/organizations/other/issues/{}/", ids[0]),
    ] {
        for method in ["DELETE", "PUT"] {
            let answer = send(method, &path);
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        }
    }
    assert_eq!(server.get(&format!("/api/0/organizations/other/issues/{}/", ids[0])).status, 404);
    assert_eq!((status(&server, ONE), status(&server, TWO)), ("unresolved".to_string(), "unresolved".to_string()));
    for all in ["project=-1", "project=second&project=default"] {
        send("PUT", &format!("/api/0/organizations/main/issues/?id={}&{all}", ids[0])).expect(200);
    }
    assert_eq!(status(&server, ONE), "resolved");
    send("DELETE", &format!("/api/0/organizations/main/issues/?id={}&project=default", ids[1])).expect(204);
    assert_eq!(server.issues().len(), 1);
}

#[test]
fn what_changed_when_an_issue_came_back_is_looked_for_from_the_event_that_brought_it() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", Some("shop@1"), None);
    act(&server, &[ONE], json!({ "kind": "resolve", "in": "now" }));
    let mut event = event(2, "KeyError");
    event["release"] = json!("shop@2");
    // It happened a little before it came in.
    let at_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    event["timestamp"] = json!(at_s);
    occur(&server, 3, "OSError", Some("shop@1"), None);
    to_envelope(&server, event_envelope(&event)).send().expect(200);
    assert_eq!(status(&server, ONE), "unresolved regressed");
    wait_for("the release that brought it", || {
        let changes = server.get_json(&format!("/api/ui/issues/{ONE}/changes"));
        let told = changes["items"].to_string();
        told.contains("Release shop@2 was first seen at the same time").then_some(())
    });
}

#[test]
fn issues_like_one_are_found_with_reasons() {
    let server = Trapline::start();
    for (number, ty, value, bug) in [
        (1, "ValueError", "Invalid voucher BF26 for order 12", "a"),
        (2, "ValueError", "Invalid voucher XX99 for order 13", "b"),
        (3, "ZeroDivisionError", "division by zero", "c"),
    ] {
        let mut event = event(number, ty);
        event["exception"]["values"][0]["value"] = json!(value);
        event["fingerprint"] = json!([bug]);
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    }
    // What has just come is taken into the index a moment later.
    let similar = wait_for("the index", || {
        let similar = server.get_json("/api/ui/issues/DEFAULT-1/similar")["issues"].clone();
        (!similar.as_array().unwrap().is_empty()).then_some(similar)
    });
    assert_eq!(similar.as_array().unwrap().len(), 1, "{similar}");
    assert_eq!(similar[0]["row"]["short_id"], TWO);
    assert!(similar[0]["score"].as_f64().unwrap() > 0.8);
    let reasons = similar[0]["reasons"].to_string();
    assert!(reasons.contains("same type: ValueError") && reasons.contains("message"), "{reasons}");
}

#[test]
fn open_pages_hear_of_what_people_do() {
    let server = Trapline::start();
    occur(&server, 1, "KeyError", None, None);
    let id = issue(&server, ONE)["id"].as_str().unwrap().to_string();
    let mut stream = Connection::open(server.address());
    stream.write(&server.request("GET", "/api/ui/live").encode());
    stream.read_until(&[": connected"]);
    act(&server, &[ONE], json!({ "kind": "resolve" }));
    stream.read_until(&["event: issue\n", &id]);
}

#[test]
fn what_people_did_is_carried_to_another_store() {
    let server = Trapline::start();
    for (number, ty) in [(1, "KeyError"), (2, "OSError"), (3, "ValueError"), (4, "TypeError")] {
        occur(&server, number, ty, Some("shop@1"), Some(ty));
    }
    act(&server, &[TWO], json!({ "kind": "merge", "into": ONE }));
    act(&server, &[ONE], json!({ "kind": "resolve", "in": "release", "release": "shop@2" }));
    act(&server, &[ONE], json!({ "kind": "assign", "to": "bob" }));
    act(&server, &["DEFAULT-4"], json!({ "kind": "discard" }));
    act(&server, &["DEFAULT-3"], json!({ "kind": "ignore", "until": "events", "count": 5 }));
    change(&server, "POST", "/api/ui/issues/DEFAULT-1/comments", &json!({ "text": "on it", "by": "ada" }));
    let told = |server: &Trapline| {
        let activity = server.get_json("/api/ui/issues/DEFAULT-1/activity")["entries"].clone();
        let plain = |entry: &Value| json!([entry["kind"], entry["by"], entry["text"], entry["detail"], entry["at_ms"]]);
        let activity: Vec<Value> = activity.as_array().unwrap().iter().map(plain).collect();
        json!([
            issue(server, ONE),
            issue(server, "DEFAULT-3"),
            activity,
            server.get_json("/api/ui/issues/DEFAULT-1/merged"),
            server.get_json("/api/ui/people"),
            server.get_json("/api/ui/discarded")["discarded"][0]["title"],
        ])
    };
    let before = told(&server);
    let file = server.dir().join("all.ndjson");
    let file = file.to_str().unwrap();
    let exported = run(server.dir(), &["export", file, "--data-dir", "data"]);
    assert!(exported.status.success(), "{}{}", exported.stdout, exported.stderr);

    let elsewhere = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let imported = run(elsewhere.path(), &["import", file, "--data-dir", "data"]);
        assert!(imported.status.success(), "{}{}", imported.stdout, imported.stderr);
    }
    let other = Trapline::start_in(elsewhere, &[]);
    assert_eq!(told(&other), before);
    other.expect_sound();
    // It goes on there as it would have here.
    occur(&other, 11, "OSError", Some("shop@1"), None);
    occur(&other, 12, "TypeError", Some("shop@1"), None);
    assert_eq!(status(&other, ONE), "resolved");
    assert_eq!(issue(&other, ONE)["event_count"], 3);
    assert_eq!(other.outcome("event", "discarded"), 1);
    occur(&other, 13, "OSError", Some("shop@3"), None);
    assert_eq!(status(&other, ONE), "unresolved regressed");
    other.expect_sound();
}
