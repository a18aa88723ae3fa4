//! What is compressed once more comes back as it was, once, and for as long as its dictionary is needed.

use std::path::Path;

use super::*;
use crate::model::event::{EventKind, Level};
use crate::model::facts::Facts;
use crate::model::ids::{EventId, SERVER_IDS_PER_MS, TraceId};
use crate::model::issue::IssueTitle;
use crate::model::sighting::Sighting;
use crate::store::body::compress;
use crate::store::dictionaries::tend;
use crate::store::safety::check;
use crate::store::writer::now_ms;
use crate::store::{EventQuery, EventWrite, Store, StoreOptions, StoreSettings, Write, database_path, migrate};

const PROJECT: ProjectId = ProjectId(1);

fn open(dir: &Path) -> (Store, Keeper) {
    let options = StoreOptions {
        settings: StoreSettings::default(),
        authority: "127.0.0.1:4318".to_string(),
        read_facts: |_| crate::model::facts::Facts::default(),
        on_change: Box::new(|_| {}),
        on_death: Box::new(|why| panic!("{why}")),
    };
    let store = Store::open(dir, options).unwrap();
    store.keeper.close_now();
    let keeper = Keeper::of(&store, StoreSettings::default()).unwrap();
    (store, keeper)
}

/// Events of one bug differ in a few numbers; two bugs have only words in common. About 6 kB.
fn body(bug: u64, number: u64) -> Vec<u8> {
    let frames: Vec<String> = (0..45)
        .map(|line| {
            let place = (bug * 7919 + line * 104_729) % 99_991;
            let left = (number * 31 + line) % 1000;
            format!(r#"{{"function":"step_{place}","lineno":{place},"vars":{{"order":"{number}","left":"{left}"}}}}"#)
        })
        .collect();
    format!(r#"{{"event_id":"{number:032x}","frames":[{}]}}"#, frames.join(",")).into_bytes()
}

/// As an import leaves them, or the first of a bug; or as they come in.
async fn send(store: &Store, bug: u64, number: u64, is_plain: bool) {
    let hash = u128::from(bug + 1).to_be_bytes();
    let body = body(bug, number);
    let event = EventWrite {
        project_id: PROJECT,
        event_id: EventId(u128::from(number).to_be_bytes()),
        received_ms: now_ms(),
        timestamp_ms: 1,
        kind: EventKind::Error,
        level: Level::Error,
        platform: "python".to_string(),
        title: IssueTitle::default(),
        is_unhandled: false,
        release: None,
        environment: None,
        user_hash: None,
        trace_id: Some(TraceId(u128::from(number + 1).to_be_bytes())),
        span_id: None,
        sighting: Some(Sighting::default()),
        report: None,
        facts: Facts::default(),
        grouping_version: 1,
        hashes: vec![hash],
        body: if is_plain { compress(&body) } else { store.bodies().compress_event(PROJECT, Some(hash), &body) },
    };
    store.append(vec![Write::Event(Box::new(event))]).await.unwrap();
}

/// The last of `events`, given by bug and number, come back, and as what they are kept.
async fn assert_come_back(store: &Store, events: &[(u64, u64)]) {
    for (bug, number) in events {
        let query = EventQuery::ById(EventId(u128::from(*number).to_be_bytes()));
        assert!(store.event(query).await.unwrap().unwrap().body == body(*bug, *number), "event {number}");
    }
}

/// Time passes.
fn age(connection: &Connection) {
    let by = 2 * REPACK_AFTER_MS * SERVER_IDS_PER_MS;
    connection.execute("UPDATE event SET id = id - ?1", [by]).unwrap();
    connection.execute("UPDATE trace_error SET event_row = event_row - ?1", [by]).unwrap();
    connection.execute("UPDATE dictionary SET retired_id = retired_id - ?1", [by]).unwrap();
    connection
        .execute("UPDATE setting SET value = CAST(value AS INTEGER) - ?1 WHERE key = 'repacked_to'", [by])
        .unwrap();
}

/// A fresh keeper's work on what is there, until there is no more.
fn repack_all(store: &Store) {
    let mut keeper = Keeper::of(store, StoreSettings::default()).unwrap();
    loop {
        keeper.repacking.rests_until = None;
        if repack(&mut keeper).unwrap() == Progress::Idle {
            return;
        }
    }
}

fn codecs(connection: &Connection) -> Vec<(i64, i64)> {
    let mut statement = connection.prepare("SELECT body_codec, length(body) FROM event ORDER BY event_id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

async fn close_sound(store: Store, dir: &Path) {
    store.close().await;
    let connection = Connection::open(database_path(dir)).unwrap();
    let sql = "SELECT count(*) FROM event WHERE id NOT IN (SELECT event_row FROM trace_error)";
    let forgotten: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(forgotten, 0, "they are still known in their traces");
    drop(connection);
    let report = check(&database_path(dir), true, &mut |_| {}).unwrap();
    let odd: Vec<String> =
        report.findings.iter().filter(|it| it.trouble_count > 0).map(|it| format!("{it:?}")).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[tokio::test]
async fn events_of_a_bug_share_one_of_them_and_are_done_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let connection = Connection::open(store.path()).unwrap();
    // One of the first bug, two of the second, five of the third, in no order.
    let events = [(3, 0), (1, 1), (3, 2), (2, 3), (3, 4), (3, 5), (2, 6), (3, 7)];
    for (bug, number) in events {
        send(&store, bug, number, true).await;
    }
    let before = codecs(&connection);
    repack_all(&store);
    assert_eq!(codecs(&connection), before, "they have just come");
    age(&connection);
    repack_all(&store);
    let after = codecs(&connection);
    assert_eq!(after[1], before[1], "the only one of its bug, and no dictionary of the project");
    let of = |numbers: &[usize]| numbers.iter().map(|number| after[*number].0).collect::<HashSet<i64>>();
    let (second, third) = (of(&[3, 6]), of(&[0, 2, 4, 5, 7]));
    assert!(second.len() == 1 && third.len() == 1 && second != third && after[0].0 >= DICTIONARY_ID_MIN);
    assert!(after[7].1 < 60, "it is the dictionary: {after:?}");
    assert!(
        after.iter().zip(&before).enumerate().all(|(no, (new, old))| no == 1 || new.1 * 3 < old.1 * 2),
        "{after:?}"
    );
    assert_come_back(&store, &events).await;
    // Again, and from the beginning: nothing changes.
    repack_all(&store);
    forget_reached(&connection).unwrap();
    repack_all(&store);
    assert_eq!(codecs(&connection), after);
    let made: i64 = connection.query_row("SELECT count(*) FROM dictionary", [], |row| row.get(0)).unwrap();
    assert_eq!(made, 2);
    close_sound(store, dir.path()).await;
}

#[tokio::test]
async fn later_events_join_the_dictionary_and_keep_it_until_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let connection = Connection::open(store.path()).unwrap();
    let number = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    send(&store, 1, 0, true).await;
    age(&connection);
    repack_all(&store);
    assert_eq!(codecs(&connection)[0].0, 1);
    send(&store, 1, 1, true).await;
    age(&connection);
    repack_all(&store);
    let id = codecs(&connection)[1].0;
    assert_eq!(codecs(&connection)[0].0, id, "the first is not forgotten");
    send(&store, 1, 2, true).await;
    assert!(number("SELECT retired_id FROM dictionary") < number("SELECT max(id) FROM event"));
    age(&connection);
    repack_all(&store);
    assert_eq!(codecs(&connection)[2].0, id);
    assert_eq!(number("SELECT retired_id FROM dictionary"), number("SELECT max(id) FROM event"));
    // A month later: another two make another.
    connection.execute("UPDATE dictionary SET created_ms = created_ms - 31 * 86400000", []).unwrap();
    send(&store, 1, 3, true).await;
    send(&store, 1, 4, true).await;
    age(&connection);
    repack_all(&store);
    let codecs_now = codecs(&connection);
    assert!(codecs_now[3].0 > id && codecs_now[4].0 == codecs_now[3].0 && codecs_now[2].0 == id, "{codecs_now:?}");
    assert_come_back(&store, &[(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]).await;
    close_sound(store, dir.path()).await;
}

#[tokio::test]
async fn what_comes_in_takes_up_what_was_made_and_what_came_before_is_done_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut keeper) = open(dir.path());
    let connection = Connection::open(store.path()).unwrap();
    for number in 0..2 {
        send(&store, 1, number, true).await;
    }
    age(&connection);
    repack_all(&store);
    let made = codecs(&connection)[0].0;
    for number in 2..8 {
        send(&store, 1, number, false).await;
    }
    tend(&mut keeper).unwrap();
    send(&store, 1, 8, false).await;
    let now = codecs(&connection);
    assert_eq!((now[7].0, now[8].0), (1, made));
    let (dictionaries, in_use): (i64, i64) = connection
        .query_row("SELECT count(*), sum(retired_id IS NULL) FROM dictionary", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!((dictionaries, in_use), (1, 1));
    age(&connection);
    repack_all(&store);
    assert!(codecs(&connection).iter().all(|(codec, _)| *codec == made));
    // A bug that got its own as it came in: the six from before follow.
    for number in 9..16 {
        send(&store, 2, number, false).await;
        tend(&mut keeper).unwrap();
    }
    assert_eq!(codecs(&connection)[14].0, 1);
    age(&connection);
    repack_all(&store);
    let now = codecs(&connection);
    assert!(now[9..].iter().all(|(codec, _)| *codec == now[15].0 && *codec > made), "{now:?}");
    let all: Vec<(u64, u64)> = (0..16).map(|number| (if number < 9 { 1 } else { 2 }, number)).collect();
    assert_come_back(&store, &all).await;
    close_sound(store, dir.path()).await;
}

#[test]
fn a_row_that_is_not_what_was_read_stays_as_it_is() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
    connection
        .execute(
            "INSERT INTO event VALUES (5, 1, x'0d', 7, 10, 20, 'error', 'fatal', 'python', 't', 'c', 'r', 'e', x'01', x'02',
                 3, 900, 1, x'28b52ffd')",
            [],
        )
        .unwrap();
    connection
        .execute(
            "INSERT INTO dictionary (id, content_hash, created_ms, content_bytes, content, retired_id)
             VALUES (20, x'01', 0, 1, x'00', 4)",
            [],
        )
        .unwrap();
    let tx = connection.transaction().unwrap();
    let row = || -> Vec<Value> {
        let sql = "SELECT * FROM event";
        let mut statement = tx.prepare(sql).unwrap();
        let count = statement.column_count();
        statement.query_row([], |row| (0..count).map(|column| row.get(column)).collect()).unwrap()
    };
    let before = row();
    let new = |id, codec_before, bytes_before| Replacement {
        id,
        codec_before,
        bytes_before,
        with: With::Known(20),
        body: vec![1, 2],
    };
    for (replacement, codec) in [(new(6, 1, 4), 20), (new(5, 16, 4), 20), (new(5, 1, 5), 20), (new(5, 1, 4), 21)] {
        replace(&tx, &replacement, codec).unwrap();
        assert_eq!(row(), before, "{replacement:?} {codec}");
    }
    replace(&tx, &new(5, 1, 4), 20).unwrap();
    let mut expected = before.clone();
    // Every column but the last two is carried over: one that is added must be added there.
    let count = expected.len();
    expected[count - 2] = Value::Integer(20);
    expected[count - 1] = Value::Blob(vec![1, 2]);
    assert_eq!(row(), expected);
    let kept: (i64, i64) =
        tx.query_row("SELECT row_count, bytes FROM stored_day", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(kept, (1, 252));
    let retired: i64 = tx.query_row("SELECT retired_id FROM dictionary", [], |row| row.get(0)).unwrap();
    assert_eq!(retired, 5);
}
