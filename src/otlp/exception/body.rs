//! The JSON of an event as Sentry's SDKs send it, of what OpenTelemetry told.
//!
//! Reading it again must give the event it is made of, as whoever shows it or groups it anew does just that.

use serde_json::{Map, Value, json};

use crate::config::event::{EXTRA_BYTES_MAX, EXTRA_VALUE_BYTES_MAX, REQUEST_QUERY_BYTES_MAX};
use crate::model::event::{Event, Exception, Frame};
use crate::model::span::{Attribute, AttributeValue};
use crate::model::time::rfc3339;

use super::Found;

/// The text frames were read from; kept, as some of it may not have been understood.
const STACKTRACE: &str = "exception.stacktrace";

pub(super) fn of(event: &Event, found: &Found<'_>) -> Vec<u8> {
    let Found { known, told, resource, .. } = found;
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        let is_nothing = match &value {
            Value::Null => true,
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if !is_nothing {
            body.insert(key.to_owned(), value);
        }
    };
    put("event_id", json!(event.event_id.to_string()));
    put("timestamp", json!(rfc3339(event.timestamp_ms)));
    put("platform", json!(event.platform));
    put("level", json!(event.level.as_str()));
    put("logger", json!(event.logger));
    if let Some(message) = &event.message {
        put("logentry", members([("message", json!(message.template)), ("formatted", json!(message.formatted))]));
    }
    put("exception", json!({ "values": event.exceptions.iter().map(exception).collect::<Vec<_>>() }));
    put("transaction", json!(event.transaction));
    put("release", json!(event.release));
    put("environment", json!(event.environment));
    put("server_name", json!(event.server_name));
    put("fingerprint", json!(event.fingerprint));
    put("sdk", members([("name", json!(known.sdk_name())), ("version", json!(known.sdk_version))]));
    put("tags", event.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect());
    put("user", known.user().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect());
    let headers = members([("User-Agent", json!(known.user_agent))]);
    let query = known.query.filter(|query| query.len() <= REQUEST_QUERY_BYTES_MAX);
    put(
        "request",
        members([
            ("method", json!(known.method)),
            ("url", json!(known.url)),
            ("query_string", json!(query)),
            ("headers", headers),
        ]),
    );
    let trace = event.trace_id.map(|trace_id| {
        json!({ "type": "trace", "trace_id": trace_id.to_string(), "span_id": event.span_id.map(|id| id.to_string()) })
    });
    let runtime = known.runtime.map(|(name, version)| json!({ "type": "runtime", "name": name, "version": version }));
    let process = resource.attributes.iter().filter(|attribute| !attribute.key.starts_with("process.runtime."));
    let resource = bounded(process, EXTRA_BYTES_MAX);
    put(
        "contexts",
        members([("trace", json!(trace)), ("runtime", json!(runtime)), ("resource", Value::Object(resource))]),
    );
    let mut extra = bounded(known.rest(), EXTRA_BYTES_MAX);
    if !told.stacktrace.is_empty() {
        extra.insert(STACKTRACE.to_owned(), json!(told.stacktrace));
    }
    put("extra", Value::Object(extra));
    Value::Object(body).to_string().into_bytes()
}

/// Without those that are nothing.
fn members<const N: usize>(list: [(&str, Value); N]) -> Value {
    let is_something = |value: &Value| match value {
        Value::Null => false,
        Value::Object(members) => !members.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    let kept = list.into_iter().filter(|(_, value)| is_something(value));
    Value::Object(kept.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn exception(exception: &Exception) -> Value {
    let mechanism = &exception.mechanism;
    let group = mechanism.is_exception_group.then_some(true);
    let stacktrace = match exception.frames.as_slice() {
        [] => Value::Null,
        frames => json!({ "frames": frames.iter().map(frame).collect::<Vec<_>>() }),
    };
    members([
        ("type", json!(exception.ty)),
        ("value", json!(exception.value)),
        ("module", json!(exception.module)),
        (
            "mechanism",
            members([
                ("type", json!(mechanism.ty)),
                ("handled", json!(mechanism.handled)),
                ("exception_id", json!(mechanism.exception_id)),
                ("parent_id", json!(mechanism.parent_id)),
                ("source", json!(mechanism.source)),
                ("is_exception_group", json!(group)),
            ]),
        ),
        ("stacktrace", stacktrace),
    ])
}

fn frame(frame: &Frame) -> Value {
    members([
        ("filename", json!(frame.filename)),
        ("abs_path", json!(frame.abs_path)),
        ("module", json!(frame.module)),
        ("function", json!(frame.function)),
        ("lineno", json!(frame.line)),
        ("colno", json!(frame.column)),
        ("context_line", json!(frame.context_line)),
        ("in_app", json!(frame.in_app)),
    ])
}

/// As many as there is room for, each within its own bounds.
fn bounded<'a>(attributes: impl Iterator<Item = &'a Attribute>, mut room: usize) -> Map<String, Value> {
    let mut kept = Map::new();
    for attribute in attributes {
        let mut value = json_of(&attribute.value);
        let bytes = value.to_string().len();
        if bytes > EXTRA_VALUE_BYTES_MAX {
            value = json!(format!("{bytes} bytes, left out"));
        }
        let Some(left) = room.checked_sub(attribute.key.len() + bytes.min(EXTRA_VALUE_BYTES_MAX)) else { break };
        room = left;
        kept.insert(attribute.key.clone(), value);
    }
    kept
}

fn json_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Empty => Value::Null,
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::Int(number) => json!(number),
        AttributeValue::Double(number) => json!(number),
        AttributeValue::Text(text) => json!(text),
        AttributeValue::Bytes(bytes) => json!(format!("{} bytes", bytes.len())),
        AttributeValue::List(list) => list.iter().map(json_of).collect(),
        AttributeValue::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.value))).collect()
        }
    }
}
