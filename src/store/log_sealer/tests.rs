//! Logs before they are sealed, while, after, and merged: every question has the same answer.

use proptest::prelude::*;

use super::super::keeper::Keeper;
use super::*;
use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::log::{LogBatch, LogId, LogLevel, LogRecord};
use crate::model::span::{Attribute, AttributeValue, Resource, SpanSource};
use crate::search::{self, Expr};
use crate::store::{
    LogFilter, LogMinute, LogPage, LogQuery, LogRow, LogsWrite, Store, StoreOptions, StoreSettings, Write, compress,
    encode_logs,
};

const HOUR_NS: i64 = 3_600_000_000_000;
const NOW_NS: i64 = 1_800_000_000_000_000_000;

struct Opened {
    store: Store,
    keeper: Keeper,
    _dir: tempfile::TempDir,
}

/// Sealed by hand only.
fn open() -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let settings = |seal_after_s| StoreSettings { seal_after_s, ..StoreSettings::default() };
    let options = StoreOptions {
        settings: settings(u64::MAX),
        authority: "127.0.0.1:4318".to_string(),
        on_change: Box::new(|_| {}),
        on_death: Box::new(|why| panic!("{why}")),
    };
    let store = Store::open(dir.path(), options).unwrap();
    store.keeper.close_now();
    let keeper = Keeper::of(&store, settings(0)).unwrap();
    Opened { store, keeper, _dir: dir }
}

impl Opened {
    fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.keeper.reader.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    fn seal_all(&mut self) {
        while seal(&mut self.keeper).unwrap() == Progress::More {}
        assert_eq!(self.count("log_batch"), 0);
    }

    fn merge_all(&mut self) {
        while merge(&mut self.keeper).unwrap() == Progress::More {}
    }
}

fn write(project: u32, batch: LogBatch) -> Write {
    let mut traces: Vec<(i64, u64)> = Vec::new();
    for key in batch.records.iter().filter_map(|record| record.trace_id).map(|id| id.key()) {
        match traces.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => traces.push((key, 1)),
        }
    }
    let distinct = |of: fn(&Resource) -> String| {
        let mut names: Vec<String> = batch.resources.iter().map(of).collect();
        names.sort();
        names.dedup();
        names
    };
    let bytes = encode_logs(batch.clone());
    Write::Logs(LogsWrite {
        project_id: ProjectId(project),
        received_ms: 7,
        content_key: (xxhash_rust::xxh3::xxh3_64(&bytes) >> 1) as i64,
        body: compress(&bytes),
        record_count: batch.records.len() as u64,
        min_ns: batch.records.iter().map(|record| record.time_ns).min().unwrap_or(0),
        max_ns: batch.records.iter().map(|record| record.time_ns).max().unwrap_or(0),
        levels: batch.records.iter().fold(0, |levels, record| levels | LogLevel::of(record.severity).bit()),
        services: distinct(|resource| resource.service.clone()),
        environments: distinct(|resource| resource.environment.clone().unwrap_or_default()),
        traces,
        minutes: vec![LogMinute {
            minute: NOW_NS / 60_000_000_000,
            service: "shop".to_string(),
            environment: String::new(),
            level: LogLevel::Info,
            count: batch.records.len() as u64,
        }],
    })
}

fn attribute(key: &str, value: AttributeValue) -> Attribute {
    Attribute { key: key.to_string(), value }
}

fn resources() -> Vec<Resource> {
    let resource = |service: &str, environment: Option<&str>| Resource {
        service: service.to_string(),
        release: Some(format!("{service}@1.0")),
        environment: environment.map(str::to_string),
        sdk: None,
        attributes: vec![attribute("host", AttributeValue::Text(format!("{service}-1")))],
    };
    vec![resource("shop", Some("live")), resource("shop", None), resource("billing", Some("live"))]
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let value = prop_oneof![
        (0..5_i64).prop_map(|number| attribute("user.id", AttributeValue::Int(number))),
        any::<bool>().prop_map(|flag| attribute("ok", AttributeValue::Bool(flag))),
        (0..4).prop_map(|number| attribute("took", AttributeValue::Double(f64::from(number) / 2.0))),
        "[ab]{1,2}".prop_map(|text| attribute("user.id", AttributeValue::Text(text))),
        Just(attribute("list", AttributeValue::List(vec![AttributeValue::Int(1)]))),
    ];
    prop::collection::vec(value, 0..4)
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..9_u32).prop_map(|n| format!("Order {n}4711 was Paid by GRÜSSE-{n}")),
        (0..99_u32).prop_map(|n| format!("connection to db-{n} timed out after {n}000ms")),
        (0..9_u32, any::<u32>()).prop_map(|(n, id)| format!("request 8f3a2{n}c{id:08x} done")),
        Just(String::new()),
        "\\PC{0,9}",
    ]
}

fn record() -> impl Strategy<Value = LogRecord> {
    let texts = (body(), prop::option::of("[ab]"), prop::option::of(prop_oneof![Just("shop.Views"), Just("django")]));
    // Few instants, so that several records share one; few traces.
    (
        0..40_i64,
        prop::option::of(-9..9_i64),
        0..25_u8,
        texts,
        prop::option::of(0..6_u8),
        attributes(),
        0..3_usize,
        0..2_u32,
    )
        .prop_map(|(at, observed, severity, (body, template, logger), trace, attributes, resource, dropped)| {
            let time_ns = at * HOUR_NS / 40;
            LogRecord {
                time_ns,
                observed_ns: observed.map(|after| time_ns + after),
                severity,
                severity_text: if severity == 3 { "fine".to_string() } else { String::new() },
                body,
                template,
                logger: logger.map(str::to_string),
                trace_id: trace.map(|id| TraceId([id; 16])),
                span_id: trace.filter(|id| id % 2 == 0).map(|id| SpanId([id; 8])),
                resource,
                source: if dropped == 1 { SpanSource::Otel } else { SpanSource::Sentry },
                attributes,
                dropped,
            }
        })
}

/// Batches of different days in any order, as a file of old logs read in beside those of now.
fn batches() -> impl Strategy<Value = Vec<(u32, LogBatch)>> {
    let batch = (1..3_u32, prop_oneof![4 => Just(0_i64), 1 => Just(-30), 1 => Just(-72)], 0..9_i64);
    let batch = (batch, prop::collection::vec(record(), 1..9)).prop_map(|((project, day, hour), mut records)| {
        records.iter_mut().for_each(|record| {
            let from_ns = NOW_NS + (day - hour) * HOUR_NS;
            record.time_ns += from_ns;
            record.observed_ns = record.observed_ns.map(|at| at + from_ns);
        });
        records.sort_by_key(|record| record.time_ns);
        (project, LogBatch { resources: resources(), records })
    });
    prop::collection::vec(batch, 1..40)
}

fn asked(text: &str) -> Expr {
    search::parse(text, search::Dataset::Logs, NOW_NS / 1_000_000).unwrap()
}

fn queries() -> Vec<LogQuery> {
    let all =
        LogQuery { filter: LogFilter::default(), expr: Expr::Everything, before: None, limit: 7, with_details: true };
    let mut queries = vec![all.clone(), LogQuery { limit: 500, with_details: false, ..all.clone() }];
    let filters = [
        LogFilter { project_id: Some(ProjectId(2)), ..LogFilter::default() },
        LogFilter { level: LogLevel::Error, ..LogFilter::default() },
        LogFilter { service: Some("billing".to_string()), ..LogFilter::default() },
        LogFilter { environment: Some(String::new()), level: LogLevel::Info, ..LogFilter::default() },
        LogFilter { from_ns: NOW_NS - 31 * HOUR_NS, to_ns: NOW_NS - 2 * HOUR_NS, ..LogFilter::default() },
        LogFilter { from_ns: NOW_NS + 90_000_000_000, to_ns: NOW_NS + 90_000_000_000, ..LogFilter::default() },
    ];
    queries.extend(filters.map(|filter| LogQuery { filter, ..all.clone() }));
    for text in
        ["grüsse", "TIMED out", "34711", "4711 was", "to db-7 timed", "8f3a2", "nowhere to be found", "VIEWS", "e"]
    {
        queries.push(LogQuery { expr: asked(&format!("\"{text}\"")), ..all.clone() });
    }
    for text in [
        "level:>=warn",
        "!level:info timed",
        "level:error OR service:billing",
        "has:user.id",
        "!has:user.id ok:true",
        "user.id:>2",
        "took:<=0.5",
        "host:billing*",
        "message:*db-7*out*",
        "logger:shop.Views",
        "logger:SHOP* !(message:a OR template:a)",
        "release.version:>=1.0",
        "environment:\"\" release:shop@1.0",
        "trace:03030303030303030303030303030303",
        "!has:trace has:span.id",
        "timestamp:>=2027-01-15T03:00 !4711",
    ] {
        queries.push(LogQuery { expr: asked(text), ..all.clone() });
    }
    for (key, value) in [
        ("user.id", "3"),
        ("user.id", "ab"),
        ("ok", "true"),
        ("took", "0.5"),
        ("took", "1"),
        ("host", "billing-1"),
        ("logger.name", "shop.Views"),
        ("sentry.message.template", "a"),
        ("release", "shop@1.0"),
        ("none", "1"),
    ] {
        queries.push(LogQuery { expr: asked(&format!("{key}:{value}")), ..all.clone() });
        queries.push(LogQuery { expr: asked(&format!("{key}:{value} o")), ..all.clone() });
    }
    queries
}

/// Anything that can be asked, put together in any way.
fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop::sample::select(vec![
        "timed",
        "\"db-1\"",
        "order*paid",
        "shop",
        "level:info",
        "level:>=warn",
        "level:<error",
        "has:logger",
        "logger:django",
        "logger:*views",
        "message:done",
        "message:\"\"",
        "template:a",
        "has:template",
        "service:shop",
        "service:b*",
        "environment:live",
        "has:environment",
        "release:shop@1.0",
        "release.version:>0.9",
        "release.package:billing",
        "user.id:3",
        "user.id:>=2",
        "user.id:[1, ab]",
        "has:user.id",
        "ok:true",
        "took:0.5",
        "took:<1",
        "has:list",
        "host:billing-1",
        "host:*-1",
        "none:1",
        "has:trace",
        "trace:01010101010101010101010101010101",
        "trace:0*",
        "span.id:0202020202020202",
        "timestamp:>2027-01-15T03:00",
        "timestamp:<2027-01-14",
    ]);
    let leaf = leaf.prop_map(asked);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::and),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::or),
            inner.prop_map(Expr::negated),
        ]
    })
}

/// The answer to everything that can be asked.
#[derive(Debug, PartialEq)]
struct Answers {
    pages: Vec<LogPage>,
    single: Vec<Option<LogRow>>,
    traces: Vec<(Vec<LogRow>, u64)>,
    counts: Vec<u64>,
}

async fn ask(store: &Store, others: &[Expr]) -> Answers {
    let mut pages = Vec::new();
    let mut ids = Vec::new();
    let mut queries = queries();
    let all = queries[0].clone();
    queries.extend(others.iter().map(|expr| LogQuery { expr: expr.clone(), limit: 50, ..all.clone() }));
    for query in queries {
        let mut before = None;
        loop {
            let page = store.logs(LogQuery { before, ..query.clone() }).await.unwrap();
            before = page.next_before;
            ids.extend(page.logs.iter().map(|row| row.id));
            pages.push(page);
            if before.is_none() {
                break;
            }
        }
    }
    ids.sort();
    ids.dedup();
    ids.extend([LogId { batch: 1, index: 0 }, LogId { batch: i64::MAX, index: 0 }]);
    ids.extend(ids.first().map(|id| LogId { batch: id.batch, index: 99 }));
    let (mut single, mut traces, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        single.push(store.log(id).await.unwrap());
    }
    for id in 0..7 {
        traces.push(store.trace_logs(TraceId([id; 16]), 10).await.unwrap());
        counts.push(store.trace_log_count(TraceId([id; 16])).await.unwrap());
    }
    Answers { pages, single, traces, counts }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn sealed_and_merged_logs_answer_as_they_did_before(
        batches in batches(), exprs in prop::collection::vec(expr(), 6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut opened = open();
            for (project, batch) in &batches {
                opened.store.append(vec![write(*project, batch.clone())]).await.unwrap();
            }
            let before = ask(&opened.store, &exprs).await;
            seal_at_most(&opened.keeper, 3).unwrap();
            prop_assert!(ask(&opened.store, &exprs).await == before, "half sealed");
            while seal_at_most(&opened.keeper, 3).unwrap() == Progress::More {}
            prop_assert_eq!((opened.count("log_batch"), opened.count("log_batch_trace")), (0, 0));
            prop_assert!(ask(&opened.store, &exprs).await == before, "sealed");
            opened.merge_all();
            prop_assert!(ask(&opened.store, &exprs).await == before, "merged");
            // Delivered again, nothing is new.
            for (project, batch) in &batches {
                opened.store.append(vec![write(*project, batch.clone())]).await.unwrap();
            }
            prop_assert!(ask(&opened.store, &exprs).await == before, "delivered again");
            Ok(())
        })?;
    }
}

fn batch_of(from_ns: i64, count: usize) -> LogBatch {
    let record = |index: usize| LogRecord {
        time_ns: from_ns + index as i64,
        severity: 9,
        body: format!("line {index} of {from_ns}"),
        trace_id: Some(TraceId([3; 16])),
        ..LogRecord::default()
    };
    LogBatch { resources: resources(), records: (0..count).map(record).collect() }
}

#[tokio::test]
async fn many_small_chunks_become_one_and_keep_the_order() {
    let mut opened = open();
    for minute in 0..40 {
        opened.store.append(vec![write(1, batch_of(NOW_NS + minute * 60_000_000_000, 2))]).await.unwrap();
        seal(&mut opened.keeper).unwrap();
    }
    assert_eq!(opened.count("log_chunk"), 40);
    opened.merge_all();
    assert_eq!((opened.count("log_chunk"), opened.count("log_part")), (1, 7));
    let query = LogQuery { limit: 100, ..queries().remove(0) };
    let page = opened.store.logs(query).await.unwrap();
    let times: Vec<i64> = page.logs.iter().map(|row| row.record.time_ns).collect();
    assert_eq!(times.len(), 80);
    assert!(times.is_sorted_by(|later, earlier| later > earlier));
}

#[tokio::test]
async fn no_chunk_spans_more_than_a_day_or_holds_too_many() {
    let mut opened = open();
    for day in 0..20 {
        opened.store.append(vec![write(1, batch_of(NOW_NS - day * 20 * HOUR_NS, 3))]).await.unwrap();
    }
    opened.store.append(vec![write(1, batch_of(NOW_NS, LOG_CHUNK_RECORDS_MAX + 5))]).await.unwrap();
    opened.seal_all();
    let mut statement = opened.keeper.reader.prepare("SELECT max_ns - min_ns, record_count FROM log_chunk").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).unwrap();
    let chunks: Vec<(i64, i64)> = rows.map(Result::unwrap).collect();
    assert!(
        chunks.iter().all(|(span, records)| *span <= LOG_CHUNK_SPAN_NS && *records <= LOG_CHUNK_RECORDS_MAX as i64)
    );
    assert_eq!(chunks.iter().map(|(_, records)| records).sum::<i64>(), 60 + LOG_CHUNK_RECORDS_MAX as i64 + 5);
}

#[tokio::test]
async fn a_batch_nobody_can_read_holds_up_no_other() {
    let mut opened = open();
    for minute in 0..3 {
        opened.store.append(vec![write(1, batch_of(NOW_NS + minute, 2))]).await.unwrap();
    }
    opened
        .keeper
        .write(|tx, _| {
            let second = "SELECT id FROM log_batch ORDER BY id LIMIT 1 OFFSET 1";
            tx.execute(&format!("UPDATE log_batch SET body = x'00' WHERE id = ({second})"), [])?;
            Ok(())
        })
        .unwrap();
    while seal(&mut opened.keeper).unwrap() == Progress::More {}
    assert_eq!((opened.count("log_batch"), opened.count("log_chunk")), (1, 1));
    let records: i64 =
        opened.keeper.reader.query_row("SELECT record_count FROM log_chunk", [], |row| row.get(0)).unwrap();
    assert_eq!(records, 4);
}

#[tokio::test]
async fn sealed_content_is_remembered_for_a_day() {
    let mut opened = open();
    opened.store.append(vec![write(1, batch_of(NOW_NS, 2))]).await.unwrap();
    opened.seal_all();
    assert_eq!(opened.count("log_delivery"), 1);
    forget_deliveries(&mut opened.keeper).unwrap();
    assert_eq!(opened.count("log_delivery"), 1);
    let id: i64 = opened.keeper.reader.query_row("SELECT batch_id FROM log_delivery", [], |row| row.get(0)).unwrap();
    let tomorrow = opened.keeper.now_ms() + LOG_DELIVERY_MS + 1_000;
    assert!(forget_before(&opened.keeper.reader, tomorrow).unwrap() > Some(id));
}

#[tokio::test]
async fn dropped_chunks_leave_nothing_behind() {
    let mut opened = open();
    opened.store.append(vec![write(1, batch_of(NOW_NS, 2))]).await.unwrap();
    opened.seal_all();
    opened.store.append(vec![write(1, batch_of(NOW_NS + 5, 2))]).await.unwrap();
    let dropped = opened.keeper.write(|tx, _| {
        let id = |sql: &str| tx.query_row(sql, [], |row| row.get::<_, i64>(0));
        drop_log_chunk(tx, id("SELECT id FROM log_chunk")?)?;
        crate::store::log_chunks::drop_log_batch(tx, id("SELECT id FROM log_batch")?)?;
        crate::store::log_chunks::drop_log_minutes(tx, i64::MAX, 10)
    });
    assert_eq!(dropped.unwrap(), 1);
    for table in ["log_chunk", "log_part", "log_batch", "log_batch_trace", "log_minute"] {
        assert_eq!(opened.count(table), 0, "{table}");
    }
    assert_eq!(ask(&opened.store, &[]).await.counts, [0; 7]);
}

fn run(last_batch_id: i64, records: usize, from_hour: i64, to_hour: i64) -> Run {
    Run {
        first_batch_id: last_batch_id,
        last_batch_id,
        records,
        bytes: records * 30,
        spans: vec![(from_hour * HOUR_NS, to_hour * HOUR_NS)],
    }
}

#[test]
fn runs_are_merged_when_many_are_alike_or_no_more_can_join() {
    let few: Vec<Run> = (0..7).map(|id| run(id, 10, 0, 1)).collect();
    assert_eq!(choose(&few), None, "more will come");
    let many: Vec<Run> = (0..9).map(|id| run(id, if id == 0 { 5_000 } else { 10 }, 0, 1)).collect();
    assert_eq!(choose(&many), Some(&many[1..]), "the large one is left alone");
    let days = [run(1, 10, 0, 5), run(2, 10, 20, 23), run(3, 10, 47, 48)];
    assert_eq!(choose(&days), Some(&days[..2]), "a day is over");
    let full = [run(1, 9_000, 0, 5), run(2, 8_000, 5, 6), run(3, 8_000, 6, 7), run(4, 1_000, 7, 8)];
    assert_eq!(choose(&full), Some(&full[1..3]), "a chunk is full");
}
