//! A span in protobuf, read by hand into attributes of the model.
//!
//! Owns the field numbers of trace.proto and common.proto that spans are made of. Generated types would be built only to be
//! taken apart again, at more than the rest of decoding costs. What is beyond the limits is passed over unread, so that
//! nesting costs neither stack nor memory.

use crate::model::span::{Attribute, AttributeValue, SpanEvent, SpanLink};
use crate::otlp::Limits;
use crate::otlp::attribute::cut_str;
use crate::otlp::span::{Parts, usable_span_id, usable_time, usable_trace_id};

use super::fields::{Field, Fields, Unreadable};

/// Reads a `Span` of opentelemetry-proto 1.x.
pub(in crate::otlp) fn read_span(message: &[u8], limits: &Limits) -> Result<Parts, Unreadable> {
    let mut parts = Parts::default();
    let mut dropped = 0_u32;
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => parts.trace_id = usable_trace_id(field.bytes()?),
            2 => parts.span_id = usable_span_id(field.bytes()?),
            3 => parts.trace_state = cut_str(field.text()?, limits.attribute_text_bytes_max).to_owned(),
            4 => parts.parent_span_id = usable_span_id(field.bytes()?),
            5 => parts.name = field.text()?.to_owned(),
            6 => parts.kind = field.int32()?,
            7 => parts.start_ns = usable_time(field.fixed64()?),
            8 => parts.end_ns = usable_time(field.fixed64()?),
            9 => {
                if parts.attributes.capacity() == 0 {
                    // As many as instrumentations give a request; the scope's name and version follow.
                    parts.attributes.reserve(ATTRIBUTES_USUAL);
                }
                push_entry(&mut parts.attributes, field.bytes()?, 0, limits, &mut dropped)?;
            }
            10 => parts.dropped_attributes = field.uint32()?,
            11 => push_event(&mut parts.events, field.bytes()?, limits, &mut dropped)?,
            12 => parts.dropped_events = field.uint32()?,
            13 => push_link(&mut parts.links, field.bytes()?, limits, &mut dropped)?,
            14 => parts.dropped_links = field.uint32()?,
            15 => read_status(&mut parts, field.bytes()?, limits)?,
            16 => parts.flags = field.fixed32()?,
            _ => {}
        }
    }
    parts.left_out = dropped;
    Ok(parts)
}

const ATTRIBUTES_USUAL: usize = 18;

fn read_status(parts: &mut Parts, message: &[u8], limits: &Limits) -> Result<(), Unreadable> {
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            2 => parts.status_message = cut_str(field.text()?, limits.attribute_text_bytes_max).to_owned(),
            3 => parts.status_code = field.int32()?,
            _ => {}
        }
    }
    Ok(())
}

fn push_event(
    events: &mut Vec<SpanEvent>,
    message: &[u8],
    limits: &Limits,
    dropped: &mut u32,
) -> Result<(), Unreadable> {
    if events.len() == limits.events_max {
        *dropped = dropped.saturating_add(1);
        return Ok(());
    }
    let mut event = SpanEvent { time_ns: 0, name: String::new(), attributes: Vec::new() };
    let mut dropped_attributes = 0;
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => event.time_ns = usable_time(field.fixed64()?).unwrap_or(0),
            2 => event.name = cut_str(field.text()?, limits.attribute_text_bytes_max).to_owned(),
            3 => push_entry(&mut event.attributes, field.bytes()?, 0, limits, dropped)?,
            4 => dropped_attributes = field.uint32()?,
            _ => {}
        }
    }
    *dropped = dropped.saturating_add(dropped_attributes);
    events.push(event);
    Ok(())
}

fn push_link(links: &mut Vec<SpanLink>, message: &[u8], limits: &Limits, dropped: &mut u32) -> Result<(), Unreadable> {
    let (mut trace_id, mut span_id) = (None, None);
    let (mut attributes, mut dropped_attributes, mut left_out) = (Vec::new(), 0, 0);
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => trace_id = usable_trace_id(field.bytes()?),
            2 => span_id = usable_span_id(field.bytes()?),
            4 => push_entry(&mut attributes, field.bytes()?, 0, limits, &mut left_out)?,
            5 => dropped_attributes = field.uint32()?,
            _ => {}
        }
    }
    let (Some((trace_id, span_id)), true) = (trace_id.zip(span_id), links.len() < limits.events_max) else {
        *dropped = dropped.saturating_add(1);
        return Ok(());
    };
    *dropped = dropped.saturating_add(dropped_attributes).saturating_add(left_out);
    links.push(SpanLink { trace_id, span_id, attributes });
    Ok(())
}

/// A `KeyValue`.
fn push_entry(
    list: &mut Vec<Attribute>,
    message: &[u8],
    depth: usize,
    limits: &Limits,
    dropped: &mut u32,
) -> Result<(), Unreadable> {
    let (mut key, mut value) = ("", AttributeValue::Empty);
    let mut left_out = 0;
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => key = field.text()?,
            2 => read_value(&mut value, field.bytes()?, depth, limits, &mut left_out)?,
            _ => {}
        }
    }
    // An attribute without a key cannot be named on any screen, nor searched for.
    if key.is_empty() || list.len() >= limits.attributes_max {
        *dropped = dropped.saturating_add(1);
        return Ok(());
    }
    *dropped = dropped.saturating_add(left_out);
    list.push(Attribute { key: cut_str(key, limits.attribute_text_bytes_max).to_owned(), value });
    Ok(())
}

/// An `AnyValue`, into what an earlier one of the same field left. The last of several kinds counts, and so does what was
/// left out of it alone.
fn read_value(
    value: &mut AttributeValue,
    message: &[u8],
    depth: usize,
    limits: &Limits,
    left_out: &mut u32,
) -> Result<(), Unreadable> {
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        let mut of_this = 0;
        *value = match tag {
            1 => AttributeValue::Text(cut_str(field.text()?, limits.attribute_text_bytes_max).to_owned()),
            2 => AttributeValue::Bool(field.varint()? != 0),
            3 => AttributeValue::Int(field.varint()? as i64),
            4 => AttributeValue::Double(f64::from_bits(field.fixed64()?)),
            5 | 6 if depth == limits.depth_max => {
                field.bytes()?;
                of_this = 1;
                AttributeValue::Empty
            }
            5 => read_list(field, depth + 1, limits, &mut of_this)?,
            6 => read_map(field, depth + 1, limits, &mut of_this)?,
            7 => {
                let bytes = field.bytes()?;
                AttributeValue::Bytes(bytes[..bytes.len().min(limits.attribute_text_bytes_max)].to_vec())
            }
            // An index into a table of strings that only profiles have.
            8 => {
                field.varint()?;
                AttributeValue::Empty
            }
            _ => continue,
        };
        *left_out = of_this;
    }
    Ok(())
}

fn read_list(field: Field<'_>, depth: usize, limits: &Limits, dropped: &mut u32) -> Result<AttributeValue, Unreadable> {
    let mut values = Vec::new();
    let mut fields = Fields::of(field.bytes()?);
    while let Some((tag, field)) = fields.next()? {
        if tag != 1 {
            continue;
        }
        let message = field.bytes()?;
        if values.len() == limits.attributes_max {
            *dropped = dropped.saturating_add(1);
            continue;
        }
        let (mut value, mut left_out) = (AttributeValue::Empty, 0);
        read_value(&mut value, message, depth, limits, &mut left_out)?;
        *dropped = dropped.saturating_add(left_out);
        values.push(value);
    }
    Ok(AttributeValue::List(values))
}

fn read_map(field: Field<'_>, depth: usize, limits: &Limits, dropped: &mut u32) -> Result<AttributeValue, Unreadable> {
    let mut entries = Vec::new();
    let mut fields = Fields::of(field.bytes()?);
    while let Some((tag, field)) = fields.next()? {
        if tag == 1 {
            push_entry(&mut entries, field.bytes()?, depth, limits, dropped)?;
        }
    }
    Ok(AttributeValue::Map(entries))
}
