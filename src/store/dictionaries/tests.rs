//! Dictionaries over their life: what was written before, during and after comes back, and none goes too early.

use std::path::Path;

use super::*;
use crate::model::event::{EventKind, Level};
use crate::model::facts::Facts;
use crate::model::ids::EventId;
use crate::model::issue::IssueTitle;
use crate::store::{EventQuery, EventWrite, Store, StoreOptions, StoreSettings, Write, migrate};

const PROJECT: ProjectId = ProjectId(1);

/// A store whose upkeep is done by hand: nothing happens between two lines of a test.
fn open(dir: &Path) -> (Store, Keeper) {
    let options = StoreOptions {
        settings: StoreSettings::default(),
        authority: "127.0.0.1:4318".to_string(),
        read_facts: |_| Facts::default(),
        on_change: Box::new(|_| {}),
        on_death: Box::new(|why| panic!("{why}")),
    };
    let store = Store::open(dir, options).unwrap();
    store.keeper.close_now();
    let keeper = Keeper::of(&store, StoreSettings::default()).unwrap();
    (store, keeper)
}

fn tend_all(keeper: &mut Keeper) {
    while tend(keeper).unwrap() == Progress::More {}
}

/// Events of one bug differ in a few numbers; two bugs have a frame in three in common. About 6 kB.
fn body(bug: u64, number: u64) -> Vec<u8> {
    let frames: Vec<String> = (0..45)
        .map(|line| {
            let place = if line % 3 == 0 { line } else { (bug * 7919 + line * 104_729) % 99_991 };
            format!(
                r#"{{"function":"step_{place}","module":"shop.part_{}","lineno":{place},"vars":{{"order_id":"{number}","left":"{}"}}}}"#,
                place % 97,
                (number * 31 + line) % 1000,
            )
        })
        .collect();
    format!(r#"{{"event_id":"{number:032x}","frames":[{}]}}"#, frames.join(",")).into_bytes()
}

/// An event of `bug`; `text` says what it looks like.
fn event(store: &Store, bug: u64, number: u64, text: u64) -> Write {
    let hash = u128::from(bug + 1).to_be_bytes();
    Write::Event(Box::new(EventWrite {
        project_id: PROJECT,
        event_id: EventId(u128::from(number).to_be_bytes()),
        received_ms: 1,
        timestamp_ms: 1,
        kind: EventKind::Error,
        level: Level::Error,
        platform: "python".to_string(),
        title: IssueTitle::default(),
        is_unhandled: false,
        release: None,
        environment: None,
        user_hash: None,
        trace_id: None,
        span_id: None,
        sighting: None,
        report: None,
        facts: Facts::default(),
        grouping_version: 1,
        hashes: vec![hash],
        body: store.bodies().compress_event(PROJECT, Some(hash), &body(text, number)),
    }))
}

/// Everything sent so far: number and looks.
#[derive(Default)]
struct Sent(Vec<(u64, u64)>);

impl Sent {
    async fn send(&mut self, store: &Store, bug: u64, text: u64) {
        let number = self.0.len() as u64;
        store.append(vec![event(store, bug, number, text)]).await.unwrap();
        self.0.push((number, text));
    }

    /// As many, with upkeep after each.
    async fn send_and_tend(&mut self, store: &Store, keeper: &mut Keeper, bug: u64, text: u64, count: u64) {
        for _ in 0..count {
            self.send(store, bug, text).await;
            tend_all(keeper);
        }
    }

    async fn assert_all_come_back(&self, store: &Store) {
        for (number, text) in &self.0 {
            let query = EventQuery::ById(EventId(u128::from(*number).to_be_bytes()));
            let row = store.event(query).await.unwrap().unwrap();
            assert!(row.body == body(*text, *number), "event {number} came back as something else");
        }
    }
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What the newest event is kept with.
const NEWEST: &str = "SELECT body_codec FROM event ORDER BY id DESC LIMIT 1";
const OF_PROJECT: &str = "SELECT dictionary_id FROM dictionary_use WHERE grouping_hash = x''";
/// Of bug number 1.
const OF_BUG: &str =
    "SELECT dictionary_id FROM dictionary_use WHERE grouping_hash = x'00000000000000000000000000000002'";

#[tokio::test]
async fn bodies_of_all_times_come_back_and_a_lost_dictionary_costs_only_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut keeper) = open(dir.path());
    let mut sent = Sent::default();
    for no in 0..200 {
        sent.send(&store, no % 50, no % 50).await;
    }
    let connection = Connection::open(store.path()).unwrap();
    // Trained; rare bugs use it.
    tend_all(&mut keeper);
    let of_project = number(&connection, OF_PROJECT);
    sent.send(&store, 1_000, 1_000).await;
    assert_eq!(number(&connection, NEWEST), of_project);
    // A frequent bug gets its own, and another one when it looks different.
    sent.send_and_tend(&store, &mut keeper, 1, 1, 30).await;
    let first = number(&connection, OF_BUG);
    assert_eq!(number(&connection, NEWEST), first);
    sent.send_and_tend(&store, &mut keeper, 1, 7_777, 40).await;
    let second = number(&connection, OF_BUG);
    assert!(second != first && number(&connection, NEWEST) == second);
    let retired = "SELECT group_concat(id) FROM dictionary WHERE retired_id IS NOT NULL";
    assert_eq!(connection.query_row(retired, [], |row| row.get::<_, String>(0)).unwrap(), first.to_string());
    sent.assert_all_come_back(&store).await;
    store.close().await;
    drop((store, keeper));

    // After a start those on disk are taken up again.
    let (store, mut keeper) = open(dir.path());
    sent.assert_all_come_back(&store).await;
    sent.send_and_tend(&store, &mut keeper, 1, 7_777, 8).await;
    assert_eq!((number(&connection, NEWEST), number(&connection, OF_BUG)), (second, second));
    sent.assert_all_come_back(&store).await;
    store.close().await;
    drop((store, keeper));

    // One is damaged, one is gone: only their events say so, in words. Dictionaries of issues are kept with the project's.
    let count = |sql: &str| number(&connection, &format!("SELECT count(*) FROM event WHERE body_codec {sql}"));
    let needing = format!(
        "= {of_project} OR body_codec IN (SELECT id FROM dictionary
        WHERE content_codec = {of_project} AND id <> {first})"
    );
    let (need_lost, need_damaged) = (count(&format!("= {first}")), count(&needing));
    assert!(need_lost > 0 && need_damaged > count(&format!("= {of_project}")) && count("= 1") >= 200);
    connection.execute("UPDATE dictionary SET content = x'28b52ffd' WHERE id = ?1", [of_project]).unwrap();
    connection.execute("DELETE FROM dictionary WHERE id = ?1", [first]).unwrap();
    let (store, _) = open(dir.path());
    let (mut fine, mut damaged, mut missing) = (0, 0, 0);
    for (number, _) in &sent.0 {
        match store.event(EventQuery::ById(EventId(u128::from(*number).to_be_bytes()))).await {
            Ok(row) => fine += i64::from(row.is_some()),
            Err(StoreError::BadBody(why)) if why == format!("its dictionary {of_project} is damaged") => damaged += 1,
            Err(StoreError::BadBody(why)) if why == format!("its dictionary {first} is missing") => missing += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((damaged, missing), (need_damaged, need_lost));
    assert_eq!(fine + damaged + missing, sent.0.len() as i64);
    store.close().await;
}

#[test]
fn a_dictionary_goes_only_after_every_event_that_may_name_it() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
    let mut ids = ServerIds::after(0);
    let subject = |bug: u8| Subject { project_id: PROJECT, hash: Some([bug; 16]) };
    let tx = connection.transaction().unwrap();
    let first = insert(&tx, &mut ids, &NewDictionary::new(subject(1), &body(1, 1), 0, None), 0).unwrap();
    assert_eq!(first, DICTIONARY_ID_MIN);
    // The same content is kept once, and stays while one of two uses it.
    assert_eq!(insert(&tx, &mut ids, &NewDictionary::new(subject(2), &body(1, 1), 0, None), 0).unwrap(), first);
    retire_use(&tx, &mut ids, subject(2)).unwrap();
    let retired = |id: i64| -> Option<i64> {
        tx.query_row("SELECT retired_id FROM dictionary WHERE id = ?1", [id], |row| row.get(0)).unwrap()
    };
    assert_eq!(retired(first), None);
    let second = insert(&tx, &mut ids, &NewDictionary::new(subject(1), &body(2, 2), 0, None), 0).unwrap();
    assert!(second > first && retired(second).is_none());
    let last_id = retired(first).expect("replaced");

    let event = |id: i64| {
        tx.execute("DELETE FROM event", []).unwrap();
        tx.execute(
            "INSERT INTO event VALUES (?1, 1, x'0d', 5, 10, 20, 'error', 'error', 'python', 't', 'c', NULL, NULL, NULL, NULL,
                 1, 2, ?2, x'28b52ffd')",
            [id, first],
        )
        .unwrap();
    };
    let in_flight = IN_FLIGHT_MS * SERVER_IDS_PER_MS;
    for oldest in [last_id - 1, last_id + 1, last_id + in_flight] {
        event(oldest);
        assert_eq!(remove_unnamed(&tx, &mut ids).unwrap(), 0, "{oldest}");
    }
    event(last_id + in_flight + 1);
    assert_eq!(remove_unnamed(&tx, &mut ids).unwrap(), 1);
    assert!(read_content(&tx, &Bodies::default(), first).is_err());
    assert_eq!(read_content(&tx, &Bodies::default(), second).unwrap(), body(2, 2));
    // Its id is never given again.
    retire_use(&tx, &mut ids, subject(1)).unwrap();
    tx.execute("DELETE FROM dictionary", []).unwrap();
    assert!(insert(&tx, &mut ids, &NewDictionary::new(subject(1), &body(3, 3), 0, None), 0).unwrap() > second);
}

#[test]
fn without_events_a_retired_dictionary_waits_for_requests_under_way() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
    let tx = connection.transaction().unwrap();
    let subject = Subject { project_id: PROJECT, hash: None };
    let mut ids = ServerIds::after(0);
    let id = insert(&tx, &mut ids, &NewDictionary::new(subject, &body(1, 1), 0, None), 0).unwrap();
    retire_use(&tx, &mut ids, subject).unwrap();
    assert_eq!(remove_unnamed(&tx, &mut ids).unwrap(), 0);
    tx.execute("UPDATE dictionary SET retired_id = retired_id - ?1", [2 * IN_FLIGHT_MS * SERVER_IDS_PER_MS]).unwrap();
    assert_eq!(remove_unnamed(&tx, &mut ids).unwrap(), 1);
    assert!(read_content(&tx, &Bodies::default(), id).is_err());
}

#[test]
fn the_dictionary_of_a_project_stays_while_those_of_its_issues_are_kept_with_it() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
    let tx = connection.transaction().unwrap();
    let mut ids = ServerIds::after(0);
    let of_project = Subject { project_id: PROJECT, hash: None };
    let of_issue = Subject { project_id: PROJECT, hash: Some([1; 16]) };
    let outer = insert(&tx, &mut ids, &NewDictionary::new(of_project, &body(1, 1), 0, None), 0).unwrap();
    let packer = Packer::new(outer, &body(1, 1), DICTIONARY_CONTENT_LEVEL).unwrap();
    let inner = insert(&tx, &mut ids, &NewDictionary::new(of_issue, &body(1, 2), 0, Some(&packer)), 0).unwrap();
    assert_eq!(read_content(&tx, &Bodies::default(), inner).unwrap(), body(1, 2));
    retire_use(&tx, &mut ids, of_project).unwrap();
    tx.execute("UPDATE dictionary SET retired_id = retired_id - ?1", [2 * IN_FLIGHT_MS * SERVER_IDS_PER_MS]).unwrap();
    assert_eq!(remove_unnamed(&tx, &mut ids).unwrap(), 0);
    retire_use(&tx, &mut ids, of_issue).unwrap();
    tx.execute("UPDATE dictionary SET retired_id = retired_id - ?1", [2 * IN_FLIGHT_MS * SERVER_IDS_PER_MS]).unwrap();
    assert_eq!(remove_unnamed(&tx, &mut ids).unwrap(), 1);
    assert!(read_content(&tx, &Bodies::default(), inner).is_err());
    assert_eq!(remove_unnamed(&tx, &mut ids).unwrap(), 1);
    // One that names itself, or a chain, is damage and no endless search.
    let looped = insert(&tx, &mut ids, &NewDictionary::new(of_issue, &body(1, 3), 0, None), 0).unwrap();
    tx.execute("UPDATE dictionary SET content_codec = id", []).unwrap();
    assert!(matches!(read_content(&tx, &Bodies::default(), looped), Err(StoreError::BadBody(_))));
}

#[test]
fn a_damaged_dictionary_heals_when_its_content_comes_again() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
    let tx = connection.transaction().unwrap();
    let subject = Subject { project_id: PROJECT, hash: None };
    let new = NewDictionary::new(subject, &body(1, 1), 0, None);
    let mut ids = ServerIds::after(0);
    let id = insert(&tx, &mut ids, &new, 0).unwrap();
    tx.execute("UPDATE dictionary SET content = x'28b52ffd'", []).unwrap();
    assert!(matches!(read_content(&tx, &Bodies::default(), id), Err(StoreError::BadBody(_))));
    assert_eq!(insert(&tx, &mut ids, &new, 0).unwrap(), id);
    assert_eq!(read_content(&tx, &Bodies::default(), id).unwrap(), body(1, 1));
}

#[test]
fn samples_too_few_or_too_small_are_not_trained_on() {
    let of = |count: usize, bytes: usize| Samples {
        count,
        bytes: vec![b'x'; count * bytes],
        sizes: vec![bytes; count],
        held_back: Vec::new(),
    };
    assert_eq!(train(&of(DICTIONARY_SAMPLES_MIN - 1, 1_000)), None);
    assert_eq!(train(&of(DICTIONARY_SAMPLES_MIN, 0)), None);
    assert_eq!(train(&of(DICTIONARY_SAMPLES_MIN, 2)), None);
}

#[tokio::test]
async fn a_new_database_has_its_page_size_and_can_give_pages_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let connection = Connection::open(store.path()).unwrap();
    assert_eq!(number(&connection, "PRAGMA page_size"), i64::from(crate::config::PAGE_BYTES));
    assert_eq!(number(&connection, "PRAGMA auto_vacuum"), 2);
    store.close().await;
}
