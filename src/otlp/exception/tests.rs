//! Errors of captured requests and of made-up spans and records; the bodies read as Sentry's are.

use super::*;
use crate::config::{EVENT_BYTES_MAX, JSON_DEPTH_MAX};
use crate::grouping::{self, Rules};
use crate::model::quota::DataGroups;
use crate::model::span::AttributeValue;
use crate::otlp::testing::captures::errors;
use crate::sentry::detail::event_detail;
use crate::sentry::event::{Arrival, decode_event};

const RESOURCE: [(&str, &str); 4] = [
    ("service.name", "shop"),
    ("telemetry.sdk.language", "python"),
    ("telemetry.sdk.name", "opentelemetry"),
    ("telemetry.sdk.version", "1.45.1"),
];
const TEXT: &str = include_str!("../../traceback/texts/python-chained.txt");

fn attributes(pairs: &[(&str, &str)]) -> Vec<Attribute> {
    let text = |value: &str| AttributeValue::Text(value.to_owned());
    pairs.iter().map(|(key, value)| Attribute { key: (*key).to_owned(), value: text(value) }).collect()
}

fn resource() -> Resource {
    crate::otlp::semantic::resource_meaning(attributes(&RESOURCE))
}

fn span(kind: SpanKind, is_local_root: bool) -> Span {
    let told = [
        ("exception.type", "shop.models.Book.DoesNotExist"),
        ("exception.message", "none"),
        ("exception.stacktrace", ""),
    ];
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        kind,
        is_local_root,
        name: "GET /books/<int:pk>/".to_owned(),
        status: SpanStatus::Error,
        start_ns: 1_800_000_000_000_000_000,
        attributes: attributes(&[
            ("http.method", "GET"),
            ("http.url", "http://shop.test/books/1/?token=5"),
            ("http.user_agent", "curl/8"),
            ("enduser.id", "42"),
            ("cart.size", "3"),
        ]),
        events: vec![
            SpanEvent { name: "exception".into(), time_ns: 1_800_000_000_123_000_000, attributes: attributes(&told) },
            SpanEvent { name: "retry".into(), time_ns: 0, attributes: attributes(&told) },
        ],
        ..Span::default()
    }
}

fn record(severity: u8, told: &[(&str, &str)]) -> LogRecord {
    LogRecord {
        time_ns: 1_800_000_000_123_000_000,
        severity,
        body: "could not pay".to_owned(),
        logger: Some("shop.views".to_owned()),
        trace_id: Some(TraceId([1; 16])),
        span_id: Some(SpanId([3; 8])),
        attributes: attributes(told),
        ..LogRecord::default()
    }
}

fn decoded(item: Incoming) -> Vec<Event> {
    let mut decoded = Decoded { items: vec![item], refused: Vec::new() };
    add_errors(&mut decoded, 17);
    assert_eq!(decoded.refused, []);
    let items = decoded.items.into_iter();
    items.filter_map(|item| if let Incoming::Event(event) = item { Some(*event) } else { None }).collect()
}

fn of_span(span: Span) -> Vec<Event> {
    decoded(Incoming::Spans { batch: SpanBatch { resources: vec![resource()], spans: vec![span] }, transactions: 0 })
}

fn of_record(record: LogRecord) -> Vec<Event> {
    decoded(Incoming::Logs(LogBatch { resources: vec![resource()], records: vec![record] }))
}

/// The body as whoever shows or groups the event again reads it.
fn read_again(event: &Event) -> Event {
    let arrival = Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: event.timestamp_ms,
        client_ip: None,
        infer_ip: None,
        fresh_id: EventId([9; 16]),
    };
    let limits = crate::sentry::Limits {
        items_max: 1,
        event_bytes_max: EVENT_BYTES_MAX,
        transaction_bytes_max: 0,
        item_bytes_max: 0,
        closed: DataGroups::NONE,
        attachment_bytes_max: 0,
        depth_max: JSON_DEPTH_MAX,
        spans_max: 0,
    };
    decode_event(&event.body, &arrival, &limits).expect("valid JSON")
}

#[track_caller]
fn assert_reads_again(event: &Event) {
    let again = read_again(event);
    let expected = Event { report: None, body: again.body.clone(), more: again.more.clone(), ..event.clone() };
    assert_eq!(again, expected);
    let group = |event: &Event| grouping::group(event, Rules::none());
    assert_eq!(group(&again), group(event));
    assert_eq!(event_detail(&event.body).field_errors, []);
}

#[test]
fn bodies_read_again_give_the_event() {
    let [by_span] = &of_span(span(SpanKind::Server, true))[..] else { panic!() };
    assert_reads_again(by_span);
    let told = [("exception.type", "JSONDecodeError"), ("exception.message", "x"), ("exception.stacktrace", TEXT)];
    let [by_log] = &of_record(record(17, &told))[..] else { panic!() };
    assert_reads_again(by_log);
    for case in ["traces-failure", "traces-failure-semconv-stable", "logs-failure"] {
        errors(&format!("otlp-python-1.45.1/{case}")).iter().for_each(assert_reads_again);
    }
    errors("otlp-js-0.223.1/traces-failure").iter().for_each(assert_reads_again);
}

#[test]
fn only_spans_that_nothing_of_their_process_surrounds_have_errors() {
    for (kind, is_local_root, expected) in [
        (SpanKind::Server, true, 1),
        (SpanKind::Consumer, true, 1),
        (SpanKind::Internal, true, 1),
        (SpanKind::Internal, false, 0),
        (SpanKind::Client, false, 0),
        // A query outside of any request: whoever made it may have expected that.
        (SpanKind::Client, true, 0),
        (SpanKind::Producer, true, 0),
    ] {
        assert_eq!(of_span(span(kind, is_local_root)).len(), expected, "{kind:?} {is_local_root}");
    }
}

#[test]
fn a_spans_error_has_what_its_span_and_process_say() {
    let event = of_span(span(SpanKind::Server, true)).remove(0);
    let raised = &event.exceptions[0];
    assert_eq!((raised.module.as_deref(), raised.ty.as_deref()), (Some("shop.models"), Some("Book.DoesNotExist")));
    assert_eq!((raised.value.as_deref(), event.is_unhandled()), (Some("none"), true));
    assert_eq!((event.platform.as_str(), event.level), ("python", Level::Error));
    assert_eq!(event.transaction.as_deref(), Some("/books/<int:pk>/"));
    assert_eq!(event.request_url.as_deref(), Some("http://shop.test/books/1/"));
    assert_eq!(event.user.as_deref(), Some("id:42"));
    assert_eq!(event.sdk.as_deref(), Some("opentelemetry.python/1.45.1"));
    assert_eq!(event.fingerprint.as_deref(), Some(&["{{ default }}".to_owned(), "shop".to_owned()][..]));
    assert_eq!((event.timestamp_ms, event.span_id), (1_800_000_000_123, Some(SpanId([2; 8]))));
    let detail = event_detail(&event.body);
    assert_eq!(detail.extra.iter().map(|extra| extra.name.as_str()).collect::<Vec<_>>(), ["cart.size"]);
    assert_eq!(detail.request.unwrap().query[0].key, "token");
}

#[test]
fn the_same_report_has_the_same_id_and_another_one_another() {
    let id = |change: fn(&mut Span)| {
        let mut span = span(SpanKind::Server, true);
        change(&mut span);
        of_span(span).remove(0).event_id
    };
    assert_eq!(id(|_| ()), id(|span| span.name = "other".into()));
    assert_ne!(id(|_| ()), id(|span| span.span_id = SpanId([9; 8])));
    assert_ne!(id(|_| ()), id(|span| span.events[0].time_ns += 1));
}

#[test]
fn log_records_are_errors_from_the_level_error_on() {
    let told = [("exception.type", "KeyError"), ("exception.message", "price")];
    for (severity, expected) in [(0, 0), (9, 0), (13, 0), (16, 0), (17, 1), (21, 1)] {
        assert_eq!(of_record(record(severity, &told)).len(), expected, "{severity}");
    }
    // An error of no exception is a log.
    assert_eq!(of_record(record(17, &[("exception.type", " "), ("a", "b")])), []);
    let mut warned = Decoded::default();
    warned.items.push(Incoming::Logs(LogBatch { resources: vec![], records: vec![record(13, &told)] }));
    add_errors(&mut warned, 13);
    assert!(matches!(&warned.items[1], Incoming::Event(event) if event.level == Level::Warning));
}

#[test]
fn a_records_error_has_the_chain_of_its_stack_trace_and_its_own_words() {
    let told = [
        ("exception.type", "JSONDecodeError"),
        ("exception.message", "cut"),
        ("exception.stacktrace", TEXT),
        ("code.lineno", "7"),
    ];
    let event = of_record(record(21, &told)).remove(0);
    let types: Vec<_> = event.exceptions.iter().map(|exception| exception.ty.as_deref().unwrap()).collect();
    assert_eq!(types, ["KeyError", "PriceError", "JSONDecodeError"]);
    assert_eq!(event.exceptions[2].module.as_deref(), Some("json.decoder"));
    assert_eq!((event.level, event.is_unhandled()), (Level::Fatal, false));
    assert_eq!(event.message.as_ref().unwrap().formatted, "could not pay");
    assert_eq!(event.logger.as_deref(), Some("shop.views"));
    let detail = event_detail(&event.body);
    assert!(detail.extra.iter().any(|extra| extra.name == "exception.stacktrace" && extra.value == TEXT));
    assert_eq!(grouping::title(&event, &grouping::group(&event, Rules::none())).function.as_deref(), Some("chained"));
}

#[test]
fn captured_failures_are_one_error_with_frames_of_the_application() {
    for case in ["traces-failure", "traces-failure-semconv-dup", "logs-failure"] {
        let found = errors(&format!("otlp-python-1.45.1/{case}"));
        assert!(!found.is_empty(), "{case}");
        for event in &found {
            let raised = event.exceptions.last().unwrap();
            assert!(raised.frames.iter().any(|frame| frame.in_app == Some(true)), "{case}: {raised:?}");
            assert!(raised.frames.iter().any(|frame| frame.in_app == Some(false)), "{case}");
            assert_eq!((event.release.as_deref(), event.environment.as_deref()), (Some("1.9.2"), Some("production")));
        }
    }
    let (by_span, by_log) =
        (errors("otlp-python-1.45.1/traces-failure"), errors("otlp-json-python-0.66b1/traces-failure"));
    let hashes = |events: &[Event]| grouping::group(&events[0], Rules::none()).variants[0];
    assert_eq!(hashes(&by_span), hashes(&by_log));
    let javascript = errors("otlp-js-0.223.1/traces-failure");
    // Its resource does not say.
    assert_eq!(javascript[0].platform, "javascript");
    assert!(javascript[0].exceptions[0].frames.len() > 1);
}

#[test]
fn a_flood_of_exceptions_is_cut_and_counted() {
    let mut many = span(SpanKind::Server, true);
    many.events = vec![many.events[0].clone(); 40];
    let resources = vec![resource()];
    assert_eq!(of_span(many.clone()).len(), SPAN_EXCEPTIONS_MAX);
    let spans = vec![many; REQUEST_EXCEPTIONS_MAX / SPAN_EXCEPTIONS_MAX + 2];
    let mut decoded = Decoded::default();
    decoded.items.push(Incoming::Spans { batch: SpanBatch { resources, spans }, transactions: 0 });
    add_errors(&mut decoded, 17);
    assert_eq!(decoded.items.len(), 1 + REQUEST_EXCEPTIONS_MAX);
    assert_eq!((decoded.refused[0].reason, decoded.refused[0].quantity), (Reason::TooMany, 32));
}
