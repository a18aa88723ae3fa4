//! Events that were kept before anything was known of their bugs grow small later on, and stay what they were.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::errors::{ErrorMaker, event_json, gunzip};
use crate::harness::{Trapline, wait_for};
use crate::payload::to_envelope;

/// Django errors of 35 kB as the SDK sends them, of 30 bugs: too few for the project to be trained.
fn send_errors(server: &Trapline, count: usize) -> Vec<String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let envelopes = ErrorMaker::new(&fixtures, 7, 30).envelopes(count, now_ms - 60_000, |_| {});
    let send = |envelope: &Vec<u8>| {
        to_envelope(server, envelope.as_slice()).header("content-encoding", "gzip").send().expect(200);
        let sent: Value = serde_json::from_slice(event_json(&gunzip(envelope))).unwrap();
        sent["event_id"].as_str().unwrap().to_string()
    };
    envelopes.iter().map(send).collect()
}

/// All events, as the API shows them.
fn shown(server: &Trapline, ids: &[String]) -> BTreeMap<String, String> {
    let show = |id: &String| (id.clone(), server.get(&format!("/api/ui/events/{id}")).expect(200).text());
    ids.iter().map(show).collect()
}

fn number(server: &Trapline, sql: &str) -> i64 {
    Connection::open(server.database()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Every event was looked at, and their bodies are a twentieth of what was sent, which zstd alone does not reach by far.
const DONE: &str = "SELECT sum(length(body)) * 20 < sum(body_bytes)
        AND max(id) <= (SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'repacked_to') FROM event";

fn wait_until_done(server: &Trapline) {
    wait_for("smaller events", || {
        let database = Connection::open(server.database()).unwrap();
        database.query_row(DONE, [], |row| row.get(0)).unwrap_or(false).then_some(())
    });
}

#[test]
fn events_from_before_their_dictionary_grow_small_and_stay_the_same() {
    let mut server = Trapline::start();
    let ids = send_errors(&server, 150);
    let before = shown(&server, &ids);
    wait_until_done(&server);
    // But for the only one of its bug.
    assert!(number(&server, "SELECT count(*) FROM event WHERE body_codec >= 16") >= 140);
    assert_eq!(shown(&server, &ids), before);
    // Rows are not only shorter, they share pages: 8 kB an event with zstd alone.
    let pages = "SELECT sum(pgsize) / 150 FROM dbstat WHERE aggregate = 1 AND name IN ('event', 'dictionary')";
    assert!(number(&server, pages) < 3_500, "{}", number(&server, pages));
    server.restart();
    assert_eq!(shown(&server, &ids), before);
    server.expect_sound();
}

#[test]
fn a_power_cut_while_events_are_written_anew_costs_nothing() {
    let mut server = Trapline::start();
    let ids = send_errors(&server, 120);
    let before = shown(&server, &ids);
    for round in 0..10 {
        // A start begins with it at once.
        std::thread::park_timeout(Duration::from_millis(15 * round));
        server.kill9();
        server.start_again();
        assert_eq!(number(&server, "SELECT count(*) FROM event"), 120);
    }
    wait_until_done(&server);
    assert_eq!(shown(&server, &ids), before);
    server.expect_sound();
}
