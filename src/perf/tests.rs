//! Requests with their queries, as both kinds of SDK send them: what is counted, and what is found.

use super::*;
use crate::config::Performance;
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanBatch, SpanKind, SpanSource, SpanStatus};

const MS: i64 = 1_000_000;
const START: i64 = 1_800_000_000_000 * MS;

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_string(), value: AttributeValue::Text(value.to_string()) }
}

/// From `at_ms` on for `ms`.
fn span(id: u64, parent: u64, at_ms: i64, ms: i64) -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId(id.to_be_bytes()),
        parent_span_id: (parent > 0).then(|| SpanId(parent.to_be_bytes())),
        start_ns: START + at_ms * MS,
        end_ns: START + (at_ms + ms) * MS,
        ..Span::default()
    }
}

fn request(id: u64, parent: u64, ms: i64) -> Span {
    Span {
        kind: SpanKind::Server,
        op: "http.server".to_string(),
        name: "GET /books/".to_string(),
        is_local_root: true,
        http_status: Some(200),
        ..span(id, parent, 0, ms)
    }
}

fn query(id: u64, parent: u64, at_ms: i64, ms: i64, sql: &str) -> Span {
    Span {
        kind: SpanKind::Client,
        op: "db".to_string(),
        name: sql.to_string(),
        attributes: vec![text("db.system", "postgresql"), text("db.statement", sql)],
        ..span(id, parent, at_ms, ms)
    }
}

const AUTHOR: &str = r#"SELECT "a"."id" FROM "shop_author" AS "a" WHERE "a"."id" = %s LIMIT 21"#;

/// A request with as many equal queries.
fn with_loop(queries: u64, ms: i64) -> Vec<Span> {
    let loops = (0..queries).map(|n| query(10 + n, 1, n as i64 * (ms + 1), ms, AUTHOR));
    std::iter::once(request(1, 0, 1_000)).chain(loops).collect()
}

fn batch(spans: Vec<Span>) -> SpanBatch {
    let resource = Resource {
        service: "shop".to_string(),
        release: Some("shop@1".to_string()),
        environment: Some("live".to_string()),
        ..Resource::default()
    };
    SpanBatch { resources: vec![resource], spans }
}

fn found(spans: Vec<Span>) -> Vec<Finding> {
    let batch = batch(spans);
    find(&Reading::of(&batch, &mut SqlCache::default()), &Performance::default())
}

fn counted(spans: Vec<Span>) -> Vec<(RollupKey, Stats)> {
    let batch = batch(spans);
    let mut rollup = Rollup::new();
    roll_up(&Reading::of(&batch, &mut SqlCache::default()), |_| true, &mut rollup);
    let mut all: Vec<(RollupKey, Stats)> = rollup.into_iter().map(|((_, key), counted)| (key, counted.stats)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn a_request_counts_with_its_queries_and_they_with_it() {
    let mut spans = with_loop(3, 10);
    spans.push(query(90, 99, 0, 5, "SELECT 1"));
    let all = counted(spans);
    let names: Vec<(MeasuredKind, &str, Option<&str>)> = all
        .iter()
        .map(|(key, _)| (key.kind, key.name.as_str(), key.within.as_ref().map(|(_, name)| name.as_str())))
        .collect();
    let author = r#"SELECT "a"."id" FROM "shop_author" AS "a" WHERE "a"."id" = ? LIMIT ?"#;
    assert_eq!(
        names,
        [
            (MeasuredKind::Endpoint, "GET /books/", None),
            (MeasuredKind::Query, author, Some("GET /books/")),
            (MeasuredKind::Query, "SELECT ?", None),
        ]
    );
    assert_eq!((all[0].1.count, all[0].1.sql_count, all[0].1.sql_us, all[0].1.total_us), (1, 3, 30_000, 1_000_000));
    assert_eq!((all[1].1.count, all[1].1.total_us), (3, 30_000));
    assert_eq!((all[0].0.service.as_str(), all[0].0.release.as_str()), ("shop", "shop@1"));
}

#[test]
fn sentrys_transactions_and_opentelemetrys_spans_count_alike() {
    let of_source = |source| {
        let spans = with_loop(3, 10).into_iter().map(|span| Span {
            source,
            attributes: [span.attributes.clone(), vec![text("http.route", "books/")]].concat(),
            ..span
        });
        counted(spans.collect())
    };
    assert_eq!(of_source(SpanSource::Sentry), of_source(SpanSource::Otel));
}

#[test]
fn failures_are_errors_and_answers_of_the_500s_and_nothing_else() {
    let failed = |change: fn(&mut Span)| {
        let mut span = request(1, 0, 10);
        change(&mut span);
        counted(vec![span])[0].1.failed()
    };
    assert_eq!(failed(|_| {}), 0);
    assert_eq!(failed(|span| span.http_status = Some(404)), 0);
    assert_eq!(failed(|span| span.http_status = Some(503)), 1);
    assert_eq!(failed(|span| span.status = SpanStatus::Error), 1);
}

#[test]
fn only_whole_requests_and_jobs_are_counted() {
    let kinds = |spans| counted(spans).into_iter().map(|(key, _)| key.kind).collect::<Vec<_>>();
    // The framework's span within the server's, both of OpenTelemetry.
    let inner = Span { source: SpanSource::Otel, ..request(2, 1, 5) };
    let outer = Span { source: SpanSource::Otel, ..request(1, 0, 10) };
    assert_eq!(kinds(vec![outer, inner]), [MeasuredKind::Endpoint]);
    let task = Span { kind: SpanKind::Consumer, op: "queue.task.celery".to_string(), ..request(2, 1, 5) };
    assert_eq!(kinds(vec![request(1, 0, 10), task]), [MeasuredKind::Endpoint, MeasuredKind::Task]);
    let op = |op: &str| Span { kind: SpanKind::Internal, op: op.to_string(), ..request(1, 0, 10) };
    assert!(kinds(vec![op("pageload")]).is_empty());
    assert_eq!(kinds(vec![op("cron")]), [MeasuredKind::Task]);
    // Redis takes no SQL, and of a library and its driver the library counts.
    let redis = Span { op: "db.redis".to_string(), ..query(5, 1, 0, 1, "GET a") };
    assert!(kinds(vec![redis]).is_empty());
    assert!(kinds(vec![query(5, 1, 0, 1, "connect")]).is_empty());
    assert_eq!(kinds(vec![query(5, 0, 0, 4, "SELECT 1"), query(6, 5, 0, 2, "SELECT 1")]), [MeasuredKind::Query]);
    // Spans that are each other's parents are nobody's.
    assert!(kinds(vec![span(1, 2, 0, 1), span(2, 1, 0, 1)]).is_empty());
}

#[test]
fn addresses_without_a_route_do_not_make_an_endpoint_each() {
    let name = |path: &str, status| {
        let transaction_json = Some(br#"{"transaction_info":{"source":"url"}}"#.to_vec());
        let span =
            Span { name: format!("GET {path}"), http_status: Some(status), transaction_json, ..request(1, 0, 1) };
        counted(vec![span])[0].0.name.clone()
    };
    assert_eq!(name("/wp-login.php", 404), "GET (no route)");
    let bare = Span {
        name: "GET".to_string(),
        source: SpanSource::Otel,
        http_status: Some(404),
        attributes: Vec::new(),
        ..request(1, 0, 1)
    };
    assert_eq!(counted(vec![bare])[0].0.name, "GET (no route)");
    assert_eq!(name("/books/17/pages/0f8fad5b-d9cb-469f-a165-70867728950e?x=1", 200), "GET /books/{id}/pages/{id}");
    let name_of = |name: &str| counted(vec![Span { name: name.to_string(), ..request(1, 0, 1) }])[0].0.name.clone();
    assert_eq!(name_of("GET /books/<int:pk>/pages/<slug>/"), "GET /books/{pk}/pages/{slug}/");
    assert_eq!(name_of("GET /a<b/ <>"), "GET /a<b/ <>");
    let routed = Span { name: "GET /books/17/".to_string(), ..request(1, 0, 1) };
    assert_eq!(counted(vec![routed])[0].0.name, "GET /books/17/", "somebody named it so");
}

#[test]
fn a_loop_of_queries_is_found_once_and_a_few_are_none() {
    assert!(found(with_loop(4, 10)).is_empty());
    let five = found(with_loop(5, 10));
    assert_eq!(five.len(), 1);
    assert_eq!((five[0].kind, five[0].count, five[0].total_us), (FindingKind::NPlusOne, 5, 50_000));
    assert_eq!((five[0].within.as_str(), five[0].spans.len()), ("GET /books/", 5));
    assert_eq!(five[0].table.as_deref(), Some("shop_author"));
    // Too short to matter: 5 ms of a second.
    assert!(found(with_loop(5, 1)).is_empty());
    assert_eq!(found(with_loop(60, 1)).len(), 1);
}

#[test]
fn queries_at_the_same_time_are_no_loop() {
    let mut spans = with_loop(6, 50);
    for span in &mut spans[1..] {
        (span.start_ns, span.end_ns) = (START, START + 50 * MS);
    }
    assert!(found(spans).is_empty());
}

#[test]
fn the_line_of_code_tells_loops_apart_when_all_queries_name_it() {
    let at = |span: &mut Span, line: i64| {
        span.attributes.push(text("code.filepath", "shop/views.py"));
        span.attributes.push(text("code.function", if line < 50 { "books" } else { "authors" }));
        span.attributes.push(Attribute { key: "code.lineno".to_string(), value: AttributeValue::Int(line) });
    };
    let mut spans = with_loop(10, 10);
    spans[1..].iter_mut().enumerate().for_each(|(n, span)| at(span, if n % 2 == 0 { 10 } else { 90 }));
    // Each below a span of its own, as templates are rendered.
    for (n, span) in spans[1..].iter_mut().enumerate() {
        span.parent_span_id = Some(SpanId((100 + n as u64).to_be_bytes()));
    }
    spans.extend((0..10).map(|n| span(100 + n, 1, 0, 500)));
    let two = found(spans);
    assert_eq!(two.len(), 2);
    assert_ne!(two[0].cause_key(), two[1].cause_key());
    let sites: Vec<String> = two.iter().flat_map(|finding| &finding.call_site).map(ToString::to_string).collect();
    assert!(sites.contains(&"shop/views.py:10 in books".to_string()), "{sites:?}");
    // Lines move with every release; the cause is the same.
    let mut moved = with_loop(5, 10);
    moved[1..].iter_mut().for_each(|span| at(span, 12));
    let moved = found(moved);
    assert!(two.iter().any(|finding| finding.cause_key() == moved[0].cause_key()));
    // Named for some only, as when only slow queries are looked up: it does not count.
    let mut some = with_loop(6, 10);
    at(&mut some[1], 10);
    let none = found(with_loop(6, 10));
    assert_eq!(found(some)[0].cause_key(), none[0].cause_key());
}

#[test]
fn a_slow_query_is_found_and_not_told_twice() {
    let slow = found(vec![request(1, 0, 3_000), query(2, 1, 0, 1_500, AUTHOR)]);
    assert_eq!(slow.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::SlowQuery]);
    // Twice in one request is one finding; a slow loop is a loop.
    let twice = vec![request(1, 0, 9_000), query(2, 1, 0, 1_500, AUTHOR), query(3, 1, 2_000, 1_500, AUTHOR)];
    assert_eq!(found(twice).iter().map(|finding| finding.count).collect::<Vec<_>>(), [2]);
    let looped = found(with_loop(5, 1_100));
    assert_eq!(looped.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::NPlusOne]);
}

#[test]
fn a_cause_has_one_id_in_a_trace_and_others_in_others() {
    let one = &found(with_loop(5, 10))[0];
    let more = &found(with_loop(9, 12))[0];
    assert_eq!((one.cause_key(), one.event_id()), (more.cause_key(), more.event_id()));
    let mut other = one.clone();
    other.trace_id = TraceId([2; 16]);
    assert_eq!(one.cause_key(), other.cause_key());
    assert_ne!(one.event_id(), other.event_id());
    let json = serde_json::to_string(one).unwrap();
    assert_eq!(&serde_json::from_str::<Finding>(&json).unwrap(), one);
}

#[test]
fn sums_come_back_as_they_were_and_add_up() {
    let mut all = counted(with_loop(7, 3));
    let (_, mut one) = all.remove(0);
    assert_eq!(Stats::from_bytes(&one.to_bytes()), Some(one.clone()));
    assert_eq!(Stats::from_bytes(&[]), None);
    assert_eq!(Stats::from_bytes(&Stats::default().to_bytes()), Some(Stats::default()));
    let (_, two) = all.remove(0);
    one.merge(&two);
    assert_eq!((one.count, one.histogram.count()), (8, 8));
    // Seven of 3 ms and one of a second: put up with, which is half.
    assert_eq!(one.apdex(500_000), Some(7.5 / 8.0));
    assert_eq!(one.apdex(100), Some(0.0));
    assert_eq!(Stats::default().apdex(500), None);
    // One of the fast ones fails: it satisfies nobody.
    one.failures.add(3_000);
    assert_eq!(one.apdex(500_000), Some(6.5 / 8.0));
    assert_eq!(Stats::from_bytes(&one.to_bytes()), Some(one));
}

/// A request as both SDKs of its process tell it: the caller's span 7, Sentry's 1, OpenTelemetry's 2; queries of each.
fn told_twice(sentrys_queries: u64, otels_queries: u64) -> Vec<Span> {
    let otel = Span { source: SpanSource::Otel, start_ns: START + MS, resource: 1, ..request(2, 7, 990) };
    let mut spans = vec![request(1, 7, 1_000), otel];
    spans.extend((0..sentrys_queries).map(|n| query(10 + n, 1, 10 + 12 * n as i64, 10, AUTHOR)));
    let of_otel =
        |n| Span { source: SpanSource::Otel, resource: 1, ..query(50 + n, 2, 10 + 12 * n as i64, 10, AUTHOR) };
    spans.extend((0..otels_queries).map(of_otel));
    spans
}

fn two_services(spans: Vec<Span>) -> SpanBatch {
    let mut batch = batch(spans);
    batch.resources.push(Resource { service: "otel-shop".to_string(), ..Resource::default() });
    batch
}

fn counts(batch: &SpanBatch, rank: &dyn Fn(usize) -> u8) -> Vec<(MeasuredKind, String, u64, u64)> {
    let mut rollup = Rollup::new();
    roll_up(&Reading::ranked(batch, &mut SqlCache::default(), rank), |_| true, &mut rollup);
    let row = |((_, key), Counted { stats, .. }): ((i64, RollupKey), Counted)| {
        (key.kind, key.service, stats.count, stats.sql_count)
    };
    let mut rows: Vec<_> = rollup.into_iter().map(row).collect();
    rows.sort();
    rows
}

#[test]
fn a_request_that_both_sdks_of_a_process_tell_of_counts_once() {
    let shop = |count, sql| (MeasuredKind::Endpoint, "shop".to_string(), count, sql);
    let asked = |service: &str, count| (MeasuredKind::Query, service.to_string(), count, 0);
    assert_eq!(counts(&two_services(told_twice(3, 3)), &|_| 0), [shop(1, 3), asked("shop", 3)]);
    // Sentry's SDK saw no queries.
    assert_eq!(counts(&two_services(told_twice(0, 3)), &|_| 0), [shop(1, 3), asked("otel-shop", 3)]);
    // OpenTelemetry's was counted before.
    let otel = (MeasuredKind::Endpoint, "otel-shop".to_string(), 1, 3);
    let batch = two_services(told_twice(4, 3));
    let is_sentrys = |place: usize| u8::from(batch.spans[place].source == SpanSource::Sentry);
    assert_eq!(counts(&batch, &is_sentrys), [otel, asked("otel-shop", 3)]);
    // What was found twice is one cause.
    let found = find(&Reading::of(&two_services(told_twice(6, 6)), &mut SqlCache::default()), &Performance::default());
    assert_eq!(found.iter().map(|finding| finding.count).collect::<Vec<_>>(), [6]);
}

#[test]
fn requests_that_only_look_alike_count_each() {
    let endpoints = |change: fn(&mut Vec<Span>)| {
        let mut spans = told_twice(0, 0);
        change(&mut spans);
        let rows = counts(&two_services(spans), &|_| 0);
        rows.iter().map(|(_, _, count, _)| count).sum::<u64>()
    };
    assert_eq!(endpoints(|_| {}), 1);
    // Sentry's shop calls OpenTelemetry's.
    assert_eq!(endpoints(|spans| spans[1].parent_span_id = Some(spans[0].span_id)), 2);
    // Another service with another route, at the same time, of one page.
    assert_eq!(endpoints(|spans| spans[1].name = "GET /prices/".to_string()), 2);
    // The same route of another service for somebody else.
    assert_eq!(endpoints(|spans| spans[1].parent_span_id = Some(SpanId([8; 8]))), 2);
    // One after the other.
    assert_eq!(
        endpoints(|spans| {
            spans[1].start_ns += 5_000 * MS;
            spans[1].end_ns += 5_000 * MS;
        }),
        2
    );
    // Both of one protocol.
    assert_eq!(endpoints(|spans| spans[1].source = SpanSource::Sentry), 2);
    // Two at once are two, each told of twice.
    let twice = |spans: &mut Vec<Span>| {
        let again = |n: usize| Span { span_id: SpanId([60 + n as u8; 8]), ..told_twice(0, 0).remove(n) };
        spans.extend([again(0), again(1)]);
    };
    assert_eq!(endpoints(twice), 2);
    // Callers that were told of twice themselves: the same route, called by one request.
    let callers = |spans: &mut Vec<Span>| {
        let calls = |id, parent, source| Span { source, kind: SpanKind::Client, ..span(id, parent, 0, 1_000) };
        let outer = |id, source| Span { source, resource: 0, name: "GET /".to_string(), ..request(id, 0, 2_000) };
        spans.extend([outer(71, SpanSource::Sentry), calls(73, 71, SpanSource::Sentry)]);
        spans.extend([outer(72, SpanSource::Otel), calls(74, 72, SpanSource::Otel)]);
        spans[0].start_ns += MS;
        spans[0].parent_span_id = Some(SpanId(73_u64.to_be_bytes()));
        spans[1].parent_span_id = Some(SpanId(74_u64.to_be_bytes()));
    };
    assert_eq!(endpoints(callers), 2);
}

#[test]
fn a_finding_says_whose_request_it_was() {
    let asker = |change: &dyn Fn(&mut Vec<Span>)| {
        let mut spans = with_loop(6, 40);
        change(&mut spans);
        let found = found(spans);
        assert_eq!(found.len(), 1);
        found[0].asker.clone()
    };
    assert_eq!(asker(&|_| ()), None);
    let ada =
        Some(Asker { id: Some("42".to_string()), email: Some("ada@example.org".to_string()), ..Asker::default() });
    let name = |span: &mut Span| {
        span.attributes.extend([
            text("enduser.id", " 42 "),
            text("user.email", "ada@example.org"),
            text("user.name", " "),
        ]);
    };
    assert_eq!(asker(&|spans| name(&mut spans[0])), ada);
    // Below the span of the server, and by the request's own before that.
    assert_eq!(asker(&|spans| name(&mut spans[3])), ada);
    let both = asker(&|spans| {
        name(&mut spans[0]);
        spans[3].attributes.push(text("user.id", "7"));
    });
    assert_eq!(both, ada);
    // Another request of the trace is somebody else's.
    let other = asker(&|spans| {
        spans.push(request(700, 0, 10));
        name(spans.last_mut().unwrap());
    });
    assert_eq!(other, None);
}

#[test]
fn what_was_found_before_anybody_asked_whose_it_was_is_read() {
    let found = found(with_loop(6, 40));
    let mut kept = serde_json::to_value(&found[0]).unwrap();
    kept.as_object_mut().unwrap().remove("asker").unwrap();
    assert_eq!(serde_json::from_value::<Finding>(kept).unwrap(), found[0]);
}
