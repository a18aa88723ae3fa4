//! Jobs that report, and jobs that do not: from the check-in to the issue, over a restart and a server that was away.

use rusqlite::{Connection, named_params};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::send;
use crate::harness::{Trapline, wait_for};
use crate::payload::{envelope, id, to_envelope};
use crate::sentry_api::all_pages;

fn check_in(number: u64, slug: &str, status: &str) -> Value {
    json!({ "check_in_id": id(number), "monitor_slug": slug, "status": status })
}

fn with_schedule(mut check_in: Value, config: Value) -> Value {
    check_in["monitor_config"] = config;
    check_in
}

fn every_minute() -> Value {
    json!({ "schedule": { "type": "crontab", "value": "* * * * *" }, "checkin_margin": 5, "max_runtime": 10 })
}

fn report(server: &Trapline, check_in: &Value) -> Answer {
    to_envelope(server, envelope(&[("check_in", &check_in.to_string())])).send().expect(200)
}

fn monitor(server: &Trapline, slug: &str) -> Value {
    server.get_json(&format!("/api/ui/monitors/{slug}"))
}

fn check_ins(server: &Trapline, slug: &str) -> Vec<Value> {
    server.get_json(&format!("/api/ui/monitors/{slug}/checkins"))["check_ins"].as_array().unwrap().clone()
}

fn statuses(server: &Trapline, slug: &str) -> Vec<String> {
    check_ins(server, slug).iter().map(|row| row["status"].as_str().unwrap().to_string()).collect()
}

/// The one issue there is, once its event count is that.
fn issue_with(server: &Trapline, events: u64) -> Value {
    wait_for("the issue of the monitor", || {
        let issues = server.issues();
        assert!(issues.len() < 2, "{issues:?}");
        issues.into_iter().find(|issue| issue["event_count"] == events)
    })
}

fn now_ms() -> i64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64
}

/// Tests have no hours to wait: while the server is stopped, its memory of times is changed.
fn rewrite(server: &Trapline, sql: &str, ms: i64) {
    let connection = Connection::open(server.database()).unwrap();
    assert!(connection.execute(sql, named_params! { ":ms": ms }).unwrap() > 0, "{sql}");
}

/// The next check-in was due so long ago that its margin ended a second ago, and somebody was looking until then.
fn make_overdue(server: &Trapline, expected_ago_ms: i64) {
    let now_ms = now_ms();
    rewrite(server, "UPDATE monitor_environment SET overdue_ms = :ms", now_ms - 1_000);
    rewrite(server, "UPDATE monitor_environment SET next_expected_ms = :ms", now_ms - expected_ago_ms);
}

fn looked_until(server: &Trapline, ago_ms: i64) {
    let sql = "INSERT INTO setting (key, value) VALUES ('monitors_ticked_ms', :ms)
               ON CONFLICT (key) DO UPDATE SET value = :ms";
    rewrite(server, sql, now_ms() - ago_ms);
}

#[test]
fn a_run_is_one_check_in_from_begin_to_end_however_often_it_is_sent() {
    let server = Trapline::start();
    let begin = with_schedule(check_in(1, "My Nightly Job!", "in_progress"), every_minute());
    let mut end = check_in(1, "My Nightly Job!", "ok");
    end["duration"] = json!(12.5);
    for sent in [&begin, &end, &end, &begin] {
        report(&server, sent);
    }
    let rows = check_ins(&server, "my-nightly-job");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["status"], &rows[0]["duration_ms"]), (&json!("ok"), &json!(12_500)));
    let monitor = monitor(&server, "my-nightly-job");
    assert_eq!(monitor["name"], "My Nightly Job!");
    assert_eq!((&monitor["schedule"], &monitor["timezone"]), (&json!("* * * * *"), &json!("UTC")));
    assert_eq!(monitor["margin_min"], 5);
    let environment = &monitor["environments"][0];
    assert_eq!((&environment["name"], &environment["state"]), (&json!("production"), &json!("ok")));
    let next_ms = environment["next_expected_ms"].as_i64().unwrap();
    assert!(next_ms % 60_000 == 0 && next_ms > now_ms() - 60_000, "{environment}");
    assert_eq!(server.outcome("check_in", "accepted"), 2);
    assert_eq!(server.outcome("check_in", "duplicate"), 2);
    assert_eq!(server.issues().len(), 0);
}

#[test]
fn the_captures_of_the_decorator_are_a_failed_run_and_its_issue() {
    let server = Trapline::start();
    send(&server, "sentry-python-2.75.0/check-in-begin");
    assert_eq!(statuses(&server, "nightly-report"), ["in_progress"]);
    send(&server, "sentry-python-2.75.0/check-in-error");
    assert_eq!(statuses(&server, "nightly-report"), ["error"]);
    let issue = issue_with(&server, 1);
    assert_eq!(issue["title"], "Cron failure: nightly-report");
    assert_eq!(issue["culprit"], "failed in production");
    assert_eq!(monitor(&server, "nightly-report")["environments"][0]["short_id"], issue["short_id"]);
    assert_eq!(monitor(&server, "nightly-report")["environments"][0]["state"], "failing");
    send(&server, "sentry-python-2.75.0/check-in-interval-begin");
    send(&server, "sentry-python-2.75.0/check-in-interval-ok");
    assert_eq!(statuses(&server, "sync-the-stock"), ["ok"]);
    let monitor = monitor(&server, "sync-the-stock");
    assert_eq!((&monitor["schedule_words"], &monitor["timezone"]), (&json!("Every 2 hours"), &json!("Europe/Berlin")));
    assert_eq!((&monitor["failure_threshold"], &monitor["recovery_threshold"]), (&json!(3), &json!(2)));
}

#[test]
fn failures_of_one_environment_are_one_issue_resolved_by_recovery_and_opened_again() {
    let server = Trapline::start();
    let config = json!({ "schedule": "0 3 * * *", "failure_issue_threshold": 2, "recovery_threshold": 2 });
    report(&server, &with_schedule(check_in(1, "backup", "error"), config));
    report(&server, &check_in(2, "backup", "ok"));
    report(&server, &check_in(3, "backup", "error"));
    assert_eq!(monitor(&server, "backup")["environments"][0]["state"], "shaky");
    assert_eq!(server.issues().len(), 0);
    report(&server, &check_in(4, "backup", "error"));
    let issue = issue_with(&server, 1);
    assert_eq!((&issue["status"], &issue["level"]), (&json!("unresolved"), &json!("error")));
    let short_id = issue["short_id"].as_str().unwrap();
    let event = server.get_json(&format!("/api/ui/issues/{short_id}/events/latest"));
    let message = event["detail"]["message"].as_str().unwrap();
    assert!(message.contains("failure 2 in a row"), "{message}");
    let context = event["detail"]["contexts"].as_array().unwrap().iter().find(|context| context["name"] == "monitor");
    assert!(context.unwrap()["entries"].to_string().contains("\"backup\""));

    report(&server, &check_in(5, "backup", "ok"));
    report(&server, &check_in(6, "backup", "ok"));
    wait_for("the end of the incident", || (server.issues()[0]["status"] == "resolved").then_some(()));
    assert_eq!(monitor(&server, "backup")["environments"][0]["state"], "ok");
    report(&server, &check_in(7, "backup", "error"));
    report(&server, &check_in(8, "backup", "error"));
    assert_eq!(issue_with(&server, 2)["status"], "unresolved");

    let mut elsewhere = check_in(9, "backup", "error");
    elsewhere["environment"] = json!("staging");
    report(&server, &elsewhere);
    elsewhere["check_in_id"] = json!(id(10));
    report(&server, &elsewhere);
    wait_for("an issue of its own", || (server.issues().len() == 2).then_some(()));
}

#[test]
fn curl_from_a_crontab_needs_only_the_address() {
    let server = Trapline::start();
    let key = server.key().to_string();
    let path = format!("/api/1/cron/backup/{key}");
    let answer = server.get(&format!("{path}?status=in_progress")).expect(202);
    assert_eq!(answer.text(), "");
    server.post(&format!("{path}/?status=ok")).send().expect(202);
    assert_eq!(statuses(&server, "backup"), ["ok"]);
    assert!(check_ins(&server, "backup")[0]["duration_ms"].is_i64());
    server.post(&path).body("status=error").send().expect(202);
    let config = json!({ "status": "ok", "environment": "staging", "monitor_config": every_minute() });
    server.post(&format!("/api/1/cron/backup?sentry_key={key}")).json(&config).send().expect(202);
    assert_eq!(statuses(&server, "backup"), ["ok", "error", "ok"]);
    let environments = monitor(&server, "backup")["environments"].clone();
    assert_eq!(environments[1]["name"], "staging");
    assert!(environments[0]["next_expected_ms"].is_i64(), "the schedule holds for all: {environments}");
    assert_eq!(server.last_request()["summary"], "check-in backup ok");
}

#[test]
fn a_check_in_that_cannot_be_used_says_what_to_do() {
    let server = Trapline::start();
    let key = server.key().to_string();
    let path = format!("/api/1/cron/backup/{key}");
    for (path, status, word) in [
        (path.clone(), 400, "?status=ok"),
        (format!("/api/1/cron/%21%21/{key}?status=ok"), 400, "/cron/nightly-report/"),
        (format!("/api/1/cron/backup/{}?status=ok", "0".repeat(32)), 403, "ProjectId"),
        ("/api/1/cron/backup/?status=ok".to_string(), 401, "authorization"),
        (format!("/api/7/cron/backup/{key}?status=ok"), 403, "ProjectId"),
        (format!("{path}?status=ok&sentry_key={key}"), 401, "multiple"),
    ] {
        let answer = server.get(&path).expect(status);
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{path}: {}", answer.text());
        assert!(!server.last_request()["fix"].is_null(), "{path}");
    }
    server.post(&path).body("{\"status\":").send().expect(400);
    server.post(&path).body(format!("{{\"status\":\"ok\",\"x\":\"{}\"}}", "x".repeat(200 << 10))).send().expect(413);
    server.request("PUT", &format!("{path}?status=ok")).send().expect(405);
    assert_eq!(server.get_json("/api/ui/monitors")["total"], 0);

    let odd = with_schedule(check_in(1, "odd", "missed"), json!({ "schedule": "every day", "timezone": "Mars/Base" }));
    report(&server, &odd);
    assert_eq!(statuses(&server, "odd"), ["unknown"]);
    assert_eq!(monitor(&server, "odd")["schedule"], Value::Null);
    let problem = server.last_request()["problem"].as_str().unwrap().to_string();
    assert!(problem.contains("every day") && problem.contains("Mars/Base"), "{problem}");
    let event = crate::payload::event(5, "KeyError").to_string();
    to_envelope(&server, envelope(&[("check_in", "{}"), ("event", &event)])).send().expect(200);
    assert_eq!(server.outcome("check_in", "invalid"), 1);
    assert_eq!(server.issues().len(), 1);
}

#[test]
fn what_does_not_come_is_missed_and_what_does_not_end_times_out() {
    let mut server = Trapline::start();
    report(&server, &with_schedule(check_in(1, "sync", "ok"), every_minute()));
    report(&server, &check_in(2, "sync", "in_progress"));
    assert!(server.terminate().success());
    make_overdue(&server, 301_000);
    rewrite(&server, "UPDATE check_in SET timeout_ms = :ms WHERE status = 'in_progress'", now_ms() - 900);
    rewrite(&server, "UPDATE check_in SET started_ms = :ms WHERE status = 'in_progress'", now_ms() - 600_000);
    looked_until(&server, 500);
    server.start_again();
    issue_with(&server, 2);
    let rows = check_ins(&server, "sync");
    assert_eq!(statuses(&server, "sync"), ["missed", "timeout", "ok"]);
    assert_eq!(rows[0]["unwatched_from_ms"], Value::Null);
    assert!(rows[0]["expected_ms"].as_i64().unwrap() < now_ms() - 300_000);
    // The next one is due, and nothing is said twice.
    server.restart();
    assert_eq!(statuses(&server, "sync").len(), 3);
    assert_eq!(server.issues()[0]["event_count"], 2);
    // The end of what timed out is noted, and changes nothing else.
    report(&server, &check_in(2, "sync", "ok"));
    let late = &check_ins(&server, "sync")[1];
    assert_eq!(late["status"], "timeout");
    assert!(late["duration_ms"].as_i64().unwrap() >= 600_000, "{late}");
}

#[test]
fn nothing_is_missed_while_the_server_was_away() {
    let mut server = Trapline::start();
    report(&server, &with_schedule(check_in(1, "sync", "ok"), every_minute()));
    report(&server, &check_in(2, "sync", "in_progress"));
    server.kill9();
    // Three days of silence: 4320 check-ins were due.
    make_overdue(&server, 3 * 86_400_000);
    rewrite(&server, "UPDATE monitor_environment SET overdue_ms = :ms", now_ms() - 3 * 86_400_000 + 300_000);
    rewrite(&server, "UPDATE check_in SET timeout_ms = :ms WHERE status = 'in_progress'", now_ms() - 900);
    looked_until(&server, 3 * 86_400_000 + 60_000);
    server.start_again();
    let rows = wait_for("the check-ins of those days", || {
        let rows = check_ins(&server, "sync");
        (rows.len() > 2).then_some(rows)
    });
    assert!(rows.len() <= 22, "{}", rows.len());
    for row in rows.iter().filter(|row| row["status"] != "ok") {
        assert_eq!(row["status"], "unknown", "{row}");
        assert!(row["unwatched_to_ms"].as_i64().unwrap() > row["unwatched_from_ms"].as_i64().unwrap(), "{row}");
    }
    let environment = monitor(&server, "sync")["environments"][0].clone();
    assert!(environment["next_expected_ms"].as_i64().unwrap() > now_ms() - 400_000, "{environment}");
    assert_eq!(environment["state"], "ok");
    assert_eq!(server.issues().len(), 0);
    // The job did end, and says so.
    report(&server, &check_in(2, "sync", "ok"));
    assert_eq!(check_ins(&server, "sync").iter().filter(|row| row["status"] == "ok").count(), 2);
}

#[test]
fn a_name_that_changes_with_every_run_is_refused_at_the_limit() {
    let server = Trapline::start();
    for number in 0..50 {
        let mut sent = check_in(number, "backup", "ok");
        sent["environment"] = json!(format!("run-{number}"));
        report(&server, &sent);
    }
    let mut sent = check_in(99, "backup", "ok");
    sent["environment"] = json!("one-more");
    report(&server, &sent);
    assert_eq!(server.outcome("check_in", "too_many"), 1);
    assert!(server.last_request()["problem"].as_str().unwrap().contains("50 environments"));
    let path = format!("/api/1/cron/backup/{}?status=ok&environment=another", server.key());
    let answer = server.get(&path).expect(400);
    assert!(answer.json()["detail"].as_str().unwrap().contains("50 environments"));
    let stolen = check_in(7, "other", "ok");
    report(&server, &stolen);
    assert!(server.last_request()["problem"].as_str().unwrap().contains("belongs to a run of the monitor"));
}

#[test]
fn sentrys_clients_read_monitors_and_their_check_ins() {
    let server = Trapline::start();
    let interval =
        json!({ "schedule": { "type": "interval", "value": 2, "unit": "hour" }, "timezone": "Europe/Berlin" });
    report(&server, &with_schedule(check_in(1, "b-sync", "ok"), interval));
    report(&server, &with_schedule(check_in(2, "a-backup", "error"), every_minute()));
    report(&server, &check_in(3, "a-backup", "ok"));
    let monitors = all_pages(&server, "/api/0/organizations/main/monitors/?cursor=&per_page=1");
    assert_eq!(monitors, all_pages(&server, "/api/0/projects/main/default/monitors/"));
    assert_eq!(monitors[0]["slug"], "a-backup");
    assert_eq!(monitors[1]["config"]["schedule"], json!([2, "hour"]));
    assert_eq!(monitors[1]["config"]["timezone"], "Europe/Berlin");
    assert_eq!(monitors[0]["environments"][0]["name"], "production");
    let one = server.get_json("/api/0/organizations/main/monitors/b-sync/");
    assert_eq!(one, monitors[1]);
    let check_ins = all_pages(&server, "/api/0/projects/main/default/monitors/a-backup/checkins/?per_page=1");
    let seen: Vec<&str> = check_ins.iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(seen, ["ok", "error"]);
    assert_eq!(check_ins[0]["id"], id(3));
    server.get("/api/0/organizations/other/monitors/").expect(404);
    server.get("/api/0/organizations/main/monitors/none/").expect(404);
    let issue = wait_for("the issue", || {
        server.get_json("/api/0/projects/main/default/issues/?query=cron")[0].as_object().cloned()
    });
    assert_eq!((&issue["issueCategory"], &issue["type"]), (&json!("cron"), &json!("generic")));
}
