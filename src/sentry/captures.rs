//! Real captures through the whole decoder: the cases that synthetic payloads cannot vouch for.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::model::blob::About;
use crate::model::client_report::DiscardKind;
use crate::model::decoded::Incoming;
use crate::model::detail::{EventDetail, ExceptionRelation};
use crate::model::event::{Event, EventKind};
use crate::model::ids::EventId;
use crate::model::monitor::{CheckInStatus, Schedule};
use crate::model::span::{SpanBatch, SpanKind, SpanStatus, text_attribute};
use crate::model::time::parse_rfc3339_ns;
use crate::sentry::TEST_LIMITS;
use crate::sentry::decode::{EnvelopeDecoded, decode_envelope};
use crate::sentry::detail::event_detail;
use crate::sentry::store_endpoint::decode_store;

const PYTHON: &str = "sentry-python-2.75.0";
const OLD_PYTHON: &str = "sentry-python-1.14.0";
/// Long after any capture, so that no time lies in the future.
const NOW_MS: i64 = 4_000_000_000_000;

fn fixture(sdk: &str, case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(sdk).join(format!("{case}.body"))
}

/// The body of a case, decompressed; every capture but the brotli one is gzip or plain.
fn body(sdk: &str, case: &str) -> Vec<u8> {
    let path = fixture(sdk, case);
    let sent = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut body = Vec::new();
    if sent.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(sent.as_slice()).read_to_end(&mut body).expect("gzip");
        return body;
    }
    if case.ends_with("-br") {
        brotli_decompressor::Decompressor::new(sent.as_slice(), 4096).read_to_end(&mut body).expect("brotli");
        return body;
    }
    sent
}

fn envelope(sdk: &str, case: &str) -> EnvelopeDecoded {
    let decoded = decode_envelope(&body(sdk, case), NOW_MS, &mut || EventId([1; 16]), &TEST_LIMITS);
    let decoded = decoded.unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(decoded.decoded.refused, [], "{case}");
    decoded
}

fn event(case: &str) -> (Event, EventDetail) {
    let decoded = envelope(PYTHON, case);
    let Some(Incoming::Event(event)) = decoded.decoded.items.into_iter().next() else { panic!("{case}: no event") };
    let detail = event_detail(&event.body);
    assert_eq!(decoded.response_id, Some(event.event_id), "{case}");
    assert_eq!(event.platform, "python", "{case}");
    assert!(event.trace_id.is_some() && event.sdk.is_some(), "{case}");
    (*event, detail)
}

fn spans(sdk: &str, case: &str) -> SpanBatch {
    let decoded = envelope(sdk, case);
    let batch = decoded.decoded.items.into_iter().find_map(|item| match item {
        Incoming::Spans { batch, .. } => Some(batch),
        _ => None,
    });
    batch.unwrap_or_else(|| panic!("{case}: no spans"))
}

fn relations(detail: &EventDetail) -> Vec<Option<ExceptionRelation>> {
    detail.exceptions.iter().map(|exception| exception.relation).collect()
}

/// File and function of the frame that is opened first.
fn crash(detail: &EventDetail) -> Option<(String, String)> {
    let frame = detail.exceptions.last()?.frames.iter().find(|frame| frame.is_crash)?;
    Some((frame.filename.clone()?, frame.context_line.clone()?.trim().to_owned()))
}

#[test]
fn a_chained_django_error() {
    let (event, detail) = event("django-chained-error");
    assert_eq!((event.kind, event.is_unhandled()), (EventKind::Error, true));
    let types: Vec<_> = event.exceptions.iter().filter_map(|e| e.ty.as_deref()).collect();
    assert_eq!(types, ["ZeroDivisionError", "ValueError"]);
    assert_eq!(event.user.as_deref(), Some("id:cus_ada"));
    assert_eq!(event.request_url.as_deref(), Some("http://shop.example/checkout/3/"));
    assert!(event.transaction.is_some() && event.release.is_some() && event.environment.is_some());
    assert_eq!(relations(&detail), [Some(ExceptionRelation::Cause), None]);
    let (_, line) = crash(&detail).expect("a frame to open");
    assert!(line.starts_with("raise ValueError("), "{line}");
    let request = detail.request.expect("a request");
    assert_eq!(request.query[0].key, "voucher");
    assert!(request.cookies.iter().any(|cookie| cookie.value == "[Filtered]"));
    assert!(
        detail.field_errors.iter().any(|e| e.path == "request.headers.Cookie" && e.problem == "filtered by the SDK")
    );
    let frame = detail.exceptions[1].frames.last().expect("a frame");
    assert!(!frame.vars.is_empty() && !frame.pre_context.is_empty() && !frame.post_context.is_empty());
    assert!(!detail.modules.is_empty());
}

#[test]
fn an_error_while_handling_another() {
    let (_, detail) = event("django-implicit-context");
    assert_eq!(relations(&detail), [Some(ExceptionRelation::Context), None]);
}

#[test]
fn djangos_database_errors_are_caused_by_the_drivers() {
    let (_, detail) = event("django-integrity-error");
    assert_eq!(relations(&detail), [Some(ExceptionRelation::Cause), None]);
    let (file, _) = crash(&detail).expect("a frame to open");
    assert!(!file.starts_with("django/"), "{file}");
    assert_eq!(detail.request.expect("a request").data["password"], "[Filtered]");
}

#[test]
fn an_exception_group_with_a_group_in_it() {
    use ExceptionRelation::GroupMember;
    let (event, detail) = event("django-exception-group");
    assert!(event.exceptions.last().is_some_and(|raised| raised.mechanism.is_exception_group));
    let depths: Vec<_> = detail.exceptions.iter().map(|e| e.group_depth).collect();
    assert_eq!(depths, [2, 2, 1, 1, 1, 0]);
    let members = [Some(GroupMember); 5];
    assert_eq!(relations(&detail), [members.as_slice(), &[None]].concat());
    assert!(detail.exceptions[5].is_raised);
}

#[test]
fn errors_within_templates() {
    for case in ["django-template-syntax-error", "django-template-runtime-error", "django-does-not-exist"] {
        let (event, detail) = event(case);
        assert!(event.exceptions.last().is_some_and(|raised| !raised.frames.is_empty()), "{case}");
        assert!(crash(&detail).is_some(), "{case}");
    }
}

#[test]
fn the_same_error_in_every_encoding() {
    for case in ["django-key-error", "django-key-error-br", "django-key-error-identity"] {
        let (event, detail) = event(case);
        assert_eq!(event.exceptions.last().and_then(|e| e.ty.as_deref()), Some("KeyError"), "{case}");
        assert_eq!(event.body.first(), Some(&b'{'));
        assert_eq!(detail.exceptions.len(), event.exceptions.len());
    }
}

#[test]
fn logged_errors_keep_template_and_text() {
    let (event, detail) = event("logging-error");
    let message = event.message.expect("a message");
    assert_eq!(message.template.as_deref(), Some("Card %s refused for order %s"));
    assert_eq!(message.formatted, "Card declined_by_bank refused for order 4");
    assert_eq!((event.kind, event.logger.is_some()), (EventKind::Default, true));
    assert_eq!(detail.message_template, message.template);
    let (event, _) = self::event("logging-exception");
    assert_eq!((event.kind, event.is_unhandled()), (EventKind::Error, false));
}

#[test]
fn messages_and_flags() {
    let (event, _) = event("capture-message");
    assert!(event.message.is_some() && event.fingerprint.is_some());
    let (event, detail) = self::event("capture-message-attach-stacktrace");
    assert!(!event.thread_frames.is_empty() && !detail.threads.is_empty());
    let (_, detail) = self::event("event-with-feature-flags");
    let flags = detail.contexts.iter().find(|context| context.name == "flags").expect("flags");
    assert_eq!((flags.entries[0].name.as_str(), &flags.entries[0].value), ("new-report", &serde_json::json!(true)));
}

#[test]
fn attachments_are_kept_with_their_event() {
    let decoded = envelope(PYTHON, "event-with-attachment");
    assert_eq!(decoded.item_types, ["event", "attachment"]);
    let Incoming::Blob(blob) = &decoded.decoded.items[1] else { panic!("no attachment") };
    let About::Attachment(file) = &blob.about else { panic!("{:?}", blob.about) };
    assert_eq!(Some(file.event_id), decoded.response_id);
    assert_eq!((file.name.as_str(), file.content_type.as_deref()), ("rows.csv", Some("text/csv")));
    assert!(blob.bytes.starts_with(b"lamp-3,2\n"), "{:?}", String::from_utf8_lossy(&blob.bytes));
}

#[test]
fn transactions_are_trees_under_their_segment() {
    for (sdk, case) in [
        (PYTHON, "django-success-transaction"),
        (PYTHON, "django-chained-error-transaction"),
        (PYTHON, "django-n-plus-one-transaction"),
        (OLD_PYTHON, "envelope-transaction"),
    ] {
        let batch = spans(sdk, case);
        let (segment, children) = batch.spans.split_first().expect("a segment");
        assert!(segment.is_local_root, "{case}");
        if sdk == PYTHON {
            assert_eq!(segment.kind, SpanKind::Server, "{case}");
            assert!(segment.name.starts_with("GET /"), "{case}: {}", segment.name);
        }
        assert!(!children.is_empty(), "{case}");
        for child in children {
            let parent = child.parent_span_id.expect("a parent");
            assert!(batch.spans.iter().any(|span| span.span_id == parent), "{case}: {}", child.name);
            assert_eq!(child.trace_id, segment.trace_id);
            assert!(child.start_ns >= segment.start_ns && child.end_ns <= segment.end_ns, "{case}: {}", child.name);
        }
        let json: serde_json::Value =
            serde_json::from_slice(segment.transaction_json.as_deref().expect("kept")).expect("json");
        assert!(json.get("spans").is_none() && json.get("contexts").is_some(), "{case}");
    }
}

#[test]
fn statuses_and_queries_of_transactions() {
    let batch = spans(PYTHON, "django-success-transaction");
    assert_eq!((batch.spans[0].http_status, batch.spans[0].status), (Some(200), SpanStatus::Ok));
    assert!(batch.spans.iter().any(|span| span.op == "http.client" && span.kind == SpanKind::Client));
    let batch = spans(PYTHON, "django-chained-error-transaction");
    assert_eq!((batch.spans[0].http_status, batch.spans[0].status), (Some(500), SpanStatus::Error));
    let batch = spans(PYTHON, "django-n-plus-one-transaction");
    let queries = batch.spans.iter().filter(|span| span.is_db() && span.name.starts_with("SELECT")).count();
    assert!(queries >= 11, "{queries}");
    let query = batch.spans.iter().find(|span| span.is_db()).expect("a query");
    assert_eq!(text_attribute(&query.attributes, "db.system"), Some("sqlite"));
}

#[test]
fn old_clients_use_the_store_endpoint() {
    for (case, exceptions) in [("store-chained-error", 2), ("store-message", 0)] {
        let body = body(OLD_PYTHON, case);
        let decoded = decode_store(&body, Some("application/json"), NOW_MS, &mut || EventId([1; 16]), &TEST_LIMITS);
        let decoded = decoded.unwrap_or_else(|error| panic!("{case}: {error}"));
        let [Incoming::Event(event)] = decoded.decoded.items.as_slice() else {
            panic!("{case}: {:?}", decoded.decoded)
        };
        assert_eq!(event.exceptions.len(), exceptions, "{case}");
        assert_eq!(decoded.response_id, Some(event.event_id), "{case}");
    }
}

#[test]
fn a_streamed_request_is_a_segment_and_its_children() {
    let batch = spans(PYTHON, "django-span-stream");
    let segment = batch.spans.iter().find(|span| span.is_local_root).expect("a segment");
    assert_eq!((segment.name.as_str(), segment.op.as_str()), ("GET /orders/{order_id}/", "http.server"));
    assert_eq!((segment.kind, segment.status, segment.http_status), (SpanKind::Server, SpanStatus::Ok, Some(200)));
    assert_eq!((segment.parent_span_id, segment.dropped), (None, 0));
    for child in batch.spans.iter().filter(|span| !span.is_local_root) {
        assert_eq!((child.parent_span_id, child.trace_id), (Some(segment.span_id), segment.trace_id));
        assert!(child.start_ns >= segment.start_ns && child.end_ns <= segment.end_ns);
    }
    let query = batch.spans.iter().find(|span| span.name.starts_with("SELECT")).expect("a query");
    assert!(query.is_db() && query.kind == SpanKind::Client);
    assert!(text_attribute(&query.attributes, "db.query.text").is_some_and(|sql| sql.starts_with("SELECT")));
    let [resource] = batch.resources.as_slice() else { panic!("{:?}", batch.resources) };
    assert_eq!(resource.release.as_deref(), Some("shop@2026.11.3"));
    assert_eq!(resource.environment.as_deref(), Some("production"));
    assert_eq!(resource.sdk.as_deref(), Some("sentry.python.django/2.75.0"));
}

#[test]
fn sessions_and_what_was_not_sent_are_read() {
    // The minute after the capture: sessions are counted for a few days only.
    let captured = String::from_utf8(body(PYTHON, "sessions")).expect("utf-8");
    let started = captured.split("\"started\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a time");
    let now_ms = parse_rfc3339_ns(started).expect("a time") / 1_000_000 + 60_000;
    let decoded = decode_envelope(captured.as_bytes(), now_ms, &mut || EventId([1; 16]), &TEST_LIMITS);
    let decoded = decoded.expect("an envelope").decoded;
    let [Incoming::Sessions(batch)] = decoded.items.as_slice() else { panic!("{decoded:?}") };
    assert_eq!((batch.release.as_str(), batch.environment.as_str()), ("shop@2026.11.3", "production"));
    let [bucket] = batch.buckets.as_slice() else { panic!("{batch:?}") };
    assert!(bucket.counts.healthy > 0 && bucket.counts.crashed > 0 && bucket.counts.errored > 0);
    assert_eq!((bucket.started_ms, batch.delivery_key), (now_ms - 60_000, None));

    let decoded = envelope(PYTHON, "client-report").decoded;
    let [Incoming::ClientReport(report)] = decoded.items.as_slice() else { panic!("{decoded:?}") };
    assert!(report.discards.iter().all(|d| d.kind == DiscardKind::Discarded && d.reason == "before_send"));
    assert_eq!(report.discards.len(), 2);
}

#[test]
fn both_ends_of_a_monitored_run_are_one_check_in() {
    let check_in = |case: &str| {
        let decoded = envelope(PYTHON, case).decoded;
        assert_eq!(decoded.refused, [], "{case}");
        let [Incoming::CheckIn(check_in)] = decoded.items.as_slice() else { panic!("{case}: {:?}", decoded.items) };
        *check_in.clone()
    };
    let (begin, end) = (check_in("check-in-begin"), check_in("check-in-error"));
    assert_eq!((begin.status, end.status), (CheckInStatus::InProgress, CheckInStatus::Error));
    assert!(begin.id.is_some() && begin.id == end.id);
    assert_eq!((begin.duration_ms, begin.slug.as_str()), (None, "nightly-report"));
    assert!(end.duration_ms.is_some());
    let config = begin.config.clone().unwrap();
    assert_eq!(config.schedule, Some(Schedule::Crontab("15 3 * * *".to_string())));
    assert_eq!((config.margin_min, config.runtime_min_max), (Some(5), Some(30)));
    assert_eq!(begin.config, end.config);

    let ended = check_in("check-in-interval-ok");
    assert_eq!(ended.id, check_in("check-in-interval-begin").id);
    assert_eq!((ended.slug.as_str(), ended.name.as_str()), ("sync-the-stock", "Sync the stock!"));
    assert_eq!((ended.status, ended.environment.as_str()), (CheckInStatus::Ok, "production"));
    let config = ended.config.unwrap();
    assert_eq!(config.schedule, Schedule::interval(2, "hour").ok());
    assert_eq!(config.timezone.as_deref(), Some("Europe/Berlin"));
    assert_eq!((config.failure_threshold, config.recovery_threshold), (Some(3), Some(2)));
}

#[test]
fn no_truncation_of_a_capture_panics_in_the_reader() {
    let (event, _) = event("django-exception-group");
    for end in (0..event.body.len()).step_by(97) {
        let _ = event_detail(&event.body[..end]);
    }
}
