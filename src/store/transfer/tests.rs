//! One set of events over two stores, exported and imported: the store that took all of them.

use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::model::event::{EventKind, Level};
use crate::model::facts::Facts;
use crate::model::ids::EventId;
use crate::model::issue::IssueTitle;
use crate::store::write::{EventWrite, Write};
use crate::store::{Store, StoreOptions, StoreSettings, compress, database_path};

const NOW_MS: i64 = 1_800_000_000_000;

/// No spans, logs or metrics here.
const AGAIN: Again = Again {
    spans: |_, _, _| unreachable!("no span was exported"),
    logs: |_, _, _| unreachable!("no log was exported"),
    metrics: |_, _, _| None,
};

#[derive(Clone, Debug)]
struct Sent {
    number: u8,
    hour: i64,
    late_ms: i64,
    issue: u8,
    environment: Option<&'static str>,
    release: &'static str,
    user: u64,
    /// 1: the one store, 2: the other, 3: both.
    stores: u8,
    is_dropped: bool,
}

impl Sent {
    fn timestamp_ms(&self) -> i64 {
        NOW_MS + self.hour * 3_600_000 + i64::from(self.number)
    }

    fn write(&self) -> Write {
        Write::Event(Box::new(EventWrite {
            project_id: ProjectId(1),
            event_id: EventId([self.number + 1; 16]),
            received_ms: self.timestamp_ms() + self.late_ms,
            timestamp_ms: self.timestamp_ms(),
            kind: EventKind::Error,
            level: Level::Error,
            platform: "python".to_string(),
            title: IssueTitle { title: format!("ValueError: {}", self.number), ..IssueTitle::default() },
            is_unhandled: self.number.is_multiple_of(7),
            release: Some(self.release.to_string()),
            environment: self.environment.map(str::to_string),
            user_hash: Some(self.user),
            trace_id: None,
            span_id: None,
            sighting: None,
            report: None,
            facts: Facts::default(),
            grouping_version: 1,
            hashes: vec![[self.issue; 16]],
            body: compress(b"{}"),
        }))
    }
}

/// In the order of time, each at its own.
fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let one = (
        0..5_i64,
        prop::sample::select(vec![0, 1_800_000, 3_600_000]),
        0..3_u8,
        prop::sample::select(vec![None, Some("live"), Some("test")]),
        prop::sample::select(vec!["1.0", "2.0"]),
        0..6_u64,
        1..4_u8,
        any::<bool>(),
    );
    let one = one.prop_map(|(hour, late_ms, issue, environment, release, user, stores, is_dropped)| Sent {
        number: 0,
        hour,
        late_ms,
        issue,
        environment,
        release,
        user,
        stores,
        is_dropped,
    });
    prop::collection::vec(one, 1..30).prop_map(|mut all| {
        all.sort_by_key(|sent| sent.hour);
        for (sent, number) in all.iter_mut().zip(0..) {
            sent.number = number;
        }
        all
    })
}

fn store<'a>(sent: impl Iterator<Item = &'a Sent>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        settings: StoreSettings::default(),
        authority: "127.0.0.1:4318".to_string(),
        read_facts: |_| crate::model::facts::Facts::default(),
        on_change: Box::new(|_| {}),
        on_death: Box::new(|why| panic!("{why}")),
    };
    let writes: Vec<Write> = sent.map(Sent::write).collect();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(dir.path(), options).unwrap();
        store.append(writes).await.unwrap();
        store.close().await;
    });
    dir
}

/// What comes out of one of them with what is in the other.
fn bring(from: &TempDir, into: &TempDir) {
    let lines = from.path().join("all.ndjson");
    export(&database_path(from.path()), Some(&lines), true, ExportFilter::default(), &mut |_| {}).unwrap();
    let imported = import(Some(&lines), into.path(), StoreSettings::default(), &AGAIN, &mut |_| {}).unwrap();
    assert_eq!(imported.skipped, 0, "{:?}", imported.first_skipped);
}

fn rows(dir: &Path, queries: &[&str]) -> Vec<String> {
    let connection = Connection::open(database_path(dir)).unwrap();
    let read = |sql: &&str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    queries.iter().flat_map(read).collect()
}

const COUNTS: &[&str] = &[
    "SELECT json_array('issue', id, title, level, is_unhandled, first_seen_ms, last_seen_ms, event_count, user_count,
         first_release, last_release) FROM issue ORDER BY id",
    "SELECT json_array('hour', issue_id, hour, event_count) FROM issue_hour ORDER BY 1",
    "SELECT json_array('environment', issue_id, environment, first_seen_ms, last_seen_ms, event_count)
     FROM issue_environment ORDER BY 1",
    "SELECT json_array('users', issue_id, hex(sketch)) FROM issue_users ORDER BY 1",
    "SELECT json_array('hash', issue_id, hex(hash)) FROM issue_hash ORDER BY 1",
    "SELECT json_array('outcome', hour, category, reason, quantity) FROM outcome ORDER BY 1",
    "SELECT json_array('release', version, environment, first_seen_ms, last_seen_ms) FROM release ORDER BY 1",
    "SELECT json_array('release hour', version, environment, hour, event_count) FROM release_hour ORDER BY 1",
];
const EVENTS: &[&str] = &["SELECT json_array('event', hex(event_id), issue_id, timestamp_ms) FROM event ORDER BY 1"];
const ALL: &[&str] = &[
    "SELECT json_array('issue', id, short_no, status) FROM issue ORDER BY id",
    "SELECT json_array('release hour', version, environment, hour, new_issue_count) FROM release_hour ORDER BY 1",
    "SELECT json_array('event', id, hex(event_id), hex(body)) FROM event ORDER BY 1",
    "SELECT json_array('project', id, slug, last_short_no) FROM project ORDER BY 1",
];

/// Both ways, and then again what was exported at first and what is exported now.
fn bring_together(one: &TempDir, other: &TempDir, expected: &[String], queries: &[&str]) -> Result<(), TestCaseError> {
    let first = [one, other].map(|dir| {
        let lines = dir.path().join("first.ndjson");
        export(&database_path(dir.path()), Some(&lines), true, ExportFilter::default(), &mut |_| {}).unwrap();
        lines
    });
    for (from, into) in [(&first[1], one), (&first[0], other)] {
        import(Some(from), into.path(), StoreSettings::default(), &AGAIN, &mut |_| {}).unwrap();
        prop_assert_eq!(&rows(into.path(), queries), expected);
        let before = [COUNTS, ALL].map(|queries| rows(into.path(), queries));
        for lines in [from, &first[0], &first[1], from] {
            import(Some(lines), into.path(), StoreSettings::default(), &AGAIN, &mut |_| {}).unwrap();
            prop_assert_eq!(&[COUNTS, ALL].map(|queries| rows(into.path(), queries)), &before);
        }
    }
    bring(one, other);
    prop_assert_eq!(&rows(other.path(), queries), expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn two_stores_that_split_what_came_are_together_the_one_that_took_all(sent in sent()) {
        let all = store(sent.iter());
        let [one, other] = [1, 2].map(|bit| store(sent.iter().filter(|sent| sent.stores & bit > 0)));
        let queries = [COUNTS, EVENTS].concat();
        bring_together(&one, &other, &rows(all.path(), &queries), &queries)?;
    }

    #[test]
    fn what_was_dropped_since_is_counted_as_if_it_were_here(mut sent in sent()) {
        for sent in &mut sent {
            // Of the same hour counts do not tell who has counted what.
            (sent.stores, sent.late_ms) = (1 + (sent.hour % 2) as u8, 0);
        }
        let all = store(sent.iter());
        let [one, other] = [1, 2].map(|bit| {
            let dir = store(sent.iter().filter(|sent| sent.stores & bit > 0));
            let connection = Connection::open(database_path(dir.path())).unwrap();
            for sent in sent.iter().filter(|sent| sent.is_dropped) {
                connection.execute("DELETE FROM event WHERE event_id = ?1", [&[sent.number + 1; 16][..]]).unwrap();
            }
            dir
        });
        bring_together(&one, &other, &rows(all.path(), COUNTS), COUNTS)?;
    }
}
