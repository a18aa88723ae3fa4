//! What the web app reads: lists, pages of one thing, and what is not there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::Connection;
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{event, event_envelope, id, send_event, send_span, to_envelope};

/// Follows the cursor to the end.
fn all_pages(server: &Trapline, path: &str, list: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get_json(&format!("{path}{cursor}"));
        let rows = page[list].as_array().unwrap();
        all.extend(rows.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
        assert!(!rows.is_empty() && all.len() < 1000, "{path} has no end");
    }
}

fn column<'r>(rows: &'r [Value], name: &str) -> Vec<&'r Value> {
    rows.iter().map(|row| &row[name]).collect()
}

/// Seven issues; the one of number n has n + 1 events.
fn seven_issues() -> Trapline {
    let server = Trapline::start();
    for number in 0..7 {
        for occurrence in 0..=number {
            let mut event = event(number * 100 + occurrence, &format!("Error{number}"));
            event["transaction"] = json!(format!("/page/{}/", ["odd", "even"][number as usize % 2]));
            to_envelope(&server, event_envelope(&event)).send().expect(200);
        }
    }
    server
}

#[test]
fn an_empty_server_has_empty_lists() {
    let server = Trapline::start();
    let boot = server.get_json("/api/ui/boot");
    assert_eq!((&boot["has_events"], &boot["has_traces"]), (&json!(false), &json!(false)));
    assert_eq!(boot["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(boot["projects"][0]["public_key"], server.key());
    assert_eq!(boot["projects"][0]["id"], "1");
    assert!(boot["database_path"].as_str().unwrap().ends_with("trapline.db"));
    assert!(boot["now_ms"].as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!(
        server.get_json("/api/ui/issues"),
        json!({ "issues": [], "next_cursor": null, "total": 0, "environments": [], "releases": [], "partial": null, "notes": [] })
    );
    assert_eq!(
        server.get_json("/api/ui/traces"),
        json!({
            "traces": [], "next_cursor": null, "searched_to_ms": null, "background_hidden": 0, "notes": []
        })
    );
    assert_eq!(server.get_json("/api/ui/ingest"), json!({ "rows": [], "outcomes": [], "client_discards": [] }));
}

#[test]
fn the_start_page_knows_when_something_came_in() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    assert_eq!(server.get_json("/api/ui/boot")["has_events"], true);
    assert_eq!(server.get_json("/api/ui/boot")["has_traces"], false);
    send_span(&server, 1, "/pay/");
    assert_eq!(server.get_json("/api/ui/boot")["has_traces"], true);
}

#[test]
fn issues_are_paged_completely_in_every_order() {
    let server = seven_issues();
    for sort in ["last_seen", "first_seen", "events"] {
        let all = all_pages(&server, &format!("/api/ui/issues?sort={sort}&limit=2"), "issues");
        let ids: BTreeSet<&str> = all.iter().map(|issue| issue["id"].as_str().unwrap()).collect();
        assert_eq!((all.len(), ids.len()), (7, 7), "{sort}");
        let whole = server.get_json(&format!("/api/ui/issues?sort={sort}"));
        assert_eq!(whole["issues"].as_array().unwrap(), &all, "{sort}");
        assert_eq!(whole["total"], 7);
        let by = match sort {
            "last_seen" => "last_seen_ms",
            "first_seen" => "first_seen_ms",
            _ => "event_count",
        };
        let values: Vec<i64> = column(&all, by).iter().map(|value| value.as_i64().unwrap()).collect();
        assert!(values.is_sorted_by(|a, b| a >= b), "{sort}: {values:?}");
    }
    assert_eq!(server.get_json("/api/ui/issues?sort=events&limit=1")["issues"][0]["event_count"], 7);
}

#[test]
fn issues_are_found_by_words() {
    let server = seven_issues();
    let found = |query: &str| {
        let page = server.get_json(&format!("/api/ui/issues?query={query}"));
        let issues = page["issues"].as_array().unwrap().clone();
        assert_eq!(page["total"], issues.len(), "{query}");
        let mut types: Vec<String> = issues.iter().map(|issue| issue["ty"].as_str().unwrap().to_string()).collect();
        types.sort();
        types
    };
    assert_eq!(found("Error3"), ["Error3"]);
    assert_eq!(found("ERROR3"), ["Error3"]);
    assert_eq!(found("%2Fpage%2Feven"), ["Error1", "Error3", "Error5"]);
    assert_eq!(found("cart.py").len(), 7);
    // What means something to a database means itself.
    for nothing in ["%25", "_rror", "'", "%5C%22", "%5C", "%5C*", "'%20OR%20'1'%3D'1"] {
        assert_eq!(found(nothing), [""; 0], "{nothing}");
    }
    server.get("/api/ui/issues?query=%22").expect(400);
    let paged = all_pages(&server, "/api/ui/issues?query=even&limit=1", "issues");
    assert_eq!(paged.len(), 3);
}

#[test]
fn a_nul_in_a_search_means_itself() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_span(&server, 1, "/pay/");
    for query in ["%00", "%00Error", "Key%00"] {
        assert_eq!(server.get_json(&format!("/api/ui/issues?query={query}"))["total"], 0, "{query}");
        assert_eq!(server.get_json(&format!("/api/ui/traces?query={query}"))["traces"], json!([]), "{query}");
    }
}

#[test]
fn issues_are_filtered_by_project_and_status() {
    let server = seven_issues();
    assert_eq!(server.get_json("/api/ui/issues?project=default")["total"], 7);
    server.get("/api/ui/issues?project=nothing").expect(404);
    assert_eq!(server.get_json("/api/ui/issues?status=unresolved")["total"], 7);
    assert_eq!(server.get_json("/api/ui/issues?status=resolved")["total"], 0);
    assert_eq!(server.get_json("/api/ui/issues?status=all")["total"], 7);
}

#[test]
fn a_cursor_that_is_none_is_refused() {
    let server = Trapline::start();
    for cursor in ["x", "1", "1.x", "..", "99999999999999999999.1"] {
        server.get(&format!("/api/ui/issues?cursor={cursor}")).expect(400);
    }
    for cursor in ["x", "1.x", "..", "99999999999999999999"] {
        server.get(&format!("/api/ui/traces?cursor={cursor}")).expect(400);
    }
}

#[test]
fn an_issue_is_found_by_short_id_and_by_id() {
    let server = seven_issues();
    let issue = server.get_json("/api/ui/issues/DEFAULT-4");
    assert_eq!(issue["issue"]["ty"], "Error3");
    assert_eq!(issue["issue"]["short_id"], "DEFAULT-4");
    let days: Vec<u64> = issue["days"].as_array().unwrap().iter().map(|day| day.as_u64().unwrap()).collect();
    assert_eq!((days.len(), days.iter().sum::<u64>(), days[29]), (30, 4, 4));
    assert_eq!(issue["issue"]["hours"].as_array().unwrap().len(), 24);
    assert_eq!(server.get_json("/api/ui/issues/default-4"), issue);
    let id = issue["issue"]["id"].as_str().unwrap();
    assert_eq!(server.get_json(&format!("/api/ui/issues/{id}")), issue);
}

#[test]
fn events_of_an_issue_are_walked_in_both_directions() {
    let server = Trapline::start();
    for number in 1..=4 {
        send_event(&server, number, "KeyError");
        send_event(&server, number + 100, "TypeError");
    }
    let first = server.get_json("/api/ui/issues/DEFAULT-1/events/first");
    assert_eq!(first["event_id"], id(1));
    assert_eq!(first["nav"]["previous"], Value::Null);
    let mut at = first.clone();
    for number in 1..=4 {
        assert_eq!(at["event_id"], id(number));
        assert_eq!((&at["nav"]["first"], &at["nav"]["latest"]), (&json!(id(1)), &json!(id(4))));
        assert_eq!(server.get_json(&format!("/api/ui/events/{}", id(number))), at);
        if let Some(next) = at["nav"]["next"].as_str() {
            let next = server.get_json(&format!("/api/ui/issues/DEFAULT-1/events/{next}"));
            assert_eq!(next["nav"]["previous"], at["event_id"]);
            at = next;
        }
    }
    assert_eq!(at["nav"]["next"], Value::Null);
    assert_eq!(server.get_json("/api/ui/issues/DEFAULT-1/events/latest"), at);
    // An event of another issue is not one of this one.
    server.get(&format!("/api/ui/issues/DEFAULT-1/events/{}", id(101))).expect(404);
}

#[test]
fn an_event_shows_what_a_developer_needs() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/django-chained-error");
    let event = server.get_json("/api/ui/issues/DEFAULT-1/events/latest");
    let sent = Fixture::load("sentry-python-2.75.0/django-chained-error").first_item();
    assert_eq!(event["event_id"], sent["event_id"]);
    assert_eq!((&event["short_id"], &event["platform"]), (&json!("DEFAULT-1"), &json!("python")));
    let detail = &event["detail"];
    let types: Vec<&Value> = detail["exceptions"].as_array().unwrap().iter().map(|e| &e["ty"]).collect();
    assert!(types.contains(&&json!("ValueError")) && types.contains(&&json!("ZeroDivisionError")), "{types:?}");
    let frames: Vec<&Value> =
        detail["exceptions"].as_array().unwrap().iter().flat_map(|e| e["frames"].as_array().unwrap()).collect();
    let own: Vec<&&Value> = frames.iter().filter(|frame| frame["in_app"] == true).collect();
    assert!(own.iter().any(|frame| frame["context_line"].is_string()), "no source line");
    assert!(own.iter().any(|frame| !frame["vars"].as_array().unwrap().is_empty()), "no variables");
    assert!(detail["request"]["url"].as_str().unwrap().starts_with("http"), "{}", detail["request"]);
    assert!(!detail["breadcrumbs"].as_array().unwrap().is_empty());
    assert_eq!(detail["sdk"], "sentry.python.django/2.75.0");
    assert!(event["body_bytes"].as_u64().unwrap() > 1000);
}

#[test]
fn traces_are_listed_newest_first_filtered_and_paged() {
    let server = Trapline::start();
    for name in ["success-shop", "failure-shop-transaction"] {
        send(&server, &format!("shop-and-billing/{name}"));
    }
    for name in ["traces-failure", "traces-n-plus-one"] {
        send(&server, &format!("otlp-python-1.45.1/{name}"));
    }
    let all = server.traces();
    assert!(all.len() >= 4);
    let starts: Vec<f64> = column(&all, "start_ms").iter().map(|start| start.as_f64().unwrap()).collect();
    assert!(starts.is_sorted_by(|a, b| a >= b), "{starts:?}");
    assert_eq!(all_pages(&server, "/api/ui/traces?kind=all&limit=1", "traces"), all);
    let requests = server.get_json("/api/ui/traces")["traces"].as_array().unwrap().len();
    assert!(requests >= 4 && requests <= all.len());
    let of_billing = server.get_json("/api/ui/traces?kind=all&service=billing");
    assert!(!of_billing["traces"].as_array().unwrap().is_empty());
    for trace in of_billing["traces"].as_array().unwrap() {
        assert!(trace["services"].as_array().unwrap().contains(&json!("billing")), "{trace}");
    }
    assert_eq!(server.get_json("/api/ui/traces?service=nobody")["traces"], json!([]));
    let name = all[0]["name"].as_str().unwrap();
    let query: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let found = server.get_json(&format!("/api/ui/traces?kind=all&query={query}"));
    assert!(found["traces"].as_array().unwrap().iter().all(|trace| trace["name"] == name), "{found}");
    assert!(!found["traces"].as_array().unwrap().is_empty(), "{name}");
}

#[test]
fn one_span_shows_everything_it_carries() {
    let server = Trapline::start();
    send(&server, "otlp-python-1.45.1/traces-failure");
    send(&server, "sentry-python-2.75.0/django-success-transaction");
    for trace in server.traces() {
        let trace_id = trace["trace_id"].as_str().unwrap();
        let trace = server.get_json(&format!("/api/ui/traces/{trace_id}"));
        let columns = &trace["spans"];
        for (index, span_id) in columns["span_id"].as_array().unwrap().iter().enumerate() {
            let span = server.get_json(&format!("/api/ui/traces/{trace_id}/spans/{}", span_id.as_str().unwrap()));
            assert_eq!((&span["trace_id"], &span["span_id"]), (&trace["trace_id"], span_id));
            for same in ["name", "op", "kind", "status", "source", "duration_ns"] {
                assert_eq!(span[same], columns[same][index], "{same}");
            }
            assert_ne!(span["sdk"], Value::Null, "{span}");
        }
        let root = columns["span_id"][0].as_str().unwrap();
        let root = server.get_json(&format!("/api/ui/traces/{trace_id}/spans/{root}"));
        let is_sentry = root["source"] == "sentry";
        assert_eq!(root["transaction"].is_object(), is_sentry);
    }
}

#[test]
fn the_exception_of_a_failed_span_is_among_its_events() {
    let server = Trapline::start();
    send(&server, "otlp-python-1.45.1/traces-failure");
    let trace_id = server.traces()[0]["trace_id"].as_str().unwrap().to_string();
    let trace = server.get_json(&format!("/api/ui/traces/{trace_id}"));
    let root = trace["spans"]["span_id"][0].as_str().unwrap();
    let span = server.get_json(&format!("/api/ui/traces/{trace_id}/spans/{root}"));
    let exception = span["events"].as_array().unwrap().iter().find(|event| event["name"] == "exception").unwrap();
    let has =
        |name: &str| exception["attributes"].as_array().unwrap().iter().any(|attribute| attribute["name"] == name);
    assert!(has("exception.type") && has("exception.stacktrace"), "{exception}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_span(&server, 1, "/pay/");
    let (unknown, trace) = (id(77), id(1));
    for path in [
        "/api/ui/issues/DEFAULT-2".to_string(),
        "/api/ui/issues/OTHER-1".to_string(),
        "/api/ui/issues/DEFAULT-".to_string(),
        "/api/ui/issues/DEFAULT-99999999999999999999".to_string(),
        "/api/ui/issues/1".to_string(),
        "/api/ui/issues/99999999999999999999999".to_string(),
        "/api/ui/issues/%F0%9F%92%A9".to_string(),
        format!("/api/ui/issues/DEFAULT-1/events/{unknown}"),
        "/api/ui/issues/DEFAULT-1/events/next".to_string(),
        format!("/api/ui/events/{unknown}"),
        "/api/ui/events/xyz".to_string(),
        format!("/api/ui/traces/{unknown}"),
        "/api/ui/traces/xyz".to_string(),
        format!("/api/ui/traces/{trace}/spans/00000000000000ff"),
        format!("/api/ui/traces/{unknown}/spans/0000000000000001"),
        "/api/ui/nothing".to_string(),
        "/api/nothing".to_string(),
        "/assets/gone.js".to_string(),
    ] {
        let answer = server.get(&path).expect(404);
        if path.starts_with("/api/") {
            assert!(!answer.json()["detail"].as_str().unwrap().is_empty(), "{path}");
        }
    }
    // Pages of the app's own router are the app.
    for path in ["/", "/issues/DEFAULT-1", "/traces"] {
        assert!(server.get(path).expect(200).header("content-type").unwrap().starts_with("text/html"), "{path}");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let mut connection = Connection::open(server.address());
    for path in ["/", "/api/ui/boot", "/api/ui/issues", "/api/ui/issues/DEFAULT-1", "/api/0/projects/", "/livez"] {
        let head = connection.send(&server.request("HEAD", path));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let get = connection.send(&server.request("GET", path));
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
    }
    assert_eq!(connection.send(&server.request("HEAD", "/api/ui/issues/DEFAULT-9")).status, 404);
}

#[test]
fn other_methods_are_refused() {
    let server = Trapline::start();
    for method in ["PUT", "DELETE", "PATCH"] {
        for path in ["/api/ui/issues", "/api/ui/boot", "/api/0/projects/"] {
            let answer = server.request(method, path).send().expect(405);
            assert!(answer.header("allow").unwrap().contains("GET"), "{method} {path}");
        }
    }
}

#[test]
fn the_one_mutation_names_its_method() {
    let server = Trapline::start();
    let answer = server.request("GET", "/api/ui/sample").header("x-trapline", "1").send().expect(405);
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[test]
fn jaegers_tools_can_read_a_trace() {
    let server = Trapline::start();
    for name in ["failure-shop", "failure-billing", "failure-shop-transaction"] {
        send(&server, &format!("shop-and-billing/{name}"));
    }
    let trace_id = server.traces()[0]["trace_id"].as_str().unwrap().to_string();
    let answer = server.get_json(&format!("/api/traces/{trace_id}"));
    let trace = &answer["data"][0];
    assert_eq!(trace["traceID"], trace_id.as_str());
    let spans = trace["spans"].as_array().unwrap();
    assert_eq!(spans.len() as u64, server.traces()[0]["span_count"].as_u64().unwrap());
    let ids: BTreeSet<&str> = spans.iter().map(|span| span["spanID"].as_str().unwrap()).collect();
    let mut without_parent = 0;
    for span in spans {
        let process = &trace["processes"][span["processID"].as_str().unwrap()];
        assert!(process["serviceName"].is_string(), "{span}");
        assert!(span["startTime"].as_i64().unwrap() > 1_500_000_000_000_000, "microseconds: {span}");
        assert!(span["duration"].as_i64().unwrap() >= 0);
        match span["references"].as_array().unwrap().iter().find(|reference| reference["refType"] == "CHILD_OF") {
            Some(parent) => assert!(ids.contains(parent["spanID"].as_str().unwrap())),
            None => without_parent += 1,
        }
    }
    assert_eq!(without_parent, 1);
    assert_eq!(server.get(&format!("/api/traces/{}", id(5))).expect(404).json()["errors"][0]["code"], 404);
    server.get("/api/traces/xyz").expect(400);
}

/// sentry-sdk before 1.15 calls every frame the application's when nothing tells it otherwise.
#[test]
fn frames_of_libraries_are_not_the_applications_whatever_an_old_client_says() {
    let server = Trapline::start();
    let mut event = event(1, "RuntimeError");
    let frame = |path: &str, line: u64| json!({ "abs_path": path, "filename": path, "lineno": line, "function": "f", "in_app": true });
    let library = frame("/app/venv/lib/python3.11/site-packages/django/core/handlers/base.py", 197);
    event["platform"] = json!("python");
    event["exception"]["values"][0]["stacktrace"] =
        json!({ "frames": [library, frame("/app/stock/views.py", 33), library] });
    to_envelope(&server, event_envelope(&event)).send().expect(200);
    let shown = server.get_json("/api/ui/issues/DEFAULT-1/events/latest");
    let frames = shown["detail"]["exceptions"][0]["frames"].as_array().unwrap();
    assert_eq!(column(frames, "in_app"), [&json!(false), &json!(true), &json!(false)]);
    assert_eq!(column(frames, "is_crash"), [&json!(false), &json!(true), &json!(false)]);
    let api = server.get_json("/api/0/issues/DEFAULT-1/events/latest/");
    let entry = api["entries"].as_array().unwrap().iter().find(|entry| entry["type"] == "exception").unwrap();
    let frames = entry["data"]["values"][0]["stacktrace"]["frames"].as_array().unwrap();
    assert_eq!(column(frames, "inApp"), [&json!(false), &json!(true), &json!(false)]);
}
