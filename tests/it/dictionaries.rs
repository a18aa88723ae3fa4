//! Bodies of events grow small by what the store learned of earlier ones, and every one of them is still what was sent.

use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::errors::{ErrorMaker, event_json, gunzip};
use crate::harness::{Trapline, wait_for};
use crate::payload::to_envelope;

/// Django errors of 35 kB as the SDK sends them, of 50 bugs, compressed.
fn envelopes(count: usize) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    ErrorMaker::new(&fixtures, 11, 50).envelopes(count, now_ms - 60_000, |_| {})
}

fn send(server: &Trapline, envelopes: &[Vec<u8>]) {
    for envelope in envelopes {
        to_envelope(server, envelope.as_slice()).header("content-encoding", "gzip").send().expect(200);
    }
}

fn number(server: &Trapline, sql: &str) -> u64 {
    let database = Connection::open(server.database()).unwrap();
    database.query_row(sql, [], |row| row.get::<_, Option<f64>>(0)).unwrap().unwrap_or(0.0) as u64
}

/// The event shows the message that was sent, which differs from event to event.
fn assert_readable(server: &Trapline, envelopes: &[Vec<u8>]) {
    for envelope in envelopes {
        let sent: Value = serde_json::from_slice(event_json(&gunzip(envelope))).unwrap();
        let id = sent["event_id"].as_str().unwrap();
        let shown = server.get(&format!("/api/ui/events/{id}")).expect(200).text();
        let message = sent["exception"]["values"][1]["value"].as_str().unwrap();
        let request = sent["contexts"]["trace"]["span_id"].as_str().unwrap();
        assert!(shown.contains(message) && shown.contains(request), "{id}: {shown}");
    }
}

const TRAINED: &str = "SELECT 0.0 + count(*) FROM dictionary_use WHERE grouping_hash = x''";
/// What zstd alone leaves of one of these, in bytes; those kept that way are compressed once more before they can be asked.
const PLAIN: u64 = 7_000;
const OF_PROJECT: &str = "SELECT 0.0 + avg(length(body)) FROM event
    WHERE body_codec = (SELECT dictionary_id FROM dictionary_use WHERE grouping_hash = x'')";
const OF_ISSUES: &str = "SELECT 0.0 + avg(length(body)) FROM event
    WHERE body_codec IN (SELECT dictionary_id FROM dictionary_use WHERE grouping_hash <> x'')";

#[test]
fn errors_grow_small_once_there_are_dictionaries_and_stay_readable() {
    let mut server = Trapline::start();
    let sent = envelopes(400);
    send(&server, &sent[..220]);
    wait_for("the project's dictionary", || (number(&server, TRAINED) > 0).then_some(()));
    send(&server, &sent[220..]);
    let (of_project, of_issues) = (number(&server, OF_PROJECT), number(&server, OF_ISSUES));
    assert!(of_project > 0 && of_project < PLAIN / 2, "{of_project}");
    assert!(of_issues > 0 && of_issues < PLAIN / 4, "{of_issues}");
    assert_readable(&server, &sent[150..]);
    server.restart();
    assert_readable(&server, &sent[100..260]);
}

#[test]
fn a_power_cut_while_dictionaries_are_made_costs_nothing() {
    let mut server = Trapline::start();
    let sent = envelopes(330);
    send(&server, &sent[..196]);
    for round in 0..4 {
        // The two hundredth event starts the training, which takes longer than the pauses here.
        send(&server, &sent[196 + round * 4..200 + round * 4]);
        std::thread::park_timeout(std::time::Duration::from_millis(150 * round as u64));
        server.kill9();
        server.start_again();
    }
    send(&server, &sent[212..]);
    wait_for("the project's dictionary", || (number(&server, TRAINED) > 0).then_some(()));
    assert_readable(&server, &sent[150..]);
    assert_eq!(server.outcome("event", "accepted"), 330);
    server.expect_sound();
}

#[test]
fn an_event_whose_dictionary_is_lost_says_so_and_the_others_are_fine() {
    let mut server = Trapline::start();
    let sent = envelopes(100);
    send(&server, &sent);
    let database = Connection::open(server.database()).unwrap();
    let one_with = |sql: &str, codec: i64| -> String {
        let sql = format!("SELECT lower(hex(event_id)) FROM event WHERE body_codec {sql} ?1 LIMIT 1");
        database.query_row(&sql, [codec], |row| row.get(0)).unwrap()
    };
    let lost = send_until_in_use(&server);
    // Readers keep what they know; a start forgets it.
    assert!(server.terminate().success());
    assert_eq!(database.execute("DELETE FROM dictionary WHERE id = ?1", [lost]).unwrap(), 1);
    server.start_again();
    let answer = server.get(&format!("/api/ui/events/{}", one_with("=", lost))).expect(500);
    assert!(answer.text().contains(&format!("its dictionary {lost} is missing")), "{}", answer.text());
    server.get_json(&format!("/api/ui/events/{}", one_with("<>", lost)));
    assert!(!server.issues().is_empty());
}

/// Sends errors until one is kept with a dictionary, and says with which.
pub fn send_until_in_use(server: &Trapline) -> i64 {
    let database = Connection::open(server.database()).unwrap();
    let sql = "SELECT body_codec FROM event WHERE body_codec >= 16 LIMIT 1";
    wait_for("an issue's dictionary in use", || {
        let found = database.query_row(sql, [], |row| row.get(0)).ok();
        if found.is_none() {
            send(server, &envelopes_more(server));
        }
        found
    })
}

/// Some of the same bugs with ids of their own, however often it is asked for.
fn envelopes_more(server: &Trapline) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let known = server.outcome("event", "accepted") as usize;
    ErrorMaker::new(&fixtures, 11, 50).envelopes(known + 20, now_ms - 60_000, |_| {}).split_off(known)
}
