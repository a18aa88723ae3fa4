//! Jaeger's query API, one trace: `GET /api/traces/<trace id>`, for tools that read Jaeger.

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::config::TRACE_SPANS_SHOWN_MAX;
use crate::model::ids::TraceId;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanBatch, SpanStatus};

use super::error::ApiError;
use super::respond::{Body, json as json_response};
use super::ui::{attribute_json, kind_name};
use super::{Ready, respond};

pub(super) async fn trace(ready: &Ready, trace: &str) -> Result<Response<Body>, ApiError> {
    let Some(trace_id) = TraceId::parse(trace) else {
        return Ok(not_found(StatusCode::BAD_REQUEST, "malformed trace id"));
    };
    let found = ready.store.trace_spans(trace_id, TRACE_SPANS_SHOWN_MAX).await?;
    if found.batch.spans.is_empty() {
        return Ok(not_found(StatusCode::NOT_FOUND, "trace not found"));
    }
    Ok(json_response(
        StatusCode::OK,
        &json!({ "data": [trace_json(trace_id, found.batch)], "total": 0, "limit": 0, "offset": 0, "errors": null }),
    ))
}

/// Jaeger's own shape of an error.
fn not_found(status: StatusCode, message: &str) -> Response<Body> {
    respond::json(
        status,
        &json!({ "data": null, "total": 0, "limit": 0, "offset": 0,
                 "errors": [{ "code": status.as_u16(), "msg": message }] }),
    )
}

fn trace_json(trace_id: TraceId, batch: SpanBatch) -> Value {
    let processes: serde_json::Map<String, Value> = batch
        .resources
        .into_iter()
        .enumerate()
        .map(|(index, resource)| (process_id(index), process_json(resource)))
        .collect();
    let spans: Vec<Value> = batch.spans.into_iter().map(span_json).collect();
    json!({ "traceID": trace_id.to_string(), "spans": spans, "processes": processes, "warnings": null })
}

fn process_id(index: usize) -> String {
    format!("p{}", index + 1)
}

fn process_json(resource: Resource) -> Value {
    let tags: Vec<Value> = resource.attributes.into_iter().map(tag_json).collect();
    json!({ "serviceName": resource.service, "tags": tags })
}

fn span_json(span: Span) -> Value {
    let duration_us = span.duration_ns() / 1000;
    let trace_id = span.trace_id.to_string();
    let mut references: Vec<Value> = Vec::new();
    if let Some(parent) = span.parent_span_id {
        references.push(json!({ "refType": "CHILD_OF", "traceID": trace_id, "spanID": parent.to_string() }));
    }
    for link in &span.links {
        references.push(json!({
            "refType": "FOLLOWS_FROM", "traceID": link.trace_id.to_string(), "spanID": link.span_id.to_string(),
        }));
    }
    let mut tags: Vec<Value> = span.attributes.into_iter().map(tag_json).collect();
    tags.push(text_tag("span.kind", kind_name(span.kind)));
    if !span.op.is_empty() {
        tags.push(text_tag("sentry.op", &span.op));
    }
    match span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => tags.push(text_tag("otel.status_code", "OK")),
        SpanStatus::Error => {
            tags.push(text_tag("otel.status_code", "ERROR"));
            tags.push(json!({ "key": "error", "type": "bool", "value": true }));
        }
    }
    if !span.status_message.is_empty() {
        tags.push(text_tag("otel.status_description", &span.status_message));
    }
    let logs: Vec<Value> = span
        .events
        .into_iter()
        .map(|event| {
            let mut fields = vec![text_tag("event", &event.name)];
            fields.extend(event.attributes.into_iter().map(tag_json));
            json!({ "timestamp": event.time_ns / 1000, "fields": fields })
        })
        .collect();
    json!({
        "traceID": trace_id,
        "spanID": span.span_id.to_string(),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_ns / 1000,
        "duration": duration_us,
        "tags": tags,
        "logs": logs,
        "processID": process_id(span.resource),
        "warnings": null,
    })
}

fn text_tag(key: &str, value: &str) -> Value {
    json!({ "key": key, "type": "string", "value": value })
}

fn tag_json(attribute: Attribute) -> Value {
    let ty = match &attribute.value {
        AttributeValue::Bool(_) => "bool",
        AttributeValue::Int(_) => "int64",
        AttributeValue::Double(_) => "float64",
        _ => "string",
    };
    let value = match attribute_json(attribute.value) {
        // Jaeger knows no lists and objects.
        value @ (Value::Array(_) | Value::Object(_)) => Value::String(value.to_string()),
        value => value,
    };
    json!({ "key": attribute.key, "type": ty, "value": value })
}
