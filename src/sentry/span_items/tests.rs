//! Span items, made up; captures are in `sentry::captures`.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::ids::EventId;
use crate::model::span::{SpanStatus, text_attribute};
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

fn decode(json: &str) -> SpansDecoded {
    decode_span_item(json.as_bytes(), &arrival(), &TEST_LIMITS).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn container(spans: &[String]) -> SpansDecoded {
    decode(&format!(r#"{{"version":2,"items":[{}]}}"#, spans.join(",")))
}

/// A span of half a second; `members` may say things again, and the last word counts.
fn span(members: &str, attributes: &str) -> String {
    format!(
        r#"{{"trace_id":"{TRACE}","span_id":"{SPAN}","parent_span_id":"a7ad6b7169203331","name":"n","status":"ok",
            "is_segment":false,"start_timestamp":1699999990.5,"end_timestamp":1699999991,
            "attributes":{{{attributes}}}{members}}}"#
    )
}

fn typed(key: &str, value: &str, ty: &str) -> String {
    format!(r#""{key}":{{"value":{value},"type":"{ty}"}}"#)
}

#[test]
fn a_segment_is_the_root_of_its_process() {
    let attributes = [
        typed("sentry.op", "\"http.server\"", "string"),
        typed("http.request.method", "\"GET\"", "string"),
        typed("http.response.status_code", "200", "integer"),
        typed("sentry.release", "\"shop@1\"", "string"),
        typed("sentry.environment", "\"production\"", "string"),
        typed("sentry.sdk.name", "\"sentry.python.django\"", "string"),
        typed("sentry.sdk.version", "\"2.75.0\"", "string"),
        typed("process.runtime.name", "\"CPython\"", "string"),
    ]
    .join(",");
    let found = container(&[span(r#","is_segment":true,"parent_span_id":null,"name":"/books/{id}/""#, &attributes)]);
    let segment = &found.batch.spans[0];
    assert_eq!((segment.name.as_str(), segment.op.as_str()), ("GET /books/{id}/", "http.server"));
    assert_eq!((segment.kind, segment.status, segment.http_status), (SpanKind::Server, SpanStatus::Ok, Some(200)));
    assert_eq!((segment.is_local_root, segment.parent_span_id), (true, None));
    assert_eq!(segment.duration_ns(), 500_000_000);
    let resource = &found.batch.resources[0];
    assert_eq!((resource.release.as_deref(), resource.environment.as_deref()), (Some("shop@1"), Some("production")));
    assert_eq!(resource.sdk.as_deref(), Some("sentry.python.django/2.75.0"));
    assert_eq!(text_attribute(&resource.attributes, "process.runtime.name"), Some("CPython"));
    assert_eq!(text_attribute(&segment.attributes, "sentry.release"), None, "said once, by the resource");
    assert!(!found.is_standalone);
}

#[test]
fn attributes_are_what_their_type_says_or_dropped_and_counted() {
    let attributes = [
        typed("i", "7", "integer"),
        typed("d", "1.5", "double"),
        typed("whole", "2", "double"),
        typed("b", "true", "boolean"),
        typed("a", r#"["x",1,null]"#, "array"),
        typed("big", "18446744073709551615", "integer"),
        typed("odd", "1", "decimal"),
        typed("wrong", "\"x\"", "integer"),
        typed("object", "{}", "string"),
        r#""bare":1,"untyped":{"value":1},"empty":{}"#.to_owned(),
    ]
    .join(",");
    let found = container(&[span("", &attributes)]);
    let span = &found.batch.spans[0];
    let of = |key: &str| span.attributes.iter().find(|a| a.key == key).map(|a| a.value.clone());
    assert_eq!(of("i"), Some(AttributeValue::Int(7)));
    assert_eq!(of("d"), Some(AttributeValue::Double(1.5)));
    assert_eq!(of("whole"), Some(AttributeValue::Double(2.0)));
    assert_eq!(of("b"), Some(AttributeValue::Bool(true)));
    assert!(matches!(of("a"), Some(AttributeValue::List(values)) if values.len() == 3));
    assert_eq!(of("big"), Some(AttributeValue::Text("18446744073709551615".into())));
    assert_eq!(of("untyped"), Some(AttributeValue::Int(1)));
    assert_eq!((span.attributes.len(), span.dropped), (7, 5));
    assert_eq!(found.refused, []);
}

#[test]
fn a_bad_span_costs_itself_and_is_counted_by_reason() {
    let found = container(&[
        span(r#","trace_id":null"#, ""),
        span(r#","trace_id":"00000000000000000000000000000000""#, ""),
        span(r#","span_id":"zz""#, ""),
        span(r#","start_timestamp":"soon""#, ""),
        span(r#","end_timestamp":null"#, ""),
        span(r#","end_timestamp":1"#, ""),
        "7".to_owned(),
        span("", ""),
    ]);
    assert_eq!(found.batch.spans.len(), 1);
    let refused: Vec<_> = found.refused.iter().map(|r| (r.detail.as_str(), r.quantity)).collect();
    assert_eq!(
        refused,
        [
            ("trace_id is missing or invalid", 2),
            ("span_id is missing or invalid", 1),
            ("start_timestamp is missing or invalid", 1),
            ("end_timestamp is missing or invalid", 1),
            ("span ends before it starts", 1),
            ("span is not an object", 1)
        ]
    );
}

#[test]
fn failures_keep_their_message_and_a_404_is_not_the_servers() {
    let message = typed("sentry.status.message", "\"deadlock\"", "string");
    let found = container(&[
        span(r#","status":"error""#, &message),
        span(
            r#","status":"error","is_segment":true"#,
            &[typed("sentry.op", "\"http.server\"", "string"), typed("http.response.status_code", "404", "integer")]
                .join(","),
        ),
        span(r#","status":"internal_error""#, ""),
        span(r#","status":7"#, ""),
    ]);
    let seen: Vec<_> = found.batch.spans.iter().map(|s| (s.status, s.status_message.as_str())).collect();
    assert_eq!(seen[0], (SpanStatus::Error, "deadlock"));
    assert_eq!(seen[1].0, SpanStatus::Unset);
    assert_eq!(seen[2], (SpanStatus::Error, "internal_error"));
}

#[test]
fn links_carry_typed_attributes_too() {
    let links = format!(
        r#","links":[{{"trace_id":"{TRACE}","span_id":"{SPAN}","sampled":true,"attributes":{{{}}}}},{{"trace_id":"x"}}]"#,
        typed("sentry.link.type", "\"previous_trace\"", "string")
    );
    let found = container(&[span(&links, "")]);
    let [link] = found.batch.spans[0].links.as_slice() else { panic!("{found:?}") };
    assert_eq!(text_attribute(&link.attributes, "sentry.link.type"), Some("previous_trace"));
}

#[test]
fn a_web_vital_comes_alone() {
    let json = format!(
        r#"{{"trace_id":"{TRACE}","span_id":"{SPAN}","parent_span_id":"a7ad6b7169203331","segment_id":"a7ad6b7169203331",
            "op":"ui.webvital.cls","description":"body > div#main","origin":"auto.http.browser.cls","is_segment":false,
            "start_timestamp":1699999990.123,"timestamp":1699999990.123,"exclusive_time":0,
            "data":{{"release":"web@3","environment":"production","sentry.op":"ui.webvital.cls","transaction":"/cart"}},
            "measurements":{{"cls":{{"value":0.14,"unit":""}},"lcp":{{"value":120,"unit":"millisecond"}}}}}}"#
    );
    let found = decode(&json);
    assert!(found.is_standalone);
    let vital = &found.batch.spans[0];
    assert_eq!((vital.op.as_str(), vital.name.as_str()), ("ui.webvital.cls", "body > div#main"));
    assert_eq!((vital.duration_ns(), vital.is_local_root), (0, false));
    let of = |key: &str| vital.attributes.iter().find(|a| a.key == key).map(|a| a.value.clone());
    assert_eq!(of("measurement.cls"), Some(AttributeValue::Double(0.14)));
    assert_eq!(of("measurement.lcp.unit"), Some(AttributeValue::Text("millisecond".into())));
    assert_eq!(of("sentry.exclusive_time"), Some(AttributeValue::Double(0.0)));
    assert_eq!(text_attribute(&vital.attributes, "sentry.segment.id"), Some("a7ad6b7169203331"));
    assert_eq!(found.batch.resources[0].release.as_deref(), Some("web@3"));
    let without = decode(r#"{"op":"ui.webvital.cls"}"#);
    assert_eq!((without.batch.spans.len(), without.refused[0].quantity), (0, 1));
}

#[test]
fn an_address_is_listed_without_its_ids_and_kept_as_it_was() {
    let source = typed("sentry.segment.name.source", "\"url\"", "string");
    let members = r#","is_segment":true,"name":"ws://h:1/ws/room/42/""#;
    let found = container(&[span(members, &source), span(r#","name":"/ws/room/42/""#, &source)]);
    let spans = &found.batch.spans;
    assert_eq!(spans[0].name, "ws://h:1/ws/room/*/");
    assert_eq!(text_attribute(&spans[0].attributes, "sentry.name.original"), Some("ws://h:1/ws/room/42/"));
    assert_eq!(spans[1].name, "/ws/room/42/", "the source is the segment's");
}

#[test]
fn a_request_named_after_its_method_is_named_after_its_address() {
    let named = |more: &str| {
        let attributes = [
            typed("sentry.op", "\"http.server\"", "string"),
            typed("http.request.method", "\"GET\"", "string"),
            more.to_owned(),
        ];
        let found = container(&[span(r#","is_segment":true,"name":"GET""#, &attributes.join(","))]);
        found.batch.spans[0].name.clone()
    };
    let path = typed("url.path", "\"/users/1234\"", "string");
    assert_eq!(named(&path), "GET /users/*");
    assert_eq!(named(&typed("url.full", "\"http://127.0.0.1:80/users/1234?x=1\"", "string")), "GET /users/*");
    assert_eq!(named(&[path, typed("http.route", "\"/users/:id\"", "string")].join(",")), "GET /users/:id");
    assert_eq!(named(&typed("x", "1", "integer")), "GET");
}

#[test]
fn a_page_without_a_router_is_named_after_its_address() {
    let named = |op: &str, name: &str, more: &str| {
        let attributes = [typed("sentry.op", &format!("\"{op}\""), "string"), more.to_owned()];
        let found = container(&[span(&format!(r#","is_segment":true,"name":"{name}""#), &attributes.join(","))]);
        found.batch.spans[0].name.clone()
    };
    let path = typed("url.path", "\"/shelves/1234\"", "string");
    assert_eq!(named("pageload", "Pageload", &path), "/shelves/*");
    assert_eq!(named("navigation", "Navigation", &path), "/shelves/*");
    assert_eq!(named("pageload", "/shelves/:id", &path), "/shelves/:id");
    assert_eq!(named("task", "Pageload", &path), "Pageload");
    assert_eq!(named("pageload", "Pageload", &typed("x", "1", "integer")), "Pageload");
}

#[test]
fn the_sdks_own_deliveries_are_left_out() {
    let call = |url: &str| {
        span(
            "",
            &[typed("sentry.op", "\"http.client\"", "string"), typed("url.full", &format!("\"{url}\""), "string")]
                .join(","),
        )
    };
    let found = container(&[
        call("http://127.0.0.1:4318/api/1/envelope/"),
        call("https://shop.example/errors/api/42/envelope/?sentry_key=x"),
        span(
            r#","name":"POST http://127.0.0.1:4318/api/1/envelope/""#,
            &typed("sentry.op", "\"http.client\"", "string"),
        ),
        call("https://post.example/api/parcels/envelope/"),
        call("https://post.example/api/1/envelopes/"),
    ]);
    assert_eq!((found.batch.spans.len(), found.deliveries), (2, 3));
}

#[test]
fn a_thousand_spans_share_one_resource() {
    let release = typed("sentry.release", "\"shop@1\"", "string");
    let other = typed("sentry.release", "\"shop@2\"", "string");
    let mut spans = vec![span("", &release); 999];
    spans.push(span("", &other));
    let found = container(&spans);
    assert_eq!((found.batch.spans.len(), found.batch.resources.len()), (1000, 2));
    assert_eq!((found.batch.spans[0].resource, found.batch.spans[999].resource), (0, 1));
}

#[test]
fn what_is_over_a_limit_is_refused() {
    let limits = Limits { spans_max: 2, ..TEST_LIMITS };
    let json = format!(r#"{{"items":[{}]}}"#, vec![span("", ""); 5].join(","));
    let found = decode_span_item(json.as_bytes(), &arrival(), &limits).expect("spans");
    assert_eq!((found.batch.spans.len(), found.refused[0].quantity), (2, 3));
    let large = vec![b' '; SPAN_CONTAINER_BYTES_MAX + 1];
    assert!(matches!(decode_span_item(&large, &arrival(), &TEST_LIMITS), Err(ItemError::TooLarge { .. })));
}

#[test]
fn a_wrong_clock_moves_all_spans_alike() {
    let hour = 3_600_000;
    let early = Arrival { received_ms: NOW_MS - hour, ..arrival() };
    let json = format!(r#"{{"items":[{},{}]}}"#, span("", ""), span(r#","start_timestamp":1699999990"#, ""));
    let found = decode_span_item(json.as_bytes(), &early, &TEST_LIMITS).expect("spans");
    let [first, second] = found.batch.spans.as_slice() else { panic!("two") };
    assert_eq!(first.end_ns, early.received_ms * 1_000_000);
    assert_eq!((first.duration_ns(), first.start_ns - second.start_ns), (500_000_000, 500_000_000));
    for span in [first, second] {
        assert!(span.attributes.iter().any(|attribute| attribute.key == "trapline.clock_shift_ms"), "{span:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_span_item(&bytes, &arrival(), &TEST_LIMITS);
    }

    #[test]
    fn a_truncated_container_is_refused_whole(at in 0_usize..400) {
        let json = format!(r#"{{"version":2,"items":[{}]}}"#, span("", &typed("k", "1", "integer")));
        let cut = at.min(json.len() - 1);
        prop_assert!(decode_span_item(&json.as_bytes()[..cut], &arrival(), &TEST_LIMITS).is_err());
    }

    #[test]
    fn every_span_is_kept_or_counted(
        ids in proptest::collection::vec(prop_oneof!["[0-9a-f]{16}", "\\PC{0,20}"], 0..20),
        start in any::<f64>(), value in "\\PC{0,40}", ty in "(string|integer|double|boolean|array|\\PC{0,9})",
    ) {
        let spans: Vec<_> = ids.iter().map(|id| json!({
            "trace_id": TRACE, "span_id": id, "start_timestamp": start, "end_timestamp": start,
            "attributes": { "key": { "value": value, "type": ty } },
        })).collect();
        let json = json!({ "items": spans }).to_string();
        let found = decode_span_item(json.as_bytes(), &arrival(), &TEST_LIMITS).expect("a container");
        let refused: u64 = found.refused.iter().map(|refusal| refusal.quantity).sum();
        prop_assert_eq!(found.batch.spans.len() as u64 + refused, ids.len() as u64);
        for span in &found.batch.spans {
            // One from the future is moved and says so.
            let own = span.attributes.iter().filter(|attribute| attribute.key != "trapline.clock_shift_ms").count();
            prop_assert_eq!(own + span.dropped as usize, 1);
            prop_assert!(span.end_ns >= span.start_ns && span.resource < found.batch.resources.len());
        }
    }
}
