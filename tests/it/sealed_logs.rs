//! Logs after they were packed away: every answer as before, and nothing lost or doubled by a kill in the middle.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Connection;
use crate::fixture::send;
use crate::harness::{Trapline, wait_for};
use crate::payload::{envelope, id, to_envelope};

/// A server whose settings are in a file, so that they can be others after a restart.
fn start(seal_after_s: u64) -> Trapline {
    let dir = TempDir::new().unwrap();
    set(dir.path(), seal_after_s);
    Trapline::start_in(dir, &[])
}

fn set(dir: &std::path::Path, seal_after_s: u64) {
    std::fs::write(dir.join("trapline.toml"), format!("seal_after_s = {seal_after_s}\n")).unwrap();
}

fn container(first: u64, count: u64) -> Vec<u8> {
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let log = |number: u64| {
        json!({
            "timestamp": now_s, "trace_id": id(number % 5), "level": if number.is_multiple_of(2) { "info" } else { "error" },
            "body": format!("Line {number} is done"),
            "attributes": {
                "number": { "value": number, "type": "integer" },
                "service.name": { "value": if number.is_multiple_of(3) { "billing" } else { "shop" }, "type": "string" },
            },
        })
    };
    let logs: Vec<Value> = (first..first + count).map(log).collect();
    envelope(&[("log", &json!({ "version": 2, "items": logs }).to_string())])
}

fn count(server: &Trapline, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(server.database()).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn wait_until_sealed(server: &Trapline) {
    wait_for("all logs to be sealed", || (count(server, "log_batch") == 0).then_some(()));
}

/// Everything the logs' pages ask for.
fn answers(server: &Trapline) -> Vec<Value> {
    let mut answers = Vec::new();
    let mut ids = Vec::new();
    for query in [
        "",
        "level=error",
        "query=LINE%207%20is",
        "query=priced",
        "service=billing",
        "attribute=number:11",
        "attribute=logger.name:shop.payments",
    ] {
        let mut cursor = String::new();
        loop {
            let page = server.get_json(&format!("/api/ui/logs?limit=9&{query}{cursor}"));
            ids.extend(page["logs"].as_array().unwrap().iter().map(|log| log["id"].as_str().unwrap().to_string()));
            let next = page["next_cursor"].as_str().map(|next| format!("&cursor={next}"));
            answers.push(page);
            match next {
                Some(next) => cursor = next,
                None => break,
            }
        }
    }
    assert!(ids.len() > 90, "too little to compare: {}", ids.len());
    answers.extend(ids.iter().map(|id| server.get_json(&format!("/api/ui/logs/{id}"))));
    answers.extend((0..5).map(|trace| server.get_json(&format!("/api/ui/logs?trace={}", id(trace)))));
    answers.push(server.get_json("/api/0/organizations/main/events/?dataset=logs&field=message&field=number"));
    answers
}

#[test]
fn sealed_logs_are_read_as_before_and_known_when_they_come_again() {
    let mut server = start(10_000);
    send(&server, "sentry-python-2.75.0/logs");
    let requests: Vec<Vec<u8>> = (0..6).map(|request| container(request * 10, 10)).collect();
    requests.iter().for_each(|request| drop(to_envelope(&server, request.clone()).send().expect(200)));
    assert_eq!(count(&server, "log_batch"), 7);
    let before = answers(&server);

    assert!(server.terminate().success());
    set(server.dir(), 0);
    server.start_again();
    wait_until_sealed(&server);
    assert_eq!(answers(&server), before);

    requests.iter().for_each(|request| drop(to_envelope(&server, request.clone()).send().expect(200)));
    assert_eq!(server.outcome("log", "duplicate"), 60);
    assert_eq!(answers(&server), before);
}

#[test]
fn a_kill_while_logs_are_sealed_loses_and_doubles_nothing() {
    let mut server = start(0);
    let mut acknowledged = Vec::new();
    for round in 0..4_u64 {
        let known = count(&server, "log_delivery");
        let sent: Vec<u64> = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut connection = Connection::open(server.address());
                let mut sent = Vec::new();
                for number in round * 100_000.. {
                    let request = to_envelope(&server, container(number, 1));
                    if !connection.write(&request.encode()) {
                        break;
                    }
                    match connection.read_if_any() {
                        Some(answer) => drop(answer.expect(200)),
                        None => break,
                    }
                    sent.push(number);
                }
                sent
            });
            // They are sealed all the time from then on, and the kill falls anywhere.
            wait_for("logs to be sealed", || (count(&server, "log_delivery") > known + 20).then_some(()));
            server.signal("KILL");
            sender.join().unwrap()
        });
        assert!(!sent.is_empty());
        acknowledged.extend(sent);
        server.wait();
        server.start_again();
    }
    wait_until_sealed(&server);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = server.get_json(&format!("/api/ui/logs?limit=1000{cursor}"));
        for log in page["logs"].as_array().unwrap() {
            *found.entry(log["body"].as_str().unwrap().to_string()).or_default() += 1;
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    for number in &acknowledged {
        assert_eq!(found.get(&format!("Line {number} is done")), Some(&1), "{number}");
    }
    assert!(found.values().all(|times| *times == 1));
    // The one request that was under way at each kill may be there.
    assert!(found.len() <= acknowledged.len() + 4);
    assert_eq!(server.outcome("log", "accepted"), found.len() as u64);
    server.expect_sound();
}
