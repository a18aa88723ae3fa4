//! Dropping against a database of rows with made-up times: what goes, what stays, and what is counted of it.

use rusqlite::Connection;

use super::super::awaited::Awaited;
use super::super::migrate::migrate;
use super::*;
use crate::config::MAX_SIZE_MIN;
use crate::model::time::DAY_MS;

const DAY: i64 = 20_000;

fn open() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").unwrap();
    migrate(&mut connection, Path::new("x.db")).unwrap();
    connection
        .execute_batch(
            "INSERT INTO project VALUES (1, 'default', 'Default', 'python', 1, 1);
             INSERT INTO issue (id, project_id, short_no, kind, title, culprit, ty, value, filename, function, line, level,
                 platform, status, is_unhandled, first_seen_ms, last_seen_ms, event_count, user_count, first_release,
                 last_release)
             VALUES (5, 1, 1, 'error', 'KeyError: x', 'shop', NULL, NULL, NULL, NULL, NULL,
                 'error', 'python', 'unresolved', 1, 10, 20, 3, 2, NULL, NULL);
             INSERT INTO issue_hash (project_id, hash, issue_id) VALUES (1, x'0b', 5);
             INSERT INTO issue_hour VALUES (5, 1, 1), (5, 2, 2);
             INSERT INTO issue_users VALUES (5, x'0c');",
        )
        .unwrap();
    connection
}

fn ms(day: i64) -> i64 {
    day * DAY_MS + 1_000
}

fn event(connection: &Connection, id: i64, received_ms: i64) {
    connection
        .execute(
            "INSERT INTO event VALUES (:id, 1, randomblob(16), 5, 1, :received_ms, 'error', 'error', 'python', 't', 'c',
                 NULL, NULL, NULL, NULL, 1, 100, 1, zeroblob(1000))",
            named_params! { ":id": id, ":received_ms": received_ms },
        )
        .unwrap();
}

fn blob(connection: &Connection, id: i64, kind: &str, received_ms: i64, chunks: i64) {
    let row = named_params! { ":id": id, ":kind": kind, ":received_ms": received_ms, ":chunks": chunks };
    connection
        .execute(
            "INSERT INTO blob SELECT :id, 1, randomblob(20), :received_ms, 5000, :chunks, 0, :kind, 5000 WHERE :chunks",
            row,
        )
        .unwrap();
    for seq in 0..chunks {
        connection
            .execute(
                "INSERT INTO blob_chunk VALUES (:id, :seq, 0, zeroblob(5000))",
                named_params! { ":id": id, ":seq": seq },
            )
            .unwrap();
    }
    connection.execute("UPDATE blob SET is_whole = 1 WHERE id = :id", named_params! { ":id": id }).unwrap();
}

fn spans(connection: &Connection, id: i64, received_ms: i64, count: i64) {
    connection
        .execute(
            "INSERT INTO span_batch VALUES (:id, :received_ms, :spans, 1, 100, 1, zeroblob(100))",
            named_params! { ":id": id, ":received_ms": received_ms, ":spans": count },
        )
        .unwrap();
}

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {sql}"), [], |row| row.get(0)).unwrap()
}

fn stored(connection: &Connection, kind: StoredKind) -> (u64, u64) {
    let counted = space::read_counted(connection).unwrap().get(&kind).copied().unwrap_or_default();
    (counted.rows, counted.bytes)
}

fn drop_of(connection: &mut Connection, kind: StoredKind, before_ms: i64, rows: usize) -> usize {
    let tx = connection.transaction().unwrap();
    let dropped = drops::drop_oldest(&tx, kind, Cut { before_ms, rows }).unwrap();
    tx.commit().unwrap();
    dropped
}

#[test]
fn old_events_go_and_their_issue_stays_with_its_numbers() {
    let mut connection = open();
    for day in 0..10 {
        event(&connection, day + 1, ms(DAY + day));
    }
    assert_eq!(stored(&connection, StoredKind::Errors), (10, 12_500));
    assert_eq!(drop_of(&mut connection, StoredKind::Errors, ms(DAY + 4), 3), 3, "no more than a slice");
    assert_eq!(drop_of(&mut connection, StoredKind::Errors, ms(DAY + 4), 3), 1);
    assert_eq!(drop_of(&mut connection, StoredKind::Errors, ms(DAY + 4), 3), 0);
    assert_eq!(count(&connection, "event WHERE id > 4"), 6);
    assert_eq!(stored(&connection, StoredKind::Errors), (6, 7_500));
    for table in ["issue WHERE event_count = 3 AND user_count = 2", "issue_hash", "issue_users"] {
        assert_eq!(count(&connection, table), 1, "{table}");
    }
    assert_eq!(count(&connection, "issue_hour"), 2);
    // For want of room, whatever is oldest.
    assert_eq!(drop_of(&mut connection, StoredKind::Errors, i64::MAX, 4), 4);
    assert_eq!(count(&connection, "event WHERE id > 8"), 2);
}

#[test]
fn events_of_a_time_when_the_clock_was_wrong_go_with_those_behind_them() {
    let mut connection = open();
    let now = now_of_the_machine();
    for id in 1..=5 {
        event(&connection, id, now + 3_650 * DAY_MS);
    }
    event(&connection, 6, now - 20 * DAY_MS);
    event(&connection, 7, now);
    let before = now - 10 * DAY_MS;
    let mut dropped = 0;
    for _ in 0..5 {
        dropped += drop_of(&mut connection, StoredKind::Errors, before, 2);
    }
    assert_eq!((dropped, count(&connection, "event WHERE id = 7")), (6, 1));
}

fn now_of_the_machine() -> i64 {
    super::super::writer::now_ms()
}

/// Whatever is in them, sealed or not: the oldest first, and counted.
#[test]
fn chunks_of_spans_and_logs_go_before_what_waits_to_be_sealed() {
    let mut connection = open();
    for (chunk, day) in [(1, DAY), (2, DAY + 1)] {
        let row = named_params! { ":id": chunk, ":last": chunk * 10, ":at": ms(day), ":ns": ms(day) * 1_000_000 };
        for sql in [
            "INSERT INTO span_chunk (id, first_batch_id, last_batch_id, format, received_ms, min_ns, max_ns, last_trace_ns,
                 span_count, trace_count, bytes, services)
             VALUES (:id, :last - 9, :last, 1, :at, :ns, :ns, :ns, 40, 4, 1000, '')",
            "INSERT INTO log_chunk (id, first_batch_id, last_batch_id, min_ns, max_ns, received_ms, record_count, bytes,
                 levels) VALUES (:id, :last - 9, :last, :ns, :ns, :at, 60, 2000, 1)",
            "INSERT INTO log_minute SELECT :ns / 60000000000, 1, '', '', 1, 60 WHERE :id + :last + :at",
        ] {
            connection.execute(sql, row).unwrap();
        }
    }
    spans(&connection, 30, ms(DAY + 2), 5);
    assert_eq!(stored(&connection, StoredKind::Spans), (85, 2 * (1_000 + 320 + 200) + 150));
    assert_eq!(stored(&connection, StoredKind::Logs), (120, 2 * 2_200));
    for kind in [StoredKind::Spans, StoredKind::Logs] {
        while drop_of(&mut connection, kind, ms(DAY) + 1, 100) > 0 {}
    }
    assert_eq!((count(&connection, "span_chunk WHERE id = 2"), count(&connection, "span_chunk")), (1, 1));
    assert_eq!((count(&connection, "log_chunk"), count(&connection, "log_minute")), (1, 1));
    assert_eq!((stored(&connection, StoredKind::Spans).0, stored(&connection, StoredKind::Logs).0), (45, 60));
    assert_eq!(drop_of(&mut connection, StoredKind::Spans, i64::MAX, 1), 1);
    assert_eq!((count(&connection, "span_chunk"), count(&connection, "span_batch")), (0, 1));
    assert_eq!(drop_of(&mut connection, StoredKind::Spans, ms(DAY + 9), 10), 1);
    assert_eq!(stored(&connection, StoredKind::Spans), (0, 0));
}

#[test]
fn a_file_goes_when_nothing_names_it_any_more_and_piece_by_piece() {
    let mut connection = open();
    blob(&connection, 1, "attachments", ms(DAY), 3);
    blob(&connection, 2, "attachments", ms(DAY), 1);
    let attachment = |id: i64, blob_id: i64, day: i64| {
        connection
            .execute(
                "INSERT INTO attachment VALUES (:id, 1, randomblob(16), 'a', NULL, 'k', 5000, x'01', NULL, :blob_id, :at)",
                named_params! { ":id": id, ":blob_id": blob_id, ":at": ms(day) },
            )
            .unwrap();
    };
    attachment(1, 1, DAY);
    attachment(2, 2, DAY);
    // The second file is named again by one that came later.
    attachment(3, 2, DAY + 9);
    assert_eq!(stored(&connection, StoredKind::Attachments), (2, 2 * 5_150));
    assert_eq!(drop_of(&mut connection, StoredKind::Attachments, ms(DAY + 1), 10), 2);
    assert_eq!(count(&connection, "blob WHERE is_whole = 1"), 1);
    assert_eq!(stored(&connection, StoredKind::Attachments), (1, 5_150));
    let mut slices = 0;
    while drops::has_loose_blob(&connection, 0, &Awaited::default()).unwrap() {
        let tx = connection.transaction().unwrap();
        drops::drop_loose_chunks(&tx, 0, 2, &Awaited::default()).unwrap();
        tx.commit().unwrap();
        slices += 1;
    }
    assert_eq!((slices, count(&connection, "blob"), count(&connection, "blob_chunk")), (2, 1, 1));
}

#[test]
fn a_file_given_up_by_its_sender_goes_after_a_day() {
    let connection = open();
    connection
        .execute("INSERT INTO blob VALUES (1, 1, x'01', :at, 0, 0, 0, NULL, 0)", named_params! { ":at": ms(DAY) })
        .unwrap();
    let has_loose = |now_ms| -> bool { drops::has_loose_blob(&connection, now_ms, &Awaited::default()).unwrap() };
    assert!(!has_loose(ms(DAY) + DAY_MS));
    assert!(has_loose(ms(DAY) + DAY_MS + 1));
}

/// The clock was set back by more than a day between two of its chunks, or it was given up while it came again.
#[test]
fn a_file_on_its_way_stays_however_old_it_looks() {
    let mut connection = open();
    for (id, key) in [(1, [1_u8; 20]), (2, [2; 20]), (3, [3; 20])] {
        connection
            .execute(
                "INSERT INTO blob VALUES (:id, 1, :key, :at, 0, 0, 0, NULL, 0)",
                named_params! { ":id": id, ":key": key, ":at": ms(id) },
            )
            .unwrap();
    }
    let awaited = Awaited::default();
    let awaiting = awaited.until_dropped([[1; 20], [3; 20]]);
    let drop_all = |connection: &mut Connection| {
        while drops::has_loose_blob(connection, ms(DAY), &awaited).unwrap() {
            let tx = connection.transaction().unwrap();
            assert!(drops::drop_loose_chunks(&tx, ms(DAY), 2, &awaited).unwrap() > 0);
            tx.commit().unwrap();
        }
        count(connection, "blob")
    };
    assert_eq!(drop_all(&mut connection), 2);
    drop(awaiting);
    assert_eq!(drop_all(&mut connection), 0);
}

#[test]
fn a_replay_goes_whole_with_what_it_names() {
    let mut connection = open();
    for (replay, day) in [(1, DAY), (2, DAY + 9)] {
        for part in 0..3 {
            let id = replay * 10 + part;
            blob(&connection, id, "replays", ms(day), 1);
            connection
                .execute(
                    "INSERT INTO replay_part VALUES (:id, 1, :replay, :part, 'recording', 5000, :id, :at)",
                    named_params! { ":id": id, ":replay": [replay as u8; 16], ":part": part, ":at": ms(day) },
                )
                .unwrap();
        }
        let row = named_params! { ":id": replay, ":replay": [replay as u8; 16], ":at": ms(day) };
        connection
            .execute("INSERT INTO replay VALUES (:id, 1, :replay, 1, 2, NULL, NULL, NULL, NULL, 3, 1, 15000, :at)", row)
            .unwrap();
        connection.execute("INSERT INTO replay_link VALUES (randomblob(:id), :replay, 1, :at)", row).unwrap();
    }
    while drop_of(&mut connection, StoredKind::Replays, ms(DAY + 1), 2) > 0 {}
    assert_eq!(count(&connection, "replay WHERE id = 2"), 1);
    assert_eq!((count(&connection, "replay"), count(&connection, "replay_part")), (1, 3));
    assert_eq!((count(&connection, "replay_link"), stored(&connection, StoredKind::Replays).0), (1, 3));
    assert!(drops::has_loose_blob(&connection, 0, &Awaited::default()).unwrap());
}

#[test]
fn logs_and_metrics_go_with_their_counts_and_names() {
    let mut connection = open();
    for (id, day) in [(1, DAY), (2, DAY + 9)] {
        let row = named_params! { ":id": id, ":at": ms(day), ":ns": ms(day) * 1_000_000, ":minute": ms(day) / 60_000 };
        for sql in [
            "INSERT INTO log_batch SELECT :id, 1, :id, :at, :ns, :ns, 7, 1, '', '', 1, zeroblob(100) WHERE :minute",
            "INSERT INTO log_batch_trace SELECT :id, x'00' WHERE :at + :ns + :minute",
            "INSERT INTO log_minute SELECT :minute, 1, '', '', 1, 7 WHERE :id + :at + :ns",
            "INSERT INTO metric SELECT :id, 1, 'm' || :id, 0, '', 1, :ns, '' WHERE :minute + :at",
            "INSERT INTO metric_batch SELECT :id, 1, :id, :at, 3, 1, zeroblob(100) WHERE :minute + :ns",
            "INSERT INTO metric_part SELECT :id, :id, 1, 2 WHERE :minute + :ns + :at",
            "INSERT INTO metric_minute SELECT :id, :minute, 3, 1, 1, 1, 1, 1, zeroblob(7) WHERE :at + :ns",
        ] {
            connection.execute(sql, row).unwrap();
        }
    }
    assert_eq!(stored(&connection, StoredKind::Metrics), (6, 2 * (150 + 87)));
    for kind in [StoredKind::Logs, StoredKind::Metrics] {
        while drop_of(&mut connection, kind, ms(DAY + 1), 100) > 0 {}
    }
    for table in
        ["log_batch", "log_batch_trace", "log_minute", "metric", "metric_batch", "metric_part", "metric_minute"]
    {
        assert_eq!(count(&connection, table), 1, "{table}");
    }
    assert_eq!(stored(&connection, StoredKind::Logs).0, 7);
    assert_eq!(stored(&connection, StoredKind::Metrics), (3, 237));
}

#[test]
fn the_last_check_in_of_each_environment_stays() {
    let mut connection = open();
    connection
        .execute_batch(
            "INSERT INTO monitor VALUES (1, 1, 'm', 'm', NULL, NULL, NULL, 1, 1, 1, 1, NULL, 1);
             INSERT INTO monitor_environment (id, monitor_id, name, created_ms) VALUES (1, 1, 'live', 1), (2, 1, 'x', 1);",
        )
        .unwrap();
    for (id, environment, day) in [(1, 1, DAY), (2, 2, DAY), (3, 1, DAY + 1), (4, 1, DAY + 9)] {
        connection
            .execute(
                "INSERT INTO check_in (id, project_id, check_in_id, environment_id, status, started_ms, received_ms)
                 VALUES (:id, 1, randomblob(16), :environment, 'ok', 1, :at)",
                named_params! { ":id": id, ":environment": environment, ":at": ms(day) },
            )
            .unwrap();
    }
    assert_eq!(drop_of(&mut connection, StoredKind::CheckIns, ms(DAY + 5), 10), 2);
    assert_eq!(count(&connection, "check_in WHERE id IN (2, 4)"), 2);
    assert_eq!(drop_of(&mut connection, StoredKind::CheckIns, i64::MAX, 10), 0);
}

#[test]
fn totals_stay_when_their_hours_go() {
    let mut connection = open();
    connection
        .execute_batch(
            "INSERT INTO outcome VALUES (1, 0, 'event', 'accepted', 100), (1, 10, 'event', 'accepted', 7),
                 (1, 11, 'event', 'accepted', 8), (1, 11, 'span', 'invalid', 3), (1, 480000, 'event', 'accepted', 9);
             INSERT INTO client_discard VALUES (1, 10, 'discarded', 'x', 'error', 4), (1, 480000, 'discarded', 'x', 'error', 5);
             INSERT INTO outcome_detail VALUES (1, 'filtered', 'crawlers', 10, 'event', 4);
             INSERT INTO key_use VALUES (1, 10, x'0a', 'error', 4), (1, 20000, x'0a', 'error', 4);
             INSERT INTO release_hour VALUES (1, 'v', '', 10, 1, 1, 1, 1, 1, 1, 1, 1, 1), (1, 'v', '', 480000, 1, 1, 1, 1, 1, 1, 1, 1, 1);
             INSERT INTO release_users VALUES (1, 'v', '', 10, x'', x'');
             INSERT INTO issue_hour VALUES (5, 480000, 1);",
        )
        .unwrap();
    for kind in [StoredKind::Counts, StoredKind::Sessions] {
        while drop_of(&mut connection, kind, ms(DAY) - DAY_MS, 1) > 0 {}
    }
    let quantity = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(quantity("SELECT sum(quantity) FROM outcome WHERE category = 'event'"), 124);
    assert_eq!(quantity("SELECT quantity FROM outcome WHERE hour = 0 AND category = 'event'"), 115);
    assert_eq!(quantity("SELECT sum(quantity) FROM client_discard"), 9);
    let left = ["outcome", "client_discard", "outcome_detail", "key_use", "release_hour", "release_users"]
        .map(|table| count(&connection, table));
    assert_eq!(left, [3, 2, 0, 1, 1, 0]);
    let tx = connection.transaction().unwrap();
    let next = drops::drop_issue_hours(&tx, i64::MIN, ms(DAY) - DAY_MS, 10).unwrap();
    assert_eq!(next, Some(5));
    assert_eq!(drops::drop_issue_hours(&tx, 5, ms(DAY), 10).unwrap(), None);
    tx.commit().unwrap();
    assert_eq!(count(&connection, "issue_hour"), 1);
}

#[test]
fn the_report_tells_what_is_there_and_what_went() {
    let mut connection = open();
    for day in 0..10 {
        event(&connection, day + 1, ms(DAY + day));
    }
    let tx = connection.transaction().unwrap();
    count_dropped(&tx, StoredKind::Errors, DropCause::Size, DAY + 9, 4, 400).unwrap();
    count_dropped(&tx, StoredKind::Errors, DropCause::Size, DAY + 9, 1, 100).unwrap();
    count_dropped(&tx, StoredKind::Errors, DropCause::Age, DAY - 40, 1, 100).unwrap();
    tx.commit().unwrap();
    let settings =
        super::super::StoreSettings { max_size_default: Some(MAX_SIZE_MIN), ..super::super::StoreSettings::default() };
    let report = read_report(&connection, Path::new("/tmp/x.db"), &settings, ms(DAY + 9)).unwrap();
    let errors = report.kinds.iter().find(|kind| kind.kind == StoredKind::Errors).unwrap();
    assert_eq!((errors.rows, errors.oldest_ms), (Some(10), Some(DAY * DAY_MS)));
    assert_eq!(errors.next_drop, Some(((DAY + 90) * DAY_MS, DropCause::Age)));
    assert!(errors.bytes > 10_000 && errors.bytes_per_day > 1_000, "{errors:?}");
    let sum: u64 = report.kinds.iter().map(|kind| kind.bytes).sum();
    assert_eq!(sum, report.used_bytes);
    assert_eq!(report.dropped.iter().map(|day| (day.rows, day.bytes)).collect::<Vec<_>>(), [(5, 500)]);
    assert!(report.can_shrink);
}

/// The same rows counted from scratch, as a migration does, are what the triggers counted.
#[test]
fn an_old_database_is_counted_once_as_if_it_had_been_from_the_start() {
    let connection = open();
    event(&connection, 1, ms(DAY));
    event(&connection, 2, ms(DAY + 1));
    spans(&connection, 1, ms(DAY), 2);
    blob(&connection, 1, "attachments", ms(DAY), 2);
    let days = |connection: &Connection| -> Vec<(String, i64, i64, i64)> {
        let mut statement = connection.prepare("SELECT * FROM stored_day").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let counted = days(&connection);
    assert_eq!(counted.len(), 4);
    connection.execute_batch("DELETE FROM stored_day; UPDATE blob SET stored_bytes = 5000").unwrap();
    let sql = include_str!("../migrations/0012_retention.sql");
    let from = sql.find("INSERT INTO stored_day").unwrap();
    let to = sql.find("CREATE TRIGGER").unwrap();
    connection.execute_batch(&sql[from..to]).unwrap();
    assert_eq!(days(&connection), counted);
}
