//! Every rule of the transaction decoder on the smallest payload that shows it.

use super::*;
use crate::model::outcome::Reason;
use crate::model::span::{AttributeValue, SpanStatus, text_attribute};
use crate::sentry::TEST_LIMITS;

const NOW_MS: i64 = 1_700_000_000_000;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn arrival() -> Arrival {
    Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: NOW_MS,
        client_ip: None,
        infer_ip: None,
        fresh_id: EventId([9; 16]),
    }
}

fn decode(json: &str) -> TransactionDecoded {
    decode_transaction(json.as_bytes(), &arrival(), &TEST_LIMITS).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// A transaction of one second that ended ten seconds ago, with more members and more trace members.
fn transaction(members: &str, trace: &str) -> String {
    format!(
        r#"{{"type":"transaction","start_timestamp":1699999989,"timestamp":1699999990,{members}
            "contexts":{{"trace":{{{trace}"trace_id":"{TRACE}","span_id":"{SPAN}"}},"response":{{"status_code":200}}}}}}"#
    )
}

#[test]
fn the_segment_is_a_span_of_its_own() {
    let json = transaction(
        r#""transaction":"/books/{id}/","request":{"method":"get"},"release":"r","environment":"e","server_name":"web1",
            "sdk":{"name":"sentry.python.django","version":"2"},"tags":{"shop":"x"},"#,
        r#""op":"http.server","status":"ok","parent_span_id":"a7ad6b7169203331","origin":"auto.http.django","data":{"n":1,"l":[true,null]},"#,
    );
    let decoded = decode(&json);
    let span = &decoded.batch.spans[0];
    assert_eq!(
        (span.name.as_str(), span.op.as_str(), span.kind),
        ("GET /books/{id}/", "http.server", SpanKind::Server)
    );
    assert_eq!((span.status, span.http_status, span.is_local_root), (SpanStatus::Ok, Some(200), true));
    assert_eq!(span.duration_ns(), 1_000_000_000);
    assert!(span.parent_span_id.is_some());
    assert_eq!(text_attribute(&span.attributes, "shop"), Some("x"));
    assert_eq!(text_attribute(&span.attributes, "sentry.origin"), Some("auto.http.django"));
    assert_eq!(span.attributes[0], Attribute { key: "n".to_owned(), value: AttributeValue::Int(1) });
    let resource = &decoded.batch.resources[0];
    assert_eq!((resource.service.as_str(), resource.release.as_deref()), ("", Some("r")));
    assert_eq!(resource.sdk.as_deref(), Some("sentry.python.django/2"));
    assert_eq!(text_attribute(&resource.attributes, "server_name"), Some("web1"));
}

#[test]
fn the_method_is_not_said_twice() {
    let json =
        transaction(r#""transaction":"POST /x","#, r#""op":"http.server","data":{"http.request.method":"POST"},"#);
    assert_eq!(decode(&json).batch.spans[0].name, "POST /x");
    let json = transaction(r#""transaction":"GET","request":{"method":"GET"},"#, r#""op":"http.server","#);
    assert_eq!(decode(&json).batch.spans[0].name, "GET");
    let json = transaction(r#""transaction":"task.x","request":{"method":"GET"},"#, r#""op":"queue.task.celery","#);
    assert_eq!(decode(&json).batch.spans[0].name, "task.x");
}

#[test]
fn kinds_follow_the_op() {
    for (op, kind) in [
        ("http.server", SpanKind::Server),
        ("websocket.server", SpanKind::Server),
        ("function.aws", SpanKind::Server),
        ("queue.task.celery", SpanKind::Consumer),
        ("queue.process", SpanKind::Consumer),
        ("task", SpanKind::Internal),
        ("", SpanKind::Internal),
    ] {
        assert_eq!(words::segment_kind(op), kind, "{op}");
    }
    for (op, kind) in [
        ("http.client", SpanKind::Client),
        ("db.sql.query", SpanKind::Client),
        ("db", SpanKind::Client),
        ("cache.get", SpanKind::Client),
        ("queue.submit.celery", SpanKind::Producer),
        ("queue.publish", SpanKind::Producer),
        ("dbx", SpanKind::Internal),
        ("view.render", SpanKind::Internal),
    ] {
        assert_eq!(words::child_kind(op), kind, "{op}");
    }
}

#[test]
fn a_404_is_not_the_servers_failure() {
    let of = |word: &'static str, code| words::status(&Scalar::Text(word.into()), SpanKind::Server, code).0;
    assert_eq!(of("not_found", Some(404)), SpanStatus::Unset);
    assert_eq!(of("internal_error", Some(500)), SpanStatus::Error);
    assert_eq!(of("not_found", None), SpanStatus::Error);
    assert_eq!(of("cancelled", None), SpanStatus::Unset);
    assert_eq!(of("ok", Some(500)), SpanStatus::Ok);
}

#[test]
fn children_inherit_and_bad_ones_are_reported() {
    let spans = format!(
        r#""spans":[
            {{"span_id":"a000000000000001","parent_span_id":"{SPAN}","trace_id":"{TRACE}","op":"db","description":"SELECT 1",
              "start_timestamp":"2023-11-14T22:13:09.250000Z","timestamp":"2023-11-14T22:13:09.750000Z",
              "tags":{{"status":"ok","db":"main"}},"data":{{"db.system":"sqlite"}},"status":"internal_error","origin":"auto.db"}},
            {{"span_id":"a000000000000002","start_timestamp":1699999989.5,"op":"http.client"}},
            {{"span_id":"zz","start_timestamp":1}},{{"span_id":"yy","start_timestamp":1}},
            {{"span_id":"a000000000000003","start_timestamp":"soon"}},
            {{"span_id":"a000000000000004","start_timestamp":9,"timestamp":8}},
            7],"#
    );
    let decoded = decode(&transaction(&spans, ""));
    let [segment, db, open] = decoded.batch.spans.as_slice() else { panic!("{:?}", decoded.batch.spans) };
    assert_eq!((db.name.as_str(), db.kind, db.status), ("SELECT 1", SpanKind::Client, SpanStatus::Error));
    assert_eq!((db.duration_ns(), db.start_ns - segment.start_ns), (500_000_000, 250_000_000));
    assert_eq!((db.is_local_root, db.parent_span_id), (false, Some(segment.span_id)));
    let keys: Vec<_> = db.attributes.iter().map(|a| a.key.as_str()).collect();
    assert_eq!(keys, ["db.system", "sentry.origin", "db", "trapline.query.fingerprint"]);
    assert_eq!((open.trace_id, open.parent_span_id), (segment.trace_id, Some(segment.span_id)));
    assert_eq!((open.end_ns, open.status_message.as_str()), (segment.end_ns, "deadline_exceeded"));
    let refused: Vec<_> = decoded.refused.iter().map(|r| (r.detail.as_str(), r.quantity)).collect();
    assert_eq!(
        refused,
        [
            ("span_id is missing or invalid", 2),
            ("start_timestamp is missing or invalid", 1),
            ("span ends before it starts", 1),
            ("span is not an object", 1)
        ]
    );
}

#[test]
fn the_payload_is_kept_without_its_spans() {
    let decoded = decode(&transaction(r#""spans":[{"a":1}],"k\"ey":{"b": [1, 2]},"#, ""));
    let json = decoded.batch.spans[0].transaction_json.clone().expect("kept");
    let text = String::from_utf8(json).expect("utf-8");
    assert!(text.contains(r#""k\"ey":{"b": [1, 2]}"#) && !text.contains("spans"), "{text}");
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
}

#[test]
fn more_spans_than_allowed_are_counted_as_dropped() {
    let spans = [r#"{"span_id":"a000000000000001","start_timestamp":1699999989}"#; 5].join(",");
    let json = transaction(&format!("\"spans\":[{spans}],"), "");
    let limits = Limits { spans_max: 2, ..TEST_LIMITS };
    let decoded = decode_transaction(json.as_bytes(), &arrival(), &limits).expect("a transaction");
    assert_eq!((decoded.batch.spans.len(), decoded.batch.spans[0].dropped), (3, 3));
    assert_eq!((decoded.refused[0].reason, decoded.refused[0].quantity), (Reason::TooLarge, 3));
}

#[test]
fn an_end_in_the_future_moves_everything_and_keeps_durations() {
    let json = transaction(r#""spans":[{"span_id":"a000000000000001","start_timestamp":1699999989}],"#, "");
    let early = Arrival { received_ms: NOW_MS - 3_600_000, ..arrival() };
    let decoded = decode_transaction(json.as_bytes(), &early, &TEST_LIMITS).expect("a transaction");
    let [segment, child] = decoded.batch.spans.as_slice() else { panic!("two spans") };
    assert_eq!((segment.end_ns, segment.duration_ns()), (early.received_ms * 1_000_000, 1_000_000_000));
    assert_eq!(child.start_ns, segment.start_ns);
    let noted = segment.attributes.iter().find(|attribute| attribute.key == "trapline.clock_shift_ms");
    assert_eq!(noted.map(|attribute| &attribute.value), Some(&AttributeValue::Int(-3_590_000)));
}

#[test]
fn without_ids_or_start_there_is_nothing_to_draw() {
    for (json, field) in [
        ("{}".to_owned(), "contexts.trace.trace_id"),
        (format!(r#"{{"contexts":{{"trace":{{"trace_id":"{TRACE}"}}}}}}"#), "contexts.trace.span_id"),
        (format!(r#"{{"contexts":{{"trace":{{"trace_id":"{TRACE}","span_id":"{SPAN}"}}}}}}"#), "start_timestamp"),
    ] {
        let error = decode_transaction(json.as_bytes(), &arrival(), &TEST_LIMITS).expect_err("refused");
        assert!(matches!(error, ItemError::Field { field: found, .. } if found == field), "{error}");
    }
    let json = transaction("", "").replace("1699999989", "1699999999");
    let error = decode_transaction(json.as_bytes(), &arrival(), &TEST_LIMITS).expect_err("refused");
    assert_eq!(error, ItemError::EndsBeforeStart { by_ms: 9000 });
    assert!(matches!(decode_transaction(b"[]", &arrival(), &TEST_LIMITS), Err(ItemError::Json(_))));
}

#[test]
fn the_user_of_a_transaction_is_that_of_its_segment() {
    let json = transaction(
        r#""user":{"id":42,"email":"ada@example.org","username":" ada ","ip_address":"203.0.113.9","data":{"x":1}},"tags":{"user.id":"of a tag"},"#,
        "",
    );
    let attributes = &decode(&json).batch.spans[0].attributes;
    let text = |key: &str| text_attribute(attributes, key);
    assert_eq!(
        ["user.id", "user.email", "user.username", "user.ip_address"].map(text),
        [Some("42"), Some("ada@example.org"), Some("ada"), Some("203.0.113.9")]
    );
    assert_eq!(attributes.iter().filter(|attribute| attribute.key.starts_with("user")).count(), 4);
}
