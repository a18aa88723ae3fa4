//! The store against a temporary database: what is written once, what twice, and what the reads walk.

use std::sync::{Arc, Mutex};

use super::*;
use crate::model::blob::{About, Profile};
use crate::model::event::{EventKind, Level};
use crate::model::facts::Facts;
use crate::model::ids::{EventId, IssueId, ProjectId, SpanId, TraceId};
use crate::model::issue::{IssueStatus, IssueTitle};
use crate::model::span::{Resource, Span, SpanBatch, SpanKind, SpanSource, SpanStatus};
use crate::model::trace::{RootRank, TraceRoot, TraceSummary};

mod span_chunks;

const PROJECT: ProjectId = ProjectId(1);
const NOW_MS: i64 = 1_800_000_000_000;

struct Opened {
    store: Store,
    changes: Arc<Mutex<Vec<LiveChange>>>,
    dir: tempfile::TempDir,
}

fn open_in(dir: tempfile::TempDir) -> Opened {
    let changes = Arc::new(Mutex::new(Vec::new()));
    let seen = changes.clone();
    let options = StoreOptions {
        // What is to be sealed, a test seals itself.
        settings: StoreSettings { seal_after_s: u64::MAX, ..StoreSettings::default() },
        authority: "127.0.0.1:4318".to_string(),
        read_facts: |_| Facts::default(),
        on_change: Box::new(move |change| seen.lock().unwrap().push(change)),
        on_death: Box::new(|why| panic!("{why}")),
    };
    let store = Store::open(dir.path(), options).unwrap();
    Opened { store, changes, dir }
}

fn open() -> Opened {
    open_in(tempfile::tempdir().unwrap())
}

fn event(id: u8, hashes: &[u8]) -> EventWrite {
    EventWrite {
        project_id: PROJECT,
        event_id: EventId([id; 16]),
        received_ms: NOW_MS,
        timestamp_ms: NOW_MS + i64::from(id),
        kind: EventKind::Error,
        level: Level::Error,
        platform: "python".to_string(),
        title: IssueTitle { title: format!("ValueError: {id}"), culprit: "/x/".to_string(), ..IssueTitle::default() },
        is_unhandled: true,
        release: Some(format!("1.{id}")),
        environment: None,
        user_hash: Some(u64::from(id % 2)),
        trace_id: Some(TraceId([7; 16])),
        span_id: None,
        sighting: None,
        report: None,
        facts: Facts::default(),
        grouping_version: 1,
        hashes: hashes.iter().map(|byte| [*byte; 16]).collect(),
        body: compress(format!("{{\"n\":{id}}}").as_bytes()),
    }
}

fn one(event: EventWrite) -> Vec<Write> {
    vec![Write::Event(Box::new(event))]
}

fn spans(ids: &[u8], start_ns: i64) -> Vec<Write> {
    let trace_id = TraceId([7; 16]);
    let spans: Vec<Span> = ids
        .iter()
        .map(|id| Span { trace_id, span_id: SpanId([*id; 8]), start_ns, end_ns: start_ns + 5, ..Span::default() })
        .collect();
    let count = spans.len() as u64;
    let summary = TraceSummary {
        trace_id,
        project_id: PROJECT,
        start_ns,
        end_ns: start_ns + 5,
        root: TraceRoot {
            rank: RootRank::Root,
            tie: u16::from(ids[0]),
            name: "GET /".to_string(),
            op: "http.server".to_string(),
            service: "shop".to_string(),
            kind: SpanKind::Server,
            source: SpanSource::Otel,
            status: SpanStatus::Unset,
            http_status: Some(200),
            start_ns,
            duration_ns: 5,
        },
        span_count: count,
        failed_span_count: 0,
        db_span_count: 0,
        has_sentry: false,
        has_otel: true,
        is_request: true,
        services: vec!["shop".to_string()],
        error_count: 0,
    };
    let batch = SpanBatch { resources: vec![Resource { service: "shop".to_string(), ..Resource::default() }], spans };
    let spans_key = ids.iter().fold(0, |key, id| key * 256 + i64::from(*id));
    vec![Write::Spans(SpansWrite {
        project_id: PROJECT,
        received_ms: NOW_MS,
        body: compress(&encode_spans(batch)),
        parts: vec![TracePart { spans_key, summary }],
        transactions: 0,
    })]
}

async fn only_issue(store: &Store) -> crate::model::issue::Issue {
    let mut page = store.issues(IssueQuery { limit: 10, ..IssueQuery::default() }).await.unwrap();
    assert_eq!((page.issues.len(), page.total), (1, 1));
    page.issues.remove(0)
}

#[tokio::test]
async fn events_of_one_hash_are_one_issue_with_its_counts() {
    let opened = open();
    for id in [3, 1, 2] {
        opened.store.append(one(event(id, &[9]))).await.unwrap();
    }
    let issue = only_issue(&opened.store).await;
    assert_eq!(issue.id, IssueId::of(PROJECT, &[9; 16]));
    assert_eq!((issue.event_count, issue.user_count, issue.short_no), (3, 2, 1));
    assert_eq!((issue.first_seen_ms, issue.last_seen_ms), (NOW_MS + 1, NOW_MS + 3));
    // The newest event names it, in whatever order they came.
    assert_eq!(issue.title.title, "ValueError: 3");
    assert_eq!(issue.last_release.as_deref(), Some("1.3"));
    let hour = crate::model::time::hour_of(NOW_MS);
    let history = opened.store.issue_histories(vec![issue.id], hour, 2).await.unwrap();
    assert_eq!(history[0].hours, [0, 3]);
}

#[tokio::test]
async fn the_same_event_again_changes_nothing_and_is_counted_as_such() {
    let opened = open();
    opened.store.append(one(event(1, &[9]))).await.unwrap();
    let again = opened.store.append(one(event(1, &[9]))).await.unwrap();
    assert!(again.events[0].is_duplicate);
    assert_eq!(only_issue(&opened.store).await.event_count, 1);
    let totals = opened.store.outcome_totals().await.unwrap();
    let of = |reason: &str| totals.iter().find(|total| total.reason == reason).map(|total| total.quantity);
    assert_eq!((of("accepted"), of("duplicate")), (Some(1), Some(1)));
}

#[tokio::test]
async fn a_second_hash_leads_to_the_issue_it_was_linked_to() {
    let opened = open();
    opened.store.append(one(event(1, &[1, 2]))).await.unwrap();
    let appended = opened.store.append(one(event(2, &[3, 2]))).await.unwrap();
    assert!(!appended.events[0].is_new_issue);
    // The third hash is linked now, too.
    opened.store.append(one(event(3, &[3]))).await.unwrap();
    assert_eq!(only_issue(&opened.store).await.event_count, 3);
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let opened = open();
    opened.store.append(one(event(1, &[9]))).await.unwrap();
    opened.store.append(spans(&[1, 2], 50)).await.unwrap();
    opened.store.close().await;
    let Opened { store, dir, .. } = opened;
    drop(store);
    let opened = open_in(dir);
    let row = opened.store.event(EventQuery::ById(EventId([1; 16]))).await.unwrap().unwrap();
    assert_eq!(row.body, b"{\"n\":1}");
    let found = opened.store.trace_spans(TraceId([7; 16]), 10).await.unwrap();
    assert_eq!(found.batch.spans.len(), 2);
}

#[tokio::test]
async fn a_batch_of_spans_delivered_twice_counts_once() {
    let opened = open();
    opened.store.append(spans(&[1, 2], 50)).await.unwrap();
    opened.store.append(spans(&[1, 2], 50)).await.unwrap();
    opened.store.append(spans(&[3], 40)).await.unwrap();
    let page = opened.store.traces(TraceQuery { limit: 10, ..TraceQuery::default() }).await.unwrap();
    let [trace] = &page.traces[..] else { panic!("{page:?}") };
    assert_eq!((trace.span_count, trace.start_ns, trace.end_ns), (3, 40, 55));
    let found = opened.store.trace_spans(TraceId([7; 16]), 2).await.unwrap();
    assert_eq!((found.batch.spans.len(), found.omitted), (2, 1));
}

#[tokio::test]
async fn an_event_and_a_trace_of_one_id_know_of_each_other() {
    let opened = open();
    opened.store.append(spans(&[1], 0)).await.unwrap();
    opened.store.append(one(event(1, &[9]))).await.unwrap();
    let page = opened.store.traces(TraceQuery { limit: 10, ..TraceQuery::default() }).await.unwrap();
    assert_eq!(page.traces[0].error_count, 1);
    assert_eq!(opened.store.trace_events(TraceId([7; 16]), 10).await.unwrap()[0].1, 1);
    assert!(opened.store.has_trace(TraceId([7; 16])).await.unwrap());
    assert!(!opened.store.has_trace(TraceId([8; 16])).await.unwrap());
}

#[tokio::test]
async fn neighbours_and_pages_follow_the_order_of_receipt() {
    let opened = open();
    for id in 1..=5 {
        opened.store.append(one(event(id, &[9]))).await.unwrap();
    }
    let issue = only_issue(&opened.store).await;
    let first = opened.store.issue_events(issue.id, None, 2).await.unwrap();
    let ids: Vec<u8> = first.events.iter().map(|event| event.event_id.0[0]).collect();
    assert_eq!(ids, [5, 4]);
    let rest = opened.store.issue_events(issue.id, first.next_before, 9).await.unwrap();
    assert_eq!((rest.events.len(), rest.next_before), (3, None));
    let around = opened.store.event_neighbours(issue.id, rest.events[0].id).await.unwrap();
    let of = |id: EventId| id.0[0];
    assert_eq!(
        (of(around.first), around.previous.map(of), around.next.map(of), of(around.latest)),
        (1, Some(2), Some(4), 5)
    );
}

#[tokio::test]
async fn lists_are_paged_without_gaps_by_every_sort() {
    let opened = open();
    for id in 1..=7 {
        opened.store.append(one(event(id, &[id]))).await.unwrap();
    }
    for sort in [IssueSort::LastSeen, IssueSort::FirstSeen, IssueSort::Events] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let query =
                IssueQuery { sort, after, limit: 3, status: Some(IssueStatus::Unresolved), ..Default::default() };
            let page = opened.store.issues(query).await.unwrap();
            assert_eq!(page.total, 7);
            seen.extend(page.issues.iter().map(|issue| issue.id));
            after = page.next_after;
            if after.is_none() {
                break;
            }
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((all, seen.len()), (7, 7), "{sort:?}");
    }
}

#[tokio::test]
async fn search_text_is_found_literally_and_in_any_case() {
    let opened = open();
    opened.store.append(one(event(1, &[1]))).await.unwrap();
    let total = async |text: &str| {
        let query = IssueQuery { text: Some(text.to_string()), limit: 5, ..Default::default() };
        opened.store.issues(query).await.unwrap().total
    };
    assert_eq!(total("valueerror").await, 1);
    assert_eq!(total("Value_rror").await, 0);
    assert_eq!(total("%").await, 0);
}

/// An issue of its own, called that.
fn called(id: u8, title: &str, culprit: &str) -> EventWrite {
    EventWrite {
        title: IssueTitle { title: title.to_string(), culprit: culprit.to_string(), ..IssueTitle::default() },
        ..event(id, &[id])
    }
}

/// Numbers of the issues found, newest first.
async fn found(store: &Store, text: &str) -> Vec<u64> {
    let query = IssueQuery { text: Some(text.to_string()), limit: 50, ..Default::default() };
    let page = store.issues(query).await.unwrap();
    assert_eq!(page.total, page.issues.len() as u64);
    page.issues.iter().map(|issue| issue.short_no).collect()
}

/// Issues whose text the index has still to take in.
async fn due(store: &Store) -> i64 {
    let sql = "SELECT count(*) FROM issue_search_due";
    store.readers.run(move |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
}

async fn until_indexed(store: &Store) {
    while due(store).await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_developer_types_is_found_before_and_after_it_is_indexed() {
    let opened = open();
    let mut first = called(1, "KeyError: 'sku'", "/checkout/{id}/");
    first.title = IssueTitle {
        ty: Some("KeyError".to_string()),
        value: Some("'sku'".to_string()),
        filename: Some("shop/views.py".to_string()),
        function: Some("add_to_cart".to_string()),
        ..first.title
    };
    opened.store.append(one(first)).await.unwrap();
    opened.store.append(one(called(2, "ÜBERLAUF: \"50%\" of shop.cart", "/cart/"))).await.unwrap();
    for round in 0..2 {
        for (text, numbers) in [
            ("KeyError", &[1][..]),
            ("keyerr", &[1]),
            ("shop.cart", &[2]),
            ("views.py", &[1]),
            ("/checkout/", &[1]),
            ("add_to", &[1]),
            ("cart", &[2, 1]),
            ("cart keyerror", &[1]),
            ("'sku' /", &[1]),
            ("ür", &[]),
            ("überlauf", &[2]),
            ("Überlauf", &[2]),
            ("üb", &[2]),
            ("50%", &[2]),
            ("\"50%\"", &[2]),
            ("%", &[2]),
            ("_", &[1]),
            ("", &[2, 1]),
            ("  ", &[2, 1]),
            ("DEFAULT-2", &[2]),
            ("default-1", &[1]),
            ("default-3", &[]),
            ("NOT", &[]),
            ("cart*", &[]),
            ("cart OR nothing", &[]),
            ("cart AND", &[]),
            ("text:cart", &[]),
            ("(cart)", &[]),
            ("^cart", &[]),
            ("\"", &[2]),
            ("\"\"\"", &[]),
            ("car\0t", &[]),
            ("\0", &[]),
        ] {
            assert_eq!(found(&opened.store, text).await, numbers, "{text:?} in round {round}");
        }
        until_indexed(&opened.store).await;
    }
}

#[tokio::test]
async fn an_issue_that_is_called_something_else_is_found_by_that_at_once() {
    let opened = open();
    opened.store.append(one(called(1, "before", "/x/"))).await.unwrap();
    until_indexed(&opened.store).await;
    let later = EventWrite { event_id: EventId([2; 16]), hashes: vec![[1; 16]], ..called(2, "after", "/x/") };
    opened.store.append(one(later)).await.unwrap();
    for _ in 0..2 {
        assert_eq!((found(&opened.store, "before").await.len(), found(&opened.store, "after").await.len()), (0, 1));
        until_indexed(&opened.store).await;
    }
    // The same words again are nothing to be taken in.
    let same = EventWrite { event_id: EventId([3; 16]), hashes: vec![[1; 16]], ..called(3, "after", "/x/") };
    opened.store.writer.append(one(same)).await.unwrap();
    assert_eq!(due(&opened.store).await, 0);
}

#[tokio::test]
async fn an_issue_that_is_gone_is_not_found() {
    let opened = open();
    opened.store.append(one(called(1, "one error", "/x/"))).await.unwrap();
    opened.store.append(one(called(2, "two errors", "/x/"))).await.unwrap();
    until_indexed(&opened.store).await;
    let writer = opened.store.writer.clone();
    let removed = tokio::task::spawn_blocking(move || {
        writer.run_chore(|tx, _| Ok(tx.execute("DELETE FROM issue WHERE short_no = 1", [])?))
    });
    assert_eq!(removed.await.unwrap().unwrap(), 1);
    let hits = opened.store.readers.run(|connection| {
        let sql = "SELECT count(*) FROM issue_search WHERE issue_search MATCH '\"error\"'";
        Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!((hits.await.unwrap(), found(&opened.store, "error").await), (1, vec![2]));
}

#[tokio::test]
async fn a_search_is_paged_without_gaps_by_every_sort_and_filter() {
    let opened = open();
    for id in 1..=9 {
        let place = if id % 2 == 0 { Some("live".to_string()) } else { None };
        opened.store.append(one(EventWrite { environment: place, ..called(id, "shop error", "/x/") })).await.unwrap();
        if id == 5 {
            // Some from the index, some that are due.
            until_indexed(&opened.store).await;
        }
    }
    for sort in [IssueSort::LastSeen, IssueSort::FirstSeen, IssueSort::Events] {
        for (environment, count) in [(None, 9), (Some("live".to_string()), 4)] {
            for (text, status) in [("shop", None), ("sh or", Some(IssueStatus::Unresolved)), ("err sh", None)] {
                let mut query =
                    IssueQuery { sort, status, environment: environment.clone(), limit: 2, ..Default::default() };
                query.text = Some(text.to_string());
                let mut seen = Vec::new();
                loop {
                    let page = opened.store.issues(query.clone()).await.unwrap();
                    assert_eq!(page.total, count, "{query:?}");
                    seen.extend(page.issues.iter().map(|issue| (issue.last_seen_ms, issue.id)));
                    query.after = page.next_after;
                    if query.after.is_none() {
                        break;
                    }
                }
                if sort != IssueSort::Events {
                    assert!(seen.is_sorted_by(|one, next| one > next), "{query:?}");
                }
                seen.sort();
                seen.dedup();
                assert_eq!(seen.len() as u64, count, "{query:?}");
            }
        }
        let text = Some("shop".to_string());
        let nothing = IssueQuery { text, status: Some(IssueStatus::Resolved), sort, limit: 5, ..Default::default() };
        assert_eq!(opened.store.issues(nothing).await.unwrap().total, 0);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]

    /// Whatever is typed is an answer, and the same one from the index as from the rows.
    #[test]
    fn anything_may_be_typed(titles in proptest::collection::vec("[a-zäÖß\"'*%:() \u{0}-]{0,12}|\\PC{0,20}", 1..5), typed in proptest::collection::vec("[a-zÄöß\"'*%:()^+{} \u{0}-]{1,5}|\\PC{1,6}", 1..8)) {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
        issue_search::add_functions(&connection).unwrap();
        connection.execute("INSERT INTO project VALUES (1, 'a', 'A', 'python', 1, 1)", []).unwrap();
        for (index, title) in titles.iter().enumerate() {
            let sql = "INSERT INTO issue (id, project_id, short_no, kind, title, culprit, level, platform, status, is_unhandled,
                    first_seen_ms, last_seen_ms, event_count, user_count)
                VALUES (?1, 1, ?1, 'error', ?2, '', 'error', 'python', 'unresolved', 1, 1, 1, 1, 1)";
            connection.execute(sql, rusqlite::params![index as i64, title]).unwrap();
        }
        let mut parts = typed;
        parts.extend(titles.iter().map(|title| title.chars().skip(1).take(6).collect()));
        let search = |connection: &rusqlite::Connection, text: &str| {
            let query = IssueQuery { text: Some(text.to_string()), limit: 9, ..Default::default() };
            issue_list::read_issues(connection, &query).unwrap().issues.iter().map(|issue| issue.id.0).collect::<Vec<_>>()
        };
        let by_rows: Vec<_> = parts.iter().map(|text| search(&connection, text)).collect();
        let tx = connection.transaction().unwrap();
        // A slice ends when its time is up, too.
        let mut indexed = 0;
        while indexed < titles.len() {
            indexed += issue_search::index_some(&tx, 100).unwrap();
        }
        tx.commit().unwrap();
        for (text, by_rows) in parts.iter().zip(by_rows) {
            proptest::prop_assert_eq!(search(&connection, text), by_rows, "{:?} in {:?}", text, &titles);
        }
    }
}

#[tokio::test]
async fn one_bad_request_does_not_take_the_others_along() {
    let opened = open();
    let mut orphan = event(2, &[2]);
    orphan.project_id = ProjectId(99);
    let (good, bad, other) = tokio::join!(
        opened.store.append(one(event(1, &[1]))),
        opened.store.append(one(orphan)),
        opened.store.append(one(event(3, &[3]))),
    );
    assert!(good.is_ok() && other.is_ok());
    assert!(matches!(bad, Err(StoreError::NotStored(_))), "{bad:?}");
    let page = opened.store.issues(IssueQuery { limit: 5, ..Default::default() }).await.unwrap();
    assert_eq!(page.total, 2);
}

#[tokio::test]
async fn commits_tell_what_changed() {
    let opened = open();
    opened.store.append(one(event(1, &[9]))).await.unwrap();
    opened.store.append(one(event(1, &[9]))).await.unwrap();
    opened.store.append(spans(&[1], 0)).await.unwrap();
    let issue = IssueId::of(PROJECT, &[9; 16]);
    let expected = [
        LiveChange { issues: vec![issue], ..LiveChange::default() },
        LiveChange { traces: 1, ..LiveChange::default() },
    ];
    assert_eq!(*opened.changes.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_second_process_is_kept_out_but_may_ask_for_the_dsn() {
    let opened = open();
    assert!(matches!(lock_data_dir(opened.dir.path()), Err(StoreError::InUse(_))));
    let (project, authority) = first_project(opened.dir.path()).unwrap();
    assert_eq!(authority.as_deref(), Some("127.0.0.1:4318"));
    assert_eq!(project.id, PROJECT);
}

#[tokio::test]
async fn a_link_to_a_database_that_is_in_use_is_kept_out_too() {
    let opened = open();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(database_path(opened.dir.path()), database_path(dir.path())).unwrap();
    assert!(matches!(lock_data_dir(dir.path()), Err(StoreError::InUse(_))));
    opened.store.close().await;
    drop(opened.store);
    assert!(lock_data_dir(dir.path()).is_ok());
}

#[tokio::test]
async fn readers_cannot_write() {
    let opened = open();
    let denied = opened.store.readers.run(|connection| Ok(connection.execute("DELETE FROM event", [])?)).await;
    assert!(matches!(denied, Err(StoreError::Sqlite(_))), "{denied:?}");
}

#[tokio::test]
async fn hot_reads_walk_their_indexes() {
    let opened = open();
    let cases = [
        (issue_list::list_sql(IssueSort::LastSeen, false), "USING INDEX issue_last_seen"),
        (issue_list::list_sql(IssueSort::FirstSeen, false), "USING INDEX issue_first_seen"),
        (issue_list::list_sql(IssueSort::Events, false), "USING INDEX issue_events"),
        (issue_list::list_sql(IssueSort::LastSeen, true), "USING INDEX issue_environment_last_seen"),
        (issue_list::list_sql(IssueSort::FirstSeen, true), "USING INDEX issue_environment_first_seen"),
        (issue_list::list_sql(IssueSort::Events, true), "USING INDEX issue_environment_events"),
        (issue_list::count_sql(false), "SCAN issue USING COVERING INDEX issue_filter"),
        (issue_list::count_sql(true), "SEARCH issue USING COVERING INDEX issue_filter (id=?)"),
        (
            issue_list::found_sql(issue_list::Found::Indexed, IssueSort::LastSeen, false),
            "SEARCH issue USING INDEX sqlite_autoindex_issue_1 (project_id=? AND short_no=?)",
        ),
        (issues::issue_sql(issues::BY_ID), "SEARCH issue USING INTEGER PRIMARY KEY (rowid=?)"),
        (issues::issue_sql(issues::BY_SHORT_NO), "USING INDEX sqlite_autoindex_issue_1 (project_id=? AND short_no=?)"),
        (
            events::event_sql(events::chosen_by(EventQuery::Latest(IssueId(1))).2),
            "SEARCH event USING INDEX event_issue (issue_id=?)",
        ),
        (attachments::of_event_sql(), "USING INDEX sqlite_autoindex_attachment_1 (event_id=? AND project_id=?)"),
        (profiles::of_trace_sql(), "USING INDEX profile_trace"),
        (profiles::of_profiler_sql(), "USING INDEX profile_profiler (profiler_id=? AND start_ms>? AND start_ms<?)"),
        (replays::page_sql(), "USING INDEX replay_received"),
        (trace_rows::list_sql(), "SEARCH trace USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (trace_rows::list_sql(), "SEARCH trace_label USING INTEGER PRIMARY KEY (rowid=?)"),
        (trace_rows::list_sql(), "USING COVERING INDEX event_trace"),
        (trace_rows::one_sql(), "SEARCH trace_part USING PRIMARY KEY (trace_key=?)"),
        (trace_rows::one_sql(), "SEARCH trace USING INTEGER PRIMARY KEY"),
        (logs::BATCHES_SQL.to_string(), "SEARCH log_batch USING COVERING INDEX log_batch_time"),
        (logs::CHUNKS_SQL.to_string(), "SEARCH log_chunk USING INDEX log_chunk_time (max_ns>? AND max_ns<?)"),
        (log_chunks::OF_BATCH_SQL.to_string(), "USING COVERING INDEX log_chunk_range (last_batch_id>?)"),
        (log_chunks::TRACE_FILTERS_SQL.to_string(), "SEARCH log_part USING INTEGER PRIMARY KEY (rowid=?)"),
        (log_sealer::WAITING_SQL.to_string(), "SCAN log_batch"),
        (logs::VOLUME_SQL.to_string(), "SEARCH log_minute USING PRIMARY KEY (minute>? AND minute<?)"),
        (metrics::MINUTES_SQL.to_string(), "SEARCH metric_minute USING PRIMARY KEY (metric_id=?"),
        (metrics::POINTS_SQL.to_string(), "SEARCH metric_part USING PRIMARY KEY (metric_id=?)"),
        (traces::PARTS_SQL.to_string(), "SEARCH trace_part USING PRIMARY KEY (trace_key=?)"),
        (traces::BATCH_SQL.to_string(), "SEARCH span_batch USING INTEGER PRIMARY KEY"),
        (super::span_chunks::COVERING_SQL.to_string(), "USING INDEX sqlite_autoindex_span_chunk_1 (last_batch_id>?)"),
        (super::span_chunks::PART_SQL.to_string(), "SEARCH span_chunk_part USING INTEGER PRIMARY KEY"),
        (span_sealer::WAITING_SQL.to_string(), "SCAN span_batch"),
        (span_sealer::CHUNKS_SQL.to_string(), "USING INDEX sqlite_autoindex_span_chunk_1"),
        (trace_search::PLACES_SQL.to_string(), "USING INDEX span_chunk_time"),
        (events::issue_events_sql(), "USING INDEX event_issue"),
        (dictionaries::REMOVE_SQL.to_string(), "INDEX dictionary_retired (retired_id"),
        (releases::list_sql(), "USING INDEX release_last_seen"),
        (releases::hours_sql(), "USING INDEX release_hour_hour"),
        (events::trace_events_sql(), "USING INDEX event_trace"),
        (
            events::event_sql(events::chosen_by(EventQuery::ById(EventId([0; 16]))).2),
            "SEARCH event USING INDEX sqlite_autoindex_event_1",
        ),
        (feedback::page_sql(FeedbackScope::All, false), "SEARCH feedback USING INTEGER PRIMARY KEY (rowid<?)"),
        (feedback::page_sql(FeedbackScope::All, true), "USING INDEX feedback_project (project_id=? AND id<?)"),
        (feedback::page_sql(FeedbackScope::Event(EventId([0; 16])), true), "USING INDEX feedback_event"),
        (
            feedback::page_sql(FeedbackScope::Issue(IssueId(1)), false),
            "SEARCH feedback USING INTEGER PRIMARY KEY (rowid<?)",
        ),
        (feedback::COUNT_SQL.to_string(), "USING INDEX feedback_project"),
        (feedback::COUNT_SQL.to_string(), "SEARCH event USING INDEX sqlite_autoindex_event_1"),
    ];
    for (sql, expected) in cases {
        let path = opened.store.path();
        let is_read = sql.trim_start().starts_with("SELECT");
        let connection =
            if is_read { readers::open_read_only(path).unwrap() } else { rusqlite::Connection::open(path).unwrap() };
        let plan = plans::explain(&connection, &sql).unwrap().join("; ");
        assert!(plan.contains(expected), "{expected} is not in: {plan}\n{sql}");
        if expected.starts_with("USING INDEX issue_")
            || expected.starts_with("SEARCH trace USING INTEGER PRIMARY KEY (rowid<?)")
            || expected.starts_with("SCAN")
        {
            assert!(!plan.contains("TEMP B-TREE"), "sorted after all: {plan}");
        }
    }
}

/// A profile of as many incompressible bytes, and what its id is made of.
pub(super) fn profile(bytes: &[u8], key: u8) -> Vec<Write> {
    let profile = Profile {
        profile_id: EventId([1; 16]),
        profiler_id: None,
        transaction_id: None,
        trace_id: Some(TraceId([7; 16])),
        name: String::new(),
        platform: "python".to_string(),
        start_ms: NOW_MS,
        end_ms: NOW_MS,
        samples: 0,
        json_bytes: bytes.len() as u64,
    };
    vec![Write::Blob(Box::new(BlobWrite {
        project_id: PROJECT,
        received_ms: NOW_MS,
        category: "profile".to_string(),
        about: About::Profile(profile),
        sha1: [key; 20],
        key: [key; 20],
        body: pack_blob(bytes),
    }))]
}

fn noise(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn bytes_that_went_ahead_are_nothing_without_the_last_commit() {
    let opened = open();
    let bytes = noise(3 << 20);
    let mut writes = profile(&bytes, 1);
    for piece in blobs::take_pieces_ahead(&mut writes) {
        opened.store.writer.append(vec![Write::BlobPiece(piece)]).await.unwrap();
    }
    let found = opened.store.profile(PROJECT, EventId([1; 16])).await.unwrap();
    assert_eq!(found, None);
    let connection = rusqlite::Connection::open(opened.store.path()).unwrap();
    let blob_id: i64 = connection.query_row("SELECT id FROM blob", [], |row| row.get(0)).unwrap();
    assert_eq!(opened.store.blob_chunk(blob_id, 0).await.unwrap(), None);
    opened.store.writer.append(writes).await.unwrap();
    let found = opened.store.profile(PROJECT, EventId([1; 16])).await.unwrap().unwrap();
    assert!(opened.store.blob_head(found.blob_id, usize::MAX).await.unwrap() == bytes);
}

#[tokio::test]
async fn other_bytes_under_a_name_that_is_taken_leave_nothing_behind() {
    let opened = open();
    opened.store.append(profile(b"first", 1)).await.unwrap();
    opened.store.append(profile(&noise(3 << 20), 2)).await.unwrap();
    let found = opened.store.profile(PROJECT, EventId([1; 16])).await.unwrap().unwrap();
    assert_eq!(opened.store.blob_head(found.blob_id, 100).await.unwrap(), b"first");
    let connection = rusqlite::Connection::open(opened.store.path()).unwrap();
    let count = |table: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("blob"), count("blob_chunk"), count("profile")), (1, 1, 1));
}
