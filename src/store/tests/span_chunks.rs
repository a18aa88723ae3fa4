//! Spans before and after sealing and merging: the same answers, from made-up spans of every kind.

mod maps;
mod search;

use std::collections::BTreeMap;

use super::*;
use crate::model::span::{Attribute, AttributeValue, SpanEvent, SpanLink};
use crate::search::{Dataset, Expr, parse as parse_search};
use crate::store::keeper::{Keeper, Progress};
use crate::store::span_asked::AskedSpans;
use crate::store::span_chunks::{Dropping, drop_span_batch, drop_span_chunk};
use crate::store::{span_sealer, trace_rows, trace_search};

/// A small generator: the same seed gives the same spans.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ (mixed >> 29)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

const START_NS: i64 = NOW_MS * 1_000_000;

fn trace_id(no: u64) -> TraceId {
    TraceId(u128::from(no + 1).wrapping_mul(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef).to_be_bytes())
}

fn value(seed: &mut Seed) -> AttributeValue {
    match seed.below(9) {
        0 => AttributeValue::Empty,
        1 => AttributeValue::Bool(seed.below(2) == 1),
        2 => AttributeValue::Int(seed.below(4) as i64 + 198),
        3 => AttributeValue::Double(seed.below(4) as f64 / 2.0),
        4 => AttributeValue::Bytes(vec![seed.below(3) as u8]),
        5 => AttributeValue::List(vec![AttributeValue::Int(seed.below(3) as i64)]),
        _ => AttributeValue::Text(seed.pick(&["a", "b", "GET", "ok", "200"]).to_string()),
    }
}

fn attributes(seed: &mut Seed) -> Vec<Attribute> {
    let count = seed.below(5);
    let keys = ["a", "http.status_code", "db.system", "status", "name", "release"];
    (0..count).map(|_| Attribute { key: seed.pick(&keys).to_string(), value: value(seed) }).collect()
}

fn resource(seed: &mut Seed) -> Resource {
    let maybe = |seed: &mut Seed, text: &str| (seed.below(2) == 1).then(|| text.to_string());
    Resource {
        service: seed.pick(&["shop", "billing"]).to_string(),
        release: maybe(seed, "1.0"),
        environment: maybe(seed, "live"),
        sdk: maybe(seed, "sdk/1"),
        attributes: attributes(seed),
    }
}

/// A span has the same ids only with everything else the same, as when it is sent again.
fn span(seed: &mut Seed, traces: u64) -> Span {
    let (trace, number) = (seed.below(traces), seed.below(40));
    let seed = &mut Seed(trace * 1_000 + number);
    let start_ns = START_NS + (trace * 1_000_000_000 + seed.below(9_000)) as i64;
    let span_id = |number: u64| SpanId(((trace << 32) + number + 1).to_be_bytes());
    let mut event = || SpanEvent { name: "exception".into(), time_ns: start_ns + 1, attributes: attributes(seed) };
    let events = if number % 5 == 0 { vec![event()] } else { vec![] };
    let link = SpanLink { trace_id: trace_id(9), span_id: SpanId([9; 8]), attributes: attributes(seed) };
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(number),
        parent_span_id: (number > 0).then(|| span_id(seed.below(50))),
        resource: number as usize % 2,
        source: if seed.below(2) == 0 { SpanSource::Otel } else { SpanSource::Sentry },
        kind: [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer]
            [seed.below(5) as usize],
        op: seed.pick(&["db", "http.server", "a"]).to_string(),
        name: seed.pick(&["GET /", "SELECT 1", "a", ""]).to_string(),
        status: [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error][seed.below(3) as usize],
        status_message: if number == 7 { "boom".to_string() } else { String::new() },
        start_ns,
        end_ns: start_ns + seed.below(1_000_000) as i64,
        is_local_root: number == 0,
        http_status: (number % 3 == 0).then(|| 198 + seed.below(4) as u16),
        attributes: attributes(seed),
        events,
        links: if number % 7 == 0 { vec![link] } else { vec![] },
        dropped: seed.below(2) as u32,
        transaction_json: (number == 0).then(|| b"{\"tags\":{}}".to_vec()),
    }
}

/// A request as ingest would hand it over.
fn request(batch: SpanBatch) -> Vec<Write> {
    let mut parts: BTreeMap<TraceId, TracePart> = BTreeMap::new();
    for span in &batch.spans {
        let service = &batch.resources[span.resource].service;
        let summary = TraceSummary {
            trace_id: span.trace_id,
            project_id: PROJECT,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            root: TraceRoot {
                rank: if span.is_local_root { RootRank::Root } else { RootRank::Inner },
                tie: TraceRoot::tie_of(span.span_id),
                name: span.name.clone(),
                op: span.op.clone(),
                service: service.clone(),
                kind: span.kind,
                source: span.source,
                status: span.status,
                http_status: span.http_status,
                start_ns: span.start_ns,
                duration_ns: span.duration_ns(),
            },
            span_count: 1,
            failed_span_count: u64::from(span.status == SpanStatus::Error),
            db_span_count: u64::from(span.is_db()),
            has_sentry: span.source == SpanSource::Sentry,
            has_otel: span.source == SpanSource::Otel,
            is_request: span.is_local_root,
            services: vec![service.clone()],
            error_count: 0,
        };
        let key =
            (u64::from_be_bytes(span.span_id.0) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64 & 0x7fff_ffff_ffff;
        match parts.entry(span.trace_id) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(TracePart { spans_key: key, summary });
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                entry.get_mut().spans_key ^= key;
                entry.get_mut().summary.merge(summary, 16);
            }
        }
    }
    vec![Write::Spans(SpansWrite {
        project_id: PROJECT,
        received_ms: NOW_MS,
        body: compress(&encode_spans(batch)),
        parts: parts.into_values().collect(),
        transactions: 0,
    })]
}

fn some_batch(seed: &mut Seed, traces: u64) -> SpanBatch {
    let resources = vec![resource(&mut Seed(1)), resource(&mut Seed(2))];
    let mut spans: Vec<Span> = (0..1 + seed.below(40)).map(|_| span(seed, traces)).collect();
    spans.sort_by_key(|span| span.span_id);
    spans.dedup_by_key(|span| span.span_id);
    SpanBatch { resources, spans }
}

fn requests(seed: &mut Seed, count: usize, traces: u64) -> Vec<Vec<Write>> {
    let mut made: Vec<SpanBatch> = Vec::new();
    for _ in 0..count {
        if !made.is_empty() && seed.below(6) == 0 {
            // The answer was lost: the same again.
            made.push(made[seed.below(made.len() as u64) as usize].clone());
            continue;
        }
        made.push(some_batch(seed, traces));
    }
    made.into_iter().map(request).collect()
}

const SEARCHES: &[&str] = &[
    "a:a",
    "a:200",
    "a:0.5",
    "a:true",
    "a:nowhere",
    "db.system:GET",
    "status:error",
    "otel.status_code:ERROR",
    "name:a",
    "span.name:\"SELECT 1\"",
    "span.op:http.server",
    "http.status_code:200",
    "http.response.status_code:201",
    "service.name:billing",
    "release:1.0",
    "environment:live",
    "environment:test",
    "http.status_code:>=200",
    "http.status_code:[198, 201] !a:a",
    "span.duration:>900us",
    "span.duration:<=0.1ms OR span.kind:producer",
    "status_message:BOO",
    "!has:a !has:db.system",
    "select",
    "get a:a",
    "!select !get",
    "http*ver span.status:ok",
    "a:>198",
    "(a:g* OR a:o*) service:shop",
    "release.version:>0.9 has:environment",
    "2468acf13579bde0",
];

/// Everything a reader can see: every trace with its spans, and what every search finds, page by page.
#[derive(Debug, PartialEq)]
struct Seen {
    spans: Vec<Vec<(Span, Resource)>>,
    listed: Vec<TraceSummary>,
    found: Vec<Vec<TraceId>>,
}

impl Seen {
    /// As an assertion, but saying where.
    fn is_still(&self, now: &Self, what: &str) {
        for (trace, (before, now)) in self.spans.iter().zip(&now.spans).enumerate() {
            let ids = |spans: &[(Span, Resource)]| spans.iter().map(|(span, _)| span.span_id).collect::<Vec<_>>();
            assert_eq!(ids(before), ids(now), "{what}: spans of trace {trace}");
            for (before, now) in before.iter().zip(now) {
                assert_eq!(before, now, "{what}: trace {trace}");
            }
        }
        for (before, now) in self.listed.iter().zip(&now.listed) {
            assert_eq!(before, now, "{what}");
        }
        let searches = SEARCHES.iter().map(|text| asked(text)).chain(some_exprs());
        for ((before, now), search) in self.found.iter().zip(&now.found).zip(searches) {
            assert_eq!(before, now, "{what}: {search}");
        }
        assert!(self == now);
    }
}

async fn look(store: &Store, traces: u64) -> Seen {
    let mut seen = Seen { spans: vec![], listed: vec![], found: vec![] };
    for no in 0..traces {
        let batch = store.trace_spans(trace_id(no), usize::MAX).await.unwrap().batch;
        let mut spans: Vec<(Span, Resource)> = batch
            .spans
            .into_iter()
            .map(|span| (Span { resource: 0, ..span.clone() }, batch.resources[span.resource].clone()))
            .collect();
        spans.sort_by_key(|(span, _)| span.span_id);
        seen.spans.push(spans);
    }
    seen.listed = pages(store, Expr::Everything).await;
    for text in SEARCHES {
        let found = pages(store, asked(text)).await;
        seen.found.push(found.into_iter().map(|trace| trace.trace_id).collect());
    }
    for expr in some_exprs() {
        let found = pages(store, expr).await;
        seen.found.push(found.into_iter().map(|trace| trace.trace_id).collect());
    }
    seen
}

fn asked(text: &str) -> Expr {
    parse_search(text, Dataset::Spans, NOW_MS).unwrap()
}

/// What is asked above, put together in any way; the same in every run.
fn some_exprs() -> Vec<Expr> {
    let mut seed = Seed(77);
    let mut exprs: Vec<Expr> = SEARCHES.iter().map(|text| asked(text)).collect();
    for _ in 0..12 {
        let parts: Vec<Expr> =
            (0..1 + seed.below(3)).map(|_| exprs[seed.below(exprs.len() as u64) as usize].clone()).collect();
        exprs.push(match seed.below(3) {
            0 => Expr::and(parts),
            1 => Expr::or(parts),
            _ => Expr::and(parts).negated(),
        });
    }
    exprs.split_off(SEARCHES.len())
}

async fn pages(store: &Store, expr: Expr) -> Vec<TraceSummary> {
    let mut query = TraceQuery { expr, limit: 7, ..TraceQuery::default() };
    let mut all = Vec::new();
    loop {
        let page = store.traces(query.clone()).await.unwrap();
        all.extend(page.traces);
        query.before = page.next_before;
        if query.before.is_none() {
            return all;
        }
    }
}

/// A store that seals and merges nothing by itself.
async fn open_still() -> Opened {
    let opened = open();
    opened.store.keeper.close().await;
    opened
}

/// Runs a chore until it has nothing more to do; how often it did something.
async fn run(opened: &Opened, seal_after_s: u64, chore: fn(&mut Keeper) -> Result<Progress, StoreError>) -> usize {
    let settings = StoreSettings { seal_after_s, ..StoreSettings::default() };
    let mut keeper = Keeper::of(&opened.store, settings).unwrap();
    let work = move || (0..).take_while(|_| chore(&mut keeper).unwrap() == Progress::More).count();
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn count_of(opened: &Opened, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(opened.store.path()).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn sealed_and_merged_spans_are_the_same_spans() {
    const TRACES: u64 = 25;
    for seed in 1..4 {
        let mut seed = Seed(seed);
        let opened = open_still().await;
        let mut chunks = 0;
        for round in 0..5 {
            for writes in requests(&mut seed, 8, TRACES) {
                opened.store.append(writes).await.unwrap();
            }
            let before = look(&opened.store, TRACES).await;
            assert!(before.found.iter().filter(|found| !found.is_empty()).count() > 10, "searches find something");
            // Sooner than their time nothing is sealed.
            assert_eq!(run(&opened, 1_000_000_000, span_sealer::seal).await, 0);
            if round == 4 {
                // Sealed and unsealed spans beside each other.
                break;
            }
            chunks += run(&opened, 0, span_sealer::seal).await;
            assert_eq!(count_of(&opened, "span_batch"), 0);
            before.is_still(&look(&opened.store, TRACES).await, "sealing");
        }
        assert_eq!(chunks, 4);
        let before = look(&opened.store, TRACES).await;
        assert_eq!(run(&opened, 0, span_sealer::merge).await, 1);
        assert_eq!(count_of(&opened, "span_chunk"), 1);
        assert_eq!(count_of(&opened, "span_chunk_part"), 5);
        before.is_still(&look(&opened.store, TRACES).await, "merging");
    }
}

#[tokio::test]
async fn spans_delivered_again_after_sealing_are_absorbed() {
    let opened = open_still().await;
    let mut seed = Seed(7);
    let batch = some_batch(&mut seed, 3);
    opened.store.append(request(batch.clone())).await.unwrap();
    run(&opened, 0, span_sealer::seal).await;
    let before = look(&opened.store, 3).await;
    opened.store.append(request(batch.clone())).await.unwrap();
    assert_eq!(count_of(&opened, "span_batch"), 0, "nothing new came");
    // Some of them again, in another request.
    let some = SpanBatch { resources: batch.resources.clone(), spans: batch.spans[..batch.spans.len() / 2].to_vec() };
    opened.store.append(request(some)).await.unwrap();
    assert_eq!(look(&opened.store, 3).await.spans, before.spans);
    run(&opened, 0, span_sealer::seal).await;
    assert_eq!(look(&opened.store, 3).await.spans, before.spans);
}

#[tokio::test]
async fn a_chunk_is_dropped_with_the_traces_that_are_only_there() {
    let opened = open_still().await;
    let mut seed = Seed(11);
    for writes in requests(&mut seed, 12, 20) {
        opened.store.append(writes).await.unwrap();
    }
    run(&opened, 0, span_sealer::seal).await;
    for writes in requests(&mut seed, 3, 5) {
        opened.store.append(writes).await.unwrap();
    }
    let newer = look(&opened.store, 20).await;
    let drop_chunk =
        |opened: &Opened| {
            let keeper = Keeper::of(&opened.store, StoreSettings::default()).unwrap();
            tokio::task::spawn_blocking(move || {
                while keeper.write(|tx, _| drop_span_chunk(tx, 1)).unwrap() == Dropping::More {}
            })
        };
    drop_chunk(&opened).await.unwrap();
    let left = look(&opened.store, 20).await;
    assert!(left.listed.len() <= 5 && !left.listed.is_empty());
    assert!(left.spans[5..].iter().all(Vec::is_empty));
    for trace in &left.listed {
        assert!(
            newer
                .listed
                .iter()
                .any(|before| before.trace_id == trace.trace_id && before.span_count == trace.span_count)
        );
    }
    let keeper = Keeper::of(&opened.store, StoreSettings::default()).unwrap();
    let ids = {
        let connection = rusqlite::Connection::open(opened.store.path()).unwrap();
        let mut statement = connection.prepare("SELECT id FROM span_batch").unwrap();
        let ids = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        ids.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let drop_batches =
        move || ids.into_iter().for_each(|id| keeper.write(move |tx, _| drop_span_batch(tx, id)).unwrap());
    tokio::task::spawn_blocking(drop_batches).await.unwrap();
    for table in ["span_chunk", "span_chunk_part", "span_batch", "trace_part", "trace"] {
        assert_eq!(count_of(&opened, table), 0, "{table}");
    }
}

/// Labels live as long as a trace of their day may.
#[tokio::test]
async fn labels_go_when_their_traces_have_gone() {
    let opened = open_still().await;
    let day_ns = 86_400_000_000_000;
    let mut seed = Seed(3);
    for (no, name) in ["old", "new"].iter().enumerate() {
        let start_ns = START_NS + 10 * day_ns * no as i64;
        let base = span(&mut seed, 1);
        let span = Span {
            trace_id: trace_id(no as u64),
            name: name.to_string(),
            start_ns,
            end_ns: start_ns,
            resource: 0,
            ..base
        };
        opened
            .store
            .append(request(SpanBatch { resources: vec![resource(&mut seed)], spans: vec![span] }))
            .await
            .unwrap();
    }
    let keeper = Keeper::of(&opened.store, StoreSettings::default()).unwrap();
    let forget = move || {
        keeper.write(|tx, _| trace_rows::forget_labels(tx)).unwrap();
        let count = |tx: &rusqlite::Transaction<'_>, _: &mut _| {
            Ok(tx.query_row("SELECT count(*) FROM trace_label", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(keeper.write(count).unwrap(), 2);
        keeper.write(|tx, _| drop_span_batch(tx, 1)).unwrap();
        keeper.write(|tx, _| trace_rows::forget_labels(tx)).unwrap();
    };
    tokio::task::spawn_blocking(forget).await.unwrap();
    assert_eq!(count_of(&opened, "trace_label"), 1);
    assert_eq!(pages(&opened.store, Expr::Everything).await[0].root.name, "new");
}

/// A search without any time finds one stretch after the other, says how far it came, and ends.
#[tokio::test]
async fn a_search_that_is_given_up_says_where_and_goes_on_there() {
    let opened = open_still().await;
    let mut seed = Seed(5);
    for round in 0..6 {
        // Ten seconds from one chunk to the next.
        for no in [round * 10, round * 10 + 1] {
            let start_ns = START_NS + no as i64 * 1_000_000_000;
            let name = "here".to_string();
            let span =
                Span { trace_id: trace_id(no), name, start_ns, end_ns: start_ns, resource: 0, ..span(&mut seed, 1) };
            let batch = SpanBatch { resources: vec![resource(&mut seed)], spans: vec![span] };
            opened.store.append(request(batch)).await.unwrap();
        }
        if round < 5 {
            run(&opened, 0, span_sealer::seal).await;
        }
    }
    let connection = rusqlite::Connection::open(opened.store.path()).unwrap();
    let mut filter = trace_rows::TraceFilter::default();
    let here = AskedSpans::new(asked("span.name:here"));
    let mut found = Vec::new();
    let mut stops = Vec::new();
    loop {
        let page = trace_search::search(&connection, &filter, &here, 50, Duration::ZERO).unwrap();
        found.extend(page.traces.iter().map(|trace| trace.trace_id));
        stops.extend(page.searched_to_ns);
        assert!(
            page.traces.iter().all(|trace| Some(trace.start_ns) >= page.searched_to_ns),
            "what is not searched yet"
        );
        match page.next_before {
            Some(position) => filter.before = position.0,
            None => break,
        }
    }
    let expected: Vec<TraceId> = (0..6).rev().flat_map(|round| [round * 10 + 1, round * 10]).map(trace_id).collect();
    assert_eq!(found, expected);
    assert!(stops.len() >= 5 && stops.is_sorted_by(|one, next| one > next), "{stops:?}");
}
