//! Work without requests: check-ins, Celery's worker and its beat.

use serde_json::{Value, json};

use super::{nothing_was_refused, only, script, waterfall};
use crate::harness::Trapline;
use crate::sdks::{NEWEST, python, trace};

fn check_in(server: &Trapline, slug: &str) -> Value {
    only(&server.get_json(&format!("/api/ui/monitors/{slug}/checkins"))["check_ins"]).clone()
}

/// What the script's `@monitor` says, whichever version ran it.
pub(super) fn is_the_nightly_job(server: &Trapline) {
    let monitor = server.get_json("/api/ui/monitors/my-nightly-job");
    assert_eq!(monitor["name"], "My Nightly Job!");
    assert_eq!((&monitor["schedule_type"], &monitor["schedule"]), (&json!("crontab"), &json!("15 3 * * *")));
    assert_eq!(monitor["timezone"], "Europe/Vienna");
    let environment = only(&monitor["environments"]);
    assert_eq!((&environment["name"], &environment["state"]), (&json!("matrix"), &json!("ok")));
    let check_in = check_in(server, "my-nightly-job");
    assert_eq!(check_in["status"], "ok");
    assert!(check_in["duration_ms"].as_u64().unwrap() >= 10, "{check_in}");
    assert_eq!(server.outcome("check_in", "accepted"), 2, "its beginning and its end");
}

#[test]
fn a_monitored_function_checks_in() {
    is_the_nightly_job(&script("cron", json!({})));
}

#[test]
fn a_task_is_in_the_trace_of_who_asked_for_it() {
    let server = Trapline::start();
    python(&server, NEWEST, &["celery", "2"]).options(json!({"traces_sample_rate": 1.0})).done();
    let trace = trace(&server, "place orders");
    let drawn = waterfall(&trace);
    assert_eq!(drawn[0], "0 task: place orders");
    let count = |line: &str| drawn.iter().filter(|drawn| drawn.ends_with(line)).count();
    // Two orders, each tried three times.
    assert_eq!(count(" queue.publish: stock.tasks.charge"), 6, "{drawn:#?}");
    assert_eq!(count(" queue.task.celery: stock.tasks.charge"), 6, "{drawn:#?}");
    // Under the span that sent it.
    assert_eq!(count("1 queue.submit.celery: stock.tasks.charge"), 2, "{drawn:#?}");
    assert_eq!(trace["spans"]["is_orphan"].as_array().unwrap().iter().filter(|is| **is == true).count(), 0);
    let kinds: Vec<&str> = trace["spans"]["kind"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(kinds.contains(&"producer") && kinds.contains(&"consumer"), "{kinds:?}");
    // Both failures stand at a task.
    let errors = trace["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    for error in errors {
        let at = usize::try_from(error["span"].as_i64().unwrap()).unwrap();
        assert!(drawn[at].contains(" queue."), "{error} at {}", drawn[at]);
    }
    nothing_was_refused(&server);
}

#[test]
fn beat_makes_a_monitor_of_each_entry_of_its_schedule() {
    let server = Trapline::start();
    let run = python(&server, NEWEST, &["beat"]).options(json!({"traces_sample_rate": 1.0, "environment": "matrix"}));
    run.env("CELERY_OPTIONS", json!({"monitor_beat_tasks": true}).to_string()).done();
    let monitor = server.get_json("/api/ui/monitors/nightly-stock-count");
    assert_eq!(monitor["name"], "Nightly stock count!");
    assert_eq!((&monitor["schedule_type"], &monitor["schedule"]), (&json!("interval"), &json!("1 minute")));
    let check_in = check_in(&server, "nightly-stock-count");
    assert_eq!((&check_in["status"], &check_in["environment"]), (&json!("ok"), &json!("matrix")));
    assert!(check_in["duration_ms"].is_u64(), "{check_in}");
    // And leads to what the run did.
    assert_eq!(check_in["trace_id"], trace(&server, "stock.tasks.count")["trace_id"]);
    assert_eq!(check_in["has_trace"], true);
    nothing_was_refused(&server);
}
