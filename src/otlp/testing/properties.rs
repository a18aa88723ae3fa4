//! What holds for any request: both encodings mean the same, and no bytes bring a decoder down.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::accent::accented;
use super::encode::json_of;
use super::{LIMITS, text_value, wire_span};
use crate::model::decoded::Incoming;
use crate::model::span::{Attribute, text_attribute};
use crate::otlp::protobuf::read_span;
use crate::otlp::span::convert;
use crate::otlp::{Format, Limits, OtlpError, decode_logs, decode_metrics, decode_traces};

/// Small, so that every limit is met.
pub(super) const TIGHT: Limits = Limits {
    spans_max: 3,
    message_bytes_max: 1 << 20,
    attributes_max: 3,
    events_max: 1,
    attribute_text_bytes_max: 12,
    depth_max: 2,
    exception_severity_min: 17,
};

pub(super) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), any::<String>(), "[a-z /?]{1,30}"]
}

fn any_key() -> impl Strategy<Value = String> {
    let known = ["http.method", "http.route", "http.status_code", "url.full", "db.system", "db.statement"];
    let resource = ["service.name", "service.version", "telemetry.sdk.name", "messaging.system", "rpc.system"];
    prop_oneof![any_text(), prop::sample::select([&known[..], &resource[..]].concat()).prop_map(str::to_owned)]
}

pub(super) fn any_double() -> impl Strategy<Value = f64> {
    // serde_json reads a float of 17 digits to within one unit of the last place: enough for us, not for `==`.
    prop_oneof![
        any::<i32>().prop_map(|n| f64::from(n) / 8.0),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(-f64::INFINITY)
    ]
}

pub(super) fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        any_text().prop_map(|text| Some(Value::StringValue(text))),
        any::<bool>().prop_map(|flag| Some(Value::BoolValue(flag))),
        any::<i64>().prop_map(|number| Some(Value::IntValue(number))),
        any_double().prop_map(|number| Some(Value::DoubleValue(number))),
        vec(any::<u8>(), 0..5).prop_map(|bytes| Some(Value::BytesValue(bytes))),
    ];
    leaf.prop_map(|value| AnyValue { value }).prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec((any_key(), option::of(inner)), 0..5).prop_map(|entries| {
                let values = entries.into_iter().map(|(key, value)| KeyValue { key, value, key_strindex: 0 }).collect();
                Value::KvlistValue(KeyValueList { values })
            }),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

pub(super) fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let entry = (any_key(), option::of(any_value()));
    vec(entry.prop_map(|(key, value)| KeyValue { key, value, key_strindex: 0 }), 0..6)
}

fn any_id(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![6 => vec(any::<u8>(), bytes), 1 => vec(any::<u8>(), 0..20), 1 => Just(vec![0; bytes])]
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1_u64..3_000_000_000_000_000_000, 1 => any::<u64>(), 1 => Just(0)]
}

fn any_event() -> impl Strategy<Value = Event> {
    (any_time(), any_text(), any_attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn any_link() -> impl Strategy<Value = Link> {
    (any_id(16), any_id(8), any_attributes()).prop_map(|(trace_id, span_id, attributes)| Link {
        trace_id,
        span_id,
        attributes,
        ..Link::default()
    })
}

fn any_span() -> impl Strategy<Value = Span> {
    let ids = (any_id(16), any_id(8), any_id(8), any_text());
    let facts = (any::<u32>(), any_text(), -1..8_i32, any_time(), any_time());
    let status = option::of((any_text(), -1..4_i32).prop_map(|(message, code)| Status { message, code }));
    let more = (any_attributes(), vec(any_event(), 0..3), vec(any_link(), 0..3), any::<u32>(), status);
    (ids, facts, more).prop_map(|(ids, facts, more)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_span_id: ids.2,
        trace_state: ids.3,
        flags: facts.0,
        name: facts.1,
        kind: facts.2,
        start_time_unix_nano: facts.3,
        end_time_unix_nano: facts.4,
        attributes: more.0,
        events: more.1,
        links: more.2,
        dropped_attributes_count: more.3,
        status: more.4,
        ..Span::default()
    })
}

pub(super) fn any_scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    option::of((any_text(), any_text(), any_attributes()).prop_map(|(name, version, attributes)| {
        InstrumentationScope { name, version, attributes, ..InstrumentationScope::default() }
    }))
}

pub(super) fn any_resource() -> impl Strategy<Value = Option<Resource>> {
    option::of(any_attributes().prop_map(|attributes| Resource { attributes, ..Resource::default() }))
}

fn any_request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope_spans = (any_scope(), vec(any_span(), 0..4)).prop_map(|(scope, spans)| ScopeSpans {
        scope,
        spans,
        schema_url: "https://example.com".into(),
    });
    let resource_spans = (any_resource(), vec(scope_spans, 0..3)).prop_map(|(resource, scope_spans)| ResourceSpans {
        resource,
        scope_spans,
        ..ResourceSpans::default()
    });
    vec(resource_spans, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

pub(super) fn decode_everything(body: &[u8]) {
    for format in [Format::Protobuf, Format::Json] {
        for limits in [&LIMITS, &TIGHT] {
            let _ = decode_traces(format, body, limits);
            let _ = decode_logs(format, body, limits);
            let _ = decode_metrics(format, body, limits);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_encodings_mean_the_same(request in any_request(), is_sparse: bool, seed: u64) {
        let protobuf = request.encode_to_vec();
        let json = json_of(&request, is_sparse);
        for limits in [&LIMITS, &TIGHT] {
            let from_protobuf = decode_traces(Format::Protobuf, &protobuf, limits);
            prop_assert!(from_protobuf.is_ok());
            for json in [&json, &accented(&json, seed)] {
                let from_json = decode_traces(Format::Json, json.as_bytes(), limits);
                // As text, because NaN is not equal to itself.
                prop_assert_eq!(format!("{from_protobuf:?}"), format!("{from_json:?}"), "{}", json);
            }
        }
    }

    #[test]
    fn every_span_is_kept_or_refused(request in any_request()) {
        let sent: usize =
            request.resource_spans.iter().flat_map(|item| &item.scope_spans).map(|item| item.spans.len()).sum();
        for limits in [&LIMITS, &TIGHT] {
            let decoded = decode_traces(Format::Protobuf, &request.encode_to_vec(), limits).expect("a request");
            let refused: u64 = decoded.refused.iter().map(|refusal| refusal.quantity).sum();
            let kept = match &decoded.items[..] {
                [Incoming::Spans { batch, .. }] => {
                    prop_assert!(batch.spans.iter().all(|span| span.resource < batch.resources.len()));
                    prop_assert!(batch.spans.iter().all(|span| span.end_ns >= span.start_ns && !span.name.is_empty()));
                    batch.spans.len()
                }
                _ => 0,
            };
            prop_assert_eq!(sent, kept + usize::try_from(refused).expect("few"));
        }
    }

    #[test]
    fn random_bytes_bring_nothing_down(body in vec(any::<u8>(), 0..300)) {
        decode_everything(&body);
    }

    #[test]
    fn damaged_requests_bring_nothing_down(
        request in any_request(),
        cut: prop::sample::Index,
        flips in vec((any::<prop::sample::Index>(), 0..8_u32), 0..4),
    ) {
        for body in [request.encode_to_vec(), json_of(&request, false).into_bytes()] {
            let mut body = body;
            body.truncate(cut.index(body.len() + 1));
            decode_everything(&body);
            for (at, bit) in flips.iter().filter(|_| !body.is_empty()).collect::<Vec<_>>() {
                let at = at.index(body.len());
                body[at] ^= 1 << bit;
            }
            decode_everything(&body);
            // Whatever prost can read as a whole, our walk can read too.
            if ExportTraceServiceRequest::decode(&body[..]).is_ok() {
                prop_assert!(decode_traces(Format::Protobuf, &body, &LIMITS).is_ok());
            }
        }
    }
}

fn request_of(spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

#[test]
fn a_protobuf_span_that_cannot_be_read_costs_only_itself() {
    let mut body = request_of(vec![wire_span(), Span { name: "broken".into(), ..wire_span() }]);
    let at = body.windows(6).position(|window| window == b"broken").expect("the name");
    body[at] = 0xff;
    let decoded = decode_traces(Format::Protobuf, &body, &LIMITS).expect("a request");
    assert_eq!(decoded.items.len(), 1);
    assert_eq!(decoded.refused.len(), 1);
    assert!(decoded.refused[0].detail.contains("UTF-8"), "{:?}", decoded.refused);
}

#[test]
fn a_request_without_anything_readable_is_malformed() {
    let mut body = request_of(vec![Span { name: "broken".into(), ..wire_span() }]);
    let at = body.windows(6).position(|window| window == b"broken").expect("the name");
    body[at] = 0xff;
    assert!(matches!(decode_traces(Format::Protobuf, &body, &LIMITS), Err(OtlpError::Malformed { .. })));
}

#[test]
fn spans_over_the_limits_are_refused_and_counted() {
    // Of many small parts, which take more in memory than on the wire.
    let large = Span { links: vec![Link::default(); 1000], ..wire_span() };
    let spans = vec![wire_span(), large, wire_span(), wire_span(), wire_span()];
    let request = ExportTraceServiceRequest::decode(request_of(spans).as_slice()).expect("a request");
    let limits = Limits { spans_max: 3, message_bytes_max: 1000, ..LIMITS };
    let decoded = decode_traces(Format::Json, json_of(&request, true).as_bytes(), &limits).expect("a request");
    let refused: Vec<_> = decoded.refused.iter().map(|refusal| (refusal.detail.as_str(), refusal.quantity)).collect();
    assert_eq!(refused.len(), 2);
    assert!(refused[0].0.starts_with("too large: 3"), "{refused:?}");
    assert_eq!(refused[1], ("too many in one request", 2));
}

#[test]
fn a_span_with_a_text_of_any_length_is_kept_with_the_text_cut() {
    let entry = |key: &str, bytes: usize| KeyValue {
        key: key.into(),
        value: Some(text_value(&"ü".repeat(bytes / 2))),
        key_strindex: 0,
    };
    let event = Event {
        name: "exception".into(),
        attributes: vec![entry("exception.stacktrace", 120_000)],
        ..Event::default()
    };
    let large =
        Span { attributes: vec![entry("blob", 150_000), entry("short", 6)], events: vec![event], ..wire_span() };
    let request =
        ExportTraceServiceRequest::decode(request_of(vec![wire_span(), large]).as_slice()).expect("a request");
    let limits = Limits { message_bytes_max: 210_000, ..LIMITS };
    for (format, body) in
        [(Format::Protobuf, request.encode_to_vec()), (Format::Json, json_of(&request, true).into_bytes())]
    {
        let decoded = decode_traces(format, &body, &limits).expect("a request");
        assert_eq!(decoded.refused, [], "{format:?}");
        let Some(Incoming::Spans { batch, .. }) = decoded.items.first() else { panic!("{decoded:?}") };
        let large = &batch.spans[1];
        let text = |attributes: &[Attribute], key: &str| text_attribute(attributes, key).map(str::len);
        assert_eq!((batch.spans.len(), text(&large.attributes, "blob")), (2, Some(limits.attribute_text_bytes_max)));
        assert_eq!(text(&large.attributes, "short"), Some(6));
        assert_eq!(text(&large.events[0].attributes, "exception.stacktrace"), Some(limits.attribute_text_bytes_max));
    }
}

#[test]
fn a_resource_over_the_limit_is_an_error() {
    let key = KeyValue { key: "k".into(), value: Some(text_value(&"x".repeat(2000))), key_strindex: 0 };
    let resource = Some(Resource { attributes: vec![key], ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, ..ResourceSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans };
    let limits = Limits { message_bytes_max: 1000, ..LIMITS };
    for (format, body) in
        [(Format::Protobuf, request.encode_to_vec()), (Format::Json, json_of(&request, true).into_bytes())]
    {
        let decoded = decode_traces(format, &body, &limits);
        assert!(matches!(decoded, Err(OtlpError::ResourceTooLarge { bytes_max: 1000, .. })), "{decoded:?}");
    }
}

fn deep_attributes() -> Vec<KeyValue> {
    let mut value = text_value("deep");
    for _ in 0..100 {
        value = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![value] })) };
    }
    vec![KeyValue { key: "k".into(), value: Some(value), key_strindex: 0 }]
}

#[test]
fn deep_nesting_in_protobuf_costs_what_is_deep_or_is_said_clearly() {
    let body = request_of(vec![Span { attributes: deep_attributes(), ..wire_span() }]);
    let decoded = decode_traces(Format::Protobuf, &body, &LIMITS).expect("a request");
    let [Incoming::Spans { batch, .. }] = &decoded.items[..] else { panic!("{decoded:?}") };
    assert_eq!((batch.spans[0].dropped, batch.spans[0].attributes.len()), (1, 1));

    let resource = Some(Resource { attributes: deep_attributes(), ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, ..ResourceSpans::default() }];
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let error = decode_traces(Format::Protobuf, &body, &LIMITS).expect_err("too deep");
    assert_eq!(error, OtlpError::TooDeep { format: Format::Protobuf });
}

/// The fields of a message in protobuf, in any order and any number of times.
fn shuffled(message: &[u8], order: &[prop::sample::Index]) -> Vec<u8> {
    let mut buf = message;
    let mut fields: Vec<&[u8]> = Vec::new();
    while !buf.is_empty() {
        let start = buf;
        let (tag, wire_type) = decode_key(&mut buf).expect("a key");
        skip_field(wire_type, tag, &mut buf, DecodeContext::default()).expect("a field");
        fields.push(&start[..start.len() - buf.len()]);
    }
    let more = order.iter().filter(|_| !fields.is_empty()).map(|at| fields[at.index(fields.len())]);
    fields.iter().copied().chain(more).flatten().copied().collect()
}

/// A list that is longer than it may be, and then a text in its place: nothing of the text was left out.
#[test]
fn what_is_left_out_of_a_value_that_is_replaced_does_not_count() {
    let list = [[0x0a, 0x00]; 5].concat();
    let mut value = vec![0x2a, list.len() as u8];
    value.extend(list);
    value.extend([0x0a, 0x01, b'x']);
    let entry = [&[0x0a, 0x01, b'k', 0x12, value.len() as u8][..], &value].concat();
    let mut body =
        Span { trace_id: vec![1; 16], span_id: vec![1; 8], start_time_unix_nano: 1, ..Span::default() }.encode_to_vec();
    body.extend([0x4a, entry.len() as u8]);
    body.extend(entry);
    let expected = convert(Span::decode(&body[..]).expect("a span"), 0, &TIGHT);
    let read = read_span(&body, &TIGHT).map(|parts| parts.finish(0));
    assert!(format!("{read:?}").contains("Text(\"x\")") && format!("{read:?}").contains("dropped: 0"), "{read:?}");
    assert_eq!(format!("{read:?}"), format!("{:?}", Ok::<_, String>(expected)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// What prost reads of a span, whole, damaged or with fields said twice, we read the same way.
    #[test]
    fn spans_are_read_as_generated_code_reads_them(
        span in any_span(),
        order in vec(any::<prop::sample::Index>(), 0..3),
        flips in vec((any::<prop::sample::Index>(), 0..8_u32), 0..3),
    ) {
        let mut body = shuffled(&span.encode_to_vec(), &order);
        for (at, bit) in flips.iter().filter(|_| !body.is_empty()).collect::<Vec<_>>() {
            let at = at.index(body.len());
            body[at] ^= 1 << bit;
        }
        for limits in [&LIMITS, &TIGHT] {
            let Ok(generated) = Span::decode(&body[..]) else { continue };
            let expected = convert(generated, 0, limits);
            let parts = read_span(&body, limits);
            prop_assert!(parts.is_ok(), "{parts:?}");
            prop_assert_eq!(format!("{:?}", parts.map(|parts| parts.finish(0))), format!("{:?}", Ok::<_, String>(expected)));
        }
    }
}
