//! Spans in any number of batches and any company: counted once, with their requests, and found once.

use super::*;
use crate::ingest::AGAIN;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanKind, SpanSource};
use crate::perf::MeasuredKind;
use crate::store::safety;
use crate::store::{Store, StoreOptions, StoreSettings, Stretches, Write};

const PROJECT: ProjectId = ProjectId(1);

struct Opened {
    store: Store,
    dir: tempfile::TempDir,
}

fn now_ms() -> i64 {
    super::super::writer::now_ms()
}

async fn open() -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        settings: StoreSettings { seal_after_s: u64::MAX, ..StoreSettings::default() },
        authority: "127.0.0.1:4318".to_string(),
        read_facts: |_| crate::model::facts::Facts::default(),
        on_change: Box::new(|_| {}),
        on_death: Box::new(|why| panic!("{why}")),
    };
    let store = Store::open(dir.path(), options).unwrap();
    store.keeper.close().await;
    Opened { store, dir }
}

/// Lets the keeper look, and seal what it has looked at.
async fn look(opened: &Opened) {
    let settings = StoreSettings { seal_after_s: 0, ..StoreSettings::default() };
    let mut keeper = Keeper::of(&opened.store, settings).unwrap();
    tokio::task::spawn_blocking(move || crate::store::span_sealer::seal(&mut keeper).unwrap()).await.unwrap();
}

fn span(trace: u8, id: u8, parent: u8, ms: i64) -> Span {
    let start_ns = (now_ms() - 60_000) * 1_000_000;
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([id; 8]),
        parent_span_id: (parent > 0).then_some(SpanId([parent; 8])),
        source: SpanSource::Otel,
        start_ns: start_ns + i64::from(id) * 20_000_000,
        end_ns: start_ns + (i64::from(id) * 20 + ms) * 1_000_000,
        ..Span::default()
    }
}

fn request(trace: u8, id: u8) -> Span {
    let route = Attribute { key: "http.route".to_string(), value: AttributeValue::Text("books/".to_string()) };
    Span {
        kind: SpanKind::Server,
        op: "http.server".to_string(),
        name: "GET /books/".to_string(),
        attributes: vec![route],
        ..span(trace, id, 0, 400)
    }
}

fn query(trace: u8, id: u8, parent: u8) -> Span {
    let sql = AttributeValue::Text("SELECT a FROM shop_author WHERE id = 7".to_string());
    let attributes = vec![Attribute { key: "db.statement".to_string(), value: sql }];
    Span { kind: SpanKind::Client, op: "db".to_string(), attributes, ..span(trace, id, parent, 10) }
}

fn asked_at(line: i64, function: &str, query: Span) -> Span {
    let mut attributes = query.attributes;
    let text =
        |key: &str, value: &str| Attribute { key: key.to_string(), value: AttributeValue::Text(value.to_string()) };
    attributes.push(text("code.file.path", "shop/views.py"));
    attributes.push(text("code.function.name", function));
    attributes.push(Attribute { key: "code.line.number".to_string(), value: AttributeValue::Int(line) });
    Span { attributes, ..query }
}

fn places(row: &PerfRow) -> Vec<&str> {
    row.call_sites.places().collect()
}

async fn send(opened: &Opened, spans: Vec<Span>) {
    let resource = Resource { service: "shop".to_string(), release: Some("1".to_string()), ..Resource::default() };
    let batch = SpanBatch { resources: vec![resource], spans };
    let write = (AGAIN.spans)(PROJECT, now_ms() - 10_000, batch);
    opened.store.append(vec![Write::Spans(write)]).await.unwrap();
}

fn this_hour() -> PerfQuery {
    let now_ms = now_ms();
    let stretches = Stretches { from_minute: now_ms / 60_000 - 59, minutes: 10, count: 6 };
    PerfQuery { scope: PerfScope::default(), stretches, now_ms }
}

async fn rows(opened: &Opened, kind: MeasuredKind) -> Vec<PerfRow> {
    opened.store.performance(kind, this_hour()).await.unwrap().rows
}

fn assert_sound(opened: &Opened) {
    let report = safety::check(&opened.dir.path().join(crate::store::DATABASE_FILE), true, &mut |_| {}).unwrap();
    assert_eq!(report.broken(), [""; 0]);
}

#[tokio::test]
async fn a_request_knows_the_queries_that_came_before_it_in_another_batch() {
    let opened = open().await;
    send(&opened, (2..8).map(|id| query(1, id, 1)).collect()).await;
    send(&opened, vec![request(1, 1)]).await;
    look(&opened).await;
    let endpoints = rows(&opened, MeasuredKind::Endpoint).await;
    assert_eq!(endpoints.len(), 1);
    assert_eq!((endpoints[0].stats.count, endpoints[0].stats.sql_count), (1, 6));
    let queries = rows(&opened, MeasuredKind::Query).await;
    assert_eq!(
        (queries.len(), queries[0].stats.count, queries[0].name.as_str()),
        (1, 6, "SELECT a FROM shop_author WHERE id = ?")
    );
    let detail = opened.store.performance_of(endpoints[0].key, this_hour()).await.unwrap().unwrap();
    assert_eq!(detail.others.iter().map(|row| (row.key, row.stats.count)).collect::<Vec<_>>(), [(queries[0].key, 6)]);
    assert_eq!(detail.slowest[0].trace_id, TraceId([1; 16]));
    // And the loop is found, though no batch holds it with its request.
    let findings = opened.store.perf_findings(10).await.unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].1.as_ref().unwrap().count, 6);
    assert_sound(&opened);
}

#[tokio::test]
async fn more_names_than_can_be_told_apart_are_counted_together() {
    let opened = open().await;
    let count = PERF_ROWS_PER_BATCH as i64 + 500;
    let named = |number: i64| {
        let mut trace_id = [9; 16];
        trace_id[8..].copy_from_slice(&number.to_be_bytes());
        let name = format!("GET /books/number-{number}x");
        Span { trace_id: TraceId(trace_id), name, ..request(1, 1) }
    };
    send(&opened, (0..count).map(named).collect()).await;
    look(&opened).await;
    let connection = Connection::open(opened.dir.path().join(crate::store::DATABASE_FILE)).unwrap();
    let sum = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(sum("SELECT sum(count) FROM perf_hour"), count);
    assert_eq!(sum("SELECT sum(count) FROM perf_minute"), count);
    let others = "SELECT sum(count) FROM perf_hour JOIN perf_group ON perf_group.id = group_id
        JOIN perf_name ON perf_name.key = name_key WHERE name = '(others)' AND service = 'shop'";
    assert_eq!(sum(others), 500);
    assert_sound(&opened);
}

#[tokio::test]
async fn a_query_is_listed_with_the_lines_that_asked_it() {
    let opened = open().await;
    let books = |trace, id| asked_at(17, "books", query(trace, id, 1));
    send(&opened, vec![request(1, 1), books(1, 2), asked_at(40, "authors", query(1, 3, 1)), books(1, 4)]).await;
    send(&opened, vec![query(2, 2, 0)]).await;
    look(&opened).await;
    let listed = rows(&opened, MeasuredKind::Query).await;
    let both = ["shop/views.py:17 in books", "shop/views.py:40 in authors"];
    assert_eq!((listed.len(), listed[0].stats.count, places(&listed[0]).as_slice()), (1, 4, &both[..]));
    // What is counted later comes to it, whatever batch and look it is of, and counts in the same order.
    send(&opened, (2..6).map(|id| asked_at(40, "authors", query(3, id, 0))).collect()).await;
    look(&opened).await;
    let listed = rows(&opened, MeasuredKind::Query).await;
    assert_eq!(places(&listed[0]), [both[1], both[0]]);
    // Within the request it is asked as that one asks it, and a request itself is asked by nobody.
    let endpoint = rows(&opened, MeasuredKind::Endpoint).await.pop().unwrap();
    assert_eq!(places(&endpoint), [""; 0]);
    let detail = opened.store.performance_of(endpoint.key, this_hour()).await.unwrap().unwrap();
    assert_eq!(places(&detail.others[0]), both);
    assert_sound(&opened);
}

/// What was kept before call sites were, and what cannot be read, is listed without.
#[tokio::test]
async fn a_query_of_which_no_line_is_known_is_listed_without() {
    let opened = open().await;
    send(&opened, vec![request(1, 1), asked_at(17, "books", query(1, 2, 1))]).await;
    look(&opened).await;
    for call_sites in ["NULL", "'no list'", "'[[\"shop/views.py:17\", 3, 7]]'"] {
        let connection = Connection::open(opened.store.path()).unwrap();
        connection.execute(&format!("UPDATE perf_group SET call_sites = {call_sites}"), []).unwrap();
        let listed = rows(&opened, MeasuredKind::Query).await;
        assert_eq!((listed[0].stats.count, places(&listed[0]).len()), (1, 0), "{call_sites}");
    }
    let broken = "UPDATE perf_group SET call_sites = 'no list'";
    Connection::open(opened.store.path()).unwrap().execute(broken, []).unwrap();
    let report = safety::check(opened.store.path(), true, &mut |_| {}).unwrap();
    let broken = "the lines of code that asked a query can be read does not hold: group 1 says no list";
    assert_eq!(report.broken(), [broken]);
}

#[tokio::test]
async fn statements_that_are_counted_together_name_no_line() {
    let opened = open().await;
    let named = |number: usize| {
        let sql = AttributeValue::Text(format!("SELECT a FROM t{number}x"));
        let query = Span { attributes: vec![Attribute { key: "db.statement".into(), value: sql }], ..query(1, 1, 0) };
        let span_id = SpanId((number as u64 + 1).to_be_bytes());
        Span { span_id, ..asked_at(number as i64, "books", query) }
    };
    send(&opened, (0..PERF_ROWS_PER_BATCH + 20).map(named).collect()).await;
    look(&opened).await;
    let listed = rows(&opened, MeasuredKind::Query).await;
    let others = listed.iter().find(|row| row.name == names::OTHERS).unwrap();
    assert_eq!((others.stats.count, places(others).len()), (20, 0));
    assert_eq!(listed.iter().filter(|row| places(row).len() == 1).count(), PERF_ROWS_PER_BATCH);
}

#[tokio::test]
async fn spans_that_come_again_in_other_company_count_once() {
    let opened = open().await;
    send(&opened, vec![request(1, 1), query(1, 2, 1)]).await;
    look(&opened).await;
    send(&opened, vec![request(1, 1), query(1, 3, 1)]).await;
    // Sealed and not sealed alike; the same company as before, with a trace that is new.
    send(&opened, vec![request(1, 1), query(1, 2, 1), request(2, 5)]).await;
    send(&opened, vec![query(1, 3, 1), query(1, 2, 1), query(1, 3, 1)]).await;
    look(&opened).await;
    look(&opened).await;
    assert_eq!(rows(&opened, MeasuredKind::Endpoint).await[0].stats.count, 2);
    assert_eq!(rows(&opened, MeasuredKind::Query).await[0].stats.count, 2);
    assert_sound(&opened);
}

#[tokio::test]
async fn a_cause_is_told_once_for_a_trace_however_often_it_is_looked_at() {
    let opened = open().await;
    let all = || std::iter::once(request(1, 1)).chain((2..9).map(|id| query(1, id, 1))).collect::<Vec<_>>();
    send(&opened, all()).await;
    look(&opened).await;
    send(&opened, vec![request(1, 1), query(1, 9, 1)]).await;
    look(&opened).await;
    assert_eq!(opened.store.perf_findings(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_too_old_goes_minutes_first_and_names_last() {
    let opened = open().await;
    send(&opened, vec![request(1, 1), query(1, 2, 1)]).await;
    look(&opened).await;
    let path = opened.store.path().to_path_buf();
    let mut connection = rusqlite::Connection::open(&path).unwrap();
    let count = |connection: &Connection, table: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count(&connection, "perf_minute"), count(&connection, "perf_hour")), (2, 2));
    let tx = connection.transaction().unwrap();
    assert_eq!(drop_performance(&tx, i64::MAX, 100).unwrap(), 2);
    assert_eq!((count(&tx, "perf_minute"), count(&tx, "perf_hour")), (0, 2));
    drop_performance(&tx, i64::MAX, 100).unwrap();
    drop_performance(&tx, i64::MAX, 100).unwrap();
    for table in ["perf_hour", "perf_group", "perf_name"] {
        assert_eq!(count(&tx, table), 0, "{table}");
    }
    let kept: i64 = tx
        .query_row(
            "SELECT coalesce(sum(bytes) + sum(row_count), 0) FROM stored_day WHERE kind = 'performance'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, 0);
}
