//! The single span: what browsers send for web vitals, shaped like a child of a transaction that never comes.

use serde_json::value::RawValue;

use super::{CATEGORY, SpansDecoded, kind_of, set_readable_name, take_resource, text_of};
use crate::model::outcome::Reason;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanSource};
use crate::sentry::clock::time_ns;
use crate::sentry::container::Refused;
use crate::sentry::event::{span_id, trace_id};
use crate::sentry::json::{Entries, Listed, Object, Scalar, wire_object};
use crate::sentry::transaction::attributes::{read_attributes, read_links};
use crate::sentry::transaction::{NAME_CHARS_MAX, OP_CHARS_MAX, words};
use crate::sentry::wire::WireLink;

/// Measurements of one span; browsers send one or two.
const MEASUREMENTS_MAX: usize = 64;

wire_object! {
    WireStandalone {
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        parent_span_id: Scalar<'a> = "parent_span_id",
        segment_id: Scalar<'a> = "segment_id",
        is_segment: Scalar<'a> = "is_segment",
        op: Scalar<'a> = "op",
        description: Scalar<'a> = "description" | "name",
        status: Scalar<'a> = "status",
        origin: Scalar<'a> = "origin",
        start_timestamp: Scalar<'a> = "start_timestamp",
        timestamp: Scalar<'a> = "timestamp" | "end_timestamp",
        exclusive_time: Scalar<'a> = "exclusive_time",
        data: Option<&'a RawValue> = "data",
        measurements: Entries<'a, Object<WireMeasurement<'a>>> = "measurements",
        links: Listed<WireLink<'a>, 32, 0> = "links",
    }
}

wire_object! {
    WireMeasurement {
        value: Scalar<'a> = "value",
        unit: Scalar<'a> = "unit",
    }
}

/// Reads the span; without ids or times it is refused, not the request.
pub(super) fn read(text: &str) -> serde_json::Result<SpansDecoded> {
    let wire: Object<WireStandalone<'_>> = serde_json::from_str(text)?;
    let mut decoded = SpansDecoded { is_standalone: true, ..SpansDecoded::default() };
    match span(&wire.0.unwrap_or_default()) {
        Ok((span, resource)) => decoded.push(span, resource),
        Err(problem) => {
            let mut refused = Refused::of(CATEGORY);
            refused.add(Reason::Invalid, problem, 1);
            decoded.refused = refused.lines;
        }
    }
    Ok(decoded)
}

fn span(wire: &WireStandalone<'_>) -> Result<(Span, Resource), &'static str> {
    let own_trace_id = trace_id(&wire.trace_id).ok_or("trace_id is missing or invalid")?;
    let own_span_id = span_id(&wire.span_id).ok_or("span_id is missing or invalid")?;
    let start_ns = time_ns(&wire.start_timestamp).ok_or("start_timestamp is missing or invalid")?;
    let end_ns = time_ns(&wire.timestamp).ok_or("timestamp is missing or invalid")?;
    if end_ns < start_ns {
        return Err("span ends before it starts");
    }
    let mut attributes = read_attributes(wire.data, &wire.origin);
    if let Some(segment) = span_id(&wire.segment_id) {
        attributes.push("sentry.segment.id".into(), AttributeValue::Text(segment.to_string()));
    }
    if let Some(value) = number(&wire.exclusive_time) {
        attributes.push("sentry.exclusive_time".into(), value);
    }
    for (name, Object(measured)) in wire.measurements.0.iter().take(MEASUREMENTS_MAX) {
        let Some((measured, value)) = measured.as_ref().and_then(|m| Some((m, number(&m.value)?))) else { continue };
        // Named as the newer SDKs name them among their attributes; the unit goes with the number.
        let unit = measured.unit.limited(32).filter(|unit| unit != "none");
        attributes.push(format!("measurement.{name}").into(), value);
        if let Some(unit) = unit {
            attributes.push(format!("measurement.{name}.unit").into(), AttributeValue::Text(unit));
        }
    }
    let mut kept: Vec<Attribute> = attributes.kept;
    let resource = take_resource(&mut kept);
    let parent_span_id = span_id(&wire.parent_span_id).filter(|parent| *parent != own_span_id);
    let is_segment = wire.is_segment.flag().unwrap_or(false);
    let named = text_of(&kept, &["sentry.op"]).map(|op| op.chars().take(OP_CHARS_MAX).collect());
    let op: String = wire.op.limited(OP_CHARS_MAX).or(named).unwrap_or_default();
    let kind = kind_of(&kept, &op, is_segment);
    let http_status = words::http_status_attribute(&kept);
    let (status, status_message) = words::status(&wire.status, kind, http_status);
    let mut span = Span {
        trace_id: own_trace_id,
        span_id: own_span_id,
        parent_span_id,
        source: SpanSource::Sentry,
        kind,
        name: wire.description.limited(NAME_CHARS_MAX).unwrap_or_else(|| op.clone()),
        op,
        status,
        status_message,
        start_ns,
        end_ns,
        is_local_root: is_segment || parent_span_id.is_none(),
        http_status,
        attributes: kept,
        links: read_links(&wire.links),
        dropped: attributes.dropped,
        ..Span::default()
    };
    set_readable_name(&mut span);
    words::set_query_fingerprint(&mut span);
    Ok((span, resource))
}

fn number(sent: &Scalar<'_>) -> Option<AttributeValue> {
    match sent {
        Scalar::Int(n) => Some(AttributeValue::Double(*n as f64)),
        Scalar::UInt(n) => Some(AttributeValue::Double(*n as f64)),
        Scalar::Float(n) => Some(AttributeValue::Double(*n)),
        _ => None,
    }
}
