//! The JSON mapping of OTLP, written by the book and apart from the decoder, to compare the two encodings with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Tree, json};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

/// Every field is written, defaults too; a sparse one leaves defaults out, as most exporters do.
pub(super) fn json_of(request: &ExportTraceServiceRequest, is_sparse: bool) -> String {
    let tree = json!({ "resourceSpans": list(&request.resource_spans, resource_spans) });
    let tree = if is_sparse { without_defaults(tree) } else { tree };
    tree.to_string()
}

fn list<T>(items: &[T], encode: impl Fn(&T) -> Tree) -> Tree {
    items.iter().map(encode).collect()
}

fn without_defaults(tree: Tree) -> Tree {
    let is_default = |value: &Tree| match value {
        Tree::Null => true,
        Tree::String(text) => text.is_empty() || text == "0",
        Tree::Number(number) => number.as_f64() == Some(0.0),
        Tree::Array(items) => items.is_empty(),
        Tree::Bool(_) | Tree::Object(_) => false,
    };
    match tree {
        Tree::Array(items) => items.into_iter().map(without_defaults).collect(),
        // The case of an attribute value is told by its field, so that must stay.
        Tree::Object(fields) => Tree::Object(Map::from_iter(
            fields
                .into_iter()
                .filter(|(name, value)| name.ends_with("Value") || !is_default(value))
                .map(|(name, value)| (name, without_defaults(value))),
        )),
        other => other,
    }
}

fn resource_spans(item: &ResourceSpans) -> Tree {
    json!({
        "resource": item.resource.as_ref().map(resource),
        "scopeSpans": list(&item.scope_spans, scope_spans),
        "schemaUrl": item.schema_url,
    })
}

fn resource(resource: &Resource) -> Tree {
    json!({
        "attributes": attributes(&resource.attributes),
        "droppedAttributesCount": resource.dropped_attributes_count,
    })
}

fn scope_spans(item: &ScopeSpans) -> Tree {
    let scope = |scope: &InstrumentationScope| json!({ "name": scope.name, "version": scope.version });
    json!({ "scope": item.scope.as_ref().map(scope), "spans": list(&item.spans, span) })
}

fn span(span: &Span) -> Tree {
    json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id),
        "traceState": span.trace_state,
        "parentSpanId": hex(&span.parent_span_id),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": attributes(&span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": list(&span.events, event),
        "droppedEventsCount": span.dropped_events_count,
        "links": list(&span.links, link),
        "droppedLinksCount": span.dropped_links_count,
        "status": span.status.as_ref().map(|status| json!({ "message": status.message, "code": status.code })),
    })
}

fn event(event: &Event) -> Tree {
    json!({
        "timeUnixNano": event.time_unix_nano.to_string(),
        "name": event.name,
        "attributes": attributes(&event.attributes),
        "droppedAttributesCount": event.dropped_attributes_count,
    })
}

fn link(link: &Link) -> Tree {
    json!({
        "traceId": hex(&link.trace_id),
        "spanId": hex(&link.span_id),
        "traceState": link.trace_state,
        "attributes": attributes(&link.attributes),
        "droppedAttributesCount": link.dropped_attributes_count,
        "flags": link.flags,
    })
}

fn attributes(attributes: &[KeyValue]) -> Tree {
    list(attributes, |entry| json!({ "key": entry.key, "value": entry.value.as_ref().map(any_value) }))
}

fn any_value(value: &AnyValue) -> Tree {
    match &value.value {
        None | Some(Value::StringValueStrindex(_)) => json!({}),
        Some(Value::StringValue(text)) => json!({ "stringValue": text }),
        Some(Value::BoolValue(flag)) => json!({ "boolValue": flag }),
        Some(Value::IntValue(number)) => json!({ "intValue": number.to_string() }),
        Some(Value::DoubleValue(number)) => json!({ "doubleValue": double(*number) }),
        Some(Value::BytesValue(bytes)) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Some(Value::ArrayValue(array)) => json!({ "arrayValue": { "values": list(&array.values, any_value) } }),
        Some(Value::KvlistValue(list)) => json!({ "kvlistValue": { "values": attributes(&list.values) } }),
    }
}

fn double(number: f64) -> Tree {
    if number.is_nan() {
        json!("NaN")
    } else if number.is_infinite() {
        json!(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(number)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
