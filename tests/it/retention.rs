//! What is dropped for its age or for want of room, and what stays: over HTTP, with a small cap and with rows made old.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Trapline, run, wait_for};
use crate::payload::{event, event_envelope, id, send_event, send_span, to_envelope};

const DAY_MS: i64 = 86_400_000;

fn kind<'v>(storage: &'v Value, name: &str) -> &'v Value {
    storage["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == name).unwrap()
}

fn rows(server: &Trapline, name: &str) -> u64 {
    kind(&server.get_json("/api/ui/storage"), name)["rows"].as_u64().unwrap()
}

/// Makes what is in the database as old as that, while no server runs.
fn age(server: &Trapline, tables: &[&str], days: i64) {
    let database = Connection::open(server.database()).unwrap();
    for table in tables {
        let sql = format!("UPDATE {table} SET received_ms = received_ms - {}", days * DAY_MS);
        database.execute(&sql, []).unwrap();
    }
    database.execute("UPDATE stored_day SET day = day - ?1", [days]).unwrap();
}

/// About so many bytes that do not get smaller.
fn noise(bytes: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(state >> 58) as usize])
    };
    (0..bytes).map(|_| next()).collect()
}

/// The database with its log and the log's index.
fn bytes_on_disk(server: &Trapline) -> u64 {
    let path = server.database();
    let length = |ending: &str| std::fs::metadata(format!("{}{ending}", path.display())).map_or(0, |file| file.len());
    ["", "-wal", "-shm"].into_iter().map(length).sum()
}

fn big_event(number: u64, ty: &str) -> Vec<u8> {
    let mut event = event(number, ty);
    event["extra"] = json!({ "noise": noise(24_000, number) });
    event_envelope(&event)
}

#[test]
fn events_that_are_too_old_go_and_their_issue_tells_its_numbers() {
    let mut server = Trapline::start();
    for number in 1..=3 {
        send_event(&server, number, "KeyError");
    }
    send_span(&server, 1, "/old/");
    assert!(server.terminate().success());
    age(&server, &["event", "span_batch"], 100);
    server.start_again();
    send_event(&server, 4, "OSError");
    wait_for("the old events to go", || (rows(&server, "errors") == 1).then_some(()));
    wait_for("the old spans to go", || (rows(&server, "spans") == 0).then_some(()));
    assert_eq!(server.get(&format!("/api/ui/events/{}", id(1))).status, 404);
    assert_eq!(server.traces().len(), 0);
    let issues = server.issues();
    let old = issues.iter().find(|issue| issue["title"].as_str().unwrap().starts_with("KeyError")).unwrap();
    assert_eq!(old["event_count"], 3);
    let page = server.get_json(&format!("/api/ui/issues/{}", old["short_id"].as_str().unwrap()));
    assert_eq!((&page["oldest_event_ms"], &page["keep_days"]), (&Value::Null, &json!(90)));
    let new = issues.iter().find(|issue| issue["title"].as_str().unwrap().starts_with("OSError")).unwrap();
    let page = server.get_json(&format!("/api/ui/issues/{}", new["short_id"].as_str().unwrap()));
    assert!(page["oldest_event_ms"].is_number(), "{page}");
    // By the minute as far as events tell it, by the hour where only their number is left.
    let history = |issue: &Value| {
        let short_id = issue["short_id"].as_str().unwrap();
        let history = server.get_json(&format!("/api/ui/issues/{short_id}/history?unit=minute"));
        let sum: u64 = history["counts"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
        (history["unit"].as_str().unwrap().to_string(), sum)
    };
    assert_eq!(history(new), ("minute".to_string(), 1));
    assert_eq!(history(old), ("hour".to_string(), 3));
    let storage = server.get_json("/api/ui/storage");
    let dropped = storage["dropped"].as_array().unwrap();
    let of = |kind: &str| dropped.iter().find(|day| day["kind"] == kind).unwrap();
    assert_eq!((&of("errors")["rows"], &of("errors")["cause"]), (&json!(3), &json!("age")));
    assert_eq!(of("spans")["rows"], 1);
    // It comes back, and counts on.
    send_event(&server, 5, "KeyError");
    let issues = server.issues();
    assert!(issues.iter().any(|issue| issue["event_count"] == 4), "{issues:?}");
    server.expect_sound();
}

#[test]
fn what_is_kept_as_long_as_there_is_room_does_not_age() {
    let mut server = Trapline::start_with(&["--keep-errors-days", "0", "--keep-spans-days", "3"]);
    send_event(&server, 1, "KeyError");
    send_span(&server, 1, "/old/");
    assert!(server.terminate().success());
    age(&server, &["event", "span_batch"], 4);
    server.start_again();
    wait_for("the old spans to go", || (rows(&server, "spans") == 0).then_some(()));
    assert_eq!(rows(&server, "errors"), 1);
    assert_eq!(kind(&server.get_json("/api/ui/storage"), "errors")["next_drop_ms"], Value::Null);
}

#[test]
fn after_a_long_stop_or_a_clock_gone_wrong_nothing_goes_for_a_day() {
    let mut server = Trapline::start();
    send_event(&server, 1, "KeyError");
    assert!(server.terminate().success());
    age(&server, &["event"], 100);
    let clock = |text: Option<&str>| {
        let database = Connection::open(server.database()).unwrap();
        database.execute("DELETE FROM setting WHERE key = 'retention_clock'", []).unwrap();
        if let Some(text) = text {
            database.execute("INSERT INTO setting VALUES ('retention_clock', ?1)", [text]).unwrap();
        }
    };
    // As on the first start after an upgrade, or of a backup: the newest event is what tells the time.
    clock(None);
    server.start_again();
    let since =
        wait_for("the clock to be looked at", || server.get_json("/api/ui/storage")["clock_ahead_since_ms"].as_i64());
    assert_eq!(rows(&server, "errors"), 1);
    assert!(server.log().contains("nothing is dropped for its age"), "{}", server.log());
    // A day later it is still there.
    assert!(server.terminate().success());
    let database = Connection::open(server.database()).unwrap();
    let (day, old) = (DAY_MS, since - 100 * DAY_MS);
    let text = format!("{old} {old} {}", since - day);
    database.execute("UPDATE setting SET value = ?1 WHERE key = 'retention_clock'", [text]).unwrap();
    drop(database);
    server.start_again();
    wait_for("the old event to go", || (rows(&server, "errors") == 0).then_some(()));
    assert_eq!(server.get_json("/api/ui/storage")["clock_ahead_since_ms"], Value::Null);
}

#[test]
fn an_endless_flood_stays_below_the_cap_and_the_newest_is_always_there() {
    const CAP: u64 = 64 << 20;
    /// Of each of eight senders: one and a half times what there is room for.
    const EACH: u64 = 500;
    let server = Trapline::start_with(&["--max-size", "64 MiB"]);
    send_span(&server, 1, "/first/");
    let started = Instant::now();
    let newest = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8_u64)
            .map(|sender| {
                let server = &server;
                scope.spawn(move || {
                    let mut number = sender * 1_000_000;
                    for _ in 0..EACH {
                        number += 1;
                        let answer = to_envelope(server, big_event(number, "KeyError")).send();
                        assert_eq!(answer.status, 200, "{}", answer.text());
                    }
                    number
                })
            })
            .collect();
        let (mut used, mut files) = (0, 0);
        while senders.iter().any(|sender| !sender.is_finished()) {
            let storage = server.get_json("/api/ui/storage");
            let bytes = |name: &str| storage[name].as_u64().unwrap();
            used = used.max(bytes("used_bytes"));
            files = files.max(bytes_on_disk(&server));
            std::thread::park_timeout(Duration::from_millis(20));
        }
        assert!(files <= CAP, "{files} bytes on the disk");
        assert!(used >= CAP / 2, "the flood never filled the cap: {used} bytes");
        senders.into_iter().map(|sender| sender.join().unwrap()).collect::<Vec<u64>>()
    });
    for number in newest {
        assert_eq!(server.get(&format!("/api/ui/events/{}", id(number))).status, 200, "{:?}", started.elapsed());
    }
    assert_eq!(server.get(&format!("/api/ui/events/{}", id(1))).status, 404);
    // Errors flooded, so errors went: the one trace is below its share.
    assert_eq!(server.traces().len(), 1);
    let issues = server.issues();
    assert_eq!((issues.len(), &issues[0]["event_count"]), (1, &json!(8 * EACH)));
    let storage = wait_for("free pages to go back", || {
        let storage = server.get_json("/api/ui/storage");
        let bytes = |name: &str| storage[name].as_u64().unwrap();
        (bytes("used_bytes") <= bytes("full_bytes") && bytes("file_bytes") <= CAP).then_some(storage)
    });
    let dropped = &storage["dropped"][0];
    assert_eq!((&dropped["kind"], &dropped["cause"]), (&json!("errors"), &json!("size")));
    let kept = kind(&storage, "errors")["rows"].as_u64().unwrap();
    assert_eq!(kept + dropped["rows"].as_u64().unwrap(), 8 * EACH);
    assert_eq!(server.outcome("event", "accepted"), 8 * EACH);
    server.expect_sound();
}

#[test]
fn files_give_their_room_up_before_errors_do_and_it_goes_back_to_the_disk() {
    let server = Trapline::start_with(&["--max-size", "64 MiB"]);
    send_event(&server, 9_999, "OSError");
    for number in 1..=12 {
        let event = json!({ "event_id": id(number), "message": "with a file" }).to_string();
        let file = noise(9 << 20, number);
        let header = json!({ "type": "attachment", "length": file.len(), "filename": "dump.bin" });
        let body = format!("{{}}\n{{\"type\":\"event\"}}\n{event}\n{header}\n{file}\n");
        let answer = to_envelope(&server, body).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let storage = wait_for("old files to go", || {
        let storage = server.get_json("/api/ui/storage");
        let used = storage["used_bytes"].as_u64().unwrap();
        let file = storage["file_bytes"].as_u64().unwrap();
        (used <= storage["full_bytes"].as_u64().unwrap() && file <= 52 << 20).then_some(storage)
    });
    assert_eq!(kind(&storage, "errors")["rows"], 13);
    let files = kind(&storage, "attachments")["rows"].as_u64().unwrap();
    assert!((2..=7).contains(&files), "{files} files are left");
    let newest = server.get_json(&format!("/api/ui/events/{}", id(12)));
    assert_eq!(newest["attachments"].as_array().unwrap().len(), 1, "{newest}");
    server.expect_sound();
}

#[test]
fn storage_is_told_by_a_command_beside_a_running_server_and_without_one() {
    let mut server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let told = run(server.dir(), &["storage", "--data-dir", "data"]);
    assert!(told.status.success(), "{}", told.stderr);
    for part in ["Errors", "90 days", "in use", "Disk:"] {
        assert!(told.stdout.contains(part), "{part} is not in:\n{}", told.stdout);
    }
    assert!(!told.stdout.contains('\x1b'), "no colours where nobody looks");
    let refused = run(server.dir(), &["storage", "--compact", "--data-dir", "data"]);
    assert!(!refused.status.success() && refused.stderr.contains("a trapline is running"), "{}", refused.stderr);
    assert!(server.terminate().success());
    let json: Value =
        serde_json::from_str(&run(server.dir(), &["storage", "--json", "--data-dir", "data"]).stdout).unwrap();
    assert_eq!(kind(&json, "errors")["rows"], 1);
    assert_eq!((&json["is_max_default"], &json["can_shrink"]), (&json!(true), &json!(true)));
    let compacted = run(server.dir(), &["storage", "--compact", "--data-dir", "data"]);
    assert!(compacted.status.success(), "{}", compacted.stderr);
    let missing = run(server.dir(), &["storage", "--data-dir", "elsewhere"]);
    assert!(missing.stderr.contains("no database"), "{}", missing.stderr);
    assert!(!server.dir().join("elsewhere/trapline.db").exists());
    // What the server goes by is told, not what the command was given.
    let mut server = server.with_args(&["--keep-errors-days", "7", "--max-size", "64MiB", "--durability", "normal"]);
    server.start_again();
    assert_eq!(server.issues().len(), 1);
    let told = run(server.dir(), &["storage", "--data-dir", "data"]).stdout;
    assert!(
        told.contains("7 days") && told.contains("of 64 MiB in use") && told.contains("durability = normal"),
        "{told}"
    );
}

#[test]
fn the_default_cap_is_chosen_once() {
    let mut server = Trapline::start();
    let cap = |server: &Trapline| server.get_json("/api/ui/storage")["max_bytes"].as_u64().unwrap();
    let first = cap(&server);
    assert!((16 << 20..=10 << 30).contains(&first), "{first}");
    assert!(server.terminate().success());
    let database = Connection::open(server.database()).unwrap();
    database.execute("UPDATE setting SET value = '123456789' WHERE key = 'max_size_default'", []).unwrap();
    drop(database);
    server.start_again();
    assert_eq!(cap(&server), 123_456_789);
    assert!(server.terminate().success());
    let set = Trapline::start_with(&["--max-size", "1 GiB"]);
    assert_eq!(cap(&set), 1 << 30);
}

/// A database as it was made before pages could be given back is rewritten at the next start.
#[test]
fn an_old_file_learns_to_shrink() {
    let mut server = Trapline::start();
    server.terminate();
    let database = Connection::open(server.database()).unwrap();
    // As early versions made it.
    database.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM").unwrap();
    let kept: i64 = database.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
    drop(database);
    server.start_again();
    assert_eq!(server.get_json("/api/ui/storage")["can_shrink"], true);
    assert!(server.log().contains("rewritten"), "{}", server.log());
    send_event(&server, 1, "KeyError");
}

/// Somebody looks into the database with other tools and forgets to end the transaction.
#[test]
fn who_reads_the_file_for_long_from_beside_is_told_of_once() {
    let server = Trapline::start_with(&["--max-size", "64 MiB"]);
    send_event(&server, 1, "KeyError");
    assert_eq!(server.get("/readyz").text(), "ready\n");
    let beside = Connection::open(server.database()).unwrap();
    beside.execute_batch("BEGIN; SELECT count(*) FROM event").unwrap();
    let held: i64 = beside.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!(held, 1);
    let mut number = 1;
    let mut send_until = |words: &str| {
        wait_for(words, || {
            for _ in 0..40 {
                number += 1;
                to_envelope(&server, big_event(number, "KeyError")).send().expect(200);
            }
            let ready = server.get("/readyz");
            assert_eq!(ready.status, 200);
            ready.text().starts_with(words).then_some(())
        });
    };
    send_until("ready, but the write-ahead log grows");
    drop(beside);
    send_until("ready\n");
    let log = server.log();
    assert_eq!(log.matches("another program has been reading").count(), 1, "{log}");
    assert_eq!(log.matches("can be emptied again").count(), 1, "{log}");
}
