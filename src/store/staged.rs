//! Spans between acknowledgement and sealing: the model's spans to our own bytes (`proto/staged.proto`) and back.

use prost::Message as _;

use crate::r#gen::staged as pb;
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{
    Attribute, AttributeValue, Resource, Span, SpanBatch, SpanEvent, SpanKind, SpanLink, SpanSource, SpanStatus,
};

use super::StoreError;

/// The bytes of a batch, uncompressed.
pub fn encode_spans(batch: SpanBatch) -> Vec<u8> {
    pb::StagedSpans {
        resources: batch.resources.into_iter().map(resource_to_pb).collect(),
        spans: batch.spans.into_iter().map(span_to_pb).collect(),
    }
    .encode_to_vec()
}

/// The inverse of [`encode_spans`].
pub(super) fn decode_spans(bytes: &[u8]) -> Result<SpanBatch, StoreError> {
    let staged = pb::StagedSpans::decode(bytes).map_err(|error| StoreError::BadBody(error.to_string()))?;
    let resources: Vec<Resource> = staged.resources.into_iter().map(resource_from_pb).collect();
    let mut spans = Vec::with_capacity(staged.spans.len());
    for span in staged.spans {
        let span = span_from_pb(span).ok_or_else(|| StoreError::BadBody("span without ids".to_string()))?;
        if span.resource >= resources.len() {
            return Err(StoreError::BadBody("span without its resource".to_string()));
        }
        spans.push(span);
    }
    Ok(SpanBatch { resources, spans })
}

pub(super) fn kind_to_code(kind: SpanKind) -> u32 {
    match kind {
        SpanKind::Internal => 0,
        SpanKind::Server => 1,
        SpanKind::Client => 2,
        SpanKind::Producer => 3,
        SpanKind::Consumer => 4,
    }
}

pub(super) fn kind_from_code(code: u32) -> SpanKind {
    match code {
        1 => SpanKind::Server,
        2 => SpanKind::Client,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

pub(super) fn status_to_code(status: SpanStatus) -> u32 {
    match status {
        SpanStatus::Unset => 0,
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
    }
}

pub(super) fn status_from_code(code: u32) -> SpanStatus {
    match code {
        1 => SpanStatus::Ok,
        2 => SpanStatus::Error,
        _ => SpanStatus::Unset,
    }
}

pub(super) fn source_to_code(source: SpanSource) -> u32 {
    match source {
        SpanSource::Sentry => 0,
        SpanSource::Otel => 1,
    }
}

pub(super) fn source_from_code(code: u32) -> SpanSource {
    if code == 1 { SpanSource::Otel } else { SpanSource::Sentry }
}

pub(super) fn resource_to_pb(resource: Resource) -> pb::Resource {
    pb::Resource {
        service: resource.service,
        release: resource.release,
        environment: resource.environment,
        sdk: resource.sdk,
        attributes: attributes_to_pb(resource.attributes),
    }
}

pub(super) fn resource_from_pb(resource: pb::Resource) -> Resource {
    Resource {
        service: resource.service,
        release: resource.release,
        environment: resource.environment,
        sdk: resource.sdk,
        attributes: attributes_from_pb(resource.attributes),
    }
}

fn span_to_pb(span: Span) -> pb::Span {
    pb::Span {
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        parent_span_id: span.parent_span_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        resource: span.resource as u32,
        source: source_to_code(span.source),
        kind: kind_to_code(span.kind),
        duration_ns: span.duration_ns().max(0) as u64,
        op: span.op,
        name: span.name,
        status: status_to_code(span.status),
        status_message: span.status_message,
        start_ns: span.start_ns,
        is_local_root: span.is_local_root,
        http_status: span.http_status.map_or(0, u32::from),
        attributes: attributes_to_pb(span.attributes),
        events: span.events.into_iter().map(event_to_pb).collect(),
        links: span.links.into_iter().map(link_to_pb).collect(),
        dropped: span.dropped,
        transaction_json: span.transaction_json,
    }
}

fn span_from_pb(span: pb::Span) -> Option<Span> {
    Some(Span {
        trace_id: TraceId::from_slice(&span.trace_id)?,
        span_id: SpanId::from_slice(&span.span_id)?,
        parent_span_id: SpanId::from_slice(&span.parent_span_id),
        resource: span.resource as usize,
        source: source_from_code(span.source),
        kind: kind_from_code(span.kind),
        op: span.op,
        name: span.name,
        status: status_from_code(span.status),
        status_message: span.status_message,
        start_ns: span.start_ns,
        end_ns: span.start_ns.saturating_add_unsigned(span.duration_ns),
        is_local_root: span.is_local_root,
        http_status: u16::try_from(span.http_status).ok().filter(|status| *status != 0),
        attributes: attributes_from_pb(span.attributes),
        events: span.events.into_iter().map(event_from_pb).collect(),
        links: span.links.into_iter().filter_map(link_from_pb).collect(),
        dropped: span.dropped,
        transaction_json: span.transaction_json,
    })
}

pub(super) fn event_to_pb(event: SpanEvent) -> pb::SpanEvent {
    pb::SpanEvent { name: event.name, time_ns: event.time_ns, attributes: attributes_to_pb(event.attributes) }
}

pub(super) fn event_from_pb(event: pb::SpanEvent) -> SpanEvent {
    SpanEvent { name: event.name, time_ns: event.time_ns, attributes: attributes_from_pb(event.attributes) }
}

pub(super) fn link_to_pb(link: SpanLink) -> pb::SpanLink {
    pb::SpanLink {
        trace_id: link.trace_id.0.to_vec(),
        span_id: link.span_id.0.to_vec(),
        attributes: attributes_to_pb(link.attributes),
    }
}

pub(super) fn link_from_pb(link: pb::SpanLink) -> Option<SpanLink> {
    Some(SpanLink {
        trace_id: TraceId::from_slice(&link.trace_id)?,
        span_id: SpanId::from_slice(&link.span_id)?,
        attributes: attributes_from_pb(link.attributes),
    })
}

pub(super) fn attributes_to_pb(attributes: Vec<Attribute>) -> Vec<pb::Attribute> {
    attributes.into_iter().map(|a| pb::Attribute { key: a.key, value: Some(value_to_pb(a.value)) }).collect()
}

pub(super) fn attributes_from_pb(attributes: Vec<pb::Attribute>) -> Vec<Attribute> {
    attributes
        .into_iter()
        .map(|a| Attribute { key: a.key, value: a.value.map(value_from_pb).unwrap_or_default() })
        .collect()
}

fn value_to_pb(value: AttributeValue) -> pb::Value {
    use pb::value::Kind;
    let kind = match value {
        AttributeValue::Empty => None,
        AttributeValue::Bool(value) => Some(Kind::BoolValue(value)),
        AttributeValue::Int(value) => Some(Kind::IntValue(value)),
        AttributeValue::Double(value) => Some(Kind::DoubleValue(value)),
        AttributeValue::Text(value) => Some(Kind::TextValue(value)),
        AttributeValue::Bytes(value) => Some(Kind::BytesValue(value)),
        AttributeValue::List(values) => {
            Some(Kind::ListValue(pb::ValueList { values: values.into_iter().map(value_to_pb).collect() }))
        }
        AttributeValue::Map(attributes) => {
            Some(Kind::MapValue(pb::AttributeList { attributes: attributes_to_pb(attributes) }))
        }
    };
    pb::Value { kind }
}

fn value_from_pb(value: pb::Value) -> AttributeValue {
    use pb::value::Kind;
    match value.kind {
        None => AttributeValue::Empty,
        Some(Kind::BoolValue(value)) => AttributeValue::Bool(value),
        Some(Kind::IntValue(value)) => AttributeValue::Int(value),
        Some(Kind::DoubleValue(value)) => AttributeValue::Double(value),
        Some(Kind::TextValue(value)) => AttributeValue::Text(value),
        Some(Kind::BytesValue(value)) => AttributeValue::Bytes(value),
        Some(Kind::ListValue(list)) => AttributeValue::List(list.values.into_iter().map(value_from_pb).collect()),
        Some(Kind::MapValue(map)) => AttributeValue::Map(attributes_from_pb(map.attributes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_span() -> Span {
        Span {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            parent_span_id: Some(SpanId([3; 8])),
            resource: 0,
            source: SpanSource::Otel,
            kind: SpanKind::Consumer,
            op: "queue.process".to_string(),
            name: "run".to_string(),
            status: SpanStatus::Error,
            status_message: "boom".to_string(),
            start_ns: 1_700_000_000_000_000_001,
            end_ns: 1_700_000_000_000_000_900,
            is_local_root: true,
            http_status: Some(500),
            attributes: vec![
                Attribute { key: "empty".into(), value: AttributeValue::Empty },
                Attribute { key: "list".into(), value: AttributeValue::List(vec![AttributeValue::Int(-4)]) },
                Attribute {
                    key: "map".into(),
                    value: AttributeValue::Map(vec![Attribute {
                        key: "bytes".into(),
                        value: AttributeValue::Bytes(vec![0, 255]),
                    }]),
                },
            ],
            events: vec![SpanEvent { name: "exception".into(), time_ns: 5, attributes: vec![] }],
            links: vec![SpanLink { trace_id: TraceId([9; 16]), span_id: SpanId([8; 8]), attributes: vec![] }],
            dropped: 3,
            transaction_json: Some(b"{}".to_vec()),
        }
    }

    #[test]
    fn a_batch_comes_back_as_it_was() {
        let batch = SpanBatch {
            resources: vec![Resource {
                service: "shop".into(),
                release: Some("1.0".into()),
                environment: None,
                sdk: Some("sdk/1".into()),
                attributes: vec![Attribute { key: "host".into(), value: AttributeValue::Bool(true) }],
            }],
            spans: vec![full_span()],
        };
        assert_eq!(decode_spans(&encode_spans(batch.clone())).unwrap(), batch);
    }

    #[test]
    fn bytes_of_something_else_are_errors() {
        assert!(decode_spans(b"not protobuf at all").is_err());
        let no_resource = SpanBatch { resources: vec![], spans: vec![full_span()] };
        assert!(decode_spans(&encode_spans(no_resource)).is_err());
    }
}
