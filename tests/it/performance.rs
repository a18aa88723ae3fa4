//! Endpoints, tasks and queries over HTTP: counted from what both kinds of SDK send, and mistakes among the queries told.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Trapline, run, wait_for};
use crate::payload::{envelope, id, to_envelope};

/// Counts whatever there is at every look.
const EAGER: [&str; 2] = ["--seal-after-s", "0"];

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// When the request of that number began, whoever tells of it.
fn start_s(number: u64) -> f64 {
    static FIRST: LazyLock<f64> = LazyLock::new(|| now_s() - 10.0);
    *FIRST + number as f64
}

/// A request of Django with as many equal queries, as sentry-sdk sends it with `db_query_source_threshold_ms=0`.
fn transaction(number: u64, queries: u64, release: &str) -> Vec<u8> {
    transaction_of(number, queries, release, None)
}

/// The same of a user, by id.
fn transaction_of(number: u64, queries: u64, release: &str, user: Option<&str>) -> Vec<u8> {
    let start = start_s(number);
    let span = |n: u64| {
        json!({
            "trace_id": id(number), "span_id": format!("{:016x}", 100 + n), "parent_span_id": format!("{number:016x}"),
            "op": "db", "description": "SELECT \"shop_author\".\"id\" FROM \"shop_author\" WHERE \"shop_author\".\"id\" = %s",
            "start_timestamp": start + n as f64 * 0.02, "timestamp": start + n as f64 * 0.02 + 0.01,
            "data": { "db.system": "postgresql", "code.filepath": "shop/views.py", "code.lineno": 17,
                      "code.function": "books" },
        })
    };
    let body = json!({
        "type": "transaction", "event_id": id(1_000 + number), "transaction": "/books/",
        "transaction_info": { "source": "route" }, "platform": "python", "release": release, "environment": "live",
        "start_timestamp": start, "timestamp": start + 0.4, "sdk": { "name": "sentry.python.django", "version": "2.75.0" },
        "request": { "method": "GET", "url": "http://shop/books/" }, "user": { "id": user },
        "contexts": { "trace": { "trace_id": id(number), "span_id": format!("{number:016x}"), "op": "http.server",
                                 "status": "ok", "data": { "http.response.status_code": 200 } } },
        "spans": (0..queries).map(span).collect::<Vec<_>>(),
    });
    envelope(&[("transaction", &body.to_string())])
}

/// The same request as OpenTelemetry tells it.
fn otlp(number: u64, queries: u64) -> Value {
    let start = (start_s(number) * 1e9) as u64;
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let mut spans = vec![json!({
        "traceId": id(number), "spanId": format!("{:016x}", 1_000 + number), "name": "GET /books/", "kind": 2,
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 400_000_000).to_string(),
        "attributes": [text("http.request.method", "GET"), text("http.route", "/books/"),
                       { "key": "http.response.status_code", "value": { "intValue": "200" } }],
    })];
    for n in 0..queries {
        let at = start + n * 20_000_000;
        spans.push(json!({
            "traceId": id(number), "spanId": format!("{:016x}", 200 + n), "parentSpanId": format!("{:016x}", 1_000 + number),
            "name": "SELECT", "kind": 3, "startTimeUnixNano": at.to_string(),
            "endTimeUnixNano": (at + 10_000_000).to_string(),
            "attributes": [text("db.system", "postgresql"),
                text("db.statement", "SELECT \"shop_author\".\"id\" FROM \"shop_author\" WHERE \"shop_author\".\"id\" = 7")],
        }));
    }
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "billing"), text("service.version", "1")] },
        "scopeSpans": [{ "spans": spans }],
    }] })
}

fn list(server: &Trapline, kind: &str, more: &str) -> Value {
    server.get_json(&format!("/api/ui/performance?kind={kind}{more}"))
}

/// The only row of a kind, once it counts as many.
fn counted(server: &Trapline, kind: &str, count: u64) -> Value {
    wait_for("the counts", || {
        let rows = list(server, kind, "")["rows"].as_array().unwrap().clone();
        assert!(rows.len() < 2, "{rows:#?}");
        rows.into_iter().find(|row| row["numbers"]["count"] == count)
    })
}

fn send_transaction(server: &Trapline, body: Vec<u8>) {
    to_envelope(server, body).send().expect(200);
}

#[test]
fn charts_of_a_young_store_begin_with_the_first_that_was_measured() {
    let server = Trapline::start_with(&EAGER);
    send_transaction(&server, transaction(1, 0, "shop@1"));
    let endpoint = counted(&server, "endpoint", 1);
    let one = format!("/api/ui/performance/{}?", endpoint["key"].as_str().unwrap());
    let day_ago = now_s() * 1000.0 - 86_400_000.0;
    for path in ["/api/ui/performance?", one.as_str(), "/api/ui/traces/heat?range=24h&"] {
        let begin = |more: &str| server.get_json(&format!("{path}{more}"))["from_ms"].as_f64().unwrap();
        let (whole, fitted) = (begin(""), begin("fit=true"));
        assert!(whole < day_ago + 3_600_000.0, "{path}: {whole}");
        assert!(fitted > day_ago + 22.0 * 3_600_000.0 && fitted <= start_s(1) * 1000.0, "{path}: {fitted}");
    }
}

#[test]
fn both_kinds_of_sdk_count_for_the_same_endpoint_and_query() {
    let server = Trapline::start_with(&EAGER);
    assert_eq!(list(&server, "endpoint", "")["has_any"], false);
    send_transaction(&server, transaction(1, 3, "shop@1"));
    server.post("/v1/traces").json(&otlp(2, 3)).send().expect(200);
    let endpoint = counted(&server, "endpoint", 2);
    assert_eq!(endpoint["name"], "GET /books/");
    assert_eq!(endpoint["numbers"]["sql_per_request"], 3.0);
    assert_eq!(endpoint["numbers"]["apdex"], 1.0);
    // Two requests of 400 ms are 400 ms, and no estimate.
    let numbers = &endpoint["numbers"];
    for share in ["p50_ms", "p95_ms", "p99_ms"] {
        assert!((numbers[share].as_f64().unwrap() - 400.0).abs() < 0.01, "{numbers}");
    }
    assert_eq!(numbers["percentile_error"], 0.0);
    let query = counted(&server, "query", 6);
    assert_eq!(query["name"], r#"SELECT "shop_author"."id" FROM "shop_author" WHERE "shop_author"."id" = ?"#);
    // One of the two says where.
    assert_eq!(query["call_sites"], json!(["shop/views.py:17 in books"]));
    assert_eq!((&query["may_have_more_call_sites"], &endpoint["call_sites"]), (&json!(false), &json!([])));
    assert_eq!(list(&server, "query", "&service=billing")["rows"][0]["call_sites"], json!([]));
    // One of the two services alone, and the two releases beside each other.
    let billing = list(&server, "endpoint", "&service=billing");
    assert_eq!(billing["rows"][0]["numbers"]["count"], 1);
    assert_eq!(billing["services"].as_array().unwrap().len(), 2);
    let detail = server.get_json(&format!("/api/ui/performance/{}", endpoint["key"].as_str().unwrap()));
    assert_eq!(detail["by_release"].as_array().unwrap().len(), 2);
    assert_eq!((&detail["others"][0]["key"], &detail["others"][0]["per_request"]), (&query["key"], &json!(3.0)));
    assert_eq!(detail["others"][0]["call_sites"], query["call_sites"]);
    assert_eq!(detail["slowest"].as_array().unwrap().len(), 2);
    assert_eq!(detail["slowest"][0]["has_spans"], true);
    assert_eq!(detail["series"]["count"].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>(), 2);
    // An hour is told by its minutes.
    let from = (now_s() as i64 - 1_800) * 1_000;
    assert_eq!(list(&server, "endpoint", &format!("&from={from}"))["rows"][0]["numbers"]["count"], 2);
    assert_eq!(server.get("/api/ui/performance/ffff").status, 404);
    assert_eq!(server.get("/api/ui/performance?kind=other").status, 404);
    server.expect_sound();
}

#[test]
fn a_request_that_both_sdks_of_a_process_tell_of_counts_once_whoever_is_first() {
    let server = Trapline::start_with(&EAGER);
    // Of one trace: that of whoever called, for lack of a parent nobody.
    send_transaction(&server, transaction(1, 6, "shop@1"));
    counted(&server, "endpoint", 1);
    server.post("/v1/traces").json(&otlp(1, 6)).send().expect(200);
    server.post("/v1/traces").json(&otlp(2, 3)).send().expect(200);
    counted(&server, "endpoint", 2);
    send_transaction(&server, transaction(2, 3, "shop@1"));
    send_transaction(&server, transaction(3, 0, "shop@1"));
    let endpoint = counted(&server, "endpoint", 3);
    assert_eq!(endpoint["numbers"]["sql_per_request"], 3.0);
    counted(&server, "query", 9);
    let issue = wait_for("the issue", || server.issues().pop());
    assert_eq!(issue["event_count"], 1);
    server.expect_sound();
}

#[test]
fn what_is_delivered_twice_counts_once_and_outlives_restart_and_power_cut() {
    let mut server = Trapline::start_with(&EAGER);
    let (one, two) = (transaction(1, 3, "shop@1"), otlp(2, 2));
    for _ in 0..3 {
        send_transaction(&server, one.clone());
        server.post("/v1/traces").json(&two).send().expect(200);
    }
    counted(&server, "endpoint", 2);
    server.kill9();
    server.start_again();
    send_transaction(&server, one);
    // Its request again, with a query nobody had before.
    server.post("/v1/traces").json(&otlp(2, 3)).send().expect(200);
    send_transaction(&server, transaction(3, 0, "shop@1"));
    counted(&server, "endpoint", 3);
    counted(&server, "query", 6);
    server.expect_sound();
}

#[test]
fn a_loop_of_queries_is_one_issue_counted_once_for_every_trace() {
    let server = Trapline::start_with(&EAGER);
    for number in 1..4 {
        for _ in 0..2 {
            send_transaction(&server, transaction(number, 6 + number, "shop@1"));
        }
    }
    let issue = wait_for("the issue", || {
        let issues = server.issues();
        assert!(issues.len() < 2, "{issues:#?}");
        issues.into_iter().find(|issue| issue["event_count"] == 3)
    });
    assert_eq!(issue["title"], "N+1 query: SELECT shop_author in books (shop/views.py)");
    assert_eq!((&issue["culprit"], &issue["level"]), (&json!("GET /books/"), &json!("warning")));
    assert_eq!(issue["kind"], "n_plus_one");
    let short_id = issue["short_id"].as_str().unwrap();
    let text = server.get_json(&format!("/api/ui/issues/{short_id}/events/latest")).to_string();
    assert!(text.contains("\"n_plus_one\"") && text.contains("shop/views.py"), "{text}");
    // The trace says so as well, with its spans, and counts no error.
    let trace = server.get_json(&format!("/api/ui/traces/{}", id(3)));
    let finding = &trace["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["count"], &finding["short_id"]),
        (&json!("n_plus_one"), &json!(9), &json!(short_id))
    );
    assert_eq!(finding["call_site"], "shop/views.py:17 in books");
    assert_eq!(finding["spans"].as_array().unwrap().len(), 9);
    assert_eq!(trace["errors"], json!([]));
    server.expect_sound();
}

#[test]
fn a_loop_of_queries_counts_the_users_whose_requests_had_it() {
    let server = Trapline::start_with(&EAGER);
    for (number, user) in [(1, Some("ada")), (2, Some("bob")), (3, Some("ada")), (4, None)] {
        send_transaction(&server, transaction_of(number, 7, "shop@1", user));
    }
    let issue = wait_for("the issue", || server.issues().into_iter().find(|issue| issue["event_count"] == 4));
    assert_eq!(issue["user_count"], 2);
    let short_id = issue["short_id"].as_str().unwrap();
    let users = server.get_json(&format!("/api/ui/issues/{short_id}/users"));
    let named = |n: usize| (users["users"][n]["label"].clone(), users["users"][n]["count"].clone());
    assert_eq!((named(0), named(1)), ((json!("id:ada"), json!(2)), (json!("id:bob"), json!(1))));
    assert_eq!(server.get_json("/api/ui/issues?query=user.id:bob")["total"], 1);
    server.expect_sound();
}

#[test]
fn a_store_and_its_copy_say_the_same() {
    let mut server = Trapline::start_with(&EAGER);
    send_transaction(&server, transaction(1, 6, "shop@1"));
    server.post("/v1/traces").json(&otlp(2, 2)).send().expect(200);
    let endpoint = counted(&server, "endpoint", 2);
    wait_for("the issue", || (!server.issues().is_empty()).then_some(()));
    assert!(server.terminate().success());
    let dir = server.dir().to_path_buf();
    for arguments in [
        &["export", "--data-dir", "data", "all.ndjson"][..],
        &["import", "all.ndjson", "--data-dir", "copy"],
        &["import", "all.ndjson", "--data-dir", "copy"],
        &["check", "--data-dir", "copy"],
    ] {
        let done = run(&dir, arguments);
        assert!(done.status.success(), "{arguments:?}: {}", done.stderr);
    }
    std::fs::remove_dir_all(dir.join("data")).unwrap();
    std::fs::rename(dir.join("copy"), dir.join("data")).unwrap();
    server.start_again();
    // Spans that came with their counts are not counted again.
    send_transaction(&server, transaction(3, 0, "shop@1"));
    let copied = counted(&server, "endpoint", 3);
    assert_eq!(copied["key"], endpoint["key"]);
    assert_eq!(counted(&server, "query", 8)["call_sites"], json!(["shop/views.py:17 in books"]));
    server.expect_sound();
}

#[test]
fn of_two_stores_the_lines_of_the_one_that_was_asked_last_stay() {
    let mut server = Trapline::start_with(&EAGER);
    send_transaction(&server, transaction(1, 1, "shop@1"));
    counted(&server, "query", 1);
    assert!(server.terminate().success());
    let dir = server.dir().to_path_buf();
    let ok = |arguments: &[&str]| {
        let done = run(&dir, arguments);
        assert!(done.status.success(), "{arguments:?}: {}", done.stderr);
    };
    ok(&["export", "--data-dir", "data", "all.ndjson"]);
    ok(&["import", "all.ndjson", "--data-dir", "copy"]);
    let copy = rusqlite::Connection::open(dir.join("copy/trapline.db")).unwrap();
    let kept = || -> String {
        let sql = "SELECT call_sites FROM perf_group WHERE call_sites IS NOT NULL";
        copy.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let brought = kept();
    assert!(brought.starts_with(r#"[["shop/views.py:17 in books",1,"#), "{brought}");
    for (minute, stays) in [("9", false), ("99999999999", true)] {
        let here = format!(r#"[["here.py:1",1,{minute}]]"#);
        copy.execute("UPDATE perf_group SET call_sites = ?1 WHERE call_sites IS NOT NULL", [&here]).unwrap();
        ok(&["import", "all.ndjson", "--data-dir", "copy"]);
        assert_eq!(kept(), if stays { here } else { brought.clone() });
    }
}
