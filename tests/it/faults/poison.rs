//! A row that the database refuses takes nothing along: not the requests it shares a commit with, and not the other items
//! of its own.

use rusqlite::Connection as Database;
use serde_json::json;

use super::ledger::Ledger;
use super::{Budget, Tally};
use crate::harness::Trapline;
use crate::payload::{envelope, event, id, to_envelope};

const POISONED: u64 = 20;

/// No row of ours is refused by itself, so triggers refuse some: a derived row of an event, and a session.
const REFUSE: &str = "
    CREATE TRIGGER no_issue BEFORE INSERT ON issue WHEN new.ty = 'PoisonError'
        BEGIN SELECT RAISE(ABORT, 'poisoned issue'); END;
    CREATE TRIGGER no_session BEFORE INSERT ON session WHEN new.version = 'poison@1'
        BEGIN SELECT RAISE(ABORT, 'poisoned session'); END;";

pub fn run(_: &Budget) -> Tally {
    let mut tally = Tally::of("rows refused");
    let mut server = Trapline::start();
    Database::open(server.database()).unwrap().execute_batch(REFUSE).unwrap();
    let ledger = Ledger::default();
    ledger.send_during(&server, 8, || {
        for number in 0..POISONED {
            let answer = to_envelope(&server, poisoned(number)).send();
            assert_eq!(answer.status, 500, "{}", answer.text());
            assert!(answer.text().contains("the rest is on disk"), "{}", answer.text());
        }
    });
    // Everybody else's requests shared its commits.
    assert_eq!(ledger.statuses().keys().copied().collect::<Vec<_>>(), [200]);
    assert_eq!(server.outcome("event", "not_stored"), POISONED);
    assert_eq!(server.outcome("session", "not_stored"), POISONED);
    for number in 0..POISONED {
        let trace = server.get_json(&format!("/api/ui/traces/{}", poisoned_id(number)));
        assert_eq!(trace["log_count"], 1, "the log beside a poisoned event: {trace}");
    }
    let ingest = server.get_json("/api/ui/ingest");
    let row = ingest["rows"].as_array().unwrap().iter().find(|row| row["status"] == 500);
    let row = row.expect("a row of the ledger").to_string();
    assert!(row.contains("1 event, 1 session failed"), "the ledger does not say what was lost: {row}");

    // All of a request is nothing of it.
    let alone = to_envelope(&server, crate::payload::event_envelope(&event(1 << 50, "PoisonError"))).send();
    assert_eq!(alone.status, 500);
    tally.tried = 2 * POISONED + 1;
    let found = ledger.compare_screens(&server, 100);
    tally.add(&found);
    assert!(server.terminate().success(), "{}", server.log());
    tally
}

fn poisoned_id(number: u64) -> String {
    id(number + (1 << 45))
}

/// An event and a session that are refused, between two items that are not.
fn poisoned(number: u64) -> Vec<u8> {
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let mut failed = event(number + (1 << 45), "PoisonError");
    failed["contexts"] = json!({ "trace": { "trace_id": poisoned_id(number), "span_id": "00000000000000ab" } });
    let span = json!({
        "trace_id": poisoned_id(number), "span_id": "00000000000000aa", "name": "s", "status": "ok", "is_segment": true,
        "start_timestamp": now_s - 1.0, "end_timestamp": now_s, "attributes": {},
    });
    let log = json!({ "timestamp": now_s, "trace_id": poisoned_id(number), "level": "info", "body": "beside it" });
    let session = json!({
        "sid": poisoned_id(number), "seq": 0, "init": true, "status": "exited", "started": now_s, "timestamp": now_s,
        "attrs": { "release": "poison@1", "environment": "production" },
    });
    let items = |ty: &str, item: serde_json::Value| {
        let payload = json!({ "version": 2, "items": [item] }).to_string();
        format!(
            "{{\"type\":\"{ty}\",\"item_count\":1,\"content_type\":\"application/vnd.sentry.items.{ty}+json\"}}\n{payload}\n"
        )
    };
    let mut bytes = envelope(&[("event", &failed.to_string()), ("session", &session.to_string())]);
    bytes.extend(items("log", log).bytes());
    bytes.extend(items("span", span).bytes());
    bytes
}
