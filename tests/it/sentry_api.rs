//! The slice of Sentry's web API that its clients (MCP server, Grafana, editors) read.

use serde_json::{Value, json};

use crate::client::Connection;
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{auth, envelope, event, event_envelope, id, send_event, to_envelope};

const ISSUES: &str = "/api/0/projects/main/default/issues/";

/// Follows the `Link` header until it says `results="false"`, as Sentry's clients do.
pub fn all_pages(server: &Trapline, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut at = path.to_string();
    loop {
        let answer = server.get(&at).expect(200);
        all.extend(answer.json().as_array().unwrap().iter().cloned());
        let link = answer.header("link").unwrap();
        let next = link.split(", <").find(|part| part.contains("rel=\"next\"")).unwrap();
        if next.contains("results=\"false\"") {
            return all;
        }
        assert!(next.contains("results=\"true\"") && next.contains("cursor=\""), "{link}");
        let url = next.trim_start_matches('<').split('>').next().unwrap();
        let base = format!("http://{}", server.address());
        at = url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} does not lead back")).to_string();
        assert!(all.len() < 1000, "{path} has no end");
    }
}

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no {key} in {value}");
    }
}

fn is_date(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.as_bytes()[10] == b'T')
}

#[test]
fn organizations_projects_and_keys_are_listed() {
    let server = Trapline::start();
    let organizations = server.get_json("/api/0/organizations/");
    assert_eq!(organizations[0]["slug"], "main");
    assert_keys(&organizations[0], &["id", "name", "dateCreated", "status", "links"]);
    let projects = server.get_json("/api/0/projects/");
    assert_eq!((&projects[0]["slug"], &projects[0]["id"]), (&json!("default"), &json!("1")));
    assert_eq!(projects[0]["organization"]["slug"], "main");
    let keys = server.get_json("/api/0/projects/main/default/keys/");
    assert_eq!(keys[0]["dsn"]["public"], server.dsn());
    assert_eq!(keys[0]["public"], server.key());
    assert_eq!(server.get_json("/api/0/projects/main/1/keys/"), keys);
    assert_keys(&server.get_json("/api/0/"), &["version"]);
}

#[test]
fn issues_are_followed_page_by_page_to_the_end() {
    let server = Trapline::start();
    for number in 0..11 {
        send_event(&server, number, &format!("Error{number}"));
    }
    for sort in ["date", "new", "freq"] {
        for limit in [1, 3, 11, 100] {
            // Clients repeat their own parameters on the next page's address only when they are in it.
            let issues = all_pages(&server, &format!("{ISSUES}?sort={sort}&limit={limit}"));
            let mut short_ids: Vec<&str> = issues.iter().map(|issue| issue["shortId"].as_str().unwrap()).collect();
            short_ids.sort_unstable();
            short_ids.dedup();
            assert_eq!((short_ids.len(), issues.len()), (11, 11), "{sort}, {limit} at a time");
        }
    }
}

#[test]
fn a_page_keeps_the_order_and_the_filter_it_was_asked_for() {
    let server = Trapline::start();
    for number in 0..6 {
        for occurrence in 0..=number {
            send_event(&server, number * 10 + occurrence, ["Apple", "Pear"][number as usize % 2]);
        }
        send_event(&server, 1000 + number, &format!("Plum{number}"));
    }
    let found = all_pages(&server, &format!("{ISSUES}?query=is:unresolved%20Plum&sort=freq&limit=2"));
    let mut titles: Vec<&str> = found.iter().map(|issue| issue["metadata"]["type"].as_str().unwrap()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Plum0", "Plum1", "Plum2", "Plum3", "Plum4", "Plum5"]);
    let by_count = all_pages(&server, &format!("{ISSUES}?sort=freq&limit=1"));
    let counts: Vec<u64> = by_count.iter().map(|issue| issue["count"].as_str().unwrap().parse().unwrap()).collect();
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
}

#[test]
fn issues_have_the_keys_that_clients_require() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-chained-error");
    let listed = server.get_json(ISSUES)[0].clone();
    assert_keys(
        &listed,
        &[
            "id",
            "shortId",
            "title",
            "culprit",
            "level",
            "status",
            "substatus",
            "priority",
            "type",
            "count",
            "userCount",
            "firstSeen",
            "lastSeen",
            "permalink",
            "platform",
            "isUnhandled",
            "assignedTo",
            "metadata",
            "issueType",
            "issueCategory",
        ],
    );
    assert_keys(&listed["project"], &["id", "slug", "name", "platform"]);
    assert_eq!((&listed["count"], listed["userCount"].is_u64()), (&json!("1"), true));
    assert_eq!((&listed["status"], &listed["metadata"]["type"]), (&json!("unresolved"), &json!("ValueError")));
    assert!(is_date(&listed["firstSeen"]) && is_date(&listed["lastSeen"]));
    let page = listed["permalink"].as_str().unwrap().strip_prefix(&format!("http://{}", server.address())).unwrap();
    server.get(page).expect(200);
    for name in [listed["id"].as_str().unwrap(), listed["shortId"].as_str().unwrap()] {
        for path in [format!("/api/0/issues/{name}/"), format!("/api/0/organizations/main/issues/{name}/")] {
            let mut one = server.get_json(&path);
            // Counted for one issue at a time.
            assert_eq!(one.as_object_mut().unwrap().remove("userReportCount"), Some(json!(0)));
            assert_eq!(one, listed);
        }
    }
}

#[test]
fn events_of_an_issue_are_listed_and_paged() {
    let server = Trapline::start();
    for number in 0..7 {
        send_event(&server, number, "KeyError");
    }
    for limit in [2, 7, 50] {
        let events = all_pages(&server, &format!("/api/0/issues/DEFAULT-1/events/?per_page={limit}"));
        let ids: Vec<&str> = events.iter().map(|event| event["eventID"].as_str().unwrap()).collect();
        assert_eq!(ids, (0..7).rev().map(id).collect::<Vec<_>>(), "{limit} at a time");
        assert_keys(&events[0], &["id", "groupID", "title", "message", "platform", "dateCreated", "tags", "culprit"]);
    }
}

#[test]
fn an_event_has_the_entries_that_clients_require() {
    let server = Trapline::start();
    let name = "sentry-python-2.75.0/django-chained-error";
    send(&server, name);
    let event_id = Fixture::load(name).event_id().unwrap();
    let event = server.get_json(&format!("/api/0/projects/main/default/events/{event_id}/"));
    assert_keys(
        &event,
        &[
            "id",
            "eventID",
            "groupID",
            "title",
            "message",
            "platform",
            "type",
            "entries",
            "contexts",
            "tags",
            "dateCreated",
            "culprit",
            "user",
            "sdk",
            "metadata",
            "previousEventID",
            "nextEventID",
        ],
    );
    assert_eq!(event["id"], event_id);
    assert!(is_date(&event["dateCreated"]));
    let entry = |ty: &str| {
        let entries = event["entries"].as_array().unwrap();
        entries.iter().find(|entry| entry["type"] == ty).unwrap_or_else(|| panic!("no {ty} entry"))["data"].clone()
    };
    let exceptions = entry("exception")["values"].as_array().unwrap().clone();
    assert_eq!(exceptions.len(), 2);
    assert_eq!(exceptions.last().unwrap()["type"], "ValueError", "the raised one comes last, as Sentry sends it");
    for exception in &exceptions {
        let frames = exception["stacktrace"]["frames"].as_array().unwrap();
        assert!(!frames.is_empty());
        for frame in frames {
            assert_keys(frame, &["filename", "function", "lineNo", "inApp", "context", "module", "absPath", "vars"]);
        }
        let crash = frames.last().unwrap();
        let line = crash["context"].as_array().unwrap().iter().find(|line| line[0] == crash["lineNo"]).unwrap();
        assert!(!line[1].as_str().unwrap().is_empty());
    }
    assert_eq!(entry("request")["method"], "GET");
    assert!(!entry("breadcrumbs")["values"].as_array().unwrap().is_empty());
    assert!(event["contexts"]["trace"]["trace_id"].is_string());
    assert!(event["tags"].as_array().unwrap().iter().all(|tag| tag["key"].is_string() && tag["value"].is_string()));
    for same in ["latest", "recommended", "oldest", &event_id] {
        assert_eq!(server.get_json(&format!("/api/0/issues/DEFAULT-1/events/{same}/")), event, "{same}");
    }
}

#[test]
fn every_captured_event_can_be_read_by_sentrys_clients() {
    let server = Trapline::start();
    for fixture in Fixture::all().iter().filter(|fixture| !fixture.is_otlp()) {
        fixture.request(&server).send().expect(200);
    }
    let issues = all_pages(&server, ISSUES);
    assert!(issues.len() > 8);
    for issue in issues {
        let event = server.get_json(&format!("/api/0/issues/{}/events/latest/", issue["id"].as_str().unwrap()));
        let types: Vec<&str> =
            event["entries"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
        assert!(types.contains(&"exception") || types.contains(&"message"), "{}: {types:?}", issue["title"]);
    }
}

#[test]
fn neighbours_are_named() {
    let server = Trapline::start();
    for number in 1..=3 {
        send_event(&server, number, "KeyError");
    }
    let middle = server.get_json(&format!("/api/0/issues/DEFAULT-1/events/{}/", id(2)));
    assert_eq!((&middle["previousEventID"], &middle["nextEventID"]), (&json!(id(1)), &json!(id(3))));
}

#[test]
fn what_is_not_there_is_answered_in_sentrys_words() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let unknown = id(9);
    for path in [
        "/api/0/projects/other/default/issues/".to_string(),
        "/api/0/projects/main/other/keys/".to_string(),
        "/api/0/issues/DEFAULT-9/".to_string(),
        format!("/api/0/projects/main/default/events/{unknown}/"),
        "/api/0/projects/main/default/events/xyz/".to_string(),
        format!("/api/0/issues/DEFAULT-1/events/{unknown}/"),
        "/api/0/nothing/".to_string(),
    ] {
        assert!(server.get(&path).expect(404).json()["detail"].is_string(), "{path}");
    }
    server.get(&format!("{ISSUES}?cursor=x")).expect(400);
    let answer = server.get(&format!("{ISSUES}?query=assigned:x+is:wrong")).expect(400);
    assert!(answer.text().contains("wrong"), "{}", answer.text());
}

fn change(server: &Trapline, method: &str, path: &str, body: &Value) -> crate::client::Answer {
    server.request(method, path).header("x-trapline", "1").json(body).send()
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// An error in a trace, of a tenant.
fn failed(number: u64, ty: &str, tenant: &str, span: Option<&str>) -> Value {
    let mut failed = event(number, ty);
    failed["tags"] = json!({ "tenant": tenant });
    if let Some(span) = span {
        failed["contexts"] = json!({ "trace": { "trace_id": id(9), "span_id": span } });
    }
    failed
}

#[test]
fn a_trace_is_told_as_a_tree_as_transactions_and_in_numbers() {
    let server = Trapline::start();
    let now_s = server.get_json("/api/ui/boot")["now_ms"].as_f64().unwrap() / 1_000.0;
    let span = |id_here: &str, parent: &str, op: &str| {
        json!({
            "trace_id": id(9), "span_id": id_here, "parent_span_id": parent, "op": op, "description": "SELECT 1",
            "start_timestamp": now_s - 2.0, "timestamp": now_s - 1.0, "status": "ok",
        })
    };
    let transaction = |number: u64, span_id: &str, parent: Option<&str>, name: &str, spans: Vec<Value>| {
        let sent = json!({
            "event_id": id(number), "type": "transaction", "transaction": name, "platform": "python",
            "start_timestamp": now_s - 3.0, "timestamp": now_s, "spans": spans,
            "contexts": { "trace": { "trace_id": id(9), "span_id": span_id, "parent_span_id": parent, "op": "http.server" } },
        });
        to_envelope(&server, envelope(&[("transaction", &sent.to_string())])).send().expect(200);
    };
    let (root, query, call, inner) = ("00000000000000aa", "00000000000000bb", "00000000000000cc", "00000000000000dd");
    transaction(50, root, None, "/shop/", vec![span(query, root, "db"), span(call, root, "http.client")]);
    transaction(51, inner, Some(call), "/pay/", vec![]);
    for (number, place) in [(1, query), (2, inner), (3, "00000000000000ee")] {
        to_envelope(&server, event_envelope(&failed(number, "KeyError", "acme", Some(place)))).send().expect(200);
    }
    let api = |rest: &str| server.get_json(&format!("/api/0/organizations/main/{rest}/{}/", id(9)));
    for path in ["trace-meta", "events-trace-meta"] {
        let meta = api(path);
        let counts = ["errors", "performance_issues", "transactions", "span_count", "projects", "logs"]
            .map(|name| meta[name].as_u64().unwrap());
        assert_eq!(counts, [3, 0, 2, 4, 1, 0], "{meta}");
        assert_eq!(meta["span_count_map"], json!({ "db": 1, "http.client": 1, "http.server": 2 }));
        let first = json!({ "transaction.event_id": id(50), "count()": 3 });
        assert!(meta["transaction_child_count_map"].as_array().unwrap().contains(&first), "{meta}");
    }
    let tree = api("trace");
    assert_eq!(tree.as_array().unwrap().len(), 2, "one root, and the error without a span: {tree}");
    assert_eq!((&tree[0]["event_id"], &tree[0]["transaction_id"]), (&json!(root), &json!(id(50))));
    let children = tree[0]["children"].as_array().unwrap();
    let child = |of: &str| children.iter().find(|child| child["event_id"] == of).unwrap();
    assert_eq!(child(query)["errors"][0]["event_id"], json!(id(1)));
    assert_eq!(child(call)["children"][0]["event_id"], inner);
    assert_eq!(child(call)["children"][0]["transaction_id"], json!(id(51)));
    assert_eq!((&tree[1]["event_id"], &tree[1]["event_type"]), (&json!(id(3)), &json!("error")));

    let traced = api("events-trace");
    let first = &traced["transactions"][0];
    assert_eq!(
        (&first["event_id"], &first["generation"], &first["transaction"]),
        (&json!(id(50)), &json!(0), &json!("/shop/"))
    );
    assert_eq!(first["errors"][0]["issue"], "DEFAULT-1");
    let second = &first["children"][0];
    assert_eq!((&second["event_id"], &second["generation"]), (&json!(id(51)), &json!(1)));
    assert_eq!((&second["parent_event_id"], &second["errors"][0]["event_id"]), (&json!(id(50)), &json!(id(2))));
    assert_eq!(traced["orphan_errors"][0]["event_id"], json!(id(3)));
    for path in ["trace", "events-trace", "trace-meta"] {
        server.get(&format!("/api/0/organizations/main/{path}/{}/", id(77))).expect(404);
        server.get(&format!("/api/0/organizations/main/{path}/nothing/")).expect(404);
        server.get(&format!("/api/0/organizations/other/{path}/{}/", id(9))).expect(404);
    }
}

#[test]
fn issues_of_several_projects_are_asked_for_at_once() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    for (number, name) in [(2, "Other"), (3, "Third")] {
        let made = change(&server, "POST", "/api/ui/projects", &json!({ "name": name })).expect(201).json();
        let slug = made["slug"].as_str().unwrap_or("").to_string();
        let slug = if slug.is_empty() { name.to_lowercase() } else { slug };
        let keys = server.get_json(&format!("/api/0/projects/main/{slug}/keys/"));
        let project = server.get_json(&format!("/api/0/projects/main/{slug}/"))["id"].as_str().unwrap().to_string();
        let sent = server
            .post(&format!("/api/{project}/envelope/"))
            .header("x-sentry-auth", &auth(keys[0]["public"].as_str().unwrap()));
        sent.body(event_envelope(&event(number, "OSError"))).send().expect(200);
    }
    let count =
        |query: &str| server.get_json(&format!("/api/0/organizations/main/issues/?{query}")).as_array().unwrap().len();
    for (query, expected) in [
        ("", 3),
        ("project=-1", 3),
        ("project=1", 1),
        ("project=default&project=other", 2),
        ("project=1&project=other&project=third", 3),
        ("project=other&project=other", 1),
        ("project=other&project=third&query=KeyError", 0),
    ] {
        assert_eq!(count(query), expected, "{query}");
    }
    server.get("/api/0/organizations/main/issues/?project=default&project=nothing").expect(404);
    let path = "/api/0/organizations/main/issues/?project=other&project=third&query=";
    change(&server, "PUT", path, &json!({ "status": "resolved" })).expect(200);
    assert_eq!(count("query=is:resolved"), 2);
}

#[test]
fn many_issues_are_changed_by_any_search() {
    let server = Trapline::start();
    for (number, ty, tenant) in [(1, "KeyError", "acme"), (2, "OSError", "beta"), (3, "ValueError", "acme")] {
        to_envelope(&server, event_envelope(&failed(number, ty, tenant, None))).send().expect(200);
    }
    let found = |query: &str| server.get_json(&format!("{ISSUES}?query={}", encoded(query))).as_array().unwrap().len();
    let path = |query: &str| format!("{ISSUES}?query={}", encoded(query));
    change(&server, "PUT", &path("tenant:acme !error.type:ValueError"), &json!({ "status": "resolved" })).expect(200);
    assert_eq!((found("is:resolved"), found("is:resolved KeyError")), (1, 1));
    let asked = format!("{}&status=unresolved", path("tenant:[acme, beta]"));
    change(&server, "PUT", &asked, &json!({ "status": "ignored" })).expect(200);
    assert_eq!((found("is:ignored"), found("is:resolved")), (2, 1));
    // Nothing found, nothing changed.
    change(&server, "PUT", &path("tenant:nobody"), &json!({ "status": "resolved" })).expect(200);
    let refused = change(&server, "PUT", &path("tenant:acme is:gone"), &json!({ "status": "resolved" })).expect(400);
    assert!(refused.text().contains("gone"), "{}", refused.text());
    change(&server, "DELETE", &path("tenant:beta"), &json!({})).expect(204);
    assert_eq!(found(""), 2);
    change(&server, "DELETE", ISSUES, &json!({})).expect(400);
    assert_eq!(found(""), 2);
}

#[test]
fn more_issues_than_may_be_changed_at_once_are_refused_and_left_as_they_are() {
    let server = Trapline::start();
    let mut connection = Connection::open(server.address());
    for number in 0..1_001 {
        let sent = event_envelope(&event(number, &format!("Error{number}")));
        connection.send(&to_envelope(&server, sent)).expect(200);
    }
    let refused = change(&server, "PUT", &format!("{ISSUES}?query="), &json!({ "status": "resolved" })).expect(400);
    assert!(refused.text().contains("more than 1000 issues"), "{}", refused.text());
    assert_eq!(server.get_json(&format!("{ISSUES}?query=is:resolved")), json!([]));
    let path = format!("{ISSUES}?query={}", encoded("!error.type:Error1000"));
    change(&server, "PUT", &path, &json!({ "status": "resolved" })).expect(200);
    assert_eq!(server.get_json("/api/ui/issues/counts")["resolved"], 1_000);
}
