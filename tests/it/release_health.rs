//! Releases: what sessions, events and spans say of them; and what SDKs say they did not send.

use serde_json::{Value, json};

use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{envelope, event, event_envelope, id, to_envelope};

const DAY_S: f64 = 86_400.0;

fn now_s() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

fn sessions(release: &str, buckets: &[Value]) -> Vec<u8> {
    let payload = json!({ "attrs": { "release": release, "environment": "production" }, "aggregates": buckets });
    envelope(&[("sessions", &payload.to_string())])
}

/// A word about session `number`, a minute after it started.
fn session(number: u64, status: &str, seq: u64) -> Value {
    json!({
        "sid": id(number), "did": format!("user {number}"), "seq": seq, "init": seq == 0, "status": status,
        "started": now_s() - 120.0, "timestamp": now_s() - 60.0, "errors": 0,
        "attrs": { "release": "shop@1", "environment": "production" },
    })
}

fn send_session(server: &Trapline, session: &Value) {
    to_envelope(server, envelope(&[("session", &session.to_string())])).send().expect(200);
}

fn releases(server: &Trapline, query: &str) -> Vec<Value> {
    server.get_json(&format!("/api/ui/releases{query}"))["releases"].as_array().unwrap().clone()
}

fn only_release(server: &Trapline) -> Value {
    let list = releases(server, "");
    assert_eq!(list.len(), 1, "{list:?}");
    list[0].clone()
}

#[test]
fn python_sessions_are_counted_by_release() {
    let server = Trapline::start();
    let fixture = Fixture::load("sentry-python-2.75.0/sessions");
    // The capture as of now: sessions are counted for a few days only.
    let captured = String::from_utf8(fixture.plain_body()).unwrap();
    let started = captured.split("\"started\":\"").nth(1).unwrap().split('"').next().unwrap();
    let mut lines = captured.lines();
    let payload = lines.nth(2).unwrap().replace(&format!("\"{started}\""), &(now_s() - 60.0).to_string());
    to_envelope(&server, envelope(&[("sessions", &payload)])).send().expect(200);
    let release = only_release(&server);
    assert_eq!((&release["version"], &release["environment"]), (&json!("shop@2026.11.3"), &json!("production")));
    assert_eq!((&release["session_count"], &release["crashed_count"]), (&json!(15), &json!(8)));
    assert!((release["crash_free_sessions"].as_f64().unwrap() - 7.0 / 15.0).abs() < 1e-9);
    assert_eq!((&release["adoption"], &release["crash_free_users"]), (&json!(1.0), &Value::Null));
    assert_eq!(release["buckets"].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>(), 15);
    assert_eq!(server.outcome("session", "accepted"), 15);
    assert_eq!(server.last_request()["summary"], "15 sessions of shop@2026.11.3");
}

#[test]
fn a_session_moves_from_one_counter_to_the_other() {
    let server = Trapline::start();
    send_session(&server, &session(1, "ok", 0));
    send_session(&server, &session(2, "ok", 0));
    let release = only_release(&server);
    assert_eq!((&release["session_count"], &release["crash_free_sessions"]), (&json!(2), &json!(1.0)));

    let mut crashed = session(1, "crashed", 2);
    crashed["duration"] = json!(4.5);
    send_session(&server, &crashed);
    let release = only_release(&server);
    assert_eq!((&release["session_count"], &release["crashed_count"]), (&json!(2), &json!(1)));
    assert_eq!((&release["crash_free_sessions"], &release["crash_free_users"]), (&json!(0.5), &json!(0.5)));
    assert_eq!((&release["user_count"], &release["duration_ms_mean"]), (&json!(2), &json!(4500.0)));

    // Said before, and said late: neither changes anything.
    send_session(&server, &crashed);
    send_session(&server, &session(1, "errored", 1));
    assert_eq!(only_release(&server), release);
    assert_eq!((server.outcome("session", "accepted"), server.outcome("session_update", "accepted")), (2, 1));
    assert_eq!(server.outcome("session_update", "duplicate"), 2);

    // An end that comes before the beginning is one session, and lives through a restart.
    send_session(&server, &session(3, "exited", 5));
    let mut server = server;
    server.restart();
    send_session(&server, &session(3, "ok", 0));
    let release = only_release(&server);
    assert_eq!((&release["session_count"], &release["errored_count"]), (&json!(3), &json!(0)));
}

#[test]
fn the_same_delivery_counts_once_where_it_can_be_recognised() {
    let server = Trapline::start();
    let started = now_s() - 60.0;
    let payload = json!({
        "attrs": { "release": "shop@1" }, "aggregates": [{ "started": started, "did": "a", "exited": 2, "errored": 1 }],
    });
    let named = format!("{{\"sent_at\":\"2026-11-21T10:00:00.123Z\"}}\n{{\"type\":\"sessions\"}}\n{payload}\n");
    let shifted = named.replace("2026-11-21T10:00:00.123Z", &rfc3339_now());
    to_envelope(&server, shifted.clone()).send().expect(200);
    to_envelope(&server, shifted).send().expect(200);
    assert_eq!(only_release(&server)["session_count"], 3);
    assert_eq!((server.outcome("session", "accepted"), server.outcome("session", "duplicate")), (3, 3));
    // Python's envelopes say nothing of themselves: the same bytes are another process.
    let nameless = envelope(&[("sessions", &payload.to_string())]);
    to_envelope(&server, nameless.clone()).send().expect(200);
    to_envelope(&server, nameless).send().expect(200);
    assert_eq!(only_release(&server)["session_count"], 9);
    assert_eq!(only_release(&server)["environment"], Value::Null);
}

fn rfc3339_now() -> String {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.query_row("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_cannot_be_counted_is_refused_with_the_reason() {
    let server = Trapline::start();
    let mut nameless = session(1, "ok", 0);
    nameless["attrs"]["release"] = Value::Null;
    let answer = to_envelope(&server, envelope(&[("session", &nameless.to_string())])).send().expect(400);
    assert!(answer.text().contains("attrs.release"), "{}", answer.text());
    assert_eq!(server.outcome("session", "invalid"), 1);

    let old = sessions("shop@1", &[json!({ "started": now_s() - 5.1 * DAY_S, "exited": 7 })]);
    to_envelope(&server, old).send().expect(200);
    assert_eq!(server.outcome("session", "too_old"), 7);
    assert!(server.last_request()["problem"].as_str().unwrap().contains("5 days"));
    assert_eq!(releases(&server, ""), [Value::Null; 0]);
    // An error in the same envelope is not lost.
    let body = envelope(&[("session", &nameless.to_string()), ("event", &event(1, "KeyError").to_string())]);
    to_envelope(&server, body).send().expect(200);
    assert_eq!(server.issues().len(), 1);
}

#[test]
fn events_and_spans_show_a_release_too() {
    let server = Trapline::start();
    let of = |number: u64, ty: &str, release: &str| {
        let mut event = event(number, ty);
        (event["release"], event["environment"]) = (json!(release), json!("production"));
        event["timestamp"] = json!(now_s());
        event
    };
    for (number, ty, release) in
        [(1, "KeyError", "cart@1"), (2, "KeyError", "cart@2"), (3, "ValueError", "cart@2"), (3, "ValueError", "cart@2")]
    {
        to_envelope(&server, event_envelope(&of(number, ty, release))).send().expect(200);
    }
    send(&server, "sentry-python-2.75.0/django-success-transaction");
    let counted = |version: &str| {
        let list = releases(&server, "?period=30d");
        let found = list.iter().find(|release| release["version"] == version);
        let release = found.unwrap_or_else(|| panic!("{list:?}"));
        (release["event_count"].as_u64().unwrap(), release["new_issue_count"].as_u64().unwrap())
    };
    assert_eq!(counted("cart@1"), (1, 1));
    assert_eq!(counted("cart@2"), (2, 1), "the same event twice counts once, a known issue is not new");
    let shop = releases(&server, "?query=CART%402&environment=production");
    assert_eq!((shop.len(), &shop[0]["session_count"]), (1, &json!(0)));
    assert_eq!((&shop[0]["crash_free_sessions"], &shop[0]["adoption"]), (&Value::Null, &Value::Null));
    assert_eq!(releases(&server, "?environment=elsewhere").len(), 0);
    let view = server.get_json("/api/ui/releases");
    assert_eq!((&view["environments"], &view["has_sessions"]), (&json!(["production"]), &json!(false)));

    // Sentry's list: all environments of a version together, newest first, in pages.
    let answer = server.get("/api/0/organizations/main/releases/?per_page=1").expect(200);
    let link = answer.header("link").unwrap().to_string();
    assert!(link.contains("rel=\"next\"; results=\"true\""), "{link}");
    let all = server.get_json("/api/0/projects/main/default/releases/");
    let versions: Vec<_> = all.as_array().unwrap().iter().map(|r| r["version"].as_str().unwrap()).collect();
    assert!(versions.contains(&"cart@1") && versions.contains(&"cart@2"), "{versions:?}");
    let two = all.as_array().unwrap().iter().find(|release| release["version"] == "cart@2").unwrap();
    assert_eq!((&two["shortVersion"], &two["newGroups"]), (&json!("2"), &json!(1)));
    assert_eq!(two["projects"][0]["slug"], "default");
    server.get("/api/0/organizations/other/releases/").expect(404);
}

#[test]
fn the_sessions_api_answers_groups_and_series() {
    let server = Trapline::start();
    let bucket = |user: &str, exited: u64, crashed: u64| json!({ "started": now_s() - 60.0, "did": user, "exited": exited, "crashed": crashed });
    to_envelope(&server, sessions("shop@1", &[bucket("a", 3, 1), bucket("b", 4, 0)])).send().expect(200);
    to_envelope(&server, sessions("shop@2", &[bucket("a", 10, 0)])).send().expect(200);
    let path = "/api/0/organizations/main/sessions/?statsPeriod=24h&interval=1h&field=sum(session)\
                &field=crash_free_rate(session)&field=count_unique(user)&field=crash_free_rate(user)&groupBy=release";
    let found = server.get_json(path);
    let intervals = found["intervals"].as_array().unwrap().len();
    assert_eq!(intervals, 24);
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{found}");
    assert_eq!(groups[0]["by"], json!({ "release": "shop@1" }));
    assert_eq!(
        groups[0]["totals"],
        json!({ "sum(session)": 8, "crash_free_rate(session)": 0.875, "count_unique(user)": 2, "crash_free_rate(user)": 0.5 })
    );
    let series = groups[0]["series"]["sum(session)"].as_array().unwrap();
    assert_eq!((series.len(), series.iter().filter_map(Value::as_u64).sum::<u64>()), (24, 8));
    let all = server.get_json("/api/0/organizations/main/sessions/?field=sum(session)&field=count_unique(user)");
    assert_eq!(all["groups"][0]["totals"], json!({ "sum(session)": 18, "count_unique(user)": 2 }));
    let by_status = server
        .get_json("/api/0/organizations/main/sessions/?field=sum(session)&groupBy=session.status&query=release:shop@1");
    let crashed = by_status["groups"].as_array().unwrap().iter().find(|g| g["by"]["session.status"] == "crashed");
    assert_eq!(crashed.unwrap()["totals"]["sum(session)"], 1);
    for wrong in ["field=sum(cats)", "groupBy=weather", "statsPeriod=1y", "interval=1h&statsPeriod=4000d", "query=is:x"]
    {
        server.get(&format!("/api/0/organizations/main/sessions/?{wrong}")).expect(400);
    }
}

#[test]
fn what_the_sdk_dropped_is_told_from_what_was_refused_here() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/client-report");
    let report = json!({ "timestamp": now_s(), "discarded_events": [
        { "reason": "before_send", "category": "error", "quantity": 12 },
        { "reason": "<script>", "category": "x".repeat(500), "quantity": 1 } ],
        "rate_limited_events": [{ "reason": "key_quota", "category": "error", "quantity": 2 }] });
    let broken = r#"{"exception":"#;
    to_envelope(&server, envelope(&[("client_report", &report.to_string()), ("event", broken)])).send().expect(200);
    let discards = server.get_json("/api/ui/ingest")["client_discards"].as_array().unwrap().clone();
    let lines: Vec<String> = discards
        .iter()
        .map(|d| format!("{} {} {} {}", d["kind"], d["reason"], d["category"], d["quantity"]).replace('"', ""))
        .collect();
    let odd = format!("discarded _script_ {} 1", "x".repeat(32));
    assert_eq!(
        lines,
        [
            "discarded before_send error 12",
            "discarded before_send span 3",
            "rate_limited key_quota error 2",
            &odd,
            "discarded before_send transaction 1",
        ]
    );
    assert_eq!(server.outcome("client_report", "accepted"), 2);
    assert_eq!(server.outcome("event", "invalid"), 1, "ours, and not the SDK's");
    assert_eq!(server.outcome("error", "before_send"), 0, "the SDK's, and not ours");

    let path = "/api/0/organizations/main/stats_v2/?statsPeriod=1d&groupBy=outcome&groupBy=category&groupBy=reason\
                &field=sum(quantity)&category=error";
    let found = server.get_json(path);
    let mut groups: Vec<String> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| {
            format!("{} {} {}", g["by"]["outcome"], g["by"]["reason"], g["totals"]["sum(quantity)"]).replace('"', "")
        })
        .collect();
    groups.sort();
    assert_eq!(groups, ["client_discard before_send 12", "invalid invalid 1", "rate_limited key_quota 2"]);
    assert_eq!(found["intervals"].as_array().unwrap().len(), 24);
    server.get("/api/0/organizations/main/stats_v2/?groupBy=colour").expect(400);
}

#[test]
fn made_up_reasons_cannot_fill_the_disk() {
    let server = Trapline::start();
    for round in 0..3 {
        let list: Vec<Value> = (0..400)
            .map(|n| json!({ "reason": format!("r{round}.{n}"), "category": "error", "quantity": 1 }))
            .collect();
        let report = json!({ "discarded_events": list }).to_string();
        to_envelope(&server, envelope(&[("client_report", &report)])).send().expect(200);
    }
    let connection = rusqlite::Connection::open(server.database()).unwrap();
    let (kinds, total): (i64, i64) = connection
        .query_row("SELECT count(*), sum(quantity) FROM client_discard", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    // Twice as many when the hour turns in between.
    assert!(kinds <= 2 * 501, "{kinds}");
    assert_eq!(total, 1200, "counted, if not by name");
}
