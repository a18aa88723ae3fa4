//! The shapes of Jaeger's query API, in its words: times are microseconds, attributes tags, span events logs.
//!
//! Made of the model's spans; knows nothing of how they were found. None of this is read by the web app.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::http::ui::{attribute_json, kind_name};
use crate::model::ids::TraceId;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanBatch, SpanStatus};

/// What a process is called that did not say, as OpenTelemetry calls it.
pub const UNKNOWN_SERVICE: &str = "unknown_service";

/// Around every answer.
#[derive(Serialize)]
pub struct Envelope<T> {
    pub data: T,
    pub total: usize,
    pub limit: usize,
    pub offset: usize,
    pub errors: Option<Vec<Trouble>>,
}

/// What went wrong, or what is missing from an answer.
#[derive(Serialize)]
pub struct Trouble {
    pub code: u16,
    pub msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationView {
    pub name: String,
    pub span_kind: &'static str,
}

#[derive(Serialize)]
pub struct JaegerTrace {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<JaegerSpan>,
    processes: BTreeMap<String, Process>,
    warnings: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    references: Vec<Reference>,
    start_time: i64,
    duration: i64,
    tags: Vec<Tag>,
    logs: Vec<Log>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Reference {
    #[serde(rename = "refType")]
    ty: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
    tags: Vec<Tag>,
}

#[derive(Serialize)]
struct Log {
    timestamp: i64,
    fields: Vec<Tag>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Tag {
    key: String,
    #[serde(rename = "type")]
    ty: &'static str,
    value: Value,
}

impl JaegerTrace {
    /// `omitted` spans are kept and not among them.
    pub fn of(trace_id: TraceId, batch: SpanBatch, omitted: u64) -> Self {
        let mut resources = Vec::new();
        let places: Vec<usize> = batch.resources.into_iter().map(|known| known.place_in(&mut resources)).collect();
        let mut spans = batch.spans;
        spans.sort_by_key(|span| (span.start_ns, span.span_id));
        Self {
            trace_id: trace_id.to_string(),
            spans: spans.into_iter().map(|span| span_of(span, &places)).collect(),
            processes: resources.into_iter().enumerate().map(|(n, known)| (process_id(n), process_of(known))).collect(),
            warnings: (omitted > 0).then(|| vec![format!("{omitted} more spans of this trace are kept and not shown")]),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

fn process_id(index: usize) -> String {
    format!("p{}", index + 1)
}

fn process_of(resource: Resource) -> Process {
    let service_name = if resource.service.is_empty() { UNKNOWN_SERVICE.to_string() } else { resource.service };
    let mut tags: Vec<Tag> = resource.attributes.into_iter().map(tag).collect();
    // Of Sentry's processes, that are told by name alone.
    let keys = [("service.version", resource.release), ("deployment.environment.name", resource.environment)];
    for (key, value) in keys {
        if let Some(value) = value {
            add_missing(&mut tags, &[key], Value::String(value));
        }
    }
    Process { service_name, tags }
}

fn span_of(span: Span, places: &[usize]) -> JaegerSpan {
    let trace_id = span.trace_id.to_string();
    let start_time = span.start_ns / 1000;
    let duration = span.duration_ns() / 1000;
    let mut references: Vec<Reference> = Vec::new();
    if let Some(parent) = span.parent_span_id {
        references.push(Reference { ty: "CHILD_OF", trace_id: trace_id.clone(), span_id: parent.to_string() });
    }
    for link in &span.links {
        let (trace_id, span_id) = (link.trace_id.to_string(), link.span_id.to_string());
        references.push(Reference { ty: "FOLLOWS_FROM", trace_id, span_id });
    }
    let mut tags: Vec<Tag> = span.attributes.into_iter().map(tag).collect();
    add_missing(&mut tags, &["span.kind"], kind_name(span.kind).into());
    if !span.op.is_empty() {
        add_missing(&mut tags, &["sentry.op"], span.op.into());
    }
    if let Some(status) = span.http_status {
        add_missing(&mut tags, &["http.response.status_code", "http.status_code"], status.into());
    }
    match span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => add_missing(&mut tags, &["otel.status_code"], "OK".into()),
        SpanStatus::Error => {
            add_missing(&mut tags, &["otel.status_code"], "ERROR".into());
            add_missing(&mut tags, &["error"], true.into());
        }
    }
    if !span.status_message.is_empty() {
        add_missing(&mut tags, &["otel.status_description"], span.status_message.into());
    }
    let logs = span.events.into_iter().map(|event| {
        let mut fields = vec![Tag { key: "event".to_string(), ty: "string", value: event.name.into() }];
        fields.extend(event.attributes.into_iter().map(tag));
        Log { timestamp: event.time_ns / 1000, fields }
    });
    let dropped = span.dropped;
    JaegerSpan {
        trace_id,
        span_id: span.span_id.to_string(),
        operation_name: span.name,
        references,
        start_time,
        duration,
        tags,
        logs: logs.collect(),
        process_id: process_id(places.get(span.resource).copied().unwrap_or(0)),
        warnings: (dropped > 0)
            .then(|| vec![format!("{dropped} attributes, events or links were left out before they were stored")]),
    }
}

/// Under the first of the keys, unless there is one of them.
fn add_missing(tags: &mut Vec<Tag>, keys: &[&str], value: Value) {
    if tags.iter().any(|tag| keys.contains(&tag.key.as_str())) {
        return;
    }
    let ty = match value {
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        _ => "string",
    };
    tags.push(Tag { key: keys[0].to_string(), ty, value });
}

fn tag(attribute: Attribute) -> Tag {
    let ty = match &attribute.value {
        AttributeValue::Bool(_) => "bool",
        AttributeValue::Int(_) => "int64",
        AttributeValue::Double(_) => "float64",
        _ => "string",
    };
    let value = match attribute_json(attribute.value) {
        // Jaeger knows no lists and objects, and no absence.
        value @ (Value::Array(_) | Value::Object(_)) => Value::String(value.to_string()),
        Value::Null => Value::String(String::new()),
        value => value,
    };
    Tag { key: attribute.key, ty, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SpanId;
    use crate::model::span::SpanKind;

    fn attribute(key: &str, value: AttributeValue) -> Attribute {
        Attribute { key: key.to_string(), value }
    }

    #[test]
    fn attributes_are_tags_of_a_type_that_jaeger_has() {
        for (value, expected) in [
            (AttributeValue::Bool(true), r#"{"key":"k","type":"bool","value":true}"#),
            (AttributeValue::Int(-3), r#"{"key":"k","type":"int64","value":-3}"#),
            (AttributeValue::Int(i64::MAX), r#"{"key":"k","type":"int64","value":"9223372036854775807"}"#),
            (AttributeValue::Double(0.5), r#"{"key":"k","type":"float64","value":0.5}"#),
            (AttributeValue::Text("t".to_string()), r#"{"key":"k","type":"string","value":"t"}"#),
            (AttributeValue::Bytes(vec![1, 171]), r#"{"key":"k","type":"string","value":"01ab"}"#),
            (AttributeValue::List(vec![AttributeValue::Int(1)]), r#"{"key":"k","type":"string","value":"[1]"}"#),
            (AttributeValue::Empty, r#"{"key":"k","type":"string","value":""}"#),
        ] {
            assert_eq!(serde_json::to_string(&tag(attribute("k", value))).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_kept_beside_the_attributes_is_told_once() {
        let span = Span {
            kind: SpanKind::Server,
            status: SpanStatus::Error,
            status_message: "broken".to_string(),
            http_status: Some(500),
            attributes: vec![
                attribute("http.status_code", AttributeValue::Int(500)),
                attribute("span.kind", AttributeValue::Text("mine".to_string())),
            ],
            dropped: 2,
            ..Span::default()
        };
        let span = span_of(span, &[0]);
        let keys: Vec<&str> = span.tags.iter().map(|tag| tag.key.as_str()).collect();
        let expected = ["http.status_code", "span.kind", "otel.status_code", "error", "otel.status_description"];
        assert_eq!(keys, expected);
        assert!(span.warnings.unwrap()[0].starts_with("2 attributes"));
    }

    #[test]
    fn equal_processes_are_one_and_spans_stand_in_the_order_of_time() {
        let resource = |service: &str| Resource { service: service.to_string(), ..Resource::default() };
        let span = |id: u8, resource: usize, start_ns: i64| Span {
            span_id: SpanId([id; 8]),
            resource,
            start_ns,
            end_ns: start_ns,
            ..Span::default()
        };
        let batch = SpanBatch {
            resources: vec![resource("shop"), resource(""), resource("shop")],
            spans: vec![span(1, 2, 9_000), span(2, 1, 3_000), span(3, 0, 6_000)],
        };
        let trace = serde_json::to_value(JaegerTrace::of(TraceId([1; 16]), batch, 7)).unwrap();
        let column = |key: &str| -> Vec<Value> {
            trace["spans"].as_array().unwrap().iter().map(|span| span[key].clone()).collect()
        };
        assert_eq!(column("startTime"), [3, 6, 9]);
        assert_eq!(column("processID"), ["p2", "p1", "p1"]);
        assert_eq!(trace["processes"]["p2"]["serviceName"], UNKNOWN_SERVICE);
        assert_eq!(trace["processes"].as_object().unwrap().len(), 2);
        assert!(trace["warnings"][0].as_str().unwrap().starts_with("7 more"));
    }
}
