//! Lines of JSON: values of columns, attributes and records to text and back, without loss.
//!
//! Numbers are read from their own text, so that a double comes back to the last bit. Knows no table.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::types::{Value, ValueRef};
use serde_json::value::RawValue;

use crate::model::ids::{SpanId, TraceId};
use crate::model::log::LogRecord;
use crate::model::metric::{MetricHistogram, MetricKind, MetricPoint};
use crate::model::span::{
    Attribute, AttributeValue, Resource, Span, SpanEvent, SpanKind, SpanLink, SpanSource, SpanStatus,
};
use crate::store::metric_buckets::{decode_buckets, encode_buckets};

/// Attributes inside of attributes; what is kept has far fewer levels.
const DEPTH_MAX: usize = 64;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    Int,
    Real,
    Text,
    /// A blob, as hex.
    Hex,
    /// Text that is JSON.
    Json,
}

/// The members of a line by their names.
pub(super) type Members<'a> = HashMap<&'a str, &'a RawValue>;

/// Why a line cannot be read.
pub(super) type Trouble = String;

/// A JSON object under construction.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new(kind: &str) -> Self {
        Self(format!("{{\"kind\":\"{kind}\""))
    }

    fn bare() -> Self {
        Self("{".to_string())
    }

    fn name(&mut self, name: &str) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{name}\":");
    }

    pub(super) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    pub(super) fn int(&mut self, name: &str, value: i64) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_text(&mut self.0, value);
    }

    pub(super) fn base64(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.0.push('"');
        BASE64.encode_string(bytes, &mut self.0);
        self.0.push('"');
    }

    pub(super) fn column(&mut self, name: &str, ty: Ty, value: ValueRef<'_>) {
        self.name(name);
        match (ty, value) {
            (_, ValueRef::Null) => self.0.push_str("null"),
            (_, ValueRef::Integer(value)) => self.0.push_str(&value.to_string()),
            (_, ValueRef::Real(value)) => push_double(&mut self.0, value),
            (Ty::Json, ValueRef::Text(text)) => self.0.push_str(&on_one_line(&String::from_utf8_lossy(text))),
            (_, ValueRef::Text(text)) => push_text(&mut self.0, &String::from_utf8_lossy(text)),
            (_, ValueRef::Blob(bytes)) => push_hex(&mut self.0, bytes),
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Line breaks of valid JSON stand between its tokens, where a blank means the same.
pub(super) fn on_one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_string()));
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('"');
}

/// With a point or an exponent, so that it is told from an integer.
fn push_double(out: &mut String, value: f64) {
    if value.is_finite() {
        let _ = write!(out, "{value:?}");
    } else {
        let _ = write!(out, "{{\"double\":\"{value}\"}}");
    }
}

/// The value of a column, `None` when the line does not name it.
pub(super) fn column(members: &Members<'_>, name: &str, ty: Ty) -> Result<Value, Trouble> {
    let Some(raw) = members.get(name).map(|raw| raw.get()).filter(|raw| *raw != "null") else { return Ok(Value::Null) };
    let wrong = || format!("{name} is {raw:.40}, which is no {ty:?}");
    Ok(match ty {
        Ty::Int => Value::Integer(raw.parse().map_err(|_| wrong())?),
        Ty::Real => Value::Real(raw.parse().map_err(|_| wrong())?),
        Ty::Text => Value::Text(serde_json::from_str(raw).map_err(|_| wrong())?),
        Ty::Json => Value::Text(raw.to_string()),
        Ty::Hex => {
            let text: String = serde_json::from_str(raw).map_err(|_| wrong())?;
            Value::Blob(bytes_of_hex(&text).ok_or_else(wrong)?)
        }
    })
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

pub(super) fn int(members: &Members<'_>, name: &str) -> Result<i64, Trouble> {
    match column(members, name, Ty::Int)? {
        Value::Integer(value) => Ok(value),
        _ => Err(format!("{name} is missing")),
    }
}

pub(super) fn bytes(members: &Members<'_>, name: &str) -> Result<Vec<u8>, Trouble> {
    BASE64.decode(text(members, name)?).map_err(|error| format!("{name} is no base64: {error}"))
}

pub(super) fn text(members: &Members<'_>, name: &str) -> Result<String, Trouble> {
    Ok(optional_text(members, name)?.unwrap_or_default())
}

fn optional_text(members: &Members<'_>, name: &str) -> Result<Option<String>, Trouble> {
    match column(members, name, Ty::Text)? {
        Value::Text(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}

fn small<T: TryFrom<i64> + Default>(members: &Members<'_>, name: &str) -> Result<T, Trouble> {
    match column(members, name, Ty::Int)? {
        Value::Integer(value) => T::try_from(value).map_err(|_| format!("{name} is {value}")),
        _ => Ok(T::default()),
    }
}

fn flag(members: &Members<'_>, name: &str) -> bool {
    members.get(name).is_some_and(|raw| raw.get() == "true")
}

/// An object as its members.
pub(super) fn members(json: &str) -> Result<Members<'_>, Trouble> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn list<'a>(members: &Members<'a>, name: &str) -> Result<Vec<&'a RawValue>, Trouble> {
    match members.get(name).map(|raw| raw.get()) {
        None | Some("null") => Ok(Vec::new()),
        Some(raw) => serde_json::from_str(raw).map_err(|error| format!("{name}: {error}")),
    }
}

fn push_attributes(object: &mut Object, name: &str, attributes: &[Attribute]) {
    if !attributes.is_empty() {
        object.name(name);
        push_pairs(&mut object.0, attributes);
    }
}

fn push_pairs(out: &mut String, attributes: &[Attribute]) {
    out.push('[');
    for (index, attribute) in attributes.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push('[');
        push_text(out, &attribute.key);
        out.push(',');
        push_value(out, &attribute.value);
        out.push(']');
    }
    out.push(']');
}

fn push_value(out: &mut String, value: &AttributeValue) {
    match value {
        AttributeValue::Empty => out.push_str("null"),
        AttributeValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        AttributeValue::Int(value) => out.push_str(&value.to_string()),
        AttributeValue::Double(value) => push_double(out, *value),
        AttributeValue::Text(text) => push_text(out, text),
        AttributeValue::Bytes(bytes) => {
            out.push_str("{\"base64\":\"");
            BASE64.encode_string(bytes, out);
            out.push_str("\"}");
        }
        AttributeValue::List(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_value(out, value);
            }
            out.push(']');
        }
        AttributeValue::Map(attributes) => {
            out.push_str("{\"map\":");
            push_pairs(out, attributes);
            out.push('}');
        }
    }
}

fn attributes(members: &Members<'_>, name: &str) -> Result<Vec<Attribute>, Trouble> {
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(raw) => pairs(raw.get(), DEPTH_MAX),
    }
}

fn pairs(json: &str, depth: usize) -> Result<Vec<Attribute>, Trouble> {
    let pairs: Vec<(String, &RawValue)> = serde_json::from_str(json).map_err(|error| format!("attributes: {error}"))?;
    pairs.into_iter().map(|(key, raw)| Ok(Attribute { key, value: value(raw.get(), depth)? })).collect()
}

fn value(json: &str, depth: usize) -> Result<AttributeValue, Trouble> {
    let wrong = || format!("{json:.40} is no attribute");
    if depth == 0 {
        return Err("attributes are nested too deeply".to_string());
    }
    Ok(match json.as_bytes().first() {
        Some(b'n') => AttributeValue::Empty,
        Some(b't') => AttributeValue::Bool(true),
        Some(b'f') => AttributeValue::Bool(false),
        Some(b'"') => AttributeValue::Text(serde_json::from_str(json).map_err(|_| wrong())?),
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| wrong())?;
            AttributeValue::List(values.into_iter().map(|raw| value(raw.get(), depth - 1)).collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let members = members(json)?;
            match (members.get("base64"), members.get("map"), members.get("double")) {
                (Some(_), ..) => AttributeValue::Bytes(bytes(&members, "base64")?),
                (_, Some(raw), _) => AttributeValue::Map(pairs(raw.get(), depth - 1)?),
                (.., Some(_)) => AttributeValue::Double(text(&members, "double")?.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        _ if json.contains(['.', 'e', 'E']) => AttributeValue::Double(json.parse().map_err(|_| wrong())?),
        _ => AttributeValue::Int(json.parse().map_err(|_| wrong())?),
    })
}

/// Writes what is not empty: most spans have few of all fields.
fn push_text_if(object: &mut Object, name: &str, text: &str) {
    if !text.is_empty() {
        object.text(name, text);
    }
}

fn push_optional(object: &mut Object, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        object.text(name, text);
    }
}

fn push_int_if(object: &mut Object, name: &str, value: i64) {
    if value != 0 {
        object.int(name, value);
    }
}

fn push_resource(object: &mut Object, resource: &Resource) {
    let mut inner = Object::bare();
    push_text_if(&mut inner, "service", &resource.service);
    push_optional(&mut inner, "release", resource.release.as_deref());
    push_optional(&mut inner, "environment", resource.environment.as_deref());
    push_optional(&mut inner, "sdk", resource.sdk.as_deref());
    push_attributes(&mut inner, "attributes", &resource.attributes);
    object.raw("resource", &inner.finish());
}

fn resource(line: &Members<'_>) -> Result<Resource, Trouble> {
    let Some(raw) = line.get("resource") else { return Ok(Resource::default()) };
    let members = members(raw.get())?;
    Ok(Resource {
        service: text(&members, "service")?,
        release: optional_text(&members, "release")?,
        environment: optional_text(&members, "environment")?,
        sdk: optional_text(&members, "sdk")?,
        attributes: attributes(&members, "attributes")?,
    })
}

const KINDS: [(SpanKind, &str); 5] = [
    (SpanKind::Internal, "internal"),
    (SpanKind::Server, "server"),
    (SpanKind::Client, "client"),
    (SpanKind::Producer, "producer"),
    (SpanKind::Consumer, "consumer"),
];

const STATUSES: [(SpanStatus, &str); 3] =
    [(SpanStatus::Unset, "unset"), (SpanStatus::Ok, "ok"), (SpanStatus::Error, "error")];

const SOURCES: [(SpanSource, &str); 2] = [(SpanSource::Sentry, "sentry"), (SpanSource::Otel, "otel")];

fn word<T: PartialEq>(words: &[(T, &'static str)], value: &T) -> &'static str {
    words.iter().find(|(known, _)| known == value).map_or("", |(_, word)| word)
}

/// The meaning of a word; of one that is not there, the first.
fn meaning<T: Copy>(words: &[(T, &'static str)], members: &Members<'_>, name: &str) -> Result<T, Trouble> {
    let said = text(members, name)?;
    let known = words.iter().find(|(_, word)| *word == said).or(words.first().filter(|_| said.is_empty()));
    known.map(|(value, _)| *value).ok_or_else(|| format!("{name} is {said:.40}"))
}

fn trace_id(members: &Members<'_>) -> Result<Option<TraceId>, Trouble> {
    match optional_text(members, "trace_id")? {
        None => Ok(None),
        Some(text) => TraceId::parse(&text).map(Some).ok_or_else(|| format!("trace_id is {text:.40}")),
    }
}

fn span_id(members: &Members<'_>, name: &str) -> Result<Option<SpanId>, Trouble> {
    match optional_text(members, name)? {
        None => Ok(None),
        Some(text) => SpanId::parse(&text).map(Some).ok_or_else(|| format!("{name} is {text:.40}")),
    }
}

pub(super) fn span_line(project_id: u32, span: &Span, resource: &Resource) -> String {
    let mut line = Object::new("span");
    line.int("project_id", i64::from(project_id));
    line.text("trace_id", &span.trace_id.to_string());
    line.text("span_id", &span.span_id.to_string());
    push_optional(&mut line, "parent_span_id", span.parent_span_id.map(|id| id.to_string()).as_deref());
    line.text("source", word(&SOURCES, &span.source));
    line.text("span_kind", word(&KINDS, &span.kind));
    line.text("op", &span.op);
    line.text("name", &span.name);
    line.text("status", word(&STATUSES, &span.status));
    push_text_if(&mut line, "status_message", &span.status_message);
    line.int("start_ns", span.start_ns);
    line.int("end_ns", span.end_ns);
    if span.is_local_root {
        line.raw("is_local_root", "true");
    }
    push_int_if(&mut line, "http_status", span.http_status.map_or(0, i64::from));
    push_attributes(&mut line, "attributes", &span.attributes);
    let objects = |parts: Vec<String>| format!("[{}]", parts.join(","));
    if !span.events.is_empty() {
        let events = span.events.iter().map(|event| {
            let mut inner = Object::bare();
            inner.text("name", &event.name);
            inner.int("time_ns", event.time_ns);
            push_attributes(&mut inner, "attributes", &event.attributes);
            inner.finish()
        });
        line.raw("events", &objects(events.collect()));
    }
    if !span.links.is_empty() {
        let links = span.links.iter().map(|link| {
            let mut inner = Object::bare();
            inner.text("trace_id", &link.trace_id.to_string());
            inner.text("span_id", &link.span_id.to_string());
            push_attributes(&mut inner, "attributes", &link.attributes);
            inner.finish()
        });
        line.raw("links", &objects(links.collect()));
    }
    push_int_if(&mut line, "dropped", i64::from(span.dropped));
    if let Some(json) = &span.transaction_json {
        // The text itself: it is shown as it came.
        line.text("transaction", &String::from_utf8_lossy(json));
    }
    push_resource(&mut line, resource);
    line.finish()
}

pub(super) fn span_of(line: &Members<'_>) -> Result<(Span, Resource), Trouble> {
    let events = list(line, "events")?.into_iter().map(|raw| {
        let event = members(raw.get())?;
        let (name, time_ns) = (text(&event, "name")?, int(&event, "time_ns")?);
        Ok(SpanEvent { name, time_ns, attributes: attributes(&event, "attributes")? })
    });
    let links = list(line, "links")?.into_iter().map(|raw| {
        let link = members(raw.get())?;
        Ok(SpanLink {
            trace_id: trace_id(&link)?.ok_or("a link without a trace_id")?,
            span_id: span_id(&link, "span_id")?.ok_or("a link without a span_id")?,
            attributes: attributes(&link, "attributes")?,
        })
    });
    let span = Span {
        trace_id: trace_id(line)?.ok_or("a span without a trace_id")?,
        span_id: span_id(line, "span_id")?.ok_or("a span without a span_id")?,
        parent_span_id: span_id(line, "parent_span_id")?,
        resource: 0,
        source: meaning(&SOURCES, line, "source")?,
        kind: meaning(&KINDS, line, "span_kind")?,
        op: text(line, "op")?,
        name: text(line, "name")?,
        status: meaning(&STATUSES, line, "status")?,
        status_message: text(line, "status_message")?,
        start_ns: int(line, "start_ns")?,
        end_ns: int(line, "end_ns")?.max(int(line, "start_ns")?),
        is_local_root: flag(line, "is_local_root"),
        http_status: Some(small(line, "http_status")?).filter(|status| *status != 0),
        attributes: attributes(line, "attributes")?,
        events: events.collect::<Result<_, Trouble>>()?,
        links: links.collect::<Result<_, Trouble>>()?,
        dropped: small(line, "dropped")?,
        transaction_json: optional_text(line, "transaction")?.map(String::into_bytes),
    };
    Ok((span, resource(line)?))
}

pub(super) fn log_line(project_id: u32, record: &LogRecord, resource: &Resource) -> String {
    let mut line = Object::new("log");
    line.int("project_id", i64::from(project_id));
    line.int("time_ns", record.time_ns);
    if let Some(observed_ns) = record.observed_ns {
        line.int("observed_ns", observed_ns);
    }
    line.int("severity", i64::from(record.severity));
    push_text_if(&mut line, "severity_text", &record.severity_text);
    line.text("body", &record.body);
    push_optional(&mut line, "template", record.template.as_deref());
    push_optional(&mut line, "logger", record.logger.as_deref());
    push_optional(&mut line, "trace_id", record.trace_id.map(|id| id.to_string()).as_deref());
    push_optional(&mut line, "span_id", record.span_id.map(|id| id.to_string()).as_deref());
    line.text("source", word(&SOURCES, &record.source));
    push_attributes(&mut line, "attributes", &record.attributes);
    push_int_if(&mut line, "dropped", i64::from(record.dropped));
    push_resource(&mut line, resource);
    line.finish()
}

pub(super) fn log_of(line: &Members<'_>) -> Result<(LogRecord, Resource), Trouble> {
    let record = LogRecord {
        time_ns: int(line, "time_ns")?,
        observed_ns: line.contains_key("observed_ns").then(|| int(line, "observed_ns")).transpose()?,
        severity: small(line, "severity")?,
        severity_text: text(line, "severity_text")?,
        body: text(line, "body")?,
        template: optional_text(line, "template")?,
        logger: optional_text(line, "logger")?,
        trace_id: trace_id(line)?,
        span_id: span_id(line, "span_id")?,
        resource: 0,
        source: meaning(&SOURCES, line, "source")?,
        attributes: attributes(line, "attributes")?,
        dropped: small(line, "dropped")?,
    };
    Ok((record, resource(line)?))
}

/// One point of a batch, without the line it stands in.
pub(super) fn point_json(point: &MetricPoint, resource: &Resource) -> String {
    let mut inner = Object::bare();
    inner.text("name", &point.name);
    inner.text("metric_kind", point.kind.as_str());
    push_text_if(&mut inner, "unit", &point.unit);
    inner.name("value");
    push_double(&mut inner.0, point.value);
    inner.int("time_ns", point.time_ns);
    push_optional(&mut inner, "trace_id", point.trace_id.map(|id| id.to_string()).as_deref());
    push_optional(&mut inner, "span_id", point.span_id.map(|id| id.to_string()).as_deref());
    if let Some(since_ns) = point.since_ns {
        inner.int("since_ns", since_ns);
    }
    push_double_if(&mut inner, "example", point.example);
    if let Some(histogram) = &point.histogram {
        inner.raw("histogram", &histogram_json(histogram));
    }
    push_attributes(&mut inner, "attributes", &point.attributes);
    push_int_if(&mut inner, "dropped", i64::from(point.dropped));
    push_resource(&mut inner, resource);
    inner.finish()
}

fn histogram_json(histogram: &MetricHistogram) -> String {
    let mut inner = Object::bare();
    inner.int("count", histogram.count as i64);
    push_double_if(&mut inner, "sum", Some(histogram.sum));
    push_double_if(&mut inner, "min", histogram.min);
    push_double_if(&mut inner, "max", histogram.max);
    inner.name("buckets");
    push_hex(&mut inner.0, &encode_buckets(&histogram.buckets).unwrap_or_default());
    inner.finish()
}

fn histogram_of(line: &Members<'_>) -> Result<Option<Box<MetricHistogram>>, Trouble> {
    let Some(raw) = line.get("histogram") else { return Ok(None) };
    let members = members(raw.get())?;
    let Value::Blob(buckets) = column(&members, "buckets", Ty::Hex)? else {
        return Err("a histogram without buckets".to_string());
    };
    Ok(Some(Box::new(MetricHistogram {
        count: u64::try_from(int(&members, "count")?).map_err(|_| "a histogram counts less than nothing")?,
        sum: double(&members, "sum")?.unwrap_or_default(),
        min: double(&members, "min")?,
        max: double(&members, "max")?,
        buckets: decode_buckets(&buckets).map_err(|error| error.to_string())?,
    })))
}

fn push_double_if(object: &mut Object, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        object.name(name);
        push_double(&mut object.0, value);
    }
}

fn double(members: &Members<'_>, name: &str) -> Result<Option<f64>, Trouble> {
    match column(members, name, Ty::Real)? {
        Value::Real(value) if !value.is_finite() => Err(format!("{name} is no number")),
        Value::Real(value) => Ok(Some(value)),
        _ => Ok(None),
    }
}

pub(super) fn points_of(line: &Members<'_>) -> Result<Vec<(MetricPoint, Resource)>, Trouble> {
    let points = list(line, "points")?.into_iter().map(|raw| {
        let members = members(raw.get())?;
        let kind = text(&members, "metric_kind")?;
        let value = double(&members, "value")?.ok_or("a point without a value")?;
        let point = MetricPoint {
            name: text(&members, "name")?,
            kind: MetricKind::parse(&kind).ok_or_else(|| format!("metric_kind is {kind:.40}"))?,
            unit: text(&members, "unit")?,
            value,
            histogram: histogram_of(&members)?,
            since_ns: members.contains_key("since_ns").then(|| int(&members, "since_ns")).transpose()?,
            time_ns: int(&members, "time_ns")?,
            trace_id: trace_id(&members)?,
            span_id: span_id(&members, "span_id")?,
            example: double(&members, "example")?,
            resource: 0,
            attributes: attributes(&members, "attributes")?,
            dropped: small(&members, "dropped")?,
        };
        Ok((point, resource(&members)?))
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = AttributeValue> {
        let leaf = prop_oneof![
            Just(AttributeValue::Empty),
            any::<bool>().prop_map(AttributeValue::Bool),
            any::<i64>().prop_map(AttributeValue::Int),
            any::<f64>().prop_filter("equal to itself", |value| !value.is_nan()).prop_map(AttributeValue::Double),
            ".*".prop_map(AttributeValue::Text),
            any::<Vec<u8>>().prop_map(AttributeValue::Bytes),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::List),
                proptest::collection::vec((".*", inner), 0..4).prop_map(|pairs| {
                    AttributeValue::Map(pairs.into_iter().map(|(key, value)| Attribute { key, value }).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_span_comes_back_from_its_line(value in any_value(), name in ".*", start_ns in any::<i64>(), status in any::<u16>()) {
            let attributes = vec![Attribute { key: name.clone(), value }];
            let span = Span {
                trace_id: TraceId([7; 16]), span_id: SpanId([8; 8]), parent_span_id: Some(SpanId([9; 8])),
                source: SpanSource::Otel, kind: SpanKind::Producer, name: name.clone(), status: SpanStatus::Error,
                start_ns, end_ns: start_ns.saturating_add(5), is_local_root: true,
                http_status: Some(status).filter(|status| *status != 0), attributes: attributes.clone(),
                events: vec![SpanEvent { name: name.clone(), time_ns: 3, attributes: attributes.clone() }],
                links: vec![SpanLink { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), attributes: attributes.clone() }],
                dropped: 4, transaction_json: Some(name.clone().into_bytes()), ..Span::default()
            };
            let resource = Resource { service: name, release: Some(String::new()), attributes, ..Resource::default() };
            let line = span_line(3, &span, &resource);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(span_of(&members(&line).unwrap()).unwrap(), (span, resource));
        }

        #[test]
        fn no_line_is_too_odd_to_be_refused(line in ".*", value in ".*") {
            let odd = format!("{{\"trace_id\":{value:?},\"attributes\":[[\"a\",{value}]],\"body\":{line}}}");
            for text in [line, odd] {
                if let Ok(members) = members(&text) {
                    let _ = (span_of(&members), log_of(&members), points_of(&members));
                }
            }
        }
    }

    #[test]
    fn logs_and_points_come_back_from_their_lines() {
        let resource = Resource { sdk: Some("sdk/1".into()), ..Resource::default() };
        let record = LogRecord {
            time_ns: -5,
            observed_ns: Some(0),
            severity: 9,
            body: "a\nb".into(),
            template: Some("a{}".into()),
            trace_id: Some(TraceId([1; 16])),
            ..LogRecord::default()
        };
        let line = log_line(1, &record, &resource);
        assert_eq!(log_of(&members(&line).unwrap()).unwrap(), (record, resource.clone()));
        let point =
            MetricPoint { name: "a".into(), value: 0.1 + 0.2, kind: MetricKind::Gauge, ..MetricPoint::default() };
        let buckets = crate::model::buckets::Buckets::of_value(3.0);
        let histogram = MetricHistogram { count: 9, sum: -0.5, min: None, max: Some(3.0), buckets };
        let total = MetricPoint {
            since_ns: Some(0),
            example: Some(1.5),
            histogram: Some(Box::new(histogram)),
            ..point.clone()
        };
        for point in [point, total] {
            let line = format!("{{\"points\":[{}]}}", point_json(&point, &resource));
            assert_eq!(points_of(&members(&line).unwrap()).unwrap(), [(point, resource.clone())]);
        }
    }

    #[test]
    fn attributes_nested_without_end_are_refused() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(value(&deep, DEPTH_MAX).is_err());
        assert!(value("99999999999999999999", DEPTH_MAX).is_err());
    }
}
